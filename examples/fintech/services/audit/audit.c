// SPDX-License-Identifier: Apache-2.0
/*
 * Who did what, when: the trail that every other service writes into, a partition a month. Reporting style: CTEs,
 * windows and grouping sets, the database does the work. camelCase; lists by cursor over (time, id); errors are a plain
 * text.
 */
#include "app.h"

static const struct label actor_labels[] = {
    {"user", "Customer"}, {"staff", "Employee"}, {"partner", "Partner"}, {"system", "System"}, {NULL, NULL}};

static const struct field event_fields[] = {{"id", NULL, NUMBER},
                                            {"service", NULL, TEXT},
                                            {"action", NULL, TEXT},
                                            {"entity", NULL, TEXT},
                                            {"entityId", "entity_id", TEXT},
                                            {"actorType", "actor_kind", LABEL, .labels = actor_labels},
                                            {"actorId", "actor_id", NUMBER, .omit_null = true},
                                            {"actorName", "actor_name", TEXT, .omit_null = true},
                                            {"ip", NULL, TEXT},
                                            {"at", NULL, ISO},
                                            {"atMs", "at", EPOCH_MS},
                                            {NULL}};

static const struct field change_fields[] = {{"field", NULL, TEXT}, {"from", "old", JSON}, {"to", "new", JSON}, {NULL}};

/* items[] and the cursor behind them. */
static void put_page(struct ctx *c, rows r, struct page p, const struct field *fields)
{
    int n = count(r);
    bool more = n == p.size;
    object(c, NULL);
    put_rows(c, "items", r, fields);
    cursor_out(c, "nextCursor", more ? val(r, n - 1, "at") : NULL, more ? val(r, n - 1, "id") : NULL);
    end(c);
}

static void list_events(struct ctx *c)
{
    const char *at, *id;
    struct page p = page_of(c, "page", "limit", 25);
    cursor_in(c, &at, &id);
    rows r = sql(
        c,
        "SELECT e.id, e.service, e.action, e.entity, e.entity_id, e.actor_kind, e.actor_id, u.full_name AS actor_name, "
        "host(e.ip) AS ip, e.at FROM audit_events e "
        "LEFT JOIN users u ON u.id = e.actor_id AND e.actor_kind = 'user' "
        "WHERE ($1::timestamptz IS NULL OR (e.at, e.id) < ($1::timestamptz, $2::bigint)) "
        "AND ($3::text IS NULL OR e.service = $3) AND ($4::text IS NULL OR e.action = $4) "
        "AND ($5::text IS NULL OR e.actor_kind = $5) AND ($6::bigint IS NULL OR u.id = $6) "
        "ORDER BY e.at DESC, e.id DESC LIMIT $7",
        at, id, arg(c, "service"), arg(c, "action"), arg_choice(c, "actorType", "user|staff|partner|system"),
        arg_number(c, "userId", NULL, 1, INT64_MAX), p.limit);
    put_page(c, r, p, event_fields);
}

static void get_event(struct ctx *c)
{
    rows e = found(c,
                   sql(c,
                       "SELECT e.*, u.full_name AS actor_name, u.email, u.country, r.keep_months, r.legal_basis, "
                       "e.at + r.keep_months * interval '1 month' AS delete_after "
                       "FROM audit_events e LEFT JOIN users u ON u.id = e.actor_id AND e.actor_kind = 'user' "
                       "LEFT JOIN audit_retention r ON r.service = e.service AND NOT e.action = ANY (r.exempt_kinds) "
                       "WHERE e.id = $1",
                       param(c, "id")),
                   "audit event");
    rows changes = sql(c,
                       "SELECT coalesce(b.key, a.key) AS field, b.value AS old, a.value AS new "
                       "FROM jsonb_each($1::jsonb) b FULL JOIN jsonb_each($2::jsonb) a ON a.key = b.key "
                       "WHERE b.value IS DISTINCT FROM a.value ORDER BY coalesce(b.key, a.key) COLLATE \"C\"",
                       one(e, "before"), one(e, "after"));
    object(c, NULL);
    put_fields(c, e, 0, event_fields);
    put_text(c, "requestId", one(e, "request_id"));
    put_rows(c, "changes", changes, change_fields);
    if (one(e, "email")) {
        object(c, "actor");
        put_text(c, "email", one(e, "email"));
        put_text(c, "country", one(e, "country"));
        end(c);
    }
    if (one(e, "legal_basis")) {
        object(c, "retention");
        put_text(c, "legalBasis", one(e, "legal_basis"));
        put_number(c, "months", one(e, "keep_months"));
        put_zulu(c, "deleteAfter", one(e, "delete_after"));
        end(c);
    }
    end(c);
}

static const struct field trail_fields[] = {{"version", NULL, NUMBER},
                                            {"action", NULL, TEXT},
                                            {"by", NULL, TEXT},
                                            {"at", NULL, ZULU},
                                            {"secondsSinceLast", "since_last", NUMBER, .omit_null = true},
                                            {"state", NULL, JSON},
                                            {"touched", NULL, ARRAY},
                                            {NULL}};

static void entity_trail(struct ctx *c)
{
    rows r = sql(c,
                 "WITH trail AS (SELECT e.*, row_number() OVER w AS version, "
                 "  round(extract(epoch FROM e.at - lag(e.at) OVER w)::numeric) AS since_last "
                 "  FROM audit_events e WHERE e.entity = $1 AND e.entity_id = $2 WINDOW w AS (ORDER BY e.at, e.id)) "
                 "SELECT t.version, t.action, t.at, t.since_last, coalesce(t.after, 'null') AS state, "
                 "coalesce(u.full_name, t.actor_kind || ' ' || t.actor_id, 'system') AS by, "
                 "(SELECT array_agg(k ORDER BY k COLLATE \"C\") FROM jsonb_object_keys(t.after) k) AS touched "
                 "FROM trail t LEFT JOIN users u ON u.id = t.actor_id AND t.actor_kind = 'user' "
                 "ORDER BY t.version DESC LIMIT 50",
                 param(c, "entity"), param(c, "key"));
    if (count(r) == 0)
        stop(c, 404, "not_found", "nothing is known about this entity");
    put_rows(c, NULL, r, trail_fields);
}

static const struct field daily_fields[] = {{"day", NULL, TEXT},           {"service", NULL, TEXT},
                                            {"events", NULL, NUMBER},      {"byStaff", "by_staff", NUMBER},
                                            {"actors", NULL, NUMBER},      {"countries", NULL, NUMBER},
                                            {"sharePct", "share", NUMBER}, {NULL}};

static void daily(struct ctx *c)
{
    const char *month = arg_number(c, "month", "202605", 202301, 202712);
    rows r = sql(
        c,
        "WITH span AS (SELECT make_timestamptz($1::int / 100, $1::int % 100, 1, 0, 0, 0, 'Europe/Berlin') AS first), "
        "counted AS (SELECT (e.at AT TIME ZONE 'Europe/Berlin')::date AS day, e.service, count(*) AS events, "
        "  count(*) FILTER (WHERE e.actor_kind = 'staff') AS by_staff, count(DISTINCT u.id) AS actors, "
        "  count(DISTINCT u.country) AS countries "
        "  FROM audit_events e LEFT JOIN users u ON u.id = e.actor_id AND e.actor_kind = 'user', span s "
        "  WHERE e.at >= s.first AND e.at < s.first + interval '1 month' "
        "  GROUP BY GROUPING SETS ((1, 2), (1), ())) "
        "SELECT coalesce(day::text, 'month') AS day, coalesce(service, 'all') AS service, events, by_staff, actors, "
        "countries, "
        "round(100.0 * events / sum(events) FILTER (WHERE service IS NOT NULL) OVER (PARTITION BY day), 1) AS share "
        "FROM counted WHERE events > 0 ORDER BY counted.day NULLS LAST, counted.service COLLATE \"C\" NULLS LAST",
        month);
    object(c, NULL);
    put_number(c, "month", month);
    put_rows(c, "days", r, daily_fields);
    end(c);
}

static const struct field actor_fields[] = {{"service", NULL, TEXT},
                                            {"events", NULL, NUMBER},
                                            {"nightly", NULL, NUMBER},
                                            {"lastAction", "last_action", TEXT},
                                            {"lastAt", "last_at", ISO},
                                            {"rank", NULL, NUMBER},
                                            {NULL}};

static void actor_activity(struct ctx *c)
{
    rows u = found(
        c,
        sql(c,
            "SELECT u.full_name, u.status, t.created_at AS last_payment, t.amount, m.name AS merchant FROM users u "
            "LEFT JOIN LATERAL (SELECT * FROM transactions t WHERE t.user_id = u.id ORDER BY t.created_at DESC, t.id "
            "DESC "
            "LIMIT 1) t ON true LEFT JOIN merchants m ON m.id = t.merchant_id WHERE u.id = $1",
            param(c, "id")),
        "user");
    rows r =
        sql(c,
            "WITH mine AS (SELECT * FROM audit_events WHERE actor_id = $1 AND actor_kind = 'user'), "
            "latest AS (SELECT DISTINCT ON (service) service, action, at FROM mine ORDER BY service, at DESC, id DESC) "
            "SELECT m.service, count(*) AS events, l.action AS last_action, l.at AS last_at, "
            "count(*) FILTER (WHERE extract(hour FROM m.at AT TIME ZONE 'Europe/Berlin') < 6) AS nightly, "
            "rank() OVER (ORDER BY count(*) DESC) AS rank "
            "FROM mine m JOIN latest l USING (service) LEFT JOIN audit_retention r USING (service) "
            "GROUP BY m.service, l.action, l.at, r.keep_months ORDER BY rank, r.keep_months DESC NULLS LAST, m.service "
            "COLLATE \"C\"",
            param(c, "id"));
    object(c, NULL);
    put_text(c, "name", one(u, "full_name"));
    put_text(c, "status", one(u, "status"));
    put_iso(c, "lastPaymentAt", one(u, "last_payment"));
    put_text(c, "lastPayment", one(u, "amount"));
    put_text(c, "lastMerchant", one(u, "merchant"));
    put_rows(c, "services", r, actor_fields);
    end(c);
}

static const struct field access_fields[] = {
    {"id", NULL, NUMBER}, {"action", NULL, TEXT}, {"ip", NULL, TEXT, .omit_null = true},
    {"at", NULL, ISO},    {"kept", NULL, TEXT},   {NULL}};

/* What a customer may see of it: their own doings. */
static void my_log(struct ctx *c)
{
    const char *at, *id;
    struct page p = page_of(c, "page", "limit", 20);
    only_owner(c, param(c, "id"));
    cursor_in(c, &at, &id);
    rows r = sql(
        c,
        "SELECT e.id, e.action, host(e.ip) AS ip, e.at, coalesce(r.keep_months || ' months', 'until closed') AS kept "
        "FROM users u JOIN audit_events e ON e.actor_id = u.id AND e.actor_kind = 'user' "
        "LEFT JOIN audit_retention r ON r.service = e.service "
        "WHERE u.id = $1 AND ($2::timestamptz IS NULL OR (e.at, e.id) < ($2::timestamptz, $3::bigint)) "
        "ORDER BY e.at DESC, e.id DESC LIMIT $4",
        param(c, "id"), at, id, p.limit);
    put_page(c, r, p, access_fields);
}

/* Partners report what happened in their systems, up to a thousand events a request. */
static void report_events(struct ctx *c)
{
    int n = body_count(c, "events");
    if (n == 0)
        stop(c, 422, "empty", "events must hold at least one event");
    begin(c);
    for (int i = 0; i < n && !stopped(c); i++) {
        const char *action = body_item(c, "events", i, "action"), *entity = body_item(c, "events", i, "entity");
        if (!action || !entity)
            stop(c, 422, "invalid", text(c, "event %d needs an action and an entity", i));
        sql(c,
            "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, after) "
            "VALUES ($1, 'partner', 'partner', $2, $3, $4, jsonb_build_object('reported', $5::text))",
            caller(c), action, entity, body_item(c, "events", i, "entityId"), body_item(c, "events", i, "note"));
    }
    commit(c);
    status(c, 202);
    object(c, NULL);
    put_int(c, "accepted", n);
    end(c);
}

static void set_retention(struct ctx *c)
{
    const char *months = need_id(c, "keepMonths"), *basis = need(c, "legalBasis");
    begin(c);
    rows old = found(c, sql(c, "SELECT * FROM audit_retention WHERE service = $1 FOR UPDATE", param(c, "service")),
                     "retention");
    int64_t m = 0;
    if (!str_to_i64(str_of(months), &m) || m < 6 || m > 240)
        stop(c, 422, "invalid", "keepMonths must be from 6 to 240");
    rows r = sql(
        c,
        "UPDATE audit_retention SET keep_months = $2, legal_basis = $3, reviewed_on = current_date, updated_at = now() "
        "WHERE service = $1 RETURNING *",
        param(c, "service"), months, basis);
    sql(c,
        "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, before, after) "
        "VALUES ($1, 'staff', 'audit', 'retention.change', 'retention', $2, jsonb_build_object('months', $3::int), "
        "jsonb_build_object('months', $4::int))",
        caller(c), param(c, "service"), one(old, "keep_months"), months);
    commit(c);
    static const struct field retention_fields[] = {{"service", NULL, TEXT},
                                                    {"keepMonths", "keep_months", NUMBER},
                                                    {"legalBasis", "legal_basis", TEXT},
                                                    {"ownerTeam", "owner_team", TEXT},
                                                    {"contact", NULL, TEXT},
                                                    {"purge", NULL, BOOL},
                                                    {"exempt", "exempt_kinds", ARRAY},
                                                    {NULL}};
    put_row(c, NULL, r, 0, retention_fields);
}

static const struct route audit_routes[] = {
    {"GET", "/v1/audit/events", list_events, AUTH_STAFF, NULL, false},
    {"GET", "/v1/audit/events/{id}", get_event, AUTH_STAFF, NULL, true},
    {"POST", "/v1/audit/events/batch", report_events, AUTH_PARTNER, NULL, false},
    {"GET", "/v1/audit/trail/{entity:text}/{key:text}", entity_trail, AUTH_STAFF, NULL, false},
    {"GET", "/v1/audit/daily", daily, AUTH_STAFF, NULL, false},
    {"GET", "/v1/audit/actors/{id}", actor_activity, AUTH_STAFF, NULL, false},
    {"GET", "/v1/audit/users/{id}/log", my_log, AUTH_USER, NULL, false},
    {"PUT", "/v1/audit/retention/{service:text}", set_retention, AUTH_STAFF, NULL, false},
};
SERVICE_NO_JOBS(audit, ERRORS_TEXT, audit_routes);
