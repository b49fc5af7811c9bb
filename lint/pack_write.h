/* A pack as C source: constant tables that the compiler checks and the loader maps. For
 * the build's table writer, and for comparing two packs. Not part of the program. */
#ifndef PACK_WRITE_H
#define PACK_WRITE_H

#include "pack.h"

/* Appends a translation unit that defines pack_builtin. The same pack gives the same
 * bytes. */
void pack_write(struct buf *out, const struct pack *p);

#endif
