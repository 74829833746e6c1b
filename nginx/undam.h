// SPDX-License-Identifier: Apache-2.0
/*
 * The nginx module, its parts and what they share.
 *
 *   module.c    directives, hooks, life of a cycle and of a worker
 *   route.c     one decision a request: endpoint, parameters, user, flags snapshot; the variables
 *   serve.c     the request's way: decide, wait for the read model, answer or hand on to the legacy side
 *   unit.c      what is asked of a read model, shared by requests that want the same; the queue of a service
 *   pool.c      connections to a read model in nginx's event loop: pipelines, errors, reconnection
 *   writers.c   who wrote lately, in shared memory
 *   counters.c  counters in shared memory and the status page
 *   ticket.c    one datagram a sampled request
 *
 * What always holds: a decision allocates little and takes no lock; whatever goes wrong before the first byte of an
 * answer hands the request on to the legacy side, with the reason in a header and a counter; nothing blocks a worker.
 */
#pragma once
#define ERR_STATE openssl_err_state /* OpenSSL's name for a type, base/err.h's for a class of errors */
#include <ngx_config.h>

#include <ngx_core.h>

#include <ngx_event.h>

#include <ngx_http.h>
#undef ERR_STATE

#include "codec/catalogue.h"
#include "flag/flag.h"

/* Why a request took its side: the flag's reasons first, then the module's. Names in route.c. */
enum undam_reason {
    UNDAM_METHOD = FLAG_REASON_COUNT, /* not GET or HEAD */
    UNDAM_BODY,                       /* a read with a body */
    UNDAM_NO_CATALOGUE,               /* no catalogue file, or a damaged one, when nginx was (re)loaded */
    UNDAM_NO_ENDPOINT,                /* not in the catalogue */
    UNDAM_UNKNOWN_PARAMETER,          /* a query parameter only the monolith may know */
    UNDAM_BAD_PARAMETER,
    UNDAM_CATALOGUE,      /* the snapshot was published for another catalogue */
    UNDAM_NO_READMODEL,   /* no undam_readmodel for the service */
    UNDAM_READMODEL_DOWN, /* no connection now */
    UNDAM_NOT_LOADED,     /* the read model has no position yet */
    UNDAM_QUEUE_FULL,
    UNDAM_TIMEOUT,
    UNDAM_QUERY, /* the statement failed */
    UNDAM_REASON_COUNT
};
const char *undam_reason_name(unsigned reason);

enum undam_state { UNDAM_NEW, UNDAM_WAITING, UNDAM_ANSWERED, UNDAM_FAULT, UNDAM_LEGACY, UNDAM_SENT };

struct undam_pool;
struct undam_unit;

/* One request. Lives in the request's pool; found again after an internal redirect. */
struct undam_ctx {
    ngx_http_request_t *request;
    const struct endpoint *endpoint; /* NULL: none */
    struct str values[ENDPOINT_PARAMS_MAX];
    struct str user; /* targeting key, data NULL = none */
    enum undam_state state;
    enum flag_route route;
    unsigned reason; /* enum flag_reason, enum undam_reason */
    bool decided;
    bool forced_set, bad_parameter;
    enum flag_route forced;
    ngx_msec_t start;

    /* waiting */
    ngx_queue_t link; /* in unit->waiters */
    struct undam_unit *unit;
    ngx_event_t wake; /* timer while waiting, posted when there is an answer */
    ngx_str_t body, etag, position;
    bool found;

    /* a write */
    uint64_t writer;
    bool writing, wrote;
};

/* Who wrote lately. See writers.c. */
struct undam_writers;

struct undam_main_conf {
    ngx_flag_t used; /* `undam on` or a variable of ours anywhere */
    ngx_str_t snapshot_path, catalogue_path;
    ngx_array_t pools; /* struct undam_pool * */
    size_t writers_size;
    ngx_msec_t clock_skew, write_hold;

    struct arena arena;
    struct catalogue catalogue;
    bool has_catalogue;
    struct undam_pool **endpoint_pools; /* per endpoint, NULL = none */
    ngx_shm_zone_t *writers_zone, *counters_zone;

    /* of this worker */
    struct flag_snapshot *snapshot;
    ngx_file_info_t snapshot_file; /* what its name stood for when it was opened */
    int *flags, *services;         /* per endpoint: indexes in the snapshot */
    ngx_event_t snapshot_timer;
    int ticket_fd;
};

struct undam_srv_conf {
    ngx_flag_t trusted;
};

struct undam_loc_conf {
    ngx_flag_t enable;
    ngx_msec_t timeout;
    ngx_uint_t overflow_status; /* 0: the legacy side */
    time_t retry_after;
    ngx_http_complex_value_t *user; /* NULL: none */
    ngx_str_t ticket_socket;        /* empty: none */
    ngx_uint_t ticket_sample;       /* of 100,000 */
    ngx_array_t *ticket_headers;    /* ngx_str_t, lower case; NULL = none */
};

extern ngx_module_t ngx_http_undam_module;

static inline struct str undam_str(ngx_str_t s) { return str_n((const char *)s.data, s.len); }
static inline ngx_str_t undam_ngx_str(struct str s)
{
    union {
        const char *in;
        u_char *out;
    } data = {s.data};
    return (ngx_str_t){s.len, data.out};
}

/* --- module.c */
struct undam_main_conf *undam_main(ngx_http_request_t *r);
struct undam_loc_conf *undam_loc(ngx_http_request_t *r);
/* Of the main request; NULL when there is none yet. */
struct undam_ctx *undam_ctx_find(ngx_http_request_t *r);
struct undam_ctx *undam_ctx_get(ngx_http_request_t *r);

/* --- route.c */
/* Decides once; later calls keep the decision. */
void undam_decide(ngx_http_request_t *r, struct undam_ctx *ctx);
/* Removes Undam-* from the request's headers; on a trusted listener Undam-Force is remembered. */
ngx_int_t undam_strip_headers(ngx_http_request_t *r);
ngx_int_t undam_add_variables(ngx_conf_t *cf);
bool undam_snapshot_init(struct undam_main_conf *mcf, ngx_cycle_t *cycle);
/* The value of a request header by its lower-case name; data NULL when absent. */
struct str undam_request_header(ngx_http_request_t *r, struct str name, bool *ret_repeated);
/* The value of undam_user here; data NULL when there is none or it is empty. */
struct str undam_directive_user(ngx_http_request_t *r);
int64_t undam_now_us(void);

/* --- serve.c */
ngx_int_t undam_handler(ngx_http_request_t *r);
ngx_int_t undam_header_filter_init(ngx_conf_t *cf);
ngx_int_t undam_log_handler(ngx_http_request_t *r);
/* The unit's end for one request: fills the answer, or says why there is none, and wakes the request. */
void undam_ctx_answer(struct undam_ctx *ctx, bool found, struct str body, struct str etag, struct str position);
void undam_ctx_fault(struct undam_ctx *ctx, unsigned reason);

/* --- unit.c */
enum { UNDAM_HASH_SLOTS = 256, UNDAM_SEGMENT_UNITS = 128, UNDAM_TRIES_MAX = 3 };

struct undam_unit {
    ngx_queue_t link;    /* in pool->ready or in a statement sent */
    ngx_queue_t slot;    /* in pool->slots while ready */
    ngx_queue_t waiters; /* struct undam_ctx; empty = nobody waits any more */
    const struct endpoint *endpoint;
    struct undam_pool *pool;
    uint64_t hash;
    unsigned tries;
    bool alone;          /* failed together with others: next time on its own */
    bool queued;         /* in ready and slots */
    struct str values[]; /* endpoint->param_count, each NUL-terminated, data NULL = SQL null */
};

static inline struct undam_unit *undam_unit_of(ngx_queue_t *link)
{
    return ngx_queue_data(link, struct undam_unit, link);
}

/* A service's read model, in one worker. */
struct undam_pool {
    ngx_str_t service;
    char *dsn;
    ngx_uint_t size;      /* connections */
    ngx_uint_t queue_max; /* requests waiting */
    ngx_msec_t statement_timeout;
    struct undam_main_conf *conf;
    ngx_uint_t index;

    /* of this worker */
    ngx_log_t *log;
    ngx_queue_t ready;
    ngx_queue_t slots[UNDAM_HASH_SLOTS];
    ngx_uint_t ready_count, waiting;
    ngx_event_t flush;
    struct undam_connection *connections;
    ngx_uint_t up;
    ngx_msec_t *broken_until; /* per endpoint and form: the statement does not fit the read model */
};

/* Queues the request; false with *ret_reason when it must not wait. */
bool undam_unit_join(struct undam_pool *pool, struct undam_ctx *ctx, unsigned *ret_reason);
/* The request no longer waits (client gone, time-out). */
void undam_unit_leave(struct undam_ctx *ctx);
/* Takes a unit out of the ready queue. */
void undam_unit_take(struct undam_unit *u);
/* Back into the queue, in front. blameless: another statement's error kept it from running. Otherwise the attempt
 * counts. */
void undam_unit_again(struct undam_unit *u, bool blameless);
void undam_unit_fail(struct undam_unit *u, unsigned reason);
void undam_unit_answer(struct undam_unit *u, bool found, struct str body, struct str etag, struct str position);
void undam_unit_fail_all(struct undam_pool *pool, unsigned reason);

/* --- pool.c */
bool undam_pool_start(struct undam_pool *pool, ngx_cycle_t *cycle);
void undam_pool_stop(struct undam_pool *pool);

/* --- writers.c */
ngx_int_t undam_writers_init(ngx_shm_zone_t *zone, void *old);
uint64_t undam_writer_key(struct str user);
void undam_writers_begin(struct undam_main_conf *mcf, uint64_t key);
/* when_us: the write is visible to reads on the legacy side from then on at the latest. */
void undam_writers_end(struct undam_main_conf *mcf, uint64_t key, int64_t when_us);
void undam_writers_stamp(struct undam_main_conf *mcf, uint64_t key, int64_t when_us);
/* The last write of that user that may be missing in a read model; INT64_MAX while one is under way. */
int64_t undam_writers_last(struct undam_main_conf *mcf, uint64_t key);

/* --- counters.c */
enum undam_total {
    UNDAM_TICKETS_SENT,
    UNDAM_TICKETS_DROPPED,
    UNDAM_STATEMENTS, /* executed on read models */
    UNDAM_KEYS,       /* asked for by those statements */
    UNDAM_SHARED,     /* requests that shared another's unit */
    UNDAM_AGAIN,      /* units sent again because another statement failed or a connection broke */
    UNDAM_PREPARED,
    UNDAM_CONNECTED,
    UNDAM_DISCONNECTED,
    UNDAM_WRITES_MARKED,
    UNDAM_WRITES_UNKEYED, /* writes of nobody known: undam_user was empty */
    UNDAM_WRITERS_EVICTED,
    UNDAM_CLIENTS_GONE, /* while waiting for a read model */
    UNDAM_TOTAL_COUNT
};
ngx_int_t undam_counters_init(ngx_shm_zone_t *zone, void *old);
size_t undam_counters_size(const struct undam_main_conf *mcf);
void undam_count(struct undam_main_conf *mcf, enum undam_total total, ngx_uint_t n);
void undam_count_request(struct undam_main_conf *mcf, const struct undam_ctx *ctx, ngx_uint_t status);
void undam_gauge_pool(struct undam_pool *pool);
ngx_int_t undam_status_handler(ngx_http_request_t *r);

/* --- ticket.c */
void undam_ticket_send(ngx_http_request_t *r, const struct undam_ctx *ctx);
