/* Settings become facts one by one: the recognised framework's table is asked first, then
 * (in Python) the tables that hold for any program. What several settings say of one fact
 * is all kept; bind_run.c decides between them. */
#include "bind_table.h"

#include <assert.h>

#include "match.h"

#include "banned.h"

enum { TABLES = 16 };

struct binder {
    struct arena *arena;
    const struct pack *pack;
    struct document *doc;
    struct bind_index *tables[TABLES];
    size_t count;
    bool shown; /* that the file trains */
    bool tried; /* the batch size */
    struct facts *facts;
};

/* --- facts -------------------------------------------------------------------- */

static struct fact *add_fact(struct binder *b, enum fact_id id, const struct setting *s,
                             const struct binding *how, struct str scope)
{
    struct fact *f = vec_add(b->arena, b->facts);
    bool python = b->doc->source->language == LANGUAGE_PYTHON;
    /* That it is called at all; but a config that turns autocast off means it. */
    bool called = str_ends(how->key, STR("()")) && id != FACT_precision;
    unsigned place = !python ? 0 : called ? BIND_PLACE_CALL : bind_scope_weight(s);
    unsigned weight = how->weight * 4u + place;
    f->id = id;
    f->origin = ORIGIN_EXPLICIT;
    f->scope = scope;
    f->doc = b->doc;
    f->setting = s;
    f->binding = how;
    f->weight = (uint8_t)(weight > UINT8_MAX ? UINT8_MAX : weight);
    return f;
}

static void add_segments(struct binder *b, const struct fact *conf)
{
    bool on;
    if (conf->value.kind != VALUE_STRING ||
        !bind_value_segments(conf->value.as.string, &on))
        return;
    struct fact *f =
        add_fact(b, FACT_expandable_segments, conf->setting, conf->binding, conf->scope);
    f->value = VALUE_OF_BOOL(on);
}

/* accelerate's decorator tries smaller and smaller batches. */
static bool batch_is_tried(const struct document *doc)
{
    const struct pattern *p =
        match_pattern(STR("(?m)^[ \\t]*@[\\w.]*find_executable_batch_size\\b"), NULL);
    struct match m;
    return p && doc->masked.len && match_find(p, doc->masked, 0, &m);
}

/* lr = get_lr(step), where it is a step of the program. */
static bool is_step(const struct document *doc, const struct setting *s)
{
    return s->flags & SETTING_STATEMENT ||
           (doc->blocks.len && front_kinds_at(doc, s->key_span.from) & BLOCK_LOOP);
}

static void bind_one(struct binder *b, const struct binding *how, const struct setting *s)
{
    if ((!b->shown && !bind_train_counts(how, s)) || bind_scope_foreign(b->doc, s, how->fact) ||
        bind_branch_left(b->doc, s) || bind_branch_either(s))
        return;
    bool eval = bind_scope_eval(b->doc, s);
    enum fact_id id = how->fact;
    struct str scope = how->scope;
    if (!scope.len && (eval || id == FACT_eval_batch_size))
        scope = STR("eval");
    if (id == FACT_batch_size && str_eq(scope, STR("eval")))
        id = FACT_eval_batch_size;
    struct value value;
    struct str why;
    if (!bind_value_read(b->arena, b->pack, how, id, s, &value, &why))
        return;
    if (value.kind == VALUE_UNKNOWN && s->kind == SETTING_MAP && is_step(b->doc, s))
        return;
    struct fact *f = add_fact(b, id, s, how, scope);
    f->value = value;
    f->why = why;
    if (id == FACT_batch_size && b->tried) {
        f->value = VALUE_NOTHING;
        f->why = STR("found at run time");
    }
    if (id == FACT_allocator_conf) {
        struct fact conf = *f; /* adding may move it */
        add_segments(b, &conf);
    }
}

/* The bindings of S in the first table that knows it. */
static void find_bindings(struct arena *a, struct document *doc,
                          struct bind_index *const *tables, size_t count,
                          const struct setting *s, struct bind_hits *hits)
{
    for (size_t t = 0; t < count; t++) {
        hits->len = 0;
        if (!bind_match_find(a, tables[t], s, hits))
            continue;
        bool generic = bind_match_framework(tables[t])->generic;
        size_t kept = 0;
        for (size_t i = 0; i < hits->len; i++)
            if (!generic || bind_scope_generic(doc, hits->at[i], s, hits->at[i]->fact))
                hits->at[kept++] = hits->at[i];
        bool trap = !hits->len;
        hits->len = kept;
        if (trap || kept)
            return;
    }
    hits->len = 0;
}

static void bind_setting(struct binder *b, const struct setting *s)
{
    if (!s->parent || s->flags & (SETTING_OVERRIDDEN | SETTING_MERGE))
        return;
    struct bind_hits hits = {0};
    find_bindings(b->arena, b->doc, b->tables, b->count, s, &hits);
    for (size_t i = 0; i < hits.len; i++)
        bind_one(b, hits.at[i], s);
}

static bool has_fact_of(const struct facts *facts, const struct setting *s)
{
    for (size_t i = 0; i < facts->len; i++)
        if (facts->at[i].setting == s)
            return true;
    return false;
}

/* Exact keys whose value stands elsewhere, behind a merge key or an alias of a map. */
static void bind_borrowed(struct binder *b, const struct setting *root)
{
    const struct framework *f = bind_match_framework(b->tables[0]);
    for (uint32_t i = 0; i < f->bindings.len; i++) {
        const struct binding *how = &f->bindings.at[i];
        if (how->fact == FACT_COUNT || bind_match_is_anywhere(how->key) ||
            bind_match_is_regex(how->key))
            continue;
        const struct setting *s = setting_find(root, how->key);
        if (s && !bind_match_key(how->key, s) && !has_fact_of(b->facts, s) &&
            bind_match_inside(how, s) && bind_match_when(b->arena, how, s))
            bind_one(b, how, s);
    }
}

/* --- tables ------------------------------------------------------------------- */

static size_t tables_for(struct arena *a, const struct pack *pack,
                         const struct framework *own, const struct document *doc,
                         struct bind_index *tables[TABLES])
{
    size_t count = 0;
    tables[count++] = bind_match_index(a, own);
    /* A config that a framework reads holds that framework's keys; a program, and a
     * config that is nobody's, may hold any. Beside a program's own options stand those of
     * what starts it. */
    unsigned language = 1u << doc->source->language;
    bool any = doc->source->language == LANGUAGE_PYTHON || own->generic;
    bool started = doc->source->language == LANGUAGE_SHELL;
    for (uint32_t i = 0; (any || started) && i < pack->frameworks.len && count < TABLES;
         i++) {
        const struct framework *f = &pack->frameworks.at[i];
        bool speaks = any && (!f->languages || f->languages & language);
        speaks |= started && f->languages == language;
        if (f != own && f->generic && speaks && f->evidence.len)
            tables[count++] = bind_match_index(a, f);
    }
    return count;
}

/* Only OmegaConf fills in ${a.b}: a program of nobody's that writes it reads with that. */
static bool has_interpolation(const struct document *doc)
{
    return str_find(doc->source->text, STR(": ${"), 0) != SIZE_MAX;
}

static enum loader loader_for(const struct framework *f, const struct document *doc,
                              const enum loader *override)
{
    switch (doc->source->language) {
    case LANGUAGE_JSON:
        return LOADER_JSON;
    case LANGUAGE_PYTHON:
        return LOADER_PYTHON;
    case LANGUAGE_SHELL:
        return LOADER_SHELL;
    case LANGUAGE_TOML:
        return LOADER_TOML;
    default:
        if (override)
            return *override;
        if (!f || (f->generic && has_interpolation(doc)))
            return f ? LOADER_OMEGACONF : LOADER_PYYAML;
        return f->loader;
    }
}

enum loader bind_loader(const struct pack *pack, struct document *doc,
                        const enum loader *override)
{
    return loader_for(bind_recognise(pack, doc), doc, override);
}

/* --- documents ---------------------------------------------------------------- */

static void name_documents(struct arena *a, struct runs *out, size_t from)
{
    if (out->len < from + 2)
        return;
    for (size_t i = from; i < out->len; i++)
        if (!out->at[i].name.len)
            out->at[i].name = arena_printf(a, "document %zu", i - from + 1);
}

/* The settings from AT up to END, into the runs below ROOT. */
static void bind_part(struct binder *b, const struct framework *own,
                      const struct setting *root, size_t at, size_t end,
                      const struct facts *joined, struct runs *out)
{
    struct facts facts = {0};
    b->facts = &facts;
    for (; at < end; at++)
        bind_setting(b, b->doc->tree.all.at[at]);
    bind_borrowed(b, root);
    bind_run_gather(b->arena, own, b->doc, root, &facts, joined, out);
    b->facts = NULL;
}

/* Where the settings of MAP end. */
static size_t end_of(const struct document *doc, const struct setting *map)
{
    while (map && !map->next)
        map = map->parent;
    return map ? map->next->id : doc->tree.all.len;
}

void bind_command(struct arena *a, const struct pack *pack, struct document *doc,
                  const struct setting *command, const struct facts *joined,
                  struct runs *out)
{
    struct arena scratch = {0};
    struct binder b = {.arena = a, .pack = pack, .doc = doc, .shown = true};
    size_t end = end_of(doc, command);
    const struct framework *own = bind_recognise_command(pack, doc, command, end);
    if (own) {
        b.count = tables_for(&scratch, pack, own, doc, b.tables);
        bind_part(&b, own, command, command->id, end, joined, out);
    }
    arena_free(&scratch);
}

/* Every program that a script starts is a run of its own. */
static void bind_commands(struct arena *a, const struct pack *pack, struct document *doc,
                          struct runs *out)
{
    const struct setting *root = doc->tree.roots.at[0];
    for (const struct setting *s = root->first; s; s = s->next) {
        size_t before = out->len;
        if (s->shape == SHAPE_COMMAND)
            bind_command(a, pack, doc, s, NULL, out);
        for (size_t i = before; i < out->len && root->count > 1; i++)
            if (!out->at[i].name.len)
                out->at[i].name = s->name;
    }
}

void bind_facts(struct arena *a, const struct pack *pack, const struct framework *f,
                struct document *doc, const struct setting *map, struct facts *out)
{
    struct arena scratch = {0}; /* the tables outweigh what they find in a small file */
    struct binder b = {.arena = a, .pack = pack, .doc = doc, .facts = out, .shown = true};
    b.tables[b.count++] = bind_match_index(&scratch, f);
    for (size_t i = map->id + 1, end = end_of(doc, map); i < end; i++)
        bind_setting(&b, doc->tree.all.at[i]);
    arena_free(&scratch);
}

void bind_joined(struct arena *a, const struct pack *pack, struct document *doc,
                 const enum loader *loader, const struct facts *joined, struct runs *out)
{
    const struct framework *own = bind_recognise(pack, doc);
    if (doc->source->language == LANGUAGE_YAML)
        loader_apply(loader_for(own, doc, loader), a, &doc->tree);
    if (!own)
        return;
    if (doc->source->language == LANGUAGE_YAML || doc->source->language == LANGUAGE_JSON)
        bind_refer(loader_for(own, doc, loader), &doc->tree);
    struct arena scratch = {0};
    struct binder b = {.arena = a, .pack = pack, .doc = doc};
    b.count = tables_for(&scratch, pack, own, doc, b.tables);
    b.tried = batch_is_tried(doc);
    b.shown = bind_train_shown(a, doc) == BIND_TRAIN_SHOWN;
    size_t before = out->len;
    for (size_t r = 0; r < doc->tree.roots.len; r++) {
        bool last = r + 1 == doc->tree.roots.len;
        size_t end = last ? doc->tree.all.len : doc->tree.roots.at[r + 1]->id;
        const struct setting *root = doc->tree.roots.at[r];
        bind_part(&b, own, root, root->id, end, joined, out);
    }
    name_documents(a, out, before);
    arena_free(&scratch);
}

void bind_document(struct arena *a, const struct pack *pack, struct document *doc,
                   const enum loader *loader, struct runs *out)
{
    if (doc->source->language == LANGUAGE_SHELL && doc->tree.roots.len)
        bind_commands(a, pack, doc, out);
    else
        bind_joined(a, pack, doc, loader, NULL, out);
}

/* --- what was not understood --------------------------------------------------- */

static bool looks_like_trainer(struct str word)
{
    static const char PATTERN[] =
        "(?i)(\\w+_)?(batch_?size|num_?workers|accum(ulation)?_steps|pin_memory)|"
        "grad(ient)?_?acc\\w*|accumulate_\\w+|persistent_workers|prefetch_factor|"
        "fp16|bf16|amp|mixed_precision|precision|max_grad_norm|grad(ient)?_clip\\w*|"
        "(gradient|activation)_checkpointing|learning_rate|optimizer|optim";
    const struct pattern *p = match_pattern(str_from(PATTERN), NULL);
    return p && match_whole(p, word);
}

static bool in_runs(const struct runs *runs, const struct setting *s)
{
    for (size_t i = 0; i < runs->len; i++)
        if (has_fact_of(&runs->at[i].facts, s))
            return true;
    return false;
}

static bool is_plain_key(const struct setting *s)
{
    const struct setting *up = s->parent;
    return up && s->key.len && s->kind == SETTING_SCALAR &&
           !(s->flags & (SETTING_STATEMENT | SETTING_OVERRIDDEN | SETTING_MERGE)) &&
           up->shape != SHAPE_SIGNATURE && up->shape != SHAPE_CALL;
}

static bool is_known(struct arena *a, struct bind_index *const *tables, size_t count,
                     const struct setting *s)
{
    struct bind_hits hits = {0};
    for (size_t t = 0; t < count; t++)
        if (bind_match_find(a, tables[t], s, &hits))
            return true;
    return false;
}

/* Below ROOT, or in all of the document for NULL. */
static void find_unknown(struct arena *a, const struct pack *pack, struct document *doc,
                         const struct framework *f, const struct setting *root,
                         const struct runs *runs, struct settings *out)
{
    struct bind_index *tables[TABLES];
    size_t count = tables_for(a, pack, f, doc, tables);
    for (size_t i = root ? root->id : 0; i < doc->tree.all.len; i++) {
        struct setting *s = doc->tree.all.at[i];
        if (root && root->next && s == root->next)
            return;
        if (is_plain_key(s) &&
            looks_like_trainer(bind_match_word(a, bind_match_last(s->key))) &&
            !is_known(a, tables, count, s) && !in_runs(runs, s))
            vec_push(a, out, s);
    }
}

void bind_unknown(struct arena *a, const struct pack *pack, struct document *doc,
                  const struct runs *runs, struct settings *out)
{
    bool script = doc->source->language == LANGUAGE_SHELL;
    for (size_t i = 0; i < runs->len; i++) {
        const struct run *run = &runs->at[i];
        if (run->framework && run->doc == doc && (script || i == 0))
            find_unknown(a, pack, doc, run->framework, script ? run->container : NULL, runs,
                         out);
    }
}
