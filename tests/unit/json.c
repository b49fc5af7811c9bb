/* What the JSON front end reads: values, spans, comments, and where it says what is
 * wrong. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "front/json.h"

static struct arena arena;

static struct document *read_as(const char *path, struct str text, enum json_mode mode)
{
    struct source *s = arena_new(&arena, struct source);
    struct document *doc = arena_new(&arena, struct document);
    source_init(s, &arena, str_from(path), text, LANGUAGE_JSON);
    doc->source = s;
    json_parse(&arena, doc, mode);
    return doc;
}

static struct document *read(const char *text)
{
    struct document *doc = read_as("x.json", str_from(text), JSON_LENIENT);
    if (doc->problems.len)
        fail_msg("%s: %.*s", text, STR_ARG(doc->problems.at[0].message));
    return doc;
}

static const struct setting *at(const struct document *doc, const char *path)
{
    for (size_t i = doc->tree.all.len; i-- > 0;)
        if (str_eq(doc->tree.all.at[i]->path, str_from(path)))
            return doc->tree.all.at[i];
    fail_msg("no %s", path);
    return NULL;
}

static void assert_quote(const struct document *doc, struct span span, const char *expected)
{
    struct str got = source_quote(doc->source, span);
    if (!str_eq(got, str_from(expected)))
        fail_msg("got <%.*s>, expected <%s>", STR_ARG(got), expected);
}

static void spans_quote_the_file(void **state)
{
    (void)state;
    struct document *doc = read("\xEF\xBB\xBF{ \"caf\xC3\xA9\" :\t\"\xE4\xB8\xAD\", \"o\": "
                                "{\"l\": [1, -2.5e3 ]} }\r\n");
    assert_quote(doc, at(doc, "caf\xC3\xA9")->key_span, "\"caf\xC3\xA9\"");
    assert_quote(doc, at(doc, "caf\xC3\xA9")->value_span, "\"\xE4\xB8\xAD\"");
    assert_quote(doc, at(doc, "o")->value_span, "{\"l\": [1, -2.5e3 ]}");
    assert_quote(doc, at(doc, "o.l")->value_span, "[1, -2.5e3 ]");
    assert_quote(doc, at(doc, "o.l[1]")->value_span, "-2.5e3");
    assert_int_equal(at(doc, "o.l[1]")->key_span.to, 0);
    assert_int_equal(doc->tree.roots.len, 1);
    assert_int_equal(doc->tree.roots.at[0]->value_span.from, 3);
    assert_int_equal(at(doc, "o")->style, STYLE_FLOW);
    assert_int_equal(at(doc, "caf\xC3\xA9")->style, STYLE_DOUBLE);
    assert_int_equal(at(doc, "o.l[0]")->style, STYLE_PLAIN);
    assert_false(at(doc, "o")->flags & SETTING_MULTILINE);
}

static void strings_are_decoded(void **state)
{
    (void)state;
    struct document *doc = read(
        "{\"a\": \"\\\"\\\\\\/\\b\\f\\n\\r\\t\", \"b\": \"\\u00e9\\u4e2d\\ud83d\\ude00\","
        "\"c\": \"a\\u0000b\", \"d\": \"\\ud83d-\\ude00\", \"\\u006bey\": \"\"}");
    assert_true(str_eq(at(doc, "a")->text, STR("\"\\/\b\f\n\r\t")));
    assert_true(str_eq(at(doc, "b")->text, STR("\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80")));
    assert_true(str_eq(at(doc, "c")->text, (struct str){"a\0b", 3}));
    assert_true(str_eq(at(doc, "d")->text, STR("\xEF\xBF\xBD-\xEF\xBF\xBD")));
    assert_true(str_eq(at(doc, "key")->text, STR("")));
    assert_quote(doc, at(doc, "key")->key_span, "\"\\u006bey\"");
}

static void numbers_and_words_have_their_types(void **state)
{
    (void)state;
    struct document *doc =
        read("[9223372036854775807, 9223372036854775808, 1.0, 1e3, -0, 1e400, true, null,"
             " NaN, -Infinity, "
             "0.00000000000000000000000000000000000000000000000000000000000000000125]");
    const struct value *v = doc->tree.roots.at[0]->value.as.list.at;
    assert_int_equal(doc->tree.roots.at[0]->value.as.list.len, 11);
    assert_true(v[0].kind == VALUE_INT && v[0].as.integer == INT64_MAX);
    assert_true(v[1].kind == VALUE_FLOAT && v[1].as.real == 9223372036854775808.0);
    assert_true(v[2].kind == VALUE_FLOAT && v[2].as.real == 1);
    assert_true(v[3].kind == VALUE_FLOAT && v[3].as.real == 1000);
    assert_true(v[4].kind == VALUE_INT && v[4].as.integer == 0);
    assert_true(v[5].kind == VALUE_FLOAT && isinf(v[5].as.real));
    assert_true(v[6].kind == VALUE_BOOL && v[6].as.boolean);
    assert_int_equal(v[7].kind, VALUE_NULL);
    assert_true(v[8].kind == VALUE_FLOAT && isnan(v[8].as.real));
    assert_true(v[9].kind == VALUE_FLOAT && v[9].as.real < 0 && isinf(v[9].as.real));
    assert_true(v[10].kind == VALUE_FLOAT && v[10].as.real == 1.25e-66);
    assert_true(str_eq(at(doc, "[1]")->text, STR("9223372036854775808")));
}

static void duplicates_are_flagged(void **state)
{
    (void)state;
    struct document *doc =
        read("{\"a\": 1, \"b\": 2, \"\\u0061\": 3, \"a\": 4, \"o\": {\"a\": 5}}");
    const struct setting *s = doc->tree.roots.at[0]->first;
    assert_int_equal(s->flags, SETTING_OVERRIDDEN);
    assert_int_equal(s->next->flags, 0);
    assert_int_equal(s->next->next->flags, SETTING_OVERRIDDEN | SETTING_DUPLICATE);
    assert_int_equal(s->next->next->next->flags, SETTING_DUPLICATE);
    assert_int_equal(at(doc, "o.a")->flags, 0);
    assert_int_equal(setting_child(doc->tree.roots.at[0], STR("a"))->value.as.integer, 4);
}

static void comments_are_kept(void **state)
{
    (void)state;
    struct document *doc =
        read("// top\n{ \"a\": 1, // one\r\n  /* x\n y */\n  \"b\": /* in */ 2,\n}");
    assert_int_equal(doc->comments.len, 4);
    assert_quote(doc, doc->comments.at[0].span, "// top");
    assert_quote(doc, doc->comments.at[1].span, "// one");
    assert_quote(doc, doc->comments.at[2].span, "/* x\n y */");
    assert_quote(doc, doc->comments.at[3].span, "/* in */");
    assert_true(doc->comments.at[0].own_line);
    assert_false(doc->comments.at[1].own_line);
    assert_true(doc->comments.at[2].own_line);
    assert_false(doc->comments.at[3].own_line);
    assert_true(doc->tree.roots.at[0]->flags & SETTING_MULTILINE);
    assert_int_equal(read("{\"a\": \"// no /* comment */\"}")->comments.len, 0);
}

static void trailing_commas_need_json_with_comments(void **state)
{
    (void)state;
    struct str text = STR("{\"a\": [1, 2,],\n}");
    struct document *doc = read_as("x.json", text, JSON_LENIENT);
    assert_int_equal(doc->problems.len, 2);
    assert_quote(doc, doc->problems.at[0].span, ",");
    assert_int_equal(doc->problems.at[0].span.from, 11);
    assert_true(doc->broken);
    assert_int_equal(at(doc, "a[1]")->value.as.integer, 2);
    assert_false(read_as("x.jsonc", text, JSON_LENIENT)->broken);
    assert_false(read_as(".vscode/settings.json", text, JSON_LENIENT)->broken);
    assert_false(read_as("x.json", STR("[1,] // x"), JSON_LENIENT)->broken);
    assert_true(read_as("x.jsonc", text, JSON_STRICT)->broken);
}

static void lines_of_json_are_no_config(void **state)
{
    (void)state;
    struct document *doc = read("{\"lr\": 1}\n{\"lr\": 2}\n");
    assert_int_equal(doc->tree.roots.len, 0);
    assert_int_equal(doc->tree.all.len, 0);
    assert_true(read_as("x.json", STR("{} {}"), JSON_LENIENT)->broken);
    assert_true(read_as("x.json", STR("{}\n,{}"), JSON_LENIENT)->broken);
    assert_true(read_as("x.json", STR("1\n{}"), JSON_LENIENT)->broken);
    assert_true(read_as("x.json", STR("{}\n{}"), JSON_STRICT)->broken);
}

static const struct {
    const char *text, *marked, *message;
} WRONG[] = {
    {"", "", "the file is empty"},
    {" // only\n", "", "the file is empty"},
    {"{\"a\": 1\n \"b\": 2}", "1", "a comma is missing between \"a\""},
    {"[1 2]", "1", "a comma is missing between two values"},
    {"{\"a\": 'x', \"b\": 1}", "'x'", "single quotes are not JSON"},
    {"{'a': 1}", "'a'", "single quotes are not JSON"},
    {"{a: 1}", "a", "a key must stand in double quotes"},
    {"{\"a\": True}", "True", "True is Python; JSON writes true"},
    {"{\"a\": None}", "None", "None is Python; JSON writes null"},
    {"{\"a\": adamw}", "adamw", "a text needs quotes"},
    {"{\"a\": 0x10}", "0x10", "not a JSON number"},
    {"{\"a\": 012}", "012", "not a JSON number"},
    {"{\"a\": .5}", ".5", "not a JSON number"},
    {"{\"a\": 1_000}", "1_000", "not a JSON number"},
    {"{\"a\": \"x", "\"", "unterminated string"},
    {"{\"a\": \"x\n\"}", "\"x", "its line ends before the closing quote"},
    {"{\"p\": \"C:\\data\"}", "\\d", "a backslash is written \\\\"},
    {"{\"p\": \"\\u12g4\"}", "\\u", "four hexadecimal digits"},
    {"{\"p\": \"a\tb\"}", "\t", "\\t"},
    {"{\"a\" 1}", "\"a\"", "expected ':' behind the key"},
    {"{\"a\":}", "}", "expected a value"},
    {"{\"a\": 1,, \"b\": 2}", ",", "expected a key"},
    {"[1,,2]", ",", "a value is missing before ','"},
    {"{\"a\": [1}", "}", "expected ',' or ']'"},
    {"{\"a\": 1]", "]", "expected ',' or '}'"},
    {"{\"a\": 1} x", "x", "text behind the end"},
    {"{\"a\": 1 # c\n}", "#", "expected ',' or '}'"},
    {"{\"a\": [1, 2", "", "the file ends inside an array: ']' is missing"},
    {"{\"a\": /* x", "/*", "the comment is never closed"},
    {"{\"a\": \xE4\xB8\xAD}", "\xE4\xB8\xAD", "not a JSON value"},
    {"{\"a\"; 1}", "\"a\"", "expected ':'"},
    {"{\"a\": 1; \"b\": 2}", ";", "expected ',' or '}'"},
};

static void mistakes_are_marked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        struct document *doc = read_as("x.json", str_from(WRONG[i].text), JSON_LENIENT);
        assert_true(doc->broken);
        assert_int_equal(doc->problems.len, 1);
        const struct finding *f = &doc->problems.at[0];
        if (str_find(f->message, str_from(WRONG[i].message), 0) == SIZE_MAX)
            fail_msg("%s: %.*s", WRONG[i].text, STR_ARG(f->message));
        assert_quote(doc, f->span, WRONG[i].marked);
        assert_int_equal(f->severity, SEVERITY_ERROR);
        assert_true(str_eq(f->code, STR("SYN001")) && str_eq(f->rule, STR("syntax-error")));
    }
}

static void what_came_before_a_mistake_is_kept(void **state)
{
    (void)state;
    struct document *doc =
        read_as("x.json", STR("{\"a\": 1, \"b\": {\"c\": 2, \"c\": 3, \"d\" 4}, \"e\": 5}"),
                JSON_LENIENT);
    assert_int_equal(at(doc, "a")->value.as.integer, 1);
    assert_int_equal(at(doc, "b.c")->value.as.integer, 3);
    assert_true(at(doc, "b.c")->flags & SETTING_DUPLICATE);
    assert_quote(doc, at(doc, "b")->value_span, "{\"c\": 2, \"c\": 3");
    assert_int_equal(doc->tree.all.len, 5);
}

/* N copies of PIECE between HEAD and TAIL. */
static struct str repeated(const char *head, const char *piece, size_t n, const char *tail)
{
    struct buf b = buf_new(&arena);
    buf_cstr(&b, head);
    for (size_t i = 0; i < n; i++)
        buf_cstr(&b, piece);
    buf_cstr(&b, tail);
    return buf_str(&b);
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    char text[2 * SETTING_MAX_DEPTH + 2];
    memset(text, '[', SETTING_MAX_DEPTH);
    memset(text + SETTING_MAX_DEPTH, ']', SETTING_MAX_DEPTH);
    struct str whole = {text, 2 * SETTING_MAX_DEPTH};
    assert_false(read_as("x.json", whole, JSON_LENIENT)->broken);
    memset(text, '[', SETTING_MAX_DEPTH + 1);
    memset(text + SETTING_MAX_DEPTH + 1, ']', SETTING_MAX_DEPTH + 1);
    whole.len += 2;
    struct document *doc = read_as("x.json", whole, JSON_LENIENT);
    assert_int_equal(doc->problems.len, 1);
    assert_int_equal(doc->problems.at[0].span.from, SETTING_MAX_DEPTH);
    /* Siblings are not depth. */
    assert_false(
        read_as("x.json", repeated("[0", ",[{}]", 300, "]"), JSON_LENIENT)->broken);
}

static void large_files_take_linear_time(void **state)
{
    (void)state;
    const struct str texts[] = {
        repeated("", "[", 2000000, ""),
        repeated("[0", ",0", 400000, "]"),
        repeated("{\"k\":0", ",\"k\":{\"a\":[]}", 100000, "}"),
        repeated("{\"a\":\"", "\\u00e9", 300000, "\"}"),
        repeated("[0", "/**/", 400000, "]"),
        repeated("[0", "\n//", 400000, "\n]"),
        repeated("\"", "\\\\", 1000000, ""),
    };
    clock_t start = clock();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        read_as("x.json", texts[i], JSON_LENIENT);
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_quote_the_file),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(numbers_and_words_have_their_types),
        cmocka_unit_test(duplicates_are_flagged),
        cmocka_unit_test(comments_are_kept),
        cmocka_unit_test(trailing_commas_need_json_with_comments),
        cmocka_unit_test(lines_of_json_are_no_config),
        cmocka_unit_test(mistakes_are_marked),
        cmocka_unit_test(what_came_before_a_mistake_is_kept),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(large_files_take_linear_time),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return rc;
}
