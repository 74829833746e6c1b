// SPDX-License-Identifier: Apache-2.0
/* The postgres driver's reader: blocks become batches; see postgres_reader.h. */
#include "bus/batch.h"
#include "bus/postgres_reader.h"

struct fill {
    struct pg_reader *r;
    struct bus_fill out;
    struct str copy; /* of the current block, in the arena */
};

static bool block_at_hand(struct fill *f)
{
    struct pg_reader *r = f->r;
    if (r->row == r->row_count)
        return false;
    const char *data = PQgetvalue(r->rows, r->row, 8);
    size_t size = (size_t)PQgetlength(r->rows, r->row, 8);
    if (!r->block_open) {
        block_reader_init(&r->block, (struct str){data, size});
        r->block_open = true;
        f->copy.data = NULL;
    }
    if (!f->copy.data)
        f->copy = (struct str){arena_memdup(&f->out.batch->arena, data, size), size};
    r->block.base = f->copy.data;
    return true;
}

static struct bus_part *part_open(struct fill *f)
{
    struct bus_part *part = bus_fill_part(&f->out, &f->r->txn, !f->r->txn_handed);
    f->r->txn_handed = true;
    return part;
}

static bool take_event(struct fill *f, const struct block_item *item, struct err *err)
{
    struct reader_topic *topic;
    if (f->r->txn_skipped)
        return true;
    if (!pg_reader_topic(f->r, item->topic_id, &topic, err))
        return false;
    if (!topic->wanted)
        return true;
    if (!topic->batch.data)
        topic->batch = str_of(arena_strdup(&f->out.batch->arena, topic->name));
    (void)part_open(f);
    struct event *e = bus_fill_event(&f->out, &item->event);
    e->topic = topic->batch;
    e->pos.lsn = f->r->txn.lsn;
    return true;
}

static void take_txn(struct fill *f, const struct block_item *item)
{
    struct pg_reader *r = f->r;
    if (item->txn.lsn != r->txn.lsn)
        r->txn_handed = false;
    r->txn = item->txn;
    r->txn_skipped = item->txn.lsn <= r->position;
}

static void take_end(struct fill *f, uint32_t events)
{
    struct pg_reader *r = f->r;
    if (r->txn_skipped)
        return;
    r->txn.events = events;
    if (r->txn_handed) {
        struct bus_part *part = part_open(f);
        part->ends = true;
        part->txn.events = events;
        bus_fill_close(&f->out);
    }
    r->txn_handed = false;
    r->position = r->txn.lsn;
    r->commit_time_us = r->txn.commit_time_us;
}

/* The batch is full, and what follows would not merely end the transaction or the block. */
static bool full(const struct fill *f)
{
    if (!bus_fill_full(&f->out))
        return false;
    enum block_record next = f->r->block_open ? block_peek(&f->r->block) : BLOCK_EVENT;
    return next != BLOCK_END && next != BLOCK_DONE;
}

static bool fill_blocks(struct fill *f, struct err *err)
{
    struct pg_reader *r = f->r;
    struct block_item item;
    while (!full(f) && block_at_hand(f)) {
        switch (block_next(&r->block, &item, err)) {
        case BLOCK_ERROR: return false;
        case BLOCK_TXN: take_txn(f, &item); break;
        case BLOCK_EVENT:
            if (!take_event(f, &item, err))
                return false;
            break;
        case BLOCK_END: take_end(f, item.txn.events); break;
        case BLOCK_DONE:
            r->block_open = false;
            f->copy.data = NULL;
            r->row++;
            break;
        }
    }
    return true;
}

bool pg_reader_fill(struct pg_reader *r, const struct bus_read_limits *limits, struct bus_batch *batch, struct err *err)
{
    struct fill f = {.r = r, .out = bus_fill_begin(batch, limits)};
    for (size_t i = 0; i < r->topic_count; i++)
        r->topics[i].batch = (struct str){NULL, 0};
    bool good = fill_blocks(&f, err);
    bus_fill_free(&f.out);
    return good;
}
