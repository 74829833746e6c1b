#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An idle slot moves on while other tables and other databases write; watermarks say how fresh the bus is, and only the
# truth; a transaction that is open holds its own events back, not the slot.
# versions: all
CONTROL=bus
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src "logical_decoding_work_mem = '64kB'"
pg_create bus
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE other" && sql bus postgres "CREATE DATABASE undam"
app "CREATE TABLE t (id int PRIMARY KEY, body text); CREATE TABLE unpublished (id int)"
sql src other "CREATE TABLE x (id int)"
echo 'services: {s: {tables: {public.t: id}}}' >"$T/services.yaml"
relay_config
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
relay
wait_until 20 ready || bail "no relay"
lsn() { app "SELECT pg_current_wal_lsn()"; }
confirmed() { [ "$(slot "confirmed_flush_lsn >= '$1'")" = t ]; }
app "INSERT INTO unpublished SELECT generate_series(1, 1000)"; l=$(lsn)
wait_until 10 confirmed "$l"; ok $? "the slot moves over changes that are not published"
sql src other "INSERT INTO x SELECT generate_series(1, 1000)"; l=$(lsn)
wait_until 10 confirmed "$l"; ok $? "and over another database's"
is "$(events count)" "0 0" "without an event"
bus() { sql bus undam "SELECT $1 FROM undam_bus.source"; }
never_ahead; ok $? "and never past what the bus says"

# Watermarks.
fresh() { [ "$(bus "watermark > $1")" = t ]; }
now_us=$(($(date +%s%N) / 1000))
wait_until 10 fresh $now_us; ok $? "an idle bus stays fresh"
app "CREATE EXTENSION pgstattuple" 2>/dev/null # any WAL that nobody's commit follows
writes=$(bus transactions)
app "SET synchronous_commit = off; INSERT INTO t VALUES (1)"
now_us=$(($(date +%s%N) / 1000))
wait_until 10 fresh $now_us
is "$(events count)" "1 1" "when the watermark passes a commit that was not flushed at once, its event is there"

# An open transaction: the others pass it, the watermark means what is committed.
psql -X -q -d "$(dsn src app)" >/dev/null <<'END' &
BEGIN; INSERT INTO t SELECT i, repeat('x', 200) FROM generate_series(1000, 3000) i; SELECT pg_sleep(2); COMMIT;
END
open=$!
wait_until 5 sh -c "[ \"\$(psql -XAt -d '$(dsn src app)' -c \"SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'\")\" = 1 ]"
app "INSERT INTO t VALUES (2)"; l=$(lsn)
wait_until 10 confirmed "$l"; ok $? "an open transaction does not hold the slot's position back"
is "$(events count)" "2 2" "nor the others, nor is it seen"
stop relay KILL # in the middle of it
relay
wait $open
synced 20; ok $? "after a restart it comes when it commits"
is "$(events count)" "3 2003" "whole"
never_ahead; ok $? "never confirmed past the bus"
stop relay

# How the server's shutdown sees us: everything confirmed at once.
relay
wait_until 20 ready
app "INSERT INTO t VALUES (3)"
pg_down src fast; ok $? "an idle server stops"
wait_until 10 logged 'event=session_ended'; ok $? "the relay waits for it to come back"
stop relay
done_testing
