// SPDX-License-Identifier: Apache-2.0
/*
 * Cards: what a holder sees and does with them, and the processor's question whether a payment may go through.
 * Hand-written SQL; camelCase and minor units, for the apps talk to it directly. An approved authorization holds its
 * amount on the account until it is captured, reversed or too old; holds are not entries, so balances do not change
 * here.
 */
#include "app.h"

/* ---- what cards look like ---- */

static const struct field card_row[] = {
    {"id", NULL, NUMBER},
    {"accountId", "account_id", NUMBER},
    {"kind", NULL, TEXT},
    {"status", NULL, TEXT},
    {"scheme", NULL, TEXT},
    {"last4", NULL, TEXT},
    {"nickname", NULL, TEXT, .omit_null = true},
    {"currency", NULL, TEXT},
    {"accountKind", "account_kind", TEXT},
    {"balanceMinor", "balance", MINOR, .currency = "account_currency"},
    {"holds", NULL, NUMBER},
    {"createdAt", "created_at", EPOCH_MS},
    {NULL},
};

static const struct field overview_row[] = {
    {"id", NULL, NUMBER},
    {"userId", "user_id", NUMBER},
    {"kind", NULL, TEXT},
    {"status", NULL, TEXT},
    {"scheme", NULL, TEXT},
    {"last4", NULL, TEXT},
    {"embossedName", "embossed_name", TEXT},
    {"nickname", NULL, TEXT, .omit_null = true},
    {"currency", NULL, TEXT},
    {"expiryMonth", "exp_month", NUMBER},
    {"expiryYear", "exp_year", NUMBER},
    {"perPaymentLimit", "per_payment_limit", MINOR, .currency = "currency"},
    {"onlineEnabled", "online_enabled", BOOL},
    {"atmEnabled", "atm_enabled", BOOL},
    {"blockedMcc", "blocked_mcc", NUMBERS},
    {"allowedCountries", "allowed_countries", ARRAY, .omit_null = true},
    {"settings", NULL, JSON},
    {"wallets", NULL, ARRAY},
    {"heldMinor", "held", MINOR, .currency = "currency"},
    {"openHolds", "holds", NUMBER},
    {"issuedAt", "issued_at", EPOCH_MS},
    {"activatedAt", "activated_at", EPOCH_MS, .omit_null = true},
    {"frozenAt", "frozen_at", EPOCH_MS, .omit_null = true},
    {NULL},
};
static const struct field holder_row[] = {
    {"name", "holder_name", TEXT}, {"country", "holder_country", TEXT}, {"kycLevel", "kyc_level", NUMBER}, {NULL}};
static const struct field account_row[] = {{"id", "account_id", NUMBER},
                                           {"kind", "account_kind", TEXT},
                                           {"iban", NULL, TEXT, .omit_null = true},
                                           {"balanceMinor", "account_balance", MINOR, .currency = "account_currency"},
                                           {"currency", "account_currency", TEXT},
                                           {NULL}};
static const struct field limit_row[] = {{"scope", NULL, TEXT},
                                         {"amount", NULL, MINOR, .currency = "currency"},
                                         {"used", NULL, MINOR, .currency = "currency"},
                                         {"resetsAt", "resets_at", ISO, .omit_null = true},
                                         {"setBy", "set_by", TEXT},
                                         {NULL}};

/* The card of the path with its account, if the caller may see it. */
static rows my_card(struct ctx *c)
{
    rows card =
        found(c,
              sql(c,
                  "SELECT c.id, c.user_id, c.account_id, c.status, c.currency, c.kind, u.kyc_level,"
                  " c.status = 'active' AS active, c.status = 'frozen' AS frozen, a.status = 'open' AS account_open"
                  " FROM cards c JOIN accounts a ON a.id = c.account_id JOIN users u ON u.id = c.user_id"
                  " WHERE c.id = $1 AND c.deleted_at IS NULL",
                  param(c, "id")),
              "card");
    only_owner(c, one(card, "user_id"));
    return card;
}

/* ---- reads ---- */

static void list_cards(struct ctx *c)
{
    struct page p = page_of(c, "page", "perPage", 20);
    const char *user = is_staff(c) ? arg_number(c, "userId", "1", 1, INT64_MAX) : caller(c);
    rows r = sql(c,
                 "SELECT c.id, c.account_id, c.kind, c.status, c.scheme, c.last4, c.nickname, c.currency, c.created_at,"
                 " a.kind AS account_kind, a.balance, a.currency AS account_currency,"
                 " (SELECT count(*) FROM card_authorizations x WHERE x.account_id = a.id AND x.card_id = c.id"
                 "  AND x.status = 'approved') AS holds, count(*) OVER () AS total"
                 " FROM cards c JOIN accounts a ON a.id = c.account_id"
                 " WHERE c.user_id = $1 AND c.deleted_at IS NULL AND ($2::card_status IS NULL OR c.status = $2)"
                 " AND ($3::card_kind IS NULL OR c.kind = $3)"
                 " ORDER BY c.created_at DESC, c.id DESC LIMIT $4 OFFSET $5",
                 user, arg_choice(c, "status", "inactive|active|frozen|blocked|expired|closed"),
                 arg_choice(c, "kind", "physical|virtual|disposable"), p.limit, p.offset);
    object(c, NULL);
    put_rows(c, "items", r, card_row);
    put_int(c, "page", p.number);
    put_number(c, "total", count(r) ? one(r, "total") : "0");
    end(c);
}

static void get_card(struct ctx *c)
{
    const char *id = param(c, "id");
    rows card = found(c, sql(c, "SELECT * FROM card_overview WHERE id = $1", id), "card");
    only_owner(c, one(card, "user_id"));
    rows limits = sql(c,
                      "SELECT l.scope, l.amount, l.used, l.resets_at, l.set_by, c.currency FROM card_limits l"
                      " JOIN cards c ON c.id = l.card_id WHERE l.card_id = $1 ORDER BY l.scope",
                      id);
    object(c, NULL);
    put_fields(c, card, 0, overview_row);
    put_row(c, "holder", card, 0, holder_row);
    put_row(c, "account", card, 0, account_row);
    put_rows(c, "limits", limits, limit_row);
    end(c);
}

static void list_events(struct ctx *c)
{
    static const struct field event_row[] = {{"id", NULL, NUMBER},
                                             {"event", NULL, TEXT},
                                             {"by", "actor", TEXT},
                                             {"detail", NULL, JSON, .omit_null = true},
                                             {"cardLast4", "last4", TEXT},
                                             {"at", "created_at", EPOCH_MS},
                                             {NULL}};
    const char *at, *after;
    cursor_in(c, &at, &after);
    my_card(c);
    rows r = sql(
        c,
        "SELECT e.id, e.event, CASE WHEN e.actor = 'user' THEN u.full_name ELSE e.actor END AS actor, e.detail,"
        " c.last4, e.created_at FROM card_events e JOIN cards c ON c.id = e.card_id JOIN users u ON u.id = e.user_id"
        " WHERE e.card_id = $1 AND ($2::timestamptz IS NULL OR (e.created_at, e.id) < ($2, $3::bigint))"
        " ORDER BY e.created_at DESC, e.id DESC LIMIT 25",
        param(c, "id"), at, after);
    bool more = count(r) == 25;
    object(c, NULL);
    put_rows(c, "items", r, event_row);
    cursor_out(c, "nextCursor", more ? val(r, 24, "created_at") : NULL, more ? val(r, 24, "id") : NULL);
    end(c);
}

static const struct field authorization_row[] = {
    {"id", NULL, NUMBER},
    {"status", NULL, TEXT},
    {"declineReason", "decline_reason", TEXT, .omit_null = true},
    {"amount", NULL, MINOR, .currency = "currency"},
    {"currency", NULL, TEXT},
    {"mcc", NULL, NUMBER},
    {"entryMode", "entry_mode", TEXT},
    {"terminal", NULL, TEXT, .omit_null = true},
    {"transactionId", "transaction_id", NUMBER, .omit_null = true},
    {"risk", NULL, NUMBER, .omit_null = true},
    {"createdAt", "created_at", EPOCH_MS},
    {NULL},
};
static const struct field at_merchant_row[] = {
    {"id", "merchant_id", NUMBER}, {"name", "merchant_name", TEXT}, {"category", "merchant_category", TEXT}, {NULL}};

static void list_authorizations(struct ctx *c)
{
    const char *at, *after;
    cursor_in(c, &at, &after);
    my_card(c);
    rows r = sql(
        c,
        "SELECT x.id, x.status, x.decline_reason, x.amount, x.currency, x.mcc, x.entry_mode, x.transaction_id, x.risk,"
        " x.created_at, x.merchant_id, m.name AS merchant_name, m.category AS merchant_category, t.serial_no AS "
        "terminal"
        " FROM card_authorizations x LEFT JOIN merchants m ON m.id = x.merchant_id LEFT JOIN term t ON t.id = "
        "x.terminal_id"
        " WHERE x.card_id = $1 AND ($2::card_authorization_status IS NULL OR x.status = $2)"
        " AND ($3::timestamptz IS NULL OR (x.created_at, x.id) < ($3, $4::bigint))"
        " ORDER BY x.created_at DESC, x.id DESC LIMIT 20",
        param(c, "id"), arg_choice(c, "status", "approved|declined|captured|reversed|expired"), at, after);
    bool more = count(r) == 20;
    object(c, NULL);
    array(c, "items");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, authorization_row);
        if (val(r, i, "merchant_id"))
            put_row(c, "merchant", r, i, at_merchant_row);
        end(c);
    }
    end(c);
    cursor_out(c, "nextCursor", more ? val(r, 19, "created_at") : NULL, more ? val(r, 19, "id") : NULL);
    end(c);
}

/* What was spent with a card by the month, days and months as they are in Berlin. */
static void get_spending(struct ctx *c)
{
    static const struct field month_row[] = {{"month", NULL, TEXT},
                                             {"payments", NULL, NUMBER},
                                             {"spent", NULL, MINOR, .currency = "currency"},
                                             {"largest", NULL, MINOR, .currency = "currency"},
                                             {"declined", NULL, NUMBER},
                                             {"byCategory", "categories", JSON},
                                             {NULL}};
    rows card = my_card(c);
    rows r = sql(
        c,
        "SELECT s.month, s.currency, sum(s.n) AS payments, sum(s.spent) AS spent, max(s.largest) AS largest,"
        " sum(s.declined) AS declined, json_agg(json_build_object('category', s.category, 'payments', s.n,"
        " 'share', round(100 * s.spent / nullif(s.of_month, 0), 1))"
        " ORDER BY s.spent DESC, s.category) AS categories"
        " FROM (SELECT to_char(x.created_at AT TIME ZONE 'Europe/Berlin', 'YYYY-MM') AS month, x.currency, m.category,"
        "  count(*) FILTER (WHERE x.status IN ('approved', 'captured')) AS n,"
        "  coalesce(sum(x.amount) FILTER (WHERE x.status IN ('approved', 'captured')), 0) AS spent,"
        "  sum(sum(x.amount) FILTER (WHERE x.status IN ('approved', 'captured')))"
        "  OVER (PARTITION BY to_char(x.created_at AT TIME ZONE 'Europe/Berlin', 'YYYY-MM'), x.currency) AS of_month,"
        "  max(x.amount) AS largest, count(*) FILTER (WHERE x.status = 'declined') AS declined"
        "  FROM card_authorizations x JOIN merchants m ON m.id = x.merchant_id WHERE x.card_id = $1"
        "  GROUP BY 1, 2, 3) s GROUP BY s.month, s.currency ORDER BY s.month DESC, s.currency LIMIT $2",
        param(c, "id"), arg_number(c, "months", "12", 1, 60));
    object(c, NULL);
    put_number(c, "cardId", one(card, "id"));
    put_text(c, "timeZone", "Europe/Berlin");
    put_rows(c, "months", r, month_row);
    end(c);
}

/* ---- what holders change ---- */

static void note_event(struct ctx *c, rows card, const char *event, const char *detail)
{
    sql(c, "INSERT INTO card_events (card_id, user_id, event, actor, detail) VALUES ($1, $2, $3, $4, $5)",
        one(card, "id"), one(card, "user_id"), event, is_staff(c) ? text(c, "staff_%s", caller(c)) : "user", detail);
}

static void answer_status(struct ctx *c, rows r)
{
    object(c, NULL);
    put_number(c, "id", one(r, "id"));
    put_text(c, "status", one(r, "status"));
    put_epoch_ms(c, "updatedAt", one(r, "updated_at"));
    end(c);
}

static void freeze(struct ctx *c)
{
    const char *reason = need_choice(c, "reason", "lost|stolen|precaution");
    begin(c);
    rows card = my_card(c);
    rows r = sql(c,
                 "UPDATE cards SET status = 'frozen', frozen_at = now(), updated_at = now()"
                 " WHERE id = $1 AND status = 'active' RETURNING id, status, updated_at",
                 one(card, "id"));
    if (count(r) == 0)
        stop(c, 409, "not_active", text(c, "a card that is %s cannot be frozen", one(card, "status")));
    note_event(c, card, "frozen", text(c, "{\"reason\":\"%s\"}", reason));
    sql(c,
        "INSERT INTO notifications (user_id, kind, title, body, data, priority) SELECT c.user_id, 'security_alert',"
        " 'Card frozen', 'Your card ending in ' || c.last4 || ' cannot be used any more.',"
        " jsonb_build_object('card_id', c.id, 'reason', $2::text), 1 FROM cards c WHERE c.id = $1",
        one(card, "id"), reason);
    commit(c);
    answer_status(c, r);
}

static void unfreeze(struct ctx *c)
{
    begin(c);
    rows card = my_card(c);
    if (!stopped(c) && !is_true(one(card, "account_open")))
        stop(c, 409, "account_closed", "the account is not open");
    rows r = sql(c,
                 "UPDATE cards SET status = 'active', frozen_at = NULL, updated_at = now()"
                 " WHERE id = $1 AND status = 'frozen' RETURNING id, status, updated_at",
                 one(card, "id"));
    if (count(r) == 0)
        stop(c, 409, "not_frozen", "the card is not frozen");
    note_event(c, card, "unfrozen", NULL);
    commit(c);
    answer_status(c, r);
}

static void patch_limit(struct ctx *c)
{
    const char *scope = need_choice(c, "scope", "daily|weekly|monthly|atm");
    const char *amount = need_amount(c, "amount");
    begin(c);
    rows card = my_card(c);
    rows most = sql(c, "SELECT $1::numeric > 10000 * (1 + kyc_level) AS too_much FROM users WHERE id = $2", amount,
                    one(card, "user_id"));
    if (is_true(one(most, "too_much")))
        stop(c, 422, "limit_too_high", "this needs a higher verification level");
    rows r = sql(c,
                 "INSERT INTO card_limits (card_id, scope, amount, resets_at, set_by)"
                 " VALUES ($1, $2, card_money($3::numeric, $4::text), now() + interval '1 day', $5)"
                 " ON CONFLICT (card_id, scope) DO UPDATE SET amount = excluded.amount, set_by = excluded.set_by,"
                 " updated_at = now() RETURNING scope, amount, used, resets_at, set_by, $4::text AS currency",
                 one(card, "id"), scope, amount, one(card, "currency"), is_staff(c) ? "staff" : "user");
    note_event(c, card, "limit_changed", text(c, "{\"scope\":\"%s\",\"amount\":\"%s\"}", scope, amount));
    sql(c,
        "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, after)"
        " VALUES ($1, $2, 'cards', 'limit.change', 'card', $3, jsonb_build_object('scope', $4::text, 'amount', "
        "$5::numeric))",
        caller(c), is_staff(c) ? "staff" : "user", one(card, "id"), scope, amount);
    commit(c);
    put_row(c, NULL, r, 0, limit_row);
}

static void add_token(struct ctx *c)
{
    const char *wallet = need_choice(c, "wallet", "apple_pay|google_pay|garmin");
    begin(c);
    rows card = my_card(c);
    if (!stopped(c) && !is_true(one(card, "active")))
        stop(c, 409, "not_active", "only active cards go into a wallet");
    rows r = sql(c,
                 "INSERT INTO card_tokens (id, card_id, wallet, device_name, token_suffix)"
                 " VALUES (gen_random_uuid(), $1, $2, $3, lpad((floor(random() * 10000))::int::text, 4, '0'))"
                 " RETURNING id, wallet, device_name, token_suffix, state, created_at",
                 one(card, "id"), wallet, body(c, "deviceName"));
    note_event(c, card, "tokenized", text(c, "{\"wallet\":\"%s\"}", wallet));
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/cards/%s/tokens/%s", param(c, "id"), one(r, "id")));
    object(c, NULL);
    put_text(c, "id", one(r, "id"));
    put_text(c, "wallet", one(r, "wallet"));
    put_text(c, "deviceName", one(r, "device_name"));
    put_text(c, "suffix", one(r, "token_suffix"));
    put_epoch_ms(c, "createdAt", one(r, "created_at"));
    end(c);
}

static void delete_token(struct ctx *c)
{
    begin(c);
    rows card = my_card(c);
    rows r = sql(c,
                 "UPDATE card_tokens SET deleted_at = now(), state = 'suspended'"
                 " WHERE id = $1 AND card_id = $2 AND deleted_at IS NULL",
                 param(c, "token"), one(card, "id"));
    if (affected(r) == 0)
        stop(c, 404, "not_found", "token not found");
    note_event(c, card, "token_removed", NULL);
    commit(c);
    status(c, 204);
}

/* ---- the processor ---- */

static void authorize(struct ctx *c)
{
    const char *amount = need_amount(c, "amount"), *merchant = need_id(c, "merchantId");
    begin(c);
    /* The account is locked first: two cards of one account must not both take the last of its money. */
    rows card = found(
        c,
        sql(c,
            "SELECT c.id, c.user_id, c.account_id, c.currency, card_money($2::numeric, c.currency::text) AS amount"
            " FROM cards c JOIN accounts a ON a.id = c.account_id WHERE c.id = $1 AND c.deleted_at IS NULL"
            " FOR NO KEY UPDATE OF a",
            param(c, "id"), amount),
        "card");
    rows why =
        sql(c,
            "SELECT m.id, m.category, CASE WHEN c.status <> 'active' THEN 'card_' || c.status WHEN a.status <> 'open'"
            " OR u.status <> 'active' THEN 'account_closed' WHEN $3::numeric > c.per_payment_limit"
            " OR l.used + $3::numeric > l.amount THEN 'over_limit' WHEN m.country <> ALL (c.allowed_countries)"
            " THEN 'country_blocked' WHEN c.currency = a.currency AND a.balance - (SELECT coalesce(sum(x.amount), 0)"
            " FROM card_authorizations x WHERE x.account_id = a.id AND x.status = 'approved') < $3::numeric"
            " THEN 'insufficient_funds' END AS reason"
            " FROM cards c JOIN accounts a ON a.id = c.account_id JOIN users u ON u.id = c.user_id"
            " JOIN merchants m ON m.id = $2 LEFT JOIN card_limits l ON l.card_id = c.id AND l.scope = 'daily'"
            " WHERE c.id = $1",
            one(card, "id"), merchant, one(card, "amount"));
    if (!stopped(c) && count(why) == 0)
        stop(c, 422, "unknown_merchant", "no such merchant");
    const char *reason = one(why, "reason");
    rows r = sql(c,
                 "INSERT INTO card_authorizations (card_id, account_id, user_id, merchant_id, amount, currency, status,"
                 " decline_reason, entry_mode, hold_until)"
                 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9, 'chip'), now() + interval '10 minutes')"
                 " RETURNING id, status, amount, currency, created_at",
                 one(card, "id"), one(card, "account_id"), one(card, "user_id"), merchant, one(card, "amount"),
                 one(card, "currency"), reason ? "declined" : "approved", reason,
                 body_choice(c, "entryMode", "chip|contactless|online|stripe"));
    if (!reason)
        sql(c, "UPDATE card_limits SET used = used + $2 WHERE card_id = $1 AND scope = 'daily'", one(card, "id"),
            one(card, "amount"));
    commit(c);
    object(c, NULL);
    put_number(c, "authorizationId", one(r, "id"));
    put_bool(c, "approved", reason ? "f" : "t");
    if (reason)
        put_text(c, "reason", reason);
    put_minor(c, "amount", one(r, "amount"), one(r, "currency"));
    put_text(c, "currency", one(r, "currency"));
    put_epoch_ms(c, "at", one(r, "created_at"));
    end(c);
}

static void reverse(struct ctx *c)
{
    rows r = found(
        c,
        sql(c,
            "UPDATE card_authorizations x SET status = CASE WHEN x.status = 'approved' THEN 'reversed' ELSE x.status"
            " END, hold_until = NULL, updated_at = now() FROM cards c"
            " WHERE x.id = $2 AND x.card_id = $1 AND c.id = x.card_id"
            " RETURNING x.id, x.status, x.updated_at, x.status = 'reversed' AS reversed",
            param(c, "id"), param(c, "authorization")),
        "authorization");
    if (!stopped(c) && !is_true(one(r, "reversed")))
        stop(c, 409, "not_open", "the authorization holds nothing any more");
    answer_status(c, r);
}

/* Holds that nobody captured give their money back; limits begin anew. A few hundred at a time. */
static void expire_holds(struct ctx *c)
{
    sql(c, "UPDATE card_authorizations SET status = 'expired', updated_at = now() WHERE id IN (SELECT id"
           " FROM card_authorizations WHERE status = 'approved' AND hold_until < now() ORDER BY id LIMIT 300)");
    sql(c, "UPDATE card_limits SET used = 0, resets_at = now() + interval '1 day' WHERE (card_id, scope) IN (SELECT "
           "card_id, scope"
           " FROM card_limits WHERE resets_at < now() ORDER BY resets_at LIMIT 200)");
}

static const struct route card_routes[] = {
    {"GET", "/v1/cards", list_cards, AUTH_USER, NULL, false},
    {"GET", "/v1/cards/{id}", get_card, AUTH_USER, NULL, true},
    {"GET", "/v1/cards/{id}/events", list_events, AUTH_USER, NULL, false},
    {"GET", "/v1/cards/{id}/authorizations", list_authorizations, AUTH_USER, NULL, false},
    {"GET", "/v1/cards/{id}/spending", get_spending, AUTH_USER, NULL, false},
    {"POST", "/v1/cards/{id}/freeze", freeze, AUTH_USER, NULL, false},
    {"POST", "/v1/cards/{id}/unfreeze", unfreeze, AUTH_USER, NULL, false},
    {"PATCH", "/v1/cards/{id}/limits", patch_limit, AUTH_USER, NULL, false},
    {"POST", "/v1/cards/{id}/tokens", add_token, AUTH_USER, NULL, false},
    {"DELETE", "/v1/cards/{id}/tokens/{token:uuid}", delete_token, AUTH_USER, NULL, false},
    {"POST", "/v1/cards/{id}/authorize", authorize, AUTH_PARTNER,
     "a hold is taken against the balance of this moment, under a lock", false},
    {"POST", "/v1/cards/{id}/authorizations/{authorization}/reverse", reverse, AUTH_PARTNER, NULL, false},
};

static const struct job card_jobs[] = {{"expire-card-holds", 15, expire_holds}};

SERVICE(cards, ERRORS_CODE, card_routes, card_jobs);
