/* What fits where. A path is a config: the cards that its runs fit, and what would make
 * them fit the others. Any other word is part of a model's name or a family: what batch of
 * it a GPU holds, by the usual ways to train. */
#include <stdlib.h>
#include <unistd.h>

#include "cmd.h"

#include "../banned.h"

enum { MOST_SEARCHED = 16 }; /* runs that the whole catalogue is searched for */

/* --- runs ----------------------------------------------------------------------- */

static int by_memory(const void *a, const void *b)
{
    const struct target *x = a, *y = b;
    if (x->usable_bytes != y->usable_bytes)
        return x->usable_bytes < y->usable_bytes ? -1 : 1;
    return str_compare(x->id, y->id);
}

static void catalogue_targets(struct arena *a, const struct job *job, struct targets *out)
{
    uint64_t reserved = job->groups.at[0]->targets.at[0].reserved_bytes;
    for (uint32_t i = 0; i < job->pack->gpus.len; i++) {
        struct target t;
        if (gpu_target(a, job->pack, job->pack->gpus.at[i].id, &t, NULL) &&
            t.usable_bytes && gpu_reserve(&t, reserved, NULL))
            vec_push(a, out, t);
    }
    if (out->len)
        qsort(out->at, out->len, sizeof *out->at, by_memory);
}

/* The row that a card of the same size with the same verdict stands in; NULL: none. */
static struct fit_row *row_like(struct fit_rows *rows, const struct target *t,
                                enum verdict verdict)
{
    for (size_t i = rows->len; i-- > 0;) {
        struct fit_row *row = &rows->at[i];
        if (row->target->vram_gb == t->vram_gb && row->estimate.verdict == verdict)
            return row;
    }
    return NULL;
}

static void search(struct arena *a, const struct group *g, const struct run *run,
                   struct fit_row *row)
{
    struct targets *alone = arena_new(a, struct targets);
    struct rule_context c = g->context;
    vec_push(a, alone, *row->target);
    c.targets = alone;
    advise_fit(a, &c, run, NULL, NULL, &row->set);
}

static void fit_run(struct arena *a, const struct job *job, const struct targets *cards,
                    bool searched, struct fitted_run *out)
{
    for (size_t i = 0; i < cards->len; i++) {
        struct estimate e;
        const struct target *t = &cards->at[i];
        memory_estimate(a, job->pack, out->run, t, &e);
        struct fit_row *row = row_like(&out->rows, t, e.verdict);
        if (!row) {
            row = vec_add(a, &out->rows);
            *row = (struct fit_row){.target = t, .estimate = e};
        }
        vec_push(a, &row->ids, t->id);
        if (!e.known || (e.devices_open && e.verdict == VERDICT_UNKNOWN))
            return; /* it is the same on every card */
    }
    for (size_t i = 0; searched && i < out->rows.len; i++)
        if (out->rows.at[i].estimate.verdict != VERDICT_FITS)
            search(a, out->file->group, out->run, &out->rows.at[i]);
}

static void fit_runs(struct arena *a, const struct job *job, struct fit_report *out)
{
    struct targets cards = {0};
    for (size_t i = 0; i < job->files.len; i++) {
        const struct job_file *f = &job->files.at[i];
        for (size_t k = 0; !f->unit->part && k < f->unit->runs.len; k++)
            vec_push(a, &out->runs,
                     ((struct fitted_run){.file = f, .run = &f->unit->runs.at[k]}));
    }
    bool named = job->options->gpus.len > 0;
    if (out->runs.len && !named)
        catalogue_targets(a, job, &cards);
    for (size_t i = 0; i < out->runs.len; i++) {
        struct fitted_run *r = &out->runs.at[i];
        fit_run(a, job, named ? &r->file->group->targets : &cards,
                named || out->runs.len <= MOST_SEARCHED, r);
    }
}

/* --- models --------------------------------------------------------------------- */

static bool holds(struct str text, struct str word)
{
    for (size_t i = 0; i + word.len <= text.len; i++)
        if (str_eq_nocase(str_slice(text, i, i + word.len), word))
            return true;
    return false;
}

static bool is_meant(const struct model *m, const struct strs *words)
{
    for (size_t i = 0; i < words->len; i++) {
        struct str word = words->at[i];
        bool hit = str_eq_nocase(m->family, word) || holds(m->name, word);
        for (uint32_t k = 0; k < m->aliases.len && !hit; k++)
            hit = holds(m->aliases.at[k], word);
        if (!hit)
            return false;
    }
    return true;
}

static int by_size(const void *a, const void *b)
{
    const struct model *x = *(const struct model *const *)a,
                       *y = *(const struct model *const *)b;
    if (x->parameters != y->parameters)
        return x->parameters < y->parameters ? -1 : 1;
    return str_compare(x->name, y->name);
}

/* A run of nothing but the method's facts. */
static struct run run_of(struct arena *a, const struct model *m, const struct method *method)
{
    struct run none = {.name = STR("")};
    struct wishes facts = {0};
    for (int i = 0; i < FACT_COUNT; i++)
        none.best[i] = -1;
    for (uint32_t i = 0; i < method->facts.len; i++) {
        struct fact_value v = method->facts.at[i];
        if (v.fact == FACT_max_seq_len && m->context && v.value.as.integer > m->context)
            v.value = VALUE_OF_INT(m->context);
        vec_push(a, &facts, ((struct wish){.fact = v.fact, .value = v.value}));
    }
    vec_push(a, &facts,
             ((struct wish){.fact = FACT_model_name, .value = VALUE_OF_STR(m->name)}));
    vec_push(a, &facts, ((struct wish){.fact = FACT_batch_size, .value = VALUE_OF_INT(1)}));
    return run_wished(a, &none, &facts);
}

static bool is_for(const struct method *method, const struct model *m)
{
    for (uint32_t i = 0; i < method->families.len; i++)
        if (str_eq(method->families.at[i], m->family))
            return true;
    return false;
}

static void fit_model(struct arena *a, const struct pack *pack, const struct model *m,
                      const struct target *t, struct fit_report *out)
{
    struct fitted_model fitted = {.model = m, .target = t};
    for (uint32_t i = 0; i < pack->methods.len; i++) {
        struct fit_cell cell = {.method = &pack->methods.at[i]};
        if (!is_for(cell.method, m))
            continue;
        struct run run = run_of(a, m, cell.method);
        memory_estimate(a, pack, &run, t, &cell.estimate);
        if (cell.estimate.known)
            vec_push(a, &fitted.cells, cell);
    }
    if (fitted.cells.len)
        vec_push(a, &out->models, fitted);
}

struct meant VEC_BODY(const struct model *);

static bool fit_models(struct arena *a, const struct job *job, const struct strs *words,
                       struct fit_report *out, struct err *err)
{
    const struct targets *targets = &job->groups.at[0]->targets;
    struct meant all = {0};
    for (uint32_t i = 0; i < job->pack->models.len; i++)
        if (is_meant(&job->pack->models.at[i], words))
            vec_push(a, &all, &job->pack->models.at[i]);
    if (!all.len)
        return err_set(err, "'%.*s' is no file, and no model's name or family; see gpulint models",
                       STR_ARG(words->at[0]));
    qsort(all.at, all.len, sizeof *all.at, by_size);
    for (size_t t = 0; t < targets->len; t++)
        for (size_t i = 0; i < all.len; i++)
            fit_model(a, job->pack, all.at[i], &targets->at[t], out);
    return true;
}

/* --- both ----------------------------------------------------------------------- */

static void part_operands(struct arena *a, const struct options *o, struct strs *paths,
                          struct strs *words)
{
    for (size_t i = 0; i < o->paths.len; i++) {
        struct str one = o->paths.at[i];
        bool path = str_eq(one, STR("-")) || access(one.at, F_OK) == 0;
        vec_push(a, path ? paths : words, one);
    }
}

int cmd_fit(struct arena *a, const struct options *o)
{
    struct job job;
    struct err err;
    struct buf out = buf_new(a);
    struct fit_report report = {.color = o->color};
    struct options only = *o;
    struct strs words = {0};
    only.paths = (struct strs){0};
    part_operands(a, o, &only.paths, &words);
    if (!job_read(a, &only, &job, &err))
        return cmd_trouble(&err);
    fit_runs(a, &job, &report);
    bool asked = words.len || !only.paths.len;
    if (asked && !fit_models(a, &job, &words, &report, &err)) {
        job_free(&job);
        return cmd_trouble(&err);
    }
    if (o->format == FORMAT_JSON)
        report_fit_json(&out, &report);
    else
        report_fit_text(&out, &report);
    job_free(&job);
    return cmd_print(buf_str(&out)) && !job.failed ? EXIT_CLEAN : EXIT_TROUBLE;
}
