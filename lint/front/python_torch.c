/* The classes of torch.nn: the parameters that say how large a layer is, with the
 * defaults of PyTorch 2.x (torch/nn/modules). */
#include "python_layer.h"

#include <string.h>

#include "../banned.h"

enum { ASK, COPY_FIRST = -1, NO_DEFAULT = -2 };

struct size {
    const char *name;
    int position, otherwise; /* a default; NO_DEFAULT; COPY_FIRST: as the first size */
};

enum { SIZES = 4 };

static const struct shape_of {
    const char *name, *word;
    struct size sizes[SIZES];
} SHAPES[] = {
#define CONVOLUTION(name, word)                                                            \
    {                                                                                      \
        name, word,                                                                        \
        {                                                                                  \
            {"in_channels", 0, NO_DEFAULT}, {"out_channels", 1, NO_DEFAULT},               \
                {"kernel_size", 2, NO_DEFAULT},                                            \
            {                                                                              \
                "stride", 3, 1                                                             \
            }                                                                              \
        }                                                                                  \
    }
    CONVOLUTION("Conv1d", "conv1d"),
    CONVOLUTION("Conv2d", "conv2d"),
    CONVOLUTION("Conv3d", "conv3d"),
    CONVOLUTION("ConvTranspose1d", "convtranspose1d"),
    CONVOLUTION("ConvTranspose2d", "convtranspose2d"),
    CONVOLUTION("ConvTranspose3d", "convtranspose3d"),
#undef CONVOLUTION
    {"BatchNorm1d", "batchnorm", {{"num_features", 0, NO_DEFAULT}}},
    {"BatchNorm2d", "batchnorm", {{"num_features", 0, NO_DEFAULT}}},
    {"BatchNorm3d", "batchnorm", {{"num_features", 0, NO_DEFAULT}}},
    {"SyncBatchNorm", "batchnorm", {{"num_features", 0, NO_DEFAULT}}},
    {"InstanceNorm1d", "instancenorm1d", {{"num_features", 0, NO_DEFAULT}}},
    {"InstanceNorm2d", "instancenorm2d", {{"num_features", 0, NO_DEFAULT}}},
    {"GroupNorm",
     "groupnorm",
     {{"num_groups", 0, NO_DEFAULT}, {"num_channels", 1, NO_DEFAULT}}},
    {"LayerNorm", "layernorm", {{"normalized_shape", 0, NO_DEFAULT}}},
    {"RMSNorm", "rmsnorm", {{"normalized_shape", 0, NO_DEFAULT}}},
    {"Linear", "linear", {{"in_features", 0, NO_DEFAULT}, {"out_features", 1, NO_DEFAULT}}},
    {"Embedding",
     "embedding",
     {{"num_embeddings", 0, NO_DEFAULT}, {"embedding_dim", 1, NO_DEFAULT}}},
    {"LSTM",
     "lstm",
     {{"input_size", 0, NO_DEFAULT}, {"hidden_size", 1, NO_DEFAULT}, {"num_layers", 2, 1}}},
    {"GRU",
     "gru",
     {{"input_size", 0, NO_DEFAULT}, {"hidden_size", 1, NO_DEFAULT}, {"num_layers", 2, 1}}},
    {"RNN",
     "rnn",
     {{"input_size", 0, NO_DEFAULT}, {"hidden_size", 1, NO_DEFAULT}, {"num_layers", 2, 1}}},
    {"TransformerEncoderLayer",
     "transformerencoderlayer",
     {{"d_model", 0, NO_DEFAULT}, {"nhead", 1, NO_DEFAULT}, {"dim_feedforward", 2, 2048}}},
    {"MaxPool1d", "maxpool1d", {{"kernel_size", 0, NO_DEFAULT}, {"stride", 1, COPY_FIRST}}},
    {"MaxPool2d", "maxpool2d", {{"kernel_size", 0, NO_DEFAULT}, {"stride", 1, COPY_FIRST}}},
    {"MaxPool3d", "maxpool3d", {{"kernel_size", 0, NO_DEFAULT}, {"stride", 1, COPY_FIRST}}},
    {"AvgPool1d", "avgpool1d", {{"kernel_size", 0, NO_DEFAULT}, {"stride", 1, COPY_FIRST}}},
    {"AvgPool2d", "avgpool2d", {{"kernel_size", 0, NO_DEFAULT}, {"stride", 1, COPY_FIRST}}},
    {"AvgPool3d", "avgpool3d", {{"kernel_size", 0, NO_DEFAULT}, {"stride", 1, COPY_FIRST}}},
    {"AdaptiveAvgPool1d", "adaptiveavgpool1d", {{"output_size", 0, NO_DEFAULT}}},
    {"AdaptiveAvgPool2d", "adaptiveavgpool2d", {{"output_size", 0, NO_DEFAULT}}},
    {"AdaptiveMaxPool1d", "adaptivemaxpool1d", {{"output_size", 0, NO_DEFAULT}}},
    {"AdaptiveMaxPool2d", "adaptivemaxpool2d", {{"output_size", 0, NO_DEFAULT}}},
    {"Flatten", "flatten", {{NULL, 0, 0}}},
    {"ReLU", "relu", {{NULL, 0, 0}}},
    {"ReLU6", "relu6", {{NULL, 0, 0}}},
    {"LeakyReLU", "leakyrelu", {{NULL, 0, 0}}},
    {"GELU", "gelu", {{NULL, 0, 0}}},
    {"SiLU", "silu", {{NULL, 0, 0}}},
    {"Mish", "mish", {{NULL, 0, 0}}},
    {"ELU", "elu", {{NULL, 0, 0}}},
    {"Hardswish", "hardswish", {{NULL, 0, 0}}},
    {"PReLU", "prelu", {{NULL, 0, 0}}},
    {"Sigmoid", "sigmoid", {{NULL, 0, 0}}},
    {"Tanh", "tanh", {{NULL, 0, 0}}},
    {"Softmax", "softmax", {{NULL, 0, 0}}},
};

static bool is_one_of(struct str name, const char *const *words)
{
    for (; *words; words++)
        if (str_eq(name, str_from(*words)))
            return true;
    return false;
}

/* One side of a kernel or stride: a number, or equal numbers. 0: not known. */
static int64_t side(struct value v)
{
    if (v.kind == VALUE_INT)
        return v.as.integer > 0 ? v.as.integer : 0;
    if (v.kind != VALUE_LIST || !v.as.list.len)
        return 0;
    for (size_t i = 0; i < v.as.list.len; i++)
        if (v.as.list.at[i].kind != VALUE_INT ||
            !value_eq(v.as.list.at[i], v.as.list.at[0]))
            return 0;
    return v.as.list.at[0].as.integer > 0 ? v.as.list.at[0].as.integer : 0;
}

struct asking {
    layer_argument *ask;
    void *context;
    uint32_t open;
};

/* True when the argument is absent or has the one value that changes nothing. */
static bool is_plain(const struct asking *q, const char *name, size_t position,
                     struct value plain)
{
    bool given;
    struct value v = q->ask(q->context, q->open, name, position, &given);
    return !given || value_eq(v, plain);
}

static bool add_sizes(struct buf *b, const struct asking *q, const struct shape_of *shape)
{
    int64_t first = 0;
    for (size_t i = 0; i < SIZES && shape->sizes[i].name; i++) {
        const struct size *s = &shape->sizes[i];
        bool given;
        struct value v = q->ask(q->context, q->open, s->name, (size_t)s->position, &given);
        int64_t n = given                        ? side(v)
                    : s->otherwise == COPY_FIRST ? first
                    : s->otherwise == NO_DEFAULT ? 0
                                                 : s->otherwise;
        if (given && v.kind == VALUE_NULL && s->otherwise == COPY_FIRST)
            n = first;
        if (!n)
            return false;
        first = i ? first : n;
        buf_printf(b, " %lld", (long long)n);
    }
    return true;
}

/* What is more than sizes: groups, directions. */
static bool add_rest(struct buf *b, const struct asking *q, struct str word)
{
    if (str_starts(word, STR("conv")))
        return is_plain(q, "groups", 6, VALUE_OF_INT(1));
    if (!str_eq(word, STR("lstm")) && !str_eq(word, STR("gru")) &&
        !str_eq(word, STR("rnn")))
        return true;
    bool given;
    struct value v = q->ask(q->context, q->open, "bidirectional", 6, &given);
    if (given && v.kind != VALUE_BOOL)
        return false;
    buf_cstr(b, given && v.as.boolean ? " bi" : " uni");
    return true;
}

static enum layer_kind dropout(struct arena *a, const struct asking *q, struct str *word)
{
    bool given;
    struct value v = q->ask(q->context, q->open, "p", 0, &given);
    struct buf b = buf_new(a);
    buf_cstr(&b, "dropout ");
    value_print(&b, given && v.kind != VALUE_UNKNOWN ? v : VALUE_OF_FLOAT(0.5));
    *word = buf_str(&b);
    return LAYER_WORD;
}

enum layer_kind python_layer(struct arena *a, struct str name, uint32_t open,
                             layer_argument *ask, void *context, struct str *word)
{
    static const char *const containers[] = {"Sequential", "ModuleList", "ModuleDict",
                                             NULL};
    static const char *const nothing[] = {"Identity",      "Parameter", "ParameterList",
                                          "LogSoftmax",    "Softplus",  "Hardsigmoid",
                                          "Hardtanh",      "ZeroPad2d", "ReflectionPad2d",
                                          "ConstantPad1d", "Softmax2d", NULL};
    static const char *const dropouts[] = {"Dropout",   "Dropout1d",    "Dropout2d",
                                           "Dropout3d", "AlphaDropout", NULL};
    struct asking q = {ask, context, open};
    if (is_one_of(name, containers))
        return LAYER_CONTAINER;
    if (is_one_of(name, nothing) || str_ends(name, STR("Loss")))
        return LAYER_NONE;
    if (is_one_of(name, dropouts))
        return dropout(a, &q, word);
    if (str_eq(name, STR("TransformerEncoder")))
        return LAYER_REPEATED;
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
        if (!str_eq(name, str_from(SHAPES[i].name)))
            continue;
        struct buf b = buf_new(a);
        buf_cstr(&b, SHAPES[i].word);
        if (!add_sizes(&b, &q, &SHAPES[i]) || !add_rest(&b, &q, str_from(SHAPES[i].word)))
            return LAYER_OTHER;
        *word = buf_str(&b);
        return LAYER_WORD;
    }
    return LAYER_OTHER;
}
