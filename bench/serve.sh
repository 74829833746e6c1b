#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Reads answered by the edge from the read model, per CPU second of nginx and PostgreSQL together; beside pgbench -S -M prepared
# (per CPU second of pgbench and PostgreSQL) and beside the same nginx handing the same requests to the legacy application
# (nginx, application and its PostgreSQL). The documents are the application's own answers. The load client's CPU is
# not counted; one nginx worker, 64 connections, one request at a time on each, and one connection for the latency line.
. "$(dirname "$0")/lib.sh"
. "$UNDAM_SOURCE/tests/flow/edge.sh"
unset ASAN_OPTIONS UBSAN_OPTIONS

users=500 seconds=$((5 * SCALE))
hammer() { "$UNDAM_BUILD/tests/flow/http_hammer" -x -k $users -c "${1:-64}" -s $seconds "$port" 2>"$T/hammer.err"; }
value() { sed -n "s/.*\b$1=\([0-9]*\).*/\1/p" <<<"$2"; }
nginx_cpu() { process_cpu "$(cat "$T/edge.d/nginx.pid")"; }
per_cpu_second() { calc "$1 / ($2 / $(getconf CLK_TCK))" 0; } # COUNT TICKS

pg_create mono "shared_buffers = 128MB"
fintech_seed mono fintech $users 20000
fintech_app "$(dsn mono fintech)"
legacy_port=$APP_PORT

# The read model: what the application answers, stored.
pg_create read "shared_buffers = 128MB"
sql read postgres 'CREATE DATABASE tx'
sql read tx "CREATE SCHEMA api; CREATE SCHEMA undam; CREATE TABLE undam.position(source text PRIMARY KEY, lsn pg_lsn);
    INSERT INTO undam.position VALUES ('fintech', '0/1000'); CREATE TABLE api.profile(id bigint PRIMARY KEY, body text, _lsn pg_lsn)"
mkdir "$T/bodies"
for i in $(seq 1 $users); do echo "url=http://127.0.0.1:$APP_PORT/users/$i"; echo "output=$T/bodies/$i"; done >"$T/curl.cfg"
curl -s --no-progress-meter -K "$T/curl.cfg" || bail "the application does not answer"
for i in $(seq 1 $users); do printf '%s\t%s\t0/500\n' "$i" "$(tr -d '\n\t' <"$T/bodies/$i" | sed 's/\\/\\\\/g')"; done >"$T/copy"
psql -X -q -d "$(dsn read tx)" -c '\copy api.profile FROM '"$T/copy" -c 'VACUUM ANALYZE'
result document_bytes "$(sql read tx 'SELECT avg(length(body))::int FROM api.profile')" "bytes, mean"

edge_endpoint profile '/users/{id}' 'SELECT body, _lsn AS etag FROM profile WHERE id = :id' "$id_param
-- key: id
-- user: path.id"
edge_compile
edge_publish profile:tx:100
edge_applied 3600000
port=$(free_port) trusted_port=$(free_port)
url=http://127.0.0.1:$port
EDGE_LOCATION='access_log off;' EDGE_LOG=error
edge_config
edge_nginx edge
wait_until 20 edge_up 2 || bail "nginx does not start"

# measure NAME CPU-COMMANDS...: the load for some seconds; sets line and ticks.
measure() {
    local before=0 after=0 c
    for c in "$@"; do before=$((before + $($c))); done
    line=$(hammer) || bail "the load client: $(cat "$T/hammer.err")"
    for c in "$@"; do after=$((after + $($c))); done
    ticks=$((after - before))
    [ "$(value other "$line")" = 0 ] || bail "not every answer was 200: $line"
}
read_cpu() { pg_cpu read; }
mono_cpu() { pg_cpu mono; }
app_cpu() { process_cpu "$pid_app"; }

hammer >/dev/null # everything prepared and cached
measure nginx_cpu read_cpu
[ "$(value legacy "$line")" = 0 ] || bail "not every answer was the read model's: $line"
served=$(per_cpu_second "$(value requests "$line")" $ticks)
result served_rps "$(value rps "$line")" "requests/s"
result served_per_cpu_second "$served" "requests/s of CPU, nginx and PostgreSQL"
result keys_per_statement "$(calc "$(counter undam_edge_keys_total) / $(counter undam_edge_statements_total)" 1)" "keys"
result served_one_connection_us "$(calc "1e6 / $(value rps "$(hammer 1)")" 0)" "us a request, mean"

edge_publish profile:tx:0
hammer >/dev/null
measure nginx_cpu app_cpu mono_cpu
[ "$(value stream "$line")" = 0 ] || bail "not every answer was the application's: $line"
proxied=$(per_cpu_second "$(value requests "$line")" $ticks)
result proxied_rps "$(value rps "$line")" "requests/s"
result proxied_per_cpu_second "$proxied" "requests/s of CPU, nginx, application and PostgreSQL"

sql read postgres 'CREATE DATABASE pgbench'
"$PG_BINDIR/pgbench" -q -i -s 5 -d "$(dsn read pgbench)" >/dev/null 2>&1 || bail "pgbench -i"
for clients in 1 16; do
    before=$(pg_cpu read)
    out=$( (TIMEFORMAT='cpu %3U %3S'; time "$PG_BINDIR/pgbench" -S -M prepared -n -c $clients -j 1 -T $seconds -d "$(dsn read pgbench)") 2>&1)
    own=$(awk '/^cpu/ {printf "%d", ($2 + $3) * '"$(getconf CLK_TCK)"'}' <<<"$out")
    count=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' <<<"$out")
    pgbench=$(per_cpu_second "$count" $(($(pg_cpu read) - before + own)))
    result "pgbench_${clients}_per_cpu_second" "$pgbench" "selects/s of CPU, pgbench and PostgreSQL"
done
result served_to_pgbench "$(calc "$served / $pgbench")" "times, per CPU second"
result served_to_proxied "$(calc "$served / $proxied")" "times, per CPU second"
