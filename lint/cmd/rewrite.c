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
    struct fix_texts *done; /* what was rewritten beside the files before */
};

static struct unit *relint(void *context, struct str text,
                           const struct replacements *others)
{
    const struct rewrite *r = context;
    struct replacements all = {0};
    for (size_t i = 0; i < others->len; i++)
        vec_push(r->job->arena, &all, others->at[i]);
    for (size_t i = r->done->len; i-- > 0;) /* the first of a path counts */
        vec_push(r->job->arena, &all,
                 ((struct replaced){r->done->at[i].path, r->done->at[i].text}));
    return job_relint(r->job, r->file, text, &all);
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

/* The file and those that the same fixes changed, all or none. */
static bool write_files(const struct job_file *f, const struct fix_result *result,
                        struct str before)
{
    struct err err;
    size_t count = 0;
    struct fix_text all[FIX_MOST_FILES];
    if (!str_eq(before, result->text))
        all[count++] = (struct fix_text){f->unit->source.path, before, result->text};
    for (size_t i = 0; i < result->others.len; i++)
        all[count++] = result->others.at[i];
    if (!count || fix_write_all(all, count, &err))
        return true;
    fprintf(stderr, "gpulint: %s\n", err.message);
    return false;
}

/* What fixing one file gave: a diff or the text for standard output in OUT, or the file
 * itself. */
static bool put_result(const struct job *job, const struct job_file *f,
                       const struct fix_result *result, struct buf *out)
{
    const struct options *o = job->options;
    struct str before = source_cells_file(&f->unit->source), path = f->unit->source.path;
    if (o->dry_run)
        return true;
    if (!o->diff && f->standard_input)
        buf_add(out, result->text);
    else if (!o->diff)
        return !result->applied.len || write_files(f, result, before);
    if (o->diff && result->applied.len && !str_eq(before, result->text))
        fix_diff(out, path, before, result->text);
    for (size_t i = 0; o->diff && i < result->others.len; i++)
        fix_diff(out, result->others.at[i].path, result->others.at[i].expected,
                 result->others.at[i].text);
    return true;
}

static bool reads_any(const struct unit *u, const struct fix_texts *texts)
{
    for (size_t i = 0; i < texts->len; i++) {
        if (str_eq(u->source.path, texts->at[i].path))
            return true;
        for (size_t k = 0; k < u->links.len; k++)
            if (str_eq(u->links.at[k]->source.path, texts->at[i].path))
                return true;
    }
    return false;
}

/* Files that read what was rewritten beside DONE are read anew. */
static void refresh(struct job *job, const struct job_file *done,
                    const struct fix_texts *texts)
{
    struct replacements replaced = {0};
    for (size_t i = 0; i < texts->len; i++)
        vec_push(job->arena, &replaced,
                 ((struct replaced){texts->at[i].path, texts->at[i].text}));
    for (size_t i = 0; texts->len && i < job->files.len; i++) {
        struct job_file *f = &job->files.at[i];
        if (f == done || !reads_any(f->unit, texts))
            continue;
        struct str text = source_cells_file(&f->unit->source);
        for (size_t k = 0; k < texts->len; k++)
            if (str_eq(f->unit->source.path, texts->at[k].path))
                text = texts->at[k].text;
        struct unit *fresh = job_relint(job, f, text, &replaced);
        arena_free(&f->unit->arena);
        f->unit = fresh;
    }
}

static void note_done(struct arena *a, const struct rewrite *r,
                      const struct fix_result *result)
{
    struct fix_texts changed = {0};
    struct str path = arena_str(a, r->file->unit->source.path);
    for (size_t i = 0; i < result->others.len; i++)
        vec_push(a, &changed, result->others.at[i]);
    if (result->applied.len)
        vec_push(a, &changed, ((struct fix_text){path, STR(""), arena_str(a, result->text)}));
    for (size_t i = 0; i < changed.len; i++)
        vec_push(a, r->done, changed.at[i]);
    refresh((struct job *)r->job, r->file, &changed);
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
    if (ok) {
        tell_fixes(r->job, f, &result, told);
        note_done(a, r, &result);
    }
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
    struct fix_texts done = {0};
    for (size_t i = 0; i < job->files.len && !asker.quit; i++) {
        struct rewrite r = {job, &job->files.at[i],
                            job->options->interactive ? &asker : NULL, &done};
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
