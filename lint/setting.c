/* Tree building and lookups. Aliases are followed on demand with a depth cap, never
 * expanded, so a document of nested aliases costs what its bytes cost. */
#include "setting.h"

#include <assert.h>
#include <string.h>

#include "banned.h"

/* A longer path names nobody's setting; without a limit, long keys nested deep would cost
 * far more than their bytes. */
enum { MAX_PATH = 4096 };

static struct str join_path(struct arena *a, const struct setting *parent, struct str key)
{
    if (!parent)
        return (struct str){"", 0};
    if (parent->path.len + key.len > MAX_PATH)
        return parent->path;
    if (parent->kind == SETTING_LIST)
        return arena_printf(a, "%.*s[%u]", STR_ARG(parent->path), parent->count);
    if (!parent->path.len)
        return arena_str(a, key);
    size_t len = parent->path.len + 1 + key.len;
    char *at = arena_alloc(a, len + 1);
    memcpy(at, parent->path.at, parent->path.len);
    at[parent->path.len] = '.';
    if (key.len)
        memcpy(at + parent->path.len + 1, key.at, key.len);
    return (struct str){at, len};
}

struct setting *setting_add(struct arena *a, struct setting_tree *tree,
                            struct setting *parent, enum setting_kind kind,
                            struct str key, struct span key_span)
{
    struct setting *s = arena_new(a, struct setting);
    s->kind = kind;
    s->key = key;
    s->key_span = key_span;
    s->parent = parent;
    s->path = join_path(a, parent, key);
    s->id = (uint32_t)tree->all.len;
    s->name = s->text = s->tag = (struct str){"", 0};
    vec_push(a, &tree->all, s);
    if (!parent) {
        vec_push(a, &tree->roots, s);
        return s;
    }
    if (parent->last)
        parent->last->next = s;
    else
        parent->first = s;
    parent->last = s;
    parent->count++;
    return s;
}

const struct setting *setting_resolve(const struct setting *s)
{
    for (int depth = 0; s && s->target && depth < SETTING_MAX_ALIAS_DEPTH; depth++)
        s = s->target;
    return s;
}

static const struct setting *child_at(const struct setting *map, struct str key, int depth);

static const struct setting *merged_child(const struct setting *merge, struct str key,
                                          int depth)
{
    const struct setting *from = setting_resolve(merge);
    if (!from)
        return NULL;
    if (from->kind == SETTING_MAP)
        return child_at(from, key, depth + 1);
    /* Of several merged maps the first that has the key wins (YAML merge type). */
    for (const struct setting *s = from->first; s; s = s->next) {
        const struct setting *hit = child_at(setting_resolve(s), key, depth + 1);
        if (hit)
            return hit;
    }
    return NULL;
}

static const struct setting *child_at(const struct setting *map, struct str key, int depth)
{
    if (!map || map->kind != SETTING_MAP || depth > SETTING_MAX_ALIAS_DEPTH)
        return NULL;
    const struct setting *own = NULL;
    for (const struct setting *s = map->first; s; s = s->next)
        if (!(s->flags & SETTING_MERGE) && str_eq(s->key, key))
            own = s;
    if (own)
        return own;
    for (const struct setting *s = map->first; s; s = s->next) {
        const struct setting *hit = s->flags & SETTING_MERGE ? merged_child(s, key, depth)
                                                             : NULL;
        if (hit)
            return hit;
    }
    return NULL;
}

const struct setting *setting_child(const struct setting *map, struct str key)
{
    return child_at(setting_resolve(map), key, 0);
}

const struct setting *setting_find(const struct setting *map, struct str dotted)
{
    const struct setting *at = map;
    for (size_t from = 0; at && from <= dotted.len;) {
        size_t dot = str_find_byte(dotted, '.', from);
        size_t to = dot == SIZE_MAX ? dotted.len : dot;
        at = setting_child(at, str_slice(dotted, from, to));
        from = to + 1;
    }
    return at == map ? NULL : at;
}

const struct setting *setting_root(const struct setting *s)
{
    while (s->parent)
        s = s->parent;
    return s;
}
