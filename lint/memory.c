/* Peak memory as the largest of three moments. Each is a sum of terms linear in the batch:
 * resident bytes decided by the regime, and bytes per sample decided by the network. Low
 * and high add up the bounds of every term, so they are wider than the truth needs when
 * errors cancel, and honest when they do not. */
#include "memory.h"

#include <assert.h>
#include <math.h>

#include "memory_habits.h"
#include "memory_term.h"
#include "vec.h"

#include "banned.h"

static const double MIB = 1024.0 * 1024.0;
/* What the allocator holds beyond the tensors: reserved / allocated of 1.06 to 1.13 was
 * measured on a T4; its rules over steps of one length give 0.01 to 0.21 of what passes
 * (tests/catalog/allocator.py). */
static const struct amount SLACK_RESIDENT = {0, 0.01, 0.04};
static const struct amount SLACK_PASSING = {0.01, 0.1, 0.3};
static const double SLACK_IMAGES_HIGH = 0.2; /* one shape, every step the same */
/* Unfused attention passes through blocks of many sizes: 0.13 to 0.44 on a T4. */
static const struct amount SLACK_EAGER = {0.01, 0.25, 0.5};
/* Lengths from 5 to 100 % of the cap, by the same rules: blocks of every new longest length
 * are made and the old ones stay: 1.1 to 1.7 of what passes where layers are recomputed
 * and the logits' few large blocks rule, 0.5 to 1.0 where every layer's are kept; up to
 * twice that where long samples are rare. */
static const double GROWTH_RECOMPUTED = 1.4, GROWTH_KEPT = 0.65, GROWTH_HIGH = 2;
static const double GROWTH_EXPANDABLE = 0.03;
enum { OFTEN = 100 }; /* a cache emptied at least every so many batches does not grow */
static const double SLACK_EXPANDABLE = 0.5; /* one segment that grows */
/* Two handles' cuBLAS workspaces of 8.125 MiB; 32 MiB each on Hopper. */
static const double CUBLAS_BYTES = 2 * 8519680.0, CUBLAS_BYTES_HOPPER = 64 * 1024 * 1024.0;
/* "Safe" leaves this much of the card to what nobody modelled. */
static const double SAFE_SHARE = 0.85;
enum { BATCH_LIMIT_LOG2 = 24 };

void memory_note(struct notes *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vec_push(n->arena, n->list, arena_vprintf(n->arena, format, args));
    va_end(args);
}

/* --- fixed costs -------------------------------------------------------------- */

/* CUDA loads kernels lazily since 11.7, which PyTorch ships from 1.13 on: about 400 MiB
 * and growing; before, every kernel was loaded: 1000 to 1350 MiB. */
static struct amount context_bytes(const struct run *run, const struct target *target)
{
    struct str version;
    bool old = run_word(run, FACT_torch_version, &version) &&
               (str_starts(version, STR("0.")) ||
                (str_starts(version, STR("1.")) && !str_starts(version, STR("1.13"))));
    if (old) {
        return (struct amount){600 * MIB, 1200 * MIB, 1500 * MIB};
    }
    if (target && target->gpu && target->gpu->capability >= 90) {
        return (struct amount){300 * MIB, 550 * MIB, 1000 * MIB};
    }
    if (run_fact(run, FACT_torch_version)) {
        return (struct amount){130 * MIB, 450 * MIB, 800 * MIB};
    }
    if (target && target->gpu && target->gpu->capability == 80) {
        /* 1237 MiB were in use on an A100 around networks of 0.1 MB. */
        return (struct amount){300 * MIB, 1237 * MIB, 1700 * MIB};
    }
    return (struct amount){130 * MIB, 700 * MIB, 1700 * MIB};
}

/* Windows draws the desktop with the same card: 0.3 to 1.5 GB are reported of the primary
 * one. Whoever says what is reserved has counted it. */
static struct amount desktop_bytes(struct notes *n, const struct run *run,
                                   const struct target *target)
{
    bool windows = run_is(run, FACT_platform, "windows") || run_is(run, FACT_platform, "wsl");
    if (!windows || !target || target->reserved_bytes) {
        return exactly(0);
    }
    memory_note(n, "Windows shares the card with the desktop, up to 1.5 GB: "
                   "--memory-reserved says how much");
    return (struct amount){0, 0, 1.5e9};
}

static struct amount cublas_bytes(const struct target *target)
{
    bool hopper = target && target->gpu && target->gpu->capability == 90;
    double bytes = hopper ? CUBLAS_BYTES_HOPPER : CUBLAS_BYTES;
    return (struct amount){0, bytes, 2 * bytes};
}

/* --- the plan ------------------------------------------------------------------ */

static void offload_activations(const struct run *run, struct plan *p)
{
    if (memory_lists(run, FACT_offload, "activations")) {
        p->kept = (struct amount){0, p->kept.mid * 0.1, p->kept.high * 0.5};
    }
}

/* Gradients of the last step are still there in the next forward when the step
 * accumulates, or where zero_grad filled with zeros (before PyTorch 2.0). */
static bool keeps_gradients(const struct run *run)
{
    double accumulation;
    struct str version;
    if (run_number(run, FACT_gradient_accumulation_steps, &accumulation) &&
        accumulation > 1) {
        return true;
    }
    return run_word(run, FACT_torch_version, &version) && str_starts(version, STR("1."));
}

static void per_sample(struct notes *n, const struct run *run, struct plan *p)
{
    switch (p->net.kind) {
    case NETWORK_SAVED:
        memory_vision(n, run, p);
        break;
    case NETWORK_RECURRENT:
        memory_rnn(n, run, p);
        break;
    case NETWORK_LAYERS:
        memory_layers(n, run, p);
        break;
    case NETWORK_DECODER:
    case NETWORK_ENCODER:
    case NETWORK_ENCODER_DECODER:
    case NETWORK_VIT:
        memory_transformer(n, run, p);
        break;
    }
}

/* Batches of other lengths, where the program is known to make them or may. */
static void grow(const struct run *run, struct plan *p)
{
    double interval;
    if (!p->net.tokens_are_cap) {
        return;
    }
    bool known = p->regime.habits & HABIT_PADS_TO_LONGEST;
    p->growth_share = (struct amount){0, known ? 1 : 0, known ? GROWTH_HIGH : 1};
    if (run_number(run, FACT_empty_cache_interval, &interval) && interval >= 1 &&
        interval <= OFTEN) {
        p->growth_share = (struct amount){0, 0, 0.5};
    }
    if (memory_flag(run, FACT_expandable_segments)) {
        p->growth_share = amount_times(p->growth_share, GROWTH_EXPANDABLE);
    }
}

bool memory_plan(struct notes *n, const struct pack *pack, const struct run *run,
                 const struct target *target, struct plan *p)
{
    *p = (struct plan){.slack_share = 1};
    if (!memory_resolve(n, pack, run, &p->net)) {
        return false;
    }
    memory_regime(n, run, &p->net, &p->regime);
    memory_state(n, run, p);
    p->slack_passing = p->regime.eager_attention ? SLACK_EAGER : SLACK_PASSING;
    if (p->net.kind == NETWORK_VIT) {
        p->slack_passing.high = SLACK_IMAGES_HIGH;
    }
    per_sample(n, run, p);
    offload_activations(run, p);
    if (keeps_gradients(run)) {
        p->first_gradient = p->gradients;
    }
    p->fixed_workspace = amount_add(p->fixed_workspace, cublas_bytes(target));
    p->context = amount_add(context_bytes(run, target), desktop_bytes(n, run, target));
    if (memory_flag(run, FACT_expandable_segments)) {
        p->slack_share = SLACK_EXPANDABLE;
    }
    grow(run, p);
    return true;
}

/* --- the moments --------------------------------------------------------------- */

static struct moment_bill at_forward_end(const struct plan *p, double batch)
{
    return (struct moment_bill){
        .weights = amount_add(p->weights, p->cast_cache),
        .gradients = amount_add(p->first_gradient, exactly(0)),
        .optimizer = p->optimizer,
        .activations = amount_times(amount_add(p->kept, p->input), batch),
        .logits = amount_times(p->logits, batch),
        .workspace = amount_add(p->fixed_workspace, p->gathered),
    };
}

/* Backward begins with everything kept and a layer in the works, and ends with every
 * gradient and a layer in the works; between the two it only falls or only rises. */
static struct moment_bill at_backward(const struct plan *p, double batch)
{
    struct amount working = amount_add(p->layer_temporary, p->recomputed);
    struct moment_bill first = {
        .weights = amount_add(p->weights, p->cast_cache),
        .gradients = p->first_gradient,
        .optimizer = p->optimizer,
        .activations =
            amount_times(amount_add(amount_add(p->kept, p->input), p->recomputed), batch),
        .workspace = amount_add(amount_add(p->fixed_workspace, p->gathered),
                                amount_times(p->layer_temporary, batch)),
    };
    struct moment_bill last = first;
    last.workspace = amount_add(last.workspace, p->unflatten);
    last.gradients = p->gradients;
    last.activations = amount_times(p->recomputed, batch);
    double fixed = p->fixed_workspace.mid + p->gathered.mid;
    bool at_end = last.gradients.mid + p->unflatten.mid + working.mid * batch >
                  first.gradients.mid + first.activations.mid + first.workspace.mid - fixed;
    return at_end ? last : first;
}

static struct moment_bill at_step(const struct plan *p)
{
    return (struct moment_bill){
        .weights = p->weights,
        .gradients = p->gradients,
        .optimizer = p->optimizer,
        .workspace = amount_add(p->fixed_workspace, p->step_temporary),
    };
}

static struct amount moment_sum(const struct moment_bill *m)
{
    struct amount a = amount_add(amount_add(m->weights, m->gradients), m->optimizer);
    struct amount b = amount_add(amount_add(m->activations, m->logits), m->workspace);
    return amount_add(a, b);
}

static struct amount larger(struct amount a, struct amount b)
{
    return (struct amount){fmax(a.low, b.low), fmax(a.mid, b.mid), fmax(a.high, b.high)};
}

/* What samples of other lengths leave in the cache. */
static struct amount growth_of(const struct plan *p, const struct bill *b)
{
    double most = 0;
    for (int m = MOMENT_FORWARD; m < MOMENT_STEP; m++) {
        most = fmax(most, b->moments[m].logits.mid + b->moments[m].activations.mid);
    }
    bool few = p->regime.checkpoint == CHECKPOINT_FULL;
    return amount_times(p->growth_share, most * (few ? GROWTH_RECOMPUTED : GROWTH_KEPT));
}

static struct amount slack_of(const struct plan *p, const struct bill *b)
{
    struct amount resident = amount_add(amount_add(p->weights, p->optimizer), p->gradients);
    struct amount all = b->allocated;
    struct amount passing = p->slack_passing;
    struct amount s = {
        .low = SLACK_RESIDENT.low * resident.low +
               passing.low * fmax(0, all.low - resident.low),
        .mid = SLACK_RESIDENT.mid * resident.mid +
               passing.mid * fmax(0, all.mid - resident.mid),
        .high = SLACK_RESIDENT.high * resident.high +
                passing.high * fmax(0, all.high - resident.high),
    };
    /* Between steps the gradients' blocks are free, and mostly of the wrong size. */
    double freed = fmax(0, p->gradients.mid - b->moments[b->peak_at].gradients.mid);
    s = amount_add(s, amount_times(p->gradient_holes, freed));
    return amount_times(s, p->slack_share);
}

void memory_bill(const struct plan *p, double batch, struct bill *out)
{
    assert(batch >= 0);
    out->moments[MOMENT_FORWARD] = at_forward_end(p, batch);
    out->moments[MOMENT_BACKWARD] = at_backward(p, batch);
    out->moments[MOMENT_STEP] = at_step(p);
    out->peak_at = MOMENT_FORWARD;
    out->allocated = exactly(0);
    for (int m = MOMENT_FORWARD; m <= MOMENT_STEP; m++) {
        struct amount sum = moment_sum(&out->moments[m]);
        if (sum.mid > out->allocated.mid) {
            out->peak_at = (enum moment)m;
        }
        out->allocated = larger(out->allocated, sum);
    }
    out->slack = slack_of(p, out);
    out->growth = growth_of(p, out);
    out->context = p->context;
    out->total = amount_add(amount_add(out->allocated, out->slack), out->context);
}

static double held(double needed, double growth, double usable)
{
    return usable > 0 ? fmax(needed, fmin(needed + growth, usable)) : needed + growth;
}

struct amount memory_held(const struct bill *b, double usable)
{
    return (struct amount){held(b->total.low, b->growth.low, usable),
                           held(b->total.mid, b->growth.mid, usable),
                           held(b->total.high, b->growth.high, usable)};
}

/* --- the answer ---------------------------------------------------------------- */

uint64_t memory_bytes(double x)
{
    return x <= 0 ? 0 : x >= 9e18 ? (uint64_t)9e18 : (uint64_t)(x + 0.5);
}

enum verdict memory_verdict(uint64_t low, uint64_t high, uint64_t usable)
{
    if (usable == 0) {
        return VERDICT_UNKNOWN;
    }
    if (high <= usable) {
        return VERDICT_FITS;
    }
    return low > usable ? VERDICT_DOES_NOT_FIT : VERDICT_TIGHT;
}

static void fill(struct notes *n, const struct plan *p, double batch, struct estimate *e)
{
    struct bill bill;
    memory_bill(p, batch, &bill);
    const struct moment_bill *peak = &bill.moments[bill.peak_at];
    e->known = true;
    e->weights = memory_bytes(peak->weights.mid);
    e->gradients = memory_bytes(peak->gradients.mid);
    e->optimizer = memory_bytes(peak->optimizer.mid);
    e->activations = memory_bytes(peak->activations.mid);
    e->logits = memory_bytes(peak->logits.mid);
    e->workspace = memory_bytes(peak->workspace.mid);
    e->context = memory_bytes(bill.context.mid);
    struct amount all = memory_held(&bill, (double)e->usable);
    e->slack = memory_bytes(bill.slack.mid);
    e->cache = memory_bytes(all.mid - bill.total.mid);
    if (e->cache > 0.01 * all.mid) {
        memory_note(n, "samples differ in length: the allocator will hold %.1f GiB more, "
                       "which it gives back when it must",
                    (double)e->cache / (1024 * MIB));
    }
    e->total = e->weights + e->gradients + e->optimizer + e->activations + e->logits +
               e->workspace + e->context + e->slack;
    e->low = memory_bytes(bill.total.low);
    e->high = memory_bytes(bill.total.high);
    e->peak_at = bill.peak_at;
    e->verdict = memory_verdict(e->low, e->high, e->usable);
}

/* The largest power of two that stays below; 0 when one sample does not. */
static void advise(const struct plan *p, struct estimate *e)
{
    double usable = (double)e->usable;
    for (int k = 0; usable > 0 && k <= BATCH_LIMIT_LOG2; k++) {
        struct bill bill;
        memory_bill(p, ldexp(1, k), &bill);
        uint64_t batch = (uint64_t)1 << k;
        if (bill.total.mid > usable) {
            break;
        }
        e->batch_maximum = batch;
        if (bill.total.high <= usable) {
            e->batch_recommended = batch;
        }
        if (bill.total.high <= SAFE_SHARE * usable) {
            e->batch_safe = batch;
        }
    }
}

static void estimate(struct arena *a, const struct pack *pack, const struct run *run,
                     const struct target *target, double batch, struct estimate *out)
{
    assert(pack && run && out);
    *out = (struct estimate){.verdict = VERDICT_UNKNOWN};
    out->batch_current = batch >= 1 && batch <= 1e12 ? (uint64_t)batch : 0;
    struct notes notes = {a, &out->assumptions};
    struct plan plan;
    if (!memory_plan(&notes, pack, run, target, &plan)) {
        memory_over_lengths(a, pack, run, target, batch, out);
        return;
    }
    out->model = (struct memory_model){plan.net.name, plan.net.family,
                                       memory_bytes(plan.net.parameters), memory_bytes(plan.trainable)};
    out->usable = target ? target->usable_bytes : 0;
    advise(&plan, out);
    if (!out->batch_current) {
        memory_note(&notes, "batch size unknown: add batch_size to the config");
        return;
    }
    fill(&notes, &plan, batch, out);
    memory_over_devices(a, pack, run, target, batch, out);
}

void memory_estimate(struct arena *a, const struct pack *pack, const struct run *run,
                     const struct target *target, struct estimate *out)
{
    double batch;
    if (!run_number(run, FACT_batch_size, &batch)) {
        batch = 0;
    }
    estimate(a, pack, run, target, batch, out);
}

void memory_estimate_batch(struct arena *a, const struct pack *pack, const struct run *run,
                           const struct target *target, uint64_t batch_size,
                           struct estimate *out)
{
    estimate(a, pack, run, target, (double)batch_size, out);
}

const char *moment_name(enum moment m)
{
    static const char *const NAMES[] = {"forward", "backward", "step"};
    assert(m <= MOMENT_STEP);
    return NAMES[m];
}

const char *verdict_name(enum verdict v)
{
    static const char *const NAMES[] = {"unknown", "fits", "tight", "does-not-fit"};
    assert(v <= VERDICT_DOES_NOT_FIT);
    return NAMES[v];
}
