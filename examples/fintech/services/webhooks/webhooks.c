// SPDX-License-Identifier: Apache-2.0
/* Webhooks: endpoints, what they subscribed to, and deliveries with their retries. Queries are put together by the
 * builder; camelCase,
 * {"results":[...],"total":n}. */
#include "app.h"

#define EVENTS "payment.posted|payment.failed|settlement.paid|dispute.opened|account.closed|api_key.revoked"

static const struct field endpoint_fields[] = {{"id", NULL, NUMBER},
                                               {"url", NULL, TEXT},
                                               {"description", NULL, TEXT, true},
                                               {"status", NULL, TEXT},
                                               {"secretHint", "secret_hint", TEXT},
                                               {"apiVersion", "api_version", TEXT},
                                               {"maxAttempts", "max_attempts", NUMBER},
                                               {"failingSince", "failing_since", ISO},
                                               {"createdAt", "created_at", EPOCH_MS},
                                               {"updatedAt", "updated_at", EPOCH_MS},
                                               {NULL}};
static const struct label outcomes[] = {
    {"queued", "Waiting"}, {"delivered", "Delivered"}, {"failed", "Will retry"}, {"dead", "Given up"}, {NULL, NULL}};
static const struct field delivery_fields[] = {{"id", NULL, TEXT},
                                               {"event", "event_type", TEXT},
                                               {"status", NULL, TEXT},
                                               {"statusLabel", "status", LABEL, .labels = outcomes},
                                               {"attempts", NULL, NUMBER},
                                               {"responseCode", "response_code", NUMBER, true},
                                               {"latencyMs", "latency_ms", NUMBER, true},
                                               {"nextAttemptAt", "next_attempt_at", ISO, true},
                                               {"createdAt", "created_at", ISO},
                                               {"deliveredAt", "delivered_at", ISO, true},
                                               {NULL}};
static const struct field transaction_fields[] = {{"id", "transaction_id", NUMBER},
                                                  {"kind", NULL, TEXT},
                                                  {"amountMinor", "amount", MINOR, .currency = "currency"},
                                                  {"currency", NULL, TEXT},
                                                  {"merchant", NULL, TEXT, true},
                                                  {NULL}};

/* A partner sees its own. */
static const char *only_partner(struct ctx *c)
{
    return is_staff(c) ? arg_number(c, "partnerId", NULL, 1, INT64_MAX) : caller(c);
}

static void put_delivery(struct ctx *c, rows r, int i)
{
    put_fields(c, r, i, delivery_fields);
    object(c, "endpoint");
    put_number(c, "id", val(r, i, "endpoint_id"));
    put_text(c, "url", val(r, i, "url"));
    put_text(c, "partner", val(r, i, "partner"));
    end(c);
    if (val(r, i, "kind"))
        put_row(c, "transaction", r, i, transaction_fields);
}

static void filters(struct ctx *c, struct query *q)
{
    query_if(q, only_partner(c), "e.partner_id = ?");
    query_if(q, arg_choice(c, "status", "queued|delivered|failed|dead"), "d.status = ?::webhook_status");
    query_if(q, arg_choice(c, "event", EVENTS), "d.event_type = ?");
    query_if(q, arg_number(c, "userId", NULL, 1, INT64_MAX), "d.user_id = ?");
    query_if(q, arg(c, "from"), "d.created_at >= ?::timestamptz");
    query_if(q, arg(c, "to"), "d.created_at < ?::timestamptz");
}

static void list_deliveries(struct ctx *c)
{
    struct page p = page_of(c, "page", "size", 20);
    struct query n =
        query(c, "SELECT count(*) AS n FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id"
                 " JOIN partners pa ON pa.id = e.partner_id");
    filters(c, &n);
    rows total = query_run(&n);
    struct query q =
        query(c, "SELECT d.*, e.url, pa.name AS partner, t.kind, t.amount, t.currency, m.name AS merchant FROM "
                 "webhook_deliveries d"
                 " JOIN webhook_endpoints e ON e.id = d.endpoint_id JOIN partners pa ON pa.id = e.partner_id"
                 " LEFT JOIN transactions t ON t.id = d.transaction_id LEFT JOIN merchants m ON m.id = t.merchant_id");
    filters(c, &q);
    query_add(&q, "ORDER BY d.created_at DESC, d.id");
    query_value(&q, "LIMIT ?", p.limit);
    query_value(&q, "OFFSET ?", p.offset);
    rows r = query_run(&q);
    object(c, NULL);
    put_number(c, "total", one(total, "n"));
    put_int(c, "page", p.number);
    array(c, "results");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_delivery(c, r, i);
        end(c);
    }
    end(c);
    end(c);
}

static void show_delivery(struct ctx *c)
{
    struct query q =
        query(c, "SELECT d.*, e.url, e.headers, e.partner_id, pa.name AS partner, t.kind, t.amount, t.currency, m.name "
                 "AS merchant, u.full_name"
                 " FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id JOIN partners pa ON "
                 "pa.id = e.partner_id"
                 " LEFT JOIN transactions t ON t.id = d.transaction_id LEFT JOIN merchants m ON m.id = t.merchant_id"
                 " LEFT JOIN users u ON u.id = d.user_id");
    query_if(&q, param(c, "id"), "d.id = ?::uuid");
    rows r = found(c, query_run(&q), "delivery");
    if (!stopped(c) && !is_staff(c) && strcmp(one(r, "partner_id"), caller(c)) != 0)
        stop(c, 403, "forbidden", "another partner's delivery");
    object(c, NULL);
    put_delivery(c, r, 0);
    put_text(c, "customer", one(r, "full_name"));
    put_number(c, "payload", one(r, "payload"));
    put_number(c, "headers", one(r, "headers"));
    put_text(c, "responseBody", one(r, "response_body"));
    end(c);
}

static void list_endpoints(struct ctx *c)
{
    static const struct field stats[] = {{"partnerName", "partner", TEXT}, {"events", NULL, ARRAY},
                                         {"deliveries", NULL, NUMBER},     {"failures", NULL, NUMBER},
                                         {"volumeLast", "volume", TEXT},   {NULL}};
    struct query q = query(
        c,
        "SELECT e.*, pa.name AS partner, s.events, x.deliveries, x.failures, x.volume FROM webhook_endpoints e"
        " JOIN partners pa ON pa.id = e.partner_id,"
        " LATERAL (SELECT array_agg(event_type ORDER BY event_type) AS events FROM webhook_subscriptions WHERE "
        "endpoint_id = e.id) s,"
        " LATERAL (SELECT count(*) AS deliveries, count(*) FILTER (WHERE d.status IN ('failed', 'dead')) AS failures,"
        " coalesce(sum(t.amount), 0)::numeric(18,2) AS volume FROM (SELECT * FROM webhook_deliveries WHERE endpoint_id "
        "= e.id"
        " ORDER BY created_at DESC, id LIMIT 100) d LEFT JOIN transactions t ON t.id = d.transaction_id) x");
    query_if(&q, only_partner(c), "e.partner_id = ?");
    query_if(&q, arg_choice(c, "status", "enabled|paused|disabled"), "e.status = ?");
    query_if(&q, arg_choice(c, "event", EVENTS),
             "EXISTS (SELECT FROM webhook_subscriptions w WHERE w.endpoint_id = e.id AND w.event_type = ?)");
    query_add(&q, "ORDER BY e.id");
    query_value(&q, "LIMIT ?", arg_number(c, "limit", "25", 1, 100));
    rows r = query_run(&q);
    object(c, NULL);
    array(c, "results");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, endpoint_fields);
        put_fields(c, r, i, stats);
        end(c);
    }
    end(c);
    put_int(c, "total", count(r));
    end(c);
}

/* The endpoint, locked; a partner's own. */
static rows locked(struct ctx *c)
{
    rows r = found(c, sql(c, "SELECT * FROM webhook_endpoints WHERE id = $1 FOR UPDATE", param(c, "id")), "endpoint");
    if (!stopped(c) && !is_staff(c) && strcmp(one(r, "partner_id"), caller(c)) != 0)
        stop(c, 403, "forbidden", "another partner's endpoint");
    return r;
}

static void create_endpoint(struct ctx *c)
{
    const char *url = need(c, "url"), *partner = is_staff(c) ? need_id(c, "partnerId") : caller(c);
    int n = body_count(c, "events");
    if (strncmp(url, "https://", 8) != 0)
        stop(c, 422, "invalid", "url must be https");
    if (n == 0 || n > 20)
        stop(c, 422, "invalid", "events must name 1 to 20");
    begin(c);
    rows r = sql(c,
                 "INSERT INTO webhook_endpoints (partner_id, url, description, secret_hint, headers)"
                 " VALUES ($1::bigint, $2, $3, substr(md5($2 || ($1::bigint)::text), 1, 4), coalesce($4::jsonb, '{}')) "
                 "RETURNING *",
                 partner, url, body(c, "description"), body_json(c, "headers"));
    for (int i = 0; i < n; i++)
        sql(c, "INSERT INTO webhook_subscriptions (endpoint_id, event_type) VALUES ($1, $2)", one(r, "id"),
            body_element(c, "events", i));
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/webhooks/endpoints/%s", stopped(c) ? "" : one(r, "id")));
    put_row(c, NULL, r, 0, endpoint_fields);
}

static void change_endpoint(struct ctx *c)
{
    const char *to = body_choice(c, "status", "enabled|paused|disabled");
    begin(c);
    rows old = locked(c);
    if (!stopped(c) && to && strcmp(one(old, "status"), "disabled") == 0 && strcmp(to, "paused") == 0)
        stop(c, 409, "wrong_state", "a disabled endpoint cannot be paused");
    rows r = sql(c,
                 "UPDATE webhook_endpoints SET status = coalesce($2, status), description = coalesce($3, description),"
                 " failing_since = CASE WHEN $2 = 'enabled' THEN NULL ELSE failing_since END, updated_at = now() WHERE "
                 "id = $1 RETURNING *",
                 param(c, "id"), to, body(c, "description"));
    commit(c);
    put_row(c, NULL, r, 0, endpoint_fields);
}

static void subscribe(struct ctx *c)
{
    begin(c);
    locked(c);
    rows r = sql(c,
                 "INSERT INTO webhook_subscriptions (endpoint_id, event_type, filter) VALUES ($1, $2, $3::jsonb)"
                 " ON CONFLICT (endpoint_id, event_type) DO UPDATE SET filter = excluded.filter RETURNING *",
                 param(c, "id"), param(c, "event"), body_json(c, "filter"));
    commit(c);
    object(c, NULL);
    put_number(c, "endpointId", one(r, "endpoint_id"));
    put_text(c, "event", one(r, "event_type"));
    put_number(c, "filter", one(r, "filter"));
    end(c);
}

static void unsubscribe(struct ctx *c)
{
    begin(c);
    locked(c);
    rows r = sql(c, "DELETE FROM webhook_subscriptions WHERE endpoint_id = $1 AND event_type = $2", param(c, "id"),
                 param(c, "event"));
    if (!stopped(c) && affected(r) == 0)
        stop(c, 404, "not_found", "no such subscription");
    commit(c);
    status(c, 204);
}

static void retry_delivery(struct ctx *c)
{
    begin(c);
    rows d = found(c, sql(c, "SELECT status FROM webhook_deliveries WHERE id = $1::uuid FOR UPDATE", param(c, "id")),
                   "delivery");
    if (!stopped(c) && strcmp(one(d, "status"), "delivered") == 0)
        stop(c, 409, "already_delivered", "it was delivered");
    rows r = sql(c,
                 "UPDATE webhook_deliveries SET status = 'queued', next_attempt_at = now() + interval '1 minute', "
                 "response_code = NULL, response_body = NULL"
                 " WHERE id = $1::uuid RETURNING id, status, attempts, next_attempt_at",
                 param(c, "id"));
    commit(c);
    status(c, 202);
    object(c, NULL);
    put_text(c, "id", one(r, "id"));
    put_text(c, "status", one(r, "status"));
    put_number(c, "attempts", one(r, "attempts"));
    put_iso(c, "nextAttemptAt", one(r, "next_attempt_at"));
    end(c);
}

/* Partners' servers are not ours to call from a demo: three of four attempts arrive, by the delivery's id and attempt.
 */
static void job_retry(struct ctx *c)
{
    begin(c);
    rows r = sql(c, "UPDATE webhook_deliveries d SET attempts = d.attempts + 1, latency_ms = 20 + x.luck, "
                    "response_code = CASE WHEN x.luck < 192 THEN 200 ELSE 503 END,"
                    " status = (CASE WHEN x.luck < 192 THEN 'delivered' WHEN d.attempts + 1 >= x.max_attempts THEN "
                    "'dead' ELSE 'failed' END)::webhook_status,"
                    " delivered_at = CASE WHEN x.luck < 192 THEN now() END,"
                    " next_attempt_at = CASE WHEN x.luck >= 192 AND d.attempts + 1 < x.max_attempts THEN now() + "
                    "interval '10 seconds' * power(2, d.attempts) END"
                    " FROM (SELECT w.id, e.max_attempts, ('x' || substr(md5(w.id::text || w.attempts), 1, "
                    "2))::bit(8)::int AS luck FROM webhook_deliveries w"
                    " JOIN webhook_endpoints e ON e.id = w.endpoint_id AND e.status = 'enabled' WHERE "
                    "w.next_attempt_at <= now() AND w.status IN ('queued', 'failed')"
                    " ORDER BY w.next_attempt_at, w.id LIMIT 25 FOR UPDATE OF w SKIP LOCKED) x WHERE x.id = d.id "
                    "RETURNING d.endpoint_id, d.status");
    for (int i = 0; i < count(r); i++)
        if (strcmp(val(r, i, "status"), "delivered") != 0)
            sql(c, "UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, now()) WHERE id = $1",
                val(r, i, "endpoint_id"));
    commit(c);
}

static const struct route webhook_routes[] = {
    {"GET", "/v1/webhooks/deliveries", list_deliveries, AUTH_PARTNER, NULL, false},
    {"GET", "/v1/webhooks/deliveries/{id:uuid}", show_delivery, AUTH_PARTNER, NULL, false},
    {"POST", "/v1/webhooks/deliveries/{id:uuid}/retry", retry_delivery, AUTH_STAFF, NULL, false},
    {"GET", "/v1/webhooks/endpoints", list_endpoints, AUTH_PARTNER, NULL, false},
    {"POST", "/v1/webhooks/endpoints", create_endpoint, AUTH_PARTNER, NULL, false},
    {"PATCH", "/v1/webhooks/endpoints/{id}", change_endpoint, AUTH_PARTNER, NULL, false},
    {"PUT", "/v1/webhooks/endpoints/{id}/subscriptions/{event:text}", subscribe, AUTH_PARTNER, NULL, false},
    {"DELETE", "/v1/webhooks/endpoints/{id}/subscriptions/{event:text}", unsubscribe, AUTH_PARTNER, NULL, false},
};
static const struct job webhook_jobs[] = {{"webhook-retries", 5, job_retry}};

SERVICE(webhooks, ERRORS_CODE, webhook_routes, webhook_jobs);
