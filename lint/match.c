/* PCRE2 behind a few functions. Patterns are few (they come from tables and rules) and
 * used often, so each is compiled once and kept in a chained hash table. A pattern never
 * changes once it is in its chain: threads look without a lock, and only what is not
 * there yet is compiled under one. What a match writes to belongs to its thread. */
#include "match.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

#include "match_need.h"
#include "banned.h"

enum {
    BUCKETS = 1024,
    MATCH_LIMIT = 100000,
    DEPTH_LIMIT = 10000,
    HEAP_LIMIT_KIB = 16 * 1024,
    JIT_STACK_BYTES = 512 * 1024,
    SHORT_TEXT = 64, /* not worth a look beforehand */
};

struct pattern {
    struct pattern *next;
    struct str text;
    pcre2_code *code;
    struct needs needs;
};

static struct {
    struct arena arena;
    _Atomic(struct pattern *) bucket[BUCKETS];
} cache;

static pthread_mutex_t compiling = PTHREAD_MUTEX_INITIALIZER;

static _Thread_local struct {
    pcre2_match_context *context;
    pcre2_match_data *data;
    pcre2_jit_stack *stack; /* NULL without JIT */
} own;

static bool make_own(void)
{
    if (own.data)
        return true;
    if (!own.context)
        own.context = pcre2_match_context_create(NULL);
    if (!own.context)
        return false;
    pcre2_set_match_limit(own.context, MATCH_LIMIT);
    pcre2_set_depth_limit(own.context, DEPTH_LIMIT);
    pcre2_set_heap_limit(own.context, HEAP_LIMIT_KIB);
    if (!own.stack)
        own.stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_BYTES, NULL);
    if (own.stack)
        pcre2_jit_stack_assign(own.context, NULL, own.stack);
    own.data = pcre2_match_data_create(MATCH_GROUPS, NULL);
    return own.data != NULL;
}

void match_thread_end(void)
{
    pcre2_match_data_free(own.data);
    pcre2_match_context_free(own.context);
    pcre2_jit_stack_free(own.stack);
    own.data = NULL;
    own.context = NULL;
    own.stack = NULL;
}

static bool compile(struct pattern *p, struct err *err)
{
    int code;
    PCRE2_SIZE offset;
    p->code = pcre2_compile((PCRE2_SPTR)p->text.at, p->text.len,
                            PCRE2_NEVER_UTF | PCRE2_USE_OFFSET_LIMIT, &code, &offset, NULL);
    if (!p->code) {
        PCRE2_UCHAR message[256];
        pcre2_get_error_message(code, message, sizeof message);
        return err_set(err, "bad pattern at offset %zu: %s", (size_t)offset,
                       (const char *)message);
    }
    /* Without JIT the interpreter does the same work, only slower. */
    (void)pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
    return true;
}

static struct pattern *find_from(struct pattern *p, struct str text)
{
    while (p && !str_eq(p->text, text))
        p = p->next;
    return p;
}

/* Another thread may have been faster. */
static struct pattern *find_or_compile(_Atomic(struct pattern *) *bucket, struct str text,
                                       struct err *err)
{
    struct pattern *first = atomic_load_explicit(bucket, memory_order_relaxed);
    struct pattern *p = find_from(first, text);
    if (p)
        return p;
    struct arena_mark mark = arena_mark(&cache.arena);
    p = arena_new(&cache.arena, struct pattern);
    p->text = arena_str(&cache.arena, text);
    if (!compile(p, err)) {
        arena_release(&cache.arena, mark);
        return NULL;
    }
    match_needs(&cache.arena, p->text, &p->needs);
    p->next = first;
    atomic_store_explicit(bucket, p, memory_order_release);
    return p;
}

const struct pattern *match_pattern(struct str text, struct err *err)
{
    _Atomic(struct pattern *) *bucket = &cache.bucket[str_hash(text) % BUCKETS];
    struct pattern *p = find_from(atomic_load_explicit(bucket, memory_order_acquire), text);
    if (p)
        return p;
    pthread_mutex_lock(&compiling);
    p = find_or_compile(bucket, text, err);
    pthread_mutex_unlock(&compiling);
    return p;
}

static bool gave_up(int code)
{
    return code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT ||
           code == PCRE2_ERROR_HEAPLIMIT || code == PCRE2_ERROR_JIT_STACKLIMIT;
}

static enum match_answer run(const struct pattern *p, struct str subject, size_t from,
                             size_t until, uint32_t options, struct match *out)
{
    assert(p && subject.len < UINT32_MAX);
    if (from > subject.len || !make_own())
        return MATCH_NONE;
    if (subject.len - from > SHORT_TEXT && !match_has_need(&p->needs, subject, from))
        return MATCH_NONE;
    pcre2_set_offset_limit(own.context, until);
    int count = pcre2_match(p->code, (PCRE2_SPTR)(subject.at ? subject.at : ""),
                            subject.len, from, options, own.data, own.context);
    if (count < 0)
        return gave_up(count) ? MATCH_GAVE_UP : MATCH_NONE;
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(own.data);
    if (at[0] > at[1])
        return MATCH_NONE; /* \K behind the end; means nothing to a caller */
    out->count = count ? (uint32_t)count : MATCH_GROUPS; /* 0: there are more */
    for (uint32_t i = 0; i < MATCH_GROUPS; i++) {
        bool set = i < out->count && at[2 * i] != PCRE2_UNSET;
        out->group[i].from = set ? (uint32_t)at[2 * i] : UINT32_MAX;
        out->group[i].to = set ? (uint32_t)at[2 * i + 1] : UINT32_MAX;
    }
    return MATCH_FOUND;
}

bool match_find(const struct pattern *p, struct str subject, size_t from, struct match *out)
{
    return run(p, subject, from, PCRE2_UNSET, 0, out) == MATCH_FOUND;
}

enum match_answer match_find_within(const struct pattern *p, struct str subject,
                                    size_t from, size_t until, struct match *out)
{
    return run(p, subject, from, until, 0, out);
}

bool match_whole(const struct pattern *p, struct str subject)
{
    struct match m;
    return run(p, subject, 0, PCRE2_UNSET, PCRE2_ANCHORED | PCRE2_ENDANCHORED, &m) ==
           MATCH_FOUND;
}

int match_group_number(const struct pattern *p, const char *name)
{
    int number = pcre2_substring_number_from_name(p->code, (PCRE2_SPTR)name);
    return number > 0 && number < MATCH_GROUPS ? number : -1;
}

void match_free_all(void)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct pattern *p = atomic_load(&cache.bucket[i]); p; p = p->next)
            pcre2_code_free(p->code);
        atomic_store(&cache.bucket[i], NULL);
    }
    match_thread_end();
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
