// SPDX-License-Identifier: Apache-2.0
/*
 * Disputes, on the object mapper: a dispute's page loads it, then its payment, merchant, customer, events and files one
 * by one, and the list does so for every dispute. The queue and the figures were written later, by the people who wait
 * for them, as SQL. snake_case, money as text, nulls written.
 *
 *   opened -> evidence_needed -> submitted -> won | lost        opened, evidence_needed -> withdrawn
 */
#include "app.h"

static const struct model Dispute = {"disputes", true};
static const struct model DisputeEvent = {"dispute_events", false};
static const struct model EvidenceFile = {"dispute_evidence_files", true};
static const struct model Transaction = {"transactions", false};
static const struct model Merchant = {"merchants", false};
static const struct model User = {"users", false};
static const struct model Notification = {"notifications", true};

static const struct label reasons[] = {{"fraud", "Not made by me"},
                                       {"not_received", "Goods not received"},
                                       {"not_as_described", "Not as described"},
                                       {"duplicate", "Charged twice"},
                                       {"credit_not_processed", "Refund missing"},
                                       {NULL}};
static const struct label states[] = {{"opened", "Opened"},
                                      {"evidence_needed", "We need something from you"},
                                      {"submitted", "With the bank"},
                                      {"won", "Decided for you"},
                                      {"lost", "Decided for the merchant"},
                                      {"withdrawn", "Withdrawn"},
                                      {NULL}};

static const struct field dispute_row[] = {
    {"id", NULL, NUMBER},
    {"transaction_id", NULL, NUMBER},
    {"card_id", NULL, NUMBER},
    {"reason", NULL, TEXT},
    {"reason_label", "reason", LABEL, .labels = reasons},
    {"status", NULL, TEXT},
    {"status_label", "status", LABEL, .labels = states},
    {"amount", NULL, TEXT},
    {"currency", NULL, TEXT},
    {"description", NULL, TEXT},
    {"provisional_credit", NULL, BOOL},
    {"recovered", NULL, TEXT},
    {"deadline_on", NULL, TEXT},
    {"opened_at", NULL, ISO},
    {"resolved_at", NULL, ISO},
    {"updated_at", NULL, ISO},
    {NULL},
};
static const struct field payment_row[] = {{"id", NULL, NUMBER},      {"amount", NULL, TEXT},
                                           {"status", NULL, TEXT},    {"description", NULL, TEXT},
                                           {"created_at", NULL, ISO}, {NULL}};
static const struct field merchant_row[] = {
    {"id", NULL, NUMBER}, {"name", NULL, TEXT}, {"category", NULL, TEXT}, {"country", NULL, TEXT}, {NULL}};
static const struct field event_row[] = {{"kind", NULL, TEXT},
                                         {"from", "from_status", LABEL, .labels = states},
                                         {"to", "to_status", LABEL, .labels = states},
                                         {"note", NULL, TEXT},
                                         {"actor", NULL, TEXT},
                                         {"at", "created_at", ISO},
                                         {NULL}};
static const struct field file_row[] = {
    {"id", NULL, NUMBER},   {"file_name", NULL, TEXT}, {"mime", NULL, TEXT},       {"bytes", NULL, NUMBER},
    {"sha256", NULL, TEXT}, {"tags", NULL, ARRAY},     {"uploaded_at", NULL, ISO}, {NULL}};

static rows my_dispute(struct ctx *c)
{
    rows d = found(c, orm_find(c, &Dispute, param(c, "id")), "dispute");
    only_owner(c, one(d, "user_id"));
    return d;
}

/* ---- reads ---- */

static void put_dispute(struct ctx *c, rows d, int i)
{
    rows t = orm_find(c, &Transaction, val(d, i, "transaction_id"));
    rows m = orm_find(c, &Merchant, val(d, i, "merchant_id"));
    put_fields(c, d, i, dispute_row);
    put_row(c, "payment", t, 0, payment_row);
    put_row(c, "merchant", m, 0, merchant_row);
}

static void list_disputes(struct ctx *c)
{
    rows all = orm_where(c, &Dispute, "user_id", caller(c), "\"opened_at\" DESC, \"id\" DESC",
                         arg_number(c, "limit", "10", 1, 50));
    object(c, NULL);
    array(c, "data");
    for (int i = 0; i < count(all); i++) {
        object(c, NULL);
        put_dispute(c, all, i);
        put_number(c, "files", orm_count(c, &EvidenceFile, "dispute_id", val(all, i, "id")));
        end(c);
    }
    end(c);
    object(c, "meta");
    put_number(c, "total", orm_count(c, &Dispute, "user_id", caller(c)));
    end(c);
    end(c);
}

static void get_dispute(struct ctx *c)
{
    rows d = my_dispute(c);
    const char *id = one(d, "id");
    rows customer = orm_find(c, &User, one(d, "user_id"));
    rows events = orm_where(c, &DisputeEvent, "dispute_id", id, "\"created_at\", \"id\"", NULL);
    object(c, NULL);
    put_dispute(c, d, 0);
    object(c, "customer");
    put_number(c, "id", one(customer, "id"));
    put_text(c, "name", one(customer, "deleted_at") ? "(deleted)" : one(customer, "full_name"));
    put_text(c, "country", one(customer, "country"));
    end(c);
    put_rows(c, "events", events, event_row);
    put_rows(c, "files", orm_where(c, &EvidenceFile, "dispute_id", id, "\"id\"", NULL), file_row);
    if (is_staff(c))
        put_text(c, "assignee", one(d, "assignee"));
    end(c);
}

/* What is to be done next. Rows of one day come as they come. */
static void get_queue(struct ctx *c)
{
    static const struct field queue_row[] = {{"id", NULL, NUMBER},
                                             {"reason", NULL, LABEL, .labels = reasons},
                                             {"status", NULL, TEXT},
                                             {"amount", NULL, TEXT},
                                             {"currency", NULL, TEXT},
                                             {"deadline_on", NULL, TEXT},
                                             {"assignee", NULL, TEXT},
                                             {"customer", "full_name", TEXT},
                                             {"merchant", "merchant_name", TEXT},
                                             {"paid_at", NULL, ISO},
                                             {"flags", NULL, ARRAY},
                                             {"earlier_disputes", NULL, NUMBER},
                                             {NULL}};
    struct page p = page_of(c, "page", "per_page", 25);
    rows r = sql(c,
                 "SELECT d.id, d.reason, d.status, d.amount, d.currency, d.deadline_on, d.assignee, u.full_name,"
                 " m.name AS merchant_name, t.created_at AS paid_at,"
                 " ARRAY(SELECT r.check_type || ':' || r.status FROM compliance_records r WHERE r.transaction_id = t.id"
                 "  AND r.status <> 'clear' ORDER BY r.id) AS flags,"
                 " (SELECT count(*) FROM disputes o WHERE o.user_id = d.user_id AND o.opened_at < d.opened_at) AS "
                 "earlier_disputes"
                 " FROM disputes d JOIN users u ON u.id = d.user_id JOIN transactions t ON t.id = d.transaction_id"
                 " LEFT JOIN merchants m ON m.id = d.merchant_id"
                 " WHERE d.status IN ('opened', 'evidence_needed', 'submitted') AND d.deleted_at IS NULL"
                 " AND ($1::text IS NULL OR d.assignee = $1) ORDER BY d.deadline_on LIMIT $2 OFFSET $3",
                 arg(c, "assignee"), p.limit, p.offset);
    object(c, NULL);
    put_rows(c, "data", r, queue_row);
    object(c, "meta");
    put_int(c, "page", p.number);
    put_int(c, "per_page", p.size);
    end(c);
    end(c);
}

static void get_figures(struct ctx *c)
{
    static const struct field figure_row[] = {{"merchant_id", NULL, NUMBER},
                                              {"merchant", "name", TEXT},
                                              {"payments", NULL, NUMBER},
                                              {"disputes", NULL, NUMBER},
                                              {"won", NULL, NUMBER},
                                              {"disputed_amount", NULL, TEXT},
                                              {"rate", NULL, TEXT},
                                              {"worst_reason", NULL, LABEL, .labels = reasons},
                                              {NULL}};
    rows r = sql(
        c,
        "WITH d AS (SELECT merchant_id, count(*) AS disputes, count(*) FILTER (WHERE status = 'won') AS won,"
        " sum(amount) AS disputed_amount, mode() WITHIN GROUP (ORDER BY reason) AS worst_reason"
        " FROM disputes WHERE deleted_at IS NULL GROUP BY merchant_id)"
        " SELECT m.id AS merchant_id, m.name, p.n AS payments, d.disputes, d.won, d.disputed_amount, d.worst_reason,"
        " round(100.0 * d.disputes / nullif(p.n, 0), 2) AS rate FROM d JOIN merchants m ON m.id = d.merchant_id"
        " CROSS JOIN LATERAL (SELECT count(*) AS n FROM transactions t WHERE t.merchant_id = m.id) p"
        " WHERE ($1::text IS NULL OR m.category = $1) ORDER BY d.disputes DESC, m.id LIMIT $2",
        arg(c, "category"), arg_number(c, "limit", "10", 1, 50));
    put_rows(c, NULL, r, figure_row);
}

/* ---- writes ---- */

static void add_event(struct ctx *c, const char *id, const char *kind, const char *from, const char *to,
                      const char *note)
{
    orm_insert(c, &DisputeEvent, "dispute_id", id, "kind", kind, "from_status", from, "to_status", to, "note", note,
               "actor", is_staff(c) ? text(c, "agent%s", caller(c)) : "user");
}

static void create_dispute(struct ctx *c)
{
    const char *reason =
        need_choice(c, "reason", "fraud|not_received|not_as_described|duplicate|credit_not_processed|other");
    const char *payment = need_id(c, "transaction_id");
    begin(c);
    rows t = found(
        c, sql(c, "SELECT t.*, t.kind = 'payment' AS payable FROM transactions t WHERE id = $1 FOR SHARE", payment),
        "transaction");
    only_owner(c, one(t, "user_id"));
    if (!stopped(c) && !is_true(one(t, "payable")))
        stop(c, 422, "not_a_payment", "only payments can be disputed");
    rows open = sql(
        c, "SELECT id FROM disputes WHERE transaction_id = $1 AND deleted_at IS NULL AND status <> 'withdrawn' LIMIT 1",
        payment);
    if (count(open))
        stop(c, 409, "already_disputed", text(c, "see dispute %s", one(open, "id")));
    rows d = orm_insert(c, &Dispute, "transaction_id", payment, "user_id", one(t, "user_id"), "account_id",
                        one(t, "account_id"), "merchant_id", one(t, "merchant_id"), "reason", reason, "amount",
                        one(t, "amount"), "currency", one(t, "currency"), "description",
                        body(c, "description") ? body(c, "description") : "", "deadline_on",
                        one(sql(c, "SELECT current_date + 45 AS day"), "day"));
    add_event(c, one(d, "id"), "opened", NULL, "opened", NULL);
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/disputes/%s", one(d, "id")));
    put_row(c, NULL, d, 0, dispute_row);
}

/* From one of the states `from` to `to`, else 409; answers the dispute. */
static void move(struct ctx *c, const char *from, const char *to, const char *note)
{
    begin(c);
    rows d = my_dispute(c);
    rows locked = sql(c,
                      "SELECT status, status::text = ANY (string_to_array($2::text, '|')) AS allowed FROM disputes"
                      " WHERE id = $1 FOR UPDATE",
                      one(d, "id"), from);
    if (!stopped(c) && !is_true(one(locked, "allowed")))
        stop(c, 409, "wrong_state", text(c, "a dispute that is %s cannot become %s", one(locked, "status"), to));
    bool final = to[0] == 'w' || to[0] == 'l';
    d = orm_update(c, &Dispute, one(d, "id"), "status", to, "updated_at", "now", "resolved_at", final ? "now" : NULL,
                   "recovered", strcmp(to, "won") == 0 ? one(d, "amount") : NULL);
    add_event(c, one(d, "id"), "status", one(locked, "status"), to, note);
    if (is_staff(c))
        orm_insert(c, &Notification, "user_id", one(d, "user_id"), "transaction_id", one(d, "transaction_id"), "kind",
                   "dispute_update", "channel", "email", "title", label_of(states, to), "body", note ? note : "");
    commit(c);
    put_row(c, NULL, d, 0, dispute_row);
}

static void ask_evidence(struct ctx *c) { move(c, "opened|evidence_needed", "evidence_needed", need(c, "note")); }
static void submit(struct ctx *c) { move(c, "opened|evidence_needed|submitted", "submitted", body(c, "note")); }
static void resolve(struct ctx *c) { move(c, "submitted", need_choice(c, "outcome", "won|lost"), body(c, "note")); }
static void withdraw(struct ctx *c) { move(c, "opened|evidence_needed", "withdrawn", NULL); }

static void add_file(struct ctx *c)
{
    rows d = my_dispute(c);
    const char *name = need(c, "file_name"),
               *mime = need_choice(c, "mime", "application/pdf|image/jpeg|image/png|text/plain");
    const char *bytes = need_id(c, "bytes");
    if (strlen(bytes) > 8)
        stop(c, 422, "too_large", "at most 99,999,999 bytes");
    begin(c);
    rows f = orm_insert(c, &EvidenceFile, "dispute_id", one(d, "id"), "uploaded_by", one(d, "user_id"), "file_name",
                        name, "mime", mime, "bytes", bytes);
    add_event(c, one(d, "id"), "file", NULL, NULL, name);
    orm_update(c, &Dispute, one(d, "id"), "updated_at", "now");
    commit(c);
    status(c, 201);
    put_row(c, NULL, f, 0, file_row);
}

static void delete_file(struct ctx *c)
{
    rows f = found(c, orm_find(c, &EvidenceFile, param(c, "id")), "file");
    rows d = found(c, orm_find(c, &Dispute, one(f, "dispute_id")), "dispute");
    only_owner(c, one(d, "user_id"));
    begin(c);
    orm_update(c, &EvidenceFile, one(f, "id"), "deleted_at", "now");
    add_event(c, one(d, "id"), "file_removed", NULL, NULL, one(f, "file_name"));
    commit(c);
    status(c, 204);
}

static const struct route dispute_routes[] = {
    {"GET", "/v1/disputes", list_disputes, AUTH_USER, NULL, false},
    {"GET", "/v1/disputes/{id}", get_dispute, AUTH_USER, NULL, false},
    {"GET", "/v1/disputes/queue", get_queue, AUTH_STAFF, NULL, false},
    {"GET", "/v1/disputes/figures", get_figures, AUTH_STAFF, NULL, false},
    {"POST", "/v1/disputes", create_dispute, AUTH_USER, NULL, false},
    {"POST", "/v1/disputes/{id}/ask", ask_evidence, AUTH_STAFF, NULL, false},
    {"POST", "/v1/disputes/{id}/submit", submit, AUTH_USER, NULL, false},
    {"POST", "/v1/disputes/{id}/resolve", resolve, AUTH_STAFF, NULL, false},
    {"POST", "/v1/disputes/{id}/withdraw", withdraw, AUTH_USER, NULL, false},
    {"POST", "/v1/disputes/{id}/files", add_file, AUTH_USER, NULL, false},
    {"DELETE", "/v1/dispute-files/{id}", delete_file, AUTH_USER, NULL, false},
};

SERVICE_NO_JOBS(disputes, ERRORS_TEXT, dispute_routes);
