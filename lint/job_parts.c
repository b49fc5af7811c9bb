/* By path, in the order of the files, so that the result is the same in any invocation
 * that reads the same files. */
#include "job_parts.h"

#include <stdlib.h>

#include "banned.h"

/* --- parts --------------------------------------------------------------------- */

struct strings VEC_BODY(struct str);

static int by_text(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static void gather_parts(struct arena *a, const struct job *job, struct strings *out)
{
    for (size_t i = 0; i < job->files.len; i++) {
        const struct unit *u = job->files.at[i].unit;
        for (size_t k = 0; u->runs.len && k < u->links.len; k++)
            if (u->links.at[k]->part)
                vec_push(a, out, link_path(a, u->links.at[k]->source.path));
    }
    if (out->len)
        qsort(out->at, out->len, sizeof *out->at, by_text);
}

/* How often TEXT is in the sorted LIST. */
static size_t count_of(const struct strings *list, struct str text)
{
    size_t low = 0, high = list->len, n = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(list->at[middle], text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low + n < list->len && str_eq(list->at[low + n], text))
        n++;
    return n;
}

static void gather_links(struct arena *a, const struct job *job, struct strings *out)
{
    for (size_t i = 0; i < job->files.len; i++) {
        const struct unit *u = job->files.at[i].unit;
        for (size_t k = 0; u->runs.len && k < u->links.len; k++)
            vec_push(a, out, link_path(a, u->links.at[k]->source.path));
    }
    if (out->len)
        qsort(out->at, out->len, sizeof *out->at, by_text);
}

/* Was PATH, or a folder above it, named on the command line? */
static bool is_asked_for(struct arena *a, const struct job *job, struct str path)
{
    for (size_t i = 0; i < job->options->paths.len; i++) {
        struct str asked = link_path(a, job->options->paths.at[i]);
        if (!asked.len || str_eq(asked, STR(".")))
            return !str_starts(path, STR("../")) && !str_starts(path, STR("/"));
        bool below = str_starts(path, asked) &&
                     (path.len == asked.len || path.at[asked.len] == '/');
        if (below)
            return true;
    }
    return false;
}

void job_parts(struct job *job)
{
    struct arena scratch = {0};
    struct strings parts = {0}, links = {0};
    gather_parts(&scratch, job, &parts);
    gather_links(&scratch, job, &links);
    for (size_t i = 0; links.len && i < job->files.len; i++) {
        struct unit *u = job->files.at[i].unit;
        struct str path = link_path(&scratch, u->source.path);
        u->part = count_of(&parts, path) > 0;
        for (size_t k = 0; k < u->links.len; k++) {
            struct linked_file *f = u->links.at[k];
            struct str at = link_path(&scratch, f->source.path);
            f->doc.shared = count_of(&links, at) > 1 || !is_asked_for(&scratch, job, at);
        }
    }
    arena_free(&scratch);
}

void job_parts_again(const struct unit *old, struct unit *fresh)
{
    fresh->part = old->part;
    for (size_t i = 0; i < fresh->links.len; i++)
        for (size_t k = 0; k < old->links.len; k++)
            if (str_eq(old->links.at[k]->source.path, fresh->links.at[i]->source.path))
                fresh->links.at[i]->doc.shared = old->links.at[k]->doc.shared;
}

/* --- findings ------------------------------------------------------------------- */

static int compare_spans(struct span a, struct span b)
{
    if (a.from != b.from)
        return a.from < b.from ? -1 : 1;
    return a.to < b.to ? -1 : a.to > b.to;
}

/* Of one path: offset, code, as finding_sort; then the rest of what tells them apart. */
static int compare(const struct finding *f, const struct finding *g)
{
    int by_path = str_compare(f->source->path, g->source->path);
    if (by_path)
        return by_path;
    if (f->span.from != g->span.from)
        return f->span.from < g->span.from ? -1 : 1;
    int by_code = str_compare(f->code, g->code);
    return by_code;
}

static int by_place(const void *a, const void *b)
{
    const struct job_finding *x = a, *y = b;
    int order = compare(x->finding, y->finding);
    if (order)
        return order;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    return x->finding < y->finding ? -1 : x->finding > y->finding;
}

void job_findings(struct arena *a, const struct job *job, struct job_findings *out)
{
    for (size_t i = 0; i < job->files.len; i++) {
        const struct job_file *f = &job->files.at[i];
        for (size_t k = 0; k < f->unit->findings.len; k++)
            vec_push(a, out, ((struct job_finding){f, &f->unit->findings.at[k]}));
    }
    if (out->len)
        qsort(out->at, out->len, sizeof *out->at, by_place);
}

static bool is_foreign(const struct job_finding *f)
{
    return f->finding->source != &f->file->unit->source;
}

static bool same(const struct job_finding *x, const struct job_finding *y)
{
    const struct finding *f = x->finding, *g = y->finding;
    return str_eq(f->source->path, g->source->path) && !compare_spans(f->span, g->span) &&
           str_eq(f->code, g->code) && str_eq(f->gpu, g->gpu);
}

/* Is what F tells told by another unit that comes before it, or whose file it is? */
static bool told_elsewhere(const struct job_findings *all, size_t i)
{
    const struct job_finding *f = &all->at[i];
    if (!is_foreign(f))
        return false;
    for (size_t k = i; k-- > 0 && !compare(all->at[k].finding, f->finding);)
        if (all->at[k].file != f->file && same(&all->at[k], f))
            return true;
    for (size_t k = i + 1; k < all->len && !compare(all->at[k].finding, f->finding); k++)
        if (!is_foreign(&all->at[k]) && same(&all->at[k], f))
            return true;
    return false;
}

void job_tell_once(struct job *job)
{
    struct arena scratch = {0};
    struct job_findings all = {0};
    job_findings(&scratch, job, &all);
    bool *drop = arena_alloc_array(&scratch, all.len + 1, sizeof *drop);
    for (size_t i = 0; i < all.len; i++)
        drop[i] = told_elsewhere(&all, i);
    for (size_t i = 0; i < all.len; i++)
        if (drop[i]) /* findings of a unit keep their places until all are marked */
            all.at[i].finding->severity = SEVERITY_OFF;
    for (size_t i = 0; i < job->files.len; i++) {
        struct findings *list = &job->files.at[i].unit->findings;
        size_t kept = 0;
        for (size_t k = 0; k < list->len; k++)
            if (list->at[k].severity != SEVERITY_OFF)
                list->at[kept++] = list->at[k];
        list->len = kept;
    }
    arena_free(&scratch);
}
