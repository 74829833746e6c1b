// SPDX-License-Identifier: Apache-2.0
/* Listing views; see list.h. */
#include "project/list.h"

#include "project/readmodel.h"

static const char list_sql[] =
    "SELECT v.name, v.version, CASE WHEN v.state IN ('loading', 'building') AND NOT EXISTS (SELECT FROM pg_locks l"
    " WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended('undam registration', 0) AND l.granted)"
    " THEN v.state || ' (interrupted)' ELSE v.state END, array_to_string(v.tables, ', '),"
    " array_to_string(v.key_columns, ', '), coalesce(greatest(c.reltuples, 0)::bigint, 0), coalesce(p.lsn::text, ''),"
    " coalesce(round(extract(epoch FROM clock_timestamp() - p.watermark)::numeric, 3)::text, ''), coalesce(v.reason, "
    "''),"
    " array_to_json(v.tables), array_to_json(v.key_columns), array_to_json(v.row_columns)"
    " FROM undam.view v LEFT JOIN pg_class c ON c.oid = to_regclass(format('api.%I', v.name))"
    " LEFT JOIN undam.position p ON p.source = $1 ORDER BY v.name";

static void add_json(struct buf *b, const char *service, const PGresult *r, int i)
{
    buf_adds(b, "{\"service\":");
    buf_add_json(b, str_of(service));
    buf_adds(b, ",\"view\":");
    buf_add_json(b, str_of(PQgetvalue(r, i, 0)));
    buf_printf(b, ",\"version\":%s,\"state\":", PQgetvalue(r, i, 1));
    buf_add_json(b, str_of(PQgetvalue(r, i, 2)));
    buf_printf(b, ",\"tables\":%s,\"key\":%s,\"row\":%s,\"rows\":%s,\"position\":", PQgetvalue(r, i, 9),
               PQgetvalue(r, i, 10), PQgetvalue(r, i, 11), PQgetvalue(r, i, 5));
    buf_add_json(b, str_of(PQgetvalue(r, i, 6)));
    buf_printf(b, ",\"lag_seconds\":%s,\"reason\":", *PQgetvalue(r, i, 7) ? PQgetvalue(r, i, 7) : "null");
    if (*PQgetvalue(r, i, 8))
        buf_add_json(b, str_of(PQgetvalue(r, i, 8)));
    else
        buf_adds(b, "null");
    buf_addc(b, '}');
}

static void add_text(struct buf *b, const char *service, const PGresult *r, int i)
{
    buf_printf(b, "%s.%s v%s %s: key %s; %s; %s rows; position %s; lag %s s", service, PQgetvalue(r, i, 0),
               PQgetvalue(r, i, 1), PQgetvalue(r, i, 2), PQgetvalue(r, i, 4), PQgetvalue(r, i, 3), PQgetvalue(r, i, 5),
               *PQgetvalue(r, i, 6) ? PQgetvalue(r, i, 6) : "none", *PQgetvalue(r, i, 7) ? PQgetvalue(r, i, 7) : "?");
    if (*PQgetvalue(r, i, 8))
        buf_printf(b, "; %s", PQgetvalue(r, i, 8));
    buf_addc(b, '\n');
}

bool list_views(struct pg *pg, const char *service, const char *source, bool json, bool *any, struct buf *out,
                struct err *err)
{
    bool exists;
    PG_RESULT r = NULL;
    if (!readmodel_exists(pg, &exists, err))
        return false;
    if (!exists)
        return true;
    if (!pg_query_params(pg, list_sql, 1, &source, &r, err))
        return false;
    for (int i = 0; i < PQntuples(r); i++) {
        if (json && *any)
            buf_addc(out, ',');
        *any = true;
        (json ? add_json : add_text)(out, service, r, i);
    }
    return true;
}
