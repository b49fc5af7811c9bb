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

/* The maps that were merged into one map: a second time they bring nothing, and merge keys
 * that lead back to their own map would be followed for ever. */
struct merged VEC_BODY(const struct setting *);

static bool was_merged(struct link_trees *t, struct merged *m, const struct setting *from)
{
    for (size_t i = 0; i < m->len; i++)
        if (m->at[i] == from)
            return true;
    vec_push(t->arena, m, from);
    return false;
}

/* What a merge key (<<) brings in where TO says nothing. */
static void add_merged(struct link_trees *t, struct link_node *to, struct document *doc,
                       const struct setting *merge, struct merged *merged, int depth)
{
    const struct setting *from = setting_resolve(merge);
    if (merged->len > SETTING_MAX_ALIAS_DEPTH || was_merged(t, merged, from))
        return;
    for (const struct setting *c = from->first; c && !t->full; c = c->next) {
        if (from->kind == SETTING_LIST || c->flags & SETTING_MERGE)
            add_merged(t, to, doc, c, merged, depth);
        else if (!(c->flags & SETTING_OVERRIDDEN) && !link_tree_child(to, c->key))
            add_copy(t, to, doc, c, depth);
    }
}

static void add_copies(struct link_trees *t, struct link_node *to, struct document *doc,
                       const struct setting *from, int depth)
{
    for (const struct setting *c = from->first; c && !t->full; c = c->next)
        if (!(c->flags & (SETTING_OVERRIDDEN | SETTING_MERGE)))
            add_copy(t, to, doc, c, depth);
    struct merged merged = {0};
    for (const struct setting *c = from->first; c && !t->full; c = c->next)
        if (c->flags & SETTING_MERGE)
            add_merged(t, to, doc, c, &merged, depth);
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

void link_tree_put_path(struct link_trees *t, struct link_node *root, struct str key,
                        struct link_node *node)
{
    struct link_node *at = root;
    size_t from = 0, dot;
    while ((dot = str_find_byte(key, '.', from)) != SIZE_MAX) {
        struct str part = str_slice(key, from, dot);
        struct link_node *next = link_tree_child(at, part);
        at = next && next->kind == SETTING_MAP ? next : link_tree_map(t, at, node, part);
        if (!at)
            return;
        from = dot + 1;
    }
    node->key = str_slice(key, from, key.len);
    struct link_node *old = link_tree_child(at, node->key);
    if (old && old->kind == SETTING_MAP && node->kind == SETTING_SCALAR)
        return; /* trainer=gpu chooses the file that fills the map */
    link_tree_put(at, old, node);
}

/* --- references to a base --------------------------------------------------------- */

static struct link_node *node_at(struct link_node *root, struct str path)
{
    for (size_t from = 0; root && from <= path.len;) {
        size_t dot = str_find_byte(path, '.', from);
        size_t to = dot == SIZE_MAX ? path.len : dot;
        root = link_tree_child(root, str_slice(path, from, to));
        from = to + 1;
    }
    return root;
}

static void clone_children(struct link_trees *t, struct link_node *to,
                           const struct link_node *from)
{
    to->first = to->last = NULL;
    for (const struct link_node *c = from->first; c; c = c->next) {
        struct link_node *n = new_node(t, c->doc, c->setting);
        if (!n)
            return;
        n->key = c->key;
        n->kind = c->kind;
        append(to, n);
        clone_children(t, n, c);
    }
}

/* The path behind PREFIX in the value of N; "" when that is something else. */
static struct str path_after(const struct link_node *n, struct str prefix)
{
    struct str text = source_quote(n->doc->source, n->setting->value_span);
    if (str_starts(text, STR("{{")) && str_ends(text, STR("}}")))
        text = str_trim(str_slice(text, 2, text.len - 2));
    if (!str_starts(text, prefix) || text.len <= prefix.len + 1 || text.at[prefix.len] != '.')
        return (struct str){"", 0};
    return str_slice(text, prefix.len + 1, text.len);
}

void link_tree_refer(struct link_trees *t, struct link_node *node, struct link_node *base,
                     struct str prefix)
{
    struct link_node own = *node;
    node->first = node->last = NULL;
    for (struct link_node *c = own.first, *next; c; c = next) {
        next = c->next;
        bool inside = str_starts(c->key, prefix) && c->key.len > prefix.len + 1 &&
                      c->key.at[prefix.len] == '.';
        struct str path =
            c->kind == SETTING_SCALAR ? path_after(c, prefix) : (struct str){"", 0};
        const struct link_node *target = path.len ? node_at(base, path) : NULL;
        if (target) {
            c->setting = target->setting;
            c->doc = target->doc;
            c->kind = target->kind;
            clone_children(t, c, target);
        } else {
            link_tree_refer(t, c, base, prefix);
        }
        if (inside)
            link_tree_put_path(t, base, str_slice(c->key, prefix.len + 1, c->key.len), c);
        else
            append(node, c);
    }
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
