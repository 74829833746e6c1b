// SPDX-License-Identifier: Apache-2.0
/* The explicit acts of set-up on the source: publication and slot. Nothing else in the relay writes there. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "link/pg/replication.h"
#include "model/position.h"
#include "relay/relay.h"
#include "relay/source.h"

bool relay_create_slot(const struct config *config, bool dry_run, struct buf *out, struct err *err)
{
    struct pg pg;
    uint64_t lsn;
    char text[LSN_TEXT_SIZE];
    if (dry_run) {
        buf_printf(out, "CREATE_REPLICATION_SLOT \"%s\" LOGICAL pgoutput\n", config->source.slot);
        return true;
    }
    if (!pg_open(&pg, PG_SOURCE, "source (replication)", config->source.dsn, true, err))
        return false;
    bool ok = pg_slot_create(&pg, config->source.slot, PG_SLOT_PERMANENT, &lsn, NULL, err);
    pg_close(&pg);
    if (ok)
        buf_printf(out, "slot %s created at %s\n", config->source.slot, lsn_format(lsn, text));
    return ok;
}

static void add_table(struct buf *sql, const char *name, bool first)
{
    struct str table, schema = str_cut(str_of(name), '.', &table);
    buf_adds(sql, first ? " FOR TABLE " : ", ");
    buf_add_ident(sql, schema);
    buf_addc(sql, '.');
    buf_add_ident(sql, table);
}

static void publication_sql(const struct config *config, struct buf *sql)
{
    bool first = true;
    buf_adds(sql, "CREATE PUBLICATION ");
    buf_add_ident(sql, str_of(config->source.publication));
    for (size_t i = 0; i < config->service_count; i++)
        for (size_t t = 0; t < config->services[i].table_count; t++, first = false)
            add_table(sql, config->services[i].tables[t].name, first);
    if (config->source.outbox[0])
        add_table(sql, config->source.outbox, first);
    buf_adds(sql, " WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)");
}

bool relay_create_publication(const struct config *config, bool dry_run, struct buf *out, struct err *err)
{
    struct buf sql;
    struct pg pg;
    buf_init(&sql, 0);
    publication_sql(config, &sql);
    bool ok = true;
    if (dry_run) {
        buf_printf(out, "%s;\n", sql.data);
    } else if ((ok = pg_open(&pg, PG_SOURCE, "source", config->source.dsn, false, err))) {
        ok = pg_exec(&pg, sql.data, err);
        pg_close(&pg);
        if (ok)
            buf_printf(out, "publication %s created\n", config->source.publication);
    }
    buf_free(&sql);
    return ok;
}
