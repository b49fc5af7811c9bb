/* Jupyter notebooks: the JSON front end reads the file, the code cells become one Python
 * text. What is no Python (magics, shell lines) is blanked out of it byte by byte, so that
 * the text keeps its length; cells for another program (%%bash) are left out. */
#include "notebook.h"

#include <assert.h>
#include <string.h>

#include "../source_cells.h"
#include "json.h"
#include "../banned.h"

struct builder {
    struct arena *a;
    struct source *source;
    struct buf text;
    struct pieces VEC_BODY(struct source_piece) pieces;
    struct elements VEC_BODY(struct source_element) elements;
    struct cells VEC_BODY(struct source_cell) cells;
};

/* --- strings ----------------------------------------------------------------- */

static void add_piece(struct builder *b, uint32_t len, uint32_t file_at, uint32_t file_len)
{
    if (len)
        *vec_add(b->a, &b->pieces) =
            (struct source_piece){(uint32_t)b->text.len, len, file_at, file_len};
}

/* The string S: its text, and which bytes of the file give which of it. */
static void add_string(struct builder *b, const struct setting *s)
{
    struct str file = b->source->text, text = s->text;
    uint32_t at = s->value_span.from + 1, end = s->value_span.to - 1;
    *vec_add(b->a, &b->elements) =
        (struct source_element){(uint32_t)b->text.len, s->value_span};
    for (size_t done = 0; at < end;) {
        uint32_t run = at;
        while (run < end && file.at[run] != '\\')
            run++;
        add_piece(b, run - at, at, run - at);
        buf_add(&b->text, str_slice(text, done, done + run - at));
        done += run - at;
        at = run;
        if (at >= end)
            break;
        uint32_t n = source_sequence(text, done);
        uint32_t raw = file.at[at + 1] != 'u' ? 2 : n == 4 ? 12 : 6;
        add_piece(b, n, at, raw);
        buf_add(&b->text, str_slice(text, done, done + n));
        done += n;
        at += raw;
    }
}

/* --- what is no Python --------------------------------------------------------- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* From FROM to the end of the line at TO: a name, so that something stands there, whose
 * value nobody knows. */
static void blank(char *text, size_t from, size_t to, bool name)
{
    for (size_t i = from; i < to; i++)
        text[i] = ' ';
    if (name && from < to)
        text[from] = '_';
}

/* Where the magic in the line [from, to) starts; TO when there is none. */
static size_t magic(const char *text, size_t from, size_t to)
{
    size_t at = from;
    while (at < to && (text[at] == ' ' || text[at] == '\t'))
        at++;
    char next = at + 1 < to ? text[at + 1] : '\0';
    if (at == to)
        return to;
    if (text[at] == '!' && next != '=')
        return at;
    if ((text[at] == '%' && (is_letter(next) || next == '%')) || text[at] == '?')
        return at;
    size_t name = at;
    while (name < to && (is_letter(text[name]) || text[name] == '.' ||
                         (text[name] >= '0' && text[name] <= '9')))
        name++;
    if (name > at && name < to && text[name] == '?')
        return at; /* object? */
    while (name < to && (text[name] == ' ' || text[name] == ','))
        name++;
    if (name >= to || text[name] != '=' || name == at)
        return to;
    for (name++; name < to && text[name] == ' ';)
        name++;
    next = name + 1 < to ? text[name + 1] : '\0';
    bool shell = name < to && text[name] == '!' && next != '=';
    return shell || (name < to && text[name] == '%' && is_letter(next)) ? name : to;
}

static void mask(char *text, size_t from, size_t end)
{
    bool continued = false;
    while (from < end) {
        const char *newline = memchr(text + from, '\n', end - from);
        size_t to = newline ? (size_t)(newline - text) : end;
        size_t at = continued ? from : magic(text, from, to);
        bool goes_on = at < to && text[to - 1] == '\\';
        blank(text, at, to, !continued);
        continued = goes_on;
        from = to + 1;
    }
}

/* Is the cell's code for another program? "%%time" and its kin run Python. */
static bool is_foreign(struct str code)
{
    static const char *const PYTHON[] = {"%%time", "%%timeit", "%%capture", "%%prun",
                                         "%%memit", "%%python", "%%python3"};
    code = str_trim(code);
    if (!str_starts(code, STR("%%")))
        return false;
    size_t to = 2;
    while (to < code.len && is_letter(code.at[to]))
        to++;
    for (size_t i = 0; i < sizeof PYTHON / sizeof *PYTHON; i++)
        if (str_eq(str_slice(code, 0, to), str_from(PYTHON[i])))
            return false;
    return true;
}

/* --- cells ------------------------------------------------------------------------ */

static void add_source(struct builder *b, const struct setting *source)
{
    if (source->kind == SETTING_SCALAR && source->style == STYLE_DOUBLE)
        add_string(b, source);
    for (const struct setting *s = source->first; s; s = s->next)
        if (s->kind == SETTING_SCALAR && s->style == STYLE_DOUBLE)
            add_string(b, s);
}

static void add_cell(struct builder *b, const struct setting *source, uint32_t number)
{
    struct builder before = *b;
    struct source_cell cell = {.number = number, .from = (uint32_t)b->text.len,
                               .first = (uint32_t)b->elements.len,
                               .list = source->kind == SETTING_LIST};
    add_source(b, source);
    cell.to = (uint32_t)b->text.len;
    cell.count = (uint32_t)b->elements.len - cell.first;
    if (!cell.count || is_foreign(str_slice(buf_str(&b->text), cell.from, cell.to))) {
        b->text.len = before.text.len;
        b->pieces.len = before.pieces.len;
        b->elements.len = before.elements.len;
        return;
    }
    mask(b->text.at, cell.from, cell.to);
    if (cell.to > cell.from && b->text.at[cell.to - 1] != '\n')
        buf_byte(&b->text, '\n');
    buf_byte(&b->text, '\n');
    cell.end = (uint32_t)b->text.len;
    *vec_add(b->a, &b->cells) = cell;
}

static bool is_text(const struct setting *map, const char *key, struct str wanted)
{
    const struct setting *s = setting_child(map, str_from(key));
    return s && s->kind == SETTING_SCALAR && str_eq(s->text, wanted);
}

static bool speaks_python(const struct setting *root)
{
    static const char *const PLACES[] = {"metadata.kernelspec.language",
                                         "metadata.language_info.name"};
    for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
        const struct setting *s = setting_find(root, str_from(PLACES[i]));
        if (s && s->kind == SETTING_SCALAR && s->value.kind == VALUE_STRING)
            return str_eq_nocase(s->text, STR("python"));
    }
    return true;
}

static void add_cells(struct builder *b, const struct setting *root)
{
    const struct setting *cells = setting_child(root, STR("cells"));
    uint32_t number = 0;
    if (!cells || cells->kind != SETTING_LIST || !speaks_python(root))
        return;
    for (const struct setting *c = cells->first; c; c = c->next) {
        const struct setting *source = setting_child(c, STR("source"));
        number++;
        if (source && is_text(c, "cell_type", STR("code")))
            add_cell(b, source, number);
    }
}

static void take_over(struct builder *b)
{
    struct source *s = b->source;
    struct source_cells *c = arena_new(b->a, struct source_cells);
    *c = (struct source_cells){
        .file = s->text,
        .pieces = b->pieces.at,
        .elements = b->elements.at,
        .cells = b->cells.at,
        .piece_count = (uint32_t)b->pieces.len,
        .element_count = (uint32_t)b->elements.len,
        .cell_count = (uint32_t)b->cells.len,
    };
    if (c->cell_count) { /* no blank line behind the last */
        b->text.len--;
        c->cells[c->cell_count - 1].end--;
    }
    s->text = b->text.len ? buf_str(&b->text) : STR("");
    s->body = 0;
    s->language = LANGUAGE_PYTHON;
    s->lines = NULL;
    s->line_count = 0;
    s->cells = c;
}

bool notebook_open(struct arena *a, struct document *doc)
{
    struct document outer = {.source = doc->source};
    struct builder b = {.a = a, .source = doc->source, .text = buf_new(a)};
    json_parse(a, &outer, JSON_STRICT);
    if (outer.broken) {
        doc->problems = outer.problems;
        doc->broken = true;
        return false;
    }
    for (size_t i = 0; i < outer.tree.roots.len; i++)
        add_cells(&b, outer.tree.roots.at[i]);
    take_over(&b);
    return true;
}
