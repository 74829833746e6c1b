// SPDX-License-Identifier: Apache-2.0
/*
 * Collections: cases of loans that are not paid, what was tried, what was promised. Queries are put together from what
 * is asked for; snake_case; lists go by cursor; errors are a list.
 *
 *     reminder -> dunning_1 -> dunning_2 -> legal -> agency      escalate()
 *     open, promised, paused, legal -> resolved, written_off     close_case()
 */
#include "app.h"

static const struct label stage_labels[] = {
    {"reminder", "Zahlungserinnerung"}, {"dunning_1", "1. Mahnung"}, {"dunning_2", "2. Mahnung"},
    {"legal", "Mahnbescheid"},          {"agency", "Inkasso"},       {NULL, NULL}};

static const struct field case_fields[] = {{"id", NULL, NUMBER},
                                           {"case_no", NULL, TEXT},
                                           {"stage", NULL, TEXT},
                                           {"stage_name", "stage", LABEL, .labels = stage_labels},
                                           {"status", NULL, TEXT},
                                           {"overdue_amount", NULL, TEXT},
                                           {"currency", NULL, TEXT},
                                           {"days_past_due", NULL, NUMBER},
                                           {"priority", "prio", NUMBER},
                                           {"assigned_to", NULL, TEXT},
                                           {"tags", NULL, ARRAY},
                                           {"opened_at", NULL, ISO},
                                           {"closed_at", NULL, ISO, .omit_null = true},
                                           {NULL}};
static const struct field debtor_fields[] = {
    {"id", "user_id", NUMBER}, {"name", "full_name", TEXT}, {"phone", NULL, TEXT}, {"country", NULL, TEXT}, {NULL}};
static const struct field action_fields[] = {{"id", NULL, NUMBER},
                                             {"kind", NULL, TEXT},
                                             {"outcome", NULL, TEXT},
                                             {"by", "performed_by", TEXT},
                                             {"cost", NULL, TEXT},
                                             {"detail", NULL, JSON},
                                             {"note", NULL, TEXT, .omit_null = true},
                                             {"at", "performed_at", ZULU},
                                             {NULL}};
static const struct field promise_fields[] = {
    {"id", NULL, NUMBER},         {"amount", NULL, TEXT},     {"currency", NULL, TEXT},
    {"promised_for", NULL, TEXT}, {"status", NULL, TEXT},     {"made_via", NULL, TEXT},
    {"created_at", NULL, ISO},    {"resolved_at", NULL, ISO}, {NULL}};

static void put_cases(struct ctx *c, rows r)
{
    array(c, "items");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, case_fields);
        put_row(c, "debtor", r, i, debtor_fields);
        put_text(c, "loan_number", val(r, i, "loan_number"));
        put_text(c, "loan_status", val(r, i, "loan_status"));
        end(c);
    }
    end(c);
}

static struct query cases(struct ctx *c)
{
    return query(
        c,
        "SELECT k.*, u.full_name, u.phone, u.country, l.loan_number, l.status AS loan_status FROM collection_cases k "
        "JOIN users u ON u.id = k.user_id JOIN loans l ON l.id = k.loan_id");
}

static void list_cases(struct ctx *c)
{
    struct page p = page_of(c, "page", "limit", 20);
    const char *at, *id;
    cursor_in(c, &at, &id);
    struct query q = cases(c);
    query_if(&q, arg_choice(c, "stage", "reminder|dunning_1|dunning_2|legal|agency"), "k.stage = ?::collection_stage");
    query_if(&q, arg_choice(c, "status", "open|promised|paused|legal|resolved|written_off"), "k.status = ?");
    query_if(&q, arg(c, "agent"), "k.assigned_to = ?");
    query_if(&q, arg_number(c, "min_days", NULL, 0, 10000), "k.days_past_due >= ?");
    query_if(&q, arg(c, "country"), "u.country = ?");
    query_if(&q, arg(c, "tag"), "? = ANY (k.tags)");
    if (at) {
        query_if(&q, at, "(k.opened_at, k.id) < (?::timestamptz");
        query_value(&q, ", ?::bigint)", id);
    }
    query_add(&q, " ORDER BY k.opened_at DESC, k.id DESC");
    query_value(&q, " LIMIT ?", p.limit);
    rows r = query_run(&q);
    bool more = count(r) == p.size;
    object(c, NULL);
    put_cases(c, r);
    cursor_out(c, "next_cursor", more ? val(r, count(r) - 1, "opened_at") : NULL,
               more ? val(r, count(r) - 1, "id") : NULL);
    end(c);
}

/* What an agent sees in the morning. */
static void worklist(struct ctx *c)
{
    struct query q = cases(c);
    query_where(&q, "k.status IN ('open', 'promised')");
    query_if(&q, arg(c, "agent"), "k.assigned_to = ?");
    query_if(&q, arg_number(c, "max_priority", NULL, 1, 5), "k.prio <= ?");
    query_add(&q, " ORDER BY k.prio LIMIT 30");
    rows r = query_run(&q);
    object(c, NULL);
    put_cases(c, r);
    end(c);
}

static void search(struct ctx *c)
{
    const char *what = arg(c, "q");
    if (!what || strlen(what) < 2)
        stop(c, 422, "query_too_short", "q wants two letters at least");
    struct query q = cases(c);
    query_if(
        &q, what,
        "position(lower(?) IN lower(k.case_no || ' ' || l.loan_number || ' ' || u.full_name || ' ' || u.email)) > 0");
    query_if(&q, arg_choice(c, "currency", "EUR|JPY|KWD|PLN"), "k.currency = ?");
    query_add(&q, " ORDER BY k.overdue_amount DESC, k.id LIMIT 25");
    rows r = query_run(&q);
    object(c, NULL);
    put_cases(c, r);
    put_int(c, "shown", count(r));
    end(c);
}

static void get_case(struct ctx *c)
{
    struct query q = query(
        c,
        "SELECT k.*, u.full_name, u.phone, u.country, l.loan_number, l.status AS loan_status, l.outstanding, p.name AS "
        "product, "
        "(SELECT count(*) FROM instalments i WHERE i.loan_id = l.id AND i.status = 'overdue') AS late, "
        "(SELECT max(r.received_at) FROM repayments r WHERE r.loan_id = l.id AND r.status = 'allocated') AS last_paid "
        "FROM collection_cases k JOIN users u ON u.id = k.user_id JOIN loans l ON l.id = k.loan_id "
        "JOIN loan_products p ON p.id = l.product_id");
    query_if(&q, param(c, "id"), "k.id = ?");
    rows k = found(c, query_run(&q), "case");
    rows actions = sql(c,
                       "SELECT * FROM collection_actions WHERE case_id = $1 AND voided_at IS NULL ORDER BY "
                       "performed_at DESC, id DESC LIMIT 10",
                       param(c, "id"));
    rows promises =
        sql(c,
            "SELECT p.*, r.amount AS received FROM payment_promises p LEFT JOIN repayments r ON r.id = p.repayment_id "
            "WHERE p.case_id = $1 ORDER BY p.promised_for, p.id",
            param(c, "id"));
    object(c, NULL);
    put_fields(c, k, 0, case_fields);
    put_row(c, "debtor", k, 0, debtor_fields);
    object(c, "loan");
    put_number(c, "id", one(k, "loan_id"));
    put_text(c, "number", one(k, "loan_number"));
    put_text(c, "status", one(k, "loan_status"));
    put_text(c, "product", one(k, "product"));
    put_text(c, "outstanding", one(k, "outstanding"));
    put_number(c, "late_instalments", one(k, "late"));
    put_iso(c, "last_paid_at", one(k, "last_paid"));
    end(c);
    put_text(c, "notes", one(k, "notes"));
    put_rows(c, "actions", actions, action_fields);
    put_rows(c, "promises", promises, promise_fields);
    end(c);
}

static void user_promises(struct ctx *c)
{
    only_owner(c, param(c, "id"));
    struct query q = query(c, "SELECT p.*, k.case_no, l.loan_number, u.full_name FROM payment_promises p JOIN "
                              "collection_cases k ON k.id = p.case_id "
                              "JOIN loans l ON l.id = p.loan_id JOIN users u ON u.id = l.user_id");
    query_if(&q, param(c, "id"), "u.id = ?");
    query_if(&q, arg_choice(c, "status", "open|kept|broken|cancelled"), "p.status = ?::promise_status");
    query_add(&q, " ORDER BY p.promised_for DESC, p.id DESC LIMIT 50");
    rows r = query_run(&q);
    object(c, NULL);
    array(c, "items");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, promise_fields);
        put_text(c, "case_no", val(r, i, "case_no"));
        put_text(c, "loan_number", val(r, i, "loan_number"));
        end(c);
    }
    end(c);
    end(c);
}

static void agents(struct ctx *c)
{
    static const struct field fields[] = {{"agent", NULL, TEXT},         {"open_cases", NULL, NUMBER},
                                          {"overdue_eur", NULL, TEXT},   {"actions", NULL, NUMBER},
                                          {"reached_pct", NULL, NUMBER}, {"promises_kept", NULL, NUMBER},
                                          {"collected_eur", NULL, TEXT}, {NULL}};
    rows r = sql(
        c,
        "SELECT coalesce(k.assigned_to, 'nobody') AS agent, count(*) FILTER (WHERE k.closed_at IS NULL) AS open_cases, "
        "coalesce(sum(k.overdue_amount) FILTER (WHERE k.closed_at IS NULL AND l.currency = 'EUR'), 0) AS overdue_eur, "
        "sum(a.n) AS actions, "
        "round(100.0 * sum(a.reached) / nullif(sum(a.n), 0), 1) AS reached_pct, sum(p.kept) AS promises_kept, "
        "coalesce(sum(l.principal - l.outstanding) FILTER (WHERE l.currency = 'EUR'), 0)::numeric(18,2) AS "
        "collected_eur "
        "FROM collection_cases k JOIN loans l ON l.id = k.loan_id "
        "LEFT JOIN LATERAL (SELECT count(*) AS n, count(*) FILTER (WHERE outcome = 'reached') AS reached FROM "
        "collection_actions a "
        "WHERE a.case_id = k.id AND a.voided_at IS NULL) a ON true "
        "LEFT JOIN LATERAL (SELECT count(*) AS kept FROM payment_promises p WHERE p.case_id = k.id AND p.status = "
        "'kept') p ON true "
        "GROUP BY 1 ORDER BY 1");
    object(c, NULL);
    put_rows(c, "items", r, fields);
    end(c);
}

static void audit(struct ctx *c, const char *action, const char *id, const char *before, const char *after)
{
    sql(c,
        "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, before, after) VALUES "
        "($1, $2, 'collections', $3, 'collection_case', $4, to_jsonb($5::text), to_jsonb($6::text))",
        caller(c), is_staff(c) ? "staff" : "user", action, id, before, after);
}

/* The case, locked; 404 or, when it is closed, 409. */
static rows open_case(struct ctx *c)
{
    rows k = found(c, sql(c, "SELECT * FROM collection_cases WHERE id = $1 FOR UPDATE", param(c, "id")), "case");
    if (one(k, "closed_at"))
        stop(c, 409, "case_closed", "this case is closed");
    return k;
}

static void add_action(struct ctx *c)
{
    const char *kind = need_choice(c, "kind", "call|sms|email|letter|visit|hold");
    const char *outcome = body_choice(c, "outcome", "reached|no_answer|refused|delivered");
    begin(c);
    rows k = open_case(c);
    rows r = sql(c,
                 "INSERT INTO collection_actions (case_id, kind, outcome, performed_by, cost, note, detail) VALUES "
                 "($1, $2, $3, 'agent' || $4, "
                 "CASE $2 WHEN 'letter' THEN 1.10 WHEN 'visit' THEN 35 ELSE 0 END, $5, jsonb_build_object('stage', "
                 "$6::text)) RETURNING *",
                 param(c, "id"), kind, outcome, caller(c), body(c, "note"), one(k, "stage"));
    sql(c,
        "UPDATE collection_cases SET next_action_at = date_trunc('hour', now()) + CASE $2 WHEN 'hold' THEN interval "
        "'30 days' ELSE interval '7 days' END, "
        "status = CASE WHEN $2 = 'hold' THEN 'paused' WHEN status = 'paused' THEN 'open' ELSE status END, updated_at = "
        "now() WHERE id = $1",
        param(c, "id"), kind);
    audit(c, "case.action", param(c, "id"), NULL, kind);
    commit(c);
    status(c, 201);
    put_row(c, NULL, r, 0, action_fields);
}

static void promise(struct ctx *c)
{
    const char *amount = need_amount(c, "amount"), *days = need_id(c, "in_days");
    begin(c);
    rows k = open_case(c);
    only_owner(c, one(k, "user_id"));
    if (days && strlen(days) > 2)
        stop(c, 422, "too_late", "at most 99 days ahead");
    sql(c,
        "UPDATE payment_promises SET status = 'cancelled', resolved_at = now() WHERE case_id = $1 AND status = 'open'",
        param(c, "id"));
    rows r = sql(c,
                 "INSERT INTO payment_promises (case_id, loan_id, user_id, amount, currency, promised_for, made_via) "
                 "VALUES ($1, $2, $3, $4, $5, "
                 "current_date + $6::int, $7::channel) RETURNING *",
                 param(c, "id"), one(k, "loan_id"), one(k, "user_id"), amount, one(k, "currency"), days,
                 is_staff(c) ? "phone" : "web");
    sql(c, "UPDATE collection_cases SET status = 'promised', updated_at = now() WHERE id = $1", param(c, "id"));
    audit(c, "case.promise", param(c, "id"), one(k, "status"), "promised");
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/collections/cases/%s", param(c, "id")));
    put_row(c, NULL, r, 0, promise_fields);
}

static void resolve(struct ctx *c)
{
    const char *outcome = need_choice(c, "outcome", "kept|broken|cancelled");
    begin(c);
    rows p = found(c,
                   sql(c,
                       "SELECT p.*, k.status AS case_status FROM collection_cases k JOIN payment_promises p ON "
                       "p.case_id = k.id WHERE p.id = $1 FOR UPDATE",
                       param(c, "id")),
                   "promise");
    if (!stopped(c) && strcmp(one(p, "status"), "open") != 0)
        stop(c, 409, "resolved", text(c, "this promise is %s already", one(p, "status")));
    rows r = sql(c,
                 "UPDATE payment_promises p SET status = $2::promise_status, resolved_at = now(), repayment_id = CASE "
                 "WHEN $2 = 'kept' THEN "
                 "(SELECT max(r.id) FROM repayments r WHERE r.loan_id = p.loan_id) END WHERE p.id = $1 RETURNING p.*",
                 param(c, "id"), outcome);
    sql(c, "UPDATE collection_cases SET status = 'open', updated_at = now() WHERE id = $1 AND status = 'promised'",
        one(p, "case_id"));
    audit(c, "promise.resolve", one(p, "case_id"), "open", outcome);
    commit(c);
    put_row(c, NULL, r, 0, promise_fields);
}

static void escalate(struct ctx *c)
{
    begin(c);
    rows k = open_case(c);
    const char *stage = one(k, "stage");
    if (stage && !strcmp(stage, "agency"))
        stop(c, 409, "last_stage", "an agency has it already");
    rows r =
        sql(c,
            "UPDATE collection_cases SET stage = (enum_range(stage, NULL))[2], prio = greatest(prio - 1, 1), "
            "updated_at = now(), "
            "agency = CASE WHEN stage = 'legal' THEN coalesce($2, 'Inkasso Rhein-Ruhr GmbH') END, "
            "status = CASE WHEN stage IN ('dunning_2', 'legal') THEN 'legal' ELSE status END WHERE id = $1 RETURNING *",
            param(c, "id"), body(c, "agency"));
    sql(c,
        "INSERT INTO collection_actions (case_id, kind, performed_by, note) VALUES ($1, 'letter', 'agent' || $2, "
        "'stage ' || $3)",
        param(c, "id"), caller(c), one(r, "stage"));
    audit(c, "case.escalate", param(c, "id"), stage, one(r, "stage"));
    commit(c);
    put_row(c, NULL, r, 0, case_fields);
}

static void close_case(struct ctx *c)
{
    const char *reason = need_choice(c, "reason", "paid|settled|goodwill|uncollectable");
    begin(c);
    rows k = open_case(c);
    rows r = sql(c,
                 "UPDATE collection_cases SET status = CASE $2 WHEN 'uncollectable' THEN 'written_off' ELSE 'resolved' "
                 "END, close_reason = $2, "
                 "closed_at = now(), updated_at = now(), next_action_at = NULL WHERE id = $1 RETURNING *",
                 param(c, "id"), reason);
    sql(c,
        "UPDATE payment_promises SET status = 'cancelled', resolved_at = now() WHERE case_id = $1 AND status = 'open'",
        param(c, "id"));
    if (!strcmp(reason ? reason : "", "uncollectable"))
        sql(c,
            "UPDATE loans SET status = 'written_off', closed_at = now(), updated_at = now() WHERE id = $1 AND status = "
            "'defaulted'",
            one(k, "loan_id"));
    audit(c, "case.close", param(c, "id"), one(k, "status"), one(r, "status"));
    commit(c);
    put_row(c, NULL, r, 0, case_fields);
}

/* Promises whose day has passed. */
static void break_promises(struct ctx *c)
{
    begin(c);
    sql(c,
        "WITH broken AS (UPDATE payment_promises SET status = 'broken', resolved_at = now() WHERE id IN (SELECT "
        "p.id FROM payment_promises p JOIN collection_cases k ON k.id = p.case_id "
        "WHERE p.status = 'open' AND p.promised_for < current_date ORDER BY p.id LIMIT 5 FOR UPDATE OF k SKIP LOCKED) "
        "AND status = 'open' RETURNING case_id) "
        "UPDATE collection_cases k SET status = 'open', updated_at = now() FROM broken b WHERE k.id = b.case_id AND "
        "k.status = 'promised'");
    commit(c);
}

static const struct route collection_routes[] = {
    {"GET", "/v1/collections/cases", list_cases, AUTH_STAFF, NULL, false},
    {"GET", "/v1/collections/worklist", worklist, AUTH_STAFF, NULL, false},
    {"GET", "/v1/collections/search", search, AUTH_STAFF, NULL, false},
    {"GET", "/v1/collections/agents", agents, AUTH_STAFF, NULL, false},
    {"GET", "/v1/collections/cases/{id}", get_case, AUTH_STAFF, NULL, true},
    {"POST", "/v1/collections/cases/{id}/actions", add_action, AUTH_STAFF, NULL, false},
    {"POST", "/v1/collections/cases/{id}/promises", promise, AUTH_USER, NULL, false},
    {"POST", "/v1/collections/cases/{id}/escalate", escalate, AUTH_STAFF, NULL, false},
    {"POST", "/v1/collections/cases/{id}/close", close_case, AUTH_STAFF, NULL, false},
    {"POST", "/v1/collections/promises/{id}/resolve", resolve, AUTH_STAFF, NULL, false},
    {"GET", "/v1/users/{id}/promises", user_promises, AUTH_USER, NULL, false},
};
static const struct job collection_jobs[] = {{"break-promises", 30, break_promises}};
SERVICE(collections, ERRORS_LIST, collection_routes, collection_jobs);
