/* Layers of torch.nn as words. Nothing outside lint/front/python*.c includes it. */
#ifndef PYTHON_LAYER_H
#define PYTHON_LAYER_H

#include "python_value.h"

enum layer_kind {
    LAYER_OTHER,     /* nothing is known of it, or one of its sizes is not */
    LAYER_NONE,      /* it keeps nothing that counts */
    LAYER_CONTAINER, /* its arguments are the layers */
    LAYER_REPEATED,  /* nn.TransformerEncoder */
    LAYER_WORD,      /* *word is it: "conv2d 3 64 3 1" */
};

/* The argument NAME, or the one at POSITION, of the call at OPEN; *GIVEN: it is there. */
typedef struct value layer_argument(void *context, uint32_t open, const char *name,
                                    size_t position, bool *given);

/* What torch.nn's class NAME, called at OPEN, is. */
enum layer_kind python_layer(struct arena *a, struct str name, uint32_t open,
                             layer_argument *ask, void *context, struct str *word);

/* Adds the setting nn.layers, a list of words in order, when the file makes one network
 * and every size of it is known. */
void python_layers(struct python *p);

#endif
