/* JSON and JSON with comments, read by a small state machine: one token per step, the
 * innermost open collection instead of a call stack, so that no nesting costs more than
 * its bytes. Spans are exact because the bytes are read here and nowhere else.
 *
 * A comma before a closing bracket is forgiven where the file is JSON with comments by
 * name or because a comment stands in it; elsewhere whatever reads it would stop, and so
 * the file counts as broken, though all of it is read. */
#include "json.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../banned.h"

struct spans VEC_BODY(struct span);

enum state { VALUE, FIRST_ITEM, ITEM, FIRST_KEY, KEY, AFTER, END, FAILED };

enum { END_OF_TEXT = -1, MAX_TRAILING = 20, QUOTE_BYTES = 40 };

struct parser {
    struct arena *a;
    struct document *doc;
    struct str text;
    enum json_mode mode;
    uint32_t at;
    uint32_t line_at;     /* behind the newest line break between tokens */
    uint32_t comma_at;    /* of the newest comma */
    uint32_t value_end;   /* of the newest complete value */
    struct setting *open; /* the innermost open collection */
    unsigned depth;
    struct str key; /* of the value to come */
    struct span key_span;
    struct spans trailing; /* commas before a closing bracket */
};

/* --- trouble ------------------------------------------------------------- */

static enum state fail(struct parser *p, uint32_t from, uint32_t to, const char *format,
                       ...) __attribute__((format(printf, 4, 5)));

static enum state fail(struct parser *p, uint32_t from, uint32_t to, const char *format,
                       ...)
{
    va_list args;
    va_start(args, format);
    struct str message = arena_vprintf(p->a, format, args);
    va_end(args);
    struct finding *f = finding_add(p->a, &p->doc->problems, p->doc->source,
                                    (struct span){from, to}, "%.*s", STR_ARG(message));
    f->code = STR("SYN001");
    f->rule = STR("syntax-error");
    f->severity = SEVERITY_ERROR;
    p->doc->broken = true;
    return FAILED;
}

static int peek(const struct parser *p)
{
    return p->at < p->text.len ? (unsigned char)p->text.at[p->at] : END_OF_TEXT;
}

/* The whole character at AT, so that no span ends inside one. */
static uint32_t behind_character(const struct parser *p, uint32_t at)
{
    if (at >= p->text.len)
        return at;
    at++;
    while (at < p->text.len && ((unsigned char)p->text.at[at] & 0xC0) == 0x80)
        at++;
    return at;
}

/* S shortened for a message. */
static struct str brief(struct str s)
{
    size_t to = s.len;
    if (to > QUOTE_BYTES)
        for (to = QUOTE_BYTES; to && ((unsigned char)s.at[to] & 0xC0) == 0x80;)
            to--;
    return str_slice(s, 0, to);
}

static enum state fail_at_end(struct parser *p)
{
    uint32_t end = p->at;
    if (!p->open)
        return fail(p, end, end, "the file is empty");
    bool map = p->open->kind == SETTING_MAP;
    fail(p, end, end, "the file ends inside %s: '%c' is missing",
         map ? "an object" : "an array", map ? '}' : ']');
    struct finding *f = &p->doc->problems.at[p->doc->problems.len - 1];
    uint32_t from = p->open->value_span.from;
    *vec_add(p->a, &f->related) =
        (struct related){p->doc->source, {from, from + 1}, STR("opened here")};
    return FAILED;
}

static bool is_word(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '_' || c == '.' || c == '+' || c == '-' || c == '$' || c >= 0x80;
}

static struct span word_span(const struct parser *p)
{
    uint32_t to = p->at;
    while (to < p->text.len && is_word((unsigned char)p->text.at[to]))
        to++;
    return (struct span){p->at, to};
}

static enum state fail_single_quotes(struct parser *p)
{
    uint32_t to = p->at + 1;
    while (to < p->text.len && !strchr("'\r\n", p->text.at[to]))
        to++;
    if (to < p->text.len && p->text.at[to] == '\'')
        to++;
    return fail(p, p->at, to, "single quotes are not JSON; use double quotes");
}

/* --- blanks and comments ------------------------------------------------- */

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || is_line_end(c);
}

static bool alone_on_line(const struct parser *p, uint32_t from, uint32_t to)
{
    struct str text = p->text;
    uint32_t start = p->doc->source->body;
    while (from > start && (text.at[from - 1] == ' ' || text.at[from - 1] == '\t'))
        from--;
    while (to < text.len && (text.at[to] == ' ' || text.at[to] == '\t'))
        to++;
    return (from == start || is_line_end(text.at[from - 1])) &&
           (to == text.len || is_line_end(text.at[to]));
}

static bool comment(struct parser *p)
{
    uint32_t from = p->at;
    bool block = from + 1 < p->text.len && p->text.at[from + 1] == '*';
    if (p->mode == JSON_STRICT ||
        !(block || (from + 1 < p->text.len && p->text.at[from + 1] == '/')))
        return fail(p, from, from + 1, "'/' is out of place"), false;
    size_t to = from + 2;
    if (block) {
        to = str_find(p->text, STR("*/"), to);
        if (to == SIZE_MAX)
            return fail(p, from, from + 2, "the comment is never closed"), false;
        to += 2;
    } else {
        while (to < p->text.len && !is_line_end(p->text.at[to]))
            to++;
    }
    p->at = (uint32_t)to;
    *vec_add(p->a, &p->doc->comments) =
        (struct comment){{from, p->at}, alone_on_line(p, from, p->at)};
    return true;
}

/* To the next token. False when a comment is broken. */
static bool skip(struct parser *p)
{
    while (p->at < p->text.len) {
        char c = p->text.at[p->at];
        if (c == '/') {
            if (!comment(p))
                return false;
            continue;
        }
        if (!is_blank(c))
            break;
        p->at++;
        if (is_line_end(c))
            p->line_at = p->at;
    }
    return true;
}

/* --- strings ------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits behind \u at AT, or -1. */
static int32_t hex4(struct str text, size_t at)
{
    int32_t value = 0;
    if (at + 4 > text.len)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        int digit = hex_digit(text.at[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static bool fail_escape(struct parser *p, uint32_t from)
{
    uint32_t to = behind_character(p, from + 1);
    struct str escape = str_slice(p->text, from, to);
    if (to > from + 1 && p->text.at[from + 1] == 'u')
        fail(p, from, to, "\\u needs four hexadecimal digits");
    else if (to > from + 1 && (unsigned char)p->text.at[from + 1] >= ' ')
        fail(p, from, to, "%.*s is not a JSON escape; a backslash is written \\\\",
             STR_ARG(escape));
    else
        fail(p, from, from + 1, "a backslash that escapes nothing");
    return false;
}

static bool fail_control(struct parser *p, uint32_t quote, uint32_t at)
{
    char c = p->text.at[at];
    if (is_line_end(c))
        fail(p, quote, at, "unterminated string: its line ends before the closing quote");
    else if (c == '\t')
        fail(p, at, at + 1, "a tab inside a string is written \\t");
    else
        fail(p, at, at + 1, "a control character inside a string is written \\u%04x",
             (unsigned)c);
    return false;
}

/* Checks the string at p->at and steps behind it. */
static bool scan_string(struct parser *p, struct span *span, bool *escaped)
{
    uint32_t from = p->at, at = from + 1;
    *escaped = false;
    while (at < p->text.len && p->text.at[at] != '"') {
        unsigned char c = (unsigned char)p->text.at[at];
        if (c < ' ')
            return fail_control(p, from, at);
        if (c != '\\') {
            at++;
            continue;
        }
        *escaped = true;
        char e = at + 1 < p->text.len ? p->text.at[at + 1] : '\0';
        if (!e || !strchr("\"\\/bfnrtu", e) || (e == 'u' && hex4(p->text, at + 2) < 0))
            return fail_escape(p, at);
        at += 2;
    }
    if (at >= p->text.len) {
        fail(p, from, from + 1, "unterminated string");
        return false;
    }
    p->at = at + 1;
    *span = (struct span){from, p->at};
    return true;
}

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* The character of the \u escape whose digits start at *AT, two escapes for a pair.
 * Half a pair is no character: U+FFFD stands for it. */
static uint32_t escaped_character(struct str raw, size_t *at)
{
    uint32_t high = (uint32_t)hex4(raw, *at);
    *at += 4;
    if (high < 0xD800 || high > 0xDFFF)
        return high;
    bool pair = high < 0xDC00 && *at + 6 <= raw.len && raw.at[*at] == '\\' &&
                raw.at[*at + 1] == 'u';
    int32_t low = pair ? hex4(raw, *at + 2) : -1;
    if (low < 0xDC00 || low > 0xDFFF)
        return 0xFFFD;
    *at += 6;
    return 0x10000 + ((high - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
}

/* RAW is what stands between the quotes; the decoded text is never longer. */
static struct str decode(struct arena *a, struct str raw)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char *out = arena_alloc(a, raw.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < raw.len;) {
        if (raw.at[i] != '\\') {
            out[len++] = raw.at[i++];
        } else if (raw.at[i + 1] == 'u') {
            i += 2;
            len += put_utf8(out + len, escaped_character(raw, &i));
        } else {
            out[len++] = to[strchr(from, raw.at[i + 1]) - from];
            i += 2;
        }
    }
    return (struct str){out, len};
}

static bool string(struct parser *p, struct span *span, struct str *text)
{
    bool escaped;
    if (!scan_string(p, span, &escaped))
        return false;
    struct str raw = str_slice(p->text, span->from + 1, span->to - 1);
    *text = escaped ? decode(p->a, raw) : raw;
    return true;
}

/* --- values -------------------------------------------------------------- */

static struct setting *add(struct parser *p, enum setting_kind kind, struct span span,
                           enum style style)
{
    struct setting *s =
        setting_add(p->a, &p->doc->tree, p->open, kind, p->key, p->key_span);
    s->style = style;
    s->value_span = span;
    p->key = (struct str){"", 0};
    p->key_span = (struct span){0, 0};
    return s;
}

static enum state complete(struct parser *p, uint32_t end)
{
    p->value_end = end;
    return p->open ? AFTER : END;
}

static enum state scalar(struct parser *p, struct span span, struct str text,
                         enum style style, struct value value)
{
    struct setting *s = add(p, SETTING_SCALAR, span, style);
    s->text = text;
    s->value = value;
    p->at = span.to;
    return complete(p, span.to);
}

static enum state string_value(struct parser *p)
{
    struct span span;
    struct str text;
    if (!string(p, &span, &text))
        return FAILED;
    return scalar(p, span, text, STYLE_DOUBLE, VALUE_OF_STR(text));
}

static size_t digits(struct str s, size_t at)
{
    while (at < s.len && s.at[at] >= '0' && s.at[at] <= '9')
        at++;
    return at;
}

/* Where the number at the start of S ends by JSON's grammar; 0 when there is none. */
static size_t number_end(struct str s, bool *whole)
{
    size_t from = s.len && s.at[0] == '-', at = digits(s, from);
    *whole = true;
    if (at == from || (s.at[from] == '0' && at > from + 1))
        return 0;
    if (at < s.len && s.at[at] == '.') {
        *whole = false;
        from = at + 1;
        at = digits(s, from);
        if (at == from)
            return 0;
    }
    if (at < s.len && (s.at[at] == 'e' || s.at[at] == 'E')) {
        *whole = false;
        from = at + 1;
        if (from < s.len && (s.at[from] == '+' || s.at[from] == '-'))
            from++;
        at = digits(s, from);
        if (at == from)
            return 0;
    }
    return at;
}

static struct value number_value(struct arena *a, struct str text, bool whole)
{
    int64_t integer;
    if (whole && str_to_int(text, &integer))
        return VALUE_OF_INT(integer);
    struct arena_mark mark = arena_mark(a);
    double real = strtod(arena_str(a, text).at, NULL);
    arena_release(a, mark);
    return VALUE_OF_FLOAT(real);
}

static enum state number(struct parser *p)
{
    struct span span = word_span(p);
    struct str text = str_slice(p->text, span.from, span.to);
    if (p->mode == JSON_LENIENT && str_eq(text, STR("-Infinity")))
        return scalar(p, span, text, STYLE_PLAIN, VALUE_OF_FLOAT(-HUGE_VAL));
    bool whole;
    if (number_end(text, &whole) != text.len)
        return fail(p, span.from, span.to, "%.*s is not a JSON number",
                    STR_ARG(brief(text)));
    return scalar(p, span, text, STYLE_PLAIN, number_value(p->a, text, whole));
}

static const struct {
    struct str word;
    struct value value;
    bool strict; /* plain JSON */
} WORDS[] = {
    {STR_INIT("true"), {VALUE_BOOL, {.boolean = true}}, true},
    {STR_INIT("false"), {VALUE_BOOL, {.boolean = false}}, true},
    {STR_INIT("null"), {VALUE_NULL, {0}}, true},
    {STR_INIT("NaN"), {VALUE_FLOAT, {.real = NAN}}, false},
    {STR_INIT("Infinity"), {VALUE_FLOAT, {.real = INFINITY}}, false},
};

static const char *const PYTHON_WORDS[][2] = {
    {"True", "true"}, {"False", "false"}, {"None", "null"}};

static enum state word(struct parser *p)
{
    struct span span = word_span(p);
    struct str text = str_slice(p->text, span.from, span.to);
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (str_eq(text, WORDS[i].word) && (WORDS[i].strict || p->mode == JSON_LENIENT))
            return scalar(p, span, text, STYLE_PLAIN, WORDS[i].value);
    for (size_t i = 0; i < sizeof PYTHON_WORDS / sizeof *PYTHON_WORDS; i++)
        if (str_eq(text, str_from(PYTHON_WORDS[i][0])))
            return fail(p, span.from, span.to, "%s is Python; JSON writes %s",
                        PYTHON_WORDS[i][0], PYTHON_WORDS[i][1]);
    if (text.len)
        return fail(p, span.from, span.to, "%.*s is not a JSON value; a text needs quotes",
                    STR_ARG(brief(text)));
    if (peek(p) == ',')
        return fail(p, p->at, p->at + 1, "a value is missing before ','");
    return fail(p, p->at, behind_character(p, p->at), "expected a value");
}

static enum state open_collection(struct parser *p, bool map)
{
    if (p->depth == SETTING_MAX_DEPTH)
        return fail(p, p->at, p->at + 1, "nested more than %d deep", SETTING_MAX_DEPTH);
    struct span span = {p->at, p->at + 1};
    p->open = add(p, map ? SETTING_MAP : SETTING_LIST, span, STYLE_FLOW);
    p->depth++;
    p->at++;
    return map ? FIRST_KEY : FIRST_ITEM;
}

static enum state value(struct parser *p)
{
    int c = peek(p);
    if (p->doc->tree.all.len >= JSON_MAX_SETTINGS)
        return fail(p, p->at, p->at, "more than %d values", JSON_MAX_SETTINGS);
    if (c == END_OF_TEXT)
        return fail_at_end(p);
    if (c == '{' || c == '[')
        return open_collection(p, c == '{');
    if (c == '"')
        return string_value(p);
    if (c == '\'')
        return fail_single_quotes(p);
    if (c == '-' || c == '+' || c == '.' || (c >= '0' && c <= '9'))
        return number(p);
    return word(p);
}

/* --- structure ----------------------------------------------------------- */

static int by_key(const void *x, const void *y)
{
    const struct setting *a = *(struct setting *const *)x, *b = *(struct setting *const *)y;
    int c = str_compare(a->key, b->key);
    return c ? c : a->id < b->id ? -1 : a->id > b->id;
}

/* Sorting finds them without a table that crafted keys could make slow. */
static void flag_duplicates(struct arena *a, struct setting *map)
{
    size_t len = 0;
    for (struct setting *s = map->first; s; s = s->next)
        len++;
    if (len < 2)
        return;
    struct arena_mark mark = arena_mark(a);
    struct setting **at = arena_alloc_array(a, len, sizeof *at);
    len = 0;
    for (struct setting *s = map->first; s; s = s->next)
        at[len++] = s;
    qsort(at, len, sizeof *at, by_key);
    for (size_t i = 1; i < len; i++) {
        if (!str_eq(at[i - 1]->key, at[i]->key))
            continue;
        at[i - 1]->flags |= SETTING_OVERRIDDEN;
        at[i]->flags |= SETTING_DUPLICATE;
    }
    arena_release(a, mark);
}

static struct value list_value(struct arena *a, const struct setting *list)
{
    size_t len = 0;
    for (const struct setting *s = list->first; s; s = s->next)
        len++;
    struct value *at = arena_alloc_array(a, len, sizeof *at);
    len = 0;
    for (const struct setting *s = list->first; s; s = s->next)
        at[len++] = s->value;
    return (struct value){VALUE_LIST, {.list = {at, len}}};
}

static enum state close_collection(struct parser *p)
{
    struct setting *s = p->open;
    s->value_span.to = ++p->at;
    if (p->line_at > s->value_span.from)
        s->flags |= SETTING_MULTILINE;
    if (s->kind == SETTING_MAP)
        flag_duplicates(p->a, s);
    else
        s->value = list_value(p->a, s);
    p->open = s->parent;
    p->depth--;
    return complete(p, p->at);
}

static enum state close_behind_comma(struct parser *p)
{
    if (p->trailing.len < MAX_TRAILING)
        *vec_add(p->a, &p->trailing) = (struct span){p->comma_at, p->comma_at + 1};
    return close_collection(p);
}

static enum state key(struct parser *p)
{
    int c = peek(p);
    if (c == END_OF_TEXT)
        return fail_at_end(p);
    if (c == '\'')
        return fail_single_quotes(p);
    if (c != '"') {
        struct span span = word_span(p);
        if (span.to > span.from)
            return fail(p, span.from, span.to, "a key must stand in double quotes");
        return fail(p, p->at, behind_character(p, p->at),
                    "expected a key in double quotes");
    }
    struct span span;
    struct str text;
    if (!string(p, &span, &text) || !skip(p))
        return FAILED;
    if (peek(p) == END_OF_TEXT)
        return fail_at_end(p);
    if (peek(p) != ':')
        return fail(p, span.from, span.to, "expected ':' behind the key");
    p->at++;
    p->key = text;
    p->key_span = span;
    return VALUE;
}

static bool starts_value(int c)
{
    return c == '"' || c == '{' || c == '[' || c == '\'' || is_word(c);
}

/* Two values with nothing between them. The comma belongs behind the first. */
static enum state fail_missing_comma(struct parser *p)
{
    const struct setting *before = p->open->last;
    uint32_t to = p->value_end;
    struct str name = brief(before->key);
    if (p->open->kind == SETTING_LIST)
        return fail(p, to - 1, to, "a comma is missing between two values");
    return fail(p, to - 1, to, "a comma is missing between \"%.*s\" and the key behind it",
                STR_ARG(name));
}

static enum state after(struct parser *p)
{
    bool map = p->open->kind == SETTING_MAP;
    char end = map ? '}' : ']';
    int c = peek(p);
    if (c == END_OF_TEXT)
        return fail_at_end(p);
    if (c == end)
        return close_collection(p);
    if (c == ',') {
        p->comma_at = p->at++;
        return map ? KEY : ITEM;
    }
    if (starts_value(c))
        return fail_missing_comma(p);
    return fail(p, p->at, behind_character(p, p->at), "expected ',' or '%c'", end);
}

static enum state step(struct parser *p, enum state state)
{
    int c = peek(p);
    switch (state) {
    case FIRST_ITEM:
        return c == ']' ? close_collection(p) : value(p);
    case ITEM:
        return c == ']' ? close_behind_comma(p) : value(p);
    case FIRST_KEY:
        return c == '}' ? close_collection(p) : key(p);
    case KEY:
        return c == '}' ? close_behind_comma(p) : key(p);
    case VALUE:
        return value(p);
    default:
        assert(state == AFTER);
        return after(p);
    }
}

/* --- the whole file ------------------------------------------------------ */

/* JSON by name, JSON with comments by the program that reads it. */
static const char *const COMMENTED_NAMES[] = {".jsonc", "tsconfig.json", "jsconfig.json",
                                              ".code-workspace", "devcontainer.json"};

static bool takes_trailing_commas(const struct document *doc)
{
    struct str path = doc->source->path;
    for (size_t i = 0; i < sizeof COMMENTED_NAMES / sizeof *COMMENTED_NAMES; i++)
        if (str_ends(path, str_from(COMMENTED_NAMES[i])))
            return true;
    return doc->comments.len > 0 || str_starts(path, STR(".vscode/")) ||
           str_find(path, STR("/.vscode/"), 0) != SIZE_MAX;
}

static void report_trailing(struct parser *p)
{
    if (p->mode == JSON_LENIENT && takes_trailing_commas(p->doc))
        return;
    for (size_t i = 0; i < p->trailing.len; i++)
        fail(p, p->trailing.at[i].from, p->trailing.at[i].to,
             "a comma before the closing bracket is not JSON; Python's json refuses it");
}

/* One object per line: data or a log, whatever its name. No config is in it. */
static bool is_json_lines(const struct parser *p)
{
    int c = peek(p);
    return p->mode == JSON_LENIENT && p->line_at >= p->value_end &&
           (c == '{' || c == '[') && p->doc->tree.roots.at[0]->kind != SETTING_SCALAR;
}

static void finish(struct parser *p)
{
    if (!skip(p) || p->at >= p->text.len)
        return;
    if (is_json_lines(p)) {
        p->doc->tree = (struct setting_tree){0};
        p->trailing.len = 0;
        return;
    }
    fail(p, p->at, behind_character(p, p->at), "text behind the end of the document");
}

void json_parse(struct arena *a, struct document *doc, enum json_mode mode)
{
    struct parser p = {.a = a, .doc = doc, .text = doc->source->text, .mode = mode};
    p.at = p.line_at = doc->source->body;
    p.key = (struct str){"", 0};
    enum state state = VALUE;
    while (state != END && state != FAILED)
        state = skip(&p) ? step(&p, state) : FAILED;
    if (state == END)
        finish(&p);
    /* What an error left open ends where reading ended. */
    uint32_t end = p.value_end;
    for (struct setting *s = p.open; s; s = s->parent) {
        if (s->value_span.to > end)
            end = s->value_span.to;
        s->value_span.to = end;
        if (s->kind == SETTING_MAP)
            flag_duplicates(a, s);
    }
    report_trailing(&p);
}

static void parse(struct arena *a, struct document *doc)
{
    json_parse(a, doc, JSON_LENIENT);
}

const struct front front_json = {
    .language = LANGUAGE_JSON,
    .parse = parse,
    .replace = json_edit_replace,
    .insert = json_edit_insert,
    .remove = json_edit_remove,
};
