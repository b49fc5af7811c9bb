/* Where a missing fact can be written: beside the settings that it belongs with, under
 * the name that the framework has for it. */
#include "bind_table.h"

#include "match.h"

#include "banned.h"

static bool is_loader_fact(enum fact_id id)
{
    return id == FACT_pin_memory || id == FACT_persistent_workers ||
           id == FACT_prefetch_factor || id == FACT_num_workers || id == FACT_drop_last;
}

/* The settings that FACT likes to stand beside, best first. */
static const struct setting *neighbour(const struct run *run, enum fact_id fact,
                                       size_t turn)
{
    static const enum fact_id LOADER[] = {FACT_num_workers, FACT_pin_memory,
                                          FACT_batch_size,
                                          FACT_gradient_accumulation_steps};
    static const enum fact_id OTHER[] = {FACT_batch_size, FACT_gradient_accumulation_steps,
                                         FACT_precision, FACT_learning_rate};
    if (turn >= sizeof LOADER / sizeof *LOADER)
        return NULL;
    const struct fact *f = run_fact(run, is_loader_fact(fact) ? LOADER[turn] : OTHER[turn]);
    return f && f->doc == run->doc ? f->setting : NULL;
}

static bool can_hold_keys(const struct setting *map)
{
    if (!map || map->kind != SETTING_MAP || map->target)
        return false;
    switch (map->shape) {
    case SHAPE_PLAIN:
    case SHAPE_DICT:
    case SHAPE_CALL:
    case SHAPE_CLASS:
        return true;
    default:
        return false;
    }
}

static bool names(struct str wanted, const struct setting *map)
{
    return str_eq(wanted, bind_match_last(map->key)) ||
           (map->name.len && str_eq(wanted, bind_match_last(map->name)));
}

/* Is MAP a call that the framework is known by, or that the binding names? */
static bool is_known_call(const struct framework *f, const struct binding *b,
                          const struct setting *map)
{
    for (uint32_t i = 0; i < b->inside.len; i++)
        if (names(b->inside.at[i], map))
            return true;
    for (uint32_t i = 0; i < f->evidence.len; i++)
        for (uint32_t k = 0; k < f->evidence.at[i].calls.len; k++)
            if (names(f->evidence.at[i].calls.at[k], map))
                return true;
    return false;
}

/* A key that is there with nothing behind it can be filled. */
static bool is_taken(const struct setting *map, struct str key)
{
    const struct setting *s = setting_child(map, key);
    return s && (s->kind != SETTING_SCALAR || s->value.kind != VALUE_NULL);
}

static bool offer(struct arena *a, const struct run *run, const struct framework *f,
                  const struct binding *b, const struct setting *map,
                  const struct setting *after, struct insertion *out)
{
    struct str key = bind_match_last(b->key);
    if (!can_hold_keys(map) || is_taken(map, key))
        return false;
    const struct setting probe = {.parent = (struct setting *)map, .key = key};
    if (!bind_match_inside(b, &probe) || !bind_match_when(a, b, &probe))
        return false;
    bool python = run->doc->source->language == LANGUAGE_PYTHON;
    bool known_call = python && is_known_call(f, b, map);
    if (python && map->shape == SHAPE_CALL && !known_call &&
        !bind_scope_config_call(map->name))
        return false; /* a call need not take the argument */
    out->map = map;
    out->after = after && after->parent == map ? after : NULL;
    out->key = key;
    out->binding = b;
    out->certain = python ? known_call : !f->generic && !str_eq(f->id, STR("plain"));
    return true;
}

/* The map that an exact key names below the run's root; the root for a bare key. */
static const struct setting *exact_map(const struct run *run, struct str key)
{
    struct str last = bind_match_last(key);
    const struct setting *root = setting_root(run->container);
    if (last.len == key.len)
        return root;
    return setting_find(root, str_slice(key, 0, key.len - last.len - 1));
}

/* "**.train.lr" fits a map that is called train; "**.lr" any map. */
static bool fits_map(struct str key, const struct setting *map)
{
    struct str last = bind_match_last(key);
    if (key.len == last.len + 3)
        return true;
    struct str outer = str_slice(key, 0, key.len - last.len - 1);
    return map->parent && bind_match_key(outer, map);
}

/* The part of KEY behind "**.env.", a variable that a program sets; else empty. */
static struct str variable_of(struct str key)
{
    static const struct str ENV = STR_INIT("**.env.");
    return str_starts(key, ENV) ? str_slice(key, ENV.len, key.len) : (struct str){"", 0};
}

/* A variable that torch reads when it is imported: certain where it is, and nowhere
 * else. Stands with the others that the program sets, or in the module. */
static bool offer_variable(const struct run *run, const struct binding *b,
                           struct insertion *out)
{
    const struct setting *root = setting_root(run->container), *map = root->first;
    const struct pattern *p =
        match_pattern(STR("(?m)^[ \\t]*(import|from)[ \\t]+torch\\b"), NULL);
    struct match m;
    struct str key = variable_of(b->key);
    if (root->shape != SHAPE_MODULE || !p || !match_find(p, run->doc->masked, 0, &m))
        return false;
    while (map && map->shape != SHAPE_ENV)
        map = map->next;
    if (map && setting_child(map, key))
        return false;
    /* Without its own name in front the module would take it for a constant. */
    *out = (struct insertion){map ? map : root, NULL,
                              map ? key : str_slice(b->key, 3, b->key.len), b, true};
    return true;
}

static bool try_binding(struct arena *a, const struct run *run, const struct framework *f,
                        const struct binding *b, enum fact_id fact, struct insertion *out)
{
    if (bind_match_is_regex(b->key) || !b->insertable || str_ends(b->key, STR(")")))
        return false;
    if (variable_of(b->key).len)
        return offer_variable(run, b, out);
    bool anywhere = bind_match_is_anywhere(b->key);
    for (size_t turn = 0; turn < 4; turn++) {
        const struct setting *near = neighbour(run, fact, turn);
        const struct setting *map = near ? near->parent : NULL;
        if (!map || (anywhere ? !fits_map(b->key, map) : map != exact_map(run, b->key)))
            continue;
        if (offer(a, run, f, b, map, near, out))
            return true;
    }
    return !anywhere && offer(a, run, f, b, exact_map(run, b->key), NULL, out);
}

static bool try_framework(struct arena *a, const struct run *run, const struct framework *f,
                          enum fact_id fact, struct insertion *out)
{
    /* A key that takes the value as it is before one that is a switch for it. */
    for (int mapped = 0; mapped < 2; mapped++)
        for (uint32_t i = 0; i < f->bindings.len; i++) {
            const struct binding *b = &f->bindings.at[i];
            if (b->fact == fact && !b->scope.len && !b->compute.len &&
                (b->values.len > 0) == (mapped == 1) &&
                try_binding(a, run, f, b, fact, out))
                return true;
        }
    return false;
}

bool bind_insertion(const struct pack *pack, const struct run *run, enum fact_id fact,
                    struct insertion *out)
{
    struct arena scratch = {0};
    bool found = run->framework && !run->doc->broken &&
                 try_framework(&scratch, run, run->framework, fact, out);
    bool python = run->doc->source->language == LANGUAGE_PYTHON;
    for (uint32_t i = 0; python && !found && i < pack->frameworks.len; i++) {
        const struct framework *f = &pack->frameworks.at[i];
        if (f->generic && f != run->framework)
            found = try_framework(&scratch, run, f, fact, out);
    }
    arena_free(&scratch);
    return found;
}
