// SPDX-License-Identifier: Apache-2.0
/*
 * Subscriptions to paid plans and what is used of them. Object mapping, snake_case, epoch seconds, money as text.
 * States: trial, active, paused, past_due, cancelled; nothing leaves cancelled.
 */
#include "app.h"

static const struct model Plan = {.table = "plans", .soft_delete = true};
static const struct model AnyPlan = {.table = "plans"}; /* also those no longer sold */
static const struct model Subscription = {.table = "subscriptions", .soft_delete = true};
static const struct model Usage = {.table = "subscription_usages"};
static const struct model User = {.table = "users"};
static const struct model Notification = {.table = "notifications", .soft_delete = true};

static const struct field plan_fields[] = {
    {"id", NULL, NUMBER},     {"code", NULL, TEXT},       {"name", NULL, TEXT},        {"description", NULL, TEXT},
    {"price", NULL, TEXT},    {"currency", NULL, TEXT},   {"interval", "every", TEXT}, {"trial_days", NULL, NUMBER},
    {"features", NULL, JSON}, {"included", NULL, NUMBER}, {"unit_price", NULL, TEXT},  {NULL},
};
static const struct field subscription_fields[] = {
    {"id", NULL, NUMBER},
    {"user_id", NULL, NUMBER},
    {"state", NULL, TEXT},
    {"quantity", NULL, NUMBER},
    {"discount", NULL, NUMBER},
    {"interval", "period", TEXT},
    {"current_period_start", "period_start", EPOCH_S},
    {"current_period_end", "period_end", EPOCH_S},
    {"paused_at", NULL, EPOCH_S, .omit_null = true},
    {"cancelled_at", NULL, EPOCH_S, .omit_null = true},
    {"cancel_reason", NULL, TEXT, .omit_null = true},
    {"renewals", NULL, NUMBER},
    {"metadata", NULL, JSON},
    {"created_at", NULL, EPOCH_S},
    {NULL},
};

static void plans(struct ctx *c)
{
    const char *currency = arg_choice(c, "currency", "EUR|JPY|KWD");
    rows r = orm_where(c, &Plan, "currency", currency ? currency : "EUR", "price, id", NULL);
    object(c, NULL);
    put_rows(c, "results", r, plan_fields);
    put_int(c, "total", count(r));
    end(c);
}

static void list(struct ctx *c)
{
    struct page p = page_of(c, "page", "size", 5);
    const char *user = is_staff(c) ? arg_number(c, "user_id", "1", 1, INT64_MAX) : caller(c);
    rows r = orm_where(c, &Subscription, "user_id", user, "id DESC", text(c, "%s OFFSET %s", p.limit, p.offset));
    object(c, NULL);
    array(c, "results");
    for (int i = 0; i < count(r) && !stopped(c); i++) {
        rows plan = orm_find(c, &AnyPlan, val(r, i, "plan_id"));
        object(c, NULL);
        put_fields(c, r, i, subscription_fields);
        put_row(c, "plan", plan, 0,
                (const struct field[]){{"code", NULL, TEXT}, {"name", NULL, TEXT}, {"price", NULL, TEXT}, {NULL}});
        put_number(c, "usage_events", orm_count(c, &Usage, "subscription_id", val(r, i, "id")));
        end(c);
    }
    end(c);
    put_number(c, "total", orm_count(c, &Subscription, "user_id", user));
    end(c);
}

static void get(struct ctx *c)
{
    static const struct field more[] = {
        {"plan_code", "code", TEXT},    {"plan_name", "plan_name", TEXT},  {"unit_price", "price", TEXT},
        {"total_price", "total", TEXT}, {"currency", NULL, TEXT},          {"customer", "full_name", TEXT},
        {"country", NULL, TEXT},        {"account", "account_kind", TEXT}, {NULL}};
    rows r = found(c,
                   sql(c,
                       "SELECT s.*, p.code, p.name AS plan_name, p.price, p.currency, round(p.price * s.quantity * (1 "
                       "- coalesce(s.discount, 0) / 100), 2) AS total,"
                       " u.full_name, u.country, a.kind AS account_kind FROM subscriptions s JOIN plans p ON p.id = "
                       "s.plan_id JOIN users u ON u.id = s.user_id"
                       " LEFT JOIN accounts a ON a.id = s.account_id WHERE s.id = $1 AND s.deleted_at IS NULL",
                       param(c, "id")),
                   "subscription");
    if (stopped(c))
        return;
    only_owner(c, one(r, "user_id"));
    object(c, NULL);
    put_fields(c, r, 0, subscription_fields);
    put_row(c, "billing", r, 0, more);
    end(c);
}

/* Usage by metric, with what is over what the plan includes. */
static void usage(struct ctx *c)
{
    static const struct field fields[] = {
        {"metric", NULL, TEXT}, {"quantity", NULL, TEXT},   {"events", NULL, NUMBER},   {"over", NULL, TEXT},
        {"cost", NULL, TEXT},   {"merchants", NULL, ARRAY}, {"last_at", NULL, EPOCH_S}, {NULL}};
    rows s = found(c, orm_find(c, &Subscription, param(c, "id")), "subscription");
    if (!stopped(c))
        only_owner(c, one(s, "user_id"));
    rows r = sql(
        c,
        "SELECT g.metric, sum(g.quantity) AS quantity, count(*) AS events, greatest(sum(g.quantity) - p.included, 0) "
        "AS over,"
        " round(greatest(sum(g.quantity) - p.included, 0) * p.unit_price, 2) AS cost, max(g.occurred_at) AS last_at,"
        " array_remove(array_agg(DISTINCT m.name ORDER BY m.name), NULL) AS merchants"
        " FROM subscription_usages g JOIN subscriptions s ON s.id = g.subscription_id JOIN plans p ON p.id = s.plan_id"
        " LEFT JOIN merchants m ON m.id = g.merchant_id WHERE g.subscription_id = $1 AND ($2::text IS NULL OR g.metric "
        "= $2)"
        " GROUP BY g.metric, p.included, p.unit_price ORDER BY g.metric",
        param(c, "id"), arg_choice(c, "metric", "transfers|api_calls|atm|statements"));
    put_rows(c, NULL, r, fields);
}

/* What a user may do by the best plan. */
static void entitlement(struct ctx *c)
{
    static const struct field fields[] = {{"user_id", "id", NUMBER},       {"name", "full_name", TEXT},
                                          {"kyc_level", NULL, NUMBER},     {"plan", "code", TEXT},
                                          {"features", NULL, JSON},        {"until", "period_end", EPOCH_S},
                                          {"open_accounts", NULL, NUMBER}, {NULL}};
    only_owner(c, param(c, "id"));
    rows r =
        found(c,
              sql(c,
                  "SELECT u.id, u.full_name, u.kyc_level, b.code, coalesce(b.features, '{}') AS features, b.period_end,"
                  " (SELECT count(*) FROM accounts a WHERE a.user_id = u.id AND a.status = 'open') AS open_accounts "
                  "FROM users u"
                  " LEFT JOIN LATERAL (SELECT p.code, p.features, s.period_end FROM subscriptions s JOIN plans p ON "
                  "p.id = s.plan_id"
                  "   WHERE s.user_id = u.id AND s.state IN ('trial', 'active', 'past_due') AND s.deleted_at IS NULL"
                  "   ORDER BY p.price DESC, s.id LIMIT 1) b ON true WHERE u.id = $1",
                  param(c, "id")),
              "user");
    put_row(c, NULL, r, 0, fields);
}

static void search(struct ctx *c)
{
    static const struct field customer[] = {{"email", NULL, TEXT}, {"name", "full_name", TEXT}, {NULL}};
    const char *q = arg(c, "q");
    if (!q)
        stop(c, 400, "bad_request", "q is missing");
    rows r = sql(c,
                 "SELECT s.*, u.email, u.full_name, p.code, count(*) OVER () AS total FROM subscriptions s JOIN users "
                 "u ON u.id = s.user_id JOIN plans p ON p.id = s.plan_id"
                 " WHERE (u.full_name ILIKE $1 || '%' OR u.email LIKE $1 || '%') AND ($2::text IS NULL OR s.state = "
                 "$2::subscription_state)"
                 " AND s.deleted_at IS NULL AND u.deleted_at IS NULL ORDER BY u.full_name, s.id LIMIT 20",
                 q, arg_choice(c, "state", "trial|active|paused|past_due|cancelled"));
    object(c, NULL);
    array(c, "results");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, subscription_fields);
        put_text(c, "plan", val(r, i, "code"));
        put_row(c, "customer", r, i, customer);
        end(c);
    }
    end(c);
    put_number(c, "total", count(r) ? one(r, "total") : "0");
    end(c);
}

/* Monthly recurring revenue by plan and country. */
static void metrics(struct ctx *c)
{
    static const struct field fields[] = {{"plan", "code", TEXT},
                                          {"country", NULL, TEXT},
                                          {"subscriptions", NULL, NUMBER},
                                          {"mrr", NULL, TEXT},
                                          {"churned", NULL, NUMBER},
                                          {"share", NULL, TEXT},
                                          {NULL}};
    rows r = sql(c, "SELECT p.code, u.country, count(*) FILTER (WHERE s.state <> 'cancelled') AS subscriptions, "
                    "count(*) FILTER (WHERE s.state = 'cancelled') AS churned,"
                    " coalesce(round(sum(p.price * s.quantity * (1 - coalesce(s.discount, 0) / 100) / CASE p.every "
                    "WHEN '1 year' THEN 12 WHEN '14 days' THEN 0.5 ELSE 1 END)"
                    "   FILTER (WHERE s.state IN ('active', 'past_due')), 2), 0) AS mrr, round(100.0 * count(*) / "
                    "sum(count(*)) OVER (), 2) AS share"
                    " FROM subscriptions s JOIN plans p ON p.id = s.plan_id JOIN users u ON u.id = s.user_id WHERE "
                    "s.deleted_at IS NULL"
                    " GROUP BY p.code, u.country ORDER BY p.code, u.country");
    put_rows(c, NULL, r, fields);
}

static void subscribe(struct ctx *c)
{
    begin(c);
    rows plan = orm_where(c, &Plan, "code", need(c, "plan"), NULL, "1");
    if (!stopped(c) && count(plan) == 0)
        stop(c, 422, "unknown_plan", "there is no such plan");
    rows user = orm_find(c, &User, caller(c));
    const char *trial = one(plan, "trial_days");
    rows dates = sql(c,
                     "SELECT now() AS start, now() + CASE WHEN $2::int > 0 THEN $2::int * interval '1 day' ELSE "
                     "$1::interval END AS stop",
                     one(plan, "every"), trial);
    rows r = orm_insert(c, &Subscription, "user_id", one(user, "id"), "plan_id", one(plan, "id"), "account_id",
                        body(c, "account_id"), "state", trial && strcmp(trial, "0") == 0 ? "active" : "trial", "period",
                        one(plan, "every"), "period_start", one(dates, "start"), "period_end", one(dates, "stop"));
    if (trial && strcmp(trial, "0") == 0)
        sql(c,
            "INSERT INTO invoice (issuer_id, customer_id, customer_name, currency, line_sum, terms) SELECT h.id, u.id, "
            "u.full_name, p.currency, p.price, p.name"
            " FROM users u, plans p, users h WHERE u.id = $1 AND p.id = $2 AND h.email = 'house@example.com'",
            one(user, "id"), one(plan, "id"));
    commit(c);
    if (stopped(c))
        return;
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/subscriptions/%s", one(r, "id")));
    put_row(c, NULL, r, 0, subscription_fields);
}

/* The subscription, locked and the caller's; stops unless it is in one of these states. */
static rows locked(struct ctx *c, const char *states)
{
    rows s = found(
        c, sql(c, "SELECT *, now() FROM subscriptions WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", param(c, "id")),
        "subscription");
    if (stopped(c))
        return s;
    only_owner(c, one(s, "user_id"));
    if (!strstr(states, one(s, "state")))
        stop(c, 409, "wrong_state", text(c, "the subscription is %s", one(s, "state")));
    return s;
}

static void pause_it(struct ctx *c)
{
    begin(c);
    rows s = locked(c, "active trial");
    rows r = orm_update(c, &Subscription, param(c, "id"), "state", "paused", "paused_at", one(s, "now"), "updated_at",
                        one(s, "now"));
    commit(c);
    put_row(c, NULL, r, 0, subscription_fields);
}

static void resume(struct ctx *c)
{
    begin(c);
    rows s = locked(c, "paused past_due");
    rows r =
        orm_update(c, &Subscription, param(c, "id"), "state", "active", "paused_at", NULL, "updated_at", one(s, "now"));
    commit(c);
    put_row(c, NULL, r, 0, subscription_fields);
}

static void cancel(struct ctx *c)
{
    begin(c);
    rows s = locked(c, "active trial paused past_due");
    rows r = orm_update(c, &Subscription, param(c, "id"), "state", "cancelled", "cancelled_at", one(s, "now"),
                        "cancel_reason", body(c, "reason"), "updated_at", one(s, "now"));
    orm_insert(c, &Notification, "user_id", one(r, "user_id"), "kind", "subscription_cancelled", "channel", "email",
               "title", "We are sorry to see you go");
    commit(c);
    put_row(c, NULL, r, 0, subscription_fields);
}

/* Events in bulk, as the partner's meter sends them. */
static void report_usage(struct ctx *c)
{
    int n = body_count(c, "events");
    begin(c);
    found(c, orm_find(c, &Subscription, param(c, "id")), "subscription");
    if (!stopped(c) && n == 0)
        stop(c, 422, "invalid", "events are missing");
    for (int i = 0; i < n && !stopped(c); i++)
        orm_insert(c, &Usage, "subscription_id", param(c, "id"), "metric", body_item(c, "events", i, "metric"),
                   "quantity", body_item(c, "events", i, "quantity"), "occurred_at", body_item(c, "events", i, "at"));
    sql(c, "UPDATE subscriptions SET updated_at = now(), lock_version = lock_version + 1 WHERE id = $1",
        param(c, "id"));
    commit(c);
    status(c, 202);
    object(c, NULL);
    put_int(c, "accepted", n);
    end(c);
}

/* Renews what has run out, ten at a time. */
static void renew(struct ctx *c)
{
    sql(c, "UPDATE subscriptions SET period_start = period_end, period_end = period_end + period, renewals = renewals "
           "+ 1, state = 'active', updated_at = now()"
           " WHERE id IN (SELECT id FROM subscriptions WHERE period_end < now() AND state IN ('trial', 'active') AND "
           "deleted_at IS NULL"
           " ORDER BY period_end, id LIMIT 10 FOR UPDATE SKIP LOCKED)");
}

static const struct route subscriptions_routes[] = {
    {"GET", "/v1/plans", plans, AUTH_NONE},
    {"GET", "/v1/subscriptions", list, AUTH_USER},
    {"GET", "/v1/subscriptions/{id}", get, AUTH_USER},
    {"GET", "/v1/subscriptions/{id}/usage", usage, AUTH_USER},
    {"GET", "/v1/users/{id}/entitlement", entitlement, AUTH_USER},
    {"GET", "/v1/subscription-search", search, AUTH_STAFF},
    {"GET", "/v1/subscription-metrics", metrics, AUTH_STAFF},
    {"POST", "/v1/subscriptions", subscribe, AUTH_USER},
    {"POST", "/v1/subscriptions/{id}/pause", pause_it, AUTH_USER},
    {"POST", "/v1/subscriptions/{id}/resume", resume, AUTH_USER},
    {"POST", "/v1/subscriptions/{id}/cancel", cancel, AUTH_USER},
    {"POST", "/v1/subscriptions/{id}/usage", report_usage, AUTH_PARTNER},
};
static const struct job subscriptions_jobs[] = {{"renew_subscriptions", 30, renew}};

SERVICE(subscriptions, ERRORS_TEXT, subscriptions_routes, subscriptions_jobs);
