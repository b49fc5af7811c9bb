/* What the parts of linking share. Private to link*.c. */
#ifndef LINK_WORK_H
#define LINK_WORK_H

#include "link_file.h"
#include "link_tree.h"

/* A link as it is looked for: the last word of its key, without dashes. */
struct link_key {
    const struct link_spec *spec;
    const struct framework *owner;
    struct str word;
};

struct link_keys VEC_BODY(struct link_key);

struct linker {
    const struct link_context *c;
    struct unit *unit;
    struct arena *scratch;
    struct link_keys keys[LANGUAGE_COUNT]; /* those that hold in a language */
    struct link_trees trees;
    bool circular;
};

/* The link that S of a document in LANGUAGE is, of the kind HOW; NULL when it is none. With
 * OWN only by that table or a generic one. */
const struct link_key *link_key_of(const struct linker *l, enum language language,
                                   const struct setting *s, enum link_how how,
                                   const struct framework *own);
/* The file that NAME, a setting of DOC, names, read; NULL when there is none. FROM is how
 * DOC came in. TOLD: a file that is missing is a mistake of the user's. */
struct linked_file *link_open(struct linker *l, struct document *doc,
                              const struct link_spec *spec, const struct setting *name,
                              const struct link_step *from, bool told);
/* The file at PATH, named by NAME, a setting of DOC; NULL when it is not there. */
struct linked_file *link_open_path(struct linker *l, struct document *doc,
                                   const struct setting *name, const struct link_step *from,
                                   struct str path);
/* ROOT of DOC with all its bases; NULL when that is too much. FROM is how DOC came in. */
struct link_node *link_compose(struct linker *l, struct document *doc,
                               const struct setting *root, const struct link_step *from);
/* How DOC came into the unit; NULL for the unit's own. */
const struct link_step *link_chain(const struct unit *u, const struct document *doc);

/* Gives the settings of the unit and of its links the values that the loader of WHOLE, put
 * together from them, reads. */
void link_load(struct linker *l, struct document *whole);

/* --- link_hydra.c ------------------------------------------------------------- */

/* The list of defaults in ROOT, a root of DOC; NULL when there is none. */
const struct setting *link_hydra_defaults(const struct document *doc,
                                          const struct setting *root);
/* What Hydra composes from DOC, whose folder holds the groups, with the choices that COMMAND
 * (may be NULL) makes. */
struct link_node *link_hydra_compose(struct linker *l, struct document *doc,
                                     const struct link_step *from,
                                     const struct setting *command);

/* --- link_join.c -------------------------------------------------------------- */

/* Appends the facts of the files that settings of TREE (of DOC, or composed) name, and of
 * those that they name, as far as the table OWN (may be NULL) or a generic one says so. */
void link_join(struct linker *l, struct document *doc, const struct setting_tree *tree,
               const struct framework *own, struct facts *out);

/* The same for `accelerate launch --config_file` in the comments of DOC: how its author says
 * that it is started. */
void link_join_comments(struct linker *l, struct document *doc, struct facts *out);
bool link_join_in_comments(const struct document *doc);

/* --- link_launch.c ------------------------------------------------------------ */

/* Binds the commands of a script: each is a run of what its program reads and is told. */
void link_launch(struct linker *l);

#endif
