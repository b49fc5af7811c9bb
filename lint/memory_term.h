/* Private to memory*.c (and the accuracy harness): a network as numbers, and what a run
 * of it keeps on the device. Knows no file. Everything on the device is linear in the
 * batch once network and settings are fixed, so a plan is made once and any batch size
 * costs a few additions. */
#ifndef MEMORY_TERM_H
#define MEMORY_TERM_H

#include "memory.h"
#include "memory_amount.h"
#include "memory_network.h"

/* How the run trains, decided before any byte is counted. */
struct regime {
    double weight, compute, residual, head; /* bytes per element; head: of the logits */
    bool autocast;
    bool adapters;        /* PEFT of any kind: the base is frozen */
    bool backbone_frozen; /* nothing before the head keeps activations */
    double frozen_base;   /* bytes per frozen parameter that is not quantised */
    double frozen_base_high;
    bool prepared;    /* what a quantised base leaves is cast to fp32 */
    double quantised; /* bytes per parameter of the quantised matrices; 0: none */
    enum { CHECKPOINT_NONE, CHECKPOINT_SELECTIVE, CHECKPOINT_FULL } checkpoint;
    bool eager_attention, flash_attention;
    bool compiled;
    unsigned habits; /* of program and model: memory_habits.h */
    double ranks;              /* data-parallel width */
    double tensor, sequence;   /* tensor- and context-parallel widths */
    double pipeline;           /* stages, device_map included */
    struct amount lora_inputs; /* elements per token and layer kept for adapters */
    double adapter_outputs;    /* likewise: results that are scaled, DoRA's twice */
};

/* What is resident whatever the batch, and what each sample adds. */
struct plan {
    struct network net;
    struct regime regime;
    double trainable;
    struct amount weights, gradients, optimizer;
    struct amount cast_cache;     /* half copies while autocast's graph lives */
    struct amount first_gradient; /* what exists when backward starts */
    struct amount step_temporary, fixed_workspace;
    struct amount gathered;  /* whole units of a sharded model while they compute */
    struct amount unflatten; /* gradients of a unit's parts before they are one */
    struct amount kept, recomputed, layer_temporary, logits, input; /* per sample */
    struct amount context;
    struct amount slack_passing, gradient_holes; /* shares that are reserved besides */
    double slack_share;                          /* scales the allocator's slack */
    struct amount growth_share; /* of what samples of other lengths leave behind */
};

struct moment_bill {
    struct amount weights, gradients, optimizer, activations, logits, workspace;
};

struct bill {
    struct moment_bill moments[3];
    struct amount slack, context, total;
    struct amount growth;    /* cached blocks that the allocator gives back when it must */
    struct amount allocated; /* the largest moment, without slack and context */
    enum moment peak_at;
};

struct notes { /* where assumptions are written down */
    struct arena *arena;
    struct assumptions *list;
};

void memory_note(struct notes *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* memory_model.c: the network from the catalogue or the run's own figures. False, with
 * a note of the line that would help, when it cannot be known. */
bool memory_resolve(struct notes *n, const struct pack *pack, const struct run *run,
                    struct network *out);
void memory_regime(struct notes *n, const struct run *run, const struct network *net,
                   struct regime *out);
bool memory_flag(const struct run *run, enum fact_id id); /* known and true */
/* A known list with an item that holds WORD. */
bool memory_lists(const struct run *run, enum fact_id id, const char *word);
/* ZeRO keeps half weights and an fp32 master in the optimizer, whatever "amp" says. */
bool memory_deepspeed(const struct run *run);
/* memory_state.c: weights, gradients, optimizer. */
void memory_state(struct notes *n, const struct run *run, struct plan *p);
/* Per-sample terms of each kind of network. */
void memory_transformer(struct notes *n, const struct run *run, struct plan *p);
void memory_vision(struct notes *n, const struct run *run, struct plan *p);
void memory_rnn(struct notes *n, const struct run *run, struct plan *p);
void memory_layers(struct notes *n, const struct run *run, struct plan *p);
/* Put together from backbone, neck and heads; false, with a note, when a part is missing. */
bool memory_parts_resolve(struct notes *n, const struct pack *pack, const struct run *run,
                          struct network *out);
/* Of one image as the run says it. */
bool memory_pixels(const struct run *run, double *pixels);
/* From the fact `layers`; false when it names none that is known. */
bool memory_layers_resolve(struct notes *n, const struct run *run, struct network *out);

/* Its convolutions included. */
double memory_rnn_parameters(const struct network *net);
/* Adapter parameters of rank R on every layer's targets; OUT gets what backward keeps. */
double memory_lora(const struct run *run, const struct network *net, double rank,
                   struct regime *out);

/* LLaMA-Adapter V2: every matrix' result is scaled and so kept; no input is. */
void memory_adapter_v2(const struct network *net, struct regime *out);

bool memory_plan(struct notes *n, const struct pack *pack, const struct run *run,
                 const struct target *target, struct plan *out);
void memory_bill(const struct plan *p, double batch, struct bill *out);
uint64_t memory_bytes(double x); /* rounded, 0 at least */
enum verdict memory_verdict(uint64_t low, uint64_t high, uint64_t usable);
/* Fills E's by_length where nothing but the length of the sequences is missing. */
void memory_over_lengths(struct arena *a, const struct pack *pack, const struct run *run,
                         const struct target *target, double batch, struct estimate *e);
/* Fills E's by_devices where the number of devices is open. */
void memory_over_devices(struct arena *a, const struct pack *pack, const struct run *run,
                         const struct target *target, double batch, struct estimate *e);
/* What the process shows: the total and the cache that USABLE bytes (0: any) leave room for. */
struct amount memory_held(const struct bill *b, double usable);

#endif
