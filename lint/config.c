/* The file is read by the YAML front end, so mistakes have a place. Lists add up over
 * `extends`; single values of the nearer file win. */
#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "glob.h"
#include "walk.h"

#include "banned.h"

enum { MAX_EXTENDS = 16 };

struct reading {
    struct arena *arena;
    struct config *config;
    struct document doc;
    struct err *err;
    int depth;
};

static bool read_file(struct arena *a, const char *path, struct config *out, int depth,
                      struct err *err);

static bool mistake(struct reading *r, const struct setting *s, const char *what)
{
    struct span at = s->key_span.to ? s->key_span : s->value_span;
    struct place p = source_place(r->doc.source, at.from);
    return err_set(r->err, "%.*s:%u:%u: %s", STR_ARG(r->doc.source->path), p.line, p.column,
                   what);
}

static bool read_strs(struct reading *r, const struct setting *s, struct strs *out)
{
    s = setting_resolve(s);
    if (s->kind == SETTING_SCALAR) {
        vec_push(r->arena, out, s->text);
        return true;
    }
    if (s->kind != SETTING_LIST)
        return mistake(r, s, "a word or a list of words is expected");
    for (const struct setting *i = s->first; i; i = i->next) {
        if (i->kind != SETTING_SCALAR)
            return mistake(r, i, "a word is expected");
        vec_push(r->arena, out, i->text);
    }
    return true;
}

static bool read_rules(struct reading *r, const struct setting *s, int what)
{
    struct strs words = {0};
    if (!read_strs(r, s, &words))
        return false;
    for (size_t i = 0; i < words.len; i++)
        if (!cli_rule_list(r->arena, &r->config->rules, words.at[i], what, r->err))
            return mistake(r, s, "rule names are expected");
    return true;
}

static bool is_map(const struct setting *s)
{
    return s->kind == SETTING_MAP || s->value.kind == VALUE_NULL;
}

static bool read_severities(struct reading *r, const struct setting *s)
{
    if (!is_map(s))
        return mistake(r, s, "a map of rules to severities is expected");
    for (const struct setting *i = s->first; i; i = i->next) {
        struct rule_setting one = {.selector = i->key, .what = RULE_SEVERITY};
        if (!severity_parse(i->text, &one.severity))
            return mistake(r, i, "error, warning, info or off is expected");
        vec_push(r->arena, &r->config->rules, one);
    }
    return true;
}

static bool read_options(struct reading *r, const struct setting *s)
{
    if (!is_map(s))
        return mistake(r, s, "a map of rules is expected");
    for (const struct setting *rule = s->first; rule; rule = rule->next)
        for (const struct setting *o = rule->first; o; o = o->next) {
            struct rule_option_value one = {rule->key, o->key, o->value};
            vec_push(r->arena, &r->config->options, one);
        }
    return true;
}

/* The folder of the file at PATH without links, dots and the like. */
static struct str real_folder(struct arena *a, struct str path)
{
    char real[PATH_MAX];
    struct str folder = arena_str(a, str_folder(path));
    return realpath(folder.at, real) ? arena_str(a, str_from(real)) : folder;
}

static bool read_excludes(struct reading *r, const struct setting *s)
{
    struct strs globs = {0};
    if (!read_strs(r, s, &globs))
        return false;
    struct str folder = real_folder(r->arena, r->doc.source->path);
    for (size_t i = 0; i < globs.len; i++)
        vec_push(r->arena, &r->config->excludes,
                 ((struct config_glob){folder, globs.at[i]}));
    return true;
}

static bool read_file_rules(struct reading *r, const struct setting *s)
{
    if (!is_map(s))
        return mistake(r, s, "a map of globs to rules is expected");
    struct str folder = real_folder(r->arena, r->doc.source->path);
    for (const struct setting *i = s->first; i; i = i->next) {
        struct file_rules one = {.folder = folder, .glob = i->key};
        if (!read_strs(r, i, &one.rules))
            return false;
        vec_push(r->arena, &r->config->file_rules, one);
    }
    return true;
}

static bool read_facts(struct reading *r, const struct setting *s)
{
    if (!is_map(s))
        return mistake(r, s, "a map of facts is expected");
    for (const struct setting *i = s->first; i; i = i->next) {
        struct fact_value one = {fact_parse(i->key), i->value};
        if (one.fact == FACT_COUNT)
            return mistake(r, i, "not a fact; gpulint settings lists them");
        if (!fact_accepts(one.fact, one.value))
            return mistake(r, i, "not a value of this fact");
        vec_push(r->arena, &r->config->facts, one);
    }
    return true;
}

static bool read_fail_on(struct reading *r, const struct setting *s)
{
    r->config->has_fail_on = true;
    r->config->fail_on = SEVERITY_OFF;
    if (str_eq(s->text, STR("never")))
        return true;
    if (severity_parse(s->text, &r->config->fail_on))
        return true;
    return mistake(r, s, "error, warning, info or never is expected");
}

static bool read_loader(struct reading *r, const struct setting *s)
{
    r->config->has_loader = true;
    if (loader_parse(s->text, &r->config->loader))
        return true;
    return mistake(r, s, "pyyaml, omegaconf or yaml-1.2 is expected");
}

static bool read_extends(struct reading *r, const struct setting *s)
{
    if (s->kind != SETTING_SCALAR)
        return mistake(r, s, "one path is expected");
    if (r->depth >= MAX_EXTENDS)
        return mistake(r, s, "configurations extend one another too deeply");
    struct str folder = str_folder(r->doc.source->path);
    struct str path =
        s->text.len && s->text.at[0] == '/'
            ? s->text
            : arena_printf(r->arena, "%.*s/%.*s", STR_ARG(folder), STR_ARG(s->text));
    return read_file(r->arena, arena_str(r->arena, path).at, r->config, r->depth + 1,
                     r->err);
}

static bool read_key(struct reading *r, const struct setting *s)
{
    struct config *c = r->config;
    if (str_eq(s->key, STR("extends")))
        return true; /* read before all others */
    if (str_eq(s->key, STR("gpu"))) {
        c->gpus = (struct strs){0};
        return read_strs(r, s, &c->gpus);
    }
    if (str_eq(s->key, STR("exclude")))
        return read_excludes(r, s);
    if (str_eq(s->key, STR("select")))
        return read_rules(r, s, RULE_SELECT);
    if (str_eq(s->key, STR("ignore")))
        return read_rules(r, s, RULE_IGNORE);
    if (str_eq(s->key, STR("severity")))
        return read_severities(r, s);
    if (str_eq(s->key, STR("options")))
        return read_options(r, s);
    if (str_eq(s->key, STR("per-file-ignores")))
        return read_file_rules(r, s);
    if (str_eq(s->key, STR("facts")))
        return read_facts(r, s);
    if (str_eq(s->key, STR("fail-on")))
        return read_fail_on(r, s);
    if (str_eq(s->key, STR("loader")))
        return read_loader(r, s);
    if (str_eq(s->key, STR("memory-reserved"))) {
        r->config->has_memory_reserved = true;
        return gpu_parse_size(setting_resolve(s)->text, &r->config->memory_reserved) ||
               mistake(r, s, "memory-reserved is a size such as 1.5GB or 800MiB");
    }
    if (str_eq(s->key, STR("profile"))) {
        c->profile = s->text;
        return s->kind == SETTING_SCALAR || mistake(r, s, "one profile is expected");
    }
    return mistake(r, s,
                   "unknown key; known are extends, gpu, memory-reserved, profile, select, "
                   "ignore, severity, options, per-file-ignores, facts, fail-on, exclude, "
                   "loader");
}

static bool read_document(struct reading *r)
{
    struct document *doc = &r->doc;
    if (doc->problems.len) {
        const struct finding *f = &doc->problems.at[0];
        struct place p = source_place(doc->source, f->span.from);
        return err_set(r->err, "%.*s:%u:%u: %.*s", STR_ARG(doc->source->path), p.line,
                       p.column, STR_ARG(f->message));
    }
    if (!doc->tree.roots.len)
        return true;
    const struct setting *root = doc->tree.roots.at[0];
    if (root->kind != SETTING_MAP)
        return root->text.len ? mistake(r, root, "a map of keys is expected") : true;
    const struct setting *extends = setting_child(root, STR("extends"));
    if (extends && !read_extends(r, extends))
        return false;
    for (const struct setting *s = root->first; s; s = s->next)
        if (!read_key(r, s))
            return false;
    return true;
}

static bool read_file(struct arena *a, const char *path, struct config *out, int depth,
                      struct err *err)
{
    struct source *source = arena_new(a, struct source);
    if (!source_load(source, a, path, LANGUAGE_YAML, err))
        return false;
    struct reading r = {.arena = a, .config = out, .err = err, .depth = depth};
    front_parse(a, source, &r.doc);
    loader_apply(LOADER_YAML12, a, &r.doc.tree);
    return read_document(&r);
}

bool config_load(struct arena *a, const char *path, struct config *out, struct err *err)
{
    *out = (struct config){.path = arena_str(a, str_from(path))};
    out->folder = str_folder(out->path);
    return read_file(a, path, out, 0, err);
}

/* FOLDER without links and dots, so that one folder has one name. */
static struct str absolute(struct arena *a, struct str folder)
{
    char real[PATH_MAX];
    if (realpath(arena_str(a, folder).at, real))
        return arena_str(a, str_from(real));
    return folder.len && folder.at[0] == '/' ? arena_str(a, folder) : absolute(a, STR("."));
}

/* PATH as the user would write it: relative where it lies below the working directory. */
static struct str as_shown(struct arena *a, struct str path)
{
    struct str here = absolute(a, STR("."));
    if (str_starts(path, here) && path.len > here.len + 1 && path.at[here.len] == '/')
        return arena_str(a, str_slice(path, here.len + 1, path.len));
    return path;
}

static const struct config *cached(const struct config_cache *cache, struct str folder)
{
    for (size_t i = 0; i < cache->len; i++)
        if (str_eq(cache->at[i].folder, folder))
            return cache->at[i].config;
    return NULL;
}

/* The nearest configuration of FOLDER, an absolute path. */
static bool nearest(struct arena *a, struct config_cache *cache, struct str folder,
                    const struct config **out, struct err *err)
{
    struct config *c = NULL;
    if ((*out = cached(cache, folder)) != NULL)
        return true;
    struct str path = arena_printf(a, "%.*s/.gpulint.yaml", STR_ARG(folder));
    if (access(path.at, F_OK) == 0) {
        c = arena_new(a, struct config);
        if (!config_load(a, as_shown(a, path).at, c, err))
            return false;
    } else if (folder.len <= 1) {
        c = arena_new(a, struct config);
    } else if (!nearest(a, cache, str_folder(folder), out, err)) {
        return false;
    }
    *out = c ? c : *out;
    vec_push(a, cache, ((struct config_entry){arena_str(a, folder), *out}));
    return true;
}

bool config_nearest(struct arena *a, struct config_cache *cache, struct str folder,
                    const struct config **out, struct err *err)
{
    if ((*out = cached(cache, folder)) != NULL)
        return true;
    struct str whole = absolute(a, folder);
    if (!nearest(a, cache, whole, out, err))
        return false;
    if (!str_eq(whole, folder)) /* asked by this name again for every file of the folder */
        vec_push(a, cache, ((struct config_entry){arena_str(a, folder), *out}));
    return true;
}

/* --- globs ------------------------------------------------------------------------ */

/* PATH as seen from FOLDER; at NULL when it does not lie below. */
static struct str seen_from(struct str folder, struct str path)
{
    size_t skip = folder.len > 1 ? folder.len : 0; /* the root ends in the slash itself */
    if (!str_starts(path, folder) || path.len <= skip + 1 || path.at[skip] != '/')
        return (struct str){NULL, 0};
    return str_slice(path, skip + 1, path.len);
}

static bool covers(struct str folder, struct str glob, struct str path, bool is_folder)
{
    struct str below = seen_from(folder, path);
    return below.at && glob_excludes(glob, below, is_folder);
}

bool config_excludes(const struct config *c, struct str path, bool is_folder)
{
    struct arena scratch = {0};
    bool hit = false;
    if (!c->excludes.len)
        return false;
    struct str real = walk_real_path(&scratch, path);
    for (size_t i = 0; i < c->excludes.len && !hit; i++)
        hit = covers(c->excludes.at[i].folder, c->excludes.at[i].glob, real, is_folder);
    arena_free(&scratch);
    return hit;
}

static bool names_rule(const struct strs *rules, struct str code, struct str id)
{
    for (size_t i = 0; i < rules->len; i++)
        if (str_eq(rules->at[i], STR("ALL")) || str_eq(rules->at[i], id) ||
            str_starts(code, rules->at[i]))
            return true;
    return false;
}

bool config_ignores(const struct config *c, struct str path, struct str code, struct str id)
{
    struct arena scratch = {0};
    bool hit = false;
    if (!c->file_rules.len)
        return false;
    struct str real = walk_real_path(&scratch, path);
    for (size_t i = 0; i < c->file_rules.len && !hit; i++) {
        const struct file_rules *r = &c->file_rules.at[i];
        hit = names_rule(&r->rules, code, id) && covers(r->folder, r->glob, real, false);
    }
    arena_free(&scratch);
    return hit;
}
