/* What does not depend on the batch: weights, gradients, optimizer state and the step's
 * temporary, after adapters, quantisation, sharding and offload. Bytes per parameter:
 * docs/MEMORY.md section 2. */
#include <assert.h>
#include <math.h>

#include "memory_habits.h"
#include "memory_term.h"

#include "banned.h"

/* bitsandbytes: uint8 state and an fp32 maximum for every 256 elements, per state. */
#define STATE_8BIT (1 + 4.0 / 256)
static const double LORA_RANK = 8; /* PEFT's default */
/* Some adapters scale or bias every output and so keep it: 23.8 GiB against LoRA's 19.8
 * for the same 7B run. */
static const double OTHER_ADAPTERS_HIGH = 2;

enum step { STEP_FOREACH, STEP_DECAY, STEP_IN_PLACE };

struct optimizer {
    const char *word;
    double copies; /* state elements per parameter, in the parameter's own type */
    double bytes;  /* state bytes whatever the type */
    enum step step;
};

static const struct optimizer OPTIMIZERS[] = {
    {"sgd", 0, 0, STEP_DECAY},
    {"sgd-momentum", 1, 0, STEP_DECAY},
    {"adam", 2, 0, STEP_FOREACH},
    {"adamw", 2, 0, STEP_FOREACH},
    {"adam-8bit", 0, 2 * STATE_8BIT, STEP_IN_PLACE},
    {"adamw-8bit", 0, 2 * STATE_8BIT, STEP_IN_PLACE},
    {"adamw-4bit", 0, 2 * (0.5 + 4.0 / 128), STEP_IN_PLACE},
    {"adamw-fp8", 0, 2 * STATE_8BIT, STEP_IN_PLACE},
    {"paged-adamw", 2, 0, STEP_IN_PLACE},
    {"paged-adamw-32bit", 0, 8, STEP_IN_PLACE},
    {"paged-adamw-8bit", 0, 2 * STATE_8BIT, STEP_IN_PLACE},
    {"adamax", 2, 0, STEP_FOREACH},
    {"nadam", 2, 0, STEP_FOREACH},
    {"radam", 2, 0, STEP_FOREACH},
    {"adagrad", 1, 0, STEP_FOREACH},
    {"adadelta", 2, 0, STEP_FOREACH},
    {"rmsprop", 1, 0, STEP_FOREACH},
    {"rmsprop-8bit", 0, STATE_8BIT, STEP_IN_PLACE},
    {"adafactor", 0, 0.02, STEP_IN_PLACE},
    {"lion", 1, 0, STEP_IN_PLACE},
    {"lion-8bit", 0, STATE_8BIT, STEP_IN_PLACE},
    {"paged-lion", 1, 0, STEP_IN_PLACE},
    {"paged-lion-8bit", 0, STATE_8BIT, STEP_IN_PLACE},
    {"lamb", 2, 0, STEP_FOREACH},
    {"lars", 1, 0, STEP_DECAY},
    {"muon", 1.15, 0, STEP_IN_PLACE},
    {"sophia", 2, 0, STEP_IN_PLACE},
    {"ademamix", 3, 0, STEP_IN_PLACE},
    {"ademamix-8bit", 0, 3 * STATE_8BIT, STEP_IN_PLACE},
    {"schedule-free-adamw", 2, 0, STEP_FOREACH},
    {"schedule-free-sgd", 1, 0, STEP_FOREACH},
    {"adopt", 2, 0, STEP_FOREACH},
    {"stable-adamw", 2, 0, STEP_IN_PLACE},
    {"grokadamw", 3, 0, STEP_IN_PLACE},
    {"prodigy", 4, 0, STEP_IN_PLACE},
    {"dadaptation", 4, 0, STEP_IN_PLACE},
    {"lomo", 0, 0, STEP_IN_PLACE},
    {"adalomo", 0, 0.02, STEP_IN_PLACE},
    {"came", 1, 0, STEP_IN_PLACE},
};

/* --- parameters that are trained ------------------------------------------- */

static double embedding_parameters(const struct network *net)
{
    return net->vocab * net->hidden;
}

static double ends_of(const struct network *net)
{
    return embedding_parameters(net) * (net->tied ? 1 : 2);
}

/* Parts trained whole beside adapters: a copy in fp32 that has gradients and state. */
static double whole_parts(const struct run *run, const struct network *net)
{
    double parts = 0;
    parts += memory_lists(run, FACT_trained_modules, "embed") ||
             memory_lists(run, FACT_trained_modules, "wte");
    parts += memory_lists(run, FACT_trained_modules, "head");
    return parts * embedding_parameters(net);
}

static double adapter_parameters(struct notes *n, const struct run *run, struct plan *p)
{
    struct str word = STR("");
    double rank = LORA_RANK;
    run_word(run, FACT_peft, &word);
    bool lora = str_eq(word, STR("lora")) || str_eq(word, STR("qlora")) ||
                str_eq(word, STR("dora")) || str_eq(word, STR("adalora")) ||
                str_eq(word, STR("loha")) || str_eq(word, STR("lokr"));
    if (lora && !run_number(run, FACT_lora_rank, &rank)) {
        memory_note(n, "lora_rank not given: %.0f assumed", rank);
    }
    rank = fmin(fmax(rank, 1), 65536);
    double lora_size = p->net.rank_parameters > 0
                           ? p->net.rank_parameters * rank
                           : memory_lora(run, &p->net, rank, &p->regime);
    if (lora) {
        return lora_size;
    }
    if (str_eq(word, STR("adapter-v2"))) {
        memory_adapter_v2(&p->net, &p->regime);
    } else if (str_eq(word, STR("adapter"))) { /* a prefix of its own, no matrix */
        p->regime.lora_inputs = exactly(0);
    }
    memory_note(n, "'%.*s': trained parameters counted as 0.2 %% of the base",
                STR_ARG(word));
    p->regime.lora_inputs.high *= OTHER_ADAPTERS_HIGH;
    return p->net.parameters * 0.002;
}

/* --- the optimizer --------------------------------------------------------- */

static bool is_paged(const struct optimizer *o)
{
    return str_starts(str_from(o->word), STR("paged-"));
}

static const struct optimizer *find_optimizer(struct notes *n, const struct run *run,
                                              bool *guessed)
{
    struct str word;
    *guessed = true;
    if (!run_word(run, FACT_optimizer, &word)) {
        memory_note(n, "optimizer not given: adamw assumed");
        return &OPTIMIZERS[3];
    }
    for (size_t i = 0; i < sizeof OPTIMIZERS / sizeof *OPTIMIZERS; i++) {
        if (str_eq(word, str_from(OPTIMIZERS[i].word))) {
            *guessed = false;
            if (is_paged(&OPTIMIZERS[i])) {
                memory_note(
                    n, "paged optimizer state gives way to host memory: not in the total");
            }
            return &OPTIMIZERS[i];
        }
    }
    memory_note(n, "optimizer '%.*s' counted like adamw", STR_ARG(word));
    return &OPTIMIZERS[3];
}

static struct amount state_bytes(const struct optimizer *o, bool guessed, bool paged,
                                 double element)
{
    double bytes = o->copies * element + o->bytes;
    if (paged) {
        return (struct amount){0, 0, bytes};
    }
    return (struct amount){guessed ? 0 : bytes, bytes, guessed ? bytes * 2 : bytes};
}

/* foreach holds one list the size of the parameters; fused none; a loop one tensor. */
static struct amount step_bytes(const struct run *run, const struct optimizer *o,
                                double element)
{
    if (memory_deepspeed(run) && element <= 2) { /* fp32 gradients of the own share */
        return exactly(2 * element);
    }
    struct str version;
    bool loops = run_word(run, FACT_torch_version, &version) &&
                 str_starts(version, STR("1.")); /* foreach is the default since 2.0 */
    if (o->step == STEP_IN_PLACE || loops || run_is(run, FACT_optimizer_impl, "fused") ||
        run_is(run, FACT_optimizer_impl, "for-loop")) {
        return exactly(0);
    }
    double decay;
    if (o->step == STEP_DECAY) { /* gradient + decay x weight is a new list */
        if (!run_number(run, FACT_weight_decay, &decay)) {
            return (struct amount){0, 0, element};
        }
        return exactly(decay != 0 ? element : 0);
    }
    bool said = run_is(run, FACT_optimizer_impl, "foreach");
    return (struct amount){said ? element : 0, element, element};
}

/* --- sharing between devices ----------------------------------------------- */

struct per_parameter {
    struct amount weight, gradient, state;
    double reduced; /* bytes of gradient that the step sees */
};

static bool shards_all(const struct run *run)
{
    return run_is(run, FACT_strategy, "zero3") || run_is(run, FACT_strategy, "fsdp");
}

static struct amount divide(struct amount a, double ranks, double optimistic)
{
    return (struct amount){a.low / optimistic, a.mid / ranks, a.high / ranks};
}

/* Whole layers that must be gathered while they compute. Embedding and head are modules of
 * their own to ZeRO-3; FSDP's root unit holds both, and flattens them: the gradients of its
 * parts, then all of them in one, are there before they are reduced. */
static void gather(const struct run *run, struct plan *p)
{
    double layers = fmax(p->net.layers + p->net.decoder_layers, 1);
    bool zero3 = run_is(run, FACT_strategy, "zero3");
    double matrix = embedding_parameters(&p->net), both = ends_of(&p->net);
    double layer = fmax(0, p->net.parameters - both) / layers;
    double units = (zero3 ? 4 : 6) * layer, root = 2 * (zero3 ? matrix : both);
    p->gathered = (struct amount){units / 2, units + root, 2 * (units + root)};
    if (!zero3 && !p->regime.adapters) {
        p->unflatten = (struct amount){0, 2 * root, 2 * root};
    }
}

/* Between the steps of an accumulation FSDP does not reduce: whole gradients stay. */
static bool accumulates_whole(const struct run *run)
{
    double steps;
    return run_is(run, FACT_strategy, "fsdp") &&
           run_number(run, FACT_gradient_accumulation_steps, &steps) && steps > 1;
}

static void shard(struct notes *n, const struct run *run, struct plan *p,
                  struct per_parameter *per)
{
    double ranks = p->regime.ranks, optimistic = ranks;
    bool zero1 = run_is(run, FACT_strategy, "zero1"),
         zero2 = run_is(run, FACT_strategy, "zero2");
    bool all = shards_all(run);
    if (run_is(run, FACT_strategy, "ddp") && ranks > 1) { /* gradient buckets */
        struct amount bucket = {0, per->gradient.mid, per->gradient.high};
        p->fixed_workspace =
            amount_add(p->fixed_workspace, amount_times(bucket, p->trainable));
    }
    if (!zero1 && !zero2 && !all) {
        return;
    }
    if (!run_fact(run, FACT_num_devices)) {
        optimistic = fmax(ranks, 8);
        memory_note(n, "num_devices not given: %.0f assumed, sharding saves with more",
                    ranks);
    }
    per->state = divide(per->state, ranks, optimistic);
    if (!zero1) {
        double whole = per->gradient.mid;
        per->gradient = divide(per->gradient, ranks, optimistic);
        per->reduced = per->gradient.mid;
        if (accumulates_whole(run)) {
            per->gradient.mid = whole;
            per->gradient.high = whole * (1 + 1 / ranks);
        }
    }
    if (all) {
        per->weight = divide(per->weight, ranks, optimistic);
        gather(run, p);
    } else { /* DeepSpeed reduces through buffers of 5e8 elements, needed or not */
        double bucket = 5e8 * 2; /* one buffer, two when it overlaps communication */
        p->fixed_workspace =
            amount_add(p->fixed_workspace, (struct amount){0, bucket, 2 * bucket});
    }
}

static void offload(const struct run *run, struct plan *p)
{
    if (memory_lists(run, FACT_offload, "optimizer")) {
        p->optimizer = p->step_temporary = exactly(0);
        if (memory_deepspeed(run)) { /* gradients move as they come */
            p->gradients = (struct amount){0, p->gradients.mid * 0.1, p->gradients.high};
        }
    }
    if (memory_lists(run, FACT_offload, "param")) {
        p->weights = exactly(0);
    }
}

/* --- the sum --------------------------------------------------------------- */

static double parameters_of_base(const struct plan *p, double *quantised)
{
    double total = p->net.parameters, outside = embedding_parameters(&p->net);
    bool inside = p->regime.habits & HABIT_QUANTISED_HEAD;
    outside *= p->net.tied || inside ? 1 : 2;
    *quantised = p->regime.quantised > 0 ? fmax(0, total - outside) : 0;
    return total - *quantised;
}

static void count_adapters(struct notes *n, const struct run *run, struct plan *p)
{
    const struct regime *r = &p->regime;
    double quantised, whole = whole_parts(run, &p->net);
    double rest = parameters_of_base(p, &quantised);
    p->trainable = adapter_parameters(n, run, p) + whole;
    struct amount each = {r->frozen_base, r->frozen_base, r->frozen_base_high};
    if (quantised > 0) { /* preparing such a base casts what stays half to fp32 */
        each.mid = r->prepared ? 4 : r->frozen_base;
        each.high = r->habits & HABIT_HALF_BASE ? r->frozen_base : 4;
    }
    struct amount kept = amount_times(each, rest);
    p->weights = amount_add(exactly(quantised * r->quantised), kept);
}

static void count_trained(const struct run *run, struct plan *p, struct per_parameter *per,
                          bool guessed, const struct optimizer *o)
{
    bool half = (p->regime.habits & HABIT_HALF_ADAPTERS) != 0;
    double element = p->regime.adapters ? (half ? 2 : 4) : p->regime.weight;
    per->weight = per->gradient = exactly(element);
    per->reduced = element;
    bool paged = is_paged(o) || (p->regime.habits & HABIT_PAGED_BESIDE_4BIT);
    per->state = state_bytes(o, guessed, paged, element);
    if (memory_deepspeed(run) && p->regime.compute == 2) {
        per->weight = per->gradient = exactly(2);
        per->reduced = 2;
        per->state = amount_add(state_bytes(o, guessed, paged, 4), exactly(4));
    }
    if (p->regime.adapters) { /* adapters may be kept in half where PEFT is not used */
        per->weight.low = per->gradient.low = 2;
        per->state.low /= half ? 1 : 2;
    }
}

/* A unit of FSDP that mixes frozen and trained parameters has gradients for all; the root
 * unit, embedding and head, is frozen as a whole where the head has no adapter. */
static void frozen_gradients(const struct run *run, struct plan *p)
{
    if (!p->regime.adapters || !run_is(run, FACT_strategy, "fsdp") ||
        p->regime.quantised > 0) {
        return;
    }
    bool head = memory_lists(run, FACT_lora_targets, "head");
    double mixed = p->net.parameters - (head ? 0 : ends_of(&p->net));
    double all = fmax(0, mixed) * p->regime.weight;
    double share = accumulates_whole(run) ? 1 : 1 / p->regime.ranks;
    p->gradients.high = fmax(p->gradients.high, all * (share + 1 / p->regime.ranks));
    if (p->regime.habits & HABIT_WHOLE_GRADIENTS) {
        p->gradients.mid = all * share;
    }
}

static void split_over_stages(struct plan *p)
{
    double parts = p->regime.tensor * p->regime.pipeline;
    p->weights = amount_times(p->weights, 1 / parts);
    p->gradients = amount_times(p->gradients, 1 / parts);
    p->optimizer = amount_times(p->optimizer, 1 / parts);
    p->step_temporary = amount_times(p->step_temporary, 1 / parts);
}

/* One 4-bit matrix at a time is opened to half: forward ends and backward begins with the
 * head's, where it is quantised too. */
static void quantised_extras(struct plan *p)
{
    unsigned habits = p->regime.habits;
    double embedding = embedding_parameters(&p->net);
    if (p->regime.quantised <= 0) {
        return;
    }
    double matrix = p->net.hidden * p->net.ffn;
    if (habits & HABIT_QUANTISED_HEAD) {
        matrix = fmax(matrix, embedding);
    }
    double opened = matrix * (habits & HABIT_OPENS_TWICE ? 4 : 2);
    p->fixed_workspace =
        amount_add(p->fixed_workspace, (struct amount){0, opened, fmax(opened, 4 * matrix)});
    if (habits & HABIT_SECOND_EMBEDDING) { /* its gradient outlives every step */
        struct amount copy = {0, 2 * embedding, 2 * embedding};
        p->weights = amount_add(p->weights, copy);
        p->gradients = amount_add(p->gradients, copy);
        p->first_gradient = amount_add(p->first_gradient, copy);
    }
}

static void extras(const struct run *run, struct plan *p)
{
    double matrices = p->net.parameters - embedding_parameters(&p->net);
    if (run_is(run, FACT_ema, "gpu")) {
        double copy = p->trainable * fmax(p->regime.weight, 2);
        p->weights = amount_add(p->weights, exactly(copy));
    }
    bool fp32_base = p->regime.adapters && p->regime.frozen_base == 4;
    if (p->regime.autocast && p->regime.weight == 4 && (!p->regime.adapters || fp32_base)) {
        p->cast_cache = (struct amount){0, 2 * matrices, 2 * p->net.parameters};
    }
    double head = p->regime.adapters ? 0 : embedding_parameters(&p->net) * p->regime.weight;
    p->first_gradient = (struct amount){0, head, head};
    quantised_extras(p);
    if (memory_flag(run, FACT_optimizer_in_backward)) {
        double layers = fmax(p->net.layers, 1);
        double layer =
            fmax(p->trainable / layers * p->regime.weight, p->first_gradient.mid);
        p->gradients = exactly(fmin(layer, p->gradients.mid));
    }
}

static void untie(struct plan *p)
{
    if (p->net.tied && (p->regime.habits & HABIT_UNTIED_HEAD)) {
        p->net.tied = false;
        p->net.parameters += embedding_parameters(&p->net);
    }
}

void memory_state(struct notes *n, const struct run *run, struct plan *p)
{
    untie(p);
    struct per_parameter per;
    bool guessed;
    const struct optimizer *o = find_optimizer(n, run, &guessed);
    if (p->regime.adapters) {
        count_adapters(n, run, p);
    } else {
        p->trainable =
            p->regime.backbone_frozen ? p->net.parameters * 0.05 : p->net.parameters;
        p->weights = exactly((p->net.parameters - p->trainable) * p->regime.weight);
    }
    count_trained(run, p, &per, guessed, o);
    shard(n, run, p, &per);
    p->weights = amount_add(p->weights, amount_times(per.weight, p->trainable));
    if (p->regime.adapters && shards_all(run)) {
        p->weights = amount_times(p->weights, 1 / p->regime.ranks);
    }
    p->gradients = amount_times(per.gradient, p->trainable);
    frozen_gradients(run, p);
    p->optimizer = amount_times(per.state, p->trainable);
    p->step_temporary = amount_times(step_bytes(run, o, per.reduced), p->trainable);
    /* Whole gradients are gone before the step: its list takes their room. */
    double freed = (per.gradient.mid - per.reduced) * p->trainable;
    p->step_temporary.mid = fmax(p->step_temporary.low, p->step_temporary.mid - freed);
    split_over_stages(p);
    offload(run, p);
    extras(run, p);
}
