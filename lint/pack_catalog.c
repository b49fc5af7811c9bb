/* Profiles with their presets, and the lists of GPUs and models. */
#include "pack_read.h"

#include <stddef.h>
#include <stdlib.h>

#include "banned.h"

#define WORDS(table) (table), sizeof(table) / sizeof *(table)

static void unsure_map(struct pack_reader *r, const struct setting *s)
{
    pack_problem(r, pack_span(s), "expected a map");
}

/* --- limits -------------------------------------------------------------- */

struct points_read VEC_BODY(struct limit_point);

struct limit_read {
    struct limit limit;
    struct points_read points;
    double single;
    bool has_single;
};

static void read_single(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct limit_read *l = slot;
    l->has_single = true;
    pack_read_double(r, s, &l->single);
}

static int compare_points(const void *a, const void *b)
{
    const struct limit_point *x = a, *y = b;
    return (x->vram_gb > y->vram_gb) - (x->vram_gb < y->vram_gb);
}

static void read_points(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct limit_read *l = slot;
    const struct setting *map = setting_resolve(s);
    if (map->kind != SETTING_MAP) {
        unsure_map(r, s);
        return;
    }
    for (const struct setting *child = map->first; child; child = child->next) {
        struct limit_point p = {0};
        double vram;
        if (!value_number(loader_read(LOADER_YAML12, child->key, NULL), &vram) ||
            !(vram > 0))
            pack_problem(r, child->key_span, "a VRAM class is a number of GB");
        else
            p.vram_gb = vram;
        pack_read_double(r, child, &p.value);
        for (size_t i = 0; i < l->points.len; i++)
            if (l->points.at[i].vram_gb == p.vram_gb)
                pack_problem(r, child->key_span, "this class is written twice");
        vec_push(r->arena, &l->points, p);
    }
    if (l->points.len)
        qsort(l->points.at, l->points.len, sizeof *l->points.at, compare_points);
}

static void read_limit_map(struct pack_reader *r, const struct setting *s,
                           struct limit_read *l)
{
    static const struct pack_field fields[] = {
        {"value", false, 0, read_single},
        {"points", false, 0, read_points},
        {"scales", false, offsetof(struct limit_read, limit.scales), pack_read_bool},
        {"origin", false, offsetof(struct limit_read, limit.origin), pack_read_line},
    };
    PACK_READ_MAP(r, s, fields, l);
    if (l->has_single == (l->points.len > 0))
        pack_problem(r, pack_span(s), "a limit has either 'value' or 'points'");
}

/* A single value that scales was found on the profile's own card. */
static void add_single(struct pack_reader *r, const struct setting *s, struct limit_read *l)
{
    struct limit_point p = {.value = l->single};
    if (l->limit.scales)
        p.vram_gb = r->profile->vram_gb;
    if (l->limit.scales && !(p.vram_gb > 0))
        pack_problem(r, pack_span(s), "what scales needs the profile's vram_gb");
    vec_push(r->arena, &l->points, p);
}

static void read_limits(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct limits_read VEC_BODY(struct limit) all = {0};
    struct profile *p = slot;
    const struct setting *map = setting_resolve(s);
    if (map->kind != SETTING_MAP) {
        unsure_map(r, s);
        return;
    }
    for (const struct setting *child = map->first; child; child = child->next) {
        struct limit_read l = {.limit = {.name = child->key, .origin = {"", 0}}};
        if (child->flags & SETTING_DUPLICATE)
            pack_problem(r, child->key_span, "'%.*s' is written twice",
                         STR_ARG(child->key));
        if (setting_resolve(child)->kind == SETTING_MAP)
            read_limit_map(r, child, &l);
        else
            read_single(r, child, &l);
        if (l.has_single)
            add_single(r, child, &l);
        PACK_PUT(l.limit.points, l.points);
        vec_push(r->arena, &all, l.limit);
    }
    PACK_PUT(p->limits, all);
}

/* --- profiles ------------------------------------------------------------ */

void pack_read_fact_values(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct fact_values_read *all = slot;
    const struct setting *map = setting_resolve(s);
    if (map->kind != SETTING_MAP) {
        unsure_map(r, s);
        return;
    }
    for (const struct setting *child = map->first; child; child = child->next) {
        struct fact_value v = {.fact = pack_key_fact(r, child)};
        if (!pack_fact_value(r, child, v.fact, &v.value))
            continue;
        if (v.value.kind == VALUE_UNKNOWN)
            pack_problem(r, pack_span(child), "what is wanted has to be said");
        vec_push(r->arena, all, v);
    }
}

static void read_wants(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct profile *p = slot;
    struct fact_values_read all = {0};
    pack_read_fact_values(r, s, &all);
    PACK_PUT(p->wants, all);
}

static void read_preset_facts(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct preset *p = slot;
    struct fact_values_read all = {0};
    pack_read_fact_values(r, s, &all);
    PACK_PUT(p->facts, all);
}

static void read_presets(struct pack_reader *r, const struct setting *s, void *slot)
{
    static const struct pack_field fields[] = {
        {"summary", true, offsetof(struct preset, summary), pack_read_line},
        {"vram_gb", false, offsetof(struct preset, vram_gb), pack_read_double},
        {"facts", true, 0, read_preset_facts},
    };
    struct presets_read VEC_BODY(struct preset) all = {0};
    struct profile *p = slot;
    const struct setting *map = setting_resolve(s);
    if (map->kind != SETTING_MAP) {
        unsure_map(r, s);
        return;
    }
    for (const struct setting *child = map->first; child; child = child->next) {
        struct preset preset = {
            .name = child->key, .summary = {"", 0}, .vram_gb = p->vram_gb};
        PACK_READ_MAP(r, child, fields, &preset);
        vec_push(r->arena, &all, preset);
    }
    PACK_PUT(p->presets, all);
}

static void read_profile_id(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct str id;
    if (!pack_scalar(r, s, &id))
        return;
    *(struct str *)slot = id;
    for (size_t i = 0; i < r->profiles.len; i++)
        if (str_eq(r->profiles.at[i].id, id))
            pack_problem(r, pack_span(s), "another profile is called '%.*s'", STR_ARG(id));
}

void pack_read_profile(struct pack_reader *r, const struct setting *root)
{
    static const struct pack_field fields[] = {
        {"profile", true, offsetof(struct profile, id), read_profile_id},
        {"summary", true, offsetof(struct profile, summary), pack_read_line},
        {"origin", true, offsetof(struct profile, origin), pack_read_line},
        {"vram_gb", false, 0, NULL},
        {"limits", false, 0, read_limits},
        {"wants", false, 0, read_wants},
        {"presets", false, 0, read_presets},
    };
    struct profile p = {.id = {"", 0}, .summary = {"", 0}, .origin = {"", 0}};
    const struct setting *vram = setting_child(root, STR("vram_gb"));
    if (vram)
        pack_read_double(r, vram, &p.vram_gb);
    r->profile = &p;
    PACK_READ_MAP(r, root, fields, &p);
    r->profile = NULL;
    vec_push(r->arena, &r->profiles, p);
}

/* --- catalogue ----------------------------------------------------------- */

static void read_tristate(struct pack_reader *r, const struct setting *s, void *slot)
{
    static const struct pack_word words[] = {{"yes", TRI_YES},   {"no", TRI_NO},
                                             {"true", TRI_YES},  {"false", TRI_NO},
                                             {"?", TRI_UNKNOWN}, {"unknown", TRI_UNKNOWN}};
    int word = pack_word(r, s, WORDS(words));
    if (word >= 0)
        *(enum tristate *)slot = (enum tristate)word;
}

static void read_family(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct value v;
    if (pack_fact_value(r, s, FACT_model_family, &v) && v.kind == VALUE_STRING)
        *(struct str *)slot = v.as.string;
}

static void add_gpu(struct pack_reader *r, const struct setting *s, void *slot)
{
#define AT(name) offsetof(struct gpu, name)
    static const struct pack_field fields[] = {
        {"id", true, AT(id), pack_read_line},
        {"name", true, AT(name), pack_read_line},
        {"aliases", false, AT(aliases), pack_read_texts},
        {"vram_gb", true, AT(vram_gb), pack_read_double},
        {"driver_mib", false, AT(driver_mib), pack_read_u32},
        {"driver_verified", false, AT(driver_verified), pack_read_bool},
        {"bandwidth_gb_s", false, AT(bandwidth_gb_s), pack_read_double},
        {"capability", false, AT(capability), pack_read_u16},
        {"architecture", false, AT(architecture), pack_read_text},
        {"bf16", false, AT(bf16), read_tristate},
        {"fp16_tensor_cores", false, AT(fp16_tensor_cores), read_tristate},
        {"fp8", false, AT(fp8), read_tristate},
        {"tf32", false, AT(tf32), read_tristate},
        {"laptop", false, AT(laptop), pack_read_bool},
        {"shared_memory", false, AT(shared_memory), pack_read_bool},
        {"notes", false, AT(notes), pack_read_text},
        {"source", true, AT(source), pack_read_line},
    };
#undef AT
    struct str none = {"", 0};
    struct gpu g = {
        .id = none, .name = none, .architecture = none, .notes = none, .source = none};
    (void)slot;
    PACK_READ_MAP(r, s, fields, &g);
    for (size_t i = 0; i < r->gpus.len; i++)
        if (str_eq_nocase(r->gpus.at[i].id, g.id))
            pack_problem(r, pack_span(s), "another GPU has the id '%.*s'", STR_ARG(g.id));
    vec_push(r->arena, &r->gpus, g);
}

/* Two numbers that stand beside each other in the object. */
static void read_pair(struct pack_reader *r, const struct setting *s, void *slot)
{
    const struct setting *list = setting_resolve(s), *first = list->first;
    uint32_t *at = slot;
    if (list->kind != SETTING_LIST || !first || !first->next || first->next->next) {
        pack_problem(r, pack_span(s), "expected two numbers");
        return;
    }
    pack_read_u32(r, first, &at[0]);
    pack_read_u32(r, first->next, &at[1]);
}

static void add_model(struct pack_reader *r, const struct setting *s, void *slot)
{
#define AT(name) offsetof(struct model, name)
    static const struct pack_field fields[] = {
        {"name", true, AT(name), pack_read_line},
        {"aliases", false, AT(aliases), pack_read_texts},
        {"family", true, AT(family), read_family},
        {"parameters", true, AT(parameters), pack_read_u64},
        {"hidden", false, AT(hidden), pack_read_u32},
        {"layers", false, AT(layers), pack_read_u32},
        {"heads", false, AT(heads), pack_read_u32},
        {"kv_heads", false, AT(kv_heads), pack_read_u32},
        {"head_dim", false, AT(head_dim), pack_read_u32},
        {"ffn", false, AT(ffn), pack_read_u32},
        {"vocab", false, AT(vocab), pack_read_u32},
        {"context", false, AT(context), pack_read_u32},
        {"decoder_layers", false, AT(decoder_layers), pack_read_u32},
        {"experts", false, AT(experts), pack_read_u32},
        {"active_experts", false, AT(active_experts), pack_read_u32},
        {"tied_embeddings", false, AT(tied_embeddings), pack_read_bool},
        {"gated_mlp", false, AT(gated_mlp), pack_read_bool},
        {"habits", false, AT(habits), pack_read_habits},
        {"image", false, AT(image), pack_read_u32},
        {"saved_kib", false, AT(saved_kib), read_pair},
        {"conv_kib", false, AT(conv_kib), pack_read_u32},
        {"squared", false, AT(squared), pack_read_double},
        {"batch_norm", false, AT(batch_norm), pack_read_bool},
        {"frames", false, AT(frames), pack_read_u32},
        {"seconds", false, AT(seconds), pack_read_double},
        {"frozen_parameters", false, AT(frozen_parameters), pack_read_u64},
        {"rank_parameters", false, AT(rank_parameters), pack_read_u64},
        {"saved_lora_kib", false, AT(saved_lora_kib), read_pair},
        {"checkpoint_kib", false, AT(checkpoint_kib), read_pair},
        {"block_kib", false, AT(block_kib), read_pair},
        {"source", false, AT(source), pack_read_line},
    };
#undef AT
    struct str none = {"", 0};
    struct model m = {.name = none, .family = none, .source = r->rows_source};
    (void)slot;
    PACK_READ_MAP(r, s, fields, &m);
    if (m.source.len == 0)
        pack_problem(r, pack_span(s), "neither the row nor the file names its 'source'");
    vec_push(r->arena, &r->models, m);
}

/* One number for every stage; a network whose stages are not told apart has one. */
static void read_stages(struct pack_reader *r, const struct setting *s, void *slot)
{
    const struct setting *list = setting_resolve(s);
    uint32_t *at = slot;
    size_t i = 0;
    for (const struct setting *item = list->first; item; item = item->next, i++)
        if (i < COMPONENT_STAGES)
            pack_read_u32(r, item, &at[i]);
    if (list->kind != SETTING_LIST || i == 0 || i > COMPONENT_STAGES)
        pack_problem(r, pack_span(s), "expected a list of 1 to %d numbers",
                     COMPONENT_STAGES);
}

static void read_component_kind(struct pack_reader *r, const struct setting *s, void *slot)
{
    static const struct pack_word words[] = {{"backbone", COMPONENT_BACKBONE},
                                             {"neck", COMPONENT_NECK},
                                             {"head", COMPONENT_HEAD}};
    int word = pack_word(r, s, WORDS(words));
    if (word >= 0)
        *(enum component_kind *)slot = (enum component_kind)word;
}

static void add_component(struct pack_reader *r, const struct setting *s, void *slot)
{
#define AT(name) offsetof(struct component, name)
    static const struct pack_field fields[] = {
        {"component", true, AT(name), pack_read_line},
        {"aliases", false, AT(aliases), pack_read_texts},
        {"kind", true, AT(kind), read_component_kind},
        {"parameters", false, AT(parameters), pack_read_u64},
        {"channels", false, AT(channels), pack_read_u32},
        {"stages_kib", false, AT(stages), read_stages},
        {"stages_amp_kib", false, AT(stages_amp), read_stages},
        {"stages_frozen_kib", false, AT(stages_frozen), read_stages},
        {"conv_kib", false, AT(conv), read_stages},
        {"dilated_kib", false, AT(dilated), read_pair},
        {"class_kib", false, AT(per_class), pack_read_u32},
        {"image_kib", false, AT(image), read_pair},
        {"sample_kib", false, AT(sample), read_pair},
        {"pyramid", false, AT(pyramid), pack_read_u32},
        {"stride", false, AT(stride), pack_read_u32},
        {"anchors", false, AT(anchors), pack_read_u32},
        {"scores", false, AT(scores), pack_read_u32},
        {"score_bytes", false, AT(score_bytes), pack_read_u32},
        {"compared", false, AT(compared), pack_read_bool},
        {"made_of", false, AT(made_of), pack_read_texts},
        {"second_times", false, AT(second_times), pack_read_u32},
    };
#undef AT
    struct component p = {.name = {"", 0}};
    (void)slot;
    PACK_READ_MAP(r, s, fields, &p);
    vec_push(r->arena, &r->components, p);
}

static void read_components(struct pack_reader *r, const struct setting *s, void *slot)
{
    pack_each(r, s, slot, add_component);
}

static void read_gpus(struct pack_reader *r, const struct setting *s, void *slot)
{
    pack_each(r, s, slot, add_gpu);
}

static void read_models(struct pack_reader *r, const struct setting *s, void *slot)
{
    pack_each(r, s, slot, add_model);
}

static void add_config_key(struct pack_reader *r, const struct setting *s, void *vec)
{
    static const struct pack_field fields[] = {
        {"field", true, offsetof(struct config_key, field), pack_read_line},
        {"keys", true, offsetof(struct config_key, keys), pack_read_texts},
    };
    struct config_keys_read *all = vec;
    struct config_key k = {.field = {"", 0}};
    PACK_READ_MAP(r, s, fields, &k);
    vec_push(r->arena, all, k);
}

static void read_config_keys(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct pack_reader *all = slot;
    pack_each(r, s, &all->config_keys, add_config_key);
}

static void add_config_type(struct pack_reader *r, const struct setting *s, void *vec)
{
    static const struct pack_field fields[] = {
        {"types", true, offsetof(struct config_type, types), pack_read_texts},
        {"like", true, offsetof(struct config_type, like), pack_read_line},
        {"tied", true, offsetof(struct config_type, tied), pack_read_bool},
    };
    struct config_types_read *all = vec;
    struct config_type t = {.like = {"", 0}};
    PACK_READ_MAP(r, s, fields, &t);
    vec_push(r->arena, all, t);
}

static void read_config_types(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct pack_reader *all = slot;
    pack_each(r, s, &all->config_types, add_config_type);
}

void pack_read_catalog(struct pack_reader *r, const struct setting *root)
{
    static const struct pack_field fields[] = {
        {"source", false, 0, NULL},
        {"gpus", false, 0, read_gpus},
        {"models", false, 0, read_models},
        {"components", false, 0, read_components},
        {"config_keys", false, 0, read_config_keys},
        {"config_types", false, 0, read_config_types},
    };
    const struct setting *source = setting_child(root, STR("source"));
    r->rows_source = STR("");
    if (source)
        pack_read_line(r, source, &r->rows_source);
    PACK_READ_MAP(r, root, fields, r);
}
