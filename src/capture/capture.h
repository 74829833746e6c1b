// SPDX-License-Identifier: Apache-2.0
/*
 * The source half of the relay: the stream of one slot becomes whole source transactions in commit order, pushed into
 * a sink. Small transactions come as the server sends them; large ones (protocol 2) in interleaved pieces that are put
 * together here, without the subtransactions that were rolled back.
 *
 * What always holds:
 *  1. The sink sees begin, change*, end for one transaction after another, with growing commit end LSNs, and only of
 *     transactions that committed.
 *  2. capture_received() is an LSN up to which every commit has been given to the sink and accepted by it: the highest
 *     that may ever be confirmed. A row's or a message's LSN never moves it.
 *  3. A change's relation is the layout that the server announced for it, not the catalog's of today; only the order of
 *     the key's columns, the partition root, comments and defaults, names of user-defined types and what a domain is
 *     made of are asked from the catalog.
 *  4. After any error the capture is dead until capture_disconnect(); nothing half-done survives a connection.
 */
#pragma once
#include "base/mem.h"
#include "capture/txn.h"
#include "codec/pgoutput.h"
#include "link/pg/replication.h"
#include "model/event.h"

struct capture_column {
    struct str name;
    struct str type; /* as format_type() prints it; user-defined types with their schema */
    uint32_t type_oid;
    int32_t typmod;
    /* Of a domain and of an array with elements that are not built in: what it is made of (codec/row.h); else 0. */
    uint32_t base_oid;
    int32_t base_typmod;
    bool identity;     /* part of the replica identity */
    int key;           /* 1-based place in the key, 0 = not part of it */
    struct str doc;    /* its comment, of a partition that of its root's; data NULL: none */
    struct str preset; /* its default expression; data NULL: none */
};

struct capture_name {
    struct str schema, table;
};

struct capture_ancestor {
    struct capture_name name;
    size_t leaves; /* partitions below it that hold rows, today */
};

/* A table's layout as of the change. Lives until the server announces another one, or the capture disconnects. */
struct capture_relation {
    struct arena arena;
    uint32_t oid;
    struct capture_name name;
    struct str doc;   /* its comment, of a partition its root's; data NULL: none */
    char identity;    /* 'd' default, 'n' nothing, 'f' full, 'i' index */
    bool in_catalog;  /* it still exists */
    bool partitioned; /* a partitioned table, published by its root */
    struct capture_column *columns;
    size_t column_count;
    size_t *key; /* columns of the primary key (identity 'i': of that index) in the key's order */
    size_t key_count;
    struct capture_ancestor *ancestors; /* of a partition: parent first, root last */
    size_t ancestor_count;
    bool resolved; /* the catalog has been asked */
    void *user;    /* the sink's; freed with user_free */
    void (*user_free)(void *user);
    struct capture_relation *next; /* in the cache */
};

enum capture_op { CAPTURE_INSERT, CAPTURE_UPDATE, CAPTURE_DELETE, CAPTURE_TRUNCATE, CAPTURE_MESSAGE };

struct capture_change {
    enum capture_op op;
    struct capture_relation *relation; /* insert, update, delete */
    enum pgoutput_old old_kind;
    struct pgoutput_tuple old_row, new_row;
    struct capture_relation **truncated; /* truncate: all tables of the statement */
    size_t truncated_count;
    struct str prefix, content; /* message: transactional ones only */
};

struct capture_sink {
    void *arg;
    bool (*begin)(void *arg, const struct event_txn *txn, struct err *err);
    bool (*change)(void *arg, const struct capture_change *change, struct err *err);
    bool (*end)(void *arg, struct err *err);
};

struct capture_config {
    const char *dsn, *slot, *publication;
    bool messages; /* ask for logical messages (server 14 and later) */
    const char *spool_directory;
    uint64_t memory_max, spool_max;
};

struct capture_counts {
    uint64_t messages, bytes;          /* received */
    uint64_t transactions;             /* committed ones with a change, given to the sink */
    uint64_t streamed, spooled;        /* of those: sent in pieces; went through a file */
    uint64_t empty, skipped;           /* without a change; already on the bus */
    uint64_t aborted;                  /* streamed and rolled back, whole or in part */
    uint64_t messages_untransactional; /* logical messages outside of transactions: ignored, they have no position */
};

struct capture;

/* Nothing is opened yet. config and sink live as long as the capture. */
struct capture *capture_new(const struct capture_config *config, const struct capture_sink *sink);
void capture_free(struct capture *c);

/* Takes the slot over the open replication connection `pg`, which is closed on failure, starts the stream at the slot's
 * confirmed position and clears the spool. */
bool capture_connect(struct capture *c, struct pg *pg, struct err *err) MUST_USE;
/* Transactions with a commit end LSN up to `lsn` are not given to the sink; received starts there. Before the first
 * capture_step(). */
void capture_skip(struct capture *c, uint64_t lsn);
/* Handles one message if there is one; *ret_more = false: nothing more has arrived. A sink's error comes back as is. */
bool capture_step(struct capture *c, bool *ret_more, struct err *err) MUST_USE;
int capture_fd(const struct capture *c);
/* Without a server, for tests: opens the spool only; then each call is one message as the server would send it. */
bool capture_open_offline(struct capture *c, struct err *err) MUST_USE;
bool capture_feed(struct capture *c, struct str message, struct err *err) MUST_USE;
uint64_t capture_received(const struct capture *c);
/* The end of WAL the server last told of; lag in bytes is this less received. */
uint64_t capture_server_lsn(const struct capture *c);
/* The server waits for a status and cuts the connection if none comes. */
bool capture_reply_wanted(const struct capture *c);
/* confirmed: 0 or an LSN <= capture_received(). ask: the server shall answer with a keepalive. */
bool capture_status(struct capture *c, uint64_t confirmed, bool ask, struct err *err) MUST_USE;
void capture_disconnect(struct capture *c, bool clean);
const struct capture_counts *capture_counts(const struct capture *c);
uint64_t capture_memory(const struct capture *c);
uint64_t capture_spooled(const struct capture *c);
