// SPDX-License-Identifier: Apache-2.0
/* Idempotent and transactional producers; see producer.h. */
#include "link/kafka/producer.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

enum {
    POLL_EVERY = 64,         /* sends between looks at delivery reports: they hold memory until then */
    ABORT_WAIT_MS = 2000,    /* a broker that answers aborts in milliseconds; the next init does it otherwise */
    MESSAGE_BYTES = 1 << 29, /* of a single message; each topic has its own, lower limit */
    QUEUE_MESSAGES = 200000,
    SOCKET_MS = 10 * 1000,
    /* The coordinator answers a commit before it has written the markers. A transaction that begins meanwhile is
     * refused, and librdkafka tries again after 20 ms: waiting for what the markers usually take is cheaper. */
    SETTLE_US = 1500,
};

/* ---- failures ---- */

/* The first one is the cause. */
static void remember(struct kafka_producer *p, const struct err *err)
{
    if (!p->failed)
        p->failure = *err;
    p->failed = true;
}

static bool failed(const struct kafka_producer *p, struct err *err)
{
    assert(p->failed);
    if (err)
        *err = p->failure;
    return false;
}

static bool fail(struct kafka_producer *p, const char *doing, rd_kafka_resp_err_t code, const char *detail,
                 struct err *err)
{
    struct err cause;
    (void)!kafka_fail(&p->client, doing, code, detail, &cause);
    remember(p, &cause);
    return failed(p, err);
}

static void watch(struct kafka_producer *p, int64_t offset)
{
    if (p->watched_next >= 0 && offset != p->watched_next && p->foreign_from < 0)
        p->foreign_from = p->watched_next;
    if (offset >= 0) /* not told when it was acknowledged as a repeat */
        p->watched_next = offset + 1;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct kafka_producer *p = opaque;
    (void)rk;
    if (!m->err) {
        p->stored++;
        if (m->rkt == p->watched)
            watch(p, m->offset);
        return;
    }
    /* What close() threw away is no failure to tell of, and what is purged behind one is not the cause. */
    if (m->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || m->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return;
    char doing[320];
    snprintf(doing, sizeof doing, "cannot write to topic %s partition %d", rd_kafka_topic_name(m->rkt), m->partition);
    (void)!fail(p, doing, m->err, NULL, NULL);
}

/* ---- life ---- */

bool kafka_producer_open(struct kafka_producer *p, const struct kafka_producer_config *config, struct err *err)
{
    char timeout[24], kbytes[24], messages[24], message[24], socket[24];
    bool with = config->transactional_id != NULL;
    int64_t kb = config->queue_bytes / 1024;
    snprintf(timeout, sizeof timeout, "%lld", (long long)config->transaction_timeout_ms);
    snprintf(kbytes, sizeof kbytes, "%lld", (long long)(kb < 1024 ? 1024 : kb > INT32_MAX ? INT32_MAX : kb));
    snprintf(messages, sizeof messages, "%d", QUEUE_MESSAGES);
    snprintf(message, sizeof message, "%d", MESSAGE_BYTES);
    /* librdkafka wants it below the transaction's, which a broker may have made short. */
    int64_t socket_ms = with && config->transaction_timeout_ms < SOCKET_MS ? config->transaction_timeout_ms : SOCKET_MS;
    snprintf(socket, sizeof socket, "%lld", (long long)socket_ms);
    const struct kafka_setting settings[] = {
        {"acks", "all", false},
        {"socket.timeout.ms", socket, true},
        {"enable.idempotence", "true", false},
        {"message.max.bytes", message, false},
        {"queue.buffering.max.kbytes", kbytes, true},
        {"queue.buffering.max.messages", messages, true},
        /* flush and commit do not wait for it; under load it lets batches grow. */
        {"linger.ms", "5", true},
        {"compression.type", "lz4", true},
        /* A new transaction finds the last one's markers on their way and has to ask again. */
        {"retry.backoff.ms", "1", true},
        /* An event that expires would be a gap. With transactions it is the transaction's time-out. */
        {with ? "transaction.timeout.ms" : "message.timeout.ms", with ? timeout : "0", false},
        {with ? "transactional.id" : NULL, config->transactional_id, false},
        {NULL, NULL, false},
    };
    *p = (struct kafka_producer){.idle = config->idle, .transactional = with};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    return kafka_open_with(&p->client, RD_KAFKA_PRODUCER, conf, &config->kafka, settings, err);
}

void kafka_producer_close(struct kafka_producer *p)
{
    if (!p->client.rk)
        return;
    if (p->in_transaction && rd_kafka_fatal_error(p->client.rk, NULL, 0) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_error_t *error = rd_kafka_abort_transaction(p->client.rk, ABORT_WAIT_MS);
        if (error)
            rd_kafka_error_destroy(error);
    }
    rd_kafka_purge(p->client.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    kafka_close(&p->client);
}

rd_kafka_topic_t *kafka_producer_topic(struct kafka_producer *p, const char *name)
{
    return rd_kafka_topic_new(p->client.rk, name, NULL);
}

void kafka_producer_watch(struct kafka_producer *p, const rd_kafka_topic_t *topic)
{
    p->watched = topic;
    p->watched_next = p->foreign_from = -1;
}

void kafka_producer_topic_free(rd_kafka_topic_t *topic)
{
    if (topic)
        rd_kafka_topic_destroy(topic);
}

/* ---- waiting ---- */

struct patience {
    int64_t until_us;
    uint64_t stored; /* when it was last renewed */
    int ms;
};

static struct patience patience_of(const struct kafka_producer *p, int ms)
{
    return (struct patience){mono_us() + (int64_t)ms * 1000, p->stored, ms};
}

/* One slice of waiting is over: has anything moved, may we go on? */
static bool wait_on(struct kafka_producer *p, struct patience *patience, const char *doing, struct err *err)
{
    kafka_idle(&p->idle);
    if (p->failed)
        return failed(p, err);
    if (p->stored != patience->stored)
        *patience = patience_of(p, patience->ms);
    if (mono_us() < patience->until_us)
        return true;
    char detail[64];
    snprintf(detail, sizeof detail, "nothing was stored for %d seconds", patience->ms / 1000);
    return fail(p, doing, RD_KAFKA_RESP_ERR__TIMED_OUT, detail, err);
}

/* ---- transactions ---- */

typedef rd_kafka_error_t *transaction_fn(rd_kafka_t *rk, int timeout_ms);

/* Calls that can be resumed are called in slices until they are done. */
static bool in_slices(struct kafka_producer *p, transaction_fn *fn, const char *doing, int patience_ms, struct err *err)
{
    struct patience patience = patience_of(p, patience_ms);
    for (;;) {
        rd_kafka_error_t *error = fn(p->client.rk, KAFKA_SLICE_MS);
        if (p->failed || !error) {
            if (error)
                rd_kafka_error_destroy(error);
            return !p->failed || failed(p, err);
        }
        if (!rd_kafka_error_is_retriable(error) || rd_kafka_error_txn_requires_abort(error)) {
            struct err cause;
            (void)!kafka_fail_error(&p->client, doing, error, &cause);
            remember(p, &cause);
            return failed(p, err);
        }
        /* Some retriable errors come at once: no spinning. */
        if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__TIMED_OUT)
            rd_kafka_poll(p->client.rk, 20);
        rd_kafka_error_destroy(error);
        rd_kafka_poll(p->client.rk, 0);
        if (!wait_on(p, &patience, doing, err))
            return false;
    }
}

bool kafka_producer_init(struct kafka_producer *p, int patience_ms, struct err *err)
{
    assert(p->transactional && !p->in_transaction);
    return in_slices(p, rd_kafka_init_transactions, "cannot take over the transactions", patience_ms, err);
}

bool kafka_producer_begin(struct kafka_producer *p, struct err *err)
{
    assert(p->transactional && !p->in_transaction);
    if (p->failed)
        return failed(p, err);
    int64_t settled_us = p->committed_us + SETTLE_US - mono_us();
    if (settled_us > 0)
        usleep(settled_us < SETTLE_US ? (useconds_t)settled_us : SETTLE_US);
    rd_kafka_error_t *error = rd_kafka_begin_transaction(p->client.rk);
    if (error) {
        struct err cause;
        (void)!kafka_fail_error(&p->client, "cannot begin a transaction", error, &cause);
        remember(p, &cause);
        return failed(p, err);
    }
    p->in_transaction = true;
    return true;
}

bool kafka_producer_commit(struct kafka_producer *p, struct err *err)
{
    assert(p->in_transaction);
    if (p->failed)
        return failed(p, err);
    if (!in_slices(p, rd_kafka_commit_transaction, "cannot commit", KAFKA_PATIENCE_MS, err))
        return false;
    p->in_transaction = false;
    p->committed_us = mono_us();
    assert(p->sent == p->stored);
    return true;
}

bool kafka_producer_flush(struct kafka_producer *p, struct err *err)
{
    struct patience patience = patience_of(p, KAFKA_PATIENCE_MS);
    while (!p->failed) {
        if (rd_kafka_flush(p->client.rk, KAFKA_SLICE_MS) == RD_KAFKA_RESP_ERR_NO_ERROR && p->sent == p->stored)
            return true;
        if (!wait_on(p, &patience, "cannot write", err))
            return false;
    }
    return failed(p, err);
}

/* ---- sending ---- */

bool kafka_producer_poll(struct kafka_producer *p, struct err *err)
{
    p->unpolled = 0;
    rd_kafka_poll(p->client.rk, 0);
    return !p->failed || failed(p, err);
}

static rd_kafka_headers_t *headers_of(const struct kafka_message *m)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(m->header_count);
    for (size_t i = 0; i < m->header_count; i++) {
        const struct kafka_header *h = &m->headers[i];
        /* A zero length with a pointer is an empty value; NULL is a null one. */
        rd_kafka_header_add(headers, h->name.data, (ssize_t)h->name.len, h->value.data, (ssize_t)h->value.len);
    }
    return headers;
}

static rd_kafka_resp_err_t produce(struct kafka_producer *p, const struct kafka_message *m, rd_kafka_headers_t *headers)
{
    rd_kafka_vu_t vus[7] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = m->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = m->partition},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)m->key.data, m->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)m->value.data, m->value.len}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = m->timestamp_ms},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(p->client.rk, vus, headers ? 7 : 6);
    if (!error)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return code;
}

/* The broker's answer that made the transaction fail says more than that it has failed. */
static bool send_failed(struct kafka_producer *p, const struct kafka_message *m, rd_kafka_resp_err_t code,
                        struct err *err)
{
    char doing[320];
    rd_kafka_poll(p->client.rk, 0);
    if (p->failed)
        return failed(p, err);
    snprintf(doing, sizeof doing, "cannot write to topic %s partition %d", rd_kafka_topic_name(m->topic), m->partition);
    if (code == RD_KAFKA_RESP_ERR__STATE && rd_kafka_fatal_error(p->client.rk, NULL, 0))
        code = RD_KAFKA_RESP_ERR__FATAL;
    if (code == RD_KAFKA_RESP_ERR__STATE && p->transactional) {
        /* The transaction must be aborted; committing it tells why. */
        struct err cause;
        rd_kafka_error_t *error = rd_kafka_commit_transaction(p->client.rk, KAFKA_SLICE_MS);
        if (error) {
            (void)!kafka_fail_error(&p->client, doing, error, &cause);
            remember(p, &cause);
            return failed(p, err);
        }
        p->in_transaction = false;
    }
    return fail(p, doing, code, NULL, err);
}

bool kafka_producer_send(struct kafka_producer *p, const struct kafka_message *m, struct err *err)
{
    if (p->failed || (++p->unpolled >= POLL_EVERY && !kafka_producer_poll(p, err)))
        return failed(p, err);
    assert(!p->transactional || p->in_transaction);
    rd_kafka_headers_t *headers = m->header_count ? headers_of(m) : NULL;
    rd_kafka_resp_err_t code = produce(p, m, headers);
    struct patience patience = patience_of(p, KAFKA_PATIENCE_MS);
    while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        rd_kafka_poll(p->client.rk, KAFKA_SLICE_MS);
        if (!wait_on(p, &patience, "cannot write", err)) {
            if (headers)
                rd_kafka_headers_destroy(headers);
            return false;
        }
        code = produce(p, m, headers);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        p->sent++;
        return true;
    }
    if (headers)
        rd_kafka_headers_destroy(headers);
    return send_failed(p, m, code, err);
}
