// SPDX-License-Identifier: Apache-2.0
/* An event as a line of text, or as JSON with the header names of ARCHITECTURE.md 4.2. */
#pragma once
#include "bus/bus.h"
#include "codec/avro_codec.h"
#include "codec/row.h"
#include "registry/registry.h"

struct printer_schema {
    int32_t id;
    struct row_plan plan;               /* without a reader's schema, else */
    const struct avro_program *program; /* from this schema to the reader's */
    const struct err *broken;           /* why it cannot be used, or NULL: asked for once only */
};

struct bus_event_printer {
    struct registry *registry;
    const char *source;
    bool json;
    const struct avro_schema *reader; /* whose view of values is printed; NULL: the columns as PostgreSQL has them */
    struct avro_tape tape;
    uint64_t damaged;         /* values that could not be decoded, and */
    struct err damage;        /* why the first one could not */
    struct arena arena, line; /* for its life; for one line */
    struct buf out;
    struct printer_schema *schemas;
    size_t schema_count, schema_capacity;
};

/* registry, source and json are set by the caller before. */
void bus_event_printer_init(struct bus_event_printer *p);
/* Values are printed as a reader with the Avro schema in that file sees them. ERR_USAGE: no such file; ERR_DATA: no
 * such schema. */
bool bus_event_printer_read_as(struct bus_event_printer *p, const char *path, struct err *err) MUST_USE;
void bus_event_printer_free(struct bus_event_printer *p);
/* The event as one line in p->out. A value whose schema is unknown or does not fit is given as its bytes, with the
 * reason, and counted in `damaged`. Errors are those of asking for schemas. */
bool bus_event_render(struct bus_event_printer *p, const struct lineage *lineage, const struct bus_part *part,
                      const struct event *event, struct err *err) MUST_USE;
/* "2026-01-31T12:00:00.123456Z"; out has 40 bytes; returns out. */
char *bus_time_format(int64_t us, char *out);
