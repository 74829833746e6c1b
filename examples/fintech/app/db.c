// SPDX-License-Identifier: Apache-2.0
/* See db.h. */
#include "db.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "hash.h"

/* A connection prepares at most half of its slots; what is past that is sent as text. */
enum { SLOTS = 4096 };
struct db_statement {
    char *text;
    unsigned number;
};

struct db_pool {
    pthread_mutex_t mutex;
    pthread_cond_t freed;
    char *dsn;
    struct db *all, **free; /* free: a stack, so that few connections stay warm */
    unsigned size, free_count;
};

struct db_pool *db_pool_new(const char *dsn, unsigned size)
{
    struct db_pool *pool = xcalloc(1, sizeof *pool);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->freed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pool->size = size;
    pool->dsn = xstrdup(dsn);
    pool->all = xcalloc(size, sizeof *pool->all);
    pool->free = xcalloc(size, sizeof(struct db *));
    for (unsigned i = size; i > 0; i--)
        pool->free[pool->free_count++] = &pool->all[i - 1];
    return pool;
}

static void db_close(struct db *db)
{
    for (unsigned i = 0; db->statements && i < SLOTS; i++)
        free(db->statements[i].text);
    free(db->statements);
    PQfinish(db->conn);
    memset(db, 0, sizeof *db);
}

void db_pool_free(struct db_pool *pool)
{
    for (unsigned i = 0; i < pool->size; i++)
        db_close(&pool->all[i]);
    pthread_cond_destroy(&pool->freed);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->all);
    free(pool->free);
    free(pool->dsn);
    free(pool);
}

/* Times and decimals are printed as the API promises them. */
static bool db_connect(struct db *db, const char *dsn)
{
    const char *const keys[] = {"dbname", "options", "application_name", "connect_timeout", NULL};
    const char *const values[] = {dsn, "-c TimeZone=UTC -c DateStyle=ISO", "fintech", "5", NULL};
    db->conn = PQconnectdbParams(keys, values, 1);
    if (PQstatus(db->conn) == CONNECTION_OK) {
        db->statements = xcalloc(SLOTS, sizeof *db->statements);
        return true;
    }
    fprintf(stderr, "fintech-app: %s", PQerrorMessage(db->conn));
    db_close(db);
    return false;
}

struct db *db_acquire(struct db_pool *pool, int wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (wait_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&pool->mutex);
    int waited = 0;
    while (pool->free_count == 0 && waited == 0)
        waited = pthread_cond_timedwait(&pool->freed, &pool->mutex, &until);
    struct db *db = pool->free_count ? pool->free[--pool->free_count] : NULL;
    pthread_mutex_unlock(&pool->mutex);
    if (!db)
        return NULL;
    if (db->conn && PQstatus(db->conn) != CONNECTION_OK)
        db_close(db);
    if (!db->conn && !db_connect(db, pool->dsn)) {
        db_release(pool, db);
        return NULL;
    }
    return db;
}

void db_release(struct db_pool *pool, struct db *db)
{
    if (db->conn && (PQstatus(db->conn) != CONNECTION_OK || PQtransactionStatus(db->conn) != PQTRANS_IDLE))
        db_close(db);
    pthread_mutex_lock(&pool->mutex);
    pool->free[pool->free_count++] = db;
    pthread_cond_signal(&pool->freed);
    pthread_mutex_unlock(&pool->mutex);
}

PGresult *db_run(struct db *db, const char *text, int count, const char *const *values)
{
    char name[16];
    size_t i = hash_bytes(HASH_SEED, text, strlen(text)) % SLOTS;
    while (db->statements[i].text && strcmp(db->statements[i].text, text) != 0)
        i = (i + 1) % SLOTS;
    struct db_statement *s = &db->statements[i];
    if (!s->text && db->statement_count >= SLOTS / 2)
        return PQexecParams(db->conn, text, count, NULL, values, NULL, NULL, 0);
    snprintf(name, sizeof name, "s%u", s->text ? s->number : db->statement_count);
    if (!s->text) {
        PGresult *r = PQprepare(db->conn, name, text, 0, NULL);
        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            return r;
        PQclear(r);
        *s = (struct db_statement){xstrdup(text), db->statement_count++};
    }
    return PQexecPrepared(db->conn, name, count, values, NULL, NULL, 0);
}
