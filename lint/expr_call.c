/* The functions of the expression language. An unknown argument makes the result unknown
 * except where a function exists to look at that (known, unknown, if, coalesce). */
#include "expr_code.h"

#include <assert.h>
#include <math.h>

#include "match.h"
#include "vec.h"
#include "banned.h"

static const struct value UNKNOWN; /* VALUE_UNKNOWN is zero */

/* Doubles from here on do not fit an int64_t. */
static const double INT_LIMIT = 9223372036854774784.0;

static struct value whole(double x)
{
    return fabs(x) <= INT_LIMIT ? VALUE_OF_INT((int64_t)x) : UNKNOWN;
}

static struct value text(struct str s)
{
    return VALUE_OF_STR(s);
}

static struct value extreme(const struct value *arg, size_t count, bool largest)
{
    size_t best = 0;
    double x, best_x;
    if (!value_number(arg[0], &best_x))
        return UNKNOWN;
    for (size_t i = 1; i < count; i++) {
        if (!value_number(arg[i], &x))
            return UNKNOWN;
        if (largest ? x > best_x : x < best_x) {
            best = i;
            best_x = x;
        }
    }
    return arg[best];
}

static struct value rounded(const struct value *arg, size_t count)
{
    double x;
    int64_t places = count > 1 && arg[1].kind == VALUE_INT ? arg[1].as.integer : 0;
    if (!value_number(arg[0], &x) || (count > 1 && arg[1].kind != VALUE_INT) ||
        places < 0 || places > 15)
        return UNKNOWN;
    if (arg[0].kind == VALUE_INT)
        return arg[0];
    if (!places)
        return whole(round(x));
    double scale = pow(10, (double)places), result = round(x * scale) / scale;
    return isfinite(result) ? VALUE_OF_FLOAT(result) : UNKNOWN;
}

static struct value absolute(struct value v)
{
    if (v.kind == VALUE_INT && v.as.integer != INT64_MIN)
        return VALUE_OF_INT(v.as.integer < 0 ? -v.as.integer : v.as.integer);
    return v.kind == VALUE_FLOAT ? VALUE_OF_FLOAT(fabs(v.as.real)) : UNKNOWN;
}

static struct value step_to_integer(struct value v, double (*step)(double))
{
    if (v.kind == VALUE_INT)
        return v;
    return v.kind == VALUE_FLOAT ? whole(step(v.as.real)) : UNKNOWN;
}

static struct value power_of_two(struct value v, bool up)
{
    double x;
    if (!value_number(v, &x) || !(x > 0) || (!up && x < 1) || x > 4611686018427387904.0)
        return UNKNOWN;
    int64_t power = 1;
    while ((double)power * 2 <= x)
        power *= 2;
    if (up && (double)power < x)
        power *= 2;
    return VALUE_OF_INT(power);
}

static struct value divides(struct value a, struct value b)
{
    double x, y;
    if (!value_number(a, &x) || !value_number(b, &y) || x == 0)
        return UNKNOWN;
    return VALUE_OF_BOOL(fmod(y, x) == 0);
}

/* --- text ---------------------------------------------------------------- */

static struct value matches(struct value subject, struct value regex)
{
    struct match m;
    if (subject.kind != VALUE_STRING || regex.kind != VALUE_STRING)
        return UNKNOWN;
    const struct pattern *p = match_pattern(regex.as.string, NULL);
    return p ? VALUE_OF_BOOL(match_find(p, subject.as.string, 0, &m)) : UNKNOWN;
}

static void add_with_groups(struct buf *b, struct str with, struct str subject,
                            const struct match *m)
{
    for (size_t i = 0; i < with.len; i++) {
        bool group = with.at[i] == '$' && i + 1 < with.len && with.at[i + 1] >= '0' &&
                     with.at[i + 1] <= '9';
        if (!group) {
            buf_byte(b, with.at[i]);
            continue;
        }
        int n = with.at[++i] - '0';
        if (m->group[n].from != UINT32_MAX)
            buf_add(b, str_slice(subject, m->group[n].from, m->group[n].to));
    }
}

static struct value substitute(struct arena *a, const struct value *arg)
{
    struct match m;
    if (arg[0].kind != VALUE_STRING || arg[1].kind != VALUE_STRING ||
        arg[2].kind != VALUE_STRING)
        return UNKNOWN;
    const struct pattern *p = match_pattern(arg[1].as.string, NULL);
    struct str subject = arg[0].as.string;
    if (!p)
        return UNKNOWN;
    if (!match_find(p, subject, 0, &m))
        return arg[0];
    struct buf b = buf_new(a);
    buf_add(&b, str_slice(subject, 0, m.group[0].from));
    add_with_groups(&b, arg[2].as.string, subject, &m);
    buf_add(&b, str_slice(subject, m.group[0].to, subject.len));
    return text(arena_str(a, buf_str(&b)));
}

static struct value starts(struct value s, struct value prefix)
{
    if (s.kind != VALUE_STRING || prefix.kind != VALUE_STRING)
        return UNKNOWN;
    return VALUE_OF_BOOL(str_starts(s.as.string, prefix.as.string));
}

static struct value lower(struct arena *a, struct value v)
{
    if (v.kind != VALUE_STRING)
        return UNKNOWN;
    struct buf b = buf_new(a);
    for (size_t i = 0; i < v.as.string.len; i++) {
        char c = v.as.string.at[i];
        buf_byte(&b, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
    }
    return text(arena_str(a, buf_str(&b)));
}

static struct value only(struct value v)
{
    if (v.kind != VALUE_LIST)
        return v;
    return v.as.list.len == 1 ? v.as.list.at[0] : UNKNOWN;
}

static struct value length(struct value v)
{
    if (v.kind == VALUE_LIST)
        return VALUE_OF_INT((int64_t)v.as.list.len);
    return v.kind == VALUE_STRING ? VALUE_OF_INT((int64_t)v.as.string.len) : UNKNOWN;
}

static struct value gib(struct arena *a, struct value v)
{
    double bytes;
    if (!value_number(v, &bytes) || !isfinite(bytes))
        return UNKNOWN;
    return text(arena_printf(a, "%.1f GiB", bytes / (1024.0 * 1024.0 * 1024.0)));
}

static struct value grouped(struct arena *a, struct value v)
{
    v = step_to_integer(v, round);
    if (v.kind != VALUE_INT)
        return UNKNOWN;
    struct str digits = arena_printf(a, "%lld", (long long)v.as.integer);
    struct buf b = buf_new(a);
    size_t first = digits.at[0] == '-';
    for (size_t i = 0; i < digits.len; i++) {
        if (i > first && (digits.len - i) % 3 == 0)
            buf_byte(&b, ',');
        buf_byte(&b, digits.at[i]);
    }
    return text(arena_str(a, buf_str(&b)));
}

static void add_plural(struct buf *b, struct str word)
{
    bool consonant_y = word.len > 1 && str_ends(word, STR("y")) &&
                       str_find_byte(STR("aeiou"), word.at[word.len - 2], 0) == SIZE_MAX;
    bool hissing = str_ends(word, STR("s")) || str_ends(word, STR("x")) ||
                   str_ends(word, STR("ch")) || str_ends(word, STR("sh"));
    buf_add(b, consonant_y ? str_slice(word, 0, word.len - 1) : word);
    buf_cstr(b, consonant_y ? "ies" : hissing ? "es" : "s");
}

static struct value plural(struct arena *a, struct value n, struct value word)
{
    double x;
    if (!value_number(n, &x) || word.kind != VALUE_STRING)
        return UNKNOWN;
    struct buf b = buf_new(a);
    value_print(&b, n);
    buf_byte(&b, ' ');
    if (x == 1)
        buf_add(&b, word.as.string);
    else
        add_plural(&b, word.as.string);
    return text(arena_str(a, buf_str(&b)));
}

/* --- lists --------------------------------------------------------------- */

struct values VEC_BODY(struct value);

static bool all_known(struct value list)
{
    for (size_t i = 0; i < list.as.list.len; i++)
        if (list.as.list.at[i].kind == VALUE_UNKNOWN)
            return false;
    return list.kind == VALUE_LIST;
}

/* Adds those of FROM that are (or are not) in OTHER, each once. */
static void add_members(struct arena *a, struct values *out, struct value from,
                        const struct value *other, bool present)
{
    for (size_t i = 0; i < from.as.list.len; i++) {
        struct value item = from.as.list.at[i];
        struct value so_far = {.kind = VALUE_LIST};
        so_far.as.list.at = out->at;
        so_far.as.list.len = out->len;
        if (other && expr_contains(*other, item).as.boolean != present)
            continue;
        if (!expr_contains(so_far, item).as.boolean)
            vec_push(a, out, item);
    }
}

static struct value combine(struct arena *a, enum expr_function f, const struct value *arg)
{
    struct values out = {0};
    if (arg[0].kind != VALUE_LIST || arg[1].kind != VALUE_LIST || !all_known(arg[0]) ||
        !all_known(arg[1]))
        return UNKNOWN;
    add_members(a, &out, arg[0], f == CALL_union ? NULL : &arg[1], f == CALL_intersect);
    if (f == CALL_union)
        add_members(a, &out, arg[1], NULL, false);
    struct value list = {.kind = VALUE_LIST};
    list.as.list.at = out.at;
    list.as.list.len = out.len;
    return list;
}

/* --- dispatch ------------------------------------------------------------ */

static struct value choose(const struct value *arg)
{
    if (arg[0].kind != VALUE_BOOL)
        return UNKNOWN;
    return arg[0].as.boolean ? arg[1] : arg[2];
}

static struct value first_known(const struct value *arg, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (arg[i].kind != VALUE_UNKNOWN)
            return arg[i];
    return UNKNOWN;
}

static struct value origin_is(struct value origin, struct str word)
{
    return VALUE_OF_BOOL(origin.kind == VALUE_STRING && str_eq(origin.as.string, word));
}

static struct value number_call(enum expr_function f, const struct value *arg, size_t count)
{
    switch (f) {
    case CALL_min:
    case CALL_max:
        return extreme(arg, count, f == CALL_max);
    case CALL_floor:
        return step_to_integer(arg[0], floor);
    case CALL_ceil:
        return step_to_integer(arg[0], ceil);
    case CALL_round:
        return rounded(arg, count);
    case CALL_abs:
        return absolute(arg[0]);
    case CALL_floor_pow2:
    case CALL_ceil_pow2:
        return power_of_two(arg[0], f == CALL_ceil_pow2);
    default:
        assert(f == CALL_divides);
        return divides(arg[0], arg[1]);
    }
}

static struct value joined(struct arena *a, const struct value *arg, size_t count)
{
    struct buf b = buf_new(a);
    for (size_t i = 0; i < count; i++)
        value_print(&b, arg[i]);
    return text(arena_str(a, buf_str(&b)));
}

static struct value text_call(struct arena *a, enum expr_function f,
                              const struct value *arg, size_t count)
{
    switch (f) {
    case CALL_contains:
        return expr_contains(arg[0], arg[1]);
    case CALL_matches:
        return matches(arg[0], arg[1]);
    case CALL_starts:
        return starts(arg[0], arg[1]);
    case CALL_lower:
        return lower(a, arg[0]);
    case CALL_len:
        return length(arg[0]);
    case CALL_only:
        return only(arg[0]);
    case CALL_sub:
        return substitute(a, arg);
    case CALL_gib:
        return gib(a, arg[0]);
    case CALL_count:
        return grouped(a, arg[0]);
    case CALL_join:
        return joined(a, arg, count);
    case CALL_plural:
        return plural(a, arg[0], arg[1]);
    default:
        return combine(a, f, arg);
    }
}

struct value expr_call(struct arena *a, enum expr_function f, const struct value *arg,
                       size_t count)
{
    switch (f) {
    case CALL_known:
    case CALL_unknown:
        return VALUE_OF_BOOL((arg[0].kind != VALUE_UNKNOWN) == (f == CALL_known));
    case CALL_default:
        return origin_is(arg[0], STR("default"));
    case CALL_explicit:
        return origin_is(arg[0], STR("explicit"));
    case CALL_if:
        return choose(arg);
    case CALL_coalesce:
        return first_known(arg, count);
    default:
        break;
    }
    for (size_t i = 0; i < count; i++)
        if (arg[i].kind == VALUE_UNKNOWN)
            return UNKNOWN;
    return f <= CALL_divides && f >= CALL_min ? number_call(f, arg, count)
                                              : text_call(a, f, arg, count);
}
