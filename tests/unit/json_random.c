/* Laws of the JSON front end over documents that are made up: in every layout, with
 * comments wherever they may stand. Spans decode to their values; an edit changes what
 * it says and nothing else; damaged bytes never do more than break the document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "front/json.h"

enum { DOCUMENTS = 1500, DAMAGED = 4000 };

/* --- documents ----------------------------------------------------------- */

struct maker {
    struct buf out;
    uint32_t seed;
    const char *newline;
    bool comments, lines, leading, dense;
};

static uint32_t dice(struct maker *m, uint32_t sides)
{
    m->seed = m->seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(m->seed >> 8) * sides >> 24);
}

static void make_comment(struct maker *m)
{
    if (!m->comments || dice(m, 6))
        return;
    static const char *const texts[] = {"/* \"a\": 1, */", "/**/", "/* {\n[ */", "//",
                                        "// \"}, x"};
    uint32_t which = dice(m, 5);
    buf_cstr(&m->out, dice(m, 2) ? " " : "");
    buf_cstr(&m->out, texts[which]);
    if (which > 2)
        buf_cstr(&m->out, m->newline);
}

static void make_blank(struct maker *m, unsigned depth)
{
    make_comment(m);
    if (m->lines && dice(m, 12)) {
        buf_cstr(&m->out, m->newline);
        buf_repeat(&m->out, dice(m, 20) ? ' ' : '\t', 2 * depth);
    } else if (!m->dense) {
        buf_cstr(&m->out, dice(m, 8) ? " " : "");
    }
    make_comment(m);
}

static void make_string(struct maker *m)
{
    static const char *const parts[] = {"a",
                                        "b",
                                        "c",
                                        "lr",
                                        "\\n",
                                        "//",
                                        "\xC3\xA9",
                                        "\\\"",
                                        "\\ud83d\\ude00",
                                        "\xF0\x9F\x98\x80",
                                        "{",
                                        "\\\\",
                                        "'",
                                        "\\u0041",
                                        ","};
    buf_byte(&m->out, '"');
    for (uint32_t n = dice(m, 4); n; n--)
        buf_cstr(&m->out, parts[dice(m, 15)]);
    buf_byte(&m->out, '"');
}

static void make_scalar(struct maker *m)
{
    static const char *const words[] = {
        "0",    "-1",   "12",    "1e-5", "2.5E+3",
        "true", "null", "false", "0.10", "99999999999999999999"};
    if (dice(m, 2))
        make_string(m);
    else
        buf_cstr(&m->out, words[dice(m, 10)]);
}

static void make_value(struct maker *m, unsigned depth);

static void make_separator(struct maker *m, unsigned depth)
{
    if (m->leading) {
        make_blank(m, depth);
        buf_cstr(&m->out, ", ");
        return;
    }
    make_comment(m);
    buf_byte(&m->out, ',');
    make_blank(m, depth);
}

static void make_collection(struct maker *m, unsigned depth)
{
    bool map = depth == 0 || dice(m, 2);
    uint32_t count = dice(m, 5);
    buf_byte(&m->out, map ? '{' : '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i)
            make_separator(m, depth + 1);
        else
            make_blank(m, depth + 1);
        if (map) {
            make_string(m);
            make_comment(m);
            buf_cstr(&m->out, m->dense ? ":" : ": ");
            make_comment(m);
        }
        make_value(m, depth + 1);
    }
    if (count && m->comments && !dice(m, 5))
        buf_byte(&m->out, ',');
    make_blank(m, depth);
    buf_byte(&m->out, map ? '}' : ']');
}

static void make_value(struct maker *m, unsigned depth)
{
    if (depth < 5 && (depth == 0 || !dice(m, 3)))
        make_collection(m, depth);
    else
        make_scalar(m);
}

static struct str make(struct arena *a, uint32_t seed, bool comments, struct maker *m)
{
    static const char *const ends[] = {"\n", "\n", "\r\n", "\r"};
    *m = (struct maker){.out = buf_new(a), .seed = seed * 2654435761u + 17};
    dice(m, 2);
    m->newline = ends[dice(m, 4)];
    m->comments = comments && dice(m, 3);
    m->lines = dice(m, 2);
    m->leading = !dice(m, 4);
    m->dense = !dice(m, 4);
    if (!dice(m, 10))
        buf_cstr(&m->out, "\xEF\xBB\xBF");
    make_value(m, 0);
    return buf_str(&m->out);
}

/* --- reading ------------------------------------------------------------- */

static void read(struct arena *a, struct str text, enum json_mode mode,
                 struct document *doc)
{
    struct source *s = arena_new(a, struct source);
    source_init(s, a, STR("x.jsonc"), text, LANGUAGE_JSON);
    *doc = (struct document){.source = s};
    if (s->encoding == ENCODING_UTF8)
        json_parse(a, doc, mode);
}

static void read_well(struct arena *a, struct str text, struct document *doc)
{
    read(a, text, JSON_LENIENT, doc);
    if (doc->problems.len)
        fail_msg("<%.*s>: %.*s", STR_ARG(text), STR_ARG(doc->problems.at[0].message));
}

static bool inside(struct span inner, struct span outer)
{
    return inner.from >= outer.from && inner.to <= outer.to && inner.from <= inner.to;
}

static void check_spans(const struct document *doc, bool whole)
{
    struct span file = {doc->source->body, (uint32_t)doc->source->text.len};
    uint32_t behind = 0;
    for (size_t i = 0; i < doc->tree.all.len; i++) {
        const struct setting *s = doc->tree.all.at[i];
        struct span outer = s->parent ? s->parent->value_span : file;
        assert_true(inside(s->value_span, outer));
        assert_int_equal(s->id, i);
        assert_true(s->value_span.from >= behind);
        behind = s->value_span.from;
        if (!s->parent || s->parent->kind != SETTING_MAP)
            continue;
        assert_true(inside(s->key_span, outer) && s->key_span.to <= s->value_span.from);
        assert_int_equal(doc->source->text.at[s->key_span.from], '"');
    }
    for (size_t i = 0; whole && i < doc->comments.len; i++)
        assert_true(inside(doc->comments.at[i].span, file));
}

/* What a span quotes is a document of its own with the same value. */
static void check_quotes(struct arena *a, const struct document *doc)
{
    for (size_t i = 0; i < doc->tree.all.len; i++) {
        const struct setting *s = doc->tree.all.at[i];
        struct document part;
        if (s->kind == SETTING_SCALAR) {
            read_well(a, source_quote(doc->source, s->value_span), &part);
            assert_true(value_eq(part.tree.roots.at[0]->value, s->value));
        }
        if (s->key_span.to) {
            read_well(a, source_quote(doc->source, s->key_span), &part);
            assert_true(str_eq(part.tree.roots.at[0]->text, s->key));
        }
    }
}

static void spans_hold(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < DOCUMENTS; seed++) {
        struct arena a = {0};
        struct maker m;
        struct document doc;
        read_well(&a, make(&a, seed, true, &m), &doc);
        check_spans(&doc, true);
        check_quotes(&a, &doc);
        arena_free(&a);
    }
}

static size_t count_items(const cJSON *c)
{
    size_t n = 1;
    for (const cJSON *child = c->child; child; child = child->next)
        n += count_items(child);
    return n;
}

static void cjson_counts_the_same(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < DOCUMENTS; seed++) {
        struct arena a = {0};
        struct maker m;
        struct document doc;
        struct str text = make(&a, seed, false, &m);
        read(&a, text, JSON_STRICT, &doc);
        assert_false(doc.broken);
        cJSON *c = cJSON_ParseWithLength(text.at, text.len);
        assert_non_null(c);
        assert_int_equal(count_items(c), doc.tree.all.len);
        cJSON_Delete(c);
        arena_free(&a);
    }
}

/* --- edits --------------------------------------------------------------- */

static struct str apply(struct arena *a, const struct document *doc, struct edit e)
{
    struct str text = doc->source->text;
    struct buf b = buf_new(a);
    assert_true(e.span.from <= e.span.to && e.span.to <= text.len);
    buf_add(&b, str_slice(text, 0, e.span.from));
    buf_add(&b, e.text);
    buf_add(&b, str_slice(text, e.span.to, text.len));
    return buf_str(&b);
}

static size_t depth_of(const struct setting *s)
{
    size_t depth = 0;
    for (; s->parent; s = s->parent)
        depth++;
    return depth;
}

static bool is_same(const struct setting *x, const struct setting *y)
{
    return x->kind == y->kind && depth_of(x) == depth_of(y) && str_eq(x->key, y->key) &&
           str_eq(x->text, y->text) && x->style == y->style;
}

static size_t subtree(const struct setting *s)
{
    size_t n = 1;
    for (const struct setting *t = s->first; t; t = t->next)
        n += subtree(t);
    return n;
}

/* Both trees are the same once SKIP_X settings of X at AT and SKIP_Y of Y are left out. */
static void check_rest(const struct document *x, size_t skip_x, const struct document *y,
                       size_t skip_y, size_t at)
{
    size_t i = 0, j = 0;
    if (x->tree.all.len - skip_x != y->tree.all.len - skip_y)
        fail_msg("<%.*s> became <%.*s>", STR_ARG(x->source->text),
                 STR_ARG(y->source->text));
    while (i < x->tree.all.len) {
        if (i == at)
            i += skip_x;
        if (j == at)
            j += skip_y;
        if (i >= x->tree.all.len)
            break;
        if (!is_same(x->tree.all.at[i++], y->tree.all.at[j++]))
            fail_msg("<%.*s> became <%.*s>", STR_ARG(x->source->text),
                     STR_ARG(y->source->text));
    }
}

/* Do the comments of FEW stand in MANY, in order? Those of FEW on the lines FIRST to
 * LAST need not. */
static void check_subsequence(struct document *few, const struct document *many,
                              uint32_t first, uint32_t last)
{
    size_t j = 0;
    for (size_t i = 0; i < few->comments.len; i++) {
        struct span span = few->comments.at[i].span;
        struct str text = source_quote(few->source, span);
        uint32_t line = source_place(few->source, span.from).line;
        if (line >= first && line <= last)
            continue;
        while (j < many->comments.len &&
               !str_eq(text, source_quote(many->source, many->comments.at[j].span)))
            j++;
        if (j++ >= many->comments.len)
            fail_msg("%.*s of <%.*s> is not in <%.*s>", STR_ARG(text),
                     STR_ARG(few->source->text), STR_ARG(many->source->text));
    }
}

/* X became Y: no comment is lost but those on the lines of GONE, and none is new. */
static void check_comments(struct document *x, struct document *y,
                           const struct setting *gone)
{
    uint32_t first = 1, last = 0;
    if (gone) {
        struct span key = gone->key_span.to ? gone->key_span : gone->value_span;
        first = source_place(x->source, key.from).line;
        last = source_place(x->source, gone->value_span.to).line;
    }
    /* A comment of several lines takes its last line along. */
    for (size_t i = 0; gone && i < x->comments.len; i++) {
        struct span span = x->comments.at[i].span;
        uint32_t to = source_place(x->source, span.to).line;
        if (span.from > gone->value_span.from &&
            source_place(x->source, span.from).line <= last && to > last)
            last = to;
    }
    check_subsequence(x, y, first, last);
    check_subsequence(y, x, 1, 0);
}

static void try_replace(struct arena *a, struct document *doc, const struct setting *s,
                        struct value v)
{
    struct edit e;
    const char *why = NULL;
    struct document after, again;
    if (!json_edit_replace(a, doc, s, v, &e, &why)) {
        assert_non_null(why);
        return;
    }
    read_well(a, apply(a, doc, e), &after);
    check_rest(doc, subtree(s), &after, subtree(after.tree.all.at[s->id]), s->id);
    check_comments(doc, &after, NULL);
    assert_true(json_edit_replace(a, &after, after.tree.all.at[s->id], v, &e, &why));
    read_well(a, apply(a, &after, e), &again);
    assert_true(str_eq(again.source->text, after.source->text));
}

static void try_insert(struct arena *a, struct document *doc, const struct setting *map,
                       const struct setting *behind, struct value v)
{
    struct edit e;
    const char *why = NULL;
    struct document after, again;
    if (!json_edit_insert(a, doc, map, behind, STR("new"), v, &e, &why)) {
        assert_non_null(why);
        return;
    }
    read_well(a, apply(a, doc, e), &after);
    const struct setting *last = behind ? behind : map->last;
    size_t at = last ? last->id + subtree(last) : map->id + 1;
    const struct setting *s = after.tree.all.at[at];
    assert_true(str_eq(s->key, STR("new")) && s->parent->id == map->id);
    assert_true(value_eq(s->value, v));
    check_rest(doc, 0, &after, subtree(s), at);
    check_comments(doc, &after, NULL);
    if (!json_edit_remove(a, &after, s, &e, &why))
        return;
    read_well(a, apply(a, &after, e), &again);
    check_rest(doc, 0, &again, 0, 0);
}

static void try_remove(struct arena *a, struct document *doc, const struct setting *s)
{
    struct edit e;
    const char *why = NULL;
    struct document after;
    if (!json_edit_remove(a, doc, s, &e, &why)) {
        assert_non_null(why);
        return;
    }
    read_well(a, apply(a, doc, e), &after);
    check_rest(doc, subtree(s), &after, 0, s->id);
    check_comments(doc, &after, s);
}

static void edits_change_what_they_say(void **state)
{
    (void)state;
    const struct value items[] = {VALUE_OF_INT(1), VALUE_OF_STR(STR("x,\""))};
    const struct value values[] = {VALUE_OF_INT(-5),
                                   VALUE_OF_FLOAT(2.5e-7),
                                   VALUE_OF_STR(STR("a \"b\"\n")),
                                   VALUE_OF_BOOL(true),
                                   {VALUE_LIST, {.list = {items, 2}}}};
    for (uint32_t seed = 0; seed < DOCUMENTS; seed++) {
        struct arena a = {0};
        struct maker m;
        struct document doc;
        read_well(&a, make(&a, seed, true, &m), &doc);
        for (int i = 0; i < 4; i++) {
            const struct setting *s = doc.tree.all.at[dice(&m, (uint32_t)doc.tree.all.len)];
            try_replace(&a, &doc, s, values[dice(&m, 5)]);
            try_remove(&a, &doc, s);
            const struct setting *map = s->kind == SETTING_MAP ? s : doc.tree.roots.at[0];
            try_insert(&a, &doc, map, NULL, values[dice(&m, 5)]);
            if (s->parent && s->parent->kind == SETTING_MAP)
                try_insert(&a, &doc, s->parent, s, values[dice(&m, 5)]);
        }
        arena_free(&a);
    }
}

/* --- damage -------------------------------------------------------------- */

static struct str damage(struct arena *a, struct str text, struct maker *m)
{
    static const char bytes[] = "{}[]\",:/*\\\n\r\t '0e-.uNt\x01\x80\xFF";
    char *at = arena_alloc(a, text.len + 8);
    size_t len = text.len;
    if (len)
        memcpy(at, text.at, len);
    for (uint32_t n = 1 + dice(m, 3); n && len; n--) {
        uint32_t where = dice(m, (uint32_t)len);
        char byte = bytes[dice(m, sizeof bytes)];
        switch (dice(m, 4)) {
        case 0:
            at[where] = byte;
            break;
        case 1:
            memmove(at + where, at + where + 1, --len - where);
            break;
        case 2:
            memmove(at + where + 1, at + where, len++ - where);
            at[where] = byte;
            break;
        default:
            len = dice(m, 4) ? len : where;
        }
    }
    /* A block of its own length, so that a read behind the end is seen. */
    char *exact = arena_alloc(a, len);
    if (len)
        memcpy(exact, at, len);
    return (struct str){exact, len};
}

static void damage_only_breaks(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < DAMAGED; seed++) {
        struct arena a = {0};
        struct maker m;
        struct document doc;
        struct str text = make(&a, seed, seed % 2, &m);
        text = damage(&a, text, &m);
        read(&a, text, JSON_LENIENT, &doc);
        assert_int_equal(doc.broken, doc.problems.len > 0);
        for (size_t i = 0; i < doc.problems.len; i++)
            assert_true(
                inside(doc.problems.at[i].span, (struct span){0, (uint32_t)text.len}));
        check_spans(&doc, false);
        read(&a, text, JSON_STRICT, &doc);
        if (doc.source->encoding == ENCODING_UTF8 && !doc.broken &&
            str_find(text, STR("\\ud"), 0) == SIZE_MAX) {
            cJSON *c = cJSON_ParseWithLength(text.at, text.len);
            if (!c)
                fail_msg("cJSON refuses <%.*s>", STR_ARG(text));
            cJSON_Delete(c);
        }
        arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_hold),
        cmocka_unit_test(cjson_counts_the_same),
        cmocka_unit_test(edits_change_what_they_say),
        cmocka_unit_test(damage_only_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
