/* Which rules apply, with what severity, to what; and the loops over runs, GPUs and
 * settings. Cheap tests come first: most rules are dropped by language or framework
 * before an expression is run. */
#include "rule.h"

#include <assert.h>
#include <math.h>

#include "fix.h"
#include "rule_eval.h"
#include "banned.h"

/* --- severity ------------------------------------------------------------ */

enum { SPECIFIC_ALL = 1, SPECIFIC_RULE = 100 };

/* How closely SELECTOR names the rule; 0: not at all. */
static size_t specificity(const struct rule *rule, struct str selector)
{
    if (str_eq_nocase(selector, rule->code) || str_eq(selector, rule->id))
        return SPECIFIC_RULE;
    if (str_eq(selector, STR("ALL")))
        return SPECIFIC_ALL;
    bool prefix = selector.len && selector.len < rule->code.len &&
                  str_eq_nocase(selector, str_slice(rule->code, 0, selector.len));
    return prefix ? SPECIFIC_ALL + selector.len : 0;
}

static bool is_selected(const struct rule_settings *settings, const struct rule *rule)
{
    bool selected = true, any_select = false;
    size_t best = 0;
    for (size_t i = 0; settings && i < settings->len; i++)
        any_select |= settings->at[i].what == RULE_SELECT;
    if (any_select || rule->preview)
        selected = false;
    for (size_t i = 0; settings && i < settings->len; i++) {
        const struct rule_setting *s = &settings->at[i];
        size_t how = s->what == RULE_SEVERITY ? 0 : specificity(rule, s->selector);
        if (!how || how < best)
            continue;
        best = how;
        selected = s->what == RULE_SELECT && (!rule->preview || how == SPECIFIC_RULE);
    }
    return selected;
}

enum severity rule_severity(const struct rule_context *c, const struct rule *rule)
{
    const struct rule_settings *settings = c->settings;
    enum severity severity =
        rule->thumb && !c->profile_chosen ? SEVERITY_INFO : rule->severity;
    size_t best = 0;
    if (!is_selected(settings, rule))
        return SEVERITY_OFF;
    for (size_t i = 0; settings && i < settings->len; i++) {
        const struct rule_setting *s = &settings->at[i];
        size_t how = s->what == RULE_SEVERITY ? specificity(rule, s->selector) : 0;
        if (!how || how < best)
            continue;
        best = how;
        severity = s->severity;
    }
    return severity;
}

/* --- limits -------------------------------------------------------------- */

static const double GIB = 1024.0 * 1024.0 * 1024.0;

/* What one process can have of a card of a class: see gpu.c. */
static double class_usable(double vram_gb)
{
    return vram_gb * GIB * 0.98;
}

static const struct limit *limit_named(const struct profile *p, struct str name)
{
    for (uint32_t i = 0; i < p->limits.len; i++)
        if (str_eq(p->limits.at[i].name, name))
            return &p->limits.at[i];
    return NULL;
}

static const struct limit_point *nearest_point(const struct limit *l,
                                               const struct target *t)
{
    const struct limit_point *best = NULL;
    double nearest = INFINITY;
    for (uint32_t i = 0; i < l->points.len; i++) {
        const struct limit_point *p = &l->points.at[i];
        double distance =
            p->vram_gb > 0 && t->usable_bytes
                ? fabs(log((double)t->usable_bytes / class_usable(p->vram_gb)))
                : 0;
        if (distance < nearest) {
            nearest = distance;
            best = p;
        }
    }
    return best;
}

static double floor_power(double x)
{
    double power = 1;
    while (power * 2 <= x)
        power *= 2;
    return power;
}

bool rule_limit(const struct profile *p, const struct target *t, struct str name,
                double *out, bool *scaled)
{
    const struct limit *l = limit_named(p, name);
    *scaled = false;
    for (uint32_t i = 0; l && i < l->points.len; i++) {
        double vram = l->points.at[i].vram_gb;
        if (vram == 0 || fabs(vram - t->vram_gb) < 0.5) {
            *out = l->points.at[i].value;
            return true;
        }
    }
    const struct limit_point *near = l ? nearest_point(l, t) : NULL;
    if (!near)
        return false;
    *out = near->value;
    if (!l->scales || !t->usable_bytes)
        return true;
    *scaled = true;
    /* Drivers keep a few MiB that differ from card to card; one percent of slack keeps a
     * 24 GB card at twice a 12 GB card. */
    double ratio = (double)t->usable_bytes / class_usable(near->vram_gb);
    *out = floor_power(near->value * ratio * 1.01);
    return true;
}

/* --- which rules --------------------------------------------------------- */

#define LISTS(list, name) lists((list).at, (list).len, (name))

static bool lists(const struct str *at, uint32_t len, struct str name)
{
    for (uint32_t i = 0; i < len; i++)
        if (str_eq(at[i], name))
            return true;
    return false;
}

bool rule_concerns(const struct rule_context *c, const struct rule *rule,
                   enum language language, const struct framework *framework)
{
    struct str id = framework ? framework->id : STR("");
    if (rule->languages && !(rule->languages >> language & 1))
        return false;
    if (rule->frameworks.len && !LISTS(rule->frameworks, id))
        return false;
    if (LISTS(rule->not_frameworks, id))
        return false;
    return !rule->profiles.len || (c->profile && LISTS(rule->profiles, c->profile->id));
}

const struct target *rule_smallest(const struct targets *targets)
{
    const struct target *smallest = NULL;
    for (size_t i = 0; targets && i < targets->len; i++)
        if (!smallest || targets->at[i].usable_bytes < smallest->usable_bytes)
            smallest = &targets->at[i];
    return smallest;
}

/* --- scope run ----------------------------------------------------------- */

static bool fires(const struct rule_view *v)
{
    struct expr_scope scope = rule_scope(v);
    struct arena_mark mark = arena_mark(v->scratch);
    bool holds = expr_holds(v->scratch, &v->rule->when, &scope);
    arena_release(v->scratch, mark);
    return holds;
}

/* The fix belongs to the card that asks for the most: what satisfies it satisfies all. */
static void check_run_rule(struct rule_view *v, struct unit *unit)
{
    const struct targets *targets = v->c->targets;
    const struct target *strictest = NULL;
    size_t index = SIZE_MAX, count = v->rule->per_gpu && targets ? targets->len : 1;
    for (size_t i = 0; i < count; i++) {
        v->target = v->rule->per_gpu && targets ? &targets->at[i] : rule_smallest(targets);
        if (!fires(v) || !rule_report(v, unit, rule_place_of_run(v->rule, unit, v->run)))
            continue;
        if (!strictest ||
            (v->target && v->target->usable_bytes < strictest->usable_bytes)) {
            strictest = v->target;
            index = unit->findings.len - 1;
        }
    }
    if (index == SIZE_MAX)
        return;
    v->target = strictest;
    struct fix *fix = rule_fix_run(v, unit);
    unit->findings.at[index].fix = fix;
}

static void check_runs(struct rule_view *v, struct unit *unit)
{
    size_t targets = v->c->targets ? v->c->targets->len : 0;
    struct arena kept = {0};
    for (size_t i = 0; i < unit->runs.len; i++) {
        struct rule_estimates estimates = {.arena = &kept, .run = &unit->runs.at[i]};
        estimates.at = arena_alloc_array(&kept, targets + 1, sizeof *estimates.at);
        v->run = &unit->runs.at[i];
        v->estimates = &estimates;
        for (uint32_t k = 0; k < v->c->pack->rules.len; k++) {
            v->rule = &v->c->pack->rules.at[k];
            if (v->rule->scope == RULE_RUN && v->rule->when.len &&
                rule_concerns(v->c, v->rule, unit->source.language, v->run->framework) &&
                rule_severity(v->c, v->rule) != SEVERITY_OFF)
                check_run_rule(v, unit);
        }
    }
    v->run = NULL;
    v->estimates = NULL;
    arena_free(&kept);
}

/* --- scope setting ------------------------------------------------------- */

/* By id of setting: the fact that it gives, and the run (1-based) that it is in. */
struct owner {
    uint32_t run;
    uint16_t fact;
};

static struct owner *find_owners(struct arena *a, const struct unit *unit)
{
    size_t count = unit->doc.tree.all.len;
    struct owner *owners = arena_alloc_array(a, count + 1, sizeof *owners);
    for (size_t i = 0; i < count; i++)
        owners[i].fact = FACT_COUNT;
    for (size_t r = unit->runs.len; r-- > 0;) {
        const struct run *run = &unit->runs.at[r];
        for (size_t i = 0; i < run->facts.len; i++) {
            const struct fact *f = &run->facts.at[i];
            if (f->setting && f->doc == &unit->doc && f->setting->id < count)
                owners[f->setting->id] = (struct owner){(uint32_t)r + 1, (uint16_t)f->id};
        }
    }
    return owners;
}

static void check_setting(struct rule_view *v, struct unit *unit)
{
    if (!fires(v))
        return;
    struct rule_place place = {&unit->source, rule_setting_span(&unit->source, v->setting),
                               v->setting};
    struct finding *f = rule_report(v, unit, place);
    if (!f)
        return;
    size_t index = unit->findings.len - 1;
    struct fix *fix = rule_fix_setting(v, unit);
    unit->findings.at[index].fix = fix;
}

static void check_settings(struct rule_view *v, struct unit *unit)
{
    struct arena kept = {0};
    const struct owner *owners = find_owners(&kept, unit);
    const struct framework *framework = unit->runs.at[0].framework;
    v->target = rule_smallest(v->c->targets);
    for (uint32_t k = 0; k < v->c->pack->rules.len; k++) {
        v->rule = &v->c->pack->rules.at[k];
        if (v->rule->scope != RULE_SETTING || !v->rule->when.len ||
            !rule_concerns(v->c, v->rule, unit->source.language, framework) ||
            rule_severity(v->c, v->rule) == SEVERITY_OFF)
            continue;
        for (size_t i = 0; i < unit->doc.tree.all.len; i++) {
            v->setting = unit->doc.tree.all.at[i];
            if (v->setting->kind != SETTING_SCALAR)
                continue;
            uint32_t run = owners[i].run ? owners[i].run : unit->runs.len == 1;
            v->setting_fact = (enum fact_id)owners[i].fact;
            v->run = run ? &unit->runs.at[run - 1] : NULL;
            check_setting(v, unit);
        }
    }
    v->run = NULL;
    v->setting = NULL;
    arena_free(&kept);
}

/* --- scope source -------------------------------------------------------- */

static void check_sources(struct rule_view *v, struct unit *unit)
{
    const struct framework *framework = unit->runs.len ? unit->runs.at[0].framework : NULL;
    v->target = rule_smallest(v->c->targets);
    v->run = unit->runs.len == 1 ? &unit->runs.at[0] : NULL;
    for (uint32_t k = 0; k < v->c->pack->rules.len; k++) {
        v->rule = &v->c->pack->rules.at[k];
        if (v->rule->scope == RULE_SOURCE &&
            rule_concerns(v->c, v->rule, unit->source.language, framework) &&
            rule_severity(v->c, v->rule) != SEVERITY_OFF)
            rule_check_source(v);
    }
    v->run = NULL;
}

void rule_check_unit(const struct rule_context *c, struct unit *unit)
{
    struct arena scratch = {0};
    struct rule_view v = {
        .c = c, .unit = unit, .scratch = &scratch, .setting_fact = FACT_COUNT};
    if (unit->failed)
        return;
    if (unit->runs.len) {
        check_settings(&v, unit);
        if (!unit->part)
            check_runs(&v, unit);
    }
    if (unit->source.language == LANGUAGE_PYTHON)
        check_sources(&v, unit);
    arena_free(&scratch);
}

/* --- scope project ------------------------------------------------------- */

static bool imports_torch(const struct unit *unit)
{
    struct match m;
    const struct pattern *p =
        match_pattern(STR("(?m)^[ \\t]*(?:import|from)[ \\t]+torch\\b"), NULL);
    assert(p);
    return unit->source.language == LANGUAGE_PYTHON && unit->doc.masked.len &&
           match_find(p, unit->doc.masked, 0, &m);
}

static void gather_units(struct rule_view *v, struct arena *a, const struct units *from,
                         struct units *out)
{
    out->len = 0;
    for (size_t i = 0; i < from->len; i++) {
        struct unit *u = from->at[i];
        if (!u->failed && u->runs.len && !u->part &&
            rule_concerns(v->c, v->rule, u->source.language, u->runs.at[0].framework))
            vec_push(a, out, u);
    }
}

static struct unit *first_by_path(const struct units *units)
{
    struct unit *first = NULL;
    for (size_t i = 0; i < units->len; i++)
        if (!first || str_compare(units->at[i]->source.path, first->source.path) < 0)
            first = units->at[i];
    return first;
}

/* Where the project's fix can be written: a fix and its finding share a file, so this is
 * also where the finding goes. */
static struct unit *fixable_unit(struct rule_view *v, const struct units *units,
                                 struct fix **fix)
{
    struct unit *best = NULL;
    for (size_t i = 0; v->rule->fix.set.len && i < units->len; i++) {
        struct unit *u = units->at[i];
        if (!imports_torch(u) ||
            (best && str_compare(u->source.path, best->source.path) > 0))
            continue;
        v->run = &u->runs.at[0];
        struct fix *planned = rule_fix_run(v, u);
        if (planned) {
            *fix = planned;
            best = u;
        }
    }
    v->run = NULL;
    return best;
}

static void check_project_rule(struct rule_view *v, struct unit *reported, struct fix *fix)
{
    v->run = NULL;
    struct rule_place place = rule_place_of_run(v->rule, reported, &reported->runs.at[0]);
    struct finding *f = rule_report(v, reported, place);
    if (f)
        f->fix = fix;
}

void rule_check_project(const struct rule_context *c, struct units *units)
{
    struct arena scratch = {0};
    struct units counted = {0};
    struct rule_view v = {
        .c = c, .scratch = &scratch, .units = &counted, .setting_fact = FACT_COUNT};
    v.target = rule_smallest(c->targets);
    for (uint32_t k = 0; k < c->pack->rules.len; k++) {
        v.rule = &c->pack->rules.at[k];
        if (v.rule->scope != RULE_PROJECT || rule_severity(c, v.rule) == SEVERITY_OFF)
            continue;
        gather_units(&v, &scratch, units, &counted);
        if (!counted.len || !fires(&v))
            continue;
        struct fix *fix = NULL;
        struct unit *reported = fixable_unit(&v, &counted, &fix);
        check_project_rule(&v, reported ? reported : first_by_path(&counted), fix);
    }
    arena_free(&scratch);
}
