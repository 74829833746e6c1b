// SPDX-License-Identifier: Apache-2.0
/*
 * What a service of the legacy application is written with: the request, the database, the answer, in one context.
 *
 * Rules that hold everywhere, so that a handler reads from top to bottom without an if behind every line:
 * - The first failure wins: stop() (called by the handler, or by anything below that finds the request or the database
 *   wrong) fixes the answer; after it every statement returns no rows and is not sent, and what is still written to the
 *   answer is thrown away. A handler only asks stopped() where it would loop or divide.
 * - Values are C text as PostgreSQL prints it; NULL is SQL's null. They live until the request ends.
 * - A handler that fails by a serialisation failure or deadlock is run again, so it keeps nothing outside the context.
 */
#pragma once
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"

struct ctx;
typedef void handler_fn(struct ctx *c);

/* ---- services ---- */

/* `Authorization: Bearer usr_7`, `stf_3` (our own people) or `prt_2` (a partner). Staff may call everything. */
enum auth { AUTH_NONE, AUTH_USER, AUTH_STAFF, AUTH_PARTNER };

struct route {
    const char *method;
    const char *pattern; /* "/v1/cards/{id}"; {x} is a bigint, {x:uuid} a uuid, {x:text} any segment; else 400 */
    handler_fn *handle;
    enum auth auth;
    const char *sync; /* why its answer must be the truth of this moment, so that it cannot move; NULL: it can */
    bool etag;        /* ETag over the body; If-None-Match answers 304 */
};

/* What an error looks like; services do not agree. */
enum errors {
    ERRORS_TEXT,    /* {"error":"text"} */
    ERRORS_CODE,    /* {"error":{"code":"not_found","message":"text"}} */
    ERRORS_PROBLEM, /* RFC 9457, application/problem+json */
    ERRORS_LIST,    /* {"errors":[{"code":"not_found","detail":"text"}]} */
};

/* Runs on a thread of its own with --jobs, as the route "JOB name". */
struct job {
    const char *name;
    unsigned every_s;
    handler_fn *run;
};

struct service {
    const char *name;
    enum errors errors;
    const struct route *routes;
    size_t route_count;
    const struct job *jobs;
    size_t job_count;
};
/* At the end of services/NAME/NAME.c: SERVICE(cards, ERRORS_CODE, card_routes, card_jobs) or SERVICE_NO_JOBS. */
#define SERVICE(name_, errors_, routes_, jobs_)  \
    extern const struct service name_##_service; \
    const struct service name_##_service = {#name_, errors_, routes_, COUNT(routes_), jobs_, COUNT(jobs_)}
#define SERVICE_NO_JOBS(name_, errors_, routes_) \
    extern const struct service name_##_service; \
    const struct service name_##_service = {#name_, errors_, routes_, COUNT(routes_), NULL, 0}

/* ---- the request ---- */

const char *param(struct ctx *c, const char *name); /* of the path; never NULL */
const char *arg(struct ctx *c, const char *name);   /* of the query; NULL when absent or empty */
/* A number from min to max, as text; 400 when it is not; fallback (may be NULL) when absent. */
const char *arg_number(struct ctx *c, const char *name, const char *fallback, int64_t min, int64_t max);
/* One of "a|b|c"; 400 when it is not; NULL when absent. */
const char *arg_choice(struct ctx *c, const char *name, const char *choices);
const char *header_in(struct ctx *c, const char *name); /* NULL when absent */
const char *caller(struct ctx *c);                      /* id in the token; "0" without one */
bool is_staff(const struct ctx *c);
/* 403 unless the caller is this user, or staff. */
void only_owner(struct ctx *c, const char *user_id);

/* A member of the JSON body: a string unescaped, a number or boolean as written; NULL when absent or null. 400 when the
 * body is no JSON object. */
const char *body(struct ctx *c, const char *name);
const char *body_json(struct ctx *c, const char *name);   /* the member as JSON text */
const char *need(struct ctx *c, const char *name);        /* 422 when absent or empty */
const char *need_id(struct ctx *c, const char *name);     /* a positive bigint */
bool is_amount(const char *v);                            /* > 0, at most 12 digits and two decimals */
const char *need_amount(struct ctx *c, const char *name); /* > 0, at most 12 digits and two decimals */
const char *need_choice(struct ctx *c, const char *name, const char *choices); /* one of "a|b|c" */
const char *body_choice(struct ctx *c, const char *name, const char *choices); /* the same, may be absent */
int body_count(struct ctx *c,
               const char *name); /* elements of an array member; 0 when absent; at most 1000, else 422 */
const char *body_item(struct ctx *c, const char *name, int i, const char *member); /* of an array of objects */
const char *body_element(struct ctx *c, const char *name, int i);                  /* of an array of scalars */

/* ---- stopping ---- */

/* 4xx or 5xx with a snake_case code and a text, shaped as the service's errors are. */
void stop(struct ctx *c, unsigned status, const char *code, const char *text);
bool stopped(const struct ctx *c);

/* ---- the database ---- */

typedef const PGresult *rows;
int count(rows r);
const char *val(rows r, int row, const char *column); /* NULL: null, no such row, no such column */
static inline const char *one(rows r, const char *column) { return val(r, 0, column); }
static inline bool is_true(const char *v) { return v && *v == 't'; }
/* r; 404 "WHAT not found" when it has no row. */
rows found(struct ctx *c, rows r, const char *what);
long affected(rows r); /* rows an INSERT, UPDATE or DELETE changed */

void begin(struct ctx *c);
void commit(struct ctx *c); /* a request that ends otherwise is rolled back */
/* Text made for this request, e.g. a parameter. */
const char *text(struct ctx *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Where in the code a statement stands; the trace tells them apart. */
struct site {
    const char *file, *function, *text; /* text NULL: put together at run time */
    int line;
};
#define SITE_(text_)                                                                                     \
    ({                                                                                                   \
        static const struct site site_ = {__FILE__, __func__, text_, __LINE__};                          \
        static const struct site *const entry_ __attribute__((section("fintech_sites"), used)) = &site_; \
        entry_;                                                                                          \
    })
#define VALUES_(...)                            \
    (const char *const[]){NULL, ##__VA_ARGS__}, \
        (int)(sizeof((const char *const[]){NULL, ##__VA_ARGS__}) / sizeof(char *)) - 1

/* Hand-written SQL: sql(c, "SELECT ... WHERE id = $1", id). The text is a literal; parameters are text or NULL. */
#define sql(c, text_, ...) sql_run((c), SITE_(text_), (text_), VALUES_(__VA_ARGS__))
rows sql_run(struct ctx *c, const struct site *site, const char *text, const char *const *values, int value_count);

/* A query put together from what the request asks for; '?' stands for the next value. */
struct query {
    struct ctx *c;
    struct buf text;
    const char *values[40];
    int value_count;
    bool where;
};
struct query query(struct ctx *c, const char *select_from);
void query_if(struct query *q, const char *value, const char *condition); /* AND condition, when value is not NULL */
void query_where(struct query *q, const char *condition);                 /* AND condition, always */
void query_add(struct query *q, const char *more);                        /* GROUP BY, ORDER BY, ... */
void query_value(struct query *q, const char *more, const char *value);   /* " LIMIT ?" */
#define query_run(q) query_run_((q), SITE_(NULL))
rows query_run_(struct query *q, const struct site *site);

/* Object mapping as people use it: whole rows, one table a statement, relations loaded when somebody asks for them. */
struct model {
    const char *table;
    bool soft_delete; /* has deleted_at: deleted rows are not found */
};
/* NULL id finds nothing. */
#define orm_find(c, model_, id) orm_find_((c), SITE_(NULL), (model_), (id))
/* WHERE column = value ORDER BY order LIMIT limit; order and limit may be NULL. */
#define orm_where(c, model_, column, value, order, limit) \
    orm_where_((c), SITE_(NULL), (model_), (column), (value), (order), (limit))
#define orm_count(c, model_, column, value) orm_count_((c), SITE_(NULL), (model_), (column), (value))
/* orm_insert(c, &Card, "user_id", user, "kind", kind): the new row. */
#define orm_insert(c, model_, ...) orm_insert_((c), SITE_(NULL), (model_), VALUES_(__VA_ARGS__))
/* The row as it is now; none when the id is unknown. */
#define orm_update(c, model_, id, ...) orm_update_((c), SITE_(NULL), (model_), (id), VALUES_(__VA_ARGS__))
rows orm_find_(struct ctx *c, const struct site *site, const struct model *m, const char *id);
rows orm_where_(struct ctx *c, const struct site *site, const struct model *m, const char *column, const char *value,
                const char *order, const char *limit);
const char *orm_count_(struct ctx *c, const struct site *site, const struct model *m, const char *column,
                       const char *value);
rows orm_insert_(struct ctx *c, const struct site *site, const struct model *m, const char *const *pairs, int count);
rows orm_update_(struct ctx *c, const struct site *site, const struct model *m, const char *id,
                 const char *const *pairs, int count);

/* ---- paging ---- */

struct page {
    const char *limit, *offset; /* parameters */
    int64_t number, size;
};
/* ?page= from 1 and ?per_page= up to 100; other names and defaults as given. */
struct page page_of(struct ctx *c, const char *page_name, const char *size_name, int64_t size);
/* An opaque cursor over (time, id): ?cursor=. *ret_at is NULL on the first page; 400 when it was tampered with. */
void cursor_in(struct ctx *c, const char **ret_at, const char **ret_id);
void cursor_out(struct ctx *c, const char *name, const char *at, const char *id); /* at NULL: null */

/* ---- the answer: 200 unless status() says otherwise ---- */

void status(struct ctx *c, unsigned status);
void header_out(struct ctx *c, const char *name, const char *value);

/* Objects and arrays; name NULL: the document, or an element of an array. */
void object(struct ctx *c, const char *name);
void array(struct ctx *c, const char *name);
void end(struct ctx *c);

void put_text(struct ctx *c, const char *name, const char *v);
void put_number(struct ctx *c, const char *name, const char *v); /* as PostgreSQL printed it; also for JSON text */
void put_int(struct ctx *c, const char *name, int64_t v);
void put_bool(struct ctx *c, const char *name, const char *v); /* t, f */
void put_iso(struct ctx *c, const char *name, const char *v);  /* timestamptz -> 2026-01-02T03:04:05.6+00:00 */
void put_zulu(struct ctx *c, const char *name, const char *v); /* -> 2026-01-02T03:04:05Z, fractions cut off */
void put_epoch_ms(struct ctx *c, const char *name, const char *v);
void put_epoch_s(struct ctx *c, const char *name, const char *v);
/* numeric -> whole minor units of the currency: 12.30 EUR is 1230, 12 JPY is 12, 1.234 KWD is 1234. */
void put_minor(struct ctx *c, const char *name, const char *v, const char *currency);
void put_array(struct ctx *c, const char *name, const char *v); /* {a,"b c"} -> ["a","b c"]; of numbers, as texts too */
void put_numbers(struct ctx *c, const char *name, const char *v); /* {1,2} -> [1,2] */

struct label {
    const char *value, *text;
};
/* The text of a value, NULL-ended list; the value itself when it is not in it. */
const char *label_of(const struct label *labels, const char *value);

/* A row as an object, told by a table: what a serialiser of such an application is. Ends with {NULL}. */
enum kind { TEXT, NUMBER, BOOL, ISO, ZULU, EPOCH_MS, EPOCH_S, MINOR, JSON, ARRAY, NUMBERS, LABEL };
struct field {
    const char *name, *column; /* column NULL: the same as name */
    enum kind kind;
    bool omit_null;             /* left out when null, instead of "x": null */
    const char *currency;       /* MINOR: the column that has it */
    const struct label *labels; /* LABEL */
};
void put_fields(struct ctx *c, rows r, int row, const struct field *fields);                /* into the open object */
void put_row(struct ctx *c, const char *name, rows r, int row, const struct field *fields); /* an object of its own */
void put_rows(struct ctx *c, const char *name, rows r, const struct field *fields);         /* an array of objects */
