/* What a transformer's backward needs, operation by operation: an operation keeps what its
 * derivative names (a matrix product its input, a norm its input, GELU its input, softmax
 * its result), a tensor kept twice counts once. Per token and layer, in bytes, with e the
 * bytes of compute and r those of the residual stream; docs/MEMORY.md section 3. */
#include <assert.h>
#include <math.h>

#include "memory_habits.h"
#include "memory_term.h"

#include "banned.h"

/* Samples shorter than the cap: the low bound takes half of it. */
static const double SHORT_SAMPLES = 0.5;
/* Counts of the real classes (fixtures/transformer/) lie 6 % below to 11 % above. */
static const double KEPT_LOW = 0.95, KEPT_HIGH = 1.12;

/* --- one layer --------------------------------------------------------------- */

static double norms(const struct network *net, const struct regime *r)
{
    double h = net->hidden, e = r->compute;
    if (net->rms_norm && !r->compiled) {
        /* Written in Python: an fp32 copy of the input, its product, the cast. */
        bool half = r->residual == 2;
        double input = half && (r->habits & HABIT_T5_LAYERS) ? 2 : 0;
        if (r->adapters) {
            return 2 * h * (4 + input);
        }
        return 2 * h * (half ? 4 + 2 * e + input : 8 + e);
    }
    /* Autocast computes a layer norm in fp32 and so keeps an fp32 copy of its input. */
    double input = r->autocast ? 4 : r->residual;
    return 2 * h * (input + (r->adapters ? 0 : e));
}

/* The same over queries and keys: a copy in fp32, and the cast that the weight needs. */
static double head_norms(const struct network *net, const struct regime *r)
{
    if (!(r->habits & HABIT_NORMED_HEADS) || r->compiled) {
        return 0;
    }
    double width = (net->heads + net->kv_heads) * net->head_dim;
    return width * (r->adapters ? 4 : 4 + r->compute);
}

/* Autocast caches the casts of weights, not of activations: each of three projections
 * (and of two in a gated MLP) keeps its own half copy of the fp32 norm output. */
static double casts(const struct network *net, const struct regime *r)
{
    bool separate = net->gated || net->kind == NETWORK_ENCODER ||
                    net->kind == NETWORK_ENCODER_DECODER;
    if (!r->autocast || r->residual != 4 || r->adapters || !separate) {
        return 0;
    }
    return (net->gated ? 3 : 2) * r->compute * net->hidden;
}

/* The input of every quantised matrix, which a frozen one does not need. */
static double quantised_inputs(const struct network *net, const struct regime *r)
{
    bool keeps = r->habits & DECIDED_KEEPS_INPUTS;
    return keeps ? r->compute * (2 * net->hidden + net->ffn) : 0;
}

/* Fused kernels keep q, k, v, the output and one log-sum per head and token; SDPA is fed
 * keys and values repeated for every head, flash kernels are not; one head of keys is
 * shared without a copy. */
static double attention(const struct network *net, const struct regime *r)
{
    double q = net->heads * net->head_dim, kv = net->kv_heads * net->head_dim;
    bool packed = r->habits & HABIT_PACKED_QKV;
    bool shared = r->flash_attention || r->compiled || (net->kv_heads == 1 && !packed);
    double kept = 2 * q + (shared ? 2 * kv : 2 * q);
    if (packed) { /* rotated copies, and the base that v is a view of */
        kept += q + kv + (kv == q ? 2 * kv : 0);
    }
    return r->compute * kept + 4 * net->heads;
}

/* Bytes per pair of tokens that unfused attention keeps. */
static double scores(const struct network *net, const struct regime *r)
{
    bool modern = net->kind == NETWORK_DECODER && !net->dropout; /* asks for fp32 */
    bool fp32_softmax = r->autocast || (modern && r->compute == 2);
    fp32_softmax = fp32_softmax && !(r->habits & HABIT_PACKED_QKV); /* SDPA's own */
    double e = r->compute, bytes = fp32_softmax ? 4 + 2 : e;
    if (net->dropout) {
        bytes = fp32_softmax ? 4 + 1 + 2 : 2 * e + 1;
    }
    return net->heads * bytes;
}

/* Tensors of the MLP's width: gate, its activation, up and their product; or what goes
 * into the activation and what comes out. A frozen matrix does not keep the last. */
static double mlp(const struct network *net, const struct regime *r)
{
    double f = net->ffn * (net->active_experts > 0 ? net->active_experts : 1);
    double tensors = net->gated ? 4 : 2;
    tensors -= r->adapters ? 1 : 0;
    tensors -= net->gated && r->compiled ? 1 : 0; /* the activation is computed again */
    /* A 4-bit matrix answers in the type it was asked in: fp32 behind an fp32 norm. */
    double e = r->prepared ? 4 : r->compute;
    if (net->experts > 0 && r->autocast && !r->adapters) {
        e = r->residual; /* experts are no operation that autocast knows (transformers 5) */
    }
    double formula = 0;
    if (r->habits & HABIT_PYTHON_GELU) { /* autocast takes its power in fp32 */
        formula = r->autocast && !r->prepared ? 12 : 3 * e;
    }
    double mask = r->habits & HABIT_T5_LAYERS ? 1 : 0;
    /* Tokens are gathered by expert, and come back weighted. */
    double copies = net->active_experts * (r->adapters ? 1 : 2) * e * net->hidden;
    return f * (e * tensors + formula + mask) + copies;
}

/* A decoder's second attention: its norm, queries and result; keys and values of the
 * source are counted per token of that (cross_source). */
static double cross_attention(const struct network *net, const struct regime *r)
{
    double q = net->heads * net->head_dim;
    return norms(net, r) / 2 + 2 * r->compute * q + 4 * net->heads +
           (net->dropout ? net->hidden : 0);
}

/* Per source token and decoder layer; autocast casts the encoder's output for each. */
static double cross_source(const struct network *net, const struct regime *r)
{
    double casts = r->autocast && r->residual == 4 && !r->adapters ? 2 * net->hidden : 0;
    return r->compute * (2 * net->kv_heads * net->head_dim + casts);
}

/* What adapters keep: LORA_INPUTS in the type they compute in and the dropout's mask. */
static struct amount adapter_inputs(const struct network *net, const struct regime *r)
{
    struct amount inputs = r->lora_inputs;
    double e = r->habits & DECIDED_CAST_INPUTS ? 4 : r->compute;
    /* q, k and v, where they are targets, share one */
    if ((r->habits & HABIT_PACKED_QKV) && inputs.mid > 0) {
        double saved = fmin(2, floor(inputs.mid / net->hidden) - 1) * net->hidden;
        inputs.mid -= inputs.mid < 4 * net->hidden ? fmax(0, saved) : 2 * net->hidden;
    }
    /* DoRA runs the matrix again, and keeps that result and the adapter's (peft dora.py). */
    double scaled = e * r->adapter_outputs;
    return (struct amount){
        inputs.low * r->compute + scaled / 2,
        inputs.mid * (r->habits & DECIDED_CAST_INPUTS ? e : e + 1) + scaled,
        inputs.high * (e + 1) + scaled};
}

/* Per token of one layer, without scores. CROSS: a second attention with its norm. */
static struct amount layer_bytes(const struct network *net, const struct regime *r, bool cross)
{
    double base = norms(net, r) + head_norms(net, r) + casts(net, r) + attention(net, r);
    base += mlp(net, r);
    base += net->dropout ? 2 * net->hidden : 0;
    base += 4 * net->experts; /* router logits */
    base += cross ? cross_attention(net, r) : 0;
    base += quantised_inputs(net, r);
    struct amount sum = amount_add(exactly(base), adapter_inputs(net, r));
    return (struct amount){sum.low * (r->compiled ? 0.8 : KEPT_LOW), sum.mid,
                           sum.high * KEPT_HIGH};
}

/* Gradients of one layer's tensors that live at once while its backward runs. */
static double layer_gradients(const struct network *net, const struct regime *r)
{
    double f = net->ffn * (net->active_experts > 0 ? net->active_experts : 1);
    return r->compute * ((net->gated ? 3 : 2) * f + 2 * net->hidden);
}

/* --- a stack of layers ------------------------------------------------------- */

struct stack {
    double layers, tokens;
    double source; /* tokens that a second attention looks at; 0: there is none */
};

static void add_stack(struct plan *p, struct stack s)
{
    const struct network *net = &p->net;
    const struct regime *r = &p->regime;
    struct amount layer = amount_times(layer_bytes(net, r, s.source > 0), s.tokens);
    layer = amount_add(layer, exactly(s.source * cross_source(net, r)));
    double pairs = r->eager_attention ? scores(net, r) * s.tokens * s.tokens : 0;
    struct amount eager = exactly(pairs);
    if (r->checkpoint == CHECKPOINT_SELECTIVE) {
        p->recomputed = amount_add(p->recomputed, eager);
        eager = exactly(0);
    }
    struct amount block = amount_add(layer, eager);
    if (r->checkpoint == CHECKPOINT_FULL) {
        double boundary = s.tokens * net->hidden * r->residual * s.layers;
        p->kept = amount_add(p->kept, (struct amount){boundary, boundary, boundary * 1.15});
        p->recomputed.low = fmax(p->recomputed.low, block.low);
        p->recomputed.mid = fmax(p->recomputed.mid, block.mid);
        p->recomputed.high = fmax(p->recomputed.high, block.high);
    } else {
        p->kept = amount_add(p->kept, amount_times(block, s.layers));
    }
    /* Unfused attention's backward holds the gradient of the scores before and after the
     * softmax in fp32, and its half copy. */
    double pair = 4 + 4 + (r->compute == 2 ? 2 : 0);
    double grads = layer_gradients(net, r) * s.tokens +
                   (r->eager_attention ? pair * net->heads * s.tokens * s.tokens : 0);
    p->layer_temporary.low = fmax(p->layer_temporary.low, grads * 0.3);
    p->layer_temporary.mid = fmax(p->layer_temporary.mid, grads);
    p->layer_temporary.high = fmax(p->layer_temporary.high, grads * 1.5);
}

/* --- logits ------------------------------------------------------------------ */

/* Bytes per token and word of the vocabulary at the start of backward: the logits, their
 * log-softmax in fp32, and two fp32 gradients; older code also keeps fp32 copies. */
static struct amount logit_bytes(const struct run *run, const struct regime *r)
{
    if (run_is(run, FACT_loss_impl, "fused-linear")) {
        return (struct amount){0, 0.1, 1};
    }
    if (run_is(run, FACT_loss_impl, "chunked")) {
        return (struct amount){2, 6, 8};
    }
    if (r->habits & HABIT_CHUNKED_LOGITS) { /* half logits and their log-softmax */
        return (struct amount){r->head, 2 * r->head, r->head + 12};
    }
    if ((r->habits & HABIT_HALF_LOSS) && !r->autocast) {
        return (struct amount){3 * r->head, 4 * r->head, 5 * r->head};
    }
    if (r->compiled) { /* the casts and the softmax are fused */
        return (struct amount){r->head, r->head + 4, r->head + 10};
    }
    /* Before 4.46 the model gave its logits out in fp32. */
    int version = memory_version(run, FACT_transformers_version);
    double head = version > 0 && version < 446 ? 4 : r->head;
    if (version >= 446) {
        return (struct amount){head + 8, head + 12, head + 14};
    }
    return (struct amount){r->head + 6, head + 12, head + 16};
}

/* What one chunk of 128 tokens needs while it is worked on: its logits before adapters
 * are added, the two gradients; with an adapter on the head its product, scaled, too. */
static double chunk_bytes(const struct run *run, const struct network *net,
                          const struct regime *r)
{
    static const double TOKENS = 128;
    if (!(r->habits & HABIT_CHUNKED_LOGITS)) {
        return 0;
    }
    double tensors = memory_lists(run, FACT_lora_targets, "head") ? 5 : 3;
    return tensors * r->head * fmin(TOKENS, net->tokens) * net->vocab;
}

static bool has_vocabulary_head(const struct network *net)
{
    return net->vocab > 0 &&
           (net->kind == NETWORK_DECODER || net->kind == NETWORK_ENCODER_DECODER);
}

/* --- all of it --------------------------------------------------------------- */

static void short_samples(struct plan *p)
{
    if (!p->net.tokens_are_cap) {
        return;
    }
    p->kept.low *= SHORT_SAMPLES;
    p->recomputed.low *= SHORT_SAMPLES;
    p->logits.low *= SHORT_SAMPLES;
    p->layer_temporary.low *= SHORT_SAMPLES;
}

static void split_over_ranks(struct plan *p)
{
    double t = p->regime.tensor;
    double c = p->regime.sequence;
    double share = (10 + 24 / t) / 34 / c; /* norms and dropout stay whole */
    p->kept = amount_times(p->kept, share);
    p->recomputed = amount_times(p->recomputed, share);
    p->layer_temporary = amount_times(p->layer_temporary, share);
    p->logits = amount_times(p->logits, 1 / t / c);
}

/* The last step's graph is still there when a forward ends. What autograd saved is gone
 * from it; what an operation of bitsandbytes' hung on itself is not. Two steps in a row
 * are rarely of the longest samples: half of them. */
static void outlived(struct plan *p)
{
    const struct network *net = &p->net;
    unsigned habits = p->regime.habits;
    if (!(habits & HABIT_GRAPH_OUTLIVES_STEP) || !(habits & DECIDED_KEEPS_INPUTS)) {
        return;
    }
    double whole = quantised_inputs(net, &p->regime) * net->tokens * net->layers;
    double half = net->tokens_are_cap ? whole / 2 : whole;
    p->kept = amount_add(p->kept, (struct amount){0, half, whole});
}

void memory_transformer(struct notes *n, const struct run *run, struct plan *p)
{
    const struct network *net = &p->net;
    double out_tokens = net->tokens;
    add_stack(p, (struct stack){net->layers, net->tokens, 0});
    if (net->kind == NETWORK_ENCODER_DECODER) {
        add_stack(p,
                  (struct stack){net->decoder_layers, net->decoder_tokens, net->tokens});
        out_tokens = net->decoder_tokens;
    }
    if (has_vocabulary_head(net)) {
        double chunk = chunk_bytes(run, net, &p->regime);
        p->logits = amount_times(logit_bytes(run, &p->regime), out_tokens * net->vocab);
        p->logits = amount_add(p->logits, (struct amount){0, chunk, chunk});
    } else if (net->vocab > 0) {
        memory_note(n, "a small task head assumed: no logits over the vocabulary");
    }
    outlived(p);
    if (p->regime.backbone_frozen) {
        p->kept = (struct amount){0, p->kept.mid * 0.05, p->kept.high};
    }
    /* Embeddings and the final norm keep a few more tensors of the residual stream. */
    double ends = net->tokens * net->hidden * p->regime.residual;
    p->kept = amount_add(p->kept, (struct amount){ends, 3 * ends, 4 * ends});
    p->input = exactly(net->kind == NETWORK_VIT
                           ? net->image * net->image * net->image_scale * 3 * 4
                           : 3 * 8 * net->tokens);
    short_samples(p);
    split_over_ranks(p);
}
