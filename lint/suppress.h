/* Ignore comments: `# gpulint: ignore[MEM002] why` on the line or alone above it,
 * `# gpulint: file-ignore[...]` for the file. Rules by code or name, never blanket.
 * An ignore that hides nothing is itself a finding (CFG000 unused-ignore). */
#ifndef SUPPRESS_H
#define SUPPRESS_H

#include "rule.h"

/* Drops what UNIT's comments ignore; adds what is wrong with the comments. */
void suppress_apply(const struct rule_context *c, struct unit *unit);

#endif
