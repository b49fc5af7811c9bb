#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_have_offsets),
        cmocka_unit_test(whole_means_both_ends),
        cmocka_unit_test(patterns_are_bytes_and_single_line),
        cmocka_unit_test(the_same_text_gives_the_same_pattern),
        cmocka_unit_test(bad_patterns_are_told),
        cmocka_unit_test(no_pattern_hangs),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    match_free_all();
    return rc;
}
