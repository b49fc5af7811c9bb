/* Glob patterns with the meaning they have in .gitignore. Knows no file system. */
#ifndef GLOB_H
#define GLOB_H

#include "str.h"

/* Does PATH ("a/b/c.yaml", relative, "/" separated) match PATTERN? `*` and `?` do not
 * cross "/", `**` does; [a-z] and [!a] are classes; a backslash quotes. */
bool glob_match(struct str pattern, struct str path);

/* Does one line of a .gitignore say something of PATH, relative to the folder of that
 * file? 1: ignored, -1: un-ignored by '!', 0: nothing. Comments and blanks say nothing. */
int glob_ignores(struct str line, struct str path, bool is_folder);

/* The same for a pattern of its own: is PATH, or a folder that it lies in, left out? */
bool glob_excludes(struct str line, struct str path, bool is_folder);

#endif
