#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "str.h"

static void comparing(void **state)
{
    (void)state;
    assert_true(str_eq(STR(""), (struct str){NULL, 0}));
    assert_false(str_eq(STR("a"), STR("ab")));
    assert_true(str_eq_nocase(STR("BF16"), STR("bf16")));
    assert_false(str_eq_nocase(STR("@"), STR("`"))); /* 32 apart, no letters */
    assert_true(str_compare(STR("a"), STR("ab")) < 0);
    assert_true(str_compare(STR("b"), STR("ab")) > 0);
    assert_int_equal(str_compare(STR("ab"), STR("ab")), 0);
    assert_true(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")) && !str_ends(STR("c"), STR("bc")));
}

static void finding(void **state)
{
    (void)state;
    assert_int_equal(str_find(STR("aaab"), STR("ab"), 0), 2);
    assert_true(str_find(STR("aaab"), STR("ab"), 3) == SIZE_MAX);
    assert_int_equal(str_find(STR("ab"), STR(""), 2), 2);
    assert_true(str_find(STR("ab"), STR(""), 3) == SIZE_MAX);
    assert_int_equal(str_find_byte(STR("a.b."), '.', 2), 3);
    assert_true(str_find_byte(STR("a"), 'a', 1) == SIZE_MAX);
    assert_true(str_eq(str_slice(STR("abc"), 1, 99), STR("bc")));
    assert_int_equal(str_slice(STR("abc"), 3, 1).len, 0);
    assert_true(str_eq(str_trim(STR(" \t a b\r\n")), STR("a b")));
}

static void integers(void **state)
{
    (void)state;
    int64_t i = 7;
    assert_true(str_to_int(STR("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_true(str_to_int(STR("9223372036854775807"), &i) && i == INT64_MAX);
    assert_false(str_to_int(STR("9223372036854775808"), &i));
    assert_true(str_to_int(STR("1_000"), &i) && i == 1000);
    assert_false(str_to_int(STR("1__000"), &i));
    assert_false(str_to_int(STR("1_"), &i));
    assert_false(str_to_int(STR("-"), &i));
    assert_false(str_to_int(STR("1.0"), &i));
    assert_false(str_to_int(STR(""), &i));
}

static void floats(void **state)
{
    (void)state;
    double d = 7;
    assert_true(str_to_float(STR("1e-5"), &d) && d == 1e-5);
    assert_true(str_to_float(STR(".5"), &d) && d == 0.5);
    assert_false(str_to_float(STR("0x10"), &d));
    assert_false(str_to_float(STR("inf"), &d));
    assert_false(str_to_float(STR("1e"), &d));
    assert_false(str_to_float(STR(""), &d));
}

static void distances(void **state)
{
    (void)state;
    assert_int_equal(str_distance(STR("batch"), STR("batch")), 0);
    assert_int_equal(str_distance(STR("bacth"), STR("batch")), 2);
    assert_int_equal(str_distance(STR("batc"), STR("batch")), 1);
    assert_int_equal(str_distance(STR(""), STR("abc")), 3);
    assert_int_equal(str_distance(STR("LR"), STR("lr")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparing), cmocka_unit_test(finding),
        cmocka_unit_test(integers),  cmocka_unit_test(floats),
        cmocka_unit_test(distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
