// SPDX-License-Identifier: Apache-2.0
/* Questions to the source's catalog; see source.h. */
#include "relay/source.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static const char *cell(const PGresult *r, int column)
{
    return PQgetisnull(r, 0, column) ? "" : PQgetvalue(r, 0, column);
}

static bool is_true(const PGresult *r, int column) { return *cell(r, column) == 't'; }

static int64_t number(const PGresult *r, int column, int64_t fallback)
{
    int64_t v;
    return str_to_i64(str_of(cell(r, column)), &v) ? v : fallback;
}

void source_tables_array(const struct config *config, struct buf *sql)
{
    bool first = true;
    buf_adds(sql, "ARRAY[");
    for (size_t i = 0; i < config->service_count; i++) {
        for (size_t t = 0; t < config->services[i].table_count; t++) {
            buf_adds(sql, first ? "" : ",");
            buf_add_literal(sql, str_of(config->services[i].tables[t].name));
            first = false;
        }
    }
    if (config->source.outbox[0]) {
        buf_adds(sql, first ? "" : ",");
        buf_add_literal(sql, str_of(config->source.outbox));
    }
    buf_adds(sql, "]::text[]");
}

/* A partitioned table counts as published when it, an ancestor or any of its partitions is. What is published is put
 * together once, not for each table: the relay asks again and again, and a source may have thousands. */
void source_unpublished_query(const struct config *config, struct buf *sql)
{
    buf_adds(sql, "SELECT string_agg(t.name, ', ' ORDER BY t.name) FROM unnest(");
    source_tables_array(config, sql);
    buf_adds(sql, ") t(name) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_publication p WHERE p.puballtables AND "
                  "p.pubname = ");
    buf_add_literal(sql, str_of(config->source.publication));
    buf_adds(sql,
             ") AND t.name NOT IN (SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_publication_tables p,"
             " pg_catalog.pg_namespace pn, pg_catalog.pg_class pc, LATERAL (SELECT pc.oid UNION ALL SELECT a::oid FROM"
             " pg_catalog.pg_partition_ancestors(pc.oid) a) a(oid), pg_catalog.pg_class c, pg_catalog.pg_namespace n"
             " WHERE pn.nspname = p.schemaname AND pc.relnamespace = pn.oid AND pc.relname = p.tablename AND c.oid ="
             " a.oid AND n.oid = c.relnamespace AND p.pubname = ");
    buf_add_literal(sql, str_of(config->source.publication));
    buf_adds(sql, " UNION ALL SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_publication_rel pr,"
                  " pg_catalog.pg_publication p, pg_catalog.pg_class c, pg_catalog.pg_namespace n WHERE p.oid ="
                  " pr.prpubid AND c.oid = pr.prrelid AND n.oid = c.relnamespace AND p.pubname = ");
    buf_add_literal(sql, str_of(config->source.publication));
    buf_addc(sql, ')');
}

static bool check_settings(struct pg *pg, struct source_facts *facts, struct err *err)
{
    PG_RESULT r = NULL;
    if (!pg_query(pg,
                  "SELECT current_setting('wal_level'), current_setting('server_version_num'),"
                  " (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'),"
                  " current_setting('wal_block_size'), pg_catalog.pg_is_in_recovery(),"
                  " pg_catalog.pg_size_bytes(current_setting('wal_segment_size'))",
                  &r, err))
        return false;
    facts->version = (int)number(r, 1, 0);
    facts->sender_timeout_ms = number(r, 2, 60000);
    facts->wal_block_size = (uint64_t)number(r, 3, 8192);
    facts->wal_segment_size = (uint64_t)number(r, 5, 16 << 20);
    if (facts->version < 130000) {
        err_set(err, ERR_CONFIG, "the source is PostgreSQL %d; 13 or later is needed", facts->version / 10000);
        return err_hint(err, "upgrade the source");
    }
    if (strcmp(cell(r, 0), "logical") != 0) {
        err_set(err, ERR_CONFIG, "the source has wal_level = %s; logical is needed", cell(r, 0));
        return err_hint(err, "ALTER SYSTEM SET wal_level = logical; then restart the source");
    }
    if (is_true(r, 4)) {
        err_set(err, ERR_CONFIG, "the source is a standby; the relay reads from the primary");
        return err_hint(err, "point source.dsn at the primary (target_session_attrs=read-write finds it)");
    }
    return true;
}

static bool check_publication(struct pg *pg, const struct config *config, struct source_facts *facts, struct err *err)
{
    const char *values[] = {config->source.publication};
    PG_RESULT r = NULL;
    if (!pg_query_params(pg,
                         "SELECT oid, puballtables, pubviaroot, pubinsert, pubupdate, pubdelete"
                         " FROM pg_catalog.pg_publication WHERE pubname = $1",
                         1, values, &r, err))
        return false;
    if (PQntuples(r) == 0) {
        err_set(err, ERR_CONFIG, "publication \"%s\" does not exist on the source", config->source.publication);
        return err_hint(err, "create it with `undam relay --create-publication` (--dry-run prints the SQL); it must be "
                             "there before the changes that it shall publish");
    }
    facts->publication_oid = (uint32_t)number(r, 0, 0);
    facts->all_tables = is_true(r, 1);
    facts->via_root = is_true(r, 2);
    static const char *const kinds[] = {"insert", "update", "delete"};
    for (int i = 0; i < 3; i++) {
        if (is_true(r, 3 + i) || (i > 0 && config->service_count == 0))
            continue;
        err_set(err, ERR_CONFIG, "publication \"%s\" does not publish %s: those changes would be lost",
                config->source.publication, kinds[i]);
        return err_hint(err, "ALTER PUBLICATION ... SET (publish = 'insert, update, delete, truncate')");
    }
    return true;
}

static bool no_tables(struct pg *pg, const char *sql, const char *what, const char *hint, struct err *err)
{
    PG_RESULT r = NULL;
    if (!pg_query(pg, sql, &r, err))
        return false;
    if (PQgetisnull(r, 0, 0))
        return true;
    err_set(err, ERR_CONFIG, "%s: %.800s", what, PQgetvalue(r, 0, 0));
    return err_hint(err, "%s", hint);
}

static bool check_tables(struct pg *pg, const struct config *config, struct source_facts *facts, struct err *err)
{
    struct buf sql;
    buf_init(&sql, 0);
    buf_adds(&sql, "SELECT string_agg(t.name, ', ' ORDER BY t.name) FROM unnest(");
    source_tables_array(config, &sql);
    buf_adds(&sql, ") t(name) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c, pg_catalog.pg_namespace n WHERE"
                   " n.oid = c.relnamespace AND c.relkind IN ('r', 'p') AND n.nspname || '.' || c.relname = t.name)");
    bool ok = no_tables(pg, sql.data, "tables of the configuration do not exist on the source",
                        "correct services.*.tables and source.outbox; names are schema.table", err);
    buf_clear(&sql);
    source_unpublished_query(config, &sql);
    ok = ok && no_tables(pg, sql.data, "tables of the configuration are not in the publication",
                         "ALTER PUBLICATION ... ADD TABLE ...; changes made before that are not in the stream", err);
    buf_clear(&sql);
    buf_adds(&sql, "SELECT count(*) FROM pg_catalog.pg_class c, pg_catalog.pg_namespace n, unnest(");
    source_tables_array(config, &sql);
    buf_adds(&sql, ") t(name) WHERE n.oid = c.relnamespace AND c.relkind = 'p'"
                   " AND n.nspname || '.' || c.relname = t.name");
    PG_RESULT r = NULL;
    ok = ok && pg_query(pg, sql.data, &r, err);
    if (ok)
        facts->leaf_routing = !facts->via_root && number(r, 0, 0) > 0;
    buf_free(&sql);
    return ok;
}

bool source_check(struct pg *pg, const struct config *config, struct source_facts *ret, struct err *err)
{
    struct source_facts facts = {.version = 0};
    if (!check_settings(pg, &facts, err) || !check_publication(pg, config, &facts, err) ||
        !check_tables(pg, config, &facts, err))
        return false;
    *ret = facts;
    return true;
}

bool source_check_role(struct pg *pg, struct err *err)
{
    PG_RESULT r = NULL;
    struct err ignored;
    if (!pg_query(pg,
                  "SELECT rolreplication OR rolsuper, rolname FROM pg_catalog.pg_roles WHERE rolname = current_user",
                  &r, &ignored) ||
        PQntuples(r) != 1 || is_true(r, 0))
        return true;
    err_set(err, ERR_CONFIG, "role \"%s\" may not replicate from the source", cell(r, 1));
    return err_hint(err, "ALTER ROLE \"%s\" REPLICATION; on managed servers grant the provider's replication role",
                    cell(r, 1));
}

/* ---- the slot ---- */

void source_slot_query(const char *slot, struct buf *sql)
{
    buf_adds(sql, "SELECT coalesce(plugin = 'pgoutput' AND slot_type = 'logical' AND NOT temporary AND"
                  " database = current_database(), false), active, active_pid, confirmed_flush_lsn, wal_status,"
                  " coalesce(wal_status = 'lost' OR restart_lsn IS NULL, true),"
                  " pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn)::bigint, safe_wal_size"
                  " FROM pg_catalog.pg_replication_slots WHERE slot_name = ");
    buf_add_literal(sql, str_of(slot));
}

bool source_slot_read(const PGresult *r, struct source_slot *ret)
{
    struct source_slot s = {.found = PQntuples(r) == 1};
    if (s.found) {
        s.ours = is_true(r, 0);
        s.active = is_true(r, 1);
        s.active_pid = (int)number(r, 2, 0);
        s.lost = is_true(r, 5);
        s.retained_bytes = number(r, 6, 0);
        s.safe_bytes = number(r, 7, -1);
        snprintf(s.wal_status, sizeof s.wal_status, "%s", cell(r, 4));
        if (!PQgetisnull(r, 0, 3) && !lsn_parse(str_of(cell(r, 3)), &s.confirmed))
            return false;
    }
    *ret = s;
    return true;
}

bool source_slot(struct pg *pg, const char *slot, struct source_slot *ret, struct err *err)
{
    struct buf sql;
    buf_init(&sql, 0);
    source_slot_query(slot, &sql);
    PG_RESULT r = NULL;
    bool ok = pg_query(pg, sql.data, &r, err);
    buf_free(&sql);
    if (!ok)
        return false;
    return source_slot_read(r, ret) || err_set(err, ERR_SOURCE, "slot \"%s\": unexpected answer", slot);
}
