/* What ships as data: rules, framework tables, profiles with their presets, and the
 * catalogues of GPUs and models. Compiled into the binary as constant tables by
 * tool/packc.c; pack_load reads the same YAML from a folder with the same result.
 * docs/FORMATS.md describes the files. A mistake in a pack is a finding. */
#ifndef PACK_H
#define PACK_H

#include "expr.h"
#include "fact.h"
#include "finding.h"
#include "habit.h"
#include "link_spec.h"
#include "loader.h"

#define PACK_LIST(type)                                                                    \
    struct {                                                                               \
        const type *at;                                                                    \
        uint32_t len;                                                                      \
    }

/* --- rules --------------------------------------------------------------- */

enum rule_scope {
    RULE_RUN,     /* once per run, over its facts */
    RULE_SETTING, /* once per scalar setting of a trainer file */
    RULE_PROJECT, /* once per invocation, over all runs */
    RULE_SOURCE,  /* Python patterns */
    RULE_NATIVE,  /* reported by the program itself (syntax); documented here */
};

struct fact_target { /* "after the fix this fact has this value" */
    enum fact_id fact;
    struct expr value; /* len 0: the setting is removed */
};

struct unsafe_when {
    struct expr when;
    struct phrase reason;
};

enum { FIX_WRAP = 2 };

struct fix_spec {
    enum safety safety;
    struct phrase description; /* len 0: made from the changes */
    PACK_LIST(struct fact_target) set;
    PACK_LIST(struct unsafe_when) unsafe_when; /* first that holds makes it unsafe */
    struct expr setting_text; /* scope setting: the new text of the value; len 0: none */
    /* scope source: `with`, a phrase over named groups, replaces `group` or stands by it */
    struct str group;
    struct phrase with;
    int8_t where; /* 0 replace, -1 before, +1 after, FIX_WRAP */
    bool present;
};

struct source_pattern {
    struct str find;     /* PCRE2 over the masked text, multiline; names are groups */
    struct str report;   /* group whose span is reported; "" = whole match */
    unsigned inside;     /* BLOCK_* that must enclose it (any of; 0: anywhere) */
    unsigned not_inside; /* BLOCK_* that must not */
    struct str file_has, file_lacks;         /* searched in the whole masked text */
    struct str function_has, function_lacks; /* in the innermost function or module */
    struct str loop_has, loop_lacks;         /* in the innermost loop */
    struct str before_has, before_lacks;     /* in what stands before the match */
};

struct rule_option {
    struct str name, help;
    struct value value; /* default */
};

struct rule_example {
    enum { EXAMPLE_BAD, EXAMPLE_GOOD, EXAMPLE_NEAR_MISS } kind;
    struct str file, text; /* file name decides the language */
    struct str args;       /* e.g. "--gpu 12GB" */
};

struct rule {
    struct str id, code, summary, why;
    enum severity severity;
    bool thumb;   /* rule of thumb: info while nobody chose a profile, else `severity` */
    bool preview; /* off unless selected by name */
    enum rule_scope scope;
    bool per_gpu;       /* evaluated for every target GPU; the finding names it */
    unsigned languages; /* 1 << LANGUAGE_*; 0: all */
    PACK_LIST(struct str) frameworks, not_frameworks;
    PACK_LIST(struct str) profiles; /* only under these; empty: any */
    struct expr when;
    enum fact_id at; /* where it is reported; FACT_COUNT: the first related that is there */
    PACK_LIST(enum fact_id) related;
    struct phrase message, help;
    struct fix_spec fix;
    PACK_LIST(struct source_pattern) patterns;
    PACK_LIST(struct rule_option) options;
    PACK_LIST(struct str) sources;
    PACK_LIST(struct rule_example) examples;
    struct str since, pack;
};

/* --- frameworks ---------------------------------------------------------- */

struct value_map {        /* written value -> fact value; read backwards by the fixer */
    struct value written; /* VALUE_NOTHING: any other value */
    struct value fact;    /* VALUE_NOTHING: unknown, because `why` */
    struct str why;
};

struct binding {
    struct str key;    /* "train.batch_size", "**.batch_size" (any depth), "/regex/" */
    enum fact_id fact; /* FACT_COUNT: known to the framework, means no fact (a trap) */
    PACK_LIST(struct value_map) values; /* empty: the value itself */
    PACK_LIST(struct str)
    inside;              /* container names it must stand in (call, class,
                            dict or map key; any level); empty: anywhere */
    struct expr when;    /* names are setting paths from the root; len 0: always */
    struct expr compute; /* over `value` and facts; len 0: none */
    struct str scope;    /* "eval", or a part such as "discriminator"; "" */
    bool insertable;     /* the fixer may add this key where it is missing */
    uint8_t weight;      /* of several settings for one fact the heaviest wins, then last */
};

struct evidence {                   /* any one that holds recognises the file */
    PACK_LIST(struct str) all_keys; /* every one is there (dotted paths or "**.key") */
    PACK_LIST(struct str) any_keys;
    uint32_t at_least;             /* of any_keys; 0: one */
    uint32_t at_most;              /* settings with a value in all of the file; 0: any */
    PACK_LIST(struct str) no_keys; /* and none of these */
    PACK_LIST(struct str) calls;   /* Python: a call of one of these */
    PACK_LIST(struct str) imports; /* Python: one of these modules is imported */
    struct str file;               /* regex over the path; "" any */
    struct str text;               /* regex over the text (masked for Python); "" any */
};

struct fact_default {
    enum fact_id fact;
    struct value value;
    struct str why;   /* "transformers 4.x" */
    struct expr when; /* over facts; len 0: always */
};

struct fact_rule { /* derived: fact = value when it is unknown and the value is known */
    enum fact_id fact;
    struct expr value;
};

struct framework {
    struct str id, summary;
    unsigned languages;
    enum loader loader; /* for YAML */
    int priority;       /* higher is tried first */
    bool generic;    /* plain tables: bindings apply beside another framework's in Python */
    unsigned habits; /* HABIT_* */
    PACK_LIST(struct evidence) evidence;
    PACK_LIST(struct binding) bindings;
    PACK_LIST(struct fact_default) defaults;
    PACK_LIST(struct fact_rule) derived;
    PACK_LIST(struct link_spec) links;
    PACK_LIST(struct str) sources;
};

/* --- profiles ------------------------------------------------------------ */

struct limit_point {
    double vram_gb; /* 0: any */
    double value;
};

struct limit {
    struct str name; /* batch_size_max, accumulation_min, workers_max, ... */
    PACK_LIST(struct limit_point) points; /* ascending by vram_gb */
    bool scales; /* other VRAM classes scale it, rounded down to a power of two */
    struct str origin;
};

struct fact_value {
    enum fact_id fact;
    struct value value;
};

struct preset {
    struct str name, summary;
    double vram_gb; /* the class it was made for */
    PACK_LIST(struct fact_value) facts;
};

struct profile {
    struct str id, summary, origin;
    double vram_gb;
    PACK_LIST(struct limit) limits;
    PACK_LIST(struct fact_value) wants; /* settings that the practice asks for */
    PACK_LIST(struct preset) presets;
};

/* --- advice -------------------------------------------------------------- */

enum effect { EFFECT_SAME, EFFECT_SLOWER, EFFECT_ROUNDING, EFFECT_TRAINING };

struct change { /* one way to need less memory, of the file's list in order of harm */
    struct str id;
    struct phrase name; /* "batch {batch_size} -> {new.batch_size}" */
    enum effect effect; /* on the result of training */
    uint32_t cost;      /* harm as a number; of several ways the cheapest is chosen */
    bool repeat;        /* may be taken again on what it gave */
    struct expr when;
    PACK_LIST(struct fact_target) set;
    PACK_LIST(struct unsafe_when) unsafe_when;
    struct str how; /* outside of any config: an environment variable; "" none */
};

struct method { /* a usual way to train, asked of every model of FAMILIES */
    struct str id, summary;
    PACK_LIST(struct str) families;
    PACK_LIST(struct fact_value) facts;
};

/* --- catalogues ---------------------------------------------------------- */

enum tristate { TRI_UNKNOWN, TRI_NO, TRI_YES };

struct gpu {
    struct str id, name; /* "rtx-3060-12gb", "GeForce RTX 3060 12GB" */
    PACK_LIST(struct str) aliases;
    double vram_gb;      /* nominal */
    uint32_t driver_mib; /* what the driver reports; 0 unknown */
    bool driver_verified;
    double bandwidth_gb_s; /* 0 unknown */
    uint16_t capability;   /* 86 for 8.6; 0: not CUDA or unknown */
    struct str architecture;
    enum tristate bf16, fp16_tensor_cores, fp8, tf32;
    bool laptop, shared_memory;
    struct str notes, source;
};

enum activation { ACTIVATION_GELU, ACTIVATION_SWIGLU, ACTIVATION_GEGLU, ACTIVATION_RELU };

struct model { /* exact architecture figures; 0 where the family has no such thing */
    struct str name;
    PACK_LIST(struct str) aliases;
    struct str family; /* a word of the fact model_family */
    uint64_t parameters;
    uint32_t hidden, layers, heads, kv_heads, head_dim, ffn, vocab, context;
    uint32_t decoder_layers, experts, active_experts;
    bool tied_embeddings, gated_mlp;
    unsigned habits; /* HABIT_*, as of a framework */
    uint32_t image;  /* pixels of a side; of image models, one sample of it in KiB: */
    uint32_t saved_kib, saved_amp_kib; /* kept for backward, fp32 and under autocast */
    uint32_t conv_kib;                 /* all tensors of the largest convolution, fp32 */
    double squared; /* share of what is kept that grows with the square of the pixels */
    bool batch_norm;
    uint32_t frames;            /* that the figures are for; 0: an image */
    double seconds;             /* of sound, likewise */
    uint64_t frozen_parameters; /* of encoders that stand beside and are not trained */
    uint64_t rank_parameters;   /* of one rank of LoRA on every attention's projections */
    /* fp32 and under autocast: with such adapters on a frozen base; with checkpointing; the
     * block that is recomputed. */
    uint32_t saved_lora_kib[2], checkpoint_kib[2], block_kib[2];
    struct str source;
};

enum component_kind { COMPONENT_BACKBONE, COMPONENT_NECK, COMPONENT_HEAD };
enum { COMPONENT_STAGES = 5 }; /* stem and four */

/* A part of a detector or segmenter, at 1024 x 1024 pixels; KiB of one image. */
struct component {
    struct str name;
    PACK_LIST(struct str) aliases;
    enum component_kind kind;
    uint64_t parameters;
    uint32_t channels;                 /* of a backbone's last map */
    uint32_t stages[COMPONENT_STAGES]; /* kept for backward; goes with the pixels */
    uint32_t stages_amp[COMPONENT_STAGES];
    uint32_t stages_frozen[COMPONENT_STAGES]; /* with batch norm made a constant */
    uint32_t dilated[2]; /* third and fourth stage that dilate instead of striding */
    uint32_t conv[COMPONENT_STAGES]; /* tensors of the largest convolution */
    uint32_t per_class;              /* of `sample`, besides */
    uint32_t image[2], sample[2];    /* fp32 and autocast; sample: whatever the size */
    uint32_t pyramid, stride, anchors, scores; /* finest stride; of the map; see FORMATS */
    PACK_LIST(struct str) made_of;             /* parts, each as often as it is named */
    uint32_t score_bytes;                      /* kept of every anchor and class */
    bool compared;         /* its anchors with the boxes of an image, all pairs at once */
    uint32_t second_times; /* so often stands the second head */
};

struct config_key { /* of a model's config.json */
    struct str field; /* of struct model */
    PACK_LIST(struct str) keys;
};

struct config_type {
    PACK_LIST(struct str) types; /* values of model_type */
    struct str like;             /* the model that says what config.json does not */
    bool tied;                   /* embeddings, where it is silent */
};

/* --- the pack ------------------------------------------------------------ */

struct model_name {
    struct str name; /* lower case */
    uint32_t model;  /* index in the pack's models */
};

#define MODEL_AMBIGUOUS UINT32_MAX /* two models go by this name */

struct pack {
    PACK_LIST(struct rule) rules;           /* by code */
    PACK_LIST(struct framework) frameworks; /* by falling priority */
    PACK_LIST(struct profile) profiles;
    PACK_LIST(struct change) changes;       /* least harm first */
    PACK_LIST(struct unsafe_when) batch_unsafe; /* of every fix that changes the batch */
    PACK_LIST(struct method) methods;
    PACK_LIST(struct gpu) gpus;
    PACK_LIST(struct model) models;
    PACK_LIST(struct component) components;
    PACK_LIST(struct config_key) config_keys;
    PACK_LIST(struct config_type) config_types;
    PACK_LIST(struct model_name) model_names; /* sorted; made by pack_index */
};

/* What is compiled in. */
const struct pack *pack_builtin(void);
/* Reads every YAML below DIR (rules, bind, profiles, catalog) into A. Mistakes are findings
 * in PROBLEMS; false when there is one of severity error, or DIR cannot be read. */
bool pack_load(struct arena *a, const char *dir, struct pack *out,
               struct findings *problems, struct err *err);

/* Makes model_names from models; pack_load does it. For a pack put together by hand. */
void pack_index(struct arena *a, struct pack *p);

const struct rule *pack_find_rule(const struct pack *p, struct str code_or_id);
const struct profile *pack_find_profile(const struct pack *p, struct str id);
/* By name or alias, in any case. */
const struct component *pack_find_component(const struct pack *p, enum component_kind kind,
                                            struct str name);
const struct model *pack_find_model(const struct pack *p, struct str name_as_written);

#endif
