/* Names of cards are written in a hundred ways. Each is taken apart into a core ("3060ti"),
 * a series (rtx), a memory size, a form (sxm, pcie) and "laptop"; whatever both sides say
 * must agree, whatever one side leaves out is free. What is still open is asked back. */
#include "gpu.h"

#include <assert.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vec.h"

#include "banned.h"

/* Of what the driver reports a process gets this much on Linux: an RTX 3060 of 12288 MiB
 * shows 11.75-11.76 GiB in PyTorch's out-of-memory messages, a 3080 of 10240 MiB 9.78. */
static const double USABLE_SHARE = 0.98;
/* The system lives in the same memory. */
static const double USABLE_SHARE_SHARED = 0.75;

enum { NAME_MAX_BYTES = 120, CORE_BYTES = 64, VARIANTS_LISTED = 8, FILE_BYTES = 4096 };

struct card_name {
    char core[CORE_BYTES];
    struct str series, form;
    double vram_gb; /* 0: not said */
    bool laptop;
};

struct gpus VEC_BODY(const struct gpu *);

static const char *const VENDOR_WORDS[] = {
    "nvidia",   "geforce",    "tesla",       "amd",    "gpu",
    "graphics", "generation", "corporation", "card",   "with",
    "design",   "edition",    "workstation", "server", NULL,
};
static const char *const SERIES_WORDS[] = {"rtx",    "gtx",      "rx", "quadro",
                                           "radeon", "instinct", NULL};
static const char *const FORM_WORDS[] = {"sxm", "pcie", "nvl", NULL};
static const char *const LAPTOP_WORDS[] = {"laptop", "mobile", "notebook", "maxq", NULL};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(struct str s, const char *const *words)
{
    for (; *words; words++) {
        if (str_eq(s, str_from(*words))) {
            return true;
        }
    }
    return false;
}

/* The lower-case letters and digits of NAME as tokens; letters behind "rtx" and the like
 * are not parted from their digits, so that "RTX3060" is two tokens and "3060ti" one. */
struct tokens {
    struct str at[24];
    size_t len;
};

static struct str lower(struct arena *a, struct str s)
{
    char *to = arena_alloc(a, s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        to[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return (struct str){to, s.len};
}

static void token_add(struct tokens *t, struct str s)
{
    for (const char *const *w = SERIES_WORDS; *w; w++) {
        struct str word = str_from(*w);
        if (s.len > word.len && str_starts(s, word) && is_digit(s.at[word.len]) &&
            t->len + 1 < sizeof t->at / sizeof *t->at) {
            t->at[t->len++] = word;
            s = str_slice(s, word.len, s.len);
        }
    }
    if (t->len < sizeof t->at / sizeof *t->at) {
        t->at[t->len++] = s;
    }
}

static struct tokens tokens_of(struct str s)
{
    struct tokens t = {.len = 0};
    size_t from = 0;
    for (size_t i = 0; i <= s.len; i++) {
        char c = i < s.len ? s.at[i] : ' ';
        bool inside = is_digit(c) || (c >= 'a' && c <= 'z') || c == '.';
        if (!inside) {
            if (i > from) {
                token_add(&t, str_slice(s, from, i));
            }
            from = i + 1;
        }
    }
    return t;
}

/* "12gb", "12g", "12gib": a memory size. */
static bool size_token(struct str s, double *gb)
{
    size_t digits = 0;
    while (digits < s.len && (is_digit(s.at[digits]) || s.at[digits] == '.')) {
        digits++;
    }
    struct str unit = str_slice(s, digits, s.len);
    bool known =
        str_eq(unit, STR("gb")) || str_eq(unit, STR("g")) || str_eq(unit, STR("gib"));
    return digits > 0 && known && str_to_float(str_slice(s, 0, digits), gb) && *gb > 0;
}

static void core_add(struct card_name *n, size_t *len, struct str s)
{
    if (*len + s.len < sizeof n->core) {
        memcpy(n->core + *len, s.at, s.len);
        *len += s.len;
    }
}

static bool form_token(struct str s, struct str *form)
{
    if (str_eq(s, STR("hbm3"))) { /* how the driver names the SXM board */
        *form = STR("sxm");
        return true;
    }
    for (const char *const *w = FORM_WORDS; *w; w++) {
        struct str word = str_from(*w);
        if (str_starts(s, word) && s.len <= word.len + 1) {
            *form = word;
            return true;
        }
    }
    return false;
}

/* "Max-Q" and "12 GB" come as two tokens. */
static bool pair_token(struct card_name *n, struct str s, struct str next)
{
    if (str_eq(s, STR("max")) && str_eq(next, STR("q"))) {
        n->laptop = true;
        return true;
    }
    bool unit = str_eq(next, STR("gb")) || str_eq(next, STR("gib"));
    double gb;
    if (unit && str_to_float(s, &gb) && gb > 0) {
        n->vram_gb = gb;
        return true;
    }
    return false;
}

static void cut_mobile_suffix(struct card_name *n, size_t len)
{
    if (len >= 5 && n->core[len - 1] == 'm' && is_digit(n->core[len - 2]) &&
        is_digit(n->core[0])) {
        n->core[len - 1] = '\0'; /* "3060m" */
        n->laptop = true;
    }
}

static struct card_name card_parse(struct arena *a, struct str text)
{
    struct card_name n = {.core = ""};
    struct tokens t = tokens_of(lower(a, text));
    size_t len = 0;
    double gb;
    for (size_t i = 0; i < t.len; i++) {
        struct str s = t.at[i];
        if (i + 1 < t.len && pair_token(&n, s, t.at[i + 1])) {
            i++;
        } else if (size_token(s, &gb)) {
            n.vram_gb = gb;
        } else if (is_word(s, SERIES_WORDS)) {
            n.series = s;
        } else if (is_word(s, LAPTOP_WORDS)) {
            n.laptop = true;
        } else if (!form_token(s, &n.form) && !is_word(s, VENDOR_WORDS)) {
            core_add(&n, &len, s);
        }
    }
    cut_mobile_suffix(&n, len);
    return n;
}

static bool both_agree(struct str a, struct str b)
{
    return a.len == 0 || b.len == 0 || str_eq(a, b);
}

static bool name_fits(const struct card_name *asked, const struct card_name *name,
                      double vram_gb)
{
    bool size = asked->vram_gb == 0 || asked->vram_gb == vram_gb ||
                (name->vram_gb > 0 && asked->vram_gb == name->vram_gb);
    return size && asked->laptop == name->laptop && strcmp(asked->core, name->core) == 0 &&
           both_agree(asked->series, name->series) && both_agree(asked->form, name->form);
}

static bool gpu_fits(struct arena *a, const struct gpu *g, const struct card_name *asked)
{
    struct card_name own = card_parse(a, g->name);
    if (name_fits(asked, &own, g->vram_gb)) {
        return true;
    }
    for (uint32_t i = 0; i < g->aliases.len; i++) {
        struct card_name alias = card_parse(a, g->aliases.at[i]);
        if (name_fits(asked, &alias, g->vram_gb)) {
            return true;
        }
    }
    return false;
}

/* Letters and digits only, without the vendor: "quadro-rtx-6000" is "Quadro RTX 6000". */
static struct str plain_name(struct arena *a, struct str text)
{
    struct tokens t = tokens_of(lower(a, text));
    char *out = arena_alloc(a, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (!is_word(t.at[i], VENDOR_WORDS)) {
            memcpy(out + len, t.at[i].at, t.at[i].len);
            len += t.at[i].len;
        }
    }
    return (struct str){out, len};
}

static double shown_mib(const struct gpu *g)
{
    return g->driver_mib > 0 ? g->driver_mib : g->vram_gb * 1024;
}

static uint64_t usable_bytes(const struct gpu *g)
{
    double share = g->shared_memory ? USABLE_SHARE_SHARED : USABLE_SHARE;
    return (uint64_t)(shown_mib(g) * share * 1024 * 1024);
}

static struct target target_of(const struct gpu *g)
{
    return (struct target){
        .id = g->id,
        .name = g->name,
        .vram_gb = g->vram_gb,
        .shown_bytes = (uint64_t)(shown_mib(g) * 1024 * 1024),
        .usable_bytes = usable_bytes(g),
        .gpu = g,
        .how = STR(""),
    };
}

/* Eight, eleven and eighteen, however they go on, begin with a vowel. */
static const char *article(double gb)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%g", gb);
    bool teen = (gb >= 11 && gb < 12) || (gb >= 18 && gb < 19);
    return digits[0] == '8' || teen ? "an" : "a";
}

static struct target target_of_class(struct arena *a, double gb)
{
    return (struct target){
        .id = arena_printf(a, "%gGB", gb),
        .name = arena_printf(a, "%s %g GB card", article(gb), gb),
        .vram_gb = gb,
        .shown_bytes = (uint64_t)(gb * 1024 * 1024 * 1024),
        .usable_bytes = (uint64_t)(gb * USABLE_SHARE * 1024 * 1024 * 1024),
        .how = STR(""),
    };
}

static struct gpus find_all(struct arena *a, const struct pack *pack, struct str name)
{
    struct gpus found = {.len = 0};
    struct card_name asked = card_parse(a, name);
    struct str plain = plain_name(a, name);
    for (uint32_t i = 0; i < pack->gpus.len; i++) {
        const struct gpu *g = &pack->gpus.at[i];
        if (plain.len > 0 && (str_eq(plain, plain_name(a, g->id)) ||
                              str_eq(plain, plain_name(a, g->name)))) {
            found.len = 0;
            vec_push(a, &found, g);
            return found;
        }
    }
    for (uint32_t i = 0; asked.core[0] && i < pack->gpus.len; i++) {
        struct arena_mark mark = arena_mark(a);
        bool fits = gpu_fits(a, &pack->gpus.at[i], &asked);
        arena_release(a, mark);
        if (fits) {
            vec_push(a, &found, &pack->gpus.at[i]);
        }
    }
    return found;
}

static bool same_memory(const struct gpus *found)
{
    for (size_t i = 1; i < found->len; i++) {
        if (found->at[i]->vram_gb != found->at[0]->vram_gb) {
            return false;
        }
    }
    return true;
}

static bool fail_ambiguous(struct arena *a, struct str name, const struct gpus *found,
                           struct err *err)
{
    struct str list = {"", 0};
    for (size_t i = 0; i < found->len && i < VARIANTS_LISTED; i++) {
        list = arena_printf(a, "%.*s%s%.*s", STR_ARG(list), i ? ", " : "",
                            STR_ARG(found->at[i]->id));
    }
    return err_set(err, "GPU '%.*s' is ambiguous: %.*s", STR_ARG(name), STR_ARG(list));
}

/* The ids nearest to what was written; laptop cards last. */
static bool fail_unknown(struct arena *a, const struct pack *pack, struct str name,
                         struct err *err)
{
    const struct gpu *near[3] = {NULL, NULL, NULL};
    unsigned far[3] = {255, 255, 255};
    struct str plain = plain_name(a, name);
    for (uint32_t i = 0; i < pack->gpus.len; i++) {
        const struct gpu *g = &pack->gpus.at[i];
        struct str id = plain_name(a, g->id);
        bool part = plain.len > 1 && str_find(id, plain, 0) != SIZE_MAX;
        unsigned d = part ? g->laptop : str_distance(plain, id) * 2 + g->laptop;
        size_t place = 3;
        while (place > 0 && d < far[place - 1]) {
            place--;
        }
        for (size_t k = 2; k > place && k < 3; k--) {
            near[k] = near[k - 1];
            far[k] = far[k - 1];
        }
        if (place < 3) {
            near[place] = g;
            far[place] = d;
        }
    }
    if (!near[0]) {
        return err_set(err, "unknown GPU '%.*s'", STR_ARG(name));
    }
    struct str list = near[0]->id;
    for (size_t i = 1; i < 3 && near[i]; i++) {
        list = arena_printf(a, "%.*s, %.*s", STR_ARG(list), STR_ARG(near[i]->id));
    }
    return err_set(err,
                   "unknown GPU '%.*s'; nearest: %.*s (or a class such as 12GB; "
                   "'gpulint gpus' lists all)",
                   STR_ARG(name), STR_ARG(list));
}

static bool class_of(struct arena *a, struct str name, double *gb)
{
    struct tokens t = tokens_of(lower(a, name));
    struct card_name n = {.core = ""};
    if (t.len == 1) {
        return size_token(t.at[0], gb) && *gb <= 4096;
    }
    if (t.len == 2 && pair_token(&n, t.at[0], t.at[1]) && n.vram_gb > 0) {
        *gb = n.vram_gb;
        return *gb <= 4096;
    }
    return false;
}

bool gpu_target(struct arena *a, const struct pack *pack, struct str name,
                struct target *out, struct err *err)
{
    assert(pack && out);
    name = str_trim(name);
    double gb;
    if (name.len == 0 || name.len > NAME_MAX_BYTES) {
        return err_set(err, "a GPU is a catalogue name or a class such as 12GB");
    }
    if (class_of(a, name, &gb)) {
        *out = target_of_class(a, gb);
        return true;
    }
    struct gpus found = find_all(a, pack, name);
    if (found.len == 0) {
        return fail_unknown(a, pack, name, err);
    }
    if (!same_memory(&found)) {
        return fail_ambiguous(a, name, &found, err);
    }
    if (found.at[0]->vram_gb == 0) {
        return err_set(err,
                       "'%.*s' is sold with many memory sizes: name a class such as 16GB",
                       STR_ARG(found.at[0]->name));
    }
    *out = target_of(found.at[0]);
    return true;
}

/* The card of one "information" file: "Model: \t NVIDIA GeForce RTX 3060". */
static bool model_of(struct arena *a, const char *path, struct str *model)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        return false;
    }
    char *text = arena_alloc(a, FILE_BYTES);
    size_t len = fread(text, 1, FILE_BYTES - 1, f);
    fclose(f);
    struct str all = {text, len};
    for (size_t from = 0; from < len;) {
        size_t end = str_find_byte(all, '\n', from);
        struct str line = str_slice(all, from, end == SIZE_MAX ? len : end);
        if (str_starts(line, STR("Model:"))) {
            *model = str_trim(str_slice(line, 6, line.len));
            return model->len > 0 && model->len <= NAME_MAX_BYTES;
        }
        from = end == SIZE_MAX ? len : end + 1;
    }
    return false;
}

/* The driver names no size, so of several cards the smallest is the careful guess. */
static bool detected(struct arena *a, const struct pack *pack, struct str model,
                     struct target *out)
{
    struct gpus found = find_all(a, pack, model);
    const struct gpu *smallest = NULL;
    for (size_t i = 0; i < found.len; i++) {
        const struct gpu *g = found.at[i];
        if (g->vram_gb > 0 && (!smallest || g->vram_gb < smallest->vram_gb)) {
            smallest = g;
        }
    }
    if (!smallest) {
        return false;
    }
    *out = target_of(smallest);
    out->how = same_memory(&found)
                   ? STR("detected")
                   : arena_printf(a, "detected; %g GB variant assumed", smallest->vram_gb);
    return true;
}

static int by_name(const void *x, const void *y)
{
    return str_compare(*(const struct str *)x, *(const struct str *)y);
}

struct names VEC_BODY(struct str);

static struct names entries_of(struct arena *a, struct str path)
{
    struct names names = {.len = 0};
    DIR *dir = opendir(path.at);
    if (!dir) {
        return names;
    }
    for (struct dirent *e = readdir(dir); e && names.len < 256; e = readdir(dir)) {
        if (e->d_name[0] != '.') {
            vec_push(a, &names, arena_str(a, str_from(e->d_name)));
        }
    }
    closedir(dir);
    if (names.len > 1) {
        qsort(names.at, names.len, sizeof *names.at, by_name);
    }
    return names;
}

bool gpu_detect(struct arena *a, const struct pack *pack, const char *proc,
                struct targets *out)
{
    assert(pack && proc && out);
    *out = (struct targets){.len = 0};
    struct str path = arena_printf(a, "%s/driver/nvidia/gpus", proc);
    struct names names = entries_of(a, path);
    for (size_t i = 0; i < names.len; i++) {
        struct str file =
            arena_printf(a, "%.*s/%.*s/information", STR_ARG(path), STR_ARG(names.at[i]));
        struct str model;
        struct target t;
        if (model_of(a, file.at, &model) && detected(a, pack, model, &t)) {
            vec_push(a, out, t);
        }
    }
    return out->len > 0;
}

bool gpu_reserve(struct target *t, uint64_t bytes, struct err *err)
{
    if (bytes >= t->usable_bytes) {
        return err_set(err, "nothing of %.*s is left once %.1f GiB are reserved",
                       STR_ARG(t->name), (double)bytes / (1024.0 * 1024 * 1024));
    }
    t->reserved_bytes += bytes;
    t->usable_bytes -= bytes;
    return true;
}

bool gpu_parse_size(struct str text, uint64_t *bytes)
{
    static const struct {
        const char *name;
        double bytes;
    } units[] = {{"gib", 1073741824}, {"gb", 1e9}, {"g", 1073741824},
                 {"mib", 1048576},    {"mb", 1e6}, {"m", 1048576}};
    size_t digits = 0;
    double number;
    text = str_trim(text);
    while (digits < text.len && (is_digit(text.at[digits]) || text.at[digits] == '.')) {
        digits++;
    }
    struct str unit = str_trim(str_slice(text, digits, text.len));
    if (!str_to_float(str_slice(text, 0, digits), &number) || number > 1e6) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (str_eq_nocase(unit, str_from(units[i].name))) {
            *bytes = (uint64_t)(number * units[i].bytes);
            return true;
        }
    }
    return false;
}

struct target gpu_default(struct arena *a)
{
    struct target t = target_of_class(a, 12);
    t.how = STR("assumed");
    return t;
}
