/* Rows of the zoos of detectors, segmenters, video and diffusion networks, whose
 * configuration stands as text, as the facts that the same config would give through
 * rules/bind. */
#ifndef ACCURACY_VISION_H
#define ACCURACY_VISION_H

#include "run_text.h"

struct vision_row {
    struct str id, model, config, peft, batch, image, precision, optimizer, keys,
        checkpointing, note;
};

/* A run of the row's facts; in FAMILY a word to group it by. */
struct run vision_run(struct arena *a, const struct pack *pack,
                      const struct vision_row *row, struct str *family);

#endif
