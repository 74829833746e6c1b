// SPDX-License-Identifier: Apache-2.0
/* Questions to the source; see source.h. */
#include "check/source.h"

#include <time.h>

#include "base/log.h"
#include "model/position.h"

enum { PAGE = 8192, HEADER = 24, LONG_HEADER = 40 };

static bool two_lsns(struct pg *pg, uint64_t *ret_insert, uint64_t *ret_flush, struct err *err)
{
    PGresult *rows;
    if (!pg_query(pg, "SELECT pg_current_wal_insert_lsn(), pg_current_wal_flush_lsn()", &rows, err))
        return false;
    bool good =
        lsn_parse(str_of(PQgetvalue(rows, 0, 0)), ret_insert) && lsn_parse(str_of(PQgetvalue(rows, 0, 1)), ret_flush);
    PQclear(rows);
    return good || err_set(err, ERR_SOURCE, "source: an LSN cannot be read");
}

bool source_lsn(struct pg *pg, uint64_t *ret, struct err *err)
{
    uint64_t insert, flush, now;
    if (!two_lsns(pg, &insert, &flush, err))
        return false;
    /* At the start of a page the insert position is already behind the page's header, the flush position before it. */
    if (insert % PAGE == HEADER || insert % PAGE == LONG_HEADER)
        insert -= insert % PAGE;
    int64_t until = mono_us() + 1000000;
    while (flush < insert && mono_us() < until) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        if (!two_lsns(pg, &now, &flush, err))
            return false;
    }
    *ret = insert;
    return true;
}

bool columns_get(struct pg *pg, const char *schema, const char *table, struct arena *arena, struct columns *ret,
                 struct err *err)
{
    PGresult *rows;
    struct columns c = {.count = 0};
    const char *values[] = {schema, table};
    if (!pg_query_params(pg,
                         "SELECT a.attname, CASE WHEN array_position(i.indkey::int2[], a.attnum) < i.indnkeyatts"
                         " THEN array_position(i.indkey::int2[], a.attnum) + 1 ELSE 0 END"
                         " FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid"
                         " JOIN pg_namespace n ON n.oid = t.relnamespace"
                         " LEFT JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary"
                         " WHERE n.nspname = $1 AND t.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped"
                         " AND a.attgenerated = '' AND a.attname NOT IN ('_lsn', '_seq') ORDER BY a.attnum",
                         2, values, &rows, err))
        return false;
    c.count = (size_t)PQntuples(rows);
    c.names = arena_calloc(arena, c.count + 1, sizeof *c.names);
    c.key = arena_calloc(arena, c.count + 1, sizeof *c.key);
    for (size_t i = 0; i < c.count; i++) {
        c.names[i] = str_of(arena_strdup(arena, PQgetvalue(rows, (int)i, 0)));
        int64_t place = pg_cell_i64(rows, (int)i, 1);
        if (place > 0 && (size_t)place <= c.count) {
            c.key[place - 1] = i;
            c.key_count++;
        }
    }
    PQclear(rows);
    *ret = c;
    return true;
}
