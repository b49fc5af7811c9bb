/* The fact table and the words of its enums. Enums are closed so that a typo in a
 * binding is caught; only `optimizer` is open, because new ones appear every month and
 * an unheard-of optimizer is still worth naming. */
#include "fact.h"

#include <assert.h>

#include "banned.h"

#define FACT(name, type, unit, meaning)                                                    \
    {STR_INIT(#name), FACT_TYPE_##type, STR_INIT(unit), STR_INIT(meaning)},
static const struct fact_info FACTS[] = {
#include "fact.def"
};
#undef FACT

static const struct {
    enum fact_id id;
    const char *words[64]; /* the rest stays NULL */
} ENUMS[] = {
    {FACT_strategy,
     {"single", "dp", "ddp", "fsdp", "zero1", "zero2", "zero3", "device_map"}},
    {FACT_precision, {"fp32", "amp-fp16", "amp-bf16", "fp16", "bf16", "fp8"}},
    {FACT_gradient_checkpointing, {"none", "selective", "full"}},
    {FACT_optimizer,
     {"sgd",
      "sgd-momentum",
      "adam",
      "adamw",
      "adam-8bit",
      "adamw-8bit",
      "adamw-4bit",
      "paged-adamw",
      "paged-adamw-8bit",
      "paged-adamw-32bit",
      "adamax",
      "nadam",
      "radam",
      "adagrad",
      "adadelta",
      "rmsprop",
      "rmsprop-8bit",
      "adafactor",
      "lion",
      "lion-8bit",
      "paged-lion",
      "paged-lion-8bit",
      "lamb",
      "lars",
      "muon",
      "sophia",
      "ademamix",
      "ademamix-8bit",
      "schedule-free-adamw",
      "schedule-free-sgd",
      "galore-adamw",
      "galore-adamw-8bit",
      "galore-adafactor",
      "apollo-adamw",
      "badam",
      "lomo",
      "adalomo",
      "adopt",
      "came",
      "prodigy",
      "dadaptation",
      "soap",
      "shampoo",
      "grokadamw",
      "stable-adamw",
      "adamw-fp8",
      "lbfgs"}},
    {FACT_optimizer_impl, {"foreach", "fused", "for-loop"}},
    {FACT_loss_impl, {"standard", "chunked", "fused-linear"}},
    {FACT_ema, {"none", "gpu", "cpu"}},
    {FACT_model_family,
     {"decoder", "encoder", "encoder-decoder", "vit", "cnn", "detector", "segmenter",
      "video", "rnn", "cnn-rnn", "unet", "diffusion", "mlp", "unknown"}},
    {FACT_attention, {"eager", "sdpa", "flash"}},
    {FACT_peft,
     {"none", "lora", "qlora", "dora", "adapter", "adapter-v2", "adalora", "loha", "lokr",
      "oft", "boft", "ia3", "prefix", "prompt", "p-tuning", "vera", "relora", "bitfit"}},
    {FACT_quantization,
     {"none", "int8", "int4", "nf4", "fp4", "fp8", "gptq-int2", "gptq-int3", "gptq-int4",
      "gptq-int8", "awq-int4", "aqlm", "hqq-int4", "hqq-int8", "eetq-int8", "mxfp4"}},
    {FACT_dataset_cache, {"none", "ram", "disk", "gpu"}},
    {FACT_platform, {"linux", "windows", "wsl", "jetson", "macos"}},
};

const struct fact_info *fact_info(enum fact_id id)
{
    assert(id < FACT_COUNT);
    return &FACTS[id];
}

enum fact_id fact_parse(struct str name)
{
    for (int i = 0; i < FACT_COUNT; i++)
        if (str_eq(FACTS[i].name, name))
            return (enum fact_id)i;
    return FACT_COUNT;
}

const char *const *fact_words(enum fact_id id)
{
    for (size_t i = 0; i < sizeof ENUMS / sizeof *ENUMS; i++)
        if (ENUMS[i].id == id)
            return ENUMS[i].words;
    return NULL;
}

static bool is_lower_word(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool letter = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';
        if (!letter && (i == 0 || (!digit && c != '-' && c != '_')))
            return false;
    }
    return s.len > 0;
}

static bool accepts_word(enum fact_id id, struct value v)
{
    if (v.kind != VALUE_STRING)
        return false;
    for (const char *const *word = fact_words(id); word && *word; word++)
        if (str_eq(v.as.string, str_from(*word)))
            return true;
    return id == FACT_optimizer && is_lower_word(v.as.string);
}

bool fact_accepts(enum fact_id id, struct value v)
{
    switch (fact_info(id)->type) {
    case FACT_TYPE_INT:
        return v.kind == VALUE_INT;
    case FACT_TYPE_FLOAT:
        return v.kind == VALUE_FLOAT || v.kind == VALUE_INT;
    case FACT_TYPE_BOOL:
        return v.kind == VALUE_BOOL;
    case FACT_TYPE_STRING:
        return v.kind == VALUE_STRING;
    case FACT_TYPE_ENUM:
        return accepts_word(id, v);
    case FACT_TYPE_LIST:
        /* A single side means a square image. */
        return v.kind == VALUE_LIST || (id == FACT_image_size && v.kind == VALUE_INT);
    }
    return false;
}
