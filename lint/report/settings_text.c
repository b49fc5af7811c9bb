/* What was understood, as a table: place, fact, value, origin. */
#include "../bind.h"
#include "../source_cells.h"
#include "report.h"

#include "../banned.h"

/* " in FILE < FILE:LINE": the file of the fact and those that name it, up to the run's;
 * behind a reference, " written at FILE:LINE < ...". */
static void print_chain(struct buf *out, const struct fact *f)
{
    if (f->named)
        buf_printf(out, " written at %.*s:%u", STR_ARG(f->doc->source->path),
                   source_place(f->doc->source, f->setting->value_span.from).line);
    else
        buf_printf(out, " in %.*s", STR_ARG(f->doc->source->path));
    for (const struct link_step *s = f->chain; s; s = s->from)
        buf_printf(out, " < %.*s:%u", STR_ARG(s->doc->source->path),
                   source_place(s->doc->source, s->setting->value_span.from).line);
}

static void print_fact(struct buf *out, const struct run *run, const struct fact *f)
{
    size_t from = out->len;
    if (f->setting) {
        uint32_t cell;
        struct source *source = f->named ? f->named->doc->source : f->doc->source;
        const struct setting *key = f->named ? f->named->setting : f->setting;
        struct place p = source_cells_place(source, key->key_span.from, &cell);
        if (cell)
            buf_printf(out, "  cell %u,", cell);
        buf_printf(out, "  %4u:%-3u ", p.line, p.column);
    } else {
        buf_printf(out, "  %8s ", "");
    }
    buf_printf(out, "%.*s = ", STR_ARG(fact_info(f->id)->name));
    value_print(out, f->value);
    size_t width = out->len - from;
    buf_repeat(out, ' ', width < 52 ? 52 - width : 1);
    buf_cstr(out, origin_name(f->origin));
    if (f->setting)
        buf_printf(out, " %.*s", STR_ARG((f->named ? f->named->setting : f->setting)->path));
    if (f->scope.len)
        buf_printf(out, " [%.*s]", STR_ARG(f->scope));
    else if (run->best[f->id] != (int32_t)(f - run->facts.at))
        buf_cstr(out, " (overridden)");
    if (f->why.len)
        buf_printf(out, " (%.*s)", STR_ARG(f->why));
    if (f->chain)
        print_chain(out, f);
    buf_byte(out, '\n');
}

static void print_run(struct buf *out, struct unit *u, const struct run *run)
{
    buf_printf(out, "%.*s", STR_ARG(u->source.path));
    if (run->name.len)
        buf_printf(out, " [%.*s]", STR_ARG(run->name));
    struct str framework = run->framework ? run->framework->id : STR("unrecognised");
    buf_printf(out, " (%s, %.*s)%s\n", language_name(source_cells_language(&u->source)),
               STR_ARG(framework), u->part ? ", a part of other runs" : "");
    for (size_t i = 0; i < run->facts.len; i++)
        print_fact(out, run, &run->facts.at[i]);
    double effective;
    if (run_effective_batch(run, &effective))
        buf_printf(out, "  %8s effective_batch_size = %.0f\n", "", effective);
}

static void print_unknown(struct buf *out, const struct job *job, struct unit *u)
{
    struct settings unknown = {0};
    bind_unknown(&u->arena, job->pack, &u->doc, &u->runs, &unknown);
    for (size_t i = 0; i < unknown.len; i++) {
        struct place p = source_place(&u->source, unknown.at[i]->key_span.from);
        buf_printf(out, "  %4u:%-3u not understood: %.*s\n", p.line, p.column,
                   STR_ARG(unknown.at[i]->path));
    }
}

void report_settings_text(struct buf *out, const struct job *job, bool unknown)
{
    size_t runs = 0;
    for (size_t i = 0; i < job->files.len; i++) {
        struct unit *u = job->files.at[i].unit;
        for (size_t k = 0; k < u->runs.len; k++, runs++)
            print_run(out, u, &u->runs.at[k]);
        if (unknown)
            print_unknown(out, job, u);
        if (u->runs.len)
            buf_byte(out, '\n');
    }
    if (!runs)
        buf_cstr(out, "No training run found.\n");
}
