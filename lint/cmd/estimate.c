/* Estimates of every run on every target. */
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
