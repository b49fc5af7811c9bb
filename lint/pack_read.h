/* Reading a pack's YAML by tables of fields. Private to pack*.c. A reader of one kind of
 * field gets the setting and the slot to fill; what it does not accept is a finding, and
 * reading goes on, so that one run shows every mistake. */
#ifndef PACK_READ_H
#define PACK_READ_H

#include "front/front.h"
#include "pack.h"

/* Fills a PACK_LIST from a vector. */
#define PACK_PUT(list, vec) ((list).at = (vec).at, (list).len = (uint32_t)(vec).len)

struct rules_read VEC_BODY(struct rule);
struct frameworks_read VEC_BODY(struct framework);
struct profiles_read VEC_BODY(struct profile);
struct changes_read VEC_BODY(struct change);
struct unsafes_read VEC_BODY(struct unsafe_when);
struct methods_read VEC_BODY(struct method);
struct gpus_read VEC_BODY(struct gpu);
struct models_read VEC_BODY(struct model);
struct components_read VEC_BODY(struct component);
struct config_keys_read VEC_BODY(struct config_key);
struct config_types_read VEC_BODY(struct config_type);

struct pack_reader {
    struct arena *arena;
    struct findings *problems;
    bool failed;
    struct source *source;   /* of the file being read */
    struct str folder, stem; /* "core", "batch-over-limit" */
    /* May an expression of this file look NAME up? NULL: anything. */
    bool (*may_name)(const struct pack_reader *r, struct str name);
    struct rule *rule;             /* being read */
    const struct profile *profile; /* likewise */
    const struct binding *binding;
    struct str why; /* of the binding */
    struct rules_read rules;
    struct frameworks_read frameworks;
    struct profiles_read profiles;
    struct changes_read changes;
    struct unsafes_read batch_unsafe;
    struct methods_read methods;
    struct gpus_read gpus;
    struct models_read models;
    struct components_read components;
    struct config_keys_read config_keys;
    struct config_types_read config_types;
    struct str rows_source; /* a catalogue's, for rows that name none */
};

typedef void (*pack_read_fn)(struct pack_reader *r, const struct setting *s, void *slot);

struct pack_field {
    const char *key;
    bool required;
    size_t offset;     /* of the slot in the object */
    pack_read_fn read; /* NULL: read elsewhere */
};

struct pack_word {
    const char *word;
    unsigned value;
};

void pack_problem(struct pack_reader *r, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Where a problem with S is shown: its value, or its key when it has no value. */
struct span pack_span(const struct setting *s);

/* Fills OBJECT from the map S; unknown, repeated and missing keys are problems. */
void pack_read_map(struct pack_reader *r, const struct setting *s,
                   const struct pack_field *fields, size_t count, void *object);
/* Calls FN for each item of a list, or once for what is not a list. */
void pack_each(struct pack_reader *r, const struct setting *s, void *slot,
               void (*fn)(struct pack_reader *r, const struct setting *s, void *vec));

/* Readers; the slot's type stands behind each. */
void pack_read_text(struct pack_reader *r, const struct setting *s, void *slot);  /* str */
void pack_read_line(struct pack_reader *r, const struct setting *s, void *slot);  /* str */
void pack_read_texts(struct pack_reader *r, const struct setting *s, void *slot); /* list */
void pack_read_bool(struct pack_reader *r, const struct setting *s, void *slot);
void pack_read_int(struct pack_reader *r, const struct setting *s, void *slot); /* int */
void pack_read_u8(struct pack_reader *r, const struct setting *s, void *slot);
void pack_read_u16(struct pack_reader *r, const struct setting *s, void *slot);
void pack_read_u32(struct pack_reader *r, const struct setting *s, void *slot);
void pack_read_u64(struct pack_reader *r, const struct setting *s, void *slot);
void pack_read_double(struct pack_reader *r, const struct setting *s, void *slot);
void pack_read_expr(struct pack_reader *r, const struct setting *s, void *slot);
void pack_read_phrase(struct pack_reader *r, const struct setting *s, void *slot);
void pack_read_regex(struct pack_reader *r, const struct setting *s, void *slot); /* str */
void pack_read_fact(struct pack_reader *r, const struct setting *s, void *slot);  /* enum */
void pack_read_languages(struct pack_reader *r, const struct setting *s, void *slot);
void pack_read_habits(struct pack_reader *r, const struct setting *s, void *slot);
/* A map from facts to expressions, and "unsafe_when"; SLOT is a vector. */
struct targets_read VEC_BODY(struct fact_target);
void pack_read_targets(struct pack_reader *r, const struct setting *s, void *slot);
void pack_read_unsafe(struct pack_reader *r, const struct setting *s, void *slot);
bool pack_names_common(struct str name); /* may a rule for runs look NAME up? */
/* The text of a scalar; false with a problem when S is something else. */
bool pack_scalar(struct pack_reader *r, const struct setting *s, struct str *out);
/* As a value; a list becomes a list of values. "?" is VALUE_UNKNOWN. */
struct value pack_value(struct pack_reader *r, const struct setting *s);
/* The fact that S's key names; FACT_COUNT with a problem when there is none. */
enum fact_id pack_key_fact(struct pack_reader *r, const struct setting *s);
/* A value for FACT; false with a problem when it is none (unknown passes). */
bool pack_fact_value(struct pack_reader *r, const struct setting *s, enum fact_id fact,
                     struct value *out);
struct fact_values_read VEC_BODY(struct fact_value);
void pack_read_fact_values(struct pack_reader *r, const struct setting *s, void *slot);
/* The word's value, or -1 with a problem. */
int pack_word(struct pack_reader *r, const struct setting *s, const struct pack_word *words,
              size_t count);
bool pack_names_fact(struct str name); /* a fact, or the batch over all devices */
struct str pack_after(struct str name, const char *prefix); /* "" when it is not before */

/* One file each. */
void pack_read_rule(struct pack_reader *r, const struct setting *root);
void pack_read_framework(struct pack_reader *r, const struct setting *root);
void pack_read_profile(struct pack_reader *r, const struct setting *root);
void pack_read_catalog(struct pack_reader *r, const struct setting *root);
void pack_read_advice(struct pack_reader *r, const struct setting *root);
#define PACK_READ_MAP(r, s, fields, object)                                                \
    pack_read_map((r), (s), (fields), sizeof(fields) / sizeof *(fields), (object))

#endif
