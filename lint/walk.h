/* Which files to read: named ones, and those below named folders. Knows no syntax. */
#ifndef WALK_H
#define WALK_H

#include "cli.h"

struct walk_file {
    struct str path;
    bool named; /* on the command line, not found in a folder */
};

struct walk_files VEC_BODY(struct walk_file);

/* Files that gpulint reads, sorted by path, each once. Folders are walked without
 * following symbolic links; .gitignore (of the folder, those below it, and those above
 * up to the repository's root), .git/info/exclude and EXCLUDES (globs, relative to the
 * folder or to the path as named) are respected. What cannot be read is told on stderr
 * and counted in *FAILED. */
bool walk_paths(struct arena *a, const struct options *o, const struct strs *excludes,
                struct walk_files *out, size_t *failed, struct err *err);

#endif
