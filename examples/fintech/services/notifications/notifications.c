// SPDX-License-Identifier: Apache-2.0
/*
 * Messages to people, and what became of them. Hand-written SQL; snake_case, ISO times, nulls shown.
 * Reading one message marks it as read: the only GET of this application that writes, and nobody remembers why.
 */
#include <string.h>

#include "app.h"

static const struct label kinds[] = {
    {"payment_posted", "Payments"}, {"card_used", "Cards"},      {"kyc_update", "Verification"},
    {"security_alert", "Security"}, {"marketing", "Offers"},     {"statement_ready", "Statements"},
    {"ticket_reply", "Support"},    {"limit_warning", "Limits"}, {NULL, NULL},
};

static const struct field list_fields[] = {
    {"id", .kind = NUMBER},
    {"kind", .kind = TEXT},
    {"category", "kind", .kind = LABEL, .labels = kinds},
    {"channel", .kind = TEXT},
    {"status", .kind = TEXT},
    {"title", .kind = TEXT},
    {"body", "teaser", .kind = TEXT},
    {"data", .kind = JSON},
    {"read_at", .kind = ISO},
    {"created_at", .kind = ISO},
    {0},
};
static const struct field transaction_fields[] = {
    {"id", "transaction_id", .kind = NUMBER},       {"amount", .kind = TEXT},   {"currency", .kind = TEXT},
    {"status", "transaction_status", .kind = TEXT}, {"merchant", .kind = TEXT}, {0},
};

static void put_transaction(struct ctx *c, rows r, int row)
{
    if (val(r, row, "transaction_id"))
        put_row(c, "transaction", r, row, transaction_fields);
    else
        put_text(c, "transaction", NULL);
}

/* The newest first; messages of one second come in any order, which the app's people never noticed. */
static void get_notifications(struct ctx *c)
{
    struct page page = page_of(c, "page", "per_page", 20);
    const char *kind = arg(c, "kind"), *unread = arg_choice(c, "unread", "true|false");
    unread = unread && strcmp(unread, "true") == 0 ? unread : NULL;
    rows total = sql(c,
                     "SELECT count(*) AS total, count(*) FILTER (WHERE n.read_at IS NULL) AS unread"
                     " FROM notifications n JOIN users u ON u.id = n.user_id"
                     " WHERE n.user_id = $1 AND n.deleted_at IS NULL AND u.deleted_at IS NULL"
                     " AND ($2::text IS NULL OR n.kind = $2) AND ($3::text IS NULL OR n.read_at IS NULL)",
                     caller(c), kind, unread);
    rows r =
        sql(c,
            "SELECT n.id, n.kind, n.channel, n.status, n.title, left(n.body, 200) AS teaser, n.data, n.read_at,"
            " n.created_at, n.transaction_id, t.amount, t.currency, t.status AS transaction_status, m.name AS merchant"
            " FROM notifications n LEFT JOIN transactions t ON t.id = n.transaction_id"
            " LEFT JOIN merchants m ON m.id = t.merchant_id"
            " WHERE n.user_id = $1 AND n.deleted_at IS NULL AND ($2::text IS NULL OR n.kind = $2)"
            " AND ($3::text IS NULL OR n.read_at IS NULL) ORDER BY n.created_at DESC LIMIT $4 OFFSET $5",
            caller(c), kind, unread, page.limit, page.offset);
    object(c, NULL);
    array(c, "data");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, list_fields);
        put_transaction(c, r, i);
        end(c);
    }
    end(c);
    object(c, "meta");
    put_int(c, "page", page.number);
    put_int(c, "per_page", page.size);
    put_number(c, "total", one(total, "total"));
    put_number(c, "unread", one(total, "unread"));
    end(c);
    end(c);
}

/* The number on the bell. */
static void get_unread_count(struct ctx *c)
{
    rows r = sql(c,
                 "SELECT count(n.id) AS unread, count(n.id) FILTER (WHERE n.priority = 1) AS urgent,"
                 " max(n.created_at) AS newest_at, u.status FROM users u"
                 " LEFT JOIN notifications n ON n.user_id = u.id AND n.read_at IS NULL AND n.deleted_at IS NULL"
                 " AND NOT EXISTS (SELECT 1 FROM notification_preferences p WHERE p.user_id = u.id"
                 " AND p.channel = n.channel AND n.kind = ANY (p.muted))"
                 " WHERE u.id = $1 GROUP BY u.id, u.status",
                 caller(c));
    found(c, r, "user");
    object(c, NULL);
    put_number(c, "unread", one(r, "unread"));
    put_number(c, "urgent", one(r, "urgent"));
    put_iso(c, "newest_at", one(r, "newest_at"));
    end(c);
}

static const struct field attempt_fields[] = {
    {"attempt_no", .kind = NUMBER},
    {"provider", .kind = TEXT},
    {"outcome", .kind = TEXT},
    {"error_code", .kind = TEXT},
    {"latency_ms", .kind = NUMBER},
    {"attempted_at", .kind = ISO},
    {0},
};

/* One message with its deliveries. Its reader has read it. */
static void get_notification(struct ctx *c)
{
    const char *id = param(c, "id");
    begin(c);
    rows n = sql(
        c,
        "SELECT n.id, n.user_id, u.full_name, u.email, n.kind, n.channel, n.status, n.title, n.body AS teaser, n.data,"
        " n.recipients, n.read_at, n.sent_at, n.created_at, p.code AS template_code, p.locale, p.version,"
        " n.transaction_id, t.amount, t.currency, t.status AS transaction_status, m.name AS merchant"
        " FROM notifications n JOIN users u ON u.id = n.user_id"
        " LEFT JOIN notification_templates p ON p.id = n.template_id"
        " LEFT JOIN transactions t ON t.id = n.transaction_id LEFT JOIN merchants m ON m.id = t.merchant_id"
        " WHERE n.id = $1 AND n.deleted_at IS NULL FOR UPDATE OF n",
        id);
    found(c, n, "notification");
    only_owner(c, one(n, "user_id"));
    if (!one(n, "read_at") && !is_staff(c))
        sql(c, "UPDATE notifications SET read_at = now() WHERE id = $1", id);
    rows attempts = sql(c,
                        "SELECT attempt_no, provider, outcome, error_code, latency_ms,"
                        " attempted_at AT TIME ZONE 'UTC' AS attempted_at"
                        " FROM delivery_attempts WHERE notification_id = $1 ORDER BY attempt_no, id",
                        id);
    commit(c);
    object(c, NULL);
    put_fields(c, n, 0, list_fields);
    put_array(c, "recipients", one(n, "recipients"));
    put_iso(c, "sent_at", one(n, "sent_at"));
    object(c, "user");
    put_number(c, "id", one(n, "user_id"));
    put_text(c, "name", one(n, "full_name"));
    end(c);
    if (one(n, "template_code"))
        put_text(c, "template", text(c, "%s/%s v%s", one(n, "template_code"), one(n, "locale"), one(n, "version")));
    else
        put_text(c, "template", NULL);
    put_transaction(c, n, 0);
    put_rows(c, "deliveries", attempts, attempt_fields);
    end(c);
}

/* An array of ids in the body as PostgreSQL's array text. */
static const char *id_array(struct ctx *c, const char *name)
{
    const char *list = "";
    int n = body_count(c, name);
    if (n == 0)
        stop(c, 422, "invalid", text(c, "%s must be an array of ids", name));
    for (int i = 0; i < n && !stopped(c); i++) {
        const char *id = body_element(c, name, i);
        if (!id || !*id || strlen(id) > 18 || strspn(id, "0123456789") != strlen(id))
            stop(c, 422, "invalid", text(c, "%s must be an array of ids", name));
        list = text(c, "%s%s%s", list, i ? "," : "", id ? id : "");
    }
    return text(c, "{%s}", list);
}

static void post_mark_read(struct ctx *c)
{
    const char *ids = id_array(c, "ids");
    rows r = sql(c,
                 "UPDATE notifications SET read_at = now() WHERE user_id = $1 AND id = ANY ($2::bigint[])"
                 " AND read_at IS NULL AND deleted_at IS NULL",
                 caller(c), ids);
    object(c, NULL);
    put_int(c, "marked", affected(r));
    end(c);
}

static void delete_notification(struct ctx *c)
{
    const char *id = param(c, "id");
    begin(c);
    rows n =
        found(c, sql(c, "SELECT user_id, deleted_at FROM notifications WHERE id = $1 FOR UPDATE", id), "notification");
    only_owner(c, one(n, "user_id"));
    if (one(n, "deleted_at"))
        stop(c, 409, "already_deleted", "this message is deleted");
    sql(c, "UPDATE notifications SET deleted_at = now(), read_at = coalesce(read_at, now()) WHERE id = $1", id);
    commit(c);
    object(c, NULL);
    put_number(c, "id", id);
    put_bool(c, "deleted", "t");
    end(c);
}

/* ---- what people want ---- */

static const struct field preference_fields[] = {
    {"channel", .kind = TEXT}, {"enabled", .kind = BOOL}, {"quiet_from", .kind = TEXT}, {"quiet_to", .kind = TEXT},
    {"muted", .kind = ARRAY},  {"address", .kind = TEXT}, {"updated_at", .kind = ISO},  {0},
};

/* All channels, those nobody has touched with their defaults. */
static void get_preferences(struct ctx *c)
{
    only_owner(c, param(c, "id"));
    rows r = sql(
        c,
        "SELECT u.id, ch.channel, coalesce(p.enabled, true) AS enabled, to_char(p.quiet_from, 'HH24:MI') AS quiet_from,"
        " to_char(p.quiet_to, 'HH24:MI') AS quiet_to, coalesce(p.muted, '{}') AS muted, p.updated_at,"
        " CASE ch.channel WHEN 'email' THEN u.email WHEN 'sms' THEN u.phone END AS address FROM users u"
        " CROSS JOIN unnest(enum_range(NULL::notification_channel)) AS ch (channel)"
        " LEFT JOIN notification_preferences p ON p.user_id = u.id AND p.channel = ch.channel"
        " WHERE u.id = $1 ORDER BY ch.channel",
        param(c, "id"));
    found(c, r, "user");
    object(c, NULL);
    put_number(c, "user_id", param(c, "id"));
    put_rows(c, "channels", r, preference_fields);
    end(c);
}

static void put_preference(struct ctx *c)
{
    const char *user = param(c, "id"), *channel = param(c, "channel");
    const char *enabled = need_choice(c, "enabled", "true|false");
    only_owner(c, user);
    if (strcmp(channel, "push") && strcmp(channel, "email") && strcmp(channel, "sms") && strcmp(channel, "in_app"))
        stop(c, 404, "not_found", "no such channel");
    if (body(c, "quiet_from") && !body(c, "quiet_to"))
        stop(c, 422, "invalid", "quiet_from needs quiet_to");
    rows r = sql(
        c,
        "INSERT INTO notification_preferences AS p (user_id, channel, enabled, quiet_from, quiet_to, updated_at)"
        " SELECT u.id, $2::notification_channel, $3::boolean, $4::time, $5::time, now() FROM users u WHERE u.id = $1"
        " ON CONFLICT (user_id, channel) DO UPDATE SET enabled = excluded.enabled, quiet_from = excluded.quiet_from,"
        " quiet_to = excluded.quiet_to, updated_at = excluded.updated_at"
        " RETURNING channel, enabled, to_char(quiet_from, 'HH24:MI') AS quiet_from,"
        " to_char(quiet_to, 'HH24:MI') AS quiet_to, muted, NULL AS address, updated_at",
        user, channel, enabled, body(c, "quiet_from"), body(c, "quiet_to"));
    found(c, r, "user");
    put_row(c, NULL, r, 0, preference_fields);
}

/* ---- for our own people ---- */

/* A template's text with the user's own values in it. Asks, and changes nothing. */
static void post_preview(struct ctx *c)
{
    rows r = sql(
        c,
        "SELECT p.id, p.locale, p.subject, replace(replace(replace(p.body, '{name}', split_part(u.full_name, ' ', 1)),"
        " '{amount}', coalesce(t.currency || ' ' || t.amount, '0.00')), '{merchant}', coalesce(m.name, '-')) AS body"
        " FROM users u JOIN notification_templates p ON p.code = $2 AND p.active"
        " AND p.locale = ANY (ARRAY[coalesce(u.preferences ->> 'locale', 'en'), 'en'])"
        " LEFT JOIN LATERAL (SELECT amount, currency, merchant_id FROM transactions x WHERE x.user_id = u.id"
        " AND x.merchant_id IS NOT NULL ORDER BY x.id DESC LIMIT 1) t ON true"
        " LEFT JOIN merchants m ON m.id = t.merchant_id WHERE u.id = $1 ORDER BY p.locale = 'en', p.id LIMIT 1",
        need_id(c, "user_id"), need(c, "template"));
    found(c, r, "template or user");
    object(c, NULL);
    put_number(c, "template_id", one(r, "id"));
    put_text(c, "locale", one(r, "locale"));
    put_text(c, "subject", one(r, "subject"));
    put_text(c, "body", one(r, "body"));
    end(c);
}

static void post_notification(struct ctx *c)
{
    const char *user = need_id(c, "user_id"), *code = need(c, "template");
    begin(c);
    rows t = sql(c,
                 "SELECT p.id, p.channel, p.subject, replace(p.body, '{name}', u.full_name) AS body,"
                 " coalesce(f.enabled, true) AND NOT p.code = ANY (coalesce(f.muted, '{}')) AS wanted FROM users u"
                 " JOIN notification_templates p ON p.code = $2 AND p.locale = 'en' AND p.active"
                 " LEFT JOIN notification_preferences f ON f.user_id = u.id AND f.channel = p.channel WHERE u.id = $1",
                 user, code);
    if (!stopped(c) && count(t) == 0)
        stop(c, 422, "invalid", "no such user, or no active template");
    rows n =
        sql(c,
            "INSERT INTO notifications (user_id, template_id, kind, channel, status, title, body, data, scheduled_for)"
            " VALUES ($1, $2, $3, $4::notification_channel,"
            " CASE WHEN $5::boolean THEN 'queued' ELSE 'suppressed' END::notification_status, $6, $7,"
            " coalesce($8::jsonb, '{}'), now()) RETURNING id, status, created_at",
            user, one(t, "id"), code, one(t, "channel"), one(t, "wanted"), one(t, "subject"), one(t, "body"),
            body_json(c, "data"));
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/notifications/%s", one(n, "id") ? one(n, "id") : ""));
    object(c, NULL);
    put_number(c, "id", one(n, "id"));
    put_text(c, "status", one(n, "status"));
    put_iso(c, "created_at", one(n, "created_at"));
    end(c);
}

static const struct field delivery_fields[] = {
    {"provider", .kind = TEXT},     {"country", .kind = TEXT},
    {"attempts", .kind = NUMBER},   {"failed", .kind = NUMBER},
    {"failure_rate", .kind = TEXT}, {"p90_latency_ms", .kind = NUMBER},
    {"cost", .kind = TEXT},         {"last_attempt_at", .kind = ISO},
    {"errors", .kind = JSON},       {0},
};

/* Deliveries of a month by provider and country. */
static void get_delivery_report(struct ctx *c)
{
    const char *month = arg_number(c, "month", "202601", 202301, 202612);
    rows r = sql(
        c,
        "SELECT a.provider, u.country, count(*) AS attempts, count(*) FILTER (WHERE a.outcome = 'error') AS failed,"
        " round(avg((a.outcome = 'error')::int), 4) AS failure_rate,"
        " round(percentile_cont(0.9) WITHIN GROUP (ORDER BY a.latency_ms)) AS p90_latency_ms, sum(a.cost) AS cost,"
        " max(a.attempted_at) AT TIME ZONE 'UTC' AS last_attempt_at, coalesce(json_agg(DISTINCT a.error_code)"
        " FILTER (WHERE a.error_code IS NOT NULL), '[]') AS errors"
        " FROM delivery_attempts a JOIN notifications n ON n.id = a.notification_id JOIN users u ON u.id = n.user_id"
        " WHERE a.attempted_at >= to_date($1, 'YYYYMM') AND a.attempted_at < to_date($1, 'YYYYMM') + interval '1 month'"
        " GROUP BY a.provider, u.country ORDER BY a.provider, u.country",
        month);
    object(c, NULL);
    put_number(c, "month", month);
    put_rows(c, "results", r, delivery_fields);
    put_int(c, "total", count(r));
    end(c);
}

static const struct field template_fields[] = {
    {"id", .kind = NUMBER},    {"code", .kind = TEXT},       {"locale", .kind = TEXT},    {"channel", .kind = TEXT},
    {"subject", .kind = TEXT}, {"variables", .kind = ARRAY}, {"version", .kind = NUMBER}, {"active", .kind = BOOL},
    {"uses", .kind = NUMBER},  {"countries", .kind = ARRAY}, {"updated_at", .kind = ISO}, {0},
};

static void get_templates(struct ctx *c)
{
    rows r = sql(c,
                 "SELECT p.id, p.code, p.locale, p.channel, p.subject, p.variables, p.version, p.active, p.updated_at,"
                 " count(n.id) AS uses, coalesce(array_agg(DISTINCT u.country ORDER BY u.country)"
                 " FILTER (WHERE u.id IS NOT NULL), '{}') AS countries FROM notification_templates p"
                 " LEFT JOIN notifications n ON n.template_id = p.id AND n.status = 'failed' LEFT JOIN users u ON u.id "
                 "= n.user_id"
                 " WHERE $1::text IS NULL OR p.locale = $1 GROUP BY p.id ORDER BY p.code, p.locale",
                 arg(c, "locale"));
    put_rows(c, NULL, r, template_fields);
}

/* Sends what is due; the provider is a fiction that refuses one message in a hundred. */
static void send_queued(struct ctx *c)
{
    begin(c);
    rows due = sql(
        c, "SELECT n.id, n.attempts, coalesce(p.enabled, true) AS enabled,"
           " CASE n.channel WHEN 'email' THEN u.email WHEN 'sms' THEN u.phone ELSE 'token-' || u.id END AS recipient"
           " FROM notifications n JOIN users u ON u.id = n.user_id"
           " LEFT JOIN notification_preferences p ON p.user_id = n.user_id AND p.channel = n.channel"
           " WHERE n.status = 'queued' AND (n.scheduled_for IS NULL OR n.scheduled_for <= now())"
           " ORDER BY n.priority, n.id LIMIT 40 FOR UPDATE OF n SKIP LOCKED");
    for (int i = 0; i < count(due) && !stopped(c); i++) {
        const char *id = val(due, i, "id");
        if (!is_true(val(due, i, "enabled")) || !val(due, i, "recipient")) {
            sql(c, "UPDATE notifications SET status = 'suppressed' WHERE id = $1", id);
            continue;
        }
        const char *outcome = strlen(id) > 2 && strcmp(id + strlen(id) - 2, "07") == 0 ? "error" : "ok";
        sql(c,
            "UPDATE notifications SET attempts = attempts + 1, recipients = ARRAY[$3::text],"
            " status = CASE WHEN $2 = 'ok' THEN 'sent' ELSE 'failed' END::notification_status,"
            " sent_at = CASE WHEN $2 = 'ok' THEN now() END WHERE id = $1",
            id, outcome, val(due, i, "recipient"));
        sql(c,
            "INSERT INTO delivery_attempts (notification_id, attempt_no, provider, outcome, error_code, latency_ms)"
            " SELECT id, attempts, CASE channel WHEN 'email' THEN 'mailjet' WHEN 'sms' THEN 'sinch' WHEN 'push' THEN "
            "'fcm'"
            " ELSE 'inbox' END, $2, CASE WHEN $2 = 'error' THEN 'timeout' END, 20 + id % 100 FROM notifications WHERE "
            "id = $1",
            id, outcome);
    }
    commit(c);
}

static const struct route notification_routes[] = {
    {"GET", "/v1/notifications", get_notifications, AUTH_USER, NULL, false},
    {"GET", "/v1/notifications/unread-count", get_unread_count, AUTH_USER, NULL, false},
    {"GET", "/v1/notifications/delivery-report", get_delivery_report, AUTH_STAFF, NULL, false},
    {"GET", "/v1/notifications/{id}", get_notification, AUTH_USER, NULL, false},
    {"DELETE", "/v1/notifications/{id}", delete_notification, AUTH_USER, NULL, false},
    {"POST", "/v1/notifications", post_notification, AUTH_STAFF, NULL, false},
    {"POST", "/v1/notifications/mark-read", post_mark_read, AUTH_USER, NULL, false},
    {"POST", "/v1/notifications/preview", post_preview, AUTH_STAFF, NULL, false},
    {"GET", "/v1/users/{id}/notification-preferences", get_preferences, AUTH_USER, NULL, false},
    {"PUT", "/v1/users/{id}/notification-preferences/{channel:text}", put_preference, AUTH_USER, NULL, false},
    {"GET", "/v1/notification-templates", get_templates, AUTH_STAFF, NULL, true},
};
static const struct job notification_jobs[] = {{"send_notifications", 5, send_queued}};
SERVICE(notifications, ERRORS_LIST, notification_routes, notification_jobs);
