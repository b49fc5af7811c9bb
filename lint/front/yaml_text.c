/* The lexical ground of the YAML front end: bytes, breaks, words, and keys written twice.
 * Breaks are libyaml's (NEL and the Unicode separators count), so that comments and blocks
 * end where it thinks they do. */
#include "yaml.h"

#include <stdlib.h>
#include <string.h>

#include "../loader.h"
#include "../banned.h"

bool yaml_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

uint32_t yaml_width(struct str text, uint32_t at)
{
    unsigned char c = (unsigned char)text.at[at];
    uint32_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    return at + n <= text.len ? n : (uint32_t)text.len - at;
}

uint32_t yaml_break_at(struct str text, uint32_t at)
{
    struct str s = str_slice(text, at, text.len);
    if (!s.len)
        return 0;
    if (s.at[0] == '\n')
        return 1;
    if (s.at[0] == '\r')
        return s.len > 1 && s.at[1] == '\n' ? 2 : 1;
    if (str_starts(s, STR("\xC2\x85")))
        return 2;
    return str_starts(s, STR("\xE2\x80\xA8")) || str_starts(s, STR("\xE2\x80\xA9")) ? 3 : 0;
}

uint32_t yaml_break_before(struct str text, uint32_t at)
{
    struct str s = str_slice(text, 0, at);
    if (str_ends(s, STR("\r\n")))
        return 2;
    if (str_ends(s, STR("\n")) || str_ends(s, STR("\r")))
        return 1;
    if (str_ends(s, STR("\xC2\x85")))
        return 2;
    return str_ends(s, STR("\xE2\x80\xA8")) || str_ends(s, STR("\xE2\x80\xA9")) ? 3 : 0;
}

bool yaml_ends_line(struct str text, uint32_t at)
{
    return yaml_break_before(text, at) > 0;
}

uint32_t yaml_line_end(struct str text, uint32_t at)
{
    while (at < text.len && !yaml_break_at(text, at))
        at++;
    return at;
}

uint32_t yaml_skip_space(struct str text, uint32_t at)
{
    while (at < text.len) {
        uint32_t n = yaml_break_at(text, at);
        if (n)
            at += n;
        else if (yaml_is_blank(text.at[at]))
            at++;
        else if (text.at[at] == '#')
            at = yaml_line_end(text, at);
        else
            break;
    }
    return at;
}

uint32_t yaml_skip_word(struct str text, uint32_t at)
{
    bool verbatim = at + 1 < text.len && text.at[at] == '!' && text.at[at + 1] == '<';
    for (at++; at < text.len; at++) {
        char c = text.at[at];
        if (verbatim && c == '>')
            return at + 1;
        if (yaml_is_blank(c) || yaml_break_at(text, at))
            return at;
        if (!verbatim && strchr(",[]{}", c))
            return at;
    }
    return at;
}

/* --- duplicates ---------------------------------------------------------- */

static int by_key(const void *left, const void *right)
{
    const struct setting *a = *(struct setting *const *)left;
    const struct setting *b = *(struct setting *const *)right;
    int c = str_compare(a->key, b->key);
    return c ? c : (a->id > b->id) - (a->id < b->id);
}

static bool quoted_key(const struct source *source, const struct setting *s)
{
    char c = source->text.at[s->key_span.from];
    return c == '"' || c == '\'';
}

/* 1 and "1" are different keys; a and "a" are the same. */
static bool same_key(const struct source *source, const struct setting *a,
                     const struct setting *b)
{
    if (!str_eq(a->key, b->key))
        return false;
    if (quoted_key(source, a) == quoted_key(source, b))
        return true;
    return loader_read(LOADER_PYYAML, a->key, NULL).kind == VALUE_STRING;
}

void yaml_mark_duplicates(struct arena *a, const struct source *source, struct setting *map)
{
    if (map->count < 2)
        return;
    struct arena_mark mark = arena_mark(a);
    struct setting **sorted = arena_alloc_array(a, map->count, sizeof *sorted);
    size_t n = 0;
    for (struct setting *s = map->first; s; s = s->next)
        if (s->key.len && !(s->flags & SETTING_MERGE))
            sorted[n++] = s;
    qsort(sorted, n, sizeof *sorted, by_key);
    for (size_t i = 1; i < n; i++) {
        if (!same_key(source, sorted[i - 1], sorted[i]))
            continue;
        sorted[i - 1]->flags |= SETTING_OVERRIDDEN;
        sorted[i]->flags |= SETTING_DUPLICATE;
    }
    arena_release(a, mark);
}
