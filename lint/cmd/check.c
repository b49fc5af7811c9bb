/* Lint, and say what was found and what was rewritten. */
#include <stdio.h>
#include <unistd.h>

#include "../preset.h"
#include "cmd.h"

#include "../banned.h"

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

static bool check_preset(const struct job *job, struct err *err)
{
    for (size_t i = 0; i < job->groups.len; i++)
        if (job->options->preset.len &&
            !preset_find(job->groups.at[i]->context.profile, job->options->preset, err))
            return false;
    return true;
}

/* Diffs and the fixed text of standard input are the output; what else there is to say
 * goes to stderr then. */
static bool print_output(const struct buf *fixed, const struct buf *report)
{
    if (!fixed->len)
        return cmd_print(buf_str(report));
    if (report->len)
        fwrite(report->at, 1, report->len, stderr);
    return cmd_print(buf_str(fixed));
}

/* A diff that is shorter than hoped for says why. */
static void tell_unsafe(const struct options *o, const struct counts *c)
{
    if (!o->quiet && !o->unsafe_fixes && c->unsafe)
        fprintf(stderr, "gpulint: %zu more with --unsafe-fixes\n", c->unsafe);
}

static bool can_ask(const struct options *o, struct err *err)
{
    bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    return !o->interactive || terminal ||
           err_set(err, "--interactive needs a terminal to ask on");
}

/* Only what would be or was rewritten is told, not what is left. */
static bool only_fixes(const struct options *o)
{
    return o->diff || o->dry_run || o->fix_only;
}

static bool fails(const struct options *o, const struct counts *c, bool findings)
{
    if (o->diff || o->dry_run)
        return c->fixed > 0;
    return o->fix_only ? c->given_up > 0 : findings;
}

int cmd_check(struct arena *a, const struct options *o)
{
    struct job job;
    struct err err;
    struct buf out = buf_new(a), fixed = buf_new(a), told = buf_new(a);
    struct check_report report = {.job = &job, .color = o->color, .quiet = o->quiet};
    if (!can_ask(o, &err) || !job_read(a, o, &job, &err))
        return cmd_trouble(&err);
    if (!check_preset(&job, &err)) {
        job_free(&job);
        return cmd_trouble(&err);
    }
    job_lint(&job);
    bool written = true, failing = false;
    if (o->fix || o->diff)
        written = cmd_rewrite(a, &job, &fixed, &told, &report.counts);
    if (o->format != FORMAT_JSON)
        buf_add(&out, buf_str(&told));
    else if (told.len)
        fwrite(told.at, 1, told.len, stderr);
    if (report.counts.fixed && !o->diff && !o->dry_run)
        job_lint(&job); /* what a change in one file means for the whole project */
    worst_of(&job, &report.counts, &failing);
    failing = fails(o, &report.counts, failing);
    if (only_fixes(o))
        tell_unsafe(o, &report.counts);
    else if (o->format == FORMAT_JSON)
        report_check_json(&out, &report);
    else
        report_check_text(&out, &report);
    job_free(&job);
    if (!print_output(&fixed, &out) || !written || job.failed)
        return EXIT_TROUBLE;
    return failing ? EXIT_FINDINGS : EXIT_CLEAN;
}
