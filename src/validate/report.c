// SPDX-License-Identifier: Apache-2.0
/* The report of results.h, from memory or from the tables, through one list of rows. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "validate/results.h"

struct line {
    char *endpoint;
    uint64_t n[VERDICT_COUNT];
};

struct report {
    struct line *lines;
    size_t count, capacity;
    struct line total;
    struct buf reasons, excuses; /* JSON members or text lines */
};

static void report_add(struct report *r, const char *endpoint, enum verdict v, uint64_t n)
{
    size_t i = 0;
    while (i < r->count && strcmp(r->lines[i].endpoint, endpoint) != 0)
        i++;
    if (i == r->count) {
        GROW(r->lines, r->count, r->capacity);
        r->lines[r->count++] = (struct line){.endpoint = xstrdup(endpoint)};
    }
    r->lines[i].n[v] += n;
    r->total.n[v] += n;
}

static void add_reason(struct report *r, bool json, const char *endpoint, const char *class, const char *reason,
                       uint64_t n)
{
    if (!reason[0])
        return;
    if (json) {
        buf_adds(&r->reasons, r->reasons.len ? ",{\"endpoint\":" : "{\"endpoint\":");
        buf_add_json(&r->reasons, str_of(endpoint));
        buf_printf(&r->reasons, ",\"class\":\"%s\",\"reason\":", class);
        buf_add_json(&r->reasons, str_of(reason));
        buf_printf(&r->reasons, ",\"count\":%llu}", (unsigned long long)n);
    } else {
        buf_printf(&r->reasons, "  %s (%s): %llu  %s\n", class, reason, (unsigned long long)n, endpoint);
    }
}

static void add_excuse(struct report *r, bool json, const char *endpoint, const char *rule, uint64_t n)
{
    if (json) {
        buf_adds(&r->excuses, r->excuses.len ? ",{\"endpoint\":" : "{\"endpoint\":");
        buf_add_json(&r->excuses, str_of(endpoint));
        buf_printf(&r->excuses, ",\"rule\":\"%s\",\"count\":%llu}", rule, (unsigned long long)n);
    } else {
        buf_printf(&r->excuses, "  rule %s excused %llu values  %s\n", rule, (unsigned long long)n, endpoint);
    }
}

static enum verdict verdict_of(const char *name)
{
    for (unsigned v = 0; v < VERDICT_COUNT; v++)
        if (strcmp(verdict_name((enum verdict)v), name) == 0)
            return (enum verdict)v;
    return VERDICT_SKIPPED;
}

static void read_memory(const struct results *s, struct report *r, bool json)
{
    for (size_t i = 0; i < s->count; i++) {
        report_add(r, s->rows[i].endpoint, s->rows[i].verdict, s->rows[i].total);
        add_reason(r, json, s->rows[i].endpoint, verdict_name(s->rows[i].verdict), s->rows[i].reason, s->rows[i].total);
    }
    for (size_t i = 0; i < s->excuse_count; i++)
        add_excuse(r, json, s->excuses[i].endpoint, json_excuse_name(s->excuses[i].excuse), s->excuses[i].total);
}

static bool read_tables(struct results *s, struct report *r, bool json, struct err *err)
{
    PG_RESULT rows = NULL;
    PG_RESULT rules = NULL;
    PG_RESULT there = NULL;
    uint64_t n = 0;
    if (!pg_open(&s->pg, PG_TARGET, "control database", s->dsn, false, err) ||
        !pg_query(&s->pg, "SELECT to_regclass('undam_validate.mismatch') IS NOT NULL", &there, err))
        return false;
    if (PQgetvalue(there, 0, 0)[0] == 'f')
        return true; /* nothing was compared yet */
    if (!pg_query(&s->pg, "SELECT endpoint, class, reason, n FROM undam_validate.counter ORDER BY 1, 2, 3", &rows,
                  err) ||
        !pg_query(&s->pg, "SELECT endpoint, rule, n FROM undam_validate.excuse ORDER BY 1, 2", &rules, err))
        return false;
    for (int i = 0; i < PQntuples(rows); i++) {
        const char *endpoint = PQgetvalue(rows, i, 0), *class = PQgetvalue(rows, i, 1);
        n = str_to_u64(str_of(PQgetvalue(rows, i, 3)), &n) ? n : 0;
        report_add(r, endpoint, verdict_of(class), n);
        add_reason(r, json, endpoint, class, PQgetvalue(rows, i, 2), n);
    }
    for (int i = 0; i < PQntuples(rules); i++) {
        n = str_to_u64(str_of(PQgetvalue(rules, i, 2)), &n) ? n : 0;
        add_excuse(r, json, PQgetvalue(rules, i, 0), PQgetvalue(rules, i, 1), n);
    }
    return true;
}

static void print_counts_json(const struct line *l, struct buf *out)
{
    for (unsigned v = 0; v < VERDICT_COUNT; v++)
        buf_printf(out, "%s\"%s\":%llu", v ? "," : "", verdict_name((enum verdict)v), (unsigned long long)l->n[v]);
}

static void print_json(const struct report *r, struct buf *out)
{
    buf_addc(out, '{');
    print_counts_json(&r->total, out);
    buf_adds(out, ",\"endpoints\":[");
    for (size_t i = 0; i < r->count; i++) {
        buf_adds(out, i ? ",{\"endpoint\":" : "{\"endpoint\":");
        buf_add_json(out, str_of(r->lines[i].endpoint));
        buf_addc(out, ',');
        print_counts_json(&r->lines[i], out);
        buf_addc(out, '}');
    }
    buf_adds(out, "],\"reasons\":[");
    buf_add_str(out, buf_str(&r->reasons));
    buf_adds(out, "],\"excused\":[");
    buf_add_str(out, buf_str(&r->excuses));
    buf_adds(out, "]}\n");
}

static void print_text(const struct report *r, struct buf *out)
{
    for (unsigned v = 0; v < VERDICT_COUNT; v++)
        buf_printf(out, "%9s ", verdict_name((enum verdict)v));
    buf_adds(out, " ENDPOINT\n");
    for (size_t i = 0; i <= r->count; i++) {
        const struct line *l = i < r->count ? &r->lines[i] : &r->total;
        for (unsigned v = 0; v < VERDICT_COUNT; v++)
            buf_printf(out, "%9llu ", (unsigned long long)l->n[v]);
        buf_printf(out, " %s\n", i == r->count ? "all" : l->endpoint[0] ? l->endpoint : "(no endpoint)");
    }
    buf_add_str(out, buf_str(&r->reasons));
    buf_add_str(out, buf_str(&r->excuses));
}

bool results_report(struct results *s, bool stored, bool json, struct buf *out, struct err *err)
{
    struct report r = {0};
    bool good = true;
    buf_init(&r.reasons, 0);
    buf_init(&r.excuses, 0);
    if (stored)
        good = read_tables(s, &r, json, err);
    else
        read_memory(s, &r, json);
    if (good && json)
        print_json(&r, out);
    else if (good)
        print_text(&r, out);
    for (size_t i = 0; i < r.count; i++)
        free(r.lines[i].endpoint);
    free(r.lines);
    buf_free(&r.reasons);
    buf_free(&r.excuses);
    return good;
}
