// SPDX-License-Identifier: Apache-2.0
/* Treasury: chart of accounts, journal and positions. Hand-written SQL, camelCase, {"data":...}; rates are binary
 * floating point, amounts texts. */
#include "app.h"

static const struct field node_fields[] = {{"id", NULL, NUMBER},
                                           {"code", NULL, TEXT},
                                           {"name", NULL, TEXT},
                                           {"parentId", "parent", NUMBER},
                                           {"type", NULL, TEXT},
                                           {"depth", NULL, NUMBER},
                                           {"path", NULL, ARRAY},
                                           {"own", NULL, TEXT},
                                           {"rolledUp", "total", TEXT},
                                           {"postings", NULL, NUMBER},
                                           {NULL}};
static const struct field account_fields[] = {{"id", NULL, NUMBER},
                                              {"code", NULL, TEXT},
                                              {"name", NULL, TEXT},
                                              {"type", NULL, TEXT},
                                              {"currency", NULL, TEXT},
                                              {"postable", "is_postable", BOOL},
                                              {"closedOn", "closed_on", TEXT, true},
                                              {"notes", NULL, TEXT, true},
                                              {NULL}};
static const struct field posting_fields[] = {{"entryId", "entry_id", NUMBER},
                                              {"docNo", "doc_no", TEXT},
                                              {"postedOn", "posted_on", TEXT},
                                              {"memo", NULL, TEXT},
                                              {"amount", NULL, TEXT},
                                              {"side", NULL, TEXT},
                                              {"currency", NULL, TEXT},
                                              {"balance", NULL, TEXT},
                                              {"customer", NULL, TEXT, true},
                                              {"merchant", NULL, TEXT, true},
                                              {NULL}};
static const struct field entry_fields[] = {{"id", NULL, NUMBER},
                                            {"docNo", "doc_no", TEXT},
                                            {"postedOn", "posted_on", TEXT},
                                            {"memo", NULL, TEXT},
                                            {"source", NULL, TEXT},
                                            {"status", NULL, TEXT},
                                            {"postedBy", "posted_by", TEXT},
                                            {"reverses", NULL, NUMBER, true},
                                            {"createdAt", "created_at", EPOCH_MS},
                                            {NULL}};
static const struct field source_fields[] = {{"id", "transaction_id", NUMBER},   {"amount", "txn_amount", TEXT},
                                             {"currency", "txn_currency", TEXT}, {"customer", NULL, TEXT},
                                             {"compliance", NULL, TEXT},         {NULL}};
static const struct field position_fields[] = {{"id", NULL, NUMBER},
                                               {"day", NULL, TEXT},
                                               {"currency", NULL, TEXT},
                                               {"amount", NULL, TEXT},
                                               {"rate", NULL, NUMBER},
                                               {"inEuro", "in_euro", NUMBER},
                                               {"rateSource", "rate_source", TEXT},
                                               {"limit", "limit_amount", TEXT},
                                               {"overLimit", "over_limit", BOOL},
                                               {"hedgedShare", "hedged_share", NUMBER},
                                               {"dealer", NULL, TEXT},
                                               {"comment", NULL, TEXT, true},
                                               {"updatedAt", "updated_at", ISO},
                                               {NULL}};

/* Balances of leaves rolled up to the roots; amounts of all currencies added up as they stand, as the board has always
 * had it. */
static void tree(struct ctx *c)
{
    const char *as_of = arg(c, "asOf") ? arg(c, "asOf") : "2026-06-30", *depth = arg_number(c, "depth", "3", 0, 9);
    rows r = sql(c,
                 "WITH RECURSIVE chart AS (SELECT id, id AS root, parent, code, name, type, 0 AS depth, ARRAY[name] AS "
                 "path FROM gl_accounts WHERE parent IS NULL"
                 " UNION ALL SELECT g.id, h.root, g.parent, g.code, g.name, g.type, h.depth + 1, h.path || g.name FROM "
                 "gl_accounts g JOIN chart h ON g.parent = h.id),"
                 " own AS (SELECT l.gl_account AS id, sum(l.amount) AS amount, count(*) AS postings FROM journal_lines "
                 "l JOIN journal_entries e ON e.id = l.entry_id"
                 " LEFT JOIN transactions t ON t.id = e.transaction_id WHERE e.status <> 'draft' AND e.posted_on <= "
                 "$1::date AND coalesce(t.status, 'posted') <> 'failed'"
                 " GROUP BY l.gl_account),"
                 " above AS (SELECT id AS ancestor, id FROM gl_accounts UNION ALL SELECT a.ancestor, g.id FROM "
                 "gl_accounts g JOIN above a ON g.parent = a.id),"
                 " rolled AS (SELECT a.ancestor AS id, sum(o.amount) AS total FROM above a JOIN own o ON o.id = a.id "
                 "GROUP BY a.ancestor)"
                 " SELECT c.*, coalesce(o.amount, 0) AS own, coalesce(o.postings, 0) AS postings, coalesce(r.total, 0) "
                 "AS total FROM chart c LEFT JOIN own o ON o.id = c.id"
                 " LEFT JOIN rolled r ON r.id = c.id WHERE c.depth <= $2::int ORDER BY c.path, c.id",
                 as_of, depth);
    object(c, NULL);
    put_text(c, "asOf", as_of);
    put_rows(c, "data", r, node_fields);
    end(c);
}

static void show_account(struct ctx *c)
{
    rows a = found(c,
                   sql(c,
                       "WITH RECURSIVE up AS (SELECT id, parent, name, 0 AS n FROM gl_accounts WHERE id = $1 UNION ALL "
                       "SELECT g.id, g.parent, g.name, up.n + 1 FROM gl_accounts g"
                       " JOIN up ON g.id = up.parent) SELECT g.*, (SELECT array_agg(name ORDER BY n DESC) FROM up) AS "
                       "path, (SELECT array_agg(k.id ORDER BY k.id) FROM gl_accounts k"
                       " WHERE k.parent = g.id) AS children FROM gl_accounts g WHERE g.id = $1",
                       param(c, "id")),
                   "account");
    rows l = sql(c,
                 "SELECT l.entry_id, e.doc_no, e.posted_on, e.memo, l.amount, l.side, l.currency, u.full_name AS "
                 "customer, m.name AS merchant,"
                 " sum(l.amount) OVER (PARTITION BY l.currency ORDER BY e.posted_on, l.entry_id, l.line_no) AS balance "
                 "FROM journal_lines l"
                 " JOIN journal_entries e ON e.id = l.entry_id LEFT JOIN transactions t ON t.id = e.transaction_id "
                 "LEFT JOIN users u ON u.id = t.user_id"
                 " LEFT JOIN merchants m ON m.id = e.merchant_id WHERE l.gl_account = $1 ORDER BY e.posted_on DESC, "
                 "l.entry_id DESC, l.line_no LIMIT 25",
                 param(c, "id"));
    object(c, NULL);
    object(c, "data");
    put_fields(c, a, 0, account_fields);
    put_array(c, "path", one(a, "path"));
    put_numbers(c, "children", one(a, "children"));
    put_rows(c, "lastPostings", l, posting_fields);
    end(c);
    end(c);
}

static void list_entries(struct ctx *c)
{
    const char *at, *id, *source = arg_choice(c, "source", "transactions|settlement|manual|import"),
                         *merchant = arg_number(c, "merchantId", NULL, 1, INT64_MAX);
    cursor_in(c, &at, &id);
    rows r = sql(c,
                 "SELECT e.*, m.name AS merchant, t.amount AS txn_amount, t.currency AS txn_currency, u.full_name AS "
                 "customer, x.debit, x.lines,"
                 " (SELECT max(k.status) FROM compliance_records k WHERE k.transaction_id = t.id) AS compliance FROM "
                 "journal_entries e"
                 " LEFT JOIN transactions t ON t.id = e.transaction_id LEFT JOIN users u ON u.id = t.user_id LEFT JOIN "
                 "merchants m ON m.id = e.merchant_id,"
                 " LATERAL (SELECT sum(amount) FILTER (WHERE side = 'D') AS debit, count(*) AS lines FROM "
                 "journal_lines WHERE entry_id = e.id) x"
                 " WHERE ($1::text IS NULL OR e.source = $1) AND ($2::bigint IS NULL OR e.merchant_id = $2::bigint)"
                 " AND ($3::timestamptz IS NULL OR (e.created_at, e.id) < ($3::timestamptz, $4::bigint)) ORDER BY "
                 "e.created_at DESC, e.id DESC LIMIT 26",
                 source, merchant, at, id);
    bool more = count(r) > 25;
    object(c, NULL);
    array(c, "data");
    for (int i = 0; i < count(r) && i < 25; i++) {
        object(c, NULL);
        put_fields(c, r, i, entry_fields);
        put_text(c, "debit", val(r, i, "debit"));
        put_number(c, "lines", val(r, i, "lines"));
        put_text(c, "merchant", val(r, i, "merchant"));
        if (val(r, i, "transaction_id"))
            put_row(c, "transaction", r, i, source_fields);
        end(c);
    }
    end(c);
    cursor_out(c, "next", more ? val(r, 24, "created_at") : NULL, more ? val(r, 24, "id") : NULL);
    end(c);
}

static void put_entry(struct ctx *c, const char *id)
{
    static const struct field line_fields[] = {{"lineNo", "line_no", NUMBER}, {"accountCode", "code", TEXT},
                                               {"accountName", "name", TEXT}, {"amount", NULL, TEXT},
                                               {"side", NULL, TEXT},          {"currency", NULL, TEXT},
                                               {"text", NULL, TEXT, true},    {NULL}};
    rows e =
        found(c,
              sql(c,
                  "SELECT e.*, m.name AS merchant, t.amount AS txn_amount, t.currency AS txn_currency, u.full_name AS "
                  "customer, k.status AS compliance, by.id AS reversed_by"
                  " FROM journal_entries e LEFT JOIN transactions t ON t.id = e.transaction_id LEFT JOIN users u ON "
                  "u.id = t.user_id LEFT JOIN merchants m"
                  " ON m.id = e.merchant_id LEFT JOIN journal_entries by ON by.reverses = e.id LEFT JOIN LATERAL "
                  "(SELECT status FROM compliance_records"
                  " WHERE transaction_id = t.id ORDER BY checked_at DESC, id DESC LIMIT 1) k ON true WHERE e.id = $1",
                  id),
              "entry");
    rows l = sql(c,
                 "SELECT l.*, g.code, g.name FROM journal_lines l JOIN gl_accounts g ON g.id = l.gl_account WHERE "
                 "l.entry_id = $1 ORDER BY l.line_no",
                 id);
    object(c, NULL);
    object(c, "data");
    put_fields(c, e, 0, entry_fields);
    put_text(c, "merchant", one(e, "merchant"));
    put_number(c, "reversedBy", one(e, "reversed_by"));
    if (one(e, "transaction_id"))
        put_row(c, "transaction", e, 0, source_fields);
    put_rows(c, "lines", l, line_fields);
    end(c);
    end(c);
}

static void show_entry(struct ctx *c) { put_entry(c, param(c, "id")); }

static void post_entry(struct ctx *c)
{
    int n = body_count(c, "lines");
    const char *day = need(c, "postedOn"), *merchant = body(c, "merchantId");
    if (n < 2)
        stop(c, 422, "invalid", "lines must be at least two");
    begin(c);
    rows e = sql(c,
                 "INSERT INTO journal_entries (doc_no, posted_on, memo, source, merchant_id, posted_by)"
                 " SELECT 'JE-M-' || nextval(pg_get_serial_sequence('journal_entries', 'id')), $1::date, $2, 'manual', "
                 "$3::bigint, $4 RETURNING id",
                 day, body(c, "memo"), merchant, text(c, "stf_%s", caller(c)));
    for (int i = 0; i < n && !stopped(c); i++) {
        rows l = sql(c,
                     "INSERT INTO journal_lines (entry_id, line_no, gl_account, amount, currency, text) SELECT $1, "
                     "$2::int, g.id, $4::numeric, g.currency, $5"
                     " FROM gl_accounts g WHERE g.id = $3::int AND g.is_postable AND (g.closed_on IS NULL OR "
                     "g.closed_on >= $6::date) RETURNING line_no",
                     one(e, "id"), text(c, "%d", i + 1), body_item(c, "lines", i, "account"),
                     body_item(c, "lines", i, "amount"), body_item(c, "lines", i, "text"), day);
        if (!stopped(c) && count(l) == 0)
            stop(c, 422, "not_postable",
                 text(c, "line %d: the account does not exist, is closed, or has sub-accounts", i + 1));
    }
    rows sum = sql(c,
                   "SELECT bool_and(s = 0) AS balanced FROM (SELECT sum(amount) AS s FROM journal_lines WHERE entry_id "
                   "= $1 GROUP BY currency) x",
                   one(e, "id"));
    if (!stopped(c) && !is_true(one(sum, "balanced")))
        stop(c, 422, "unbalanced", "debits and credits differ");
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/treasury/journal-entries/%s", stopped(c) ? "" : one(e, "id")));
    put_entry(c, one(e, "id"));
}

static void reverse_entry(struct ctx *c)
{
    begin(c);
    rows e = found(c, sql(c, "SELECT status FROM journal_entries WHERE id = $1 FOR UPDATE", param(c, "id")), "entry");
    if (!stopped(c) && strcmp(one(e, "status"), "posted") != 0)
        stop(c, 409, "wrong_state", text(c, "entry is %s", one(e, "status")));
    rows r = sql(c,
                 "WITH e AS (INSERT INTO journal_entries (doc_no, posted_on, memo, source, transaction_id, "
                 "merchant_id, reverses, posted_by) SELECT doc_no || '-R',"
                 " current_date, $2, source, transaction_id, merchant_id, id, $3 FROM journal_entries WHERE id = $1 "
                 "RETURNING id),"
                 " l AS (INSERT INTO journal_lines (entry_id, line_no, gl_account, amount, currency, text) SELECT "
                 "e.id, o.line_no, o.gl_account, -o.amount, o.currency,"
                 " 'Storno' FROM e, journal_lines o WHERE o.entry_id = $1) SELECT id FROM e",
                 param(c, "id"), body(c, "memo"), text(c, "stf_%s", caller(c)));
    sql(c, "UPDATE journal_entries SET status = 'reversed' WHERE id = $1", param(c, "id"));
    commit(c);
    status(c, 201);
    put_entry(c, one(r, "id"));
}

static void list_positions(struct ctx *c)
{
    rows r = sql(c,
                 "SELECT p.*, p.amount::float8 / p.rate AS in_euro, abs(p.amount) > p.limit_amount AS over_limit FROM "
                 "treasury_positions p JOIN gl_accounts g"
                 " ON g.id = p.gl_account WHERE ($1::text IS NULL OR p.currency = $1) AND p.day BETWEEN "
                 "coalesce($2::date, '2026-06-01') AND coalesce($3::date, '2026-06-30')"
                 " ORDER BY p.day DESC, p.currency LIMIT 100",
                 arg_choice(c, "currency", "EUR|USD|JPY|KWD|PLN"), arg(c, "from"), arg(c, "to"));
    object(c, NULL);
    put_rows(c, "data", r, position_fields);
    end(c);
}

static void change_position(struct ctx *c)
{
    const char *rate = body(c, "rate"), *hedged = body(c, "hedgedShare");
    rows r = found(c,
                   sql(c,
                       "UPDATE treasury_positions SET rate = coalesce($2::float8, rate), hedged_share = "
                       "coalesce($3::real, hedged_share), comment = coalesce($4, comment),"
                       " rate_source = CASE WHEN $2 IS NULL THEN rate_source ELSE 'manual' END, dealer = $5, "
                       "updated_at = now() WHERE id = $1"
                       " RETURNING *, amount::float8 / rate AS in_euro, abs(amount) > limit_amount AS over_limit",
                       param(c, "id"), rate, hedged, body(c, "comment"), text(c, "stf_%s", caller(c))),
                   "position");
    object(c, NULL);
    put_row(c, "data", r, 0, position_fields);
    end(c);
}

/* What we hold for customers by country against what we hold at banks: entries, accounts, users and positions in one
 * statement. */
static void liquidity(struct ctx *c)
{
    static const struct field fields[] = {
        {"country", NULL, TEXT}, {"accounts", NULL, NUMBER}, {"balance", NULL, TEXT}, {"inflow", NULL, TEXT},
        {"outflow", NULL, TEXT}, {"share", NULL, NUMBER},    {"cover", NULL, NUMBER}, {NULL}};
    const char *month = arg_number(c, "month", "202606", 200001, 299912);
    rows r = sql(
        c,
        "WITH held AS (SELECT sum(amount::float8 / rate) AS euro FROM treasury_positions WHERE day = (SELECT max(day) "
        "FROM treasury_positions)),"
        " owed AS (SELECT u.country, count(*) AS accounts, sum(a.balance) AS balance FROM accounts a JOIN users u ON "
        "u.id = a.user_id WHERE a.kind <> 'settlement'"
        " GROUP BY u.country), flow AS (SELECT u.country, sum(greatest(e.amount, 0)) AS inflow, sum(least(e.amount, "
        "0)) AS outflow FROM entries e"
        " JOIN transactions t ON t.id = e.transaction_id JOIN users u ON u.id = e.user_id WHERE t.created_at >= "
        "to_date($1, 'YYYYMM')"
        " AND t.created_at < to_date($1, 'YYYYMM') + interval '1 month' AND u.status <> 'internal' GROUP BY u.country)"
        " SELECT o.*, coalesce(f.inflow, 0) AS inflow, coalesce(f.outflow, 0) AS outflow, round(100 * o.balance / "
        "sum(o.balance) OVER (), 4) AS share,"
        " h.euro / o.balance::float8 AS cover FROM held h, owed o LEFT JOIN flow f ON f.country = o.country ORDER BY "
        "o.balance DESC, o.country",
        month);
    object(c, NULL);
    put_number(c, "month", month);
    put_rows(c, "data", r, fields);
    end(c);
}

static const struct route treasury_routes[] = {
    {"GET", "/v1/treasury/gl-accounts", tree, AUTH_STAFF, NULL, false},
    {"GET", "/v1/treasury/gl-accounts/{id}", show_account, AUTH_STAFF, NULL, false},
    {"GET", "/v1/treasury/journal-entries", list_entries, AUTH_STAFF, NULL, false},
    {"GET", "/v1/treasury/journal-entries/{id}", show_entry, AUTH_STAFF, NULL, true},
    {"POST", "/v1/treasury/journal-entries", post_entry, AUTH_STAFF, NULL, false},
    {"POST", "/v1/treasury/journal-entries/{id}/reverse", reverse_entry, AUTH_STAFF, NULL, false},
    {"GET", "/v1/treasury/positions", list_positions, AUTH_STAFF, NULL, false},
    {"PATCH", "/v1/treasury/positions/{id}", change_position, AUTH_STAFF, NULL, false},
    {"GET", "/v1/treasury/liquidity", liquidity, AUTH_STAFF, NULL, false},
};

SERVICE_NO_JOBS(treasury, ERRORS_CODE, treasury_routes);
