// SPDX-License-Identifier: Apache-2.0
/*
 * Payouts to other banks. Query builder for the lists, hand-written SQL where something is locked; camelCase, minor
 * units. Funds are held by a row in fund_reservations: what an account has to spend is its balance less what is held.
 */
#include "app.h"

static const struct label status_labels[] = {{"pending", "In Vorbereitung"},
                                             {"reserved", "Reserviert"},
                                             {"batched", "In Auftrag"},
                                             {"sent", "Ausgeführt"},
                                             {"rejected", "Abgelehnt"},
                                             {"cancelled", "Storniert"},
                                             {NULL, NULL}};
static const struct field payout_fields[] = {
    {"id", NULL, NUMBER},
    {"amount", NULL, MINOR, .currency = "currency"},
    {"fee", NULL, MINOR, .currency = "currency"},
    {"currency", NULL, TEXT},
    {"status", NULL, TEXT},
    {"statusText", "status", LABEL, .labels = status_labels},
    {"urgent", NULL, BOOL},
    {"purpose", NULL, TEXT, .omit_null = true},
    {"endToEndId", "end_to_end", TEXT},
    {"rejectCode", "reject_code", TEXT, .omit_null = true},
    {"labels", NULL, ARRAY},
    {"createdAt", "created_at", ZULU},
    {"sentAt", "sent_at", ZULU},
    {NULL},
};

static const char *masked(struct ctx *c, const char *iban)
{
    size_t len = iban ? strlen(iban) : 0;
    return len < 8 ? iban : text(c, "%.4s****%s", iban, iban + len - 4);
}

static void put_bank(struct ctx *c, rows r, int i)
{
    object(c, "bankAccount");
    put_number(c, "id", val(r, i, "bank_account_id"));
    put_text(c, "holder", val(r, i, "holder"));
    put_text(c, "iban", masked(c, val(r, i, "iban")));
    put_text(c, "bank", val(r, i, "bank"));
    end(c);
}

static void put_page(struct ctx *c, rows r, struct page p)
{
    end(c);
    object(c, "meta");
    put_int(c, "page", p.number);
    put_int(c, "pageSize", p.size);
    put_number(c, "total", count(r) ? one(r, "total") : "0");
    end(c);
    end(c);
}

static void list(struct ctx *c)
{
    struct page p = page_of(c, "page", "pageSize", 20);
    struct query q = query(c, "SELECT p.*, b.holder, b.iban, b.bank, a.kind AS account_kind, u.full_name, count(*) "
                              "OVER () AS total FROM payouts p"
                              " JOIN bank_accounts b ON b.id = p.bank_account_id JOIN accounts a ON a.id = "
                              "p.account_id JOIN users u ON u.id = p.user_id");
    query_if(&q, is_staff(c) ? arg_number(c, "userId", NULL, 1, INT64_MAX) : caller(c), "p.user_id = ?");
    query_if(&q, arg_choice(c, "status", "pending|reserved|batched|sent|rejected|cancelled"),
             "p.status = ?::payout_status");
    query_if(&q, arg_choice(c, "currency", "EUR|JPY|KWD"), "p.currency = ?");
    query_if(&q, arg_number(c, "minAmount", NULL, 0, 1000000000), "p.amount >= ?::numeric / 100");
    query_if(&q, arg(c, "label"), "? = ANY (p.labels)");
    query_if(&q, arg(c, "holder"), "b.holder ILIKE '%' || ? || '%'");
    if (arg(c, "urgent"))
        query_where(&q, "p.urgent");
    query_add(&q, arg_choice(c, "sort", "amount|newest") && strcmp(arg(c, "sort"), "amount") == 0
                      ? "ORDER BY p.amount DESC, p.id"
                      : "ORDER BY p.created_at DESC, p.id DESC");
    query_value(&q, "LIMIT ?", p.limit);
    query_value(&q, "OFFSET ?", p.offset);
    rows r = query_run(&q);
    object(c, NULL);
    array(c, "data");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, payout_fields);
        put_bank(c, r, i);
        put_row(c, "from", r, i,
                (const struct field[]){{"accountId", "account_id", NUMBER},
                                       {"kind", "account_kind", TEXT},
                                       {"owner", "full_name", TEXT},
                                       {NULL}});
        end(c);
    }
    put_page(c, r, p);
}

static void get(struct ctx *c)
{
    static const struct field reservation[] = {{"state", "held_state", TEXT},
                                               {"amount", "held", MINOR, .currency = "currency"},
                                               {"since", "reserved_at", ZULU},
                                               {NULL}};
    rows r = found(c,
                   sql(c,
                       "SELECT p.*, b.holder, b.iban, b.bank, u.full_name, u.country, a.kind AS account_kind, a.status "
                       "AS account_status, k.ref, k.state AS batch_state,"
                       " h.state AS held_state, h.amount AS held, h.reserved_at FROM payouts p JOIN bank_accounts b ON "
                       "b.id = p.bank_account_id"
                       " JOIN users u ON u.id = p.user_id JOIN accounts a ON a.id = p.account_id LEFT JOIN "
                       "payout_batches k ON k.id = p.batch_id"
                       " LEFT JOIN LATERAL (SELECT * FROM fund_reservations f WHERE f.payout_id = p.id ORDER BY f.id "
                       "DESC LIMIT 1) h ON true WHERE p.id = $1",
                       param(c, "id")),
                   "payout");
    if (stopped(c))
        return;
    only_owner(c, one(r, "user_id"));
    object(c, NULL);
    put_fields(c, r, 0, payout_fields);
    put_bank(c, r, 0);
    put_row(c, "from", r, 0,
            (const struct field[]){{"accountId", "account_id", NUMBER},
                                   {"kind", "account_kind", TEXT},
                                   {"status", "account_status", TEXT},
                                   {"owner", "full_name", TEXT},
                                   {NULL}});
    if (one(r, "ref"))
        put_row(c, "batch", r, 0,
                (const struct field[]){
                    {"id", "batch_id", NUMBER}, {"ref", NULL, TEXT}, {"state", "batch_state", TEXT}, {NULL}});
    if (one(r, "held_state"))
        put_row(c, "reservation", r, 0, reservation);
    end(c);
}

static void banks(struct ctx *c)
{
    struct query q = query(c, "SELECT b.*, b.id AS bank_account_id, u.full_name, u.kyc_level, (SELECT count(*) FROM "
                              "payouts p WHERE p.bank_account_id = b.id) AS payouts"
                              " FROM bank_accounts b JOIN users u ON u.id = b.user_id");
    query_where(&q, "b.deleted_at IS NULL");
    query_if(&q, is_staff(c) ? arg_number(c, "userId", NULL, 1, INT64_MAX) : caller(c), "b.user_id = ?");
    query_if(&q, arg(c, "country"), "b.country = ?");
    if (arg(c, "verified"))
        query_where(&q, "b.verified_at IS NOT NULL");
    query_add(&q, "ORDER BY b.is_default DESC, b.id LIMIT 50");
    rows r = query_run(&q);
    array(c, NULL);
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i,
                   (const struct field[]){{"id", NULL, NUMBER},
                                          {"holder", NULL, TEXT},
                                          {"bic", NULL, TEXT, .omit_null = true},
                                          {"bank", NULL, TEXT, .omit_null = true},
                                          {"country", NULL, TEXT},
                                          {"default", "is_default", BOOL},
                                          {"verifiedAt", "verified_at", ZULU},
                                          {"payouts", NULL, NUMBER},
                                          {"customer", "full_name", TEXT},
                                          {NULL}});
        put_text(c, "iban", masked(c, val(r, i, "iban")));
        end(c);
    }
    end(c);
}

static const struct field batch_fields[] = {{"id", NULL, NUMBER},
                                            {"ref", NULL, TEXT},
                                            {"state", NULL, TEXT},
                                            {"cutoff", NULL, ZULU},
                                            {"payoutCount", "payout_count", NUMBER},
                                            {"amount", "amount_sum", MINOR},
                                            {"fileName", "file_name", TEXT},
                                            {"createdBy", "created_by", NUMBER},
                                            {"sentAt", "sent_at", ZULU},
                                            {NULL}};

static void batches(struct ctx *c)
{
    struct page p = page_of(c, "page", "pageSize", 20);
    struct query q = query(c, "SELECT k.*, count(*) OVER () AS total, coalesce(x.rejected, 0) AS rejected, x.countries "
                              "FROM payout_batches k LEFT JOIN LATERAL"
                              " (SELECT count(*) FILTER (WHERE p.status = 'rejected') AS rejected, array_agg(DISTINCT "
                              "u.country ORDER BY u.country) AS countries"
                              "  FROM payouts p JOIN users u ON u.id = p.user_id WHERE p.batch_id = k.id) x ON true");
    query_if(&q, arg_choice(c, "state", "open|sent|failed"), "k.state = ?");
    query_if(&q, arg(c, "since"), "k.cutoff >= ?::timestamptz");
    query_if(&q, arg(c, "until"), "k.cutoff < ?::timestamptz");
    query_add(&q, "ORDER BY k.cutoff DESC, k.id DESC");
    query_value(&q, "LIMIT ?", p.limit);
    query_value(&q, "OFFSET ?", p.offset);
    rows r = query_run(&q);
    object(c, NULL);
    array(c, "data");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, batch_fields);
        put_number(c, "rejected", val(r, i, "rejected"));
        put_array(c, "countries", val(r, i, "countries"));
        end(c);
    }
    put_page(c, r, p);
}

static void batch(struct ctx *c)
{
    rows k = found(c,
                   sql(c,
                       "SELECT k.*, (SELECT json_agg(json_build_object('id', p.id, 'name', u.full_name, 'amount', "
                       "p.amount::text, 'currency', p.currency, 'status', p.status,"
                       " 'country', b.country) ORDER BY p.id) FROM payouts p JOIN users u ON u.id = p.user_id JOIN "
                       "bank_accounts b ON b.id = p.bank_account_id"
                       " WHERE p.batch_id = k.id) AS payouts FROM payout_batches k WHERE k.id = $1",
                       param(c, "id")),
                   "batch");
    object(c, NULL);
    put_fields(c, k, 0, batch_fields);
    put_number(c, "payouts", one(k, "payouts"));
    end(c);
}

static void create(struct ctx *c)
{
    rows a = found(c,
                   sql(c,
                       "SELECT a.id, a.user_id, a.currency, b.verified_at FROM accounts a JOIN bank_accounts b ON "
                       "b.user_id = a.user_id AND b.deleted_at IS NULL"
                       " WHERE a.id = $1 AND b.id = $2",
                       need_id(c, "accountId"), need_id(c, "bankAccountId")),
                   "account");
    if (stopped(c))
        return;
    only_owner(c, one(a, "user_id"));
    if (!one(a, "verified_at"))
        stop(c, 422, "not_verified", "the bank account is not verified");
    rows r = sql(c,
                 "INSERT INTO payouts (user_id, account_id, bank_account_id, amount, currency, fee, urgent, purpose, "
                 "end_to_end) VALUES ($1, $2::bigint, $3, $4::numeric, $5::text,"
                 " coalesce(calculate_fee('payout', $4::numeric, $5::text), 0), coalesce($6::boolean, false), $7,"
                 " md5($2::bigint || ':' || clock_timestamp()::text)::uuid) RETURNING *",
                 one(a, "user_id"), one(a, "id"), body(c, "bankAccountId"), need_amount(c, "amount"),
                 one(a, "currency"), body(c, "urgent"), body(c, "purpose"));
    if (stopped(c))
        return;
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/payouts/%s", one(r, "id")));
    put_row(c, NULL, r, 0, payout_fields);
}

static void put_reservation(struct ctx *c, rows r, rows p, const char *free_after)
{
    object(c, NULL);
    put_number(c, "reservationId", one(r, "id"));
    put_number(c, "payoutId", param(c, "id"));
    put_minor(c, "amount", one(r, "amount"), one(p, "currency"));
    put_zulu(c, "reservedAt", one(r, "reserved_at"));
    put_minor(c, "free", free_after, one(p, "currency"));
    end(c);
}

static rows locked(struct ctx *c)
{
    rows p = found(c,
                   sql(c,
                       "SELECT user_id, account_id, currency, status, amount + fee AS needed FROM payouts WHERE id = "
                       "$1 FOR UPDATE",
                       param(c, "id")),
                   "payout");
    if (!stopped(c))
        only_owner(c, one(p, "user_id"));
    return p;
}

/* Holds the money, or says that there is not enough. A second call finds the first one's reservation. */
static void reserve(struct ctx *c)
{
    begin(c);
    rows p = locked(c);
    if (stopped(c))
        return;
    rows a = sql(c,
                 "SELECT a.status, a.currency, a.balance - coalesce((SELECT sum(f.amount) FROM fund_reservations f "
                 "WHERE f.account_id = a.id AND f.state = 'held'), 0) AS free"
                 " FROM accounts a WHERE a.id = $1 FOR NO KEY UPDATE",
                 one(p, "account_id"));
    if (!stopped(c) && strcmp(one(p, "status"), "reserved") == 0) {
        rows r = sql(c, "SELECT id, amount, reserved_at FROM fund_reservations WHERE payout_id = $1 AND state = 'held'",
                     param(c, "id"));
        commit(c);
        put_reservation(c, r, p, one(a, "free"));
        return;
    }
    if (stopped(c))
        return;
    if (strcmp(one(p, "status"), "pending") != 0)
        stop(c, 409, "wrong_state", text(c, "the payout is %s", one(p, "status")));
    else if (strcmp(one(a, "status"), "open") != 0 || strcmp(one(a, "currency"), one(p, "currency")) != 0)
        stop(c, 422, "account", "the account is not open, or of another currency");
    rows r = sql(c,
                 "INSERT INTO fund_reservations (payout_id, account_id, amount) SELECT $1, $2, $3::numeric WHERE "
                 "$3::numeric <= $4::numeric"
                 " RETURNING id, amount, reserved_at, $4::numeric - $3::numeric AS free",
                 param(c, "id"), one(p, "account_id"), one(p, "needed"), one(a, "free"));
    if (!stopped(c) && count(r) == 0)
        stop(c, 422, "insufficient_funds", "not enough money");
    sql(c, "UPDATE payouts SET status = 'reserved', updated_at = now() WHERE id = $1", param(c, "id"));
    commit(c);
    status(c, 201);
    put_reservation(c, r, p, one(r, "free"));
}

static void release(struct ctx *c)
{
    begin(c);
    rows p = locked(c);
    if (!stopped(c) && strcmp(one(p, "status"), "reserved") != 0)
        stop(c, 409, "wrong_state", text(c, "the payout is %s", one(p, "status")));
    sql(c, "UPDATE fund_reservations SET state = 'released', ended_at = now() WHERE payout_id = $1 AND state = 'held'",
        param(c, "id"));
    rows r =
        sql(c, "UPDATE payouts SET status = 'pending', updated_at = now() WHERE id = $1 RETURNING *", param(c, "id"));
    commit(c);
    put_row(c, NULL, r, 0, payout_fields);
}

static void cancel(struct ctx *c)
{
    begin(c);
    rows p = locked(c);
    if (!stopped(c) && strcmp(one(p, "status"), "pending") != 0)
        stop(c, 409, "wrong_state", text(c, "the payout is %s", one(p, "status")));
    rows r = sql(c,
                 "UPDATE payouts SET status = 'cancelled', labels = labels || 'cancelled'::text, updated_at = now() "
                 "WHERE id = $1 RETURNING *",
                 param(c, "id"));
    commit(c);
    put_row(c, NULL, r, 0, payout_fields);
}

/* A batch of what is reserved; the answer says of each payout whether it is in. */
static void create_batch(struct ctx *c)
{
    int n = body_count(c, "payoutIds");
    if (!stopped(c) && n == 0)
        stop(c, 422, "invalid", "payoutIds are missing");
    begin(c);
    rows k = sql(c,
                 "INSERT INTO payout_batches (ref, cutoff, created_by) VALUES ('B' || to_char(now(), 'YYYYMMDD') || "
                 "'-' || currval(pg_get_serial_sequence('payout_batches', 'id')),"
                 " now() + interval '2 hours', $1) RETURNING id, ref",
                 caller(c));
    object(c, NULL);
    put_fields(c, k, 0, (const struct field[]){{"id", NULL, NUMBER}, {"ref", NULL, TEXT}, {NULL}});
    array(c, "results");
    for (int i = 0; i < n && !stopped(c); i++) {
        const char *id = body_element(c, "payoutIds", i);
        rows u = sql(c,
                     "UPDATE payouts SET status = 'batched', batch_id = $2, updated_at = now() WHERE id = $1 AND "
                     "status = 'reserved'",
                     id, one(k, "id"));
        object(c, NULL);
        put_number(c, "payoutId", id);
        put_text(c, "result", affected(u) ? "batched" : "skipped");
        end(c);
    }
    end(c);
    sql(c,
        "UPDATE payout_batches k SET payout_count = p.count, amount_sum = coalesce(p.sum, 0) FROM (SELECT count(*), "
        "sum(amount) FROM payouts WHERE batch_id = $1) p WHERE k.id = $1",
        one(k, "id"));
    sql(c,
        "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, after)"
        " SELECT created_by, 'staff', 'payouts', 'batch', 'payout_batch', id::text, jsonb_build_object('count', "
        "payout_count, 'sum', amount_sum)"
        " FROM payout_batches WHERE id = $1",
        one(k, "id"));
    commit(c);
    status(c, 201);
    end(c);
}

static void stats(struct ctx *c)
{
    static const struct field fields[] = {{"country", NULL, TEXT},
                                          {"currency", NULL, TEXT},
                                          {"payouts", NULL, NUMBER},
                                          {"sent", NULL, MINOR, .currency = "currency"},
                                          {"waiting", NULL, MINOR, .currency = "currency"},
                                          {"rejectedPercent", "rejected", NUMBER},
                                          {"medianHours", "median", NUMBER},
                                          {NULL}};
    rows r =
        sql(c, "SELECT b.country, p.currency, count(*) AS payouts, coalesce(sum(p.amount) FILTER (WHERE p.status = "
               "'sent'), 0) AS sent,"
               " coalesce(sum(p.amount) FILTER (WHERE p.status IN ('pending', 'reserved', 'batched')), 0) AS waiting,"
               " round(100.0 * count(*) FILTER (WHERE p.status = 'rejected') / count(*), 2) AS rejected,"
               " round((percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM p.sent_at - p.created_at)) / "
               "3600)::numeric, 1) AS median"
               " FROM payouts p JOIN bank_accounts b ON b.id = p.bank_account_id JOIN users u ON u.id = p.user_id "
               "WHERE u.status <> 'internal'"
               " GROUP BY b.country, p.currency ORDER BY b.country, p.currency");
    put_rows(c, NULL, r, fields);
}

static const struct route payouts_routes[] = {
    {"GET", "/v1/payouts", list, AUTH_USER},
    {"POST", "/v1/payouts", create, AUTH_USER},
    {"GET", "/v1/payouts/{id}", get, AUTH_USER},
    {"POST", "/v1/payouts/{id}/reserve", reserve, AUTH_USER,
     .sync = "funds are held against the balance of this moment"},
    {"POST", "/v1/payouts/{id}/release", release, AUTH_USER},
    {"POST", "/v1/payouts/{id}/cancel", cancel, AUTH_USER},
    {"GET", "/v1/payout-stats", stats, AUTH_STAFF},
    {"GET", "/v1/bank-accounts", banks, AUTH_USER},
    {"GET", "/v1/payout-batches", batches, AUTH_STAFF},
    {"POST", "/v1/payout-batches", create_batch, AUTH_STAFF},
    {"GET", "/v1/payout-batches/{id}", batch, AUTH_STAFF},
};

SERVICE_NO_JOBS(payouts, ERRORS_CODE, payouts_routes);
