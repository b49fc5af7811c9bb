/* What Python's own functions make of known values: int("8"), max(2, 4), round(1.5). A
 * result that could differ from the interpreter's is none. */
#include "python_value.h"

#include <math.h>

#include "../banned.h"

enum builtin { NONE, INT, FLOAT, BOOL, STRING, ABS, MIN, MAX, ROUND, LEN, POW };

static enum builtin named(struct str name)
{
    static const struct {
        struct str name;
        enum builtin which;
    } names[] = {
        {STR_INIT("int"), INT},    {STR_INIT("float"), FLOAT}, {STR_INIT("bool"), BOOL},
        {STR_INIT("str"), STRING}, {STR_INIT("abs"), ABS},     {STR_INIT("min"), MIN},
        {STR_INIT("max"), MAX},    {STR_INIT("round"), ROUND}, {STR_INIT("len"), LEN},
        {STR_INIT("pow"), POW},
    };
    for (size_t i = 0; name.len >= 3 && name.len <= 5 && i < sizeof names / sizeof *names;
         i++)
        if (str_eq(name, names[i].name))
            return names[i].which;
    return NONE;
}

bool python_builtin_named(struct str name)
{
    return named(name) != NONE;
}

static struct value whole(double d)
{
    return d > -9e18 && d < 9e18 ? VALUE_OF_INT((int64_t)d) : VALUE_NOTHING;
}

/* Digits with a sign, as int() takes them; underscores are left to the interpreter. */
static struct value int_of_text(struct str s)
{
    s = str_trim(s);
    bool minus = s.len && s.at[0] == '-';
    int64_t n = 0;
    size_t i = s.len && (minus || s.at[0] == '+') ? 1 : 0;
    if (i == s.len || s.len - i > 18)
        return VALUE_NOTHING;
    for (; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return VALUE_NOTHING;
        n = n * 10 + (s.at[i] - '0');
    }
    return VALUE_OF_INT(minus ? -n : n);
}

static struct value to_int(struct value v)
{
    if (v.kind == VALUE_BOOL)
        return VALUE_OF_INT(v.as.boolean);
    if (v.kind == VALUE_FLOAT)
        return whole(trunc(v.as.real));
    if (v.kind == VALUE_STRING)
        return int_of_text(v.as.string);
    return v.kind == VALUE_INT ? v : VALUE_NOTHING;
}

static struct value to_float(struct value v)
{
    double d;
    if (v.kind == VALUE_STRING)
        return str_to_float(str_trim(v.as.string), &d) && isfinite(d) ? VALUE_OF_FLOAT(d)
                                                                      : VALUE_NOTHING;
    return value_number(v, &d) ? VALUE_OF_FLOAT(d) : VALUE_NOTHING;
}

static struct value to_bool(struct value v)
{
    switch (v.kind) {
    case VALUE_BOOL:
        return v;
    case VALUE_INT:
        return VALUE_OF_BOOL(v.as.integer != 0);
    case VALUE_STRING: /* bool("False") is true: a known trap, and what the program gets */
        return VALUE_OF_BOOL(v.as.string.len > 0);
    default:
        return VALUE_NOTHING;
    }
}

static struct value magnitude(struct value v)
{
    if (v.kind == VALUE_INT && v.as.integer > INT64_MIN)
        return VALUE_OF_INT(v.as.integer < 0 ? -v.as.integer : v.as.integer);
    return v.kind == VALUE_FLOAT ? VALUE_OF_FLOAT(fabs(v.as.real)) : VALUE_NOTHING;
}

/* The first of those that are as small (or, LARGEST, as large) as any. */
static struct value extreme(const struct value *at, size_t count, bool largest)
{
    double best, d;
    struct value hit = count ? at[0] : VALUE_NOTHING;
    if (!value_number(hit, &best))
        return VALUE_NOTHING;
    for (size_t i = 1; i < count; i++) {
        if (!value_number(at[i], &d))
            return VALUE_NOTHING;
        if (largest ? d > best : d < best) {
            best = d;
            hit = at[i];
        }
    }
    return hit;
}

static struct value power(struct value x, struct value y)
{
    if (x.kind != VALUE_INT || y.kind != VALUE_INT || y.as.integer < 0)
        return VALUE_NOTHING;
    double d = pow((double)x.as.integer, (double)y.as.integer);
    return fabs(d) < 9e15 ? VALUE_OF_INT((int64_t)d) : VALUE_NOTHING;
}

struct value python_builtin(struct str name, const struct value *at, size_t count)
{
    enum builtin which = named(name);
    bool many = which == MIN || which == MAX;
    if (many && count == 1 && at[0].kind == VALUE_LIST)
        return extreme(at[0].as.list.at, at[0].as.list.len, which == MAX);
    if (many)
        return count > 1 ? extreme(at, count, which == MAX) : VALUE_NOTHING;
    if (which == POW)
        return count == 2 ? power(at[0], at[1]) : VALUE_NOTHING;
    if (count != 1)
        return VALUE_NOTHING;
    switch (which) {
    case INT:
        return to_int(at[0]);
    case FLOAT:
        return to_float(at[0]);
    case BOOL:
        return to_bool(at[0]);
    case STRING:
        return at[0].kind == VALUE_STRING ? at[0] : VALUE_NOTHING;
    case ABS:
        return magnitude(at[0]);
    case ROUND:
        return at[0].kind == VALUE_FLOAT ? whole(nearbyint(at[0].as.real)) : to_int(at[0]);
    case LEN:
        return at[0].kind == VALUE_LIST ? VALUE_OF_INT((int64_t)at[0].as.list.len)
                                        : VALUE_NOTHING;
    default:
        return VALUE_NOTHING;
    }
}

/* eval("True"), ast.literal_eval("8"): numbers and the three words. */
static struct value literal(struct value v)
{
    struct str s = str_trim(v.as.string);
    if (str_eq(s, STR("True")) || str_eq(s, STR("False")))
        return VALUE_OF_BOOL(s.len == 4);
    if (str_eq(s, STR("None")))
        return (struct value){.kind = VALUE_NULL};
    struct value n = int_of_text(s);
    bool octal = s.len > 1 && s.at[0] == '0' && n.kind == VALUE_INT;
    return n.kind == VALUE_UNKNOWN ? to_float(v) : octal ? VALUE_NOTHING : n;
}

struct value python_convert(struct str name, struct value value)
{
    if (str_eq(name, STR("eval")) || str_eq(name, STR("literal_eval")))
        return literal(value);
    return named(name) == INT || named(name) == FLOAT || named(name) == BOOL
               ? python_builtin(name, &value, 1)
               : VALUE_NOTHING;
}
