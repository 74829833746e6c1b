// SPDX-License-Identifier: Apache-2.0
/* An event as a line of text, or as JSON with the header names of ARCHITECTURE.md 4.2. */
#pragma once
#include "bus/bus.h"
#include "codec/row.h"

struct printer_schema {
    int32_t id;
    struct row_schema schema;
};

struct bus_event_printer {
    struct bus_reader *reader; /* for schemas */
    const char *source;
    bool json;
    struct arena arena, line; /* for its life; for one line */
    struct buf out;
    struct printer_schema *schemas;
    size_t schema_count, schema_capacity;
};

/* reader, source and json are set by the caller before. */
void bus_event_printer_init(struct bus_event_printer *p);
void bus_event_printer_free(struct bus_event_printer *p);
/* On stdout. ERR_DATA when the value does not fit its schema. */
bool bus_event_print(struct bus_event_printer *p, const struct lineage *lineage, const struct bus_part *part,
                     const struct event *event, struct err *err) MUST_USE;
/* "2026-01-31T12:00:00.123456Z"; out has 40 bytes; returns out. */
char *bus_time_format(int64_t us, char *out);
