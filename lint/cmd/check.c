/* Lint, and with --fix or --diff rewrite: every file is fixed in memory first, verified,
 * and only then replaced. */
#include <stdio.h>

#include "../fix.h"
#include "../preset.h"
#include "../source_cells.h"
#include "cmd.h"

#include "../banned.h"

struct relint {
    const struct job *job;
    const struct job_file *file;
};

static struct unit *relint(void *context, struct str text)
{
    const struct relint *r = context;
    return job_relint(r->job, r->file, text, NULL);
}

static void count_finding(struct counts *c, const struct finding *f)
{
    c->errors += f->severity == SEVERITY_ERROR;
    c->warnings += f->severity == SEVERITY_WARNING;
    c->infos += f->severity == SEVERITY_INFO;
    c->fixable += f->fix && f->fix->safety == FIX_SAFE;
    c->unsafe += f->fix && f->fix->safety == FIX_UNSAFE;
}

static enum severity worst_of(const struct job *job, struct counts *c, bool *failing)
{
    enum severity worst = SEVERITY_OFF;
    for (size_t i = 0; i < job->files.len; i++) {
        const struct job_file *f = &job->files.at[i];
        c->runs += f->unit->part ? 0 : f->unit->runs.len;
        for (size_t k = 0; k < f->unit->findings.len; k++) {
            const struct finding *one = &f->unit->findings.at[k];
            count_finding(c, one);
            worst = one->severity > worst ? one->severity : worst;
            *failing |= f->group->fail_on && one->severity >= f->group->fail_on;
        }
    }
    return worst;
}

static void tell_failures(const struct job_file *f, const struct fix_result *result)
{
    for (size_t i = 0; i < result->failures.len; i++)
        fprintf(stderr, "gpulint: %.*s: %.*s\n", STR_ARG(f->unit->source.path),
                STR_ARG(result->failures.at[i]));
}

/* What fixing one file gave: a diff or the text for standard output in OUT, or the file
 * itself. */
static bool put_result(const struct job *job, const struct job_file *f,
                       const struct fix_result *result, struct buf *out)
{
    struct err err;
    struct str before = source_cells_file(&f->unit->source), path = f->unit->source.path;
    if (job->options->diff && result->applied.len)
        fix_diff(out, path, before, result->text);
    else if (!job->options->diff && f->standard_input)
        buf_add(out, result->text);
    else if (result->applied.len && !fix_write(path, before, result->text, &err)) {
        fprintf(stderr, "gpulint: %s\n", err.message);
        return false;
    }
    return true;
}

/* Fixes one file. Its unit is replaced by what is left, but for --diff, which changes
 * nothing, and when the file could not be written. */
static bool fix_file(struct arena *a, struct job *job, struct job_file *f, struct buf *out,
                     struct counts *counts)
{
    struct relint context = {job, f};
    struct fix_job fix = {job->options->unsafe_fixes, relint, &context};
    struct fix_result result;
    fix_unit(a, &fix, f->unit, &result);
    tell_failures(f, &result);
    bool ok = put_result(job, f, &result, out);
    counts->fixed += ok ? result.applied.len : 0;
    if (result.unit == f->unit)
        return ok;
    struct unit *dead = ok && !job->options->diff ? f->unit : result.unit;
    f->unit = dead == f->unit ? result.unit : f->unit;
    arena_free(&dead->arena);
    return ok;
}

static bool fix_files(struct arena *a, struct job *job, struct buf *out,
                      struct counts *counts)
{
    bool ok = true;
    for (size_t i = 0; i < job->files.len; i++)
        ok &= fix_file(a, job, &job->files.at[i], out, counts);
    return ok;
}

static bool check_preset(const struct job *job, struct err *err)
{
    for (size_t i = 0; i < job->groups.len; i++)
        if (job->options->preset.len &&
            !preset_find(job->groups.at[i]->context.profile, job->options->preset, err))
            return false;
    return true;
}

/* Diffs and the fixed text of standard input are the output; what is left to say about
 * that text goes to stderr then. */
static bool print_output(const struct options *o, const struct buf *fixed,
                         const struct buf *report)
{
    if (o->diff || !fixed->len)
        return cmd_print(buf_str(fixed->len ? fixed : report));
    fwrite(report->at, 1, report->len, stderr);
    return cmd_print(buf_str(fixed));
}

/* A diff that is shorter than hoped for says why. */
static void tell_unsafe(const struct options *o, const struct counts *c)
{
    if (!o->quiet && !o->unsafe_fixes && c->unsafe)
        fprintf(stderr, "gpulint: %zu more with --unsafe-fixes\n", c->unsafe);
}

int cmd_check(struct arena *a, const struct options *o)
{
    struct job job;
    struct err err;
    struct buf out = buf_new(a), fixed = buf_new(a);
    struct check_report report = {.job = &job, .color = o->color, .quiet = o->quiet};
    if (!job_read(a, o, &job, &err))
        return cmd_trouble(&err);
    if (!check_preset(&job, &err)) {
        job_free(&job);
        return cmd_trouble(&err);
    }
    job_lint(&job);
    bool written = true, failing = false;
    if (o->fix || o->diff)
        written = fix_files(a, &job, &fixed, &report.counts);
    if (report.counts.fixed && !o->diff)
        job_lint(&job); /* what a change in one file means for the whole project */
    worst_of(&job, &report.counts, &failing);
    if (o->diff) {
        failing = report.counts.fixed > 0;
        tell_unsafe(o, &report.counts);
    } else if (o->format == FORMAT_JSON)
        report_check_json(&out, &report);
    else
        report_check_text(&out, &report);
    job_free(&job);
    if (!print_output(o, &fixed, &out) || !written || job.failed)
        return EXIT_TROUBLE;
    return failing ? EXIT_FINDINGS : EXIT_CLEAN;
}
