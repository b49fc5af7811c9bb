/* The rewriter: wishes over facts become edits, edits are applied in memory, the
 * result is read again and compared, and only then is the file replaced. The six laws
 * are in docs/REWRITING.md. */
#ifndef FIX_H
#define FIX_H

#include "unit.h"

/* "FACT shall be VALUE in RUN" (VALUE_NULL: its setting removed). */
struct wish {
    enum fact_id fact;
    struct value value;
    bool remove;
};

struct wishes VEC_BODY(struct wish);

/* Turns WISHES into one fix with its edits: all or nothing. The result's safety is at
 * least SAFETY; it becomes unsafe, with the reason, where a key is inserted that nothing
 * shows to be read, where an anchor is shared, or where the effective batch changes.
 * NULL when it cannot be written; *WHY_NOT (may be NULL) then says why. */
struct fix *fix_plan(struct arena *a, const struct pack *pack, const struct run *run,
                     const struct wishes *wishes, enum safety safety, struct str *why_not);

/* Applies EDITS (of one source, any order, not overlapping) to its text. */
struct str fix_apply(struct arena *a, const struct source *source,
                     const struct edits *edits);

/* Reads AFTER as BEFORE's language and compares: it parses; settings outside the edits
 * have the values they had; the effective batch of every run is what it was unless
 * BATCH_MAY_CHANGE. False with the reason in ERR otherwise. */
bool fix_verify(const struct pack *pack, const struct unit *before, struct str after,
                const struct edits *edits, bool batch_may_change, struct err *err);

/* Replaces the file at PATH by TEXT: temporary beside it, flush, rename; mode kept.
 * Refuses symlinks, files that are not regular, and a file whose bytes are no longer
 * EXPECTED. On any failure the original is untouched and the temporary is gone. */
bool fix_write(struct str path, struct str expected, struct str text, struct err *err);

/* Unified diff of two texts, labelled a/PATH and b/PATH; applies with patch -p1. */
void fix_diff(struct buf *out, struct str path, struct str before, struct str after);

#endif
