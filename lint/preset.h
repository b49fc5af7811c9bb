/* Presets as rewrites: what a run would have to change to become one. */
#ifndef PRESET_H
#define PRESET_H

#include "rule.h"

/* The preset called NAME of the context's profile; fails with the names there are. */
const struct preset *preset_find(const struct profile *p, struct str name, struct err *err);

/* Adds one finding per run of UNIT that differs from the preset, with the fix that makes
 * it so. The effective batch is kept: the preset's batch size is taken and accumulation
 * follows from it; where that does not divide, the preset is taken as it stands and the
 * fix is unsafe. On another VRAM class than the preset's the batch is scaled, rounded
 * down to a power of two. Facts that the file has no place for are left alone. */
void preset_check_unit(const struct rule_context *c, struct str name, struct unit *unit);

#endif
