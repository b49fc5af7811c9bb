/* Runs across files, from texts in memory: what is laid over what, where facts are led
 * back to, and what is refused. */
#include <stdio.h>
#include <string.h>

#include "link.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { FILES = 32 };

static struct arena files_arena;
static struct replacements files;
static struct unit *units[FILES];
static size_t unit_count;

static int reset(void **state)
{
    (void)state;
    while (unit_count)
        arena_free(&units[--unit_count]->arena);
    arena_free(&files_arena);
    files = (struct replacements){0};
    return 0;
}

static void put(const char *path, const char *text)
{
    vec_push(&files_arena, &files,
             ((struct replaced){str_from(path), str_from(text)}));
}

static struct unit *read_file(const char *path)
{
    static const struct unit EMPTY;
    struct unit *u = arena_new(&files_arena, struct unit);
    *u = EMPTY;
    units[unit_count++] = u;
    struct link_context c = {pack_builtin(), NULL, &files};
    struct str text = {"", 0};
    for (size_t i = 0; i < files.len; i++)
        if (str_eq(files.at[i].path, str_from(path)))
            text = files.at[i].text;
    source_init(&u->source, &u->arena, str_from(path), text,
                language_of_path(str_from(path)));
    front_parse(&u->arena, &u->source, &u->doc);
    link_unit(&c, u);
    return u;
}

/* "value origin path:line" of the deciding fact. */
static void expect(const struct unit *u, enum fact_id id, const char *wanted)
{
    assert_int_equal(u->runs.len, 1);
    const struct fact *f = run_fact(&u->runs.at[0], id);
    struct arena a = {0};
    struct buf b = buf_new(&a);
    if (f) {
        value_print(&b, f->value);
        buf_printf(&b, " %s", origin_name(f->origin));
        if (f->setting)
            buf_printf(&b, " %.*s:%u", STR_ARG(f->doc->source->path),
                       source_place(f->doc->source, f->setting->value_span.from).line);
    } else {
        buf_cstr(&b, "nothing");
    }
    buf_byte(&b, '\0');
    assert_string_equal(b.at, wanted);
    arena_free(&a);
}

static void paths(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"a/./b//c.py", "a/b/c.py"}, {"./a/../b.py", "b.py"},   {"../x/../y", "../y"},
        {"../../a", "../../a"},      {"/a/../../b", "/b"},      {"a/b/../../c", "c"},
        {"./x.yaml", "x.yaml"},      {"a/..", ""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct str got = link_path(&files_arena, str_from(CASES[i][0]));
        assert_int_equal(got.len, strlen(CASES[i][1]));
        assert_memory_equal(got.at, CASES[i][1], got.len);
    }
}

static const char BASE[] = "SOLVER:\n"
                           "  IMS_PER_BATCH: 16\n"
                           "  BASE_LR: 0.02\n"
                           "  CLIP_GRADIENTS:\n"
                           "    CLIP_TYPE: norm\n"
                           "    CLIP_VALUE: 1.0\n"
                           "DATALOADER:\n"
                           "  NUM_WORKERS: 4\n";

static void own_word_counts(void **state)
{
    (void)state;
    put("cfg/Base.yaml", BASE);
    put("cfg/coco/a.yaml", "_BASE_: ../Base.yaml\nSOLVER:\n  BASE_LR: 0.01\n");
    struct unit *u = read_file("cfg/coco/a.yaml");
    expect(u, FACT_global_batch_size, "16 inherited cfg/Base.yaml:2");
    expect(u, FACT_learning_rate, "0.01 explicit cfg/coco/a.yaml:3");
    expect(u, FACT_num_workers, "4 inherited cfg/Base.yaml:8");
    expect(u, FACT_grad_clip_norm, "1 inherited cfg/Base.yaml:6");
    assert_true(u->runs.at[0].doc == &u->doc);
    assert_true(u->links.len == 1 && u->links.at[0]->part);
}

/* A condition of the table looks at what the other file says. */
static void conditions_see_the_whole(void **state)
{
    (void)state;
    put("Base.yaml", BASE);
    put("a.yaml", "_BASE_: Base.yaml\nSOLVER:\n  CLIP_GRADIENTS:\n    CLIP_TYPE: value\n");
    expect(read_file("a.yaml"), FACT_grad_clip_norm, "nothing");
}

static void later_base_counts(void **state)
{
    (void)state;
    put("one.yaml", "SOLVER:\n  IMS_PER_BATCH: 16\n  BASE_LR: 0.02\n");
    put("two.yaml", "SOLVER:\n  IMS_PER_BATCH: 32\n");
    put("a.yaml", "_BASE_: [one.yaml, two.yaml]\n");
    struct unit *u = read_file("a.yaml");
    expect(u, FACT_global_batch_size, "32 inherited two.yaml:2");
    expect(u, FACT_learning_rate, "0.02 inherited one.yaml:3");
}

static void chains_are_kept(void **state)
{
    (void)state;
    put("Base.yaml", BASE);
    put("b.yaml", "# comment\n_BASE_: Base.yaml\n");
    put("c.yaml", "_BASE_: b.yaml\n");
    struct unit *u = read_file("c.yaml");
    const struct fact *f = run_fact(&u->runs.at[0], FACT_num_workers);
    assert_non_null(f->chain);
    assert_memory_equal(f->chain->doc->source->path.at, "b.yaml", 6);
    assert_memory_equal(f->chain->from->doc->source->path.at, "c.yaml", 6);
    assert_null(f->chain->from->from);
    /* b.yaml is a run that c.yaml goes on from; Base.yaml is none. */
    assert_false(u->links.at[0]->part);
    assert_true(u->links.at[1]->part);
}

static void cuts(void **state)
{
    (void)state;
    put("b.py", "optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9))\n"
                "train_dataloader = dict(batch_size=8, num_workers=2)\n");
    put("a.py", "_base_ = ['./b.py']\n"
                "optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD'))\n");
    struct unit *u = read_file("a.py");
    expect(u, FACT_optimizer, "sgd explicit a.py:2");
    expect(u, FACT_learning_rate, "nothing");
    expect(u, FACT_batch_size, "8 inherited b.py:2");
}

/* MMEngine's way to say what the base says, and to change it there. */
static void bases_are_named(void **state)
{
    (void)state;
    put("b.py", "workers = 3\n"
                "train_dataloader = dict(batch_size=8, num_workers=2)\n"
                "optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))\n");
    put("a.py", "_base_ = './b.py'\n"
                "_base_.optim_wrapper.optimizer.lr = 0.5\n"
                "train_dataloader = dict(num_workers={{_base_.workers}})\n"
                "val_dataloader = dict(batch_size=_base_.train_dataloader.batch_size)\n");
    struct unit *u = read_file("a.py");
    expect(u, FACT_learning_rate, "0.5 explicit a.py:2");
    expect(u, FACT_num_workers, "3 inherited b.py:1");
    expect(u, FACT_batch_size, "8 inherited b.py:2");
    expect(u, FACT_eval_batch_size, "8 inherited b.py:2");
}

static void circles_end(void **state)
{
    (void)state;
    put("a.yaml", "_BASE_: b.yaml\nSOLVER:\n  IMS_PER_BATCH: 16\n");
    put("b.yaml", "_BASE_: ./a.yaml\nSOLVER:\n  BASE_LR: 0.02\n");
    struct unit *u = read_file("a.yaml");
    expect(u, FACT_learning_rate, "0.02 inherited b.yaml:3");
    assert_int_equal(u->link_problems.len, 1);
    assert_memory_equal(u->link_problems.at[0].code.at, "LNK002", 6);
    assert_false(u->links.at[0]->part);
}

static void missing_files_are_told(void **state)
{
    (void)state;
    put("a.yaml", "_BASE_: no/such.yaml\nSOLVER:\n  IMS_PER_BATCH: 16\n");
    struct unit *u = read_file("a.yaml");
    expect(u, FACT_global_batch_size, "16 explicit a.yaml:3");
    assert_int_equal(u->link_problems.len, 1);
    assert_memory_equal(u->link_problems.at[0].code.at, "LNK001", 6);
}

static void addresses_are_no_files(void **state)
{
    (void)state;
    put("a.yaml", "_BASE_: https://example.org/base.yaml\nSOLVER:\n  IMS_PER_BATCH: 16\n");
    struct unit *u = read_file("a.yaml");
    expect(u, FACT_global_batch_size, "16 explicit a.yaml:3");
    assert_int_equal(u->link_problems.len, 0);
}

static void references_lead_to_their_target(void **state)
{
    (void)state;
    put("base.yaml", "solver:\n  batch: 16\n");
    put("a.yaml", "batch: 8\n"
                  "train:\n"
                  "  batch_size: ${batch}\n"
                  "  lr: ${..solver.lr}\n"
                  "  num_workers: ${oc.env:N,3}\n"
                  "solver:\n"
                  "  lr: 1e-3\n");
    struct unit *u = read_file("a.yaml");
    expect(u, FACT_batch_size, "8 explicit a.yaml:1");
    expect(u, FACT_learning_rate, "0.001 explicit a.yaml:7");
    expect(u, FACT_num_workers, "3 explicit a.yaml:5");
    const struct fact *f = run_fact(&u->runs.at[0], FACT_batch_size);
    assert_memory_equal(f->chain->setting->path.at, "train.batch_size", 16);
    assert_null(f->chain->from);
}

static void references_cross_files(void **state)
{
    (void)state;
    put("Base.yaml", "N: 16\nSOLVER:\n  IMS_PER_BATCH: ${N}\n  BASE_LR: 0.1\n");
    put("a.yaml", "_BASE_: Base.yaml\nN: 32\n");
    expect(read_file("a.yaml"), FACT_global_batch_size, "32 explicit a.yaml:2");
    put("b.yaml", "_BASE_: Base.yaml\n");
    expect(read_file("b.yaml"), FACT_global_batch_size, "16 inherited Base.yaml:1");
}

static const char SCRIPT[] =
    "import argparse\n"
    "p = argparse.ArgumentParser()\n"
    "p.add_argument('--batch-size', type=int, default=8)\n"
    "p.add_argument('--lr', type=float, default=0.1)\n"
    "p.add_argument('--epochs', type=int, default=3)\n"
    "args = p.parse_args()\n"
    "optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)\n"
    "loss.backward()\n";

static void launches_override_defaults(void **state)
{
    (void)state;
    put("src/train.py", SCRIPT);
    put("jobs/run.sh", "B=32\ntorchrun --nproc_per_node=4 src/train.py --batch_size $B\n");
    struct unit *u = read_file("jobs/run.sh");
    expect(u, FACT_batch_size, "32 explicit jobs/run.sh:1");
    expect(u, FACT_learning_rate, "0.1 inherited src/train.py:4");
    expect(u, FACT_num_devices, "4 explicit jobs/run.sh:2");
    assert_true(u->links.len == 1 && u->links.at[0]->part);
    assert_true(u->runs.at[0].doc == &u->doc);
}

static void launches_read_configs(void **state)
{
    (void)state;
    put("a.yaml", "model_name_or_path: gpt2\nstage: sft\nfinetuning_type: full\n"
                  "per_device_train_batch_size: 8\ndeepspeed: ds_z3.json\n"
                  "cutoff_len: 128\ntemplate: llama3\n");
    put("ds_z3.json", "{\"zero_optimization\": {\"stage\": 2}}\n");
    put("run.sh", "llamafactory-cli train a.yaml cutoff_len=256\n");
    struct unit *u = read_file("run.sh");
    expect(u, FACT_batch_size, "8 inherited a.yaml:4");
    expect(u, FACT_max_seq_len, "256 explicit run.sh:1");
    /* The file outweighs what its name says. */
    expect(u, FACT_strategy, "zero2 inherited ds_z3.json:1");
    expect(read_file("a.yaml"), FACT_strategy, "zero2 inherited ds_z3.json:1");
}

static void unknown_programs_are_what_they_are_told(void **state)
{
    (void)state;
    put("run.sh", "python3 other.py --batch-size 4 --lr 0.1 --num-workers 2\n"
                  "python3 other.py --batch-size 8 --lr 0.1 --num-workers 2\n");
    struct unit *u = read_file("run.sh");
    assert_int_equal(u->runs.len, 2);
    double batch;
    assert_true(run_number(&u->runs.at[1], FACT_batch_size, &batch) && batch == 8);
    assert_memory_equal(u->runs.at[1].name.at, "other.py, line 2", 16);
}

static void put_hydra(void)
{
    put("conf/config.yaml", "defaults:\n  - data: a\n  - trainer: one\n  - _self_\n"
                            "data:\n  num_workers: 3\nlr: 0.1\n");
    put("conf/data/a.yaml", "batch_size: 8\nnum_workers: 1\n");
    put("conf/data/b.yaml", "defaults: [a]\nbatch_size: ${n}\nn: 4\n");
    put("conf/trainer/one.yaml", "# @package _global_\nmax_epochs: 1\ndevices: 1\n");
    put("conf/trainer/two.yaml", "max_epochs: 1\ndevices: 2\n");
    put("conf/exp/e.yaml", "# @package _global_\ndefaults:\n  - override /data: b\n"
                           "n: 16\n");
    put("train.py", "@hydra.main(config_path='conf', config_name='config')\n"
                    "def main(cfg):\n    loss.backward()\n");
}

static void groups_are_composed(void **state)
{
    (void)state;
    put_hydra();
    struct unit *u = read_file("conf/config.yaml");
    expect(u, FACT_batch_size, "8 inherited conf/data/a.yaml:1");
    /* The file itself stands last. */
    expect(u, FACT_num_workers, "3 explicit conf/config.yaml:6");
    expect(u, FACT_learning_rate, "0.1 explicit conf/config.yaml:7");
}

static void command_lines_choose_groups(void **state)
{
    (void)state;
    put_hydra();
    put("run.sh", "python train.py +exp=e data.num_workers=6 trainer=two\n"
                  "python train.py data=a\n");
    struct unit *u = read_file("run.sh");
    assert_int_equal(u->runs.len, 2);
    double batch, workers;
    assert_true(run_number(&u->runs.at[1], FACT_batch_size, &batch) && batch == 8);
    /* +exp=e chooses data/b, whose batch is the n that the experiment sets. */
    assert_true(run_number(&u->runs.at[0], FACT_batch_size, &batch) && batch == 16);
    assert_true(run_number(&u->runs.at[0], FACT_num_workers, &workers) && workers == 6);
}

/* Bases of bases that double with every step must not be read for ever. */
static void doubling_ends(void **state)
{
    (void)state;
    static char names[24][24], texts[24][64];
    for (int i = 0; i < 24; i++) {
        snprintf(names[i], sizeof names[i], "f%d.yaml", i);
        snprintf(texts[i], sizeof texts[i],
                 i < 23 ? "_BASE_: [f%d.yaml, f%d.yaml]\n" : "SOLVER:\n  IMS_PER_BATCH: 2\n",
                 i + 1, i + 1);
        put(names[i], texts[i]);
    }
    struct unit *u = read_file("f0.yaml");
    assert_true(u->links.len <= 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(paths, reset),
        cmocka_unit_test_teardown(own_word_counts, reset),
        cmocka_unit_test_teardown(conditions_see_the_whole, reset),
        cmocka_unit_test_teardown(later_base_counts, reset),
        cmocka_unit_test_teardown(chains_are_kept, reset),
        cmocka_unit_test_teardown(cuts, reset),
        cmocka_unit_test_teardown(bases_are_named, reset),
        cmocka_unit_test_teardown(circles_end, reset),
        cmocka_unit_test_teardown(missing_files_are_told, reset),
        cmocka_unit_test_teardown(addresses_are_no_files, reset),
        cmocka_unit_test_teardown(references_lead_to_their_target, reset),
        cmocka_unit_test_teardown(references_cross_files, reset),
        cmocka_unit_test_teardown(launches_override_defaults, reset),
        cmocka_unit_test_teardown(launches_read_configs, reset),
        cmocka_unit_test_teardown(unknown_programs_are_what_they_are_told, reset),
        cmocka_unit_test_teardown(groups_are_composed, reset),
        cmocka_unit_test_teardown(command_lines_choose_groups, reset),
        cmocka_unit_test_teardown(doubling_ends, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
