/* Each case is a text, an edit and the text that shall come of it, or why it is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "front/front.h"
#include "loader.h"

static struct arena arena;
static struct source source;
static struct document doc;

static int start(void **state)
{
    (void)state;
    arena = (struct arena){0};
    return 0;
}

static int stop(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void parse(const char *text)
{
    source_init(&source, &arena, STR("t.yaml"), arena_str(&arena, str_from(text)),
                LANGUAGE_YAML);
    front_parse(&arena, &source, &doc);
}

static const struct setting *at(const char *path)
{
    for (size_t i = 0; i < doc.tree.all.len; i++)
        if (str_eq(doc.tree.all.at[i]->path, str_from(path)))
            return doc.tree.all.at[i];
    fail_msg("no setting <%s> in <%.*s>", path, STR_ARG(source.text));
    return NULL;
}

static void gives(bool ok, const struct edit *edit, const char *why, const char *wanted)
{
    if (wanted[0] == '!') {
        if (ok)
            fail_msg("not refused, gives <%.*s>", STR_ARG(edit->text));
        if (!strstr(why, wanted + 1))
            fail_msg("refused for <%s>, not for <%s>", why, wanted + 1);
        return;
    }
    if (!ok)
        fail_msg("refused: %s (wanted <%s>)", why, wanted);
    struct buf b = buf_new(&arena);
    buf_add(&b, str_slice(source.text, 0, edit->span.from));
    buf_add(&b, edit->text);
    buf_add(&b, str_slice(source.text, edit->span.to, source.text.len));
    if (!str_eq(buf_str(&b), str_from(wanted)))
        fail_msg("got <%.*s>, wanted <%s>", STR_ARG(buf_str(&b)), wanted);
    parse(wanted);
    assert_false(doc.broken);
}

static void set(const char *text, const char *path, struct value v, const char *wanted)
{
    struct edit edit = {0};
    const char *why = "";
    parse(text);
    bool ok = front_of(LANGUAGE_YAML)->replace(&arena, &doc, at(path), v, &edit, &why);
    gives(ok, &edit, why, wanted);
}

static void add(const char *text, const char *map, const char *after, const char *key,
                struct value v, const char *wanted)
{
    struct edit edit = {0};
    const char *why = "";
    parse(text);
    const struct setting *sibling = after ? at(after) : NULL;
    bool ok = front_of(LANGUAGE_YAML)
                  ->insert(&arena, &doc, at(map), sibling, str_from(key), v, &edit, &why);
    gives(ok, &edit, why, wanted);
}

static void drop(const char *text, const char *path, const char *wanted)
{
    struct edit edit = {0};
    const char *why = "";
    parse(text);
    bool ok = front_of(LANGUAGE_YAML)->remove(&arena, &doc, at(path), &edit, &why);
    gives(ok, &edit, why, wanted);
}

#define INT(i) VALUE_OF_INT(i)
#define TEXT(s) VALUE_OF_STR(str_from(s))
#define REAL(f) VALUE_OF_FLOAT(f)

static void numbers(void **state)
{
    (void)state;
    set("a: 1 # c\nb: 2\n", "a", INT(-20), "a: -20 # c\nb: 2\n");
    set("a:   1   # c", "a", INT(20), "a:   20   # c");
    set("a: 1e-4\n", "a", REAL(1e-5), "a: 1.0e-5\n");
    set("a: 1\n", "a", REAL(2), "a: 2.0\n");
    set("a: 1\n", "a", REAL(0.1), "a: 0.1\n");
    set("a: 1\n", "a", REAL(3e20), "a: 3.0e+20\n");
    set("a: 1\n", "a", REAL(100000), "a: 100000.0\n");
    set("a: \"1\"\n", "a", INT(2), "a: 2\n");
    set("a:\n  # why\n  1\nb: 2\n", "a", INT(3), "a:\n  # why\n  3\nb: 2\n");
    set("a:\t1\n", "a", INT(3), "a:\t3\n");
    set("\xEF\xBB\xBF\xC3\xA9: 1\r\nb: 2\r\n", "b", INT(3),
        "\xEF\xBB\xBF\xC3\xA9: 1\r\nb: 3\r\n");
    set("a: one\n  two\nb: 2\n", "a", INT(3), "a: 3\nb: 2\n");
}

static void words(void **state)
{
    (void)state;
    set("a: x\n", "a", TEXT("y z"), "a: y z\n");
    set("a: 'x'\n", "a", TEXT("it's"), "a: 'it''s'\n");
    set("a: \"x\"\n", "a", TEXT("a\"\\\n\xC3\xA9"), "a: \"a\\\"\\\\\\n\xC3\xA9\"\n");
    set("a: 'x'\n", "a", TEXT("a\tb"), "a: \"a\\tb\"\n");
    set("a: x\n", "a", TEXT("1e-5"), "a: \"1e-5\"\n");
    set("a: x\nb: 'q'\n", "a", TEXT("1e-5"), "a: '1e-5'\nb: 'q'\n");
    static const char *const quoted[] = {
        "yes", "null",       "",    " x", "a: b", "a #b", "-",  "- a", "1:30",
        "~",   "2024-01-01", "*x",  "&x", "!x",   "%x",   "@x", "`x",  "[x",
        "{x",  "x:",         "0o7", "08", ".5",   "1_0",  "y",  "=",   "<<",
        "---", "...",        "#x",  "?",  "| x",  "> x",  ",x"};
    for (size_t i = 0; i < sizeof quoted / sizeof *quoted; i++)
        set("a: x\n", "a", TEXT(quoted[i]),
            arena_printf(&arena, "a: \"%s\"\n", quoted[i]).at);
    static const char *const bare[] = {"-x",      "a,b",    "http://x:1/y",          "x#y",
                                       "a]b",     "${a.b}", "max_split_size_mb:128", "x-y",
                                       "\xC3\xA9"};
    for (size_t i = 0; i < sizeof bare / sizeof *bare; i++)
        set("a: x\n", "a", TEXT(bare[i]), arena_printf(&arena, "a: %s\n", bare[i]).at);
    set("a: [x]\n", "a[0]", TEXT("a,b"), "a: [\"a,b\"]\n");
    set("a: {b: x}\n", "a.b", TEXT("c:d"), "a: {b: \"c:d\"}\n");
    set("a: {b: x}\n", "a.b", TEXT("cd"), "a: {b: cd}\n");
}

static void truths(void **state)
{
    (void)state;
    set("a: false\n", "a", VALUE_OF_BOOL(true), "a: true\n");
    set("a: False\nb: true\n", "a", VALUE_OF_BOOL(true), "a: True\nb: true\n");
    set("a: yes\n", "a", VALUE_OF_BOOL(false), "a: false\n");
    set("a: 1\nb: TRUE\n", "a", VALUE_OF_BOOL(false), "a: FALSE\nb: TRUE\n");
    set("a: x\n", "a", (struct value){VALUE_NULL, {0}}, "a: null\n");
}

static void empty_values(void **state)
{
    (void)state;
    set("a:\nb: 1\n", "a", INT(2), "a: 2\nb: 1\n");
    set("a: # c\nb: 1\n", "a", INT(2), "a: 2 # c\nb: 1\n");
    set("a:   # c\n", "a", INT(2), "a: 2   # c\n");
    set("a:", "a", INT(2), "a: 2");
    set("a: &x\nb: *x\n", "a", INT(2), "a: &x 2\nb: *x\n");
    set("- \n-\n", "[1]", INT(2), "- \n- 2\n");
    set("{a: , b: }", "a", INT(2), "{a: 2 , b: }");
    set("{a, b: 1}", "a", INT(2), "!no colon");
    set("? a\n", "a", INT(2), "!no colon");
    set("# c\n", "", INT(2), "!empty");
}

static void lists(void **state)
{
    (void)state;
    struct value two[] = {INT(1), TEXT("a,b")};
    struct value list = {VALUE_LIST, {.list = {two, 2}}};
    struct value none = {VALUE_LIST, {.list = {two, 0}}};
    set("a: [x, y] # c\n", "a", list, "a: [1, \"a,b\"] # c\n");
    set("a: [ x ]\n", "a", list, "a: [ 1, \"a,b\" ]\n");
    set("a: x\n", "a", list, "a: [1, \"a,b\"]\n");
    set("a: [x]\n", "a", none, "a: []\n");
    set("a: [x]\n", "a", INT(1), "a: 1\n");
    set("a:\n  - x\n  - y # c\nb: 1\n", "a", list, "a:\n  - 1\n  - a,b # c\nb: 1\n");
    set("a:\n- x\nb: 1\n", "a", list, "a:\n- 1\n- a,b\nb: 1\n");
    set("- - x\n  - y\n  - z\n", "[0]", list, "- - 1\n  - a,b\n");
    set("a:\r\n- x\r\n", "a", list, "a:\r\n- 1\r\n- a,b\r\n");
    set("a:\n- x # c\n- y\n", "a", list, "!comment");
    set("a: [x, # c\n  y]\n", "a", list, "!comment");
    set("a:\n- x\n", "a", INT(1), "!several lines");
}

static void refusals(void **state)
{
    (void)state;
    set("a: &x 1\nb: *x\n", "b", INT(2), "!alias");
    set("a: |\n  x\n", "a", TEXT("y"), "!block of text");
    set("a: >-\n  x\n", "a", INT(1), "!block of text");
    set("a: {b: 1}\n", "a", INT(1), "!a map");
    set("a: !!str 1\n", "a", INT(2), "!tag");
    set("a: !x 1\n", "a", INT(2), "!tag");
    set("a: !!float 1e-5\n", "a", INT(2), "a: !!float 2.0\n");
    set("a: !!int 1\n", "a", INT(2), "a: !!int 2\n");
    set("a: 1\nb: @\n", "a", INT(2), "!does not parse");
    set("a: [&x 1, 2]\nb: *x\n", "a", INT(2), "!alias");
    set("a: 1\n", "a", VALUE_NOTHING, "!not known");
}

static void new_lines(void **state)
{
    (void)state;
    add("a: 1\nb: 2\n", "", NULL, "k", INT(3), "a: 1\nb: 2\nk: 3\n");
    add("a: 1 # c\nb: 2\n", "", "a", "k", INT(3), "a: 1 # c\nk: 3\nb: 2\n");
    add("a: 1", "", NULL, "k", INT(3), "a: 1\nk: 3");
    add("a: 1\r\nb: 2\r\n", "", "a", "k", INT(3), "a: 1\r\nk: 3\r\nb: 2\r\n");
    add("a: 1\rb: 2", "", "a", "k", INT(3), "a: 1\rk: 3\rb: 2");
    add("m:\n    a: 1\n\n# below\nb: 2\n", "m", NULL, "k", INT(3),
        "m:\n    a: 1\n    k: 3\n\n# below\nb: 2\n");
    add("l:\n- a: 1\n  b: 2\n- c: 3\n", "l[0]", NULL, "k", INT(3),
        "l:\n- a: 1\n  b: 2\n  k: 3\n- c: 3\n");
    add("l:\n- a: 1\n- c: 3\n", "l[0]", NULL, "k", INT(3), "l:\n- a: 1\n  k: 3\n- c: 3\n");
    add("a:\n- 1\n- 2 # c\nb: 1\n", "", "a", "k", INT(3), "a:\n- 1\n- 2 # c\nk: 3\nb: 1\n");
    add("a: one\n  two\nb: 1\n", "", "a", "k", INT(3), "a: one\n  two\nk: 3\nb: 1\n");
    add("a: |\n  x\n\n\n# c\nb: 1\n", "", "a", "k", INT(3),
        "a: |\n  x\nk: 3\n\n\n# c\nb: 1\n");
    add("a: |+\n  x\n\nb: 1\n", "", "a", "k", INT(3), "a: |+\n  x\n\nk: 3\nb: 1\n");
    add("m:\n  a: |\n    x", "m", NULL, "k", INT(3), "!without a newline");
    add("a: |+\n  x\n", "", NULL, "k", INT(3), "a: |+\n  x\nk: 3\n");
    add("a: |+\n  x\n\n", "", NULL, "k", INT(3), "a: |+\n  x\n\nk: 3\n");
    add("a: |-\n  x", "", NULL, "k", INT(3), "a: |-\n  x\nk: 3");
    add("? a\n: 1\n", "", NULL, "k", INT(3), "? a\n: 1\nk: 3\n");
    add("\"a\": 1\n", "", NULL, "k", TEXT("x"), "\"a\": 1\n\"k\": x\n");
    add("a:\n", "", NULL, "k", INT(3), "a:\nk: 3\n");
    add("b: &x\n  c: 1\na: *x\nd: 1\n", "", "a", "k", INT(3),
        "b: &x\n  c: 1\na: *x\nk: 3\nd: 1\n");
    add("a: 1\n---\nb: 2\n", "", NULL, "k", INT(3), "a: 1\nk: 3\n---\nb: 2\n");
    add("a: 1\n", "", NULL, "a", INT(3), "!there already");
    add("- 1\n", "", NULL, "a", INT(3), "!not a map");
    add("m: &x\n  a: 1\nn: *x\n", "n", NULL, "k", INT(3), "!alias");
}

static void braces(void **state)
{
    (void)state;
    add("m: {a: 1, b: 2} # c\n", "m", NULL, "k", INT(3), "m: {a: 1, b: 2, k: 3} # c\n");
    add("m: {a: 1, b: 2}\n", "m", "m.a", "k", INT(3), "m: {a: 1, k: 3, b: 2}\n");
    add("m: {a: 1, }\n", "m", NULL, "k", INT(3), "m: {a: 1, k: 3, }\n");
    add("m: {}\n", "m", NULL, "k", TEXT("a,b"), "m: {k: \"a,b\"}\n");
    add("{\"a\": 1}\n", "", NULL, "k", INT(3), "{\"a\": 1, \"k\": 3}\n");
    add("m: {\n  a: 1,\n  b: 2\n}\n", "m", NULL, "k", INT(3),
        "m: {\n  a: 1,\n  b: 2,\n  k: 3\n}\n");
    add("m: {\n  a: 1, # c\n  b: 2, # d\n}\n", "m", NULL, "k", INT(3),
        "m: {\n  a: 1, # c\n  b: 2, # d\n  k: 3,\n}\n");
    add("m: {\n  a: 1, # c\n  b: 2  # d\n}\n", "m", NULL, "k", INT(3),
        "m: {\n  a: 1, # c\n  b: 2,  # d\n  k: 3\n}\n");
    add("m: {\n  a: 1, # c\n  b: 2\n}\n", "m", "m.a", "k", INT(3),
        "m: {\n  a: 1, # c\n  k: 3,\n  b: 2\n}\n");
    add("m: {\n  a: 1\n  , b: 2\n}\n", "m", "m.a", "k", INT(3),
        "m: {\n  a: 1, k: 3\n  , b: 2\n}\n");
    add("m: [a: 1]\n", "m[0]", NULL, "k", INT(3), "!single pair");
    add("m: [{a: 1}: {b: 1}]\n", "m[0]", NULL, "k", INT(3), "!single pair");
    add("m: {n: }\n", "m.n", NULL, "k", INT(3), "m: {n: {k: 3} }\n");
}

static void from_nothing(void **state)
{
    (void)state;
    add("", "", NULL, "k", INT(3), "k: 3\n");
    add("# c\n", "", NULL, "k", INT(3), "# c\nk: 3\n");
    add("# c", "", NULL, "k", INT(3), "# c\nk: 3");
    add("\xEF\xBB\xBF", "", NULL, "k", INT(3), "\xEF\xBB\xBFk: 3\n");
    add("---\n", "", NULL, "k", INT(3), "---\nk: 3\n");
    add("---\n...\n", "", NULL, "k", INT(3), "---\nk: 3\n...\n");
    add("m: # c\nb: 1\n", "m", NULL, "k", INT(3), "m: # c\n  k: 3\nb: 1\n");
    add("m:\nn:\n    x: 1\n", "m", NULL, "k", INT(3), "m:\n    k: 3\nn:\n    x: 1\n");
    add("m:", "m", NULL, "k", INT(3), "m:\n  k: 3");
    add("-\n- 1\n", "[0]", NULL, "k", INT(3), "- k: 3\n- 1\n");
    add("m: !!null\n", "m", NULL, "k", INT(3), "!tag");
    add("m: 1\n", "m", NULL, "k", INT(3), "!not a map");
}

static void removals(void **state)
{
    (void)state;
    drop("a: 1 # c\nb: 2\n", "a", "b: 2\n");
    drop("a: 1\nb: 2 # d\n", "b", "a: 1\n");
    drop("a: 1\nb: 2", "b", "a: 1");
    drop("a: 1\r\nb: 2\r\nc: 3\r\n", "b", "a: 1\r\nc: 3\r\n");
    drop("# own\na: 1\n# next\nb: 2\n", "a", "# own\n# next\nb: 2\n");
    drop("a:\n  x: 1\n  y: 2\n\nb: 2\n", "a", "\nb: 2\n");
    drop("a:\n- 1\n- 2\nb: 2\n", "a", "b: 2\n");
    drop("m:\n  a: 1\n  b: 2\n", "m.a", "m:\n  b: 2\n");
    drop("m:\n  a: 1\n", "m.a", "!only key");
    drop("l:\n- a: 1 # c\n  b: 2\n", "l[0].a", "l:\n- b: 2\n");
    drop("l:\n- a: 1\n  # c\n  b: 2\n", "l[0].a", "!comment");
    drop("l:\n- a: 1\n  b: 2\n", "l[0].b", "l:\n- a: 1\n");
    drop("? a\n: 1\nb: 2\n", "a", "b: 2\n");
    drop("a: |+\n  x\n\nb: 2\n", "a", "b: 2\n");
    drop("b: 2\na: |+\n  x\n\n", "a", "b: 2\n");
    drop("a: |+\n  x\nb: 2\n\nc: 3\n", "b", "!would grow");
    drop("a: |\n  x\nb: 2\n  # c\n", "b", "!would grow");
    drop("a: |\n  x\nb: 2", "b", "a: |\n  x\n");
    drop("a: &x 1\nb: *x\n", "a", "!alias");
    drop("a: &x 1\nb: *x\n", "b", "a: &x 1\n");
    drop("- 1\n- 2\n", "[0]", "!not a key");
    drop("m: {a: 1, b: 2}\n", "m.a", "m: {b: 2}\n");
    drop("m: {a: 1, b: 2}\n", "m.b", "m: {a: 1}\n");
    drop("m: {a: 1, b: 2, }\n", "m.b", "m: {a: 1, }\n");
    drop("m: {\n  a: 1, # c\n  b: 2\n}\n", "m.a", "m: {\n  b: 2\n}\n");
    drop("m: {\n  a: 1, # c\n  b: 2 # d\n}\n", "m.b", "m: {\n  a: 1, # c\n}\n");
    drop("m: {a: 1, # c\n  b: 2}\n", "m.b", "m: {a: 1, # c\n  }\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
        TEST(numbers),  TEST(words),     TEST(truths), TEST(empty_values), TEST(lists),
        TEST(refusals), TEST(new_lines), TEST(braces), TEST(from_nothing), TEST(removals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
