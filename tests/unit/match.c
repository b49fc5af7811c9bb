#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "match.h"

static const struct pattern *compiled(const char *text)
{
    struct err err = {""};
    const struct pattern *p = match_pattern(str_from(text), &err);
    if (!p)
        fail_msg("%s: %s", text, err.message);
    return p;
}

static void groups_have_offsets(void **state)
{
    (void)state;
    const struct pattern *p = compiled("(?<key>\\w+)=(x)?(?<value>\\d+)");
    struct str s = STR("  lr=3 bs=x16");
    struct match m;
    assert_true(match_find(p, s, 0, &m));
    assert_int_equal(m.group[0].from, 2);
    assert_int_equal(m.group[0].to, 6);
    assert_int_equal(match_group_number(p, "value"), 3);
    assert_int_equal(match_group_number(p, "other"), -1);
    assert_int_equal(m.group[3].from, 5);
    assert_int_equal(m.group[2].from, UINT32_MAX);
    assert_int_equal(m.group[15].to, UINT32_MAX);
    assert_true(match_find(p, s, m.group[0].to, &m));
    assert_int_equal(m.group[2].from, 10);
    assert_int_equal(m.count, 4);
    assert_false(match_find(p, s, 9, &m) && m.group[1].from < 9);
    assert_false(match_find(p, s, s.len + 1, &m));
}

static void whole_means_both_ends(void **state)
{
    (void)state;
    const struct pattern *p = compiled("(eval|val)_batch");
    assert_true(match_whole(p, STR("val_batch")));
    assert_true(match_whole(p, STR("eval_batch")));
    assert_false(match_whole(p, STR("my_val_batch")));
    assert_false(match_whole(p, STR("val_batch\n")));
    assert_false(match_whole(p, STR("")));
    assert_true(match_whole(compiled("a*"), STR("")));
}

static void patterns_are_bytes_and_single_line(void **state)
{
    (void)state;
    struct match m;
    assert_false(match_find(compiled("^b"), STR("a\nb"), 0, &m));
    assert_true(match_find(compiled("(?m)^b"), STR("a\nb"), 0, &m));
    assert_false(match_whole(compiled("\\w"), STR("\xC3\xA9")));
    assert_true(match_whole(compiled(".."), STR("\xC3\xA9")));
    assert_true(match_find(compiled("b"), (struct str){"a\0b", 3}, 0, &m));
    assert_null(match_pattern(STR("(*UTF)a"), NULL));
}

static void the_same_text_gives_the_same_pattern(void **state)
{
    (void)state;
    char copy[] = "a+b";
    assert_ptr_equal(compiled("a+b"), compiled(copy));
    assert_ptr_not_equal(compiled("a+b"), compiled("a+c"));
    match_free_all();
    assert_true(match_whole(compiled("a+b"), STR("aab")));
}

static void bad_patterns_are_told(void **state)
{
    (void)state;
    struct err err = {""};
    assert_null(match_pattern(STR("a(b"), &err));
    assert_non_null(strstr(err.message, "offset 3"));
    assert_null(match_pattern(STR("a(b"), &err));
}

static void no_pattern_hangs(void **state)
{
    (void)state;
    char text[4000];
    memset(text, 'a', sizeof text);
    clock_t start = clock();
    struct match m;
    assert_false(match_find(compiled("(a+)+$b"), (struct str){text, sizeof text}, 0, &m));
    assert_false(match_whole(compiled("(a|aa)*c"), (struct str){text, sizeof text}));
    assert_true((clock() - start) / CLOCKS_PER_SEC < 5);
}

static void starts_can_be_limited(void **state)
{
    (void)state;
    const struct pattern *p = compiled("ab*c");
    struct str s = STR("....abbbbc....ac");
    struct match m;
    assert_int_equal(match_find_within(p, s, 0, 3, &m), MATCH_NONE);
    assert_int_equal(match_find_within(p, s, 0, 4, &m), MATCH_FOUND);
    assert_int_equal(m.group[0].to, 10);
    assert_int_equal(match_find_within(p, s, 5, 13, &m), MATCH_NONE);
    assert_int_equal(match_find_within(p, s, 5, s.len, &m), MATCH_FOUND);
    assert_int_equal(m.group[0].from, 14);
    char text[4000];
    memset(text, 'a', sizeof text);
    assert_int_equal(match_find_within(compiled("(a+)+$[^a]"),
                                       (struct str){text, sizeof text}, 0, 0, &m),
                     MATCH_GAVE_UP);
}

/* In a text too long to be run through at once, only the words of a pattern are looked for
 * first: that must never lose a match. */
static void words_lose_no_match(void **state)
{
    (void)state;
    static const char *const hits[][2] = {
        {"a.backward(x)", "(?m)^[ \\t]*(?:\\w+\\.)?backward\\b"},
        {"step", "(?:optim|sched)?(?:step|zero)"},
        {"abc", "abcd?e*"},
        {"abcabc", "(?:abc){2}"},
        {"x", "(?:abc){0,3}x"},
        {"aXYZ", "a(?!bcd)(?=XYZ)"},
        {"loss", "(?i)LOSS"},
        {"a.b*c", "\\Qa.b*c\\E"},
        {"ab]c", "[]abc]+c"},
        {"foofoo", "(?<x>foo)\\k<x>"},
        {"barbar", "(?|foo(x)|bar)\\Bbar"},
        {"colour", "colou?r|grey"},
        {"ddd", "(?<!abc)d{2,}"},
        {"a", "(?:abc|)a"},
        {"abcc", "abc+c"},
    };
    for (size_t i = 0; i < sizeof hits / sizeof *hits; i++) {
        char text[200];
        int n = snprintf(text, sizeof text, "%s%99s", hits[i][0], "");
        struct match m;
        if (!match_find(compiled(hits[i][1]), (struct str){text, (size_t)n}, 0, &m))
            fail_msg("%s is lost to %s", hits[i][0], hits[i][1]);
        assert_false(match_find(compiled("(?:word|other)s"), (struct str){text, (size_t)n}, 0,
                                &m));
    }
}

static void *ask_many(void *failed)
{
    for (int i = 0; i < 200; i++) {
        char text[32];
        struct match m;
        snprintf(text, sizeof text, "(\\w)%d", i);
        const struct pattern *p = match_pattern(str_from(text), NULL);
        snprintf(text, sizeof text, "..x%d..", i);
        *(bool *)failed |= !p || !match_find(p, str_from(text), 0, &m) || m.group[1].from != 2;
    }
    match_thread_end();
    return NULL;
}

static void any_thread_may_ask(void **state)
{
    (void)state;
    pthread_t threads[4];
    bool failed[4] = {false};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_many, &failed[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_false(failed[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_have_offsets),
        cmocka_unit_test(whole_means_both_ends),
        cmocka_unit_test(patterns_are_bytes_and_single_line),
        cmocka_unit_test(the_same_text_gives_the_same_pattern),
        cmocka_unit_test(bad_patterns_are_told),
        cmocka_unit_test(no_pattern_hangs),
        cmocka_unit_test(starts_can_be_limited),
        cmocka_unit_test(words_lose_no_match),
        cmocka_unit_test(any_thread_may_ask),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    match_free_all();
    return rc;
}
