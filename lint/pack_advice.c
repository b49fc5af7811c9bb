/* The list of changes that need less memory, in the order of the file (least harm first),
 * where a change of the batch is another training, and the usual ways to train that the catalogue of models is asked for. */
#include "pack_read.h"

#include <stddef.h>

#include "banned.h"

static bool may_name(const struct pack_reader *r, struct str name)
{
    struct str fresh = pack_after(name, "new.");
    (void)r;
    return pack_names_fact(name) || pack_names_common(name) ||
           pack_after(name, "settings.").len || pack_after(name, "code.").len ||
           fact_parse(pack_after(name, "conflicts.")) != FACT_COUNT || (fresh.len && pack_names_fact(fresh));
}

static void read_effect(struct pack_reader *r, const struct setting *s, void *slot)
{
    static const struct pack_word words[] = {{"same", EFFECT_SAME},
                                             {"slower", EFFECT_SLOWER},
                                             {"rounding", EFFECT_ROUNDING},
                                             {"training", EFFECT_TRAINING}};
    int word = pack_word(r, s, words, sizeof words / sizeof *words);
    if (word >= 0)
        *(enum effect *)slot = (enum effect)word;
}

struct change_read {
    struct change change;
    struct targets_read targets;
    struct unsafes_read unsafes;
};

static void add_change(struct pack_reader *r, const struct setting *s, void *vec)
{
#define AT(name) offsetof(struct change_read, name)
    static const struct pack_field fields[] = {
        {"id", true, AT(change.id), pack_read_line},
        {"name", true, AT(change.name), pack_read_phrase},
        {"effect", true, AT(change.effect), read_effect},
        {"cost", true, AT(change.cost), pack_read_u32},
        {"repeat", false, AT(change.repeat), pack_read_bool},
        {"when", true, AT(change.when), pack_read_expr},
        {"set", true, AT(targets), pack_read_targets},
        {"unsafe_when", false, AT(unsafes), pack_read_unsafe},
        {"how", false, AT(change.how), pack_read_line},
    };
#undef AT
    struct changes_read *all = vec;
    struct change_read read = {.change = {.how = {"", 0}}};
    PACK_READ_MAP(r, s, fields, &read);
    PACK_PUT(read.change.set, read.targets);
    PACK_PUT(read.change.unsafe_when, read.unsafes);
    if (all->len && all->at[all->len - 1].effect > read.change.effect)
        pack_problem(r, pack_span(s), "it harms less than the change before it");
    vec_push(r->arena, all, read.change);
}

static void read_changes(struct pack_reader *r, const struct setting *s, void *slot)
{
    pack_each(r, s, slot, add_change);
}

/* --- methods ---------------------------------------------------------------- */

struct method_read {
    struct method method;
    struct fact_values_read facts;
};

static void add_method(struct pack_reader *r, const struct setting *s, void *vec)
{
#define AT(name) offsetof(struct method_read, name)
    static const struct pack_field fields[] = {
        {"id", true, AT(method.id), pack_read_line},
        {"summary", true, AT(method.summary), pack_read_line},
        {"families", true, AT(method.families), pack_read_texts},
        {"facts", true, AT(facts), pack_read_fact_values},
    };
#undef AT
    struct methods_read *all = vec;
    struct method_read read = {.facts = {0}};
    PACK_READ_MAP(r, s, fields, &read);
    PACK_PUT(read.method.facts, read.facts);
    vec_push(r->arena, all, read.method);
}

static void read_methods(struct pack_reader *r, const struct setting *s, void *slot)
{
    pack_each(r, s, slot, add_method);
}

struct advice_read {
    struct changes_read changes;
    struct methods_read methods;
    struct unsafes_read batch_unsafe;
};

void pack_read_advice(struct pack_reader *r, const struct setting *root)
{
    static const struct pack_field fields[] = {
        {"changes", false, offsetof(struct advice_read, changes), read_changes},
        {"methods", false, offsetof(struct advice_read, methods), read_methods},
        {"batch_unsafe_when", false, offsetof(struct advice_read, batch_unsafe),
         pack_read_unsafe},
        {"sources", true, 0, NULL},
    };
    struct advice_read read = {r->changes, r->methods, r->batch_unsafe};
    r->may_name = may_name;
    PACK_READ_MAP(r, root, fields, &read);
    r->may_name = NULL;
    r->changes = read.changes;
    r->methods = read.methods;
    r->batch_unsafe = read.batch_unsafe;
}
