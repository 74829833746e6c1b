// SPDX-License-Identifier: Apache-2.0
/* The preflight; see check.h. Each check is a row: its SQL gives objects, its texts say what they mean. */
#include "relay/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bus/kafka_check.h"
#include "codec/outbox.h"
#include "relay/source.h"

struct checking {
    const struct config *config;
    struct check_report *report;
    struct pg *pg;
    int version;
};

static void add(struct checking *c, enum check_severity severity, const char *code, const char *object,
                const char *text, const char *hint)
{
    struct check_report *r = c->report;
    GROW(r->findings, r->finding_count, r->finding_cap);
    r->findings[r->finding_count++] = (struct check_finding){
        severity, code, arena_strdup(&r->arena, object), arena_strdup(&r->arena, text), arena_strdup(&r->arena, hint)};
    r->errors += severity == CHECK_ERROR;
    r->warnings += severity == CHECK_WARNING;
}

/*
 * Every query starts from `t`: the configured tables that exist, with name, oid, relkind and identity ("f", "d", "n",
 * "i"), partitions' leaves not included; `key` their partition key; the outbox has key NULL. Columns: object, detail.
 */
static const char tables_cte[] =
    " t AS (SELECT c.oid, w.name, w.key, w.dynamic, c.relkind, c.relreplident AS ident, c.relpersistence,"
    " (SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS pk"
    " FROM wanted w, pg_catalog.pg_class c, pg_catalog.pg_namespace n WHERE n.oid = c.relnamespace"
    " AND c.relkind IN ('r', 'p') AND n.nspname || '.' || c.relname = w.name) ";

static const struct {
    enum check_severity severity;
    int version_min; /* of the server */
    const char *code;
    const char *sql;
    const char *text; /* %s: detail */
    const char *hint;
} table_checks[] = {
    {CHECK_ERROR, 0, "table_missing", "SELECT name, '' FROM wanted WHERE name NOT IN (SELECT name FROM t)",
     "the table does not exist%s", "correct services.*.tables or source.outbox; names are schema.table"},
    {CHECK_ERROR, 0, "no_primary_key", "SELECT name, '' FROM t WHERE key IS NOT NULL AND pk IS NULL AND ident <> 'i'",
     "it has no primary key: the first update or delete stops the relay%s",
     "add a primary key, or take the table out of its service"},
    {CHECK_ERROR, 0, "identity_nothing", "SELECT name, '' FROM t WHERE key IS NOT NULL AND ident = 'n'",
     "REPLICA IDENTITY NOTHING: PostgreSQL refuses its updates and deletes once it is published%s",
     "ALTER TABLE ... REPLICA IDENTITY DEFAULT"},
    {CHECK_NOTE, 0, "identity_full", "SELECT name, '' FROM t WHERE ident = 'f'",
     "REPLICA IDENTITY FULL: every update and delete writes the whole old row to the WAL%s",
     "DEFAULT is enough unless the table has wide columns or a partition key outside of its primary key"},
    {CHECK_NOTE, 0, "identity_index", "SELECT name, '' FROM t WHERE ident = 'i'",
     "the replica identity is an index: its columns, not the primary key's, are the key of its events%s",
     "ALTER TABLE ... REPLICA IDENTITY DEFAULT, unless that is wanted"},
    {CHECK_ERROR, 0, "not_logged", "SELECT name, '' FROM t WHERE relpersistence <> 'p'",
     "it is unlogged or temporary: its changes are not in the WAL%s", "ALTER TABLE ... SET LOGGED"},
    {CHECK_ERROR, 0, "no_partition_key",
     "SELECT t.name, k FROM t, unnest(string_to_array(t.key, ',')) k WHERE NOT EXISTS (SELECT FROM"
     " pg_catalog.pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname ="
     " btrim(k))",
     "its partition key names column %s, which it does not have", "correct the table's key in the configuration"},
    {CHECK_WARNING, 0, "key_outside_identity",
     "SELECT t.name, k FROM t, unnest(string_to_array(t.key, ',')) k WHERE t.ident = 'd' AND t.pk IS NOT NULL AND NOT"
     " EXISTS (SELECT FROM pg_catalog.pg_index i, pg_catalog.pg_attribute a WHERE i.indexrelid = t.pk AND a.attrelid ="
     " t.oid AND a.attnum = ANY (i.indkey) AND a.attname = btrim(k))",
     "partition key column %s is not part of the primary key: deletes do not carry it and are keyed by the primary "
     "key, "
     "so a delete may be in another partition than the row's other events",
     "readers that need a row's events in one partition: ALTER TABLE ... REPLICA IDENTITY FULL"},
    {CHECK_WARNING, 0, "wide_columns",
     "SELECT t.name, string_agg(a.attname, ', ' ORDER BY a.attnum) FROM t, pg_catalog.pg_attribute a WHERE t.ident <>"
     " 'f' AND t.key IS NOT NULL AND a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attstorage <> 'p'"
     " AND (a.atttypmod < 0 OR a.atttypmod > 2000) AND a.atttypid <> ALL"
     " ('{numeric,inet,cidr,int2vector,oidvector}'::regtype[]) GROUP BY t.name",
     "values of %s that are large enough to be TOASTed are left out of updates that do not change them",
     "events name them as missing; readers that need whole rows: ALTER TABLE ... REPLICA IDENTITY FULL"},
    {CHECK_NOTE, 0, "generated_columns",
     "SELECT t.name, string_agg(a.attname, ', ') FROM t, pg_catalog.pg_attribute a WHERE a.attrelid = t.oid AND"
     " a.attgenerated <> '' AND NOT a.attisdropped GROUP BY t.name",
     "generated columns %s are not in the stream",
     "PostgreSQL 18 can publish them: publish_generated_columns = stored"},
    {CHECK_NOTE, 0, "user_defined_types",
     "SELECT t.name, string_agg(a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod), ', ') FROM t,"
     " pg_catalog.pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >="
     " 16384 GROUP BY t.name",
     "user-defined types: %s; values come as their text, those of domains as their base type's",
     "a read model that uses them as such needs the type too"},
    {CHECK_ERROR, 0, "dynamic_key",
     "SELECT t.name, btrim(d) FROM t, unnest(string_to_array(t.dynamic, ',')) d WHERE btrim(d) IN (SELECT btrim(k) FROM"
     " unnest(string_to_array(t.key, ',')) k UNION SELECT a.attname FROM pg_catalog.pg_index i, "
     "pg_catalog.pg_attribute a"
     " WHERE i.indexrelid = t.pk AND a.attrelid = t.oid AND a.attnum = ANY (i.indkey))",
     "column %s is part of a key and cannot be dynamic", "take it out of services.*.dynamic"},
    {CHECK_WARNING, 0, "dynamic_nothing",
     "SELECT t.name, btrim(d) FROM t, unnest(string_to_array(t.dynamic, ',')) d WHERE NOT EXISTS (SELECT FROM"
     " pg_catalog.pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND CASE WHEN d LIKE"
     " '%*%' THEN starts_with(a.attname::text, rtrim(btrim(d), '*')) ELSE a.attname = btrim(d) END)",
     "services.*.dynamic names %s, which fits no column today", "nothing to do if such columns are still to come"},
    {CHECK_NOTE, 0, "partitioned",
     "SELECT t.name, '' FROM t WHERE relkind = 'p' AND (SELECT pubviaroot FROM pg_catalog.pg_publication WHERE pubname"
     " = (SELECT pub FROM one))",
     "partitioned, published by its root%s: TRUNCATE of a single partition is not in the stream",
     "empty partitions with DELETE or detach them"},
    {CHECK_WARNING, 0, "partitioned_by_leaf",
     "SELECT t.name, '' FROM t WHERE relkind = 'p' AND NOT (SELECT pubviaroot FROM pg_catalog.pg_publication WHERE"
     " pubname = (SELECT pub FROM one))",
     "partitioned, published by its partitions: each is led back to its parent by the catalog of the moment%s",
     "ALTER PUBLICATION ... SET (publish_via_partition_root = true)"},
    {CHECK_ERROR, 0, "partition_and_parent",
     "SELECT t.name, string_agg(parent.name, ', ') FROM t, t parent WHERE t.oid <> parent.oid AND parent.oid IN (SELECT"
     " a FROM pg_catalog.pg_partition_ancestors(t.oid) a) GROUP BY t.name",
     "it is a partition of %s, which is configured as well: a change is an event of one of them, the other misses it",
     "configure the partitioned table alone, or its partitions alone"},
    {CHECK_WARNING, 150000, "row_filter",
     "SELECT t.name, pg_catalog.pg_get_expr(pr.prqual, pr.prrelid) FROM t, pg_catalog.pg_publication_rel pr,"
     " pg_catalog.pg_publication p WHERE pr.prrelid = t.oid AND p.oid = pr.prpubid AND p.pubname = (SELECT pub FROM "
     "one)"
     " AND pr.prqual IS NOT NULL",
     "the publication has a row filter: %s; read models will have only those rows",
     "ALTER PUBLICATION ... SET TABLE without WHERE, unless that is wanted"},
    {CHECK_NOTE, 150000, "column_list",
     "SELECT t.name, '' FROM t, pg_catalog.pg_publication_rel pr, pg_catalog.pg_publication p WHERE pr.prrelid = t.oid"
     " AND p.oid = pr.prpubid AND p.pubname = (SELECT pub FROM one) AND pr.prattrs IS NOT NULL",
     "the publication has a column list: other columns are not in the events%s", "see ALTER PUBLICATION"},
};

/* "WITH wanted(name, key, dynamic) AS (VALUES ...), one(pub) AS (...), t AS (...)" */
static void add_with(const struct checking *c, struct buf *sql)
{
    bool first = true;
    buf_adds(sql, "WITH wanted(name, key, dynamic) AS (");
    for (size_t i = 0; i < c->config->service_count; i++) {
        for (size_t k = 0; k < c->config->services[i].table_count; k++, first = false) {
            buf_adds(sql, first ? "VALUES (" : ", (");
            buf_add_literal(sql, str_of(c->config->services[i].tables[k].name));
            buf_adds(sql, first ? "::text, " : ", ");
            buf_add_literal(sql, str_of(c->config->services[i].tables[k].key));
            buf_adds(sql, first ? "::text, " : ", ");
            buf_add_literal(sql, str_of(c->config->services[i].tables[k].dynamic));
            buf_adds(sql, first ? "::text)" : ")");
        }
    }
    if (c->config->source.outbox[0]) {
        buf_adds(sql, first ? "VALUES (" : ", (");
        buf_add_literal(sql, str_of(c->config->source.outbox));
        buf_adds(sql, first ? "::text, NULL::text, '')" : ", NULL, '')");
        first = false;
    }
    buf_adds(sql, first ? "SELECT '', '', '' WHERE false), one(pub) AS (SELECT " : "), one(pub) AS (SELECT ");
    buf_add_literal(sql, str_of(c->config->source.publication));
    buf_adds(sql, "::text),");
    buf_adds(sql, tables_cte);
}

static bool check_tables(struct checking *c, struct err *err)
{
    struct buf sql, text;
    bool ok = true;
    buf_init(&sql, 0);
    buf_init(&text, 0);
    for (size_t i = 0; ok && i < COUNT(table_checks); i++) {
        if (c->version < table_checks[i].version_min)
            continue;
        buf_clear(&sql);
        add_with(c, &sql);
        buf_adds(&sql, table_checks[i].sql);
        buf_adds(&sql, " ORDER BY 1, 2");
        PG_RESULT rows = NULL;
        ok = pg_query(c->pg, sql.data, &rows, err);
        for (int r = 0; ok && r < PQntuples(rows); r++) {
            struct str after, before = str_cut(str_of(table_checks[i].text), '%', &after);
            buf_clear(&text);
            buf_add_str(&text, before);
            buf_adds(&text, PQgetvalue(rows, r, 1));
            buf_add(&text, after.data + 1, after.len - 1); /* past the s of %s */
            add(c, table_checks[i].severity, table_checks[i].code, PQgetvalue(rows, r, 0), text.data,
                table_checks[i].hint);
        }
    }
    buf_free(&sql);
    buf_free(&text);
    return ok;
}

static void add_column(struct buf *sql, bool *first, struct str name)
{
    buf_adds(sql, *first ? "(" : ", (");
    buf_add_literal(sql, name);
    buf_adds(sql, ")");
    *first = false;
}

/* The columns that every row of the outbox must have, by the configuration. */
static void add_outbox_columns(const struct config *config, struct buf *sql)
{
    static const char *const names[] = {"id", "aggregatetype", "aggregateid", "payload", "type"};
    struct outbox_field fields[OUTBOX_FIELDS_MAX];
    size_t count = 0;
    struct err err;
    bool first = true;
    for (size_t i = 0; i < COUNT(names) - config_debezium(config); i++) /* Debezium does without type */
        add_column(sql, &first, outbox_column(str_of(config->source.outbox_columns), str_of(names[i])));
    if (outbox_fields_parse(str_of(config->source.outbox_fields), fields, &count, &err))
        for (size_t i = 0; i < count; i++)
            add_column(sql, &first, fields[i].column);
}

static bool check_outbox(struct checking *c, struct err *err)
{
    struct buf sql;
    if (!c->config->source.outbox[0])
        return true;
    buf_init(&sql, 0);
    add_with(c, &sql);
    buf_adds(&sql, "SELECT t.name, string_agg(k, ', ') FROM t, (VALUES ");
    add_outbox_columns(c->config, &sql);
    buf_adds(&sql,
             ") w(k) WHERE t.key IS NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = "
             "t.oid AND a.attname = k AND a.attnum > 0 AND NOT a.attisdropped) GROUP BY t.name");
    PG_RESULT rows = NULL;
    bool ok = pg_query(c->pg, sql.data, &rows, err);
    buf_free(&sql);
    for (int i = 0; ok && i < PQntuples(rows); i++)
        add(c, CHECK_ERROR, "outbox_columns", PQgetvalue(rows, i, 0),
            arena_printf(&c->report->arena, "the outbox lacks the columns %s", PQgetvalue(rows, i, 1)),
            "an outbox has id, aggregatetype, aggregateid, type and payload; source.outbox_columns names columns that "
            "are called otherwise");
    return ok;
}

/* What the relay itself refuses at start, in its words. */
static bool check_start(struct checking *c, struct err *err)
{
    struct source_facts facts;
    struct err found;
    if (source_check(c->pg, c->config, &facts, &found)) {
        c->version = facts.version;
    } else if (found.class == ERR_CONFIG) {
        c->version = PQserverVersion(c->pg->conn);
        add(c, CHECK_ERROR, "refused", "source", found.text, found.hint);
    } else {
        *err = found;
        return false;
    }
    if (!source_check_role(c->pg, &found))
        add(c, CHECK_ERROR, "no_replication_privilege", "role", found.text, found.hint);
    return true;
}

static bool setting(struct checking *c, const char *name, char *out, size_t size, struct err *err)
{
    const char *values[] = {name};
    PG_RESULT r = NULL;
    if (!pg_query_params(c->pg, "SELECT setting FROM pg_catalog.pg_settings WHERE name = $1", 1, values, &r, err))
        return false;
    snprintf(out, size, "%s", PQntuples(r) == 1 ? PQgetvalue(r, 0, 0) : "");
    return true;
}

static bool check_settings(struct checking *c, struct err *err)
{
    char value[64];
    if (!setting(c, "max_slot_wal_keep_size", value, sizeof value, err))
        return false;
    if (strcmp(value, "-1") == 0)
        add(c, CHECK_NOTE, "wal_unlimited", "max_slot_wal_keep_size", "a slot may hold back WAL until the disk is full",
            "watch undam_relay_retained_wal_bytes; or set a limit, at which the slot is lost instead");
    if (!setting(c, "wal_sender_timeout", value, sizeof value, err))
        return false;
    if (strcmp(value, "0") == 0)
        add(c, CHECK_NOTE, "no_sender_timeout", "wal_sender_timeout",
            "the server never gives up a silent relay: after a network failure the slot stays taken",
            "60s, the default, is good");
    else if (strtol(value, NULL, 10) < 2000)
        add(c, CHECK_WARNING, "short_sender_timeout", "wal_sender_timeout",
            "the server cuts the relay off after less than two seconds of silence", "60s, the default, is good");
    if (!setting(c, "synchronous_commit", value, sizeof value, err))
        return false;
    if (strcmp(value, "off") == 0)
        add(c, CHECK_NOTE, "asynchronous_commit", "synchronous_commit",
            "with synchronous_commit = off a commit reaches the relay only when its WAL is flushed: up to three times "
            "wal_writer_delay (200 ms) later",
            "lower wal_writer_delay to 10ms");
    if (!setting(c, "server_encoding", value, sizeof value, err))
        return false;
    if (strcmp(value, "SQL_ASCII") == 0)
        add(c, CHECK_WARNING, "sql_ascii", "server_encoding",
            "SQL_ASCII: the server does not know its texts' encoding and passes bytes through that may not be UTF-8",
            "events with such bytes cannot be read back into a UTF8 database; convert the source's database");
    if (c->version < 140000)
        add(c, CHECK_NOTE, "version_13", "server",
            "PostgreSQL 13: large transactions come whole, after the server has spilled them to its disk, and logical "
            "messages do not come at all",
            "PostgreSQL 14 and later stream them");
    if (c->version < 140000 && c->config->source.message_prefix[0])
        add(c, CHECK_ERROR, "no_messages", "source.message_prefix",
            "PostgreSQL 13 does not deliver logical messages to pgoutput", "use an outbox table, or PostgreSQL 14");
    return true;
}

static bool check_privileges(struct checking *c, struct err *err)
{
    struct buf sql;
    buf_init(&sql, 0);
    add_with(c, &sql);
    buf_adds(&sql, "SELECT name FROM t WHERE NOT pg_catalog.has_table_privilege(oid, 'SELECT') ORDER BY 1");
    PG_RESULT r = NULL;
    bool ok = pg_query(c->pg, sql.data, &r, err);
    buf_free(&sql);
    for (int i = 0; ok && i < PQntuples(r); i++)
        add(c, CHECK_WARNING, "no_select", PQgetvalue(r, i, 0),
            "the role may not SELECT it: streaming works, the first load of a read model does not",
            "GRANT SELECT ON ... TO the relay's role");
    return ok;
}

static bool check_publication(struct checking *c, struct err *err)
{
    const char *values[] = {c->config->source.publication};
    PG_RESULT r = NULL;
    if (!pg_query_params(c->pg, "SELECT puballtables, pubtruncate FROM pg_catalog.pg_publication WHERE pubname = $1", 1,
                         values, &r, err))
        return false;
    if (PQntuples(r) == 0)
        return true; /* said already */
    if (*PQgetvalue(r, 0, 0) == 't')
        add(c, CHECK_NOTE, "all_tables", c->config->source.publication,
            "FOR ALL TABLES: changes of tables in no service are sent and thrown away",
            "name the tables, to spare the source and the network");
    if (*PQgetvalue(r, 0, 1) != 't' && c->config->service_count)
        add(c, CHECK_WARNING, "no_truncate", c->config->source.publication,
            "TRUNCATE is not published: read models keep what the source has thrown away",
            "ALTER PUBLICATION ... SET (publish = 'insert, update, delete, truncate')");
    return true;
}

static bool check_slot(struct checking *c, struct err *err)
{
    struct source_slot slot;
    char text[200];
    const char *name = c->config->source.slot;
    if (!source_slot(c->pg, name, &slot, err))
        return false;
    if (!slot.found) {
        add(c, CHECK_NOTE, "slot_missing", name, "the slot does not exist yet",
            "the relay creates it at its first start");
        return true;
    }
    if (!slot.ours)
        add(c, CHECK_ERROR, "slot_foreign", name,
            "the slot is not a permanent logical slot with pgoutput in this database", "choose another source.slot");
    if (slot.lost)
        add(c, CHECK_ERROR, "slot_lost", name, "the slot has lost its WAL",
            "drop it; the stream cannot be continued, read models must be loaded anew");
    if (slot.active) {
        snprintf(text, sizeof text, "process %d of the server streams from it", slot.active_pid);
        add(c, CHECK_NOTE, "slot_active", name, text, "a relay is running; a second one waits for it");
    }
    if (strcmp(slot.wal_status, "unreserved") == 0)
        add(c, CHECK_ERROR, "slot_at_risk", name, "the next checkpoint may remove WAL that the slot needs",
            "start the relay now, or raise max_slot_wal_keep_size");
    if (c->config->source.retained_wal_max_bytes > 0 &&
        slot.retained_bytes >= c->config->source.retained_wal_max_bytes / 2) {
        snprintf(text, sizeof text, "the slot holds back %lld bytes of WAL", (long long)slot.retained_bytes);
        add(c, CHECK_WARNING, "wal_retained", name, text, "start the relay, or drop the slot if it is not needed");
    }
    return true;
}

/* What the bus says of itself. A cluster that cannot be asked is a finding: the source has been looked at all the same.
 */
static void check_bus(struct checking *c)
{
    static const enum check_severity severities[] = {
        [KAFKA_ERROR] = CHECK_ERROR, [KAFKA_WARNING] = CHECK_WARNING, [KAFKA_NOTE] = CHECK_NOTE};
    struct bus_config bus = bus_config_of(c->config);
    struct kafka_report report;
    struct err err;
    if (strcmp(bus.driver, "kafka") != 0)
        return;
    if (!kafka_cluster_check(&bus, &report, &err))
        add(c, CHECK_ERROR, "bus_unusable", "bus", err.text, err.hint);
    for (size_t i = 0; i < report.count; i++) {
        const struct kafka_finding *f = &report.findings[i];
        add(c, severities[f->severity], f->code, f->object, f->text, f->hint);
    }
    kafka_report_free(&report);
}

static int by_severity(const void *a, const void *b)
{
    const struct check_finding *x = a, *y = b;
    if (x->severity != y->severity)
        return x->severity < y->severity ? -1 : 1;
    int c = strcmp(x->code, y->code);
    return c ? c : strcmp(x->object, y->object);
}

bool relay_check(const struct config *config, struct check_report *ret, struct err *err)
{
    *ret = (struct check_report){.server_version = 0};
    struct pg pg;
    if (!pg_open(&pg, PG_SOURCE, "source", config->source.dsn, false, err))
        return false;
    struct checking c = {.config = config, .report = ret, .pg = &pg};
    bool ok = pg_exec(&pg, "SET search_path = ''; SET default_transaction_read_only = on", err) &&
              check_start(&c, err) && check_tables(&c, err) && check_outbox(&c, err) && check_settings(&c, err) &&
              check_privileges(&c, err) && check_publication(&c, err) && check_slot(&c, err);
    ret->server_version = c.version;
    pg_close(&pg);
    if (ok)
        check_bus(&c);
    if (ok && ret->finding_count)
        qsort(ret->findings, ret->finding_count, sizeof *ret->findings, by_severity);
    return ok;
}

void relay_check_free(struct check_report *report)
{
    free(report->findings);
    arena_free(&report->arena);
}

const char *check_severity_name(enum check_severity severity)
{
    static const char *const names[] = {"error", "warning", "note"};
    return names[severity];
}
