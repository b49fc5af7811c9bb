/* One framework's names for the facts. */
#include "pack_read.h"

#include <stddef.h>

#include "match.h"
#include "banned.h"

static bool may_name_derived(const struct pack_reader *r, struct str name)
{
    (void)r;
    return pack_names_fact(name) || pack_after(name, "settings.").len ||
           str_eq(name, STR("framework")) || str_eq(name, STR("language")) ||
           str_eq(name, STR("loader"));
}

static bool may_name_computed(const struct pack_reader *r, struct str name)
{
    return str_eq(name, STR("value")) || may_name_derived(r, name);
}

static void read_computed(struct pack_reader *r, const struct setting *s, void *slot)
{
    r->may_name = may_name_computed;
    pack_read_expr(r, s, slot);
    r->may_name = NULL;
}

static void read_derived_expr(struct pack_reader *r, const struct setting *s, void *slot)
{
    r->may_name = may_name_derived;
    pack_read_expr(r, s, slot);
    r->may_name = NULL;
}

/* --- recognising --------------------------------------------------------- */

struct evidence_read VEC_BODY(struct evidence);

static void add_evidence(struct pack_reader *r, const struct setting *s, void *vec)
{
#define AT(name) offsetof(struct evidence, name)
    static const struct pack_field fields[] = {
        {"all_keys", false, AT(all_keys), pack_read_texts},
        {"any_keys", false, AT(any_keys), pack_read_texts},
        {"at_least", false, AT(at_least), pack_read_u32},
        {"at_most", false, AT(at_most), pack_read_u32},
        {"no_keys", false, AT(no_keys), pack_read_texts},
        {"calls", false, AT(calls), pack_read_texts},
        {"imports", false, AT(imports), pack_read_texts},
        {"file", false, AT(file), pack_read_regex},
        {"text", false, AT(text), pack_read_regex},
    };
#undef AT
    struct evidence_read *all = vec;
    struct evidence e = {.file = {"", 0}, .text = {"", 0}};
    PACK_READ_MAP(r, s, fields, &e);
    if (!e.all_keys.len && !e.any_keys.len && !e.calls.len && !e.imports.len &&
        !e.file.len && !e.text.len)
        pack_problem(r, pack_span(s), "this would recognise every file");
    if (e.at_least > e.any_keys.len)
        pack_problem(r, pack_span(s), "at_least asks for more than any_keys lists");
    vec_push(r->arena, all, e);
}

static void read_evidence(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct framework *f = slot;
    struct evidence_read all = {0};
    pack_each(r, s, &all, add_evidence);
    PACK_PUT(f->evidence, all);
}

/* --- bindings ------------------------------------------------------------ */

struct bindings_read VEC_BODY(struct binding);
struct value_maps_read VEC_BODY(struct value_map);

/* The written value that a key of `values:` stands for: as YAML 1.2 reads the key. */
static struct value written_value(struct pack_reader *r, const struct setting *s)
{
    char first =
        s->key_span.from < s->key_span.to ? r->source->text.at[s->key_span.from] : '"';
    if (str_eq(s->key, STR("*")))
        return VALUE_NOTHING;
    if (first == '"' || first == '\'')
        return VALUE_OF_STR(s->key);
    return loader_read(LOADER_YAML12, s->key, NULL);
}

static void read_values(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct binding *b = slot;
    struct value_maps_read maps = {0};
    const struct setting *map = setting_resolve(s);
    if (map->kind != SETTING_MAP || !map->first) {
        pack_problem(r, pack_span(s), "expected a map from written values to the fact's");
        return;
    }
    for (const struct setting *child = map->first; child; child = child->next) {
        struct value_map m = {.written = written_value(r, child), .why = {"", 0}};
        if (!pack_fact_value(r, child, b->fact, &m.fact))
            continue;
        if (m.fact.kind == VALUE_UNKNOWN)
            m.why = r->why;
        vec_push(r->arena, &maps, m);
    }
    PACK_PUT(b->values, maps);
}

static bool insertable_by_default(struct str key)
{
    return key.len && key.at[0] != '/';
}

static void add_trap(struct pack_reader *r, struct bindings_read *all, struct str key)
{
    vec_push(r->arena, all,
             ((struct binding){.key = key, .fact = FACT_COUNT, .scope = {"", 0}}));
}

static void read_fact_or_null(struct pack_reader *r, const struct setting *s, void *slot)
{
    if (s->value.kind != VALUE_NULL)
        pack_read_fact(r, s, slot);
}

/* `fact` and `why` first: the values are checked against the one and carry the other. */
static void read_binding_map(struct pack_reader *r, const struct setting *s,
                             struct binding *b)
{
#define AT(name) offsetof(struct binding, name)
    static const struct pack_field fields[] = {
        {"fact", true, 0, NULL},
        {"why", false, 0, NULL},
        {"values", false, 0, read_values},
        {"scope", false, AT(scope), pack_read_line},
        {"inside", false, AT(inside), pack_read_texts},
        {"when", false, AT(when), pack_read_expr},
        {"compute", false, AT(compute), read_computed},
        {"insertable", false, AT(insertable), pack_read_bool},
        {"weight", false, AT(weight), pack_read_u8},
    };
#undef AT
    const struct setting *fact = setting_child(s, STR("fact"));
    const struct setting *why = setting_child(s, STR("why"));
    r->why = STR("");
    if (why)
        pack_read_line(r, why, &r->why);
    if (fact)
        read_fact_or_null(r, fact, &b->fact);
    PACK_READ_MAP(r, s, fields, b);
}

static void add_binding(struct pack_reader *r, const struct setting *s, struct str key,
                        struct bindings_read *all)
{
    const struct setting *at = setting_resolve(s);
    struct binding b = {.key = key, .fact = FACT_COUNT, .scope = {"", 0}};
    b.insertable = insertable_by_default(key);
    if (at->kind == SETTING_SCALAR && s->value.kind == VALUE_NULL) {
        add_trap(r, all, key);
        return;
    }
    if (at->kind == SETTING_MAP)
        read_binding_map(r, at, &b);
    else
        pack_read_fact(r, s, &b.fact);
    if (b.fact == FACT_COUNT)
        b.insertable = false;
    vec_push(r->arena, all, b);
}

static void check_key(struct pack_reader *r, const struct setting *s)
{
    struct str key = s->key;
    struct err err;
    if (!key.len || str_eq(key, STR("**.")))
        pack_problem(r, s->key_span, "an empty key");
    else if (key.at[0] != '/')
        return;
    else if (key.len < 3 || key.at[key.len - 1] != '/')
        pack_problem(r, s->key_span, "a regular expression ends in '/'");
    else if (!match_pattern(str_slice(key, 1, key.len - 1), &err))
        pack_problem(r, s->key_span, "%s", err.message);
}

static void read_keys(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct framework *f = slot;
    struct bindings_read all = {0};
    const struct setting *map = setting_resolve(s);
    if (map->kind != SETTING_MAP) {
        pack_problem(r, pack_span(s), "expected a map from keys to facts");
        return;
    }
    for (const struct setting *child = map->first; child; child = child->next) {
        const struct setting *at = setting_resolve(child);
        check_key(r, child);
        if (child->flags & SETTING_DUPLICATE)
            pack_problem(r, child->key_span, "'%.*s' is written twice",
                         STR_ARG(child->key));
        if (at->kind != SETTING_LIST) {
            add_binding(r, child, child->key, &all);
            continue;
        }
        for (const struct setting *item = at->first; item; item = item->next)
            add_binding(r, item, child->key, &all);
    }
    PACK_PUT(f->bindings, all);
}

/* --- defaults and derived ------------------------------------------------ */

struct defaults_read VEC_BODY(struct fact_default);

static void read_default_value(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct fact_default *d = slot;
    pack_fact_value(r, s, d->fact, &d->value);
}

static void add_default(struct pack_reader *r, const struct setting *s, enum fact_id fact,
                        struct defaults_read *all)
{
    static const struct pack_field fields[] = {
        {"value", true, 0, read_default_value},
        {"why", false, offsetof(struct fact_default, why), pack_read_line},
        {"when", false, offsetof(struct fact_default, when), read_derived_expr},
    };
    struct fact_default d = {.fact = fact, .why = {"", 0}};
    if (setting_resolve(s)->kind == SETTING_MAP)
        PACK_READ_MAP(r, s, fields, &d);
    else
        pack_fact_value(r, s, fact, &d.value);
    vec_push(r->arena, all, d);
}

static bool is_list_of_maps(const struct setting *s)
{
    return s->kind == SETTING_LIST && s->first &&
           setting_resolve(s->first)->kind == SETTING_MAP;
}

static void read_defaults(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct framework *f = slot;
    struct defaults_read all = {0};
    const struct setting *map = setting_resolve(s);
    if (map->kind != SETTING_MAP) {
        pack_problem(r, pack_span(s), "expected a map from facts to values");
        return;
    }
    for (const struct setting *child = map->first; child; child = child->next) {
        enum fact_id fact = pack_key_fact(r, child);
        const struct setting *at = setting_resolve(child);
        if (fact == FACT_COUNT)
            continue;
        if (!is_list_of_maps(at)) {
            add_default(r, child, fact, &all);
            continue;
        }
        for (const struct setting *item = at->first; item; item = item->next)
            add_default(r, item, fact, &all);
    }
    PACK_PUT(f->defaults, all);
}

static void read_derived(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct derived_read VEC_BODY(struct fact_rule) all = {0};
    struct framework *f = slot;
    const struct setting *map = setting_resolve(s);
    if (map->kind != SETTING_MAP) {
        pack_problem(r, pack_span(s), "expected a map from facts to expressions");
        return;
    }
    for (const struct setting *child = map->first; child; child = child->next) {
        const struct setting *at = setting_resolve(child);
        enum fact_id fact = pack_key_fact(r, child);
        bool list = at->kind == SETTING_LIST;
        for (const struct setting *item = list ? at->first : child; item;
             item = item->next) {
            struct fact_rule d = {.fact = fact};
            read_derived_expr(r, item, &d.value);
            if (fact != FACT_COUNT && d.value.len)
                vec_push(r->arena, &all, d);
            if (!list)
                break;
        }
    }
    PACK_PUT(f->derived, all);
}

/* --- links ----------------------------------------------------------------- */

struct links_read VEC_BODY(struct link_spec);

static void read_how(struct pack_reader *r, const struct setting *s, void *slot)
{
    static const struct pack_word words[] = {
        {"base", LINK_BASE}, {"join", LINK_JOIN}, {"config", LINK_CONFIG}};
    int how = pack_word(r, s, words, sizeof words / sizeof *words);
    if (how >= 0)
        *(enum link_how *)slot = (enum link_how)how;
}

static void add_link(struct pack_reader *r, const struct setting *s, void *vec)
{
#define AT(name) offsetof(struct link_spec, name)
    static const struct pack_field fields[] = {
        {"key", true, AT(key), pack_read_text},
        {"how", true, AT(how), read_how},
        {"cut", false, AT(cut), pack_read_text},
        {"climb", false, AT(climb), pack_read_bool},
    };
#undef AT
    struct links_read *all = vec;
    struct link_spec link = {.key = {"", 0}, .cut = {"", 0}};
    PACK_READ_MAP(r, s, fields, &link);
    vec_push(r->arena, all, link);
}

static void read_links(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct framework *f = slot;
    struct links_read all = {0};
    pack_each(r, s, &all, add_link);
    PACK_PUT(f->links, all);
}

/* --- the framework ------------------------------------------------------- */

static void read_loader(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct str name;
    if (pack_scalar(r, s, &name) && !loader_parse(name, slot))
        pack_problem(r, pack_span(s), "'%.*s' is no loader", STR_ARG(name));
}

static void read_framework_id(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct str id;
    if (!pack_scalar(r, s, &id))
        return;
    *(struct str *)slot = id;
    for (size_t i = 0; i < r->frameworks.len; i++)
        if (str_eq(r->frameworks.at[i].id, id))
            pack_problem(r, pack_span(s), "another framework is called '%.*s'",
                         STR_ARG(id));
}

void pack_read_framework(struct pack_reader *r, const struct setting *root)
{
#define AT(name) offsetof(struct framework, name)
    static const struct pack_field fields[] = {
        {"framework", true, AT(id), read_framework_id},
        {"summary", true, AT(summary), pack_read_line},
        {"languages", true, AT(languages), pack_read_languages},
        {"loader", false, AT(loader), read_loader},
        {"priority", false, AT(priority), pack_read_int},
        {"generic", false, AT(generic), pack_read_bool},
        {"habits", false, AT(habits), pack_read_habits},
        {"recognise", false, 0, read_evidence},
        {"keys", true, 0, read_keys},
        {"defaults", false, 0, read_defaults},
        {"derived", false, 0, read_derived},
        {"links", false, 0, read_links},
        {"sources", true, AT(sources), pack_read_texts},
    };
#undef AT
    struct framework f = {.id = {"", 0}, .summary = {"", 0}, .loader = LOADER_PYYAML};
    PACK_READ_MAP(r, root, fields, &f);
    if (!f.evidence.len && !f.generic)
        pack_problem(r, pack_span(root->first ? root->first : root),
                     "nothing says how the framework is recognised");
    vec_push(r->arena, &r->frameworks, f);
}
