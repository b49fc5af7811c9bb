/* Which files to read: named ones, and those below named folders. Knows no syntax. */
#ifndef WALK_H
#define WALK_H

#include "cli.h"

struct walk_file {
    struct str path; /* as shown */
    struct str real; /* the same file always has the same */
    enum language language;
    bool named;      /* on the command line, not found in a folder */
};

struct walk_files VEC_BODY(struct walk_file);

/* Files that gpulint reads, sorted by path, each once. Folders are walked without
 * following symbolic links; .gitignore (of the folder, those below it, and those above
 * up to the repository's root), .git/info/exclude, --exclude (globs, relative to the path
 * as named) and SKIPS, which knows of configurations, are respected. What cannot be read is
 * told on stderr and counted in *FAILED. */
struct walk_filter {
    bool (*skips)(void *context, struct str path, bool is_folder);
    void *context;
};

bool walk_paths(struct arena *a, const struct options *o, const struct walk_filter *filter,
                struct walk_files *out, size_t *failed, struct err *err);

/* PATH below the real name of its folder; a link at its end stays one. PATH itself when
 * there is no such folder. */
struct str walk_real_path(struct arena *a, struct str path);

#endif
