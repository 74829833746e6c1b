// SPDX-License-Identifier: Apache-2.0
/* Reading and changing flags in the control database; see flag_store.h. */
#include "control/flag_store.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "control/flag_sql.h"
#include "flag/snapshot.h"

/* One statement, so one snapshot. Columns: kind, a, b, c, n, m, killed. */
const char flag_store_load_sql[] =
    "WITH s AS (SELECT version, killed FROM undam_flags.state)"
    " SELECT 0 AS kind, '' AS a, '' AS b, '' AS c, version AS n, 0 AS m, killed FROM s"
    " UNION ALL SELECT 1, name, service, salt, percentage, validity_s, killed FROM undam_flags.flag"
    "  WHERE (SELECT version FROM s) <> $1::bigint"
    " UNION ALL SELECT 2, flag, targeting_key, route, 0, 0, false FROM undam_flags.forced"
    "  WHERE (SELECT version FROM s) <> $1::bigint"
    " UNION ALL SELECT 3, name, '', '', 0, 0, false FROM undam_flags.segment"
    "  WHERE (SELECT version FROM s) <> $1::bigint"
    " UNION ALL SELECT 4, segment, targeting_key, '', 0, 0, false FROM undam_flags.member"
    "  WHERE (SELECT version FROM s) <> $1::bigint"
    " UNION ALL SELECT 5, flag, segment, '', percentage, place, false FROM undam_flags.use"
    "  WHERE (SELECT version FROM s) <> $1::bigint"
    " ORDER BY kind, a, m, b";

enum row_kind { ROW_STATE, ROW_FLAG, ROW_FORCED, ROW_SEGMENT, ROW_MEMBER, ROW_USE };

struct reading {
    const PGresult *result;
    struct arena *arena;
    struct flag_spec *flags;
    struct flag_segment_spec *segments;
    const char **services;
    struct flag_set *set;
};

static const char *cell(const struct reading *r, int row, int column)
{
    return arena_strdup(r->arena, PQgetvalue(r->result, row, column));
}

static int64_t number(const struct reading *r, int row, int column)
{
    int64_t v = 0;
    return str_to_i64(str_of(PQgetvalue(r->result, row, column)), &v) ? v : 0;
}

static bool killed(const struct reading *r, int row) { return PQgetvalue(r->result, row, 6)[0] == 't'; }

/* Rows are ordered by kind, then by owner: those of one owner follow each other. Returns how many do. */
static int run_length(const struct reading *r, int row, enum row_kind kind)
{
    int n = 1;
    for (; row + n < PQntuples(r->result); n++)
        if (number(r, row + n, 0) != (int64_t)kind ||
            strcmp(PQgetvalue(r->result, row, 1), PQgetvalue(r->result, row + n, 1)) != 0)
            break;
    return n;
}

static struct flag_spec *owner_flag(const struct reading *r, int row)
{
    for (size_t i = 0; i < r->set->flag_count; i++)
        if (strcmp(r->flags[i].name, PQgetvalue(r->result, row, 1)) == 0)
            return &r->flags[i];
    return NULL;
}

static void add_service(struct reading *r, const char *name)
{
    for (size_t i = 0; i < r->set->service_count; i++)
        if (strcmp(r->services[i], name) == 0)
            return;
    if (name[0])
        r->services[r->set->service_count++] = name;
}

static void read_flag(struct reading *r, int row)
{
    struct flag_spec *f = &r->flags[r->set->flag_count++];
    *f = (struct flag_spec){.name = cell(r, row, 1),
                            .service = cell(r, row, 2),
                            .salt = cell(r, row, 3),
                            .percentage = (uint32_t)number(r, row, 4),
                            .validity_s = (uint32_t)number(r, row, 5),
                            .killed = killed(r, row)};
    add_service(r, f->service);
}

static void read_forced(struct reading *r, int row, int n)
{
    struct flag_forced_spec *forced = arena_alloc(r->arena, (size_t)n * sizeof *forced);
    struct flag_spec *f = owner_flag(r, row);
    for (int i = 0; i < n; i++)
        forced[i] = (struct flag_forced_spec){cell(r, row + i, 2),
                                              PQgetvalue(r->result, row + i, 3)[0] == 's' ? FLAG_STREAM : FLAG_LEGACY};
    if (!f)
        return;
    f->forced = forced;
    f->forced_count = (size_t)n;
}

static void read_uses(struct reading *r, int row, int n)
{
    struct flag_use_spec *uses = arena_alloc(r->arena, (size_t)n * sizeof *uses);
    struct flag_spec *f = owner_flag(r, row);
    for (int i = 0; i < n; i++)
        uses[i] = (struct flag_use_spec){cell(r, row + i, 2), (uint32_t)number(r, row + i, 4)};
    if (!f)
        return;
    f->uses = uses;
    f->use_count = (size_t)n;
}

static void read_members(struct reading *r, int row, int n)
{
    const char **members = arena_alloc(r->arena, (size_t)n * sizeof *members);
    for (int i = 0; i < n; i++)
        members[i] = cell(r, row + i, 2);
    for (size_t i = 0; i < r->set->segment_count; i++) {
        if (strcmp(r->segments[i].name, PQgetvalue(r->result, row, 1)) != 0)
            continue;
        r->segments[i].members = members;
        r->segments[i].member_count = (size_t)n;
    }
}

static void read_row(struct reading *r, int row, enum row_kind kind, int n)
{
    switch (kind) {
    case ROW_STATE:
        r->set->version = (uint64_t)number(r, row, 4);
        r->set->killed = killed(r, row);
        break;
    case ROW_FLAG: read_flag(r, row); break;
    case ROW_FORCED: read_forced(r, row, n); break;
    case ROW_SEGMENT: r->segments[r->set->segment_count++] = (struct flag_segment_spec){.name = cell(r, row, 1)}; break;
    case ROW_MEMBER: read_members(r, row, n); break;
    case ROW_USE: read_uses(r, row, n); break;
    }
}

bool flag_store_read(const PGresult *result, const char *const *services, size_t service_count, struct arena *arena,
                     struct flag_set *ret, bool *ret_same, struct err *err)
{
    int rows = PQntuples(result);
    size_t most = (size_t)rows + 1;
    struct flag_set set = {0};
    struct reading r = {.result = result,
                        .arena = arena,
                        .flags = arena_calloc(arena, most, sizeof *r.flags),
                        .segments = arena_calloc(arena, most, sizeof *r.segments),
                        .services = arena_calloc(arena, most + service_count, sizeof *r.services),
                        .set = &set};
    if (rows == 0 || PQnfields(result) != 7 || number(&r, 0, 0) != ROW_STATE)
        return err_set(err, ERR_STATE, "control database: undam_flags.state has no row");
    for (size_t i = 0; i < service_count; i++)
        add_service(&r, services[i]);
    for (int row = 0, n; row < rows; row += n) {
        enum row_kind kind = (enum row_kind)number(&r, row, 0);
        n = run_length(&r, row, kind);
        read_row(&r, row, kind, n);
    }
    set.flags = r.flags;
    set.segments = r.segments;
    set.services = r.services;
    *ret_same = rows == 1 && set.flag_count == 0;
    *ret = set;
    return true;
}

bool flag_store_load(struct pg *pg, const char *const *services, size_t service_count, struct arena *arena,
                     struct flag_set *ret, struct err *err)
{
    PG_RESULT r = NULL;
    bool same;
    const char *none[] = {"0"};
    return pg_query_params(pg, flag_store_load_sql, 1, none, &r, err) &&
           flag_store_read(r, services, service_count, arena, ret, &same, err);
}

const struct flag_spec *flag_set_find(const struct flag_set *set, const char *name)
{
    for (size_t i = 0; i < set->flag_count; i++)
        if (strcmp(set->flags[i].name, name) == 0)
            return &set->flags[i];
    return NULL;
}

static const char *subject_text(const struct flag_change *c, struct arena *arena)
{
    static const char *const kinds[] = {"all", "flag ", "segment "};
    return arena_printf(arena, "%s%s", kinds[c->subject], c->subject == FLAG_SUBJECT_ALL ? "" : c->name);
}

static bool subject_json(struct pg *pg, const char *subject, struct arena *arena, const char **ret, struct err *err)
{
    PG_RESULT r = NULL;
    if (!pg_query_params(pg, "SELECT " FLAG_SUBJECT_JSON("$1::text"), 1, &subject, &r, err))
        return false;
    *ret = PQgetisnull(r, 0, 0) ? NULL : arena_strdup(arena, PQgetvalue(r, 0, 0));
    return true;
}

static bool check_salts(const struct flag_set *before, const struct flag_set *after, struct err *err)
{
    for (size_t i = 0; i < before->flag_count; i++) {
        const struct flag_spec *a = &before->flags[i], *b = flag_set_find(after, a->name);
        bool has_cohort = a->percentage > 0;
        for (size_t k = 0; k < a->use_count; k++)
            has_cohort |= a->uses[k].percentage > 0;
        if (!b || strcmp(a->salt, b->salt) == 0 || !has_cohort)
            continue;
        err_set(err, ERR_STATE, "flag %s: its salt cannot change while it is above 0 %%", a->name);
        return err_hint(err, "a new salt picks other users; take the flag to 0 %% first (--percent 0 --shrink)");
    }
    return true;
}

static bool check_change(const struct flag_change *c, const struct flag_set *before, const struct flag_set *after,
                         struct err *err)
{
    char why[200];
    if (!check_salts(before, after, err))
        return false;
    if (c->shrink || !flag_set_shrinks(before, after, why, sizeof why))
        return true;
    err_set(err, ERR_STATE, "refused: %s", why);
    return err_hint(err, "a cohort only grows, so that nobody's answers change side twice; to roll back say --shrink, "
                         "or stop the flag with `undam flags kill`");
}

/* Appends the history row and moves version and head on. */
static bool record(struct pg *pg, struct flag_change *c, const char *subject, struct err *err)
{
    static const char sql[] =
        "WITH s AS (SELECT version + 1 AS version, head FROM undam_flags.state),"
        " r AS (SELECT (SELECT coalesce(max(n), 0) + 1 FROM undam_flags.history) AS n, clock_timestamp() AS at,"
        "  $1::text AS who, $2::text AS action, $3::text AS subject, $4::text AS before, $5::text AS after,"
        "  $6::text AS why, s.version FROM s),"
        " h AS (INSERT INTO undam_flags.history SELECT r.*, " FLAG_HISTORY_HASH(
            "(SELECT head FROM s)",
            "r") "  FROM r RETURNING hash, version),"
                 " u AS (UPDATE undam_flags.state SET version = h.version, head = h.hash FROM h RETURNING h.version)"
                 " SELECT version, pg_notify('undam_flags', version::text) FROM u";
    const char *values[] = {c->who, c->action, subject, c->before, c->after, c->why};
    PG_RESULT r = NULL;
    if (!pg_query_params(pg, sql, 6, values, &r, err))
        return false;
    str_to_u64(str_of(PQgetvalue(r, 0, 0)), &c->version);
    return true;
}

/* Everything between BEGIN and COMMIT. */
static bool change_inside(struct pg *pg, struct flag_change *c, struct arena *arena, struct err *err)
{
    const char *subject = subject_text(c, arena);
    struct flag_set before, after;
    PG_RESULT lock = NULL;
    if (!pg_query(pg, "SELECT version FROM undam_flags.state FOR UPDATE", &lock, err) ||
        !flag_store_load(pg, NULL, 0, arena, &before, err) || !subject_json(pg, subject, arena, &c->before, err) ||
        !c->apply(pg, c->arg, err) || !flag_store_load(pg, NULL, 0, arena, &after, err) ||
        !subject_json(pg, subject, arena, &c->after, err))
        return false;
    c->version = before.version;
    c->changed = (c->before == NULL) != (c->after == NULL) || (c->before && strcmp(c->before, c->after) != 0);
    if (!c->changed)
        return true;
    if (!check_change(c, &before, &after, err))
        return false;
    /* It must also fit into a snapshot: sizes, doubled names. */
    unsigned char *bytes;
    size_t size;
    char why[200];
    if (!flag_set_encode(&after, now_us(), &bytes, &size, why, sizeof why))
        return err_set(err, ERR_STATE, "refused: %s", why);
    free(bytes);
    return record(pg, c, subject, err);
}

bool flag_store_change(struct pg *pg, struct flag_change *c, struct arena *arena, struct err *err)
{
    if (!pg_exec(pg, "BEGIN", err))
        return false;
    bool good = change_inside(pg, c, arena, err) && pg_exec(pg, c->dry_run || !c->changed ? "ROLLBACK" : "COMMIT", err);
    if (!good)
        PQclear(PQexec(pg->conn, "ROLLBACK"));
    return good;
}
