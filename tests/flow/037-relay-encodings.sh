#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A source that is not UTF-8, rows that come from another origin, column lists: what the stream may bring besides.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

export PGCLIENTENCODING=UTF8
pg_create src
sql src postgres "CREATE DATABASE app ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0" &&
    sql src postgres "CREATE DATABASE undam"
app "CREATE TABLE t (id int PRIMARY KEY, \"größe\" text, extra text)"
echo 'services: {s: {tables: {public.t: id}}}' >"$T/services.yaml"
relay_config
list=
[ "$VERSION" -lt 15 ] || list='(id, "größe")'
app "CREATE PUBLICATION undam FOR TABLE t $list"
relay; wait_until 20 ready || bail "no relay"
app "INSERT INTO t VALUES (1, 'Bär £', 'x')"
app "SELECT pg_replication_origin_create('elsewhere')" >/dev/null
psql -X -q -A -t -d "$(dsn src app)" -c "SELECT pg_replication_origin_session_setup('elsewhere')" -c BEGIN \
    -c "SELECT pg_replication_origin_xact_setup('0/1', now())" -c "INSERT INTO t VALUES (2, 'y', 'x')" -c COMMIT >/dev/null
synced; ok $? "everything arrives"
extra=' extra=x'
[ "$VERSION" -lt 15 ] || extra=
is "$(events)" "txn 1 seq=1 op=c topic=app.s type=t.created subject=1 key=1 id=1 größe=Bär £$extra
txn 2 seq=1 op=c topic=app.s type=t.created subject=2 key=2 id=2 größe=y$extra" "in UTF-8, of every origin, with the published columns"
stop relay
done_testing
