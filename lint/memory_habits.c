/* Habits of known programs, each read in the program's source or counted with its own
 * classes (tests/catalog/transformer.py); docs/MEMORY.md section 3 names them. */
#include "memory_habits.h"

#include "banned.h"

bool memory_framework(const struct run *run, const char *id)
{
    return run->framework && str_eq(run->framework->id, str_from(id));
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

static bool named(const struct network *net, const char *part)
{
    return str_find(net->name, str_from(part), 0) != SIZE_MAX;
}

static bool python_gelu(const struct network *net)
{
    return !net->gated && (named(net, "gpt2") || named(net, "phi-1") ||
                           named(net, "phi-2") || named(net, "gpt-neo-"));
}

/* The first Qwen came with modelling code of its own. */
static bool half_loss(const struct network *net)
{
    return str_starts(net->name, STR("Qwen/Qwen-")) || str_starts(net->name, STR("qwen-"));
}

static bool is_bitsandbytes(const struct run *run, const struct regime *r)
{
    struct str q;
    if (r->quantised <= 0) {
        return false;
    }
    return !run_word(run, FACT_quantization, &q) || str_eq(q, STR("nf4")) ||
           str_eq(q, STR("fp4")) || str_eq(q, STR("int4"));
}

static unsigned quantised_inputs(const struct run *run, const struct regime *r)
{
    if (!is_bitsandbytes(run, r) || memory_framework(run, "torchtune")) {
        return 0;
    }
    int torch = memory_version(run, FACT_torch_version);
    if (torch == 0) {
        return HABIT_MAY_KEEP_INPUTS;
    }
    return torch < 204 ? HABIT_KEEPS_INPUTS : 0; /* PyTorch 2.4 is of the same month */
}

unsigned memory_habits(const struct run *run, const struct network *net,
                       const struct regime *r)
{
    unsigned habits = quantised_inputs(run, r);
    bool litgpt = memory_framework(run, "litgpt");
    if (litgpt) {
        habits |= HABIT_PACKED | HABIT_WHOLE_GRADIENTS;
    } else if (python_gelu(net) && !r->compiled) {
        habits |= HABIT_PYTHON_GELU;
    }
    bool peft = r->adapters && !litgpt && !memory_framework(run, "torchtune");
    int torch = memory_version(run, FACT_torch_version);
    bool old = torch > 0 && torch < 204; /* PyTorch 2.4 is of the same month */
    if (r->adapters && r->frozen_base == 2 && r->quantised <= 0 && (old || litgpt)) {
        habits |= HABIT_HALF_ADAPTERS;
    } else if (peft && !r->autocast && r->compute == 2) {
        habits |= HABIT_CAST_INPUTS;
    }
    if (half_loss(net)) {
        habits |= HABIT_HALF_LOSS;
    }
    return habits;
}
