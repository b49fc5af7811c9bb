/* The layers of a network: what __init__ of an nn.Module makes, in order, as words with
 * sizes ("conv2d 3 64 3 1"). The constructor is walked like the interpreter would, with
 * the defaults of its parameters or what it is called with, loops over known ranges
 * included. One size, condition or callee that is not known, and nothing is said. */
#include "python_layer.h"

#include <string.h>

#include "../banned.h"

enum {
    MAX_LAYERS = 1000,
    MAX_STEPS = 20000,
    MAX_CALLS = 12,
    MAX_LOOP = 256,
    MAX_LOCALS = 400,
    MAX_MODULES = 200,
    MAX_DEPTH = 100
};

struct module { /* a class of the file that is an nn.Module */
    struct str name;
    uint32_t block, line;
    bool inner; /* another module makes one */
};

struct walk {
    struct python *p;
    struct {
        struct module *at;
        size_t len, cap;
    } modules;
    struct {
        struct value *at;
        size_t len, cap;
    } layers;
    struct local locals[MAX_LOCALS];
    struct locals frame;
    uint32_t steps;
    int calls, depth;
    bool failed, unsure; /* unsure: in code that may not run */
    bool bare;           /* names of torch.nn may stand alone */
};

static void walk_lines(struct walk *w, size_t from, size_t to);
static void walk_value(struct walk *w, uint32_t first, uint32_t last);

static void fail(struct walk *w)
{
    w->failed = true;
}

/* --- names ---------------------------------------------------------------- */

static void set(struct walk *w, struct str name, struct value v)
{
    if (w->frame.at + w->frame.len >= w->locals + MAX_LOCALS) {
        fail(w);
        return;
    }
    for (size_t i = 0; i < w->frame.len; i++)
        if (str_eq(w->frame.at[i].name, name)) {
            w->frame.at[i].value = w->unsure ? VALUE_NOTHING : v;
            return;
        }
    w->frame.at[w->frame.len++] = (struct local){name, w->unsure ? VALUE_NOTHING : v};
}

static struct str dotted(struct walk *w, uint32_t first, uint32_t last)
{
    return str_slice(w->p->text, w->p->tokens.at[first].from, w->p->tokens.at[last - 1].to);
}

static struct value value_of(struct walk *w, uint32_t first, uint32_t last)
{
    struct value v = first < last ? python_value(w->p, first, last).value : VALUE_NOTHING;
    if (++w->steps > MAX_STEPS)
        fail(w);
    return v;
}

static uint32_t comma(const struct python *p, uint32_t first, uint32_t last)
{
    uint32_t i = first;
    while (i < last && !python_is_op(p, i, ','))
        i = python_step(p, i, last);
    return i;
}

/* Gives the names of [first, last), one or several, the value V. */
static void set_targets(struct walk *w, uint32_t first, uint32_t last, struct value v)
{
    struct python *p = w->p;
    if (first + 1 < last && p->tokens.at[first].match == last - 1) {
        first++;
        last--;
    }
    bool several = comma(p, first, last) < last;
    size_t n = 0;
    for (uint32_t i = first; i < last; n++) {
        uint32_t end = comma(p, i, last);
        bool item = v.kind == VALUE_LIST && n < v.as.list.len;
        struct value one = !several ? v : item ? v.as.list.at[n] : VALUE_NOTHING;
        if (end > i)
            set(w, dotted(w, i, end), one);
        i = end + 1;
    }
}

/* --- modules of the file -------------------------------------------------- */

static struct module *module_named(struct walk *w, struct str name)
{
    for (size_t i = 0; i < w->modules.len; i++)
        if (str_eq(w->modules.at[i].name, name))
            return &w->modules.at[i];
    return NULL;
}

static bool is_module(struct walk *w, uint32_t open)
{
    struct python *p = w->p;
    uint32_t close = python_is_op(p, open, '(') ? p->tokens.at[open].match : open;
    for (uint32_t i = open + 1; i < close; i++) {
        bool ends = i + 1 == close || python_is_op(p, i + 1, ',');
        if (p->tokens.at[i].kind == TOKEN_NAME && ends &&
            (python_is_name(p, i, "Module") || python_is_name(p, i, "LightningModule") ||
             module_named(w, python_text(p, i))))
            return true;
    }
    return false;
}

static void find_modules(struct walk *w)
{
    struct python *p = w->p;
    for (size_t i = 0; i < p->lines.len; i++) {
        const struct line *line = &p->lines.at[i];
        if (line->header && python_is_name(p, line->first, "class") &&
            is_module(w, line->first + 2))
            vec_push(p->scratch, &w->modules,
                     ((struct module){python_text(p, line->first + 1), line->block,
                                      (uint32_t)i, false}));
    }
}

/* The lines of the body of BLOCK. */
static void lines_of(const struct python *p, const struct block *block, size_t *from,
                     size_t *to)
{
    size_t low = 0, high = p->lines.len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->lines.at[middle].start < block->body.from)
            low = middle + 1;
        else
            high = middle;
    }
    *from = low;
    while (low < p->lines.len && p->lines.at[low].start < block->span.to)
        low++;
    *to = low;
}

/* The line of the module's __init__; SIZE_MAX when it has none. */
static size_t constructor(const struct python *p, const struct module *m)
{
    size_t from, to;
    lines_of(p, &p->doc->blocks.at[m->block], &from, &to);
    for (size_t i = from; i < to; i++) {
        const struct line *line = &p->lines.at[i];
        if (line->header && p->doc->blocks.at[line->block].parent == m->block &&
            str_eq(p->doc->blocks.at[line->block].name, STR("__init__")))
            return i;
    }
    return SIZE_MAX;
}

/* --- calls ---------------------------------------------------------------- */

/* The argument called NAME, or the one at POSITION. False when it is not given. */
static bool argument(struct walk *w, uint32_t open, const char *name, size_t position,
                     struct value *out)
{
    struct python *p = w->p;
    uint32_t close = p->tokens.at[open].match;
    size_t n = 0;
    for (uint32_t i = open + 1; i < close;) {
        uint32_t end = comma(p, i, close);
        bool keyword = i + 2 < end && python_is_op(p, i + 1, '=');
        if (python_is_op(p, i, '*') || python_is_op(p, i, OP_POWER)) {
            *out = VALUE_NOTHING;
            return true;
        }
        if (keyword ? python_is_name(p, i, name) : n++ == position) {
            *out = value_of(w, keyword ? i + 2 : i, end);
            return true;
        }
        i = end + 1;
    }
    return false;
}

/* The parameters of the constructor on LINE get what the call at OPEN gives (0: nothing
 * is given), else their defaults. */
static void bind_parameters(struct walk *w, const struct line *line, uint32_t open,
                            struct locals *fresh)
{
    struct python *p = w->p;
    uint32_t at = line->first;
    while (at < line->last && !python_is_op(p, at, '('))
        at++;
    uint32_t close = at < line->last ? p->tokens.at[at].match : at;
    size_t position = 0;
    for (uint32_t i = at + 1; i < close;) {
        uint32_t end = comma(p, i, close), equal = i;
        while (equal < end && !python_is_op(p, equal, '='))
            equal = python_step(p, equal, end);
        struct value v = VALUE_NOTHING;
        struct str name = python_text(p, i);
        char key[64];
        bool plain = p->tokens.at[i].kind == TOKEN_NAME && name.len < sizeof key;
        if (plain && !str_eq(name, STR("self"))) {
            memcpy(key, name.at, name.len);
            key[name.len] = '\0';
            if ((!open || !argument(w, open, key, position, &v)) && equal + 1 < end)
                v = value_of(w, equal + 1, end);
            position++;
        }
        if (fresh->at + fresh->len < w->locals + MAX_LOCALS)
            fresh->at[fresh->len++] = (struct local){name, v};
        i = end + 1;
    }
}

/* Makes the module M with the arguments of the call at OPEN. */
static void make(struct walk *w, struct module *m, uint32_t open)
{
    struct python *p = w->p;
    size_t head = constructor(p, m), from, to;
    if (head == SIZE_MAX)
        return;
    if (w->calls >= MAX_CALLS) {
        fail(w);
        return;
    }
    struct locals outer = w->frame, fresh = {w->frame.at + w->frame.len, 0};
    const struct line *line = &p->lines.at[head];
    uint32_t scope = p->scope;
    bind_parameters(w, line, open, &fresh);
    w->frame = fresh;
    w->calls++;
    p->scope = line->block;
    lines_of(p, &p->doc->blocks.at[line->block], &from, &to);
    walk_lines(w, from, to);
    p->scope = scope;
    w->calls--;
    w->frame = outer;
}

static void add_layer(struct walk *w, struct str word)
{
    if (w->unsure || w->layers.len >= MAX_LAYERS)
        fail(w);
    else
        vec_push(w->p->arena, &w->layers, VALUE_OF_STR(word));
}

/* nn.TransformerEncoder(layer, 6): the layer was noted once where it was made. */
static void repeat_last(struct walk *w, uint32_t open)
{
    struct value v = VALUE_NOTHING;
    size_t last = w->layers.len;
    if (!argument(w, open, "num_layers", 1, &v) || v.kind != VALUE_INT || !last ||
        v.as.integer < 1 || v.as.integer > MAX_LOOP ||
        !str_starts(w->layers.at[last - 1].as.string, STR("transformerencoderlayer "))) {
        fail(w);
        return;
    }
    for (int64_t i = 1; i < v.as.integer; i++)
        add_layer(w, w->layers.at[last - 1].as.string);
}

static struct value ask_argument(void *context, uint32_t open, const char *name,
                                 size_t position, bool *given)
{
    struct value v = VALUE_NOTHING;
    *given = argument(context, open, name, position, &v);
    return v;
}

static bool is_torch(const struct walk *w, uint32_t first, uint32_t open)
{
    return open == first + 1 ? w->bare && !python_is_op(w->p, first - 1, '.')
                             : python_is_name(w->p, open - 3, "nn");
}

/* Is the call known to make no layer? */
static bool is_harmless(const struct walk *w, uint32_t first, uint32_t open)
{
    static const char *const names[] = {
        "super",    "print", "range",      "len", "int",        "float",     "str",
        "list",     "tuple", "dict",       "zip", "isinstance", "enumerate", "max",
        "min",      "sum",   "round",      "abs", "bool",       "hasattr",   "OrderedDict",
        "reversed", "type",  "ValueError", NULL};
    static const char *const roots[] = {"torch",  "np",       "numpy", "math",
                                        "F",      "init",     "os",    "logging",
                                        "logger", "warnings", NULL};
    static const char *const methods[] = {"append",
                                          "extend",
                                          "register_buffer",
                                          "apply",
                                          "save_hyperparameters",
                                          "__init__",
                                          "init_weights",
                                          "_init_weights",
                                          "add_module",
                                          "update",
                                          "insert",
                                          "reset_parameters",
                                          "initialize_weights",
                                          "_initialize_weights",
                                          "register_parameter",
                                          "post_init",
                                          "format",
                                          "info",
                                          "items",
                                          "values",
                                          "keys",
                                          "normal_",
                                          "zero_",
                                          "fill_",
                                          "uniform_",
                                          NULL};
    const struct python *p = w->p;
    bool alone = open == first + 1 && !python_is_op(p, first - 1, '.'),
         init = open > first + 3 && python_is_name(p, open - 3, "init");
    for (const char *const *n = alone ? names : methods; *n; n++)
        if (python_is_name(p, open - 1, *n))
            return true;
    for (const char *const *n = roots; open > first + 1 && *n; n++)
        if (python_is_name(p, first, *n) && !python_is_name(p, open - 3, "nn") &&
            !python_is_name(p, first + 2, "hub"))
            return true;
    return init;
}

/* The call with the callee [first, open). */
static void walk_call(struct walk *w, uint32_t first, uint32_t open)
{
    struct python *p = w->p;
    struct str name = first < open ? python_text(p, open - 1) : (struct str){"", 0}, word;
    uint32_t close = p->tokens.at[open].match;
    struct module *m = open == first + 1 ? module_named(w, name) : NULL;
    if (m) {
        m->inner = w->calls > 0 || m->inner;
        make(w, m, open);
        return;
    }
    enum layer_kind kind = is_torch(w, first, open)
                               ? python_layer(p->arena, name, open, ask_argument, w, &word)
                               : LAYER_OTHER;
    if (kind == LAYER_WORD) {
        add_layer(w, word);
    } else if (kind == LAYER_REPEATED) {
        walk_value(w, open + 1, close);
        repeat_last(w, open);
    } else if (kind == LAYER_CONTAINER || is_harmless(w, first, open)) {
        walk_value(w, open + 1, close);
    } else if (kind != LAYER_NONE) {
        fail(w);
    }
}

/* --- expressions ---------------------------------------------------------- */

static uint32_t find_name(const struct python *p, uint32_t first, uint32_t last,
                          const char *name)
{
    uint32_t i = first;
    while (i < last && !python_is_name(p, i, name))
        i = python_step(p, i, last);
    return i;
}

/* The values that a loop over [first, last) meets; false when they are not known. */
static bool values_of(struct walk *w, uint32_t first, uint32_t last, struct value *out)
{
    struct python *p = w->p;
    bool range = python_is_name(p, first, "range") && python_is_op(p, first + 1, '(') &&
                 p->tokens.at[first + 1].match == last - 1;
    if (!range) {
        *out = value_of(w, first, last);
        return out->kind == VALUE_LIST && out->as.list.len <= MAX_LOOP;
    }
    uint32_t close = last - 1, middle = comma(p, first + 2, close);
    struct value from = VALUE_OF_INT(0), to = value_of(w, first + 2, middle);
    if (middle < close) {
        from = to;
        to = value_of(w, middle + 1, close);
    }
    if (from.kind != VALUE_INT || to.kind != VALUE_INT || from.as.integer < -MAX_LOOP ||
        to.as.integer > MAX_LOOP || to.as.integer - from.as.integer > MAX_LOOP)
        return false;
    size_t len =
        to.as.integer > from.as.integer ? (size_t)(to.as.integer - from.as.integer) : 0;
    struct value *at = arena_alloc_array(p->scratch, len + 1, sizeof *at);
    for (size_t i = 0; i < len; i++)
        at[i] = VALUE_OF_INT(from.as.integer + (int64_t)i);
    *out = (struct value){VALUE_LIST, {.list = {at, len}}};
    return true;
}

/* [body for targets in values]; a condition behind it is not understood. */
static void walk_comprehension(struct walk *w, uint32_t first, uint32_t at, uint32_t last)
{
    struct python *p = w->p;
    uint32_t in = find_name(p, at + 1, last, "in");
    struct value all;
    bool odd = find_name(p, in, last, "if") < last || find_name(p, in, last, "for") < last;
    if (odd || in >= last || !values_of(w, in + 1, last, &all)) {
        bool unsure = w->unsure;
        w->unsure = true;
        walk_value(w, first, at);
        w->unsure = unsure;
        return;
    }
    for (size_t i = 0; i < all.as.list.len && !w->failed; i++) {
        set_targets(w, at + 1, in, all.as.list.at[i]);
        walk_value(w, first, at);
    }
}

static bool is_callee(const struct python *p, uint32_t i, uint32_t first)
{
    return i > first && p->tokens.at[i - 1].kind == TOKEN_NAME &&
           !python_is_keyword(python_text(p, i - 1));
}

static void walk_value(struct walk *w, uint32_t first, uint32_t last)
{
    struct python *p = w->p;
    uint32_t loop = find_name(p, first, last, "for");
    if (++w->steps > MAX_STEPS || w->depth >= MAX_DEPTH) {
        fail(w);
        return;
    }
    w->depth++;
    if (loop < last && loop > first) {
        walk_comprehension(w, first, loop, last);
        last = first;
    }
    for (uint32_t i = first; i < last && !w->failed; i = python_step(p, i, last)) {
        uint32_t match = p->tokens.at[i].match;
        if (python_is_name(p, i, "lambda"))
            break;
        if (match <= i || match >= last)
            continue;
        uint32_t start = i;
        if (python_is_op(p, i, '(') && is_callee(p, i, first)) {
            start = i - 1;
            while (start >= first + 2 && python_is_op(p, start - 1, '.') &&
                   p->tokens.at[start - 2].kind == TOKEN_NAME)
                start -= 2;
            walk_call(w, start, i);
        } else {
            walk_value(w, i + 1, match);
        }
    }
    w->depth--;
}

/* --- statements ----------------------------------------------------------- */

static void walk_statement(struct walk *w, uint32_t first, uint32_t last)
{
    struct python *p = w->p;
    uint32_t at = first;
    while (at < last && !python_is_op(p, at, '=') && !python_is_op(p, at, OP_AUGMENTED))
        at = python_step(p, at, last);
    if (at >= last) {
        walk_value(w, first, last);
        return;
    }
    uint32_t end = python_colon(p, first, at);
    struct value v = value_of(w, at + 1, last);
    if (python_is_op(p, at, OP_AUGMENTED))
        v = python_operate(p, python_text(p, at), value_of(w, first, at), v);
    else
        walk_value(w, at + 1, last);
    if (python_is_op(p, at, OP_AUGMENTED) && v.kind == VALUE_UNKNOWN)
        walk_value(w, at + 1, last);
    set_targets(w, first, end < at ? end : at, v);
}

static void walk_block(struct walk *w, const struct line *line, bool unsure)
{
    size_t from, to;
    bool before = w->unsure;
    w->unsure = before || unsure;
    lines_of(w->p, &w->p->doc->blocks.at[line->block], &from, &to);
    walk_lines(w, from, to);
    w->unsure = before;
}

static void walk_loop(struct walk *w, const struct line *line, uint32_t colon)
{
    struct python *p = w->p;
    uint32_t in = find_name(p, line->first + 1, colon, "in");
    struct value all;
    if (!python_is_name(p, line->first, "for") || in >= colon ||
        !values_of(w, in + 1, colon, &all)) {
        walk_block(w, line, true);
        return;
    }
    for (size_t i = 0; i < all.as.list.len && !w->failed; i++) {
        set_targets(w, line->first + 1, in, all.as.list.at[i]);
        walk_block(w, line, false);
    }
}

static bool truth(struct value v, bool *out)
{
    *out = v.kind == VALUE_BOOL  ? v.as.boolean
           : v.kind == VALUE_INT ? v.as.integer != 0
                                 : v.kind == VALUE_STRING && v.as.string.len;
    return v.kind == VALUE_BOOL || v.kind == VALUE_INT || v.kind == VALUE_STRING ||
           v.kind == VALUE_NULL;
}

/* An if whose condition is known takes its way; *OPEN tells whether an else still may. */
static void walk_branch(struct walk *w, const struct line *line, uint32_t colon, int *open)
{
    struct python *p = w->p;
    bool negated = python_is_name(p, line->first + 1, "not"), yes = false;
    bool otherwise = python_is_name(p, line->first, "else");
    struct value v = value_of(w, line->first + 1 + negated, colon);
    bool known = otherwise || truth(v, &yes);
    yes = otherwise || (known && yes != negated);
    if (python_is_name(p, line->first, "if"))
        *open = 1; /* nothing taken yet */
    if (!*open)
        return;
    if (*open == 2 || !known) {
        *open = 2; /* it is not known */
        walk_block(w, line, true);
    } else if (yes) {
        *open = 0;
        walk_block(w, line, false);
    }
}

static void walk_lines(struct walk *w, size_t from, size_t to)
{
    struct python *p = w->p;
    int open = 2;
    for (size_t i = from; i < to && !w->failed; i++) {
        const struct line *line = &p->lines.at[i];
        uint32_t first = line->first, last = line->last;
        uint32_t colon =
            python_is_header(p, first, last) ? python_colon(p, first, last) : last;
        bool block = colon < last && line->header;
        if (python_is_op(p, first, '@') || python_is_name(p, first, "return"))
            continue;
        if (block) {
            unsigned kinds = p->doc->blocks.at[line->block].kinds;
            if (colon + 1 < last)
                fail(w); /* all on one line */
            else if (kinds & BLOCK_LOOP)
                walk_loop(w, line, colon);
            else if (kinds & BLOCK_BRANCH)
                walk_branch(w, line, colon, &open);
            else if (!(kinds & (BLOCK_FUNCTION | BLOCK_CLASS)))
                continue; /* a with */
            while (i + 1 < to &&
                   p->lines.at[i + 1].start < p->doc->blocks.at[line->block].span.to)
                i++;
            continue;
        }
        for (uint32_t at = colon < last ? colon + 1 : first; at < last;) {
            uint32_t end = python_statement_end(p, at, last);
            if (end > at)
                walk_statement(w, at, end);
            at = end + 1;
        }
    }
}

/* --- which network -------------------------------------------------------- */

static bool in_module(const struct walk *w, uint32_t block)
{
    const struct blocks *blocks = &w->p->doc->blocks;
    for (; block; block = blocks->at[block].parent)
        for (size_t i = 0; i < w->modules.len; i++)
            if (w->modules.at[i].block == block)
                return true;
    return false;
}

struct origin { /* where the network of the file is made */
    struct module *module;
    uint32_t first, open, scope; /* of the call; 0: none */
    bool several;
};

static void take_origin(struct walk *w, struct origin *o, struct module *m, uint32_t first,
                        uint32_t open, uint32_t scope)
{
    struct python *p = w->p;
    bool same = o->open && m && o->module == m &&
                str_eq(dotted(w, o->open, p->tokens.at[o->open].match + 1),
                       dotted(w, open, p->tokens.at[open].match + 1));
    o->several = o->several || (o->open && !same);
    if (!o->open)
        *o = (struct origin){m, first, open, scope, o->several};
}

/* Calls of the file's modules, and nn.Sequential(...), outside of all modules. */
static struct origin find_origin(struct walk *w)
{
    struct python *p = w->p;
    struct origin o = {0};
    for (size_t i = 0; i < p->lines.len; i++) {
        const struct line *line = &p->lines.at[i];
        if (python_is_name(p, line->first, "class") || in_module(w, line->block))
            continue;
        for (uint32_t t = line->first; t + 1 < line->last; t++) {
            if (p->tokens.at[t].kind != TOKEN_NAME || !python_is_op(p, t + 1, '('))
                continue;
            struct module *m = module_named(w, python_text(p, t));
            bool stack = python_is_name(p, t, "Sequential") && t >= line->first + 2 &&
                         python_is_name(p, t - 2, "nn") &&
                         !python_is_name(p, line->first, "return");
            if (m || stack)
                take_origin(w, &o, m, m ? t : t - 2, t + 1, python_scope(p, line->block));
            if (stack)
                t = p->tokens.at[t + 1].match;
        }
    }
    return o;
}

/* The module that no other one makes, when there is one such. */
static struct module *outermost(struct walk *w)
{
    struct module *hit = NULL;
    size_t count = 0;
    for (size_t i = 0; i < w->modules.len; i++) {
        const struct module *m = &w->modules.at[i];
        size_t from, to;
        lines_of(w->p, &w->p->doc->blocks.at[m->block], &from, &to);
        for (size_t k = from; k < to; k++)
            for (uint32_t t = w->p->lines.at[k].first; t < w->p->lines.at[k].last; t++) {
                struct module *used = w->p->tokens.at[t].kind == TOKEN_NAME
                                          ? module_named(w, python_text(w->p, t))
                                          : NULL;
                if (used && used != m)
                    used->inner = true;
            }
    }
    for (size_t i = 0; i < w->modules.len; i++)
        if (!w->modules.at[i].inner) {
            hit = &w->modules.at[i];
            count++;
        }
    return count == 1 ? hit : NULL;
}

/* Dropout alone is no network: its weights are somewhere that was not understood. */
static bool has_weights(const struct walk *w)
{
    static const char *const with[] = {"conv", "linear",    "lstm",        "gru",
                                       "rnn",  "embedding", "transformer", NULL};
    for (size_t i = 0; i < w->layers.len; i++)
        for (const char *const *word = with; *word; word++)
            if (str_starts(w->layers.at[i].as.string, str_from(*word)))
                return true;
    return false;
}

static void add_setting(struct walk *w, const struct origin *o)
{
    struct python *p = w->p;
    uint32_t at = o->module ? p->doc->blocks.at[o->module->block].span.from
                            : p->tokens.at[o->first].from;
    if (p->full)
        return;
    struct setting *s = setting_add(p->arena, &p->doc->tree, p->root, SETTING_SCALAR,
                                    STR("nn.layers"), (struct span){at, at});
    s->value_span = (struct span){at, at};
    s->style = STYLE_CODE;
    s->name = o->module ? o->module->name : (struct str){"", 0};
    s->value = (struct value){VALUE_LIST, {.list = {w->layers.at, w->layers.len}}};
}

void python_layers(struct python *p)
{
    if (p->doc->broken || str_find(p->doc->masked, STR("nn"), 0) == SIZE_MAX)
        return;
    struct walk *w = arena_new(p->scratch, struct walk);
    w->p = p;
    w->frame.at = w->locals;
    w->bare = str_find(p->doc->masked, STR("from torch.nn import"), 0) != SIZE_MAX;
    find_modules(w);
    if (w->modules.len > MAX_MODULES)
        return;
    struct origin o = find_origin(w);
    if (!o.open && !o.several)
        o.module = outermost(w);
    if (o.several || (!o.open && !o.module))
        return;
    const struct locals *before = p->locals;
    p->locals = &w->frame;
    p->scope = o.scope;
    if (o.module)
        make(w, o.module, o.open);
    else
        walk_call(w, o.first, o.open);
    p->locals = before;
    if (!w->failed && has_weights(w))
        add_setting(w, &o);
}
