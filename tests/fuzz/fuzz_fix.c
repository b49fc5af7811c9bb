/* The rewriter's laws (docs/REWRITING.md) over any bytes, for libFuzzer, AFL++ and replay.c.
 * The first byte says the language (`y`, `j`, `p`, ...), the second what is asked for (a
 * digit, row of MODES); the rest is the file. A law that breaks is told and ends the
 * process. Nothing here is taken over from fix_compare: settings are compared by the place
 * at which they must stand afterwards. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "fix.h"
#include "gpu.h"
#include "job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    char letter;
    enum language language;
    const char *path;
} LANGUAGES[] = {
    {'y', LANGUAGE_YAML, "configs/train.yaml"},
    {'j', LANGUAGE_JSON, "configs/train.json"},
    {'p', LANGUAGE_PYTHON, "configs/train.py"},
    {'s', LANGUAGE_SHELL, "configs/train.sh"},
    {'t', LANGUAGE_TOML, "configs/train.toml"},
};

static const struct {
    const char *profile, *preset; /* "" for none */
    bool unsafe_too;
} MODES[] = {
    {"cnn-lstm", "", false},     {"cnn-lstm", "", true},          {"throughput", "", true},
    {"video", "", true},         {"cnn-lstm", "production", false},
    {"cnn-lstm", "conservative", true}, {"", "", false},          {"sequence", "", true},
};

enum { MOST_TRIALS = 6 }; /* fixes of one file that are tried alone */
#define COUNT(list) (sizeof(list) / sizeof *(list))

/* One input and the invocation it stands for. */
struct world {
    struct arena arena;
    struct options options;
    struct config config;
    struct group group;
    struct job job;
    struct unit named; /* for job_relint: path and language */
    struct unit *unit;
    struct job_file file;
    bool unsafe_too;
};

static void broken_law(const struct world *w, const char *law, struct str detail,
                       struct str after)
{
    fprintf(stderr, "law broken: %s: %.*s\n--- before\n%.*s\n--- after\n%.*s\n---\n", law,
            STR_ARG(detail), STR_ARG(w->unit->source.text), STR_ARG(after));
    abort();
}

/* --- what is asked for -------------------------------------------------------- */

static void set_mode(struct world *w, uint8_t byte)
{
    size_t mode = byte >= '0' ? (size_t)(byte - '0') % COUNT(MODES) : byte % COUNT(MODES);
    struct str profile = str_from(MODES[mode].profile);
    w->options.preset = str_from(MODES[mode].preset);
    w->unsafe_too = MODES[mode].unsafe_too;
    w->group.context.profile_chosen = profile.len > 0;
    if (!profile.len)
        profile = STR("cnn-lstm");
    w->group.context.profile = pack_find_profile(w->job.pack, profile);
}

static void set_up(struct world *w, uint8_t mode)
{
    struct err err;
    struct target target;
    *w = (struct world){0};
    w->job.arena = &w->arena;
    w->job.options = &w->options;
    w->job.pack = pack_builtin();
    if (!gpu_target(&w->arena, w->job.pack, STR("12GB"), &target, &err))
        abort();
    vec_push(&w->arena, &w->group.targets, target);
    w->group.config = &w->config;
    w->group.context.pack = w->job.pack;
    w->group.context.targets = &w->group.targets;
    w->group.context.settings = &w->group.rules;
    w->group.context.options = &w->config.options;
    set_mode(w, mode);
    w->file = (struct job_file){.unit = &w->named, .group = &w->group, .problems = true};
}

static struct unit *relint(void *context, struct str text,
                           const struct replacements *others)
{
    const struct world *w = context;
    return job_relint(&w->job, &w->file, text, others);
}

/* --- laws of a tree ----------------------------------------------------------- */

static void check_spans(const struct world *w, const struct unit *u)
{
    struct str text = u->source.text;
    for (size_t i = 0; i < u->doc.tree.all.len; i++) {
        const struct setting *s = u->doc.tree.all.at[i];
        if (s->id != i || s->value_span.from > s->value_span.to ||
            s->value_span.to > text.len || s->key_span.from > s->key_span.to ||
            s->key_span.to > text.len)
            broken_law(w, "a span lies inside of the file", s->path, text);
    }
    for (size_t i = 0; i < u->findings.len; i++)
        if (u->findings.at[i].span.from > u->findings.at[i].span.to ||
            u->findings.at[i].span.to > text.len)
            broken_law(w, "a finding lies inside of the file", u->findings.at[i].message,
                       text);
}

static void check_batches(const struct world *w, const struct unit *x, const struct unit *y)
{
    for (size_t i = 0; i < x->runs.len && i < y->runs.len; i++) {
        double was, is;
        bool known = run_effective_batch(&x->runs.at[i], &was);
        if (known != run_effective_batch(&y->runs.at[i], &is) || (known && was != is))
            broken_law(w, "the effective batch stays", x->runs.at[i].name, y->source.text);
    }
    if (x->runs.len != y->runs.len)
        broken_law(w, "the runs stay", STR(""), y->source.text);
}

/* --- laws of one fix ---------------------------------------------------------- */

/* Where offset AT, outside of every edit, stands afterwards. */
static uint32_t moved(const struct edits *edits, uint32_t at)
{
    int64_t shift = 0;
    for (size_t i = 0; i < edits->len; i++) {
        const struct edit *e = &edits->at[i];
        if (e->span.to <= at)
            shift += (int64_t)e->text.len - (int64_t)(e->span.to - e->span.from);
    }
    return (uint32_t)(at + shift);
}

static bool clear_of(const struct edits *edits, struct span span)
{
    for (size_t i = 0; i < edits->len; i++)
        if (edits->at[i].span.from <= span.to && span.from <= edits->at[i].span.to)
            return false;
    return true;
}

static bool same_setting(const struct setting *x, const struct setting *y)
{
    unsigned twice = SETTING_OVERRIDDEN | SETTING_DUPLICATE;
    return str_eq(x->path, y->path) && str_eq(x->text, y->text) && x->style == y->style &&
           str_eq(x->tag, y->tag) && (x->flags & twice) == (y->flags & twice) &&
           x->value.kind == y->value.kind;
}

static const struct setting *setting_at(const struct unit *u, struct span value)
{
    for (size_t i = 0; i < u->doc.tree.all.len; i++) {
        const struct setting *s = u->doc.tree.all.at[i];
        bool alias = s->flags & SETTING_ALIAS;
        if (s->kind == SETTING_SCALAR && !alias && s->value_span.from == value.from &&
            s->value_span.to == value.to)
            return s;
    }
    return NULL;
}

static void check_others(const struct world *w, const struct edits *edits,
                         const struct unit *before, const struct unit *after)
{
    for (size_t i = 0; i < before->doc.tree.all.len; i++) {
        const struct setting *s = before->doc.tree.all.at[i];
        struct span v = s->value_span;
        if (s->kind != SETTING_SCALAR || s->flags & SETTING_ALIAS || v.from == v.to ||
            s->style == STYLE_CODE || !clear_of(edits, v) || !clear_of(edits, s->key_span))
            continue;
        v = (struct span){moved(edits, v.from), moved(edits, v.to)};
        const struct setting *now = setting_at(after, v);
        const struct setting *same_place = setting_at(before, s->value_span);
        if (same_place == s && (!now || !same_setting(s, now)))
            broken_law(w, "other settings stay", s->path, after->source.text);
    }
}

/* Edits taken back give the bytes there were. */
static void check_reverse(const struct world *w, const struct unit *before,
                          const struct edits *edits, struct unit *after)
{
    struct arena a = {0};
    struct edits back = {0};
    for (size_t i = 0; i < edits->len; i++) {
        const struct edit *e = &edits->at[i];
        uint32_t from = moved(edits, e->span.from);
        /* An insertion at its own offset has moved that offset already. */
        if (e->span.from == e->span.to)
            from -= (uint32_t)e->text.len;
        struct span gone = {from, from + (uint32_t)e->text.len};
        vec_push(&a, &back,
                 ((struct edit){&after->source, gone,
                                source_quote(&before->source, e->span)}));
    }
    if (!str_eq(fix_apply(&a, &after->source, &back), before->source.text))
        broken_law(w, "an edit can be taken back", STR(""), after->source.text);
    arena_free(&a);
}

static void try_fix(struct world *w, const struct finding *f)
{
    const struct fix *fix = f->fix;
    struct err err;
    bool unsafe = fix->safety != FIX_SAFE;
    struct str text = fix_apply(&w->arena, &w->unit->source, &fix->edits);
    if (!fix_verify(w->job.pack, w->unit, text, &fix->edits, unsafe, &err))
        return;
    struct unit *after = relint(w, text, NULL);
    check_spans(w, after);
    if (after->doc.broken)
        broken_law(w, "the result parses", f->code, text);
    check_others(w, &fix->edits, w->unit, after);
    check_reverse(w, w->unit, &fix->edits, after);
    if (!unsafe)
        check_batches(w, w->unit, after);
    arena_free(&after->arena);
}

static void try_fixes(struct world *w)
{
    size_t tried = 0;
    for (size_t i = 0; i < w->unit->findings.len && tried < MOST_TRIALS; i++) {
        const struct fix *fix = w->unit->findings.at[i].fix;
        if (!fix || !fix->edits.len)
            continue;
        if (w->unit->doc.broken)
            broken_law(w, "a broken file has no fix", w->unit->findings.at[i].code, STR(""));
        tried++;
        try_fix(w, &w->unit->findings.at[i]);
    }
}

/* --- laws of the whole file ---------------------------------------------------- */

static void check_again(struct world *w, const struct fix_job *job, struct str text)
{
    struct fix_result again;
    struct unit *unit = relint(w, text, NULL);
    fix_unit(&w->arena, job, unit, &again);
    if (!str_eq(again.text, text))
        broken_law(w, "a second run changes nothing", text, again.text);
    if (again.unit != unit)
        arena_free(&again.unit->arena);
    arena_free(&unit->arena);
}

static void fix_whole(struct world *w)
{
    struct fix_job job = {w->unsafe_too, relint, w, NULL};
    struct fix_result result;
    fix_unit(&w->arena, &job, w->unit, &result);
    check_spans(w, result.unit);
    bool changed = !str_eq(result.text, w->unit->source.text);
    if (changed && !result.applied.len)
        broken_law(w, "what changes is told", STR(""), result.text);
    if (changed && result.unit->doc.broken)
        broken_law(w, "the result parses", STR(""), result.text);
    if (changed && !w->unsafe_too)
        check_batches(w, w->unit, result.unit);
    if (changed)
        check_again(w, &job, result.text);
    if (result.unit != w->unit)
        arena_free(&result.unit->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return -1;
    size_t row = data[0] % COUNT(LANGUAGES);
    for (size_t i = 0; i < COUNT(LANGUAGES); i++)
        if ((char)data[0] == LANGUAGES[i].letter)
            row = i;
    struct world w;
    set_up(&w, data[1]);
    /* A copy that ends where the text ends, so that a byte read behind it is noticed. */
    char *copy = malloc(size - 2 ? size - 2 : 1);
    for (size_t i = 2; copy && i < size; i++)
        copy[i - 2] = (char)data[i];
    source_init(&w.named.source, &w.arena, str_from(LANGUAGES[row].path), STR(""),
                LANGUAGES[row].language);
    w.unit = relint(&w, (struct str){copy, size - 2}, NULL);
    check_spans(&w, w.unit);
    try_fixes(&w);
    fix_whole(&w);
    arena_free(&w.unit->arena);
    arena_free(&w.arena);
    free(copy);
    return 0;
}
