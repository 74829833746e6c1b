// SPDX-License-Identifier: Apache-2.0
/* See jobs.h. */
#include "jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "ctx.h"
#include "routes.h"

enum { POOL_WAIT_MS = 10000 };

struct jobs {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct db_pool *pool;
    unsigned every_s;
    bool stop;
};

static void run(struct jobs *j, const struct service *s, const struct job *job)
{
    struct ctx c = {.service = s, .db = db_acquire(j->pool, POOL_WAIT_MS), .role = AUTH_STAFF};
    if (!c.db)
        return;
    char *name = xasprintf("JOB %s", job->name);
    c.route_name = name;
    arena_init(&c.arena);
    ctx_handle(&c, job->run);
    ctx_free(&c);
    free(name);
    db_release(j->pool, c.db);
}

static void *work(void *arg)
{
    struct jobs *j = arg;
    pthread_mutex_lock(&j->mutex);
    for (unsigned second = 1; !j->stop; second++) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec++;
        while (!j->stop && pthread_cond_timedwait(&j->wake, &j->mutex, &until) == 0)
            ;
        pthread_mutex_unlock(&j->mutex);
        for (size_t i = 0; i < service_count; i++)
            for (size_t k = 0; k < services[i]->job_count; k++) {
                const struct job *job = &services[i]->jobs[k];
                if (second % (j->every_s ? j->every_s : job->every_s) == 0)
                    run(j, services[i], job);
            }
        pthread_mutex_lock(&j->mutex);
    }
    pthread_mutex_unlock(&j->mutex);
    return NULL;
}

struct jobs *jobs_start(struct db_pool *pool, unsigned every_s)
{
    struct jobs *j = xcalloc(1, sizeof *j);
    pthread_condattr_t monotonic;
    j->pool = pool;
    j->every_s = every_s;
    pthread_mutex_init(&j->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&j->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&j->thread, NULL, work, j) == 0)
        return j;
    free(j);
    return NULL;
}

void jobs_stop(struct jobs *j)
{
    if (!j)
        return;
    pthread_mutex_lock(&j->mutex);
    j->stop = true;
    pthread_cond_signal(&j->wake);
    pthread_mutex_unlock(&j->mutex);
    pthread_join(j->thread, NULL);
    pthread_cond_destroy(&j->wake);
    pthread_mutex_destroy(&j->mutex);
    free(j);
}
