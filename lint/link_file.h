/* Finding and reading the files that settings name. Private to link*.c. */
#ifndef LINK_FILE_H
#define LINK_FILE_H

#include "link.h"

/* The path that TEXT, written in the file FROM, names: relative to FROM's folder, with
 * CLIMB also to the folders above it. "" when there is no such file that gpulint reads. */
struct str link_file_find(struct arena *a, const struct link_context *c, struct str from,
                          struct str text, bool climb);
/* Could TEXT be the path of a file here: no address, no template, not empty? */
bool link_file_is_path(struct str text);
/* Reads and parses; NULL when that fails. */
struct linked_file *link_file_load(struct arena *a, const struct link_context *c,
                                   struct str path);

#endif
