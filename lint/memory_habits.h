/* Private to memory*.c: what the code that runs a network is known to do, beyond what the
 * network's shape and the settings say. Knows the frameworks' and the models' own sources,
 * no file of the user. */
#ifndef MEMORY_HABITS_H
#define MEMORY_HABITS_H

#include "memory_term.h"

enum habit {
    /* litgpt: one packed projection whose base stays, rotated copies, one adapter input for
     * all three, the loss in chunks of 128 tokens and in half. */
    HABIT_PACKED = 1,
    /* transformers' "gelu_new": a formula in Python, five tensors instead of two. */
    HABIT_PYTHON_GELU = 2,
    /* PEFT keeps adapters in fp32, so without autocast their inputs are copied to fp32. */
    HABIT_CAST_INPUTS = 4,
    /* The model's own code computes the loss in the type of the logits. */
    HABIT_HALF_LOSS = 8,
    /* bitsandbytes before 0.43.2 (July 2024) kept the input of every 4-bit matrix. */
    HABIT_KEEPS_INPUTS = 16,
    /* It may be so: the version is not known. */
    HABIT_MAY_KEEP_INPUTS = 32,
    /* Accumulates under FSDP with gradients whole on every rank, frozen ones included. */
    HABIT_WHOLE_GRADIENTS = 64,
    /* Adapters in the type of the base: litgpt, and PEFT before 0.12 (July 2024). */
    HABIT_HALF_ADAPTERS = 128,
};

unsigned memory_habits(const struct run *run, const struct network *net,
                       const struct regime *r);
bool memory_framework(const struct run *run, const char *id);
/* MAJOR.MINOR of a version fact as 100 * major + minor; 0 when not known. */
int memory_version(const struct run *run, enum fact_id id);

#endif
