/* Private to memory*.c: what the code that runs a network is known to do, beyond what its
 * shape and the settings say: habits listed by the framework's table and the model's row,
 * and those that follow from versions. */
#ifndef MEMORY_HABITS_H
#define MEMORY_HABITS_H

#include "habit.h"
#include "memory_term.h"

/* Beside HABIT_* in the same word: what is decided here. */
enum {
    /* PEFT keeps adapters in fp32, so without autocast their inputs are copied to fp32. */
    DECIDED_CAST_INPUTS = 1 << HABIT_COUNT,
    /* bitsandbytes before 0.43.2 (July 2024) kept the input of every 4-bit matrix. */
    DECIDED_KEEPS_INPUTS = 2 << HABIT_COUNT,
};

/* What table and row list. */
unsigned memory_habits_listed(const struct run *run, const struct network *net);
/* Of LISTED, those that apply to this regime, and what versions decide. */
unsigned memory_habits(const struct run *run, unsigned listed, const struct regime *r);
/* MAJOR.MINOR of a version fact as 100 * major + minor; 0 when not known. */
int memory_version(const struct run *run, enum fact_id id);

#endif
