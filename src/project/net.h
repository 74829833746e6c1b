// SPDX-License-Identifier: Apache-2.0
/*
 * Netting: the changes of a batch, reduced to one per base row: its last image, or that it is gone. The old image is
 * not the event's but the mirror's, filled in when the batch is applied.
 *
 * What always holds, per mirror and after every net_add():
 *  1. One net_row a key text; `image` is the row's last state, NULL = gone.
 *  2. A column marked missing (unchanged TOAST) has its value in the mirror's row `missing_from` and nowhere in the
 *     batch; all missing columns of a row come from that one row.
 *  3. `truncated` means that the mirror's rows from before the batch are all gone; rows listed came after.
 */
#pragma once
#include "codec/row.h"
#include "model/event.h"
#include "project/mirror.h"

struct net_row {
    struct net_row *next_hash;
    uint64_t hash;
    struct row_value *key;   /* mirror->key_count values */
    struct row_value *image; /* mirror->column_count values, NULL = gone */
    struct row_value *old;   /* the mirror's row before the batch, NULL = none (valid once applied) */
    uint8_t *missing;        /* per column, of `image`; NULL = nothing missing */
    struct net_row *missing_from;
    struct row_value *last; /* image before the row went, NULL = the mirror's; with what it misses, and where that is */
    uint8_t *last_missing;
    struct net_row *last_from;
    struct position pos; /* of the last event */
    bool seen;           /* an event of this batch was about it */
    bool unknown;        /* its state cannot be told from the events (only when tolerated): image is NULL */
    bool fetch_queued;
};

struct net_table {
    struct mirror *mirror;
    struct net_row **rows; /* in order of first appearance */
    size_t row_count, row_capacity;
    struct net_row **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    bool truncated, has_missing;
};

/* The last row deleted before a batch was cut, so that a primary-key change cut in two keeps its unchanged TOAST. */
struct net_carry {
    struct arena arena;
    const struct mirror *mirror; /* NULL: none */
    struct row_value *key, *image;
};

struct net {
    struct arena arena; /* of one batch */
    struct net_table *tables;
    size_t table_count;
    size_t events;
    struct net_carry carry;
    const struct net_row *last_deleted; /* when the newest event is a delete */
    const struct mirror *last_deleted_mirror;
    bool tolerant; /* rows whose state cannot be told are marked unknown instead of being an error */
};

/* One change of a mirrored row, decoded. Values and texts must live until net_reset(). */
struct net_change {
    struct mirror *mirror;
    enum event_op op; /* created, updated, deleted, truncated */
    struct position pos;
    struct row_value *image;  /* column_count values; deleted: only key columns are filled */
    uint8_t *missing;         /* per column, NULL = none */
    struct row_value *oldkey; /* created only: key_count values when the key changed, else NULL */
    bool partial;             /* the event does not hold all columns (only when tolerated): the state is unknown */
};

void net_init(struct net *n, struct mirror *mirrors, size_t count);
void net_free(struct net *n);
/* Empties it for the next batch; keeps the carry. */
void net_reset(struct net *n);
/* ERR_DATA when the change makes no sense: missing values of a new row. Never holds row values. */
bool net_add(struct net *n, const struct net_change *change, struct err *err) MUST_USE;
/* After the batch's changes are applied and old images known: remembers the newest delete, or nothing. */
void net_carry_over(struct net *n);
/* After the rows named by missing_from have `old`: fills in what is missing. ERR_DATA when the mirror lacks a row. */
bool net_resolve(struct net *n, struct err *err) MUST_USE;
