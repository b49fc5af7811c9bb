/* Binding with a table of its own, so that no shipped table decides what is tested here:
 * keys, traps, conditions, values, runs, and the way back from a fact to its setting. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* --- a small pack, written as a user would write it ------------------------- */

static const char TABLES[] =
    "framework: toy\n"
    "summary: a table for tests\n"
    "languages: [yaml, json, python]\n"
    "priority: 10\n"
    "recognise:\n"
    "  - all_keys: [toy]\n"
    "  - any_keys: [\"**.micro\", \"**.steps\", \"**.batch_size\"]\n"
    "    at_least: 2\n"
    "    no_keys: [services]\n"
    "keys:\n"
    "  \"**.batch_size\": batch_size\n"
    "  \"**.micro\": batch_size\n"
    "  train.batch_size: {fact: global_batch_size, insertable: false}\n"
    "  \"**.roi.batch_size\": null\n"
    "  \"**.steps\": gradient_accumulation_steps\n"
    "  \"/(data_)?workers/\": num_workers\n"
    "  \"**.workers_of_others\": null\n"
    "  \"**.fp16\": {fact: precision, values: {true: amp-fp16, false: fp32, auto: \"?\"}, "
    "why: auto}\n"
    "  \"**.bf16\": {fact: precision, values: {true: amp-bf16}, weight: 3, insertable: "
    "false}\n"
    "  \"**.pin\": {fact: pin_memory, inside: [loader]}\n"
    "  \"**.size\": image_size\n"
    "  \"**.clip\": {fact: grad_clip_norm, when: \"unknown(mode) or mode != 'value'\"}\n"
    "  \"**.double\": {fact: max_seq_len, compute: \"value * 2\"}\n"
    "  \"**.optim\":\n"
    "    - {fact: optimizer}\n"
    "    - {fact: optimizer_impl, values: {adamw_fused: fused}, insertable: false}\n"
    "  \"**.cpu_optimizer\": {fact: offload, values: {true: [optimizer]}}\n"
    "  \"**.cpu_params\": {fact: offload, values: {true: [parameters]}}\n"
    "  \"**.alloc\": allocator_conf\n"
    "  \"**.devices\": num_devices\n"
    "  \"**.make().depth\": num_layers\n"
    "  \"**.Big()\": {fact: optimizer, values: {\"*\": lamb}}\n"
    "defaults:\n"
    "  gradient_accumulation_steps: {value: 1, why: toy 1.0}\n"
    "  save_interval: {value: 9, when: \"gradient_accumulation_steps == 1\"}\n"
    "derived:\n"
    "  eval_batch_size: batch_size * 2\n"
    "sources: [none]\n";

static const char WORDS[] =
    "framework: words\n"
    "summary: words\n"
    "languages: [yaml]\n"
    "generic: true\n"
    "keys:\n"
    "  words.optimizer:\n"
    "    {fact: optimizer, values: {adamw_fused: adamw, sgd: sgd}}\n"
    "sources: [none]\n";

static struct arena arena;
static struct pack pack;
static char folder[] = "/tmp/bind-test-XXXXXX";

static void write_table(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/bind/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int load(void **state)
{
    (void)state;
    char command[128];
    struct findings problems = {0};
    struct err err = {{0}};
    if (!mkdtemp(folder))
        return -1;
    snprintf(command, sizeof command, "mkdir %s/bind", folder);
    if (system(command))
        return -1;
    write_table("toy.yaml", TABLES);
    write_table("words.yaml", WORDS);
    if (pack_load(&arena, folder, &pack, &problems, &err))
        return 0;
    for (size_t i = 0; i < problems.len; i++)
        fprintf(stderr, "%.*s\n", STR_ARG(problems.at[i].message));
    return -1;
}

static int drop(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    arena_free(&arena);
    return system(command) ? -1 : 0;
}

static struct document doc;
static struct runs runs;

static void read_as(const char *path, struct str text)
{
    struct source *s = arena_new(&arena, struct source);
    source_init(s, &arena, str_from(path), text, language_of_path(str_from(path)));
    doc = (struct document){.source = s};
    runs = (struct runs){0};
    front_parse(&arena, s, &doc);
    bind_document(&arena, &pack, &doc, NULL, &runs);
}

static const struct run *read_one(const char *path, const char *text)
{
    read_as(path, str_from(text));
    assert_int_equal(runs.len, 1);
    return &runs.at[0];
}

static const struct run *yaml(const char *text)
{
    return read_one("t.yaml", text);
}

static struct value value_of(const struct run *r, enum fact_id id)
{
    return run_value(r, id);
}

static void assert_int_fact(const struct run *r, enum fact_id id, int64_t want)
{
    assert_true(value_eq(value_of(r, id), VALUE_OF_INT(want)));
}

static void assert_unknown_fact(const struct run *r, enum fact_id id, const char *why)
{
    const struct fact *f = run_fact(r, id);
    assert_non_null(f);
    assert_int_equal(f->value.kind, VALUE_UNKNOWN);
    assert_true(str_eq(f->why, str_from(why)));
}

/* --- recognising -------------------------------------------------------------- */

static void no_trainer_no_runs(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"",
                                        "a: 1\n",
                                        "batch_size: 4\n",
                                        "- 1\n- 2\n",
                                        "text\n",
                                        "micro: {a: 1}\nsteps: {b: 2}\n",
                                        "services: {}\nmicro: 1\nsteps: 2\n"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        read_as("t.yaml", str_from(TEXTS[i]));
        assert_int_equal(runs.len, 0);
        assert_null(bind_recognise(&pack, &doc));
    }
}

/* --- keys ----------------------------------------------------------------------- */

static void exact_beats_anywhere_beats_regex(void **state)
{
    (void)state;
    const struct run *r = yaml("toy: 1\ntrain: {batch_size: 64}\na: {b: {batch_size: 8}}\n"
                               "data_workers: 3\nWorkers: 5\n");
    assert_int_fact(r, FACT_global_batch_size, 64);
    assert_int_fact(r, FACT_batch_size, 8);
    assert_int_fact(r, FACT_num_workers, 5);
}

static void traps_are_silent(void **state)
{
    (void)state;
    const struct run *r = yaml("toy: 1\nsteps: 2\nroi: {batch_size: 512}\n"
                               "workers_of_others: 4\nmy_batch_size: 9\n");
    assert_null(run_fact(r, FACT_batch_size));
    assert_null(run_fact(r, FACT_num_workers));
}

static void containers_and_conditions(void **state)
{
    (void)state;
    const struct run *r = yaml("toy: 1\nsteps: 2\npin: true\nother: {pin: true}\n"
                               "opt: {clip: 2, mode: value}\n");
    assert_null(run_fact(r, FACT_pin_memory));
    assert_null(run_fact(r, FACT_grad_clip_norm));
    r = yaml("toy: 1\nsteps: 2\nloader: {x: {pin: false}}\nopt: {clip: 2, mode: norm}\n");
    assert_true(value_eq(value_of(r, FACT_pin_memory), VALUE_OF_BOOL(false)));
    assert_true(value_eq(value_of(r, FACT_grad_clip_norm), VALUE_OF_INT(2)));
}

static void duplicates_and_merges(void **state)
{
    (void)state;
    const struct run *r = yaml("toy: 1\nmicro: 4\nmicro: 8\nsteps: 2\n");
    assert_int_fact(r, FACT_batch_size, 8);
    assert_int_equal(run_fact(r, FACT_batch_size)->setting->flags & SETTING_DUPLICATE,
                     SETTING_DUPLICATE);
    r = yaml("toy: 1\nbase: &b {batch_size: 32}\ntrain: {<<: *b}\nsteps: 2\n");
    assert_int_fact(r, FACT_batch_size, 32);
}

/* --- values ----------------------------------------------------------------------- */

static void unknown_with_a_reason(void **state)
{
    (void)state;
    const struct run *r = yaml("toy: 1\nmicro: \"16\"\nsteps: auto\ndevices: -1\n"
                               "fp16: auto\nclip: 1e-1\n");
    assert_unknown_fact(r, FACT_batch_size, "a string, not a number");
    assert_unknown_fact(r, FACT_gradient_accumulation_steps, "auto");
    assert_unknown_fact(r, FACT_num_devices, "negative: chosen at run time");
    assert_unknown_fact(r, FACT_precision, "auto");
    assert_unknown_fact(r, FACT_grad_clip_norm, "a string, not a number");
}

static void wrong_types_are_no_facts(void **state)
{
    (void)state;
    const struct run *r =
        yaml("toy: 1\nsteps: 1\nmicro: [1, 2]\ndevices: true\nfp16: maybe\n"
             "size: [1, 2, 3]\nalloc: 7\noptim: null\n");
    assert_null(run_fact(r, FACT_batch_size));
    assert_null(run_fact(r, FACT_num_devices));
    assert_null(run_fact(r, FACT_precision));
    assert_null(run_fact(r, FACT_image_size));
    assert_null(run_fact(r, FACT_allocator_conf));
    assert_null(run_fact(r, FACT_optimizer));
}

static void values_are_read(void **state)
{
    (void)state;
    const struct run *r = yaml("toy: 1\nmicro: 4.0\nsize: 224\noptim: AdamW_fused\n"
                               "double: 512\nbf16: true\nfp16: false\n"
                               "cpu_optimizer: true\ncpu_params: true\n"
                               "alloc: 'max_split_size_mb:64,expandable_segments:True'\n");
    struct value size = value_of(r, FACT_image_size), offload = value_of(r, FACT_offload);
    assert_int_fact(r, FACT_batch_size, 4);
    assert_int_equal(size.as.list.len, 2);
    assert_int_equal(size.as.list.at[1].as.integer, 224);
    assert_true(run_is(r, FACT_optimizer, "adamw"));
    assert_true(run_is(r, FACT_optimizer_impl, "fused"));
    assert_int_fact(r, FACT_max_seq_len, 1024);
    assert_true(run_is(r, FACT_precision, "amp-bf16")); /* the heavier, though not last */
    assert_int_equal(offload.as.list.len, 2);
    assert_true(value_eq(value_of(r, FACT_expandable_segments), VALUE_OF_BOOL(true)));
}

static void unheard_of_optimizers_keep_their_name(void **state)
{
    (void)state;
    assert_true(
        run_is(yaml("toy: 1\nmicro: 1\noptim: my.lib.NewOpt\n"), FACT_optimizer, "newopt"));
}

static void defaults_and_derived(void **state)
{
    (void)state;
    const struct run *r = yaml("toy: 1\nmicro: 4\nfp16: true\n");
    const struct fact *f = run_fact(r, FACT_gradient_accumulation_steps);
    assert_int_equal(f->origin, ORIGIN_DEFAULT);
    assert_true(str_eq(f->why, STR("toy 1.0")));
    assert_int_fact(r, FACT_save_interval, 9);
    assert_int_fact(r, FACT_eval_batch_size, 8);
    assert_int_equal(run_fact(r, FACT_eval_batch_size)->origin, ORIGIN_ASSUMED);
    assert_true(str_eq(run_fact(r, FACT_eval_batch_size)->why, STR("from batch_size")));
    r = yaml("toy: 1\nmicro: 4\nsteps: 2\n");
    assert_null(run_fact(r, FACT_save_interval));
}

/* --- scopes and runs ----------------------------------------------------------------- */

static void validation_is_apart(void **state)
{
    (void)state;
    const struct run *r = yaml("toy: 1\nmicro: 4\nsteps: 2\nval_loader: {micro: 16}\n"
                               "test: {x: {workers: 2}}\nvalue: {workers: 7}\n");
    assert_int_fact(r, FACT_batch_size, 4);
    assert_int_fact(r, FACT_eval_batch_size, 16);
    assert_int_fact(r, FACT_num_workers, 7);
}

static void presets_are_runs(void **state)
{
    (void)state;
    read_as("t.yaml", STR("toy: 1\nworkers: 3\npresets:\n"
                          "  fast: {micro: 32, steps: 1}\n"
                          "  small: {micro: 8, steps: 4, workers: 1}\n"));
    assert_int_equal(runs.len, 2);
    assert_true(str_eq(runs.at[0].name, STR("fast")));
    assert_int_fact(&runs.at[0], FACT_batch_size, 32);
    assert_int_fact(&runs.at[0], FACT_num_workers, 3);
    assert_int_fact(&runs.at[1], FACT_gradient_accumulation_steps, 4);
    assert_int_fact(&runs.at[1], FACT_num_workers, 1);
}

static void sections_are_one_run(void **state)
{
    (void)state;
    const struct run *r = yaml("toy: 1\ndata: {micro: 8, workers: 2}\n"
                               "trainer_config: {micro: 16, workers: 4}\n");
    assert_int_fact(r, FACT_batch_size, 16);
    assert_true(str_eq(r->name, STR("")));
}

static void documents_are_runs(void **state)
{
    (void)state;
    read_as("t.yaml", STR("micro: 1\nsteps: 2\n---\nmicro: 3\nsteps: 4\n"));
    assert_int_equal(runs.len, 2);
    assert_true(str_eq(runs.at[1].name, STR("document 2")));
    assert_int_fact(&runs.at[1], FACT_batch_size, 3);
}

static void python_call_sites_outweigh(void **state)
{
    (void)state;
    const struct run *r = read_one("t.py", "toy = 1; lr = 1; epochs = 2\n"
                                           "def build(micro=2):\n    pass\n"
                                           "class Config:\n    micro: int = 4\n"
                                           "    steps: int = 2\n"
                                           "model = make(depth=6)\n"
                                           "Config(micro=8)\n"
                                           "LATER = {'micro': 16}\n"
                                           "opt = Big(lr=1)\n");
    assert_int_fact(r, FACT_batch_size, 8);
    assert_int_fact(r, FACT_num_layers, 6);
    assert_true(run_is(r, FACT_optimizer, "lamb"));
}

/* --- the way back ----------------------------------------------------------------------
 */

static void written_is_the_inverse(void **state)
{
    (void)state;
    struct value out;
    const struct run *r = yaml("toy: 1\nmicro: 4\nfp16: true\nsize: 224\ndouble: 8\n"
                               "alloc: expandable_segments:False\n");
    assert_true(bind_written(run_fact(r, FACT_batch_size), VALUE_OF_INT(2), &out));
    assert_true(value_eq(out, VALUE_OF_INT(2)));
    assert_true(bind_written(run_fact(r, FACT_precision), VALUE_OF_STR(STR("fp32")), &out));
    assert_true(value_eq(out, VALUE_OF_BOOL(false)));
    assert_false(
        bind_written(run_fact(r, FACT_precision), VALUE_OF_STR(STR("amp-bf16")), &out));
    assert_false(bind_written(run_fact(r, FACT_max_seq_len), VALUE_OF_INT(4), &out));
    assert_false(bind_written(run_fact(r, FACT_batch_size), VALUE_NOTHING, &out));
    struct value pair[] = {VALUE_OF_INT(96), VALUE_OF_INT(96)};
    struct value square = {VALUE_LIST, {.list = {pair, 2}}};
    assert_true(bind_written(run_fact(r, FACT_image_size), square, &out));
    assert_true(value_eq(out, VALUE_OF_INT(96)));
    pair[1] = VALUE_OF_INT(64);
    assert_false(bind_written(run_fact(r, FACT_image_size), square, &out));
    assert_true(
        bind_written(run_fact(r, FACT_expandable_segments), VALUE_OF_BOOL(true), &out));
    assert_true(str_eq(out.as.string, STR("expandable_segments:True")));
    /* A default has no setting that could be written. */
    assert_false(
        bind_written(run_fact(r, FACT_gradient_accumulation_steps), VALUE_OF_INT(2), &out));
}

static void insertion_stands_beside_the_batch(void **state)
{
    (void)state;
    struct insertion in;
    const struct run *r =
        yaml("toy: 1\nopt: {optim: sgd}\ndata:\n  micro: 4\n  fp16: true\n");
    assert_true(bind_insertion(&pack, r, FACT_gradient_accumulation_steps, &in));
    assert_true(str_eq(in.map->key, STR("data")));
    assert_true(str_eq(in.after->key, STR("micro")));
    assert_true(str_eq(in.key, STR("steps")));
    assert_true(in.certain);
    assert_false(bind_insertion(&pack, r, FACT_pin_memory, &in)); /* no loader there */
    assert_false(
        bind_insertion(&pack, r, FACT_num_workers, &in)); /* a regex names nothing */
    assert_false(bind_insertion(&pack, r, FACT_lora_rank, &in));
    assert_false(bind_insertion(&pack, r, FACT_global_batch_size, &in));
}

static void insertion_never_doubles_a_key(void **state)
{
    (void)state;
    struct insertion in;
    const struct run *r = yaml("toy: 1\nmicro: 4\nsteps: {odd: 1}\n");
    assert_false(bind_insertion(&pack, r, FACT_gradient_accumulation_steps, &in));
    r = yaml("toy: 1\nmicro: 4\nsteps: null\n"); /* a place that says nothing yet */
    assert_true(bind_insertion(&pack, r, FACT_gradient_accumulation_steps, &in));
    assert_non_null(setting_child(in.map, in.key));
}

static void unknown_keys_are_listed(void **state)
{
    (void)state;
    struct settings out = {0};
    yaml("toy: 1\nmicro: 4\nsteps: 2\ntrain_batch_size: 8\nworkers_of_others: 2\nname: x\n"
         "roi: {batch_size: 3}\n");
    bind_unknown(&arena, &pack, &doc, &runs, &out);
    assert_int_equal(out.len, 1);
    assert_true(str_eq(out.at[0]->key, STR("train_batch_size")));
}

/* --- hostile input
 * ------------------------------------------------------------------------ */

static void survives_anything(void **state)
{
    (void)state;
    static const char *const PATHS[] = {"t.yaml", "t.json", "t.py"};
    static const char ALPHABET[] = "micro: steps=4\n{}[]()\"'#&*<<-,.\\x00 **batch_size\t";
    unsigned seed = 7;
    for (int round = 0; round < 3000; round++) {
        char text[160];
        size_t len = round % sizeof text;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1103515245u + 12345u;
            text[i] = ALPHABET[(seed >> 16) % (sizeof ALPHABET - 1)];
        }
        struct arena_mark mark = arena_mark(&arena);
        read_as(PATHS[round % 3], (struct str){text, len});
        struct settings out = {0};
        struct insertion in;
        bind_unknown(&arena, &pack, &doc, &runs, &out);
        for (size_t r = 0; r < runs.len; r++)
            for (int id = 0; id < FACT_COUNT; id++)
                bind_insertion(&pack, &runs.at[r], (enum fact_id)id, &in);
        arena_release(&arena, mark);
    }
}

static void broken_files_get_no_defaults(void **state)
{
    (void)state;
    read_as("t.yaml", STR("toy: 1\nmicro: 4\nfp16: true\nbad: [1, 2\n"));
    assert_true(doc.broken);
    for (size_t i = 0; i < runs.len; i++)
        assert_null(run_fact(&runs.at[i], FACT_gradient_accumulation_steps));
}

static void deep_and_wide(void **state)
{
    (void)state;
    struct buf b = buf_new(&arena);
    buf_cstr(&b, "{\"toy\": 1, \"micro\": 2, \"steps\": 3");
    for (int i = 0; i < 20000; i++)
        buf_printf(&b, ", \"k%d\": {\"micro\": %d}", i, i);
    buf_cstr(&b, "}");
    read_as("t.json", buf_str(&b));
    assert_int_equal(runs.len, 1);
    assert_int_fact(&runs.at[0], FACT_batch_size, 19999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_trainer_no_runs),
        cmocka_unit_test(exact_beats_anywhere_beats_regex),
        cmocka_unit_test(traps_are_silent),
        cmocka_unit_test(containers_and_conditions),
        cmocka_unit_test(duplicates_and_merges),
        cmocka_unit_test(unknown_with_a_reason),
        cmocka_unit_test(wrong_types_are_no_facts),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(unheard_of_optimizers_keep_their_name),
        cmocka_unit_test(defaults_and_derived),
        cmocka_unit_test(validation_is_apart),
        cmocka_unit_test(presets_are_runs),
        cmocka_unit_test(sections_are_one_run),
        cmocka_unit_test(documents_are_runs),
        cmocka_unit_test(python_call_sites_outweigh),
        cmocka_unit_test(written_is_the_inverse),
        cmocka_unit_test(insertion_stands_beside_the_batch),
        cmocka_unit_test(insertion_never_doubles_a_key),
        cmocka_unit_test(unknown_keys_are_listed),
        cmocka_unit_test(survives_anything),
        cmocka_unit_test(broken_files_get_no_defaults),
        cmocka_unit_test(deep_and_wide),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
