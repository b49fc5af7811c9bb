/* A rule that fired becomes a finding: where it is, what it says, which other places
 * belong to it, and what would make it go away. */
#include "rule_eval.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "fix.h"
#include "banned.h"

/* --- places -------------------------------------------------------------- */

static bool one_line(struct source *source, struct span span)
{
    return span.from >= span.to ||
           source_place(source, span.from).line == source_place(source, span.to - 1).line;
}

static struct span first_line(struct source *source, struct span span)
{
    uint32_t start;
    struct str line = source_line(source, span.from, &start);
    uint32_t end = start + (uint32_t)line.len;
    return span.to > end && end > span.from ? (struct span){span.from, end} : span;
}

struct span rule_setting_span(struct source *source, const struct setting *s)
{
    struct span value = s->flags & SETTING_ALIAS ? s->alias_span : s->value_span;
    struct span both = {s->key_span.from, value.to};
    if (s->key_span.from >= s->key_span.to)
        return first_line(source, value);
    bool behind = value.from < value.to && value.from >= s->key_span.to;
    return behind && one_line(source, both) ? both : s->key_span;
}

static struct rule_place place_of(struct source *source, const struct setting *s)
{
    return (struct rule_place){source, rule_setting_span(source, s), s};
}

static const struct fact *placed_fact(const struct run *run, enum fact_id id)
{
    const struct fact *f = id == FACT_COUNT ? NULL : run_fact(run, id);
    return f && f->setting && f->doc ? f : NULL;
}

static const struct fact *first_placed(const struct run *run)
{
    for (size_t i = 0; i < run->facts.len; i++) {
        const struct fact *f = &run->facts.at[i];
        if (f->setting && f->doc == run->doc && !f->scope.len)
            return f;
    }
    return NULL;
}

/* A run without the setting in question is shown by the name of its container, in a
 * config without one by its first line, in code by what was first understood. */
static struct rule_place place_of_missing(struct unit *unit, const struct run *run)
{
    struct source *source = &unit->source;
    const struct setting *container = run->container;
    const struct fact *first = first_placed(run);
    if (container && container->key_span.from < container->key_span.to)
        return (struct rule_place){source, container->key_span, container};
    bool code = source->language == LANGUAGE_PYTHON;
    const struct setting *s = container ? container->first : NULL;
    if (first && (code || !s || s->key_span.from >= s->key_span.to))
        return place_of(source, first->setting);
    if (s && s->key_span.from < s->key_span.to)
        return place_of(source, s);
    return (struct rule_place){source, {source->body, source->body}, NULL};
}

struct rule_place rule_place_of_run(const struct rule *rule, struct unit *unit,
                                    const struct run *run)
{
    const struct fact *f = placed_fact(run, rule->at);
    for (uint32_t i = 0; !f && i < rule->related.len; i++)
        f = placed_fact(run, rule->related.at[i]);
    return f ? place_of(f->doc->source, f->setting) : place_of_missing(unit, run);
}

/* --- findings ------------------------------------------------------------ */

static bool same_place(struct span a, struct span b)
{
    return a.from == b.from && a.to == b.to;
}

static bool told(const struct findings *list, const struct finding *f)
{
    for (size_t i = 0; i < list->len; i++) {
        const struct finding *g = &list->at[i];
        if (g->source == f->source && same_place(g->span, f->span) &&
            str_eq(g->rule, f->rule) && str_eq(g->gpu, f->gpu) &&
            str_eq(g->message, f->message))
            return true;
    }
    return false;
}

static bool related_told(const struct related_list *list, const struct source *source,
                         struct span span)
{
    for (size_t i = 0; i < list->len; i++)
        if (list->at[i].source == source && same_place(list->at[i].span, span))
            return true;
    return false;
}

static void add_related(const struct rule_view *v, struct arena *a, struct finding *f,
                        const struct setting *marked)
{
    for (uint32_t i = 0; v->run && i < v->rule->related.len; i++) {
        const struct fact *fact = placed_fact(v->run, v->rule->related.at[i]);
        if (!fact || fact->setting == marked)
            continue;
        struct source *source = fact->doc->source;
        struct span span = rule_setting_span(source, fact->setting);
        if (related_told(&f->related, source, span))
            continue;
        struct str name = fact_info(fact->id)->name;
        bool positional = fact->setting->flags & SETTING_POSITIONAL;
        struct buf b = buf_new(a);
        buf_add(&b, fact->setting->key.len && !positional ? fact->setting->key : name);
        buf_cstr(&b, " = ");
        value_print(&b, fact->value);
        buf_cstr(&b, " here");
        vec_push(a, &f->related, ((struct related){source, span, buf_str(&b)}));
    }
}

static const struct link_step *chain_to(const struct run *run, const struct finding *f,
                                        const struct setting *marked)
{
    const struct link_step *chain = NULL;
    for (size_t i = 0; run && i < run->facts.len; i++) {
        const struct fact *fact = &run->facts.at[i];
        if (fact->chain && fact->setting == marked)
            return fact->chain;
        if (fact->doc && fact->doc->source == f->source && f->source != run->doc->source)
            chain = fact->chain;
    }
    return chain;
}

/* How the run comes to a place that is in another file, or behind a reference. */
static void add_chain(const struct rule_view *v, struct arena *a, struct finding *f,
                      const struct setting *marked)
{
    const struct link_step *step = chain_to(v->run, f, marked);
    for (; step; step = step->from) {
        const struct setting *s = step->setting;
        const struct setting *named = s->key.len || !s->parent ? s : s->parent;
        if (related_told(&f->related, step->doc->source, s->value_span))
            continue;
        struct str message = arena_printf(a, "through %.*s here", STR_ARG(named->key));
        vec_push(a, &f->related,
                 ((struct related){step->doc->source, s->value_span, message}));
    }
}

/* Advice that hangs on something unknown is no advice. */
static struct str advice(const struct rule_view *v, struct arena *a, const struct phrase *p)
{
    struct expr_scope scope = rule_scope(v);
    for (uint32_t i = 0; i < p->len; i++)
        if (p->at[i].expr.len &&
            expr_eval(v->scratch, &p->at[i].expr, &scope).kind == VALUE_UNKNOWN)
            return STR("");
    return phrase_render(a, p, &scope);
}

struct finding *rule_report(const struct rule_view *v, struct unit *unit,
                            struct rule_place place)
{
    struct arena *a = &unit->arena;
    struct expr_scope scope = rule_scope(v);
    struct finding f = {.code = v->rule->code,
                        .rule = v->rule->id,
                        .source = place.source,
                        .span = place.span,
                        .run = STR(""),
                        .gpu = STR(""),
                        .help = STR("")};
    f.severity = rule_severity(v->c, v->rule);
    f.message = phrase_render(a, &v->rule->message, &scope);
    f.help = advice(v, a, &v->rule->help);
    if (v->run && unit->runs.len > 1)
        f.run = v->run->name;
    if (v->rule->per_gpu && v->target)
        f.gpu = v->target->id;
    if (!v->setting && told(&unit->findings, &f))
        return NULL;
    add_related(v, a, &f, place.setting);
    add_chain(v, a, &f, place.setting);
    vec_push(a, &unit->findings, f);
    return &unit->findings.at[unit->findings.len - 1];
}

/* --- fixes --------------------------------------------------------------- */

static bool change_batch(const struct wishes *wishes)
{
    for (size_t i = 0; i < wishes->len; i++)
        if (wishes->at[i].fact == FACT_batch_size ||
            wishes->at[i].fact == FACT_gradient_accumulation_steps)
            return true;
    return false;
}

void rule_batch_safety(struct arena *a, const struct rule_context *c, const struct run *run,
                       const struct wishes *wishes, enum safety *safety,
                       struct str *reason)
{
    struct rule_view view = {.c = c, .run = run, .scratch = a, .setting_fact = FACT_COUNT};
    struct expr_scope scope = rule_scope(&view);
    for (uint32_t i = 0; change_batch(wishes) && i < c->pack->batch_unsafe.len; i++) {
        const struct unsafe_when *u = &c->pack->batch_unsafe.at[i];
        if (!expr_holds(a, &u->when, &scope))
            continue;
        struct str why = phrase_render(a, &u->reason, &scope);
        if (*safety == FIX_SAFE)
            *safety = FIX_UNSAFE;
        if (str_find(*reason, why, 0) == SIZE_MAX)
            *reason = reason->len ? arena_printf(a, "%.*s; %.*s", STR_ARG(why),
                                                 STR_ARG(*reason))
                                  : why;
        return;
    }
}

/* Lowers SAFETY and tells why when one of the rule's conditions holds. */
static void check_safety(const struct rule_view *v, struct arena *a, enum safety *safety,
                         struct str *reason)
{
    struct expr_scope scope = rule_scope(v);
    const struct fix_spec *spec = &v->rule->fix;
    *safety = spec->safety;
    *reason = STR("");
    for (uint32_t i = 0; i < spec->unsafe_when.len; i++) {
        const struct unsafe_when *u = &spec->unsafe_when.at[i];
        if (!expr_holds(v->scratch, &u->when, &scope))
            continue;
        if (*safety == FIX_SAFE)
            *safety = FIX_UNSAFE;
        *reason = phrase_render(a, &u->reason, &scope);
        return;
    }
}

static void describe(const struct rule_view *v, struct arena *a, struct fix *fix,
                     struct str reason)
{
    struct str description = str_trim(advice(v, a, &v->rule->fix.description));
    if (description.len)
        fix->description = description;
    if (!reason.len)
        return;
    fix->reason = fix->reason.len
                      ? arena_printf(a, "%.*s; %.*s", STR_ARG(reason), STR_ARG(fix->reason))
                      : reason;
}

/* What VALUE is as a value of FACT; whole floats are ints to an int fact. */
static bool as_fact(enum fact_id fact, struct value *value)
{
    bool whole = value->kind == VALUE_FLOAT && value->as.real == floor(value->as.real) &&
                 fabs(value->as.real) < 9e15;
    if (fact_info(fact)->type == FACT_TYPE_INT && whole)
        *value = VALUE_OF_INT((int64_t)value->as.real);
    bool counts = fact >= FACT_batch_size && fact <= FACT_gradient_accumulation_steps;
    if (counts && value->kind == VALUE_INT && value->as.integer < 1)
        return false;
    return value->kind != VALUE_UNKNOWN && fact_accepts(fact, *value);
}

/* False when a wish has no value: then nothing is changed at all. */
static bool gather_wishes(const struct rule_view *v, struct arena *a, struct wishes *out)
{
    struct expr_scope scope = rule_scope(v);
    const struct fix_spec *spec = &v->rule->fix;
    for (uint32_t i = 0; i < spec->set.len; i++) {
        const struct fact_target *t = &spec->set.at[i];
        const struct fact *now = run_fact(v->run, t->fact);
        struct wish w = {.fact = t->fact, .remove = !t->value.len};
        if (w.remove) {
            if (now && now->setting)
                vec_push(a, out, w);
            continue;
        }
        w.value = expr_eval(a, &t->value, &scope);
        if (!as_fact(t->fact, &w.value))
            return false;
        if (!now || !value_eq(now->value, w.value))
            vec_push(a, out, w);
    }
    return out->len > 0;
}

/* Described, whatever the rule's safety: this place cannot be edited. */
static struct fix *shown(const struct rule_view *v, struct arena *a)
{
    if (!v->rule->fix.description.len)
        return NULL;
    struct fix *fix = arena_new(a, struct fix);
    fix->safety = FIX_SHOWN;
    fix->description = fix->reason = STR("");
    describe(v, a, fix, STR(""));
    return fix->description.len ? fix : NULL;
}

static struct fix *shown_only(const struct rule_view *v, struct arena *a)
{
    return v->rule->fix.safety == FIX_SHOWN ? shown(v, a) : NULL;
}

/* "env.NAME" where a framework's table reads FACT from the environment; else "". */
static struct str environment_key(const struct pack *pack, enum fact_id fact)
{
    struct str prefix = STR("**.env.");
    for (uint32_t i = 0; i < pack->frameworks.len; i++) {
        const struct framework *f = &pack->frameworks.at[i];
        for (uint32_t k = 0; k < f->bindings.len; k++) {
            const struct binding *b = &f->bindings.at[k];
            if (b->fact == fact && !b->values.len && str_starts(b->key, prefix))
                return str_slice(b->key, strlen("**."), b->key.len);
        }
    }
    return STR("");
}

/* What only the environment says has no map to stand in: a Python program sets it. */
static struct fix *fix_environment(const struct rule_view *v, struct unit *unit,
                                   const struct wishes *wishes, enum safety safety)
{
    struct arena *a = &unit->arena;
    const struct wish *w = &wishes->at[0];
    const struct fact *now = run_fact(v->run, w->fact);
    bool python = unit->source.language == LANGUAGE_PYTHON && v->run->doc == &unit->doc;
    struct str key = environment_key(v->c->pack, w->fact);
    if (wishes->len != 1 || w->remove || !python || !key.len || (now && now->setting))
        return NULL;
    struct edit edit = {.source = &unit->source};
    const char *why = "";
    const struct setting *root =
        unit->doc.tree.roots.len ? unit->doc.tree.roots.at[0] : NULL;
    if (!root || !front_of(LANGUAGE_PYTHON)
                      ->insert(a, &unit->doc, root, NULL, key, w->value, &edit, &why))
        return NULL;
    struct fix *fix = arena_new(a, struct fix);
    struct buf b = buf_new(a);
    buf_add(&b, str_slice(key, strlen("env."), key.len));
    buf_cstr(&b, " set to ");
    value_print(&b, w->value);
    *fix = (struct fix){.safety = safety, .description = buf_str(&b), .reason = STR("")};
    vec_push(a, &fix->edits, edit);
    return fix;
}

struct fix *rule_fix_run(const struct rule_view *v, struct unit *unit)
{
    struct arena *a = &unit->arena;
    struct wishes wishes = {0};
    enum safety safety;
    struct str reason;
    if (!v->rule->fix.present || !v->run || unit->doc.broken)
        return NULL;
    if (!gather_wishes(v, a, &wishes))
        return shown_only(v, a);
    check_safety(v, a, &safety, &reason);
    rule_batch_safety(a, v->c, v->run, &wishes, &safety, &reason);
    struct fix *fix = fix_plan(a, v->c->pack, v->run, &wishes, safety, NULL);
    if (!fix)
        fix = fix_environment(v, unit, &wishes, safety);
    if (!fix)
        return shown_only(v, a);
    describe(v, a, fix, reason);
    return fix;
}

static struct fix *one_edit(const struct rule_view *v, struct unit *unit, struct span span,
                            struct str text, struct str made_description)
{
    struct arena *a = &unit->arena;
    struct fix *fix = arena_new(a, struct fix);
    struct str reason;
    check_safety(v, a, &fix->safety, &reason);
    fix->description = made_description;
    fix->reason = STR("");
    describe(v, a, fix, reason);
    vec_push(a, &fix->edits, ((struct edit){&unit->source, span, text}));
    return fix;
}

/* Only a scalar on one line that nothing else shares: its bytes are replaced as they are.
 */
static bool replaceable(struct unit *unit, const struct setting *s)
{
    unsigned in_the_way = SETTING_ALIAS | SETTING_ANCHORED | SETTING_TAGGED |
                          SETTING_OVERRIDDEN | SETTING_DUPLICATE | SETTING_MULTILINE;
    bool scalar =
        s->style == STYLE_PLAIN || s->style == STYLE_SINGLE || s->style == STYLE_DOUBLE;
    return s->kind == SETTING_SCALAR && scalar && !(s->flags & in_the_way) &&
           s->value_span.from < s->value_span.to && one_line(&unit->source, s->value_span);
}

struct fix *rule_fix_setting(const struct rule_view *v, struct unit *unit)
{
    struct arena *a = &unit->arena;
    struct expr_scope scope = rule_scope(v);
    if (!v->rule->fix.present || unit->doc.broken)
        return NULL;
    if (!v->rule->fix.setting_text.len || !replaceable(unit, v->setting))
        return v->run && v->rule->fix.set.len ? rule_fix_run(v, unit) : shown_only(v, a);
    struct value text = expr_eval(a, &v->rule->fix.setting_text, &scope);
    struct str old = source_quote(&unit->source, v->setting->value_span);
    if (text.kind == VALUE_UNKNOWN || text.kind == VALUE_LIST)
        return NULL;
    struct buf b = buf_new(a);
    value_print(&b, text);
    struct str fresh = arena_str(a, buf_str(&b));
    if (!fresh.len || str_eq(fresh, old) || str_find_byte(fresh, '\n', 0) != SIZE_MAX)
        return NULL;
    return one_edit(v, unit, v->setting->value_span, fresh,
                    arena_printf(a, "%.*s %.*s -> %.*s", STR_ARG(v->setting->key),
                                 STR_ARG(old), STR_ARG(fresh)));
}

/* The statement at SPAN, under WITH; NULL when it cannot be put there. */
static struct fix *wrapped(const struct rule_view *v, struct unit *unit, struct span span,
                           struct str with)
{
    struct arena *a = &unit->arena;
    const struct front *front = front_of(unit->source.language);
    const char *why = "";
    struct edits edits = {0};
    if (!front || !front->wrap ||
        !front->wrap(a, &unit->doc, span.from, with, &edits, &why))
        return shown(v, a);
    struct fix *fix = one_edit(v, unit, span, with, arena_printf(a, "%.*s added", STR_ARG(with)));
    fix->edits = edits;
    return fix;
}

struct fix *rule_fix_source(const struct rule_view *v, struct unit *unit)
{
    const struct fix_spec *spec = &v->rule->fix;
    struct arena *a = &unit->arena;
    struct expr_scope scope = rule_scope(v);
    char name[64];
    if (!spec->present || unit->doc.broken)
        return NULL;
    if (!spec->group.len || spec->group.len >= sizeof name)
        return shown_only(v, a);
    for (size_t i = 0; i <= spec->group.len; i++)
        name[i] = i < spec->group.len ? spec->group.at[i] : '\0';
    int group = match_group_number(v->pattern, name);
    if (group <= 0 || v->match->group[group].from == UINT32_MAX)
        return shown(v, a);
    struct span span = {v->match->group[group].from, v->match->group[group].to};
    struct str old = source_quote(&unit->source, span);
    struct str with = phrase_render(a, &spec->with, &scope);
    if (spec->where == FIX_WRAP)
        return wrapped(v, unit, span, with);
    if (spec->where)
        span.from = span.to = spec->where < 0 ? span.from : span.to;
    struct str description =
        spec->where ? arena_printf(a, "%.*s added", STR_ARG(str_trim(with)))
                    : arena_printf(a, "%.*s -> %.*s", STR_ARG(old), STR_ARG(with));
    return one_edit(v, unit, span, with, description);
}
