/* The expression language of `when:`, `set:`, limits and messages. Compiled to flat
 * postfix code that can live in a constant table. Knows no fact and no file:
 * names are looked up through a scope.
 *
 *   or and not   == != < <= > >=   in   not in   + - * / // %   unary -
 *   numbers, 'text' or "text", true false null, [lists], names with dots,
 *   calls: known(x) unknown(x) default(x) explicit(x) key(x) value(x)
 *          min(a, b) max(a, b) floor(x) ceil(x) round(x, digits) abs(x)
 *          floor_pow2(x) ceil_pow2(x) divides(a, b) contains(haystack, needle)
 *          matches(text, 'regex') starts(text, prefix) lower(text) len(x)
 *          only(x) (a list's one item; what is no list, itself)
 *          sub(text, 'regex', 'with $1') (first match replaced)
 *          gib(bytes) -> text "8.5 GiB"; count(x) -> text with thousands separators
 *          join(a, b, ...) -> their texts, one after the other
 *          plural(n, 'worker') -> "1 worker", "4 workers"
 *          if(condition, a, b) coalesce(a, b, ...) (first known)
 *          union(a, b) intersect(a, b) minus(a, b) for lists
 *
 * Unknown is not false: arithmetic and comparison with an unknown give unknown;
 * `and` is false when either side is, `or` true when either side is (Kleene); a rule
 * fires only on true. null is known; null == null; ordering with null is unknown.
 * Division by zero is unknown. Integers stay integers under + - * // %. */
#ifndef EXPR_H
#define EXPR_H

#include "err.h"
#include "value.h"

struct expr_op {
    uint8_t code;          /* enum expr_code, private to expr.c and the table writer */
    uint8_t count;         /* arguments of a call, elements of a list */
    uint16_t function;     /* of a call */
    struct value constant; /* of a push; the name of a lookup */
};

struct expr {
    const struct expr_op *at;
    uint32_t len; /* 0: no expression */
};

enum expr_question {
    EXPR_VALUE,  /* the value of a name */
    EXPR_ORIGIN, /* "explicit", "default", "inherited", "assumed" as a string, or unknown */
    EXPR_KEY,    /* the user's own key for a fact, as a string; the name itself if none */
    EXPR_TEXT,   /* the value as the user wrote it, as a string */
};

struct expr_scope {
    /* An unheard name gives VALUE_UNKNOWN; expr_check tells about it beforehand. */
    struct value (*ask)(const void *context, enum expr_question question, struct str name);
    const void *context;
};

/* Compiles TEXT into A. On failure *ERR tells what, and *OFFSET where in TEXT. */
bool expr_compile(struct arena *a, struct str text, struct expr *out, size_t *offset,
                  struct err *err);
/* Every name that the expression looks up, through FN; for checking a pack. */
void expr_names(const struct expr *e, void (*fn)(void *context, struct str name),
                void *context);
/* Results that need memory (lists, texts) live in A. */
struct value expr_eval(struct arena *a, const struct expr *e, const struct expr_scope *scope);
/* True only when it evaluates to true. */
bool expr_holds(struct arena *a, const struct expr *e, const struct expr_scope *scope);

/* "text {expression} text": {{ and }} are braces. */
struct piece {
    struct str text;
    struct expr expr; /* len 0: only text */
};

struct phrase {
    const struct piece *at;
    uint32_t len;
};

bool phrase_compile(struct arena *a, struct str text, struct phrase *out, size_t *offset,
                    struct err *err);
struct str phrase_render(struct arena *a, const struct phrase *p,
                         const struct expr_scope *scope);

#endif
