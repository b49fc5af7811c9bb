/* The rewriter: wishes over facts become edits, edits are applied in memory, the
 * result is read again and compared, and only then is the file replaced. The six laws
 * are in docs/REWRITING.md. Knows no command line; reads no rule. */
#ifndef FIX_H
#define FIX_H

#include "link.h"

/* A file's text as it was read and as it shall be. */
struct fix_text {
    struct str path, expected, text;
};

struct fix_texts VEC_BODY(struct fix_text);

/* What a fix says will be so once it is applied; checked before anything is written. */
struct promise {
    struct str run, container; /* name, and path of the container */
    size_t root;               /* which of the file's documents */
    struct wishes wishes;
};

/* Turns WISHES into one fix with its edits: all or nothing. The result's safety is at
 * least SAFETY; it becomes unsafe, with the reason, where a key is inserted that nothing
 * shows to be read, where an anchor is shared, or where the effective batch changes.
 * NULL when it cannot be written; *WHY_NOT (may be NULL) then says why. */
struct fix *fix_plan(struct arena *a, const struct pack *pack, const struct run *run,
                     const struct wishes *wishes, enum safety safety, struct str *why_not);

/* When the last of EDITS makes a line longer or shorter whose comment stands in a column
 * with the next line's, adds the edit of the blanks that keeps it there. */
void fix_keep_column(struct arena *a, struct document *doc, struct edits *edits);

/* Which of its file's documents RUN stands in. */
size_t fix_root_of(const struct run *run);

/* Brings EDITS into the order of their files and merges those that touch.
 * False when two overlap and are not the same. */
bool fix_merge(struct arena *a, struct edits *edits);

/* Applies EDITS (of one source, any order, not overlapping) to its text. */
struct str fix_apply(struct arena *a, const struct source *source,
                     const struct edits *edits);

/* Those of EDITS that fall into SOURCE. */
struct edits fix_edits_of(struct arena *a, const struct edits *edits,
                          const struct source *source);

/* Reads AFTER as BEFORE's language and compares: it parses; settings outside the edits
 * have the values they had; the effective batch of every run is what it was unless
 * BATCH_MAY_CHANGE. False with the reason in ERR otherwise. */
bool fix_verify(const struct pack *pack, const struct unit *before, struct str after,
                const struct edits *edits, bool batch_may_change, struct err *err);
/* The same for an AFTER that is read and bound already. EDITS may fall into files that
 * BEFORE takes settings from, too: those are compared with AFTER's. */
bool fix_compare(const struct unit *before, const struct unit *after,
                 const struct edits *edits, bool batch_may_change, struct err *err);

struct fixes VEC_BODY(const struct finding *);

/* The findings of UNIT whose fixes can be applied together, worst first, then in file
 * order: safe ones, with UNSAFE_TOO the unsafe, too. One that overlaps or touches a
 * chosen one waits for the next pass; the same edits twice count once. */
size_t fix_select(struct arena *a, struct unit *unit, bool unsafe_too,
                  struct fixes *chosen);

/* Fixes that touch take a pass each. */
enum { FIX_MAX_PASSES = 10 };

enum fix_answer { FIX_YES, FIX_NO, FIX_QUIT };

struct fix_job {
    bool unsafe_too;
    /* Reads TEXT as the file's content, OTHERS as those of files it takes settings from, and gives a unit that is parsed, bound, checked
     * and suppressed as the first one was, everything in its own arena. The struct
     * itself outlives the job; fix_unit frees the arenas of those it does not return. */
    struct unit *(*check)(void *context, struct str text, const struct replacements *others);
    void *context;
    /* Asked of every fix on its own, verified and ready; NULL: all are wanted. AFTER is
     * BEFORE with the fix. FIX_QUIT leaves this fix and all that follow. */
    enum fix_answer (*ask)(void *context, const struct finding *finding,
                           const struct unit *before, const struct unit *after);
};

struct fix_applied {
    struct str code, rule, description;
    enum safety safety;
};

struct fix_result {
    struct str text;   /* what the file shall hold; the unit's own text when unchanged */
    struct fix_texts others; /* files beside it that the same fixes change */
    struct unit *unit; /* TEXT as checked: its findings are what remains */
    struct { /* what was done, in order */
        struct fix_applied *at;
        size_t len, cap;
    } applied;
    struct { /* "MEM002: not rewritten: ..." per fix that was given up */
        struct str *at;
        size_t len, cap;
    } failures;
};

/* Fixes UNIT in passes until nothing is left to choose, at most FIX_MAX_PASSES, each
 * verified. A fix that fails is given up and told; should the passes not settle, the
 * text stays as it was. Writes no file: then fix_write(path, unit text, result text). */
void fix_unit(struct arena *a, const struct fix_job *job, struct unit *unit,
              struct fix_result *out);

/* Replaces the file at PATH by TEXT: temporary beside it, flush, rename; mode kept.
 * Refuses symlinks, files that are not regular, and a file whose bytes are no longer
 * EXPECTED. On any failure the original is untouched and the temporary is gone. */
bool fix_write(struct str path, struct str expected, struct str text, struct err *err);

/* The same for several files that belong together: no name is taken before every new text
 * is flushed beside its file; should one fail then, those before it get their old text
 * again. At most FIX_MOST_FILES, none twice. */
enum { FIX_MOST_FILES = 8 };
bool fix_write_all(const struct fix_text *files, size_t count, struct err *err);
/* Removes the temporaries of a write in progress; safe in a signal handler. */
void fix_write_cleanup(void);

/* Unified diff of two texts, labelled a/PATH and b/PATH; applies with patch -p1. */
void fix_diff(struct buf *out, struct str path, struct str before, struct str after);

#endif
