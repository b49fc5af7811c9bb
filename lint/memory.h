/* The memory model: peak device memory of a training step from facts alone, no GPU.
 * Knows no file. Peak is the largest of three moments: end of forward, during backward,
 * optimizer step. All sizes are bytes; sources of formulas stand at each term. */
#ifndef MEMORY_H
#define MEMORY_H

#include "gpu.h"
#include "run.h"

enum moment { MOMENT_FORWARD, MOMENT_BACKWARD, MOMENT_STEP };
enum verdict { VERDICT_UNKNOWN, VERDICT_FITS, VERDICT_TIGHT, VERDICT_DOES_NOT_FIT };

struct memory_model { /* the network as the model sees it */
    struct str name;  /* "" when built from hyper-parameters */
    struct str family;
    uint64_t parameters, trainable;
};

struct assumptions VEC_BODY(struct str);

/* Per device, were states sharded over so many: 1, 2, 4, ... */
enum { MEMORY_DEVICE_COUNTS = 7, MEMORY_LENGTHS = 5, MEMORY_FIRST_LENGTH = 512 };

struct device_estimate {
    uint64_t devices, total, low, high;
    enum verdict verdict;
};

struct estimate {
    bool known; /* false: only `assumptions` says something */
    struct memory_model model;
    /* Each term at the moment of the peak. */
    uint64_t weights, gradients, optimizer, activations, logits, workspace, context, slack;
    uint64_t total, low, high, usable;
    uint64_t cache; /* beyond the total, where the card has room; no run fails by it */
    enum moment peak_at;
    enum verdict verdict;
    uint64_t batch_current, batch_maximum, batch_recommended, batch_safe; /* 0 unknown */
    struct assumptions assumptions;
    /* States are sharded over a number of devices that nothing says: the figures above are
     * of one device, and the verdict is unknown unless all counts agree. */
    bool devices_open;
    struct device_estimate by_devices[MEMORY_DEVICE_COUNTS];
    /* Only the length of the sequences is missing (KNOWN is false): the total, were they
     * 512, 1024, 2048, ... tokens long. */
    bool length_open;
    uint64_t by_length[MEMORY_LENGTHS];
};

/* Never fails: what cannot be known gives known = false and the one line that would
 * make it known. Costs well under a millisecond. */
void memory_estimate(struct arena *a, const struct pack *pack, const struct run *run,
                     const struct target *target, struct estimate *out);
/* The same with BATCH_SIZE (samples) in place of the run's own. */
void memory_estimate_batch(struct arena *a, const struct pack *pack, const struct run *run,
                           const struct target *target, uint64_t batch_size,
                           struct estimate *out);

const char *moment_name(enum moment m);
const char *verdict_name(enum verdict v);

#endif
