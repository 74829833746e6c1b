// SPDX-License-Identifier: Apache-2.0
/* Slots, snapshots and the copy-both stream; see replication.h. */
#include "link/pg/replication.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/lsn.h"

#define PG_EPOCH_US INT64_C(946684800000000) /* 2000-01-01, PostgreSQL's zero */

/* Replication commands are parsed by a grammar of their own: names are quoted like identifiers there too. */
static void add_name(struct buf *b, const char *name) { buf_add_ident(b, str_of(name)); }

bool pg_identify(struct pg *pg, struct pg_system *ret, struct err *err)
{
    PG_RESULT r = PQexec(pg->conn, "IDENTIFY_SYSTEM");
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        return pg_fail(pg, r, "IDENTIFY_SYSTEM", err);
    struct pg_system system = {.system_id = 0};
    uint64_t timeline = 0;
    if (PQntuples(r) != 1 || PQnfields(r) < 4 || !str_to_u64(str_of(PQgetvalue(r, 0, 0)), &system.system_id) ||
        !str_to_u64(str_of(PQgetvalue(r, 0, 1)), &timeline) || !lsn_parse(str_of(PQgetvalue(r, 0, 2)), &system.lsn))
        return err_set(err, ERR_SOURCE, "%s: IDENTIFY_SYSTEM gave an unexpected answer", pg->what);
    system.timeline = (uint32_t)timeline;
    snprintf(system.database, sizeof system.database, "%s", PQgetvalue(r, 0, 3));
    *ret = system;
    return true;
}

static bool slot_create_failed(struct pg *pg, const PGresult *r, const char *slot, struct err *err)
{
    const char *field = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    char state[6];
    snprintf(state, sizeof state, "%s", field ? field : "");
    pg_fail(pg, r, "replication slot cannot be created", err);
    if (!err)
        return false;
    if (strcmp(state, "42710") == 0) {
        err->class = ERR_STATE;
        return err_hint(err, "slot \"%s\" exists already; drop it with pg_drop_replication_slot() if nothing uses it",
                        slot);
    }
    if (strcmp(state, "55000") == 0) {
        err->class = ERR_CONFIG;
        return err_hint(err, "set wal_level = logical on the source and restart it");
    }
    if (strcmp(state, "53400") == 0) {
        err->retriable = false;
        return err_hint(err, "raise max_replication_slots on the source, or drop slots that nothing uses");
    }
    if (strcmp(state, "42501") == 0) {
        err->class = ERR_CONFIG;
        return err_hint(err, "give the role the REPLICATION attribute: ALTER ROLE ... REPLICATION");
    }
    return false;
}

bool pg_slot_create(struct pg *pg, const char *slot, enum pg_slot_kind kind, uint64_t *ret_lsn, char *ret_snapshot,
                    struct err *err)
{
    struct buf sql;
    buf_init(&sql, 4096);
    buf_adds(&sql, "CREATE_REPLICATION_SLOT ");
    add_name(&sql, slot);
    /* The old form of the options: servers 13 to 18 take it, 13 and 14 take no other. */
    buf_printf(&sql, "%s LOGICAL pgoutput %s", kind == PG_SLOT_TEMPORARY ? " TEMPORARY" : "",
               ret_snapshot ? "EXPORT_SNAPSHOT" : "NOEXPORT_SNAPSHOT");
    PG_RESULT r = PQexec(pg->conn, sql.data);
    buf_free(&sql);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        return slot_create_failed(pg, r, slot, err);
    uint64_t lsn;
    const char *snapshot = PQntuples(r) == 1 && PQnfields(r) >= 3 ? PQgetvalue(r, 0, 2) : "";
    if (PQntuples(r) != 1 || !lsn_parse(str_of(PQgetvalue(r, 0, 1)), &lsn) || (ret_snapshot && !*snapshot) ||
        strlen(snapshot) >= 64)
        return err_set(err, ERR_SOURCE, "%s: CREATE_REPLICATION_SLOT gave an unexpected answer", pg->what);
    *ret_lsn = lsn;
    if (ret_snapshot)
        memcpy(ret_snapshot, snapshot, strlen(snapshot) + 1);
    return true;
}

bool pg_snapshot_slot_open(const char *dsn, const char *purpose, struct pg_snapshot_slot *ret, struct err *err)
{
    struct pg_snapshot_slot s = {.lsn = 0};
    uint64_t random;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_errno(err, "getrandom");
    snprintf(s.slot, sizeof s.slot, "undam_%.30s_%016lx", purpose, (unsigned long)random);
    if (!pg_open(&s.pg, PG_SOURCE, "source (snapshot)", dsn, true, err))
        return false;
    if (!pg_identify(&s.pg, &s.system, err) ||
        !pg_slot_create(&s.pg, s.slot, PG_SLOT_TEMPORARY, &s.lsn, s.snapshot, err)) {
        pg_close(&s.pg);
        return false;
    }
    *ret = s;
    return true;
}

void pg_snapshot_slot_close(struct pg_snapshot_slot *s)
{
    if (s->pg.conn)
        pg_close(&s->pg); /* a temporary slot goes with its connection */
    s->snapshot[0] = '\0';
}

/* ---- the stream ---- */

bool pg_stream_open(struct pg_stream *s, const char *dsn, const struct pg_stream_options *options, struct err *err)
{
    struct pg pg = {.conn = NULL};
    if (!pg_open(&pg, PG_SOURCE, "source (replication)", dsn, true, err))
        return false;
    if (pg_stream_start(s, &pg, options, err))
        return true;
    pg_close(&pg);
    return false;
}

static void start_command(const struct pg_stream_options *o, struct buf *sql)
{
    struct buf publication; /* the option's value is a list of identifiers */
    buf_init(&publication, 1024);
    buf_add_ident(&publication, str_of(o->publication));
    buf_adds(sql, "START_REPLICATION SLOT ");
    add_name(sql, o->slot);
    buf_printf(sql, " LOGICAL %X/%X (proto_version '%d', publication_names ", (unsigned)(o->start >> 32),
               (unsigned)o->start, o->protocol);
    /* The replication grammar has no E'' strings: doubling quotes is all it knows. */
    buf_addc(sql, '\'');
    for (size_t i = 0; i < publication.len; i++) {
        if (publication.data[i] == '\'')
            buf_addc(sql, '\'');
        buf_addc(sql, publication.data[i]);
    }
    buf_addc(sql, '\'');
    buf_free(&publication);
    if (o->protocol >= 2)
        buf_adds(sql, ", streaming 'on'");
    if (o->messages)
        buf_adds(sql, ", messages 'true'");
    buf_addc(sql, ')');
}

bool pg_stream_start(struct pg_stream *s, struct pg *pg, const struct pg_stream_options *options, struct err *err)
{
    assert(options->protocol == 1 || options->protocol == 2);
    struct buf sql;
    buf_init(&sql, 8192);
    start_command(options, &sql);
    PG_RESULT r = PQexec(pg->conn, sql.data);
    buf_free(&sql);
    if (PQresultStatus(r) != PGRES_COPY_BOTH) {
        const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
        bool in_use = state && strcmp(state, "55006") == 0;
        bool missing = state && strcmp(state, "42704") == 0;
        pg_fail(pg, r, "START_REPLICATION", err);
        if (in_use && err) {
            err->retriable = true;
            err_hint(err, "another process streams from the slot: a twin, or a walsender that has not noticed yet that "
                          "its client is gone (wal_sender_timeout)");
        } else if (missing && err) {
            err->class = ERR_STATE;
        }
        return false;
    }
    if (PQsetnonblocking(pg->conn, 1) != 0)
        return pg_fail(pg, NULL, "non-blocking mode", err);
    *s = (struct pg_stream){.pg = *pg};
    pg->conn = NULL;
    return true;
}

int pg_stream_fd(const struct pg_stream *s) { return PQsocket(s->pg.conn); }

static bool parse_message(struct pg_stream *s, size_t len, struct pg_stream_message *ret, struct err *err)
{
    const char *p = s->message;
    struct pg_stream_message m = {.kind = PG_STREAM_NOTHING};
    if (len >= 25 && p[0] == 'w') {
        m.kind = PG_STREAM_DATA;
        m.start = get_be64(p + 1);
        m.wal_end = get_be64(p + 9);
        m.time_us = (int64_t)(get_be64(p + 17) + (uint64_t)PG_EPOCH_US);
        m.data = str_n(p + 25, len - 25);
    } else if (len == 18 && p[0] == 'k') {
        m.kind = PG_STREAM_KEEPALIVE;
        m.wal_end = get_be64(p + 1);
        m.time_us = (int64_t)(get_be64(p + 9) + (uint64_t)PG_EPOCH_US);
        m.reply_requested = p[17] != 0;
    } else {
        return err_set(err, ERR_DATA, "%s: a replication message of %zu bytes is neither data nor keepalive",
                       s->pg.what, len);
    }
    *ret = m;
    return true;
}

static bool stream_ended(struct pg_stream *s, struct err *err)
{
    PG_RESULT r = PQgetResult(s->pg.conn);
    if (r && PQresultStatus(r) == PGRES_FATAL_ERROR)
        return pg_fail(&s->pg, r, "replication stream", err);
    return err_again(err, ERR_SOURCE, "%s: the server ended the replication stream", s->pg.what);
}

bool pg_stream_next(struct pg_stream *s, bool read, struct pg_stream_message *ret, struct err *err)
{
    PQfreemem(s->message);
    s->message = NULL;
    int len = PQgetCopyData(s->pg.conn, &s->message, 1);
    if (len == 0 && read) {
        if (!PQconsumeInput(s->pg.conn)) {
            pg_fail(&s->pg, NULL, "replication stream", err);
            if (err)
                err->retriable = true;
            return false;
        }
        len = PQgetCopyData(s->pg.conn, &s->message, 1);
    }
    if (len > 0)
        return parse_message(s, (size_t)len, ret, err);
    if (len == 0) {
        *ret = (struct pg_stream_message){.kind = PG_STREAM_NOTHING};
        return true;
    }
    if (len == -1)
        return stream_ended(s, err);
    return pg_fail(&s->pg, NULL, "replication stream", err);
}

bool pg_stream_status(struct pg_stream *s, uint64_t write, uint64_t flush, bool reply, struct err *err)
{
    assert(flush <= write);
    char m[34];
    m[0] = 'r';
    put_be64(m + 1, write);
    put_be64(m + 9, flush);
    put_be64(m + 17, flush); /* apply: the server ignores it for logical slots */
    put_be64(m + 25, (uint64_t)(now_us() - PG_EPOCH_US));
    m[33] = reply;
    /* In non-blocking mode libpq queues what the socket does not take, and the next call sends it. */
    if (PQputCopyData(s->pg.conn, m, sizeof m) < 0 || PQflush(s->pg.conn) < 0) {
        pg_fail(&s->pg, NULL, "status update", err);
        if (err)
            err->retriable = true;
        return false;
    }
    return true;
}

/* Reads away what is still on its way, at most a second long. */
static void drain(PGconn *conn)
{
    int64_t until = mono_us() + 1000000;
    while (mono_us() < until) {
        char *message = NULL;
        int len = PQgetCopyData(conn, &message, 1);
        PQfreemem(message);
        if (len < 0)
            return;
        if (len > 0)
            continue;
        struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
        if (poll(&fd, 1, 100) < 0 || !PQconsumeInput(conn))
            return;
    }
}

void pg_stream_close(struct pg_stream *s, bool clean)
{
    PQfreemem(s->message);
    s->message = NULL;
    if (!s->pg.conn)
        return;
    if (clean && PQputCopyEnd(s->pg.conn, NULL) == 1 && PQflush(s->pg.conn) >= 0)
        drain(s->pg.conn);
    pg_close(&s->pg);
}
