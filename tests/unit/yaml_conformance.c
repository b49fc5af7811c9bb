/* The YAML test suite against the front end. Where the folder is absent, it says so and
 * skips. A case that we judge otherwise than the suite must be one that plain libyaml
 * judges so, too, and stand in yaml_conformance.known: nothing is excused in silence. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include <yaml.h>

#include "front/front.h"

struct counts {
    size_t cases, agreed, differed;
    struct str known;
};

static struct arena arena;

static bool libyaml_accepts(struct str text)
{
    yaml_parser_t parser;
    bool ok = true, end = false;
    assert_true(yaml_parser_initialize(&parser));
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.at, text.len);
    while (ok && !end) {
        yaml_event_t event;
        ok = yaml_parser_parse(&parser, &event);
        end = ok && event.type == YAML_STREAM_END_EVENT;
        if (ok)
            yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return ok;
}

static bool we_accept(struct source *source)
{
    struct document doc;
    front_parse(&arena, source, &doc);
    for (size_t i = 0; i < doc.tree.all.len; i++) {
        struct span v = doc.tree.all.at[i]->value_span;
        assert_true(v.from <= v.to && v.to <= source->text.len);
    }
    assert_int_equal(doc.broken, doc.problems.len > 0);
    return !doc.broken;
}

static bool is_listed(struct str list, struct str line)
{
    struct str whole = arena_printf(&arena, "\n%.*s\n", STR_ARG(line));
    return str_find(arena_printf(&arena, "\n%.*s\n", STR_ARG(list)), whole, 0) != SIZE_MAX;
}

static void run_case(const char *folder, const char *name, struct counts *c)
{
    struct source source;
    struct err err;
    struct stat st;
    struct arena_mark mark = arena_mark(&arena);
    const char *path = arena_printf(&arena, "%s/%s/in.yaml", folder, name).at;
    if (!source_load(&source, &arena, path, LANGUAGE_YAML, &err))
        return;
    bool must_refuse = stat(arena_printf(&arena, "%s/%s/error", folder, name).at, &st) == 0;
    bool accepted = we_accept(&source);
    c->cases++;
    if (accepted != libyaml_accepts(source.text)) {
        print_error("%s: libyaml itself judges otherwise\n", name);
        fail();
    }
    struct str line =
        arena_printf(&arena, "%s %s", name, must_refuse ? "accepted" : "refused");
    bool differs = accepted == must_refuse, listed = is_listed(c->known, line);
    if (differs != listed) {
        print_error("%s: %s, and is %sin yaml_conformance.known\n", name,
                    accepted ? "accepted" : "refused", listed ? "" : "not ");
        fail();
    }
    c->differed += differs;
    c->agreed += !differs;
    arena_release(&arena, mark);
}

static void run_folder(const char *folder, const char *prefix, struct counts *c, int depth)
{
    DIR *dir = opendir(arena_printf(&arena, "%s/%s", folder, prefix).at);
    if (!dir)
        return;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        const char *name =
            *prefix ? arena_printf(&arena, "%s/%s", prefix, e->d_name).at : e->d_name;
        run_case(folder, name, c);
        if (depth)
            run_folder(folder, name, c, depth - 1);
    }
    closedir(dir);
}

static void the_suite_is_judged_as_known(void **state)
{
    (void)state;
    const char *corpora = getenv("GPULINT_CORPORA");
    const char *folder =
        arena_printf(&arena, "%s/yaml-test-suite", corpora ? corpora : "../shared/corpora")
            .at;
    struct counts c = {0};
    struct source known;
    struct err err;
    struct stat st;
    if (stat(folder, &st) != 0) {
        print_message("skipped: no %s (set GPULINT_CORPORA)\n", folder);
        arena_free(&arena);
        skip();
    }
    if (!source_load(&known, &arena, "tests/unit/yaml_conformance.known", LANGUAGE_YAML,
                     &err))
        fail_msg("%s", err.message);
    c.known = known.text;
    run_folder(folder, "", &c, 1);
    print_message("%zu cases, %zu as the suite wants, %zu known differences of libyaml\n",
                  c.cases, c.agreed, c.differed);
    assert_true(c.cases > 300);
    /* A listed case that is not there any more would excuse nothing. */
    size_t listed = 0;
    for (size_t i = 0; i < known.text.len; i++)
        listed += (i == 0 || known.text.at[i - 1] == '\n') && known.text.at[i] != '#';
    assert_int_equal(c.differed, listed);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_suite_is_judged_as_known)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
