/* Rules over Python code: patterns over the masked text, where neither comments nor the
 * contents of strings can match, with conditions on what surrounds a match. */
#include "rule_eval.h"

#include <assert.h>
#include <string.h>

#include "banned.h"

enum {
    MOST_MATCHES = 1000, /* of one pattern in one file */
    WINDOW = 2048,       /* bytes in which a match may start, once a file is too much */
    NARROW = 128,
    MOST_RETRIES = 64, /* of one pattern in one file */
};

/* A pattern that gives up has said nothing, neither that it is there nor that it lacks. */
static bool holds(struct str regex, struct str text, bool wanted)
{
    struct match m;
    if (!regex.len)
        return true;
    const struct pattern *p = match_pattern(regex, NULL);
    return p && match_find_within(p, text, 0, text.len, &m) ==
                    (wanted ? MATCH_FOUND : MATCH_NONE);
}

static struct str block_text(const struct document *doc, uint32_t block)
{
    const struct block *b = &doc->blocks.at[block];
    return str_slice(doc->masked, b->span.from, b->span.to);
}

static struct str function_around(const struct document *doc, uint32_t offset)
{
    if (!doc->blocks.len)
        return doc->masked;
    uint32_t i = front_block_at(doc, offset);
    while (i != 0 && !(doc->blocks.at[i].kinds & BLOCK_FUNCTION))
        i = doc->blocks.at[i].parent;
    return i ? block_text(doc, i) : doc->masked;
}

/* A loop around the function does not count; false when there is none. */
static bool loop_around(const struct document *doc, uint32_t offset, struct str *out)
{
    if (!doc->blocks.len)
        return false;
    for (uint32_t i = front_block_at(doc, offset); i != 0; i = doc->blocks.at[i].parent) {
        if (doc->blocks.at[i].kinds & BLOCK_LOOP) {
            *out = block_text(doc, i);
            return true;
        }
        if (doc->blocks.at[i].kinds & BLOCK_FUNCTION)
            return false;
    }
    return false;
}

static bool surroundings_hold(const struct document *doc, const struct source_pattern *p,
                              struct span at)
{
    unsigned kinds = front_kinds_at(doc, at.from);
    if ((p->inside && !(kinds & p->inside)) || kinds & p->not_inside)
        return false;
    struct str before = str_slice(doc->masked, 0, at.from);
    if (!holds(p->before_has, before, true) || !holds(p->before_lacks, before, false))
        return false;
    if (p->function_has.len || p->function_lacks.len) {
        struct str function = function_around(doc, at.from);
        if (!holds(p->function_has, function, true) ||
            !holds(p->function_lacks, function, false))
            return false;
    }
    if (!p->loop_has.len && !p->loop_lacks.len)
        return true;
    struct str loop;
    return loop_around(doc, at.from, &loop) && holds(p->loop_has, loop, true) &&
           holds(p->loop_lacks, loop, false);
}

static struct span reported(const struct source_pattern *p, const struct pattern *compiled,
                            const struct match *m)
{
    char name[64];
    int group = 0;
    if (p->report.len && p->report.len < sizeof name) {
        memcpy(name, p->report.at, p->report.len);
        name[p->report.len] = '\0';
        group = match_group_number(compiled, name);
    }
    if (group < 0 || m->group[group].from == UINT32_MAX)
        group = 0;
    return (struct span){m->group[group].from, m->group[group].to};
}

static void look_at_match(const struct rule_view *v, const struct source_pattern *p)
{
    struct unit *unit = v->unit;
    struct span span = reported(p, v->pattern, v->match);
    struct expr_scope scope = rule_scope(v);
    if (!surroundings_hold(&unit->doc, p, span))
        return;
    if (v->rule->when.len && !expr_holds(v->scratch, &v->rule->when, &scope))
        return;
    struct rule_place place = {&unit->source, span, NULL};
    struct finding *f = rule_report(v, unit, place);
    if (f)
        f->fix = rule_fix_source(v, unit);
}

/* One pattern on its way through one file. */
struct search {
    const struct pattern *pattern;
    struct str text;
    size_t at, width;
    unsigned retries;
};

/* The work of one call has a limit, which a long file reaches by its length alone. From
 * then on matches may start only within a window, each with the whole limit for itself;
 * what is seen behind the start stays the whole file. A narrow window that still gives up
 * is left out, and the rest is searched: the work grows with the file and no faster. */
static bool next_match(struct search *s, struct match *m)
{
    while (s->at <= s->text.len) {
        size_t left = s->text.len - s->at;
        size_t until = s->at + (s->width < left ? s->width : left);
        switch (match_find_within(s->pattern, s->text, s->at, until, m)) {
        case MATCH_FOUND:
            return true;
        case MATCH_NONE:
            s->at = until + 1;
            break;
        case MATCH_GAVE_UP:
            if (s->width > WINDOW) {
                s->width = WINDOW;
            } else if (s->width > NARROW && s->retries) {
                s->retries--;
                s->width /= 4;
            } else {
                s->at = until + 1;
                s->width = WINDOW;
            }
        }
    }
    return false;
}

/* Most files have no match: only one asks what else the file holds. */
static bool file_fits(const struct document *doc, const struct source_pattern *p)
{
    return holds(p->file_has, doc->masked, true) &&
           holds(p->file_lacks, doc->masked, false);
}

static void look_for_pattern(const struct rule_view *view, const struct source_pattern *p)
{
    const struct document *doc = &view->unit->doc;
    struct match m;
    struct rule_view v = *view;
    v.pattern = match_pattern(p->find, NULL);
    v.match = &m;
    struct search s = {v.pattern, doc->masked, 0, SIZE_MAX, MOST_RETRIES};
    bool asked = false;
    for (int i = 0; v.pattern && i < MOST_MATCHES && next_match(&s, &m); i++) {
        struct arena_mark mark = arena_mark(v.scratch);
        size_t start = m.group[0].from, end = m.group[0].to;
        if (!asked && !file_fits(doc, p))
            return;
        asked = true;
        if (end > start)
            look_at_match(&v, p);
        s.at = end > start ? end : end + 1;
        arena_release(v.scratch, mark);
    }
}

void rule_check_source(const struct rule_view *v)
{
    const struct document *doc = &v->unit->doc;
    if (!doc->masked.len)
        return;
    assert(doc->masked.len == v->unit->source.text.len);
    for (uint32_t i = 0; i < v->rule->patterns.len; i++)
        look_for_pattern(v, &v->rule->patterns.at[i]);
}
