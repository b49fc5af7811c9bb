/* The rule engine over small packs: what fires where, with what severity, message,
 * related places and fix; and the limits of profiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "bind.h"
#include "fix.h"
#include "match.h"
#include "rule.h"
#include "banned.h"

static struct arena arena;
static char dir[] = "/tmp/gpulint-rule-XXXXXX";
static struct pack pack;
static struct rule_settings settings;
static struct rule_option_values options;
static struct targets targets;
static struct rule_context context;

static const char *path_of(const char *name)
{
    return arena_printf(&arena, "%s/%s", dir, name).at;
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    fclose(f);
}

static const char FRAMEWORK[] =
    "framework: f\nsummary: s\nlanguages: [yaml, python]\npriority: 5\n"
    "recognise: [{any_keys: [batch_size, \"**.batch_size\"]}, {imports: [torch]}]\n"
    "keys:\n"
    "  \"**.batch_size\": batch_size\n"
    "  \"**.accum\": gradient_accumulation_steps\n"
    "  \"**.workers\": num_workers\n"
    "  \"**.lr\": learning_rate\n"
    "  \"**.pin\": pin_memory\n"
    "  \"**.eval_bs\": {fact: batch_size, scope: eval}\n"
    "  \"**.env.PYTORCH_CUDA_ALLOC_CONF\": {fact: allocator_conf, insertable: false}\n"
    "defaults: {pin_memory: {value: false, why: f}}\n"
    "sources: [s]\n";

static const char PROFILE[] = "profile: p\nsummary: s\norigin: o\nvram_gb: 12\n"
                              "limits:\n"
                              "  batch_size_max: {value: 128, scales: true}\n"
                              "  workers_max: 4\n"
                              "  tier: {points: {12: 32, 16: 64, 24: 128}, scales: true}\n"
                              "  fixed: {points: {12: 5, 24: 9}}\n"
                              "wants: {pin_memory: true}\n";

/* Rules under test: BODY stands between the head and the examples. */
static const char *rule(const char *id, const char *code, const char *body)
{
    return arena_printf(&arena,
                        "id: %s\ncode: %s\nsummary: s\nseverity: warning\n%s"
                        "why: w\nsources: [s]\nexamples:\n"
                        "  bad: {file: a.yaml, text: a}\n  good: {file: a.yaml, text: a}\n"
                        "  near_miss: {file: a.yaml, text: a}\n",
                        id, code, body)
        .at;
}

static void add_target(const char *id, double vram_gb)
{
    struct target t = {.id = str_from(id), .name = str_from(id), .vram_gb = vram_gb};
    t.usable_bytes = (uint64_t)(vram_gb * 0.98 * 1024 * 1024 * 1024);
    vec_push(&arena, &targets, t);
}

/* A pack of the framework, the profile and one rule. */
static void use_rule(const char *body)
{
    struct findings problems = {0};
    struct err err = {""};
    put("core/r.yaml", rule("r", "MEM001", body));
    if (!pack_load(&arena, dir, &pack, &problems, &err))
        fail_msg("%s: %s", err.message,
                 problems.len ? arena_str(&arena, problems.at[0].message).at : "");
    settings = (struct rule_settings){0};
    options = (struct rule_option_values){0};
    targets = (struct targets){0};
    add_target("12GB", 12);
    context = (struct rule_context){.pack = &pack,
                                    .profile = pack_find_profile(&pack, STR("p")),
                                    .targets = &targets,
                                    .settings = &settings,
                                    .options = &options};
}

static struct unit *read_unit(const char *path, const char *text)
{
    struct unit *u = arena_new(&arena, struct unit);
    source_init(&u->source, &u->arena, str_from(path), str_from(text),
                language_of_path(str_from(path)));
    front_parse(&u->arena, &u->source, &u->doc);
    bind_document(&u->arena, &pack, &u->doc, NULL, &u->runs);
    return u;
}

static void show_fix(struct buf *b, struct unit *u, const struct fix *fix)
{
    buf_printf(b, "  %s fix: %.*s", safety_name(fix->safety), STR_ARG(fix->description));
    if (fix->reason.len)
        buf_printf(b, " (%.*s)", STR_ARG(fix->reason));
    buf_byte(b, '\n');
    if (fix->edits.len)
        buf_add(b, fix_apply(&u->arena, &u->source, &fix->edits));
}

static const char *show(struct unit *u)
{
    struct buf b = buf_new(&arena);
    for (size_t i = 0; i < u->findings.len; i++) {
        const struct finding *f = &u->findings.at[i];
        struct place p = source_place(&u->source, f->span.from);
        buf_printf(&b, "%u:%u '%.*s' %s %.*s", p.line, p.column,
                   STR_ARG(source_quote(&u->source, f->span)), severity_name(f->severity),
                   STR_ARG(f->message));
        if (f->run.len)
            buf_printf(&b, " run=%.*s", STR_ARG(f->run));
        if (f->gpu.len)
            buf_printf(&b, " gpu=%.*s", STR_ARG(f->gpu));
        if (f->help.len)
            buf_printf(&b, " help=%.*s", STR_ARG(f->help));
        buf_byte(&b, '\n');
        for (size_t k = 0; k < f->related.len; k++)
            buf_printf(&b, "  %.*s\n", STR_ARG(f->related.at[k].message));
        if (f->fix)
            show_fix(&b, u, f->fix);
    }
    const char *text = arena_str(&arena, buf_str(&b)).at;
    arena_free(&u->arena);
    return text;
}

static const char *lint(const char *path, const char *text)
{
    struct unit *u = read_unit(path, text);
    rule_check_unit(&context, u);
    return show(u);
}

static void expect_same(const char *got, const char *wanted)
{
    if (strcmp(got, wanted) != 0)
        fail_msg("got\n%s\nnot\n%s", got, wanted);
}

#define EXPECT(path, text, wanted) expect_same(lint((path), (text)), (wanted))

#define OVER_LIMIT                                                                         \
    "scope: run\nper_gpu: true\nwhen: batch_size > limit.batch_size_max\nat: batch_size\n" \
    "related: [gradient_accumulation_steps]\n"                                             \
    "message: \"{key(batch_size)} {batch_size} is over {limit.batch_size_max}\"\n"         \
    "help: \"{if(known(num_workers), 'h', num_workers)}\"\n"                               \
    "fix:\n  safety: safe\n  set:\n    batch_size: limit.batch_size_max\n"                 \
    "    gradient_accumulation_steps: coalesce(gradient_accumulation_steps, 1) * "         \
    "batch_size"                                                                           \
    " // limit.batch_size_max\n"                                                           \
    "  unsafe_when: [{when: 'not divides(limit.batch_size_max, batch_size)', "             \
    "reason: '{batch_size} does not divide'}]\n"

static void test_run(void **state)
{
    (void)state;
    use_rule(OVER_LIMIT);
    EXPECT("a.yaml", "batch_size: 128\naccum: 1\n", "");
    EXPECT("a.yaml", "batch_size: auto\naccum: 1\n", "");
    EXPECT("a.yaml", "batch_size: 256 # big\naccum: 2\n",
           "1:1 'batch_size: 256' warning batch_size 256 is over 128 gpu=12GB\n"
           "  accum = 2 here\n"
           "  safe fix: batch_size 256 -> 128, accum 2 -> 4\n"
           "batch_size: 128 # big\naccum: 4\n");
    /* Not a divisor: the effective batch changes, so it is unsafe. */
    const char *got = lint("a.yaml", "batch_size: 300\naccum: 1\n");
    assert_non_null(strstr(got,
                           "unsafe fix: batch_size 300 -> 128, accum 1 -> 2 (300 does not "
                           "divide"));
    /* A setting for evaluation never decides. */
    EXPECT("a.yaml", "eval_bs: 512\nbatch_size: 8\n", "");
    /* Key and value on two lines: the key alone is marked; a broken file gets no fix. */
    got = lint("a.yaml", "batch_size:\n  256\naccum: 2\n");
    assert_true(strstr(got, "1:1 'batch_size' warning") == got);
    got = lint("a.yaml", "batch_size: 256\naccum: [1\nx: 2\n");
    assert_null(strstr(got, "fix"));
}

static void test_gpus(void **state)
{
    (void)state;
    use_rule(OVER_LIMIT);
    add_target("6GB", 6);
    add_target("24GB", 24);
    EXPECT("a.yaml", "batch_size: 256\naccum: 1\n",
           "1:1 'batch_size: 256' warning batch_size 256 is over 128 gpu=12GB\n"
           "  accum = 1 here\n"
           "1:1 'batch_size: 256' warning batch_size 256 is over 64 gpu=6GB\n"
           "  accum = 1 here\n"
           "  safe fix: batch_size 256 -> 64, accum 1 -> 4\n"
           "batch_size: 64\naccum: 4\n");
}

static void test_wishes(void **state)
{
    (void)state;
    use_rule("scope: run\nwhen: batch_size > 1\nat: num_workers\nrelated: [batch_size]\n"
             "message: m\nfix: {safety: safe, set: {batch_size: 'num_workers', "
             "num_workers: '2'}}\n");
    /* A wish without a value: nothing is changed at all. */
    EXPECT("a.yaml", "lr: 1\nbatch_size: 8\n", "2:1 'batch_size: 8' warning m\n");
    /* Wishes that hold already are left out. */
    EXPECT("a.yaml", "batch_size: 8\nworkers: 2\n",
           "2:1 'workers: 2' warning m\n  batch_size = 8 here\n"
           "  unsafe fix: batch_size 8 -> 2 (the effective batch changes from 8 to 2)\n"
           "batch_size: 2\nworkers: 2\n");
    use_rule("scope: run\nwhen: batch_size > 1\nmessage: m\n"
             "fix: {safety: unsafe, remove: [num_workers]}\n");
    EXPECT("a.yaml", "lr: 1\nbatch_size: 8\n", "1:1 'lr: 1' warning m\n");
    EXPECT("a.yaml", "workers: 2\nbatch_size: 8\n",
           "1:1 'workers: 2' warning m\n  unsafe fix: workers 2 removed\nbatch_size: 8\n");
    use_rule("scope: run\nwhen: batch_size > 1\nmessage: m\nat: batch_size\n"
             "fix: {safety: safe, set: {batch_size: '0'}}\n");
    EXPECT("a.yaml", "batch_size: 8\n", "1:1 'batch_size: 8' warning m\n");
}

static void test_names(void **state)
{
    (void)state;
    use_rule(
        "scope: run\nat: batch_size\n"
        "when: settings.extra == 'x' and not conflicts.batch_size\n"
        "message: \"{framework} {language} {loader} {profile.id} {want.pin_memory} "
        "{gpu.id} {gpu.vram_gb} {limit.workers_max} {effective_batch_size} "
        "{value(learning_rate)} {learning_rate} {default(pin_memory)} {key(num_workers)} "
        "{profile.chosen} {estimate.total}\"\n");
    EXPECT(
        "a.yaml", "batch_size: 8\naccum: 4\nlr: 0.00010\nextra: x\n",
        "1:1 'batch_size: 8' warning f yaml pyyaml p true 12GB 12 4 32 0.00010 0.0001 true "
        "num_workers false unknown\n");
    EXPECT("a.yaml", "batch_size: 8\nextra: y\n", "");
    EXPECT("a.yaml", "batch_size: 8\nextra: x\na: {extra: y}\n", "");
    EXPECT("a.yaml", "batch_size: 8\na: {batch_size: 9}\nextra: x\n", "");
}

static void test_conflicts(void **state)
{
    (void)state;
    use_rule("scope: run\nat: batch_size\nwhen: conflicts.batch_size\nmessage: m\n");
    EXPECT("a.yaml", "a: {batch_size: 8}\nb: {batch_size: 9}\n",
           "2:5 'batch_size: 9' warning m\n");
    EXPECT("a.yaml", "a: {batch_size: 8}\nb: {batch_size: 8}\n", "");
    EXPECT("a.yaml", "a: {batch_size: 8}\nb: {eval_bs: 9}\n", "");
    EXPECT("a.py", "import torch; lr = 1\nC = {'batch_size': 8}\ndef f():\n    g(batch_size=9)\n",
           "4:7 'batch_size=9' warning m\n");
    /* Two functions are two programs; a signature's default is there to be overridden. */
    EXPECT("a.py",
           "import torch\ndef f():\n    g(batch_size=8)\ndef h():\n    g(batch_size=9)\n",
           "");
    EXPECT("a.py", "import torch\ndef f(batch_size=8):\n    g(batch_size=9)\n", "");
}

static void test_setting(void **state)
{
    (void)state;
    use_rule("scope: setting\nlanguages: [yaml]\n"
             "when: setting.kind == 'string' and setting.fact_type == 'float' and "
             "setting.style == 'plain'\n"
             "message: \"{setting.key} is the text '{setting.value}'\"\n"
             "fix: {safety: safe, setting_text: \"sub(setting.text, '^(\\\\d+)e', "
             "'$1.0e')\"}\n");
    EXPECT("a.yaml", "batch_size: 8\nlr: 1e-5 # c\nname: 1e-5\n",
           "2:1 'lr: 1e-5' warning lr is the text '1e-5'\n"
           "  safe fix: lr 1e-5 -> 1.0e-5\nbatch_size: 8\nlr: 1.0e-5 # c\nname: 1e-5\n");
    EXPECT("a.yaml", "batch_size: 8\nlr: '1e-5'\n", "");
    EXPECT("a.yaml", "batch_size: 8\nlr: 1.0e-5\n", "");
    /* A value that others share through an anchor is told, not rewritten. */
    const char *got = lint("a.yaml", "batch_size: 8\nlr: &a 1e-5\nb: *a\n");
    assert_non_null(strstr(got, "lr is the text"));
    assert_null(strstr(got, "fix"));
}

#define LOOP                                                                               \
    "def train(loader):\n    total = 0\n    for x in loader:\n        loss = f(x)\n"

static void test_source(void **state)
{
    (void)state;
    use_rule("scope: source\npatterns:\n"
             "  - find: '^[ \\t]*(?<total>\\w+)[ \\t]*\\+=[ \\t]*(?<value>loss)[ \\t]*$'\n"
             "    report: value\n    inside: [loop]\n    file_lacks: 'no_rule'\n"
             "    function_has: 'backward'\n    before_has: 'import torch'\n"
             "    before_lacks: 'detach'\n    loop_lacks: 'item'\n"
             "when: total != 'skipped'\n"
             "message: \"{total} keeps {value}\"\n"
             "fix: {safety: safe, group: value, where: after, with: '.item()'}\n");
    EXPECT("a.py", "import torch\n" LOOP "        loss.backward()\n        total += loss\n",
           "7:18 'loss' warning total keeps loss\n  safe fix: .item() added\n"
           "import torch\n" LOOP "        loss.backward()\n        total += loss.item()\n");
    EXPECT("a.py",
           "import torch\n" LOOP "        loss.backward()\n        skipped += loss\n", "");
    EXPECT("a.py", "import torch\n" LOOP "        # backward\n        total += loss\n", "");
    EXPECT("a.py", "import torch\n" LOOP "        loss.backward()\n    total += loss\n",
           "");
    EXPECT("a.py", LOOP "        loss.backward()\n        total += loss\n", "");
    EXPECT("a.py",
           "import torch\n" LOOP "        loss.backward().item()\n        total += loss\n",
           "");
    EXPECT("a.py",
           "import torch\nno_rule = 1\n" LOOP
           "        loss.backward()\n        total += loss\n",
           "");
    EXPECT("a.py",
           "import torch\ndetach()\n" LOOP
           "        loss.backward()\n        total += loss\n",
           "");
    EXPECT("a.py", "import torch\nx = '''\n        total += loss\n'''\n", "");
}

static void test_source_text(void **state)
{
    (void)state;
    use_rule("scope: source\npatterns: [{find: 'set\\((?<name>[^)]*)\\)'}]\n"
             "when: matches(name, 'ALLOC')\nmessage: \"{name}\"\n");
    EXPECT("a.py", "set('PYTORCH_ALLOC')\nset('x')\n",
           "1:1 'set('PYTORCH_ALLOC')' warning 'PYTORCH_ALLOC'\n");
}

static void say(const char *selector, int what, enum severity severity)
{
    struct rule_setting s = {.selector = str_from(selector), .severity = severity};
    s.what = what == RULE_SELECT   ? RULE_SELECT
             : what == RULE_IGNORE ? RULE_IGNORE
                                   : RULE_SEVERITY;
    vec_push(&arena, &settings, s);
}

static enum severity severity_now(void)
{
    return rule_severity(&context, &pack.rules.at[0]);
}

static void forget(void)
{
    settings = (struct rule_settings){0};
}

static void test_severity(void **state)
{
    (void)state;
    use_rule("scope: run\nthumb: true\nwhen: batch_size > 1\nmessage: m\n");
    assert_int_equal(severity_now(), SEVERITY_INFO);
    context.profile_chosen = true;
    assert_int_equal(severity_now(), SEVERITY_WARNING);
    say("MEM", RULE_IGNORE, 0);
    assert_int_equal(severity_now(), SEVERITY_OFF);
    say("ALL", RULE_SELECT, 0); /* less specific: the family stays ignored */
    assert_int_equal(severity_now(), SEVERITY_OFF);
    say("r", RULE_SELECT, 0);
    assert_int_equal(severity_now(), SEVERITY_WARNING);
    say("MEM001", RULE_IGNORE, 0); /* equally specific: the later wins */
    assert_int_equal(severity_now(), SEVERITY_OFF);
    forget();
    say("LDR", RULE_SELECT, 0);
    assert_int_equal(severity_now(), SEVERITY_OFF);
    forget();
    say("MEM001", RULE_SEVERITY, SEVERITY_ERROR);
    say("MEM", RULE_SEVERITY, SEVERITY_INFO);
    assert_int_equal(severity_now(), SEVERITY_ERROR);
    say("r", RULE_SEVERITY, SEVERITY_OFF);
    assert_int_equal(severity_now(), SEVERITY_OFF);
    EXPECT("a.yaml", "batch_size: 8\n", "");
}

static void test_preview(void **state)
{
    (void)state;
    use_rule("scope: run\npreview: true\nwhen: batch_size > 1\nmessage: m\n");
    assert_int_equal(severity_now(), SEVERITY_OFF);
    say("ALL", RULE_SELECT, 0);
    say("MEM", RULE_SELECT, 0);
    assert_int_equal(severity_now(), SEVERITY_OFF);
    say("r", RULE_SELECT, 0);
    assert_int_equal(severity_now(), SEVERITY_WARNING);
}

static void test_options_and_filters(void **state)
{
    (void)state;
    use_rule("scope: run\nwhen: batch_size > option.most\nmessage: \"{option.most}\"\n"
             "options: {most: {default: 4, help: h}}\nframeworks: [f]\nprofiles: [p]\n");
    EXPECT("a.yaml", "batch_size: 8\n", "1:1 'batch_size: 8' warning 4\n");
    struct rule_option_value o = {STR("MEM001"), STR("most"), VALUE_OF_INT(8)};
    vec_push(&arena, &options, o);
    EXPECT("a.yaml", "batch_size: 8\n", "");
    EXPECT("a.yaml", "batch_size: 9\n", "1:1 'batch_size: 9' warning 8\n");
    context.profile = NULL;
    EXPECT("a.yaml", "batch_size: 9\n", "");
    use_rule("scope: run\nwhen: batch_size > 1\nmessage: m\nnot_frameworks: [f]\n");
    EXPECT("a.yaml", "batch_size: 9\n", "");
    use_rule("scope: run\nwhen: batch_size > 1\nmessage: m\nlanguages: [python]\n");
    EXPECT("a.yaml", "batch_size: 9\n", "");
}

static void expect_limit(const char *name, double vram, double wanted, bool was_scaled)
{
    double limit = 0;
    bool scaled = false;
    targets.len = 0;
    add_target("x", vram);
    assert_true(
        rule_limit(context.profile, &targets.at[0], str_from(name), &limit, &scaled));
    if (limit != wanted || scaled != was_scaled)
        fail_msg("%s at %g GB is %g (%d)", name, vram, limit, scaled);
}

static void test_limits(void **state)
{
    double limit;
    bool scaled;
    (void)state;
    use_rule("scope: run\nwhen: true\nmessage: m\n");
    expect_limit("batch_size_max", 12, 128, false);
    expect_limit("batch_size_max", 24, 256, true);
    expect_limit("batch_size_max", 16, 128, true);
    expect_limit("batch_size_max", 10, 64, true);
    expect_limit("batch_size_max", 0.05, 1, true);
    expect_limit("workers_max", 80, 4, false);
    expect_limit("tier", 16, 64, false);
    expect_limit("tier", 48, 256, true);
    expect_limit("tier", 8, 16, true);
    expect_limit("fixed", 80, 9, false);
    expect_limit("fixed", 8, 5, false);
    /* What the driver of a 24 GB card keeps must not halve its limit. */
    targets.at[0].vram_gb = 24;
    targets.at[0].usable_bytes = (uint64_t)(24564 * 0.98 * 1024 * 1024);
    assert_true(rule_limit(context.profile, &targets.at[0], STR("batch_size_max"), &limit,
                           &scaled));
    assert_true(limit == 256);
    assert_false(rule_limit(context.profile, &targets.at[0], STR("none"), &limit, &scaled));
}

static void test_project(void **state)
{
    struct units units = {0};
    (void)state;
    use_rule(
        "scope: project\nwhen: unknown(project.any.allocator_conf) and project.runs == 2 "
        "and "
        "project.files == 2 and not project.all_set.learning_rate\n"
        "message: \"{project.any.batch_size}\"\n"
        "fix: {safety: safe, set: {allocator_conf: \"'expandable_segments:True'\"}}\n");
    vec_push(&arena, &units, read_unit("b.yaml", "lr: 1\nbatch_size: 8\n"));
    vec_push(&arena, &units, read_unit("a.yaml", "x: 1\nbatch_size: 16\n"));
    vec_push(&arena, &units, read_unit("c.yaml", "x: 1\n"));
    rule_check_project(&context, &units);
    assert_string_equal(show(units.at[0]), "");
    assert_string_equal(show(units.at[1]), "1:1 'x: 1' warning 8\n");
    assert_string_equal(show(units.at[2]), "");
}

static void test_project_fix(void **state)
{
    struct units units = {0};
    (void)state;
    use_rule(
        "scope: project\nwhen: unknown(project.any.allocator_conf)\nmessage: m\n"
        "fix: {safety: safe, set: {allocator_conf: \"'expandable_segments:True'\"}}\n");
    vec_push(&arena, &units, read_unit("a.yaml", "batch_size: 8\n"));
    vec_push(&arena, &units, read_unit("b.py", "import torch\nbatch_size = 8; lr = 1\n"));
    rule_check_project(&context, &units);
    /* With a place for the fix, the finding stands in that file; else in the first. */
    const char *yaml = show(units.at[0]), *python = show(units.at[1]);
    assert_string_equal(yaml, "");
    assert_non_null(strstr(python,
                           "import os\nos.environ.setdefault(\"PYTORCH_CUDA_ALLOC_CONF\", "
                           "\"expandable_segments:True\")\nimport torch\n"));
}

static void test_several_runs(void **state)
{
    static const char text[] = "class A:\n    batch_size = 256\n    accum = 1\n\n\n"
                               "class B:\n    batch_size = 512\n    accum = 1\n";
    (void)state;
    use_rule(OVER_LIMIT);
    struct unit *u = read_unit("a.py", text);
    size_t runs = u->runs.len;
    rule_check_unit(&context, u);
    const char *got = show(u);
    if (runs > 1) {
        assert_non_null(strstr(got, "run=A"));
        assert_non_null(strstr(got, "run=B"));
    } else {
        assert_null(strstr(got, "run="));
    }
}

/* --- hostile ------------------------------------------------------------- */

static unsigned seed = 99;

static unsigned chance(unsigned below)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 8) % below;
}

static void test_hostile(void **state)
{
    static const char *const bits[] = {"batch_size: ",
                                       "256",
                                       "\n",
                                       "accum: ",
                                       "1",
                                       "  ",
                                       "lr: 1e-5",
                                       "- ",
                                       "{",
                                       "}",
                                       "[",
                                       "]",
                                       "&a ",
                                       "*a",
                                       "'",
                                       "\"",
                                       "import torch\n",
                                       "batch_size = 256\n",
                                       "for x in loader:\n    ",
                                       "total += loss\n",
                                       "def f():\n",
                                       "class C:\n",
                                       "(",
                                       ")",
                                       "#",
                                       ": ",
                                       "\xff",
                                       "\r\n"};
    (void)state;
    use_rule(OVER_LIMIT);
    put("core/s.yaml",
        rule("s", "MEM002",
             "scope: source\npatterns: [{find: '\\+=[ ]*(?<v>\\w+)', inside: [loop]}]\n"
             "message: \"{v}\"\nfix: {safety: safe, group: v, with: x}\n"));
    put("core/t.yaml",
        rule("t", "YML001",
             "scope: setting\nwhen: setting.kind == 'string'\nmessage: \"{setting.path}\"\n"
             "fix: {safety: safe, setting_text: setting.text + 'x'}\n"));
    struct findings problems = {0};
    assert_true(pack_load(&arena, dir, &pack, &problems, NULL));
    context.profile = pack_find_profile(&pack, STR("p"));
    for (int i = 0; i < 3000; i++) {
        struct arena_mark mark = arena_mark(&arena);
        struct buf b = buf_new(&arena);
        for (unsigned n = chance(30); n > 0; n--)
            buf_cstr(&b, bits[chance(sizeof bits / sizeof *bits)]);
        lint(chance(2) ? "a.yaml" : "a.py", arena_str(&arena, buf_str(&b)).at);
        arena_release(&arena, mark);
    }
    unlink(path_of("core/s.yaml"));
    unlink(path_of("core/t.yaml"));
}

static const char *const FOLDERS[] = {"core", "bind", "profiles"};

static int make_folders(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    for (size_t i = 0; i < 3; i++)
        mkdir(path_of(FOLDERS[i]), 0700);
    put("bind/f.yaml", FRAMEWORK);
    put("profiles/p.yaml", PROFILE);
    return 0;
}

static int drop_folders(void **state)
{
    (void)state;
    unlink(path_of("core/r.yaml"));
    unlink(path_of("bind/f.yaml"));
    unlink(path_of("profiles/p.yaml"));
    for (size_t i = 0; i < 3; i++)
        rmdir(path_of(FOLDERS[i]));
    rmdir(dir);
    arena_free(&arena);
    match_free_all();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_gpus),
        cmocka_unit_test(test_wishes),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_setting),
        cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_source),
        cmocka_unit_test(test_source_text),
        cmocka_unit_test(test_severity),
        cmocka_unit_test(test_preview),
        cmocka_unit_test(test_options_and_filters),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_project),
        cmocka_unit_test(test_project_fix),
        cmocka_unit_test(test_several_runs),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests_name("rule", tests, make_folders, drop_folders);
}
