/* The network as numbers: from the catalogue by name, else from the run's own figures.
 * What is missing becomes a noted assumption only where it moves the result by little;
 * otherwise there is no network and the note names the line that would give one. */
#include <assert.h>
#include <math.h>

#include "memory_term.h"
#include "vec.h"

#include "banned.h"

static bool number(const struct run *run, enum fact_id id, double *out)
{
    double x;
    if (!run_number(run, id, &x) || !(x > 0) || x > 1e13) {
        return false;
    }
    *out = x;
    return true;
}

static double number_or(const struct run *run, enum fact_id id, double otherwise)
{
    double x;
    return number(run, id, &x) ? x : otherwise;
}

/* --- by name --------------------------------------------------------------- */

static bool kind_of(const struct model *m, enum network_kind *kind)
{
    if (m->saved_kib > 0) {
        *kind = NETWORK_SAVED;
    } else if (m->hidden == 0 || m->layers == 0) {
        return false;
    } else if (str_eq(m->family, STR("vit"))) {
        *kind = NETWORK_VIT;
    } else if (str_eq(m->family, STR("encoder"))) {
        *kind = NETWORK_ENCODER;
    } else if (str_eq(m->family, STR("encoder-decoder"))) {
        *kind = NETWORK_ENCODER_DECODER;
    } else {
        *kind = NETWORK_DECODER;
    }
    return true;
}

static bool drops_out(const struct model *m)
{
    return str_eq(m->family, STR("encoder")) || (m->habits & HABIT_DROPOUT);
}

static struct kept_pair pair_of(const uint32_t *kib)
{
    return (struct kept_pair){kib[0] * 1024.0, kib[1] * 1024.0};
}

static bool is_image_classifier(struct str family)
{
    return str_eq(family, STR("cnn")) || str_eq(family, STR("vit"));
}

static double transformer_parameters(const struct network *net);

static bool from_catalogue(struct notes *n, const struct model *m, struct network *out)
{
    enum network_kind kind;
    if (!kind_of(m, &kind)) {
        memory_note(n, "%.*s: the catalogue has its size but not what its layers keep",
                    STR_ARG(m->name));
        return false;
    }
    *out = (struct network){
        .kind = kind,
        .name = m->name,
        .family = m->family,
        .parameters = (double)m->parameters,
        .hidden = m->hidden,
        .layers = m->layers,
        .decoder_layers = m->decoder_layers,
        .heads = m->heads,
        .kv_heads = m->kv_heads ? m->kv_heads : m->heads,
        .head_dim = m->head_dim ? m->head_dim
                    : m->heads  ? m->hidden / m->heads
                                : 0,
        .ffn = m->ffn,
        .vocab = m->vocab,
        .context = m->context,
        .experts = m->experts,
        .active_experts = m->active_experts,
        .tied = m->tied_embeddings,
        .gated = m->gated_mlp,
        .rms_norm = (m->gated_mlp && kind != NETWORK_ENCODER) ||
                    (m->habits & HABIT_T5_LAYERS),
        .dropout = drops_out(m),
        .habits = m->habits,
        .image = m->image,
        .image_scale = 1,
        .saved = m->saved_kib * 1024.0,
        .saved_amp = m->saved_amp_kib * 1024.0,
        .convolution = m->conv_kib * 1024.0,
        .squared = m->squared,
        .frames = m->frames,
        .seconds = m->seconds,
        .frozen = (double)m->frozen_parameters,
        .rank_parameters = (double)m->rank_parameters,
        .saved_lora = pair_of(m->saved_lora_kib),
        .checkpointed = pair_of(m->checkpoint_kib),
        .block = pair_of(m->block_kib),
        .whole = m->saved_kib > 0 && !is_image_classifier(m->family),
    };
    if (m->parameters == 0) {
        out->parameters = transformer_parameters(out);
    }
    return true;
}

/* --- by figures ------------------------------------------------------------ */

static double transformer_parameters(const struct network *net)
{
    double h = net->hidden, q = net->heads * net->head_dim,
           kv = net->kv_heads * net->head_dim;
    double attention = 2 * h * q + 2 * h * kv;
    double mlp = (net->gated ? 3 : 2) * h * net->ffn * fmax(net->experts, 1);
    double layer = attention + mlp + 2 * h * (net->rms_norm ? 1 : 2) +
                   (net->rms_norm ? 0 : 2 * h + net->ffn + q + 2 * kv);
    double embedding = net->vocab * h * (net->tied ? 1 : 2);
    return net->layers * layer + embedding + 2 * h;
}

/* The word of model_family, else what the figures suggest. */
static bool transformer_kind(struct notes *n, const struct run *run, bool has_vocab,
                             enum network_kind *kind)
{
    struct str family;
    if (!run_word(run, FACT_model_family, &family) || str_eq(family, STR("unknown"))) {
        *kind = has_vocab ? NETWORK_DECODER : NETWORK_ENCODER;
        memory_note(n, "model_family not given: a transformer %s assumed",
                    has_vocab ? "decoder with a vocabulary head" : "encoder");
        return true;
    }
    if (str_eq(family, STR("decoder"))) {
        *kind = NETWORK_DECODER;
    } else if (str_eq(family, STR("encoder"))) {
        *kind = NETWORK_ENCODER;
    } else {
        return false;
    }
    return true;
}

static bool from_transformer_figures(struct notes *n, const struct run *run,
                                     struct network *out)
{
    struct network net = {.image_scale = 1, .name = STR("")};
    if (!number(run, FACT_hidden_size, &net.hidden) ||
        !number(run, FACT_num_layers, &net.layers) || net.hidden > 1e6 ||
        net.layers > 1e4) {
        return false;
    }
    bool has_vocab = number(run, FACT_vocab_size, &net.vocab);
    if (!transformer_kind(n, run, has_vocab, &net.kind)) {
        return false;
    }
    if (net.kind == NETWORK_DECODER && !has_vocab) {
        memory_note(n, "model unknown: add vocab_size, the logits depend on it");
        return false;
    }
    net.family = net.kind == NETWORK_DECODER ? STR("decoder") : STR("encoder");
    net.heads = number_or(run, FACT_num_heads, fmax(1, net.hidden / 64));
    net.head_dim = net.hidden / net.heads;
    net.kv_heads = number_or(run, FACT_num_kv_heads, net.heads);
    if (!number(run, FACT_ffn_size, &net.ffn)) {
        net.ffn = 4 * net.hidden;
        memory_note(n, "ffn_size not given: 4 x hidden_size assumed");
    }
    net.tied = true;
    net.dropout = true;
    net.parameters = transformer_parameters(&net);
    *out = net;
    return true;
}

static void conv_channels(const struct run *run, struct network *net)
{
    struct value v = run_value(run, FACT_cnn_channels);
    for (size_t i = 0; v.kind == VALUE_LIST && i < v.as.list.len; i++) {
        double c;
        if (net->conv_len < CONV_MAX && value_number(v.as.list.at[i], &c) && c > 0 &&
            c <= 1e5) {
            net->conv[net->conv_len++] = c;
        }
    }
}

static bool from_recurrent_figures(struct notes *n, const struct run *run,
                                   struct network *out)
{
    struct network net = {.kind = NETWORK_RECURRENT, .image_scale = 1, .name = STR("")};
    if (!number(run, FACT_lstm_hidden, &net.lstm_hidden) || net.lstm_hidden > 1e5) {
        return false;
    }
    conv_channels(run, &net);
    net.family = net.conv_len ? STR("cnn-rnn") : STR("rnn");
    net.lstm_layers = fmin(1000, number_or(run, FACT_lstm_layers, 1));
    struct value both = run_value(run, FACT_bidirectional);
    net.directions = both.kind == VALUE_BOOL && both.as.boolean ? 2 : 1;
    if (!number(run, FACT_in_channels, &net.in_channels)) {
        net.in_channels = net.conv_len ? net.conv[0] / 4 : net.lstm_hidden;
        memory_note(n, "in_channels not given: %.0f assumed", net.in_channels);
    }
    net.parameters = memory_rnn_parameters(&net);
    *out = net;
    return true;
}

/* --- the shape of a sample ------------------------------------------------- */

bool memory_pixels(const struct run *run, double *pixels)
{
    struct value v = run_value(run, FACT_image_size);
    double a, b;
    if (value_number(v, &a) && a > 0 && a < 1e5) {
        *pixels = a * a;
        return true;
    }
    if (v.kind != VALUE_LIST || v.as.list.len < 1 || !value_number(v.as.list.at[0], &a)) {
        return false;
    }
    if (v.as.list.len < 2 || !value_number(v.as.list.at[1], &b)) {
        b = a;
    }
    *pixels = a * b;
    return a > 0 && b > 0 && a < 1e5 && b < 1e5;
}

static void shape_sound(struct notes *n, const struct run *run, struct network *net)
{
    double seconds;
    if (number(run, FACT_seconds, &seconds) && seconds < 1e5) {
        memory_note(n, "seconds are a cap: samples of %.0f s assumed", seconds);
    } else {
        seconds = net->seconds;
        memory_note(n, "seconds of a sample not given: %.0f assumed", seconds);
    }
    net->image_scale = seconds / net->seconds;
    net->tokens_are_cap = true;
}

static void shape_frames(struct notes *n, const struct run *run, struct network *net)
{
    double frames;
    if (number(run, FACT_frames, &frames)) {
        net->tokens *= frames;
        net->image_scale *= frames / fmax(net->frames, 1);
        if (net->frames == 0) {
            memory_note(n, "every frame passes the image network: %.0f frames a sample",
                        frames);
        }
    } else if (net->frames > 0) {
        memory_note(n, "frames not given: %.0f a sample assumed", net->frames);
    }
}

static void shape_image(struct notes *n, const struct run *run, struct network *net)
{
    double pixels;
    double own = net->image > 0 ? net->image : 224;
    if (net->seconds > 0) {
        shape_sound(n, run, net);
        return;
    }
    if (net->kind == NETWORK_SAVED && net->image == 0) {
        return; /* one size only */
    }
    if (memory_pixels(run, &pixels)) {
        net->image_scale = pixels / (own * own);
    } else {
        memory_note(n, "image_size not given: %.0f pixels assumed", own);
    }
    if (net->kind == NETWORK_VIT) {
        net->tokens = (net->context - 1) * net->image_scale + 1;
    }
    shape_frames(n, run, net);
}

static bool has_image_front(const struct network *net)
{
    return net->kind == NETWORK_VIT || net->kind == NETWORK_SAVED;
}

static bool is_audio(const struct network *net)
{
    return net->kind == NETWORK_ENCODER_DECODER && net->context == 1500;
}

static bool shape_sequence(struct notes *n, const struct run *run, struct network *net)
{
    double length;
    if (is_audio(net)) {
        net->tokens = net->context; /* 30 s of audio whatever the text */
        net->decoder_tokens = number_or(run, FACT_max_seq_len, 448);
        net->tokens_are_cap = false;
        return true;
    }
    if (!number(run, FACT_max_seq_len, &length)) {
        if (net->kind != NETWORK_ENCODER || net->context == 0) {
            memory_note(n, "sequence length unknown: add max_seq_len to the config");
            return false;
        }
        length = net->context;
        memory_note(n, "max_seq_len not given: the model's %.0f tokens assumed", length);
    }
    if (length > 1e8) {
        memory_note(n, "max_seq_len %.0f is no length that could be estimated", length);
        return false;
    }
    net->tokens = length;
    net->tokens_are_cap = !memory_flag(run, FACT_packing) &&
                          net->kind != NETWORK_RECURRENT && net->kind != NETWORK_LAYERS;
    if (net->tokens_are_cap) {
        memory_note(n, "max_seq_len is a cap: samples of %.0f tokens assumed", length);
    }
    if (net->kind == NETWORK_ENCODER_DECODER) {
        net->decoder_tokens = length / 4;
        memory_note(n, "target length unknown: a quarter of max_seq_len assumed");
    }
    return true;
}

/* What the first layer walks over: nothing, steps, pixels, or frames of pixels. */
static bool shape_layers(struct notes *n, const struct run *run, struct network *net)
{
    double pixels = 1, frames = 1;
    net->tokens = 1;
    if (net->dimensions == 0) {
        return true;
    }
    if (net->dimensions == 1) {
        return shape_sequence(n, run, net);
    }
    if (!memory_pixels(run, &pixels)) {
        memory_note(n, "size of the input unknown: add image_size to the config");
        return false;
    }
    if (net->dimensions == 3 && !number(run, FACT_frames, &frames)) {
        memory_note(n, "frames per sample unknown: add frames to the config");
        return false;
    }
    net->tokens = pixels * frames;
    return true;
}

static bool shape_sample(struct notes *n, const struct run *run, struct network *net)
{
    if (net->kind == NETWORK_LAYERS) {
        return shape_layers(n, run, net);
    }
    if (has_image_front(net)) {
        shape_image(n, run, net);
        return true;
    }
    return shape_sequence(n, run, net);
}

/* A detector's backbone says little about the detector. */
static bool is_only_a_part(struct notes *n, const struct run *run,
                           const struct network *net)
{
    static const char *const WHOLES[] = {"detector", "segmenter", "unet", "diffusion"};
    struct str family;
    if (!has_image_front(net) || net->whole || !run_word(run, FACT_model_family, &family)) {
        return false;
    }
    for (size_t i = 0; i < sizeof WHOLES / sizeof *WHOLES; i++) {
        if (str_eq(family, str_from(WHOLES[i]))) {
            memory_note(n,
                        "%.*s is only a part of this %s: what the whole keeps is not known",
                        STR_ARG(net->name), WHOLES[i]);
            return true;
        }
    }
    if (str_eq(family, STR("video")) && !run_fact(run, FACT_frames)) {
        memory_note(n, "frames per sample unknown: add frames to the config");
        return true;
    }
    return false;
}

bool memory_resolve(struct notes *n, const struct pack *pack, const struct run *run,
                    struct network *out)
{
    struct str name;
    bool named = run_word(run, FACT_model_name, &name) && name.len > 0;
    const struct model *m = named ? pack_find_model(pack, name) : NULL;
    m = m ? m : run->model;
    struct str backbone;
    if (run_word(run, FACT_backbone, &backbone) && run_fact(run, FACT_head)) {
        return memory_parts_resolve(n, pack, run, out) && shape_sample(n, run, out);
    }
    if (m && m == run->model) {
        memory_note(n, "the network's figures are those of %.*s", STR_ARG(m->source));
    }
    if (m) {
        return from_catalogue(n, m, out) && !is_only_a_part(n, run, out) &&
               shape_sample(n, run, out);
    }
    size_t before = n->list->len;
    if (memory_layers_resolve(n, run, out) || from_recurrent_figures(n, run, out) ||
        from_transformer_figures(n, run, out)) {
        return shape_sample(n, run, out);
    }
    if (n->list->len > before) {
        return false; /* a figure was named already */
    }
    if (named) {
        memory_note(n,
                    "model '%.*s' is not in the catalogue: add hidden_size, num_layers, "
                    "num_heads, vocab_size and max_seq_len to the config",
                    STR_ARG(name));
    } else {
        memory_note(n, "model unknown: add \"model_name: <name>\" (see gpulint models) or "
                       "hidden_size, num_layers, num_heads, vocab_size to the config");
    }
    return false;
}
