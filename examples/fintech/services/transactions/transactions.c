// SPDX-License-Identifier: Apache-2.0
/*
 * Transactions: payments and transfers. One is one database transaction: both accounts locked in id order, the
 * transaction, its two entries (sum zero), the balances, the compliance checks.
 */
#include "app.h"

/* ---- reads ---- */

static const struct field head_fields[] = {
    {"account_id", NULL, NUMBER}, {"kind", NULL, TEXT},      {"amount", NULL, TEXT},
    {"currency", NULL, TEXT},     {"status", NULL, TEXT},    {"description", NULL, TEXT},
    {"created_at", NULL, ISO},    {"settled_at", NULL, ISO}, {NULL}};
static const struct field entry_fields[] = {
    {"id", NULL, NUMBER}, {"account_id", NULL, NUMBER}, {"amount", NULL, TEXT}, {NULL}};
static const struct field check_fields[] = {
    {"type", "check_type", TEXT}, {"status", NULL, TEXT}, {"score", NULL, TEXT}, {"checked_at", NULL, ISO}, {NULL}};

static void put_merchant(struct ctx *c, rows r, int i, bool country)
{
    if (!val(r, i, "merchant_id")) {
        put_number(c, "merchant", NULL);
        return;
    }
    object(c, "merchant");
    put_number(c, "id", val(r, i, "merchant_id"));
    put_text(c, "name", val(r, i, "merchant"));
    put_text(c, "category", val(r, i, "category"));
    if (country)
        put_text(c, "country", val(r, i, "country"));
    end(c);
}

static void get_user_transactions(struct ctx *c)
{
    const char *id = param(c, "id");
    struct page page = page_of(c, "page", "per_page", 20);
    rows total = found(c,
                       sql(c,
                           "SELECT count(t.id) FROM users u LEFT JOIN transactions t ON t.user_id = u.id"
                           " WHERE u.id = $1 GROUP BY u.id",
                           id),
                       "");
    rows items =
        sql(c,
            "SELECT t.id, t.account_id, t.kind, t.amount, t.currency, t.status, t.description, t.created_at, "
            "t.settled_at, m.id AS merchant_id, m.name AS merchant, m.category,"
            " CASE WHEN c.flagged THEN 'flagged' WHEN c.pending THEN 'pending' ELSE 'clear' END AS compliance"
            " FROM transactions t LEFT JOIN merchants m ON m.id = t.merchant_id"
            " LEFT JOIN (SELECT transaction_id, bool_or(status = 'flagged') AS flagged, bool_or(status = 'pending') AS "
            "pending"
            "            FROM compliance_records WHERE user_id = $1 GROUP BY transaction_id) c ON c.transaction_id = "
            "t.id"
            " WHERE t.user_id = $1 ORDER BY t.created_at DESC, t.id DESC LIMIT $2 OFFSET $3",
            id, page.limit, page.offset);
    object(c, NULL);
    put_number(c, "user_id", id);
    put_int(c, "page", page.number);
    put_int(c, "per_page", page.size);
    put_number(c, "total", one(total, "count"));
    array(c, "items");
    for (int i = 0; i < count(items); i++) {
        object(c, NULL);
        put_number(c, "id", val(items, i, "id"));
        put_fields(c, items, i, head_fields);
        put_merchant(c, items, i, false);
        put_text(c, "compliance", val(items, i, "compliance"));
        end(c);
    }
    end(c);
    end(c);
}

static void get_transaction(struct ctx *c)
{
    const char *id = param(c, "id");
    rows t = found(
        c,
        sql(c,
            "SELECT t.id, t.user_id, u.full_name, t.account_id, t.kind, t.amount, t.currency, t.status, t.description,"
            " t.created_at, t.settled_at, m.id AS merchant_id, m.name AS merchant, m.category, m.country"
            " FROM transactions t JOIN users u ON u.id = t.user_id LEFT JOIN merchants m ON m.id = t.merchant_id"
            " WHERE t.id = $1",
            id),
        "");
    rows entries = sql(c, "SELECT id, account_id, amount FROM entries WHERE transaction_id = $1 ORDER BY id", id);
    rows checks = sql(c,
                      "SELECT id, check_type, status, score, checked_at FROM compliance_records"
                      " WHERE transaction_id = $1 ORDER BY id",
                      id);
    object(c, NULL);
    put_number(c, "id", one(t, "id"));
    object(c, "user");
    put_number(c, "id", one(t, "user_id"));
    put_text(c, "name", one(t, "full_name"));
    end(c);
    put_fields(c, t, 0, head_fields);
    put_merchant(c, t, 0, true);
    put_rows(c, "entries", entries, entry_fields);
    put_rows(c, "checks", checks, check_fields);
    end(c);
}

/* ---- the write ---- */

struct payment {
    const char *user, *account, *merchant, *to, *amount, *description;
    const char *currency, *other_account, *other_user;
};

static bool is_id(const char *v)
{
    int64_t n;
    return v && str_to_i64(str_of(v), &n) && n > 0;
}

static struct payment payment_of(struct ctx *c)
{
    struct payment p = {.user = param(c, "id"),
                        .account = body(c, "account_id"),
                        .merchant = body(c, "merchant_id"),
                        .to = body(c, "to_account_id"),
                        .amount = body(c, "amount"),
                        .description = body(c, "description")};
    if (!p.amount || !is_amount(p.amount) || !is_id(p.account) || !p.merchant == !p.to ||
        !is_id(p.merchant ? p.merchant : p.to) || (p.to && strcmp(p.to, p.account) == 0) ||
        (p.description && strlen(p.description) > 500))
        stop(c, 400, "bad_request", "bad request");
    if (!p.description)
        p.description = "";
    return p;
}

static void lock_accounts(struct ctx *c, struct payment *p)
{
    rows r = sql(c,
                 "SELECT id, user_id, currency, status, balance >= $3::numeric AS covered FROM accounts"
                 " WHERE id IN ($1, $2) AND kind <> 'settlement' ORDER BY id FOR NO KEY UPDATE",
                 p->account, p->to ? p->to : p->account, p->amount);
    const char *why = NULL;
    bool own = false, other = !p->to;
    for (int i = 0; i < count(r); i++) {
        if (strcmp(val(r, i, "status"), "open") != 0)
            why = "account is not open";
        if (strcmp(val(r, i, "id"), p->account) == 0) {
            own = strcmp(val(r, i, "user_id"), p->user) == 0;
            p->currency = val(r, i, "currency");
            if (!is_true(val(r, i, "covered")))
                why = "insufficient funds";
        } else {
            other = true;
            p->other_account = val(r, i, "id");
            p->other_user = val(r, i, "user_id");
        }
    }
    if (!own || !other)
        why = "no such account";
    if (why)
        stop(c, 422, "refused", why);
}

static void post_transaction(struct ctx *c)
{
    struct payment p = payment_of(c);
    if (p.merchant) { /* the other side is its settlement account */
        rows s = sql(c,
                     "SELECT m.settlement_account_id, a.user_id FROM merchants m JOIN accounts a"
                     " ON a.id = m.settlement_account_id WHERE m.id = $1",
                     p.merchant);
        if (count(s) == 0)
            stop(c, 422, "refused", "no such merchant");
        p.other_account = one(s, "settlement_account_id");
        p.other_user = one(s, "user_id");
    }
    begin(c);
    lock_accounts(c, &p);
    rows t =
        sql(c,
            "INSERT INTO transactions (user_id, account_id, merchant_id, kind, amount, currency, description, period)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, (extract(year FROM now()) * 100 + extract(month FROM now()))::int)"
            " RETURNING id, created_at, period",
            p.user, p.account, p.merchant, p.merchant ? "payment" : "transfer", p.amount, p.currency, p.description);
    const char *id = one(t, "id");
    sql(c,
        "INSERT INTO entries (transaction_id, account_id, user_id, amount, period)"
        " VALUES ($1, $2, $3, -($6::numeric), $7), ($1, $4, $5, $6::numeric, $7)",
        id, p.account, p.user, p.other_account, p.other_user, p.amount, one(t, "period"));
    sql(c,
        "UPDATE accounts SET balance = balance + CASE WHEN id = $1 THEN -($3::numeric) ELSE $3::numeric END"
        " WHERE id IN ($1, $2) AND kind <> 'settlement'",
        p.account, p.other_account, p.amount);
    sql(c,
        "INSERT INTO compliance_records (transaction_id, user_id, check_type, status, score)"
        " VALUES ($1, $2, 'sanctions', 'clear', 0.0100), ($1, $2, 'velocity',"
        " CASE WHEN $3::numeric > 5000 THEN 'flagged' WHEN $3::numeric > 2000 THEN 'pending' ELSE 'clear' END,"
        " least(round($3::numeric / 10000, 4), 1))",
        id, p.user, p.amount);
    commit(c);
    status(c, 201);
    object(c, NULL);
    put_number(c, "id", id);
    put_number(c, "account_id", p.account);
    put_text(c, "amount", p.amount);
    put_text(c, "status", "posted");
    put_iso(c, "created_at", one(t, "created_at"));
    end(c);
}

static const struct route transaction_routes[] = {
    {.method = "GET", .pattern = "/users/{id}/transactions", .handle = get_user_transactions},
    {.method = "POST", .pattern = "/users/{id}/transactions", .handle = post_transaction},
    {.method = "GET", .pattern = "/transactions/{id}", .handle = get_transaction},
};

SERVICE_NO_JOBS(transactions, ERRORS_TEXT, transaction_routes);
