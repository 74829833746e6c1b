// SPDX-License-Identifier: Apache-2.0
/*
 * Addresses and their history. Object mapping, relations loaded one by one; some screens were rewritten by hand when
 * they became slow. camelCase, what is null is left out. A user has at most one primary address, held by an index;
 * every change writes a row of history with the next version.
 */
#include <stdlib.h>
#include <string.h>

#include "app.h"

static const struct model Address = {"addresses", true};
static const struct model History = {"address_history", false};
static const struct model Zone = {"address_zones", false};
static const struct model User = {"users", true};

static const struct field address_fields[] = {
    {"id", .kind = NUMBER},
    {"kind", .kind = TEXT},
    {"recipient", .kind = TEXT, .omit_null = true},
    {"line1", .kind = TEXT},
    {"line2", .kind = TEXT, .omit_null = true},
    {"postalCode", "postal_code", .kind = TEXT},
    {"city", .kind = TEXT},
    {"region", .kind = TEXT, .omit_null = true},
    {"country", .kind = TEXT},
    {"latitude", .kind = NUMBER, .omit_null = true},
    {"longitude", .kind = NUMBER, .omit_null = true},
    {"primary", "is_primary", .kind = BOOL},
    {"verifiedAt", "verified_at", .kind = EPOCH_MS, .omit_null = true},
    {"verifiedBy", "verification_method", .kind = TEXT, .omit_null = true},
    {"livedSince", "lived_since", .kind = TEXT, .omit_null = true},
    {"instructions", .kind = TEXT, .omit_null = true},
    {"version", .kind = NUMBER},
    {"updatedAt", "updated_at", .kind = EPOCH_MS},
    {0},
};
static const struct field zone_fields[] = {
    {"id", .kind = NUMBER},
    {"name", .kind = TEXT},
    {"carrier", .kind = TEXT, .omit_null = true},
    {"deliveryDays", "delivery_days", .kind = NUMBER},
    {"surchargeCents", "surcharge", .kind = MINOR},
    {"deliverable", .kind = BOOL},
    {0},
};
static const struct field history_fields[] = {
    {"version", .kind = NUMBER},
    {"change", .kind = TEXT},
    {"line1", .kind = TEXT},
    {"postalCode", "postal_code", .kind = TEXT},
    {"city", .kind = TEXT},
    {"before", .kind = JSON, .omit_null = true},
    {"changedBy", "changed_by", .kind = TEXT},
    {"validFrom", "valid_from", .kind = EPOCH_MS},
    {0},
};

static void put_address(struct ctx *c, rows r, int row)
{
    object(c, NULL);
    put_fields(c, r, row, address_fields);
    rows zone = orm_find(c, &Zone, val(r, row, "zone_id"));
    if (count(zone))
        put_row(c, "zone", zone, 0, zone_fields);
    end(c);
}

static void get_user_addresses(struct ctx *c)
{
    only_owner(c, param(c, "id"));
    rows r = orm_where(c, &Address, "user_id", param(c, "id"), "is_primary DESC, id", "20");
    array(c, NULL);
    for (int i = 0; i < count(r); i++)
        put_address(c, r, i);
    end(c);
}

static void get_address(struct ctx *c)
{
    rows a = found(c, orm_find(c, &Address, param(c, "id")), "address");
    only_owner(c, one(a, "user_id"));
    rows u = orm_find(c, &User, one(a, "user_id"));
    rows h = orm_where(c, &History, "address_id", one(a, "id"), "version DESC", "5");
    rows zone = orm_find(c, &Zone, one(a, "zone_id"));
    object(c, NULL);
    put_fields(c, a, 0, address_fields);
    if (count(zone))
        put_row(c, "zone", zone, 0, zone_fields);
    if (count(u)) {
        object(c, "owner");
        put_number(c, "id", one(u, "id"));
        put_text(c, "name", one(u, "full_name"));
        end(c);
    }
    put_rows(c, "history", h, history_fields);
    end(c);
}

/* What is printed on a parcel. */
static void get_primary(struct ctx *c)
{
    only_owner(c, param(c, "id"));
    rows r = sql(c,
                 "SELECT a.*, u.full_name, z.name AS zone, z.carrier, z.delivery_days, z.surcharge, z.deliverable, "
                 "d.title AS proof,"
                 " d.status AS proof_status, k.iban, coalesce(a.recipient || ' / ', '') || u.full_name AS name,"
                 " concat_ws(E'\\n', a.line1, a.line2, CASE WHEN a.country IN ('DE', 'FR', 'ES', 'IT', 'PL') THEN "
                 "a.postal_code || ' ' || a.city"
                 " ELSE upper(a.city) || '  ' || a.postal_code END, a.country) AS label"
                 " FROM addresses a JOIN users u ON u.id = a.user_id LEFT JOIN address_zones z ON z.id = a.zone_id"
                 " LEFT JOIN documents d ON d.id = a.proof_document_id AND d.deleted_at IS NULL"
                 " LEFT JOIN accounts k ON k.user_id = u.id AND k.kind = 'checking'"
                 " WHERE a.user_id = $1 AND a.is_primary AND a.deleted_at IS NULL AND u.deleted_at IS NULL ORDER BY "
                 "k.id LIMIT 1",
                 param(c, "id"));
    found(c, r, "primary address");
    object(c, NULL);
    put_fields(c, r, 0, address_fields);
    put_text(c, "name", one(r, "name"));
    put_text(c, "label", one(r, "label"));
    if (one(r, "zone")) {
        object(c, "shipping");
        put_text(c, "zone", one(r, "zone"));
        put_bool(c, "deliverable", one(r, "deliverable"));
        put_number(c, "days", one(r, "delivery_days"));
        put_minor(c, "surchargeCents", one(r, "surcharge"), "EUR");
        end(c);
    }
    if (one(r, "proof"))
        put_text(c, "proof", text(c, "%s (%s)", one(r, "proof"), one(r, "proof_status")));
    end(c);
}

static void get_history(struct ctx *c)
{
    rows r = sql(c,
                 "SELECT h.*, a.user_id, u.full_name, u.deleted_at AS gone FROM address_history h JOIN addresses a ON "
                 "a.id = h.address_id"
                 " JOIN users u ON u.id = a.user_id WHERE h.address_id = $1 ORDER BY h.version DESC",
                 param(c, "id"));
    found(c, r, "address");
    only_owner(c, one(r, "user_id"));
    object(c, NULL);
    put_text(c, "owner", one(r, "full_name"));
    put_rows(c, "versions", r, history_fields);
    end(c);
}

static void get_addresses(struct ctx *c)
{
    struct page page = page_of(c, "page", "perPage", 25);
    const char *verified = arg_choice(c, "verified", "true|false");
    struct query q =
        query(c, "SELECT a.*, u.full_name, u.kyc_level, z.name AS zone, count(*) OVER () AS total FROM addresses a"
                 " JOIN users u ON u.id = a.user_id LEFT JOIN address_zones z ON z.id = a.zone_id");
    query_where(&q, "a.deleted_at IS NULL");
    query_if(&q, arg(c, "country"), "a.country = ?");
    query_if(&q, arg(c, "postalCode"), "a.postal_code LIKE ? || '%'");
    query_if(&q, arg(c, "city"), "lower(a.city) = lower(?)");
    query_if(&q, arg_choice(c, "kind", "home|billing|shipping|work"), "a.kind = ?::address_kind");
    if (verified)
        query_where(&q, *verified == 't' ? "a.verified_at IS NOT NULL" : "a.verified_at IS NULL");
    query_add(&q, "ORDER BY a.country, a.postal_code, a.id");
    query_value(&q, "LIMIT ?", page.limit);
    query_value(&q, "OFFSET ?", page.offset);
    rows r = query_run(&q);
    object(c, NULL);
    array(c, "results");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, address_fields);
        put_text(c, "owner", val(r, i, "full_name"));
        put_number(c, "kycLevel", val(r, i, "kyc_level"));
        end(c);
    }
    end(c);
    put_number(c, "total", count(r) ? one(r, "total") : "0");
    end(c);
}

/* Can we deliver there? Asks the zones, and what other customers there experienced; a POST because addresses are
 * private. */
static void post_validate(struct ctx *c)
{
    rows z = sql(
        c,
        "SELECT z.*, count(a.id) AS known, count(DISTINCT u.id) FILTER (WHERE u.kyc_level >= 2) AS verified_customers"
        " FROM address_zones z LEFT JOIN addresses a ON a.zone_id = z.id AND a.postal_code = $2 AND a.deleted_at IS "
        "NULL"
        " LEFT JOIN users u ON u.id = a.user_id WHERE z.country = $1 AND $2 LIKE z.prefix || '%'"
        " GROUP BY z.id ORDER BY length(z.prefix) DESC LIMIT 1",
        need_choice(c, "country", "DE|FR|ES|NL|IT|PL"), need(c, "postalCode"));
    object(c, NULL);
    put_bool(c, "valid", count(z) && is_true(one(z, "deliverable")) ? "t" : "f");
    if (count(z)) {
        put_row(c, "zone", z, 0, zone_fields);
        put_number(c, "knownAddresses", one(z, "known"));
        put_number(c, "verifiedCustomers", one(z, "verified_customers"));
    }
    end(c);
}

static void get_coverage(struct ctx *c)
{
    static const struct field fields[] = {
        {"country", .kind = TEXT},
        {"zone", .kind = TEXT, .omit_null = true},
        {"addresses", .kind = NUMBER},
        {"customers", .kind = NUMBER},
        {"verifiedShare", "share", .kind = TEXT},
        {"balance", .kind = TEXT},
        {"surcharge", .kind = TEXT, .omit_null = true},
        {0},
    };
    rows r = sql(c, "SELECT a.country, z.name AS zone, count(*) AS addresses, count(DISTINCT u.id) AS customers,"
                    " round(avg((a.verified_at IS NOT NULL)::int), 3) AS share, sum(k.balance) AS balance, "
                    "max(z.surcharge) AS surcharge"
                    " FROM addresses a JOIN users u ON u.id = a.user_id AND u.deleted_at IS NULL LEFT JOIN "
                    "address_zones z ON z.id = a.zone_id"
                    " JOIN accounts k ON k.user_id = u.id AND k.kind = 'savings' WHERE a.deleted_at IS NULL"
                    " GROUP BY ROLLUP (a.country, z.name) HAVING a.country IS NOT NULL ORDER BY a.country,"
                    " grouping(z.name) DESC, z.name NULLS FIRST");
    put_rows(c, NULL, r, fields);
}

/* ---- writing ---- */

/* The zone of a postal code; none is no error. */
static const char *zone_of(struct ctx *c, const char *country, const char *postal_code)
{
    return one(sql(c,
                   "SELECT id FROM address_zones WHERE country = $1 AND $2 LIKE prefix || '%' ORDER BY length(prefix) "
                   "DESC LIMIT 1",
                   country, postal_code),
               "id");
}

static void add_history(struct ctx *c, rows a, const char *change, const char *before)
{
    orm_insert(c, &History, "address_id", one(a, "id"), "version", one(a, "version"), "change", change, "line1",
               one(a, "line1"), "postal_code", one(a, "postal_code"), "city", one(a, "city"), "country",
               one(a, "country"), "before", before, "changed_by", is_staff(c) ? "staff" : "customer");
}

static void post_address(struct ctx *c)
{
    const char *user = param(c, "id"), *country = need_choice(c, "country", "DE|FR|ES|NL|IT|PL");
    const char *postal_code = need(c, "postalCode"), *kind = body_choice(c, "kind", "home|billing|shipping|work");
    only_owner(c, user);
    begin(c);
    found(c, orm_find(c, &User, user), "user");
    rows a = orm_insert(c, &Address, "user_id", user, "zone_id", zone_of(c, country, postal_code), "kind",
                        kind ? kind : "shipping", "recipient", body(c, "recipient"), "line1", need(c, "line1"), "line2",
                        body(c, "line2"), "postal_code", postal_code, "city", need(c, "city"), "country", country);
    add_history(c, a, "created", NULL);
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/addresses/%s", one(a, "id") ? one(a, "id") : ""));
    put_address(c, a, 0);
}

/* The address, locked; the caller's own. */
static rows lock_address(struct ctx *c)
{
    rows a = sql(c, "SELECT * FROM addresses WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", param(c, "id"));
    found(c, a, "address");
    only_owner(c, one(a, "user_id"));
    return a;
}

/* With a version in the body, it must be the current one: two browsers, one address. */
static void put_address_request(struct ctx *c)
{
    const char *line1 = need(c, "line1"), *postal_code = need(c, "postalCode"), *city = need(c, "city");
    const char *expected = body(c, "version");
    begin(c);
    rows old = lock_address(c);
    if (!stopped(c) && expected && strcmp(expected, one(old, "version")) != 0)
        stop(c, 409, "changed", text(c, "this address is at version %s", one(old, "version")));
    rows before = sql(
        c,
        "SELECT jsonb_strip_nulls(jsonb_build_object('line1', nullif(line1, $2), 'postalCode', nullif(postal_code, $3),"
        " 'city', nullif(city, $4))) AS before, version + 1 AS next FROM addresses WHERE id = $1",
        param(c, "id"), line1, postal_code, city);
    rows a = orm_update(c, &Address, param(c, "id"), "line1", line1, "line2", body(c, "line2"), "postal_code",
                        postal_code, "city", city, "zone_id", zone_of(c, one(old, "country"), postal_code), "version",
                        one(before, "next"), "verified_at", NULL, "verification_method", NULL, "updated_at", "now");
    add_history(c, a, "moved", one(before, "before"));
    commit(c);
    put_address(c, a, 0);
}

static void delete_address(struct ctx *c)
{
    begin(c);
    rows a = lock_address(c);
    if (is_true(one(a, "is_primary")))
        stop(c, 409, "primary", "choose another primary address first");
    orm_update(c, &Address, param(c, "id"), "deleted_at", "now", "updated_at", "now");
    commit(c);
    status(c, 204);
}

static void post_primary(struct ctx *c)
{
    begin(c);
    rows a = lock_address(c);
    sql(c, "UPDATE addresses SET is_primary = false, updated_at = now() WHERE user_id = $1 AND is_primary AND id <> $2",
        one(a, "user_id"), one(a, "id"));
    a = orm_update(c, &Address, one(a, "id"), "is_primary", "t", "updated_at", "now");
    sql(c,
        "INSERT INTO notifications (user_id, kind, channel, title, body) VALUES ($1, 'security_alert', 'in_app', 'New "
        "primary address', $2)",
        one(a, "user_id"), one(a, "line1"));
    commit(c);
    put_address(c, a, 0);
}

/* Our people compare with a proof of address among the customer's documents, or believe a letter. */
static void post_verify(struct ctx *c)
{
    const char *method = need_choice(c, "method", "letter|document|registry");
    begin(c);
    rows a = lock_address(c);
    if (one(a, "verified_at"))
        stop(c, 409, "verified", "it is verified already");
    rows proof = sql(
        c,
        "SELECT d.id FROM documents d JOIN users u ON u.id = d.user_id WHERE d.user_id = $1 AND d.deleted_at IS NULL"
        " AND d.status <> 'rejected' AND u.deleted_at IS NULL ORDER BY (d.kind = 'proof_of_address') DESC, d.id DESC "
        "LIMIT 1",
        one(a, "user_id"));
    if (!stopped(c) && count(proof) == 0 && strcmp(method, "document") == 0)
        stop(c, 422, "no_document", "the customer has no document");
    a = orm_update(c, &Address, param(c, "id"), "verified_at", "now", "verification_method", method,
                   "proof_document_id", strcmp(method, "document") == 0 ? one(proof, "id") : NULL, "updated_at", "now");
    commit(c);
    put_address(c, a, 0);
}

static const struct route address_routes[] = {
    {"GET", "/v1/users/{id}/addresses", get_user_addresses, AUTH_USER, NULL, false},
    {"GET", "/v1/users/{id}/addresses/primary", get_primary, AUTH_USER, NULL, true},
    {"POST", "/v1/users/{id}/addresses", post_address, AUTH_USER, NULL, false},
    {"GET", "/v1/addresses", get_addresses, AUTH_STAFF, NULL, false},
    {"GET", "/v1/addresses/coverage", get_coverage, AUTH_STAFF, NULL, false},
    {"GET", "/v1/addresses/{id}", get_address, AUTH_USER, NULL, false},
    {"GET", "/v1/addresses/{id}/history", get_history, AUTH_USER, NULL, false},
    {"POST", "/v1/addresses/validate", post_validate, AUTH_USER, NULL, false},
    {"PUT", "/v1/addresses/{id}", put_address_request, AUTH_USER, NULL, false},
    {"DELETE", "/v1/addresses/{id}", delete_address, AUTH_USER, NULL, false},
    {"POST", "/v1/addresses/{id}/make-primary", post_primary, AUTH_USER, NULL, false},
    {"POST", "/v1/addresses/{id}/verify", post_verify, AUTH_STAFF, NULL, false},
};
SERVICE_NO_JOBS(addresses, ERRORS_TEXT, address_routes);
