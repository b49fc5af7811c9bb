/* The edits of the Python front end and what they share. They work on the masked text,
 * where a bracket, comma or quote is what it looks like, and never on tokens: those are
 * gone by then. Nothing outside lint/front/python*.c includes it. */
#ifndef PYTHON_EDIT_H
#define PYTHON_EDIT_H

#include "front.h"

/* One of the parts between a bracket's commas. */
struct entry {
    struct span span; /* without blanks and the comma */
    uint32_t comma;   /* its offset; 0 for none */
    bool spread;      /* **more */
    bool keyword;     /* name=value */
};

struct entries VEC_BODY(struct entry);

/* The parts of MAP, a dict or call; false when it cannot be read. */
bool python_edit_entries(struct arena *a, const struct document *doc,
                         const struct setting *map, struct entries *out);
/* Index of the part that holds OFFSET, or SIZE_MAX. */
size_t python_edit_entry_at(const struct entries *list, uint32_t offset);
/* VALUE as Python writes it; QUOTE is ' or ". False when it has no literal. */
bool python_edit_literal(struct buf *b, struct value value, char quote, bool tuple);
/* The quote that the file uses more often. */
char python_edit_quote(const struct document *doc);
uint32_t python_edit_line_start(struct str text, uint32_t at);
uint32_t python_edit_line_end(struct str text, uint32_t at); /* before its break */
bool python_edit_blank(const struct document *doc, uint32_t from, uint32_t to);
/* Behind the string of the masked text M whose quote stands at I; its contents are blanks. */
uint32_t python_edit_string_end(struct str m, uint32_t i);
/* The end of the line on which the statement at FROM ends. */
uint32_t python_edit_statement_end(const struct document *doc, uint32_t from);

bool python_replace(struct arena *a, struct document *doc, const struct setting *s,
                    struct value value, struct edit *out, const char **why_not);
bool python_insert(struct arena *a, struct document *doc, const struct setting *map,
                   const struct setting *after, struct str key, struct value value,
                   struct edit *out, const char **why_not);
bool python_remove(struct arena *a, struct document *doc, const struct setting *s,
                   struct edit *out, const char **why_not);
bool python_wrap(struct arena *a, struct document *doc, uint32_t at, struct str header,
                 struct edits *out, const char **why_not);

#endif
