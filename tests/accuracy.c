/* How far the memory model is from measured runs: reads a table of runs in canonical facts
 * (tab separated, first line the names; columns id, quantity and gib besides facts) and
 * prints, for every group of ids and for every grade and kind of training, the error
 * against the quantity that was measured, then the worst rows term by term.
 *
 *   accuracy RULES TABLE... [-v]     -v prints every known row as well
 *
 * A table with a column measured_gib holds runs of zoos, whose configuration is text
 * (accuracy_vision.c).
 *
 * Like is compared with like: "allocated" with the tensors' sum, "reserved" with slack
 * added, "device" with slack and context added; "unknown" counts as device. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accuracy_vision.h"
#include "memory_term.h"
#include "run_text.h"

#include "banned.h"

enum { COLUMNS_MAX = 64, GROUPS_MAX = 96 };

static const double GIB = 1024.0 * 1024 * 1024;

struct columns {
    struct str at[COLUMNS_MAX];
    size_t len;
};

/* What the source says about the runs of a group beside its table: the program, and
 * when they were made. */
static const struct {
    const char *prefix, *torch, *transformers, *framework;
    bool autocast;     /* over weights that are half already */
    int empties_cache; /* every so many batches; 0 never */
} ERAS[] = {
    {"hf-bert", "1.10.0", "4.15.0", NULL, false, 0},
    {"litgpt-res", "2.1.0", NULL, "litgpt", false, 0},
    {"litgpt-hub", "2.2.0", NULL, "litgpt", false, 0},
    {"qwen1", "2.0.0", "4.32.0", NULL, false, 0},
    {"swift", "2.1.1", "4.36.0", "ms-swift", true, 0},
    {"peft-mm", "2.13.0", "5.13.1", NULL, false, 10},
};

struct sample {
    struct str name;
    double error, width; /* width: high / low */
    bool inside, over;   /* within low-high; measured above high */
    bool dangerous;      /* called fitting on a card that the run exceeded */
    struct bill bill;
    double bytes;
};

struct group {
    char name[48];
    bool by_kind; /* a grade and a kind of training, else a source */
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

/* The number behind KEY in a note: "train.global_batch_size=16". */
static double noted(struct str note, const char *key)
{
    size_t at = str_find(note, str_from(key), 0);
    double x = 0;
    for (at += at == SIZE_MAX ? 0 : strlen(key); at < note.len; at++) {
        if (note.at[at] < '0' || note.at[at] > '9') {
            break;
        }
        x = 10 * x + (note.at[at] - '0');
    }
    return x;
}

static void set_era(struct arena *a, const struct pack *pack, struct str name,
                    struct run *run)
{
    for (size_t i = 0; i < sizeof ERAS / sizeof *ERAS; i++) {
        if (!str_starts(name, str_from(ERAS[i].prefix))) {
            continue;
        }
        run_text_set(a, run, FACT_torch_version, VALUE_OF_STR(str_from(ERAS[i].torch)));
        if (ERAS[i].transformers) {
            run_text_set(a, run, FACT_transformers_version,
                         VALUE_OF_STR(str_from(ERAS[i].transformers)));
        }
        if (ERAS[i].empties_cache) {
            run_text_set(a, run, FACT_empty_cache_interval,
                         VALUE_OF_INT(ERAS[i].empties_cache));
        }
        if (ERAS[i].autocast) {
            run_text_set(a, run, FACT_precision, VALUE_OF_STR(STR("amp-bf16")));
        }
        for (size_t k = 0; ERAS[i].framework && k < pack->frameworks.len; k++) {
            if (str_eq(pack->frameworks.at[k].id, str_from(ERAS[i].framework))) {
                run->framework = &pack->frameworks.at[k];
            }
        }
    }
}

/* Qwen's finetune/ scripts for adapters: DeepSpeed's ZeRO-2 for 4-bit bases and for
 * several cards, else the Trainer's autocast over half weights. Which stage the full runs
 * used is not said. */
static void set_qwen(struct arena *a, struct str name, struct run *run)
{
    double devices = 1;
    if (!str_starts(name, STR("qwen1")) || !run_is(run, FACT_strategy, "single") ||
        run_is(run, FACT_peft, "none")) {
        return;
    }
    run_number(run, FACT_num_devices, &devices);
    if (devices > 1 || run_is(run, FACT_peft, "qlora")) {
        run_text_set(a, run, FACT_strategy, VALUE_OF_STR(STR("zero2")));
    } else {
        run_text_set(a, run, FACT_precision, VALUE_OF_STR(STR("amp-bf16")));
    }
}

/* litgpt gave SDPA a single head of keys for all queries until October 2023, which no fused
 * kernel takes. Falcon is measured so in one page. */
static void set_litgpt(struct arena *a, struct str id, struct str source, struct run *run)
{
    /* Its page of adapters has two tables, the second for finetune_adapter_v2. */
    if (run_is(run, FACT_peft, "adapter") && str_compare(id, STR("litgpt-res-024")) >= 0) {
        run_text_set(a, run, FACT_peft, VALUE_OF_STR(STR("adapter-v2")));
    }
    if (str_find(source, STR("tutorials/oom.md"), 0) != SIZE_MAX) {
        run_text_set(a, run, FACT_attention, VALUE_OF_STR(STR("eager")));
    }
}

/* What a row says only in words. */
static void set_noted(struct arena *a, struct str note, struct run *run)
{
    double batch, devices = 1;
    double global =
        fmax(noted(note, "train.global_batch_size="), noted(note, "global batch "));
    if (global > 0 && run_number(run, FACT_batch_size, &batch)) {
        run_number(run, FACT_num_devices, &devices);
        double steps = floor(global / batch / fmax(1, devices));
        run_text_set(a, run, FACT_gradient_accumulation_steps,
                     VALUE_OF_INT((int64_t)fmax(1, steps)));
    }
    if (str_find(note, STR("fp32 weights kept, autocast"), 0) != SIZE_MAX) {
        run_text_set(a, run, FACT_precision, VALUE_OF_STR(STR("amp-bf16")));
    }
}

/* timm's own trainer, which made these runs, turns cudnn.benchmark on. */
static const char TIMM[] = "timm-";

static struct run run_of(struct arena *a, const struct pack *pack,
                         const struct columns *head, const struct columns *row)
{
    struct run run = run_text_empty();
    for (size_t i = 0; i < head->len && i < row->len; i++) {
        enum fact_id id = fact_parse(head->at[i]);
        if (id != FACT_COUNT && row->at[i].len > 0) {
            run_text_set(a, &run, id, run_text_value(a, id, row->at[i]));
        }
    }
    set_era(a, pack, cell(head, row, "id"), &run);
    set_qwen(a, cell(head, row, "id"), &run);
    set_litgpt(a, cell(head, row, "id"), cell(head, row, "source"), &run);
    set_noted(a, cell(head, row, "note"), &run);
    if (str_starts(cell(head, row, "id"), str_from(TIMM))) {
        run_text_set(a, &run, FACT_cudnn_benchmark, VALUE_OF_BOOL(true));
        run_text_set(a, &run, FACT_weight_decay, VALUE_OF_FLOAT(2e-5));
    }
    return run;
}

/* --- errors -------------------------------------------------------------------- */

static struct group *group_of(struct tally *t, struct str name, bool by_kind)
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
    g->by_kind = by_kind;
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

static struct amount predicted(const struct plan *p, double batch, struct str quantity,
                               double usable)
{
    struct bill bill;
    memory_bill(p, batch, &bill);
    struct amount all = memory_held(&bill, usable);
    if (str_eq(quantity, STR("allocated"))) {
        return bill.allocated;
    }
    if (str_eq(quantity, STR("device")) || str_eq(quantity, STR("unknown"))) {
        return all;
    }
    return (struct amount){all.low - bill.context.low, all.mid - bill.context.mid,
                           all.high - bill.context.high};
}

/* Grade and kind: "A lora". What is none of the three is another adapter. */
static struct str kind_name(struct arena *a, const struct columns *head,
                            const struct columns *row)
{
    struct str grade = cell(head, row, "grade"), peft = cell(head, row, "peft");
    struct str quantised = cell(head, row, "quantization");
    bool lora = str_eq(peft, STR("lora")) || str_eq(peft, STR("qlora"));
    bool full = peft.len == 0 || str_eq(peft, STR("none")) || str_eq(peft, STR("full"));
    bool opened = quantised.len > 0 && !str_eq(quantised, STR("none"));
    const char *kind = full                                             ? "full"
                       : lora && (opened || str_eq(peft, STR("qlora"))) ? "qlora"
                       : lora                                           ? "lora"
                                                                        : "other adapter";
    return arena_printf(a, "%.*s %s", STR_ARG(grade.len ? grade : STR("-")), kind);
}

/* Cards that people have, in GiB: would the estimate have let the run start on one that
 * it does not fit? */
static bool misleads(double high, double bytes)
{
    static const double CARDS[] = {8, 10, 12, 16, 24, 32, 40, 48, 80};
    for (size_t i = 0; i < sizeof CARDS / sizeof *CARDS; i++) {
        double usable = CARDS[i] * GIB * 0.98;
        if (high <= usable && bytes > usable) {
            return true;
        }
    }
    return false;
}

static void add_to(struct tally *t, struct str name, bool by_kind, const struct sample *s)
{
    struct group *g = group_of(t, name, by_kind);
    g->rows++;
    if (!s) {
        g->unknown++;
        return;
    }
    vec_push(t->arena, &g->samples, *s);
}

static struct sample sample_of(struct arena *a, struct str id, const struct plan *p,
                               double batch, double usable, struct amount guess,
                               double bytes)
{
    struct sample s = {.name = arena_str(a, id),
                       .error = guess.mid / bytes - 1,
                       .width = guess.high / guess.low,
                       .inside = bytes >= guess.low && bytes <= guess.high,
                       .over = bytes > guess.high,

                       .bytes = bytes};
    memory_bill(p, batch, &s.bill);
    s.dangerous = misleads(memory_held(&s.bill, usable).high, bytes);
    return s;
}

static void print_row(const struct columns *head, const struct columns *row, double batch,
                      struct amount guess, double bytes)
{
    printf("%-22.*s %-36.*s b%-4g %7.2f GiB: %6.2f [%6.2f %6.2f] %+5.1f %%\n",
           STR_ARG(cell(head, row, "id")), STR_ARG(cell(head, row, "model_name")), batch,
           bytes / GIB, guess.mid / GIB, guess.low / GIB, guess.high / GIB,
           100 * (guess.mid / bytes - 1));
}

/* Constants of the image networks were fitted on one half of the networks, told by the
 * bytes of their names; the other half is the check. */
static struct str half_name(struct str model)
{
    unsigned sum = 0;
    for (size_t i = 0; i < model.len; i++) {
        sum += (unsigned char)model.at[i];
    }
    return sum % 2 == 0 ? STR("timm, fitted half") : STR("timm, other half");
}

/* "A100 40GB (assumed)": the card as the catalogue calls it. */
static bool card_of(struct arena *a, const struct pack *pack, struct str written,
                    struct target *out)
{
    struct err err;
    size_t end = str_find(written, STR(" ("), 0);
    struct str name = end == SIZE_MAX ? written : str_slice(written, 0, end);
    return name.len > 0 && gpu_target(a, pack, name, out, &err);
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
    struct run run = run_of(a, pack, head, row);
    struct assumptions list = {.len = 0};
    struct notes notes = {a, &list};
    struct plan plan;
    struct amount guess;
    struct target target;
    bool on_card = card_of(a, pack, cell(head, row, "gpu"), &target);
    double usable = on_card ? (double)target.usable_bytes : 0;
    bool known = run_number(&run, FACT_batch_size, &batch) &&
                 memory_plan(&notes, pack, &run, on_card ? &target : NULL, &plan);
    if (known) {
        guess = predicted(&plan, batch, quantity, usable);
    }
    struct sample s;
    if (known) {
        s = sample_of(a, cell(head, row, "id"), &plan, batch, usable, guess, bytes);
    }
    const struct sample *sample = known ? &s : NULL;
    add_to(t, group_name(a, head, row), false, sample);
    struct str kind = kind_name(a, head, row);
    add_to(t, kind, true, sample);
    if (!str_ends(kind, STR("adapter"))) {
        add_to(t,
               arena_printf(a, "%.*s all three", (int)str_find_byte(kind, ' ', 0), kind.at),
               true, sample);
    }
    add_to(t, STR("all"), false, sample);
    struct str network = cell(head, row, "model_name");
    if (str_starts(network, STR("timm/"))) {
        add_to(t, half_name(str_slice(network, 5, network.len)), false, sample);
    } else {
        add_to(t, STR("all transformers"), false, sample);
    }
    if (known && t->verbose) {
        print_row(head, row, batch, guess, bytes);
    }
}

/* A row of a zoo. Nearly all report what was allocated at most. */
static void measure_zoo(struct tally *t, const struct pack *pack,
                        const struct columns *head, const struct columns *row)
{
    struct arena *a = t->arena;
    double gib, batch;
    struct str family, id = cell(head, row, "id");
    struct vision_row text = {.id = id,
                              .model = cell(head, row, "model"),
                              .note = cell(head, row, "note"),
                              .config = cell(head, row, "config_path"),
                              .peft = cell(head, row, "peft"),
                              .batch = cell(head, row, "batch_size_per_gpu"),
                              .image = cell(head, row, "seq_len_or_image"),
                              .precision = cell(head, row, "precision"),
                              .optimizer = cell(head, row, "optimizer"),
                              .keys = cell(head, row, "other_keys"),
                              .checkpointing = cell(head, row, "grad_checkpointing")};
    struct str what = cell(head, row, "what_was_measured");
    bool reserved = str_starts(what, STR("max_memory_reserved"));
    struct str quantity = reserved ? STR("reserved") : STR("allocated");
    if (!str_to_float(cell(head, row, "measured_gib"), &gib) || gib <= 0) {
        return;
    }
    struct run run = vision_run(a, pack, &text, &family);
    struct assumptions list = {.len = 0};
    struct notes notes = {a, &list};
    struct plan plan;
    bool known = run_number(&run, FACT_batch_size, &batch) &&
                 memory_plan(&notes, pack, &run, NULL, &plan);
    struct sample s;
    if (known) {
        struct amount guess = predicted(&plan, batch, quantity, 0);
        s = sample_of(a, id, &plan, batch, 0, guess, gib * GIB);
        if (t->verbose) {
            printf("%-16.*s %-56.*s b%-3g %6.2f: %6.2f [%6.2f %6.2f] %+5.1f %%\n",
                   STR_ARG(id), 56 < (int)text.config.len ? 56 : (int)text.config.len,
                   text.config.at + (text.config.len > 56 ? text.config.len - 56 : 0),
                   batch, gib, guess.mid / GIB, guess.low / GIB, guess.high / GIB,
                   100 * s.error);
        }
    } else if (t->verbose) {
        printf("%-16.*s %.*s unknown: %.*s\n", STR_ARG(id), STR_ARG(text.keys),
               STR_ARG(list.len ? list.at[list.len - 1] : STR("")));
    }
    size_t dash = str_find_byte(id, '-', 0);
    add_to(t, arena_printf(a, "%.*s/%.*s", (int)dash, id.at, STR_ARG(quantity)), false,
           known ? &s : NULL);
    add_to(t, arena_printf(a, "zoo %.*s", STR_ARG(family)), true, known ? &s : NULL);
    add_to(t, STR("all zoos"), false, known ? &s : NULL);
    bool even = (id.at[id.len - 1] - '0') % 2 == 0;
    add_to(t, even ? STR("zoos, fitted half") : STR("zoos, other half"), false,
           known ? &s : NULL);
}

static int by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

enum what { ABSOLUTE, SIGNED, WIDTH };

static double quantile(struct arena *a, const struct group *g, double q, enum what what)
{
    double *at = arena_alloc_array(a, g->samples.len, sizeof *at);
    for (size_t i = 0; i < g->samples.len; i++) {
        const struct sample *s = &g->samples.at[i];
        at[i] = what == ABSOLUTE ? fabs(s->error) : what == SIGNED ? s->error : s->width;
    }
    qsort(at, g->samples.len, sizeof *at, by_value);
    return at[(size_t)(q * (double)(g->samples.len - 1) + 0.5)];
}

static void print_head(const char *title)
{
    printf("\n%-26s %6s %6s %7s %6s %7s %7s %6s %6s %7s %7s\n", title, "rows", "known",
           "median%", "p90%", "bias%", "inside%", "over%", "<-15%", "danger%", "width");
}

static void print_group(struct arena *a, const struct group *g)
{
    size_t known = g->samples.len, inside = 0, over = 0, under = 0, dangerous = 0;
    if (known == 0) {
        printf("%-26s %6zu %6d\n", g->name, g->rows, 0);
        return;
    }
    for (size_t i = 0; i < known; i++) {
        const struct sample *s = &g->samples.at[i];
        inside += s->inside;
        over += s->over;
        under += s->error < -0.15;
        dangerous += s->dangerous;
    }
    double share = 100.0 / (double)known;
    printf("%-26s %6zu %6zu %7.1f %6.1f %+7.1f %7.0f %6.1f %6.1f %7.1f %7.2f\n", g->name,
           g->rows, known, 100 * quantile(a, g, 0.5, ABSOLUTE),
           100 * quantile(a, g, 0.9, ABSOLUTE), 100 * quantile(a, g, 0.5, SIGNED),
           share * (double)inside, share * (double)over, share * (double)under,
           share * (double)dangerous, quantile(a, g, 0.5, WIDTH));
}

static int by_error(const void *x, const void *y)
{
    const struct sample *a = x, *b = y;
    return (fabs(a->error) < fabs(b->error)) - (fabs(a->error) > fabs(b->error));
}

/* The rows that are furthest off, term by term at the moment of the peak. */
static void print_worst(struct group *g)
{
    enum { WORST = 5 };
    if (g->samples.len == 0) {
        return;
    }
    qsort(g->samples.at, g->samples.len, sizeof *g->samples.at, by_error);
    printf("\nworst of %s (GiB)\n", g->name);
    for (size_t i = 0; i < g->samples.len && i < WORST; i++) {
        const struct sample *s = &g->samples.at[i];
        const struct moment_bill *m = &s->bill.moments[s->bill.peak_at];
        printf("  %-18.*s %6.2f measured, %+6.1f %%, %s: weights %.2f gradients %.2f "
               "optimizer %.2f activations %.2f logits %.2f workspace %.2f slack %.2f\n",
               STR_ARG(s->name), s->bytes / GIB, 100 * s->error,
               moment_name(s->bill.peak_at), m->weights.mid / GIB, m->gradients.mid / GIB,
               m->optimizer.mid / GIB, m->activations.mid / GIB, m->logits.mid / GIB,
               m->workspace.mid / GIB, s->bill.slack.mid / GIB);
    }
}

static void print_all(struct tally *t)
{
    print_head("source/quantity");
    for (size_t i = 0; i < t->len; i++) {
        if (!t->groups[i].by_kind) {
            print_group(t->arena, &t->groups[i]);
        }
    }
    print_head("grade and kind");
    for (size_t i = 0; i < t->len; i++) {
        if (t->groups[i].by_kind) {
            print_group(t->arena, &t->groups[i]);
        }
    }
    for (size_t i = 0; i < t->len; i++) {
        if (t->groups[i].by_kind) {
            print_worst(&t->groups[i]);
        }
    }
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

static bool score(struct tally *t, const struct pack *pack, const char *path)
{
    struct source table;
    struct err err = {.message = ""};
    if (!source_load(&table, t->arena, path, LANGUAGE_NONE, &err)) {
        fprintf(stderr, "accuracy: %s\n", err.message);
        return false;
    }
    struct columns head = {.len = 0};
    bool zoo = false;
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
            zoo = str_find(line, STR("measured_gib"), 0) != SIZE_MAX;
        } else if (zoo) {
            measure_zoo(t, pack, &head, &row);
        } else {
            measure(t, pack, &head, &row);
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct arena arena;
    static struct tally tally;
    struct pack pack = {.models = {NULL, 0}};
    if (argc < 3) {
        fprintf(stderr, "usage: accuracy RULES TABLE... [-v]\n");
        return 2;
    }
    tally.arena = &arena;
    tally.verbose = strcmp(argv[argc - 1], "-v") == 0;
    if (!load(&arena, argv[1], &pack)) {
        return 2;
    }
    for (int i = 2; i < argc - tally.verbose; i++) {
        if (!score(&tally, &pack, argv[i])) {
            return 2;
        }
    }
    print_all(&tally);
    arena_free(&arena);
    return 0;
}
