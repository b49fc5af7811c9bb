/* One table: a plain text and what each loader makes of it. The PyYAML column was taken
 * from PyYAML 6.0, the others from the loaders' own patterns. */
#include <math.h>
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

/* "s": a string; "n": null; "t" and "f": true and false; "i8", "r0.5": numbers; "?":
 * unknown. */
static const struct {
    const char *text, *pyyaml, *omegaconf, *core, *json;
} TABLE[] = {
    {"1e-5", "s", "r1e-5", "r1e-5", "r1e-5"},
    {"1E-5", "s", "r1e-5", "r1e-5", "r1e-5"},
    {"5e-06", "s", "r5e-6", "r5e-6", "r5e-6"},
    {"1e5", "s", "r1e5", "r1e5", "r1e5"},
    {"1.0e5", "s", "r1e5", "r1e5", "r1e5"},
    {"1.0e-5", "r1e-5", "r1e-5", "r1e-5", "r1e-5"},
    {"1.e-5", "r1e-5", "r1e-5", "r1e-5", "s"},
    {"1.0e+5", "r1e5", "r1e5", "r1e5", "r1e5"},
    {".1e5", "s", "s", "r1e4", "s"},
    {".1e+5", "r1e4", "r1e4", "r1e4", "s"},
    {".5", "r0.5", "r0.5", "r0.5", "s"},
    {"-.5", "s", "s", "r-0.5", "s"},
    {"5.", "r5", "r5", "r5", "s"},
    {"-1.5", "r-1.5", "r-1.5", "r-1.5", "r-1.5"},
    {"+1.5", "r1.5", "r1.5", "r1.5", "s"},
    {"yes", "t", "t", "s", "s"},
    {"No", "f", "f", "s", "s"},
    {"ON", "t", "t", "s", "s"},
    {"off", "f", "f", "s", "s"},
    {"oN", "s", "s", "s", "s"},
    {"y", "s", "s", "s", "s"},
    {"n", "s", "s", "s", "s"},
    {"true", "t", "t", "t", "t"},
    {"True", "t", "t", "t", "s"},
    {"FALSE", "f", "f", "f", "s"},
    {"tRUE", "s", "s", "s", "s"},
    {"010", "i8", "i8", "i10", "s"},
    {"0o10", "s", "s", "i8", "s"},
    {"08", "s", "s", "i8", "s"},
    {"0", "i0", "i0", "i0", "i0"},
    {"-0", "i0", "i0", "i0", "i0"},
    {"0x1F", "i31", "i31", "i31", "s"},
    {"-0x1F", "i-31", "i-31", "s", "s"},
    {"0b101", "i5", "i5", "s", "s"},
    {"0b_", "?", "?", "s", "s"},
    {"1:30", "i90", "i90", "s", "s"},
    {"-1:30", "i-90", "i-90", "s", "s"},
    {"1:60", "s", "s", "s", "s"},
    {"190:20:30", "i685230", "i685230", "s", "s"},
    {"1:30.5", "r90.5", "r90.5", "s", "s"},
    {"0:30", "s", "s", "s", "s"},
    {"1_000", "i1000", "i1000", "s", "s"},
    {"1_0.5", "r10.5", "r10.5", "s", "s"},
    {"_1", "s", "s", "s", "s"},
    {"1,000", "s", "s", "s", "s"},
    {"2024-01-01", "s", "s", "s", "s"},
    {"nan", "s", "s", "s", "s"},
    {"inf", "s", "s", "s", "s"},
    {"None", "s", "s", "s", "s"},
    {"none", "s", "s", "s", "s"},
    {".nan", "rnan", "rnan", "rnan", "s"},
    {"-.nan", "s", "s", "s", "s"},
    {".inf", "rinf", "rinf", "rinf", "s"},
    {"-.INF", "r-inf", "r-inf", "r-inf", "s"},
    {"NaN", "s", "s", "s", "rnan"},
    {"-Infinity", "s", "s", "s", "r-inf"},
    {"~", "n", "n", "n", "s"},
    {"", "n", "n", "n", "s"},
    {"null", "n", "n", "n", "n"},
    {"Null", "n", "n", "n", "s"},
    {"nULL", "s", "s", "s", "s"},
    {"=", "?", "?", "s", "s"},
    {"<<", "?", "?", "s", "s"},
    {"9223372036854775807", "i9223372036854775807", "i9223372036854775807",
     "i9223372036854775807", "i9223372036854775807"},
    {"9223372036854775808", "?", "?", "?", "?"},
    {"128", "i128", "i128", "i128", "i128"},
    {"+12", "i12", "i12", "i12", "s"},
    {"1.2.3", "s", "s", "s", "s"},
    {"1e", "s", "s", "s", "s"},
    {"1 2", "s", "s", "s", "s"},
    {"${a.b}", "?", "?", "?", "s"},
    {"x/${oc.env:LR,1e-5}", "?", "?", "?", "s"},
    {"???", "?", "?", "?", "s"},
    {"{{ x }}", "?", "?", "?", "s"},
    {"$HOME", "?", "?", "?", "s"},
    {"$5", "s", "s", "s", "s"},
};

static void check(const char *text, enum loader l, const char *wanted)
{
    const char *why = NULL;
    struct value v = loader_read(l, str_from(text), &why);
    bool ok = false;
    double number = 0;
    switch (wanted[0]) {
    case 's':
        ok = v.kind == VALUE_STRING && str_eq(v.as.string, str_from(text));
        break;
    case 'n':
        ok = v.kind == VALUE_NULL;
        break;
    case 't':
    case 'f':
        ok = v.kind == VALUE_BOOL && v.as.boolean == (wanted[0] == 't');
        break;
    case 'i':
        ok = v.kind == VALUE_INT && v.as.integer == strtoll(wanted + 1, NULL, 10);
        break;
    case 'r':
        number = strtod(wanted + 1, NULL);
        ok = v.kind == VALUE_FLOAT &&
             (v.as.real == number || (isnan(v.as.real) && isnan(number)));
        break;
    default:
        ok = v.kind == VALUE_UNKNOWN && why;
        break;
    }
    if (!ok)
        fail_msg("<%s> to %s is a %s, wanted %s", text, loader_name(l),
                 value_kind_name(v.kind), wanted);
}

static void plain_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++) {
        check(TABLE[i].text, LOADER_PYYAML, TABLE[i].pyyaml);
        check(TABLE[i].text, LOADER_OMEGACONF, TABLE[i].omegaconf);
        check(TABLE[i].text, LOADER_YAML12, TABLE[i].core);
        check(TABLE[i].text, LOADER_JSON, TABLE[i].json);
    }
}

static void python_literals(void **state)
{
    (void)state;
    check("None", LOADER_PYTHON, "n");
    check("True", LOADER_PYTHON, "t");
    check("true", LOADER_PYTHON, "s");
    check("0x10", LOADER_PYTHON, "i16");
    check("-0b11", LOADER_PYTHON, "i-3");
    check("0o17", LOADER_PYTHON, "i15");
    check("1_000", LOADER_PYTHON, "i1000");
    check("1e-5", LOADER_PYTHON, "r1e-5");
    check("2 ** 7", LOADER_PYTHON, "s");
}

static void names(void **state)
{
    (void)state;
    enum loader l;
    for (int i = 0; i <= LOADER_PYTHON; i++) {
        assert_true(loader_parse(str_from(loader_name((enum loader)i)), &l));
        assert_int_equal(l, i);
    }
    assert_false(loader_parse(STR("ruamel"), &l));
}

static struct arena arena;
static struct document doc;
static struct source source;

static const struct setting *at(const char *path)
{
    for (size_t i = 0; i < doc.tree.all.len; i++)
        if (str_eq(doc.tree.all.at[i]->path, str_from(path)))
            return doc.tree.all.at[i];
    fail_msg("no setting %s", path);
    return NULL;
}

static void trees(void **state)
{
    (void)state;
    source_init(
        &source, &arena, STR("t.yaml"),
        STR("a: 1e-5\nb: '1'\nc: !!float 1e-5\nd: !!int '7'\ne: !!str 1\nf: !x 1\n"
            "g: [1, 2.5, [yes], {k: 1}]\nh: &h [1]\ni: *h\nj: &j 3\nk: *j\nl:\n"
            "m: '${x}'\nn: |\n  ${x} {{ y }}\no: !!bool maybe\np: ! 12\nq: !!null x\n"
            "r: {}\n"),
        LANGUAGE_YAML);
    front_parse(&arena, &source, &doc);
    assert_false(doc.broken);
    loader_apply(LOADER_OMEGACONF, &arena, &doc.tree);
    assert_true(at("a")->value.as.real == 1e-5);
    loader_apply(LOADER_PYYAML, &arena, &doc.tree);
    assert_int_equal(at("a")->value.kind, VALUE_STRING);
    assert_int_equal(at("b")->value.kind, VALUE_STRING);
    assert_true(at("c")->value.kind == VALUE_FLOAT && at("c")->value.as.real == 1e-5);
    assert_int_equal(at("d")->value.as.integer, 7);
    assert_int_equal(at("e")->value.kind, VALUE_STRING);
    assert_int_equal(at("f")->value.kind, VALUE_UNKNOWN);
    assert_string_equal(at("f")->why, "a custom tag");
    struct value g = at("g")->value;
    assert_int_equal(g.kind, VALUE_LIST);
    assert_int_equal(g.as.list.len, 4);
    assert_int_equal(g.as.list.at[0].as.integer, 1);
    assert_int_equal(g.as.list.at[2].as.list.at[0].kind, VALUE_BOOL);
    assert_int_equal(g.as.list.at[3].kind, VALUE_UNKNOWN);
    assert_int_equal(at("i")->value.as.list.len, 1);
    assert_int_equal(at("k")->value.as.integer, 3);
    assert_int_equal(at("l")->value.kind, VALUE_NULL);
    assert_int_equal(at("m")->value.kind, VALUE_UNKNOWN);
    assert_string_equal(at("m")->why, "an interpolation");
    assert_int_equal(at("n")->value.kind, VALUE_STRING);
    assert_int_equal(at("o")->value.kind, VALUE_UNKNOWN);
    assert_int_equal(at("p")->value.kind, VALUE_STRING);
    assert_int_equal(at("q")->value.kind, VALUE_NULL);
    assert_int_equal(at("r")->value.kind, VALUE_UNKNOWN);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_texts),
        cmocka_unit_test(python_literals),
        cmocka_unit_test(names),
        cmocka_unit_test(trees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
