// SPDX-License-Identifier: Apache-2.0
/*
 * The walsender side of libpq: slots, the stream of one logical slot without blocking, and status updates.
 * Invariants: a status never carries a flush position greater than its write position; nothing here decides
 * which position may be confirmed (relay_confirm does); the bytes of a message live until the next call.
 */
#pragma once
#include "link/pg/pg.h"

struct pg_system {
    uint64_t system_id;
    uint32_t timeline;
    uint64_t lsn; /* flushed WAL at the time of asking */
    char database[64];
};

/* On a connection opened with replication = true. */
bool pg_identify(struct pg *pg, struct pg_system *ret, struct err *err) MUST_USE;

enum pg_slot_kind { PG_SLOT_PERMANENT, PG_SLOT_TEMPORARY };

/*
 * CREATE_REPLICATION_SLOT ... LOGICAL pgoutput on a replication connection. ret_lsn: the consistent point: what commits
 * up to it is not in the slot's stream, all that commits later is. ret_snapshot: NULL, or 64 bytes that get the name of
 * an exported snapshot, which holds exactly the transactions up to ret_lsn and lives until the next command on pg.
 * ERR_STATE when the slot exists, ERR_CONFIG for wal_level, ERR_SOURCE otherwise.
 */
bool pg_slot_create(struct pg *pg, const char *slot, enum pg_slot_kind kind, uint64_t *ret_lsn, char *ret_snapshot,
                    struct err *err) MUST_USE;

/*
 * A snapshot of the source with its place in the stream, for first loads: a temporary slot on a connection of its own.
 * While it is open, `BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '<snapshot>'` on any other
 * connections to the same database sees exactly the transactions whose commit end LSN is <= lsn; a stream that skips
 * those continues it without gap or overlap. Once every reader has set the snapshot, close it (the slot goes with it).
 */
struct pg_snapshot_slot {
    struct pg pg;
    struct pg_system system;
    uint64_t lsn;
    char slot[64];
    char snapshot[64];
};
/* purpose: a short word for the slot's name ("undam_<purpose>_<random>"). */
bool pg_snapshot_slot_open(const char *dsn, const char *purpose, struct pg_snapshot_slot *ret,
                           struct err *err) MUST_USE;
/* Safe on a zeroed struct. */
void pg_snapshot_slot_close(struct pg_snapshot_slot *s);

/* ---- the stream of one slot ---- */
struct pg_stream {
    struct pg pg;
    char *message; /* libpq's buffer of the last message */
};

struct pg_stream_options {
    const char *slot, *publication;
    int protocol;   /* 1, or 2 for streaming (server 14 and later) */
    bool messages;  /* logical messages too (server 14 and later) */
    uint64_t start; /* 0: from the slot's confirmed position; a lower one is moved up to it by the server */
};

enum pg_stream_kind {
    PG_STREAM_NOTHING,   /* no complete message has arrived yet */
    PG_STREAM_DATA,      /* data is one pgoutput message */
    PG_STREAM_KEEPALIVE, /* wal_end is what the server has decoded and sent */
};

struct pg_stream_message {
    enum pg_stream_kind kind;
    uint64_t start, wal_end;
    int64_t time_us;      /* the server's clock when it sent, since the Unix epoch */
    bool reply_requested; /* keepalive: answer at once or be cut off */
    struct str data;
};

/* Connects and starts. ERR_SOURCE, retriable, with SQLSTATE 55006 in the text when another process holds the slot. */
bool pg_stream_open(struct pg_stream *s, const char *dsn, const struct pg_stream_options *options,
                    struct err *err) MUST_USE;
/* The same on a replication connection that is already open, which moves into the stream on success. */
bool pg_stream_start(struct pg_stream *s, struct pg *pg, const struct pg_stream_options *options,
                     struct err *err) MUST_USE;
/* For the loop: readable when pg_stream_next() may have something. */
int pg_stream_fd(const struct pg_stream *s);
/* Never waits. read: look at the socket when libpq's buffer has no whole message. */
bool pg_stream_next(struct pg_stream *s, bool read, struct pg_stream_message *ret, struct err *err) MUST_USE;
/* flush 0: confirm nothing. reply: ask for a keepalive at once. Never waits for long: 34 bytes. */
bool pg_stream_status(struct pg_stream *s, uint64_t write, uint64_t flush, bool reply, struct err *err) MUST_USE;
/* Ends the copy politely when `clean`, so that the slot is free on return; closes the connection. */
void pg_stream_close(struct pg_stream *s, bool clean);
