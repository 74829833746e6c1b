// SPDX-License-Identifier: Apache-2.0
/*
 * Directives, hooks, and the life of a configuration cycle and a worker. A catalogue that cannot be read does not stop
 * nginx from starting: an edge that answers from the legacy side is better than none, and the log and a counter say so.
 */
#include "undam.h"

static void *create_main(ngx_conf_t *cf);
static char *init_main(ngx_conf_t *cf, void *conf);
static void *create_srv(ngx_conf_t *cf);
static char *merge_srv(ngx_conf_t *cf, void *parent, void *child);
static void *create_loc(ngx_conf_t *cf);
static char *merge_loc(ngx_conf_t *cf, void *parent, void *child);
static ngx_int_t postconfiguration(ngx_conf_t *cf);
static ngx_int_t init_process(ngx_cycle_t *cycle);
static void exit_process(ngx_cycle_t *cycle);
static char *set_on(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *set_readmodel(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *set_overflow(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *set_ticket(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *set_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

#define ANYWHERE             (NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF)
#define IN_MAIN(type, field) NGX_HTTP_MAIN_CONF_OFFSET, offsetof(type, field)

static ngx_command_t commands[] = {
    /* undam_snapshot FILE: the flags, as `undam control` publishes them */
    {ngx_string("undam_snapshot"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_conf_set_str_slot,
     NGX_HTTP_MAIN_CONF_OFFSET, offsetof(struct undam_main_conf, snapshot_path), NULL},
    /* undam_catalogue FILE: the endpoints, as `undam endpoint compile` writes them; read at start and reload */
    {ngx_string("undam_catalogue"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_conf_set_str_slot,
     NGX_HTTP_MAIN_CONF_OFFSET, offsetof(struct undam_main_conf, catalogue_path), NULL},
    /* undam_readmodel SERVICE DSN [connections=2] [queue=1024] [statement_timeout=1s], per worker */
    {ngx_string("undam_readmodel"), NGX_HTTP_MAIN_CONF | NGX_CONF_2MORE, set_readmodel, NGX_HTTP_MAIN_CONF_OFFSET, 0,
     NULL},
    /* undam_writers SIZE: shared memory for recent writers */
    {ngx_string("undam_writers"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_conf_set_size_slot,
     NGX_HTTP_MAIN_CONF_OFFSET, offsetof(struct undam_main_conf, writers_size), NULL},
    /* undam_clock_skew TIME: how far this machine's clock may be behind the source's */
    {ngx_string("undam_clock_skew"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_conf_set_msec_slot,
     NGX_HTTP_MAIN_CONF_OFFSET, offsetof(struct undam_main_conf, clock_skew), NULL},
    /* undam_write_hold TIME: how long a write whose answer never came may go on at the monolith */
    {ngx_string("undam_write_hold"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_conf_set_msec_slot,
     NGX_HTTP_MAIN_CONF_OFFSET, offsetof(struct undam_main_conf, write_hold), NULL},
    /* undam_trusted on|off: Undam-Force is heeded on this server; bind it to loopback */
    {ngx_string("undam_trusted"), NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
     NGX_HTTP_SRV_CONF_OFFSET, offsetof(struct undam_srv_conf, trusted), NULL},
    /* undam on|off: serve from read models what the flags say, hand the rest on (to proxy_pass) */
    {ngx_string("undam"), ANYWHERE | NGX_CONF_FLAG, set_on, NGX_HTTP_LOC_CONF_OFFSET,
     offsetof(struct undam_loc_conf, enable), NULL},
    /* undam_timeout TIME: how long a request waits for a read model before the legacy side answers it */
    {ngx_string("undam_timeout"), ANYWHERE | NGX_CONF_TAKE1, ngx_conf_set_msec_slot, NGX_HTTP_LOC_CONF_OFFSET,
     offsetof(struct undam_loc_conf, timeout), NULL},
    /* undam_overflow legacy | 503 [RETRY_AFTER]: what happens when the queue is full */
    {ngx_string("undam_overflow"), ANYWHERE | NGX_CONF_TAKE12, set_overflow, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    /* undam_user VALUE: the targeting key of requests whose endpoint names none, and of writes */
    {ngx_string("undam_user"), ANYWHERE | NGX_CONF_TAKE1, ngx_http_set_complex_value_slot, NGX_HTTP_LOC_CONF_OFFSET,
     offsetof(struct undam_loc_conf, user), NULL},
    /* undam_ticket SOCKET|off [sample=100%] [header=NAME ...] */
    {ngx_string("undam_ticket"), ANYWHERE | NGX_CONF_1MORE, set_ticket, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    /* undam_status: counters in Prometheus' text format */
    {ngx_string("undam_status"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS, set_status, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    ngx_null_command};

static ngx_http_module_t module_context = {
    undam_add_variables, postconfiguration, create_main, init_main, create_srv, merge_srv, create_loc, merge_loc,
};

ngx_module_t ngx_http_undam_module = {
    NGX_MODULE_V1, &module_context, commands, NGX_HTTP_MODULE,      NULL, NULL, init_process, NULL,
    NULL,          exit_process,    NULL,     NGX_MODULE_V1_PADDING};

/* What nginx's build would generate: the entry points dlopen() looks for. The header filter stands before nginx's own
 * headers filter, as every third-party one does. */
#define EXPORTED __attribute__((visibility("default")))
extern EXPORTED ngx_module_t *ngx_modules[];
extern EXPORTED char *ngx_module_names[], *ngx_module_order[];
static char module_name[] = "ngx_http_undam_module", copy_filter_name[] = "ngx_http_copy_filter_module";
ngx_module_t *ngx_modules[] = {&ngx_http_undam_module, NULL};
char *ngx_module_names[] = {module_name, NULL};
char *ngx_module_order[] = {module_name, copy_filter_name, NULL};

struct undam_main_conf *undam_main(ngx_http_request_t *r)
{
    return ngx_http_get_module_main_conf(r, ngx_http_undam_module);
}
struct undam_loc_conf *undam_loc(ngx_http_request_t *r)
{
    return ngx_http_get_module_loc_conf(r, ngx_http_undam_module);
}

/* --- configuration ------------------------------------------------------------------------------------------- */

static void free_arena(void *data)
{
    struct undam_main_conf *mcf = data;
    arena_free(&mcf->arena);
}

static void *create_main(ngx_conf_t *cf)
{
    struct undam_main_conf *mcf = ngx_pcalloc(cf->pool, sizeof *mcf);
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(cf->pool, 0);
    if (!mcf || !cleanup || ngx_array_init(&mcf->pools, cf->pool, 4, sizeof(struct undam_pool *)) != NGX_OK)
        return NULL;
    arena_init(&mcf->arena);
    cleanup->handler = free_arena;
    cleanup->data = mcf;
    mcf->writers_size = NGX_CONF_UNSET_SIZE;
    mcf->clock_skew = NGX_CONF_UNSET_MSEC;
    mcf->write_hold = NGX_CONF_UNSET_MSEC;
    mcf->ticket_fd = -1;
    return mcf;
}

static char *init_main(ngx_conf_t *cf, void *conf)
{
    struct undam_main_conf *mcf = conf;
    ngx_conf_init_size_value(mcf->writers_size, 4 << 20);
    ngx_conf_init_msec_value(mcf->clock_skew, 50);
    ngx_conf_init_msec_value(mcf->write_hold, 60000);
    if ((mcf->snapshot_path.len && ngx_conf_full_name(cf->cycle, &mcf->snapshot_path, 1) != NGX_OK) ||
        (mcf->catalogue_path.len && ngx_conf_full_name(cf->cycle, &mcf->catalogue_path, 1) != NGX_OK))
        return NGX_CONF_ERROR;
    if (mcf->snapshot_path.len || mcf->pools.nelts)
        mcf->used = 1; /* the variables may be asked for without `undam on` */
    if (mcf->writers_size < 64 * 1024)
        mcf->writers_size = 64 * 1024;
    return NGX_CONF_OK;
}

static void *create_srv(ngx_conf_t *cf)
{
    struct undam_srv_conf *scf = ngx_pcalloc(cf->pool, sizeof *scf);
    if (scf)
        scf->trusted = NGX_CONF_UNSET;
    return scf;
}

static char *merge_srv(ngx_conf_t *cf, void *parent, void *child)
{
    struct undam_srv_conf *from = parent, *to = child;
    (void)cf;
    ngx_conf_merge_value(to->trusted, from->trusted, 0);
    return NGX_CONF_OK;
}

static void *create_loc(ngx_conf_t *cf)
{
    struct undam_loc_conf *lcf = ngx_pcalloc(cf->pool, sizeof *lcf);
    if (!lcf)
        return NULL;
    lcf->enable = NGX_CONF_UNSET;
    lcf->timeout = NGX_CONF_UNSET_MSEC;
    lcf->overflow_status = NGX_CONF_UNSET_UINT;
    lcf->retry_after = NGX_CONF_UNSET;
    lcf->ticket_sample = NGX_CONF_UNSET_UINT;
    return lcf;
}

static char *merge_loc(ngx_conf_t *cf, void *parent, void *child)
{
    struct undam_loc_conf *from = parent, *to = child;
    (void)cf;
    ngx_conf_merge_value(to->enable, from->enable, 0);
    ngx_conf_merge_msec_value(to->timeout, from->timeout, 500);
    ngx_conf_merge_uint_value(to->overflow_status, from->overflow_status, 0);
    ngx_conf_merge_sec_value(to->retry_after, from->retry_after, 1);
    if (!to->user)
        to->user = from->user;
    if (to->ticket_sample == NGX_CONF_UNSET_UINT) {
        to->ticket_sample = from->ticket_sample == NGX_CONF_UNSET_UINT ? 0 : from->ticket_sample;
        to->ticket_socket = from->ticket_socket;
        to->ticket_headers = from->ticket_headers;
    }
    return NGX_CONF_OK;
}

static char *set_on(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    struct undam_main_conf *mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_undam_module);
    mcf->used = 1;
    return ngx_conf_set_flag_slot(cf, cmd, conf);
}

/* "name=" at the start of an argument. */
static bool option(ngx_str_t arg, const char *name, ngx_str_t *ret)
{
    size_t n = ngx_strlen(name);
    if (arg.len <= n || ngx_strncmp(arg.data, name, n) != 0)
        return false;
    *ret = (ngx_str_t){arg.len - n, arg.data + n};
    return true;
}

static bool count_option(ngx_str_t arg, const char *name, ngx_uint_t max, ngx_uint_t *ret)
{
    ngx_str_t text;
    if (!option(arg, name, &text))
        return false;
    ngx_int_t n = ngx_atoi(text.data, text.len);
    if (n < 1 || (ngx_uint_t)n > max)
        return false;
    *ret = (ngx_uint_t)n;
    return true;
}

/* nginx prints it behind the directive's name; its type has no const. */
static char *refusal(const char *text)
{
    union {
        const char *in;
        char *out;
    } u = {text};
    return u.out;
}

static char *set_readmodel(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    struct undam_main_conf *mcf = conf;
    ngx_str_t *args = cf->args->elts, text;
    struct undam_pool **others = mcf->pools.elts, *pool = ngx_pcalloc(cf->pool, sizeof *pool);
    (void)cmd;
    if (!pool)
        return NGX_CONF_ERROR;
    for (ngx_uint_t i = 0; i < mcf->pools.nelts; i++)
        if (str_eq(undam_str(others[i]->service), undam_str(args[1])))
            return refusal("is duplicate");
    *pool = (struct undam_pool){.service = args[1], .size = 2, .queue_max = 1024, .statement_timeout = 1000};
    pool->conf = mcf;
    pool->index = mcf->pools.nelts;
    pool->dsn = ngx_pnalloc(cf->pool, args[2].len + 1);
    if (!pool->dsn)
        return NGX_CONF_ERROR;
    ngx_cpystrn((u_char *)pool->dsn, args[2].data, args[2].len + 1);
    for (ngx_uint_t i = 3; i < cf->args->nelts; i++) {
        if (option(args[i], "statement_timeout=", &text)) {
            ngx_int_t ms = ngx_parse_time(&text, 0);
            if (ms != NGX_ERROR && ms > 0) {
                pool->statement_timeout = (ngx_msec_t)ms;
                continue;
            }
        } else if (count_option(args[i], "connections=", 64, &pool->size) ||
                   count_option(args[i], "queue=", 1000000, &pool->queue_max)) {
            continue;
        }
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"", &args[i]);
        return NGX_CONF_ERROR;
    }
    struct undam_pool **slot = ngx_array_push(&mcf->pools);
    if (!slot)
        return NGX_CONF_ERROR;
    *slot = pool;
    return NGX_CONF_OK;
}

static char *set_overflow(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    struct undam_loc_conf *lcf = conf;
    ngx_str_t *args = cf->args->elts;
    (void)cmd;
    if (lcf->overflow_status != NGX_CONF_UNSET_UINT)
        return refusal("is duplicate");
    if (str_is(undam_str(args[1]), "legacy") && cf->args->nelts == 2) {
        lcf->overflow_status = 0;
        return NGX_CONF_OK;
    }
    if (!str_is(undam_str(args[1]), "503"))
        return refusal("must be \"legacy\" or \"503\" with an optional time for Retry-After");
    lcf->overflow_status = NGX_HTTP_SERVICE_UNAVAILABLE;
    if (cf->args->nelts == 3) {
        ngx_int_t seconds = ngx_parse_time(&args[2], 1);
        if (seconds == NGX_ERROR)
            return refusal("has an invalid time");
        lcf->retry_after = seconds;
    }
    return NGX_CONF_OK;
}

/* "12.5%" as parts of 100,000. */
static bool parse_sample(ngx_str_t text, ngx_uint_t *ret)
{
    if (text.len < 2 || text.data[text.len - 1] != '%')
        return false;
    ngx_int_t n = ngx_atofp(text.data, text.len - 1, 3);
    *ret = (ngx_uint_t)n;
    return n != NGX_ERROR && n <= 100000;
}

static char *set_ticket(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    struct undam_loc_conf *lcf = conf;
    ngx_str_t *args = cf->args->elts, text;
    (void)cmd;
    if (lcf->ticket_sample != NGX_CONF_UNSET_UINT)
        return refusal("is duplicate");
    lcf->ticket_sample = 0;
    if (str_is(undam_str(args[1]), "off"))
        return NGX_CONF_OK;
    lcf->ticket_sample = 100000;
    lcf->ticket_socket = args[1];
    if (ngx_conf_full_name(cf->cycle, &lcf->ticket_socket, 0) != NGX_OK)
        return NGX_CONF_ERROR;
    if (lcf->ticket_socket.len >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return refusal("has a path too long for a unix socket");
    for (ngx_uint_t i = 2; i < cf->args->nelts; i++) {
        if (option(args[i], "sample=", &text) && parse_sample(text, &lcf->ticket_sample))
            continue;
        if (!option(args[i], "header=", &text)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"", &args[i]);
            return NGX_CONF_ERROR;
        }
        if (!lcf->ticket_headers)
            lcf->ticket_headers = ngx_array_create(cf->pool, 4, sizeof(ngx_str_t));
        ngx_str_t *header = lcf->ticket_headers ? ngx_array_push(lcf->ticket_headers) : NULL;
        if (!header)
            return NGX_CONF_ERROR;
        ngx_strlow(text.data, text.data, text.len);
        *header = text;
    }
    return NGX_CONF_OK;
}

static char *set_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t *clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    (void)cmd;
    (void)conf;
    clcf->handler = undam_status_handler;
    return NGX_CONF_OK;
}

/* --- after the configuration is read --------------------------------------------------------------------------- */

static ngx_int_t add_phase(ngx_conf_t *cf, ngx_http_phases phase, ngx_http_handler_pt handler)
{
    ngx_http_core_main_conf_t *cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    ngx_http_handler_pt *slot = ngx_array_push(&cmcf->phases[phase].handlers);
    if (!slot)
        return NGX_ERROR;
    *slot = handler;
    return NGX_OK;
}

static void load_catalogue(ngx_conf_t *cf, struct undam_main_conf *mcf)
{
    struct err err = {0};
    if (mcf->catalogue_path.len == 0)
        return;
    mcf->has_catalogue = catalogue_load((const char *)mcf->catalogue_path.data, &mcf->arena, &mcf->catalogue, &err);
    if (!mcf->has_catalogue)
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "undam: every request goes to the legacy side: %s (%s)", err.text,
                           err.hint);
}

static ngx_int_t bind_endpoints(ngx_conf_t *cf, struct undam_main_conf *mcf)
{
    struct undam_pool **pools = mcf->pools.elts;
    size_t n = mcf->catalogue.count ? mcf->catalogue.count : 1;
    mcf->endpoint_pools = ngx_pcalloc(cf->pool, n * sizeof *mcf->endpoint_pools);
    mcf->flags = ngx_pcalloc(cf->pool, n * sizeof *mcf->flags);
    mcf->services = ngx_pcalloc(cf->pool, n * sizeof *mcf->services);
    if (!mcf->endpoint_pools || !mcf->flags || !mcf->services)
        return NGX_ERROR;
    for (size_t i = 0; i < mcf->catalogue.count; i++) {
        const struct endpoint *e = &mcf->catalogue.endpoints[i];
        for (ngx_uint_t k = 0; k < mcf->pools.nelts; k++)
            if (str_eq(undam_str(pools[k]->service), e->service))
                mcf->endpoint_pools[i] = pools[k];
        if (!mcf->endpoint_pools[i])
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "undam: no undam_readmodel for service \"%*s\": \"%*s\" is answered by the legacy side",
                               e->service.len, e->service.data, e->name.len, e->name.data);
    }
    return NGX_OK;
}

/* A zone of a size belongs to one catalogue: counters of other endpoints never mix with it. */
static ngx_shm_zone_t *add_zone(ngx_conf_t *cf, const char *name, uint64_t identity, size_t size,
                                ngx_shm_zone_init_pt init, struct undam_main_conf *mcf)
{
    ngx_str_t zone_name;
    zone_name.data = ngx_pnalloc(cf->pool, 64);
    if (!zone_name.data)
        return NULL;
    zone_name.len = (size_t)(ngx_snprintf(zone_name.data, 64, "%s_%xL", name, identity) - zone_name.data);
    size = ngx_align(size, ngx_pagesize) + 8 * ngx_pagesize;
    ngx_shm_zone_t *zone = ngx_shared_memory_add(cf, &zone_name, size, &ngx_http_undam_module);
    if (zone) {
        zone->init = init;
        zone->data = mcf;
    }
    return zone;
}

static ngx_int_t postconfiguration(ngx_conf_t *cf)
{
    struct undam_main_conf *mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_undam_module);
    load_catalogue(cf, mcf);
    if (bind_endpoints(cf, mcf) != NGX_OK)
        return NGX_ERROR;
    mcf->counters_zone = add_zone(cf, "undam_counters", mcf->catalogue.hash ^ mcf->pools.nelts,
                                  undam_counters_size(mcf), undam_counters_init, mcf);
    mcf->writers_zone = add_zone(cf, "undam_writers", 0, mcf->writers_size, undam_writers_init, mcf);
    if (!mcf->counters_zone || !mcf->writers_zone)
        return NGX_ERROR;
    /* Precontent: after rewrite, access control and limits, before the content handler (proxy_pass), which answers
     * whatever this handler declines. */
    if (add_phase(cf, NGX_HTTP_POST_READ_PHASE, undam_strip_headers) != NGX_OK ||
        add_phase(cf, NGX_HTTP_PRECONTENT_PHASE, undam_handler) != NGX_OK ||
        add_phase(cf, NGX_HTTP_LOG_PHASE, undam_log_handler) != NGX_OK)
        return NGX_ERROR;
    return undam_header_filter_init(cf);
}

/* --- worker -------------------------------------------------------------------------------------------------- */

static ngx_int_t init_process(ngx_cycle_t *cycle)
{
    struct undam_main_conf *mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_undam_module);
    if (!mcf || !mcf->used || (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE))
        return NGX_OK;
    mcf->ticket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (!undam_snapshot_init(mcf, cycle))
        return NGX_ERROR;
    struct undam_pool **pools = mcf->pools.elts;
    for (ngx_uint_t i = 0; i < mcf->pools.nelts; i++)
        if (!undam_pool_start(pools[i], cycle))
            return NGX_ERROR;
    return NGX_OK;
}

static void exit_process(ngx_cycle_t *cycle)
{
    struct undam_main_conf *mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_undam_module);
    if (!mcf)
        return;
    struct undam_pool **pools = mcf->pools.elts;
    for (ngx_uint_t i = 0; i < mcf->pools.nelts; i++)
        undam_pool_stop(pools[i]);
    flag_snapshot_close(mcf->snapshot);
    mcf->snapshot = NULL;
    if (mcf->ticket_fd >= 0)
        close(mcf->ticket_fd);
    mcf->ticket_fd = -1;
}
