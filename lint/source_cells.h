/* A notebook's file and the text that is read in its place: the code of its cells, one
 * behind the other, with a blank line between two. The text is what everybody sees as
 * source->text; only reports, and whoever writes the file, ask here where it stands.
 * Knows how JSON writes a string, and nothing else of JSON. */
#ifndef SOURCE_CELLS_H
#define SOURCE_CELLS_H

#include "finding.h"

/* A stretch of the text and the bytes of the file that stand for it: as many, or one escape. */
struct source_piece {
    uint32_t at, len;
    uint32_t file_at, file_len;
};

/* One string of a cell's source; with a list of them, a line each. */
struct source_element {
    uint32_t from;    /* in the text */
    struct span span; /* in the file, with its quotes */
};

struct source_cell {
    uint32_t number;     /* among all cells of the notebook, from 1 */
    uint32_t from, to;   /* its code in the text */
    uint32_t end;        /* behind the line break and blank line that follow it */
    uint32_t first, count; /* elements */
    bool list;
};

struct source_cells {
    struct str file; /* every byte of the notebook */
    struct source_piece *pieces;
    struct source_element *elements;
    struct source_cell *cells;
    uint32_t piece_count, element_count, cell_count;
};

/* The bytes of the file that SOURCE was read from, and its language. */
struct str source_cells_file(const struct source *source);
enum language source_cells_language(const struct source *source);
/* Where OFFSET of the text is written in the file; OFFSET itself when there are no cells. */
uint32_t source_cells_offset(const struct source *source, uint32_t offset);
/* As source_place, the line counted in its cell; *CELL is 0 for other files. */
struct place source_cells_place(struct source *source, uint32_t offset, uint32_t *cell);
/* EDIT of the text as an edit of the file, in the manner of its strings. False when it
 * reaches over the end of a cell. */
bool source_cells_edit(struct arena *a, const struct edit *edit, struct edit *out);

#endif
