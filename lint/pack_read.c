/* The readers that all pack files share. */
#include "pack_read.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "match.h"
#include "banned.h"

void pack_problem(struct pack_reader *r, struct span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str message = arena_vprintf(r->arena, format, args);
    va_end(args);
    struct finding *f =
        finding_add(r->arena, r->problems, r->source, span, "%.*s", STR_ARG(message));
    f->severity = SEVERITY_ERROR;
    f->code = STR("PCK001");
    f->rule = STR("bad-pack");
    r->failed = true;
}

struct span pack_span(const struct setting *s)
{
    return s->value_span.from < s->value_span.to ? s->value_span : s->key_span;
}

static struct span key_or_start(const struct setting *s)
{
    if (s->key_span.from < s->key_span.to)
        return s->key_span;
    return s->first ? s->first->key_span : pack_span(s);
}

/* --- maps and lists ------------------------------------------------------ */

static void unknown_key(struct pack_reader *r, const struct setting *s,
                        const struct pack_field *fields, size_t count)
{
    unsigned nearest = 3;
    const char *hint = NULL;
    for (size_t i = 0; i < count; i++) {
        unsigned distance = str_distance(s->key, str_from(fields[i].key));
        if (distance < nearest) {
            nearest = distance;
            hint = fields[i].key;
        }
    }
    pack_problem(r, s->key_span, "there is no key '%.*s' here%s%s%s", STR_ARG(s->key),
                 hint ? "; did you mean '" : "", hint ? hint : "", hint ? "'?" : "");
}

static size_t field_of(const struct pack_field *fields, size_t count, struct str key)
{
    size_t i = 0;
    while (i < count && !str_eq(key, str_from(fields[i].key)))
        i++;
    return i;
}

void pack_read_map(struct pack_reader *r, const struct setting *s,
                   const struct pack_field *fields, size_t count, void *object)
{
    uint64_t seen = 0;
    assert(count <= 64);
    const struct setting *map = setting_resolve(s);
    if (map->kind != SETTING_MAP) {
        pack_problem(r, pack_span(s), "expected a map of keys and values");
        return;
    }
    for (const struct setting *child = map->first; child; child = child->next) {
        size_t i = field_of(fields, count, child->key);
        if (i == count) {
            unknown_key(r, child, fields, count);
            continue;
        }
        if (seen >> i & 1)
            pack_problem(r, child->key_span, "'%.*s' is written twice",
                         STR_ARG(child->key));
        else if (fields[i].read)
            fields[i].read(r, child, (char *)object + fields[i].offset);
        seen |= (uint64_t)1 << i;
    }
    for (size_t i = 0; i < count; i++)
        if (fields[i].required && !(seen >> i & 1))
            pack_problem(r, key_or_start(s), "the key '%s' is missing", fields[i].key);
}

void pack_each(struct pack_reader *r, const struct setting *s, void *slot,
               void (*fn)(struct pack_reader *r, const struct setting *s, void *vec))
{
    const struct setting *list = setting_resolve(s);
    if (list->kind != SETTING_LIST) {
        fn(r, s, slot);
        return;
    }
    for (const struct setting *item = list->first; item; item = item->next)
        fn(r, item, slot);
}

/* --- scalars ------------------------------------------------------------- */

bool pack_scalar(struct pack_reader *r, const struct setting *s, struct str *out)
{
    const struct setting *at = setting_resolve(s);
    if (at->kind != SETTING_SCALAR) {
        pack_problem(r, pack_span(s), "expected a single value");
        return false;
    }
    *out = at->text;
    return true;
}

struct value pack_value(struct pack_reader *r, const struct setting *s)
{
    struct vec_of_values VEC_BODY(struct value) items = {0};
    const struct setting *at = setting_resolve(s);
    if (at->kind == SETTING_MAP) {
        pack_problem(r, pack_span(s), "expected a value or a list of values");
        return VALUE_NOTHING;
    }
    if (at->kind == SETTING_SCALAR)
        return str_eq(at->text, STR("?")) ? VALUE_NOTHING : s->value;
    for (const struct setting *item = at->first; item; item = item->next)
        vec_push(r->arena, &items, pack_value(r, item));
    struct value list = {.kind = VALUE_LIST};
    list.as.list.at = items.at;
    list.as.list.len = items.len;
    return list;
}

void pack_read_text(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct str text;
    if (pack_scalar(r, s, &text))
        *(struct str *)slot = text;
}

void pack_read_line(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct str text;
    if (!pack_scalar(r, s, &text))
        return;
    if (!str_trim(text).len)
        pack_problem(r, pack_span(s), "'%.*s' says nothing", STR_ARG(s->key));
    *(struct str *)slot = str_trim(text);
}

struct texts VEC_BODY(struct str);

static void add_text(struct pack_reader *r, const struct setting *s, void *vec)
{
    struct str text;
    struct texts *texts = vec;
    if (pack_scalar(r, s, &text))
        vec_push(r->arena, texts, text);
}

/* Every PACK_LIST has this shape; the copy keeps the types apart. */
void pack_read_texts(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct texts texts = {0};
    PACK_LIST(struct str) list;
    pack_each(r, s, &texts, add_text);
    memset(&list, 0, sizeof list);
    PACK_PUT(list, texts);
    memcpy(slot, &list, sizeof list);
}

void pack_read_bool(struct pack_reader *r, const struct setting *s, void *slot)
{
    if (s->value.kind != VALUE_BOOL) {
        pack_problem(r, pack_span(s), "'%.*s' is true or false", STR_ARG(s->key));
        return;
    }
    *(bool *)slot = s->value.as.boolean;
}

static int64_t read_integer(struct pack_reader *r, const struct setting *s, int64_t least,
                            int64_t most)
{
    if (s->value.kind == VALUE_INT && s->value.as.integer >= least &&
        s->value.as.integer <= most)
        return s->value.as.integer;
    pack_problem(r, pack_span(s), "'%.*s' is a whole number from %lld to %lld",
                 STR_ARG(s->key), (long long)least, (long long)most);
    return 0;
}

void pack_read_int(struct pack_reader *r, const struct setting *s, void *slot)
{
    *(int *)slot = (int)read_integer(r, s, -1000000, 1000000);
}

void pack_read_u8(struct pack_reader *r, const struct setting *s, void *slot)
{
    *(uint8_t *)slot = (uint8_t)read_integer(r, s, 0, UINT8_MAX);
}

void pack_read_u16(struct pack_reader *r, const struct setting *s, void *slot)
{
    *(uint16_t *)slot = (uint16_t)read_integer(r, s, 0, UINT16_MAX);
}

void pack_read_u32(struct pack_reader *r, const struct setting *s, void *slot)
{
    *(uint32_t *)slot = (uint32_t)read_integer(r, s, 0, UINT32_MAX);
}

void pack_read_u64(struct pack_reader *r, const struct setting *s, void *slot)
{
    *(uint64_t *)slot = (uint64_t)read_integer(r, s, 0, INT64_MAX);
}

void pack_read_double(struct pack_reader *r, const struct setting *s, void *slot)
{
    double number;
    if (!value_number(s->value, &number) || !(number >= 0) || number > 1e18)
        pack_problem(r, pack_span(s), "'%.*s' is a number", STR_ARG(s->key));
    else
        *(double *)slot = number;
}

int pack_word(struct pack_reader *r, const struct setting *s, const struct pack_word *words,
              size_t count)
{
    struct str text;
    if (!pack_scalar(r, s, &text))
        return -1;
    struct buf all = buf_new(r->arena);
    for (size_t i = 0; i < count; i++) {
        if (str_eq(text, str_from(words[i].word)))
            return (int)words[i].value;
        buf_cstr(&all, i ? ", " : "");
        buf_cstr(&all, words[i].word);
    }
    pack_problem(r, pack_span(s), "'%.*s' is none of %.*s", STR_ARG(text),
                 STR_ARG(buf_str(&all)));
    return -1;
}

static void add_language(struct pack_reader *r, const struct setting *s, void *slot)
{
    static const struct pack_word words[] = {
        {"yaml", LANGUAGE_YAML}, {"json", LANGUAGE_JSON}, {"python", LANGUAGE_PYTHON},
        {"shell", LANGUAGE_SHELL}, {"toml", LANGUAGE_TOML}};
    int language = pack_word(r, s, words, sizeof words / sizeof *words);
    if (language >= 0)
        *(unsigned *)slot |= 1u << language;
}

void pack_read_languages(struct pack_reader *r, const struct setting *s, void *slot)
{
    pack_each(r, s, slot, add_language);
}

static void add_habit(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct str word;
    enum habit habit = 0;
    if (!pack_scalar(r, s, &word))
        return;
    if (!habit_parse(word, &habit))
        pack_problem(r, pack_span(s), "'%.*s' is no habit", STR_ARG(word));
    *(unsigned *)slot |= habit;
}

void pack_read_habits(struct pack_reader *r, const struct setting *s, void *slot)
{
    pack_each(r, s, slot, add_habit);
}

/* --- facts --------------------------------------------------------------- */

static enum fact_id fact_named(struct pack_reader *r, struct str name, struct span span)
{
    enum fact_id fact = fact_parse(name), best = FACT_COUNT;
    if (fact != FACT_COUNT)
        return fact;
    unsigned nearest = 4;
    for (int i = 0; i < FACT_COUNT; i++) {
        unsigned distance = str_distance(name, fact_info((enum fact_id)i)->name);
        if (distance < nearest) {
            nearest = distance;
            best = (enum fact_id)i;
        }
    }
    struct str hint = best == FACT_COUNT ? STR("") : fact_info(best)->name;
    pack_problem(r, span, "there is no fact '%.*s'%s%.*s%s", STR_ARG(name),
                 hint.len ? "; did you mean '" : "", STR_ARG(hint), hint.len ? "'?" : "");
    return FACT_COUNT;
}

enum fact_id pack_key_fact(struct pack_reader *r, const struct setting *s)
{
    return fact_named(r, s->key, s->key_span);
}

void pack_read_fact(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct str name;
    if (pack_scalar(r, s, &name))
        *(enum fact_id *)slot = fact_named(r, name, pack_span(s));
}

bool pack_fact_value(struct pack_reader *r, const struct setting *s, enum fact_id fact,
                     struct value *out)
{
    *out = pack_value(r, s);
    if (fact == FACT_COUNT)
        return false;
    if (out->kind == VALUE_UNKNOWN || fact_accepts(fact, *out))
        return true;
    struct buf b = buf_new(r->arena);
    value_print(&b, *out);
    pack_problem(r, pack_span(s), "the fact '%.*s' cannot be %.*s",
                 STR_ARG(fact_info(fact)->name), STR_ARG(buf_str(&b)));
    return false;
}

bool pack_names_fact(struct str name)
{
    return fact_parse(name) != FACT_COUNT || str_eq(name, STR("effective_batch_size")) ||
           str_eq(name, STR("data_parallel"));
}

struct str pack_after(struct str name, const char *prefix)
{
    struct str p = str_from(prefix);
    return str_starts(name, p) ? str_slice(name, p.len, name.len) : STR("");
}

/* --- expressions and patterns -------------------------------------------- */

/* The bytes of the scalar from OFFSET on where the file holds its text verbatim; else
 * the whole scalar. */
static struct span inside(struct pack_reader *r, const struct setting *s, size_t offset)
{
    const struct setting *at = setting_resolve(s);
    struct span span = at->value_span;
    uint32_t quote = at->style == STYLE_SINGLE || at->style == STYLE_DOUBLE;
    struct str raw =
        source_quote(r->source, (struct span){span.from + quote, span.to - quote});
    if (at->style > STYLE_DOUBLE || at->style == STYLE_NONE ||
        span.to < span.from + 2 * quote || !str_eq(raw, at->text))
        return pack_span(s);
    uint32_t end = span.to - quote;
    span.from += quote + (uint32_t)offset;
    if (span.from >= end)
        span.from = end > at->value_span.from ? end - 1 : end;
    span.to = end;
    return span;
}

struct name_check {
    struct pack_reader *reader;
    const struct setting *setting;
};

static void check_name(void *context, struct str name)
{
    const struct name_check *check = context;
    struct pack_reader *r = check->reader;
    if (!r->may_name || r->may_name(r, name))
        return;
    size_t at = str_find(setting_resolve(check->setting)->text, name, 0);
    pack_problem(r, inside(r, check->setting, at == SIZE_MAX ? 0 : at),
                 "there is nothing called '%.*s' that can be asked here", STR_ARG(name));
}

void pack_read_expr(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct str text;
    struct err err;
    size_t offset = 0;
    struct expr e;
    if (!pack_scalar(r, s, &text))
        return;
    if (!expr_compile(r->arena, text, &e, &offset, &err)) {
        pack_problem(r, inside(r, s, offset), "%s", err.message);
        return;
    }
    expr_names(&e, check_name, &(struct name_check){r, s});
    *(struct expr *)slot = e;
}

void pack_read_phrase(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct str text;
    struct err err;
    size_t offset = 0;
    struct phrase p;
    if (!pack_scalar(r, s, &text))
        return;
    if (!phrase_compile(r->arena, str_trim(text), &p, &offset, &err)) {
        pack_problem(r, inside(r, s, offset), "%s", err.message);
        return;
    }
    for (uint32_t i = 0; i < p.len; i++)
        expr_names(&p.at[i].expr, check_name, &(struct name_check){r, s});
    *(struct phrase *)slot = p;
}

void pack_read_regex(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct str text;
    struct err err;
    if (!pack_scalar(r, s, &text))
        return;
    if (!match_pattern(text, &err))
        pack_problem(r, pack_span(s), "%s", err.message);
    else
        *(struct str *)slot = text;
}
