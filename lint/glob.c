/* Matching recurses on '*' only; a budget keeps hostile patterns from costing more
 * than a few thousand steps, and a pattern that runs out of it does not match. */
#include "glob.h"

#include "banned.h"

enum { BUDGET = 20000 };

struct walk {
    struct str pattern, path;
    int budget;
};

static bool in_class(struct str p, size_t *at, char c)
{
    size_t i = *at + 1;
    bool negated = i < p.len && (p.at[i] == '!' || p.at[i] == '^');
    if (negated)
        i++;
    bool hit = false, first = true;
    for (; i < p.len && (first || p.at[i] != ']'); i++, first = false) {
        unsigned char low = (unsigned char)p.at[i], high = low;
        if (i + 2 < p.len && p.at[i + 1] == '-' && p.at[i + 2] != ']') {
            high = (unsigned char)p.at[i + 2];
            i += 2;
        }
        hit |= (unsigned char)c >= low && (unsigned char)c <= high;
    }
    *at = i < p.len ? i + 1 : p.len;
    return hit != negated && c != '/';
}

static bool match_from(struct walk *w, size_t p, size_t s);

/* At a '*' (or '**') at P: tries every length it can stand for. */
static bool match_star(struct walk *w, size_t p, size_t s)
{
    bool deep = p + 1 < w->pattern.len && w->pattern.at[p + 1] == '*';
    size_t rest = p + (deep ? 2 : 1);
    if (deep && rest < w->pattern.len && w->pattern.at[rest] == '/' &&
        match_from(w, rest + 1, s))
        return true;
    for (size_t i = s;; i++) {
        if (match_from(w, rest, i))
            return true;
        if (i == w->path.len || (!deep && w->path.at[i] == '/'))
            return false;
    }
}

static bool match_from(struct walk *w, size_t p, size_t s)
{
    while (p < w->pattern.len) {
        if (--w->budget < 0)
            return false;
        char c = w->pattern.at[p];
        if (c == '*')
            return match_star(w, p, s);
        if (s == w->path.len)
            return false;
        if (c == '[') {
            if (!in_class(w->pattern, &p, w->path.at[s++]))
                return false;
            continue;
        }
        if (c == '\\' && p + 1 < w->pattern.len)
            c = w->pattern.at[++p];
        else if (c == '?' && w->path.at[s] != '/')
            c = w->path.at[s];
        if (c != w->path.at[s])
            return false;
        p++;
        s++;
    }
    return s == w->path.len;
}

bool glob_match(struct str pattern, struct str path)
{
    struct walk w = {pattern, path, BUDGET};
    return match_from(&w, 0, 0);
}

static struct str base_name(struct str path)
{
    size_t from = 0;
    for (size_t i = 0; i < path.len; i++)
        if (path.at[i] == '/')
            from = i + 1;
    return str_slice(path, from, path.len);
}

int glob_ignores(struct str line, struct str path, bool is_folder)
{
    while (line.len && (line.at[line.len - 1] == '\r' || line.at[line.len - 1] == '\n'))
        line.len--;
    while (line.len > 1 && line.at[line.len - 1] == ' ' && line.at[line.len - 2] != '\\')
        line.len--;
    if (!line.len || line.at[0] == '#')
        return 0;
    bool negated = line.at[0] == '!';
    if (negated)
        line = str_slice(line, 1, line.len);
    if (line.len && line.at[line.len - 1] == '/') {
        if (!is_folder)
            return 0;
        line.len--;
    }
    if (!line.len)
        return 0;
    bool anchored = str_find_byte(line, '/', 0) != SIZE_MAX;
    if (line.at[0] == '/')
        line = str_slice(line, 1, line.len);
    bool hit = glob_match(line, anchored ? path : base_name(path));
    return hit ? (negated ? -1 : 1) : 0;
}

bool glob_excludes(struct str line, struct str path, bool is_folder)
{
    for (size_t i = 1; i < path.len; i++)
        if (path.at[i] == '/' && glob_ignores(line, str_slice(path, 0, i), true) > 0)
            return true;
    return glob_ignores(line, path, is_folder) > 0;
}
