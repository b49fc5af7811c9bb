/* One file as read and bound, with what was found in it. */
#ifndef UNIT_H
#define UNIT_H

#include "run.h"

/* Another file that the unit's runs take settings from. */
struct linked_file {
    struct source source;
    struct document doc;
    const struct link_step *chain;
    bool part; /* never a run of its own where a run includes it */
};

struct linked_files VEC_BODY(struct linked_file *);

struct unit {
    struct arena arena; /* owns everything below */
    struct source source;
    struct document doc;
    struct runs runs;
    struct findings findings;
    struct linked_files links;
    struct findings link_problems; /* files that are not there, circles */
    bool part;   /* only a part of other runs that were read; its own run is not judged */
    bool failed; /* could not be read; not linted */
};

struct units VEC_BODY(struct unit *);

#endif
