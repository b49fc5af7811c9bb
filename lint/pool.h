/* Work on many things at once. Knows nothing of what is done. */
#ifndef POOL_H
#define POOL_H

#include <stddef.h>

enum { POOL_MOST = 64 };

/* The number of cores this process may use; 1 when that cannot be known. */
unsigned pool_cores(void);

/* Calls WORK for every index below COUNT, in up to JOBS threads (this one among them),
 * and returns when all are done. Calls share nothing but CONTEXT; their order is open. */
void pool_run(unsigned jobs, size_t count, void (*work)(void *context, size_t index),
              void *context);

#endif
