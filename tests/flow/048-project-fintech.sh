#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The example's views: every one is accepted, its statements find their rows by index, and under the example's own writes
# all stay exact in three read models at once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bus.sh"

fintech=$UNDAM_SOURCE/examples/fintech
pg_create src "max_connections = 60"; pg_create rm "fsync = off" "max_connections = 60"
psql -X -q -d "$(dsn src postgres)" -c "CREATE DATABASE fintech" -c "CREATE DATABASE control"
for s in accounts transactions compliance; do psql -X -q -d "$(dsn rm postgres)" -c "CREATE DATABASE $s"; done
"$fintech/load-data" --dsn "$(dsn src fintech)" --users 500 --transactions 20000 --seed 7 --core >"$T/seed.log" 2>&1 || bail "seed"
sql src fintech "CREATE PUBLICATION undam FOR ALL TABLES"
mkdir "$T/spool"; chmod 777 "$T/spool"
sed -E -e "s|@SOURCE_DSN@|$(dsn src fintech)|; s|@CONTROL_DSN@|$(dsn src control)|; s|@MIGRATION@|$fintech/migration|; s|@RUN@|$T|" \
    -e "s|@ACCOUNTS_DSN@|$(dsn rm accounts)|; s|@TRANSACTIONS_DSN@|$(dsn rm transactions)|; s|@COMPLIANCE_DSN@|$(dsn rm compliance)|" \
    -e '/^ *listen:/d; s|^@BUS_SETTINGS@|  driver: postgres|' -e 's|@[A-Z_]+@|1|g' "$fintech/undam.yaml.in" >"$T/undam.yaml"
export UNDAM_CONFIG=$T/undam.yaml
start relay "$UNDAM" relay
wait_until 20 bus_has_source || bail "relay"
files=("$fintech"/migration/views/*.sql)
out=$("$UNDAM" view add "${files[@]}" 2>&1); is $? 0 "all ${#files[@]} views are registered" || note "$(grep -E "^(undam|hint)" <<<"$out")"
is "$("$UNDAM" view list | grep -c ' ready: ')" "${#files[@]}" "and ready"
for s in accounts transactions compliance; do start "p_$s" "$UNDAM" project "$s"; done
port=$(free_port)
start app "$UNDAM_BUILD/examples/fintech/fintech-app" --dsn "$(dsn src fintech)" --port "$port" --pool 4
wait_until 20 curl -sf "http://127.0.0.1:$port/healthz" || bail "the application does not start"
"$UNDAM_BUILD/examples/fintech/fintech-load" --url "http://127.0.0.1:$port" --users 500 --transactions 20000 --rate 150 --seconds 6 --seed 3 >"$T/load.log" 2>&1 || note "$(tail -3 "$T/load.log")"
sql src fintech "UPDATE users SET full_name = upper(full_name) WHERE id % 7 = 0; UPDATE merchants SET name = name || '!' WHERE id < 10"
lsn=$(sql src fintech "SELECT pg_current_wal_lsn()")
for s in accounts transactions compliance; do
    wait_until 60 eval '[ "$(sql rm '"$s"' "SELECT lsn >= '"'$lsn'"' FROM undam.position")" = t ]' || ok 1 "$s reaches $lsn"
done
out=$("$UNDAM" view verify 2>&1); is $? 0 "every view is exact" || note "$out"
like "$out" 'transactions.transaction_detail: equal, [0-9]{5} rows' "over all of its rows"
is "$(sql rm transactions "SELECT count(*) > 0 FROM api.transaction_list WHERE _seq > 0")" t "and the load did change some"
for s in accounts transactions compliance; do stop "p_$s"; is $? 0 "the projector of $s never stopped"; done
done_testing
