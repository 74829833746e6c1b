#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What capture costs the monolith's writes: the same transaction (balance update and two inserts) with and without a
# replication slot and a running relay, in paired rounds in random order on one cluster; everything is fsynced.
# "without" drops the slot, so that nothing decodes; the relay takes up a new one (with a bus of its own) each round.
. "$(dirname "$0")/lib.sh"

rounds=$((6 * SCALE)) seconds=3
pg_create src "max_wal_size = 4GB"
pg_create bus "fsync = off"
sql src postgres 'CREATE DATABASE app'
sql src app "CREATE TABLE accounts (id int PRIMARY KEY, user_id int, balance numeric(18,2));
CREATE TABLE entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id int, user_id int, amount numeric(18,2), at timestamptz DEFAULT now(), note text);
INSERT INTO accounts SELECT n, n, 1000 FROM generate_series(1, 1000) n; CREATE PUBLICATION undam FOR TABLE accounts, entries"
sql src app "VACUUM ANALYZE"
mkdir "$T/spool"
cat >"$T/write.sql" <<'SQL'
\set a random(1, 1000)
BEGIN;
UPDATE accounts SET balance = balance - 1 WHERE id = :a;
INSERT INTO entries (account_id, user_id, amount, note) VALUES (:a, :a, -1, 'payment to somebody, with a note of some length');
INSERT INTO entries (account_id, user_id, amount, note) VALUES (:a + 1000, :a, 1, 'payment to somebody, with a note of some length');
COMMIT;
SQL
export UNDAM_CONFIG=$T/undam.yaml
capture_on() { # ROUND
    sql bus postgres "CREATE DATABASE bus$1"
    cat >"$T/undam.yaml" <<YAML
source: {name: app, dsn: "$(dsn src app)", slot: undam, publication: undam}
bus: {prefix: app, partitions: 8}
relay: {spool_directory: $T/spool}
control: {dsn: "$(dsn bus "bus$1")"}
services: {app: {tables: {public.accounts: user_id, public.entries: user_id}}}
YAML
    start relay "$UNDAM" relay
    wait_until 20 sql src app 'SELECT 1 / count(*) FROM pg_stat_replication' || bail "the relay does not start"
}
capture_off() {
    stop relay
    wait_until 10 sql src app "SELECT pg_drop_replication_slot('undam')"
}
# round WITH|WITHOUT: appends latencies in us to $T/with, and CPU of all backends but the walsender.
round() {
    local name=$1 before after sender='' n
    rm -f "$T"/pgbench_log*
    sender=$(backend_pid src)
    before=$(pg_cpu src); [ -z "$sender" ] || before=$((before - $(process_ticks "$sender")))
    (cd "$T" && pgbench -n -M prepared -c 1 -T $seconds -f "$T/write.sql" -l --log-prefix="$T/pgbench_log" "$(dsn src app)" >"$T/pgbench.log" 2>&1) ||
        bail "pgbench: $(tail -n 2 "$T/pgbench.log")"
    after=$(pg_cpu src); [ -z "$sender" ] || after=$((after - $(process_ticks "$sender")))
    n=$(cat "$T"/pgbench_log* | wc -l)
    awk '{print $3}' "$T"/pgbench_log* >>"$T/$name.us"
    echo "$((after - before)) $n" >>"$T/$name.cpu"
}
process_ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{print $12 + $13}'; }
quantile() { sort -n "$T/$1.us" | awk -v q="$2" '{v[NR] = $1} END {print v[int(NR * q) + 1]}'; }

for i in $(seq $rounds); do
    if [ $((RANDOM % 2)) = 0 ]; then order='without with'; else order='with without'; fi
    for name in $order; do
        if [ $name = with ]; then capture_on "$i"; fi
        round $name
        if [ $name = with ]; then capture_off; fi
    done
done
for name in without with; do
    result "${name}_p50_us" "$(quantile $name 0.5)" "us a transaction"
    result "${name}_p99_us" "$(quantile $name 0.99)" "us a transaction"
    result "${name}_cpu_us" "$(awk -v hz="$(getconf CLK_TCK)" '{t += $1; n += $2} END {printf "%.1f", t / hz * 1e6 / n}' "$T/$name.cpu")" "us of server CPU a transaction, walsender apart"
done
result p50_ratio "$(calc "$(quantile with 0.5) / $(quantile without 0.5)" 3)" "with / without"
result cpu_ratio "$(awk 'FNR == 1 {f++} {t[f] += $1; n[f] += $2} END {printf "%.3f", (t[2] / n[2]) / (t[1] / n[1])}' "$T/without.cpu" "$T/with.cpu")" "with / without"
