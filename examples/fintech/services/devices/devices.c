// SPDX-License-Identifier: Apache-2.0
/*
 * People's devices. Lists by the query builder with whatever filters the back office asks for, the rest by hand;
 * snake_case, times to the second, nulls shown.
 */
#include <stdlib.h>
#include <string.h>

#include "app.h"

static const struct label platforms[] = {
    {"ios", "iOS"}, {"android", "Android"}, {"web", "Browser"}, {"desktop", "Desktop app"}, {NULL, NULL},
};

static const struct field list_fields[] = {
    {"id", .kind = NUMBER},          {"platform", .kind = LABEL, .labels = platforms},
    {"model", .kind = TEXT},         {"name", "display_name", .kind = TEXT},
    {"app_version", .kind = TEXT},   {"trusted", "is_trusted", .kind = BOOL},
    {"trust_score", .kind = NUMBER}, {"last_ip", .kind = TEXT},
    {"last_seen_at", .kind = ZULU},  {"blocked_at", .kind = ZULU},
    {"created_at", .kind = ZULU},    {0},
};
static const struct field owner_fields[] = {
    {"id", "user_id", .kind = NUMBER},
    {"name", "full_name", .kind = TEXT},
    {"country", .kind = TEXT},
    {"status", "user_status", .kind = TEXT},
    {0},
};

/* The same for the list and its total. */
static void add_filters(struct ctx *c, struct query *q)
{
    const char *blocked = arg_choice(c, "blocked", "true|false");
    query_where(q, "d.deleted_at IS NULL");
    query_if(q, arg_choice(c, "platform", "ios|android|web|desktop"), "d.platform = ?::device_platform");
    query_if(q, arg_choice(c, "trusted", "true|false"), "d.is_trusted = ?::boolean");
    query_if(q, arg(c, "country"), "u.country = ?");
    query_if(q, arg(c, "app_version"), "d.app_version LIKE ? || '%'");
    query_if(q, arg(c, "network"), "d.last_ip <<= ?::inet");
    query_if(q, arg_number(c, "max_score", NULL, 0, 100), "d.trust_score <= ?::numeric");
    if (blocked)
        query_where(q, *blocked == 't' ? "d.blocked_at IS NOT NULL" : "d.blocked_at IS NULL");
}

static void get_devices(struct ctx *c)
{
    struct page page = page_of(c, "page", "per_page", 20);
    struct query n = query(c, "SELECT count(*) AS total FROM devices d JOIN users u ON u.id = d.user_id");
    add_filters(c, &n);
    rows total = query_run(&n);
    struct query q = query(c, "SELECT d.*, u.full_name, u.country, u.status AS user_status FROM devices d"
                              " JOIN users u ON u.id = d.user_id");
    add_filters(c, &q);
    const char *sort = arg_choice(c, "sort", "last_seen|score");
    query_add(&q,
              sort && *sort == 's' ? "ORDER BY d.trust_score, d.id" : "ORDER BY d.last_seen_at DESC NULLS LAST, d.id");
    query_value(&q, "LIMIT ?", page.limit);
    query_value(&q, "OFFSET ?", page.offset);
    rows r = query_run(&q);
    object(c, NULL);
    array(c, "results");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, list_fields);
        put_row(c, "owner", r, i, owner_fields);
        end(c);
    }
    end(c);
    put_number(c, "total", one(total, "total"));
    end(c);
}

static void get_user_devices(struct ctx *c)
{
    only_owner(c, param(c, "id"));
    struct query q = query(
        c, "SELECT d.*, count(s.id) AS sessions, count(s.id) FILTER (WHERE s.status = 'active') AS active_sessions"
           " FROM devices d LEFT JOIN sessions s ON s.device_id = d.id");
    query_if(&q, param(c, "id"), "d.user_id = ?");
    query_where(&q, "d.deleted_at IS NULL");
    query_if(&q, arg_choice(c, "platform", "ios|android|web|desktop"), "d.platform = ?::device_platform");
    query_add(&q, "GROUP BY d.id ORDER BY d.created_at DESC, d.id DESC LIMIT 50");
    rows r = query_run(&q);
    array(c, NULL);
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, list_fields);
        put_number(c, "sessions", val(r, i, "sessions"));
        put_number(c, "active_sessions", val(r, i, "active_sessions"));
        end(c);
    }
    end(c);
}

static const struct field detail_fields[] = {
    {"fingerprint", .kind = TEXT},
    {"os_version", .kind = TEXT},
    {"locale", .kind = TEXT},
    {"rooted", "is_rooted", .kind = BOOL},
    {"first_ip", .kind = TEXT},
    {"attestation", .kind = JSON},
    {"capabilities", .kind = ARRAY},
    {"blocked_reason", .kind = TEXT},
    {"push_providers", .kind = ARRAY},
    {"same_fingerprint", .kind = NUMBERS},
    {0},
};
static const struct field event_fields[] = {
    {"event", .kind = TEXT},
    {"delta", .kind = TEXT},
    {"reason", .kind = TEXT},
    {"actor", .kind = TEXT},
    {"at", "created_at", .kind = ZULU},
    {0},
};
static const struct field session_fields[] = {
    {"id", .kind = TEXT},     {"ip", .kind = TEXT},           {"country", .kind = TEXT},
    {"status", .kind = TEXT}, {"last_seen_at", .kind = ZULU}, {0},
};

static void get_device(struct ctx *c)
{
    const char *id = param(c, "id");
    rows d = sql(c,
                 "SELECT d.*, u.full_name, u.country, u.status AS user_status,"
                 " (SELECT coalesce(array_agg(p.provider ORDER BY p.provider), '{}') FROM device_push_tokens p"
                 " WHERE p.device_id = d.id AND p.valid) AS push_providers,"
                 " (SELECT coalesce(array_agg(DISTINCT o.user_id ORDER BY o.user_id), '{}') FROM devices o"
                 " WHERE o.fingerprint = d.fingerprint AND o.user_id <> d.user_id) AS same_fingerprint"
                 " FROM devices d JOIN users u ON u.id = d.user_id WHERE d.id = $1 AND d.deleted_at IS NULL",
                 id);
    found(c, d, "device");
    only_owner(c, one(d, "user_id"));
    rows events = sql(c,
                      "SELECT event, delta, reason, actor, created_at FROM device_trust_events WHERE device_id = $1"
                      " ORDER BY created_at DESC, id DESC LIMIT 10",
                      id);
    rows sessions = sql(c,
                        "SELECT s.id, host(s.ip) AS ip, s.country, s.status, s.last_seen_at FROM sessions s"
                        " JOIN devices d ON d.id = s.device_id AND d.user_id = s.user_id WHERE d.id = $1"
                        " ORDER BY s.last_seen_at DESC, s.id LIMIT 5",
                        id);
    object(c, NULL);
    put_fields(c, d, 0, list_fields);
    put_fields(c, d, 0, detail_fields);
    put_row(c, "owner", d, 0, owner_fields);
    put_rows(c, "trust_events", events, event_fields);
    put_rows(c, "sessions", sessions, session_fields);
    end(c);
}

/* Fingerprints that several people use, and what compliance knows of these people. */
static void get_shared(struct ctx *c)
{
    static const struct field fields[] = {
        {"fingerprint", .kind = TEXT}, {"users", .kind = NUMBER},      {"devices", .kind = NUMBER},
        {"countries", .kind = ARRAY},  {"blocked", .kind = NUMBER},    {"open_cases", .kind = NUMBER},
        {"user_ids", .kind = NUMBERS}, {"last_seen_at", .kind = ZULU}, {0},
    };
    rows r = sql(
        c,
        "WITH shared AS (SELECT fingerprint FROM devices WHERE deleted_at IS NULL GROUP BY fingerprint"
        " HAVING count(DISTINCT user_id) >= $1::int)"
        " SELECT d.fingerprint, count(DISTINCT d.user_id) AS users, count(DISTINCT d.id) AS devices,"
        " array_agg(DISTINCT u.country ORDER BY u.country) AS countries,"
        " count(DISTINCT d.id) FILTER (WHERE d.blocked_at IS NOT NULL) AS blocked, count(DISTINCT k.id) AS open_cases,"
        " array_agg(DISTINCT u.id ORDER BY u.id) AS user_ids, max(d.last_seen_at) AS last_seen_at"
        " FROM shared JOIN devices d USING (fingerprint) JOIN users u ON u.id = d.user_id"
        " LEFT JOIN compliance_cases k ON k.user_id = u.id AND k.status <> 'closed'"
        " GROUP BY d.fingerprint ORDER BY users DESC, d.fingerprint LIMIT 50",
        arg_number(c, "min_users", "2", 2, 100));
    put_rows(c, NULL, r, fields);
}

/* ---- writing ---- */

static void answer_device(struct ctx *c, rows d)
{
    object(c, NULL);
    put_fields(c, d, 0, list_fields);
    end(c);
}

/* A device that is known by its fingerprint is found again: 200 instead of 201. */
static void post_device(struct ctx *c)
{
    const char *user = param(c, "id"), *fingerprint = need(c, "fingerprint");
    const char *platform = need_choice(c, "platform", "ios|android|web|desktop");
    only_owner(c, user);
    begin(c);
    rows old = sql(c,
                   "SELECT d.id, d.blocked_at FROM devices d JOIN users u ON u.id = d.user_id"
                   " WHERE d.user_id = $1 AND d.fingerprint = md5($2) AND d.deleted_at IS NULL ORDER BY d.id LIMIT 1 "
                   "FOR UPDATE OF d",
                   user, fingerprint);
    if (one(old, "blocked_at"))
        stop(c, 409, "blocked", "this device is blocked");
    rows d =
        count(old)
            ? sql(c,
                  "UPDATE devices SET app_version = coalesce($2, app_version), last_seen_at = now(), updated_at = now()"
                  " WHERE id = $1 RETURNING *",
                  one(old, "id"), body(c, "app_version"))
            : sql(c,
                  "INSERT INTO devices (user_id, fingerprint, platform, model, app_version, first_ip, last_ip, "
                  "last_seen_at)"
                  " VALUES ($1, md5($2), $3::device_platform, $4, $5, '198.51.100.7', '198.51.100.7', now()) RETURNING "
                  "*",
                  user, fingerprint, platform, body(c, "model"), body(c, "app_version"));
    if (count(old) == 0)
        sql(c, "INSERT INTO device_trust_events (device_id, user_id, event) VALUES ($1, $2, 'registered')",
            one(d, "id"), user);
    commit(c);
    status(c, count(old) ? 200 : 201);
    answer_device(c, d);
}

/* The device, locked; the caller's own. */
static rows lock_device(struct ctx *c)
{
    rows d = sql(c, "SELECT * FROM devices WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", param(c, "id"));
    found(c, d, "device");
    only_owner(c, one(d, "user_id"));
    return d;
}

static void patch_device(struct ctx *c)
{
    const char *id = param(c, "id"), *token = body(c, "push_token");
    begin(c);
    lock_device(c);
    rows d = sql(c,
                 "UPDATE devices SET display_name = coalesce($2, display_name), locale = coalesce($3, locale), "
                 "updated_at = now()"
                 " WHERE id = $1 RETURNING *",
                 id, body(c, "name"), body(c, "locale"));
    if (token)
        sql(c,
            "INSERT INTO device_push_tokens (device_id, provider, token) VALUES ($1, $2, $3)"
            " ON CONFLICT (device_id, provider) DO UPDATE SET token = excluded.token, valid = true, failures = 0, "
            "updated_at = now()",
            id, need_choice(c, "provider", "apns|fcm|webpush"), token);
    commit(c);
    answer_device(c, d);
}

/* Nobody is signed in on a blocked device any more. */
static void post_block(struct ctx *c)
{
    const char *id = param(c, "id"), *reason = need_choice(c, "reason", "stolen|fraud|lost");
    begin(c);
    rows old = lock_device(c);
    if (one(old, "blocked_at"))
        stop(c, 409, "blocked", "it is blocked already");
    rows d = sql(c,
                 "UPDATE devices SET blocked_at = now(), blocked_reason = $2, is_trusted = false, trust_score = 0, "
                 "updated_at = now()"
                 " WHERE id = $1 RETURNING *",
                 id, reason);
    rows s = sql(c,
                 "UPDATE sessions SET status = 'revoked', revoked_at = now(), revoke_reason = 'device blocked'"
                 " WHERE device_id = $1 AND status = 'active'",
                 id);
    sql(c,
        "INSERT INTO device_trust_events (device_id, user_id, event, delta, reason, actor)"
        " SELECT id, user_id, 'blocked', -50, $2, $3 FROM devices WHERE id = $1",
        id, reason, is_staff(c) ? "staff" : "customer");
    sql(c,
        "INSERT INTO notifications (user_id, kind, channel, title, body) SELECT user_id, 'security_alert', 'email',"
        " 'A device was blocked', coalesce(display_name, model, platform::text) FROM devices WHERE id = $1",
        id);
    commit(c);
    object(c, NULL);
    put_fields(c, d, 0, list_fields);
    put_int(c, "sessions_ended", affected(s));
    end(c);
}

static void post_trust(struct ctx *c)
{
    const char *id = param(c, "id");
    begin(c);
    rows old = lock_device(c);
    if (one(old, "blocked_at"))
        stop(c, 409, "blocked", "a blocked device is not trusted");
    rows d = sql(c,
                 "UPDATE devices SET is_trusted = true, trust_score = least(100, trust_score + 10), updated_at = now()"
                 " WHERE id = $1 RETURNING *",
                 id);
    sql(c,
        "INSERT INTO device_trust_events (device_id, user_id, event, delta, actor)"
        " SELECT id, user_id, 'trusted', 10, $2 FROM devices WHERE id = $1",
        id, is_staff(c) ? "staff" : "customer");
    commit(c);
    answer_device(c, d);
}

static void delete_device(struct ctx *c)
{
    const char *id = param(c, "id");
    begin(c);
    lock_device(c);
    sql(c, "UPDATE devices SET deleted_at = now(), updated_at = now() WHERE id = $1", id);
    sql(c, "DELETE FROM device_push_tokens WHERE device_id = $1", id);
    commit(c);
    status(c, 204);
}

static const struct route device_routes[] = {
    {"GET", "/v1/devices", get_devices, AUTH_STAFF, NULL, false},
    {"GET", "/v1/devices/shared", get_shared, AUTH_STAFF, NULL, false},
    {"GET", "/v1/devices/{id}", get_device, AUTH_USER, NULL, false},
    {"GET", "/v1/users/{id}/devices", get_user_devices, AUTH_USER, NULL, false},
    {"POST", "/v1/users/{id}/devices", post_device, AUTH_USER, NULL, false},
    {"PATCH", "/v1/devices/{id}", patch_device, AUTH_USER, NULL, false},
    {"POST", "/v1/devices/{id}/block", post_block, AUTH_USER, NULL, false},
    {"POST", "/v1/devices/{id}/trust", post_trust, AUTH_USER, NULL, false},
    {"DELETE", "/v1/devices/{id}", delete_device, AUTH_USER, NULL, false},
};
SERVICE_NO_JOBS(devices, ERRORS_LIST, device_routes);
