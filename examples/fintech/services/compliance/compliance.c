// SPDX-License-Identifier: Apache-2.0
/* Compliance: checks of transactions, cases with narratives of some kilobytes, evidence. */
#include "app.h"

static const struct field check_fields[] = {
    {"type", "check_type", TEXT}, {"status", NULL, TEXT}, {"score", NULL, TEXT}, {"checked_at", NULL, ISO}, {NULL}};
static const struct field head_fields[] = {
    {"id", NULL, NUMBER},      {"severity", NULL, TEXT}, {"status", NULL, TEXT},   {"assignee", NULL, TEXT},
    {"narrative", NULL, TEXT}, {"opened_at", NULL, ISO}, {"closed_at", NULL, ISO}, {NULL}};
static const struct field user_fields[] = {{"id", "user_id", NUMBER},
                                           {"name", "full_name", TEXT},
                                           {"country", NULL, TEXT},
                                           {"kyc_level", NULL, NUMBER},
                                           {NULL}};
static const struct field transaction_fields[] = {{"id", "transaction_id", NUMBER},
                                                  {"amount", NULL, TEXT},
                                                  {"currency", NULL, TEXT},
                                                  {"status", "transaction_status", TEXT},
                                                  {"created_at", "transaction_at", ISO},
                                                  {"merchant", NULL, TEXT},
                                                  {NULL}};
static const struct field evidence_fields[] = {{"id", NULL, NUMBER},        {"kind", NULL, TEXT},
                                               {"payload", NULL, JSON},     {"collected_by", NULL, TEXT},
                                               {"collected_at", NULL, ISO}, {NULL}};
static const struct field case_fields[] = {
    {"id", NULL, NUMBER},   {"transaction_id", NULL, NUMBER}, {"amount", NULL, TEXT},     {"severity", NULL, TEXT},
    {"status", NULL, TEXT}, {"opened_at", NULL, ISO},         {"evidence", NULL, NUMBER}, {NULL}};

static void get_case(struct ctx *c)
{
    const char *id = param(c, "id");
    rows r = found(c,
                   sql(c,
                       "SELECT c.id, c.severity, c.status, c.assignee, c.narrative, c.opened_at, c.closed_at, u.id AS "
                       "user_id, u.full_name, u.country, u.kyc_level, t.id AS transaction_id, t.amount, t.currency, "
                       "t.status AS transaction_status, t.created_at AS transaction_at, m.name AS merchant"
                       " FROM compliance_cases c JOIN users u ON u.id = c.user_id JOIN transactions t ON t.id = "
                       "c.transaction_id LEFT JOIN merchants m ON m.id = t.merchant_id WHERE c.id = $1",
                       id),
                   "");
    rows checks = sql(c,
                      "SELECT id, check_type, status, score, checked_at FROM compliance_records"
                      " WHERE transaction_id = $1 ORDER BY id",
                      one(r, "transaction_id"));
    rows evidence = sql(c,
                        "SELECT id, kind, payload, collected_by, collected_at FROM compliance_evidence"
                        " WHERE case_id = $1 AND deleted_at IS NULL ORDER BY id",
                        id);
    object(c, NULL);
    put_fields(c, r, 0, head_fields);
    put_row(c, "user", r, 0, user_fields);
    put_row(c, "transaction", r, 0, transaction_fields);
    put_rows(c, "checks", checks, check_fields);
    put_rows(c, "evidence", evidence, evidence_fields);
    end(c);
}

static void get_user_compliance(struct ctx *c)
{
    const char *id = param(c, "id");
    rows u = found(c,
                   sql(c,
                       "SELECT u.kyc_level, count(r.id), count(r.id) FILTER (WHERE r.status = 'flagged') AS flagged,"
                       " count(r.id) FILTER (WHERE r.status = 'pending') AS pending"
                       " FROM users u LEFT JOIN compliance_records r ON r.user_id = u.id WHERE u.id = $1 GROUP BY u.id",
                       id),
                   "");
    rows cases = sql(c,
                     "SELECT c.id, c.transaction_id, t.amount, c.severity, c.status, c.opened_at, count(e.id) AS "
                     "evidence FROM compliance_cases c JOIN transactions t ON t.id = c.transaction_id"
                     " LEFT JOIN compliance_evidence e ON e.case_id = c.id WHERE c.user_id = $1"
                     " GROUP BY c.id, t.id ORDER BY c.opened_at DESC, c.id DESC",
                     id);
    object(c, NULL);
    put_number(c, "user_id", id);
    put_number(c, "kyc_level", one(u, "kyc_level"));
    object(c, "checks");
    put_number(c, "total", one(u, "count"));
    put_number(c, "flagged", one(u, "flagged"));
    put_number(c, "pending", one(u, "pending"));
    end(c);
    put_rows(c, "cases", cases, case_fields);
    end(c);
}

/* A text no longer than max bytes, or the fallback; otherwise the request is refused as this service does. */
static const char *short_text(struct ctx *c, const char *name, size_t max, const char *fallback)
{
    const char *v = body(c, name);
    if (v && strlen(v) > max)
        stop(c, 400, "bad_request", "bad request");
    return v ? v : fallback;
}

static void put_id(struct ctx *c, unsigned code, const char *id)
{
    status(c, code);
    object(c, NULL);
    put_number(c, "id", id);
    end(c);
}

static void post_case(struct ctx *c)
{
    const char *transaction = short_text(c, "transaction_id", 20, NULL);
    int64_t n;
    if (!transaction || !str_to_i64(str_of(transaction), &n) || n <= 0)
        stop(c, 400, "bad_request", "bad request");
    rows r = sql(c,
                 "INSERT INTO compliance_cases (transaction_id, user_id, severity, narrative)"
                 " SELECT id, user_id, $2, $3 FROM transactions WHERE id = $1 RETURNING id",
                 transaction, short_text(c, "severity", 20, "medium"), short_text(c, "narrative", 30000, ""));
    put_id(c, 201, one(found(c, r, ""), "id"));
}

static void patch_case(struct ctx *c)
{
    rows r = sql(c,
                 "UPDATE compliance_cases SET status = coalesce($2, status), assignee = coalesce($3, assignee),"
                 " closed_at = CASE WHEN $2 = 'closed' THEN now() ELSE closed_at END WHERE id = $1 RETURNING id",
                 param(c, "id"), short_text(c, "status", 20, NULL), short_text(c, "assignee", 100, NULL));
    put_id(c, 200, one(found(c, r, ""), "id"));
}

static void post_evidence(struct ctx *c)
{
    const char *kind = short_text(c, "kind", 50, NULL), *payload = body_json(c, "payload");
    if (!kind || (payload && strlen(payload) > 30000))
        stop(c, 400, "bad_request", "bad request");
    rows r = sql(c,
                 "INSERT INTO compliance_evidence (case_id, user_id, kind, payload, collected_by)"
                 " SELECT id, user_id, $2, coalesce($3, '{}')::jsonb, $4 FROM compliance_cases WHERE id = $1 RETURNING "
                 "id",
                 param(c, "id"), kind, payload, short_text(c, "collected_by", 100, "officer"));
    put_id(c, 201, one(found(c, r, ""), "id"));
}

static const struct route compliance_routes[] = {
    {.method = "GET", .pattern = "/users/{id}/compliance", .handle = get_user_compliance},
    {.method = "POST", .pattern = "/compliance/cases", .handle = post_case},
    {.method = "GET", .pattern = "/compliance/cases/{id}", .handle = get_case},
    {.method = "PATCH", .pattern = "/compliance/cases/{id}", .handle = patch_case},
    {.method = "POST", .pattern = "/compliance/cases/{id}/evidence", .handle = post_evidence},
};

SERVICE_NO_JOBS(compliance, ERRORS_TEXT, compliance_routes);
