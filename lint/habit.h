/* Habits of programs and models that decide memory, as words of the framework tables and
 * the model catalogue. habit.def says what each means; docs/FORMATS.md lists them. */
#ifndef HABIT_H
#define HABIT_H

#include <stdbool.h>

#include "str.h"

enum habit_number {
#define HABIT(id, word) HABIT_NUMBER_##id,
#include "habit.def"
#undef HABIT
    HABIT_COUNT,
};

enum habit {
#define HABIT(id, word) HABIT_##id = 1 << HABIT_NUMBER_##id,
#include "habit.def"
#undef HABIT
};

/* The bit of WORD. False, with OUT untouched, when it names no habit. */
bool habit_parse(struct str word, enum habit *out);

#endif
