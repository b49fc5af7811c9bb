/* Habits that a table or a row lists, and habits that follow from versions. PyTorch 2.4,
 * PEFT 0.12 and bitsandbytes 0.43.2 are of one month, July 2024: where a file names PyTorch
 * alone, it dates the others. docs/MEMORY.md section 3 has the sources. */
#include "memory_habits.h"

#include "banned.h"

unsigned memory_habits_listed(const struct run *run, const struct network *net)
{
    return net->habits | (run->framework ? run->framework->habits : 0);
}

int memory_version(const struct run *run, enum fact_id id)
{
    struct str word;
    double major, minor = 0;
    if (!run_word(run, id, &word)) {
        return 0;
    }
    size_t dot = str_find_byte(word, '.', 0);
    if (dot == SIZE_MAX) {
        return str_to_float(word, &major) && major >= 0 && major < 1000 ? (int)major * 100
                                                                        : 0;
    }
    size_t end = str_find_byte(word, '.', dot + 1);
    struct str rest = str_slice(word, dot + 1, end == SIZE_MAX ? word.len : end);
    if (!str_to_float(str_slice(word, 0, dot), &major) || !(major >= 0 && major < 1000)) {
        return 0;
    }
    if (!str_to_float(rest, &minor) || !(minor >= 0 && minor < 100)) {
        minor = 0;
    }
    return (int)major * 100 + (int)minor;
}

/* 4 bit as bitsandbytes makes them, not the grouped ones of GPTQ and AWQ. */
static bool is_bitsandbytes(const struct run *run, const struct regime *r)
{
    struct str q;
    if (r->quantised <= 0) {
        return false;
    }
    return !run_word(run, FACT_quantization, &q) || str_eq(q, STR("nf4")) ||
           str_eq(q, STR("fp4")) || str_eq(q, STR("int4"));
}

static unsigned quantised_inputs(int torch, unsigned habits)
{
    if (habits & HABIT_OWN_4BIT) {
        return 0;
    }
    if (habits & HABIT_OLD_BITSANDBYTES) {
        return DECIDED_KEEPS_INPUTS;
    }
    return torch > 0 && torch < 204 ? DECIDED_KEEPS_INPUTS : 0;
}

unsigned memory_habits(const struct run *run, unsigned listed, const struct regime *r)
{
    static const unsigned FOUR_BIT = HABIT_QUANTISED_HEAD | HABIT_OPENS_TWICE |
                                     HABIT_PAGED_BESIDE_4BIT | HABIT_SECOND_EMBEDDING;
    unsigned habits = listed;
    int torch = memory_version(run, FACT_torch_version);
    bool old = torch > 0 && torch < 204;
    if (is_bitsandbytes(run, r)) {
        habits |= quantised_inputs(torch, habits);
    } else {
        habits &= ~FOUR_BIT;
    }
    /* litgpt has it since October 2024, the month of PyTorch 2.5. */
    if (torch > 0 && torch < 205) {
        habits &= ~(unsigned)HABIT_SECOND_EMBEDDING;
    }
    if ((habits & HABIT_PACKED_QKV) || r->compiled) { /* other code, or fused */
        habits &= ~(unsigned)HABIT_PYTHON_GELU;
    }
    bool half_base = r->adapters && r->frozen_base == 2;
    if (!half_base) {
        habits &= ~(unsigned)HABIT_HALF_ADAPTERS;
    } else if (old && r->quantised <= 0) {
        habits |= HABIT_HALF_ADAPTERS;
    } else if (!r->autocast && !(habits & HABIT_HALF_ADAPTERS)) {
        habits |= DECIDED_CAST_INPUTS;
    }
    return habits;
}
