/* Edits applied in memory, and the proof afterwards: both texts are read, the settings
 * are walked side by side in file order, and whatever the edits do not explain must be
 * equal. Bytes outside the edits are equal by construction. */
#include "fix.h"

#include <assert.h>
#include <math.h>

#include "bind.h"
#include "source_cells.h"
#include "banned.h"

/* --- edits ---------------------------------------------------------------- */

/* Insertion sort: stable, so that insertions at one offset keep their order, and edits
 * of one fix are few. Chosen fixes of a large file arrive nearly sorted. */
static bool is_behind(const struct edit *x, const struct edit *y)
{
    if (x->source != y->source)
        return str_compare(x->source->path, y->source->path) > 0;
    if (x->span.from != y->span.from)
        return x->span.from > y->span.from;
    return x->span.to > y->span.to;
}

static void sort_edits(struct edits *edits)
{
    for (size_t i = 1; i < edits->len; i++) {
        struct edit e = edits->at[i];
        size_t to = i;
        while (to > 0 && is_behind(&edits->at[to - 1], &e)) {
            edits->at[to] = edits->at[to - 1];
            to--;
        }
        edits->at[to] = e;
    }
}

static bool is_insertion(const struct edit *e)
{
    return e->span.from == e->span.to;
}

static bool same_edit(const struct edit *x, const struct edit *y)
{
    return x->source == y->source && x->span.from == y->span.from &&
           x->span.to == y->span.to && str_eq(x->text, y->text);
}

bool fix_merge(struct arena *a, struct edits *edits)
{
    sort_edits(edits);
    size_t kept = 0;
    for (size_t i = 0; i < edits->len; i++) {
        const struct edit *e = &edits->at[i];
        struct edit *last = kept ? &edits->at[kept - 1] : NULL;
        if (last && last->source != e->source)
            last = NULL;
        if (last && same_edit(last, e) && !is_insertion(e))
            continue;
        if (last && e->span.from < last->span.to)
            return false;
        if (!last || e->span.from > last->span.to) {
            edits->at[kept++] = *e;
            continue;
        }
        last->text = arena_printf(a, "%.*s%.*s", STR_ARG(last->text), STR_ARG(e->text));
        last->span.to = e->span.to;
    }
    edits->len = kept;
    return true;
}

struct edits fix_edits_of(struct arena *a, const struct edits *edits,
                          const struct source *source)
{
    struct edits out = {0};
    for (size_t i = 0; i < edits->len; i++)
        if (edits->at[i].source == source)
            vec_push(a, &out, edits->at[i]);
    return out;
}

struct str fix_apply(struct arena *a, const struct source *source,
                     const struct edits *edits)
{
    struct edits sorted = {0};
    struct str text = source_cells_file(source);
    for (size_t i = 0; i < edits->len; i++) {
        struct edit e;
        if (source_cells_edit(a, &edits->at[i], &e)) /* else its promise is not kept */
            vec_push(a, &sorted, e);
    }
    sort_edits(&sorted);
    struct buf out = buf_new(a);
    uint32_t at = 0;
    for (size_t i = 0; i < sorted.len; i++) {
        const struct edit *e = &sorted.at[i];
        assert(e->source == source);
        assert(at <= e->span.from && e->span.from <= e->span.to);
        assert(e->span.to <= text.len);
        buf_add(&out, str_slice(text, at, e->span.from));
        buf_add(&out, e->text);
        at = e->span.to;
    }
    buf_add(&out, str_slice(text, at, text.len));
    return buf_str(&out);
}

/* --- comparing ------------------------------------------------------------ */

/* One side of the comparison: its document and, in its own offsets, what the edits
 * cover there (the replaced spans before, the new texts after). */
struct side {
    const struct document *doc;
    const struct span *covered;
    bool *explained; /* by setting id: gone before, new after */
};

struct comparison {
    struct side before, after;
    size_t edits;
    struct err *err;
};

static bool holds(struct span outer, struct span inner)
{
    return outer.from <= inner.from && inner.to <= outer.to;
}

/* Index of the covered span that holds SPAN, or -1. */
static int covering(const struct comparison *c, const struct side *s, struct span span)
{
    for (size_t i = 0; i < c->edits; i++)
        if (holds(s->covered[i], span))
            return (int)i;
    return -1;
}

static bool is_empty(struct span s)
{
    return s.from >= s.to;
}

/* Does an edit take or bring a byte of SPAN? */
static bool meets(const struct comparison *c, const struct side *s, struct span span)
{
    for (size_t i = 0; i < c->edits; i++)
        if (s->covered[i].from < span.to && span.from < s->covered[i].to)
            return true;
    return false;
}

/* A setting that is there on one side only, because an edit takes or brings it: bytes of
 * its key lie in the edit (`loss` becomes the call `loss.item()`), or it hangs below one
 * that does, or below a replaced value. */
static bool explained(const struct comparison *c, const struct side *side,
                      const struct setting *s)
{
    if (!s->parent)
        return false;
    if (side->explained[s->parent->id])
        return true;
    if (!is_empty(s->key_span))
        return meets(c, side, s->key_span);
    return !is_empty(s->parent->value_span) &&
           covering(c, side, s->parent->value_span) >= 0;
}

static void explain_all(struct arena *a, const struct comparison *c, struct side *side)
{
    const struct settings *all = &side->doc->tree.all;
    side->explained = arena_alloc_array(a, all->len + 1, sizeof *side->explained);
    for (size_t i = 0; i < all->len; i++)
        side->explained[all->at[i]->id] = explained(c, side, all->at[i]);
    /* Backwards, children before parents: what is written nowhere itself (Python's `env`)
     * comes and goes with what is in it. */
    for (size_t i = all->len; i-- > 0;) {
        const struct setting *s = all->at[i], *child = s->first;
        if (!s->parent || !child || !is_empty(s->key_span) || !s->key.len)
            continue;
        while (child && side->explained[child->id])
            child = child->next;
        side->explained[s->id] |= !child;
    }
}

/* Did an edit work on this value? An insertion beside a value that is there did not. */
static bool value_edited(const struct comparison *c, const struct setting *s)
{
    for (size_t i = 0; i < c->edits; i++) {
        struct span e = c->before.covered[i], v = s->value_span;
        bool beside = is_empty(e) && !is_empty(v) && (e.from == v.from || e.from == v.to);
        if (!beside && e.from <= v.to && v.from <= e.to && (holds(v, e) || holds(e, v)))
            return true;
    }
    return false;
}

static bool same_value(const struct setting *x, const struct setting *y)
{
    if (x->referred && y->referred) /* its value is compared where it is written */
        return str_eq(x->text, y->text);
    if (x->value.kind != y->value.kind)
        return false;
    bool numbers = x->value.kind == VALUE_FLOAT;
    if (numbers && isnan(x->value.as.real) && isnan(y->value.as.real))
        return true;
    if (x->value.kind != VALUE_UNKNOWN)
        return value_eq(x->value, y->value);
    return !x->why == !y->why && (!x->why || str_eq(str_from(x->why), str_from(y->why)));
}

static bool differs(const struct comparison *c, const struct setting *s, const char *what)
{
    struct str path = s->path.len ? s->path : STR("the document");
    return err_set(c->err, "%.*s would change %s", STR_ARG(path), what);
}

/* A name in code whose constant was edited follows it. */
static bool follows(const struct comparison *c, const struct setting *x,
                    const struct setting *y)
{
    if (x->style != STYLE_CODE || y->style != STYLE_CODE || !str_eq(x->text, y->text))
        return false;
    const struct setting *was = setting_resolve(x), *is = setting_resolve(y);
    return was != x && is != y && value_edited(c, was) && same_value(was, x) &&
           same_value(is, y);
}

static bool compare_setting(const struct comparison *c, const struct setting *x,
                            const struct setting *y)
{
    if (!str_eq(x->path, y->path) || !str_eq(x->key, y->key))
        return err_set(c->err, "%.*s would stand where %.*s stood", STR_ARG(y->path),
                       STR_ARG(x->path));
    if (value_edited(c, x) && !x->first)
        return true; /* a name may have become a call */
    if (!str_eq(x->name, y->name) || x->shape != y->shape)
        return differs(c, x, "what it belongs to");
    if (x->kind != y->kind)
        return differs(c, x, "its kind");
    if (x->kind != SETTING_SCALAR)
        return true;
    if (!str_eq(x->text, y->text) || (!same_value(x, y) && !follows(c, x, y)))
        return differs(c, x, "its value");
    if (!str_eq(x->tag, y->tag) || x->style != y->style)
        return differs(c, x, "how it is written");
    return true;
}

static const struct setting *next_plain(const struct side *s, size_t *at)
{
    const struct settings *all = &s->doc->tree.all;
    while (*at < all->len) {
        const struct setting *hit = all->at[(*at)++];
        if (!s->explained[hit->id])
            return hit;
    }
    return NULL;
}

static bool compare_settings(struct arena *a, struct comparison *c)
{
    explain_all(a, c, &c->before);
    explain_all(a, c, &c->after);
    for (size_t i = 0, j = 0;;) {
        const struct setting *x = next_plain(&c->before, &i);
        const struct setting *y = next_plain(&c->after, &j);
        if (!x && !y)
            return true;
        if (!y)
            return err_set(c->err, "%.*s would be lost", STR_ARG(x->path));
        if (!x)
            return err_set(c->err, "%.*s would appear", STR_ARG(y->path));
        if (!compare_setting(c, x, y))
            return false;
    }
}

/* What the edits leave of a comment. */
static struct str comment_left(struct arena *a, const struct comparison *c,
                               const struct side *s, const struct comment *comment)
{
    struct buf b = buf_new(a);
    uint32_t at = comment->span.from;
    for (size_t i = 0; i < c->edits; i++) {
        struct span gone = s->covered[i];
        if (gone.to <= at || gone.from >= comment->span.to)
            continue;
        if (gone.from > at)
            buf_add(&b, str_slice(s->doc->source->text, at, gone.from));
        at = gone.to;
    }
    if (at < comment->span.to)
        buf_add(&b, str_slice(s->doc->source->text, at, comment->span.to));
    return str_trim(buf_str(&b));
}

/* The next comment that is not wholly the edits' own; its text in *LEFT. */
static bool next_comment(struct arena *a, const struct comparison *c, const struct side *s,
                         size_t *at, struct str *left)
{
    while (*at < s->doc->comments.len) {
        *left = comment_left(a, c, s, &s->doc->comments.at[(*at)++]);
        if (left->len)
            return true;
    }
    return false;
}

static bool compare_comments(struct arena *a, const struct comparison *c)
{
    for (size_t i = 0, j = 0;;) {
        struct str x, y;
        bool was = next_comment(a, c, &c->before, &i, &x);
        bool is = next_comment(a, c, &c->after, &j, &y);
        if (!was && !is)
            return true;
        if (was != is || !str_eq(x, y))
            return err_set(c->err, "a comment would change");
    }
}

static bool compare_batch(const struct run *x, const struct run *y, struct err *err)
{
    double before, after;
    bool known = run_effective_batch(x, &before);
    if (run_effective_batch(y, &after) != known)
        return err_set(err, "the effective batch would no longer be what it was");
    if (known && before != after)
        return err_set(err, "the effective batch would change from %g to %g", before,
                       after);
    return true;
}

static bool compare_runs(const struct runs *x, const struct runs *y, bool batch_may_change,
                         struct err *err)
{
    if (x->len != y->len)
        return err_set(err, "the file would hold %zu runs instead of %zu", y->len, x->len);
    for (size_t i = 0; i < x->len; i++) {
        const struct run *b = &x->at[i], *n = &y->at[i];
        bool same = !b->framework == !n->framework &&
                    (!b->framework || str_eq(b->framework->id, n->framework->id));
        if (!same || !str_eq(b->name, n->name))
            return err_set(err, "the file would be read as something else");
        if (!batch_may_change && !compare_batch(b, n, err))
            return false;
    }
    return true;
}

/* EDITS in order, and the two views of what they cover. */
static void cover(struct arena *a, const struct edits *edits, struct comparison *c)
{
    struct edits sorted = {0};
    for (size_t i = 0; i < edits->len; i++)
        vec_push(a, &sorted, edits->at[i]);
    sort_edits(&sorted);
    struct span *before = arena_alloc_array(a, sorted.len + 1, sizeof *before);
    struct span *after = arena_alloc_array(a, sorted.len + 1, sizeof *after);
    int64_t shift = 0;
    for (size_t i = 0; i < sorted.len; i++) {
        const struct edit *e = &sorted.at[i];
        before[i] = e->span;
        after[i].from = (uint32_t)(e->span.from + shift);
        after[i].to = after[i].from + (uint32_t)e->text.len;
        shift += (int64_t)e->text.len - (int64_t)(e->span.to - e->span.from);
    }
    c->before.covered = before;
    c->after.covered = after;
    c->edits = sorted.len;
}

static bool compare_documents(struct arena *a, const struct document *before,
                              const struct document *after, const struct edits *edits,
                              struct err *err)
{
    if (after->broken)
        return err_set(err, "the result would not parse");
    if (after->problems.len > before->problems.len)
        return err_set(err, "the result would have a syntax problem");
    struct comparison c = {.before.doc = before, .after.doc = after, .err = err};
    cover(a, edits, &c);
    return compare_settings(a, &c) && compare_comments(a, &c);
}

static const struct linked_file *link_called(const struct unit *unit, struct str path)
{
    for (size_t i = 0; i < unit->links.len; i++)
        if (str_eq(unit->links.at[i]->source.path, path))
            return unit->links.at[i];
    return NULL;
}

/* The files beside the unit's own that EDITS fall into. */
static bool compare_links(struct arena *a, const struct unit *before,
                          const struct unit *after, const struct edits *edits,
                          struct err *err)
{
    for (size_t i = 0; i < before->links.len; i++) {
        const struct linked_file *was = before->links.at[i];
        struct edits own = fix_edits_of(a, edits, &was->source);
        if (!own.len)
            continue;
        const struct linked_file *is = link_called(after, was->source.path);
        if (!is)
            return err_set(err, "%.*s would no longer be read", STR_ARG(was->source.path));
        if (!compare_documents(a, &was->doc, &is->doc, &own, err))
            return false;
    }
    return true;
}

bool fix_compare(const struct unit *before, const struct unit *after,
                 const struct edits *edits, bool batch_may_change, struct err *err)
{
    struct arena scratch = {0};
    struct edits own = fix_edits_of(&scratch, edits, &before->source);
    bool ok = compare_documents(&scratch, &before->doc, &after->doc, &own, err) &&
              compare_links(&scratch, before, after, edits, err) &&
              compare_runs(&before->runs, &after->runs, batch_may_change, err);
    arena_free(&scratch);
    return ok;
}

/* Reads TEXT the way BEFORE was read. */
static void read_unit(const struct pack *pack, const struct unit *before, struct str text,
                      struct unit *out)
{
    *out = (struct unit){0};
    source_init(&out->source, &out->arena, before->source.path, text,
                source_cells_language(&before->source));
    front_parse(&out->arena, &out->source, &out->doc);
    if (!out->doc.broken)
        bind_document(&out->arena, pack, &out->doc, NULL, &out->runs);
}

/* Both texts are read anew, so that the two sides are bound alike even where BEFORE was
 * bound by an order of the user's. */
bool fix_verify(const struct pack *pack, const struct unit *before, struct str after,
                const struct edits *edits, bool batch_may_change, struct err *err)
{
    struct unit was, is;
    read_unit(pack, before, source_cells_file(&before->source), &was);
    read_unit(pack, before, after, &is);
    struct edits moved = {0};
    for (size_t i = 0; i < edits->len; i++) {
        vec_push(&was.arena, &moved, edits->at[i]);
        moved.at[i].source = &was.source;
    }
    bool ok = fix_compare(&was, &is, &moved, batch_may_change, err);
    arena_free(&was.arena);
    arena_free(&is.arena);
    return ok;
}
