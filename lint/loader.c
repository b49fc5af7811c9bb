/* Scalar resolution, one small recogniser per pattern of each loader. Hand-written because
 * the patterns are short and fixed and this runs for every scalar of every file. What a
 * loader refuses outright (PyYAML and a lone "=") is unknown, like what it would only find
 * out by running something. */
#include "loader.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "banned.h"

static const char *const NAMES[] = {"pyyaml", "omegaconf", "yaml-1.2", "json", "python",
                                     "shell", "toml"};

const char *loader_name(enum loader l)
{
    assert((size_t)l < sizeof NAMES / sizeof *NAMES);
    return NAMES[l];
}

bool loader_parse(struct str name, enum loader *out)
{
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (!str_eq(name, str_from(NAMES[i])))
            continue;
        *out = (enum loader)i;
        return true;
    }
    return false;
}

/* --- a cursor over the text ---------------------------------------------- */

struct cursor {
    struct str s;
    size_t at;
};

static bool done(const struct cursor *c)
{
    return c->at == c->s.len;
}

static bool take(struct cursor *c, const char *set)
{
    if (done(c) || !c->s.at[c->at] || !strchr(set, c->s.at[c->at]))
        return false;
    c->at++;
    return true;
}

static size_t take_all(struct cursor *c, const char *set)
{
    size_t from = c->at;
    while (take(c, set))
        ;
    return c->at - from;
}

#define DIGITS "0123456789"
#define DIGITS_ "0123456789_"
#define HEX_ "0123456789abcdefABCDEF_"

static bool one_of(struct str s, const char *words)
{
    for (const char *w = words; *w; w += strlen(w) + 1)
        if (str_eq(s, str_from(w)))
            return true;
    return false;
}

/* --- numbers ------------------------------------------------------------- */

enum sexagesimal { SIXTY_NO, SIXTY_INT, SIXTY_FLOAT };

static struct value unknown(const char **why, const char *reason)
{
    if (why)
        *why = reason;
    return VALUE_NOTHING;
}

/* Digits of BASE with underscores anywhere; unknown when there are none or too many. */
static struct value integer(struct str digits, unsigned base, bool negative,
                            const char **why)
{
    uint64_t value = 0, limit = (uint64_t)INT64_MAX + negative;
    bool any = false;
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.at[i];
        if (c == '_')
            continue;
        unsigned d = c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 32) - 'a') + 10;
        if (value > (limit - d) / base)
            return unknown(why, "an integer too large for 64 bits");
        value = value * base + d;
        any = true;
    }
    if (!any)
        return unknown(why, "a number without digits");
    return VALUE_OF_INT(negative ? (int64_t)(0 - value) : (int64_t)value);
}

static struct value real(struct str s, const char **why)
{
    double value;
    if (!str_to_float(s, &value))
        return unknown(why, "a number that cannot be read");
    return VALUE_OF_FLOAT(value);
}

/* 1:30 and 1:30.5: groups of sixty, the first free, the others below sixty. */
static enum sexagesimal sexagesimal(struct str s, double *out)
{
    struct cursor c = {s, 0};
    bool negative = s.len && s.at[0] == '-', first = true, zero;
    take(&c, "+-");
    zero = c.at < s.len && s.at[c.at] == '0';
    double value = 0;
    size_t groups = 0;
    for (;; groups++) {
        size_t from = c.at, n = take_all(&c, first ? DIGITS_ : DIGITS);
        if (!n || s.at[from] == '_' || (!first && (n > 2 || (n == 2 && s.at[from] > '5'))))
            return SIXTY_NO;
        double part = 0;
        for (size_t i = from; i < c.at; i++)
            if (s.at[i] != '_')
                part = part * 10 + (s.at[i] - '0');
        value = value * 60 + part;
        first = false;
        if (!take(&c, ":"))
            break;
    }
    *out = negative ? -value : value;
    if (!groups || (done(&c) && zero))
        return SIXTY_NO;
    if (done(&c))
        return SIXTY_INT;
    size_t dot = c.at;
    if (!take(&c, ".") || (take_all(&c, DIGITS_), !done(&c)))
        return SIXTY_NO;
    double fraction = 0;
    str_to_float(str_slice(s, dot, s.len), &fraction);
    *out = negative ? -(value + fraction) : value + fraction;
    return SIXTY_FLOAT;
}

/* -- YAML 1.1 as PyYAML has it */

static bool is_int_11(struct str s, unsigned *base, size_t *from)
{
    struct cursor c = {s, 0};
    take(&c, "+-");
    *from = c.at;
    *base = 10;
    struct str rest = str_slice(s, c.at, s.len);
    if (str_starts(rest, STR("0b")) || str_starts(rest, STR("0x"))) {
        *base = rest.at[1] == 'b' ? 2 : 16;
        *from = c.at += 2;
        return take_all(&c, *base == 2 ? "01_" : HEX_) && done(&c);
    }
    if (take(&c, "0")) {
        take_all(&c, "01234567_");
        *base = 8;
        return done(&c);
    }
    return take(&c, "123456789") && (take_all(&c, DIGITS_), done(&c));
}

/* PyYAML's own pattern wants a dot and a signed exponent; OmegaConf adds patterns that
 * want neither. */
static bool is_float_11(struct str s, bool omegaconf)
{
    struct cursor c = {s, 0};
    bool sign = take(&c, "+-");
    if (take(&c, ".")) {
        if (sign || !(omegaconf ? take(&c, DIGITS_) : take(&c, DIGITS)))
            return false;
        take_all(&c, DIGITS_);
        if (done(&c))
            return true;
        return take(&c, "eE") && take(&c, "+-") && take_all(&c, DIGITS) && done(&c);
    }
    if (!take(&c, DIGITS))
        return false;
    take_all(&c, DIGITS_);
    bool dot = take(&c, ".");
    if (dot)
        take_all(&c, DIGITS_);
    if (done(&c))
        return dot;
    if ((!dot && !omegaconf) || !take(&c, "eE"))
        return false;
    bool signed_exponent = take(&c, "+-");
    return (signed_exponent || omegaconf) && take_all(&c, DIGITS) && done(&c);
}

static bool special_float(struct str s, struct value *out)
{
    bool negative = s.len && s.at[0] == '-';
    bool sign = s.len && (negative || s.at[0] == '+');
    if (one_of(str_slice(s, sign, s.len), ".inf\0.Inf\0.INF\0"))
        *out = VALUE_OF_FLOAT(negative ? -INFINITY : INFINITY);
    else if (one_of(s, ".nan\0.NaN\0.NAN\0"))
        *out = VALUE_OF_FLOAT(NAN);
    else
        return false;
    return true;
}

static struct value read_11(bool omegaconf, struct str s, const char **why)
{
    struct value special;
    double sixty;
    unsigned base;
    size_t from;
    if (one_of(s, "~\0null\0Null\0NULL\0") || !s.len)
        return (struct value){VALUE_NULL, {0}};
    if (one_of(s, "yes\0Yes\0YES\0true\0True\0TRUE\0on\0On\0ON\0"))
        return VALUE_OF_BOOL(true);
    if (one_of(s, "no\0No\0NO\0false\0False\0FALSE\0off\0Off\0OFF\0"))
        return VALUE_OF_BOOL(false);
    if (one_of(s, "=\0<<\0"))
        return unknown(why, "a text that PyYAML refuses as a value");
    if (special_float(s, &special))
        return special;
    if (is_float_11(s, omegaconf))
        return real(s, why);
    if (is_int_11(s, &base, &from))
        return integer(str_slice(s, from, s.len), base, s.at[0] == '-', why);
    switch (sexagesimal(s, &sixty)) {
    case SIXTY_INT:
        if (fabs(sixty) >= 9007199254740992.0)
            return unknown(why, "an integer too large to be read exactly");
        return VALUE_OF_INT((int64_t)sixty);
    case SIXTY_FLOAT:
        return VALUE_OF_FLOAT(sixty);
    default:
        return VALUE_OF_STR(s);
    }
}

/* -- the others */

static bool is_decimal_float(struct str s, bool lone_point, bool plus)
{
    struct cursor c = {s, 0};
    take(&c, plus ? "+-" : "-");
    size_t before = take_all(&c, DIGITS), after = 0;
    bool dot = take(&c, ".");
    if (dot)
        after = take_all(&c, DIGITS);
    if (!(before + after) || (!lone_point && (!before || (dot && !after))))
        return false;
    if (take(&c, "eE")) {
        take(&c, "+-");
        if (!take_all(&c, DIGITS))
            return false;
    }
    return done(&c);
}

static bool all_digits(struct str s, size_t from, const char *set)
{
    struct cursor c = {s, from};
    return take_all(&c, set) && done(&c);
}

static struct value read_12(struct str s, const char **why)
{
    struct value special;
    bool sign = s.len && (s.at[0] == '-' || s.at[0] == '+');
    if (one_of(s, "~\0null\0Null\0NULL\0") || !s.len)
        return (struct value){VALUE_NULL, {0}};
    if (one_of(s, "true\0True\0TRUE\0false\0False\0FALSE\0"))
        return VALUE_OF_BOOL((s.at[0] | 32) == 't');
    if (special_float(s, &special))
        return special;
    if (all_digits(s, sign, DIGITS))
        return integer(str_slice(s, sign, s.len), 10, s.at[0] == '-', why);
    if (str_starts(s, STR("0o")) && all_digits(s, 2, "01234567"))
        return integer(str_slice(s, 2, s.len), 8, false, why);
    if (str_starts(s, STR("0x")) && all_digits(s, 2, "0123456789abcdefABCDEF"))
        return integer(str_slice(s, 2, s.len), 16, false, why);
    if (is_decimal_float(s, true, true))
        return real(s, why);
    return VALUE_OF_STR(s);
}

static struct value read_json(struct str s, const char **why)
{
    bool minus = s.len && s.at[0] == '-';
    if (one_of(s, "null\0"))
        return (struct value){VALUE_NULL, {0}};
    if (one_of(s, "true\0false\0"))
        return VALUE_OF_BOOL(s.at[0] == 't');
    if (one_of(s, "NaN\0"))
        return VALUE_OF_FLOAT(NAN);
    if (one_of(s, "Infinity\0-Infinity\0"))
        return VALUE_OF_FLOAT(minus ? -INFINITY : INFINITY);
    bool zero = s.len > minus + 1u && s.at[minus] == '0' && strchr(DIGITS, s.at[minus + 1]);
    if (!zero && all_digits(s, minus, DIGITS))
        return integer(str_slice(s, minus, s.len), 10, minus, why);
    if (!zero && is_decimal_float(s, false, false))
        return real(s, why);
    return VALUE_OF_STR(s);
}

static struct value read_python(struct str s, const char **why)
{
    bool sign = s.len && (s.at[0] == '-' || s.at[0] == '+');
    struct str rest = str_slice(s, sign, s.len);
    if (one_of(s, "None\0"))
        return (struct value){VALUE_NULL, {0}};
    if (one_of(s, "True\0False\0"))
        return VALUE_OF_BOOL(s.at[0] == 'T');
    if (rest.len > 2 && rest.at[0] == '0') {
        int kind = rest.at[1] | 32;
        const char *set = kind == 'x' ? HEX_ : kind == 'o' ? "01234567_" : "01_";
        unsigned base = kind == 'x' ? 16 : kind == 'o' ? 8 : 2;
        if (strchr("xob", kind) && all_digits(rest, 2, set))
            return integer(str_slice(rest, 2, rest.len), base, s.at[0] == '-', why);
    }
    int64_t whole;
    double number;
    if (str_to_int(s, &whole))
        return VALUE_OF_INT(whole);
    if (str_to_float(s, &number))
        return VALUE_OF_FLOAT(number);
    return VALUE_OF_STR(s);
}

/* --- texts that something else fills in ----------------------------------- */

static const char *opaque(struct str s)
{
    size_t open = str_find(s, STR("{{"), 0);
    if (str_find(s, STR("${"), 0) != SIZE_MAX)
        return "an interpolation";
    if (open != SIZE_MAX && str_find(s, STR("}}"), open) != SIZE_MAX)
        return "a template";
    if (str_starts(s, STR("{%")) || (str_starts(s, STR("%(")) && str_ends(s, STR(")s"))))
        return "a template";
    if (s.len > 1 && s.at[0] == '$' &&
        ((s.at[1] >= 'A' && s.at[1] <= 'Z') || s.at[1] == '_' || s.at[1] == '('))
        return "an environment variable";
    return str_eq(s, STR("???")) ? "a value to be given later" : NULL;
}

/* argparse and its kin convert what looks like the type that they expect; so a text that
 * looks like a number is one to them, quoted or not. */
static struct value read_argument(struct str text)
{
    int64_t integer;
    double number;
    if (str_to_int(text, &integer))
        return VALUE_OF_INT(integer);
    if (str_to_float(text, &number))
        return VALUE_OF_FLOAT(number);
    if (str_eq_nocase(text, STR("true")) || str_eq_nocase(text, STR("false")))
        return VALUE_OF_BOOL(text.len == 4);
    return VALUE_OF_STR(text);
}

struct value loader_read(enum loader l, struct str text, const char **why)
{
    const char *reason = l == LOADER_JSON || l == LOADER_PYTHON || l == LOADER_SHELL ? NULL : opaque(text);
    if (reason)
        return unknown(why, reason);
    switch (l) {
    case LOADER_PYYAML:
    case LOADER_OMEGACONF:
        return read_11(l == LOADER_OMEGACONF, text, why);
    case LOADER_YAML12:
        return read_12(text, why);
    case LOADER_JSON:
        return read_json(text, why);
    case LOADER_SHELL:
        return read_argument(text);
    case LOADER_TOML:
    case LOADER_PYTHON:
        break;
    }
    return read_python(text, why);
}

/* --- tags ---------------------------------------------------------------- */

static struct value tagged_float(enum loader l, struct str text, const char **why)
{
    struct value special, v;
    double number;
    if (special_float(text, &special))
        return special;
    if (str_to_float(text, &number))
        return VALUE_OF_FLOAT(number);
    v = loader_read(l, text, why);
    if (value_number(v, &number))
        return VALUE_OF_FLOAT(number);
    return unknown(why, "a tag that does not fit the text");
}

static struct value tagged(enum loader l, const struct setting *s, const char **why)
{
    const char *reason = opaque(s->text);
    if (reason)
        return unknown(why, reason);
    if (one_of(s->tag, "!!str\0!\0"))
        return VALUE_OF_STR(s->text);
    if (one_of(s->tag, "!!null\0"))
        return (struct value){VALUE_NULL, {0}};
    if (one_of(s->tag, "!!float\0"))
        return tagged_float(l, s->text, why);
    struct value v = loader_read(l, s->text, why);
    if (one_of(s->tag, "!!int\0"))
        return v.kind == VALUE_INT ? v : unknown(why, "a tag that does not fit the text");
    if (one_of(s->tag, "!!bool\0"))
        return v.kind == VALUE_BOOL ? v : unknown(why, "a tag that does not fit the text");
    return unknown(why, "a custom tag");
}

/* --- trees --------------------------------------------------------------- */

static struct value scalar(enum loader l, const struct setting *s, const char **why)
{
    if (l != LOADER_JSON && s->flags & SETTING_TAGGED)
        return tagged(l, s, why);
    switch (s->style) {
    case STYLE_NONE:
    case STYLE_PLAIN:
        return loader_read(l, s->text, why);
    case STYLE_SINGLE:
    case STYLE_DOUBLE:
        *why = l == LOADER_JSON ? NULL : opaque(s->text);
        return *why ? VALUE_NOTHING : VALUE_OF_STR(s->text);
    default:
        /* A block of text is prose or code: its ${} and {{}} are its own. */
        return VALUE_OF_STR(s->text);
    }
}

static struct value list(struct arena *a, const struct setting *s)
{
    size_t count = 0, i = 0;
    for (const struct setting *c = s->first; c; c = c->next)
        count++;
    struct value *at = arena_alloc_array(a, count ? count : 1, sizeof *at);
    for (const struct setting *c = s->first; c; c = c->next)
        at[i++] = c->value;
    return (struct value){VALUE_LIST, {.list = {at, count}}};
}

void loader_apply(enum loader l, struct arena *a, struct setting_tree *tree)
{
    if (l == LOADER_PYTHON || l == LOADER_SHELL || l == LOADER_TOML)
        return;
    /* Backwards, so that the items of a list are read before the list. */
    for (size_t i = tree->all.len; i-- > 0;) {
        struct setting *s = tree->all.at[i];
        if (s->flags & SETTING_LOADED)
            continue;
        s->why = NULL;
        s->value = VALUE_NOTHING;
        if (s->kind == SETTING_SCALAR)
            s->value = scalar(l, s, &s->why);
        else if (s->kind == SETTING_LIST && !s->target)
            s->value = s->flags & SETTING_TAGGED && !str_eq(s->tag, STR("!!seq"))
                           ? unknown(&s->why, "a custom tag")
                           : list(a, s);
    }
    for (size_t i = 0; i < tree->all.len; i++)
        if (tree->all.at[i]->target && tree->all.at[i]->kind == SETTING_LIST)
            tree->all.at[i]->value = tree->all.at[i]->target->value;
}
