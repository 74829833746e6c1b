// SPDX-License-Identifier: Apache-2.0
/*
 * The log against the source, table by table.
 *
 * The log is read to its end, at P. One snapshot of the source, taken after that, gives every row; a row that is not
 * what the log says at P is a suspect. Then the log is read on past the LSN the source had after the snapshot. The
 * snapshot lies between P and that LSN, so a suspect is settled when the row was what some event in between made of it;
 * what is left never was, at any position the snapshot can have had. One thing spoils the proof: a commit is decoded a
 * moment before other sessions see it, so a snapshot may lack the last commits before P. Tables with suspects left are
 * therefore compared again, up to PASSES times; what differs every time is reported.
 */
#include "check/log.h"
#include "check/source.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

struct suspect {
    struct row_key key;
    bool present, settled; /* in the source's snapshot */
    uint64_t *columns;     /* of the source's row, as many as the log knew then; 0: not compared */
    size_t count;
    char *shown;          /* the key, when values may be shown */
    struct suspect *next; /* same bucket */
};

enum { BUCKETS = 4096, PASSES = 3 };

struct compared {
    struct check_line *line;
    struct table *table;
    size_t *at;   /* the source query's column -> the table's, or SIZE_MAX */
    size_t count; /* columns of the query after the key's */
    size_t key_count;
    struct suspect *buckets[BUCKETS];
    uint64_t suspects;
};

struct tables {
    struct check *check;
    struct log *log;
    struct pg pg;
    struct arena arena;
    struct buf subject;
    uint64_t *hashes;
};

/* ---- suspects ---- */

static bool row_same(const struct row *r, const uint64_t *columns, size_t count, size_t *ret_column)
{
    assert(r); /* callers ask row_lives() first */
    for (size_t i = 0; i < count; i++) {
        if (columns[i] && i < r->count && r->columns[i] && r->columns[i] != columns[i]) {
            *ret_column = i;
            return false;
        }
    }
    return true;
}

static bool suspect_holds(const struct suspect *s, const struct table *t, const struct row *r)
{
    size_t column;
    if (!s->present)
        return row_lives(t, r);
    return !row_lives(t, r) || !row_same(r, s->columns, s->count, &column);
}

static void suspect_add(struct tables *ts, struct compared *c, struct row_key key, bool present,
                        const uint64_t *columns, struct str shown)
{
    struct suspect *s = arena_calloc(&ts->arena, 1, sizeof *s);
    size_t n = c->table->column_count;
    s->key = key;
    s->present = present;
    if (present) {
        s->columns = arena_calloc(&ts->arena, n + 1, sizeof *s->columns);
        memcpy(s->columns, columns, n * sizeof *s->columns);
        s->count = n;
    }
    if (ts->check->show_values && shown.data)
        s->shown = arena_memdup(&ts->arena, shown.data, shown.len);
    s->next = c->buckets[key.a % BUCKETS];
    c->buckets[key.a % BUCKETS] = s;
    c->suspects++;
}

static void suspect_retry(struct compared *c, struct suspect *s, const struct row *row)
{
    if (!s->settled && !suspect_holds(s, c->table, row))
        s->settled = true;
}

/* From the log: `row` is now as the event left it. */
static void on_change(void *arg, struct table *table, struct row *row)
{
    (void)arg;
    struct compared *c = table->user;
    if (!c || !c->suspects)
        return;
    if (row) {
        for (struct suspect *s = c->buckets[row->key.a % BUCKETS]; s; s = s->next)
            if (s->key.a == row->key.a && s->key.b == row->key.b)
                suspect_retry(c, s, row);
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) /* truncated */
        for (struct suspect *s = c->buckets[i]; s; s = s->next)
            suspect_retry(c, s, NULL);
}

/* ---- the source's snapshot ---- */

/* SELECT <key columns>, <columns the log knows> FROM table; false with *ret_why when they cannot be compared. */
static const char *build_query(struct tables *ts, struct compared *c, const struct columns *source, struct str schema,
                               struct str name, struct buf *sql)
{
    const struct table *t = c->table;
    buf_adds(sql, "SELECT ");
    for (size_t i = 0; i < t->key_count; i++) {
        bool there = false;
        for (size_t k = 0; k < source->count; k++)
            there |= str_eq(source->names[k], t->key[i]);
        if (!there)
            return "its key was renamed since";
        buf_adds(sql, i ? "," : "");
        buf_add_ident(sql, t->key[i]);
    }
    c->key_count = t->key_count;
    c->at = arena_calloc(&ts->arena, source->count + 1, sizeof *c->at);
    for (size_t k = 0; k < source->count; k++) {
        for (size_t i = 0; i < t->column_count; i++) {
            if (!str_eq(source->names[k], t->columns[i]))
                continue;
            c->at[c->count++] = i;
            buf_addc(sql, ',');
            buf_add_ident(sql, source->names[k]);
        }
    }
    buf_adds(sql, " FROM ");
    buf_add_ident(sql, schema);
    buf_addc(sql, '.');
    buf_add_ident(sql, name);
    return NULL;
}

static struct str cell(const PGresult *r, int row, size_t column)
{
    return str_n(PQgetvalue(r, row, (int)column), (size_t)PQgetlength(r, row, (int)column));
}

/* The key as an event's subject has it. */
static struct str subject_of(struct tables *ts, const struct compared *c, const PGresult *r, int row)
{
    if (c->key_count == 1)
        return cell(r, row, 0);
    buf_clear(&ts->subject);
    for (size_t i = 0; i < c->key_count; i++) {
        buf_addc(&ts->subject, i ? ',' : '[');
        buf_add_json(&ts->subject, cell(r, row, i));
    }
    buf_addc(&ts->subject, ']');
    return buf_str(&ts->subject);
}

static void compare_row(struct tables *ts, struct compared *c, const PGresult *r, int n)
{
    size_t column, count = c->table->column_count;
    struct str subject = subject_of(ts, c, r, n);
    struct row_key key = row_key_of(subject);
    struct row *row = table_find(c->table, key);
    memset(ts->hashes, 0, count * sizeof *ts->hashes);
    for (size_t i = 0; i < c->count; i++) {
        size_t at = c->key_count + i;
        ts->hashes[c->at[i]] = PQgetisnull(r, n, (int)at) ? hash_null() : hash_text(cell(r, n, at), 3);
    }
    c->line->checked++;
    if (row)
        row->marked = true;
    else if (!ts->check->complete_log) {
        c->line->unknown++;
        return;
    }
    if (!row_lives(c->table, row) || !row_same(row, ts->hashes, count, &column))
        suspect_add(ts, c, key, true, ts->hashes, subject);
}

static bool stream_rows(struct tables *ts, struct compared *c, const char *sql, struct err *err)
{
    struct progress bar;
    bool good = true;
    progress_begin(&bar, c->line->name, "rows", c->table->row_count, ts->check->quiet);
    if (!PQsendQuery(ts->pg.conn, sql) || !PQsetSingleRowMode(ts->pg.conn))
        return pg_fail(&ts->pg, NULL, "cannot read a table", err);
    for (PGresult *r; (r = PQgetResult(ts->pg.conn)); PQclear(r)) {
        ExecStatusType status = PQresultStatus(r);
        if (status == PGRES_SINGLE_TUPLE) {
            compare_row(ts, c, r, 0);
            progress_set(&bar, c->line->checked);
        } else if (status != PGRES_TUPLES_OK && good) {
            good = pg_fail(&ts->pg, r, "cannot read a table", err);
        }
    }
    progress_end(&bar);
    return good;
}

/* What lives on the log and was not in the snapshot. */
static void compare_absent(struct tables *ts, struct compared *c)
{
    for (size_t i = 0; i < c->table->slot_count; i++) {
        struct row *row = &c->table->rows[i];
        if (row->used && !row->marked && row_lives(c->table, row)) {
            c->line->checked++;
            suspect_add(ts, c, row->key, false, NULL, (struct str){NULL, 0});
        }
        row->marked = false;
    }
}

/* The table's comparison, begun or begun anew. */
static struct compared *compared_new(struct tables *ts, const char *name)
{
    struct table *table = rows_table(log_rows(ts->log), str_of(name));
    struct compared *old = table ? table->user : NULL, *c = arena_calloc(&ts->arena, 1, sizeof *c);
    c->line = old ? old->line : check_line_add(ts->check->report, "table", name);
    c->line->checked = c->line->unknown = 0;
    c->table = table;
    return c;
}

/* A log that is complete says of a table it never names that it is empty. */
static struct table *table_without_events(struct tables *ts, const char *name, const struct columns *columns)
{
    struct table *t = rows_table_make(log_rows(ts->log), str_of(name));
    t->key = arena_calloc(&ts->arena, columns->key_count, sizeof *t->key);
    t->key_count = columns->key_count;
    for (size_t i = 0; i < columns->key_count; i++)
        t->key[i] = columns->names[columns->key[i]];
    return t;
}

static bool compare_table(struct tables *ts, const char *name, struct err *err)
{
    struct str table_name, schema = str_cut(str_of(name), '.', &table_name);
    struct columns columns;
    struct compared *c = compared_new(ts, name);
    if (!columns_get(&ts->pg, arena_memdup(&ts->arena, schema.data, schema.len),
                     arena_memdup(&ts->arena, table_name.data, table_name.len), &ts->arena, &columns, err))
        return false;
    if (!c->table && ts->check->complete_log && columns.key_count)
        c->table = table_without_events(ts, name, &columns);
    if (columns.count == 0)
        c->line->skipped = "the source has no such table";
    else if (!c->table || c->table->key_count == 0)
        c->line->skipped = c->table && c->table->column_count ? "it has no primary key" : "the log has no event of it";
    if (c->line->skipped)
        return true;
    struct buf sql;
    buf_init(&sql, 0);
    c->line->skipped = build_query(ts, c, &columns, schema, table_name, &sql);
    ts->hashes = xrealloc(ts->hashes, (c->table->column_count + 1) * sizeof *ts->hashes);
    bool good = c->line->skipped || stream_rows(ts, c, sql.data, err);
    buf_free(&sql);
    if (!good || c->line->skipped)
        return good;
    compare_absent(ts, c);
    c->table->user = c;
    return true;
}

static uint64_t unsettled(const struct compared *c)
{
    uint64_t n = 0;
    for (size_t i = 0; c && c->suspects && i < BUCKETS; i++)
        for (const struct suspect *s = c->buckets[i]; s; s = s->next)
            n += !s->settled;
    return n;
}

/* ---- the verdict ---- */

static void report_suspect(struct tables *ts, struct compared *c, const struct suspect *s)
{
    const struct table *t = c->table;
    const struct row *row = table_find(t, s->key);
    char key[40], lsn[LSN_TEXT_SIZE] = "none";
    size_t column = 0;
    snprintf(key, sizeof key, "%016llx", (unsigned long long)s->key.a);
    if (row)
        lsn_format(row->last.lsn, lsn);
    const char *name = s->shown ? s->shown : key, *kind = s->shown ? "key" : "key hash";
    if (!s->present)
        check_wrong(ts->check->report, c->line, "%s %s: on the log (%s), not in the source", kind, name, lsn);
    else if (!row_lives(t, row))
        check_wrong(ts->check->report, c->line, "%s %s: in the source, %s", kind, name,
                    row ? "deleted on the log" : "never on the log");
    else if (!row_same(row, s->columns, s->count, &column))
        check_wrong(ts->check->report, c->line, "%s %s: column " STR_FMT " differs from the log's (%s %u)", kind, name,
                    STR_ARG(t->columns[column]), lsn, row->last.seq);
    else
        check_wrong(ts->check->report, c->line, "%s %s: the log came to this value only later", kind, name);
}

static void report_table(struct tables *ts, struct compared *c)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct suspect *s = c->buckets[i]; s; s = s->next)
            if (!s->settled)
                report_suspect(ts, c, s);
}

/* All tables; in a later pass those that still have suspects. */
static bool compare_all(struct tables *ts, int pass, struct err *err)
{
    const struct config *config = ts->check->config;
    for (size_t i = 0; i < config->service_count; i++) {
        for (size_t k = 0; k < config->services[i].table_count; k++) {
            const char *name = config->services[i].tables[k].name;
            const struct table *table = rows_table(log_rows(ts->log), str_of(name));
            if (pass > 0 && (!table || !unsettled(table->user)))
                continue;
            if (!compare_table(ts, name, err))
                return false;
        }
    }
    return true;
}

static bool run_pass(struct tables *ts, int pass, uint64_t *ret_left, struct err *err)
{
    uint64_t before, after, left = 0;
    log_watch(ts->log, NULL, NULL);
    if (!source_lsn(&ts->pg, &before, err) || !log_read(ts->log, before, err) ||
        !pg_exec(&ts->pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err) || !compare_all(ts, pass, err) ||
        !pg_exec(&ts->pg, "COMMIT", err) || !source_lsn(&ts->pg, &after, err))
        return false;
    log_watch(ts->log, on_change, ts);
    if (!log_read(ts->log, after, err))
        return false;
    struct rows *rows = log_rows(ts->log);
    for (size_t i = 0; i < rows->table_count; i++)
        left += unsettled(rows->tables[i]->user);
    *ret_left = left;
    return true;
}

static bool run(struct tables *ts, struct err *err)
{
    uint64_t left = 1;
    for (int pass = 0; pass < PASSES && left; pass++) {
        if (pass)
            nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        if (!run_pass(ts, pass, &left, err))
            return false;
    }
    struct rows *rows = log_rows(ts->log);
    for (size_t i = 0; i < rows->table_count; i++)
        if (rows->tables[i]->user)
            report_table(ts, rows->tables[i]->user);
    return true;
}

bool check_bus(struct check *check, struct err *err)
{
    struct tables ts = {.check = check};
    arena_init(&ts.arena);
    buf_init(&ts.subject, 0);
    bool good = pg_open(&ts.pg, PG_SOURCE, "source", check->config->source.dsn, false, err) &&
                log_open(check, &ts.log, err) && run(&ts, err);
    if (ts.log)
        log_close(ts.log);
    pg_close(&ts.pg);
    free(ts.hashes);
    buf_free(&ts.subject);
    arena_free(&ts.arena);
    return good;
}
