// SPDX-License-Identifier: Apache-2.0
/*
 * One decision a request. What always holds: it is made once, from the raw request, the catalogue of this cycle and the
 * newest snapshot; every doubt decides legacy; Undam-* from a client never reaches the decision or the monolith.
 */
#include <strings.h>

#include "undam.h"

static const char *const reason_names[UNDAM_REASON_COUNT - FLAG_REASON_COUNT] = {
    "method",
    "request-body",
    "no-catalogue",
    "no-endpoint",
    "unknown-parameter",
    "bad-parameter",
    "catalogue-mismatch",
    "no-readmodel",
    "readmodel-down",
    "not-loaded",
    "queue-full",
    "timeout",
    "query-failed",
};

const char *undam_reason_name(unsigned reason)
{
    if (reason < FLAG_REASON_COUNT)
        return flag_reason_name((enum flag_reason)reason);
    return reason < UNDAM_REASON_COUNT ? reason_names[reason - FLAG_REASON_COUNT] : "unknown";
}

int64_t undam_now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* --- the request's context ------------------------------------------------------------------------------------- */

static void ctx_cleanup(void *data)
{
    /* Only marks the place where a context is found after nginx has wiped r->ctx (internal redirects). */
    (void)data;
}

struct undam_ctx *undam_ctx_find(ngx_http_request_t *r)
{
    r = r->main;
    struct undam_ctx *ctx = ngx_http_get_module_ctx(r, ngx_http_undam_module);
    if (ctx || (!r->internal && !r->filter_finalize))
        return ctx;
    for (ngx_pool_cleanup_t *c = r->pool->cleanup; c; c = c->next)
        if (c->handler == ctx_cleanup)
            return c->data;
    return NULL;
}

struct undam_ctx *undam_ctx_get(ngx_http_request_t *r)
{
    r = r->main;
    struct undam_ctx *ctx = undam_ctx_find(r);
    if (ctx)
        return ctx;
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, sizeof *ctx);
    if (!cleanup)
        return NULL;
    cleanup->handler = ctx_cleanup;
    ctx = cleanup->data;
    ngx_memzero(ctx, sizeof *ctx);
    ctx->request = r;
    ctx->start = ngx_current_msec;
    ctx->reason = UNDAM_NO_ENDPOINT;
    ngx_http_set_ctx(r, ctx, ngx_http_undam_module);
    return ctx;
}

/* --- headers of the request ------------------------------------------------------------------------------------ */

static bool is_ours(const ngx_table_elt_t *h)
{
    return h->key.len > 6 && strncasecmp((const char *)h->key.data, "undam", 5) == 0 &&
           (h->key.data[5] == '-' || h->key.data[5] == '_');
}

/*
 * Takes element i out of a part without moving any other, because nginx keeps pointers to them: from an end of the
 * part, or by splitting it. nginx's readers do not expect an empty part behind another, so one is unlinked. The list's
 * capacity is set to what its last part holds: whoever adds a header gets a new part and never writes behind a split
 * one.
 */
static ngx_int_t cut_element(ngx_http_request_t *r, ngx_list_part_t *before, ngx_list_part_t *part, ngx_uint_t i)
{
    ngx_list_t *list = &r->headers_in.headers;
    ngx_table_elt_t *elements = part->elts;
    bool last = list->last == part;
    if (part->nelts == 1) {
        part->nelts = 0;
        if (before) { /* the first part may be empty, and still has room for one */
            before->next = part->next;
            part = before;
        }
    } else if (i + 1 == part->nelts) {
        part->nelts--;
        return NGX_OK;
    } else if (i == 0) {
        part->elts = elements + 1;
        part->nelts--;
    } else {
        ngx_list_part_t *rest = ngx_palloc(r->pool, sizeof *rest);
        if (!rest)
            return NGX_ERROR;
        *rest = (ngx_list_part_t){&elements[i + 1], part->nelts - i - 1, part->next};
        part->nelts = i;
        part->next = rest;
        part = rest;
    }
    if (last) {
        list->last = part;
        list->nalloc = part->nelts ? part->nelts : 1;
    }
    return NGX_OK;
}

static ngx_int_t take_header(ngx_http_request_t *r, const ngx_table_elt_t *h)
{
    struct undam_srv_conf *scf = ngx_http_get_module_srv_conf(r, ngx_http_undam_module);
    if (!scf->trusted || h->key.len != 11 || strncasecmp((const char *)h->key.data, "undam-force", 11) != 0)
        return NGX_OK;
    struct undam_ctx *ctx = undam_ctx_get(r);
    if (!ctx)
        return NGX_ERROR;
    struct str value = undam_str(h->value);
    ctx->forced_set = str_is(value, "stream") || str_is(value, "legacy");
    ctx->forced = str_is(value, "stream") ? FLAG_STREAM : FLAG_LEGACY;
    return NGX_OK;
}

ngx_int_t undam_strip_headers(ngx_http_request_t *r)
{
    if (!undam_main(r)->used || r != r->main || r->internal)
        return NGX_DECLINED;
    for (ngx_list_part_t *before = NULL, *part = &r->headers_in.headers.part; part;) {
        ngx_table_elt_t *elements = part->elts;
        ngx_uint_t i = 0;
        while (i < part->nelts && !is_ours(&elements[i]))
            i++;
        if (i == part->nelts) {
            before = part;
            part = part->next;
            continue;
        }
        if (take_header(r, &elements[i]) != NGX_OK || cut_element(r, before, part, i) != NGX_OK)
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        if (before && part->nelts == 0)
            part = before; /* unlinked */
    }
    return NGX_DECLINED;
}

struct str undam_request_header(ngx_http_request_t *r, struct str name, bool *ret_repeated)
{
    struct str value = {NULL, 0};
    for (ngx_list_part_t *part = &r->headers_in.headers.part; part; part = part->next) {
        ngx_table_elt_t *elements = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (elements[i].key.len != name.len || ngx_strncmp(elements[i].lowcase_key, name.data, name.len) != 0)
                continue;
            if (value.data)
                *ret_repeated = true;
            value = undam_str(elements[i].value);
        }
    }
    return value;
}

static struct str bound_header(void *arg, struct str name, bool *ret_repeated)
{
    return undam_request_header(arg, name, ret_repeated);
}

struct str undam_directive_user(ngx_http_request_t *r)
{
    struct undam_loc_conf *lcf = undam_loc(r);
    ngx_str_t value = ngx_null_string;
    if (!lcf->user || ngx_http_complex_value(r, lcf->user, &value) != NGX_OK || value.len == 0)
        return (struct str){NULL, 0};
    return undam_str(value);
}

/* --- the snapshot ------------------------------------------------------------------------------------------------ */

/* Which file the name stands for now. */
static void identify(struct undam_main_conf *mcf, ngx_file_info_t *ret)
{
    if (ngx_file_info(mcf->snapshot_path.data, ret) == NGX_FILE_ERROR)
        ngx_memzero(ret, sizeof *ret);
}

static void snapshot_open(struct undam_main_conf *mcf, ngx_log_t *log)
{
    char why[256];
    identify(mcf, &mcf->snapshot_file);
    flag_snapshot_close(mcf->snapshot);
    bool had = mcf->snapshot != NULL;
    mcf->snapshot = flag_snapshot_open((const char *)mcf->snapshot_path.data, why, sizeof why);
    if (!mcf->snapshot) {
        if (had)
            ngx_log_error(NGX_LOG_ERR, log, 0, "undam: every request goes to the legacy side: %s", why);
        return;
    }
    for (size_t i = 0; i < mcf->catalogue.count; i++) {
        const struct endpoint *e = &mcf->catalogue.endpoints[i];
        mcf->flags[i] = flag_find(mcf->snapshot, e->flag.data, e->flag.len);
        mcf->services[i] = flag_service_find(mcf->snapshot, e->service.data, e->service.len);
    }
}

/* Once a second: a file that was missing, damaged or replaced by another hand has nobody to mark it superseded. */
static void snapshot_check(ngx_event_t *ev)
{
    struct undam_main_conf *mcf = ev->data;
    ngx_file_info_t now;
    identify(mcf, &now);
    if (!mcf->snapshot || flag_snapshot_superseded(mcf->snapshot) || now.st_ino != mcf->snapshot_file.st_ino ||
        now.st_dev != mcf->snapshot_file.st_dev)
        snapshot_open(mcf, ev->log);
    if (!ngx_exiting)
        ngx_add_timer(ev, 1000);
}

bool undam_snapshot_init(struct undam_main_conf *mcf, ngx_cycle_t *cycle)
{
    if (mcf->snapshot_path.len == 0)
        return true;
    mcf->snapshot_timer = (ngx_event_t){.handler = snapshot_check, .data = mcf, .log = cycle->log, .cancelable = 1};
    snapshot_open(mcf, cycle->log);
    if (!mcf->snapshot)
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0, "undam: no flags snapshot yet, requests go to the legacy side");
    ngx_add_timer(&mcf->snapshot_timer, 1000);
    return true;
}

/* --- the decision --------------------------------------------------------------------------------------------------
 */

static void decide_legacy(struct undam_ctx *ctx, unsigned reason)
{
    ctx->route = FLAG_LEGACY;
    ctx->reason = reason;
}

/* False when the request names two users: whose data is asked for, and whose writes count, is not ours to guess. */
static bool find_user(ngx_http_request_t *r, struct undam_ctx *ctx)
{
    const struct endpoint *e = ctx->endpoint;
    bool repeated = false;
    ctx->user = (struct str){NULL, 0};
    if (e->user == ENDPOINT_USER_PARAM)
        ctx->user = ctx->values[e->user_param];
    else if (e->user == ENDPOINT_USER_HEADER)
        ctx->user = undam_request_header(r, e->user_header, &repeated);
    else
        ctx->user = undam_directive_user(r);
    if (repeated || ctx->user.len == 0)
        ctx->user = (struct str){NULL, 0};
    return !repeated;
}

/* The user may have written under the endpoint's key or under undam_user's. */
static int64_t last_write(ngx_http_request_t *r, const struct undam_ctx *ctx)
{
    struct undam_main_conf *mcf = undam_main(r);
    struct str other = ctx->endpoint->user == ENDPOINT_USER_NONE ? (struct str){NULL, 0} : undam_directive_user(r);
    int64_t last = undam_writers_last(mcf, undam_writer_key(ctx->user));
    if (other.data && !str_eq(other, ctx->user)) {
        int64_t also = undam_writers_last(mcf, undam_writer_key(other));
        last = also > last ? also : last;
    }
    int64_t skew = (int64_t)mcf->clock_skew * 1000;
    return last == 0 ? 0 : last > INT64_MAX - skew ? INT64_MAX : last + skew;
}

static void decide_by_flag(ngx_http_request_t *r, struct undam_ctx *ctx, size_t index)
{
    struct undam_main_conf *mcf = undam_main(r);
    if (mcf->snapshot && flag_snapshot_superseded(mcf->snapshot))
        snapshot_open(mcf, r->connection->log);
    if (mcf->snapshot && flag_snapshot_catalogue(mcf->snapshot) &&
        flag_snapshot_catalogue(mcf->snapshot) != mcf->catalogue.hash) {
        decide_legacy(ctx, UNDAM_CATALOGUE);
        return;
    }
    ngx_time_t *now = ngx_timeofday();
    struct flag_request request = {.user = ctx->user.data,
                                   .user_len = ctx->user.len,
                                   .now_us = (int64_t)now->sec * 1000000 + (int64_t)now->msec * 1000,
                                   .last_write_us = last_write(r, ctx)};
    struct flag_decision d = flag_decide(mcf->snapshot, mcf->flags[index], mcf->services[index], &request);
    ctx->route = d.route;
    ctx->reason = d.reason;
}

static bool has_body(const ngx_http_request_t *r)
{
    return r->headers_in.content_length_n > 0 || r->headers_in.chunked;
}

/* The endpoint and the values of its parameters; false when the legacy side has to answer whatever the flag says. */
static bool find_endpoint(ngx_http_request_t *r, struct undam_ctx *ctx)
{
    struct undam_main_conf *mcf = undam_main(r);
    if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD))) {
        decide_legacy(ctx, UNDAM_METHOD);
        return false;
    }
    if (!mcf->has_catalogue) {
        decide_legacy(ctx, UNDAM_NO_CATALOGUE);
        return false;
    }
    struct str query, path = str_cut(undam_str(r->unparsed_uri), '?', &query);
    const struct endpoint *e = catalogue_match(&mcf->catalogue, path);
    char *scratch = e ? ngx_pnalloc(r->pool, r->unparsed_uri.len + 1) : NULL;
    if (!scratch) {
        decide_legacy(ctx, UNDAM_NO_ENDPOINT);
        return false;
    }
    ctx->endpoint = e;
    enum endpoint_bound bound = endpoint_bind(e, path, query, bound_header, r, scratch, ctx->values);
    bool one_user = find_user(r, ctx);
    ctx->bad_parameter = bound == ENDPOINT_BAD;
    if (!one_user)
        decide_legacy(ctx, UNDAM_BAD_PARAMETER);
    else if (bound == ENDPOINT_UNKNOWN)
        decide_legacy(ctx, UNDAM_UNKNOWN_PARAMETER);
    else if (has_body(r))
        decide_legacy(ctx, UNDAM_BODY);
    else if (bound == ENDPOINT_BAD && e->bad_parameter.status == 0)
        decide_legacy(ctx, UNDAM_BAD_PARAMETER);
    else
        return true;
    return false;
}

void undam_decide(ngx_http_request_t *r, struct undam_ctx *ctx)
{
    if (ctx->decided)
        return;
    ctx->decided = true;
    if (!find_endpoint(r, ctx))
        return;
    struct undam_main_conf *mcf = undam_main(r);
    size_t index = (size_t)(ctx->endpoint - mcf->catalogue.endpoints);
    if (ctx->forced_set) {
        ctx->route = ctx->forced;
        ctx->reason = FLAG_TRUSTED;
    } else {
        decide_by_flag(r, ctx, index);
    }
    if (ctx->route == FLAG_STREAM && !mcf->endpoint_pools[index])
        decide_legacy(ctx, UNDAM_NO_READMODEL);
}

/* --- variables --------------------------------------------------------------------------------------------------- */

enum { VARIABLE_ROUTE, VARIABLE_REASON, VARIABLE_VERSION, VARIABLE_ENDPOINT };

static ngx_int_t get_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t which)
{
    struct undam_main_conf *mcf = undam_main(r);
    struct undam_ctx *ctx = undam_ctx_get(r);
    struct str text = STR("-");
    if (!ctx)
        return NGX_ERROR;
    undam_decide(r->main, ctx);
    if (which == VARIABLE_ROUTE)
        text = ctx->route == FLAG_STREAM ? STR("stream") : STR("legacy");
    else if (which == VARIABLE_REASON)
        text = str_of(undam_reason_name(ctx->reason));
    else if (which == VARIABLE_ENDPOINT && ctx->endpoint)
        text = ctx->endpoint->name;
    else if (which == VARIABLE_VERSION && mcf->snapshot) {
        u_char *number = ngx_pnalloc(r->pool, NGX_INT64_LEN);
        if (!number)
            return NGX_ERROR;
        text =
            str_n((char *)number, (size_t)(ngx_sprintf(number, "%uL", flag_snapshot_version(mcf->snapshot)) - number));
    }
    ngx_str_t value = undam_ngx_str(text);
    v->len = (unsigned)value.len & 0xfffffff;
    v->data = value.data;
    v->valid = 1;
    v->no_cacheable = 1; /* a fault later turns stream into legacy */
    v->not_found = 0;
    return NGX_OK;
}

ngx_int_t undam_add_variables(ngx_conf_t *cf)
{
    static const struct {
        ngx_str_t name;
        uintptr_t which;
    } rows[] = {{ngx_string("undam_route"), VARIABLE_ROUTE},
                {ngx_string("undam_reason"), VARIABLE_REASON},
                {ngx_string("undam_version"), VARIABLE_VERSION},
                {ngx_string("undam_endpoint"), VARIABLE_ENDPOINT}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        ngx_str_t name = rows[i].name;
        ngx_http_variable_t *v = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
        if (!v)
            return NGX_ERROR;
        v->get_handler = get_variable;
        v->data = rows[i].which;
    }
    return NGX_OK;
}
