/* Words and operators of shell text. Quotes, $(...), ${...} and backticks are stepped over
 * as part of their word; here-documents and redirections are left out. */
#include "shell.h"

#include <assert.h>
#include <string.h>

#include "../banned.h"

struct lexer {
    struct shell *s;
    struct shell_tokens *out;
    uint32_t at, end;
    bool in_array;
    struct {
        struct span word;
        bool tabs;
    } here[8]; /* here-documents that start behind the line */
    unsigned heres;
};

static char byte(const struct shell *s, uint32_t at, uint32_t end)
{
    return at < end ? s->text.at[at] : '\0';
}

size_t shell_name(struct str s)
{
    size_t n = 0;
    while (n < s.len && (s.at[n] == '_' || (s.at[n] >= 'a' && s.at[n] <= 'z') ||
                         (s.at[n] >= 'A' && s.at[n] <= 'Z') ||
                         (n && s.at[n] >= '0' && s.at[n] <= '9')))
        n++;
    return n;
}

/* Bytes of the line continuation at AT, 0 for none. */
static uint32_t continuation(const struct shell *s, uint32_t at, uint32_t end)
{
    if (byte(s, at, end) != '\\')
        return 0;
    if (byte(s, at + 1, end) == '\n')
        return 2;
    return s->crlf && byte(s, at + 1, end) == '\r' && byte(s, at + 2, end) == '\n' ? 3 : 0;
}

static uint32_t skip_part(const struct shell *s, uint32_t at, uint32_t end, int depth);

/* Behind the CLOSE that matches what was opened before AT. */
static uint32_t skip_group(const struct shell *s, uint32_t at, uint32_t end, char close,
                           int depth)
{
    char open = close == ')' ? '(' : close == '}' ? '{' : '\0';
    unsigned level = 1;
    while (at < end) {
        char c = s->text.at[at];
        if (c == close && --level == 0)
            return at + 1;
        if (c == open && open)
            level++;
        at = skip_part(s, at, end, depth);
        if (at == SHELL_NOWHERE)
            break;
    }
    return SHELL_NOWHERE;
}

static uint32_t skip_single(const struct shell *s, uint32_t at, uint32_t end)
{
    size_t close = str_find_byte(str_slice(s->text, 0, end), '\'', at);
    return close == SIZE_MAX ? SHELL_NOWHERE : (uint32_t)close + 1;
}

static uint32_t skip_double(const struct shell *s, uint32_t at, uint32_t end, int depth)
{
    while (at < end && s->text.at[at] != '"') {
        char c = s->text.at[at];
        if (c == '\\')
            at += 2;
        else if (c == '$' || c == '`')
            at = skip_part(s, at, end, depth);
        else
            at++;
        if (at == SHELL_NOWHERE)
            return at;
    }
    return at < end ? at + 1 : SHELL_NOWHERE;
}

/* Behind the character at AT with all that it opens. */
static uint32_t skip_part(const struct shell *s, uint32_t at, uint32_t end, int depth)
{
    if (depth > SHELL_MAX_DEPTH)
        return SHELL_NOWHERE;
    char next = byte(s, at + 1, end);
    switch (s->text.at[at]) {
    case '\\':
        return at + 2 < end ? at + 2 : end;
    case '\'':
        return skip_single(s, at + 1, end);
    case '"':
        return skip_double(s, at + 1, end, depth + 1);
    case '`': {
        while (++at < end && s->text.at[at] != '`')
            at += s->text.at[at] == '\\';
        return at < end ? at + 1 : SHELL_NOWHERE;
    }
    case '$':
        if (next == '$' && s->dialect == SHELL_MAKE) { /* a dollar of the shell's */
            char third = byte(s, at + 2, end);
            return third == '(' || third == '{' ? skip_part(s, at + 1, end, depth + 1) : at + 2;
        }
        if (next == '(')
            return skip_group(s, at + 2, end, ')', depth + 1);
        if (next == '{')
            return skip_group(s, at + 2, end, '}', depth + 1);
        return at + 1 + (next == '$' || next == '#');
    default:
        return at + 1;
    }
}

static bool is_meta(char c)
{
    return c == '\0' || strchr(" \t\r\n;&|<>()", c) != NULL;
}

/* A CR is one of its line's last bytes, or a letter like any other. */
static bool is_letter_cr(const struct shell *s, uint32_t at, uint32_t end)
{
    return s->text.at[at] == '\r' && (!s->crlf || (at + 1 < end && s->text.at[at + 1] != '\n'));
}

uint32_t shell_word_end(const struct shell *s, uint32_t at, uint32_t end)
{
    while (at < end && (!is_meta(s->text.at[at]) || is_letter_cr(s, at, end))) {
        at = skip_part(s, at, end, 0);
        if (at == SHELL_NOWHERE)
            return at;
    }
    return at < end ? at : end;
}

static void add(struct lexer *l, enum shell_kind kind, char op, uint32_t from, uint32_t to)
{
    struct shell_token *t = vec_add(l->s->scratch, l->out);
    *t = (struct shell_token){{from, to}, (uint8_t)kind, op};
}

static uint32_t line_end(const struct lexer *l, uint32_t at)
{
    size_t to = str_find_byte(str_slice(l->s->text, 0, l->end), '\n', at);
    return to == SIZE_MAX ? l->end : (uint32_t)to;
}

static bool alone_on_line(const struct shell *s, uint32_t at)
{
    while (at > s->doc->source->body && (s->text.at[at - 1] == ' ' || s->text.at[at - 1] == '\t'))
        at--;
    return at == s->doc->source->body || s->text.at[at - 1] == '\n';
}

static void comment(struct lexer *l)
{
    uint32_t to = line_end(l, l->at), from = l->at;
    l->at = to;
    if (to > from && l->s->text.at[to - 1] == '\r')
        to--;
    *vec_add(l->s->arena, &l->s->doc->comments) =
        (struct comment){{from, to}, alone_on_line(l->s, from)};
    struct str text = str_slice(l->s->text, from, to), mark = STR("#SBATCH ");
    if (str_starts(text, mark))
        shell_lex(l->s, (struct span){from + (uint32_t)mark.len, to}, &l->s->sbatch);
}

static struct str delimiter(struct lexer *l, struct span word)
{
    struct str s = source_quote(l->s->doc->source, word);
    if (s.len >= 2 && (s.at[0] == '\'' || s.at[0] == '"') && s.at[s.len - 1] == s.at[0])
        return str_slice(s, 1, s.len - 1);
    return s.len && s.at[0] == '\\' ? str_slice(s, 1, s.len) : s;
}

/* From the start of a line behind all here-documents that wait. */
static void skip_heres(struct lexer *l)
{
    for (unsigned i = 0; i < l->heres; i++) {
        struct str wanted = delimiter(l, l->here[i].word);
        bool found = false;
        struct shell_token *here = vec_add(l->s->scratch, &l->s->heres);
        *here = (struct shell_token){.span = {l->at, l->at}};
        while (l->at < l->end && !found) {
            uint32_t to = line_end(l, l->at);
            here->span.to = l->at;
            struct str line = str_slice(l->s->text, l->at, to);
            while (l->here[i].tabs && line.len && line.at[0] == '\t')
                line = str_slice(line, 1, line.len);
            if (l->s->crlf && line.len && line.at[line.len - 1] == '\r')
                line.len--;
            found = str_eq(line, wanted);
            l->at = to < l->end ? to + 1 : to;
        }
    }
    l->heres = 0;
}

static void skip_blanks(struct lexer *l)
{
    for (;;) {
        char c = byte(l->s, l->at, l->end);
        uint32_t joined = continuation(l->s, l->at, l->end);
        if (joined)
            l->at += joined;
        else if (l->at < l->end && (c == ' ' || c == '\t' || c == '\0' ||
                                    (c == '\r' && !is_letter_cr(l->s, l->at, l->end))))
            l->at++;
        else
            return;
    }
}

/* The word at l->at as a target that nobody needs. */
static bool skip_word(struct lexer *l, struct span *word)
{
    skip_blanks(l);
    uint32_t to = shell_word_end(l->s, l->at, l->end);
    if (to == SHELL_NOWHERE)
        return false;
    *word = (struct span){l->at, to};
    l->at = to;
    return true;
}

static bool redirection(struct lexer *l)
{
    struct span word;
    char first = l->s->text.at[l->at++], next = byte(l->s, l->at, l->end);
    /* The number of a descriptor before it is no argument. */
    struct shell_token *last = l->out->len ? &l->out->at[l->out->len - 1] : NULL;
    if (last && last->kind == SHELL_WORD && last->span.to == l->at - 1 &&
        last->span.to - last->span.from == 1 && l->s->text.at[last->span.from] >= '0' &&
        l->s->text.at[last->span.from] <= '9')
        l->out->len--;
    if (next == '(') { /* <(...) is a file name */
        uint32_t from = l->at - 1;
        uint32_t to = skip_group(l->s, l->at + 1, l->end, ')', 0);
        if (to == SHELL_NOWHERE)
            return false;
        add(l, SHELL_WORD, 0, from, to);
        l->at = to;
        return true;
    }
    bool here = first == '<' && next == '<' && byte(l->s, l->at + 1, l->end) != '<';
    while (l->at < l->end && strchr("<>&|", l->s->text.at[l->at]))
        l->at++;
    bool tabs = here && byte(l->s, l->at, l->end) == '-';
    l->at += tabs;
    if (!skip_word(l, &word))
        return false;
    if (here && l->heres < sizeof l->here / sizeof *l->here) {
        l->here[l->heres].word = word;
        l->here[l->heres++].tabs = tabs;
    }
    return true;
}

static bool op(struct lexer *l, char c)
{
    char next = byte(l->s, l->at + 1, l->end);
    uint32_t from = l->at;
    if (c == '&' && next == '>') {
        l->at++;
        return redirection(l);
    }
    if (c == '(' && next == '(') { /* arithmetic */
        l->at = skip_group(l->s, from + 1, l->end, ')', 0);
        if (l->at == SHELL_NOWHERE)
            return false;
        return true;
    }
    bool twice = c == next && c != '(' && c != ')';
    char is = c;
    if (twice)
        is = c == '&' ? SHELL_AND : c == '|' ? SHELL_OR : SHELL_CASE_END;
    l->at += 1u + twice + (c == '|' && next == '&');
    add(l, SHELL_OP, is, from, l->at);
    return true;
}

static bool opens_array(const struct lexer *l, uint32_t from, uint32_t to)
{
    struct str word = str_slice(l->s->text, from, to);
    size_t name = shell_name(word);
    struct str rest = str_slice(word, name, word.len);
    return name && byte(l->s, to, l->end) == '(' &&
           (str_eq(rest, STR("=")) || str_eq(rest, STR("+=")));
}

static bool word(struct lexer *l)
{
    uint32_t from = l->at, to = shell_word_end(l->s, from, l->end);
    if (to == SHELL_NOWHERE || to == from)
        return false;
    l->at = to;
    if (!l->in_array && opens_array(l, from, to)) {
        l->at++;
        l->in_array = true;
        add(l, SHELL_ARRAY, 0, from, l->at);
        return true;
    }
    add(l, SHELL_WORD, 0, from, to);
    return true;
}

static bool newline(struct lexer *l)
{
    if (!l->in_array)
        add(l, SHELL_NEWLINE, 0, l->at, l->at + 1);
    l->at++;
    skip_heres(l);
    return true;
}

static bool step(struct lexer *l)
{
    char c = l->s->text.at[l->at];
    if (c == '\n')
        return newline(l);
    if (c == '#') {
        comment(l);
        return true;
    }
    if (c == '<' || c == '>')
        return redirection(l);
    if (l->in_array && c == ')')
        l->in_array = false;
    if (strchr(";&|()", c))
        return op(l, c);
    return word(l);
}

bool shell_lex(struct shell *s, struct span range, struct shell_tokens *out)
{
    struct lexer l = {.s = s, .out = out, .at = range.from, .end = range.to};
    for (;;) {
        skip_blanks(&l);
        if (l.at >= l.end)
            return true;
        if (!step(&l))
            return false;
    }
}
