/* Canonical facts: one name, one type, one unit each. Knows no file, no framework. */
#ifndef FACT_H
#define FACT_H

#include "value.h"

enum fact_id {
#define FACT(name, type, unit, meaning) FACT_##name,
#include "fact.def"
#undef FACT
    FACT_COUNT
};

enum fact_type {
    FACT_TYPE_INT,
    FACT_TYPE_FLOAT,
    FACT_TYPE_BOOL,
    FACT_TYPE_STRING,
    FACT_TYPE_ENUM,
    FACT_TYPE_LIST,
};

struct fact_info {
    struct str name;
    enum fact_type type;
    struct str unit, meaning;
};

const struct fact_info *fact_info(enum fact_id id);
/* FACT_COUNT when NAME is no fact. */
enum fact_id fact_parse(struct str name);
/* The allowed words of an enum fact, NULL-terminated; NULL for other types. */
const char *const *fact_words(enum fact_id id);
/* Is V of the fact's type (ints pass as floats, a word of the enum)? */
bool fact_accepts(enum fact_id id, struct value v);

#endif
