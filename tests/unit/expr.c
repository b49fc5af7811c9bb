/* The expression language: precedence, unknowns, functions, phrases, and that no text
 * breaks the compiler. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "expr.h"
#include "match.h"
#include "banned.h"

static struct arena arena;

/* n = 7, r = 0.5, s = "bf16", t = true, list = [1, 2, u], none = null; u is unknown. */
static struct value ask(const void *context, enum expr_question question, struct str name)
{
    static const struct value items[] = {
        {VALUE_INT, {.integer = 1}}, {VALUE_INT, {.integer = 2}}, {VALUE_UNKNOWN, {0}}};
    (void)context;
    if (question == EXPR_ORIGIN)
        return str_eq(name, STR("d"))   ? VALUE_OF_STR(STR("default"))
               : str_eq(name, STR("n")) ? VALUE_OF_STR(STR("explicit"))
                                        : VALUE_NOTHING;
    if (question == EXPR_KEY)
        return VALUE_OF_STR(str_eq(name, STR("n")) ? STR("train.n") : name);
    if (question == EXPR_TEXT)
        return VALUE_OF_STR(STR("0x7"));
    if (str_eq(name, STR("n")))
        return VALUE_OF_INT(7);
    if (str_eq(name, STR("r")))
        return VALUE_OF_FLOAT(0.5);
    if (str_eq(name, STR("s")))
        return VALUE_OF_STR(STR("bf16"));
    if (str_eq(name, STR("t")))
        return VALUE_OF_BOOL(true);
    if (str_eq(name, STR("none")))
        return (struct value){.kind = VALUE_NULL};
    if (str_eq(name, STR("list"))) {
        struct value v = {.kind = VALUE_LIST};
        v.as.list.at = items;
        v.as.list.len = 3;
        return v;
    }
    return VALUE_NOTHING;
}

static const struct expr_scope SCOPE = {ask, NULL};

static const char *run(const char *text)
{
    struct expr e;
    struct err err = {""};
    size_t offset = 0;
    struct buf b = buf_new(&arena);
    if (!expr_compile(&arena, str_from(text), &e, &offset, &err))
        return arena_printf(&arena, "%zu: %s", offset, err.message).at;
    value_print(&b, expr_eval(&arena, &e, &SCOPE));
    return arena_str(&arena, buf_str(&b)).at;
}

struct expectation {
    const char *text, *result;
};

static void check_all(const struct expectation *e, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *got = run(e[i].text);
        if (strcmp(got, e[i].result) != 0)
            fail_msg("%s gave %s, not %s", e[i].text, got, e[i].result);
    }
}

#define CHECK_ALL(table) check_all(table, sizeof(table) / sizeof *(table))

static void test_arithmetic(void **state)
{
    static const struct expectation cases[] = {
        {"1 + 2 * 3", "7"},
        {"(1 + 2) * 3", "9"},
        {"7 // 2", "3"},
        {"-7 // 2", "-4"},
        {"-7 % 4", "1"},
        {"7 % -4", "-1"},
        {"7 / 2", "3.5"},
        {"8 / 2", "4"},
        {"10 - 3 - 2", "5"},
        {"--3", "3"},
        {"2 * -3", "-6"},
        {"1e-5", "1e-05"},
        {".5 + .25", "0.75"},
        {"1_000", "1000"},
        {"1 / 0", "unknown"},
        {"1 // 0", "unknown"},
        {"1 % 0", "unknown"},
        {"1.5 // 1", "1"},
        {"9223372036854775807 + 1", "unknown"},
        {"u + 1", "unknown"},
        {"-9223372036854775807 - 1", "-9223372036854775808"},
        {"t + 1", "unknown"},
        {"(-9223372036854775807 - 1) // -1", "unknown"},
        {"'a' + 'b'", "ab"},
        {"'a' + 1", "a1"},
        {"n * r", "3.5"},
        {"1e308 * 10", "unknown"},
        {"9223372036854775807 * 2", "unknown"},
    };
    (void)state;
    CHECK_ALL(cases);
}

static void test_logic(void **state)
{
    static const struct expectation cases[] = {
        {"true and u", "unknown"},    {"false and u", "false"},
        {"u and false", "false"},     {"true or u", "true"},
        {"u or true", "true"},        {"u or false", "unknown"},
        {"not u", "unknown"},         {"not n", "unknown"},
        {"not not true", "true"},     {"not n == 8", "true"},
        {"n > 3 and n < 9", "true"},  {"true or false and false", "true"},
        {"u == u", "unknown"},        {"u != 1", "unknown"},
        {"null == null", "true"},     {"none == null", "true"},
        {"n == null", "false"},       {"null < 1", "unknown"},
        {"2 == 2.0", "true"},         {"'2' == 2", "false"},
        {"'a' < 'b'", "true"},        {"'2.10' > '2.9'", "true"},
        {"'2.9.1' >= '2.9'", "true"}, {"'2.6.0' < '2.10'", "true"},
        {"'a' < 1", "unknown"},       {"3 in [1, 2]", "false"},
        {"2 in [1, 2]", "true"},      {"3 in list", "unknown"},
        {"2 in list", "true"},        {"2 not in list", "false"},
        {"'f1' in s", "true"},        {"'x' not in s", "true"},
        {"u in [1]", "unknown"},      {"1 in u", "unknown"},
        {"[1, n] == [1, 7]", "true"}, {"s in ['bf16', 'fp16']", "true"},
    };
    (void)state;
    CHECK_ALL(cases);
}

static void test_functions(void **state)
{
    static const struct expectation cases[] = {
        {"known(n)", "true"},
        {"unknown(u)", "true"},
        {"known(u)", "false"},
        {"default(d)", "true"},
        {"default(n)", "false"},
        {"explicit(n)", "true"},
        {"explicit(u)", "false"},
        {"key(n)", "train.n"},
        {"key(u)", "u"},
        {"value(n)", "0x7"},
        {"min(3, 2.5)", "2.5"},
        {"max(1, n, 3)", "7"},
        {"min(1, u)", "unknown"},
        {"floor(-1.5)", "-2"},
        {"ceil(1.2)", "2"},
        {"round(0.666, 2)", "0.67"},
        {"round(2.5)", "3"},
        {"abs(-3)", "3"},
        {"floor_pow2(100)", "64"},
        {"ceil_pow2(100)", "128"},
        {"floor_pow2(0.5)", "unknown"},
        {"ceil_pow2(0.5)", "1"},
        {"floor_pow2(64)", "64"},
        {"divides(4, 12)", "true"},
        {"divides(5, 12)", "false"},
        {"divides(0, 12)", "unknown"},
        {"contains([1, 2], 2)", "true"},
        {"contains('abc', 'bc')", "true"},
        {"matches('abc', '^a.c$')", "true"},
        {"matches(u, 'a')", "unknown"},
        {"starts(s, 'bf')", "true"},
        {"lower('AbC')", "abc"},
        {"'it''s'", "it's"},
        {"'[''\"]x'", "['\"]x"},
        {"'a\\'b\\d'", "a'b\\d"},
        {"'' + 'x'", "x"},
        {"len('abc')", "3"},
        {"len([1, 2])", "2"},
        {"only([3])", "3"},
        {"only(4)", "4"},
        {"only([1, 2])", "unknown"},
        {"sub('max_split:128', '(\\w+):(\\d+)', '$2-$1')", "128-max_split"},
        {"sub('abc', 'x', 'y')", "abc"},
        {"gib(9126805504)", "8.5 GiB"},
        {"count(6738415616)", "6,738,415,616"},
        {"count(-1234)", "-1,234"},
        {"plural(1, 'worker')", "1 worker"},
        {"plural(4, 'worker')", "4 workers"},
        {"plural(2, 'batch')", "2 batches"},
        {"plural(0, 'copy')", "0 copies"},
        {"join('ResNet', '-', 50, if(true, '-d', ''))", "ResNet-50-d"},
        {"join('x')", "x"},
        {"if(true, 1, u)", "1"},
        {"if(u, 1, 2)", "unknown"},
        {"if(n == 7, 'a', 'b')", "a"},
        {"coalesce(u, null, 1)", "null"},
        {"coalesce(u, u)", "unknown"},
        {"union([1, 2], [2, 3])", "[1, 2, 3]"},
        {"intersect([1, 2], [2, 3])", "[2]"},
        {"minus([1, 2], [2, 3])", "[1]"},
        {"union(list, [1])", "unknown"},
        {"[]", "[]"},
    };
    (void)state;
    CHECK_ALL(cases);
}

static void test_mistakes(void **state)
{
    static const struct expectation cases[] = {
        {"", "0: an empty expression"},
        {"1 +", "3: the expression ends where something is missing: 'a value'"},
        {"(1", "2: the expression ends where something is missing: ')'"},
        {"1 2", "2: unexpected '2'"},
        {"foo(1)", "0: there is no function called 'foo'"},
        {"min()", "0: wrong number of arguments to 'min'"},
        {"if(1, 2)", "0: wrong number of arguments to 'if'"},
        {"key(1)", "4: unexpected '1'"},
        {"a < b < c", "6: comparisons do not chain; write `a < b and b < c`"},
        {"a = b", "2: unexpected '='"},
        {"'abc", "0: text without its closing quote"},
        {"1 not 2", "6: unexpected '2'"},
        {"99999999999999999999",
         "0: not a number that can be held: '99999999999999999999'"},
        {"and", "0: unexpected 'and'"},
    };
    (void)state;
    CHECK_ALL(cases);
    assert_non_null(strstr(run("matches(s, '(')"), "in a regular expression"));
    assert_non_null(strstr(run("matches(lower(s), '(')"), "in a regular expression"));
    assert_non_null(strstr(run("sub(s, '(', '')"), "in a regular expression"));
}

static const char *render(const char *text)
{
    struct phrase p;
    struct err err = {""};
    size_t offset = 0;
    if (!phrase_compile(&arena, str_from(text), &p, &offset, &err))
        return arena_printf(&arena, "%zu: %s", offset, err.message).at;
    return phrase_render(&arena, &p, &SCOPE).at;
}

static void test_phrases(void **state)
{
    (void)state;
    assert_string_equal(render(""), "");
    assert_string_equal(render("plain"), "plain");
    assert_string_equal(render("{key(n)} {n} of {{x}}"), "train.n 7 of {x}");
    assert_string_equal(render("{if(n > 3, 'a}b', '')}!"), "a}b!");
    assert_string_equal(render("{3 / 4} {1e-5} {17 / 2} {8 / 2} {1 / 3}"),
                        "0.75 1e-05 8.5 4 0.333333");
    assert_string_equal(render("{['a', 'b']}"), "a, b");
    assert_string_equal(render("{u}"), "unknown");
    assert_string_equal(render("a {1 +} b"),
                        "6: the expression ends where something is missing: 'a value'");
    assert_string_equal(render("a { b"), "2: '{' without its '}'; write '{{' for a brace");
    assert_string_equal(render("a } b"), "2: '}' without its '{'; write '}}' for a brace");
}

static void test_depth_and_size(void **state)
{
    struct buf b = buf_new(&arena);
    (void)state;
    buf_repeat(&b, '(', 100000);
    buf_cstr(&b, "1");
    assert_non_null(strstr(run(arena_str(&arena, buf_str(&b)).at), "nested too deeply"));
    b = buf_new(&arena);
    buf_cstr(&b, "1");
    for (int i = 0; i < 100000; i++)
        buf_cstr(&b, " + 1");
    assert_non_null(strstr(run(arena_str(&arena, buf_str(&b)).at), "too long"));
    b = buf_new(&arena);
    for (int i = 0; i < 20000; i++)
        buf_cstr(&b, "not ");
    buf_cstr(&b, "true");
    assert_string_equal(run(arena_str(&arena, buf_str(&b)).at), "true");
    b = buf_new(&arena);
    for (int i = 0; i < 60; i++)
        buf_cstr(&b, "[1,1,1,1,1,n,");
    assert_non_null(strstr(run(arena_str(&arena, buf_str(&b)).at), "too long"));
}

static void test_random_text(void **state)
{
    static const char *const bits[] = {
        "n",      "u",           "s",      "1",    "2.5",  "'a'",  "\"",
        "(",      ")",           "[",      "]",    ",",    "+",    "-",
        "*",      "/",           "//",     "%",    "==",   "<",    ">=",
        " in ",   " not ",       " and ",  " or ", "if(",  "min(", "key(",
        "{",      "}",           "known(", "list", "gib(", "sub(", "matches(",
        "round(", "floor_pow2(", "union(", "null", "true", "\\",   "."};
    unsigned seed = 12345;
    (void)state;
    for (int i = 0; i < 60000; i++) {
        struct arena_mark mark = arena_mark(&arena);
        struct buf b = buf_new(&arena);
        for (unsigned n = seed % 17; n > 0; n--) {
            seed = seed * 1103515245u + 12345u;
            unsigned pick = seed >> 16;
            if (pick % 11 == 0)
                buf_byte(&b, (char)(seed >> 20));
            else
                buf_cstr(&b, bits[pick % (sizeof bits / sizeof *bits)]);
        }
        seed = seed * 1103515245u + 12345u;
        struct phrase p;
        struct expr e;
        size_t offset = 0;
        struct err err;
        struct str text = arena_str(&arena, buf_str(&b));
        if (expr_compile(&arena, text, &e, &offset, &err))
            expr_eval(&arena, &e, &SCOPE);
        else
            assert_true(offset <= text.len);
        if (phrase_compile(&arena, text, &p, &offset, &err))
            phrase_render(&arena, &p, &SCOPE);
        else
            assert_true(offset <= text.len);
        arena_release(&arena, mark);
    }
}

static int done(void **state)
{
    (void)state;
    arena_free(&arena);
    match_free_all();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic),  cmocka_unit_test(test_logic),
        cmocka_unit_test(test_functions),   cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_phrases),     cmocka_unit_test(test_depth_and_size),
        cmocka_unit_test(test_random_text),
    };
    return cmocka_run_group_tests_name("expr", tests, NULL, done);
}
