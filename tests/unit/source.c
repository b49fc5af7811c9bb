#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "source.h"

static struct arena arena;

static struct source of(struct str text)
{
    struct source s;
    source_init(&s, &arena, STR("x.yaml"), text, LANGUAGE_YAML);
    return s;
}

static void assert_place(struct source *s, uint32_t offset, uint32_t line, uint32_t column)
{
    struct place p = source_place(s, offset);
    assert_int_equal(p.line, line);
    assert_int_equal(p.column, column);
}

static void places_count_code_points_and_all_line_ends(void **state)
{
    (void)state;
    struct source s = of(STR("a\r\n\xC3\xA9z\rc\n"));
    assert_place(&s, 0, 1, 1);
    assert_place(&s, 3, 2, 1);
    assert_place(&s, 5, 2, 2);
    assert_place(&s, 7, 3, 1);
    assert_place(&s, 9, 4, 1);
    struct source empty = of(STR(""));
    assert_place(&empty, 0, 1, 1);
}

static void a_bom_is_no_column(void **state)
{
    (void)state;
    struct source s = of(STR("\xEF\xBB\xBF"
                             "ab\n"));
    uint32_t start;
    assert_int_equal(s.body, 3);
    assert_place(&s, 4, 1, 2);
    assert_true(str_eq(source_line(&s, 5, &start), STR("ab")));
    assert_int_equal(start, 3);
}

static void encodings(void **state)
{
    (void)state;
    assert_int_equal(of(STR("\xFF\xFE"
                            "a\0"))
                         .encoding,
                     ENCODING_UTF16);
    assert_int_equal(of(STR("\xFF\xFE\0\0")).encoding, ENCODING_UTF32);
    struct source s = of(STR("ab\xED\xA0\x80"));
    assert_int_equal(s.encoding, ENCODING_BROKEN);
    assert_int_equal(s.bad_byte, 2);
    assert_int_equal(of(STR("\xC0\x80")).encoding, ENCODING_BROKEN);
    assert_int_equal(of(STR("\xF0\x9F\x98\x80")).encoding, ENCODING_UTF8);
    assert_int_equal(of(STR("\xF0\x9F\x98")).encoding, ENCODING_BROKEN);
}

static void newlines_and_names(void **state)
{
    (void)state;
    struct source crlf = of(STR("a\r\nb\n")), cr = of(STR("a\rb")), none = of(STR("a"));
    assert_true(str_eq(source_newline(&crlf), STR("\r\n")));
    assert_true(str_eq(source_newline(&cr), STR("\r")));
    assert_true(str_eq(source_newline(&none), STR("\n")));
    assert_int_equal(language_of_path(STR("a/b.jsonc")), LANGUAGE_JSON);
    assert_int_equal(language_of_path(STR("yaml")), LANGUAGE_NONE);
    assert_true(str_eq(source_quote(&crlf, (struct span){0, 99}), crlf.text));
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct source s;
    struct err err = {""};
    assert_false(source_load(&s, &arena, "/nonexistent/x.yaml", LANGUAGE_YAML, &err));
    assert_non_null(strstr(err.message, "/nonexistent/x.yaml"));
    assert_false(source_load(&s, &arena, "/", LANGUAGE_YAML, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_count_code_points_and_all_line_ends),
        cmocka_unit_test(a_bom_is_no_column),
        cmocka_unit_test(encodings),
        cmocka_unit_test(newlines_and_names),
        cmocka_unit_test(a_file_that_is_not_there_is_an_error),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return rc;
}
