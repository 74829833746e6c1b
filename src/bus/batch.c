// SPDX-License-Identifier: Apache-2.0
/* A batch being filled; see batch.h. */
#include "bus/batch.h"

enum { EVENT_OVERHEAD = 64 };

static struct bus_part *last_part(const struct bus_fill *f) { return &f->batch->parts[f->batch->part_count - 1]; }

struct bus_part *bus_fill_part(struct bus_fill *f, const struct event_txn *txn, bool begins)
{
    struct bus_batch *b = f->batch;
    if (f->open)
        return last_part(f);
    if (b->part_count == f->part_capacity) {
        size_t n = f->part_capacity ? f->part_capacity * 2 : 16;
        struct bus_part *grown = arena_alloc(&b->arena, n * sizeof *grown);
        if (b->part_count)
            memcpy(grown, b->parts, b->part_count * sizeof *grown);
        b->parts = grown;
        f->part_capacity = n;
    }
    struct bus_part *part = &b->parts[b->part_count++];
    *part = (struct bus_part){.txn = *txn, .begins = begins};
    part->txn.events = 0;
    f->open = true;
    return part;
}

struct event *bus_fill_event(struct bus_fill *f, const struct event *event)
{
    struct bus_part *part = last_part(f);
    GROW(f->events_open, part->event_count, f->event_capacity);
    struct event *e = &f->events_open[part->event_count++];
    *e = *event;
    f->events++;
    f->bytes += e->subject.len + e->key.len + e->value.len + e->headers.len + EVENT_OVERHEAD;
    return e;
}

void bus_fill_close(struct bus_fill *f)
{
    if (!f->open)
        return;
    struct bus_part *part = last_part(f);
    if (part->event_count) {
        part->events = arena_alloc(&f->batch->arena, part->event_count * sizeof *part->events);
        memcpy(part->events, f->events_open, part->event_count * sizeof *part->events);
    }
    f->open = false;
}

bool bus_fill_full(const struct bus_fill *f)
{
    return f->events > 0 && (f->events >= f->limits->events_max || f->bytes >= f->limits->bytes_max);
}

void bus_fill_free(struct bus_fill *f)
{
    bus_fill_close(f);
    free(f->events_open);
    f->events_open = NULL;
}
