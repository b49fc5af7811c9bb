/* What the files of the TOML front end share. Private to lint/front/toml*; the library
 * is known to toml_events.cc alone. */
#ifndef TOML_FRONT_H
#define TOML_FRONT_H

#ifdef __cplusplus
extern "C" {
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lines and columns from 1, columns in code points, as the library counts; 0: none. */
struct toml_point {
    uint32_t line, column;
};

struct toml_range {
    struct toml_point from, to;
};

enum toml_kind { TOML_TABLE, TOML_INLINE, TOML_ARRAY, TOML_TABLES, TOML_STRING, TOML_INT,
                 TOML_FLOAT, TOML_BOOL, TOML_DATE };

struct toml_node {
    enum toml_kind kind; /* TOML_TABLES: an array of [[tables]] */
    const char *key;     /* decoded; NULL for the root and items */
    size_t key_len;
    struct toml_range key_range, range; /* a block table's is its header */
    const char *text; /* TOML_STRING: decoded */
    size_t text_len;
    int64_t integer;
    double real;
    bool boolean;
};

/* Called in the order of the file, but that a table comes whole: close() behind all that
 * is in it. What NODE points to lives during the call. */
struct toml_listener {
    void *context;
    void (*open)(void *context, const struct toml_node *node);
    void (*scalar)(void *context, const struct toml_node *node);
    void (*close)(void *context, const struct toml_node *node);
    void (*error)(void *context, const char *message, size_t len, struct toml_range range);
};

/* Reads LEN bytes of UTF-8 at TEXT. An error is the only call then. */
void toml_events(const char *text, size_t len, const struct toml_listener *listener);
const char *toml_library(void); /* the version of toml++ */

#ifdef __cplusplus
}
#else

#include "front.h"

bool toml_replace(struct arena *a, struct document *doc, const struct setting *s,
                  struct value value, struct edit *out, const char **why_not);
bool toml_insert(struct arena *a, struct document *doc, const struct setting *map,
                 const struct setting *after, struct str key, struct value value,
                 struct edit *out, const char **why_not);
bool toml_remove(struct arena *a, struct document *doc, const struct setting *s,
                 struct edit *out, const char **why_not);

#endif
#endif
