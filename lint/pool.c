/* Threads take the next index until none is left. A thread that cannot be made is one
 * fewer: the caller's own does what is left to do. */
#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "match.h"
#include "banned.h"

struct pool {
    atomic_size_t next;
    size_t count;
    void (*work)(void *context, size_t index);
    void *context;
};

unsigned pool_cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > POOL_MOST ? POOL_MOST : (unsigned)n;
}

static void take_all(struct pool *p)
{
    for (size_t i; (i = atomic_fetch_add(&p->next, 1)) < p->count;)
        p->work(p->context, i);
}

static void *run(void *context)
{
    take_all(context);
    match_thread_end();
    return NULL;
}

void pool_run(unsigned jobs, size_t count, void (*work)(void *context, size_t index),
              void *context)
{
    struct pool p = {.count = count, .work = work, .context = context};
    pthread_t threads[POOL_MOST];
    unsigned started = 0;
    while (started + 1 < jobs && started + 1 < count && started < POOL_MOST &&
           pthread_create(&threads[started], NULL, run, &p) == 0)
        started++;
    take_all(&p);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}
