/* What a run answers, and above all what it does not know. */
#include "run.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct fact facts[16];

static struct run empty_run(void)
{
    struct run r = {.facts = {facts, 0, 16}};
    for (int i = 0; i < FACT_COUNT; i++)
        r.best[i] = -1;
    return r;
}

static void say(struct run *r, enum fact_id id, struct value v)
{
    facts[r->facts.len] = (struct fact){.id = id, .value = v};
    r->best[id] = (int32_t)r->facts.len++;
}

static void nothing_said(void **state)
{
    (void)state;
    struct run r = empty_run();
    double n;
    struct str word;
    assert_null(run_fact(&r, FACT_batch_size));
    assert_int_equal(run_value(&r, FACT_batch_size).kind, VALUE_UNKNOWN);
    assert_false(run_number(&r, FACT_batch_size, &n));
    assert_false(run_word(&r, FACT_precision, &word));
    assert_false(run_is(&r, FACT_precision, "fp32"));
    assert_false(run_effective_batch(&r, &n));
    assert_true(run_data_parallel(&r, &n));
    assert_true(n == 1);
}

static void effective_batch(void **state)
{
    (void)state;
    struct run r = empty_run();
    double n;
    say(&r, FACT_batch_size, VALUE_OF_INT(8));
    assert_true(run_effective_batch(&r, &n));
    assert_true(n == 8);
    say(&r, FACT_gradient_accumulation_steps, VALUE_OF_INT(4));
    say(&r, FACT_num_devices, VALUE_OF_INT(8));
    say(&r, FACT_num_nodes, VALUE_OF_INT(2));
    say(&r, FACT_tensor_parallel, VALUE_OF_INT(4));
    assert_true(run_effective_batch(&r, &n));
    assert_true(n == 8 * 4 * 4);
}

static void unknown_counts_are_not_one(void **state)
{
    (void)state;
    struct run r = empty_run();
    double n;
    say(&r, FACT_batch_size, VALUE_OF_INT(8));
    say(&r, FACT_num_devices, VALUE_NOTHING);
    assert_false(run_effective_batch(&r, &n));
    facts[1].value = VALUE_OF_INT(0);
    assert_false(run_effective_batch(&r, &n));
    facts[1].value = VALUE_OF_INT(2);
    assert_true(run_effective_batch(&r, &n));
    assert_true(n == 16);
}

static void device_map_is_not_data_parallel(void **state)
{
    (void)state;
    struct run r = empty_run();
    double n;
    say(&r, FACT_num_devices, VALUE_OF_INT(4));
    say(&r, FACT_strategy, VALUE_OF_STR(STR("device_map")));
    assert_true(run_data_parallel(&r, &n));
    assert_true(n == 1);
    assert_true(run_is(&r, FACT_strategy, "device_map"));
    assert_false(run_is(&r, FACT_strategy, "ddp"));
}

static void origins_have_names(void **state)
{
    (void)state;
    assert_string_equal(origin_name(ORIGIN_EXPLICIT), "explicit");
    assert_string_equal(origin_name(ORIGIN_ASSUMED), "assumed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said),
        cmocka_unit_test(effective_batch),
        cmocka_unit_test(unknown_counts_are_not_one),
        cmocka_unit_test(device_map_is_not_data_parallel),
        cmocka_unit_test(origins_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
