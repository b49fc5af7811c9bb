/* Every list becomes a named static array that stands before what refers to it: a
 * function that writes a thing appends the arrays it needs to the output and gives back
 * the thing's own initialiser. */
#include "pack_write.h"

#include <assert.h>
#include <math.h>

#include "banned.h"

enum { LONGEST_LITERAL = 4000 }; /* C11 promises 4095 */

struct writer {
    struct arena *arena;
    struct buf *out;
    unsigned arrays;
};

/* --- texts --------------------------------------------------------------- */

static void add_literal(struct buf *b, struct str s)
{
    buf_byte(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        /* '?' too: two of them could start a trigraph. */
        if (c < ' ' || c > '~' || c == '"' || c == '\\' || c == '?')
            buf_printf(b, "\\%03o", c);
        else
            buf_byte(b, (char)c);
        if (i % 72 == 71)
            buf_cstr(b, "\"\n \"");
    }
    buf_byte(b, '"');
}

static struct str add_bytes(struct writer *w, struct str s)
{
    unsigned number = w->arrays++;
    buf_printf(w->out, "static const char a%u[] = {", number);
    for (size_t i = 0; i < s.len; i++)
        buf_printf(w->out, "%s%d,", i % 16 ? "" : "\n", (signed char)s.at[i]);
    buf_cstr(w->out, "0};\n");
    return arena_printf(w->arena, "{a%u, %zu}", number, s.len);
}

static struct str text(struct writer *w, struct str s)
{
    if (s.len > LONGEST_LITERAL)
        return add_bytes(w, s);
    struct buf b = buf_new(w->arena);
    buf_byte(&b, '{');
    add_literal(&b, s);
    buf_printf(&b, ", %zu}", s.len);
    return buf_str(&b);
}

/* --- arrays -------------------------------------------------------------- */

typedef struct str (*write_fn)(struct writer *w, const void *item);

/* Writes an array of COUNT items and gives the PACK_LIST's initialiser. */
static struct str array(struct writer *w, const char *type, const void *items, size_t count,
                        size_t size, write_fn write)
{
    if (!count)
        return STR("{NULL, 0}");
    struct buf b = buf_new(w->arena);
    for (size_t i = 0; i < count; i++) {
        buf_add(&b, write(w, (const char *)items + i * size));
        buf_cstr(&b, ",\n");
    }
    unsigned number = w->arrays++;
    buf_printf(w->out, "static const %s a%u[] = {\n", type, number);
    buf_add(w->out, buf_str(&b));
    buf_cstr(w->out, "};\n");
    return arena_printf(w->arena, "{a%u, %zu}", number, count);
}

#define ARRAY(w, type, list, write)                                                        \
    array((w), type, (list).at, (list).len, sizeof *(list).at, (write))

/* Names with initialisers: ".name = {...}, ". */
struct fields {
    struct writer *w;
    struct buf b;
};

static struct fields fields_of(struct writer *w)
{
    struct fields f = {w, buf_new(w->arena)};
    buf_byte(&f.b, '{');
    return f;
}

static void put(struct fields *f, const char *name, struct str initialiser)
{
    buf_printf(&f->b, ".%s = ", name);
    buf_add(&f->b, initialiser);
    buf_cstr(&f->b, ", ");
}

static void put_text(struct fields *f, const char *name, struct str s)
{
    put(f, name, text(f->w, s));
}

static void put_int(struct fields *f, const char *name, long long n)
{
    buf_printf(&f->b, ".%s = %lld, ", name, n);
}

static struct str number(struct arena *a, double x)
{
    assert(isfinite(x));
    return arena_printf(a, "%.17g", x);
}

static void put_double(struct fields *f, const char *name, double x)
{
    put(f, name, number(f->w->arena, x));
}

static struct str ended(struct fields *f)
{
    buf_byte(&f->b, '}');
    return buf_str(&f->b);
}

static struct str text_item(struct writer *w, const void *item)
{
    return text(w, *(const struct str *)item);
}

#define PUT_LIST(f, name, type, list, write)                                               \
    put((f), name, ARRAY((f)->w, type, list, write))
#define PUT_TEXTS(f, name, list) PUT_LIST(f, name, "struct str", list, text_item)

/* --- values and expressions ---------------------------------------------- */

static struct str value_item(struct writer *w, const void *item);

static struct str value(struct writer *w, struct value v)
{
    struct arena *a = w->arena;
    switch (v.kind) {
    case VALUE_BOOL:
        return arena_printf(a, "{VALUE_BOOL, {.boolean = %d}}", v.as.boolean);
    case VALUE_INT:
        if (v.as.integer == INT64_MIN)
            return STR("{VALUE_INT, {.integer = INT64_MIN}}");
        return arena_printf(a, "{VALUE_INT, {.integer = %lldLL}}", (long long)v.as.integer);
    case VALUE_FLOAT:
        return arena_printf(a, "{VALUE_FLOAT, {.real = %.17g}}", v.as.real);
    case VALUE_STRING: {
        struct str s = text(w, v.as.string);
        return arena_printf(a, "{VALUE_STRING, {.string = %.*s}}", STR_ARG(s));
    }
    case VALUE_LIST: {
        struct str s = ARRAY(w, "struct value", v.as.list, value_item);
        return arena_printf(a, "{VALUE_LIST, {.list = %.*s}}", STR_ARG(s));
    }
    default:
        return v.kind == VALUE_NULL ? STR("{VALUE_NULL, {0}}")
                                    : STR("{VALUE_UNKNOWN, {0}}");
    }
}

static struct str value_item(struct writer *w, const void *item)
{
    return value(w, *(const struct value *)item);
}

static struct str op_item(struct writer *w, const void *item)
{
    const struct expr_op *op = item;
    struct str constant = value(w, op->constant);
    return arena_printf(w->arena, "{%u, %u, %u, %.*s}", op->code, op->count, op->function,
                        STR_ARG(constant));
}

static struct str expr(struct writer *w, struct expr e)
{
    return array(w, "struct expr_op", e.at, e.len, sizeof *e.at, op_item);
}

static struct str piece_item(struct writer *w, const void *item)
{
    const struct piece *p = item;
    struct fields f = fields_of(w);
    put_text(&f, "text", p->text);
    put(&f, "expr", expr(w, p->expr));
    return ended(&f);
}

static struct str phrase(struct writer *w, struct phrase p)
{
    return array(w, "struct piece", p.at, p.len, sizeof *p.at, piece_item);
}

/* --- rules --------------------------------------------------------------- */

static struct str fact_item(struct writer *w, const void *item)
{
    return arena_printf(w->arena, "%d", (int)*(const enum fact_id *)item);
}

static struct str fact_target_item(struct writer *w, const void *item)
{
    const struct fact_target *t = item;
    struct fields f = fields_of(w);
    put_int(&f, "fact", t->fact);
    put(&f, "value", expr(w, t->value));
    return ended(&f);
}

static struct str unsafe_item(struct writer *w, const void *item)
{
    const struct unsafe_when *u = item;
    struct fields f = fields_of(w);
    put(&f, "when", expr(w, u->when));
    put(&f, "reason", phrase(w, u->reason));
    return ended(&f);
}

static struct str fix_spec(struct writer *w, const struct fix_spec *x)
{
    struct fields f = fields_of(w);
    put_int(&f, "safety", x->safety);
    put(&f, "description", phrase(w, x->description));
    PUT_LIST(&f, "set", "struct fact_target", x->set, fact_target_item);
    PUT_LIST(&f, "unsafe_when", "struct unsafe_when", x->unsafe_when, unsafe_item);
    put(&f, "setting_text", expr(w, x->setting_text));
    put_text(&f, "group", x->group);
    put(&f, "with", phrase(w, x->with));
    put_int(&f, "where", x->where);
    put_int(&f, "present", x->present);
    return ended(&f);
}

static struct str pattern_item(struct writer *w, const void *item)
{
    const struct source_pattern *p = item;
    struct fields f = fields_of(w);
    put_text(&f, "find", p->find);
    put_text(&f, "report", p->report);
    put_int(&f, "inside", p->inside);
    put_int(&f, "not_inside", p->not_inside);
    put_text(&f, "file_has", p->file_has);
    put_text(&f, "file_lacks", p->file_lacks);
    put_text(&f, "function_has", p->function_has);
    put_text(&f, "function_lacks", p->function_lacks);
    put_text(&f, "loop_has", p->loop_has);
    put_text(&f, "loop_lacks", p->loop_lacks);
    put_text(&f, "before_has", p->before_has);
    put_text(&f, "before_lacks", p->before_lacks);
    return ended(&f);
}

static struct str option_item(struct writer *w, const void *item)
{
    const struct rule_option *o = item;
    struct fields f = fields_of(w);
    put_text(&f, "name", o->name);
    put_text(&f, "help", o->help);
    put(&f, "value", value(w, o->value));
    return ended(&f);
}

static struct str example_item(struct writer *w, const void *item)
{
    const struct rule_example *e = item;
    struct fields f = fields_of(w);
    put_int(&f, "kind", e->kind);
    put_text(&f, "file", e->file);
    put_text(&f, "text", e->text);
    put_text(&f, "args", e->args);
    return ended(&f);
}

static void put_rule_texts(struct fields *f, const struct rule *r)
{
    put_text(f, "id", r->id);
    put_text(f, "code", r->code);
    put_text(f, "summary", r->summary);
    put_text(f, "why", r->why);
    put_text(f, "since", r->since);
    put_text(f, "pack", r->pack);
    PUT_TEXTS(f, "frameworks", r->frameworks);
    PUT_TEXTS(f, "not_frameworks", r->not_frameworks);
    PUT_TEXTS(f, "profiles", r->profiles);
    PUT_TEXTS(f, "sources", r->sources);
}

static struct str rule_item(struct writer *w, const void *item)
{
    const struct rule *r = item;
    struct fields f = fields_of(w);
    put_rule_texts(&f, r);
    put_int(&f, "severity", r->severity);
    put_int(&f, "thumb", r->thumb);
    put_int(&f, "preview", r->preview);
    put_int(&f, "scope", r->scope);
    put_int(&f, "per_gpu", r->per_gpu);
    put_int(&f, "languages", r->languages);
    put_int(&f, "at", r->at);
    put(&f, "when", expr(w, r->when));
    put(&f, "message", phrase(w, r->message));
    put(&f, "help", phrase(w, r->help));
    put(&f, "fix", fix_spec(w, &r->fix));
    PUT_LIST(&f, "related", "enum fact_id", r->related, fact_item);
    PUT_LIST(&f, "patterns", "struct source_pattern", r->patterns, pattern_item);
    PUT_LIST(&f, "options", "struct rule_option", r->options, option_item);
    PUT_LIST(&f, "examples", "struct rule_example", r->examples, example_item);
    return ended(&f);
}

/* --- frameworks ---------------------------------------------------------- */

static struct str value_map_item(struct writer *w, const void *item)
{
    const struct value_map *m = item;
    struct fields f = fields_of(w);
    put(&f, "written", value(w, m->written));
    put(&f, "fact", value(w, m->fact));
    put_text(&f, "why", m->why);
    return ended(&f);
}

static struct str binding_item(struct writer *w, const void *item)
{
    const struct binding *b = item;
    struct fields f = fields_of(w);
    put_text(&f, "key", b->key);
    put_int(&f, "fact", b->fact);
    PUT_LIST(&f, "values", "struct value_map", b->values, value_map_item);
    PUT_TEXTS(&f, "inside", b->inside);
    put(&f, "when", expr(w, b->when));
    put(&f, "compute", expr(w, b->compute));
    put_text(&f, "scope", b->scope);
    put_int(&f, "insertable", b->insertable);
    put_int(&f, "weight", b->weight);
    return ended(&f);
}

static struct str evidence_item(struct writer *w, const void *item)
{
    const struct evidence *e = item;
    struct fields f = fields_of(w);
    PUT_TEXTS(&f, "all_keys", e->all_keys);
    PUT_TEXTS(&f, "any_keys", e->any_keys);
    put_int(&f, "at_least", e->at_least);
    put_int(&f, "at_most", e->at_most);
    PUT_TEXTS(&f, "no_keys", e->no_keys);
    PUT_TEXTS(&f, "calls", e->calls);
    PUT_TEXTS(&f, "imports", e->imports);
    put_text(&f, "file", e->file);
    put_text(&f, "text", e->text);
    return ended(&f);
}

static struct str default_item(struct writer *w, const void *item)
{
    const struct fact_default *d = item;
    struct fields f = fields_of(w);
    put_int(&f, "fact", d->fact);
    put(&f, "value", value(w, d->value));
    put_text(&f, "why", d->why);
    put(&f, "when", expr(w, d->when));
    return ended(&f);
}

static struct str derived_item(struct writer *w, const void *item)
{
    const struct fact_rule *d = item;
    struct fields f = fields_of(w);
    put_int(&f, "fact", d->fact);
    put(&f, "value", expr(w, d->value));
    return ended(&f);
}

static struct str link_item(struct writer *w, const void *item)
{
    const struct link_spec *l = item;
    struct fields f = fields_of(w);
    put_text(&f, "key", l->key);
    put_int(&f, "how", l->how);
    put_text(&f, "cut", l->cut);
    put_int(&f, "climb", l->climb);
    return ended(&f);
}

static struct str framework_item(struct writer *w, const void *item)
{
    const struct framework *x = item;
    struct fields f = fields_of(w);
    put_text(&f, "id", x->id);
    put_text(&f, "summary", x->summary);
    put_int(&f, "languages", x->languages);
    put_int(&f, "loader", x->loader);
    put_int(&f, "priority", x->priority);
    put_int(&f, "generic", x->generic);
    put_int(&f, "habits", x->habits);
    PUT_LIST(&f, "evidence", "struct evidence", x->evidence, evidence_item);
    PUT_LIST(&f, "bindings", "struct binding", x->bindings, binding_item);
    PUT_LIST(&f, "defaults", "struct fact_default", x->defaults, default_item);
    PUT_LIST(&f, "derived", "struct fact_rule", x->derived, derived_item);
    PUT_LIST(&f, "links", "struct link_spec", x->links, link_item);
    PUT_TEXTS(&f, "sources", x->sources);
    return ended(&f);
}

/* --- profiles ------------------------------------------------------------ */

static struct str point_item(struct writer *w, const void *item)
{
    const struct limit_point *p = item;
    struct fields f = fields_of(w);
    put_double(&f, "vram_gb", p->vram_gb);
    put_double(&f, "value", p->value);
    return ended(&f);
}

static struct str limit_item(struct writer *w, const void *item)
{
    const struct limit *l = item;
    struct fields f = fields_of(w);
    put_text(&f, "name", l->name);
    PUT_LIST(&f, "points", "struct limit_point", l->points, point_item);
    put_int(&f, "scales", l->scales);
    put_text(&f, "origin", l->origin);
    return ended(&f);
}

static struct str fact_value_item(struct writer *w, const void *item)
{
    const struct fact_value *v = item;
    struct fields f = fields_of(w);
    put_int(&f, "fact", v->fact);
    put(&f, "value", value(w, v->value));
    return ended(&f);
}

static struct str preset_item(struct writer *w, const void *item)
{
    const struct preset *p = item;
    struct fields f = fields_of(w);
    put_text(&f, "name", p->name);
    put_text(&f, "summary", p->summary);
    put_double(&f, "vram_gb", p->vram_gb);
    PUT_LIST(&f, "facts", "struct fact_value", p->facts, fact_value_item);
    return ended(&f);
}

static struct str profile_item(struct writer *w, const void *item)
{
    const struct profile *p = item;
    struct fields f = fields_of(w);
    put_text(&f, "id", p->id);
    put_text(&f, "summary", p->summary);
    put_text(&f, "origin", p->origin);
    put_double(&f, "vram_gb", p->vram_gb);
    PUT_LIST(&f, "limits", "struct limit", p->limits, limit_item);
    PUT_LIST(&f, "wants", "struct fact_value", p->wants, fact_value_item);
    PUT_LIST(&f, "presets", "struct preset", p->presets, preset_item);
    return ended(&f);
}

static struct str change_item(struct writer *w, const void *item)
{
    const struct change *c = item;
    struct fields f = fields_of(w);
    put_text(&f, "id", c->id);
    put(&f, "name", phrase(w, c->name));
    put_int(&f, "effect", c->effect);
    put_int(&f, "cost", c->cost);
    put_int(&f, "repeat", c->repeat);
    put(&f, "when", expr(w, c->when));
    PUT_LIST(&f, "set", "struct fact_target", c->set, fact_target_item);
    PUT_LIST(&f, "unsafe_when", "struct unsafe_when", c->unsafe_when, unsafe_item);
    put_text(&f, "how", c->how);
    return ended(&f);
}

static struct str method_item(struct writer *w, const void *item)
{
    const struct method *m = item;
    struct fields f = fields_of(w);
    put_text(&f, "id", m->id);
    put_text(&f, "summary", m->summary);
    PUT_TEXTS(&f, "families", m->families);
    PUT_LIST(&f, "facts", "struct fact_value", m->facts, fact_value_item);
    return ended(&f);
}

/* --- catalogues ---------------------------------------------------------- */

static struct str gpu_item(struct writer *w, const void *item)
{
    const struct gpu *g = item;
    struct fields f = fields_of(w);
    put_text(&f, "id", g->id);
    put_text(&f, "name", g->name);
    PUT_TEXTS(&f, "aliases", g->aliases);
    put_double(&f, "vram_gb", g->vram_gb);
    put_int(&f, "driver_mib", g->driver_mib);
    put_int(&f, "driver_verified", g->driver_verified);
    put_double(&f, "bandwidth_gb_s", g->bandwidth_gb_s);
    put_int(&f, "capability", g->capability);
    put_text(&f, "architecture", g->architecture);
    put_int(&f, "bf16", g->bf16);
    put_int(&f, "fp16_tensor_cores", g->fp16_tensor_cores);
    put_int(&f, "fp8", g->fp8);
    put_int(&f, "tf32", g->tf32);
    put_int(&f, "laptop", g->laptop);
    put_int(&f, "shared_memory", g->shared_memory);
    put_text(&f, "notes", g->notes);
    put_text(&f, "source", g->source);
    return ended(&f);
}

static void put_numbers(struct fields *f, const char *name, const uint32_t *at,
                        size_t count)
{
    struct buf b = buf_new(f->w->arena);
    bool any = false;
    buf_cstr(&b, "{");
    for (size_t i = 0; i < count; i++) {
        buf_printf(&b, "%s%lu", i ? ", " : "", (unsigned long)at[i]);
        any = any || at[i] != 0;
    }
    buf_cstr(&b, "}");
    if (any)
        put(f, name, buf_str(&b));
}

static struct str model_item(struct writer *w, const void *item)
{
    const struct model *m = item;
    struct fields f = fields_of(w);
    put_text(&f, "name", m->name);
    if (m->aliases.len)
        PUT_TEXTS(&f, "aliases", m->aliases);
    put_text(&f, "family", m->family);
    put_int(&f, "parameters", (long long)m->parameters);
    /* clang-format off */
#define COUNT(name) {#name, m->name}
    const struct { const char *name; long long count; } counts[] = {
        COUNT(hidden), COUNT(layers), COUNT(heads), COUNT(kv_heads), COUNT(head_dim),
        COUNT(ffn), COUNT(vocab), COUNT(context), COUNT(decoder_layers), COUNT(experts),
        COUNT(active_experts), COUNT(tied_embeddings), COUNT(gated_mlp), COUNT(habits), COUNT(image),
        COUNT(saved_kib), COUNT(saved_amp_kib), COUNT(conv_kib), COUNT(batch_norm),
        COUNT(frames)};
#undef COUNT
    /* clang-format on */
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i].count != 0)
            put_int(&f, counts[i].name, counts[i].count);
    if (m->squared > 0)
        put_double(&f, "squared", m->squared);
    if (m->seconds > 0)
        put_double(&f, "seconds", m->seconds);
    if (m->frozen_parameters)
        put_int(&f, "frozen_parameters", (long long)m->frozen_parameters);
    if (m->rank_parameters)
        put_int(&f, "rank_parameters", (long long)m->rank_parameters);
    put_numbers(&f, "saved_lora_kib", m->saved_lora_kib, 2);
    put_numbers(&f, "checkpoint_kib", m->checkpoint_kib, 2);
    put_numbers(&f, "block_kib", m->block_kib, 2);
    put_text(&f, "source", m->source);
    return ended(&f);
}

static struct str component_item(struct writer *w, const void *item)
{
    const struct component *p = item;
    struct fields f = fields_of(w);
    put_text(&f, "name", p->name);
    if (p->aliases.len)
        PUT_TEXTS(&f, "aliases", p->aliases);
    put_int(&f, "kind", p->kind);
    put_int(&f, "parameters", (long long)p->parameters);
    put_int(&f, "channels", p->channels);
    put_numbers(&f, "stages", p->stages, COMPONENT_STAGES);
    put_numbers(&f, "stages_amp", p->stages_amp, COMPONENT_STAGES);
    put_numbers(&f, "stages_frozen", p->stages_frozen, COMPONENT_STAGES);
    put_numbers(&f, "conv", p->conv, COMPONENT_STAGES);
    put_numbers(&f, "dilated", p->dilated, 2);
    put_int(&f, "per_class", p->per_class);
    put_numbers(&f, "image", p->image, 2);
    put_numbers(&f, "sample", p->sample, 2);
    put_int(&f, "pyramid", p->pyramid);
    put_int(&f, "stride", p->stride);
    put_int(&f, "anchors", p->anchors);
    put_int(&f, "scores", p->scores);
    put_int(&f, "score_bytes", p->score_bytes);
    put_int(&f, "compared", p->compared);
    if (p->made_of.len)
        PUT_TEXTS(&f, "made_of", p->made_of);
    put_int(&f, "second_times", p->second_times);
    return ended(&f);
}

static struct str config_key_item(struct writer *w, const void *item)
{
    const struct config_key *k = item;
    struct fields f = fields_of(w);
    put_text(&f, "field", k->field);
    PUT_TEXTS(&f, "keys", k->keys);
    return ended(&f);
}

static struct str config_type_item(struct writer *w, const void *item)
{
    const struct config_type *t = item;
    struct fields f = fields_of(w);
    PUT_TEXTS(&f, "types", t->types);
    put_text(&f, "like", t->like);
    put_int(&f, "tied", t->tied);
    return ended(&f);
}

static struct str model_name_item(struct writer *w, const void *item)
{
    const struct model_name *n = item;
    struct str name = text(w, n->name);
    return arena_printf(w->arena, "{%.*s, %luu}", STR_ARG(name), (unsigned long)n->model);
}

void pack_write(struct buf *out, const struct pack *p)
{
    struct arena arena = {0};
    struct writer w = {&arena, out, 0};
    struct fields f = fields_of(&w);
    buf_cstr(out, "/* Made by packc from rules/; not to be edited. */\n"
                  "#include <stddef.h>\n#include \"pack.h\"\n\n");
    PUT_LIST(&f, "rules", "struct rule", p->rules, rule_item);
    PUT_LIST(&f, "frameworks", "struct framework", p->frameworks, framework_item);
    PUT_LIST(&f, "profiles", "struct profile", p->profiles, profile_item);
    PUT_LIST(&f, "methods", "struct method", p->methods, method_item);
    PUT_LIST(&f, "changes", "struct change", p->changes, change_item);
    PUT_LIST(&f, "batch_unsafe", "struct unsafe_when", p->batch_unsafe, unsafe_item);
    PUT_LIST(&f, "gpus", "struct gpu", p->gpus, gpu_item);
    PUT_LIST(&f, "models", "struct model", p->models, model_item);
    PUT_LIST(&f, "config_keys", "struct config_key", p->config_keys, config_key_item);
    PUT_LIST(&f, "config_types", "struct config_type", p->config_types, config_type_item);
    PUT_LIST(&f, "components", "struct component", p->components, component_item);
    PUT_LIST(&f, "model_names", "struct model_name", p->model_names, model_name_item);
    buf_cstr(out, "static const struct pack PACK = ");
    buf_add(out, ended(&f));
    buf_cstr(out, ";\n\nconst struct pack *pack_builtin(void)\n{\n    return &PACK;\n}\n");
    arena_free(&arena);
}
