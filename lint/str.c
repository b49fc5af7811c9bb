/* Plain byte-string helpers. Number reading goes through a bounded copy because
 * strtod needs a NUL; the program never calls setlocale, so '.' is the point. */
#include "str.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

struct str str_from(const char *s)
{
    return (struct str){s, s ? strlen(s) : 0};
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

int str_compare(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.at, b.at, n) : 0;
    if (c)
        return c;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_slice(s, 0, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len &&
           str_eq(str_slice(s, s.len - suffix.len, s.len), suffix);
}

size_t str_find(struct str s, struct str needle, size_t from)
{
    if (needle.len == 0)
        return from <= s.len ? from : SIZE_MAX;
    while (from < s.len && s.len - from >= needle.len) {
        const char *hit = memchr(s.at + from, needle.at[0], s.len - from);
        if (!hit)
            return SIZE_MAX;
        from = (size_t)(hit - s.at);
        if (s.len - from < needle.len)
            return SIZE_MAX;
        if (memcmp(hit, needle.at, needle.len) == 0)
            return from;
        from++;
    }
    return SIZE_MAX;
}

size_t str_find_byte(struct str s, char byte, size_t from)
{
    if (from >= s.len)
        return SIZE_MAX;
    const char *hit = memchr(s.at + from, byte, s.len - from);
    return hit ? (size_t)(hit - s.at) : SIZE_MAX;
}

struct str str_slice(struct str s, size_t from, size_t to)
{
    if (to > s.len)
        to = s.len;
    if (from > to)
        from = to;
    return (struct str){s.at ? s.at + from : NULL, to - from};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    size_t from = 0, to = s.len;
    while (from < to && is_blank(s.at[from]))
        from++;
    while (to > from && is_blank(s.at[to - 1]))
        to--;
    return str_slice(s, from, to);
}

struct str str_folder(struct str path)
{
    for (size_t i = path.len; i-- > 0;)
        if (path.at[i] == '/')
            return str_slice(path, 0, i ? i : 1);
    return STR(".");
}

bool str_to_int(struct str s, int64_t *out)
{
    size_t i = 0;
    bool negative = false;
    if (i < s.len && (s.at[i] == '-' || s.at[i] == '+'))
        negative = s.at[i++] == '-';
    if (i == s.len || !isdigit((unsigned char)s.at[i]))
        return false;
    uint64_t value = 0, limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    for (; i < s.len; i++) {
        char c = s.at[i];
        if (c == '_' && i + 1 < s.len && isdigit((unsigned char)s.at[i + 1]) &&
            isdigit((unsigned char)s.at[i - 1]))
            continue;
        if (!isdigit((unsigned char)c))
            return false;
        uint64_t digit = (uint64_t)(c - '0');
        if (value > (limit - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

bool str_to_float(struct str s, double *out)
{
    char copy[64];
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (!isdigit((unsigned char)c) && !strchr("+-.eE_", c))
            return false;
        if (c == '_')
            continue;
        if (n + 1 >= sizeof copy)
            return false;
        copy[n++] = c;
    }
    copy[n] = '\0';
    char *end = NULL;
    if (n == 0)
        return false;
    double value = strtod(copy, &end);
    if (end != copy + n)
        return false;
    *out = value;
    return true;
}

unsigned str_distance(struct str a, struct str b)
{
    unsigned row[64];
    if (b.len >= 63 || a.len >= 255)
        return 255;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; i < a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < b.len; j++) {
            unsigned best = diagonal + (lower(a.at[i]) != lower(b.at[j]));
            diagonal = row[j + 1];
            if (row[j + 1] + 1 < best)
                best = row[j + 1] + 1;
            if (row[j] + 1 < best)
                best = row[j] + 1;
            row[j + 1] = best;
        }
    }
    return row[b.len];
}

uint64_t str_hash(struct str s)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.at[i]) * 1099511628211u;
    return h;
}
