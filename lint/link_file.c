/* Paths are compared as text: what one run names is reached from one folder. */
#include "link_file.h"

#include <sys/stat.h>

#include "banned.h"

enum {
    LARGEST = 4 * 1024 * 1024, /* of a file that another names */
    HIGHEST = 8,               /* folders above */
};

/* --- paths -------------------------------------------------------------------- */

/* Drops the last part of B, a path without ".." but in front; false when there is none. */
static bool drop_last(struct buf *b)
{
    struct str s = buf_str(b);
    if (!s.len || str_eq(s, STR("/")) || str_eq(s, STR("..")) || str_ends(s, STR("/..")))
        return false;
    size_t len = s.len;
    while (len > 0 && s.at[len - 1] != '/')
        len--;
    b->len = len > 1 ? len - 1 : len;
    return true;
}

static void add_part(struct buf *b, struct str part)
{
    if (!part.len || str_eq(part, STR(".")))
        return;
    if (str_eq(part, STR("..")) && (drop_last(b) || str_eq(buf_str(b), STR("/"))))
        return;
    if (b->len && b->at[b->len - 1] != '/')
        buf_byte(b, '/');
    buf_add(b, part);
}

struct str link_path(struct arena *a, struct str path)
{
    struct buf b = buf_new(a);
    if (path.len && path.at[0] == '/')
        buf_byte(&b, '/');
    for (size_t from = 0; from < path.len;) {
        size_t slash = str_find_byte(path, '/', from);
        size_t to = slash == SIZE_MAX ? path.len : slash;
        add_part(&b, str_slice(path, from, to));
        from = to + 1;
    }
    return buf_str(&b);
}

static struct str join(struct arena *a, struct str folder, struct str text)
{
    if (text.at[0] == '/')
        return link_path(a, text);
    return link_path(a, arena_printf(a, "%.*s/%.*s", STR_ARG(folder), STR_ARG(text)));
}

bool link_file_is_path(struct str text)
{
    static const char *const NEVER[] = {"://", "::", "${", "{{", "\n", NULL};
    for (const char *const *n = NEVER; *n; n++)
        if (str_find(text, str_from(*n), 0) != SIZE_MAX)
            return false;
    return text.len > 0 && text.len < 1024 && text.at[0] != '~' && text.at[0] != '$' &&
           str_find_byte(text, '\0', 0) == SIZE_MAX;
}

/* --- files -------------------------------------------------------------------- */

static const struct replaced *replacement(struct arena *a, const struct link_context *c,
                                          struct str path)
{
    for (size_t i = 0; c->replaced && i < c->replaced->len; i++)
        if (str_eq(link_path(a, c->replaced->at[i].path), path))
            return &c->replaced->at[i];
    return NULL;
}

static bool is_there(struct arena *a, const struct link_context *c, struct str path)
{
    struct stat st;
    if (language_of_path(path) == LANGUAGE_NONE)
        return false;
    return replacement(a, c, path) ||
           (stat(arena_str(a, path).at, &st) == 0 && S_ISREG(st.st_mode) &&
            st.st_size <= LARGEST);
}

/* The top of a repository: nothing above it belongs to the run. */
static bool is_top(struct arena *a, struct str folder)
{
    struct stat st;
    struct str git = arena_printf(a, "%.*s/.git", STR_ARG(folder));
    return stat(git.at, &st) == 0;
}

static struct str above(struct arena *a, struct str folder)
{
    struct str up = join(a, folder, STR(".."));
    return up.len ? up : STR(".");
}

struct str link_file_find(struct arena *a, const struct link_context *c, struct str from,
                          struct str text, bool climb)
{
    struct str folder = str_folder(from);
    for (int height = 0; height <= HIGHEST; height++) {
        struct str path = join(a, folder, text);
        if (is_there(a, c, path))
            return path;
        struct str up = above(a, folder);
        if (!climb || text.at[0] == '/' || is_top(a, folder) || str_eq(up, folder))
            break;
        folder = up;
    }
    return (struct str){"", 0};
}

struct linked_file *link_file_load(struct arena *a, const struct link_context *c,
                                   struct str path)
{
    struct linked_file *f = arena_new(a, struct linked_file);
    const struct replaced *r = replacement(a, c, path);
    struct err err;
    enum language language = language_of_path(path);
    if (r)
        source_init(&f->source, a, path, r->text, language);
    else if (!source_load(&f->source, a, arena_str(a, path).at, language, &err))
        return NULL;
    front_parse(a, &f->source, &f->doc);
    return f;
}
