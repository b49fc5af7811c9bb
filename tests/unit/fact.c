#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fact.h"

static bool takes_word(enum fact_id id, const char *word)
{
    return fact_accepts(id, VALUE_OF_STR(str_from(word)));
}

static void names_go_both_ways(void **state)
{
    (void)state;
    for (int i = 0; i < FACT_COUNT; i++)
        assert_int_equal(fact_parse(fact_info((enum fact_id)i)->name), i);
    assert_int_equal(fact_parse(STR("batch")), FACT_COUNT);
    assert_int_equal(fact_parse(STR("")), FACT_COUNT);
    assert_true(str_eq(fact_info(FACT_batch_size)->unit, STR("samples")));
}

static void every_enum_has_words(void **state)
{
    (void)state;
    for (int i = 0; i < FACT_COUNT; i++) {
        enum fact_id id = (enum fact_id)i;
        const char *const *words = fact_words(id);
        if (fact_info(id)->type != FACT_TYPE_ENUM) {
            assert_null(words);
            continue;
        }
        assert_non_null(words);
        assert_non_null(words[0]);
        for (; *words; words++)
            assert_true(takes_word(id, *words));
    }
}

static void types_are_checked(void **state)
{
    (void)state;
    assert_true(fact_accepts(FACT_batch_size, VALUE_OF_INT(8)));
    assert_false(fact_accepts(FACT_batch_size, VALUE_OF_FLOAT(8)));
    assert_false(fact_accepts(FACT_batch_size, VALUE_OF_STR(STR("8"))));
    assert_true(fact_accepts(FACT_learning_rate, VALUE_OF_INT(1)));
    assert_false(fact_accepts(FACT_learning_rate, VALUE_OF_STR(STR("1e-5"))));
    assert_true(fact_accepts(FACT_pin_memory, VALUE_OF_BOOL(true)));
    assert_false(fact_accepts(FACT_pin_memory, VALUE_OF_INT(1)));
    assert_true(fact_accepts(FACT_image_size, VALUE_OF_INT(224)));
    assert_false(fact_accepts(FACT_lora_targets, VALUE_OF_INT(224)));
    assert_false(fact_accepts(FACT_batch_size, VALUE_NOTHING));
}

static void only_the_optimizer_is_open(void **state)
{
    (void)state;
    assert_true(takes_word(FACT_precision, "amp-bf16"));
    assert_false(takes_word(FACT_precision, "bfloat16"));
    assert_true(takes_word(FACT_optimizer, "paged-adamw-8bit"));
    assert_true(takes_word(FACT_optimizer, "brand-new2"));
    assert_false(takes_word(FACT_optimizer, "AdamW"));
    assert_false(takes_word(FACT_optimizer, ""));
    assert_false(takes_word(FACT_optimizer, "two words"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_both_ways),
        cmocka_unit_test(every_enum_has_words),
        cmocka_unit_test(types_are_checked),
        cmocka_unit_test(only_the_optimizer_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
