/* The one growing step behind vec_add: doubling, old elements kept. */
#include "vec.h"

#include <string.h>

#include "banned.h"

void vec_reserve_(struct arena *a, void *slot, size_t len, size_t *cap, size_t size)
{
    if (len < *cap)
        return;
    void *at;
    size_t wanted = *cap ? *cap * 2 : 8;
    memcpy(&at, slot, sizeof at);
    at = arena_grow(a, at, *cap * size, wanted * size);
    memset((char *)at + len * size, 0, (wanted - len) * size);
    memcpy(slot, &at, sizeof at);
    *cap = wanted;
}
