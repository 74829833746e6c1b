// SPDX-License-Identifier: Apache-2.0
/*
 * Gift cards, on the object mapper: cards, their design, buyer, merchant and redemptions one after the other.
 * camelCase; amounts are stored and answered in minor units, with a text for people that is made here. The till's
 * question by code and the accountants' figures are SQL.
 */
#include <stdlib.h>

#include "app.h"

static const struct model GiftCard = {"gift_cards", true};
static const struct model Design = {"gift_card_designs", false};
static const struct model Redemption = {"gift_card_redemptions", false};
static const struct model User = {"users", false};
static const struct model Merchant = {"merchants", false};
static const struct model Notification = {"notifications", true};

static const struct label states[] = {
    {"pending", "Not yet delivered"}, {"active", "Ready to use"}, {"used_up", "Empty"},
    {"expired", "Too old"},           {"cancelled", "Cancelled"}, {NULL}};

static const struct field card_row[] = {{"id", NULL, NUMBER},
                                        {"code", NULL, TEXT},
                                        {"status", NULL, TEXT},
                                        {"statusText", "status", LABEL, .labels = states},
                                        {"currency", NULL, TEXT},
                                        {"initialMinor", "initial_minor", NUMBER},
                                        {"balanceMinor", "balance_minor", NUMBER},
                                        {"message", NULL, TEXT},
                                        {"recipientEmail", "recipient_email", TEXT},
                                        {"expiresOn", "expires_on", TEXT},
                                        {"redemptions", "redemption_count", NUMBER},
                                        {"createdAt", "created_at", ISO},
                                        {"activatedAt", "activated_at", ISO},
                                        {NULL}};
static const struct field design_row[] = {{"id", NULL, NUMBER},     {"title", NULL, TEXT},
                                          {"occasion", NULL, TEXT}, {"imageUrl", "image_url", TEXT},
                                          {"colours", NULL, ARRAY}, {NULL}};
static const struct field redemption_row[] = {{"id", NULL, TEXT},
                                              {"amountMinor", "amount_minor", NUMBER},
                                              {"balanceMinor", "balance_after_minor", NUMBER},
                                              {"reference", NULL, TEXT},
                                              {"at", "created_at", ISO},
                                              {NULL}};

/* "12.30 EUR", "1230 JPY", "1.230 KWD" */
static const char *display(struct ctx *c, const char *minor, const char *currency)
{
    int64_t v;
    if (!minor || !currency || !str_to_i64(str_of(minor), &v))
        return NULL;
    long long n = v, unit = strcmp(currency, "JPY") == 0 ? 1 : strcmp(currency, "KWD") == 0 ? 1000 : 100;
    if (unit == 1)
        return text(c, "%lld %s", n, currency);
    return text(c, "%s%lld.%0*lld %s", n < 0 ? "-" : "", llabs(n) / unit, unit == 1000 ? 3 : 2, llabs(n) % unit,
                currency);
}

static void put_card(struct ctx *c, rows g, int i)
{
    const char *merchant = val(g, i, "merchant_id");
    put_fields(c, g, i, card_row);
    put_text(c, "balance", display(c, val(g, i, "balance_minor"), val(g, i, "currency")));
    put_row(c, "design", orm_find(c, &Design, val(g, i, "design_id")), 0, design_row);
    put_text(c, "usableAt", merchant ? one(orm_find(c, &Merchant, merchant), "name") : "everywhere");
}

/* ---- reads ---- */

static void list_giftcards(struct ctx *c)
{
    const char *side = arg_choice(c, "as", "buyer|recipient");
    const char *column = side && *side == 'r' ? "recipient_id" : "buyer_id";
    rows all = orm_where(c, &GiftCard, column, caller(c), "\"created_at\" DESC, \"id\" DESC", "12");
    array(c, NULL);
    for (int i = 0; i < count(all); i++) {
        object(c, NULL);
        put_card(c, all, i);
        end(c);
    }
    end(c);
}

/* The buyer and who got it may look. */
static rows my_giftcard(struct ctx *c)
{
    rows g = found(c, orm_find(c, &GiftCard, param(c, "id")), "gift card");
    const char *recipient = one(g, "recipient_id");
    only_owner(c, recipient && strcmp(recipient, caller(c)) == 0 ? recipient : one(g, "buyer_id"));
    return g;
}

static void get_giftcard(struct ctx *c)
{
    rows g = my_giftcard(c);
    rows buyer = orm_find(c, &User, one(g, "buyer_id")), recipient = orm_find(c, &User, one(g, "recipient_id"));
    rows all = orm_where(c, &Redemption, "gift_card_id", one(g, "id"), "\"created_at\", \"id\"", NULL);
    object(c, NULL);
    put_card(c, g, 0);
    put_text(c, "from", one(buyer, "full_name"));
    put_text(c, "to", one(recipient, "full_name"));
    array(c, "history");
    for (int i = 0; i < count(all); i++) {
        object(c, NULL);
        put_fields(c, all, i, redemption_row);
        put_text(c, "amount", display(c, val(all, i, "amount_minor"), one(g, "currency")));
        put_text(c, "merchant", one(orm_find(c, &Merchant, val(all, i, "merchant_id")), "name"));
        end(c);
    }
    end(c);
    end(c);
}

/* The till asks what a card is worth, and where. */
static void get_by_code(struct ctx *c)
{
    rows r =
        found(c,
              sql(c,
                  "SELECT g.id, g.code, g.status, g.currency, g.balance_minor, g.expires_on, m.name AS merchant, "
                  "d.title AS design,"
                  " left(u.full_name, 1) AS buyer, (SELECT max(x.created_at) FROM gift_card_redemptions x WHERE "
                  "x.gift_card_id = g.id) AS last_used"
                  " FROM gift_cards g JOIN users u ON u.id = g.buyer_id JOIN gift_card_designs d ON d.id = g.design_id"
                  " LEFT JOIN merchants m ON m.id = g.merchant_id WHERE g.code = upper($1)::char(19) AND g.deleted_at "
                  "IS NULL",
                  param(c, "code")),
              "gift card");
    object(c, NULL);
    put_number(c, "id", one(r, "id"));
    put_text(c, "code", one(r, "code"));
    put_text(c, "status", one(r, "status"));
    put_text(c, "balance", display(c, one(r, "balance_minor"), one(r, "currency")));
    put_number(c, "balanceMinor", one(r, "balance_minor"));
    put_text(c, "currency", one(r, "currency"));
    put_text(c, "expiresOn", one(r, "expires_on"));
    put_text(c, "onlyAt", one(r, "merchant"));
    put_text(c, "design", one(r, "design"));
    put_text(c, "buyerInitial", one(r, "buyer"));
    put_epoch_ms(c, "lastUsed", one(r, "last_used"));
    end(c);
}

/* What we owe, by currency and month of expiry. */
static void get_liability(struct ctx *c)
{
    static const struct field row[] = {{"currency", NULL, TEXT},
                                       {"year", NULL, NUMBER},
                                       {"cards", NULL, NUMBER},
                                       {"sold", NULL, NUMBER},
                                       {"outstandingMinor", "outstanding", NUMBER},
                                       {"usedPercent", "used_percent", TEXT},
                                       {"oldest", NULL, ISO},
                                       {"countries", NULL, ARRAY},
                                       {"runningMinor", "running", NUMBER},
                                       {NULL}};
    rows r = sql(c,
                 "SELECT g.currency, extract(year FROM g.expires_on)::int AS year, count(*) AS cards, "
                 "sum(g.initial_minor) AS sold,"
                 " sum(g.balance_minor) AS outstanding, round(100 - 100.0 * sum(g.balance_minor) / "
                 "sum(g.initial_minor), 2) AS used_percent,"
                 " min(g.created_at) AS oldest, array_agg(DISTINCT u.country ORDER BY u.country) AS countries,"
                 " sum(sum(g.balance_minor)) OVER (PARTITION BY g.currency ORDER BY extract(year FROM "
                 "g.expires_on)::int) AS running"
                 " FROM gift_cards g JOIN users u ON u.id = g.buyer_id WHERE g.status IN ('active', 'pending') AND "
                 "g.deleted_at IS NULL"
                 " AND ($1::text IS NULL OR g.currency = $1) GROUP BY 1, 2 ORDER BY 1, 2",
                 arg_choice(c, "currency", "EUR|USD|JPY|KWD"));
    object(c, NULL);
    put_rows(c, "items", r, row);
    end(c);
}

/* ---- writes ---- */

static void buy(struct ctx *c)
{
    const char *amount = need_id(c, "amountMinor"), *currency = need_choice(c, "currency", "EUR|USD|JPY|KWD");
    const char *email = body(c, "recipientEmail");
    if (strlen(amount) > 7)
        stop(c, 422, "too_much", "at most 9999999 minor units");
    begin(c);
    rows design = orm_find(c, &Design, need_id(c, "designId"));
    if (!stopped(c) && (count(design) == 0 || is_true(one(design, "retired"))))
        stop(c, 422, "no_design", "no such design");
    rows to = sql(c, "SELECT id FROM users WHERE email = $1 AND deleted_at IS NULL", email);
    rows code = sql(c, "SELECT 'N' || upper(left(md5(random()::text), 3) || '-' || left(md5(random()::text), 4) || '-'"
                       " || left(md5(random()::text), 4) || '-' || left(md5(clock_timestamp()::text), 4)) AS code, "
                       "current_date + 1095 AS expires_on");
    rows g = orm_insert(c, &GiftCard, "code", one(code, "code"), "design_id", one(design, "id"), "buyer_id", caller(c),
                        "recipient_id", one(to, "id"), "recipient_email", email, "currency", currency, "initial_minor",
                        amount, "balance_minor", amount, "status", "active", "message", body(c, "message"),
                        "expires_on", one(code, "expires_on"), "activated_at", "now");
    if (one(to, "id"))
        orm_insert(c, &Notification, "user_id", one(to, "id"), "kind", "gift_card", "title", "You got a gift card",
                   "body", display(c, amount, currency));
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/giftcards/%s", one(g, "id")));
    object(c, NULL);
    put_card(c, g, 0);
    end(c);
}

static void redeem(struct ctx *c)
{
    const char *amount = need_id(c, "amountMinor"), *merchant = body(c, "merchantId");
    if (strlen(amount) > 12)
        stop(c, 422, "too_much", "that is too much");
    begin(c);
    rows g = my_giftcard(c);
    rows lock = sql(c,
                    "SELECT g.balance_minor >= $2::bigint AS enough, g.status = 'active' AS active, g.balance_minor - "
                    "$2::bigint AS rest,"
                    " g.merchant_id IS NULL OR g.merchant_id = $3::bigint AS here, g.redemption_count + 1 AS n"
                    " FROM gift_cards g WHERE g.id = $1 FOR UPDATE",
                    one(g, "id"), amount, merchant);
    if (!stopped(c) && !is_true(one(lock, "active")))
        stop(c, 409, "not_active", label_of(states, one(g, "status")));
    if (!stopped(c) && !is_true(one(lock, "here")))
        stop(c, 422, "wrong_merchant", "this card is for another merchant");
    if (!stopped(c) && !is_true(one(lock, "enough")))
        stop(c, 409, "not_enough", "there is less on the card");
    const char *rest = one(lock, "rest");
    rows r = orm_insert(c, &Redemption, "gift_card_id", one(g, "id"), "user_id", caller(c), "merchant_id", merchant,
                        "amount_minor", amount, "balance_after_minor", rest, "reference", body(c, "reference"));
    orm_update(c, &GiftCard, one(g, "id"), "balance_minor", rest, "redemption_count", one(lock, "n"), "status",
               rest && strcmp(rest, "0") == 0 ? "used_up" : "active", "updated_at", "now");
    commit(c);
    status(c, 201);
    put_row(c, NULL, r, 0, redemption_row);
}

static void cancel(struct ctx *c)
{
    begin(c);
    rows g = found(c, orm_find(c, &GiftCard, param(c, "id")), "gift card");
    only_owner(c, one(g, "buyer_id"));
    rows lock = sql(c,
                    "SELECT status IN ('pending', 'active') AND redemption_count = 0 AS unused FROM gift_cards WHERE "
                    "id = $1 FOR UPDATE",
                    one(g, "id"));
    if (!stopped(c) && !is_true(one(lock, "unused")))
        stop(c, 409, "used", "it was used, or is not valid any more");
    g = orm_update(c, &GiftCard, one(g, "id"), "status", "cancelled", "balance_minor", "0", "updated_at", "now");
    commit(c);
    put_row(c, NULL, g, 0, card_row);
}

/* Out of the buyer's list; the card lives on until it is empty. */
static void hide(struct ctx *c)
{
    rows g = found(c, orm_find(c, &GiftCard, param(c, "id")), "gift card");
    only_owner(c, one(g, "buyer_id"));
    if (!stopped(c) && strcmp(one(g, "status"), "active") == 0 && strcmp(one(g, "balance_minor"), "0") != 0)
        stop(c, 409, "has_money", "there is money on it");
    orm_update(c, &GiftCard, one(g, "id"), "deleted_at", "now");
    status(c, 204);
}

static const struct route giftcard_routes[] = {
    {"GET", "/v1/giftcards", list_giftcards, AUTH_USER, NULL, false},
    {"GET", "/v1/giftcards/{id}", get_giftcard, AUTH_USER, NULL, false},
    {"GET", "/v1/giftcards/by-code/{code:text}", get_by_code, AUTH_PARTNER, NULL, false},
    {"GET", "/v1/giftcard-liability", get_liability, AUTH_STAFF, NULL, false},
    {"POST", "/v1/giftcards", buy, AUTH_USER, NULL, false},
    {"POST", "/v1/giftcards/{id}/redeem", redeem, AUTH_USER, NULL, false},
    {"POST", "/v1/giftcards/{id}/cancel", cancel, AUTH_USER, NULL, false},
    {"DELETE", "/v1/giftcards/{id}", hide, AUTH_USER, NULL, false},
};

SERVICE_NO_JOBS(giftcards, ERRORS_CODE, giftcard_routes);
