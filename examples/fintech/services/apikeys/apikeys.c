// SPDX-License-Identifier: Apache-2.0
/* API clients and their keys: written against the object mapper, camelCase, {"items":[...]}. The gateway asks verify
 * for every call. */
#include "app.h"

static const struct model ApiClient = {"api_clients", true}, ApiKey = {"api_keys", false},
                          ApiKeyUsage = {"api_key_usages", false};
static const struct model User = {"users", false}, Partner = {"partners", true};

static const struct field client_fields[] = {
    {"id", NULL, NUMBER},
    {"name", NULL, TEXT},
    {"environment", NULL, TEXT},
    {"enabled", "status", LABEL,
     .labels = (const struct label[]){{"enabled", "yes"}, {"disabled", "no"}, {NULL, NULL}}},
    {"allowedIps", "allowed_ips", ARRAY},
    {"rateLimit", "rate_limit", NUMBER},
    {"contactEmail", "contact_email", TEXT, true},
    {"createdAt", "created_at", ZULU},
    {"updatedAt", "updated_at", EPOCH_MS},
    {NULL}};
static const struct field key_fields[] = {{"id", NULL, NUMBER},
                                          {"prefix", NULL, TEXT},
                                          {"scopes", NULL, ARRAY},
                                          {"label", NULL, TEXT, true},
                                          {"createdBy", "created_by", TEXT},
                                          {"createdAt", "created_at", ZULU},
                                          {"expiresAt", "expires_at", ZULU, true},
                                          {"lastUsedAt", "last_used_at", EPOCH_MS},
                                          {"lastUsedIp", "last_used_ip", TEXT, true},
                                          {"revokedAt", "revoked_at", ZULU, true},
                                          {"revokedReason", "revoked_reason", TEXT, true},
                                          {NULL}};
static const struct field usage_fields[] = {
    {"day", NULL, TEXT}, {"calls", NULL, NUMBER}, {"errors", NULL, NUMBER}, {"bytesOut", "bytes_out", NUMBER}, {NULL}};
static const struct field verify_fields[] = {{"keyId", "id", NUMBER},
                                             {"clientId", "client_id", NUMBER},
                                             {"client", "name", TEXT},
                                             {"environment", NULL, TEXT},
                                             {"scopes", NULL, ARRAY},
                                             {"rateLimit", "rate_limit", NUMBER},
                                             {"userId", "user_id", NUMBER, true},
                                             {"partnerId", "partner_id", NUMBER, true},
                                             {NULL}};

static void put_owner(struct ctx *c, rows clients, int i)
{
    rows u = val(clients, i, "user_id") ? orm_find(c, &User, val(clients, i, "user_id")) : NULL;
    rows p = val(clients, i, "partner_id") ? orm_find(c, &Partner, val(clients, i, "partner_id")) : NULL;
    object(c, "owner");
    put_text(c, "type", val(clients, i, "user_id") ? "customer" : "partner");
    put_text(c, "name", u ? one(u, "full_name") : p ? one(p, "name") : NULL);
    put_text(c, "country", u ? one(u, "country") : p ? one(p, "country") : NULL);
    end(c);
}

static void put_client(struct ctx *c, rows clients, int i)
{
    object(c, NULL);
    put_fields(c, clients, i, client_fields);
    put_owner(c, clients, i);
    put_rows(c, "keys", orm_where(c, &ApiKey, "client_id", val(clients, i, "id"), "id", NULL), key_fields);
    end(c);
}

static void put_clients(struct ctx *c, rows clients, int limit)
{
    object(c, NULL);
    array(c, "items");
    for (int i = 0; i < count(clients) && i < limit; i++)
        put_client(c, clients, i);
    end(c);
}

static void own_clients(struct ctx *c)
{
    put_clients(c, orm_where(c, &ApiClient, "user_id", caller(c), "name, id", NULL), 100);
    end(c);
}

static void list_clients(struct ctx *c)
{
    const char *at, *id;
    cursor_in(c, &at, &id);
    rows r = sql(c,
                 "SELECT * FROM api_clients WHERE deleted_at IS NULL AND ($1::timestamptz IS NULL OR (created_at, id) "
                 "< ($1::timestamptz, $2::bigint))"
                 " ORDER BY created_at DESC, id DESC LIMIT 11",
                 at, id);
    put_clients(c, r, 10);
    cursor_out(c, "nextCursor", count(r) > 10 ? val(r, 9, "created_at") : NULL, count(r) > 10 ? val(r, 9, "id") : NULL);
    end(c);
}

static void show_client(struct ctx *c)
{
    rows r = found(c, orm_find(c, &ApiClient, param(c, "id")), "client");
    if (!is_staff(c) && !stopped(c))
        only_owner(c, one(r, "user_id"));
    put_client(c, r, 0);
}

static void create_key(struct ctx *c)
{
    int n = body_count(c, "scopes");
    if (n == 0)
        stop(c, 422, "invalid", "scopes is missing");
    begin(c);
    rows client = found(c, orm_find(c, &ApiClient, param(c, "id")), "client");
    only_owner(c, one(client, "user_id"));
    if (!stopped(c) && strcmp(one(client, "status"), "enabled") != 0)
        stop(c, 409, "client_disabled", "the client is disabled");
    rows secret = sql(c,
                      "SELECT s.secret, encode(sha256(convert_to(s.secret, 'UTF8')), 'hex') AS hash, (SELECT "
                      "array_agg(x ORDER BY x) FROM"
                      " jsonb_array_elements_text($2::jsonb) x) AS scopes FROM (SELECT 'fk_' || $1::text || '_' || "
                      "replace(gen_random_uuid()::text, '-', '') AS secret) s",
                      one(client, "environment"), body_json(c, "scopes"));
    rows key = orm_insert(c, &ApiKey, "client_id", param(c, "id"), "prefix",
                          text(c, "fk_%s", stopped(c) ? "" : one(client, "environment")), "key_hash",
                          one(secret, "hash"), "scopes", one(secret, "scopes"), "label", body(c, "label"), "created_by",
                          is_staff(c) ? text(c, "stf_%s", caller(c)) : "self");
    orm_update(c, &ApiClient, param(c, "id"), "updated_at", "now");
    commit(c);
    status(c, 201);
    object(c, NULL);
    put_fields(c, key, 0, key_fields);
    put_text(c, "secret", one(secret, "secret"));
    end(c);
}

/* The key, locked, when it may be changed by the caller. */
static rows changeable(struct ctx *c)
{
    rows r = found(c,
                   sql(c,
                       "SELECT k.*, c.user_id, c.partner_id FROM api_keys k JOIN api_clients c ON c.id = k.client_id "
                       "WHERE k.id = $1 FOR UPDATE OF k",
                       param(c, "id")),
                   "key");
    if (!stopped(c))
        only_owner(c, one(r, "user_id"));
    if (one(r, "revoked_at"))
        stop(c, 409, "revoked", "the key is revoked");
    return r;
}

static void change_key(struct ctx *c)
{
    const char *label = need(c, "label"), *expires = body(c, "expiresAt");
    begin(c);
    rows old = changeable(c);
    rows r = orm_update(c, &ApiKey, param(c, "id"), "label", label, "expires_at",
                        expires ? expires : one(old, "expires_at"));
    commit(c);
    put_row(c, NULL, r, 0, key_fields);
}

static void revoke_key(struct ctx *c)
{
    begin(c);
    rows old = changeable(c);
    rows r = orm_update(c, &ApiKey, param(c, "id"), "revoked_at", "now", "revoked_reason", body(c, "reason"));
    sql(c,
        "INSERT INTO webhook_deliveries (endpoint_id, event_type, user_id, payload, next_attempt_at)"
        " SELECT id, 'api_key.revoked', NULL, jsonb_build_object('type', 'api_key.revoked', 'data', "
        "jsonb_build_object('key', $2::bigint)), now()"
        " FROM webhook_endpoints WHERE partner_id = $1 AND status = 'enabled'",
        one(old, "partner_id"), param(c, "id"));
    commit(c);
    put_row(c, NULL, r, 0, key_fields);
}

static void key_usage(struct ctx *c)
{
    rows k = found(c, orm_find(c, &ApiKey, param(c, "id")), "key");
    rows client = orm_find(c, &ApiClient, one(k, "client_id"));
    if (!stopped(c))
        only_owner(c, one(client, "user_id"));
    rows days = orm_where(c, &ApiKeyUsage, "key_id", param(c, "id"), "day DESC", "31");
    int64_t calls = 0, n;
    for (int i = 0; i < count(days); i++)
        calls += str_to_i64(str_of(val(days, i, "calls")), &n) ? n : 0;
    object(c, NULL);
    put_number(c, "keyId", param(c, "id"));
    put_text(c, "client", one(client, "name"));
    put_int(c, "totalCalls", calls);
    put_number(c, "daysKnown", orm_count(c, &ApiKeyUsage, "key_id", param(c, "id")));
    put_rows(c, "days", days, usage_fields);
    end(c);
}

/* Which clients call most, and whose they are: asked by the people who plan capacity. */
static void busiest(struct ctx *c)
{
    static const struct field fields[] = {{"clientId", "id", NUMBER}, {"name", NULL, TEXT},
                                          {"owner", NULL, TEXT},      {"country", NULL, TEXT, true},
                                          {"calls", NULL, NUMBER},    {"errorRate", "error_rate", NUMBER},
                                          {"keys", NULL, NUMBERS},    {NULL}};
    rows r = sql(c,
                 "SELECT c.id, c.name, coalesce(u.full_name, p.name) AS owner, coalesce(u.country, p.country) AS "
                 "country, sum(x.calls) AS calls,"
                 " round(100.0 * sum(x.errors) / nullif(sum(x.calls), 0), 3) AS error_rate, array_agg(DISTINCT k.id "
                 "ORDER BY k.id) AS keys"
                 " FROM api_key_usages x JOIN api_keys k ON k.id = x.key_id JOIN api_clients c ON c.id = k.client_id "
                 "LEFT JOIN users u ON u.id = c.user_id"
                 " LEFT JOIN partners p ON p.id = c.partner_id WHERE x.day >= $1::date GROUP BY c.id, c.name, "
                 "u.full_name, p.name, u.country, p.country"
                 " ORDER BY calls DESC, c.id LIMIT $2",
                 arg(c, "since") ? arg(c, "since") : "2026-06-24", arg_number(c, "limit", "20", 1, 100));
    object(c, NULL);
    put_rows(c, "items", r, fields);
    end(c);
}

static void verify(struct ctx *c)
{
    const char *key = need(c, "key"), *scope = body(c, "scope");
    begin(c);
    rows r = found(c,
                   sql(c,
                       "SELECT k.id, k.client_id, k.scopes, k.revoked_at IS NOT NULL AS revoked, k.expires_at <= now() "
                       "AS expired, c.name, c.environment, c.rate_limit,"
                       " c.user_id, c.partner_id, c.status = 'enabled' AND c.deleted_at IS NULL AND coalesce(u.status, "
                       "'active') <> 'blocked'"
                       " AND coalesce(p.status, 'active') <> 'terminated' AS usable, $2::text IS NULL OR $2 = ANY "
                       "(k.scopes) OR 'admin' = ANY (k.scopes) AS allowed"
                       " FROM api_keys k JOIN api_clients c ON c.id = k.client_id LEFT JOIN users u ON u.id = "
                       "c.user_id LEFT JOIN partners p ON p.id = c.partner_id"
                       " WHERE k.key_hash = encode(sha256(convert_to($1, 'UTF8')), 'hex')",
                       key, scope),
                   "key");
    bool good = is_true(one(r, "usable")) && is_true(one(r, "allowed")) && !is_true(one(r, "revoked")) &&
                !is_true(one(r, "expired"));
    if (good) {
        sql(c,
            "UPDATE api_keys SET last_used_at = now(), last_used_ip = coalesce($2::inet, last_used_ip) WHERE id = $1",
            one(r, "id"), body(c, "ip"));
        sql(c,
            "INSERT INTO api_key_usages (key_id, day, calls) VALUES ($1, current_date, 1) ON CONFLICT (key_id, day) DO "
            "UPDATE SET calls = api_key_usages.calls + 1",
            one(r, "id"));
    }
    commit(c);
    object(c, NULL);
    put_bool(c, "valid", good ? "t" : "f");
    put_text(c, "reason",
             is_true(one(r, "revoked"))    ? "revoked"
             : is_true(one(r, "expired"))  ? "expired"
             : !is_true(one(r, "usable"))  ? "client_disabled"
             : !is_true(one(r, "allowed")) ? "scope"
                                           : NULL);
    put_fields(c, r, 0, verify_fields);
    end(c);
}

static const struct route apikey_routes[] = {
    {"GET", "/v1/me/api-clients", own_clients, AUTH_USER, NULL, false},
    {"GET", "/v1/api-clients", list_clients, AUTH_STAFF, NULL, false},
    {"GET", "/v1/api-clients/{id}", show_client, AUTH_USER, NULL, true},
    {"POST", "/v1/api-clients/{id}/keys", create_key, AUTH_USER, NULL, false},
    {"PATCH", "/v1/api-keys/{id}", change_key, AUTH_USER, NULL, false},
    {"POST", "/v1/api-keys/{id}/revoke", revoke_key, AUTH_STAFF, NULL, false},
    {"GET", "/v1/api-keys/{id}/usage", key_usage, AUTH_USER, NULL, false},
    {"GET", "/v1/api-usage/busiest", busiest, AUTH_STAFF, NULL, false},
    {"POST", "/v1/api-keys/verify", verify, AUTH_NONE, "a revoked key must not work for one more second", false},
};

SERVICE_NO_JOBS(apikeys, ERRORS_CODE, apikey_routes);
