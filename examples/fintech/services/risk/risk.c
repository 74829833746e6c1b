// SPDX-License-Identifier: Apache-2.0
/*
 * Risk: how risky a customer is and by which rules, and who holds a public office. Hand-written SQL around the
 * database's own risk_band(); snake_case, {"results","total"}, errors with a code.
 */
#include "app.h"

static const struct label band_labels[] = {{"low", "geringes Risiko"},    {"medium", "mittleres Risiko"},
                                           {"high", "hohes Risiko"},      {"prohibitive", "untragbar"},
                                           {"unrated", "nicht bewertet"}, {NULL, NULL}};

static const struct field score_fields[] = {{"score_id", "id", NUMBER},
                                            {"score", NULL, NUMBER},
                                            {"band", NULL, TEXT},
                                            {"band_text", "band", LABEL, .labels = band_labels},
                                            {"model", NULL, TEXT},
                                            {"overridden", NULL, BOOL},
                                            {"override_reason", NULL, TEXT, .omit_null = true},
                                            {"computed_by", NULL, TEXT},
                                            {"computed_at", NULL, ISO},
                                            {"valid_until", NULL, TEXT},
                                            {NULL}};
static const struct field pep_fields[] = {{"id", NULL, NUMBER},        {"name", "pep_name", TEXT},
                                          {"position", NULL, TEXT},    {"country", "pep_country", TEXT},
                                          {"relation", NULL, TEXT},    {"since", NULL, TEXT},
                                          {"until", NULL, TEXT},       {"source", NULL, TEXT},
                                          {"status", NULL, TEXT},      {"reviewed_by", NULL, TEXT},
                                          {"reviewed_at", NULL, ZULU}, {NULL}};

static void profile(struct ctx *c)
{
    rows u = found(c,
                   sql(c,
                       "SELECT s.*, risk_band(s.score) AS band, u.id AS uid, u.full_name, u.country, u.kyc_level, "
                       "u.status AS user_status, "
                       "(SELECT count(*) FROM fraud_alerts f WHERE f.user_id = u.id AND f.status IN ('open', "
                       "'in_review')) AS alerts, "
                       "(SELECT max(k.severity) FROM compliance_cases k WHERE k.user_id = u.id AND k.status <> "
                       "'closed') AS severity, "
                       "(SELECT json_agg(json_build_object('rule', r.code, 'name', r.name, 'points', "
                       "(f->>'points')::numeric, 'active', r.active) ORDER BY r.priority, r.id) "
                       "FROM jsonb_array_elements(s.factors) f JOIN risk_rules r ON r.id = (f->>'rule')::int) AS why "
                       "FROM users u LEFT JOIN risk_scores s ON s.user_id = u.id AND s.is_current WHERE u.id = $1",
                       param(c, "id")),
                   "user");
    rows flags = sql(c,
                     "SELECT p.*, p.full_name AS pep_name, p.country AS pep_country FROM pep_flags p WHERE p.user_id = "
                     "$1 AND p.status <> 'cleared' ORDER BY p.id",
                     param(c, "id"));
    object(c, NULL);
    put_number(c, "user_id", one(u, "uid"));
    put_text(c, "name", one(u, "full_name"));
    put_text(c, "country", one(u, "country"));
    put_number(c, "kyc_level", one(u, "kyc_level"));
    if (one(u, "id"))
        put_row(c, "current", u, 0, score_fields);
    put_number(c, "factors", one(u, "why"));
    put_number(c, "open_alerts", one(u, "alerts"));
    put_text(c, "worst_case", one(u, "severity"));
    put_rows(c, "pep", flags, pep_fields);
    end(c);
}

static void list_users(struct ctx *c)
{
    struct page p = page_of(c, "page", "per_page", 25);
    const char *band = arg_choice(c, "band", "low|medium|high|prohibitive"), *country = arg(c, "country");
    rows total = sql(c,
                     "SELECT count(*) AS total FROM risk_scores s JOIN users u ON u.id = s.user_id WHERE s.is_current "
                     "AND ($1::text IS NULL OR risk_band(s.score) = $1) AND ($2::text IS NULL OR u.country = $2)",
                     band, country);
    rows r = sql(
        c,
        "SELECT s.*, risk_band(s.score) AS band, u.full_name, u.country, c.score AS credit_score FROM risk_scores s "
        "JOIN users u ON u.id = s.user_id "
        "LEFT JOIN LATERAL (SELECT score FROM credit_scores c WHERE c.user_id = u.id ORDER BY c.computed_at DESC, c.id "
        "DESC LIMIT 1) c ON true "
        "WHERE s.is_current AND ($1::text IS NULL OR risk_band(s.score) = $1) AND ($2::text IS NULL OR u.country = $2) "
        "ORDER BY s.score DESC, s.id LIMIT $3 OFFSET $4",
        band, country, p.limit, p.offset);
    object(c, NULL);
    array(c, "results");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_number(c, "user_id", val(r, i, "user_id"));
        put_text(c, "name", val(r, i, "full_name"));
        put_text(c, "country", val(r, i, "country"));
        put_number(c, "credit_score", val(r, i, "credit_score"));
        put_row(c, "current", r, i, score_fields);
        end(c);
    }
    end(c);
    put_number(c, "total", one(total, "total"));
    end(c);
}

/* A score knows the one before it. */
static void history(struct ctx *c)
{
    rows r = sql(
        c,
        "WITH RECURSIVE chain AS (SELECT s.*, 1 AS depth FROM risk_scores s WHERE s.user_id = $1 AND s.is_current "
        "UNION ALL SELECT p.*, c.depth + 1 FROM chain c JOIN risk_scores p ON p.id = c.previous_id WHERE c.depth < 50) "
        "SELECT c.*, risk_band(c.score) AS band, u.full_name FROM chain c JOIN users u ON u.id = c.user_id ORDER BY "
        "c.depth",
        param(c, "id"));
    found(c, r, "risk score");
    object(c, NULL);
    put_text(c, "name", one(r, "full_name"));
    put_rows(c, "results", r, score_fields);
    put_int(c, "total", count(r));
    end(c);
}

static void bands(struct ctx *c)
{
    static const struct field fields[] = {{"country", NULL, TEXT},
                                          {"band", NULL, TEXT},
                                          {"customers", NULL, NUMBER},
                                          {"avg_score", NULL, NUMBER},
                                          {"pep", NULL, NUMBER},
                                          {"balances", NULL, TEXT},
                                          {NULL}};
    rows r = sql(
        c, "SELECT u.country, risk_band(s.score) AS band, count(*) AS customers, round(avg(s.score), 2) AS avg_score, "
           "count(*) FILTER (WHERE EXISTS (SELECT 1 FROM pep_flags p WHERE p.user_id = u.id AND p.status = "
           "'confirmed')) AS pep, sum(a.balance) AS balances "
           "FROM users u JOIN (SELECT user_id, sum(balance) AS balance FROM accounts GROUP BY user_id) a ON a.user_id "
           "= u.id "
           "LEFT JOIN risk_scores s ON s.user_id = u.id AND s.is_current WHERE u.deleted_at IS NULL GROUP BY 1, 2 "
           "ORDER BY 1, 2");
    object(c, NULL);
    put_rows(c, "results", r, fields);
    put_int(c, "total", count(r));
    end(c);
}

static const struct field rule_fields[] = {{"id", NULL, NUMBER},
                                           {"code", NULL, TEXT},
                                           {"name", NULL, TEXT},
                                           {"description", NULL, TEXT},
                                           {"priority", NULL, NUMBER},
                                           {"weight", NULL, NUMBER},
                                           {"condition", NULL, JSON},
                                           {"applies_to", NULL, ARRAY},
                                           {"active", NULL, BOOL},
                                           {"updated_at", NULL, ISO},
                                           {NULL}};

static void rules(struct ctx *c)
{
    rows r =
        sql(c,
            "SELECT r.*, h.hits, h.countries FROM risk_rules r LEFT JOIN LATERAL (SELECT count(*) AS hits, "
            "count(DISTINCT u.country) AS countries FROM risk_scores s "
            "JOIN users u ON u.id = s.user_id WHERE s.is_current AND s.rule_ids @> ARRAY[r.id]) h ON true "
            "WHERE r.deleted_at IS NULL AND ($1::text IS NULL OR r.active = ($1 = 'true')) ORDER BY r.priority, r.id",
            arg_choice(c, "active", "true|false"));
    object(c, NULL);
    array(c, "results");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, rule_fields);
        put_number(c, "hits", val(r, i, "hits"));
        put_number(c, "countries", val(r, i, "countries"));
        end(c);
    }
    end(c);
    put_int(c, "total", count(r));
    end(c);
}

static void audit(struct ctx *c, const char *action, const char *entity, const char *id, const char *before,
                  const char *after)
{
    sql(c,
        "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, before, after) VALUES "
        "($1, 'staff', 'risk', $2, $3, $4, $5::jsonb, $6::jsonb)",
        caller(c), action, entity, id, before, after);
}

static void change_rule(struct ctx *c)
{
    const char *weight = body(c, "weight"), *priority = body(c, "priority"),
               *active = body_choice(c, "active", "true|false");
    if (!weight && !priority && !active)
        stop(c, 422, "nothing_to_change", "weight, priority or active");
    begin(c);
    rows old =
        found(c,
              sql(c, "SELECT *, to_jsonb(r) AS was FROM risk_rules r WHERE id = $1 AND deleted_at IS NULL FOR UPDATE",
                  param(c, "id")),
              "rule");
    rows r = sql(c,
                 "UPDATE risk_rules r SET weight = coalesce($2::numeric, weight), priority = coalesce($3::int, "
                 "priority), active = coalesce($4::boolean, active), "
                 "updated_at = now() WHERE id = $1 RETURNING r.*, to_jsonb(r) AS is",
                 param(c, "id"), weight, priority, active);
    audit(c, "rule.change", "risk_rule", param(c, "id"), one(old, "was"), one(r, "is"));
    commit(c);
    put_row(c, NULL, r, 0, rule_fields);
}

static void drop_rule(struct ctx *c)
{
    begin(c);
    rows r = sql(
        c,
        "UPDATE risk_rules SET deleted_at = now(), active = false WHERE id = $1 AND deleted_at IS NULL RETURNING code",
        param(c, "id"));
    found(c, r, "rule");
    audit(c, "rule.delete", "risk_rule", param(c, "id"), NULL, NULL);
    commit(c);
    object(c, NULL);
    put_text(c, "deleted", one(r, "code"));
    end(c);
}

/* Scores a customer anew from what other services know of them; the old score stays in the chain. */
static void rescore(struct ctx *c)
{
    begin(c);
    found(c, sql(c, "SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE", param(c, "id")), "user");
    rows f = sql(
        c,
        "SELECT u.country, s.id AS previous, s.score AS old, (SELECT count(*) FROM fraud_alerts a WHERE a.user_id = "
        "u.id AND a.status = 'confirmed') AS frauds, "
        "(SELECT count(*) FROM pep_flags p WHERE p.user_id = u.id AND p.status IN ('suspected', 'confirmed')) AS peps, "
        "(SELECT count(*) FROM screenings x WHERE x.user_id = u.id AND x.status = 'confirmed') AS hits, "
        "(SELECT count(*) FROM loans l WHERE l.user_id = u.id AND l.status IN ('overdue', 'defaulted')) AS arrears "
        "FROM users u LEFT JOIN risk_scores s ON s.user_id = u.id AND s.is_current WHERE u.id = $1",
        param(c, "id"));
    sql(c, "UPDATE risk_scores SET is_current = false WHERE user_id = $1 AND is_current", param(c, "id"));
    rows r =
        sql(c,
            "INSERT INTO risk_scores (user_id, score, factors, rule_ids, model, previous_id, valid_until) "
            "SELECT $1, least(1000, 40 + 60 * $2::int + 250 * $3::int + 300 * $4::int + 30 * $5::int + "
            "coalesce((SELECT sum(greatest(r.weight, 0)) FROM risk_rules r "
            "WHERE r.active AND r.deleted_at IS NULL AND r.id = 1 + $1::bigint % 60), 0)), "
            "jsonb_build_array(jsonb_build_object('rule', 1 + $1::bigint % 60, 'points', 60 * $2::int)), "
            "ARRAY[1 + $1::bigint % 60]::int[], 'kyc-3', $6, current_date + 365 RETURNING *, risk_band(score) AS band",
            param(c, "id"), one(f, "frauds"), one(f, "peps"), one(f, "hits"), one(f, "arrears"), one(f, "previous"));
    audit(c, "risk.score", "risk_score", one(r, "id"), one(f, "old"), one(r, "score"));
    commit(c);
    status(c, 201);
    put_row(c, NULL, r, 0, score_fields);
}

static void list_pep(struct ctx *c)
{
    struct page p = page_of(c, "page", "per_page", 20);
    rows r = sql(c,
                 "SELECT p.*, p.full_name AS pep_name, p.country AS pep_country, u.full_name AS customer, "
                 "u.birth_date, risk_band(s.score) AS band, "
                 "lower(u.full_name) = lower(p.full_name) AS same_name, count(*) OVER () AS total FROM pep_flags p "
                 "JOIN users u ON u.id = p.user_id "
                 "LEFT JOIN risk_scores s ON s.user_id = u.id AND s.is_current WHERE ($1::pep_status IS NULL OR "
                 "p.status = $1::pep_status) "
                 "AND ($2::text IS NULL OR p.country = $2) AND ($3::text IS NULL OR p.full_name ILIKE '%' || $3 || "
                 "'%') ORDER BY p.created_at DESC, p.id DESC LIMIT $4 OFFSET $5",
                 arg_choice(c, "status", "suspected|confirmed|cleared|expired"), arg(c, "country"), arg(c, "name"),
                 p.limit, p.offset);
    object(c, NULL);
    array(c, "results");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, pep_fields);
        object(c, "customer");
        put_number(c, "id", val(r, i, "user_id"));
        put_text(c, "name", val(r, i, "customer"));
        put_text(c, "birth_date", val(r, i, "birth_date"));
        put_text(c, "band", val(r, i, "band"));
        put_bool(c, "same_name", val(r, i, "same_name"));
        end(c);
        end(c);
    }
    end(c);
    put_number(c, "total", count(r) ? one(r, "total") : "0");
    end(c);
}

static void review_pep(struct ctx *c)
{
    const char *decision = need_choice(c, "decision", "confirmed|cleared");
    begin(c);
    rows p = found(c, sql(c, "SELECT * FROM pep_flags WHERE id = $1 FOR UPDATE", param(c, "id")), "flag");
    if (!stopped(c) && strcmp(one(p, "status"), "suspected") != 0)
        stop(c, 409, "decided", text(c, "this flag is %s", one(p, "status")));
    rows r = sql(c,
                 "UPDATE pep_flags SET status = $2::pep_status, reviewed_by = 'officer' || $3, reviewed_at = now(), "
                 "notes = coalesce($4, notes), updated_at = now() "
                 "WHERE id = $1 RETURNING *, full_name AS pep_name, country AS pep_country",
                 param(c, "id"), decision, caller(c), body(c, "notes"));
    if (decision && !strcmp(decision, "confirmed"))
        sql(c,
            "UPDATE risk_scores SET score = greatest(score, 800), overridden = true, override_reason = 'PEP', "
            "computed_by = 'officer' || $2 WHERE user_id = $1 AND is_current",
            one(p, "user_id"), caller(c));
    audit(c, "pep.review", "pep_flag", param(c, "id"), "\"suspected\"", decision ? text(c, "\"%s\"", decision) : NULL);
    commit(c);
    put_row(c, NULL, r, 0, pep_fields);
}

/* What would become of a customer with other points: writes nothing. */
static void simulate(struct ctx *c)
{
    const char *user = need_id(c, "user_id"), *points = need(c, "points");
    rows r = found(c,
                   sql(c,
                       "SELECT u.country, s.score, risk_band(s.score) AS band, risk_band(least(1000, greatest(0, "
                       "coalesce(s.score, 0) + $2::numeric))) AS then "
                       "FROM users u LEFT JOIN risk_scores s ON s.user_id = u.id AND s.is_current WHERE u.id = $1",
                       user, points),
                   "user");
    object(c, NULL);
    put_text(c, "country", one(r, "country"));
    put_number(c, "score", one(r, "score"));
    put_text(c, "band", one(r, "band"));
    put_text(c, "band_then", one(r, "then"));
    put_bool(c, "changes", one(r, "band") && one(r, "then") && strcmp(one(r, "band"), one(r, "then")) ? "t" : "f");
    end(c);
}

static const struct route risk_routes[] = {
    {"GET", "/v1/risk/users", list_users, AUTH_STAFF, NULL, false},
    {"GET", "/v1/risk/users/{id}", profile, AUTH_STAFF, NULL, true},
    {"GET", "/v1/risk/users/{id}/history", history, AUTH_STAFF, NULL, false},
    {"POST", "/v1/risk/users/{id}/score", rescore, AUTH_STAFF, NULL, false},
    {"GET", "/v1/risk/bands", bands, AUTH_STAFF, NULL, false},
    {"GET", "/v1/risk/rules", rules, AUTH_STAFF, NULL, false},
    {"PATCH", "/v1/risk/rules/{id}", change_rule, AUTH_STAFF, NULL, false},
    {"DELETE", "/v1/risk/rules/{id}", drop_rule, AUTH_STAFF, NULL, false},
    {"GET", "/v1/risk/pep", list_pep, AUTH_STAFF, NULL, false},
    {"POST", "/v1/risk/pep/{id}/review", review_pep, AUTH_STAFF, NULL, false},
    {"POST", "/v1/risk/simulate", simulate, AUTH_STAFF, NULL, false},
};
SERVICE_NO_JOBS(risk, ERRORS_CODE, risk_routes);
