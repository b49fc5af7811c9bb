/* The public suite "Parsing JSON is a Minefield": y_ files are accepted and n_ files
 * refused in strict mode, and cJSON, which keeps no positions but is someone else's
 * work, reads the same values from what is accepted. Skips where the suite is absent;
 * GPULINT_CORPORA names the folder that holds it. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "front/json.h"

static char folder[4096];

static int find_suite(void **state)
{
    (void)state;
    const char *corpora = getenv("GPULINT_CORPORA");
    snprintf(folder, sizeof folder, "%s/json-test-suite/test_parsing",
             corpora ? corpora : "../shared/corpora");
    return 0;
}

static DIR *open_suite(void)
{
    DIR *dir = opendir(folder);
    if (!dir) {
        print_message("%s is absent: skipped\n", folder);
        skip();
    }
    return dir;
}

static bool load(struct arena *a, const char *name, enum json_mode mode,
                 struct document *doc)
{
    char path[8192];
    struct err err = {""};
    struct source *s = arena_new(a, struct source);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!source_load(s, a, path, LANGUAGE_JSON, &err))
        fail_msg("%s", err.message);
    *doc = (struct document){.source = s};
    if (s->encoding != ENCODING_UTF8)
        return false;
    json_parse(a, doc, mode);
    assert_int_equal(doc->broken, doc->problems.len > 0);
    return !doc->broken;
}

static void the_suite_agrees(void **state)
{
    (void)state;
    DIR *dir = open_suite();
    size_t files = 0, wrong = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        struct arena a = {0};
        struct document doc;
        if (e->d_name[0] == '.')
            continue;
        files++;
        bool ok = load(&a, e->d_name, JSON_STRICT, &doc);
        if ((e->d_name[0] == 'y' && !ok) || (e->d_name[0] == 'n' && ok)) {
            print_error("%s is %s\n", e->d_name, ok ? "accepted" : "refused");
            wrong++;
        }
        /* Lenient takes whatever strict takes. */
        if (ok)
            assert_true(load(&a, e->d_name, JSON_LENIENT, &doc));
        arena_free(&a);
    }
    closedir(dir);
    assert_true(files > 300);
    assert_int_equal(wrong, 0);
}

static bool same(const struct setting *s, const cJSON *c);

static bool same_children(const struct setting *s, const cJSON *c)
{
    const cJSON *child = c->child;
    for (const struct setting *t = s->first; t; t = t->next, child = child->next) {
        if (!child || !same(t, child))
            return false;
        if (s->kind == SETTING_MAP && !str_eq(t->key, str_from(child->string)))
            return false;
    }
    return !child;
}

static bool same(const struct setting *s, const cJSON *c)
{
    double number;
    if (s->kind == SETTING_MAP)
        return cJSON_IsObject(c) && same_children(s, c);
    if (s->kind == SETTING_LIST)
        return cJSON_IsArray(c) && same_children(s, c);
    if (value_number(s->value, &number))
        return cJSON_IsNumber(c) && c->valuedouble == number;
    if (s->value.kind == VALUE_STRING)
        return cJSON_IsString(c) && str_eq(s->text, str_from(c->valuestring));
    if (s->value.kind == VALUE_BOOL)
        return cJSON_IsBool(c) && cJSON_IsTrue(c) == s->value.as.boolean;
    return cJSON_IsNull(c);
}

/* cJSON ends a string at its first NUL; and it refuses half a surrogate pair. */
static bool beyond_cjson(struct str text)
{
    return str_find(text, STR("\\u0000"), 0) != SIZE_MAX;
}

static void cjson_reads_the_same(void **state)
{
    (void)state;
    DIR *dir = open_suite();
    size_t compared = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        struct arena a = {0};
        struct document doc;
        if (e->d_name[0] != '.' && load(&a, e->d_name, JSON_STRICT, &doc)) {
            struct str text = doc.source->text;
            cJSON *c = cJSON_ParseWithLength(text.at, text.len);
            if (c && !beyond_cjson(text)) {
                compared++;
                if (!same(doc.tree.roots.at[0], c))
                    fail_msg("%s: not what cJSON reads", e->d_name);
            }
            cJSON_Delete(c);
        }
        arena_free(&a);
    }
    closedir(dir);
    assert_true(compared > 90);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_suite_agrees),
        cmocka_unit_test(cjson_reads_the_same),
    };
    return cmocka_run_group_tests(tests, find_suite, NULL);
}
