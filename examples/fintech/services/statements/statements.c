// SPDX-License-Identifier: Apache-2.0
/*
 * Account statements: reports over the ledger by business day and month of Europe/Berlin. Reporting style, camelCase,
 * minor units. Final statements never change; a draft can be made again.
 */
#include "app.h"

static const struct label status_labels[] = {
    {"draft", "Entwurf"}, {"final", "Kontoauszug"}, {"withdrawn", "zurückgezogen"}, {NULL, NULL}};
static const struct field head[] = {
    {"id", NULL, NUMBER},
    {"number", NULL, TEXT},
    {"accountId", "account_id", NUMBER},
    {"month", NULL, TEXT},
    {"status", NULL, TEXT},
    {"title", "status", LABEL, .labels = status_labels},
    {"opening", NULL, MINOR, .currency = "currency"},
    {"credits", NULL, MINOR, .currency = "currency"},
    {"debits", NULL, MINOR, .currency = "currency"},
    {"closing", NULL, MINOR, .currency = "currency"},
    {"currency", NULL, TEXT},
    {"lineCount", "line_count", NUMBER},
    {"language", NULL, TEXT},
    {"checksum", NULL, TEXT, .omit_null = true},
    {"generatedAt", "generated_at", EPOCH_MS},
    {"approvedAt", "approved_at", EPOCH_MS, .omit_null = true},
    {NULL},
};

static void own_account(struct ctx *c, const char *account)
{
    rows a = found(c, sql(c, "SELECT user_id FROM accounts WHERE id = $1", account), "account");
    if (!stopped(c))
        only_owner(c, one(a, "user_id"));
}

static void of_account(struct ctx *c)
{
    struct page p = page_of(c, "page", "perPage", 12);
    own_account(c, param(c, "id"));
    rows r =
        sql(c,
            "SELECT s.*, u.full_name, a.kind, d.via, d.state, d.sent_at, count(*) OVER () AS total FROM statements s"
            " JOIN accounts a ON a.id = s.account_id JOIN users u ON u.id = s.user_id"
            " LEFT JOIN LATERAL (SELECT via, state, sent_at FROM statement_deliveries x WHERE x.statement_id = s.id"
            "   ORDER BY x.queued_at DESC, x.id DESC LIMIT 1) d ON true"
            " WHERE s.account_id = $1 AND ($2::text IS NULL OR s.status = $2) ORDER BY s.month DESC, s.id LIMIT $3 "
            "OFFSET $4",
            param(c, "id"), arg_choice(c, "status", "draft|final|withdrawn"), p.limit, p.offset);
    object(c, NULL);
    array(c, "items");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, head);
        put_row(c, "account", r, i, (const struct field[]){{"kind", NULL, TEXT}, {"owner", "full_name", TEXT}, {NULL}});
        if (val(r, i, "via"))
            put_row(c, "lastDelivery", r, i,
                    (const struct field[]){
                        {"via", NULL, TEXT}, {"state", NULL, TEXT}, {"sentAt", "sent_at", EPOCH_MS}, {NULL}});
        else
            put_text(c, "lastDelivery", NULL);
        end(c);
    }
    end(c);
    put_int(c, "page", p.number);
    put_number(c, "total", count(r) ? one(r, "total") : "0");
    end(c);
}

/* The statement, if the caller may see it. */
static rows statement(struct ctx *c)
{
    rows s = found(c,
                   sql(c,
                       "SELECT s.*, u.full_name, u.email, u.country, a.kind FROM statements s JOIN accounts a ON a.id "
                       "= s.account_id"
                       " JOIN users u ON u.id = s.user_id WHERE s.id = $1",
                       param(c, "id")),
                   "statement");
    if (!stopped(c))
        only_owner(c, one(s, "user_id"));
    return s;
}

static void get(struct ctx *c)
{
    static const struct field line[] = {
        {"id", NULL, NUMBER},
        {"day", NULL, TEXT},
        {"kind", NULL, TEXT},
        {"text", "description", TEXT},
        {"merchant", NULL, TEXT, .omit_null = true},
        {"category", NULL, TEXT, .omit_null = true},
        {"amount", NULL, MINOR},
        {"balance", NULL, MINOR},
        {"bookedAt", "created_at", EPOCH_MS},
        {NULL},
    };
    rows s = statement(c);
    rows lines = sql(
        c,
        "SELECT e.id, (e.created_at AT TIME ZONE 'Europe/Berlin')::date AS day, t.kind, t.description, m.name AS "
        "merchant, m.category,"
        " e.amount, $3::numeric + sum(e.amount) OVER (ORDER BY e.created_at, e.id) AS balance, e.created_at"
        " FROM entries e JOIN transactions t ON t.id = e.transaction_id LEFT JOIN merchants m ON m.id = t.merchant_id"
        " WHERE e.account_id = $1 AND e.created_at >= $2::timestamp AT TIME ZONE 'Europe/Berlin'"
        " AND e.created_at < ($2::timestamp + interval '1 month') AT TIME ZONE 'Europe/Berlin' ORDER BY e.created_at, "
        "e.id",
        one(s, "account_id"), one(s, "month"), one(s, "opening"));
    if (stopped(c))
        return;
    object(c, NULL);
    put_fields(c, s, 0, head);
    put_row(c, "owner", s, 0,
            (const struct field[]){
                {"id", "user_id", NUMBER}, {"name", "full_name", TEXT}, {"country", NULL, TEXT}, {NULL}});
    put_rows(c, "lines", lines, line);
    put_text(c, "footer", one(s, "footer"));
    end(c);
}

/* Where the money of the month went. */
static void categories(struct ctx *c)
{
    static const struct field fields[] = {{"category", NULL, TEXT},
                                          {"merchants", NULL, NUMBER},
                                          {"payments", NULL, NUMBER},
                                          {"spent", NULL, MINOR},
                                          {"rank", NULL, NUMBER},
                                          {"top", NULL, ARRAY},
                                          {NULL}};
    rows s = statement(c);
    rows r =
        sql(c,
            "WITH p AS (SELECT m.category, m.name, -sum(e.amount) AS spent, count(*) AS n FROM entries e JOIN "
            "transactions t ON t.id = e.transaction_id"
            "  JOIN merchants m ON m.id = t.merchant_id WHERE e.account_id = $1 AND e.created_at >= $2::timestamp AT "
            "TIME ZONE 'Europe/Berlin'"
            "  AND e.created_at < ($2::timestamp + interval '1 month') AT TIME ZONE 'Europe/Berlin' GROUP BY "
            "m.category, m.name)"
            " SELECT category, count(*) AS merchants, sum(n) AS payments, sum(spent)::numeric(18,2) AS spent, rank() "
            "OVER (ORDER BY sum(spent) DESC),"
            " (array_agg(name ORDER BY spent DESC, name))[1:3] AS top FROM p GROUP BY category ORDER BY rank, category",
            one(s, "account_id"), one(s, "month"));
    put_rows(c, NULL, r, fields);
}

/* A month by business day; days on which nothing happened too. */
static void days(struct ctx *c)
{
    static const struct field fields[] = {{"day", NULL, TEXT},
                                          {"lines", NULL, NUMBER},
                                          {"in", "credits", MINOR},
                                          {"out", "debits", MINOR},
                                          {"soFar", "so_far", MINOR},
                                          {"biggest", NULL, TEXT},
                                          {NULL}};
    own_account(c, param(c, "id"));
    rows r = sql(
        c,
        "WITH d AS (SELECT (e.created_at AT TIME ZONE 'Europe/Berlin')::date AS day, count(*) AS lines, sum(e.amount) "
        "AS amount,"
        "  sum(e.amount) FILTER (WHERE e.amount > 0) AS credits, -sum(e.amount) FILTER (WHERE e.amount < 0) AS debits,"
        "  (array_agg(coalesce(m.name, t.description) ORDER BY abs(e.amount) DESC, e.id))[1] AS biggest"
        "  FROM entries e JOIN transactions t ON t.id = e.transaction_id LEFT JOIN merchants m ON m.id = t.merchant_id "
        "WHERE e.account_id = $1"
        "  AND e.created_at >= to_date($2, 'YYYYMM')::timestamp AT TIME ZONE 'Europe/Berlin'"
        "  AND e.created_at < (to_date($2, 'YYYYMM') + interval '1 month') AT TIME ZONE 'Europe/Berlin' GROUP BY 1)"
        " SELECT g::date AS day, coalesce(d.lines, 0) AS lines, coalesce(d.credits, 0) AS credits, coalesce(d.debits, "
        "0) AS debits,"
        " coalesce(sum(d.amount) OVER (ORDER BY g), 0) AS so_far, d.biggest"
        " FROM generate_series(to_date($2, 'YYYYMM')::timestamp, to_date($2, 'YYYYMM') + interval '1 month - 1 day', "
        "interval '1 day') g"
        " LEFT JOIN d ON d.day = g::date ORDER BY g",
        param(c, "id"), arg_number(c, "month", "202605", 202301, 203512));
    put_rows(c, NULL, r, fields);
}

/* What waits for somebody: drafts, the oldest first. */
static void pending(struct ctx *c)
{
    rows r = sql(
        c,
        "SELECT s.*, u.full_name, u.status AS user_status, coalesce(d.failed, 0) AS failed FROM statements s JOIN "
        "users u ON u.id = s.user_id"
        " LEFT JOIN LATERAL (SELECT count(*) FILTER (WHERE state = 'failed') AS failed FROM statement_deliveries x "
        "WHERE x.statement_id = s.id) d ON true"
        " WHERE s.status = 'draft' AND ($1::text IS NULL OR s.language = $1) ORDER BY s.generated_at, s.id LIMIT 50",
        arg_choice(c, "language", "de|en"));
    array(c, NULL);
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, head);
        put_text(c, "owner", val(r, i, "full_name"));
        put_number(c, "failedDeliveries", val(r, i, "failed"));
        end(c);
    }
    end(c);
}

static void generate(struct ctx *c)
{
    const char *month = need(c, "month");
    own_account(c, param(c, "id"));
    begin(c);
    rows r = sql(c,
                 "INSERT INTO statements (account_id, user_id, month, number, opening, closing, credits, debits, "
                 "line_count, currency)"
                 " SELECT a.id, a.user_id, to_date($2, 'YYYYMM'), 'KA-' || to_char(to_date($2, 'YYYYMM'), 'YYYY/MM') "
                 "|| '-' || a.id,"
                 " x.opening, x.opening + x.credits - x.debits, x.credits, x.debits, x.lines, a.currency FROM accounts "
                 "a CROSS JOIN LATERAL"
                 " (SELECT coalesce(sum(amount) FILTER (WHERE e.created_at < b.first), 0) AS opening, count(*) FILTER "
                 "(WHERE e.created_at >= b.first) AS lines,"
                 "  coalesce(sum(amount) FILTER (WHERE e.created_at >= b.first AND amount > 0), 0) AS credits,"
                 "  coalesce(-sum(amount) FILTER (WHERE e.created_at >= b.first AND amount < 0), 0) AS debits"
                 "  FROM (SELECT to_date($2, 'YYYYMM')::timestamp AT TIME ZONE 'Europe/Berlin' AS first,"
                 "        (to_date($2, 'YYYYMM') + interval '1 month') AT TIME ZONE 'Europe/Berlin' AS last) b"
                 "  LEFT JOIN entries e ON e.account_id = a.id AND e.created_at < b.last) x"
                 " WHERE a.id = $1 ON CONFLICT (account_id, month) DO UPDATE SET opening = excluded.opening, closing = "
                 "excluded.closing, credits = excluded.credits,"
                 " debits = excluded.debits, line_count = excluded.line_count, generated_at = now() WHERE "
                 "statements.status = 'draft' RETURNING *",
                 param(c, "id"), month);
    if (!stopped(c) && count(r) == 0)
        stop(c, 409, "final", "there is a final statement of that month");
    commit(c);
    if (stopped(c))
        return;
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/statements/%s", one(r, "id")));
    put_row(c, NULL, r, 0, head);
}

/* Makes a draft final and queues it for its owner. */
static void approve(struct ctx *c)
{
    begin(c);
    rows s = found(c, sql(c, "SELECT status FROM statements WHERE id = $1 FOR UPDATE", param(c, "id")), "statement");
    if (!stopped(c) && strcmp(one(s, "status"), "draft") != 0)
        stop(c, 409, "not_draft", text(c, "the statement is %s", one(s, "status")));
    rows r = sql(c,
                 "UPDATE statements SET status = 'final', approved_at = now(), checksum = md5(id || ':' || "
                 "closing)::uuid WHERE id = $1 RETURNING *",
                 param(c, "id"));
    sql(c,
        "INSERT INTO statement_deliveries (statement_id, user_id, via, address) SELECT $1, id, 'email', email FROM "
        "users WHERE id = $2",
        param(c, "id"), one(r, "user_id"));
    sql(c,
        "INSERT INTO notifications (user_id, kind, channel, title, data) SELECT user_id, 'statement_ready', 'in_app', "
        "'Kontoauszug ' || number,"
        " jsonb_build_object('statement_id', id, 'closing', closing) FROM statements WHERE id = $1",
        one(r, "id"));
    commit(c);
    put_row(c, NULL, r, 0, head);
}

static void deliver(struct ctx *c)
{
    rows s = statement(c);
    if (!stopped(c) && strcmp(one(s, "status"), "final") != 0)
        stop(c, 409, "not_final", "only a final statement is sent");
    const char *via = need_choice(c, "via", "email|post|app");
    rows r = sql(c,
                 "INSERT INTO statement_deliveries (statement_id, user_id, via, address) VALUES ($1, $2, $3, "
                 "coalesce($4, $5)) RETURNING *",
                 param(c, "id"), one(s, "user_id"), via, body(c, "address"), one(s, "email"));
    status(c, 202);
    put_row(c, NULL, r, 0,
            (const struct field[]){{"id", NULL, NUMBER},
                                   {"via", NULL, TEXT},
                                   {"state", NULL, TEXT},
                                   {"queuedAt", "queued_at", EPOCH_MS},
                                   {NULL}});
}

/* The post room: what is queued is sent, ten at a time. */
static void send_queued(struct ctx *c)
{
    sql(c, "UPDATE statement_deliveries SET state = 'sent', sent_at = now(), attempts = attempts + 1 WHERE id IN "
           "(SELECT id FROM statement_deliveries"
           " WHERE state = 'queued' AND queued_at < now() ORDER BY queued_at, id LIMIT 10 FOR UPDATE SKIP LOCKED)");
}

static const struct route statements_routes[] = {
    {"GET", "/v1/accounts/{id}/statements", of_account, AUTH_USER},
    {"POST", "/v1/accounts/{id}/statements", generate, AUTH_USER},
    {"GET", "/v1/accounts/{id}/business-days", days, AUTH_USER},
    {"GET", "/v1/statements", pending, AUTH_STAFF},
    {"GET", "/v1/statements/{id}", get, AUTH_USER, .etag = true},
    {"GET", "/v1/statements/{id}/categories", categories, AUTH_USER},
    {"POST", "/v1/statements/{id}/approve", approve, AUTH_STAFF},
    {"POST", "/v1/statements/{id}/deliveries", deliver, AUTH_USER},
};
static const struct job statements_jobs[] = {{"send_statements", 15, send_queued}};

SERVICE(statements, ERRORS_CODE, statements_routes, statements_jobs);
