// SPDX-License-Identifier: Apache-2.0
/*
 * Fraud: rules, alerts, scores, and who shares a device with whom. Hand-written SQL; camelCase, times as epoch
 * milliseconds, errors are a list. A payment is scored by what happened within the last minutes, so that answer cannot
 * come from a copy.
 *
 *     open -> in_review -> confirmed, dismissed
 */
#include "app.h"

static const struct label severity_labels[] = {{"info", "Info"}, {"low", "Low"},           {"medium", "Medium"},
                                               {"high", "High"}, {"critical", "Critical"}, {NULL, NULL}};

static const struct field alert_fields[] = {{"alertId", "id", NUMBER},
                                            {"status", NULL, TEXT},
                                            {"severity", NULL, LABEL, .labels = severity_labels},
                                            {"score", NULL, NUMBER},
                                            {"rule", "rule_code", TEXT},
                                            {"assignee", NULL, TEXT, .omit_null = true},
                                            {"resolution", NULL, TEXT, .omit_null = true},
                                            {"raisedAt", "raised_at", EPOCH_MS},
                                            {"resolvedAt", "resolved_at", EPOCH_MS, .omit_null = true},
                                            {NULL}};
static const struct field transaction_fields[] = {{"id", "transaction_id", NUMBER},
                                                  {"amount", NULL, MINOR, .currency = "currency"},
                                                  {"currency", NULL, TEXT},
                                                  {"kind", NULL, TEXT},
                                                  {"merchant", NULL, TEXT},
                                                  {"category", NULL, TEXT},
                                                  {"bookedAt", "booked_at", EPOCH_MS},
                                                  {NULL}};

static void put_alert(struct ctx *c, rows r, int i)
{
    object(c, NULL);
    put_fields(c, r, i, alert_fields);
    put_row(c, "transaction", r, i, transaction_fields);
    object(c, "customer");
    put_number(c, "id", val(r, i, "user_id"));
    put_text(c, "name", val(r, i, "full_name"));
    put_text(c, "country", val(r, i, "country"));
    end(c);
    end(c);
}

static void list_alerts(struct ctx *c)
{
    struct page p = page_of(c, "page", "limit", 20);
    const char *at, *id;
    cursor_in(c, &at, &id);
    rows r = sql(c,
                 "SELECT a.*, r.code AS rule_code, t.amount, t.currency, t.kind, t.created_at AS booked_at, m.name AS "
                 "merchant, m.category, u.full_name, u.country "
                 "FROM fraud_alerts a JOIN fraud_rules r ON r.id = a.rule_id JOIN transactions t ON t.id = "
                 "a.transaction_id JOIN users u ON u.id = a.user_id "
                 "LEFT JOIN merchants m ON m.id = t.merchant_id WHERE ($1::timestamptz IS NULL OR (a.raised_at, a.id) "
                 "< ($1::timestamptz, $2::bigint)) "
                 "AND ($3::text IS NULL OR a.status = $3) AND ($4::fraud_severity IS NULL OR a.severity >= "
                 "$4::fraud_severity) AND ($5::text IS NULL OR a.assignee = $5) "
                 "ORDER BY a.raised_at DESC, a.id DESC LIMIT $6",
                 at, id, arg_choice(c, "status", "open|in_review|confirmed|dismissed"),
                 arg_choice(c, "minSeverity", "info|low|medium|high|critical"), arg(c, "assignee"), p.limit);
    bool more = count(r) == p.size;
    object(c, NULL);
    array(c, "items");
    for (int i = 0; i < count(r); i++)
        put_alert(c, r, i);
    end(c);
    cursor_out(c, "nextCursor", more ? val(r, count(r) - 1, "raised_at") : NULL,
               more ? val(r, count(r) - 1, "id") : NULL);
    end(c);
}

static void get_alert(struct ctx *c)
{
    rows a = found(c,
                   sql(c,
                       "SELECT a.*, r.code AS rule_code, r.description AS rule_text, t.amount, t.currency, t.kind, "
                       "t.created_at AS booked_at, t.status AS booking, m.name AS merchant, "
                       "m.category, u.full_name, u.country, u.email, x.balance, x.status AS account_status, "
                       "risk_band(s.score) AS band, "
                       "(SELECT json_agg(json_build_object('type', k.check_type, 'status', k.status, 'score', k.score) "
                       "ORDER BY k.id) FROM compliance_records k WHERE k.transaction_id = t.id) AS checks, "
                       "(SELECT array_agg(o.id ORDER BY o.id) FROM (SELECT id FROM fraud_alerts o WHERE o.user_id = "
                       "a.user_id AND o.id <> a.id ORDER BY o.id DESC LIMIT 5) o) AS others "
                       "FROM fraud_alerts a JOIN fraud_rules r ON r.id = a.rule_id JOIN transactions t ON t.id = "
                       "a.transaction_id JOIN users u ON u.id = a.user_id "
                       "JOIN accounts x ON x.id = t.account_id LEFT JOIN merchants m ON m.id = t.merchant_id "
                       "LEFT JOIN risk_scores s ON s.user_id = u.id AND s.is_current WHERE a.id = $1",
                       param(c, "id")),
                   "alert");
    object(c, NULL);
    put_fields(c, a, 0, alert_fields);
    put_text(c, "ruleText", one(a, "rule_text"));
    put_number(c, "evidence", one(a, "evidence"));
    put_text(c, "comment", one(a, "comment"));
    put_row(c, "transaction", a, 0, transaction_fields);
    object(c, "customer");
    put_number(c, "id", one(a, "user_id"));
    put_text(c, "name", one(a, "full_name"));
    put_text(c, "email", one(a, "email"));
    put_text(c, "riskBand", one(a, "band"));
    end(c);
    object(c, "account");
    put_text(c, "status", one(a, "account_status"));
    put_minor(c, "balance", one(a, "balance"), one(a, "currency"));
    end(c);
    put_number(c, "checks", one(a, "checks"));
    put_numbers(c, "otherAlerts", one(a, "others"));
    end(c);
}

static void devices(struct ctx *c)
{
    static const struct field fields[] = {{"linkId", "id", NUMBER},
                                          {"device", "device_fp", TEXT},
                                          {"kind", NULL, TEXT},
                                          {"confidence", NULL, NUMBER},
                                          {"blocked", NULL, BOOL},
                                          {"withUser", "linked_user_id", NUMBER},
                                          {"withName", "full_name", TEXT},
                                          {"withBand", "band", TEXT},
                                          {"theirFrauds", "frauds", NUMBER},
                                          {"lastSeen", "last_seen", EPOCH_MS},
                                          {NULL}};
    rows r = sql(c,
                 "SELECT d.*, u.full_name, risk_band(s.score) AS band, (SELECT count(*) FROM fraud_alerts a WHERE "
                 "a.user_id = u.id AND a.status = 'confirmed') AS frauds "
                 "FROM fraud_device_links d JOIN users u ON u.id = d.linked_user_id LEFT JOIN risk_scores s ON "
                 "s.user_id = u.id AND s.is_current "
                 "WHERE d.user_id = $1 AND ($2::numeric IS NULL OR d.confidence * 100 >= $2::numeric) ORDER BY "
                 "d.last_seen DESC, d.id LIMIT 100",
                 param(c, "id"), arg_number(c, "minConfidence", NULL, 0, 100));
    object(c, NULL);
    put_rows(c, "items", r, fields);
    end(c);
}

static void rules(struct ctx *c)
{
    static const struct field fields[] = {{"id", NULL, NUMBER},
                                          {"code", NULL, TEXT},
                                          {"kind", NULL, TEXT},
                                          {"description", NULL, TEXT},
                                          {"threshold", NULL, NUMBER},
                                          {"windowSeconds", "window_s", NUMBER},
                                          {"weight", NULL, NUMBER},
                                          {"severity", NULL, LABEL, .labels = severity_labels},
                                          {"enabled", NULL, BOOL},
                                          {"alerts", NULL, NUMBER},
                                          {"precisionPct", "precision", NUMBER},
                                          {"lost", NULL, MINOR, .currency = "eur"},
                                          {"updatedAt", "updated_at", EPOCH_MS},
                                          {NULL}};
    rows r = sql(c,
                 "SELECT r.*, 'EUR' AS eur, count(a.id) AS alerts, round(100.0 * count(a.id) FILTER (WHERE a.status = "
                 "'confirmed') / nullif(count(a.id) FILTER "
                 "(WHERE a.status IN ('confirmed', 'dismissed')), 0), 1) AS precision, coalesce(sum(t.amount) FILTER "
                 "(WHERE a.status = 'confirmed'), 0) AS lost FROM fraud_rules r "
                 "LEFT JOIN fraud_alerts a ON a.rule_id = r.id LEFT JOIN transactions t ON t.id = a.transaction_id "
                 "WHERE $1::text IS NULL OR r.kind = $1 GROUP BY r.id ORDER BY r.id",
                 arg_choice(c, "kind", "velocity|amount|geo|device|merchant"));
    object(c, NULL);
    put_rows(c, "items", r, fields);
    end(c);
}

static void scores(struct ctx *c)
{
    static const struct field fields[] = {{"scoreId", "id", NUMBER},
                                          {"amount", NULL, MINOR, .currency = "currency"},
                                          {"currency", NULL, TEXT},
                                          {"score", NULL, NUMBER},
                                          {"verdict", NULL, TEXT},
                                          {"rulesHit", "rules_hit", ARRAY},
                                          {"merchant", NULL, TEXT},
                                          {"accountKind", "kind", TEXT},
                                          {"device", "device_fp", TEXT, .omit_null = true},
                                          {"ip", NULL, TEXT, .omit_null = true},
                                          {"scoredAt", "created_at", EPOCH_MS},
                                          {NULL}};
    rows r = sql(c,
                 "SELECT s.*, m.name AS merchant, a.kind FROM fraud_scores s JOIN users u ON u.id = s.user_id JOIN "
                 "accounts a ON a.id = s.account_id "
                 "LEFT JOIN merchants m ON m.id = s.merchant_id WHERE u.id = $1 AND ($2::text IS NULL OR s.verdict = "
                 "$2) ORDER BY s.created_at DESC, s.id DESC LIMIT 50",
                 param(c, "id"), arg_choice(c, "verdict", "approve|review|decline"));
    object(c, NULL);
    put_rows(c, "items", r, fields);
    end(c);
}

static void stats(struct ctx *c)
{
    static const struct field fields[] = {{"day", NULL, TEXT},
                                          {"category", NULL, TEXT},
                                          {"scored", NULL, NUMBER},
                                          {"declined", NULL, NUMBER},
                                          {"declinedAmount", "amount", MINOR, .currency = "eur"},
                                          {"avgScore", "avg", NUMBER},
                                          {NULL}};
    rows r = sql(c,
                 "SELECT (s.created_at AT TIME ZONE 'Europe/Berlin')::date AS day, coalesce(m.category, 'none') AS "
                 "category, 'EUR' AS eur, count(*) AS scored, "
                 "count(*) FILTER (WHERE s.verdict = 'decline') AS declined, coalesce(sum(s.amount) FILTER (WHERE "
                 "s.verdict = 'decline'), 0) AS amount, round(avg(s.score), 2) AS avg "
                 "FROM fraud_scores s LEFT JOIN merchants m ON m.id = s.merchant_id WHERE s.created_at >= "
                 "make_timestamptz($1::int / 100, $1::int % 100, 1, 0, 0, 0, 'Europe/Berlin') "
                 "AND s.created_at < make_timestamptz($1::int / 100, $1::int % 100, 1, 0, 0, 0, 'Europe/Berlin') + "
                 "interval '1 month' GROUP BY 1, 2 ORDER BY 1, 2",
                 arg_number(c, "month", "202605", 202301, 202712));
    object(c, NULL);
    put_rows(c, "items", r, fields);
    end(c);
}

/* Before a payment: how often and how much within the last hour and day, against what this customer usually spends. */
static void score(struct ctx *c)
{
    const char *account = need_id(c, "accountId"), *merchant = need_id(c, "merchantId"),
               *amount = need_amount(c, "amount");
    begin(c);
    rows a = found(c,
                   sql(c,
                       "SELECT a.id, a.user_id, a.currency, a.status = 'open' AS open, m.category FROM accounts a JOIN "
                       "users u ON u.id = a.user_id "
                       "LEFT JOIN merchants m ON m.id = $2::bigint WHERE a.id = $1::bigint AND u.status <> 'internal'",
                       account, merchant),
                   "account");
    only_owner(c, one(a, "user_id"));
    if (!stopped(c) && !one(a, "category"))
        stop(c, 422, "unknown_merchant", "there is no such merchant");
    rows v = sql(c,
                 "SELECT count(*) FILTER (WHERE t.created_at > now() - interval '1 hour') AS hour, "
                 "coalesce(sum(t.amount) FILTER (WHERE t.created_at > now() - interval '1 day'), 0) AS day, "
                 "coalesce(round(avg(t.amount), 2), 0) AS usual, count(*) FILTER (WHERE t.merchant_id = $2::bigint) AS "
                 "here FROM (SELECT * FROM transactions t WHERE t.user_id = $1 "
                 "AND t.kind <> 'deposit' ORDER BY t.id DESC LIMIT 100) t",
                 one(a, "user_id"), merchant);
    rows s = sql(c,
                 "WITH hit AS (SELECT r.code, r.weight FROM fraud_rules r WHERE r.enabled AND CASE r.kind WHEN "
                 "'velocity' THEN CASE WHEN r.threshold < 100 THEN $4::numeric >= r.threshold "
                 "ELSE $5::numeric + $3::numeric >= r.threshold END WHEN 'amount' THEN $3::numeric >= r.threshold AND "
                 "$3::numeric > 3 * $6::numeric "
                 "WHEN 'device' THEN EXISTS (SELECT 1 FROM fraud_device_links d WHERE d.user_id = $1 AND d.blocked AND "
                 "d.device_fp = $8) "
                 "WHEN 'merchant' THEN $7::int = 0 AND $9 IN ('games', 'travel') ELSE false END), "
                 "known AS (SELECT count(*) AS n FROM fraud_alerts f WHERE f.user_id = $1 AND f.status IN "
                 "('confirmed', 'in_review')), "
                 "total AS (SELECT least(100, coalesce(sum(weight), 0) + (SELECT 5 * least(n, 6) FROM known))::int AS "
                 "score, coalesce(array_agg(code ORDER BY code), '{}') AS codes FROM hit) "
                 "INSERT INTO fraud_scores (user_id, account_id, merchant_id, amount, currency, score, verdict, "
                 "rules_hit, tx_last_hour, spent_last_day, device_fp) "
                 "SELECT $1, $2::bigint, $10::bigint, $3, $11, score, CASE WHEN score >= 85 THEN 'decline' WHEN score "
                 ">= 60 THEN 'review' ELSE 'approve' END, codes, $4::int, $5, $8 "
                 "FROM total RETURNING *",
                 one(a, "user_id"), account, amount, one(v, "hour"), one(v, "day"), one(v, "usual"), one(v, "here"),
                 body(c, "device"), one(a, "category"), merchant, one(a, "currency"));
    commit(c);
    object(c, NULL);
    put_number(c, "scoreId", one(s, "id"));
    put_number(c, "score", one(s, "score"));
    put_text(c, "verdict", is_true(one(a, "open")) ? one(s, "verdict") : "decline");
    put_array(c, "rulesHit", one(s, "rules_hit"));
    object(c, "velocity");
    put_number(c, "lastHour", one(v, "hour"));
    put_minor(c, "lastDay", one(v, "day"), one(a, "currency"));
    put_minor(c, "usual", one(v, "usual"), one(a, "currency"));
    end(c);
    end(c);
}

static void audit(struct ctx *c, const char *action, const char *entity, const char *id, const char *before,
                  const char *after)
{
    sql(c,
        "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, before, after) VALUES "
        "($1, 'staff', 'fraud', $2, $3, $4, "
        "jsonb_build_object('status', $5::text), jsonb_build_object('status', $6::text))",
        caller(c), action, entity, id, before, after);
}

static rows alert_for_change(struct ctx *c)
{
    rows a = found(
        c,
        sql(c,
            "SELECT a.*, a.status IN ('confirmed', 'dismissed') AS done FROM fraud_alerts a WHERE a.id = $1 FOR UPDATE",
            param(c, "id")),
        "alert");
    if (is_true(one(a, "done")))
        stop(c, 409, "resolved", "this alert is resolved");
    return a;
}

static void put_changed(struct ctx *c)
{
    rows r = sql(c,
                 "SELECT a.*, r.code AS rule_code, t.amount, t.currency, t.kind, t.created_at AS booked_at, m.name AS "
                 "merchant, m.category, u.full_name, u.country FROM fraud_alerts a "
                 "JOIN fraud_rules r ON r.id = a.rule_id JOIN transactions t ON t.id = a.transaction_id JOIN users u "
                 "ON u.id = a.user_id LEFT JOIN merchants m ON m.id = t.merchant_id WHERE a.id = $1",
                 param(c, "id"));
    commit(c);
    put_alert(c, r, 0);
}

static void assign(struct ctx *c)
{
    const char *who = need(c, "assignee");
    begin(c);
    rows a = alert_for_change(c);
    sql(c,
        "UPDATE fraud_alerts SET assignee = $2, status = 'in_review', comment = coalesce($3, comment), updated_at = "
        "now() WHERE id = $1",
        param(c, "id"), who, body(c, "comment"));
    audit(c, "alert.assign", "fraud_alert", param(c, "id"), one(a, "status"), "in_review");
    put_changed(c);
}

static void resolve(struct ctx *c)
{
    const char *how = need_choice(c, "resolution", "fraud|customer_ok|rule_noise");
    bool fraud = how && !strcmp(how, "fraud");
    begin(c);
    rows a = alert_for_change(c);
    sql(c,
        "UPDATE fraud_alerts SET status = $2, resolution = $3, assignee = coalesce(assignee, 'analyst' || $4), comment "
        "= coalesce($5, comment), resolved_at = now(), updated_at = now() WHERE id = $1",
        param(c, "id"), fraud ? "confirmed" : "dismissed", how, caller(c), body(c, "comment"));
    if (fraud)
        sql(c,
            "INSERT INTO compliance_cases (transaction_id, user_id, severity, status, assignee, narrative) SELECT $1, "
            "$2, 'high', 'open', 'officer1', 'Fraud confirmed by analyst ' || $3 || '.' "
            "WHERE NOT EXISTS (SELECT 1 FROM compliance_cases k WHERE k.transaction_id = $1)",
            one(a, "transaction_id"), one(a, "user_id"), caller(c));
    audit(c, "alert.resolve", "fraud_alert", param(c, "id"), one(a, "status"), fraud ? "confirmed" : "dismissed");
    put_changed(c);
}

static void change_rule(struct ctx *c)
{
    const char *weight = body(c, "weight"), *enabled = body_choice(c, "enabled", "true|false");
    begin(c);
    rows old = found(c, sql(c, "SELECT * FROM fraud_rules WHERE id = $1 FOR UPDATE", param(c, "id")), "rule");
    rows r = sql(c,
                 "UPDATE fraud_rules SET weight = least(100, coalesce($2::int, weight)), enabled = "
                 "coalesce($3::boolean, enabled), updated_at = now() WHERE id = $1 RETURNING *",
                 param(c, "id"), weight, enabled);
    audit(c, "rule.change", "fraud_rule", param(c, "id"), one(old, "enabled"), one(r, "enabled"));
    commit(c);
    object(c, NULL);
    put_number(c, "id", one(r, "id"));
    put_text(c, "code", one(r, "code"));
    put_number(c, "weight", one(r, "weight"));
    put_bool(c, "enabled", one(r, "enabled"));
    end(c);
}

static const struct route fraud_routes[] = {
    {"POST", "/v1/fraud/score", score, AUTH_USER, "velocity counts the payments of the last minutes", false},
    {"GET", "/v1/fraud/alerts", list_alerts, AUTH_STAFF, NULL, false},
    {"GET", "/v1/fraud/alerts/{id}", get_alert, AUTH_STAFF, NULL, true},
    {"POST", "/v1/fraud/alerts/{id}/assign", assign, AUTH_STAFF, NULL, false},
    {"POST", "/v1/fraud/alerts/{id}/resolve", resolve, AUTH_STAFF, NULL, false},
    {"GET", "/v1/fraud/rules", rules, AUTH_STAFF, NULL, false},
    {"PATCH", "/v1/fraud/rules/{id}", change_rule, AUTH_STAFF, NULL, false},
    {"GET", "/v1/fraud/stats", stats, AUTH_STAFF, NULL, false},
    {"GET", "/v1/fraud/users/{id}/devices", devices, AUTH_STAFF, NULL, false},
    {"GET", "/v1/fraud/users/{id}/scores", scores, AUTH_STAFF, NULL, false},
};
SERVICE_NO_JOBS(fraud, ERRORS_LIST, fraud_routes);
