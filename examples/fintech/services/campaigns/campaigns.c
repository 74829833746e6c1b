// SPDX-License-Identifier: Apache-2.0
/*
 * Campaigns and offers: the marketing console puts its filters into the query builder, the app asks which offers
 * somebody may have, the agency wants figures. snake_case, money in minor units, `items` and `total`.
 */
#include "app.h"

static const struct label states[] = {{"draft", "Entwurf"}, {"live", "Läuft"},         {"paused", "Angehalten"},
                                      {"ended", "Beendet"}, {"cancelled", "Abgesagt"}, {NULL}};

static const struct field campaign_row[] = {
    {"id", NULL, NUMBER},
    {"code", NULL, TEXT},
    {"title", NULL, TEXT},
    {"status", NULL, TEXT},
    {"status_label", "status", LABEL, .labels = states},
    {"target_segments", NULL, NUMBERS},
    {"countries", NULL, ARRAY},
    {"priority", NULL, NUMBER},
    {"budget", NULL, MINOR, .currency = "currency"},
    {"budget_left", NULL, MINOR, .currency = "currency"},
    {"currency", NULL, TEXT},
    {"starts_on", NULL, TEXT},
    {"ends_on", NULL, TEXT},
    {"updated_at", NULL, ZULU},
    {NULL},
};
static const struct field offer_row[] = {{"id", NULL, NUMBER},
                                         {"headline", NULL, TEXT},
                                         {"cashback_percent", "cashback", NUMBER},
                                         {"max_cashback", NULL, MINOR, .currency = "currency"},
                                         {"min_spend", NULL, MINOR, .currency = "currency"},
                                         {"currency", NULL, TEXT},
                                         {"weekdays", NULL, NUMBERS},
                                         {"valid_from", NULL, ZULU},
                                         {"valid_to", NULL, ZULU},
                                         {"image", NULL, TEXT, .omit_null = true},
                                         {NULL}};
static const struct field merchant_row[] = {
    {"id", "merchant_id", NUMBER}, {"name", "merchant_name", TEXT}, {"category", "merchant_category", TEXT}, {NULL}};
static const struct field activation_row[] = {{"uses", NULL, NUMBER},
                                              {"cashback_total", NULL, MINOR, .currency = "currency"},
                                              {"activated_at", NULL, ZULU},
                                              {"used_at", NULL, ZULU, .omit_null = true},
                                              {NULL}};

static void put_total(struct ctx *c, rows r, struct page p)
{
    put_number(c, "total", count(r) ? one(r, "total") : "0");
    put_int(c, "page", p.number);
}

/* ---- reads ---- */

static void list_campaigns(struct ctx *c)
{
    struct page p = page_of(c, "page", "per_page", 20);
    const char *words = arg(c, "q"), *on = arg(c, "on");
    struct query q =
        query(c, "SELECT c.*, s.names, o.n AS offers, count(*) OVER () AS total FROM campaigns c"
                 " CROSS JOIN LATERAL (SELECT array_agg(g.name ORDER BY g.id) AS names FROM campaign_segments g"
                 "  WHERE g.id = ANY (c.target_segments)) s"
                 " CROSS JOIN LATERAL (SELECT count(*) AS n FROM offers f JOIN merchants m ON m.id = f.merchant_id"
                 "  WHERE f.campaign_id = c.id AND NOT f.withdrawn) o");
    query_where(&q, "c.archived_at IS NULL");
    query_if(&q, arg_choice(c, "status", "draft|live|paused|ended|cancelled"), "c.status = ?");
    query_if(&q, arg_number(c, "segment", NULL, 0, 99),
             "(c.target_segments = '{}' OR ?::int = ANY (c.target_segments))");
    query_if(&q, arg_choice(c, "country", "DE|FR|ES|NL|IT|PL"),
             "(c.countries = '{}' OR ?::char(2) = ANY (c.countries))");
    query_if(&q, on, "?::date BETWEEN c.starts_on AND coalesce(c.ends_on, 'infinity')");
    query_if(&q, words ? text(c, "%%%s%%", words) : NULL, "(c.title || ' ' || c.code) ILIKE ?");
    query_if(&q, arg_number(c, "priority", NULL, 0, 9), "c.priority >= ?::smallint");
    query_add(&q, "ORDER BY c.priority DESC, c.starts_on DESC, c.id");
    query_value(&q, "LIMIT ?", p.limit);
    query_value(&q, "OFFSET ?", p.offset);
    rows r = query_run(&q);
    object(c, NULL);
    array(c, "items");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, campaign_row);
        put_array(c, "segment_names", val(r, i, "names"));
        put_number(c, "offers", val(r, i, "offers"));
        end(c);
    }
    end(c);
    put_total(c, r, p);
    end(c);
}

static void get_campaign(struct ctx *c)
{
    struct query q = query(
        c, "SELECT c.*, (SELECT json_agg(json_build_object('id', o.id, 'headline', o.headline, 'merchant', m.name,"
           " 'cashback', o.cashback, 'valid_to', o.valid_to) ORDER BY o.sort, o.id) FROM offers o"
           " JOIN merchants m ON m.id = o.merchant_id WHERE o.campaign_id = c.id AND NOT o.withdrawn) AS offers FROM "
           "campaigns c");
    query_if(&q, param(c, "id"), "c.id = ?");
    if (!is_staff(c))
        query_where(&q, "c.status <> 'draft' AND c.archived_at IS NULL");
    rows r = found(c, query_run(&q), "campaign");
    object(c, NULL);
    put_fields(c, r, 0, campaign_row);
    put_text(c, "terms", one(r, "terms"));
    put_number(c, "settings", one(r, "settings"));
    put_number(c, "offers", one(r, "offers") ? one(r, "offers") : "[]");
    end(c);
}

/* What a user may have, or has: offers of live campaigns for their segment, country and verification. */
static void list_offers(struct ctx *c)
{
    const char *user = param(c, "user"), *active = arg_choice(c, "activated", "true|false");
    only_owner(c, user);
    struct page p = page_of(c, "page", "per_page", 15);
    struct query q = query(
        c, "SELECT o.*, k.currency, m.name AS merchant_name, m.category AS merchant_category, a.uses, a.cashback_total,"
           " a.activated_at, a.used_at, count(*) OVER () AS total FROM users u JOIN campaigns k ON k.min_kyc <= "
           "u.kyc_level"
           " AND (k.countries = '{}' OR u.country = ANY (k.countries)) AND (k.target_segments = '{}' OR (u.id % "
           "8)::int = ANY (k.target_segments))"
           " JOIN offers o ON o.campaign_id = k.id JOIN merchants m ON m.id = o.merchant_id"
           " LEFT JOIN offer_activations a ON a.offer_id = o.id AND a.user_id = u.id");
    query_if(&q, user, "u.id = ?");
    query_where(&q, "k.status = 'live' AND k.archived_at IS NULL AND NOT o.withdrawn");
    query_if(&q, arg_choice(c, "category", "grocery|travel|fuel|rent|utilities|games|pharmacy"), "m.category = ?");
    query_if(&q, active, "(a.user_id IS NOT NULL) = ?::boolean");
    query_if(&q, arg(c, "on"), "?::timestamptz BETWEEN o.valid_from AND coalesce(o.valid_to, 'infinity')");
    query_if(&q, arg_number(c, "weekday", NULL, 1, 7), "?::smallint = ANY (o.weekdays)");
    query_if(&q, arg_number(c, "min_cashback", NULL, 0, 100), "o.cashback >= ?::numeric");
    query_add(&q, "ORDER BY k.priority DESC, o.sort, o.id");
    query_value(&q, "LIMIT ?", p.limit);
    query_value(&q, "OFFSET ?", p.offset);
    rows r = query_run(&q);
    object(c, NULL);
    array(c, "items");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, offer_row);
        put_row(c, "merchant", r, i, merchant_row);
        if (val(r, i, "activated_at"))
            put_row(c, "activation", r, i, activation_row);
        else
            put_text(c, "activation", NULL);
        end(c);
    }
    end(c);
    put_total(c, r, p);
    end(c);
}

static void get_offer(struct ctx *c)
{
    rows r =
        found(c,
              sql(c,
                  "SELECT o.*, k.currency, k.title AS campaign, k.terms, m.name AS merchant_name, m.category AS "
                  "merchant_category,"
                  " (SELECT count(*) FROM offer_activations a WHERE a.offer_id = o.id) AS activations"
                  " FROM offers o JOIN campaigns k ON k.id = o.campaign_id JOIN merchants m ON m.id = o.merchant_id"
                  " WHERE o.id = $1 AND NOT o.withdrawn AND k.status IN ('live', 'paused', 'ended')",
                  param(c, "id")),
              "offer");
    object(c, NULL);
    put_fields(c, r, 0, offer_row);
    put_row(c, "merchant", r, 0, merchant_row);
    put_text(c, "campaign", one(r, "campaign"));
    put_text(c, "terms", one(r, "terms"));
    put_number(c, "activations", one(r, "activations"));
    end(c);
}

/* Did it pay? By country with a sum, and what the same people spent at these merchants while it ran. */
static void get_performance(struct ctx *c)
{
    static const struct field row[] = {{"country", NULL, TEXT},       {"activations", NULL, NUMBER},
                                       {"users", NULL, NUMBER},       {"used", NULL, NUMBER},
                                       {"use_percent", NULL, NUMBER}, {"cashback", NULL, TEXT},
                                       {"mobile", NULL, NUMBER},      {"volume", NULL, TEXT},
                                       {"best_merchant", NULL, TEXT}, {NULL}};
    const char *id = param(c, "id");
    rows k = found(c, sql(c, "SELECT id, title FROM campaigns WHERE id = $1", id), "campaign");
    rows r = sql(c,
                 "WITH a AS (SELECT a.*, u.country, o.merchant_id, m.name AS merchant, k.starts_on, "
                 "coalesce(k.ends_on, k.starts_on + 90) AS ends_on"
                 " FROM offer_activations a JOIN offers o ON o.id = a.offer_id JOIN campaigns k ON k.id = o.campaign_id"
                 " JOIN users u ON u.id = a.user_id JOIN merchants m ON m.id = o.merchant_id WHERE o.campaign_id = $1),"
                 " spent AS (SELECT a.country, sum(t.amount) AS volume FROM a JOIN transactions t ON t.user_id = "
                 "a.user_id AND t.merchant_id = a.merchant_id"
                 " AND t.created_at >= a.starts_on AND t.created_at < a.ends_on + 1 GROUP BY a.country)"
                 " SELECT a.country, count(*) AS activations, count(DISTINCT a.user_id) AS users, count(*) FILTER "
                 "(WHERE a.uses > 0) AS used,"
                 " round(100.0 * count(*) FILTER (WHERE a.uses > 0) / nullif(count(*), 0), 1) AS use_percent, "
                 "sum(a.cashback_total) AS cashback,"
                 " count(*) FILTER (WHERE a.channel IN ('ios', 'android')) AS mobile, mode() WITHIN GROUP (ORDER BY "
                 "a.merchant) AS best_merchant,"
                 " CASE WHEN grouping(a.country) = 1 THEN (SELECT sum(volume) FROM spent) ELSE (SELECT s.volume FROM "
                 "spent s WHERE s.country = a.country) END AS volume"
                 " FROM a GROUP BY ROLLUP (a.country) ORDER BY grouping(a.country), a.country",
                 id);
    object(c, NULL);
    put_number(c, "campaign_id", one(k, "id"));
    put_text(c, "title", one(k, "title"));
    put_rows(c, "rows", r, row);
    end(c);
}

/* ---- writes ---- */

/* True when the user has it now; false when they had it. 422 when it is not for them. */
static bool activate_one(struct ctx *c, const char *offer, const char *user)
{
    rows may = sql(c,
                   "SELECT k.status = 'live' AND NOT o.withdrawn AND k.min_kyc <= u.kyc_level AS allowed FROM offers o"
                   " JOIN campaigns k ON k.id = o.campaign_id CROSS JOIN users u WHERE o.id = $1 AND u.id = $2",
                   offer, user);
    if (!is_true(one(may, "allowed")))
        stop(c, 422, "not_eligible", "this offer is not for you");
    return affected(sql(c,
                        "INSERT INTO offer_activations (offer_id, user_id, channel) VALUES ($1, $2, "
                        "coalesce($3::channel, 'web'))"
                        " ON CONFLICT DO NOTHING",
                        offer, user, body_choice(c, "channel", "web|ios|android"))) > 0;
}

static void activate(struct ctx *c)
{
    const char *offer = param(c, "id");
    begin(c);
    if (!activate_one(c, offer, caller(c)))
        stop(c, 409, "already_active", "you have it");
    commit(c);
    status(c, 201);
    object(c, NULL);
    put_number(c, "offer_id", offer);
    put_number(c, "user_id", caller(c));
    end(c);
}

static void activate_many(struct ctx *c)
{
    int n = body_count(c, "offers"), fresh = 0;
    if (n == 0 || n > 50)
        stop(c, 422, "invalid", "offers: 1 to 50 ids");
    begin(c);
    for (int i = 0; i < n && !stopped(c); i++)
        fresh += activate_one(c, body_element(c, "offers", i), caller(c));
    commit(c);
    object(c, NULL);
    put_int(c, "activated", fresh);
    put_int(c, "had_already", n - fresh);
    end(c);
}

static void deactivate(struct ctx *c)
{
    rows r = sql(c, "DELETE FROM offer_activations WHERE offer_id = $1 AND user_id = $2 AND uses = 0", param(c, "id"),
                 caller(c));
    if (affected(r) == 0)
        stop(c, 404, "not_found", "no unused activation");
    status(c, 204);
}

static void create_campaign(struct ctx *c)
{
    const char *title = need(c, "title"), *budget = need_amount(c, "budget"), *starts = need(c, "starts_on");
    const char *merchants = body_json(c, "merchants");
    begin(c);
    rows r = sql(c,
                 "INSERT INTO campaigns (code, title, budget, starts_on, ends_on, target_segments, created_by)"
                 " VALUES (upper(left(md5(random()::text || clock_timestamp()), 10)), $1, $2, $3, $4,"
                 " ARRAY(SELECT value::int FROM jsonb_array_elements_text(coalesce($5::jsonb, '[]'))), $6) RETURNING *",
                 title, budget, starts, body(c, "ends_on"), body_json(c, "segments"), text(c, "staff_%s", caller(c)));
    sql(c,
        "INSERT INTO offers (campaign_id, merchant_id, headline, cashback, valid_from)"
        " SELECT $1, m.id, '5 % ' || m.name, 5, $3::timestamptz FROM merchants m"
        " JOIN jsonb_array_elements_text(coalesce($2::jsonb, '[]')) e ON e.value::bigint = m.id",
        one(r, "id"), merchants, starts);
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/campaigns/%s", one(r, "id")));
    put_row(c, NULL, r, 0, campaign_row);
}

/* draft -> live <-> paused -> ended; draft -> cancelled. */
static void patch_campaign(struct ctx *c)
{
    const char *to = body_choice(c, "status", "live|paused|ended|cancelled");
    begin(c);
    rows k = found(c,
                   sql(c,
                       "SELECT status, (status || '>' || coalesce($2::text, status)) = ANY "
                       "('{draft>live,live>live,live>paused,paused>paused,"
                       "paused>live,paused>ended,live>ended,draft>cancelled,draft>draft}') AS allowed FROM campaigns"
                       " WHERE id = $1 AND archived_at IS NULL FOR UPDATE",
                       param(c, "id"), to),
                   "campaign");
    if (!stopped(c) && !is_true(one(k, "allowed")))
        stop(c, 409, "wrong_state", text(c, "a campaign that is %s does not take this", one(k, "status")));
    rows r = sql(c,
                 "UPDATE campaigns SET status = coalesce($2, status), title = coalesce($3, title), budget = "
                 "coalesce($4::numeric, budget),"
                 " priority = coalesce($5::smallint, priority), updated_at = now() WHERE id = $1 RETURNING *",
                 param(c, "id"), to, body(c, "title"), body(c, "budget"), body(c, "priority"));
    sql(c,
        "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, before, after)"
        " VALUES ($1, 'staff', 'campaigns', 'campaign.change', 'campaign', $2, jsonb_build_object('status', $3::text),"
        " jsonb_build_object('status', $4::text))",
        caller(c), param(c, "id"), one(k, "status"), one(r, "status"));
    commit(c);
    put_row(c, NULL, r, 0, campaign_row);
}

static const struct route campaign_routes[] = {
    {"GET", "/v1/campaigns", list_campaigns, AUTH_STAFF, NULL, false},
    {"GET", "/v1/campaigns/{id}", get_campaign, AUTH_NONE, NULL, true},
    {"GET", "/v1/campaigns/{id}/performance", get_performance, AUTH_STAFF, NULL, false},
    {"GET", "/v1/users/{user}/offers", list_offers, AUTH_USER, NULL, false},
    {"GET", "/v1/offers/{id}", get_offer, AUTH_NONE, NULL, false},
    {"POST", "/v1/offers/{id}/activation", activate, AUTH_USER, NULL, false},
    {"DELETE", "/v1/offers/{id}/activation", deactivate, AUTH_USER, NULL, false},
    {"POST", "/v1/offers/activations", activate_many, AUTH_USER, NULL, false},
    {"POST", "/v1/campaigns", create_campaign, AUTH_STAFF, NULL, false},
    {"PATCH", "/v1/campaigns/{id}", patch_campaign, AUTH_STAFF, NULL, false},
};

SERVICE_NO_JOBS(campaigns, ERRORS_LIST, campaign_routes);
