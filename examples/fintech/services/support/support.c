// SPDX-License-Identifier: Apache-2.0
/*
 * The help desk: tickets, their messages, and a tree of categories. Query builder for lists, hand-written SQL for the
 * rest; camelCase, times to the second. A customer never sees what agents write to each other.
 */
#include <stdlib.h>
#include <string.h>

#include "app.h"

static const struct label priorities[] = {
    {"p1", "critical"}, {"p2", "high"}, {"p3", "normal"}, {"p4", "low"}, {NULL, NULL},
};
static const char priority_names[] = "critical|high|normal|low";

/* "high" -> p2; NULL stays NULL. */
static const char *priority_of(const char *name)
{
    for (const struct label *l = priorities; name && l->value; l++)
        if (strcmp(l->text, name) == 0)
            return l->value;
    return NULL;
}

static const struct field list_fields[] = {
    {"id", .kind = NUMBER},
    {"reference", .kind = TEXT},
    {"subject", .kind = TEXT},
    {"priority", .kind = LABEL, .labels = priorities},
    {"status", .kind = TEXT},
    {"category", "category", .kind = TEXT},
    {"customer", "full_name", .kind = TEXT},
    {"country", .kind = TEXT},
    {"agent", "agent", .kind = TEXT},
    {"amount", .kind = TEXT},
    {"messageCount", "message_count", .kind = NUMBER},
    {"tags", .kind = ARRAY},
    {"dueAt", "due_at", .kind = ZULU},
    {"createdAt", "created_at", .kind = ZULU},
    {0},
};

static const char list_select[] =
    "SELECT t.id, t.reference, t.subject, t.priority, t.status, k.name AS category, u.full_name, u.country, a.name AS "
    "agent,"
    " x.amount, t.message_count, t.tags, t.due_at, t.created_at FROM support_tickets t"
    " JOIN ticket_categories k ON k.id = t.category_id JOIN users u ON u.id = t.user_id"
    " LEFT JOIN support_agents a ON a.id = t.agent_id LEFT JOIN transactions x ON x.id = t.transaction_id";

/* A page after a cursor: one more row than asked for says whether there is a next one. */
static void cursor_page(struct ctx *c, struct query *q)
{
    const char *at, *id, *limit = arg_number(c, "limit", "25", 1, 100);
    cursor_in(c, &at, &id);
    if (at) {
        query_if(q, at, "(t.created_at, t.id) < (?::timestamptz,");
        query_value(q, "?::bigint)", id);
    }
    query_add(q, "ORDER BY t.created_at DESC, t.id DESC");
    query_value(q, "LIMIT ?::int + 1", limit);
    rows r = query_run(q);
    int size = (int)strtol(limit, NULL, 10);
    object(c, NULL);
    array(c, "items");
    for (int i = 0; i < count(r) && i < size; i++)
        put_row(c, NULL, r, i, list_fields);
    end(c);
    bool more = count(r) > size;
    cursor_out(c, "nextCursor", more ? val(r, size - 1, "created_at") : NULL, more ? val(r, size - 1, "id") : NULL);
    end(c);
}

static void get_tickets(struct ctx *c)
{
    struct query q = query(c, list_select);
    query_if(&q, arg_choice(c, "status", "new|open|waiting_customer|resolved|closed|merged"),
             "t.status = ?::ticket_status");
    query_if(&q, priority_of(arg_choice(c, "priority", priority_names)), "t.priority = ?::ticket_priority");
    query_if(&q, arg_number(c, "category", NULL, 1, 1 << 30),
             "t.category_id IN (WITH RECURSIVE sub AS (SELECT id FROM ticket_categories WHERE id = ?::int UNION ALL"
             " SELECT n.id FROM ticket_categories n JOIN sub ON n.parent_id = sub.id) SELECT id FROM sub)");
    query_if(&q, arg_number(c, "agent", NULL, 1, 1 << 30), "t.agent_id = ?::int");
    query_if(&q, arg(c, "country"), "u.country = ?");
    query_if(&q, arg(c, "tag"), "t.tags @> ARRAY[?::text]");
    cursor_page(c, &q);
}

static void get_user_tickets(struct ctx *c)
{
    only_owner(c, param(c, "id"));
    struct query q = query(c, list_select);
    query_if(&q, param(c, "id"), "t.user_id = ?");
    query_where(&q, "t.status <> 'merged'");
    cursor_page(c, &q);
}

static const struct field message_fields[] = {
    {"id", .kind = NUMBER},
    {"from", "author", .kind = TEXT},
    {"body", .kind = TEXT},
    {"internal", "is_internal", .kind = BOOL},
    {"attachments", .kind = JSON},
    {"sentAt", "created_at", .kind = ZULU},
    {"editedAt", "edited_at", .kind = ZULU, .omit_null = true},
    {0},
};
static const struct field head_fields[] = {
    {"id", .kind = NUMBER},
    {"reference", .kind = TEXT},
    {"subject", .kind = TEXT},
    {"description", .kind = TEXT},
    {"priority", .kind = LABEL, .labels = priorities},
    {"status", .kind = TEXT},
    {"channel", "opened_via", .kind = TEXT},
    {"language", .kind = TEXT},
    {"tags", .kind = ARRAY},
    {"custom", .kind = JSON},
    {"csat", .kind = NUMBER, .omit_null = true},
    {"mergedInto", "merged_into", .kind = TEXT, .omit_null = true},
    {"firstResponseAt", "first_response_at", .kind = ZULU},
    {"resolvedAt", "resolved_at", .kind = ZULU},
    {"dueAt", "due_at", .kind = ZULU},
    {"createdAt", "created_at", .kind = ZULU},
    {0},
};
static const struct field customer_fields[] = {
    {"id", "user_id", .kind = NUMBER},         {"name", "full_name", .kind = TEXT},         {"country", .kind = TEXT},
    {"kycLevel", "kyc_level", .kind = NUMBER}, {"openCases", "open_cases", .kind = NUMBER}, {0},
};
static const struct field transaction_fields[] = {
    {"id", "transaction_id", .kind = NUMBER},
    {"amount", .kind = TEXT},
    {"currency", .kind = TEXT},
    {"status", "tx_status", .kind = TEXT},
    {"merchant", .kind = TEXT},
    {"bookedAt", "tx_at", .kind = ZULU},
    {0},
};

static void get_ticket(struct ctx *c)
{
    const char *id = param(c, "id"), *all = is_staff(c) ? "true" : "false";
    rows t = sql(
        c,
        "SELECT t.*, o.reference AS merged_into, a.name AS agent, a.team, u.full_name, u.country, u.kyc_level,"
        " (SELECT count(*) FROM compliance_cases s WHERE s.user_id = u.id AND s.status <> 'closed') AS open_cases,"
        " x.amount, x.currency, x.status AS tx_status, x.created_at AS tx_at, m.name AS merchant,"
        " (WITH RECURSIVE up AS (SELECT id, parent_id, name, 1 AS n FROM ticket_categories WHERE id = t.category_id"
        " UNION ALL SELECT k.id, k.parent_id, k.name, up.n + 1 FROM ticket_categories k JOIN up ON k.id = up.parent_id)"
        " SELECT array_agg(name ORDER BY n DESC) FROM up) AS category_path"
        " FROM support_tickets t JOIN users u ON u.id = t.user_id LEFT JOIN support_agents a ON a.id = t.agent_id"
        " LEFT JOIN support_tickets o ON o.id = t.merged_into_id LEFT JOIN transactions x ON x.id = t.transaction_id"
        " LEFT JOIN merchants m ON m.id = x.merchant_id WHERE t.id = $1",
        id);
    found(c, t, "ticket");
    only_owner(c, one(t, "user_id"));
    rows messages =
        sql(c,
            "SELECT m.id, CASE m.author_kind WHEN 'user' THEN u.full_name WHEN 'agent' THEN a.name ELSE 'bot' END"
            " AS author, m.body, m.is_internal, m.attachments, m.created_at, m.edited_at FROM ticket_messages m"
            " LEFT JOIN users u ON m.author_kind = 'user' AND u.id = m.author_id"
            " LEFT JOIN support_agents a ON m.author_kind = 'agent' AND a.id = m.author_id"
            " WHERE m.ticket_id = $1 AND ($2::boolean OR NOT m.is_internal) ORDER BY m.created_at, m.id",
            id, all);
    object(c, NULL);
    put_fields(c, t, 0, head_fields);
    put_array(c, "category", one(t, "category_path"));
    put_row(c, "customer", t, 0, customer_fields);
    if (one(t, "agent")) {
        object(c, "agent");
        put_text(c, "name", one(t, "agent"));
        put_text(c, "team", one(t, "team"));
        end(c);
    }
    if (one(t, "transaction_id"))
        put_row(c, "transaction", t, 0, transaction_fields);
    put_rows(c, "messages", messages, message_fields);
    end(c);
}

/* The tree, flat and in the order it is drawn. */
static void get_categories(struct ctx *c)
{
    static const struct field fields[] = {
        {"id", .kind = NUMBER},
        {"parentId", "parent_id", .kind = NUMBER},
        {"slug", .kind = TEXT},
        {"name", .kind = TEXT},
        {"depth", .kind = NUMBER},
        {"path", .kind = ARRAY},
        {"defaultPriority", "default_priority", .kind = LABEL, .labels = priorities},
        {"slaHours", "sla_hours", .kind = NUMBER},
        {"openTickets", "open_tickets", .kind = NUMBER},
        {0},
    };
    rows r = sql(
        c, "WITH RECURSIVE tree AS (SELECT k.*, 1 AS depth, ARRAY[k.slug] AS path,"
           " ARRAY[k.sort_order, k.id] AS place FROM ticket_categories k WHERE k.parent_id IS NULL AND k.is_active"
           " UNION ALL SELECT k.*, tree.depth + 1, tree.path || k.slug, tree.place || ARRAY[k.sort_order, k.id]"
           " FROM ticket_categories k JOIN tree ON k.parent_id = tree.id WHERE k.is_active)"
           " SELECT tree.*, coalesce(t.n, 0) AS open_tickets FROM tree LEFT JOIN (SELECT s.category_id, count(*) AS n"
           " FROM support_tickets s JOIN users u ON u.id = s.user_id AND u.deleted_at IS NULL"
           " WHERE s.status IN ('new', 'open') GROUP BY s.category_id) t ON t.category_id = tree.id ORDER BY place");
    put_rows(c, NULL, r, fields);
}

static void get_search(struct ctx *c)
{
    static const struct field fields[] = {
        {"id", .kind = NUMBER},
        {"reference", .kind = TEXT},
        {"subject", .kind = TEXT},
        {"rank", .kind = NUMBER},
        {"status", .kind = TEXT},
        {"customer", "full_name", .kind = TEXT},
        {"merchant", .kind = TEXT},
        {"createdAt", "created_at", .kind = ZULU},
        {0},
    };
    if (!arg(c, "q"))
        stop(c, 422, "invalid", "q is missing");
    struct page page = page_of(c, "page", "perPage", 20);
    rows r = sql(c,
                 "SELECT t.id, t.reference, t.subject, t.status, t.created_at, u.full_name, m.name AS merchant,"
                 " round(ts_rank(t.search, query)::numeric, 4) AS rank, count(*) OVER () AS total"
                 " FROM websearch_to_tsquery('simple', $1) AS query JOIN support_tickets t ON t.search @@ query"
                 " JOIN users u ON u.id = t.user_id LEFT JOIN transactions x ON x.id = t.transaction_id"
                 " LEFT JOIN merchants m ON m.id = x.merchant_id WHERE $2::bigint IS NULL OR t.user_id = $2"
                 " ORDER BY rank DESC, t.id DESC LIMIT $3 OFFSET $4",
                 arg(c, "q"), is_staff(c) ? NULL : caller(c), page.limit, page.offset);
    object(c, NULL);
    put_rows(c, "results", r, fields);
    put_number(c, "total", count(r) ? one(r, "total") : "0");
    end(c);
}

/* How we did in a month: by top category and priority, with totals. */
static void get_stats(struct ctx *c)
{
    static const struct field fields[] = {
        {"category", .kind = TEXT},
        {"priority", .kind = LABEL, .labels = priorities},
        {"tickets", .kind = NUMBER},
        {"customers", .kind = NUMBER},
        {"overdue", .kind = NUMBER},
        {"aboutPayments", "about_payments", .kind = NUMBER},
        {"disputedVolume", "volume", .kind = TEXT},
        {"medianFirstResponseMinutes", "first_minutes", .kind = NUMBER},
        {"averageCsat", "csat", .kind = TEXT},
        {0},
    };
    const char *month = arg_number(c, "month", "202601", 202301, 202612);
    rows r = sql(c,
                 "WITH RECURSIVE top AS (SELECT id, name FROM ticket_categories WHERE parent_id IS NULL UNION ALL"
                 " SELECT k.id, top.name FROM ticket_categories k JOIN top ON k.parent_id = top.id)"
                 " SELECT top.name AS category, t.priority, count(*) AS tickets, count(DISTINCT u.id) AS customers,"
                 " count(*) FILTER (WHERE coalesce(t.resolved_at, 'infinity') > t.due_at) AS overdue,"
                 " count(x.id) AS about_payments, coalesce(sum(x.amount), 0.00) AS volume,"
                 " round((percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.first_response_at - "
                 "t.created_at) / 60))"
                 "::numeric, 1) AS first_minutes, round(avg(t.csat), 2) AS csat"
                 " FROM support_tickets t JOIN top ON top.id = t.category_id JOIN users u ON u.id = t.user_id"
                 " LEFT JOIN transactions x ON x.id = t.transaction_id"
                 " WHERE t.created_at >= to_date($1, 'YYYYMM') AT TIME ZONE 'Europe/Berlin'"
                 " AND t.created_at < (to_date($1, 'YYYYMM') + interval '1 month') AT TIME ZONE 'Europe/Berlin'"
                 " GROUP BY GROUPING SETS ((top.name, t.priority), (top.name), ())"
                 " ORDER BY top.name NULLS LAST, t.priority NULLS LAST",
                 month);
    object(c, NULL);
    put_number(c, "month", month);
    put_rows(c, "rows", r, fields);
    end(c);
}

static void get_agent_queue(struct ctx *c)
{
    rows r = sql(
        c,
        "SELECT a.id, a.name AS agent_name, a.team, a.languages, t.id AS ticket_id, t.reference, t.subject, t.priority,"
        " t.status, t.due_at, u.full_name, row_number() OVER (ORDER BY t.priority, t.due_at, t.id) AS place"
        " FROM support_agents a LEFT JOIN support_tickets t ON t.agent_id = a.id AND t.status IN ('open', "
        "'waiting_customer')"
        " LEFT JOIN users u ON u.id = t.user_id WHERE a.id = $1 ORDER BY place LIMIT 50",
        param(c, "id"));
    found(c, r, "agent");
    object(c, NULL);
    put_text(c, "agent", one(r, "agent_name"));
    put_text(c, "team", one(r, "team"));
    put_array(c, "languages", one(r, "languages"));
    array(c, "queue");
    for (int i = 0; i < count(r) && val(r, i, "ticket_id"); i++) {
        object(c, NULL);
        put_number(c, "place", val(r, i, "place"));
        put_number(c, "ticketId", val(r, i, "ticket_id"));
        put_text(c, "subject", val(r, i, "subject"));
        put_text(c, "customer", val(r, i, "full_name"));
        put_text(c, "priority", label_of(priorities, val(r, i, "priority")));
        put_zulu(c, "dueAt", val(r, i, "due_at"));
        end(c);
    }
    end(c);
    end(c);
}

/* ---- writing ---- */

static void post_ticket(struct ctx *c)
{
    const char *category = need_id(c, "categoryId"), *subject = need(c, "subject"), *message = need(c, "message");
    const char *transaction = body(c, "transactionId");
    begin(c);
    rows k = sql(
        c,
        "SELECT k.id, k.name, k.default_priority, now() + k.sla_hours * interval '1 hour' AS due_at, x.id AS "
        "transaction_id"
        " FROM ticket_categories k JOIN users u ON u.id = $2 LEFT JOIN transactions x ON x.id = $3 AND x.user_id = u.id"
        " WHERE k.id = $1 AND k.is_active",
        category, caller(c), transaction);
    if (!stopped(c) && (count(k) == 0 || (transaction && !one(k, "transaction_id"))))
        stop(c, 422, "invalid", count(k) ? "that transaction is not yours" : "no such category");
    rows t =
        sql(c,
            "INSERT INTO support_tickets (user_id, category_id, transaction_id, subject, description, priority, due_at,"
            " opened_via, message_count) VALUES ($1, $2, $3, $4, $5, $6::ticket_priority, $7, $8::channel, 1)"
            " RETURNING id, reference, status, due_at",
            caller(c), one(k, "id"), transaction, subject, message, one(k, "default_priority"), one(k, "due_at"),
            header_in(c, "X-App") ? "ios" : "web");
    sql(c, "INSERT INTO ticket_messages (ticket_id, author_kind, author_id, body) VALUES ($1, 'user', $2, $3)",
        one(t, "id"), caller(c), message);
    sql(c,
        "INSERT INTO notifications (user_id, kind, channel, title, body, data) VALUES ($1, 'ticket_reply', 'email',"
        " 'We have your question', $2, jsonb_build_object('ticket', $3::text))",
        caller(c), subject, one(t, "reference"));
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/support/tickets/%s", one(t, "id") ? one(t, "id") : ""));
    object(c, NULL);
    put_number(c, "id", one(t, "id"));
    put_text(c, "reference", one(t, "reference"));
    put_text(c, "status", one(t, "status"));
    put_zulu(c, "dueAt", one(t, "due_at"));
    end(c);
}

/* A customer's answer opens the ticket again; an agent's waits for the customer, and is told to him. */
static void post_message(struct ctx *c)
{
    const char *id = param(c, "id"), *message = need(c, "body");
    const char *internal = is_staff(c) && body(c, "internal") && strcmp(body(c, "internal"), "true") == 0 ? "t" : "f";
    begin(c);
    rows t = found(c, sql(c, "SELECT * FROM support_tickets WHERE id = $1 FOR UPDATE", id), "ticket");
    only_owner(c, one(t, "user_id"));
    if (!stopped(c) && (strcmp(one(t, "status"), "closed") == 0 || strcmp(one(t, "status"), "merged") == 0))
        stop(c, 409, "closed", "this ticket is closed");
    rows m = sql(c,
                 "INSERT INTO ticket_messages (ticket_id, author_kind, author_id, body, is_internal)"
                 " VALUES ($1, $2, $3, $4, $5::boolean) RETURNING id, created_at",
                 id, is_staff(c) ? "agent" : "user", is_staff(c) ? one(t, "agent_id") : caller(c), message, internal);
    if (*internal == 'f')
        sql(c,
            "UPDATE support_tickets SET message_count = message_count + 1, updated_at = now(),"
            " status = CASE WHEN $2::boolean THEN 'waiting_customer' ELSE 'open' END::ticket_status,"
            " first_response_at = CASE WHEN $2::boolean THEN coalesce(first_response_at, now()) ELSE first_response_at "
            "END"
            " WHERE id = $1",
            id, is_staff(c) ? "t" : "f");
    if (is_staff(c) && *internal == 'f')
        sql(c,
            "INSERT INTO notifications (user_id, kind, channel, title, body, transaction_id)"
            " SELECT user_id, 'ticket_reply', 'email', 'We answered: ' || subject, left($2, 200), transaction_id"
            " FROM support_tickets WHERE id = $1",
            id, message);
    commit(c);
    status(c, 201);
    object(c, NULL);
    put_number(c, "id", one(m, "id"));
    put_zulu(c, "sentAt", one(m, "created_at"));
    end(c);
}

static bool may_become(const char *from, const char *to)
{
    static const char *const moves[][2] = {
        {"new", "open"},      {"new", "resolved"},          {"open", "waiting_customer"},
        {"open", "resolved"}, {"waiting_customer", "open"}, {"waiting_customer", "resolved"},
        {"resolved", "open"}, {"resolved", "closed"},
    };
    for (size_t i = 0; from && i < COUNT(moves); i++)
        if (strcmp(moves[i][0], from) == 0 && strcmp(moves[i][1], to) == 0)
            return true;
    return false;
}

static void patch_ticket(struct ctx *c)
{
    const char *id = param(c, "id"), *to = body_choice(c, "status", "open|waiting_customer|resolved|closed");
    const char *priority = priority_of(body_choice(c, "priority", priority_names)), *agent = body(c, "agentId");
    begin(c);
    rows t = found(c, sql(c, "SELECT status FROM support_tickets WHERE id = $1 FOR UPDATE", id), "ticket");
    if (!stopped(c) && to && !may_become(one(t, "status"), to))
        stop(c, 409, "wrong_state", text(c, "a ticket that is %s cannot become %s", one(t, "status"), to));
    rows r = sql(
        c,
        "UPDATE support_tickets SET status = coalesce($2::ticket_status, status),"
        " priority = coalesce($3::ticket_priority, priority), agent_id = coalesce($4::int, agent_id),"
        " resolved_at = CASE $2::ticket_status WHEN 'resolved' THEN now() WHEN 'open' THEN NULL ELSE resolved_at END,"
        " closed_at = CASE WHEN $2::ticket_status = 'closed' THEN now() ELSE closed_at END, updated_at = now()"
        " WHERE id = $1 RETURNING id, status, priority, agent_id, updated_at",
        id, to, priority, agent);
    if (to && strcmp(to, "resolved") == 0)
        sql(c,
            "INSERT INTO ticket_messages (ticket_id, author_kind, body) VALUES ($1, 'bot', 'Did this help? Please tell "
            "us.')",
            id);
    commit(c);
    object(c, NULL);
    put_number(c, "id", id);
    put_text(c, "status", one(r, "status"));
    put_text(c, "priority", label_of(priorities, one(r, "priority")));
    put_number(c, "agentId", one(r, "agent_id"));
    put_zulu(c, "updatedAt", one(r, "updated_at"));
    end(c);
}

/* Hands many tickets to one agent; those that are finished stay as they are. */
static void post_assign(struct ctx *c)
{
    const char *agent = need_id(c, "agentId");
    int n = body_count(c, "ticketIds"), assigned = 0;
    if (n == 0)
        stop(c, 422, "invalid", "ticketIds must not be empty");
    begin(c);
    rows a = sql(c, "SELECT id FROM support_agents WHERE id = $1 AND active FOR SHARE", agent);
    if (!stopped(c) && count(a) == 0)
        stop(c, 422, "invalid", "no such agent");
    for (int i = 0; i < n && !stopped(c); i++)
        assigned += (int)affected(sql(c,
                                      "UPDATE support_tickets SET agent_id = $2, updated_at = now(),"
                                      " status = CASE WHEN status = 'new' THEN 'open' ELSE status END"
                                      " WHERE id = $1 AND status IN ('new', 'open', 'waiting_customer')",
                                      body_element(c, "ticketIds", i), agent));
    commit(c);
    object(c, NULL);
    put_int(c, "requested", n);
    put_int(c, "assigned", assigned);
    end(c);
}

/* What has been resolved for two weeks is closed. */
static void close_resolved(struct ctx *c)
{
    sql(c,
        "WITH done AS (UPDATE support_tickets SET status = 'closed', closed_at = now(), updated_at = now() WHERE id IN"
        " (SELECT id FROM support_tickets WHERE status = 'resolved' AND resolved_at < now() - interval '14 days'"
        " ORDER BY id LIMIT 5 FOR UPDATE SKIP LOCKED) RETURNING id)"
        " INSERT INTO ticket_messages (ticket_id, author_kind, body, is_internal)"
        " SELECT id, 'bot', 'closed after 14 days', true FROM done");
}

static const struct route support_routes[] = {
    {"GET", "/v1/support/tickets", get_tickets, AUTH_STAFF, NULL, false},
    {"GET", "/v1/users/{id}/tickets", get_user_tickets, AUTH_USER, NULL, false},
    {"GET", "/v1/support/tickets/{id}", get_ticket, AUTH_USER, NULL, false},
    {"GET", "/v1/support/categories", get_categories, AUTH_NONE, NULL, true},
    {"GET", "/v1/support/search", get_search, AUTH_USER, NULL, false},
    {"GET", "/v1/support/stats", get_stats, AUTH_STAFF, NULL, false},
    {"GET", "/v1/support/agents/{id}/queue", get_agent_queue, AUTH_STAFF, NULL, false},
    {"POST", "/v1/support/tickets", post_ticket, AUTH_USER, NULL, false},
    {"POST", "/v1/support/tickets/{id}/messages", post_message, AUTH_USER, NULL, false},
    {"PATCH", "/v1/support/tickets/{id}", patch_ticket, AUTH_STAFF, NULL, false},
    {"POST", "/v1/support/tickets/bulk-assign", post_assign, AUTH_STAFF, NULL, false},
};
static const struct job support_jobs[] = {{"close_resolved_tickets", 20, close_resolved}};
SERVICE(support, ERRORS_PROBLEM, support_routes, support_jobs);
