/* The JSON documents of docs/JSON.md, built with cJSON so that escaping is its affair.
 * Columns are 1-based code points, offsets bytes, sizes bytes. Keys keep their order. */
#include "../source_cells.h"
#include "report.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdlib.h>

#include "../bind.h"
#include "../banned.h"

/* cJSON wants NUL-terminated text and passes bytes on as they are; names of files need
 * not be UTF-8. */
static cJSON *string_object(struct str s)
{
    struct arena scratch = {0};
    struct buf clean = buf_new(&scratch);
    for (size_t at = 0; at < s.len;) {
        unsigned n = source_sequence(s, at);
        if (n)
            buf_add(&clean, str_slice(s, at, at + n));
        else
            buf_cstr(&clean, "\xEF\xBF\xBD"); /* the replacement character */
        at += n ? n : 1;
    }
    buf_byte(&clean, '\0');
    cJSON *o = cJSON_CreateString(clean.at);
    arena_free(&scratch);
    return o;
}

static void add_str(cJSON *object, const char *key, struct str s)
{
    cJSON_AddItemToObject(object, key, string_object(s));
}

static void add_str_or_null(cJSON *object, const char *key, struct str s)
{
    if (s.len)
        add_str(object, key, s);
    else
        cJSON_AddNullToObject(object, key);
}

static void add_number(cJSON *object, const char *key, double n)
{
    cJSON_AddNumberToObject(object, key, n);
}

static void add_place(cJSON *object, struct source *source, uint32_t offset)
{
    uint32_t cell;
    struct place p = source_cells_place(source, offset, &cell);
    if (cell)
        add_number(object, "cell", cell);
    add_number(object, "line", p.line);
    add_number(object, "column", p.column);
}

static void add_span(cJSON *object, struct source *source, struct span span)
{
    add_place(object, source, span.from);
    uint32_t cell;
    struct place end = source_cells_place(source, span.to, &cell);
    add_number(object, "end_line", end.line);
    add_number(object, "end_column", end.column);
    add_number(object, "from", source_cells_offset(source, span.from));
    add_number(object, "to", source_cells_offset(source, span.to));
}

static void finish(struct buf *out, cJSON *document)
{
    char *text = cJSON_Print(document);
    if (!text) {
        cJSON_Delete(document);
        arena_fail_after(1);
        arena_alloc(out->arena, 1);
        return;
    }
    buf_cstr(out, text);
    buf_byte(out, '\n');
    cJSON_free(text);
    cJSON_Delete(document);
}

const char *report_json_library(void)
{
    return cJSON_Version();
}

/* --- check ---------------------------------------------------------------------- */

static void add_fix(cJSON *object, const struct fix *fix)
{
    if (!fix) {
        cJSON_AddNullToObject(object, "fix");
        return;
    }
    cJSON *f = cJSON_AddObjectToObject(object, "fix");
    cJSON_AddStringToObject(f, "safety", safety_name(fix->safety));
    add_str(f, "description", fix->description);
    add_str_or_null(f, "reason", fix->reason);
    cJSON *edits = cJSON_AddArrayToObject(f, "edits");
    struct arena scratch = {0};
    for (size_t i = 0; i < fix->edits.len; i++) {
        struct edit e;
        if (!source_cells_edit(&scratch, &fix->edits.at[i], &e))
            continue;
        cJSON *one = cJSON_CreateObject();
        add_str(one, "path", e.source->path);
        add_number(one, "from", e.span.from);
        add_number(one, "to", e.span.to);
        add_str(one, "text", e.text);
        cJSON_AddItemToArray(edits, one);
    }
    arena_free(&scratch);
}

static void add_url(cJSON *object, struct str rule)
{
    struct arena scratch = {0};
    add_str(object, "url", arena_printf(&scratch, "docs/RULES.md#%.*s", STR_ARG(rule)));
    arena_free(&scratch);
}

static cJSON *finding_object(const struct finding *f)
{
    cJSON *o = cJSON_CreateObject();
    add_str(o, "code", f->code);
    add_str(o, "rule", f->rule);
    cJSON_AddStringToObject(o, "severity", severity_name(f->severity));
    add_str(o, "message", f->message);
    add_str(o, "path", f->source->path);
    add_span(o, f->source, f->span);
    add_str(o, "run", f->run);
    add_str_or_null(o, "gpu", f->gpu);
    add_str_or_null(o, "help", f->help);
    add_url(o, f->rule);
    cJSON *related = cJSON_AddArrayToObject(o, "related");
    for (size_t i = 0; i < f->related.len; i++) {
        const struct related *r = &f->related.at[i];
        cJSON *one = cJSON_CreateObject();
        add_str(one, "path", r->source->path);
        add_place(one, r->source, r->span.from);
        add_str(one, "message", r->message);
        cJSON_AddItemToArray(related, one);
    }
    add_fix(o, f->fix);
    return o;
}

static void add_gpus(cJSON *document, const struct job *job)
{
    cJSON *gpus = cJSON_AddArrayToObject(document, "gpu");
    const struct targets *t = &job->groups.at[0]->targets;
    for (size_t i = 0; i < t->len; i++) {
        cJSON_AddItemToArray(gpus, string_object(t->at[i].id));
    }
}

void report_check_json(struct buf *out, const struct check_report *r)
{
    cJSON *d = cJSON_CreateObject();
    const struct profile *profile = r->job->groups.at[0]->context.profile;
    add_number(d, "version", 1);
    add_gpus(d, r->job);
    add_str_or_null(d, "profile", profile ? profile->id : (struct str){"", 0});
    cJSON *findings = cJSON_AddArrayToObject(d, "findings");
    struct arena scratch = {0};
    struct job_findings list = {0};
    job_findings(&scratch, r->job, &list);
    for (size_t i = 0; i < list.len; i++)
        cJSON_AddItemToArray(findings, finding_object(list.at[i].finding));
    arena_free(&scratch);
    cJSON *s = cJSON_AddObjectToObject(d, "summary");
    add_number(s, "files", (double)r->job->read);
    add_number(s, "runs", (double)r->counts.runs);
    add_number(s, "errors", (double)r->counts.errors);
    add_number(s, "warnings", (double)r->counts.warnings);
    add_number(s, "infos", (double)r->counts.infos);
    add_number(s, "fixed", (double)r->counts.fixed);
    finish(out, d);
}

/* --- settings -------------------------------------------------------------------- */

static cJSON *value_object(struct value v)
{
    cJSON *o = NULL;
    switch (v.kind) {
    case VALUE_UNKNOWN:
    case VALUE_NULL:
        return cJSON_CreateNull();
    case VALUE_BOOL:
        return cJSON_CreateBool(v.as.boolean);
    case VALUE_INT:
        return cJSON_CreateNumber((double)v.as.integer);
    case VALUE_FLOAT:
        return cJSON_CreateNumber(v.as.real);
    case VALUE_STRING:
        return string_object(v.as.string);
    case VALUE_LIST:
        o = cJSON_CreateArray();
        for (size_t i = 0; i < v.as.list.len; i++)
            cJSON_AddItemToArray(o, value_object(v.as.list.at[i]));
        return o;
    }
    assert(!"a kind of value without JSON");
    return NULL;
}

static void add_fact_place(cJSON *o, const struct unit *u, const struct fact *f)
{
    struct source *source = f->doc ? f->doc->source : NULL;
    if (!f->setting || !source) {
        static const char *const keys[] = {"key",    "written", "path",        "line",
                                           "column", "from",    "written_path", "to"};
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (i == 2)
                add_str(o, keys[i], u->source.path);
            else
                cJSON_AddNullToObject(o, keys[i]);
        return;
    }
    const struct setting *key = f->named ? f->named->setting : f->setting;
    struct source *named = f->named ? f->named->doc->source : source;
    add_str(o, "key", key->path);
    add_str(o, "written", source_quote(source, f->setting->value_span));
    add_str(o, "path", named->path);
    add_place(o, named, key->key_span.from);
    add_str(o, "written_path", source->path); /* where `from` and `to` count */
    add_number(o, "from", source_cells_offset(source, f->setting->value_span.from));
    add_number(o, "to", source_cells_offset(source, f->setting->value_span.to));
}

/* From the run's own file to the one that holds the fact. */
static void add_chain(cJSON *list, const struct link_step *step)
{
    if (!step)
        return;
    add_chain(list, step->from);
    cJSON *one = cJSON_CreateObject();
    add_str(one, "path", step->doc->source->path);
    add_place(one, step->doc->source, step->setting->value_span.from);
    add_str(one, "written", source_quote(step->doc->source, step->setting->value_span));
    cJSON_AddItemToArray(list, one);
}

static cJSON *fact_object(const struct unit *u, const struct run *run, const struct fact *f)
{
    cJSON *o = cJSON_CreateObject();
    const struct fact_info *info = fact_info(f->id);
    add_str(o, "fact", info->name);
    cJSON_AddItemToObject(o, "value", value_object(f->value));
    add_str_or_null(o, "why", f->why);
    add_str_or_null(o, "unit", info->unit);
    add_fact_place(o, u, f);
    add_str_or_null(o, "scope", f->scope);
    cJSON_AddStringToObject(o, "origin", origin_name(f->origin));
    cJSON_AddBoolToObject(o, "decides", run->best[f->id] == (int32_t)(f - run->facts.at));
    add_chain(cJSON_AddArrayToObject(o, "chain"), f->chain);
    return o;
}

static cJSON *run_object(const struct unit *u, const struct run *run)
{
    cJSON *o = cJSON_CreateObject();
    add_str(o, "name", run->name);
    cJSON *facts = cJSON_AddArrayToObject(o, "facts");
    for (size_t i = 0; i < run->facts.len; i++)
        cJSON_AddItemToArray(facts, fact_object(u, run, &run->facts.at[i]));
    return o;
}

static void add_unknown(cJSON *file, const struct job *job, struct unit *u)
{
    struct settings unknown = {0};
    bind_unknown(&u->arena, job->pack, &u->doc, &u->runs, &unknown);
    cJSON *list = cJSON_AddArrayToObject(file, "unknown");
    for (size_t i = 0; i < unknown.len; i++) {
        cJSON *one = cJSON_CreateObject();
        add_str(one, "key", unknown.at[i]->path);
        add_place(one, &u->source, unknown.at[i]->key_span.from);
        cJSON_AddItemToArray(list, one);
    }
}

void report_settings_json(struct buf *out, const struct job *job, bool unknown)
{
    cJSON *d = cJSON_CreateObject();
    add_number(d, "version", 1);
    cJSON *files = cJSON_AddArrayToObject(d, "files");
    for (size_t i = 0; i < job->files.len; i++) {
        struct unit *u = job->files.at[i].unit;
        const struct group *g = job->files.at[i].group;
        cJSON *file = cJSON_CreateObject();
        const struct framework *fw = u->runs.len ? u->runs.at[0].framework : NULL;
        add_str(file, "path", u->source.path);
        cJSON_AddStringToObject(file, "language", language_name(source_cells_language(&u->source)));
        cJSON_AddStringToObject(
            file, "loader",
            loader_name(
                bind_loader(job->pack, &u->doc, g->has_loader ? &g->loader : NULL)));
        add_str_or_null(file, "framework", fw ? fw->id : (struct str){"", 0});
        cJSON_AddBoolToObject(file, "part", u->part);
        cJSON *runs = cJSON_AddArrayToObject(file, "runs");
        for (size_t k = 0; k < u->runs.len; k++)
            cJSON_AddItemToArray(runs, run_object(u, &u->runs.at[k]));
        if (unknown)
            add_unknown(file, job, u);
        cJSON_AddItemToArray(files, file);
    }
    finish(out, d);
}

/* --- estimate --------------------------------------------------------------------- */

static void add_model(cJSON *o, const struct estimate *e)
{
    if (!e->known) {
        cJSON_AddNullToObject(o, "model");
        return;
    }
    cJSON *m = cJSON_AddObjectToObject(o, "model");
    add_str_or_null(m, "name", e->model.name);
    add_str(m, "family", e->model.family);
    add_number(m, "parameters", (double)e->model.parameters);
    add_number(m, "trainable", (double)e->model.trainable);
}

static void add_bytes(cJSON *o, const struct estimate *e)
{
    if (!e->known) {
        cJSON_AddNullToObject(o, "bytes");
        return;
    }
    cJSON *b = cJSON_AddObjectToObject(o, "bytes");
    add_number(b, "weights", (double)e->weights);
    add_number(b, "gradients", (double)e->gradients);
    add_number(b, "optimizer", (double)e->optimizer);
    add_number(b, "activations", (double)e->activations);
    add_number(b, "logits", (double)e->logits);
    add_number(b, "workspace", (double)e->workspace);
    add_number(b, "context", (double)e->context);
    add_number(b, "slack", (double)e->slack);
    add_number(b, "cache", (double)e->cache);
    add_number(b, "total", (double)e->total);
    add_number(b, "low", (double)e->low);
    add_number(b, "high", (double)e->high);
    add_number(b, "usable", (double)e->usable);
}

static void add_batch(cJSON *batch, const char *key, uint64_t n, bool known)
{
    if (known)
        add_number(batch, key, (double)n);
    else
        cJSON_AddNullToObject(batch, key);
}

static void add_card(cJSON *o, const struct target *t)
{
    cJSON *card = cJSON_AddObjectToObject(o, "card");
    add_number(card, "nominal", t->vram_gb * 1073741824.0);
    add_number(card, "shown", (double)t->shown_bytes);
    add_number(card, "reserved", (double)t->reserved_bytes);
    add_number(card, "usable", (double)t->usable_bytes);
}

static void add_devices(cJSON *o, const struct estimate *e)
{
    cJSON *list = cJSON_AddArrayToObject(o, "devices");
    for (size_t i = 0; e->devices_open && i < MEMORY_DEVICE_COUNTS; i++) {
        const struct device_estimate *d = &e->by_devices[i];
        cJSON *one = cJSON_CreateObject();
        add_number(one, "devices", (double)d->devices);
        add_number(one, "total", (double)d->total);
        add_number(one, "low", (double)d->low);
        add_number(one, "high", (double)d->high);
        cJSON_AddStringToObject(one, "verdict", verdict_name(d->verdict));
        cJSON_AddItemToArray(list, one);
    }
}

static void add_lengths(cJSON *o, const struct estimate *e)
{
    cJSON *list = cJSON_AddArrayToObject(o, "lengths");
    for (int i = 0; e->length_open && i < MEMORY_LENGTHS; i++) {
        cJSON *one = cJSON_CreateObject();
        add_number(one, "max_seq_len", (double)(MEMORY_FIRST_LENGTH << i));
        add_number(one, "total", (double)e->by_length[i]);
        cJSON_AddItemToArray(list, one);
    }
}

static void add_advices(cJSON *o, const struct advices *all)
{
    cJSON *list = cJSON_AddArrayToObject(o, "advice");
    for (size_t i = 0; i < all->len; i++) {
        const struct advice *x = &all->at[i];
        cJSON *one = cJSON_CreateObject();
        add_str(one, "change", x->change->id);
        add_str(one, "text", x->text);
        add_str_or_null(one, "written", x->written);
        cJSON_AddStringToObject(one, "effect", effect_name(x->change->effect));
        add_number(one, "saves", (double)x->saves);
        add_number(one, "total", (double)x->total);
        add_number(one, "low", (double)x->low);
        add_number(one, "high", (double)x->high);
        cJSON_AddStringToObject(one, "verdict", verdict_name(x->verdict));
        cJSON_AddStringToObject(one, "safety", safety_name(x->safety));
        add_str_or_null(one, "reason", x->reason);
        cJSON_AddItemToArray(list, one);
    }
}

static cJSON *estimate_object(const struct estimated *one)
{
    const struct estimate *e = &one->estimate;
    cJSON *o = cJSON_CreateObject();
    add_str(o, "path", one->file->unit->source.path);
    add_str(o, "run", one->run->name);
    add_str(o, "gpu", one->target->id);
    add_card(o, one->target);
    add_model(o, e);
    add_bytes(o, e);
    if (e->known)
        cJSON_AddStringToObject(o, "peak_at", moment_name(e->peak_at));
    else
        cJSON_AddNullToObject(o, "peak_at");
    cJSON_AddStringToObject(o, "verdict", verdict_name(e->verdict));
    cJSON *batch = cJSON_AddObjectToObject(o, "batch");
    add_batch(batch, "current", e->batch_current, e->batch_current > 0);
    bool says = e->known && !(e->devices_open && e->verdict == VERDICT_UNKNOWN);
    add_batch(batch, "maximum", e->batch_maximum, says);
    add_batch(batch, "recommended", e->batch_recommended, says);
    add_batch(batch, "safe", e->batch_safe, says);
    add_devices(o, e);
    add_lengths(o, e);
    add_advices(o, &one->advices);
    cJSON *assumptions = cJSON_AddArrayToObject(o, "assumptions");
    for (size_t i = 0; i < e->assumptions.len; i++) {
        cJSON_AddItemToArray(assumptions, string_object(e->assumptions.at[i]));
    }
    cJSON *limits = cJSON_AddObjectToObject(o, "limits");
    for (size_t i = 0; i < one->thumbs.len; i++) {
        struct arena scratch = {0};
        add_number(limits, arena_str(&scratch, one->thumbs.at[i].name).at,
                   one->thumbs.at[i].value);
        arena_free(&scratch);
    }
    return o;
}

void report_estimates_json(struct buf *out, const struct estimated_list *list)
{
    cJSON *d = cJSON_CreateObject();
    add_number(d, "version", 1);
    cJSON *estimates = cJSON_AddArrayToObject(d, "estimates");
    for (size_t i = 0; i < list->len; i++)
        cJSON_AddItemToArray(estimates, estimate_object(&list->at[i]));
    finish(out, d);
}

/* --- fit -------------------------------------------------------------------------- */

static void add_set(cJSON *o, const struct advise_set *set)
{
    if (!set->needed || !set->found) {
        cJSON_AddNullToObject(o, "changes");
        return;
    }
    cJSON *c = cJSON_AddObjectToObject(o, "changes");
    add_str(c, "text", set->text);
    cJSON_AddStringToObject(c, "effect", effect_name(set->effect));
    add_number(c, "before", (double)set->before);
    add_number(c, "after", (double)set->after);
    add_number(c, "high", (double)set->high);
    cJSON_AddStringToObject(c, "verdict", verdict_name(set->verdict_after));
}

static cJSON *fit_row_object(const struct fit_row *row)
{
    cJSON *o = cJSON_CreateObject();
    cJSON *ids = cJSON_AddArrayToObject(o, "gpus");
    for (size_t i = 0; i < row->ids.len; i++)
        cJSON_AddItemToArray(ids, string_object(row->ids.at[i]));
    add_number(o, "usable", (double)row->target->usable_bytes);
    add_bytes(o, &row->estimate);
    cJSON_AddStringToObject(o, "verdict", verdict_name(row->estimate.verdict));
    add_set(o, &row->set);
    return o;
}

static cJSON *fitted_run_object(const struct fitted_run *r)
{
    cJSON *o = cJSON_CreateObject();
    add_str(o, "path", r->file->unit->source.path);
    add_str(o, "run", r->run->name);
    cJSON *rows = cJSON_AddArrayToObject(o, "cards");
    for (size_t i = 0; i < r->rows.len; i++)
        cJSON_AddItemToArray(rows, fit_row_object(&r->rows.at[i]));
    return o;
}

static cJSON *fitted_model_object(const struct fitted_model *m)
{
    cJSON *o = cJSON_CreateObject();
    add_str(o, "gpu", m->target->id);
    add_str(o, "model", m->model->name);
    add_str(o, "family", m->model->family);
    add_number(o, "parameters", (double)m->model->parameters);
    cJSON *ways = cJSON_AddArrayToObject(o, "methods");
    for (size_t i = 0; i < m->cells.len; i++) {
        const struct estimate *e = &m->cells.at[i].estimate;
        cJSON *way = cJSON_CreateObject();
        add_str(way, "method", m->cells.at[i].method->id);
        add_number(way, "total", (double)e->total);
        add_number(way, "low", (double)e->low);
        add_number(way, "high", (double)e->high);
        add_number(way, "maximum", (double)e->batch_maximum);
        add_number(way, "recommended", (double)e->batch_recommended);
        add_number(way, "safe", (double)e->batch_safe);
        cJSON_AddItemToArray(ways, way);
    }
    return o;
}

void report_fit_json(struct buf *out, const struct fit_report *r)
{
    cJSON *d = cJSON_CreateObject();
    add_number(d, "version", 1);
    cJSON *runs = cJSON_AddArrayToObject(d, "runs");
    for (size_t i = 0; i < r->runs.len; i++)
        cJSON_AddItemToArray(runs, fitted_run_object(&r->runs.at[i]));
    cJSON *models = cJSON_AddArrayToObject(d, "models");
    for (size_t i = 0; i < r->models.len; i++)
        cJSON_AddItemToArray(models, fitted_model_object(&r->models.at[i]));
    finish(out, d);
}
