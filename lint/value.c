/* Comparing and printing. A float prints as the shortest text that reads back as the
 * same number, so that messages say what the file says. */
#include "value.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "banned.h"

bool value_number(struct value v, double *out)
{
    if (v.kind == VALUE_INT)
        *out = (double)v.as.integer;
    else if (v.kind == VALUE_FLOAT)
        *out = v.as.real;
    else
        return false;
    return true;
}

static bool list_eq(struct value a, struct value b)
{
    if (a.as.list.len != b.as.list.len)
        return false;
    for (size_t i = 0; i < a.as.list.len; i++)
        if (!value_eq(a.as.list.at[i], b.as.list.at[i]))
            return false;
    return true;
}

bool value_eq(struct value a, struct value b)
{
    double x, y;
    if (a.kind == VALUE_INT && b.kind == VALUE_INT)
        return a.as.integer == b.as.integer;
    if (value_number(a, &x) && value_number(b, &y))
        return x == y;
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return a.as.boolean == b.as.boolean;
    case VALUE_STRING:
        return str_eq(a.as.string, b.as.string);
    case VALUE_LIST:
        return list_eq(a, b);
    default:
        return false;
    }
}

static void print_float(struct buf *b, double real)
{
    char text[40];
    if (isnan(real)) {
        buf_cstr(b, "nan");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            break;
    }
    buf_cstr(b, text);
}

static void print_list(struct buf *b, struct value v)
{
    buf_byte(b, '[');
    for (size_t i = 0; i < v.as.list.len; i++) {
        if (i)
            buf_cstr(b, ", ");
        value_print(b, v.as.list.at[i]);
    }
    buf_byte(b, ']');
}

void value_print(struct buf *b, struct value v)
{
    switch (v.kind) {
    case VALUE_UNKNOWN:
        buf_cstr(b, "unknown");
        break;
    case VALUE_NULL:
        buf_cstr(b, "null");
        break;
    case VALUE_BOOL:
        buf_cstr(b, v.as.boolean ? "true" : "false");
        break;
    case VALUE_INT:
        buf_printf(b, "%lld", (long long)v.as.integer);
        break;
    case VALUE_FLOAT:
        print_float(b, v.as.real);
        break;
    case VALUE_STRING:
        buf_add(b, v.as.string);
        break;
    case VALUE_LIST:
        print_list(b, v);
        break;
    }
}

const char *value_kind_name(enum value_kind kind)
{
    static const char *const names[] = {"unknown", "null",   "bool", "int",
                                        "float",   "string", "list"};
    assert((size_t)kind < sizeof names / sizeof *names);
    return names[kind];
}
