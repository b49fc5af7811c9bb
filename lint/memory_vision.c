/* Image networks whose kept elements stand in the catalogue, counted layer by layer: a
 * convolution with batch norm keeps two tensors, its input and its output. */
#include <assert.h>

#include "memory_term.h"

#include "banned.h"

/* Autocast halves what convolutions keep; windows of attention keep layer norms and
 * softmax in fp32: swin_t 99.7 MiB an image in fp32, 64.6 under autocast. */
static const double AUTOCAST_SHARE_ATTENTION = 0.65;
/* Tensors of the largest layer's size that live beside what is kept: gradients of its
 * output and input, those of the batch norm after it, and the workspace that cuDNN's fast
 * algorithms ask for, which grows with the batch too. */
static const struct amount LARGEST_TENSORS = {2, 6, 12};
static const double LARGEST_SHARE = 0.05; /* of what is kept, where nobody counted */
static const double MIB = 1024.0 * 1024.0;

static double element_bytes(const struct plan *p)
{
    const struct regime *r = &p->regime;
    if (r->autocast && p->net.saved_attention) {
        return 4 * AUTOCAST_SHARE_ATTENTION;
    }
    return r->compute;
}

void memory_vision(struct notes *n, const struct run *run, struct plan *p)
{
    (void)n;
    const struct network *net = &p->net;
    double kept = (net->saved * element_bytes(p) + net->saved_index * 8) * net->image_scale;
    p->kept = (struct amount){kept * 0.97, kept, kept * 1.1};
    if (p->regime.checkpoint == CHECKPOINT_FULL) {
        /* One segment at a time; how many segments there are is the code's choice. */
        p->recomputed = (struct amount){kept * 0.1, kept * 0.3, kept * 0.6};
        p->kept = (struct amount){kept * 0.05, kept * 0.15, kept * 0.4};
    } else if (p->regime.backbone_frozen) {
        p->kept = (struct amount){0, kept * 0.05, kept};
    }
    double largest = net->largest > 0 ? net->largest : net->saved * LARGEST_SHARE;
    p->layer_temporary =
        amount_times(LARGEST_TENSORS, largest * p->regime.compute * net->image_scale);
    p->input = exactly(net->image * net->image * net->image_scale * 3 * 4);
    /* cuDNN takes what its chosen algorithm wants; trials under benchmark take more. */
    bool benchmark = memory_flag(run, FACT_cudnn_benchmark);
    p->fixed_workspace =
        amount_add(p->fixed_workspace, (struct amount){0, (benchmark ? 256 : 64) * MIB,
                                                       (benchmark ? 2048 : 512) * MIB});
}
