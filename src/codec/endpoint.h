// SPDX-License-Identifier: Apache-2.0
/*
 * A read endpoint as its file describes it (ARCHITECTURE.md, 4.8): the request it answers, the SELECT that answers it
 * and the rules around both. Pure: parser of the file, rewriting of :name parameters, matching of a request path
 * and binding of a request's parameters. The compiled form is codec/catalogue.h.
 *
 * What always holds: a value that passed endpoint_bind() is one PostgreSQL accepts as that type; a request that is
 * ambiguous (repeated parameter, "..", encoded slash, unknown query parameter) is never bound, so the legacy side
 * answers it; text outside strings, comments, quoted names and casts is the only place where :name is a parameter.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

/* Limits, each far above what a real endpoint needs, so that a broken file cannot cost the edge memory or time. */
enum {
    ENDPOINT_PARAMS_MAX = 16,
    ENDPOINT_SEGMENTS_MAX = 16,
    ENDPOINT_COMPARE_MAX = 32,
    ENDPOINT_FILE_MAX = 256 * 1024,
    ENDPOINT_BODY_MAX = 64 * 1024, /* declared not-found and bad-parameter bodies */
    ENDPOINT_TEXT_MAX = 4096,      /* bytes of a text value when no `max` is given */
    ENDPOINT_QUERY_PAIRS_MAX = 64, /* name=value pairs looked at in a query string */
};

enum endpoint_type {
    ENDPOINT_INT,         /* 32 bit; canonical decimal, so that "007" and "7" cannot be two users */
    ENDPOINT_BIGINT,      /* 64 bit */
    ENDPOINT_TEXT,        /* valid UTF-8 without NUL; min and max count bytes */
    ENDPOINT_UUID,        /* 8-4-4-4-12 hexadecimal */
    ENDPOINT_NUMERIC,     /* plain decimal, no exponent */
    ENDPOINT_DATE,        /* YYYY-MM-DD, of the calendar */
    ENDPOINT_TIMESTAMPTZ, /* RFC 3339 */
    ENDPOINT_BOOL,        /* true, false, 1, 0 */
    ENDPOINT_TYPE_COUNT
};

/* Where an endpoint's SELECT finds unqualified names: views before mirrors. */
#define ENDPOINT_SEARCH_PATH "api,mirror"

struct endpoint_type_info {
    const char *name; /* also the name in PostgreSQL */
    uint32_t oid;
    const char *form; /* for messages: what a value looks like */
};
extern const struct endpoint_type_info endpoint_types[ENDPOINT_TYPE_COUNT];

enum endpoint_place { ENDPOINT_PATH, ENDPOINT_QUERY, ENDPOINT_HEADER };

struct endpoint_param {
    struct str name; /* :name in the SELECT */
    struct str wire; /* in the path template and the query string; of headers in lower case */
    enum endpoint_place place;
    enum endpoint_type type;
    bool optional;     /* absent = SQL null */
    bool has_fallback; /* absent = fallback */
    bool has_min, has_max;
    struct str fallback;
    int64_t min, max; /* int, bigint: the value; text: bytes */
};

struct endpoint_segment {
    struct str literal; /* compared with the raw segment of the request */
    int32_t param;      /* index of the path parameter, -1 = literal */
};

enum endpoint_user { ENDPOINT_USER_NONE, ENDPOINT_USER_PARAM, ENDPOINT_USER_HEADER };

struct endpoint_answer {
    int32_t status; /* 0 = not declared */
    struct str body;
};

/* Everything lives in the arena given to the parser or to catalogue_decode(). */
struct endpoint {
    struct str name; /* "GET /users/{user_id}/transactions" */
    struct str path; /* the template */
    struct str file; /* base name of the file, for messages */
    struct str service, flag;
    struct endpoint_segment segments[ENDPOINT_SEGMENTS_MAX];
    uint32_t segment_count;
    struct endpoint_param params[ENDPOINT_PARAMS_MAX];
    uint32_t param_count;
    int32_t key; /* index of the parameter requests are coalesced over, -1 = none */
    enum endpoint_user user;
    int32_t user_param;       /* ENDPOINT_USER_PARAM */
    struct str user_header;   /* ENDPOINT_USER_HEADER, lower case */
    struct str ignored;       /* query parameters without effect, separated by single spaces; "*" = all others */
    struct str cache_control; /* may be empty */
    struct str content_type;
    struct endpoint_answer not_found;     /* always declared (default 404, empty) */
    struct endpoint_answer bad_parameter; /* status 0: the legacy side answers */
    struct str enumerate;                 /* may be empty */
    struct str compare[ENDPOINT_COMPARE_MAX];
    uint32_t compare_count;
    struct str select; /* the file's SELECT as written */
    struct str single; /* what the edge prepares: $1.. are params[0..]; columns body, etag, lsn; always one row */
    struct str batch;  /* with `key`: $1 is an array of keys; columns n, body, etag, lsn; one row a key; else empty */
    uint64_t hash;     /* of all that decides an answer */
};

/* Parses one file. file: its name for messages, text: its bytes. ERR_CONFIG with "file:line: ". */
bool endpoint_parse(struct str file, struct str text, struct arena *arena, struct endpoint *ret,
                    struct err *err) MUST_USE;

/*
 * Rewrites :name to what replace[i] says for names[i] (bit i of *ret_used tells that it occurs). Refuses unknown names,
 * $n, more than one statement, unbalanced brackets and unterminated quotes. `line` is the number of the text's first
 * line.
 */
bool endpoint_rewrite(struct str file, unsigned line, struct str sql, const struct str *names,
                      const struct str *replace, uint32_t count, struct buf *out, uint32_t *ret_used,
                      struct err *err) MUST_USE;

/* Fills single and batch from select, params and key. line: of the SELECT in the file. */
bool endpoint_wrap(struct endpoint *e, unsigned line, struct arena *arena, struct err *err) MUST_USE;

/* Whether a text is a value of that type within the parameter's limits. */
bool endpoint_value_ok(const struct endpoint_param *param, struct str value);

/* Whether the raw path of a request (no query string, as sent) has the template's shape. */
bool endpoint_path_matches(const struct endpoint *e, struct str path);

/* Order of look-up: more literal, further left, first. 0 = the same requests match. */
int endpoint_compare(const struct endpoint *a, const struct endpoint *b);

enum endpoint_bound {
    ENDPOINT_BOUND,
    ENDPOINT_BAD,     /* a declared parameter is missing, repeated or no value of its type */
    ENDPOINT_UNKNOWN, /* a query parameter the endpoint does not declare: the monolith may heed it */
};

/* The value of a request header (name in lower case): data NULL when absent, repeated = true when sent twice. */
typedef struct str endpoint_header_fn(void *arg, struct str name, bool *ret_repeated);

/*
 * Binds a request whose path matches. query: as sent, without '?'. scratch: path.len + query.len bytes, where decoded
 * values are put. ret_values[param_count]: views into scratch, the request or the endpoint; data NULL = SQL null. Text
 * header values are views of what `header` gave.
 */
enum endpoint_bound endpoint_bind(const struct endpoint *e, struct str path, struct str query,
                                  endpoint_header_fn *header, void *arg, char *scratch, struct str *ret_values);

/* The reverse, for enumeration: the request target ("/users/7/transactions?page=2"). Null values and values equal to
 * the fallback are left out; header parameters are not part of it. */
void endpoint_target(const struct endpoint *e, const struct str *values, struct buf *out);

/* FNV-1a, 64 bit; chain by passing the last result (ENDPOINT_HASH_START first). */
#define ENDPOINT_HASH_START 0xcbf29ce484222325u
uint64_t endpoint_hash(uint64_t hash, const void *data, size_t len);
