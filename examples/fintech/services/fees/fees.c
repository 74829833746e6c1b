// SPDX-License-Identifier: Apache-2.0
/*
 * Fees: schedules and tiers, what was charged, waivers. Hand-written SQL; the arithmetic is a function in the database
 * (calculate_fee), as somebody once wanted it to be the same for everybody.
 */
#include "app.h"

#define KINDS "payment|transfer|fx|payout|card|atm"

static void schedules(struct ctx *c)
{
    static const struct field fields[] = {
        {"id", NULL, NUMBER},
        {"kind", NULL, TEXT},
        {"currency", NULL, TEXT},
        {"name", NULL, TEXT},
        {"minimum", NULL, TEXT},
        {"maximum", NULL, TEXT},
        {"active", NULL, BOOL},
        {"valid_from", NULL, TEXT},
        {"valid_until", NULL, TEXT},
        {"created_by", NULL, TEXT},
        {"terms", NULL, TEXT},
        {"tiers", NULL, JSON},
        {NULL},
    };
    rows r = sql(
        c,
        "SELECT s.id, s.kind, s.currency, s.name, s.minimum, s.maximum, s.active, s.valid_from, s.valid_until, s.terms,"
        " u.full_name AS created_by, (SELECT json_agg(json_build_object('from', t.from_amount::text, 'percent', "
        "t.percent,"
        " 'fixed', t.fixed::text) ORDER BY t.position) FROM fee_tiers t WHERE t.schedule_id = s.id) AS tiers"
        " FROM fee_schedules s LEFT JOIN users u ON u.id = s.created_by"
        " WHERE ($1::text IS NULL OR s.kind = $1) AND ($2::text IS NULL OR s.currency = $2)"
        " AND (s.active OR $3::text IS NOT NULL) ORDER BY s.kind, s.currency, s.valid_from",
        arg_choice(c, "kind", KINDS), arg(c, "currency"), arg(c, "all"));
    put_rows(c, NULL, r, fields);
}

/* What it would cost this user, waivers counted. */
static void quote(struct ctx *c)
{
    static const struct field fields[] = {{"kind", NULL, TEXT},
                                          {"amount", NULL, TEXT},
                                          {"currency", NULL, TEXT},
                                          {"fee", NULL, TEXT},
                                          {"waived_percent", NULL, NUMBER},
                                          {"to_pay", NULL, TEXT},
                                          {NULL}};
    const char *kind = arg_choice(c, "kind", KINDS), *currency = arg_choice(c, "currency", "EUR|USD|JPY|KWD");
    const char *cents = arg_number(c, "amount_cents", NULL, 1, 99999999999);
    if (!stopped(c) && (!kind || !cents))
        stop(c, 422, "invalid", "kind and amount_cents are needed");
    rows r =
        sql(c,
            "SELECT $2::text AS kind, ($3::numeric / 100)::numeric(18,2) AS amount, $4::text AS currency, f.fee,"
            " coalesce(w.percent, 0) AS waived_percent, round(f.fee * (1 - coalesce(w.percent, 0) / 100), 3) AS to_pay"
            " FROM users u CROSS JOIN LATERAL (SELECT calculate_fee($2, $3::numeric / 100, $4) AS fee) f"
            " LEFT JOIN LATERAL (SELECT max(percent) AS percent FROM fee_waivers w WHERE w.user_id = u.id AND $2 = ANY "
            "(w.kinds)"
            " AND w.revoked_at IS NULL) w ON true WHERE u.id = $1",
            caller(c), kind, cents, currency ? currency : "EUR");
    put_row(c, NULL, r, 0, fields);
}

/* Several at once; nothing is kept. */
static void estimate(struct ctx *c)
{
    int n = body_count(c, "items");
    if (!stopped(c) && n == 0)
        stop(c, 422, "invalid", "items are missing");
    object(c, NULL);
    array(c, "estimates");
    for (int i = 0; i < n && !stopped(c); i++) {
        rows r = sql(c, "SELECT calculate_fee($1, $2, $3) AS fee", body_item(c, "items", i, "kind"),
                     body_item(c, "items", i, "amount"), body_item(c, "items", i, "currency"));
        object(c, NULL);
        put_int(c, "item", i);
        put_text(c, "fee", one(r, "fee"));
        end(c);
    }
    end(c);
    end(c);
}

static const struct field charge_fields[] = {
    {"id", NULL, NUMBER},
    {"kind", NULL, TEXT},
    {"base_amount", NULL, TEXT},
    {"amount", NULL, TEXT},
    {"vat", NULL, TEXT},
    {"currency", NULL, TEXT},
    {"status", NULL, TEXT},
    {"note", NULL, TEXT},
    {"charged_at", NULL, ISO},
    {"refund_of", NULL, NUMBER, .omit_null = true},
    {NULL},
};

static void charges(struct ctx *c)
{
    static const struct field about[] = {{"id", "transaction_id", NUMBER},
                                         {"description", NULL, TEXT},
                                         {"merchant", NULL, TEXT},
                                         {"account", "account_kind", TEXT},
                                         {NULL}};
    only_owner(c, param(c, "id"));
    struct page p = page_of(c, "page", "per_page", 20);
    rows n = sql(
        c,
        "SELECT count(f.id), coalesce(sum(f.amount), 0) AS sum FROM users u LEFT JOIN fee_charges f ON f.user_id = u.id"
        " AND ($2::text IS NULL OR f.kind = $2) WHERE u.id = $1",
        param(c, "id"), arg_choice(c, "kind", KINDS));
    rows r = sql(c,
                 "SELECT f.*, t.description, m.name AS merchant, a.kind AS account_kind FROM fee_charges f JOIN "
                 "accounts a ON a.id = f.account_id"
                 " LEFT JOIN transactions t ON t.id = f.transaction_id LEFT JOIN merchants m ON m.id = t.merchant_id"
                 " WHERE f.user_id = $1 AND ($2::text IS NULL OR f.kind = $2) ORDER BY f.charged_at DESC, f.id DESC "
                 "LIMIT $3 OFFSET $4",
                 param(c, "id"), arg_choice(c, "kind", KINDS), p.limit, p.offset);
    object(c, NULL);
    array(c, "data");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, charge_fields);
        put_row(c, "transaction", r, i, about);
        end(c);
    }
    end(c);
    object(c, "meta");
    put_int(c, "page", p.number);
    put_number(c, "total", one(n, "count"));
    put_text(c, "sum", one(n, "sum"));
    end(c);
    end(c);
}

static void charge(struct ctx *c)
{
    static const struct field more[] = {{"user", "full_name", TEXT},
                                        {"schedule", "schedule_name", TEXT},
                                        {"waiver_reason", NULL, TEXT},
                                        {"refunds", NULL, NUMBERS},
                                        {NULL}};
    rows r = found(c,
                   sql(c,
                       "SELECT f.*, u.full_name, s.name AS schedule_name, w.reason AS waiver_reason,"
                       " ARRAY(SELECT g.id FROM fee_charges g WHERE g.refund_of = f.id ORDER BY g.id) AS refunds FROM "
                       "fee_charges f"
                       " JOIN users u ON u.id = f.user_id LEFT JOIN fee_schedules s ON s.id = f.schedule_id"
                       " LEFT JOIN fee_waivers w ON w.id = f.waiver_id WHERE f.id = $1",
                       param(c, "id")),
                   "charge");
    if (stopped(c))
        return;
    only_owner(c, one(r, "user_id"));
    object(c, NULL);
    put_fields(c, r, 0, charge_fields);
    put_fields(c, r, 0, more);
    end(c);
}

static void refund(struct ctx *c)
{
    begin(c);
    rows f = found(
        c, sql(c, "SELECT status, amount <= 0 AS nothing FROM fee_charges WHERE id = $1 FOR UPDATE", param(c, "id")),
        "charge");
    if (stopped(c))
        return;
    if (is_true(one(f, "nothing")) || strcmp(one(f, "status"), "charged") != 0) {
        stop(c, 409, "not_refundable", text(c, "the charge is %s", one(f, "status")));
        return;
    }
    sql(c, "UPDATE fee_charges SET status = 'refunded' WHERE id = $1", param(c, "id"));
    rows r = sql(c,
                 "INSERT INTO fee_charges (user_id, account_id, transaction_id, schedule_id, kind, base_amount, "
                 "amount, currency, vat, refund_of, note)"
                 " SELECT user_id, account_id, transaction_id, schedule_id, kind, base_amount, -amount, currency, "
                 "-vat, id, $2 FROM fee_charges"
                 " WHERE id = $1 RETURNING *",
                 param(c, "id"), need(c, "reason"));
    sql(c,
        "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, after)"
        " SELECT $2, 'staff', 'fees', 'refund', 'fee_charge', refund_of::text, jsonb_build_object('amount', amount, "
        "'note', note)"
        " FROM fee_charges WHERE id = $1",
        one(r, "id"), caller(c));
    commit(c);
    status(c, 201);
    put_row(c, NULL, r, 0, charge_fields);
}

static const struct field waiver_fields[] = {
    {"id", NULL, NUMBER},      {"user_id", NULL, NUMBER}, {"kinds", NULL, ARRAY},
    {"percent", NULL, NUMBER}, {"reason", NULL, TEXT},    {"starts_at", NULL, ISO},
    {"ends_at", NULL, ISO},    {"revoked_at", NULL, ISO}, {NULL},
};

static void waivers(struct ctx *c)
{
    struct page p = page_of(c, "page", "per_page", 20);
    rows r = sql(c,
                 "SELECT w.*, u.full_name, u.email, count(*) OVER () AS total FROM fee_waivers w JOIN users u ON u.id "
                 "= w.user_id"
                 " WHERE ($1::text IS NULL OR $1 = ANY (w.kinds)) AND ($2::text IS NULL OR w.revoked_at IS NULL)"
                 " ORDER BY w.created_at DESC, w.id LIMIT $3 OFFSET $4",
                 arg_choice(c, "kind", KINDS), arg(c, "active"), p.limit, p.offset);
    object(c, NULL);
    array(c, "data");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, waiver_fields);
        put_row(c, "user", r, i, (const struct field[]){{"name", "full_name", TEXT}, {"email", NULL, TEXT}, {NULL}});
        end(c);
    }
    end(c);
    object(c, "meta");
    put_number(c, "total", count(r) ? one(r, "total") : "0");
    end(c);
    end(c);
}

static void grant(struct ctx *c)
{
    rows r = sql(c,
                 "INSERT INTO fee_waivers (user_id, kinds, percent, reason, granted_by, starts_at, ends_at)"
                 " VALUES ($1, ARRAY[$2], coalesce($3::numeric, 100), $4, $5, now(), now() + $6::int * interval '1 "
                 "month') RETURNING *",
                 need_id(c, "user_id"), need_choice(c, "kind", KINDS), body(c, "percent"), need(c, "reason"), caller(c),
                 body(c, "months"));
    status(c, 201);
    put_row(c, NULL, r, 0, waiver_fields);
}

static void revoke(struct ctx *c)
{
    begin(c);
    rows w = found(c, sql(c, "SELECT revoked_at FROM fee_waivers WHERE id = $1 FOR UPDATE", param(c, "id")), "waiver");
    if (!stopped(c) && one(w, "revoked_at"))
        stop(c, 409, "revoked", "the waiver is revoked");
    sql(c, "UPDATE fee_waivers SET revoked_at = now() WHERE id = $1", param(c, "id"));
    commit(c);
    status(c, 204);
}

static void revenue(struct ctx *c)
{
    static const struct field fields[] = {
        {"month", NULL, NUMBER}, {"kind", NULL, TEXT},     {"country", NULL, TEXT},  {"charges", NULL, NUMBER},
        {"revenue", NULL, TEXT}, {"waived", NULL, NUMBER}, {"refunded", NULL, TEXT}, {NULL}};
    const char *month = arg_number(c, "month", "202605", 202301, 203512);
    rows r =
        sql(c,
            "SELECT to_char(f.charged_at, 'YYYYMM') AS month, f.kind, u.country, count(*) AS charges, sum(f.amount) AS "
            "revenue,"
            " count(*) FILTER (WHERE f.status = 'waived') AS waived, coalesce(sum(f.amount) FILTER (WHERE f.refund_of "
            "IS NOT NULL), 0)::numeric(18,2) AS refunded"
            " FROM fee_charges f JOIN users u ON u.id = f.user_id WHERE f.charged_at >= to_timestamp($1, 'YYYYMM')"
            " AND f.charged_at < to_timestamp($1, 'YYYYMM') + interval '1 month' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            month);
    put_rows(c, NULL, r, fields);
}

static const struct route fees_routes[] = {
    {"GET", "/v1/fees/schedules", schedules, AUTH_NONE, .etag = true},
    {"GET", "/v1/fees/quote", quote, AUTH_USER},
    {"POST", "/v1/fees/estimate", estimate, AUTH_NONE},
    {"GET", "/v1/users/{id}/fees", charges, AUTH_USER},
    {"GET", "/v1/fees/charges/{id}", charge, AUTH_USER},
    {"POST", "/v1/fees/charges/{id}/refund", refund, AUTH_STAFF},
    {"GET", "/v1/fees/waivers", waivers, AUTH_STAFF},
    {"POST", "/v1/fees/waivers", grant, AUTH_STAFF},
    {"DELETE", "/v1/fees/waivers/{id}", revoke, AUTH_STAFF},
    {"GET", "/v1/fees/revenue", revenue, AUTH_STAFF},
};

SERVICE_NO_JOBS(fees, ERRORS_TEXT, fees_routes);
