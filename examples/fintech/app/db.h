// SPDX-License-Identifier: Apache-2.0
/*
 * The legacy application's database access: a bounded pool of blocking connections, one taken by each request's
 * thread, and statements prepared on first use, a cache a connection. Parameters never become SQL text.
 */
#pragma once
#include <libpq-fe.h>
#include <stdbool.h>

struct db_pool;
struct db_statement;
struct db {
    PGconn *conn;
    struct db_statement *statements; /* hashed by text; empty slots have no text */
    unsigned statement_count;
};

/* size connections at most, opened when first needed. */
struct db_pool *db_pool_new(const char *dsn, unsigned size);
/* When no request runs any more. */
void db_pool_free(struct db_pool *pool);
/* Waits at most wait_ms for a free connection; NULL when there is none or it cannot connect. Return it with
 * db_release(). */
struct db *db_acquire(struct db_pool *pool, int wait_ms);
/* A connection that broke or is in a transaction is closed first. */
void db_release(struct db_pool *pool, struct db *db);

/* Runs a statement; the result is the caller's to PQclear (never NULL but when out of memory). */
PGresult *db_run(struct db *db, const char *text, int count, const char *const *values);
