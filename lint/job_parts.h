/* What several files of one invocation have to do with each other: which are only parts
 * of others' runs, and which findings several runs share. Private to job*.c. */
#ifndef JOB_PARTS_H
#define JOB_PARTS_H

#include "job.h"

/* Marks the units whose files are parts of runs that were read, too, and the files that
 * runs of other files take settings from, or may, because they were not asked for. */
void job_parts(struct job *job);
/* The same marks for FRESH, which is read in place of OLD. */
void job_parts_again(const struct unit *old, struct unit *fresh);
/* Leaves of the findings that several units have at one place the first unit's. */
void job_tell_once(struct job *job);

#endif
