// SPDX-License-Identifier: Apache-2.0
/*
 * A block: a run of the log in bytes, as the postgres driver stores it, one row a block. Thirty small events in a
 * row cost the server what one event in a row of eighteen columns would. Pure and fuzzed.
 *
 * version byte 1, then records, each a tag byte and its fields (v: base-128 integer, s: v length and bytes):
 *   1 transaction  lsn u64, commit time i64, xid u32, begins u8 (0: it began in an earlier block)
 *   2 event        op u8, flags u8, seq v, topic id v, partition+1 v, schema id v, entity r, type r, subject s,
 *                  then what the flags say: key, id, value, missing, old key, headers (s each)
 *   3 end          events of the whole transaction v
 * r: v 0 and s, which gets the next number (from 1, at most BLOCK_NAMES), or v number of an earlier one.
 * Invariants: a block starts with a transaction record, so it is read without the one before it; an end is in
 * the block of the last event; decoding never reads past the bytes.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include "model/event.h"

/* SIZE: with the row's other columns and PostgreSQL's headers one block fills one page of 8 kB, not TOASTed.
 * A single event larger than that has a block of its own. */
enum { BLOCK_SIZE = 8000, BLOCK_NAMES = 30 };

struct block_name {
    uint32_t at, len; /* inside the block */
};

/* ---- writing ---- */
struct block {
    struct buf data;
    struct block_name names[BLOCK_NAMES];
    unsigned name_count;
};

void block_init(struct block *b);
void block_free(struct block *b);
/* Starts anew. */
void block_clear(struct block *b);
static inline bool block_empty(const struct block *b) { return b->data.len == 0; }
/* Whether the event would fit; always true for the first of a block. */
bool block_fits(const struct block *b, const struct event *event);
void block_txn(struct block *b, const struct event_txn *txn, bool begins);
void block_event(struct block *b, const struct event *event, uint32_t topic_id);
void block_end(struct block *b, uint32_t events);

/* ---- reading ---- */
enum block_record { BLOCK_ERROR, BLOCK_DONE, BLOCK_TXN, BLOCK_EVENT, BLOCK_END };

/* Holds offsets only, so that `base` may be pointed at a copy of the bytes between two calls. */
struct block_reader {
    const char *base;
    size_t at, size;
    struct block_name names[BLOCK_NAMES];
    unsigned name_count;
    bool in_txn;
};

struct block_item {
    struct event_txn txn; /* TXN: without .events; END: .events only */
    bool begins;          /* TXN */
    struct event event;   /* EVENT: views into the bytes; without topic and pos.lsn */
    uint32_t topic_id;    /* EVENT */
};

void block_reader_init(struct block_reader *r, struct str bytes);
/* BLOCK_ERROR: err is ERR_DATA with the offset. */
enum block_record block_next(struct block_reader *r, struct block_item *ret, struct err *err);
/* The record that block_next would return, not taken. */
enum block_record block_peek(const struct block_reader *r);
