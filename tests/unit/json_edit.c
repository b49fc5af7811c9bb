/* Edits of JSON, before and after, byte by byte; each result is read again. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "front/json.h"

static struct arena arena;

static struct document *read(struct str text)
{
    struct source *s = arena_new(&arena, struct source);
    struct document *doc = arena_new(&arena, struct document);
    source_init(s, &arena, STR("x.jsonc"), text, LANGUAGE_JSON);
    doc->source = s;
    json_parse(&arena, doc, JSON_LENIENT);
    return doc;
}

/* The last setting with PATH; "." is the root. */
static const struct setting *at(const struct document *doc, const char *path)
{
    struct str wanted = str_from(strcmp(path, ".") == 0 ? "" : path);
    for (size_t i = doc->tree.all.len; i-- > 0;)
        if (str_eq(doc->tree.all.at[i]->path, wanted))
            return doc->tree.all.at[i];
    fail_msg("no %s", path);
    return NULL;
}

static struct str apply(const struct document *doc, struct edit e)
{
    struct str text = doc->source->text;
    struct buf b = buf_new(&arena);
    buf_add(&b, str_slice(text, 0, e.span.from));
    buf_add(&b, e.text);
    buf_add(&b, str_slice(text, e.span.to, text.len));
    return buf_str(&b);
}

static void assert_text(const char *before, struct str got, const char *expected)
{
    if (!str_eq(got, str_from(expected)))
        fail_msg("\nbefore   <%s>\ngot      <%.*s>\nexpected <%s>", before, STR_ARG(got),
                 expected);
    struct document *doc = read(got);
    if (doc->broken)
        fail_msg("<%.*s>: %.*s", STR_ARG(got), STR_ARG(doc->problems.at[0].message));
}

static void assert_replaced(const char *before, const char *path, struct value v,
                            const char *after)
{
    struct document *doc = read(str_from(before));
    const struct setting *s = at(doc, path);
    const char *why = NULL;
    struct edit e;
    if (!json_edit_replace(&arena, doc, s, v, &e, &why))
        fail_msg("%s: %s", before, why);
    assert_text(before, apply(doc, e), after);
    struct str old_text = s->text;
    const struct setting *now = at(read(str_from(after)), path);
    double number, old;
    /* A number stays in quotes where one was. */
    if (value_number(v, &number) && s->style == STYLE_DOUBLE &&
        str_to_float(old_text, &old))
        assert_true(str_to_float(now->text, &old) && old == number);
    else
        assert_true(value_eq(now->value, v));
}

#define FLOAT(f) VALUE_OF_FLOAT(f)

static void scalars_are_replaced(void **state)
{
    (void)state;
    const char *file = "{\r\n\t\"batch_size\" : 256 , // big\r\n\t\"lr\": 1e-4\r\n}";
    assert_replaced(file, "batch_size", VALUE_OF_INT(128),
                    "{\r\n\t\"batch_size\" : 128 , // big\r\n\t\"lr\": 1e-4\r\n}");
    assert_replaced("{\"a\": \"auto\"}", "a", VALUE_OF_INT(-3), "{\"a\": -3}");
    assert_replaced("{\"a\": \"8\"}", "a", VALUE_OF_INT(16), "{\"a\": \"16\"}");
    assert_replaced("{\"a\": \"1e-4\"}", "a", FLOAT(5e-5), "{\"a\": \"5e-5\"}");
    assert_replaced("{\"a\": false}", "a", VALUE_OF_BOOL(true), "{\"a\": true}");
    assert_replaced("{\"a\": 1}", "a", (struct value){VALUE_NULL, {0}}, "{\"a\": null}");
    assert_replaced("[1, 2]", "[1]", VALUE_OF_INT(3), "[1, 3]");
    assert_replaced("7", ".", VALUE_OF_INT(3), "3");
    assert_replaced("\xEF\xBB\xBF{\"\xC3\xA9\": 1, \"b\": 2}", "b", VALUE_OF_INT(3),
                    "\xEF\xBB\xBF{\"\xC3\xA9\": 1, \"b\": 3}");
}

static void strings_are_escaped(void **state)
{
    (void)state;
    assert_replaced("{\"a\": \"x\"}", "a", VALUE_OF_STR(STR("a\"b\\c\n\t\x01/\xC3\xA9")),
                    "{\"a\": \"a\\\"b\\\\c\\n\\t\\u0001/\xC3\xA9\"}");
    struct str nul = {"a\0b", 3};
    assert_replaced("{\"a\": \"x\"}", "a", VALUE_OF_STR(nul), "{\"a\": \"a\\u0000b\"}");
    assert_replaced("{\"a\": 1}", "a", VALUE_OF_STR(STR("")), "{\"a\": \"\"}");
}

static void floats_keep_their_manner(void **state)
{
    (void)state;
    assert_replaced("{\"a\": 1e-4}", "a", FLOAT(5e-5), "{\"a\": 5e-5}");
    assert_replaced("{\"a\": 1e-04}", "a", FLOAT(5e-5), "{\"a\": 5e-05}");
    assert_replaced("{\"a\": 5E+8}", "a", FLOAT(2.5e8), "{\"a\": 2.5E+8}");
    assert_replaced("{\"a\": 5e8}", "a", FLOAT(2e8), "{\"a\": 2e8}");
    assert_replaced("{\"a\": 1.0e-4}", "a", FLOAT(5e-5), "{\"a\": 5e-5}");
    assert_replaced("{\"a\": 0.001}", "a", FLOAT(0.00005), "{\"a\": 0.00005}");
    assert_replaced("{\"a\": 0.1}", "a", FLOAT(2), "{\"a\": 2.0}");
    assert_replaced("{\"a\": 1}", "a", FLOAT(2), "{\"a\": 2.0}");
    assert_replaced("{\"a\": 1}", "a", FLOAT(0.1 + 0.2), "{\"a\": 0.30000000000000004}");
    assert_replaced("{\"a\": \"auto\"}", "a", FLOAT(1e-5), "{\"a\": 1e-5}");
    assert_replaced("{\"a\": 0.5}", "a", FLOAT(1e300), "{\"a\": 1e300}");
    assert_replaced("{\"a\": 0.5}", "a", FLOAT(5e-324), "{\"a\": 4.94065645841247e-324}");
    assert_replaced("{\"a\": 0.5}", "a", FLOAT(-0.25), "{\"a\": -0.25}");
}

static void lists_keep_their_layout(void **state)
{
    (void)state;
    const struct value items[] = {VALUE_OF_INT(7), VALUE_OF_INT(8), VALUE_OF_INT(9)};
    struct value three = {VALUE_LIST, {.list = {items, 3}}},
                 none = {VALUE_LIST, {.list = {NULL, 0}}};
    assert_replaced("{\"a\": [1, 2]}", "a", three, "{\"a\": [7, 8, 9]}");
    assert_replaced("{\"a\":[1,2]}", "a", three, "{\"a\":[7,8,9]}");
    assert_replaced("{\"a\": [ 1 ]}", "a", three, "{\"a\": [ 7, 8, 9 ]}");
    assert_replaced("{\"a\": [\r\n  1,\r\n  2\r\n]}", "a", three,
                    "{\"a\": [\r\n  7,\r\n  8,\r\n  9\r\n]}");
    assert_replaced("{\"a\": [\n  1\n]}", "a", three, "{\"a\": [\n  7,\n  8,\n  9\n]}");
    assert_replaced("{\"a\": [\n  1,\n  2,\n]}", "a", three,
                    "{\"a\": [\n  7,\n  8,\n  9,\n]}");
    assert_replaced("{\"a\": []}", "a", three, "{\"a\": [7, 8, 9]}");
    assert_replaced("{\"a\": [ 1, 2 ]}", "a", none, "{\"a\": []}");
    assert_replaced("{\"a\": null}", "a", three, "{\"a\": [7, 8, 9]}");
}

static void assert_inserted(const char *before, const char *map, const char *after_path,
                            const char *after)
{
    struct document *doc = read(str_from(before));
    const char *why = NULL;
    struct edit e;
    const struct setting *behind = after_path ? at(doc, after_path) : NULL;
    if (!json_edit_insert(&arena, doc, at(doc, map), behind, STR("new"), VALUE_OF_INT(4),
                          &e, &why))
        fail_msg("%s: %s", before, why);
    assert_text(before, apply(doc, e), after);
    struct document *again = read(str_from(after));
    const struct setting *child = setting_child(at(again, map), STR("new"));
    assert_true(child && value_eq(child->value, VALUE_OF_INT(4)));
    assert_int_equal(again->tree.all.len, doc->tree.all.len + 1);
    assert_false(json_edit_insert(&arena, again, at(again, map), NULL, STR("new"),
                                  VALUE_OF_INT(4), &e, &why));
}

static void keys_are_inserted_line_by_line(void **state)
{
    (void)state;
    assert_inserted("{\n    \"a\": 1,\n    \"b\": 2\n}\n", ".", NULL,
                    "{\n    \"a\": 1,\n    \"b\": 2,\n    \"new\": 4\n}\n");
    assert_inserted("{\n\t\"a\":1,\n\t\"b\":2\n}\n", ".", "a",
                    "{\n\t\"a\":1,\n\t\"new\":4,\n\t\"b\":2\n}\n");
    assert_inserted(
        "{\r\n  \"o\": {\r\n    \"a\": 1\r\n  },\r\n  \"b\": 2\r\n}", "o", NULL,
        "{\r\n  \"o\": {\r\n    \"a\": 1,\r\n    \"new\": 4\r\n  },\r\n  \"b\": 2\r\n}");
    assert_inserted("{\n  \"o\": {\n    \"a\": 1\n  },\n  \"b\": 2\n}", ".", "o",
                    "{\n  \"o\": {\n    \"a\": 1\n  },\n  \"new\": 4,\n  \"b\": 2\n}");
    assert_inserted("{\n  \"a\": 1}", ".", NULL, "{\n  \"a\": 1,\n  \"new\": 4}");
    assert_inserted("{\n  \"a\": 1, \"b\": 2,\n  \"c\": 3\n}", ".", "a",
                    "{\n  \"a\": 1, \"new\": 4, \"b\": 2,\n  \"c\": 3\n}");
    assert_inserted("{\r  \"a\": 1\r}", ".", NULL, "{\r  \"a\": 1,\r  \"new\": 4\r}");
}

static void comments_stay_with_their_values(void **state)
{
    (void)state;
    assert_inserted("{\n  \"a\": 1, // one\n  \"b\": 2 // two\n}", ".", NULL,
                    "{\n  \"a\": 1, // one\n  \"b\": 2, // two\n  \"new\": 4\n}");
    assert_inserted("{\n  \"a\": 1, // one\n  \"b\": 2\n}", ".", "a",
                    "{\n  \"a\": 1, // one\n  \"new\": 4,\n  \"b\": 2\n}");
    assert_inserted(
        "{\n  \"a\": 1 /* one */, // more\n  // of b\n  \"b\": 2\n}", ".", "a",
        "{\n  \"a\": 1 /* one */, // more\n  \"new\": 4,\n  // of b\n  \"b\": 2\n}");
    assert_inserted("{\n  \"a\": 1,\n}", ".", NULL, "{\n  \"a\": 1,\n  \"new\": 4,\n}");
    assert_inserted("{\n  \"a\": 1, // t\n  // end\n}", ".", NULL,
                    "{\n  \"a\": 1, // t\n  \"new\": 4,\n  // end\n}");
    assert_inserted("{\"a\": 1 /* c */, \"b\": 2}", ".", "a",
                    "{\"a\": 1 /* c */, \"new\": 4, \"b\": 2}");
    assert_inserted("{\"a\": 1 /* c */}", ".", NULL, "{\"a\": 1 /* c */, \"new\": 4}");
    assert_inserted("{\"a\": 1 // c\n}", ".", NULL, "{\"a\": 1, // c\n\"new\": 4\n}");
}

static void keys_are_inserted_on_one_line(void **state)
{
    (void)state;
    assert_inserted("{\"a\": 1, \"b\": 2}", ".", NULL, "{\"a\": 1, \"b\": 2, \"new\": 4}");
    assert_inserted("{\"a\":1,\"b\":2}", ".", "a", "{\"a\":1,\"new\":4,\"b\":2}");
    assert_inserted("{\"a\":1}", ".", NULL, "{\"a\":1,\"new\":4}");
    assert_inserted("{ \"a\": 1 }\n", ".", NULL, "{ \"a\": 1, \"new\": 4 }\n");
    assert_inserted("{\"a\": 1,}", ".", NULL, "{\"a\": 1, \"new\": 4,}");
    assert_inserted("{\n  \"o\": {\"t\": \"x\", \"lr\": 1},\n  \"b\": 2\n}", "o", NULL,
                    "{\n  \"o\": {\"t\": \"x\", \"lr\": 1, \"new\": 4},\n  \"b\": 2\n}");
}

static void empty_objects_are_opened(void **state)
{
    (void)state;
    assert_inserted("{}", ".", NULL, "{\"new\": 4}");
    assert_inserted("{ }\n", ".", NULL, "{ \"new\": 4 }\n");
    assert_inserted("{\n}\n", ".", NULL, "{\n    \"new\": 4\n}\n");
    assert_inserted("{\n  \"o\": {},\n  \"b\": 2\n}", "o", NULL,
                    "{\n  \"o\": {\n    \"new\": 4\n  },\n  \"b\": 2\n}");
    assert_inserted("{\r\n\t\"o\": {\r\n\t}\r\n}", "o", NULL,
                    "{\r\n\t\"o\": {\r\n\t\t\"new\": 4\r\n\t}\r\n}");
    assert_inserted("{\"o\": {}}", "o", NULL, "{\"o\": {\"new\": 4}}");
    assert_inserted("{ // none yet\n}", ".", NULL, "{ // none yet\n    \"new\": 4\n}");
    assert_inserted("{\n  /* a */\n  // b\n}", ".", NULL,
                    "{\n  /* a */\n  // b\n  \"new\": 4\n}");
    assert_inserted("{/* x */}", ".", NULL, "{/* x */ \"new\": 4}");
}

static void columns_and_leading_commas_are_kept(void **state)
{
    (void)state;
    assert_inserted("{\n  \"lr\":      1,\n  \"epochs\":  2\n}", ".", NULL,
                    "{\n  \"lr\":      1,\n  \"epochs\":  2,\n  \"new\":     4\n}");
    assert_inserted("{\n  \"lr\":    1\n}", ".", NULL,
                    "{\n  \"lr\":    1,\n  \"new\": 4\n}");
    assert_inserted("{\n  \"lra\"    : 1,\n  \"lrb\"    : 2\n}", ".", NULL,
                    "{\n  \"lra\"    : 1,\n  \"lrb\"    : 2,\n  \"new\"    : 4\n}");
    assert_inserted(
        "{\n  \"lra\":    1,\n  \"lrbc\":   2,\n  \"x\":      3\n}", ".", NULL,
        "{\n  \"lra\":    1,\n  \"lrbc\":   2,\n  \"x\":      3,\n  \"new\":    4\n}");
    assert_inserted("{\n  \"a\": 1 // one\n  , \"b\": 2 // two\n}", ".", NULL,
                    "{\n  \"a\": 1 // one\n  , \"b\": 2 // two\n  , \"new\": 4\n}");
    assert_inserted("{\n  \"a\": 1 // one\n  , \"b\": 2\n}", ".", "a",
                    "{\n  \"a\": 1 // one\n  , \"new\": 4\n  , \"b\": 2\n}");
}

static void assert_removed(const char *before, const char *path, const char *after)
{
    struct document *doc = read(str_from(before));
    const char *why = NULL;
    struct edit e;
    if (!json_edit_remove(&arena, doc, at(doc, path), &e, &why))
        fail_msg("%s: %s", before, why);
    assert_text(before, apply(doc, e), after);
}

static void keys_are_removed_with_their_comma(void **state)
{
    (void)state;
    const char *three = "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}\n";
    assert_removed(three, "a", "{\n  \"b\": 2,\n  \"c\": 3\n}\n");
    assert_removed(three, "b", "{\n  \"a\": 1,\n  \"c\": 3\n}\n");
    assert_removed(three, "c", "{\n  \"a\": 1,\n  \"b\": 2\n}\n");
    assert_removed("{\"a\": 1, \"b\": 2, \"c\": 3}", "a", "{\"b\": 2, \"c\": 3}");
    assert_removed("{\"a\": 1, \"b\": 2, \"c\": 3}", "b", "{\"a\": 1, \"c\": 3}");
    assert_removed("{\"a\": 1, \"b\": 2, \"c\": 3 }", "c", "{\"a\": 1, \"b\": 2 }");
    assert_removed("{\"a\":1,\"b\":2}", "b", "{\"a\":1}");
    assert_removed("{\n  \"a\": 1, \"b\": 2,\n  \"c\": 3\n}", "b",
                   "{\n  \"a\": 1,\n  \"c\": 3\n}");
    assert_removed("{\n  \"a\": 1, \"b\": 2,\n  \"c\": 3\n}", "a",
                   "{\n  \"b\": 2,\n  \"c\": 3\n}");
    assert_removed("{\n  \"a\": 1,\n  \"b\": 2}", "b", "{\n  \"a\": 1}");
    assert_removed("{\r\n  \"a\": 1,\r\n  \"b\": {\r\n    \"c\": 2\r\n  }\r\n}", "b",
                   "{\r\n  \"a\": 1\r\n}");
    assert_removed("{\r\n  \"a\": 1,\r\n  \"b\": 2\r\n}", "a", "{\r\n  \"b\": 2\r\n}");
    assert_removed("{\r  \"a\": 1,\r  \"b\": 2\r}", "a", "{\r  \"b\": 2\r}");
    assert_removed("[1, 2, 3]", "[1]", "[1, 3]");
}

static void the_only_key_leaves_an_empty_object(void **state)
{
    (void)state;
    assert_removed("{\"a\": 1}", "a", "{}");
    assert_removed("{\n  \"o\": {\n    \"a\": 1\n  }\n}", "o.a", "{\n  \"o\": {}\n}");
    assert_removed("{\n  \"a\": 1,\n}", "a", "{}");
    assert_removed("{\n  // why\n  \"a\": 1 // one\n}", "a", "{\n  // why\n}");
    assert_removed("{ \"a\": 1, /* x */ }", "a", "{  }");
}

static void removing_keeps_the_comments_of_others(void **state)
{
    (void)state;
    assert_removed("{\n  \"a\": 1, // one\n  \"b\": 2 // two\n}", "b",
                   "{\n  \"a\": 1 // one\n}");
    assert_removed("{\n  \"a\": 1, // one\n  // of b\n  \"b\": 2, // two\n  \"c\": 3\n}",
                   "b", "{\n  \"a\": 1, // one\n  // of b\n  \"c\": 3\n}");
    assert_removed("{\n  \"a\": 1, // one\n  \"b\": 2}", "b", "{\n  \"a\": 1 // one\n  }");
    assert_removed("{\n  \"a\": 1, // one\n  \"b\": 2, // two\n}", "b",
                   "{\n  \"a\": 1, // one\n}");
    assert_removed("{\"a\": 1, /* b? */ \"b\": 2}", "b", "{\"a\": 1 /* b? */ }");
    assert_removed("{\n  \"a\": 1 // one\n  , \"b\": 2 // two\n  , \"c\": 3\n}", "b",
                   "{\n  \"a\": 1 // one\n  , \"c\": 3\n}");
    assert_removed("{\n  \"a\": 1 // one\n  , \"b\": 2 // two\n}", "b",
                   "{\n  \"a\": 1 // one\n}");
    assert_removed("{\n  \"a\": 1 // one\n  , \"b\": 2\n}", "a", "{\n  \"b\": 2\n}");
}

static void assert_refused(bool done, const char *const *why, const char *expected)
{
    assert_false(done);
    assert_non_null(*why);
    if (!strstr(*why, expected))
        fail_msg("refused with: %s", *why);
}

static void what_is_unsafe_is_refused(void **state)
{
    (void)state;
    struct edit e;
    const char *why = NULL;
    struct document *doc =
        read(STR("{\"a\": 1, \"a\": {\"b\": 1}, \"l\": [1, {}], \"c\": [1 /* */]}"));
    const struct setting *root = doc->tree.roots.at[0], *first = root->first;
    struct value one = VALUE_OF_INT(1), list = {VALUE_LIST, {.list = {&one, 1}}};
    assert_refused(json_edit_replace(&arena, doc, first, one, &e, &why), &why, "duplicate");
    assert_refused(json_edit_replace(&arena, doc, first->next, one, &e, &why), &why,
                   "object");
    assert_refused(json_edit_remove(&arena, doc, first->next, &e, &why), &why, "duplicate");
    assert_true(json_edit_remove(&arena, doc, first, &e, &why));
    assert_refused(json_edit_replace(&arena, doc, at(doc, "l"), list, &e, &why), &why,
                   "plain");
    assert_refused(json_edit_replace(&arena, doc, at(doc, "c"), list, &e, &why), &why,
                   "comment");
    assert_refused(
        json_edit_replace(&arena, doc, at(doc, "l[0]"), VALUE_OF_FLOAT(NAN), &e, &why), &why,
        "no way to write");
    assert_false(json_edit_replace(&arena, doc, at(doc, "l[0]"), VALUE_NOTHING, &e, NULL));
    assert_refused(json_edit_remove(&arena, doc, root, &e, &why), &why, "whole document");
    assert_refused(
        json_edit_insert(&arena, doc, at(doc, "l"), NULL, STR("k"), one, &e, &why), &why,
        "no object");
    doc = read(STR("{\"a\": 1"));
    root = doc->tree.roots.at[0];
    assert_refused(json_edit_replace(&arena, doc, root->first, one, &e, &why), &why,
                   "syntax");
    assert_refused(json_edit_remove(&arena, doc, root->first, &e, &why), &why, "syntax");
    assert_refused(json_edit_insert(&arena, doc, root, NULL, STR("k"), one, &e, &why), &why,
                   "syntax");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_are_replaced),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(floats_keep_their_manner),
        cmocka_unit_test(lists_keep_their_layout),
        cmocka_unit_test(keys_are_inserted_line_by_line),
        cmocka_unit_test(comments_stay_with_their_values),
        cmocka_unit_test(keys_are_inserted_on_one_line),
        cmocka_unit_test(empty_objects_are_opened),
        cmocka_unit_test(columns_and_leading_commas_are_kept),
        cmocka_unit_test(keys_are_removed_with_their_comma),
        cmocka_unit_test(the_only_key_leaves_an_empty_object),
        cmocka_unit_test(removing_keeps_the_comments_of_others),
        cmocka_unit_test(what_is_unsafe_is_refused),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return rc;
}
