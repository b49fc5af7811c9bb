/* Findings for people: place, rule, message; the line with what is meant underlined;
 * related places; what to do. Colour only marks, it never carries meaning alone. */
#include "../source_cells.h"
#include "report.h"

#include "../banned.h"

struct ink {
    const char *error, *warning, *info, *bold, *faint, *off;
};

static const struct ink COLORED = {"\033[1;31m", "\033[1;33m", "\033[1;34m",
                                   "\033[1m",    "\033[36m",   "\033[0m"};
static const struct ink PLAIN = {"", "", "", "", "", ""};

static const char *severity_ink(const struct ink *ink, enum severity s)
{
    return s == SEVERITY_ERROR ? ink->error : s == SEVERITY_WARNING ? ink->warning : ink->info;
}

/* Columns that TEXT takes on a terminal, tabs as one (they are printed as a blank). */
static size_t width_of(struct str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.at[i] & 0xC0) != 0x80;
    return n;
}

/* What a file says must not steer the terminal, nor break a line in two. */
static void add_visible(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        buf_byte(out, c < 0x20 || c == 0x7F ? ' ' : text.at[i]);
    }
}

enum { WIDEST_LINE = 160 };

/* The part of LINE around [from, to) that is worth showing, for one-line giants. */
static struct str window(struct str line, size_t from, size_t to, size_t *cut)
{
    *cut = 0;
    if (line.len <= WIDEST_LINE)
        return line;
    size_t start = from > 40 ? from - 40 : 0;
    size_t end = to + 60 < line.len ? to + 60 : line.len;
    if (end - start > WIDEST_LINE)
        end = start + WIDEST_LINE;
    while (start < end && ((unsigned char)line.at[start] & 0xC0) == 0x80)
        start++;
    while (end > start && end < line.len && ((unsigned char)line.at[end] & 0xC0) == 0x80)
        end--;
    *cut = start;
    return str_slice(line, start, end);
}

static void excerpt(struct buf *out, struct source *source, struct span span, char mark,
                    const char *color, const struct ink *ink)
{
    uint32_t start;
    struct str line = source_line(source, span.from, &start);
    if (span.from < start)
        return;
    size_t from = span.from - start;
    size_t to = span.to > span.from ? span.to - start : from + 1;
    if (from > line.len)
        from = line.len;
    if (to > line.len)
        to = line.len > from ? line.len : from + 1;
    size_t cut;
    struct str shown = window(line, from, to, &cut);
    uint32_t cell;
    unsigned number = source_cells_place(source, span.from, &cell).line;
    buf_printf(out, "%s%5u |%s ", ink->faint, number, ink->off);
    add_visible(out, shown);
    buf_printf(out, "\n%s      |%s ", ink->faint, ink->off);
    size_t before = from > cut ? width_of(str_slice(shown, 0, from - cut)) : 0;
    size_t marked = width_of(str_slice(line, from, to));
    if (before + marked > WIDEST_LINE)
        marked = before < WIDEST_LINE ? WIDEST_LINE - before : 1;
    buf_repeat(out, ' ', before);
    buf_cstr(out, color);
    buf_repeat(out, mark, marked ? marked : 1);
    buf_printf(out, "%s\n", ink->off);
}

/* train.yaml:3:7, or nb.ipynb: cell 2, line 3:7. */
static void add_place(struct buf *out, struct source *source, uint32_t offset)
{
    uint32_t cell;
    struct place p = source_cells_place(source, offset, &cell);
    add_visible(out, source->path);
    if (cell)
        buf_printf(out, ": cell %u, line %u:%u", cell, p.line, p.column);
    else
        buf_printf(out, ":%u:%u", p.line, p.column);
}

static void print_fix(struct buf *out, const struct fix *fix, const struct ink *ink)
{
    buf_printf(out, "      %s=%s fix: ", ink->faint, ink->off);
    add_visible(out, fix->description);
    if (fix->safety == FIX_SAFE)
        buf_cstr(out, " (--fix)");
    else if (fix->safety == FIX_UNSAFE)
        buf_cstr(out, " (--fix --unsafe-fixes)");
    buf_byte(out, '\n');
    if (fix->reason.len)
        buf_printf(out, "        not safe: %.*s\n", STR_ARG(fix->reason));
}

static void print_finding(struct buf *out, const struct finding *f, bool quiet,
                          const struct ink *ink)
{
    buf_cstr(out, ink->bold);
    add_place(out, f->source, f->span.from);
    buf_printf(out, ":%s %s%s%s %s%.*s%s %.*s: ", ink->off,
               severity_ink(ink, f->severity), severity_name(f->severity), ink->off, ink->bold,
               STR_ARG(f->code), ink->off, STR_ARG(f->rule));
    if (f->run.len) {
        buf_byte(out, '[');
        add_visible(out, f->run);
        buf_cstr(out, "] ");
    }
    add_visible(out, f->message);
    buf_byte(out, '\n');
    if (quiet)
        return;
    excerpt(out, f->source, f->span, '^', severity_ink(ink, f->severity), ink);
    for (size_t i = 0; i < f->related.len; i++) {
        const struct related *r = &f->related.at[i];
        buf_printf(out, "      %s=%s ", ink->faint, ink->off);
        add_place(out, r->source, r->span.from);
        buf_cstr(out, ": ");
        add_visible(out, r->message);
        buf_byte(out, '\n');
    }
    if (f->help.len) {
        buf_printf(out, "      %s=%s help: ", ink->faint, ink->off);
        add_visible(out, f->help);
        buf_byte(out, '\n');
    }
    if (f->fix)
        print_fix(out, f->fix, ink);
    buf_byte(out, '\n');
}

static void plural(struct buf *out, size_t n, const char *word)
{
    buf_printf(out, "%zu %s%s", n, word, n == 1 ? "" : "s");
}

static void print_targets(struct buf *out, const struct job *job)
{
    const struct targets *t = &job->groups.at[0]->targets;
    const struct rule_context *c = &job->groups.at[0]->context;
    buf_cstr(out, "Checked against ");
    for (size_t i = 0; i < t->len; i++)
        buf_printf(out, "%s%.*s", i ? ", " : "", STR_ARG(t->at[i].name));
    if (str_eq(t->at[0].how, STR("assumed")))
        buf_cstr(out, " (assumed; name yours with --gpu)");
    else if (!str_starts(t->at[0].how, STR("--")))
        buf_printf(out, " (%.*s)", STR_ARG(t->at[0].how));
    if (c->profile)
        buf_printf(out, ", profile %.*s%s", STR_ARG(c->profile->id),
                   c->profile_chosen ? "" : " (default)");
    buf_cstr(out, ".\n");
}

static void print_fixable(struct buf *out, const struct counts *c)
{
    if (c->fixable)
        buf_printf(out, "%zu fixable with --fix", c->fixable);
    if (c->unsafe)
        buf_printf(out, "%s%zu%s with --unsafe-fixes", c->fixable ? ", " : "", c->unsafe,
                   c->fixable ? " more" : "");
    if (c->fixable || c->unsafe)
        buf_cstr(out, ".\n");
}

static void print_summary(struct buf *out, const struct check_report *r)
{
    const struct counts *c = &r->counts;
    size_t all = c->errors + c->warnings + c->infos;
    if (c->fixed) {
        buf_cstr(out, "Fixed ");
        plural(out, c->fixed, "finding");
        buf_cstr(out, all ? ", " : ". ");
    }
    if (all) {
        buf_printf(out, "%s", c->fixed ? "left " : "Found ");
        plural(out, all, "finding");
        buf_cstr(out, " (");
        plural(out, c->errors, "error");
        buf_cstr(out, ", ");
        plural(out, c->warnings, "warning");
        buf_printf(out, ", %zu info)", c->infos);
    } else {
        buf_cstr(out, "No findings");
    }
    buf_cstr(out, " in ");
    plural(out, c->runs, "training run");
    buf_cstr(out, "; ");
    plural(out, r->job->read, "file");
    buf_cstr(out, " read.\n");
    print_fixable(out, c);
    if (c->runs)
        print_targets(out, r->job);
}

void report_check_text(struct buf *out, const struct check_report *r)
{
    const struct ink *ink = r->color ? &COLORED : &PLAIN;
    struct arena scratch = {0};
    struct job_findings list = {0};
    job_findings(&scratch, r->job, &list);
    for (size_t i = 0; i < list.len; i++)
        print_finding(out, list.at[i].finding, r->quiet, ink);
    arena_free(&scratch);
    if (!r->quiet)
        print_summary(out, r);
}
