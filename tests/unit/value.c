#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "value.h"

static struct arena arena;

static void assert_prints(struct value v, const char *expected)
{
    struct buf b = buf_new(&arena);
    value_print(&b, v);
    assert_string_equal(buf_str(&b).at, expected);
}

static void floats_print_short_and_exact(void **state)
{
    (void)state;
    assert_prints(VALUE_OF_FLOAT(1e-5), "1e-05");
    assert_prints(VALUE_OF_FLOAT(0.1), "0.1");
    assert_prints(VALUE_OF_FLOAT(0.1 + 0.2), "0.30000000000000004");
    assert_prints(VALUE_OF_FLOAT(2), "2");
    assert_prints(VALUE_OF_FLOAT(NAN), "nan");
    assert_prints(VALUE_OF_FLOAT(-INFINITY), "-inf");
}

static void other_kinds_print(void **state)
{
    (void)state;
    const struct value items[] = {VALUE_OF_INT(1), VALUE_OF_STR(STR("bf16")),
                                  VALUE_OF_BOOL(false), VALUE_NOTHING};
    assert_prints((struct value){VALUE_LIST, {.list = {items, 4}}},
                  "[1, bf16, false, unknown]");
    assert_prints((struct value){VALUE_LIST, {.list = {NULL, 0}}}, "[]");
    assert_prints((struct value){VALUE_NULL, {0}}, "null");
    assert_prints(VALUE_OF_INT(INT64_MIN), "-9223372036854775808");
}

static void equality(void **state)
{
    (void)state;
    assert_true(value_eq(VALUE_OF_INT(2), VALUE_OF_FLOAT(2)));
    assert_false(value_eq(VALUE_OF_INT(2), VALUE_OF_FLOAT(2.5)));
    /* As doubles these two are the same. */
    assert_false(value_eq(VALUE_OF_INT(INT64_MAX), VALUE_OF_INT(INT64_MAX - 1)));
    assert_false(value_eq(VALUE_NOTHING, VALUE_NOTHING));
    assert_false(value_eq(VALUE_OF_BOOL(true), VALUE_OF_INT(1)));
    assert_true(value_eq((struct value){VALUE_NULL, {0}}, (struct value){VALUE_NULL, {0}}));
    const struct value one[] = {VALUE_OF_INT(1)}, two[] = {VALUE_OF_INT(2)};
    struct value a = {VALUE_LIST, {.list = {one, 1}}}, b = {VALUE_LIST, {.list = {two, 1}}};
    assert_true(value_eq(a, a));
    assert_false(value_eq(a, b));
    b.as.list.len = 0;
    assert_false(value_eq(a, b));
}

static void numbers(void **state)
{
    (void)state;
    double out = 7;
    assert_true(value_number(VALUE_OF_INT(3), &out) && out == 3);
    assert_true(value_number(VALUE_OF_FLOAT(0.5), &out) && out == 0.5);
    assert_false(value_number(VALUE_OF_BOOL(true), &out));
    assert_false(value_number(VALUE_OF_STR(STR("3")), &out));
    assert_string_equal(value_kind_name(VALUE_LIST), "list");
    assert_string_equal(value_kind_name(VALUE_UNKNOWN), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_print_short_and_exact),
        cmocka_unit_test(other_kinds_print),
        cmocka_unit_test(equality),
        cmocka_unit_test(numbers),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return rc;
}
