// SPDX-License-Identifier: Apache-2.0
/* The legacy application's reads. Each asks the database for everything, every time: that is the point of it. */
#include <stdio.h>

#include "app.h"
#include "base/mem.h"

static void result_free(PGresult **r) { PQclear(*r); }
#define RESULT CLEANUP(result_free) PGresult *

bool answer_error(struct answer *a, unsigned status, const char *text)
{
    a->status = status;
    buf_clear(&a->body);
    json_open(&a->body, NULL, '{');
    json_string(&a->body, "error", text);
    json_close(&a->body, '}');
    return true;
}

bool query(struct db *db, enum stmt stmt, int count, const char *const *values, PGresult **ret, PGresult **failed)
{
    PGresult *r = db_run(db, stmt, count, values);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        *failed = r;
        return false;
    }
    *ret = r;
    return true;
}

const char *cell(const PGresult *r, int row, const char *column)
{
    int c = PQfnumber(r, column);
    return c < 0 || PQgetisnull(r, row, c) ? NULL : PQgetvalue(r, row, c);
}

/* A query argument as a number in [min, max] printed into out; NULL means the fallback. */
static bool argument(const char *text, long long fallback, long long min, long long max, long long *ret)
{
    int64_t v = fallback;
    if (text && !str_to_i64(str_of(text), &v))
        return false;
    *ret = v;
    return v >= min && v <= max;
}

bool get_user(struct db *db, const struct request *rq, struct answer *a, PGresult **failed)
{
    RESULT u = NULL;
    RESULT accounts = NULL;
    if (!query(db, STMT_USER, 1, &rq->id, &u, failed))
        return false;
    if (PQntuples(u) == 0)
        return answer_error(a, 404, "not found");
    if (!query(db, STMT_USER_ACCOUNTS, 1, &rq->id, &accounts, failed))
        return false;
    struct buf *b = &a->body;
    json_open(b, NULL, '{');
    json_raw(b, "id", cell(u, 0, "id"));
    json_string(b, "email", cell(u, 0, "email"));
    json_string(b, "full_name", cell(u, 0, "full_name"));
    json_string(b, "phone", cell(u, 0, "phone"));
    json_string(b, "country", cell(u, 0, "country"));
    json_raw(b, "kyc_level", cell(u, 0, "kyc_level"));
    json_string(b, "status", cell(u, 0, "status"));
    json_raw(b, "preferences", cell(u, 0, "preferences"));
    json_time(b, "created_at", cell(u, 0, "created_at"));
    json_time(b, "updated_at", cell(u, 0, "updated_at"));
    int n = PQntuples(accounts);
    json_string(b, "total_balance", n ? cell(accounts, 0, "total") : "0.00");
    json_open(b, "accounts", '[');
    for (int i = 0; i < n; i++) {
        json_open(b, NULL, '{');
        json_raw(b, "id", cell(accounts, i, "id"));
        json_string(b, "kind", cell(accounts, i, "kind"));
        json_string(b, "currency", cell(accounts, i, "currency"));
        json_string(b, "balance", cell(accounts, i, "balance"));
        json_string(b, "status", cell(accounts, i, "status"));
        json_time(b, "opened_at", cell(accounts, i, "opened_at"));
        json_close(b, '}');
    }
    json_close(b, ']');
    json_close(b, '}');
    return true;
}

/* The last transactions of one account, and for each of them its merchant's name: the N+1 of this application. */
static bool account_last(struct db *db, const char *account, struct buf *b, PGresult **failed)
{
    RESULT last = NULL;
    if (!query(db, STMT_ACCOUNT_LAST, 1, &account, &last, failed))
        return false;
    json_open(b, "last_transactions", '[');
    for (int i = 0; i < PQntuples(last); i++) {
        RESULT m = NULL;
        const char *merchant = cell(last, i, "merchant_id");
        if (merchant && !query(db, STMT_MERCHANT_NAME, 1, &merchant, &m, failed))
            return false;
        json_open(b, NULL, '{');
        json_raw(b, "id", cell(last, i, "id"));
        json_string(b, "kind", cell(last, i, "kind"));
        json_string(b, "amount", cell(last, i, "amount"));
        json_string(b, "description", cell(last, i, "description"));
        json_string(b, "merchant", m && PQntuples(m) ? cell(m, 0, "name") : NULL);
        json_time(b, "created_at", cell(last, i, "created_at"));
        json_close(b, '}');
    }
    json_close(b, ']');
    return true;
}

bool get_user_accounts(struct db *db, const struct request *rq, struct answer *a, PGresult **failed)
{
    RESULT u = NULL;
    RESULT accounts = NULL;
    if (!query(db, STMT_USER, 1, &rq->id, &u, failed))
        return false;
    if (PQntuples(u) == 0)
        return answer_error(a, 404, "not found");
    if (!query(db, STMT_USER_ACCOUNTS, 1, &rq->id, &accounts, failed))
        return false;
    struct buf *b = &a->body;
    json_open(b, NULL, '{');
    json_raw(b, "user_id", rq->id);
    json_open(b, "accounts", '[');
    for (int i = 0; i < PQntuples(accounts); i++) {
        json_open(b, NULL, '{');
        json_raw(b, "id", cell(accounts, i, "id"));
        json_string(b, "kind", cell(accounts, i, "kind"));
        json_string(b, "currency", cell(accounts, i, "currency"));
        json_string(b, "balance", cell(accounts, i, "balance"));
        json_string(b, "status", cell(accounts, i, "status"));
        if (!account_last(db, cell(accounts, i, "id"), b, failed))
            return false;
        json_close(b, '}');
    }
    json_close(b, ']');
    json_close(b, '}');
    return true;
}

static void list_item(const PGresult *r, int i, struct buf *b)
{
    json_open(b, NULL, '{');
    json_raw(b, "id", cell(r, i, "id"));
    json_raw(b, "account_id", cell(r, i, "account_id"));
    json_string(b, "kind", cell(r, i, "kind"));
    json_string(b, "amount", cell(r, i, "amount"));
    json_string(b, "currency", cell(r, i, "currency"));
    json_string(b, "status", cell(r, i, "status"));
    json_string(b, "description", cell(r, i, "description"));
    json_time(b, "created_at", cell(r, i, "created_at"));
    json_time(b, "settled_at", cell(r, i, "settled_at"));
    if (cell(r, i, "merchant_id")) {
        json_open(b, "merchant", '{');
        json_raw(b, "id", cell(r, i, "merchant_id"));
        json_string(b, "name", cell(r, i, "merchant"));
        json_string(b, "category", cell(r, i, "category"));
        json_close(b, '}');
    } else {
        json_raw(b, "merchant", NULL);
    }
    json_string(b, "compliance", cell(r, i, "compliance"));
    json_close(b, '}');
}

bool get_user_transactions(struct db *db, const struct request *rq, struct answer *a, PGresult **failed)
{
    long long page, per_page;
    if (!argument(rq->page, 1, 1, 100000, &page) || !argument(rq->per_page, 20, 1, 100, &per_page))
        return answer_error(a, 400, "bad request");
    RESULT total = NULL;
    RESULT items = NULL;
    if (!query(db, STMT_LIST_COUNT, 1, &rq->id, &total, failed))
        return false;
    if (PQntuples(total) == 0)
        return answer_error(a, 404, "not found");
    char limit[24], offset[24];
    snprintf(limit, sizeof limit, "%lld", per_page);
    snprintf(offset, sizeof offset, "%lld", (page - 1) * per_page);
    const char *const values[] = {rq->id, limit, offset};
    if (!query(db, STMT_LIST, 3, values, &items, failed))
        return false;
    struct buf *b = &a->body;
    json_open(b, NULL, '{');
    json_raw(b, "user_id", rq->id);
    buf_printf(b, ",\"page\":%lld,\"per_page\":%lld", page, per_page);
    json_raw(b, "total", PQgetvalue(total, 0, 0));
    json_open(b, "items", '[');
    for (int i = 0; i < PQntuples(items); i++)
        list_item(items, i, b);
    json_close(b, ']');
    json_close(b, '}');
    return true;
}

/* The compliance checks of a transaction as member "checks". */
static bool checks(struct db *db, const char *transaction, struct buf *b, PGresult **failed)
{
    RESULT r = NULL;
    if (!query(db, STMT_TRANSACTION_CHECKS, 1, &transaction, &r, failed))
        return false;
    json_open(b, "checks", '[');
    for (int i = 0; i < PQntuples(r); i++) {
        json_open(b, NULL, '{');
        json_string(b, "type", cell(r, i, "check_type"));
        json_string(b, "status", cell(r, i, "status"));
        json_string(b, "score", cell(r, i, "score"));
        json_time(b, "checked_at", cell(r, i, "checked_at"));
        json_close(b, '}');
    }
    json_close(b, ']');
    return true;
}

static void transaction_head(const PGresult *t, struct buf *b)
{
    json_raw(b, "id", cell(t, 0, "id"));
    json_open(b, "user", '{');
    json_raw(b, "id", cell(t, 0, "user_id"));
    json_string(b, "name", cell(t, 0, "full_name"));
    json_close(b, '}');
    json_raw(b, "account_id", cell(t, 0, "account_id"));
    json_string(b, "kind", cell(t, 0, "kind"));
    json_string(b, "amount", cell(t, 0, "amount"));
    json_string(b, "currency", cell(t, 0, "currency"));
    json_string(b, "status", cell(t, 0, "status"));
    json_string(b, "description", cell(t, 0, "description"));
    json_time(b, "created_at", cell(t, 0, "created_at"));
    json_time(b, "settled_at", cell(t, 0, "settled_at"));
    if (cell(t, 0, "merchant_id")) {
        json_open(b, "merchant", '{');
        json_raw(b, "id", cell(t, 0, "merchant_id"));
        json_string(b, "name", cell(t, 0, "merchant"));
        json_string(b, "category", cell(t, 0, "category"));
        json_string(b, "country", cell(t, 0, "country"));
        json_close(b, '}');
    } else {
        json_raw(b, "merchant", NULL);
    }
}

bool get_transaction(struct db *db, const struct request *rq, struct answer *a, PGresult **failed)
{
    RESULT t = NULL;
    RESULT entries = NULL;
    if (!query(db, STMT_TRANSACTION, 1, &rq->id, &t, failed))
        return false;
    if (PQntuples(t) == 0)
        return answer_error(a, 404, "not found");
    if (!query(db, STMT_TRANSACTION_ENTRIES, 1, &rq->id, &entries, failed))
        return false;
    struct buf *b = &a->body;
    json_open(b, NULL, '{');
    transaction_head(t, b);
    json_open(b, "entries", '[');
    for (int i = 0; i < PQntuples(entries); i++) {
        json_open(b, NULL, '{');
        json_raw(b, "id", cell(entries, i, "id"));
        json_raw(b, "account_id", cell(entries, i, "account_id"));
        json_string(b, "amount", cell(entries, i, "amount"));
        json_close(b, '}');
    }
    json_close(b, ']');
    if (!checks(db, rq->id, b, failed))
        return false;
    json_close(b, '}');
    return true;
}

bool get_statement(struct db *db, const struct request *rq, struct answer *a, PGresult **failed)
{
    long long month;
    if (!argument(rq->month, 0, 200001, 299912, &month))
        return answer_error(a, 400, "bad request");
    RESULT head = NULL;
    RESULT opening = NULL;
    RESULT lines = NULL;
    char period[24];
    snprintf(period, sizeof period, "%lld", month);
    const char *const values[] = {rq->id, period};
    if (!query(db, STMT_ACCOUNT_HEAD, 1, values, &head, failed))
        return false;
    if (PQntuples(head) == 0)
        return answer_error(a, 404, "not found");
    if (!query(db, STMT_STATEMENT_OPENING, 2, values, &opening, failed) ||
        !query(db, STMT_STATEMENT, 2, values, &lines, failed))
        return false;
    int n = PQntuples(lines);
    struct buf *b = &a->body;
    json_open(b, NULL, '{');
    json_raw(b, "account_id", rq->id);
    json_string(b, "owner", cell(head, 0, "full_name"));
    json_string(b, "currency", cell(head, 0, "currency"));
    json_raw(b, "month", period);
    json_string(b, "opening", PQgetvalue(opening, 0, 0));
    json_string(b, "closing", n ? cell(lines, n - 1, "balance") : PQgetvalue(opening, 0, 0));
    json_open(b, "lines", '[');
    for (int i = 0; i < n; i++) {
        json_open(b, NULL, '{');
        json_raw(b, "entry_id", cell(lines, i, "id"));
        json_raw(b, "transaction_id", cell(lines, i, "transaction_id"));
        json_time(b, "created_at", cell(lines, i, "created_at"));
        json_string(b, "kind", cell(lines, i, "kind"));
        json_string(b, "description", cell(lines, i, "description"));
        json_string(b, "merchant", cell(lines, i, "merchant"));
        json_string(b, "amount", cell(lines, i, "amount"));
        json_string(b, "balance", cell(lines, i, "balance"));
        json_close(b, '}');
    }
    json_close(b, ']');
    json_close(b, '}');
    return true;
}

/* Asked before a payment: must be the truth of this moment, so it stays on the database whatever moves away. */
bool get_balance(struct db *db, const struct request *rq, struct answer *a, PGresult **failed)
{
    RESULT r = NULL;
    if (!query(db, STMT_BALANCE, 1, &rq->id, &r, failed))
        return false;
    if (PQntuples(r) == 0)
        return answer_error(a, 404, "not found");
    struct buf *b = &a->body;
    json_open(b, NULL, '{');
    json_raw(b, "account_id", cell(r, 0, "id"));
    json_string(b, "currency", cell(r, 0, "currency"));
    json_string(b, "balance", cell(r, 0, "balance"));
    json_string(b, "status", cell(r, 0, "status"));
    json_close(b, '}');
    return true;
}

bool get_merchant(struct db *db, const struct request *rq, struct answer *a, PGresult **failed)
{
    RESULT m = NULL;
    RESULT months = NULL;
    if (!query(db, STMT_MERCHANT, 1, &rq->id, &m, failed))
        return false;
    if (PQntuples(m) == 0)
        return answer_error(a, 404, "not found");
    if (!query(db, STMT_MERCHANT_MONTHS, 1, &rq->id, &months, failed))
        return false;
    int n = PQntuples(months);
    struct buf *b = &a->body;
    json_open(b, NULL, '{');
    json_raw(b, "id", cell(m, 0, "id"));
    json_string(b, "name", cell(m, 0, "name"));
    json_string(b, "category", cell(m, 0, "category"));
    json_string(b, "country", cell(m, 0, "country"));
    json_raw(b, "count", n ? cell(months, 0, "total_count") : "0");
    json_string(b, "volume", n ? cell(months, 0, "total_volume") : "0.00");
    json_open(b, "months", '[');
    for (int i = 0; i < n; i++) {
        json_open(b, NULL, '{');
        json_raw(b, "month", cell(months, i, "period"));
        json_raw(b, "count", cell(months, i, "count"));
        json_string(b, "volume", cell(months, i, "volume"));
        json_raw(b, "customers", cell(months, i, "customers"));
        json_raw(b, "countries", cell(months, i, "countries"));
        json_time(b, "last_at", cell(months, i, "last_at"));
        json_close(b, '}');
    }
    json_close(b, ']');
    json_close(b, '}');
    return true;
}

static void case_head(const PGresult *c, struct buf *b)
{
    json_raw(b, "id", cell(c, 0, "id"));
    json_string(b, "severity", cell(c, 0, "severity"));
    json_string(b, "status", cell(c, 0, "status"));
    json_string(b, "assignee", cell(c, 0, "assignee"));
    json_string(b, "narrative", cell(c, 0, "narrative"));
    json_time(b, "opened_at", cell(c, 0, "opened_at"));
    json_time(b, "closed_at", cell(c, 0, "closed_at"));
    json_open(b, "user", '{');
    json_raw(b, "id", cell(c, 0, "user_id"));
    json_string(b, "name", cell(c, 0, "full_name"));
    json_string(b, "country", cell(c, 0, "country"));
    json_raw(b, "kyc_level", cell(c, 0, "kyc_level"));
    json_close(b, '}');
    json_open(b, "transaction", '{');
    json_raw(b, "id", cell(c, 0, "transaction_id"));
    json_string(b, "amount", cell(c, 0, "amount"));
    json_string(b, "currency", cell(c, 0, "currency"));
    json_string(b, "status", cell(c, 0, "transaction_status"));
    json_time(b, "created_at", cell(c, 0, "transaction_at"));
    json_string(b, "merchant", cell(c, 0, "merchant"));
    json_close(b, '}');
}

bool get_case(struct db *db, const struct request *rq, struct answer *a, PGresult **failed)
{
    RESULT c = NULL;
    RESULT evidence = NULL;
    if (!query(db, STMT_CASE, 1, &rq->id, &c, failed))
        return false;
    if (PQntuples(c) == 0)
        return answer_error(a, 404, "not found");
    if (!query(db, STMT_CASE_EVIDENCE, 1, &rq->id, &evidence, failed))
        return false;
    struct buf *b = &a->body;
    json_open(b, NULL, '{');
    case_head(c, b);
    if (!checks(db, cell(c, 0, "transaction_id"), b, failed))
        return false;
    json_open(b, "evidence", '[');
    for (int i = 0; i < PQntuples(evidence); i++) {
        json_open(b, NULL, '{');
        json_raw(b, "id", cell(evidence, i, "id"));
        json_string(b, "kind", cell(evidence, i, "kind"));
        json_raw(b, "payload", cell(evidence, i, "payload"));
        json_string(b, "collected_by", cell(evidence, i, "collected_by"));
        json_time(b, "collected_at", cell(evidence, i, "collected_at"));
        json_close(b, '}');
    }
    json_close(b, ']');
    json_close(b, '}');
    return true;
}

bool get_user_compliance(struct db *db, const struct request *rq, struct answer *a, PGresult **failed)
{
    RESULT u = NULL;
    RESULT cases = NULL;
    if (!query(db, STMT_USER_CHECKS, 1, &rq->id, &u, failed))
        return false;
    if (PQntuples(u) == 0)
        return answer_error(a, 404, "not found");
    if (!query(db, STMT_USER_CASES, 1, &rq->id, &cases, failed))
        return false;
    struct buf *b = &a->body;
    json_open(b, NULL, '{');
    json_raw(b, "user_id", rq->id);
    json_raw(b, "kyc_level", cell(u, 0, "kyc_level"));
    json_open(b, "checks", '{');
    json_raw(b, "total", cell(u, 0, "count"));
    json_raw(b, "flagged", cell(u, 0, "flagged"));
    json_raw(b, "pending", cell(u, 0, "pending"));
    json_close(b, '}');
    json_open(b, "cases", '[');
    for (int i = 0; i < PQntuples(cases); i++) {
        json_open(b, NULL, '{');
        json_raw(b, "id", cell(cases, i, "id"));
        json_raw(b, "transaction_id", cell(cases, i, "transaction_id"));
        json_string(b, "amount", cell(cases, i, "amount"));
        json_string(b, "severity", cell(cases, i, "severity"));
        json_string(b, "status", cell(cases, i, "status"));
        json_time(b, "opened_at", cell(cases, i, "opened_at"));
        json_raw(b, "evidence", cell(cases, i, "evidence"));
        json_close(b, '}');
    }
    json_close(b, ']');
    json_close(b, '}');
    return true;
}
