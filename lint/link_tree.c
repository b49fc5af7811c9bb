/* Merging works on nodes, which are cheap to move about; ids and paths are only given
 * when the finished tree is emitted. */
#include "link_tree.h"

#include "banned.h"

enum { MOST_NODES = 16384 };

/* --- building ----------------------------------------------------------------- */

static struct link_node *new_node(struct link_trees *t, struct document *doc,
                                  const struct setting *s)
{
    if (t->full || t->nodes >= MOST_NODES) {
        t->full = true;
        return NULL;
    }
    t->nodes++;
    struct link_node *n = arena_new(t->arena, struct link_node);
    n->setting = s;
    n->doc = doc;
    n->key = s->key;
    n->kind = setting_resolve(s)->kind;
    return n;
}

static void append(struct link_node *parent, struct link_node *child)
{
    child->next = NULL;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
}

/* A call that is no key's value is a step of a program; two are two. */
static bool is_statement(struct str key)
{
    return !key.len || str_ends(key, STR("()"));
}

struct link_node *link_tree_child(const struct link_node *node, struct str key)
{
    struct link_node *found = NULL;
    for (struct link_node *c = node->first; c; c = c->next)
        if (str_eq(c->key, key))
            found = c;
    return found;
}

static void add_copies(struct link_trees *t, struct link_node *to, struct document *doc,
                       const struct setting *from, int depth);

static void add_copy(struct link_trees *t, struct link_node *to, struct document *doc,
                     const struct setting *s, int depth)
{
    struct link_node *n = new_node(t, doc, s);
    if (!n)
        return;
    append(to, n);
    if (n->kind != SETTING_SCALAR && depth < SETTING_MAX_DEPTH)
        add_copies(t, n, doc, setting_resolve(s), depth + 1);
}

/* What a merge key (<<) brings in where TO says nothing. */
static void add_merged(struct link_trees *t, struct link_node *to, struct document *doc,
                       const struct setting *merge, int depth)
{
    const struct setting *from = setting_resolve(merge);
    if (depth > SETTING_MAX_ALIAS_DEPTH)
        return;
    for (const struct setting *c = from->first; c && !t->full; c = c->next) {
        if (from->kind == SETTING_LIST || c->flags & SETTING_MERGE)
            add_merged(t, to, doc, c, depth + 1);
        else if (!(c->flags & SETTING_OVERRIDDEN) && !link_tree_child(to, c->key))
            add_copy(t, to, doc, c, depth + 1);
    }
}

static void add_copies(struct link_trees *t, struct link_node *to, struct document *doc,
                       const struct setting *from, int depth)
{
    for (const struct setting *c = from->first; c && !t->full; c = c->next)
        if (!(c->flags & (SETTING_OVERRIDDEN | SETTING_MERGE)))
            add_copy(t, to, doc, c, depth);
    for (const struct setting *c = from->first; c && !t->full; c = c->next)
        if (c->flags & SETTING_MERGE)
            add_merged(t, to, doc, c, 0);
}

struct link_node *link_tree_copy(struct link_trees *t, struct document *doc,
                                 const struct setting *s)
{
    struct link_node *n = new_node(t, doc, s);
    if (n)
        add_copies(t, n, doc, setting_resolve(s), 0);
    return t->full ? NULL : n;
}

/* --- merging ------------------------------------------------------------------ */

static bool is_cut(const struct link_node *map, struct str cut)
{
    const struct link_node *c = cut.len ? link_tree_child(map, cut) : NULL;
    return c && str_eq_nocase(c->setting->text, STR("true"));
}

static bool merges(const struct link_node *over, const struct link_node *base,
                   struct str cut)
{
    return over->kind == SETTING_MAP && base->kind == SETTING_MAP && !is_cut(over, cut);
}

void link_tree_under(struct link_node *node, struct link_node *base, struct str cut)
{
    struct link_node own = *node;
    node->first = node->last = NULL;
    for (struct link_node *b = base->first, *next; b; b = next) {
        next = b->next;
        struct link_node *over =
            is_statement(b->key) ? NULL : link_tree_child(&own, b->key);
        if (!over)
            append(node, b);
        else if (merges(over, b, cut))
            link_tree_under(over, b, cut);
    }
    for (struct link_node *c = own.first, *next; c; c = next) {
        next = c->next;
        append(node, c);
    }
}

struct link_node *link_tree_empty(struct link_trees *t, struct document *doc,
                                  const struct setting *s)
{
    struct link_node *n = new_node(t, doc, s);
    if (n)
        n->key = (struct str){"", 0};
    return n;
}

void link_tree_put(struct link_node *map, struct link_node *old, struct link_node *node)
{
    struct link_node own = *map;
    map->first = map->last = NULL;
    for (struct link_node *c = own.first, *next; c; c = next) {
        next = c->next;
        append(map, c == old ? node : c);
    }
    if (!old)
        append(map, node);
}

struct link_node *link_tree_map(struct link_trees *t, struct link_node *map,
                                const struct link_node *like, struct str key)
{
    struct link_node *n = new_node(t, like->doc, like->setting);
    if (!n)
        return NULL;
    n->key = key;
    n->kind = SETTING_MAP;
    link_tree_put(map, link_tree_child(map, key), n);
    return n;
}

/* --- the tree ----------------------------------------------------------------- */

static void fill(struct setting *to, const struct link_node *n)
{
    const struct setting *s = n->setting, *at = setting_resolve(s);
    to->original = s;
    to->home = n->doc;
    if (n->kind != at->kind)
        return; /* a map that stands only in the path of an override */
    to->shape = at->shape;
    to->style = at->style;
    to->flags = s->flags & ~(unsigned)(SETTING_ALIAS | SETTING_ANCHORED | SETTING_MERGE |
                                       SETTING_OVERRIDDEN | SETTING_DUPLICATE);
    if (n->doc->source->language != LANGUAGE_YAML && n->kind == SETTING_SCALAR)
        to->flags |= SETTING_LOADED;
    to->name = at->name;
    to->text = s->text;
    to->tag = at->tag;
    to->value_span = s->value_span;
    to->alias_span = s->alias_span;
    to->value = s->value;
    to->why = s->why;
}

static void emit(struct arena *a, const struct link_node *n, struct setting *parent,
                 struct setting_tree *out)
{
    struct setting *s = setting_add(a, out, parent, n->kind, n->key, n->setting->key_span);
    fill(s, n);
    for (const struct link_node *c = n->first; c; c = c->next)
        emit(a, c, s, out);
}

void link_tree_emit(struct arena *a, const struct link_node *node,
                    struct setting_tree *out)
{
    emit(a, node, NULL, out);
}
