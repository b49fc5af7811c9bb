/* Private to memory*.c: a network as numbers. Knows no run: what is asked of the network and
 * how it trains stand in memory_term.h. */
#ifndef MEMORY_NETWORK_H
#define MEMORY_NETWORK_H

#include <stdbool.h>

#include "str.h"

enum network_kind {
    NETWORK_DECODER,
    NETWORK_ENCODER,
    NETWORK_ENCODER_DECODER,
    NETWORK_VIT,
    NETWORK_SAVED, /* the catalogue says what backward keeps per image */
    NETWORK_RECURRENT,
    NETWORK_LAYERS, /* the fact `layers` */
};

enum { CONV_MAX = 16 };

struct network {
    enum network_kind kind;
    struct str name, family;
    double parameters;
    double hidden, layers, decoder_layers, heads, kv_heads, head_dim, ffn, vocab, context;
    double experts, active_experts;
    bool tied, gated, rms_norm, dropout;
    unsigned habits;               /* the row lists them */
    double tokens, decoder_tokens; /* per sample */
    bool tokens_are_cap;           /* the longest sample may be shorter */
    double image, image_scale;     /* side that the figures are for; pixels asked / its */
    double saved, saved_amp, convolution, squared; /* NETWORK_SAVED: bytes of one image */
    double late_convolution; /* beyond what parts behind it have freed by then */
    double fixed, fixed_amp; /* likewise, whatever the image's size */
    double started;          /* of one image: gradients that stand when backward starts */
    double anchors;          /* that are compared with the boxes of an image */
    double frames, seconds;  /* that the figures are for; 0: no such thing */
    double frozen;           /* parameters beside it that are not trained */
    double rank_parameters;  /* of one rank of adapters; 0: by its shape */
    struct kept_pair {
        double fp32, amp;
    } saved_lora, checkpointed, block; /* of one sample; 0: not counted */
    bool whole;              /* put together from parts: never only a part itself */
    double in_channels, conv[CONV_MAX];
    size_t conv_len;
    double lstm_hidden, lstm_layers, directions;
    int dimensions; /* NETWORK_LAYERS: of what the first layer walks over */
};

#endif
