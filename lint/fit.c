/* What can be written is asked of the fixer itself, change by change, before anything is
 * searched; a key that nothing shows to be read is taken last and only as unsafe. */
#include "fit.h"

#include "advise.h"
#include "bind.h"
#include "fix.h"
#include "banned.h"

enum { UNSURE_COST = 1000 }; /* a key that the program may not read */

static const double GIB = 1024.0 * 1024 * 1024;

static bool unsure(const struct rule_context *c, const struct run *run,
                   const struct wishes *wishes)
{
    for (size_t i = 0; i < wishes->len; i++) {
        const struct fact *now = run_fact(run, wishes->at[i].fact);
        struct insertion at;
        if (!(now && now->setting) &&
            !(bind_insertion(c->pack, run, wishes->at[i].fact, &at) && at.certain))
            return true;
    }
    return false;
}

struct pricing {
    const struct rule_context *c;
    struct arena *a;
};

static int price(void *context, const struct run *run, const struct wishes *wishes)
{
    const struct pricing *p = context;
    struct wishes writes = advise_writes(p->a, run, wishes);
    if (!writes.len || !fix_plan(p->a, p->c->pack, run, &writes, FIX_SAFE, NULL))
        return -1;
    return unsure(p->c, run, &writes) ? UNSURE_COST : 0;
}

static struct str told_before(struct arena *a, const struct advise_set *set)
{
    const struct target *t = set->target;
    return arena_printf(a, "%s %.*s: about %.1f of %.1f GiB",
                        set->verdict == VERDICT_TIGHT ? "may not fit" : "does not fit",
                        STR_ARG(t->name), (double)set->before / GIB,
                        (double)t->usable_bytes / GIB);
}

static struct str told_choice(struct arena *a, const struct advise_set *set)
{
    static const char *const means[] = {"leaves training as it is",
                                        "costs time and leaves results as they are",
                                        "changes rounding", "is another training"};
    return arena_printf(a, "of the changes this file has a place for, the least harm that %s; it %s",
                        set->verdict_after == VERDICT_FITS
                            ? "fits by its upper bound"
                            : "may fit (its total does, its upper bound does not)",
                        means[set->effect]);
}

/* What would help most, where the file has no place for it. */
static struct str told_elsewhere(const struct rule_context *c, struct arena *a,
                                 const struct run *run, const struct target *target)
{
    struct estimate now;
    struct advices all = {0};
    memory_estimate(a, c->pack, run, target, &now);
    advise_run(a, c, run, target, &now, &all);
    const struct advice *best = advise_best(&all);
    if (!best)
        return STR("");
    return arena_printf(a, "%s: %.*s (%.1f -> %.1f GiB)",
                        best->verdict == VERDICT_FITS ? "alone would do"
                                                      : "alone would save most",
                        STR_ARG(best->text), (double)now.total / GIB,
                        (double)best->total / GIB);
}

static struct fix *fix_of(const struct rule_context *c, struct arena *a,
                          const struct run *run, const struct advise_set *set,
                          struct str *why_not)
{
    struct wishes writes = advise_writes(a, run, &set->wishes);
    struct fix *fix = fix_plan(a, c->pack, run, &writes, set->safety, why_not);
    if (fix && set->reason.len)
        fix->reason = fix->reason.len ? arena_printf(a, "%.*s; %.*s", STR_ARG(set->reason),
                                                     STR_ARG(fix->reason))
                                      : set->reason;
    return fix;
}

static void report(const struct rule_context *c, struct unit *unit, const struct run *run,
                   const struct advise_set *set)
{
    struct arena *a = &unit->arena;
    const struct fact *batch = run_fact(run, FACT_batch_size);
    bool here = batch && batch->setting && batch->doc == &unit->doc;
    const struct setting *at = here ? batch->setting : run->container;
    struct str before = told_before(a, set), why_not = STR("");
    struct span span = at ? at->key_span : (struct span){0, 0};
    struct finding *f;
    if (set->found)
        f = finding_add(a, &unit->findings, &unit->source, span,
                        "%.*s; %.*s: %.1f -> %.1f GiB", STR_ARG(before),
                        STR_ARG(set->text), (double)set->before / GIB,
                        (double)set->after / GIB);
    else
        f = finding_add(a, &unit->findings, &unit->source, span,
                        "%.*s; no change that this file has a place for makes it fit",
                        STR_ARG(before));
    f->code = STR("FIT001");
    f->rule = STR("fit");
    f->severity =
        set->verdict == VERDICT_DOES_NOT_FIT ? SEVERITY_ERROR : SEVERITY_WARNING;
    f->run = unit->runs.len > 1 ? run->name : STR("");
    f->gpu = set->target->id;
    if (!set->found) {
        f->help = told_elsewhere(c, a, run, set->target);
        return;
    }
    f->fix = fix_of(c, a, run, set, &why_not);
    f->help = f->fix ? told_choice(a, set)
                     : arena_printf(a, "cannot be rewritten: %.*s", STR_ARG(why_not));
}

void fit_check_unit(const struct rule_context *c, struct unit *unit)
{
    struct pricing pricing = {c, &unit->arena};
    for (size_t i = 0; i < unit->runs.len && !unit->doc.broken && !unit->part; i++) {
        struct advise_set set;
        const struct run *run = &unit->runs.at[i];
        advise_fit(&unit->arena, c, run, price, &pricing, &set);
        if (set.needed)
            report(c, unit, run, &set);
    }
}
