#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SIGKILL of the relay at many moments under load: nothing is lost, doubled or out of order.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src "logical_decoding_work_mem = '64kB'"
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
app "CREATE TABLE t (id int PRIMARY KEY, n int, body text)"
echo 'services: {s: {tables: {public.t: id}}}' >"$T/services.yaml"
relay_config "" "  memory_max_bytes: 64kB"
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
"$UNDAM" relay -c "$T/undam.yaml" --create-slot >/dev/null
# Transactions of 1 to 3000 rows and updates of them, for some seconds, by two writers.
writer() {
    psql -X -q -v ON_ERROR_STOP=1 -d "$(dsn src app)" <<END
DO \$\$ BEGIN FOR k IN 1..120 LOOP
  INSERT INTO t SELECT $1 + k * 4000 + i, 0, repeat('x', 20) FROM generate_series(1, CASE k % 40 WHEN 0 THEN 3000 ELSE k % 7 + 1 END) i;
  UPDATE t SET n = k WHERE id BETWEEN $1 + (k - 1) * 4000 AND $1 + k * 4000;
  COMMIT; PERFORM pg_sleep(0.03);
END LOOP; END \$\$;
END
}
writer 0 & a=$!
writer 1000000 & b=$!
RANDOM=${SEED:-7}
kills=0
while kill -0 $a 2>/dev/null || kill -0 $b 2>/dev/null; do
    relay
    sleep "0.$((RANDOM % 6))$((RANDOM % 10))"
    stop relay KILL 2>/dev/null
    kills=$((kills + 1))
done
wait $a && wait $b; ok $? "the writers are done; the relay was killed $kills times"
relay
wait_until 20 ready; ok $? "the last relay runs"
synced 60; ok $? "everything arrives"
app "SELECT id || ' id=' || id || ' n=' || n || ' body=' || body FROM t" | LC_ALL=C sort >"$T/want"
replayed t >"$T/got"
ok "$(cmp -s "$T/want" "$T/got"; echo $?)" "events replayed give the source's $(wc -l <"$T/want") rows"
is "$(events count | cut -d' ' -f1)" "240" "each transaction is there once"
never_ahead; ok $? "the server holds what the bus does not"
stop relay
done_testing
