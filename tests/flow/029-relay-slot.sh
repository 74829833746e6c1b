#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A slot that cannot be continued is refused, with what to do; a slot that somebody else streams from is waited for.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
app "CREATE TABLE t (id int PRIMARY KEY)"
echo 'services: {s: {tables: {public.t: id}}}' >"$T/services.yaml"
relay_config
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null

# Foreign slots.
app "SELECT pg_create_physical_replication_slot('undam')" >/dev/null
relay_fails
is $STATUS 4 "a physical slot of that name: exit 4"
like "$OUT" 'not a permanent logical slot with pgoutput' "says so"
app "SELECT pg_drop_replication_slot('undam'); SELECT pg_create_logical_replication_slot('undam', 'test_decoding')" >/dev/null
relay_fails
is $STATUS 4 "a slot of another plug-in: exit 4"
app "SELECT pg_drop_replication_slot('undam')" >/dev/null
sql src postgres "SELECT pg_create_logical_replication_slot('undam', 'pgoutput')" >/dev/null
relay_fails
is $STATUS 4 "a slot of another database: exit 4"
app "SELECT pg_drop_replication_slot('undam')" >/dev/null

# Creating it by hand.
is "$("$UNDAM" relay -c "$T/undam.yaml" --create-slot --dry-run)" 'CREATE_REPLICATION_SLOT "undam" LOGICAL pgoutput' "--dry-run only says it"
is "$(slot 'count(*)')" 0 "and does not"
like "$("$UNDAM" relay -c "$T/undam.yaml" --create-slot)" '^slot undam created at [0-9A-F]+/' "--create-slot creates it"
like "$("$UNDAM" relay -c "$T/undam.yaml" --create-slot 2>&1)" 'slot "undam" exists already' "once"
app "INSERT INTO t VALUES (1)"
relay
wait_until 20 ready || bail "no relay"
synced; ok $? "what was written before the first start is not lost"
is "$(events count)" "1 1" "and published once"

# A twin waits, and does not disturb.
epoch=$(sql src undam "SELECT epoch FROM undam_bus.source")
first=$pid_relay
sed "s/127.0.0.1:$PORT/127.0.0.1:0/" "$T/undam.yaml" >"$T/twin.yaml"
start twin "$UNDAM" relay -c "$T/twin.yaml"
wait_until 10 grep -q 'SQLSTATE 55006' "$T/twin.log"; ok $? "a second relay is told that the slot is in use"
app "INSERT INTO t VALUES (2)"
synced; ok $? "the first goes on"
is "$(sql src undam "SELECT epoch FROM undam_bus.source")" "$epoch" "it was not fenced"
kill -0 "$first"; ok $? "nor killed"
stop relay KILL
wait_until 20 grep -q event=streaming "$T/twin.log"; ok $? "when it dies the second takes over"
app "INSERT INTO t VALUES (3)"
synced
is "$(events count)" "3 3" "and continues exactly"
stop twin

# Somebody else moved the slot on.
app "INSERT INTO t VALUES (4); SELECT pg_replication_slot_advance('undam', pg_current_wal_lsn())" >/dev/null
relay_fails
is $STATUS 4 "a slot ahead of the bus: exit 4"
like "$OUT" 'ahead of the bus' "says so"
like "$OUT" 'hint=.*new slot and load the read models anew' "and what to do"

# Recreated under the same name: also ahead.
app "SELECT pg_drop_replication_slot('undam'); SELECT pg_create_logical_replication_slot('undam', 'pgoutput')" >/dev/null
relay_fails
is $STATUS 4 "a recreated slot: exit 4"
app "SELECT pg_drop_replication_slot('undam')" >/dev/null
relay_fails
is $STATUS 4 "a dropped slot: exit 4"
like "$OUT" 'does not exist any more, but the bus has events of it' "says so"
is "$(slot 'count(*)')" 0 "and is not created again"

# Its WAL is gone.
sql src undam "DROP SCHEMA undam_bus CASCADE" 2>/dev/null
app "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'; ALTER SYSTEM SET min_wal_size = '32MB'" 2>/dev/null ||
    { sql src postgres "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'"; sql src postgres "ALTER SYSTEM SET min_wal_size = '32MB'"; }
sql src postgres "SELECT pg_reload_conf()" >/dev/null
relay
wait_until 20 ready || bail "no relay on an empty bus"
stop relay
for i in 1 2 3 4 5; do app "INSERT INTO t SELECT 1000 * $i + j FROM generate_series(1, 10) j; SELECT pg_switch_wal()" >/dev/null; done
sql src postgres CHECKPOINT
wait_until 10 sh -c "[ \"\$(psql -XAt -d '$(dsn src app)' -c \"SELECT wal_status FROM pg_replication_slots\")\" = lost ]" ||
    sql src postgres CHECKPOINT
is "$(slot wal_status)" lost "(the server has given the slot up)"
relay_fails
is $STATUS 4 "a lost slot: exit 4"
like "$OUT" 'lost its WAL' "says so"
like "$("$UNDAM" relay -c "$T/undam.yaml" --check)" 'error .*slot_lost' "--check too"
done_testing
