/* The set of changes that makes a run fit. Sets are tried in order of their cost, each
 * one an estimate of the run as it would be on every target; those with a more harmful
 * effect only when no set without it is known to do. A set is how often each change is
 * taken; changes are taken in the order of their list. */
#include "advise.h"

#include <assert.h>

#include "advise_step.h"
#include "banned.h"

enum {
    MOST_WAYS = 32,
    MOST_REPEATS = 20,
    MOST_TRIED = 400, /* estimates of one search */
};

/* A change that can be written into the files of the run. */
struct way {
    const struct change *change;
    uint32_t cost;
};

struct set {
    uint8_t taken[MOST_WAYS];
    uint32_t cost;
    size_t last; /* the way that was added last */
};

struct sets VEC_BODY(struct set);

/* What a set comes to. */
struct outcome {
    int fitness;
    const struct target *target; /* where it lacks most */
    struct estimate estimate;    /* there */
};

struct search {
    struct advise_scene scene;
    struct way ways[MOST_WAYS]; /* in the order of the list */
    size_t len;
    unsigned tried;
};

static int fitness_of(const struct estimate *e)
{
    return e->verdict == VERDICT_FITS ? 2 : e->known && e->total <= e->usable ? 1 : 0;
}

static double left_over(const struct estimate *e)
{
    return (double)e->usable - (double)e->total;
}

/* RUN on every target. False when one of them cannot be estimated. */
static bool judge(const struct search *s, const struct run *run, struct outcome *out)
{
    const struct targets *all = s->scene.c->targets;
    out->target = NULL;
    for (size_t i = 0; i < all->len; i++) {
        struct estimate e;
        memory_estimate(s->scene.a, s->scene.c->pack, run, &all->at[i], &e);
        if (!e.known || !e.batch_current || !e.usable)
            return false;
        int fitness = fitness_of(&e);
        bool worst = !out->target || fitness < out->fitness ||
                     (fitness == out->fitness && left_over(&e) < left_over(&out->estimate));
        if (worst) {
            *out = (struct outcome){fitness, &all->at[i], e};
        }
    }
    return out->target != NULL;
}

/* The run that SET makes, with what has to be wished for it. */
static bool apply(const struct search *s, const struct set *set, struct run *run,
                  struct wishes *wishes)
{
    *run = *s->scene.run;
    wishes->len = 0;
    for (size_t i = 0; i < s->len; i++)
        for (unsigned k = 0; k < set->taken[i]; k++) {
            struct run next;
            if (!advise_take(&s->scene, s->ways[i].change, run, &next, wishes))
                return false;
            *run = next;
        }
    return true;
}

/* How SET does; -1 when it cannot be taken. */
static int try(struct search *s, const struct set *set)
{
    struct arena_mark mark = arena_mark(s->scene.a);
    struct wishes wishes = {0};
    struct outcome outcome;
    struct run run;
    s->tried++;
    int fitness = apply(s, set, &run, &wishes) && judge(s, &run, &outcome)
                      ? outcome.fitness
                      : -1;
    arena_release(s->scene.a, mark);
    return fitness;
}

/* --- the ways there are ------------------------------------------------------- */

static void find_ways(struct search *s, uint64_t total, advise_price_fn price,
                      void *context)
{
    const struct pack *pack = s->scene.c->pack;
    for (uint32_t i = 0; i < pack->changes.len && s->len < MOST_WAYS; i++) {
        const struct change *change = &pack->changes.at[i];
        struct wishes wishes = {0};
        struct outcome outcome;
        struct run run;
        if (!advise_take(&s->scene, change, s->scene.run, &run, &wishes) ||
            !judge(s, &run, &outcome) || outcome.estimate.total >= total)
            continue;
        struct str written;
        int extra = price ? price(context, s->scene.run, &wishes)
                    : advise_sayable(&s->scene, change, &wishes, &written) ? 0
                                                                           : -1;
        if (extra >= 0)
            s->ways[s->len++] = (struct way){change, change->cost + (uint32_t)extra};
    }
}

/* --- the search --------------------------------------------------------------- */

static size_t cheapest(const struct sets *open)
{
    size_t best = 0;
    for (size_t i = 1; i < open->len; i++)
        if (open->at[i].cost < open->at[best].cost)
            best = i;
    return best;
}

static void add_way(const struct search *s, struct sets *open, const struct set *from,
                    size_t way)
{
    unsigned most = s->ways[way].change->repeat ? MOST_REPEATS : 1;
    if (from->taken[way] >= most)
        return;
    struct set next = *from;
    next.taken[way]++;
    next.cost += s->ways[way].cost;
    next.last = way;
    vec_push(s->scene.a, open, next);
}

/* The cheapest set that is BASE and more, whose most harmful addition has EFFECT, and that
 * is as fit as GOAL. Sets grow towards the front of the list, so the first addition is the
 * most harmful and each set is met once. */
static bool search_effect(struct search *s, const struct set *base, enum effect effect,
                          int goal, struct set *out)
{
    struct sets open = {0};
    for (size_t i = s->len; i-- > 0;)
        if (s->ways[i].change->effect == effect)
            add_way(s, &open, base, i);
    s->tried = 0;
    while (open.len && s->tried < MOST_TRIED) {
        size_t i = cheapest(&open);
        struct set set = open.at[i];
        for (open.len--; i < open.len; i++) /* the order of what is left counts */
            open.at[i] = open.at[i + 1];
        if (try(s, &set) >= goal) {
            *out = set;
            return true;
        }
        for (size_t way = set.last + 1; way-- > 0;)
            add_way(s, &open, &set, way);
    }
    return false;
}

static bool search_goal(struct search *s, const struct set *base, enum effect worst,
                        int goal, struct set *out)
{
    for (int effect = EFFECT_SAME; effect <= (int)worst; effect++)
        if (search_effect(s, base, (enum effect)effect, goal, out))
            return true;
    return false;
}

/* To fit surely, nothing is done that makes it another training; to have a chance at all,
 * that too. What this finds leaves nothing for a second search to add. */
static bool search_all(struct search *s, int fitness, struct set *out)
{
    const struct set none = {.cost = 0};
    struct set chance;
    if (search_goal(s, &none, EFFECT_ROUNDING, 2, out))
        return true;
    if (fitness >= 1 || !search_goal(s, &none, EFFECT_TRAINING, 1, &chance))
        return false;
    if (try(s, &chance) == 2 || !search_goal(s, &chance, EFFECT_ROUNDING, 2, out))
        *out = chance;
    return true;
}

/* --- the answer --------------------------------------------------------------- */

static void describe(const struct search *s, const struct set *set, const struct run *run,
                     struct advise_set *out)
{
    struct buf b = buf_new(s->scene.a);
    for (size_t i = 0; i < s->len; i++) {
        const struct change *change = s->ways[i].change;
        if (!set->taken[i])
            continue;
        buf_cstr(&b, b.len ? ", " : "");
        buf_add(&b, advise_text(&s->scene, change, run));
        advise_safety(&s->scene, change, &out->safety, &out->reason);
        if (change->effect > out->effect)
            out->effect = change->effect;
    }
    out->text = buf_str(&b);
}

void advise_fit(struct arena *a, const struct rule_context *c, const struct run *run,
                advise_price_fn price, void *context, struct advise_set *out)
{
    struct search s = {.scene = {a, c, run, NULL}};
    struct outcome now, then;
    struct set set;
    struct run after;
    *out = (struct advise_set){.text = STR(""), .reason = STR("")};
    if (!judge(&s, run, &now) || now.fitness == 2)
        return;
    out->needed = now.estimate.verdict != VERDICT_UNKNOWN;
    out->target = now.target;
    out->verdict = now.estimate.verdict;
    out->before = now.estimate.total;
    out->low = now.estimate.low;
    if (!out->needed)
        return;
    find_ways(&s, now.estimate.total, price, context);
    out->found = search_all(&s, now.fitness, &set);
    if (!out->found || !apply(&s, &set, &after, &out->wishes) || !judge(&s, &after, &then))
        return;
    out->after = then.estimate.total;
    out->high = then.estimate.high;
    out->verdict_after = then.estimate.verdict;
    describe(&s, &set, &after, out);
}
