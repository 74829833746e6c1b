// SPDX-License-Identifier: Apache-2.0
/*
 * Where a table's changes go: made once per announced layout and kept in the relation, so that the path of an event
 * compares no names. A partition follows its nearest configured ancestor.
 */
#pragma once
#include "bus/bus.h"
#include "capture/capture.h"
#include "codec/outbox.h"
#include "codec/row.h"
#include "model/config.h"

enum route_kind {
    ROUTE_TABLE,   /* events of a service */
    ROUTE_OUTBOX,  /* rows are events */
    ROUTE_IGNORED, /* published but in no service: nobody's */
};

enum route_verb { ROUTE_CREATED, ROUTE_UPDATED, ROUTE_DELETED, ROUTE_VERBS };

enum route_outbox_column {
    OUTBOX_ID,
    OUTBOX_AGGREGATETYPE,
    OUTBOX_AGGREGATEID,
    OUTBOX_PAYLOAD,
    OUTBOX_TYPE, /* this and the ones before must be there; Debezium does without it */
    OUTBOX_HEADERS,
    OUTBOX_TRACEPARENT,
    OUTBOX_COLUMNS,
};

/* A further column of an outbox and where it goes. */
struct route_field {
    size_t column;
    enum outbox_place place;
    enum outbox_kind kind;
    struct str alias;
};

/* The record of a verb's events: its schema, and how a change's columns go into it. */
struct route_record {
    struct row_schema schema;
    struct row_plan plan;
    const size_t *columns; /* of the relation, for each of the schema's */
    int32_t id;            /* 0: not registered yet */
    bool made;
};

struct route {
    enum route_kind kind;
    struct arena arena;
    struct str topic;
    struct str entity; /* "schema.table" as configured: of a partition, its ancestor's */
    bool by_ancestor;
    size_t leaves; /* by_ancestor: partitions that the ancestor has */
    struct str types[ROUTE_VERBS];
    struct str truncated_type;
    struct route_record records[ROUTE_VERBS];
    size_t *key; /* columns of the partition key */
    size_t key_count;
    bool key_is_subject;  /* the same columns as the primary key's, in its order */
    bool key_in_identity; /* a delete carries it */
    size_t *deleted;      /* the primary key in column order: the fields of a delete */
    size_t deleted_count;
    size_t *plain; /* columns with a field of their own */
    size_t plain_count;
    size_t *dynamic; /* columns that go into the map */
    size_t dynamic_count;
    bool has_map;                  /* the configuration names dynamic columns of the table, be there any now or not */
    size_t outbox[OUTBOX_COLUMNS]; /* column, or SIZE_MAX */
    bool payload_bytes;            /* it is a bytea */
    bool envelope;                 /* some field goes into the value */
    struct route_field *fields;
    size_t field_count;
};

struct router {
    const struct config *config;
    /* Some configured table is partitioned and published by its partitions: a table that is in no service might then
     * be a former partition of it, so it is refused instead of ignored. */
    bool strict;
};

/* The relation's route, made at first use and owned by the relation. ERR_CONFIG or ERR_DATA naming the table. */
bool route_of(const struct router *router, struct capture_relation *relation, struct route **ret,
              struct err *err) MUST_USE;

/* The record of one verb for the route's topic, made at first use; it lives as long as the route. */
struct route_record *route_record(struct route *route, const struct capture_relation *relation, enum route_verb verb);
