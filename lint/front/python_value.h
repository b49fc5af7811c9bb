/* What an expression is worth: folding of literals, builtins and constants. Nothing outside
 * lint/front/python*.c includes it. */
#ifndef PYTHON_VALUE_H
#define PYTHON_VALUE_H

#include "python.h"

struct folded {
    struct value value;
    enum style style;
    const char *why; /* NULL when known */
};

/* The value of the expression [first, last). */
struct folded python_value(struct python *p, uint32_t first, uint32_t last);
/* Notes every binding of every name, so that constants can be told. */
void python_constants(struct python *p);
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
