#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The publication is dropped, replaced or loses a table while the relay runs: PostgreSQL 18 would skip rows silently,
# so the relay watches it and stops.
CONTROL=bus
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src
pg_create bus
sql src postgres "CREATE DATABASE app" && sql bus postgres "CREATE DATABASE undam"
app "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)"
echo 'services: {s: {tables: {public.t: id, public.u: id}}}' >"$T/services.yaml"
relay_config "  retained_wal_max_bytes: 1MB"
stopped() { # REGEX NAME
    wait_until 20 logged "event=failed class=state.*$1"; ok $? "$2"
    wait "$pid_relay"; is $? 4 "$2: exit 4"
    : >"$T/relay.log"
}
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
relay; wait_until 20 ready || bail "no relay"
app "ALTER PUBLICATION undam DROP TABLE u"
stopped 'tables were taken out of publication "undam".*public.u' "a table is taken out"
app "ALTER PUBLICATION undam ADD TABLE u"
relay; wait_until 20 ready || bail "no relay"
app "DROP PUBLICATION undam"
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
stopped 'publication "undam" was replaced' "it is replaced"
relay; wait_until 20 ready || bail "no relay"
app "DROP PUBLICATION undam"
stopped 'publication "undam" was dropped' "it is dropped"
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null

# WAL that the slot holds back while the bus is down: when somebody should be told.
relay; wait_until 20 ready || bail "no relay"
pg_down bus
wait_until 10 logged 'event=session_ended class=target'; ok $? "the bus is down"
app "INSERT INTO t VALUES (1)"
for i in 1 2 3; do app "CREATE TABLE w$i AS SELECT repeat('x', 1000) FROM generate_series(1, 1000)"; done
wait_until 20 logged 'level=error .*event=wal_retained bytes=[0-9]+ limit=1048576 .*wal_status=reserved'
ok $? "the relay reports retained WAL over its limit as an error"
ok "$(! ready; echo $?)" "is not ready"
wait_until 5 metric_at_least retained_wal_bytes 1048576; ok $? "and shows it as a metric"
like "$("$UNDAM" relay -c "$T/undam.yaml" --check)" 'warning undam: the slot holds back [0-9]* bytes of WAL' "--check warns of it"
pg_up bus
synced; is "$(events count)" "1 1" "then it goes on carrying events"

# The bus hangs in mid-session: the slot is watched all the same.
: >"$T/relay.log"
app "CHECKPOINT" # lets the slot go forward
wait_until 30 metric_at_least retained_wal_bytes 0
psql -X -q -d "$(dsn bus undam)" -c "BEGIN; LOCK TABLE undam_bus.source IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(8)" -c COMMIT >/dev/null &
app "INSERT INTO t VALUES (2)"
for i in 4 5 6; do app "CREATE TABLE w$i AS SELECT repeat('x', 1000) FROM generate_series(1, 1000)"; done
want=$(slot "pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)")
wait_until 7 metric_at_least retained_wal_bytes "$want"; ok $? "also while a hanging bus is waited for"
wait_until 7 sh -c "curl -sf http://127.0.0.1:$PORT/healthz"; ok $? "and /healthz answers"
wait $!
synced; is "$(events count)" "2 2" "and then events go on"
stop relay

# With a thousand tables the watch over them costs the source next to nothing.
app "DROP PUBLICATION undam"
app "ALTER DATABASE app SET log_min_duration_statement = 400"
app "DO \$\$ BEGIN FOR i IN 1..1000 LOOP EXECUTE format('CREATE TABLE many%s (id int PRIMARY KEY)', i); END LOOP; END \$\$"
echo "services: {s: {tables: {$(seq -f 'public.many%g: id' -s ', ' 1000)}}}" >"$T/services.yaml"
relay_config
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
: >"$T/relay.log"
relay; wait_until 20 ready || bail "no relay"
app "ALTER PUBLICATION undam DROP TABLE many777"
stopped 'tables were taken out of publication "undam".*public.many777' "one of a thousand tables is taken out"
unlike "$(cat "$T/src/log")" 'duration: .*string_agg' "and no look at them takes the source long"
done_testing
