/* The texts are of a few shapes: "model=FasterRCNN; backbone{type=ResNet;depth=50;...};
 * head=StandardRoIHead; neck=FPN/256" of OpenMMLab, "META_ARCHITECTURE=...; BACKBONE=...;
 * RESNETS={'DEPTH':50}" of detectron2. What a text does not say stays unknown. */
#include "accuracy_vision.h"

#include <string.h>

#include "banned.h"

struct texts {
    struct arena *arena;
    struct run *run;
    const struct vision_row *row;
};

static bool has(struct str text, const char *part)
{
    return str_find(text, str_from(part), 0) != SIZE_MAX;
}

/* What stands behind KEY up to one of ENDS. */
static struct str after(struct str text, const char *key, const char *ends)
{
    size_t from = str_find(text, str_from(key), 0);
    if (from == SIZE_MAX) {
        return STR("");
    }
    from += strlen(key);
    size_t to = from;
    while (to < text.len && !strchr(ends, text.at[to])) {
        to++;
    }
    return str_trim(str_slice(text, from, to));
}

static void put(struct texts *t, enum fact_id id, struct str value)
{
    if (value.len > 0) {
        run_text_set(t->arena, t->run, id, run_text_value(t->arena, id, value));
    }
}

static void put_word(struct texts *t, enum fact_id id, const char *value)
{
    put(t, id, str_from(value));
}

static int64_t number_of(struct str s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s.len && s.at[i] >= '0' && s.at[i] <= '9' && n < 1000000; i++) {
        n = 10 * n + (s.at[i] - '0');
    }
    return n;
}

/* --- sizes --------------------------------------------------------------------- */

static void put_size(struct texts *t, int64_t height, int64_t width)
{
    if (height > 0 && width > 0) {
        put(t, FACT_image_size,
            arena_printf(t->arena, "%lld,%lld", (long long)height, (long long)width));
    }
}

/* The largest "(a,b)" behind KEY, wherever the last of them stands. */
static bool pair_after(struct str text, const char *key, int64_t *a, int64_t *b)
{
    *a = *b = 0;
    for (size_t at = 0; (at = str_find(text, str_from(key), at)) != SIZE_MAX; at++) {
        int64_t most = 0;
        for (size_t i = at + strlen(key); i < text.len && !strchr(" m", text.at[i]); i++) {
            size_t comma = str_find_byte(text, ',', i);
            if (text.at[i] != '(' || comma == SIZE_MAX) {
                continue;
            }
            int64_t x = number_of(str_slice(text, i + 1, text.len));
            int64_t y = number_of(str_slice(text, comma + 1, text.len));
            if (x * y > most) {
                most = x * y;
                *a = x;
                *b = y;
            }
        }
    }
    return *a > 0 && *b > 0;
}

static void sizes(struct texts *t)
{
    struct str s = t->row->image;
    int64_t a, b;
    if (has(s, "short side")) {
        put_size(t, 800, 1333);
    } else if (pair_after(s, "crop_size=", &a, &b) ||
               pair_after(s, "Resize:scale=", &a, &b) ||
               pair_after(s, "img_scale=", &a, &b)) {
        put_size(t, a, b);
    } else if (has(s, "1024x1024")) {
        put_size(t, 1024, 1024);
    }
    int64_t length = number_of(after(s, "clip_len=", ", "));
    int64_t clips = number_of(after(s, "num_clips=", ", "));
    length = has(t->row->keys, "in_channels=10") ? 1 : length; /* flow: stacked in one */
    if (length * clips > 0) {
        put(t, FACT_frames, arena_printf(t->arena, "%lld", (long long)(length * clips)));
    }
}

/* --- OpenMMLab ------------------------------------------------------------------ */

static bool has_additions(struct str backbone)
{
    return has(backbone, "plugins=") || has(backbone, "non_local=");
}

static void mm_backbone(struct texts *t)
{
    struct str b = after(t->row->keys, "backbone{", "}");
    size_t from = str_find(t->row->keys, STR("backbone{"), 0);
    size_t end = str_find(t->row->keys, STR("}; "), 0);
    if (from != SIZE_MAX) { /* maps inside have braces too */
        b = str_slice(t->row->keys, from + 9, end == SIZE_MAX ? t->row->keys.len : end);
    }
    struct str type = after(b, "type=", ";"), depth = after(b, "depth=", ";}");
    struct str groups = after(b, "groups=", ";}"), width = after(b, "base_width=", ";}");
    struct str arch = after(b, "arch=", ";}"), embed = after(b, "embed_dims=", ";}");
    bool other = has(t->row->config, "hr18s") || has(t->row->config, "ocrnet_hr");
    if (type.len == 0 || other || has_additions(b)) {
        return;
    }
    if (str_eq(type, STR("HRNet"))) { /* its width stands in the file's name alone */
        struct str width_there = after(t->row->config, "hrnetv2p_w", "_");
        width_there = width_there.len ? width_there : after(t->row->config, "_hr", "s_");
        put(t, FACT_backbone, arena_printf(t->arena, "HRNet-%.*s", STR_ARG(width_there)));
        return;
    }
    bool caffe = has(b, "style=caffe") && str_eq(type, STR("ResNet"));
    bool grouped = str_eq(type, STR("ResNeXt"));
    put(t, FACT_backbone,
        arena_printf(t->arena, "%.*s%s%.*s%s%.*s%s%.*s%s%s%.*s%.*s", STR_ARG(type),
                     depth.len ? "-" : "", STR_ARG(depth), grouped ? "-" : "",
                     STR_ARG(grouped ? groups : STR("")), grouped ? "x" : "",
                     STR_ARG(grouped ? width : STR("")), grouped ? "d" : "",
                     caffe                   ? "-caffe"
                     : arch.len || embed.len ? "-"
                                             : "",
                     STR_ARG(arch), STR_ARG(embed)));
    put(t, FACT_frozen_stages, after(b, "frozen_stages=", ";}"));
    struct str strides = after(b, "strides=(", ")");
    put(t, FACT_backbone_strides, strides);
}

/* What the config says and the text leaves out, by the data set that its name tells. */
static const char *classes_of(struct str config)
{
    static const struct {
        const char *part, *classes;
    } SETS[] = {
        {"dota", "15"},           {"hrsc", "1"},        {"lvis", "1203"}, {"voc0712", "20"},
        {"coco-person-bic", "3"}, {"coco-person", "1"}, {"coco", "80"}};
    for (size_t i = 0; i < sizeof SETS / sizeof *SETS; i++) {
        if (has(config, SETS[i].part)) {
            return SETS[i].classes;
        }
    }
    return "";
}

static void mm_heads(struct texts *t, struct str model)
{
    struct str keys = t->row->keys, head = after(keys, "head=", ";");
    bool rpn = str_eq(model, STR("RPN"));
    struct str file = str_slice(t->row->config, str_folder(t->row->config).len, SIZE_MAX);
    if (str_starts(file, STR("/ga_"))) { /* its rpn_head is another */
        return;
    }
    bool joined = has(keys, "type=HRNet") && str_eq(head, STR("FCNHead"));
    put(t, FACT_head, rpn ? STR("RPNHead") : joined ? STR("FCNHead-joined") : head);
    put_word(t, FACT_num_classes, classes_of(file));
    struct str neck = after(keys, "neck=", ";/");
    put(t, FACT_neck, neck);
    put(t, FACT_num_classes, after(keys, "num_classes=", ";"));
    if (has(keys, "aux=yes")) {
        put_word(t, FACT_second_head, "FCNHead");
    } else if (has(t->row->config, "mask_rcnn")) {
        put_word(t, FACT_second_head, "FCNMaskHead");
    }
}

static struct str mm_family(struct str model, struct str head)
{
    if (str_eq(model, STR("EncoderDecoder"))) {
        return STR("segmenter");
    }
    if (str_starts(model, STR("Recognizer"))) {
        return STR("video");
    }
    return has(head, "RoI") ? STR("two-stage detector") : STR("single-stage detector");
}

static struct str openmmlab(struct texts *t)
{
    struct str model = after(t->row->keys, "model=", ";");
    struct str family = mm_family(model, after(t->row->keys, "head=", ";"));
    if (str_eq(family, STR("video"))) {
        put_word(t, FACT_model_family, "video");
    } else {
        put_word(t, FACT_model_family,
                 str_eq(family, STR("segmenter")) ? "segmenter" : "detector");
    }
    mm_backbone(t);
    mm_heads(t, model);
    return family;
}

/* --- detectron2 ------------------------------------------------------------------ */

static void d2_backbone(struct texts *t, bool fourth)
{
    struct str keys = t->row->keys, depth = after(keys, "'DEPTH':", ",}");
    struct str groups = after(keys, "'NUM_GROUPS':", ",}");
    struct str width = after(keys, "'WIDTH_PER_GROUP':", ",}");
    bool late = has(keys, "'STRIDE_IN_1X1':false") || has(keys, "'STRIDE_IN_1X1':False");
    if (groups.len && number_of(groups) > 1) {
        put(t, FACT_backbone,
            arena_printf(t->arena, "ResNeXt-%.*s-%.*sx%.*sd", STR_ARG(depth),
                         STR_ARG(groups), STR_ARG(width)));
    } else {
        put(t, FACT_backbone,
            arena_printf(t->arena, "ResNet-%.*s%s", STR_ARG(depth),
                         fourth ? "-C4"
                         : late ? ""
                                : "-caffe"));
    }
    int64_t freeze = number_of(after(keys, "FREEZE_AT=", ";"));
    put(t, FACT_frozen_stages, arena_printf(t->arena, "%lld", (long long)freeze - 1));
    if (!has(keys, "'NORM':")) {
        put_word(t, FACT_frozen, "norm"); /* FrozenBN is the default */
    }
}

static struct str detectron2(struct texts *t)
{
    struct str keys = t->row->keys;
    bool pyramid = has(keys, "_fpn_backbone"), fourth = !pyramid && !has(keys, "'res5'");
    if (!has(keys, "META_ARCHITECTURE=") || (!pyramid && !fourth) || has(keys, "DEFORM")) {
        return STR("two-stage detector");
    }
    bool single = has(keys, "=RetinaNet");
    put_word(t, FACT_model_family, "detector");
    put_word(t, FACT_neck, pyramid ? "FPN" : "none");
    put_word(t, FACT_num_classes, has(t->row->config, "LVIS") ? "1203" : "80");
    put_word(t, FACT_head,
             single   ? "RetinaNet"
             : fourth ? "Res5ROIHeads"
                      : "StandardROIHeads");
    if (has(keys, "=ProposalNetwork")) {
        put_word(t, FACT_head, fourth ? "RPNHead-C4" : "RPNHead");
    }
    if (has(t->row->config, "cascade")) {
        put_word(t, FACT_head, "CascadeROIHeads");
    }
    if (has(t->row->config, "mask_rcnn")) {
        put_word(t, FACT_second_head, "MaskRCNNConvUpsampleHead");
    } else if (has(t->row->config, "keypoint")) {
        put_word(t, FACT_second_head, "KRCNNConvDeconvUpsampleHead");
    }
    d2_backbone(t, fourth);
    return single ? STR("single-stage detector") : STR("two-stage detector");
}

/* --- finetrainers ---------------------------------------------------------------- */

/* "49x480x720 (frames x H x W)", "LoRA r=128 to_q,to_k,to_v,to_out.0". */
static struct str finetrainers(struct texts *t)
{
    struct str size = t->row->image;
    size_t first = str_find_byte(size, 'x', 0);
    size_t second = first == SIZE_MAX ? first : str_find_byte(size, 'x', first + 1);
    if (second == SIZE_MAX) {
        return STR("diffusion");
    }
    put(t, FACT_model_name, t->row->model);
    put_word(t, FACT_model_family, "diffusion");
    put(t, FACT_frames, str_slice(size, 0, first));
    put_size(t, number_of(str_slice(size, first + 1, size.len)),
             number_of(str_slice(size, second + 1, size.len)));
    put_word(t, FACT_precision, "bf16");
    put_word(t, FACT_torch_version, "2.5.0");
    put_word(t, FACT_gradient_checkpointing,
             has(t->row->checkpointing, "yes") ? "full" : "none");
    if (has(t->row->note, "precomput") && !has(t->row->note, "without precomput")) {
        put_word(t, FACT_offload, "encoders"); /* their results were made beforehand */
    }
    if (has(t->row->peft, "LoRA")) {
        put_word(t, FACT_peft, "lora");
        put(t, FACT_lora_rank, after(t->row->peft, "r=", " "));
    }
    return STR("diffusion");
}

/* --- all ------------------------------------------------------------------------- */

/* What the zoos say of their machines: PyTorch 1, so many cards. mmrotate: one. */
static void machine(struct texts *t)
{
    put_word(t, FACT_torch_version, "1.6.0");
    put_word(t, FACT_cudnn_benchmark, "false");
    bool rotated = str_starts(t->row->id, STR("mmrotate"));
    put_word(t, FACT_strategy, rotated ? "single" : "ddp");
    put_word(t, FACT_num_devices,
             rotated                                ? "1"
             : str_starts(t->row->id, STR("mmseg")) ? "4"
                                                    : "8");
}

struct run vision_run(struct arena *a, const struct pack *pack,
                      const struct vision_row *row, struct str *family)
{
    (void)pack;
    struct run run = run_text_empty();
    struct texts t = {a, &run, row};
    put(&t, FACT_batch_size, row->batch);
    bool half = has(row->precision, "amp") || has(row->precision, "fp16");
    put_word(&t, FACT_precision, half ? "amp-fp16" : "fp32");
    put_word(&t, FACT_optimizer,
             has(row->optimizer, "AdamW")  ? "adamw"
             : has(row->optimizer, "Adam") ? "adam"
                                           : "sgd-momentum");
    put_word(&t, FACT_weight_decay, "0.0001");
    sizes(&t);
    if (str_starts(row->id, STR("d2-"))) {
        machine(&t);
        *family = detectron2(&t);
    } else if (str_starts(row->id, STR("mm"))) {
        machine(&t);
        *family = openmmlab(&t);
    } else {
        *family = finetrainers(&t);
    }
    return run;
}
