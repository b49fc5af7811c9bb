/* model_file.c: a config.json as a network, by its type or by figures that are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model_file.h"

static struct arena arena;

static int fresh(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static const struct model *parse(const char *text)
{
    struct source *s = arena_new(&arena, struct source);
    source_init(s, &arena, STR("config.json"), str_from(text), LANGUAGE_JSON);
    return model_file_parse(&arena, pack_builtin(), s);
}

static void test_known_figures(void **state)
{
    (void)state;
    const struct model *m =
        parse("{\"model_type\": \"llama\", \"hidden_size\": 4096, \"intermediate_size\": 11008,"
              " \"num_hidden_layers\": 32, \"num_attention_heads\": 32, \"vocab_size\": 32000}");
    const struct model *llama = pack_find_model(pack_builtin(), STR("meta-llama/Llama-2-7b-hf"));
    assert_non_null(m);
    assert_int_equal(m->parameters, llama->parameters);
    assert_true(m->gated_mlp);
}

static void test_by_type(void **state)
{
    (void)state;
    const struct model *m =
        parse("{\"model_type\": \"llama\", \"hidden_size\": 1000, \"intermediate_size\": 3000,"
              " \"num_hidden_layers\": 7, \"num_attention_heads\": 10, \"num_key_value_heads\": 5,"
              " \"vocab_size\": 12345, \"max_position_embeddings\": 777}");
    assert_non_null(m);
    assert_string_equal(arena_str(&arena, m->family).at, "decoder");
    assert_int_equal(m->hidden, 1000);
    assert_int_equal(m->kv_heads, 5);
    assert_int_equal(m->context, 777);
    assert_true(m->gated_mlp);
    assert_false(m->tied_embeddings);
    m = parse("{\"model_type\": \"gpt2\", \"n_embd\": 320, \"n_layer\": 3, \"n_head\": 5,"
              " \"n_positions\": 99, \"vocab_size\": 500}");
    assert_non_null(m);
    assert_int_equal(m->ffn, 4 * 320);
    assert_true(m->tied_embeddings);
    assert_false(m->gated_mlp);
}

static void test_silence(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "{", "[]", "{}", "7",
        "{\"model_type\": \"llama\"}",
        "{\"model_type\": \"newest\", \"hidden_size\": 1000, \"num_hidden_layers\": 7,"
        " \"num_attention_heads\": 10, \"vocab_size\": 12345}",
        "{\"model_type\": \"llama\", \"hidden_size\": -4, \"num_hidden_layers\": 7,"
        " \"num_attention_heads\": 10, \"vocab_size\": 12345}",
        "{\"model_type\": \"llama\", \"hidden_size\": 1000, \"num_hidden_layers\": 7,"
        " \"num_attention_heads\": 10, \"vocab_size\": 12345, \"quantization_config\": {}}",
        "{\"model_type\": \"llama\", \"vision_config\": {}, \"hidden_size\": 1000,"
        " \"num_hidden_layers\": 7, \"num_attention_heads\": 10, \"vocab_size\": 12345}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_null(parse(texts[i]));
}

/* What the tables name is there. */
static void test_tables(void **state)
{
    (void)state;
    const struct pack *pack = pack_builtin();
    assert_true(pack->config_types.len > 0 && pack->config_keys.len > 0);
    for (uint32_t i = 0; i < pack->config_types.len; i++)
        assert_non_null(pack_find_model(pack, pack->config_types.at[i].like));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_known_figures, fresh),
        cmocka_unit_test_teardown(test_by_type, fresh),
        cmocka_unit_test_teardown(test_silence, fresh),
        cmocka_unit_test_teardown(test_tables, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
