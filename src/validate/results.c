// SPDX-License-Identifier: Apache-2.0
/* Counters of comparisons; see results.h. */
#include "validate/results.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static const char *const verdict_names[VERDICT_COUNT] = {
    [VERDICT_MATCH] = "match",       [VERDICT_STALE] = "stale",         [VERDICT_MISMATCH] = "mismatch",
    [VERDICT_UNSTABLE] = "unstable", [VERDICT_ERROR_OLD] = "error-old", [VERDICT_ERROR_NEW] = "error-new",
    [VERDICT_TIMEOUT] = "timeout",   [VERDICT_SKIPPED] = "skipped",
};

const char *verdict_name(enum verdict v) { return (unsigned)v < VERDICT_COUNT ? verdict_names[v] : "unknown"; }

static const char schema_sql[] =
    "BEGIN;"
    "SELECT pg_advisory_xact_lock(8461814183208378732);"
    "CREATE SCHEMA IF NOT EXISTS undam_validate;"
    "CREATE TABLE IF NOT EXISTS undam_validate.counter (endpoint text NOT NULL, class text NOT NULL, reason text NOT "
    "NULL,"
    " n bigint NOT NULL, first_at timestamptz NOT NULL DEFAULT now(), last_at timestamptz NOT NULL DEFAULT now(),"
    " PRIMARY KEY (endpoint, class, reason));"
    "CREATE TABLE IF NOT EXISTS undam_validate.excuse (endpoint text NOT NULL, rule text NOT NULL, n bigint NOT NULL,"
    " PRIMARY KEY (endpoint, rule));"
    "CREATE TABLE IF NOT EXISTS undam_validate.mismatch (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " at timestamptz NOT NULL DEFAULT now(), endpoint text NOT NULL, target text NOT NULL, old_lsn pg_lsn,"
    " position pg_lsn, differences jsonb NOT NULL, differences_total bigint NOT NULL, evidence text);"
    "COMMIT";

void results_init(struct results *r, const char *dsn) { *r = (struct results){.dsn = dsn}; }

void results_free(struct results *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->rows[i].endpoint);
        free(r->rows[i].reason);
    }
    for (size_t i = 0; i < r->excuse_count; i++)
        free(r->excuses[i].endpoint);
    free(r->rows);
    free(r->excuses);
    pg_close(&r->pg);
}

static struct result_row *row_of(struct results *r, const char *endpoint, enum verdict v, const char *reason)
{
    for (size_t i = 0; i < r->count; i++) {
        struct result_row *row = &r->rows[i];
        if (row->verdict == v && strcmp(row->endpoint, endpoint) == 0 && strcmp(row->reason, reason) == 0)
            return row;
    }
    GROW(r->rows, r->count, r->capacity);
    r->rows[r->count] = (struct result_row){xstrdup(endpoint), xstrdup(reason), v, 0, 0};
    return &r->rows[r->count++];
}

void results_add(struct results *r, const char *endpoint, enum verdict v, const char *reason)
{
    struct result_row *row = row_of(r, endpoint, v, reason ? reason : "");
    row->total++;
    row->unsaved++;
    r->totals[v]++;
}

void results_excuses(struct results *r, const char *endpoint, const struct json_comparison *c)
{
    for (unsigned k = 0; k < JSON_EXCUSE_KINDS; k++) {
        size_t i = 0;
        if (!c->excused[k])
            continue;
        while (i < r->excuse_count && (r->excuses[i].excuse != k || strcmp(r->excuses[i].endpoint, endpoint) != 0))
            i++;
        if (i == r->excuse_count) {
            GROW(r->excuses, r->excuse_count, r->excuse_capacity);
            r->excuses[r->excuse_count++] = (struct excuse_row){xstrdup(endpoint), (enum json_excuse)k, 0, 0};
        }
        r->excuses[i].total += c->excused[k];
        r->excuses[i].unsaved += c->excused[k];
    }
}

static bool make_schema(struct pg *pg, struct err *err)
{
    PG_RESULT there = NULL;
    if (!pg_query(pg, "SELECT to_regclass('undam_validate.mismatch') IS NOT NULL", &there, err))
        return false;
    return PQgetvalue(there, 0, 0)[0] == 't' || pg_exec(pg, schema_sql, err);
}

static bool results_open(struct results *r, struct err *err)
{
    if (r->pg.conn && PQstatus(r->pg.conn) == CONNECTION_OK)
        return true;
    pg_close(&r->pg);
    if (!pg_open(&r->pg, PG_TARGET, "control database", r->dsn, false, err))
        return false;
    if (!r->ready && !make_schema(&r->pg, err)) {
        pg_close(&r->pg); /* ends the transaction too */
        return err_wrap(err, "creating schema undam_validate");
    }
    r->ready = true;
    return true;
}

/* One row at a time inside one transaction: there are a few dozen at most. */
static bool save_rows(struct results *r, struct err *err)
{
    char n[24];
    for (size_t i = 0; i < r->count; i++) {
        const struct result_row *row = &r->rows[i];
        if (!row->unsaved)
            continue;
        snprintf(n, sizeof n, "%llu", (unsigned long long)row->unsaved);
        const char *values[] = {row->endpoint, verdict_name(row->verdict), row->reason, n};
        PG_RESULT done = NULL;
        if (!pg_query_params(
                &r->pg,
                "INSERT INTO undam_validate.counter AS c (endpoint, class, reason, n) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (endpoint, class, reason) DO UPDATE SET n = c.n + excluded.n, last_at = now()",
                4, values, &done, err))
            return false;
    }
    for (size_t i = 0; i < r->excuse_count; i++) {
        const struct excuse_row *row = &r->excuses[i];
        if (!row->unsaved)
            continue;
        snprintf(n, sizeof n, "%llu", (unsigned long long)row->unsaved);
        const char *values[] = {row->endpoint, json_excuse_name(row->excuse), n};
        PG_RESULT done = NULL;
        if (!pg_query_params(&r->pg,
                             "INSERT INTO undam_validate.excuse AS c (endpoint, rule, n) VALUES ($1, $2, $3)"
                             " ON CONFLICT (endpoint, rule) DO UPDATE SET n = c.n + excluded.n",
                             3, values, &done, err))
            return false;
    }
    return true;
}

bool results_save(struct results *r, struct err *err)
{
    bool any = false;
    for (size_t i = 0; i < r->count; i++)
        any |= r->rows[i].unsaved != 0;
    if (!any || !r->dsn || !r->dsn[0])
        return true;
    if (!results_open(r, err))
        return false;
    if (!pg_exec(&r->pg, "BEGIN", err) || !save_rows(r, err) || !pg_exec(&r->pg, "COMMIT", err)) {
        pg_close(&r->pg);
        return false;
    }
    for (size_t i = 0; i < r->count; i++)
        r->rows[i].unsaved = 0;
    for (size_t i = 0; i < r->excuse_count; i++)
        r->excuses[i].unsaved = 0;
    return true;
}

bool results_save_mismatch(struct results *r, const struct mismatch_record *m, struct err *err)
{
    if (!r->dsn || !r->dsn[0])
        return true;
    if (!results_open(r, err))
        return false;
    struct buf list;
    char total[24];
    buf_init(&list, 0);
    buf_addc(&list, '[');
    for (unsigned i = 0; i < m->comparison->difference_count; i++) {
        buf_printf(&list, "%s{\"kind\":\"%s\",\"path\":", i ? "," : "",
                   json_difference_name(m->comparison->differences[i].kind));
        buf_add_json(&list, m->comparison->differences[i].path);
        buf_addc(&list, '}');
    }
    buf_addc(&list, ']');
    snprintf(total, sizeof total, "%llu", (unsigned long long)m->comparison->difference_total);
    const char *values[] = {m->endpoint, m->target, m->old_lsn, m->position, list.data, total, m->evidence};
    PG_RESULT done = NULL;
    bool good = pg_query_params(&r->pg,
                                "INSERT INTO undam_validate.mismatch (endpoint, target, old_lsn, position, differences,"
                                " differences_total, evidence) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                                7, values, &done, err);
    buf_free(&list);
    return good;
}
