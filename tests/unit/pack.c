/* Packs: every mistake is found where it stands, what is right is read, the compiled
 * tables hold what the files hold, and no file breaks the reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "match.h"
#include "pack.h"
#include "pack_write.h"
#include "banned.h"

static struct arena arena;
static char dir[] = "/tmp/gpulint-pack-XXXXXX";

static const char *path_of(const char *name)
{
    return arena_printf(&arena, "%s/%s", dir, name).at;
}

static void put_bytes(const char *name, struct str text)
{
    FILE *f = fopen(path_of(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text.at, 1, text.len, f), text.len);
    fclose(f);
}

static void put(const char *name, const char *text)
{
    put_bytes(name, str_from(text));
}

static void drop(const char *name)
{
    unlink(path_of(name));
}

struct loaded {
    struct pack pack;
    struct findings problems;
    struct err err;
    bool fine;
};

static struct loaded load(void)
{
    struct loaded l = {.err = {""}};
    l.fine = pack_load(&arena, dir, &l.pack, &l.problems, &l.err);
    return l;
}

/* "line:column message" of every problem, one per line. */
static const char *problems(void)
{
    struct loaded l = load();
    struct buf b = buf_new(&arena);
    for (size_t i = 0; i < l.problems.len; i++) {
        const struct finding *f = &l.problems.at[i];
        struct place p = source_place(f->source, f->span.from);
        buf_printf(&b, "%u:%u %.*s\n", p.line, p.column, STR_ARG(f->message));
    }
    assert_int_equal(l.fine, l.problems.len == 0);
    return arena_str(&arena, buf_str(&b)).at;
}

#define TAIL                                                                               \
    "message: m\nwhy: w\nsources: [s]\nexamples:\n  bad: {file: a.yaml, text: a}\n"        \
    "  good: {file: a.yaml, text: a}\n  near_miss: {file: a.yaml, text: a}\n"
#define HEAD "id: r\ncode: MEM001\nsummary: s\nseverity: warning\n"

static void expect(const char *file, const char *text, const char *wanted)
{
    put(file, text);
    const char *got = problems();
    if (strcmp(got, wanted) != 0)
        fail_msg("%s\ngave\n%s\nnot\n%s", text, got, wanted);
    drop(file);
}

static void test_rule_mistakes(void **state)
{
    (void)state;
    expect("core/r.yaml", HEAD "scope: run\nwhen: batch_size > 1\n" TAIL, "");
    expect("core/r.yaml", HEAD "scope: run\nwhen: batch_size >\n" TAIL,
           "6:18 the expression ends where something is missing: 'a value'\n");
    expect("core/r.yaml", HEAD "scope: run\nwhen: \"1 < batchsize\"\n" TAIL,
           "6:12 there is nothing called 'batchsize' that can be asked here\n");
    expect("core/r.yaml", HEAD "scope: run\nwhen: known(project.runs)\n" TAIL,
           "6:13 there is nothing called 'project.runs' that can be asked here\n");
    expect("core/r.yaml", HEAD "scope: run\nwhen: option.x > 1\n" TAIL,
           "6:7 there is nothing called 'option.x' that can be asked here\n");
    expect("core/r.yaml",
           HEAD
           "scope: run\nwhen: option.x > 1\noptions: {x: {default: 2, help: h}}\n" TAIL,
           "");
    expect("core/r.yaml", HEAD "scope: run\nwhen: true\nat: batch_sise\n" TAIL,
           "7:5 there is no fact 'batch_sise'; did you mean 'batch_size'?\n");
    expect("core/r.yaml", HEAD "scope: run\nwhen: true\nrelatet: [batch_size]\n" TAIL,
           "7:1 there is no key 'relatet' here; did you mean 'related'?\n");
    expect("core/r.yaml", HEAD "scope: walk\nwhen: true\n" TAIL,
           "5:8 'walk' is none of run, setting, project, source, native\n");
    expect("core/r.yaml", HEAD "scope: run\n" TAIL, "1:1 the key 'when' is missing\n");
    expect("core/other.yaml", HEAD "scope: run\nwhen: true\n" TAIL,
           "1:5 the file is called 'other', its rule 'r'\n");
    expect("core/r.yaml", "- 1\n", "1:1 expected one map of keys and values\n");
}

static void test_required(void **state)
{
    (void)state;
    expect("core/r.yaml",
           HEAD "scope: run\nwhen: true\nmessage: m\nwhy: w\nsources: []\n"
                "examples: {bad: {file: a.yaml, text: a}, good: {file: a.yaml, text: a}}\n",
           "10:1 the key 'near_miss' is missing\n1:1 a rule names its sources\n");
    expect("core/r.yaml",
           HEAD "scope: native\nwhy: w\nsources: [s]\n"
                "examples: {bad: {file: a.yaml, text: a}, good: {file: a.yaml, text: a}}\n",
           "");
    expect("core/r.yaml", "id: r\n",
           "1:1 the key 'code' is missing\n1:1 the key 'summary' is missing\n"
           "1:1 the key 'severity' is missing\n1:1 the key 'scope' is missing\n"
           "1:1 the key 'why' is missing\n1:1 the key 'sources' is missing\n"
           "1:1 the key 'examples' is missing\n1:1 the key 'message' is missing\n"
           "1:1 the key 'when' is missing\n");
}

static void test_fix_and_patterns(void **state)
{
    (void)state;
    expect("core/r.yaml",
           HEAD "scope: run\nwhen: true\nfix: {safety: safe, set: {batch_siz: 1}}\n" TAIL,
           "7:27 there is no fact 'batch_siz'; did you mean 'batch_size'?\n"
           "7:6 the fix changes nothing\n");
    expect("core/r.yaml",
           HEAD "scope: run\nwhen: true\nfix: {safety: safe, setting_text: \"'a'\"}\n" TAIL,
           "7:6 setting_text belongs to a rule of scope setting\n");
    expect("core/r.yaml", HEAD "scope: source\npatterns:\n  - find: 'a('\n" TAIL,
           "7:11 bad pattern at offset 6: missing closing parenthesis\n");
    expect("core/r.yaml",
           HEAD "scope: source\npatterns:\n  - find: '(?<a>x)'\n    report: b\n    inside: "
                "[lop]\n" TAIL,
           "9:14 'lop' is none of module, class, function, loop, batch-loop, epoch-loop, "
           "validation, no-grad, autocast, dataset, getitem, main-guard, lightning\n"
           "7:5 the pattern has no group 'b'\n");
    expect("core/r.yaml",
           HEAD "scope: source\npatterns:\n  - find: '(?<a>x)'\nhelp: '{a} {b}'\n" TAIL,
           "8:13 there is nothing called 'b' that can be asked here\n");
}

static void test_duplicates(void **state)
{
    (void)state;
    put("core/r.yaml", HEAD "scope: run\nwhen: true\n" TAIL);
    expect("core/s.yaml",
           "id: s\ncode: MEM001\nsummary: s\nseverity: info\nscope: run\nwhen: true\n" TAIL,
           "2:7 the rule 'r' has this code\n");
    drop("core/r.yaml");
}

static const char BIND[] =
    "framework: f\nsummary: s\nlanguages: [yaml]\npriority: 5\n"
    "habits: [half-base, own-4bit]\n"
    "recognise:\n  - all_keys: [a, b]\n"
    "keys:\n"
    "  bs: batch_size\n"
    "  trap: null\n"
    "  \"**.bf16\":\n"
    "    fact: precision\n"
    "    values: {true: amp-bf16, \"true\": bf16, 8: fp8, auto: \"?\", \"*\": fp32}\n"
    "    why: auto\n"
    "  \"/val_.*/\": {fact: eval_batch_size, compute: value * 2, weight: 10}\n"
    "  both: [batch_size, {fact: learning_rate, scope: eval}]\n"
    "defaults:\n"
    "  batch_size: {value: 1, why: \"f 1\"}\n"
    "  optimizer: adamw\n"
    "derived:\n"
    "  gradient_accumulation_steps: global_batch_size // batch_size\n"
    "sources: [s]\n";

static void check_values(const struct binding *b)
{
    assert_int_equal(b->values.len, 5);
    const struct value_map *m = b->values.at;
    assert_true(value_eq(m[0].written, VALUE_OF_BOOL(true)));
    assert_true(value_eq(m[0].fact, VALUE_OF_STR(STR("amp-bf16"))));
    assert_true(value_eq(m[1].written, VALUE_OF_STR(STR("true"))));
    assert_true(value_eq(m[2].written, VALUE_OF_INT(8)));
    assert_true(value_eq(m[3].written, VALUE_OF_STR(STR("auto"))));
    assert_int_equal(m[3].fact.kind, VALUE_UNKNOWN);
    assert_true(str_eq(m[3].why, STR("auto")));
    assert_int_equal(m[4].written.kind, VALUE_UNKNOWN);
    assert_int_equal(m[2].why.len, 0);
}

static void test_framework(void **state)
{
    (void)state;
    put("bind/f.yaml", BIND);
    assert_string_equal(problems(), "");
    struct loaded l = load();
    assert_int_equal(l.pack.frameworks.len, 1);
    const struct framework *f = &l.pack.frameworks.at[0];
    assert_int_equal(f->bindings.len, 6);
    assert_int_equal(f->habits, HABIT_HALF_BASE | HABIT_OWN_4BIT);
    const struct binding *b = f->bindings.at;
    assert_int_equal(b[0].fact, FACT_batch_size);
    assert_true(b[0].insertable);
    assert_int_equal(b[1].fact, FACT_COUNT);
    assert_false(b[1].insertable);
    assert_true(b[2].insertable);
    check_values(&b[2]);
    assert_false(b[3].insertable);
    assert_int_equal(b[3].weight, 10);
    assert_true(b[3].compute.len > 0);
    assert_true(str_eq(b[4].key, STR("both")) && str_eq(b[5].key, STR("both")));
    assert_true(str_eq(b[5].scope, STR("eval")));
    assert_int_equal(f->defaults.len, 2);
    assert_int_equal(f->derived.len, 1);
    drop("bind/f.yaml");
    expect(
        "bind/f.yaml",
        "framework: f\nsummary: s\nlanguages: [yaml, cobol]\nrecognise: [{}]\n"
        "habits: tidy\n"
        "keys: {a: {fact: precision, values: {a: fp17}}, \"/(/\": batch_size}\nsources: "
        "[s]\n",
        "3:19 'cobol' is none of yaml, json, python, shell, toml\n4:13 this would recognise every file\n"
        "5:9 'tidy' is no habit\n6:41 the fact 'precision' cannot be fp17\n"
        "6:49 bad pattern at offset 1: missing closing parenthesis\n");
}

static void test_profile(void **state)
{
    (void)state;
    put("profiles/p.yaml",
        "profile: p\nsummary: s\norigin: o\nlimits:\n  batch_size_max: {value: 128, "
        "scales: true}\n"
        "  workers_max: 4\n  b: {points: {24: 64, 12: 32}, scales: true}\nvram_gb: 12\n"
        "wants: {pin_memory: true}\n"
        "presets: {small: {summary: s, facts: {batch_size: 8, precision: amp-fp16}}}\n");
    assert_string_equal(problems(), "");
    struct loaded l = load();
    const struct profile *p = pack_find_profile(&l.pack, STR("p"));
    assert_non_null(p);
    assert_int_equal(p->limits.len, 3);
    assert_true(p->limits.at[0].points.at[0].vram_gb == 12);
    assert_true(p->limits.at[1].points.at[0].vram_gb == 0);
    assert_true(p->limits.at[2].points.at[0].vram_gb == 12);
    assert_true(p->limits.at[2].points.at[1].value == 64);
    assert_true(p->presets.at[0].vram_gb == 12);
    /* With profiles at hand a limit that none has is a mistake. */
    expect("core/r.yaml", HEAD "scope: run\nwhen: batch_size > limit.b\n" TAIL, "");
    expect("core/r.yaml", HEAD "scope: run\nwhen: batch_size > limit.c\n" TAIL,
           "6:20 there is nothing called 'limit.c' that can be asked here\n");
    drop("profiles/p.yaml");
    expect("profiles/p.yaml",
           "profile: p\nsummary: s\norigin: o\nlimits: {a: {scales: true}}\n"
           "wants: {pin_memory: 3}\n",
           "4:13 a limit has either 'value' or 'points'\n"
           "5:21 the fact 'pin_memory' cannot be 3\n");
}

static const char *model_named(const struct pack *p, const char *name)
{
    const struct model *m = pack_find_model(p, str_from(name));
    return m ? m->name.at : "none";
}

static void test_models(void **state)
{
    (void)state;
    put("catalog/models.yaml",
        "models:\n"
        "  - {name: meta-llama/Llama-2-7b-hf, aliases: [llama2-7b], family: decoder, "
        "parameters: 1, source: s}\n"
        "  - {name: resnet50, aliases: [tv_resnet50], family: cnn, parameters: 2, source: "
        "s}\n"
        "  - {name: a/base, family: cnn, parameters: 3, source: s}\n"
        "  - {name: b/base, family: cnn, parameters: 4, source: s}\n");
    assert_string_equal(problems(), "");
    struct loaded l = load();
    const struct pack *p = &l.pack;
    const char *llama = "meta-llama/Llama-2-7b-hf";
    assert_string_equal(model_named(p, "meta-llama/Llama-2-7b-hf"), llama);
    assert_string_equal(model_named(p, "META-LLAMA/llama-2-7B-HF"), llama);
    assert_string_equal(model_named(p, "NousResearch/Llama-2-7b-hf"), llama);
    assert_string_equal(model_named(p, "checkpoints/meta-llama/Llama-2-7b-hf/"), llama);
    assert_string_equal(model_named(p, "..\\models\\Llama-2-7b-hf"), llama);
    assert_string_equal(model_named(p, "llama2-7b"), llama);
    assert_string_equal(model_named(p, "./models/resnet50"), "resnet50");
    assert_string_equal(model_named(p, "tv_resnet50"), "resnet50");
    assert_string_equal(model_named(p, "weights/resnet50.pth"), "resnet50");
    assert_string_equal(model_named(p, "unsloth/llama-2-7b-Chat-bnb-4bit"), llama);
    assert_string_equal(model_named(p, "./out/Llama-2-7B-GPTQ-Int4"), llama);
    assert_string_equal(model_named(p, "a/base-chat"), "a/base");
    assert_string_equal(model_named(p, "Llama-2-7b-mine"), "none");
    assert_string_equal(model_named(p, "-chat"), "none");
    assert_string_equal(model_named(p, "resnet501"), "none");
    assert_string_equal(model_named(p, "my-resnet50"), "none");
    assert_string_equal(model_named(p, "resnet50/my"), "none");
    assert_string_equal(model_named(p, "a/base"), "a/base");
    assert_string_equal(model_named(p, "base"), "none");
    assert_string_equal(model_named(p, "c/base"), "none");
    assert_string_equal(model_named(p, ""), "none");
    assert_string_equal(model_named(p, "/"), "none");
    drop("catalog/models.yaml");
}

/* Functions that build a model, by the path of their module. */
static void test_builders(void **state)
{
    (void)state;
    const struct pack *p = pack_builtin();
    static const char *const good[][2] = {
        {"torchtune.models.llama2.llama2_7b", "meta-llama/Llama-2-7b-hf"},
        {"torchtune.models.llama2.lora_llama2_7b", "meta-llama/Llama-2-7b-hf"},
        {"torchtune.models.llama3_2.qlora_llama3_2_1b", "meta-llama/Llama-3.2-1B"},
        {"torchtune.models.qwen2_5.qwen2_5_0_5b", "Qwen/Qwen2.5-0.5B"},
        {"torchtune.models.qwen3.qwen3_0_6b_instruct", "Qwen/Qwen3-0.6B"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const struct model *m = pack_find_model(p, str_from(good[i][0]));
        assert_non_null(m);
        assert_ptr_equal(m, pack_find_model(p, str_from(good[i][1])));
    }
    static const char *const bad[] = {
        "torchtune.models.clip.clip_text_encoder", "my.models.llama3_2_1b_tokenizer",
        "a.b.", "a..b", "a.b._", "a.b.______________", "a.b.1_2_3_4_5_6_7_8_9",
        "models.llama3_2_1b_and_more_than_a_name_can_ever_have_been_given",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(pack_find_model(p, str_from(bad[i])));
}

static void test_image_models(void **state)
{
    (void)state;
    put("catalog/vision.yaml",
        "source: counted\n"
        "models:\n"
        "  - {name: resnet50, family: cnn, parameters: 2, image: 224, saved_kib: [800, "
        "400], "
        "conv_kib: 30, squared: 0.25}\n"
        "  - {name: phi-3, family: decoder, parameters: 3, source: other}\n");
    assert_string_equal(problems(), "");
    struct loaded l = load();
    const struct model *m = pack_find_model(&l.pack, STR("timm/resnet50"));
    assert_non_null(m);
    assert_string_equal(m->source.at, "counted");
    assert_int_equal(m->saved_kib, 800);
    assert_int_equal(m->saved_amp_kib, 400);
    assert_int_equal(m->conv_kib, 30);
    assert_true(m->squared == 0.25);
    /* A tag of weights is no part of an image network's name; a version is one. */
    assert_ptr_equal(pack_find_model(&l.pack, STR("resnet50.a1_in1k")), m);
    assert_ptr_equal(pack_find_model(&l.pack, STR("timm/resnet50.a1_in1k")), m);
    assert_ptr_equal(pack_find_model(&l.pack, STR("my.runs/resnet50.tv_in1k")), m);
    assert_string_equal(model_named(&l.pack, "phi-3.5"), "none");
    assert_string_equal(model_named(&l.pack, "resnet50.a/other"), "none");
    assert_string_equal(model_named(&l.pack, ".resnet50"), "none");
    assert_string_equal(pack_find_model(&l.pack, STR("phi-3"))->source.at, "other");
    drop("catalog/vision.yaml");
    expect("catalog/vision.yaml",
           "models:\n  - {name: a, family: cnn, parameters: 1, saved_kib: [1], source: s}\n"
           "  - {name: b, family: cnn, parameters: 1, saved_kib: 3, source: s}\n"
           "  - {name: c, family: cnn, parameters: 1}\n",
           "2:54 expected two numbers\n3:54 expected two numbers\n"
           "4:5 neither the row nor the file names its 'source'\n");
}

static void test_syntax_and_folder(void **state)
{
    struct findings none = {0};
    struct pack pack;
    struct err err = {""};
    (void)state;
    put("core/r.yaml", "a: [1\nb: 2\n");
    assert_true(problems()[0] != '\0');
    drop("core/r.yaml");
    assert_false(pack_load(&arena, "/nonexistent", &pack, &none, &err));
    assert_string_equal(err.message, "cannot read the folder '/nonexistent'");
}

/* The tables in the binary are the files in rules/. */
static void test_tables(void **state)
{
    struct findings found = {0};
    struct err err = {""};
    struct pack pack;
    struct buf files = buf_new(&arena), tables = buf_new(&arena);
    (void)state;
    assert_true(pack_load(&arena, "rules", &pack, &found, &err));
    assert_int_equal(found.len, 0);
    assert_true(pack.rules.len > 0 && pack.models.len > 0 && pack.frameworks.len > 0);
    pack_write(&files, &pack);
    pack_write(&tables, pack_builtin());
    assert_int_equal(files.len, tables.len);
    assert_memory_equal(files.at, tables.at, files.len);
}

/* --- hostile files ------------------------------------------------------- */

static unsigned seed = 4711;

static unsigned chance(unsigned below)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 8) % below;
}

static struct str damaged(struct str text)
{
    struct str copy = arena_str(&arena, text);
    char *at = (char *)copy.at;
    for (unsigned n = 1 + chance(4); n > 0 && copy.len > 8; n--) {
        size_t i = chance((unsigned)copy.len), k = chance((unsigned)copy.len);
        size_t len = chance(40);
        if (len > copy.len - (i > k ? i : k))
            len = copy.len - (i > k ? i : k);
        if (chance(2))
            memmove(at + i, at + k, len);
        else
            at[i] = (char)chance(256);
    }
    if (!chance(8))
        copy.len = chance((unsigned)copy.len);
    return copy;
}

static void test_hostile(void **state)
{
    static const char *const bases[][2] = {
        {"core/r.yaml",
         HEAD "scope: source\npatterns:\n  - find: '(?<a>x)'\n    report: a\n"
              "fix: {safety: safe, group: a, where: after, with: '.x'}\n" TAIL},
        {"core/r.yaml",
         HEAD "scope: run\nwhen: batch_size > limit.batch_size_max\nper_gpu: true\n"
              "fix:\n  safety: safe\n  set: {batch_size: limit.batch_size_max}\n"
              "  unsafe_when: [{when: 'true', reason: '{batch_size}'}]\n" TAIL},
        {"bind/f.yaml", BIND},
        {"profiles/p.yaml", "profile: p\nsummary: s\norigin: o\nvram_gb: 12\nlimits:\n"
                            "  a: {value: 1, scales: true}\n  b: {points: {12: 3}}\n"},
    };
    (void)state;
    for (int i = 0; i < 3000; i++) {
        struct arena_mark mark = arena_mark(&arena);
        unsigned which = chance(4);
        struct str text = damaged(str_from(bases[which][1]));
        if (!chance(20)) {
            char *at = (char *)text.at;
            for (size_t k = 0; k < text.len; k++)
                at[k] = (char)chance(256);
        }
        put_bytes(bases[which][0], text);
        struct loaded l = load();
        struct buf b = buf_new(&arena);
        if (l.fine)
            pack_write(&b, &l.pack);
        for (size_t k = 0; k < l.problems.len; k++) {
            const struct finding *f = &l.problems.at[k];
            assert_true(f->span.from <= f->span.to && f->span.to <= f->source->text.len);
        }
        drop(bases[which][0]);
        arena_release(&arena, mark);
    }
}

static const char *const FOLDERS[] = {"core", "bind", "profiles", "catalog"};

static int make_folders(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    for (size_t i = 0; i < 4; i++)
        mkdir(path_of(FOLDERS[i]), 0700);
    return 0;
}

static int drop_folders(void **state)
{
    static const char *const files[] = {"core/r.yaml",     "core/s.yaml",
                                        "core/other.yaml", "bind/f.yaml",
                                        "profiles/p.yaml", "catalog/models.yaml"};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        drop(files[i]);
    for (size_t i = 0; i < 4; i++)
        rmdir(path_of(FOLDERS[i]));
    rmdir(dir);
    arena_free(&arena);
    match_free_all();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_mistakes),
        cmocka_unit_test(test_required),
        cmocka_unit_test(test_fix_and_patterns),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_framework),
        cmocka_unit_test(test_profile),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_image_models),
        cmocka_unit_test(test_builders),
        cmocka_unit_test(test_syntax_and_folder),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests_name("pack", tests, make_folders, drop_folders);
}
