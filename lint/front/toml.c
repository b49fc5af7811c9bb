/* TOML: toml++ reads, and here its lines and columns become bytes, and its tables the
 * tree. The library says nothing of comments; they are found by a look at the text that
 * knows strings only, which is enough in a file that parses. */
#include "toml.h"

#include <assert.h>
#include <string.h>

#include "../banned.h"

enum { MAX_DOTS = 60 };

struct reader {
    struct arena *arena;
    struct document *doc;
    struct str text; /* without a byte order mark */
    uint32_t base;   /* where it starts in the file */
    uint32_t *lines;
    uint32_t line_count;
    struct setting *open;
    struct toml_point near; /* a place whose offset is known */
    uint32_t near_offset;
};

/* --- places ------------------------------------------------------------------ */

static void find_lines(struct reader *r, struct arena *scratch)
{
    uint32_t count = 1;
    for (size_t i = 0; i < r->text.len; i++)
        count += r->text.at[i] == '\n';
    r->lines = arena_alloc_array(scratch, count, sizeof *r->lines);
    r->line_count = 1;
    for (size_t i = 0; i < r->text.len; i++)
        if (r->text.at[i] == '\n')
            r->lines[r->line_count++] = (uint32_t)i + 1;
}

/* The offset of P in the text. Places come mostly in order, also on one long line. */
static uint32_t offset(struct reader *r, struct toml_point p)
{
    if (!p.line || p.line > r->line_count)
        return (uint32_t)r->text.len;
    uint32_t at = r->lines[p.line - 1], column = 1;
    if (r->near.line == p.line && r->near.column <= p.column) {
        at = r->near_offset;
        column = r->near.column;
    }
    for (; column < p.column && at < r->text.len; column++)
        do
            at++;
        while (at < r->text.len && ((unsigned char)r->text.at[at] & 0xC0) == 0x80);
    r->near = p;
    r->near_offset = at;
    return at;
}

static struct span span(struct reader *r, struct toml_range range)
{
    uint32_t from = offset(r, range.from), to = offset(r, range.to);
    if (to < from)
        to = from;
    return (struct span){r->base + from, r->base + to};
}

/* --- the tree ------------------------------------------------------------------ */

static struct setting *add(struct reader *r, const struct toml_node *n, enum setting_kind kind)
{
    struct str key = {"", 0};
    struct span key_span = {0, 0};
    if (n->key) {
        key = arena_str(r->arena, (struct str){n->key, n->key_len});
        key_span = span(r, n->key_range);
    }
    return setting_add(r->arena, &r->doc->tree, r->open, kind, key, key_span);
}

static bool is_block(enum toml_kind kind)
{
    return kind == TOML_TABLE || kind == TOML_TABLES;
}

static void on_open(void *context, const struct toml_node *n)
{
    struct reader *r = context;
    bool list = n->kind == TOML_ARRAY || n->kind == TOML_TABLES;
    struct setting *s = add(r, n, list ? SETTING_LIST : SETTING_MAP);
    s->style = is_block(n->kind) ? STYLE_NONE : STYLE_FLOW;
    uint32_t from = s->parent ? r->base + offset(r, n->range.from) : r->doc->source->body;
    s->value_span = (struct span){from, from};
    r->open = s;
}

static struct value list_value(struct arena *a, const struct setting *list)
{
    struct value *at = arena_alloc_array(a, list->count ? list->count : 1, sizeof *at);
    size_t len = 0;
    for (const struct setting *s = list->first; s; s = s->next)
        at[len++] = s->value;
    return (struct value){VALUE_LIST, {.list = {at, len}}};
}

static void on_close(void *context, const struct toml_node *n)
{
    struct reader *r = context;
    struct setting *s = r->open;
    uint32_t to = s->parent ? r->base + offset(r, n->range.to) : (uint32_t)r->doc->source->text.len;
    if (is_block(n->kind))
        for (const struct setting *c = s->first; c; c = c->next)
            to = c->value_span.to > to ? c->value_span.to : to;
    s->value_span.to = to > s->value_span.from ? to : s->value_span.from;
    if (str_find_byte(source_quote(r->doc->source, s->value_span), '\n', 0) != SIZE_MAX)
        s->flags |= SETTING_MULTILINE;
    if (s->kind == SETTING_LIST)
        s->value = list_value(r->arena, s);
    r->open = s->parent;
}

static enum style string_style(struct str raw)
{
    if (str_starts(raw, STR("\"\"\"")) || str_starts(raw, STR("'''")))
        return STYLE_LITERAL;
    return raw.len && raw.at[0] == '\'' ? STYLE_SINGLE : STYLE_DOUBLE;
}

static void on_scalar(void *context, const struct toml_node *n)
{
    struct reader *r = context;
    struct setting *s = add(r, n, SETTING_SCALAR);
    s->value_span = span(r, n->range);
    struct str raw = source_quote(r->doc->source, s->value_span);
    s->text = raw;
    s->style = STYLE_PLAIN;
    switch (n->kind) {
    case TOML_STRING:
        s->text = arena_str(r->arena, (struct str){n->text, n->text_len});
        s->value = VALUE_OF_STR(s->text);
        s->style = string_style(raw);
        break;
    case TOML_INT:
        s->value = VALUE_OF_INT(n->integer);
        break;
    case TOML_FLOAT:
        s->value = VALUE_OF_FLOAT(n->real);
        break;
    case TOML_BOOL:
        s->value = VALUE_OF_BOOL(n->boolean);
        break;
    default:
        s->why = "a date or time";
    }
    if (str_find_byte(raw, '\n', 0) != SIZE_MAX)
        s->flags |= SETTING_MULTILINE;
}

static void problem(struct reader *r, struct span at, struct str message)
{
    struct finding *f = finding_add(r->arena, &r->doc->problems, r->doc->source, at, "%.*s",
                                    STR_ARG(message));
    f->code = STR("SYN001");
    f->rule = STR("syntax-error");
    f->severity = SEVERITY_ERROR;
    r->doc->broken = true;
}

static void on_error(void *context, const char *message, size_t len, struct toml_range range)
{
    struct reader *r = context;
    struct span at = span(r, range);
    struct str what = {message, len};
    if (at.to == at.from && at.to < r->doc->source->text.len)
        for (at.to++; at.to < r->doc->source->text.len &&
                      ((unsigned char)r->doc->source->text.at[at.to] & 0xC0) == 0x80;)
            at.to++;
    problem(r, at, arena_printf(r->arena, "not TOML: %.*s", STR_ARG(what)));
}

/* --- the text --------------------------------------------------------------------- */

/* Behind the string that starts at AT. */
static size_t skip_string(struct str text, size_t at)
{
    char quote = text.at[at];
    bool triple = at + 2 < text.len && text.at[at + 1] == quote && text.at[at + 2] == quote;
    for (at += triple ? 3 : 1; at < text.len; at++) {
        if (text.at[at] == '\\' && quote == '"') {
            at++;
        } else if (text.at[at] == quote) {
            if (!triple)
                return at + 1;
            if (at + 2 < text.len && text.at[at + 1] == quote && text.at[at + 2] == quote) {
                for (at += 3; at < text.len && text.at[at] == quote;)
                    at++;
                return at;
            }
        } else if (!triple && text.at[at] == '\n') {
            return at;
        }
    }
    return at;
}

static size_t comment(struct reader *r, size_t at, bool own_line)
{
    size_t to = str_find_byte(r->text, '\n', at);
    to = to == SIZE_MAX ? r->text.len : to;
    size_t end = to > at && r->text.at[to - 1] == '\r' ? to - 1 : to;
    *vec_add(r->arena, &r->doc->comments) =
        (struct comment){{r->base + (uint32_t)at, r->base + (uint32_t)end}, own_line};
    return to;
}

/* Notes comments. False when a name has more dots than anybody writes: the library would
 * nest as deep. */
static bool scan(struct reader *r)
{
    struct str text = r->text;
    unsigned dots = 0;
    bool blank = true; /* so far on this line */
    for (size_t at = 0; at < text.len;) {
        char c = text.at[at];
        if (c == '#') {
            at = comment(r, at, blank);
            continue;
        }
        if (c == '"' || c == '\'') {
            at = skip_string(text, at);
            blank = false;
            continue;
        }
        dots = c == '.' ? dots + 1 : c && strchr("=,[]{}\n", c) ? 0 : dots;
        if (dots > MAX_DOTS) {
            uint32_t from = r->base + (uint32_t)at;
            problem(r, (struct span){from, from + 1}, STR("nested too deeply"));
            return false;
        }
        blank = c == '\n' || (blank && (c == ' ' || c == '\t' || c == '\r'));
        at++;
    }
    return true;
}

static void parse(struct arena *a, struct document *doc)
{
    struct arena scratch = {0};
    struct reader r = {.arena = a, .doc = doc, .base = doc->source->body};
    r.text = str_slice(doc->source->text, r.base, doc->source->text.len);
    find_lines(&r, &scratch);
    struct toml_listener listener = {&r, on_open, on_scalar, on_close, on_error};
    if (scan(&r))
        toml_events(r.text.at, r.text.len, &listener);
    arena_free(&scratch);
}

const struct front front_toml = {
    .language = LANGUAGE_TOML,
    .parse = parse,
    .replace = toml_replace,
    .insert = toml_insert,
    .remove = toml_remove,
};
