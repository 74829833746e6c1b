#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `undam bus check` and `undam check` find on Kafka: a log that the relay wrote is right; the same log, message by message
# the same but for one that is lost, doubled, out of order, in another partition or altered, is not, and the topic is named.
. "$(dirname "$0")/../flow/lib.sh"
BUS=kafka
. "$(dirname "$0")/../flow/project_lib.sh"

TAPE=$UNDAM_BUILD/tests/kafka/topic_tape
setup_shop "CREATE TABLE items (id int PRIMARY KEY, owner int NOT NULL, x text);
CREATE TABLE outbox (id uuid NOT NULL PRIMARY KEY, aggregatetype varchar(255) NOT NULL, aggregateid varchar(255) NOT NULL,
  type varchar(255) NOT NULL, payload jsonb)" public.items:owner
for i in 1 2 3 4 5 6; do
    sql src source "BEGIN; INSERT INTO items SELECT g, g % 7, 'row ' || g FROM generate_series($i * 100, $i * 100 + 20) g;
        UPDATE items SET x = x || '!' WHERE id % 3 = 0; DELETE FROM items WHERE id % 10 = 7; COMMIT"
done
bus_done() { bus_reached "$lsn"; }
lsn=$(source_lsn)
wait_until 30 bus_done; ok $? "the relay writes"
out=$("$UNDAM" bus check 2>&1); is $? 0 "as it was written, nothing is wrong"
stop relay

brokers=$(kafka_brokers bus)
count=$("$TAPE" save "$brokers" shop.app "$T/tape")
note "$count messages"
again() { # DAMAGE
    kafka_tool bus topics --delete --topic shop.app >"$T/tool.log" 2>&1
    wait_until 20 eval '! kcat -b "$brokers" -L 2>/dev/null | grep -q "shop.app"'
    kafka_tool bus topics --create --topic shop.app --partitions 4 --replication-factor 1 >>"$T/tool.log" 2>&1 || bail "$(cat "$T/tool.log")"
    wait_until 20 eval 'kcat -b "$brokers" -L 2>/dev/null | grep -q "shop.app. with 4"'
    "$TAPE" restore "$brokers" shop.app "$T/tape" "$1" || bail "topic_tape"
}
again whole
out=$("$UNDAM" bus check 2>&1); is $? 0 "played back whole, nothing is wrong" || note "$out"
for damage in drop double swap move value key header; do
    again "$damage:$((count / 2))"
    out=$("$UNDAM" bus check 2>&1); status=$?
    is $status 1 "$damage: it is found" || note "$out"
    like "$out" 'shop' "$damage: and said where"
    note "$(grep -m 2 -iE 'wrong|shop.app' <<<"$out")"
done
done_testing
