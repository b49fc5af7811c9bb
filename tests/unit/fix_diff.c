/* The unified diff: exact text for the small cases; for random pairs the real patch
 * program must turn the one text into the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fix.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;

static const char *diff(const char *path, const char *before, const char *after)
{
    struct buf b = buf_new(&arena);
    fix_diff(&b, str_from(path), str_from(before), str_from(after));
    return arena_str(&arena, buf_str(&b)).at;
}

static void equal_texts_give_nothing(void **state)
{
    (void)state;
    assert_string_equal(diff("a.yaml", "x\ny\n", "x\ny\n"), "");
    assert_string_equal(diff("a.yaml", "", ""), "");
}

static void one_line_has_three_lines_around(void **state)
{
    (void)state;
    assert_string_equal(
        diff("./d/a.yaml", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
        "--- a/d/a.yaml\n+++ b/d/a.yaml\n@@ -2,7 +2,7 @@\n"
        " 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

static void near_changes_share_a_hunk(void **state)
{
    (void)state;
    const char *joined = diff("a", "a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n");
    assert_ptr_equal(strstr(strstr(joined, "@@ -") + 1, "@@ -"), NULL);
    const char *apart =
        diff("a", "a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n");
    assert_string_equal(apart, "--- a/a\n+++ b/a\n@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n"
                               "@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
}

static void ends_without_newline_are_told(void **state)
{
    (void)state;
    assert_string_equal(diff("a", "x", "y"),
                        "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n"
                        "+y\n\\ No newline at end of file\n");
    assert_string_equal(diff("a", "x\n", "x"), "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+x\n"
                                               "\\ No newline at end of file\n");
}

static void from_and_to_nothing(void **state)
{
    (void)state;
    assert_string_equal(diff("a", "", "x\n"), "--- a/a\n+++ b/a\n@@ -0,0 +1 @@\n+x\n");
    assert_string_equal(diff("a", "x\n", ""), "--- a/a\n+++ b/a\n@@ -1 +0,0 @@\n-x\n");
}

static void odd_names(void **state)
{
    (void)state;
    assert_true(strncmp(diff("my run.yaml", "x\n", ""), "--- a/my run.yaml\t\n", 18) == 0);
    assert_true(strncmp(diff("q\"n\n", "x\n", ""), "--- \"a/q\\042n\\012\"\n", 19) == 0);
}

/* --- against patch -------------------------------------------------------- */

static char folder[64];

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(text, 1, strlen(text), f);
    fclose(f);
}

static void check_with_patch(const char *before, const char *after)
{
    char command[512];
    put("t.yaml", before);
    put("want", after);
    put("d.patch", diff("t.yaml", before, after));
    snprintf(command, sizeof command,
             "cd %s && patch --binary -s -p1 < d.patch && cmp -s t.yaml want", folder);
    if (system(command) != 0)
        fail_msg("patch does not give\n%s\nfrom\n%s\nby\n%s", after, before,
                 diff("t.yaml", before, after));
}

static char *random_text(unsigned *seed, const char *end)
{
    static const char *const lines[] = {"a", "b: 1", "", "c", "- x", "# n"};
    struct buf b = buf_new(&arena);
    size_t count = (*seed = *seed * 1103515245 + 12345) / 65536 % 14;
    for (size_t i = 0; i < count; i++) {
        *seed = *seed * 1103515245 + 12345;
        buf_cstr(&b, lines[*seed / 65536 % 6]);
        if (i + 1 < count || *seed / 4096 % 3)
            buf_cstr(&b, end);
    }
    return (char *)(uintptr_t)arena_str(&arena, buf_str(&b)).at;
}

static void patch_agrees(void **state)
{
    (void)state;
    if (system("patch --version > /dev/null 2>&1") != 0) {
        print_message("skipped: no patch program\n");
        skip();
    }
    snprintf(folder, sizeof folder, "/tmp/gpulint-XXXXXX");
    assert_non_null(mkdtemp(folder));
    unsigned seed = 1;
    for (int i = 0; i < 150; i++) {
        const char *end = i % 3 ? "\n" : "\r\n";
        const char *before = random_text(&seed, end), *after = random_text(&seed, end);
        if (strcmp(before, after) != 0 && *before && *after)
            check_with_patch(before, after);
    }
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

/* Beyond the bound of differences the middle is replaced, and time stays small. */
static void very_different_texts(void **state)
{
    (void)state;
    struct buf x = buf_new(&arena), y = buf_new(&arena);
    for (int i = 0; i < 20000; i++) {
        buf_printf(&x, "x%d\n", i);
        buf_printf(&y, "y%d\n", i);
    }
    struct buf out = buf_new(&arena);
    fix_diff(&out, STR("a"), buf_str(&x), buf_str(&y));
    assert_non_null(strstr(out.at, "@@ -1,20000 +1,20000 @@"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_texts_give_nothing),
        cmocka_unit_test(one_line_has_three_lines_around),
        cmocka_unit_test(near_changes_share_a_hunk),
        cmocka_unit_test(ends_without_newline_are_told),
        cmocka_unit_test(from_and_to_nothing),
        cmocka_unit_test(odd_names),
        cmocka_unit_test(patch_agrees),
        cmocka_unit_test(very_different_texts),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
