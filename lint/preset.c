/* A preset is a list of wishes; each is tried alone first, because a fix is all or
 * nothing and a file need not have a place for every fact. */
#include "preset.h"

#include "fix.h"
#include "banned.h"

const struct preset *preset_find(const struct profile *p, struct str name, struct err *err)
{
    struct arena scratch = {0};
    struct buf names = buf_new(&scratch);
    for (uint32_t i = 0; p && i < p->presets.len; i++) {
        if (str_eq(p->presets.at[i].name, name)) {
            arena_free(&scratch);
            return &p->presets.at[i];
        }
        buf_printf(&names, "%s%.*s", i ? ", " : "", STR_ARG(p->presets.at[i].name));
    }
    struct str id = p ? p->id : STR("?");
    err_set(err, "profile %.*s has no preset '%.*s'; it has %.*s", STR_ARG(id), STR_ARG(name),
            STR_ARG(buf_str(&names)));
    arena_free(&scratch);
    return NULL;
}

static const struct target *smallest(const struct targets *targets)
{
    const struct target *best = &targets->at[0];
    for (size_t i = 1; i < targets->len; i++)
        if (targets->at[i].usable_bytes < best->usable_bytes)
            best = &targets->at[i];
    return best;
}

static int64_t scaled_batch(int64_t batch, const struct preset *p, const struct target *t)
{
    if (p->vram_gb <= 0 || t->vram_gb == p->vram_gb)
        return batch;
    int64_t limit = (int64_t)((double)batch * t->vram_gb / p->vram_gb), power = 1;
    while (power * 2 <= limit)
        power *= 2;
    return power;
}

static int64_t preset_int(const struct preset *p, enum fact_id id)
{
    for (uint32_t i = 0; i < p->facts.len; i++)
        if (p->facts.at[i].fact == id && p->facts.at[i].value.kind == VALUE_INT)
            return p->facts.at[i].value.as.integer;
    return 0;
}

/* Batch and accumulation that come nearest to the preset with EFFECTIVE kept. */
static void keep_effective(double effective, double width, int64_t *batch, int64_t *steps)
{
    int64_t samples = (int64_t)(effective / width);
    if (samples <= 0)
        return;
    if (samples <= *batch) {
        *batch = samples;
        *steps = 1;
    } else if (samples % *batch == 0) {
        *steps = samples / *batch;
    }
}

static void wish_for(struct arena *a, struct wishes *w, const struct run *run,
                     enum fact_id id, struct value value)
{
    if (!value_eq(run_value(run, id), value))
        vec_push(a, w, ((struct wish){.fact = id, .value = value}));
}

static void batch_wishes(struct arena *a, const struct preset *p, const struct target *t,
                         const struct run *run, struct wishes *out)
{
    int64_t batch = preset_int(p, FACT_batch_size);
    int64_t steps = preset_int(p, FACT_gradient_accumulation_steps);
    double effective, width;
    if (!batch || !run_effective_batch(run, &effective))
        return;
    if (!run_data_parallel(run, &width))
        width = 1;
    batch = scaled_batch(batch, p, t);
    if (!steps)
        steps = 1;
    keep_effective(effective, width, &batch, &steps);
    struct value now = run_value(run, FACT_gradient_accumulation_steps);
    wish_for(a, out, run, FACT_batch_size, VALUE_OF_INT(batch));
    if (steps != 1 || now.kind != VALUE_UNKNOWN)
        wish_for(a, out, run, FACT_gradient_accumulation_steps, VALUE_OF_INT(steps));
}

static bool possible(struct arena *a, const struct pack *pack, const struct run *run,
                     const struct wishes *wishes)
{
    return wishes->len && fix_plan(a, pack, run, wishes, FIX_SAFE, NULL) != NULL;
}

/* Facts that only say how batches travel; any other makes training mean something else. */
static bool keeps_results(enum fact_id id)
{
    static const enum fact_id keep[] = {
        FACT_batch_size, FACT_gradient_accumulation_steps, FACT_num_workers, FACT_pin_memory,
        FACT_persistent_workers, FACT_prefetch_factor, FACT_non_blocking, FACT_dataset_cache,
        FACT_cudnn_benchmark, FACT_empty_cache_interval, FACT_gpu_threshold,
        FACT_cpu_threshold, FACT_cleanup_interval, FACT_compile, FACT_expandable_segments};
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
        if (keep[i] == id)
            return true;
    return false;
}

/* Wishes beside the batch, those that keep results or the others. */
static void other_wishes(struct arena *a, const struct pack *pack, const struct preset *p,
                         const struct run *run, bool keeping, struct wishes *out)
{
    for (uint32_t i = 0; i < p->facts.len; i++) {
        struct fact_value f = p->facts.at[i];
        struct wishes one = {0};
        if (f.fact == FACT_batch_size || f.fact == FACT_gradient_accumulation_steps ||
            keeps_results(f.fact) != keeping)
            continue;
        wish_for(a, &one, run, f.fact, f.value);
        const struct fact *now = run_fact(run, f.fact);
        /* What nobody wrote down is not added: only a profile's own runs have it all. */
        if ((now && run_written(now)) && possible(a, pack, run, &one))
            vec_push(a, out, one.at[0]);
    }
}

static void report(const struct rule_context *c, const struct preset *p, struct unit *unit,
                   const struct run *run, const struct wishes *wishes, enum safety safety)
{
    struct arena *a = &unit->arena;
    const struct fact *batch = run_fact(run, FACT_batch_size);
    bool own = batch && batch->setting && batch->doc == run->doc;
    const struct setting *at = own ? batch->setting : run->container;
    struct str reason = STR("");
    rule_batch_safety(a, c, run, wishes, &safety, &reason);
    struct fix *fix = wishes->len ? fix_plan(a, c->pack, run, wishes, safety, NULL) : NULL;
    if (!fix || !at)
        return;
    if (reason.len)
        fix->reason = fix->reason.len ? arena_printf(a, "%.*s; %.*s", STR_ARG(reason),
                                                     STR_ARG(fix->reason))
                                      : reason;
    if (safety == FIX_UNSAFE && !fix->reason.len)
        fix->reason = STR("training does not give the same results");
    struct finding *f = finding_add(a, &unit->findings, &unit->source, at->key_span,
                                    "differs from the preset %.*s: %.*s", STR_ARG(p->name),
                                    STR_ARG(fix->description));
    f->code = STR("PRE001");
    f->rule = STR("preset");
    f->severity = SEVERITY_INFO;
    f->run = run->name;
    f->fix = fix;
}

static void check_run(const struct rule_context *c, const struct preset *p,
                      struct unit *unit, const struct run *run)
{
    struct arena *a = &unit->arena;
    struct wishes batch = {0}, safe = {0}, unsafe = {0};
    batch_wishes(a, p, smallest(c->targets), run, &batch);
    other_wishes(a, c->pack, p, run, true, &safe);
    other_wishes(a, c->pack, p, run, false, &unsafe);
    report(c, p, unit, run, &batch, FIX_SAFE);
    report(c, p, unit, run, &safe, FIX_SAFE);
    report(c, p, unit, run, &unsafe, FIX_UNSAFE);
}

/* A profile may hold a preset for one class apart: "safe-24gb" beside "safe". */
static const struct preset *preset_for(struct arena *a, const struct profile *p,
                                       struct str name, const struct target *t)
{
    struct str apart = arena_printf(a, "%.*s-%ggb", STR_ARG(name), t->vram_gb);
    const struct preset *hit = preset_find(p, apart, NULL);
    return hit ? hit : preset_find(p, name, NULL);
}

void preset_check_unit(const struct rule_context *c, struct str name, struct unit *unit)
{
    const struct preset *p = preset_for(&unit->arena, c->profile, name, smallest(c->targets));
    for (size_t i = 0; p && i < unit->runs.len && !unit->doc.broken && !unit->part; i++)
        check_run(c, p, unit, &unit->runs.at[i]);
}
