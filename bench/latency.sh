#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How long a commit takes to reach a reader of the bus, and to change an answer of nginx from a read model with views
# (bench/latency.c): the fintech example, idle but for one update each 15 ms, everything fsynced. Beside it the commit
# itself, which is what waits for the disk, and one request.
. "$(dirname "$0")/lib.sh"

rounds=$((300 * SCALE))
pg_create mono
pg_create read
mkdir "$T/run"
fintech_seed mono fintech 200 5000
fintech_app "$(dsn mono fintech)"
undam_config mono read
undam relay --create-publication
supervise relay "$UNDAM" relay
ready relay "$RELAY_PORT"
for service in $SERVICES; do supervise "$service" "$UNDAM" project "$service"; done
undam view add "$FINTECH"/migration/views/*.sql
for service in $SERVICES; do port=${service^^}_PORT; ready "$service" "${!port}"; done
undam endpoint compile
supervise control "$UNDAM" control
ready control "$CONTROL_PORT"
undam flags sync --why benchmark
edge_start read 0.001%
wait_until 20 edge_decides || bail "nginx does not take up the flags"

echo "UPDATE users SET phone = 'a' WHERE id = 1 + (random() * 199)::int;" >"$T/commit.sql"
"$PG_BINDIR/pgbench" -n -c 1 -T 3 -R 60 -f "$T/commit.sql" -l --log-prefix="$T/commits" "$(dsn mono fintech)" >"$T/pgbench.log" 2>&1 || bail pgbench
quantile() { sort -n "$T"/commits* | awk '{print $3}' | sort -n | awk -v q="$1" '{v[NR] = $1} END {printf "%.2f", v[int(NR * q) + 1] / 1000}'; }
result commit_p50_ms "$(quantile 0.5)" "ms, the update and its fsync as a client sees it"
result commit_p99_ms "$(quantile 0.99)" "ms"
"$UNDAM_BUILD/bench/bench_latency" bus "$(dsn mono fintech)" $rounds commit_to_bus "$UNDAM_CONFIG" fintech.accounts || bail bus
"$UNDAM_BUILD/bench/bench_latency" answer "$(dsn mono fintech)" $rounds commit_to_answer "$TRUSTED_PORT" || bail answer
supervise_end
