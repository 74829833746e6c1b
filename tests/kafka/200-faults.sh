#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# alone
# Three brokers under load: each is killed in turn, partitions move to other leaders, one broker hangs, all of Kafka is
# away for a while. Relay and projector go on by themselves after each, and in the end nothing is lost, doubled or out of
# order.
. "$(dirname "$0")/../flow/lib.sh"
. "$(dirname "$0")/../flow/project_lib.sh"
. "$(dirname "$0")/kafka.sh"
. "$(dirname "$0")/fault.sh"

kafka_create k 3
fault_setup

for i in ${FAULT_BROKERS:-1 2 3}; do
    kafka_kill k "$i"
    goes_on 60 "with broker $i killed, events arrive"
    kafka_up k "$i"
done
kept "brokers killed"

# Other leaders: the replicas' order is turned round, then the first of them is elected.
kafka_tool k topics --describe --exclude-internal >"$T/before" 2>&1
grep -E 'Partition: ' "$T/before" | sed -E 's/.*Topic: ([^[:space:]]+).*Partition: ([0-9]+).*Replicas: ([0-9,]+).*/\1 \2 \3/' |
    python3 -c 'import json, sys
moved = []
for line in sys.stdin:
    topic, partition, replicas = line.split()
    r = [int(x) for x in replicas.split(",")]
    moved.append({"topic": topic, "partition": int(partition), "replicas": r[1:] + r[:1]})
print(json.dumps({"version": 1, "partitions": moved}))' >"$T/moved.json"
# All of it is asked for again until it has happened: a broker that has just come back is no leader before it is in sync.
preferred() { kafka_tool k leader-election --election-type PREFERRED --all-topic-partitions >"$T/moved.log" 2>&1; }
leaders() { sed -nE 's/.*Topic: ([^[:space:]]+).*Partition: ([0-9]+).*Leader: ([0-9]+).*/\1 \2 \3/p' "$1" | sort; }
wanted=$(jq -r '.partitions[] | "\(.topic) \(.partition) \(.replicas[0])"' "$T/moved.json" | sort)
lead() { # the wanted ones, all of them
    kafka_tool k topics --describe --exclude-internal >"$T/after" 2>&1
    [ "$(leaders "$T/after")" = "$wanted" ] || { preferred; return 1; }
}
kafka_tool k reassign --reassignment-json-file "$T/moved.json" --execute >"$T/reassign.log" 2>&1
moves=$?
ok $moves "leaders move"
[ $moves = 0 ] || note "$(tail -n 5 "$T/reassign.log")"
wait_until 90 lead
[ -n "$wanted" ] && [ "$(leaders "$T/after")" = "$wanted" ] && [ "$(leaders "$T/before")" != "$wanted" ]
moves=$?
ok $moves "partitions have other leaders than before"
[ $moves = 0 ] || note "$(tail -n 5 "$T/moved.log"; diff <(leaders "$T/after") - <<<"$wanted")"
goes_on 60 "with other leaders, events arrive"

# A slow broker: it stops for less than Kafka takes it for dead after (4 s), and another one for more; that one then
# believes to lead still.
for fault in 1:3 2:7; do
    kafka_pause k "${fault%:*}"
    sleep "${fault#*:}" # the fault itself, not a wait
    kafka_resume k "${fault%:*}"
    goes_on 60 "after a broker hung for ${fault#*:} s, events arrive"
done
kept "slow brokers"

kafka_down k
sleep "$STOP"
kept "Kafka away for $STOP s"
kafka_up k
goes_on 90 "after Kafka was away for $STOP s, events arrive"
kept "Kafka back"
fault_end
done_testing
