// SPDX-License-Identifier: Apache-2.0
/* Settlements: what merchants are paid for a business day, and how it came about. Reporting style, camelCase, amounts
 * in minor units of the settlement currency. */
#include "app.h"

static const struct label states[] = {
    {"open", "OPEN"}, {"closed", "READY"}, {"held", "ON_HOLD"}, {"paid", "PAID_OUT"}, {NULL, NULL}};
static const struct field batch_fields[] = {{"id", NULL, NUMBER},
                                            {"businessDay", "business_day", TEXT},
                                            {"currency", NULL, TEXT},
                                            {"state", NULL, LABEL, .labels = states},
                                            {"gross", NULL, MINOR, .currency = "currency"},
                                            {"fees", NULL, MINOR, .currency = "currency"},
                                            {"adjustments", NULL, MINOR, .currency = "currency"},
                                            {"net", NULL, MINOR, .currency = "currency"},
                                            {"lineCount", "line_count", NUMBER},
                                            {"payoutRef", "payout_ref", TEXT, true},
                                            {"holdReason", "hold_reason", TEXT, true},
                                            {"closedAt", "closed_at", ISO, true},
                                            {"paidAt", "paid_at", EPOCH_MS},
                                            {NULL}};
static const struct field running_fields[] = {{"runningNet", "running", MINOR, .currency = "currency"},
                                              {"rankInMonth", "place", NUMBER},
                                              {"previousNet", "previous", MINOR, true, "currency"},
                                              {"payers", NULL, NUMBER},
                                              {NULL}};
static const struct field line_fields[] = {{"id", NULL, NUMBER},
                                           {"transactionId", "transaction_id", NUMBER},
                                           {"amount", NULL, MINOR, .currency = "settlement_currency"},
                                           {"fee", NULL, MINOR, .currency = "settlement_currency"},
                                           {"feeRate", "fee_rate", NUMBER},
                                           {"originalAmount", "original", TEXT},
                                           {"originalCurrency", "currency", TEXT},
                                           {"description", NULL, TEXT},
                                           {"payer", NULL, TEXT},
                                           {"payerCountry", "country", TEXT},
                                           {"compliance", NULL, TEXT},
                                           {"bookedAt", "created_at", ZULU},
                                           {NULL}};

static void list_of_merchant(struct ctx *c)
{
    const char *from = arg(c, "from"), *to = arg(c, "to");
    rows m = found(c,
                   sql(c,
                       "SELECT m.id, m.name, m.tier, a.currency FROM merchants m JOIN accounts a ON a.id = "
                       "m.settlement_account_id WHERE m.id = $1",
                       param(c, "id")),
                   "merchant");
    rows r =
        sql(c,
            "WITH b AS (SELECT * FROM settlement_batches WHERE merchant_id = $1 AND business_day BETWEEN "
            "coalesce($2::date, '2026-05-01') AND"
            " coalesce($3::date, '2026-06-30')), payers AS (SELECT l.batch_id, count(DISTINCT t.user_id) AS payers "
            "FROM b JOIN settlement_lines l"
            " ON l.batch_id = b.id JOIN transactions t ON t.id = l.transaction_id GROUP BY l.batch_id)"
            " SELECT b.*, coalesce(p.payers, 0) AS payers, sum(b.net) OVER (PARTITION BY b.currency ORDER BY "
            "b.business_day, b.id) AS running,"
            " rank() OVER (PARTITION BY b.currency, date_trunc('month', b.business_day) ORDER BY b.net DESC) AS place,"
            " lag(b.net) OVER (PARTITION BY b.currency ORDER BY b.business_day, b.id) AS previous"
            " FROM b LEFT JOIN payers p ON p.batch_id = b.id ORDER BY b.business_day DESC, b.id LIMIT 62",
            param(c, "id"), from, to);
    object(c, NULL);
    object(c, "merchant");
    put_number(c, "id", one(m, "id"));
    put_text(c, "name", one(m, "name"));
    put_text(c, "tier", one(m, "tier"));
    put_text(c, "accountCurrency", one(m, "currency"));
    end(c);
    array(c, "settlements");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, batch_fields);
        put_fields(c, r, i, running_fields);
        end(c);
    }
    end(c);
    end(c);
}

static void show_settlement(struct ctx *c)
{
    rows r = found(c,
                   sql(c,
                       "SELECT b.*, m.name, m.country, m.category, p.partners, x.adjusted, y.biggest, y.payers, "
                       "y.flagged FROM settlement_batches b"
                       " JOIN merchants m ON m.id = b.merchant_id,"
                       " LATERAL (SELECT array_agg(pa.code ORDER BY pa.code) AS partners FROM partner_merchants pm "
                       "JOIN partners pa ON pa.id = pm.partner_id"
                       " WHERE pm.merchant_id = m.id AND pa.deleted_at IS NULL) p,"
                       " LATERAL (SELECT coalesce(json_agg(json_build_object('kind', a.kind, 'amount', a.amount, "
                       "'reason', a.reason, 'by', a.created_by) ORDER BY a.id), '[]')"
                       " AS adjusted FROM settlement_adjustments a WHERE a.batch_id = b.id) x,"
                       " LATERAL (SELECT max(l.amount) AS biggest, count(DISTINCT t.user_id) AS payers, count(*) "
                       "FILTER (WHERE EXISTS (SELECT FROM compliance_records k"
                       " WHERE k.transaction_id = t.id AND k.status = 'flagged')) AS flagged FROM settlement_lines l "
                       "JOIN transactions t ON t.id = l.transaction_id"
                       " WHERE l.batch_id = b.id) y WHERE b.id = $1",
                       param(c, "id")),
                   "settlement");
    object(c, NULL);
    put_fields(c, r, 0, batch_fields);
    put_number(c, "fxRate", one(r, "fx_rate"));
    object(c, "merchant");
    put_number(c, "id", one(r, "merchant_id"));
    put_text(c, "name", one(r, "name"));
    put_text(c, "country", one(r, "country"));
    put_text(c, "category", one(r, "category"));
    end(c);
    put_array(c, "partners", one(r, "partners"));
    put_number(c, "adjustmentList", one(r, "adjusted"));
    object(c, "statistics");
    put_minor(c, "biggest", one(r, "biggest"), one(r, "currency"));
    put_number(c, "payers", one(r, "payers"));
    put_number(c, "flagged", one(r, "flagged"));
    end(c);
    end(c);
}

static void list_lines(struct ctx *c)
{
    const char *at, *id;
    cursor_in(c, &at, &id);
    rows head = found(
        c,
        sql(c, "SELECT b.id, m.name FROM settlement_batches b JOIN merchants m ON m.id = b.merchant_id WHERE b.id = $1",
            param(c, "id")),
        "settlement");
    rows r = sql(c,
                 "SELECT l.*, b.currency AS settlement_currency, t.amount AS original, t.currency, t.description, "
                 "u.full_name AS payer, u.country,"
                 " (SELECT min(k.status) FROM compliance_records k WHERE k.transaction_id = t.id) AS compliance FROM "
                 "settlement_lines l"
                 " JOIN settlement_batches b ON b.id = l.batch_id JOIN transactions t ON t.id = l.transaction_id JOIN "
                 "users u ON u.id = t.user_id"
                 " WHERE l.batch_id = $1 AND ($2::timestamptz IS NULL OR (l.created_at, l.id) > ($2::timestamptz, "
                 "$3::bigint)) ORDER BY l.created_at, l.id LIMIT 21",
                 param(c, "id"), at, id);
    bool more = count(r) > 20;
    object(c, NULL);
    put_text(c, "merchant", one(head, "name"));
    array(c, "items");
    for (int i = 0; i < count(r) && i < 20; i++)
        put_row(c, NULL, r, i, line_fields);
    end(c);
    cursor_out(c, "nextCursor", more ? val(r, 19, "created_at") : NULL, more ? val(r, 19, "id") : NULL);
    end(c);
}

/* By country and tier, with sub-totals; a null group is the total over it. Money of several currencies is not added. */
static void summary(struct ctx *c)
{
    static const struct field fields[] = {{"currency", NULL, TEXT},
                                          {"country", NULL, TEXT},
                                          {"tier", NULL, TEXT},
                                          {"batches", NULL, NUMBER},
                                          {"merchants", NULL, NUMBER},
                                          {"gross", NULL, MINOR, .currency = "currency"},
                                          {"net", NULL, MINOR, .currency = "currency"},
                                          {"unpaid", NULL, MINOR, .currency = "currency"},
                                          {"feeShare", "fee_share", NUMBER},
                                          {NULL}};
    const char *month = arg_number(c, "month", "202606", 200001, 299912);
    rows r = sql(c,
                 "SELECT b.currency, m.country, m.tier, count(*) AS batches, count(DISTINCT b.merchant_id) AS "
                 "merchants, sum(b.gross) AS gross, sum(b.net) AS net,"
                 " coalesce(sum(b.net) FILTER (WHERE b.state <> 'paid'), 0) AS unpaid, round(100 * sum(b.fees) / "
                 "nullif(sum(b.gross), 0), 3) AS fee_share"
                 " FROM settlement_batches b JOIN merchants m ON m.id = b.merchant_id WHERE b.business_day >= "
                 "to_date($1, 'YYYYMM')"
                 " AND b.business_day < to_date($1, 'YYYYMM') + interval '1 month' GROUP BY GROUPING SETS "
                 "((b.currency, m.country, m.tier), (b.currency, m.country),"
                 " (b.currency)) ORDER BY b.currency, m.country NULLS FIRST, m.tier NULLS FIRST",
                 month);
    object(c, NULL);
    put_number(c, "month", month);
    put_rows(c, "groups", r, fields);
    end(c);
}

/* Payments of a business day that no batch has: the morning's question. */
static void unsettled(struct ctx *c)
{
    static const struct field fields[] = {{"merchantId", "id", NUMBER},      {"merchant", "name", TEXT},
                                          {"payments", NULL, NUMBER},        {"amount", NULL, TEXT},
                                          {"currency", NULL, TEXT},          {"firstAt", "first_at", ISO},
                                          {"lastPayer", "last_payer", TEXT}, {NULL}};
    const char *day = arg(c, "day") ? arg(c, "day") : "2026-06-29";
    rows r = sql(c,
                 "WITH day AS (SELECT $1::date::timestamp AT TIME ZONE 'Europe/Berlin' AS starts, ($1::date + "
                 "1)::timestamp AT TIME ZONE 'Europe/Berlin' AS ends),"
                 " missing AS (SELECT t.* FROM day, transactions t WHERE t.created_at >= day.starts AND t.created_at < "
                 "day.ends AND t.kind = 'payment'"
                 " AND t.status IN ('posted', 'pending') AND NOT EXISTS (SELECT FROM settlement_lines l WHERE "
                 "l.transaction_id = t.id))"
                 " SELECT m.id, m.name, x.currency, count(*) AS payments, sum(x.amount) AS amount, min(x.created_at) "
                 "AS first_at,"
                 " (array_agg(u.full_name ORDER BY x.created_at DESC, x.id DESC))[1] AS last_payer FROM missing x JOIN "
                 "merchants m ON m.id = x.merchant_id"
                 " JOIN users u ON u.id = x.user_id GROUP BY m.id, m.name, x.currency ORDER BY amount DESC, m.id, "
                 "x.currency LIMIT 50",
                 day);
    object(c, NULL);
    put_text(c, "businessDay", day);
    put_rows(c, "merchants", r, fields);
    end(c);
}

/* What a batch would be, with another fee or currency; writes nothing. */
static void preview(struct ctx *c)
{
    const char *merchant = need_id(c, "merchantId"), *day = need(c, "day"),
               *currency = body_choice(c, "currency", "EUR|JPY|KWD");
    const char *rate = !currency || strcmp(currency, "EUR") == 0 ? "1"
                       : strcmp(currency, "JPY") == 0            ? "163.2"
                                                                 : "0.3345";
    if (!currency)
        currency = "EUR";
    rows r = found(c,
                   sql(c,
                       "SELECT m.name, m.tier, count(t.id) AS n, coalesce(sum(t.amount), 0) * $3::numeric AS gross, "
                       "coalesce(sum(t.amount), 0) * $3::numeric"
                       " * CASE m.tier WHEN 'strategic' THEN 0.0125 WHEN 'preferred' THEN 0.019 ELSE 0.029 END AS fees "
                       "FROM merchants m LEFT JOIN transactions t"
                       " ON t.merchant_id = m.id AND t.status = 'posted' AND (t.created_at AT TIME ZONE "
                       "'Europe/Berlin')::date = $2::date"
                       " AND t.created_at BETWEEN $2::date - interval '1 day' AND $2::date + interval '2 days' WHERE "
                       "m.id = $1 GROUP BY m.id, m.name, m.tier",
                       merchant, day, rate),
                   "merchant");
    object(c, NULL);
    put_text(c, "merchant", one(r, "name"));
    put_text(c, "tier", one(r, "tier"));
    put_text(c, "currency", currency);
    put_number(c, "payments", one(r, "n"));
    put_minor(c, "gross", one(r, "gross"), currency);
    put_minor(c, "fees", one(r, "fees"), currency);
    end(c);
}

static void adjust(struct ctx *c)
{
    const char *kind = need_choice(c, "kind", "chargeback|fee_correction|reserve|goodwill"),
               *amount = need_amount(c, "amount");
    bool debit = !stopped(c) && (strcmp(kind, "chargeback") == 0 || strcmp(kind, "reserve") == 0);
    begin(c);
    rows b =
        found(c, sql(c, "SELECT state, merchant_id FROM settlement_batches WHERE id = $1 FOR UPDATE", param(c, "id")),
              "settlement");
    if (!stopped(c) && strcmp(one(b, "state"), "paid") == 0)
        stop(c, 409, "already_paid", "a paid settlement cannot be adjusted");
    rows a = sql(c,
                 "INSERT INTO settlement_adjustments (batch_id, kind, amount, reason, created_by) VALUES ($1, "
                 "$2::adjustment_kind, $3::numeric, $4, $5) RETURNING id",
                 param(c, "id"), kind, text(c, "%s%s", debit ? "-" : "", amount), body(c, "reason"),
                 text(c, "stf_%s", caller(c)));
    rows r = sql(c,
                 "UPDATE settlement_batches SET adjustments = (SELECT sum(amount) FROM settlement_adjustments WHERE "
                 "batch_id = $1) WHERE id = $1 RETURNING *",
                 param(c, "id"));
    commit(c);
    status(c, 201);
    object(c, NULL);
    put_number(c, "adjustmentId", one(a, "id"));
    put_row(c, "settlement", r, 0, batch_fields);
    end(c);
}

/* open -> closed -> paid; open and closed may be held, held goes back to closed. */
static void move_settlement(struct ctx *c, const char *from, const char *to)
{
    begin(c);
    rows b =
        found(c, sql(c, "SELECT state, merchant_id FROM settlement_batches WHERE id = $1 FOR UPDATE", param(c, "id")),
              "settlement");
    if (!stopped(c) && !strstr(from, one(b, "state")))
        stop(c, 409, "wrong_state", text(c, "settlement is %s", one(b, "state")));
    rows r = sql(
        c,
        "UPDATE settlement_batches SET state = $2::settlement_state, hold_reason = CASE WHEN $2 = 'held' THEN $3 END,"
        " closed_at = CASE WHEN $2 = 'closed' THEN now() ELSE closed_at END, paid_at = CASE WHEN $2 = 'paid' THEN "
        "now() END,"
        " payout_ref = CASE WHEN $2 = 'paid' THEN 'PO' || to_char(business_day, 'YYYYMMDD') || '-' || merchant_id END "
        "WHERE id = $1 RETURNING *",
        param(c, "id"), to, strcmp(to, "held") == 0 ? body(c, "reason") : NULL);
    if (strcmp(to, "paid") == 0)
        sql(c,
            "INSERT INTO webhook_deliveries (endpoint_id, event_type, payload, next_attempt_at) SELECT e.id, "
            "'settlement.paid', jsonb_build_object('type',"
            " 'settlement.paid', 'data', jsonb_build_object('settlement', $1::bigint, 'net', $3::text)), now() FROM "
            "partner_merchants pm"
            " JOIN webhook_endpoints e ON e.partner_id = pm.partner_id AND e.status = 'enabled' JOIN "
            "webhook_subscriptions s ON s.endpoint_id = e.id"
            " AND s.event_type = 'settlement.paid' WHERE pm.merchant_id = $2 ORDER BY e.id LIMIT 3",
            param(c, "id"), one(b, "merchant_id"), one(r, "net"));
    commit(c);
    put_row(c, NULL, r, 0, batch_fields);
}

static void close_batch(struct ctx *c) { move_settlement(c, "open,held", "closed"); }
static void hold_batch(struct ctx *c) { move_settlement(c, "open,closed,held", "held"); }
static void pay_batch(struct ctx *c) { move_settlement(c, "closed", "paid"); }

/* The newest payments get into their day's batch, at most a hundred at a time. */
static void job_collect(struct ctx *c)
{
    begin(c);
    rows fresh = sql(
        c, "SELECT t.id, t.merchant_id, t.amount, (t.created_at AT TIME ZONE 'Europe/Berlin')::date AS day FROM "
           "transactions t"
           " WHERE t.created_at > (SELECT max(created_at) - interval '3 days' FROM transactions) AND t.kind = "
           "'payment' AND t.status = 'posted'"
           " AND NOT EXISTS (SELECT FROM settlement_lines l WHERE l.transaction_id = t.id) ORDER BY t.id LIMIT 100");
    for (int i = 0; i < count(fresh) && !stopped(c); i++)
        sql(c,
            "WITH b AS (INSERT INTO settlement_batches (merchant_id, business_day, currency, gross, fees, line_count)"
            " VALUES ($2, $3::date, 'EUR', $4::numeric, round($4::numeric * 0.019, 2), 1) ON CONFLICT (merchant_id, "
            "business_day, currency) DO UPDATE"
            " SET gross = settlement_batches.gross + excluded.gross, fees = settlement_batches.fees + excluded.fees,"
            " line_count = settlement_batches.line_count + 1 RETURNING id)"
            " INSERT INTO settlement_lines (batch_id, transaction_id, amount, fee, fee_rate) SELECT id, $1, "
            "$4::numeric, round($4::numeric * 0.019, 2), 1.9 FROM b",
            val(fresh, i, "id"), val(fresh, i, "merchant_id"), val(fresh, i, "day"), val(fresh, i, "amount"));
    commit(c);
}

static const struct route settlement_routes[] = {
    {"GET", "/v1/merchants/{id}/settlements", list_of_merchant, AUTH_STAFF, NULL, false},
    {"GET", "/v1/settlements/{id}", show_settlement, AUTH_STAFF, NULL, true},
    {"GET", "/v1/settlements/{id}/lines", list_lines, AUTH_STAFF, NULL, false},
    {"GET", "/v1/settlement-summary", summary, AUTH_STAFF, NULL, false},
    {"GET", "/v1/settlement-gaps", unsettled, AUTH_STAFF, NULL, false},
    {"POST", "/v1/settlement-preview", preview, AUTH_STAFF, NULL, false},
    {"POST", "/v1/settlements/{id}/adjustments", adjust, AUTH_STAFF, NULL, false},
    {"POST", "/v1/settlements/{id}/close", close_batch, AUTH_STAFF, NULL, false},
    {"POST", "/v1/settlements/{id}/hold", hold_batch, AUTH_STAFF, NULL, false},
    {"POST", "/v1/settlements/{id}/pay", pay_batch, AUTH_STAFF, NULL, false},
};
static const struct job settlement_jobs[] = {{"settlement-collect", 10, job_collect}};

SERVICE(settlements, ERRORS_PROBLEM, settlement_routes, settlement_jobs);
