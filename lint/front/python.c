/* Tokens to settings. Every statement is looked at for the shapes that carry settings
 * (assignment, field, call, dict, signature); what is no such shape is searched for calls
 * and dicts inside it, which then hang below the module. A call's or a dict's own parts
 * are found by stepping from comma to comma over whole groups, so the work is linear. */
#include "python.h"
#include "python_edit.h"
#include "python_layer.h"

#include <stdlib.h>
#include <string.h>

#include "../banned.h"

enum {
    MAX_DEPTH = 100,
    MAX_SETTINGS = 200000,
    MAX_ITEMS = 1000,
    MAX_KEY = 256,
    MAX_PATH = 1000,
    MAX_TARGETS = 16
};

struct scope {
    struct setting *map;
    unsigned flags;
    bool is_class;
};

static void scan(struct python *p, uint32_t first, uint32_t last);

/* --- building ------------------------------------------------------------- */

static struct span span_of(const struct python *p, uint32_t first, uint32_t last)
{
    return (struct span){p->tokens.at[first].from, p->tokens.at[last - 1].to};
}

static unsigned multiline(const struct python *p, struct span s)
{
    struct str text = str_slice(p->text, s.from, s.to);
    bool many = memchr(text.at, '\n', text.len) || memchr(text.at, '\r', text.len);
    return many ? SETTING_MULTILINE : 0;
}

static struct setting *put(struct python *p, struct setting *parent, enum setting_kind kind,
                           struct str key, struct span key_span, struct span value_span)
{
    if (p->full || p->doc->tree.all.len >= MAX_SETTINGS) {
        p->full = true;
        return NULL;
    }
    if (parent && parent->path.len > MAX_PATH)
        return NULL;
    struct setting *s = setting_add(p->arena, &p->doc->tree, parent, kind, key, key_span);
    s->value_span = value_span;
    if (parent)
        s->flags |= multiline(p, value_span);
    return s;
}

/* The comma that ends the item at FIRST, or LAST. A lambda's own commas are none. */
static uint32_t comma(const struct python *p, uint32_t first, uint32_t last)
{
    uint32_t i = first;
    while (i < last && !python_is_op(p, i, ',')) {
        if (python_is_name(p, i, "lambda"))
            i = python_colon(p, i + 1, last);
        i = i < last ? python_step(p, i, last) : last;
    }
    return i;
}

static bool contains_name(const struct python *p, uint32_t first, uint32_t last,
                          const char *name)
{
    for (uint32_t i = first; i < last; i = python_step(p, i, last))
        if (python_is_name(p, i, name))
            return true;
    return false;
}

/* Is [first, last) one group in brackets? */
static bool is_group(const struct python *p, uint32_t first, uint32_t last)
{
    return first + 1 < last && p->tokens.at[first].match == last - 1;
}

/* The bracket of a call that is all of [first, last), its callee a dotted name; LAST when
 * it is none. */
static uint32_t whole_call(const struct python *p, uint32_t first, uint32_t last)
{
    uint32_t i = first;
    while (i + 1 < last && p->tokens.at[i].kind == TOKEN_NAME) {
        if (python_is_op(p, i + 1, '('))
            return p->tokens.at[i + 1].match == last - 1 && i + 2 < last &&
                           !python_is_keyword(python_text(p, i))
                       ? i + 1
                       : last;
        if (!python_is_op(p, i + 1, '.'))
            return last;
        i += 2;
    }
    return last;
}

/* --- values --------------------------------------------------------------- */

static struct setting *add_scalar(struct python *p, struct setting *parent, struct str key,
                                  struct span key_span, uint32_t first, uint32_t last)
{
    struct folded f = python_value(p, first, last);
    struct setting *s =
        put(p, parent, SETTING_SCALAR, key, key_span, span_of(p, first, last));
    if (s) {
        s->value = f.value;
        s->style = f.style;
        s->why = f.why;
        s->text = f.value.kind == VALUE_STRING && f.style != STYLE_CODE
                      ? f.value.as.string
                      : source_quote(p->doc->source, s->value_span);
        if (!f.why && f.style == STYLE_CODE)
            python_name_use(p, s, first, last);
    }
    if (!f.why)
        return s;
    unsigned inside = p->inside;
    if (contains_name(p, first, last, "if") && !contains_name(p, first, last, "lambda"))
        p->inside |= SETTING_CONDITIONAL;
    scan(p, first, last);
    p->inside = inside;
    return s;
}

static void add_entry(struct python *p, struct setting *map, uint32_t first, uint32_t last)
{
    uint32_t colon = python_colon(p, first, last);
    if (colon == last || colon + 1 >= last || python_is_op(p, first, OP_POWER)) {
        scan(p, first, last);
        return;
    }
    struct str key;
    const struct token *t = &p->tokens.at[first];
    bool keyed = colon > first && (python_string(p, first, colon, &key) ||
                                   (t->kind == TOKEN_NUMBER && colon == first + 1));
    if (keyed && t->kind == TOKEN_NUMBER)
        key = python_text(p, first);
    if (keyed && key.len <= MAX_KEY) {
        python_add(p, map, key, span_of(p, first, colon), colon + 1, last, 0);
        return;
    }
    scan(p, first, colon);
    scan(p, colon + 1, last);
}

static struct setting *add_dict(struct python *p, struct setting *parent, struct str key,
                                struct span key_span, uint32_t open)
{
    uint32_t close = p->tokens.at[open].match;
    struct setting *s =
        put(p, parent, SETTING_MAP, key, key_span, span_of(p, open, close + 1));
    if (!s)
        return NULL;
    s->shape = SHAPE_DICT;
    s->style = STYLE_FLOW;
    for (uint32_t i = open + 1; i < close;) {
        uint32_t end = comma(p, i, close);
        if (end > i)
            add_entry(p, s, i, end);
        i = end + 1;
    }
    return s;
}

static bool is_dict(const struct python *p, uint32_t open)
{
    uint32_t close = p->tokens.at[open].match;
    if (close == open + 1)
        return true;
    uint32_t end = comma(p, open + 1, close);
    bool entry =
        python_is_op(p, open + 1, OP_POWER) || python_colon(p, open + 1, end) < end;
    return entry && !contains_name(p, open + 1, end, "for");
}

bool python_add_dict(struct python *p, struct setting *parent, struct str key,
                     struct span key_span, uint32_t open, unsigned flags)
{
    if (!is_dict(p, open))
        return false;
    struct setting *s = add_dict(p, parent, key, key_span, open);
    if (s)
        s->flags |= flags;
    return true;
}

/* How many items the list has; 0 when they cannot be told one by one. */
static uint32_t items(const struct python *p, uint32_t open)
{
    uint32_t close = p->tokens.at[open].match, count = 0;
    for (uint32_t i = open + 1; i < close; count++) {
        uint32_t end = comma(p, i, close);
        bool plain = end > i && !python_is_op(p, i, '*') && count < MAX_ITEMS &&
                     (count || !contains_name(p, i, end, "for"));
        if (!plain)
            return 0;
        i = end + 1;
    }
    return count;
}

static struct setting *add_list(struct python *p, struct setting *parent, struct str key,
                                struct span key_span, uint32_t open)
{
    uint32_t close = p->tokens.at[open].match;
    if (close > open + 1 && !items(p, open))
        return add_scalar(p, parent, key, key_span, open, close + 1);
    struct folded f = python_value(p, open, close + 1);
    struct setting *s =
        put(p, parent, SETTING_LIST, key, key_span, span_of(p, open, close + 1));
    if (!s)
        return NULL;
    s->style = f.why ? STYLE_FLOW : f.style;
    s->value = f.value;
    s->why = f.why ? "a list with parts that are not plain values" : NULL;
    for (uint32_t i = open + 1; i < close;) {
        uint32_t end = comma(p, i, close), at = p->tokens.at[i].from;
        python_add(p, s, (struct str){"", 0}, (struct span){at, at}, i, end, 0);
        i = end + 1;
    }
    return s;
}

static bool is_tuple(const struct python *p, uint32_t open)
{
    uint32_t close = p->tokens.at[open].match;
    return close == open + 1 || comma(p, open + 1, close) < close;
}

/* Parentheses around a value are no part of it. */
static void strip(const struct python *p, uint32_t *first, uint32_t *last)
{
    while (is_group(p, *first, *last) && python_is_op(p, *first, '(') &&
           !is_tuple(p, *first)) {
        ++*first;
        --*last;
    }
}

struct setting *python_add(struct python *p, struct setting *parent, struct str key,
                           struct span key_span, uint32_t first, uint32_t last,
                           unsigned flags)
{
    struct setting *s = NULL;
    strip(p, &first, &last);
    if (first >= last || !parent || p->depth >= MAX_DEPTH)
        return NULL;
    p->depth++;
    uint32_t open = whole_call(p, first, last);
    if (python_is_builtin(p, first, last))
        open = last;
    if (open < last && !python_special(p, first, open)) {
        s = python_add_call(p, parent, key, key_span, first, open, flags);
        p->depth--;
        return s;
    }
    if (open < last) {
        s = put(p, parent, SETTING_SCALAR, key, key_span, span_of(p, first, last));
        if (s) {
            s->why = "a call";
            s->style = STYLE_CODE;
        }
    } else if (is_group(p, first, last) && python_is_op(p, first, '{') &&
               is_dict(p, first)) {
        s = add_dict(p, parent, key, key_span, first);
    } else if (is_group(p, first, last) && !python_is_op(p, first, '{')) {
        s = add_list(p, parent, key, key_span, first);
    } else {
        s = add_scalar(p, parent, key, key_span, first, last);
    }
    p->depth--;
    if (s)
        s->flags |= flags;
    return s;
}

/* --- calls ---------------------------------------------------------------- */

static struct str dotted(struct python *p, uint32_t first, uint32_t last)
{
    struct buf b = buf_new(p->arena);
    if (first + 1 == last)
        return python_text(p, first);
    for (uint32_t i = first; i < last; i++)
        buf_add(&b, python_text(p, i));
    return buf_str(&b);
}

static void add_arguments(struct python *p, struct setting *map, uint32_t open)
{
    uint32_t close = p->tokens.at[open].match, position = 0;
    bool counted = true;
    for (uint32_t i = open + 1; i < close;) {
        uint32_t end = comma(p, i, close), at = p->tokens.at[i].from;
        bool star = python_is_op(p, i, '*') || python_is_op(p, i, OP_POWER);
        if (star) {
            counted = counted && python_is_op(p, i, OP_POWER);
            scan(p, i + 1, end);
        } else if (i + 2 < end && p->tokens.at[i].kind == TOKEN_NAME &&
                   python_is_op(p, i + 1, '=')) {
            python_add(p, map, python_text(p, i), span_of(p, i, i + 1), i + 2, end, 0);
        } else if (counted && end > i) {
            struct str key = arena_printf(p->arena, "%u", position++);
            python_add(p, map, key, (struct span){at, at}, i, end, SETTING_POSITIONAL);
        } else {
            scan(p, i, end);
        }
        i = end + 1;
    }
}

/* The call with the callee [first, open); KEY "" for one that is nobody's value. */
struct setting *python_add_call(struct python *p, struct setting *parent, struct str key,
                                struct span key_span, uint32_t first, uint32_t open,
                                unsigned flags)
{
    struct str name = dotted(p, first, open);
    uint32_t close = p->tokens.at[open].match;
    if (!key.len && parent->kind != SETTING_LIST) {
        struct str last = first < open ? python_text(p, open - 1) : (struct str){"", 0};
        key = arena_printf(p->arena, "%.*s()", STR_ARG(last));
        key_span = first < open ? span_of(p, first, open) : span_of(p, open, open + 1);
    }
    struct setting *s =
        put(p, parent, SETTING_MAP, key, key_span, span_of(p, first, close + 1));
    if (!s)
        return NULL;
    s->shape = SHAPE_CALL;
    s->style = STYLE_CODE;
    s->name = name;
    s->flags |= flags;
    add_arguments(p, s, open);
    return s;
}

static uint32_t callee_start(const struct python *p, uint32_t name, uint32_t least)
{
    while (name >= least + 2 && python_is_op(p, name - 1, '.') &&
           p->tokens.at[name - 2].kind == TOKEN_NAME)
        name -= 2;
    return name;
}

/* Calls and dicts anywhere in the expression [first, last). */
static void scan(struct python *p, uint32_t first, uint32_t last)
{
    static const struct str none = {"", 0};
    if (p->depth >= MAX_DEPTH)
        return;
    p->depth++;
    for (uint32_t i = first; i < last && !p->full; i++) {
        const struct token *t = &p->tokens.at[i];
        bool group = t->match > i && t->match < last;
        if (!group)
            continue;
        bool after_name = i > first && p->tokens.at[i - 1].kind == TOKEN_NAME &&
                          !python_is_keyword(python_text(p, i - 1));
        bool after_group =
            i > first && (python_is_op(p, i - 1, ')') || python_is_op(p, i - 1, ']'));
        if (t->op == '(' && (after_name || after_group)) {
            uint32_t start = after_name ? callee_start(p, i - 1, first) : i;
            if (after_group || !python_special(p, start, i))
                python_add_call(p, p->root, none, (struct span){0, 0}, start, i, p->inside);
            i = t->match;
        } else if (t->op == '{' && is_dict(p, i)) {
            struct setting *s = add_dict(p, p->root, STR("{}"), span_of(p, i, i + 1), i);
            if (s)
                s->flags |= p->inside;
            i = p->tokens.at[i].match;
        }
    }
    p->depth--;
}

/* --- statements ----------------------------------------------------------- */

static struct scope scope_of(const struct python *p, const struct line *line)
{
    const struct blocks *blocks = &p->doc->blocks;
    uint32_t b = line->header ? blocks->at[line->block].parent : line->block;
    struct scope s = {.map = p->root};
    bool nearest = true;
    for (;; b = blocks->at[b].parent) {
        if (blocks->at[b].kinds & BLOCK_FUNCTION) {
            s.flags |= SETTING_STATEMENT;
            nearest = false;
        }
        if (nearest && p->holders[b]) {
            s.map = p->holders[b];
            s.is_class = true;
            nearest = false;
        }
        if (b == 0)
            return s;
    }
}

/* A field() or Field() in a class body stands for its default, as Option() does in a
 * signature. True when taken. */
static bool add_field(struct python *p, struct setting *map, struct str key,
                      struct span key_span, uint32_t first, uint32_t last, unsigned flags)
{
    strip(p, &first, &last);
    uint32_t open = whole_call(p, first, last), from, to;
    if (open == last || !python_field(p, open, &from, &to))
        return false;
    if (from < to) {
        python_add(p, map, key, key_span, from, to, flags);
        return true;
    }
    struct setting *s = put(p, map, SETTING_SCALAR, key, key_span, span_of(p, first, last));
    if (s) {
        s->why = "a field without a default";
        s->style = STYLE_CODE;
        s->flags |= flags;
    }
    return true;
}

static bool is_dotted(const struct python *p, uint32_t first, uint32_t last)
{
    if (first >= last || p->tokens.at[last - 1].to - p->tokens.at[first].from > MAX_KEY)
        return false;
    for (uint32_t i = first; i < last; i++)
        if ((i - first) % 2 ? !python_is_op(p, i, '.') : p->tokens.at[i].kind != TOKEN_NAME)
            return false;
    return (last - first) % 2;
}

/* name["key"] with a dotted name: the bracket; LAST for anything else. */
static uint32_t subscript(const struct python *p, uint32_t first, uint32_t last)
{
    if (last - first < 4 || !python_is_op(p, last - 1, ']') ||
        p->tokens.at[last - 2].kind != TOKEN_STRING)
        return last;
    uint32_t open = last - 3;
    return python_is_op(p, open, '[') && is_dotted(p, first, open) ? open : last;
}

static void assign_subscript(struct python *p, const struct scope *scope, uint32_t first,
                             uint32_t open, uint32_t from, uint32_t to, unsigned flags)
{
    struct str key, name = dotted(p, first, open);
    uint32_t last = open + 3;
    if (!python_string(p, open + 1, open + 2, &key) || key.len > MAX_KEY) {
        scan(p, from, to);
        return;
    }
    if (str_eq(name, STR("os.environ")) || str_eq(name, STR("environ"))) {
        python_add(p, python_env(p), key, span_of(p, open + 1, open + 2), from, to, 0);
        return;
    }
    struct str path = arena_printf(p->arena, "%.*s.%.*s", STR_ARG(name), STR_ARG(key));
    python_add(p, scope->map, path, span_of(p, first, last), from, to, flags);
}

/* Takes the brackets off a tuple or list that is all of [*first, *last). */
static void open_tuple(const struct python *p, uint32_t *first, uint32_t *last)
{
    if (is_group(p, *first, *last) && !python_is_op(p, *first, '{')) {
        ++*first;
        --*last;
        *last -= python_is_op(p, *last - 1, ',');
    }
}

static bool assign_tuple(struct python *p, const struct scope *scope, uint32_t first,
                         uint32_t last, uint32_t from, uint32_t to)
{
    uint32_t targets = 0, values = 0;
    open_tuple(p, &first, &last);
    open_tuple(p, &from, &to);
    for (uint32_t i = first; i < last; i = comma(p, i, last) + 1)
        targets++;
    for (uint32_t i = from; i < to; i = comma(p, i, to) + 1)
        values++;
    if (targets < 2 || targets != values)
        return false;
    for (uint32_t i = first, v = from; i < last;) {
        uint32_t end = comma(p, i, last), value_end = comma(p, v, to);
        bool plain = end > i && value_end > v && is_dotted(p, i, end) &&
                     !python_is_op(p, v, '*') && !python_value(p, v, value_end).why;
        if (plain)
            python_add(p, scope->map, dotted(p, i, end), span_of(p, i, end), v, value_end,
                       scope->flags);
        else
            scan(p, v, value_end);
        i = end + 1;
        v = value_end + 1;
    }
    return true;
}

/* [first, last) = [from, to) */
static void assign(struct python *p, const struct scope *scope, uint32_t first,
                   uint32_t last, uint32_t from, uint32_t to, unsigned flags)
{
    uint32_t colon = python_colon(p, first, last);
    flags |= scope->flags | (colon < last ? SETTING_ANNOTATED : 0);
    uint32_t bracket = subscript(p, first, colon);
    if (colon > first && is_dotted(p, first, colon)) {
        struct str key = dotted(p, first, colon);
        struct span span = span_of(p, first, colon);
        if (!scope->is_class || !add_field(p, scope->map, key, span, from, to, flags))
            python_name_setting(p, key, from,
                                python_add(p, scope->map, key, span, from, to, flags));
    } else if (bracket < colon) {
        assign_subscript(p, scope, first, bracket, from, to, flags);
    } else if (!assign_tuple(p, scope, first, last, from, to)) {
        scan(p, first, last);
        scan(p, from, to);
    }
}

/* The next '=' of the statement at the same level, or LAST. */
static uint32_t equals(const struct python *p, uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i < last; i = python_step(p, i, last)) {
        if (python_is_op(p, i, '='))
            return i;
        if (python_is_name(p, i, "lambda") || python_is_op(p, i, OP_AUGMENTED))
            break;
    }
    return last;
}

static void simple(struct python *p, const struct scope *scope, uint32_t first,
                   uint32_t last)
{
    uint32_t value = first, targets = 0;
    bool keyword =
        p->tokens.at[first].kind == TOKEN_NAME && python_is_keyword(python_text(p, first));
    for (uint32_t e; !keyword && (e = equals(p, value, last)) < last; value = e + 1)
        targets++;
    if (!targets || value >= last) {
        scan(p, first, last);
        return;
    }
    unsigned flags = targets > 1 ? SETTING_ANCHORED : 0;
    for (uint32_t from = first, n = 0; from < value && n < MAX_TARGETS; n++) {
        uint32_t e = equals(p, from, last);
        assign(p, scope, from, e, value, last, flags);
        from = e + 1;
    }
}

static void signature(struct python *p, const struct scope *scope, uint32_t name)
{
    uint32_t open = name + 1;
    while (python_is_op(p, open, '[')) /* type parameters */
        open = p->tokens.at[open].match + 1;
    uint32_t close = open < p->tokens.len ? p->tokens.at[open].match : open;
    if (!python_is_op(p, open, '(') || close <= open)
        return;
    struct setting *map = NULL;
    for (uint32_t i = open + 1; i < close;) {
        uint32_t end = comma(p, i, close), e = equals(p, i, end);
        if (e + 1 < end && p->tokens.at[i].kind == TOKEN_NAME) {
            struct str key =
                arena_printf(p->arena, "%.*s()", STR_ARG(python_text(p, name)));
            if (!map)
                map = put(p, scope->map, SETTING_MAP, key, span_of(p, name, name + 1),
                          span_of(p, open, close + 1));
            if (!map)
                return;
            map->shape = SHAPE_SIGNATURE;
            map->style = STYLE_CODE;
            map->name = python_text(p, name);
            map->flags |= scope->flags;
            unsigned annotated = python_is_op(p, i + 1, ':') ? SETTING_ANNOTATED : 0;
            struct span span = span_of(p, i, i + 1);
            if (!add_field(p, map, python_text(p, i), span, e + 1, end, annotated))
                python_add(p, map, python_text(p, i), span, e + 1, end, annotated);
        }
        i = end + 1;
    }
}

static void open_class(struct python *p, const struct scope *scope, const struct line *line,
                       uint32_t name, uint32_t colon)
{
    struct span body = p->doc->blocks.at[line->block].span;
    struct span whole = {p->tokens.at[name - 1].from, body.to};
    struct setting *s = put(p, scope->map, SETTING_MAP, python_text(p, name),
                            span_of(p, name, name + 1), whole);
    if (s) {
        s->shape = SHAPE_CLASS;
        s->name = python_text(p, name);
        s->flags |= scope->flags;
    }
    p->holders[line->block] = s;
    if (python_is_op(p, name + 1, '('))
        scan(p, name + 2, colon ? colon - 1 : colon);
}

/* A bracket without its other half: what belongs to what is not known here. */
static bool is_torn(const struct python *p, const struct line *line)
{
    for (uint32_t i = line->first; p->doc->broken && i < line->last; i++) {
        const struct token *t = &p->tokens.at[i];
        if (t->kind == TOKEN_OP && t->op && strchr("([{}])", t->op) && t->match == i)
            return true;
    }
    return false;
}

static void take_line(struct python *p, const struct line *line)
{
    uint32_t first = line->first, last = line->last;
    if (is_torn(p, line))
        return;
    struct scope scope = scope_of(p, line);
    p->inside = scope.flags;
    p->scope =
        python_scope(p, line->header ? p->doc->blocks.at[line->block].parent : line->block);
    if (python_is_header(p, first, last)) {
        uint32_t colon = python_colon(p, first, last);
        uint32_t word = first + python_is_name(p, first, "async");
        bool named = word + 1 < colon && p->tokens.at[word + 1].kind == TOKEN_NAME;
        if (python_is_name(p, word, "def") && named) {
            signature(p, &scope, word + 1);
        } else if (python_is_name(p, word, "class") && named && line->header) {
            open_class(p, &scope, line, word + 1, colon);
        } else {
            scan(p, word + 1 < colon ? word + 1 : colon, colon);
        }
        first = colon < last ? colon + 1 : last;
        struct line body = *line;
        body.header = false;
        scope = scope_of(p, &body);
        p->inside = scope.flags;
        p->scope = python_scope(p, line->block);
    }
    while (first < last) {
        uint32_t end = python_statement_end(p, first, last);
        if (end > first)
            simple(p, &scope, first, end);
        first = end + 1;
    }
}

/* --- duplicates ----------------------------------------------------------- */

static int by_key(const void *left, const void *right)
{
    const struct setting *a = *(struct setting *const *)left;
    const struct setting *b = *(struct setting *const *)right;
    int c = str_compare(a->key, b->key);
    return c ? c : (a->id > b->id) - (a->id < b->id);
}

static bool counts(const struct python *p, const struct setting *map,
                   const struct setting *s)
{
    if (map->shape == SHAPE_DICT)
        return s->key_span.to > s->key_span.from && s->shape != SHAPE_SIGNATURE;
    /* Of a module only what every run of it executes, and only plain values. */
    uint32_t from = s->key_span.from;
    bool at_margin = from == p->doc->source->body || p->text.at[from - 1] == '\n' ||
                     p->text.at[from - 1] == '\r';
    return s->kind == SETTING_SCALAR && s->value.kind != VALUE_UNKNOWN && at_margin &&
           s->shape == SHAPE_PLAIN;
}

static void mark_duplicates(struct python *p, struct setting *map)
{
    struct arena_mark mark = arena_mark(p->scratch);
    struct settings list = {0};
    for (struct setting *s = map->first; s; s = s->next)
        if (counts(p, map, s))
            vec_push(p->scratch, &list, s);
    if (list.len > 1)
        qsort(list.at, list.len, sizeof *list.at, by_key);
    for (size_t i = 1; i < list.len; i++) {
        if (!str_eq(list.at[i - 1]->key, list.at[i]->key))
            continue;
        list.at[i - 1]->flags |= SETTING_OVERRIDDEN;
        list.at[i]->flags |= SETTING_DUPLICATE;
    }
    arena_release(p->scratch, mark);
}

/* --- the whole ------------------------------------------------------------ */

static void parse(struct arena *a, struct document *doc)
{
    struct arena scratch = {0};
    struct python *p = arena_new(&scratch, struct python);
    p->arena = a;
    p->scratch = &scratch;
    p->doc = doc;
    p->text = doc->source->text;
    python_mask(p);
    python_block(p);
    python_names(p);
    p->holders = arena_alloc_array(&scratch, doc->blocks.len, sizeof(struct setting *));
    struct span all = {doc->source->body, (uint32_t)p->text.len};
    p->root = put(p, NULL, SETTING_MAP, (struct str){"", 0}, (struct span){0, 0}, all);
    p->root->shape = SHAPE_MODULE;
    for (size_t i = 0; i < p->lines.len && !p->full; i++)
        take_line(p, &p->lines.at[i]);
    python_name_targets(p);
    python_layers(p);
    for (size_t i = 0; i < doc->tree.all.len; i++) {
        struct setting *s = doc->tree.all.at[i];
        if (s->shape == SHAPE_DICT || s->shape == SHAPE_MODULE)
            mark_duplicates(p, s);
    }
    arena_free(&scratch);
}

const struct front front_python = {LANGUAGE_PYTHON, parse,         python_replace,
                                   python_insert,   python_remove, python_wrap};
