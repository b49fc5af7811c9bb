/* The bytes of one file with its language and line table. Knows nothing of syntax.
 * Offsets are bytes from the start of the file, BOM included. Lines end at LF,
 * CRLF or a lone CR, as editors count them. Lines and columns are 1-based;
 * columns count code points. */
#ifndef SOURCE_H
#define SOURCE_H

#include "arena.h"
#include "err.h"
#include "str.h"

enum language { LANGUAGE_NONE, LANGUAGE_YAML, LANGUAGE_JSON, LANGUAGE_PYTHON,
                LANGUAGE_SHELL, LANGUAGE_TOML,
                LANGUAGE_NOTEBOOK, /* only until it is parsed: then it is Python in cells */
                LANGUAGE_COUNT };

enum { SOURCE_MAX_BYTES = 32 * 1024 * 1024 };

struct span {
    uint32_t from, to; /* [from, to) in bytes */
};

struct place {
    uint32_t line, column;
};

/* Length of the well-formed UTF-8 sequence at AT of TEXT, 0 when it is none. */
unsigned source_sequence(struct str text, size_t at);

enum encoding { ENCODING_UTF8, ENCODING_UTF16, ENCODING_UTF32, ENCODING_BROKEN };

struct source {
    struct str path; /* as given or found; "/" separated */
    struct str text; /* every byte of the file */
    uint32_t body;   /* offset of the first byte behind a UTF-8 BOM: 0 or 3 */
    enum language language;
    enum encoding encoding;
    uint32_t bad_byte; /* with ENCODING_BROKEN: where the text stops being UTF-8 */
    uint32_t *lines;   /* offsets of line starts; built on first use */
    uint32_t line_count;
    struct arena *arena;
    const struct source_cells *cells; /* of a notebook, whose code `text` is; else NULL */
};

const char *language_name(enum language language);
/* By file name; LANGUAGE_NONE when it is no file we read. */
enum language language_of_path(struct str path);
/* The same; for a file without a name that we know, by its first line (#!/bin/sh). */
enum language language_of_file(const char *path);

/* Takes TEXT (not copied, must outlive SOURCE). PATH is copied. */
void source_init(struct source *s, struct arena *a, struct str path, struct str text,
                 enum language language);
/* Reads a whole file. Fails when it cannot be read or is over SOURCE_MAX_BYTES. */
bool source_load(struct source *s, struct arena *a, const char *path,
                 enum language language, struct err *err);

struct place source_place(struct source *s, uint32_t offset);
/* The bytes of the line (without its end) that holds OFFSET; *START its offset. */
struct str source_line(struct source *s, uint32_t offset, uint32_t *start);
struct str source_quote(const struct source *s, struct span span);
/* "\r\n" where the file's first line ends so, "\r" likewise, else "\n". */
struct str source_newline(const struct source *s);

#endif
