/* Who binds what: names by the function, class or module whose code binds them. A name that
 * one plain assignment binds, outside of loops and branches, is a constant. Where it is not
 * clear what a piece of code binds, too much is noted, which only makes fewer constants. */
#include "python_value.h"

#include "../banned.h"

enum { MAX_TARGETS = 64 };

static struct constant **bucket(struct python *p, uint32_t scope, struct str name)
{
    return &p->constants[(str_hash(name) ^ scope * 2654435761u) % CONSTANT_BUCKETS];
}

static struct constant *find(const struct python *p, uint32_t scope, struct str name)
{
    struct constant *c = *bucket((struct python *)(uintptr_t)p, scope, name);
    while (c && (c->scope != scope || !str_eq(c->name, name)))
        c = c->next;
    return c;
}

static struct constant *bind_name(struct python *p, uint32_t scope, struct str name)
{
    struct constant *c = find(p, scope, name);
    if (!c) {
        struct constant **head = bucket(p, scope, name);
        c = arena_new(p->scratch, struct constant);
        c->name = name;
        c->scope = scope;
        c->next = *head;
        *head = c;
    }
    c->bindings++;
    return c;
}

static void bind_names(struct python *p, uint32_t scope, uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i < last; i++)
        if (p->tokens.at[i].kind == TOKEN_NAME &&
            (i == first || !python_is_op(p, i - 1, '.')))
            bind_name(p, scope, python_text(p, i));
}

uint32_t python_scope(const struct python *p, uint32_t block)
{
    const struct blocks *blocks = &p->doc->blocks;
    while (block && !(blocks->at[block].kinds & (BLOCK_FUNCTION | BLOCK_CLASS)))
        block = blocks->at[block].parent;
    return block;
}

struct constant *python_name(const struct python *p, struct str name)
{
    const struct blocks *blocks = &p->doc->blocks;
    for (uint32_t scope = p->scope;; scope = python_scope(p, blocks->at[scope].parent)) {
        bool hidden = scope != p->scope && blocks->at[scope].kinds & BLOCK_CLASS;
        struct constant *c = hidden ? NULL : find(p, scope, name);
        if (c || !scope)
            return c;
    }
}

/* --- what a line binds ---------------------------------------------------- */

/* Inside of expressions: lambdas, comprehensions, := and as. */
static void bind_nested(struct python *p, uint32_t scope, const struct line *line)
{
    for (uint32_t i = line->first; i < line->last; i++) {
        uint32_t end = line->last - i > MAX_TARGETS ? i + MAX_TARGETS : line->last;
        if (python_is_op(p, i, OP_WALRUS) && i > line->first)
            bind_name(p, scope, python_text(p, i - 1));
        if (p->tokens.at[i].kind != TOKEN_NAME)
            continue;
        if (python_is_name(p, i, "lambda")) {
            bind_names(p, scope, i + 1, python_colon(p, i + 1, end));
        } else if (python_is_name(p, i, "for")) {
            uint32_t in = i + 1;
            while (in < end && !python_is_name(p, in, "in"))
                in++;
            bind_names(p, scope, i + 1, in);
        } else if (python_is_name(p, i, "as") && i + 1 < line->last) {
            bind_names(p, scope, i + 1, i + 2);
        }
    }
}

/* def name(a, *b, c: int = 8): the name outside, the parameters inside. */
static void bind_function(struct python *p, uint32_t scope, const struct line *line,
                          uint32_t name)
{
    if (name >= line->last)
        return;
    bind_name(p, scope, python_text(p, name));
    uint32_t open = name + 1;
    while (open < line->last && !python_is_op(p, open, '('))
        open = python_step(p, open, line->last);
    uint32_t close = open < line->last ? p->tokens.at[open].match : open;
    for (uint32_t i = open + 1; i < close;) {
        while (i < close && p->tokens.at[i].kind == TOKEN_OP)
            i++;
        if (i < close && p->tokens.at[i].kind == TOKEN_NAME)
            bind_name(p, line->header ? line->block : scope, python_text(p, i));
        while (i < close && !python_is_op(p, i, ','))
            i = python_step(p, i, close);
    }
}

static bool is_one_of(const struct python *p, uint32_t token, const char *const *words)
{
    for (; *words; words++)
        if (python_is_name(p, token, *words))
            return true;
    return false;
}

static void bind_statement(struct python *p, uint32_t scope, bool plain, uint32_t first,
                           uint32_t last)
{
    static const char *const all[] = {"import", "from", "del", "case", NULL};
    static const char *const outer[] = {"global", "nonlocal", NULL};
    if (is_one_of(p, first, all) || is_one_of(p, first, outer)) {
        bind_names(p, scope, first + 1, last);
        for (uint32_t up = scope; up && is_one_of(p, first, outer);) {
            up = python_scope(p, p->doc->blocks.at[up].parent);
            bind_names(p, up, first + 1, last);
            bind_names(p, up, first + 1, last); /* bound there and here */
        }
        return;
    }
    uint32_t from = first, assigns = 0, value = 0;
    for (uint32_t i = first; i < last; i = python_step(p, i, last)) {
        if (python_is_name(p, i, "lambda"))
            break;
        if (!python_is_op(p, i, '=') && !python_is_op(p, i, OP_AUGMENTED))
            continue;
        bind_names(p, scope, from, python_colon(p, from, i));
        value = from = i + 1;
        assigns++;
    }
    bool annotated = first + 1 < last && python_is_op(p, first + 1, ':');
    if (!plain || assigns != 1 || p->tokens.at[first].kind != TOKEN_NAME ||
        (!python_is_op(p, first + 1, '=') && !annotated))
        return;
    struct constant *c = find(p, scope, python_text(p, first));
    if (!c)
        return;
    c->plain = true;
    c->first = value;
    c->last = last;
}

/* Is what stands in BLOCK done once, whatever happens? */
static bool is_certain(const struct python *p, uint32_t block)
{
    const struct blocks *blocks = &p->doc->blocks;
    for (; block && !(blocks->at[block].kinds & (BLOCK_FUNCTION | BLOCK_CLASS));
         block = blocks->at[block].parent) {
        const struct block *b = &blocks->at[block];
        bool open = b->kinds & BLOCK_BRANCH && !(b->branch & BRANCH_TAKEN);
        if (open || b->kinds & BLOCK_LOOP)
            return false;
    }
    return true;
}

static void bind_line(struct python *p, const struct line *line)
{
    static const char *const definitions[] = {"def", "class", NULL};
    const struct blocks *blocks = &p->doc->blocks;
    uint32_t first = line->first, last = line->last;
    uint32_t around = line->header ? blocks->at[line->block].parent : line->block;
    uint32_t scope = python_scope(p, around);
    uint32_t word = first + python_is_name(p, first, "async");
    bool header = python_is_header(p, first, last);
    bind_nested(p, scope, line);
    if (header && python_is_name(p, word, "def"))
        bind_function(p, scope, line, word + 1);
    else if (header && is_one_of(p, word, definitions) && word + 1 < last)
        bind_name(p, scope, python_text(p, word + 1));
    else if (header && python_is_name(p, first, "case"))
        bind_names(p, scope, first + 1, python_colon(p, first, last));
    if (header) {
        uint32_t colon = python_colon(p, first, last);
        first = colon < last ? colon + 1 : last;
        scope = python_scope(p, line->block);
    }
    bool plain = !header && is_certain(p, line->block);
    while (first < last) {
        uint32_t end = python_statement_end(p, first, last);
        if (end > first)
            bind_statement(p, scope, plain, first, end);
        first = end + 1;
    }
}

void python_names(struct python *p)
{
    for (size_t i = 0; i < p->lines.len; i++)
        bind_line(p, &p->lines.at[i]);
}

/* --- settings that constants give ----------------------------------------- */

void python_name_setting(struct python *p, struct str name, uint32_t first,
                         struct setting *s)
{
    struct constant *c = find(p, p->scope, name);
    if (s && c && c->plain && c->bindings == 1 && c->first == first)
        c->setting = s;
}

void python_name_use(struct python *p, struct setting *s, uint32_t first, uint32_t last)
{
    bool name = last == first + 1 && p->tokens.at[first].kind == TOKEN_NAME;
    struct constant *c = name ? python_name(p, python_text(p, first)) : NULL;
    if (c && c->plain && c->bindings == 1)
        vec_push(p->scratch, &p->uses, ((struct use){s, c}));
}

void python_name_targets(struct python *p)
{
    for (size_t i = 0; i < p->uses.len; i++) {
        struct setting *held = p->uses.at[i].constant->setting;
        if (held && held != p->uses.at[i].setting && held->kind == SETTING_SCALAR &&
            value_eq(held->value, p->uses.at[i].setting->value))
            p->uses.at[i].setting->target = held;
    }
}
