// SPDX-License-Identifier: Apache-2.0
/* See registry_http.h. */
#include "control/registry_http.h"

#include <stdatomic.h>

#include "base/log.h"
#include "base/mem.h"
#include "link/http/web_server.h"
#include "registry/rest_server.h"

enum { LOG_EVERY_US = 10 * 1000 * 1000 }; /* a database that is away is not told with every request */

struct registry_http {
    struct web_server *server;
    struct worker {
        struct store store;
        bool open;
        struct arena arena;
    } workers[WEB_THREADS];
    const struct config *config;
    _Atomic uint64_t requests, refused, failed;
    atomic_bool down;
    _Atomic int64_t logged_us;
};

static void log_failure(struct registry_http *h, const struct err *err)
{
    int64_t now = mono_us(), last = h->logged_us;
    if (now - last > LOG_EVERY_US && atomic_compare_exchange_strong(&h->logged_us, &last, now))
        log_err(LOG_WARN, "registry_failed", err);
}

static bool worker_ready(struct registry_http *h, struct worker *w, struct err *err)
{
    static const struct pg_idle no_idle = {NULL, NULL};
    if (!w->open)
        w->open = store_open(&w->store, h->config->registry.dsn, h->config->registry.compatibility, &no_idle, err);
    return w->open;
}

static int on_request(void *arg, unsigned thread, const struct web_request *request, struct buf *body,
                      const char **ret_type)
{
    struct registry_http *h = arg;
    struct worker *w = &h->workers[thread];
    struct rest_request r = {request->method, request->path, request->query, request->body};
    struct err err = {0};
    int status = 500;
    *ret_type = REST_MEDIA;
    h->requests++;
    arena_reset(&w->arena);
    if (worker_ready(h, w, &err))
        status = rest_serve(&w->store, &r, &w->arena, body, &err);
    else
        buf_adds(body, "{\"error_code\":50001,\"message\":\"the registry's database cannot be used now\"}");
    h->refused += status >= 400 && status < 500;
    h->failed += status >= 500;
    if (err.class != ERR_NONE)
        log_failure(h, &err);
    h->down = status >= 500;
    return status;
}

bool registry_http_new(struct registry_http **ret, const struct config *config, struct err *err)
{
    *ret = NULL;
    if (!config->registry.listen[0])
        return true;
    if (strcmp(config->registry.driver, "embedded") != 0) {
        err_set(err, ERR_CONFIG, "%s: registry.listen serves the embedded registry, but registry.driver is %s",
                config->path, config->registry.driver);
        return err_hint(err, "take registry.listen out; clients ask the registry at registry.urls");
    }
    struct registry_http *h = xcalloc(1, sizeof *h);
    h->config = config;
    h->logged_us = mono_us() - LOG_EVERY_US - 1;
    for (size_t i = 0; i < WEB_THREADS; i++)
        arena_init(&h->workers[i].arena);
    if (!web_server_new(&h->server, config->registry.listen, REST_REQUEST_MAX, on_request, h, err)) {
        free(h);
        return err_wrap(err, "registry.listen");
    }
    log_event(LOG_INFO, "registry_listening", "address=%s", web_server_address(h->server));
    *ret = h;
    return true;
}

void registry_http_beat(struct registry_http *h, struct registry_http_counts *ret)
{
    *ret = (struct registry_http_counts){.requests = h->requests,
                                         .refused = h->refused,
                                         .failed = h->failed,
                                         .connections = web_server_sweep(h->server, WEB_REQUEST_MS),
                                         .up = !h->down};
}

void registry_http_free(struct registry_http *h)
{
    if (!h)
        return;
    web_server_free(h->server);
    for (size_t i = 0; i < WEB_THREADS; i++) {
        if (h->workers[i].open)
            store_close(&h->workers[i].store);
        arena_free(&h->workers[i].arena);
    }
    free(h);
}
