/* Where a setting stands: in validation or training, in a section or a preset, at a
 * place of a Python program where a name means what it says. The word lists below are
 * the only names that binding itself knows. */
#include "bind_table.h"

#include "match.h"

#include "banned.h"

static bool one_of(struct str word, const char *const *words)
{
    for (; *words; words++)
        if (str_eq_nocase(word, str_from(*words)))
            return true;
    return false;
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Words of train_loader, TrainerConfigV2, SOLVER.AMP: at "_", ".", "-" and capitals.
 * Gives the next one at or after *FROM; empty at the end. */
static struct str next_word(struct str name, size_t *from)
{
    size_t i = *from;
    while (i < name.len && !is_upper(name.at[i]) && !is_lower(name.at[i]))
        i++;
    size_t start = i;
    while (i < name.len && is_upper(name.at[i]))
        i++;
    if (i - start > 1 && i < name.len && is_lower(name.at[i]))
        i--; /* of "ABCDef" the word "ABC" ends before "Def" */
    while (i < name.len && is_lower(name.at[i]))
        i++;
    *from = i;
    return str_slice(name, start, i);
}

/* --- validation --------------------------------------------------------------- */

static const char *const EVAL_WORDS[] = {
    "val",        "valid",       "validation", "validate",  "eval",
    "evaluation", "evaluate",    "test",       "testing",   "predict",
    "inference",  "validloader", "testloader", "valloader", NULL};
static const char *const TRAIN_WORDS[] = {"train", "training", "trainer", "trainloader",
                                          NULL};
static const char *const DEV_WORDS[] = {"dev", NULL};
static const char *const SET_WORDS[] = {"loader", "dataloader", "ds", "set",
                                        "data",   "dataset",    NULL};

static bool has_word(struct str name, const char *const *words)
{
    struct str word;
    for (size_t at = 0; (word = next_word(name, &at)).len;)
        if (one_of(word, words))
            return true;
    return false;
}

static bool is_train_name(struct str name)
{
    return has_word(name, TRAIN_WORDS);
}

static bool is_eval_name(struct str name)
{
    /* "dev" alone is as often a stage of deployment. */
    return !is_train_name(name) &&
           (has_word(name, EVAL_WORDS) ||
            (has_word(name, DEV_WORDS) && has_word(name, SET_WORDS)));
}

static bool stands_in_validation(const struct document *doc, const struct setting *s)
{
    bool code = s->shape == SHAPE_CALL || (s->parent && s->parent->shape == SHAPE_CALL) ||
                (s->flags & SETTING_STATEMENT) != 0;
    if (!code || doc->source->language != LANGUAGE_PYTHON)
        return false;
    struct str block = bind_scope_block(doc, s); /* val_dataloader() only makes a loader */
    unsigned kinds = front_kinds_at(front_home(doc, s), s->key_span.from);
    return !is_train_name(block) && (kinds & BLOCK_VALIDATION || is_eval_name(block));
}

/* The last part of a key is the table's business: of gradient_clip_val it knows that it
 * has nothing to do with validation. */
static struct str container_part(struct str key)
{
    struct str last = bind_match_last(key);
    return str_slice(key, 0, key.len - last.len);
}

bool bind_scope_eval(const struct document *doc, const struct setting *s)
{
    bool train = false;
    for (const struct setting *at = s; at; at = at->parent) {
        bool leaf = at == s && s->shape != SHAPE_CALL;
        struct str key = leaf ? container_part(at->key) : at->key;
        if (is_eval_name(key) || (at->shape != SHAPE_PLAIN && is_eval_name(at->name)))
            return true;
        train |= is_train_name(at->key);
    }
    return !train && stands_in_validation(doc, s);
}

/* --- sections and presets ------------------------------------------------------ */

static const char *const SECTION_WORDS[] = {"data",
                                            "dataset",
                                            "datasets",
                                            "dataloader",
                                            "dataloaders",
                                            "loader",
                                            "loaders",
                                            "train",
                                            "trainer",
                                            "training",
                                            "model",
                                            "models",
                                            "optim",
                                            "optimizer",
                                            "optimiser",
                                            "solver",
                                            "hardware",
                                            "gpu",
                                            "cuda",
                                            "eval",
                                            "val",
                                            "valid",
                                            "validation",
                                            "test",
                                            "inference",
                                            "predict",
                                            "datamodule",
                                            "system",
                                            "performance",
                                            "memory",
                                            "common",
                                            "general",
                                            "base",
                                            "defaults",
                                            "default",
                                            "ds",
                                            "set",
                                            "hyperparameters",
                                            "hyp",
                                            "hparams",
                                            "experiment",
                                            "run",
                                            "env",
                                            "environment",
                                            "task",
                                            "pretrain",
                                            "finetune",
                                            "sampler",
                                            "criterion",
                                            "generator",
                                            "discriminator",
                                            "teacher",
                                            "student",
                                            "runtime",
                                            NULL};
static const char *const FILLER_WORDS[] = {
    "config",  "configs", "cfg", "conf",     "args",   "arguments", "params", "parameters",
    "options", "opts",    "opt", "settings", "kwargs", "v",         "my",     NULL};

bool bind_scope_section(struct str name)
{
    bool section = true;
    struct str word;
    for (size_t at = 0; (word = next_word(name, &at)).len;)
        section &= one_of(word, SECTION_WORDS) || one_of(word, FILLER_WORDS);
    return section;
}

bool bind_scope_config_call(struct str name)
{
    static const char *const WORDS[] = {
        "config",   "cfg",      "args",    "arguments", "params",    "parameters",
        "options",  "settings", "hparams", "dict",      "namespace", "hyperparameters",
        "defaults", NULL};
    return has_word(bind_match_last(name), WORDS);
}

/* --- Python -------------------------------------------------------------------- */

struct str bind_scope_block(const struct document *doc, const struct setting *s)
{
    doc = front_home(doc, s);
    if (doc->source->language != LANGUAGE_PYTHON || !doc->blocks.len)
        return (struct str){"", 0};
    uint32_t at = front_block_at(doc, s->key_span.from);
    while (at && !(doc->blocks.at[at].kinds & (BLOCK_FUNCTION | BLOCK_CLASS)))
        at = doc->blocks.at[at].parent;
    return at ? doc->blocks.at[at].name : (struct str){"", 0};
}

unsigned bind_scope_weight(const struct setting *s)
{
    if (s->flags & SETTING_STATEMENT)
        return BIND_PLACE_SIGNATURE;
    if (!s->parent)
        return BIND_PLACE_DEFINITION;
    if (s->parent->shape == SHAPE_SIGNATURE)
        return BIND_PLACE_SIGNATURE;
    return s->parent->shape == SHAPE_CALL ? BIND_PLACE_CALL : BIND_PLACE_DEFINITION;
}

/* cfg.NUM_WORKERS = 0 behind cfg = self.cfg.clone() is said of a copy. */
static bool is_of_copy(const struct document *doc, const struct setting *s)
{
    size_t dot = str_find_byte(s->key, '.', 0);
    if (doc->source->language != LANGUAGE_PYTHON || dot == SIZE_MAX || !doc->blocks.len)
        return false;
    uint32_t block = front_block_at(doc, s->key_span.from);
    while (block && !(doc->blocks.at[block].kinds & BLOCK_FUNCTION))
        block = doc->blocks.at[block].parent;
    const struct pattern *p = match_pattern(
        STR("(?m)^[ \\t]*([\\w.]+)[ \\t]*=[^\\n]*(?:\\.clone\\(|\\b(?:deep)?copy\\()"), NULL);
    struct str before = str_slice(doc->masked, 0, s->key_span.from);
    struct match m;
    for (size_t at = doc->blocks.at[block].span.from;
         block && p && match_find(p, before, at, &m); at = m.group[0].to)
        if (str_eq(str_slice(before, m.group[1].from, m.group[1].to), str_slice(s->key, 0, dot)))
            return true;
    return false;
}

/* An option to lock pages, of a program that offloads and loads no data. */
static bool locks_for_offload(const struct document *doc, const struct setting *s)
{
    const struct pattern *offload = match_pattern(STR("(?i)offload"), NULL);
    const struct pattern *loader = match_pattern(STR("(?i)data_?(loader|set|module)"), NULL);
    struct match m;
    return s->parent && s->parent->shape == SHAPE_ARGPARSE && offload && loader &&
           match_find(offload, doc->masked, 0, &m) && !match_find(loader, doc->masked, 0, &m);
}

/* Pages locked for offloading and workers that prepare data are not the loader's. */
bool bind_scope_foreign(const struct document *doc, const struct setting *s,
                        enum fact_id fact)
{
    static const char *const OFFLOAD[] = {"offload", "offloading", "offloaded",  "nvme",
                                          "aio",     "snapshot",   "checkpoint", NULL};
    static const char *const PREPARE[] = {"preprocess", "preprocessing", "preprocessor",
                                          "tokenize",   "tokenization",  "prepare",
                                          "extraction", "vllm",          NULL};
    if (is_of_copy(doc, s))
        return true;
    if (fact != FACT_pin_memory && fact != FACT_num_workers)
        return false;
    if (fact == FACT_pin_memory && locks_for_offload(doc, s))
        return true;
    const char *const *words = fact == FACT_pin_memory ? OFFLOAD : PREPARE;
    if (has_word(container_part(s->key), words))
        return true;
    for (const struct setting *up = s->parent; up; up = up->parent)
        if (has_word(up->key, words) || has_word(bind_match_last(up->name), words))
            return true;
    return false;
}

bool bind_scope_is_shape(enum fact_id fact)
{
    switch (fact) {
    case FACT_max_seq_len:
    case FACT_image_size:
    case FACT_frames:
    case FACT_in_channels:
    case FACT_hidden_size:
    case FACT_num_layers:
    case FACT_num_heads:
    case FACT_num_kv_heads:
    case FACT_ffn_size:
    case FACT_vocab_size:
    case FACT_cnn_channels:
    case FACT_lstm_hidden:
    case FACT_lstm_layers:
    case FACT_bidirectional:
        return true;
    default:
        return false;
    }
}

static bool is_trainer_call(struct str name)
{
    static const char *const WORDS[] = {"trainer", "train",      "fit",     "module",
                                        "loader",  "dataloader", "loaders", "dataloaders",
                                        "main",    NULL};
    return has_word(bind_match_last(name), WORDS) || bind_scope_config_call(name);
}

/* A class whose constructor takes the shape of a whole network, not of one block. */
static bool is_model_class(struct str name)
{
    static const char *const WORDS[] = {"model",  "net", "network",    "transformer",
                                        "lstm",   "gpt", "classifier", "detector",
                                        "config", NULL};
    struct str word, last = {"", 0};
    for (size_t at = 0; (word = next_word(name, &at)).len;)
        last = word;
    return one_of(last, WORDS);
}

static struct str class_around(const struct document *doc, const struct setting *s)
{
    doc = front_home(doc, s);
    uint32_t at = doc->blocks.len ? front_block_at(doc, s->key_span.from) : 0;
    while (at && !(doc->blocks.at[at].kinds & BLOCK_CLASS))
        at = doc->blocks.at[at].parent;
    return at ? doc->blocks.at[at].name : (struct str){"", 0};
}

/* Arguments of a call, at any depth, count when the call is a trainer's or a config's,
 * or the argument is called so. */
static bool is_foreign_argument(const struct setting *s)
{
    for (const struct setting *up = s->parent; up; up = up->parent) {
        if (up->kind == SETTING_LIST && up != s->parent)
            return true; /* one of several: parameter groups, data sets */
        if (bind_scope_config_call(up->key))
            return false;
        if (up->shape == SHAPE_CALL)
            return !is_trainer_call(up->name);
    }
    return false;
}

/* In a function a name is a variable of the moment. */
static bool is_passing(const struct document *doc, const struct setting *s)
{
    unsigned kinds = front_kinds_at(front_home(doc, s), s->key_span.from);
    return (s->flags & SETTING_STATEMENT) || str_find_byte(s->key, '.', 0) != SIZE_MAX ||
           (kinds & (BLOCK_FUNCTION | BLOCK_LOOP)) != 0;
}

static bool is_definition(const struct setting *up)
{
    return up && up->shape == SHAPE_ARGPARSE;
}

static bool is_known(const struct setting *s)
{
    if (s->kind == SETTING_SCALAR)
        return s->value.kind != VALUE_UNKNOWN;
    for (const struct setting *item = s->first; s->kind == SETTING_LIST && item;
         item = item->next)
        if (item->kind == SETTING_SCALAR && item->value.kind == VALUE_UNKNOWN)
            return false;
    return true;
}

/* The defaults of a function speak of training when it trains or loads by its name, or
 * takes something else that only training needs. */
static bool is_training_signature(const struct setting *s)
{
    static const char *const KEYS[] = {"lr",
                                       "learning_rate",
                                       "epochs",
                                       "num_epochs",
                                       "max_epochs",
                                       "n_epochs",
                                       "num_workers",
                                       "weight_decay",
                                       "optimizer",
                                       "pin_memory",
                                       "use_amp",
                                       "max_steps",
                                       "warmup_steps",
                                       "accumulation_steps",
                                       "gradient_accumulation_steps",
                                       "batch_size",
                                       "mixed_precision",
                                       "max_iters",
                                       NULL};
    if (is_trainer_call(s->parent->name))
        return true;
    for (const struct setting *o = s->parent->first; o; o = o->next)
        if (o != s && one_of(o->key, KEYS))
            return true;
    return false;
}

static bool signature_counts(const struct document *doc, const struct setting *s,
                             enum fact_id fact)
{
    if (s->value.kind == VALUE_NULL)
        return false;
    return bind_scope_is_shape(fact) ? is_model_class(class_around(doc, s))
                                     : is_training_signature(s);
}

bool bind_scope_generic(const struct document *doc, const struct binding *b,
                        const struct setting *s, enum fact_id fact)
{
    size_t prefix = bind_match_is_anywhere(b->key) ? 3 : 0;
    if (doc->source->language != LANGUAGE_PYTHON || b->inside.len ||
        bind_match_last(b->key).len + prefix < b->key.len)
        return true; /* the table itself says where */
    const struct setting *up = s->parent;
    if (is_foreign_argument(s))
        return false;
    if (!is_known(s))
        return is_definition(up) || (!is_passing(doc, s) && up->shape != SHAPE_CALL &&
                                     up->shape != SHAPE_SIGNATURE);
    if (s->flags & SETTING_STATEMENT || str_starts(s->key, STR("self.")))
        return !bind_scope_is_shape(fact);
    return up->shape != SHAPE_SIGNATURE || signature_counts(doc, s, fact);
}
