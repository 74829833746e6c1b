// SPDX-License-Identifier: Apache-2.0
/*
 * Counters in shared memory, so that the status page of any worker shows all of them. They belong to one catalogue
 * (the zone's name holds its hash): a reload with another one starts from zero, which Prometheus expects of counters.
 */
#include "undam.h"

enum { WORKERS_MAX = 64, ROUTES = 2, CLASSES = 6 };

enum gauge { GAUGE_UP, GAUGE_WAITING, GAUGE_COUNT };

struct counters {
    ngx_atomic_t totals[UNDAM_TOTAL_COUNT];
    ngx_atomic_t responses[ROUTES][CLASSES];
    ngx_atomic_t rows[]; /* requests: (endpoints + 1) * ROUTES * UNDAM_REASON_COUNT; gauges: WORKERS_MAX * pools */
};

static const struct {
    const char *name, *help;
} totals[UNDAM_TOTAL_COUNT] = {
    {"undam_edge_tickets_sent_total", "Sampled requests told to validate."},
    {"undam_edge_tickets_dropped_total", "Tickets that nobody took."},
    {"undam_edge_statements_total", "Statements sent to read models."},
    {"undam_edge_keys_total", "Units asked for by those statements."},
    {"undam_edge_shared_total", "Requests that shared another request's unit."},
    {"undam_edge_again_total", "Units sent again after another's error or a lost connection."},
    {"undam_edge_prepared_total", "Statements prepared."},
    {"undam_edge_connected_total", "Connections to read models made."},
    {"undam_edge_disconnected_total", "Connections to read models lost."},
    {"undam_edge_writes_total", "Writes whose user was marked."},
    {"undam_edge_writes_unkeyed_total", "Writes without a user: their readers are not kept on the legacy side."},
    {"undam_edge_writers_evicted_total", "Marks given up early; users without one then wait longer."},
    {"undam_edge_clients_gone_total", "Clients that left while a read model was asked."},
};

static struct counters *counters_of(struct undam_main_conf *mcf)
{
    return ((ngx_slab_pool_t *)mcf->counters_zone->shm.addr)->data;
}

static size_t request_count(const struct undam_main_conf *mcf)
{
    return (mcf->catalogue.count + 1) * ROUTES * UNDAM_REASON_COUNT;
}

size_t undam_counters_size(const struct undam_main_conf *mcf)
{
    return sizeof(struct counters) + request_count(mcf) * sizeof(ngx_atomic_t) +
           WORKERS_MAX * (mcf->pools.nelts + 1) * GAUGE_COUNT * sizeof(ngx_atomic_t);
}

ngx_int_t undam_counters_init(ngx_shm_zone_t *zone, void *old)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *)zone->shm.addr;
    if (old)
        return NGX_OK;
    pool->data = ngx_slab_calloc(pool, undam_counters_size(zone->data));
    return pool->data ? NGX_OK : NGX_ERROR;
}

static ngx_atomic_t *gauge_of(struct undam_main_conf *mcf, ngx_uint_t worker, ngx_uint_t pool, enum gauge which)
{
    size_t row = (worker % WORKERS_MAX * mcf->pools.nelts + pool) * GAUGE_COUNT + which;
    return &counters_of(mcf)->rows[request_count(mcf) + row];
}

void undam_count(struct undam_main_conf *mcf, enum undam_total total, ngx_uint_t n)
{
    (void)ngx_atomic_fetch_add(&counters_of(mcf)->totals[total], (ngx_atomic_int_t)n);
}

void undam_count_request(struct undam_main_conf *mcf, const struct undam_ctx *ctx, ngx_uint_t status)
{
    struct counters *c = counters_of(mcf);
    size_t index = ctx->endpoint ? (size_t)(ctx->endpoint - mcf->catalogue.endpoints) : mcf->catalogue.count;
    size_t route = ctx->route == FLAG_STREAM;
    (void)ngx_atomic_fetch_add(&c->rows[(index * ROUTES + route) * UNDAM_REASON_COUNT + ctx->reason], 1);
    (void)ngx_atomic_fetch_add(&c->responses[route][status < 600 ? status / 100 : 0], 1);
}

void undam_gauge_pool(struct undam_pool *pool)
{
    *gauge_of(pool->conf, ngx_worker, pool->index, GAUGE_UP) = pool->up;
    *gauge_of(pool->conf, ngx_worker, pool->index, GAUGE_WAITING) = pool->waiting;
}

/* --- the page ---------------------------------------------------------------------------------------------------- */

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and line feed are escaped. */
static void add_label(struct buf *out, const char *name, struct str value)
{
    buf_printf(out, "%s=\"", name);
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == '"' || value.data[i] == '\\')
            buf_addc(out, '\\');
        buf_addc(out, value.data[i]);
    }
    buf_addc(out, '"');
}

static const char *route_name(size_t route) { return route ? "stream" : "legacy"; }

static void add_requests(struct buf *out, struct undam_main_conf *mcf)
{
    struct counters *c = counters_of(mcf);
    head(out, "undam_edge_requests_total", "counter", "Requests by endpoint, side and reason.");
    for (size_t i = 0; i < request_count(mcf); i++) {
        size_t endpoint = i / UNDAM_REASON_COUNT / ROUTES;
        if (!c->rows[i])
            continue;
        buf_adds(out, "undam_edge_requests_total{");
        add_label(out, "endpoint",
                  endpoint < mcf->catalogue.count ? mcf->catalogue.endpoints[endpoint].name : STR("-"));
        buf_printf(out, ",route=\"%s\",reason=\"%s\"} %lu\n", route_name(i / UNDAM_REASON_COUNT % ROUTES),
                   undam_reason_name((unsigned)(i % UNDAM_REASON_COUNT)), c->rows[i]);
    }
    head(out, "undam_edge_responses_total", "counter", "Responses by side and class of status.");
    for (size_t route = 0; route < ROUTES; route++)
        for (int class = 1; class < CLASSES; class ++)
            if (c->responses[route][class])
                buf_printf(out, "undam_edge_responses_total{route=\"%s\",class=\"%dxx\"} %lu\n", route_name(route),
                           class, c->responses[route][class]);
}

static void add_gauge(struct buf *out, struct undam_main_conf *mcf, enum gauge which, const char *name,
                      const char *help)
{
    struct undam_pool **pools = mcf->pools.elts;
    head(out, name, "gauge", help);
    for (ngx_uint_t p = 0; p < mcf->pools.nelts; p++) {
        ngx_uint_t sum = 0;
        for (ngx_uint_t w = 0; w < WORKERS_MAX; w++)
            sum += *gauge_of(mcf, w, p, which);
        buf_printf(out, "%s{", name);
        add_label(out, "service", undam_str(pools[p]->service));
        buf_printf(out, "} %lu\n", sum);
    }
}

static void add_versions(struct buf *out, struct undam_main_conf *mcf)
{
    head(out, "undam_edge_snapshot_version", "gauge", "Version of the flags snapshot in this worker, 0 = none.");
    buf_printf(out, "undam_edge_snapshot_version %lu\n", mcf->snapshot ? flag_snapshot_version(mcf->snapshot) : 0);
    head(out, "undam_edge_catalogue_info", "gauge", "The endpoint catalogue nginx was started with.");
    buf_printf(out, "undam_edge_catalogue_info{hash=\"%016lx\",endpoints=\"%zu\"} %d\n", mcf->catalogue.hash,
               mcf->catalogue.count, mcf->has_catalogue);
}

ngx_int_t undam_status_handler(ngx_http_request_t *r)
{
    struct undam_main_conf *mcf = undam_main(r);
    struct buf out;
    if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)))
        return NGX_HTTP_NOT_ALLOWED;
    ngx_int_t rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK)
        return rc;
    buf_init(&out, 16 << 20);
    add_requests(&out, mcf);
    for (int i = 0; i < UNDAM_TOTAL_COUNT; i++) {
        head(&out, totals[i].name, "counter", totals[i].help);
        buf_printf(&out, "%s %lu\n", totals[i].name, counters_of(mcf)->totals[i]);
    }
    add_gauge(&out, mcf, GAUGE_UP, "undam_edge_connections", "Connections to a read model that are up.");
    add_gauge(&out, mcf, GAUGE_WAITING, "undam_edge_waiting", "Requests waiting for a read model.");
    add_versions(&out, mcf);
    u_char *copy = ngx_pnalloc(r->pool, out.len);
    if (copy)
        ngx_memcpy(copy, out.data, out.len);
    ngx_str_t body = {out.len, copy};
    buf_free(&out);
    if (!copy)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    ngx_http_complex_value_t value;
    ngx_memzero(&value, sizeof value);
    value.value = body;
    ngx_str_t type = ngx_string("text/plain; version=0.0.4");
    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &value);
}
