#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The "before" of the mission: the whole fintech monolith on PostgreSQL 13, its database on one CPU (the database's machine), application,
# nginx and the load on the other, and the load raised until the database is above 90 % of its CPU and the 95th percentile of
# all requests in the high hundreds of milliseconds. Open loop: latency counts from when a request was due.
#   SCALE=1 (2,000 users, 100,000 transactions), 10, 100; RATE: requests a second to begin with; SEED; SECONDS_MEASURED (30)
#   JOBS=no: without the background jobs.
. "$(dirname "$0")/lib.sh"
seconds=${SECONDS_MEASURED:-30} rate=${RATE:-40} seed=${SEED:-1}
[ "$(nproc)" -ge 2 ] || bail "one CPU for the database and one for the rest are needed"
command -v taskset >/dev/null || bail "taskset is missing (package util-linux)"
PG_BINDIR=$("$UNDAM_SOURCE/scripts/postgres-versions" 13 | cut -d' ' -f2) || bail "PostgreSQL 13 cannot be installed"
export PG_BINDIR
database_cpu=0 rest=1-$(($(nproc) - 1))

say() { echo "# $*" >&2; }
pg_create mono "shared_buffers = 128MB" "max_connections = 120" "max_wal_size = 2GB" "work_mem = 4MB" "max_parallel_workers_per_gather = 0"
sql mono postgres 'CREATE DATABASE fintech'
say "loading data at scale $SCALE"
"$FINTECH/load-data" --dsn "$(dsn mono fintech)" --scale "$SCALE" --seed "$seed" --pools "$T/pools" || bail "data"
taskset -acp $database_cpu "$(head -n 1 "$T/mono/data/postmaster.pid")" >/dev/null || bail "taskset"

jobs=(--jobs)
[ "${JOBS:-yes}" = yes ] || jobs=()
APP_PORT=$(free_port)
start app taskset -c "$rest" "$UNDAM_BUILD/examples/fintech/fintech-app" --dsn "$(dsn mono fintech)" --port "$APP_PORT" --pool 64 "${jobs[@]}"
wait_until 20 curl -sf "http://127.0.0.1:$APP_PORT/healthz" || bail "the application does not start"
fintech_nginx taskset -c "$rest"

mkfifo "$T/commands"
exec 7<>"$T/commands"
taskset -c "$rest" "$UNDAM_BUILD/examples/fintech/fintech-load" --control --url "http://127.0.0.1:$EDGE_PORT" --services "$FINTECH/services" \
    --pools "$T/pools" --rate "$rate" --seconds 0 --seed "$seed" --connections 256 --timeout-ms 30000 --json "$T/phases.json" --phase warm --quiet <&7 >"$T/load.log" 2>&1 &
pids+=($!)
phase=0
# run RATE SECONDS: sets cpu (share of the database's CPU) and p50 p95 p99 of all requests in ms.
run() {
    local ticks began line
    phase=$((phase + 1))
    echo "rate $1" >&7
    [ $phase = 1 ] || sleep 2
    echo "phase p$phase" >&7
    ticks=$(pg_cpu mono) began=$(now_ms)
    sleep "$2"
    cpu=$(awk -v t=$(($(pg_cpu mono) - ticks)) -v ms=$(($(now_ms) - began)) -v hz="$(getconf CLK_TCK)" 'BEGIN {printf "%.3f", t / hz / (ms / 1000)}')
    echo "phase gap$phase" >&7
    wait_until 120 grep -q "\"phase\":\"p$phase\"" "$T/phases.json" || bail "the load does not come to an end"
    line=$(grep "\"phase\":\"p$phase\"" "$T/phases.json" | tail -n 1)
    read -r p50 p95 p99 sent failed < <(jq -r '[.all.p50_ms, .all.p95_ms, .all.p99_ms, .requests, .failed] | @tsv' <<<"$line")
    last=$line
}
between() { awk -v v="$1" -v a="$2" -v b="$3" 'BEGIN {exit !(v >= a && v <= b)}'; }
times() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.1f", a * b}'; }

# From far below: the rate that CPU time a request allows, then towards the state by small steps.
run "$rate" 8
say "$rate requests/s: database $cpu of its CPU, p95 $p95 ms"
rate=$(awk -v r="$rate" -v c="$cpu" 'BEGIN {printf "%.1f", r * 0.9 / (c > 0.02 ? c : 0.02)}')
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    echo "rate 5" >&7; sleep 3 # what has queued up is gone
    run "$rate" "$seconds"
    say "$rate requests/s: database $cpu of its CPU, p50 $p50 p95 $p95 p99 $p99 ms, $failed of $sent failed"
    if between "$cpu" 0.90 1.05 && between "$p95" 600 1800; then reached=yes; break; fi
    if between "$p95" 1800 1e9; then factor=0.96; elif between "$cpu" 0 0.7; then factor=1.25; elif between "$cpu" 0 0.85; then factor=1.08; else factor=1.03; fi
    rate=$(times "$rate" $factor)
done
result rate "$rate" requests/s
result database_cpu "$cpu" "of its CPU (mission: 0.92)"
result p50 "$p50" ms
result p95 "$p95" "ms (mission: 1200)"
result p99 "$p99" ms
result requests "$sent"
result failed "$failed"
jq -r '.endpoints | to_entries | map(select(.value.count > 0)) | sort_by(-.value.count * .value.p50_ms) | .[:8][] | "# \(.key): \(.value.count) calls, p50 \(.value.p50_ms) p95 \(.value.p95_ms) ms"' <<<"$last" >&2
jq -r '.unexpected[] | "# unexpected \(.status): \(.request)"' <<<"$last" >&2
echo quit >&7
[ "${reached:-no}" = yes ] || bail "the state was not reached: raise SCALE, or begin with another RATE"
