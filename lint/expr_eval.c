/* Running postfix code on a small stack. Every operation is total: what has no answer
 * (a missing fact, a wrong type, a division by zero, an overflow) is unknown, and unknown
 * travels outwards until something decides without it. */
#include "expr.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "expr_code.h"
#include "banned.h"

static const struct value UNKNOWN; /* VALUE_UNKNOWN is zero */

static bool is_bool(struct value v, bool wanted)
{
    return v.kind == VALUE_BOOL && v.as.boolean == wanted;
}

static struct value logic_and(struct value a, struct value b)
{
    if (is_bool(a, false) || is_bool(b, false))
        return VALUE_OF_BOOL(false);
    return is_bool(a, true) && is_bool(b, true) ? VALUE_OF_BOOL(true) : UNKNOWN;
}

static struct value logic_or(struct value a, struct value b)
{
    if (is_bool(a, true) || is_bool(b, true))
        return VALUE_OF_BOOL(true);
    return is_bool(a, false) && is_bool(b, false) ? VALUE_OF_BOOL(false) : UNKNOWN;
}

static struct value logic_not(struct value a)
{
    return a.kind == VALUE_BOOL ? VALUE_OF_BOOL(!a.as.boolean) : UNKNOWN;
}

static struct value negate(struct value a)
{
    if (a.kind == VALUE_INT && a.as.integer != INT64_MIN)
        return VALUE_OF_INT(-a.as.integer);
    return a.kind == VALUE_FLOAT ? VALUE_OF_FLOAT(-a.as.real) : UNKNOWN;
}

/* --- order --------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The run of digits at *AT, without leading zeros. */
static struct str digits(struct str s, size_t *at)
{
    size_t from = *at;
    while (*at < s.len && is_digit(s.at[*at]))
        (*at)++;
    while (from + 1 < *at && s.at[from] == '0')
        from++;
    return str_slice(s, from, *at);
}

/* Runs of digits compare as numbers, so that version 2.10 comes after 2.9. */
static int text_order(struct str a, struct str b)
{
    size_t i = 0, j = 0;
    while (i < a.len && j < b.len) {
        if (is_digit(a.at[i]) && is_digit(b.at[j])) {
            struct str x = digits(a, &i), y = digits(b, &j);
            if (x.len != y.len)
                return x.len < y.len ? -1 : 1;
            int order = str_compare(x, y);
            if (order)
                return order;
        } else if (a.at[i] != b.at[j]) {
            return (unsigned char)a.at[i] < (unsigned char)b.at[j] ? -1 : 1;
        } else {
            i++;
            j++;
        }
    }
    return (i < a.len) - (j < b.len);
}

static bool order(struct value a, struct value b, int *out)
{
    double x, y;
    if (a.kind == VALUE_STRING && b.kind == VALUE_STRING) {
        *out = text_order(a.as.string, b.as.string);
        return true;
    }
    if (a.kind == VALUE_INT && b.kind == VALUE_INT) {
        *out = (a.as.integer > b.as.integer) - (a.as.integer < b.as.integer);
        return true;
    }
    if (!value_number(a, &x) || !value_number(b, &y) || isnan(x) || isnan(y))
        return false;
    *out = (x > y) - (x < y);
    return true;
}

static struct value compare(enum expr_code code, struct value a, struct value b)
{
    int o;
    if (a.kind == VALUE_UNKNOWN || b.kind == VALUE_UNKNOWN)
        return UNKNOWN;
    if (code == CODE_EQ || code == CODE_NE)
        return VALUE_OF_BOOL(value_eq(a, b) == (code == CODE_EQ));
    if (!order(a, b, &o))
        return UNKNOWN;
    switch (code) {
    case CODE_LT:
        return VALUE_OF_BOOL(o < 0);
    case CODE_LE:
        return VALUE_OF_BOOL(o <= 0);
    case CODE_GT:
        return VALUE_OF_BOOL(o > 0);
    default:
        assert(code == CODE_GE);
        return VALUE_OF_BOOL(o >= 0);
    }
}

struct value expr_contains(struct value haystack, struct value needle)
{
    if (haystack.kind == VALUE_STRING && needle.kind == VALUE_STRING)
        return VALUE_OF_BOOL(str_find(haystack.as.string, needle.as.string, 0) != SIZE_MAX);
    if (haystack.kind != VALUE_LIST || needle.kind == VALUE_UNKNOWN)
        return UNKNOWN;
    bool unsure = false;
    for (size_t i = 0; i < haystack.as.list.len; i++) {
        if (value_eq(haystack.as.list.at[i], needle))
            return VALUE_OF_BOOL(true);
        unsure |= haystack.as.list.at[i].kind == VALUE_UNKNOWN;
    }
    return unsure ? UNKNOWN : VALUE_OF_BOOL(false);
}

/* --- arithmetic ---------------------------------------------------------- */

static struct value real(double x)
{
    return isfinite(x) ? VALUE_OF_FLOAT(x) : UNKNOWN;
}

static struct value floor_division(int64_t a, int64_t b, bool modulo)
{
    if (b == 0 || (a == INT64_MIN && b == -1))
        return UNKNOWN;
    int64_t quotient = a / b, rest = a % b;
    if (rest && (rest < 0) != (b < 0)) {
        quotient--;
        rest += b;
    }
    return VALUE_OF_INT(modulo ? rest : quotient);
}

static struct value integer_arithmetic(enum expr_code code, int64_t a, int64_t b)
{
    int64_t result;
    bool overflow;
    switch (code) {
    case CODE_ADD:
        overflow = __builtin_add_overflow(a, b, &result);
        break;
    case CODE_SUB:
        overflow = __builtin_sub_overflow(a, b, &result);
        break;
    case CODE_MUL:
        overflow = __builtin_mul_overflow(a, b, &result);
        break;
    case CODE_DIV:
        return b ? real((double)a / (double)b) : UNKNOWN;
    default:
        return floor_division(a, b, code == CODE_MOD);
    }
    return overflow ? UNKNOWN : VALUE_OF_INT(result);
}

static struct value real_arithmetic(enum expr_code code, double x, double y)
{
    switch (code) {
    case CODE_ADD:
        return real(x + y);
    case CODE_SUB:
        return real(x - y);
    case CODE_MUL:
        return real(x * y);
    case CODE_DIV:
        return y != 0 ? real(x / y) : UNKNOWN;
    case CODE_FLOORDIV:
        return y != 0 ? real(floor(x / y)) : UNKNOWN;
    default:
        return y != 0 ? real(x - y * floor(x / y)) : UNKNOWN;
    }
}

static bool is_scalar(struct value v)
{
    return v.kind != VALUE_UNKNOWN && v.kind != VALUE_LIST && v.kind != VALUE_NULL;
}

static void print(struct buf *b, struct value v);

static struct value joined(struct arena *a, struct value x, struct value y)
{
    struct buf b = buf_new(a);
    print(&b, x);
    print(&b, y);
    return VALUE_OF_STR(buf_str(&b));
}

static struct value arithmetic(struct arena *arena, enum expr_code code, struct value a,
                               struct value b)
{
    double x, y;
    if (a.kind == VALUE_INT && b.kind == VALUE_INT)
        return integer_arithmetic(code, a.as.integer, b.as.integer);
    if (value_number(a, &x) && value_number(b, &y))
        return real_arithmetic(code, x, y);
    bool text = a.kind == VALUE_STRING || b.kind == VALUE_STRING;
    if (code == CODE_ADD && text && is_scalar(a) && is_scalar(b))
        return joined(arena, a, b);
    return UNKNOWN;
}

/* --- the machine --------------------------------------------------------- */

static struct value binary(struct arena *arena, enum expr_code code, struct value a,
                           struct value b)
{
    switch (code) {
    case CODE_AND:
        return logic_and(a, b);
    case CODE_OR:
        return logic_or(a, b);
    case CODE_IN:
        return expr_contains(b, a);
    case CODE_EQ:
    case CODE_NE:
    case CODE_LT:
    case CODE_LE:
    case CODE_GT:
    case CODE_GE:
        return compare(code, a, b);
    default:
        return arithmetic(arena, code, a, b);
    }
}

static struct value make_list(struct arena *arena, const struct value *from, size_t count)
{
    struct value list = {.kind = VALUE_LIST};
    struct value *items = arena_alloc_array(arena, count ? count : 1, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = from[i];
    list.as.list.at = items;
    list.as.list.len = count;
    return list;
}

static struct value ask(const struct expr_scope *scope, const struct expr_op *op)
{
    if (!scope || !scope->ask)
        return UNKNOWN;
    return scope->ask(scope->context, (enum expr_question)op->function,
                      op->constant.as.string);
}

static unsigned operands(const struct expr_op *op)
{
    switch (op->code) {
    case CODE_PUSH:
    case CODE_ASK:
        return 0;
    case CODE_LIST:
    case CODE_CALL:
        return op->count;
    case CODE_NOT:
    case CODE_NEGATE:
    case CODE_AND_THEN:
    case CODE_OR_ELSE:
        return 1;
    default:
        return 2;
    }
}

static struct value step(struct arena *a, const struct expr_op *op,
                         const struct value *operand, const struct expr_scope *scope)
{
    switch (op->code) {
    case CODE_PUSH:
        return op->constant;
    case CODE_ASK:
        return ask(scope, op);
    case CODE_LIST:
        return make_list(a, operand, op->count);
    case CODE_CALL:
        return expr_call(a, (enum expr_function)op->function, operand, op->count);
    case CODE_NOT:
        return logic_not(operand[0]);
    case CODE_NEGATE:
        return negate(operand[0]);
    case CODE_AND_THEN:
    case CODE_OR_ELSE:
        return operand[0];
    default:
        return binary(a, (enum expr_code)op->code, operand[0], operand[1]);
    }
}

/* How many operations the value V makes needless. */
static unsigned needless(const struct expr_op *op, struct value v)
{
    if (op->code != CODE_AND_THEN && op->code != CODE_OR_ELSE)
        return 0;
    return is_bool(v, op->code == CODE_OR_ELSE) ? op->function : 0;
}

struct value expr_eval(struct arena *a, const struct expr *e,
                       const struct expr_scope *scope)
{
    struct value stack[EXPR_STACK + 1];
    size_t height = 0;
    for (uint32_t i = 0; i < e->len; i++) {
        unsigned takes = operands(&e->at[i]);
        assert(height >= takes && height - takes < EXPR_STACK);
        height -= takes;
        stack[height] = step(a, &e->at[i], &stack[height], scope);
        i += needless(&e->at[i], stack[height]);
        height++;
    }
    return height ? stack[height - 1] : UNKNOWN;
}

bool expr_holds(struct arena *a, const struct expr *e, const struct expr_scope *scope)
{
    return is_bool(expr_eval(a, e, scope), true);
}

/* --- text ---------------------------------------------------------------- */

/* Six digits: enough for what people write in configs, without the dust of binary
 * arithmetic; whole numbers in full. */
static void print_real(struct buf *b, double x)
{
    if (x == floor(x) && fabs(x) < 1e15)
        buf_printf(b, "%.0f", x);
    else
        buf_printf(b, "%.6g", x);
}

static void print(struct buf *b, struct value v)
{
    if (v.kind == VALUE_FLOAT) {
        print_real(b, v.as.real);
    } else if (v.kind == VALUE_LIST) {
        for (size_t i = 0; i < v.as.list.len; i++) {
            buf_cstr(b, i ? ", " : "");
            print(b, v.as.list.at[i]);
        }
    } else {
        value_print(b, v);
    }
}

struct str phrase_render(struct arena *a, const struct phrase *p,
                         const struct expr_scope *scope)
{
    struct buf b = buf_new(a);
    for (uint32_t i = 0; i < p->len; i++) {
        buf_add(&b, p->at[i].text);
        if (p->at[i].expr.len)
            print(&b, expr_eval(a, &p->at[i].expr, scope));
    }
    return arena_str(a, buf_str(&b));
}
