// SPDX-License-Identifier: Apache-2.0
/*
 * The legacy application's writes. A payment or transfer is one database transaction: both accounts locked in id
 * order, the transaction, its two entries (sum zero), the balances, the compliance checks.
 */
#include <stdio.h>

#include "app.h"
#include "base/mem.h"

static void result_free(PGresult **r) { PQclear(*r); }
#define RESULT CLEANUP(result_free) PGresult *
#define FIELD  CLEANUP(buf_free) struct buf

/* Member of the body as C text or NULL. False: the body is not what this application takes. */
static bool field(const struct request *rq, const char *name, struct buf *b, size_t max, const char **ret)
{
    bool found;
    *ret = NULL;
    buf_init(b, max + 1);
    if (!json_member(rq->body, name, b, &found) || b->overflow)
        return false;
    if (found)
        *ret = b->data ? b->data : "";
    return true;
}

static bool is_id(const char *text)
{
    int64_t v;
    return text && str_to_i64(str_of(text), &v) && v > 0;
}

/* 1 to 12 digits, optionally a point and one or two more; more than nothing. */
static bool is_amount(const char *text)
{
    if (!text)
        return false;
    size_t whole = strspn(text, "0123456789");
    const char *rest = text + whole;
    size_t fraction = *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
    bool shaped =
        whole >= 1 && whole <= 12 && (*rest == '\0' || (fraction >= 1 && fraction <= 2 && !rest[1 + fraction]));
    return shaped && strpbrk(text, "123456789");
}

static bool run(struct db *db, enum stmt stmt, int count, const char *const *values, PGresult **failed)
{
    RESULT r = NULL;
    return query(db, stmt, count, values, &r, failed);
}

/* Ends a transaction whose request is refused. */
static bool refuse(struct db *db, struct answer *a, unsigned status, const char *text, PGresult **failed)
{
    return run(db, STMT_ROLLBACK, 0, NULL, failed) && answer_error(a, status, text);
}

struct payment {
    const char *user, *account, *merchant, *to, *amount, *description;
    char currency[16], other_account[24], other_user[24];
};

/* The other side of a payment: the merchant's settlement account. */
static bool settlement(struct db *db, struct payment *p, bool *known, PGresult **failed)
{
    RESULT r = NULL;
    if (!query(db, STMT_SETTLEMENT, 1, &p->merchant, &r, failed))
        return false;
    *known = PQntuples(r) == 1;
    if (*known) {
        snprintf(p->other_account, sizeof p->other_account, "%s", PQgetvalue(r, 0, 0));
        snprintf(p->other_user, sizeof p->other_user, "%s", PQgetvalue(r, 0, 1));
    }
    return true;
}

/* Locks the accounts. `why` is the refusal, or NULL. */
static bool lock_accounts(struct db *db, struct payment *p, const char **why, PGresult **failed)
{
    RESULT r = NULL;
    const char *const values[] = {p->account, p->to ? p->to : p->account, p->amount};
    bool own = false, other = !p->to;
    if (!query(db, STMT_LOCK_ACCOUNTS, 3, values, &r, failed))
        return false;
    *why = NULL;
    for (int i = 0; i < PQntuples(r); i++) {
        const char *id = cell(r, i, "id");
        if (strcmp(cell(r, i, "status"), "open") != 0)
            *why = "account is not open";
        if (strcmp(id, p->account) == 0) {
            own = strcmp(cell(r, i, "user_id"), p->user) == 0;
            snprintf(p->currency, sizeof p->currency, "%s", cell(r, i, "currency"));
            if (*cell(r, i, "covered") != 't')
                *why = "insufficient funds";
        } else {
            other = true;
            snprintf(p->other_account, sizeof p->other_account, "%s", id);
            snprintf(p->other_user, sizeof p->other_user, "%s", cell(r, i, "user_id"));
        }
    }
    if (!own || !other)
        *why = "no such account";
    return true;
}

/* Transaction, entries, balances, checks; the answer is what was booked. */
static bool book(struct db *db, const struct payment *p, struct answer *a, PGresult **failed)
{
    RESULT t = NULL;
    const char *const insert[] = {p->user,   p->account,  p->merchant,   p->merchant ? "payment" : "transfer",
                                  p->amount, p->currency, p->description};
    if (!query(db, STMT_INSERT_TRANSACTION, 7, insert, &t, failed))
        return false;
    const char *id = cell(t, 0, "id");
    const char *const entries[] = {id,        p->account,          p->user, p->other_account, p->other_user,
                                   p->amount, cell(t, 0, "period")};
    const char *const balances[] = {p->account, p->other_account, p->amount};
    const char *const check[] = {id, p->user, p->amount};
    if (!run(db, STMT_INSERT_ENTRIES, 7, entries, failed) || !run(db, STMT_MOVE_BALANCES, 3, balances, failed) ||
        !run(db, STMT_INSERT_CHECKS, 3, check, failed) || !run(db, STMT_COMMIT, 0, NULL, failed))
        return false;
    a->status = 201;
    json_open(&a->body, NULL, '{');
    json_raw(&a->body, "id", id);
    json_raw(&a->body, "account_id", p->account);
    json_string(&a->body, "amount", p->amount);
    json_string(&a->body, "status", "posted");
    json_time(&a->body, "created_at", cell(t, 0, "created_at"));
    json_close(&a->body, '}');
    return true;
}

bool post_transaction(struct db *db, const struct request *rq, struct answer *a, PGresult **failed)
{
    FIELD account = {0}, merchant = {0}, to = {0}, amount = {0}, description = {0};
    struct payment p = {.user = rq->id};
    if (!field(rq, "account_id", &account, 20, &p.account) || !field(rq, "merchant_id", &merchant, 20, &p.merchant) ||
        !field(rq, "to_account_id", &to, 20, &p.to) || !field(rq, "amount", &amount, 20, &p.amount) ||
        !field(rq, "description", &description, 500, &p.description) || !is_id(p.account) || !is_amount(p.amount) ||
        !p.merchant == !p.to || !is_id(p.merchant ? p.merchant : p.to) || (p.to && strcmp(p.to, p.account) == 0))
        return answer_error(a, 400, "bad request");
    if (!p.description)
        p.description = "";
    bool known = true;
    const char *why;
    if (p.merchant && !settlement(db, &p, &known, failed))
        return false;
    if (!known)
        return answer_error(a, 422, "no such merchant");
    if (!run(db, STMT_BEGIN, 0, NULL, failed) || !lock_accounts(db, &p, &why, failed))
        return false;
    if (why)
        return refuse(db, a, 422, why, failed);
    return book(db, &p, a, failed);
}

/* After an UPDATE: what was changed, or 404. */
static bool updated(const PGresult *r, const char *id, struct answer *a)
{
    if (strcmp(PQcmdTuples((PGresult *)(uintptr_t)r), "0") == 0)
        return answer_error(a, 404, "not found");
    json_open(&a->body, NULL, '{');
    json_raw(&a->body, "id", id);
    json_close(&a->body, '}');
    return true;
}

/* After an INSERT ... RETURNING id from a parent row: the new id, or 404 when there is no parent. */
static bool created(const PGresult *r, struct answer *a)
{
    if (PQntuples(r) == 0)
        return answer_error(a, 404, "not found");
    a->status = 201;
    json_open(&a->body, NULL, '{');
    json_raw(&a->body, "id", PQgetvalue(r, 0, 0));
    json_close(&a->body, '}');
    return true;
}

bool patch_user(struct db *db, const struct request *rq, struct answer *a, PGresult **failed)
{
    FIELD name = {0}, phone = {0}, preferences = {0};
    const char *values[] = {rq->id, NULL, NULL, NULL};
    RESULT r = NULL;
    if (!field(rq, "full_name", &name, 200, &values[1]) || !field(rq, "phone", &phone, 50, &values[2]) ||
        !field(rq, "preferences", &preferences, 4000, &values[3]) || (values[1] && !*values[1]))
        return answer_error(a, 400, "bad request");
    return query(db, STMT_PATCH_USER, 4, values, &r, failed) && updated(r, rq->id, a);
}

bool post_case(struct db *db, const struct request *rq, struct answer *a, PGresult **failed)
{
    FIELD transaction = {0}, severity = {0}, narrative = {0};
    const char *values[] = {NULL, NULL, NULL};
    RESULT r = NULL;
    if (!field(rq, "transaction_id", &transaction, 20, &values[0]) ||
        !field(rq, "severity", &severity, 20, &values[1]) || !field(rq, "narrative", &narrative, 30000, &values[2]) ||
        !is_id(values[0]))
        return answer_error(a, 400, "bad request");
    if (!values[1])
        values[1] = "medium";
    if (!values[2])
        values[2] = "";
    return query(db, STMT_INSERT_CASE, 3, values, &r, failed) && created(r, a);
}

bool patch_case(struct db *db, const struct request *rq, struct answer *a, PGresult **failed)
{
    FIELD status = {0}, assignee = {0};
    const char *values[] = {rq->id, NULL, NULL};
    RESULT r = NULL;
    if (!field(rq, "status", &status, 20, &values[1]) || !field(rq, "assignee", &assignee, 100, &values[2]))
        return answer_error(a, 400, "bad request");
    return query(db, STMT_PATCH_CASE, 3, values, &r, failed) && updated(r, rq->id, a);
}

bool post_evidence(struct db *db, const struct request *rq, struct answer *a, PGresult **failed)
{
    FIELD kind = {0}, payload = {0}, by = {0};
    const char *values[] = {rq->id, NULL, NULL, NULL};
    RESULT r = NULL;
    if (!field(rq, "kind", &kind, 50, &values[1]) || !field(rq, "payload", &payload, 30000, &values[2]) ||
        !field(rq, "collected_by", &by, 100, &values[3]) || !values[1])
        return answer_error(a, 400, "bad request");
    if (!values[3])
        values[3] = "officer";
    return query(db, STMT_INSERT_EVIDENCE, 4, values, &r, failed) && created(r, a);
}
