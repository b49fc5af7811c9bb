/* Which program a command line starts, through whatever launchers, and its arguments as
 * settings: flags with their values, name=value overrides, positional arguments, and the
 * environment that is set for it. */
#include "shell_run.h"

#include <assert.h>
#include <string.h>

#include "../loader.h"
#include "../banned.h"

enum launch_kind { LAUNCH_START, LAUNCH_AROUND, LAUNCH_SHELL, LAUNCH_PROGRAM };

#define TORCHRUN "--standalone -m --module --no-python --no_python --use_env --use-env"
#define ACCELERATE                                                                      \
    "--cpu --multi_gpu --tpu --ipex --use_mps_device --use_deepspeed --use_fsdp "       \
    "--use_megatron_lm --use_xpu --tpu_use_cluster --no_tpu_cluster --tpu_use_sudo "    \
    "--same_network --no_python --debug --quiet -q -m --module --aws --multi-gpu "      \
    "--use-deepspeed --use-fsdp --no-python"
#define DEEPSPEED                                                                       \
    "--module --no_python --no_local_rank --no_ssh_check --no_ssh --force_multi "       \
    "--save_pid --elastic_training --bind_cores_to_rank"

static const struct launcher {
    const char *name;
    enum launch_kind kind;
    const char *words, *switches;
} LAUNCHERS[] = {
#define LAUNCHER(name, kind, words, switches) {name, kind, words, switches},
#include "launch.def"
#undef LAUNCHER
};

enum { MAX_SETTINGS = 200000, MAX_EXPORTS = 200, MAX_LAUNCHERS = 8, MAX_COMMANDS = 1000 };

struct started {
    const struct launcher *by;
    uint32_t at, first, last; /* its name, its own flags */
};

struct line {
    struct shell *s;
    const struct shell_arguments *args;
    struct started by[MAX_LAUNCHERS];
    unsigned launchers;
    bool module;  /* the script is named after -m */
    uint32_t end; /* arguments from here on are somebody else's */
    bool lists;   /* a flag may have several words */
};

/* Modules and scripts that train nothing. */
static const char *const OTHERS[] = {"pip",  "venv",   "ensurepip", "pytest",      "unittest",
                                     "build", "twine", "virtualenv", "http.server", "json.tool",
                                     "-",    "setup.py", "ipykernel", "jupyter"};

/* --- who starts what ------------------------------------------------------- */

static struct str base(struct str path)
{
    size_t from = path.len;
    while (from && path.at[from - 1] != '/')
        from--;
    return str_slice(path, from, path.len);
}

static bool is_python(struct str name)
{
    if (!str_starts(name, STR("python")))
        return false;
    for (size_t i = strlen("python"); i < name.len; i++)
        if ((name.at[i] < '0' || name.at[i] > '9') && name.at[i] != '.')
            return false;
    return true;
}

static const struct launcher *launcher(struct str name)
{
    if (is_python(name))
        name = STR("python");
    for (size_t i = 0; i < sizeof LAUNCHERS / sizeof *LAUNCHERS; i++)
        if (str_eq(name, str_from(LAUNCHERS[i].name)))
            return &LAUNCHERS[i];
    return NULL;
}

static bool has_word(const char *words, struct str word)
{
    struct str all = str_from(words);
    for (size_t from = 0; from < all.len;) {
        size_t to = str_find_byte(all, ' ', from);
        to = to == SIZE_MAX ? all.len : to;
        if (str_eq(str_slice(all, from, to), word))
            return true;
        from = to + 1;
    }
    return false;
}

bool shell_may_run(struct str text)
{
    if (str_find(text, STR(".py"), 0) != SIZE_MAX)
        return true;
    for (size_t i = 0; i < sizeof LAUNCHERS / sizeof *LAUNCHERS; i++)
        if ((LAUNCHERS[i].kind == LAUNCH_START || LAUNCHERS[i].kind == LAUNCH_PROGRAM) &&
            str_find(text, str_from(LAUNCHERS[i].name), 0) != SIZE_MAX)
            return true;
    return false;
}

static struct str text_of(const struct line *l, uint32_t i)
{
    return i < l->args->len ? l->args->at[i].text : (struct str){"", 0};
}

static bool is_script(struct str text)
{
    return str_ends(text, STR(".py"));
}

static bool is_flag(struct str s)
{
    if (s.len < 2 || s.at[0] != '-')
        return false;
    double number;
    return !str_to_float(s, &number);
}

/* Behind the launcher's WORDS, or 0 when they are not there. */
static uint32_t behind_words(const struct line *l, const char *words, uint32_t at)
{
    struct str all = str_from(words);
    for (size_t from = 0; from < all.len; at++) {
        size_t to = str_find_byte(all, ' ', from);
        to = to == SIZE_MAX ? all.len : to;
        if (!str_eq(text_of(l, at), str_slice(all, from, to)))
            return 0;
        from = to + 1;
    }
    return at;
}

/* The program behind the flags of one that runs it. */
static uint32_t find_inner(const struct line *l, uint32_t at)
{
    for (; at < l->args->len; at++) {
        struct str text = text_of(l, at);
        if (is_script(text) || launcher(base(text)))
            return at;
    }
    return at;
}

/* Any number of arguments: "$@", or a variable that nobody knows. */
static bool is_loose(const struct shell_argument *a)
{
    return a->any || (a->len == 1 && a->at[0].unknown && !a->at[0].quote);
}

/* Behind the flags of BY, which start at AT. */
static uint32_t skip_flags(struct line *l, const struct launcher *by, uint32_t at)
{
    l->module = false;
    for (; at < l->args->len; at++) {
        struct str text = text_of(l, at);
        bool alone = has_word(by->switches, text);
        if (is_loose(&l->args->at[at]))
            continue;
        if (str_eq(text, STR("--")))
            return at + 1;
        if (text.len < 2 || text.at[0] != '-')
            return at;
        if (str_eq(text, STR("-c")))
            return l->args->len;
        if (str_eq(text, STR("-m")) || str_eq(text, STR("--module"))) {
            l->module = true;
            if (is_python(str_from(by->name)))
                return at + 1;
        } else if (!alone && str_find_byte(text, '=', 0) == SIZE_MAX) {
            at++;
        }
    }
    return at;
}

/* `bash -c '...'`: the text is a script of its own when it is written in one piece. */
static void shell_text(struct line *l, uint32_t at)
{
    enum style style;
    while (at < l->args->len && is_flag(text_of(l, at)) &&
           !str_ends(text_of(l, at), STR("c")))
        at++;
    if (!is_flag(text_of(l, at)) || at + 1 >= l->args->len)
        return;
    const struct shell_argument *a = &l->args->at[at + 1];
    struct span span = shell_span(l->s, a, 0, a->len, &style);
    if (style == STYLE_SINGLE || style == STYLE_DOUBLE)
        shell_script(l->s, (struct span){span.from + 1, span.to - 1});
}

/* The index of the script, or SHELL_NOWHERE when no program is started that we know. */
static uint32_t find_script(struct line *l)
{
    for (uint32_t at = 0; at < l->args->len && l->launchers < MAX_LAUNCHERS;) {
        const struct shell_argument *a = &l->args->at[at];
        if (a->any)
            return SHELL_NOWHERE;
        const struct launcher *by = launcher(l->module ? a->text : base(a->text));
        bool variable = a->len && a->at[0].unknown && !at && is_script(text_of(l, 1));
        if (variable) {
            at++;
            continue;
        }
        if (!by || by->kind == LAUNCH_PROGRAM)
            return by || l->module || l->launchers || is_script(a->text) ? at : SHELL_NOWHERE;
        if (by->kind == LAUNCH_SHELL) {
            shell_text(l, at + 1);
            return SHELL_NOWHERE;
        }
        uint32_t first = behind_words(l, by->words, at + 1);
        if (!first)
            return SHELL_NOWHERE;
        l->module = false;
        uint32_t last = by->kind == LAUNCH_START ? skip_flags(l, by, first)
                                                 : find_inner(l, first);
        if (!is_python(str_from(by->name)))
            l->by[l->launchers++] = (struct started){by, at, first, last};
        else if (last < l->args->len && !l->args->at[last].any && !l->module &&
                 !launcher(base(text_of(l, last))))
            return last;
        at = last;
    }
    return SHELL_NOWHERE;
}

/* --- settings --------------------------------------------------------------- */

static struct value value_of(const struct shell_argument *a, uint32_t first, bool typed,
                             struct str text, const char **why)
{
    for (uint32_t i = first; i < a->len; i++) {
        if (a->at[i].unknown)
            return *why = "a shell variable", VALUE_NOTHING;
        if (a->at[i].conditional)
            return *why = "set under a condition", VALUE_NOTHING;
    }
    return typed ? loader_read(LOADER_SHELL, text, why) : VALUE_OF_STR(text);
}

/* The setting KEY below MAP with what stands in A from FIRST on. */
static struct setting *add_value(struct shell *s, struct setting *map, struct str key,
                                 struct span key_span, const struct shell_argument *a,
                                 uint32_t first, bool typed)
{
    struct setting *leaf = setting_add(s->arena, &s->doc->tree, map, SETTING_SCALAR, key, key_span);
    size_t skipped = 0;
    for (uint32_t i = 0; i < first; i++)
        skipped += !a->at[i].unknown;
    leaf->text = str_slice(a->text, skipped, a->text.len);
    leaf->value = value_of(a, first, typed, leaf->text, &leaf->why);
    leaf->value_span = shell_span(s, a, first, a->len, &leaf->style);
    if (first < a->len && a->at[first].variable && leaf->style != STYLE_CODE)
        leaf->alias_span = a->word;
    return leaf;
}

static struct setting *add_switch(struct shell *s, struct setting *map,
                                  const struct shell_argument *a)
{
    enum style style;
    struct span span = shell_span(s, a, 0, a->len, &style);
    struct setting *leaf = setting_add(s->arena, &s->doc->tree, map, SETTING_SCALAR, a->text, span);
    leaf->value_span = span;
    leaf->text = a->text;
    leaf->style = style;
    leaf->value = value_of(a, 0, false, a->text, &leaf->why);
    if (!leaf->why)
        leaf->value = VALUE_OF_BOOL(true);
    return leaf;
}

/* How many characters before "=" name an override: a.b=2, +a=1, ~c, model/size=big. */
static uint32_t override_key(const struct shell_argument *a)
{
    uint32_t i = 0;
    while (i < a->len && !a->at[i].unknown && a->at[i].c && strchr("+~", a->at[i].c))
        i++;
    uint32_t from = i;
    for (; i < a->len && a->at[i].c != '='; i++) {
        char c = a->at[i].c;
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                    (i > from && c && ((c >= '0' && c <= '9') || strchr(".-/@:[]", c)));
        if (a->at[i].unknown || !word)
            return 0;
    }
    return i > from && i < a->len ? i : 0;
}

/* SOLVER.IMS_PER_BATCH: its value is the next argument (yacs). */
static bool is_yacs_key(struct str s)
{
    bool dot = false;
    for (size_t i = 0; i < s.len; i++) {
        bool upper = s.at[i] >= 'A' && s.at[i] <= 'Z';
        if (!upper && (!i || (s.at[i] != '_' && s.at[i] != '.' && (s.at[i] < '0' || s.at[i] > '9'))))
            return false;
        dot |= s.at[i] == '.';
    }
    return dot && s.at[s.len - 1] != '.';
}

static struct str part(const struct shell_argument *a, uint32_t to)
{
    return str_slice(a->text, 0, to);
}

/* Numbers, words and file names do not stand in one list. */
static int look(const struct shell_argument *a)
{
    double number;
    if (str_to_float(a->text, &number))
        return 0;
    bool file = str_find_byte(a->text, '/', 0) != SIZE_MAX || str_ends(a->text, STR(".yaml")) ||
                str_ends(a->text, STR(".yml")) || str_ends(a->text, STR(".json")) ||
                str_ends(a->text, STR(".py"));
    return file ? 2 : 1;
}

static bool is_value(const struct line *l, uint32_t i)
{
    if (i >= l->end)
        return false;
    const struct shell_argument *a = &l->args->at[i];
    return !a->any && !is_flag(a->text) && !override_key(a) && !is_yacs_key(a->text);
}

/* Does the value at I go on the list that starts at FIRST? */
static bool is_more(const struct line *l, uint32_t first, uint32_t i)
{
    if (!is_value(l, i))
        return false;
    const struct shell_argument *x = &l->args->at[first], *y = &l->args->at[i];
    bool known = x->len && y->len && !x->at[0].unknown && !y->at[0].unknown;
    int kind = look(x);
    return known && kind == look(y) && (kind == 0 || l->lists);
}

static struct value list_value(struct arena *arena, const struct setting *list)
{
    struct value *at = arena_alloc_array(arena, list->count, sizeof *at);
    size_t n = 0;
    for (const struct setting *c = list->first; c; c = c->next)
        at[n++] = c->value;
    return (struct value){VALUE_LIST, {.list = {at, n}}};
}

/* The flag at I and its values; the index behind them. */
static uint32_t add_flag(struct line *l, struct setting *map, uint32_t i)
{
    const struct shell_arguments *args = l->args;
    const struct shell_argument *flag = &args->at[i];
    enum style style;
    uint32_t equals = 0;
    while (equals < flag->len && (flag->at[equals].unknown || flag->at[equals].c != '='))
        equals++;
    if (equals < flag->len) {
        struct span key = shell_span(l->s, flag, 0, equals, &style);
        add_value(l->s, map, part(flag, equals), key, flag, equals + 1, true);
        return i + 1;
    }
    uint32_t last = i + 1;
    if (is_value(l, last))
        for (last++; is_more(l, i + 1, last);)
            last++;
    if (last == i + 1) {
        add_switch(l->s, map, flag);
        return last;
    }
    struct span key = shell_span(l->s, flag, 0, flag->len, &style);
    if (last == i + 2) {
        struct setting *leaf = add_value(l->s, map, flag->text, key, &args->at[i + 1], 0, true);
        if (flag->len && flag->at[0].conditional) {
            leaf->value = VALUE_NOTHING;
            leaf->why = "set under a condition";
        }
        return last;
    }
    struct setting *list = setting_add(l->s->arena, &l->s->doc->tree, map, SETTING_LIST, flag->text, key);
    for (uint32_t k = i + 1; k < last; k++)
        add_value(l->s, list, (struct str){"", 0}, (struct span){0, 0}, &args->at[k], 0, true);
    list->value_span = (struct span){list->first->value_span.from, list->last->value_span.to};
    if (list->value_span.to < list->value_span.from)
        list->value_span = args->at[i + 1].word;
    list->value = list_value(l->s->arena, list);
    return last;
}

static void add_arguments(struct line *l, struct setting *map, uint32_t i, uint32_t last)
{
    unsigned position = 0;
    l->end = last;
    while (i < last && l->s->doc->tree.all.len < MAX_SETTINGS) {
        const struct shell_argument *a = &l->args->at[i];
        enum style style;
        uint32_t equals = a->any ? 0 : override_key(a);
        if (is_loose(a) || str_eq(a->text, STR("--"))) {
            i++;
        } else if (is_flag(a->text)) {
            i = add_flag(l, map, i);
        } else if (equals) {
            struct span key = shell_span(l->s, a, 0, equals, &style);
            add_value(l->s, map, part(a, equals), key, a, equals + 1, true);
            i++;
        } else if (is_yacs_key(a->text) && i + 1 < last && !l->args->at[i + 1].any) {
            struct span key = shell_span(l->s, a, 0, a->len, &style);
            add_value(l->s, map, a->text, key, &l->args->at[i + 1], 0, true);
            i += 2;
        } else {
            struct str key = arena_printf(l->s->arena, "%u", position++);
            struct setting *leaf = add_value(l->s, map, key, (struct span){0, 0}, a, 0, true);
            leaf->flags |= SETTING_POSITIONAL;
            i++;
        }
    }
}

static void add_launcher(struct line *l, struct setting *map, const struct started *by)
{
    enum style style;
    const struct shell_argument *name = &l->args->at[by->at];
    l->lists = false;
    struct str called = l->args->at[by->at].text;
    called = launcher(called) ? called : base(called);
    struct setting *own =
        setting_add(l->s->arena, &l->s->doc->tree, map, SETTING_MAP,
                    arena_printf(l->s->arena, "%.*s()", STR_ARG(called)),
                    shell_span(l->s, name, 0, name->len, &style));
    own->shape = SHAPE_COMMAND;
    own->name = called;
    own->style = STYLE_CODE;
    own->value_span = own->key_span;
    add_arguments(l, own, by->first, by->last);
}

static void mark_duplicates(struct setting *map)
{
    enum { MANY = 2000 };
    if (map->count > MANY)
        return;
    for (struct setting *s = map->first; s; s = s->next)
        for (struct setting *t = s->next; t; t = t->next)
            if (str_eq(s->key, t->key)) {
                s->flags |= SETTING_OVERRIDDEN;
                t->flags |= SETTING_DUPLICATE;
                break;
            }
}

/* --- environment ------------------------------------------------------------- */

static void add_exports(struct shell *s, struct setting *env, uint32_t region, uint32_t limit)
{
    for (uint32_t i = 0; i < s->export_count && s->exports[i] < limit; i++) {
        const struct shell_binding *b = &s->bindings.at[s->exports[i]], *newest;
        struct shell_argument a;
        if (!shell_variable(s, b->name, region, limit, &a, &newest) || newest != b)
            continue;
        add_value(s, env, b->name, b->name_span, &a, 0, false);
    }
}

static struct setting *add_env(struct shell *s, struct setting *map)
{
    struct setting *env = setting_add(s->arena, &s->doc->tree, map, SETTING_MAP, STR("env"),
                                      (struct span){0, 0});
    env->shape = SHAPE_ENV;
    return env;
}

/* ENV, the last child of its map, is taken away again when nothing is in it. */
static struct setting *unless_empty(struct shell *s, struct setting *env)
{
    struct setting *map = env->parent, *before = NULL;
    if (env->first)
        return env;
    for (struct setting *c = map->first; c != env; c = c->next)
        before = c;
    *(before ? &before->next : &map->first) = NULL;
    map->last = before;
    map->count--;
    s->doc->tree.all.len--;
    return NULL;
}

void shell_note_exports(struct shell *s)
{
    s->exports = arena_alloc_array(s->scratch, MAX_EXPORTS, sizeof *s->exports);
    s->export_count = 0;
    for (uint32_t i = 0; i < s->bindings.len && s->export_count < MAX_EXPORTS; i++)
        if (s->bindings.at[i].exported)
            s->exports[s->export_count++] = i;
}

struct setting *shell_env(struct shell *s, struct setting *map, uint32_t region, uint32_t limit)
{
    struct setting *env = add_env(s, map);
    add_exports(s, env, region, limit);
    return unless_empty(s, env);
}

/* env A=b python ... */
static void add_env_arguments(struct line *l, struct setting *env, const struct started *by)
{
    for (uint32_t i = by->first; i < by->last; i++) {
        enum style style;
        const struct shell_argument *a = &l->args->at[i];
        uint32_t equals = a->any ? 0 : override_key(a);
        if (equals)
            add_value(l->s, env, part(a, equals), shell_span(l->s, a, 0, equals, &style), a,
                      equals + 1, false);
    }
}

static void add_environment(struct line *l, struct setting *map,
                            const struct shell_prefixes *prefixes, uint32_t region,
                            uint32_t limit)
{
    struct shell *s = l->s;
    struct setting *env = add_env(s, map);
    add_exports(s, env, region, limit);
    for (size_t i = 0; i < prefixes->len; i++) {
        struct shell_prefix p = prefixes->at[i];
        struct shell_argument a = shell_value(s, p.value, region, limit);
        add_value(s, env, source_quote(s->doc->source, p.name), p.name, &a, 0, false);
    }
    for (unsigned k = 0; k < l->launchers; k++)
        if (str_eq(str_from(l->by[k].by->name), STR("env")))
            add_env_arguments(l, env, &l->by[k]);
    mark_duplicates(env);
    unless_empty(s, env);
}

/* What SLURM is asked for at the head of the script. */
static void add_sbatch(struct shell *s, struct setting *map)
{
    struct shell_arguments args = {0};
    for (size_t i = 0; i < s->sbatch.len; i++)
        if (s->sbatch.at[i].kind == SHELL_WORD)
            shell_expand(s, s->sbatch.at[i].span, 0, 0, &args);
    if (!args.len)
        return;
    struct line l = {.s = s, .args = &args};
    struct setting *own = setting_add(s->arena, &s->doc->tree, map, SETTING_MAP, STR("sbatch()"),
                                      (struct span){0, 0});
    own->shape = SHAPE_COMMAND;
    own->name = STR("sbatch");
    own->style = STYLE_CODE;
    own->value_span = (struct span){args.at[0].word.from, args.at[args.len - 1].word.to};
    add_arguments(&l, own, 0, (uint32_t)args.len);
}

/* --- the command --------------------------------------------------------------- */

/* From the first word to the last; words of an array stand where it was assigned. */
static struct span extent(const struct shell_arguments *arguments)
{
    struct span all = arguments->at[0].word;
    for (size_t i = 1; i < arguments->len; i++)
        if (arguments->at[i].word.from >= all.from && arguments->at[i].word.to > all.to)
            all.to = arguments->at[i].word.to;
    return all;
}

void shell_run(struct shell *s, const struct shell_arguments *arguments,
               const struct shell_prefixes *prefixes, uint32_t region, uint32_t limit)
{
    struct line l = {.s = s, .args = arguments};
    uint32_t script = find_script(&l);
    if (script == SHELL_NOWHERE || s->root->count >= MAX_COMMANDS ||
        s->doc->tree.all.len >= MAX_SETTINGS)
        return;
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
        if (str_eq(arguments->at[script].text, str_from(OTHERS[i])))
            return;
    enum style style;
    const struct shell_argument *a = &arguments->at[script];
    struct str name = a->text.len ? a->text : source_quote(s->doc->source, a->word);
    struct setting *map =
        setting_add(s->arena, &s->doc->tree, s->root, SETTING_MAP,
                    arena_printf(s->arena, "%.*s()", STR_ARG(name)),
                    shell_span(s, a, 0, a->len, &style));
    map->shape = SHAPE_COMMAND;
    map->style = STYLE_CODE;
    map->name = name;
    map->value_span = extent(arguments);
    add_environment(&l, map, prefixes, region, limit);
    add_sbatch(s, map);
    for (unsigned i = 0; i < l.launchers; i++)
        if ((l.by[i].by->kind == LAUNCH_START || l.by[i].last > l.by[i].first) &&
            !str_eq(str_from(l.by[i].by->name), STR("env")))
            add_launcher(&l, map, &l.by[i]);
    l.lists = l.module || is_script(a->text);
    add_arguments(&l, map, script + 1, (uint32_t)arguments->len);
    mark_duplicates(map);
}
