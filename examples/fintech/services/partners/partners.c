// SPDX-License-Identifier: Apache-2.0
/* Partners, for our partner managers and for the partners themselves: hand-written SQL, snake_case,
 * {"data":...,"meta":...}. */
#include "app.h"

#define STATES "prospect|onboarding|active|suspended|terminated"

static const struct label kinds[] = {{"acquirer", "Acquirer"},       {"bank", "Bank"},
                                     {"marketplace", "Marketplace"}, {"reseller", "Reseller"},
                                     {"isv", "Software vendor"},     {NULL, NULL}};
static const struct field item_fields[] = {{"id", NULL, NUMBER},
                                           {"code", NULL, TEXT},
                                           {"name", NULL, TEXT},
                                           {"kind", NULL, LABEL, .labels = kinds},
                                           {"status", NULL, TEXT},
                                           {"country", NULL, TEXT},
                                           {"currency", "default_currency", TEXT},
                                           {"tags", NULL, ARRAY},
                                           {"merchants", NULL, NUMBER},
                                           {"account_manager", "manager", TEXT},
                                           {"onboarded_at", NULL, ISO},
                                           {NULL}};
static const struct field detail_fields[] = {{"id", NULL, NUMBER},
                                             {"code", NULL, TEXT},
                                             {"name", NULL, TEXT},
                                             {"legal_name", NULL, TEXT},
                                             {"kind", NULL, LABEL, .labels = kinds},
                                             {"status", NULL, TEXT},
                                             {"status_reason", NULL, TEXT},
                                             {"country", NULL, TEXT},
                                             {"currency", "default_currency", TEXT},
                                             {"website", NULL, TEXT},
                                             {"tax_id", NULL, TEXT},
                                             {"risk_rating", NULL, NUMBER},
                                             {"tags", NULL, ARRAY},
                                             {"settings", NULL, JSON},
                                             {"contacts", NULL, JSON},
                                             {"onboarded_at", NULL, ISO},
                                             {"created_at", NULL, ISO},
                                             {"updated_at", NULL, ISO},
                                             {NULL}};
static const struct field agreement_fields[] = {{"number", NULL, TEXT},       {"revenue_share", NULL, TEXT},
                                                {"min_fee", NULL, TEXT},      {"currency", NULL, TEXT},
                                                {"signed_on", NULL, TEXT},    {"valid_from", NULL, TEXT},
                                                {"valid_to", NULL, TEXT},     {"terms", NULL, TEXT},
                                                {"document_ref", NULL, TEXT}, {NULL}};
static const struct field merchant_fields[] = {{"id", NULL, NUMBER},
                                               {"name", NULL, TEXT},
                                               {"category", NULL, TEXT},
                                               {"country", NULL, TEXT},
                                               {"tier", NULL, TEXT},
                                               {"since", NULL, TEXT},
                                               {"referral", NULL, TEXT},
                                               {"payments", NULL, NUMBER},
                                               {"volume", NULL, TEXT},
                                               {"last_payment_at", NULL, ISO},
                                               {NULL}};
static const struct field commission_fields[] = {{"id", NULL, NUMBER},
                                                 {"transaction_id", NULL, NUMBER},
                                                 {"base_amount", NULL, TEXT},
                                                 {"rate", NULL, TEXT},
                                                 {"amount", NULL, TEXT},
                                                 {"currency", NULL, TEXT},
                                                 {"state", NULL, TEXT},
                                                 {"period", NULL, NUMBER},
                                                 {"accrued_at", NULL, ISO},
                                                 {"paid_at", NULL, ISO},
                                                 {NULL}};
static const struct field summary_fields[] = {
    {"period", NULL, NUMBER}, {"currency", NULL, TEXT}, {"accrued", NULL, TEXT},
    {"invoiced", NULL, TEXT}, {"paid", NULL, TEXT},     {"payments", NULL, NUMBER},
    {"payers", NULL, NUMBER}, {"volume", NULL, TEXT},   {NULL}};
static const struct field contact_fields[] = {{"id", NULL, NUMBER},      {"partner_id", NULL, NUMBER},
                                              {"user_id", NULL, NUMBER}, {"full_name", NULL, TEXT},
                                              {"email", NULL, TEXT},     {"phone", NULL, TEXT},
                                              {"role", NULL, TEXT},      {"locale", NULL, TEXT},
                                              {"created_at", NULL, ISO}, {NULL}};

static void list_partners(struct ctx *c)
{
    struct page p = page_of(c, "page", "per_page", 25);
    const char *state = arg_choice(c, "status", STATES), *country = arg(c, "country"), *q = arg(c, "q");
    rows total = sql(
        c,
        "SELECT count(*) AS n FROM partners p LEFT JOIN users u ON u.id = p.account_manager_id"
        " WHERE p.deleted_at IS NULL AND ($1::text IS NULL OR p.status = $1) AND ($2::text IS NULL OR p.country = $2)"
        " AND ($3::text IS NULL OR p.name ILIKE '%' || $3 || '%' OR u.full_name ILIKE $3 || '%')",
        state, country, q);
    rows r = sql(
        c,
        "SELECT p.id, p.code, p.name, p.kind, p.status, p.country, p.default_currency, p.tags, p.onboarded_at, "
        "u.full_name AS manager,"
        " (SELECT count(*) FROM partner_merchants pm JOIN merchants m ON m.id = pm.merchant_id WHERE pm.partner_id = "
        "p.id) AS merchants"
        " FROM partners p LEFT JOIN users u ON u.id = p.account_manager_id"
        " WHERE p.deleted_at IS NULL AND ($1::text IS NULL OR p.status = $1) AND ($2::text IS NULL OR p.country = $2)"
        " AND ($3::text IS NULL OR p.name ILIKE '%' || $3 || '%' OR u.full_name ILIKE $3 || '%') ORDER BY "
        "lower(p.name), p.id LIMIT $4 OFFSET $5",
        state, country, q, p.limit, p.offset);
    object(c, NULL);
    put_rows(c, "data", r, item_fields);
    object(c, "meta");
    put_int(c, "page", p.number);
    put_int(c, "per_page", p.size);
    put_number(c, "total", one(total, "n"));
    end(c);
    end(c);
}

static void show_partner(struct ctx *c)
{
    rows r = found(c,
                   sql(c,
                       "SELECT p.*, u.full_name AS manager, u.email AS manager_email, parent.code AS parent_code, "
                       "parent.name AS parent_name,"
                       " (SELECT coalesce(json_agg(json_build_object('id', k.id, 'name', k.full_name, 'email', "
                       "k.email, 'role', k.role, 'primary', k.is_primary,"
                       "   'customer', cu.status) ORDER BY k.is_primary DESC, k.id), '[]') FROM partner_contacts k "
                       "LEFT JOIN users cu ON cu.id = k.user_id"
                       "   WHERE k.partner_id = p.id AND k.deleted_at IS NULL) AS contacts"
                       " FROM partners p LEFT JOIN users u ON u.id = p.account_manager_id LEFT JOIN partners parent ON "
                       "parent.id = p.parent_partner_id"
                       " WHERE p.id = $1 AND p.deleted_at IS NULL",
                       param(c, "id")),
                   "partner");
    rows a = sql(c,
                 "SELECT * FROM partner_agreements WHERE partner_id = $1 AND status = 'signed' ORDER BY valid_from "
                 "DESC, id DESC LIMIT 1",
                 param(c, "id"));
    object(c, NULL);
    object(c, "data");
    put_fields(c, r, 0, detail_fields);
    if (one(r, "manager")) {
        object(c, "account_manager");
        put_number(c, "id", one(r, "account_manager_id"));
        put_text(c, "name", one(r, "manager"));
        put_text(c, "email", one(r, "manager_email"));
        end(c);
    }
    if (one(r, "parent_code")) {
        object(c, "parent");
        put_number(c, "id", one(r, "parent_partner_id"));
        put_text(c, "code", one(r, "parent_code"));
        put_text(c, "name", one(r, "parent_name"));
        end(c);
    }
    if (count(a))
        put_row(c, "agreement", a, 0, agreement_fields);
    else
        put_text(c, "agreement", NULL);
    end(c);
    end(c);
}

/* The partner that asks; our own people say which. */
static const char *own(struct ctx *c)
{
    const char *id = is_staff(c) ? arg_number(c, "partner_id", NULL, 1, INT64_MAX) : caller(c);
    if (!id)
        stop(c, 400, "bad_request", "partner_id is missing");
    return id;
}

static void own_merchants(struct ctx *c)
{
    const char *month = arg_number(c, "month", "202606", 200001, 299912);
    rows r = sql(c,
                 "SELECT m.id, m.name, m.category, m.country, m.tier, pm.since, pm.referral, count(t.id) AS payments,"
                 " coalesce(sum(t.amount), 0)::numeric(18,2) AS volume, max(t.created_at) AS last_payment_at"
                 " FROM partner_merchants pm JOIN merchants m ON m.id = pm.merchant_id"
                 " LEFT JOIN transactions t ON t.merchant_id = m.id AND t.period = $2::int AND t.status = 'posted'"
                 " WHERE pm.partner_id = $1 GROUP BY m.id, m.name, m.category, m.country, m.tier, pm.since, "
                 "pm.referral ORDER BY volume DESC, m.id",
                 own(c), month);
    object(c, NULL);
    put_rows(c, "data", r, merchant_fields);
    object(c, "meta");
    put_number(c, "month", month);
    put_int(c, "total", count(r));
    end(c);
    end(c);
}

static void commission_rows(struct ctx *c, rows r)
{
    array(c, "data");
    for (int i = 0; i < count(r) && i < 50; i++) {
        object(c, NULL);
        put_fields(c, r, i, commission_fields);
        object(c, "merchant");
        put_number(c, "id", val(r, i, "merchant_id"));
        put_text(c, "name", val(r, i, "merchant"));
        end(c);
        put_text(c, "payer_country", val(r, i, "payer_country"));
        end(c);
    }
    end(c);
}

static void own_commissions(struct ctx *c)
{
    const char *at, *id, *state = arg_choice(c, "state", "accrued|invoiced|paid|cancelled");
    cursor_in(c, &at, &id);
    rows r = sql(c,
                 "SELECT k.*, m.name AS merchant, u.country AS payer_country FROM partner_commission k JOIN merchants "
                 "m ON m.id = k.merchant_id"
                 " LEFT JOIN transactions t ON t.id = k.transaction_id LEFT JOIN users u ON u.id = t.user_id"
                 " WHERE k.partner_id = $1 AND ($2::commission_state IS NULL OR k.state = $2::commission_state)"
                 " AND ($3::timestamptz IS NULL OR (k.accrued_at, k.id) < ($3::timestamptz, $4::bigint))"
                 " ORDER BY k.accrued_at DESC, k.id DESC LIMIT 51",
                 own(c), state, at, id);
    bool more = count(r) > 50;
    object(c, NULL);
    commission_rows(c, r);
    object(c, "meta");
    cursor_out(c, "next_cursor", more ? val(r, 49, "accrued_at") : NULL, more ? val(r, 49, "id") : NULL);
    end(c);
    end(c);
}

static void commission_summary(struct ctx *c)
{
    const char *from = arg_number(c, "from", "202601", 200001, 299912),
               *to = arg_number(c, "to", "202606", 200001, 299912);
    found(c, sql(c, "SELECT id FROM partners WHERE id = $1 AND deleted_at IS NULL", param(c, "id")), "partner");
    rows r =
        sql(c,
            "SELECT k.period, k.currency, coalesce(sum(k.amount) FILTER (WHERE k.state = 'accrued'), 0) AS accrued,"
            " coalesce(sum(k.amount) FILTER (WHERE k.state = 'invoiced'), 0) AS invoiced, coalesce(sum(k.amount) "
            "FILTER (WHERE k.state = 'paid'), 0) AS paid,"
            " count(*) AS payments, count(DISTINCT t.user_id) AS payers, sum(t.amount) AS volume"
            " FROM partner_commission k JOIN transactions t ON t.id = k.transaction_id"
            " WHERE k.partner_id = $1 AND k.period BETWEEN $2::int AND $3::int GROUP BY k.period, k.currency ORDER BY "
            "k.period, k.currency",
            param(c, "id"), from, to);
    object(c, NULL);
    put_rows(c, "data", r, summary_fields);
    end(c);
}

static void add_contact(struct ctx *c)
{
    const char *name = need(c, "full_name"), *email = need(c, "email"),
               *role = body_choice(c, "role", "operations|finance|technical|legal");
    if (!strchr(email, '@') || strchr(email, ' '))
        stop(c, 422, "invalid", "email must be an address");
    begin(c);
    found(c, sql(c, "SELECT id FROM partners WHERE id = $1 AND deleted_at IS NULL FOR SHARE", param(c, "id")),
          "partner");
    rows r = sql(c,
                 "INSERT INTO partner_contacts (partner_id, user_id, full_name, email, phone, role, locale)"
                 " VALUES ($1, (SELECT id FROM users WHERE email = lower($3::text)), $2, $3, $4, coalesce($5, "
                 "'operations'), coalesce($6, 'en')) RETURNING *",
                 param(c, "id"), name, email, body(c, "phone"), role, body(c, "locale"));
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/partner-contacts/%s", stopped(c) ? "" : one(r, "id")));
    object(c, NULL);
    put_row(c, "data", r, 0, contact_fields);
    end(c);
}

static void remove_contact(struct ctx *c)
{
    rows r =
        found(c, sql(c, "SELECT is_primary FROM partner_contacts WHERE id = $1 AND deleted_at IS NULL", param(c, "id")),
              "contact");
    if (is_true(one(r, "is_primary")))
        stop(c, 409, "primary_contact", "the primary contact stays");
    sql(c, "UPDATE partner_contacts SET deleted_at = now() WHERE id = $1 AND deleted_at IS NULL", param(c, "id"));
    status(c, 204);
}

/* A suspended partner's keys and webhooks stop with it, and come back with it. */
static void move_partner(struct ctx *c, const char *from, const char *to, const char *clients, const char *hooks,
                         const char *reason)
{
    begin(c);
    rows p =
        found(c, sql(c, "SELECT status FROM partners WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", param(c, "id")),
              "partner");
    if (!stopped(c) && strcmp(one(p, "status"), from) != 0)
        stop(c, 409, "wrong_state", text(c, "partner is %s", one(p, "status")));
    rows r = sql(c,
                 "UPDATE partners SET status = $2, status_reason = $3, updated_at = now() WHERE id = $1 RETURNING id, "
                 "status, status_reason, updated_at",
                 param(c, "id"), to, reason);
    rows k = sql(c,
                 "UPDATE api_clients SET status = $2, updated_at = now() WHERE partner_id = $1 AND status <> $2 AND "
                 "deleted_at IS NULL",
                 param(c, "id"), clients);
    rows w = sql(c,
                 "UPDATE webhook_endpoints SET status = $2, updated_at = now() WHERE partner_id = $1 AND status <> "
                 "'disabled' AND status <> $2",
                 param(c, "id"), hooks);
    commit(c);
    object(c, NULL);
    object(c, "data");
    put_number(c, "id", one(r, "id"));
    put_text(c, "status", one(r, "status"));
    put_text(c, "status_reason", one(r, "status_reason"));
    put_iso(c, "updated_at", one(r, "updated_at"));
    put_int(c, "api_clients_changed", affected(k));
    put_int(c, "webhooks_changed", affected(w));
    end(c);
    end(c);
}

static void suspend(struct ctx *c) { move_partner(c, "active", "suspended", "disabled", "paused", need(c, "reason")); }
static void reinstate(struct ctx *c) { move_partner(c, "suspended", "active", "enabled", "enabled", NULL); }

static const struct route partner_routes[] = {
    {"GET", "/v1/partners", list_partners, AUTH_STAFF, NULL, false},
    {"GET", "/v1/partners/{id}", show_partner, AUTH_STAFF, NULL, true},
    {"GET", "/v1/partners/{id}/commission-summary", commission_summary, AUTH_STAFF, NULL, false},
    {"POST", "/v1/partners/{id}/contacts", add_contact, AUTH_STAFF, NULL, false},
    {"POST", "/v1/partners/{id}/suspend", suspend, AUTH_STAFF, NULL, false},
    {"POST", "/v1/partners/{id}/reinstate", reinstate, AUTH_STAFF, NULL, false},
    {"DELETE", "/v1/partner-contacts/{id}", remove_contact, AUTH_STAFF, NULL, false},
    {"GET", "/v1/partner/merchants", own_merchants, AUTH_PARTNER, NULL, false},
    {"GET", "/v1/partner/commissions", own_commissions, AUTH_PARTNER, NULL, false},
};

SERVICE_NO_JOBS(partners, ERRORS_LIST, partner_routes);
