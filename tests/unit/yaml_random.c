/* Laws over random documents. A generator writes YAML in every style it can mix, and
 * remembers for each scalar what it wrote and what that means; then: spans quote what was
 * written, an edit changes what it should and nothing else, and no bytes crash the reader.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "front/front.h"
#include "loader.h"

struct leaf {
    struct str path, text, quote;
};

struct leaves VEC_BODY(struct leaf);

struct gen {
    struct arena *arena;
    struct buf out;
    struct leaves leaves;
    uint64_t random;
    const char *newline;
    unsigned anchors, keys;
    struct str anchored, anchored_quote; /* what *a0 means, when there is one */
};

static uint32_t below(struct gen *g, uint32_t n)
{
    g->random ^= g->random << 13;
    g->random ^= g->random >> 7;
    g->random ^= g->random << 17;
    return (uint32_t)(g->random >> 33) % n;
}

static bool chance(struct gen *g, uint32_t percent)
{
    return below(g, 100) < percent;
}

static void nl(struct gen *g)
{
    buf_cstr(&g->out, g->newline);
}

static void spaces(struct gen *g, size_t n)
{
    buf_repeat(&g->out, ' ', n);
}

static void leaf(struct gen *g, struct str path, const char *text, size_t from)
{
    struct str quote = arena_str(g->arena, str_slice(buf_str(&g->out), from, g->out.len));
    vec_push(g->arena, &g->leaves, ((struct leaf){path, str_from(text), quote}));
}

static void comment(struct gen *g)
{
    static const char *const texts[] = {"# c", "#", "# \xC3\xA9 'q\" {", "# a: b", "## [x"};
    buf_cstr(&g->out, texts[below(g, 5)]);
}

static void end_line(struct gen *g, size_t indent)
{
    if (chance(g, 20)) {
        spaces(g, 1 + below(g, 3));
        comment(g);
    } else if (chance(g, 10)) {
        spaces(g, 2);
    }
    nl(g);
    while (chance(g, 12)) {
        if (chance(g, 50)) {
            spaces(g, indent);
            comment(g);
        }
        nl(g);
    }
}

/* Text as written and as meant. */
static const struct {
    const char *written, *meant;
} SCALARS[] = {
    {"1", "1"},
    {"1e-5", "1e-5"},
    {"true", "true"},
    {"Off", "Off"},
    {"~", "~"},
    {"a b", "a b"},
    {"x#y", "x#y"},
    {"http://x/y", "http://x/y"},
    {"-1.5", "-1.5"},
    {"\xC3\xA9\xE6\xBC\xA2", "\xC3\xA9\xE6\xBC\xA2"},
    {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
    {"'1'", "1"},
    {"''", ""},
    {"'it''s # no'", "it's # no"},
    {"'a: b'", "a: b"},
    {"\"\"", ""},
    {"\"a\\n\\\"b\\\" \\u00e9\"", "a\n\"b\" \xC3\xA9"},
    {"\"#\"", "#"},
    {"\"{[\"", "{["},
    {"'\xE6\xBC\xA2'", "\xE6\xBC\xA2"},
    {"null", "null"},
    {"0x1F", "0x1F"},
};

static void properties(struct gen *g)
{
    if (chance(g, 4))
        buf_cstr(&g->out, "!!str ");
    if (chance(g, 6))
        buf_printf(&g->out, "&a%u ", ++g->anchors);
}

static void scalar(struct gen *g, struct str path)
{
    if (g->anchored.at && chance(g, 8)) {
        buf_cstr(&g->out, "*top");
        vec_push(g->arena, &g->leaves,
                 ((struct leaf){path, g->anchored, g->anchored_quote}));
        return;
    }
    properties(g);
    size_t from = g->out.len, which = below(g, sizeof SCALARS / sizeof *SCALARS);
    buf_cstr(&g->out, SCALARS[which].written);
    leaf(g, path, SCALARS[which].meant, from);
}

static struct str new_key(struct gen *g, struct str path, struct str *child)
{
    static const char *const forms[] = {"k%u", "\"k%u\"", "'k%u'", "k%u"};
    unsigned number = ++g->keys;
    struct str name = arena_printf(g->arena, "k%u", number);
    *child =
        path.len ? arena_printf(g->arena, "%.*s.%.*s", STR_ARG(path), STR_ARG(name)) : name;
    char text[32];
    const char *form = forms[below(g, 4)];
    if (form[0] == '"')
        snprintf(text, sizeof text, "\"k%u\"", number);
    else if (form[0] == '\'')
        snprintf(text, sizeof text, "'k%u'", number);
    else
        snprintf(text, sizeof text, "k%u", number);
    return arena_str(g->arena, str_from(text));
}

static void flow(struct gen *g, struct str path, unsigned depth, bool lines, size_t indent);

static void flow_value(struct gen *g, struct str path, unsigned depth, size_t indent)
{
    if (depth && chance(g, 25))
        flow(g, path, depth - 1, false, indent);
    else
        scalar(g, path);
}

static void flow_gap(struct gen *g, bool lines, size_t indent)
{
    if (!lines) {
        spaces(g, below(g, 2));
        return;
    }
    if (chance(g, 15)) {
        buf_cstr(&g->out, " ");
        comment(g);
    }
    nl(g);
    spaces(g, indent);
}

static void flow(struct gen *g, struct str path, unsigned depth, bool lines, size_t indent)
{
    bool map = chance(g, 60);
    unsigned count = below(g, 4);
    buf_cstr(&g->out, map ? "{" : "[");
    for (unsigned i = 0; i < count; i++) {
        struct str child = arena_printf(g->arena, "%.*s[%u]", STR_ARG(path), i);
        flow_gap(g, lines, indent + 2);
        if (map) {
            buf_add(&g->out, new_key(g, path, &child));
            buf_cstr(&g->out, ": ");
        }
        flow_value(g, child, depth, indent);
        if (i + 1 < count || chance(g, 15))
            buf_cstr(&g->out, ",");
        if (!lines && i + 1 < count)
            spaces(g, 1);
    }
    flow_gap(g, lines, indent + 1);
    buf_cstr(&g->out, map ? "}" : "]");
}

static void text_block(struct gen *g, struct str path, size_t indent)
{
    struct buf meant = buf_new(g->arena);
    bool folded = chance(g, 40);
    char chomp = "\0+-"[below(g, 3)];
    size_t from = g->out.len;
    unsigned lines = 1 + below(g, 3);
    buf_cstr(&g->out, folded ? ">" : "|");
    if (chomp)
        buf_byte(&g->out, chomp);
    for (unsigned i = 0; i < lines; i++) {
        nl(g);
        spaces(g, indent + 2);
        buf_cstr(&g->out, i % 2 ? "# k: 1" : "x: 1e-5 \xC3\xA9");
        buf_cstr(&meant, i % 2 ? "# k: 1" : "x: 1e-5 \xC3\xA9");
        if (i + 1 < lines)
            buf_byte(&meant, folded ? ' ' : '\n');
    }
    if (chomp != '-')
        buf_byte(&meant, '\n');
    leaf(g, path, buf_str(&meant).at, from);
    nl(g);
    for (unsigned blank = below(g, 3); blank; blank--) {
        nl(g);
        if (chomp == '+')
            buf_byte(&meant, '\n');
    }
    g->leaves.at[g->leaves.len - 1].text = buf_str(&meant);
}

static void long_scalar(struct gen *g, struct str path, size_t indent)
{
    static const char *const quotes[] = {"", "'", "\""};
    const char *quote = quotes[below(g, 3)];
    size_t from = g->out.len;
    buf_cstr(&g->out, quote);
    buf_cstr(&g->out, "one");
    nl(g);
    spaces(g, indent + 1 + below(g, 3));
    buf_cstr(&g->out, "two");
    buf_cstr(&g->out, quote);
    leaf(g, path, "one two", from);
}

static void block(struct gen *g, struct str path, size_t indent, unsigned depth,
                  bool inline_start);

/* What stands behind "key:" or "-", with its line end. */
static void value(struct gen *g, struct str path, size_t indent, unsigned depth, bool item)
{
    uint32_t kind = below(g, 100);
    if (depth && kind < 35) {
        if (item && chance(g, 60)) {
            spaces(g, 1);
            block(g, path, indent + 2, depth - 1, true);
            return;
        }
        end_line(g, indent);
        block(g, path, indent + 1 + below(g, 4), depth - 1, false);
        return;
    }
    if (kind < 42) {
        vec_push(g->arena, &g->leaves, ((struct leaf){path, STR(""), STR("")}));
        end_line(g, indent);
        return;
    }
    spaces(g, 1 + below(g, 2));
    if (kind < 50) {
        text_block(g, path, indent);
        return;
    }
    if (kind < 55)
        long_scalar(g, path, indent);
    else if (kind < 72)
        flow(g, path, depth, chance(g, 40), indent);
    else
        scalar(g, path);
    end_line(g, indent);
}

static void block(struct gen *g, struct str path, size_t indent, unsigned depth,
                  bool inline_start)
{
    bool map = depth == 9 || chance(g, 65);
    unsigned count = 1 + below(g, 4);
    if (depth == 9)
        depth = 3;
    for (unsigned i = 0; i < count; i++) {
        struct str child = arena_printf(g->arena, "%.*s[%u]", STR_ARG(path), i);
        if (!inline_start || i)
            spaces(g, indent);
        if (map && chance(g, 4))
            buf_cstr(&g->out, "? ");
        bool explicit = g->out.len && g->out.at[g->out.len - 1] == ' ' && g->out.len > 1 &&
                        g->out.at[g->out.len - 2] == '?';
        if (map)
            buf_add(&g->out, new_key(g, path, &child));
        if (explicit) {
            nl(g);
            spaces(g, indent);
        } else if (map)
            spaces(g, chance(g, 5));
        buf_byte(&g->out, map ? ':' : '-');
        value(g, child, indent, depth, !map);
    }
}

static struct str document(struct gen *g, struct arena *a, uint64_t seed)
{
    *g = (struct gen){.arena = a, .out = buf_new(a)};
    g->random = seed * 0x9E3779B97F4A7C15u + 1;
    below(g, 2);
    g->newline = chance(g, 20) ? "\r\n" : chance(g, 5) ? "\r" : "\n";
    if (chance(g, 10))
        buf_cstr(&g->out, "\xEF\xBB\xBF");
    if (chance(g, 10)) {
        buf_cstr(&g->out, "--- # start");
        nl(g);
    }
    if (chance(g, 40)) {
        buf_cstr(&g->out, "top0: &top 'v'");
        vec_push(a, &g->leaves, ((struct leaf){STR("top0"), STR("v"), STR("'v'")}));
        end_line(g, 0);
        g->anchored = STR("v");
        g->anchored_quote = STR("'v'");
    }
    block(g, STR(""), 0, 9, false);
    struct str text = buf_str(&g->out);
    if (chance(g, 20) && !chance(g, 50))
        while (text.len && (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r'))
            text.len--;
    return arena_str(a, text);
}

/* --- laws ---------------------------------------------------------------- */

static struct setting *find(struct document *doc, struct str path)
{
    for (size_t i = 0; i < doc->tree.all.len; i++)
        if (str_eq(doc->tree.all.at[i]->path, path))
            return doc->tree.all.at[i];
    return NULL;
}

static void parse(struct arena *a, struct str text, struct source *s, struct document *doc)
{
    source_init(s, a, STR("r.yaml"), text, LANGUAGE_YAML);
    front_parse(a, s, doc);
}

static void tell(struct str text, uint64_t seed, const char *what)
{
    fprintf(stderr, "--- seed %llu: %s\n%.*s\n---\n", (unsigned long long)seed, what,
            STR_ARG(text));
}

static void spans_nest(const struct document *doc, struct str text, uint64_t seed)
{
    for (size_t i = 0; i < doc->tree.all.len; i++) {
        const struct setting *s = doc->tree.all.at[i];
        struct span v = s->flags & SETTING_ALIAS ? s->alias_span : s->value_span;
        bool ok = v.from <= v.to && v.to <= text.len &&
                  s->key_span.from <= s->key_span.to && s->key_span.to <= text.len;
        if (ok && s->parent && !doc->broken)
            ok = v.from >= s->parent->value_span.from && v.to <= s->parent->value_span.to;
        if (ok)
            continue;
        tell(text, seed, "a span outside of its parent");
        fail();
    }
}

static void leaves_are_as_written(const struct gen *g, struct document *doc,
                                  struct str text, uint64_t seed)
{
    bool cut = text.len < g->out.len; /* blank lines of a |+ may be gone */
    for (size_t i = 0; i < g->leaves.len; i++) {
        const struct leaf *l = &g->leaves.at[i];
        const struct setting *s = find(doc, l->path);
        bool last = i + 1 == g->leaves.len && cut;
        if (s && str_eq(source_quote(doc->source, s->value_span), l->quote) &&
            (last || str_eq(s->text, l->text)))
            continue;
        fprintf(stderr, "%.*s: wanted <%.*s> <%.*s>, got <%.*s> <%.*s>\n", STR_ARG(l->path),
                STR_ARG(l->quote), STR_ARG(l->text),
                STR_ARG(s ? source_quote(doc->source, s->value_span) : STR("nothing")),
                STR_ARG(s ? s->text : STR("")));
        tell(text, seed, "a leaf that is not as written");
        fail();
    }
}

static void documents_are_read_as_written(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct arena a = {0};
        struct gen g;
        struct str text = document(&g, &a, seed);
        struct source s;
        struct document doc;
        parse(&a, text, &s, &doc);
        if (doc.broken) {
            tell(text, seed, doc.problems.at[0].message.at);
            fail();
        }
        spans_nest(&doc, text, seed);
        leaves_are_as_written(&g, &doc, text, seed);
        arena_free(&a);
    }
}

static bool within(const struct setting *s, const struct setting *top)
{
    for (; s; s = s->parent)
        if (s == top)
            return true;
    return false;
}

/* Every setting of BEFORE but SKIP and what is in it is in AFTER, in this order; AFTER
 * may have ADDED more. */
static const char *differs(const struct document *before, const struct document *after,
                           const struct setting *skip, const struct setting *added)
{
    size_t j = 0;
    for (size_t i = 0; i < before->tree.all.len; i++) {
        const struct setting *s = before->tree.all.at[i];
        if (skip && within(s, skip))
            continue;
        while (j < after->tree.all.len && added && within(after->tree.all.at[j], added))
            j++;
        if (j == after->tree.all.len)
            return "a setting is gone";
        const struct setting *t = after->tree.all.at[j++];
        if (!str_eq(s->path, t->path))
            return "another setting is in its place";
        bool became_map = added && added->parent == t;
        if (!became_map &&
            (s->kind != t->kind || !str_eq(s->text, t->text) || !str_eq(s->tag, t->tag)))
            return "another setting has changed";
    }
    while (j < after->tree.all.len && added && within(after->tree.all.at[j], added))
        j++;
    return j == after->tree.all.len ? NULL : "there are more settings than before";
}

static const char *loses_comments(const struct document *before,
                                  const struct document *after)
{
    if (before->comments.len != after->comments.len)
        return "a comment is lost";
    for (size_t i = 0; i < before->comments.len; i++)
        if (!str_eq(source_quote(before->source, before->comments.at[i].span),
                    source_quote(after->source, after->comments.at[i].span)))
            return "a comment has changed";
    return NULL;
}

static struct value random_value(struct gen *g, unsigned depth)
{
    static const char *const words[] = {
        "adamw",    "1e-5",      "yes",          "a: b", "x #y",       "",      " x",
        "null",     "it's",      "a\nb",         "[a",   "2024-01-01", "-",     "y",
        "\xC3\xA9", "1:30",      "0o7",          "a,b",  "#",          "x:",    "=",
        "<<",       "tab\there", "\xE2\x80\xA8", "%a",   "@a",         "\"q\"", "c:\\d"};
    static const double numbers[] = {1e-5, 0.1,    3e20,  128,  2.5e-7,
                                     1e15, -0.001, 1e100, 12.75};
    switch (below(g, depth ? 6 : 5)) {
    case 0:
        return VALUE_OF_INT((int64_t)below(g, 5000) - 100);
    case 1:
        return VALUE_OF_FLOAT(numbers[below(g, 9)]);
    case 2:
        return VALUE_OF_BOOL(chance(g, 50));
    case 3:
    case 4:
        return VALUE_OF_STR(str_from(words[below(g, 28)]));
    default:
        break;
    }
    size_t count = below(g, 4);
    struct value *at = arena_alloc_array(g->arena, count + 1, sizeof *at);
    for (size_t i = 0; i < count; i++)
        at[i] = random_value(g, 0);
    return (struct value){VALUE_LIST, {.list = {at, count}}};
}

static const char *reads_as(struct arena *a, struct document *doc, struct setting *s,
                            struct value wanted)
{
    static const enum loader loaders[] = {LOADER_PYYAML, LOADER_OMEGACONF, LOADER_YAML12};
    for (size_t i = 0; i < 3; i++) {
        loader_apply(loaders[i], a, &doc->tree);
        if (s->flags & SETTING_TAGGED)
            continue;
        if (s->value.kind != wanted.kind || !value_eq(s->value, wanted))
            return loader_name(loaders[i]);
    }
    return NULL;
}

enum action { REPLACE, INSERT, REMOVE };

struct trial {
    struct gen *g;
    struct arena *arena;
    struct document *doc;
    struct setting *target, *after;
    struct value value;
    struct edit edit;
    enum action action;
};

static bool attempt(struct trial *t)
{
    const struct front *f = front_of(LANGUAGE_YAML);
    const char *why = NULL;
    bool ok;
    if (t->action == REPLACE)
        ok = f->replace(t->arena, t->doc, t->target, t->value, &t->edit, &why);
    else if (t->action == INSERT)
        ok = f->insert(t->arena, t->doc, t->target, t->after, STR("new"), t->value,
                       &t->edit, &why);
    else
        ok = f->remove(t->arena, t->doc, t->target, &t->edit, &why);
    assert_true(ok || why);
    return ok;
}

static const char *judge(struct trial *t, struct document *after)
{
    if (after->broken)
        return "does not parse any more";
    struct str path = t->target->path;
    if (t->action == INSERT)
        path = path.len ? arena_printf(t->arena, "%.*s.new", STR_ARG(path)) : STR("new");
    struct setting *s = find(after, path);
    if (t->action == REMOVE)
        return s ? "still there" : differs(t->doc, after, t->target, NULL);
    if (!s)
        return "not there";
    const char *wrong = differs(t->doc, after, t->action == REPLACE ? t->target : NULL, s);
    if (!wrong)
        wrong = loses_comments(t->doc, after);
    return wrong ? wrong : reads_as(t->arena, after, s, t->value);
}

static void edits_do_what_they_say(void **state)
{
    (void)state;
    size_t done[3] = {0}, tried[3] = {0};
    for (uint64_t seed = 1; seed <= 6000; seed++) {
        struct arena a = {0};
        struct gen g;
        struct source s, s2;
        struct document doc, doc2;
        struct str text = document(&g, &a, seed % 1500 + 1);
        g.random += seed * 977;
        parse(&a, text, &s, &doc);
        assert_false(doc.broken);
        struct trial t = {&g, &a, &doc, .action = (enum action)below(&g, 3)};
        t.target = doc.tree.all.at[below(&g, (uint32_t)doc.tree.all.len)];
        t.value = random_value(&g, 1);
        if (t.target->flags & SETTING_ANCHORED && t.action == REPLACE)
            t.action = INSERT; /* its aliases would change, too, as they should */
        if (t.action == INSERT && t.target->first && chance(&g, 50))
            for (t.after = t.target->first; t.after->next && chance(&g, 60);)
                t.after = t.after->next;
        tried[t.action]++;
        if (attempt(&t)) {
            done[t.action]++;
            struct buf b = buf_new(&a);
            buf_add(&b, str_slice(text, 0, t.edit.span.from));
            buf_add(&b, t.edit.text);
            buf_add(&b, str_slice(text, t.edit.span.to, text.len));
            parse(&a, buf_str(&b), &s2, &doc2);
            const char *wrong = judge(&t, &doc2);
            if (wrong) {
                struct buf v = buf_new(&a);
                value_print(&v, t.value);
                fprintf(stderr, "%s %.*s to %.*s\n",
                        (const char *[]){"replace", "insert", "remove"}[t.action],
                        STR_ARG(t.target->path), STR_ARG(buf_str(&v)));
                tell(text, seed, wrong);
                tell(buf_str(&b), seed, "after");
                fail();
            }
        }
        arena_free(&a);
    }
    /* A refusal is always correct, so see that most are carried out. */
    for (int i = 0; i < 3; i++)
        assert_true(done[i] * 4 > tried[i]);
}

static void damaged_bytes_do_no_harm(void **state)
{
    (void)state;
    static const char bytes[] =
        "\t\n\r {}[]:,-?#&*!|>'\"%@`\\~\x00\x01\x80\xC2\x85\xEF\xBB\xBF\xFF<=0a";
    for (uint64_t seed = 1; seed <= 6000; seed++) {
        struct arena a = {0};
        struct gen g;
        struct source s;
        struct document doc;
        struct str text = document(&g, &a, seed);
        char *at = arena_alloc(&a, text.len + 8);
        memcpy(at, text.at, text.len);
        for (uint32_t n = 1 + below(&g, 4); n && text.len; n--) {
            uint32_t where = below(&g, (uint32_t)text.len);
            if (chance(&g, 70))
                at[where] = bytes[below(&g, sizeof bytes - 1)];
            else if (chance(&g, 50))
                memmove(at + where, at + where + 1, --text.len - where);
            else
                text.len = where;
        }
        text.at = at;
        parse(&a, text, &s, &doc);
        assert_int_equal(doc.broken, doc.problems.len > 0);
        spans_nest(&doc, text, seed);
        for (size_t i = 0; i < doc.problems.len; i++) {
            assert_true(doc.problems.at[i].span.to <= text.len);
            assert_true(doc.problems.at[i].span.from <= doc.problems.at[i].span.to);
        }
        loader_apply(LOADER_PYYAML, &a, &doc.tree);
        arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_read_as_written),
        cmocka_unit_test(edits_do_what_they_say),
        cmocka_unit_test(damaged_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
