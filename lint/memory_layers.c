/* Networks written as layers with literal sizes: the fact `layers`, in order. One walk over
 * the list follows the tensor that passes through (channels, positions, type) and adds up
 * what each layer's derivative names (tools/autograd/derivatives.yaml): a convolution and a
 * linear layer their input, ReLU its result, pooling its indices too. A tensor that two
 * layers name counts once. */
#include <assert.h>
#include <math.h>

#include "memory_term.h"

#include "banned.h"

enum { NUMBERS_MAX = 6, LAYERS_MAX = 4096 };

/* cuDNN publishes no size of what a recurrent layer keeps: the native cells keep their
 * gates, the cell state and the hidden state. */
static const struct amount KEPT_LSTM = {4, 6, 12}, KEPT_GRU = {3, 5, 10},
                           KEPT_PLAIN = {1, 2, 4};
/* In-place activations and layers that the list leaves out. */
static const double LESS = 0.85, MORE = 1.3;

enum op {
    OP_CONVOLUTION,
    OP_TRANSPOSED,
    OP_NORM,      /* keeps its input, in its type */
    OP_NORM_FP32, /* autocast brings its input to fp32 */
    OP_KEEPS_OUT, /* ReLU, sigmoid, tanh, softmax */
    OP_KEEPS_IN,  /* GELU, SiLU, ... */
    OP_MAX_POOL,  /* input and int64 indices */
    OP_MEAN_POOL,
    OP_TO_SIZE,
    OP_DROPOUT,
    OP_LINEAR,
    OP_LSTM,
    OP_GRU,
    OP_PLAIN_RNN,
    OP_EMBEDDING,
    OP_ENCODER,
    OP_FLATTEN,
};

static const struct word {
    const char *name;
    enum op op;
    int dimensions;
} WORDS[] = {
    {"conv1d", OP_CONVOLUTION, 1},
    {"conv2d", OP_CONVOLUTION, 2},
    {"conv3d", OP_CONVOLUTION, 3},
    {"convtranspose1d", OP_TRANSPOSED, 1},
    {"convtranspose2d", OP_TRANSPOSED, 2},
    {"convtranspose3d", OP_TRANSPOSED, 3},
    {"batchnorm", OP_NORM, 0},
    {"batchnorm1d", OP_NORM, 0},
    {"batchnorm2d", OP_NORM, 0},
    {"batchnorm3d", OP_NORM, 0},
    {"syncbatchnorm", OP_NORM, 0},
    {"instancenorm1d", OP_NORM, 0},
    {"instancenorm2d", OP_NORM, 0},
    {"layernorm", OP_NORM_FP32, 0},
    {"groupnorm", OP_NORM_FP32, 0},
    {"rmsnorm", OP_NORM_FP32, 0},
    {"relu", OP_KEEPS_OUT, 0},
    {"relu6", OP_KEEPS_IN, 0},
    {"sigmoid", OP_KEEPS_OUT, 0},
    {"tanh", OP_KEEPS_OUT, 0},
    {"softmax", OP_KEEPS_OUT, 0},
    {"gelu", OP_KEEPS_IN, 0},
    {"silu", OP_KEEPS_IN, 0},
    {"mish", OP_KEEPS_IN, 0},
    {"leakyrelu", OP_KEEPS_IN, 0},
    {"elu", OP_KEEPS_OUT, 0},
    {"hardswish", OP_KEEPS_IN, 0},
    {"prelu", OP_KEEPS_IN, 0},
    {"maxpool1d", OP_MAX_POOL, 1},
    {"maxpool2d", OP_MAX_POOL, 2},
    {"maxpool3d", OP_MAX_POOL, 3},
    {"avgpool1d", OP_MEAN_POOL, 1},
    {"avgpool2d", OP_MEAN_POOL, 2},
    {"avgpool3d", OP_MEAN_POOL, 3},
    {"adaptiveavgpool1d", OP_TO_SIZE, 1},
    {"adaptiveavgpool2d", OP_TO_SIZE, 2},
    {"adaptivemaxpool1d", OP_TO_SIZE, 1},
    {"adaptivemaxpool2d", OP_TO_SIZE, 2},
    {"dropout", OP_DROPOUT, 0},
    {"dropout1d", OP_DROPOUT, 0},
    {"dropout2d", OP_DROPOUT, 0},
    {"linear", OP_LINEAR, 0},
    {"lazylinear", OP_LINEAR, 0},
    {"lstm", OP_LSTM, 0},
    {"gru", OP_GRU, 0},
    {"rnn", OP_PLAIN_RNN, 0},
    {"embedding", OP_EMBEDDING, 0},
    {"transformerencoderlayer", OP_ENCODER, 0},
    {"flatten", OP_FLATTEN, 0},
};

struct layer {
    const struct word *word;
    double n[NUMBERS_MAX];
    size_t len;
    bool both; /* directions */
};

/* The tensor between two layers, and what was kept so far. */
struct walk {
    double channels, width; /* of one position: values and bytes each */
    struct amount positions;
    double compute;
    bool kept;      /* its storage is counted already */
    bool recurrent; /* it comes from a recurrent layer */
    bool broken;    /* a layer took another number of channels */
    struct amount bytes, largest;
    double parameters;
    double first; /* channels of the input */
};

/* --- reading ------------------------------------------------------------------ */

static const struct word *find_word(struct str s)
{
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (str_eq_nocase(s, str_from(WORDS[i].name))) {
            return &WORDS[i];
        }
    }
    return NULL;
}

static bool read_layer(struct str text, struct layer *out)
{
    *out = (struct layer){.word = NULL};
    text = str_trim(text);
    for (size_t from = 0; from < text.len;) {
        size_t end = str_find_byte(text, ' ', from);
        end = end == SIZE_MAX ? text.len : end;
        struct str item = str_slice(text, from, end);
        double x;
        if (from == 0) {
            out->word = find_word(item);
        } else if (str_eq(item, STR("bi"))) {
            out->both = true;
        } else if (out->len < NUMBERS_MAX && str_to_float(item, &x) && x >= 0 && x < 1e9) {
            out->n[out->len++] = x;
        }
        from = end + 1;
    }
    return out->word != NULL;
}

static double number_at(const struct layer *l, size_t i, double otherwise)
{
    return i < l->len && l->n[i] > 0 ? l->n[i] : otherwise;
}

/* --- keeping ------------------------------------------------------------------ */

static struct amount values_of(const struct walk *w)
{
    return amount_times(w->positions, w->channels);
}

static void keep(struct walk *w, double bytes_each)
{
    w->bytes = amount_add(w->bytes, amount_times(values_of(w), bytes_each));
}

/* The tensor itself, in a type of WIDTH bytes: a copy where that is not its own. */
static void keep_as(struct walk *w, double width)
{
    if (!w->kept || w->width != width) {
        keep(w, width);
    }
    w->kept = w->kept || w->width == width;
}

static void becomes(struct walk *w, double channels, double width, bool kept)
{
    w->channels = channels;
    w->width = width;
    w->kept = kept;
    struct amount now = amount_times(values_of(w), width);
    w->largest = now.mid > w->largest.mid ? now : w->largest;
}

/* A layer that names its input's channels: 1 x 1 matrices under a convolution's window. */
static void enter(struct walk *w, double in)
{
    if (w->channels != in && w->channels > 0) {
        w->broken = true;
    }
    w->first = w->first > 0 ? w->first : in;
    w->channels = in;
}

static void shrink(struct walk *w, double stride, int dimensions)
{
    double by = 1 / pow(stride, dimensions);
    w->positions = amount_times(w->positions, by);
    w->positions.low = fmax(w->positions.low, 1);
    w->positions.mid = fmax(w->positions.mid, 1);
    w->positions.high = fmax(w->positions.high, 1);
}

static void convolution(struct walk *w, const struct layer *l)
{
    int d = l->word->dimensions;
    double in = number_at(l, 0, 1), out = number_at(l, 1, 1);
    double stride = number_at(l, 3, 1);
    enter(w, in);
    keep_as(w, w->compute);
    w->parameters += in * out * pow(number_at(l, 2, 1), d) + out;
    shrink(w, l->word->op == OP_TRANSPOSED ? 1 / stride : stride, d);
    becomes(w, out, w->compute, false);
}

/* Whether a head sees every position: a flat input does not, one after a recurrent layer
 * mostly sees the last step. */
static void linear(struct walk *w, const struct layer *l)
{
    double in = number_at(l, 0, w->channels), out = number_at(l, 1, 1);
    if (in != w->channels && w->channels > 0) {
        double flat = w->positions.mid * w->channels;
        w->broken = w->broken || (in < w->channels || in > 2 * flat);
        w->positions = exactly(1);
        w->kept = w->kept && fabs(in - flat) < 1;
    } else if (w->recurrent) {
        w->positions.low = w->positions.mid = 1;
        w->kept = false;
    }
    w->recurrent = false;
    w->first = w->first > 0 ? w->first : in;
    w->channels = in;
    keep_as(w, w->compute);
    w->parameters += in * out + out;
    becomes(w, out, w->compute, false);
}

static void recurrent(struct walk *w, const struct layer *l)
{
    double h = number_at(l, 1, 1), layers = fmin(number_at(l, 2, 1), 1000);
    double gates = l->word->op == OP_LSTM ? 4 : l->word->op == OP_GRU ? 3 : 1;
    struct amount each = l->word->op == OP_LSTM  ? KEPT_LSTM
                         : l->word->op == OP_GRU ? KEPT_GRU
                                                 : KEPT_PLAIN;
    double directions = l->both ? 2 : 1, in = number_at(l, 0, 1);
    enter(w, in);
    keep_as(w, w->compute);
    for (double k = 0; k < layers; k++, in = h * directions) {
        w->parameters += directions * gates * h * (in + h + 2);
    }
    double cells = layers * directions * h * w->compute;
    w->bytes.low += w->positions.low * cells * each.low;
    w->bytes.mid += w->positions.mid * cells * each.mid;
    w->bytes.high += w->positions.high * cells * each.high;
    becomes(w, h * directions, w->compute, false);
    keep(w, w->compute); /* the outputs of the last layer */
    w->kept = w->recurrent = true;
}

/* nn.TransformerEncoderLayer with fused attention and dropout. */
static void encoder(struct walk *w, const struct layer *l)
{
    double d = number_at(l, 0, 1), f = number_at(l, 2, 2048), e = w->compute;
    enter(w, d);
    keep_as(w, e);
    /* Counted: attention, norms with their fp32 inputs, dropout's masks; and the MLP. */
    w->bytes = amount_add(
        w->bytes, amount_times(w->positions, d * (e == 4 ? 36 : 24) + f * (2 * e + 1)));
    w->parameters += 4 * d * d + 2 * d * f + 9 * d + f;
    becomes(w, d, 4, true);
}

static void to_size(struct walk *w, const struct layer *l)
{
    double side = number_at(l, 0, 1);
    w->positions = exactly(pow(side, l->word->dimensions));
    if (l->len > 1 && l->word->dimensions == 2) {
        w->positions = exactly(side * number_at(l, 1, side));
    }
    becomes(w, w->channels, w->width, false);
}

static void pool(struct walk *w, const struct layer *l)
{
    double kernel = number_at(l, 0, 2);
    keep_as(w, w->width);
    shrink(w, number_at(l, 1, kernel), l->word->dimensions);
    becomes(w, w->channels, w->width, false);
    if (l->word->op == OP_MAX_POOL) {
        keep(w, 8);
    }
}

static void norm(struct walk *w, const struct layer *l)
{
    /* GroupNorm names its groups first. */
    double channels = l->len ? fmax(l->n[0], l->len > 1 ? l->n[1] : 0) : w->channels;
    double width = l->word->op == OP_NORM_FP32 ? 4 : w->width;
    keep_as(w, width);
    w->parameters += 2 * channels;
    becomes(w, w->channels, width, false);
}

static void step(struct walk *w, const struct layer *l)
{
    switch (l->word->op) {
    case OP_CONVOLUTION:
    case OP_TRANSPOSED:
        convolution(w, l);
        break;
    case OP_NORM:
    case OP_NORM_FP32:
        norm(w, l);
        break;
    case OP_KEEPS_OUT:
        becomes(w, w->channels, w->width, false);
        keep_as(w, w->width);
        break;
    case OP_KEEPS_IN:
        keep_as(w, w->width);
        becomes(w, w->channels, w->width, false);
        break;
    case OP_MAX_POOL:
    case OP_MEAN_POOL:
        pool(w, l);
        break;
    case OP_TO_SIZE:
        to_size(w, l);
        break;
    case OP_DROPOUT:
        becomes(w, w->channels, w->width, false);
        keep(w, 1);
        break;
    case OP_LINEAR:
        linear(w, l);
        break;
    case OP_LSTM:
    case OP_GRU:
    case OP_PLAIN_RNN:
        recurrent(w, l);
        break;
    case OP_EMBEDDING:
        w->channels = 1;
        keep(w, 8);
        w->parameters += number_at(l, 0, 1) * number_at(l, 1, 1);
        becomes(w, number_at(l, 1, 1), 4, false);
        break;
    case OP_ENCODER:
        encoder(w, l);
        break;
    case OP_FLATTEN:
        w->channels *= w->positions.mid;
        w->positions = exactly(1);
        break;
    }
}

static size_t walk(const struct run *run, struct walk *w)
{
    struct value v = run_value(run, FACT_layers);
    size_t read = 0;
    for (size_t i = 0; v.kind == VALUE_LIST && i < v.as.list.len && i < LAYERS_MAX; i++) {
        struct layer l;
        if (v.as.list.at[i].kind == VALUE_STRING &&
            read_layer(v.as.list.at[i].as.string, &l)) {
            step(w, &l);
            read++;
        }
    }
    return read;
}

/* --- the network -------------------------------------------------------------- */

/* Dimensions of the first layer that has positions; 0 for one that sees single vectors.
 * RECURRENT: a layer that walks over steps is among them. */
static int first_dimensions(const struct run *run, bool *convolves, bool *recurs)
{
    struct value v = run_value(run, FACT_layers);
    int first = -1;
    *convolves = *recurs = false;
    for (size_t i = 0; v.kind == VALUE_LIST && i < v.as.list.len && i < LAYERS_MAX; i++) {
        struct layer l;
        if (v.as.list.at[i].kind != VALUE_STRING ||
            !read_layer(v.as.list.at[i].as.string, &l)) {
            continue;
        }
        enum op op = l.word->op;
        bool conv = op == OP_CONVOLUTION || op == OP_TRANSPOSED;
        bool steps = op == OP_LSTM || op == OP_GRU || op == OP_PLAIN_RNN ||
                     op == OP_EMBEDDING || op == OP_ENCODER;
        *convolves = *convolves || conv;
        *recurs = *recurs || steps;
        if (first < 0 && (conv || steps)) {
            first = conv ? l.word->dimensions : 1;
        }
    }
    return first < 0 ? 0 : first;
}

bool memory_layers_resolve(struct notes *n, const struct run *run, struct network *out)
{
    bool convolves, recurs;
    struct value list = run_value(run, FACT_layers);
    if (list.kind != VALUE_LIST) {
        return false;
    }
    struct network net = {.kind = NETWORK_LAYERS, .image_scale = 1, .name = STR("")};
    struct walk w = {.compute = 4, .width = 4, .positions = exactly(1)};
    int dimensions = first_dimensions(run, &convolves, &recurs);
    size_t read = walk(run, &w);
    if (read == 0 || !(w.parameters > 0)) {
        return false;
    }
    net.parameters = w.parameters;
    net.dimensions = dimensions;
    net.family = convolves && recurs ? STR("cnn-rnn")
                 : recurs            ? STR("rnn")
                 : convolves         ? STR("cnn")
                                     : STR("mlp");
    if (read < list.as.list.len) {
        memory_note(n, "%zu of %zu layers are of a kind that is not counted",
                    list.as.list.len - read, list.as.list.len);
    }
    *out = net;
    return true;
}

void memory_layers(struct notes *n, const struct run *run, struct plan *p)
{
    const struct network *net = &p->net;
    struct walk w = {.compute = p->regime.compute, .width = 4};
    w.positions = exactly(fmax(net->tokens, 1));
    walk(run, &w);
    memory_note(n, "the layers are taken to follow one another as they are written");
    if (w.broken) {
        memory_note(n, "some layers take another width than the layer before them gives");
    }
    p->kept = amount_widen(w.bytes, LESS, w.broken ? 2 * MORE : MORE);
    p->kept.low *= w.broken ? 0.5 : 1;
    /* A gradient in and out of the largest layer; cuDNN's copies in its own layout. */
    p->layer_temporary = (struct amount){0, 2 * w.largest.mid, 4 * w.largest.high};
    /* In fp32 the first layer keeps the input itself. */
    p->input = exactly(w.compute == 4 ? 0 : net->tokens * w.first * 4);
    p->fixed_workspace.high += p->trainable * p->regime.weight;
    if (str_eq(net->family, STR("cnn-rnn")) || str_eq(net->family, STR("rnn"))) {
        memory_note(n,
                    "what cuDNN keeps for a recurrent layer is not published: %.0f "
                    "values per unit and step assumed",
                    KEPT_LSTM.mid);
    }
}
