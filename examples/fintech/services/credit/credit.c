// SPDX-License-Identifier: Apache-2.0
/*
 * Credit: scores of bureaus and of our own model, their history, credit lines. Reporting style: windows, percentiles,
 * CTEs. camelCase, percentages as numbers, {"results","total"}, errors as plain text.
 */
#include "app.h"

static const struct field score_fields[] = {{"scoreId", "id", NUMBER},
                                            {"model", NULL, TEXT},
                                            {"score", NULL, NUMBER},
                                            {"change", NULL, NUMBER},
                                            {"movingAverage", "moving", NUMBER},
                                            {"best", NULL, BOOL},
                                            {"defaultPct", "default_pct", NUMBER},
                                            {"reasons", NULL, ARRAY},
                                            {"bureau", NULL, TEXT, .omit_null = true},
                                            {"computedAt", "computed_at", EPOCH_MS},
                                            {NULL}};

static void score_history(struct ctx *c)
{
    only_owner(c, param(c, "id"));
    rows u = found(c,
                   sql(c,
                       "SELECT u.full_name, u.country, s.score, s.default_pct, s.model, p.peers, p.below, "
                       "round(100.0 * p.below / nullif(p.peers, 0), 1) AS percentile FROM users u "
                       "LEFT JOIN LATERAL (SELECT * FROM credit_scores s WHERE s.user_id = u.id ORDER BY s.computed_at "
                       "DESC, s.id DESC LIMIT 1) s ON true "
                       "LEFT JOIN LATERAL (SELECT count(*) AS peers, count(*) FILTER (WHERE x.score < s.score) AS "
                       "below FROM current_credit_scores x "
                       "JOIN users v ON v.id = x.user_id WHERE v.country = u.country) p ON true WHERE u.id = $1 AND "
                       "u.deleted_at IS NULL",
                       param(c, "id")),
                   "user");
    rows r = sql(c,
                 "SELECT s.*, s.score - lag(s.score) OVER w AS change, round(avg(s.score) OVER (w ROWS BETWEEN 2 "
                 "PRECEDING AND CURRENT ROW), 1) AS moving, "
                 "s.score = max(s.score) OVER () AS best, b.bureau FROM credit_scores s LEFT JOIN bureau_reports b ON "
                 "b.id = s.report_id "
                 "WHERE s.user_id = $1 WINDOW w AS (ORDER BY s.computed_at, s.id) ORDER BY s.computed_at DESC, s.id "
                 "DESC LIMIT 24",
                 param(c, "id"));
    object(c, NULL);
    put_text(c, "name", one(u, "full_name"));
    put_number(c, "score", one(u, "score"));
    put_number(c, "defaultPct", one(u, "default_pct"));
    put_number(c, "percentileInCountry", one(u, "percentile"));
    put_number(c, "peers", one(u, "peers"));
    put_rows(c, "results", r, score_fields);
    put_int(c, "total", count(r));
    end(c);
}

static void reports(struct ctx *c)
{
    static const struct field fields[] = {{"reportId", "id", NUMBER},
                                          {"bureau", NULL, TEXT},
                                          {"score", NULL, NUMBER},
                                          {"pctOfScale", "pct", NUMBER},
                                          {"reason", NULL, TEXT},
                                          {"negative", NULL, JSON},
                                          {"inquiries", NULL, NUMBER},
                                          {"expired", NULL, BOOL},
                                          {"pulledAt", "pulled_at", ISO},
                                          {"loans", NULL, NUMBER},
                                          {NULL}};
    only_owner(c, param(c, "id"));
    rows r = sql(c,
                 "WITH latest AS (SELECT DISTINCT ON (bureau) * FROM bureau_reports WHERE user_id = $1 ORDER BY "
                 "bureau, pulled_at DESC, id DESC) "
                 "SELECT b.id, b.bureau, b.score, round(100 * (b.score - b.score_min) / (b.score_max - b.score_min), "
                 "2) AS pct, b.reason, "
                 "b.payload->'negative' AS negative, b.payload->>'inquiries' AS inquiries, b.expires_on < date "
                 "'2026-06-30' AS expired, b.pulled_at, "
                 "(SELECT count(*) FROM loans l WHERE l.user_id = u.id AND l.created_at > b.pulled_at) AS loans "
                 "FROM latest b JOIN users u ON u.id = b.user_id ORDER BY b.bureau",
                 param(c, "id"));
    object(c, NULL);
    put_rows(c, "results", r, fields);
    put_int(c, "total", count(r));
    end(c);
}

static const struct field line_fields[] = {{"lineId", "id", NUMBER},
                                           {"limit", "limit_amount", NUMBER},
                                           {"drawn", NULL, NUMBER},
                                           {"currency", NULL, TEXT},
                                           {"utilisationPct", "utilisation", NUMBER},
                                           {"aprPct", "apr", NUMBER},
                                           {"status", NULL, TEXT},
                                           {"frozenReason", "frozen_reason", TEXT, .omit_null = true},
                                           {"version", NULL, NUMBER},
                                           {"openedAt", "opened_at", ISO},
                                           {"closedAt", "closed_at", ISO, .omit_null = true},
                                           {NULL}};

static void list_lines(struct ctx *c)
{
    struct page p = page_of(c, "page", "per_page", 20);
    rows r = sql(c,
                 "WITH picked AS (SELECT l.*, u.full_name, u.country, a.status AS account_status, rank() OVER "
                 "(PARTITION BY u.country ORDER BY l.utilisation DESC NULLS LAST, l.id) "
                 "AS in_country, count(*) OVER () AS total FROM credit_lines l JOIN users u ON u.id = l.user_id JOIN "
                 "accounts a ON a.id = l.account_id "
                 "WHERE ($1::credit_line_status IS NULL OR l.status = $1::credit_line_status) AND ($2::numeric IS NULL "
                 "OR l.utilisation >= $2::numeric)) "
                 "SELECT * FROM picked ORDER BY utilisation DESC NULLS LAST, id LIMIT $3 OFFSET $4",
                 arg_choice(c, "status", "pending|open|frozen|closed"), arg_number(c, "minUtilisation", NULL, 0, 200),
                 p.limit, p.offset);
    object(c, NULL);
    array(c, "results");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, line_fields);
        object(c, "customer");
        put_text(c, "name", val(r, i, "full_name"));
        put_text(c, "country", val(r, i, "country"));
        put_number(c, "rankInCountry", val(r, i, "in_country"));
        end(c);
        put_text(c, "accountStatus", val(r, i, "account_status"));
        end(c);
    }
    end(c);
    put_number(c, "total", count(r) ? one(r, "total") : "0");
    end(c);
}

static void get_line(struct ctx *c)
{
    rows l = found(
        c,
        sql(c,
            "SELECT l.*, u.full_name, a.balance, a.iban, s.score, s.default_pct, t.spent, t.payments, t.merchants FROM "
            "credit_lines l "
            "JOIN users u ON u.id = l.user_id JOIN accounts a ON a.id = l.account_id "
            "LEFT JOIN LATERAL (SELECT score, default_pct FROM credit_scores s WHERE s.user_id = u.id ORDER BY "
            "s.computed_at DESC, s.id DESC LIMIT 1) s ON true, "
            "LATERAL (SELECT coalesce(sum(x.amount), 0) AS spent, count(*) AS payments, coalesce(array_agg(DISTINCT "
            "x.name ORDER BY x.name) FILTER (WHERE x.name IS NOT NULL), '{}') AS merchants "
            "FROM (SELECT t.amount, m.name FROM transactions t LEFT JOIN merchants m ON m.id = t.merchant_id WHERE "
            "t.account_id = a.id AND t.kind = 'payment' "
            "ORDER BY t.created_at DESC, t.id DESC LIMIT 10) x) t WHERE l.id = $1",
            param(c, "id")),
        "credit line");
    only_owner(c, one(l, "user_id"));
    object(c, NULL);
    put_fields(c, l, 0, line_fields);
    object(c, "account");
    put_number(c, "id", one(l, "account_id"));
    put_text(c, "iban", one(l, "iban"));
    put_number(c, "balance", one(l, "balance"));
    end(c);
    object(c, "customer");
    put_text(c, "name", one(l, "full_name"));
    put_number(c, "score", one(l, "score"));
    put_number(c, "defaultPct", one(l, "default_pct"));
    end(c);
    object(c, "lastPayments");
    put_number(c, "spent", one(l, "spent"));
    put_number(c, "count", one(l, "payments"));
    put_array(c, "merchants", one(l, "merchants"));
    end(c);
    end(c);
}

static void user_lines(struct ctx *c)
{
    only_owner(c, param(c, "id"));
    rows r = sql(c,
                 "SELECT l.*, sum(l.limit_amount - l.drawn) FILTER (WHERE l.status = 'open') OVER (PARTITION BY "
                 "l.currency) AS free, a.kind, a.balance "
                 "FROM users u JOIN credit_lines l ON l.user_id = u.id JOIN accounts a ON a.id = l.account_id WHERE "
                 "u.id = $1 ORDER BY l.id",
                 param(c, "id"));
    object(c, NULL);
    array(c, "results");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, line_fields);
        put_number(c, "freeInCurrency", val(r, i, "free"));
        put_text(c, "accountKind", val(r, i, "kind"));
        end(c);
    }
    end(c);
    put_int(c, "total", count(r));
    end(c);
}

static void distribution(struct ctx *c)
{
    static const struct field fields[] = {{"country", NULL, TEXT},
                                          {"model", NULL, TEXT},
                                          {"customers", NULL, NUMBER},
                                          {"median", NULL, NUMBER},
                                          {"p10", NULL, NUMBER},
                                          {"p90", NULL, NUMBER},
                                          {"avgDefaultPct", "pd", NUMBER},
                                          {"histogram", NULL, NUMBERS},
                                          {"withLoans", "with_loans", NUMBER},
                                          {NULL}};
    rows r = sql(c,
                 "WITH rated AS (SELECT s.user_id, s.model, s.score, s.default_pct, u.country, EXISTS (SELECT 1 FROM "
                 "loans l WHERE l.user_id = u.id AND l.status IN "
                 "('active', 'overdue')) AS borrows FROM current_credit_scores s JOIN users u ON u.id = s.user_id "
                 "WHERE u.deleted_at IS NULL) "
                 "SELECT coalesce(country, '*') AS country, coalesce(model, '*') AS model, count(*) AS customers, "
                 "percentile_disc(0.5) WITHIN GROUP (ORDER BY score) AS median, percentile_disc(0.1) WITHIN GROUP "
                 "(ORDER BY score) AS p10, "
                 "percentile_disc(0.9) WITHIN GROUP (ORDER BY score) AS p90, round(avg(default_pct), 4) AS pd, "
                 "ARRAY[count(*) FILTER (WHERE score < 450), count(*) FILTER (WHERE score BETWEEN 450 AND 599), "
                 "count(*) FILTER (WHERE score BETWEEN 600 AND 749), "
                 "count(*) FILTER (WHERE score >= 750)] AS histogram, count(*) FILTER (WHERE borrows) AS with_loans "
                 "FROM rated WHERE $1::text IS NULL OR country = $1 GROUP BY CUBE (rated.country, rated.model) ORDER "
                 "BY rated.country NULLS LAST, rated.model NULLS LAST",
                 arg(c, "country"));
    object(c, NULL);
    put_rows(c, "results", r, fields);
    put_int(c, "total", count(r));
    end(c);
}

static void audit(struct ctx *c, const char *action, rows old, rows new)
{
    sql(c,
        "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, before, after) VALUES "
        "($1, 'staff', 'credit', $2, 'credit_line', $3, "
        "jsonb_build_object('limit', $4::numeric, 'status', $5::text), jsonb_build_object('limit', $6::numeric, "
        "'status', $7::text))",
        caller(c), action, param(c, "id"), one(old, "limit_amount"), one(old, "status"), one(new, "limit_amount"),
        one(new, "status"));
}

static void set_limit(struct ctx *c)
{
    const char *limit = need_amount(c, "limit"), *version = body(c, "version");
    begin(c);
    rows l = found(c,
                   sql(c,
                       "SELECT *, limit_amount < drawn AS over, drawn > $2::numeric AS below FROM credit_lines WHERE "
                       "id = $1 FOR UPDATE",
                       param(c, "id"), limit),
                   "credit line");
    if (version && !stopped(c) && strcmp(version, one(l, "version")) != 0)
        stop(c, 409, "changed", text(c, "this line has version %s by now", one(l, "version")));
    if (!stopped(c) && !strcmp(one(l, "status"), "closed"))
        stop(c, 409, "closed", "this line is closed");
    rows r = sql(c,
                 "UPDATE credit_lines SET limit_amount = $2, version = version + 1, reviewed_by = 'officer' || $3, "
                 "reviewed_at = now(), "
                 "status = CASE WHEN $4 THEN 'frozen' WHEN frozen_reason = 'over limit' THEN 'open' ELSE status "
                 "END::credit_line_status, "
                 "frozen_reason = CASE WHEN $4 THEN 'over limit' WHEN frozen_reason <> 'over limit' THEN frozen_reason "
                 "END WHERE id = $1 RETURNING *",
                 param(c, "id"), limit, caller(c), one(l, "below"));
    audit(c, "line.limit", l, r);
    commit(c);
    put_row(c, NULL, r, 0, line_fields);
}

/* pending -> open, closed; open <-> frozen; open, frozen -> closed when nothing is drawn. */
static void set_status(struct ctx *c)
{
    const char *to = need_choice(c, "status", "open|frozen|closed");
    begin(c);
    rows l =
        found(c,
              sql(c,
                  "SELECT *, status::text <> $2 AND CASE $2 WHEN 'open' THEN status IN ('pending', 'frozen') WHEN "
                  "'frozen' THEN status = 'open' "
                  "ELSE status <> 'closed' AND drawn = 0 END AS possible FROM credit_lines WHERE id = $1 FOR UPDATE",
                  param(c, "id"), to),
              "credit line");
    if (!stopped(c) && !is_true(one(l, "possible")))
        stop(c, 409, "wrong_state",
             text(c, "a line that is %s with %s drawn cannot become %s", one(l, "status"), one(l, "drawn"), to));
    rows r = sql(c,
                 "UPDATE credit_lines SET status = $2::credit_line_status, frozen_reason = CASE WHEN $2 = 'frozen' "
                 "THEN coalesce($3, 'unknown') END, "
                 "closed_at = CASE WHEN $2 = 'closed' THEN now() END, version = version + 1 WHERE id = $1 RETURNING *",
                 param(c, "id"), to, body(c, "reason"));
    audit(c, "line.status", l, r);
    commit(c);
    put_row(c, NULL, r, 0, line_fields);
}

/* Asks a bureau, as far as this application can, and scores anew. */
static void pull(struct ctx *c)
{
    const char *bureau = need_choice(c, "bureau", "SCHUFA|CRIF|Experian");
    begin(c);
    rows u = found(c,
                   sql(c,
                       "SELECT u.id, (SELECT count(*) FROM bureau_reports b WHERE b.user_id = u.id) AS known FROM "
                       "users u WHERE u.id = $1 AND u.deleted_at IS NULL",
                       param(c, "id")),
                   "user");
    rows b = sql(
        c,
        "INSERT INTO bureau_reports (user_id, bureau, score, score_min, score_max, reason, payload, cost, expires_on) "
        "SELECT $1, $2, 300 + ($1::bigint * 7919 + $3::bigint * 104729) % 550, 300, 850, 'review', "
        "jsonb_build_object('inquiries', $3::bigint, 'negative', '[]'::jsonb), "
        "0.85, current_date + 90 RETURNING id, score, pulled_at",
        one(u, "id"), bureau, one(u, "known"));
    rows s = sql(c,
                 "WITH facts AS (SELECT (SELECT count(*) FROM loans l WHERE l.user_id = $1 AND l.status IN ('overdue', "
                 "'defaulted')) AS late, "
                 "(SELECT avg(utilisation) FROM credit_lines l WHERE l.user_id = $1 AND l.status = 'open') AS used), "
                 "scored AS (SELECT *, greatest(300, least(850, round($3::numeric - 40 * late - coalesce(used, "
                 "0))))::int AS score FROM facts) "
                 "INSERT INTO credit_scores (user_id, report_id, model, score, default_pct, reasons, inputs) SELECT "
                 "$1, $2, 'v2', score, "
                 "round((100 / (1 + exp((score - 420) / 70.0)))::numeric, 4), CASE WHEN late > 0 THEN '{late_payment}' "
                 "ELSE '{}' END::text[], "
                 "jsonb_build_object('late', late, 'utilisation', used) FROM scored RETURNING id, score, default_pct, "
                 "model, computed_at",
                 one(u, "id"), one(b, "id"), one(b, "score"));
    sql(c,
        "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, after) VALUES ($1, "
        "'staff', 'credit', 'bureau.pull', 'user', $2, "
        "jsonb_build_object('bureau', $3::text, 'score', $4::int))",
        caller(c), one(u, "id"), bureau, one(s, "score"));
    commit(c);
    status(c, 201);
    object(c, NULL);
    put_number(c, "reportId", one(b, "id"));
    put_number(c, "bureauScore", one(b, "score"));
    put_number(c, "scoreId", one(s, "id"));
    put_number(c, "score", one(s, "score"));
    put_number(c, "defaultPct", one(s, "default_pct"));
    end(c);
}

static const struct route credit_routes[] = {
    {"GET", "/v1/credit/users/{id}/score", score_history, AUTH_USER, NULL, false},
    {"GET", "/v1/credit/users/{id}/reports", reports, AUTH_USER, NULL, false},
    {"POST", "/v1/credit/users/{id}/reports", pull, AUTH_STAFF, NULL, false},
    {"GET", "/v1/credit/users/{id}/lines", user_lines, AUTH_USER, NULL, false},
    {"GET", "/v1/credit/lines", list_lines, AUTH_STAFF, NULL, false},
    {"GET", "/v1/credit/lines/{id}", get_line, AUTH_USER, NULL, true},
    {"PATCH", "/v1/credit/lines/{id}", set_limit, AUTH_STAFF, NULL, false},
    {"POST", "/v1/credit/lines/{id}/status", set_status, AUTH_STAFF, NULL, false},
    {"GET", "/v1/credit/distribution", distribution, AUTH_STAFF, NULL, false},
};
SERVICE_NO_JOBS(credit, ERRORS_TEXT, credit_routes);
