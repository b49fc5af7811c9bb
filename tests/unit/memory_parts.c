/* memory_parts.c: detectors and segmenters put together from parts, against what the model
 * zoos of mmdetection 2 and detectron2 publish (tensors allocated at most, GiB), and
 * silence where a part is not known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../run_text.h"
#include "memory_term.h"

static struct arena arena;

static int fresh(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static bool plan_of(const char *facts, struct plan *plan, struct assumptions *list)
{
    struct run run = run_text(&arena, str_from(facts));
    struct notes notes = {&arena, list};
    return memory_plan(&notes, pack_builtin(), &run, NULL, plan);
}

#define ZOO                                                                                \
    "model_family: detector\nimage_size: 1333,800\nprecision: fp32\n"                      \
    "optimizer: sgd-momentum\nweight_decay: 0.0001\nstrategy: ddp\nnum_devices: 8\n"       \
    "torch_version: 1.6.0\ncudnn_benchmark: false\nnum_classes: 80\n"
#define MMDET ZOO "frozen_stages: 1\nneck: FPN\n"
#define D2 ZOO "frozen_stages: 1\nfrozen: norm\nneck: FPN\n"

static void zoos_are_met(void **state)
{
    static const struct {
        const char *facts;
        double gib;
    } RUNS[] = {
        {MMDET "backbone: ResNet-50\nhead: StandardRoIHead", 4.0},
        {MMDET "backbone: ResNet-101\nhead: StandardRoIHead", 6.0},
        {MMDET "backbone: ResNeXt-101-64x4d\nhead: StandardRoIHead", 10.3},
        {MMDET "backbone: ResNet-50\nhead: StandardRoIHead\nsecond_head: FCNMaskHead", 4.4},
        {MMDET "backbone: ResNet-50\nhead: CascadeRoIHead\nsecond_head: FCNMaskHead", 6.0},
        {MMDET "backbone: ResNet-101\nhead: RetinaHead", 5.7},
        {D2 "backbone: ResNet-50-caffe\nhead: StandardROIHeads", 3.0},
        {D2 "backbone: ResNet-101-caffe\nhead: StandardROIHeads\nsecond_head: FCNMaskHead",
         4.6},
    };
    (void)state;
    for (size_t i = 0; i < sizeof RUNS / sizeof *RUNS; i++) {
        struct plan plan;
        struct bill bill;
        struct assumptions list = {.len = 0};
        assert_true(plan_of(RUNS[i].facts, &plan, &list));
        memory_bill(&plan, 2, &bill);
        double gib = bill.allocated.mid / (1024.0 * 1024 * 1024);
        if (fabs(gib / RUNS[i].gib - 1) > 0.08) {
            fail_msg("%s\n%.2f GiB, the zoo says %.1f", RUNS[i].facts, gib, RUNS[i].gib);
        }
        assert_true(bill.allocated.low < RUNS[i].gib * 1073741824.0);
        assert_true(bill.allocated.high > RUNS[i].gib * 1073741824.0);
    }
}

static double kept(const char *facts)
{
    struct plan plan;
    struct assumptions list = {.len = 0};
    assert_true(plan_of(facts, &plan, &list));
    return plan.kept.mid;
}

#define SEGMENTER                                                                          \
    "model_family: segmenter\nbackbone: ResNetV1c-50\nhead: PSPHead\nimage_size: "         \
    "512,1024\n"

static void what_is_frozen_or_dilated_counts_so(void **state)
{
    (void)state;
    const char *plain = SEGMENTER "num_classes: 19";
    const char *dilated = SEGMENTER "num_classes: 19\nbackbone_strides: 1,2,1,1";
    assert_true(kept(dilated) > 1.5 * kept(plain));
    assert_true(kept(SEGMENTER "num_classes: 150") > kept(plain));
    const char *frozen = SEGMENTER "num_classes: 19\nfrozen_stages: 1";
    assert_true(kept(frozen) < kept(plain));
    const char *constant = SEGMENTER "num_classes: 19\nfrozen: norm";
    assert_true(kept(constant) < kept(plain) && kept(constant) > kept(plain) / 3);
}

static void a_part_that_is_not_known_leaves_the_whole_unknown(void **state)
{
    static const char *const RUNS[] = {
        MMDET "backbone: ResNet-51\nhead: StandardRoIHead",
        MMDET "backbone: ResNet-50\nhead: HeadOfTomorrow",
        MMDET "backbone: ResNet-50\nhead: RetinaHead\nsecond_head: HeadOfTomorrow",
        ZOO "backbone: ResNet-50\nneck: NeckOfTomorrow\nhead: RetinaHead",
        MMDET "backbone: ResNet-50\nhead: FCNHead\nbackbone_strides: 1,2,2",
        MMDET "backbone: ResNet-50\nhead: FCNHead\nbackbone_strides: 1,2,3,1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof RUNS / sizeof *RUNS; i++) {
        struct plan plan;
        struct assumptions list = {.len = 0};
        assert_false(plan_of(RUNS[i], &plan, &list));
        assert_true(list.len > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(zoos_are_met, fresh),
        cmocka_unit_test_teardown(what_is_frozen_or_dilated_counts_so, fresh),
        cmocka_unit_test_teardown(a_part_that_is_not_known_leaves_the_whole_unknown, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
