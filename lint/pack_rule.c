/* One rule from its file. Scope, options and patterns are read first, because they
 * decide which names the rule's expressions may use. */
#include "pack_read.h"

#include <stddef.h>
#include <string.h>

#include "match.h"
#include "banned.h"

#define WORDS(table) (table), sizeof(table) / sizeof *(table)

/* --- names --------------------------------------------------------------- */

static bool among(struct str name, const char *const *names)
{
    for (; *names; names++)
        if (str_eq(name, str_from(*names)))
            return true;
    return false;
}

static bool names_limit(const struct pack_reader *r, struct str name)
{
    if (!name.len || !r->profiles.len)
        return name.len > 0;
    for (size_t i = 0; i < r->profiles.len; i++)
        for (uint32_t j = 0; j < r->profiles.at[i].limits.len; j++)
            if (str_eq(r->profiles.at[i].limits.at[j].name, name))
                return true;
    return false;
}

static bool names_option(const struct rule *rule, struct str name)
{
    for (uint32_t i = 0; i < rule->options.len; i++)
        if (str_eq(rule->options.at[i].name, name))
            return true;
    return false;
}

static bool has_group(const struct source_pattern *p, struct str name)
{
    char text[64];
    if (name.len >= sizeof text || !p->find.len)
        return false;
    memcpy(text, name.at, name.len);
    text[name.len] = '\0';
    const struct pattern *compiled = match_pattern(p->find, NULL);
    return compiled && match_group_number(compiled, text) > 0;
}

/* A pattern that did not compile has told its own mistake; its names are not held
 * against the rule. */
static bool names_group(const struct rule *rule, struct str name)
{
    for (uint32_t i = 0; i < rule->patterns.len; i++)
        if (!rule->patterns.at[i].find.len || has_group(&rule->patterns.at[i], name))
            return true;
    return false;
}

static bool names_project(struct str name)
{
    static const char *const names[] = {"project.runs", "project.files", "project.platform",
                                        NULL};
    return among(name, names) ||
           fact_parse(pack_after(name, "project.any.")) != FACT_COUNT ||
           fact_parse(pack_after(name, "project.all_set.")) != FACT_COUNT;
}

static bool names_setting(struct str name)
{
    static const char *const names[] = {"setting.key",
                                        "setting.path",
                                        "setting.text",
                                        "setting.kind",
                                        "setting.style",
                                        "setting.value",
                                        "setting.fact",
                                        "setting.fact_type",
                                        "setting.duplicate",
                                        "setting.overridden",
                                        NULL};
    return among(name, names);
}

bool pack_names_common(struct str name)
{
    static const char *const names[] = {"gpu.name",
                                        "gpu.id",
                                        "gpu.vram_gb",
                                        "gpu.usable_bytes",
                                        "gpu.capability",
                                        "gpu.bf16",
                                        "gpu.fp16_tensor_cores",
                                        "gpu.fp8",
                                        "gpu.tf32",
                                        "gpu.architecture",
                                        "estimate.verdict",
                                        "estimate.total",
                                        "estimate.low",
                                        "estimate.high",
                                        "estimate.usable",
                                        "estimate.batch_maximum",
                                        "estimate.batch_recommended",
                                        "estimate.batch_safe",
                                        "model.batch_norm",
                                        "model.family",
                                        "model.parameters",
                                        "model.trainable",
                                        "profile.id",
                                        "profile.chosen",
                                        "profile.vram_gb",
                                        "framework",
                                        "language",
                                        "loader",
                                        NULL};
    return among(name, names) || fact_parse(pack_after(name, "want.")) != FACT_COUNT;
}

/* For rules alone: a change that hung on the advice would hang on itself. */
static bool names_advice(struct str name)
{
    static const char *const names[] = {"advice.best", "advice.best_verdict",
                                        "advice.best_saves", "advice.best_total", NULL};
    return among(name, names);
}

static bool may_name(const struct pack_reader *r, struct str name)
{
    if (pack_names_common(name) || names_advice(name) || names_option(r->rule, pack_after(name, "option.")) ||
        names_limit(r, pack_after(name, "limit.")) ||
        names_limit(r, pack_after(name, "limit_scaled.")))
        return true;
    if (r->rule->scope == RULE_PROJECT)
        return names_project(name);
    if (r->rule->scope == RULE_SETTING && names_setting(name))
        return true;
    if (r->rule->scope == RULE_SOURCE && names_group(r->rule, name))
        return true;
    return pack_names_fact(name) || pack_after(name, "settings.").len ||
           pack_after(name, "code.").len || fact_parse(pack_after(name, "conflicts.")) != FACT_COUNT ||
           fact_parse(pack_after(name, "written_in.")) != FACT_COUNT;
}

/* --- small fields -------------------------------------------------------- */

static void read_severity(struct pack_reader *r, const struct setting *s, void *slot)
{
    static const struct pack_word words[] = {
        {"error", SEVERITY_ERROR}, {"warning", SEVERITY_WARNING}, {"info", SEVERITY_INFO}};
    int severity = pack_word(r, s, WORDS(words));
    if (severity >= 0)
        *(enum severity *)slot = (enum severity)severity;
}

static void read_scope(struct pack_reader *r, const struct setting *s, void *slot)
{
    static const struct pack_word words[] = {{"run", RULE_RUN},
                                             {"setting", RULE_SETTING},
                                             {"project", RULE_PROJECT},
                                             {"source", RULE_SOURCE},
                                             {"native", RULE_NATIVE}};
    int scope = pack_word(r, s, WORDS(words));
    if (scope >= 0)
        *(enum rule_scope *)slot = (enum rule_scope)scope;
}

static void read_safety(struct pack_reader *r, const struct setting *s, void *slot)
{
    static const struct pack_word words[] = {
        {"safe", FIX_SAFE}, {"unsafe", FIX_UNSAFE}, {"shown", FIX_SHOWN}};
    int safety = pack_word(r, s, WORDS(words));
    if (safety >= 0)
        *(enum safety *)slot = (enum safety)safety;
}

static void read_where(struct pack_reader *r, const struct setting *s, void *slot)
{
    static const struct pack_word words[] = {{"replace", 0}, {"before", 1}, {"after", 2},
                                             {"wrap", 3}};
    static const int8_t where[] = {0, -1, 1, FIX_WRAP};
    int word = pack_word(r, s, WORDS(words));
    if (word >= 0)
        *(int8_t *)slot = where[word];
}

static bool is_code(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (i < 3 ? s.at[i] < 'A' || s.at[i] > 'Z' : s.at[i] < '0' || s.at[i] > '9')
            return false;
    return s.len == 6;
}

static bool is_id(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (i > 0 && c >= '0' && c <= '9');
        if (!letter && (c != '-' || i == 0 || i + 1 == s.len))
            return false;
    }
    return s.len > 0;
}

static void read_id(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct str id;
    if (!pack_scalar(r, s, &id))
        return;
    *(struct str *)slot = id;
    if (!is_id(id))
        pack_problem(r, pack_span(s), "an id is lower-case words joined by '-'");
    else if (!str_eq(id, r->stem))
        pack_problem(r, pack_span(s), "the file is called '%.*s', its rule '%.*s'",
                     STR_ARG(r->stem), STR_ARG(id));
    for (size_t i = 0; i < r->rules.len; i++)
        if (str_eq(r->rules.at[i].id, id))
            pack_problem(r, pack_span(s), "another rule has the id '%.*s'", STR_ARG(id));
}

static void read_code(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct str code;
    if (!pack_scalar(r, s, &code))
        return;
    *(struct str *)slot = code;
    if (!is_code(code))
        pack_problem(r, pack_span(s), "a code is three capital letters and three digits");
    for (size_t i = 0; i < r->rules.len; i++)
        if (str_eq(r->rules.at[i].code, code))
            pack_problem(r, pack_span(s), "the rule '%.*s' has this code",
                         STR_ARG(r->rules.at[i].id));
}

static bool framework_exists(const struct pack_reader *r, struct str id)
{
    for (size_t i = 0; i < r->frameworks.len; i++)
        if (str_eq(r->frameworks.at[i].id, id))
            return true;
    return !r->frameworks.len;
}

static void check_framework(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct str id;
    (void)slot;
    if (pack_scalar(r, s, &id) && !framework_exists(r, id))
        pack_problem(r, pack_span(s), "there is no framework '%.*s'", STR_ARG(id));
}

static void read_frameworks(struct pack_reader *r, const struct setting *s, void *slot)
{
    pack_each(r, s, NULL, check_framework);
    pack_read_texts(r, s, slot);
}

static void check_profile(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct str id;
    bool found = !r->profiles.len;
    (void)slot;
    if (!pack_scalar(r, s, &id))
        return;
    for (size_t i = 0; i < r->profiles.len; i++)
        found |= str_eq(r->profiles.at[i].id, id);
    if (!found)
        pack_problem(r, pack_span(s), "there is no profile '%.*s'", STR_ARG(id));
}

static void read_profiles(struct pack_reader *r, const struct setting *s, void *slot)
{
    pack_each(r, s, NULL, check_profile);
    pack_read_texts(r, s, slot);
}

struct facts_listed VEC_BODY(enum fact_id);

static void add_related(struct pack_reader *r, const struct setting *s, void *vec)
{
    struct facts_listed *facts = vec;
    enum fact_id fact = FACT_COUNT;
    pack_read_fact(r, s, &fact);
    if (fact != FACT_COUNT)
        vec_push(r->arena, facts, fact);
}

static void read_related(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct facts_listed facts = {0};
    struct rule *rule = slot;
    pack_each(r, s, &facts, add_related);
    PACK_PUT(rule->related, facts);
}

/* --- options ------------------------------------------------------------- */

static void read_option_value(struct pack_reader *r, const struct setting *s, void *slot)
{
    *(struct value *)slot = pack_value(r, s);
}

static void read_options(struct pack_reader *r, const struct setting *s, void *slot)
{
    static const struct pack_field fields[] = {
        {"default", true, offsetof(struct rule_option, value), read_option_value},
        {"help", true, offsetof(struct rule_option, help), pack_read_line},
    };
    struct options_read VEC_BODY(struct rule_option) options = {0};
    struct rule *rule = slot;
    const struct setting *map = setting_resolve(s);
    if (map->kind != SETTING_MAP) {
        pack_problem(r, pack_span(s), "expected a map of options");
        return;
    }
    for (const struct setting *child = map->first; child; child = child->next) {
        struct rule_option option = {.name = child->key};
        PACK_READ_MAP(r, child, fields, &option);
        vec_push(r->arena, &options, option);
    }
    PACK_PUT(rule->options, options);
}

/* --- patterns ------------------------------------------------------------ */

/* Patterns over sources are multiline; saying so in the text keeps match.h simple. */
static void read_multiline(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct str text;
    struct err err;
    if (!pack_scalar(r, s, &text))
        return;
    struct str multiline = arena_printf(r->arena, "(?m)%.*s", STR_ARG(text));
    if (!match_pattern(multiline, &err))
        pack_problem(r, pack_span(s), "%s", err.message);
    else
        *(struct str *)slot = multiline;
}

static void add_block(struct pack_reader *r, const struct setting *s, void *slot)
{
    static const struct pack_word words[] = {
        {"module", BLOCK_MODULE},         {"class", BLOCK_CLASS},
        {"function", BLOCK_FUNCTION},     {"loop", BLOCK_LOOP},
        {"batch-loop", BLOCK_BATCH_LOOP}, {"epoch-loop", BLOCK_EPOCH_LOOP},
        {"validation", BLOCK_VALIDATION}, {"no-grad", BLOCK_NO_GRAD},
        {"autocast", BLOCK_AUTOCAST},     {"dataset", BLOCK_DATASET},
        {"getitem", BLOCK_GETITEM},       {"main-guard", BLOCK_MAIN_GUARD},
        {"lightning", BLOCK_LIGHTNING}};
    int kind = pack_word(r, s, WORDS(words));
    if (kind >= 0)
        *(unsigned *)slot |= (unsigned)kind;
}

static void read_blocks(struct pack_reader *r, const struct setting *s, void *slot)
{
    pack_each(r, s, slot, add_block);
}

struct patterns_read VEC_BODY(struct source_pattern);

static void add_pattern(struct pack_reader *r, const struct setting *s, void *vec)
{
#define AT(name) offsetof(struct source_pattern, name)
    static const struct pack_field fields[] = {
        {"find", true, AT(find), read_multiline},
        {"report", false, AT(report), pack_read_line},
        {"inside", false, AT(inside), read_blocks},
        {"not_inside", false, AT(not_inside), read_blocks},
        {"file_has", false, AT(file_has), read_multiline},
        {"file_lacks", false, AT(file_lacks), read_multiline},
        {"function_has", false, AT(function_has), read_multiline},
        {"function_lacks", false, AT(function_lacks), read_multiline},
        {"loop_has", false, AT(loop_has), read_multiline},
        {"loop_lacks", false, AT(loop_lacks), read_multiline},
        {"before_has", false, AT(before_has), read_multiline},
        {"before_lacks", false, AT(before_lacks), read_multiline},
    };
#undef AT
    struct patterns_read *patterns = vec;
    struct source_pattern p = {.report = {"", 0}};
    PACK_READ_MAP(r, s, fields, &p);
    if (p.report.len && p.find.len && !has_group(&p, p.report))
        pack_problem(r, pack_span(s), "the pattern has no group '%.*s'", STR_ARG(p.report));
    vec_push(r->arena, patterns, p);
}

static void read_patterns(struct pack_reader *r, const struct setting *s, void *slot)
{
    struct patterns_read patterns = {0};
    struct rule *rule = slot;
    pack_each(r, s, &patterns, add_pattern);
    PACK_PUT(rule->patterns, patterns);
}

/* --- fixes --------------------------------------------------------------- */

void pack_read_targets(struct pack_reader *r, const struct setting *s, void *vec)
{
    struct targets_read *targets = vec;
    const struct setting *map = setting_resolve(s);
    if (map->kind != SETTING_MAP) {
        pack_problem(r, pack_span(s), "expected a map from facts to expressions");
        return;
    }
    for (const struct setting *child = map->first; child; child = child->next) {
        struct fact_target target = {.fact = pack_key_fact(r, child)};
        pack_read_expr(r, child, &target.value);
        if (target.fact != FACT_COUNT && target.value.len)
            vec_push(r->arena, targets, target);
    }
}

static void add_removed(struct pack_reader *r, const struct setting *s, void *vec)
{
    struct targets_read *targets = vec;
    struct fact_target target = {.fact = FACT_COUNT};
    pack_read_fact(r, s, &target.fact);
    if (target.fact != FACT_COUNT)
        vec_push(r->arena, targets, target);
}

static void read_removed(struct pack_reader *r, const struct setting *s, void *vec)
{
    pack_each(r, s, vec, add_removed);
}

static void add_unsafe(struct pack_reader *r, const struct setting *s, void *vec)
{
    static const struct pack_field fields[] = {
        {"when", true, offsetof(struct unsafe_when, when), pack_read_expr},
        {"reason", true, offsetof(struct unsafe_when, reason), pack_read_phrase},
    };
    struct unsafes_read *unsafes = vec;
    struct unsafe_when u = {.when = {NULL, 0}};
    PACK_READ_MAP(r, s, fields, &u);
    vec_push(r->arena, unsafes, u);
}

void pack_read_unsafe(struct pack_reader *r, const struct setting *s, void *vec)
{
    pack_each(r, s, vec, add_unsafe);
}

struct fix_read {
    struct fix_spec spec;
    struct targets_read targets;
    struct unsafes_read unsafes;
};

static void check_fix(struct pack_reader *r, const struct setting *s,
                      const struct fix_spec *fix)
{
    enum rule_scope scope = r->rule->scope;
    if (fix->setting_text.len && scope != RULE_SETTING)
        pack_problem(r, pack_span(s), "setting_text belongs to a rule of scope setting");
    if (fix->group.len && scope != RULE_SOURCE)
        pack_problem(r, pack_span(s), "group belongs to a rule of scope source");
    if ((fix->group.len != 0) != (fix->with.len != 0))
        pack_problem(r, pack_span(s), "'group' and 'with' stand together");
    for (uint32_t i = 0; fix->group.len && i < r->rule->patterns.len; i++)
        if (r->rule->patterns.at[i].find.len &&
            !has_group(&r->rule->patterns.at[i], fix->group))
            pack_problem(r, pack_span(s), "pattern %u has no group '%.*s'", i + 1,
                         STR_ARG(fix->group));
    if (fix->safety != FIX_SHOWN && !fix->set.len && !fix->setting_text.len &&
        !fix->group.len)
        pack_problem(r, pack_span(s), "the fix changes nothing");
}

static void read_fix(struct pack_reader *r, const struct setting *s, void *slot)
{
#define AT(name) offsetof(struct fix_read, name)
    static const struct pack_field fields[] = {
        {"safety", true, AT(spec.safety), read_safety},
        {"description", false, AT(spec.description), pack_read_phrase},
        {"set", false, AT(targets), pack_read_targets},
        {"remove", false, AT(targets), read_removed},
        {"unsafe_when", false, AT(unsafes), pack_read_unsafe},
        {"setting_text", false, AT(spec.setting_text), pack_read_expr},
        {"group", false, AT(spec.group), pack_read_line},
        {"with", false, AT(spec.with), pack_read_phrase},
        {"where", false, AT(spec.where), read_where},
    };
#undef AT
    struct fix_read fix = {.spec = {.group = {"", 0}, .present = true}};
    PACK_READ_MAP(r, s, fields, &fix);
    PACK_PUT(fix.spec.set, fix.targets);
    PACK_PUT(fix.spec.unsafe_when, fix.unsafes);
    check_fix(r, s, &fix.spec);
    *(struct fix_spec *)slot = fix.spec;
}

/* --- examples ------------------------------------------------------------ */

struct examples_read {
    struct examples_vec VEC_BODY(struct rule_example) all;
    int kind;
};

static void add_example(struct pack_reader *r, const struct setting *s, void *slot)
{
    static const struct pack_field fields[] = {
        {"file", true, offsetof(struct rule_example, file), pack_read_line},
        {"args", false, offsetof(struct rule_example, args), pack_read_line},
        {"text", true, offsetof(struct rule_example, text), pack_read_text},
    };
    struct examples_read *examples = slot;
    struct rule_example e = {.file = {"", 0}, .text = {"", 0}, .args = {"", 0}};
    PACK_READ_MAP(r, s, fields, &e);
    switch (examples->kind) {
    case EXAMPLE_BAD:
        e.kind = EXAMPLE_BAD;
        break;
    case EXAMPLE_GOOD:
        e.kind = EXAMPLE_GOOD;
        break;
    default:
        e.kind = EXAMPLE_NEAR_MISS;
        break;
    }
    if (e.file.len && language_of_path(e.file) == LANGUAGE_NONE)
        pack_problem(r, pack_span(s), "'%.*s' is no file that is read", STR_ARG(e.file));
    vec_push(r->arena, &examples->all, e);
}

static void read_bad(struct pack_reader *r, const struct setting *s, void *slot)
{
    ((struct examples_read *)slot)->kind = EXAMPLE_BAD;
    pack_each(r, s, slot, add_example);
}

static void read_good(struct pack_reader *r, const struct setting *s, void *slot)
{
    ((struct examples_read *)slot)->kind = EXAMPLE_GOOD;
    pack_each(r, s, slot, add_example);
}

static void read_near_miss(struct pack_reader *r, const struct setting *s, void *slot)
{
    ((struct examples_read *)slot)->kind = EXAMPLE_NEAR_MISS;
    pack_each(r, s, slot, add_example);
}

static void read_examples(struct pack_reader *r, const struct setting *s, void *slot)
{
    static const struct pack_field fields[] = {
        {"bad", true, 0, read_bad},
        {"good", true, 0, read_good},
        {"near_miss", true, 0, read_near_miss},
    };
    struct rule *rule = slot;
    struct examples_read examples = {.kind = 0};
    /* What the program reports itself (broken syntax) has nothing that looks alike. */
    size_t count = sizeof fields / sizeof *fields - (rule->scope == RULE_NATIVE);
    const struct setting *map = setting_resolve(s);
    bool native_near = map->kind == SETTING_MAP && setting_child(map, STR("near_miss"));
    pack_read_map(r, s, fields, native_near ? sizeof fields / sizeof *fields : count,
                  &examples);
    PACK_PUT(rule->examples, examples.all);
}

/* --- the rule ------------------------------------------------------------ */

static const struct pack_field FIELDS[] = {
#define AT(name) offsetof(struct rule, name)
    {"id", true, AT(id), read_id},
    {"code", true, AT(code), read_code},
    {"summary", true, AT(summary), pack_read_line},
    {"severity", true, AT(severity), read_severity},
    {"thumb", false, AT(thumb), pack_read_bool},
    {"preview", false, AT(preview), pack_read_bool},
    {"scope", true, 0, NULL},
    {"per_gpu", false, AT(per_gpu), pack_read_bool},
    {"languages", false, AT(languages), pack_read_languages},
    {"frameworks", false, AT(frameworks), read_frameworks},
    {"not_frameworks", false, AT(not_frameworks), read_frameworks},
    {"profiles", false, AT(profiles), read_profiles},
    {"when", false, AT(when), pack_read_expr},
    {"at", false, AT(at), pack_read_fact},
    {"related", false, 0, read_related},
    {"message", false, AT(message), pack_read_phrase},
    {"help", false, AT(help), pack_read_phrase},
    {"why", true, AT(why), pack_read_line},
    {"options", false, 0, NULL},
    {"patterns", false, 0, NULL},
    {"fix", false, AT(fix), read_fix},
    {"sources", true, AT(sources), pack_read_texts},
    {"examples", true, 0, read_examples},
    {"since", false, AT(since), pack_read_line},
#undef AT
};

static void check_rule(struct pack_reader *r, const struct setting *root,
                       const struct rule *rule)
{
    bool native = rule->scope == RULE_NATIVE, source = rule->scope == RULE_SOURCE;
    struct span span = root->first ? root->first->key_span : pack_span(root);
    if (!native && !rule->message.len && !setting_child(root, STR("message")))
        pack_problem(r, span, "the key 'message' is missing");
    if (!native && !source && !setting_child(root, STR("when")))
        pack_problem(r, span, "the key 'when' is missing");
    if (source && !setting_child(root, STR("patterns")))
        pack_problem(r, span, "the key 'patterns' is missing");
    if (!source && rule->patterns.len)
        pack_problem(r, span, "patterns belong to a rule of scope source");
    if (!rule->sources.len && setting_child(root, STR("sources")))
        pack_problem(r, span, "a rule names its sources");
}

static void read_first(struct pack_reader *r, const struct setting *root, const char *key,
                       pack_read_fn read, void *slot)
{
    const struct setting *s = setting_child(root, str_from(key));
    if (s)
        read(r, s, slot);
}

void pack_read_rule(struct pack_reader *r, const struct setting *root)
{
    struct str none = {"", 0};
    struct rule rule = {.id = none,
                        .code = none,
                        .summary = none,
                        .why = none,
                        .since = none,
                        .pack = arena_str(r->arena, r->folder),
                        .severity = SEVERITY_WARNING,
                        .at = FACT_COUNT};
    rule.fix.group = none;
    read_first(r, root, "scope", read_scope, &rule.scope);
    read_first(r, root, "options", read_options, &rule);
    read_first(r, root, "patterns", read_patterns, &rule);
    r->rule = &rule;
    r->may_name = may_name;
    PACK_READ_MAP(r, root, FIELDS, &rule);
    check_rule(r, root, &rule);
    r->rule = NULL;
    r->may_name = NULL;
    vec_push(r->arena, &r->rules, rule);
}
