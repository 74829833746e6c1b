#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The publication is dropped, replaced or loses a table while the relay runs: PostgreSQL 18 would skip rows silently,
# so the relay watches it and stops.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
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

# WAL that the slot holds back.
app "INSERT INTO t VALUES (1)"
for i in 1 2 3; do app "CREATE TABLE w$i AS SELECT repeat('x', 1000) FROM generate_series(1, 1000)"; done
like "$("$UNDAM" relay -c "$T/undam.yaml" --check)" 'warning undam: the slot holds back [0-9]* bytes of WAL' "--check warns of retained WAL"
is "$(events count 2>/dev/null)" "0 0" "(nothing yet)"
psql -X -q -d "$(dsn src app)" -c "BEGIN" -c "SELECT pg_current_xact_id()" -c "SELECT pg_sleep(9)" >/dev/null 2>&1 & # holds restart_lsn back
relay
wait_until 20 logged 'level=error .*event=wal_retained bytes=[0-9]+ limit=1048576 .*wal_status=reserved'; ok $? "the relay reports it as an error"
ok "$(! ready; echo $?)" "and is not ready"
wait_until 5 metric_at_least retained_wal_bytes 1048576; ok $? "and shows it as a metric"
synced; is "$(events count)" "1 1" "while it goes on carrying events"
stop relay
done_testing
