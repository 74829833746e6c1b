// SPDX-License-Identifier: Apache-2.0
/*
 * Repayments: plans with instalments, payments, and what each payment was used for (fees first, then interest, then
 * principal). Object mapping, a relation a statement, with SQL by hand where somebody lost patience. camelCase, minor
 * units.
 */
#include "app.h"

static const struct model Plan = {"repayment_plans", false}, Instalment = {"instalments", false},
                          Repayment = {"repayments", false}, Loan = {"loans", false}, User = {"users", false};

static const struct label method_labels[] = {
    {"sepa_debit", "SEPA-Lastschrift"}, {"card", "Karte"}, {"transfer", "Überweisung"}, {NULL, NULL}};

static const struct field repayment_fields[] = {{"id", NULL, NUMBER},
                                                {"loanId", "loan_id", NUMBER},
                                                {"amount", NULL, MINOR, .currency = "currency"},
                                                {"currency", NULL, TEXT},
                                                {"method", NULL, LABEL, .labels = method_labels},
                                                {"status", NULL, TEXT},
                                                {"reference", NULL, TEXT, .omit_null = true},
                                                {"note", NULL, TEXT, .omit_null = true},
                                                {"unallocated", NULL, MINOR, .currency = "currency"},
                                                {"valueDate", "value_date", TEXT},
                                                {"receivedAt", "received_at", EPOCH_MS},
                                                {"received", "received_at", ISO},
                                                {NULL}};
static const struct field instalment_fields[] = {{"id", NULL, NUMBER},
                                                 {"number", NULL, NUMBER},
                                                 {"dueOn", "due_on", TEXT},
                                                 {"status", NULL, TEXT},
                                                 {"principal", "principal_due", MINOR, .currency = "currency"},
                                                 {"interest", "interest_due", MINOR, .currency = "currency"},
                                                 {"fee", "fee_due", MINOR, .currency = "currency"},
                                                 {"paid", NULL, MINOR, .currency = "currency"},
                                                 {"open", NULL, MINOR, .currency = "currency"},
                                                 {"paidAt", "paid_at", EPOCH_MS, .omit_null = true},
                                                 {NULL}};

/* A plan as its object graph: the loan, its owner, every instalment, and for every instalment the payments behind it.
 */
static void get_plan(struct ctx *c)
{
    rows plan = found(c, orm_find(c, &Plan, param(c, "id")), "plan");
    only_owner(c, one(plan, "user_id"));
    rows loan = orm_find(c, &Loan, one(plan, "loan_id")), user = orm_find(c, &User, one(plan, "user_id"));
    rows parts = orm_where(c, &Instalment, "plan_id", param(c, "id"), "number", NULL);
    const char *currency = one(plan, "currency");
    object(c, NULL);
    put_number(c, "id", one(plan, "id"));
    put_number(c, "version", one(plan, "version"));
    put_text(c, "status", one(plan, "status"));
    put_minor(c, "totalPrincipal", one(plan, "total_principal"), currency);
    put_minor(c, "totalInterest", one(plan, "total_interest"), currency);
    put_number(c, "settings", one(plan, "settings"));
    put_text(c, "loanNumber", one(loan, "loan_number"));
    put_text(c, "debtor", one(user, "full_name"));
    array(c, "instalments");
    for (int i = 0; i < count(parts) && !stopped(c); i++) {
        rows used = sql(c,
                        "SELECT repayment_id, bucket, amount FROM repayment_allocations WHERE instalment_id = $1 ORDER "
                        "BY repayment_id, bucket",
                        val(parts, i, "id"));
        object(c, NULL);
        put_number(c, "number", val(parts, i, "number"));
        put_text(c, "dueOn", val(parts, i, "due_on"));
        put_text(c, "status", val(parts, i, "status"));
        put_minor(c, "principal", val(parts, i, "principal_due"), currency);
        put_minor(c, "interest", val(parts, i, "interest_due"), currency);
        array(c, "payments");
        for (int k = 0; k < count(used); k++) {
            object(c, NULL);
            put_number(c, "repaymentId", val(used, k, "repayment_id"));
            put_text(c, "for", val(used, k, "bucket"));
            put_minor(c, "amount", val(used, k, "amount"), currency);
            end(c);
        }
        end(c);
        end(c);
    }
    end(c);
    end(c);
}

static void schedule(struct ctx *c)
{
    rows l = found(
        c,
        sql(c,
            "SELECT l.user_id, l.status, u.full_name, p.id AS plan_id FROM loans l JOIN users u ON u.id = l.user_id "
            "JOIN repayment_plans p ON p.loan_id = l.id WHERE l.id = $1 ORDER BY p.version DESC LIMIT 1",
            param(c, "id")),
        "loan");
    only_owner(c, one(l, "user_id"));
    rows r =
        sql(c,
            "SELECT i.*, l.currency, i.principal_paid + i.interest_paid + i.fee_paid AS paid, "
            "i.principal_due + i.interest_due + i.fee_due - i.principal_paid - i.interest_paid - i.fee_paid AS open "
            "FROM instalments i JOIN loans l ON l.id = i.loan_id WHERE i.plan_id = $1 ORDER BY i.number",
            one(l, "plan_id"));
    put_rows(c, NULL, r, instalment_fields);
}

static void list_repayments(struct ctx *c)
{
    struct page p = page_of(c, "page", "pageSize", 20);
    struct query q = query(c, "SELECT r.*, l.loan_number, u.full_name, u.country, t.description AS booking "
                              "FROM repayments r JOIN loans l ON l.id = r.loan_id JOIN users u ON u.id = r.user_id "
                              "LEFT JOIN transactions t ON t.id = r.transaction_id");
    query_if(&q, arg_choice(c, "status", "received|allocated|reversed|refunded"), "r.status = ?");
    query_if(&q, arg_choice(c, "method", "sepa_debit|card|transfer|manual"), "r.method = ?");
    query_if(&q, arg(c, "from"), "r.value_date >= ?::date");
    query_add(&q, " ORDER BY r.received_at DESC, r.id DESC");
    query_value(&q, " LIMIT ?", p.limit);
    query_value(&q, " OFFSET ?", p.offset);
    rows r = query_run(&q);
    if (count(r) == p.size)
        header_out(c, "X-Next-Page", text(c, "%lld", (long long)p.number + 1));
    array(c, NULL);
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, repayment_fields);
        put_text(c, "loanNumber", val(r, i, "loan_number"));
        object(c, "debtor");
        put_text(c, "name", val(r, i, "full_name"));
        put_text(c, "country", val(r, i, "country"));
        end(c);
        put_text(c, "booking", val(r, i, "booking"));
        end(c);
    }
    end(c);
}

static void get_repayment(struct ctx *c)
{
    rows r = found(c, orm_find(c, &Repayment, param(c, "id")), "repayment");
    only_owner(c, one(r, "user_id"));
    rows used = sql(
        c,
        "SELECT i.number, i.due_on, l.loan_number, l.currency, sum(a.amount) FILTER (WHERE a.bucket = 'principal') AS "
        "principal, "
        "sum(a.amount) FILTER (WHERE a.bucket = 'interest') AS interest, sum(a.amount) FILTER (WHERE a.bucket = 'fee') "
        "AS fee "
        "FROM repayment_allocations a JOIN instalments i ON i.id = a.instalment_id JOIN loans l ON l.id = i.loan_id "
        "WHERE a.repayment_id = $1 GROUP BY i.id, l.id ORDER BY i.due_on, i.id",
        param(c, "id"));
    static const struct field used_fields[] = {{"instalment", "number", NUMBER},
                                               {"dueOn", "due_on", TEXT},
                                               {"loanNumber", "loan_number", TEXT},
                                               {"principal", NULL, MINOR, true, "currency"},
                                               {"interest", NULL, MINOR, true, "currency"},
                                               {"fee", NULL, MINOR, true, "currency"},
                                               {NULL}};
    object(c, NULL);
    put_fields(c, r, 0, repayment_fields);
    put_rows(c, "usedFor", used, used_fields);
    end(c);
}

/* What is expected to come in, a row a due day and currency. */
static void upcoming(struct ctx *c)
{
    static const struct field fields[] = {{"dueOn", "due_on", TEXT},
                                          {"currency", NULL, TEXT},
                                          {"expected", NULL, MINOR, .currency = "currency"},
                                          {"instalments", NULL, NUMBER},
                                          {"debtors", NULL, NUMBER},
                                          {"inCollection", "in_collection", NUMBER},
                                          {NULL}};
    rows r = sql(
        c,
        "SELECT i.due_on, l.currency, sum(i.principal_due + i.interest_due + i.fee_due - i.principal_paid - "
        "i.interest_paid - i.fee_paid) AS expected, "
        "count(*) AS instalments, count(DISTINCT u.id) AS debtors, count(DISTINCT k.id) AS in_collection FROM "
        "instalments i "
        "JOIN loans l ON l.id = i.loan_id JOIN users u ON u.id = l.user_id "
        "LEFT JOIN collection_cases k ON k.loan_id = l.id AND k.closed_at IS NULL "
        "WHERE i.status IN ('scheduled', 'due', 'partial', 'overdue') AND i.due_on >= coalesce($1, '2026-06-15')::date "
        "AND i.due_on < coalesce($1, '2026-06-15')::date + $2::int GROUP BY i.due_on, l.currency ORDER BY i.due_on, "
        "l.currency",
        arg(c, "from"), arg_number(c, "days", "14", 1, 92));
    put_rows(c, NULL, r, fields);
}

static void audit(struct ctx *c, const char *action, const char *id, const char *amount)
{
    sql(c,
        "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, after) "
        "VALUES ($1, $2, 'repayments', $3, 'repayment', $4, jsonb_build_object('amount', $5::text))",
        caller(c), is_staff(c) ? "staff" : "user", action, id, amount);
}

/* The loan, its plan and their states after money moved. */
static void settle(struct ctx *c, const char *loan)
{
    rows sums = sql(c,
                    "SELECT coalesce(sum(principal_due - principal_paid), 0) AS left, count(*) FILTER (WHERE status = "
                    "'overdue') AS late, "
                    "coalesce(sum(principal_due + interest_due + fee_due - principal_paid - interest_paid - fee_paid) "
                    "<= 0, true) AS done "
                    "FROM instalments WHERE loan_id = $1 AND status <> 'cancelled'",
                    loan);
    bool done = is_true(one(sums, "done"));
    sql(c,
        "UPDATE loans SET outstanding = $2, status = CASE WHEN $3 THEN 'settled' WHEN status IN ('overdue', 'settled') "
        "AND $4::int = 0 "
        "THEN 'active' WHEN status IN ('active', 'settled') AND $4::int > 0 THEN 'overdue' ELSE status "
        "END::loan_status, "
        "closed_at = CASE WHEN $3 THEN now() WHEN status = 'written_off' THEN closed_at END, updated_at = now() WHERE "
        "id = $1",
        loan, one(sums, "left"), done ? "t" : "f", one(sums, "late"));
    sql(c,
        "UPDATE repayment_plans SET status = CASE WHEN $2 THEN 'completed' ELSE 'active' END, updated_at = now() "
        "WHERE loan_id = $1 AND status IN ('active', 'completed')",
        loan, done ? "t" : "f");
}

static void use(struct ctx *c, const char *repayment, const char *instalment, const char *bucket, const char *amount)
{
    sql(c,
        "INSERT INTO repayment_allocations (repayment_id, instalment_id, bucket, amount) SELECT $1, $2, $3, "
        "$4::numeric WHERE $4::numeric > 0",
        repayment, instalment, bucket, amount);
}

/* Takes what it can of `left` for one instalment; what remains. */
static const char *pay(struct ctx *c, rows due, int i, const char *repayment, const char *left)
{
    rows part = sql(c,
                    "SELECT fee, interest, principal, $1::numeric - fee - interest - principal AS left, fee + "
                    "$3::numeric AS fee_paid, "
                    "interest + $5::numeric AS interest_paid, principal + $7::numeric AS principal_paid, "
                    "CASE WHEN fee + interest + principal = $2::numeric - $3::numeric + $4::numeric - $5::numeric + "
                    "$6::numeric - $7::numeric "
                    "THEN 'paid' ELSE 'partial' END AS status FROM (SELECT least($1::numeric, $2::numeric - "
                    "$3::numeric) AS fee) f, "
                    "LATERAL (SELECT least($1::numeric - fee, $4::numeric - $5::numeric) AS interest) t, "
                    "LATERAL (SELECT least($1::numeric - fee - interest, $6::numeric - $7::numeric) AS principal) p",
                    left, val(due, i, "fee_due"), val(due, i, "fee_paid"), val(due, i, "interest_due"),
                    val(due, i, "interest_paid"), val(due, i, "principal_due"), val(due, i, "principal_paid"));
    const char *id = val(due, i, "id"), *status = one(part, "status");
    bool paid = status && !strcmp(status, "paid");
    use(c, repayment, id, "fee", one(part, "fee"));
    use(c, repayment, id, "interest", one(part, "interest"));
    use(c, repayment, id, "principal", one(part, "principal"));
    orm_update(c, &Instalment, id, "fee_paid", one(part, "fee_paid"), "interest_paid", one(part, "interest_paid"),
               "principal_paid", one(part, "principal_paid"), "status", status, "paid_at", paid ? "now" : NULL,
               "updated_at", "now");
    return one(part, "left");
}

static void repay(struct ctx *c)
{
    const char *amount = need_amount(c, "amount"),
               *method = need_choice(c, "method", "sepa_debit|card|transfer|manual");
    begin(c);
    rows loan = found(c,
                      sql(c,
                          "SELECT l.*, l.status IN ('active', 'overdue', 'defaulted') AS payable, round($2::numeric, "
                          "CASE l.currency WHEN 'JPY' "
                          "THEN 0 ELSE 2 END) AS rounded FROM loans l WHERE l.id = $1 FOR UPDATE",
                          param(c, "id"), amount),
                      "loan");
    only_owner(c, one(loan, "user_id"));
    if (!stopped(c) && !is_true(one(loan, "payable")))
        stop(c, 409, "loan_closed", text(c, "nothing can be paid on a loan that is %s", one(loan, "status")));
    amount = one(loan, "rounded");
    rows made = orm_insert(c, &Repayment, "loan_id", param(c, "id"), "user_id", one(loan, "user_id"), "account_id",
                           one(loan, "account_id"), "amount", amount, "currency", one(loan, "currency"), "method",
                           method, "status", "allocated", "reference", body(c, "reference"), "value_date", "today");
    rows due =
        sql(c,
            "SELECT * FROM instalments WHERE loan_id = $1 AND status IN ('scheduled', 'due', 'partial', 'overdue') "
            "ORDER BY due_on, id LIMIT 36",
            param(c, "id"));
    const char *left = amount, *id = one(made, "id");
    for (int i = 0; i < count(due) && !stopped(c) && strpbrk(left, "123456789"); i++)
        left = pay(c, due, i, id, left);
    rows r = orm_update(c, &Repayment, id, "unallocated", left);
    settle(c, param(c, "id"));
    audit(c, "repayment.record", id, amount);
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/repayments/%s", id ? id : ""));
    put_row(c, NULL, r, 0, repayment_fields);
}

static void reverse(struct ctx *c)
{
    const char *why = need(c, "reason");
    begin(c);
    rows r = found(
        c,
        sql(c,
            "SELECT r.*, l.id AS locked FROM repayments r JOIN loans l ON l.id = r.loan_id WHERE r.id = $1 FOR UPDATE",
            param(c, "id")),
        "repayment");
    if (!stopped(c) && strcmp(one(r, "status"), "allocated") != 0)
        stop(c, 409, "wrong_state", text(c, "this payment is %s", one(r, "status")));
    rows used =
        sql(c, "DELETE FROM repayment_allocations WHERE repayment_id = $1 RETURNING instalment_id, bucket, amount",
            param(c, "id"));
    for (int i = 0; i < count(used) && !stopped(c); i++)
        sql(c,
            "UPDATE instalments SET fee_paid = fee_paid - CASE WHEN $2 = 'fee' THEN $3::numeric ELSE 0 END, "
            "interest_paid = interest_paid - CASE WHEN $2 = 'interest' THEN $3::numeric ELSE 0 END, "
            "principal_paid = principal_paid - CASE WHEN $2 = 'principal' THEN $3::numeric ELSE 0 END, paid_at = NULL, "
            "status = CASE WHEN status = 'cancelled' THEN status WHEN due_on < current_date THEN 'overdue' ELSE "
            "'scheduled' END, updated_at = now() "
            "WHERE id = $1",
            val(used, i, "instalment_id"), val(used, i, "bucket"), val(used, i, "amount"));
    rows now = orm_update(c, &Repayment, param(c, "id"), "status", "reversed", "note", why, "unallocated", "0");
    settle(c, one(r, "loan_id"));
    audit(c, "repayment.reverse", param(c, "id"), one(r, "amount"));
    commit(c);
    put_row(c, NULL, now, 0, repayment_fields);
}

static void waive_fee(struct ctx *c)
{
    begin(c);
    rows i = found(c,
                   sql(c,
                       "SELECT i.*, i.fee_due > i.fee_paid AND i.status <> 'paid' AS possible FROM instalments i "
                       "JOIN loans l ON l.id = i.loan_id WHERE i.id = $1 FOR UPDATE",
                       param(c, "id")),
                   "instalment");
    if (!stopped(c) && !is_true(one(i, "possible")))
        stop(c, 409, "no_fee", "there is no open fee to waive");
    rows r = orm_update(c, &Instalment, param(c, "id"), "fee_due", one(i, "fee_paid"), "updated_at", "now");
    rows loan = orm_find(c, &Loan, one(i, "loan_id"));
    audit(c, "fee.waive", param(c, "id"), one(i, "fee_due"));
    commit(c);
    object(c, NULL);
    put_number(c, "id", one(r, "id"));
    put_minor(c, "fee", one(r, "fee_due"), one(loan, "currency"));
    put_text(c, "status", one(r, "status"));
    put_text(c, "loanNumber", one(loan, "loan_number"));
    end(c);
}

/* A new plan over what is left of the principal; the old one stays for the record. */
static void reschedule(struct ctx *c)
{
    const char *months = need_id(c, "months");
    begin(c);
    rows loan = found(c, sql(c, "SELECT * FROM loans WHERE id = $1 FOR UPDATE", param(c, "id")), "loan");
    if (months && strlen(months) > 2)
        stop(c, 422, "too_long", "at most 99 months");
    if (!stopped(c) && strcmp(one(loan, "status"), "active") != 0 && strcmp(one(loan, "status"), "overdue") != 0)
        stop(c, 409, "wrong_state", "only running loans can be rescheduled");
    rows old = orm_where(c, &Plan, "loan_id", param(c, "id"), "version DESC", "1");
    rows left = sql(c,
                    "SELECT sum(principal_due - principal_paid) AS principal, coalesce($2::int, 0) + 1 AS version FROM "
                    "instalments WHERE loan_id = $1 AND status <> 'cancelled'",
                    param(c, "id"), one(old, "version"));
    sql(c,
        "UPDATE instalments SET status = 'cancelled', updated_at = now() WHERE loan_id = $1 AND status NOT IN ('paid', "
        "'cancelled')",
        param(c, "id"));
    orm_update(c, &Plan, one(old, "id"), "status", "superseded", "updated_at", "now");
    rows plan =
        orm_insert(c, &Plan, "loan_id", param(c, "id"), "user_id", one(loan, "user_id"), "version",
                   one(left, "version"), "instalments", months, "currency", one(loan, "currency"), "total_principal",
                   one(left, "principal"), "total_interest", "0", "generated_by", text(c, "officer%s", caller(c)));
    rows made = sql(c,
                    "WITH made AS (INSERT INTO instalments (plan_id, loan_id, user_id, number, due_on, principal_due, "
                    "interest_due) "
                    "SELECT $1, $2, $3, k, (current_date + k * interval '1 month')::date, CASE WHEN k = $5::int THEN "
                    "$4::numeric - ($5::int - 1) * part ELSE part END, "
                    "round(($4::numeric - (k - 1) * part) * $6::numeric / 1200, scale) FROM (SELECT *, "
                    "round($4::numeric / $5::int, scale) AS part FROM "
                    "(SELECT CASE $7 WHEN 'JPY' THEN 0 WHEN 'KWD' THEN 3 ELSE 2 END AS scale) s) s, generate_series(1, "
                    "$5::int) k RETURNING interest_due) "
                    "SELECT sum(interest_due) AS interest, count(*) AS n FROM made",
                    one(plan, "id"), param(c, "id"), one(loan, "user_id"), one(left, "principal"), months,
                    one(loan, "rate_pct"), one(loan, "currency"));
    orm_update(c, &Plan, one(plan, "id"), "total_interest", one(made, "interest"));
    settle(c, param(c, "id"));
    audit(c, "plan.reschedule", one(plan, "id"), one(left, "principal"));
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/repayments/plans/%s", one(plan, "id") ? one(plan, "id") : ""));
    object(c, NULL);
    put_number(c, "planId", one(plan, "id"));
    put_number(c, "version", one(left, "version"));
    put_number(c, "instalments", one(made, "n"));
    put_minor(c, "principal", one(left, "principal"), one(loan, "currency"));
    put_minor(c, "interest", one(made, "interest"), one(loan, "currency"));
    end(c);
}

/* Instalments whose day has passed, and their loans; some at a time, and not those that are just being paid. */
static void mark_overdue(struct ctx *c)
{
    begin(c);
    rows late = sql(
        c,
        "UPDATE instalments i SET status = 'overdue', updated_at = now() WHERE i.id IN (SELECT x.id FROM instalments x "
        "JOIN loans l ON l.id = x.loan_id WHERE x.status IN ('scheduled', 'due', 'partial') AND x.due_on < "
        "current_date - 14 "
        "ORDER BY x.due_on, x.id LIMIT 20 FOR UPDATE OF l SKIP LOCKED) AND i.status IN ('scheduled', 'due', 'partial') "
        "RETURNING i.loan_id");
    for (int i = 0; i < count(late) && !stopped(c); i++)
        sql(c, "UPDATE loans SET status = 'overdue', updated_at = now() WHERE id = $1 AND status = 'active'",
            val(late, i, "loan_id"));
    commit(c);
}

static const struct route repayment_routes[] = {
    {"GET", "/v1/repayments", list_repayments, AUTH_STAFF, NULL, false},
    {"GET", "/v1/repayments/upcoming", upcoming, AUTH_STAFF, NULL, false},
    {"GET", "/v1/repayments/plans/{id}", get_plan, AUTH_USER, NULL, false},
    {"GET", "/v1/repayments/{id}", get_repayment, AUTH_USER, NULL, false},
    {"POST", "/v1/repayments/{id}/reverse", reverse, AUTH_STAFF, NULL, false},
    {"POST", "/v1/repayments/instalments/{id}/waive-fee", waive_fee, AUTH_STAFF, NULL, false},
    {"GET", "/v1/loans/{id}/schedule", schedule, AUTH_USER, NULL, true},
    {"POST", "/v1/loans/{id}/repayments", repay, AUTH_USER, NULL, false},
    {"POST", "/v1/loans/{id}/reschedule", reschedule, AUTH_STAFF, NULL, false},
};
static const struct job repayment_jobs[] = {{"mark-overdue", 10, mark_overdue}};
SERVICE(repayments, ERRORS_CODE, repayment_routes, repayment_jobs);
