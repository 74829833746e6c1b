// SPDX-License-Identifier: Apache-2.0
/*
 * Taxes: rates by country and time, withholding, yearly reports. Reporting style (CTEs, windows, grouping sets),
 * snake_case, money as text. A year is one of Europe/Berlin; a final report is never changed.
 */
#include "app.h"

static const struct label status_labels[] = {
    {"draft", "Draft"}, {"final", "Final — sent to the authority"}, {"withdrawn", "Withdrawn"}, {NULL, NULL}};
static const struct field rate_fields[] = {
    {"id", NULL, NUMBER},  {"category", NULL, TEXT}, {"rate", NULL, NUMBER}, {"surcharge", NULL, NUMBER},
    {"since", NULL, TEXT}, {"until", NULL, TEXT},    {"law", NULL, TEXT},    {NULL}};
static const struct field report_fields[] = {
    {"id", NULL, NUMBER},
    {"user_id", NULL, NUMBER},
    {"year", NULL, NUMBER},
    {"status", NULL, TEXT},
    {"status_label", "status", LABEL, .labels = status_labels},
    {"country", NULL, TEXT},
    {"turnover", NULL, TEXT},
    {"interest", NULL, TEXT},
    {"withheld", NULL, TEXT},
    {"transactions", NULL, NUMBER},
    {"breakdown", NULL, JSON},
    {"remarks", NULL, TEXT},
    {"created_at", NULL, ISO},
    {"finalized_at", NULL, ISO},
    {NULL},
};

/* The rates that hold for a user at a date, by the user's country. */
static void rates(struct ctx *c)
{
    only_owner(c, param(c, "id"));
    rows r = found(c,
                   sql(c,
                       "SELECT u.full_name, u.country, t.id, t.category, t.rate, t.surcharge, lower(t.validity) AS "
                       "since, upper(t.validity) AS until, t.law"
                       " FROM users u LEFT JOIN tax_rates t ON t.country = u.country AND t.validity @> "
                       "coalesce($2::date, date '2026-06-30')"
                       " WHERE u.id = $1 ORDER BY t.category, t.id",
                       param(c, "id"), arg(c, "on")),
                   "user");
    object(c, NULL);
    put_text(c, "name", one(r, "full_name"));
    put_text(c, "country", one(r, "country"));
    array(c, "rates");
    for (int i = 0; i < count(r); i++)
        if (val(r, i, "id"))
            put_row(c, NULL, r, i, rate_fields);
    end(c);
    end(c);
}

/* With the change from the year before. */
static void reports(struct ctx *c)
{
    static const struct field more[] = {{"turnover_change", NULL, TEXT}, {"withholdings", NULL, NUMBER}, {NULL}};
    only_owner(c, param(c, "id"));
    rows r = sql(
        c,
        "WITH mine AS (SELECT r.*, u.kyc_level, r.turnover - lag(r.turnover) OVER (ORDER BY r.year) AS turnover_change"
        "              FROM tax_reports r JOIN users u ON u.id = r.user_id WHERE r.user_id = $1)"
        " SELECT m.*, (SELECT count(*) FROM tax_withholdings w WHERE w.user_id = m.user_id AND w.year = m.year AND "
        "w.tax > 0) AS withholdings FROM mine m"
        " WHERE $2::int IS NULL OR m.year >= $2 ORDER BY m.year DESC",
        param(c, "id"), arg_number(c, "since", NULL, 2000, 2100));
    array(c, NULL);
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, report_fields);
        put_fields(c, r, i, more);
        end(c);
    }
    end(c);
}

static void report(struct ctx *c)
{
    static const struct field quarter[] = {{"quarter", NULL, NUMBER}, {"payments", NULL, NUMBER},
                                           {"turnover", NULL, TEXT},  {"merchants", NULL, NUMBER},
                                           {"withheld", NULL, TEXT},  {NULL}};
    rows h = found(
        c,
        sql(c, "SELECT r.*, u.full_name, u.email FROM tax_reports r JOIN users u ON u.id = r.user_id WHERE r.id = $1",
            param(c, "id")),
        "report");
    if (stopped(c))
        return;
    only_owner(c, one(h, "user_id"));
    rows q =
        sql(c,
            "WITH t AS (SELECT extract(quarter FROM x.created_at AT TIME ZONE 'Europe/Berlin')::int AS quarter, "
            "count(*) AS payments, sum(x.amount) AS turnover,"
            "           count(DISTINCT m.id) AS merchants FROM transactions x LEFT JOIN merchants m ON m.id = "
            "x.merchant_id WHERE x.user_id = $1 AND x.kind <> 'deposit'"
            "           AND x.created_at >= make_timestamptz($2, 1, 1, 0, 0, 0, 'Europe/Berlin')"
            "           AND x.created_at < make_timestamptz($2::int + 1, 1, 1, 0, 0, 0, 'Europe/Berlin') GROUP BY 1),"
            " w AS (SELECT extract(quarter FROM booked_on)::int AS quarter, sum(tax + surcharge + coalesce(church, 0)) "
            "AS withheld FROM tax_withholdings"
            "       WHERE user_id = $1 AND year = $2 GROUP BY 1)"
            " SELECT quarter, coalesce(t.payments, 0) AS payments, coalesce(t.turnover, 0)::numeric(18,2) AS turnover, "
            "coalesce(t.merchants, 0) AS merchants,"
            " w.withheld FROM t FULL JOIN w USING (quarter) ORDER BY quarter",
            one(h, "user_id"), one(h, "year"));
    object(c, NULL);
    put_fields(c, h, 0, report_fields);
    put_row(c, "user", h, 0, (const struct field[]){{"name", "full_name", TEXT}, {"email", NULL, TEXT}, {NULL}});
    put_rows(c, "quarters", q, quarter);
    end(c);
}

static void withholdings(struct ctx *c)
{
    static const struct field fields[] = {{"id", NULL, NUMBER},
                                          {"year", NULL, NUMBER},
                                          {"booked_on", NULL, TEXT},
                                          {"base", NULL, TEXT},
                                          {"allowance", NULL, TEXT},
                                          {"tax", NULL, TEXT},
                                          {"surcharge", NULL, TEXT},
                                          {"church", NULL, TEXT, .omit_null = true},
                                          {"rate", NULL, NUMBER},
                                          {"account", NULL, TEXT},
                                          {"remitted_at", NULL, ISO},
                                          {"corrected_by", NULL, NUMBER, .omit_null = true},
                                          {NULL}};
    struct page p = page_of(c, "page", "per_page", 20);
    only_owner(c, param(c, "id"));
    rows r = sql(
        c,
        "SELECT w.*, t.rate, a.kind AS account, x.description, m.name AS merchant, count(*) OVER () AS total, "
        "sum(w.tax) OVER () AS tax_sum"
        " FROM tax_withholdings w JOIN accounts a ON a.id = w.account_id LEFT JOIN tax_rates t ON t.id = w.rate_id"
        " LEFT JOIN transactions x ON x.id = w.transaction_id LEFT JOIN merchants m ON m.id = x.merchant_id"
        " WHERE w.user_id = $1 AND ($2::int IS NULL OR w.year = $2) ORDER BY w.booked_on DESC, w.id LIMIT $3 OFFSET $4",
        param(c, "id"), arg_number(c, "year", NULL, 2000, 2100), p.limit, p.offset);
    object(c, NULL);
    array(c, "results");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, fields);
        if (val(r, i, "transaction_id"))
            put_row(
                c, "transaction", r, i,
                (const struct field[]){
                    {"id", "transaction_id", NUMBER}, {"description", NULL, TEXT}, {"merchant", NULL, TEXT}, {NULL}});
        end(c);
    }
    end(c);
    put_number(c, "total", count(r) ? one(r, "total") : "0");
    put_text(c, "tax_sum", count(r) ? one(r, "tax_sum") : "0.00");
    end(c);
}

/* By country and quarter, with totals of both. */
static void summary(struct ctx *c)
{
    static const struct field fields[] = {
        {"country", NULL, TEXT}, {"quarter", NULL, NUMBER},   {"users", NULL, NUMBER},      {"base", NULL, TEXT},
        {"tax", NULL, TEXT},     {"corrections", NULL, TEXT}, {"not_remitted", NULL, TEXT}, {NULL}};
    rows r = sql(c,
                 "SELECT u.country, extract(quarter FROM w.booked_on)::int AS quarter, count(DISTINCT w.user_id) AS "
                 "users, sum(w.base) AS base, sum(w.tax) AS tax,"
                 " coalesce(sum(w.tax) FILTER (WHERE w.tax < 0), 0)::numeric(18,2) AS corrections,"
                 " coalesce(sum(w.tax) FILTER (WHERE w.remitted_at IS NULL), 0)::numeric(18,2) AS not_remitted"
                 " FROM tax_withholdings w JOIN users u ON u.id = w.user_id WHERE w.year = $1"
                 " GROUP BY GROUPING SETS ((u.country, extract(quarter FROM w.booked_on)::int), (u.country), ())"
                 " ORDER BY u.country NULLS LAST, quarter NULLS LAST",
                 arg_number(c, "year", "2025", 2000, 2100));
    put_rows(c, NULL, r, fields);
}

/* What would be withheld from an amount; nothing is kept. */
static void preview(struct ctx *c)
{
    static const struct field fields[] = {
        {"country", NULL, TEXT}, {"category", NULL, TEXT},  {"rate", NULL, NUMBER}, {"base", NULL, TEXT},
        {"tax", NULL, TEXT},     {"surcharge", NULL, TEXT}, {"net", NULL, TEXT},    {NULL}};
    const char *user = need_id(c, "user_id"), *amount = need_amount(c, "amount");
    if (!stopped(c))
        only_owner(c, user);
    rows r = found(c,
                   sql(c,
                       "WITH r AS (SELECT u.country, t.category, t.rate, t.surcharge AS points, $3::numeric(18,2) AS "
                       "base, round($3::numeric * t.rate / 100, 2) AS tax"
                       "           FROM users u JOIN tax_rates t ON t.country = u.country AND t.category = $2 AND "
                       "t.validity @> date '2026-06-30' WHERE u.id = $1"
                       "           ORDER BY t.id LIMIT 1)"
                       " SELECT country, category, rate, base, tax, round(tax * points / 100, 2) AS surcharge, base - "
                       "tax - round(tax * points / 100, 2) AS net FROM r",
                       user, need_choice(c, "category", "interest|sales|reduced"), amount),
                   "rate");
    put_row(c, NULL, r, 0, fields);
}

static void withhold(struct ctx *c)
{
    const char *base = need_amount(c, "base");
    begin(c);
    rows r =
        found(c,
              sql(c,
                  "INSERT INTO tax_withholdings (user_id, account_id, rate_id, year, base, tax, surcharge, booked_on)"
                  " SELECT a.user_id, a.id, t.id, extract(year FROM current_date), $2::numeric, round($2::numeric * "
                  "t.rate / 100, 2),"
                  " round($2::numeric * t.rate / 100 * t.surcharge / 100, 2), current_date FROM accounts a JOIN users "
                  "u ON u.id = a.user_id"
                  " JOIN tax_rates t ON t.country = u.country AND t.category = 'interest' AND t.validity @> "
                  "current_date WHERE a.id = $1 RETURNING *",
                  need_id(c, "account_id"), base),
              "account");
    sql(c,
        "UPDATE tax_reports SET withheld = withheld + $3::numeric WHERE user_id = $1 AND year = $2 AND status = "
        "'draft'",
        one(r, "user_id"), one(r, "year"), one(r, "tax"));
    commit(c);
    status(c, 201);
    put_row(c, NULL, r, 0,
            (const struct field[]){{"id", NULL, NUMBER},
                                   {"user_id", NULL, NUMBER},
                                   {"year", NULL, NUMBER},
                                   {"base", NULL, TEXT},
                                   {"tax", NULL, TEXT},
                                   {"surcharge", NULL, TEXT},
                                   {NULL}});
}

/* Makes or makes again the draft of a year. */
static void generate(struct ctx *c)
{
    const char *year = need_id(c, "year");
    begin(c);
    found(c, sql(c, "SELECT id FROM users WHERE id = $1", param(c, "id")), "user");
    rows r = sql(c,
                 "INSERT INTO tax_reports (user_id, year, country, turnover, withheld, transactions, breakdown)"
                 " SELECT u.id, $2, u.country, coalesce(t.turnover, 0), coalesce(w.withheld, 0), coalesce(t.n, 0), "
                 "coalesce(t.breakdown, '{}') FROM users u"
                 " LEFT JOIN LATERAL (SELECT sum(s) AS turnover, sum(n) AS n, jsonb_object_agg(kind, n) AS breakdown "
                 "FROM (SELECT kind, sum(amount) AS s, count(*) AS n"
                 "   FROM transactions x WHERE x.user_id = u.id AND x.kind <> 'deposit' AND x.created_at >= "
                 "make_timestamptz($2, 1, 1, 0, 0, 0, 'Europe/Berlin')"
                 "   AND x.created_at < make_timestamptz($2::int + 1, 1, 1, 0, 0, 0, 'Europe/Berlin') GROUP BY kind) "
                 "k) t ON true"
                 " LEFT JOIN LATERAL (SELECT sum(tax) AS withheld FROM tax_withholdings y WHERE y.user_id = u.id AND "
                 "y.year = $2) w ON true WHERE u.id = $1"
                 " ON CONFLICT (user_id, year) DO UPDATE SET turnover = excluded.turnover, withheld = "
                 "excluded.withheld, transactions = excluded.transactions,"
                 " breakdown = excluded.breakdown, created_at = now() WHERE tax_reports.status = 'draft' RETURNING *",
                 param(c, "id"), year);
    if (!stopped(c) && count(r) == 0)
        stop(c, 409, "final", "the report of that year is not a draft");
    commit(c);
    if (stopped(c))
        return;
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/tax-reports/%s", one(r, "id")));
    put_row(c, NULL, r, 0, report_fields);
}

static void finalize(struct ctx *c)
{
    begin(c);
    rows h = found(c, sql(c, "SELECT status FROM tax_reports WHERE id = $1 FOR UPDATE", param(c, "id")), "report");
    if (!stopped(c) && strcmp(one(h, "status"), "draft") != 0)
        stop(c, 409, "not_draft", text(c, "the report is %s", one(h, "status")));
    rows r = sql(c,
                 "UPDATE tax_reports SET status = 'final', finalized_at = now(), finalized_by = $2, remarks = "
                 "coalesce($3, remarks) WHERE id = $1 RETURNING *",
                 param(c, "id"), caller(c), body(c, "remarks"));
    sql(c, "UPDATE tax_withholdings SET remitted_at = now() WHERE user_id = $1 AND year = $2 AND remitted_at IS NULL",
        one(r, "user_id"), one(r, "year"));
    sql(c,
        "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, after)"
        " VALUES ($1, 'staff', 'tax', 'finalize', 'tax_report', $2, $3)",
        caller(c), param(c, "id"), one(r, "breakdown"));
    commit(c);
    put_row(c, NULL, r, 0, report_fields);
}

static const struct route tax_routes[] = {
    {"GET", "/v1/users/{id}/tax-rates", rates, AUTH_USER},
    {"GET", "/v1/users/{id}/tax-reports", reports, AUTH_USER},
    {"POST", "/v1/users/{id}/tax-reports", generate, AUTH_STAFF},
    {"GET", "/v1/users/{id}/tax-withholdings", withholdings, AUTH_USER},
    {"GET", "/v1/tax-reports/{id}", report, AUTH_USER, .etag = true},
    {"POST", "/v1/tax-reports/{id}/finalize", finalize, AUTH_STAFF},
    {"GET", "/v1/tax/summary", summary, AUTH_STAFF},
    {"POST", "/v1/tax/preview", preview, AUTH_USER},
    {"POST", "/v1/tax/withholdings", withhold, AUTH_STAFF},
};

SERVICE_NO_JOBS(tax, ERRORS_LIST, tax_routes);
