// SPDX-License-Identifier: Apache-2.0
/*
 * Transactions on their way in. A transaction's position is the end of its commit, which is the last thing to arrive,
 * so each one is kept as the messages came until its commit, in memory and, past a limit over all of them, in a spool
 * file of its own.
 *
 *   (none) --txn_begin--> MEMORY --total over memory_max--> SPOOLED
 *     ^                      |                                 |
 *     +------ txn_drop ------+---------- txn_drop -------------+        reading: txn_rewind, then txn_next
 *
 * Invariants: the bytes of an aborted subtransaction are never given out again; a spool file exists only while its
 * transaction is open, and those that a killed process left are removed by txn_store_open; memory over all
 * transactions stays below memory_max plus one message and one write buffer for each spooled one.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct txn {
    uint32_t xid;
    uint64_t messages;
    struct txn *next;
    struct buf bytes; /* records; of a spooled one those not yet written, or the read window */
    int spool;        /* file, or -1 */
    uint64_t spooled; /* bytes in the file */
    uint32_t *aborted;
    size_t aborted_count, aborted_cap;
    /* reading */
    size_t at;        /* in bytes */
    uint64_t read_at; /* in the file */
};

struct txn_store {
    const char *directory, *slot; /* not copied */
    uint64_t memory_max;
    uint64_t spool_max; /* 0: the disk's */
    uint64_t memory;    /* in all transactions now */
    uint64_t spooled;   /* in all files now */
    struct txn *open;   /* newest first; few */
    struct txn *spare;  /* one closed transaction, so that small ones cost no allocation */
};

/* Removes spool files that an earlier process of this slot left; only the holder of the slot may call it. */
bool txn_store_open(struct txn_store *s, const char *directory, const char *slot, uint64_t memory_max,
                    uint64_t spool_max, struct err *err) MUST_USE;
/* Drops every open transaction and its file. Safe on a zeroed struct. */
void txn_store_close(struct txn_store *s);
struct txn *txn_begin(struct txn_store *s, uint32_t xid);
/* NULL when there is none of that xid. */
struct txn *txn_find(const struct txn_store *s, uint32_t xid);
/* subxid: of the message inside a stream, else 0. ERR_SYSTEM when the spool cannot take more: nothing is lost, the
 * source sends the transaction again. */
bool txn_add(struct txn_store *s, struct txn *t, uint32_t subxid, struct str message, struct err *err) MUST_USE;
/* Cuts out what was added under subxid; later subtransactions have other ids. */
void txn_abort(struct txn *t, uint32_t subxid);
void txn_drop(struct txn_store *s, struct txn *t);

/* Once, when all is added: to the first message. Writes what is still buffered of a spooled transaction. */
bool txn_rewind(struct txn_store *s, struct txn *t, struct err *err) MUST_USE;
/* *ret_message lives until the next call; data NULL at the end. */
bool txn_next(struct txn *t, struct str *ret_message, struct err *err) MUST_USE;
