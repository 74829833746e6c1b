// SPDX-License-Identifier: Apache-2.0
/* Tables of undam_flags and the check of its history; see flag_store.h. */
#include <stdio.h>

#include "control/flag_sql.h"
#include "control/flag_store.h"

/* The lock keeps two first starts from creating the same schema; the number is "undamflg". */
static const char schema_sql[] =
    "BEGIN;"
    "SELECT pg_advisory_xact_lock(8461814183208377447);"
    "CREATE SCHEMA IF NOT EXISTS undam_flags;"
    "CREATE TABLE IF NOT EXISTS undam_flags.state ("
    " one boolean PRIMARY KEY DEFAULT true CHECK (one), version bigint NOT NULL, killed boolean NOT NULL DEFAULT false,"
    " head text NOT NULL DEFAULT '');"
    "INSERT INTO undam_flags.state (version) VALUES (1) ON CONFLICT DO NOTHING;"
    "CREATE TABLE IF NOT EXISTS undam_flags.flag ("
    " name text PRIMARY KEY CHECK (name <> ''), service text NOT NULL DEFAULT '', salt text NOT NULL,"
    " percentage int NOT NULL DEFAULT 0 CHECK (percentage BETWEEN 0 AND 100000),"
    " validity_s int NOT NULL DEFAULT 10 CHECK (validity_s BETWEEN 1 AND 86400),"
    " killed boolean NOT NULL DEFAULT false, algorithm int NOT NULL DEFAULT 1);"
    "CREATE TABLE IF NOT EXISTS undam_flags.forced ("
    " flag text NOT NULL REFERENCES undam_flags.flag, targeting_key text NOT NULL CHECK (targeting_key <> ''),"
    " route text NOT NULL CHECK (route IN ('stream', 'legacy')), PRIMARY KEY (flag, targeting_key));"
    "CREATE TABLE IF NOT EXISTS undam_flags.segment (name text PRIMARY KEY CHECK (name <> ''));"
    "CREATE TABLE IF NOT EXISTS undam_flags.member ("
    " segment text NOT NULL REFERENCES undam_flags.segment, targeting_key text NOT NULL CHECK (targeting_key <> ''),"
    " PRIMARY KEY (segment, targeting_key));"
    "CREATE TABLE IF NOT EXISTS undam_flags.use ("
    " flag text NOT NULL REFERENCES undam_flags.flag, segment text NOT NULL REFERENCES undam_flags.segment,"
    " place int NOT NULL, percentage int NOT NULL CHECK (percentage BETWEEN 0 AND 100000),"
    " PRIMARY KEY (flag, segment));"
    "CREATE TABLE IF NOT EXISTS undam_flags.history ("
    " n bigint PRIMARY KEY, at timestamptz NOT NULL, who text NOT NULL, action text NOT NULL,"
    " subject text NOT NULL, before text, after text, why text NOT NULL, version bigint NOT NULL, hash text NOT NULL);"
    "COMMIT";

bool flag_store_init(struct pg *pg, struct err *err)
{
    PG_RESULT there = NULL;
    if (!pg_query(pg, "SELECT to_regclass('undam_flags.history') IS NOT NULL", &there, err))
        return false;
    if (PQgetvalue(there, 0, 0)[0] == 't')
        return true;
    if (pg_exec(pg, schema_sql, err))
        return true;
    PQclear(PQexec(pg->conn, "ROLLBACK"));
    return err_wrap(err, "creating schema undam_flags");
}

/* One row: rows, version, newest hash, the first bad row and what is wrong with it. */
static const char verify_sql[] =
    "WITH h AS (SELECT *, lag(hash, 1, '') OVER w AS previous, row_number() OVER w AS place,"
    "  lag(after, 1, CASE WHEN subject = 'all' THEN json_build_object('killed', false)::text END)"
    "  OVER (PARTITION BY subject ORDER BY n) AS was,"
    "  lead(n) OVER (PARTITION BY subject ORDER BY n) IS NULL AS newest"
    "  FROM undam_flags.history WINDOW w AS (ORDER BY n)),"
    " bad AS (SELECT n, CASE"
    "   WHEN n <> place THEN 'a row before it is missing'"
    "   WHEN hash <> " FLAG_HISTORY_HASH(
        "h.previous",
        "h") " THEN 'its content does not fit its hash'"
             "   WHEN before IS DISTINCT FROM was THEN 'it does not start where the change before it ended'"
             "   WHEN newest AND after IS DISTINCT FROM " FLAG_SUBJECT_JSON(
                 "h.subject") "   THEN 'what it describes was changed without a record' END AS problem FROM h)"
                              " SELECT (SELECT count(*) FROM h), s.version, s.head, b.n, b.problem,"
                              "  s.head <> coalesce((SELECT hash FROM h ORDER BY n DESC LIMIT 1), ''),"
                              "  (SELECT min(f.name) FROM undam_flags.flag f WHERE NOT EXISTS"
                              "    (SELECT FROM h WHERE h.subject = 'flag ' || f.name))"
                              " FROM undam_flags.state s LEFT JOIN (SELECT * FROM bad WHERE problem IS NOT NULL ORDER "
                              "BY n LIMIT 1) b ON true";

bool flag_store_verify(struct pg *pg, struct flag_history_check *ret, struct err *err)
{
    PG_RESULT r = NULL;
    if (!pg_query(pg, verify_sql, &r, err))
        return false;
    if (PQntuples(r) != 1)
        return err_set(err, ERR_STATE, "control database: undam_flags.state has %d rows instead of one", PQntuples(r));
    struct flag_history_check c = {0};
    str_to_u64(str_of(PQgetvalue(r, 0, 0)), &c.rows);
    str_to_u64(str_of(PQgetvalue(r, 0, 1)), &c.version);
    snprintf(c.head, sizeof c.head, "%s", PQgetvalue(r, 0, 2));
    if (!PQgetisnull(r, 0, 3)) {
        str_to_u64(str_of(PQgetvalue(r, 0, 3)), &c.bad_row);
        snprintf(c.problem, sizeof c.problem, "%s", PQgetvalue(r, 0, 4));
    } else if (PQgetvalue(r, 0, 5)[0] == 't') {
        c.bad_row = c.rows + 1;
        snprintf(c.problem, sizeof c.problem, "the newest rows are missing");
    } else if (!PQgetisnull(r, 0, 6)) {
        c.bad_row = c.rows + 1;
        snprintf(c.problem, sizeof c.problem, "flag %s has no record at all", PQgetvalue(r, 0, 6));
    }
    *ret = c;
    return true;
}
