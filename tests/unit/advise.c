/* advise.c: what single changes save, in order of harm; laws that hold for any run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../run_text.h"
#include "advise.h"

static struct arena arena;

static int fresh(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

struct scene {
    struct targets targets;
    struct rule_context context;
    struct run run;
    struct estimate now;
    struct advices all;
};

static struct scene *scene_of(const char *facts, const char *gpu)
{
    struct scene *s = arena_new(&arena, struct scene);
    struct err err = {.message = ""};
    struct target t;
    if (!gpu_target(&arena, pack_builtin(), str_from(gpu), &t, &err))
        fail_msg("%s", err.message);
    vec_push(&arena, &s->targets, t);
    s->context.pack = pack_builtin();
    s->context.targets = &s->targets;
    s->run = run_text(&arena, str_from(facts));
    memory_estimate(&arena, s->context.pack, &s->run, &s->targets.at[0], &s->now);
    advise_run(&arena, &s->context, &s->run, &s->targets.at[0], &s->now, &s->all);
    return s;
}

static const struct advice *find(const struct scene *s, const char *id)
{
    for (size_t i = 0; i < s->all.len; i++)
        if (str_eq(s->all.at[i].change->id, str_from(id)))
            return &s->all.at[i];
    return NULL;
}

static const char LLAMA[] = "model_name: meta-llama/Llama-2-7b-hf\n"
                            "batch_size: 8\ngradient_accumulation_steps: 2\n"
                            "max_seq_len: 2048\nprecision: bf16\noptimizer: adamw\n"
                            "gradient_checkpointing: none\npeft: lora\nlora_rank: 16\n";

static void test_order(void **state)
{
    (void)state;
    struct scene *s = scene_of(LLAMA, "24GB");
    assert_true(s->all.len >= 4);
    for (size_t i = 1; i < s->all.len; i++)
        assert_true(s->all.at[i].change->effect >= s->all.at[i - 1].change->effect);
    for (size_t i = 0; i < s->all.len; i++) {
        const struct advice *x = &s->all.at[i];
        assert_true(x->saves * 100 >= s->now.total);
        assert_int_equal(x->saves, s->now.total - x->total);
        assert_true(x->low <= x->total && x->total <= x->high);
        assert_true(x->change->effect <= EFFECT_SLOWER || x->safety == FIX_UNSAFE);
    }
}

/* What advice says of the run as it would be is what the model says of that run. */
static void test_as_estimated(void **state)
{
    (void)state;
    struct scene *s = scene_of(LLAMA, "24GB");
    const struct advice *x = find(s, "activation-checkpointing");
    assert_non_null(x);
    struct run run = run_text(&arena, str_from(LLAMA));
    run_text_set(&arena, &run, FACT_gradient_checkpointing, VALUE_OF_STR(STR("full")));
    struct estimate e;
    memory_estimate(&arena, s->context.pack, &run, &s->targets.at[0], &e);
    assert_int_equal(x->total, e.total);
    assert_int_equal(x->verdict, e.verdict);
}

static void test_batch_keeps_effective(void **state)
{
    (void)state;
    struct scene *s = scene_of(LLAMA, "24GB");
    const struct advice *x = find(s, "smaller-batch");
    double before, after;
    assert_non_null(x);
    struct run run = run_wished(&arena, &s->run, &x->wishes);
    assert_true(run_effective_batch(&s->run, &before));
    assert_true(run_effective_batch(&run, &after));
    assert_true(before == after);
    assert_non_null(strstr(arena_str(&arena, x->text).at, "batch 8 -> "));
}

static void test_batch_norm_is_unsafe(void **state)
{
    (void)state;
    struct scene *s = scene_of("model_name: resnet50\nbatch_size: 256\nprecision: fp32\n"
                               "optimizer: sgd\nimage_size: 224+224\n",
                               "12GB");
    const struct advice *x = find(s, "smaller-batch");
    assert_non_null(x);
    assert_int_equal(x->safety, FIX_UNSAFE);
    assert_true(x->reason.len > 0);
}

static void test_silence(void **state)
{
    (void)state;
    assert_int_equal(scene_of("model_name: nobody/knows\nbatch_size: 8\n", "12GB")->all.len, 0);
    assert_int_equal(scene_of("model_name: resnet50\nprecision: fp32\n", "12GB")->all.len, 0);
    struct scene *s = scene_of(LLAMA, "24GB");
    assert_null(find(s, "mixed-precision")); /* it is bf16 already */
    assert_null(find(s, "lora"));
}

static void test_best(void **state)
{
    (void)state;
    struct scene *s = scene_of(LLAMA, "80GB");
    const struct advice *best = advise_best(&s->all);
    assert_non_null(best);
    for (size_t i = 0; i < s->all.len && &s->all.at[i] != best; i++)
        assert_true(s->all.at[i].verdict != VERDICT_FITS);
    struct advices none = {.len = 0};
    assert_null(advise_best(&none));
}

static int free_of_charge(void *context, const struct run *run, const struct wishes *wishes)
{
    (void)context;
    (void)run;
    return wishes->len ? 0 : -1;
}

static int only_batch(void *context, const struct run *run, const struct wishes *wishes)
{
    (void)context;
    (void)run;
    return wishes->len && wishes->at[0].fact == FACT_batch_size ? 0 : -1;
}

static int nothing_can_be_written(void *context, const struct run *run,
                                  const struct wishes *wishes)
{
    (void)context;
    (void)run;
    (void)wishes;
    return -1;
}

static void add_target(struct scene *s, const char *gpu)
{
    struct target t;
    assert_true(gpu_target(&arena, pack_builtin(), str_from(gpu), &t, NULL));
    vec_push(&arena, &s->targets, t);
}

static void test_fit(void **state)
{
    (void)state;
    struct scene *s = scene_of(LLAMA, "24GB");
    struct advise_set set;
    double before, after;
    advise_fit(&arena, &s->context, &s->run, free_of_charge, NULL, &set);
    assert_true(set.needed && set.found);
    assert_true(set.after < set.before);
    assert_int_equal(set.verdict_after, VERDICT_FITS);
    assert_true(set.effect <= EFFECT_SLOWER); /* nothing worse is needed */
    assert_int_equal(set.safety, FIX_SAFE);
    struct run run = run_wished(&arena, &s->run, &set.wishes);
    assert_true(run_effective_batch(&s->run, &before) && run_effective_batch(&run, &after));
    assert_true(before == after);
    struct advise_set again; /* what it gives needs nothing more */
    advise_fit(&arena, &s->context, &run, free_of_charge, NULL, &again);
    assert_false(again.needed);
}

static void test_fit_every_target(void **state)
{
    (void)state;
    struct scene *s = scene_of(LLAMA, "80GB");
    struct advise_set set;
    add_target(s, "16GB");
    add_target(s, "24GB");
    advise_fit(&arena, &s->context, &s->run, free_of_charge, NULL, &set);
    assert_true(set.needed && set.found);
    assert_true(set.target == &s->targets.at[1]);
    struct run run = run_wished(&arena, &s->run, &set.wishes);
    for (size_t i = 0; i < s->targets.len; i++) {
        struct estimate e;
        memory_estimate(&arena, s->context.pack, &run, &s->targets.at[i], &e);
        assert_true(e.total <= e.usable);
    }
}

static void test_fit_with_what_can_be_written(void **state)
{
    (void)state;
    struct scene *s = scene_of(LLAMA, "24GB");
    struct advise_set set;
    advise_fit(&arena, &s->context, &s->run, only_batch, NULL, &set);
    assert_true(set.needed);
    for (size_t i = 0; i < set.wishes.len; i++)
        assert_true(set.wishes.at[i].fact == FACT_batch_size ||
                    set.wishes.at[i].fact == FACT_gradient_accumulation_steps);
    advise_fit(&arena, &s->context, &s->run, nothing_can_be_written, NULL, &set);
    assert_true(set.needed && !set.found);
    struct run nobody = run_text(&arena, str_from("model_name: x/y\nbatch_size: 9\n"));
    advise_fit(&arena, &s->context, &nobody, free_of_charge, NULL, &set);
    assert_false(set.needed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_order, fresh),
        cmocka_unit_test_teardown(test_as_estimated, fresh),
        cmocka_unit_test_teardown(test_batch_keeps_effective, fresh),
        cmocka_unit_test_teardown(test_batch_norm_is_unsafe, fresh),
        cmocka_unit_test_teardown(test_silence, fresh),
        cmocka_unit_test_teardown(test_best, fresh),
        cmocka_unit_test_teardown(test_fit, fresh),
        cmocka_unit_test_teardown(test_fit_every_target, fresh),
        cmocka_unit_test_teardown(test_fit_with_what_can_be_written, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
