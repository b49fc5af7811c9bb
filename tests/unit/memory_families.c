/* memory_vision.c over rules/catalog/families.yaml: diffusion against what finetrainers
 * 0.0.1 publishes (reserved, GiB), and what frames, seconds, adapters and checkpointing
 * change. */
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
static const double GIB = 1024.0 * 1024 * 1024;

static int fresh(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct plan plan_of(const char *facts)
{
    struct run run = run_text(&arena, str_from(facts));
    struct assumptions list = {.len = 0};
    struct notes notes = {&arena, &list};
    struct plan plan;
    if (!memory_plan(&notes, pack_builtin(), &run, NULL, &plan)) {
        fail_msg("no plan for %s", facts);
    }
    return plan;
}

#define TUNED                                                                              \
    "model_family: diffusion\nframes: 49\nprecision: bf16\noptimizer: adamw\n"             \
    "gradient_checkpointing: full\ntorch_version: 2.5.0\n"
#define ADAPTED TUNED "peft: lora\nlora_rank: 128\n"
#define BEFOREHAND "offload: encoders\n"

static void published_diffusion_runs_are_met(void **state)
{
    static const struct {
        const char *facts;
        double gib;
    } RUNS[] = {
        {ADAPTED BEFOREHAND "model_name: THUDM/CogVideoX-5b\nimage_size: 480,720", 20.70},
        {TUNED BEFOREHAND "model_name: THUDM/CogVideoX-5b\nimage_size: 480,720", 52.94},
        {ADAPTED "model_name: Lightricks/LTX-Video\nimage_size: 512,768", 17.62},
        {TUNED BEFOREHAND "model_name: Lightricks/LTX-Video\nimage_size: 512,768", 20.36},
        {ADAPTED "model_name: hunyuanvideo-community/HunyuanVideo\nimage_size: 512,768",
         56.27},
    };
    (void)state;
    for (size_t i = 0; i < sizeof RUNS / sizeof *RUNS; i++) {
        struct plan plan = plan_of(RUNS[i].facts);
        struct bill bill;
        memory_bill(&plan, 1, &bill);
        double gib = (bill.allocated.mid + bill.slack.mid) / GIB;
        if (fabs(gib / RUNS[i].gib - 1) > 0.12) {
            fail_msg("%s\n%.2f GiB, %.2f published", RUNS[i].facts, gib, RUNS[i].gib);
        }
    }
}

#define SDXL                                                                               \
    "model_name: stabilityai/stable-diffusion-xl-base-1.0\nmodel_family: diffusion\n"      \
    "image_size: 1024\nprecision: amp-fp16\noptimizer: adamw\n"

static void adapters_and_checkpointing_keep_less(void **state)
{
    (void)state;
    struct plan full = plan_of(SDXL), lora = plan_of(SDXL "peft: lora\nlora_rank: 16");
    struct plan again = plan_of(SDXL "gradient_checkpointing: full");
    assert_true(full.kept.mid > lora.kept.mid);
    assert_true(lora.kept.mid > again.kept.mid);
    assert_true(again.recomputed.mid > 0);
    assert_true(full.net.parameters == 2567463684.0);
    assert_true(lora.trainable == 16 * lora.net.rank_parameters);
}

static void encoders_beside_are_there_or_not(void **state)
{
    (void)state;
    struct plan beside = plan_of(SDXL), without = plan_of(SDXL BEFOREHAND);
    double bytes = beside.weights.mid - without.weights.mid;
    assert_true(bytes == 2 * beside.net.frozen && bytes > 1e9);
    assert_true(beside.weights.low == without.weights.low);
}

static void sound_and_frames_scale(void **state)
{
    (void)state;
    struct plan ten = plan_of("model_name: facebook/wav2vec2-base\nseconds: 10");
    struct plan twenty = plan_of("model_name: facebook/wav2vec2-base\nseconds: 20");
    assert_true(fabs(twenty.kept.mid / ten.kept.mid - 2) < 0.2);
    assert_true(ten.net.tokens_are_cap);
    struct plan clip = plan_of("model_name: MCG-NJU/videomae-base\nmodel_family: video\n"
                               "frames: 16\nimage_size: 224");
    struct plan twice = plan_of("model_name: MCG-NJU/videomae-base\nmodel_family: video\n"
                                "frames: 32\nimage_size: 224");
    assert_true(fabs(twice.kept.mid / clip.kept.mid - 2) < 0.2);
    struct plan assumed = plan_of("model_name: MCG-NJU/videomae-base\nimage_size: 224");
    assert_true(assumed.kept.mid == clip.kept.mid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(published_diffusion_runs_are_met, fresh),
        cmocka_unit_test_teardown(adapters_and_checkpointing_keep_less, fresh),
        cmocka_unit_test_teardown(encoders_beside_are_there_or_not, fresh),
        cmocka_unit_test_teardown(sound_and_frames_scale, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
