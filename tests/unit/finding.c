#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "finding.h"

static struct arena arena;

static void severities(void **state)
{
    (void)state;
    enum severity s = SEVERITY_ERROR;
    assert_true(severity_parse(STR("off"), &s) && s == SEVERITY_OFF);
    for (int i = SEVERITY_OFF; i <= SEVERITY_ERROR; i++) {
        assert_true(severity_parse(str_from(severity_name((enum severity)i)), &s));
        assert_int_equal(s, i);
    }
    assert_false(severity_parse(STR("Warning"), &s));
    assert_string_equal(safety_name(FIX_SHOWN), "shown");
}

static void adding_fills_the_empty_strings(void **state)
{
    (void)state;
    struct findings list = {0};
    struct finding *f =
        finding_add(&arena, &list, NULL, (struct span){3, 5}, "%d of %s", 2, "x");
    assert_int_equal(list.len, 1);
    assert_true(str_eq(f->message, STR("2 of x")));
    assert_non_null(f->code.at);
    assert_non_null(f->help.at);
    assert_non_null(f->gpu.at);
    assert_null(f->fix);
    assert_int_equal(f->span.to, 5);
}

static int order(const struct finding *x, const struct finding *y)
{
    int c = str_compare(x->source->path, y->source->path);
    if (c)
        return c;
    if (x->span.from != y->span.from)
        return x->span.from < y->span.from ? -1 : 1;
    return str_compare(x->code, y->code);
}

static void sorting_is_right_and_stable(void **state)
{
    (void)state;
    static const char *const codes[] = {"MEM001", "MEM002", "CFG001"};
    struct source sources[2] = {{.path = STR("b")}, {.path = STR("a")}};
    unsigned seed = 12345;
    for (size_t len = 0; len < 200; len += 1 + len / 4) {
        struct findings list = {0};
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1103515245u + 12345u;
            uint32_t from = seed >> 16 & 7;
            struct finding *f = finding_add(&arena, &list, &sources[seed >> 20 & 1],
                                            (struct span){from, (uint32_t)i}, "x");
            f->code = str_from(codes[(seed >> 24) % 3]);
        }
        finding_sort(&list);
        assert_int_equal(list.len, len);
        for (size_t i = 1; i < len; i++) {
            int c = order(&list.at[i - 1], &list.at[i]);
            assert_true(c <= 0);
            /* span.to holds the place before sorting. */
            assert_true(c < 0 || list.at[i - 1].span.to < list.at[i].span.to);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(severities),
        cmocka_unit_test(adding_fills_the_empty_strings),
        cmocka_unit_test(sorting_is_right_and_stable),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return rc;
}
