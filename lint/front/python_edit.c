/* Changing and removing what is there. Works on the masked text, where a bracket, comma
 * or quote is what it looks like; every refusal names its cause, because a wrong edit
 * costs more than a missing one. */
#include "python_edit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../match.h"
#include "../banned.h"

/* --- text ----------------------------------------------------------------- */

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || (c & 0x80);
}

uint32_t python_edit_line_start(struct str text, uint32_t at)
{
    while (at > 0 && !is_break(text.at[at - 1]))
        at--;
    return at == 0 && str_starts(text, STR("\xEF\xBB\xBF")) ? 3 : at;
}

uint32_t python_edit_line_end(struct str text, uint32_t at)
{
    while (at < text.len && !is_break(text.at[at]))
        at++;
    return at;
}

static uint32_t next_line(struct str text, uint32_t at)
{
    at = python_edit_line_end(text, at);
    if (at < text.len)
        at += text.at[at] == '\r' && at + 1 < text.len && text.at[at + 1] == '\n' ? 2 : 1;
    return at;
}

bool python_edit_blank(const struct document *doc, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (!is_blank(doc->masked.at[i]))
            return false;
    return true;
}

uint32_t python_edit_string_end(struct str m, uint32_t i)
{
    char q = m.at[i];
    bool triple = i + 2 < m.len && m.at[i + 1] == q && m.at[i + 2] == q;
    for (i += triple ? 3 : 1; i < m.len; i++) {
        if (m.at[i] != q)
            continue;
        if (!triple)
            return i + 1;
        if (i + 2 < m.len && m.at[i + 1] == q && m.at[i + 2] == q)
            return i + 3;
    }
    return (uint32_t)m.len;
}

static bool is_open(char c)
{
    return c == '(' || c == '[' || c == '{';
}

static bool is_close(char c)
{
    return c == ')' || c == ']' || c == '}';
}

uint32_t python_edit_statement_end(const struct document *doc, uint32_t from)
{
    struct str m = doc->masked;
    int depth = 0;
    uint32_t i = from;
    while (i < m.len) {
        char c = m.at[i];
        if (c == '"' || c == '\'') {
            i = python_edit_string_end(m, i);
            continue;
        }
        depth += is_open(c) ? 1 : is_close(c) ? -1 : 0;
        if (is_break(c) && depth <= 0)
            break;
        if (c == '\\' && i + 1 < m.len && is_break(m.at[i + 1]))
            i += m.at[i + 1] == '\r' && i + 2 < m.len && m.at[i + 2] == '\n' ? 2 : 1;
        i++;
    }
    return i < m.len ? i : (uint32_t)m.len;
}

char python_edit_quote(const struct document *doc)
{
    size_t single = 0, doubled = 0;
    struct str m = doc->masked;
    for (size_t i = 0; i < m.len; i++) {
        bool triple = i + 2 < m.len && m.at[i + 1] == m.at[i] && m.at[i + 2] == m.at[i];
        if (m.at[i] != '"' && m.at[i] != '\'')
            continue;
        if (triple) {
            i += 2;
            continue;
        }
        single += m.at[i] == '\'';
        doubled += m.at[i] == '"';
    }
    return single > doubled ? '\'' : '"';
}

/* --- literals ------------------------------------------------------------- */

static void write_string(struct buf *b, struct str s, char quote)
{
    buf_byte(b, quote);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (c == (unsigned char)quote || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (c == '\n')
            buf_cstr(b, "\\n");
        else if (c < 0x20 || c == 0x7F)
            buf_printf(b, "\\x%02x", c);
        else
            buf_byte(b, (char)c);
    }
    buf_byte(b, quote);
}

/* Reads back as a float: 2 becomes 2.0. */
static bool write_float(struct buf *b, double real)
{
    if (!isfinite(real))
        return false;
    size_t from = b->len;
    value_print(b, VALUE_OF_FLOAT(real));
    for (size_t i = from; i < b->len; i++)
        if (strchr(".e", b->at[i]))
            return true;
    buf_cstr(b, ".0");
    return true;
}

static bool write_list(struct buf *b, struct value v, char quote, bool tuple)
{
    buf_byte(b, tuple ? '(' : '[');
    for (size_t i = 0; i < v.as.list.len; i++) {
        if (i)
            buf_cstr(b, ", ");
        if (!python_edit_literal(b, v.as.list.at[i], quote, false))
            return false;
    }
    if (tuple && v.as.list.len == 1)
        buf_byte(b, ',');
    buf_byte(b, tuple ? ')' : ']');
    return true;
}

bool python_edit_literal(struct buf *b, struct value v, char quote, bool tuple)
{
    switch (v.kind) {
    case VALUE_NULL:
        buf_cstr(b, "None");
        return true;
    case VALUE_BOOL:
        buf_cstr(b, v.as.boolean ? "True" : "False");
        return true;
    case VALUE_INT:
        value_print(b, v);
        return true;
    case VALUE_FLOAT:
        return write_float(b, v.as.real);
    case VALUE_STRING:
        write_string(b, v.as.string, quote);
        return true;
    case VALUE_LIST:
        return write_list(b, v, quote, tuple);
    default:
        return false;
    }
}

/* --- replacing ------------------------------------------------------------ */

static bool is_constant_word(struct str w)
{
    return str_eq(w, STR("True")) || str_eq(w, STR("False")) || str_eq(w, STR("None"));
}

/* Does the masked text name anything that another line decides? */
static bool has_names(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_word(text.at[i]))
            continue;
        size_t from = i;
        bool digit = text.at[i] >= '0' && text.at[i] <= '9';
        while (i < text.len && (is_word(text.at[i]) || (digit && text.at[i] == '.')))
            i++;
        bool prefix = i < text.len && (text.at[i] == '"' || text.at[i] == '\'');
        bool after_dot = from > 0 && text.at[from - 1] == '.'; /* .5 */
        if (!digit && !prefix && !after_dot && !is_constant_word(str_slice(text, from, i)))
            return true;
    }
    return false;
}

static bool has_comment(const struct document *doc, struct span s)
{
    for (size_t i = 0; i < doc->comments.len; i++) {
        uint32_t at = doc->comments.at[i].span.from;
        if (at >= s.from && at < s.to)
            return true;
    }
    return false;
}

static bool refuse(const char **why_not, const char *why)
{
    *why_not = why;
    return false;
}

static const char *cannot_replace(const struct document *doc, const struct setting *s)
{
    struct str masked = str_slice(doc->masked, s->value_span.from, s->value_span.to);
    if (doc->broken)
        return "the file does not parse";
    if (s->kind == SETTING_MAP)
        return "the value is a section";
    if (!masked.len)
        return "the option has no default to change";
    if (s->value.kind == VALUE_UNKNOWN || has_names(masked))
        return "the value is an expression";
    if (has_comment(doc, s->value_span))
        return "comments stand inside the value";
    return NULL;
}

static struct value as_env(struct arena *a, const struct setting *parent, struct value v)
{
    if (!parent || parent->shape != SHAPE_ENV || v.kind == VALUE_STRING)
        return v;
    struct buf b = buf_new(a);
    value_print(&b, v);
    return VALUE_OF_STR(buf_str(&b));
}

/* The quote of the string that TEXT begins with, or 0. */
static char quote_of(struct str text)
{
    for (size_t i = 0; i < text.len && i < 3; i++)
        if (text.at[i] == '"' || text.at[i] == '\'')
            return text.at[i];
    return '\0';
}

bool python_replace(struct arena *a, struct document *doc, const struct setting *s,
                    struct value value, struct edit *out, const char **why_not)
{
    const char *why = cannot_replace(doc, s);
    if (why)
        return refuse(why_not, why);
    struct str old = source_quote(doc->source, s->value_span);
    char quote = quote_of(old);
    struct buf b = buf_new(a);
    if (!python_edit_literal(&b, as_env(a, s->parent, value),
                             quote ? quote : python_edit_quote(doc), old.at[0] == '('))
        return refuse(why_not, "the new value is not a plain one");
    *out = (struct edit){doc->source, s->value_span, buf_str(&b)};
    return true;
}

/* --- the parts of a bracket ----------------------------------------------- */

static uint32_t skip_word(struct str m, uint32_t i)
{
    while (i < m.len && is_word(m.at[i]))
        i++;
    return i;
}

static bool is_keyword_entry(struct str m, uint32_t from, uint32_t to)
{
    uint32_t i = skip_word(m, from);
    if (i == from)
        return false;
    while (i < to && is_blank(m.at[i]))
        i++;
    return i + 1 < to && m.at[i] == '=' && m.at[i + 1] != '=';
}

static void end_entry(struct arena *a, struct str m, struct span *part, uint32_t comma,
                      struct entries *out)
{
    if (part->from >= part->to)
        return;
    struct entry *e = vec_add(a, out);
    e->span = *part;
    e->comma = comma;
    e->spread =
        m.at[part->from] == '*' && part->from + 1 < m.len && m.at[part->from + 1] == '*';
    e->keyword = is_keyword_entry(m, part->from, part->to);
    *part = (struct span){0, 0};
}

static bool split(struct arena *a, struct str m, uint32_t open, uint32_t close,
                  struct entries *out)
{
    int depth = 0, lambdas = 0;
    struct span part = {0, 0};
    for (uint32_t i = open + 1; i < close;) {
        char c = m.at[i];
        uint32_t to = i + 1;
        if (c == '"' || c == '\'')
            to = python_edit_string_end(m, i);
        else if (is_word(c))
            to = skip_word(m, i);
        depth += is_open(c) ? 1 : is_close(c) ? -1 : 0;
        if (depth < 0 || to > close)
            return false;
        if (!depth && is_word(c)) {
            struct str word = str_slice(m, i, to);
            lambdas += str_eq(word, STR("lambda"));
            if (str_eq(word, STR("for")))
                return false; /* a generator stands alone */
        }
        if (!depth && c == ':' && lambdas)
            lambdas--;
        if (!depth && c == ',' && !lambdas) {
            end_entry(a, m, &part, i, out);
        } else if (!is_blank(c) && !is_break(c) && c != '\\') {
            part.from = part.to ? part.from : i;
            part.to = to;
        }
        i = to;
    }
    end_entry(a, m, &part, 0, out);
    return depth == 0;
}

bool python_edit_entries(struct arena *a, const struct document *doc,
                         const struct setting *map, struct entries *out)
{
    struct str m = doc->masked;
    uint32_t open = map->value_span.from, close = map->value_span.to - 1;
    while (map->shape == SHAPE_CALL && open < close && m.at[open] != '(')
        open++;
    *out = (struct entries){0};
    return open < close && is_open(m.at[open]) && is_close(m.at[close]) &&
           split(a, m, open, close, out);
}

size_t python_edit_entry_at(const struct entries *list, uint32_t offset)
{
    for (size_t i = 0; i < list->len; i++)
        if (list->at[i].span.from <= offset && offset < list->at[i].span.to)
            return i;
    return SIZE_MAX;
}

/* --- removing ------------------------------------------------------------- */

static bool same_line(struct str text, uint32_t from, uint32_t to)
{
    return python_edit_line_end(text, from) >= to;
}

static bool remove_entry(struct arena *a, struct document *doc, const struct setting *s,
                         struct span *gone, const char **why_not)
{
    struct str text = doc->source->text;
    struct entries list;
    if (s->flags & SETTING_POSITIONAL)
        return refuse(why_not, "a positional argument cannot be left out");
    if (!python_edit_entries(a, doc, s->parent, &list))
        return refuse(why_not, "the brackets around it cannot be read");
    size_t i = python_edit_entry_at(&list, s->key_span.from);
    if (i == SIZE_MAX || list.at[i].span.from != s->key_span.from)
        return refuse(why_not, "the brackets around it cannot be read");
    const struct entry *e = &list.at[i], *next = i + 1 < list.len ? e + 1 : NULL;
    uint32_t from = e->span.from, to = e->comma ? e->comma + 1 : e->span.to;
    uint32_t start = python_edit_line_start(text, from),
             end = python_edit_line_end(text, to);
    if (python_edit_blank(doc, start, from) && python_edit_blank(doc, to, end))
        *gone = (struct span){start, next_line(text, to)};
    else if (next && same_line(text, e->span.to, next->span.from))
        *gone = (struct span){from, next->span.from};
    else if (i && same_line(text, list.at[i - 1].span.to, from))
        *gone = (struct span){list.at[i - 1].span.to, e->span.to};
    else if (list.len == 1)
        *gone = (struct span){from, to};
    else
        return refuse(why_not, "it shares its lines with others");
    return true;
}

static uint32_t indent_of(struct str text, uint32_t start)
{
    uint32_t i = start;
    while (i < text.len && is_blank(text.at[i]))
        i++;
    return i - start;
}

/* Is the statement on the lines [FROM, TO) the whole body of a block? */
static bool is_only_statement(const struct document *doc, uint32_t from, uint32_t to)
{
    struct str m = doc->masked;
    uint32_t before = from;
    while (before > 0 && (is_blank(m.at[before - 1]) || is_break(m.at[before - 1])))
        before--;
    if (!before || m.at[before - 1] != ':')
        return false;
    uint32_t next = to;
    while (next < m.len && python_edit_blank(doc, next, python_edit_line_end(m, next)) &&
           python_edit_line_end(m, next) < m.len)
        next = next_line(m, next);
    return next >= m.len || indent_of(m, next) < indent_of(m, from) ||
           python_edit_blank(doc, next, python_edit_line_end(m, next));
}

static bool matches(const char *pattern, struct str text)
{
    const struct pattern *p = match_pattern(str_from(pattern), NULL);
    return p && match_whole(p, text);
}

static bool remove_statement(struct document *doc, const struct setting *s,
                             struct span *gone, const char **why_not)
{
    struct str m = doc->masked;
    uint32_t start = python_edit_line_start(m, s->key_span.from);
    uint32_t end = python_edit_statement_end(doc, start);
    struct str before = str_slice(m, start, s->key_span.from);
    struct str after = str_slice(m, s->key_span.to, s->value_span.from);
    bool env = s->parent->shape == SHAPE_ENV;
    bool alone =
        env ? matches("\\s*(?:os\\.)?environ\\s*(?:\\[|\\.\\s*setdefault\\s*\\()\\s*|"
                      "\\s*(?:os\\.)?putenv\\s*\\(\\s*",
                      before)
            : python_edit_blank(doc, start, s->key_span.from) &&
                  matches("\\s*(?::[^=]*)?=[\\s\\\\(]*(?:[\\w.]+\\s*\\([^;]*)?", after);
    struct str rest = str_slice(m, s->value_span.to, end);
    if (s->flags & SETTING_ANCHORED)
        return refuse(why_not, "several names share the value");
    if (!alone || str_find_byte(rest, ';', 0) != SIZE_MAX)
        return refuse(why_not, "it stands on a line with other code");
    *gone = (struct span){start, next_line(m, end)};
    if (is_only_statement(doc, gone->from, gone->to))
        return refuse(why_not, "it is the only statement of its block");
    return true;
}

bool python_remove(struct arena *a, struct document *doc, const struct setting *s,
                   struct edit *out, const char **why_not)
{
    struct span gone;
    if (doc->broken)
        return refuse(why_not, "the file does not parse");
    if (!s->parent || s->key_span.from >= s->key_span.to)
        return refuse(why_not, "it has no key of its own");
    switch (s->parent->shape) {
    case SHAPE_DICT:
    case SHAPE_CALL:
        if (!remove_entry(a, doc, s, &gone, why_not))
            return false;
        break;
    case SHAPE_CLASS:
    case SHAPE_MODULE:
    case SHAPE_ENV:
        if (!remove_statement(doc, s, &gone, why_not))
            return false;
        break;
    case SHAPE_SIGNATURE:
        return refuse(why_not, "a parameter cannot be left out");
    default:
        return refuse(why_not, "an option cannot be left out");
    }
    *out = (struct edit){doc->source, gone, {"", 0}};
    return true;
}
