/* Adapters: which matrices carry them, how many parameters that is, and which inputs
 * their backward needs. A frozen matrix itself keeps no input; its adapter does. */
#include <assert.h>

#include "memory_term.h"

#include "banned.h"

enum part {
    PART_Q = 1,
    PART_K = 2,
    PART_V = 4,
    PART_O = 8,
    PART_GATE = 16,
    PART_UP = 32,
    PART_DOWN = 64,
    PART_HEAD = 128,
    PART_QKV = 256, /* one packed matrix with one adapter */
    PART_ATTENTION = PART_Q | PART_K | PART_V | PART_O,
    PART_MLP = PART_GATE | PART_UP | PART_DOWN,
};

static const struct {
    const char *word;
    unsigned parts;
} WORDS[] = {
    {"q_proj", PART_Q},
    {"k_proj", PART_K},
    {"v_proj", PART_V},
    {"o_proj", PART_O},
    {"query", PART_Q},
    {"key", PART_K},
    {"value", PART_V},
    {"projection", PART_O},
    {"q", PART_Q},
    {"k", PART_K},
    {"v", PART_V},
    {"o", PART_O},
    {"wq", PART_Q},
    {"wk", PART_K},
    {"wv", PART_V},
    {"wo", PART_O | PART_DOWN},
    {"to_q", PART_Q},
    {"to_k", PART_K},
    {"to_v", PART_V},
    {"to_out.0", PART_O},
    {"output_proj", PART_O},
    {"out_proj", PART_O},
    {"dense", PART_O},
    {"c_attn", PART_QKV},
    {"qkv_proj", PART_QKV},
    {"qkv", PART_QKV},
    {"wqkv", PART_QKV},
    {"query_key_value", PART_QKV},
    {"attn", PART_ATTENTION},
    {"attention", PART_ATTENTION},
    {"self_attn", PART_ATTENTION},
    {"gate_proj", PART_GATE},
    {"up_proj", PART_UP},
    {"down_proj", PART_DOWN},
    {"gate_up_proj", PART_GATE | PART_UP},
    {"w1", PART_GATE},
    {"w2", PART_UP},
    {"w3", PART_DOWN},
    {"c_proj", PART_O | PART_DOWN},
    {"c_fc", PART_UP},
    {"fc1", PART_UP},
    {"fc2", PART_DOWN},
    {"wi", PART_UP},
    {"wi_0", PART_GATE},
    {"wi_1", PART_UP},
    {"dense_h_to_4h", PART_UP},
    {"dense_4h_to_h", PART_DOWN},
    {"mlp", PART_MLP},
    {"all-linear", PART_ATTENTION | PART_MLP},
    {"all_linear", PART_ATTENTION | PART_MLP},
    {"all", PART_ATTENTION | PART_MLP},
    {"head", PART_HEAD},
    {"lm_head", PART_HEAD},
};

static struct str last_part(struct str s)
{
    for (size_t i = s.len; i > 0; i--) {
        if (s.at[i - 1] == '.' && i < s.len && !str_ends(s, STR("to_out.0"))) {
            return str_slice(s, i, s.len);
        }
    }
    return s;
}

static unsigned parts_of_word(struct str word)
{
    word = last_part(str_trim(word));
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (str_eq_nocase(word, str_from(WORDS[i].word))) {
            return WORDS[i].parts;
        }
    }
    return 0;
}

/* Nothing said or nothing understood: query and value, PEFT's choice for most models. */
static unsigned parts_of(const struct run *run)
{
    struct value v = run_value(run, FACT_lora_targets);
    unsigned parts = 0;
    if (v.kind == VALUE_STRING) {
        parts = parts_of_word(v.as.string);
    }
    for (size_t i = 0; v.kind == VALUE_LIST && i < v.as.list.len; i++) {
        if (v.as.list.at[i].kind == VALUE_STRING) {
            parts |= parts_of_word(v.as.list.at[i].as.string);
        }
    }
    return parts ? parts : PART_Q | PART_V;
}

struct matrix {
    double in, out;
};

static size_t shapes_of(const struct network *net, unsigned parts, struct matrix at[8])
{
    double h = net->hidden, q = net->heads * net->head_dim,
           kv = net->kv_heads * net->head_dim;
    const struct {
        enum part part;
        struct matrix shape;
    } all[] = {
        {PART_Q, {h, q}},           {PART_K, {h, kv}},           {PART_V, {h, kv}},
        {PART_O, {q, h}},           {PART_UP, {h, net->ffn}},    {PART_DOWN, {net->ffn, h}},
        {PART_GATE, {h, net->ffn}}, {PART_QKV, {h, q + 2 * kv}},
    };
    size_t len = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bool there = all[i].part != PART_GATE || net->gated;
        if (there && (parts & all[i].part)) {
            at[len++] = all[i].shape;
        }
    }
    return len;
}

double memory_lora(const struct run *run, const struct network *net, double rank,
                   struct regime *out)
{
    assert(rank >= 0);
    unsigned parts = parts_of(run);
    struct matrix shapes[8];
    size_t len = shapes_of(net, parts, shapes);
    double per_layer = 0, kept = 0, widest = 0, cross = 0;
    bool dora = run_is(run, FACT_peft, "dora"); /* a magnitude for every output */
    for (size_t i = 0; i < len; i++) {
        per_layer += rank * (shapes[i].in + shapes[i].out) + (dora ? shapes[i].out : 0);
        out->adapter_outputs += dora ? 2 * shapes[i].out : 0;
        kept += shapes[i].in;
        widest = shapes[i].in > widest ? shapes[i].in : widest;
    }
    /* Adapters of one input may share it (no dropout, one dtype) or each keep a copy. */
    out->lora_inputs = (struct amount){.low = widest, .mid = kept, .high = kept * 1.5};
    /* A decoder's second attention has matrices of the same names. */
    len = shapes_of(net, parts & (PART_ATTENTION | PART_QKV), shapes);
    for (size_t i = 0; i < len && net->decoder_layers > 0; i++) {
        cross += rank * (shapes[i].in + shapes[i].out) + (dora ? shapes[i].out : 0);
    }
    double head = parts & PART_HEAD ? rank * (net->hidden + net->vocab) : 0;
    return per_layer * net->layers + (per_layer + cross) * net->decoder_layers + head;
}

void memory_adapter_v2(const struct network *net, struct regime *out)
{
    struct matrix shapes[8];
    size_t len = shapes_of(net, PART_ATTENTION | PART_MLP, shapes);
    out->lora_inputs = exactly(0);
    for (size_t i = 0; i < len; i++) {
        out->adapter_outputs += shapes[i].out;
    }
}
