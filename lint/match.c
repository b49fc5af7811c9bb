/* PCRE2 behind four functions. Patterns are few (they come from tables and rules) and
 * used often, so each is compiled once, kept in a chained hash table, and owns the match
 * data that its calls write to; the program has one thread. */
#include "match.h"

#include <assert.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

#include "arena.h"
#include "banned.h"

enum {
    BUCKETS = 1024,
    MATCH_LIMIT = 100000,
    DEPTH_LIMIT = 10000,
    HEAP_LIMIT_KIB = 16 * 1024,
    JIT_STACK_BYTES = 512 * 1024,
};

struct pattern {
    struct pattern *next;
    struct str text;
    pcre2_code *code;
    pcre2_match_data *data;
};

static struct {
    struct arena arena;
    struct pattern *bucket[BUCKETS];
    pcre2_match_context *context;
    pcre2_jit_stack *stack; /* NULL without JIT */
} cache;

static bool make_context(void)
{
    if (cache.context)
        return true;
    cache.context = pcre2_match_context_create(NULL);
    if (!cache.context)
        return false;
    pcre2_set_match_limit(cache.context, MATCH_LIMIT);
    pcre2_set_depth_limit(cache.context, DEPTH_LIMIT);
    pcre2_set_heap_limit(cache.context, HEAP_LIMIT_KIB);
    cache.stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_BYTES, NULL);
    if (cache.stack)
        pcre2_jit_stack_assign(cache.context, NULL, cache.stack);
    return true;
}

static bool compile(struct pattern *p, struct err *err)
{
    int code;
    PCRE2_SIZE offset;
    p->code = pcre2_compile((PCRE2_SPTR)p->text.at, p->text.len, PCRE2_NEVER_UTF, &code,
                            &offset, NULL);
    if (!p->code) {
        PCRE2_UCHAR message[256];
        pcre2_get_error_message(code, message, sizeof message);
        return err_set(err, "bad pattern at offset %zu: %s", (size_t)offset,
                       (const char *)message);
    }
    p->data = pcre2_match_data_create_from_pattern(p->code, NULL);
    if (!p->data || !make_context()) {
        pcre2_match_data_free(p->data);
        pcre2_code_free(p->code);
        return err_set(err, "out of memory");
    }
    /* Without JIT the interpreter does the same work, only slower. */
    (void)pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
    return true;
}

const struct pattern *match_pattern(struct str text, struct err *err)
{
    struct pattern **bucket = &cache.bucket[str_hash(text) % BUCKETS];
    for (struct pattern *p = *bucket; p; p = p->next)
        if (str_eq(p->text, text))
            return p;
    struct arena_mark mark = arena_mark(&cache.arena);
    struct pattern *p = arena_new(&cache.arena, struct pattern);
    p->text = arena_str(&cache.arena, text);
    if (!compile(p, err)) {
        arena_release(&cache.arena, mark);
        return NULL;
    }
    p->next = *bucket;
    *bucket = p;
    return p;
}

static bool run(const struct pattern *p, struct str subject, size_t from, uint32_t options,
                struct match *out)
{
    assert(p && subject.len < UINT32_MAX);
    if (from > subject.len)
        return false;
    int count = pcre2_match(p->code, (PCRE2_SPTR)(subject.at ? subject.at : ""),
                            subject.len, from, options, p->data, cache.context);
    if (count <= 0)
        return false; /* none, or a limit: a pattern that gives up says nothing */
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(p->data);
    if (at[0] > at[1])
        return false; /* \K behind the end; means nothing to a caller */
    out->count = count > MATCH_GROUPS ? MATCH_GROUPS : (uint32_t)count;
    for (uint32_t i = 0; i < MATCH_GROUPS; i++) {
        bool set = i < out->count && at[2 * i] != PCRE2_UNSET;
        out->group[i].from = set ? (uint32_t)at[2 * i] : UINT32_MAX;
        out->group[i].to = set ? (uint32_t)at[2 * i + 1] : UINT32_MAX;
    }
    return true;
}

bool match_find(const struct pattern *p, struct str subject, size_t from, struct match *out)
{
    return run(p, subject, from, 0, out);
}

bool match_whole(const struct pattern *p, struct str subject)
{
    struct match m;
    return run(p, subject, 0, PCRE2_ANCHORED | PCRE2_ENDANCHORED, &m);
}

int match_group_number(const struct pattern *p, const char *name)
{
    int number = pcre2_substring_number_from_name(p->code, (PCRE2_SPTR)name);
    return number > 0 && number < MATCH_GROUPS ? number : -1;
}

void match_free_all(void)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct pattern *p = cache.bucket[i]; p; p = p->next) {
            pcre2_match_data_free(p->data);
            pcre2_code_free(p->code);
        }
        cache.bucket[i] = NULL;
    }
    pcre2_match_context_free(cache.context);
    pcre2_jit_stack_free(cache.stack);
    cache.context = NULL;
    cache.stack = NULL;
    arena_free(&cache.arena);
}

const char *match_library(void)
{
    static char text[64];
    char version[48];
    if (pcre2_config(PCRE2_CONFIG_VERSION, NULL) > (int)sizeof version)
        return "PCRE2";
    pcre2_config(PCRE2_CONFIG_VERSION, version);
    snprintf(text, sizeof text, "PCRE2 %s", version);
    return text;
}
