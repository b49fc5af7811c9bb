/* Edits of JSON. Everything hangs on what stands behind a value: comments on its line, a
 * comma, comments behind the comma, a line break. A `struct tail` holds that; from it
 * and from what stands before the key on its line the three layouts follow:
 *
 *   lined        one key per line, commas at the ends
 *   comma-first  one key per line, the comma before the key
 *   inline       several on a line; also the safe way out for mixtures
 *
 * A comment on the line of a value stays with that value. */
#include "json.h"

#include <assert.h>
#include <string.h>

#include "../banned.h"

struct tail {
    uint32_t attached; /* end of what belongs to the value on its line, comma included */
    uint32_t comma;    /* NOWHERE for none */
    uint32_t next;     /* the next key, value or closing bracket */
    bool comma_on_line;
    bool line_comment; /* a // comment is the last that is attached */
    bool newline;      /* between the value and `next` */
};

enum { UNIT_TRIES = 64 };
#define NOWHERE UINT32_MAX

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

/* --- looking around ------------------------------------------------------ */

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static struct str slice(const struct document *doc, uint32_t from, uint32_t to)
{
    return str_slice(doc->source->text, from, to);
}

static uint32_t over_spaces(const struct document *doc, uint32_t at)
{
    struct str text = doc->source->text;
    while (at < text.len && is_space(text.at[at]))
        at++;
    return at;
}

static uint32_t line_start(const struct document *doc, uint32_t at)
{
    while (at > doc->source->body && !is_line_end(doc->source->text.at[at - 1]))
        at--;
    return at;
}

/* Behind the line break that stands at AT, spaces before it allowed. */
static uint32_t next_line(const struct document *doc, uint32_t at)
{
    struct str text = doc->source->text;
    at = over_spaces(doc, at);
    if (at + 1 < text.len && text.at[at] == '\r' && text.at[at + 1] == '\n')
        return at + 2;
    return at < text.len && is_line_end(text.at[at]) ? at + 1 : at;
}

/* Before the line break that ends at AT. */
static uint32_t before_break(const struct document *doc, uint32_t at)
{
    struct str text = doc->source->text;
    if (at >= 2 && text.at[at - 2] == '\r' && text.at[at - 1] == '\n')
        return at - 2;
    return at >= 1 && is_line_end(text.at[at - 1]) ? at - 1 : at;
}

/* What stands before AT on its line. */
static struct str lead(const struct document *doc, uint32_t at)
{
    return slice(doc, line_start(doc, at), at);
}

static bool is_spaces(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_space(s.at[i]))
            return false;
    return true;
}

static bool is_comma_and_spaces(struct str s)
{
    s = str_trim(s);
    return s.len == 1 && s.at[0] == ',';
}

static struct str indent_of(const struct document *doc, uint32_t at)
{
    uint32_t from = line_start(doc, at);
    return slice(doc, from, over_spaces(doc, from));
}

/* The end of the comment at AT; the document is known to be well-formed. */
static uint32_t comment_end(const struct document *doc, uint32_t at)
{
    struct str text = doc->source->text;
    if (text.at[at + 1] == '*')
        return (uint32_t)str_find(text, STR("*/"), at + 2) + 2;
    while (at < text.len && !is_line_end(text.at[at]))
        at++;
    return at;
}

static bool holds_comment(const struct document *doc, uint32_t from, uint32_t to)
{
    for (size_t i = 0; i < doc->comments.len; i++)
        if (doc->comments.at[i].span.from >= from && doc->comments.at[i].span.to <= to)
            return true;
    return false;
}

static struct tail tail_at(const struct document *doc, uint32_t at)
{
    struct str text = doc->source->text;
    struct tail t = {.attached = at, .comma = NOWHERE};
    while (at < text.len) {
        char c = text.at[at];
        if (is_space(c)) {
            at++;
        } else if (is_line_end(c)) {
            t.newline = true;
            at++;
        } else if (c == '/') {
            bool line = text.at[at + 1] == '/';
            at = comment_end(doc, at);
            if (!t.newline) {
                t.attached = at;
                t.line_comment = line;
            }
        } else if (c == ',' && t.comma == NOWHERE) {
            t.comma = at++;
            t.comma_on_line = !t.newline;
            if (!t.newline)
                t.attached = at;
        } else {
            break;
        }
    }
    t.next = at;
    return t;
}

static uint32_t start_of(const struct setting *s)
{
    return s->key_span.to ? s->key_span.from : s->value_span.from;
}

static bool is_overridden(const struct setting *s)
{
    for (; s; s = s->parent)
        if (s->flags & SETTING_OVERRIDDEN)
            return true;
    return false;
}

/* What no edit can live with; NULL when there is nothing. */
static const char *obstacle(const struct document *doc, const struct setting *s)
{
    if (doc->broken)
        return "the file has syntax errors";
    return is_overridden(s) ? "a later duplicate of the key wins" : NULL;
}

/* --- replace ------------------------------------------------------------- */

/* The layout of the list S, for its new items. */
static struct json_form form_of(const struct document *doc, const struct setting *s)
{
    struct json_form form = {STR(""), STR(", "), STR("")};
    if (!s->first)
        return form;
    const struct setting *first = s->first, *last = first;
    while (last->next)
        last = last->next;
    form.open = slice(doc, s->value_span.from + 1, first->value_span.from);
    uint32_t end = tail_at(doc, last->value_span.to).comma;
    end = end == NOWHERE ? last->value_span.to : end;
    form.close = slice(doc, end, s->value_span.to - 1);
    if (first->next)
        form.between = slice(doc, first->value_span.to, first->next->value_span.from);
    return form;
}

/* Several items where there was one on its line: the break before it comes again. */
static struct json_form list_form(struct arena *a, const struct document *doc,
                                  const struct setting *s)
{
    struct json_form form = form_of(doc, s);
    if (s->first && !s->first->next && str_find_byte(form.open, '\n', 0) != SIZE_MAX)
        form.between = arena_printf(a, ",%.*s", STR_ARG(form.open));
    return form;
}

static bool replace_list(struct arena *a, struct document *doc, const struct setting *s,
                         struct value value, struct edit *out, const char **why_not)
{
    if (holds_comment(doc, s->value_span.from, s->value_span.to))
        return refuse(why_not, "comments stand inside the list");
    for (const struct setting *item = s->first; item; item = item->next)
        if (item->kind != SETTING_SCALAR)
            return refuse(why_not, "the list holds more than plain values");
    struct json_form form = list_form(a, doc, s);
    struct buf text = buf_new(a);
    if (!json_text_value(&text, value, STR(""), &form))
        return refuse(why_not, "JSON has no way to write the value");
    return set(doc, out, s->value_span.from, s->value_span.to, buf_str(&text));
}

static bool reads_as_number(struct str s)
{
    double real;
    return str_to_float(s, &real);
}

bool json_edit_replace(struct arena *a, struct document *doc, const struct setting *s,
                       struct value value, struct edit *out, const char **why_not)
{
    const char *why = obstacle(doc, s);
    if (why)
        return refuse(why_not, why);
    if (s->kind == SETTING_MAP)
        return refuse(why_not, "an object stands there");
    if (s->kind == SETTING_LIST)
        return replace_list(a, doc, s, value, out, why_not);
    static const struct json_form form = {STR_INIT(""), STR_INIT(", "), STR_INIT("")};
    struct buf text = buf_new(a);
    /* A number in quotes is read by something that wants a text. */
    double ignored;
    bool quoted = s->style == STYLE_DOUBLE && value_number(value, &ignored) &&
                  reads_as_number(s->text);
    if (quoted)
        buf_byte(&text, '"');
    bool number = s->style == STYLE_PLAIN || quoted;
    if (!json_text_value(&text, value, number ? s->text : STR(""), &form))
        return refuse(why_not, "JSON has no way to write the value");
    if (quoted)
        buf_byte(&text, '"');
    return set(doc, out, s->value_span.from, s->value_span.to, buf_str(&text));
}

/* --- insert -------------------------------------------------------------- */

/* Do two values of MAP start as far behind their keys as S's does? */
static bool is_aligned(const struct setting *map, const struct setting *s)
{
    uint32_t width = s->value_span.from - s->key_span.from;
    for (const struct setting *t = map->first; t; t = t->next)
        if (t != s && t->value_span.from - t->key_span.from == width)
            return true;
    return false;
}

/* Key, colon and value in the manner of the sibling LIKE (NULL: none). */
static bool pair(struct arena *a, const struct document *doc, const struct setting *like,
                 struct str key, struct value value, struct str *out)
{
    static const struct json_form form = {STR_INIT(""), STR_INIT(", "), STR_INIT("")};
    struct buf b = buf_new(a);
    json_text_string(&b, key);
    struct str gap = STR(": ");
    if (like)
        gap = slice(doc, like->key_span.to, like->value_span.from);
    struct str trimmed = str_trim(gap);
    bool spaces = trimmed.len == 1 && str_find_byte(gap, '\n', 0) == SIZE_MAX &&
                  str_find_byte(gap, '\r', 0) == SIZE_MAX;
    bool wide = gap.len > 2 && !str_eq(gap, STR(" : "));
    if (!spaces || (wide && !is_aligned(like->parent, like)))
        gap = STR(": ");
    else if (wide) {
        size_t width = like->value_span.from - like->key_span.from;
        size_t pad = width > b.len + 2 ? width - b.len - 2 : 0;
        bool colon_first = gap.at[0] == ':';
        buf_cstr(&b, colon_first ? ": " : "");
        buf_repeat(&b, ' ', pad);
        gap = colon_first ? STR("") : STR(": ");
    }
    buf_add(&b, gap);
    bool ok = json_text_value(&b, value, STR(""), &form);
    *out = buf_str(&b);
    return ok;
}

/* What separates siblings on one line: as in MAP, else as dense as its colons. */
static struct str separator(const struct document *doc, const struct setting *map)
{
    for (const struct setting *s = map->first; s->next; s = s->next) {
        struct str gap = slice(doc, s->value_span.to, s->next->key_span.from);
        if (gap.at[0] == ',' && is_spaces(str_slice(gap, 1, gap.len)))
            return gap;
    }
    bool dense = map->first->value_span.from == map->first->key_span.to + 1;
    return dense ? STR(",") : STR(", ");
}

/* The indentation that one level adds in DOC. */
static struct str unit_of(const struct document *doc)
{
    unsigned tries = 0;
    for (size_t i = 1; i < doc->tree.all.len && tries < UNIT_TRIES; i++) {
        const struct setting *s = doc->tree.all.at[i];
        if (!(s->parent->flags & SETTING_MULTILINE))
            continue;
        tries++;
        struct str own = lead(doc, start_of(s));
        struct str outer = indent_of(doc, start_of(s->parent));
        if (is_spaces(own) && own.len > outer.len && str_starts(own, outer))
            return str_slice(own, outer.len, own.len);
    }
    return STR("    ");
}

static struct str broken_line(struct arena *a, const struct document *doc,
                              struct str indent, struct str unit, struct str text)
{
    return arena_printf(a, "%.*s%.*s%.*s%.*s", STR_ARG(source_newline(doc->source)),
                        STR_ARG(indent), STR_ARG(unit), STR_ARG(text));
}

/* Into an object that holds comments only: behind the last of them. */
static bool insert_behind_comment(struct arena *a, const struct document *doc,
                                  const struct setting *map, struct str text,
                                  struct edit *out)
{
    uint32_t at = map->value_span.from + 1, from = at;
    struct tail t = tail_at(doc, at);
    while (over_spaces(doc, at) < t.next) {
        at = over_spaces(doc, at);
        if (doc->source->text.at[at] != '/') {
            at++;
            continue;
        }
        from = at;
        at = comment_end(doc, at);
    }
    uint32_t end = comment_end(doc, from);
    if (!t.newline)
        return set(doc, out, end, end, arena_printf(a, " %.*s", STR_ARG(text)));
    struct str before = lead(doc, from);
    if (is_spaces(before))
        text = broken_line(a, doc, before, STR(""), text);
    else
        text = broken_line(a, doc, indent_of(doc, t.next), unit_of(doc), text);
    return set(doc, out, end, end, text);
}

static bool insert_first(struct arena *a, const struct document *doc,
                         const struct setting *map, struct str text, struct edit *out)
{
    uint32_t from = map->value_span.from + 1, to = map->value_span.to - 1;
    if (holds_comment(doc, from, to))
        return insert_behind_comment(a, doc, map, text, out);
    if (map->flags & SETTING_MULTILINE)
        return set(doc, out, from, from,
                   broken_line(a, doc, indent_of(doc, to), unit_of(doc), text));
    struct str inner = slice(doc, from, to);
    struct str before = lead(doc, start_of(map));
    bool lined = map->parent && (map->parent->flags & SETTING_MULTILINE) &&
                 (is_spaces(before) || is_comma_and_spaces(before));
    if (!lined)
        return set(doc, out, from, from,
                   arena_printf(a, "%.*s%.*s", STR_ARG(inner), STR_ARG(text)));
    struct str indent = indent_of(doc, start_of(map));
    text = broken_line(a, doc, indent, unit_of(doc), text);
    text = arena_printf(a, "%.*s%.*s%.*s", STR_ARG(text),
                        STR_ARG(source_newline(doc->source)), STR_ARG(indent));
    return set(doc, out, from, to, text);
}

/* Behind S, which no comma follows. Where a comment stands between the place of the
 * new comma and the place of the new line, its bytes are written again. */
static bool insert_last(struct arena *a, const struct document *doc,
                        const struct setting *s, struct tail t, struct str text,
                        struct edit *out)
{
    struct str before = lead(doc, s->key_span.from);
    uint32_t end = s->value_span.to;
    if (is_comma_and_spaces(before))
        return set(doc, out, t.attached, t.attached,
                   broken_line(a, doc, before, STR(""), text));
    if (!is_spaces(before) && !t.line_comment) {
        struct str comma = separator(doc, s->parent);
        return set(doc, out, t.attached, t.attached,
                   arena_printf(a, "%.*s%.*s", STR_ARG(comma), STR_ARG(text)));
    }
    text = broken_line(a, doc, indent_of(doc, s->key_span.from), STR(""), text);
    text =
        arena_printf(a, ",%.*s%.*s", STR_ARG(slice(doc, end, t.attached)), STR_ARG(text));
    return set(doc, out, end, t.attached, text);
}

/* Behind S, which a comma follows: that comma stays and is the new one's afterwards
 * where both stand on one line. */
static bool insert_between(struct arena *a, const struct document *doc,
                           const struct setting *s, struct tail t, struct str text,
                           struct edit *out)
{
    struct str before = lead(doc, s->key_span.from);
    if (t.comma_on_line && t.newline && is_spaces(before)) {
        text = broken_line(a, doc, before, STR(""), text);
        return set(doc, out, t.attached, t.attached,
                   arena_printf(a, "%.*s,", STR_ARG(text)));
    }
    struct str next = s->next ? lead(doc, s->next->key_span.from) : STR("");
    if (!t.comma_on_line && is_comma_and_spaces(next))
        return set(doc, out, t.attached, t.attached,
                   broken_line(a, doc, next, STR(""), text));
    struct str comma = separator(doc, s->parent);
    return set(doc, out, t.comma, t.comma,
               arena_printf(a, "%.*s%.*s", STR_ARG(comma), STR_ARG(text)));
}

bool json_edit_insert(struct arena *a, struct document *doc, const struct setting *map,
                      const struct setting *after, struct str key, struct value value,
                      struct edit *out, const char **why_not)
{
    assert(!after || after->parent == map);
    const char *why = obstacle(doc, map);
    if (why)
        return refuse(why_not, why);
    if (map->kind != SETTING_MAP)
        return refuse(why_not, "no object stands there");
    if (setting_child(map, key))
        return refuse(why_not, "the key is there already");
    const struct setting *behind = after ? after : map->last;
    struct str text;
    if (!pair(a, doc, behind, key, value, &text))
        return refuse(why_not, "JSON has no way to write the value");
    if (!behind)
        return insert_first(a, doc, map, text, out);
    struct tail t = tail_at(doc, behind->value_span.to);
    if (t.comma == NOWHERE)
        return insert_last(a, doc, behind, t, text, out);
    return insert_between(a, doc, behind, t, text, out);
}

/* --- remove -------------------------------------------------------------- */

static const struct setting *sibling_before(const struct setting *s)
{
    const struct setting *before = NULL;
    for (const struct setting *t = s->parent->first; t != s; t = t->next)
        before = t;
    return before;
}

/* S's own line or lines, with their last break. */
static bool remove_lines(const struct document *doc, const struct setting *s, struct tail t,
                         struct edit *out)
{
    return set(doc, out, line_start(doc, start_of(s)), next_line(doc, t.attached), STR(""));
}

/* S has a comma behind it, which goes too. */
static bool remove_with_comma(const struct document *doc, const struct setting *s,
                              struct tail t, struct edit *out, const char **why_not)
{
    uint32_t from = start_of(s);
    struct str before = lead(doc, from);
    if (t.comma_on_line && t.newline && is_spaces(before))
        return remove_lines(doc, s, t, out);
    if (!t.comma_on_line && is_comma_and_spaces(before))
        return remove_lines(doc, s, t, out);
    if (!t.comma_on_line && holds_comment(doc, t.attached, t.comma))
        return refuse(why_not, "a comment stands before its comma");
    uint32_t to = over_spaces(doc, t.comma + 1);
    if (t.comma_on_line && is_line_end(doc->source->text.at[to])) {
        /* The last on a line of several: the spaces before it go instead. */
        to = t.comma + 1;
        while (is_space(doc->source->text.at[from - 1]))
            from--;
    }
    return set(doc, out, from, to, STR(""));
}

/* S is the last and has no comma: the one before it goes, and what stands between that
 * comma and S (comments of the sibling) is written again. */
static bool remove_last(struct arena *a, const struct document *doc,
                        const struct setting *s, struct tail t, struct edit *out)
{
    uint32_t from = start_of(s);
    uint32_t comma = tail_at(doc, sibling_before(s)->value_span.to).comma;
    struct str before = lead(doc, from);
    bool own_line = is_spaces(before) && t.newline;
    if (is_comma_and_spaces(before) && t.newline)
        return remove_lines(doc, s, t, out);
    if (!own_line && !holds_comment(doc, comma, from))
        return set(doc, out, comma, t.attached, STR(""));
    uint32_t to = own_line ? before_break(doc, line_start(doc, from)) : from;
    return set(doc, out, comma, t.attached, arena_str(a, slice(doc, comma + 1, to)));
}

static bool remove_only(const struct document *doc, const struct setting *s, struct tail t,
                        struct edit *out)
{
    uint32_t from = s->parent->value_span.from + 1, to = s->parent->value_span.to - 1;
    if (!holds_comment(doc, from, to))
        return set(doc, out, from, to, STR(""));
    if (is_spaces(lead(doc, start_of(s))) && t.newline)
        return remove_lines(doc, s, t, out);
    return set(doc, out, start_of(s), t.attached, STR(""));
}

bool json_edit_remove(struct arena *a, struct document *doc, const struct setting *s,
                      struct edit *out, const char **why_not)
{
    if (doc->broken)
        return refuse(why_not, "the file has syntax errors");
    if (!s->parent)
        return refuse(why_not, "it is the whole document");
    if ((s->flags & SETTING_DUPLICATE) && !(s->flags & SETTING_OVERRIDDEN))
        return refuse(why_not, "an earlier duplicate of the key would take its place");
    struct tail t = tail_at(doc, s->value_span.to);
    bool only = s == s->parent->first && !s->next;
    if (only && (t.comma == NOWHERE || t.comma_on_line))
        return remove_only(doc, s, t, out);
    if (t.comma != NOWHERE)
        return remove_with_comma(doc, s, t, out, why_not);
    return remove_last(a, doc, s, t, out);
}
