/* What the JSON front end's parser, editor and tests share. Knows nothing beyond
 * front.h. */
#ifndef JSON_H
#define JSON_H

#include "front.h"

enum json_mode {
    /* What trainers' own readers take: comments; NaN and Infinity, as Python's json
     * writes them; commas before a closing bracket in JSON with comments. */
    JSON_LENIENT,
    JSON_STRICT, /* RFC 8259 and nothing else */
};

/* A deeper or larger file is a finding; the largest real configs hold some thousands. */
enum { JSON_MAX_SETTINGS = 1000000 };

void json_parse(struct arena *a, struct document *doc, enum json_mode mode);

/* What stands around the items of a list: "[" open ITEM between ITEM close "]". */
struct json_form {
    struct str open, between, close;
};

/* Appends VALUE as JSON. OLD is the number that it replaces, "" for none: its manner
 * (0.001, 1e-3) is kept. False when JSON cannot say it. */
bool json_text_value(struct buf *out, struct value value, struct str old,
                     const struct json_form *form);
void json_text_string(struct buf *out, struct str s); /* with quotes */

/* The three edits of struct front. */
bool json_edit_replace(struct arena *a, struct document *doc, const struct setting *s,
                       struct value value, struct edit *out, const char **why_not);
bool json_edit_insert(struct arena *a, struct document *doc, const struct setting *map,
                      const struct setting *after, struct str key, struct value value,
                      struct edit *out, const char **why_not);
bool json_edit_remove(struct arena *a, struct document *doc, const struct setting *s,
                      struct edit *out, const char **why_not);

#endif
