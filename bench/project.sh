#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The projector catching up with a full bus, beside COPY into a temporary table and INSERT ... ON CONFLICT of the same
# rows in batches of 5,000, each batch a transaction: half of them inserts, half updates, transactions of 100 rows.
# mirror: a view that leaves out every row, so that what remains is mirror and positions, as in the raw operation.
# view: one stored document a row on top of it.
. "$(dirname "$0")/lib.sh"

rows=$((100000 * SCALE))
pg_create src "max_wal_size = 4GB" "synchronous_commit = off" "shared_buffers = 256MB"
pg_create read "max_wal_size = 4GB" "shared_buffers = 512MB" "autovacuum = off"
sql src postgres 'CREATE DATABASE app'
sql read postgres 'CREATE DATABASE control'
sql read postgres 'CREATE DATABASE raw'
columns='id bigint PRIMARY KEY, user_id bigint, a bigint, b numeric(18,2), c timestamptz, d text, e text, f bool'
fill="INSERT INTO t SELECT n, n % 1000, n, n / 100.0, now(), md5(n::text), md5(n::text), true FROM generate_series"
sql src app "CREATE TABLE t ($columns); CREATE PUBLICATION undam FOR TABLE t; $fill (1, $rows / 2) n;
CREATE PROCEDURE change(total int) LANGUAGE plpgsql AS \$\$ BEGIN
    FOR i IN 0 .. total / 100 - 1 LOOP
        UPDATE t SET a = a + 1, c = clock_timestamp(), d = md5(a::text) WHERE id BETWEEN i * 50 + 1 AND i * 50 + 50;
        $fill (total / 2 + i * 50 + 1, total / 2 + i * 50 + 50) n;
        COMMIT;
    END LOOP; END \$\$"
mkdir -p "$T/spool" "$T/views"
header() { printf -- '-- view: %s\n-- service: app\n-- key: id\n' "$1"; }
{ header mirror; echo 'SELECT id, user_id, a, b, c, d, e, f FROM t WHERE f IS NULL'; } >"$T/views/mirror.sql"
{ header view; echo "SELECT id, json_build_object('id', id, 'user', user_id, 'a', a, 'b', b::text, 'c', c, 'd', d, 'e', e, 'f', f)::text AS body FROM t"; } >"$T/views/view.sql"

# configure NAME: a read model and a bus of its own.
configure() {
    sql read postgres "CREATE DATABASE rm_$1"
    cat >"$T/undam.yaml" <<YAML
source: {name: app, dsn: "$(dsn src app)", slot: undam, publication: undam}
bus: {prefix: app, partitions: 8}
relay: {spool_directory: $T/spool, watermark_ms: 200ms}
control: {dsn: "$(dsn read control)"}
services: {app: {dsn: "$(dsn read "rm_$1")", tables: {public.t: user_id}}}
YAML
    export UNDAM_CONFIG=$T/undam.yaml
}
on_bus() { [ "$(sql read control 'SELECT events FROM undam_bus.source')" -ge $rows ]; }
applied() { [ "$(sql read "rm_$1" "SELECT lsn >= '$2' FROM undam.position")" = t ]; }
for name in mirror view; do
    configure $name
    [ $name = view ] || { start relay "$UNDAM" relay; wait_until 20 sql read control 'SELECT 1 / count(*) FROM undam_bus.source' || bail "no relay"; }
    undam view add "$T/views/$name.sql"
done
sql src app "CALL change($rows)"
wait_until 60 on_bus || bail "the relay has not carried everything"
stop relay
end=$(sql read control 'SELECT lsn FROM undam_bus.source')

for name in mirror view; do
    sed -i "s/rm_[a-z]*/rm_$name/" "$T/undam.yaml"
    sql read "rm_$name" 'CHECKPOINT'
    before=$(cpu_us $(cluster_pids read))
    t0=$(now_ms)
    start projector "$UNDAM" project app
    wait_until 120 applied $name "$end" || bail "the projector does not arrive"
    t1=$(now_ms)
    client=$(cpu_us $pid_projector)
    server=$(($(cpu_us $(cluster_pids read)) - before))
    stop projector
    result "${name}_rows_per_s" "$(calc "$rows / (($t1 - $t0) / 1000)" 0)" "from process start to the last position"
    result "${name}_projector_us_per_row" "$(calc "$client / $rows")" "us of CPU, undam project"
    result "${name}_server_us_per_row" "$(calc "$server / $rows")" "us of CPU of the read model's PostgreSQL, the bus included"
    [ $name = mirror ] && mirror_ms=$((t1 - t0))
done

# The raw operation: the same final rows over the same first half.
sql src app "COPY (SELECT * FROM t ORDER BY id) TO STDOUT" >"$T/rows.tsv"
split -l 5000 -a 4 "$T/rows.tsv" "$T/part."
sql read raw "CREATE TABLE t ($columns); INSERT INTO t SELECT n, n % 1000, n, n / 100.0, now(), md5(n::text), md5(n::text), true FROM generate_series(1, $rows / 2) n"
{
    echo 'CREATE TEMP TABLE part (LIKE t);'
    for part in "$T"/part.*; do
        echo "\\copy part FROM '$part'"
        echo "INSERT INTO t SELECT * FROM part ON CONFLICT (id) DO UPDATE SET (user_id, a, b, c, d, e, f) = ROW (excluded.user_id, excluded.a, excluded.b, excluded.c, excluded.d, excluded.e, excluded.f); TRUNCATE part;"
    done
    echo 'SELECT pg_sleep(0.5);'
} >"$T/raw.sql"
sql read raw 'CHECKPOINT'
t0=$(now_ms)
psql -X -q -o /dev/null -d "$(dsn read raw)" -f "$T/raw.sql" >"$T/raw.log" 2>&1 &
psql_pid=$!
wait_until 5 sql read raw "SELECT 1 / count(*) FROM pg_stat_activity WHERE datname = 'raw' AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
backend=$(sql read raw "SELECT pid FROM pg_stat_activity WHERE datname = 'raw' AND pid <> pg_backend_pid() AND backend_type = 'client backend' LIMIT 1")
wait_until 60 sql read raw "SELECT 1 / count(*) FROM pg_stat_activity WHERE pid = $backend AND query LIKE '%pg_sleep%'" || bail "raw: $(tail -n 2 "$T/raw.log")"
server=$(cpu_us "$backend")
wait $psql_pid || bail "raw: $(tail -n 2 "$T/raw.log")"
t1=$(now_ms)
result raw_rows_per_s "$(calc "$rows / (($t1 - $t0 - 500) / 1000)" 0)" "COPY + INSERT ON CONFLICT"
result raw_server_us_per_row "$(calc "$server / $rows")" "us of CPU of the backend"
result mirror_ratio "$(calc "($t1 - $t0 - 500) / $mirror_ms")" "rows/s of the projector / of the raw operation"
