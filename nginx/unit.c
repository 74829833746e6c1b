// SPDX-License-Identifier: Apache-2.0
/*
 * A unit is one question to a read model: an endpoint and the values of its parameters, asked once for all requests of
 * a loop tick that want the same. It outlives its requests: a client that leaves takes only itself out.
 *
 * What always holds: a unit is in `ready` and in a hash slot, or in one statement of one connection, never both; a
 * request joins only a unit that has not been sent, so an answer is never older than the request.
 */
#include "undam.h"

static uint64_t hash_of(const struct endpoint *e, const struct str *values)
{
    uint64_t h = endpoint_hash(ENDPOINT_HASH_START, &e, sizeof e);
    for (uint32_t i = 0; i < e->param_count; i++) {
        h = endpoint_hash(h, &values[i].len, sizeof values[i].len);
        h = endpoint_hash(h, values[i].data, values[i].len);
    }
    return h ^ h >> 32;
}

static bool same(const struct undam_unit *u, const struct undam_ctx *ctx, uint64_t hash)
{
    if (u->hash != hash || u->endpoint != ctx->endpoint || u->alone)
        return false;
    for (uint32_t i = 0; i < u->endpoint->param_count; i++)
        if (!str_eq(u->values[i], ctx->values[i]) || !u->values[i].data != !ctx->values[i].data)
            return false;
    return true;
}

static struct undam_unit *unit_new(struct undam_pool *pool, const struct undam_ctx *ctx, uint64_t hash)
{
    uint32_t n = ctx->endpoint->param_count;
    size_t bytes = sizeof(struct undam_unit) + n * sizeof(struct str);
    for (uint32_t i = 0; i < n; i++)
        bytes += ctx->values[i].len + 1;
    struct undam_unit *u = ngx_alloc(bytes, pool->log);
    if (!u)
        return NULL;
    *u = (struct undam_unit){.endpoint = ctx->endpoint, .pool = pool, .hash = hash};
    ngx_queue_init(&u->waiters);
    char *at = (char *)&u->values[n];
    for (uint32_t i = 0; i < n; i++) {
        struct str v = ctx->values[i];
        u->values[i] = str_n(v.data ? at : NULL, v.len);
        if (v.len)
            memcpy(at, v.data, v.len);
        at[v.len] = '\0';
        at += v.len + 1;
    }
    return u;
}

static void put_ready(struct undam_unit *u, bool first)
{
    struct undam_pool *pool = u->pool;
    if (first) {
        ngx_queue_insert_head(&pool->ready, &u->link);
    } else {
        ngx_queue_insert_tail(&pool->ready, &u->link);
    }
    ngx_queue_insert_tail(&pool->slots[u->hash % UNDAM_HASH_SLOTS], &u->slot);
    u->queued = true;
    pool->ready_count++;
    if (!pool->flush.posted) {
        ngx_post_event(&pool->flush, &ngx_posted_events);
    }
}

void undam_unit_take(struct undam_unit *u)
{
    ngx_queue_remove(&u->link);
    ngx_queue_remove(&u->slot);
    u->queued = false;
    u->pool->ready_count--;
}

static void wait_in(struct undam_unit *u, struct undam_ctx *ctx)
{
    ctx->unit = u;
    ngx_queue_insert_tail(&u->waiters, &ctx->link);
    u->pool->waiting++;
}

bool undam_unit_join(struct undam_pool *pool, struct undam_ctx *ctx, unsigned *ret_reason)
{
    size_t index = (size_t)(ctx->endpoint - pool->conf->catalogue.endpoints);
    if (pool->up == 0) {
        *ret_reason = UNDAM_READMODEL_DOWN;
        return false;
    }
    if (pool->broken_until[index] > ngx_current_msec) {
        *ret_reason = UNDAM_QUERY;
        return false;
    }
    if (pool->waiting >= pool->queue_max) {
        *ret_reason = UNDAM_QUEUE_FULL;
        return false;
    }
    uint64_t hash = hash_of(ctx->endpoint, ctx->values);
    ngx_queue_t *slot = &pool->slots[hash % UNDAM_HASH_SLOTS];
    for (ngx_queue_t *q = ngx_queue_head(slot); q != ngx_queue_sentinel(slot); q = ngx_queue_next(q)) {
        struct undam_unit *u = ngx_queue_data(q, struct undam_unit, slot);
        if (!same(u, ctx, hash))
            continue;
        wait_in(u, ctx);
        undam_count(pool->conf, UNDAM_SHARED, 1);
        return true;
    }
    struct undam_unit *u = unit_new(pool, ctx, hash);
    if (!u) {
        *ret_reason = UNDAM_QUERY;
        return false;
    }
    wait_in(u, ctx);
    put_ready(u, false);
    return true;
}

void undam_unit_leave(struct undam_ctx *ctx)
{
    struct undam_unit *u = ctx->unit;
    if (!u)
        return;
    ngx_queue_remove(&ctx->link);
    ctx->unit = NULL;
    u->pool->waiting--;
    if (u->queued && ngx_queue_empty(&u->waiters)) {
        undam_unit_take(u);
        ngx_free(u);
    }
}

void undam_unit_again(struct undam_unit *u, bool blameless)
{
    if (ngx_queue_empty(&u->waiters)) {
        ngx_free(u);
        return;
    }
    u->tries += !blameless;
    if (u->tries > UNDAM_TRIES_MAX) {
        undam_unit_fail(u, UNDAM_QUERY);
        return;
    }
    undam_count(u->pool->conf, UNDAM_AGAIN, 1);
    put_ready(u, true);
}

/* The first waiter, taken out; NULL when there is none. */
static struct undam_ctx *next_waiter(struct undam_unit *u)
{
    if (ngx_queue_empty(&u->waiters))
        return NULL;
    struct undam_ctx *ctx = ngx_queue_data(ngx_queue_head(&u->waiters), struct undam_ctx, link);
    ngx_queue_remove(&ctx->link);
    ctx->unit = NULL;
    u->pool->waiting--;
    return ctx;
}

void undam_unit_fail(struct undam_unit *u, unsigned reason)
{
    struct undam_ctx *ctx;
    while ((ctx = next_waiter(u)))
        undam_ctx_fault(ctx, reason);
    ngx_free(u);
}

void undam_unit_answer(struct undam_unit *u, bool found, struct str body, struct str etag, struct str position)
{
    struct undam_ctx *ctx;
    while ((ctx = next_waiter(u)))
        undam_ctx_answer(ctx, found, body, etag, position);
    ngx_free(u);
}

void undam_unit_fail_all(struct undam_pool *pool, unsigned reason)
{
    while (!ngx_queue_empty(&pool->ready)) {
        struct undam_unit *u = undam_unit_of(ngx_queue_head(&pool->ready));
        undam_unit_take(u);
        undam_unit_fail(u, reason);
    }
}
