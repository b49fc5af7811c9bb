/* What an expression is worth: folding of literals, builtins and constants. Nothing outside
 * lint/front/python*.c includes it. */
#ifndef PYTHON_VALUE_H
#define PYTHON_VALUE_H

#include "python.h"

struct constant {
    struct constant *next; /* in the bucket */
    struct str name;
    uint32_t scope;          /* the block of the function or class that binds it; 0: module */
    uint32_t bindings;       /* how often anything is bound to the name there */
    uint32_t first, last;    /* tokens of the value of a plain assignment */
    bool plain, busy, known; /* plain: it stands in no loop and no branch */
    struct value value;
    struct setting *setting; /* the assignment, once it is read */
};

/* What the names of a piece of code hold while it is walked; they hide the constants. */
struct local {
    struct str name; /* may be dotted */
    struct value value;
};

struct locals {
    struct local *at;
    size_t len;
};

struct use { /* a setting that is given by a constant's name alone */
    struct setting *setting;
    const struct constant *constant;
};

struct folded {
    struct value value;
    enum style style;
    const char *why; /* NULL when known */
};

/* The value of the expression [first, last). */
struct folded python_value(struct python *p, uint32_t first, uint32_t last);
/* A OP B as Python's OP ("*", "+=") works them out; unknown when it cannot be told. */
struct value python_operate(struct python *p, struct str op, struct value a,
                            struct value b);
/* Notes every binding of every name, so that constants can be told. */
void python_names(struct python *p);
/* What NAME is where p->scope stands; NULL when nothing in the file binds it. */
struct constant *python_name(const struct python *p, struct str name);
/* The block of the function or class that BLOCK belongs to; 0 for the module. */
uint32_t python_scope(const struct python *p, uint32_t block);
/* S is what NAME is given at FIRST, should it be a constant. */
void python_name_setting(struct python *p, struct str name, uint32_t first,
                         struct setting *s);
/* S holds the value [first, last): notes it when that is a constant's name. */
void python_name_use(struct python *p, struct setting *s, uint32_t first, uint32_t last);
/* Every setting that is given by a constant's name gets that constant as its target. */
void python_name_targets(struct python *p);
/* Decodes [first, last), all string tokens without format or bytes prefix. */
bool python_string(struct python *p, uint32_t first, uint32_t last, struct str *out);

/* VALUE, a string, as int, float, bool or another builtin would read it; unknown when it
 * would not, or when NAME is none of these. */
struct value python_convert(struct str name, struct value value);
/* The result of the builtin NAME for known arguments; unknown when it has none, or when
 * it might differ. */
struct value python_builtin(struct str name, const struct value *at, size_t count);
bool python_builtin_named(struct str name);
/* Is [first, last) a call of a builtin with a known result, such as int(1e6)? */
bool python_is_builtin(struct python *p, uint32_t first, uint32_t last);

#endif
