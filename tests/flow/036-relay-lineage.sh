#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Positions belong to one system and one timeline: another server behind the same name is refused.
CONTROL=bus
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src
pg_create bus
sql src postgres "CREATE DATABASE app" && sql bus postgres "CREATE DATABASE undam"
table="CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION undam FOR TABLE t"
app "$table"
echo 'services: {s: {tables: {public.t: id}}}' >"$T/services.yaml"
relay_config
relay; wait_until 20 ready || bail "no relay"
app "INSERT INTO t VALUES (1)"
synced; is "$(events count)" "1 1" "one event of this system"
stop relay

# The same server on a new timeline, as after a recovery or a promotion.
pg_down src
echo "restore_command = 'false'" >>"$T/src/data/postgresql.conf"
as_pg touch "$T/src/data/recovery.signal"
pg_up src
wait_until 10 sh -c "[ \"\$(psql -XAt -d '$(dsn src app)' -c 'SELECT pg_is_in_recovery()')\" = f ]"
relay_fails
is $STATUS 4 "another timeline: exit 4"
like "$OUT" 'timeline' "says so"

# Another system, with a slot of that name.
pg_down src
mv "$T/src/data" "$T/src/old"
as_pg "$PG_BINDIR/initdb" -D "$T/src/data" -U postgres -A trust --locale=C -E UTF8 -N >/dev/null 2>&1
grep -A 20 'listen_addresses = ..$' "$T/src/old/postgresql.conf" | grep -v restore_command >>"$T/src/data/postgresql.conf"
pg_up src
sql src postgres "CREATE DATABASE app"
app "$table"
app "SELECT pg_create_logical_replication_slot('undam', 'pgoutput')" >/dev/null
relay_fails
is $STATUS 4 "another system: exit 4"
like "$OUT" 'event=failed class=state' "says so"
like "$OUT" 'hint=' "and what to do"
is "$(events count)" "1 1" "nothing was added"
is "$(slot active)" f "the slot is left alone"
done_testing
