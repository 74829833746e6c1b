// SPDX-License-Identifier: Apache-2.0
/*
 * pgoutput, protocols 1 and 2: one message of the logical replication stream, bytes to struct and back.
 * Pure: no memory is allocated and nothing outside the input is read. Strings and column values are views
 * into the input; tuples use the column arrays that the caller lends.
 * Invariants: a message is accepted only when all of its bytes are used; encode(decode(x)) == x for every
 * accepted x.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum pgoutput_kind {
    PGOUTPUT_BEGIN = 'B',
    PGOUTPUT_COMMIT = 'C',
    PGOUTPUT_ORIGIN = 'O',
    PGOUTPUT_RELATION = 'R',
    PGOUTPUT_TYPE = 'Y',
    PGOUTPUT_INSERT = 'I',
    PGOUTPUT_UPDATE = 'U',
    PGOUTPUT_DELETE = 'D',
    PGOUTPUT_TRUNCATE = 'T',
    PGOUTPUT_MESSAGE = 'M',
    PGOUTPUT_STREAM_START = 'S',
    PGOUTPUT_STREAM_STOP = 'E',
    PGOUTPUT_STREAM_COMMIT = 'c',
    PGOUTPUT_STREAM_ABORT = 'A',
};

/* PostgreSQL has at most 1600 columns a table; its tuple header at most 1664 a row. */
enum { PGOUTPUT_COLUMNS_MAX = 1664 };

/* Microseconds from the Unix epoch to PostgreSQL's (2000-01-01). */
#define PGOUTPUT_EPOCH_US INT64_C(946684800000000)

enum pgoutput_datum {
    PGOUTPUT_NULL = 'n',
    PGOUTPUT_UNCHANGED = 'u', /* a TOASTed value that the UPDATE did not touch and the server does not send */
    PGOUTPUT_TEXT = 't',
    PGOUTPUT_BINARY = 'b',
};

struct pgoutput_value {
    enum pgoutput_datum kind;
    struct str data; /* text and binary only */
};

struct pgoutput_tuple {
    struct pgoutput_value *values;
    uint16_t count;
};

struct pgoutput_column {
    uint8_t flags; /* PGOUTPUT_KEY */
    struct str name;
    uint32_t type_oid;
    int32_t typmod;
};
enum { PGOUTPUT_KEY = 1 }; /* part of the replica identity */

struct pgoutput_relation {
    uint32_t oid;
    struct str schema; /* empty for pg_catalog */
    struct str name;
    char identity; /* 'd' default, 'n' nothing, 'f' full, 'i' index */
    struct pgoutput_column *columns;
    uint16_t column_count;
};

/* Old image of UPDATE and DELETE: PGOUTPUT_OLD_NONE, 'K' key columns only, 'O' the whole old row. */
enum pgoutput_old { PGOUTPUT_OLD_NONE = 0, PGOUTPUT_OLD_KEY = 'K', PGOUTPUT_OLD_ROW = 'O' };

enum { PGOUTPUT_TRUNCATE_CASCADE = 1, PGOUTPUT_TRUNCATE_RESTART = 2 };
enum { PGOUTPUT_MESSAGE_TRANSACTIONAL = 1 };

struct pgoutput {
    enum pgoutput_kind kind;
    bool in_stream; /* the message was decoded as part of a stream block, so it has an xid */
    uint32_t xid;   /* begin, stream start, commit, abort; inside a stream the (sub)transaction of the change */
    union {
        struct {
            uint64_t final_lsn; /* where the commit record starts: not the transaction's position */
            int64_t time_us;    /* since the Unix epoch, as all times here */
        } begin;
        struct {
            uint8_t flags;
            uint64_t lsn, end_lsn;
            int64_t time_us;
        } commit; /* also stream commit */
        struct {
            uint64_t lsn;
            struct str name;
        } origin;
        struct pgoutput_relation relation;
        struct {
            uint32_t oid;
            struct str schema, name;
        } type;
        struct {
            uint32_t relation;
            enum pgoutput_old old_kind;
            struct pgoutput_tuple old_row, new_row;
        } change; /* insert, update, delete */
        struct {
            uint8_t flags;
            uint32_t count;
            struct str oids; /* count big-endian 32-bit numbers; pgoutput_truncated() */
        } truncate;
        struct {
            uint8_t flags;
            uint64_t lsn; /* of the message, not a position */
            struct str prefix, content;
        } message;
        struct {
            bool first;
        } stream_start;
        struct {
            uint32_t subxid;
        } stream_abort;
    };
};

/* What decoding lends its tuples and relations; one per decoder, about 150 kB. */
struct pgoutput_scratch {
    struct pgoutput_value old_values[PGOUTPUT_COLUMNS_MAX], new_values[PGOUTPUT_COLUMNS_MAX];
    struct pgoutput_column columns[PGOUTPUT_COLUMNS_MAX];
};

/* in_stream: between a stream start and its stop. ERR_DATA with what is wrong and at which byte. */
bool pgoutput_decode(struct str bytes, bool in_stream, struct pgoutput_scratch *scratch, struct pgoutput *ret,
                     struct err *err) MUST_USE;
/* Only the kind and, inside a stream, the xid: enough to file a message away unread. ERR_DATA. */
bool pgoutput_peek(struct str bytes, bool in_stream, enum pgoutput_kind *ret_kind, uint32_t *ret_xid,
                   struct err *err) MUST_USE;
/* Relation i of a truncate message, i < count. */
uint32_t pgoutput_truncated(const struct pgoutput *m, uint32_t i);
/* Appends the message's bytes. */
void pgoutput_encode(const struct pgoutput *m, struct buf *out);
