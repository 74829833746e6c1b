#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Logical messages: transactional ones with the configured prefix are events; others are nobody's and move nothing.
# versions: all
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src "logical_decoding_work_mem = '64kB'"
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
app "CREATE TABLE t (id int PRIMARY KEY, body text)"
echo 'services: {s: {tables: {public.t: id}}}' >"$T/services.yaml"
relay_config "  message_prefix: undam."
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
check=$("$UNDAM" relay -c "$T/undam.yaml" --check)
status=$?
if [ "$VERSION" -lt 14 ]; then
    is $status 1 "PostgreSQL 13: --check says no"
    like "$check" 'error .*source.message_prefix: PostgreSQL 13 does not deliver' "and why"
    done_testing
fi
is $status 0 "--check finds nothing against it"
relay
wait_until 20 ready || bail "no relay"
app "BEGIN; INSERT INTO t VALUES (1); SELECT pg_logical_emit_message(true, 'undam.paid', '{\"n\": 1}'); COMMIT" >/dev/null
app "SELECT pg_logical_emit_message(true, 'other', 'not ours')" >/dev/null
app "SELECT pg_logical_emit_message(false, 'undam.loose', 'outside')" >/dev/null
app "BEGIN; SELECT pg_logical_emit_message(true, 'undam.lost', 'x'); ROLLBACK" >/dev/null
app "BEGIN; SELECT pg_logical_emit_message(true, 'undam.a', convert_to(chr(233), 'UTF8')); SAVEPOINT s;
     SELECT pg_logical_emit_message(true, 'undam.b', 'x'); ROLLBACK TO s; SELECT pg_logical_emit_message(true, 'undam.c', ''); COMMIT" >/dev/null
# Inside a streamed transaction, with loose ones of another session in between.
psql -X -q -d "$(dsn src app)" >/dev/null <<'END'
BEGIN;
INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1001, 2000) i;
SELECT pg_logical_emit_message(true, 'undam.big', 'first');
SELECT pg_logical_emit_message(false, 'undam.loose', 'inside');
INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(2001, 3000) i;
SELECT pg_logical_emit_message(true, 'undam.big', 'last');
COMMIT;
END
app "INSERT INTO t VALUES (2)"
synced; ok $? "everything arrives"
events >"$T/events"
is "$(grep -v 'type=t.created' "$T/events")" 'txn 1 seq=2 op=m topic=app.messages type=undam.paid subject= key=undam.paid value={"n": 1}
txn 2 seq=1 op=m topic=app.messages type=undam.a subject= key=undam.a value=é
txn 2 seq=2 op=m topic=app.messages type=undam.c subject= key=undam.c value=
txn 3 seq=1001 op=m topic=app.messages type=undam.big subject= key=undam.big value=first
txn 3 seq=2002 op=m topic=app.messages type=undam.big subject= key=undam.big value=last' \
    "transactional messages are events in their transaction's order"
is "$(tail -n 1 "$T/events")" 'txn 4 seq=1 op=c topic=app.s type=t.created subject=2 key=2 id=2 body=\N' \
    "a loose message did not move the position past anything"
wait_until 10 metric_at_least ignored_changes_total 3; ok $? "those of nobody are counted"
stop relay
done_testing
