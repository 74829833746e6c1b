// SPDX-License-Identifier: Apache-2.0
/* The ledger: entries, and an account's statement with its running balance. */
#include "app.h"

static const struct field line_fields[] = {
    {"entry_id", "id", NUMBER}, {"transaction_id", NULL, NUMBER}, {"created_at", NULL, ISO},
    {"kind", NULL, TEXT},       {"description", NULL, TEXT},      {"merchant", NULL, TEXT},
    {"amount", NULL, TEXT},     {"balance", NULL, TEXT},          {NULL}};

static void get_statement(struct ctx *c)
{
    const char *id = param(c, "id"), *month = arg_number(c, "month", NULL, 200001, 299912);
    if (!month)
        stop(c, 400, "bad_request", "bad request");
    rows head = found(
        c,
        sql(c, "SELECT a.id, a.currency, u.full_name FROM accounts a JOIN users u ON u.id = a.user_id WHERE a.id = $1",
            id),
        "");
    rows opening = sql(
        c, "SELECT coalesce(sum(amount), 0)::numeric(18,2) AS sum FROM entries WHERE account_id = $1 AND period < $2",
        id, month);
    rows lines =
        sql(c,
            "SELECT * FROM (SELECT e.id, e.transaction_id, e.created_at, e.period, t.kind, t.description, m.name AS "
            "merchant, e.amount, sum(e.amount) OVER (ORDER BY e.period, e.created_at, e.id) AS balance"
            " FROM entries e JOIN transactions t ON t.id = e.transaction_id LEFT JOIN merchants m ON m.id = "
            "t.merchant_id"
            " WHERE e.account_id = $1 AND e.period <= $2) s WHERE s.period = $2 ORDER BY s.created_at, s.id",
            id, month);
    int n = count(lines);
    object(c, NULL);
    put_number(c, "account_id", id);
    put_text(c, "owner", one(head, "full_name"));
    put_text(c, "currency", one(head, "currency"));
    put_number(c, "month", month);
    put_text(c, "opening", one(opening, "sum"));
    put_text(c, "closing", n ? val(lines, n - 1, "balance") : one(opening, "sum"));
    put_rows(c, "lines", lines, line_fields);
    end(c);
}

static const struct route ledger_routes[] = {
    {.method = "GET", .pattern = "/accounts/{id}/statement", .handle = get_statement},
};

SERVICE_NO_JOBS(ledger, ERRORS_TEXT, ledger_routes);
