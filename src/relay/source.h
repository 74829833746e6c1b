// SPDX-License-Identifier: Apache-2.0
/*
 * What the source must offer before a byte moves, asked from its catalog over an ordinary connection: the server's
 * settings, the publication with every configured table in it, and the slot as the server sees it.
 */
#pragma once
#include "link/pg/pg.h"
#include "model/config.h"
#include "model/position.h"

struct source_facts {
    int version;              /* 150004 */
    uint32_t publication_oid; /* another one later is another publication */
    bool all_tables, via_root;
    bool leaf_routing;         /* a configured table is partitioned and published by its partitions */
    int64_t sender_timeout_ms; /* wal_sender_timeout, 0 = none */
    uint64_t wal_block_size, wal_segment_size;
};

/* ERR_CONFIG with what to do: wal_level, a missing publication or table, a publication that leaves out tables or kinds
 * of changes. ERR_SOURCE when it cannot be asked. */
bool source_check(struct pg *pg, const struct config *config, struct source_facts *ret, struct err *err) MUST_USE;

/* ERR_CONFIG when the role may not replicate; true also when that cannot be known. */
bool source_check_role(struct pg *pg, struct err *err) MUST_USE;

struct source_slot {
    bool found;
    bool ours;   /* logical, pgoutput, in this database, permanent */
    bool active; /* somebody streams from it */
    int active_pid;
    bool lost; /* its WAL is gone */
    uint64_t confirmed;
    int64_t retained_bytes; /* WAL that only this slot holds back, roughly */
    int64_t safe_bytes;  /* how much more may be written before max_slot_wal_keep_size costs the slot; -1: no limit */
    char wal_status[16]; /* reserved, extended, unreserved, lost */
};
bool source_slot(struct pg *pg, const char *slot, struct source_slot *ret, struct err *err) MUST_USE;
/* The query behind it, for connections that do not wait; source_slot_read takes its result. */
void source_slot_query(const char *slot, struct buf *sql);
bool source_slot_read(const PGresult *rows, struct source_slot *ret);

/* SQL that gives the configured tables (and the outbox) that the publication does not publish, as one text, NULL if
 * none; $-free. */
void source_unpublished_query(const struct config *config, struct buf *sql);
/* The configured tables and the outbox as a SQL array of text. */
void source_tables_array(const struct config *config, struct buf *sql);
