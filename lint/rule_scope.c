/* The names that rules may use, and what they mean for one view: dispatch by the part
 * before the first dot. A name that has no answer here is unknown. */
#include "rule_eval.h"

#include <math.h>
#include <string.h>

#include "advise.h"

#include "banned.h"

static const struct value UNKNOWN; /* VALUE_UNKNOWN is zero */

enum { LONGEST_TEXT = 60 };

static struct value number(double x)
{
    return x == floor(x) && fabs(x) < 9e15 ? VALUE_OF_INT((int64_t)x) : VALUE_OF_FLOAT(x);
}

static struct value count(uint64_t n)
{
    return n && n < INT64_MAX ? VALUE_OF_INT((int64_t)n) : UNKNOWN;
}

static struct value text(const char *s)
{
    return VALUE_OF_STR(str_from(s));
}

static struct value text_or_unknown(struct str s)
{
    return s.len ? VALUE_OF_STR(s) : UNKNOWN;
}

/* --- gpu, estimate, limit, want, profile --------------------------------- */

static struct value tristate(enum tristate t)
{
    return t == TRI_UNKNOWN ? UNKNOWN : VALUE_OF_BOOL(t == TRI_YES);
}

static struct value ask_card(const struct gpu *g, struct str name)
{
    if (!g)
        return UNKNOWN;
    if (str_eq(name, STR("capability")))
        return count(g->capability);
    if (str_eq(name, STR("bf16")))
        return tristate(g->bf16);
    if (str_eq(name, STR("fp16_tensor_cores")))
        return tristate(g->fp16_tensor_cores);
    if (str_eq(name, STR("fp8")))
        return tristate(g->fp8);
    if (str_eq(name, STR("tf32")))
        return tristate(g->tf32);
    return str_eq(name, STR("architecture")) ? text_or_unknown(g->architecture) : UNKNOWN;
}

static struct value ask_gpu(const struct rule_view *v, struct str name)
{
    const struct target *t = v->target;
    if (!t)
        return UNKNOWN;
    if (str_eq(name, STR("name")))
        return VALUE_OF_STR(t->name);
    if (str_eq(name, STR("id")))
        return VALUE_OF_STR(t->id);
    if (str_eq(name, STR("vram_gb")))
        return number(t->vram_gb);
    if (str_eq(name, STR("usable_bytes")))
        return count(t->usable_bytes);
    return ask_card(t->gpu, name);
}

static const struct estimate *estimate_of(const struct rule_view *v)
{
    struct rule_estimates *e = v->estimates;
    if (!e || !v->target || !v->run || e->run != v->run)
        return NULL;
    size_t i = (size_t)(v->target - v->c->targets->at);
    if (!e->at[i]) {
        struct estimate *made = arena_new(e->arena, struct estimate);
        memory_estimate(e->arena, v->c->pack, v->run, v->target, made);
        e->at[i] = made;
    }
    return e->at[i];
}

static struct value ask_estimate(const struct rule_view *v, struct str name)
{
    const struct estimate *e = estimate_of(v);
    if (!e || !e->known)
        return UNKNOWN;
    if (str_eq(name, STR("verdict")))
        return e->verdict == VERDICT_UNKNOWN ? UNKNOWN : text(verdict_name(e->verdict));
    const struct {
        struct str name;
        uint64_t amount;
    } all[] = {{STR("total"), e->total},
               {STR("low"), e->low},
               {STR("high"), e->high},
               {STR("usable"), e->usable},
               {STR("batch_maximum"), e->batch_maximum},
               {STR("batch_recommended"), e->batch_recommended},
               {STR("batch_safe"), e->batch_safe}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (str_eq(name, all[i].name))
            return VALUE_OF_INT((int64_t)all[i].amount); /* a batch of 0: not one fits */
    return UNKNOWN;
}

static struct value ask_model(const struct rule_view *v, struct str name)
{
    struct str written;
    if (str_eq(name, STR("batch_norm"))) {
        const struct model *m = v->run && run_word(v->run, FACT_model_name, &written)
                                    ? pack_find_model(v->c->pack, written)
                                    : NULL;
        return m ? VALUE_OF_BOOL(m->batch_norm) : UNKNOWN;
    }
    const struct estimate *e = estimate_of(v);
    if (!e || !e->model.family.len)
        return UNKNOWN;
    if (str_eq(name, STR("family")))
        return VALUE_OF_STR(e->model.family);
    if (str_eq(name, STR("parameters")))
        return count(e->model.parameters);
    return str_eq(name, STR("trainable")) ? count(e->model.trainable) : UNKNOWN;
}

static struct value ask_advice(const struct rule_view *v, struct str name)
{
    const struct estimate *e = estimate_of(v);
    struct advices all = {0};
    if (!e)
        return UNKNOWN;
    advise_run(v->estimates->arena, v->c, v->run, v->target, e, &all);
    const struct advice *best = advise_best(&all);
    if (!best)
        return UNKNOWN;
    if (str_eq(name, STR("best")))
        return VALUE_OF_STR(best->text);
    if (str_eq(name, STR("best_verdict")))
        return text(verdict_name(best->verdict));
    if (str_eq(name, STR("best_saves")))
        return count(best->saves);
    return str_eq(name, STR("best_total")) ? count(best->total) : UNKNOWN;
}

static struct value ask_limit(const struct rule_view *v, struct str name, bool want_scaled)
{
    double limit;
    bool scaled;
    if (!v->target || !v->c->profile ||
        !rule_limit(v->c->profile, v->target, name, &limit, &scaled))
        return UNKNOWN;
    return want_scaled ? VALUE_OF_BOOL(scaled) : number(limit);
}

static struct value ask_want(const struct rule_view *v, struct str name)
{
    const struct profile *p = v->c->profile;
    for (uint32_t i = 0; p && i < p->wants.len; i++)
        if (str_eq(fact_info(p->wants.at[i].fact)->name, name))
            return p->wants.at[i].value;
    return UNKNOWN;
}

static struct value ask_profile(const struct rule_view *v, struct str name)
{
    if (str_eq(name, STR("chosen")))
        return VALUE_OF_BOOL(v->c->profile_chosen);
    if (!v->c->profile)
        return UNKNOWN;
    if (str_eq(name, STR("id")))
        return VALUE_OF_STR(v->c->profile->id);
    bool vram = str_eq(name, STR("vram_gb")) && v->c->profile->vram_gb > 0;
    return vram ? number(v->c->profile->vram_gb) : UNKNOWN;
}

struct value rule_option(const struct rule_view *v, struct str name)
{
    const struct rule *rule = v->rule;
    struct value value = UNKNOWN;
    for (uint32_t i = 0; i < rule->options.len; i++)
        if (str_eq(rule->options.at[i].name, name))
            value = rule->options.at[i].value;
    for (size_t i = 0; v->c->options && i < v->c->options->len; i++) {
        const struct rule_option_value *o = &v->c->options->at[i];
        bool ours = str_eq(o->rule, rule->id) || str_eq_nocase(o->rule, rule->code);
        if (ours && str_eq(o->name, name))
            value = o->value;
    }
    return value;
}

/* --- settings of the document -------------------------------------------- */

static char folded(char c)
{
    return c == '-' ? '_' : c;
}

/* Is the last part of KEY ("--micro-batch", "cfg.train.lr") called NAME? */
static bool key_ends_in(struct str key, struct str name)
{
    size_t from = key.len;
    while (from > 0 && key.at[from - 1] != '.')
        from--;
    key = str_slice(key, from, key.len);
    while (key.len && key.at[0] == '-')
        key = str_slice(key, 1, key.len);
    if (key.len != name.len)
        return false;
    for (size_t i = 0; i < key.len; i++)
        if (folded(key.at[i]) != folded(name.at[i]))
            return false;
    return true;
}

/* Does the path of S end in the whole parts NAME, "auto_scale_lr.enable"? */
static bool path_ends_in(struct str path, struct str name)
{
    if (path.len < name.len || !str_eq(str_slice(path, path.len - name.len, path.len), name))
        return false;
    return path.len == name.len || path.at[path.len - name.len - 1] == '.';
}

static bool is_called(const struct setting *s, struct str name)
{
    return str_find_byte(name, '.', 0) == SIZE_MAX ? key_ends_in(s->key, name)
                                                   : path_ends_in(s->path, name);
}

static struct value ask_settings(const struct rule_view *v, struct str name)
{
    const struct document *doc = v->run ? v->run->whole : v->unit ? &v->unit->doc : NULL;
    struct value found = UNKNOWN;
    for (size_t i = 0; doc && i < doc->tree.all.len; i++) {
        const struct setting *s = doc->tree.all.at[i];
        if (s->flags & SETTING_OVERRIDDEN || !is_called(s, name))
            continue;
        bool first = found.kind == VALUE_UNKNOWN;
        if (doc->blocks.len && front_kinds_at(doc, s->key_span.from) & BLOCK_BRANCH)
            return UNKNOWN;
        if (s->value.kind == VALUE_UNKNOWN || (!first && !value_eq(found, s->value)))
            return UNKNOWN;
        found = s->value;
    }
    return found;
}

static bool in_word(struct str text, size_t i)
{
    return i < text.len && (text.at[i] == '_' || (text.at[i] >= '0' && text.at[i] <= '9') ||
                            (text.at[i] >= 'A' && text.at[i] <= 'Z') ||
                            (text.at[i] >= 'a' && text.at[i] <= 'z'));
}

/* Does the program's code have the word NAME, outside of strings and comments? */
static struct value ask_code(const struct rule_view *v, struct str name)
{
    const struct document *doc = v->run ? v->run->doc : v->unit ? &v->unit->doc : NULL;
    if (!doc || doc->source->language != LANGUAGE_PYTHON)
        return UNKNOWN;
    struct str text = doc->masked;
    for (size_t at = str_find(text, name, 0); at != SIZE_MAX;
         at = str_find(text, name, at + name.len))
        if (!(at > 0 && in_word(text, at - 1)) && !in_word(text, at + name.len))
            return VALUE_OF_BOOL(true);
    return VALUE_OF_BOOL(false);
}

static bool is_below(const struct setting *s, const struct setting *map)
{
    while (s && s != map)
        s = s->parent;
    return s != NULL;
}

/* Index of the innermost function around S; 0 for the module. */
static uint32_t function_of(const struct document *doc, const struct setting *s)
{
    uint32_t i = doc->blocks.len ? front_block_at(doc, s->value_span.from) : 0;
    while (i != 0 && !(doc->blocks.at[i].kinds & BLOCK_FUNCTION))
        i = doc->blocks.at[i].parent;
    return i;
}

/* Could F decide the run where another setting does? A default in a signature is there to
 * be overridden, a local variable may be for anything, and another run's map is its own. */
static bool competes(const struct rule_view *v, const struct fact *f)
{
    const struct setting *container = v->run->container;
    if (!f->setting || f->doc != v->run->doc || f->scope.len ||
        f->value.kind == VALUE_UNKNOWN)
        return false;
    if (f->doc->source->language != LANGUAGE_PYTHON)
        return true;
    if (container && container->parent && v->unit && v->unit->runs.len > 1 &&
        !is_below(f->setting, container))
        return false;
    return !(f->setting->flags & SETTING_STATEMENT) &&
           f->setting->shape != SHAPE_SIGNATURE &&
           (!f->setting->parent || f->setting->parent->shape != SHAPE_SIGNATURE);
}

static bool compete(const struct fact *a, const struct fact *b)
{
    const struct setting *p = a->setting->parent, *q = b->setting->parent;
    uint32_t f = function_of(a->doc, a->setting), g = function_of(b->doc, b->setting);
    if (f != g && f != 0 && g != 0)
        return false;
    return p == q || !p || !q || p->shape != SHAPE_CLASS || q->shape != SHAPE_CLASS;
}

static struct value ask_conflicts(const struct rule_view *v, struct str name)
{
    enum fact_id id = fact_parse(name);
    if (!v->run)
        return UNKNOWN;
    const struct facts *facts = &v->run->facts;
    const struct fact *best = id == FACT_COUNT ? NULL : run_fact(v->run, id);
    for (size_t i = 0; best && competes(v, best) && i < facts->len; i++) {
        const struct fact *f = &facts->at[i];
        if (f->id == id && f != best && competes(v, f) &&
            !value_eq(f->value, best->value) && compete(f, best))
            return VALUE_OF_BOOL(true);
    }
    return VALUE_OF_BOOL(false);
}

/* Where the setting of a fact is written; a default in a signature binds less than a call.
 */
static struct value ask_written_in(const struct rule_view *v, struct str name)
{
    static const char *const names[] = {"plain",     "dict",     "call", "class",
                                        "signature", "argparse", "env",  "module", "command"};
    enum fact_id id = fact_parse(name);
    const struct fact *f = v->run && id != FACT_COUNT ? run_fact(v->run, id) : NULL;
    if (!f || !f->setting)
        return UNKNOWN;
    const struct setting *parent = f->setting->parent;
    return text(names[parent ? parent->shape : SHAPE_PLAIN]);
}

/* --- the setting looked at ----------------------------------------------- */

static struct value style_name(enum style style)
{
    switch (style) {
    case STYLE_PLAIN:
        return text("plain");
    case STYLE_SINGLE:
        return text("single");
    case STYLE_DOUBLE:
        return text("double");
    case STYLE_LITERAL:
        return text("literal");
    case STYLE_FOLDED:
        return text("folded");
    default:
        return UNKNOWN;
    }
}

static struct value fact_type_name(enum fact_id id)
{
    static const char *const names[] = {"int", "float", "bool", "string", "enum", "list"};
    return id == FACT_COUNT ? UNKNOWN : text(names[fact_info(id)->type]);
}

static struct value ask_setting(const struct rule_view *v, struct str name)
{
    const struct setting *s = v->setting;
    if (!s)
        return UNKNOWN;
    if (str_eq(name, STR("key")))
        return VALUE_OF_STR(s->key);
    if (str_eq(name, STR("path")))
        return VALUE_OF_STR(s->path);
    if (str_eq(name, STR("text")))
        return VALUE_OF_STR(s->text);
    if (str_eq(name, STR("kind")))
        return s->value.kind == VALUE_UNKNOWN ? UNKNOWN
                                              : text(value_kind_name(s->value.kind));
    if (str_eq(name, STR("style")))
        return style_name(s->style);
    if (str_eq(name, STR("value")))
        return s->value;
    if (str_eq(name, STR("fact")))
        return v->setting_fact == FACT_COUNT
                   ? UNKNOWN
                   : VALUE_OF_STR(fact_info(v->setting_fact)->name);
    if (str_eq(name, STR("fact_type")))
        return fact_type_name(v->setting_fact);
    if (str_eq(name, STR("duplicate")))
        return VALUE_OF_BOOL((s->flags & SETTING_DUPLICATE) != 0);
    bool overridden = (s->flags & SETTING_OVERRIDDEN) != 0;
    return str_eq(name, STR("overridden")) ? VALUE_OF_BOOL(overridden) : UNKNOWN;
}

/* --- the project --------------------------------------------------------- */

static struct value any_value(const struct units *units, enum fact_id id)
{
    for (size_t i = 0; i < units->len; i++)
        for (size_t k = 0; k < units->at[i]->runs.len; k++) {
            struct value v = run_value(&units->at[i]->runs.at[k], id);
            if (v.kind != VALUE_UNKNOWN)
                return v;
        }
    return UNKNOWN;
}

static struct value all_set(const struct units *units, enum fact_id id)
{
    for (size_t i = 0; i < units->len; i++)
        for (size_t k = 0; k < units->at[i]->runs.len; k++)
            if (run_value(&units->at[i]->runs.at[k], id).kind == VALUE_UNKNOWN)
                return VALUE_OF_BOOL(false);
    return VALUE_OF_BOOL(true);
}

static struct str after(struct str name, struct str prefix)
{
    return str_starts(name, prefix) ? str_slice(name, prefix.len, name.len) : STR("");
}

static struct value ask_project(const struct rule_view *v, struct str name)
{
    const struct units *units = v->units;
    size_t runs = 0;
    if (!units)
        return UNKNOWN;
    enum fact_id any = fact_parse(after(name, STR("any.")));
    enum fact_id all = fact_parse(after(name, STR("all_set.")));
    if (any != FACT_COUNT)
        return any_value(units, any);
    if (all != FACT_COUNT)
        return all_set(units, all);
    if (str_eq(name, STR("platform")))
        return any_value(units, FACT_platform);
    if (str_eq(name, STR("files")))
        return VALUE_OF_INT((int64_t)units->len);
    for (size_t i = 0; i < units->len; i++)
        runs += units->at[i]->runs.len;
    return str_eq(name, STR("runs")) ? VALUE_OF_INT((int64_t)runs) : UNKNOWN;
}

/* --- names without a dot ------------------------------------------------- */

static struct value ask_group(const struct rule_view *v, struct str name)
{
    char terminated[64];
    if (!v->match || name.len >= sizeof terminated)
        return UNKNOWN;
    memcpy(terminated, name.at, name.len);
    terminated[name.len] = '\0';
    int group = match_group_number(v->pattern, terminated);
    if (group <= 0 || v->match->group[group].from == UINT32_MAX)
        return UNKNOWN;
    /* Offsets hold in the unmasked text, which still has what the strings say. */
    struct span span = {v->match->group[group].from, v->match->group[group].to};
    return VALUE_OF_STR(source_quote(&v->unit->source, span));
}

static const struct framework *framework_of(const struct rule_view *v)
{
    if (v->run)
        return v->run->framework;
    return v->unit && v->unit->runs.len ? v->unit->runs.at[0].framework : NULL;
}

/* As bind_loader, but without recognising the framework anew for every question. */
static enum loader loader_of(const struct rule_view *v)
{
    const struct framework *f = framework_of(v);
    if (v->unit->source.language == LANGUAGE_JSON)
        return LOADER_JSON;
    if (v->unit->source.language == LANGUAGE_PYTHON)
        return LOADER_PYTHON;
    if (v->unit->source.language == LANGUAGE_SHELL)
        return LOADER_SHELL;
    if (v->unit->source.language == LANGUAGE_TOML)
        return LOADER_TOML;
    if (v->c->loader)
        return *v->c->loader;
    return f ? f->loader : LOADER_PYYAML;
}

static struct value ask_file(const struct rule_view *v, struct str name)
{
    if (str_eq(name, STR("framework"))) {
        const struct framework *f = framework_of(v);
        return f ? VALUE_OF_STR(f->id) : UNKNOWN;
    }
    if (!v->unit && v->run && v->run->doc && str_eq(name, STR("language")))
        return text(language_name(v->run->doc->source->language));
    if (!v->unit)
        return UNKNOWN;
    if (str_eq(name, STR("language")))
        return text(language_name(v->unit->source.language));
    if (str_eq(name, STR("loader")))
        return text(loader_name(loader_of(v)));
    return ask_group(v, name);
}

static struct value ask_plain(const struct rule_view *v, struct str name)
{
    enum fact_id id = fact_parse(name);
    double x;
    if (v->match) { /* a group may be called like a fact */
        struct value group = ask_group(v, name);
        if (group.kind != VALUE_UNKNOWN)
            return group;
    }
    if (id != FACT_COUNT)
        return v->run ? run_value(v->run, id) : UNKNOWN;
    if (str_eq(name, STR("effective_batch_size")))
        return v->run && run_effective_batch(v->run, &x) ? number(x) : UNKNOWN;
    if (str_eq(name, STR("data_parallel")))
        return v->run && run_data_parallel(v->run, &x) ? number(x) : UNKNOWN;
    return ask_file(v, name);
}

static struct value ask_value(const struct rule_view *v, struct str name)
{
    size_t dot = str_find_byte(name, '.', 0);
    if (dot == SIZE_MAX)
        return ask_plain(v, name);
    struct str family = str_slice(name, 0, dot), rest = str_slice(name, dot + 1, name.len);
    if (str_eq(family, STR("gpu")))
        return ask_gpu(v, rest);
    if (str_eq(family, STR("estimate")))
        return ask_estimate(v, rest);
    if (str_eq(family, STR("advice")))
        return ask_advice(v, rest);
    if (str_eq(family, STR("model")))
        return ask_model(v, rest);
    if (str_eq(family, STR("limit")))
        return ask_limit(v, rest, false);
    if (str_eq(family, STR("limit_scaled")))
        return ask_limit(v, rest, true);
    if (str_eq(family, STR("want")))
        return ask_want(v, rest);
    if (str_eq(family, STR("profile")))
        return ask_profile(v, rest);
    if (str_eq(family, STR("option")))
        return rule_option(v, rest);
    if (str_eq(family, STR("settings")))
        return ask_settings(v, rest);
    if (str_eq(family, STR("code")))
        return ask_code(v, rest);
    if (str_eq(family, STR("conflicts")))
        return ask_conflicts(v, rest);
    if (str_eq(family, STR("written_in")))
        return ask_written_in(v, rest);
    if (str_eq(family, STR("setting")))
        return ask_setting(v, rest);
    return str_eq(family, STR("project")) ? ask_project(v, rest) : UNKNOWN;
}

/* --- questions about a fact ---------------------------------------------- */

static struct value written_text(const struct rule_view *v, const struct fact *f)
{
    struct str quote = source_quote(f->doc->source, f->setting->value_span);
    bool short_line =
        quote.len && quote.len <= LONGEST_TEXT && str_find_byte(quote, '\n', 0) == SIZE_MAX;
    if (short_line)
        return VALUE_OF_STR(quote);
    struct buf b = buf_new(v->scratch);
    value_print(&b, f->value);
    return VALUE_OF_STR(buf_str(&b));
}

static struct value ask_key(const struct fact *f, struct str name)
{
    if (!f || !f->setting || f->setting->flags & SETTING_POSITIONAL)
        return VALUE_OF_STR(name);
    return VALUE_OF_STR(f->setting->key.len ? f->setting->key : name);
}

static struct value ask(const void *context, enum expr_question question, struct str name)
{
    const struct rule_view *v = context;
    if (question == EXPR_VALUE)
        return ask_value(v, name);
    enum fact_id id = fact_parse(name);
    const struct fact *f = v->run && id != FACT_COUNT ? run_fact(v->run, id) : NULL;
    switch (question) {
    case EXPR_ORIGIN:
        if (f && run_written(f))
            return text(origin_name(ORIGIN_EXPLICIT)); /* wherever it is written */
        return f ? text(origin_name(f->origin)) : UNKNOWN;
    case EXPR_KEY:
        return ask_key(f, name);
    case EXPR_TEXT:
        return f && f->setting ? written_text(v, f) : ask_value(v, name);
    default:
        return ask_value(v, name);
    }
}

struct expr_scope rule_scope(const struct rule_view *v)
{
    return (struct expr_scope){ask, v};
}
