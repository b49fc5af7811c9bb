/* Facts into runs. Maps that stand side by side and say the same things of a batch are
 * presets, one run each; what stands outside of them holds for all. Otherwise the
 * document is one run. Then the heaviest, last word on each fact decides, and the
 * framework's defaults and derived facts fill what is left. */
#include "bind_table.h"

#include <assert.h>
#include <string.h>

#include "match.h"

#include "banned.h"

enum {
    WORDS_OF_BITS = (FACT_COUNT + 63) / 64,
    DERIVE_PASSES = 4,
    MAX_PRESETS = 64, /* more are data, not presets */
};

struct box {                       /* of a map */
    uint64_t bits[WORDS_OF_BITS];  /* the facts said somewhere below it */
    uint64_t once[WORDS_OF_BITS];  /* those that a child which may be a preset says */
    uint64_t twice[WORDS_OF_BITS]; /* those that two such children say */
    bool chosen;                   /* it is a preset */
};

struct gather {
    struct arena *arena;
    const struct framework *framework;
    struct document *doc;
    const struct setting *root;
    const struct facts *facts, *joined;
    struct box *boxes; /* by setting id, from the root on */
    struct settings presets;
    struct runs *out;
};

/* --- presets ------------------------------------------------------------------- */

static struct box *box_of(const struct gather *g, const struct setting *s)
{
    return &g->boxes[s->id - g->root->id];
}

static void fill_boxes(struct gather *g)
{
    const struct settings *all = &g->doc->tree.all;
    size_t end = g->root->id + 1;
    while (end < all->len && all->at[end]->parent)
        end++;
    g->boxes = arena_alloc_array(g->arena, end - g->root->id, sizeof *g->boxes);
    for (size_t i = 0; i < g->facts->len; i++) {
        const struct fact *f = &g->facts->at[i];
        if (f->scope.len)
            continue;
        for (const struct setting *up = f->setting->parent; up && up->parent;
             up = up->parent)
            box_of(g, up)->bits[f->id / 64] |= 1ull << (f->id % 64);
    }
}

static bool has_bit(const struct box *b, enum fact_id id)
{
    return b->bits[id / 64] >> (id % 64) & 1;
}

static bool can_be_preset(const struct gather *g, const struct setting *s)
{
    const struct box *b = box_of(g, s);
    if (s->kind != SETTING_MAP ||
        (!has_bit(b, FACT_batch_size) && !has_bit(b, FACT_global_batch_size)))
        return false;
    switch (s->shape) {
    case SHAPE_PLAIN:
    case SHAPE_DICT:
    case SHAPE_CLASS:
        return !s->key.len || !bind_scope_section(bind_match_last(s->key));
    case SHAPE_CALL:
        return bind_scope_config_call(s->name);
    default:
        return false;
    }
}

static void note_in_parent(struct gather *g, struct setting *s)
{
    struct box *parent = box_of(g, s->parent);
    for (int i = 0; i < WORDS_OF_BITS; i++) {
        uint64_t bits = box_of(g, s)->bits[i];
        parent->twice[i] |= parent->once[i] & bits;
        parent->once[i] |= bits;
    }
}

/* Two facts at least that others beside it say, too. */
static bool has_equal(const struct gather *g, const struct setting *s)
{
    const struct box *box = box_of(g, s), *parent = box_of(g, s->parent);
    unsigned common = 0;
    for (int i = 0; i < WORDS_OF_BITS; i++)
        for (uint64_t both = box->bits[i] & parent->twice[i]; both; both &= both - 1)
            common++;
    return common >= 2;
}

static bool inside_preset(const struct gather *g, const struct setting *s)
{
    for (; s; s = s->parent)
        if (box_of(g, s)->chosen)
            return true;
    return false;
}

static void choose_preset(struct gather *g, struct setting *s)
{
    if (inside_preset(g, s->parent) || !has_equal(g, s))
        return;
    box_of(g, s)->chosen = true;
    vec_push(g->arena, &g->presets, s);
}

static void each_candidate(struct gather *g, void (*fn)(struct gather *, struct setting *))
{
    for (size_t i = g->root->id; i < g->doc->tree.all.len; i++) {
        struct setting *s = g->doc->tree.all.at[i];
        if (i > g->root->id && !s->parent)
            return; /* the next document */
        if (s->parent && can_be_preset(g, s))
            fn(g, s);
    }
}

static void find_presets(struct gather *g)
{
    each_candidate(g, note_in_parent);
    each_candidate(g, choose_preset);
    if (g->presets.len <= MAX_PRESETS)
        return;
    for (size_t i = 0; i < g->presets.len; i++)
        box_of(g, g->presets.at[i])->chosen = false;
    g->presets.len = 0;
}

static bool unique_key(const struct gather *g, const struct setting *s)
{
    for (size_t i = 0; i < g->presets.len; i++)
        if (g->presets.at[i] != s && str_eq(g->presets.at[i]->key, s->key))
            return false;
    return s->key.len > 0;
}

static struct str preset_name(const struct gather *g, const struct setting *s)
{
    bool bare_call = str_ends(s->key, STR("()"));
    if (unique_key(g, s) && !bare_call)
        return s->key;
    struct str block = bind_scope_block(g->doc, s);
    const struct setting *name = setting_find(s, STR("name"));
    if (name && name->value.kind == VALUE_STRING && name->value.as.string.len)
        return name->value.as.string;
    return block.len ? block : s->path;
}

/* --- the deciding facts ---------------------------------------------------------- */

static bool stands_below(const struct setting *s, const struct setting *map)
{
    for (; s; s = s->parent)
        if (s == map)
            return true;
    return false;
}

static bool decides(const struct fact *f)
{
    return !f->scope.len || f->id == FACT_eval_batch_size;
}

/* Does B, which comes later, outweigh A? */
static bool outweighs(const struct run *run, const struct fact *b, const struct fact *a)
{
    if (run->container->parent && a->setting && b->setting) {
        bool own_a = stands_below(a->setting, run->container);
        bool own_b = stands_below(b->setting, run->container);
        if (own_a != own_b)
            return own_b;
    }
    bool python = run->doc->source->language == LANGUAGE_PYTHON;
    bool known_a = a->value.kind != VALUE_UNKNOWN, known_b = b->value.kind != VALUE_UNKNOWN;
    /* A variable at the call site is what the definition says, unless the definition is
     * itself only a step of the program. */
    if (python && known_a != known_b && (known_b ? b : a)->weight % 4 > 0)
        return known_b;
    return b->weight >= a->weight;
}

static void settle(struct run *run, size_t index)
{
    const struct fact *f = &run->facts.at[index];
    int32_t *best = &run->best[f->id];
    if (decides(f) && (*best < 0 || outweighs(run, f, &run->facts.at[*best])))
        *best = (int32_t)index;
}

static void add_own_facts(struct gather *g, struct run *run)
{
    for (size_t i = 0; i < g->facts->len; i++) {
        const struct fact *f = &g->facts->at[i];
        if (run->container->parent && !stands_below(f->setting, run->container) &&
            inside_preset(g, f->setting))
            continue; /* another preset's */
        vec_push(g->arena, &run->facts, *f);
        settle(run, run->facts.len - 1);
    }
}

/* Side by side in variants of one thing ({"small": {"n_embd": 768}, "large": ...}): which
 * of them is used is not said here. */
static bool are_variants(const struct fact *a, const struct fact *b)
{
    const struct setting *in_a = a->setting ? a->setting->parent : NULL;
    const struct setting *in_b = b->setting ? b->setting->parent : NULL;
    return in_a && in_b && in_a != in_b && in_a->parent && in_a->parent == in_b->parent &&
           in_a->shape == in_b->shape && !value_eq(a->value, b->value) &&
           in_a->shape != SHAPE_SIGNATURE && !bind_scope_section(in_a->key);
}

static void forget_variants(struct run *run)
{
    for (size_t i = 0; i < run->facts.len; i++) {
        const struct fact *f = &run->facts.at[i];
        const struct fact *best = bind_scope_is_shape(f->id) ? run_fact(run, f->id) : NULL;
        if (best && decides(f) && are_variants(f, best) && f->weight == best->weight)
            run->best[f->id] = -1;
    }
}

/* --- sets that several settings make together ------------------------------------- */

static bool is_set(enum fact_id id)
{
    return id == FACT_offload || id == FACT_frozen || id == FACT_trained_modules;
}

static bool contains(const struct value *at, size_t len, struct value v)
{
    for (size_t i = 0; i < len; i++)
        if (value_eq(at[i], v))
            return true;
    return false;
}

static size_t unite(const struct run *run, enum fact_id id, struct value *at, size_t room)
{
    size_t len = 0;
    for (size_t i = 0; i < run->facts.len; i++) {
        const struct fact *f = &run->facts.at[i];
        if (f->id != id || !decides(f) || f->value.kind != VALUE_LIST)
            continue;
        for (size_t k = 0; k < f->value.as.list.len && len < room; k++)
            if (!contains(at, len, f->value.as.list.at[k]))
                at[len++] = f->value.as.list.at[k];
    }
    return len;
}

static void add_assumed(struct gather *g, struct run *run, enum fact_id id,
                        struct value value, struct str why)
{
    struct fact *f = vec_add(g->arena, &run->facts);
    f->id = id;
    f->value = value;
    f->why = why;
    f->origin = ORIGIN_ASSUMED;
    run->best[id] = (int32_t)run->facts.len - 1;
}

static void unite_sets(struct gather *g, struct run *run)
{
    enum { ROOM = 64 };
    for (int i = 0; i < FACT_COUNT; i++) {
        enum fact_id id = (enum fact_id)i;
        if (!is_set(id) || run->best[id] < 0)
            continue;
        struct value *at = arena_alloc_array(g->arena, ROOM, sizeof *at);
        struct value all = {VALUE_LIST, {.list = {at, unite(run, id, at, ROOM)}}};
        struct value now = run->facts.at[run->best[id]].value;
        if (now.kind == VALUE_LIST && now.as.list.len != all.as.list.len)
            add_assumed(g, run, id, all, STR("all that is said of it, together"));
    }
}

/* --- defaults and derived facts ---------------------------------------------------- */

static struct value ask_run(const void *context, enum expr_question question,
                            struct str name)
{
    const struct run *run = context;
    enum fact_id id = fact_parse(name);
    if (id == FACT_COUNT)
        return VALUE_NOTHING;
    const struct fact *f = run_fact(run, id);
    if (question == EXPR_VALUE)
        return f ? f->value : VALUE_NOTHING;
    if (question == EXPR_ORIGIN && f)
        return VALUE_OF_STR(str_from(origin_name(f->origin)));
    return VALUE_NOTHING;
}

/* A call with **kwargs may be given anything; then nothing is known to be absent. */
static bool takes_more(const struct gather *g)
{
    if (g->doc->source->language != LANGUAGE_PYTHON)
        return false;
    for (size_t i = 0; i < g->doc->tree.all.len; i++) {
        const struct setting *s = g->doc->tree.all.at[i];
        if (s->kind != SETTING_MAP || s->shape != SHAPE_CALL)
            continue;
        struct str masked = front_home(g->doc, s)->masked;
        struct str call = str_slice(masked, s->value_span.from, s->value_span.to);
        size_t splat = str_find(call, STR("**"), 0);
        if (splat != SIZE_MAX && bind_scope_config_call(s->name))
            return true;
    }
    return false;
}

static bool calls_one_of(const struct document *doc, const struct evidence *e)
{
    for (size_t i = 0; i < doc->tree.all.len; i++) {
        const struct setting *s = doc->tree.all.at[i];
        for (uint32_t k = 0; s->shape == SHAPE_CALL && k < e->calls.len; k++)
            if (str_eq(bind_match_last(s->name), e->calls.at[k]))
                return true;
    }
    return false;
}

/* Then what is not said on the command line may stand in that file. */
static bool reads_config(const struct setting *command)
{
    const struct pattern *file = match_pattern(STR("(?i).*[.](ya?ml|json|toml|py)"), NULL);
    const struct pattern *key = match_pattern(
        STR("(?i)-+(c|cn|cp|f|cfg|conf|config\\w*|config-\\w+|yaml\\w*|args_?file)"), NULL);
    for (const struct setting *s = command->first; s; s = s->next)
        if ((file && s->flags & SETTING_POSITIONAL && match_whole(file, s->text)) ||
            (key && match_whole(key, s->key)))
            return true;
    return false;
}

/* In a program the defaults are those of a call, and hold where it is made: a script may
 * have options of the same names and read them itself. */
static bool defaults_apply(const struct gather *g)
{
    if (g->doc->broken || takes_more(g))
        return false;
    bool named = false;
    const struct framework *f = g->framework;
    if (g->root->shape == SHAPE_COMMAND)
        return !reads_config(g->root);
    if (g->doc->source->language != LANGUAGE_PYTHON)
        return true;
    for (uint32_t i = 0; i < f->evidence.len; i++) {
        named |= f->evidence.at[i].calls.len > 0;
        if (calls_one_of(g->doc, &f->evidence.at[i]))
            return true;
    }
    return !named;
}

static void add_defaults(struct gather *g, struct run *run)
{
    if (!defaults_apply(g))
        return;
    struct expr_scope scope = {ask_run, run};
    for (uint32_t i = 0; i < g->framework->defaults.len; i++) {
        const struct fact_default *d = &g->framework->defaults.at[i];
        if (run->best[d->fact] >= 0 ||
            (d->when.len && !expr_holds(g->arena, &d->when, &scope)))
            continue;
        struct fact *f = vec_add(g->arena, &run->facts);
        f->id = d->fact;
        f->value = d->value;
        f->why = d->why.len ? d->why : g->framework->id;
        f->origin = ORIGIN_DEFAULT;
        run->best[d->fact] = (int32_t)run->facts.len - 1;
    }
}

static void name_source(void *context, struct str name)
{
    struct buf *b = context;
    if (fact_parse(name) == FACT_COUNT || str_find(buf_str(b), name, 0) != SIZE_MAX)
        return;
    buf_cstr(b, b->len ? ", " : "from ");
    buf_add(b, name);
}

/* On one device the total is the batch, and the setting that holds the one holds the
 * other: so the fixer can write it. */
static void share_setting(struct run *run, enum fact_id id)
{
    const struct fact *total = run_fact(run, FACT_global_batch_size);
    struct fact *f = &run->facts.at[run->best[id]];
    if (id != FACT_batch_size || !total || !value_eq(total->value, f->value))
        return;
    f->doc = total->doc;
    f->setting = total->setting;
    f->binding = total->binding;
    f->weight = total->weight;
}

static bool derive(struct gather *g, struct run *run, const struct fact_rule *rule)
{
    struct value now = run_value(run, rule->fact);
    if (now.kind != VALUE_UNKNOWN)
        return false;
    struct expr_scope scope = {ask_run, run};
    struct value v = expr_eval(g->arena, &rule->value, &scope);
    if (v.kind == VALUE_UNKNOWN || !fact_accepts(rule->fact, v))
        return false;
    struct buf why = buf_new(g->arena);
    expr_names(&rule->value, name_source, &why);
    add_assumed(g, run, rule->fact, v, buf_str(&why));
    share_setting(run, rule->fact);
    return true;
}

static void add_derived(struct gather *g, struct run *run)
{
    bool more = true;
    for (int pass = 0; more && pass < DERIVE_PASSES; pass++) {
        more = false;
        for (uint32_t i = 0; i < g->framework->derived.len; i++)
            more |= derive(g, run, &g->framework->derived.at[i]);
    }
}

/* --- runs ------------------------------------------------------------------------- */

static bool says_how_to_train(enum fact_id id)
{
    return id < FACT_max_seq_len || id == FACT_packing || id == FACT_peft ||
           id == FACT_lora_rank ||
           id == FACT_compile || (id >= FACT_num_workers && id < FACT_torch_version);
}

static bool is_training(const struct run *run)
{
    /* A program that takes everything from elsewhere is the library of another. */
    bool python = run->doc->source->language == LANGUAGE_PYTHON;
    for (size_t i = 0; i < run->facts.len; i++) {
        const struct fact *f = &run->facts.at[i];
        if (says_how_to_train(f->id) && (!python || f->value.kind != VALUE_UNKNOWN))
            return true;
    }
    return false;
}

/* Is all that F says taken from the setting that names the file of JOINED? */
static bool is_name_of(const struct fact *f, const struct fact *joined)
{
    const struct setting *name = joined->chain ? joined->chain->setting : NULL;
    return name && f->setting && (f->setting == name || f->setting->original == name);
}

static void add_joined(struct gather *g, struct run *run)
{
    for (size_t i = 0; g->joined && i < g->joined->len; i++) {
        const struct fact *f = &g->joined->at[i], *now = run_fact(run, f->id);
        vec_push(g->arena, &run->facts, *f);
        bool silent = !now || now->value.kind == VALUE_UNKNOWN || is_name_of(now, f);
        if (decides(f) && silent && (!now || f->value.kind != VALUE_UNKNOWN))
            run->best[f->id] = (int32_t)run->facts.len - 1;
    }
}

static void add_run(struct gather *g, const struct setting *container, struct str name)
{
    struct run run = {.name = name, .framework = g->framework, .doc = g->doc};
    run.whole = g->doc;
    run.container = container;
    for (int i = 0; i < FACT_COUNT; i++)
        run.best[i] = -1;
    add_own_facts(g, &run);
    bind_branch_settle(&run);
    if (!is_training(&run))
        return;
    forget_variants(&run);
    add_joined(g, &run);
    unite_sets(g, &run);
    add_defaults(g, &run);
    add_derived(g, &run);
    vec_push(g->arena, g->out, run);
}

void bind_run_gather(struct arena *a, const struct framework *f, struct document *doc,
                     const struct setting *root, const struct facts *facts,
                     const struct facts *joined, struct runs *out)
{
    struct gather g = {a, f, doc, root, facts, joined, NULL, {0}, out};
    fill_boxes(&g);
    find_presets(&g);
    for (size_t i = 0; i < g.presets.len; i++)
        add_run(&g, g.presets.at[i], preset_name(&g, g.presets.at[i]));
    if (!g.presets.len)
        add_run(&g, root, (struct str){"", 0});
}
