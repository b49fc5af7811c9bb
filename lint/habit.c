#include "habit.h"

#include <stddef.h>

#include "banned.h"

bool habit_parse(struct str word, enum habit *out)
{
    static const char *const WORDS[] = {
#define HABIT(id, word) word,
#include "habit.def"
#undef HABIT
    };
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (str_eq(word, str_from(WORDS[i]))) {
            *out = (enum habit)(1 << i);
            return true;
        }
    }
    return false;
}
