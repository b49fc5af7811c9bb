/* Looking up what a run knows. A fact with a scope never decides: binding leaves it out
 * of `best`. */
#include "run.h"

#include <assert.h>

#include "banned.h"

const struct fact *run_fact(const struct run *r, enum fact_id id)
{
    assert(id < FACT_COUNT);
    return r->best[id] < 0 ? NULL : &r->facts.at[r->best[id]];
}

struct value run_value(const struct run *r, enum fact_id id)
{
    const struct fact *f = run_fact(r, id);
    return f ? f->value : VALUE_NOTHING;
}

bool run_number(const struct run *r, enum fact_id id, double *out)
{
    return value_number(run_value(r, id), out);
}

bool run_word(const struct run *r, enum fact_id id, struct str *out)
{
    struct value v = run_value(r, id);
    if (v.kind != VALUE_STRING)
        return false;
    *out = v.as.string;
    return true;
}

bool run_is(const struct run *r, enum fact_id id, const char *word)
{
    struct str s;
    return run_word(r, id, &s) && str_eq(s, str_from(word));
}

/* A count that nobody gave is one; a count that is there but unknown is unknown. */
static bool count_of(const struct run *r, enum fact_id id, double *out)
{
    *out = 1;
    return !run_fact(r, id) || (run_number(r, id, out) && *out > 0);
}

bool run_data_parallel(const struct run *r, double *out)
{
    double devices, nodes, tensor, pipeline, context;
    if (!count_of(r, FACT_num_devices, &devices) || !count_of(r, FACT_num_nodes, &nodes) ||
        !count_of(r, FACT_tensor_parallel, &tensor) ||
        !count_of(r, FACT_pipeline_parallel, &pipeline) ||
        !count_of(r, FACT_context_parallel, &context))
        return false;
    /* One process that spreads a model over cards holds one batch. */
    double width = run_is(r, FACT_strategy, "device_map")
                       ? 1
                       : devices * nodes / (tensor * pipeline * context);
    *out = width < 1 ? 1 : width;
    return true;
}

bool run_effective_batch(const struct run *r, double *out)
{
    double batch, accumulation, width;
    if (!run_number(r, FACT_batch_size, &batch) ||
        !count_of(r, FACT_gradient_accumulation_steps, &accumulation) ||
        !run_data_parallel(r, &width))
        return false;
    *out = batch * accumulation * width;
    return true;
}

struct run run_wished(struct arena *a, const struct run *run, const struct wishes *wishes)
{
    struct run out = *run;
    out.facts = (struct facts){0};
    for (size_t i = 0; i < run->facts.len; i++)
        vec_push(a, &out.facts, run->facts.at[i]);
    for (size_t i = 0; i < wishes->len; i++) {
        const struct wish *w = &wishes->at[i];
        if (w->remove || w->value.kind == VALUE_NULL) {
            out.best[w->fact] = -1;
            continue;
        }
        struct fact *f = vec_add(a, &out.facts);
        *f = (struct fact){.id = w->fact, .value = w->value, .origin = ORIGIN_EXPLICIT};
        out.best[w->fact] = (int32_t)out.facts.len - 1;
    }
    return out;
}

bool run_written(const struct fact *f)
{
    return f->origin == ORIGIN_EXPLICIT || (f->origin == ORIGIN_INHERITED && f->setting);
}

const char *origin_name(enum origin o)
{
    static const char *const NAMES[] = {"explicit", "default", "inherited", "assumed"};
    assert((size_t)o < sizeof NAMES / sizeof *NAMES);
    return NAMES[o];
}
