/* What gpulint tells: findings, their related places and their fixes. Front ends
 * report broken syntax through it too. Knows no rule and no report format. */
#ifndef FINDING_H
#define FINDING_H

#include "source.h"
#include "vec.h"

enum severity { SEVERITY_OFF, SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR };

enum safety {
    FIX_SAFE,   /* --fix applies it: training means the same */
    FIX_UNSAFE, /* only with --unsafe-fixes: results may change */
    FIX_SHOWN,  /* never applied, only described */
};

struct edit {
    struct source *source;
    struct span span; /* replaced; empty to insert before its offset */
    struct str text;
};

struct edits VEC_BODY(struct edit);

struct fix {
    enum safety safety;
    struct str description; /* "batch_size 256 -> 128, gradient_accumulation_steps 1 -> 2" */
    struct str reason;      /* why it is not safe; "" when safe */
    struct edits edits;     /* all or nothing */
    const struct promise *promise; /* what must hold afterwards (fix.h); NULL: nothing */
};

struct related {
    struct source *source;
    struct span span;
    struct str message;
};

struct related_list VEC_BODY(struct related);

struct finding {
    struct str code, rule; /* "MEM002", "batch-over-limit" */
    enum severity severity;
    struct source *source;
    struct span span;
    struct str message;
    struct str help; /* what to do; "" for none */
    struct str run;  /* name of the run, "" when there is but one */
    struct str gpu;  /* catalogue id when the finding is about one GPU; else "" */
    struct related_list related;
    struct fix *fix; /* NULL for none */
};

struct findings VEC_BODY(struct finding);

const char *severity_name(enum severity s);               /* "warning" */
bool severity_parse(struct str name, enum severity *out); /* also "off" */
const char *safety_name(enum safety s);

/* Appends; the caller fills what is left. Message is built in A. */
struct finding *finding_add(struct arena *a, struct findings *list, struct source *source,
                            struct span span, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* By path, then offset, then code; stable. */
void finding_sort(struct findings *list);

#endif
