/* The expressions of a change are evaluated as a rule's are, over the run as the changes
 * before it left it; `new.FACT` is a fact of the run as it will be. */
#include "advise_step.h"

#include "bind.h"
#include "rule_eval.h"

#include "banned.h"

enum { MOST_TARGETS = 64 };

/* --- names ------------------------------------------------------------------ */

struct advise_names {
    struct rule_view view;
    const struct run *after; /* NULL while it is not known */
};

static struct value ask(const void *context, enum expr_question question, struct str name)
{
    const struct advise_names *n = context;
    struct expr_scope plain = rule_scope(&n->view);
    if (!str_starts(name, STR("new.")))
        return plain.ask(plain.context, question, name);
    enum fact_id id = fact_parse(str_slice(name, 4, name.len));
    return id == FACT_COUNT || !n->after ? VALUE_NOTHING : run_value(n->after, id);
}

static struct advise_names names_of(const struct advise_scene *s, const struct run *run,
                                    const struct target *target,
                                    struct rule_estimates *estimates)
{
    *estimates = (struct rule_estimates){.arena = s->a, .run = run};
    estimates->at = arena_alloc_array(s->a, s->c->targets->len, sizeof *estimates->at);
    return (struct advise_names){
        .view = {.c = s->c, .run = run, .target = target, .estimates = estimates,
                 .scratch = s->a, .setting_fact = FACT_COUNT},
    };
}

/* --- one step --------------------------------------------------------------- */

static void replace(struct arena *a, struct wishes *all, struct wish w)
{
    for (size_t i = 0; i < all->len; i++)
        if (all->at[i].fact == w.fact) {
            all->at[i] = w;
            return;
        }
    vec_push(a, all, w);
}

/* What CHANGE wishes on one target; false when it does not apply there. */
static bool wishes_on(const struct advise_scene *s, const struct change *change,
                      const struct run *now, const struct target *target,
                      struct wishes *out)
{
    struct rule_estimates estimates;
    struct advise_names names = names_of(s, now, target, &estimates);
    struct expr_scope scope = {ask, &names};
    if (!expr_holds(s->a, &change->when, &scope))
        return false;
    for (uint32_t i = 0; i < change->set.len; i++) {
        const struct fact_target *t = &change->set.at[i];
        struct value v = expr_eval(s->a, &t->value, &scope);
        if (v.kind == VALUE_UNKNOWN || !fact_accepts(t->fact, v))
            return false;
        if (!value_eq(run_value(now, t->fact), v))
            vec_push(s->a, out, ((struct wish){.fact = t->fact, .value = v}));
    }
    return out->len > 0;
}

static bool same_wishes(const struct wishes *a, const struct wishes *b)
{
    if (a->len != b->len)
        return false;
    for (size_t i = 0; i < a->len; i++)
        if (a->at[i].fact != b->at[i].fact || !value_eq(a->at[i].value, b->at[i].value))
            return false;
    return true;
}

bool advise_take(const struct advise_scene *s, const struct change *change,
                 const struct run *now, struct run *after, struct wishes *wishes)
{
    struct wishes first = {0};
    const struct targets *all = s->c->targets;
    if (!wishes_on(s, change, now, s->target ? s->target : &all->at[0], &first))
        return false;
    for (size_t i = 1; !s->target && i < all->len && i < MOST_TARGETS; i++) {
        struct wishes other = {0};
        if (!wishes_on(s, change, now, &all->at[i], &other) || !same_wishes(&first, &other))
            return false;
    }
    *after = run_wished(s->a, now, &first);
    for (size_t i = 0; i < first.len; i++)
        replace(s->a, wishes, first.at[i]);
    return true;
}

struct str advise_text(const struct advise_scene *s, const struct change *change,
                       const struct run *after)
{
    struct rule_estimates estimates;
    const struct target *target = s->target ? s->target : &s->c->targets->at[0];
    struct advise_names names = names_of(s, s->run, target, &estimates);
    struct expr_scope scope = {ask, &names};
    names.after = after;
    return str_trim(phrase_render(s->a, &change->name, &scope));
}

void advise_safety(const struct advise_scene *s, const struct change *change,
                   enum safety *safety, struct str *reason)
{
    struct rule_estimates estimates;
    const struct target *target = s->target ? s->target : &s->c->targets->at[0];
    struct advise_names names = names_of(s, s->run, target, &estimates);
    struct expr_scope scope = {ask, &names};
    struct str why = STR("");
    struct wishes wishes = {0};
    for (uint32_t i = 0; i < change->set.len; i++)
        vec_push(s->a, &wishes, ((struct wish){.fact = change->set.at[i].fact}));
    rule_batch_safety(s->a, s->c, s->run, &wishes, safety, reason);
    for (uint32_t i = 0; !why.len && i < change->unsafe_when.len; i++)
        if (expr_holds(s->a, &change->unsafe_when.at[i].when, &scope))
            why = phrase_render(s->a, &change->unsafe_when.at[i].reason, &scope);
    if (!why.len && change->effect == EFFECT_ROUNDING)
        why = STR("numbers are rounded otherwise");
    if (!why.len && change->effect == EFFECT_TRAINING)
        why = STR("it is another training");
    if (!why.len)
        return;
    *safety = FIX_UNSAFE;
    if (str_find(*reason, why, 0) == SIZE_MAX)
        *reason = reason->len ? arena_printf(s->a, "%.*s; %.*s", STR_ARG(*reason),
                                             STR_ARG(why))
                              : why;
}

/* --- how it is said --------------------------------------------------------- */

struct wishes advise_writes(struct arena *a, const struct run *run,
                            const struct wishes *wishes)
{
    const struct fact *global = run_fact(run, FACT_global_batch_size);
    const struct fact *steps = run_fact(run, FACT_gradient_accumulation_steps);
    bool follows = global && run_written(global) &&
                   (!steps || !run_written(steps));
    struct wishes out = {0};
    for (size_t i = 0; i < wishes->len; i++)
        if (!follows || wishes->at[i].fact != FACT_gradient_accumulation_steps)
            vec_push(a, &out, wishes->at[i]);
    return out;
}

/* The last part of a binding's key: "optim" of "**.optim". */
static struct str last_part(struct str key)
{
    size_t from = key.len;
    while (from > 0 && key.at[from - 1] != '.')
        from--;
    return str_slice(key, from, key.len);
}

/* The framework's own key and value for WISH; a table for any program knows neither. */
static bool say(const struct advise_scene *s, const struct wish *wish, struct str *key,
                struct value *written)
{
    const struct fact *now = run_fact(s->run, wish->fact);
    if (now && now->setting && bind_written(now, wish->value, written)) {
        *key = last_part(now->setting->key);
        return true;
    }
    const struct framework *f = s->run->framework;
    for (uint32_t i = 0; f && !f->generic && i < f->bindings.len; i++) {
        const struct binding *b = &f->bindings.at[i];
        struct fact fresh = {.id = wish->fact, .binding = b};
        if (b->fact != wish->fact || b->scope.len || b->inside.len || b->when.len ||
            str_starts(b->key, STR("/")) || !bind_written(&fresh, wish->value, written))
            continue;
        *key = last_part(b->key);
        return true;
    }
    return false;
}

bool advise_sayable(const struct advise_scene *s, const struct change *change,
                    const struct wishes *wishes, struct str *written)
{
    const struct framework *f = s->run->framework;
    bool own_program = !f || f->generic;
    struct wishes all = advise_writes(s->a, s->run, wishes);
    struct buf b = buf_new(s->a);
    *written = STR("");
    for (size_t i = 0; i < all.len; i++) {
        struct str key;
        struct value value;
        if (say(s, &all.at[i], &key, &value)) {
            buf_printf(&b, "%s%.*s: ", b.len ? ", " : "", STR_ARG(key));
            value_print(&b, value);
        } else if (change->how.len) {
            *written = change->how;
            return true;
        } else if (!own_program) {
            return false;
        } else {
            return true;
        }
    }
    *written = buf_str(&b);
    return true;
}
