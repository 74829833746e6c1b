// SPDX-License-Identifier: Apache-2.0
/*
 * Rewards: points, tiers, what they buy. Written by the analytics people, so a page is a report: windows and CTEs, one
 * statement an answer. snake_case, times in epoch seconds, an envelope of data and meta.
 */
#include "app.h"

static void envelope(struct ctx *c, rows r, const struct field *fields, int limit)
{
    object(c, NULL);
    put_rows(c, "data", r, fields);
    object(c, "meta");
    put_int(c, "count", count(r));
    put_int(c, "limit", limit);
    end(c);
    end(c);
}

/* ---- reads ---- */

static void get_summary(struct ctx *c)
{
    static const struct field member[] = {{"user_id", NULL, NUMBER},
                                          {"name", "full_name", TEXT},
                                          {"points", NULL, NUMBER},
                                          {"lifetime_points", NULL, NUMBER},
                                          {"rank", NULL, NUMBER},
                                          {"member_since", "joined_on", TEXT},
                                          {"opted_out", NULL, BOOL},
                                          {"earned_by_payments", "earned", NUMBER},
                                          {"redeemed", NULL, NUMBER},
                                          {"last_movement", "last_at", EPOCH_S},
                                          {NULL}};
    static const struct field tier[] = {{"code", "tier", TEXT},        {"name", "tier_name", TEXT},
                                        {"multiplier", NULL, TEXT},    {"perks", NULL, ARRAY},
                                        {"until", "tier_until", TEXT}, {NULL}};
    static const struct field next[] = {
        {"code", "next_code", TEXT}, {"missing", NULL, NUMBER}, {"percent", NULL, NUMBER}, {NULL}};
    const char *user = param(c, "user");
    only_owner(c, user);
    rows r =
        found(c,
              sql(c,
                  "WITH steps AS (SELECT code, name, min_points, multiplier, perks, lead(code) OVER w AS next_code,"
                  " lead(min_points) OVER w AS next_points FROM reward_tiers WINDOW w AS (ORDER BY min_points)),"
                  " moves AS (SELECT user_id, sum(delta) FILTER (WHERE reason = 'purchase') AS earned,"
                  " max(created_at) AS last_at FROM points_ledger WHERE user_id = $1 GROUP BY user_id)"
                  " SELECT m.*, u.full_name, s.name AS tier_name, s.multiplier, s.perks, s.next_code,"
                  " s.next_points - m.lifetime_points AS missing,"
                  " round(100.0 * (m.lifetime_points - s.min_points) / (s.next_points - s.min_points), 1) AS percent,"
                  " coalesce(v.earned, 0) AS earned, v.last_at,"
                  " (SELECT count(*) + 1 FROM reward_members o WHERE o.lifetime_points > m.lifetime_points) AS rank,"
                  " (SELECT count(*) FROM reward_redemptions d WHERE d.user_id = m.user_id AND d.state <> 'cancelled') "
                  "AS redeemed"
                  " FROM reward_members m JOIN users u ON u.id = m.user_id JOIN steps s ON s.code = m.tier"
                  " LEFT JOIN moves v ON v.user_id = m.user_id WHERE m.user_id = $1",
                  user),
              "member");
    object(c, NULL);
    object(c, "data");
    put_fields(c, r, 0, member);
    put_row(c, "tier", r, 0, tier);
    if (one(r, "next_code"))
        put_row(c, "next_tier", r, 0, next);
    else
        put_text(c, "next_tier", NULL);
    end(c);
    end(c);
}

static void list_ledger(struct ctx *c)
{
    static const struct field move[] = {{"seq", NULL, NUMBER},
                                        {"delta", NULL, NUMBER},
                                        {"balance", "balance_after", NUMBER},
                                        {"reason", NULL, TEXT},
                                        {"note", NULL, TEXT},
                                        {"transaction_id", NULL, NUMBER},
                                        {"amount", NULL, TEXT},
                                        {"merchant", NULL, TEXT},
                                        {"month_total", NULL, NUMBER},
                                        {"at", "created_at", EPOCH_S},
                                        {NULL}};
    const char *user = param(c, "user");
    only_owner(c, user);
    rows r = sql(c,
                 "SELECT l.seq, l.delta, l.balance_after, l.reason, l.note, l.transaction_id, t.amount, m.name AS "
                 "merchant, l.created_at,"
                 " sum(l.delta) OVER (PARTITION BY date_trunc('month', l.created_at AT TIME ZONE 'Europe/Berlin') "
                 "ORDER BY l.seq) AS month_total"
                 " FROM points_ledger l LEFT JOIN transactions t ON t.id = l.transaction_id LEFT JOIN merchants m ON "
                 "m.id = t.merchant_id"
                 " WHERE l.user_id = $1 AND l.seq < $2 AND ($3::points_reason IS NULL OR l.reason = $3) ORDER BY l.seq "
                 "DESC LIMIT 30",
                 user, arg_number(c, "before", "2000000000", 1, 2000000000),
                 arg_choice(c, "reason", "purchase|bonus|redemption|correction|expiry|referral"));
    envelope(c, r, move, 30);
}

static void get_leaderboard(struct ctx *c)
{
    static const struct field place[] = {
        {"rank", NULL, NUMBER},     {"user_id", NULL, NUMBER},      {"name", NULL, TEXT},
        {"tier", NULL, TEXT},       {"points", NULL, NUMBER},       {"payments", NULL, NUMBER},
        {"ahead_by", NULL, NUMBER}, {"country_rank", NULL, NUMBER}, {NULL}};
    rows r = sql(c,
                 "WITH won AS (SELECT l.user_id, sum(l.delta) AS points, count(l.transaction_id) AS payments FROM "
                 "points_ledger l"
                 " WHERE l.created_at >= to_date($1, 'YYYYMM')::timestamp AT TIME ZONE 'Europe/Berlin'"
                 " AND l.created_at < (to_date($1, 'YYYYMM') + interval '1 month') AT TIME ZONE 'Europe/Berlin' AND "
                 "l.delta > 0 GROUP BY 1)"
                 " SELECT rank() OVER (ORDER BY w.points DESC) AS rank, w.user_id, split_part(u.full_name, ' ', 1) AS "
                 "name, m.tier, w.points,"
                 " w.payments, w.points - lead(w.points) OVER (ORDER BY w.points DESC, w.user_id) AS ahead_by,"
                 " dense_rank() OVER (PARTITION BY u.country ORDER BY w.points DESC) AS country_rank"
                 " FROM won w JOIN users u ON u.id = w.user_id JOIN reward_members m ON m.user_id = w.user_id"
                 " WHERE NOT m.opted_out AND u.deleted_at IS NULL AND ($2::text IS NULL OR u.country = $2)"
                 " ORDER BY w.points DESC, w.user_id LIMIT 20",
                 arg_number(c, "month", "202606", 202301, 202712), arg_choice(c, "country", "DE|FR|ES|NL|IT|PL"));
    envelope(c, r, place, 20);
}

static void get_tiers(struct ctx *c)
{
    static const struct field row[] = {{"code", NULL, TEXT},
                                       {"name", NULL, TEXT},
                                       {"min_points", NULL, NUMBER},
                                       {"multiplier", NULL, NUMBER},
                                       {"perks", NULL, ARRAY},
                                       {"colour", NULL, TEXT},
                                       {"members", NULL, NUMBER},
                                       {"share_percent", NULL, NUMBER},
                                       {"median_points", NULL, NUMBER},
                                       {"kyc3", NULL, NUMBER},
                                       {"joined_2024", NULL, NUMBER},
                                       {NULL}};
    rows r = sql(c, "SELECT t.code, t.name, t.min_points, t.multiplier, t.perks, t.colour, count(m.user_id) AS members,"
                    " round(100.0 * count(m.user_id) / nullif(sum(count(m.user_id)) OVER (), 0), 2) AS share_percent,"
                    " percentile_cont(0.5) WITHIN GROUP (ORDER BY m.points) AS median_points,"
                    " count(*) FILTER (WHERE u.kyc_level = 3) AS kyc3,"
                    " count(*) FILTER (WHERE u.created_at < '2024-01-01') AS joined_2024"
                    " FROM reward_tiers t LEFT JOIN reward_members m ON m.tier = t.code AND NOT m.opted_out"
                    " LEFT JOIN users u ON u.id = m.user_id GROUP BY t.code ORDER BY t.min_points");
    put_rows(c, NULL, r, row);
}

static void list_catalogue(struct ctx *c)
{
    static const struct field row[] = {
        {"id", NULL, NUMBER},        {"sku", NULL, TEXT},           {"title", NULL, TEXT},
        {"description", NULL, TEXT}, {"cost_points", NULL, NUMBER}, {"cash_value", NULL, TEXT},
        {"merchant", NULL, TEXT},    {"min_tier", NULL, TEXT},      {"sold_out", NULL, BOOL},
        {"countries", NULL, ARRAY},  {"popularity", NULL, NUMBER},  {NULL}};
    rows r =
        sql(c,
            "SELECT c.id, c.sku, c.title, c.description, c.cost_points, c.cash_value, coalesce(m.legal_name, m.name) "
            "AS merchant,"
            " c.min_tier, coalesce(c.stock = 0, false) AS sold_out, c.countries, d.n AS popularity"
            " FROM rewards_catalogue c LEFT JOIN merchants m ON m.id = c.merchant_id"
            " CROSS JOIN LATERAL (SELECT count(*) AS n FROM reward_redemptions d WHERE d.reward_id = c.id) d"
            " WHERE c.active AND ($1::int IS NULL OR c.cost_points <= $1) AND ($2::text IS NULL OR c.countries = '{}'"
            " OR $2 = ANY (c.countries)) ORDER BY d.n DESC, c.id LIMIT 40",
            arg_number(c, "affordable_with", NULL, 0, 100000000), arg_choice(c, "country", "DE|FR|ES|NL|IT|PL"));
    put_rows(c, NULL, r, row);
}

/* Points by month and reason with sums over each and all, and against the month before. */
static void get_report(struct ctx *c)
{
    static const struct field row[] = {{"month", NULL, TEXT},           {"reason", NULL, TEXT},
                                       {"movements", NULL, NUMBER},     {"points", NULL, NUMBER},
                                       {"users", NULL, NUMBER},         {"paid_amount", NULL, TEXT},
                                       {"points_per_euro", NULL, TEXT}, {"change", NULL, NUMBER},
                                       {"change_percent", NULL, TEXT},  {NULL}};
    rows r = sql(
        c,
        "WITH moves AS (SELECT to_char(l.created_at AT TIME ZONE 'Europe/Berlin', 'YYYY-MM') AS month, l.reason, "
        "l.delta, l.user_id, t.amount"
        " FROM points_ledger l LEFT JOIN transactions t ON t.id = l.transaction_id"
        " WHERE l.created_at >= make_timestamptz($1::int, 1, 1, 0, 0, 0, 'Europe/Berlin')"
        " AND l.created_at < make_timestamptz($1::int + 1, 1, 1, 0, 0, 0, 'Europe/Berlin')),"
        " sums AS (SELECT month, reason, count(*) AS movements, sum(delta) AS points, count(DISTINCT user_id) AS users,"
        " sum(amount) AS paid_amount FROM moves GROUP BY GROUPING SETS ((month, reason), (month), ()))"
        " SELECT s.*, round(s.points / nullif(s.paid_amount, 0), 4) AS points_per_euro, s.points - lag(s.points) OVER "
        "w AS change,"
        " round(100.0 * (s.points - lag(s.points) OVER w) / nullif(abs(lag(s.points) OVER w), 0), 1) AS change_percent"
        " FROM sums s WINDOW w AS (PARTITION BY s.reason ORDER BY s.month)"
        " ORDER BY s.month NULLS LAST, s.reason NULLS LAST",
        arg_number(c, "year", "2025", 2023, 2027));
    envelope(c, r, row, 0);
}

/* ---- writes ---- */

/* One more row of the member's ledger; the member's row is locked by the caller. */
static rows book(struct ctx *c, const char *user, const char *delta, const char *reason, const char *transaction,
                 const char *note)
{
    return sql(
        c,
        "WITH m AS (UPDATE reward_members SET points = points + $2::int, last_seq = last_seq + 1, updated_at = now(),"
        " lifetime_points = lifetime_points + greatest($2::int, 0) WHERE user_id = $1 RETURNING user_id, last_seq, "
        "points)"
        " INSERT INTO points_ledger (user_id, seq, delta, balance_after, reason, transaction_id, note)"
        " SELECT user_id, last_seq, $2::int, points, $3::points_reason, $4::bigint, $5 FROM m RETURNING seq, delta, "
        "balance_after, created_at",
        user, delta, reason, transaction, note);
}

static void redeem(struct ctx *c)
{
    const char *user = param(c, "user"), *reward = need_id(c, "reward_id");
    only_owner(c, user);
    begin(c);
    rows m =
        found(c, sql(c, "SELECT user_id FROM reward_members WHERE user_id = $1 AND NOT opted_out FOR UPDATE", user),
              "member");
    rows w = found(
        c,
        sql(c,
            "SELECT c.cost_points, c.title, -c.cost_points AS delta, m.points >= c.cost_points AS enough,"
            " have.min_points >= wants.min_points AND (c.countries = '{}' OR u.country = ANY (c.countries)) AS eligible"
            " FROM rewards_catalogue c JOIN reward_tiers wants ON wants.code = c.min_tier, reward_members m"
            " JOIN reward_tiers have ON have.code = m.tier JOIN users u ON u.id = m.user_id"
            " WHERE c.id = $1 AND c.active AND m.user_id = $2",
            reward, one(m, "user_id")),
        "reward");
    if (!stopped(c) && !is_true(one(w, "eligible")))
        stop(c, 422, "not_eligible", "not for this tier or country");
    if (!stopped(c) && !is_true(one(w, "enough")))
        stop(c, 409, "not_enough_points", text(c, "this takes %s points", one(w, "cost_points")));
    if (affected(sql(c, "UPDATE rewards_catalogue SET stock = stock - 1 WHERE id = $1 AND (stock IS NULL OR stock > 0)",
                     reward)) == 0)
        stop(c, 409, "sold_out", "sold out");
    rows moved = book(c, user, one(w, "delta"), "redemption", NULL, one(w, "title"));
    rows r = sql(c,
                 "INSERT INTO reward_redemptions (user_id, number, reward_id, points, address)"
                 " SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4 FROM reward_redemptions WHERE user_id = $1"
                 " RETURNING number, state, redeemed_at",
                 user, reward, one(w, "cost_points"), body_json(c, "address"));
    sql(c,
        "INSERT INTO notifications (user_id, kind, channel, title, body, priority) SELECT u.id, 'reward', 'in_app', $2,"
        " 'Viel Spaß, ' || split_part(u.full_name, ' ', 1) || '!', 9 FROM users u WHERE u.id = $1",
        user, one(w, "title"));
    commit(c);
    status(c, 201);
    object(c, NULL);
    put_number(c, "number", one(r, "number"));
    put_text(c, "state", one(r, "state"));
    put_number(c, "points_left", one(moved, "balance_after"));
    put_epoch_s(c, "redeemed_at", one(r, "redeemed_at"));
    end(c);
}

/* Points for a payment that did not get any. */
static void accrue(struct ctx *c)
{
    const char *user = param(c, "user"), *payment = need_id(c, "transaction_id");
    begin(c);
    rows m = found(
        c, sql(c, "SELECT user_id, tier FROM reward_members WHERE user_id = $1 AND NOT opted_out FOR UPDATE", user),
        "member");
    rows t = sql(c,
                 "SELECT t.id, round(t.amount / 10 * w.multiplier) AS points, EXISTS (SELECT FROM points_ledger l "
                 "WHERE l.transaction_id = t.id) AS done"
                 " FROM transactions t JOIN reward_tiers w ON w.code = $3 WHERE t.id = $1 AND t.user_id = $2 AND "
                 "t.kind = 'payment'",
                 payment, user, one(m, "tier"));
    if (!stopped(c) && count(t) == 0)
        stop(c, 422, "no_payment", "not a payment of this user");
    if (is_true(one(t, "done")))
        stop(c, 409, "done", "there were points for it");
    rows moved = book(c, user, one(t, "points"), "purchase", payment, body(c, "note"));
    commit(c);
    status(c, 201);
    object(c, NULL);
    put_number(c, "seq", one(moved, "seq"));
    put_number(c, "delta", one(moved, "delta"));
    put_number(c, "balance", one(moved, "balance_after"));
    end(c);
}

static void patch_member(struct ctx *c)
{
    const char *user = param(c, "user"), *out = body_choice(c, "opted_out", "true|false");
    only_owner(c, user);
    rows r = found(c,
                   sql(c,
                       "UPDATE reward_members m SET opted_out = coalesce($2::boolean, m.opted_out), updated_at = now() "
                       "FROM users u"
                       " WHERE m.user_id = $1 AND u.id = m.user_id RETURNING m.user_id, m.opted_out, u.email",
                       user, out),
                   "member");
    object(c, NULL);
    put_number(c, "user_id", one(r, "user_id"));
    put_bool(c, "opted_out", one(r, "opted_out"));
    put_text(c, "email", one(r, "email"));
    end(c);
}

/* Members whose points reached the next tier; nobody goes down here. */
static void raise_tiers(struct ctx *c)
{
    sql(c, "UPDATE reward_members m SET tier = n.code, tier_until = current_date + 365, updated_at = now()"
           " FROM (SELECT m.user_id, t.code FROM reward_members m JOIN reward_tiers old ON old.code = m.tier"
           "  CROSS JOIN LATERAL (SELECT code, min_points FROM reward_tiers WHERE min_points <= m.lifetime_points"
           "  ORDER BY min_points DESC LIMIT 1) t WHERE t.min_points > old.min_points ORDER BY m.user_id LIMIT 100) n"
           " WHERE m.user_id = n.user_id");
}

static const struct route reward_routes[] = {
    {"GET", "/v1/users/{user}/rewards", get_summary, AUTH_USER, NULL, true},
    {"GET", "/v1/users/{user}/rewards/ledger", list_ledger, AUTH_USER, NULL, false},
    {"GET", "/v1/rewards/leaderboard", get_leaderboard, AUTH_NONE, NULL, false},
    {"GET", "/v1/rewards/tiers", get_tiers, AUTH_NONE, NULL, false},
    {"GET", "/v1/rewards/catalogue", list_catalogue, AUTH_NONE, NULL, false},
    {"GET", "/v1/rewards/report", get_report, AUTH_STAFF, NULL, false},
    {"POST", "/v1/users/{user}/rewards/redemptions", redeem, AUTH_USER, NULL, false},
    {"POST", "/v1/users/{user}/rewards/accruals", accrue, AUTH_STAFF, NULL, false},
    {"PATCH", "/v1/users/{user}/rewards", patch_member, AUTH_USER, NULL, false},
};

static const struct job reward_jobs[] = {{"raise-reward-tiers", 30, raise_tiers}};

SERVICE(rewards, ERRORS_PROBLEM, reward_routes, reward_jobs);
