/* Doubling buffer; one NUL is kept behind the text for the C library's sake. */
#include "buf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "banned.h"

struct buf buf_new(struct arena *a)
{
    return (struct buf){.arena = a};
}

static void reserve(struct buf *b, size_t more)
{
    if (b->cap - b->len > more)
        return;
    size_t wanted = b->cap ? b->cap * 2 : 128;
    while (wanted - b->len <= more)
        wanted *= 2;
    b->at = arena_grow(b->arena, b->at, b->cap, wanted);
    b->cap = wanted;
}

void buf_add(struct buf *b, struct str s)
{
    if (!s.len)
        return;
    reserve(b, s.len);
    memcpy(b->at + b->len, s.at, s.len);
    b->len += s.len;
    b->at[b->len] = '\0';
}

void buf_byte(struct buf *b, char c)
{
    buf_add(b, (struct str){&c, 1});
}

void buf_repeat(struct buf *b, char c, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_byte(b, c);
}

void buf_cstr(struct buf *b, const char *s)
{
    buf_add(b, str_from(s));
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    assert(n >= 0);
    reserve(b, (size_t)n);
    vsnprintf(b->at + b->len, (size_t)n + 1, format, args);
    va_end(args);
    b->len += (size_t)n;
}

struct str buf_str(const struct buf *b)
{
    return (struct str){b->at ? b->at : "", b->len};
}
