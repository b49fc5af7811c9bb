/* Edits of shell text. A value is replaced where it is written, in its own quotes; a flag
 * goes behind the last argument, on a line of its own where the others have one. */
#include "shell_run.h"

#include <assert.h>
#include <string.h>

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

/* --- values ---------------------------------------------------------------- */

/* Means itself wherever it stands, between quotes or not. */
static bool is_safe(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && (!c || !strchr("_-+./:,=@%^", c)))
            return false;
    }
    return s.len > 0;
}

static void add_float(struct buf *b, double real)
{
    for (int digits = 1; digits <= 17; digits++) {
        struct str s = arena_printf(b->arena, "%.*g", digits, real);
        double back;
        if (str_to_float(s, &back) && back == real) {
            buf_add(b, s);
            if (str_find_byte(s, '.', 0) == SIZE_MAX && str_find_byte(s, 'e', 0) == SIZE_MAX)
                buf_cstr(b, ".0");
            return;
        }
    }
}

static bool add_text(struct buf *b, struct value v, struct str old)
{
    bool upper = !(old.len && old.at[0] >= 'a' && old.at[0] <= 'z');
    switch (v.kind) {
    case VALUE_BOOL:
        buf_cstr(b, v.as.boolean ? (upper ? "True" : "true") : upper ? "False" : "false");
        return true;
    case VALUE_INT:
        buf_printf(b, "%lld", (long long)v.as.integer);
        return true;
    case VALUE_FLOAT:
        if (v.as.real - v.as.real != 0)
            return false;
        add_float(b, v.as.real);
        return true;
    case VALUE_STRING:
        buf_add(b, v.as.string);
        return true;
    default:
        return false;
    }
}

/* TEXT as one word of its own. */
static bool add_word(struct buf *b, struct str text)
{
    if (is_safe(text)) {
        buf_add(b, text);
        return true;
    }
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '\'' || text.at[i] == '\n' || text.at[i] == '\r' || !text.at[i])
            return false;
    buf_byte(b, '\'');
    buf_add(b, text);
    buf_byte(b, '\'');
    return true;
}

static bool in_quotes(struct buf *b, struct str text, char quote)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == quote || c == '\n' || c == '\r' || !c || (quote == '"' && strchr("$`\\!", c)))
            return false;
    }
    buf_byte(b, quote);
    buf_add(b, text);
    buf_byte(b, quote);
    return true;
}

static struct str quote(const struct document *doc, struct span span)
{
    return source_quote(doc->source, span);
}

static bool is_switch(const struct setting *s)
{
    return s->value.kind == VALUE_BOOL && s->key_span.from < s->key_span.to &&
           s->key_span.from == s->value_span.from;
}

static bool may_touch(const struct document *doc, const struct setting *s, const char **why_not)
{
    if (doc->broken)
        return refuse(why_not, "the script cannot be read to its end");
    if (s->why && strcmp(s->why, "set under a condition") == 0)
        return refuse(why_not, "it is set under a condition");
    if (s->style == STYLE_CODE || s->value.kind == VALUE_UNKNOWN)
        return refuse(why_not, "it is put together by the shell");
    return true;
}

bool shell_replace(struct arena *a, struct document *doc, const struct setting *s,
                   struct value value, struct edit *out, const char **why_not)
{
    struct buf text = buf_new(a), word = buf_new(a);
    if (s->kind != SETTING_SCALAR)
        return refuse(why_not, "a list of arguments is not edited");
    if (!may_touch(doc, s, why_not))
        return false;
    if (is_switch(s)) {
        if (value.kind == VALUE_BOOL && value.as.boolean)
            return set(doc, out, s->value_span.from, s->value_span.to, quote(doc, s->value_span));
        return refuse(why_not, "the flag takes no argument");
    }
    if (!add_text(&text, value, s->text))
        return refuse(why_not, "the value has no form as an argument");
    bool typed = s->parent->shape == SHAPE_COMMAND || s->parent->kind == SETTING_LIST;
    bool ok = s->style == STYLE_SINGLE   ? in_quotes(&word, buf_str(&text), '\'')
              : s->style == STYLE_DOUBLE ? in_quotes(&word, buf_str(&text), '"')
              : s->style == STYLE_PLAIN  ? is_safe(buf_str(&text))
                                         : add_word(&word, buf_str(&text));
    if (!ok)
        return refuse(why_not, "the value would need other quotes");
    if (typed && buf_str(&text).len && buf_str(&text).at[0] == '-' && value.kind == VALUE_STRING)
        return refuse(why_not, "the value would look like a flag");
    return set(doc, out, s->value_span.from, s->value_span.to,
               s->style == STYLE_PLAIN ? buf_str(&text) : buf_str(&word));
}

/* --- lines -------------------------------------------------------------------- */

static uint32_t line_start(const struct document *doc, uint32_t at)
{
    while (at > doc->source->body && doc->source->text.at[at - 1] != '\n')
        at--;
    return at;
}

static uint32_t line_end(const struct document *doc, uint32_t at)
{
    while (at < doc->source->text.len && doc->source->text.at[at] != '\n')
        at++;
    return at;
}

static bool is_blank(const struct document *doc, uint32_t from, uint32_t to)
{
    return !str_trim(str_slice(doc->source->text, from, to)).len;
}

/* Where what belongs to S begins and ends: its flag, its value. */
static struct span extent(const struct setting *s)
{
    struct span e = s->value_span;
    if (s->key_span.to > s->key_span.from && s->key_span.from < e.from)
        e.from = s->key_span.from;
    return e;
}

/* A backslash is all that follows AT on its line. */
static bool continues(const struct document *doc, uint32_t at)
{
    return str_eq(str_trim(str_slice(doc->source->text, at, line_end(doc, at))), STR("\\"));
}

/* --- inserting -------------------------------------------------------------------- */

static bool is_word_end(const struct document *doc, uint32_t at)
{
    struct str text = doc->source->text;
    return at >= text.len || strchr(" \t\r\n;&|)", text.at[at]) != NULL;
}

/* The sibling behind which a new flag goes: the last that is written in the command. */
static const struct setting *anchor(const struct setting *map, const struct setting *after)
{
    const struct setting *best = NULL;
    for (const struct setting *s = map->first; s; s = s->next) {
        if (s->kind == SETTING_MAP || s->alias_span.to > s->alias_span.from ||
            s->value_span.from < map->key_span.to || s->value_span.to > map->value_span.to)
            continue;
        if (!best || s->value_span.to > best->value_span.to)
            best = s;
        if (s == after)
            return s;
    }
    return best;
}

static bool with_equals(const struct document *doc, const struct setting *map)
{
    for (const struct setting *s = map->first; s; s = s->next)
        if (s->kind == SETTING_SCALAR && str_starts(s->key, STR("--")) && !is_switch(s) &&
            s->key_span.to < doc->source->text.len)
            return doc->source->text.at[s->key_span.to] == '=';
    return false;
}

bool shell_insert(struct arena *a, struct document *doc, const struct setting *map,
                  const struct setting *after, struct str key, struct value value,
                  struct edit *out, const char **why_not)
{
    struct buf text = buf_new(a), word = buf_new(a);
    if (doc->broken)
        return refuse(why_not, "the script cannot be read to its end");
    bool written = map->key_span.to > map->key_span.from;
    if (map->shape != SHAPE_COMMAND || !written || !is_safe(key))
        return refuse(why_not, "no place for it is known in this script");
    bool flag = key.at[0] == '-', bare = flag && value.kind == VALUE_BOOL;
    if (bare && !value.as.boolean)
        return refuse(why_not, "a flag without argument cannot be false");
    if (!add_text(&text, value, STR("")) || (!bare && !add_word(&word, buf_str(&text))))
        return refuse(why_not, "the value has no form as an argument");
    const struct setting *at = anchor(map, after);
    uint32_t place = at ? extent(at).to : map->key_span.to;
    bool alone = at && is_blank(doc, line_start(doc, extent(at).from), extent(at).from) &&
                 (continues(doc, place) || is_blank(doc, place, line_end(doc, place)));
    if (!is_word_end(doc, place) || (at && (at->style == STYLE_CODE || map->key_span.from < map->value_span.from)))
        return refuse(why_not, "no place for it is known in this command");
    struct buf b = buf_new(a);
    if (alone) {
        uint32_t start = line_start(doc, extent(at).from);
        struct str newline = source_newline(doc->source);
        buf_printf(&b, " \\%.*s%.*s", STR_ARG(newline),
                   STR_ARG(str_slice(doc->source->text, start, extent(at).from)));
    } else {
        buf_byte(&b, ' ');
    }
    buf_add(&b, key);
    if (!bare)
        buf_byte(&b, !flag || with_equals(doc, map) ? '=' : ' ');
    buf_add(&b, buf_str(&word));
    return set(doc, out, place, place, buf_str(&b));
}

/* --- removing ---------------------------------------------------------------------- */

static bool remove_line(struct document *doc, struct span e, struct edit *out)
{
    uint32_t start = line_start(doc, e.from), end = line_end(doc, e.to);
    struct str text = doc->source->text;
    if (continues(doc, e.to) || start == doc->source->body ||
        !str_ends(str_trim(str_slice(text, line_start(doc, start - 1), start - 1)), STR("\\")))
        return set(doc, out, start, end < text.len ? end + 1 : end, STR(""));
    /* The last of a continued command: the backslash before it goes, too. */
    uint32_t from = start - 1;
    while (from > doc->source->body && text.at[from] != '\\')
        from--;
    while (from > doc->source->body && (text.at[from - 1] == ' ' || text.at[from - 1] == '\t'))
        from--;
    return set(doc, out, from, e.to, STR(""));
}

bool shell_remove(struct arena *a, struct document *doc, const struct setting *s,
                  struct edit *out, const char **why_not)
{
    (void)a;
    if (s->kind != SETTING_SCALAR || !s->parent || s->flags & SETTING_POSITIONAL)
        return refuse(why_not, "only a flag or an override is removed");
    if (!may_touch(doc, s, why_not))
        return false;
    struct span e = extent(s);
    struct str text = doc->source->text;
    if (s->alias_span.to > s->alias_span.from || s->parent->shape != SHAPE_COMMAND ||
        e.from < s->parent->value_span.from || !e.from ||
        (s->style == STYLE_SINGLE && s->key_span.from > s->value_span.from))
        return refuse(why_not, "it comes from a variable");
    if (s->key_span.to < s->value_span.from &&
        !is_blank(doc, s->key_span.to, s->value_span.from) &&
        !str_eq(str_slice(text, s->key_span.to, s->value_span.from), STR("=")))
        return refuse(why_not, "its value stands on another line");
    if (!is_word_end(doc, e.to) || !strchr(" \t\n", text.at[e.from - 1]))
        return refuse(why_not, "it is part of a longer word");
    bool alone = is_blank(doc, line_start(doc, e.from), e.from);
    if (alone && (continues(doc, e.to) || is_blank(doc, e.to, line_end(doc, e.to))))
        return remove_line(doc, e, out);
    uint32_t from = e.from, to = e.to;
    while (!alone && from && (text.at[from - 1] == ' ' || text.at[from - 1] == '\t'))
        from--;
    while (alone && to < text.len && (text.at[to] == ' ' || text.at[to] == '\t'))
        to++;
    return set(doc, out, from, to, STR(""));
}
