/* Each change of the list alone. */
#include "advise.h"

#include <assert.h>

#include "advise_step.h"
#include "banned.h"

static const double WORTH_SAYING = 0.01; /* of the total */
enum { MOST_REPEATS = 24 };

const char *effect_name(enum effect e)
{
    static const char *const NAMES[] = {"same", "slower", "rounding", "training"};
    assert(e <= EFFECT_TRAINING);
    return NAMES[e];
}

/* How well an estimate does: 2 by its upper bound, 1 by its total, 0 not. */
static int fitness(const struct estimate *e)
{
    return e->verdict == VERDICT_FITS ? 2 : e->known && e->total <= e->usable ? 1 : 0;
}

/* CHANGE taken as often as it needs to fit, else once. */
static bool repeated(const struct advise_scene *s, const struct change *change,
                     const struct estimate *now, struct run *run, struct wishes *wishes,
                     struct estimate *out)
{
    struct run at = *s->run, next;
    struct wishes taken = {0};
    int best = -1;
    int most = change->repeat && fitness(now) < 2 ? MOST_REPEATS : 1;
    for (int i = 0; i < most && best < 2; i++) {
        struct estimate e;
        if (!advise_take(s, change, &at, &next, &taken))
            break;
        memory_estimate(s->a, s->c->pack, &next, s->target, &e);
        if (fitness(&e) > best) {
            best = fitness(&e);
            *run = next;
            *out = e;
            wishes->len = 0;
            for (size_t k = 0; k < taken.len; k++)
                vec_push(s->a, wishes, taken.at[k]);
        }
        at = next;
    }
    return best >= 0 && out->known;
}

static void consider(const struct advise_scene *s, const struct change *change,
                     const struct estimate *now, struct advices *out)
{
    struct run run;
    struct estimate e;
    struct advice one = {.change = change, .reason = STR("")};
    if (!repeated(s, change, now, &run, &one.wishes, &e) || e.total >= now->total ||
        (double)(now->total - e.total) < WORTH_SAYING * (double)now->total ||
        !advise_sayable(s, change, &one.wishes, &one.written))
        return;
    one.text = advise_text(s, change, &run);
    one.saves = now->total - e.total;
    one.total = e.total;
    one.low = e.low;
    one.high = e.high;
    one.verdict = e.verdict;
    advise_safety(s, change, &one.safety, &one.reason);
    vec_push(s->a, out, one);
}

void advise_run(struct arena *a, const struct rule_context *c, const struct run *run,
                const struct target *target, const struct estimate *now,
                struct advices *out)
{
    struct advise_scene s = {a, c, run, target};
    assert(target);
    if (!now->known || !now->batch_current || now->verdict == VERDICT_UNKNOWN)
        return;
    for (uint32_t i = 0; i < c->pack->changes.len; i++)
        consider(&s, &c->pack->changes.at[i], now, out);
}

const struct advice *advise_best(const struct advices *all)
{
    const struct advice *best = NULL;
    for (size_t i = 0; i < all->len; i++) {
        const struct advice *x = &all->at[i];
        if (x->verdict == VERDICT_FITS)
            return x;
        if (!best || x->saves > best->saves)
            best = x;
    }
    return best;
}
