/* What a written value says of a fact: through the binding's own list of values, through
 * the spellings that mean the same everywhere (the table "words"), or as it stands. What
 * is not of the fact's type is no fact, unless it plainly wants to be one. */
#include "bind_table.h"

#include <assert.h>
#include <string.h>

#include "match.h"

#include "banned.h"

/* --- the literal ------------------------------------------------------------ */

static struct value list_of(struct arena *a, const struct setting *list, struct str *why)
{
    size_t count = 0, i = 0;
    for (const struct setting *s = list->first; s; s = s->next)
        count++;
    struct value *at = arena_alloc_array(a, count + 1, sizeof *at);
    for (const struct setting *s = list->first; s; s = s->next) {
        const struct setting *item = setting_resolve(s);
        if (item->kind != SETTING_SCALAR || item->value.kind == VALUE_UNKNOWN) {
            *why = STR("a list with parts that are not plain values");
            return VALUE_NOTHING;
        }
        at[i++] = item->value;
    }
    struct value v = {VALUE_LIST, {.list = {at, count}}};
    return v;
}

/* torch.bfloat16 and its like are code, and yet as constant as a number. */
static bool is_dtype(const struct setting *s)
{
    if (!str_starts(s->text, STR("torch.")))
        return false;
    for (size_t i = 6; i < s->text.len; i++) {
        char c = s->text.at[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return s->text.len > 6;
}

struct value bind_value_of(struct arena *a, const struct setting *s, struct str *why)
{
    const struct setting *held = setting_resolve(s);
    *why = (struct str){"", 0};
    if (held->kind == SETTING_LIST)
        return list_of(a, held, why);
    if (held->kind == SETTING_MAP)
        *why = STR("a section");
    else if (held->value.kind == VALUE_UNKNOWN && is_dtype(held))
        return VALUE_OF_STR(held->text);
    else if (held->value.kind == VALUE_UNKNOWN)
        *why = held->why ? str_from(held->why) : STR("an expression");
    /* The environment holds texts; who reads a number from it makes it one. */
    if (held->parent && held->parent->shape == SHAPE_ENV && held->value.kind == VALUE_STRING)
        return loader_read(LOADER_SHELL, held->value.as.string, NULL);
    return held->value;
}

/* Their settings have the names of flags. */
static bool is_options(const struct setting *map)
{
    return map->shape == SHAPE_COMMAND || map->shape == SHAPE_ARGPARSE;
}

/* Is ARGUMENT (_0: the first positional one) among those of the call that S is, or stands
 * in? */
static bool is_given(const struct setting *s, struct str argument)
{
    const struct setting *call = s->kind == SETTING_MAP ? s : s->parent;
    for (const struct setting *at = call ? call->first : NULL; at; at = at->next)
        if (str_eq(at->key, argument) ||
            (at->flags & SETTING_POSITIONAL && argument.len && argument.at[0] == '_' &&
             str_eq(at->key, str_slice(argument, 1, argument.len))))
            return true;
    return false;
}

struct value bind_value_ask(const void *setting, enum expr_question question,
                            struct str name)
{
    const struct setting *s = setting;
    if (question != EXPR_VALUE)
        return VALUE_NOTHING;
    if (str_starts(name, STR("given.")))
        return VALUE_OF_BOOL(is_given(s, str_slice(name, 6, name.len)));
    if (str_eq(name, STR("callee")))
        return VALUE_OF_STR(bind_match_last(s->name));
    if (name.len == 2 && name.at[0] == '_') /* the call's first, second, ... argument */
        name = str_slice(name, 1, name.len);
    if (str_starts(name, STR("settings.")))
        name = str_slice(name, 9, name.len);
    for (const struct setting *up = s->kind == SETTING_MAP ? s : s->parent; up;
         up = up->parent) {
        const struct setting *hit = setting_resolve(setting_find(up, name));
        for (const struct setting *o = up->first; !hit && is_options(up) && o; o = o->next)
            hit = bind_match_is_word(o->key, name) ? o : NULL;
        if (hit)
            return hit->kind == SETTING_SCALAR ? hit->value
                                               : VALUE_OF_BOOL(hit->first != NULL);
    }
    return VALUE_NOTHING;
}

/* --- written value -> fact value -------------------------------------------- */

static bool same_written(struct value listed, struct value v)
{
    if (listed.kind == VALUE_STRING && v.kind == VALUE_STRING)
        return str_eq_nocase(listed.as.string, v.as.string);
    return value_eq(listed, v);
}

/* The entry for V; "any other" when none lists it. NULL: no fact. */
static const struct value_map *find_map(const struct binding *b, struct value v)
{
    const struct value_map *other = NULL;
    for (uint32_t i = 0; i < b->values.len; i++) {
        const struct value_map *m = &b->values.at[i];
        if (m->written.kind == VALUE_UNKNOWN)
            other = m;
        else if (same_written(m->written, v))
            return m;
    }
    return other;
}

static const struct framework *words_table(const struct pack *pack)
{
    for (uint32_t i = 0; i < pack->frameworks.len; i++)
        if (str_eq(pack->frameworks.at[i].id, STR("words")))
            return &pack->frameworks.at[i];
    return NULL;
}

/* "torch.optim.AdamW" -> "AdamW" */
static struct str bare_name(struct str s)
{
    return bind_match_last(s);
}

static bool word_of(const struct pack *pack, enum fact_id id, struct value v,
                    struct value *out, struct str *why)
{
    const struct framework *words = words_table(pack);
    for (uint32_t i = 0; words && i < words->bindings.len; i++) {
        const struct binding *b = &words->bindings.at[i];
        const struct value_map *m = b->fact == id ? find_map(b, v) : NULL;
        if (!m && b->fact == id && v.kind == VALUE_STRING)
            m = find_map(b, VALUE_OF_STR(bare_name(v.as.string)));
        if (m) {
            *out = m->fact;
            *why = m->why;
            return true;
        }
    }
    return false;
}

static bool is_auto(struct value v)
{
    return v.kind == VALUE_STRING && str_eq_nocase(v.as.string, STR("auto"));
}

static bool unknown(struct value *out, struct str *why, struct str because)
{
    *out = VALUE_NOTHING;
    *why = because;
    return true;
}

static bool read_int(struct value v, struct value *out, struct str *why)
{
    double number;
    if (v.kind == VALUE_STRING && str_to_float(v.as.string, &number))
        return unknown(out, why, STR("a string, not a number"));
    if (v.kind == VALUE_FLOAT && v.as.real >= 1 && v.as.real < 1e15 &&
        v.as.real == (double)(int64_t)v.as.real)
        v = VALUE_OF_INT((int64_t)v.as.real);
    else if (v.kind == VALUE_FLOAT)
        return unknown(out, why, STR("not a whole number"));
    if (v.kind == VALUE_INT && v.as.integer < 0)
        return unknown(out, why, STR("negative: chosen at run time"));
    *out = v;
    return v.kind == VALUE_INT;
}

static bool read_float(struct value v, struct value *out, struct str *why)
{
    double number;
    if (v.kind == VALUE_STRING && str_to_float(v.as.string, &number))
        return unknown(out, why, STR("a string, not a number"));
    *out = v;
    return v.kind == VALUE_INT || v.kind == VALUE_FLOAT;
}

static bool read_bool(struct value v, struct value *out, struct str *why)
{
    if (v.kind == VALUE_STRING && (str_eq_nocase(v.as.string, STR("true")) ||
                                   str_eq_nocase(v.as.string, STR("false"))))
        return unknown(out, why, STR("a string, not a truth value"));
    if (v.kind == VALUE_INT && (v.as.integer == 0 || v.as.integer == 1))
        v = VALUE_OF_BOOL(v.as.integer == 1);
    *out = v;
    return v.kind == VALUE_BOOL;
}

static struct value list_twice(struct arena *a, struct value first, struct value second)
{
    struct value *at = arena_alloc_array(a, 2, sizeof *at);
    at[0] = first;
    at[1] = second;
    struct value v = {VALUE_LIST, {.list = {at, 2}}};
    return v;
}

static bool all_of_kind(struct value list, enum value_kind kind)
{
    for (size_t i = 0; i < list.as.list.len; i++)
        if (list.as.list.at[i].kind != kind)
            return false;
    return true;
}

/* "512", "512,768", "512x768" and "(512, 768)", as options and TOML have it. */
static struct value sides_of(struct arena *a, struct str text)
{
    const struct pattern *p =
        match_pattern(STR("^[ (\\[]*(\\d{1,6})(?:[ ]*[,x][ ]*(\\d{1,6}))?[ )\\]]*$"), NULL);
    struct match m;
    int64_t first, second;
    if (!p || !match_find(p, text, 0, &m) ||
        !str_to_int(str_slice(text, m.group[1].from, m.group[1].to), &first))
        return VALUE_NOTHING;
    if (m.group[2].to <= m.group[2].from ||
        !str_to_int(str_slice(text, m.group[2].from, m.group[2].to), &second))
        second = first;
    return list_twice(a, VALUE_OF_INT(first), VALUE_OF_INT(second));
}

static bool all_sides(struct value v)
{
    for (size_t i = 0; v.kind == VALUE_LIST && i < v.as.list.len; i++)
        if (v.as.list.at[i].kind != VALUE_INT || v.as.list.at[i].as.integer <= 0)
            return false; /* of (-1, 256) one side follows from the other */
    return v.kind == VALUE_LIST;
}

/* One side is a square; height and width are two; channels are not part of it. */
static bool read_image_size(struct arena *a, struct value v, struct value *out)
{
    if (v.kind == VALUE_STRING)
        v = sides_of(a, v.as.string);
    if (v.kind == VALUE_INT && v.as.integer > 0)
        *out = list_twice(a, v, v);
    else if (v.kind == VALUE_LIST && v.as.list.len == 1)
        *out = list_twice(a, v.as.list.at[0], v.as.list.at[0]);
    else if (v.kind == VALUE_LIST && v.as.list.len == 2)
        *out = v;
    else
        return false;
    return all_sides(*out);
}

/* "q_proj,v_proj" is the list that it reads like. */
static struct value split(struct arena *a, struct str text)
{
    size_t count = 1, len = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == ',';
    struct value *at = arena_alloc_array(a, count, sizeof *at);
    for (size_t from = 0; from <= text.len;) {
        size_t comma = str_find_byte(text, ',', from);
        size_t to = comma == SIZE_MAX ? text.len : comma;
        struct str part = str_trim(str_slice(text, from, to));
        if (part.len)
            at[len++] = VALUE_OF_STR(part);
        from = to + 1;
    }
    struct value v = {VALUE_LIST, {.list = {at, len}}};
    return v;
}

static bool read_list(struct arena *a, enum fact_id id, struct value v, struct value *out)
{
    if (id == FACT_image_size)
        return read_image_size(a, v, out);
    bool numbers = id == FACT_cnn_channels || id == FACT_backbone_strides;
    if (v.kind == VALUE_STRING && !numbers && v.as.string.len)
        v = split(a, v.as.string);
    *out = v;
    return v.kind == VALUE_LIST && all_of_kind(v, numbers ? VALUE_INT : VALUE_STRING);
}

static bool read_word(struct arena *a, const struct pack *pack, enum fact_id id,
                      struct value v, struct value *out, struct str *why)
{
    *out = v;
    if (v.kind == VALUE_STRING && id != FACT_optimizer && fact_accepts(id, v))
        return true;
    if (word_of(pack, id, v, out, why))
        return true;
    if (v.kind != VALUE_STRING || id != FACT_optimizer)
        return false;
    /* Optimizers are an open list: one that is unheard of keeps its own name. */
    struct str name = arena_str(a, bare_name(v.as.string));
    char *at = arena_alloc(a, name.len + 1);
    for (size_t i = 0; i < name.len; i++)
        at[i] =
            (char)(name.at[i] >= 'A' && name.at[i] <= 'Z' ? name.at[i] + 32 : name.at[i]);
    *out = VALUE_OF_STR(((struct str){at, name.len}));
    return fact_accepts(id, *out);
}

static bool read_plain(struct arena *a, const struct pack *pack, enum fact_id id,
                       struct value v, struct value *out, struct str *why)
{
    switch (fact_info(id)->type) {
    case FACT_TYPE_INT:
        return read_int(v, out, why);
    case FACT_TYPE_FLOAT:
        return read_float(v, out, why);
    case FACT_TYPE_BOOL:
        return read_bool(v, out, why);
    case FACT_TYPE_STRING:
        *out = v;
        return v.kind == VALUE_STRING && v.as.string.len > 0;
    case FACT_TYPE_ENUM:
        return read_word(a, pack, id, v, out, why);
    case FACT_TYPE_LIST:
        return read_list(a, id, v, out);
    }
    return false;
}

struct computing {
    const struct setting *setting;
    struct value value;
};

static struct value ask_computing(const void *context, enum expr_question question,
                                  struct str name)
{
    const struct computing *c = context;
    if (question == EXPR_VALUE && str_eq(name, STR("value")))
        return c->value;
    return bind_value_ask(c->setting, question, name);
}

static bool read_mapped(struct arena *a, const struct binding *b, enum fact_id id,
                        struct value v, struct value *out, struct str *why)
{
    const struct value_map *m = find_map(b, v);
    if (!m)
        return false;
    *why = m->why;
    *out = m->fact;
    if (m->fact.kind == VALUE_UNKNOWN && !m->why.len)
        *why = STR("chosen at run time");
    struct value fixed;
    if (fact_info(id)->type == FACT_TYPE_LIST && read_list(a, id, *out, &fixed))
        *out = fixed;
    return true;
}

/* A call as a value is its callee: `optimizer = torch.optim.AdamW(...)`. */
static bool callee_of(const struct setting *s, struct value *out)
{
    const struct setting *held = setting_resolve(s);
    if (held->kind != SETTING_MAP || held->shape != SHAPE_CALL || !held->name.len)
        return false;
    *out = VALUE_OF_STR(bind_match_last(held->name));
    return true;
}

/* Only where the table lists callees, or the callee is an optimizer that we know. */
static bool means_its_callee(const struct pack *pack, const struct binding *b,
                             enum fact_id id, struct value callee)
{
    struct value ignored;
    struct str why;
    return b->values.len || b->compute.len ||
           (id == FACT_optimizer && word_of(pack, id, callee, &ignored, &why));
}

/* dict(max_norm=35) is a section; os.cpu_count() is a value. */
static bool has_names(const struct setting *call)
{
    for (const struct setting *s = call->first; s; s = s->next)
        if (!(s->flags & SETTING_POSITIONAL))
            return true;
    return false;
}

/* A number or truth value, which a call can give. */
static bool is_plain_type(enum fact_id id)
{
    enum fact_type type = fact_info(id)->type;
    return type == FACT_TYPE_INT || type == FACT_TYPE_FLOAT || type == FACT_TYPE_BOOL;
}

bool bind_value_read(struct arena *a, const struct pack *pack, const struct binding *b,
                     enum fact_id id, const struct setting *s, struct value *out,
                     struct str *why)
{
    struct value v = bind_value_of(a, s, why);
    bool map = setting_resolve(s)->kind == SETTING_MAP, call = map && callee_of(s, &v);
    *out = VALUE_NOTHING;
    if (call && !means_its_callee(pack, b, id, v))
        return is_plain_type(id) && !has_names(s) && unknown(out, why, STR("a call"));
    if (map && !call)
        return false;
    if (v.kind == VALUE_UNKNOWN)
        return true;
    *why = (struct str){"", 0};
    if (b->compute.len) {
        struct computing c = {s, v};
        struct expr_scope scope = {ask_computing, &c};
        v = expr_eval(a, &b->compute, &scope);
        if (v.kind == VALUE_UNKNOWN)
            return unknown(out, why, STR("depends on settings that are not known"));
    }
    if (b->values.len)
        return read_mapped(a, b, id, v, out, why);
    if (v.kind == VALUE_NULL)
        return false;
    if (is_auto(v) && id != FACT_model_name)
        return unknown(out, why, STR("auto"));
    return read_plain(a, pack, id, v, out, why);
}

/* --- the allocator's text ---------------------------------------------------- */

bool bind_value_segments(struct str text, bool *out)
{
    static const struct str NAME = STR_INIT("expandable_segments:");
    size_t at = str_find(text, NAME, 0);
    if (at == SIZE_MAX || (at > 0 && text.at[at - 1] != ',' && text.at[at - 1] != ' '))
        return false;
    struct str rest = str_slice(text, at + NAME.len, text.len);
    size_t comma = str_find_byte(rest, ',', 0);
    struct str word = str_trim(str_slice(rest, 0, comma == SIZE_MAX ? rest.len : comma));
    *out = str_eq(word, STR("True"));
    return *out || str_eq(word, STR("False"));
}

/* --- fact value -> written value --------------------------------------------- */

static size_t common_end(struct str x, struct str y)
{
    size_t len = 0;
    while (len < x.len && len < y.len && x.at[x.len - len - 1] == y.at[y.len - len - 1])
        len++;
    return len;
}

static size_t common_start(struct str x, struct str y)
{
    size_t len = 0;
    while (len < x.len && len < y.len && x.at[len] == y.at[len])
        len++;
    return len;
}

/* How much SPELLING looks like what is written now: bf16-true and 16-true, torch.float16
 * and torch.bfloat16, or both a bare number. */
static size_t likeness(struct value spelling, struct value now)
{
    enum { SAME_KIND = 1000, ENDS = 20 };
    if (spelling.kind != now.kind)
        return 0;
    if (now.kind != VALUE_STRING)
        return SAME_KIND;
    struct str x = spelling.as.string, y = now.as.string;
    bool dash_x = str_find_byte(x, '-', 0) != SIZE_MAX;
    bool dash_y = str_find_byte(y, '-', 0) != SIZE_MAX;
    size_t end = dash_x && dash_y ? common_end(x, y) : 0;
    return SAME_KIND + ENDS * end + common_start(x, y) + (dash_x == dash_y ? 1 : 0);
}

static bool written_by_map(const struct binding *b, struct value now, struct value wanted,
                           struct value *out)
{
    bool found = false;
    for (uint32_t i = 0; i < b->values.len; i++) {
        const struct value_map *m = &b->values.at[i];
        if (m->written.kind == VALUE_UNKNOWN || !value_eq(m->fact, wanted))
            continue;
        if (!found || likeness(m->written, now) > likeness(*out, now))
            *out = m->written;
        found = true;
    }
    return found;
}

static bool square(struct value v)
{
    return v.kind == VALUE_LIST && v.as.list.len == 2 &&
           value_eq(v.as.list.at[0], v.as.list.at[1]);
}

static bool written_plain(const struct fact *f, const struct setting *s,
                          struct value wanted, struct value *out)
{
    enum fact_type type = fact_info(f->id)->type;
    *out = wanted;
    if (type == FACT_TYPE_ENUM)
        return !s || value_eq(s->value, f->value);
    if (type != FACT_TYPE_LIST)
        return fact_accepts(f->id, wanted);
    bool one = s && s->kind == SETTING_SCALAR;
    if (one && f->id == FACT_image_size && square(wanted))
        *out = wanted.as.list.at[0];
    else if (one)
        return false;
    return true;
}

/* Only the option itself changes; replacing needs memory that this call has not got,
 * so the two texts that need none are the ones that can be written. */
static bool written_segments(const struct setting *s, struct value wanted,
                             struct value *out)
{
    bool now;
    if (wanted.kind != VALUE_BOOL || !s)
        return false;
    struct str text = str_trim(s->text);
    bool alone = text.len == 0 || (bind_value_segments(text, &now) &&
                                   str_find_byte(text, ',', 0) == SIZE_MAX);
    if (!alone)
        return false;
    *out = VALUE_OF_STR(wanted.as.boolean ? STR("expandable_segments:True")
                                          : STR("expandable_segments:False"));
    return true;
}

bool bind_written(const struct fact *fact, struct value wanted, struct value *out)
{
    const struct binding *b = fact->binding;
    const struct setting *s = setting_resolve(fact->setting);
    if (!b || wanted.kind == VALUE_UNKNOWN)
        return false;
    if (fact->id == FACT_expandable_segments && b->fact == FACT_allocator_conf)
        return written_segments(s, wanted, out);
    if (b->compute.len || !fact_accepts(fact->id, wanted))
        return false;
    struct value now = s ? s->value : VALUE_NOTHING;
    if (b->values.len)
        return written_by_map(b, now, wanted, out);
    return written_plain(fact, s, wanted, out);
}
