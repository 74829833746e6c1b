// SPDX-License-Identifier: Apache-2.0
/*
 * A position by time, in the postgres driver: the last segment whose first block is from before that time, then a
 * binary search in it over the blocks' end positions. Each look reads one block's first bytes through the index. Blocks
 * are in LSN order and their commit times nearly so, hence the margin that bus_position_at() takes off.
 */
#include <stdio.h>

#include "bus/block.h"
#include "bus/postgres.h"

enum { HEAD_BYTES = 64 }; /* holds the block's first record, a transaction's */

struct search {
    struct pg pg;
    struct bus_source source;
    int64_t before_us;
    uint64_t lsn; /* of the last transaction known to be from before */
};

struct block_head {
    bool found;
    uint64_t end_lsn;
    struct event_txn txn;
};

static const struct pg_idle no_idle = {NULL, NULL};

static bool read_head(const PGresult *r, struct block_head *ret, struct err *err)
{
    struct block_reader reader;
    struct block_item item;
    struct block_head head = {.found = true};
    size_t size;
    unsigned char *bytes = PQunescapeBytea((const unsigned char *)PQgetvalue(r, 0, 1), &size);
    bool ok = bytes && lsn_parse(str_of(PQgetvalue(r, 0, 0)), &head.end_lsn);
    if (ok) {
        block_reader_init(&reader, str_n((const char *)bytes, size));
        ok = block_next(&reader, &item, NULL) == BLOCK_TXN;
    }
    PQfreemem(bytes);
    if (!ok)
        return err_set(err, ERR_DATA, "bus: a block does not begin with a transaction");
    head.txn = item.txn;
    *ret = head;
    return true;
}

/* The first block of the segment that ends after `lsn`. */
static bool block_after(struct search *s, int32_t day, uint64_t lsn, struct block_head *ret, struct err *err)
{
    char id[16], text[LSN_TEXT_SIZE], sql[256];
    const char *values[] = {id, lsn_format(lsn, text)};
    PG_RESULT r = NULL;
    snprintf(id, sizeof id, "%d", s->source.id);
    snprintf(sql, sizeof sql,
             "SELECT end_lsn, substring(data FROM 1 FOR %d) FROM undam_bus.block_%d WHERE source = $1::int4"
             " AND end_lsn > $2::pg_lsn ORDER BY source, end_lsn, end_seq LIMIT 1",
             HEAD_BYTES, day);
    if (!pg_ask_wait(&s->pg, &no_idle, "cannot look for a time", sql, COUNT(values), values, &r, err))
        return false;
    if (PQntuples(r))
        return read_head(r, ret, err);
    *ret = (struct block_head){.found = false};
    return true;
}

/* Whether the block's transaction is from before; then it is what to read after. */
static bool is_before(struct search *s, const struct block_head *head)
{
    if (!head->found || head->txn.commit_time_us >= s->before_us)
        return false;
    if (head->txn.lsn > s->lsn)
        s->lsn = head->txn.lsn;
    return true;
}

static bool search_segment(struct search *s, int32_t day, struct err *err)
{
    uint64_t low = s->lsn, high = s->source.progress.lsn; /* blocks ending at or before low are from before */
    while (low < high) {
        struct block_head head;
        uint64_t middle = low + (high - low) / 2;
        if (!block_after(s, day, middle, &head, err))
            return false;
        if (is_before(s, &head))
            low = head.end_lsn;
        else
            high = middle;
    }
    return true;
}

static bool search(struct search *s, struct err *err)
{
    PG_RESULT days = NULL;
    int32_t day = 0;
    s->lsn = s->source.floor_lsn;
    if (!pg_ask_wait(&s->pg, &no_idle, "cannot list segments", "SELECT day FROM undam_bus.segment ORDER BY day", 0,
                     NULL, &days, err))
        return false;
    for (int i = 0; i < PQntuples(days); i++) {
        struct block_head head;
        if (!block_after(s, (int32_t)pg_cell_i64(days, i, 0), 0, &head, err))
            return false;
        if (!head.found)
            continue;
        if (!is_before(s, &head))
            break;
        day = (int32_t)pg_cell_i64(days, i, 0);
    }
    return day == 0 || search_segment(s, day, err);
}

bool pg_bus_position_at(const struct bus_config *config, int64_t before_us, uint64_t *ret_lsn, struct err *err)
{
    struct search s = {.before_us = before_us};
    bool there;
    if (!pg_open(&s.pg, PG_TARGET, "bus", config->dsn, false, err))
        return false;
    bool ok = bus_tables_check(&s.pg, NULL, &there, err);
    ok = ok && (!there || bus_source_get(&s.pg, NULL, config->source, &s.source, err));
    ok = ok && (!s.source.progress.found || search(&s, err));
    pg_close(&s.pg);
    if (ok)
        *ret_lsn = s.lsn;
    return ok;
}
