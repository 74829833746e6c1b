// SPDX-License-Identifier: Apache-2.0
/* Batches: jobs of many items. Queries put together by the builder; snake_case, bare arrays in lists, parameters handed
 * back as they came. */
#include "app.h"

#define KINDS "payout|statement_run|address_import|notice|fee_run"

static const struct label kinds[] = {{"payout", "Bulk payout"},
                                     {"statement_run", "Statements"},
                                     {"address_import", "Addresses"},
                                     {"notice", "Notice"},
                                     {"fee_run", "Fees"},
                                     {NULL, NULL}};
static const struct field job_fields[] = {{"id", NULL, NUMBER},
                                          {"kind", NULL, TEXT},
                                          {"title", "kind", LABEL, .labels = kinds},
                                          {"status", NULL, TEXT},
                                          {"via", NULL, TEXT},
                                          {"file_name", NULL, TEXT},
                                          {"priority", NULL, NUMBER},
                                          {"items", NULL, NUMBER},
                                          {"ok", NULL, NUMBER},
                                          {"failed", NULL, NUMBER},
                                          {"external_ref", NULL, TEXT, true},
                                          {"created_at", NULL, EPOCH_MS},
                                          {"started_at", NULL, EPOCH_MS},
                                          {"finished_at", NULL, EPOCH_MS},
                                          {"cancelled_by", NULL, TEXT, true},
                                          {NULL}};
static const struct field item_fields[] = {{"item_no", NULL, NUMBER},
                                           {"status", NULL, TEXT},
                                           {"amount_minor", "amount", MINOR, .currency = "currency"},
                                           {"currency", NULL, TEXT},
                                           {"reference", NULL, TEXT},
                                           {"error_code", NULL, TEXT, true},
                                           {"error_text", NULL, TEXT, true},
                                           {"attempts", NULL, NUMBER},
                                           {"processed_at", NULL, ISO},
                                           {"customer", NULL, TEXT},
                                           {"customer_status", NULL, TEXT},
                                           {"account_id", NULL, NUMBER},
                                           {"account_kind", NULL, TEXT},
                                           {NULL}};

static void put_job(struct ctx *c, rows r, int i)
{
    object(c, NULL);
    put_fields(c, r, i, job_fields);
    put_number(c, "params", val(r, i, "params"));
    object(c, "submitter");
    put_text(c, "type", val(r, i, "partner_id") ? "partner" : val(r, i, "submitted_by") ? "customer" : "staff");
    put_text(c, "name", val(r, i, "partner_id") ? val(r, i, "partner") : val(r, i, "submitter"));
    end(c);
    end(c);
}

#define JOBS                                                                                                 \
    "SELECT j.*, u.full_name AS submitter, p.name AS partner FROM batch_jobs j LEFT JOIN users u ON u.id = " \
    "j.submitted_by LEFT JOIN partners p ON p.id = j.partner_id"

static void list_jobs(struct ctx *c)
{
    struct page p = page_of(c, "page", "per_page", 20);
    struct query q = query(c, JOBS);
    query_if(&q, arg_choice(c, "kind", KINDS), "j.kind = ?");
    query_if(&q, arg_choice(c, "status", "queued|running|done|partial|failed|cancelled"), "j.status = ?");
    query_if(&q, arg_number(c, "partner_id", NULL, 1, INT64_MAX), "j.partner_id = ?");
    query_if(&q, arg(c, "submitter"), "u.full_name ILIKE ? || '%'");
    query_if(&q, arg(c, "from"), "j.created_at >= ?::timestamptz");
    query_if(&q, arg_number(c, "min_items", NULL, 0, 100000), "j.items >= ?");
    query_add(&q, "ORDER BY j.created_at DESC, j.id DESC");
    query_value(&q, "LIMIT ?", p.limit);
    query_value(&q, "OFFSET ?", p.offset);
    rows r = query_run(&q);
    array(c, NULL);
    for (int i = 0; i < count(r); i++)
        put_job(c, r, i);
    end(c);
}

static void own_jobs(struct ctx *c)
{
    struct query q = query(c, JOBS);
    query_if(&q, caller(c), "j.submitted_by = ?");
    query_if(&q, arg_choice(c, "kind", KINDS), "j.kind = ?");
    query_add(&q, "ORDER BY j.id DESC LIMIT 50");
    rows r = query_run(&q);
    array(c, NULL);
    for (int i = 0; i < count(r); i++)
        put_job(c, r, i);
    end(c);
}

/* The job, for those whose it is. */
static rows job_of(struct ctx *c)
{
    struct query q = query(c, JOBS);
    query_if(&q, param(c, "id"), "j.id = ?");
    rows r = found(c, query_run(&q), "batch");
    if (!stopped(c))
        only_owner(c, one(r, "submitted_by"));
    return r;
}

static void show_job(struct ctx *c)
{
    static const struct field fields[] = {{"currency", NULL, TEXT},
                                          {"items", NULL, NUMBER},
                                          {"sum", "total", MINOR, .currency = "currency"},
                                          {"countries", NULL, ARRAY},
                                          {NULL}};
    rows j = job_of(c);
    struct query q = query(c, "SELECT i.currency, count(*) AS items, sum(i.amount) AS total, array_agg(DISTINCT "
                              "u.country ORDER BY u.country) AS countries"
                              " FROM batch_items i JOIN users u ON u.id = i.user_id");
    query_if(&q, param(c, "id"), "i.job_id = ?");
    query_where(&q, "i.amount IS NOT NULL");
    query_add(&q, "GROUP BY i.currency ORDER BY i.currency");
    rows sums = query_run(&q);
    object(c, NULL);
    put_fields(c, j, 0, job_fields);
    put_number(c, "params", one(j, "params"));
    put_text(c, "submitted_by", one(j, "submitter"));
    put_text(c, "partner", one(j, "partner"));
    put_rows(c, "sums", sums, fields);
    end(c);
}

static void list_items(struct ctx *c)
{
    struct page p = page_of(c, "page", "per_page", 50);
    rows j = job_of(c);
    struct query q = query(
        c, "SELECT i.*, u.full_name AS customer, u.status AS customer_status, a.kind AS account_kind FROM batch_items i"
           " LEFT JOIN users u ON u.id = i.user_id LEFT JOIN accounts a ON a.id = i.account_id");
    query_if(&q, param(c, "id"), "i.job_id = ?");
    query_if(&q, arg_choice(c, "status", "pending|ok|failed|skipped"), "i.status = ?");
    query_if(&q, arg(c, "error"), "i.error_code = ?");
    query_if(&q, arg_number(c, "user_id", NULL, 1, INT64_MAX), "i.user_id = ?");
    query_if(&q, arg_number(c, "min", NULL, 0, 1000000000), "i.amount >= ?::numeric");
    query_add(&q, "ORDER BY i.item_no");
    query_value(&q, "LIMIT ?", p.limit);
    query_value(&q, "OFFSET ?", p.offset);
    rows r = query_run(&q);
    object(c, NULL);
    put_number(c, "batch_id", param(c, "id"));
    put_number(c, "total", one(j, "items"));
    put_rows(c, "items", r, item_fields);
    end(c);
}

/* Items that name no account get the customer's checking account. */
static void create_job(struct ctx *c)
{
    const char *kind = need_choice(c, "kind", KINDS), *ref = body(c, "external_ref");
    int n = body_count(c, "items");
    if (n == 0)
        stop(c, 422, "invalid", "items is missing");
    begin(c);
    rows j =
        sql(c,
            "INSERT INTO batch_jobs (kind, submitted_by, via, params, items, external_ref, priority)"
            " VALUES ($1, $2, $3::channel, coalesce($4::json, '{}'), $5::int, $6, coalesce($7::int, 5)) RETURNING *",
            kind, is_staff(c) ? NULL : caller(c), is_staff(c) ? "branch" : "web", body_json(c, "params"),
            text(c, "%d", n), ref, body(c, "priority"));
    for (int i = 0; i < n && !stopped(c); i++) {
        const char *user = body_item(c, "items", i, "user_id"), *amount = body_item(c, "items", i, "amount");
        rows r = sql(c,
                     "INSERT INTO batch_items (job_id, item_no, user_id, account_id, amount, currency, reference) "
                     "SELECT $1, $2::int, u.id, a.id, $5::numeric,"
                     " CASE WHEN $5::numeric IS NOT NULL THEN a.currency END, $6 FROM users u JOIN accounts a ON "
                     "a.user_id = u.id AND (a.id = $4::bigint OR ($4::bigint IS NULL"
                     " AND a.kind = 'checking')) WHERE u.id = $3 ORDER BY a.id LIMIT 1 RETURNING item_no",
                     one(j, "id"), text(c, "%d", i + 1), user ? user : caller(c),
                     body_item(c, "items", i, "account_id"), amount, body_item(c, "items", i, "reference"));
        if (!stopped(c) && count(r) == 0)
            stop(c, 422, "unknown_account", text(c, "item %d: no such customer or account", i + 1));
    }
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/batches/%s", stopped(c) ? "" : one(j, "id")));
    object(c, NULL);
    put_fields(c, j, 0, job_fields);
    put_number(c, "params", one(j, "params"));
    end(c);
}

static void cancel_job(struct ctx *c)
{
    begin(c);
    rows j = job_of(c);
    rows r = sql(c,
                 "UPDATE batch_jobs SET status = 'cancelled', cancelled_by = $2, finished_at = now() WHERE id = $1 AND "
                 "status IN ('queued', 'running') RETURNING id, status",
                 param(c, "id"), text(c, "%s_%s", is_staff(c) ? "stf" : "usr", caller(c)));
    if (!stopped(c) && count(r) == 0)
        stop(c, 409, "too_late", text(c, "batch is %s", one(j, "status")));
    rows i =
        sql(c, "UPDATE batch_items SET status = 'skipped' WHERE job_id = $1 AND status = 'pending'", param(c, "id"));
    if (is_staff(c) && one(j, "submitted_by"))
        sql(c,
            "INSERT INTO notifications (user_id, kind, title, body) VALUES ($1, 'batch_cancelled', 'Auftrag "
            "storniert', $2)",
            one(j, "submitted_by"), text(c, "Ihr Sammelauftrag %s wurde storniert.", param(c, "id")));
    commit(c);
    object(c, NULL);
    put_number(c, "id", param(c, "id"));
    put_text(c, "status", one(r, "status"));
    put_int(c, "skipped", affected(i));
    end(c);
}

static void retry_failed(struct ctx *c)
{
    begin(c);
    rows j = job_of(c);
    rows i = sql(c,
                 "UPDATE batch_items SET status = 'pending', error_code = NULL, error_text = NULL WHERE job_id = $1 "
                 "AND status = 'failed' AND attempts < 3",
                 param(c, "id"));
    if (!stopped(c) && affected(i) == 0)
        stop(c, 409, "nothing_to_retry", "no item failed fewer than three times");
    sql(c, "UPDATE batch_jobs SET status = 'queued', failed = failed - $2::int, finished_at = NULL WHERE id = $1",
        param(c, "id"), text(c, "%ld", affected(i)));
    commit(c);
    status(c, 202);
    object(c, NULL);
    put_number(c, "id", param(c, "id"));
    put_int(c, "retried", affected(i));
    put_text(c, "was", one(j, "status"));
    end(c);
}

/* Fifteen items a time; an item fails whose customer is not active. A job is finished with its last item. */
static void job_run(struct ctx *c)
{
    begin(c);
    rows r = sql(
        c, "WITH due AS (SELECT i.job_id, i.item_no FROM batch_items i JOIN batch_jobs j ON j.id = i.job_id AND "
           "j.status IN ('queued', 'running')"
           " WHERE i.status = 'pending' ORDER BY j.priority, i.job_id, i.item_no LIMIT 15 FOR UPDATE OF i SKIP LOCKED)"
           " UPDATE batch_items i SET status = CASE WHEN u.status = 'active' THEN 'ok' ELSE 'failed' END, attempts = "
           "i.attempts + 1, processed_at = now(),"
           " error_code = CASE WHEN u.status IS DISTINCT FROM 'active' THEN 'blocked_user' END FROM due LEFT JOIN "
           "batch_items s USING (job_id, item_no)"
           " LEFT JOIN users u ON u.id = s.user_id WHERE i.job_id = due.job_id AND i.item_no = due.item_no RETURNING "
           "i.job_id");
    const char *last = "";
    for (int i = 0; i < count(r); i++) {
        const char *id = val(r, i, "job_id");
        if (strcmp(id, last) != 0)
            sql(c,
                "UPDATE batch_jobs j SET ok = s.ok, failed = s.failed, started_at = coalesce(j.started_at, now()), "
                "finished_at = CASE WHEN s.left_over = 0 THEN now() END,"
                " status = CASE WHEN s.left_over > 0 THEN 'running' WHEN s.failed = 0 THEN 'done' WHEN s.ok = 0 THEN "
                "'failed' ELSE 'partial' END"
                " FROM (SELECT count(*) FILTER (WHERE status = 'ok') AS ok, count(*) FILTER (WHERE status = 'failed') "
                "AS failed,"
                " count(*) FILTER (WHERE status = 'pending') AS left_over FROM batch_items WHERE job_id = $1) s WHERE "
                "j.id = $1",
                id);
        last = id;
    }
    commit(c);
}

static const struct route batch_routes[] = {
    {"GET", "/v1/batches", list_jobs, AUTH_STAFF, NULL, false},
    {"GET", "/v1/me/batches", own_jobs, AUTH_USER, NULL, false},
    {"GET", "/v1/batches/{id}", show_job, AUTH_USER, NULL, false},
    {"GET", "/v1/batches/{id}/items", list_items, AUTH_USER, NULL, false},
    {"POST", "/v1/batches", create_job, AUTH_USER, NULL, false},
    {"POST", "/v1/batches/{id}/cancel", cancel_job, AUTH_USER, NULL, false},
    {"POST", "/v1/batches/{id}/retry", retry_failed, AUTH_USER, NULL, false},
};
static const struct job batch_jobs[] = {{"batch-runner", 5, job_run}};

SERVICE(batches, ERRORS_LIST, batch_routes, batch_jobs);
