#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The relay beside a bare pg_recvlogical on the same WAL: two slots made at the same place, the same rows read through each.
# bulk: transactions of 100 rows. single: a transaction a row. 8 columns, about 150 B a row.
. "$(dirname "$0")/lib.sh"

rows_bulk=$((200000 * SCALE)) rows_single=$((50000 * SCALE))
pg_create src "max_wal_size = 4GB" "synchronous_commit = off" "shared_buffers = 256MB"
pg_create bus "max_wal_size = 4GB" "shared_buffers = 256MB"
sql src postgres 'CREATE DATABASE app'
sql bus postgres 'CREATE DATABASE control'
sql src app 'CREATE TABLE t (id bigint PRIMARY KEY, user_id bigint, a bigint, b numeric(18,2), c timestamptz, d text, e text, f bool);
CREATE TABLE done (id int PRIMARY KEY); CREATE PUBLICATION undam FOR TABLE t;
CREATE PROCEDURE fill(first int, n int, per int) LANGUAGE plpgsql AS $$ BEGIN
    FOR i IN 0 .. n / per - 1 LOOP
        INSERT INTO t SELECT first + i * per + g, g % 1000, g, g / 100.0, now(), md5(g::text), md5(g::text), true FROM generate_series(1, per) g;
        COMMIT;
    END LOOP; END $$'
mkdir "$T/spool"
cat >"$T/undam.yaml" <<YAML
source: {name: app, dsn: "$(dsn src app)", slot: undam, publication: undam}
bus: {prefix: app, partitions: 8}
relay: {spool_directory: $T/spool}
control: {dsn: "$(dsn bus control)"}
services: {app: {tables: {public.t: user_id}}}
YAML
export UNDAM_CONFIG=$T/undam.yaml
"$UNDAM" relay --create-slot >>"$T/undam.log" 2>&1 || bail "no slot"

on_bus() { [ "$(sql bus control 'SELECT events FROM undam_bus.source')" -ge "$1" ]; }
# measure NAME FIRST ROWS PER-TRANSACTION
expected=0
measure() {
    local name=$1 rows=$3 end t0 t1 bare_ms bare_us relay_ms relay_us relay_sender bus_us rss
    sql src app "SELECT pg_create_logical_replication_slot('bare', 'pgoutput')" >/dev/null
    sql src app "CALL fill($2, $rows, $4)"
    expected=$((expected + rows))
    sql src app "CHECKPOINT; SELECT pg_switch_wal()" >/dev/null
    end=$(sql src app 'SELECT pg_current_wal_flush_lsn()')

    t0=$(now_ms)
    ( TIMEFORMAT='%3U %3S'; time "$PG_BINDIR/pg_recvlogical" -d "$(dsn src app)" -S bare --start --endpos "$end" -f /dev/null \
        -o proto_version=1 -o publication_names=undam ) 2>"$T/bare.time" || bail "pg_recvlogical"
    t1=$(now_ms)
    bare_ms=$((t1 - t0))
    bare_us=$(tail -n 1 "$T/bare.time" | awk '{print ($1 + $2) * 1e6}')
    sql src app "SELECT pg_drop_replication_slot('bare')" >/dev/null

    bus_us=$(cpu_us $(cluster_pids bus))
    t0=$(now_ms)
    start relay "$UNDAM" relay
    wait_until 120 on_bus $expected || bail "the relay brings $(sql bus control 'SELECT events FROM undam_bus.source') of $expected events"
    t1=$(now_ms)
    relay_ms=$((t1 - t0))
    relay_us=$(cpu_us $pid_relay)
    relay_sender=$(cpu_us $(backend_pid src))
    rss=$(awk "/VmHWM/ {print \$2}" "/proc/$pid_relay/status")
    bus_us=$(($(cpu_us $(cluster_pids bus)) - bus_us))
    stop relay
    result "${name}_bare_us_per_event" "$(calc "$bare_us / $rows")" "us of CPU, pg_recvlogical"
    result "${name}_relay_us_per_event" "$(calc "$relay_us / $rows")" "us of CPU, undam relay: decode, Avro, bus protocol"
    result "${name}_ratio" "$(calc "$relay_us / $bare_us")" "relay / bare"
    result "${name}_walsender_us_per_event" "$(calc "$relay_sender / $rows")" "us of CPU"
    result "${name}_bus_us_per_event" "$(calc "$bus_us / $rows")" "us of CPU of the bus's PostgreSQL, all processes alive at the end"
    result "${name}_bare_events_per_s" "$(calc "$rows / ($bare_ms / 1000)" 0)" "with nothing else to do"
    result "${name}_relay_events_per_s" "$(calc "$rows / ($relay_ms / 1000)" 0)" "from process start to the last event on the bus"
    result "${name}_relay_rss_mb" "$(calc "$rss / 1024" 1)" "MB, its peak"
}
measure bulk 0 $rows_bulk 100
measure single $rows_bulk $rows_single 1
