/* Choosing fixes and applying them in passes. Fixes that touch wait for the next pass,
 * where they are planned anew against the new text; a fix that does not survive the
 * comparison is given up for good; passes that do not settle leave the file alone. */
#include "fix.h"
#include "source_cells.h"

#include <assert.h>
#include <stdlib.h>

#include "banned.h"

/* --- choosing ------------------------------------------------------------- */

static bool is_within(const struct unit *unit, const struct source *source)
{
    bool found = source == &unit->source;
    for (size_t i = 0; !found && i < unit->links.len; i++)
        found = source == &unit->links.at[i]->source;
    return found;
}

static bool is_candidate(const struct unit *unit, const struct finding *f, bool unsafe_too)
{
    const struct fix *fix = f->fix;
    if (!fix || !fix->edits.len)
        return false;
    if (fix->safety != FIX_SAFE && !(unsafe_too && fix->safety == FIX_UNSAFE))
        return false;
    for (size_t i = 0; i < fix->edits.len; i++)
        if (!is_within(unit, fix->edits.at[i].source))
            return false;
    return true;
}

static uint32_t first_offset(const struct fix *fix)
{
    uint32_t first = UINT32_MAX;
    for (size_t i = 0; i < fix->edits.len; i++)
        if (fix->edits.at[i].span.from < first)
            first = fix->edits.at[i].span.from;
    return first;
}

/* Addresses stand for the order in the list: the candidates are elements of it. */
static int by_worth(const void *x, const void *y)
{
    const struct finding *a = *(const struct finding *const *)x;
    const struct finding *b = *(const struct finding *const *)y;
    if (a->severity != b->severity)
        return a->severity > b->severity ? -1 : 1;
    uint32_t p = first_offset(a->fix), q = first_offset(b->fix);
    if (p != q)
        return p < q ? -1 : 1;
    return a < b ? -1 : a > b;
}

static bool fixes_touch(const struct fix *x, const struct fix *y)
{
    for (size_t i = 0; i < x->edits.len; i++)
        for (size_t j = 0; j < y->edits.len; j++) {
            struct span p = x->edits.at[i].span, q = y->edits.at[j].span;
            bool same = x->edits.at[i].source == y->edits.at[j].source;
            if (same && p.from <= q.to && q.from <= p.to)
                return true;
        }
    return false;
}

/* What a fix does, in words that do not move with its place: a fix that was given up is
 * known again by them in the next pass. */
static struct str signature(struct arena *a, const struct finding *f)
{
    struct buf b = buf_new(a);
    buf_printf(&b, "%.*s %.*s %.*s %.*s", STR_ARG(f->code), STR_ARG(f->run),
               STR_ARG(f->gpu), STR_ARG(f->fix->description));
    for (size_t i = 0; i < f->fix->edits.len; i++) {
        const struct edit *e = &f->fix->edits.at[i];
        uint32_t start;
        buf_byte(&b, '\n');
        buf_add(&b, source_line(e->source, e->span.from, &start));
        buf_printf(&b, "\n%u %.*s", e->span.from - start, STR_ARG(e->text));
    }
    return buf_str(&b);
}

struct signatures VEC_BODY(struct str);

static bool is_among(struct arena *a, const struct signatures *list,
                     const struct finding *f)
{
    if (!list->len)
        return false;
    struct str mine = signature(a, f);
    for (size_t i = 0; i < list->len; i++)
        if (str_eq(list->at[i], mine))
            return true;
    return false;
}

static void choose(struct arena *a, struct unit *unit, bool unsafe_too,
                   const struct signatures *given_up, struct fixes *chosen)
{
    struct fixes candidates = {0};
    for (size_t i = 0; i < unit->findings.len; i++) {
        const struct finding *f = &unit->findings.at[i];
        if (is_candidate(unit, f, unsafe_too) && !is_among(a, given_up, f))
            vec_push(a, &candidates, f);
    }
    if (candidates.len > 1)
        qsort(candidates.at, candidates.len, sizeof *candidates.at, by_worth);
    *chosen = (struct fixes){0};
    for (size_t i = 0; i < candidates.len; i++) {
        bool free_place = true;
        for (size_t j = 0; free_place && j < chosen->len; j++)
            free_place = !fixes_touch(candidates.at[i]->fix, chosen->at[j]->fix);
        if (free_place)
            vec_push(a, chosen, candidates.at[i]);
    }
}

size_t fix_select(struct arena *a, struct unit *unit, bool unsafe_too, struct fixes *chosen)
{
    choose(a, unit, unsafe_too, &(struct signatures){0}, chosen);
    return chosen->len;
}

/* --- promises ------------------------------------------------------------- */

static const struct run *promised_run(const struct unit *unit, const struct promise *p)
{
    const struct run *only = unit->runs.len == 1 ? &unit->runs.at[0] : NULL;
    for (size_t i = 0; i < unit->runs.len; i++) {
        const struct run *r = &unit->runs.at[i];
        struct str path = r->container ? r->container->path : STR("");
        if (str_eq(r->name, p->run) && str_eq(path, p->container) &&
            fix_root_of(r) == p->root)
            return r;
    }
    return only;
}

static bool wish_holds(const struct run *run, const struct wish *w)
{
    const struct fact *f = run_fact(run, w->fact);
    if (w->remove || w->value.kind == VALUE_NULL)
        return !f || !f->setting;
    return f && value_eq(f->value, w->value);
}

static bool promise_kept(const struct unit *unit, const struct promise *p, struct err *err)
{
    if (!p)
        return true;
    const struct run *run = promised_run(unit, p);
    for (size_t i = 0; i < p->wishes.len; i++)
        if (!run || !wish_holds(run, &p->wishes.at[i]))
            return err_set(err, "%.*s would not be as intended",
                           STR_ARG(fact_info(p->wishes.at[i].fact)->name));
    return true;
}

/* --- passes --------------------------------------------------------------- */

struct loop {
    struct arena *a;
    const struct fix_job *job;
    struct unit *first, *unit; /* as given; as it stands now */
    struct fix_result *out;
    struct fix_texts others; /* files beside the unit's own, as they stand now */
    struct signatures given_up;
    bool changed; /* since the first of those was given up */
    bool quit; /* somebody was asked and wants no more */
    struct {
        struct str *at;
        size_t len, cap;
    } seen; /* every text so far: coming back to one is a cycle */
};

static void tell(struct loop *l, struct str code, const char *why)
{
    struct str line =
        code.len ? arena_printf(l->a, "%.*s: not rewritten: %s", STR_ARG(code), why)
                 : arena_printf(l->a, "not rewritten: %s", why);
    vec_push(l->a, &l->out->failures, line);
}

static void give_up(struct loop *l, const struct finding *f, const struct err *err)
{
    vec_push(l->a, &l->given_up, signature(l->a, f));
    tell(l, f->code, err->message);
}

static void drop(struct loop *l, struct unit *unit)
{
    if (unit && unit != l->first)
        arena_free(&unit->arena);
}

/* LIST with the text of PATH, which was EXPECTED before anything was done. */
static void set_text(struct arena *a, struct fix_texts *list, struct str path,
                     struct str expected, struct str text)
{
    for (size_t i = 0; i < list->len; i++)
        if (str_eq(list->at[i].path, path)) {
            list->at[i].text = text;
            return;
        }
    path = arena_str(a, path);
    vec_push(a, list, ((struct fix_text){path, arena_str(a, expected), text}));
}

/* The files beside the unit's own, with EDITS applied. */
static struct fix_texts others_after(struct loop *l, const struct edits *edits)
{
    struct fix_texts out = {0};
    for (size_t i = 0; i < l->others.len; i++)
        vec_push(l->a, &out, l->others.at[i]);
    for (size_t i = 0; i < l->unit->links.len; i++) {
        const struct source *s = &l->unit->links.at[i]->source;
        struct edits own = fix_edits_of(l->a, edits, s);
        if (own.len)
            set_text(l->a, &out, s->path, s->text, fix_apply(l->a, s, &own));
    }
    return out;
}

static struct unit *check(struct loop *l, const struct edits *edits,
                          const struct fix_texts *others)
{
    struct replacements replaced = {0};
    struct edits own = fix_edits_of(l->a, edits, &l->unit->source);
    struct str text = fix_apply(l->a, &l->unit->source, &own);
    bool small = text.len <= SOURCE_MAX_BYTES && others->len < FIX_MOST_FILES;
    for (size_t i = 0; i < others->len; i++)
        vec_push(l->a, &replaced,
                 ((struct replaced){others->at[i].path, others->at[i].text}));
    return small ? l->job->check(l->job->context, text, &replaced) : NULL;
}

/* The unit after all of CHOSEN, verified; NULL and the reason otherwise. */
static struct unit *try_fixes(struct loop *l, const struct fixes *chosen,
                              struct fix_texts *others, struct err *err)
{
    struct edits edits = {0};
    bool batch_may_change = false;
    for (size_t i = 0; i < chosen->len; i++) {
        const struct fix *fix = chosen->at[i]->fix;
        batch_may_change |= fix->safety != FIX_SAFE;
        for (size_t j = 0; j < fix->edits.len; j++)
            vec_push(l->a, &edits, fix->edits.at[j]);
    }
    *others = others_after(l, &edits);
    struct unit *after = check(l, &edits, others);
    bool ok = after ? fix_compare(l->unit, after, &edits, batch_may_change, err)
                    : err_set(err, "the result could not be read");
    for (size_t i = 0; ok && i < chosen->len; i++)
        ok = promise_kept(after, chosen->at[i]->fix->promise, err);
    if (ok)
        return after;
    drop(l, after);
    return NULL;
}

static void note_applied(struct loop *l, const struct fixes *chosen)
{
    for (size_t i = 0; i < chosen->len; i++) {
        const struct finding *f = chosen->at[i];
        struct fix_applied *done = vec_add(l->a, &l->out->applied);
        done->code = arena_str(l->a, f->code);
        done->rule = arena_str(l->a, f->rule);
        done->description = arena_str(l->a, f->fix->description);
        done->safety = f->fix->safety;
    }
}

struct trial {
    struct fixes accepted;
    struct unit *after; /* with everything accepted; NULL while that is nothing */
    struct fix_texts others; /* as of AFTER */
};

/* Adds CANDIDATES[from, to) to what is accepted; should that fail, each half on its own,
 * so that one bad fix among many costs few readings. */
static void accept(struct loop *l, struct trial *t, const struct fixes *candidates,
                   size_t from, size_t to)
{
    struct err err;
    size_t before = t->accepted.len;
    for (size_t i = from; i < to; i++)
        vec_push(l->a, &t->accepted, candidates->at[i]);
    struct fix_texts others;
    struct unit *next = try_fixes(l, &t->accepted, &others, &err);
    if (next) {
        drop(l, t->after);
        t->after = next;
        t->others = others;
        return;
    }
    t->accepted.len = before;
    if (to - from == 1) {
        give_up(l, candidates->at[from], &err);
        return;
    }
    size_t middle = from + (to - from) / 2;
    accept(l, t, candidates, from, middle);
    accept(l, t, candidates, middle, to);
}

/* One at a time: each is tried on top of what was accepted, and asked for. */
static void ask_each(struct loop *l, struct trial *t, const struct fixes *candidates)
{
    for (size_t i = 0; i < candidates->len && !l->quit; i++) {
        const struct finding *f = candidates->at[i];
        struct err err;
        vec_push(l->a, &t->accepted, f);
        struct fix_texts others;
        struct unit *next = try_fixes(l, &t->accepted, &others, &err);
        enum fix_answer answer = FIX_NO;
        if (next)
            answer = l->job->ask(l->job->context, f, t->after ? t->after : l->unit, next);
        l->quit = answer == FIX_QUIT;
        if (answer == FIX_YES) {
            drop(l, t->after);
            t->after = next;
            t->others = others;
            continue;
        }
        t->accepted.len--;
        if (next)
            vec_push(l->a, &l->given_up, signature(l->a, f));
        else
            give_up(l, f, &err);
        drop(l, next);
    }
}

static bool was_seen(const struct loop *l, struct str text)
{
    for (size_t i = 0; i < l->seen.len; i++)
        if (str_eq(l->seen.at[i], text))
            return true;
    return false;
}

/* The unit's text with those of the other files: what must not come back. */
static struct str all_text(const struct loop *l)
{
    struct str out = l->unit->source.text;
    for (size_t i = 0; i < l->others.len; i++)
        out = arena_printf(l->a, "%.*s\n%.*s", STR_ARG(out), STR_ARG(l->others.at[i].text));
    return out;
}

/* One pass. False when there was nothing to do or the text came back. */
static bool pass(struct loop *l, bool *cycle)
{
    struct fixes chosen;
    choose(l->a, l->unit, l->job->unsafe_too, &l->given_up, &chosen);
    if (!chosen.len)
        return false;
    struct trial t = {0};
    if (l->job->ask)
        ask_each(l, &t, &chosen);
    else
        accept(l, &t, &chosen, 0, chosen.len);
    if (!t.after)
        return !l->quit; /* all was given up; what waited may be chosen now */
    note_applied(l, &t.accepted);
    l->changed = true;
    drop(l, l->unit);
    l->unit = t.after;
    l->others = t.others;
    struct str now = all_text(l);
    *cycle = was_seen(l, now);
    vec_push(l->a, &l->seen, now);
    return !*cycle && !l->quit;
}

/* What was given up may work on the text as it is by now, as it would in another run of the
 * program; then nothing must be left for that. */
static bool second_chance(struct loop *l)
{
    if (l->job->ask || !l->changed || !l->given_up.len)
        return false;
    l->changed = false;
    l->given_up.len = 0;
    l->out->failures.len = 0;
    return true;
}

static void go_back(struct loop *l, const char *why)
{
    drop(l, l->unit);
    l->unit = l->first;
    l->others.len = 0;
    l->out->applied.len = 0;
    tell(l, STR(""), why);
}

void fix_unit(struct arena *a, const struct fix_job *job, struct unit *unit,
              struct fix_result *out)
{
    *out = (struct fix_result){0};
    struct loop l = {.a = a, .job = job, .first = unit, .unit = unit, .out = out};
    bool cycle = false, more = !unit->failed && !unit->doc.broken;
    vec_push(a, &l.seen, unit->source.text);
    for (int passes = 0; more && passes < FIX_MAX_PASSES; passes++)
        more = pass(&l, &cycle) || (!cycle && second_chance(&l));
    if (cycle)
        go_back(&l, "the fixes undo one another");
    else if (more)
        go_back(&l, "the fixes did not settle");
    out->unit = l.unit;
    out->text = source_cells_file(&l.unit->source);
    out->others = l.others;
}
