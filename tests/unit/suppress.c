/* Ignore comments over hand-made findings: what they hide, what is said of them, and
 * that the fix of an unused one takes the comment and nothing else. */
#include <string.h>

#include "fix.h"
#include "suppress.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;

static const struct rule RULES[] = {
    {.id = STR_INIT("first-rule"),
     .code = STR_INIT("TST001"),
     .severity = SEVERITY_WARNING},
    {.id = STR_INIT("second-rule"), .code = STR_INIT("TST002"), .severity = SEVERITY_ERROR},
    {.id = STR_INIT("per-card"),
     .code = STR_INIT("TST003"),
     .severity = SEVERITY_WARNING,
     .per_gpu = true},
    {.id = STR_INIT("over-all"),
     .code = STR_INIT("TST004"),
     .severity = SEVERITY_WARNING,
     .scope = RULE_PROJECT},
    {.id = STR_INIT("unused-ignore"),
     .code = STR_INIT("SUP002"),
     .severity = SEVERITY_WARNING,
     .scope = RULE_NATIVE},
};
static const struct pack PACK = {.rules = {RULES, sizeof RULES / sizeof *RULES}};
static const struct rule_settings NO_SETTINGS;
static struct rule_context context = {
    .pack = &PACK, .settings = &NO_SETTINGS, .profile_chosen = true};

static struct units read_units;

static struct unit *read_text(const char *path, const char *text)
{
    struct unit *u = arena_new(&arena, struct unit);
    vec_push(&arena, &read_units, u);
    struct str name = str_from(path);
    source_init(&u->source, &u->arena, name, str_from(text), language_of_path(name));
    front_parse(&u->arena, &u->source, &u->doc);
    assert_false(u->doc.broken);
    return u;
}

/* A finding of rule CODE at the first place of QUOTE. */
static void found(struct unit *u, const char *code, const char *quote)
{
    size_t at = str_find(u->source.text, str_from(quote), 0);
    assert_true(at != SIZE_MAX);
    struct span span = {(uint32_t)at, (uint32_t)(at + strlen(quote))};
    struct finding *f = finding_add(&u->arena, &u->findings, &u->source, span, "found");
    f->code = str_from(code);
    f->severity = SEVERITY_WARNING;
}

/* The codes that are left, in the order of the list: "MEM001 SUP002". */
static const char *left(struct unit *u)
{
    suppress_apply(&context, u);
    struct buf b = buf_new(&arena);
    for (size_t i = 0; i < u->findings.len; i++)
        buf_printf(&b, "%s%.*s", i ? " " : "", STR_ARG(u->findings.at[i].code));
    return buf_str(&b).at;
}

static const char *fixed(const struct unit *u)
{
    const struct fix *fix = u->findings.at[0].fix;
    assert_non_null(fix);
    struct str after = fix_apply(&arena, &u->source, &fix->edits);
    struct err err = {""};
    if (!fix_verify(&PACK, u, after, &fix->edits, false, &err))
        fail_msg("%s", err.message);
    return arena_str(&arena, after).at;
}

static void trailing_hides_its_line(void **state)
{
    (void)state;
    struct unit *u =
        read_text("a.yaml", "lr: 1e-5\n"
                            "batch_size: 256  # gpulint: ignore[TST001] measured\n"
                            "workers: 64\n");
    found(u, "TST001", "256");
    found(u, "TST002", "256");
    found(u, "TST001", "64");
    assert_string_equal(left(u), "TST002 TST001");
    assert_int_equal(u->findings.at[1].span.from,
                     strstr(u->source.text.at, "64") - u->source.text.at);
}

static void own_line_hides_the_next_code(void **state)
{
    (void)state;
    struct unit *u = read_text("a.yaml", "# gpulint: ignore[first-rule, TST002]\n"
                                         "\n"
                                         "# why not\n"
                                         "batch_size: 256\n"
                                         "workers: 64\n");
    found(u, "TST001", "256");
    found(u, "TST002", "256");
    found(u, "TST002", "64");
    assert_string_equal(left(u), "TST002");
}

static void file_ignore_hides_everywhere(void **state)
{
    (void)state;
    struct unit *u = read_text("a.yaml", "a: 1\nb: 2\n# gpulint: file-ignore[TST001]\n");
    found(u, "TST001", "1");
    found(u, "TST001", "2");
    assert_string_equal(left(u), "");
}

static void a_second_mark_in_a_comment_counts(void **state)
{
    (void)state;
    struct unit *u = read_text("a.yaml", "a: 1  # by hand  # gpulint: ignore[TST001]\n");
    assert_string_equal(left(u), "SUP002");
    assert_string_equal(fixed(u), "a: 1  # by hand\n");
}

static void prose_is_no_order(void **state)
{
    (void)state;
    struct unit *u = read_text("a.yaml", "a: 1  # see gpulint: ignore[TST001]\n"
                                         "b: 'gpulint: ignore'\n");
    found(u, "TST001", "1");
    assert_string_equal(left(u), "TST001");
}

static void malformed_ones_are_told(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a: 1  # gpulint: ignore\n",
        "a: 1  # gpulint: ignore TST001\n",
        "a: 1  # gpulint: ignore[TST999]\n",
        "a: 1  # gpulint: ignore[]\n",
        "a: 1  # gpulint: off\n",
        "a: 1  # gpulint: ignore[TST\n",
        "a: 1  # gpulint:\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct unit *u = read_text("a.yaml", texts[i]);
        found(u, "TST001", "1");
        assert_string_equal(left(u), "TST001 SUP001");
    }
}

static void unused_ones_can_be_removed(void **state)
{
    (void)state;
    struct unit *u = read_text("a.yaml", "a: 1\t# gpulint: ignore[TST001] why\r\nb: 2\r\n");
    assert_string_equal(left(u), "SUP002");
    assert_string_equal(fixed(u), "a: 1\r\nb: 2\r\n");
    u = read_text("a.yaml", "a:\n  # gpulint: ignore[TST001]\n  b: 2\n");
    assert_string_equal(left(u), "SUP002");
    assert_string_equal(fixed(u), "a:\n  b: 2\n");
    u = read_text("a.yaml", "\xEF\xBB\xBF# gpulint: file-ignore[TST001]\r\nb: 2\n");
    assert_string_equal(left(u), "SUP002");
    assert_string_equal(fixed(u), "\xEF\xBB\xBF"
                                  "b: 2\n");
}

static void a_used_name_stays(void **state)
{
    (void)state;
    struct unit *u = read_text("a.yaml", "a: 1  # gpulint: ignore[TST001,TST002]\n");
    found(u, "TST002", "1");
    assert_string_equal(left(u), "SUP002");
    assert_string_equal(fixed(u), "a: 1  # gpulint: ignore[TST002]\n");
}

static void other_invocations_may_need_it(void **state)
{
    (void)state;
    const char *text = "a: 1  # gpulint: ignore[TST003]\n";
    struct target detected = {.how = STR_INIT("detected")},
                  named = {.how = STR_INIT("--gpu")};
    struct targets one = {&detected, 1, 1};
    context.targets = &one;
    assert_string_equal(left(read_text("a.yaml", text)), ""); /* TST003 is per GPU */
    one.at = &named;
    struct unit *u = read_text("a.yaml", text);
    assert_string_equal(left(u), "SUP002");
    assert_int_equal(u->findings.at[0].fix->safety, FIX_UNSAFE);
    context.only_some = true;
    assert_string_equal(left(read_text("a.yaml", text)), "");
    context.only_some = false;
    assert_string_equal(left(read_text("a.yaml", "a: 1  # gpulint: ignore[TST004]\n")), "");
}

static void json_comments_count(void **state)
{
    (void)state;
    struct unit *u = read_text("a.jsonc", "{\n  // gpulint: ignore[TST001]\n  \"a\": 1,\n"
                                          "  \"b\": 2 /* gpulint: ignore[TST001] */\n}\n");
    found(u, "TST001", "\"a\": 1");
    assert_string_equal(left(u), "SUP002");
    assert_string_equal(fixed(u), "{\n  // gpulint: ignore[TST001]\n  \"a\": 1,\n"
                                  "  \"b\": 2\n}\n");
}

static void about_comments_can_be_ignored(void **state)
{
    (void)state;
    struct unit *u = read_text("a.yaml", "# gpulint: file-ignore[SUP002]\n"
                                         "a: 1  # gpulint: ignore[TST001]\n");
    assert_string_equal(left(u), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trailing_hides_its_line),
        cmocka_unit_test(own_line_hides_the_next_code),
        cmocka_unit_test(file_ignore_hides_everywhere),
        cmocka_unit_test(a_second_mark_in_a_comment_counts),
        cmocka_unit_test(prose_is_no_order),
        cmocka_unit_test(malformed_ones_are_told),
        cmocka_unit_test(unused_ones_can_be_removed),
        cmocka_unit_test(a_used_name_stays),
        cmocka_unit_test(other_invocations_may_need_it),
        cmocka_unit_test(json_comments_count),
        cmocka_unit_test(about_comments_can_be_ignored),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < read_units.len; i++)
        arena_free(&read_units.at[i]->arena);
    arena_free(&arena);
    return failed;
}
