/* Regular expressions. The only module that knows PCRE2: byte mode, ASCII \w \d \s,
 * multiline off unless the pattern says (?m), a match limit so that no pattern
 * can hang. Compiled lazily, kept for the life of the process. Any thread may ask. */
#ifndef MATCH_H
#define MATCH_H

#include "err.h"
#include "str.h"

enum { MATCH_GROUPS = 16 };

struct match {
    uint32_t count; /* groups set, including the whole match at 0 */
    struct {
        uint32_t from, to; /* offsets into the subject; from == to == UINT32_MAX: unset */
    } group[MATCH_GROUPS];
};

/* A compiled pattern for TEXT (looked up by content, so call it freely).
 * NULL and ERR when it does not compile. The handle is never freed by callers. */
struct pattern;
const struct pattern *match_pattern(struct str text, struct err *err);

/* First match at or after FROM. False when there is none (or the limit was hit). */
bool match_find(const struct pattern *p, struct str subject, size_t from,
                struct match *out);
enum match_answer { MATCH_NONE, MATCH_FOUND, MATCH_GAVE_UP };
/* First match that starts in [from, until]; gives up at the limit. */
enum match_answer match_find_within(const struct pattern *p, struct str subject,
                                    size_t from, size_t until, struct match *out);
/* Does all of SUBJECT match? */
bool match_whole(const struct pattern *p, struct str subject);
/* Number of the group called NAME, or -1. */
int match_group_number(const struct pattern *p, const char *name);

const char *match_library(void); /* "PCRE2 10.42" */
void match_thread_end(void);     /* frees what belongs to this thread */
void match_free_all(void);       /* for leak checkers, when other threads have ended */

#endif
