/* Edits of a notebook stay inside the JSON strings of one cell. A line that goes takes its
 * string with it, a new line gets one of its own. */
#include "source_cells.h"

#include <string.h>

#include "buf.h"
#include "banned.h"

struct str source_cells_file(const struct source *source)
{
    return source->cells ? source->cells->file : source->text;
}

enum language source_cells_language(const struct source *source)
{
    return source->cells ? LANGUAGE_NOTEBOOK : source->language;
}

/* The cell whose code, or what follows it, holds OFFSET; NULL when there is none. */
static const struct source_cell *cell_at(const struct source_cells *c, uint32_t offset)
{
    uint32_t low = 0, high = c->cell_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (c->cells[middle].from <= offset)
            low = middle;
        else
            high = middle;
    }
    return c->cell_count ? &c->cells[low] : NULL;
}

static const struct source_piece *piece_at(const struct source_cells *c, uint32_t offset)
{
    uint32_t low = 0, high = c->piece_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (c->pieces[middle].at <= offset)
            low = middle;
        else
            high = middle;
    }
    return c->piece_count ? &c->pieces[low] : NULL;
}

static const struct source_element *last_element(const struct source_cells *c,
                                                 const struct source_cell *cell)
{
    return &c->elements[cell->first + cell->count - 1];
}

uint32_t source_cells_offset(const struct source *source, uint32_t offset)
{
    const struct source_cells *c = source->cells;
    if (!c)
        return offset;
    const struct source_cell *cell = cell_at(c, offset);
    if (!cell)
        return 0;
    const struct source_piece *p = piece_at(c, offset);
    if (offset >= cell->to || !p || p->at + p->len <= offset)
        return last_element(c, cell)->span.to - 1;
    return p->len == p->file_len ? p->file_at + (offset - p->at) : p->file_at;
}

struct place source_cells_place(struct source *source, uint32_t offset, uint32_t *cell)
{
    struct place p = source_place(source, offset);
    const struct source_cell *in = source->cells ? cell_at(source->cells, offset) : NULL;
    *cell = in ? in->number : 0;
    if (in)
        p.line -= source_place(source, in->from).line - 1;
    return p;
}

/* --- edits ------------------------------------------------------------------ */

static void add_character(struct buf *b, char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *hit = c ? strchr(from, c) : NULL;
    if (hit) {
        buf_byte(b, '\\');
        buf_byte(b, to[hit - from]);
    } else if ((unsigned char)c < ' ') {
        buf_printf(b, "\\u%04x", (unsigned)c);
    } else {
        buf_byte(b, c);
    }
}

/* What stands between two strings of the list: `,` and the break and indent before one. */
static struct str separator(struct arena *a, const struct source_cells *c,
                            const struct source_cell *cell)
{
    const struct source_element *e = &c->elements[cell->first];
    if (cell->count > 1)
        return str_slice(c->file, e[0].span.to, e[1].span.from);
    uint32_t from = e->span.from;
    while (from && strchr(" \t\r\n", c->file.at[from - 1]))
        from--;
    struct str blanks = str_slice(c->file, from, e->span.from);
    return arena_printf(a, ",%.*s", STR_ARG(blanks.len ? blanks : STR(" ")));
}

/* TEXT as it stands between quotes. AT_END: a closing quote follows. */
static struct str escaped(struct arena *a, const struct source_cells *c,
                          const struct source_cell *cell, struct str text, bool at_end)
{
    struct buf b = buf_new(a);
    struct str between = cell->list ? separator(a, c, cell) : STR("");
    for (size_t i = 0; i < text.len; i++) {
        add_character(&b, text.at[i]);
        if (text.at[i] == '\n' && cell->list && !(at_end && i + 1 == text.len)) {
            buf_byte(&b, '"');
            buf_add(&b, between);
            buf_byte(&b, '"');
        }
    }
    return buf_str(&b);
}

/* The element that starts at OFFSET, NULL when none does or it is the first. */
static const struct source_element *later_element(const struct source_cells *c,
                                                  const struct source_cell *cell,
                                                  uint32_t offset)
{
    for (uint32_t i = 1; i < cell->count; i++)
        if (c->elements[cell->first + i].from == offset)
            return &c->elements[cell->first + i];
    return NULL;
}

static bool same_cell(const struct source_cells *c, const struct source_cell *cell,
                      uint32_t to)
{
    const struct source_cell *last = cell_at(c, to);
    return last == cell || (last == cell + 1 && to == last->from);
}

bool source_cells_edit(struct arena *a, const struct edit *edit, struct edit *out)
{
    const struct source_cells *c = edit->source->cells;
    *out = *edit;
    if (!c)
        return true;
    const struct source_cell *cell = cell_at(c, edit->span.from);
    if (!cell || !same_cell(c, cell, edit->span.to))
        return false;
    uint32_t from = edit->span.from, to = edit->span.to;
    struct str text = edit->text;
    bool line_ends = cell->to == cell->from || edit->source->text.at[cell->to - 1] == '\n';
    if (to > cell->to && !line_ends && str_ends(text, STR("\n")))
        text.len--; /* the break behind the code is not written in the file */
    if (from > cell->to) {
        if (!text.len)
            return false;
        text = arena_printf(a, "\n%.*s", STR_ARG(text));
        from = to = cell->to;
    }
    bool at_end = to >= cell->to;
    const struct source_element *gone = later_element(c, cell, from);
    uint32_t end = last_element(c, cell)->span.to;
    if (gone && at_end && !text.len && from < cell->to) {
        out->span = (struct span){gone[-1].span.to, end};
        out->text = STR("");
        return true;
    }
    out->span.from = source_cells_offset(edit->source, from);
    out->span.to = at_end ? end - 1 : source_cells_offset(edit->source, to);
    out->text = escaped(a, c, cell, text, at_end);
    return out->span.from <= out->span.to;
}
