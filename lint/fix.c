/* Wishes to edits. A wish goes to the setting that decides its fact; where there is
 * none, the framework's own key is inserted. What could make the result mean more than
 * the wish says (a shared anchor, a key that may not be read, another effective batch)
 * lowers the safety; what could make it mean something else gives no fix at all. */
#include "fix.h"

#include <assert.h>

#include "bind.h"
#include "source_cells.h"
#include "banned.h"

enum {
    LONGEST_QUOTE = 40,
    LARGEST_SOURCE = 8 * 1024 * 1024,
    LARGEST_TRIAL = 16 * 1024, /* read again for every plan; larger ones once, at the end */
};

struct plan {
    struct arena *a;
    const struct pack *pack;
    const struct run *run;
    struct document *doc; /* the one document that is edited; NULL before the first */
    struct fix *fix;
    struct buf description;
    struct str why_not;
};

static bool refuse(struct plan *p, struct str why)
{
    p->why_not = why;
    return false;
}

static void lower(struct plan *p, struct str reason)
{
    struct fix *fix = p->fix;
    if (fix->safety == FIX_SAFE)
        fix->safety = FIX_UNSAFE;
    if (str_find(fix->reason, reason, 0) != SIZE_MAX)
        return;
    fix->reason = fix->reason.len ? arena_printf(p->a, "%.*s; %.*s", STR_ARG(fix->reason),
                                                 STR_ARG(reason))
                                  : reason;
}

static bool use_document(struct plan *p, struct document *doc)
{
    const struct source *s = doc->source;
    if (doc->broken)
        return refuse(p, STR("the file does not parse"));
    if (s->encoding != ENCODING_UTF8)
        return refuse(p, STR("the file is not UTF-8"));
    if (s->text.len > LARGEST_SOURCE)
        return refuse(p, STR("the file is too large"));
    if (doc->shared && doc != p->run->doc)
        lower(p, arena_printf(p->a, "other runs may take settings from %.*s, too", STR_ARG(s->path)));
    p->doc = doc;
    return true;
}

/* "*name" of an alias that uses the anchor of S, or "an anchor". */
static struct str anchor_users(const struct document *doc, const struct setting *s)
{
    for (size_t i = 0; i < doc->tree.all.len; i++) {
        const struct setting *user = doc->tree.all.at[i];
        bool uses = user->target == s || (user->flags & (SETTING_ALIAS | SETTING_ANCHORED) &&
                                          user->value_span.from == s->value_span.from &&
                                          user->value_span.to == s->value_span.to);
        if (uses && user != s && user->alias_span.to > user->alias_span.from)
            return source_quote(doc->source, user->alias_span);
    }
    return STR("an anchor");
}

/* Does "${...}" in TEXT name PATH, absolutely or by its last parts? */
static bool names_path(struct str text, struct str path, struct str *quote)
{
    for (size_t at = 0; (at = str_find(text, STR("${"), at)) != SIZE_MAX;) {
        size_t from = at + 2;
        while (from < text.len && text.at[from] == '.')
            from++;
        size_t to = str_find_byte(text, '}', from);
        if (to == SIZE_MAX)
            return false;
        struct str name = str_slice(text, from, to);
        *quote = str_slice(text, at, to + 1);
        size_t behind = path.len - name.len;
        bool last = name.len && name.len <= path.len && str_ends(path, name) &&
                    (!behind || path.at[behind - 1] == '.');
        if (last)
            return true;
        at += 2;
    }
    return false;
}

/* Another key that takes the value of S by interpolation; its words in *QUOTE. */
static bool is_interpolated(const struct document *doc, const struct setting *s,
                            struct str *quote)
{
    if (!s->path.len || str_find(doc->source->text, STR("${"), 0) == SIZE_MAX)
        return false;
    for (size_t i = 0; i < doc->tree.all.len; i++) {
        const struct setting *user = doc->tree.all.at[i];
        if (user->kind == SETTING_SCALAR && user != s && !user->referred &&
            names_path(user->text, s->path, quote))
            return true;
    }
    return false;
}

static bool is_below(const struct setting *s, const struct setting *map)
{
    while (s && s != map)
        s = s->parent;
    return s != NULL;
}

/* Does USER, a reference to S, say of the run what S is edited for? */
static bool means_the_same(const struct run *run, const struct setting *s,
                           const struct setting *user)
{
    for (size_t i = 0; i < run->facts.len; i++) {
        const struct fact *f = &run->facts.at[i];
        const struct fact *best = run_fact(run, f->id);
        if (f->setting == s && f->chain && !f->scope.len && best && best->setting == s &&
            (f->chain->setting == user || f->chain->setting == user->original))
            return true;
    }
    return false;
}

/* A setting that takes its value from S by a reference and means something else. */
static const struct setting *other_user(const struct run *run, const struct setting *s)
{
    for (size_t i = 0; run->whole && i < run->whole->tree.all.len; i++) {
        const struct setting *user = run->whole->tree.all.at[i], *to = user->referred;
        if (to && (to == s || to->original == s) && !means_the_same(run, s, user))
            return user;
    }
    return NULL;
}

/* Is S, or a map around it, read from other places, too? */
static void check_sharing(struct plan *p, const struct setting *s)
{
    struct str name;
    for (const struct setting *at = s; at; at = at->parent) {
        if (at->flags & SETTING_ANCHORED)
            lower(p, arena_printf(p->a, "other keys share this value through %.*s",
                                  STR_ARG(anchor_users(p->doc, at))));
        if (is_interpolated(p->doc, at, &name))
            lower(p, arena_printf(p->a, "other keys share this value through %.*s",
                                  STR_ARG(name)));
    }
    const struct setting *container = p->run->container;
    const struct setting *user = other_user(p->run, s);
    if (user)
        lower(p, arena_printf(p->a, "other keys share this value through %.*s",
                              STR_ARG(user->text)));
    if (p->doc == p->run->doc && container && container->parent && !is_below(s, container))
        lower(p, STR("other runs of the file share this value"));
}

static bool check_setting(struct plan *p, const struct setting *s)
{
    if (s->kind == SETTING_SCALAR && s->why)
        return refuse(p, arena_printf(p->a, "the value is %s", s->why));
    for (const struct setting *at = s; at; at = at->parent) {
        if (at->flags & (SETTING_OVERRIDDEN | SETTING_DUPLICATE))
            return refuse(p, arena_printf(p->a, "%.*s is written twice", STR_ARG(at->key)));
        if (at->flags & SETTING_ALIAS)
            return refuse(p, STR("the value comes from an anchor"));
    }
    check_sharing(p, s);
    return true;
}

/* The user's own name for a setting: Python's argparse options and environment
 * variables are their keys already. */
static struct str key_of(const struct setting *s)
{
    return s->key.len ? s->key : s->path;
}

/* One part of the description: "batch_size 256 -> 128". */
static void describe(struct plan *p, struct str key, const struct fact *old,
                     const struct value *written)
{
    struct buf *b = &p->description;
    if (b->len)
        buf_cstr(b, ", ");
    buf_add(b, key);
    bool has_old = false;
    if (old && old->setting) {
        struct str text = source_quote(old->doc->source, old->setting->value_span);
        has_old = text.len && text.len <= LONGEST_QUOTE &&
                  str_find_byte(text, '\n', 0) == SIZE_MAX;
        if (has_old)
            buf_printf(b, " %.*s", STR_ARG(text));
    } else if (old && old->value.kind != VALUE_UNKNOWN && old->origin == ORIGIN_DEFAULT) {
        has_old = true;
        buf_byte(b, ' ');
        value_print(b, old->value);
    }
    if (!written) {
        buf_cstr(b, " removed");
        return;
    }
    buf_cstr(b, has_old ? " -> " : " set to ");
    value_print(b, *written);
}

static bool only_giver(const struct run *run, const struct fact *fact)
{
    for (size_t i = 0; i < run->facts.len; i++) {
        const struct fact *f = &run->facts.at[i];
        if (f != fact && f->id == fact->id && f->setting && !f->scope.len)
            return false;
    }
    return true;
}

static bool plan_remove(struct plan *p, const struct fact *fact)
{
    const struct setting *s = fact->setting;
    if (!use_document(p, fact->doc) || !check_setting(p, s))
        return false;
    if (!only_giver(p->run, fact))
        return refuse(p,
                      arena_printf(p->a, "%.*s is also set elsewhere", STR_ARG(key_of(s))));
    const struct front *front = front_of(p->doc->source->language);
    const char *why = "this place cannot be edited";
    struct edit edit = {.source = p->doc->source};
    if (!front || !front->remove || !front->remove(p->a, p->doc, s, &edit, &why))
        return refuse(p, str_from(why));
    edit.source = p->doc->source;
    vec_push(p->a, &p->fix->edits, edit);
    describe(p, key_of(s), fact, NULL);
    return true;
}

/* Tables for any program list every spelling of a word that somebody uses; which of
 * them this program takes is then not known. */
static void check_spelling(struct plan *p, const struct fact *fact, struct value wanted,
                           struct value written)
{
    size_t spellings = 0;
    const struct binding *b = fact->binding;
    for (uint32_t i = 0; b && written.kind == VALUE_STRING && i < b->values.len; i++)
        spellings += b->values.at[i].written.kind == VALUE_STRING &&
                     value_eq(b->values.at[i].fact, wanted);
    if (spellings > 1)
        lower(p, arena_printf(p->a, "the program may have another word than %.*s",
                              STR_ARG(written.as.string)));
}

/* The constant that S is given by its name: what there is to edit. */
static const struct setting *written_at(const struct setting *s)
{
    if (s->kind != SETTING_SCALAR || setting_root(s)->shape != SHAPE_MODULE)
        return s;
    const struct setting *constant = setting_resolve(s);
    return constant->style != STYLE_CODE ? constant : s;
}

static bool plan_replace(struct plan *p, const struct fact *fact, struct value wanted)
{
    const struct setting *s = written_at(fact->setting);
    if (!use_document(p, fact->doc) || !check_setting(p, s))
        return false;
    struct value written;
    if (!bind_written(fact, wanted, &written)) {
        struct buf b = buf_new(p->a);
        buf_printf(&b, "no value of %.*s is known to mean ", STR_ARG(key_of(s)));
        value_print(&b, wanted);
        return refuse(p, buf_str(&b));
    }
    check_spelling(p, fact, wanted, written);
    const struct front *front = front_of(p->doc->source->language);
    const char *why = "this place cannot be edited";
    struct edit edit = {.source = p->doc->source};
    if (!front || !front->replace || !front->replace(p->a, p->doc, s, written, &edit, &why))
        return refuse(p, str_from(why));
    edit.source = p->doc->source;
    vec_push(p->a, &p->fix->edits, edit);
    fix_keep_column(p->a, p->doc, &p->fix->edits);
    struct fact old = *fact;
    old.setting = s;
    describe(p, key_of(s), &old, &written);
    return true;
}

/* `key:` with nothing behind it, or null: the place is there and says nothing. */
static const struct setting *empty_place(const struct insertion *at)
{
    const struct setting *s = setting_child(at->map, at->key);
    bool own = s && s->parent == at->map && !(s->flags & SETTING_ALIAS);
    return own && s->kind == SETTING_SCALAR && s->value.kind == VALUE_NULL ? s : NULL;
}

static bool insertion_ready(struct plan *p, enum fact_id fact, struct insertion *at)
{
    struct str name = fact_info(fact)->name;
    if (!bind_insertion(p->pack, p->run, fact, at))
        return refuse(p,
                      arena_printf(p->a, "no key for %.*s is known here", STR_ARG(name)));
    if (!use_document(p, p->run->doc) || !check_setting(p, at->map))
        return false;
    if (setting_child(at->map, at->key) && !empty_place(at))
        return refuse(
            p, arena_printf(p->a, "%.*s is there and cannot be read", STR_ARG(at->key)));
    if (!at->certain)
        lower(p, arena_printf(p->a, "nothing shows that the program reads %.*s",
                              STR_ARG(at->key)));
    return true;
}

static bool plan_insert(struct plan *p, const struct fact *old, const struct wish *wish)
{
    struct insertion at = {0};
    if (!insertion_ready(p, wish->fact, &at))
        return false;
    struct fact fresh = {.id = wish->fact, .binding = at.binding, .doc = p->doc};
    fresh.setting = empty_place(&at);
    if (fresh.setting)
        return plan_replace(p, &fresh, wish->value);
    struct value written = wish->value;
    if (at.binding && !bind_written(&fresh, wish->value, &written))
        return refuse(p, arena_printf(p->a, "no value of %.*s is known to mean that",
                                      STR_ARG(at.key)));
    check_spelling(p, &fresh, wish->value, written);
    const struct front *front = front_of(p->doc->source->language);
    const char *why = "this place cannot be edited";
    struct edit edit = {.source = p->doc->source};
    if (!front || !front->insert ||
        !front->insert(p->a, p->doc, at.map, at.after, at.key, written, &edit, &why))
        return refuse(p, str_from(why));
    edit.source = p->doc->source;
    vec_push(p->a, &p->fix->edits, edit);
    describe(p, at.key, old, &written);
    return true;
}

static bool is_removal(const struct wish *wish)
{
    return wish->remove || wish->value.kind == VALUE_NULL;
}

static bool plan_wish(struct plan *p, const struct wish *wish)
{
    const struct fact *fact = run_fact(p->run, wish->fact);
    if (is_removal(wish))
        return fact && fact->setting ? plan_remove(p, fact) : true;
    if (wish->value.kind == VALUE_UNKNOWN)
        return refuse(p, arena_printf(p->a, "the value for %.*s is not known",
                                      STR_ARG(fact_info(wish->fact)->name)));
    if (fact && value_eq(fact->value, wish->value))
        return true;
    if (fact && fact->setting)
        return plan_replace(p, fact, wish->value);
    return plan_insert(p, fact, wish);
}

/* --- the effective batch -------------------------------------------------- */

static bool touches(const struct wishes *wishes, enum fact_id first, enum fact_id last)
{
    for (size_t i = 0; i < wishes->len; i++)
        if (wishes->at[i].fact >= first && wishes->at[i].fact <= last)
            return true;
    return false;
}

/* Samples per optimizer step. Where the global batch is what the user wrote and the
 * accumulation follows from it, the global batch is the answer. Devices that nobody
 * names count as one: they are the same before and after. */
static bool batch_of(const struct run *run, bool count_devices, double *out)
{
    const struct fact *steps = run_fact(run, FACT_gradient_accumulation_steps);
    const struct fact *global = run_fact(run, FACT_global_batch_size);
    bool steps_follow = !steps || !run_written(steps);
    if (global && run_written(global) && steps_follow)
        return value_number(global->value, out);
    double batch, accumulation = 1, devices = 1;
    if (!run_number(run, FACT_batch_size, &batch))
        return false;
    if (steps && !value_number(steps->value, &accumulation))
        return false;
    if (!run_data_parallel(run, &devices)) {
        if (count_devices)
            return false;
        devices = 1;
    }
    *out = batch * accumulation * devices;
    return true;
}

static void check_batch(struct plan *p, const struct wishes *wishes)
{
    bool devices = touches(wishes, FACT_num_devices, FACT_context_parallel);
    if (!devices && !touches(wishes, FACT_batch_size, FACT_batch_size) &&
        !touches(wishes, FACT_global_batch_size, FACT_gradient_accumulation_steps))
        return;
    struct run after = run_wished(p->a, p->run, wishes);
    double before_batch, after_batch;
    if (!batch_of(p->run, devices, &before_batch) ||
        !batch_of(&after, devices, &after_batch))
        lower(p, STR("the effective batch is not known before and after"));
    else if (before_batch != after_batch)
        lower(p, arena_printf(p->a, "the effective batch changes from %g to %g",
                              before_batch, after_batch));
}

/* --- the whole ------------------------------------------------------------ */

size_t fix_root_of(const struct run *run)
{
    const struct setting *root = run->container ? setting_root(run->container) : NULL;
    for (size_t i = 0; root && i < run->doc->tree.roots.len; i++)
        if (run->doc->tree.roots.at[i] == root)
            return i;
    return 0;
}

/* Several insertions at one place were planned without knowing of each other. */
static bool still_parses(struct plan *p)
{
    struct edits *edits = &p->fix->edits;
    for (size_t i = 0; i < edits->len; i++)
        if (edits->at[i].source != p->doc->source)
            return true; /* of several files; they are read together later */
    if (p->doc->source->text.len > LARGEST_TRIAL)
        return true;
    struct arena scratch = {0};
    struct source after;
    struct document doc;
    source_init(&after, &scratch, p->doc->source->path,
                fix_apply(&scratch, p->doc->source, &p->fix->edits),
                source_cells_language(p->doc->source));
    front_parse(&scratch, &after, &doc);
    bool ok = !doc.broken;
    arena_free(&scratch);
    return ok;
}

static struct promise *promise_of(struct plan *p, const struct wishes *wishes)
{
    struct promise *out = arena_new(p->a, struct promise);
    const struct setting *container = p->run->container;
    out->run = p->run->name;
    out->container = container ? container->path : STR("");
    out->root = fix_root_of(p->run);
    for (size_t i = 0; i < wishes->len; i++)
        vec_push(p->a, &out->wishes, wishes->at[i]);
    return out;
}

static bool plan_all(struct plan *p, const struct wishes *wishes)
{
    for (size_t i = 0; i < wishes->len; i++)
        if (!plan_wish(p, &wishes->at[i]))
            return false;
    size_t planned = p->fix->edits.len;
    if (!planned)
        return refuse(p, STR("there is nothing to change"));
    if (!fix_merge(p->a, &p->fix->edits))
        return refuse(p, STR("two changes fall on the same place"));
    if (p->fix->edits.len < planned && !still_parses(p))
        return refuse(p, STR("two changes fall on the same place"));
    check_batch(p, wishes);
    return true;
}

struct fix *fix_plan(struct arena *a, const struct pack *pack, const struct run *run,
                     const struct wishes *wishes, enum safety safety, struct str *why_not)
{
    struct plan p = {.a = a, .pack = pack, .run = run, .description = buf_new(a)};
    p.fix = arena_new(a, struct fix);
    p.fix->safety = safety;
    p.fix->reason = STR("");
    if (!plan_all(&p, wishes)) {
        if (why_not)
            *why_not = p.why_not;
        return NULL;
    }
    p.fix->description = buf_str(&p.description);
    p.fix->promise = promise_of(&p, wishes);
    return p.fix;
}
