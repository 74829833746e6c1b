// SPDX-License-Identifier: Apache-2.0
/*
 * Card terminals, their daily batches and their heartbeats: a console for our own people and for partners, all filters
 * and tables, so it is written with the query builder. Times have no zone: they are the merchant's.
 */
#include "app.h"

static const struct label batch_states[] = {{"O", "open"}, {"C", "closed"}, {"S", "settled"}, {"E", "error"}, {NULL}};

static const struct field term_row[] = {{"id", NULL, NUMBER},
                                        {"serial_no", NULL, TEXT},
                                        {"model", NULL, TEXT},
                                        {"firmware", "fw_ver", TEXT, .omit_null = true},
                                        {"state", "st", TEXT},
                                        {"city", NULL, TEXT},
                                        {"country", "cc", TEXT},
                                        {"last_heartbeat", "last_hb", ISO, .omit_null = true},
                                        {NULL}};
static const struct field mer_row[] = {{"id", "mer_id", NUMBER},
                                       {"name", "mer_name", TEXT},
                                       {"category", "mer_category", TEXT},
                                       {"tier", "mer_tier", TEXT},
                                       {NULL}};
static const struct field batch_row[] = {{"id", NULL, NUMBER},
                                         {"terminal_id", "term_id", NUMBER},
                                         {"number", "batch_no", NUMBER},
                                         {"state", "st", LABEL, .labels = batch_states},
                                         {"currency", "cur", TEXT},
                                         {"payments", "tx_cnt", NUMBER},
                                         {"gross", NULL, NUMBER},
                                         {"refunds", NULL, NUMBER},
                                         {"net", NULL, NUMBER},
                                         {"opened", "op_dt", ISO},
                                         {"closed", "cl_dt", ISO, .omit_null = true},
                                         {"response_code", "rsp_cd", TEXT, .omit_null = true},
                                         {NULL}};

#define TERM_AND_MERCHANT                                                                                    \
    "SELECT t.*, m.name AS mer_name, m.category AS mer_category, m.tier AS mer_tier, count(*) OVER () AS n " \
    "FROM term t JOIN merchants m ON m.id = t.mer_id"

static void put_results(struct ctx *c, rows r, struct page p, const struct field *fields)
{
    object(c, NULL);
    array(c, "results");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, fields);
        put_row(c, "merchant", r, i, mer_row);
        end(c);
    }
    end(c);
    put_number(c, "total", count(r) ? one(r, "n") : "0");
    put_int(c, "page", p.number);
    end(c);
}

/* ---- reads ---- */

static void list_terminals(struct ctx *c)
{
    struct page p = page_of(c, "page", "size", 20);
    const char *q_text = arg(c, "q");
    struct query q = query(c, TERM_AND_MERCHANT);
    query_where(&q, "t.del_flg = 'N'");
    query_if(&q, arg_number(c, "merchant", NULL, 1, INT64_MAX), "t.mer_id = ?");
    query_if(&q, arg_choice(c, "state", "ordered|online|offline|service|retired"), "t.st = ?");
    query_if(&q, arg_choice(c, "country", "DE|FR|ES|NL"), "t.cc = ?");
    query_if(&q, arg(c, "model"), "t.model = ?");
    query_if(&q, arg_number(c, "firmware_below", NULL, 0, 99),
             "split_part(coalesce(t.fw_ver, '0.0'), '.', 2)::int < ?::int");
    query_if(&q, q_text ? text(c, "%%%s%%", q_text) : NULL,
             "(t.serial_no || ' ' || coalesce(t.addr, '') || ' ' || m.name) ILIKE ?");
    query_add(&q, "ORDER BY t.city, t.id");
    query_value(&q, "LIMIT ?", p.limit);
    query_value(&q, "OFFSET ?", p.offset);
    put_results(c, query_run(&q), p, term_row);
}

static void get_terminal(struct ctx *c)
{
    static const struct field more[] = {
        {"address", "addr", TEXT},     {"latitude", "lat", NUMBER}, {"longitude", "lon", NUMBER},
        {"time_zone", "tz", TEXT},     {"config", "cfg", JSON},     {"rent", "rent_eur", TEXT},
        {"installed", "inst_dt", ISO}, {"updated", "upd_dt", ISO},  {NULL}};
    static const struct field last[] = {{"at", "hb_ts", ISO}, {"battery", "bat", NUMBER},     {"signal", "sig", NUMBER},
                                        {"ip", NULL, TEXT},   {"errors", "err_cds", NUMBERS}, {NULL}};
    static const struct field open_batch[] = {
        {"number", "batch_no", NUMBER}, {"payments", "tx_cnt", NUMBER}, {"net", NULL, TEXT}, {NULL}};
    struct query q =
        query(c, "SELECT t.*, m.name AS mer_name, m.category AS mer_category, m.tier AS mer_tier, h.ts AS hb_ts,"
                 " h.bat, h.sig, h.ip, h.err_cds, b.batch_no, b.tx_cnt, b.net FROM term t"
                 " JOIN merchants m ON m.id = t.mer_id"
                 " LEFT JOIN LATERAL (SELECT * FROM term_hb WHERE term_id = t.id ORDER BY ts DESC LIMIT 1) h ON true"
                 " LEFT JOIN term_batch b ON b.term_id = t.id AND b.st = 'O'");
    query_if(&q, param(c, "id"), "t.id = ?");
    query_where(&q, "t.del_flg = 'N'");
    query_add(&q, "ORDER BY b.batch_no DESC LIMIT 1");
    rows r = found(c, query_run(&q), "terminal");
    object(c, NULL);
    put_fields(c, r, 0, term_row);
    put_fields(c, r, 0, more);
    put_row(c, "merchant", r, 0, mer_row);
    if (one(r, "hb_ts"))
        put_row(c, "heartbeat", r, 0, last);
    if (one(r, "batch_no"))
        put_row(c, "open_batch", r, 0, open_batch);
    end(c);
}

static void list_heartbeats(struct ctx *c)
{
    static const struct field hb_row[] = {
        {"at", "ts", ISO},  {"battery", "bat", NUMBER},     {"signal", "sig", NUMBER}, {"temperature", "temp", NUMBER},
        {"ip", NULL, TEXT}, {"errors", "err_cds", NUMBERS}, {"stale", NULL, BOOL},     {NULL}};
    struct query q = query(c, "SELECT h.*, h.ts < t.last_hb - interval '1 day' AS stale FROM term_hb h"
                              " JOIN term t ON t.id = h.term_id JOIN merchants m ON m.id = t.mer_id");
    query_if(&q, param(c, "id"), "h.term_id = ?");
    query_if(&q, arg(c, "from"), "h.ts >= ?::date");
    query_if(&q, arg(c, "to"), "h.ts < ?::date + 1");
    query_if(&q, arg_number(c, "battery_below", NULL, 0, 100), "h.bat < ?::int");
    query_if(&q, arg_number(c, "error", NULL, 0, 999), "?::int = ANY (h.err_cds)");
    query_add(&q, "ORDER BY h.ts DESC");
    query_value(&q, "LIMIT ?", arg_number(c, "limit", "50", 1, 500));
    put_rows(c, NULL, query_run(&q), hb_row);
}

static void list_batches(struct ctx *c)
{
    struct page p = page_of(c, "page", "size", 25);
    struct query q =
        query(c, "SELECT b.*, m.id AS mer_id, m.name AS mer_name, m.category AS mer_category, m.tier AS mer_tier,"
                 " count(*) OVER () AS n FROM term_batch b JOIN term t ON t.id = b.term_id"
                 " JOIN merchants m ON m.id = t.mer_id");
    query_if(&q, arg_number(c, "merchant", NULL, 1, INT64_MAX), "t.mer_id = ?");
    query_if(&q, arg_number(c, "terminal", NULL, 1, INT64_MAX), "b.term_id = ?");
    query_if(&q, arg_choice(c, "state", "O|C|S|E"), "b.st = ?");
    query_if(&q, arg_number(c, "month", NULL, 202301, 202712), "to_char(b.op_dt, 'YYYYMM') = ?");
    query_if(&q, arg_number(c, "min_gross", NULL, 0, 1000000), "b.gross >= ?::numeric");
    query_if(&q, arg(c, "negative"), "(b.net < 0) = ?::boolean");
    query_add(&q, "ORDER BY b.op_dt DESC, b.id DESC");
    query_value(&q, "LIMIT ?", p.limit);
    query_value(&q, "OFFSET ?", p.offset);
    put_results(c, query_run(&q), p, batch_row);
}

/* Turnover by place and kind of shop, with sums over each and all; by the day the batch was closed on. */
static void get_turnover(struct ctx *c)
{
    static const struct field sum_row[] = {
        {"level", NULL, TEXT},       {"city", NULL, TEXT},        {"category", NULL, TEXT},
        {"terminals", NULL, NUMBER}, {"batches", NULL, NUMBER},   {"net", NULL, TEXT},
        {"failed", NULL, NUMBER},    {"per_payment", NULL, TEXT}, {NULL}};
    struct query q =
        query(c, "SELECT CASE grouping(t.city, m.category) WHEN 0 THEN 'cell' WHEN 1 THEN 'city' WHEN 2 THEN 'category'"
                 " ELSE 'all' END AS level, t.city, m.category, count(DISTINCT t.id) AS terminals, count(*) AS batches,"
                 " sum(b.net) AS net, count(*) FILTER (WHERE b.st = 'E') AS failed,"
                 " round(sum(b.gross) / nullif(sum(b.tx_cnt), 0), 2) AS per_payment"
                 " FROM term_batch b JOIN term t ON t.id = b.term_id JOIN merchants m ON m.id = t.mer_id");
    query_where(&q, "b.st <> 'O'");
    query_if(&q, arg_choice(c, "tier", "basic|preferred|strategic"), "m.tier = ?");
    query_if(&q, arg_number(c, "year", NULL, 2023, 2027), "extract(year FROM b.cl_dt) = ?::int");
    query_add(&q, "GROUP BY CUBE (t.city, m.category) ORDER BY grouping(t.city, m.category), t.city, m.category");
    put_rows(c, NULL, query_run(&q), sum_row);
}

/* ---- writes ---- */

static void heartbeat(struct ctx *c)
{
    begin(c);
    rows t =
        found(c,
              sql(c,
                  "UPDATE term SET last_hb = localtimestamp, st = CASE WHEN st = 'offline' THEN 'online' ELSE st END"
                  " WHERE id = $1 AND del_flg = 'N' AND st <> 'retired' RETURNING id, st, last_hb, cfg",
                  param(c, "id")),
              "terminal");
    sql(c,
        "INSERT INTO term_hb (term_id, ts, bat, sig, temp, ip, err_cds)"
        " VALUES ($1, clock_timestamp()::timestamp, $2, $3, $4, $5, coalesce($6::int[], '{}')) ON CONFLICT DO NOTHING",
        one(t, "id"), body(c, "battery"), body(c, "signal"), body(c, "temperature"), header_in(c, "X-Terminal-IP"),
        body_count(c, "errors") ? text(c, "{%s}", body_element(c, "errors", 0)) : NULL);
    commit(c);
    object(c, NULL);
    put_number(c, "id", one(t, "id"));
    put_text(c, "state", one(t, "st"));
    put_number(c, "config", one(t, "cfg"));
    end(c);
}

/* Ends the open batch, opens the next. */
static void close_batch(struct ctx *c)
{
    begin(c);
    rows t = found(c, sql(c, "SELECT id FROM term WHERE id = $1 AND del_flg = 'N' FOR NO KEY UPDATE", param(c, "id")),
                   "terminal");
    rows b = sql(
        c,
        "UPDATE term_batch SET st = 'C', cl_dt = localtimestamp, rsp_cd = '00' WHERE id = (SELECT id FROM term_batch"
        " WHERE term_id = $1 AND st = 'O' ORDER BY batch_no LIMIT 1) RETURNING *",
        one(t, "id"));
    sql(c,
        "INSERT INTO term_batch (term_id, batch_no) SELECT $1, coalesce(max(batch_no), 0) + 1 FROM term_batch WHERE "
        "term_id = $1",
        one(t, "id"));
    commit(c);
    status(c, count(b) ? 200 : 201);
    object(c, NULL);
    if (count(b))
        put_row(c, "closed", b, 0, batch_row);
    put_text(c, "terminal_id", one(t, "id"));
    end(c);
}

static void patch_terminal(struct ctx *c)
{
    const char *state = body_choice(c, "state", "online|offline|service|retired");
    begin(c);
    rows t = found(c,
                   sql(c, "SELECT st, st = 'retired' AS final FROM term WHERE id = $1 AND del_flg = 'N' FOR UPDATE",
                       param(c, "id")),
                   "terminal");
    if (is_true(one(t, "final")))
        stop(c, 409, "retired", "a retired terminal stays so");
    rows r = sql(c,
                 "UPDATE term SET st = coalesce($2::term_state, st), cfg = cfg || coalesce($3::jsonb, '{}'),"
                 " addr = coalesce($4, addr), upd_dt = localtimestamp WHERE id = $1 RETURNING *",
                 param(c, "id"), state, body_json(c, "config"), body(c, "address"));
    commit(c);
    put_row(c, NULL, r, 0, term_row);
}

static void add_terminal(struct ctx *c)
{
    const char *merchant = need_id(c, "merchant_id"), *model = need(c, "model"), *serial = need(c, "serial_no");
    if (strlen(serial) > 20)
        stop(c, 422, "invalid", "serial_no has at most 20 characters");
    begin(c);
    rows m = sql(c,
                 "SELECT m.country, a.currency FROM merchants m JOIN accounts a ON a.id = m.settlement_account_id "
                 "WHERE m.id = $1",
                 merchant);
    if (!stopped(c) && count(m) == 0)
        stop(c, 422, "invalid", "no such merchant");
    rows r = sql(c,
                 "INSERT INTO term (serial_no, mer_id, model, city, cc) VALUES ($1, $2, $3, $4, $5)"
                 " ON CONFLICT (serial_no) DO NOTHING RETURNING *",
                 serial, merchant, model, need(c, "city"), one(m, "country"));
    if (!stopped(c) && count(r) == 0)
        stop(c, 409, "duplicate", "this serial number is known");
    sql(c, "INSERT INTO term_batch (term_id, batch_no, cur) VALUES ($1, 1, $2)", one(r, "id"), one(m, "currency"));
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/terminals/%s", one(r, "id")));
    put_row(c, NULL, r, 0, term_row);
}

/* A few of those that have been silent for longest. */
static void mark_offline(struct ctx *c)
{
    sql(c,
        "UPDATE term SET st = 'offline', upd_dt = localtimestamp WHERE id IN (SELECT id FROM term WHERE st = 'online'"
        " AND last_hb < localtimestamp - interval '1 hour' ORDER BY last_hb, id LIMIT 2)");
}

static const struct route terminal_routes[] = {
    {"GET", "/v1/terminals", list_terminals, AUTH_STAFF, NULL, false},
    {"GET", "/v1/terminals/{id}", get_terminal, AUTH_STAFF, NULL, false},
    {"GET", "/v1/terminals/{id}/heartbeats", list_heartbeats, AUTH_STAFF, NULL, false},
    {"GET", "/v1/terminal-batches", list_batches, AUTH_STAFF, NULL, false},
    {"GET", "/v1/terminal-turnover", get_turnover, AUTH_STAFF, NULL, false},
    {"POST", "/v1/terminals", add_terminal, AUTH_STAFF, NULL, false},
    {"PATCH", "/v1/terminals/{id}", patch_terminal, AUTH_STAFF, NULL, false},
    {"POST", "/v1/terminals/{id}/heartbeat", heartbeat, AUTH_PARTNER, NULL, false},
    {"POST", "/v1/terminals/{id}/batches/close", close_batch, AUTH_PARTNER, NULL, false},
};

static const struct job terminal_jobs[] = {{"mark-terminals-offline", 30, mark_offline}};

SERVICE(terminals, ERRORS_LIST, terminal_routes, terminal_jobs);
