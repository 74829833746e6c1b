// SPDX-License-Identifier: Apache-2.0
/* Reconciliation: bank statement lines against transactions. Hand-written SQL by somebody who thinks in accounting
 * abbreviations; snake_case, bare arrays for lists, amounts as strings. */
#include "app.h"

static const struct field line_fields[] = {{"id", NULL, NUMBER},      {"stmt_no", NULL, TEXT},
                                           {"line_no", NULL, NUMBER}, {"iban", NULL, TEXT},
                                           {"val_dt", NULL, TEXT},    {"book_ts", NULL, TEXT},
                                           {"amt", NULL, TEXT},       {"ccy", NULL, TEXT},
                                           {"e2e_ref", NULL, TEXT},   {"cpty_name", NULL, TEXT},
                                           {"cpty_iban", NULL, TEXT}, {"descr", NULL, TEXT},
                                           {"match_st", NULL, TEXT},  {NULL}};
static const struct field txn_fields[] = {{"id", "txn_id", NUMBER},
                                          {"amount", "txn_amount", TEXT},
                                          {"status", "txn_status", TEXT},
                                          {"created_at", "txn_at", ISO},
                                          {"merchant", NULL, TEXT},
                                          {"customer", NULL, TEXT},
                                          {NULL}};
static const struct field candidate_fields[] = {
    {"txn_id", "id", NUMBER},        {"amount", NULL, TEXT},         {"status", NULL, TEXT},    {"diff", NULL, TEXT},
    {"customer", "full_name", TEXT}, {"merchant", NULL, TEXT, true}, {"created_at", NULL, ISO}, {NULL}};
static const struct label kinds[] = {{"missing_txn", "Not in our books"},
                                     {"missing_line", "Not on the statement"},
                                     {"amt_diff", "Amounts differ"},
                                     {"dup", "Twice"},
                                     {NULL, NULL}};
static const struct field break_fields[] = {{"id", NULL, NUMBER},
                                            {"kind", NULL, TEXT},
                                            {"kind_label", "kind", LABEL, .labels = kinds},
                                            {"st", NULL, TEXT},
                                            {"amt", NULL, TEXT},
                                            {"ccy", NULL, TEXT},
                                            {"assignee", NULL, TEXT},
                                            {"note", NULL, TEXT, true},
                                            {"case_id", NULL, NUMBER, true},
                                            {"opened_on", NULL, TEXT},
                                            {"resolved_at", NULL, EPOCH_S, true},
                                            {"line_id", NULL, NUMBER},
                                            {"merchant", NULL, TEXT},
                                            {"customer", NULL, TEXT},
                                            {"age_days", NULL, NUMBER},
                                            {NULL}};
static const struct field match_fields[] = {{"id", NULL, NUMBER},           {"line_id", NULL, NUMBER},
                                            {"txn_id", NULL, NUMBER},       {"method", NULL, TEXT},
                                            {"confidence", NULL, NUMBER},   {"amt_diff", NULL, TEXT},
                                            {"matched_by", NULL, TEXT},     {"matched_at", NULL, ISO},
                                            {"undone_at", NULL, ISO, true}, {NULL}};

static void list_lines(struct ctx *c)
{
    struct page p = page_of(c, "page", "per_page", 30);
    const char *st = arg_choice(c, "st", "open|suggested|matched|ignored"), *stmt = arg(c, "stmt"),
               *min = arg_number(c, "min", NULL, 0, 1000000000);
    rows r = sql(c,
                 "SELECT l.*, m.txn_id, t.amount AS txn_amount, t.status AS txn_status, t.created_at AS txn_at, "
                 "mer.name AS merchant, u.full_name AS customer"
                 " FROM bank_stmt_lines l LEFT JOIN recon_matches m ON m.line_id = l.id AND m.undone_at IS NULL LEFT "
                 "JOIN transactions t ON t.id = m.txn_id"
                 " LEFT JOIN merchants mer ON mer.id = t.merchant_id LEFT JOIN users u ON u.id = t.user_id"
                 " WHERE ($1::text IS NULL OR l.match_st = $1) AND ($2::text IS NULL OR l.stmt_no = $2) AND "
                 "($3::numeric IS NULL OR abs(l.amt) >= $3::numeric)"
                 " ORDER BY l.val_dt DESC, l.id DESC LIMIT $4 OFFSET $5",
                 st, stmt, min, p.limit, p.offset);
    array(c, NULL);
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, line_fields);
        if (val(r, i, "txn_id"))
            put_row(c, "txn", r, i, txn_fields);
        else
            put_text(c, "txn", NULL);
        end(c);
    }
    end(c);
}

static void show_line(struct ctx *c)
{
    rows l = found(c,
                   sql(c,
                       "SELECT l.*, m.id AS match_id, m.method, m.confidence, m.txn_id, t.amount AS txn_amount, "
                       "t.status AS txn_status, t.created_at AS txn_at,"
                       " mer.name AS merchant, u.full_name AS customer FROM bank_stmt_lines l LEFT JOIN recon_matches "
                       "m ON m.line_id = l.id AND m.undone_at IS NULL"
                       " LEFT JOIN transactions t ON t.id = m.txn_id LEFT JOIN merchants mer ON mer.id = t.merchant_id "
                       "LEFT JOIN users u ON u.id = t.user_id WHERE l.id = $1",
                       param(c, "id")),
                   "line");
    object(c, NULL);
    put_fields(c, l, 0, line_fields);
    put_number(c, "raw", one(l, "raw"));
    if (one(l, "match_id")) {
        object(c, "match");
        put_number(c, "id", one(l, "match_id"));
        put_text(c, "method", one(l, "method"));
        put_number(c, "confidence", one(l, "confidence"));
        put_row(c, "txn", l, 0, txn_fields);
        end(c);
    } else {
        rows t = sql(c,
                     "SELECT t.id, t.amount, t.status, t.created_at, t.amount - abs($1::numeric) AS diff, u.full_name, "
                     "m.name AS merchant FROM transactions t"
                     " JOIN users u ON u.id = t.user_id LEFT JOIN merchants m ON m.id = t.merchant_id"
                     " WHERE t.created_at BETWEEN $2::date - interval '2 days' AND $2::date + interval '2 days' AND "
                     "abs(t.amount - abs($1::numeric)) < 5"
                     " ORDER BY abs(t.amount - abs($1::numeric)), t.id LIMIT 5",
                     one(l, "amt"), one(l, "val_dt"));
        put_rows(c, "candidates", t, candidate_fields);
    }
    end(c);
}

static void statement_summary(struct ctx *c)
{
    static const struct field fields[] = {{"ccy", NULL, TEXT},         {"lines", NULL, NUMBER},
                                          {"credits", NULL, TEXT},     {"debits", NULL, TEXT},
                                          {"open", NULL, NUMBER},      {"unmatched_amt", NULL, TEXT},
                                          {"booked", NULL, TEXT},      {"merchants", NULL, NUMBER},
                                          {"customers", NULL, NUMBER}, {NULL}};
    rows r = found(
        c,
        sql(c,
            "SELECT l.ccy, count(*) AS lines, sum(greatest(l.amt, 0)) AS credits, sum(least(l.amt, 0)) AS debits, "
            "count(*) FILTER (WHERE l.match_st = 'open') AS open,"
            " coalesce(sum(abs(l.amt)) FILTER (WHERE m.id IS NULL), 0) AS unmatched_amt, coalesce(sum(t.amount), 0) AS "
            "booked,"
            " count(DISTINCT t.merchant_id) AS merchants, count(DISTINCT t.user_id) AS customers FROM bank_stmt_lines l"
            " LEFT JOIN recon_matches m ON m.line_id = l.id AND m.undone_at IS NULL LEFT JOIN transactions t ON t.id = "
            "m.txn_id"
            " WHERE l.stmt_no = $1 GROUP BY l.ccy ORDER BY l.ccy",
            param(c, "no")),
        "statement");
    object(c, NULL);
    put_text(c, "stmt_no", param(c, "no"));
    put_rows(c, "by_ccy", r, fields);
    end(c);
}

/* Ordered by the day alone, as it has been from the beginning: rows of one day come as the plan gives them. */
static void list_breaks(struct ctx *c)
{
    struct page p = page_of(c, "page", "per_page", 25);
    const char *st = arg_choice(c, "st", "open|investigating|resolved|written_off"), *who = arg(c, "assignee");
    rows r = sql(c,
                 "SELECT b.*, m.name AS merchant, u.full_name AS customer, date '2026-06-30' - b.opened_on AS age_days "
                 "FROM recon_breaks b"
                 " LEFT JOIN merchants m ON m.id = b.merchant_id LEFT JOIN users u ON u.id = b.user_id"
                 " WHERE ($1::text IS NULL OR b.st = $1) AND ($2::text IS NULL OR b.assignee = $2) ORDER BY "
                 "b.opened_on DESC LIMIT $3 OFFSET $4",
                 st, who, p.limit, p.offset);
    put_rows(c, NULL, r, break_fields);
}

static void show_log(struct ctx *c)
{
    static const struct field fields[] = {{"at", NULL, ISO},
                                          {"actor", NULL, TEXT},
                                          {"action", NULL, TEXT},
                                          {"details", NULL, JSON, true},
                                          {"txn_id", NULL, NUMBER, true},
                                          {"amount", NULL, TEXT, true},
                                          {NULL}};
    rows r = sql(c,
                 "SELECT g.at, g.actor, g.action, g.details, m.txn_id, t.amount FROM recon_log g LEFT JOIN "
                 "recon_matches m ON m.line_id = g.line_id"
                 " AND m.undone_at IS NULL LEFT JOIN transactions t ON t.id = m.txn_id WHERE g.line_id = $1 ORDER BY "
                 "g.at, g.action, g.actor, g.details::text LIMIT 200",
                 param(c, "id"));
    put_rows(c, NULL, r, fields);
}

static void note_log(struct ctx *c, const char *action, const char *line, const char *brk, const char *details)
{
    sql(c, "INSERT INTO recon_log (actor, action, line_id, brk_id, details) VALUES ($1, $2, $3, $4, $5::jsonb)",
        text(c, "stf_%s", caller(c)), action, line, brk, details);
}

static void add_match(struct ctx *c)
{
    const char *line = need_id(c, "line_id"), *txn = need_id(c, "txn_id");
    begin(c);
    rows l = found(c, sql(c, "SELECT amt, match_st FROM bank_stmt_lines WHERE id = $1 FOR UPDATE", line), "line");
    if (!stopped(c) && strcmp(one(l, "match_st"), "matched") == 0)
        stop(c, 409, "already_matched", "undo its match first");
    rows t = sql(c,
                 "SELECT t.id, abs($2::numeric) - t.amount AS diff FROM transactions t JOIN users u ON u.id = "
                 "t.user_id WHERE t.id = $1 FOR SHARE OF t",
                 txn, one(l, "amt"));
    if (!stopped(c) && count(t) == 0)
        stop(c, 422, "unknown_transaction", "no such transaction");
    rows r = sql(c,
                 "INSERT INTO recon_matches (line_id, txn_id, method, confidence, amt_diff, matched_by) VALUES ($1, "
                 "$2, 'manual', 1, $3, $4) RETURNING *",
                 line, txn, one(t, "diff"), text(c, "stf_%s", caller(c)));
    sql(c, "UPDATE bank_stmt_lines SET match_st = 'matched' WHERE id = $1", line);
    sql(c,
        "UPDATE recon_breaks SET st = 'resolved', resolved_at = now(), note = coalesce(note, '') || ' matched by hand' "
        "WHERE line_id = $1 AND st <> 'resolved'",
        line);
    note_log(c, "match", line, NULL, text(c, "{\"txn\": %s}", txn));
    commit(c);
    status(c, 201);
    put_row(c, NULL, r, 0, match_fields);
}

static void undo_match(struct ctx *c)
{
    begin(c);
    rows m = found(c, sql(c, "SELECT line_id, undone_at FROM recon_matches WHERE id = $1 FOR UPDATE", param(c, "id")),
                   "match");
    if (one(m, "undone_at"))
        stop(c, 409, "already_undone", "it was undone before");
    rows r = sql(c, "UPDATE recon_matches SET undone_at = now(), undone_by = $2 WHERE id = $1 RETURNING *",
                 param(c, "id"), text(c, "stf_%s", caller(c)));
    sql(c, "UPDATE bank_stmt_lines SET match_st = 'open' WHERE id = $1", one(m, "line_id"));
    note_log(c, "undo", one(m, "line_id"), NULL, NULL);
    commit(c);
    put_row(c, NULL, r, 0, match_fields);
}

static void change_break(struct ctx *c)
{
    const char *st = body_choice(c, "st", "open|investigating|resolved|written_off"), *assignee = body(c, "assignee");
    begin(c);
    rows b = found(c, sql(c, "SELECT st, line_id FROM recon_breaks WHERE id = $1 FOR UPDATE", param(c, "id")), "break");
    if (!stopped(c) && st && strcmp(one(b, "st"), "written_off") == 0 && strcmp(st, "written_off") != 0)
        stop(c, 409, "written_off", "a break that was written off stays so");
    rows r = sql(c,
                 "WITH b AS (UPDATE recon_breaks SET st = coalesce($2, st), assignee = coalesce($3, assignee), note = "
                 "coalesce($4, note),"
                 " resolved_at = CASE WHEN coalesce($2, st) IN ('resolved', 'written_off') THEN coalesce(resolved_at, "
                 "now()) END WHERE id = $1 RETURNING *)"
                 " SELECT b.*, m.name AS merchant, u.full_name AS customer, date '2026-06-30' - b.opened_on AS "
                 "age_days FROM b LEFT JOIN merchants m"
                 " ON m.id = b.merchant_id LEFT JOIN users u ON u.id = b.user_id",
                 param(c, "id"), st, assignee, body(c, "note"));
    note_log(c, "break", one(b, "line_id"), param(c, "id"),
             st ? text(c, "{\"from\": \"%s\", \"to\": \"%s\"}", stopped(c) ? "" : one(b, "st"), st) : NULL);
    commit(c);
    put_row(c, NULL, r, 0, break_fields);
}

/* A difference that nobody can explain becomes a compliance case. */
static void escalate(struct ctx *c)
{
    const char *why = need(c, "narrative");
    begin(c);
    rows b = found(c,
                   sql(c,
                       "SELECT b.*, t.user_id AS payer FROM recon_breaks b LEFT JOIN transactions t ON t.id = b.txn_id "
                       "WHERE b.id = $1 FOR UPDATE OF b",
                       param(c, "id")),
                   "break");
    if (one(b, "case_id") || (!stopped(c) && !one(b, "txn_id")))
        stop(c, 409, "cannot_escalate", one(b, "case_id") ? "it has a case" : "it has no transaction");
    rows k = sql(c,
                 "INSERT INTO compliance_cases (transaction_id, user_id, severity, assignee, narrative) VALUES ($1, "
                 "$2, 'medium', 'officer1', $3) RETURNING id",
                 one(b, "txn_id"), one(b, "payer"), why);
    sql(c,
        "UPDATE recon_breaks SET case_id = $2, st = CASE WHEN st = 'open' THEN 'investigating' ELSE st END WHERE id = "
        "$1",
        param(c, "id"), one(k, "id"));
    note_log(c, "escalate", one(b, "line_id"), param(c, "id"), NULL);
    commit(c);
    status(c, 201);
    object(c, NULL);
    put_number(c, "break_id", param(c, "id"));
    put_number(c, "case_id", one(k, "id"));
    end(c);
}

static const struct route reconciliation_routes[] = {
    {"GET", "/v1/reconciliation/lines", list_lines, AUTH_STAFF, NULL, false},
    {"GET", "/v1/reconciliation/lines/{id}", show_line, AUTH_STAFF, NULL, false},
    {"GET", "/v1/reconciliation/lines/{id}/log", show_log, AUTH_STAFF, NULL, false},
    {"GET", "/v1/reconciliation/statements/{no:text}", statement_summary, AUTH_STAFF, NULL, true},
    {"GET", "/v1/reconciliation/breaks", list_breaks, AUTH_STAFF, NULL, false},
    {"POST", "/v1/reconciliation/matches", add_match, AUTH_STAFF, NULL, false},
    {"DELETE", "/v1/reconciliation/matches/{id}", undo_match, AUTH_STAFF, NULL, false},
    {"PATCH", "/v1/reconciliation/breaks/{id}", change_break, AUTH_STAFF, NULL, false},
    {"POST", "/v1/reconciliation/breaks/{id}/escalate", escalate, AUTH_STAFF, NULL, false},
};

SERVICE_NO_JOBS(reconciliation, ERRORS_TEXT, reconciliation_routes);
