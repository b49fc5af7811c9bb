/* memory_layers.c: what a list of layers keeps, against counts of the same layers in
 * PyTorch (storages that live when forward ends, on tensors without values), in fp32 and
 * under autocast; and silence where the list does not say enough. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../run_text.h"
#include "memory_term.h"

static struct arena arena;

static int fresh(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static bool plan_of(const char *facts, struct plan *plan, struct assumptions *list)
{
    struct run run = run_text(&arena, str_from(facts));
    struct notes notes = {&arena, list};
    return memory_plan(&notes, pack_builtin(), &run, NULL, plan);
}

static void expect_kept(const char *facts, double counted, double percent)
{
    struct plan plan;
    struct assumptions list = {.len = 0};
    assert_true(plan_of(facts, &plan, &list));
    double off = 100 * (plan.kept.mid / counted - 1);
    if (fabs(off) > percent) {
        fail_msg("%s\nkeeps %.0f bytes, counted %.0f: %+.1f %%", facts, plan.kept.mid,
                 counted, off);
    }
    assert_true(plan.kept.low <= counted && counted <= plan.kept.high);
}

#define STACK_1D                                                                           \
    "layers: conv1d 32 64 3, batchnorm 64, relu, maxpool1d 2, conv1d 64 128 3, "           \
    "batchnorm 128, relu, maxpool1d 2, conv1d 128 256 3, batchnorm 256, relu, maxpool1d 2"
#define STACK_2D                                                                           \
    "layers: conv2d 3 32 3, batchnorm 32, relu, maxpool2d 2, conv2d 32 64 3, batchnorm "   \
    "64, "                                                                                 \
    "relu, maxpool2d 2, flatten, linear 4096 10"
#define MLP "layers: linear 784 512, relu, dropout 0.2, linear 512 10"
#define ENCODER                                                                            \
    "layers: transformerencoderlayer 256 8 1024, transformerencoderlayer 256 8 1024"

static void keeps_what_pytorch_keeps(void **state)
{
    (void)state;
    expect_kept(STACK_1D "\nmax_seq_len: 512", 1376256, 1);
    expect_kept(STACK_1D "\nmax_seq_len: 512\nprecision: amp-fp16", 917504, 5);
    expect_kept(STACK_2D "\nimage_size: 32", 553000, 1);
    expect_kept(STACK_2D "\nimage_size: 32\nprecision: amp-fp16", 325652, 1);
    expect_kept(MLP, 7784, 1);
    expect_kept(MLP "\nprecision: amp-fp16", 4148, 1);
    expect_kept(ENCODER "\nmax_seq_len: 128", 4993024, 8);
    expect_kept(ENCODER "\nmax_seq_len: 128\nprecision: amp-fp16", 2895872, 8);
}

/* The practice note's network: convolutions of one dimension, then a recurrent part. */
#define CNN_LSTM                                                                           \
    STACK_1D ", lstm 256 256 2 bi, dropout 0.3, linear 512 10\nmax_seq_len: 512"           \
             "\nprecision: amp-fp16\noptimizer: adamw"

static void a_recurrent_part_comes_after_convolutions(void **state)
{
    (void)state;
    struct plan plan;
    struct assumptions list = {.len = 0};
    assert_true(plan_of(CNN_LSTM, &plan, &list));
    assert_true(str_eq(plan.net.family, STR("cnn-rnn")));
    assert_int_equal((int)plan.net.parameters, 2765130); /* PyTorch's own count */
    struct plan convolutions;
    assert_true(
        plan_of(STACK_1D "\nmax_seq_len: 512\nprecision: amp-fp16", &convolutions, &list));
    assert_true(plan.kept.mid > convolutions.kept.mid);
    assert_true(plan.kept.high / plan.kept.low < 4);
}

static void what_the_list_does_not_say_is_asked_for(void **state)
{
    (void)state;
    struct plan plan;
    struct assumptions list = {.len = 0};
    assert_false(plan_of("layers: conv2d 3 32 3, relu", &plan, &list));
    assert_non_null(strstr(list.at[0].at, "image_size"));
    list.len = 0;
    assert_false(plan_of("layers: lstm 32 64 1", &plan, &list));
    assert_non_null(strstr(list.at[0].at, "max_seq_len"));
    list.len = 0;
    assert_false(plan_of("layers: nobody knows, this one", &plan, &list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(keeps_what_pytorch_keeps, fresh),
        cmocka_unit_test_teardown(a_recurrent_part_comes_after_convolutions, fresh),
        cmocka_unit_test_teardown(what_the_list_does_not_say_is_asked_for, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
