/* Growing arrays that live in an arena. Declare one with VEC(type) inside a
 * struct or typedef-free: `struct spans VEC_BODY(struct span);` */
#ifndef VEC_H
#define VEC_H

#include "arena.h"

/* The body of a struct that holds a growing array: at[0..len). */
#define VEC_BODY(type)                                                                  \
    {                                                                                   \
        type *at;                                                                       \
        size_t len, cap;                                                                \
    }

/* SLOT is the address of the array's pointer, whatever its type. */
void vec_reserve_(struct arena *a, void *slot, size_t len, size_t *cap, size_t size);

/* Appends a zeroed element and gives its address (valid until the next add). */
#define vec_add(a, v)                                                                   \
    (vec_reserve_((a), &(v)->at, (v)->len, &(v)->cap, sizeof *(v)->at),                 \
     &(v)->at[(v)->len++])

/* Appends VALUE. */
#define vec_push(a, v, value) (*vec_add((a), (v)) = (value))

#endif
