// SPDX-License-Identifier: Apache-2.0
/*
 * Sanctions: lists of people whom nobody may pay, and whom of ours we compared with them. Queries are put together from
 * what is asked for; names are compared by hand, since the extension for that was never installed. snake_case, problem
 * details. A payment waits for the answer of screen(): it must know today's lists and yesterday's decisions.
 */
#include "app.h"

static const struct label reason_labels[] = {
    {"onboarding", "new customer"}, {"periodic", "yearly review"}, {"payment", "outgoing payment"}, {NULL, NULL}};

static const struct field screening_fields[] = {{"id", NULL, NUMBER},
                                                {"subject", "subject_name", TEXT},
                                                {"reason", NULL, LABEL, .labels = reason_labels},
                                                {"status", NULL, TEXT},
                                                {"best_score", NULL, NUMBER},
                                                {"list_ids", NULL, NUMBERS},
                                                {"requested_by", NULL, TEXT},
                                                {"created_at", NULL, ISO},
                                                {"decided_by", NULL, TEXT, .omit_null = true},
                                                {"decided_at", NULL, ISO, .omit_null = true},
                                                {NULL}};
static const struct field match_fields[] = {{"entry_id", NULL, NUMBER},   {"list", "code", TEXT},
                                            {"matched_name", NULL, TEXT}, {"score", NULL, NUMBER},
                                            {"method", NULL, TEXT},       {"kind", NULL, TEXT},
                                            {"birth_year", NULL, NUMBER}, {"nationality", NULL, TEXT},
                                            {"decision", NULL, TEXT},     {NULL}};
static const struct field entry_fields[] = {{"id", NULL, NUMBER},
                                            {"ref", "ext_ref", TEXT},
                                            {"list", "code", TEXT},
                                            {"kind", NULL, TEXT},
                                            {"name", "primary_name", TEXT},
                                            {"aliases", NULL, ARRAY},
                                            {"nationality", NULL, TEXT},
                                            {"birth_year", NULL, NUMBER},
                                            {"programs", NULL, ARRAY},
                                            {"listed_on", NULL, TEXT},
                                            {"delisted_on", NULL, TEXT, .omit_null = true},
                                            {NULL}};

/* Everybody on the active lists with every name they have, compared with `name`: 100 the same, 90 contains it, else
 * words in common. */
static struct query compare(struct ctx *c, const char *name)
{
    struct query q = query(c, "WITH asked AS (SELECT lower(");
    query_value(&q, "?::text) AS name, regexp_split_to_array(lower(", name);
    query_value(&q,
                "?::text), '[ ,.]+') AS words), "
                "named AS (SELECT e.*, l.code, l.name AS list_name, n.name AS matched_name, a.name AS asked, a.words, "
                "lower(n.name) AS folded FROM sanction_entries e "
                "JOIN sanction_lists l ON l.id = e.list_id AND l.active, LATERAL unnest(e.primary_name || e.aliases) n "
                "(name), asked a",
                name);
    query_where(&q, "e.delisted_on IS NULL");
    return q;
}

static void compare_end(struct query *q)
{
    query_add(q, "), rated AS (SELECT n.*, CASE WHEN folded = asked THEN 100 WHEN position(asked IN folded) > 0 THEN "
                 "90 WHEN position(folded IN asked) > 0 THEN 85 "
                 "WHEN NOT string_to_array(translate(folded, ',.', ''), ' ') && words THEN 0 "
                 "ELSE (SELECT count(*) FROM unnest(n.words) w WHERE length(w) > 2 AND position(w IN n.folded) > 0) * "
                 "80 / cardinality(n.words) END::int AS score, "
                 "CASE WHEN folded = asked THEN 'exact' WHEN position(asked IN folded) > 0 OR position(folded IN "
                 "asked) > 0 THEN 'contains' ELSE 'tokens' END AS method FROM named n), "
                 "best AS (SELECT DISTINCT ON (id) r.*, id AS entry_id, 'undecided' AS decision FROM rated r ORDER BY "
                 "id, score DESC, matched_name) SELECT * FROM best b");
    q->where = false;
}

static void screen(struct ctx *c)
{
    const char *user = body(c, "user_id"), *name = body(c, "name"), *threshold = body(c, "threshold"),
               *payment = body(c, "transaction_id");
    if (!user && !name)
        stop(c, 422, "no_subject", "user_id or name");
    begin(c);
    if (user) {
        rows u =
            found(c, sql(c, "SELECT u.full_name FROM users u WHERE u.id = $1::bigint AND u.deleted_at IS NULL", user),
                  "user");
        name = one(u, "full_name");
    }
    if (name && strlen(name) < 3)
        stop(c, 422, "name_too_short", "a name has three letters at least");
    struct query q = compare(c, name);
    query_if(&q, body_choice(c, "kind", "person|entity|vessel|aircraft"), "e.kind = ?::sanction_kind");
    compare_end(&q);
    query_if(&q, threshold ? threshold : "70", "b.score >= ?::int");
    query_if(&q, user,
             "NOT EXISTS (SELECT 1 FROM screening_matches m JOIN screenings s ON s.id = m.screening_id WHERE s.user_id "
             "= ?::bigint AND m.entry_id = b.entry_id AND m.decision = 'false_positive')");
    query_add(&q, " ORDER BY b.score DESC, b.entry_id LIMIT 5");
    rows hits = query_run(&q);
    rows s = sql(c,
                 "INSERT INTO screenings (user_id, transaction_id, subject_name, reason, status, best_score, list_ids, "
                 "requested_by, query) SELECT $1, t.id, $2, "
                 "CASE WHEN t.id IS NULL THEN 'manual' ELSE 'payment' END, CASE WHEN $4::int IS NULL THEN 'clear' ELSE "
                 "'potential' END::screening_status, $4::int, "
                 "(SELECT array_agg(l.id ORDER BY l.id) FROM sanction_lists l WHERE l.active), 'officer' || $5, "
                 "jsonb_build_object('threshold', $6::int) "
                 "FROM (SELECT 1) one LEFT JOIN transactions t ON t.id = $3::bigint RETURNING *",
                 user, name, payment, one(hits, "score"), caller(c), threshold ? threshold : "70");
    for (int i = 0; i < count(hits) && !stopped(c); i++)
        sql(c,
            "INSERT INTO screening_matches (screening_id, entry_id, score, matched_name, method) VALUES ($1, $2, $3, "
            "$4, $5)",
            one(s, "id"), val(hits, i, "entry_id"), val(hits, i, "score"), val(hits, i, "matched_name"),
            val(hits, i, "method"));
    commit(c);
    object(c, NULL);
    put_fields(c, s, 0, screening_fields);
    put_bool(c, "may_proceed", count(hits) ? "f" : "t");
    put_rows(c, "matches", hits, match_fields);
    end(c);
}

static void search(struct ctx *c)
{
    struct page p = page_of(c, "page", "per_page", 20);
    const char *what = arg(c, "q");
    if (!what || strlen(what) < 3)
        stop(c, 422, "query_too_short", "q wants three letters at least");
    struct query q = compare(c, what);
    query_if(&q, arg_choice(c, "kind", "person|entity|vessel|aircraft"), "e.kind = ?::sanction_kind");
    query_if(&q, arg(c, "list"), "l.code = ?");
    query_if(&q, arg(c, "nationality"), "e.nationality = ?");
    query_if(&q, arg_number(c, "born_after", NULL, 1900, 2100), "e.birth_year > ?");
    query_if(&q, arg(c, "program"), "? = ANY (e.programs)");
    compare_end(&q);
    query_if(&q, arg_number(c, "min_score", "40", 0, 100), "b.score >= ?");
    query_add(&q, " ORDER BY b.score DESC, b.id");
    query_value(&q, " LIMIT ?", p.limit);
    query_value(&q, " OFFSET ?", p.offset);
    rows r = query_run(&q);
    object(c, NULL);
    array(c, "results");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, entry_fields);
        put_number(c, "score", val(r, i, "score"));
        put_text(c, "matched_name", val(r, i, "matched_name"));
        end(c);
    }
    end(c);
    put_int(c, "page", p.number);
    end(c);
}

static void get_entry(struct ctx *c)
{
    struct query q =
        query(c, "SELECT e.*, l.code, l.name AS list_name, l.publisher, (SELECT json_agg(json_build_object('user_id', "
                 "u.id, 'name', u.full_name, 'country', u.country, 'score', m.score, "
                 "'decision', m.decision) ORDER BY m.score DESC, s.id) FROM screening_matches m JOIN screenings s ON "
                 "s.id = m.screening_id JOIN users u ON u.id = s.user_id "
                 "WHERE m.entry_id = e.id AND m.decision <> 'false_positive') AS suspects FROM sanction_entries e JOIN "
                 "sanction_lists l ON l.id = e.list_id");
    query_if(&q, param(c, "id"), "e.id = ?");
    rows e = found(c, query_run(&q), "entry");
    object(c, NULL);
    put_fields(c, e, 0, entry_fields);
    put_text(c, "list_name", one(e, "list_name"));
    put_text(c, "publisher", one(e, "publisher"));
    put_number(c, "identifiers", one(e, "identifiers"));
    put_text(c, "remarks", one(e, "remarks"));
    put_number(c, "suspects", one(e, "suspects"));
    end(c);
}

static void lists(struct ctx *c)
{
    static const struct field fields[] = {{"id", NULL, NUMBER},
                                          {"code", NULL, TEXT},
                                          {"name", NULL, TEXT},
                                          {"publisher", NULL, TEXT},
                                          {"version", NULL, TEXT},
                                          {"active", NULL, BOOL},
                                          {"published_on", NULL, TEXT},
                                          {"entries", NULL, NUMBER},
                                          {"persons", NULL, NUMBER},
                                          {"confirmed_customers", "confirmed", NUMBER},
                                          {NULL}};
    rows r = sql(c, "SELECT l.*, e.entries, e.persons, (SELECT count(DISTINCT u.id) FROM sanction_entries x JOIN "
                    "screening_matches m ON m.entry_id = x.id AND m.decision = 'true_match' "
                    "JOIN screenings s ON s.id = m.screening_id JOIN users u ON u.id = s.user_id WHERE x.list_id = "
                    "l.id) AS confirmed FROM sanction_lists l "
                    "LEFT JOIN (SELECT list_id, count(*) AS entries, count(*) FILTER (WHERE kind = 'person') AS "
                    "persons FROM sanction_entries WHERE delisted_on IS NULL GROUP BY list_id) e "
                    "ON e.list_id = l.id ORDER BY l.id");
    object(c, NULL);
    put_rows(c, "results", r, fields);
    end(c);
}

static void put_screenings(struct ctx *c, rows r, bool staff)
{
    array(c, "results");
    for (int i = 0; i < count(r); i++) {
        object(c, NULL);
        put_fields(c, r, i, screening_fields);
        if (staff && val(r, i, "user_id")) {
            object(c, "customer");
            put_number(c, "id", val(r, i, "user_id"));
            put_text(c, "name", val(r, i, "full_name"));
            put_text(c, "country", val(r, i, "country"));
            put_text(c, "band", val(r, i, "band"));
            end(c);
        }
        put_text(c, "amount", val(r, i, "amount"));
        end(c);
    }
    end(c);
}

static void list_screenings(struct ctx *c)
{
    struct page p = page_of(c, "page", "limit", 25);
    const char *at, *id;
    cursor_in(c, &at, &id);
    struct query q = query(c, "SELECT s.*, u.full_name, u.country, risk_band(k.score) AS band, t.amount FROM "
                              "screenings s LEFT JOIN users u ON u.id = s.user_id "
                              "LEFT JOIN risk_scores k ON k.user_id = u.id AND k.is_current LEFT JOIN transactions t "
                              "ON t.id = s.transaction_id");
    query_if(&q, arg_choice(c, "status", "clear|potential|confirmed|false_positive"), "s.status = ?::screening_status");
    query_if(&q, arg_choice(c, "reason", "onboarding|periodic|payment|manual"), "s.reason = ?");
    query_if(&q, arg(c, "from"), "s.created_at >= ?::date");
    query_if(&q, arg(c, "country"), "u.country = ?");
    if (at) {
        query_if(&q, at, "(s.created_at, s.id) < (?::timestamptz");
        query_value(&q, ", ?::bigint)", id);
    }
    query_add(&q, " ORDER BY s.created_at DESC, s.id DESC");
    query_value(&q, " LIMIT ?", p.limit);
    rows r = query_run(&q);
    bool more = count(r) == p.size;
    object(c, NULL);
    put_screenings(c, r, true);
    cursor_out(c, "next_cursor", more ? val(r, count(r) - 1, "created_at") : NULL,
               more ? val(r, count(r) - 1, "id") : NULL);
    end(c);
}

static void user_screenings(struct ctx *c)
{
    only_owner(c, param(c, "id"));
    struct query q = query(c, "SELECT s.*, t.amount FROM users u JOIN screenings s ON s.user_id = u.id LEFT JOIN "
                              "transactions t ON t.id = s.transaction_id");
    query_if(&q, param(c, "id"), "u.id = ?");
    query_if(&q, arg_choice(c, "reason", "onboarding|periodic|payment|manual"), "s.reason = ?");
    query_add(&q, " ORDER BY s.created_at DESC, s.id DESC LIMIT 30");
    rows r = query_run(&q);
    object(c, NULL);
    put_screenings(c, r, false);
    end(c);
}

static void get_screening(struct ctx *c)
{
    struct query q = query(c, "SELECT s.*, u.full_name, u.country, u.birth_date, t.amount, t.currency, m.name AS "
                              "merchant, t.created_at AS paid_at FROM screenings s "
                              "LEFT JOIN users u ON u.id = s.user_id LEFT JOIN transactions t ON t.id = "
                              "s.transaction_id LEFT JOIN merchants m ON m.id = t.merchant_id");
    query_if(&q, param(c, "id"), "s.id = ?");
    rows s = found(c, query_run(&q), "screening");
    rows matches = sql(c,
                       "SELECT m.*, e.kind, e.birth_year, e.nationality, l.code FROM screening_matches m JOIN "
                       "sanction_entries e ON e.id = m.entry_id JOIN sanction_lists l ON l.id = e.list_id "
                       "WHERE m.screening_id = $1 ORDER BY m.score DESC, m.entry_id",
                       param(c, "id"));
    object(c, NULL);
    put_fields(c, s, 0, screening_fields);
    if (one(s, "user_id")) {
        object(c, "customer");
        put_number(c, "id", one(s, "user_id"));
        put_text(c, "name", one(s, "full_name"));
        put_text(c, "country", one(s, "country"));
        put_text(c, "birth_date", one(s, "birth_date"));
        end(c);
    }
    if (one(s, "amount")) {
        object(c, "payment");
        put_text(c, "amount", one(s, "amount"));
        put_text(c, "currency", one(s, "currency"));
        put_text(c, "merchant", one(s, "merchant"));
        put_zulu(c, "at", one(s, "paid_at"));
        end(c);
    }
    put_text(c, "comment", one(s, "comment"));
    put_rows(c, "matches", matches, match_fields);
    end(c);
}

static void audit(struct ctx *c, const char *action, const char *entity, const char *id, const char *before,
                  const char *after)
{
    sql(c,
        "INSERT INTO audit_events (actor_id, actor_kind, service, action, entity, entity_id, before, after) VALUES "
        "($1, 'staff', 'sanctions', $2, $3, $4, "
        "jsonb_build_object('status', $5::text), jsonb_build_object('status', $6::text))",
        caller(c), action, entity, id, before, after);
}

/* potential or false_positive -> confirmed, false_positive; a confirmed match opens a case on the customer's last
 * payment. */
static void decide(struct ctx *c)
{
    const char *decision = need_choice(c, "decision", "true_match|false_positive"), *entry = body(c, "entry_id");
    bool confirmed = decision && !strcmp(decision, "true_match");
    begin(c);
    rows s = found(c,
                   sql(c,
                       "SELECT s.*, s.status IN ('potential', 'false_positive') AS possible FROM screenings s WHERE "
                       "s.id = $1 FOR UPDATE",
                       param(c, "id")),
                   "screening");
    if (!stopped(c) && !is_true(one(s, "possible")))
        stop(c, 409, "decided", text(c, "this screening is %s", one(s, "status")));
    rows m = sql(c,
                 "UPDATE screening_matches SET decision = $2 WHERE screening_id = $1 AND ($3::bigint IS NULL OR "
                 "entry_id = $3::bigint)",
                 param(c, "id"), decision, entry);
    if (entry && !stopped(c) && affected(m) == 0)
        stop(c, 404, "not_found", "this entry is none of the matches");
    rows r = sql(c,
                 "UPDATE screenings SET status = $2::screening_status, decided_by = 'officer' || $3, decided_at = "
                 "now(), comment = coalesce($4, comment) WHERE id = $1 RETURNING *",
                 param(c, "id"), confirmed ? "confirmed" : "false_positive", caller(c), body(c, "comment"));
    if (confirmed && one(s, "user_id"))
        sql(c,
            "INSERT INTO compliance_cases (transaction_id, user_id, severity, status, assignee, narrative) SELECT "
            "t.id, t.user_id, 'high', 'open', 'officer' || $2, 'Sanctions match, screening ' || $3 "
            "FROM transactions t WHERE t.user_id = $1 ORDER BY t.id DESC LIMIT 1",
            one(s, "user_id"), caller(c), param(c, "id"));
    audit(c, "screening.decide", "screening", param(c, "id"), one(s, "status"), one(r, "status"));
    commit(c);
    put_row(c, NULL, r, 0, screening_fields);
}

/* A new version of a list: entries that are known by their reference are changed, others come in. */
static void import(struct ctx *c)
{
    const char *version = need(c, "version");
    int n = body_count(c, "entries");
    begin(c);
    rows l = found(c, sql(c, "SELECT * FROM sanction_lists WHERE id = $1 FOR UPDATE", param(c, "id")), "list");
    if (!stopped(c) && !is_true(one(l, "active")))
        stop(c, 409, "list_closed", "this list is not used any more");
    for (int i = 0; i < n && !stopped(c); i++) {
        const char *ref = body_item(c, "entries", i, "ref"), *name = body_item(c, "entries", i, "name");
        if (!ref || !name)
            stop(c, 422, "invalid", text(c, "entry %d needs a ref and a name", i));
        sql(c,
            "INSERT INTO sanction_entries (list_id, ext_ref, primary_name, nationality, programs, listed_on) VALUES "
            "($1, $2, $3, left($4, 2), '{IMPORT}', current_date) "
            "ON CONFLICT (list_id, ext_ref) DO UPDATE SET primary_name = excluded.primary_name, delisted_on = NULL, "
            "updated_at = now()",
            param(c, "id"), ref, name, body_item(c, "entries", i, "nationality"));
    }
    rows r = sql(c,
                 "UPDATE sanction_lists l SET version = $2, published_on = current_date, fetched_at = now(), "
                 "entry_count = (SELECT count(*) FROM sanction_entries e WHERE e.list_id = l.id "
                 "AND e.delisted_on IS NULL) WHERE id = $1 RETURNING code, version, entry_count",
                 param(c, "id"), version);
    audit(c, "list.import", "sanction_list", param(c, "id"), one(l, "version"), version);
    commit(c);
    object(c, NULL);
    put_text(c, "list", one(r, "code"));
    put_text(c, "version", one(r, "version"));
    put_number(c, "entries", one(r, "entry_count"));
    put_int(c, "received", n);
    end(c);
}

static void delist(struct ctx *c)
{
    begin(c);
    rows e = found(c, sql(c, "SELECT id, delisted_on FROM sanction_entries WHERE id = $1 FOR UPDATE", param(c, "id")),
                   "entry");
    if (one(e, "delisted_on"))
        stop(c, 409, "delisted", text(c, "delisted on %s", one(e, "delisted_on")));
    sql(c, "UPDATE sanction_entries SET delisted_on = current_date, updated_at = now() WHERE id = $1", param(c, "id"));
    audit(c, "entry.delist", "sanction_entry", param(c, "id"), "listed", "delisted");
    commit(c);
    status(c, 204);
}

static const struct route sanction_routes[] = {
    {"POST", "/v1/sanctions/screen", screen, AUTH_STAFF,
     "a payment waits for it: today's lists and every decision until now", false},
    {"GET", "/v1/sanctions/entries", search, AUTH_STAFF, NULL, false},
    {"GET", "/v1/sanctions/entries/{id}", get_entry, AUTH_STAFF, NULL, false},
    {"DELETE", "/v1/sanctions/entries/{id}", delist, AUTH_STAFF, NULL, false},
    {"GET", "/v1/sanctions/lists", lists, AUTH_STAFF, NULL, true},
    {"POST", "/v1/sanctions/lists/{id}/import", import, AUTH_STAFF, NULL, false},
    {"GET", "/v1/sanctions/screenings", list_screenings, AUTH_STAFF, NULL, false},
    {"GET", "/v1/sanctions/screenings/{id}", get_screening, AUTH_STAFF, NULL, false},
    {"POST", "/v1/sanctions/screenings/{id}/decide", decide, AUTH_STAFF, NULL, false},
    {"GET", "/v1/users/{id}/screenings", user_screenings, AUTH_USER, NULL, false},
};
SERVICE_NO_JOBS(sanctions, ERRORS_PROBLEM, sanction_routes);
