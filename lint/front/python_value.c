/* Folding: literals, arithmetic on them, and module constants that are bound once. The
 * grammar is Python's own for the operators that it knows; anything else makes the whole
 * expression unknown. Numbers stay within 64 bits, depth and list sizes are capped. */
#include "python_value.h"

#include <math.h>
#include <string.h>

#include "../banned.h"

enum { MAX_DEPTH = 64, MAX_LIST_DEPTH = 4, MAX_JOINS = 8 };

struct fold {
    struct python *p;
    uint32_t at, last;
    int depth, lists, joins;
    bool failed;
    bool names; /* a constant was followed */
    const char *why;
};

static struct value fail(struct fold *f, const char *why)
{
    if (!f->failed)
        f->why = why;
    f->failed = true;
    return VALUE_NOTHING;
}

/* --- numbers -------------------------------------------------------------- */

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'z' ? lower - 'a' + 10 : 99;
}

static bool radix_int(struct str s, int radix, int64_t *out)
{
    uint64_t n = 0;
    bool any = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '_')
            continue;
        int d = digit_of(s.at[i]);
        if (d >= radix || n > ((uint64_t)INT64_MAX - (uint64_t)d) / (uint64_t)radix)
            return false;
        n = n * (uint64_t)radix + (uint64_t)d;
        any = true;
    }
    *out = (int64_t)n;
    return any;
}

static int radix_of(struct str s)
{
    if (s.len < 2 || s.at[0] != '0')
        return 10;
    char c = (char)(s.at[1] | 0x20);
    return c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 10;
}

static bool float_of(struct str s, double *out)
{
    char digits[64];
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '_')
            continue;
        if (len + 1 >= sizeof digits)
            return false;
        digits[len++] = s.at[i];
    }
    return str_to_float((struct str){digits, len}, out) && isfinite(*out);
}

static struct value number(struct fold *f, struct str s)
{
    int64_t i;
    double d;
    int radix = radix_of(s);
    if (radix != 10)
        return radix_int(str_slice(s, 2, s.len), radix, &i)
                   ? VALUE_OF_INT(i)
                   : fail(f, "a number out of range");
    char end = (char)(s.at[s.len - 1] | 0x20);
    if (end == 'j' || end == 'l')
        return fail(f, end == 'j' ? "a complex number" : "an expression");
    bool is_float = false;
    for (size_t n = 0; n < s.len; n++)
        is_float = is_float || s.at[n] == '.' || (s.at[n] | 0x20) == 'e';
    if (is_float)
        return float_of(s, &d) ? VALUE_OF_FLOAT(d) : fail(f, "a number out of range");
    /* Python 2 reads 0777 as octal, Python 3 refuses it. */
    for (size_t n = 1; s.at[0] == '0' && n < s.len; n++)
        if (s.at[n] != '0' && s.at[n] != '_')
            return fail(f, "an expression");
    return radix_int(s, 10, &i) ? VALUE_OF_INT(i) : fail(f, "a number out of range");
}

static struct value add(struct fold *f, int64_t x, int64_t y)
{
    int64_t r;
    return __builtin_add_overflow(x, y, &r) ? fail(f, "a number out of range")
                                            : VALUE_OF_INT(r);
}

static struct value multiply(struct fold *f, int64_t x, int64_t y)
{
    int64_t r;
    return __builtin_mul_overflow(x, y, &r) ? fail(f, "a number out of range")
                                            : VALUE_OF_INT(r);
}

static struct value real(struct fold *f, double d)
{
    return isfinite(d) ? VALUE_OF_FLOAT(d) : fail(f, "a number out of range");
}

static struct value int_power(struct fold *f, int64_t base, int64_t exponent)
{
    if (exponent < 0)
        return base ? real(f, pow((double)base, (double)exponent))
                    : fail(f, "an expression");
    if (base == 0 || base == 1)
        return VALUE_OF_INT(exponent ? base : 1);
    if (exponent > 64)
        return fail(f, base == -1 ? "an expression" : "a number out of range");
    struct value r = VALUE_OF_INT(1);
    for (int64_t i = 0; i < exponent && !f->failed; i++)
        r = multiply(f, r.as.integer, base);
    return r;
}

static struct value int_shift(struct fold *f, int64_t x, int64_t by, bool left)
{
    if (by < 0 || x < 0)
        return fail(f, "an expression");
    if (!left)
        return VALUE_OF_INT(by > 62 ? 0 : x >> by);
    if (x && (by > 62 || x > INT64_MAX >> by))
        return fail(f, "a number out of range");
    return VALUE_OF_INT(x ? x << by : 0);
}

/* Python's // and %: towards minus infinity, the remainder has the divisor's sign. */
static struct value int_divide(struct fold *f, int64_t x, int64_t y, bool remainder)
{
    if (y == 0 || (x == INT64_MIN && y == -1))
        return fail(f, "an expression");
    int64_t q = x / y, r = x % y;
    if (r && (r < 0) != (y < 0)) {
        q--;
        r += y;
    }
    return VALUE_OF_INT(remainder ? r : q);
}

static struct value int_operation(struct fold *f, char op, int64_t x, int64_t y)
{
    switch (op) {
    case '+':
        return add(f, x, y);
    case '-':
        return y == INT64_MIN ? fail(f, "a number out of range") : add(f, x, -y);
    case '*':
        return multiply(f, x, y);
    case '/':
        return y ? real(f, (double)x / (double)y) : fail(f, "an expression");
    case '%':
    case OP_FLOOR:
        return int_divide(f, x, y, op == '%');
    case OP_POWER:
        return int_power(f, x, y);
    case OP_LEFT:
    case OP_RIGHT:
        return int_shift(f, x, y, op == OP_LEFT);
    default:
        return fail(f, "an expression");
    }
}

static struct value float_operation(struct fold *f, char op, double x, double y)
{
    switch (op) {
    case '+':
        return real(f, x + y);
    case '-':
        return real(f, x - y);
    case '*':
        return real(f, x * y);
    case '/':
        return y != 0 ? real(f, x / y) : fail(f, "an expression");
    case OP_FLOOR:
        return y != 0 ? real(f, floor(x / y)) : fail(f, "an expression");
    case OP_POWER:
        return x > 0 ? real(f, pow(x, y)) : fail(f, "an expression");
    default:
        return fail(f, "an expression");
    }
}

static struct value operation(struct fold *f, char op, struct value x, struct value y)
{
    double a, b;
    if (f->failed)
        return VALUE_NOTHING;
    if (x.kind == VALUE_INT && y.kind == VALUE_INT)
        return int_operation(f, op, x.as.integer, y.as.integer);
    if (value_number(x, &a) && value_number(y, &b))
        return float_operation(f, op, a, b);
    if (op == '+' && x.kind == VALUE_STRING && y.kind == VALUE_STRING &&
        f->joins++ < MAX_JOINS)
        return VALUE_OF_STR(arena_printf(f->p->arena, "%.*s%.*s", STR_ARG(x.as.string),
                                         STR_ARG(y.as.string)));
    return fail(f, "an expression");
}

/* --- strings -------------------------------------------------------------- */

static bool put_code_point(struct buf *b, uint32_t c)
{
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return false;
    if (c < 0x80) {
        buf_byte(b, (char)c);
        return true;
    }
    if (c >= 0x10000) {
        buf_byte(b, (char)(0xF0 | c >> 18));
        buf_byte(b, (char)(0x80 | (c >> 12 & 0x3F)));
    } else if (c >= 0x800) {
        buf_byte(b, (char)(0xE0 | c >> 12));
    }
    if (c >= 0x800)
        buf_byte(b, (char)(0x80 | (c >> 6 & 0x3F)));
    else
        buf_byte(b, (char)(0xC0 | c >> 6));
    buf_byte(b, (char)(0x80 | (c & 0x3F)));
    return true;
}

static bool digits_escape(struct buf *b, struct str s, size_t *i, int radix, size_t max,
                          bool exact)
{
    uint32_t c = 0;
    size_t n = 0;
    while (n < max && *i + n < s.len && digit_of(s.at[*i + n]) < radix)
        c = c * (uint32_t)radix + (uint32_t)digit_of(s.at[*i + n++]);
    *i += n;
    return (!exact || n == max) && put_code_point(b, c);
}

/* The escape whose letter stands at *I. */
static bool escape(struct buf *b, struct str s, size_t *i)
{
    static const char letters[] = "abfnrtv\\'\"", meant[] = "\a\b\f\n\r\t\v\\'\"";
    char c = s.at[*i];
    const char *hit = c ? strchr(letters, c) : NULL;
    if (c == '\n' || c == '\r') {
        *i += c == '\r' && *i + 1 < s.len && s.at[*i + 1] == '\n' ? 2 : 1;
        return true;
    }
    if (hit) {
        buf_byte(b, meant[hit - letters]);
        ++*i;
        return true;
    }
    if (c >= '0' && c <= '7')
        return digits_escape(b, s, i, 8, 3, false);
    if (c == 'x' || c == 'u' || c == 'U') {
        ++*i;
        return digits_escape(b, s, i, 16, c == 'x' ? 2 : c == 'u' ? 4 : 8, true);
    }
    buf_byte(b, '\\'); /* unknown escapes stay as they are */
    return c != 'N';
}

static bool decode(struct buf *b, struct str s, bool raw)
{
    for (size_t i = 0; i < s.len;) {
        if (s.at[i] == '\\' && !raw && i + 1 < s.len) {
            i++;
            if (!escape(b, s, &i))
                return false;
        } else if (s.at[i] == '\r') {
            buf_byte(b, '\n');
            i += i + 1 < s.len && s.at[i + 1] == '\n' ? 2 : 1;
        } else {
            buf_byte(b, s.at[i++]);
        }
    }
    return true;
}

static struct str content(const struct python *p, uint32_t token)
{
    const struct token *t = &p->tokens.at[token];
    uint32_t from = t->from, quotes = t->flags & STRING_TRIPLE ? 3 : 1;
    while (p->text.at[from] != '"' && p->text.at[from] != '\'')
        from++;
    from += quotes;
    uint32_t to = t->to >= from + quotes ? t->to - quotes : from;
    return str_slice(p->text, from, to);
}

bool python_string(struct python *p, uint32_t first, uint32_t last, struct str *out)
{
    struct buf b = buf_new(p->arena);
    for (uint32_t i = first; i < last; i++) {
        const struct token *t = &p->tokens.at[i];
        if (t->kind != TOKEN_STRING || t->flags & (STRING_FORMAT | STRING_BYTES))
            return false;
        struct str s = content(p, i);
        bool plain = first + 1 == last && str_find_byte(s, '\r', 0) == SIZE_MAX &&
                     (t->flags & STRING_RAW || str_find_byte(s, '\\', 0) == SIZE_MAX);
        if (plain) {
            *out = s;
            return true;
        }
        if (!decode(&b, s, t->flags & STRING_RAW))
            return false;
    }
    *out = buf_str(&b);
    return last > first;
}

static struct value strings(struct fold *f)
{
    uint32_t from = f->at;
    unsigned flags = 0;
    while (f->at < f->last && f->p->tokens.at[f->at].kind == TOKEN_STRING)
        flags |= f->p->tokens.at[f->at++].flags;
    struct str s;
    if (flags & STRING_FORMAT)
        return fail(f, "an f-string");
    if (flags & STRING_BYTES)
        return fail(f, "bytes");
    if (!python_string(f->p, from, f->at, &s))
        return fail(f, "a string that cannot be decoded");
    return VALUE_OF_STR(s);
}

/* --- constants ------------------------------------------------------------ */

static struct value expression(struct fold *f);
static struct value arithmetic(struct fold *f, int least);

static struct value constant_value(struct fold *f, struct constant *c)
{
    struct python *p = f->p;
    uint32_t scope = p->scope;
    struct fold inner = {
        .p = p, .at = c->first, .last = c->last, .depth = f->depth + 1, .lists = f->lists};
    p->scope = c->scope;
    struct value v = expression(&inner);
    p->scope = scope;
    return inner.failed || inner.at != c->last ? VALUE_NOTHING : v;
}

static bool is_local(struct fold *f, struct str name, struct value *out)
{
    const struct locals *l = f->p->locals;
    for (size_t i = l ? l->len : 0; i-- > 0;)
        if (str_eq(l->at[i].name, name)) {
            *out = l->at[i].value;
            f->names = true;
            return true;
        }
    return false;
}

/* self.width, where constructors are walked. */
static bool dotted_local(struct fold *f, struct value *out)
{
    uint32_t end = f->at + 1;
    while (end + 1 < f->last && python_is_op(f->p, end, '.') &&
           f->p->tokens.at[end + 1].kind == TOKEN_NAME)
        end += 2;
    struct span span = {f->p->tokens.at[f->at].from, f->p->tokens.at[end - 1].to};
    if (!f->p->locals || end == f->at + 1 ||
        !is_local(f, str_slice(f->p->text, span.from, span.to), out))
        return false;
    f->at = end - 1;
    if (out->kind == VALUE_UNKNOWN)
        fail(f, "a variable");
    return true;
}

static struct value follow(struct fold *f, uint32_t token)
{
    struct value local;
    if (f->p->locals && is_local(f, python_text(f->p, token), &local))
        return local.kind == VALUE_UNKNOWN ? fail(f, "a variable") : local;
    struct constant *c = python_name(f->p, python_text(f->p, token));
    if (!c || !c->plain || c->bindings != 1 || c->busy)
        return fail(f, "a variable");
    f->names = true;
    if (!c->known) {
        c->busy = c->known = true;
        c->value = constant_value(f, c);
        c->busy = false;
    }
    return c->value.kind == VALUE_UNKNOWN ? fail(f, "a variable") : c->value;
}

/* --- the grammar ---------------------------------------------------------- */

/* [a, b] or (a, b), the opening bracket at f->at. ALONE: one item in parentheses is the
 * item itself. */
static struct value sequence(struct fold *f)
{
    struct {
        struct value *at;
        size_t len, cap;
    } items = {0};
    uint32_t close = f->p->tokens.at[f->at].match, open = f->at++;
    bool comma = python_is_op(f->p, open, '[') || open + 1 == close;
    if (close <= open || close >= f->last || f->lists >= MAX_LIST_DEPTH)
        return fail(f, "an expression");
    uint32_t outer = f->last;
    f->last = close;
    f->lists++;
    while (f->at < close && !f->failed) {
        vec_push(f->p->arena, &items, expression(f));
        if (f->at < close && python_is_op(f->p, f->at, ','))
            comma = ++f->at;
        else if (f->at < close)
            fail(f, "an expression");
    }
    f->lists--;
    f->last = outer;
    f->at = close + 1;
    if (f->failed)
        return VALUE_NOTHING;
    if (!comma)
        return items.at[0];
    return (struct value){VALUE_LIST, {.list = {items.at, items.len}}};
}

/* int(1e6), max(8, 4): the call at f->at, whose name is nobody's own. */
static struct value builtin(struct fold *f)
{
    enum { ARGUMENTS = 8 };
    struct value args[ARGUMENTS];
    size_t count = 0;
    struct str name = python_text(f->p, f->at);
    uint32_t open = f->at + 1, close = f->p->tokens.at[open].match, outer = f->last;
    if (close <= open || close >= outer || python_name(f->p, name) ||
        f->lists >= MAX_LIST_DEPTH)
        return fail(f, "a call");
    f->last = close;
    f->lists++;
    for (f->at = open + 1; f->at < close && !f->failed; f->at++) {
        if (count == ARGUMENTS)
            return fail(f, "a call");
        args[count++] = expression(f);
        if (f->at < close && !python_is_op(f->p, f->at, ','))
            fail(f, "a call");
    }
    f->lists--;
    f->last = outer;
    f->at = close + 1;
    struct value v = f->failed ? VALUE_NOTHING : python_builtin(name, args, count);
    return v.kind == VALUE_UNKNOWN ? fail(f, "a call") : v;
}

bool python_is_builtin(struct python *p, uint32_t first, uint32_t last)
{
    return first + 3 < last && python_is_op(p, first + 1, '(') &&
           p->tokens.at[first + 1].match == last - 1 &&
           python_builtin_named(python_text(p, first)) && !python_value(p, first, last).why;
}

/* LIST[index], the opening bracket at f->at. */
static struct value item(struct fold *f, struct value list)
{
    uint32_t close = f->p->tokens.at[f->at].match, outer = f->last;
    if (close <= f->at || close >= outer || f->lists >= MAX_LIST_DEPTH)
        return fail(f, "an expression");
    f->last = close;
    f->lists++;
    f->at++;
    struct value index = expression(f);
    bool whole = f->at == close;
    f->lists--;
    f->last = outer;
    f->at = close + 1;
    if (f->failed || !whole || index.kind != VALUE_INT)
        return fail(f, "an expression");
    int64_t len = (int64_t)list.as.list.len, i = index.as.integer;
    i += i < 0 ? len : 0;
    return i >= 0 && i < len ? list.as.list.at[i] : fail(f, "an expression");
}

static struct value primary(struct fold *f)
{
    const struct token *t = f->at < f->last ? &f->p->tokens.at[f->at] : NULL;
    if (!t || ++f->depth > MAX_DEPTH)
        return fail(f, "an expression");
    struct value v = VALUE_NOTHING;
    if (t->kind == TOKEN_STRING)
        v = strings(f);
    else if (t->kind == TOKEN_NUMBER)
        v = number(f, python_text(f->p, f->at++));
    else if (python_is_op(f->p, f->at, '(') || python_is_op(f->p, f->at, '['))
        v = sequence(f);
    else if (t->kind != TOKEN_NAME)
        fail(f, "an expression");
    else if (python_is_op(f->p, f->at + 1, '(') && f->at + 1 < f->last &&
             python_builtin_named(python_text(f->p, f->at)))
        return builtin(f);
    else if (python_is_name(f->p, f->at, "None"))
        v = (struct value){.kind = VALUE_NULL};
    else if (python_is_name(f->p, f->at, "True") || python_is_name(f->p, f->at, "False"))
        v = VALUE_OF_BOOL(t->to - t->from == 4);
    else if (!dotted_local(f, &v))
        v = follow(f, f->at);
    if (t->kind == TOKEN_NAME)
        f->at++;
    while (!f->failed && v.kind == VALUE_LIST && f->at < f->last &&
           python_is_op(f->p, f->at, '['))
        v = item(f, v);
    f->depth--;
    return v;
}

static struct value unary(struct fold *f)
{
    bool minus = python_is_op(f->p, f->at, '-');
    if (f->at < f->last && (minus || python_is_op(f->p, f->at, '+'))) {
        f->at++;
        if (++f->depth > MAX_DEPTH)
            return fail(f, "an expression");
        struct value v = unary(f);
        f->depth--;
        if (f->failed || (v.kind != VALUE_INT && v.kind != VALUE_FLOAT))
            return fail(f, "an expression");
        if (!minus)
            return v;
        return v.kind == VALUE_INT ? int_operation(f, '-', 0, v.as.integer)
                                   : VALUE_OF_FLOAT(-v.as.real);
    }
    struct value base = primary(f);
    if (f->failed || f->at >= f->last || !python_is_op(f->p, f->at, OP_POWER))
        return base;
    f->at++;
    if (++f->depth > MAX_DEPTH)
        return fail(f, "an expression");
    struct value exponent = unary(f);
    f->depth--;
    return operation(f, OP_POWER, base, exponent);
}

static int strength(const struct fold *f)
{
    if (f->at >= f->last || f->p->tokens.at[f->at].kind != TOKEN_OP)
        return 0;
    switch (f->p->tokens.at[f->at].op) {
    case OP_LEFT:
    case OP_RIGHT:
        return 1;
    case '+':
    case '-':
        return 2;
    case '*':
    case '/':
    case '%':
    case OP_FLOOR:
        return 3;
    default:
        return 0;
    }
}

static bool is_comparison(const struct fold *f)
{
    return f->at < f->last &&
           (python_is_op(f->p, f->at, OP_COMPARE) || python_is_op(f->p, f->at, '<') ||
            python_is_op(f->p, f->at, '>'));
}

static bool compares(struct str op, double a, double b)
{
    bool strict = op.len == 1;
    if (op.at[0] == '<')
        return strict ? a < b : a <= b;
    if (op.at[0] == '>')
        return strict ? a > b : a >= b;
    return (a == b) == (op.at[0] == '=');
}

/* LEFT < right and its kin, for numbers, and equality of texts; no chains. */
static struct value comparison(struct fold *f, struct value left)
{
    double a, b;
    if (f->failed || !is_comparison(f))
        return left;
    struct str op = python_text(f->p, f->at++);
    struct value right = arithmetic(f, 0);
    bool texts = left.kind == VALUE_STRING && right.kind == VALUE_STRING &&
                 (op.at[0] == '=' || op.at[0] == '!');
    if (f->failed || is_comparison(f) || str_eq(op, STR("<>")))
        return fail(f, "an expression");
    if (texts)
        return VALUE_OF_BOOL(value_eq(left, right) == (op.at[0] == '='));
    if (!value_number(left, &a) || !value_number(right, &b))
        return fail(f, "an expression");
    return VALUE_OF_BOOL(compares(op, a, b));
}

/* LEFT if condition else other, behind LEFT: decided where the condition is known. */
static struct value conditional(struct fold *f, struct value left)
{
    bool known;
    if (f->failed || f->at >= f->last || !python_is_name(f->p, f->at, "if"))
        return left;
    f->at++;
    if (++f->depth > MAX_DEPTH)
        return fail(f, "an expression");
    struct value test = expression(f);
    known = test.kind == VALUE_BOOL || test.kind == VALUE_INT;
    if (f->failed || !known || f->at >= f->last || !python_is_name(f->p, f->at, "else"))
        return fail(f, "a conditional expression");
    f->at++;
    struct value other = expression(f);
    f->depth--;
    bool yes = test.kind == VALUE_BOOL ? test.as.boolean : test.as.integer != 0;
    return f->failed ? VALUE_NOTHING : yes ? left : other;
}

static struct value arithmetic(struct fold *f, int least)
{
    struct value left = unary(f);
    for (int s = strength(f); !f->failed && s > least; s = strength(f)) {
        char op = f->p->tokens.at[f->at++].op;
        struct value right = arithmetic(f, s);
        left = operation(f, op, left, right);
    }
    return left;
}

static struct value expression(struct fold *f)
{
    return conditional(f, comparison(f, arithmetic(f, 0)));
}

struct value python_operate(struct python *p, struct str op, struct value a, struct value b)
{
    struct fold f = {.p = p};
    char which = op.len > 1 && op.at[1] == op.at[0] ? (char)(op.at[0] == '*'   ? OP_POWER
                                                             : op.at[0] == '/' ? OP_FLOOR
                                                             : op.at[0] == '<' ? OP_LEFT
                                                                               : OP_RIGHT)
                                                    : op.at[0];
    struct value v = operation(&f, which, a, b);
    return f.failed ? VALUE_NOTHING : v;
}

/* --- the whole ------------------------------------------------------------ */

static const char *describe(const struct python *p, uint32_t first, uint32_t last,
                            const char *why)
{
    bool dotted = true, call = false;
    for (uint32_t i = first; i < last; i = python_step(p, i, last))
        if (python_is_name(p, i, "if"))
            return "a conditional expression";
    for (uint32_t i = first; i < last && dotted; i++) {
        const struct token *t = &p->tokens.at[i];
        call = dotted && python_is_op(p, i, '(') && t->match == last - 1 && i > first;
        dotted = (i - first) % 2
                     ? python_is_op(p, i, '.')
                     : t->kind == TOKEN_NAME && !python_is_keyword(python_text(p, i));
    }
    return call                        ? "a call"
           : dotted                    ? "a variable"
           : strcmp(why, "a variable") ? why
                                       : "an expression";
}

static enum style style_of(const struct python *p, const struct fold *f, uint32_t first,
                           uint32_t last, struct value v)
{
    if (f->names || f->failed)
        return STYLE_CODE;
    if (v.kind == VALUE_LIST)
        return STYLE_FLOW;
    bool sign = python_is_op(p, first, '-') || python_is_op(p, first, '+');
    if (last - first > (sign ? 2 : 1))
        return STYLE_CODE;
    if (v.kind != VALUE_STRING)
        return STYLE_PLAIN;
    return p->text.at[p->tokens.at[last - 1].to - 1] == '"' ? STYLE_DOUBLE : STYLE_SINGLE;
}

struct folded python_value(struct python *p, uint32_t first, uint32_t last)
{
    struct fold f = {.p = p, .at = first, .last = last};
    struct value v = expression(&f);
    if (!f.failed && f.at != last)
        fail(&f, "an expression");
    struct folded out = {.value = v, .style = style_of(p, &f, first, last, v)};
    if (f.failed) {
        out.value = VALUE_NOTHING;
        out.why = describe(p, first, last, f.why);
    }
    return out;
}
