// SPDX-License-Identifier: Apache-2.0
/*
 * Referrals: codes, invitations, the tree of who brought whom, and what is paid for it, two levels up. Hand-written
 * SQL, much of it recursive. snake_case, RFC times with Z, nulls left out.
 */
#include "app.h"

static const struct field referral_row[] = {{"id", NULL, NUMBER},
                                            {"state", NULL, TEXT},
                                            {"code", NULL, TEXT, .omit_null = true},
                                            {"email", "invited_email", TEXT},
                                            {"message", NULL, TEXT, .omit_null = true},
                                            {"friend_id", "referred_id", NUMBER, .omit_null = true},
                                            {"friend_name", "friend_name", TEXT, .omit_null = true},
                                            {"friend_country", "friend_country", TEXT, .omit_null = true},
                                            {"bonuses", NULL, JSON, .omit_null = true},
                                            {"invited_at", NULL, ZULU},
                                            {"signed_up_at", NULL, ZULU, .omit_null = true},
                                            {"qualified_at", NULL, ZULU, .omit_null = true},
                                            {NULL}};

/* ---- reads ---- */

static void list_referrals(struct ctx *c)
{
    const char *user = param(c, "user"), *at, *after;
    only_owner(c, user);
    cursor_in(c, &at, &after);
    rows r = sql(c,
                 "SELECT r.*, u.full_name AS friend_name, u.country AS friend_country,"
                 " (SELECT json_agg(json_build_object('level', b.level, 'amount', b.amount::text, 'currency', "
                 "b.currency, 'state', b.state)"
                 "  ORDER BY b.level) FROM referral_bonuses b WHERE b.referral_id = r.id AND b.user_id = $1) AS bonuses"
                 " FROM referral r LEFT JOIN users u ON u.id = r.referred_id AND u.deleted_at IS NULL"
                 " WHERE r.referrer_id = $1 AND ($2::referral_state IS NULL OR r.state = $2)"
                 " AND ($3::timestamptz IS NULL OR (r.invited_at, r.id) < ($3, $4::bigint))"
                 " ORDER BY r.invited_at DESC, r.id DESC LIMIT 15",
                 user, arg_choice(c, "state", "invited|signed_up|qualified|rewarded|rejected"), at, after);
    bool more = count(r) == 15;
    object(c, NULL);
    put_rows(c, "items", r, referral_row);
    cursor_out(c, "next_cursor", more ? val(r, 14, "invited_at") : NULL, more ? val(r, 14, "id") : NULL);
    end(c);
}

/* Everybody below a user, with what they paid so far; the array is flat, parents before children. */
static void get_tree(struct ctx *c)
{
    static const struct field node[] = {{"user_id", NULL, NUMBER},
                                        {"parent_id", NULL, NUMBER},
                                        {"depth", NULL, NUMBER},
                                        {"name", NULL, TEXT},
                                        {"joined", "created_at", ZULU},
                                        {"path", NULL, NUMBERS},
                                        {"children", NULL, NUMBER},
                                        {"balance", NULL, TEXT, .omit_null = true},
                                        {NULL}};
    const char *user = param(c, "user");
    only_owner(c, user);
    rows r = sql(
        c,
        "WITH RECURSIVE tree AS (SELECT r.referred_id AS user_id, r.referrer_id AS parent_id, 1 AS depth, "
        "ARRAY[r.referred_id] AS path"
        " FROM referral r WHERE r.referrer_id = $1 AND r.referred_id IS NOT NULL AND r.state <> 'rejected'"
        " UNION ALL SELECT r.referred_id, r.referrer_id, t.depth + 1, t.path || r.referred_id FROM tree t"
        " JOIN referral r ON r.referrer_id = t.user_id WHERE r.referred_id IS NOT NULL AND r.state <> 'rejected' AND "
        "t.depth < $2::int)"
        " SELECT t.*, u.full_name AS name, u.created_at, (SELECT count(*) FROM referral x WHERE x.referrer_id = "
        "t.user_id"
        " AND x.referred_id IS NOT NULL) AS children, CASE WHEN $3::boolean THEN (SELECT sum(a.balance) FROM accounts a"
        " WHERE a.user_id = t.user_id)::text END AS balance FROM tree t JOIN users u ON u.id = t.user_id ORDER BY "
        "t.path LIMIT 200",
        user, arg_number(c, "depth", "3", 1, 6), is_staff(c) ? "t" : "f");
    object(c, NULL);
    put_number(c, "root", user);
    put_rows(c, "nodes", r, node);
    put_int(c, "count", count(r));
    end(c);
}

/* From a user up to the one whom nobody referred. */
static void get_ancestors(struct ctx *c)
{
    static const struct field step[] = {{"level", NULL, NUMBER},
                                        {"user_id", "referrer_id", NUMBER},
                                        {"name", NULL, TEXT},
                                        {"country", NULL, TEXT},
                                        {"code", NULL, TEXT, .omit_null = true},
                                        {"earned", NULL, NUMBER},
                                        {NULL}};
    rows r =
        sql(c,
            "WITH RECURSIVE up AS (SELECT 1 AS level, r.* FROM referral r WHERE r.referred_id = $1"
            " UNION ALL SELECT up.level + 1, r.* FROM up JOIN referral r ON r.referred_id = up.referrer_id WHERE "
            "up.level < 20)"
            " SELECT up.level, up.referrer_id, up.code, u.full_name AS name, u.country, coalesce((SELECT sum(b.amount)"
            " FROM referral_bonuses b WHERE b.user_id = up.referrer_id AND b.state = 'paid' AND b.currency = 'EUR'), "
            "0) AS earned"
            " FROM up JOIN users u ON u.id = up.referrer_id ORDER BY up.level",
            param(c, "user"));
    put_rows(c, NULL, r, step);
}

static const struct field code_row[] = {{"code", NULL, TEXT},
                                        {"label", NULL, TEXT, .omit_null = true},
                                        {"bonus", NULL, TEXT},
                                        {"currency", NULL, TEXT},
                                        {"channel", NULL, TEXT},
                                        {"uses", NULL, NUMBER},
                                        {"max_uses", NULL, NUMBER, .omit_null = true},
                                        {"expires_on", NULL, TEXT, .omit_null = true},
                                        {"active", NULL, BOOL},
                                        {"owner_name", "owner_name", TEXT, .omit_null = true},
                                        {NULL}};

static void get_code(struct ctx *c)
{
    rows r = found(c,
                   sql(c,
                       "SELECT k.*, split_part(u.full_name, ' ', 1) AS owner_name FROM referral_codes k"
                       " JOIN users u ON u.id = k.user_id AND u.deleted_at IS NULL WHERE k.code = $1",
                       param(c, "code")),
                   "code");
    put_row(c, NULL, r, 0, code_row);
}

/* Asked by the sign-up page before there is an account: a POST, for the codes shall not be in the access log. */
static void check_code(struct ctx *c)
{
    rows r = sql(c,
                 "SELECT k.active AND u.status = 'active' AND (k.max_uses IS NULL OR k.uses < k.max_uses)"
                 " AND (k.expires_on IS NULL OR k.expires_on >= coalesce($2::date, date '2026-07-01')) AS valid, "
                 "k.bonus, k.currency,"
                 " split_part(u.full_name, ' ', 1) AS owner_name"
                 " FROM referral_codes k JOIN users u ON u.id = k.user_id WHERE k.code = upper($1)",
                 need(c, "code"), body(c, "on"));
    object(c, NULL);
    put_bool(c, "valid", count(r) ? one(r, "valid") : "f");
    if (count(r)) {
        put_text(c, "invited_by", one(r, "owner_name"));
        put_text(c, "bonus", one(r, "bonus"));
        put_text(c, "currency", one(r, "currency"));
    }
    end(c);
}

static void get_top(struct ctx *c)
{
    static const struct field row[] = {
        {"user_id", NULL, NUMBER}, {"name", NULL, TEXT},   {"invited", NULL, NUMBER},          {"joined", NULL, NUMBER},
        {"bonus", NULL, TEXT},     {"volume", NULL, TEXT}, {"conversion_percent", NULL, TEXT}, {NULL}};
    rows r = sql(c,
                 "WITH top AS (SELECT referrer_id, count(*) AS invited, count(referred_id) AS joined FROM referral "
                 "GROUP BY referrer_id"
                 " ORDER BY count(referred_id) DESC, referrer_id LIMIT $1)"
                 " SELECT t.referrer_id AS user_id, u.full_name AS name, t.invited, t.joined, round(100.0 * t.joined / "
                 "t.invited, 1) AS conversion_percent,"
                 " (SELECT coalesce(sum(b.amount) FILTER (WHERE b.state = 'paid'), 0) FROM referral_bonuses b WHERE "
                 "b.user_id = t.referrer_id"
                 "  AND b.currency = 'EUR') AS bonus,"
                 " (SELECT coalesce(sum(x.amount), 0) FROM referral r JOIN transactions x ON x.user_id = r.referred_id"
                 "  WHERE r.referrer_id = t.referrer_id AND x.period = $2) AS volume"
                 " FROM top t JOIN users u ON u.id = t.referrer_id ORDER BY t.joined DESC, t.referrer_id",
                 arg_number(c, "limit", "10", 1, 30), arg_number(c, "month", "202606", 202301, 202712));
    put_rows(c, NULL, r, row);
}

/* ---- writes ---- */

static void create_code(struct ctx *c)
{
    const char *user = param(c, "user");
    only_owner(c, user);
    begin(c);
    rows u = found(c,
                   sql(c,
                       "SELECT u.id, count(k.code) AS codes FROM users u LEFT JOIN referral_codes k ON k.user_id = "
                       "u.id AND k.active"
                       " WHERE u.id = $1 GROUP BY u.id",
                       user),
                   "user");
    rows r = sql(c,
                 "INSERT INTO referral_codes (code, user_id, label, max_uses, channel)"
                 " VALUES ('N' || upper(left(md5(random()::text || clock_timestamp()), 9)), $1, $2, $3, "
                 "coalesce($4::channel, 'web')) RETURNING *",
                 one(u, "id"), body(c, "label"), body(c, "max_uses"),
                 body_choice(c, "channel", "web|ios|android|branch|phone"));
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/referral-codes/%s", one(r, "code")));
    put_row(c, NULL, r, 0, code_row);
}

static void delete_code(struct ctx *c)
{
    begin(c);
    rows r = found(
        c, sql(c, "SELECT code, user_id FROM referral_codes WHERE code = $1 AND active FOR UPDATE", param(c, "code")),
        "code");
    only_owner(c, one(r, "user_id"));
    sql(c, "UPDATE referral_codes SET active = false WHERE code = $1", one(r, "code"));
    sql(c,
        "UPDATE referral SET state = 'rejected', reject_reason = 'code withdrawn', updated_at = now() WHERE code = $1 "
        "AND state = 'invited'",
        one(r, "code"));
    commit(c);
    status(c, 204);
}

/* Several friends at once; those who are here already, or were invited by the same user before, are told apart. */
static void invite(struct ctx *c)
{
    const char *user = caller(c), *message = body(c, "message");
    int n = body_count(c, "emails");
    if (n == 0 || n > 20)
        stop(c, 422, "invalid", "emails: 1 to 20");
    begin(c);
    int sent = 0;
    array(c, NULL);
    for (int i = 0; i < n && !stopped(c); i++) {
        const char *email = body_element(c, "emails", i);
        rows known = sql(
            c,
            "SELECT (SELECT count(*) FROM users u WHERE u.email = lower($2)) AS users,"
            " (SELECT count(*) FROM referral r WHERE r.referrer_id = $1 AND r.invited_email = lower($2)) AS invited",
            user, email);
        if (stopped(c))
            break;
        bool is_new = strcmp(one(known, "users"), "0") == 0 && strcmp(one(known, "invited"), "0") == 0;
        if (is_new) {
            sql(c,
                "INSERT INTO referral (referrer_id, code, invited_email, message)"
                " VALUES ($1, (SELECT code FROM referral_codes WHERE user_id = $1 AND active ORDER BY created_at, code "
                "LIMIT 1), lower($2), $3)",
                user, email, message);
            sent++;
        }
        object(c, NULL);
        put_text(c, "email", email);
        put_text(c, "result",
                 is_new                                  ? "invited"
                 : strcmp(one(known, "users"), "0") != 0 ? "already_here"
                                                         : "invited_before");
        end(c);
    }
    end(c);
    commit(c);
    status(c, sent ? 201 : 200);
}

/* signed_up -> qualified: bonuses for the referrer, and a quarter of it for theirs. */
static void qualify(struct ctx *c)
{
    begin(c);
    rows r = found(
        c,
        sql(c, "SELECT r.*, r.state = 'signed_up' AS ready FROM referral r WHERE id = $1 FOR UPDATE", param(c, "id")),
        "referral");
    if (!stopped(c) && !is_true(one(r, "ready")))
        stop(c, 409, "wrong_state", text(c, "it is %s", one(r, "state")));
    sql(c, "UPDATE referral SET state = 'qualified', qualified_at = now(), updated_at = now() WHERE id = $1",
        one(r, "id"));
    rows paid = sql(
        c,
        "WITH RECURSIVE up AS (SELECT 1 AS level, $2::bigint AS user_id UNION ALL SELECT up.level + 1, r.referrer_id"
        " FROM up JOIN referral r ON r.referred_id = up.user_id WHERE up.level < 2)"
        " INSERT INTO referral_bonuses (referral_id, level, user_id, amount, currency, account_id)"
        " SELECT $1, up.level, up.user_id, coalesce(k.bonus, 20) / (up.level * up.level), coalesce(k.currency, 'EUR'), "
        "a.id"
        " FROM up JOIN accounts a ON a.user_id = up.user_id AND a.kind = 'checking' LEFT JOIN referral_codes k ON "
        "k.code = $3"
        " ON CONFLICT DO NOTHING RETURNING level, user_id, amount, currency",
        one(r, "id"), one(r, "referrer_id"), one(r, "code"));
    sql(c, "UPDATE referral_codes SET uses = uses + 1 WHERE code = $1", one(r, "code"));
    sql(c,
        "INSERT INTO notifications (user_id, kind, title, body) SELECT b.user_id, 'referral_bonus',"
        " b.amount || ' ' || b.currency || ' for you', f.full_name || ' has joined' FROM referral_bonuses b"
        " JOIN referral r ON r.id = b.referral_id JOIN users f ON f.id = r.referred_id WHERE b.referral_id = $1",
        one(r, "id"));
    commit(c);
    object(c, NULL);
    put_number(c, "id", one(r, "id"));
    put_text(c, "state", "qualified");
    static const struct field bonus[] = {
        {"level", NULL, NUMBER}, {"user_id", NULL, NUMBER}, {"amount", NULL, TEXT}, {"currency", NULL, TEXT}, {NULL}};
    put_rows(c, "bonuses", paid, bonus);
    end(c);
}

static const struct route referral_routes[] = {
    {"GET", "/v1/users/{user}/referrals", list_referrals, AUTH_USER, NULL, false},
    {"GET", "/v1/users/{user}/referrals/tree", get_tree, AUTH_USER, NULL, false},
    {"GET", "/v1/users/{user}/referrals/ancestors", get_ancestors, AUTH_STAFF, NULL, false},
    {"GET", "/v1/referral-codes/{code:text}", get_code, AUTH_NONE, NULL, false},
    {"POST", "/v1/referral-codes/check", check_code, AUTH_NONE, NULL, false},
    {"GET", "/v1/referrals/top", get_top, AUTH_STAFF, NULL, false},
    {"POST", "/v1/users/{user}/referral-codes", create_code, AUTH_USER, NULL, false},
    {"DELETE", "/v1/referral-codes/{code:text}", delete_code, AUTH_USER, NULL, false},
    {"POST", "/v1/referrals", invite, AUTH_USER, NULL, false},
    {"POST", "/v1/referrals/{id}/qualify", qualify, AUTH_STAFF, NULL, false},
};

SERVICE_NO_JOBS(referrals, ERRORS_CODE, referral_routes);
