/* A growing byte buffer in an arena, for building text. Knows nothing of files. */
#ifndef BUF_H
#define BUF_H

#include <stdarg.h>

#include "arena.h"

struct buf {
    struct arena *arena;
    char *at;
    size_t len, cap;
};

struct buf buf_new(struct arena *a);
void buf_add(struct buf *b, struct str s);
void buf_byte(struct buf *b, char c);
void buf_repeat(struct buf *b, char c, size_t count);
void buf_cstr(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What was built; valid until the next addition. */
struct str buf_str(const struct buf *b);

#endif
