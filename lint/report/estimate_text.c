/* The memory analysis for people: a bar per term, the total with its bounds, the
 * verdict and what batch to use. */
#include <stdio.h>

#include "report.h"

#include "../banned.h"

static const double GIB = 1024.0 * 1024 * 1024;

void report_bytes(struct buf *out, uint64_t bytes)
{
    if (!bytes)
        buf_cstr(out, "-");
    else if (bytes >= 1024u * 1024 * 1024)
        buf_printf(out, "%.2f GiB", (double)bytes / GIB);
    else
        buf_printf(out, "%.0f MiB", (double)bytes / (1024 * 1024));
}

void report_count(struct buf *out, uint64_t n)
{
    double v = (double)n;
    if (v >= 1e9)
        buf_printf(out, "%.2f B", v / 1e9);
    else if (v >= 1e6)
        buf_printf(out, "%.1f M", v / 1e6);
    else if (v >= 1e4)
        buf_printf(out, "%.0f k", v / 1e3);
    else
        buf_printf(out, "%llu", (unsigned long long)n);
}

static void print_bar(struct buf *out, const char *name, uint64_t bytes, uint64_t whole)
{
    enum { WIDEST = 32 };
    char number[32];
    if (bytes >= 1024u * 1024 * 1024)
        snprintf(number, sizeof number, "%.2f GiB", (double)bytes / GIB);
    else
        snprintf(number, sizeof number, "%.0f MiB", (double)bytes / (1024 * 1024));
    buf_printf(out, "  %-12s %10s  ", name, number);
    double bars = whole ? (double)bytes * WIDEST / (double)whole : 0;
    size_t n = bars < 1 ? 1 : bars > WIDEST ? WIDEST : (size_t)(bars + 0.5);
    for (size_t i = 0; i < n; i++)
        buf_cstr(out, "\xE2\x96\x88"); /* full block */
}

static void print_term(struct buf *out, const char *name, uint64_t bytes, uint64_t whole)
{
    if (!bytes)
        return;
    print_bar(out, name, bytes, whole);
    buf_byte(out, '\n');
}

static void print_model(struct buf *out, const struct estimated *e)
{
    const struct memory_model *m = &e->estimate.model;
    buf_printf(out, "  %-12s %.*s%s%.*s, ", "model", STR_ARG(m->name),
               m->name.len ? ", " : "", STR_ARG(m->family));
    report_count(out, m->parameters);
    buf_cstr(out, " parameters");
    if (m->trainable != m->parameters) {
        buf_cstr(out, ", ");
        report_count(out, m->trainable);
        buf_cstr(out, " trained");
    }
    buf_byte(out, '\n');
}

/* Why not all of the card: "of 12 GiB: 0.24 for the driver, 1.40 reserved". */
static void print_usable(struct buf *out, const struct target *t)
{
    double kept = (double)(t->shown_bytes - t->reserved_bytes - t->usable_bytes) / GIB;
    buf_printf(out, "  of %g GiB:", t->vram_gb);
    if (t->gpu && (double)t->shown_bytes < 0.99 * t->vram_gb * GIB)
        buf_printf(out, " the driver shows %.2f,", (double)t->shown_bytes / GIB);
    buf_printf(out, " %.2f %s", kept,
               t->gpu && t->gpu->shared_memory ? "for the system" : "for the driver");
    if (t->reserved_bytes)
        buf_printf(out, ", %.2f reserved", (double)t->reserved_bytes / GIB);
    buf_byte(out, '\n');
}

static void print_terms(struct buf *out, const struct estimate *e, const struct target *t)
{
    uint64_t whole = e->total > e->usable ? e->total : e->usable;
    const struct {
        const char *name;
        uint64_t bytes;
    } terms[] = {
        {"weights", e->weights},      {"gradients", e->gradients},
        {"optimizer", e->optimizer},  {"activations", e->activations},
        {"logits", e->logits},        {"workspace", e->workspace},
        {"CUDA context", e->context}, {"slack", e->slack},
    };
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++)
        print_term(out, terms[i].name, terms[i].bytes, whole);
    print_term(out, "total", e->total, whole);
    print_bar(out, "usable", e->usable, whole);
    print_usable(out, t);
    buf_printf(out, "  %-12s between ", "bounds");
    report_bytes(out, e->low);
    buf_cstr(out, " and ");
    report_bytes(out, e->high);
    buf_printf(out, ", peak at the %s\n",
               e->peak_at == MOMENT_FORWARD    ? "end of forward"
               : e->peak_at == MOMENT_BACKWARD ? "backward pass"
                                               : "optimizer step");
}

static const char *verdict_ink(enum verdict v, bool color)
{
    if (!color)
        return "";
    return v == VERDICT_FITS    ? "\033[1;32m"
           : v == VERDICT_TIGHT ? "\033[1;33m"
                                : "\033[1;31m";
}

static void print_batch(struct buf *out, const char *name, uint64_t batch, bool *first)
{
    buf_printf(out, "%s%s ", *first ? "" : ", ", name);
    *first = false;
    if (batch)
        buf_printf(out, "%llu", (unsigned long long)batch);
    else
        buf_cstr(out, "none");
}

static void print_devices(struct buf *out, const struct estimate *e)
{
    uint64_t fits = 0, one = e->by_devices[0].total;
    if (e->by_devices[MEMORY_DEVICE_COUNTS - 1].total > one - one / 50)
        return; /* nothing of it is shared */
    buf_printf(out, "  %-12s ", "devices");
    for (size_t i = 0; i < MEMORY_DEVICE_COUNTS; i++) {
        const struct device_estimate *d = &e->by_devices[i];
        buf_printf(out, "%s%llu: %.1f", i ? ", " : "", (unsigned long long)d->devices,
                   (double)d->total / GIB);
        if (!fits && d->verdict == VERDICT_FITS)
            fits = d->devices;
    }
    if (fits > 1)
        buf_printf(out, " GiB each; fits from %llu on\n", (unsigned long long)fits);
    else
        buf_cstr(out, fits ? " GiB each\n" : " GiB each; surely fits on none of these\n");
}

static void print_advice(struct buf *out, const struct estimate *e, bool color)
{
    bool first = true;
    static const char *const words[] = {"unknown", "fits", "tight: it may or may not fit",
                                        "does not fit"};
    buf_printf(out, "  %-12s %s%s%s\n", "verdict", verdict_ink(e->verdict, color),
               e->devices_open && e->verdict == VERDICT_UNKNOWN
                   ? "depends on the number of devices, which nothing says"
                   : words[e->verdict],
               color ? "\033[0m" : "");
    if (e->devices_open && e->by_devices[0].verdict != VERDICT_FITS)
        print_devices(out, e);
    buf_printf(out, "  %-12s ", "batch");
    if (e->batch_current)
        print_batch(out, "now", e->batch_current, &first);
    if (e->devices_open && e->verdict == VERDICT_UNKNOWN) {
        buf_byte(out, '\n');
        return;
    }
    print_batch(out, "safe", e->batch_safe, &first);
    print_batch(out, "recommended", e->batch_recommended, &first);
    print_batch(out, "maximum", e->batch_maximum, &first);
    buf_byte(out, '\n');
}

/* What changes training comes last, and only where something has to change. */
static void print_changes(struct buf *out, const struct estimated *e)
{
    bool first = true;
    static const char *const words[] = {"", "fits", "tight", "does not fit"};
    static const char *const effects[] = {"", "slower, same result", "rounds otherwise",
                                          "another training"};
    for (size_t i = 0; i < e->advices.len; i++) {
        const struct advice *x = &e->advices.at[i];
        char saves[32];
        if (e->estimate.verdict == VERDICT_FITS && x->change->effect > EFFECT_SLOWER)
            continue;
        snprintf(saves, sizeof saves, "-%.2f GiB", (double)x->saves / GIB);
        buf_printf(out, "  %-12s %11s to %6.2f GiB, %-12s  %.*s", first ? "one change" : "",
                   saves, (double)x->total / GIB, words[x->verdict], STR_ARG(x->text));
        first = false;
        if (x->safety == FIX_UNSAFE && x->change->effect <= EFFECT_SLOWER)
            buf_printf(out, ", but %.*s", STR_ARG(x->reason));
        else if (effects[x->change->effect][0])
            buf_printf(out, ", %s", effects[x->change->effect]);
        if (x->written.len && !x->change->repeat)
            buf_printf(out, "; %.*s", STR_ARG(x->written));
        buf_byte(out, '\n');
    }
}

static void print_thumbs(struct buf *out, const struct estimated *e)
{
    const struct profile *p = e->file->group->context.profile;
    for (size_t i = 0; i < e->thumbs.len; i++) {
        const struct thumb *t = &e->thumbs.at[i];
        buf_printf(out, "%s%.*s %g%s", i ? ", " : "  rule of thumb ", STR_ARG(t->name),
                   t->value, t->scaled ? " (scaled)" : "");
    }
    if (e->thumbs.len)
        buf_printf(out, ": profile %.*s, for runs like its own\n", STR_ARG(p->id));
}

/* Of a run that cannot be estimated only the last one counts: what is missing. */
static void print_assumptions(struct buf *out, const struct estimate *e)
{
    for (size_t i = e->known ? 0 : e->assumptions.len - 1; i < e->assumptions.len; i++)
        buf_printf(out, "  %-12s %.*s\n",
                   !e->known ? "because"
                   : i       ? ""
                             : "assumed",
                   STR_ARG(e->assumptions.at[i]));
}

static void print_lengths(struct buf *out, const struct estimate *e)
{
    buf_printf(out, "  %-12s ", "tokens");
    for (int i = 0; i < MEMORY_LENGTHS; i++)
        buf_printf(out, "%s%d: %.1f", i ? ", " : "", MEMORY_FIRST_LENGTH << i,
                   (double)e->by_length[i] / GIB);
    buf_cstr(out, " GiB\n");
}

static void print_head(struct buf *out, const struct estimated *e, bool color)
{
    buf_printf(out, "%s%.*s%s", color ? "\033[1m" : "", STR_ARG(e->file->unit->source.path),
               color ? "\033[0m" : "");
    if (e->run->name.len)
        buf_printf(out, " [%.*s]", STR_ARG(e->run->name));
    buf_printf(out, " on %.*s", STR_ARG(e->target->name));
    if (str_eq(e->target->how, STR("assumed")))
        buf_cstr(out, " (assumed; name yours with --gpu)");
}

static void print_one(struct buf *out, const struct estimated *e, bool color)
{
    if (e->estimate.known) {
        print_model(out, e);
        print_terms(out, &e->estimate, e->target);
        print_advice(out, &e->estimate, color);
        print_changes(out, e);
    } else {
        buf_printf(out, "  %-12s unknown\n", "verdict");
    }
    print_assumptions(out, &e->estimate);
    if (e->estimate.length_open)
        print_lengths(out, &e->estimate);
    else
        print_thumbs(out, e);
}

/* --- several GPUs ----------------------------------------------------------------- */

static void print_batches(struct buf *out, const uint64_t batches[3])
{
    for (int i = 0; i < 3; i++)
        if (batches[i])
            buf_printf(out, " %11llu", (unsigned long long)batches[i]);
        else
            buf_printf(out, " %11s", "none");
    buf_byte(out, '\n');
}

/* One line per GPU, and what holds on all of them. */
static void print_table(struct buf *out, const struct estimated *e, size_t len)
{
    static const char *const words[] = {"unknown", "fits", "tight", "does not fit"};
    static const int rank[] = {1, 0, 2, 3}; /* how bad a verdict is */
    uint64_t all[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
    enum verdict worst = VERDICT_FITS;
    buf_printf(out, "  %-24s %10s %20s  %-12s %11s %11s %11s\n", "gpu", "usable",
               "needs", "verdict", "safe", "recommended", "maximum");
    for (size_t i = 0; i < len; i++) {
        const struct estimate *x = &e[i].estimate;
        const uint64_t batches[] = {x->batch_safe, x->batch_recommended, x->batch_maximum};
        buf_printf(out, "  %-24.*s %6.2f GiB %6.2f (%5.1f to %5.1f)  %-12s",
                   STR_ARG(e[i].target->id), (double)x->usable / GIB, (double)x->total / GIB,
                   (double)x->low / GIB, (double)x->high / GIB, words[x->verdict]);
        print_batches(out, batches);
        for (int k = 0; k < 3; k++)
            all[k] = batches[k] < all[k] ? batches[k] : all[k];
        if (rank[x->verdict] > rank[worst])
            worst = x->verdict;
    }
    buf_printf(out, "  %-24s %10s %20s  %-12s", "all of them", "", "", words[worst]);
    print_batches(out, all);
}

static bool all_known(const struct estimated *e, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!e[i].estimate.known)
            return false;
    return true;
}

/* Where least is left over. */
static const struct estimated *tightest(const struct estimated *e, size_t len)
{
    const struct estimated *best = e;
    for (size_t i = 1; i < len; i++) {
        double left = (double)e[i].estimate.usable - (double)e[i].estimate.total;
        if (left < (double)best->estimate.usable - (double)best->estimate.total)
            best = &e[i];
    }
    return best;
}

/* The estimates of one run: the tightest in full, and a table when there are several. */
static void print_run(struct buf *out, const struct estimated *e, size_t len, bool color)
{
    const struct estimated *shown = tightest(e, len);
    print_head(out, shown, color);
    if (len > 1)
        buf_printf(out, ", the tightest of %zu", len);
    buf_byte(out, '\n');
    print_one(out, shown, color);
    if (len > 1 && all_known(e, len))
        print_table(out, e, len);
    buf_byte(out, '\n');
}

void report_estimates_text(struct buf *out, const struct estimated_list *list, bool color)
{
    for (size_t i = 0, len; i < list->len; i += len) {
        for (len = 1; i + len < list->len && list->at[i + len].run == list->at[i].run;)
            len++;
        print_run(out, &list->at[i], len, color);
    }
    if (!list->len)
        buf_cstr(out, "No training run found.\n");
    else
        buf_cstr(out, "An estimate, not a measurement: `gpulint settings` shows what it "
                      "was made from.\n");
}
