/* Which bindings a setting has. Keys are compared from their last word outwards along
 * the tree, so that a dotted Python name, a nested map and the arguments of a call are
 * all the same to a table; list items are transparent. The last word is hashed, so a
 * setting meets only bindings that can match, and the few regular expressions. */
#include "bind_table.h"

#include <assert.h>
#include <string.h>

#include "match.h"

#include "banned.h"

enum { EXACT = 3, ANYWHERE = 2, REGEX = 1 };

struct entry {
    const struct binding *binding;
    struct str pattern;          /* without "**." and slashes */
    struct str word;             /* of its last part */
    const struct pattern *regex; /* of REGEX */
    uint32_t rank;               /* how specific; without `inside` */
    int32_t next;
};

struct bind_index {
    const struct framework *framework;
    struct entry *at;
    int32_t *heads;
    int32_t regexes;
    uint32_t buckets; /* a power of two */
};

struct str bind_match_last(struct str dotted)
{
    for (size_t i = dotted.len; i > 0; i--)
        if (dotted.at[i - 1] == '.')
            return str_slice(dotted, i, dotted.len);
    return dotted;
}

static bool all_capitals(struct str s)
{
    bool letters = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] >= 'a' && s.at[i] <= 'z')
            return false;
        letters |= s.at[i] >= 'A' && s.at[i] <= 'Z';
    }
    return letters;
}

static char as_word(char c, bool lower)
{
    return (char)(c == '-' ? '_' : lower && c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static struct str without_dashes(struct str s)
{
    while (s.len && s.at[0] == '-')
        s = str_slice(s, 1, s.len);
    return s;
}

struct str bind_match_word(struct arena *a, struct str last)
{
    last = without_dashes(last);
    bool lower = last.len > 1 && all_capitals(last);
    if (!lower && str_find_byte(last, '-', 0) == SIZE_MAX)
        return last;
    char *copy = arena_alloc(a, last.len + 1);
    for (size_t i = 0; i < last.len; i++)
        copy[i] = as_word(last.at[i], lower);
    return (struct str){copy, last.len};
}

bool bind_match_is_word(struct str last, struct str word)
{
    last = without_dashes(last);
    bool lower = last.len > 1 && all_capitals(last);
    if (last.len != word.len)
        return false;
    for (size_t i = 0; i < last.len; i++)
        if (as_word(last.at[i], lower) != word.at[i])
            return false;
    return last.len > 0;
}

bool bind_match_is_anywhere(struct str pattern)
{
    return str_starts(pattern, STR("**."));
}

bool bind_match_is_regex(struct str pattern)
{
    return pattern.len > 2 && pattern.at[0] == '/' && pattern.at[pattern.len - 1] == '/';
}

/* --- one key against one place ---------------------------------------------- */

static bool is_called(const struct setting *s)
{
    return s->kind == SETTING_MAP && s->name.len &&
           (s->shape == SHAPE_CALL || s->shape == SHAPE_SIGNATURE ||
            s->shape == SHAPE_COMMAND);
}

static bool ends_at_part(struct str pattern, struct str tail, struct str *rest)
{
    if (!tail.len || !str_ends(pattern, tail))
        return false;
    *rest = str_slice(pattern, 0, pattern.len - tail.len);
    return !rest->len || str_ends(*rest, STR("."));
}

/* Does PATTERN end in "name()" of the call S? *REST is what stands before it. A pattern
 * may say more of the callee than its last part: "torch.compile()". */
static bool ends_in_call(struct str pattern, const struct setting *s, struct str *rest)
{
    if (!is_called(s) || !str_ends(pattern, STR("()")))
        return false;
    struct str body = str_slice(pattern, 0, pattern.len - 2), name = s->name;
    bool any = str_ends(body, STR(".*")); /* "models.*()": any callee of models */
    if (any) {
        struct str last = bind_match_last(name);
        body = str_slice(body, 0, body.len - 2);
        name =
            str_slice(name, 0, name.len - (last.len < name.len ? last.len + 1 : last.len));
    }
    for (;;) {
        if (ends_at_part(body, name, rest))
            return true;
        size_t dot = str_find_byte(name, '.', 0);
        if (dot == SIZE_MAX)
            return false;
        name = str_slice(name, dot + 1, name.len);
    }
}

/* Does PATTERN end in KEY, or (ANYWHERE) the dotted KEY in PATTERN? */
static bool ends_in_key(struct str pattern, struct str key, bool anywhere, struct str *rest)
{
    key = without_dashes(key); /* --train.batch_size */
    if (!key.len)
        return false;
    if (str_ends(pattern, key))
        return ends_at_part(pattern, key, rest);
    if (!anywhere || !str_ends(key, pattern) || key.len <= pattern.len)
        return false;
    *rest = str_slice(pattern, 0, 0);
    return key.at[key.len - pattern.len - 1] == '.';
}

/* The last part as a word: "--batch-size" and BATCH_SIZE are batch_size. */
static bool ends_in_word(struct str pattern, const struct setting *s, bool anywhere,
                         struct str *rest)
{
    struct str last = bind_match_last(s->key), mine = bind_match_last(pattern);
    bool whole = last.len == s->key.len;
    *rest = str_slice(pattern, 0, pattern.len - mine.len);
    /* A longer pattern would have to go on inside the dotted key; those are plain. */
    return bind_match_is_word(last, mine) && (whole || (anywhere && !rest->len));
}

/* What a script says to a program is a config of its own. */
static bool is_command(const struct setting *s)
{
    return s->shape == SHAPE_COMMAND && !s->parent->parent;
}

static bool matches_path(struct str pattern, const struct setting *s, bool anywhere)
{
    struct str rest = pattern;
    bool last = true;
    while (rest.len) {
        struct str before;
        while (s && s->parent && s->parent->kind == SETTING_LIST && !last &&
               !ends_in_call(rest, s, &before))
            s = s->parent;
        if (!s || !s->parent)
            return false;
        if (!ends_in_call(rest, s, &before) &&
            !ends_in_key(rest, s->key, anywhere, &before) &&
            !(last && ends_in_word(rest, s, anywhere, &before)))
            return false;
        rest = before.len ? str_slice(before, 0, before.len - 1) : before;
        last = false;
        s = s->parent;
    }
    return anywhere || (s && (!s->parent || is_command(s)));
}

bool bind_match_key(struct str pattern, const struct setting *s)
{
    if (bind_match_is_anywhere(pattern))
        return matches_path(str_slice(pattern, 3, pattern.len), s, true);
    if (!bind_match_is_regex(pattern))
        return matches_path(pattern, s, false);
    struct arena scratch = {0};
    struct str inner = str_slice(pattern, 1, pattern.len - 1);
    struct str text = arena_printf(&scratch, "(?i:%.*s)", STR_ARG(inner));
    const struct pattern *p = match_pattern(text, NULL);
    struct str word = bind_match_word(&scratch, bind_match_last(s->key));
    bool hit = p && word.len && match_whole(p, word);
    arena_free(&scratch);
    return hit;
}

static bool names_container(struct str wanted, const struct setting *s)
{
    return str_eq(wanted, bind_match_last(s->key)) ||
           (s->name.len && str_eq(wanted, bind_match_last(s->name)));
}

/* Is WANTED one of the parts of the dotted KEY before its last? */
static bool names_prefix(struct str wanted, struct str key)
{
    for (size_t from = 0; from < key.len;) {
        size_t dot = str_find_byte(key, '.', from);
        if (dot == SIZE_MAX)
            return false;
        if (str_eq(wanted, str_slice(key, from, dot)))
            return true;
        from = dot + 1;
    }
    return false;
}

static bool stands_in(struct str wanted, const struct setting *s)
{
    if (names_prefix(wanted, s->key))
        return true;
    for (const struct setting *up = s->parent; up; up = up->parent)
        if (names_container(wanted, up))
            return true;
    return false;
}

bool bind_match_inside(const struct binding *b, const struct setting *s)
{
    for (uint32_t i = 0; i < b->inside.len; i++)
        if (stands_in(b->inside.at[i], s))
            return true;
    return !b->inside.len;
}

bool bind_match_when(struct arena *a, const struct binding *b, const struct setting *s)
{
    if (!b->when.len)
        return true;
    struct expr_scope scope = {bind_value_ask, s};
    return expr_holds(a, &b->when, &scope);
}

/* --- the index -------------------------------------------------------------- */

static uint32_t count_parts(struct str dotted)
{
    uint32_t parts = 1;
    for (size_t i = 0; i < dotted.len; i++)
        parts += dotted.at[i] == '.';
    return parts < 15 ? parts : 15;
}

static void classify(struct arena *a, struct entry *e, struct str key)
{
    if (bind_match_is_regex(key)) {
        struct str inner = str_slice(key, 1, key.len - 1);
        e->regex = match_pattern(arena_printf(a, "(?i:%.*s)", STR_ARG(inner)), NULL);
        e->rank = REGEX << 8;
        return;
    }
    bool anywhere = bind_match_is_anywhere(key);
    e->pattern = anywhere ? str_slice(key, 3, key.len) : key;
    e->word = bind_match_word(a, bind_match_last(e->pattern));
    e->rank = (uint32_t)(anywhere ? ANYWHERE : EXACT) << 8 | count_parts(e->pattern) << 1;
}

struct bind_index *bind_match_index(struct arena *a, const struct framework *f)
{
    struct bind_index *ix = arena_new(a, struct bind_index);
    ix->framework = f;
    ix->regexes = -1;
    for (ix->buckets = 16; ix->buckets < f->bindings.len; ix->buckets *= 2)
        ;
    ix->heads = arena_alloc_array(a, ix->buckets, sizeof *ix->heads);
    for (uint32_t i = 0; i < ix->buckets; i++)
        ix->heads[i] = -1;
    ix->at = arena_alloc_array(a, f->bindings.len + 1, sizeof *ix->at);
    for (uint32_t i = f->bindings.len; i-- > 0;) { /* so that chains are in order */
        struct entry *e = &ix->at[i];
        e->binding = &f->bindings.at[i];
        classify(a, e, e->binding->key);
        int32_t *head =
            e->word.len ? &ix->heads[str_hash(e->word) & (ix->buckets - 1)] : &ix->regexes;
        e->next = *head;
        *head = (int32_t)i;
    }
    return ix;
}

const struct framework *bind_match_framework(const struct bind_index *index)
{
    return index->framework;
}

struct search {
    struct arena *arena;
    const struct setting *setting;
    struct bind_hits *hits;
    size_t start; /* of this search's hits */
    uint32_t rank;
    bool trap, known;
};

static void consider(struct search *s, const struct entry *e)
{
    const struct binding *b = e->binding;
    uint32_t rank = e->rank + (b->inside.len ? 1 : 0);
    if (rank < s->rank || !bind_match_inside(b, s->setting))
        return;
    s->known = true; /* even where its condition fails: it is not another table's key */
    if (!bind_match_when(s->arena, b, s->setting))
        return;
    if (rank > s->rank) {
        s->hits->len = s->start;
        s->trap = false;
        s->rank = rank;
    }
    s->trap |= b->fact == FACT_COUNT;
    vec_push(s->arena, s->hits, b);
}

static void look_up(struct search *s, const struct bind_index *ix, struct str word)
{
    int32_t at = word.len ? ix->heads[str_hash(word) & (ix->buckets - 1)] : -1;
    for (; at >= 0; at = ix->at[at].next) {
        const struct entry *e = &ix->at[at];
        if (str_eq(e->word, word) &&
            matches_path(e->pattern, s->setting, e->rank >> 8 == ANYWHERE))
            consider(s, e);
    }
}

/* An option by its other names: add_argument("--bs", dest="batch_size"). */
static void look_up_names(struct search *s, const struct bind_index *ix)
{
    const struct setting *option = s->setting;
    struct setting renamed = *option;
    if (option->kind != SETTING_SCALAR || !option->parent ||
        option->parent->shape != SHAPE_ARGPARSE)
        return;
    s->setting = &renamed;
    for (size_t from = 0; from < option->name.len && !s->known;) {
        size_t blank = str_find_byte(option->name, ' ', from);
        size_t to = blank == SIZE_MAX ? option->name.len : blank;
        renamed.key = str_slice(option->name, from, to);
        look_up(s, ix, bind_match_word(s->arena, renamed.key));
        from = to + 1;
    }
    s->setting = option;
}

static void look_up_regexes(struct search *s, const struct bind_index *ix, struct str word)
{
    for (int32_t at = ix->regexes; at >= 0 && word.len; at = ix->at[at].next)
        if (ix->at[at].regex && match_whole(ix->at[at].regex, word))
            consider(s, &ix->at[at]);
}

static bool has_synonym(const struct bind_hits *hits, size_t from, const struct binding *b)
{
    for (size_t i = from; i < hits->len; i++)
        if (hits->at[i]->fact == b->fact && !str_eq(hits->at[i]->key, b->key))
            return true;
    return false;
}

/* Two keys that fit equally ("**.trainer.devices" and "**.Trainer().devices") are one
 * statement; several bindings under one key are several. */
static void drop_synonyms(struct bind_hits *hits, size_t from)
{
    size_t count = hits->len;
    hits->len = from;
    for (size_t i = from; i < count; i++)
        if (!has_synonym(hits, from, hits->at[i]))
            hits->at[hits->len++] = hits->at[i];
}

static struct str called(struct arena *a, struct str name)
{
    char *at = arena_alloc(a, name.len + 3);
    memcpy(at, name.at, name.len);
    memcpy(at + name.len, "()", 3);
    return (struct str){at, name.len + 2};
}

bool bind_match_find(struct arena *a, const struct bind_index *index,
                     const struct setting *s, struct bind_hits *out)
{
    struct search search = {a, s, out, out->len, 0, false, false};
    struct str word = bind_match_word(a, bind_match_last(s->key));
    look_up(&search, index, word);
    if (is_called(s)) {
        struct str call = bind_match_word(a, called(a, bind_match_last(s->name)));
        if (!str_eq(call, word))
            look_up(&search, index, call);
        if (search.hits->len == search.start && !search.known)
            look_up(&search, index, STR("*()"));
    }
    look_up_regexes(&search, index, word);
    if (!search.known)
        look_up_names(&search, index);
    if (search.trap)
        out->len = search.start;
    drop_synonyms(out, search.start);
    return search.known;
}
