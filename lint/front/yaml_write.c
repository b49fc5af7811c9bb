/* Values as YAML text. PyYAML, OmegaConf and YAML 1.2 disagree on what a bare word means,
 * so a value is written bare only where all of them read the same thing back: 1e-5
 * becomes 1.0e-5, and a string that any of them takes for something else is quoted. */
#include "yaml.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../loader.h"
#include "../banned.h"

static bool has_any(struct str s, const char *set)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr(set, s.at[i]))
            return true;
    return false;
}

/* A code point that only an escape can carry; *WIDTH its bytes, *CODE its number. */
static bool must_escape(struct str s, size_t at, uint32_t *width, uint32_t *code)
{
    unsigned char c = (unsigned char)s.at[at];
    *width = yaml_width(s, (uint32_t)at);
    *code = c;
    if (*width > 1)
        *code = c & (0x7Fu >> *width);
    for (uint32_t i = 1; i < *width; i++)
        *code = *code << 6 | ((unsigned char)s.at[at + i] & 0x3F);
    return c < 0x20 || c == 0x7F || (*code >= 0x80 && *code < 0xA0) || *code == 0x2028 ||
           *code == 0x2029 || *code == 0xFEFF || *code == 0xFFFE || *code == 0xFFFF;
}

static bool needs_escape(struct str s)
{
    uint32_t width, code;
    for (size_t i = 0; i < s.len; i += width)
        if (must_escape(s, i, &width, &code))
            return true;
    return false;
}

/* PyYAML makes a date of it. */
static bool like_date(struct str s)
{
    for (size_t i = 0; i < 4; i++)
        if (i >= s.len || s.at[i] < '0' || s.at[i] > '9')
            return false;
    return s.len > 5 && s.at[4] == '-' && s.at[5] >= '0' && s.at[5] <= '9';
}

/* Do all loaders read the bare text S as a string? */
static bool reads_as_string(struct str s)
{
    static const enum loader all[] = {LOADER_PYYAML, LOADER_OMEGACONF, LOADER_YAML12};
    if (like_date(s) || str_eq_nocase(s, STR("y")) || str_eq_nocase(s, STR("n")))
        return false;
    if (str_find(s, STR("${"), 0) != SIZE_MAX)
        return true;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (loader_read(all[i], s, NULL).kind != VALUE_STRING)
            return false;
    return true;
}

static bool plain_syntax(struct str s, bool flow)
{
    if (!s.len || needs_escape(s) || s.len > 1000)
        return false;
    char first = s.at[0], last = s.at[s.len - 1];
    if (yaml_is_blank(first) || yaml_is_blank(last) || last == ':')
        return false;
    if (strchr("?:,[]{}#&*!|>'\"%@`=~<", first))
        return false;
    if (first == '-' && (s.len == 1 || yaml_is_blank(s.at[1]) || s.at[1] == '-'))
        return false;
    if (str_starts(s, STR("...")))
        return false;
    if (flow && has_any(s, ",[]{}:?#"))
        return false;
    return str_find(s, STR(": "), 0) == SIZE_MAX && str_find(s, STR(" #"), 0) == SIZE_MAX &&
           str_find(s, STR("\t#"), 0) == SIZE_MAX && str_find(s, STR(":\t"), 0) == SIZE_MAX;
}

static void write_double(struct buf *b, struct str s)
{
    uint32_t width, code;
    buf_byte(b, '"');
    for (size_t i = 0; i < s.len; i += width) {
        bool escape = must_escape(s, i, &width, &code);
        if (code == '"' || code == '\\')
            buf_printf(b, "\\%c", (char)code);
        else if (code == '\n' || code == '\t' || code == '\r')
            buf_cstr(b, code == '\n' ? "\\n" : code == '\t' ? "\\t" : "\\r");
        else if (escape)
            buf_printf(b, code < 0x100 ? "\\x%02X" : "\\u%04X", (unsigned)code);
        else
            buf_add(b, str_slice(s, i, i + width));
    }
    buf_byte(b, '"');
}

static void write_single(struct buf *b, struct str s)
{
    buf_byte(b, '\'');
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '\'')
            buf_byte(b, '\'');
        buf_byte(b, s.at[i]);
    }
    buf_byte(b, '\'');
}

void yaml_write_string(struct buf *b, struct str s, const struct yaml_writing *w)
{
    bool bare = w->style != STYLE_SINGLE && w->style != STYLE_DOUBLE;
    if (bare && plain_syntax(s, w->flow) && reads_as_string(s)) {
        buf_add(b, s);
        return;
    }
    enum style quotes = bare ? w->quotes : w->style;
    if (quotes == STYLE_SINGLE && !needs_escape(s))
        write_single(b, s);
    else
        write_double(b, s);
}

static void write_bool(struct buf *b, bool truth, enum yaml_case letters)
{
    static const char *const words[3][2] = {
        {"false", "true"}, {"False", "True"}, {"FALSE", "TRUE"}};
    buf_cstr(b, words[letters][truth]);
}

/* Always with a point, and a sign in the exponent: every loader reads that as a float. */
static void write_float(struct buf *b, double value)
{
    char text[40];
    if (isnan(value) || isinf(value)) {
        buf_cstr(b, isnan(value) ? ".nan" : value < 0 ? "-.inf" : ".inf");
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    /* %g turns to exponents early when digits are few: 128 at one digit is 1e+02. */
    if (fabs(value) >= 1 && fabs(value) < 1e16 && strchr(text, 'e'))
        snprintf(text, sizeof text, "%.1f", value);
    char *e = strchr(text, 'e');
    struct str mantissa = {text, e ? (size_t)(e - text) : strlen(text)};
    buf_add(b, mantissa);
    if (!has_any(mantissa, "."))
        buf_cstr(b, ".0");
    if (e)
        buf_printf(b, "e%+ld", strtol(e + 1, NULL, 10));
}

static void write_flow_list(struct buf *b, struct value v, const struct yaml_writing *w)
{
    struct yaml_writing inner = *w;
    inner.flow = true;
    inner.padded = false;
    buf_cstr(b, w->padded && v.as.list.len ? "[ " : "[");
    for (size_t i = 0; i < v.as.list.len; i++) {
        if (i)
            buf_cstr(b, ", ");
        yaml_write(b, v.as.list.at[i], &inner);
    }
    buf_cstr(b, w->padded && v.as.list.len ? " ]" : "]");
}

void yaml_write(struct buf *b, struct value v, const struct yaml_writing *w)
{
    switch (v.kind) {
    case VALUE_UNKNOWN:
        assert(!"an unknown value has no text");
        break;
    case VALUE_NULL:
        buf_cstr(b, "null");
        break;
    case VALUE_BOOL:
        write_bool(b, v.as.boolean, w->letters);
        break;
    case VALUE_INT:
        buf_printf(b, "%lld", (long long)v.as.integer);
        break;
    case VALUE_FLOAT:
        write_float(b, v.as.real);
        break;
    case VALUE_STRING:
        yaml_write_string(b, v.as.string, w);
        break;
    case VALUE_LIST:
        write_flow_list(b, v, w);
        break;
    }
}

bool yaml_can_write(struct value v)
{
    if (v.kind != VALUE_LIST)
        return v.kind != VALUE_UNKNOWN;
    for (size_t i = 0; i < v.as.list.len; i++)
        if (!yaml_can_write(v.as.list.at[i]))
            return false;
    return true;
}

/* --- the file's own habits ------------------------------------------------ */

static bool bool_case(struct str s, enum yaml_case *out)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!str_eq_nocase(s, str_from(words[i])))
            continue;
        bool first = s.at[0] >= 'a', second = s.at[1] >= 'a';
        *out = first ? YAML_LOWER : second ? YAML_TITLE : YAML_UPPER;
        return true;
    }
    return false;
}

struct yaml_writing yaml_habits(const struct document *doc, const struct setting *s)
{
    struct yaml_writing w = {.style = STYLE_PLAIN, .quotes = STYLE_DOUBLE};
    bool letters = s && s->style == STYLE_PLAIN && bool_case(s->text, &w.letters);
    bool quotes = false;
    for (size_t i = 0; i < doc->tree.all.len && !(letters && quotes); i++) {
        const struct setting *c = doc->tree.all.at[i];
        if (c->kind != SETTING_SCALAR)
            continue;
        if (!quotes && (c->style == STYLE_SINGLE || c->style == STYLE_DOUBLE)) {
            w.quotes = c->style;
            quotes = true;
        }
        if (!letters && c->style == STYLE_PLAIN)
            letters = bool_case(c->text, &w.letters);
    }
    return w;
}
