/* One pass over the bytes gives tokens, the masked text, comments and logical lines.
 * It follows Python's own tokenizer where the two could disagree about where a string
 * ends, because everything else rests on that. An f-string is tried with nested quotes
 * (3.12) first and as a plain string when that fails; what is then still odd is not
 * reported, because it cannot be told which Python the file is for. */
#include "python.h"

#include <string.h>

#include "../banned.h"

enum {
    MAX_BRACKETS = 4096,
    MAX_NESTED_STRINGS = 8,
    MAX_MISMATCHES = 1000,
    TRIES_BYTES = 16 * 1024 * 1024
};

struct lexer {
    struct python *p;
    struct str text;
    char *masked;
    uint32_t at;
    uint32_t brackets[MAX_BRACKETS]; /* tokens */
    uint32_t depth;
    uint32_t wrong;   /* closing brackets that fit nothing */
    uint32_t lost;    /* brackets that were too deep to be kept */
    uint32_t tries;   /* bytes left for f-strings that do not work out */
    bool doubt;       /* where strings end may depend on the Python version */
    uint32_t start;   /* of the physical line */
    uint32_t indent;  /* of the logical line that is being read */
    uint32_t first;   /* its first token */
    uint32_t started; /* its physical line */
};

static char at(const struct lexer *l, size_t i)
{
    return i < l->text.len ? l->text.at[i] : '\0';
}

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
    return is_name_start(c) || is_digit(c);
}

static uint32_t break_end(const struct lexer *l, uint32_t i)
{
    return i + (at(l, i) == '\r' && at(l, i + 1) == '\n' ? 2 : 1);
}

static void problem(struct lexer *l, struct span span, const char *message)
{
    struct document *doc = l->p->doc;
    if (!doc->broken && !l->doubt) {
        struct finding *f =
            finding_add(l->p->arena, &doc->problems, doc->source, span, "%s", message);
        f->code = STR("SYN001");
        f->rule = STR("syntax-error");
        f->severity = SEVERITY_ERROR;
    }
    doc->broken = true;
}

/* --- strings -------------------------------------------------------------- */

static bool closes(const struct lexer *l, uint32_t i, char quote, bool triple)
{
    return at(l, i) == quote &&
           (!triple || (at(l, i + 1) == quote && at(l, i + 2) == quote));
}

/* The offset behind the closing quote; 0 when there is none, *STOP then says where
 * reading ended. */
static uint32_t plain_end(const struct lexer *l, uint32_t i, char quote, bool triple,
                          uint32_t *stop)
{
    for (; i < l->text.len; i++) {
        char c = l->text.at[i];
        if (c == '\\') {
            i++;
            if (at(l, i) == '\r' && at(l, i + 1) == '\n')
                i++;
        } else if (closes(l, i, quote, triple)) {
            return i + (triple ? 3 : 1);
        } else if (!triple && is_break(c)) {
            break;
        }
    }
    *stop = i < l->text.len ? i : (uint32_t)l->text.len;
    return 0;
}

struct quoted {
    uint32_t body; /* behind the opening quote */
    char quote;
    bool triple;
};

static struct quoted quoted_at(const struct lexer *l, uint32_t i)
{
    struct quoted q = {.quote = at(l, i)};
    q.triple = closes(l, i, q.quote, true);
    q.body = i + (q.triple ? 3 : 1);
    return q;
}

static uint32_t format_body(struct lexer *l, uint32_t i, const struct quoted *q, int depth,
                            bool spec);

static bool has_format_prefix(const struct lexer *l, uint32_t quote)
{
    uint32_t from = quote;
    bool format = false;
    while (from > 0 && quote - from < 3 && is_name(at(l, from - 1))) {
        from--;
        char c = at(l, from);
        format = format || c == 'f' || c == 'F' || c == 't' || c == 'T';
    }
    return format && !(from > 0 && is_name(at(l, from - 1)));
}

/* Behind the string that opens at I inside a replacement field; 0 for none. */
static uint32_t nested_string(struct lexer *l, uint32_t i, int depth)
{
    struct quoted q = quoted_at(l, i);
    uint32_t stop;
    if (depth >= MAX_NESTED_STRINGS)
        return 0;
    if (has_format_prefix(l, i))
        return format_body(l, q.body, &q, depth + 1, false);
    return plain_end(l, q.body, q.quote, q.triple, &stop);
}

/* Behind the '}' of the replacement field whose '{' stands before I; 0 for none. */
static uint32_t field_end(struct lexer *l, uint32_t i, const struct quoted *q, int depth)
{
    int brackets = 0;
    while (i < l->text.len) {
        char c = l->text.at[i];
        if (c == '#' || (c == '\\' && !is_break(at(l, i + 1))))
            return 0;
        if (c == '"' || c == '\'') {
            i = nested_string(l, i, depth);
            if (!i)
                return 0;
            continue;
        }
        if (strchr("([{", c) && c)
            brackets++;
        if (brackets == 0 && c == '}')
            return i + 1;
        if (strchr(")]}", c) && c && brackets-- == 0)
            return 0;
        if (brackets == 0 && c == ':')
            return depth < MAX_NESTED_STRINGS ? format_body(l, i + 1, q, depth + 1, true)
                                              : 0;
        i++;
    }
    return 0;
}

static uint32_t format_body(struct lexer *l, uint32_t i, const struct quoted *q, int depth,
                            bool spec)
{
    while (i < l->text.len) {
        char c = l->text.at[i];
        if (closes(l, i, q->quote, q->triple))
            return spec ? 0 : i + (q->triple ? 3 : 1);
        if (is_break(c) && !q->triple)
            return 0;
        if (c == '\\') {
            bool named = at(l, i + 1) == 'N' && at(l, i + 2) == '{';
            bool brace = at(l, i + 1) == '{' || at(l, i + 1) == '}';
            i = named ? i + 3 : brace ? i + 1 : break_end(l, i + 1);
        } else if (c == '{' && at(l, i + 1) == '{' && !spec) {
            i += 2;
        } else if (c == '{') {
            i = field_end(l, i + 1, q, depth);
            if (!i)
                return 0;
        } else if (c == '}' && spec) {
            return i + 1;
        } else {
            i++;
        }
    }
    return 0;
}

static uint32_t format_end(struct lexer *l, const struct quoted *q)
{
    uint32_t stop = 0, end = l->tries ? format_body(l, q->body, q, 0, false) : 0;
    if (end)
        return end;
    end = plain_end(l, q->body, q->quote, q->triple, &stop);
    l->doubt = l->doubt || end;
    /* The failed try may have run to the end of the file. */
    uint32_t cost = (uint32_t)l->text.len - q->body;
    l->tries -= cost < l->tries ? cost : l->tries;
    return end;
}

static unsigned prefix_flags(struct str prefix, bool *valid)
{
    unsigned flags = 0, seen = 0;
    *valid = prefix.len <= 2;
    for (size_t i = 0; i < prefix.len && *valid; i++) {
        char c = (char)(prefix.at[i] | 0x20);
        const char *known = strchr("rbuft", c);
        if (!known || !c || (seen & 1u << (known - "rbuft")))
            *valid = false;
        if (known)
            seen |= 1u << (known - "rbuft");
        flags |= c == 'r' ? STRING_RAW : c == 'b' ? STRING_BYTES : 0;
        flags |= c == 'f' || c == 't' ? STRING_FORMAT : 0;
    }
    return flags;
}

static struct token *add(struct lexer *l, enum token_kind kind, uint32_t from, uint32_t to)
{
    struct python *p = l->p;
    struct token *t = vec_add(p->scratch, &p->tokens);
    *t = (struct token){.from = from, .to = to, .kind = (uint8_t)kind};
    t->match = (uint32_t)p->tokens.len - 1;
    return t;
}

static void blank(struct lexer *l, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (!is_break(l->masked[i]))
            l->masked[i] = ' ';
}

/* The string whose prefix starts at FROM and whose quote stands at L->at. */
static void string(struct lexer *l, uint32_t from, unsigned flags)
{
    struct quoted q = quoted_at(l, l->at);
    uint32_t stop = 0, end;
    if (flags & STRING_FORMAT)
        end = format_end(l, &q);
    else
        end = plain_end(l, q.body, q.quote, q.triple, &stop);
    if (!end) {
        (void)plain_end(l, q.body, q.quote, q.triple, &stop);
        problem(l, (struct span){from, q.body},
                q.triple ? "this triple-quoted string is never closed"
                         : "this string is not closed on its line");
        end = stop;
        blank(l, q.body, end);
    } else {
        blank(l, q.body, end - (q.body - l->at));
    }
    l->at = end;
    struct token *t = add(l, TOKEN_STRING, from, end);
    t->flags = (uint8_t)(flags | (q.triple ? STRING_TRIPLE : 0));
}

/* --- other tokens --------------------------------------------------------- */

static void name(struct lexer *l)
{
    uint32_t from = l->at;
    while (is_name(at(l, l->at)))
        l->at++;
    char next = at(l, l->at);
    if (next == '"' || next == '\'') {
        bool valid;
        unsigned flags = prefix_flags(str_slice(l->text, from, l->at), &valid);
        if (valid) {
            string(l, from, flags);
            return;
        }
    }
    add(l, TOKEN_NAME, from, l->at);
}

static void digits(struct lexer *l)
{
    while (is_digit(at(l, l->at)) || (at(l, l->at) == '_' && is_digit(at(l, l->at + 1))))
        l->at++;
}

static bool is_radix(char c)
{
    return c && strchr("xXoObB", c);
}

static void number(struct lexer *l)
{
    uint32_t from = l->at;
    if (at(l, l->at) == '0' && is_radix(at(l, l->at + 1))) {
        l->at += 2;
        while (is_digit(at(l, l->at)) || at(l, l->at) == '_' ||
               (at(l, from + 1) != 'o' && strchr("abcdefABCDEF", at(l, l->at)) &&
                at(l, l->at)))
            l->at++;
    } else {
        digits(l);
        if (at(l, l->at) == '.') {
            l->at++;
            digits(l);
        }
        char e = at(l, l->at), sign = at(l, l->at + 1);
        bool is_exponent = (e == 'e' || e == 'E') &&
                           (is_digit(sign) ||
                            ((sign == '-' || sign == '+') && is_digit(at(l, l->at + 2))));
        if (is_exponent) {
            l->at += 2;
            digits(l);
        }
    }
    if (at(l, l->at) && strchr("jJlL", at(l, l->at)))
        l->at++;
    add(l, TOKEN_NUMBER, from, l->at);
}

static const struct {
    char text[4];
    char op;
} LONG_OPS[] = {
    {"**=", OP_AUGMENTED}, {"//=", OP_AUGMENTED}, {">>=", OP_AUGMENTED},
    {"<<=", OP_AUGMENTED}, {"...", OP_ELLIPSIS},  {"**", OP_POWER},
    {"//", OP_FLOOR},      {">>", OP_RIGHT},      {"<<", OP_LEFT},
    {"<=", OP_COMPARE},    {">=", OP_COMPARE},    {"==", OP_COMPARE},
    {"!=", OP_COMPARE},    {"<>", OP_COMPARE},    {"->", OP_ARROW},
    {"+=", OP_AUGMENTED},  {"-=", OP_AUGMENTED},  {"*=", OP_AUGMENTED},
    {"/=", OP_AUGMENTED},  {"%=", OP_AUGMENTED},  {"&=", OP_AUGMENTED},
    {"|=", OP_AUGMENTED},  {"^=", OP_AUGMENTED},  {"@=", OP_AUGMENTED},
    {":=", OP_WALRUS},
};

static char pair_of(char close)
{
    return close == ')' ? '(' : close == ']' ? '[' : '{';
}

static void open_bracket(struct lexer *l)
{
    if (l->depth < MAX_BRACKETS)
        l->brackets[l->depth++] = (uint32_t)l->p->tokens.len - 1;
    else
        l->lost++;
}

static void close_bracket(struct lexer *l)
{
    struct token *tokens = l->p->tokens.at;
    uint32_t self = (uint32_t)l->p->tokens.len - 1;
    struct token *t = &tokens[self];
    if (l->lost) {
        l->lost--;
        return;
    }
    struct span span = {t->from, t->to};
    if (!l->depth) {
        problem(l, span, "nothing is open that this bracket could close");
        return;
    }
    uint32_t opener = l->brackets[l->depth - 1];
    if (tokens[opener].op != pair_of(t->op)) {
        problem(l, span, "this bracket does not match the one that is open");
        if (l->wrong++ > MAX_MISMATCHES)
            return;
        uint32_t depth = l->depth;
        while (depth && tokens[l->brackets[depth - 1]].op != pair_of(t->op))
            depth--;
        if (!depth)
            return;
        l->depth = depth;
        opener = l->brackets[depth - 1];
    }
    l->depth--;
    t->match = opener;
    tokens[opener].match = self;
}

static void operator(struct lexer *l)
{
    char c = at(l, l->at);
    uint32_t from = l->at;
    for (size_t i = 0; i < sizeof LONG_OPS / sizeof *LONG_OPS; i++) {
        size_t len = LONG_OPS[i].text[2] ? 3 : 2;
        if (LONG_OPS[i].text[0] == c && l->at + len <= l->text.len &&
            !memcmp(l->text.at + l->at, LONG_OPS[i].text, len)) {
            l->at += (uint32_t)len;
            add(l, TOKEN_OP, from, l->at)->op = LONG_OPS[i].op;
            return;
        }
    }
    l->at++;
    add(l, TOKEN_OP, from, l->at)->op = is_name(c) ? '?' : c;
    if (c && strchr("([{", c))
        open_bracket(l);
    else if (c && strchr(")]}", c))
        close_bracket(l);
}

static void comment(struct lexer *l)
{
    uint32_t from = l->at, before = from;
    while (l->at < l->text.len && !is_break(l->text.at[l->at]))
        l->at++;
    while (before > l->start && strchr(" \t\f", l->text.at[before - 1]))
        before--;
    struct comment *c = vec_add(l->p->arena, &l->p->doc->comments);
    c->span = (struct span){from, l->at};
    c->own_line = before == l->start;
    blank(l, from, l->at);
}

/* --- logical lines -------------------------------------------------------- */

static void end_line(struct lexer *l)
{
    struct python *p = l->p;
    if (l->first < p->tokens.len) {
        struct line *line = vec_add(p->scratch, &p->lines);
        *line = (struct line){.first = l->first,
                              .last = (uint32_t)p->tokens.len,
                              .start = l->started,
                              .end = l->at,
                              .indent = l->indent};
    }
    l->first = (uint32_t)p->tokens.len;
}

static void new_line(struct lexer *l)
{
    l->at = break_end(l, l->at);
    l->start = l->at;
    if (l->depth || l->lost)
        return;
    end_line(l);
    l->started = l->at;
    l->indent = 0;
    for (; l->at < l->text.len; l->at++) {
        char c = l->text.at[l->at];
        if (c == ' ')
            l->indent++;
        else if (c == '\t')
            l->indent = (l->indent / 8 + 1) * 8;
        else if (c == '\f')
            l->indent = 0;
        else
            break;
    }
}

static void next(struct lexer *l)
{
    char c = l->text.at[l->at];
    if (is_break(c))
        new_line(l);
    else if (c == ' ' || c == '\t' || c == '\f' || c == '\0')
        l->at++;
    else if (c == '\\' && is_break(at(l, l->at + 1)))
        l->start = l->at = break_end(l, l->at + 1);
    else if (c == '#')
        comment(l);
    else if (c == '"' || c == '\'')
        string(l, l->at, 0);
    else if (is_name_start(c))
        name(l);
    else if (is_digit(c) || (c == '.' && is_digit(at(l, l->at + 1))))
        number(l);
    else
        operator(l);
}

void python_mask(struct python *p)
{
    struct lexer *l = arena_new(p->scratch, struct lexer);
    *l = (struct lexer){.p = p, .text = p->text, .tries = TRIES_BYTES};
    l->masked = arena_alloc(p->arena, p->text.len + 1);
    if (p->text.len)
        memcpy(l->masked, p->text.at, p->text.len);
    /* So that the first line starts as lines do, to a pattern's ^ too. */
    for (uint32_t i = 0; i < p->doc->source->body; i++)
        l->masked[i] = '\n';
    p->doc->masked = (struct str){l->masked, p->text.len};
    l->at = l->start = l->started = p->doc->source->body;
    while (l->at < l->text.len && strchr(" \t", l->text.at[l->at]) && l->text.at[l->at]) {
        l->at++;
        l->indent++;
    }
    while (l->at < l->text.len)
        next(l);
    if (l->depth) {
        const struct token *t = &p->tokens.at[l->brackets[l->depth - 1]];
        problem(l, (struct span){t->from, t->to}, "this bracket is never closed");
    }
    end_line(l);
}
