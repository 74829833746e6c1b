// SPDX-License-Identifier: Apache-2.0
/* See db.h. The queries are what such monoliths have: joins across everybody's tables, counts, window functions. */
#include "db.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const statements[] = {
    [STMT_BEGIN] = "BEGIN",
    [STMT_COMMIT] = "COMMIT",
    [STMT_ROLLBACK] = "ROLLBACK",

    [STMT_USER] = "SELECT id, email, full_name, phone, country, kyc_level, status, preferences, created_at, updated_at"
                  " FROM users WHERE id = $1",
    [STMT_USER_ACCOUNTS] = "SELECT id, kind, currency, balance, status, opened_at, sum(balance) OVER () AS total"
                           " FROM accounts WHERE user_id = $1 ORDER BY id",

    [STMT_ACCOUNT_LAST] = "SELECT id, kind, amount, description, merchant_id, created_at FROM transactions"
                          " WHERE account_id = $1 ORDER BY created_at DESC, id DESC LIMIT 5",
    [STMT_MERCHANT_NAME] = "SELECT name FROM merchants WHERE id = $1",

    [STMT_LIST_COUNT] =
        "SELECT count(t.id) FROM users u LEFT JOIN transactions t ON t.user_id = u.id WHERE u.id = $1 GROUP BY u.id",
    [STMT_LIST] =
        "SELECT t.id, t.account_id, t.kind, t.amount, t.currency, t.status, t.description, t.created_at, t.settled_at,"
        " m.id AS merchant_id, m.name AS merchant, m.category,"
        " CASE WHEN c.flagged THEN 'flagged' WHEN c.pending THEN 'pending' ELSE 'clear' END AS compliance"
        " FROM transactions t LEFT JOIN merchants m ON m.id = t.merchant_id"
        " LEFT JOIN (SELECT transaction_id, bool_or(status = 'flagged') AS flagged, bool_or(status = 'pending') AS "
        "pending"
        "            FROM compliance_records WHERE user_id = $1 GROUP BY transaction_id) c ON c.transaction_id = t.id"
        " WHERE t.user_id = $1 ORDER BY t.created_at DESC, t.id DESC LIMIT $2 OFFSET $3",

    [STMT_TRANSACTION] =
        "SELECT t.id, t.user_id, u.full_name, t.account_id, t.kind, t.amount, t.currency, t.status, t.description,"
        " t.created_at, t.settled_at, m.id AS merchant_id, m.name AS merchant, m.category, m.country"
        " FROM transactions t JOIN users u ON u.id = t.user_id LEFT JOIN merchants m ON m.id = t.merchant_id WHERE "
        "t.id = $1",
    [STMT_TRANSACTION_ENTRIES] = "SELECT id, account_id, amount FROM entries WHERE transaction_id = $1 ORDER BY id",
    [STMT_TRANSACTION_CHECKS] = "SELECT id, check_type, status, score, checked_at FROM compliance_records WHERE "
                                "transaction_id = $1 ORDER BY id",

    [STMT_ACCOUNT_HEAD] =
        "SELECT a.id, a.currency, u.full_name FROM accounts a JOIN users u ON u.id = a.user_id WHERE a.id = $1",
    [STMT_STATEMENT_OPENING] =
        "SELECT coalesce(sum(amount), 0)::numeric(18,2) FROM entries WHERE account_id = $1 AND period < $2",
    [STMT_STATEMENT] =
        "SELECT * FROM (SELECT e.id, e.transaction_id, e.created_at, e.period, t.kind, t.description, m.name AS "
        "merchant, e.amount,"
        " sum(e.amount) OVER (ORDER BY e.period, e.created_at, e.id) AS balance"
        " FROM entries e JOIN transactions t ON t.id = e.transaction_id LEFT JOIN merchants m ON m.id = t.merchant_id"
        " WHERE e.account_id = $1 AND e.period <= $2) s WHERE s.period = $2 ORDER BY s.created_at, s.id",
    [STMT_BALANCE] = "SELECT id, currency, balance, status FROM accounts WHERE id = $1",

    [STMT_MERCHANT] = "SELECT id, name, category, country FROM merchants WHERE id = $1",
    [STMT_MERCHANT_MONTHS] =
        "SELECT t.period, count(*), sum(t.amount) AS volume, count(DISTINCT t.user_id) AS customers,"
        " count(DISTINCT u.country) AS countries, max(t.created_at) AS last_at,"
        " sum(sum(t.amount)) OVER () AS total_volume, sum(count(*)) OVER () AS total_count"
        " FROM transactions t JOIN users u ON u.id = t.user_id WHERE t.merchant_id = $1 GROUP BY t.period ORDER BY "
        "t.period",

    [STMT_CASE] =
        "SELECT c.id, c.severity, c.status, c.assignee, c.narrative, c.opened_at, c.closed_at, u.id AS user_id, "
        "u.full_name,"
        " u.country, u.kyc_level, t.id AS transaction_id, t.amount, t.currency, t.status AS transaction_status,"
        " t.created_at AS transaction_at, m.name AS merchant"
        " FROM compliance_cases c JOIN users u ON u.id = c.user_id JOIN transactions t ON t.id = c.transaction_id"
        " LEFT JOIN merchants m ON m.id = t.merchant_id WHERE c.id = $1",
    [STMT_CASE_EVIDENCE] =
        "SELECT id, kind, payload, collected_by, collected_at FROM compliance_evidence WHERE case_id = $1 ORDER BY id",
    [STMT_USER_CHECKS] =
        "SELECT u.kyc_level, count(r.id), count(r.id) FILTER (WHERE r.status = 'flagged') AS flagged,"
        " count(r.id) FILTER (WHERE r.status = 'pending') AS pending"
        " FROM users u LEFT JOIN compliance_records r ON r.user_id = u.id WHERE u.id = $1 GROUP BY u.id",
    [STMT_USER_CASES] =
        "SELECT c.id, c.transaction_id, t.amount, c.severity, c.status, c.opened_at, count(e.id) AS evidence"
        " FROM compliance_cases c JOIN transactions t ON t.id = c.transaction_id"
        " LEFT JOIN compliance_evidence e ON e.case_id = c.id WHERE c.user_id = $1"
        " GROUP BY c.id, t.id ORDER BY c.opened_at DESC, c.id DESC",

    [STMT_LOCK_ACCOUNTS] = "SELECT id, user_id, currency, status, balance >= $3::numeric AS covered FROM accounts"
                           " WHERE id IN ($1, $2) AND kind <> 'settlement' ORDER BY id FOR NO KEY UPDATE",
    [STMT_SETTLEMENT] = "SELECT m.settlement_account_id, a.user_id FROM merchants m JOIN accounts a ON a.id = "
                        "m.settlement_account_id WHERE m.id = $1",
    [STMT_INSERT_TRANSACTION] =
        "INSERT INTO transactions (user_id, account_id, merchant_id, kind, amount, currency, description, period)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, (extract(year FROM now()) * 100 + extract(month FROM now()))::int)"
        " RETURNING id, created_at, period",
    [STMT_INSERT_ENTRIES] = "INSERT INTO entries (transaction_id, account_id, user_id, amount, period)"
                            " VALUES ($1, $2, $3, -($6::numeric), $7), ($1, $4, $5, $6::numeric, $7)",
    [STMT_MOVE_BALANCES] =
        "UPDATE accounts SET balance = balance + CASE WHEN id = $1 THEN -($3::numeric) ELSE $3::numeric END"
        " WHERE id IN ($1, $2) AND kind <> 'settlement'",
    [STMT_INSERT_CHECKS] =
        "INSERT INTO compliance_records (transaction_id, user_id, check_type, status, score)"
        " VALUES ($1, $2, 'sanctions', 'clear', 0.0100), ($1, $2, 'velocity',"
        " CASE WHEN $3::numeric > 5000 THEN 'flagged' WHEN $3::numeric > 2000 THEN 'pending' ELSE 'clear' END,"
        " least(round($3::numeric / 10000, 4), 1))",

    [STMT_PATCH_USER] = "UPDATE users SET full_name = coalesce($2, full_name), phone = coalesce($3, phone),"
                        " preferences = coalesce($4::jsonb, preferences), updated_at = now() WHERE id = $1",
    [STMT_INSERT_CASE] = "INSERT INTO compliance_cases (transaction_id, user_id, severity, narrative)"
                         " SELECT id, user_id, $2, $3 FROM transactions WHERE id = $1 RETURNING id",
    [STMT_PATCH_CASE] = "UPDATE compliance_cases SET status = coalesce($2, status), assignee = coalesce($3, assignee),"
                        " closed_at = CASE WHEN $2 = 'closed' THEN now() ELSE closed_at END WHERE id = $1",
    [STMT_INSERT_EVIDENCE] =
        "INSERT INTO compliance_evidence (case_id, user_id, kind, payload, collected_by)"
        " SELECT id, user_id, $2, coalesce($3, '{}')::jsonb, $4 FROM compliance_cases WHERE id = $1 RETURNING id",
};
_Static_assert(sizeof statements / sizeof *statements == STMT_COUNT, "one text a statement");

struct db_pool {
    pthread_mutex_t mutex;
    pthread_cond_t freed;
    char *dsn;
    struct db *all, **free; /* free: a stack, so that few connections stay warm */
    unsigned size, free_count;
};

struct db_pool *db_pool_new(const char *dsn, unsigned size)
{
    struct db_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->freed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pool->size = size;
    pool->dsn = strdup(dsn);
    pool->all = calloc(size, sizeof *pool->all);
    pool->free = calloc(size, sizeof(struct db *));
    if (!pool->dsn || !pool->all || !pool->free)
        return NULL; /* the program ends */
    for (unsigned i = size; i > 0; i--)
        pool->free[pool->free_count++] = &pool->all[i - 1];
    return pool;
}

static void db_close(struct db *db)
{
    PQfinish(db->conn);
    memset(db, 0, sizeof *db);
}

void db_pool_free(struct db_pool *pool)
{
    for (unsigned i = 0; i < pool->size; i++)
        PQfinish(pool->all[i].conn);
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
    if (PQstatus(db->conn) == CONNECTION_OK)
        return true;
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

PGresult *db_run(struct db *db, enum stmt stmt, int count, const char *const *values)
{
    char name[16];
    snprintf(name, sizeof name, "s%u", (unsigned)stmt);
    if (!db->prepared[stmt]) {
        PGresult *r = PQprepare(db->conn, name, statements[stmt], 0, NULL);
        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            return r;
        PQclear(r);
        db->prepared[stmt] = true;
    }
    return PQexecPrepared(db->conn, name, count, values, NULL, NULL, 0);
}
