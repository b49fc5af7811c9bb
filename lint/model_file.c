/* Which key is which figure, and what a type of model means, are data (rules/catalog). A
 * copy of a network that the catalogue has, fine-tuned or not, is known by its figures. */
#include "model_file.h"

#include <stddef.h>
#include <sys/stat.h>

#include "link.h"

#include "banned.h"

enum { MOST_BYTES = 1024 * 1024, LONGEST_NAME = 1000 };

/* --- figures -------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t offset;
} FIELDS[] = {
#define FIELD(name) {#name, offsetof(struct model, name)}
    FIELD(hidden), FIELD(layers),  FIELD(heads),   FIELD(kv_heads),
    FIELD(head_dim), FIELD(ffn),   FIELD(vocab),   FIELD(context),
    FIELD(decoder_layers), FIELD(experts), FIELD(active_experts),
#undef FIELD
};

static uint32_t *figure(struct model *m, struct str field)
{
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++)
        if (str_eq(field, str_from(FIELDS[i].name)))
            return (uint32_t *)(void *)((char *)m + FIELDS[i].offset);
    return NULL;
}

static void read_figures(const struct pack *pack, const struct setting *root,
                         struct model *m)
{
    for (uint32_t i = 0; i < pack->config_keys.len; i++) {
        const struct config_key *k = &pack->config_keys.at[i];
        uint32_t *to = figure(m, k->field);
        for (uint32_t n = 0; to && !*to && n < k->keys.len; n++) {
            const struct setting *s = setting_child(root, k->keys.at[n]);
            if (s && s->value.kind == VALUE_INT && s->value.as.integer > 0 &&
                s->value.as.integer < 100000000)
                *to = (uint32_t)s->value.as.integer;
        }
    }
}

static uint32_t or_else(uint32_t x, uint32_t otherwise)
{
    return x ? x : otherwise;
}

static bool same_figures(const struct model *a, const struct model *b)
{
    uint32_t a_kv = or_else(a->kv_heads, a->heads), b_kv = or_else(b->kv_heads, b->heads);
    return a->hidden && a->hidden == b->hidden && a->layers == b->layers &&
           a->heads == b->heads && a_kv == b_kv && a->ffn == b->ffn &&
           a->decoder_layers == b->decoder_layers && a->experts == b->experts;
}

/* --- type ----------------------------------------------------------------------- */

static const struct config_type *type_of(const struct pack *pack, struct str word)
{
    for (uint32_t i = 0; i < pack->config_types.len; i++)
        for (uint32_t k = 0; k < pack->config_types.at[i].types.len; k++)
            if (str_eq(pack->config_types.at[i].types.at[k], word))
                return &pack->config_types.at[i];
    return NULL;
}

/* A network of the catalogue with these figures; of the right family when it is known. */
static const struct model *twin(const struct pack *pack, const struct model *m,
                                const struct model *like)
{
    for (uint32_t i = 0; i < pack->models.len; i++) {
        const struct model *one = &pack->models.at[i];
        if (same_figures(one, m) && one->vocab == m->vocab && one->parameters &&
            (!like || (str_eq(one->family, like->family) &&
                       one->gated_mlp == like->gated_mlp)))
            return one;
    }
    return NULL;
}

static struct str word_of(const struct setting *root, struct str key)
{
    const struct setting *s = setting_child(root, key);
    return s && s->value.kind == VALUE_STRING ? s->value.as.string : STR("");
}

static bool has_parts(const struct setting *root)
{
    static const char *const parts[] = {"vision_config", "text_config", "audio_config",
                                        "quantization_config"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (setting_child(root, str_from(parts[i])))
            return true;
    return false;
}

/* Gives M what its type has and its file does not say. False: not known. */
static bool complete(const struct pack *pack, const struct setting *root, struct model *m)
{
    const struct config_type *type = type_of(pack, word_of(root, STR("model_type")));
    const struct model *like = type ? pack_find_model(pack, type->like) : NULL;
    const struct model *same = twin(pack, m, like);
    struct model own = *m;
    if (same) {
        *m = *same;
        m->context = or_else(own.context, same->context);
        return true;
    }
    if (!like || !m->hidden || !m->layers || !m->heads || !m->vocab)
        return false;
    const struct setting *tied = setting_child(root, STR("tie_word_embeddings"));
    bool said = tied && tied->value.kind == VALUE_BOOL;
    m->family = like->family;
    m->gated_mlp = like->gated_mlp;
    m->habits = like->habits;
    m->tied_embeddings = said ? tied->value.as.boolean : type->tied;
    m->ffn = or_else(m->ffn, 4 * m->hidden);
    return true;
}

const struct model *model_file_parse(struct arena *a, const struct pack *pack,
                                     struct source *source)
{
    struct document doc = {.source = source};
    struct model *m = arena_new(a, struct model);
    front_parse(a, source, &doc);
    if (doc.broken || doc.tree.roots.len != 1)
        return NULL;
    loader_apply(LOADER_JSON, a, &doc.tree);
    const struct setting *root = doc.tree.roots.at[0];
    if (root->kind != SETTING_MAP || has_parts(root))
        return NULL;
    read_figures(pack, root, m);
    if (!complete(pack, root, m))
        return NULL;
    m->name = m->source = source->path;
    return m;
}

/* --- where it lies -------------------------------------------------------------- */

static bool is_small_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= MOST_BYTES;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The config.json that NAME, seen from FOLDER ("" for the working folder), leads to. */
static struct str path_from(struct arena *a, struct str folder, struct str name)
{
    bool absolute = name.at[0] == '/';
    struct str path = absolute || !folder.len
                          ? arena_str(a, name)
                          : arena_printf(a, "%.*s/%.*s", STR_ARG(folder), STR_ARG(name));
    if (is_folder(path.at))
        path = arena_printf(a, "%.*s/config.json", STR_ARG(path));
    else if (!str_ends(path, STR(".json")))
        return STR("");
    return is_small_file(path.at) ? path : STR("");
}

static bool may_be_path(struct str name)
{
    return name.len && name.len <= LONGEST_NAME &&
           str_find(name, STR("://"), 0) == SIZE_MAX &&
           str_find_byte(name, '\n', 0) == SIZE_MAX && str_find_byte(name, '\0', 0) == SIZE_MAX;
}

static const struct model *load(const struct pack *pack, struct unit *unit, struct str name)
{
    struct arena *a = &unit->arena;
    struct str path = path_from(a, str_folder(unit->source.path), name);
    struct source *source = arena_new(a, struct source);
    struct err err;
    if (!path.len)
        path = path_from(a, STR(""), name);
    if (!path.len)
        return NULL;
    path = arena_str(a, link_path(a, path));
    if (!source_load(source, a, path.at, LANGUAGE_JSON, &err))
        return NULL;
    return model_file_parse(a, pack, source);
}

void model_file_unit(const struct pack *pack, struct unit *unit)
{
    for (size_t i = 0; i < unit->runs.len; i++) {
        struct run *run = &unit->runs.at[i];
        struct str name;
        if (run_word(run, FACT_model_name, &name) && may_be_path(name) &&
            !pack_find_model(pack, name))
            run->model = load(pack, unit, name);
    }
}
