// SPDX-License-Identifier: Apache-2.0
/*
 * Connections to a read model in nginx's event loop.
 *
 *   DOWN -(timer)-> CONNECTING -> IDLE -(flush)-> BUSY -(sync)-> IDLE        any -(broken)-> DOWN        set_state()
 *
 * Units that came in during a loop tick go out together at its end: one segment (statements and one Sync) on one idle
 * connection. While all are busy units gather, so segments grow with the load by themselves. Units of an endpoint with
 * a key become one statement over an array of keys.
 *
 * What always holds: a connection has at most one segment under way, and is read until its Sync before the next,
 * because data libpq has already taken from the socket wakes nobody; `sent` lists the segment's statements in order,
 * and each unit of them is answered, failed or put back before the segment ends; an error costs only its own
 * statement's units.
 */
#include <libpq-fe.h>

#include "undam.h"

enum { STATEMENTS_MAX = 2 * UNDAM_SEGMENT_UNITS, BACKOFF_MS_MIN = 100, BACKOFF_MS_MAX = 2000, CONNECT_MS_MAX = 5000 };
enum connection_state { DOWN, CONNECTING, IDLE, BUSY };
enum form { FORM_SINGLE, FORM_BATCH, FORM_COUNT };

struct statement {
    bool prepare; /* a Parse; its error is that of the statement after it */
    enum form form;
    const struct endpoint *endpoint;
    ngx_queue_t units; /* in the order of the keys */
    ngx_uint_t unit_count;
};

struct undam_connection {
    struct undam_pool *pool;
    enum connection_state state;
    PGconn *pg;
    ngx_connection_t *socket; /* nginx's view of libpq's socket; NULL while there is none */
    ngx_event_t timer;        /* DOWN: try again; CONNECTING, BUSY: give up */
    ngx_msec_t backoff;
    uint16_t *prepared; /* per endpoint and form: number of the prepared statement, 0 = none */
    uint16_t next_number;
    struct statement sent[STATEMENTS_MAX];
    ngx_uint_t sent_count, done; /* statements of the segment; those whose results are complete */
    bool has_result;             /* of sent[done] */
};

static void on_socket(ngx_event_t *ev);
static void flush_pool(struct undam_pool *pool);

static size_t endpoint_index(const struct undam_pool *pool, const struct endpoint *e)
{
    return (size_t)(e - pool->conf->catalogue.endpoints);
}

static void set_state(struct undam_connection *c, enum connection_state state)
{
    bool was_up = c->state >= IDLE, is_up = state >= IDLE;
    c->state = state;
    if (was_up && !is_up)
        c->pool->up--;
    if (!was_up && is_up)
        c->pool->up++;
    if (c->timer.timer_set)
        ngx_del_timer(&c->timer);
    undam_gauge_pool(c->pool);
}

/* --- libpq's socket in nginx's loop ------------------------------------------------------------------------------ */

/* Before every step of connecting, in which libpq may replace its socket (flags 0), and before or after it closed it
 * (NGX_CLOSE_EVENT: the kernel forgets closed sockets by itself). */
static void socket_release(struct undam_connection *c, ngx_uint_t flags)
{
    ngx_connection_t *s = c->socket;
    if (!s)
        return;
    c->socket = NULL;
    if (s->read->active)
        ngx_del_event(s->read, NGX_READ_EVENT, flags);
    if (s->write->active)
        ngx_del_event(s->write, NGX_WRITE_EVENT, flags);
    if (s->read->posted) {
        ngx_delete_posted_event(s->read);
    }
    if (s->write->posted) {
        ngx_delete_posted_event(s->write);
    }
    s->read->closed = 1;
    s->write->closed = 1;
    ngx_free_connection(s);
    s->fd = (ngx_socket_t)-1;
}

/* Level-triggered: libpq reads as much as it likes, not until the socket is empty. */
static bool socket_watch(struct undam_connection *c, bool reading, bool writing)
{
    if (!c->socket) {
        c->socket = ngx_get_connection(PQsocket(c->pg), c->pool->log);
        if (!c->socket)
            return false;
        c->socket->data = c;
        c->socket->read->handler = c->socket->write->handler = on_socket;
        c->socket->read->log = c->socket->write->log = c->pool->log;
    }
    ngx_event_t *r = c->socket->read, *w = c->socket->write;
    if (reading && !r->active && ngx_add_event(r, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK)
        return false;
    if (!reading && r->active)
        ngx_del_event(r, NGX_READ_EVENT, 0);
    if (writing && !w->active && ngx_add_event(w, NGX_WRITE_EVENT, NGX_LEVEL_EVENT) != NGX_OK)
        return false;
    if (!writing && w->active)
        ngx_del_event(w, NGX_WRITE_EVENT, 0);
    return true;
}

/* --- going down -------------------------------------------------------------------------------------------------- */

/* Puts the units of statements without an answer back, so that another connection or the legacy side takes them. */
static void give_back(struct undam_connection *c)
{
    for (ngx_uint_t i = c->done; i < c->sent_count; i++) {
        ngx_queue_t *units = &c->sent[i].units;
        while (!ngx_queue_empty(units)) {
            struct undam_unit *u = undam_unit_of(ngx_queue_last(units));
            ngx_queue_remove(&u->link);
            undam_unit_again(u, false);
        }
    }
    c->sent_count = c->done = 0;
    c->has_result = false;
}

/* First line only, and only of connection errors: they hold no row values. */
static void log_connection_error(struct undam_connection *c, const char *doing)
{
    const char *text = c->pg ? PQerrorMessage(c->pg) : "out of memory";
    size_t len = strcspn(text, "\n");
    ngx_log_error(NGX_LOG_ERR, c->pool->log, 0, "undam: read model \"%V\": %s: %*s", &c->pool->service, doing, len,
                  text);
}

static void go_down(struct undam_connection *c, const char *doing)
{
    struct undam_pool *pool = c->pool;
    bool was_up = c->state >= IDLE;
    log_connection_error(c, doing);
    socket_release(c, NGX_CLOSE_EVENT);
    PQfinish(c->pg);
    c->pg = NULL;
    set_state(c, DOWN);
    give_back(c);
    if (was_up) {
        undam_count(pool->conf, UNDAM_DISCONNECTED, 1);
        c->backoff = BACKOFF_MS_MIN;
    }
    if (pool->up == 0)
        undam_unit_fail_all(pool, UNDAM_READMODEL_DOWN);
    /* Up to a half more, so that workers do not knock all at once. */
    ngx_add_timer(&c->timer, c->backoff + (ngx_msec_t)ngx_random() % (c->backoff / 2 + 1));
    c->backoff = ngx_min(c->backoff * 2, BACKOFF_MS_MAX);
}

/* --- coming up --------------------------------------------------------------------------------------------------- */

/* Notices would go to stderr as they are; what matters comes as an error as well. */
static void drop_notice(void *arg, const PGresult *r)
{
    (void)arg;
    (void)r;
}

static PGconn *start_connecting(const struct undam_pool *pool)
{
    char options[256];
    /* Options of the DSN would be replaced by ours: they are put in front. */
    PQconninfoOption *parsed = PQconninfoParse(pool->dsn, NULL);
    const char *own = "";
    for (PQconninfoOption *o = parsed; o && o->keyword; o++)
        if (o->val && strcmp(o->keyword, "options") == 0)
            own = o->val;
    int n =
        snprintf(options, sizeof options,
                 "%s -c search_path=" ENDPOINT_SEARCH_PATH
                 " -c plan_cache_mode=force_generic_plan -c default_transaction_read_only=on -c statement_timeout=%lu",
                 own, (unsigned long)pool->statement_timeout);
    PQconninfoFree(parsed);
    if (n < 0 || (size_t)n >= sizeof options)
        return NULL;
    const char *const keys[] = {"dbname", "options", "client_encoding", "fallback_application_name", NULL};
    const char *const values[] = {pool->dsn, options, "UTF8", "undam nginx", NULL};
    return PQconnectStartParams(keys, values, 1);
}

static void on_connected(struct undam_connection *c)
{
    struct undam_pool *pool = c->pool;
    if (PQsetnonblocking(c->pg, 1) != 0 || PQenterPipelineMode(c->pg) != 1 || !socket_watch(c, true, false)) {
        go_down(c, "cannot enter pipeline mode");
        return;
    }
    ngx_memzero(c->prepared, pool->conf->catalogue.count * FORM_COUNT * sizeof *c->prepared);
    c->next_number = 0;
    c->backoff = BACKOFF_MS_MIN;
    undam_count(pool->conf, UNDAM_CONNECTED, 1);
    set_state(c, IDLE);
    flush_pool(pool);
}

static void connect_step(struct undam_connection *c)
{
    socket_release(c, 0);
    PostgresPollingStatusType next = PQconnectPoll(c->pg);
    if (next == PGRES_POLLING_OK)
        on_connected(c);
    else if (next == PGRES_POLLING_FAILED ||
             !socket_watch(c, next == PGRES_POLLING_READING, next == PGRES_POLLING_WRITING))
        go_down(c, "cannot connect");
}

static void connect_start(struct undam_connection *c)
{
    c->pg = start_connecting(c->pool);
    set_state(c, CONNECTING);
    if (!c->pg || PQstatus(c->pg) == CONNECTION_BAD || !socket_watch(c, false, true)) {
        go_down(c, "cannot connect");
        return;
    }
    PQsetNoticeReceiver(c->pg, drop_notice, NULL);
    ngx_add_timer(&c->timer, CONNECT_MS_MAX);
}

static void on_timer(ngx_event_t *ev)
{
    struct undam_connection *c = ev->data;
    if (c->state == DOWN) {
        if (!ngx_exiting)
            connect_start(c);
    } else {
        go_down(c, "does not answer");
    }
}

/* --- sending a segment ------------------------------------------------------------------------------------------- */

static struct statement *add_statement(struct undam_connection *c, const struct endpoint *e, enum form form,
                                       bool prepare)
{
    struct statement *s = &c->sent[c->sent_count++];
    *s = (struct statement){.prepare = prepare, .form = form, .endpoint = e};
    ngx_queue_init(&s->units);
    return s;
}

static uint16_t *prepared_slot(struct undam_connection *c, const struct endpoint *e, enum form form)
{
    return &c->prepared[endpoint_index(c->pool, e) * FORM_COUNT + form];
}

/* A name per preparing: after an error the old name may or may not exist. */
static void statement_name(char *name, size_t size, uint16_t number) { snprintf(name, size, "u%u", number); }

static bool send_prepare(struct undam_connection *c, const struct endpoint *e, enum form form)
{
    uint16_t *slot = prepared_slot(c, e, form);
    Oid types[ENDPOINT_PARAMS_MAX] = {0};
    char name[16];
    if (*slot)
        return true;
    if (c->next_number == UINT16_MAX)
        return false;
    *slot = ++c->next_number;
    for (uint32_t i = 0; i < e->param_count && form == FORM_SINGLE; i++)
        types[i] = endpoint_types[e->params[i].type].oid;
    statement_name(name, sizeof name, *slot);
    add_statement(c, e, form, true);
    undam_count(c->pool->conf, UNDAM_PREPARED, 1);
    return PQsendPrepare(c->pg, name, form == FORM_BATCH ? e->batch.data : e->single.data,
                         form == FORM_BATCH ? 1 : (int)e->param_count, types) == 1;
}

static void add_array_element(struct buf *out, struct str v)
{
    buf_addc(out, out->len ? ',' : '{');
    buf_addc(out, '"');
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] == '"' || v.data[i] == '\\')
            buf_addc(out, '\\');
        buf_addc(out, v.data[i]);
    }
    buf_addc(out, '"');
}

static bool send_batch(struct undam_connection *c, const struct statement *s, const char *name)
{
    struct buf keys;
    buf_init(&keys, 0);
    for (ngx_queue_t *q = ngx_queue_head(&s->units); q != ngx_queue_sentinel(&s->units); q = ngx_queue_next(q))
        add_array_element(&keys, undam_unit_of(q)->values[0]);
    buf_addc(&keys, '}');
    const char *const values[] = {keys.data};
    bool ok = PQsendQueryPrepared(c->pg, name, 1, values, NULL, NULL, 0) == 1;
    buf_free(&keys);
    return ok;
}

static bool send_single(struct undam_connection *c, const struct statement *s, const char *name)
{
    const char *values[ENDPOINT_PARAMS_MAX];
    const struct undam_unit *u = undam_unit_of(ngx_queue_head(&s->units));
    for (uint32_t i = 0; i < s->endpoint->param_count; i++)
        values[i] = u->values[i].data;
    return PQsendQueryPrepared(c->pg, name, (int)s->endpoint->param_count, values, NULL, NULL, 0) == 1;
}

/*
 * Moves units out of `ready` into groups: those of one endpoint with a key together, every other on its own. groups[]
 * has room for UNDAM_SEGMENT_UNITS. Returns how many there are.
 */
static ngx_uint_t group_units(struct undam_pool *pool, struct statement *groups)
{
    ngx_uint_t count = 0;
    for (ngx_uint_t n = 0; n < UNDAM_SEGMENT_UNITS && !ngx_queue_empty(&pool->ready); n++) {
        struct undam_unit *u = undam_unit_of(ngx_queue_head(&pool->ready));
        struct statement *g = NULL;
        undam_unit_take(u);
        for (ngx_uint_t i = 0; i < count && u->endpoint->key >= 0 && !u->alone && !g; i++)
            if (groups[i].endpoint == u->endpoint && groups[i].form == FORM_BATCH)
                g = &groups[i];
        if (!g) {
            g = &groups[count++];
            *g = (struct statement){.endpoint = u->endpoint,
                                    .form = u->endpoint->key >= 0 && !u->alone ? FORM_BATCH : FORM_SINGLE};
            ngx_queue_init(&g->units);
        }
        ngx_queue_insert_tail(&g->units, &u->link);
        g->unit_count++;
    }
    return count;
}

/* Sends one group: Parse when needed, then Bind and Execute. On false the connection is of no use any more. */
static bool send_group(struct undam_connection *c, struct statement *g)
{
    char name[16];
    enum form form = g->unit_count > 1 ? FORM_BATCH : FORM_SINGLE;
    bool ok = send_prepare(c, g->endpoint, form);
    struct statement *s = add_statement(c, g->endpoint, form, false);
    ngx_queue_add(&s->units, &g->units);
    s->unit_count = g->unit_count;
    statement_name(name, sizeof name, *prepared_slot(c, g->endpoint, form));
    undam_count(c->pool->conf, UNDAM_STATEMENTS, 1);
    undam_count(c->pool->conf, UNDAM_KEYS, s->unit_count);
    return ok && (form == FORM_BATCH ? send_batch(c, s, name) : send_single(c, s, name));
}

static void send_segment(struct undam_connection *c)
{
    static struct statement groups[UNDAM_SEGMENT_UNITS]; /* of no meaning between calls; too large for a stack */
    ngx_uint_t count = group_units(c->pool, groups);
    bool ok = true;
    c->sent_count = c->done = 0;
    c->has_result = false;
    /* After a failure the rest is still listed, so that going down gives its units back. */
    for (ngx_uint_t i = 0; i < count; i++)
        ok = send_group(c, &groups[i]) && ok;
    set_state(c, BUSY);
    int left = ok && PQpipelineSync(c->pg) == 1 ? PQflush(c->pg) : -1;
    if (left < 0 || !socket_watch(c, true, left > 0)) {
        go_down(c, "cannot send");
        return;
    }
    ngx_add_timer(&c->timer, 2 * c->pool->statement_timeout + 1000);
}

/* --- results ----------------------------------------------------------------------------------------------------- */

static struct str value_of(const PGresult *r, int row, int column)
{
    if (PQgetisnull(r, row, column))
        return (struct str){NULL, 0};
    return str_n(PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column));
}

static struct undam_unit *take_first(struct statement *s)
{
    struct undam_unit *u = undam_unit_of(ngx_queue_head(&s->units));
    ngx_queue_remove(&u->link);
    s->unit_count--;
    return u;
}

/* Columns body, etag, lsn from `first` on. No row of the endpoint's SELECT makes one row with a null body. */
static void answer_unit(struct undam_unit *u, const PGresult *r, int row, int first)
{
    struct str body = value_of(r, row, first), etag = value_of(r, row, first + 1), lsn = value_of(r, row, first + 2);
    if (lsn.data)
        undam_unit_answer(u, body.data != NULL, body, etag, lsn);
    else
        undam_unit_fail(u, UNDAM_NOT_LOADED);
}

static void too_many_rows(struct undam_unit *u)
{
    ngx_log_error(NGX_LOG_ERR, u->pool->log, 0, "undam: \"%*s\" gave more than one row for a request",
                  u->endpoint->name.len, u->endpoint->name.data);
    undam_unit_fail(u, UNDAM_QUERY);
}

static void take_rows_single(struct statement *s, const PGresult *r)
{
    struct undam_unit *u = take_first(s);
    if (PQntuples(r) == 1 && PQnfields(r) == 3)
        answer_unit(u, r, 0, 0);
    else
        too_many_rows(u);
}

/* Rows come in any order; n is the key's place in the array, from 1. */
static void take_rows_batch(struct statement *s, const PGresult *r)
{
    int rows = PQntuples(r), of[UNDAM_SEGMENT_UNITS];
    ngx_uint_t count = s->unit_count;
    for (ngx_uint_t i = 0; i < count; i++)
        of[i] = -1; /* -2: several */
    for (int row = 0; row < rows && PQnfields(r) == 4; row++) {
        uint64_t n = 0;
        if (!str_to_u64(value_of(r, row, 0), &n) || n < 1 || n > count)
            continue;
        of[n - 1] = of[n - 1] == -1 ? row : -2;
    }
    for (ngx_uint_t i = 0; i < count; i++) {
        struct undam_unit *u = take_first(s);
        if (of[i] >= 0)
            answer_unit(u, r, of[i], 1);
        else
            too_many_rows(u);
    }
}

/* The statement does not fit the read model: spare it and the others of its segments the next second. */
static void mark_broken(struct undam_connection *c, const struct endpoint *e)
{
    c->pool->broken_until[endpoint_index(c->pool, e)] = ngx_current_msec + 1000;
}

static bool is_broken(struct undam_connection *c, const struct endpoint *e)
{
    return c->pool->broken_until[endpoint_index(c->pool, e)] > ngx_current_msec;
}

/* SQLSTATE and, where it can hold no row value (class 42: names and syntax), the message. */
static void log_statement_error(struct undam_connection *c, const struct statement *s, const PGresult *r,
                                const char *state)
{
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    bool named = text && strncmp(state, "42", 2) == 0;
    ngx_log_error(NGX_LOG_ERR, c->pool->log, 0, "undam: read model \"%V\": \"%*s\": SQLSTATE %s%s%s", &c->pool->service,
                  s->endpoint->name.len, s->endpoint->name.data, state, named ? ": " : "", named ? text : "");
}

/* The error of one statement: what becomes of its units. */
static void take_error(struct undam_connection *c, struct statement *s, const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    state = state ? state : "?????";
    bool gone = strcmp(state, "26000") == 0 || strcmp(state, "0A000") == 0; /* prepared statement lost or out of date */
    bool passing = strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0 || strncmp(state, "40", 2) == 0;
    if (s->prepare || gone)
        *prepared_slot(c, s->endpoint, s->form) = 0;
    if (!gone && !passing)
        log_statement_error(c, s, r, state);
    if (!gone && (s->prepare || strncmp(state, "42", 2) == 0))
        mark_broken(c, s->endpoint);
    while (!ngx_queue_empty(&s->units)) {
        bool together = s->unit_count > 1 || s->form == FORM_BATCH;
        struct undam_unit *u = take_first(s);
        if (gone || passing) {
            undam_unit_again(u, false);
        } else if (together && !is_broken(c, s->endpoint)) {
            u->alone = true; /* one key's error must not be the others' */
            undam_unit_again(u, false);
        } else {
            undam_unit_fail(u, strcmp(state, "57014") == 0 ? UNDAM_TIMEOUT : UNDAM_QUERY);
        }
    }
}

/* Never run, because a statement before it failed. */
static void take_aborted(struct undam_connection *c, struct statement *s)
{
    if (s->prepare)
        *prepared_slot(c, s->endpoint, s->form) = 0;
    while (!ngx_queue_empty(&s->units)) {
        struct undam_unit *u = take_first(s);
        if (is_broken(c, s->endpoint))
            undam_unit_fail(u, UNDAM_QUERY);
        else
            undam_unit_again(u, true);
    }
}

static void take_result(struct undam_connection *c, struct statement *s, const PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    if (status == PGRES_PIPELINE_ABORTED)
        take_aborted(c, s);
    else if (status == PGRES_TUPLES_OK && s->form == FORM_BATCH)
        take_rows_batch(s, r);
    else if (status == PGRES_TUPLES_OK)
        take_rows_single(s, r);
    else if (status != PGRES_COMMAND_OK)
        take_error(c, s, r);
}

/* Reads what has come. True when the segment is complete. */
static bool drain(struct undam_connection *c)
{
    while (!PQisBusy(c->pg)) {
        PGresult *r = PQgetResult(c->pg);
        bool sync = r && PQresultStatus(r) == PGRES_PIPELINE_SYNC;
        if (!r && !c->has_result)
            return false; /* nothing more to come yet */
        if (!r) {
            c->done++;
            c->has_result = false;
        } else if (!sync && c->done < c->sent_count && !c->has_result) {
            take_result(c, &c->sent[c->done], r);
            c->has_result = true;
        }
        PQclear(r);
        if (sync)
            return true;
    }
    return false;
}

static void on_readable(struct undam_connection *c)
{
    if (PQconsumeInput(c->pg) != 1) {
        go_down(c, "connection lost");
        return;
    }
    int left = PQflush(c->pg);
    ngx_uint_t before = c->done;
    bool complete = c->state == BUSY && drain(c), progress = c->done != before;
    if (left < 0 || PQstatus(c->pg) == CONNECTION_BAD || !socket_watch(c, true, left > 0)) {
        go_down(c, "connection lost");
        return;
    }
    if (!complete) {
        /* Each statement has a time limit of its own at the server: the segment is alive while results come. */
        if (c->state == BUSY && progress)
            ngx_add_timer(&c->timer, 2 * c->pool->statement_timeout + 1000);
        return;
    }
    /* Whatever the segment still lists got no result, which libpq rules out; it must not hang all the same. */
    give_back(c);
    set_state(c, IDLE);
    flush_pool(c->pool);
}

static void on_socket(ngx_event_t *ev)
{
    ngx_connection_t *s = ev->data;
    struct undam_connection *c = s->data;
    if (c->state == CONNECTING)
        connect_step(c);
    else
        on_readable(c);
}

/* --- the pool ---------------------------------------------------------------------------------------------------- */

static void flush_pool(struct undam_pool *pool)
{
    for (ngx_uint_t i = 0; i < pool->size && !ngx_queue_empty(&pool->ready); i++) {
        struct undam_connection *c = &pool->connections[i];
        if (c->state != IDLE)
            continue;
        send_segment(c);
        /* What libpq read while it was sending wakes nobody: look at once. */
        if (c->state == BUSY)
            on_readable(c);
    }
    undam_gauge_pool(pool);
}

static void on_flush(ngx_event_t *ev) { flush_pool(ev->data); }

bool undam_pool_start(struct undam_pool *pool, ngx_cycle_t *cycle)
{
    size_t endpoints = pool->conf->catalogue.count ? pool->conf->catalogue.count : 1;
    pool->log = cycle->log;
    pool->connections = ngx_pcalloc(cycle->pool, pool->size * sizeof *pool->connections);
    pool->broken_until = ngx_pcalloc(cycle->pool, endpoints * sizeof *pool->broken_until);
    if (!pool->connections || !pool->broken_until)
        return false;
    ngx_queue_init(&pool->ready);
    for (size_t i = 0; i < UNDAM_HASH_SLOTS; i++) {
        ngx_queue_init(&pool->slots[i]);
    }
    pool->flush = (ngx_event_t){.handler = on_flush, .data = pool, .log = cycle->log};
    for (ngx_uint_t i = 0; i < pool->size; i++) {
        struct undam_connection *c = &pool->connections[i];
        c->pool = pool;
        c->backoff = BACKOFF_MS_MIN;
        c->prepared = ngx_pcalloc(cycle->pool, endpoints * FORM_COUNT * sizeof *c->prepared);
        if (!c->prepared)
            return false;
        /* A worker that is leaving does not wait for it. */
        c->timer = (ngx_event_t){.handler = on_timer, .data = c, .log = cycle->log, .cancelable = 1};
        connect_start(c);
    }
    return true;
}

void undam_pool_stop(struct undam_pool *pool)
{
    for (ngx_uint_t i = 0; pool->connections && i < pool->size; i++) {
        struct undam_connection *c = &pool->connections[i];
        socket_release(c, NGX_CLOSE_EVENT);
        PQfinish(c->pg);
        c->pg = NULL;
        c->state = DOWN;
    }
}
