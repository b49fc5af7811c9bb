/* What the files of the YAML front end share: the lexical view of a text (breaks, blanks,
 * words), the telling of trouble, and the edits. Private to lint/front/yaml*.c; knows
 * nothing of libyaml. */
#ifndef YAML_FRONT_H
#define YAML_FRONT_H

#include "front.h"

/* --- the text as YAML 1.1 sees it ---------------------------------------- */

bool yaml_is_blank(char c);
/* Bytes of the code point at AT. */
uint32_t yaml_width(struct str text, uint32_t at);
/* Bytes of the line break at AT / that ends at AT; 0 when there is none. NEL and the
 * Unicode separators break lines, too. */
uint32_t yaml_break_at(struct str text, uint32_t at);
uint32_t yaml_break_before(struct str text, uint32_t at);
bool yaml_ends_line(struct str text, uint32_t at);
/* The end of the line that holds AT, without its break. */
uint32_t yaml_line_end(struct str text, uint32_t at);
/* Behind blanks, breaks and comments. */
uint32_t yaml_skip_space(struct str text, uint32_t at);
/* Behind the anchor or tag that starts at AT. */
uint32_t yaml_skip_word(struct str text, uint32_t at);

/* --- findings ------------------------------------------------------------ */

struct yaml_trouble {
    const char *problem, *context; /* libyaml's words */
    uint32_t at, context_at;
};

/* Adds SYN001 and marks the document broken. */
void yaml_problem(struct arena *a, struct document *doc, struct span span,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The same from libyaml's words, put plainly. */
void yaml_explain(struct arena *a, struct document *doc, const struct yaml_trouble *t);
/* Flags the children of MAP whose key another one has, too. */
void yaml_mark_duplicates(struct arena *a, const struct source *source,
                          struct setting *map);

/* --- writing ------------------------------------------------------------- */

enum yaml_case { YAML_LOWER, YAML_TITLE, YAML_UPPER };

struct yaml_writing {
    enum style style;       /* of the string to be replaced: plain, single or double */
    enum style quotes;      /* for a string that cannot be plain */
    enum yaml_case letters; /* of true and false */
    bool flow;              /* between brackets, where commas and braces count */
    bool padded;            /* [ a, b ] */
};

/* How this file writes, nearest to S (may be NULL). */
struct yaml_writing yaml_habits(const struct document *doc, const struct setting *s);
bool yaml_can_write(struct value v);
void yaml_write(struct buf *b, struct value v, const struct yaml_writing *w);
void yaml_write_string(struct buf *b, struct str s, const struct yaml_writing *w);

/* --- the three edits, see front.h ---------------------------------------- */

bool yaml_edit_replace(struct arena *a, struct document *doc, const struct setting *s,
                       struct value value, struct edit *out, const char **why_not);
bool yaml_edit_insert(struct arena *a, struct document *doc, const struct setting *map,
                      const struct setting *after, struct str key, struct value value,
                      struct edit *out, const char **why_not);
bool yaml_edit_remove(struct arena *a, struct document *doc, const struct setting *s,
                      struct edit *out, const char **why_not);

#endif
