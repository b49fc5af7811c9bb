/* One table drives everything: a linear scan over some twenty options costs nothing
 * next to reading a file. Options may stand anywhere; "--" ends them. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool.h"
#include "banned.h"

enum option_id {
#define OPTION(field, long_name, short_name, argument, commands, help) OPTION_##field,
#include "cli.def"
#undef OPTION
    OPTION_COUNT
};

struct option {
    const char *name;
    char letter;
    const char *argument;
    unsigned commands;
    const char *help;
};

static const struct option OPTIONS[] = {
#define OPTION(field, long_name, short_name, argument, commands, help)                  \
    {long_name, short_name, argument, commands, help},
#include "cli.def"
#undef OPTION
};

static const struct command {
    const char *name, *operands;
    unsigned bit;
    const char *help;
} COMMANDS[] = {
    {"check", "PATH...", CMD_CHECK, "lint files and folders (the default command)"},
    {"estimate", "PATH...", CMD_ESTIMATE, "peak memory by term, verdict, what batch, what would save how much"},
    {"settings", "PATH...", CMD_SETTINGS, "what was understood: every fact, its place and origin"},
    {"fit", "[PATH|MODEL...]", CMD_FIT, "which GPUs a run fits, or which models of the catalogue fit a GPU"},
    {"explain", "RULE...", CMD_EXPLAIN, "what a rule means, with examples"},
    {"rules", "", CMD_RULES, "every rule"},
    {"gpus", "[NAME]", CMD_GPUS, "the GPU catalogue"},
    {"models", "[NAME]", CMD_MODELS, "the model catalogue"},
    {"presets", "", CMD_PRESETS, "profiles, their limits and presets"},
};

enum { COMMAND_COUNT = sizeof COMMANDS / sizeof *COMMANDS };

static const struct command *find_command(struct str word)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (str_eq(word, str_from(COMMANDS[i].name)))
            return &COMMANDS[i];
    return NULL;
}

static const struct command *command_of(unsigned bit)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (COMMANDS[i].bit == bit)
            return &COMMANDS[i];
    return NULL;
}

/* --- values of options ----------------------------------------------------- */

static bool parse_rule(struct arena *a, struct rule_settings *list, struct str selector,
                       int what, enum severity severity, struct err *err)
{
    selector = str_trim(selector);
    if (!selector.len)
        return err_set(err, "an empty rule name in a list of rules");
    struct rule_setting s = {.selector = arena_str(a, selector), .severity = severity};
    s.what = what;
    vec_push(a, list, s);
    return true;
}

bool cli_rule_list(struct arena *a, struct rule_settings *list, struct str text, int what,
                   struct err *err)
{
    for (size_t from = 0; from <= text.len;) {
        size_t comma = str_find_byte(text, ',', from);
        size_t to = comma == SIZE_MAX ? text.len : comma;
        if (!parse_rule(a, list, str_slice(text, from, to), what, SEVERITY_OFF, err))
            return false;
        from = to + 1;
    }
    return true;
}

static bool parse_severity(struct arena *a, struct options *o, struct str text,
                           struct err *err)
{
    size_t equals = str_find_byte(text, '=', 0);
    enum severity severity;
    if (equals == SIZE_MAX ||
        !severity_parse(str_slice(text, equals + 1, text.len), &severity))
        return err_set(err, "--severity takes RULE=error|warning|info|off, not '%.*s'",
                       STR_ARG(text));
    return parse_rule(a, &o->rules, str_slice(text, 0, equals), RULE_SEVERITY, severity, err);
}

static bool parse_fail_on(struct options *o, struct str text, struct err *err)
{
    o->fail_on_given = true;
    if (str_eq(text, STR("never"))) {
        o->fail_on = SEVERITY_OFF;
        return true;
    }
    if (severity_parse(text, &o->fail_on) && o->fail_on != SEVERITY_OFF)
        return true;
    return err_set(err, "--fail-on takes error, warning, info or never, not '%.*s'",
                   STR_ARG(text));
}

static bool parse_color(struct options *o, struct str text, struct err *err)
{
    if (str_eq(text, STR("always")) || str_eq(text, STR("never"))) {
        o->color = text.at[0] == 'a';
        return true;
    }
    if (str_eq(text, STR("auto")))
        return true;
    return err_set(err, "--color takes auto, always or never, not '%.*s'", STR_ARG(text));
}

static bool parse_format(struct options *o, struct str text, struct err *err)
{
    if (str_eq(text, STR("json")))
        o->format = FORMAT_JSON;
    else if (!str_eq(text, STR("text")))
        return err_set(err, "--format takes text or json, not '%.*s'", STR_ARG(text));
    return true;
}

static bool parse_loader(struct options *o, struct str text, struct err *err)
{
    o->has_loader = true;
    if (loader_parse(text, &o->loader) && o->loader <= LOADER_YAML12)
        return true;
    return err_set(err, "--loader takes pyyaml, omegaconf or yaml-1.2, not '%.*s'",
                   STR_ARG(text));
}

static bool parse_reserved(struct options *o, struct str text, struct err *err)
{
    o->has_memory_reserved = true;
    if (gpu_parse_size(text, &o->memory_reserved))
        return true;
    return err_set(err, "--memory-reserved takes a size such as 1.5GB or 800MiB, not '%.*s'",
                   STR_ARG(text));
}

static bool parse_jobs(struct options *o, struct str text, struct err *err)
{
    int64_t n;
    if (!str_to_int(text, &n) || n < 1 || n > POOL_MOST)
        return err_set(err, "--jobs takes a number from 1 to %d, not '%.*s'", POOL_MOST,
                       STR_ARG(text));
    o->jobs = (unsigned)n;
    return true;
}

static bool take_switch(struct options *o, enum option_id id)
{
    switch (id) {
    case OPTION_FIX: o->fix = true; break;
    case OPTION_FIT: o->fit = true; break;
    case OPTION_DRY_RUN: o->dry_run = true; break;
    case OPTION_SHOW_FIXES: o->show_fixes = true; break;
    case OPTION_FIX_ONLY: o->fix = o->fix_only = true; break;
    case OPTION_INTERACTIVE: o->fix = o->interactive = true; break;
    case OPTION_UNSAFE_FIXES: o->unsafe_fixes = true; break;
    case OPTION_DIFF: o->diff = true; break;
    case OPTION_QUIET: o->quiet = true; break;
    case OPTION_FORCE_EXCLUDE: o->force_exclude = true; break;
    case OPTION_NO_GITIGNORE: o->no_gitignore = true; break;
    case OPTION_NO_CONFIG: o->no_config = true; break;
    case OPTION_UNKNOWN: o->unknown = true; break;
    case OPTION_VERSION: o->version = true; break;
    case OPTION_HELP: o->help = true; break;
    default: return false;
    }
    return true;
}

static bool take_value(struct arena *a, struct options *o, enum option_id id,
                       struct str value, struct err *err)
{
    switch (id) {
    case OPTION_GPU: vec_push(a, &o->gpus, value); return true;
    case OPTION_EXCLUDE: vec_push(a, &o->excludes, value); return true;
    case OPTION_PROFILE: o->profile = value; return true;
    case OPTION_PRESET: o->preset = value; return true;
    case OPTION_STDIN_FILENAME: o->stdin_filename = value; return true;
    case OPTION_CONFIG: o->config = value; return true;
    case OPTION_RULES: o->rules_dir = value; return true;
    case OPTION_IGNORE: return cli_rule_list(a, &o->rules, value, RULE_IGNORE, err);
    case OPTION_SELECT:
        o->only_some = true;
        return cli_rule_list(a, &o->rules, value, RULE_SELECT, err);
    case OPTION_SEVERITY: return parse_severity(a, o, value, err);
    case OPTION_FAIL_ON: return parse_fail_on(o, value, err);
    case OPTION_FORMAT: return parse_format(o, value, err);
    case OPTION_COLOR: return parse_color(o, value, err);
    case OPTION_LOADER: return parse_loader(o, value, err);
    case OPTION_MEMORY_RESERVED: return parse_reserved(o, value, err);
    case OPTION_JOBS: return parse_jobs(o, value, err);
    default: return false;
    }
}

/* --- words ------------------------------------------------------------------ */

static bool unknown_option(struct str word, struct str name, struct err *err)
{
    const char *nearest = NULL;
    unsigned best = 4;
    for (int i = 0; i < OPTION_COUNT; i++) {
        unsigned d = str_distance(name, str_from(OPTIONS[i].name));
        if (d < best) {
            best = d;
            nearest = OPTIONS[i].name;
        }
    }
    if (nearest)
        return err_set(err, "unknown option %.*s; did you mean --%s?", STR_ARG(word), nearest);
    return err_set(err, "unknown option %.*s; see gpulint --help", STR_ARG(word));
}

/* -j4: a letter that takes an argument, with it. */
static int find_joined(struct str word)
{
    for (int i = 0; i < OPTION_COUNT && word.len > 2; i++)
        if (OPTIONS[i].letter == word.at[1] && *OPTIONS[i].argument)
            return i;
    return -1;
}

static int find_option(struct str word, struct str *name, struct str *value, bool *letter)
{
    int joined = find_joined(word);
    *value = joined < 0 ? (struct str){NULL, 0} : str_slice(word, 2, word.len);
    if (joined >= 0)
        return joined;
    *letter = word.len == 2 && word.at[1] != '-';
    *name = str_slice(word, *letter ? 1 : 2, word.len);
    if (!*letter) {
        size_t equals = str_find_byte(*name, '=', 0);
        if (equals != SIZE_MAX) {
            *value = str_slice(*name, equals + 1, name->len);
            *name = str_slice(*name, 0, equals);
        }
    }
    for (int i = 0; i < OPTION_COUNT; i++)
        if (*letter ? OPTIONS[i].letter == name->at[0]
                    : str_eq(*name, str_from(OPTIONS[i].name)))
            return i;
    return -1;
}

struct words {
    int argc, next;
    char **argv;
    uint64_t seen; /* options met, for "not an option of this command" */
};

static bool take_option(struct arena *a, struct options *o, struct words *w, struct str word,
                        struct err *err)
{
    struct str name = word, value;
    bool letter;
    int i = find_option(word, &name, &value, &letter);
    if (i < 0)
        return unknown_option(word, name, err);
    w->seen |= (uint64_t)1 << i;
    if (!*OPTIONS[i].argument) {
        if (value.at)
            return err_set(err, "--%s takes no argument", OPTIONS[i].name);
        return take_switch(o, (enum option_id)i);
    }
    if (!value.at && w->next == w->argc)
        return err_set(err, "--%s needs an argument: %s", OPTIONS[i].name,
                       OPTIONS[i].argument);
    if (!value.at)
        value = str_from(w->argv[w->next++]);
    return take_value(a, o, (enum option_id)i, value, err);
}

static bool check_combination(const struct options *o, uint64_t seen, struct err *err)
{
    const struct command *c = command_of(o->command);
    for (int i = 0; i < OPTION_COUNT; i++)
        if ((seen >> i & 1) && !(OPTIONS[i].commands & o->command))
            return err_set(err, "--%s is no option of gpulint %s", OPTIONS[i].name, c->name);
    if (o->help || o->version)
        return true;
    if (!o->paths.len && *c->operands && c->operands[0] != '[')
        return err_set(err, "gpulint %s needs %s; see gpulint --help", c->name,
                       o->command == CMD_EXPLAIN ? "a rule" : "a file, a folder or -");
    if (o->fix && o->diff)
        return err_set(err, "%s writes and --diff only shows: choose one",
                       o->interactive ? "--interactive" : o->fix_only ? "--fix-only" : "--fix");
    if (o->interactive && o->dry_run)
        return err_set(err, "--interactive asks and --dry-run only tells: choose one");
    for (size_t i = 0; i < o->paths.len; i++)
        if (o->interactive && str_eq(o->paths.at[i], STR("-")))
            return err_set(err, "--interactive reads answers from standard input, not a file");
    if (o->dry_run && !o->fix)
        return err_set(err, "--dry-run goes with --fix");
    if (o->show_fixes && !o->fix && !o->diff)
        return err_set(err, "--show-fixes goes with --fix or --diff");
    if (o->fit && o->preset.len)
        return err_set(err, "--fit and --preset are two goals: choose one");
    if ((o->preset.len || o->unsafe_fixes) && !o->fix && !o->diff)
        return err_set(err, "--%s goes with --fix or --diff",
                       o->preset.len ? "preset" : "unsafe-fixes");
    return true;
}

bool cli_parse(struct arena *a, int argc, char **argv, struct options *o, struct err *err)
{
    *o = (struct options){.command = CMD_CHECK, .fail_on = SEVERITY_WARNING};
    const char *no_color = getenv("NO_COLOR");
    o->color = isatty(STDOUT_FILENO) && !(no_color && *no_color);
    struct words w = {.argc = argc, .next = 1, .argv = argv};
    bool options_over = false, first = true;
    while (w.next < argc) {
        struct str word = str_from(argv[w.next++]);
        const struct command *c = first && !options_over ? find_command(word) : NULL;
        if (!options_over && str_eq(word, STR("--"))) {
            options_over = true;
        } else if (!options_over && word.len > 1 && word.at[0] == '-') {
            if (!take_option(a, o, &w, word, err))
                return false;
        } else if (c && (c->bit != CMD_CHECK || access(word.at, F_OK) != 0)) {
            o->command = c->bit;
            o->command_given = true;
            first = false;
        } else {
            vec_push(a, &o->paths, word);
            first = false;
        }
    }
    return check_combination(o, w.seen, err);
}

/* --- help ------------------------------------------------------------------- */

static void print_options(struct buf *out, unsigned commands)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &OPTIONS[i];
        if (!(o->commands & commands))
            continue;
        size_t from = out->len;
        buf_printf(out, "  %c%c%s --%s%s%s", o->letter ? '-' : ' ',
                   o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
                   *o->argument ? " " : "", o->argument);
        size_t width = out->len - from;
        buf_repeat(out, ' ', width < 30 ? 30 - width : 1);
        buf_printf(out, " %s\n", o->help);
    }
}

void cli_help(struct buf *out, unsigned command)
{
    const struct command *one = command ? command_of(command) : NULL;
    if (one) {
        buf_printf(out, "gpulint %s - %s\n\nusage: gpulint %s [OPTIONS] %s\n\noptions:\n",
                   one->name, one->help, one->name, one->operands);
        print_options(out, one->bit);
        return;
    }
    buf_cstr(out, "gpulint - will this training run fit the GPU, what is wrong with its config,\n"
                  "and what should it say instead. No GPU, no CUDA, no network.\n\n"
                  "usage: gpulint [COMMAND] [OPTIONS] PATH...\n\ncommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        buf_printf(out, "  %-10s %-9s  %s\n", COMMANDS[i].name, COMMANDS[i].operands,
                   COMMANDS[i].help);
    buf_cstr(out, "\nA PATH is a file, a folder (read recursively, .gitignore respected) or -.\n"
                  "Reads YAML, JSON and Python. Nothing is written without --fix.\n\noptions:\n");
    print_options(out, CMD_ALL);
    buf_cstr(out, "\nexit status: 0 nothing to say (or all fixed), 1 findings, 2 could not do the job\n");
}
