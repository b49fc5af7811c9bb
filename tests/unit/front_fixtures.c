/* Whole files, and beside each what is read of it, in words:
 * fixtures/front/LANGUAGE/CASE/in.* and `settings`. With ACCEPT=1 in the environment the
 * expectations are written anew. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "front/front.h"
#include "loader.h"

static const struct front_case {
    const char *folder, *file;
    enum language language;
    enum loader loader;
} FRONTS[] = {
    {"fixtures/front/yaml", "in.yaml", LANGUAGE_YAML, LOADER_PYYAML},
    {"fixtures/front/json", "in.json", LANGUAGE_JSON, LOADER_JSON},
    {"fixtures/front/python", "in.py", LANGUAGE_PYTHON, LOADER_PYTHON},
    {"fixtures/front/shell", "in.sh", LANGUAGE_SHELL, LOADER_SHELL},
    {"fixtures/front/make", "Makefile", LANGUAGE_SHELL, LOADER_SHELL},
    {"fixtures/front/docker", "Dockerfile", LANGUAGE_SHELL, LOADER_SHELL},
    {"fixtures/front/dotenv", ".env", LANGUAGE_SHELL, LOADER_SHELL},
    {"fixtures/front/toml", "in.toml", LANGUAGE_TOML, LOADER_TOML},
    {"fixtures/front/notebook", "in.ipynb", LANGUAGE_NOTEBOOK, LOADER_PYTHON},
};

static void add_quoted(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '\n' || s.at[i] == '\r')
            buf_cstr(b, s.at[i] == '\n' ? "\\n" : "\\r");
        else
            buf_byte(b, s.at[i]);
    }
}

static void add_setting(struct buf *b, const struct source *source, const struct setting *s)
{
    static const char *const kinds[] = {"scalar", "map", "list"};
    static const char *const styles[] = {"",         " plain",  " single", " double",
                                         " literal", " folded", " flow",   " code"};
    static const char *const flags[] = {
        " alias",     " anchored",   " merge",     " tagged", " overridden",
        " duplicate", " positional", " annotated", "",        " local",
        "",           " conditional"};
    static const char *const shapes[] = {"",       " dict",      " call",
                                         " class", " signature", " options",
                                         " env",   " module",    " command"};
    buf_printf(b, "%s %.*s: %s%s%s", s->parent ? "-" : "document", STR_ARG(s->path),
               kinds[s->kind], shapes[s->shape], styles[s->style]);
    for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++)
        if (s->flags & 1u << i)
            buf_cstr(b, flags[i]);
    if (s->name.len)
        buf_printf(b, " %.*s", STR_ARG(s->name));
    if (s->tag.len)
        buf_printf(b, " %.*s", STR_ARG(s->tag));
    if (s->kind == SETTING_SCALAR) {
        buf_printf(b, ", %s", value_kind_name(s->value.kind));
        if (s->why)
            buf_printf(b, " (%s)", s->why);
        if (s->value_span.from < s->value_span.to)
            buf_cstr(b, ", ");
        add_quoted(b, source_quote(source, s->value_span));
    }
    buf_byte(b, '\n');
}

static void add_block(struct buf *b, struct source *source, const struct block *block)
{
    static const char *const kinds[] = {
        "module",     "class",      "function",  "loop",     "batch-loop",
        "epoch-loop", "validation", "no-grad",   "autocast", "dataset",
        "getitem",    "main-guard", "lightning", "branch"};
    static const char *const ways[] = {" taken", " left", " else"};
    uint32_t last = block->span.to > block->span.from ? block->span.to - 1 : 0;
    buf_printf(b, "block %u-%u:", source_place(source, block->span.from).line,
               source_place(source, last).line);
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (block->kinds & 1u << i)
            buf_printf(b, " %s", kinds[i]);
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++)
        if (block->branch & 1u << i)
            buf_cstr(b, ways[i]);
    if (block->name.len)
        buf_printf(b, " %.*s", STR_ARG(block->name));
    buf_byte(b, '\n');
}

static struct str describe(struct arena *a, struct source *source, enum loader loader)
{
    struct buf b = buf_new(a);
    struct document doc;
    front_parse(a, source, &doc);
    loader_apply(loader, a, &doc.tree);
    for (size_t i = 0; i < doc.tree.all.len; i++)
        add_setting(&b, source, doc.tree.all.at[i]);
    for (size_t i = 0; i < doc.blocks.len; i++)
        add_block(&b, source, &doc.blocks.at[i]);
    for (size_t i = 0; i < doc.comments.len; i++) {
        const struct comment *c = &doc.comments.at[i];
        struct str text = source_quote(source, c->span);
        buf_printf(&b, "comment %s: %.*s\n", c->own_line ? "alone" : "behind",
                   STR_ARG(text));
    }
    for (size_t i = 0; i < doc.problems.len; i++) {
        const struct finding *f = &doc.problems.at[i];
        struct place p = source_place(source, f->span.from);
        buf_printf(&b, "problem %u:%u: %.*s\n", p.line, p.column, STR_ARG(f->message));
    }
    return buf_str(&b);
}

static void accept(const char *path, struct str text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fwrite(text.at, 1, text.len, f);
    assert_int_equal(fclose(f), 0);
}

static void run_case(const struct front_case *front, const char *name)
{
    struct arena a = {0};
    struct source source, wanted;
    struct err err;
    const char *in = arena_printf(&a, "%s/%s/%s", front->folder, name, front->file).at;
    const char *expect = arena_printf(&a, "%s/%s/settings", front->folder, name).at;
    if (!source_load(&source, &a, in, front->language, &err))
        fail_msg("%s", err.message);
    struct str got = describe(&a, &source, front->loader);
    if (getenv("ACCEPT"))
        accept(expect, got);
    if (!source_load(&wanted, &a, expect, LANGUAGE_NONE, &err))
        fail_msg("%s", err.message);
    if (!str_eq(got, wanted.text))
        fail_msg("%s: got\n%.*s", expect, STR_ARG(got));
    arena_free(&a);
}

static void read_folder(const struct front_case *front)
{
    DIR *dir = opendir(front->folder);
    size_t cases = 0;
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        run_case(front, e->d_name);
        cases++;
    }
    closedir(dir);
    assert_true(cases > 1);
}

static void files_are_read_as_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof FRONTS / sizeof *FRONTS; i++)
        read_folder(&FRONTS[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_are_read_as_expected)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
