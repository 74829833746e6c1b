// SPDX-License-Identifier: Apache-2.0
/*
 * The legacy application's database access: a bounded pool of blocking connections, one taken by each request's
 * thread, and every statement of the application prepared on first use. Parameters never become SQL text.
 */
#pragma once
#include <libpq-fe.h>
#include <stdbool.h>

/* The statements, in the order of statements[] in db.c. */
enum stmt {
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_USER,
    STMT_USER_ACCOUNTS,
    STMT_ACCOUNT_LAST,
    STMT_MERCHANT_NAME,
    STMT_LIST_COUNT,
    STMT_LIST,
    STMT_TRANSACTION,
    STMT_TRANSACTION_ENTRIES,
    STMT_TRANSACTION_CHECKS,
    STMT_ACCOUNT_HEAD,
    STMT_STATEMENT_OPENING,
    STMT_STATEMENT,
    STMT_BALANCE,
    STMT_MERCHANT,
    STMT_MERCHANT_MONTHS,
    STMT_CASE,
    STMT_CASE_EVIDENCE,
    STMT_USER_CHECKS,
    STMT_USER_CASES,
    STMT_LOCK_ACCOUNTS,
    STMT_SETTLEMENT,
    STMT_INSERT_TRANSACTION,
    STMT_INSERT_ENTRIES,
    STMT_MOVE_BALANCES,
    STMT_INSERT_CHECKS,
    STMT_PATCH_USER,
    STMT_INSERT_CASE,
    STMT_PATCH_CASE,
    STMT_INSERT_EVIDENCE,
    STMT_COUNT
};

struct db_pool;
struct db {
    PGconn *conn;
    bool prepared[STMT_COUNT];
};

/* size connections at most, opened when first needed. NULL when out of memory. */
struct db_pool *db_pool_new(const char *dsn, unsigned size);
/* When no request runs any more. */
void db_pool_free(struct db_pool *pool);
/* Waits at most wait_ms for a free connection; NULL when there is none or it cannot connect. Return it with
 * db_release(). */
struct db *db_acquire(struct db_pool *pool, int wait_ms);
/* A connection that broke or is in a transaction is closed first. */
void db_release(struct db_pool *pool, struct db *db);

/* Runs a statement; the result is the caller's to PQclear (never NULL but when out of memory). */
PGresult *db_run(struct db *db, enum stmt stmt, int count, const char *const *values);
