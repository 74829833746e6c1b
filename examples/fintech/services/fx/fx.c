// SPDX-License-Identifier: Apache-2.0
/*
 * Currency exchange. Hand-written SQL, camelCase, amounts in minor units of their currency (a yen has none, a Kuwaiti
 * dinar a thousand), rates as text. No balance moves here: the conversions are settled elsewhere, at night.
 */
#include "app.h"

#define CURRENCIES "USD|GBP|CHF|JPY|KWD|PLN|SEK|HUF"

static const struct label state_labels[] = {{"P", "pending"}, {"S", "settled"}, {"R", "reversed"}, {NULL, NULL}};

static void rates(struct ctx *c)
{
    static const struct field fields[] = {{"pair", NULL, TEXT},
                                          {"mid", NULL, TEXT},
                                          {"bid", NULL, TEXT},
                                          {"ask", NULL, TEXT},
                                          {"source", NULL, TEXT},
                                          {"since", "valid_from", EPOCH_MS},
                                          {NULL}};
    rows r = sql(c,
                 "SELECT base || quote AS pair, mid, bid, ask, source, valid_from FROM fx_rates WHERE valid_to IS NULL"
                 " AND ($1::text IS NULL OR quote = $1) ORDER BY base, quote",
                 arg_choice(c, "currency", CURRENCIES));
    object(c, NULL);
    put_rows(c, "rates", r, fields);
    end(c);
}

/* A rate a day, with the average of the week before. */
static void history(struct ctx *c)
{
    static const struct field fields[] = {{"day", NULL, TEXT},           {"mid", NULL, TEXT},
                                          {"average7", NULL, TEXT},      {"changePercent", "change", NUMBER},
                                          {"conversions", NULL, NUMBER}, {NULL}};
    const char *pair = param(c, "pair");
    if (strlen(pair) != 6)
        stop(c, 400, "bad_pair", "a pair is like EURUSD");
    rows r =
        found(c,
              sql(c,
                  "WITH d AS (SELECT DISTINCT ON (valid_from::date) valid_from::date AS day, quote, mid FROM fx_rates"
                  "           WHERE base = left($1, 3) AND quote = right($1, 3) AND valid_from < coalesce($2::date, "
                  "date '2026-06-30')"
                  "           AND valid_from >= coalesce($2::date, date '2026-06-30') - 60 ORDER BY valid_from::date, "
                  "valid_from DESC),"
                  " a AS (SELECT day, quote, mid, round(avg(mid) OVER (ORDER BY day ROWS 6 PRECEDING), 8) AS average7,"
                  "       round(100 * (mid / lag(mid) OVER (ORDER BY day) - 1), 3) AS change FROM d)"
                  " SELECT a.*, (SELECT count(*) FROM fx_conversions v JOIN accounts x ON x.id = v.account_id"
                  "              WHERE v.bought_currency = a.quote AND v.created_at >= a.day AND v.created_at < a.day "
                  "+ 1 AND x.status = 'open') AS conversions"
                  " FROM a ORDER BY day DESC LIMIT 30",
                  pair, arg(c, "until")),
              "pair");
    put_rows(c, NULL, r, fields);
}

static const struct field quote_fields[] = {
    {"id", NULL, NUMBER},
    {"kind", NULL, TEXT},
    {"status", NULL, TEXT},
    {"sellCurrency", "sell_currency", TEXT},
    {"sellAmount", "sell_amount", MINOR, .currency = "sell_currency"},
    {"buyCurrency", "buy_currency", TEXT},
    {"buyAmount", "buy_amount", MINOR, .currency = "buy_currency"},
    {"rate", NULL, TEXT},
    {"fee", NULL, MINOR, .currency = "sell_currency"},
    {"drawn", NULL, MINOR, .currency = "sell_currency"},
    {"createdAt", "created_at", EPOCH_MS},
    {"expiresAt", "expires_at", EPOCH_MS},
    {"acceptedAt", "accepted_at", EPOCH_MS, .omit_null = true},
    {NULL},
};

static void quote(struct ctx *c)
{
    const char *currency = need_choice(c, "buyCurrency", CURRENCIES), *amount = need_amount(c, "sellAmount");
    rows a = found(
        c,
        sql(c, "SELECT a.id, a.user_id, u.status FROM accounts a JOIN users u ON u.id = a.user_id WHERE a.id = $1",
            need_id(c, "accountId")),
        "account");
    if (stopped(c))
        return;
    only_owner(c, one(a, "user_id"));
    rows r = sql(c,
                 "INSERT INTO fx_quotes (user_id, account_id, rate_id, sell_currency, buy_currency, sell_amount, "
                 "buy_amount, rate, fee, context, expires_at)"
                 " SELECT $1, $2, r.id, r.base, r.quote, $4::numeric,"
                 " round($4::numeric * r.bid, CASE r.quote WHEN 'JPY' THEN 0 WHEN 'KWD' THEN 3 ELSE 2 END), r.bid,"
                 " coalesce(calculate_fee('fx', $4::numeric, r.base), 0), jsonb_build_object('purpose', $5::text), "
                 "now() + interval '15 minutes'"
                 " FROM fx_rates r WHERE r.base = 'EUR' AND r.quote = $3 AND r.valid_to IS NULL RETURNING *",
                 one(a, "user_id"), one(a, "id"), currency, amount, body(c, "purpose"));
    if (stopped(c))
        return;
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/fx/quotes/%s", one(r, "id")));
    put_row(c, NULL, r, 0, quote_fields);
}

static void get_quote(struct ctx *c)
{
    rows r = found(c,
                   sql(c,
                       "SELECT q.*, u.full_name, a.kind AS account_kind, a.status AS account_status, f.mid, f.source "
                       "FROM fx_quotes q"
                       " JOIN users u ON u.id = q.user_id JOIN accounts a ON a.id = q.account_id LEFT JOIN fx_rates f "
                       "ON f.id = q.rate_id"
                       " WHERE q.id = $1",
                       param(c, "id")),
                   "quote");
    if (stopped(c))
        return;
    only_owner(c, one(r, "user_id"));
    object(c, NULL);
    put_fields(c, r, 0, quote_fields);
    put_row(c, "account", r, 0,
            (const struct field[]){{"id", "account_id", NUMBER},
                                   {"kind", "account_kind", TEXT},
                                   {"status", "account_status", TEXT},
                                   {"owner", "full_name", TEXT},
                                   {NULL}});
    put_row(c, "market", r, 0,
            (const struct field[]){{"mid", NULL, TEXT}, {"source", NULL, TEXT}, {"context", NULL, JSON}, {NULL}});
    end(c);
}

static void quotes(struct ctx *c)
{
    rows r = sql(c,
                 "SELECT q.*, a.kind AS account_kind FROM fx_quotes q JOIN accounts a ON a.id = q.account_id WHERE "
                 "q.user_id = $1"
                 " AND ($2::quote_status IS NULL OR q.status = $2) AND ($3::text IS NULL OR q.kind = $3)"
                 " ORDER BY q.created_at DESC, q.id DESC LIMIT 50",
                 caller(c), arg_choice(c, "status", "open|accepted|expired|withdrawn"),
                 arg_choice(c, "kind", "spot|standing"));
    object(c, NULL);
    put_rows(c, "items", r, quote_fields);
    end(c);
}

static const struct field conversion_fields[] = {
    {"id", NULL, NUMBER},
    {"quoteId", "quote_id", NUMBER},
    {"sold", NULL, MINOR, .currency = "sold_currency"},
    {"soldCurrency", "sold_currency", TEXT},
    {"bought", NULL, MINOR, .currency = "bought_currency"},
    {"boughtCurrency", "bought_currency", TEXT},
    {"rate", NULL, TEXT},
    {"fee", NULL, MINOR, .currency = "sold_currency"},
    {"state", NULL, LABEL, .labels = state_labels},
    {"valueDate", "value_date", TEXT},
    {"createdAt", "created_at", EPOCH_MS},
    {"settledAt", "settled_at", EPOCH_MS},
    {NULL},
};

/* A spot quote once and in time; a standing one again and again, each time for an amount. */
static void accept(struct ctx *c)
{
    begin(c);
    rows q = found(c,
                   sql(c,
                       "SELECT q.user_id, q.kind, q.status, q.sell_amount, q.expires_at < now() AS late, a.status = "
                       "'open' AS usable FROM fx_quotes q"
                       " JOIN accounts a ON a.id = q.account_id WHERE q.id = $1 FOR NO KEY UPDATE OF q",
                       param(c, "id")),
                   "quote");
    if (stopped(c))
        return;
    only_owner(c, one(q, "user_id"));
    bool standing = strcmp(one(q, "kind"), "standing") == 0;
    if (strcmp(one(q, "status"), "open") != 0)
        stop(c, 409, "not_open", text(c, "the quote is %s", one(q, "status")));
    else if (is_true(one(q, "late")))
        stop(c, 410, "expired", "the quote has expired");
    else if (!is_true(one(q, "usable")))
        stop(c, 422, "account", "the account is not open");
    const char *amount = standing ? need_amount(c, "amount") : one(q, "sell_amount");
    rows r = sql(c,
                 "INSERT INTO fx_conversions (quote_id, user_id, account_id, sold, sold_currency, bought, "
                 "bought_currency, rate, fee, value_date)"
                 " SELECT id, user_id, account_id, $2::numeric, sell_currency,"
                 " round($2::numeric * rate, CASE buy_currency WHEN 'JPY' THEN 0 WHEN 'KWD' THEN 3 ELSE 2 END), "
                 "buy_currency, rate,"
                 " coalesce(calculate_fee('fx', $2::numeric, sell_currency), 0), current_date + 2 FROM fx_quotes WHERE "
                 "id = $1 RETURNING *",
                 param(c, "id"), amount);
    sql(c,
        "UPDATE fx_quotes SET drawn = drawn + $2::numeric, status = CASE WHEN kind = 'spot' THEN 'accepted' ELSE "
        "status END, accepted_at = now()"
        " WHERE id = $1",
        param(c, "id"), amount);
    sql(c,
        "INSERT INTO fee_charges (user_id, account_id, kind, base_amount, amount, currency)"
        " SELECT user_id, account_id, 'fx', sold, fee, sold_currency FROM fx_conversions WHERE id = $1 AND fee > 0",
        one(r, "id"));
    sql(c,
        "INSERT INTO limit_usage (user_id, kind, day, used, count) VALUES ($1, 'fx', (now() AT TIME ZONE "
        "'Europe/Berlin')::date, $2, 1)"
        " ON CONFLICT (user_id, kind, day) DO UPDATE SET used = limit_usage.used + excluded.used, count = "
        "limit_usage.count + 1, last_at = now()",
        one(q, "user_id"), amount);
    commit(c);
    put_row(c, NULL, r, 0, conversion_fields);
}

static void withdraw(struct ctx *c)
{
    begin(c);
    rows q =
        found(c, sql(c, "SELECT user_id, status FROM fx_quotes WHERE id = $1 FOR UPDATE", param(c, "id")), "quote");
    if (stopped(c))
        return;
    only_owner(c, one(q, "user_id"));
    if (strcmp(one(q, "status"), "open") != 0)
        stop(c, 409, "not_open", text(c, "the quote is %s", one(q, "status")));
    rows r = sql(c, "UPDATE fx_quotes SET status = 'withdrawn' WHERE id = $1 RETURNING *", param(c, "id"));
    commit(c);
    put_row(c, NULL, r, 0, quote_fields);
}

static void conversions(struct ctx *c)
{
    const char *at, *id;
    cursor_in(c, &at, &id);
    rows r =
        sql(c,
            "SELECT v.*, a.kind AS account_kind, u.country, t.description, m.name AS merchant FROM fx_conversions v"
            " JOIN users u ON u.id = v.user_id JOIN accounts a ON a.id = v.account_id LEFT JOIN transactions t ON t.id "
            "= v.transaction_id"
            " LEFT JOIN merchants m ON m.id = t.merchant_id WHERE v.user_id = $1 AND ($2::text IS NULL OR "
            "v.bought_currency = $2)"
            " AND ($3::timestamptz IS NULL OR (v.created_at, v.id) < ($3, $4::bigint)) ORDER BY v.created_at DESC, "
            "v.id DESC LIMIT 21",
            caller(c), arg_choice(c, "currency", CURRENCIES), at, id);
    int n = count(r) > 20 ? 20 : count(r);
    object(c, NULL);
    array(c, "items");
    for (int i = 0; i < n; i++) {
        object(c, NULL);
        put_fields(c, r, i, conversion_fields);
        put_text(c, "account", val(r, i, "account_kind"));
        if (val(r, i, "transaction_id"))
            put_row(
                c, "transaction", r, i,
                (const struct field[]){
                    {"id", "transaction_id", NUMBER}, {"description", NULL, TEXT}, {"merchant", NULL, TEXT}, {NULL}});
        end(c);
    }
    end(c);
    cursor_out(c, "nextCursor", count(r) > n ? val(r, n - 1, "created_at") : NULL,
               count(r) > n ? val(r, n - 1, "id") : NULL);
    end(c);
}

static void reverse(struct ctx *c)
{
    begin(c);
    rows v =
        found(c, sql(c, "SELECT state, quote_id, sold FROM fx_conversions WHERE id = $1 FOR UPDATE", param(c, "id")),
              "conversion");
    if (!stopped(c) && strcmp(one(v, "state"), "P") != 0)
        stop(c, 409, "not_pending", text(c, "the conversion is %s", label_of(state_labels, one(v, "state"))));
    rows r =
        sql(c, "UPDATE fx_conversions SET state = 'R', settled_at = now() WHERE id = $1 RETURNING *", param(c, "id"));
    if (one(v, "quote_id"))
        sql(c, "UPDATE fx_quotes SET drawn = drawn - $2 WHERE id = $1", one(v, "quote_id"), one(v, "sold"));
    commit(c);
    put_row(c, NULL, r, 0, conversion_fields);
}

/* What is pending and settled, by currency and country, with totals. */
static void exposure(struct ctx *c)
{
    static const struct field fields[] = {{"currency", NULL, TEXT},
                                          {"country", NULL, TEXT},
                                          {"conversions", NULL, NUMBER},
                                          {"bought", NULL, TEXT},
                                          {"pending", NULL, TEXT},
                                          {"averageRate", "rate", TEXT},
                                          {NULL}};
    rows r = sql(c, "SELECT v.bought_currency AS currency, u.country, count(*) AS conversions, sum(v.bought) AS bought,"
                    " coalesce(sum(v.bought) FILTER (WHERE v.state = 'P'), 0) AS pending, round(avg(v.rate), 6) AS rate"
                    " FROM fx_conversions v JOIN users u ON u.id = v.user_id WHERE v.state <> 'R'"
                    " GROUP BY GROUPING SETS ((v.bought_currency, u.country), (v.bought_currency))"
                    " ORDER BY v.bought_currency, u.country NULLS LAST");
    put_rows(c, NULL, r, fields);
}

/* The market moves: every pair gets a new rate. */
static void refresh(struct ctx *c)
{
    sql(c,
        "WITH old AS (UPDATE fx_rates SET valid_to = now() WHERE valid_to IS NULL RETURNING id, base, quote, mid),"
        " new AS (SELECT base, quote, mid * (1 + (0.0005 * sin(extract(epoch FROM now()) / 97 + id))::numeric) AS mid "
        "FROM old)"
        " INSERT INTO fx_rates (base, quote, mid, bid, ask, source, valid_from)"
        " SELECT base, quote, round(mid, 8), round(mid * 0.9985, 8), round(mid * 1.0015, 8), 'feed', now() FROM new");
}

static void expire(struct ctx *c)
{
    sql(c, "UPDATE fx_quotes SET status = 'expired' WHERE id IN (SELECT id FROM fx_quotes WHERE status = 'open' AND "
           "expires_at < now()"
           " ORDER BY expires_at, id LIMIT 100 FOR UPDATE SKIP LOCKED)");
}

static const struct route fx_routes[] = {
    {"GET", "/v1/fx/rates", rates, AUTH_NONE},
    {"GET", "/v1/fx/rates/{pair:text}/history", history, AUTH_NONE},
    {"POST", "/v1/fx/quotes", quote, AUTH_USER},
    {"GET", "/v1/fx/quotes", quotes, AUTH_USER},
    {"GET", "/v1/fx/quotes/{id}", get_quote, AUTH_USER},
    {"POST", "/v1/fx/quotes/{id}/accept", accept, AUTH_USER, .sync = "a quote is taken once and before it expires"},
    {"POST", "/v1/fx/quotes/{id}/withdraw", withdraw, AUTH_USER},
    {"GET", "/v1/fx/conversions", conversions, AUTH_USER},
    {"POST", "/v1/fx/conversions/{id}/reverse", reverse, AUTH_STAFF},
    {"GET", "/v1/fx/exposure", exposure, AUTH_STAFF},
};
static const struct job fx_jobs[] = {{"refresh_fx_rates", 30, refresh}, {"expire_fx_quotes", 30, expire}};

SERVICE(fx, ERRORS_LIST, fx_routes, fx_jobs);
