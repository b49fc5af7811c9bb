/* A typed value, as a program that loads the file would see it. Owns nothing. */
#ifndef VALUE_H
#define VALUE_H

#include "buf.h"

enum value_kind {
    VALUE_UNKNOWN, /* cannot be known without running something; never compares */
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_FLOAT,
    VALUE_STRING,
    VALUE_LIST,
};

struct value {
    enum value_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct str string;
        struct {
            const struct value *at;
            size_t len;
        } list;
    } as;
};

#define VALUE_OF_INT(i) ((struct value){VALUE_INT, {.integer = (i)}})
#define VALUE_OF_BOOL(b) ((struct value){VALUE_BOOL, {.boolean = (b)}})
#define VALUE_OF_FLOAT(f) ((struct value){VALUE_FLOAT, {.real = (f)}})
#define VALUE_OF_STR(s) ((struct value){VALUE_STRING, {.string = (s)}})
#define VALUE_NOTHING ((struct value){VALUE_UNKNOWN, {0}})

/* Same kind and content; 2 and 2.0 are equal; unknown equals nothing. */
bool value_eq(struct value a, struct value b);
/* As a number, when it is one. */
bool value_number(struct value v, double *out);
/* For messages: 128, 1e-05, true, bf16, [a, b], unknown. Appends. */
void value_print(struct buf *b, struct value v);
const char *value_kind_name(enum value_kind kind);

#endif
