/* gpu.c over a small catalogue: what people and drivers write, and what must be asked back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gpu.h"

static const struct str SXM_ALIASES[] = {STR_INIT("H100 80GB HBM3")};
static const struct str GH_ALIASES[] = {STR_INIT("GH200 480GB")};
static const struct str ADA_ALIASES[] = {STR_INIT("RTX 6000")};

#define CARD(ident, title, gb, mib)                                                        \
    .id = STR_INIT(ident), .name = STR_INIT(title), .vram_gb = (gb), .driver_mib = (mib)

static const struct gpu CARDS[] = {
    {CARD("rtx-3060-12gb", "GeForce RTX 3060 12GB", 12, 12288)},
    {CARD("rtx-3060-8gb", "GeForce RTX 3060 8GB", 8, 8192)},
    {CARD("rtx-3060-laptop", "GeForce RTX 3060 Laptop", 6, 6144), .laptop = true},
    {CARD("rtx-3060-ti", "GeForce RTX 3060 Ti", 8, 8192)},
    {CARD("rtx-3070", "GeForce RTX 3070", 8, 8192)},
    {CARD("rtx-3070-laptop", "GeForce RTX 3070 Laptop", 8, 8192), .laptop = true},
    {CARD("rtx-4090", "GeForce RTX 4090", 24, 24564)},
    {CARD("rtx-4090-d", "GeForce RTX 4090 D", 24, 24564)},
    {CARD("rtx-4090-laptop", "GeForce RTX 4090 Laptop", 16, 16376), .laptop = true},
    {CARD("gtx-1080-ti", "GeForce GTX 1080 Ti", 11, 11264)},
    {CARD("a100-40gb", "A100 40GB", 40, 40960)},
    {CARD("a100-80gb", "A100 80GB", 80, 81920)},
    {CARD("v100-16gb", "Tesla V100 16GB", 16, 16160)},
    {CARD("v100-32gb", "Tesla V100 32GB", 32, 32510)},
    {CARD("h100-pcie-80gb", "H100 PCIe 80GB", 80, 81559)},
    {CARD("h100-sxm-80gb", "H100 SXM 80GB", 80, 81559), .aliases = {SXM_ALIASES, 1}},
    {CARD("h100-nvl-94gb", "H100 NVL 94GB", 94, 95830)},
    {CARD("gh200-96gb", "GH200 96GB", 96, 97871), .aliases = {GH_ALIASES, 1}},
    {CARD("t4", "Tesla T4", 16, 15360)},
    {CARD("quadro-rtx-6000", "Quadro RTX 6000", 24, 24576)},
    {CARD("rtx-6000-ada", "RTX 6000 Ada", 48, 49140), .aliases = {ADA_ALIASES, 1}},
    {CARD("rtx-a6000", "RTX A6000", 48, 49140)},
    {CARD("b300", "B300", 288, 0)},
    {CARD("jetson-orin-nx-16gb", "Jetson Orin NX 16GB", 16, 0), .shared_memory = true},
    {CARD("apple-silicon", "Apple silicon", 0, 0), .shared_memory = true},
};

static const struct pack PACK = {.gpus = {CARDS, sizeof CARDS / sizeof *CARDS}};

static struct arena arena;

static int fresh(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void expect(const char *name, const char *id)
{
    struct target t;
    struct err err = {.message = ""};
    if (!gpu_target(&arena, &PACK, str_from(name), &t, &err)) {
        print_error("%s: %s\n", name, err.message);
        fail();
    }
    if (!str_eq(t.id, str_from(id))) {
        print_error("%s gave %.*s, wanted %s\n", name, STR_ARG(t.id), id);
        fail();
    }
}

static void expect_error(const char *name, const char *part)
{
    struct target t;
    struct err err = {.message = ""};
    if (gpu_target(&arena, &PACK, str_from(name), &t, &err)) {
        print_error("%s gave %.*s\n", name, STR_ARG(t.id));
        fail();
    }
    if (!strstr(err.message, part)) {
        print_error("%s: '%s' lacks '%s'\n", name, err.message, part);
        fail();
    }
}

static void finds_what_people_write(void **state)
{
    (void)state;
    expect("rtx-3060-12gb", "rtx-3060-12gb");
    expect("RTX 3060 12GB", "rtx-3060-12gb");
    expect("rtx3060 12 GB", "rtx-3060-12gb");
    expect("3060-8g", "rtx-3060-8gb");
    expect("RTX3060Ti", "rtx-3060-ti");
    expect("3060 ti", "rtx-3060-ti");
    expect("3060m", "rtx-3060-laptop");
    expect("RTX 3060 mobile", "rtx-3060-laptop");
    expect(" 4090 ", "rtx-4090");
    expect("4090d", "rtx-4090-d");
    expect("1080Ti", "gtx-1080-ti");
    expect("A100-SXM4-80GB", "a100-80gb");
    expect("v100_32gb", "v100-32gb");
    expect("T4", "t4");
    expect("a6000", "rtx-a6000");
    expect("H100 SXM", "h100-sxm-80gb");
    expect("h100-nvl", "h100-nvl-94gb");
    expect("H100 80GB", "h100-pcie-80gb");
}

static void finds_what_drivers_write(void **state)
{
    (void)state;
    expect("NVIDIA GeForce RTX 4090", "rtx-4090");
    expect("NVIDIA GeForce RTX 3060 Laptop GPU", "rtx-3060-laptop");
    expect("NVIDIA GeForce RTX 3070 with Max-Q Design", "rtx-3070-laptop");
    expect("NVIDIA A100-PCIE-40GB", "a100-40gb");
    expect("NVIDIA A100 80GB PCIe", "a100-80gb");
    expect("Tesla V100-SXM2-16GB", "v100-16gb");
    expect("NVIDIA H100 80GB HBM3", "h100-sxm-80gb");
    expect("NVIDIA GH200 480GB", "gh200-96gb");
    expect("NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada");
    expect("Quadro RTX 6000", "quadro-rtx-6000");
}

static void asks_back(void **state)
{
    (void)state;
    expect_error("3060", "'3060' is ambiguous: rtx-3060-12gb, rtx-3060-8gb");
    expect_error("a100", "a100-40gb, a100-80gb");
    expect_error("V100", "ambiguous");
    expect_error("H100", "h100-nvl-94gb");
    expect_error("rtx 6000", "quadro-rtx-6000, rtx-6000-ada");
    expect_error("rtx 3061 12gb", "nearest: rtx-3060-12gb");
    expect_error("gtx 3060 12gb", "unknown GPU");
    expect_error("4090 48gb", "unknown GPU");
    expect_error("apple silicon", "name a class");
    expect_error("", "a class such as 12GB");
    expect_error("---", "unknown GPU");
    expect_error("0GB", "unknown GPU");
}

static void knows_classes_and_bytes(void **state)
{
    (void)state;
    expect("12GB", "12GB");
    expect("12 gb", "12GB");
    expect("12g", "12GB");
    expect("12GiB", "12GB");
    struct target t;
    assert_true(gpu_target(&arena, &PACK, STR("24gb"), &t, NULL));
    assert_null(t.gpu);
    assert_int_equal(t.usable_bytes, (uint64_t)(24 * 0.98 * 1024 * 1024 * 1024));
    assert_true(gpu_target(&arena, &PACK, STR("rtx-3060-12gb"), &t, NULL));
    assert_ptr_equal(t.gpu, &CARDS[0]);
    assert_int_equal(t.usable_bytes >> 20, 12042); /* 11.76 GiB, as PyTorch reports */
    assert_true(gpu_target(&arena, &PACK, STR("b300"), &t, NULL));
    assert_int_equal(t.usable_bytes >> 20, 288 * 1024 * 98 / 100);
    assert_true(gpu_target(&arena, &PACK, STR("jetson orin nx"), &t, NULL));
    assert_int_equal(t.usable_bytes >> 30, 12);
    assert_true(str_eq(gpu_default(&arena).how, STR("assumed")));
}

static void survives_anything(void **state)
{
    (void)state;
    uint32_t seed = 7;
    for (int i = 0; i < 3000; i++) {
        char text[160];
        size_t len = (size_t)(seed >> 8) % sizeof text;
        for (size_t k = 0; k < len; k++) {
            seed = seed * 1664525u + 1013904223u;
            text[k] =
                i % 2 ? (char)(seed >> 24) : "rtxgm 3060-12gbA.tiq"[(seed >> 24) % 20];
        }
        seed = seed * 1664525u + 1013904223u;
        struct target t;
        struct err err;
        struct arena_mark mark = arena_mark(&arena);
        gpu_target(&arena, &PACK, (struct str){text, len}, &t, &err);
        arena_release(&arena, mark);
    }
}

static void write_card(const char *root, const char *slot, const char *text)
{
    char path[300];
    const char *parts[] = {"", "/driver", "/driver/nvidia", "/driver/nvidia/gpus"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", root, parts[i]);
        mkdir(path, 0700);
    }
    snprintf(path, sizeof path, "%s/driver/nvidia/gpus/%s", root, slot);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/driver/nvidia/gpus/%s/information", root, slot);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void reads_the_driver(void **state)
{
    (void)state;
    char root[] = "/tmp/gpulint-gpu-XXXXXX";
    assert_non_null(mkdtemp(root));
    struct targets found;
    assert_false(gpu_detect(&arena, &PACK, root, &found));
    write_card(root, "0000:02:00.0", "Model: \t\t NVIDIA GeForce RTX 4090\nIRQ: 12\n");
    write_card(root, "0000:01:00.0", "Model: \t NVIDIA GeForce RTX 3060\nIRQ:   31\n");
    write_card(root, "0000:03:00.0", "Model: Voodoo 2\n");
    write_card(root, "0000:04:00.0", "");
    assert_true(gpu_detect(&arena, &PACK, root, &found));
    assert_int_equal(found.len, 2);
    assert_string_equal(found.at[0].id.at, "rtx-3060-8gb");
    assert_string_equal(found.at[0].how.at, "detected; 8 GB variant assumed");
    assert_string_equal(found.at[1].id.at, "rtx-4090");
    assert_string_equal(found.at[1].how.at, "detected");
    char command[80];
    snprintf(command, sizeof command, "rm -rf %s", root);
    assert_int_equal(system(command), 0);
}

static void reads_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"1.5GB", 1500000000},  {"800MiB", 838860800},   {"2G", 2147483648u},
                {" 1 gib ", 1073741824}, {"512mb", 512000000}, {"0MB", 0}};
    static const char *const bad[] = {"", "GB", "15", "1.5TB", "-1GB", "1e3GB", "1.2.3GB", "9999999GB"};
    uint64_t bytes;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(gpu_parse_size(str_from(good[i].text), &bytes));
        assert_int_equal(bytes, good[i].bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(gpu_parse_size(str_from(bad[i]), &bytes));
    }
}

static void reserves(void **state)
{
    (void)state;
    struct target t = gpu_default(&arena);
    uint64_t usable = t.usable_bytes;
    assert_true(gpu_reserve(&t, 1000, NULL));
    assert_int_equal(t.usable_bytes, usable - 1000);
    assert_int_equal(t.reserved_bytes, 1000);
    assert_false(gpu_reserve(&t, usable, NULL));
    assert_int_equal(t.usable_bytes, usable - 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(finds_what_people_write, fresh),
        cmocka_unit_test_setup(finds_what_drivers_write, fresh),
        cmocka_unit_test_setup(asks_back, fresh),
        cmocka_unit_test_setup(knows_classes_and_bytes, fresh),
        cmocka_unit_test_setup(survives_anything, fresh),
        cmocka_unit_test_setup(reads_the_driver, fresh),
        cmocka_unit_test_setup(reads_sizes, fresh),
        cmocka_unit_test_setup(reserves, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
