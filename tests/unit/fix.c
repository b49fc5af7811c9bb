/* The rewriter over a table of its own, so that no pack decides what is tested here:
 * plans and their safety, applying, comparing, and the passes of a whole unit. */
#include <stdio.h>
#include <string.h>

#include "bind.h"
#include "fix.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* --- a small world -------------------------------------------------------- */

static struct arena arena;
static struct units read_units;

static const struct binding BINDINGS[] = {
    {.key = STR_INIT("**.batch_size"), .fact = FACT_batch_size, .insertable = true},
    {.key = STR_INIT("**.accumulate"),
     .fact = FACT_gradient_accumulation_steps,
     .insertable = true},
    {.key = STR_INIT("**.num_workers"), .fact = FACT_num_workers, .insertable = true},
    {.key = STR_INIT("**.pin_memory"), .fact = FACT_pin_memory, .insertable = true},
    {.key = STR_INIT("**.prefetch"), .fact = FACT_prefetch_factor, .insertable = true},
    {.key = STR_INIT("**.lr"), .fact = FACT_learning_rate, .insertable = true},
    {.key = STR_INIT("**.devices"), .fact = FACT_num_devices, .insertable = true},
};
static const struct str ANY_KEYS[] = {STR_INIT("**.batch_size"),
                                      STR_INIT("**.num_workers")};
static const struct evidence EVIDENCE[] = {{.any_keys = {ANY_KEYS, 2}}};
static const struct fact_default DEFAULTS[] = {
    {.fact = FACT_gradient_accumulation_steps, .value = {VALUE_INT, {.integer = 1}}},
};
static const struct framework FRAMEWORKS[] = {{
    .id = STR_INIT("toy"),
    .languages = 1u << LANGUAGE_YAML | 1u << LANGUAGE_JSON | 1u << LANGUAGE_PYTHON,
    .evidence = {EVIDENCE, 1},
    .bindings = {BINDINGS, sizeof BINDINGS / sizeof *BINDINGS},
    .defaults = {DEFAULTS, 1},
}};
static const struct pack PACK = {.frameworks = {FRAMEWORKS, 1}};

static struct unit *read_as(const char *path, struct str text)
{
    struct unit *u = arena_new(&arena, struct unit);
    vec_push(&arena, &read_units, u);
    struct str name = str_from(path);
    source_init(&u->source, &u->arena, name, text, language_of_path(name));
    front_parse(&u->arena, &u->source, &u->doc);
    bind_document(&u->arena, &PACK, &u->doc, NULL, &u->runs);
    return u;
}

static struct unit *read_yaml(const char *text)
{
    return read_as("t.yaml", str_from(text));
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < read_units.len; i++)
        arena_free(&read_units.at[i]->arena);
    read_units = (struct units){0};
    arena_free(&arena);
    return 0;
}

static struct wish want(enum fact_id fact, int64_t value)
{
    return (struct wish){.fact = fact, .value = VALUE_OF_INT(value)};
}

static struct fix *plan(struct unit *u, struct wish *wishes, size_t count,
                        struct str *why_not)
{
    struct wishes list = {wishes, count, count};
    assert_true(u->runs.len >= 1);
    return fix_plan(&u->arena, &PACK, &u->runs.at[0], &list, FIX_SAFE, why_not);
}

/* Batch 128 with twice the accumulation: the fix that this program is made for. */
static struct fix *halve(struct unit *u, struct str *why_not)
{
    struct wish wishes[] = {want(FACT_batch_size, 128),
                            want(FACT_gradient_accumulation_steps, 2)};
    return plan(u, wishes, 2, why_not);
}

static const char *after(const struct unit *u, const struct fix *fix)
{
    assert_non_null(fix);
    return arena_str(&arena, fix_apply(&arena, &u->source, &fix->edits)).at;
}

static void expect_halved(const char *before, const char *wanted, const char *description)
{
    struct unit *u = read_yaml(before);
    struct str why = STR("");
    struct fix *fix = halve(u, &why);
    if (!fix)
        fail_msg("not fixed: %.*s", STR_ARG(why));
    assert_string_equal(after(u, fix), wanted);
    assert_string_equal(arena_str(&arena, fix->description).at, description);
    struct err err = {""};
    if (!fix_verify(&PACK, u, str_from(wanted), &fix->edits, false, &err))
        fail_msg("%s", err.message);
    assert_int_equal(fix->safety, FIX_SAFE);
}

static void expect_refused(const char *before, const char *reason)
{
    struct unit *u = read_yaml(before);
    struct str why = STR("");
    assert_null(halve(u, &why));
    assert_string_equal(arena_str(&arena, why).at, reason);
}

static void expect_unsafe(const char *before, const char *reason)
{
    struct unit *u = read_yaml(before);
    struct str why = STR("");
    struct fix *fix = halve(u, &why);
    if (!fix)
        fail_msg("not fixed: %.*s", STR_ARG(why));
    assert_int_equal(fix->safety, FIX_UNSAFE);
    assert_string_equal(arena_str(&arena, fix->reason).at, reason);
}

/* --- plans ---------------------------------------------------------------- */

static void both_keys_are_replaced(void **state)
{
    (void)state;
    expect_halved("batch_size: 256 # b\naccumulate:   1\nlr: 1e-5\n",
                  "batch_size: 128 # b\naccumulate:   2\nlr: 1e-5\n",
                  "batch_size 256 -> 128, accumulate 1 -> 2");
    expect_halved("train: {batch_size: 256, accumulate: 1}\r\n",
                  "train: {batch_size: 128, accumulate: 2}\r\n",
                  "batch_size 256 -> 128, accumulate 1 -> 2");
}

static void a_missing_key_is_inserted(void **state)
{
    (void)state;
    expect_halved("batch_size: 256\nlr: 0.1\n", "batch_size: 128\naccumulate: 2\nlr: 0.1\n",
                  "batch_size 256 -> 128, accumulate 1 -> 2");
    expect_halved("train: {batch_size: 256}\n", "train: {batch_size: 128, accumulate: 2}\n",
                  "batch_size 256 -> 128, accumulate 1 -> 2");
    expect_halved("a:\n  batch_size: 256", "a:\n  batch_size: 128\n  accumulate: 2",
                  "batch_size 256 -> 128, accumulate 1 -> 2");
}

static void insertions_at_one_place_keep_their_order(void **state)
{
    (void)state;
    struct unit *u = read_yaml("num_workers: 4\nlr: 0.1\n");
    struct wish wishes[] = {
        {.fact = FACT_pin_memory, .value = VALUE_OF_BOOL(true)},
        want(FACT_prefetch_factor, 2),
    };
    struct fix *fix = plan(u, wishes, 2, NULL);
    assert_string_equal(after(u, fix),
                        "num_workers: 4\npin_memory: true\nprefetch: 2\nlr: 0.1\n");
    assert_int_equal(fix->edits.len, 1);
}

static void anchors_are_respected(void **state)
{
    (void)state;
    expect_unsafe("batch_size: &b 256\naccumulate: 1\nother: *b\n",
                  "other keys share this value through *b");
    expect_refused("x: &b 256\nbatch_size: *b\naccumulate: 1\n",
                   "the value comes from an anchor");
    expect_unsafe("base: &base\n  batch_size: 256\n  accumulate: 1\nrun:\n  <<: *base\n",
                  "other keys share this value through *base");
}

static void duplicates_are_refused(void **state)
{
    (void)state;
    expect_refused("batch_size: 64\nbatch_size: 256\naccumulate: 1\n",
                   "batch_size is written twice");
}

static void one_wish_that_fails_fails_all(void **state)
{
    (void)state;
    struct unit *u = read_yaml("batch_size: 256\naccumulate: 1\n");
    struct wish wishes[] = {want(FACT_batch_size, 128),
                            {.fact = FACT_optimizer, .value = VALUE_OF_STR(STR("adamw"))}};
    struct str why = STR("");
    assert_null(plan(u, wishes, 2, &why));
    assert_true(why.len > 0);
}

static void what_holds_already_is_no_fix(void **state)
{
    (void)state;
    expect_refused("batch_size: 128\naccumulate: 2\n", "there is nothing to change");
}

static void another_effective_batch_is_unsafe(void **state)
{
    (void)state;
    expect_unsafe("batch_size: 192\naccumulate: 1\n",
                  "the effective batch changes from 192 to 256");
    expect_refused("batch_size: 256\naccumulate: ${steps}\n",
                   "the value is an interpolation");
    struct unit *u = read_yaml("batch_size: 256\n");
    struct wish alone = want(FACT_batch_size, 64);
    struct fix *fix = plan(u, &alone, 1, NULL);
    assert_int_equal(fix->safety, FIX_UNSAFE);
    assert_string_equal(arena_str(&arena, fix->reason).at,
                        "the effective batch changes from 256 to 64");
    u = read_yaml("batch_size: 256\naccumulate: ${steps}\n");
    fix = plan(u, &alone, 1, NULL);
    assert_string_equal(arena_str(&arena, fix->reason).at,
                        "the effective batch is not known before and after");
}

static void settings_are_removed(void **state)
{
    (void)state;
    struct unit *u = read_yaml("num_workers: 0\nprefetch: 2 # two\nlr: 0.1\n");
    struct wish gone = {.fact = FACT_prefetch_factor, .remove = true};
    struct fix *fix = plan(u, &gone, 1, NULL);
    assert_string_equal(after(u, fix), "num_workers: 0\nlr: 0.1\n");
    assert_string_equal(arena_str(&arena, fix->description).at, "prefetch 2 removed");
    struct err err = {""};
    if (!fix_verify(&PACK, u, STR("num_workers: 0\nlr: 0.1\n"), &fix->edits, false, &err))
        fail_msg("%s", err.message);
}

static void json_is_edited_alike(void **state)
{
    (void)state;
    struct unit *u =
        read_as("t.json", STR("{\n  \"batch_size\": 256,\n  \"lr\": 1e-5\n}\n"));
    struct fix *fix = halve(u, NULL);
    assert_string_equal(after(u, fix), "{\n  \"batch_size\": 128,\n  \"accumulate\": 2,\n"
                                       "  \"lr\": 1e-5\n}\n");
}

/* The name is given to two calls: the constant is edited, and both follow. */
static void constants_are_edited_where_they_stand(void **state)
{
    (void)state;
    struct unit *u =
        read_as("t.py", STR("B = 256  # per device\naccumulate = 1; lr = 1; epochs = 2\n"
                            "a = Loader(batch_size=B)\n"
                            "b = Loader(batch_size=B)\n"));
    struct str why = STR("");
    struct fix *fix = halve(u, &why);
    if (!fix)
        fail_msg("not fixed: %.*s", STR_ARG(why));
    const char *text = after(u, fix);
    assert_string_equal(text, "B = 128  # per device\naccumulate = 2; lr = 1; epochs = 2\n"
                              "a = Loader(batch_size=B)\nb = Loader(batch_size=B)\n");
    struct err err = {""};
    if (!fix_verify(&PACK, u, str_from(text), &fix->edits, false, &err))
        fail_msg("%s", err.message);
    /* What does not follow by name may not change with it. */
    struct str other = STR("B = 128  # per device\naccumulate = 2; lr = 1; epochs = 2\n"
                           "a = Loader(batch_size=B)\nb = Loader(batch_size=9)\n");
    assert_false(fix_verify(&PACK, u, other, &fix->edits, false, &err));
}

static void broken_files_are_left_alone(void **state)
{
    (void)state;
    struct unit *u = read_yaml("batch_size: 256\naccumulate: 1\n");
    u->doc.broken = true;
    assert_null(halve(u, NULL));
}

/* --- merging and applying ------------------------------------------------- */

static struct edits edits_of(struct unit *u, const uint32_t (*spans)[2], const char **texts,
                             size_t count)
{
    struct edits out = {0};
    for (size_t i = 0; i < count; i++)
        vec_push(
            &u->arena, &out,
            ((struct edit){&u->source, {spans[i][0], spans[i][1]}, str_from(texts[i])}));
    return out;
}

static void touching_edits_merge_and_overlaps_do_not(void **state)
{
    (void)state;
    struct unit *u = read_yaml("abcdefgh: 1\n");
    static const uint32_t touching[][2] = {{4, 4}, {2, 4}, {4, 4}, {4, 6}};
    const char *texts[] = {"1", "X", "2", "Y"};
    struct edits e = edits_of(u, touching, texts, 4);
    assert_true(fix_merge(&arena, &e));
    assert_int_equal(e.len, 1);
    assert_string_equal(arena_str(&arena, fix_apply(&arena, &u->source, &e)).at,
                        "abX12Ygh: 1\n");
    static const uint32_t overlapping[][2] = {{1, 4}, {3, 5}};
    e = edits_of(u, overlapping, texts, 2);
    assert_false(fix_merge(&arena, &e));
    static const uint32_t same[][2] = {{1, 4}, {1, 4}};
    const char *equal[] = {"z", "z"};
    e = edits_of(u, same, equal, 2);
    assert_true(fix_merge(&arena, &e));
    assert_string_equal(arena_str(&arena, fix_apply(&arena, &u->source, &e)).at,
                        "azefgh: 1\n");
}

/* --- comparing ------------------------------------------------------------ */

/* BEFORE with QUOTE replaced by TEXT: may that be? */
static bool acceptable_in(const char *path, const char *before, const char *quote,
                          const char *text)
{
    struct unit *u = read_as(path, str_from(before));
    size_t at = str_find(u->source.text, str_from(quote), 0);
    assert_true(at != SIZE_MAX);
    struct edit e = {
        &u->source, {(uint32_t)at, (uint32_t)(at + strlen(quote))}, str_from(text)};
    struct edits edits = {&e, 1, 1};
    struct err err = {""};
    struct str result = fix_apply(&arena, &u->source, &edits);
    bool ok = fix_verify(&PACK, u, result, &edits, false, &err);
    assert_true(ok == !err.message[0]);
    return ok;
}

static bool acceptable(const char *before, const char *quote, const char *text)
{
    return acceptable_in("t.yaml", before, quote, text);
}

static void code_may_become_a_call(void **state)
{
    (void)state;
    const char *text = "for x in loader:\n    loss = f(x, k=1)\n    total += loss\n"
                       "    loss.backward()\n";
    assert_true(acceptable_in("t.py", text, "+= loss", "+= loss.item()"));
    assert_true(acceptable_in("t.py", text, "loss\n", "loss.item()\n"));
    assert_false(acceptable_in("t.py", text, "k=1", "k=1)"));
    assert_true(acceptable_in("t.py", text, "for x", "os.environ[\"A\"] = \"1\"\nfor x"));
}

static void comparing_sees_what_an_edit_does_not_explain(void **state)
{
    (void)state;
    const char *text = "batch_size: 256\nlr: 0.1 # rate\nlist:\n  - a\n  - b\nlast: x\n";
    assert_true(acceptable(text, "0.1", "0.2"));
    assert_true(acceptable(text, "lr: 0.1 # rate\n", ""));
    assert_true(acceptable(text, "last: x\n", "last: x\nmore: y\n"));
    assert_false(acceptable(text, "256", "128"));            /* effective batch */
    assert_false(acceptable(text, "0.1", "0.1 # more\nlr")); /* duplicate, comment */
    assert_true(acceptable(text, " # rate", ""));
    assert_true(acceptable(text, "ra", "be"));
    assert_false(acceptable(text, " # rate", "# rate"));        /* value swallows comment */
    assert_false(acceptable(text, "\nlast", " last"));          /* breaks */
    assert_false(acceptable(text, "0.1", "{"));                 /* breaks */
    assert_false(acceptable(text, "\n  - b", " - b"));          /* item joins item */
    assert_false(acceptable(text, "\nlast: x", "\n  last: x")); /* breaks or moves */
    assert_false(acceptable(text, "\n  - a", " |\n  - a"));     /* list becomes text */
    assert_false(acceptable(text, "batch_size: 256\n", ""));    /* run is gone */
}

/* --- passes --------------------------------------------------------------- */

/* What the toy linter finds: batches over 128, and on wish a quarrel or an endless one. */
enum quarrel { PEACE, UNDO, ENDLESS, LIAR };
static enum quarrel quarrel;

static void toy_finding(struct unit *u, const struct run *run, const char *code,
                        struct wish *wishes, size_t count)
{
    struct wishes list = {wishes, count, count};
    struct fix *fix = fix_plan(&u->arena, &PACK, run, &list, FIX_SAFE, NULL);
    struct span span = {0, 0};
    struct finding *f = finding_add(&u->arena, &u->findings, &u->source, span, "%s", code);
    f->code = str_from(code);
    f->rule = STR("toy");
    f->severity = SEVERITY_WARNING;
    f->fix = fix;
}

static void toy_check(struct unit *u)
{
    for (size_t i = 0; i < u->runs.len; i++) {
        const struct run *run = &u->runs.at[i];
        double batch, steps, workers;
        if (!run_number(run, FACT_batch_size, &batch) ||
            !run_number(run, FACT_gradient_accumulation_steps, &steps) ||
            !run_number(run, FACT_num_workers, &workers))
            continue;
        struct wish halved[] = {want(FACT_batch_size, (int64_t)batch / 2),
                                want(FACT_gradient_accumulation_steps, (int64_t)steps * 2)};
        if (batch > 128)
            toy_finding(u, run, "TOY001", halved, 2);
        if (batch > 128 && quarrel == LIAR)
            u->findings.at[0].fix->edits.at[0].text = STR("127");
        struct wish fewer = want(FACT_num_workers, 4);
        if (workers > 4)
            toy_finding(u, run, "TOY002", &fewer, 1);
        fewer.value = VALUE_OF_INT(quarrel == UNDO ? 8 : (int64_t)workers + 1);
        if ((quarrel == UNDO && workers == 4) || quarrel == ENDLESS)
            toy_finding(u, run, "TOY003", &fewer, 1);
    }
}

static struct unit *toy_relint(void *context, struct str text,
                               const struct replacements *others)
{
    (void)others;
    int *calls = context;
    ++*calls;
    struct unit *u = read_as("t.yaml", text);
    toy_check(u);
    return u;
}

static struct fix_result fix_text(const char *text, bool unsafe_too, int *calls)
{
    struct unit *u = read_yaml(text);
    toy_check(u);
    struct fix_job job = {unsafe_too, toy_relint, calls, NULL};
    struct fix_result out;
    *calls = 0;
    fix_unit(&arena, &job, u, &out);
    return out;
}

static void passes_go_on_until_nothing_is_left(void **state)
{
    (void)state;
    int calls;
    quarrel = PEACE;
    struct fix_result r =
        fix_text("batch_size: 1024\naccumulate: 1\nnum_workers: 9\n", false, &calls);
    assert_string_equal(arena_str(&arena, r.text).at,
                        "batch_size: 128\naccumulate: 8\nnum_workers: 4\n");
    assert_int_equal(r.applied.len, 4);
    assert_int_equal(calls, 3);
    assert_int_equal(r.failures.len, 0);
    assert_int_equal(r.unit->findings.len, 0);
    r = fix_text(arena_str(&arena, r.text).at, false, &calls);
    assert_int_equal(r.applied.len, 0);
    assert_int_equal(calls, 0);
}

static void unsafe_fixes_wait_to_be_asked_for(void **state)
{
    (void)state;
    int calls;
    quarrel = PEACE;
    const char *text = "batch_size: &b 256\naccumulate: 1\nnum_workers: 4\neval: *b\n";
    struct fix_result r = fix_text(text, false, &calls);
    assert_int_equal(r.applied.len, 0);
    assert_string_equal(arena_str(&arena, r.text).at, text);
    r = fix_text(text, true, &calls);
    assert_int_equal(r.applied.len, 1);
    assert_string_equal(arena_str(&arena, r.text).at,
                        "batch_size: &b 128\naccumulate: 2\nnum_workers: 4\neval: *b\n");
}

static void fixes_that_undo_one_another_change_nothing(void **state)
{
    (void)state;
    int calls;
    const char *text = "batch_size: 64\naccumulate: 1\nnum_workers: 8\n";
    quarrel = UNDO;
    struct fix_result r = fix_text(text, false, &calls);
    assert_string_equal(arena_str(&arena, r.text).at, text);
    assert_int_equal(r.applied.len, 0);
    assert_int_equal(r.failures.len, 1);
    quarrel = ENDLESS;
    r = fix_text("batch_size: 64\naccumulate: 1\nnum_workers: 3\n", false, &calls);
    assert_int_equal(r.applied.len, 0);
    assert_int_equal(r.failures.len, 1);
    quarrel = PEACE;
}

/* A fix whose text does not do what it promises is given up; others still go in. */
static void a_lying_fix_is_given_up(void **state)
{
    (void)state;
    int calls;
    quarrel = LIAR;
    struct fix_result out =
        fix_text("batch_size: 256\naccumulate: 1\nnum_workers: 9\n", false, &calls);
    quarrel = PEACE;
    assert_string_equal(arena_str(&arena, out.text).at,
                        "batch_size: 256\naccumulate: 1\nnum_workers: 4\n");
    assert_int_equal(out.failures.len, 1);
    assert_non_null(strstr(arena_str(&arena, out.failures.at[0]).at, "TOY001"));
}

static void touching_fixes_wait(void **state)
{
    (void)state;
    struct unit *u = read_yaml("batch_size: 256\naccumulate: 1\nnum_workers: 9\n");
    toy_check(u);
    toy_check(u); /* everything twice */
    struct fixes chosen;
    assert_int_equal(fix_select(&arena, u, false, &chosen), 2);
}

#define CASE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(both_keys_are_replaced),
        CASE(a_missing_key_is_inserted),
        CASE(insertions_at_one_place_keep_their_order),
        CASE(anchors_are_respected),
        CASE(duplicates_are_refused),
        CASE(one_wish_that_fails_fails_all),
        CASE(what_holds_already_is_no_fix),
        CASE(another_effective_batch_is_unsafe),
        CASE(settings_are_removed),
        CASE(json_is_edited_alike),
        CASE(constants_are_edited_where_they_stand),
        CASE(broken_files_are_left_alone),
        CASE(touching_edits_merge_and_overlaps_do_not),
        CASE(code_may_become_a_call),
        CASE(comparing_sees_what_an_edit_does_not_explain),
        CASE(passes_go_on_until_nothing_is_left),
        CASE(unsafe_fixes_wait_to_be_asked_for),
        CASE(fixes_that_undo_one_another_change_nothing),
        CASE(a_lying_fix_is_given_up),
        CASE(touching_fixes_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
