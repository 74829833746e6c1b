// SPDX-License-Identifier: Apache-2.0
/*
 * Sign-ins and what they are good for. Object mapping with its N+1 for the screens, hand-written joins where that was
 * too slow; camelCase, epoch milliseconds. Introspection is asked by every other system before it does anything: a
 * token that was revoked a moment ago must not pass.
 */
#include <stdlib.h>
#include <string.h>

#include "app.h"

static const struct model Session = {"sessions", false};
static const struct model User = {"users", true};
static const struct model Device = {"devices", true};
static const struct model Event = {"session_events", false};
static const struct model Attempt = {"login_attempts", false};

static const struct field session_fields[] = {
    {"id", .kind = TEXT},
    {"status", .kind = TEXT},
    {"channel", .kind = TEXT},
    {"ip", .kind = TEXT},
    {"country", .kind = TEXT},
    {"userAgent", "user_agent", .kind = TEXT},
    {"scopes", .kind = ARRAY},
    {"mfaLevel", "mfa_level", .kind = NUMBER},
    {"createdAt", "created_at", .kind = EPOCH_MS},
    {"lastSeenAt", "last_seen_at", .kind = EPOCH_MS},
    {"expiresAt", "expires_at", .kind = EPOCH_MS},
    {0},
};
static const struct field device_fields[] = {
    {"id", .kind = NUMBER},
    {"platform", .kind = TEXT},
    {"model", .kind = TEXT},
    {"trusted", "is_trusted", .kind = BOOL},
    {0},
};

static void put_device(struct ctx *c, const char *id)
{
    rows d = orm_find(c, &Device, id);
    if (count(d))
        put_row(c, "device", d, 0, device_fields);
    else
        put_text(c, "device", NULL);
}

static void get_user_sessions(struct ctx *c)
{
    only_owner(c, param(c, "id"));
    rows r = orm_where(c, &Session, "user_id", param(c, "id"), "created_at DESC, id", "8");
    object(c, NULL);
    array(c, "items");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, session_fields);
        put_device(c, val(r, i, "device_id"));
        end(c);
    }
    end(c);
    put_number(c, "totalCount", orm_count(c, &Session, "user_id", param(c, "id")));
    end(c);
}

static void get_session(struct ctx *c)
{
    static const struct field event_fields[] = {
        {"kind", .kind = TEXT},
        {"ip", .kind = TEXT},
        {"details", .kind = JSON},
        {"at", "created_at", .kind = EPOCH_MS},
        {0},
    };
    rows s = found(c, orm_find(c, &Session, param(c, "id")), "session");
    only_owner(c, one(s, "user_id"));
    rows u = orm_find(c, &User, one(s, "user_id"));
    rows events = orm_where(c, &Event, "session_id", one(s, "id"), "seq", NULL);
    object(c, NULL);
    put_fields(c, s, 0, session_fields);
    put_text(c, "revokeReason", one(s, "revoke_reason"));
    put_epoch_ms(c, "revokedAt", one(s, "revoked_at"));
    put_number(c, "userId", one(s, "user_id"));
    put_text(c, "userName", one(u, "full_name")); /* null: the account is gone */
    put_device(c, one(s, "device_id"));
    put_rows(c, "events", events, event_fields);
    end(c);
}

/* Every attempt, also those that failed; the screen that showed it made 200 queries once. */
static void get_login_history(struct ctx *c)
{
    static const struct field fields[] = {
        {"id", .kind = NUMBER},
        {"success", .kind = BOOL},
        {"failureReason", "failure_reason", .kind = TEXT},
        {"ip", .kind = TEXT},
        {"country", .kind = TEXT},
        {"abroad", .kind = BOOL},
        {"riskScore", "risk_score", .kind = NUMBER},
        {"device", .kind = TEXT},
        {"sessionStatus", "session_status", .kind = TEXT},
        {"at", "created_at", .kind = EPOCH_MS},
        {0},
    };
    const char *at, *id;
    only_owner(c, param(c, "id"));
    cursor_in(c, &at, &id);
    rows r =
        sql(c,
            "SELECT a.id, a.success, a.failure_reason, a.ip, a.country, a.country <> u.country AS abroad, a.risk_score,"
            " d.platform || coalesce(' ' || d.model, '') AS device, s.status AS session_status, a.created_at"
            " FROM login_attempts a JOIN users u ON u.id = a.user_id LEFT JOIN devices d ON d.id = a.device_id"
            " LEFT JOIN sessions s ON s.id = a.session_id WHERE a.user_id = $1"
            " AND ($2::boolean IS NULL OR a.success = $2::boolean)"
            " AND ($3::timestamp IS NULL OR (a.created_at, a.id) < ($3::timestamp, $4::bigint))"
            " ORDER BY a.created_at DESC, a.id DESC LIMIT 21",
            param(c, "id"), arg_choice(c, "success", "true|false"), at, id);
    int n = count(r) > 20 ? 20 : count(r);
    object(c, NULL);
    array(c, "items");
    for (int i = 0; i < n; i++)
        put_row(c, NULL, r, i, fields);
    end(c);
    cursor_out(c, "nextCursor", count(r) > n ? val(r, n - 1, "created_at") : NULL, val(r, n - 1, "id"));
    end(c);
}

/* ---- for our own people ---- */

static void get_active(struct ctx *c)
{
    struct page page = page_of(c, "page", "size", 25);
    struct query q =
        query(c, "SELECT s.*, u.full_name, u.country AS home, d.platform, d.is_trusted, count(*) OVER () AS total"
                 " FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN devices d ON d.id = s.device_id");
    query_where(&q, "s.status = 'active'");
    query_if(&q, arg_choice(c, "channel", "web|ios|android|branch|phone|partner"), "s.channel = ?::channel");
    query_if(&q, arg(c, "country"), "s.country = ?");
    query_if(&q, arg(c, "scope"), "s.scopes @> ARRAY[?::text]");
    query_add(&q, "ORDER BY s.last_seen_at DESC, s.id");
    query_value(&q, "LIMIT ?", page.limit);
    query_value(&q, "OFFSET ?", page.offset);
    rows r = query_run(&q);
    object(c, NULL);
    put_number(c, "total", count(r) ? one(r, "total") : "0");
    array(c, "sessions");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, session_fields);
        object(c, "user");
        put_number(c, "id", val(r, i, "user_id"));
        put_text(c, "name", val(r, i, "full_name"));
        put_text(c, "country", val(r, i, "home"));
        end(c);
        put_bool(c, "trustedDevice", val(r, i, "is_trusted"));
        end(c);
    }
    end(c);
    end(c);
}

/* Logins of a day from elsewhere than home, soon after one from home. */
static void get_suspicious(struct ctx *c)
{
    static const struct field fields[] = {
        {"attemptId", "id", .kind = NUMBER},
        {"userId", "user_id", .kind = NUMBER},
        {"name", "full_name", .kind = TEXT},
        {"home", .kind = TEXT},
        {"country", .kind = TEXT},
        {"previousCountry", "previous", .kind = TEXT},
        {"minutesSince", "minutes", .kind = NUMBER},
        {"openCases", "open_cases", .kind = NUMBER},
        {"at", "created_at", .kind = EPOCH_MS},
        {0},
    };
    rows r =
        sql(c,
            "WITH day AS (SELECT a.id, a.user_id, a.country, a.created_at,"
            " lag(a.country) OVER w AS previous, lag(a.created_at) OVER w AS previous_at FROM login_attempts a"
            " WHERE a.created_at >= $1::date - 2 AND a.created_at < $1::date + 1 AND a.user_id IS NOT NULL"
            " WINDOW w AS (PARTITION BY a.user_id ORDER BY a.created_at, a.id))"
            " SELECT day.*, u.full_name, u.country AS home, floor(extract(epoch FROM day.created_at - previous_at) / "
            "60) AS minutes,"
            " (SELECT count(*) FROM compliance_cases k WHERE k.user_id = u.id AND k.status <> 'closed') AS open_cases"
            " FROM day JOIN users u ON u.id = day.user_id WHERE day.created_at >= $1::date AND day.country <> u.country"
            " ORDER BY day.created_at DESC, day.id LIMIT 100",
            arg(c, "date") ? arg(c, "date") : "2026-06-01");
    object(c, NULL);
    put_rows(c, "items", r, fields);
    put_int(c, "count", count(r));
    end(c);
}

static void get_stats(struct ctx *c)
{
    static const struct field fields[] = {
        {"day", .kind = TEXT},       {"attempts", .kind = NUMBER},
        {"failed", .kind = NUMBER},  {"users", .kind = NUMBER},
        {"abroad", .kind = NUMBER},  {"payers", .kind = NUMBER},
        {"running", .kind = NUMBER}, {0},
    };
    rows r = sql(
        c,
        "WITH days AS (SELECT (a.created_at AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin')::date AS day, a.success, "
        "a.user_id,"
        " a.country <> u.country AS abroad, EXISTS (SELECT 1 FROM session_events e WHERE e.session_id = a.session_id"
        " AND e.kind = 'payment') AS paid FROM login_attempts a LEFT JOIN users u ON u.id = a.user_id"
        " WHERE a.created_at >= to_date($1, 'YYYYMM') AND a.created_at < to_date($1, 'YYYYMM') + interval '1 month')"
        " SELECT day, count(*) AS attempts, count(*) FILTER (WHERE NOT success) AS failed, count(DISTINCT user_id) AS "
        "users,"
        " count(*) FILTER (WHERE abroad) AS abroad, count(DISTINCT user_id) FILTER (WHERE paid) AS payers,"
        " sum(count(*)) OVER (ORDER BY day) AS running FROM days GROUP BY day ORDER BY day",
        arg_number(c, "month", "202606", 202301, 202612));
    put_rows(c, NULL, r, fields);
}

/* ---- signing in ---- */

static void note_attempt(struct ctx *c, rows who, const char *email, const char *session, const char *failure)
{
    orm_insert(c, &Attempt, "user_id", one(who, "user_id"), "email", email, "session_id", session, "device_id",
               body(c, "deviceId"), "ip", "198.51.100.20", "country", one(who, "country"), "success",
               failure ? "f" : "t", "failure_reason", failure, "risk_score", failure ? "0.5" : "0.01");
}

static void post_session(struct ctx *c)
{
    const char *email = need(c, "email"), *password = need(c, "password");
    begin(c);
    rows who =
        sql(c,
            "SELECT p.user_id, u.country, u.full_name, u.deleted_at, p.must_change, p.locked_until > now() AS locked,"
            " p.password_hash = encode(sha256(convert_to($2 || p.salt, 'UTF8')), 'hex') AS good"
            " FROM users u JOIN login_credentials p ON p.user_id = u.id WHERE u.email = $1 FOR UPDATE OF p",
            email, password);
    bool closed = is_true(one(who, "locked")) || one(who, "deleted_at"), good = is_true(one(who, "good"));
    if (count(who) == 0 || closed || !good) {
        note_attempt(c, who, email, NULL, count(who) == 0 ? "unknown address" : closed ? "locked" : "wrong password");
        sql(c,
            "UPDATE login_credentials SET failed_count = failed_count + 1, locked_until = CASE WHEN failed_count >= 19"
            " THEN now() + interval '15 minutes' ELSE locked_until END WHERE user_id = $1",
            one(who, "user_id"));
        commit(c);
        stop(c, closed ? 403 : 401, "denied", closed ? "this account is locked" : "wrong address or password");
        return;
    }
    rows token = sql(c,
                     "SELECT gen_random_uuid() AS id, md5(gen_random_uuid()::text || $1) AS token, now() + interval "
                     "'30 days' AS until",
                     email);
    rows s =
        orm_insert(c, &Session, "id", one(token, "id"), "user_id", one(who, "user_id"), "device_id",
                   body(c, "deviceId"), "token_hash", "-", "ip", "198.51.100.20", "country", one(who, "country"),
                   "user_agent", header_in(c, "User-Agent"), "scopes", "{read,pay}", "expires_at", one(token, "until"));
    sql(c, "UPDATE sessions SET token_hash = encode(sha256(convert_to($2, 'UTF8')), 'hex') WHERE id = $1", one(s, "id"),
        one(token, "token"));
    sql(c, "INSERT INTO session_events (session_id, seq, kind, ip) VALUES ($1, 1, 'login', '198.51.100.20')",
        one(s, "id"));
    note_attempt(c, who, email, one(s, "id"), NULL);
    sql(c, "UPDATE login_credentials SET failed_count = 0, last_login_at = now() WHERE user_id = $1",
        one(who, "user_id"));
    if (body(c, "deviceId"))
        orm_update(c, &Device, body(c, "deviceId"), "last_seen_at", one(s, "created_at"), "last_ip", "198.51.100.20");
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/sessions/%s", one(s, "id") ? one(s, "id") : ""));
    object(c, NULL);
    put_text(c, "id", one(s, "id"));
    put_text(c, "token", one(token, "token"));
    put_text(c, "greeting", text(c, "Hello %s", one(who, "full_name") ? one(who, "full_name") : ""));
    put_bool(c, "mustChangePassword", one(who, "must_change"));
    put_epoch_ms(c, "expiresAt", one(s, "expires_at"));
    end(c);
}

/* Is this token good, now? RFC 7662 in spirit. */
static void post_introspect(struct ctx *c)
{
    rows s = sql(c,
                 "SELECT s.id, s.user_id, s.scopes, s.mfa_level, s.expires_at, u.kyc_level, u.country, "
                 "coalesce(d.is_trusted, false) AS trusted"
                 " FROM sessions s JOIN users u ON u.id = s.user_id AND u.deleted_at IS NULL LEFT JOIN devices d ON "
                 "d.id = s.device_id"
                 " WHERE s.token_hash = encode(sha256(convert_to($1, 'UTF8')), 'hex') AND s.status = 'active' AND "
                 "s.expires_at > now()"
                 " AND d.blocked_at IS NULL",
                 need(c, "token"));
    object(c, NULL);
    put_bool(c, "active", count(s) ? "t" : "f");
    if (count(s)) {
        put_text(c, "sessionId", one(s, "id"));
        put_number(c, "userId", one(s, "user_id"));
        put_array(c, "scopes", one(s, "scopes"));
        put_number(c, "mfaLevel", one(s, "mfa_level"));
        put_number(c, "kycLevel", one(s, "kyc_level"));
        put_bool(c, "trustedDevice", one(s, "trusted"));
        put_epoch_ms(c, "expiresAt", one(s, "expires_at"));
    }
    end(c);
}

/* The session, locked; the caller's own and active. */
static rows lock_session(struct ctx *c)
{
    rows s = sql(c, "SELECT * FROM sessions WHERE id = $1 FOR UPDATE", param(c, "id"));
    found(c, s, "session");
    only_owner(c, one(s, "user_id"));
    if (!stopped(c) && strcmp(one(s, "status"), "active") != 0)
        stop(c, 409, "ended", text(c, "this session is %s", one(s, "status")));
    return s;
}

static void add_event(struct ctx *c, const char *session, const char *kind)
{
    sql(c,
        "INSERT INTO session_events (session_id, seq, kind)"
        " SELECT $1, coalesce(max(seq), 0) + 1, $2 FROM session_events WHERE session_id = $1",
        session, kind);
}

static void post_refresh(struct ctx *c)
{
    begin(c);
    lock_session(c);
    rows s = sql(c,
                 "UPDATE sessions SET refresh_count = refresh_count + 1, last_seen_at = now(),"
                 " expires_at = greatest(expires_at, now() + interval '30 days') WHERE id = $1 RETURNING *",
                 param(c, "id"));
    add_event(c, param(c, "id"), "refresh");
    commit(c);
    put_row(c, NULL, s, 0, session_fields);
}

static void delete_session(struct ctx *c)
{
    begin(c);
    lock_session(c);
    orm_update(c, &Session, param(c, "id"), "status", "revoked", "revoked_at", "now", "revoke_reason", "logout");
    add_event(c, param(c, "id"), "logout");
    commit(c);
    status(c, 204);
}

/* Everywhere out, but here. */
static void post_revoke_all(struct ctx *c)
{
    const char *user = param(c, "id"), *keep = body(c, "keepSessionId");
    only_owner(c, user);
    begin(c);
    rows r = sql(c,
                 "UPDATE sessions SET status = 'revoked', revoked_at = now(), revoke_reason = 'signed out everywhere'"
                 " WHERE user_id = $1 AND status = 'active' AND id IS DISTINCT FROM $2::uuid AND created_at < now() - "
                 "interval '1 minute'",
                 user, keep);
    if (affected(r) > 0)
        sql(c,
            "INSERT INTO notifications (user_id, kind, channel, title, body)"
            " VALUES ($1, 'security_alert', 'email', 'Signed out everywhere', $2 || ' sessions ended')",
            user, text(c, "%ld", affected(r)));
    commit(c);
    object(c, NULL);
    put_int(c, "revoked", affected(r));
    end(c);
}

static const struct route session_routes[] = {
    {"GET", "/v1/users/{id}/sessions", get_user_sessions, AUTH_USER, NULL, false},
    {"GET", "/v1/users/{id}/login-history", get_login_history, AUTH_USER, NULL, false},
    {"GET", "/v1/sessions/{id:uuid}", get_session, AUTH_USER, NULL, false},
    {"GET", "/v1/sessions/active", get_active, AUTH_STAFF, NULL, false},
    {"GET", "/v1/sessions/suspicious", get_suspicious, AUTH_STAFF, NULL, false},
    {"GET", "/v1/sessions/stats", get_stats, AUTH_STAFF, NULL, false},
    {"POST", "/v1/sessions", post_session, AUTH_NONE, NULL, false},
    {"POST", "/v1/sessions/introspect", post_introspect, AUTH_PARTNER, "a token must be valid at this very moment",
     false},
    {"POST", "/v1/sessions/{id:uuid}/refresh", post_refresh, AUTH_USER, NULL, false},
    {"DELETE", "/v1/sessions/{id:uuid}", delete_session, AUTH_USER, NULL, false},
    {"POST", "/v1/users/{id}/sessions/revoke-all", post_revoke_all, AUTH_USER, NULL, false},
};
SERVICE_NO_JOBS(sessions, ERRORS_TEXT, session_routes);
