/* What a transformer's backward needs, operation by operation: an operation keeps what its
 * derivative names (a matrix product its input, a norm its input, GELU its input, softmax
 * its result), a tensor kept twice counts once. Per token and layer, in bytes, with e the
 * bytes of compute and r those of the residual stream; docs/MEMORY.md section 3. */
#include <assert.h>
#include <math.h>

#include "memory_term.h"

#include "banned.h"

/* Samples shorter than the cap: the low bound takes half of it. */
static const double SHORT_SAMPLES = 0.5;
/* Published figures lie 0-12 % above these sums, slopes of LoRA runs up to 18 %. */
static const double KEPT_LOW = 0.92, KEPT_HIGH = 1.2;

/* --- one layer --------------------------------------------------------------- */

static double norms(const struct network *net, const struct regime *r)
{
    double h = net->hidden, e = r->compute;
    if (net->rms_norm && !r->compiled) {
        /* Written in Python: an fp32 copy of the input, its product, the cast. */
        if (r->adapters) {
            return 2 * 4 * h;
        }
        return 2 * h * (r->residual == 2 ? 4 + 2 * e : 8 + e);
    }
    return 2 * h * (r->residual + (r->adapters ? 0 : e));
}

/* Autocast caches the casts of weights, not of activations: each of three projections
 * (and of two in a gated MLP) keeps its own half copy of the fp32 norm output. */
static double casts(const struct network *net, const struct regime *r)
{
    bool separate = net->gated || net->kind == NETWORK_ENCODER;
    if (!r->autocast || r->residual != 4 || r->adapters || !separate) {
        return 0;
    }
    return (net->gated ? 3 : 2) * r->compute * net->hidden;
}

/* Older bitsandbytes kept the input of every quantised matrix, which a frozen one does
 * not need. */
static struct amount quantised_inputs(const struct network *net, const struct regime *r)
{
    if (r->quantised <= 0) {
        return exactly(0);
    }
    double inputs = r->compute * (2 * net->hidden + net->ffn);
    return (struct amount){0, inputs / 2, inputs};
}

/* Fused kernels keep q, k, v, the output and one log-sum per head and token; SDPA is fed
 * keys and values repeated for every head, flash kernels are not. */
static double attention(const struct network *net, const struct regime *r)
{
    double q = net->heads * net->head_dim, kv = net->kv_heads * net->head_dim;
    double keys = r->flash_attention || r->compiled ? 2 * kv : 2 * q;
    return r->compute * (2 * q + keys) + 4 * net->heads;
}

/* Bytes per pair of tokens that unfused attention keeps. */
static double scores(const struct network *net, const struct regime *r)
{
    bool fp32_softmax = r->autocast || (net->rms_norm && r->compute == 2);
    double e = r->compute, bytes = fp32_softmax ? 4 + 2 : e;
    if (net->dropout) {
        bytes = fp32_softmax ? 4 + 1 + 2 : 2 * e + 1;
    }
    return net->heads * bytes;
}

static double mlp(const struct network *net, const struct regime *r)
{
    double f = net->ffn * (net->active_experts > 0 ? net->active_experts : 1);
    double gated = r->adapters ? 3 : 4, plain = r->adapters ? 1 : 2;
    gated -= r->compiled; /* the activation's result is computed again */
    /* A 4-bit matrix answers in the type it was asked in: fp32 behind an fp32 norm. */
    bool fp32 = r->prepared;
    return (fp32 ? 4 : r->compute) * f * (net->gated ? gated : plain);
}

/* Per token of one layer, without scores. CROSS: a second attention with its norm. */
static struct amount layer_bytes(const struct network *net, const struct regime *r,
                                 bool cross)
{
    double base = norms(net, r) + casts(net, r) + attention(net, r) + mlp(net, r);
    base += net->dropout ? 2 * net->hidden : 0;
    base += 4 * net->experts; /* router logits */
    if (cross) {
        base += attention(net, r) + norms(net, r) / 2;
    }
    struct amount adapters = amount_times(r->lora_inputs, r->compute + 1);
    struct amount sum = amount_add(exactly(base), adapters);
    sum = amount_add(sum, quantised_inputs(net, r));
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
    bool cross;
};

static void add_stack(struct plan *p, struct stack s)
{
    const struct network *net = &p->net;
    const struct regime *r = &p->regime;
    struct amount layer = amount_times(layer_bytes(net, r, s.cross), s.tokens);
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
    if (r->compiled) { /* the casts and the softmax are fused */
        return (struct amount){r->head, r->head + 4, r->head + 10};
    }
    double copies = 12;
    return (struct amount){r->head + 6, r->head + copies, r->head + 16};
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

void memory_transformer(struct notes *n, const struct run *run, struct plan *p)
{
    const struct network *net = &p->net;
    double out_tokens = net->tokens;
    add_stack(p, (struct stack){net->layers, net->tokens, false});
    if (net->kind == NETWORK_ENCODER_DECODER) {
        add_stack(p, (struct stack){net->decoder_layers, net->decoder_tokens, true});
        out_tokens = net->decoder_tokens;
    }
    if (has_vocabulary_head(net)) {
        p->logits = amount_times(logit_bytes(run, &p->regime), out_tokens * net->vocab);
    } else if (net->vocab > 0) {
        memory_note(n, "a small task head assumed: no logits over the vocabulary");
    }
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
