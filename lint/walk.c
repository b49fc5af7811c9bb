/* Depth-first, one open directory at a time per level, names sorted so that the order
 * of findings never depends on the file system. */
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "glob.h"
#include "banned.h"

enum { MAX_DEPTH = 64, MAX_FILES = 1000000 };

/* Folders that hold other people's code or nothing to train. */
static const char *const SKIPPED[] = {
    ".git",         ".hg",         ".svn",          ".venv", "venv",
    "node_modules", "__pycache__", "site-packages", ".tox",  ".mypy_cache"};

struct ignore_file {
    struct str folder; /* its patterns are relative to this */
    struct strs lines;
};

struct walker {
    struct arena *arena;
    const struct options *options;
    const struct walk_filter *filter;
    struct walk_files *out;
    struct ignores VEC_BODY(struct ignore_file) ignores;
    size_t *failed;
};

static void complain(struct walker *w, struct str path, const char *what)
{
    fprintf(stderr, "gpulint: %.*s: %s\n", STR_ARG(path), what);
    ++*w->failed;
}

static struct str relative(struct str path, struct str folder)
{
    if (str_eq(folder, STR(".")) || !folder.len)
        return str_starts(path, STR("./")) ? str_slice(path, 2, path.len) : path;
    if (str_starts(path, folder) && path.len > folder.len && path.at[folder.len] == '/')
        return str_slice(path, folder.len + 1, path.len);
    return (struct str){NULL, 0};
}

static void split_lines(struct arena *a, struct str text, struct strs *out)
{
    for (size_t from = 0; from < text.len;) {
        size_t end = str_find_byte(text, '\n', from);
        size_t to = end == SIZE_MAX ? text.len : end;
        vec_push(a, out, str_slice(text, from, to));
        from = to + 1;
    }
}

static void read_ignores(struct walker *w, struct str folder, const char *name)
{
    struct str path = arena_printf(w->arena, "%.*s/%s", STR_ARG(folder), name);
    struct source source;
    if (!source_load(&source, w->arena, path.at, LANGUAGE_NONE, NULL))
        return;
    struct ignore_file *f = vec_add(w->arena, &w->ignores);
    f->folder = folder;
    split_lines(w->arena, source.text, &f->lines);
}

/* .gitignore files above FOLDER, up to the folder that holds .git. */
static void read_ignores_above(struct walker *w, struct str folder)
{
    char real[PATH_MAX];
    struct str absolute = arena_str(w->arena, folder);
    if (!realpath(absolute.at, real))
        return;
    struct strs chain = {0};
    struct str at = arena_str(w->arena, str_from(real));
    bool found = false;
    while (at.len > 1 && !found) {
        struct stat st;
        found = stat(arena_printf(w->arena, "%.*s/.git", STR_ARG(at)).at, &st) == 0;
        vec_push(w->arena, &chain, at);
        while (at.len > 1 && at.at[at.len - 1] != '/')
            at.len--;
        if (at.len > 1)
            at.len--;
    }
    if (!found)
        return;
    read_ignores(w, chain.at[chain.len - 1], ".git/info/exclude");
    for (size_t i = chain.len; i-- > 1;)
        read_ignores(w, chain.at[i], ".gitignore");
}

static bool git_ignored(const struct walker *w, struct str path, struct str real,
                        bool folder)
{
    int verdict = 0;
    for (size_t i = 0; i < w->ignores.len; i++) {
        const struct ignore_file *f = &w->ignores.at[i];
        struct str below =
            relative(f->folder.len && f->folder.at[0] == '/' ? real : path, f->folder);
        if (!below.at)
            continue;
        for (size_t k = 0; k < f->lines.len; k++) {
            int says = glob_ignores(f->lines.at[k], below, folder);
            verdict = says ? says : verdict;
        }
    }
    return verdict > 0;
}

static bool excluded(const struct walker *w, struct str path, bool folder)
{
    struct str shown = str_starts(path, STR("./")) ? str_slice(path, 2, path.len) : path;
    for (size_t i = 0; i < w->options->excludes.len; i++)
        if (glob_excludes(w->options->excludes.at[i], shown, folder))
            return true;
    return w->filter->skips(w->filter->context, path, folder);
}

static bool skipped_name(struct str name)
{
    for (size_t i = 0; i < sizeof SKIPPED / sizeof *SKIPPED; i++)
        if (str_eq(name, str_from(SKIPPED[i])))
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static bool list_folder(struct walker *w, struct str path, struct strs *names)
{
    DIR *d = opendir(path.at);
    if (!d) {
        complain(w, path, strerror(errno));
        return false;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            vec_push(w->arena, names, arena_str(w->arena, str_from(e->d_name)));
    closedir(d);
    if (names->len)
        qsort(names->at, names->len, sizeof *names->at, by_name);
    return true;
}

static void add_file(struct walker *w, struct str path, struct str real,
                     enum language language, bool named)
{
    if (w->out->len < MAX_FILES)
        vec_push(w->arena, w->out, ((struct walk_file){path, real, language, named}));
}

static void walk_folder(struct walker *w, struct str path, struct str real, int depth)
{
    struct strs names = {0};
    if (depth > MAX_DEPTH) {
        complain(w, path, "folders nested too deeply");
        return;
    }
    if (!list_folder(w, path, &names))
        return;
    size_t ignores = w->ignores.len;
    if (!w->options->no_gitignore)
        read_ignores(w, path, ".gitignore");
    for (size_t i = 0; i < names.len; i++) {
        struct str name = names.at[i];
        struct str at =
            str_eq(path, STR("."))
                ? name
                : arena_printf(w->arena, "%.*s%s%.*s", STR_ARG(path),
                               str_ends(path, STR("/")) ? "" : "/", STR_ARG(name));
        struct stat st;
        if (lstat(at.at, &st) != 0)
            continue;
        bool folder = S_ISDIR(st.st_mode);
        if (!folder && (!S_ISREG(st.st_mode) || language_of_path(at) == LANGUAGE_NONE))
            continue;
        if (folder && skipped_name(name))
            continue;
        struct str real_at =
            arena_printf(w->arena, "%.*s/%.*s", STR_ARG(real), STR_ARG(name));
        if (excluded(w, at, folder) ||
            (!w->options->no_gitignore && git_ignored(w, at, real_at, folder)))
            continue;
        if (folder)
            walk_folder(w, at, real_at, depth + 1);
        else
            add_file(w, at, real_at, language_of_path(at), false);
    }
    w->ignores.len = ignores;
}

static struct str without_slash(struct arena *a, struct str path)
{
    while (path.len > 1 && path.at[path.len - 1] == '/')
        path.len--;
    return arena_str(a, path);
}

struct str walk_real_path(struct arena *a, struct str path)
{
    char real[PATH_MAX];
    size_t name = path.len;
    while (name && path.at[name - 1] != '/')
        name--;
    struct str folder = name ? arena_str(a, str_slice(path, 0, name)) : STR(".");
    if (!realpath(folder.at, real))
        return path;
    return arena_printf(a, "%s/%.*s", real[1] ? real : "",
                        STR_ARG(str_slice(path, name, path.len)));
}

static bool walk_one(struct walker *w, struct str path, struct err *err)
{
    struct stat st;
    if (stat(path.at, &st) != 0) {
        complain(w, path, strerror(errno));
        return true;
    }
    if (S_ISDIR(st.st_mode)) {
        char real[PATH_MAX];
        struct str folder = without_slash(w->arena, path);
        if (!w->options->no_gitignore)
            read_ignores_above(w, folder);
        if (!realpath(folder.at, real))
            real[0] = '\0';
        walk_folder(w, folder, arena_str(w->arena, str_from(real)), 0);
        return true;
    }
    if (w->options->force_exclude && excluded(w, path, false))
        return true;
    enum language language = language_of_file(path.at);
    if (language == LANGUAGE_NONE) {
        if (w->options->force_exclude)
            return true;
        return err_set(err, "%.*s: not a file that gpulint reads",
                       STR_ARG(path));
    }
    add_file(w, path, walk_real_path(w->arena, path), language, !w->options->force_exclude);
    return true;
}

static int by_path(const void *a, const void *b)
{
    const struct walk_file *x = a, *y = b;
    return str_compare(x->path, y->path);
}

/* One file under several names lies together, the named and shortest first. */
static int by_real(const void *a, const void *b)
{
    const struct walk_file *x = a, *y = b;
    int c = str_compare(x->real, y->real);
    if (c || x->named != y->named)
        return c ? c : y->named - x->named;
    if (x->path.len != y->path.len)
        return x->path.len < y->path.len ? -1 : 1;
    return by_path(a, b);
}

bool walk_paths(struct arena *a, const struct options *o, const struct walk_filter *filter,
                struct walk_files *out, size_t *failed, struct err *err)
{
    struct walker w = {
        .arena = a, .options = o, .filter = filter, .out = out, .failed = failed};
    for (size_t i = 0; i < o->paths.len; i++)
        if (!str_eq(o->paths.at[i], STR("-")) && !walk_one(&w, o->paths.at[i], err))
            return false;
    if (!out->len)
        return true;
    qsort(out->at, out->len, sizeof *out->at, by_real);
    size_t kept = 1;
    for (size_t i = 1; i < out->len; i++)
        if (!str_eq(out->at[i].real, out->at[kept - 1].real))
            out->at[kept++] = out->at[i];
    out->len = kept;
    qsort(out->at, out->len, sizeof *out->at, by_path);
    return true;
}
