/* Words become arguments: quotes go, variables are replaced by what was assigned to them,
 * blanks that came out of an unquoted variable separate. A character knows where it is
 * written, so that the span of an argument, of a part of it, or of one flag among many in
 * a variable, is that of its characters. */
#include "shell_run.h"

#include <assert.h>
#include <string.h>

#include "../banned.h"

enum { MAX_CHARS = 1 << 16, MAX_STEPS = 64, MAX_NESTED = 16, MAX_WORK = 1 << 20 };

struct expansion {
    struct shell *s;
    struct shell_chars *out;
    uint32_t region, limit;
    unsigned depth;
    char quote;       /* the quote that we are in */
    bool splits;      /* blanks separate: an unquoted variable's value */
    bool value;       /* in what was assigned to a variable: its own references split as it does */
    bool conditional; /* what is written here is there under a condition */
    bool variable;
};

/* --- variables ------------------------------------------------------------ */

static bool is_above(const struct shell *s, uint32_t region, uint32_t below)
{
    while (s->regions.at[below].depth > s->regions.at[region].depth)
        below = s->regions.at[below].parent;
    return below == region;
}

/* The nearest region of KIND around REGION, or 0. */
static uint32_t around(const struct shell *s, uint32_t region, enum shell_region_kind kind)
{
    while (region && s->regions.at[region].kind != kind)
        region = s->regions.at[region].parent;
    return region;
}

/* Could what BINDING does be seen where a command in REGION stands before it: on the next
 * turn of a loop that holds both, or when a function is called later? */
static bool comes_round(const struct shell *s, const struct shell_binding *b, uint32_t region)
{
    if (around(s, region, SHELL_FUNCTION))
        return true;
    for (uint32_t at = around(s, region, SHELL_LOOP); at;
         at = around(s, s->regions.at[at].parent, SHELL_LOOP))
        if (is_above(s, at, b->region))
            return true;
    return false;
}

/* The innermost region that holds both. */
static uint32_t common(const struct shell *s, uint32_t x, uint32_t y)
{
    while (x != y) {
        if (s->regions.at[x].depth >= s->regions.at[y].depth)
            x = s->regions.at[x].parent;
        else
            y = s->regions.at[y].parent;
    }
    return x;
}

/* Branches of one `if` exclude each other. */
static bool excludes(const struct shell *s, uint32_t x, uint32_t y)
{
    return s->regions.at[common(s, x, y)].kind == SHELL_IF && !is_above(s, x, y) &&
           !is_above(s, y, x);
}

struct found {
    const struct shell_binding *at[MAX_STEPS]; /* newest first */
    bool sure[MAX_STEPS];
    unsigned count;
};

static bool mentions(const struct shell *s, const struct shell_binding *b)
{
    struct str value = source_quote(s->doc->source, b->value);
    for (size_t at = 0; (at = str_find_byte(value, '$', at)) != SIZE_MAX; at++) {
        struct str rest = str_slice(value, at + 1, value.len);
        if (rest.len && rest.at[0] == '{')
            rest = str_slice(rest, 1, rest.len);
        if (shell_name(rest) == b->name.len && str_starts(rest, b->name))
            return true;
    }
    return false;
}

static bool builds_on(const struct shell *s, const struct shell_binding *b)
{
    return b->kind == SHELL_APPEND || b->kind == SHELL_LIST_APPEND ||
           (b->kind == SHELL_VALUE && mentions(s, b));
}

/* All bindings that make up the value of NAME, newest first; false when it is not known. */
static bool find(const struct shell *s, struct str name, uint32_t region, uint32_t limit,
                 struct found *out)
{
    out->count = 0;
    uint32_t at = s->buckets[str_hash(name) % SHELL_BUCKETS];
    for (unsigned steps = 0; at != SHELL_NOWHERE; at = s->bindings.at[at].older) {
        const struct shell_binding *b = &s->bindings.at[at];
        if (!str_eq(b->name, name))
            continue;
        if (++steps > MAX_STEPS || out->count == MAX_STEPS)
            return false;
        if (at >= limit) {
            if (comes_round(s, b, region))
                return false;
            continue;
        }
        if (excludes(s, b->region, region))
            continue;
        if (b->kind == SHELL_OPAQUE)
            return false;
        bool sure = is_above(s, b->region, region);
        if (!sure && !builds_on(s, b))
            return false;
        out->sure[out->count] = sure;
        out->at[out->count++] = b;
        if (!builds_on(s, b))
            return true;
        if (b->kind == SHELL_VALUE)
            return true; /* the rest comes by its own mention */
    }
    return false;
}

/* --- characters ----------------------------------------------------------- */

static void put(struct expansion *e, char c, uint32_t from, uint32_t to, bool unknown)
{
    if (e->out->len >= MAX_CHARS)
        return;
    struct shell_char *x = vec_add(e->s->scratch, e->out);
    bool blank = c == ' ' || c == '\t' || c == '\n' || (c == '\r' && e->s->crlf);
    *x = (struct shell_char){.span = {from, to},
                             .c = c,
                             .quote = (uint8_t)e->quote,
                             .splits = e->splits && blank && !unknown,
                             .unknown = unknown,
                             .conditional = e->conditional,
                             .variable = e->variable};
}

static void expand(struct expansion *e, struct span range);

static void expand_binding(struct expansion *e, const struct shell_binding *b, bool sure)
{
    struct expansion inner = *e;
    inner.depth++;
    inner.variable = true;
    inner.splits = e->value ? e->splits : !e->quote;
    inner.value = true;
    inner.quote = 0;
    inner.conditional = e->conditional || !sure;
    if (e->s->dialect != SHELL_MAKE) /* there a value is read when it is used */
        inner.limit = (uint32_t)(b - e->s->bindings.at);
    inner.region = b->region;
    if (b->kind == SHELL_APPEND && e->s->dialect == SHELL_MAKE)
        put(&inner, ' ', b->value.from, b->value.from, false);
    expand(&inner, b->value);
}

/* The variable NAME, written in REFERENCE; FALLBACK is what stands behind ":-". */
static void variable(struct expansion *e, struct str name, struct span reference,
                     const struct span *fallback)
{
    struct found f;
    if (e->depth > MAX_NESTED || e->out->len >= MAX_CHARS || e->s->work++ >= MAX_WORK) {
        put(e, 0, reference.from, reference.to, true);
        return;
    }
    bool known = find(e->s, name, e->region, e->limit, &f);
    if (known && f.at[f.count - 1]->kind != SHELL_LIST) {
        for (unsigned i = f.count; i-- > 0;)
            expand_binding(e, f.at[i], f.sure[i]);
        return;
    }
    bool bound = known;
    for (uint32_t at = e->s->buckets[str_hash(name) % SHELL_BUCKETS];
         at != SHELL_NOWHERE && !bound; at = e->s->bindings.at[at].older)
        bound = at < e->limit && str_eq(e->s->bindings.at[at].name, name);
    if (bound || !fallback) {
        put(e, 0, reference.from, reference.to, true);
        return;
    }
    struct expansion inner = *e;
    inner.depth++;
    inner.splits = e->value ? e->splits : !e->quote;
    inner.value = inner.variable = true;
    inner.quote = 0;
    expand(&inner, *fallback);
}

/* Behind the group that opens before AT. */
static uint32_t group_end(const struct shell *s, uint32_t from, uint32_t end)
{
    uint32_t to = from + 2;
    unsigned level = 1;
    char open = s->text.at[from + 1], close = open == '{' ? '}' : ')';
    for (; to < end && level; to++) {
        char c = s->text.at[to];
        level += c == open;
        level -= c == close;
    }
    return to;
}

static uint32_t braced(struct expansion *e, uint32_t at, uint32_t end)
{
    struct shell *s = e->s;
    uint32_t to = group_end(s, at, end);
    struct span reference = {at, to};
    struct str inside = str_slice(s->text, at + 2, to - 1);
    size_t n = shell_name(inside);
    bool number = !n && inside.len && inside.at[0] >= '1' && inside.at[0] <= '9';
    n += number;
    struct str rest = str_slice(inside, n, inside.len);
    bool colon = rest.len && rest.at[0] == ':';
    if (n && !number && !rest.len) {
        variable(e, str_slice(inside, 0, n), reference, NULL);
    } else if (n && rest.len > colon && (rest.at[colon] == '-' || rest.at[colon] == '=')) {
        struct span fallback = {at + 2 + (uint32_t)n + colon + 1, to - 1};
        variable(e, str_slice(inside, 0, n), reference, &fallback);
    } else {
        put(e, 0, at, to, true);
    }
    return to;
}

/* The reference at AT. */
static uint32_t dollar(struct expansion *e, uint32_t at, uint32_t end)
{
    struct shell *s = e->s;
    char next = at + 1 < end ? s->text.at[at + 1] : '\0';
    struct str rest = str_slice(s->text, at + 1, end);
    size_t n = shell_name(rest);
    bool make = s->dialect == SHELL_MAKE;
    if (make && next == '$') {
        char third = at + 2 < end ? s->text.at[at + 2] : '\0';
        uint32_t to = at + 2 + (uint32_t)shell_name(str_slice(s->text, at + 2, end));
        if (third == '(' || third == '{')
            to = group_end(s, at + 1, end);
        put(e, 0, at, to < end ? to : end, true);
        return to;
    }
    if (n && !make) {
        variable(e, str_slice(rest, 0, n), (struct span){at, at + 1 + (uint32_t)n}, NULL);
        return at + 1 + (uint32_t)n;
    }
    if (next == '{')
        return braced(e, at, end);
    if (next == '(' && make) {
        uint32_t to = group_end(s, at, end);
        struct str name = str_slice(s->text, at + 2, to - 1);
        if (shell_name(name) == name.len && name.len)
            variable(e, name, (struct span){at, to}, NULL);
        else
            put(e, 0, at, to, true);
        return to;
    }
    if (next == '(') {
        uint32_t to = shell_word_end(s, at, end);
        uint32_t close = group_end(s, at, end);
        to = to == SHELL_NOWHERE || close < to ? close : to;
        put(e, 0, at, to, true);
        return to;
    }
    if (next && (strchr("@*#?$!-", next) || (next >= '0' && next <= '9') || make)) {
        put(e, 0, at, at + 2, true);
        return at + 2;
    }
    put(e, '$', at, at + 1, false);
    return at + 1;
}

static uint32_t escape(struct expansion *e, uint32_t at, uint32_t end)
{
    struct str text = e->s->text;
    if (at + 1 >= end) {
        put(e, '\\', at, at + 1, false);
        return at + 1;
    }
    char next = text.at[at + 1];
    if (next == '\n')
        return at + 2;
    if (e->s->crlf && next == '\r' && at + 2 < end && text.at[at + 2] == '\n')
        return at + 3;
    if (e->quote == '"' && !strchr("$`\"\\", next)) {
        put(e, '\\', at, at + 1, false);
        return at + 1;
    }
    bool splits = e->splits;
    e->splits = false;
    put(e, next, at, at + 2, false);
    e->splits = splits;
    return at + 2;
}

static uint32_t single(struct expansion *e, uint32_t at, uint32_t end)
{
    e->quote = '\'';
    for (at++; at < end && e->s->text.at[at] != '\''; at++)
        put(e, e->s->text.at[at], at, at + 1, false);
    e->quote = 0;
    return at + 1;
}

static uint32_t plain(struct expansion *e, uint32_t at, uint32_t end)
{
    char c = e->s->text.at[at];
    if (c == '`') {
        uint32_t to = at + 1;
        while (to < end && e->s->text.at[to] != '`')
            to++;
        put(e, 0, at, to + 1 < end ? to + 1 : end, true);
        return to + 1;
    }
    put(e, c, at, at + 1, false);
    return at + 1;
}

/* The text of RANGE. The value of a variable that is written between quotes splits like
 * one without: those quotes were gone when it was assigned. */
static void expand(struct expansion *e, struct span range)
{
    bool dotenv = e->s->dialect == SHELL_DOTENV;
    for (uint32_t at = range.from; at < range.to && e->out->len < MAX_CHARS;) {
        char c = e->s->text.at[at];
        if (c == '\\')
            at = escape(e, at, range.to);
        else if (c == '\'' && !e->quote)
            at = single(e, at, range.to);
        else if (c == '"')
            e->quote = e->quote ? 0 : '"', at++;
        else if (c == '$' && !dotenv && !e->quote && at + 1 < range.to &&
                 e->s->text.at[at + 1] == '\'')
            at++; /* $'...': escapes are rare and stay as written */
        else if (c == '$')
            at = dollar(e, at, range.to);
        else
            at = plain(e, at, range.to);
    }
}

/* --- arguments ------------------------------------------------------------ */

static void add_argument(struct shell *s, const struct shell_chars *all, size_t from,
                         size_t to, struct span word, struct shell_arguments *out)
{
    char *text = arena_alloc(s->arena, to - from + 1);
    size_t len = 0;
    for (size_t i = from; i < to; i++)
        if (!all->at[i].unknown)
            text[len++] = all->at[i].c;
    struct shell_argument *a = vec_add(s->scratch, out);
    const struct shell_char *first = all->at ? all->at + from : NULL; /* an empty word */
    *a = (struct shell_argument){first, (uint32_t)(to - from), {text, len}, word, false};
}

static void split(struct shell *s, struct span word, const struct shell_chars *all,
                  struct shell_arguments *out)
{
    struct str raw = source_quote(s->doc->source, word);
    bool quoted = str_find_byte(raw, '"', 0) != SIZE_MAX ||
                  str_find_byte(raw, '\'', 0) != SIZE_MAX;
    if (!all->len && quoted) {
        add_argument(s, all, 0, 0, word, out);
        return;
    }
    for (size_t from = 0; from < all->len;) {
        size_t to = from;
        while (to < all->len && !all->at[to].splits)
            to++;
        if (to > from)
            add_argument(s, all, from, to, word, out);
        from = to + 1;
    }
}

/* "${NAME[@]}", with or without quotes: NAME, else "". */
static struct str array_name(struct str word)
{
    struct str none = {"", 0};
    if (word.len > 2 && word.at[0] == '"' && word.at[word.len - 1] == '"')
        word = str_slice(word, 1, word.len - 1);
    if (!str_starts(word, STR("${")) ||
        !(str_ends(word, STR("[@]}")) || str_ends(word, STR("[*]}"))))
        return none;
    struct str name = str_slice(word, 2, word.len - 4);
    return name.len && shell_name(name) == name.len ? name : none;
}

static void any(struct shell *s, struct span word, struct shell_arguments *out)
{
    struct shell_argument *a = vec_add(s->scratch, out);
    *a = (struct shell_argument){.text = {"", 0}, .word = word, .any = true};
}

struct scene {
    uint32_t region, limit;
    unsigned depth;
    bool conditional, variable;
};

static void expand_word(struct shell *s, struct span word, struct scene where,
                        struct shell_arguments *out);

static void expand_array(struct shell *s, struct span word, struct str name,
                         struct scene where, struct shell_arguments *out)
{
    struct found f;
    if (s->work++ >= MAX_WORK)
        return; /* nobody writes that */
    if (where.depth > MAX_NESTED || out->len > MAX_CHARS ||
        !find(s, name, where.region, where.limit, &f) || f.at[f.count - 1]->kind != SHELL_LIST) {
        any(s, word, out);
        return;
    }
    for (unsigned i = f.count; i-- > 0;) {
        const struct shell_binding *b = f.at[i];
        struct scene inner = {b->region, (uint32_t)(b - s->bindings.at), where.depth + 1,
                              where.conditional || !f.sure[i], true};
        if (b->kind != SHELL_LIST && b->kind != SHELL_LIST_APPEND)
            continue;
        for (uint32_t t = b->first; t < b->last; t++)
            if (s->tokens.at[t].kind == SHELL_WORD)
                expand_word(s, s->tokens.at[t].span, inner, out);
    }
}

static bool is_any(struct str word)
{
    static const char *const WORDS[] = {"$@", "\"$@\"", "$*", "\"$*\"", "${@}", "\"${@}\"",
                                        "\"${@:1}\"", "${@:1}", "\"${@:2}\"", "${@:2}"};
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (str_eq(word, str_from(WORDS[i])))
            return true;
    return false;
}

static void expand_word(struct shell *s, struct span word, struct scene where,
                        struct shell_arguments *out)
{
    struct str raw = source_quote(s->doc->source, word);
    struct str array = array_name(raw);
    if (array.len) {
        expand_array(s, word, array, where, out);
        return;
    }
    if (is_any(raw)) {
        any(s, word, out);
        return;
    }
    struct shell_chars all = {0};
    struct expansion e = {.s = s, .out = &all, .region = where.region, .limit = where.limit,
                          .depth = where.depth, .conditional = where.conditional,
                          .variable = where.variable};
    if (s->work < MAX_WORK)
        expand(&e, word);
    s->work += all.len + 1;
    split(s, word, &all, out);
}

void shell_expand(struct shell *s, struct span word, uint32_t region, uint32_t limit,
                  struct shell_arguments *out)
{
    expand_word(s, word, (struct scene){.region = region, .limit = limit}, out);
}

struct span shell_span(const struct shell *s, const struct shell_argument *argument,
                       uint32_t first, uint32_t last, enum style *style)
{
    const struct shell_char *at = argument->at;
    *style = STYLE_PLAIN;
    if (first >= last) { /* --name= or "" */
        *style = STYLE_NONE;
        uint32_t to = argument->word.to;
        return first ? (struct span){at[first - 1].span.to, at[first - 1].span.to}
                     : (struct span){to, to};
    }
    for (uint32_t i = first; i < last; i++)
        if (at[i].unknown || (i > first && (at[i].span.from != at[i - 1].span.to ||
                                            at[i].quote != at[first].quote))) {
            *style = STYLE_CODE;
            return argument->word;
        }
    struct span span = {at[first].span.from, at[last - 1].span.to};
    char quote = (char)at[first].quote;
    if (quote && span.from && s->text.at[span.from - 1] == quote &&
        span.to < s->text.len && s->text.at[span.to] == quote) {
        *style = quote == '"' ? STYLE_DOUBLE : STYLE_SINGLE;
        return (struct span){span.from - 1, span.to + 1};
    }
    return span;
}

static struct shell_argument one(struct shell *s, const struct shell_chars *all,
                                 struct span word)
{
    struct shell_arguments out = {0};
    add_argument(s, all, 0, all->len, word, &out);
    return out.at[0];
}

struct shell_argument shell_value(struct shell *s, struct span span, uint32_t region,
                                  uint32_t limit)
{
    struct shell_chars all = {0};
    struct expansion e = {.s = s, .out = &all, .region = region, .limit = limit, .value = true};
    if (s->work < MAX_WORK)
        expand(&e, span);
    s->work += all.len + 1;
    return one(s, &all, span);
}

bool shell_variable(struct shell *s, struct str name, uint32_t region, uint32_t limit,
                    struct shell_argument *out, const struct shell_binding **binding)
{
    struct found f;
    struct shell_chars all = {0};
    if (!find(s, name, region, limit, &f) || f.at[f.count - 1]->kind == SHELL_LIST)
        return false;
    struct expansion e = {.s = s, .out = &all, .region = region, .limit = limit,
                          .quote = '"'};
    for (unsigned i = f.count; i-- > 0 && s->work < MAX_WORK;)
        expand_binding(&e, f.at[i], f.sure[i]);
    s->work += all.len + 1;
    *out = one(s, &all, f.at[0]->value);
    *binding = f.at[0];
    return true;
}
