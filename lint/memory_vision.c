/* Image networks of the catalogue, whose kept bytes were counted by running the libraries'
 * own definitions on tensors without values (tests/catalog/vision.py). */
#include <assert.h>
#include <math.h>

#include "memory_term.h"

#include "banned.h"

static const double SAMPLE_RATE = 16000; /* values of a second of sound */
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
static const struct amount LAYOUT_COPIES = {0, 3.5, 6};
/* Without the benchmark cuDNN's heuristics choose kernels of little workspace. */
static const struct amount PLAIN_COPIES = {0, 1, 5};
/* The true boxes of an image, which a detector compares with all its anchors, and bytes of
 * a pair: corners, sides, overlap, union. COCO has 93 in one image at most. Rotated boxes
 * take 4 bytes a pair, of hundreds of objects in an aerial image. */
static const struct amount BOXES = {2, 40, 100};
static const double PAIR_BYTES = 40;
/* MiB of cuDNN's kernels on the device, and the workspace of those that it chose; a
 * benchmark tries the greediest as well. Trainers differ in whether they ask for it. */
static const struct amount CUDNN = {0, 128, 768}, CUDNN_BENCHMARK = {128, 450, 3584},
                           CUDNN_EITHER = {0, 290, 2048};

/* Of one sample at the run's size. */
static double scaled(const struct network *net, double bytes)
{
    double scale = net->image_scale;
    return bytes * ((1 - net->squared) * scale + net->squared * scale * scale);
}

static double kept_bytes(const struct plan *p)
{
    const struct network *net = &p->net;
    bool half = p->regime.compute == 2;
    double bytes = half ? net->saved_amp : net->saved;
    if (p->regime.adapters && net->saved_lora.fp32 > 0) {
        bytes = half ? net->saved_lora.amp : net->saved_lora.fp32;
    }
    return scaled(net, bytes) + (half ? net->fixed_amp : net->fixed);
}

/* Where the definition says what its blocks are that was counted; else one segment at a
 * time, and how many segments there are is the code's choice. */
static void checkpointed(struct plan *p, double kept)
{
    const struct network *net = &p->net;
    bool half = p->regime.compute == 2;
    if (net->checkpointed.fp32 <= 0) {
        p->recomputed = (struct amount){kept * 0.1, kept * 0.3, kept * 0.6};
        p->kept = (struct amount){kept * 0.05, kept * 0.15, kept * 0.4};
        return;
    }
    double inputs = scaled(net, half ? net->checkpointed.amp : net->checkpointed.fp32);
    double block = scaled(net, half ? net->block.amp : net->block.fp32);
    p->kept = (struct amount){inputs * 0.9, inputs, inputs * 1.1};
    p->recomputed = (struct amount){block * 0.7, block, block * 1.1};
}

/* Text encoders and autoencoder: in half where anything is; gone where their results were
 * made beforehand. */
static void add_frozen(struct notes *n, const struct run *run, struct plan *p)
{
    if (p->net.frozen <= 0 || memory_lists(run, FACT_offload, "encoders")) {
        return;
    }
    double each = p->regime.compute == 2 ? 2 : 4;
    double bytes = p->net.frozen * each;
    p->weights = amount_add(p->weights, (struct amount){0, bytes, bytes * 4 / each});
    memory_note(n,
                "text encoders and autoencoder of %.1f GB on the device as well; 0 when "
                "their results are made beforehand",
                bytes / 1e9);
}

/* One image after the other is matched: this does not go with the batch. */
static struct amount matching_bytes(const struct network *net)
{
    return amount_times(BOXES, net->anchors * net->image_scale * PAIR_BYTES);
}

/* What a step holds for a while, beyond what is kept. */
static struct amount passing_bytes(const struct plan *p, double kept, bool benchmarks,
                                   bool chosen)
{
    const struct network *net = &p->net;
    bool late = chosen && !benchmarks && net->late_convolution > 0;
    double convolution = late ? net->late_convolution : net->convolution;
    convolution *= p->regime.compute / 4 * net->image_scale;
    struct amount copies =
        amount_times(chosen && !benchmarks ? PLAIN_COPIES : LAYOUT_COPIES, convolution);
    struct amount started = amount_times(STARTED, net->started * net->image_scale);
    return amount_add(amount_add(amount_times(FIRST_GRADIENTS, kept), copies), started);
}

static double input_bytes(const struct network *net)
{
    if (net->seconds > 0) {
        return net->seconds * net->image_scale * SAMPLE_RATE * 4;
    }
    return net->image * net->image * fmax(net->frames, 1) * net->image_scale * 3 * 4;
}

void memory_vision(struct notes *n, const struct run *run, struct plan *p)
{
    const struct network *net = &p->net;
    double kept = kept_bytes(p);
    bool chosen = run_fact(run, FACT_cudnn_benchmark) != NULL;
    bool benchmarks = memory_flag(run, FACT_cudnn_benchmark);
    p->kept = (struct amount){kept * 0.97, kept, kept * 1.03};
    if (p->regime.checkpoint == CHECKPOINT_FULL) {
        checkpointed(p, kept);
    } else if (p->regime.backbone_frozen) {
        p->kept = (struct amount){0, kept * 0.05, kept};
    }
    p->layer_temporary = passing_bytes(p, kept, benchmarks, chosen);
    p->input = exactly(input_bytes(net));
    add_frozen(n, run, p);
    struct amount cudnn = !chosen ? CUDNN_EITHER : benchmarks ? CUDNN_BENCHMARK : CUDNN;
    p->fixed_workspace = amount_add(p->fixed_workspace, amount_times(cudnn, MIB));
    p->fixed_workspace = amount_add(p->fixed_workspace, matching_bytes(net));
    p->slack_passing = SLACK;
    p->gradient_holes = GRADIENT_HOLES;
}
