/* Notebooks are no language of their own: their source becomes one of Python. */
#ifndef NOTEBOOK_H
#define NOTEBOOK_H

#include "front.h"

/* Replaces the text of DOC's source, a notebook, by the code of its cells. False when the
 * file is no JSON: the reason is then a problem of DOC, and the text stays. */
bool notebook_open(struct arena *a, struct document *doc);

#endif
