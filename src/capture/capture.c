// SPDX-License-Identifier: Apache-2.0
/*
 * From replication messages to transactions; see capture.h. Messages between begin and commit, or inside stream
 * blocks, are filed away unread in a struct txn; at the commit they are read back, decoded and given to the sink.
 *
 *   IDLE --B--> PLAIN --C--> replay, IDLE          one transaction, whole
 *   IDLE --S--> BLOCK --E--> IDLE                  a piece of a streamed transaction; pieces interleave
 *   IDLE --c--> replay    IDLE --A--> cut or drop
 */
#include "capture/capture.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "capture/relation.h"

struct capture {
    const struct capture_config *config;
    const struct capture_sink *sink;
    struct pg_stream stream;
    struct pg catalog; /* opened at first need */
    struct txn_store store;
    struct relation_cache relations;
    struct txn *plain; /* between begin and commit */
    struct txn *block; /* between stream start and stop */
    uint64_t received; /* see capture_received() */
    uint64_t server;   /* highest WAL end the server told of */
    uint64_t skip;     /* transactions up to here are on the bus */
    bool connected, reply_wanted, begun;
    struct event_txn txn; /* the one being replayed */
    struct capture_relation **truncated;
    size_t truncated_cap;
    struct capture_counts counts;
    struct pgoutput_scratch scratch;
};

struct capture *capture_new(const struct capture_config *config, const struct capture_sink *sink)
{
    struct capture *c = xcalloc(1, sizeof *c);
    c->config = config;
    c->sink = sink;
    return c;
}

void capture_free(struct capture *c)
{
    if (!c)
        return;
    capture_disconnect(c, false);
    free(c->truncated);
    free(c);
}

bool capture_connect(struct capture *c, struct pg *pg, struct err *err)
{
    assert(!c->connected);
    bool modern = PQserverVersion(pg->conn) >= 140000;
    struct pg_stream_options options = {
        .slot = c->config->slot,
        .publication = c->config->publication,
        .protocol = modern ? 2 : 1,
        .messages = c->config->messages && modern,
    };
    if (!pg_stream_start(&c->stream, pg, &options, err)) {
        pg_close(pg);
        return false;
    }
    c->connected = true;
    c->received = c->server = c->skip = 0;
    c->reply_wanted = false;
    /* Only now is the slot ours, and with it the spool files of whoever held it before. */
    if (txn_store_open(&c->store, c->config->spool_directory, c->config->slot, c->config->memory_max,
                       c->config->spool_max, err))
        return true;
    capture_disconnect(c, true);
    return false;
}

void capture_disconnect(struct capture *c, bool clean)
{
    if (c->connected)
        pg_stream_close(&c->stream, clean);
    if (c->catalog.conn)
        pg_close(&c->catalog);
    txn_store_close(&c->store);
    relation_cache_clear(&c->relations);
    c->plain = c->block = NULL;
    c->connected = c->begun = false;
}

void capture_skip(struct capture *c, uint64_t lsn) { c->skip = c->received = lsn; }
int capture_fd(const struct capture *c) { return pg_stream_fd(&c->stream); }
uint64_t capture_received(const struct capture *c) { return c->received; }
uint64_t capture_server_lsn(const struct capture *c) { return c->server; }
bool capture_reply_wanted(const struct capture *c) { return c->reply_wanted; }
const struct capture_counts *capture_counts(const struct capture *c) { return &c->counts; }
uint64_t capture_memory(const struct capture *c) { return c->store.memory; }
uint64_t capture_spooled(const struct capture *c) { return c->store.spooled; }

bool capture_status(struct capture *c, uint64_t confirmed, bool ask, struct err *err)
{
    assert(confirmed <= c->received);
    c->reply_wanted = false;
    return pg_stream_status(&c->stream, c->received, confirmed, ask, err);
}

/* ---- replay: one committed transaction into the sink ---- */

static bool broken(struct err *err, const char *what)
{
    err_set(err, ERR_DATA, "replication stream: %s", what);
    return err_hint(err,
                    "the server's pgoutput does not follow its protocol; please report it with the server's version");
}

static bool catalog_open(struct capture *c, struct err *err)
{
    if (c->catalog.conn && PQstatus(c->catalog.conn) == CONNECTION_OK)
        return true;
    if (c->catalog.conn)
        pg_close(&c->catalog);
    return pg_open(&c->catalog, PG_SOURCE, "source (catalog)", c->config->dsn, false, err) &&
           pg_exec(&c->catalog, "SET search_path = ''; SET default_transaction_read_only = on", err);
}

static struct capture_relation *relation(struct capture *c, uint32_t oid, struct err *err)
{
    struct capture_relation *r = relation_cache_find(&c->relations, oid);
    if (!r) {
        broken(err, "a change names a table that was not announced");
        return NULL;
    }
    if (!r->resolved && (!catalog_open(c, err) || !relation_resolve(&c->relations, r, &c->catalog, err)))
        return NULL;
    return r;
}

/* Transactions without a change never reach the sink. */
static bool give(struct capture *c, const struct capture_change *change, struct err *err)
{
    if (!c->begun) {
        if (!c->sink->begin(c->sink->arg, &c->txn, err))
            return false;
        c->begun = true;
    }
    return c->sink->change(c->sink->arg, change, err);
}

static bool row_fits(const struct capture_relation *r, const struct pgoutput_tuple *t, struct err *err)
{
    return t->count == r->column_count || broken(err, "a row has another number of columns than its table's layout");
}

static bool replay_row(struct capture *c, const struct pgoutput *m, struct err *err)
{
    struct capture_change change = {
        .op = m->kind == PGOUTPUT_INSERT   ? CAPTURE_INSERT
              : m->kind == PGOUTPUT_UPDATE ? CAPTURE_UPDATE
                                           : CAPTURE_DELETE,
        .relation = relation(c, m->change.relation, err),
        .old_kind = m->change.old_kind,
        .old_row = m->change.old_row,
        .new_row = m->change.new_row,
    };
    if (!change.relation)
        return false;
    if (change.old_kind != PGOUTPUT_OLD_NONE && !row_fits(change.relation, &change.old_row, err))
        return false;
    if (change.op != CAPTURE_DELETE && !row_fits(change.relation, &change.new_row, err))
        return false;
    return give(c, &change, err);
}

static bool replay_truncate(struct capture *c, const struct pgoutput *m, struct err *err)
{
    if (c->truncated_cap < m->truncate.count) {
        c->truncated_cap = m->truncate.count;
        c->truncated = xrealloc(c->truncated, c->truncated_cap * sizeof(struct capture_relation *));
    }
    for (uint32_t i = 0; i < m->truncate.count; i++) {
        c->truncated[i] = relation(c, pgoutput_truncated(m, i), err);
        if (!c->truncated[i])
            return false;
    }
    struct capture_change change = {
        .op = CAPTURE_TRUNCATE, .truncated = c->truncated, .truncated_count = m->truncate.count};
    return give(c, &change, err);
}

static bool replay_message(struct capture *c, struct str bytes, bool streamed, bool skip, struct err *err)
{
    struct pgoutput m;
    if (!pgoutput_decode(bytes, streamed, &c->scratch, &m, err))
        return false;
    switch (m.kind) {
    case PGOUTPUT_RELATION: relation_cache_put(&c->relations, &m.relation); return true;
    case PGOUTPUT_TYPE: relation_cache_type(&c->relations, m.type.oid, m.type.schema, m.type.name); return true;
    case PGOUTPUT_INSERT:
    case PGOUTPUT_UPDATE:
    case PGOUTPUT_DELETE: return skip || replay_row(c, &m, err);
    case PGOUTPUT_TRUNCATE: return skip || replay_truncate(c, &m, err);
    case PGOUTPUT_MESSAGE: {
        struct capture_change change = {
            .op = CAPTURE_MESSAGE, .prefix = m.message.prefix, .content = m.message.content};
        return skip || give(c, &change, err);
    }
    case PGOUTPUT_BEGIN:
    case PGOUTPUT_COMMIT:
    case PGOUTPUT_ORIGIN:
    case PGOUTPUT_STREAM_START:
    case PGOUTPUT_STREAM_STOP:
    case PGOUTPUT_STREAM_COMMIT:
    case PGOUTPUT_STREAM_ABORT: break;
    }
    return broken(err, "a message is out of place");
}

static void count_replayed(struct capture *c, const struct txn *t, bool streamed, bool skip)
{
    c->counts.skipped += skip;
    c->counts.empty += !skip && !c->begun;
    c->counts.transactions += c->begun;
    c->counts.streamed += c->begun && streamed;
    c->counts.spooled += c->begun && t->spool >= 0;
}

/* The announcements of a transaction that is on the bus already are still needed: the server makes them once. */
static bool replay(struct capture *c, struct txn *t, const struct pgoutput *commit, struct err *err)
{
    bool streamed = commit->kind == PGOUTPUT_STREAM_COMMIT;
    bool skip = commit->commit.end_lsn <= c->skip;
    if (!skip && commit->commit.end_lsn <= c->received)
        return broken(err, "commits do not come in the order of their positions");
    c->txn = (struct event_txn){.lsn = commit->commit.end_lsn, .commit_time_us = commit->commit.time_us, .xid = t->xid};
    c->begun = false;
    if (!txn_rewind(&c->store, t, err))
        return false;
    for (;;) {
        struct str message;
        if (!txn_next(t, &message, err))
            return false;
        if (!message.data)
            break;
        if (!replay_message(c, message, streamed, skip, err))
            return false;
    }
    if (c->begun && !c->sink->end(c->sink->arg, err))
        return false;
    count_replayed(c, t, streamed, skip);
    c->begun = false;
    if (commit->commit.end_lsn > c->received)
        c->received = commit->commit.end_lsn;
    txn_drop(&c->store, t);
    return true;
}

/* ---- messages as they arrive ---- */

static void on_abort(struct capture *c, const struct pgoutput *m)
{
    struct txn *t = txn_find(&c->store, m->xid);
    if (!t) /* a part of a transaction that is gone already: there is nothing of it to cut */
        return;
    c->counts.aborted++;
    if (m->stream_abort.subxid == m->xid)
        txn_drop(&c->store, t);
    else
        txn_abort(t, m->stream_abort.subxid);
}

static bool on_stream_start(struct capture *c, const struct pgoutput *m, struct err *err)
{
    c->block = txn_find(&c->store, m->xid);
    if (!c->block == !m->stream_start.first)
        return broken(err, m->stream_start.first ? "a transaction starts twice" : "a transaction's start is missing");
    if (!c->block)
        c->block = txn_begin(&c->store, m->xid);
    return true;
}

/* Between transactions and blocks: what starts or ends one. */
static bool on_outside(struct capture *c, struct str bytes, struct err *err)
{
    struct pgoutput m;
    if (!pgoutput_decode(bytes, false, &c->scratch, &m, err))
        return false;
    switch (m.kind) {
    case PGOUTPUT_BEGIN:
        if (txn_find(&c->store, m.xid))
            return broken(err, "a transaction is streamed and whole at once");
        c->plain = txn_begin(&c->store, m.xid);
        return true;
    case PGOUTPUT_STREAM_START: return on_stream_start(c, &m, err);
    case PGOUTPUT_STREAM_ABORT: on_abort(c, &m); return true;
    case PGOUTPUT_STREAM_COMMIT: {
        struct txn *t = txn_find(&c->store, m.xid);
        return t ? replay(c, t, &m, err) : broken(err, "a transaction that was not streamed is committed");
    }
    case PGOUTPUT_MESSAGE:
        /* Not part of any transaction, so it has no position in commit order and must not move ours. */
        c->counts.messages_untransactional++;
        return true;
    case PGOUTPUT_ORIGIN: return true;
    case PGOUTPUT_COMMIT:
    case PGOUTPUT_RELATION:
    case PGOUTPUT_TYPE:
    case PGOUTPUT_INSERT:
    case PGOUTPUT_UPDATE:
    case PGOUTPUT_DELETE:
    case PGOUTPUT_TRUNCATE:
    case PGOUTPUT_STREAM_STOP: break;
    }
    return broken(err, "a change comes outside of a transaction");
}

static bool on_plain(struct capture *c, enum pgoutput_kind kind, struct str bytes, struct err *err)
{
    if (kind == PGOUTPUT_ORIGIN)
        return true;
    if (kind == PGOUTPUT_MESSAGE && bytes.len > 1 && !(bytes.data[1] & PGOUTPUT_MESSAGE_TRANSACTIONAL)) {
        c->counts.messages_untransactional++;
        return true;
    }
    if (kind != PGOUTPUT_COMMIT)
        return txn_add(&c->store, c->plain, 0, bytes, err);
    struct pgoutput m;
    struct txn *t = TAKE(c->plain);
    return pgoutput_decode(bytes, false, &c->scratch, &m, err) && replay(c, t, &m, err);
}

static bool on_block(struct capture *c, enum pgoutput_kind kind, uint32_t subxid, struct str bytes, struct err *err)
{
    if (kind == PGOUTPUT_ORIGIN)
        return true;
    if (kind == PGOUTPUT_STREAM_STOP) {
        c->block = NULL;
        return true;
    }
    if (kind == PGOUTPUT_MESSAGE && bytes.len > 5 && !(bytes.data[5] & PGOUTPUT_MESSAGE_TRANSACTIONAL)) {
        c->counts.messages_untransactional++;
        return true;
    }
    return txn_add(&c->store, c->block, subxid, bytes, err);
}

static bool on_data(struct capture *c, struct str bytes, struct err *err)
{
    enum pgoutput_kind kind;
    uint32_t subxid;
    c->counts.messages++;
    c->counts.bytes += bytes.len;
    if (!pgoutput_peek(bytes, c->block != NULL, &kind, &subxid, err))
        return false;
    if (c->block)
        return on_block(c, kind, subxid, bytes, err);
    return c->plain ? on_plain(c, kind, bytes, err) : on_outside(c, bytes, err);
}

bool capture_open_offline(struct capture *c, struct err *err)
{
    return txn_store_open(&c->store, c->config->spool_directory, c->config->slot, c->config->memory_max,
                          c->config->spool_max, err);
}

bool capture_feed(struct capture *c, struct str message, struct err *err) { return on_data(c, message, err); }

bool capture_step(struct capture *c, bool *ret_more, struct err *err)
{
    struct pg_stream_message m;
    if (!pg_stream_next(&c->stream, true, &m, err))
        return false;
    if (m.wal_end > c->server)
        c->server = m.wal_end;
    switch (m.kind) {
    case PG_STREAM_NOTHING: break;
    case PG_STREAM_DATA:
        if (!on_data(c, m.data, err))
            return false;
        break;
    case PG_STREAM_KEEPALIVE:
        /* The server has sent every commit up to here. Open streamed transactions do not hold it back: should we
         * confirm and reconnect, the server sends them again from their start. */
        if (m.wal_end > c->received)
            c->received = m.wal_end;
        c->reply_wanted |= m.reply_requested;
        break;
    }
    *ret_more = m.kind != PG_STREAM_NOTHING;
    return true;
}
