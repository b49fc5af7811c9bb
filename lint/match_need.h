/* Private to match.c: what a text must hold for a pattern to have any chance in it. */
#ifndef MATCH_NEED_H
#define MATCH_NEED_H

#include "arena.h"

enum { MOST_NEEDS = 16 };

struct need {
    struct str text;
    size_t rarest; /* offset of the byte to look for first */
};

/* Every match holds one of these; none: nothing is known. */
struct needs {
    struct need at[MOST_NEEDS];
    unsigned len;
};

void match_needs(struct arena *a, struct str regex, struct needs *out);
/* Does TEXT hold one of NEEDS, behind FROM? */
bool match_has_need(const struct needs *needs, struct str text, size_t from);

#endif
