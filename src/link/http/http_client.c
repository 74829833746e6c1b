// SPDX-License-Identifier: Apache-2.0
/* libcurl's multi interface in our loop; see http_client.h. */
#include "link/http/http_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"

struct http_running {
    struct http_pool *pool;
    struct http_call *call;
    CURL *easy;
    struct curl_slist *lines;
    int64_t start_us;
    bool too_large;
    char why[CURL_ERROR_SIZE]; /* libcurl's words; it has names and numbers in them, no credentials */
    struct http_running *next, **link;
};

struct http_pool {
    struct loop *loop;
    CURLM *multi;
    int timer; /* the loop's, 0 none */
    struct http_running *running;
};

static void reap(struct http_pool *p);

/* One a socket of libcurl's, so that the callback knows which it is. */
struct http_socket {
    struct http_pool *pool;
    int fd;
};

static void act(struct http_pool *p, curl_socket_t fd, int mask)
{
    int still;
    curl_multi_socket_action(p->multi, fd, mask, &still);
    reap(p);
}

static void on_fd(void *arg, unsigned events)
{
    struct http_socket *s = arg;
    int mask = (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
    act(s->pool, s->fd, mask);
}

static void timer_stop(struct http_pool *p)
{
    if (p->timer)
        loop_timer_remove(p->loop, p->timer);
    p->timer = 0;
}

static void on_timer(void *arg)
{
    struct http_pool *p = arg;
    timer_stop(p);
    act(p, CURL_SOCKET_TIMEOUT, 0);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct http_pool *p = arg;
    struct http_socket *s = socket_arg;
    struct err err;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        loop_fd_remove(p->loop, fd);
        curl_multi_assign(p->multi, fd, NULL);
        free(s);
        return 0;
    }
    if (!s) {
        s = xcalloc(1, sizeof *s);
        *s = (struct http_socket){p, fd};
        curl_multi_assign(p->multi, fd, s);
    }
    unsigned events = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);
    return loop_fd(p->loop, fd, events, on_fd, s, &err) ? 0 : -1;
}

static int watch_timer(CURLM *multi, long ms, void *arg)
{
    struct http_pool *p = arg;
    (void)multi;
    timer_stop(p);
    if (ms >= 0)
        p->timer = loop_timer(p->loop, ms > 0 ? (int)(ms < 60000 ? ms : 60000) : 1, on_timer, p);
    return 0;
}

bool http_pool_new(struct http_pool **ret, struct loop *loop, int connections, struct err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return err_set(err, ERR_SYSTEM, "libcurl cannot be initialised");
    CURLM *multi = curl_multi_init();
    if (!multi)
        return err_set(err, ERR_SYSTEM, "libcurl cannot be initialised");
    struct http_pool *p = xcalloc(1, sizeof *p);
    p->loop = loop;
    p->multi = multi;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, p);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, watch_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, p);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)connections);
    *ret = p;
    return true;
}

static void finish(struct http_running *r)
{
    struct http_call *call = r->call;
    struct http_pool *p = r->pool;
    call->elapsed_us = mono_us() - r->start_us;
    call->running = NULL;
    *r->link = r->next;
    if (r->next)
        r->next->link = r->link;
    curl_multi_remove_handle(p->multi, r->easy);
    curl_easy_cleanup(r->easy);
    curl_slist_free_all(r->lines);
    free(r);
    call->on_done(call);
}

static bool is_misconfigured(CURLcode code)
{
    return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ||
           code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR;
}

/* on_done may start the next call, so the list is asked anew each time. */
static void reap(struct http_pool *p)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(p->multi, &left));) {
        if (m->msg != CURLMSG_DONE)
            continue;
        struct http_running *r;
        CURLcode code = m->data.result;
        long status = 0;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r);
        curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        r->call->status = (int)status;
        r->call->failed = code != CURLE_OK;
        r->call->timed_out = code == CURLE_OPERATION_TIMEDOUT;
        r->call->misconfigured = is_misconfigured(code);
        if (r->too_large)
            snprintf(r->call->error, sizeof r->call->error, "the body is larger than %zu bytes", r->call->body_max);
        else if (code != CURLE_OK)
            snprintf(r->call->error, sizeof r->call->error, "%s", r->why[0] ? r->why : curl_easy_strerror(code));
        finish(r);
    }
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct http_running *r = arg;
    size_t n = size * count;
    if (n > r->call->body_max - r->call->body.len) {
        r->too_large = true;
        return 0;
    }
    buf_add(&r->call->body, data, n);
    return n;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
    struct http_running *r = arg;
    struct str line = {data, size * count}, value, name = str_cut(line, ':', &value);
    value = str_trim(value);
    for (size_t i = 0; i < r->call->wanted_count; i++)
        if (strlen(r->call->wanted[i]) == name.len && strncasecmp(r->call->wanted[i], name.data, name.len) == 0)
            snprintf(r->call->values[i], sizeof r->call->values[i], STR_FMT, STR_ARG(value));
    return size * count;
}

static void add_lines(struct http_running *r)
{
    for (size_t i = 0; i < r->call->header_count; i++) {
        char *line = xasprintf(STR_FMT, STR_ARG(r->call->headers[i]));
        struct curl_slist *more = curl_slist_append(r->lines, line);
        if (more)
            r->lines = more;
        free(line);
    }
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->lines);
}

static void set_request(struct http_running *r)
{
    const struct http_call *call = r->call;
    CURL *e = r->easy;
    curl_easy_setopt(e, CURLOPT_NOBODY, call->head ? 1L : 0L);
    if (call->method && call->send.len) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->send.len);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, call->send.data); /* not copied */
    }
    if (call->method)
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, call->method);
    if (call->auth == HTTP_AUTH_BASIC) {
        curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(e, CURLOPT_USERPWD, call->secret);
    } else if (call->auth == HTTP_AUTH_BEARER) {
        curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(e, CURLOPT_XOAUTH2_BEARER, call->secret);
    }
}

static void set_options(struct http_running *r)
{
    CURL *e = r->easy;
    curl_easy_setopt(e, CURLOPT_URL, r->call->url);
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L); /* what the client sent, not what it could have sent */
    curl_easy_setopt(e, CURLOPT_PRIVATE, r);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)r->call->timeout_ms);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->why);
    if (r->call->ca)
        curl_easy_setopt(e, CURLOPT_CAINFO, r->call->ca);
    if (r->call->connect_ms)
        curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)r->call->connect_ms);
    set_request(r);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, r);
    curl_easy_setopt(e, CURLOPT_USERAGENT, r->call->agent ? r->call->agent : "undam/" UNDAM_VERSION);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    add_lines(r);
}

void http_call_start(struct http_pool *p, struct http_call *call)
{
    struct http_running *r = xcalloc(1, sizeof *r);
    *r = (struct http_running){.pool = p, .call = call, .easy = curl_easy_init(), .start_us = mono_us()};
    call->running = r;
    call->failed = call->timed_out = call->misconfigured = false;
    call->status = 0;
    call->error[0] = '\0';
    memset(call->values, 0, sizeof call->values);
    buf_free(&call->body);
    buf_init(&call->body, call->body_max + 1);
    r->next = p->running;
    r->link = &p->running;
    if (r->next)
        r->next->link = &r->next;
    p->running = r;
    if (!r->easy)
        abort(); /* out of memory, as in base/mem.c */
    set_options(r);
    curl_multi_add_handle(p->multi, r->easy);
}

void http_call_clear(struct http_call *call) { buf_free(&call->body); }

void http_pool_free(struct http_pool *p)
{
    if (!p)
        return;
    while (p->running) {
        p->running->call->failed = true;
        snprintf(p->running->call->error, sizeof p->running->call->error, "stopped");
        finish(p->running);
    }
    timer_stop(p);
    curl_multi_cleanup(p->multi);
    timer_stop(p);
    free(p);
    curl_global_cleanup();
}
