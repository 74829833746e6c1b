// SPDX-License-Identifier: Apache-2.0
/* Views defined and built; see build.h. */
#include "project/build.h"

#include <stdio.h>

#include "base/progress.h"
#include "project/scan_check.h"
#include "project/sqlstate.h"

static void add_relation(struct buf *b, const char *schema, const char *name, const char *suffix)
{
    CLEANUP(free_ptr) char *full = xasprintf("%s%s", name, suffix);
    buf_printf(b, "%s.", schema);
    buf_add_ident(b, str_of(full));
}

/* '{"a","b"}' as a literal */
static void add_array(struct buf *b, const char *const *names, size_t count)
{
    buf_adds(b, "ARRAY[");
    for (size_t i = 0; i < count; i++) {
        buf_adds(b, i ? ", " : "");
        buf_add_literal(b, str_of(names[i]));
    }
    buf_adds(b, "]::text[]");
}

static bool run(struct pg *pg, struct buf *b, struct err *err)
{
    bool ok = b->overflow ? err_set(err, ERR_CONFIG, "a statement is too long") : pg_exec(pg, b->data, err);
    buf_free(b);
    return ok;
}

/* ---- what is registered ---- */

static bool delete_view(struct pg *pg, const char *name, struct err *err)
{
    const char *values[] = {name};
    PG_RESULT r = NULL;
    return pg_query_params(pg, "DELETE FROM undam.view WHERE name = $1", 1, values, &r, err);
}

static void add_view_row(struct buf *b, const struct planned_view *v, const char *state, struct arena *a)
{
    const char **tables = arena_calloc(a, v->plan.table_count + 1, sizeof *tables);
    for (size_t i = 0; i < v->plan.table_count; i++)
        tables[i] = arena_printf(a, "%s.%s", v->plan.tables[i].table->schema, v->plan.tables[i].table->name);
    const char **nullable = arena_calloc(a, v->plan.key_count + 1, sizeof *nullable);
    for (size_t i = 0; i < v->plan.key_count; i++)
        nullable[i] = v->plan.key_nullable[i] ? "t" : "f";
    buf_adds(b, "INSERT INTO undam.view (name, version, state, definition, key_columns, tables, row_columns, key_types,"
                " key_nullable, columns, select_sql, restricted_sql) VALUES (");
    buf_add_literal(b, str_of(v->file.name));
    buf_printf(b, ", %d, '%s', ", v->version, state);
    buf_add_literal(b, str_of(v->file.text));
    buf_adds(b, ", ");
    add_array(b, v->plan.keys, v->plan.key_count);
    buf_adds(b, ", ");
    add_array(b, tables, v->plan.table_count);
    buf_adds(b, ", ");
    add_array(b, v->file.rows, v->file.row_count);
    buf_adds(b, ", ");
    add_array(b, v->plan.key_types, v->plan.key_count);
    buf_adds(b, ", ");
    add_array(b, nullable, v->plan.key_count);
    buf_adds(b, ", '{}', ");
    buf_add_literal(b, str_of(v->plan.select));
    buf_adds(b, ", ");
    buf_add_literal(b, str_of(v->plan.restricted));
    buf_adds(b, ");");
}

static void add_view_parts(struct buf *b, const struct planned_view *v, struct arena *a)
{
    for (size_t i = 0; i < v->plan.table_count; i++) {
        const struct view_table *t = &v->plan.tables[i];
        buf_adds(b, "INSERT INTO undam.view_table VALUES (");
        buf_add_literal(b, str_of(v->file.name));
        buf_adds(b, ", ");
        buf_add_literal(b, str_of(mirror_name(a, t->table->schema, t->table->name)));
        buf_adds(b, ", ");
        add_array(b, t->columns, t->column_count);
        buf_adds(b, ");");
    }
    for (size_t i = 0; i < v->plan.keymap_count; i++) {
        const struct view_keymap *k = &v->plan.keymaps[i];
        buf_adds(b, "INSERT INTO undam.view_keymap VALUES (");
        buf_add_literal(b, str_of(v->file.name));
        buf_printf(b, ", %zu, ", i);
        buf_add_literal(b, str_of(mirror_name(a, k->table->table->schema, k->table->table->name)));
        buf_adds(b, ", ");
        add_array(b, k->columns, k->column_count);
        buf_adds(b, ", ");
        buf_add_literal(b, str_of(k->sql));
        buf_adds(b, ");");
    }
    for (size_t i = 0; i < v->plan.index_count; i++) {
        const struct view_index *x = &v->plan.indexes[i];
        buf_adds(b, "INSERT INTO undam.view_index VALUES (");
        buf_add_literal(b, str_of(v->file.name));
        buf_printf(b, ", %zu, ", i);
        buf_add_literal(b, str_of(mirror_name(a, x->table->schema, x->table->name)));
        buf_adds(b, ", ");
        add_array(b, x->columns, x->column_count);
        buf_adds(b, ");");
    }
}

static bool describe_view(struct pg *pg, const struct planned_view *v, const char *state, struct err *err)
{
    struct buf b;
    struct arena a;
    arena_init(&a);
    buf_init(&b, 0);
    if (!delete_view(pg, v->file.name, err))
        return false;
    add_view_row(&b, v, state, &a);
    add_view_parts(&b, v, &a);
    bool ok = run(pg, &b, err);
    arena_free(&a);
    return ok;
}

bool build_announce(struct pg *model, const struct planned *p, const char *state, struct err *err)
{
    bool ok = pg_exec(model, "BEGIN", err);
    for (size_t i = 0; ok && i < p->view_count; i++)
        if (p->views[i].change == PLANNED_NEW)
            ok = describe_view(model, &p->views[i], state, err);
    if (ok)
        return pg_exec(model, "COMMIT", err);
    pg_rollback(model);
    return false;
}

void build_failed(struct pg *model, const struct planned *p, const char *reason)
{
    for (size_t i = 0; i < p->view_count; i++) {
        const char *values[] = {p->views[i].file.name, reason};
        PG_RESULT r = NULL;
        if (p->views[i].change == PLANNED_NEW &&
            !pg_query_params(model,
                             "UPDATE undam.view SET state = 'failed', reason = $2 WHERE name = $1 AND state <>"
                             " 'ready'",
                             2, values, &r, NULL))
            return; /* the connection is gone: the next registration cleans up */
    }
}

static bool describe_mirror(struct pg *pg, const struct mirror *m, uint64_t lsn, struct err *err)
{
    struct buf b;
    char text[LSN_TEXT_SIZE];
    buf_init(&b, 0);
    buf_adds(&b, "DELETE FROM undam.mirror WHERE name = ");
    buf_add_literal(&b, str_of(m->name));
    buf_adds(&b, "; INSERT INTO undam.mirror (name, source_schema, source_table, topic, loaded_lsn) VALUES (");
    const char *values[] = {m->name, m->source_schema, m->source_table, m->topic, lsn_format(lsn, text)};
    for (size_t i = 0; i < COUNT(values); i++) {
        buf_adds(&b, i ? ", " : "");
        buf_add_literal(&b, str_of(values[i]));
    }
    buf_adds(&b, ");");
    for (size_t i = 0; i < m->column_count; i++) {
        const struct mirror_column *c = &m->columns[i];
        buf_adds(&b, "INSERT INTO undam.mirror_column VALUES (");
        buf_add_literal(&b, str_of(m->name));
        buf_printf(&b, ", %zu, ", i);
        buf_add_literal(&b, str_of(c->name));
        buf_adds(&b, ", ");
        buf_add_literal(&b, str_of(c->type));
        buf_adds(&b, ", ");
        buf_add_literal(&b, str_of(c->collation));
        buf_printf(&b, ", %u, %d, %s, %d);", c->type_oid, c->typmod, c->not_null ? "true" : "false", c->key);
    }
    return run(pg, &b, err);
}

/* ---- mirrors join ---- */

static const struct planned_view *planned_view_named(const struct planned *p, const char *name)
{
    for (size_t i = 0; i < p->view_count; i++)
        if (strcmp(p->views[i].file.name, name) == 0)
            return &p->views[i];
    return NULL;
}

static bool reads_copied(const struct build *b, const struct view *v)
{
    for (size_t i = 0; i < v->use_count; i++)
        for (size_t k = 0; k < b->planned->mirror_count; k++)
            if (b->planned->mirrors[k].copy && strcmp(b->planned->mirrors[k].mirror.name, v->uses[i].mirror->name) == 0)
                return true;
    return false;
}

static bool define_view(struct pg *pg, const char *name, const char *select, struct err *err)
{
    struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "CREATE VIEW ");
    add_relation(&b, "def", name, "");
    buf_printf(&b, " AS\n%s", select);
    return run(pg, &b, err) || err_wrap(err, "view %s", name);
}

/* Definitions hang on the mirrors they read: those of mirrors that are exchanged go first and come back after. */
static bool drop_definitions(const struct build *b, struct err *err)
{
    for (size_t i = 0; i < b->readmodel->view_count; i++) {
        const struct view *v = &b->readmodel->views[i];
        const struct planned_view *p = planned_view_named(b->planned, v->name);
        if (!reads_copied(b, v) && !(p && p->change == PLANNED_REPLACE))
            continue;
        struct buf sql;
        buf_init(&sql, 0);
        buf_adds(&sql, "DROP VIEW IF EXISTS ");
        add_relation(&sql, "def", v->name, "");
        if (!run(b->model, &sql, err))
            return false;
    }
    return true;
}

static bool restore_definitions(const struct build *b, struct err *err)
{
    PG_RESULT r = NULL;
    if (!pg_query(b->model,
                  "SELECT name, select_sql FROM undam.view v WHERE state = 'ready' AND"
                  " to_regclass(format('def.%I', name)) IS NULL ORDER BY name",
                  &r, err))
        return false;
    for (int i = 0; i < PQntuples(r); i++) {
        const struct planned_view *p = planned_view_named(b->planned, PQgetvalue(r, i, 0));
        if (p && p->change != PLANNED_SAME)
            continue;
        if (!define_view(b->model, PQgetvalue(r, i, 0), PQgetvalue(r, i, 1), err))
            return false;
    }
    return true;
}

static bool join_mirrors(const struct build *b, struct err *err)
{
    for (size_t i = 0; i < b->planned->mirror_count; i++) {
        const struct planned_mirror *m = &b->planned->mirrors[i];
        if (!m->copy)
            continue;
        struct buf sql;
        buf_init(&sql, 0);
        buf_adds(&sql, "DROP TABLE IF EXISTS ");
        add_relation(&sql, "mirror", m->mirror.name, "");
        buf_adds(&sql, "; ALTER TABLE ");
        mirror_add_relation(&sql, &m->mirror);
        buf_adds(&sql, " SET SCHEMA mirror");
        if (!run(b->model, &sql, err) || !describe_mirror(b->model, &m->mirror, b->lsn, err))
            return err_wrap(err, "mirror %s", m->mirror.entity);
    }
    return true;
}

/* All indexes that registered views ask for, but those that another one begins with; names are a hash of table and
 * columns, so each exists once. */
static bool create_indexes(struct pg *pg, struct err *err)
{
    PG_RESULT r = NULL;
    if (!pg_query(pg,
                  "SELECT DISTINCT format('CREATE INDEX IF NOT EXISTS %I ON mirror.%I (%s)', 'undam_' ||"
                  " md5(mirror || '/' || columns::text), mirror,"
                  " (SELECT string_agg(format('%I', x), ', ' ORDER BY i) FROM unnest(columns) WITH ORDINALITY u(x, i)))"
                  " FROM undam.view_index x WHERE NOT EXISTS (SELECT FROM undam.view_index y WHERE y.mirror = x.mirror"
                  " AND cardinality(y.columns) > cardinality(x.columns)"
                  " AND y.columns[1:cardinality(x.columns)] = x.columns) ORDER BY 1",
                  &r, err))
        return false;
    for (int i = 0; i < PQntuples(r); i++)
        if (!pg_exec(pg, PQgetvalue(r, i, 0), err))
            return err_wrap(err, "creating an index that key maps need");
    return true;
}

/* ---- views ---- */

static bool has_name(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* The defined view's columns: stored in undam.view.columns, checked against the header. */
static bool check_columns(struct pg *pg, const struct planned_view *v, struct arena *a, struct err *err)
{
    const char *values[] = {v->file.name};
    PG_RESULT r = NULL;
    if (!pg_query_params(pg,
                         "UPDATE undam.view SET columns = (SELECT array_agg(attname::text ORDER BY attnum) FROM"
                         " pg_attribute WHERE attrelid = format('def.%I', $1::text)::regclass AND attnum > 0)"
                         " WHERE name = $1",
                         1, values, &r, err))
        return false;
    PQclear(TAKE(r));
    if (!pg_query_params(pg, "SELECT unnest(columns) FROM undam.view WHERE name = $1", 1, values, &r, err))
        return false;
    size_t count = (size_t)PQntuples(r);
    const char **columns = arena_calloc(a, count + 1, sizeof *columns);
    for (size_t i = 0; i < count; i++)
        columns[i] = arena_strdup(a, PQgetvalue(r, (int)i, 0));
    for (size_t i = 0; i < v->file.row_count; i++)
        if (!has_name(columns, count, v->file.rows[i]))
            return err_set(err, ERR_CONFIG, "%s: the row key column %s is not a column of the SELECT", v->file.path,
                           v->file.rows[i]);
    for (size_t i = 0; i < v->file.key_count; i++)
        if (!has_name(columns, count, v->file.keys[i]))
            return err_set(err, ERR_CONFIG, "%s: the key column %s is not a column of the SELECT", v->file.path,
                           v->file.keys[i]);
    if (has_name(columns, count, "_lsn") || has_name(columns, count, "_seq"))
        return err_set(err, ERR_CONFIG, "%s: _lsn and _seq are Undam's columns, name yours otherwise", v->file.path);
    return true;
}

static void add_idents(struct buf *b, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_adds(b, i ? ", " : "");
        buf_add_ident(b, str_of(names[i]));
    }
}

static bool key_error(const struct planned_view *v, const char *state, struct err *err)
{
    struct buf rows;
    buf_init(&rows, 4096);
    for (size_t i = 0; i < v->file.row_count; i++)
        buf_printf(&rows, "%s%s", i ? ", " : "", v->file.rows[i]);
    if (strcmp(state, "23505") == 0) {
        err_set(err, ERR_CONFIG, "%s: several rows have the same (%s)", v->file.path, rows.data);
        err_hint(err, "name the columns that identify a row: -- row: %s, ...", rows.data);
    } else {
        err_set(err, ERR_CONFIG, "%s: there are rows whose (%s) is null in part", v->file.path, rows.data);
        err_hint(err, "leave them out: WHERE ... IS NOT NULL");
    }
    buf_free(&rows);
    return false;
}

/* Whether the row key begins with the key's columns, so that its index finds slices. */
static bool rows_find_slices(const struct planned_view *v)
{
    const struct view_plan *p = &v->plan;
    if (v->file.row_count < p->key_count)
        return false;
    for (size_t i = 0; i < p->key_count; i++)
        if (!has_name(p->keys, p->key_count, v->file.rows[i]))
            return false;
    return true;
}

static bool fill_view(const struct build *b, const struct planned_view *v, struct err *err)
{
    struct buf sql;
    char lsn[LSN_TEXT_SIZE];
    buf_init(&sql, 0);
    buf_adds(&sql, "CREATE TABLE ");
    add_relation(&sql, "api", v->file.name, "~");
    /* Documents change in place most of the time: room in the page keeps their updates off the index. */
    buf_printf(&sql,
               " WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05) AS SELECT d.*, '%s'::pg_lsn AS _lsn,"
               " 0 AS _seq FROM ",
               lsn_format(b->lsn, lsn));
    add_relation(&sql, "def", v->file.name, "");
    buf_adds(&sql, " d");
    PG_RESULT filled = PQexec(b->model->conn, sql.data);
    buf_free(&sql);
    if (PQresultStatus(filled) != PGRES_COMMAND_OK)
        return sqlstate_fail(b->model, filled, "computing the view", err) || err_wrap(err, "%s", v->file.path);
    buf_adds(&sql, "ALTER TABLE ");
    add_relation(&sql, "api", v->file.name, "~");
    buf_adds(&sql, " ADD PRIMARY KEY (");
    add_idents(&sql, v->file.rows, v->file.row_count);
    buf_adds(&sql, "), ALTER _lsn SET NOT NULL, ALTER _seq SET NOT NULL");
    PG_RESULT r = PQexec(b->model->conn, sql.data);
    buf_free(&sql);
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        return state && (strcmp(state, "23505") == 0 || strcmp(state, "23502") == 0)
                   ? key_error(v, state, err)
                   : pg_fail(b->model, r, "row key", err);
    if (rows_find_slices(v))
        return true;
    buf_adds(&sql, "CREATE INDEX ON ");
    add_relation(&sql, "api", v->file.name, "~");
    buf_adds(&sql, " (");
    add_idents(&sql, v->plan.keys, v->plan.key_count);
    buf_adds(&sql, ")");
    return run(b->model, &sql, err);
}

/* Who could read the version before can read this one. */
static bool copy_grants(const struct build *b, const char *name, struct err *err)
{
    const char *values[] = {name};
    PG_RESULT r = NULL;
    if (!pg_query_params(b->model,
                         "SELECT format('GRANT %s ON api.%I TO %s', x.privilege_type, $1::text || '~',"
                         " CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)"
                         " FROM pg_class c, aclexplode(c.relacl) x"
                         " WHERE c.oid = to_regclass(format('api.%I', $1::text)) AND x.grantee <> c.relowner",
                         1, values, &r, err))
        return false;
    for (int i = 0; i < PQntuples(r); i++)
        if (!pg_exec(b->model, PQgetvalue(r, i, 0), err))
            return false;
    return true;
}

static bool swap_view(const struct build *b, const struct planned_view *v, struct err *err)
{
    struct buf sql;
    buf_init(&sql, 0);
    buf_adds(&sql, "ANALYZE ");
    add_relation(&sql, "api", v->file.name, "~");
    buf_adds(&sql, "; DROP TABLE IF EXISTS ");
    add_relation(&sql, "api", v->file.name, "");
    buf_adds(&sql, "; ALTER TABLE ");
    add_relation(&sql, "api", v->file.name, "~");
    buf_adds(&sql, " RENAME TO ");
    buf_add_ident(&sql, str_of(v->file.name));
    buf_adds(&sql, "; UPDATE undam.view SET state = 'ready', reason = NULL, ready_at = now() WHERE name = ");
    buf_add_literal(&sql, str_of(v->file.name));
    return run(b->model, &sql, err);
}

static bool build_view(const struct build *b, const struct planned_view *v, struct err *err)
{
    struct arena a;
    arena_init(&a);
    bool ok = define_view(b->model, v->file.name, v->plan.select, err) && check_columns(b->model, v, &a, err) &&
              fill_view(b, v, err) && copy_grants(b, v->file.name, err);
    arena_free(&a);
    return ok;
}

static bool build_views(const struct build *b, struct err *err)
{
    const struct planned *p = b->planned;
    struct progress progress;
    uint64_t count = 0;
    for (size_t i = 0; i < p->view_count; i++)
        count += p->views[i].change != PLANNED_SAME;
    progress_begin(&progress, "building", "views", count, b->quiet);
    bool ok = true;
    for (size_t i = 0; ok && i < p->view_count; i++)
        if (p->views[i].change != PLANNED_SAME) {
            ok = build_view(b, &p->views[i], err);
            progress_set(&progress, progress.done + ok);
        }
    progress_end(&progress);
    return ok;
}

bool build_all(const struct build *b, struct err *err)
{
    const struct planned *p = b->planned;
    if (!drop_definitions(b, err) || !join_mirrors(b, err))
        return false;
    for (size_t i = 0; i < p->view_count; i++)
        if (p->views[i].change != PLANNED_SAME && !describe_view(b->model, &p->views[i], "building", err))
            return false;
    if (!create_indexes(b->model, err) || !restore_definitions(b, err))
        return false;
    if (!build_views(b, err))
        return false;
    /* Last, because readers of a replaced view wait from here to the commit. */
    for (size_t i = 0; i < p->view_count; i++)
        if (p->views[i].change != PLANNED_SAME && !swap_view(b, &p->views[i], err))
            return false;
    for (size_t i = 0; i < p->view_count && !b->allow_scans; i++)
        if (p->views[i].change != PLANNED_SAME && !scan_check(b->model, &p->views[i], err))
            return false;
    return true;
}

static bool drop_unused_mirrors(struct pg *model, struct err *err)
{
    PG_RESULT r = NULL;
    if (!pg_query(model,
                  "DELETE FROM undam.mirror m WHERE NOT EXISTS (SELECT FROM undam.view_table t JOIN undam.view v"
                  " ON v.name = t.view WHERE t.mirror = m.name) RETURNING format('DROP TABLE IF EXISTS mirror.%I',"
                  " name)",
                  &r, err))
        return false;
    for (int i = 0; i < PQntuples(r); i++)
        if (!pg_exec(model, PQgetvalue(r, i, 0), err))
            return false;
    return true;
}

bool build_drop(struct pg *model, const char *const *names, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct buf b;
        const char *values[] = {names[i]};
        PG_RESULT r = NULL;
        if (!pg_query_params(model, "DELETE FROM undam.view WHERE name = $1", 1, values, &r, err))
            return false;
        if (strcmp(PQcmdTuples(r), "1") != 0) {
            err_set(err, ERR_STATE, "view %s is not registered", names[i]);
            return err_hint(err, "undam view list shows those that are");
        }
        buf_init(&b, 0);
        buf_adds(&b, "DROP VIEW IF EXISTS ");
        add_relation(&b, "def", names[i], "");
        buf_adds(&b, "; DROP TABLE IF EXISTS ");
        add_relation(&b, "api", names[i], "");
        if (!run(model, &b, err))
            return false;
    }
    return drop_unused_mirrors(model, err);
}
