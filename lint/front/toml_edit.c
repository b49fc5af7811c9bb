/* Edits of TOML. A key stands on a line of its own, perhaps behind the names of tables
 * (a.b.key = 1), or between the braces of an inline table. */
#include "toml.h"

#include <assert.h>
#include <string.h>

#include "json.h"
#include "../banned.h"

static bool refuse(const char **why_not, const char *why)
{
    if (why_not)
        *why_not = why;
    return false;
}

static bool set(const struct document *doc, struct edit *out, uint32_t from, uint32_t to,
                struct str text)
{
    assert(from <= to && to <= doc->source->text.len);
    *out = (struct edit){doc->source, {from, to}, text};
    return true;
}

/* --- looking around ---------------------------------------------------------- */

static struct str slice(const struct document *doc, uint32_t from, uint32_t to)
{
    return str_slice(doc->source->text, from, to);
}

static uint32_t line_start(const struct document *doc, uint32_t at)
{
    while (at > doc->source->body && doc->source->text.at[at - 1] != '\n')
        at--;
    return at;
}

/* Before the line break, a CR included. */
static uint32_t line_end(const struct document *doc, uint32_t at)
{
    struct str text = doc->source->text;
    size_t to = str_find_byte(text, '\n', at);
    to = to == SIZE_MAX ? text.len : to;
    return (uint32_t)(to > at && to < text.len && text.at[to - 1] == '\r' ? to - 1 : to);
}

static uint32_t behind_break(const struct document *doc, uint32_t at)
{
    struct str text = doc->source->text;
    if (at < text.len && text.at[at] == '\r')
        at++;
    return at < text.len && text.at[at] == '\n' ? at + 1 : at;
}

static bool is_inline(const struct document *doc, const struct setting *map)
{
    return map->style == STYLE_FLOW && map->value_span.to > map->value_span.from + 1 &&
           doc->source->text.at[map->value_span.from] == '{' &&
           doc->source->text.at[map->value_span.to - 1] == '}';
}

/* Where the last that is written of S ends. */
static uint32_t end_of(const struct setting *s)
{
    uint32_t to = s->value_span.to;
    for (s = s->last; s; s = s->last)
        to = s->value_span.to > to ? s->value_span.to : to;
    return to;
}

/* What stands before the key on its line: blanks and names of tables, or "" and false. */
static bool prefix_of(const struct document *doc, const struct setting *s, struct str *out)
{
    *out = slice(doc, line_start(doc, s->key_span.from), s->key_span.from);
    for (size_t i = 0; i < out->len; i++)
        if (strchr("=,{}[]#", out->at[i]))
            return false;
    struct str names = str_trim(*out);
    return !names.len || names.at[names.len - 1] == '.';
}

/* Is S a key with a value on a line of its own? */
static bool is_line(const struct document *doc, const struct setting *s)
{
    struct str prefix, rest;
    if (!s->key.len || (s->style == STYLE_NONE && s->kind != SETTING_SCALAR))
        return false;
    rest = str_trim(slice(doc, s->value_span.to, line_end(doc, s->value_span.to)));
    return s->key_span.to <= s->value_span.from && prefix_of(doc, s, &prefix) &&
           (!rest.len || rest.at[0] == '#') &&
           str_find_byte(slice(doc, s->key_span.to, s->value_span.from), '=', 0) != SIZE_MAX;
}

static const char *obstacle(const struct document *doc, const struct setting *s)
{
    if (doc->broken)
        return "the file does not parse";
    return s->flags & SETTING_MULTILINE && s->kind == SETTING_SCALAR
               ? "the text spans several lines"
               : NULL;
}

/* --- writing ------------------------------------------------------------------ */

static bool add_value(struct buf *b, struct value v, struct str old, bool padded)
{
    struct json_form form = {STR(""), STR(", "), STR("")};
    if (padded)
        form.open = form.close = STR(" ");
    if (v.kind == VALUE_NULL)
        return false;
    for (size_t i = 0; v.kind == VALUE_LIST && i < v.as.list.len; i++)
        if (v.as.list.at[i].kind == VALUE_NULL)
            return false;
    size_t from = b->len;
    if (!json_text_value(b, v, old, &form))
        return false;
    struct str text = str_slice(buf_str(b), from, b->len);
    return str_find_byte(text, 0x7F, 0) == SIZE_MAX;
}

static bool fits_single(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == '\'' || ((unsigned char)s.at[i] < ' ' && s.at[i] != '\t') || s.at[i] == 0x7F)
            return false;
    return true;
}

static void add_key(struct buf *b, struct str key)
{
    bool bare = key.len > 0;
    for (size_t i = 0; i < key.len; i++) {
        char c = key.at[i];
        bare &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '_' || c == '-';
    }
    if (bare)
        buf_add(b, key);
    else
        json_text_string(b, key);
}

static bool replace_list(struct arena *a, struct document *doc, const struct setting *s,
                         struct value value, struct edit *out, const char **why_not)
{
    struct str old = source_quote(doc->source, s->value_span);
    struct buf text = buf_new(a);
    if (s->style != STYLE_FLOW || str_find_byte(old, '\n', 0) != SIZE_MAX)
        return refuse(why_not, "the list spans several lines");
    if (!add_value(&text, value, STR(""), old.len > 2 && old.at[1] == ' '))
        return refuse(why_not, "TOML has no way to write the value");
    return set(doc, out, s->value_span.from, s->value_span.to, buf_str(&text));
}

bool toml_replace(struct arena *a, struct document *doc, const struct setting *s,
                  struct value value, struct edit *out, const char **why_not)
{
    const char *why = obstacle(doc, s);
    if (why || s->kind == SETTING_MAP)
        return refuse(why_not, why ? why : "a table stands there");
    if (s->kind == SETTING_LIST)
        return replace_list(a, doc, s, value, out, why_not);
    struct buf text = buf_new(a);
    bool quoted = s->style != STYLE_PLAIN;
    double number, old;
    /* A number in quotes is read by something that wants a text. */
    if (quoted && value_number(value, &number) && str_to_float(s->text, &old)) {
        struct buf digits = buf_new(a);
        if (!add_value(&digits, value, s->text, false))
            return refuse(why_not, "TOML has no way to write the value");
        value = VALUE_OF_STR(buf_str(&digits));
    }
    if (value.kind == VALUE_STRING && s->style == STYLE_SINGLE && fits_single(value.as.string))
        buf_printf(&text, "'%.*s'", STR_ARG(value.as.string));
    else if (!add_value(&text, value, quoted ? STR("") : s->text, false))
        return refuse(why_not, "TOML has no way to write the value");
    return set(doc, out, s->value_span.from, s->value_span.to, buf_str(&text));
}

/* --- inserting ------------------------------------------------------------------ */

static bool insert_inline(struct arena *a, struct document *doc, const struct setting *map,
                          const struct setting *after, struct str pair, struct edit *out)
{
    const struct setting *at = after ? after : map->last;
    if (at) {
        uint32_t to = end_of(at);
        return set(doc, out, to, to, arena_printf(a, ", %.*s", STR_ARG(pair)));
    }
    uint32_t from = map->value_span.from + 1;
    return set(doc, out, from, map->value_span.to - 1, arena_printf(a, " %.*s ", STR_ARG(pair)));
}

/* The line behind which the key goes: AFTER's, else that of the last key. */
static const struct setting *line_before(const struct document *doc, const struct setting *map,
                                         const struct setting *after)
{
    const struct setting *best = NULL;
    for (const struct setting *s = map->first; s; s = s->next) {
        if (is_line(doc, s))
            best = s;
        if (s == after && best == s)
            return s;
    }
    return best;
}

static struct str assignment(const struct document *doc, const struct setting *like)
{
    if (!like)
        return STR(" = ");
    struct str sign = slice(doc, like->key_span.to, like->value_span.from);
    return sign.len <= 2 ? sign : STR(" = ");
}

/* Behind the header of MAP itself; 0 when it has none of its own. */
static uint32_t behind_header(const struct document *doc, const struct setting *map)
{
    struct str text = doc->source->text;
    uint32_t from = map->value_span.from, at = map->key_span.to;
    if (!map->parent || from >= text.len || text.at[from] != '[')
        return 0;
    if (!map->key.len && map->parent->kind == SETTING_LIST) {
        if (from + 1 >= text.len || text.at[from + 1] != '[')
            return 0;
        return line_end(doc, from);
    }
    while (at < text.len && (text.at[at] == ' ' || text.at[at] == '\t'))
        at++;
    return at < text.len && text.at[at] == ']' && map->key_span.from > from ? line_end(doc, at) : 0;
}

bool toml_insert(struct arena *a, struct document *doc, const struct setting *map,
                 const struct setting *after, struct str key, struct value value,
                 struct edit *out, const char **why_not)
{
    struct buf name = buf_new(a), text = buf_new(a), b = buf_new(a);
    struct str prefix = {"", 0}, newline = source_newline(doc->source);
    if (doc->broken || map->kind != SETTING_MAP)
        return refuse(why_not, doc->broken ? "the file does not parse" : "it is no table");
    add_key(&name, key);
    if (!add_value(&text, value, STR(""), false))
        return refuse(why_not, "TOML has no way to write the value");
    if (is_inline(doc, map)) {
        struct str pair = arena_printf(a, "%.*s = %.*s", STR_ARG(buf_str(&name)), STR_ARG(buf_str(&text)));
        return insert_inline(a, doc, map, after, pair, out);
    }
    if (map->style == STYLE_FLOW)
        return refuse(why_not, "the table is part of an inline one");
    const struct setting *at = line_before(doc, map, after);
    uint32_t header = at ? 0 : behind_header(doc, map);
    if (!at && !header && map->parent)
        return refuse(why_not, "the table has no line of its own");
    if (at)
        prefix_of(doc, at, &prefix);
    uint32_t place = at ? line_end(doc, at->value_span.to) : header ? header : doc->source->body;
    if (at || header)
        buf_add(&b, newline);
    buf_printf(&b, "%.*s%.*s%.*s%.*s", STR_ARG(prefix), STR_ARG(buf_str(&name)),
               STR_ARG(assignment(doc, at)), STR_ARG(buf_str(&text)));
    if (!at && !header)
        buf_add(&b, newline);
    return set(doc, out, place, place, buf_str(&b));
}

/* --- removing --------------------------------------------------------------------- */

static bool remove_inline(struct document *doc, const struct setting *s, struct edit *out)
{
    const struct setting *before = NULL;
    for (const struct setting *c = s->parent->first; c != s; c = c->next)
        before = c;
    if (before)
        return set(doc, out, end_of(before), end_of(s), STR(""));
    if (s->next)
        return set(doc, out, s->key_span.from, s->next->key_span.from, STR(""));
    return set(doc, out, s->parent->value_span.from + 1, s->parent->value_span.to - 1, STR(""));
}

bool toml_remove(struct arena *a, struct document *doc, const struct setting *s,
                 struct edit *out, const char **why_not)
{
    (void)a;
    if (doc->broken || !s->parent || !s->key.len)
        return refuse(why_not, "an item of a list is not removed");
    if (is_inline(doc, s->parent))
        return remove_inline(doc, s, out);
    if (!is_line(doc, s))
        return refuse(why_not, "it does not stand on a line of its own");
    uint32_t from = line_start(doc, s->key_span.from);
    uint32_t end = line_end(doc, s->value_span.to), to = behind_break(doc, end);
    if (to == end) /* the last line, and it has no break: nor has the one before then */
        while (from > doc->source->body && strchr("\r\n", doc->source->text.at[from - 1]))
            from--;
    return set(doc, out, from, to, STR(""));
}
