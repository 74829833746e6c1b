// SPDX-License-Identifier: Apache-2.0
/*
 * Limits: what a user may spend a day, a month, and at once. Written on the object mapping, with some SQL where that
 * was too slow or could not add. Amounts are minor units.
 */
#include "app.h"

static const struct model UserLimit = {.table = "user_limits"};
static const struct model LimitUsage = {.table = "limit_usage"};
static const struct model LimitRequest = {.table = "limit_requests", .soft_delete = true};
static const struct model User = {.table = "users"};
static const struct model Account = {.table = "accounts"};
static const struct model Notification = {.table = "notifications", .soft_delete = true};

#define KINDS "transfer|card|atm|fx|payout"

static const struct label kind_labels[] = {
    {"transfer", "Transfers"},   {"card", "Card payments"}, {"atm", "Cash withdrawals"},
    {"fx", "Currency exchange"}, {"payout", "Payouts"},     {NULL, NULL},
};
static const struct field limit_fields[] = {
    {"kind", NULL, TEXT},
    {"label", "kind", LABEL, .labels = kind_labels},
    {"daily", NULL, MINOR, .currency = "currency"},
    {"monthly", NULL, MINOR, .currency = "currency"},
    {"perMovement", "per_movement", MINOR, .currency = "currency"},
    {"currency", NULL, TEXT},
    {"source", NULL, TEXT},
    {"reason", NULL, TEXT, .omit_null = true},
    {"locked", NULL, BOOL},
    {"updatedAt", "updated_at", EPOCH_MS},
    {NULL},
};

/* Each limit with its last days of usage, loaded limit by limit. */
static void list(struct ctx *c)
{
    static const struct field usage[] = {
        {"day", NULL, TEXT}, {"used", NULL, MINOR}, {"count", NULL, NUMBER}, {"lastAt", "last_at", EPOCH_MS}, {NULL}};
    only_owner(c, param(c, "id"));
    found(c, orm_find(c, &User, param(c, "id")), "user");
    rows limits = orm_where(c, &UserLimit, "user_id", param(c, "id"), "kind", NULL);
    array(c, NULL);
    for (int i = 0; i < count(limits) && !stopped(c); i++) {
        rows days = orm_where(c, &LimitUsage, "user_id", param(c, "id"), "day DESC, kind", "40");
        object(c, NULL);
        put_fields(c, limits, i, limit_fields);
        array(c, "recent");
        for (int d = 0; d < count(days); d++)
            if (strcmp(val(days, d, "kind"), val(limits, i, "kind")) == 0)
                put_row(c, NULL, days, d, usage);
        end(c);
        end(c);
    }
    end(c);
}

/* What is left of each limit in a month. */
static void summary(struct ctx *c)
{
    static const struct field fields[] = {
        {"kind", NULL, TEXT},
        {"label", "kind", LABEL, .labels = kind_labels},
        {"monthly", NULL, MINOR, .currency = "currency", .omit_null = true},
        {"used", NULL, MINOR, .currency = "currency"},
        {"left", NULL, MINOR, .currency = "currency", .omit_null = true},
        {"busiestDay", "busiest", MINOR, .currency = "currency"},
        {"movements", NULL, NUMBER},
        {"currency", NULL, TEXT},
        {NULL},
    };
    only_owner(c, param(c, "id"));
    const char *month = arg_number(c, "month", "202606", 202301, 203512);
    rows r = found(
        c,
        sql(c,
            "SELECT u.id, u.full_name, u.kyc_level, u.country, (SELECT count(*) FROM accounts a WHERE a.user_id = u.id"
            " AND a.status = 'open') AS accounts, l.kind, l.monthly, l.currency, coalesce(s.used, 0) AS used,"
            " l.monthly - coalesce(s.used, 0) AS left, coalesce(s.busiest, 0) AS busiest, coalesce(s.movements, 0) AS "
            "movements"
            " FROM users u LEFT JOIN user_limits l ON l.user_id = u.id"
            " LEFT JOIN LATERAL (SELECT sum(used) AS used, max(used) AS busiest, sum(count) AS movements"
            "   FROM limit_usage x WHERE x.user_id = u.id AND x.kind = l.kind"
            "   AND x.day >= to_date($2, 'YYYYMM') AND x.day < to_date($2, 'YYYYMM') + interval '1 month') s ON true"
            " WHERE u.id = $1 ORDER BY l.kind",
            param(c, "id"), month),
        "user");
    object(c, NULL);
    put_row(c, "user", r, 0,
            (const struct field[]){{"id", NULL, NUMBER},
                                   {"name", "full_name", TEXT},
                                   {"kycLevel", "kyc_level", NUMBER},
                                   {"openAccounts", "accounts", NUMBER},
                                   {NULL}});
    put_number(c, "month", month);
    array(c, "limits");
    for (int i = 0; i < count(r); i++)
        if (val(r, i, "kind"))
            put_row(c, NULL, r, i, fields);
    end(c);
    end(c);
}

static void set(struct ctx *c)
{
    begin(c);
    rows locked = sql(c, "SELECT locked FROM user_limits WHERE user_id = $1 AND kind = $2::limit_kind FOR UPDATE",
                      param(c, "id"), param(c, "kind"));
    if (is_true(one(locked, "locked")))
        stop(c, 409, "locked", "the limit is locked by compliance");
    rows r = sql(c,
                 "INSERT INTO user_limits (user_id, kind, daily, monthly, per_movement, source, reason)"
                 " VALUES ($1, $2::limit_kind, $3, $4, $5, 'request', $6)"
                 " ON CONFLICT (user_id, kind) DO UPDATE SET daily = excluded.daily, monthly = excluded.monthly,"
                 " per_movement = excluded.per_movement, source = 'request', reason = excluded.reason,"
                 " version = user_limits.version + 1, updated_at = now() RETURNING *",
                 param(c, "id"), param(c, "kind"), body(c, "daily"), body(c, "monthly"), body(c, "perMovement"),
                 body(c, "reason"));
    sql(c,
        "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, after)"
        " SELECT $3, 'staff', 'limits', 'set', 'user_limit', user_id || '/' || kind, to_jsonb(l) FROM user_limits l"
        " WHERE user_id = $1 AND kind = $2::limit_kind",
        param(c, "id"), param(c, "kind"), caller(c));
    commit(c);
    put_row(c, NULL, r, 0, limit_fields);
}

/* Would a movement be allowed now? Nothing is written. */
static void check(struct ctx *c)
{
    const char *kind = need_choice(c, "kind", KINDS);
    rows account = found(c, orm_find(c, &Account, need_id(c, "accountId")), "account");
    if (stopped(c))
        return;
    only_owner(c, one(account, "user_id"));
    rows r = sql(
        c,
        "SELECT u.status, l.daily, l.daily - coalesce(d.used, 0) AS left, $3::numeric <= l.per_movement AS movement_ok,"
        " coalesce(d.used, 0) + $3 <= l.daily AS daily_ok, coalesce(m.used, 0) + $3 <= l.monthly AS monthly_ok"
        " FROM users u LEFT JOIN user_limits l ON l.user_id = u.id AND l.kind = $2::limit_kind"
        " LEFT JOIN limit_usage d ON d.user_id = u.id AND d.kind = l.kind AND d.day = (now() AT TIME ZONE "
        "'Europe/Berlin')::date"
        " LEFT JOIN LATERAL (SELECT sum(used) AS used FROM limit_usage x WHERE x.user_id = u.id AND x.kind = l.kind"
        "   AND x.day >= date_trunc('month', now() AT TIME ZONE 'Europe/Berlin')::date) m ON true WHERE u.id = $1",
        one(account, "user_id"), kind, need_amount(c, "amount"));
    const char *why = NULL;
    if (strcmp(one(account, "status"), "open") != 0)
        why = "account_not_open";
    else if (one(r, "movement_ok") && !is_true(one(r, "movement_ok")))
        why = "per_movement";
    else if (one(r, "daily_ok") && !is_true(one(r, "daily_ok")))
        why = "daily";
    else if (one(r, "monthly_ok") && !is_true(one(r, "monthly_ok")))
        why = "monthly";
    object(c, NULL);
    put_bool(c, "allowed", why ? "f" : "t");
    put_text(c, "reason", why);
    put_minor(c, "leftToday", one(r, "left"), one(account, "currency"));
    end(c);
}

static const struct field request_fields[] = {
    {"id", NULL, NUMBER},
    {"kind", NULL, TEXT},
    {"wanted", NULL, MINOR},
    {"current", NULL, MINOR},
    {"status", NULL, TEXT},
    {"message", NULL, TEXT, .omit_null = true},
    {"decidedBy", "decided_by", TEXT, .omit_null = true},
    {"decision", NULL, TEXT, .omit_null = true},
    {"evidence", NULL, JSON},
    {"createdAt", "created_at", EPOCH_MS},
    {"decidedAt", "decided_at", EPOCH_MS, .omit_null = true},
    {NULL},
};

/* The queue of the people who decide: a request, its user, the user's limits, one by one. */
static void requests(struct ctx *c)
{
    struct page p = page_of(c, "page", "perPage", 10);
    const char *state = arg_choice(c, "status", "open|approved|refused|withdrawn");
    if (!state)
        state = "open";
    rows r = orm_where(c, &LimitRequest, "status", state, "created_at, id", text(c, "%s OFFSET %s", p.limit, p.offset));
    object(c, NULL);
    array(c, "data");
    for (int i = 0; i < count(r) && !stopped(c); i++) {
        rows user = orm_find(c, &User, val(r, i, "user_id"));
        object(c, NULL);
        put_fields(c, r, i, request_fields);
        put_row(c, "user", user, 0,
                (const struct field[]){{"id", NULL, NUMBER},
                                       {"name", "full_name", TEXT},
                                       {"email", NULL, TEXT},
                                       {"kycLevel", "kyc_level", NUMBER},
                                       {NULL}});
        put_number(c, "limitCount", orm_count(c, &UserLimit, "user_id", val(r, i, "user_id")));
        end(c);
    }
    end(c);
    object(c, "meta");
    put_int(c, "page", p.number);
    put_number(c, "total", orm_count(c, &LimitRequest, "status", state));
    end(c);
    end(c);
}

static void request(struct ctx *c)
{
    static const struct field more[] = {{"userName", "full_name", TEXT},     {"country", NULL, TEXT},
                                        {"currentDaily", "daily", MINOR},    {"spent30d", NULL, MINOR},
                                        {"openCases", "open_cases", NUMBER}, {NULL}};
    rows r = found(c,
                   sql(c,
                       "SELECT q.*, u.full_name, u.country, l.daily, coalesce(s.sum, 0) AS spent30d, (SELECT count(*) "
                       "FROM compliance_cases k"
                       " WHERE k.user_id = u.id AND k.status <> 'closed') AS open_cases FROM limit_requests q JOIN "
                       "users u ON u.id = q.user_id"
                       " LEFT JOIN user_limits l ON l.user_id = q.user_id AND l.kind = q.kind LEFT JOIN LATERAL "
                       "(SELECT sum(t.amount)"
                       " FROM transactions t WHERE t.user_id = q.user_id AND t.kind <> 'deposit'"
                       " AND t.created_at BETWEEN q.created_at - interval '30 days' AND q.created_at) s ON true"
                       " WHERE q.id = $1 AND q.deleted_at IS NULL",
                       param(c, "id")),
                   "request");
    if (stopped(c))
        return;
    only_owner(c, one(r, "user_id"));
    object(c, NULL);
    put_fields(c, r, 0, request_fields);
    put_row(c, "context", r, 0, more);
    end(c);
}

static void ask(struct ctx *c)
{
    const char *kind = need_choice(c, "kind", KINDS), *wanted = need_amount(c, "wanted");
    rows limits = orm_where(c, &UserLimit, "user_id", caller(c), "kind", NULL);
    const char *current = NULL;
    for (int i = 0; i < count(limits); i++)
        if (strcmp(val(limits, i, "kind"), kind) == 0)
            current = val(limits, i, "daily");
    rows r = orm_insert(c, &LimitRequest, "user_id", caller(c), "kind", kind, "wanted", wanted, "current", current,
                        "message", body(c, "message"));
    if (stopped(c))
        return;
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/limit-requests/%s", one(r, "id")));
    put_row(c, NULL, r, 0, request_fields);
}

static void decide(struct ctx *c)
{
    const char *decision = need_choice(c, "decision", "approved|refused");
    begin(c);
    rows q =
        found(c, sql(c, "SELECT * FROM limit_requests WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", param(c, "id")),
              "request");
    if (stopped(c))
        return;
    if (strcmp(one(q, "status"), "open") != 0) {
        stop(c, 409, "decided", text(c, "the request is %s", one(q, "status")));
        return;
    }
    rows now = sql(c, "SELECT now()");
    rows r = orm_update(c, &LimitRequest, param(c, "id"), "status", decision, "decided_by",
                        text(c, "stf_%s", caller(c)), "decision", body(c, "comment"), "decided_at", one(now, "now"));
    if (strcmp(decision, "approved") == 0)
        sql(c,
            "INSERT INTO user_limits (user_id, kind, daily, source) SELECT user_id, kind, wanted, 'request' FROM "
            "limit_requests WHERE id = $1"
            " ON CONFLICT (user_id, kind) DO UPDATE SET daily = excluded.daily, source = 'request', version = "
            "user_limits.version + 1,"
            " updated_at = now()",
            param(c, "id"));
    orm_insert(c, &Notification, "user_id", one(r, "user_id"), "kind", "limit_decided", "channel", "email", "title",
               text(c, "Your request was %s", decision), "body", one(r, "decision") ? one(r, "decision") : "");
    commit(c);
    put_row(c, NULL, r, 0, request_fields);
}

/* Who came near a daily limit, by country. */
static void pressure(struct ctx *c)
{
    static const struct field fields[] = {{"country", NULL, TEXT},
                                          {"kind", NULL, TEXT},
                                          {"users", NULL, NUMBER},
                                          {"days", NULL, NUMBER},
                                          {"worst", NULL, TEXT},
                                          {"exceeded", NULL, NUMBER},
                                          {NULL}};
    rows r = sql(c,
                 "SELECT u.country, s.kind, count(DISTINCT s.user_id) AS users, count(*) AS days, round(100 * "
                 "max(s.used / l.daily), 1) AS worst,"
                 " count(*) FILTER (WHERE s.used > l.daily) AS exceeded FROM limit_usage s JOIN user_limits l ON "
                 "l.user_id = s.user_id AND l.kind = s.kind"
                 " JOIN users u ON u.id = s.user_id WHERE l.daily > 0 AND s.used >= l.daily * $1::numeric / 100 GROUP "
                 "BY u.country, s.kind"
                 " ORDER BY u.country, s.kind",
                 arg_number(c, "percent", "80", 1, 1000));
    put_rows(c, NULL, r, fields);
}

static const struct route limits_routes[] = {
    {"GET", "/v1/users/{id}/limits", list, AUTH_USER},
    {"GET", "/v1/users/{id}/limits/summary", summary, AUTH_USER},
    {"PUT", "/v1/users/{id}/limits/{kind:text}", set, AUTH_STAFF},
    {"POST", "/v1/limits/check", check, AUTH_USER, .sync = "what is left of a limit at this moment"},
    {"GET", "/v1/limits/pressure", pressure, AUTH_STAFF},
    {"GET", "/v1/limit-requests", requests, AUTH_STAFF},
    {"GET", "/v1/limit-requests/{id}", request, AUTH_USER},
    {"POST", "/v1/limit-requests", ask, AUTH_USER},
    {"POST", "/v1/limit-requests/{id}/decision", decide, AUTH_STAFF},
};

SERVICE_NO_JOBS(limits, ERRORS_CODE, limits_routes);
