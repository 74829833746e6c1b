// SPDX-License-Identifier: Apache-2.0
/*
 * Loans: what we offer, what people apply for, what they owe. Hand-written SQL, snake_case, money as text,
 * {"data","meta"}. An application is decided by what its applicant has and owes at that moment, so that answer cannot
 * come from a copy.
 */
#include "app.h"

static const struct label status_labels[] = {{"approved", "Approved, not paid out"},
                                             {"active", "Running"},
                                             {"overdue", "In arrears"},
                                             {"defaulted", "Defaulted"},
                                             {"settled", "Paid back"},
                                             {"written_off", "Written off"},
                                             {NULL, NULL}};

static const struct field loan_fields[] = {
    {"id", NULL, NUMBER},          {"number", "loan_number", TEXT},
    {"status", NULL, TEXT},        {"status_text", "status", LABEL, .labels = status_labels},
    {"principal", NULL, TEXT},     {"outstanding", NULL, TEXT},
    {"currency", NULL, TEXT},      {"rate_pct", NULL, TEXT},
    {"term_months", NULL, NUMBER}, {"risk_class", NULL, TEXT},
    {"matures_on", NULL, TEXT},    {"disbursed_at", NULL, ISO},
    {"created_at", NULL, ISO},     {NULL}};
static const struct field borrower_fields[] = {{"id", "user_id", NUMBER},
                                               {"name", "full_name", TEXT},
                                               {"country", NULL, TEXT},
                                               {"kyc_level", NULL, NUMBER},
                                               {NULL}};
static const struct field product_fields[] = {
    {"code", NULL, TEXT}, {"name", "product", TEXT}, {"kind", NULL, TEXT}, {NULL}};

static void put_meta(struct ctx *c, struct page p, rows total)
{
    object(c, "meta");
    put_int(c, "page", p.number);
    put_int(c, "per_page", p.size);
    put_number(c, "total", one(total, "total"));
    end(c);
}

static void put_loans(struct ctx *c, rows r)
{
    array(c, "data");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, loan_fields);
        put_row(c, "borrower", r, i, borrower_fields);
        put_row(c, "product", r, i, product_fields);
        end(c);
    }
    end(c);
}

static void list_loans(struct ctx *c)
{
    struct page p = page_of(c, "page", "per_page", 20);
    const char *status = arg_choice(c, "status", "approved|active|overdue|defaulted|settled|written_off|cancelled");
    const char *country = arg(c, "country");
    rows total =
        sql(c,
            "SELECT count(*) AS total FROM loans l JOIN users u ON u.id = l.user_id "
            "WHERE ($1::loan_status IS NULL OR l.status = $1::loan_status) AND ($2::text IS NULL OR u.country = $2)",
            status, country);
    rows r =
        sql(c,
            "SELECT l.*, u.full_name, u.country, u.kyc_level, p.code, p.name AS product, p.kind FROM loans l "
            "JOIN users u ON u.id = l.user_id JOIN loan_products p ON p.id = l.product_id "
            "WHERE ($1::loan_status IS NULL OR l.status = $1::loan_status) AND ($2::text IS NULL OR u.country = $2) "
            "ORDER BY l.created_at DESC, l.id DESC LIMIT $3 OFFSET $4",
            status, country, p.limit, p.offset);
    object(c, NULL);
    put_loans(c, r);
    put_meta(c, p, total);
    end(c);
}

static void user_loans(struct ctx *c)
{
    only_owner(c, param(c, "id"));
    rows r = sql(c,
                 "SELECT l.*, u.full_name, u.country, u.kyc_level, p.code, p.name AS product, p.kind FROM users u "
                 "JOIN loans l ON l.user_id = u.id JOIN loan_products p ON p.id = l.product_id "
                 "WHERE u.id = $1 AND l.status <> 'cancelled' ORDER BY l.id",
                 param(c, "id"));
    rows sums = sql(
        c,
        "SELECT count(*) AS open, coalesce(sum(l.outstanding), 0)::numeric(18,2) AS owed, "
        "(SELECT sum(a.balance) FROM accounts a WHERE a.user_id = $1 AND a.currency = 'EUR') AS balances "
        "FROM loans l WHERE l.user_id = $1 AND l.status IN ('active', 'overdue', 'defaulted') AND l.currency = 'EUR'",
        param(c, "id"));
    object(c, NULL);
    put_loans(c, r);
    object(c, "meta");
    put_number(c, "open", one(sums, "open"));
    put_text(c, "owed_eur", one(sums, "owed"));
    put_text(c, "balances_eur", one(sums, "balances"));
    end(c);
    end(c);
}

static void get_loan(struct ctx *c)
{
    rows l = found(c,
                   sql(c,
                       "SELECT l.*, u.full_name, u.country, u.kyc_level, p.code, p.name AS product, p.kind, a.iban, "
                       "a.status AS account_status, n.due_on, (n.principal_due + n.interest_due + "
                       "n.fee_due)::numeric(18,2) AS due, "
                       "k.case_no, k.stage, k.days_past_due, l.covenants "
                       "FROM loans l JOIN users u ON u.id = l.user_id JOIN loan_products p ON p.id = l.product_id "
                       "LEFT JOIN accounts a ON a.id = l.account_id "
                       "LEFT JOIN LATERAL (SELECT * FROM instalments i WHERE i.loan_id = l.id AND i.status IN "
                       "('scheduled', 'due', "
                       "'partial', 'overdue') ORDER BY i.due_on, i.id LIMIT 1) n ON true "
                       "LEFT JOIN collection_cases k ON k.loan_id = l.id AND k.closed_at IS NULL WHERE l.id = $1 ORDER "
                       "BY k.id LIMIT 1",
                       param(c, "id")),
                   "loan");
    only_owner(c, one(l, "user_id"));
    rows security = sql(
        c,
        "SELECT coalesce(json_agg(json_build_object('id', id, 'kind', kind, 'description', description, "
        "'lendable', lendable::text, 'currency', currency) ORDER BY id), '[]') AS list, "
        "sum(lendable) AS total FROM loan_collateral WHERE loan_id = $1 AND deleted_at IS NULL AND released_at IS NULL",
        param(c, "id"));
    object(c, NULL);
    object(c, "data");
    put_fields(c, l, 0, loan_fields);
    put_row(c, "borrower", l, 0, borrower_fields);
    put_row(c, "product", l, 0, product_fields);
    object(c, "account");
    put_number(c, "id", one(l, "account_id"));
    put_text(c, "iban", one(l, "iban"));
    put_text(c, "status", one(l, "account_status"));
    end(c);
    if (one(l, "due_on")) {
        object(c, "next_instalment");
        put_text(c, "due_on", one(l, "due_on"));
        put_text(c, "amount", one(l, "due"));
        end(c);
    }
    if (one(l, "case_no")) {
        object(c, "collection");
        put_text(c, "case_no", one(l, "case_no"));
        put_text(c, "stage", one(l, "stage"));
        put_number(c, "days_past_due", one(l, "days_past_due"));
        end(c);
    }
    put_array(c, "covenants", one(l, "covenants"));
    put_number(c, "collateral", one(security, "list"));
    put_text(c, "collateral_total", one(security, "total"));
    end(c);
    end(c);
}

static void products(struct ctx *c)
{
    static const struct field fields[] = {{"id", NULL, NUMBER},
                                          {"code", NULL, TEXT},
                                          {"name", NULL, TEXT},
                                          {"kind", NULL, TEXT},
                                          {"currency", NULL, TEXT},
                                          {"min_amount", NULL, TEXT},
                                          {"max_amount", NULL, TEXT},
                                          {"rate_from", NULL, TEXT},
                                          {"rate_to", NULL, TEXT},
                                          {"countries", NULL, ARRAY},
                                          {"requires_collateral", NULL, BOOL},
                                          {"taken", NULL, NUMBER},
                                          {NULL}};
    rows r = sql(c,
                 "SELECT p.*, count(l.id) AS taken FROM loan_products p LEFT JOIN loans l ON l.product_id = p.id AND "
                 "l.status <> 'cancelled' "
                 "WHERE p.active AND ($1::text IS NULL OR $1 = ANY (p.countries)) GROUP BY p.id ORDER BY p.id",
                 arg(c, "country"));
    object(c, NULL);
    put_rows(c, "data", r, fields);
    end(c);
}

/* What a loan would cost: writes nothing. */
static void quote(struct ctx *c)
{
    const char *amount = need_amount(c, "amount"), *product = need_id(c, "product_id"),
               *months = need_id(c, "term_months");
    rows p = found(c, sql(c, "SELECT 1 FROM loan_products WHERE id = $1::bigint AND active", product), "product");
    rows r = sql(
        c,
        "SELECT p.code, q.rate, round($2::numeric / $3::numeric + $2::numeric * q.rate / 1200, 2) AS first_instalment, "
        "round($2::numeric * p.fee_pct / 100, 2) AS fee, s.score, $2::numeric BETWEEN p.min_amount AND p.max_amount "
        "AND $3::numeric BETWEEN p.min_term_months AND p.max_term_months AS possible FROM loan_products p "
        "LEFT JOIN LATERAL (SELECT score FROM credit_scores s WHERE s.user_id = $4 ORDER BY computed_at DESC, id DESC "
        "LIMIT 1) s ON true, "
        "LATERAL (SELECT round(p.rate_to - (p.rate_to - p.rate_from) * (coalesce(s.score, 300) - 300) / 550, 4) AS "
        "rate) q WHERE p.id = $1::bigint",
        product, amount, months, caller(c));
    if (count(p) && !stopped(c) && !is_true(one(r, "possible")))
        stop(c, 422, "out_of_range", "this product has other amounts and terms");
    object(c, NULL);
    object(c, "data");
    put_text(c, "product", one(r, "code"));
    put_text(c, "rate_pct", one(r, "rate"));
    put_text(c, "first_instalment", one(r, "first_instalment"));
    put_text(c, "fee", one(r, "fee"));
    put_bool(c, "scored", one(r, "score") ? "t" : "f");
    end(c);
    end(c);
}

static const struct field application_fields[] = {
    {"id", NULL, NUMBER},        {"status", NULL, TEXT},        {"amount", NULL, TEXT},
    {"currency", NULL, TEXT},    {"term_months", NULL, NUMBER}, {"purpose", NULL, TEXT},
    {"channel", NULL, TEXT},     {"score", NULL, NUMBER},       {"decision_reason", NULL, TEXT},
    {"submitted_at", NULL, ISO}, {"created_at", NULL, ISO},     {NULL}};

static void list_applications(struct ctx *c)
{
    struct page p = page_of(c, "page", "per_page", 25);
    const char *status = arg_choice(c, "status", "submitted|in_review|approved|declined");
    const char *kind = arg_choice(c, "kind", "personal|car|mortgage|overdraft|business|student");
    rows total = sql(c,
                     "SELECT count(*) AS total FROM loan_applications a JOIN loan_products p ON p.id = a.product_id "
                     "WHERE a.deleted_at IS NULL "
                     "AND a.status = coalesce($1, 'submitted')::application_status AND ($2::loan_kind IS NULL OR "
                     "p.kind = $2::loan_kind)",
                     status, kind);
    rows r =
        sql(c,
            "SELECT a.*, u.full_name, u.country, u.kyc_level, p.code, p.name AS product, p.kind, "
            "(SELECT sum(l.outstanding) FROM loans l WHERE l.user_id = a.user_id AND l.status IN ('active', "
            "'overdue')) AS owes "
            "FROM loan_applications a JOIN users u ON u.id = a.user_id JOIN loan_products p ON p.id = a.product_id "
            "WHERE a.deleted_at IS NULL AND a.status = coalesce($1, 'submitted')::application_status "
            "AND ($2::loan_kind IS NULL OR p.kind = $2::loan_kind) ORDER BY a.submitted_at, a.id LIMIT $3 OFFSET $4",
            status, kind, p.limit, p.offset);
    object(c, NULL);
    array(c, "data");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, application_fields);
        put_row(c, "applicant", r, i, borrower_fields);
        put_row(c, "product", r, i, product_fields);
        put_text(c, "owes", val(r, i, "owes"));
        end(c);
    }
    end(c);
    put_meta(c, p, total);
    end(c);
}

static void get_application(struct ctx *c)
{
    rows a = found(
        c,
        sql(c,
            "SELECT a.*, u.full_name, u.country, u.kyc_level, p.code, p.name AS product, p.kind, l.loan_number, "
            "l.status AS loan_status "
            "FROM loan_applications a JOIN users u ON u.id = a.user_id JOIN loan_products p ON p.id = a.product_id "
            "LEFT JOIN loans l ON l.application_id = a.id WHERE a.id = $1 AND a.deleted_at IS NULL ORDER BY l.id LIMIT "
            "1",
            param(c, "id")),
        "application");
    only_owner(c, one(a, "user_id"));
    object(c, NULL);
    object(c, "data");
    put_fields(c, a, 0, application_fields);
    put_number(c, "answers", one(a, "answers"));
    put_row(c, "applicant", a, 0, borrower_fields);
    put_row(c, "product", a, 0, product_fields);
    put_text(c, "loan_number", one(a, "loan_number"));
    end(c);
    end(c);
}

static void audit(struct ctx *c, const char *action, const char *entity, const char *id, const char *before,
                  const char *after)
{
    sql(c,
        "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, before, after) "
        "VALUES ($1, $2, 'loans', $3, $4, $5, jsonb_build_object('status', $6::text), jsonb_build_object('status', "
        "$7::text))",
        caller(c), is_staff(c) ? "staff" : "user", action, entity, id, before, after);
}

static void apply(struct ctx *c)
{
    const char *amount = need_amount(c, "amount"), *product = need_id(c, "product_id"),
               *months = need_id(c, "term_months");
    begin(c);
    rows p =
        found(c, sql(c, "SELECT currency FROM loan_products WHERE id = $1::bigint AND active", product), "product");
    rows a = sql(c,
                 "SELECT a.id, (SELECT count(*) FROM loan_applications x WHERE x.user_id = $1 AND x.status = "
                 "'submitted' AND x.created_at > now() - interval '1 hour') AS recent "
                 "FROM accounts a WHERE a.user_id = $1 AND a.kind = 'checking' ORDER BY a.id LIMIT 1",
                 caller(c));
    found(c, a, "account");
    if (!stopped(c) && strlen(one(a, "recent")) > 3)
        stop(c, 429, "too_many", "too many applications within an hour");
    rows r = sql(c,
                 "INSERT INTO loan_applications (user_id, product_id, account_id, amount, currency, term_months, "
                 "purpose, status, channel, "
                 "declared_income, submitted_at) VALUES ($1, $2::bigint, $3, $4, $5, least($6::bigint, 480), $7, "
                 "'submitted', coalesce($8, 'web')::channel, "
                 "$9::numeric, now()) RETURNING *",
                 caller(c), product, one(a, "id"), amount, one(p, "currency"), months, body(c, "purpose"),
                 body_choice(c, "channel", "web|ios|android|branch|phone"), body(c, "income"));
    audit(c, "loan.apply", "loan_application", one(r, "id"), NULL, "submitted");
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/loans/applications/%s", one(r, "id") ? one(r, "id") : ""));
    object(c, NULL);
    put_row(c, "data", r, 0, application_fields);
    end(c);
}

/* draft -> submitted; draft, submitted, in_review -> withdrawn; a draft can be thrown away. */
static void move(struct ctx *c, const char *from, const char *to)
{
    begin(c);
    rows a = found(c,
                   sql(c,
                       "SELECT *, status::text = ANY ($2::text[]) AS possible FROM loan_applications WHERE id = $1 AND "
                       "deleted_at IS NULL FOR UPDATE",
                       param(c, "id"), from),
                   "application");
    only_owner(c, one(a, "user_id"));
    if (!stopped(c) && !is_true(one(a, "possible")))
        stop(c, 409, "wrong_state", text(c, "an application that is %s cannot become %s", one(a, "status"), to));
    rows r = sql(
        c,
        "UPDATE loan_applications SET status = CASE WHEN $2 = 'deleted' THEN status ELSE $2::application_status END, "
        "deleted_at = CASE WHEN $2 = 'deleted' THEN now() END, submitted_at = CASE WHEN $2 = 'submitted' THEN now() "
        "ELSE submitted_at END, "
        "updated_at = now() WHERE id = $1 RETURNING *",
        param(c, "id"), to);
    audit(c, text(c, "loan.%s", to), "loan_application", param(c, "id"), one(a, "status"), to);
    commit(c);
    object(c, NULL);
    put_row(c, "data", r, 0, application_fields);
    end(c);
}
static void submit(struct ctx *c) { move(c, "{draft}", "submitted"); }
static void withdraw(struct ctx *c) { move(c, "{draft,submitted,in_review,withdrawn}", "withdrawn"); }
static void discard(struct ctx *c) { move(c, "{draft}", "deleted"); }

static void decide(struct ctx *c)
{
    begin(c);
    rows a = found(c,
                   sql(c,
                       "SELECT a.*, EXISTS (SELECT 1 FROM loans l WHERE l.application_id = a.id) OR a.status IN "
                       "('draft', 'withdrawn', 'expired') AS closed "
                       "FROM loan_applications a WHERE a.id = $1 AND a.deleted_at IS NULL FOR UPDATE OF a",
                       param(c, "id")),
                   "application");
    only_owner(c, one(a, "user_id"));
    if (is_true(one(a, "closed")))
        stop(c, 409, "wrong_state", "there is nothing left to decide");
    rows r = sql(
        c,
        "WITH facts AS (SELECT a.id, a.user_id, a.declared_income - coalesce(a.monthly_expenses, 0) AS disposable, "
        "  round(a.amount / a.term_months + a.amount * p.rate_to / 1200, 2) AS instalment, u.kyc_level, "
        "  (SELECT coalesce(sum(x.balance), 0) FROM accounts x WHERE x.user_id = a.user_id AND x.status = 'open') AS "
        "balances, "
        "  (SELECT coalesce(round(sum(l.principal / l.term_months), 2), 0) FROM loans l WHERE l.user_id = a.user_id "
        "AND l.status IN ('approved', 'active', 'overdue')) AS burden, "
        "  (SELECT count(*) FROM loans l WHERE l.user_id = a.user_id AND l.status IN ('overdue', 'defaulted')) AS bad "
        "  FROM loan_applications a JOIN loan_products p ON p.id = a.product_id JOIN users u ON u.id = a.user_id WHERE "
        "a.id = $1), "
        "judged AS (SELECT f.*, CASE WHEN bad > 1 THEN 'arrears' WHEN balances < 2 * instalment THEN 'no_cushion' "
        "  WHEN disposable IS NOT NULL AND instalment + burden > 0.6 * disposable AND balances < 60 * instalment THEN "
        "'affordability' END AS reason, "
        "  least(900, 300 + 100 * kyc_level + (300 * balances / (balances + 20 * (instalment + burden) + 1))::int - 80 "
        "* bad) AS score FROM facts f) "
        "UPDATE loan_applications a SET status = CASE WHEN j.reason IS NOT NULL THEN 'declined' WHEN j.disposable IS "
        "NULL THEN 'in_review' ELSE 'approved' END::application_status, "
        "score = j.score, decision_reason = j.reason, decided_by = 'engine', decided_at = now(), updated_at = now() "
        "FROM judged j WHERE a.id = j.id RETURNING a.status, a.score, j.reason, j.disposable, j.instalment, "
        "j.balances, j.burden, j.bad",
        param(c, "id"));
    audit(c, "loan.decide", "loan_application", param(c, "id"), one(a, "status"), one(r, "status"));
    commit(c);
    static const struct field decision_fields[] = {{"decision", "status", TEXT},
                                                   {"score", NULL, NUMBER},
                                                   {"reason", NULL, TEXT},
                                                   {"instalment", NULL, TEXT},
                                                   {"disposable", NULL, TEXT},
                                                   {"balances", NULL, TEXT},
                                                   {"existing_burden", "burden", TEXT},
                                                   {"loans_in_arrears", "bad", NUMBER},
                                                   {NULL}};
    object(c, NULL);
    put_row(c, "data", r, 0, decision_fields);
    end(c);
}

static void add_collateral(struct ctx *c)
{
    const char *kind = need_choice(c, "kind", "vehicle|property|deposit|guarantee"), *what = need(c, "description"),
               *worth = need_amount(c, "valuation");
    begin(c);
    rows l =
        found(c, sql(c, "SELECT id, status, currency FROM loans WHERE id = $1 FOR UPDATE", param(c, "id")), "loan");
    if (!stopped(c) && strcmp(one(l, "status"), "active") && strcmp(one(l, "status"), "overdue") &&
        strcmp(one(l, "status"), "approved"))
        stop(c, 409, "wrong_state", "the loan is closed");
    rows r = sql(c,
                 "INSERT INTO loan_collateral (loan_id, kind, description, valuation, currency, haircut, valued_on) "
                 "VALUES ($1, $2, $3, $4, $5, "
                 "CASE $2 WHEN 'deposit' THEN 0 WHEN 'guarantee' THEN 0.5 ELSE 0.3 END, current_date) RETURNING id, "
                 "kind, description, valuation, lendable, currency, created_at",
                 param(c, "id"), kind, what, worth, one(l, "currency"));
    sql(c, "UPDATE loans SET updated_at = now() WHERE id = $1", param(c, "id"));
    audit(c, "loan.secure", "loan", param(c, "id"), one(l, "status"), one(l, "status"));
    commit(c);
    static const struct field collateral_fields[] = {
        {"id", NULL, NUMBER},     {"kind", NULL, TEXT},     {"description", NULL, TEXT}, {"valuation", NULL, TEXT},
        {"lendable", NULL, TEXT}, {"currency", NULL, TEXT}, {"created_at", NULL, ZULU},  {NULL}};
    status(c, 201);
    object(c, NULL);
    put_row(c, "data", r, 0, collateral_fields);
    end(c);
}

/* The book, by product and country. */
static void portfolio(struct ctx *c)
{
    static const struct field fields[] = {{"kind", NULL, TEXT},
                                          {"country", NULL, TEXT},
                                          {"loans", NULL, NUMBER},
                                          {"principal", NULL, TEXT},
                                          {"outstanding", NULL, TEXT},
                                          {"in_arrears", NULL, NUMBER},
                                          {"avg_rate_pct", "rate", NUMBER},
                                          {NULL}};
    rows r = sql(
        c,
        "SELECT p.kind, u.country, count(*) AS loans, sum(l.principal) AS principal, sum(l.outstanding)::numeric(18,2) "
        "AS outstanding, "
        "count(*) FILTER (WHERE l.status IN ('overdue', 'defaulted')) AS in_arrears, round(avg(l.rate_pct), 2) AS rate "
        "FROM loans l JOIN users u ON u.id = l.user_id JOIN loan_products p ON p.id = l.product_id "
        "WHERE l.currency = coalesce($1, 'EUR') AND l.status <> 'cancelled' GROUP BY p.kind, u.country ORDER BY "
        "p.kind, u.country",
        arg_choice(c, "currency", "EUR|JPY|KWD|PLN"));
    object(c, NULL);
    put_rows(c, "data", r, fields);
    end(c);
}

static const struct route loan_routes[] = {
    {"GET", "/v1/loans", list_loans, AUTH_STAFF, NULL, false},
    {"GET", "/v1/loans/products", products, AUTH_NONE, NULL, true},
    {"GET", "/v1/loans/portfolio", portfolio, AUTH_STAFF, NULL, false},
    {"POST", "/v1/loans/quote", quote, AUTH_USER, NULL, false},
    {"GET", "/v1/loans/applications", list_applications, AUTH_STAFF, NULL, false},
    {"POST", "/v1/loans/applications", apply, AUTH_USER, NULL, false},
    {"GET", "/v1/loans/applications/{id}", get_application, AUTH_USER, NULL, false},
    {"DELETE", "/v1/loans/applications/{id}", discard, AUTH_USER, NULL, false},
    {"POST", "/v1/loans/applications/{id}/submit", submit, AUTH_USER, NULL, false},
    {"POST", "/v1/loans/applications/{id}/withdraw", withdraw, AUTH_USER, NULL, false},
    {"GET", "/v1/loans/{id}", get_loan, AUTH_USER, NULL, true},
    {"POST", "/v1/loans/{id}/decision", decide, AUTH_USER,
     "whether somebody can afford a loan depends on balances and open loans at this moment", false},
    {"POST", "/v1/loans/{id}/collateral", add_collateral, AUTH_STAFF, NULL, false},
    {"GET", "/v1/users/{id}/loans", user_loans, AUTH_USER, NULL, false},
};
SERVICE_NO_JOBS(loans, ERRORS_PROBLEM, loan_routes);
