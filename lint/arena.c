/* A list of malloc'd chunks, each twice as large as the one before up to 4 MiB,
 * filled by moving a pointer. Chunks rather than one reserved range so that the
 * program works under a small RLIMIT_AS and leak checkers see the truth. */
#include "arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(at, len) __asan_poison_memory_region((at), (len))
#define UNPOISON(at, len) __asan_unpoison_memory_region((at), (len))
enum { RED_ZONE = 16 };
#else
#define POISON(at, len) ((void)(at), (void)(len))
#define UNPOISON(at, len) ((void)(at), (void)(len))
enum { RED_ZONE = 0 };
#endif

enum { ALIGNMENT = 16, FIRST_CHUNK = 16 * 1024, LARGEST_CHUNK = 4 * 1024 * 1024 };

/* Four words, so that the bytes behind it are aligned. */
struct arena_chunk {
    struct arena_chunk *older;
    size_t size, used; /* of the bytes behind this header */
    size_t last;       /* offset of the newest block */
};

_Static_assert(sizeof(struct arena_chunk) % ALIGNMENT == 0, "blocks would not be aligned");

/* Of each thread: tests that make the N-th allocation fail have one. */
static _Thread_local size_t countdown, allocations;

static void default_failure(void)
{
    fputs("gpulint: out of memory\n", stderr);
    exit(2);
}

static arena_fail_fn on_failure = default_failure;

void arena_on_failure(arena_fail_fn handler)
{
    on_failure = handler ? handler : default_failure;
}

void arena_fail_after(size_t n)
{
    countdown = n;
}

size_t arena_allocations(void)
{
    return allocations;
}

static void fail(void)
{
    on_failure();
    abort();
}

static unsigned char *chunk_bytes(struct arena_chunk *c)
{
    return (unsigned char *)c + sizeof *c;
}

static void add_chunk(struct arena *a, size_t need)
{
    size_t size = a->chunk ? a->chunk->size * 2 : FIRST_CHUNK;
    if (size > LARGEST_CHUNK)
        size = LARGEST_CHUNK;
    if (size < need)
        size = need;
    struct arena_chunk *c = malloc(sizeof *c + size);
    if (!c)
        fail();
    c->older = a->chunk;
    c->size = size;
    c->used = c->last = 0;
    a->chunk = c;
    a->total += size;
    POISON(chunk_bytes(c), size);
}

void *arena_alloc(struct arena *a, size_t size)
{
    allocations++;
    if (countdown && --countdown == 0)
        fail();
    if (size > SIZE_MAX / 2)
        fail();
    size_t need = (size + RED_ZONE + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!need)
        need = ALIGNMENT;
    if (!a->chunk || a->chunk->size - a->chunk->used < need)
        add_chunk(a, need);
    struct arena_chunk *c = a->chunk;
    unsigned char *at = chunk_bytes(c) + c->used;
    c->last = c->used;
    c->used += need;
    UNPOISON(at, size);
    memset(at, 0, size);
    return at;
}

void *arena_alloc_array(struct arena *a, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / 2 / size)
        fail();
    return arena_alloc(a, count * size);
}

void *arena_grow(struct arena *a, void *old, size_t old_size, size_t new_size)
{
    assert(new_size >= old_size);
    struct arena_chunk *c = a->chunk;
    if (old && c && (unsigned char *)old == chunk_bytes(c) + c->last) {
        size_t need = (new_size + RED_ZONE + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (need <= c->size - c->last) {
            if (c->last + need > c->used)
                c->used = c->last + need;
            UNPOISON(old, new_size);
            memset((unsigned char *)old + old_size, 0, new_size - old_size);
            return old;
        }
    }
    void *fresh = arena_alloc(a, new_size);
    if (old_size)
        memcpy(fresh, old, old_size);
    return fresh;
}

struct str arena_str(struct arena *a, struct str s)
{
    char *at = arena_alloc(a, s.len + 1);
    if (s.len)
        memcpy(at, s.at, s.len);
    return (struct str){at, s.len};
}

struct str arena_vprintf(struct arena *a, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    assert(n >= 0);
    char *at = arena_alloc(a, (size_t)n + 1);
    vsnprintf(at, (size_t)n + 1, format, args);
    return (struct str){at, (size_t)n};
}

struct str arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str s = arena_vprintf(a, format, args);
    va_end(args);
    return s;
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){a->chunk, a->chunk ? a->chunk->used : 0};
}

void arena_release(struct arena *a, struct arena_mark mark)
{
    while (a->chunk != mark.chunk) {
        struct arena_chunk *c = a->chunk;
        assert(c);
        a->chunk = c->older;
        a->total -= c->size;
        UNPOISON(chunk_bytes(c), c->size);
        free(c);
    }
    if (a->chunk) {
        assert(mark.used <= a->chunk->used);
        POISON(chunk_bytes(a->chunk) + mark.used, a->chunk->used - mark.used);
        a->chunk->used = a->chunk->last = mark.used;
    }
}

void arena_free(struct arena *a)
{
    arena_release(a, (struct arena_mark){NULL, 0});
}
