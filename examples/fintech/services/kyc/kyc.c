// SPDX-License-Identifier: Apache-2.0
/*
 * Know your customer. Hand-written SQL; snake_case, ISO times, money as text.
 *   draft -> submitted -> in_review -> approved | rejected; withdrawn by the customer before a decision; approved ones
 *   expire; what was rejected, withdrawn or expired can be opened again.
 * Nobody has two open verifications: an index sees to that. An approval raises users.kyc_level in the same transaction.
 */
#include <stdlib.h>
#include <string.h>

#include "app.h"

static const struct label reasons[] = {
    {"document_unreadable", "We could not read your document"},
    {"name_mismatch", "The names are not the same"},
    {"underage", "You must be 18"},
    {"sanctions_hit", "We cannot serve you"},
    {NULL, NULL},
};
static const char reason_names[] = "document_unreadable|name_mismatch|underage|sanctions_hit";

static const struct field list_fields[] = {
    {"id", .kind = NUMBER},
    {"status", .kind = TEXT},
    {"target_level", .kind = NUMBER},
    {"level_name", .kind = TEXT},
    {"attempt", .kind = NUMBER},
    {"risk_score", .kind = TEXT},
    {"is_pep", .kind = BOOL},
    {"reviewer", .kind = TEXT},
    {"submitted_at", .kind = ISO},
    {"created_at", .kind = ISO},
    {0},
};
static const struct field user_fields[] = {
    {"id", "user_id", .kind = NUMBER},
    {"name", "full_name", .kind = TEXT},
    {"country", .kind = TEXT},
    {"kyc_level", .kind = NUMBER},
    {0},
};

static void put_list(struct ctx *c, rows r)
{
    array(c, "data");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, list_fields);
        put_row(c, "user", r, i, user_fields);
        end(c);
    }
    end(c);
}

static void get_verifications(struct ctx *c)
{
    struct page page = page_of(c, "page", "per_page", 20);
    const char *state = arg_choice(c, "status", "draft|submitted|in_review|approved|rejected|expired|withdrawn");
    const char *level = arg_number(c, "level", NULL, 1, 4), *country = arg(c, "country");
    rows r = sql(
        c,
        "SELECT v.id, v.status, v.target_level, l.name AS level_name, v.attempt, v.risk_score, v.is_pep, w.full_name "
        "AS reviewer,"
        " v.submitted_at, v.created_at, u.id AS user_id, u.full_name, u.country, u.kyc_level, count(*) OVER () AS total"
        " FROM kyc_verifications v JOIN users u ON u.id = v.user_id JOIN kyc_levels l ON l.level = v.target_level"
        " LEFT JOIN kyc_reviewers w ON w.id = v.reviewer_id WHERE ($1::kyc_status IS NULL OR v.status = $1::kyc_status)"
        " AND ($2::int IS NULL OR v.target_level = $2::int) AND ($3::text IS NULL OR u.country = $3)"
        " ORDER BY v.created_at DESC, v.id DESC LIMIT $4 OFFSET $5",
        state, level, country, page.limit, page.offset);
    object(c, NULL);
    put_list(c, r);
    object(c, "meta");
    put_int(c, "page", page.number);
    put_int(c, "per_page", page.size);
    put_number(c, "total", count(r) ? one(r, "total") : "0");
    end(c);
    end(c);
}

static const struct field detail_fields[] = {
    {"version", .kind = NUMBER},        {"provider", .kind = TEXT},
    {"provider_ref", .kind = TEXT},     {"nationality", .kind = TEXT},
    {"channel", .kind = TEXT},          {"declared_income", .kind = TEXT},
    {"source_of_funds", .kind = TEXT},  {"answers", .kind = JSON},
    {"rejection_reason", .kind = TEXT}, {"rejection_text", "rejection_reason", .kind = LABEL, .labels = reasons},
    {"decided_at", .kind = ISO},        {"expires_at", .kind = ISO},
    {"checks", .kind = JSON},           {0},
};
static const struct field change_fields[] = {
    {"from", "from_status", .kind = TEXT},
    {"to", "to_status", .kind = TEXT},
    {"actor", .kind = TEXT},
    {"reason", .kind = TEXT},
    {"at", "changed_at", .kind = ISO},
    {0},
};

static void get_verification(struct ctx *c)
{
    const char *id = param(c, "id");
    rows v =
        sql(c,
            "SELECT v.*, l.name AS level_name, w.full_name AS reviewer, u.full_name, u.country, u.kyc_level,"
            " (SELECT coalesce(json_agg(json_build_object('type', k.check_type, 'result', k.result, 'confidence', "
            "k.confidence,"
            " 'findings', k.findings, 'document', CASE WHEN d.id IS NOT NULL THEN json_build_object('id', d.id, "
            "'title', d.title,"
            " 'status', d.status) END) ORDER BY k.performed_at, k.id), '[]') FROM kyc_document_checks k"
            " LEFT JOIN documents d ON d.id = k.document_id AND d.deleted_at IS NULL WHERE k.verification_id = v.id) "
            "AS checks"
            " FROM kyc_verifications v JOIN users u ON u.id = v.user_id JOIN kyc_levels l ON l.level = v.target_level"
            " LEFT JOIN kyc_reviewers w ON w.id = v.reviewer_id WHERE v.id = $1",
            id);
    found(c, v, "verification");
    only_owner(c, one(v, "user_id"));
    rows history = sql(
        c,
        "SELECT from_status, to_status, actor, reason, changed_at FROM kyc_status_changes WHERE verification_id = $1"
        " ORDER BY seq",
        id);
    object(c, NULL);
    put_fields(c, v, 0, list_fields);
    put_fields(c, v, 0, detail_fields);
    put_row(c, "user", v, 0, user_fields);
    if (is_staff(c))
        put_text(c, "notes", one(v, "notes"));
    put_rows(c, "history", history, change_fields);
    end(c);
}

/* Where a customer stands: the level reached, its limits and what was spent of them in a month, and what is under way.
 */
static void get_user_kyc(struct ctx *c)
{
    const char *user = param(c, "id");
    only_owner(c, user);
    rows r = sql(
        c,
        "SELECT u.id, u.kyc_level, l.code, l.daily_limit, l.monthly_limit, l.currency, v.id AS verification_id, "
        "v.status,"
        " v.target_level, v.submitted_at, v.rejection_reason, x.spent, x.payments,"
        " (SELECT count(*) FROM compliance_cases k WHERE k.user_id = u.id AND k.status <> 'closed') AS open_cases"
        " FROM users u LEFT JOIN kyc_levels l ON l.level = u.kyc_level"
        " LEFT JOIN LATERAL (SELECT * FROM kyc_verifications n WHERE n.user_id = u.id ORDER BY n.created_at DESC, n.id "
        "DESC"
        " LIMIT 1) v ON true CROSS JOIN LATERAL (SELECT coalesce(sum(t.amount), 0.00) AS spent, count(*) AS payments"
        " FROM transactions t WHERE t.user_id = u.id AND t.period = $2::int AND t.kind = 'payment' AND t.status = "
        "'posted') x"
        " WHERE u.id = $1 AND u.deleted_at IS NULL",
        user, arg_number(c, "month", "202606", 202301, 202612));
    found(c, r, "user");
    object(c, NULL);
    put_number(c, "user_id", user);
    object(c, "level");
    put_number(c, "level", one(r, "kyc_level"));
    put_text(c, "code", one(r, "code"));
    put_text(c, "daily_limit", one(r, "daily_limit"));
    put_text(c, "monthly_limit", one(r, "monthly_limit"));
    put_text(c, "currency", one(r, "currency"));
    end(c);
    object(c, "spent");
    put_text(c, "amount", one(r, "spent"));
    put_number(c, "payments", one(r, "payments"));
    end(c);
    if (one(r, "verification_id")) {
        object(c, "latest_verification");
        put_number(c, "id", one(r, "verification_id"));
        put_text(c, "status", one(r, "status"));
        put_number(c, "target_level", one(r, "target_level"));
        put_iso(c, "submitted_at", one(r, "submitted_at"));
        put_text(c, "reason", label_of(reasons, one(r, "rejection_reason")));
        end(c);
    } else {
        put_text(c, "latest_verification", NULL);
    }
    put_number(c, "open_cases", one(r, "open_cases"));
    end(c);
}

/* What waits for a decision: risky ones first, of these the oldest. */
static void get_queue(struct ctx *c)
{
    rows r = sql(
        c,
        "SELECT v.id, v.status, v.target_level, l.name AS level_name, v.attempt, v.risk_score, v.is_pep, w.full_name "
        "AS reviewer,"
        " v.submitted_at, v.created_at, u.id AS user_id, u.full_name, u.country, u.kyc_level FROM kyc_verifications v"
        " JOIN users u ON u.id = v.user_id AND u.deleted_at IS NULL JOIN kyc_levels l ON l.level = v.target_level"
        " LEFT JOIN kyc_reviewers w ON w.id = v.reviewer_id WHERE v.status IN ('submitted', 'in_review')"
        " AND ($1::int IS NULL OR v.reviewer_id = $1::int) AND ($2::text IS NULL OR w.team = $2 OR v.reviewer_id IS "
        "NULL)"
        " ORDER BY v.is_pep DESC, v.risk_score DESC NULLS LAST, v.submitted_at, v.id LIMIT $3::int",
        arg_number(c, "reviewer", NULL, 1, 1 << 30), arg(c, "team"), arg_number(c, "limit", "30", 1, 200));
    object(c, NULL);
    put_list(c, r);
    put_int(c, "count", count(r));
    end(c);
}

static void get_workload(struct ctx *c)
{
    static const struct field fields[] = {
        {"id", .kind = NUMBER},
        {"name", "full_name", .kind = TEXT},
        {"team", .kind = TEXT},
        {"languages", .kind = ARRAY},
        {"open", .kind = NUMBER},
        {"approved", .kind = NUMBER},
        {"rejected", .kind = NUMBER},
        {"average_days", .kind = TEXT},
        {"cases_after_approval", "cases", .kind = NUMBER},
        {"rank", .kind = NUMBER},
        {0},
    };
    rows r = sql(
        c,
        "WITH work AS (SELECT v.reviewer_id, count(*) FILTER (WHERE v.status = 'in_review') AS open,"
        " count(*) FILTER (WHERE v.status = 'approved') AS approved, count(*) FILTER (WHERE v.status = 'rejected') AS "
        "rejected,"
        " avg(extract(epoch FROM v.decided_at - v.submitted_at) / 86400) AS days, count(DISTINCT k.id) AS cases"
        " FROM kyc_verifications v LEFT JOIN compliance_cases k ON k.user_id = v.user_id AND v.status = 'approved'"
        " AND k.opened_at > v.decided_at AND k.severity = 'high' WHERE v.reviewer_id IS NOT NULL GROUP BY "
        "v.reviewer_id)"
        " SELECT w.id, w.full_name, w.team, w.languages, coalesce(work.open, 0) AS open, coalesce(work.approved, 0) AS "
        "approved,"
        " coalesce(work.rejected, 0) AS rejected, round(work.days::numeric, 1) AS average_days, coalesce(work.cases, "
        "0) AS cases,"
        " rank() OVER (PARTITION BY w.team ORDER BY coalesce(work.approved, 0) + coalesce(work.rejected, 0) DESC) AS "
        "rank"
        " FROM kyc_reviewers w LEFT JOIN work ON work.reviewer_id = w.id WHERE w.active ORDER BY w.team, rank, w.id");
    object(c, NULL);
    put_rows(c, "data", r, fields);
    end(c);
}

static void get_levels(struct ctx *c)
{
    static const struct field fields[] = {
        {"level", .kind = NUMBER},
        {"code", .kind = TEXT},
        {"name", .kind = TEXT},
        {"daily_limit", .kind = TEXT},
        {"monthly_limit", .kind = TEXT},
        {"currency", .kind = TEXT},
        {"required_documents", .kind = ARRAY},
        {"needs_liveness", .kind = BOOL},
        {"valid_for", .kind = TEXT},
        {"customers", .kind = NUMBER},
        {0},
    };
    rows r = sql(c, "SELECT l.*, coalesce(u.n, 0) AS customers FROM kyc_levels l LEFT JOIN (SELECT kyc_level, count(*) "
                    "AS n FROM users"
                    " WHERE deleted_at IS NULL AND status = 'active' GROUP BY kyc_level) u ON u.kyc_level = l.level "
                    "ORDER BY l.level");
    put_rows(c, NULL, r, fields);
}

/* ---- the way through ---- */

static void answer_verification(struct ctx *c, rows v)
{
    static const struct field fields[] = {
        {"id", .kind = NUMBER},      {"user_id", .kind = NUMBER},
        {"status", .kind = TEXT},    {"target_level", .kind = NUMBER},
        {"version", .kind = NUMBER}, {"reviewer_id", .kind = NUMBER},
        {"updated_at", .kind = ISO}, {0},
    };
    put_row(c, NULL, v, 0, fields);
}

/* Locks the verification; 409 unless it is in one of the states "a|b". */
static rows lock_verification(struct ctx *c, const char *from)
{
    rows v = sql(c,
                 "SELECT v.id, v.user_id, v.status, v.is_pep, v.target_level, u.kyc_level, v.status::text = ANY "
                 "(string_to_array($2, '|')) AS fits"
                 " FROM kyc_verifications v JOIN users u ON u.id = v.user_id WHERE v.id = $1 FOR UPDATE OF v",
                 param(c, "id"), from);
    found(c, v, "verification");
    only_owner(c, one(v, "user_id"));
    if (!stopped(c) && !is_true(one(v, "fits")))
        stop(c, 409, "wrong_state", text(c, "this verification is %s", one(v, "status")));
    return v;
}

static void note_change(struct ctx *c, const char *from, const char *to, const char *reason)
{
    sql(c,
        "INSERT INTO kyc_status_changes (verification_id, seq, from_status, to_status, actor, reason)"
        " SELECT $1, coalesce(max(seq), 0) + 1, $2::kyc_status, $3::kyc_status, $4, $5 FROM kyc_status_changes WHERE "
        "verification_id = $1",
        param(c, "id"), from, to, is_staff(c) ? text(c, "staff%s", caller(c)) : "customer", reason);
}

static void post_verification(struct ctx *c)
{
    const char *level = need_choice(c, "target_level", "2|3|4");
    begin(c);
    rows u = sql(c,
                 "SELECT u.id, u.kyc_level >= $2::int AS has_it, (SELECT count(*) FROM kyc_verifications v WHERE "
                 "v.user_id = u.id) AS earlier"
                 " FROM users u JOIN kyc_levels l ON l.level = $2::int WHERE u.id = $1 AND u.deleted_at IS NULL",
                 caller(c), level);
    found(c, u, "user");
    if (is_true(one(u, "has_it")))
        stop(c, 409, "has_level", "you have this level already");
    rows v =
        sql(c,
            "INSERT INTO kyc_verifications (user_id, target_level, attempt, declared_income, source_of_funds, answers)"
            " VALUES ($1, $2, least(32000, $3::int + 1), $4, $5, coalesce($6::jsonb, '{}')) RETURNING *",
            caller(c), level, one(u, "earlier"), body(c, "declared_income"), body(c, "source_of_funds"),
            body_json(c, "answers"));
    sql(c,
        "INSERT INTO kyc_status_changes (verification_id, seq, to_status, actor) VALUES ($1, 1, 'draft', 'customer')",
        one(v, "id"));
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/kyc/verifications/%s", one(v, "id") ? one(v, "id") : ""));
    answer_verification(c, v);
}

static void post_submit(struct ctx *c)
{
    begin(c);
    rows old = lock_verification(c, "draft");
    rows papers = sql(c,
                      "SELECT d.id FROM documents d JOIN kyc_levels l ON d.kind::text = ANY (l.required_documents) OR "
                      "d.kind < 'proof_of_address'"
                      " WHERE d.user_id = $1 AND l.level = $2 AND d.deleted_at IS NULL AND d.status <> 'rejected' "
                      "ORDER BY d.id LIMIT 3",
                      one(old, "user_id"), one(old, "target_level"));
    if (!stopped(c) && count(papers) == 0)
        stop(c, 422, "documents_missing", "please upload an identity document first");
    rows v = sql(
        c,
        "UPDATE kyc_verifications SET status = 'submitted', submitted_at = now(), risk_score = 100 * (id % 97) / 97.0,"
        " version = version + 1, updated_at = now() WHERE id = $1 RETURNING *",
        param(c, "id"));
    for (int i = 0; i < count(papers); i++)
        sql(c,
            "INSERT INTO kyc_document_checks (verification_id, document_id, check_type, result, provider)"
            " VALUES ($1, $2, 'document', 'unclear', 'queue')",
            param(c, "id"), val(papers, i, "id"));
    note_change(c, "draft", "submitted", NULL);
    commit(c);
    answer_verification(c, v);
}

/* A reviewer takes one; without a name, the one with the least work who may. */
static void post_claim(struct ctx *c)
{
    begin(c);
    rows old = lock_verification(c, "submitted");
    rows w = sql(c,
                 "SELECT w.id FROM kyc_reviewers w LEFT JOIN kyc_verifications v ON v.reviewer_id = w.id AND v.status "
                 "= 'in_review'"
                 " WHERE w.active AND ($1::int IS NULL OR w.id = $1::int) AND (w.may_approve_pep OR NOT $2::boolean)"
                 " GROUP BY w.id ORDER BY count(v.id), w.id LIMIT 1",
                 body(c, "reviewer_id"), one(old, "is_pep"));
    if (!stopped(c) && count(w) == 0)
        stop(c, 422, "no_reviewer", "nobody may do this");
    rows v = sql(
        c,
        "UPDATE kyc_verifications SET status = 'in_review', reviewer_id = $2, version = version + 1, updated_at = now()"
        " WHERE id = $1 RETURNING *",
        param(c, "id"), one(w, "id"));
    note_change(c, "submitted", "in_review", NULL);
    commit(c);
    answer_verification(c, v);
}

static void post_decision(struct ctx *c)
{
    const char *decision = need_choice(c, "decision", "approve|reject"), *note = body(c, "note");
    bool approve = strcmp(decision, "approve") == 0;
    const char *reason = approve ? NULL : need_choice(c, "reason", reason_names);
    begin(c);
    rows old = lock_verification(c, "in_review");
    if (approve) {
        rows failed =
            sql(c,
                "SELECT count(*) AS n FROM kyc_document_checks k LEFT JOIN documents d ON d.id = k.document_id"
                " WHERE k.verification_id = $1 AND k.result = 'fail' AND k.check_type = 'sanctions'",
                param(c, "id"));
        if (!stopped(c) && strcmp(one(failed, "n"), "0") != 0)
            stop(c, 409, "checks_failed", "a sanctions check has failed");
    }
    rows v = sql(
        c,
        "UPDATE kyc_verifications v SET status = CASE WHEN $2::boolean THEN 'approved' ELSE 'rejected' END::kyc_status,"
        " rejection_reason = $3, notes = coalesce($4, notes), decided_at = now(), version = version + 1, updated_at = "
        "now(),"
        " expires_at = CASE WHEN $2::boolean THEN now() + l.valid_for END FROM kyc_levels l"
        " WHERE v.id = $1 AND l.level = v.target_level RETURNING v.*",
        param(c, "id"), approve ? "t" : "f", reason, note);
    if (approve)
        sql(c, "UPDATE users SET kyc_level = greatest(kyc_level, $2::int), updated_at = now() WHERE id = $1",
            one(old, "user_id"), one(old, "target_level"));
    note_change(c, "in_review", approve ? "approved" : "rejected", note);
    sql(c, "INSERT INTO notifications (user_id, kind, channel, title, body) VALUES ($1, 'kyc_update', 'email', $2, $3)",
        one(old, "user_id"), approve ? "You are verified" : "Your verification",
        approve ? "Your new limits hold from now." : label_of(reasons, reason));
    commit(c);
    answer_verification(c, v);
}

static void post_withdraw(struct ctx *c)
{
    begin(c);
    rows old = lock_verification(c, "draft|submitted");
    rows v = sql(c,
                 "UPDATE kyc_verifications SET status = 'withdrawn', decided_at = now(), version = version + 1, "
                 "updated_at = now()"
                 " WHERE id = $1 RETURNING *",
                 param(c, "id"));
    note_change(c, one(old, "status"), "withdrawn", body(c, "why"));
    commit(c);
    answer_verification(c, v);
}

static void post_reopen(struct ctx *c)
{
    begin(c);
    rows old = lock_verification(c, "rejected|withdrawn|expired");
    rows v =
        sql(c,
            "UPDATE kyc_verifications SET status = 'draft', rejection_reason = NULL, decided_at = NULL, submitted_at = "
            "NULL, reviewer_id = NULL,"
            " attempt = least(32000, attempt + 1), version = version + 1, updated_at = now() WHERE id = $1 RETURNING *",
            param(c, "id"));
    note_change(c, one(old, "status"), "draft", NULL);
    commit(c);
    answer_verification(c, v);
}

static void post_check(struct ctx *c)
{
    const char *type = need_choice(c, "type", "document|face_match|liveness|sanctions|phone_call");
    const char *result = need_choice(c, "result", "pass|fail|unclear");
    begin(c);
    rows old = lock_verification(c, "submitted|in_review");
    rows k = sql(
        c,
        "INSERT INTO kyc_document_checks (verification_id, document_id, check_type, result, confidence, performed_by)"
        " VALUES ($1, (SELECT d.id FROM documents d JOIN users u ON u.id = d.user_id WHERE d.id = $2 AND u.id = $6), "
        "$3,"
        " $4::kyc_check_result, $5, $7) RETURNING id, document_id, performed_at",
        param(c, "id"), body(c, "document_id"), type, result, body(c, "confidence"), one(old, "user_id"), caller(c));
    commit(c);
    status(c, 201);
    object(c, NULL);
    put_number(c, "id", one(k, "id"));
    put_number(c, "document_id", one(k, "document_id"));
    put_iso(c, "performed_at", one(k, "performed_at"));
    end(c);
}

/* Approvals that have run out. The level stays until somebody looks. */
static void expire(struct ctx *c)
{
    sql(c, "WITH gone AS (UPDATE kyc_verifications SET status = 'expired', version = version + 1, updated_at = now() "
           "WHERE id IN"
           " (SELECT id FROM kyc_verifications WHERE status = 'approved' AND expires_at < now() ORDER BY id LIMIT 20 "
           "FOR UPDATE SKIP LOCKED)"
           " RETURNING user_id) INSERT INTO notifications (user_id, kind, channel, title, body)"
           " SELECT user_id, 'kyc_update', 'email', 'Please verify again', 'Your verification has expired.' FROM gone");
}

static const struct route kyc_routes[] = {
    {"GET", "/v1/kyc/verifications", get_verifications, AUTH_STAFF, NULL, false},
    {"GET", "/v1/kyc/verifications/{id}", get_verification, AUTH_USER, NULL, false},
    {"GET", "/v1/users/{id}/kyc", get_user_kyc, AUTH_USER, NULL, true},
    {"GET", "/v1/kyc/queue", get_queue, AUTH_STAFF, NULL, false},
    {"GET", "/v1/kyc/workload", get_workload, AUTH_STAFF, NULL, false},
    {"GET", "/v1/kyc/levels", get_levels, AUTH_NONE, NULL, true},
    {"POST", "/v1/kyc/verifications", post_verification, AUTH_USER, NULL, false},
    {"POST", "/v1/kyc/verifications/{id}/submit", post_submit, AUTH_USER, NULL, false},
    {"POST", "/v1/kyc/verifications/{id}/claim", post_claim, AUTH_STAFF, NULL, false},
    {"POST", "/v1/kyc/verifications/{id}/decision", post_decision, AUTH_STAFF, NULL, false},
    {"POST", "/v1/kyc/verifications/{id}/withdraw", post_withdraw, AUTH_USER, NULL, false},
    {"POST", "/v1/kyc/verifications/{id}/reopen", post_reopen, AUTH_USER, NULL, false},
    {"POST", "/v1/kyc/verifications/{id}/checks", post_check, AUTH_STAFF, NULL, false},
};
static const struct job kyc_jobs[] = {{"expire_verifications", 30, expire}};
SERVICE(kyc, ERRORS_CODE, kyc_routes, kyc_jobs);
