// SPDX-License-Identifier: Apache-2.0
/*
 * Invoices of business customers. Hand-written SQL, camelCase, money as text. net and total are generated columns; the
 * number comes from a counter row per issuer and year, so that there are no gaps. Lines are put together here.
 */
#include "app.h"

static const struct field head[] = {
    {"id", NULL, NUMBER},
    {"number", NULL, TEXT},
    {"status", NULL, TEXT},
    {"customerName", "customer_name", TEXT},
    {"customerVat", "customer_vat", TEXT, .omit_null = true},
    {"country", NULL, TEXT},
    {"currency", NULL, TEXT},
    {"discount", NULL, TEXT},
    {"net", NULL, TEXT},
    {"taxRate", "tax_rate", NUMBER},
    {"total", NULL, TEXT},
    {"issuedOn", "issued_on", TEXT},
    {"dueOn", "due_on", TEXT},
    {"paidAt", "paid_at", ISO},
    {"createdAt", "created_at", ISO},
    {NULL},
};

static void put_page(struct ctx *c, rows r, int size, const char *party)
{
    int n = count(r) > size ? size : count(r);
    object(c, NULL);
    array(c, "items");
    for (int i = 0; i < n; i++) {
        object(c, NULL);
        put_fields(c, r, i, head);
        if (val(r, i, "party_id"))
            put_row(c, party, r, i,
                    (const struct field[]){{"id", "party_id", NUMBER}, {"name", "party_name", TEXT}, {NULL}});
        else
            put_text(c, party, NULL);
        end(c);
    }
    end(c);
    cursor_out(c, "next", count(r) > n ? val(r, n - 1, "created_at") : NULL, count(r) > n ? val(r, n - 1, "id") : NULL);
    end(c);
}

static void list(struct ctx *c)
{
    const char *at, *id;
    cursor_in(c, &at, &id);
    rows r = sql(c,
                 "SELECT i.*, u.id AS party_id, u.full_name AS party_name FROM invoice i LEFT JOIN users u ON u.id = "
                 "i.customer_id"
                 " WHERE i.issuer_id = $1 AND i.deleted_at IS NULL AND ($2::invoice_status IS NULL OR i.status = $2)"
                 " AND ($3::timestamptz IS NULL OR (i.created_at, i.id) < ($3, $4::bigint)) ORDER BY i.created_at "
                 "DESC, i.id DESC LIMIT 16",
                 caller(c), arg_choice(c, "status", "draft|issued|paid|overdue|void"), at, id);
    put_page(c, r, 15, "customer");
}

/* Invoices that others wrote to the caller; drafts are not shown. */
static void inbox(struct ctx *c)
{
    const char *at, *id;
    cursor_in(c, &at, &id);
    rows r =
        sql(c,
            "SELECT i.*, u.id AS party_id, u.full_name AS party_name FROM invoice i JOIN users u ON u.id = i.issuer_id"
            " WHERE i.customer_id = $1 AND i.deleted_at IS NULL AND i.status <> 'draft'"
            " AND ($2::timestamptz IS NULL OR (i.created_at, i.id) < ($2, $3::bigint)) ORDER BY i.created_at DESC, "
            "i.id DESC LIMIT 16",
            caller(c), at, id);
    put_page(c, r, 15, "issuer");
}

static void put_invoice(struct ctx *c, rows i)
{
    static const struct field line[] = {{"position", NULL, NUMBER},
                                        {"description", NULL, TEXT},
                                        {"quantity", NULL, TEXT},
                                        {"unitPrice", "unit_price", TEXT},
                                        {"amount", NULL, TEXT},
                                        {"merchant", "name", TEXT, .omit_null = true},
                                        {NULL}};
    rows l = sql(c,
                 "SELECT l.*, m.name FROM invoice_line l LEFT JOIN merchants m ON m.id = l.merchant_id WHERE "
                 "l.invoice_id = $1 ORDER BY l.position",
                 one(i, "id"));
    object(c, NULL);
    put_fields(c, i, 0, head);
    put_text(c, "terms", one(i, "terms"));
    put_number(c, "version", one(i, "version"));
    array(c, "lines");
    for (int n = 0; n < count(l); n++)
        put_row(c, NULL, l, n, line);
    end(c);
    put_int(c, "lineCount", count(l));
}

static void get(struct ctx *c)
{
    static const struct field party[] = {
        {"id", "issuer_id", NUMBER}, {"name", "issuer_name", TEXT}, {"email", "issuer_email", TEXT}, {NULL}};
    static const struct field payment[] = {
        {"transactionId", "transaction_id", NUMBER}, {"amount", "paid_amount", TEXT}, {"at", "paid_on", ISO}, {NULL}};
    rows i = found(c,
                   sql(c,
                       "SELECT i.*, u.full_name AS issuer_name, u.email AS issuer_email, t.amount AS paid_amount, "
                       "t.created_at AS paid_on FROM invoice i"
                       " JOIN users u ON u.id = i.issuer_id LEFT JOIN transactions t ON t.id = i.transaction_id WHERE "
                       "i.id = $1 AND i.deleted_at IS NULL",
                       param(c, "id")),
                   "invoice");
    if (stopped(c))
        return;
    const char *customer = one(i, "customer_id");
    if (!customer || strcmp(customer, caller(c)) != 0)
        only_owner(c, one(i, "issuer_id"));
    put_invoice(c, i);
    put_row(c, "issuer", i, 0, party);
    if (one(i, "transaction_id"))
        put_row(c, "payment", i, 0, payment);
    end(c);
}

static void totals(struct ctx *c)
{
    static const struct field fields[] = {
        {"year", NULL, NUMBER},      {"currency", NULL, TEXT},   {"invoices", NULL, NUMBER},
        {"net", NULL, TEXT},         {"paid", NULL, TEXT},       {"open", "open_sum", TEXT},
        {"customers", NULL, NUMBER}, {"countries", NULL, ARRAY}, {NULL}};
    only_owner(c, param(c, "id"));
    rows r =
        sql(c,
            "SELECT extract(year FROM i.created_at AT TIME ZONE 'Europe/Berlin')::int AS year, i.currency, count(*) AS "
            "invoices, sum(i.net) AS net,"
            " coalesce(sum(i.total) FILTER (WHERE i.status = 'paid'), 0)::numeric(18,2) AS paid,"
            " coalesce(sum(i.total) FILTER (WHERE i.status IN ('issued', 'overdue')), 0)::numeric(18,2) AS open_sum,"
            " count(DISTINCT lower(i.customer_name)) AS customers, array_agg(DISTINCT coalesce(u.country, "
            "i.country::text)) AS countries"
            " FROM invoice i LEFT JOIN users u ON u.id = i.customer_id WHERE i.issuer_id = $1 AND i.deleted_at IS NULL "
            "AND i.status <> 'void'"
            " GROUP BY 1, 2 ORDER BY 1 DESC, 2",
            param(c, "id"));
    put_rows(c, NULL, r, fields);
}

static void search(struct ctx *c)
{
    struct page p = page_of(c, "page", "perPage", 20);
    const char *q = arg(c, "q");
    if (!q)
        stop(c, 422, "invalid", "q is missing");
    rows r =
        sql(c,
            "SELECT i.*, u.id AS party_id, u.full_name AS party_name FROM invoice i JOIN users u ON u.id = i.issuer_id"
            " WHERE i.deleted_at IS NULL AND u.deleted_at IS NULL AND (i.customer_name ILIKE '%' || $1 || '%' OR "
            "i.number = $1 OR u.email = $1)"
            " ORDER BY lower(i.customer_name), i.id LIMIT $2 OFFSET $3",
            q, p.limit, p.offset);
    put_page(c, r, 100, "issuer");
}

/* Money that is late at a date, by age. */
static void overdue(struct ctx *c)
{
    static const struct field fields[] = {{"bucket", NULL, TEXT},
                                          {"country", NULL, TEXT},
                                          {"invoices", NULL, NUMBER},
                                          {"total", NULL, TEXT},
                                          {"issuers", NULL, NUMBER},
                                          {"oldest", NULL, TEXT},
                                          {NULL}};
    rows r = sql(c,
                 "SELECT CASE WHEN d < 30 THEN '0-29' WHEN d < 90 THEN '30-89' ELSE '90+' END AS bucket, u.country, "
                 "count(*) AS invoices, sum(total) AS total,"
                 " count(DISTINCT issuer_id) AS issuers, min(due_on) AS oldest FROM (SELECT *, coalesce($1::date, date "
                 "'2026-06-30') - due_on AS d FROM invoice"
                 "   WHERE status IN ('issued', 'overdue') AND currency = 'EUR' AND deleted_at IS NULL) i JOIN users u "
                 "ON u.id = i.issuer_id"
                 " WHERE d >= 0 GROUP BY 1, 2 ORDER BY 1, 2",
                 arg(c, "asOf"));
    put_rows(c, NULL, r, fields);
}

static void create(struct ctx *c)
{
    int n = body_count(c, "lines");
    if (!stopped(c) && n == 0)
        stop(c, 422, "invalid", "lines are missing");
    begin(c);
    rows i = sql(c,
                 "INSERT INTO invoice (issuer_id, customer_id, customer_name, customer_vat, country, currency, "
                 "discount, tax_rate, terms)"
                 " VALUES ($1, $2, $3, $4, coalesce($5, 'DE'), coalesce($6, 'EUR'), coalesce($7::numeric, 0),"
                 " coalesce((SELECT r.rate FROM tax_rates r WHERE r.country = coalesce($5, 'DE') AND r.category = "
                 "'sales' AND r.validity @> current_date"
                 "           ORDER BY r.id LIMIT 1), 19), $8) RETURNING id",
                 caller(c), body(c, "customerId"), need(c, "customerName"), body(c, "customerVat"), body(c, "country"),
                 body(c, "currency"), body(c, "discount"), body(c, "terms"));
    for (int k = 0; k < n && !stopped(c); k++)
        sql(c,
            "INSERT INTO invoice_line (invoice_id, position, description, quantity, unit_price) VALUES ($1, $2, $3, "
            "coalesce($4::numeric, 1), $5)",
            one(i, "id"), text(c, "%d", k + 1), body_item(c, "lines", k, "description"),
            body_item(c, "lines", k, "quantity"), body_item(c, "lines", k, "unitPrice"));
    rows r = sql(c,
                 "UPDATE invoice SET line_sum = (SELECT sum(amount) FROM invoice_line WHERE invoice_id = $1) WHERE id "
                 "= $1 RETURNING *",
                 one(i, "id"));
    commit(c);
    if (stopped(c))
        return;
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/invoices/%s", one(r, "id")));
    put_row(c, NULL, r, 0, head);
}

/* Locks the invoice; it must be the caller's and in one of these states. */
static rows locked(struct ctx *c, const char *states)
{
    rows i =
        found(c,
              sql(c, "SELECT issuer_id, status FROM invoice WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE",
                  param(c, "id")),
              "invoice");
    if (stopped(c))
        return i;
    only_owner(c, one(i, "issuer_id"));
    if (!strstr(states, one(i, "status")))
        stop(c, 409, "wrong_state", text(c, "the invoice is %s", one(i, "status")));
    return i;
}

static void issue(struct ctx *c)
{
    begin(c);
    rows i = locked(c, "draft");
    rows n = sql(c,
                 "INSERT INTO invoice_numbers (issuer_id, year, last) VALUES ($1, extract(year FROM now()), 1)"
                 " ON CONFLICT (issuer_id, year) DO UPDATE SET last = invoice_numbers.last + 1"
                 " RETURNING 'RE-' || year || '-' || lpad(last::text, 5, '0') AS number",
                 one(i, "issuer_id"));
    rows r = sql(c,
                 "UPDATE invoice SET status = 'issued', number = $2, issued_on = current_date, due_on = current_date + "
                 "14, version = version + 1,"
                 " updated_at = now() WHERE id = $1 RETURNING *",
                 param(c, "id"), one(n, "number"));
    sql(c,
        "INSERT INTO notifications (user_id, kind, channel, title, body, data) SELECT i.customer_id, "
        "'invoice_received', 'email', 'Invoice ' || i.number,"
        " u.full_name || ' wants ' || i.total || ' ' || i.currency, jsonb_build_object('invoice_id', i.id, 'due_on', "
        "i.due_on)"
        " FROM invoice i JOIN users u ON u.id = i.issuer_id WHERE i.id = $1 AND i.customer_id IS NOT NULL",
        one(r, "id"));
    commit(c);
    put_row(c, NULL, r, 0, head);
}

static void pay(struct ctx *c)
{
    begin(c);
    rows i = locked(c, "issued overdue");
    rows r = sql(c,
                 "UPDATE invoice SET status = 'paid', paid_at = now(), version = version + 1, updated_at = now() WHERE "
                 "id = $1 RETURNING *",
                 param(c, "id"));
    sql(c,
        "INSERT INTO fee_charges (user_id, account_id, kind, base_amount, amount, currency, note) SELECT $1, "
        "min(a.id), 'payment', $2::numeric,"
        " coalesce(calculate_fee('payment', $2::numeric, 'EUR'), 0), 'EUR', $3 FROM accounts a WHERE a.user_id = $1 "
        "HAVING count(*) > 0",
        one(i, "issuer_id"), one(r, "total"), one(r, "number"));
    commit(c);
    put_row(c, NULL, r, 0, head);
}

static void void_it(struct ctx *c)
{
    begin(c);
    locked(c, "issued overdue");
    rows r = sql(
        c, "UPDATE invoice SET status = 'void', version = version + 1, updated_at = now() WHERE id = $1 RETURNING *",
        param(c, "id"));
    commit(c);
    put_row(c, NULL, r, 0, head);
}

/* Reminds: what is past its date becomes overdue. */
static void mark_overdue(struct ctx *c)
{
    sql(c, "UPDATE invoice SET status = 'overdue', reminders = reminders + 1, updated_at = now() WHERE id IN (SELECT "
           "id FROM invoice WHERE status = 'issued'"
           " AND due_on < current_date AND id % 7 = 0 ORDER BY due_on, id LIMIT 10 FOR UPDATE SKIP LOCKED)");
}

static const struct route invoices_routes[] = {
    {"GET", "/v1/invoices", list, AUTH_USER},
    {"POST", "/v1/invoices", create, AUTH_USER},
    {"GET", "/v1/invoices/{id}", get, AUTH_USER, .etag = true},
    {"POST", "/v1/invoices/{id}/issue", issue, AUTH_USER},
    {"POST", "/v1/invoices/{id}/pay", pay, AUTH_USER},
    {"POST", "/v1/invoices/{id}/void", void_it, AUTH_USER},
    {"GET", "/v1/invoice-inbox", inbox, AUTH_USER},
    {"GET", "/v1/invoice-search", search, AUTH_STAFF},
    {"GET", "/v1/invoice-aging", overdue, AUTH_STAFF},
    {"GET", "/v1/users/{id}/invoice-totals", totals, AUTH_USER},
};
static const struct job invoices_jobs[] = {{"mark_invoices_overdue", 25, mark_overdue}};

SERVICE(invoices, ERRORS_PROBLEM, invoices_routes, invoices_jobs);
