/* Memory with one owner: everything allocated from an arena dies with it.
 * Knows nothing of what is stored. A function that takes an arena gives results
 * that live in it; one that takes none allocates nothing.
 *
 * Allocation never returns NULL: when memory runs out the arena's handler is
 * called and must not return (the program prints and exits with 2; test
 * harnesses jump back). Sizes are bytes. Under AddressSanitizer the gaps between
 * blocks and released memory are poisoned. */
#ifndef ARENA_H
#define ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "str.h"

struct arena {
    struct arena_chunk *chunk; /* newest first */
    size_t total;              /* bytes asked from the system */
};

struct arena_mark {
    struct arena_chunk *chunk;
    size_t used;
};

typedef void (*arena_fail_fn)(void);
/* What to do when memory runs out; the default prints and exits with 2. */
void arena_on_failure(arena_fail_fn handler);
/* The N-th allocation from now fails (0: never). For torture tests. */
void arena_fail_after(size_t n);
size_t arena_allocations(void); /* how many there have been, for the same tests */

void *arena_alloc(struct arena *a, size_t size); /* zeroed, 16-byte aligned */
void *arena_alloc_array(struct arena *a, size_t count, size_t size);
/* Grows the newest block in place where it can, else copies. OLD may be NULL. */
void *arena_grow(struct arena *a, void *old, size_t old_size, size_t new_size);
#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))

/* Copies that live in the arena; always followed by a NUL not counted in len. */
struct str arena_str(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct str arena_vprintf(struct arena *a, const char *format, va_list args);

struct arena_mark arena_mark(const struct arena *a);
void arena_release(struct arena *a, struct arena_mark mark);
void arena_free(struct arena *a); /* all of it; the arena is empty and usable */

#endif
