#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Large transactions, several at once, with savepoints rolled back in the middle: what commits arrives whole and in
# commit order, what was rolled back never does, in memory and through the spool.
# versions: all
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src "logical_decoding_work_mem = '64kB'"
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
app "CREATE TABLE big (id int PRIMARY KEY, who text, body text); CREATE TABLE small (id int PRIMARY KEY)"
cat >"$T/services.yaml" <<'END'
services:
  big: {tables: {public.big: id, public.small: id}}
END
relay_config "" "  memory_max_bytes: 256kB"
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
relay
wait_until 20 ready || bail "no relay"

# big_transaction WHO FIRST END: 4 x 1000 rows in subtransactions, every other one rolled back, pausing to interleave.
big_transaction() {
    psql -X -q -v ON_ERROR_STOP=1 -d "$(dsn src app)" <<END
BEGIN;
INSERT INTO big SELECT $2 + i, '$1', repeat('a', 100) FROM generate_series(1, 1000) i;
SAVEPOINT s1;
INSERT INTO big SELECT $2 + i, '$1', repeat('lost', 25) FROM generate_series(1001, 2000) i;
UPDATE big SET body = 'lost' WHERE id = $2 + 1;
SELECT pg_sleep(0.15);
ROLLBACK TO s1;
INSERT INTO big SELECT $2 + i, '$1', repeat('b', 100) FROM generate_series(1001, 2000) i;
SAVEPOINT s2;
UPDATE big SET body = 'kept' WHERE who = '$1' AND id % 10 = 0;
SAVEPOINT s3;
DELETE FROM big WHERE who = '$1' AND id % 2 = 0;
SELECT pg_sleep(0.1);
ROLLBACK TO s3;
DELETE FROM big WHERE who = '$1' AND id % 100 = 7;
RELEASE s2;
DO \$\$ BEGIN FOR i IN 1..50 LOOP BEGIN INSERT INTO big SELECT $2 + 5000 + i, '$1', repeat('x', 50); PERFORM 1 / (i % 2);
  EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END \$\$;
$3;
END
}
big_transaction one 10000 COMMIT >/dev/null & a=$!
big_transaction two 20000 ROLLBACK >/dev/null & b=$!
big_transaction three 30000 COMMIT >/dev/null & c=$!
for i in $(seq 30); do app "INSERT INTO small VALUES ($i)"; done
wait $a && wait $b && wait $c; ok $? "three large transactions ran at once, beside small ones"
app "INSERT INTO big SELECT 40000 + i, 'four', repeat('d', 200) FROM generate_series(1, 5000) i"
synced 60; ok $? "everything arrives"

app "SELECT id || ' id=' || id || ' who=' || who || ' body=' || body FROM big" | LC_ALL=C sort >"$T/want"
replayed big >"$T/got"
is "$(wc -l <"$T/want")" "$(wc -l <"$T/got")" "as many rows as the source has"
ok "$(cmp -s "$T/want" "$T/got"; echo $?)" "the same rows"
is "$(events | grep -c lost)" 0 "nothing that was rolled back"
is "$(events count | cut -d' ' -f1)" 33 "as many transactions as were committed"
is "$(events | sed -n 's/^txn \([0-9]*\) seq=1 .*/\1/p' | sort -n | uniq -d | wc -l)" 0 "each once"
wait_until 10 metric_at_least spooled_transactions_total 2; ok $? "some went through the spool"
if [ "$VERSION" -ge 14 ]; then
    wait_until 10 metric_at_least streamed_transactions_total 3; ok $? "the server sent them in pieces"
else
    is "$(metric streamed_transactions_total)" 0 "PostgreSQL 13 sends them whole"
fi
wait_until 5 metric_is spool_bytes 0; ok $? "the spool is empty again"
is "$(ls "$T/spool")" "" "and has no file"

# Killed while a large transaction is half received: it comes again, whole and once.
psql -X -q -d "$(dsn src app)" >/dev/null <<'END' &
BEGIN; INSERT INTO big SELECT 50000 + i, 'five', repeat('e', 200) FROM generate_series(1, 5000) i; SELECT pg_sleep(3); COMMIT;
END
d=$!
if [ "$VERSION" -ge 14 ]; then
    wait_until 10 metric_at_least spool_bytes 100000; ok $? "a transaction waits half received in the spool"
else
    ok 0 "PostgreSQL 13 sends nothing before the commit"
fi
stop relay KILL
ok "$([ "$VERSION" = 13 ] || [ -n "$(ls "$T/spool")" ]; echo $?)" "SIGKILL leaves its file"
relay
wait_until 20 ready; ok $? "the next relay starts"
wait $d
synced 60; ok $? "and gets it"
is "$(replayed big | grep -c 'who=five')" 5000 "whole"
is "$(replayed big | grep -c DOUBLED)" 0 "and once"
is "$(ls "$T/spool")" "" "no file is left"
stop relay
done_testing
