#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The projector on Kafka where things go wrong: SIGKILL of it and of the broker in the middle, a read model that stands
# still while more comes than fits into memory, and a topic that others write to.
BUS=kafka
. "$(dirname "$0")/../flow/lib.sh"
. "$(dirname "$0")/../flow/project_lib.sh"

BATCH_EVENTS=500
# What the sanitiser keeps of freed memory would hide how much is in use.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:quarantine_size_mb=8
setup_shop "CREATE TABLE t (id bigint PRIMARY KEY, n int NOT NULL, body text); CREATE TABLE g (id int PRIMARY KEY, t_id bigint)" public.t:id public.g:id
v=$(view doc id <<<"SELECT t.id, t.n, length(t.body) AS size, (SELECT count(*) FROM g WHERE g.t_id = t.id) AS gs FROM t")
out=$("$UNDAM" view add "$v" 2>&1) || bail "$out"
start_projector
same() { same_rows "$1" "SELECT id, n, md5(body) FROM t" "SELECT id, n, md5(body) FROM mirror.t"; }

# --- SIGKILL of the projector, and of the broker ----------------------------------------------------------------------------
cat >"$T/write.sql" <<'S'
\set i random(1, 2000)
INSERT INTO t VALUES (:i, 1, 'x') ON CONFLICT (id) DO UPDATE SET n = t.n + 1;
INSERT INTO g VALUES (:i % 500, :i) ON CONFLICT (id) DO UPDATE SET t_id = excluded.t_id;
S
pgbench -n -f "$T/write.sql" -c 2 -R 200 -T 9 -d "$(dsn src source)" >"$T/pgbench.log" 2>&1 & writer=$!; pids+=($!)
for i in 1 2 3; do
    at=$(position); wait_until 20 eval '[ "$(position)" != "$at" ]' || note "nothing moves"
    stop projector KILL 2>/dev/null
    start_projector
    [ $i != 2 ] || { kafka_kill bus; kafka_up bus; }
done
wait "$writer"; is $? 0 "the source was written to all the time"
settle 60; same "after three SIGKILLs of the projector and one of the broker nothing is missing"
out=$("$UNDAM" view verify 2>&1); is $? 0 "and the view is exact" || note "$out"
out=$("$UNDAM" check 2>&1); is $? 0 "check finds nothing" || note "$out"

# --- a read model that stands still -----------------------------------------------------------------------------------------
memory() { awk "/^$1/ { print int(\$2 / 1024) }" "/proc/$pid_projector/status"; }
before=$(memory VmRSS)
start lock psql -X -q -d "$(dsn rm rm)" -c "BEGIN; LOCK TABLE mirror.t IN EXCLUSIVE MODE; SELECT pg_sleep(120)"
wait_until 10 eval '[ "$(sql rm rm "SELECT count(*) FROM pg_locks WHERE mode = '"'ExclusiveLock'"' AND relation = '"'mirror.t'::regclass"'")" != 0 ]'
for i in $(seq 40); do sql src source "INSERT INTO t SELECT 10000 + $i * 1000 + x, 0, (SELECT string_agg(md5((x * k)::text), '') FROM generate_series(1, 80) k) FROM generate_series(1, 1000) x"; done
lsn=$(source_lsn)
wait_until 60 bus_reached "$lsn"; ok $? "100 MB of events are on the bus while the table is locked"
at=$(position)
sleep 3
is "$(position)" "$at" "the read model stands still"
during=$(memory VmHWM)
note "memory: $before MB before, at most $during MB"
[ $((during - before)) -lt 90 ]; ok $? "the projector's memory is bounded"
sql rm rm "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(120)%' AND pid <> pg_backend_pid()" >/dev/null
settle 90; same "then it goes on, and nothing is missing"
kill -0 "$pid_projector"; ok $? "by the same process"

# --- others write to the topic ----------------------------------------------------------------------------------------------
echo 'hello' | kcat -P -b "$(kafka_brokers bus)" -t shop.app -k 1 2>/dev/null
echo 'hello' | kcat -P -b "$(kafka_brokers bus)" -t shop.app -p 0 2>/dev/null
sql src source "UPDATE t SET n = n + 1"
wait "$pid_projector"; is $? 7 "a foreign message stops the service"
like "$(cat "$T/projector.log")" 'topic shop.app partition [0-3] offset [0-9]+' "with its place"
out=$("$UNDAM" view rebuild app 2>&1); is $? 0 "a rebuild goes past it" || note "$out"
start_projector
sql src source "UPDATE t SET n = n + 1 WHERE id < 100"
settle 30; same "and it goes on from there"
done_testing
