/* Estimates of every run on every target, and the search over the catalogue. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd.h"

#include "../banned.h"

static void add_thumbs(struct arena *a, struct estimated *e)
{
    const struct profile *p = e->file->group->context.profile;
    for (uint32_t i = 0; p && i < p->limits.len; i++) {
        struct thumb t = {.name = p->limits.at[i].name};
        if (str_starts(t.name, STR("batch_size")) &&
            rule_limit(p, e->target, t.name, &t.value, &t.scaled))
            vec_push(a, &e->thumbs, t);
    }
}

void cmd_estimates(struct arena *a, const struct job *job, struct estimated_list *out)
{
    for (size_t i = 0; i < job->files.len; i++) {
        const struct job_file *f = &job->files.at[i];
        for (size_t k = 0; !f->unit->part && k < f->unit->runs.len; k++)
            for (size_t t = 0; t < f->group->targets.len; t++) {
                struct estimated *e = vec_add(a, out);
                e->file = f;
                e->run = &f->unit->runs.at[k];
                e->target = &f->group->targets.at[t];
                memory_estimate(a, job->pack, e->run, e->target, &e->estimate);
                if (!e->estimate.known)
                    add_thumbs(a, e);
                advise_run(a, &f->group->context, e->run, e->target, &e->estimate,
                           &e->advices);
            }
    }
}

int cmd_estimate(struct arena *a, const struct options *o)
{
    struct job job;
    struct err err;
    struct estimated_list list = {0};
    struct buf out = buf_new(a);
    if (!job_read(a, o, &job, &err))
        return cmd_trouble(&err);
    cmd_estimates(a, &job, &list);
    if (o->format == FORMAT_JSON)
        report_estimates_json(&out, &list);
    else
        report_estimates_text(&out, &list, o->color);
    job_free(&job);
    if (!cmd_print(buf_str(&out)) || job.failed)
        return EXIT_TROUBLE;
    for (size_t i = 0; i < list.len; i++)
        if (list.at[i].estimate.verdict == VERDICT_DOES_NOT_FIT)
            return EXIT_FINDINGS;
    return EXIT_CLEAN;
}

/* --- fit ------------------------------------------------------------------------ */

static int by_memory(const void *a, const void *b)
{
    const struct target *x = a, *y = b;
    if (x->usable_bytes != y->usable_bytes)
        return x->usable_bytes < y->usable_bytes ? -1 : 1;
    return str_compare(x->id, y->id);
}

static void catalogue_targets(struct arena *a, const struct pack *pack, struct targets *out)
{
    for (uint32_t i = 0; i < pack->gpus.len; i++) {
        struct target t;
        if (gpu_target(a, pack, pack->gpus.at[i].id, &t, NULL) && t.usable_bytes)
            vec_push(a, out, t);
    }
    if (out->len)
        qsort(out->at, out->len, sizeof *out->at, by_memory);
}

static void print_fit(struct arena *a, struct buf *out, const struct job *job,
                      const struct targets *cards, const struct unit *u,
                      const struct run *run)
{
    buf_printf(out, "%.*s%s%.*s%s\n", STR_ARG(u->source.path), run->name.len ? " [" : "",
               STR_ARG(run->name), run->name.len ? "]" : "");
    for (size_t i = 0; i < cards->len; i++) {
        struct estimate e;
        const struct target *t = &cards->at[i];
        memory_estimate(a, job->pack, run, t, &e);
        if (!e.known) {
            struct str why = e.assumptions.len ? e.assumptions.at[e.assumptions.len - 1]
                                               : STR("unknown");
            buf_printf(out, "  %.*s\n", STR_ARG(why));
            return;
        }
        if (e.verdict == VERDICT_DOES_NOT_FIT)
            continue;
        buf_printf(out, "  %-28.*s %6.1f GiB usable, needs %6.1f (%.1f to %.1f)  %s\n",
                   STR_ARG(t->id), (double)t->usable_bytes / 1073741824.0,
                   (double)e.total / 1073741824.0, (double)e.low / 1073741824.0,
                   (double)e.high / 1073741824.0, verdict_name(e.verdict));
    }
}

int cmd_fit(struct arena *a, const struct options *o)
{
    struct job job;
    struct err err;
    struct buf out = buf_new(a);
    struct targets cards = {0};
    if (!job_read(a, o, &job, &err))
        return cmd_trouble(&err);
    catalogue_targets(a, job.pack, &cards);
    for (size_t i = 0; i < job.files.len; i++) {
        const struct unit *u = job.files.at[i].unit;
        for (size_t k = 0; !u->part && k < u->runs.len; k++)
            print_fit(a, &out, &job, &cards, u, &u->runs.at[k]);
    }
    if (!out.len)
        buf_cstr(&out, "No training run found.\n");
    job_free(&job);
    return cmd_print(buf_str(&out)) && !job.failed ? EXIT_CLEAN : EXIT_TROUBLE;
}
