/* How a run trains, as numbers: bytes per element, what is frozen or quantised, what is
 * recomputed, how many devices share it. Every later term reads this and no fact twice. */
#include <assert.h>
#include <math.h>

#include "memory_habits.h"
#include "memory_term.h"

#include "banned.h"

/* NF4 in blocks of 64 with fp32 maxima; with double quantisation 8-bit maxima and an
 * fp32 constant for 256 of them. GPTQ and AWQ: fp16 scale and 4-bit zero per 128. */
static const double NF4 = 0.5 + 4.0 / 64;
static const double NF4_DOUBLE = 0.5 + 1.0 / 64 + 4.0 / (64 * 256);
static const double GROUPED_4BIT = 0.5 + 2.5 / 128;

bool memory_flag(const struct run *run, enum fact_id id)
{
    struct value v = run_value(run, id);
    return v.kind == VALUE_BOOL && v.as.boolean;
}

bool memory_lists(const struct run *run, enum fact_id id, const char *word)
{
    struct value v = run_value(run, id);
    for (size_t i = 0; v.kind == VALUE_LIST && i < v.as.list.len; i++) {
        struct value item = v.as.list.at[i];
        if (item.kind == VALUE_STRING &&
            str_find(item.as.string, str_from(word), 0) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

/* --- the regime ------------------------------------------------------------ */

/* What is written, or what "auto" comes to: half under autocast on any card of today. */
static struct str precision_word(struct notes *n, const struct run *run)
{
    struct str word;
    const struct fact *f = run_fact(run, FACT_precision);
    if (run_word(run, FACT_precision, &word)) {
        return word;
    }
    if (f && str_eq(f->why, STR("auto"))) {
        memory_note(n, "precision is auto: autocast to half assumed");
        return STR("amp-bf16");
    }
    memory_note(n, f ? "precision is not a literal: fp32 assumed"
                     : "precision not given: fp32 assumed");
    return STR("fp32");
}

static void precision(struct notes *n, const struct run *run, struct regime *r)
{
    struct str word = precision_word(n, run);
    r->weight = r->compute = r->residual = r->head = 4;
    if (str_starts(word, STR("amp-")) || str_eq(word, STR("fp8"))) {
        r->autocast = true;
        r->compute = r->head = 2;
    } else if (str_eq(word, STR("fp16")) || str_eq(word, STR("bf16"))) {
        r->weight = r->compute = r->residual = r->head = 2;
    }
    if (str_eq(word, STR("fp8"))) {
        memory_note(n,
                    "fp8: counted as bf16 autocast; fp8 copies save less than they hold");
    }
}

/* DeepSpeed keeps half weights and an fp32 master in the optimizer, whatever "amp". */
bool memory_deepspeed(const struct run *run)
{
    return run_is(run, FACT_strategy, "zero1") || run_is(run, FACT_strategy, "zero2") ||
           run_is(run, FACT_strategy, "zero3");
}

static bool has_adapters(const struct run *run)
{
    struct str word;
    return run_word(run, FACT_peft, &word) && !str_eq(word, STR("none")) &&
           !str_eq(word, STR("full")) && !str_eq(word, STR("relora"));
}

static double quantised_bytes(struct notes *n, const struct run *run)
{
    struct str q;
    if (!run_word(run, FACT_quantization, &q)) {
        q = run_is(run, FACT_peft, "qlora") ? STR("nf4") : STR("none");
    }
    if (str_eq(q, STR("none"))) {
        return 0;
    }
    if (str_eq(q, STR("nf4")) || str_eq(q, STR("fp4")) || str_eq(q, STR("int4"))) {
        return memory_flag(run, FACT_double_quant) ? NF4_DOUBLE : NF4;
    }
    if (str_ends(q, STR("int4")) || str_eq(q, STR("mxfp4"))) {
        return GROUPED_4BIT;
    }
    if (str_ends(q, STR("int2")) || str_eq(q, STR("aqlm"))) {
        return 0.3;
    }
    if (str_ends(q, STR("int3"))) {
        return 0.4;
    }
    if (!str_ends(q, STR("int8")) && !str_eq(q, STR("fp8"))) {
        memory_note(n, "quantization '%.*s' counted as 8 bit", STR_ARG(q));
    }
    return 1 + 2.5 / 128;
}

static void attention(const struct run *run, const struct network *net, struct regime *r)
{
    struct str version;
    double number = 0;
    if (r->habits & HABIT_UNFUSED_ATTENTION) {
        r->eager_attention = true;
        return;
    }
    r->flash_attention = run_is(run, FACT_attention, "flash");
    if (run_fact(run, FACT_attention)) {
        r->eager_attention = run_is(run, FACT_attention, "eager");
        return;
    }
    /* Fused attention came to transformers with 4.36, to BERT with 4.41. */
    if (run_word(run, FACT_transformers_version, &version) &&
        str_starts(version, STR("4.")) &&
        str_to_float(str_slice(version, 2, str_find_byte(version, '.', 2)), &number)) {
        r->eager_attention = number < (net->kind == NETWORK_ENCODER ? 41 : 36);
    }
}

static double width(const struct run *run, enum fact_id id)
{
    double x;
    return run_number(run, id, &x) && x >= 1 && x < 1e6 ? x : 1;
}

static void parallel(const struct run *run, struct regime *r)
{
    double x;
    r->tensor = width(run, FACT_tensor_parallel);
    r->sequence = width(run, FACT_context_parallel);
    r->pipeline = width(run, FACT_pipeline_parallel);
    r->ranks = run_data_parallel(run, &x) && x >= 1 ? x : 1;
    if (run_is(run, FACT_strategy, "device_map")) {
        r->pipeline = width(run, FACT_num_devices);
        r->ranks = 1;
    }
}

static void checkpointing(const struct run *run, struct regime *r)
{
    bool always = (r->habits & HABIT_FSDP_CHECKPOINTS) && run_is(run, FACT_strategy, "fsdp");
    if (always || run_is(run, FACT_gradient_checkpointing, "full")) {
        r->checkpoint = CHECKPOINT_FULL;
    } else if (run_is(run, FACT_gradient_checkpointing, "selective")) {
        r->checkpoint = CHECKPOINT_SELECTIVE;
    }
}

/* A frozen trunk under a trained head: nothing before the head needs a gradient. */
static void frozen(struct notes *n, const struct run *run, struct regime *r)
{
    struct value v = run_value(run, FACT_frozen);
    if (v.kind != VALUE_LIST || v.as.list.len == 0 || r->adapters) {
        return;
    }
    r->backbone_frozen = memory_lists(run, FACT_frozen, "backbone") ||
                         memory_lists(run, FACT_frozen, "base_model") ||
                         memory_lists(run, FACT_frozen, "features") ||
                         memory_lists(run, FACT_frozen, "trunk");
    memory_note(n, r->backbone_frozen ? "frozen backbone: only a small head is trained"
                                      : "frozen parts are counted as trained");
}

/* PEFT leaves what is not quantised in half beside GPTQ, AWQ and the like. */
static bool is_grouped(const struct run *run)
{
    struct str q;
    return run_word(run, FACT_quantization, &q) && !str_eq(q, STR("nf4")) &&
           !str_eq(q, STR("fp4")) && !str_eq(q, STR("int4")) && !str_eq(q, STR("int8"));
}

static void base(struct notes *n, const struct run *run, struct regime *r)
{
    r->frozen_base = r->frozen_base_high = r->weight;
    if (r->adapters && r->autocast) {
        bool loads_half = r->habits & HABIT_HALF_BASE;
        r->frozen_base = (r->habits & HABIT_FP32_BASE) && r->quantised <= 0 ? 4 : 2;
        r->prepared = r->quantised > 0 && !is_grouped(run) && !loads_half;
        r->residual = r->head = r->prepared ? 4 : 2;
        /* Since transformers 5 a checkpoint keeps its type, which is half. */
        bool half = loads_half || memory_version(run, FACT_transformers_version) >= 500;
        r->frozen_base_high = half ? r->frozen_base : 4;
        r->residual = r->frozen_base == 4 ? 4 : r->residual;
        memory_note(n, r->frozen_base == 4 ? "the frozen base is held in fp32"
                       : r->prepared
                           ? "embeddings and head of the quantised base are held in fp32"
                           : "the frozen base is held in half precision");
    } else if (r->autocast && memory_deepspeed(run)) {
        r->weight = r->residual = 2;
    } else if (r->autocast && (r->habits & HABIT_HALF_WEIGHTS)) {
        r->weight = r->residual = 2; /* autocast over weights that are half already */
    }
}

void memory_regime(struct notes *n, const struct run *run, const struct network *net,
                   struct regime *r)
{
    *r = (struct regime){.checkpoint = CHECKPOINT_NONE,
                         .habits = memory_habits_listed(run, net)};
    precision(n, run, r);
    parallel(run, r);
    checkpointing(run, r);
    attention(run, net, r);
    r->compiled = memory_flag(run, FACT_compile);
    r->adapters = has_adapters(run);
    r->quantised = quantised_bytes(n, run);
    base(n, run, r);
    frozen(n, run, r);
    r->habits = memory_habits(run, r->habits, r);
}
