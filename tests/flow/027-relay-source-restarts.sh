#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The source goes down in mid-stream, politely and by a power cut: the relay comes back by itself and goes on exactly.
CONTROL=bus
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src
pg_create bus
sql src postgres "CREATE DATABASE app" && sql bus postgres "CREATE DATABASE undam"
app "CREATE TABLE t (id int PRIMARY KEY)"
echo 'services: {s: {tables: {public.t: id}}}' >"$T/services.yaml"
relay_config
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
relay
wait_until 20 ready || bail "no relay"
load() { psql -X -q -d "$(dsn src app)" -c "DO \$\$ BEGIN FOR i IN $1..$2 LOOP INSERT INTO t VALUES (i); COMMIT; END LOOP; END \$\$" >/dev/null 2>&1; }
app "INSERT INTO t VALUES (0)"
load 1 200000 &
wait_until 10 metric_at_least events_total 500
start_at=$(date +%s%N)
pg_down src fast; ok $? "a fast shutdown under load"
took=$((($(date +%s%N) - start_at) / 1000000))
ok "$([ $took -lt 15000 ]; echo $?)" "is not held up by the relay ($took ms)"
wait_until 10 logged 'event=session_ended'; ok $? "the relay notices"
ok "$(! ready; echo $?)" "and is not ready"
pg_up src
wait_until 20 ready; ok $? "it reconnects"
load 200001 400000 &
wait_until 20 metric_at_least events_total 2000
pg_kill src
pg_up src
wait_until 30 ready; ok $? "and again after a power cut"
app "INSERT INTO t VALUES (1000000)"
synced 30; ok $? "everything arrives"
app "SELECT id || ' id=' || id FROM t" | LC_ALL=C sort >"$T/want"
replayed t >"$T/got"
ok "$(cmp -s "$T/want" "$T/got"; echo $?)" "exactly the $(wc -l <"$T/want") rows that survived in the source"
is "$(events | awk '{ print $2 }' | sort -n | uniq -d | wc -l)" 0 "one event a transaction, as written"
stop relay; is $? 0 "it ends with success"
done_testing
