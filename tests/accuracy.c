/* How far the memory model is from measured runs: reads a table of runs in canonical facts
 * (tab separated, first line the names; columns id, quantity and gib besides facts) and
 * prints, for every group of ids, the error against the quantity that was measured.
 *
 *   accuracy RULES TABLE [-v]     -v prints every known row as well
 *
 * Like is compared with like: "allocated" with the tensors' sum, "reserved" with slack
 * added, "device" with slack and context added; "unknown" counts as reserved. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory_term.h"
#include "run_text.h"

#include "banned.h"

enum { COLUMNS_MAX = 64, GROUPS_MAX = 64 };

static const double GIB = 1024.0 * 1024 * 1024;

struct columns {
    struct str at[COLUMNS_MAX];
    size_t len;
};

/* When the runs of a group were made, where the source says so. */
static const struct {
    const char *prefix, *torch, *transformers;
} ERAS[] = {
    {"hf-bert", "1.10.0", "4.15.0"},
    {"qwen1", "2.0.0", "4.32.0"},
    {"swift", "2.1.1", "4.36.0"},
};

struct sample {
    double error;
    bool inside, over; /* within low-high; measured above high */
};

struct group {
    char name[40];
    size_t rows, unknown;
    struct samples VEC_BODY(struct sample) samples;
};

struct tally {
    struct arena *arena;
    struct group groups[GROUPS_MAX];
    size_t len;
    bool verbose;
};

static struct columns split(struct str line, char by)
{
    struct columns c = {.len = 0};
    size_t from = 0;
    while (c.len < COLUMNS_MAX) {
        size_t end = str_find_byte(line, by, from);
        c.at[c.len++] = str_trim(str_slice(line, from, end == SIZE_MAX ? line.len : end));
        if (end == SIZE_MAX) {
            break;
        }
        from = end + 1;
    }
    return c;
}

static struct str cell(const struct columns *head, const struct columns *row,
                       const char *name)
{
    for (size_t i = 0; i < head->len && i < row->len; i++) {
        if (str_eq(head->at[i], str_from(name))) {
            return row->at[i];
        }
    }
    return STR("");
}

/* --- a row as a run ---------------------------------------------------------- */

static struct run run_of(struct arena *a, const struct columns *head,
                         const struct columns *row)
{
    struct run run = run_text_empty();
    for (size_t i = 0; i < head->len && i < row->len; i++) {
        enum fact_id id = fact_parse(head->at[i]);
        if (id != FACT_COUNT && row->at[i].len > 0) {
            run_text_set(a, &run, id, run_text_value(a, id, row->at[i]));
        }
    }
    struct str name = cell(head, row, "id");
    for (size_t i = 0; i < sizeof ERAS / sizeof *ERAS; i++) {
        if (str_starts(name, str_from(ERAS[i].prefix))) {
            run_text_set(a, &run, FACT_torch_version,
                         VALUE_OF_STR(str_from(ERAS[i].torch)));
            run_text_set(a, &run, FACT_transformers_version,
                         VALUE_OF_STR(str_from(ERAS[i].transformers)));
        }
    }
    return run;
}

/* --- errors -------------------------------------------------------------------- */

static struct group *group_of(struct tally *t, struct str name)
{
    for (size_t i = 0; i < t->len; i++) {
        if (str_eq(name, str_from(t->groups[i].name))) {
            return &t->groups[i];
        }
    }
    if (t->len == GROUPS_MAX) {
        return &t->groups[GROUPS_MAX - 1];
    }
    struct group *g = &t->groups[t->len++];
    snprintf(g->name, sizeof g->name, "%.*s", STR_ARG(name));
    return g;
}

static struct str group_name(struct arena *a, const struct columns *head,
                             const struct columns *row)
{
    struct str id = cell(head, row, "id"), quantity = cell(head, row, "quantity");
    size_t end = id.len;
    while (end > 0 && id.at[end - 1] != '-') {
        end--;
    }
    struct str prefix = end > 1 ? str_slice(id, 0, end - 1) : id;
    return arena_printf(a, "%.*s/%.*s", STR_ARG(prefix), STR_ARG(quantity));
}

/* "divide by 4 for per-GPU": the source adds up its devices. */
static double per_device(struct str note, double gib)
{
    size_t at = str_find(note, STR("divide by "), 0);
    if (at == SIZE_MAX || at + 10 >= note.len) {
        return gib;
    }
    int parts = note.at[at + 10] - '0';
    return parts > 1 && parts <= 9 ? gib / parts : gib;
}

static struct amount predicted(const struct plan *p, double batch, struct str quantity)
{
    struct bill bill;
    memory_bill(p, batch, &bill);
    if (str_eq(quantity, STR("allocated"))) {
        return bill.allocated;
    }
    if (str_eq(quantity, STR("device"))) {
        return bill.total;
    }
    return amount_add(bill.allocated, bill.slack);
}

static void add_to(struct tally *t, struct str name, const struct amount *guess,
                   double bytes)
{
    struct group *g = group_of(t, name);
    g->rows++;
    if (!guess) {
        g->unknown++;
        return;
    }
    struct sample s = {.error = guess->mid / bytes - 1,
                       .inside = bytes >= guess->low && bytes <= guess->high,
                       .over = bytes > guess->high};
    vec_push(t->arena, &g->samples, s);
}

static void measure(struct tally *t, const struct pack *pack, const struct columns *head,
                    const struct columns *row)
{
    struct arena *a = t->arena;
    double gib, batch;
    struct str quantity = cell(head, row, "quantity");
    if (!str_to_float(cell(head, row, "gib"), &gib) || gib <= 0) {
        return;
    }
    double bytes = per_device(cell(head, row, "note"), gib) * GIB;
    struct run run = run_of(a, head, row);
    struct assumptions list = {.len = 0};
    struct notes notes = {a, &list};
    struct plan plan;
    struct amount guess;
    bool known = run_number(&run, FACT_batch_size, &batch) &&
                 memory_plan(&notes, pack, &run, NULL, &plan);
    if (known) {
        guess = predicted(&plan, batch, quantity);
    }
    add_to(t, group_name(a, head, row), known ? &guess : NULL, bytes);
    add_to(t, STR("all"), known ? &guess : NULL, bytes);
    if (known && t->verbose) {
        printf("%-22.*s %-36.*s b%-4g %7.2f GiB: %6.2f [%6.2f %6.2f] %+5.1f %%\n",
               STR_ARG(cell(head, row, "id")), STR_ARG(cell(head, row, "model_name")),
               batch, bytes / GIB, guess.mid / GIB, guess.low / GIB, guess.high / GIB,
               100 * (guess.mid / bytes - 1));
    }
}

static int by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static double quantile(struct arena *a, const struct group *g, double q, bool absolute)
{
    double *at = arena_alloc_array(a, g->samples.len, sizeof *at);
    for (size_t i = 0; i < g->samples.len; i++) {
        double e = g->samples.at[i].error;
        at[i] = absolute ? fabs(e) : e;
    }
    qsort(at, g->samples.len, sizeof *at, by_value);
    return 100 * at[(size_t)(q * (double)(g->samples.len - 1) + 0.5)];
}

static void print_group(struct arena *a, const struct group *g)
{
    size_t known = g->samples.len, inside = 0, over = 0;
    if (known == 0) {
        printf("%-26s %6zu %6d\n", g->name, g->rows, 0);
        return;
    }
    for (size_t i = 0; i < known; i++) {
        inside += g->samples.at[i].inside;
        over += g->samples.at[i].over;
    }
    printf("%-26s %6zu %6zu %7.1f %7.1f %+7.1f %7.0f %9.1f\n", g->name, g->rows, known,
           quantile(a, g, 0.5, true), quantile(a, g, 0.9, true), quantile(a, g, 0.5, false),
           100.0 * (double)inside / (double)known, 100.0 * (double)over / (double)known);
}

static bool load(struct arena *a, const char *rules, struct pack *pack)
{
    struct findings problems = {.len = 0};
    struct err err = {.message = ""};
    if (!pack_load(a, rules, pack, &problems, &err)) {
        fprintf(stderr, "accuracy: %s: %s\n", rules, err.message);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct arena arena;
    static struct tally tally;
    struct pack pack = {.models = {NULL, 0}};
    struct source table;
    struct err err;
    if (argc < 3) {
        fprintf(stderr, "usage: accuracy RULES TABLE [-v]\n");
        return 2;
    }
    tally.arena = &arena;
    tally.verbose = argc > 3 && strcmp(argv[3], "-v") == 0;
    if (!source_load(&table, &arena, argv[2], LANGUAGE_NONE, &err)) {
        fprintf(stderr, "accuracy: %s\n", err.message);
        return 2;
    }
    if (!load(&arena, argv[1], &pack)) {
        return 2;
    }
    struct columns head = {.len = 0};
    for (size_t from = 0; from < table.text.len;) {
        size_t end = str_find_byte(table.text, '\n', from);
        end = end == SIZE_MAX ? table.text.len : end;
        struct str line = str_slice(table.text, from, end);
        from = end + 1;
        if (line.len == 0 || line.at[0] == '#') {
            continue;
        }
        struct columns row = split(line, '\t');
        if (head.len == 0) {
            head = row;
        } else {
            measure(&tally, &pack, &head, &row);
        }
    }
    printf("%-26s %6s %6s %7s %7s %7s %7s %9s\n", "group", "rows", "known", "median%",
           "p90%", "bias%", "inside%", "over-high%");
    for (size_t i = 0; i < tally.len; i++) {
        print_group(&arena, &tally.groups[i]);
    }
    arena_free(&arena);
    return 0;
}
