// SPDX-License-Identifier: Apache-2.0
/*
 * Uploaded files and what was read from them. Hand-written SQL; snake_case, ISO times, nulls shown, arrays and versions
 * aggregated by the database. A deleted document is a row with deleted_at; one that an open compliance case needs
 * cannot be deleted.
 */
#include <stdlib.h>
#include <string.h>

#include "app.h"

static const struct field list_fields[] = {
    {"id", .kind = NUMBER},         {"kind", .kind = TEXT},         {"status", .kind = TEXT},
    {"title", .kind = TEXT},        {"file_name", .kind = TEXT},    {"mime_type", .kind = TEXT},
    {"size_bytes", .kind = NUMBER}, {"page_count", .kind = NUMBER}, {"tags", .kind = ARRAY},
    {"expires_on", .kind = TEXT},   {"created_at", .kind = ISO},    {0},
};
static const struct field transaction_fields[] = {
    {"id", "transaction_id", .kind = NUMBER},
    {"amount", .kind = TEXT},
    {"currency", .kind = TEXT},
    {"merchant", .kind = TEXT},
    {"category", .kind = TEXT},
    {0},
};

static void put_transaction(struct ctx *c, rows r, int row)
{
    if (val(r, row, "transaction_id"))
        put_row(c, "transaction", r, row, transaction_fields);
    else
        put_text(c, "transaction", NULL);
}

static void get_documents(struct ctx *c)
{
    struct page page = page_of(c, "page", "per_page", 25);
    rows r =
        sql(c,
            "SELECT d.id, d.kind, d.status, d.title, d.file_name, d.mime_type, d.size_bytes, d.page_count, d.tags,"
            " d.expires_on, d.created_at, d.transaction_id, t.amount, t.currency, m.name AS merchant, m.category,"
            " count(*) OVER () AS total FROM documents d LEFT JOIN transactions t ON t.id = d.transaction_id"
            " LEFT JOIN merchants m ON m.id = t.merchant_id WHERE d.user_id = $1 AND d.deleted_at IS NULL"
            " AND ($2::document_kind IS NULL OR d.kind = $2::document_kind)"
            " AND ($3::text IS NULL OR $3 = ANY (d.tags)) ORDER BY d.created_at DESC, d.id DESC LIMIT $4 OFFSET $5",
            caller(c),
            arg_choice(c, "kind", "passport|id_card|driving_licence|proof_of_address|contract|invoice|receipt|other"),
            arg(c, "tag"), page.limit, page.offset);
    int64_t total = count(r) ? strtoll(one(r, "total"), NULL, 10) : 0;
    object(c, NULL);
    array(c, "documents");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, list_fields);
        put_transaction(c, r, i);
        end(c);
    }
    end(c);
    put_int(c, "page", page.number);
    put_int(c, "pages", (total + page.size - 1) / page.size);
    end(c);
}

static const struct field detail_fields[] = {
    {"sha256", "hash", .kind = TEXT},
    {"text", "ocr_text", .kind = TEXT},
    {"confidence", "ocr_confidence", .kind = NUMBER},
    {"language", .kind = TEXT},
    {"issuing_country", .kind = TEXT},
    {"metadata", .kind = JSON},
    {"uploaded_by", .kind = TEXT},
    {"version", "latest_version", .kind = NUMBER},
    {"versions", .kind = JSON},
    {"shared_with", .kind = ARRAY},
    {"updated_at", .kind = ISO},
    {0},
};

/* The whole document. Other people's are seen when they are shared. */
static void get_document(struct ctx *c)
{
    rows d = sql(
        c,
        "SELECT d.*, encode(d.sha256, 'hex') AS hash, u.full_name, u.kyc_level, t.amount, t.currency,"
        " m.name AS merchant, m.category, k.severity, k.status AS case_status, v.versions, s.shared_with,"
        " coalesce($2::bigint = ANY (s.ids), false) AS is_shared"
        " FROM documents d JOIN users u ON u.id = d.user_id LEFT JOIN transactions t ON t.id = d.transaction_id"
        " LEFT JOIN merchants m ON m.id = t.merchant_id LEFT JOIN compliance_cases k ON k.id = d.compliance_case_id"
        " CROSS JOIN LATERAL (SELECT json_agg(json_build_object('version', n.version, 'size_bytes', n.size_bytes,"
        " 'sha256', encode(n.sha256, 'hex'), 'comment', n.comment) ORDER BY n.version) AS versions"
        " FROM document_versions n WHERE n.document_id = d.id) v"
        " CROSS JOIN LATERAL (SELECT array_agg(h.shared_with) AS ids, coalesce(array_agg(coalesce(p.full_name, h.email)"
        " ORDER BY h.id), '{}') AS shared_with FROM document_shares h LEFT JOIN users p ON p.id = h.shared_with"
        " WHERE h.document_id = d.id AND h.revoked_at IS NULL) s WHERE d.id = $1 AND d.deleted_at IS NULL",
        param(c, "id"), caller(c));
    found(c, d, "document");
    if (!is_true(one(d, "is_shared")))
        only_owner(c, one(d, "user_id"));
    object(c, NULL);
    put_fields(c, d, 0, list_fields);
    object(c, "owner");
    put_number(c, "id", one(d, "user_id"));
    put_text(c, "name", one(d, "full_name"));
    put_number(c, "kyc_level", one(d, "kyc_level"));
    end(c);
    put_fields(c, d, 0, detail_fields);
    put_transaction(c, d, 0);
    if (one(d, "case_status")) {
        object(c, "compliance_case");
        put_number(c, "id", one(d, "compliance_case_id"));
        put_text(c, "severity", one(d, "severity"));
        put_text(c, "status", one(d, "case_status"));
        end(c);
    } else {
        put_text(c, "compliance_case", NULL);
    }
    end(c);
}

static const struct field found_fields[] = {
    {"id", .kind = NUMBER},         {"title", .kind = TEXT}, {"kind", .kind = TEXT},      {"status", .kind = TEXT},
    {"owner_id", .kind = NUMBER},   {"owner", .kind = TEXT}, {"email", .kind = TEXT},     {"country", .kind = TEXT},
    {"open_cases", .kind = NUMBER}, {"tags", .kind = ARRAY}, {"created_at", .kind = ISO}, {0},
};

static void get_search(struct ctx *c)
{
    const char *q = arg(c, "q");
    struct page page = page_of(c, "page", "per_page", 20);
    if (!q || strlen(q) < 2)
        stop(c, 422, "invalid", "q needs two characters or more");
    rows r = sql(c,
                 "SELECT d.id, d.title, d.kind, d.status, d.user_id AS owner_id, u.full_name AS owner, u.email, "
                 "u.country, d.tags,"
                 " d.created_at, count(k.id) AS open_cases FROM documents d JOIN users u ON u.id = d.user_id"
                 " LEFT JOIN compliance_cases k ON k.user_id = u.id AND k.status <> 'closed'"
                 " WHERE d.deleted_at IS NULL AND (d.title ILIKE '%' || $1 || '%' OR d.file_name ILIKE $1 || '%')"
                 " GROUP BY d.id, u.id ORDER BY d.created_at DESC, d.id DESC LIMIT $2 OFFSET $3",
                 q, page.limit, page.offset);
    object(c, NULL);
    put_text(c, "q", q);
    put_rows(c, "results", r, found_fields);
    end(c);
}

static void get_case_documents(struct ctx *c)
{
    static const struct field fields[] = {
        {"id", .kind = NUMBER},     {"title", .kind = TEXT},     {"kind", .kind = TEXT},
        {"status", .kind = TEXT},   {"sha256", .kind = TEXT},    {"excerpt", .kind = TEXT},
        {"evidence", .kind = JSON}, {"created_at", .kind = ISO}, {0},
    };
    rows k =
        sql(c,
            "SELECT k.id, k.severity, k.status, k.assignee, u.full_name, t.amount, t.currency FROM compliance_cases k"
            " JOIN users u ON u.id = k.user_id JOIN transactions t ON t.id = k.transaction_id WHERE k.id = $1",
            param(c, "id"));
    found(c, k, "case");
    rows r = sql(
        c,
        "SELECT d.id, d.title, d.kind, d.status, encode(d.sha256, 'hex') AS sha256, left(d.ocr_text, 120) AS excerpt,"
        " d.created_at, (SELECT coalesce(json_agg(e.payload ->> 'reference' ORDER BY e.id), '[]') FROM "
        "compliance_evidence e"
        " WHERE e.case_id = d.compliance_case_id AND e.kind = 'document') AS evidence"
        " FROM documents d WHERE d.compliance_case_id = $1 AND d.deleted_at IS NULL ORDER BY d.id",
        param(c, "id"));
    object(c, NULL);
    put_number(c, "case_id", one(k, "id"));
    put_text(c, "severity", one(k, "severity"));
    put_text(c, "status", one(k, "status"));
    put_text(c, "assignee", one(k, "assignee"));
    put_text(c, "customer", one(k, "full_name"));
    put_text(c, "amount", one(k, "amount"));
    put_rows(c, "documents", r, fields);
    end(c);
}

/* Identity documents that expire in a month, by country, and whose they are. */
static void get_expiring(struct ctx *c)
{
    static const struct field fields[] = {
        {"country", .kind = TEXT},     {"documents", .kind = NUMBER},
        {"customers", .kind = NUMBER}, {"verified", .kind = NUMBER},
        {"first_on", .kind = TEXT},    {"volume", .kind = TEXT},
        {"sample", .kind = NUMBERS},   {0},
    };
    const char *month = arg_number(c, "month", "202607", 202401, 203512);
    rows r = sql(
        c,
        "SELECT u.country, count(*) AS documents, count(DISTINCT u.id) AS customers,"
        " count(*) FILTER (WHERE u.kyc_level >= 2) AS verified, min(d.expires_on) AS first_on,"
        " coalesce(sum(a.balance), 0) AS volume, (array_agg(u.id ORDER BY d.expires_on, d.id))[1:5] AS sample"
        " FROM documents d JOIN users u ON u.id = d.user_id AND u.deleted_at IS NULL"
        " LEFT JOIN accounts a ON a.user_id = u.id AND a.kind = 'checking'"
        " WHERE d.kind IN ('passport', 'id_card', 'driving_licence') AND d.deleted_at IS NULL AND d.status = 'accepted'"
        " AND d.expires_on >= to_date($1, 'YYYYMM') AND d.expires_on < to_date($1, 'YYYYMM') + interval '1 month'"
        " GROUP BY u.country ORDER BY count(*) DESC, u.country",
        month);
    put_rows(c, NULL, r, fields);
}

/* Who has uploaded the same file? Many hashes in one call, so it is a POST; it only asks. */
static void post_lookup(struct ctx *c)
{
    const char *list = "";
    int n = body_count(c, "sha256");
    if (n == 0 || n > 50)
        stop(c, 422, "invalid", "sha256 must be an array of 1 to 50 hashes");
    for (int i = 0; i < n && !stopped(c); i++) {
        const char *hash = body_element(c, "sha256", i);
        if (!hash || strlen(hash) != 64 || strspn(hash, "0123456789abcdef") != 64)
            stop(c, 422, "invalid", "a hash has 64 hexadecimal digits");
        else
            list = text(c, "%s%s\"\\\\x%s\"", list, i ? "," : "", hash);
    }
    rows r = sql(
        c,
        "SELECT encode(d.sha256, 'hex') AS sha256, count(*) AS uploads, count(DISTINCT d.user_id) AS owners,"
        " json_agg(json_build_object('document_id', d.id, 'user_id', u.id, 'country', u.country) ORDER BY d.id) AS "
        "copies"
        " FROM documents d JOIN users u ON u.id = d.user_id WHERE d.sha256 = ANY ($1::bytea[]) AND d.deleted_at IS NULL"
        " GROUP BY d.sha256 ORDER BY d.sha256",
        text(c, "{%s}", list));
    object(c, NULL);
    array(c, "matches");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_text(c, "sha256", val(r, i, "sha256"));
        put_number(c, "uploads", val(r, i, "uploads"));
        put_number(c, "owners", val(r, i, "owners"));
        put_number(c, "copies", val(r, i, "copies"));
        end(c);
    }
    end(c);
    put_int(c, "unknown", n - count(r));
    end(c);
}

/* ---- writing ---- */

static void answer_document(struct ctx *c, rows d)
{
    object(c, NULL);
    put_number(c, "id", one(d, "id"));
    put_text(c, "status", one(d, "status"));
    put_number(c, "version", one(d, "latest_version"));
    put_text(c, "sha256", one(d, "hash"));
    put_iso(c, "updated_at", one(d, "updated_at"));
    end(c);
}

/* Content is text here; it becomes the size and hash of a file that lies elsewhere. */
static void post_document(struct ctx *c)
{
    const char *kind =
        need_choice(c, "kind", "passport|id_card|driving_licence|proof_of_address|contract|invoice|receipt|other");
    const char *title = need(c, "title"), *content = need(c, "content"), *transaction = body(c, "transaction_id");
    begin(c);
    if (transaction) {
        rows t =
            sql(c, "SELECT t.id FROM transactions t JOIN users u ON u.id = t.user_id WHERE t.id = $1 AND u.id = $2",
                transaction, caller(c));
        if (!stopped(c) && count(t) == 0)
            stop(c, 422, "invalid", "that transaction is not yours");
    }
    rows d = sql(
        c,
        "INSERT INTO documents (user_id, kind, title, file_name, mime_type, size_bytes, sha256, transaction_id, "
        "metadata)"
        " VALUES ($1, $2::document_kind, $3, $4, $5, octet_length($6::text), sha256(convert_to($6, 'UTF8')), $7,"
        " coalesce($8::jsonb, '{}')) RETURNING id, status, latest_version, encode(sha256, 'hex') AS hash, updated_at",
        caller(c), kind, title, body(c, "file_name") ? body(c, "file_name") : "upload.txt", "text/plain", content,
        transaction, body_json(c, "metadata"));
    sql(c,
        "INSERT INTO document_versions (document_id, version, sha256, size_bytes, storage_key, created_by)"
        " SELECT id, 1, sha256, size_bytes, 's3://documents/' || user_id || '/' || id, 'customer' FROM documents WHERE "
        "id = $1",
        one(d, "id"));
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/documents/%s", one(d, "id") ? one(d, "id") : ""));
    answer_document(c, d);
}

/* The document, locked; the caller's own. */
static rows lock_document(struct ctx *c)
{
    rows d = sql(c,
                 "SELECT d.user_id, d.status, d.latest_version, k.status AS case_status FROM documents d"
                 " LEFT JOIN compliance_cases k ON k.id = d.compliance_case_id WHERE d.id = $1 AND d.deleted_at IS NULL"
                 " FOR UPDATE OF d",
                 param(c, "id"));
    found(c, d, "document");
    only_owner(c, one(d, "user_id"));
    return d;
}

static void post_version(struct ctx *c)
{
    const char *id = param(c, "id"), *content = need(c, "content");
    begin(c);
    rows old = lock_document(c);
    if (!stopped(c) && strcmp(one(old, "status"), "archived") == 0)
        stop(c, 409, "archived", "an archived document does not change");
    rows d = sql(c,
                 "UPDATE documents SET latest_version = latest_version + 1, sha256 = sha256(convert_to($2, 'UTF8')),"
                 " size_bytes = octet_length($2::text), status = 'uploaded', ocr_text = NULL, ocr_confidence = NULL, "
                 "updated_at = now()"
                 " WHERE id = $1 RETURNING id, status, latest_version, encode(sha256, 'hex') AS hash, updated_at",
                 id, content);
    sql(c,
        "INSERT INTO document_versions (document_id, version, sha256, size_bytes, storage_key, comment, created_by)"
        " SELECT id, latest_version, sha256, size_bytes, 's3://documents/' || user_id || '/' || id || '.' || "
        "latest_version, $2, $3"
        " FROM documents WHERE id = $1",
        id, body(c, "comment"), is_staff(c) ? "staff" : "customer");
    commit(c);
    status(c, 201);
    answer_document(c, d);
}

static void patch_document(struct ctx *c)
{
    const char *id = param(c, "id");
    begin(c);
    lock_document(c);
    rows d = sql(c,
                 "UPDATE documents SET title = coalesce($2, title), metadata = metadata || coalesce($3::jsonb, '{}'),"
                 " tags = CASE WHEN $4::text IS NULL OR $4 = ANY (tags) THEN tags ELSE (tags || $4)[1:20] END, "
                 "updated_at = now()"
                 " WHERE id = $1 RETURNING id, status, latest_version, encode(sha256, 'hex') AS hash, updated_at",
                 id, body(c, "title"), body_json(c, "metadata"), body(c, "add_tag"));
    commit(c);
    answer_document(c, d);
}

static void delete_document(struct ctx *c)
{
    const char *id = param(c, "id");
    begin(c);
    rows d = lock_document(c);
    if (!stopped(c) && one(d, "case_status") && strcmp(one(d, "case_status"), "closed") != 0)
        stop(c, 409, "needed", "a compliance case needs this document");
    sql(c, "UPDATE documents SET deleted_at = now(), updated_at = now() WHERE id = $1", id);
    sql(c, "UPDATE document_shares SET revoked_at = now() WHERE document_id = $1 AND revoked_at IS NULL", id);
    commit(c);
    status(c, 204);
}

static void post_share(struct ctx *c)
{
    const char *id = param(c, "id"), *with = need_id(c, "user_id");
    begin(c);
    rows d = lock_document(c);
    if (!stopped(c) && strcmp(with, one(d, "user_id")) == 0)
        stop(c, 422, "invalid", "it is yours already");
    rows s = sql(c,
                 "INSERT INTO document_shares (document_id, shared_with, token, expires_at)"
                 " VALUES ($1, $2, gen_random_uuid(), now() + make_interval(days => coalesce($3::int, 30)))"
                 " RETURNING id, token, expires_at",
                 id, with, body(c, "days"));
    sql(c,
        "INSERT INTO notifications (user_id, kind, channel, title, body, data) SELECT $2, 'document_shared', 'in_app',"
        " u.full_name || ' shares a document with you', d.title, jsonb_build_object('document_id', d.id)"
        " FROM documents d JOIN users u ON u.id = d.user_id WHERE d.id = $1",
        id, with);
    commit(c);
    status(c, 201);
    object(c, NULL);
    put_number(c, "id", one(s, "id"));
    put_text(c, "token", one(s, "token"));
    put_iso(c, "expires_at", one(s, "expires_at"));
    end(c);
}

/* Our people accept or reject what was uploaded; text read from it comes along. */
static void post_review(struct ctx *c)
{
    const char *id = param(c, "id"), *to = need_choice(c, "status", "accepted|rejected|archived");
    begin(c);
    rows old = lock_document(c);
    const char *from = one(old, "status") ? one(old, "status") : "";
    if (!stopped(c) && (strcmp(from, "archived") == 0 || (strcmp(to, "archived") != 0 && strcmp(from, to) == 0)))
        stop(c, 409, "wrong_state", text(c, "it is %s", from));
    rows d =
        sql(c,
            "UPDATE documents SET status = $2::document_status, ocr_text = coalesce($3, ocr_text), updated_at = now(),"
            " metadata = metadata || jsonb_build_object('reviewed_by', $4::text) WHERE id = $1"
            " RETURNING id, status, latest_version, encode(sha256, 'hex') AS hash, updated_at",
            id, to, body(c, "text"), caller(c));
    if (strcmp(to, "rejected") == 0)
        sql(c,
            "INSERT INTO notifications (user_id, kind, channel, title, body) SELECT user_id, 'kyc_update', 'email',"
            " 'Please upload it again', 'We could not accept ' || title FROM documents WHERE id = $1",
            id);
    commit(c);
    answer_document(c, d);
}

static const struct route document_routes[] = {
    {"GET", "/v1/documents", get_documents, AUTH_USER, NULL, false},
    {"GET", "/v1/documents/{id}", get_document, AUTH_USER, NULL, true},
    {"GET", "/v1/documents/search", get_search, AUTH_STAFF, NULL, false},
    {"GET", "/v1/documents/expiring", get_expiring, AUTH_STAFF, NULL, false},
    {"GET", "/v1/compliance-cases/{id}/documents", get_case_documents, AUTH_STAFF, NULL, false},
    {"POST", "/v1/documents/lookup", post_lookup, AUTH_STAFF, NULL, false},
    {"POST", "/v1/documents", post_document, AUTH_USER, NULL, false},
    {"POST", "/v1/documents/{id}/versions", post_version, AUTH_USER, NULL, false},
    {"PATCH", "/v1/documents/{id}", patch_document, AUTH_USER, NULL, false},
    {"DELETE", "/v1/documents/{id}", delete_document, AUTH_USER, NULL, false},
    {"POST", "/v1/documents/{id}/shares", post_share, AUTH_USER, NULL, false},
    {"POST", "/v1/documents/{id}/review", post_review, AUTH_STAFF, NULL, false},
};
SERVICE_NO_JOBS(documents, ERRORS_CODE, document_routes);
