/* Values as JSON text. A float is written with the fewest digits that read back as the
 * same number, in the manner of the number that stood there: a learning rate written
 * 1e-4 becomes 5e-5, one written 0.001 becomes 0.0005. */
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../banned.h"

enum { NUMBER_BYTES = 64, MOST_DIGITS = 17, MOST_DECIMALS = 25 };

void json_text_string(struct buf *out, struct str s)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    buf_byte(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        const char *hit = c ? strchr(from, c) : NULL;
        if (hit) {
            buf_byte(out, '\\');
            buf_byte(out, to[hit - from]);
        } else if ((unsigned char)c < ' ') {
            buf_printf(out, "\\u%04x", (unsigned)c);
        } else {
            buf_byte(out, c);
        }
    }
    buf_byte(out, '"');
}

/* "2.50e+08" as OLD writes its exponents: by default "2.5e8". */
static void add_exponent(struct buf *out, const char *text, struct str old)
{
    const char *e = strchr(text, 'e');
    size_t at = str_find_byte(old, 'e', 0);
    if (at == SIZE_MAX)
        at = str_find_byte(old, 'E', 0);
    bool plus = at < old.len && old.at[at + 1] == '+';
    size_t digit =
        at < old.len ? at + 1 + (old.at[at + 1] == '+' || old.at[at + 1] == '-') : 0;
    bool padded = at < old.len && digit + 1 < old.len && old.at[digit] == '0';
    buf_add(out, (struct str){text, (size_t)(e - text)});
    buf_byte(out, at < old.len ? old.at[at] : 'e');
    if (e[1] == '-' || plus)
        buf_byte(out, e[1]);
    const char *digits = e + 2;
    while (!padded && digits[0] == '0' && digits[1])
        digits++;
    buf_cstr(out, digits);
}

static bool shortest(char *text, const char *format, double real, int from, int to)
{
    for (int digits = from; digits <= to; digits++) {
        int n = snprintf(text, NUMBER_BYTES, format, digits, real);
        if (n < NUMBER_BYTES && strtod(text, NULL) == real)
            return true;
    }
    return false;
}

static void add_float(struct buf *out, double real, struct str old)
{
    char text[NUMBER_BYTES];
    bool exponent = memchr(old.at, 'e', old.len) || memchr(old.at, 'E', old.len);
    bool point = memchr(old.at, '.', old.len);
    if (exponent && shortest(text, "%.*e", real, 0, MOST_DIGITS)) {
        add_exponent(out, text, old);
        return;
    }
    if (point && fabs(real) < 1e15 && shortest(text, "%.*f", real, 1, MOST_DECIMALS)) {
        buf_cstr(out, text);
        return;
    }
    shortest(text, "%.*g", real, 15, MOST_DIGITS);
    if (strchr(text, 'e')) {
        add_exponent(out, text, STR(""));
        return;
    }
    buf_cstr(out, text);
    if (!strchr(text, '.'))
        buf_cstr(out, ".0");
}

static bool add_list(struct buf *out, struct value v, const struct json_form *form)
{
    static const struct json_form inner = {STR_INIT(""), STR_INIT(", "), STR_INIT("")};
    buf_byte(out, '[');
    for (size_t i = 0; i < v.as.list.len; i++) {
        buf_add(out, i ? form->between : form->open);
        if (!json_text_value(out, v.as.list.at[i], STR(""), &inner))
            return false;
    }
    if (v.as.list.len)
        buf_add(out, form->close);
    buf_byte(out, ']');
    return true;
}

bool json_text_value(struct buf *out, struct value value, struct str old,
                     const struct json_form *form)
{
    switch (value.kind) {
    case VALUE_NULL:
        buf_cstr(out, "null");
        return true;
    case VALUE_BOOL:
        buf_cstr(out, value.as.boolean ? "true" : "false");
        return true;
    case VALUE_INT:
        buf_printf(out, "%lld", (long long)value.as.integer);
        return true;
    case VALUE_FLOAT:
        if (!isfinite(value.as.real))
            return false;
        add_float(out, value.as.real, old);
        return true;
    case VALUE_STRING:
        json_text_string(out, value.as.string);
        return true;
    case VALUE_LIST:
        return add_list(out, value, form);
    default:
        return false;
    }
}
