#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# source.outbox_mode debezium: outbox rows become what Debezium's outbox event router would make of them; what it would
# write in a form of its own is refused. tests/kafka compares with the router itself.
# versions: all
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
app "CREATE TYPE kind AS ENUM ('placed', 'gone');
     CREATE TABLE outbox (event_id uuid NOT NULL PRIMARY KEY, aggregatetype varchar(255) NOT NULL,
       aggregateid varchar(255) NOT NULL, payload jsonb, type kind, n int, flag bool, shard int, at timestamptz)"
echo 'services: {}' >"$T/services.yaml"
configured() { # OUTBOX-LINES
    relay_config "  outbox: public.outbox
  outbox_mode: debezium
  outbox_columns: id=event_id
$1"
}
configured "  outbox_fields: 'type:header:eventType, n:header, flag:header,shard:partition'"
out=$("$UNDAM" relay -c "$T/undam.yaml" --create-publication 2>&1); is $? 0 "a source with nothing but an outbox" || note "$out"
relay
wait_until 20 ready || bail "no relay"
app "INSERT INTO outbox VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'Order', '1', '{\"total\": 12.50}', 'placed', 7, true, NULL),
     ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', 'Order', '1', NULL, NULL, NULL, NULL, 2);
     UPDATE outbox SET n = 8; DELETE FROM outbox"
synced; ok $? "everything arrives"
is "$(events)" 'txn 1 seq=1 op=o topic=outbox.event.Order type= subject= key=1 value={"total": 12.50} headers={"eventType":"placed","n":"7","flag":"true"} id=a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11
txn 1 seq=2 op=o topic=outbox.event.Order type= subject= key=1 headers={"eventType":null,"n":null,"flag":null} id=a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12' \
    "topic, key, value, header id and the placed ones; updates and deletes are no events"
is "$("$UNDAM" events -c "$T/undam.yaml" --json 2>/dev/null | grep -o '"partition":[0-9]*' | tr '\n' ' ')" '"partition":3 "partition":2 ' \
    "the second row names its partition itself"
stop relay

configured "  outbox_fields: 'type:envelope,n:envelope:number,flag:envelope'
  outbox_empty: tombstone
  outbox_topic_prefix: orders."
relay
wait_until 20 ready
app "ALTER TABLE outbox ALTER payload TYPE text;
     INSERT INTO outbox VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a13', 'O', '2', '{\"a\": \"x\"}', 'gone', 7, false),
     ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a14', 'O', '2', '  ', 'gone', 7, false)"
synced; ok $? "an envelope and a tombstone arrive"
is "$(events | tail -n 2)" 'txn 2 seq=1 op=o topic=orders.O type= subject= key=2 value={"payload":"{\"a\": \"x\"}","type":"gone","number":7,"flag":false} id=a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a13
txn 2 seq=2 op=o topic=orders.O type= subject= key=2 id=a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a14' "as configured"
stop relay

# --- what is refused ---------------------------------------------------------------------------------------------------
configured "  outbox_fields: 'nothere:header'"
like "$("$UNDAM" relay -c "$T/undam.yaml" --check)" 'error .*public.outbox.*lacks the columns nothere' "--check names a placed column that is not there"
configured "  outbox_fields: 'at:header'"
app "INSERT INTO outbox VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a15', 'O', '2', 'secret payload')"
relay_fails
is "$STATUS" 3 "a timestamp cannot be placed"
like "$OUT" 'column at of type timestamp with time zone cannot be placed' "and the reason is given"
configured "  outbox_fields: 'shard:partition'
  outbox_update: fatal"
relay
wait_until 20 ready
app "INSERT INTO outbox (event_id, aggregatetype, aggregateid, payload, shard) VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a16', 'O', '2', 'secret payload', 4)"
wait_until 20 logged 'level=error.*event=failed.*a row names partition 4 of 4'; ok $? "a partition that does not exist stops the relay"
wait "$pid_relay"; is $? 7 "with exit 7"
configured "  outbox_update: fatal"
relay
app "UPDATE outbox SET n = 1"
wait_until 20 logged 'level=error.*event=failed.*a row was updated'; ok $? "outbox_update: fatal stops at an update"
wait "$pid_relay"; is $? 7 "with exit 7 too"
configured ""
relay
wait_until 20 ready
app "ALTER TABLE outbox ALTER payload TYPE bytea USING payload::bytea;
     INSERT INTO outbox VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a17', 'Bytes', '2', '\\x4142')"
synced; ok $? "bytes arrive"
like "$(events | tail -n 1)" 'topic=outbox.event.Bytes type= subject= key=2 value=AB id=' "raw"
unlike "$(cat "$T/relay.log")" 'secret' "no payload is in the log"
done_testing
