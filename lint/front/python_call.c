/* Calls whose arguments define something by name: command-line options and environment
 * variables. They are gathered into two maps, whatever the parser object is called. */
#include "python.h"

#include <string.h>

#include "../banned.h"

static uint32_t comma(const struct python *p, uint32_t first, uint32_t last)
{
    uint32_t i = first;
    while (i < last && !python_is_op(p, i, ','))
        i = python_step(p, i, last);
    return i;
}

bool python_keyword(const struct python *p, uint32_t open, const char *name,
                    uint32_t *first, uint32_t *last)
{
    uint32_t close = p->tokens.at[open].match;
    for (uint32_t i = open + 1; i < close; i = comma(p, i, close) + 1) {
        if (!python_is_name(p, i, name) || !python_is_op(p, i + 1, '=') || i + 2 >= close)
            continue;
        *first = i + 2;
        *last = comma(p, i, close);
        return *last > *first;
    }
    return false;
}

/* The Nth positional argument. */
static bool positional(const struct python *p, uint32_t open, uint32_t n, uint32_t *first,
                       uint32_t *last)
{
    uint32_t close = p->tokens.at[open].match, i = open + 1;
    while (n-- && i < close)
        i = comma(p, i, close) + 1;
    if (i >= close || python_is_op(p, i + 1, '=') || python_is_op(p, i, '*') ||
        python_is_op(p, i, OP_POWER))
        return false;
    *first = i;
    *last = comma(p, i, close);
    return *last > *first;
}

static struct setting *gathered(struct python *p, struct setting **map, const char *key,
                                enum shape shape)
{
    if (!*map && !p->full) {
        uint32_t at = p->doc->source->body;
        *map = setting_add(p->arena, &p->doc->tree, p->root, SETTING_MAP, str_from(key),
                           (struct span){at, at});
        (*map)->shape = shape;
        (*map)->value_span = (struct span){at, at};
    }
    return *map;
}

struct setting *python_env(struct python *p)
{
    return gathered(p, &p->env, "env", SHAPE_ENV);
}

/* --- options -------------------------------------------------------------- */

/* A string argument and the token that holds it. */
struct flag {
    struct str name;
    uint32_t token;
};

static bool string_argument(struct python *p, uint32_t open, uint32_t n, struct flag *out)
{
    uint32_t first, last;
    if (!positional(p, open, n, &first, &last) || last != first + 1)
        return false;
    out->token = first;
    return python_string(p, first, last, &out->name);
}

/* The longest of the leading strings: "-b", "--batch-size". */
static bool longest_flag(struct python *p, uint32_t open, struct flag *out)
{
    struct flag f;
    *out = (struct flag){{"", 0}, 0};
    for (uint32_t n = 0; n < 16 && string_argument(p, open, n, &f); n++)
        if (f.name.len > out->name.len)
            *out = f;
    return out->name.len > 0;
}

static struct span flag_span(const struct python *p, const struct flag *f)
{
    return (struct span){p->tokens.at[f->token].from, p->tokens.at[f->token].to};
}

/* An option without a default: what the program then sees. */
static void add_bare(struct python *p, struct setting *map, const struct flag *f,
                     struct value value, const char *why, uint32_t open)
{
    if (p->full)
        return;
    uint32_t at = p->tokens.at[p->tokens.at[open].match].from;
    struct setting *s =
        setting_add(p->arena, &p->doc->tree, map, SETTING_SCALAR, f->name, flag_span(p, f));
    s->value_span = (struct span){at, at};
    s->value = value;
    s->why = why;
}

static bool action_is(struct python *p, uint32_t open, struct str name)
{
    uint32_t first, last;
    struct str action;
    return python_keyword(p, open, "action", &first, &last) &&
           python_string(p, first, last, &action) && str_eq(action, name);
}

static bool is_true(struct python *p, uint32_t open, const char *keyword)
{
    uint32_t first, last;
    return python_keyword(p, open, keyword, &first, &last) &&
           python_is_name(p, first, "True") && last == first + 1;
}

static void add_option(struct python *p, const struct flag *f, uint32_t open,
                       uint32_t default_position)
{
    struct setting *map = gathered(p, &p->argparse, "argparse", SHAPE_ARGPARSE);
    uint32_t first, last;
    bool has = python_keyword(p, open, "default", &first, &last) ||
               (default_position && positional(p, open, default_position, &first, &last));
    struct value value = {.kind = VALUE_NULL};
    if (has) {
        python_add(p, map, f->name, flag_span(p, f), first, last, 0);
    } else if (action_is(p, open, STR("store_true")) || is_true(p, open, "is_flag")) {
        add_bare(p, map, f, VALUE_OF_BOOL(false), NULL, open);
    } else if (action_is(p, open, STR("store_false"))) {
        add_bare(p, map, f, VALUE_OF_BOOL(true), NULL, open);
    } else if (is_true(p, open, "required") || f->name.at[0] != '-') {
        add_bare(p, map, f, VALUE_NOTHING, "given when the program is started", open);
    } else {
        add_bare(p, map, f, value, NULL, open);
    }
}

static bool is_option(struct python *p, uint32_t first, uint32_t open, struct flag *f,
                      uint32_t *default_position)
{
    struct str name = python_text(p, open - 1);
    *default_position = 0;
    if (str_eq(name, STR("add_argument")))
        return longest_flag(p, open, f);
    if (str_eq(name, STR("option")) && python_is_name(p, first, "click"))
        return longest_flag(p, open, f) && f->name.at[0] == '-';
    if (!str_starts(name, STR("DEFINE_")) || !string_argument(p, open, 0, f))
        return false;
    f->name = arena_printf(p->arena, "--%.*s", STR_ARG(f->name));
    *default_position = 1;
    return true;
}

/* --- environment ---------------------------------------------------------- */

static bool is_environ(const struct python *p, uint32_t first, uint32_t open)
{
    uint32_t name = open - 1;
    return name >= first + 2 && python_is_op(p, name - 1, '.') &&
           python_is_name(p, name - 2, "environ");
}

static bool add_variable(struct python *p, uint32_t open)
{
    struct flag f;
    uint32_t first, last;
    if (!string_argument(p, open, 0, &f) || !positional(p, open, 1, &first, &last))
        return false;
    python_add(p, python_env(p), f.name, flag_span(p, &f), first, last, 0);
    return true;
}

static void add_pair(struct python *p, uint32_t first, uint32_t last)
{
    uint32_t colon = python_colon(p, first, last);
    bool keyword = python_is_op(p, first + 1, '=');
    uint32_t value = keyword ? first + 2 : colon + 1;
    struct str key = keyword ? python_text(p, first) : (struct str){"", 0};
    if (value >= last || (!keyword && !python_string(p, first, colon, &key)))
        return;
    struct span span = {p->tokens.at[first].from, p->tokens.at[value - 2].to};
    python_add(p, python_env(p), key, span, value, last, 0);
}

/* environ.update({"A": "b"}) or environ.update(A="b") */
static bool add_variables(struct python *p, uint32_t open)
{
    uint32_t close = p->tokens.at[open].match, from = open + 1;
    if (python_is_op(p, from, '{') && p->tokens.at[from].match == close - 1) {
        close--;
        from++;
    } else if (!python_is_op(p, from + 1, '=')) {
        return false;
    }
    for (uint32_t i = from; i < close;) {
        uint32_t end = comma(p, i, close);
        if (end > i + 1)
            add_pair(p, i, end);
        i = end + 1;
    }
    return true;
}

bool python_special(struct python *p, uint32_t first, uint32_t open)
{
    struct str name = python_text(p, open - 1);
    struct flag f;
    uint32_t position;
    if (str_eq(name, STR("putenv")))
        return add_variable(p, open);
    if (str_eq(name, STR("setdefault")) && is_environ(p, first, open))
        return add_variable(p, open);
    if (str_eq(name, STR("update")) && is_environ(p, first, open))
        return add_variables(p, open);
    if (!is_option(p, first, open, &f, &position))
        return false;
    add_option(p, &f, open, position);
    return true;
}
