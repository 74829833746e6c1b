// SPDX-License-Identifier: Apache-2.0
/*
 * From a bus event to a change of a mirror: the row schema is matched with the mirror's columns once per schema id,
 * then each value is a handful of views into the event. A column the mirror uses that is gone or has another type stops
 * the service (ERR_DATA); columns it does not use are ignored.
 */
#pragma once
#include "bus/bus.h"
#include "project/net.h"
#include "registry/registry.h"

struct decode_schema;
struct decoder {
    struct arena arena; /* schemas; lives as long as the reader */
    struct mirror *mirrors;
    size_t mirror_count;
    struct decode_schema *schemas; /* newest first */
    bool tolerant;                 /* events of other columns than the mirror's are partial, not an error */
};

void decoder_init(struct decoder *d, struct mirror *mirrors, size_t count);
void decoder_free(struct decoder *d);
/* *ret->mirror is NULL when no mirror wants the event. What it returns lives in `arena` and in the event. */
bool decode_event(struct decoder *d, struct registry *registry, const struct event *event, struct arena *arena,
                  struct net_change *ret, struct err *err) MUST_USE;
