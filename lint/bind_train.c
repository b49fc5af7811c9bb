/* Does a file train at all? A Python file can hold every name of a trainer and train
 * nothing: tests, inference, libraries of data sets. It must show a training loop, a
 * trainer, an optimizer, or a config's worth of settings for one. YAML and JSON are
 * configs by their keys, unless those say that only prediction is wanted. */
#include "bind_table.h"

#include "match.h"

#include "banned.h"

static bool masked_has(const struct document *doc, const char *regex)
{
    const struct pattern *p = match_pattern(str_from(regex), NULL);
    struct match m;
    return p && match_find(p, doc->masked, 0, &m);
}

static bool name_has(const struct document *doc, const char *regex)
{
    const struct pattern *p = match_pattern(str_from(regex), NULL);
    struct match m;
    return p && match_find(p, doc->source->path, 0, &m);
}

static bool is_test(const struct document *doc)
{
    return name_has(doc, "(^|/)(test_[^/]*|[^/]*_test|conftest)\\.py$") ||
           (masked_has(doc, "(?m)^[ \\t]*(async )?def test_") &&
            masked_has(doc, "(?m)^[ \\t]*(import|from)[ \\t]+(pytest|unittest)\\b"));
}

#define INFERENCE                                                                          \
    "(?i)(^|/|_|-)(infer(ence)?|predict(ion)?|generat(e|ion)|sample|serve|server|demo|export|"   \
    "convert|extract|evaluate|eval|validate|val|detect|test|benchmark|bench)([_-][^/]*)?"  \
    "\\.py$"

static bool is_inference(const struct document *doc)
{
    return name_has(doc, INFERENCE);
}

/* The first word of a program of many trades: llamafactory-cli export, yolo predict. */
static const char OTHER_TRADES[] =
    "(?i)(web)?(chat|ui)|api|export|infer(ence)?|predict|val(idate)?|eval(uate)?|serve|deploy|"
    "generate|sample|download|convert\\w*|merge[\\w-]*|preprocess|bench(mark)?|quantize|track|"
    "rollout|version|env|help|ls|cp|cat|app|vllm-serve|fetch|to-hf|solutions|settings|checks";

bool bind_train_command(const struct setting *command)
{
    const struct pattern *name = match_pattern(STR(INFERENCE), NULL);
    const struct pattern *trades = match_pattern(str_from(OTHER_TRADES), NULL);
    const struct setting *first = setting_child(command, STR("0"));
    struct match m;
    if (name && match_find(name, command->name, 0, &m))
        return false;
    return str_ends(command->name, STR(".py")) || !first || !trades ||
           !match_whole(trades, first->text);
}

/* --- code ----------------------------------------------------------------------- */

/* Steps of a training loop, optimizers, and the ways to ask a trainer for its work. */
static bool has_training_code(const struct document *doc)
{
    static const char *const MARKS[] = {
        "(?<!def )\\b(manual_)?backward\\s*\\(",
        "\\.zero_grad\\s*\\(|\\b\\w*optim\\w*\\.step\\s*\\(|\\bGradScaler\\s*\\(",
        "\\bvalue_and_grad\\s*\\(|\\boptax\\.\\w+\\s*\\(",
        "\\boptim\\.[A-Z]\\w*\\s*\\(|\\bcreate_optimizer\\w*\\s*\\(",
        "(?<!class )\\b(Paged|Fused|DeepSpeedCPU)?(N?Adam|R?Adam|AdamW|SGD|RMSprop|Adagrad|"
        "Adafactor|Lion|LAMB)(8bit|32bit)?\\s*\\(",
        "(?<!class )\\b\\w*(Trainer|TrainingArguments)\\s*\\(",
        "(?<!class )\\b(SFT|DPO|PPO|GRPO|ORPO|KTO|RLOO|CPO|OnlineDPO|Reward)Config\\s*\\(",
        "\\bLightningModule\\b|\\.fit\\s*\\(",
        "\\bYOLO\\s*\\([\\s\\S]*\\.train\\s*\\(\\s*\\w",
        NULL};
    for (const char *const *m = MARKS; *m; m++)
        if (masked_has(doc, *m))
            return true;
    return false;
}

/* --- settings ------------------------------------------------------------------- */

/* Set in the module, a class, a dict or the options: where a config is written. */
static bool is_config_key(const struct setting *s)
{
    const struct setting *up = s->parent;
    if (!up || up->shape == SHAPE_SIGNATURE || up->shape == SHAPE_ENV)
        return false;
    if (up->shape == SHAPE_CALL)
        return bind_scope_config_call(up->name) || bind_scope_config_call(up->key);
    bool dotted = str_find_byte(s->key, '.', 0) != SIZE_MAX;
    return !(s->flags & SETTING_STATEMENT) || (dotted && !str_starts(s->key, STR("self.")));
}

static const struct pattern *batch_words(void)
{
    return match_pattern(STR("(?i)(?!val|eval|test|infer)(\\w+_)?(batch_?size(_per_\\w+)?|"
                             "ims_per_batch|samples_per_gpu)|bs|batch"),
                         NULL);
}

static const struct pattern *learning_words(void)
{
    return match_pattern(
        STR("(?i)(\\w+_)?(lr|learning_rate|epochs|weight_decay|optim|optimizer|optim_"
            "wrapper|"
            "accum\\w*_steps|accumulate_grad_batches|grad_accum\\w*|max_grad_norm|"
            "warmup_(steps|iters|ratio|epochs)|max_train_steps|grad(ient)?_clip\\w*|"
            "clip_grad\\w*|max_iters|half_precision)|max_steps|max_iter|train_cfg|num_epoch|lr0"),
        NULL);
}

/* Two strong keys: of how to learn, or one of these and the batch. */
static bool has_training_config(struct arena *a, const struct document *doc)
{
    const struct pattern *batch = batch_words(), *learning = learning_words();
    struct str first = {"", 0};
    bool batched = false, several = false;
    for (size_t i = 0; batch && learning && i < doc->tree.all.len; i++) {
        const struct setting *s = doc->tree.all.at[i];
        if (!is_config_key(s))
            continue;
        struct str word = bind_match_word(a, bind_match_last(s->key));
        batched |= match_whole(batch, word);
        if (!match_whole(learning, word))
            continue;
        several |= first.len && !str_eq(first, word);
        first = word;
    }
    return several || (first.len && batched);
}

static bool is_on(const struct setting *root, struct str key)
{
    const struct setting *s = setting_resolve(setting_find(root, key));
    return s && s->value.kind == VALUE_BOOL && s->value.as.boolean;
}

/* Trainers that take "do_train" neither train without it nor where it is off; but there
 * are others, which take "do_eval" alone. */
static bool only_predicts(const struct document *doc)
{
    for (size_t i = 0; i < doc->tree.roots.len; i++) {
        const struct setting *root = doc->tree.roots.at[i];
        const struct setting *train = setting_find(root, STR("do_train"));
        bool off = train && train->value.kind == VALUE_BOOL && !train->value.as.boolean;
        bool predicts =
            is_on(root, STR("do_predict")) || is_on(root, STR("predict_with_generate"));
        bool batched = setting_find(root, STR("per_device_train_batch_size"));
        if (off || (!train && predicts && !batched))
            return true;
    }
    return false;
}

enum bind_train bind_train_shown(struct arena *a, const struct document *doc)
{
    if (doc->source->language != LANGUAGE_PYTHON)
        return only_predicts(doc) ? BIND_TRAIN_NOT : BIND_TRAIN_SHOWN;
    if (is_test(doc))
        return BIND_TRAIN_NOT;
    bool shown = has_training_code(doc) || has_training_config(a, doc);
    if (!shown && is_inference(doc))
        return BIND_TRAIN_NOT;
    return shown ? BIND_TRAIN_SHOWN : BIND_TRAIN_OPEN;
}

/* DataConfig.num_workers and CONFIG["num_workers"]. */
static bool in_config(const struct setting *s)
{
    const struct setting *up = s->parent;
    return up && (up->shape == SHAPE_CLASS || up->shape == SHAPE_DICT) &&
           (bind_scope_config_call(up->name) || bind_scope_config_call(up->key));
}

bool bind_train_counts(const struct binding *b, const struct setting *s)
{
    size_t prefix = bind_match_is_anywhere(b->key) ? 3 : 0;
    bool loader = b->fact >= FACT_num_workers && b->fact <= FACT_deterministic &&
                  b->fact != FACT_non_blocking; /* code at work copies so, too */
    if (bind_match_last(b->key).len + prefix >= b->key.len && !b->inside.len)
        return loader && in_config(s);
    return loader || b->fact == FACT_batch_size || b->fact == FACT_eval_batch_size ||
           b->fact == FACT_tf32;
}
