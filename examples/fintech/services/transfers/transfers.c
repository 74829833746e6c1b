// SPDX-License-Identifier: Apache-2.0
/*
 * Transfers between accounts, beneficiaries, scheduled transfers. Hand-written SQL.
 * A transfer is one transaction: key, both accounts locked in id order, booking, balances, checks, fee, usage.
 */
#include "app.h"

static const struct field made[] = {
    {"id", NULL, NUMBER}, {"status", NULL, TEXT},           {"amount", NULL, TEXT},      {"currency", NULL, TEXT},
    {"fee", NULL, TEXT},  {"transaction_id", NULL, NUMBER}, {"requested_at", NULL, ISO}, {NULL},
};

static void put_made(struct ctx *c, rows r)
{
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/transfers/%s", one(r, "id")));
    put_row(c, NULL, r, 0, made);
}

struct move {
    const char *user, *from, *to, *to_user, *amount, *currency, *reference;
    const char *refusal; /* why the accounts do not allow it */
};

/* Both accounts in id order; says whose they are and whether the money is there. */
static void lock_accounts(struct ctx *c, struct move *m)
{
    rows r = sql(c,
                 "SELECT id, user_id, currency, status, balance >= $3::numeric AS covered FROM accounts"
                 " WHERE id IN ($1, $2) AND kind <> 'settlement' ORDER BY id FOR NO KEY UPDATE",
                 m->from, m->to, m->amount);
    m->refusal = count(r) == 2 ? NULL : "no such account";
    for (int i = 0; i < count(r); i++) {
        bool own = strcmp(val(r, i, "id"), m->from) == 0;
        if (strcmp(val(r, i, "status"), "open") != 0)
            m->refusal = "account is not open";
        else if (own && strcmp(val(r, i, "user_id"), m->user) != 0)
            m->refusal = "no such account";
        else if (own && !is_true(val(r, i, "covered")))
            m->refusal = "insufficient funds";
        if (own)
            m->currency = val(r, i, "currency");
        else
            m->to_user = val(r, i, "user_id");
    }
}

/* Booking, entries that sum to zero, balances, checks. The id of the transaction. */
static const char *book(struct ctx *c, const struct move *m)
{
    rows t = sql(c,
                 "INSERT INTO transactions (user_id, account_id, kind, amount, currency, description, period)"
                 " VALUES ($1, $2, 'transfer', $3, $4, coalesce($5, ''),"
                 " (extract(year FROM now()) * 100 + extract(month FROM now()))::int) RETURNING id, period",
                 m->user, m->from, m->amount, m->currency, m->reference);
    const char *id = one(t, "id");
    sql(c,
        "INSERT INTO entries (transaction_id, account_id, user_id, amount, period)"
        " VALUES ($1, $2, $3, -($6::numeric), $7), ($1, $4, $5, $6::numeric, $7)",
        id, m->from, m->user, m->to, m->to_user, m->amount, one(t, "period"));
    sql(c,
        "UPDATE accounts SET balance = balance + CASE WHEN id = $1 THEN -($3::numeric) ELSE $3::numeric END"
        " WHERE id IN ($1, $2) AND kind <> 'settlement'",
        m->from, m->to, m->amount);
    sql(c,
        "INSERT INTO compliance_records (transaction_id, user_id, check_type, status, score)"
        " VALUES ($1, $2, 'sanctions', 'clear', 0.0100), ($1, $2, 'velocity',"
        " CASE WHEN $3::numeric > 5000 THEN 'flagged' WHEN $3::numeric > 2000 THEN 'pending' ELSE 'clear' END,"
        " least(round($3::numeric / 10000, 4), 1))",
        id, m->user, m->amount);
    return id;
}

/* The transfer itself, its fee, and what it uses of the day's limit. */
static rows record(struct ctx *c, const struct move *m, const char *transaction, const char *beneficiary,
                   const char *scheduled)
{
    rows r = sql(
        c,
        "INSERT INTO transfers (user_id, from_account_id, to_account_id, to_user_id, beneficiary_id,"
        " scheduled_id, transaction_id, amount, currency, fee, reference, status, completed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8::numeric, $9::text,"
        " CASE WHEN $8::numeric > 1000 THEN coalesce(calculate_fee('transfer', $8::numeric, $9::text), 0) ELSE 0 END,"
        " $10, 'completed', now())"
        " RETURNING id, status, amount, currency, fee, transaction_id, requested_at",
        m->user, m->from, m->to, m->to_user, beneficiary, scheduled, transaction, m->amount, m->currency, m->reference);
    sql(c,
        "INSERT INTO fee_charges (user_id, account_id, transaction_id, kind, base_amount, amount, currency)"
        " SELECT user_id, from_account_id, transaction_id, 'transfer', amount, fee, currency FROM transfers"
        " WHERE id = $1 AND fee > 0",
        one(r, "id"));
    sql(c,
        "INSERT INTO limit_usage (user_id, kind, day, used, count)"
        " VALUES ($1, 'transfer', (now() AT TIME ZONE 'Europe/Berlin')::date, $2, 1)"
        " ON CONFLICT (user_id, kind, day) DO UPDATE SET used = limit_usage.used + excluded.used,"
        " count = limit_usage.count + 1, last_at = now()",
        m->user, m->amount);
    sql(c,
        "INSERT INTO notifications (user_id, transaction_id, kind, title, body)"
        " SELECT $1, $2, 'transfer_received', 'You got ' || $3 || ' ' || $4, full_name FROM users WHERE id = $5",
        m->to_user, transaction, m->amount, m->currency, m->user);
    return r;
}

/* True: the key was used before, and the answer is what it was then (or 422 when it was another request). */
static bool replayed(struct ctx *c, const char *user, const char *key, const char *fingerprint)
{
    rows mine = sql(c,
                    "INSERT INTO idempotency_keys (user_id, key, request_hash) VALUES ($1, $2, md5($3))"
                    " ON CONFLICT DO NOTHING",
                    user, key, fingerprint);
    if (stopped(c) || affected(mine) == 1)
        return stopped(c);
    rows k = sql(c,
                 "SELECT request_hash = md5($3) AS same, response->>'id' AS id, response->>'status' AS status,"
                 " response->>'amount' AS amount, response->>'currency' AS currency, response->>'fee' AS fee,"
                 " response->>'transaction_id' AS transaction_id, response->>'requested_at' AS requested_at"
                 " FROM idempotency_keys WHERE user_id = $1 AND key = $2",
                 user, key, fingerprint);
    if (!is_true(one(k, "same"))) {
        stop(c, 422, "idempotency_key_reused", "the key belongs to another request");
        return true;
    }
    header_out(c, "Idempotent-Replayed", "true");
    put_made(c, k);
    return true;
}

/* The beneficiary's account; stops when it is another bank's. */
static const char *beneficiary_account(struct ctx *c, const char *user, const char *id)
{
    rows b = found(c,
                   sql(c,
                       "UPDATE beneficiaries SET used_count = used_count + 1, last_used = now()"
                       " WHERE id = $1 AND user_id = $2 AND deleted_at IS NULL RETURNING account_id",
                       id, user),
                   "beneficiary");
    if (!stopped(c) && !one(b, "account_id"))
        stop(c, 422, "external_beneficiary", "use a payout for another bank");
    return one(b, "account_id");
}

static void create(struct ctx *c)
{
    const char *key = header_in(c, "Idempotency-Key");
    if (!key)
        key = body(c, "idempotency_key"); /* the old mobile app cannot set headers */
    const char *beneficiary = body(c, "beneficiary_id");
    struct move m = {.from = need_id(c, "from_account_id"),
                     .amount = need_amount(c, "amount"),
                     .reference = body(c, "reference"),
                     .currency = "EUR"};
    m.to = beneficiary ? "" : need_id(c, "to_account_id");
    const char *fingerprint = text(c, "%s|%s|%s|%s|%s", m.from, beneficiary ? beneficiary : "", m.to, m.amount,
                                   m.reference ? m.reference : "");
    begin(c);
    rows owner = found(c, sql(c, "SELECT user_id FROM accounts WHERE id = $1", m.from), "account");
    m.user = one(owner, "user_id");
    if (!stopped(c))
        only_owner(c, m.user);
    if (stopped(c))
        return;
    if (key && replayed(c, m.user, key, fingerprint)) {
        commit(c);
        return;
    }
    if (beneficiary)
        m.to = beneficiary_account(c, m.user, beneficiary);
    lock_accounts(c, &m);
    if (stopped(c))
        return;
    if (m.refusal) {
        stop(c, 422, "transfer_refused", m.refusal);
        return;
    }
    rows r = record(c, &m, book(c, &m), beneficiary, NULL);
    if (key)
        sql(c,
            "UPDATE idempotency_keys k SET transfer_id = t.id, response = json_build_object('id', t.id, 'status', "
            "t.status,"
            " 'amount', t.amount::text, 'currency', t.currency, 'fee', t.fee::text, 'transaction_id', t.transaction_id,"
            " 'requested_at', t.requested_at::text) FROM transfers t WHERE t.id = $3 AND k.user_id = $1 AND k.key = $2",
            m.user, key, one(r, "id"));
    commit(c);
    if (!stopped(c))
        put_made(c, r);
}

static const struct field listed[] = {{"id", NULL, NUMBER},
                                      {"amount", NULL, TEXT},
                                      {"currency", NULL, TEXT},
                                      {"fee", NULL, TEXT},
                                      {"reference", NULL, TEXT},
                                      {"status", NULL, TEXT},
                                      {"failure_code", NULL, TEXT, .omit_null = true},
                                      {"channel", "via", TEXT},
                                      {"tags", NULL, ARRAY},
                                      {"requested_at", NULL, ISO},
                                      {"completed_at", NULL, ISO},
                                      {NULL}};
static const struct field from_account[] = {{"id", "from_account_id", NUMBER}, {"kind", "from_kind", TEXT}, {NULL}};
static const struct field to_party[] = {{"account_id", "to_account_id", NUMBER},
                                        {"name", "to_name", TEXT},
                                        {"country", "to_country", TEXT},
                                        {"nickname", NULL, TEXT},
                                        {NULL}};

static void put_transfer(struct ctx *c, rows r, int i)
{
    object(c, NULL);
    put_fields(c, r, i, listed);
    put_row(c, "from", r, i, from_account);
    put_row(c, "to", r, i, to_party);
    end(c);
}

static void list(struct ctx *c)
{
    const char *at, *id;
    const char *limit = arg_number(c, "limit", "25", 1, 100);
    const char *state = arg_choice(c, "status", "pending|completed|failed|returned|cancelled");
    cursor_in(c, &at, &id);
    rows r = sql(c,
                 "SELECT t.id, t.amount, t.currency, t.fee, t.reference, t.status, t.failure_code, t.via, t.tags,"
                 " t.requested_at, t.completed_at, t.from_account_id, a.kind AS from_kind, t.to_account_id,"
                 " u.full_name AS to_name, u.country AS to_country, b.nickname"
                 " FROM transfers t JOIN accounts a ON a.id = t.from_account_id JOIN users u ON u.id = t.to_user_id"
                 " LEFT JOIN beneficiaries b ON b.id = t.beneficiary_id AND b.deleted_at IS NULL"
                 " WHERE t.user_id = $1 AND ($2::transfer_status IS NULL OR t.status = $2)"
                 " AND ($3::timestamptz IS NULL OR (t.requested_at, t.id) < ($3, $4::bigint))"
                 " ORDER BY t.requested_at DESC, t.id DESC LIMIT $5::int + 1",
                 is_staff(c) ? arg_number(c, "user_id", "1", 1, INT64_MAX) : caller(c), state, at, id, limit);
    int64_t size = 0;
    str_to_i64(str_of(limit), &size);
    int n = count(r) > size ? (int)size : count(r);
    object(c, NULL);
    array(c, "items");
    for (int i = 0; i < n; i++)
        put_transfer(c, r, i);
    end(c);
    bool more = count(r) > n;
    cursor_out(c, "next_cursor", more ? val(r, n - 1, "requested_at") : NULL, more ? val(r, n - 1, "id") : NULL);
    end(c);
}

static void get(struct ctx *c)
{
    static const struct field more[] = {
        {"note", NULL, TEXT, .omit_null = true},
        {"meta", NULL, JSON},
        {NULL},
    };
    static const struct field booking[] = {
        {"id", "transaction_id", NUMBER},
        {"status", "transaction_status", TEXT},
        {"booked_at", NULL, ISO},
        {"checks", NULL, JSON},
        {NULL},
    };
    rows r = found(
        c,
        sql(c,
            "SELECT t.*, a.kind AS from_kind, u.full_name AS to_name, u.country AS to_country, b.nickname,"
            " x.status AS transaction_status, x.created_at AS booked_at, k.checks"
            " FROM transfers t JOIN accounts a ON a.id = t.from_account_id JOIN users u ON u.id = t.to_user_id"
            " LEFT JOIN beneficiaries b ON b.id = t.beneficiary_id LEFT JOIN transactions x ON x.id = t.transaction_id"
            " LEFT JOIN LATERAL (SELECT json_object_agg(check_type, status ORDER BY id) AS checks"
            "                    FROM compliance_records WHERE transaction_id = x.id) k ON true WHERE t.id = $1",
            param(c, "id")),
        "transfer");
    if (stopped(c))
        return;
    only_owner(c, one(r, "user_id"));
    object(c, NULL);
    put_fields(c, r, 0, listed);
    put_fields(c, r, 0, more);
    put_row(c, "from", r, 0, from_account);
    put_row(c, "to", r, 0, to_party);
    if (one(r, "transaction_id"))
        put_row(c, "transaction", r, 0, booking);
    else
        put_text(c, "transaction", NULL);
    end(c);
}

static void cancel(struct ctx *c)
{
    begin(c);
    rows t =
        found(c, sql(c, "SELECT user_id, status FROM transfers WHERE id = $1 FOR UPDATE", param(c, "id")), "transfer");
    if (stopped(c))
        return;
    only_owner(c, one(t, "user_id"));
    if (strcmp(one(t, "status"), "pending") != 0)
        stop(c, 409, "not_pending", text(c, "the transfer is %s", one(t, "status")));
    rows r =
        sql(c,
            "UPDATE transfers SET status = 'cancelled', completed_at = now(), meta = meta || '{\"cancelled\": true}'"
            " WHERE id = $1 RETURNING id, status, completed_at",
            param(c, "id"));
    commit(c);
    put_row(c, NULL, r, 0,
            (const struct field[]){
                {"id", NULL, NUMBER}, {"status", NULL, TEXT}, {"cancelled_at", "completed_at", ISO}, {NULL}});
}

/* How much went where: by receiver, the most first. */
static void receivers(struct ctx *c)
{
    static const struct field fields[] = {
        {"user_id", "to_user_id", NUMBER},
        {"name", "full_name", TEXT},
        {"transfers", "count", NUMBER},
        {"total", NULL, TEXT},
        {"last_at", NULL, ISO},
        {"share", NULL, TEXT},
        {NULL},
    };
    only_owner(c, param(c, "id"));
    rows r = sql(c,
                 "SELECT t.to_user_id, u.full_name, count(*), sum(x.amount) AS total, max(x.created_at) AS last_at,"
                 " round(100 * sum(x.amount) / sum(sum(x.amount)) OVER (), 1) AS share"
                 " FROM transfers t JOIN transactions x ON x.id = t.transaction_id JOIN users u ON u.id = t.to_user_id"
                 " WHERE t.user_id = $1 GROUP BY t.to_user_id, u.full_name ORDER BY total DESC, t.to_user_id LIMIT 10",
                 param(c, "id"));
    put_rows(c, NULL, r, fields);
}

static const struct field beneficiary_fields[] = {{"id", NULL, NUMBER},
                                                  {"nickname", NULL, TEXT},
                                                  {"holder", NULL, TEXT},
                                                  {"account_id", NULL, NUMBER, .omit_null = true},
                                                  {"iban", NULL, TEXT, .omit_null = true},
                                                  {"bank_name", NULL, TEXT, .omit_null = true},
                                                  {"country", NULL, TEXT},
                                                  {"trusted", NULL, BOOL},
                                                  {"used_count", NULL, NUMBER},
                                                  {"last_used", NULL, ZULU},
                                                  {"created_at", NULL, ZULU},
                                                  {NULL}};

static void beneficiaries(struct ctx *c)
{
    static const struct field customer[] = {{"name", "customer_name", TEXT}, {"account_status", NULL, TEXT}, {NULL}};
    rows r = sql(c,
                 "SELECT b.*, u.full_name AS customer_name, a.status AS account_status FROM beneficiaries b"
                 " LEFT JOIN accounts a ON a.id = b.account_id LEFT JOIN users u ON u.id = a.user_id"
                 " WHERE b.user_id = $1 AND b.deleted_at IS NULL"
                 " AND ($2::text IS NULL OR b.holder ILIKE '%' || $2 || '%' OR b.nickname ILIKE '%' || $2 || '%')"
                 " ORDER BY lower(b.nickname), b.id LIMIT 100",
                 caller(c), arg(c, "q"));
    array(c, NULL);
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, beneficiary_fields);
        if (val(r, i, "account_status"))
            put_row(c, "customer", r, i, customer);
        end(c);
    }
    end(c);
}

static void add_beneficiary(struct ctx *c)
{
    rows r = sql(c,
                 "INSERT INTO beneficiaries (user_id, nickname, holder, account_id, iban, country)"
                 " VALUES ($1, $2, $3, $4, $5, coalesce($6, 'DE'))"
                 " RETURNING *",
                 caller(c), need(c, "nickname"), need(c, "holder"), body(c, "account_id"), body(c, "iban"),
                 body(c, "country"));
    if (stopped(c))
        return;
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/beneficiaries/%s", one(r, "id")));
    put_row(c, NULL, r, 0, beneficiary_fields);
}

static void remove_beneficiary(struct ctx *c)
{
    rows r = sql(c,
                 "UPDATE beneficiaries SET deleted_at = now(), updated_at = now()"
                 " WHERE id = $1 AND user_id = $2 AND deleted_at IS NULL",
                 param(c, "id"), caller(c));
    if (!stopped(c) && affected(r) == 0)
        stop(c, 404, "not_found", "beneficiary not found");
    status(c, 204);
}

static const struct field scheduled_fields[] = {{"id", NULL, NUMBER},
                                                {"from_account_id", NULL, NUMBER},
                                                {"to_account_id", NULL, NUMBER},
                                                {"amount", NULL, TEXT},
                                                {"currency", NULL, TEXT},
                                                {"every", NULL, TEXT},
                                                {"next_run_on", NULL, TEXT},
                                                {"ends_on", NULL, TEXT},
                                                {"runs", NULL, NUMBER},
                                                {"state", NULL, TEXT},
                                                {"last_error", NULL, TEXT, .omit_null = true},
                                                {"reference", NULL, TEXT},
                                                {NULL}};

static void scheduled(struct ctx *c)
{
    rows r = sql(c,
                 "SELECT s.*, u.full_name AS to_name, a.kind AS to_kind FROM scheduled_transfers s"
                 " JOIN accounts a ON a.id = s.to_account_id JOIN users u ON u.id = a.user_id"
                 " WHERE s.user_id = $1 AND ($2::text IS NULL OR s.state = $2) ORDER BY s.next_run_on",
                 caller(c), arg_choice(c, "state", "active|paused|ended"));
    object(c, NULL);
    array(c, "items");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, scheduled_fields);
        put_row(c, "to", r, i, (const struct field[]){{"name", "to_name", TEXT}, {"kind", "to_kind", TEXT}, {NULL}});
        end(c);
    }
    end(c);
    end(c);
}

static void schedule(struct ctx *c)
{
    const char *from = need_id(c, "from_account_id");
    const char *every = need_choice(c, "every", "week|month|year");
    rows r =
        found(c,
              sql(c,
                  "INSERT INTO scheduled_transfers (user_id, from_account_id, to_account_id, amount, currency, every,"
                  " next_run_on, ends_on, reference)"
                  " SELECT a.user_id, a.id, $3, $4, a.currency, ('1 ' || $5)::interval, $6, $7, $8 FROM accounts a"
                  " WHERE a.id = $1 AND a.user_id = $2 AND a.status = 'open' RETURNING *",
                  from, caller(c), need_id(c, "to_account_id"), need_amount(c, "amount"), every, need(c, "first_on"),
                  body(c, "ends_on"), body(c, "reference")),
              "account");
    status(c, 201);
    put_row(c, NULL, r, 0, scheduled_fields);
}

static void change_schedule(struct ctx *c)
{
    begin(c);
    rows s = found(c, sql(c, "SELECT user_id, state FROM scheduled_transfers WHERE id = $1 FOR UPDATE", param(c, "id")),
                   "scheduled transfer");
    if (stopped(c))
        return;
    only_owner(c, one(s, "user_id"));
    if (strcmp(one(s, "state"), "ended") == 0)
        stop(c, 409, "ended", "the scheduled transfer has ended");
    const char *amount = body(c, "amount") ? need_amount(c, "amount") : NULL;
    rows r = sql(c,
                 "UPDATE scheduled_transfers SET state = coalesce($2, state), amount = coalesce($3::numeric, amount),"
                 " last_error = NULL, updated_at = now() WHERE id = $1 RETURNING *",
                 param(c, "id"), body_choice(c, "state", "active|paused"), amount);
    commit(c);
    put_row(c, NULL, r, 0, scheduled_fields);
}

/* Makes up to five transfers that are due. One that is refused is tried again at its next date. */
static void run_due(struct ctx *c)
{
    for (int i = 0; i < 5 && !stopped(c); i++) {
        begin(c);
        rows s = sql(c, "SELECT id, user_id, from_account_id, to_account_id, amount, reference FROM scheduled_transfers"
                        " WHERE state = 'active' AND next_run_on <= current_date ORDER BY next_run_on, id LIMIT 1"
                        " FOR UPDATE SKIP LOCKED");
        if (count(s) == 0) {
            commit(c);
            return;
        }
        struct move m = {.user = one(s, "user_id"),
                         .from = one(s, "from_account_id"),
                         .to = one(s, "to_account_id"),
                         .amount = one(s, "amount"),
                         .reference = one(s, "reference"),
                         .currency = "EUR"};
        lock_accounts(c, &m);
        if (!m.refusal)
            record(c, &m, book(c, &m), NULL, one(s, "id"));
        sql(c,
            "UPDATE scheduled_transfers SET next_run_on = greatest(next_run_on + every, current_date + interval '1 "
            "day'),"
            " runs = runs + 1, last_error = $2, updated_at = now(),"
            " state = CASE WHEN next_run_on + every > ends_on THEN 'ended' ELSE state END WHERE id = $1",
            one(s, "id"), m.refusal);
        commit(c);
    }
}

static const struct route transfers_routes[] = {
    {"POST", "/v1/transfers", create, AUTH_USER, .sync = "balance check and debit under lock; idempotency key"},
    {"GET", "/v1/transfers", list, AUTH_USER},
    {"GET", "/v1/transfers/{id}", get, AUTH_USER, .etag = true},
    {"POST", "/v1/transfers/{id}/cancel", cancel, AUTH_USER},
    {"GET", "/v1/users/{id}/transfer-receivers", receivers, AUTH_USER},
    {"GET", "/v1/beneficiaries", beneficiaries, AUTH_USER},
    {"POST", "/v1/beneficiaries", add_beneficiary, AUTH_USER},
    {"DELETE", "/v1/beneficiaries/{id}", remove_beneficiary, AUTH_USER},
    {"GET", "/v1/scheduled-transfers", scheduled, AUTH_USER},
    {"POST", "/v1/scheduled-transfers", schedule, AUTH_USER},
    {"PATCH", "/v1/scheduled-transfers/{id}", change_schedule, AUTH_USER},
};
static const struct job transfers_jobs[] = {{"run_scheduled_transfers", 20, run_due}};

SERVICE(transfers, ERRORS_PROBLEM, transfers_routes, transfers_jobs);
