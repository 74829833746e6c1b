#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A first load killed at any instant leaves nothing that looks ready, and the next run does it from the start. Without a
# relay there is no load; two registrations at once are refused.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/project_lib.sh"
SEED=${SEED:-$(date +%s)}; RANDOM=$((SEED % 32768)); note "SEED=$SEED"

pg_create src; pg_create rm "fsync = off"
mkdir -p "$T/spool" "$T/migration/views"; chmod 777 "$T/spool"
psql -X -q -d "$(dsn src postgres)" -c "CREATE DATABASE source" -c "CREATE DATABASE control"
psql -X -q -d "$(dsn rm postgres)" -c "CREATE DATABASE rm"
sql src source "CREATE TABLE t (id bigint PRIMARY KEY, g int, f text); INSERT INTO t SELECT i, i % 100, repeat('x', 100) FROM generate_series(1, 60000) i;
CREATE TABLE u (g int PRIMARY KEY, name text); INSERT INTO u SELECT i, 'u' || i FROM generate_series(0, 99) i"
sql src source "CREATE PUBLICATION undam FOR ALL TABLES"
write_config public.t:id public.u:g
v=$(view doc id <<<"SELECT t.id, t.g, u.name, length(t.f) AS f FROM t JOIN u ON u.g = t.g")
w=$(view names g <<<"SELECT g, name FROM u")

out=$("$UNDAM" view add "$v" 2>&1); is $? 4 "before the relay has ever run a load is refused" || note "$out"
like "$out" 'the relay has never run' "with the reason"
like "$out" 'start .undam relay. first' "and what to do"
start_relay

for i in 1 2 3 4 5 6; do
    start add "$UNDAM" view add "$v"
    sleep "0.$((RANDOM % 7))$((RANDOM % 10))"
    kill -KILL "$pid_add" 2>/dev/null; wait "$pid_add" 2>/dev/null
    ready=$(sql rm rm "SELECT count(*) FROM undam.view WHERE state = 'ready'" 2>/dev/null || echo 0)
    stored=$(sql rm rm "SELECT count(*) FROM pg_tables WHERE schemaname = 'api'" 2>/dev/null || echo 0)
    [ "${ready:-0}" = "${stored:-0}" ] || { ok 1 "kill $i: ready is $ready, stored is $stored"; break; }
    [ "${ready:-0}" = 0 ] || { is "$(sql rm rm "SELECT count(*) FROM api.doc")" 60000 "kill $i came after the end: the view is whole"; break; }
done
is "${ready:-0}" "${stored:-0}" "a killed load leaves no view that looks ready"
"$UNDAM" view list >"$T/list" 2>&1
out=$("$UNDAM" view add "$v" 2>&1); is $? 0 "the next run loads from the start" || note "$out"
is "$(sql rm rm "SELECT count(*), sum(f) FROM api.doc")" "60000|6000000" "and whole"
is "$(sql rm rm "SELECT count(*) FROM pg_namespace WHERE nspname = 'undam_load'")" 0 "and leaves nothing behind"
start_projector
sql src source "UPDATE u SET name = 'changed' WHERE g = 5; DELETE FROM t WHERE id < 50"; settle
out=$("$UNDAM" view verify 2>&1); is $? 0 "the stream goes on from it" || note "$out"

# Held up in the middle: a second registration is refused, and goes through once the first is gone.
psql -X -q -d "$(dsn src source)" >/dev/null 2>&1 <<<"BEGIN; LOCK TABLE u IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)" &
pids+=($!); holder=$!
wait_until 10 eval '[ "$(sql src source "SELECT count(*) FROM pg_locks WHERE mode = '"'AccessExclusiveLock'"' AND relation = '"'u'"'::regclass")" = 1 ]'
start held "$UNDAM" view rebuild app
wait_until 10 eval '[ "$(sql rm rm "SELECT count(*) FROM pg_locks WHERE locktype = '"'advisory'"'")" != 0 ]'
out=$("$UNDAM" view add "$w" 2>&1); is $? 4 "a second registration at the same time is refused"
like "$out" 'another registration is running' "with the reason"
kill -KILL "$pid_held"; sql src source "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()" >/dev/null
wait_until 20 eval '[ "$(sql rm rm "SELECT count(*) FROM pg_locks WHERE locktype = '"'advisory'"'")" = 0 ]'
out=$("$UNDAM" view add "$w" 2>&1); is $? 0 "after a SIGKILL of the first it goes through" || note "$out"
out=$("$UNDAM" view verify 2>&1); is $? 0 "and everything is exact" || note "$out"
again=0
for i in {1..12}; do "$UNDAM" view add "$w" >/dev/null 2>&1 || again=$((again + 1)); done
is $again 0 "registrations may follow each other at once"
done_testing
