// SPDX-License-Identifier: Apache-2.0
/*
 * Surveys and merchants' reviews: text to look through, scores to average. Hand-written SQL; camelCase, bare arrays,
 * ISO times beside epoch milliseconds. Names are sorted as the database sorts them.
 */
#include "app.h"

static const struct field review_row[] = {{"id", NULL, NUMBER},
                                          {"merchantId", "merchant_id", NUMBER},
                                          {"merchantName", "merchant_name", TEXT},
                                          {"author", NULL, TEXT},
                                          {"stars", NULL, NUMBER},
                                          {"title", NULL, TEXT},
                                          {"body", NULL, TEXT},
                                          {"language", NULL, TEXT},
                                          {"photos", NULL, ARRAY},
                                          {"helpful", NULL, NUMBER},
                                          {"verified", NULL, BOOL},
                                          {"reply", NULL, TEXT, .omit_null = true},
                                          {"createdAt", "created_at", ISO},
                                          {"createdMs", "created_at", EPOCH_MS},
                                          {NULL}};

/* ---- reads ---- */

static void get_survey(struct ctx *c)
{
    static const struct field row[] = {{"id", NULL, NUMBER},
                                       {"slug", NULL, TEXT},
                                       {"title", NULL, TEXT},
                                       {"questions", NULL, JSON},
                                       {"openFrom", "open_from", TEXT},
                                       {"openTo", "open_to", TEXT},
                                       {"active", NULL, BOOL},
                                       {"responses", NULL, NUMBER},
                                       {"answered", NULL, BOOL},
                                       {NULL}};
    rows r = found(
        c,
        sql(c,
            "SELECT s.id, s.slug, coalesce(s.title ->> $2, s.title ->> 'en') AS title, s.questions, s.open_from, "
            "s.open_to, s.active,"
            " (SELECT count(*) FROM survey_response x JOIN users u ON u.id = x.\"userId\" WHERE x.\"surveyId\" = s.id "
            "AND x.\"isComplete\""
            "  AND u.deleted_at IS NULL) AS responses,"
            " EXISTS (SELECT FROM survey_response x WHERE x.\"surveyId\" = s.id AND x.\"userId\" = $3) AS answered"
            " FROM surveys s WHERE s.id = $1",
            param(c, "id"), arg_choice(c, "lang", "en|de|fr|it"), caller(c)),
        "survey");
    put_row(c, NULL, r, 0, row);
}

static void list_responses(struct ctx *c)
{
    static const struct field row[] = {{"id", NULL, NUMBER},
                                       {"npsScore", NULL, NUMBER},
                                       {"answers", NULL, JSON},
                                       {"freeText", NULL, TEXT, .omit_null = true},
                                       {"locale", NULL, TEXT},
                                       {"isComplete", NULL, BOOL},
                                       {"userName", NULL, TEXT},
                                       {"userCountry", NULL, TEXT},
                                       {"device", NULL, TEXT, .omit_null = true},
                                       {"payments", NULL, NUMBER},
                                       {"createdAt", NULL, ISO},
                                       {NULL}};
    struct page p = page_of(c, "page", "perPage", 20);
    const char *words = arg(c, "q");
    rows r = sql(
        c,
        "SELECT x.id, x.\"npsScore\", x.answers, x.\"freeText\", x.locale, x.\"isComplete\", x.\"createdAt\", "
        "u.full_name AS \"userName\","
        " u.country AS \"userCountry\", x.\"deviceInfo\" ->> 'os' AS device,"
        " (SELECT count(*) FROM transactions t WHERE t.user_id = u.id AND t.period = $7::int) AS payments"
        " FROM survey_response x JOIN users u ON u.id = x.\"userId\" WHERE x.\"surveyId\" = $1"
        " AND ($2::smallint IS NULL OR x.\"npsScore\" <= $2) AND ($3::text IS NULL OR x.\"freeText\" ILIKE '%' || $3 "
        "|| '%')"
        " AND ($4::boolean IS NULL OR x.\"isComplete\" = $4) ORDER BY x.\"createdAt\" DESC, x.id LIMIT $5 OFFSET $6",
        param(c, "id"), arg_number(c, "maxScore", NULL, 0, 10), words, arg_choice(c, "complete", "true|false"), p.limit,
        p.offset, arg_number(c, "month", "202606", 202301, 202712));
    put_rows(c, NULL, r, row);
}

static void get_nps(struct ctx *c)
{
    static const struct field row[] = {{"country", NULL, TEXT},         {"responses", NULL, NUMBER},
                                       {"promoters", NULL, NUMBER},     {"detractors", NULL, NUMBER},
                                       {"nps", NULL, NUMBER},           {"average", NULL, NUMBER},
                                       {"appAverage", NULL, TEXT},      {"byKyc", NULL, JSON},
                                       {"medianSeconds", NULL, NUMBER}, {NULL}};
    const char *id = param(c, "id");
    rows s = found(c, sql(c, "SELECT id, slug FROM surveys WHERE id = $1", id), "survey");
    rows r = sql(
        c,
        "WITH x AS (SELECT u.country, u.kyc_level, r.\"npsScore\" AS score, (r.answers ->> 'app')::numeric AS app, "
        "r.\"durationMs\""
        " FROM survey_response r JOIN users u ON u.id = r.\"userId\" WHERE r.\"surveyId\" = $1 AND r.\"npsScore\" IS "
        "NOT NULL)"
        " SELECT x.country, count(*) AS responses, count(*) FILTER (WHERE score >= 9) AS promoters, count(*) FILTER "
        "(WHERE score <= 6) AS detractors,"
        " round(100.0 * (count(*) FILTER (WHERE score >= 9) - count(*) FILTER (WHERE score <= 6)) / nullif(count(*), "
        "0)) AS nps,"
        " round(avg(score), 2) AS average, round(avg(app), 1) AS \"appAverage\","
        " round(percentile_cont(0.5) WITHIN GROUP (ORDER BY \"durationMs\")::numeric / 1000, 1) AS \"medianSeconds\","
        " (SELECT json_object_agg(k.kyc_level, k.a ORDER BY k.kyc_level) FROM (SELECT y.kyc_level, round(avg(y.score), "
        "2) AS a FROM x y"
        "  WHERE y.country IS NOT DISTINCT FROM x.country GROUP BY 1) k) AS \"byKyc\""
        " FROM x GROUP BY ROLLUP (x.country) ORDER BY grouping(x.country) DESC, x.country",
        id);
    object(c, NULL);
    put_text(c, "survey", one(s, "slug"));
    put_rows(c, "rows", r, row);
    end(c);
}

#define REVIEW                                                                                                         \
    "SELECT r.*, m.name AS merchant_name, CASE WHEN u.deleted_at IS NULL THEN split_part(u.full_name, ' ', 1) END AS " \
    "author, "                                                                                                         \
    "r.transaction_id IS NOT NULL AS verified FROM merchant_reviews r JOIN merchants m ON m.id = r.merchant_id "       \
    "JOIN users u ON u.id = r.user_id "

static void list_reviews(struct ctx *c)
{
    struct page p = page_of(c, "page", "perPage", 10);
    const char *words = arg(c, "q"), *sort = arg_choice(c, "sort", "new|helpful|title");
    struct query q = query(c, REVIEW);
    query_where(&q, "r.state = 'published' AND r.deleted_at IS NULL");
    query_if(&q, arg_number(c, "merchantId", NULL, 1, INT64_MAX), "r.merchant_id = ?");
    query_if(&q, arg_number(c, "minStars", NULL, 1, 5), "r.stars >= ?::int");
    query_if(&q, arg_choice(c, "language", "de|en|fr"), "r.language = ?");
    query_if(&q, words ? text(c, "%%%s%%", words) : NULL,
             "(coalesce(r.title, '') || ' ' || coalesce(r.body, '')) ILIKE ?");
    query_add(&q, !sort || *sort == 'n' ? "ORDER BY r.created_at DESC, r.id DESC"
                  : *sort == 'h'        ? "ORDER BY r.helpful DESC, r.id"
                                        : "ORDER BY r.title NULLS LAST, r.id");
    query_value(&q, "LIMIT ?", p.limit);
    query_value(&q, "OFFSET ?", p.offset);
    put_rows(c, NULL, query_run(&q), review_row);
}

static void get_review(struct ctx *c)
{
    rows r = found(c, sql(c, REVIEW "WHERE r.id = $1 AND r.deleted_at IS NULL AND r.state <> 'hidden'", param(c, "id")),
                   "review");
    put_row(c, NULL, r, 0, review_row);
}

/* Merchants from A to Z with their average, rounded to halves as the stars are drawn. */
static void list_ratings(struct ctx *c)
{
    static const struct field row[] = {{"merchantId", "id", NUMBER}, {"legalName", "legal_name", TEXT},
                                       {"name", NULL, TEXT},         {"category", NULL, TEXT},
                                       {"reviews", NULL, NUMBER},    {"average", NULL, TEXT},
                                       {"halfStars", NULL, NUMBER},  {"histogram", NULL, NUMBERS},
                                       {"lastReview", NULL, ISO},    {NULL}};
    struct page p = page_of(c, "page", "perPage", 25);
    rows r =
        sql(c,
            "SELECT m.id, m.legal_name, m.name, m.category, s.n AS reviews, s.average, s.half AS \"halfStars\", "
            "s.histogram, s.last AS \"lastReview\""
            " FROM merchants m CROSS JOIN LATERAL (SELECT count(*) AS n, round(avg(r.stars), 2) AS average, round(2 * "
            "avg(r.stars)) AS half,"
            "  ARRAY[count(*) FILTER (WHERE stars = 1), count(*) FILTER (WHERE stars = 2), count(*) FILTER (WHERE "
            "stars = 3),"
            "  count(*) FILTER (WHERE stars = 4), count(*) FILTER (WHERE stars = 5)] AS histogram, max(r.created_at) "
            "AS last"
            "  FROM merchant_reviews r WHERE r.merchant_id = m.id AND r.state = 'published' AND r.deleted_at IS NULL) s"
            " WHERE ($1::text IS NULL OR m.legal_name ILIKE '%' || $1 || '%') AND ($2::text IS NULL OR m.category = $2)"
            " ORDER BY m.legal_name, m.id LIMIT $3 OFFSET $4",
            arg(c, "q"), arg(c, "category"), p.limit, p.offset);
    put_rows(c, NULL, r, row);
}

/* ---- writes ---- */

static void answer_survey(struct ctx *c)
{
    const char *answers = body_json(c, "answers"), *score = body(c, "npsScore");
    begin(c);
    rows s = found(c,
                   sql(c,
                       "SELECT s.id, s.active, u.preferences ->> 'locale' AS locale FROM surveys s CROSS JOIN users u"
                       " WHERE s.id = $1 AND u.id = $2",
                       param(c, "id"), caller(c)),
                   "survey");
    if (!stopped(c) && !is_true(one(s, "active")))
        stop(c, 409, "closed", "this survey is closed");
    if (!answers)
        stop(c, 422, "invalid", "answers is missing");
    rows r = sql(c,
                 "INSERT INTO survey_response (\"surveyId\", \"userId\", \"npsScore\", answers, \"freeText\", locale, "
                 "\"isComplete\")"
                 " VALUES ($1, $2, $3, $4, $5, left(coalesce($6, 'en'), 5), $4::jsonb ? 'app')"
                 " ON CONFLICT (\"surveyId\", \"userId\") DO UPDATE SET \"npsScore\" = coalesce(excluded.\"npsScore\", "
                 "survey_response.\"npsScore\"),"
                 " answers = survey_response.answers || excluded.answers, \"freeText\" = "
                 "coalesce(excluded.\"freeText\", survey_response.\"freeText\"),"
                 " \"isComplete\" = survey_response.\"isComplete\" OR excluded.\"isComplete\", \"updatedAt\" = now()"
                 " RETURNING id, \"isComplete\", \"npsScore\", \"updatedAt\", xmax = 0 AS fresh",
                 one(s, "id"), caller(c), score, answers, body(c, "freeText"), one(s, "locale"));
    commit(c);
    status(c, is_true(one(r, "fresh")) ? 201 : 200);
    object(c, NULL);
    put_number(c, "id", one(r, "id"));
    put_bool(c, "isComplete", one(r, "isComplete"));
    put_number(c, "npsScore", one(r, "npsScore"));
    put_iso(c, "updatedAt", one(r, "updatedAt"));
    end(c);
}

static void create_review(struct ctx *c)
{
    const char *payment = need_id(c, "transactionId"), *stars = need_choice(c, "stars", "1|2|3|4|5");
    begin(c);
    rows t = found(c,
                   sql(c,
                       "SELECT t.id, t.user_id, t.merchant_id, EXISTS (SELECT FROM merchant_reviews r WHERE "
                       "r.transaction_id = t.id AND r.deleted_at IS NULL) AS done"
                       " FROM transactions t JOIN merchants m ON m.id = t.merchant_id WHERE t.id = $1 FOR UPDATE OF t",
                       payment),
                   "payment");
    only_owner(c, one(t, "user_id"));
    if (is_true(one(t, "done")))
        stop(c, 409, "reviewed", "this payment has a review");
    rows r = sql(c,
                 "INSERT INTO merchant_reviews (merchant_id, user_id, transaction_id, stars, title, body, language)"
                 " VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, 'en')) RETURNING id",
                 one(t, "merchant_id"), one(t, "user_id"), payment, stars, body(c, "title"), body(c, "body"),
                 body_choice(c, "language", "de|en|fr"));
    commit(c);
    status(c, 201);
    header_out(c, "Location", text(c, "/v1/reviews/%s", one(r, "id")));
    object(c, NULL);
    put_number(c, "id", one(r, "id"));
    put_number(c, "merchantId", one(t, "merchant_id"));
    end(c);
}

static void mark_helpful(struct ctx *c)
{
    rows r = found(c,
                   sql(c,
                       "UPDATE merchant_reviews SET helpful = helpful + 1 WHERE id = $1 AND state = 'published' AND "
                       "deleted_at IS NULL RETURNING helpful",
                       param(c, "id")),
                   "review");
    object(c, NULL);
    put_number(c, "helpful", one(r, "helpful"));
    end(c);
}

static void patch_review(struct ctx *c)
{
    const char *stars = body_choice(c, "stars", "1|2|3|4|5"),
               *state = body_choice(c, "state", "published|pending|hidden");
    begin(c);
    rows r = found(
        c,
        sql(c, "SELECT user_id FROM merchant_reviews WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", param(c, "id")),
        "review");
    only_owner(c, one(r, "user_id"));
    if (state && !is_staff(c))
        stop(c, 403, "forbidden", "moderators only");
    sql(c,
        "UPDATE merchant_reviews SET stars = coalesce($2::smallint, stars), title = coalesce($3, title), body = "
        "coalesce($4, body),"
        " state = coalesce($5, state), reply = coalesce($6, reply), replied_at = CASE WHEN $6::text IS NULL THEN "
        "replied_at ELSE now() END,"
        " updated_at = now() WHERE id = $1",
        param(c, "id"), stars, body(c, "title"), body(c, "body"), state, is_staff(c) ? body(c, "reply") : NULL);
    if (is_staff(c) && body(c, "reply"))
        sql(c,
            "INSERT INTO notifications (user_id, kind, title, body) SELECT r.user_id, 'review_reply', m.name || ' "
            "answered you',"
            " r.reply FROM merchant_reviews r JOIN merchants m ON m.id = r.merchant_id WHERE r.id = $1",
            param(c, "id"));
    rows now = sql(c, REVIEW "WHERE r.id = $1", param(c, "id"));
    commit(c);
    put_row(c, NULL, now, 0, review_row);
}

static void delete_review(struct ctx *c)
{
    begin(c);
    rows r = found(
        c,
        sql(c, "SELECT user_id FROM merchant_reviews WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", param(c, "id")),
        "review");
    only_owner(c, one(r, "user_id"));
    sql(c, "UPDATE merchant_reviews SET deleted_at = now(), updated_at = now() WHERE id = $1", param(c, "id"));
    commit(c);
    status(c, 204);
}

static const struct route feedback_routes[] = {
    {"GET", "/v1/surveys/{id}", get_survey, AUTH_USER, NULL, false},
    {"GET", "/v1/surveys/{id}/responses", list_responses, AUTH_STAFF, NULL, false},
    {"GET", "/v1/surveys/{id}/nps", get_nps, AUTH_STAFF, NULL, false},
    {"POST", "/v1/surveys/{id}/responses", answer_survey, AUTH_USER, NULL, false},
    {"GET", "/v1/reviews", list_reviews, AUTH_NONE, NULL, false},
    {"GET", "/v1/reviews/{id}", get_review, AUTH_NONE, NULL, false},
    {"GET", "/v1/merchant-ratings", list_ratings, AUTH_NONE, NULL, false},
    {"POST", "/v1/reviews", create_review, AUTH_USER, NULL, false},
    {"POST", "/v1/reviews/{id}/helpful", mark_helpful, AUTH_NONE, NULL, false},
    {"PATCH", "/v1/reviews/{id}", patch_review, AUTH_USER, NULL, false},
    {"DELETE", "/v1/reviews/{id}", delete_review, AUTH_USER, NULL, false},
};

SERVICE_NO_JOBS(feedback, ERRORS_TEXT, feedback_routes);
