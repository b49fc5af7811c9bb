/* One file as read and bound, with what was found in it. */
#ifndef UNIT_H
#define UNIT_H

#include "run.h"

struct unit {
    struct arena arena; /* owns everything below */
    struct source source;
    struct document doc;
    struct runs runs;
    struct findings findings;
    bool failed; /* could not be read; not linted */
};

struct units VEC_BODY(struct unit *);

#endif
