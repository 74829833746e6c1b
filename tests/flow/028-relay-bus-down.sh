#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bus hangs or is gone for longer than wal_sender_timeout: the server does not cut the relay off for it, nothing is
# confirmed that the bus does not have, and everything arrives once.
CONTROL=bus
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src "wal_sender_timeout = 2s"
pg_create bus
sql src postgres "CREATE DATABASE app" && sql bus postgres "CREATE DATABASE undam"
app "CREATE TABLE t (id int PRIMARY KEY)"
echo 'services: {s: {tables: {public.t: id}}}' >"$T/services.yaml"
relay_config
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
relay
wait_until 20 ready || bail "no relay"
app "INSERT INTO t VALUES (1)"
synced || bail "no event"
sessions=$(metric sessions_total)

# It hangs: somebody locks the bus for more than twice the time-out.
walsender=$(slot active_pid)
psql -X -q -d "$(dsn bus undam)" -c "BEGIN; LOCK TABLE undam_bus.source IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(5)" -c COMMIT >/dev/null &
wait_until 5 sh -c "[ \"\$(psql -XAt -d '$(dsn bus undam)' -c \"SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted\")\" != 0 ]"
app "INSERT INTO t VALUES (2)"
lsn=$(app "SELECT pg_current_wal_insert_lsn()")
wait $!
synced 10; ok $? "after a bus that hung for 5 s events go on"
is "$(slot active_pid)" "$walsender" "the server kept the connection (wal_sender_timeout 2 s)"
is "$(metric sessions_total)" "$sessions" "in the same session"
is "$(grep -c 'terminating walsender' "$T/src/log")" 0 "no walsender timed out"

# It is gone.
pg_down bus immediate
app "INSERT INTO t VALUES (3)"
wait_until 10 logged 'event=session_ended class=target'; ok $? "a bus that is down is named"
ok "$(! ready; echo $?)" "the relay is not ready"
sleep 3
is "$(slot "confirmed_flush_lsn < '$(app "SELECT pg_current_wal_insert_lsn()")'::pg_lsn")" t "the server still holds the event"
pg_up bus
wait_until 20 ready; ok $? "it comes back by itself"
app "INSERT INTO t VALUES (4)"
synced 20; ok $? "everything arrives"
is "$(events | sed 's/.*subject=\([0-9]*\) .*/\1/' | tr '\n' ' ')" "1 2 3 4 " "once and in order"
stop relay
done_testing
