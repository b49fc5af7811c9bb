/* Detectors and segmenters, put together from the names of backbone, neck and heads. What
 * each part keeps was counted (tests/catalog/parts.py) and goes with the pixels, with the
 * regions of interest of an image, or with the classes; here it is added up into one
 * network that memory_vision.c runs. A name that is not known leaves the whole unknown. */
#include <assert.h>
#include <math.h>

#include "memory_term.h"

#include "banned.h"

static const double KIB = 1024, SIDE = 1024; /* what the parts were counted at */
/* COCO's, when a detector does not say. */
static const double CLASSES = 80;
/* A segmenter keeps the log-softmax of every class and pixel. */
static const double KEPT_PER_CLASS = 4;
/* Gradients of the same that stand when backward starts: of scores and of their softmax. */
static const double STARTED_PER_CLASS = 8, STARTED_PER_ANCHOR = 8;

struct assembly {
    const struct run *run;
    const struct pack *pack;
    struct notes *notes;
    const struct component *backbone;
    struct network net;
    double pixels; /* of what the parts were counted at */
    double classes;
};

static bool word(const struct run *run, enum fact_id id, struct str *out)
{
    return run_word(run, id, out) && out->len > 0 && !str_eq_nocase(*out, STR("none"));
}

/* A part's largest convolution. Backward comes to it when what parts after it kept is gone:
 * parts are added from the last to the first, so that is what was added so far. */
static void add_convolution(struct network *net, double kib)
{
    net->convolution = fmax(net->convolution, kib * KIB);
    net->late_convolution =
        fmax(net->late_convolution, kib * KIB - net->saved - net->fixed);
}

/* --- the backbone ------------------------------------------------------------- */

struct stage {
    double scale; /* of its input's area, against the one that was counted */
    bool dilated;
};

/* False where the strides are not those of four stages. */
static bool read_strides(const struct run *run, struct stage *stages)
{
    static const double COUNTED[] = {1, 2, 2, 2};
    struct value v = run_value(run, FACT_backbone_strides);
    double ratio = 1, stride;
    stages[0] = (struct stage){1, false};
    for (size_t i = 0; i + 1 < COMPONENT_STAGES; i++) {
        stages[i + 1] = (struct stage){ratio * ratio, false};
        if (v.kind != VALUE_LIST) {
            continue;
        }
        if (v.as.list.len != COMPONENT_STAGES - 1 ||
            !value_number(v.as.list.at[i], &stride) ||
            (stride != COUNTED[i] && !(stride == 1 && i >= 2))) {
            return false;
        }
        stages[i + 1].dilated = stride != COUNTED[i];
        ratio *= COUNTED[i] / stride;
    }
    return true;
}

/* What one stage keeps in fp32, the share of it that autocast leaves apart. */
static double stage_kib(const struct component *b, int i, struct stage s, bool constant)
{
    double kept = constant ? b->stages_frozen[i] : b->stages[i];
    if (s.dilated && b->dilated[i - 3] > 0) {
        kept *= (double)b->dilated[i - 3] / b->stages[i];
    } else if (s.dilated) {
        kept *= 4;
    }
    return kept * s.scale;
}

static bool add_backbone(struct assembly *a)
{
    const struct component *b = a->backbone;
    struct stage stages[COMPONENT_STAGES];
    double frozen = -1;
    bool staged = b->stages[1] > 0;
    if (!read_strides(a->run, stages) ||
        (!staged && run_fact(a->run, FACT_backbone_strides))) {
        memory_note(a->notes, "backbone_strides are not those of four stages");
        return false;
    }
    run_number(a->run, FACT_frozen_stages, &frozen);
    bool constant = memory_lists(a->run, FACT_frozen, "norm") && b->stages_frozen[0] > 0;
    int from = staged ? (int)fmin(fmax(frozen + 1, 0), COMPONENT_STAGES) : 0;
    for (int i = COMPONENT_STAGES - 1; i >= from; i--) {
        if (b->stages[i] == 0) {
            continue;
        }
        double kept = stage_kib(b, i, stages[i], constant) * KIB;
        double wider = stages[i].scale * (stages[i].dilated ? 4 : 1);
        add_convolution(&a->net, b->conv[i] * wider);
        a->net.saved += kept;
        a->net.saved_amp += kept * b->stages_amp[i] / b->stages[i];
    }
    a->net.parameters += (double)b->parameters;
    return true;
}

/* --- what stands on it -------------------------------------------------------- */

static void add_classes(struct assembly *a, const struct component *p)
{
    if (p->pyramid > 0 && p->anchors > 0) {
        double cells = 4.0 / 3 / (p->pyramid * p->pyramid) * SIDE * SIDE;
        double scores = cells * p->anchors * (p->score_bytes > 0 ? a->classes : 0);
        a->net.anchors += p->compared ? cells * p->anchors : 0;
        a->net.saved += scores * p->score_bytes;
        a->net.saved_amp += scores * p->score_bytes;
        a->net.started += scores * STARTED_PER_ANCHOR;
    } else if (p->stride > 0) {
        double scores = SIDE * SIDE * a->classes;
        a->net.saved += scores * KEPT_PER_CLASS;
        a->net.saved_amp += scores * KEPT_PER_CLASS;
        a->net.started = fmax(a->net.started, scores * STARTED_PER_CLASS);
    }
}

/* Attention between all positions of a map keeps P scores of each pair. */
static void add_scores(struct assembly *a, const struct component *p)
{
    double positions = SIDE * SIDE / fmax(p->stride * p->stride, 1);
    double scores = p->scores * positions * positions * 4 * a->pixels;
    a->net.saved += scores;
    a->net.saved_amp += scores / 2;
}

static void add_part(struct assembly *a, const struct component *p, double times)
{
    double wider = p->channels > 0 ? (double)a->backbone->channels / p->channels : 1;
    double by = times * wider;
    if (p->image[0] > 0) {
        add_convolution(&a->net, p->conv[0] * by);
    }
    a->net.saved += p->image[0] * KIB * by;
    a->net.saved_amp += p->image[1] * KIB * by;
    a->net.fixed += p->sample[0] * KIB * times;
    a->net.fixed_amp += p->sample[1] * KIB * times;
    double scores = p->per_class * KIB * a->classes * times;
    a->net.fixed += scores;
    a->net.fixed_amp += scores;
    a->net.started += scores;
    a->net.parameters += (double)p->parameters * times * wider * wider;
    add_classes(a, p);
    if (p->scores > 0) {
        add_scores(a, p);
    }
}

static bool add_head(struct assembly *a, const struct component *head, double times)
{
    if (head->made_of.len == 0) {
        add_part(a, head, times);
        return true;
    }
    for (uint32_t i = 0; i < head->made_of.len; i++) {
        const struct component *p =
            pack_find_component(a->pack, COMPONENT_HEAD, head->made_of.at[i]);
        if (!p || p->made_of.len > 0) {
            return false;
        }
        add_part(a, p, times);
    }
    return true;
}

static const struct component *find(struct assembly *a, enum component_kind kind,
                                    struct str name)
{
    static const char *const KINDS[] = {"backbone", "neck", "head"};
    const struct component *p = pack_find_component(a->pack, kind, name);
    if (!p) {
        memory_note(a->notes, "%s '%.*s' is not in the catalogue of parts", KINDS[kind],
                    STR_ARG(name));
    }
    return p;
}

/* A single-stage head starts at the second map and has two more of its own. */
static bool add_neck(struct assembly *a, const struct component *head)
{
    struct str name;
    if (!word(a->run, FACT_neck, &name)) {
        return true;
    }
    bool single = head && head->pyramid >= 8 && str_eq_nocase(name, STR("FPN"));
    const struct component *neck =
        find(a, COMPONENT_NECK, single ? STR("FPN-single") : name);
    if (!neck) {
        return false;
    }
    add_part(a, neck, 1);
    /* Every head's gradient with respect to the same maps is there at once. */
    a->net.started += neck->image[0] * KIB / 2;
    return true;
}

/* From the last to the first, as backward meets them. */
static bool add_heads(struct assembly *a)
{
    struct str name;
    if (!word(a->run, FACT_head, &name)) {
        return false;
    }
    const struct component *head = find(a, COMPONENT_HEAD, name), *second;
    if (head && word(a->run, FACT_second_head, &name)) {
        /* "FCNHead" over an earlier map is another, smaller one. */
        bool auxiliary = head->stride == 8 && str_eq(name, STR("FCNHead"));
        second = find(a, COMPONENT_HEAD, auxiliary ? STR("FCNHead-auxiliary") : name);
        if (!second || !add_head(a, second, fmax(head->second_times, 1))) {
            return false;
        }
    }
    return head && add_head(a, head, 1) && add_neck(a, head);
}

static double classes_of(struct notes *n, const struct run *run)
{
    double classes;
    if (run_number(run, FACT_num_classes, &classes) && classes > 0 && classes < 1e6) {
        return classes;
    }
    memory_note(n, "num_classes not given: %.0f assumed", CLASSES);
    return CLASSES;
}

bool memory_parts_resolve(struct notes *n, const struct pack *pack, const struct run *run,
                          struct network *out)
{
    struct str name;
    if (!word(run, FACT_backbone, &name)) {
        return false;
    }
    struct assembly a = {.run = run, .pack = pack, .notes = n, .pixels = 1};
    a.net = (struct network){.kind = NETWORK_SAVED,
                             .name = name,
                             .image_scale = 1,
                             .image = SIDE,
                             .whole = true};
    a.backbone = find(&a, COMPONENT_BACKBONE, name);
    if (!a.backbone) {
        return false;
    }
    double pixels;
    if (!memory_pixels(run, &pixels)) {
        memory_note(n, "size of the images unknown: add image_size to the config");
        return false;
    }
    if (run_is(run, FACT_model_family, "video") && !run_fact(run, FACT_frames)) {
        memory_note(n, "frames per sample unknown: add frames to the config");
        return false;
    }
    a.pixels = pixels / (SIDE * SIDE);
    a.classes = classes_of(n, run);
    if (!add_heads(&a)) {
        memory_note(n, "what stands on the backbone is not known: no estimate");
        return false;
    }
    if (!add_backbone(&a)) {
        return false;
    }
    struct str family;
    a.net.family = run_word(run, FACT_model_family, &family) ? family : STR("detector");
    *out = a.net;
    return true;
}
