/* One training run: the facts that belong together, each with the setting that gave
 * it. Knows no rule. Facts are made by bind.h. */
#ifndef RUN_H
#define RUN_H

#include "front/front.h"
#include "pack.h"

enum origin { ORIGIN_EXPLICIT, ORIGIN_DEFAULT, ORIGIN_INHERITED, ORIGIN_ASSUMED };

/* How a file came into a run: the setting that names it, and how the file came in that
 * holds the setting. */
struct link_step {
    struct document *doc;
    const struct setting *setting;
    const struct link_step *from; /* NULL: the run's own file */
};

struct fact {
    enum fact_id id;
    struct value value; /* VALUE_UNKNOWN with `why` */
    struct str why;     /* unknown because; or where a default comes from */
    enum origin origin;
    struct str scope; /* "eval" or a part; such facts never decide the run */
    struct document *doc;          /* NULL for defaults and assumptions */
    const struct setting *setting; /* NULL likewise */
    const struct binding *binding; /* how the setting was read; NULL likewise */
    const struct link_step *chain; /* how its file came in; NULL: it is the run's own */
    const struct link_step *named; /* the reference whose key names the fact; NULL: its own */
    uint8_t weight;
};

struct facts VEC_BODY(struct fact);

struct run {
    struct str name; /* "" when the file holds one run; else the container's name */
    const struct framework *framework; /* NULL: none recognised */
    struct document *doc;
    const struct document *whole; /* DOC with what its links bring in, as one tree; DOC
                                     itself when there are none */
    const struct setting *container; /* where its own settings live; a root or a map */
    struct facts facts;              /* in file order, then defaults and derived */
    const struct model *model; /* of the config.json that the model's name leads to, or NULL */
    int32_t best[FACT_COUNT];        /* index of the deciding fact in `facts`, or -1 */
};

struct runs VEC_BODY(struct run);

/* "FACT shall be VALUE in RUN" (VALUE_NULL: its setting removed). */
struct wish {
    enum fact_id fact;
    struct value value;
    bool remove;
};

struct wishes VEC_BODY(struct wish);

/* The deciding fact, or NULL when nothing is said of it. */
const struct fact *run_fact(const struct run *r, enum fact_id id);
/* Its value, VALUE_UNKNOWN when there is none. */
struct value run_value(const struct run *r, enum fact_id id);
/* As a number / a word; false when unknown or of another type. */
bool run_number(const struct run *r, enum fact_id id, double *out);
bool run_word(const struct run *r, enum fact_id id, struct str *out);
bool run_is(const struct run *r, enum fact_id id, const char *word);
/* Devices that share the batch: devices x nodes / (tensor x pipeline x context). */
bool run_data_parallel(const struct run *r, double *out);
/* batch_size x gradient_accumulation_steps x data-parallel width, absent
 * accumulation and devices counting as 1; false when batch_size is unknown. */
bool run_effective_batch(const struct run *r, double *out);
/* RUN as it will be, in A: the facts that WISHES name hold what they ask for; removed
 * ones are not said. What was derived from them stays as it is. */
struct run run_wished(struct arena *a, const struct run *run, const struct wishes *wishes);
/* Did somebody write F for the run, in its own file or in one that it names? */
bool run_written(const struct fact *f);
const char *origin_name(enum origin o);

#endif
