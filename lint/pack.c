/* A folder of YAML becomes a pack. Files are read in the order of what refers to what:
 * frameworks, profiles and catalogues before the rules that name them. Mistakes are
 * gathered as findings and do not stop the reading. */
#include "pack.h"

#include <assert.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pack_read.h"
#include "banned.h"

enum { MAX_FILES = 20000 };

/* --- files --------------------------------------------------------------- */

struct file {
    struct str folder, name; /* "bind", "axolotl.yaml"; folder "" for DIR itself */
    int stage;
};

struct files VEC_BODY(struct file);

static const struct {
    const char *folder;
    void (*read)(struct pack_reader *r, const struct setting *root);
} STAGES[] = {{"bind", pack_read_framework},
              {"profiles", pack_read_profile},
              {"advice", pack_read_advice},
              {"catalog", pack_read_catalog},
              {NULL, pack_read_rule}};

static int stage_of(struct str folder)
{
    int i = 0;
    while (STAGES[i].folder && !str_eq(folder, str_from(STAGES[i].folder)))
        i++;
    return i;
}

static int compare_files(const void *a, const void *b)
{
    const struct file *x = a, *y = b;
    if (x->stage != y->stage)
        return x->stage - y->stage;
    int order = str_compare(x->folder, y->folder);
    return order ? order : str_compare(x->name, y->name);
}

static struct str joined(struct arena *a, const char *dir, struct str folder,
                         struct str name)
{
    if (!folder.len)
        return arena_printf(a, "%s/%.*s", dir, STR_ARG(name));
    return arena_printf(a, "%s/%.*s/%.*s", dir, STR_ARG(folder), STR_ARG(name));
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Lists DIR/FOLDER; with FOLDERS also what lies one level below. */
static bool list(struct arena *a, const char *dir, struct str folder, struct files *out,
                 struct err *err)
{
    struct str path = folder.len ? arena_printf(a, "%s/%.*s", dir, STR_ARG(folder))
                                 : arena_str(a, str_from(dir));
    DIR *stream = opendir(path.at);
    bool fine = true;
    if (!stream)
        return err_set(err, "cannot read the folder '%s'", path.at);
    for (struct dirent *e; fine && (e = readdir(stream));) {
        struct str name = arena_str(a, str_from(e->d_name));
        if (!name.len || name.at[0] == '.')
            continue;
        if (!folder.len && is_folder(joined(a, dir, folder, name).at))
            fine = list(a, dir, name, out, err);
        else if (str_ends(name, STR(".yaml")) && out->len < MAX_FILES)
            vec_push(a, out, ((struct file){folder, name, stage_of(folder)}));
    }
    closedir(stream);
    return fine;
}

static void copy_problems(struct pack_reader *r, const struct document *doc)
{
    for (size_t i = 0; i < doc->problems.len; i++) {
        struct finding f = doc->problems.at[i];
        pack_problem(r, f.span, "%.*s", STR_ARG(f.message));
    }
}

static bool read_file(struct pack_reader *r, const char *dir, const struct file *f,
                      struct err *err)
{
    struct document doc;
    r->source = arena_new(r->arena, struct source);
    r->folder = f->folder;
    r->stem = str_slice(f->name, 0, f->name.len - strlen(".yaml"));
    if (!source_load(r->source, r->arena, joined(r->arena, dir, f->folder, f->name).at,
                     LANGUAGE_YAML, err))
        return false;
    front_parse(r->arena, r->source, &doc);
    loader_apply(LOADER_YAML12, r->arena, &doc.tree);
    if (doc.problems.len || doc.broken) {
        copy_problems(r, &doc);
        return true;
    }
    if (doc.tree.roots.len != 1 || doc.tree.roots.at[0]->kind != SETTING_MAP)
        pack_problem(r, (struct span){0, 0}, "expected one map of keys and values");
    else
        STAGES[f->stage].read(r, doc.tree.roots.at[0]);
    return true;
}

/* --- order --------------------------------------------------------------- */

static int compare_rules(const void *a, const void *b)
{
    const struct rule *x = a, *y = b;
    int order = str_compare(x->code, y->code);
    return order ? order : str_compare(x->id, y->id);
}

static int compare_frameworks(const void *a, const void *b)
{
    const struct framework *x = a, *y = b;
    if (x->priority != y->priority)
        return x->priority < y->priority ? 1 : -1;
    return str_compare(x->id, y->id);
}

static int compare_profiles(const void *a, const void *b)
{
    return str_compare(((const struct profile *)a)->id, ((const struct profile *)b)->id);
}

#define SORT(vec, compare)                                                                 \
    ((vec).len ? qsort((vec).at, (vec).len, sizeof *(vec).at, (compare)) : (void)0)

bool pack_load(struct arena *a, const char *dir, struct pack *out,
               struct findings *problems, struct err *err)
{
    struct pack_reader r = {.arena = a, .problems = problems};
    struct files files = {0};
    *out = (struct pack){0};
    if (!list(a, dir, STR(""), &files, err))
        return false;
    SORT(files, compare_files);
    for (size_t i = 0; i < files.len; i++)
        if (!read_file(&r, dir, &files.at[i], err))
            return false;
    SORT(r.rules, compare_rules);
    SORT(r.frameworks, compare_frameworks);
    SORT(r.profiles, compare_profiles);
    PACK_PUT(out->rules, r.rules);
    PACK_PUT(out->frameworks, r.frameworks);
    PACK_PUT(out->profiles, r.profiles);
    PACK_PUT(out->changes, r.changes);
    PACK_PUT(out->batch_unsafe, r.batch_unsafe);
    PACK_PUT(out->methods, r.methods);
    PACK_PUT(out->gpus, r.gpus);
    PACK_PUT(out->models, r.models);
    PACK_PUT(out->components, r.components);
    PACK_PUT(out->config_keys, r.config_keys);
    PACK_PUT(out->config_types, r.config_types);
    pack_index(a, out);
    if (r.failed)
        err_set(err, "the files below '%s' have mistakes", dir);
    return !r.failed;
}

/* --- finding ------------------------------------------------------------- */

const struct rule *pack_find_rule(const struct pack *p, struct str code_or_id)
{
    for (uint32_t i = 0; i < p->rules.len; i++)
        if (str_eq_nocase(p->rules.at[i].code, code_or_id) ||
            str_eq(p->rules.at[i].id, code_or_id))
            return &p->rules.at[i];
    return NULL;
}

const struct profile *pack_find_profile(const struct pack *p, struct str id)
{
    for (uint32_t i = 0; i < p->profiles.len; i++)
        if (str_eq_nocase(p->profiles.at[i].id, id))
            return &p->profiles.at[i];
    return NULL;
}

static bool is_called(const struct component *p, struct str name)
{
    bool found = str_eq_nocase(p->name, name);
    for (uint32_t i = 0; i < p->aliases.len && !found; i++)
        found = str_eq_nocase(p->aliases.at[i], name);
    return found;
}

const struct component *pack_find_component(const struct pack *p, enum component_kind kind,
                                            struct str name)
{
    for (uint32_t i = 0; i < p->components.len; i++)
        if (p->components.at[i].kind == kind && is_called(&p->components.at[i], name))
            return &p->components.at[i];
    return NULL;
}
