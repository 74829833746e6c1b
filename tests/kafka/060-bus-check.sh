#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# undam bus check on Kafka: what a relay wrote is found whole; what somebody puts into a topic, or takes out of it, is
# found and named; readers drop what comes twice and refuse what is not an event.
BUS=kafka
. "$(dirname "$0")/../flow/lib.sh"
. "$(dirname "$0")/../flow/relay.sh"

pg_create src
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
app "CREATE TABLE users (id int PRIMARY KEY, name text); CREATE TABLE orders (id int PRIMARY KEY, user_id int, body text)"
cat >"$T/services.yaml" <<'END'
services:
  users: {tables: {public.users: id}}
  orders: {tables: {public.orders: user_id}}
END
relay_config
sed -i 's/^bus: {driver: kafka,/& transaction_max_events: 400,/' "$T/undam.yaml"
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
relay
wait_until 30 ready; ok $? "the relay becomes ready"
for i in 1 2 3 4 5; do
    app "INSERT INTO users SELECT i, 'u' || i FROM generate_series($i * 10, $i * 10 + 9) i; INSERT INTO orders VALUES ($i, $i, 'x')"
done
app "BEGIN; INSERT INTO orders SELECT i, i % 50, repeat('y', 100) FROM generate_series(100, 1399) i; UPDATE users SET name = 'z'; COMMIT"
app "TRUNCATE users; INSERT INTO users VALUES (1, 'after')"
synced 30; ok $? "everything arrives"
stop relay

check() { OUT=$("$UNDAM" bus check -c "$T/undam.yaml" "$@" 2>"$T/check.err"); STATUS=$?; }
kcat_put() { kcat -P -b "$(kafka_brokers bus)" -X enable.idempotence=true "$@"; }
check
is $STATUS 0 "nothing is wrong" || note "$OUT" "$(cat "$T/check.err")"
like "$OUT" '^topics +app +1410 +0 +0' "every message was met: the truncation is one in each of four partitions"
like "$OUT" '^log +app +1407 +0 +0' "and the log is that of the events"
check --json
is "$(jq -c '[.wrong, .lines[0].part, .lines[0].checked, .lines[0].remark]' <<<"$OUT")" '[0,"topics",1410,null]' "as JSON"
is "$(kcat -C -b "$(kafka_brokers bus)" -t app.commits -o beginning -e -f '%s\n' 2>/dev/null | grep -c '"kind":"part"')" 3 \
    "the large transaction took four Kafka transactions"

# An event again, byte for byte: what a paused relay of ordered delivery may do.
line=$(kcat -C -b "$(kafka_brokers bus)" -t app.orders -p 0 -o beginning -c 1 -e -f '%k\t%h\n' 2>/dev/null)
headers=(); IFS=, read -ra parts <<<"${line#*$'\t'}"
for h in "${parts[@]}"; do headers+=(-H "$h"); done
kcat -C -b "$(kafka_brokers bus)" -t app.orders -p 0 -o beginning -c 1 -e -f '%s' 2>/dev/null >"$T/value"
kcat_put -t app.orders -p 0 -k "${line%%$'\t'*}" "${headers[@]}" "$T/value"
check
is $STATUS 1 "an event that comes twice is wrong"
like "$OUT" '^ +app\.orders partition 0: event [0-9A-F/]+, [0-9]+ comes twice, or after a later one$' "and named"
like "$OUT" '^log +app +1407 +0 +0' "readers drop it"
sed 's/^bus: {driver: kafka,/& delivery: ordered,/' "$T/undam.yaml" >"$T/ordered.yaml"
OUT=$("$UNDAM" bus check -c "$T/ordered.yaml" 2>&1); is $? 0 "in ordered delivery it is to be expected" || note "$OUT"
like "$OUT" '^topics +app +1411 +0 +0 +\(1 repeats that readers drop\)$' "and told"

# Retention takes the front of one partition.
echo '{"version":1,"partitions":[{"topic":"app.users","partition":1,"offset":2}]}' >"$T/delete.json"
kafka_tool bus delete-records --offset-json-file "$T/delete.json" >/dev/null 2>&1
OUT=$("$UNDAM" bus check -c "$T/ordered.yaml" 2>&1); is $? 0 "what retention took from the front is no loss" || note "$OUT"
like "$OUT" 'events cut by retention' "and told"
OUT=$("$UNDAM" events -c "$T/undam.yaml" --from 0/1 2>&1); is $? 4 "a reader from before it is refused" || note "$OUT"
like "$OUT" 'rebuild' "with what to do"

# Something that is no event.
echo "hello" | kcat_put -t app.orders -p 2 -k 9
check
is $STATUS 1 "what is no event is wrong"
like "$OUT" '^ +app\.orders partition 2 offset [0-9]+: a message without header' "and named" || note "$(cat "$T/check.err")"
unlike "$OUT$(cat "$T/check.err")" 'hello' "its value is not shown"
echo "hello" | kcat_put -t app.commits -p 0 -k other
OUT=$("$UNDAM" bus check -c "$T/undam.yaml" 2>&1); is $? 3 "a record of another source is refused" || note "$OUT"
like "$OUT" 'belongs to one source' "with the reason"
done_testing
