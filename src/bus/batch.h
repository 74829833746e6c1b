// SPDX-License-Identifier: Apache-2.0
/*
 * A batch while a reader fills it: parts grow in the batch's arena, the events of the open part outside it until the
 * part is closed, so that an array which grows leaves no waste in the batch.
 *
 *   bus_fill_begin --> (part, event*, close)* --> bus_fill_free
 */
#pragma once
#include "bus/bus.h"

struct bus_fill {
    struct bus_batch *batch;
    const struct bus_read_limits *limits;
    uint64_t events, bytes; /* so far, as the limits count them */
    size_t part_capacity, event_capacity;
    struct event *events_open; /* of the open part, malloc'ed */
    bool open;
};

/* batch and limits outlive it. */
static inline struct bus_fill bus_fill_begin(struct bus_batch *batch, const struct bus_read_limits *limits)
{
    return (struct bus_fill){.batch = batch, .limits = limits};
}
/* The open part; opens one of the transaction if there is none. `begins`: nothing of it was handed out before. */
struct bus_part *bus_fill_part(struct bus_fill *f, const struct event_txn *txn, bool begins);
/* The event, as it is, to the open part's end. What it points to lives as long as the batch. Returns the batch's. */
struct event *bus_fill_event(struct bus_fill *f, const struct event *event);
/* Ends the open part, if there is one. */
void bus_fill_close(struct bus_fill *f);
/* There is something in it, and a limit is reached. */
bool bus_fill_full(const struct bus_fill *f);
/* Ends the open part too; the batch stays. */
void bus_fill_free(struct bus_fill *f);
