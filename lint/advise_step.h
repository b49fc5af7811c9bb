/* Taking one change of the list on a run. Private to advise*.c. */
#ifndef ADVISE_STEP_H
#define ADVISE_STEP_H

#include "advise.h"

struct advise_scene {
    struct arena *a; /* for what is handed out and what a step makes */
    const struct rule_context *c;
    const struct run *run;       /* as it stands in the file */
    const struct target *target; /* NULL: the change must hold on every target of C */
};

/* Takes CHANGE on NOW: gives the run as it then is and adds the wishes, in place of older
 * ones for the same facts. False when it does not apply or asks for nothing new. */
bool advise_take(const struct advise_scene *s, const struct change *change,
                 const struct run *now, struct run *after, struct wishes *wishes);
/* Is there a way to say WISHES in the run's framework? WRITTEN gets it ("" when only the
 * user's own program can know). */
bool advise_sayable(const struct advise_scene *s, const struct change *change,
                    const struct wishes *wishes, struct str *written);
/* What CHANGE is called when the run becomes AFTER. */
struct str advise_text(const struct advise_scene *s, const struct change *change,
                       const struct run *after);
/* Lowers SAFETY, with the reason, where CHANGE may change results. */
void advise_safety(const struct advise_scene *s, const struct change *change,
                   enum safety *safety, struct str *reason);

#endif
