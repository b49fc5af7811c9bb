/* What gpulint knows, printed from its tables: rules, GPUs, models, presets. Markdown is
 * used where a page is made of it, so that docs/ can be printed by the binary. */
#include <stdio.h>

#include "../match.h"
#include "cmd.h"

#include "../banned.h"

static int with_pack(struct arena *a, const struct options *o,
                     bool (*print)(struct buf *, const struct pack *, const struct options *,
                                   struct err *))
{
    const struct pack *pack;
    struct err err;
    struct buf out = buf_new(a);
    if (!job_pack(a, o, &pack, &err) || !print(&out, pack, o, &err))
        return cmd_trouble(&err);
    return cmd_print(buf_str(&out)) ? EXIT_CLEAN : EXIT_TROUBLE;
}

/* --- rules --------------------------------------------------------------------- */

static void print_examples(struct buf *out, const struct rule *r)
{
    static const char *const titles[] = {"Fires on", "Silent on", "Silent, though it looks alike"};
    for (uint32_t i = 0; i < r->examples.len; i++) {
        const struct rule_example *e = &r->examples.at[i];
        const char *suffix = language_name(language_of_path(e->file));
        buf_printf(out, "\n%s (`%.*s`%s%.*s):\n\n```%s\n%.*s%s```\n", titles[e->kind],
                   STR_ARG(e->file), e->args.len ? ", " : "", STR_ARG(e->args), suffix,
                   STR_ARG(e->text), str_ends(e->text, STR("\n")) ? "" : "\n");
    }
}

static void print_rule(struct buf *out, const struct rule *r)
{
    static const char *const safeties[] = {"safe (--fix)", "unsafe (--unsafe-fixes)",
                                           "described, never applied"};
    buf_printf(out, "## %.*s\n\n**%.*s** %s%s\n\n%.*s.\n\n%.*s\n", STR_ARG(r->id),
               STR_ARG(r->code), severity_name(r->severity),
               r->thumb ? ", info while no profile is chosen" : "", STR_ARG(r->summary),
               STR_ARG(str_trim(r->why)));
    if (r->fix.present)
        buf_printf(out, "\nFix: %s.\n", safeties[r->fix.safety]);
    for (uint32_t i = 0; i < r->options.len; i++) {
        buf_printf(out, "\nOption `%.*s`, default ", STR_ARG(r->options.at[i].name));
        value_print(out, r->options.at[i].value);
        buf_printf(out, ": %.*s\n", STR_ARG(r->options.at[i].help));
    }
    print_examples(out, r);
    buf_cstr(out, "\nSources:");
    for (uint32_t i = 0; i < r->sources.len; i++)
        buf_printf(out, "%s %.*s", i ? ";" : "", STR_ARG(r->sources.at[i]));
    buf_byte(out, '\n');
}

static bool explain(struct buf *out, const struct pack *pack, const struct options *o,
                    struct err *err)
{
    for (size_t i = 0; i < o->paths.len; i++) {
        struct str name = o->paths.at[i];
        const struct rule *r = pack_find_rule(pack, name);
        bool all = str_eq(name, STR("ALL"));
        if (!r && !all)
            return err_set(err, "no rule '%.*s'; see gpulint rules", STR_ARG(name));
        for (uint32_t k = 0; k < pack->rules.len; k++)
            if (all || r == &pack->rules.at[k]) {
                if (out->len)
                    buf_byte(out, '\n');
                print_rule(out, &pack->rules.at[k]);
            }
    }
    return true;
}

int cmd_explain(struct arena *a, const struct options *o)
{
    return with_pack(a, o, explain);
}

static bool print_rules(struct buf *out, const struct pack *pack, const struct options *o,
                        struct err *err)
{
    (void)o;
    (void)err;
    for (uint32_t i = 0; i < pack->rules.len; i++) {
        const struct rule *r = &pack->rules.at[i];
        buf_printf(out, "%.*s  %-34.*s %-8s%c %.*s\n", STR_ARG(r->code), STR_ARG(r->id),
                   severity_name(r->severity), r->fix.present && r->fix.safety == FIX_SAFE ? 'F' : ' ',
                   STR_ARG(r->summary));
    }
    return true;
}

int cmd_rules(struct arena *a, const struct options *o)
{
    return with_pack(a, o, print_rules);
}

/* --- catalogues ------------------------------------------------------------------- */

static bool wanted(const struct options *o, struct str name)
{
    for (size_t i = 0; i < o->paths.len; i++) {
        struct str word = o->paths.at[i];
        bool hit = false;
        for (size_t k = 0; k + word.len <= name.len && !hit; k++)
            hit = str_eq_nocase(str_slice(name, k, k + word.len), word);
        if (!hit)
            return false;
    }
    return true;
}

static const char *tri(enum tristate t)
{
    return t == TRI_YES ? "yes" : t == TRI_NO ? "no" : "?";
}

static bool print_gpus(struct buf *out, const struct pack *pack, const struct options *o,
                       struct err *err)
{
    (void)err;
    buf_printf(out, "%-30s %9s %11s %7s  %-5s %-5s %s\n", "gpu", "VRAM GB", "driver MiB",
               "compute", "bf16", "fp8", "name");
    for (uint32_t i = 0; i < pack->gpus.len; i++) {
        const struct gpu *g = &pack->gpus.at[i];
        if (!wanted(o, g->id) && !wanted(o, g->name))
            continue;
        buf_printf(out, "%-30.*s %9g ", STR_ARG(g->id), g->vram_gb);
        if (g->driver_mib)
            buf_printf(out, "%10u%s", g->driver_mib, g->driver_verified ? " " : "?");
        else
            buf_printf(out, "%10s ", "-");
        if (g->capability)
            buf_printf(out, " %5u.%u", g->capability / 10u, g->capability % 10u);
        else
            buf_printf(out, " %7s", "-");
        buf_printf(out, "  %-5s %-5s %.*s\n", tri(g->bf16), tri(g->fp8), STR_ARG(g->name));
    }
    buf_cstr(out, "\n? behind a figure: not verified. A class such as 12GB stands for any card of that size.\n");
    return true;
}

int cmd_gpus(struct arena *a, const struct options *o)
{
    return with_pack(a, o, print_gpus);
}

static bool print_models(struct buf *out, const struct pack *pack, const struct options *o,
                         struct err *err)
{
    (void)err;
    for (uint32_t i = 0; i < pack->models.len; i++) {
        const struct model *m = &pack->models.at[i];
        if (!wanted(o, m->name))
            continue;
        buf_printf(out, "%-48.*s %-16.*s ", STR_ARG(m->name), STR_ARG(m->family));
        report_count(out, m->parameters);
        buf_byte(out, '\n');
    }
    return true;
}

int cmd_models(struct arena *a, const struct options *o)
{
    return with_pack(a, o, print_models);
}

/* --- profiles ---------------------------------------------------------------------- */

static void print_facts(struct buf *out, const struct fact_value *at, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        buf_printf(out, "%s%.*s ", i ? ", " : "", STR_ARG(fact_info(at[i].fact)->name));
        value_print(out, at[i].value);
    }
    buf_byte(out, '\n');
}

static void print_limit(struct buf *out, const struct limit *l)
{
    buf_printf(out, "  limit   %-24.*s", STR_ARG(l->name));
    for (uint32_t i = 0; i < l->points.len; i++) {
        const struct limit_point *p = &l->points.at[i];
        buf_printf(out, "%s%g", i ? ", " : "", p->value);
        if (p->vram_gb > 0)
            buf_printf(out, " on %g GB", p->vram_gb);
    }
    buf_printf(out, "%s\n", l->scales ? " (scaled for other cards)" : "");
}

static bool print_profiles(struct buf *out, const struct pack *pack, const struct options *o,
                           struct err *err)
{
    (void)o;
    (void)err;
    for (uint32_t i = 0; i < pack->profiles.len; i++) {
        const struct profile *p = &pack->profiles.at[i];
        buf_printf(out, "%s%.*s: %.*s\n  from    %.*s\n", i ? "\n" : "", STR_ARG(p->id),
                   STR_ARG(str_trim(p->summary)), STR_ARG(str_trim(p->origin)));
        for (uint32_t k = 0; k < p->limits.len; k++)
            print_limit(out, &p->limits.at[k]);
        if (p->wants.len) {
            buf_cstr(out, "  wants   ");
            print_facts(out, p->wants.at, p->wants.len);
        }
        for (uint32_t k = 0; k < p->presets.len; k++) {
            const struct preset *one = &p->presets.at[k];
            buf_printf(out, "  preset  %-16.*s ", STR_ARG(one->name));
            print_facts(out, one->facts.at, one->facts.len);
            if (one->summary.len)
                buf_printf(out, "  %25s %.*s\n", "", STR_ARG(str_trim(one->summary)));
        }
    }
    return true;
}

int cmd_presets(struct arena *a, const struct options *o)
{
    return with_pack(a, o, print_profiles);
}

int cmd_version(struct arena *a)
{
    struct buf out = buf_new(a);
    const struct pack *pack = pack_builtin();
    buf_printf(&out,
               "gpulint %s\n%u rules, %u framework tables, %u GPUs, %u models\n"
               "libyaml %s, toml++ %s, cJSON %s, %s\n",
               GPULINT_VERSION, pack->rules.len, pack->frameworks.len, pack->gpus.len,
               pack->models.len, yaml_library(), toml_library(), report_json_library(), match_library());
    return cmd_print(buf_str(&out)) ? EXIT_CLEAN : EXIT_TROUBLE;
}
