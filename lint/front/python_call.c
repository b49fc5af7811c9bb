/* Calls whose arguments define something by name: command-line options and environment
 * variables. They are gathered into two maps, whatever the parser object is called. */
#include "python_value.h"

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
    struct str name, names; /* what it is called by; everything that it is called */
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

static bool is_long(struct str name)
{
    return str_starts(name, STR("--"));
}

/* Is B the better name? The long flags say what is meant, the first of them decides what
 * the program calls it; of short ones the longest. */
static bool better(struct str a, struct str b)
{
    if (!a.len || is_long(a) != is_long(b))
        return !a.len || is_long(b);
    return b.len > a.len;
}

/* add_argument("-b", "--batch-size", dest="bs"): the longest of the leading strings, or
 * the destination where only that one is a word. */
static bool best_flag(struct python *p, uint32_t open, struct flag *out)
{
    struct flag f;
    struct buf names = buf_new(p->arena);
    uint32_t first, last;
    *out = (struct flag){{"", 0}, {"", 0}, 0};
    for (uint32_t n = 0; n < 16 && string_argument(p, open, n, &f); n++) {
        buf_printf(&names, "%s%.*s", n ? " " : "", STR_ARG(f.name));
        if (better(out->name, f.name))
            *out = f;
    }
    if (out->name.len && python_keyword(p, open, "dest", &first, &last) &&
        last == first + 1 && python_string(p, first, last, &f.name) && f.name.len) {
        buf_printf(&names, " %.*s", STR_ARG(f.name));
        if (!is_long(out->name))
            out->name = arena_printf(p->arena, "--%.*s", STR_ARG(f.name));
    }
    out->names = buf_str(&names);
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
    s->name = f->names;
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

/* What argparse makes of a default that is a string: it is read by the option's type. */
static void read_by_type(struct python *p, uint32_t open, struct setting *s)
{
    static const char *const texts[] = {"str", "Path", "PurePath", "STRING"};
    uint32_t first, last;
    if (!s || s->value.kind != VALUE_STRING ||
        !python_keyword(p, open, "type", &first, &last))
        return;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (python_is_name(p, last - 1, texts[i]))
            return;
    struct value v = VALUE_NOTHING;
    if (last == first + 1)
        v = python_convert(python_text(p, first), s->value);
    s->value = v;
    s->why = v.kind == VALUE_UNKNOWN ? "a string that the option's type reads" : NULL;
}

/* The default is [first, last). */
static void add_default(struct python *p, struct setting *map, const struct flag *f,
                        uint32_t open, uint32_t first, uint32_t last)
{
    struct setting *s = python_add(p, map, f->name, flag_span(p, f), first, last, 0);
    bool click = !str_eq(python_text(p, open - 1), STR("add_argument"));
    if (s && !click)
        read_by_type(p, open, s);
    if (s && s->kind == SETTING_SCALAR)
        s->name = f->names;
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
        add_default(p, map, f, open, first, last);
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
    bool click = open == first + 1 || python_is_name(p, first, "click");
    *default_position = 0;
    if (str_eq(name, STR("add_argument")))
        return best_flag(p, open, f);
    if (str_eq(name, STR("add_option")) || str_eq(name, STR("add_arg")) ||
        (str_eq(name, STR("option")) && click))
        return best_flag(p, open, f) && f->name.at[0] == '-';
    if (!str_starts(name, STR("DEFINE_")) || !string_argument(p, open, 0, f))
        return false;
    f->name = f->names = arena_printf(p->arena, "--%.*s", STR_ARG(f->name));
    *default_position = 1;
    return true;
}

/* Is NAME ("batch_size") what the program calls the option S? */
static bool is_destination(const struct setting *s, struct str name)
{
    struct str key = s->key;
    while (key.len && key.at[0] == '-')
        key = str_slice(key, 1, key.len);
    if (key.len == name.len) {
        size_t i = 0;
        while (i < key.len && (key.at[i] == '-' ? '_' : key.at[i]) == name.at[i])
            i++;
        if (i == key.len)
            return true;
    }
    return s->name.len > name.len && str_ends(s->name, name) &&
           s->name.at[s->name.len - name.len - 1] == ' ';
}

static struct setting *option_called(const struct python *p, struct str name)
{
    struct setting *hit = NULL;
    for (struct setting *s = p->argparse ? p->argparse->first : NULL; s; s = s->next)
        if (is_destination(s, name))
            hit = s;
    return hit;
}

/* parser.set_defaults(batch_size=16) has the last word on an option. False when the call
 * is for something else, such as the function of a sub-command. */
static bool set_defaults(struct python *p, uint32_t open)
{
    uint32_t close = p->tokens.at[open].match;
    bool any = false;
    for (uint32_t i = open + 1; i < close;) {
        uint32_t end = comma(p, i, close);
        bool keyword = end > i + 2 && python_is_op(p, i + 1, '=');
        struct setting *old = keyword ? option_called(p, python_text(p, i)) : NULL;
        struct span key = {p->tokens.at[i].from, p->tokens.at[i].to};
        if (old && python_add(p, p->argparse, old->key, key, i + 2, end, 0)) {
            p->argparse->last->name = old->name;
            old->flags |= SETTING_OVERRIDDEN;
            any = true;
        }
        i = end + 1;
    }
    return any;
}

/* --- updates of a dict or config ---------------------------------------------- */

/* config.update({"lr": 1}) and config.update(lr=1) say what config = {...} says. */
static bool add_update(struct python *p, uint32_t first, uint32_t open)
{
    static const struct str dict = STR_INIT("dict");
    uint32_t close = p->tokens.at[open].match, name = open - 1, from = open + 1;
    if (name < first + 2 || !python_is_op(p, name - 1, '.'))
        return false;
    struct span key_span = {p->tokens.at[first].from, p->tokens.at[name - 2].to};
    struct str key = source_quote(p->doc->source, key_span);
    bool map = python_is_op(p, from, '{') && p->tokens.at[from].match == close - 1;
    bool keywords = python_is_op(p, from + 1, '=') && p->tokens.at[from].kind == TOKEN_NAME;
    for (size_t i = 0; i < key.len; i++)
        if (key.at[i] <= ' ')
            return false;
    if (map)
        return python_add_dict(p, p->root, key, key_span, from, p->inside);
    if (!keywords)
        return false;
    struct setting *s = python_add_call(p, p->root, key, key_span, first, open, p->inside);
    if (s)
        s->name = dict;
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
    if (str_eq(name, STR("update")))
        return add_update(p, first, open);
    if (str_eq(name, STR("set_defaults")))
        return set_defaults(p, open);
    if (!is_option(p, first, open, &f, &position))
        return false;
    add_option(p, &f, open, position);
    return true;
}

/* --- fields --------------------------------------------------------------- */

/* field(), Field(), attr.ib(), typer.Option(): the call stands for a value, its default.
 * FIRST_TOO: the first positional argument is the default, too. */
struct maker {
    const char *name;
    bool first_too;
};

static const struct maker *maker_of(const struct python *p, uint32_t open)
{
    static const struct maker makers[] = {
        {"field", true},       {"Field", true},         {"attrib", true},
        {"ib", true},          {"mutable_field", true}, {"Option", true},
        {"Argument", true},    {"choice", false},       {"flag", true},
        {"list_field", false}, {"MutableField", true}};
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
        if (python_is_name(p, open - 1, makers[i].name))
            return &makers[i];
    return NULL;
}

bool python_field(const struct python *p, uint32_t open, uint32_t *first, uint32_t *last)
{
    const struct maker *maker = maker_of(p, open);
    *first = *last = open;
    if (!maker)
        return false;
    if (python_keyword(p, open, "default", first, last))
        return true;
    if (python_keyword(p, open, "default_factory", first, last) ||
        python_keyword(p, open, "factory", first, last)) {
        if (*first + 2 < *last && python_is_name(p, *first, "lambda") &&
            python_is_op(p, *first + 1, ':'))
            *first += 2;
        return true;
    }
    if (!maker->first_too || !positional(p, open, 0, first, last) ||
        python_is_op(p, *first, OP_ELLIPSIS))
        *first = *last = open;
    return true;
}
