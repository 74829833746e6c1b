// SPDX-License-Identifier: Apache-2.0
/*
 * A request's way through the precontent phase.
 *
 *   NEW -(decided legacy)-> LEGACY            handler declines, the content handler (proxy_pass) answers
 *   NEW -(decided stream)-> WAITING           in a unit of its service's pool, with a timer     start_waiting()
 *   WAITING -> ANSWERED -> SENT               answer came: the phase runs again and sends it    undam_ctx_answer()
 *   WAITING -> FAULT -> LEGACY                fault or time-out: as if decided legacy           undam_ctx_fault(),
 * on_wake() WAITING -> (gone)                         client left: detach() from the request's cleanup
 *
 * What always holds: a request in WAITING is in exactly one unit and has a timer; an answer is only sent whole; nothing
 * of the legacy side is started before the read model is out of the race.
 */
#include "undam.h"

static ngx_http_output_header_filter_pt next_header_filter;

/* --- waiting ------------------------------------------------------------------------------------------------- */

static void detach(struct undam_ctx *ctx)
{
    if (ctx->unit)
        undam_unit_leave(ctx);
    if (ctx->wake.timer_set)
        ngx_del_timer(&ctx->wake);
    if (ctx->wake.posted) {
        ngx_delete_posted_event(&ctx->wake);
    }
}

/* The request ends, however that came about. */
static void on_request_end(void *data)
{
    struct undam_ctx *ctx = data;
    if (ctx->state == UNDAM_WAITING)
        undam_count(undam_main(ctx->request), UNDAM_CLIENTS_GONE, 1);
    detach(ctx);
    if (ctx->writing) {
        /* No header of an answer came by: the monolith may still be at it. */
        struct undam_main_conf *mcf = undam_main(ctx->request);
        undam_writers_end(mcf, ctx->writer, undam_now_us() + (int64_t)mcf->write_hold * 1000);
        ctx->writing = false;
    }
}

static ngx_int_t watch_end(struct undam_ctx *ctx)
{
    ngx_http_cleanup_t *cleanup = ngx_http_cleanup_add(ctx->request, 0);
    if (!cleanup)
        return NGX_ERROR;
    cleanup->handler = on_request_end;
    cleanup->data = ctx;
    return NGX_OK;
}

static void on_wake(ngx_event_t *ev)
{
    struct undam_ctx *ctx = ev->data;
    ngx_http_request_t *r = ctx->request;
    ngx_connection_t *c = r->connection;
    if (ctx->state == UNDAM_WAITING) {
        undam_unit_leave(ctx);
        ctx->state = UNDAM_FAULT;
        ctx->reason = UNDAM_TIMEOUT;
    }
    detach(ctx);
    ngx_http_set_log_request(c->log, r);
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}

void undam_ctx_fault(struct undam_ctx *ctx, unsigned reason)
{
    ctx->state = UNDAM_FAULT;
    ctx->reason = reason;
    if (ctx->wake.timer_set)
        ngx_del_timer(&ctx->wake);
    ngx_post_event(&ctx->wake, &ngx_posted_events);
}

static bool keep(ngx_http_request_t *r, struct str from, ngx_str_t *ret)
{
    ret->len = from.len;
    ret->data = from.len ? ngx_pnalloc(r->pool, from.len) : undam_ngx_str(STR("")).data;
    if (!ret->data)
        return false;
    if (from.len)
        ngx_memcpy(ret->data, from.data, from.len);
    return true;
}

void undam_ctx_answer(struct undam_ctx *ctx, bool found, struct str body, struct str etag, struct str position)
{
    ctx->found = found;
    if (!keep(ctx->request, body, &ctx->body) || !keep(ctx->request, etag, &ctx->etag) ||
        !keep(ctx->request, position, &ctx->position)) {
        undam_ctx_fault(ctx, UNDAM_QUERY);
        return;
    }
    ctx->state = UNDAM_ANSWERED;
    if (ctx->wake.timer_set)
        ngx_del_timer(&ctx->wake);
    ngx_post_event(&ctx->wake, &ngx_posted_events);
}

/* False when the read model cannot take it: ctx->reason says why. */
static bool start_waiting(ngx_http_request_t *r, struct undam_ctx *ctx)
{
    struct undam_main_conf *mcf = undam_main(r);
    struct undam_pool *pool = mcf->endpoint_pools[ctx->endpoint - mcf->catalogue.endpoints];
    ctx->wake = (ngx_event_t){.handler = on_wake, .data = ctx, .log = r->connection->log};
    if (!undam_unit_join(pool, ctx, &ctx->reason))
        return false;
    ctx->state = UNDAM_WAITING;
    ngx_add_timer(&ctx->wake, undam_loc(r)->timeout);
    /* As limit_req does it: a client that leaves is noticed, its further requests stay in the socket. */
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK)
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0, "undam: a client's leaving will not be noticed");
    return true;
}

/* --- sending ------------------------------------------------------------------------------------------------- */

static bool add_header(ngx_http_request_t *r, struct str name, struct str value)
{
    ngx_table_elt_t *h = ngx_list_push(&r->headers_out.headers);
    if (!h)
        return false;
    ngx_memzero(h, sizeof *h);
    h->hash = 1;
    h->key = undam_ngx_str(name);
    h->value = undam_ngx_str(value);
    return true;
}

/* Bytes that may stand in an entity tag. */
static bool etag_ok(ngx_str_t s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] <= 0x20 || s.data[i] == '"' || s.data[i] >= 0x7f)
            return false;
    return s.len > 0 && s.len <= 128;
}

/* "<endpoint hash>-<row's position>", or of the body's hash: equal tags, equal bytes. */
static bool set_etag(ngx_http_request_t *r, const struct undam_ctx *ctx)
{
    ngx_table_elt_t *h = ngx_list_push(&r->headers_out.headers);
    u_char *text = ngx_pnalloc(r->pool, 160), *end;
    if (!h || !text)
        return false;
    if (etag_ok(ctx->etag))
        end = ngx_snprintf(text, 160, "\"%xL-%V\"", ctx->endpoint->hash, &ctx->etag);
    else
        end = ngx_snprintf(text, 160, "\"%xL.%xL\"", ctx->endpoint->hash,
                           endpoint_hash(ENDPOINT_HASH_START, ctx->body.data, ctx->body.len));
    ngx_memzero(h, sizeof *h);
    h->hash = 1;
    ngx_str_set(&h->key, "ETag");
    h->value = (ngx_str_t){(size_t)(end - text), text};
    r->headers_out.etag = h;
    return true;
}

static ngx_int_t send_body(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t body, ngx_str_t type)
{
    ngx_chain_t out = {NULL, NULL};
    ngx_int_t rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK)
        return rc;
    r->headers_out.status = status;
    r->headers_out.content_length_n = (off_t)body.len;
    r->headers_out.content_type = type;
    /* Types are compared without their parameters. */
    u_char *semicolon = ngx_strlchr(type.data, type.data + type.len, ';');
    r->headers_out.content_type_len = semicolon ? (size_t)(semicolon - type.data) : type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_buf_t *b = ngx_calloc_buf(r->pool);
    if (!b)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    b->pos = b->start = body.data;
    b->last = b->end = body.data + body.len;
    b->memory = body.len ? 1 : 0;
    b->last_buf = 1;
    b->last_in_chain = 1;
    out.buf = b;
    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only)
        return rc;
    return ngx_http_output_filter(r, &out);
}

static ngx_int_t send_answer(ngx_http_request_t *r, struct undam_ctx *ctx)
{
    const struct endpoint *e = ctx->endpoint;
    ctx->state = UNDAM_SENT;
    if (ctx->found && !set_etag(r, ctx))
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (e->cache_control.len && !add_header(r, STR("Cache-Control"), e->cache_control))
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    ngx_str_t type = undam_ngx_str(e->content_type);
    if (ctx->found)
        return send_body(r, NGX_HTTP_OK, ctx->body, type);
    return send_body(r, (ngx_uint_t)e->not_found.status, undam_ngx_str(e->not_found.body), type);
}

static ngx_int_t send_overflow(ngx_http_request_t *r, struct undam_ctx *ctx)
{
    u_char *text = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);
    ngx_str_t empty = ngx_string("");
    ngx_str_t type = ngx_string("text/plain");
    if (!text)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    size_t len = (size_t)(ngx_sprintf(text, "%T", undam_loc(r)->retry_after) - text);
    if (!add_header(r, STR("Retry-After"), str_n((char *)text, len)))
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    ctx->state = UNDAM_SENT;
    return send_body(r, NGX_HTTP_SERVICE_UNAVAILABLE, empty, type);
}

/* --- the phase ----------------------------------------------------------------------------------------------- */

static ngx_int_t hand_on(struct undam_ctx *ctx)
{
    ctx->route = FLAG_LEGACY;
    ctx->state = UNDAM_LEGACY;
    return NGX_DECLINED;
}

/* A write is on its way to the monolith: reads of its user follow it there until the read model has it. */
static ngx_int_t start_write(ngx_http_request_t *r, struct undam_ctx *ctx)
{
    struct undam_main_conf *mcf = undam_main(r);
    struct str user = undam_directive_user(r);
    if (ctx->writing || ctx->wrote || (r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD | NGX_HTTP_OPTIONS)))
        return NGX_OK;
    if (!user.data) {
        undam_count(mcf, UNDAM_WRITES_UNKEYED, 1);
        return NGX_OK;
    }
    ctx->writer = undam_writer_key(user);
    if (watch_end(ctx) != NGX_OK)
        return NGX_ERROR;
    undam_writers_begin(mcf, ctx->writer);
    undam_count(mcf, UNDAM_WRITES_MARKED, 1);
    ctx->writing = true;
    return NGX_OK;
}

static ngx_int_t begin(ngx_http_request_t *r, struct undam_ctx *ctx)
{
    undam_decide(r, ctx);
    if (start_write(r, ctx) != NGX_OK)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (ctx->route != FLAG_STREAM)
        return hand_on(ctx);
    if (ctx->bad_parameter) {
        ctx->state = UNDAM_SENT;
        return send_body(r, (ngx_uint_t)ctx->endpoint->bad_parameter.status,
                         undam_ngx_str(ctx->endpoint->bad_parameter.body), undam_ngx_str(ctx->endpoint->content_type));
    }
    if (watch_end(ctx) != NGX_OK)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (start_waiting(r, ctx))
        return NGX_AGAIN;
    if (ctx->reason == UNDAM_QUEUE_FULL && undam_loc(r)->overflow_status)
        return send_overflow(r, ctx);
    return hand_on(ctx);
}

ngx_int_t undam_handler(ngx_http_request_t *r)
{
    if (r != r->main || !undam_loc(r)->enable)
        return NGX_DECLINED;
    struct undam_ctx *ctx = undam_ctx_get(r);
    if (!ctx)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    ngx_int_t rc = NGX_DECLINED;
    switch (ctx->state) {
    case UNDAM_NEW: rc = begin(r, ctx); break;
    case UNDAM_WAITING: return NGX_AGAIN;
    case UNDAM_ANSWERED: rc = send_answer(r, ctx); break;
    case UNDAM_FAULT: return hand_on(ctx);
    case UNDAM_LEGACY:
    case UNDAM_SENT: return NGX_DECLINED;
    }
    if (ctx->state != UNDAM_SENT)
        return rc;
    /* Sent from a phase that is not the content phase: finished here, the phases after it do not run. */
    ngx_http_finalize_request(r, rc);
    return NGX_DONE;
}

/* --- the answer's header, whichever side it comes from ----------------------------------------------------------- */

/* The monolith's own answer, not an error nginx made because none came. */
static bool answered_by_upstream(const ngx_http_request_t *r)
{
    return r->upstream && r->upstream->headers_in.status_n != 0;
}

static void end_write(ngx_http_request_t *r, struct undam_ctx *ctx)
{
    struct undam_main_conf *mcf = undam_main(r);
    int64_t hold = answered_by_upstream(r) ? 0 : (int64_t)mcf->write_hold * 1000;
    undam_writers_end(mcf, ctx->writer, undam_now_us() + hold);
    ctx->writing = false;
    ctx->wrote = true;
}

static ngx_int_t header_filter(ngx_http_request_t *r)
{
    struct undam_ctx *ctx = r == r->main ? undam_ctx_find(r) : NULL;
    if (!ctx || !undam_loc(r)->enable)
        return next_header_filter(r);
    if (ctx->writing)
        end_write(r, ctx);
    if (!add_header(r, STR("Undam-Route"), ctx->route == FLAG_STREAM ? STR("stream") : STR("legacy")) ||
        !add_header(r, STR("Undam-Reason"), str_of(undam_reason_name(ctx->reason))))
        return NGX_ERROR;
    if (ctx->route == FLAG_STREAM && ctx->position.len &&
        !add_header(r, STR("Undam-Position"), undam_str(ctx->position)))
        return NGX_ERROR;
    return next_header_filter(r);
}

ngx_int_t undam_header_filter_init(ngx_conf_t *cf)
{
    (void)cf;
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = header_filter;
    return NGX_OK;
}

ngx_int_t undam_log_handler(ngx_http_request_t *r)
{
    struct undam_ctx *ctx = undam_ctx_find(r);
    if (r != r->main || !ctx || !undam_loc(r)->enable || ctx->state == UNDAM_NEW)
        return NGX_OK;
    if (ctx->wrote) /* the body may have told of later commits than the header */
        undam_writers_stamp(undam_main(r), ctx->writer, undam_now_us());
    undam_count_request(undam_main(r), ctx, r->headers_out.status);
    undam_ticket_send(r, ctx);
    return NGX_OK;
}
