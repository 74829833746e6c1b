// SPDX-License-Identifier: Apache-2.0
/*
 * Tickets: after a sampled answer is out, one datagram tells validate what was asked and which side answered. Never
 * waits: when nobody listens or the socket is full the ticket is dropped and counted. Requests of a trusted
 * listener's forced side give none, or validate would be fed its own questions.
 */
#include <sys/un.h>

#include "undam.h"

#include "codec/ticket.h"

static void add_header(ngx_http_request_t *r, struct ticket *t, struct str name, bool listed)
{
    bool repeated = false;
    struct str value = undam_request_header(r, name, &repeated);
    if (!value.data || t->header_count == TICKET_HEADERS_MAX)
        return;
    for (unsigned i = 0; i < t->header_count; i++)
        if (str_eq(t->headers[i].name, name))
            return;
    t->headers[t->header_count++] = (struct ticket_header){.name = name, .value = value, .listed = listed};
}

/* What the endpoint's answer depends on, and what the operator named. */
static void add_headers(ngx_http_request_t *r, const struct undam_ctx *ctx, struct ticket *t)
{
    const struct undam_loc_conf *lcf = undam_loc(r);
    const struct endpoint *e = ctx->endpoint;
    ngx_str_t *listed = lcf->ticket_headers ? lcf->ticket_headers->elts : NULL;
    for (ngx_uint_t i = 0; listed && i < lcf->ticket_headers->nelts; i++)
        add_header(r, t, undam_str(listed[i]), true);
    for (uint32_t i = 0; i < e->param_count; i++)
        if (e->params[i].place == ENDPOINT_HEADER)
            add_header(r, t, e->params[i].wire, false);
    if (e->user == ENDPOINT_USER_HEADER)
        add_header(r, t, e->user_header, false);
}

void undam_ticket_send(ngx_http_request_t *r, const struct undam_ctx *ctx)
{
    struct undam_main_conf *mcf = undam_main(r);
    const struct undam_loc_conf *lcf = undam_loc(r);
    static unsigned char datagram[TICKET_MAX]; /* a worker has one thread */
    if (!ctx->endpoint || ctx->forced_set || lcf->ticket_sample == 0 ||
        (ngx_uint_t)ngx_random() % 100000 >= lcf->ticket_sample)
        return;
    struct ticket t = {.time_us = undam_now_us(),
                       .status = (uint16_t)r->headers_out.status,
                       .stream = ctx->route == FLAG_STREAM,
                       .has_user = ctx->user.data != NULL,
                       .method = undam_str(r->method_name),
                       .target = undam_str(r->unparsed_uri),
                       .endpoint = ctx->endpoint->name,
                       .user = ctx->user,
                       .reason = str_of(undam_reason_name(ctx->reason))};
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    add_headers(r, ctx, &t);
    size_t len = ticket_encode(&t, datagram, sizeof datagram);
    ngx_memcpy(to.sun_path, lcf->ticket_socket.data, lcf->ticket_socket.len);
    bool sent = len && mcf->ticket_fd >= 0 &&
                sendto(mcf->ticket_fd, datagram, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to) ==
                    (ssize_t)len;
    undam_count(mcf, sent ? UNDAM_TICKETS_SENT : UNDAM_TICKETS_DROPPED, 1);
}
