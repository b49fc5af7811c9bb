/* Spans are told by the bytes they quote, so that a reader need not count. */
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

static void parse_bytes(struct str text)
{
    source_init(&source, &arena, STR("t.yaml"), arena_str(&arena, text), LANGUAGE_YAML);
    front_parse(&arena, &source, &doc);
}

static void parse(const char *text)
{
    parse_bytes(str_from(text));
}

static const struct setting *at(const char *path)
{
    for (size_t i = 0; i < doc.tree.all.len; i++)
        if (str_eq(doc.tree.all.at[i]->path, str_from(path)))
            return doc.tree.all.at[i];
    fail_msg("no setting %s", path);
    return NULL;
}

static void is(struct str got, const char *wanted)
{
    if (!str_eq(got, str_from(wanted)))
        fail_msg("got <%.*s>, wanted <%s>", STR_ARG(got), wanted);
}

static void value_is(const char *path, const char *wanted)
{
    is(source_quote(&source, at(path)->value_span), wanted);
}

static void key_is(const char *path, const char *wanted)
{
    is(source_quote(&source, at(path)->key_span), wanted);
}

static void place_is(const char *path, uint32_t offset)
{
    assert_int_equal(at(path)->value_span.from, offset);
    assert_int_equal(at(path)->value_span.to, offset);
}

static void comment_is(size_t index, const char *wanted, bool own_line)
{
    assert_true(index < doc.comments.len);
    is(source_quote(&source, doc.comments.at[index].span), wanted);
    assert_int_equal(doc.comments.at[index].own_line, own_line);
}

static void problem_is(const char *text, const char *quote, const char *part)
{
    parse(text);
    assert_true(doc.broken);
    assert_true(doc.problems.len >= 1);
    const struct finding *f = &doc.problems.at[0];
    is(f->code, "SYN001");
    is(f->rule, "syntax-error");
    assert_int_equal(f->severity, SEVERITY_ERROR);
    is(source_quote(&source, f->span), quote);
    if (str_find(f->message, str_from(part), 0) == SIZE_MAX)
        fail_msg("<%.*s> does not say <%s>", STR_ARG(f->message), part);
}

static void fine(void)
{
    if (doc.broken)
        fail_msg("%.*s", STR_ARG(doc.problems.at[0].message));
}

static void scalars(void **state)
{
    (void)state;
    parse("a: 1 # c\n\"b c\": 'it''s' \nd: \"x\\ty\"\n'e':   two words  # z\n");
    fine();
    value_is("a", "1");
    key_is("a", "a");
    value_is("b c", "'it''s'");
    key_is("b c", "\"b c\"");
    is(at("b c")->text, "it's");
    assert_int_equal(at("b c")->style, STYLE_SINGLE);
    value_is("d", "\"x\\ty\"");
    is(at("d")->text, "x\ty");
    assert_int_equal(at("d")->style, STYLE_DOUBLE);
    value_is("e", "two words");
    key_is("e", "'e'");
    comment_is(0, "# c", false);
    comment_is(1, "# z", false);
}

static void odd_keys(void **state)
{
    (void)state;
    parse("1: a\nnull: b\nyes: c\n~: d\n? e f\n: g\n? [1, 2]\n: h\n");
    fine();
    value_is("1", "a");
    value_is("null", "b");
    value_is("yes", "c");
    value_is("~", "d");
    value_is("e f", "g");
    const struct setting *complex = at("e f")->next;
    is(complex->key, "");
    is(source_quote(&source, complex->key_span), "[1, 2]");
    is(source_quote(&source, complex->value_span), "h");
}

static void not_ascii(void **state)
{
    (void)state;
    parse("# \xC3\xA9\xE6\xBC\xA2\xF0\x9F\x98\x80\n\xC3\xA9: \xE6\xBC\xA2 # "
          "\xF0\x9F\x98\x80\nb: [\xC3\xA9, 'e\xCC\x81']\nc: 1\n");
    fine();
    value_is("\xC3\xA9", "\xE6\xBC\xA2");
    value_is("b[0]", "\xC3\xA9");
    value_is("b[1]", "'e\xCC\x81'");
    value_is("c", "1");
    comment_is(1, "# \xF0\x9F\x98\x80", false);
}

static void byte_order_mark(void **state)
{
    (void)state;
    parse("\xEF\xBB\xBF# \xC3\xA9\na: 1\nb: {c: 2}\n");
    fine();
    key_is("a", "a");
    value_is("a", "1");
    value_is("b.c", "2");
    comment_is(0, "# \xC3\xA9", true);
    parse("\xEF\xBB\xBF"
          "a: 1\nb: 2\n");
    fine();
    key_is("a", "a");
    value_is("b", "2");
}

static void line_ends(void **state)
{
    (void)state;
    parse("a: 1\r\nb:\r\n  - x # c\r\n  - y\r\nt: |\r\n  p\r\n\r\n\r\nz: 2\r\n");
    fine();
    value_is("b", "- x # c\r\n  - y");
    value_is("t", "|\r\n  p");
    value_is("z", "2");
    comment_is(0, "# c", false);
    parse("a: 1\rb: 2 # c\rc: 3");
    fine();
    value_is("b", "2");
    value_is("c", "3");
    comment_is(0, "# c", false);
    parse("a: 1 # x\xC2\x85"
          "b: 2\xE2\x80\xA8"
          "c: 3\n");
    fine();
    value_is("b", "2");
    value_is("c", "3");
    comment_is(0, "# x", false);
}

static void empties(void **state)
{
    (void)state;
    parse("a:\nb:   # c\nc: &x\nd: !!null # z\ne: {f: , g, h: }\ni:\n  -\n  - # y\n");
    fine();
    place_is("a", 2);
    place_is("b", 5);
    assert_int_equal(at("b")->style, STYLE_NONE);
    place_is("c", (uint32_t)(strstr(source.text.at, "&x") + 2 - source.text.at));
    place_is("d", (uint32_t)(strstr(source.text.at, "!!null") + 6 - source.text.at));
    place_is("e.f", (uint32_t)(strstr(source.text.at, "f:") + 2 - source.text.at));
    place_is("e.g", at("e.g")->key_span.to);
    place_is("e.h", (uint32_t)(strstr(source.text.at, "h:") + 2 - source.text.at));
    place_is("i[0]", (uint32_t)(strstr(source.text.at, "  -\n") + 3 - source.text.at));
    place_is("i[1]", (uint32_t)(strstr(source.text.at, "- #") + 1 - source.text.at));
    parse("? a\n? b # x:\n\n\nc: 1\n");
    fine();
    place_is("a", at("a")->key_span.to);
    place_is("b", at("b")->key_span.to);
}

static void blocks_of_text(void **state)
{
    (void)state;
    parse("a: |  # head\n  x: 1e-5\n  # no comment\n\n\n# real\nb: >-\n  f\n\n  g  \n   "
          "\nc: |+\n  k\n\nd: |\n\n\ne: >2\n    x\n");
    fine();
    value_is("a", "|  # head\n  x: 1e-5\n  # no comment");
    is(at("a")->text, "x: 1e-5\n# no comment\n");
    value_is("b", ">-\n  f\n\n  g  ");
    value_is("c", "|+\n  k");
    value_is("d", "|");
    value_is("e", ">2\n    x");
    assert_int_equal(doc.comments.len, 2);
    comment_is(0, "# head", false);
    comment_is(1, "# real", true);
    assert_true(at("a")->flags & SETTING_MULTILINE);
    assert_false(at("d")->flags & SETTING_MULTILINE);
}

static void lines_of_text(void **state)
{
    (void)state;
    parse("a: one\n  two\n  three # c\nb: \"x\n  # y\"\nc: 'p\n\n  q'\n");
    fine();
    value_is("a", "one\n  two\n  three");
    value_is("b", "\"x\n  # y\"");
    value_is("c", "'p\n\n  q'");
    is(at("a")->text, "one two three");
    assert_true(at("a")->flags & SETTING_MULTILINE);
    assert_int_equal(doc.comments.len, 1);
}

static void collections(void **state)
{
    (void)state;
    parse("a:\n  b: 1 # x\n  c:\n  - 2\n  - - 3\n    - 4\n\n# below\nd: { e: [1, {f: g}] } "
          "# y\nh: [i: 1, j]\n");
    fine();
    value_is("a", "b: 1 # x\n  c:\n  - 2\n  - - 3\n    - 4");
    value_is("a.c", "- 2\n  - - 3\n    - 4");
    value_is("a.c[1]", "- 3\n    - 4");
    value_is("d", "{ e: [1, {f: g}] }");
    value_is("d.e", "[1, {f: g}]");
    value_is("d.e[1]", "{f: g}");
    value_is("h[0]", "i: 1");
    value_is("h[0].i", "1");
    assert_int_equal(at("d")->style, STYLE_FLOW);
    assert_int_equal(at("a")->style, STYLE_NONE);
    assert_true(at("a")->flags & SETTING_MULTILINE);
    assert_false(at("d")->flags & SETTING_MULTILINE);
    value_is("", "a:\n  b: 1 # x\n  c:\n  - 2\n  - - 3\n    - 4\n\n# below\nd: { e: [1, "
                 "{f: g}] } # y\nh: [i: 1, j]");
}

static void properties(void **state)
{
    (void)state;
    parse("a: &x !!str 12 # c\nb: !!float &y 1e-5\nc: &m\n  # in\n  k: 1\nd: !t [1]\ne: ! "
          "12\nf: *x\ng: !<tag:yaml.org,2002:int> 3\n&k h: *k\ni: &z ! 12\nj: &w # no!\n  "
          "1\n*z : 2\n");
    fine();
    value_is("a", "12");
    is(at("a")->tag, "!!str");
    assert_true(at("a")->flags & SETTING_TAGGED);
    assert_true(at("a")->flags & SETTING_ANCHORED);
    value_is("b", "1e-5");
    is(at("b")->tag, "!!float");
    assert_false(at("b")->flags & SETTING_ANCHORED);
    value_is("c", "k: 1");
    value_is("d", "[1]");
    is(at("d")->tag, "!t");
    value_is("e", "12");
    is(at("e")->tag, "!");
    is(at("g")->tag, "!!int");
    value_is("g", "3");
    key_is("h", "h");
    is(at("h")->text, "h");
    is(at("i")->tag, "!");
    is(at("j")->tag, "");
    value_is("j", "1");
    assert_true(at("i")->flags & SETTING_ANCHORED);
    value_is("12", "2");
}

static void aliases(void **state)
{
    (void)state;
    parse("base: &b\n  lr: &lr 1e-5\n  l: [1]\nx: *b\ny:\n  <<: *b\n  z: *lr\nw:\n  <<: "
          "[*b, {q: 1}]\n\"<<\": 1\n");
    fine();
    const struct setting *x = at("x"), *z = at("y.z");
    assert_ptr_equal(x->target, at("base"));
    assert_int_equal(x->kind, SETTING_MAP);
    is(source_quote(&source, x->alias_span), "*b");
    value_is("x", "lr: &lr 1e-5\n  l: [1]");
    is(source_quote(&source, z->alias_span), "*lr");
    value_is("y.z", "1e-5");
    is(z->text, "1e-5");
    assert_int_equal(z->style, STYLE_PLAIN);
    assert_true(z->flags & SETTING_ALIAS);
    assert_true(at("y.<<")->flags & SETTING_MERGE);
    assert_ptr_equal(at("y.<<")->target, at("base"));
    assert_true(at("w.<<")->flags & SETTING_MERGE);
    assert_ptr_equal(at("w.<<[0]")->target, at("base"));
    assert_false(at("<<")->flags & SETTING_MERGE);
    assert_ptr_equal(setting_child(at("y"), STR("lr")), at("base.lr"));
    assert_ptr_equal(setting_child(at("w"), STR("q")), at("w.<<[1].q"));
    assert_true(at("base")->flags & SETTING_ANCHORED);
}

static void aliases_of_themselves(void **state)
{
    (void)state;
    parse("a: &a\n  b: *a\n  c: [*a]\nd: &d [*d, *d]\n");
    fine();
    assert_ptr_equal(at("a.b")->target, at("a"));
    assert_ptr_equal(at("d[0]")->target, at("d"));
    loader_apply(LOADER_PYYAML, &arena, &doc.tree);
    assert_int_equal(at("d")->value.as.list.len, 2);
    assert_null(setting_find(at(""), STR("a.b.b.b.x")));
    parse("a: &a {<<: *a, x: 1}\nb: &b {<<: [*a, *b]}\n");
    fine();
    assert_null(setting_child(at("b"), STR("nope")));
}

static void anchors_again(void **state)
{
    (void)state;
    parse("a: &x 1\nb: *x\nc: &x 2\nd: *x\n---\ne: 1\n");
    fine();
    value_is("b", "1");
    value_is("d", "2");
    problem_is("a: &x 1\n---\nb: *x\n", "*x", "no anchor &x");
}

static void laughs(void **state)
{
    (void)state;
    struct buf b = buf_new(&arena);
    buf_cstr(&b, "a0: &a0 [x]\n");
    for (int i = 1; i < 100; i++)
        buf_printf(&b, "a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1);
    parse_bytes(buf_str(&b));
    fine();
    loader_apply(LOADER_OMEGACONF, &arena, &doc.tree);
    assert_true(doc.tree.all.len < 500);
}

static void duplicates(void **state)
{
    (void)state;
    parse("a: 1\nb: 2\n\"a\": 3\nc: {d: 1, d: 2, d: 3}\n1: x\n'1': y\n");
    fine();
    assert_int_equal(at("a")->flags, SETTING_OVERRIDDEN);
    assert_int_equal(at("b")->next->flags, SETTING_DUPLICATE);
    const struct setting *d = at("c.d");
    assert_int_equal(d->flags, SETTING_OVERRIDDEN);
    assert_int_equal(d->next->flags, SETTING_OVERRIDDEN | SETTING_DUPLICATE);
    assert_int_equal(d->next->next->flags, SETTING_DUPLICATE);
    assert_int_equal(at("1")->flags, 0);
}

static void documents(void **state)
{
    (void)state;
    parse("%YAML 1.2 # v\n%TAG !e! tag:example.com,2000:\n--- # one\na: !e!x 1\n... # "
          "end\n# between\n---\n- b\n---\n...\n");
    fine();
    assert_int_equal(doc.tree.roots.len, 3);
    is(at("a")->tag, "tag:example.com,2000:x");
    assert_int_equal(doc.tree.roots.at[1]->kind, SETTING_LIST);
    assert_int_equal(doc.tree.roots.at[2]->kind, SETTING_SCALAR);
    assert_int_equal(doc.comments.len, 4);
    comment_is(0, "# v", false);
    comment_is(1, "# one", false);
    comment_is(2, "# end", false);
    comment_is(3, "# between", true);
}

static void nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n\n", "# only\n# this", "\xEF\xBB\xBF",
                                        "---\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        parse(texts[i]);
        fine();
        assert_int_equal(doc.tree.roots.len, 1);
        assert_int_equal(at("")->kind, SETTING_SCALAR);
        assert_int_equal(at("")->style, STYLE_NONE);
        assert_int_equal(at("")->value_span.from, at("")->value_span.to);
    }
    parse("just text");
    value_is("", "just text");
}

static void comments(void **state)
{
    (void)state;
    parse(
        "#a\na: x#y #b\n  #c\nb: \"#\" #d\nc: !t 1 #e\nd: [ #f\n  1, #g\n  2 #h\n] #i\n#j");
    fine();
    assert_int_equal(doc.comments.len, 10);
    comment_is(0, "#a", true);
    comment_is(1, "#b", false);
    comment_is(2, "#c", true);
    comment_is(4, "#e", false);
    comment_is(7, "#h", false);
    comment_is(9, "#j", true);
}

static void broken(void **state)
{
    (void)state;
    problem_is("a: 1\n\tb: 2\n", "\t", "tab");
    problem_is("a:\n\tb: 2\n", "\t", "tab");
    problem_is("a: b: c\n", ":", "second ': '");
    problem_is("a: [1,\nb: 2\n", "[", "'[' opened here");
    problem_is("a: \"x\nb: 2\n", "\"", "never closed");
    problem_is("a: {{ x }}/y\nb: 1\n", "/", "{{ }}");
    problem_is("{% if x %}\na: 1\n", "%", "template");
    problem_is("a: @x\n", "@", "'@'");
    problem_is("a: 'x' y\n", "y", "closing quote");
    problem_is("a: *.py\n", "*", "'*'");
    problem_is("a: \"\\d\"\n", "\\", "escape");
    problem_is("a: *gone\n", "*gone", "no anchor");
    problem_is("\xEF\xBB\xBF\xC3\xA9: 1\nb: x: y\n", ":", "second");
    problem_is("a: 1\nb: \x01\n", "\x01", "U+0001");
    problem_is("a: [", "[", "the file ends");
}

static void read_before_it_broke(void **state)
{
    (void)state;
    parse("a: 1 # c\nb:\n  c: 2\nd: [3, {e: 4\nf: @\n");
    assert_true(doc.broken);
    value_is("a", "1");
    value_is("b.c", "2");
    value_is("b", "c: 2");
    value_is("d[0]", "3");
    comment_is(0, "# c", false);
    parse("a: 1\nb: [\n  2,\n  \x07]\nc: 3\n");
    assert_int_equal(doc.problems.len, 1);
    is(source_quote(&source, doc.problems.at[0].span), "\x07");
    value_is("a", "1");
    value_is("b[0]", "2");
    source_init(&source, &arena, STR("t.yaml"), (struct str){"a: 1\nb\0: 2", 10},
                LANGUAGE_YAML);
    front_parse(&arena, &source, &doc);
    assert_int_equal(doc.problems.len, 1);
    value_is("a", "1");
}

static void repeat(struct buf *b, const char *text, size_t count)
{
    while (count--)
        buf_cstr(b, text);
}

static void deep(void **state)
{
    (void)state;
    static const char *const opens[] = {"[", "{a: ", "- ", "? ", "[? "};
    for (size_t i = 0; i < sizeof opens / sizeof *opens; i++) {
        struct buf b = buf_new(&arena);
        repeat(&b, opens[i], 50000);
        parse_bytes(buf_str(&b));
        assert_true(doc.broken);
    }
    struct buf b = buf_new(&arena);
    repeat(&b, "[", SETTING_MAX_DEPTH);
    repeat(&b, "]", SETTING_MAX_DEPTH);
    parse_bytes(buf_str(&b));
    fine();
}

static void long_documents(void **state)
{
    (void)state;
    struct buf b = buf_new(&arena);
    buf_cstr(&b, "l:\n");
    repeat(&b, "- \xC3\xA9 # c\n", 40000);
    repeat(&b, "- &a x\n- *a\n", 20000);
    parse_bytes(buf_str(&b));
    fine();
    value_is("l[39999]", "\xC3\xA9");
    value_is("l[79999]", "x");
    assert_int_equal(doc.comments.len, 40000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
        TEST(scalars),        TEST(odd_keys),
        TEST(not_ascii),      TEST(byte_order_mark),
        TEST(line_ends),      TEST(empties),
        TEST(blocks_of_text), TEST(lines_of_text),
        TEST(collections),    TEST(properties),
        TEST(aliases),        TEST(aliases_of_themselves),
        TEST(anchors_again),  TEST(laughs),
        TEST(duplicates),     TEST(documents),
        TEST(nothing),        TEST(comments),
        TEST(broken),         TEST(read_before_it_broke),
        TEST(deep),           TEST(long_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
