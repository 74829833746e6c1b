// SPDX-License-Identifier: Apache-2.0
/*
 * Which features of the product a customer has: a definition's default, its rollout in per cent, segments, and an
 * override for one customer, which always wins. Hand-written SQL with PostgreSQL's JSON; snake_case, ISO times, ETags
 * because apps ask all the time. An archived feature does not change any more.
 */
#include <stdlib.h>
#include <string.h>

#include "app.h"

static const struct field definition_fields[] = {
    {"key", .kind = TEXT},
    {"title", .kind = TEXT},
    {"description", .kind = TEXT},
    {"owner_team", .kind = TEXT},
    {"kind", .kind = TEXT},
    {"default", "default_value", .kind = JSON},
    {"rollout_percent", .kind = NUMBER},
    {"variants", .kind = JSON},
    {"segments", .kind = ARRAY},
    {"min_kyc_level", .kind = NUMBER},
    {"revision", .kind = NUMBER},
    {"archived_at", .kind = ISO},
    {"updated_at", .kind = ISO},
    {0},
};

static void get_features(struct ctx *c)
{
    rows r =
        sql(c,
            "SELECT f.*, count(o.user_id) AS overrides, count(DISTINCT u.country) AS countries,"
            " count(o.user_id) FILTER (WHERE u.deleted_at IS NOT NULL) AS of_gone_users FROM feature_definitions f"
            " LEFT JOIN feature_overrides o ON o.feature_key = f.key LEFT JOIN users u ON u.id = o.user_id"
            " WHERE ($1::text IS NULL OR f.owner_team = $1) AND ($2::boolean IS NOT FALSE OR f.archived_at IS NULL)"
            " GROUP BY f.key ORDER BY f.key",
            arg(c, "team"), arg_choice(c, "archived", "true|false"));
    object(c, NULL);
    array(c, "features");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, definition_fields);
        put_number(c, "overrides", val(r, i, "overrides"));
        put_number(c, "countries", val(r, i, "countries"));
        put_number(c, "overrides_of_deleted", val(r, i, "of_gone_users"));
        end(c);
    }
    end(c);
    put_int(c, "total", count(r));
    end(c);
}

static void get_feature(struct ctx *c)
{
    static const struct field override_fields[] = {
        {"user_id", .kind = NUMBER},
        {"name", "full_name", .kind = TEXT},
        {"country", .kind = TEXT},
        {"value", .kind = JSON},
        {"reason", .kind = TEXT},
        {"set_by", .kind = TEXT},
        {"expires_at", .kind = ISO},
        {"updated_at", .kind = ISO},
        {0},
    };
    struct page page = page_of(c, "page", "per_page", 25);
    rows f = found(c, sql(c, "SELECT * FROM feature_definitions WHERE key = $1", param(c, "key")), "feature");
    rows o = sql(c,
                 "SELECT o.*, u.full_name, u.country, count(*) OVER () AS total FROM feature_overrides o JOIN users u "
                 "ON u.id = o.user_id"
                 " WHERE o.feature_key = $1 ORDER BY o.updated_at DESC, o.user_id LIMIT $2 OFFSET $3",
                 param(c, "key"), page.limit, page.offset);
    object(c, NULL);
    put_fields(c, f, 0, definition_fields);
    put_rows(c, "overrides", o, override_fields);
    put_number(c, "override_total", count(o) ? one(o, "total") : "0");
    end(c);
}

/* What the app asks when it starts. */
static void get_user_features(struct ctx *c)
{
    only_owner(c, param(c, "id"));
    rows r =
        sql(c,
            "SELECT f.key, f.revision, o.user_id IS NOT NULL AS overridden, o.expires_at,"
            " CASE WHEN o.user_id IS NOT NULL THEN o.value"
            " WHEN u.kyc_level < coalesce(f.min_kyc_level, 0) THEN f.default_value"
            " WHEN f.segments <> '{}' AND NOT f.segments && ARRAY['country:' || u.country, 'status:' || u.status] THEN "
            "f.default_value"
            " WHEN f.kind = 'percentage' THEN to_jsonb(feature_bucket(f.key, u.id) < f.rollout_percent)"
            " WHEN f.kind = 'variant' AND feature_bucket(f.key, u.id) < f.rollout_percent"
            " THEN f.variants -> (floor(feature_bucket(f.key || '.v', u.id))::int % jsonb_array_length(f.variants))"
            " ELSE f.default_value END AS value"
            " FROM users u CROSS JOIN feature_definitions f LEFT JOIN feature_overrides o ON o.feature_key = f.key AND "
            "o.user_id = u.id"
            " WHERE u.id = $1 AND u.deleted_at IS NULL AND f.archived_at IS NULL AND f.client_visible ORDER BY f.key",
            param(c, "id"));
    found(c, r, "user");
    object(c, NULL);
    put_number(c, "user_id", param(c, "id"));
    object(c, "features");
    for (int i = 0; i < count(r); i++)
        put_number(c, val(r, i, "key"), val(r, i, "value"));
    end(c);
    array(c, "overridden");
    for (int i = 0; i < count(r); i++)
        if (is_true(val(r, i, "overridden")))
            put_text(c, NULL, val(r, i, "key"));
    end(c);
    end(c);
}

/* One of them, with what it is made of: for support, who is asked "why don't I have it?". */
static void get_user_feature(struct ctx *c)
{
    only_owner(c, param(c, "id"));
    rows r = sql(
        c,
        "SELECT f.key, f.default_value, f.rollout_percent, f.segments, f.min_kyc_level, u.country, u.kyc_level, "
        "u.full_name,"
        " feature_bucket(f.key, u.id) AS bucket, o.value, o.reason, o.set_by FROM feature_definitions f CROSS JOIN "
        "users u"
        " LEFT JOIN feature_overrides o ON o.feature_key = f.key AND o.user_id = u.id WHERE u.id = $1 AND f.key = $2",
        param(c, "id"), param(c, "key"));
    found(c, r, "feature");
    object(c, NULL);
    put_text(c, "key", one(r, "key"));
    put_text(c, "customer", one(r, "full_name"));
    put_text(c, "country", one(r, "country"));
    put_number(c, "bucket", one(r, "bucket"));
    put_number(c, "rollout_percent", one(r, "rollout_percent"));
    put_array(c, "segments", one(r, "segments"));
    put_number(c, "kyc_level", one(r, "kyc_level"));
    put_number(c, "min_kyc_level", one(r, "min_kyc_level"));
    put_number(c, "default", one(r, "default_value"));
    put_number(c, "override", one(r, "value"));
    put_text(c, "override_reason", one(r, "reason"));
    end(c);
}

static void get_rollout(struct ctx *c)
{
    static const struct field fields[] = {
        {"revision", .kind = NUMBER},
        {"from", "from_percent", .kind = NUMBER},
        {"to", "to_percent", .kind = NUMBER},
        {"changed_by", .kind = TEXT},
        {"note", .kind = TEXT},
        {"changed_at", .kind = ISO},
        {"days_before", .kind = NUMBER},
        {"new_customers", .kind = NUMBER},
        {0},
    };
    rows r =
        sql(c,
            "WITH b AS MATERIALIZED (SELECT feature_bucket($1, u.id) AS bucket, u.created_at FROM users u)"
            " SELECT h.*, floor(extract(epoch FROM h.changed_at - lag(h.changed_at) OVER w) / 86400) AS days_before,"
            " (SELECT count(*) FROM b WHERE b.bucket >= h.from_percent AND b.bucket < h.to_percent"
            " AND b.created_at < h.changed_at) AS new_customers"
            " FROM feature_rollouts h WHERE h.feature_key = $1 WINDOW w AS (ORDER BY h.changed_at, h.id)"
            " ORDER BY h.changed_at DESC, h.id DESC LIMIT 10",
            param(c, "key"));
    found(c, r, "rollout");
    put_rows(c, NULL, r, fields);
}

/* ---- writing ---- */

/* The definition, locked; 409 when it is archived. */
static rows lock_feature(struct ctx *c)
{
    rows f =
        found(c, sql(c, "SELECT * FROM feature_definitions WHERE key = $1 FOR UPDATE", param(c, "key")), "feature");
    if (one(f, "archived_at"))
        stop(c, 409, "archived", "this feature is archived");
    return f;
}

static void put_override(struct ctx *c)
{
    const char *value = body_json(c, "value");
    if (!value || !*value)
        stop(c, 422, "invalid", "value is missing");
    begin(c);
    rows f = sql(c,
                 "SELECT key, kind, variants @> to_jsonb($2::jsonb) AS known, archived_at FROM feature_definitions "
                 "WHERE key = $1 FOR SHARE",
                 param(c, "key"), value);
    found(c, f, "feature");
    if (one(f, "archived_at"))
        stop(c, 409, "archived", "this feature is archived");
    if (!stopped(c) && (strcmp(one(f, "kind"), "variant") == 0 ? !is_true(one(f, "known"))
                                                               : strcmp(value, "true") && strcmp(value, "false")))
        stop(c, 422, "invalid", "this feature has no such value");
    rows o =
        sql(c,
            "INSERT INTO feature_overrides (feature_key, user_id, value, reason, set_by) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (feature_key, user_id) DO UPDATE SET value = excluded.value, reason = excluded.reason, "
            "set_by = excluded.set_by,"
            " updated_at = now() RETURNING *, created_at = updated_at AS is_new",
            param(c, "key"), param(c, "user"), value, body(c, "reason"), text(c, "staff%s", caller(c)));
    commit(c);
    status(c, is_true(one(o, "is_new")) ? 201 : 200);
    object(c, NULL);
    put_text(c, "key", one(o, "feature_key"));
    put_number(c, "user_id", one(o, "user_id"));
    put_number(c, "value", one(o, "value"));
    put_iso(c, "updated_at", one(o, "updated_at"));
    end(c);
}

static void delete_override(struct ctx *c)
{
    rows r = sql(c, "DELETE FROM feature_overrides WHERE feature_key = $1 AND user_id = $2", param(c, "key"),
                 param(c, "user"));
    if (!stopped(c) && affected(r) == 0)
        stop(c, 404, "not_found", "no such override");
    status(c, 204);
}

static void answer_feature(struct ctx *c, rows f) { put_row(c, NULL, f, 0, definition_fields); }

static void post_rollout(struct ctx *c)
{
    const char *percent = need(c, "percent");
    begin(c);
    rows old = lock_feature(c);
    rows f = sql(c,
                 "UPDATE feature_definitions SET rollout_percent = $2::numeric, revision = revision + 1, updated_at = "
                 "now() WHERE key = $1"
                 " RETURNING *",
                 param(c, "key"), percent);
    sql(c,
        "INSERT INTO feature_rollouts (feature_key, revision, from_percent, to_percent, changed_by, note) VALUES ($1, "
        "$2, $3, $4, $5, $6)",
        param(c, "key"), one(f, "revision"), one(old, "rollout_percent"), one(f, "rollout_percent"),
        text(c, "staff%s", caller(c)), body(c, "note"));
    commit(c);
    answer_feature(c, f);
}

static void patch_feature(struct ctx *c)
{
    begin(c);
    lock_feature(c);
    rows f =
        sql(c,
            "UPDATE feature_definitions SET title = coalesce($2, title), description = coalesce($3, description),"
            " client_visible = coalesce($4::boolean, client_visible), min_kyc_level = coalesce($5::int, min_kyc_level),"
            " archived_at = CASE WHEN $6::boolean THEN now() END, revision = revision + 1, updated_at = now() WHERE "
            "key = $1 RETURNING *",
            param(c, "key"), body(c, "title"), body(c, "description"), body(c, "client_visible"),
            body(c, "min_kyc_level"), body(c, "archived"));
    if (body(c, "archived") && strcmp(body(c, "archived"), "true") == 0)
        sql(c, "DELETE FROM feature_overrides WHERE feature_key = $1", param(c, "key"));
    commit(c);
    answer_feature(c, f);
}

static void post_feature(struct ctx *c)
{
    const char *key = need(c, "key"), *kind = need_choice(c, "kind", "switch|percentage");
    if (strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(key))
        stop(c, 422, "invalid", "key: small letters, digits and _");
    begin(c);
    rows f = sql(c,
                 "INSERT INTO feature_definitions (key, title, owner_team, kind, client_visible, created_by) VALUES "
                 "($1, $2, $3, $4::feature_kind,"
                 " false, $5) RETURNING *",
                 key, need(c, "title"), need(c, "owner_team"), kind, text(c, "staff%s", caller(c)));
    sql(c,
        "INSERT INTO feature_rollouts (feature_key, revision, from_percent, to_percent, changed_by, note) VALUES ($1, "
        "1, 0, 0, $2, 'created')",
        key, text(c, "staff%s", caller(c)));
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/features/%s", key));
    answer_feature(c, f);
}

static const struct route feature_routes[] = {
    {"GET", "/v1/features", get_features, AUTH_STAFF, NULL, true},
    {"GET", "/v1/features/{key:text}", get_feature, AUTH_STAFF, NULL, false},
    {"GET", "/v1/features/{key:text}/rollout", get_rollout, AUTH_STAFF, NULL, false},
    {"GET", "/v1/users/{id}/features", get_user_features, AUTH_USER, NULL, true},
    {"GET", "/v1/users/{id}/features/{key:text}", get_user_feature, AUTH_USER, NULL, false},
    {"PUT", "/v1/features/{key:text}/overrides/{user}", put_override, AUTH_STAFF, NULL, false},
    {"DELETE", "/v1/features/{key:text}/overrides/{user}", delete_override, AUTH_STAFF, NULL, false},
    {"POST", "/v1/features/{key:text}/rollout", post_rollout, AUTH_STAFF, NULL, false},
    {"PATCH", "/v1/features/{key:text}", patch_feature, AUTH_STAFF, NULL, false},
    {"POST", "/v1/features", post_feature, AUTH_STAFF, NULL, false},
};
/* What was set for a while is forgotten afterwards. */
static void forget_expired(struct ctx *c)
{
    sql(c, "DELETE FROM feature_overrides WHERE (feature_key, user_id) IN (SELECT feature_key, user_id FROM "
           "feature_overrides"
           " WHERE expires_at < now() ORDER BY expires_at, feature_key, user_id LIMIT 3)");
}
static const struct job feature_jobs[] = {{"forget_expired_overrides", 30, forget_expired}};
SERVICE(features, ERRORS_CODE, feature_routes, feature_jobs);
