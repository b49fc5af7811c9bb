/* Recurrent networks, with or without 1-D convolutions before them. cuDNN's reserve has no
 * public formula; the native cells' workspaces (4 gates, cell and hidden state for an LSTM)
 * give the working figure, and the bounds say how little that is worth. */
#include <assert.h>
#include <math.h>

#include "memory_term.h"

#include "banned.h"

/* Kept per hidden unit, step, layer and direction: 4 gates + cell + hidden. */
static const double LSTM_RESERVE = 6;
static const double KERNEL = 3; /* of the 1-D convolutions, when nothing is said */

double memory_rnn_parameters(const struct network *net)
{
    double in = net->in_channels, total = 0;
    for (size_t i = 0; i < net->conv_len; i++) {
        total += in * net->conv[i] * KERNEL + 3 * net->conv[i]; /* bias, batch norm */
        in = net->conv[i];
    }
    double h = net->lstm_hidden;
    for (double l = 0; l < net->lstm_layers; l++) {
        total += net->directions * 4 * h * (in + h + 2);
        in = h * net->directions;
    }
    return total + in + 1; /* a head of one output */
}

void memory_rnn(struct notes *n, const struct run *run, struct plan *p)
{
    (void)run;
    const struct network *net = &p->net;
    double e = p->regime.compute, steps = net->tokens, h = net->lstm_hidden;
    double conv = 0;
    for (size_t i = 0; i < net->conv_len; i++) {
        conv += net->conv[i];
    }
    double per_layer = net->directions * h;
    double reserve = steps * net->lstm_layers * per_layer * LSTM_RESERVE;
    double outputs = steps * net->lstm_layers * per_layer;
    double input =
        steps * (net->conv_len ? net->conv[net->conv_len - 1] : net->in_channels);
    /* A block keeps the convolution's input and its output, which batch norm needs; an
     * activation that is not in place and a dropout mask add to it. Pooling after every
     * block would halve the steps each time. */
    struct amount blocks = {.low = steps * conv * e * 0.5,
                            .mid = steps * conv * e * 2.5,
                            .high = steps * conv * (e * 4 + 1)};
    struct amount rnn = {.low = (reserve + outputs + input) * e *
                                (net->conv_len ? pow(0.5, (double)net->conv_len) : 1),
                         .mid = (reserve + outputs + input) * e,
                         .high = (2 * reserve + 2 * outputs + input) * e};
    p->kept = amount_add(blocks, rnn);
    p->input = exactly(steps * net->in_channels * 4);
    p->layer_temporary = (struct amount){0, (outputs + input) * e, (reserve + outputs) * e};
    /* The flat weight buffer is a second copy when weights are not flattened. */
    p->fixed_workspace.high += p->trainable * p->regime.weight;
    if (net->conv_len) {
        memory_note(n, "convolutions of kernel %.0f without pooling assumed", KERNEL);
    }
    memory_note(n,
                "what cuDNN keeps for a recurrent layer is not published: %.0f values "
                "per unit and step assumed",
                LSTM_RESERVE);
}
