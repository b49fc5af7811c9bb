/* Which GPUs to check against: by catalogue name, by class ("12GB"), or the card that
 * the driver names under /proc. Needs no CUDA. */
#ifndef GPU_H
#define GPU_H

#include "pack.h"

struct target {
    struct str id;   /* catalogue id, or "12GB" */
    struct str name; /* for messages: "RTX 3060 12GB", "a 12 GB card" */
    double vram_gb;  /* nominal */
    uint64_t shown_bytes;    /* what the driver shows of it (less than nominal with ECC) */
    uint64_t reserved_bytes; /* what the user says others take: a desktop, a server */
    uint64_t usable_bytes;   /* what one process can have, the CUDA context included */
    const struct gpu *gpu; /* NULL for a class */
    struct str how;        /* "--gpu", ".gpulint.yaml", "detected", "assumed" */
};

struct targets VEC_BODY(struct target);

/* Finds the card or class called NAME. Fails with the variants to choose from when
 * several cards carry it with different VRAM, or with the nearest names. */
bool gpu_target(struct arena *a, const struct pack *pack, struct str name,
                struct target *out, struct err *err);
/* The cards that the driver lists below PROC (normally "/proc"); false when none. */
bool gpu_detect(struct arena *a, const struct pack *pack, const char *proc,
                struct targets *out);
/* Takes BYTES off what T can use; false when nothing would be left. */
bool gpu_reserve(struct target *t, uint64_t bytes, struct err *err);
/* "1.5GB", "800MiB", "2G" (binary, as G and M are). False when TEXT is no size. */
bool gpu_parse_size(struct str text, uint64_t *bytes);
/* The 12 GB class. */
struct target gpu_default(struct arena *a);

#endif
