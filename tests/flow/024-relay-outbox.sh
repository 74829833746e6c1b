#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A Debezium-compatible outbox table beside captured tables, through the one slot.
# versions: all
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
app "CREATE TABLE orders (id int PRIMARY KEY);
     CREATE TABLE outbox (id uuid NOT NULL PRIMARY KEY, aggregatetype varchar(255) NOT NULL,
       aggregateid varchar(255) NOT NULL, type varchar(255) NOT NULL, payload jsonb)"
echo 'services: {orders: {tables: {public.orders: id}}}' >"$T/services.yaml"
relay_config "  outbox: public.outbox
  outbox_topic_prefix: outbox.event."
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
relay
wait_until 20 ready || bail "no relay"
app "BEGIN; INSERT INTO orders VALUES (1);
     INSERT INTO outbox VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'Order', '1', 'OrderPlaced', '{\"total\": 12.50}');
     DELETE FROM outbox; COMMIT"
app "INSERT INTO outbox VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', 'Order', '2', 'OrderGone', NULL)"
app "UPDATE outbox SET type = 'x'"
app "TRUNCATE outbox"
app "ALTER TABLE outbox ADD headers jsonb, ADD traceparent text"
app "INSERT INTO outbox VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a13', 'Invoice', '3', 'Sent', '[]',
     '{\"tenant\": \"acme\", \"try\": 1, \"none\": null, \"deep\": {\"a\": [1]}}', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')"
synced; ok $? "everything arrives"
is "$(events)" 'txn 1 seq=1 op=c topic=app.orders type=orders.created subject=1 key=1 id=1
txn 1 seq=2 op=o topic=outbox.event.Order type=OrderPlaced subject=1 key=1 value={"total": 12.50} id=a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11
txn 2 seq=1 op=o topic=outbox.event.Order type=OrderGone subject=2 key=2 id=a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12
txn 3 seq=1 op=o topic=outbox.event.Invoice type=Sent subject=3 key=3 value=[] headers={"try":"1","deep":"{\"a\": [1]}","tenant":"acme","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"} id=a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a13' \
    "inserts are events; deletes, updates and TRUNCATE are not"
logged 'event=outbox_update.*public.outbox'; ok $? "an update is warned about"
wait_until 5 metric_is outbox_updates_total 1; ok $? "and counted"

# A row that names no topic cannot be passed over.
app "ALTER TABLE outbox ALTER aggregatetype DROP NOT NULL; INSERT INTO outbox VALUES
     ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a14', NULL, '3', 'Sent', '\"secret payload\"')"
wait_until 20 logged 'level=error.*event=failed.*no aggregatetype'; ok $? "a row without aggregatetype stops the relay"
wait "$pid_relay"; is $? 7 "with exit 7"
unlike "$(cat "$T/relay.log")" 'secret' "and without its content in the log"
app "ALTER TABLE outbox DROP COLUMN payload CASCADE"
like "$("$UNDAM" relay -c "$T/undam.yaml" --check)" 'error .*public.outbox.*lacks the columns payload' "--check names a missing column"
done_testing
