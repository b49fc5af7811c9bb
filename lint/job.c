/* Each file has an arena of its own, freed at once when the file turns out to be no
 * trainer config, so that a tree of thousands of files costs what its trainers cost. */
#include "job.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job_parts.h"
#include "match.h"
#include "model_file.h"
#include "pool.h"
#include "fit.h"
#include "preset.h"
#include "source_cells.h"
#include "suppress.h"
#include "banned.h"

/* --- what to lint against --------------------------------------------------- */

static bool tell_pack_problems(const struct findings *problems, struct err *err)
{
    for (size_t i = 0; i < problems->len; i++) {
        const struct finding *f = &problems->at[i];
        if (f->severity < SEVERITY_ERROR)
            continue;
        struct place p = source_place(f->source, f->span.from);
        return err_set(err, "%.*s:%u:%u: %.*s", STR_ARG(f->source->path), p.line, p.column,
                       STR_ARG(f->message));
    }
    return true;
}

bool job_pack(struct arena *a, const struct options *o, const struct pack **out,
              struct err *err)
{
    if (!o->rules_dir.len) {
        *out = pack_builtin();
        return true;
    }
    struct pack *pack = arena_new(a, struct pack);
    struct findings problems = {0};
    *out = pack;
    if (!pack_load(a, o->rules_dir.at, pack, &problems, err))
        return tell_pack_problems(&problems, err) && false;
    return pack->rules.len || pack->frameworks.len ||
           err_set(err, "%.*s: no rules and no framework tables", STR_ARG(o->rules_dir));
}

static bool reserve(const struct job *job, struct group *g, struct err *err)
{
    const struct options *o = job->options;
    uint64_t bytes = o->has_memory_reserved ? o->memory_reserved : g->config->memory_reserved;
    for (size_t i = 0; i < g->targets.len; i++)
        if (!gpu_reserve(&g->targets.at[i], bytes, err))
            return false;
    return true;
}

static bool find_targets(struct job *job, struct group *g, struct err *err)
{
    const struct strs *names = job->options->gpus.len ? &job->options->gpus
                                                      : &g->config->gpus;
    const char *how = job->options->gpus.len ? "--gpu" : "configuration";
    for (size_t i = 0; i < names->len; i++) {
        struct target t;
        if (!gpu_target(job->arena, job->pack, names->at[i], &t, err))
            return false;
        t.how = str_from(how);
        vec_push(job->arena, &g->targets, t);
    }
    if (!g->targets.len && !gpu_detect(job->arena, job->pack, "/proc", &g->targets))
        vec_push(job->arena, &g->targets, gpu_default(job->arena));
    return reserve(job, g, err);
}

static bool find_profile(struct job *job, struct group *g, struct err *err)
{
    struct str id = job->options->profile.len ? job->options->profile : g->config->profile;
    g->context.profile_chosen = id.len > 0;
    if (!id.len)
        id = STR("cnn-lstm");
    g->context.profile = pack_find_profile(job->pack, id);
    if (g->context.profile || !g->context.profile_chosen)
        return true;
    return err_set(err, "no profile '%.*s'; see gpulint presets", STR_ARG(id));
}

static bool known_selector(const struct pack *pack, struct str s)
{
    if (str_eq(s, STR("ALL")) || pack_find_rule(pack, s))
        return true;
    for (uint32_t i = 0; i < pack->rules.len; i++)
        if (s.len >= 3 && str_starts(pack->rules.at[i].code, s))
            return true;
    return false;
}

static bool gather_rules(struct job *job, struct group *g, struct err *err)
{
    const struct rule_settings *from[] = {&g->config->rules, &job->options->rules};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < from[k]->len; i++) {
            struct rule_setting s = from[k]->at[i];
            if (!known_selector(job->pack, s.selector))
                return err_set(err, "no rule '%.*s'; see gpulint rules", STR_ARG(s.selector));
            g->context.only_some |= s.what == RULE_SELECT;
            vec_push(job->arena, &g->rules, s);
        }
    return true;
}

static const struct rule_option *find_option(const struct rule *rule, struct str name)
{
    for (uint32_t i = 0; i < rule->options.len; i++)
        if (str_eq(rule->options.at[i].name, name))
            return &rule->options.at[i];
    return NULL;
}

static bool check_options(const struct job *job, const struct config *config,
                          struct err *err)
{
    double number;
    for (size_t i = 0; i < config->options.len; i++) {
        const struct rule_option_value *v = &config->options.at[i];
        const struct rule *rule = pack_find_rule(job->pack, v->rule);
        if (!rule)
            return err_set(err, "options: no rule '%.*s'; see gpulint rules",
                           STR_ARG(v->rule));
        const struct rule_option *o = find_option(rule, v->name);
        if (!o)
            return err_set(err, "options: %.*s has no option '%.*s'; see gpulint explain %.*s",
                           STR_ARG(v->rule), STR_ARG(v->name), STR_ARG(v->rule));
        if (value_number(v->value, &number) != value_number(o->value, &number))
            return err_set(err, "options: %.*s.%.*s is given a value of the wrong kind",
                           STR_ARG(v->rule), STR_ARG(v->name));
    }
    return true;
}

static bool check_file_rules(const struct job *job, const struct config *config,
                             struct err *err)
{
    for (size_t i = 0; i < config->file_rules.len; i++) {
        const struct strs *rules = &config->file_rules.at[i].rules;
        for (size_t k = 0; k < rules->len; k++)
            if (!known_selector(job->pack, rules->at[k]))
                return err_set(err, "per-file-ignores: no rule '%.*s'; see gpulint rules",
                               STR_ARG(rules->at[k]));
    }
    return true;
}

static bool make_group(struct job *job, const struct config *config, struct group **out,
                       struct err *err)
{
    struct group *g = arena_new(job->arena, struct group);
    const struct options *o = job->options;
    g->config = config;
    g->fail_on = o->fail_on_given || !config->has_fail_on ? o->fail_on : config->fail_on;
    g->has_loader = o->has_loader || config->has_loader;
    g->loader = o->has_loader ? o->loader : config->loader;
    if (!find_targets(job, g, err) || !find_profile(job, g, err) ||
        !gather_rules(job, g, err) || !check_options(job, config, err) ||
        !check_file_rules(job, config, err))
        return false;
    g->context.pack = job->pack;
    g->context.targets = &g->targets;
    g->context.loader = g->has_loader ? &g->loader : NULL;
    g->context.settings = &g->rules;
    g->context.options = &config->options;
    vec_push(job->arena, &job->groups, g);
    *out = g;
    return true;
}

static bool group_of(struct job *job, const struct config *config, struct group **out,
                     struct err *err)
{
    for (size_t i = 0; i < job->groups.len; i++)
        if (job->groups.at[i]->config == config) {
            *out = job->groups.at[i];
            return true;
        }
    return make_group(job, config, out, err);
}

static bool config_for(struct job *job, struct str path, const struct config **out,
                       struct err *err)
{
    const struct options *o = job->options;
    if (!o->config.len && !o->no_config)
        return config_nearest(job->arena, &job->cache, arena_str(job->arena, str_folder(path)), out, err);
    if (!job->cache.len) {
        struct config *c = arena_new(job->arena, struct config);
        if (o->config.len && !config_load(job->arena, o->config.at, c, err))
            return false;
        vec_push(job->arena, &job->cache, ((struct config_entry){STR(""), c}));
    }
    *out = job->cache.at[0].config;
    return true;
}

/* --- reading ----------------------------------------------------------------- */

static void add_config_facts(struct unit *u, const struct config *config)
{
    for (size_t r = 0; r < u->runs.len; r++) {
        struct run *run = &u->runs.at[r];
        for (size_t i = 0; i < config->facts.len; i++) {
            struct fact_value v = config->facts.at[i];
            const struct fact *now = run_fact(run, v.fact);
            if (now && now->setting)
                continue;
            run->best[v.fact] = (int32_t)run->facts.len;
            struct fact *f = vec_add(&u->arena, &run->facts);
            *f = (struct fact){.id = v.fact, .value = v.value, .origin = ORIGIN_INHERITED,
                               .why = config->path};
        }
    }
}

static void bind_unit(const struct job *job, const struct group *g, struct unit *u,
                      const struct replacements *replaced)
{
    struct link_context links = {job->pack, g->has_loader ? &g->loader : NULL, replaced};
    front_parse(&u->arena, &u->source, &u->doc);
    link_unit(&links, u);
    add_config_facts(u, g->config);
    model_file_unit(job->pack, u);
}

struct unit *job_parse(const struct job *job, const struct group *group, struct str path,
                       struct str text, enum language language,
                       const struct replacements *replaced)
{
    struct unit *u = arena_new(job->arena, struct unit);
    source_init(&u->source, &u->arena, path, text, language);
    bind_unit(job, group, u, replaced);
    return u;
}

/* Words that only a trainer's file has. A broken file that holds two of them is one. */
static bool looks_like_trainer(const struct unit *u)
{
    static const char words[] =
        "(?i)\\b(batch_?size|micro_batch_size\\w*|gradient_accumulation\\w*|learning_rate|"
        "lr|num_workers|num_train_epochs|max_epochs|optimizer|lora_\\w+|pin_memory|"
        "bf16|fp16|mixed_precision)\\b[\"']?[ \\t]*[:=]";
    const struct pattern *p = match_pattern(str_from(words), NULL);
    struct match first, second;
    assert(p);
    struct str text = u->source.text;
    if (!match_find(p, text, 0, &first))
        return false;
    struct str one = str_slice(text, first.group[1].from, first.group[1].to);
    for (size_t at = first.group[0].to; match_find(p, text, at, &second);
         at = second.group[0].to)
        if (!str_eq_nocase(one, str_slice(text, second.group[1].from, second.group[1].to)))
            return true;
    return false;
}

/* Training code need not hold one setting to be linted for leaks. */
static bool imports_torch(const struct unit *u)
{
    struct match m;
    const struct pattern *p = match_pattern(
        STR("(?m)^[ \\t]*(?:import|from)[ \\t]+(?:torch|lightning|pytorch_lightning)\\b"), NULL);
    assert(p);
    return u->doc.masked.len && match_find(p, u->doc.masked, 0, &m);
}

/* Broken where a program is still to write a value: "batch": GB_SIZE, ${stage}. */
static bool is_template(struct unit *u)
{
    const struct pattern *p = match_pattern(
        STR("[$][{(]?\\w|[{]{2}|[{<]%|<\\w+>|@\\w+@|:[ \\t]*_*[A-Z][A-Z0-9_]+[ \\t]*,?[ \\t]*\\r?$"), NULL);
    uint32_t start;
    struct match m;
    struct span at = u->doc.problems.at[0].span;
    return p && match_find(p, source_line(&u->source, at.from, &start), 0, &m);
}

/* Is the file spoken of at all, and are its syntax errors? */
static bool worth_telling(struct unit *u, bool named, bool *problems)
{
    bool utf8 = u->source.encoding == ENCODING_UTF8;
    *problems = u->doc.problems.len &&
                (named || ((u->runs.len || (utf8 && looks_like_trainer(u))) &&
                           !(utf8 && u->doc.broken && is_template(u))));
    return u->runs.len || *problems;
}

static void drop(struct job_file *f)
{
    arena_free(&f->unit->arena);
    f->unit = NULL;
}

/* Reads what is in F's unit; drops it when there is nothing to tell of it. */
static void take_in(const struct job *job, struct job_file *f, bool named)
{
    bind_unit(job, f->group, f->unit, NULL);
    if (!worth_telling(f->unit, named, &f->problems) && !imports_torch(f->unit) &&
        !f->standard_input)
        drop(f);
}

static bool start_file(struct job *job, struct str path, struct job_file *f, struct err *err)
{
    const struct config *config;
    *f = (struct job_file){0};
    if (!config_for(job, path, &config, err) || !group_of(job, config, &f->group, err))
        return false;
    f->unit = arena_new(job->arena, struct unit);
    return true;
}

/* Files on their way in, by index of their place in the walk. */
struct intake {
    const struct job *job;
    const struct walk_files *files;
    struct job_file *at;
    struct str *troubles; /* where a file could not be read; in the arena of its unit */
};

static void read_file(void *context, size_t i)
{
    const struct intake *in = context;
    const struct walk_file *file = &in->files->at[i];
    struct unit *u = in->at[i].unit;
    struct err err;
    if (source_load(&u->source, &u->arena, file->path.at, file->language, &err))
        take_in(in->job, &in->at[i], file->named);
    else
        in->troubles[i] = arena_str(&u->arena, str_from(err.message));
}

static void keep_files(struct job *job, const struct intake *in)
{
    for (size_t i = 0; i < in->files->len; i++) {
        struct job_file *f = &in->at[i];
        struct str trouble = in->troubles[i];
        if (!trouble.len) {
            job->read++;
            if (f->unit)
                vec_push(job->arena, &job->files, *f);
            continue;
        }
        fprintf(stderr, "gpulint: %.*s\n", STR_ARG(trouble));
        job->failed++;
        drop(f);
    }
}

/* A thread has to earn what it costs to start. */
static unsigned jobs_for(const struct job *job, size_t count)
{
    enum { FEW = 8 };
    if (job->options->jobs)
        return job->options->jobs;
    return count <= FEW ? 1 : pool_cores();
}

static enum language sniff(struct str text)
{
    struct str s = str_trim(text);
    return s.len && (s.at[0] == '{' || s.at[0] == '[') ? LANGUAGE_JSON : LANGUAGE_YAML;
}

static bool read_text(struct buf *text, struct err *err)
{
    char block[16384];
    ssize_t n;
    while ((n = read(STDIN_FILENO, block, sizeof block)) != 0) {
        if (n < 0 && errno != EINTR)
            return err_set(err, "standard input: %s", strerror(errno));
        if (n > 0)
            buf_add(text, (struct str){block, (size_t)n});
        if (text->len > SOURCE_MAX_BYTES)
            return err_set(err, "standard input: larger than %d MiB",
                           SOURCE_MAX_BYTES / 1024 / 1024);
    }
    return true;
}

static bool source_stdin(const struct job *job, struct unit *u, struct err *err)
{
    struct buf text = buf_new(&u->arena);
    struct str name = job->options->stdin_filename;
    if (!read_text(&text, err))
        return false;
    enum language language = name.len ? language_of_path(name) : sniff(buf_str(&text));
    if (language == LANGUAGE_NONE)
        return err_set(err, "--stdin-filename %.*s: no name of a file that gpulint reads",
                       STR_ARG(name));
    source_init(&u->source, &u->arena, name.len ? name : STR("<stdin>"), buf_str(&text),
                language);
    return true;
}

static bool read_stdin(struct job *job, struct err *err)
{
    struct str name = job->options->stdin_filename;
    struct job_file f;
    if (!start_file(job, name.len ? name : STR("<stdin>"), &f, err))
        return false;
    f.standard_input = true;
    if (!source_stdin(job, f.unit, err)) {
        drop(&f);
        return false;
    }
    take_in(job, &f, true);
    job->read++;
    vec_push(job->arena, &job->files, f);
    return true;
}

static bool wants_stdin(const struct options *o)
{
    for (size_t i = 0; i < o->paths.len; i++)
        if (str_eq(o->paths.at[i], STR("-")))
            return true;
    return false;
}

/* A configuration that cannot be read is told when its first file is. */
static bool config_skips(void *context, struct str path, bool is_folder)
{
    struct job *job = context;
    const struct config *config;
    struct err err;
    return config_for(job, path, &config, &err) && config_excludes(config, path, is_folder);
}

void job_free(struct job *job)
{
    for (size_t i = 0; i < job->files.len; i++)
        arena_free(&job->files.at[i].unit->arena);
    job->files.len = 0;
}

static bool read_files(struct job *job, struct err *err)
{
    struct walk_filter filter = {config_skips, job};
    struct walk_files files = {0};
    if (!walk_paths(job->arena, job->options, &filter, &files, &job->failed, err))
        return false;
    if (wants_stdin(job->options) && !read_stdin(job, err))
        return false;
    struct intake in = {.job = job, .files = &files};
    in.at = arena_alloc_array(job->arena, files.len, sizeof *in.at);
    in.troubles = arena_alloc_array(job->arena, files.len, sizeof *in.troubles);
    for (size_t i = 0; i < files.len; i++)
        if (!start_file(job, files.at[i].path, &in.at[i], err))
            return false;
    pool_run(jobs_for(job, files.len), files.len, read_file, &in);
    keep_files(job, &in);
    job_parts(job);
    return true;
}

bool job_read(struct arena *a, const struct options *o, struct job *job, struct err *err)
{
    *job = (struct job){.arena = a, .options = o};
    const struct config *config; /* so that wrong names are told when nothing was read */
    struct group *g;
    if (job_pack(a, o, &job->pack, err) && read_files(job, err) &&
        (job->groups.len || (config_for(job, STR("x"), &config, err) &&
                             group_of(job, config, &g, err))))
        return true;
    job_free(job);
    return false;
}

/* --- linting ------------------------------------------------------------------ */

static void start_unit(const struct job_file *f, struct unit *u)
{
    u->findings.len = 0;
    for (size_t i = 0; f->problems && i < u->doc.problems.len; i++)
        vec_push(&u->arena, &u->findings, u->doc.problems.at[i]);
    for (size_t i = 0; u->runs.len && i < u->link_problems.len; i++)
        vec_push(&u->arena, &u->findings, u->link_problems.at[i]);
}

static void finish_unit(const struct group *g, struct unit *u)
{
    suppress_apply(&g->context, u);
    size_t kept = 0;
    for (size_t i = 0; i < u->findings.len; i++) {
        struct finding f = u->findings.at[i];
        const struct rule *rule = pack_find_rule(g->context.pack, f.code);
        if (rule && rule->scope == RULE_NATIVE)
            f.severity = rule_severity(&g->context, rule);
        if (f.severity != SEVERITY_OFF &&
            !config_ignores(g->config, f.source->path, f.code, f.rule))
            u->findings.at[kept++] = f;
    }
    u->findings.len = kept;
    finding_sort(&u->findings);
}

/* Is there a goal that every run shall be rewritten to, in place of the rules? */
static bool has_goal(const struct job *job)
{
    return job->options->preset.len || job->options->fit;
}

static void check_goal(const struct job *job, const struct group *g, struct unit *u)
{
    u->findings.len = 0;
    if (job->options->fit)
        fit_check_unit(&g->context, u);
    else
        preset_check_unit(&g->context, job->options->preset, u);
}

static void check_project(const struct job *job, const struct group *g)
{
    struct arena scratch = {0};
    struct units units = {0};
    for (size_t i = 0; i < job->files.len; i++)
        if (job->files.at[i].group == g)
            vec_push(&scratch, &units, job->files.at[i].unit);
    rule_check_project(&g->context, &units);
    arena_free(&scratch);
}

static void lint_file(void *context, size_t i)
{
    const struct job *job = context;
    const struct job_file *f = &job->files.at[i];
    start_unit(f, f->unit);
    if (has_goal(job))
        check_goal(job, f->group, f->unit);
    else
        rule_check_unit(&f->group->context, f->unit);
}

void job_lint(struct job *job)
{
    pool_run(jobs_for(job, job->files.len), job->files.len, lint_file, job);
    if (has_goal(job))
        return;
    for (size_t i = 0; i < job->groups.len; i++)
        check_project(job, job->groups.at[i]);
    for (size_t i = 0; i < job->files.len; i++)
        finish_unit(job->files.at[i].group, job->files.at[i].unit);
    job_tell_once(job);
}

struct unit *job_relint(const struct job *job, const struct job_file *file, struct str text,
                        const struct replacements *replaced)
{
    struct unit *u = job_parse(job, file->group, file->unit->source.path, text,
                               source_cells_language(&file->unit->source), replaced);
    job_parts_again(file->unit, u);
    if (has_goal(job)) {
        check_goal(job, file->group, u);
        return u;
    }
    start_unit(file, u);
    rule_check_unit(&file->group->context, u);
    finish_unit(file->group, u);
    return u;
}
