/* Putting a statement, with the block that hangs on it, under another header: a line before
 * it and one level more before every line of it. Each line gets an edit of its own, so that
 * what stands on the lines is compared afterwards like everything else. */
#include "python_edit.h"

#include <string.h>

#include "../banned.h"

static bool refuse(const char **why_not, const char *why)
{
    *why_not = why;
    return false;
}

static uint32_t next_line(struct str text, uint32_t at)
{
    at = python_edit_line_end(text, at);
    if (at + 1 < text.len && text.at[at] == '\r' && text.at[at + 1] == '\n')
        return at + 2;
    return at < text.len ? at + 1 : at;
}

static struct str indent_at(struct str text, uint32_t line)
{
    uint32_t to = line;
    while (to < text.len && (text.at[to] == ' ' || text.at[to] == '\t'))
        to++;
    return str_slice(text, line, to);
}

/* The block whose header stands on the line at START; NULL when there is none. */
static const struct block *block_at(const struct document *doc, uint32_t start)
{
    for (size_t i = 1; i < doc->blocks.len; i++)
        if (doc->blocks.at[i].span.from == start)
            return &doc->blocks.at[i];
    return NULL;
}

/* What one level of BLOCK adds; "" when its body does not show it. */
static struct str level_of(const struct document *doc, const struct block *block)
{
    struct str text = doc->source->text, outer = indent_at(text, block->span.from);
    uint32_t line = python_edit_line_start(text, block->body.from);
    if (line <= block->span.from)
        return STR("");
    while (line < block->body.to && python_edit_blank(doc, line, python_edit_line_end(text, line)))
        line = next_line(text, line);
    struct str inner = indent_at(text, line);
    bool deeper = inner.len > outer.len && str_starts(inner, outer);
    return deeper ? str_slice(inner, outer.len, inner.len) : STR("");
}

static struct str level(const struct document *doc, const struct block *own)
{
    struct str found = own ? level_of(doc, own) : STR("");
    for (size_t i = 1; !found.len && i < doc->blocks.len; i++)
        found = level_of(doc, &doc->blocks.at[i]);
    return found.len ? found : STR("    ");
}

/* Does a string between FROM and TO go on over a line's end? Its lines cannot be moved. */
static bool string_spans_lines(const struct document *doc, uint32_t from, uint32_t to)
{
    struct str m = doc->masked;
    for (uint32_t i = from; i < to; i++) {
        if (m.at[i] != '"' && m.at[i] != '\'')
            continue;
        uint32_t end = python_edit_string_end(m, i);
        if (python_edit_line_end(doc->source->text, i) < end)
            return true;
        i = end - 1;
    }
    return false;
}

/* The end of the last line that belongs to the statement at START. */
static uint32_t statement_end(const struct document *doc, const struct block *block,
                              uint32_t start)
{
    struct str text = doc->source->text;
    if (!block)
        return python_edit_statement_end(doc, start);
    uint32_t end = block->span.to;
    while (end > start && strchr(" \t\r\n\f", text.at[end - 1]))
        end--;
    return python_edit_line_end(text, end);
}

static bool continues(const struct document *doc, uint32_t line)
{
    static const char *const words[] = {"else", "elif", "except", "finally"};
    struct str m = doc->masked;
    while (line < m.len && python_edit_blank(doc, line, python_edit_line_end(m, line)))
        line = next_line(m, line);
    struct str rest = str_slice(m, line, m.len);
    rest = str_slice(rest, indent_at(m, line).len, rest.len);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_starts(rest, str_from(words[i])))
            return true;
    return false;
}

bool python_wrap(struct arena *a, struct document *doc, uint32_t at, struct str header,
                 struct edits *out, const char **why_not)
{
    struct str text = doc->source->text;
    uint32_t start = python_edit_line_start(text, at);
    const struct block *block = block_at(doc, start);
    uint32_t end = statement_end(doc, block, start);
    if (doc->broken)
        return refuse(why_not, "the file does not parse");
    if (!python_edit_blank(doc, start, at))
        return refuse(why_not, "other code stands before it on the line");
    if (string_spans_lines(doc, start, end))
        return refuse(why_not, "a string in it spans lines");
    if (continues(doc, next_line(text, end)))
        return refuse(why_not, "another branch belongs to it");
    struct str one = level(doc, block), indent = indent_at(text, start);
    struct str first = arena_printf(a, "%.*s%.*s%.*s%.*s", STR_ARG(indent), STR_ARG(header),
                                    STR_ARG(source_newline(doc->source)), STR_ARG(one));
    vec_push(a, out, ((struct edit){doc->source, {start, start}, first}));
    for (uint32_t line = next_line(text, start); line < end; line = next_line(text, line)) {
        if (str_trim(str_slice(text, line, python_edit_line_end(text, line))).len)
            vec_push(a, out, ((struct edit){doc->source, {line, line}, one}));
    }
    return true;
}
