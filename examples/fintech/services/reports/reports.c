// SPDX-License-Identifier: Apache-2.0
/* Reports for the board, auditors and customers: reporting style, snake_case, {"results":[...]}. These are the
 * statements that the database administrator knows by heart. */
#include "app.h"

static const struct field volume_fields[] = {{"country", NULL, TEXT},
                                             {"tier", NULL, TEXT},
                                             {"payments", NULL, NUMBER},
                                             {"payers", NULL, NUMBER},
                                             {"gross", NULL, TEXT},
                                             {"average", NULL, TEXT},
                                             {"share_percent", "share", NUMBER},
                                             {"change_percent", "change", NUMBER},
                                             {"flagged", NULL, NUMBER},
                                             {NULL}};
static const struct field cohort_fields[] = {{"cohort", NULL, TEXT},    {"size", NULL, NUMBER},
                                             {"active", NULL, NUMBERS}, {"retention", NULL, NUMBERS},
                                             {"volume", NULL, TEXT},    {NULL}};
static const struct field customer_fields[] = {
    {"rank", "place", NUMBER},          {"user_id", "id", NUMBER},
    {"name", "full_name", TEXT},        {"country", NULL, TEXT},
    {"payments", NULL, NUMBER},         {"gross", NULL, TEXT},
    {"share_percent", "share", NUMBER}, {"cumulated_percent", "cumulated", NUMBER},
    {"favourite", NULL, TEXT},          {"open_cases", NULL, NUMBER},
    {"last_at", NULL, EPOCH_MS},        {NULL}};
static const struct field failed_fields[] = {
    {"category", NULL, TEXT},        {"status", NULL, TEXT},      {"payments", NULL, NUMBER},
    {"amount", NULL, TEXT},          {"customers", NULL, NUMBER}, {"median", NULL, NUMBER},
    {"longest_hours", NULL, NUMBER}, {"examples", NULL, NUMBERS}, {NULL}};
static const struct field ageing_fields[] = {{"bucket", NULL, TEXT},
                                             {"source", NULL, TEXT},
                                             {"things", NULL, NUMBER},
                                             {"amount", NULL, TEXT},
                                             {"oldest", NULL, TEXT},
                                             {"countries", NULL, ARRAY},
                                             {NULL}};
static const struct field day_fields[] = {{"day", NULL, TEXT},
                                          {"country", "merchant_country", TEXT},
                                          {"payments", NULL, NUMBER},
                                          {"volume", NULL, TEXT},
                                          {"biggest", NULL, TEXT},
                                          {"not_posted", NULL, NUMBER},
                                          {"moving_average", "average", TEXT},
                                          {NULL}};
static const struct field spending_fields[] = {
    {"month", "period", NUMBER},        {"category", NULL, TEXT},
    {"payments", NULL, NUMBER},         {"spent", NULL, TEXT},
    {"share_percent", "share", NUMBER}, {"month_before", "before", TEXT, true},
    {"top_merchant", "merchant", TEXT}, {NULL}};
static const struct field definition_fields[] = {{"id", NULL, NUMBER},        {"slug", NULL, TEXT},
                                                 {"title", NULL, TEXT},       {"report", NULL, TEXT},
                                                 {"visibility", NULL, TEXT},  {"schedule", NULL, TEXT},
                                                 {"recipients", NULL, ARRAY}, {"spec", NULL, JSON},
                                                 {"updated_at", NULL, ISO},   {NULL}};
static const struct field run_fields[] = {{"id", NULL, NUMBER},        {"definition_id", NULL, NUMBER},
                                          {"status", NULL, TEXT},      {"requested_by", NULL, TEXT},
                                          {"params", NULL, JSON},      {"row_count", NULL, NUMBER},
                                          {"error", NULL, TEXT, true}, {"started_at", NULL, ISO},
                                          {"finished_at", NULL, ISO},  {NULL}};

/* [from, to) of the months asked for, as every report counts them: in Berlin. */
#define MONTHS                                                                                  \
    "range AS (SELECT to_date($1, 'YYYYMM')::timestamp AT TIME ZONE 'Europe/Berlin' AS starts," \
    " (to_date($2, 'YYYYMM') + interval '1 month') AT TIME ZONE 'Europe/Berlin' AS ends)"

static void results(struct ctx *c, rows r, const struct field *fields)
{
    object(c, NULL);
    put_rows(c, "results", r, fields);
    put_int(c, "total", count(r));
    end(c);
}

static void volume(struct ctx *c)
{
    const char *from = arg_number(c, "from", "202604", 200001, 299912),
               *to = arg_number(c, "to", "202606", 200001, 299912);
    rows r = sql(c,
                 "WITH " MONTHS ", paid AS (SELECT u.country, m.tier, t.user_id, t.amount, t.created_at >= (range.ends "
                 "- interval '1 month') AS latest,"
                 " EXISTS (SELECT FROM compliance_records k WHERE k.transaction_id = t.id AND k.status = 'flagged') AS "
                 "flagged FROM range, transactions t"
                 " JOIN users u ON u.id = t.user_id JOIN merchants m ON m.id = t.merchant_id WHERE t.created_at >= "
                 "range.starts AND t.created_at < range.ends"
                 " AND t.status = 'posted'), sums AS (SELECT country, tier, GROUPING(country, tier) AS level, count(*) "
                 "AS payments, count(DISTINCT user_id) AS payers,"
                 " sum(amount) AS gross, round(avg(amount), 2) AS average, sum(amount) FILTER (WHERE latest) AS "
                 "latest, sum(amount) FILTER (WHERE NOT latest) AS earlier,"
                 " count(*) FILTER (WHERE flagged) AS flagged FROM paid GROUP BY CUBE (country, tier))"
                 " SELECT country, tier, payments, payers, gross, average, flagged, round(100 * gross / max(gross) "
                 "OVER (), 2) AS share,"
                 " round(100 * (latest / nullif(earlier, 0) - 1), 1) AS change FROM sums ORDER BY level DESC, gross "
                 "DESC, country NULLS FIRST, tier NULLS FIRST",
                 from, to);
    results(c, r, volume_fields);
}

/* Of those who first paid in a month, how many paid again one, two, ... months later. */
static void cohorts(struct ctx *c)
{
    const char *from = arg_number(c, "from", "202401", 200001, 299912), *country = arg(c, "country");
    rows r = sql(
        c,
        "WITH activity AS (SELECT t.user_id, t.period, sum(t.amount) AS amount FROM transactions t JOIN users u ON "
        "u.id = t.user_id WHERE t.kind <> 'deposit'"
        " AND u.status <> 'internal' AND ($2::text IS NULL OR u.country = $2) GROUP BY t.user_id, t.period),"
        " firsts AS (SELECT user_id, min(period) AS cohort FROM activity GROUP BY user_id),"
        " ages AS (SELECT f.cohort, (a.period / 100 - f.cohort / 100) * 12 + a.period % 100 - f.cohort % 100 AS age, "
        "count(*) AS active, sum(a.amount) AS amount"
        " FROM firsts f JOIN activity a USING (user_id) WHERE f.cohort >= $1::int GROUP BY 1, 2)"
        " SELECT cohort::text, max(active) FILTER (WHERE age = 0) AS size, array_agg(active ORDER BY age) AS active,"
        " array_agg(round(100.0 * active / (SELECT b.active FROM ages b WHERE b.cohort = ages.cohort AND b.age = 0), "
        "1) ORDER BY age) AS retention,"
        " sum(amount) AS volume FROM ages WHERE age <= 12 GROUP BY cohort ORDER BY cohort",
        from, country);
    results(c, r, cohort_fields);
}

static void top_customers(struct ctx *c)
{
    const char *from = arg_number(c, "from", "202606", 200001, 299912),
               *to = arg_number(c, "to", "202606", 200001, 299912);
    rows r = sql(
        c,
        "WITH " MONTHS ", paid AS (SELECT t.user_id, count(*) AS payments, sum(t.amount) AS gross, max(t.created_at) "
        "AS last_at FROM range, transactions t"
        " WHERE t.created_at >= range.starts AND t.created_at < range.ends AND t.kind = 'payment' AND t.status <> "
        "'failed' GROUP BY t.user_id),"
        " ranked AS (SELECT *, rank() OVER (ORDER BY gross DESC) AS place, round(100 * gross / sum(gross) OVER (), 3) "
        "AS share,"
        " round(100 * sum(gross) OVER (ORDER BY gross DESC, user_id) / sum(gross) OVER (), 3) AS cumulated FROM paid)"
        " SELECT r.*, u.id, u.full_name, u.country, f.favourite, (SELECT count(*) FROM compliance_cases k WHERE "
        "k.user_id = u.id AND k.status <> 'closed') AS open_cases"
        " FROM ranked r JOIN users u ON u.id = r.user_id LEFT JOIN LATERAL (SELECT m.name AS favourite FROM range, "
        "transactions t JOIN merchants m"
        " ON m.id = t.merchant_id WHERE t.user_id = r.user_id AND t.created_at >= range.starts AND t.created_at < "
        "range.ends GROUP BY m.id, m.name"
        " ORDER BY sum(t.amount) DESC, m.id LIMIT 1) f ON true WHERE r.place <= $3::int ORDER BY r.place, r.user_id",
        from, to, arg_number(c, "limit", "20", 1, 100));
    results(c, r, customer_fields);
}

static void failed_payments(struct ctx *c)
{
    const char *from = arg_number(c, "from", "202601", 200001, 299912),
               *to = arg_number(c, "to", "202606", 200001, 299912);
    rows r =
        sql(c,
            "WITH " MONTHS " SELECT m.category, t.status, count(*) AS payments, sum(t.amount) AS amount, "
            "count(DISTINCT u.id) AS customers,"
            " percentile_cont(0.5) WITHIN GROUP (ORDER BY t.amount) AS median,"
            " round(max(extract(epoch FROM range.ends - t.created_at) / 3600)::numeric, 1) AS longest_hours,"
            " (array_agg(t.id ORDER BY t.created_at DESC, t.id DESC))[1:5] AS examples FROM range, transactions t JOIN "
            "merchants m ON m.id = t.merchant_id"
            " JOIN users u ON u.id = t.user_id WHERE t.created_at >= range.starts AND t.created_at < range.ends AND "
            "t.status <> 'posted'"
            " GROUP BY GROUPING SETS ((m.category, t.status), (t.status)) ORDER BY m.category NULLS FIRST, t.status",
            from, to);
    results(c, r, failed_fields);
}

/* What lies about unfinished, by age: statement lines, settlements and cases in one list. */
static void ageing(struct ctx *c)
{
    rows r = sql(c,
                 "WITH open AS (SELECT 'bank' AS source, l.val_dt AS since, abs(l.amt) AS amount, u.country::text AS "
                 "country FROM bank_stmt_lines l"
                 " LEFT JOIN transactions t ON t.id = substr(l.e2e_ref, 3)::bigint LEFT JOIN users u ON u.id = "
                 "t.user_id WHERE l.match_st IN ('open', 'suggested')"
                 " UNION ALL SELECT 'settlement', b.business_day, b.net / b.fx_rate, m.country FROM settlement_batches "
                 "b JOIN merchants m ON m.id = b.merchant_id"
                 " WHERE b.state <> 'paid' UNION ALL SELECT 'compliance', k.opened_at::date, t.amount, u.country FROM "
                 "compliance_cases k JOIN transactions t"
                 " ON t.id = k.transaction_id JOIN users u ON u.id = k.user_id WHERE k.status <> 'closed')"
                 " SELECT CASE width_bucket($1::date - since, ARRAY[0, 8, 31, 91, 366]) WHEN 0 THEN 'future' WHEN 1 "
                 "THEN '0-7' WHEN 2 THEN '8-30' WHEN 3 THEN '31-90'"
                 " WHEN 4 THEN '91-365' ELSE 'over a year' END AS bucket, source, count(*) AS things, "
                 "round(sum(amount), 2) AS amount, min(since) AS oldest,"
                 " array_agg(DISTINCT country ORDER BY country) FILTER (WHERE country IS NOT NULL) AS countries FROM "
                 "open GROUP BY 1, ROLLUP (source)"
                 " ORDER BY min(since), source NULLS FIRST",
                 arg(c, "as_of") ? arg(c, "as_of") : "2026-06-30");
    results(c, r, ageing_fields);
}

static void daily_volume(struct ctx *c)
{
    rows r = sql(c,
                 "SELECT *, round(avg(volume) OVER (PARTITION BY merchant_country ORDER BY day ROWS 6 PRECEDING), 2) "
                 "AS average FROM (SELECT day, merchant_country,"
                 " sum(payments) AS payments, sum(volume) AS volume, max(biggest) AS biggest, sum(not_posted) AS "
                 "not_posted FROM v_daily_volume"
                 " WHERE day BETWEEN $1::date AND $1::date + 13 AND ($2::text IS NULL OR merchant_country = $2) GROUP "
                 "BY day, merchant_country) d"
                 " ORDER BY day, merchant_country",
                 arg(c, "from") ? arg(c, "from") : "2026-06-15", arg(c, "country"));
    results(c, r, day_fields);
}

static void spending(struct ctx *c)
{
    const char *month = arg_number(c, "month", "202606", 200001, 299912);
    rows r = sql(c,
                 "WITH spent AS (SELECT t.period, m.category, count(*) AS payments, sum(t.amount) AS spent, "
                 "(array_agg(m.name ORDER BY t.amount DESC, t.id))[1] AS merchant"
                 " FROM transactions t JOIN merchants m ON m.id = t.merchant_id WHERE t.user_id = $1 AND t.status <> "
                 "'failed' AND t.period <= $2::int"
                 " GROUP BY t.period, m.category) SELECT * FROM (SELECT *, round(100 * spent / sum(spent) OVER "
                 "(PARTITION BY period), 1) AS share,"
                 " lag(spent) OVER (PARTITION BY category ORDER BY period) AS before FROM spent) s WHERE period = "
                 "$2::int ORDER BY spent DESC, category",
                 caller(c), month);
    results(c, r, spending_fields);
}

static void list_definitions(struct ctx *c)
{
    struct page p = page_of(c, "page", "per_page", 20);
    rows r = sql(
        c,
        "SELECT d.*, u.full_name AS owner, u.status AS owner_status, x.runs, x.last_status, x.last_at, count(*) OVER "
        "() AS total FROM report_definitions d"
        " LEFT JOIN users u ON u.id = d.owner_id LEFT JOIN LATERAL (SELECT count(*) AS runs, (array_agg(status ORDER "
        "BY started_at DESC, id DESC))[1] AS last_status,"
        " max(started_at) AS last_at FROM report_runs WHERE definition_id = d.id) x ON true WHERE d.deleted_at IS NULL"
        " AND ($1::text IS NULL OR d.visibility = $1) AND ($2::text IS NULL OR d.report = $2) ORDER BY d.title, d.id "
        "LIMIT $3 OFFSET $4",
        arg_choice(c, "visibility", "private|team|board"), arg(c, "report"), p.limit, p.offset);
    object(c, NULL);
    array(c, "results");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, definition_fields);
        put_text(c, "owner", val(r, i, "owner"));
        object(c, "runs");
        put_number(c, "count", val(r, i, "runs"));
        put_text(c, "last_status", val(r, i, "last_status"));
        put_iso(c, "last_at", val(r, i, "last_at"));
        end(c);
        end(c);
    }
    end(c);
    put_number(c, "total", count(r) ? one(r, "total") : "0");
    end(c);
}

static void show_run(struct ctx *c)
{
    static const struct field fields[] = {{"id", NULL, TEXT},
                                          {"format", NULL, TEXT},
                                          {"bytes", NULL, NUMBER},
                                          {"checksum", NULL, TEXT},
                                          {"downloads", NULL, NUMBER},
                                          {"expires_at", NULL, ZULU, true},
                                          {NULL}};
    rows r = found(c,
                   sql(c,
                       "SELECT r.*, d.title, d.spec, u.full_name AS owner FROM report_runs r JOIN report_definitions d "
                       "ON d.id = r.definition_id"
                       " LEFT JOIN users u ON u.id = d.owner_id WHERE r.id = $1",
                       param(c, "id")),
                   "run");
    rows e = sql(c, "SELECT * FROM report_exports WHERE run_id = $1 ORDER BY created_at, id", param(c, "id"));
    object(c, NULL);
    put_fields(c, r, 0, run_fields);
    put_text(c, "title", one(r, "title"));
    put_text(c, "owner", one(r, "owner"));
    put_number(c, "spec", one(r, "spec"));
    put_text(c, "result", one(r, "result"));
    put_rows(c, "exports", e, fields);
    end(c);
}

static void change_definition(struct ctx *c)
{
    const char *visibility = body_choice(c, "visibility", "private|team|board"), *title = body(c, "title");
    begin(c);
    found(c,
          sql(c, "SELECT id FROM report_definitions WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", param(c, "id")),
          "report");
    rows r = sql(c,
                 "UPDATE report_definitions SET title = coalesce($2, title), visibility = coalesce($3, visibility), "
                 "spec = spec || coalesce($4::jsonb, '{}'),"
                 " schedule = coalesce($5, schedule), updated_at = now() WHERE id = $1 RETURNING *",
                 param(c, "id"), title, visibility, body_json(c, "spec"), body(c, "schedule"));
    commit(c);
    put_row(c, NULL, r, 0, definition_fields);
}

/* Deleted definitions keep their slug, so it is made free; runs and exports stay. */
static void remove_definition(struct ctx *c)
{
    rows d = found(
        c, sql(c, "SELECT visibility FROM report_definitions WHERE id = $1 AND deleted_at IS NULL", param(c, "id")),
        "report");
    if (!stopped(c) && strcmp(one(d, "visibility"), "board") == 0)
        stop(c, 409, "board_report", "the board's reports are not deleted");
    sql(c,
        "UPDATE report_definitions SET deleted_at = now(), slug = slug || '#' || id WHERE id = $1 AND deleted_at IS "
        "NULL",
        param(c, "id"));
    status(c, 204);
}

static void create_definition(struct ctx *c)
{
    const char *report = need_choice(c, "report", "volume|cohorts|top_customers|failed_payments|ageing"),
               *title = need(c, "title");
    rows r = sql(c,
                 "INSERT INTO report_definitions (slug, title, report, spec, owner_id, visibility) VALUES ($1, $2, $3, "
                 "coalesce($4::jsonb, '{}'),"
                 " (SELECT id FROM users WHERE id = $5::bigint), coalesce($6, 'team')) RETURNING *",
                 need(c, "slug"), title, report, body_json(c, "spec"), body(c, "owner_id"),
                 body_choice(c, "visibility", "private|team|board"));
    status(c, 201);
    put_row(c, NULL, r, 0, definition_fields);
}

/* One that is still running is not started twice. */
static void start_run(struct ctx *c)
{
    begin(c);
    found(c,
          sql(c, "SELECT id FROM report_definitions WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", param(c, "id")),
          "report");
    rows busy = sql(c,
                    "SELECT id FROM report_runs WHERE definition_id = $1 AND status = 'queued' AND started_at > now() "
                    "- interval '10 seconds'",
                    param(c, "id"));
    if (count(busy))
        stop(c, 409, "already_queued", text(c, "run %s waits", one(busy, "id")));
    rows r = sql(c,
                 "INSERT INTO report_runs (definition_id, status, requested_by, params) VALUES ($1, 'queued', $2, "
                 "coalesce($3::jsonb, '{}')) RETURNING *",
                 param(c, "id"), text(c, "stf_%s", caller(c)), body_json(c, "params"));
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/report-runs/%s", stopped(c) ? "" : one(r, "id")));
    put_row(c, NULL, r, 0, run_fields);
}

static void export_run(struct ctx *c)
{
    const char *format = need_choice(c, "format", "csv|pdf|xlsx");
    begin(c);
    rows r = found(c, sql(c, "SELECT status FROM report_runs WHERE id = $1 FOR SHARE", param(c, "id")), "run");
    if (!stopped(c) && strcmp(one(r, "status"), "done") != 0)
        stop(c, 409, "not_done", text(c, "run is %s", one(r, "status")));
    rows e = sql(c,
                 "INSERT INTO report_exports (run_id, format, bytes, checksum, expires_at, created_by) SELECT id, $2, "
                 "coalesce(length(result), 0), md5(result),"
                 " now() + interval '30 days', $3 FROM report_runs WHERE id = $1 RETURNING id, bytes, checksum",
                 param(c, "id"), format, text(c, "stf_%s", caller(c)));
    commit(c);
    status(c, 201);
    object(c, NULL);
    put_text(c, "id", one(e, "id"));
    put_number(c, "bytes", one(e, "bytes"));
    put_text(c, "checksum", one(e, "checksum"));
    end(c);
}

/* Two queued runs a time; the printout is the day's volume, whatever was asked for: the real renderer is another
 * program. */
static void job_render(struct ctx *c)
{
    sql(c, "UPDATE report_runs r SET status = 'done', finished_at = now(), row_count = v.n, result = v.printout FROM "
           "(SELECT count(*) AS n,"
           " string_agg(concat_ws(';', d.day, d.merchant_country, d.tier, d.volume), E'\\r\\n' ORDER BY d.day, "
           "d.merchant_country, d.user_country, d.tier, d.currency) AS printout"
           " FROM v_daily_volume d WHERE d.day BETWEEN '2026-06-24' AND '2026-06-30') v WHERE r.id IN (SELECT id FROM "
           "report_runs WHERE status = 'queued'"
           " ORDER BY started_at, id LIMIT 2 FOR UPDATE SKIP LOCKED)");
}

static const struct route report_routes[] = {
    {"GET", "/v1/reports/volume", volume, AUTH_STAFF, NULL, false},
    {"GET", "/v1/reports/cohorts", cohorts, AUTH_STAFF, NULL, false},
    {"GET", "/v1/reports/top-customers", top_customers, AUTH_STAFF, NULL, false},
    {"GET", "/v1/reports/failed-payments", failed_payments, AUTH_STAFF, NULL, false},
    {"GET", "/v1/reports/ageing", ageing, AUTH_STAFF, NULL, false},
    {"GET", "/v1/reports/daily-volume", daily_volume, AUTH_STAFF, NULL, false},
    {"GET", "/v1/me/spending", spending, AUTH_USER, NULL, false},
    {"GET", "/v1/report-definitions", list_definitions, AUTH_STAFF, NULL, false},
    {"POST", "/v1/report-definitions", create_definition, AUTH_STAFF, NULL, false},
    {"PATCH", "/v1/report-definitions/{id}", change_definition, AUTH_STAFF, NULL, false},
    {"DELETE", "/v1/report-definitions/{id}", remove_definition, AUTH_STAFF, NULL, false},
    {"POST", "/v1/report-definitions/{id}/runs", start_run, AUTH_STAFF, NULL, false},
    {"GET", "/v1/report-runs/{id}", show_run, AUTH_STAFF, NULL, false},
    {"POST", "/v1/report-runs/{id}/exports", export_run, AUTH_STAFF, NULL, false},
};
static const struct job report_jobs[] = {{"report-renderer", 30, job_render}};

SERVICE(reports, ERRORS_PROBLEM, report_routes, report_jobs);
