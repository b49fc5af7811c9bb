/* --fit as a rewrite: the least harmful set of changes that makes every run of a file fit
 * every target, as one finding per run with the fix that makes it so. */
#ifndef FIT_H
#define FIT_H

#include "rule.h"

/* Adds a finding for each run of UNIT that does not surely fit all of C's targets: with a
 * fix when some set of changes makes it fit and can be written, else saying so. Silent
 * about runs that cannot be estimated. The effective batch is kept. */
void fit_check_unit(const struct rule_context *c, struct unit *unit);

#endif
