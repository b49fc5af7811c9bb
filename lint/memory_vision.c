/* Image networks of the catalogue, whose kept bytes were counted by running the libraries'
 * own definitions on tensors without values (tests/catalog/vision.py). */
#include <assert.h>
#include <math.h>

#include "memory_term.h"

#include "banned.h"

static const double MIB = 1024.0 * 1024.0;
/* Backward starts with a gradient or two of the last layers: 0.0 to 2.5 % of what is kept
 * in 33 networks. */
static const struct amount FIRST_GRADIENTS = {0, 0.01, 0.03};

/* Of a detector's maps and a segmenter's scores, as memory_parts.c counts them. */
static const struct amount STARTED = {0.3, 1, 2};

/* One shape, every step the same: fragments are few. */
static const struct amount SLACK = {0, 0.03, 0.12};
static const struct amount GRADIENT_HOLES = {0, 1, 1};
/* cuDNN brings tensors into its own layout in a workspace: of the largest convolution's
 * input and output so many copies are held beyond the peak of the tensors. */
static const struct amount LAYOUT_COPIES = {0, 3, 6};
/* MiB of cuDNN's kernels on the device, and the workspace of those that it chose; a
 * benchmark tries the greediest as well. Trainers differ in whether they ask for it. */
static const struct amount CUDNN = {0, 128, 768}, CUDNN_BENCHMARK = {128, 450, 2048},
                           CUDNN_EITHER = {0, 290, 2048};

/* Of one image, in the run's precision and at its size. */
static double kept_bytes(const struct plan *p)
{
    const struct network *net = &p->net;
    double bytes = p->regime.compute == 2 ? net->saved_amp : net->saved;
    double scale = net->image_scale;
    double fixed = p->regime.compute == 2 ? net->fixed_amp : net->fixed;
    return bytes * ((1 - net->squared) * scale + net->squared * scale * scale) + fixed;
}

void memory_vision(struct notes *n, const struct run *run, struct plan *p)
{
    (void)n;
    const struct network *net = &p->net;
    double kept = kept_bytes(p);
    p->kept = (struct amount){kept * 0.97, kept, kept * 1.03};
    if (p->regime.checkpoint == CHECKPOINT_FULL) {
        /* One segment at a time; how many segments there are is the code's choice. */
        p->recomputed = (struct amount){kept * 0.1, kept * 0.3, kept * 0.6};
        p->kept = (struct amount){kept * 0.05, kept * 0.15, kept * 0.4};
    } else if (p->regime.backbone_frozen) {
        p->kept = (struct amount){0, kept * 0.05, kept};
    }
    double convolution = net->convolution * p->regime.compute / 4 * net->image_scale;
    p->layer_temporary = amount_add(amount_times(FIRST_GRADIENTS, kept),
                                    amount_times(LAYOUT_COPIES, convolution));
    p->layer_temporary = amount_add(p->layer_temporary,
                                    amount_times(STARTED, net->started * net->image_scale));
    p->input = exactly(net->image * net->image * net->image_scale * 3 * 4);
    struct amount cudnn = !run_fact(run, FACT_cudnn_benchmark)     ? CUDNN_EITHER
                          : memory_flag(run, FACT_cudnn_benchmark) ? CUDNN_BENCHMARK
                                                                   : CUDNN;
    p->fixed_workspace = amount_add(p->fixed_workspace, amount_times(cudnn, MIB));
    p->slack_passing = SLACK;
    p->gradient_holes = GRADIENT_HOLES;
}
