#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "buf.h"
#include "vec.h"

static void blocks_are_zeroed_and_aligned(void **state)
{
    (void)state;
    struct arena a = {0};
    for (size_t size = 0; size < 5000; size += 37) {
        unsigned char *at = arena_alloc(&a, size);
        assert_int_equal((uintptr_t)at % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(at[i], 0);
        memset(at, 0xAA, size);
    }
    arena_free(&a);
    assert_int_equal(a.total, 0);
}

static void released_memory_is_zero_again(void **state)
{
    (void)state;
    struct arena a = {0};
    char *keep = arena_alloc(&a, 10);
    keep[9] = 'k';
    struct arena_mark mark = arena_mark(&a);
    memset(arena_alloc(&a, 100), 0xFF, 100);
    arena_alloc(&a, 1000000);
    arena_release(&a, mark);
    char *again = arena_alloc(&a, 100);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(again[i], 0);
    assert_int_equal(keep[9], 'k');
    arena_free(&a);
}

static void growing_keeps_the_old_bytes(void **state)
{
    (void)state;
    struct arena a = {0};
    struct {
        int *at;
        size_t len, cap;
    } list = {0};
    for (int i = 0; i < 10000; i++) {
        if (i % 7 == 0)
            arena_alloc(&a, 3);
        vec_push(&a, &list, i);
    }
    for (int i = 0; i < 10000; i++)
        assert_int_equal(list.at[i], i);
    arena_free(&a);
}

static void buffers_build_text(void **state)
{
    (void)state;
    struct arena a = {0};
    struct buf b = buf_new(&a);
    assert_int_equal(buf_str(&b).len, 0);
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i);
    buf_repeat(&b, '-', 3);
    assert_int_equal(buf_str(&b).len, 10 * 2 + 90 * 3 + 900 * 4 + 3);
    assert_true(str_ends(buf_str(&b), STR("998,999,---")));
    assert_true(str_eq(arena_printf(&a, "%s=%d", "x", 5), STR("x=5")));
    arena_free(&a);
}

static jmp_buf out_of_memory;

static void give_up(void)
{
    longjmp(out_of_memory, 1);
}

static void the_nth_allocation_fails_on_demand(void **state)
{
    (void)state;
    struct arena a = {0};
    volatile int got = 0;
    arena_on_failure(give_up);
    arena_fail_after(3);
    if (!setjmp(out_of_memory))
        for (got = 0; got < 10; got++)
            arena_alloc(&a, 8);
    arena_fail_after(0);
    arena_on_failure(NULL);
    assert_int_equal(got, 2);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_and_aligned),
        cmocka_unit_test(released_memory_is_zero_again),
        cmocka_unit_test(growing_keeps_the_old_bytes),
        cmocka_unit_test(buffers_build_text),
        cmocka_unit_test(the_nth_allocation_fails_on_demand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
