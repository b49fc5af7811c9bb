/* Which change makes a run need less, from the memory model alone: a copy of the run with
 * some facts replaced is estimated anew. What may be changed is data (rules/advice). Changes
 * no file; says nothing of a change that the model does not know to save something. */
#ifndef ADVISE_H
#define ADVISE_H

#include "rule.h"

struct advice {
    const struct change *change;
    struct str text;      /* "batch 8 -> 4, accumulation 1 -> 2" */
    struct str written;   /* "gradient_checkpointing: true"; "" when no key is known */
    struct wishes wishes; /* the facts as they would be */
    uint64_t saves;       /* of the estimate's total */
    uint64_t total, low, high;
    enum verdict verdict;
    enum safety safety; /* unsafe: results may change, for REASON */
    struct str reason;
};

struct advices VEC_BODY(struct advice);

/* Every single change that saves at least one hundredth of NOW's total on TARGET (one of
 * C's), least harm first. A change that can be repeated is taken as often as it needs to
 * fit, else once. Empty when NOW is not known or has no batch size. */
void advise_run(struct arena *a, const struct rule_context *c, const struct run *run,
                const struct target *target, const struct estimate *now,
                struct advices *out);
/* The first that fits, else the one that saves most; NULL when there is none. */
const struct advice *advise_best(const struct advices *all);
const char *effect_name(enum effect e); /* "same", "slower", "rounding", "training" */

/* A set of changes that makes a run fit every target. */
struct advise_set {
    bool needed;                 /* false: it fits everywhere, or nobody can say */
    bool found;                  /* false: nothing that is known makes it fit */
    const struct target *target; /* where the run as it is lacks most */
    uint64_t before, low;        /* its total there, and the low end of it */
    struct str text;             /* "batch 8 -> 4, ..., activation checkpointing" */
    struct wishes wishes;        /* the facts as they would be */
    uint64_t after, high;        /* the total there, and the high end of it */
    enum verdict verdict;        /* before; of the worst target */
    enum verdict verdict_after;
    enum effect effect; /* the worst of the chosen changes */
    enum safety safety;
    struct str reason;
};

/* What it costs beside a change's own cost to write WISHES into the run's files; -1 when
 * that cannot be done. */
typedef int (*advise_price_fn)(void *context, const struct run *run,
                               const struct wishes *wishes);

/* Searches the changes for the set with the smallest sum of costs, least harmful effects
 * first; bounded and deterministic. PRICE NULL: whatever the run's framework has a key for,
 * or anybody's own program may do. What comes out fits by its upper bound where that can
 * be had, else by its total. */
void advise_fit(struct arena *a, const struct rule_context *c, const struct run *run,
                advise_price_fn price, void *context, struct advise_set *out);

/* Of WISHES those that have to be written: a count that follows from others is not. */
struct wishes advise_writes(struct arena *a, const struct run *run,
                            const struct wishes *wishes);

#endif
