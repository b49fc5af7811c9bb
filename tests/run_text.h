/* A run made from text, for tests: facts without files. */
#ifndef RUN_TEXT_H
#define RUN_TEXT_H

#include "run.h"
#include "vec.h"

static inline struct value run_text_list(struct arena *a, struct str text)
{
    struct values VEC_BODY(struct value) items = {.len = 0};
    for (size_t from = 0, i = 0; i <= text.len; i++) {
        if (i < text.len && text.at[i] != '+' && text.at[i] != ',') {
            continue;
        }
        struct str item = str_trim(str_slice(text, from, i));
        int64_t n;
        struct value v = str_to_int(item, &n) ? VALUE_OF_INT(n) : VALUE_OF_STR(item);
        vec_push(a, &items, v);
        from = i + 1;
    }
    struct value v = {.kind = VALUE_LIST};
    v.as.list.at = items.at;
    v.as.list.len = items.len;
    return v;
}

/* TEXT as the fact's type; lists are parted by "+" or ",". */
static inline struct value run_text_value(struct arena *a, enum fact_id id, struct str text)
{
    int64_t integer;
    double real;
    switch (fact_info(id)->type) {
    case FACT_TYPE_INT:
        return str_to_int(text, &integer) ? VALUE_OF_INT(integer) : VALUE_NOTHING;
    case FACT_TYPE_FLOAT:
        return str_to_float(text, &real) ? VALUE_OF_FLOAT(real) : VALUE_NOTHING;
    case FACT_TYPE_BOOL:
        return VALUE_OF_BOOL(str_eq(text, STR("true")));
    case FACT_TYPE_LIST:
        return run_text_list(a, text);
    case FACT_TYPE_STRING:
    case FACT_TYPE_ENUM:
        break;
    }
    return VALUE_OF_STR(text);
}

static inline void run_text_set(struct arena *a, struct run *run, enum fact_id id,
                                struct value v)
{
    struct fact fact = {.id = id, .value = v};
    run->best[id] = (int32_t)run->facts.len;
    vec_push(a, &run->facts, fact);
}

static inline struct run run_text_empty(void)
{
    struct run run = {.name = {"", 0}};
    for (int i = 0; i < FACT_COUNT; i++) {
        run.best[i] = -1;
    }
    return run;
}

/* Lines "fact: value"; lines that name no fact are left to the caller. */
static inline struct run run_text(struct arena *a, struct str text)
{
    struct run run = run_text_empty();
    for (size_t from = 0; from < text.len;) {
        size_t end = str_find_byte(text, '\n', from);
        struct str line = str_slice(text, from, end == SIZE_MAX ? text.len : end);
        size_t colon = str_find_byte(line, ':', 0);
        if (colon != SIZE_MAX) {
            enum fact_id id = fact_parse(str_trim(str_slice(line, 0, colon)));
            struct str value = str_trim(str_slice(line, colon + 1, line.len));
            if (id != FACT_COUNT) {
                run_text_set(a, &run, id, run_text_value(a, id, value));
            }
        }
        from = end == SIZE_MAX ? text.len : end + 1;
    }
    return run;
}

#endif
