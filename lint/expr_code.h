/* What the compiler of expressions and their evaluator share. Private to expr*.c and
 * the table writer. */
#ifndef EXPR_CODE_H
#define EXPR_CODE_H

#include "expr.h"

enum {
    EXPR_MAX_DEPTH = 64, /* nesting of the text */
    EXPR_STACK = 256,    /* values at once */
    EXPR_MAX_OPS = 4096,
};

enum expr_code {
    CODE_PUSH, /* the constant */
    CODE_ASK,  /* the constant's name; `function` is an enum expr_question */
    CODE_LIST, /* of `count` values */
    CODE_CALL,
    CODE_AND,
    CODE_OR,
    CODE_NOT,
    CODE_NEGATE,
    CODE_EQ,
    CODE_NE,
    CODE_LT,
    CODE_LE,
    CODE_GT,
    CODE_GE,
    CODE_IN,
    CODE_ADD,
    CODE_SUB,
    CODE_MUL,
    CODE_DIV,
    CODE_FLOORDIV,
    CODE_MOD,
    CODE_AND_THEN, /* before the right side of `and`: skips `function` ops when false */
    CODE_OR_ELSE,  /* the same of `or`, when true */
};

enum expr_arity {
    ARITY_NAME = 0xff, /* exactly one bare name */
    ARITY_MANY = 0xfe, /* as `most`: no upper bound */
};

/* FUNCTION(name, least, most) */
#define EXPR_FUNCTIONS(FUNCTION)                                                           \
    FUNCTION(known, 1, 1)                                                                  \
    FUNCTION(unknown, 1, 1)                                                                \
    FUNCTION(default, ARITY_NAME, 1)                                                       \
    FUNCTION(explicit, ARITY_NAME, 1)                                                      \
    FUNCTION(key, ARITY_NAME, 1)                                                           \
    FUNCTION(value, ARITY_NAME, 1)                                                         \
    FUNCTION(min, 1, ARITY_MANY)                                                           \
    FUNCTION(max, 1, ARITY_MANY)                                                           \
    FUNCTION(floor, 1, 1)                                                                  \
    FUNCTION(ceil, 1, 1)                                                                   \
    FUNCTION(round, 1, 2)                                                                  \
    FUNCTION(abs, 1, 1)                                                                    \
    FUNCTION(floor_pow2, 1, 1)                                                             \
    FUNCTION(ceil_pow2, 1, 1)                                                              \
    FUNCTION(divides, 2, 2)                                                                \
    FUNCTION(contains, 2, 2)                                                               \
    FUNCTION(matches, 2, 2)                                                                \
    FUNCTION(starts, 2, 2)                                                                 \
    FUNCTION(lower, 1, 1)                                                                  \
    FUNCTION(len, 1, 1)                                                                    \
    FUNCTION(only, 1, 1)                                                                   \
    FUNCTION(sub, 3, 3)                                                                    \
    FUNCTION(gib, 1, 1)                                                                    \
    FUNCTION(count, 1, 1)                                                                  \
    FUNCTION(join, 1, ARITY_MANY)                                                          \
    FUNCTION(plural, 2, 2)                                                                 \
    FUNCTION(if, 3, 3)                                                                     \
    FUNCTION(coalesce, 1, ARITY_MANY)                                                      \
    FUNCTION(union, 2, 2)                                                                  \
    FUNCTION(intersect, 2, 2)                                                              \
    FUNCTION(minus, 2, 2)

enum expr_function {
#define FUNCTION(name, least, most) CALL_##name,
    EXPR_FUNCTIONS(FUNCTION)
#undef FUNCTION
        CALL_COUNT
};

/* One call with its COUNT arguments at ARG; defined in expr_call.c. */
struct value expr_call(struct arena *a, enum expr_function function,
                       const struct value *arg, size_t count);
/* Is NEEDLE in HAYSTACK (a list, or a text in a text)? Bool or unknown. */
struct value expr_contains(struct value haystack, struct value needle);

#endif
