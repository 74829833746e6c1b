// SPDX-License-Identifier: Apache-2.0
/* The postgres driver's reader: blocks become batches; see postgres_reader.h. */
#include "bus/postgres_reader.h"

struct fill {
    struct pg_reader *r;
    struct bus_batch *batch;
    const struct bus_read_limits *limits;
    uint64_t events, bytes;
    size_t part_capacity, event_capacity;
    struct event *events_open; /* of the open part, malloc'ed while it grows */
    bool open;
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
        f->copy = (struct str){arena_memdup(&f->batch->arena, data, size), size};
    r->block.base = f->copy.data;
    return true;
}

static struct bus_part *part_open(struct fill *f)
{
    struct bus_batch *b = f->batch;
    if (!f->open) {
        if (b->part_count == f->part_capacity) {
            size_t n = f->part_capacity ? f->part_capacity * 2 : 16;
            struct bus_part *grown = arena_alloc(&b->arena, n * sizeof *grown);
            if (b->part_count)
                memcpy(grown, b->parts, b->part_count * sizeof *grown);
            b->parts = grown;
            f->part_capacity = n;
        }
        b->parts[b->part_count++] = (struct bus_part){.txn = f->r->txn, .begins = !f->r->txn_handed};
        f->r->txn_handed = true;
        f->open = true;
    }
    return &b->parts[b->part_count - 1];
}

static void part_close(struct fill *f)
{
    if (!f->open)
        return;
    struct bus_part *part = &f->batch->parts[f->batch->part_count - 1];
    if (part->event_count) {
        part->events = arena_alloc(&f->batch->arena, part->event_count * sizeof *part->events);
        memcpy(part->events, f->events_open, part->event_count * sizeof *part->events);
    }
    f->open = false;
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
        topic->batch = str_of(arena_strdup(&f->batch->arena, topic->name));
    struct bus_part *part = part_open(f);
    GROW(f->events_open, part->event_count, f->event_capacity);
    struct event *e = &f->events_open[part->event_count++];
    *e = item->event;
    e->topic = topic->batch;
    e->pos.lsn = f->r->txn.lsn;
    f->events++;
    f->bytes += e->subject.len + e->key.len + e->value.len + e->headers.len + 64;
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
        part_close(f);
    }
    r->txn_handed = false;
    r->position = r->txn.lsn;
    r->commit_time_us = r->txn.commit_time_us;
}

/* The batch is full, and what follows would not merely end the transaction or the block. */
static bool full(const struct fill *f)
{
    if (f->events == 0 || (f->events < f->limits->events_max && f->bytes < f->limits->bytes_max))
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
    struct fill f = {.r = r, .batch = batch, .limits = limits};
    for (size_t i = 0; i < r->topic_count; i++)
        r->topics[i].batch = (struct str){NULL, 0};
    bool good = fill_blocks(&f, err);
    part_close(&f);
    free(f.events_open);
    return good;
}
