/* Runs across files: what a file's settings name (a base, an included config) is read and
 * counts as the framework's table says (`links:`). Binds what comes out. Stands between
 * parsing and rules; each unit reads its own copies, so units stay independent. Follows
 * no address of a network, writes nothing. */
#ifndef LINK_H
#define LINK_H

#include "unit.h"

/* A text that stands for the file at PATH while a change to it is tried. */
struct replaced {
    struct str path, text;
};

struct replacements VEC_BODY(struct replaced);

struct link_context {
    const struct pack *pack;
    const enum loader *loader;            /* what the user says reads the files, or NULL */
    const struct replacements *replaced; /* NULL: none */
};

/* Binds UNIT, which is parsed: its runs with the facts of every file that it names. Such
 * facts are ORIGIN_INHERITED and have a chain; their `doc` is one of UNIT's links. Files
 * that are missing or include each other are told in link_problems. */
void link_unit(const struct link_context *c, struct unit *unit);

/* PATH without "." and "x/.." parts: the same for one file however it was reached from
 * one folder. */
struct str link_path(struct arena *a, struct str path);

#endif
