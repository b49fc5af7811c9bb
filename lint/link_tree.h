/* The settings of several files as one tree: copies that remember where they were
 * written, laid over one another. Knows no path and no framework. Private to link*.c. */
#ifndef LINK_TREE_H
#define LINK_TREE_H

#include "front/front.h"

struct link_node {
    const struct setting *setting; /* as written */
    struct document *doc;          /* where */
    struct str key;
    enum setting_kind kind;
    struct link_node *first, *last, *next;
};

/* What one unit's trees may cost together; FULL once they would cost more. */
struct link_trees {
    struct arena *arena;
    size_t nodes;
    bool full;
};

/* S of DOC with all that is below it, aliases and merge keys followed. NULL when full. */
struct link_node *link_tree_copy(struct link_trees *t, struct document *doc,
                                 const struct setting *s);
/* Gives the map NODE what BASE has and NODE lacks, map by map; lists and scalars of NODE
 * stand for those of BASE, and so does a map in which CUT ("" for none) is true. What BASE
 * alone has comes first. BASE is used up. */
void link_tree_under(struct link_node *node, struct link_node *base, struct str cut);
/* The child of NODE called KEY that counts; NULL when there is none. */
struct link_node *link_tree_child(const struct link_node *node, struct str key);
/* A root without settings, standing for S of DOC. NULL when full. */
struct link_node *link_tree_empty(struct link_trees *t, struct document *doc,
                                  const struct setting *s);
/* Puts NODE into MAP, in place of OLD when that is not NULL. */
void link_tree_put(struct link_node *map, struct link_node *old, struct link_node *node);
/* A new empty map KEY in MAP, in place of what is called so, written where LIKE is. */
struct link_node *link_tree_map(struct link_trees *t, struct link_node *map,
                                const struct link_node *like, struct str key);
/* Puts NODE at the dotted path KEY below ROOT, over what is there; a scalar in place of a map
 * that stands there is left out. */
void link_tree_put_path(struct link_trees *t, struct link_node *root, struct str key,
                        struct link_node *node);
/* Where NODE, or something below it, is written as PREFIX.a.b ("{{" and "}}" around it or
 * not), it becomes what BASE has at a.b; keys that start with PREFIX. go into BASE. */
void link_tree_refer(struct link_trees *t, struct link_node *node, struct link_node *base,
                     struct str prefix);
/* Appends NODE as a root of OUT; its settings have `original` and `home`. */
void link_tree_emit(struct arena *a, const struct link_node *node,
                    struct setting_tree *out);

#endif
