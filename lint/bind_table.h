/* Private to bind*.c and link*.c: how a setting finds its bindings, how a value becomes a fact, and
 * how facts become runs. */
#ifndef BIND_TABLE_H
#define BIND_TABLE_H

#include "bind.h"

struct bind_hits VEC_BODY(const struct binding *);

/* --- bind_match.c: keys ---------------------------------------------------- */

/* A framework's bindings by the last word of their keys. Lives in the arena. */
struct bind_index;
struct bind_index *bind_match_index(struct arena *a, const struct framework *f);
const struct framework *bind_match_framework(const struct bind_index *index);

/* Appends the bindings that decide for S: the most specific whose key, container and
 * condition hold. True when something matched, even if it is a trap and gives none. */
bool bind_match_find(struct arena *a, const struct bind_index *index,
                     const struct setting *s, struct bind_hits *out);
/* Does S stand where PATTERN (exact, "**.key" or "/regex/") says? */
bool bind_match_key(struct str pattern, const struct setting *s);
bool bind_match_inside(const struct binding *b, const struct setting *s);
bool bind_match_when(struct arena *a, const struct binding *b, const struct setting *s);

/* The last part of a dotted name. */
struct str bind_match_last(struct str dotted);
/* LAST without leading dashes, "-" as "_", and in lower case when it is all capitals:
 * the word that a flag, a constant and a field of one meaning share. */
struct str bind_match_word(struct arena *a, struct str last);
/* Is LAST, written as a flag, a constant or plainly, the word WORD? */
bool bind_match_is_word(struct str last, struct str word);
bool bind_match_is_anywhere(struct str pattern); /* "**.key" */
bool bind_match_is_regex(struct str pattern);

/* --- bind_value.c: values -------------------------------------------------- */

/* What B says of the value of S as fact ID. False when it gives no fact; a fact that
 * cannot be known is VALUE_UNKNOWN with *WHY. */
bool bind_value_read(struct arena *a, const struct pack *pack, const struct binding *b,
                     enum fact_id id, const struct setting *s, struct value *out,
                     struct str *why);
/* The literal value of S: scalars as loaded, lists of scalars as lists. */
struct value bind_value_of(struct arena *a, const struct setting *s, struct str *why);
/* Is "expandable_segments" said in the allocator configuration TEXT, and what? */
bool bind_value_segments(struct str text, bool *out);
/* Asks settings by path, from S outwards: the nearest map that has the path answers. */
struct value bind_value_ask(const void *setting, enum expr_question question,
                            struct str name);

/* --- bind_scope.c: where a setting stands ---------------------------------- */

/* Does S belong to validation or test? */
bool bind_scope_eval(const struct document *doc, const struct setting *s);
/* May a table that holds for any Python program read S as FACT? */
bool bind_scope_generic(const struct document *doc, const struct binding *b,
                        const struct setting *s, enum fact_id fact);
/* Does S, by what it stands in, say FACT of something else: offloading, preprocessing, a
 * copy of the config? */
bool bind_scope_foreign(const struct document *doc, const struct setting *s,
                        enum fact_id fact);
/* Does FACT describe the shape of a network or of its input? */
bool bind_scope_is_shape(enum fact_id fact);
/* In Python call sites outweigh definitions, those signatures. */
enum { BIND_PLACE_SIGNATURE, BIND_PLACE_DEFINITION, BIND_PLACE_CALL };
unsigned bind_scope_weight(const struct setting *s);
/* Is NAME that of a section ("train", "DataConfig") rather than of a preset? */
bool bind_scope_section(struct str name);
/* Configuration-like callee: Config, Arguments, dict, ... */
bool bind_scope_config_call(struct str name);
/* The innermost function or class that holds S; "" in the module's body. */
struct str bind_scope_block(const struct document *doc, const struct setting *s);

/* --- bind_branch.c: the ways of an if -------------------------------------- */

/* Does S stand where a training run on a GPU never comes? */
bool bind_branch_left(const struct document *doc, const struct setting *s);
/* Is S, or a call around it, made in one way of a conditional expression only? */
bool bind_branch_either(const struct setting *s);
/* Where a fact that decides stands in a branch: decides again, and makes it unknown where
 * the branches do not agree. */
void bind_branch_settle(struct run *run);

/* --- bind_refer.c: references ------------------------------------------------ */

/* Gives settings that stand for another setting's value (${a.b}) that value, and `referred`;
 * those with a default of their own (${oc.env:A,8}) the default. TREE has its values. */
void bind_refer(enum loader loader, struct setting_tree *tree);

/* --- bind_train.c: what is no training ------------------------------------- */

enum bind_train {
    BIND_TRAIN_NOT,  /* tests, inference: no run */
    BIND_TRAIN_OPEN, /* nothing shows it: only what says by its place what it is for counts
                      */
    BIND_TRAIN_SHOWN,
};
enum bind_train bind_train_shown(struct arena *a, const struct document *doc);
/* Does COMMAND of a script train, by its name and its first word? */
bool bind_train_command(const struct setting *command);
/* Does B count at S where nothing shows that the program trains: DataLoader(num_workers=4)
 * and its like do, a bare num_workers only in a config. */
bool bind_train_counts(const struct binding *b, const struct setting *s);

/* --- bind_recognise.c ------------------------------------------------------ */

/* The framework of one command of a script, whose settings end before END; or NULL. */
const struct framework *bind_recognise_command(const struct pack *pack,
                                               struct document *doc,
                                               const struct setting *command, size_t end);

/* --- bind_run.c: runs ------------------------------------------------------ */

/* Splits FACTS (of the document root ROOT, in file order) into runs, chooses the
 * deciding facts, and adds those JOINED (may be NULL), defaults and derived facts. */
void bind_run_gather(struct arena *a, const struct framework *f, struct document *doc,
                     const struct setting *root, const struct facts *facts,
                     const struct facts *joined, struct runs *out);

#endif
