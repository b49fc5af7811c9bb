/* Adding a key that is not there, beside a sibling and in its manner: its line, its
 * indentation, its comma, its quotes, its annotation. Without a sibling there is nothing
 * that shows where the key belongs, so that only an empty bracket is filled. */
#include "python_edit.h"
#include "python.h"

#include <string.h>

#include "../match.h"
#include "../banned.h"

static bool refuse(const char **why_not, const char *why)
{
    *why_not = why;
    return false;
}

static bool whole(const char *pattern, struct str text)
{
    const struct pattern *p = match_pattern(str_from(pattern), NULL);
    return p && match_whole(p, text);
}

static bool is_identifier(struct str s)
{
    return whole("[A-Za-z_]\\w*", s) && !python_is_keyword(s);
}

static bool is_field(const struct setting *s)
{
    return s->key_span.from < s->key_span.to && s->shape != SHAPE_SIGNATURE &&
           s->shape != SHAPE_CLASS && !(s->flags & SETTING_POSITIONAL) &&
           !str_ends(s->key, STR("()")) && !str_eq(s->key, STR("{}"));
}

/* The sibling to stand behind: AFTER, or the last that serves. */
static const struct setting *sibling(const struct setting *map, const struct setting *after)
{
    if (after && after->parent == map && is_field(after))
        return after;
    const struct setting *last = NULL;
    for (const struct setting *s = map->first; s; s = s->next)
        if (is_field(s) && !(s->flags & SETTING_STATEMENT))
            last = s;
    return last;
}

static char key_quote(const struct document *doc, const struct setting *s)
{
    struct str key = s ? source_quote(doc->source, s->key_span) : (struct str){"", 0};
    for (size_t i = 0; i < key.len && i < 3; i++)
        if (key.at[i] == '"' || key.at[i] == '\'')
            return key.at[i];
    return python_edit_quote(doc);
}

/* --- into brackets -------------------------------------------------------- */

/* key=8 or "key": 8 */
static bool write_entry(struct buf *b, const struct document *doc,
                        const struct setting *map, const struct setting *beside,
                        struct str key, struct value value)
{
    char quote = key_quote(doc, map->shape == SHAPE_DICT ? beside : NULL);
    if (map->shape == SHAPE_DICT) {
        if (!python_edit_literal(b, VALUE_OF_STR(key), quote, false))
            return false;
        buf_cstr(b, ": ");
    } else {
        buf_add(b, key);
        buf_byte(b, '=');
    }
    return python_edit_literal(b, value, quote, false);
}

/* The entry to stand behind, or -1 for the front. Positional arguments stay ahead of
 * keywords, and **more stays last. */
static ptrdiff_t entry_before(const struct setting *map, const struct setting *beside,
                              const struct entries *list)
{
    ptrdiff_t at = -1;
    for (size_t i = 0; i < list->len; i++) {
        const struct entry *e = &list->at[i];
        bool holds = beside && e->span.from <= beside->key_span.from &&
                     beside->key_span.from < e->span.to;
        bool positional = map->shape == SHAPE_CALL && !e->keyword && !e->spread;
        if (holds || positional || (!beside && !e->spread))
            at = (ptrdiff_t)i;
    }
    return at;
}

/* Behind E, which has its line to itself; PIECE gets the next line. */
static void on_new_line(struct arena *a, const struct document *doc, const struct entry *e,
                        struct str piece, struct edit *out)
{
    struct str text = doc->source->text, newline = source_newline(doc->source);
    uint32_t start = python_edit_line_start(text, e->span.from);
    struct str indent = str_slice(text, start, e->span.from);
    uint32_t end = python_edit_line_end(text, e->span.to);
    uint32_t behind = e->comma ? e->comma + 1 : e->span.to;
    if (e->comma) {
        out->span = (struct span){end, end};
        out->text = arena_printf(a, "%.*s%.*s%.*s,", STR_ARG(newline), STR_ARG(indent),
                                 STR_ARG(piece));
        return;
    }
    /* The comma goes before a comment that ends the line. */
    uint32_t to = python_edit_blank(doc, behind, end) ? end : behind;
    out->span = (struct span){behind, to};
    out->text = arena_printf(a, ",%.*s%.*s%.*s%.*s", STR_ARG(str_slice(text, behind, to)),
                             STR_ARG(newline), STR_ARG(indent), STR_ARG(piece));
}

static void beside_entry(struct arena *a, const struct document *doc, const struct entry *e,
                         struct str piece, struct edit *out)
{
    struct str text = doc->source->text;
    uint32_t start = python_edit_line_start(text, e->span.from);
    uint32_t end = python_edit_line_end(text, e->span.to);
    bool own = python_edit_blank(doc, start, e->span.from);
    bool comma_here = e->comma && e->comma < end;
    bool last = e->comma ? comma_here && python_edit_blank(doc, e->comma + 1, end) : true;
    out->source = doc->source;
    if (own && last) {
        on_new_line(a, doc, e, piece, out);
        return;
    }
    out->span = (struct span){e->span.to, e->span.to};
    out->text = arena_printf(a, ", %.*s", STR_ARG(piece));
}

static bool into_brackets(struct arena *a, struct document *doc, const struct setting *map,
                          const struct setting *after, struct str key, struct value value,
                          struct edit *out, const char **why_not)
{
    struct entries list;
    if (map->shape == SHAPE_CALL && !is_identifier(key))
        return refuse(why_not, "the key cannot be a keyword argument");
    if (!python_edit_entries(a, doc, map, &list))
        return refuse(why_not, "the brackets around it cannot be read");
    const struct setting *beside = sibling(map, after);
    struct buf b = buf_new(a);
    if (!write_entry(&b, doc, map, beside, key, value))
        return refuse(why_not, "the new value is not a plain one");
    ptrdiff_t before = entry_before(map, beside, &list);
    if (before >= 0) {
        beside_entry(a, doc, &list.at[before], buf_str(&b), out);
        return true;
    }
    uint32_t at = map->value_span.to - 1;
    if (list.len) {
        at = list.at[0].span.from;
        buf_cstr(&b, ", ");
    } else {
        at = map->value_span.from;
        char open = map->shape == SHAPE_DICT ? '{' : '(';
        while (doc->masked.at[at] != open)
            at++;
        at++;
    }
    *out = (struct edit){doc->source, {at, at}, buf_str(&b)};
    return true;
}

/* --- as a statement ------------------------------------------------------- */

static const char *annotation(struct value v)
{
    switch (v.kind) {
    case VALUE_BOOL:
        return "bool";
    case VALUE_INT:
        return "int";
    case VALUE_FLOAT:
        return "float";
    case VALUE_STRING:
        return "str";
    default:
        return NULL;
    }
}

/* Where the sibling pads before its "=", so does the new line B. */
static void pad_to_equals(const struct document *doc, const struct setting *beside,
                          uint32_t line, struct buf *b)
{
    uint32_t equals = beside->key_span.to;
    struct str text = doc->source->text;
    while (equals < text.len && text.at[equals] == ' ')
        equals++;
    bool padded = equals > beside->key_span.to + 1 && text.at[equals] == '=';
    size_t own = b->len - source_newline(doc->source).len;
    if (padded && own + 1 < equals - line)
        buf_repeat(b, ' ', equals - line - own - 1);
}

static bool as_statement(struct arena *a, struct document *doc,
                         const struct setting *beside, struct str key, struct value value,
                         struct edit *out, const char **why_not)
{
    struct str text = doc->source->text;
    uint32_t start = python_edit_line_start(text, beside->key_span.from);
    if (!whole("[A-Za-z_]\\w*(?:\\.[A-Za-z_]\\w*)*", key))
        return refuse(why_not, "the key cannot be a name");
    if (!python_edit_blank(doc, start, beside->key_span.from))
        return refuse(why_not, "the line it belongs to holds other code");
    struct buf b = buf_new(a);
    buf_add(&b, source_newline(doc->source));
    buf_add(&b, str_slice(text, start, beside->key_span.from));
    buf_add(&b, key);
    if (beside->flags & SETTING_ANNOTATED) {
        const char *type = annotation(value);
        if (!type)
            return refuse(why_not, "the type of the new field cannot be written");
        buf_printf(&b, ": %s", type);
    }
    pad_to_equals(doc, beside, start, &b);
    buf_cstr(&b, " = ");
    if (!python_edit_literal(&b, value, python_edit_quote(doc), false))
        return refuse(why_not, "the new value is not a plain one");
    uint32_t end = python_edit_statement_end(doc, start);
    *out = (struct edit){doc->source, {end, end}, buf_str(&b)};
    return true;
}

/* --- as an environment variable ------------------------------------------- */

/* The line of the first import of torch, else of the first import that a module with its
 * own variables could stand before. */
static bool import_line(const struct document *doc, uint32_t *at)
{
    static const char *const patterns[] = {
        "(?m)^(?:import[ \\t]+(?:[\\w.]+(?:[ \\t]+as[ \\t]+\\w+)?[ \\t]*,[ \\t]*)*torch\\b|"
        "from[ \\t]+torch[\\w.]*[ \\t]+import\\b)",
        "(?m)^(?:import|from)[ \\t]+(?!__future__\\b|os\\b|sys\\b|\\.)\\w",
    };
    struct match m;
    uint32_t body = doc->source->body;
    struct str text = str_slice(doc->masked, body, doc->masked.len);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        const struct pattern *p = match_pattern(str_from(patterns[i]), NULL);
        if (p && match_find(p, text, 0, &m)) {
            *at = body + m.group[0].from;
            return true;
        }
    }
    return false;
}

static bool imports_os(const struct document *doc, uint32_t before)
{
    struct match m;
    const struct pattern *p = match_pattern(
        STR("(?m)^import[ \\t]+(?:[\\w.]+(?:[ \\t]+as[ \\t]+\\w+)?[ \\t]*,[ \\t]*)*"
            "os\\b(?![ \\t]+as\\b)"),
        NULL);
    uint32_t body = doc->source->body;
    return p && match_find(p, str_slice(doc->masked, body, before), 0, &m);
}

static bool as_variable(struct arena *a, struct document *doc, struct str key,
                        struct value value, struct edit *out, const char **why_not)
{
    uint32_t at;
    if (!import_line(doc, &at))
        return refuse(why_not, "no import shows where the variable must be set");
    struct str newline = source_newline(doc->source);
    char quote = python_edit_quote(doc);
    struct buf written = buf_new(a), b = buf_new(a);
    value_print(&written, value);
    if (!imports_os(doc, at))
        buf_printf(&b, "import os%.*s", STR_ARG(newline));
    buf_cstr(&b, "os.environ.setdefault(");
    (void)python_edit_literal(&b, VALUE_OF_STR(key), quote, false);
    buf_cstr(&b, ", ");
    (void)python_edit_literal(&b, VALUE_OF_STR(buf_str(&written)), quote, false);
    buf_printf(&b, ")%.*s", STR_ARG(newline));
    *out = (struct edit){doc->source, {at, at}, buf_str(&b)};
    return true;
}

/* --- the whole ------------------------------------------------------------ */

static bool into_class(struct arena *a, struct document *doc, const struct setting *map,
                       const struct setting *after, struct str key, struct value value,
                       struct edit *out, const char **why_not)
{
    const struct setting *beside = sibling(map, after);
    if (!beside)
        return refuse(why_not, map->shape == SHAPE_CLASS
                                   ? "the class has no fields to stand beside"
                                   : "no assignment shows where it belongs");
    return as_statement(a, doc, beside, key, value, out, why_not);
}

bool python_insert(struct arena *a, struct document *doc, const struct setting *map,
                   const struct setting *after, struct str key, struct value value,
                   struct edit *out, const char **why_not)
{
    if (doc->broken)
        return refuse(why_not, "the file does not parse");
    if (value.kind == VALUE_UNKNOWN)
        return refuse(why_not, "the new value is not a plain one");
    switch (map->shape) {
    case SHAPE_DICT:
    case SHAPE_CALL:
        return into_brackets(a, doc, map, after, key, value, out, why_not);
    case SHAPE_MODULE:
        if (str_starts(key, STR("env.")))
            return as_variable(a, doc, str_slice(key, 4, key.len), value, out, why_not);
        return into_class(a, doc, map, after, key, value, out, why_not);
    case SHAPE_CLASS:
        return into_class(a, doc, map, after, key, value, out, why_not);
    case SHAPE_ENV:
        return as_variable(a, doc, key, value, out, why_not);
    case SHAPE_SIGNATURE:
        return refuse(why_not, "a parameter cannot be added");
    default:
        return refuse(why_not, "an option cannot be added");
    }
}
