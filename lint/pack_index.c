/* Models by name. One sorted table holds, in lower case, every full name, every alias
 * and every last path component, with and without "-Instruct" and the like; a component
 * that two models share is marked and finds nothing. A name from a config is tried whole and then without its leading folders, so
 * that a checkpoint path finds the model it is named after, and nothing ever matches
 * inside a word. */
#include <assert.h>
#include <stdlib.h>

#include "pack.h"
#include "vec.h"
#include "banned.h"

enum { RANK_NAME, RANK_ALIAS, RANK_TAIL, RANK_VARIANT };

struct entry {
    struct model_name name;
    int rank;
};

struct entries VEC_BODY(struct entry);
struct model_names VEC_BODY(struct model_name);

static struct str lower(struct arena *a, struct str s)
{
    struct str copy = arena_str(a, s);
    char *at = (char *)copy.at;
    for (size_t i = 0; i < copy.len; i++)
        if (at[i] >= 'A' && at[i] <= 'Z')
            at[i] = (char)(at[i] + 32);
    return copy;
}

static struct str tail(struct str name)
{
    size_t from = name.len;
    while (from > 0 && name.at[from - 1] != '/')
        from--;
    return str_slice(name, from, name.len);
}

/* What stands behind a model's name when someone tuned, quantised or converted it: the
 * shape is the same. "unsloth/Llama-3.1-8B-Instruct-bnb-4bit" is Llama-3.1-8B. */
static const char *const VARIANTS[] = {
    "-instruct", "-chat", "-it",   "-hf",   "-base",    "-pt",       "-sft",      "-dpo",
    "-thinking", "-gptq", "-awq",  "-int4", "-unsloth", "-bnb-4bit", "-bnb-8bit", "-4bit",
    "-8bit",     "-int8", "-gguf", "-fp8",  "-fp16",    "-bf16"};
enum { VARIANTS_ALL = sizeof VARIANTS / sizeof *VARIANTS };
/* A row may be such a variant itself. Not by "-base", which names a size. */
enum { VARIANTS_OF_ROWS = 4 };

static struct str without_variant(struct str name, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct str ending = str_from(VARIANTS[i]);
        if (name.len > ending.len &&
            str_eq_nocase(str_slice(name, name.len - ending.len, name.len), ending))
            return str_slice(name, 0, name.len - ending.len);
    }
    return STR("");
}

static void add(struct arena *a, struct entries *all, struct str name, uint32_t model,
                int rank)
{
    struct str key = lower(a, name);
    vec_push(a, all, ((struct entry){{key, model}, rank}));
    if (tail(key).len < key.len)
        vec_push(a, all, ((struct entry){{tail(key), model}, RANK_TAIL}));
    struct str plain = without_variant(key, VARIANTS_OF_ROWS);
    if (plain.len) {
        vec_push(a, all, ((struct entry){{plain, model}, RANK_VARIANT}));
        vec_push(a, all, ((struct entry){{tail(plain), model}, RANK_VARIANT}));
    }
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = str_compare(x->name.name, y->name.name);
    if (order)
        return order;
    if (x->rank != y->rank)
        return x->rank - y->rank;
    return (x->name.model > y->name.model) - (x->name.model < y->name.model);
}

/* The best of the entries with one name, or none when equals disagree. */
static uint32_t decide(const struct entry *first, size_t count)
{
    uint32_t model = first->name.model;
    for (size_t i = 1; i < count && first[i].rank == first->rank; i++)
        if (first[i].name.model != model)
            return MODEL_AMBIGUOUS;
    return model;
}

void pack_index(struct arena *a, struct pack *p)
{
    struct entries all = {0};
    struct model_names names = {0};
    for (uint32_t i = 0; i < p->models.len; i++) {
        const struct model *m = &p->models.at[i];
        add(a, &all, m->name, i, RANK_NAME);
        for (uint32_t j = 0; j < m->aliases.len; j++)
            add(a, &all, m->aliases.at[j], i, RANK_ALIAS);
    }
    if (all.len)
        qsort(all.at, all.len, sizeof *all.at, compare_entries);
    for (size_t i = 0, next; i < all.len; i = next) {
        for (next = i + 1; next < all.len; next++)
            if (!str_eq(all.at[next].name.name, all.at[i].name.name))
                break;
        struct model_name n = {all.at[i].name.name, decide(&all.at[i], next - i)};
        vec_push(a, &names, n);
    }
    p->model_names.at = names.at;
    p->model_names.len = (uint32_t)names.len;
}

/* Byte order of A, read as lower case with '/' for '\', and B. */
static int compare_written(struct str a, struct str b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        unsigned char c = (unsigned char)a.at[i], d = (unsigned char)b.at[i];
        c = c >= 'A' && c <= 'Z' ? c + 32 : c == '\\' ? '/' : c;
        if (c != d)
            return c < d ? -1 : 1;
    }
    return (a.len > b.len) - (a.len < b.len);
}

static const struct model_name *look_up(const struct pack *p, struct str name)
{
    uint32_t low = 0, high = p->model_names.len;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_written(name, p->model_names.at[middle].name);
        if (order == 0)
            return &p->model_names.at[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static const struct model_name *look_up_path(const struct pack *p, struct str name)
{
    for (size_t from = 0; from < name.len; from++) {
        bool start = from == 0 || name.at[from - 1] == '/' || name.at[from - 1] == '\\';
        const struct model_name *hit =
            start ? look_up(p, str_slice(name, from, name.len)) : NULL;
        if (hit)
            return hit;
    }
    return NULL;
}

static struct str without_weights_ending(struct str name)
{
    static const char *const endings[] = {".pt", ".pth", ".safetensors", ".ckpt", ".yaml"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        struct str ending = str_from(endings[i]);
        if (str_ends(name, ending))
            return str_slice(name, 0, name.len - ending.len);
    }
    return STR("");
}

/* timm writes "resnet50.a1_in1k": an architecture, a dot, the weights' tag. Of other
 * models what stands behind a dot is a part of the version. */
static const struct model_name *look_up_tagged(const struct pack *p, struct str name)
{
    size_t from = name.len - tail(name).len;
    size_t dot = str_find_byte(name, '.', from);
    if (dot == SIZE_MAX)
        return NULL;
    const struct model_name *hit = look_up_path(p, str_slice(name, 0, dot));
    bool image =
        hit && hit->model != MODEL_AMBIGUOUS && p->models.at[hit->model].saved_kib > 0;
    return image ? hit : NULL;
}

static const struct model_name *look_up_variant(const struct pack *p, struct str name)
{
    const struct model_name *hit = NULL;
    while (!hit && (name = without_variant(name, VARIANTS_ALL)).len)
        hit = look_up_path(p, name);
    return hit;
}

/* The builder of a model by its path: torchtune.models.llama3_1.lora_llama3_1_8b. */
static const struct model_name *look_up_builder(const struct pack *p, struct str name)
{
    static const char *const ADAPTED[] = {"qlora_", "lora_"};
    static const char *const TUNED[] = {"_instruct", "_base"};
    if (!str_starts(name, STR("torchtune.models.")))
        return NULL;
    while (str_find_byte(name, '.', 0) != SIZE_MAX)
        name = str_slice(name, str_find_byte(name, '.', 0) + 1, name.len);
    for (size_t i = 0; i < sizeof ADAPTED / sizeof *ADAPTED; i++)
        if (str_starts(name, str_from(ADAPTED[i])))
            name = str_slice(name, str_from(ADAPTED[i]).len, name.len);
    for (size_t i = 0; i < sizeof TUNED / sizeof *TUNED; i++)
        if (str_ends(name, str_from(TUNED[i])))
            name = str_slice(name, 0, name.len - str_from(TUNED[i]).len);
    return look_up(p, name);
}

const struct model *pack_find_model(const struct pack *p, struct str name_as_written)
{
    struct str name = str_trim(name_as_written);
    while (name.len && (name.at[name.len - 1] == '/' || name.at[name.len - 1] == '\\'))
        name.len--;
    const struct model_name *hit = look_up_path(p, name);
    if (!hit)
        hit = look_up_path(p, without_weights_ending(name));
    if (!hit)
        hit = look_up_tagged(p, name);
    if (!hit)
        hit = look_up_builder(p, name);
    if (!hit)
        hit = look_up_variant(p, name);
    if (!hit || hit->model == MODEL_AMBIGUOUS)
        return NULL;
    assert(hit->model < p->models.len);
    return &p->models.at[hit->model];
}
