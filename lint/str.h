/* A string is a pointer and a length; it owns nothing and need not end in NUL.
 * Knows nothing of where the bytes live: see arena.h for lifetimes. */
#ifndef STR_H
#define STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *at;
    size_t len;
};

/* A literal as a str; only for string literals. */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
/* The same as a static initialiser. */
#define STR_INIT(literal) {"" literal, sizeof(literal) - 1}
/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).len, (s).at

struct str str_from(const char *nul_terminated);
/* Here, because most names differ in length and a call would cost more than the answer. */
static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}
bool str_eq_nocase(struct str a, struct str b); /* ASCII case only */
int str_compare(struct str a, struct str b);    /* byte order */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* Offset of the first occurrence at or after FROM, or SIZE_MAX. */
size_t str_find(struct str s, struct str needle, size_t from);
size_t str_find_byte(struct str s, char byte, size_t from);

/* The half-open part [from, to); both are clamped to the length. */
struct str str_slice(struct str s, size_t from, size_t to);
struct str str_trim(struct str s); /* blanks, tabs, CR, LF at both ends */

/* What stands before the last "/" of a path: "." when there is none, "/" at the root. */
struct str str_folder(struct str path);

/* Decimal integer with optional sign and single underscores between digits.
 * False when S is anything else or does not fit. */
bool str_to_int(struct str s, int64_t *out);
/* C-locale decimal float; no hex, no inf/nan words. False otherwise. */
bool str_to_float(struct str s, double *out);

/* Edit distance, capped at 255; for "did you mean". */
unsigned str_distance(struct str a, struct str b);

/* FNV-1a, for tables. */
uint64_t str_hash(struct str s);

#endif
