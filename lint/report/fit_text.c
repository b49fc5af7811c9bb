/* What fits where, for people: a table of cards per run, a table of models per GPU. */
#include <stdio.h>

#include "report.h"

#include "../banned.h"

static const double GIB = 1024.0 * 1024 * 1024;

enum { LINE = 100 };

/* --- runs ----------------------------------------------------------------------- */

static void print_ids(struct buf *out, const struct strs *ids)
{
    size_t width = 0;
    for (size_t i = 0; i < ids->len; i++) {
        if (width && width + ids->at[i].len > LINE - 40) {
            buf_printf(out, " and %zu more", ids->len - i);
            break;
        }
        buf_printf(out, "%s%.*s", i ? ", " : "", STR_ARG(ids->at[i]));
        width += ids->at[i].len + 2;
    }
    buf_byte(out, '\n');
}

static void print_row(struct buf *out, const struct fit_row *row)
{
    static const char *const words[] = {"unknown", "fits", "tight", "no"};
    buf_printf(out, "  %5g GB  %-6s ", row->target->vram_gb, words[row->estimate.verdict]);
    print_ids(out, &row->ids);
    if (!row->set.needed || !row->set.found)
        return;
    buf_printf(out, "            %s %.*s: %.1f -> %.1f GiB%s\n",
               row->set.verdict_after == VERDICT_FITS ? "fits with" : "may fit with",
               STR_ARG(row->set.text), (double)row->set.before / GIB,
               (double)row->set.after / GIB,
               row->set.effect == EFFECT_TRAINING   ? "; another training"
               : row->set.effect == EFFECT_ROUNDING ? "; rounds otherwise"
                                                    : "");
}

static void print_run(struct buf *out, const struct fitted_run *r, bool color)
{
    const struct estimate *e = &r->rows.at[0].estimate;
    struct str path = r->file->unit->source.path;
    buf_printf(out, "%s%.*s%s", color ? "\033[1m" : "", STR_ARG(path), color ? "\033[0m" : "");
    if (r->run->name.len)
        buf_printf(out, " [%.*s]", STR_ARG(r->run->name));
    buf_byte(out, '\n');
    if (!e->known) {
        struct str why = e->assumptions.len ? e->assumptions.at[e->assumptions.len - 1]
                                            : STR("unknown");
        buf_printf(out, "  unknown: %.*s\n", STR_ARG(why));
        return;
    }
    if (e->devices_open && e->verdict == VERDICT_UNKNOWN) {
        buf_cstr(out, "  unknown: it depends on the number of devices, which nothing says "
                      "(see gpulint estimate)\n");
        return;
    }
    buf_printf(out, "  needs %.1f GiB (%.1f to %.1f)\n", (double)e->total / GIB,
               (double)e->low / GIB, (double)e->high / GIB);
    size_t hopeless = 0;
    for (size_t i = 0; i < r->rows.len; i++) {
        const struct fit_row *row = &r->rows.at[i];
        bool no = row->estimate.verdict == VERDICT_DOES_NOT_FIT && !row->set.found;
        hopeless += no ? row->ids.len : 0;
        if (!no)
            print_row(out, row);
    }
    if (hopeless)
        buf_printf(out, "  %zu smaller card%s: no change that is known makes it fit\n",
                   hopeless, hopeless == 1 ? "" : "s");
}

/* --- models --------------------------------------------------------------------- */

static bool same_methods(const struct fitted_model *a, const struct fitted_model *b)
{
    if (a->cells.len != b->cells.len || a->target != b->target)
        return false;
    for (size_t i = 0; i < a->cells.len; i++)
        if (a->cells.at[i].method != b->cells.at[i].method)
            return false;
    return true;
}

static void print_head(struct buf *out, const struct fitted_model *m)
{
    const struct target *t = m->target;
    buf_printf(out, "On %.*s (%.2f GiB usable%s): the largest batch that surely fits, and up to what it may\n",
               STR_ARG(t->name), (double)t->usable_bytes / GIB,
               str_eq(t->how, STR("assumed")) ? ", assumed; name yours with --gpu" : "");
    for (size_t i = 0; i < m->cells.len; i++)
        buf_printf(out, "  %-16.*s %.*s\n", STR_ARG(m->cells.at[i].method->id),
                   STR_ARG(m->cells.at[i].method->summary));
    buf_printf(out, "  %-44s %8s", "", "params");
    for (size_t i = 0; i < m->cells.len; i++)
        buf_printf(out, " %*.*s", (int)(m->cells.at[i].method->id.len > 11
                                            ? m->cells.at[i].method->id.len
                                            : 11),
                   STR_ARG(m->cells.at[i].method->id));
    buf_byte(out, '\n');
}

static void print_cell(struct buf *out, const struct fit_cell *c)
{
    const struct estimate *e = &c->estimate;
    int width = (int)(c->method->id.len > 11 ? c->method->id.len : 11);
    char text[48];
    if (!e->batch_maximum)
        snprintf(text, sizeof text, "no");
    else if (e->batch_recommended == e->batch_maximum)
        snprintf(text, sizeof text, "%llu", (unsigned long long)e->batch_maximum);
    else
        snprintf(text, sizeof text, "%llu - %llu", (unsigned long long)e->batch_recommended,
                 (unsigned long long)e->batch_maximum);
    buf_printf(out, " %*s", width, text);
}

static bool fits_somehow(const struct fitted_model *m)
{
    for (size_t i = 0; i < m->cells.len; i++)
        if (m->cells.at[i].estimate.batch_maximum)
            return true;
    return false;
}

static void print_model(struct buf *out, const struct fitted_model *m)
{
    size_t before = out->len;
    report_count(out, m->model->parameters);
    char count[24];
    snprintf(count, sizeof count, "%.*s", (int)(out->len - before), out->at + before);
    out->len = before;
    buf_printf(out, "  %-44.*s %8s", STR_ARG(m->model->name), count);
    for (size_t i = 0; i < m->cells.len; i++)
        print_cell(out, &m->cells.at[i]);
    buf_byte(out, '\n');
}

/* The models of one GPU that are asked the same, each kind under a head of its own. */
static void print_table(struct buf *out, const struct fit_report *r, size_t first)
{
    size_t none = 0;
    print_head(out, &r->models.at[first]);
    for (size_t i = first; i < r->models.len; i++) {
        const struct fitted_model *m = &r->models.at[i];
        if (!same_methods(m, &r->models.at[first]))
            continue;
        none += !fits_somehow(m);
        if (fits_somehow(m))
            print_model(out, m);
    }
    if (none)
        buf_printf(out, "  %zu more do not fit in any of these ways\n", none);
    buf_byte(out, '\n');
}

static bool is_first(const struct fit_report *r, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (same_methods(&r->models.at[i], &r->models.at[at]))
            return false;
    return true;
}

void report_fit_text(struct buf *out, const struct fit_report *r)
{
    for (size_t i = 0; i < r->runs.len; i++) {
        print_run(out, &r->runs.at[i], r->color);
        buf_byte(out, '\n');
    }
    for (size_t i = 0; i < r->models.len; i++)
        if (is_first(r, i))
            print_table(out, r, i);
    if (!r->runs.len && !r->models.len)
        buf_cstr(out, "No training run found.\n");
    else
        buf_cstr(out, "Estimates, not measurements.\n");
}
