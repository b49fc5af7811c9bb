/* Every file is fixed in memory first, verified, and only then replaced. */
#include <stdio.h>

#include "../source_cells.h"
#include "cmd.h"

#include "../banned.h"

/* One file on its way. */
struct rewrite {
    const struct job *job;
    const struct job_file *file;
    struct asker *asker; /* NULL: nobody is asked */
};

static struct unit *relint(void *context, struct str text)
{
    const struct rewrite *r = context;
    return job_relint(r->job, r->file, text, NULL);
}

static enum fix_answer ask(void *context, const struct finding *finding,
                           const struct unit *before, const struct unit *after)
{
    const struct rewrite *r = context;
    return cmd_ask(r->asker, finding, before, after);
}

static void tell_failures(const struct job_file *f, const struct fix_result *result)
{
    for (size_t i = 0; i < result->failures.len; i++)
        fprintf(stderr, "gpulint: %.*s: %.*s\n", STR_ARG(f->unit->source.path),
                STR_ARG(result->failures.at[i]));
}

static void tell_fixes(const struct job *job, const struct job_file *f,
                       const struct fix_result *result, struct buf *told)
{
    const struct options *o = job->options;
    bool shown = o->show_fixes || o->dry_run;
    const char *word = o->dry_run || o->diff ? "would fix" : "fixed";
    for (size_t i = 0; shown && i < result->applied.len; i++) {
        const struct fix_applied *x = &result->applied.at[i];
        buf_printf(told, "%.*s: %s %.*s %.*s: %.*s%s\n", STR_ARG(f->unit->source.path), word,
                   STR_ARG(x->code), STR_ARG(x->rule), STR_ARG(x->description),
                   x->safety == FIX_SAFE ? "" : " (unsafe)");
    }
}

/* What fixing one file gave: a diff or the text for standard output in OUT, or the file
 * itself. */
static bool put_result(const struct job *job, const struct job_file *f,
                       const struct fix_result *result, struct buf *out)
{
    struct err err;
    const struct options *o = job->options;
    struct str before = source_cells_file(&f->unit->source), path = f->unit->source.path;
    if (o->dry_run)
        return true;
    if (o->diff && result->applied.len)
        fix_diff(out, path, before, result->text);
    else if (!o->diff && f->standard_input)
        buf_add(out, result->text);
    else if (result->applied.len && !fix_write(path, before, result->text, &err)) {
        fprintf(stderr, "gpulint: %s\n", err.message);
        return false;
    }
    return true;
}

/* Fixes one file. Its unit is replaced by what is left, but where nothing was written. */
static bool fix_file(struct arena *a, const struct rewrite *r, struct job_file *f,
                     struct buf *out, struct buf *told, struct counts *counts)
{
    const struct options *o = r->job->options;
    struct fix_job fix = {o->unsafe_fixes, relint, (void *)r, r->asker ? ask : NULL};
    struct fix_result result;
    fix_unit(a, &fix, f->unit, &result);
    tell_failures(f, &result);
    bool ok = put_result(r->job, f, &result, out);
    if (ok)
        tell_fixes(r->job, f, &result, told);
    counts->fixed += ok ? result.applied.len : 0;
    counts->given_up += result.failures.len;
    if (result.unit == f->unit)
        return ok;
    struct unit *dead = ok && !o->diff && !o->dry_run ? f->unit : result.unit;
    f->unit = dead == f->unit ? result.unit : f->unit;
    arena_free(&dead->arena);
    return ok;
}

bool cmd_rewrite(struct arena *a, struct job *job, struct buf *out, struct buf *told,
                 struct counts *counts)
{
    bool ok = true;
    size_t files = 0;
    struct asker asker = {.job = job};
    for (size_t i = 0; i < job->files.len && !asker.quit; i++) {
        struct rewrite r = {job, &job->files.at[i],
                            job->options->interactive ? &asker : NULL};
        size_t before = counts->fixed;
        asker.file = r.file;
        ok &= fix_file(a, &r, &job->files.at[i], out, told, counts);
        files += counts->fixed > before;
    }
    if (job->options->dry_run && !job->options->quiet)
        buf_printf(told, "Would fix %zu finding%s in %zu file%s.\n", counts->fixed,
                   counts->fixed == 1 ? "" : "s", files, files == 1 ? "" : "s");
    return ok;
}
