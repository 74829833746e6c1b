#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# undam bus topics on real brokers of the oldest and the newest version: what is missing is made, what has drifted is
# corrected and nothing else touched, partitions never.
. "$(dirname "$0")/../flow/lib.sh"
. "$(dirname "$0")/kafka.sh"

topics() { OUT=$("$UNDAM" bus topics -c "$T/undam.yaml" "$@" 2>&1); STATUS=$?; }
setting() { # TOPIC NAME: the topic's own, as Kafka's tool has it
    kafka_tool "$1" configs --describe --all --entity-type topics --entity-name "$2" | sed -n "s/^ *$3=\([^ ]*\) .*/\1/p"
}
try() { # VERSION
    local k=k${1//./}
    kafka_create "$k" 1 "$1"
    {
        echo 'source: {name: shop, dsn: "host=/nowhere", message_prefix: app}'
        kafka_config "$k" "prefix: shop, partitions: 3, retention_days: 2"
        echo 'control: {dsn: "host=/nowhere"}'
        echo 'services: {app: {tables: {public.t: id}}, idle: {dsn: "host=/nowhere"}}'
    } >"$T/undam.yaml"
    topics; is $STATUS 1 "Kafka $1: an empty cluster is not as configured"
    is "$(grep -c '^create  topic shop\.\(commits\|app\|messages\): would be made$' <<<"$OUT")" 3 "what would be made" || note "$OUT"
    topics --apply --dry-run; is $STATUS 1 "a dry run"
    is "$(kafka_tool "$k" topics --list | grep -v ^__)" "" "makes nothing"
    topics --apply; is $STATUS 0 "--apply makes them" || note "$OUT"
    is "$(kafka_tool "$k" topics --list | grep -v ^__ | sort | tr '\n' ' ')" "shop.app shop.commits shop.messages " "they are there"
    is "$(setting "$k" shop.app retention.ms) $(setting "$k" shop.commits retention.ms) $(setting "$k" shop.app message.timestamp.type)" \
        "172800000 -1 CreateTime" "with their settings"
    topics; is $STATUS 0 "and as configured"; like "$OUT" '^shop.app +3 +1 +1 +2 days +delete$' "one line each"
    kafka_tool "$k" configs --alter --entity-type topics --entity-name shop.app --add-config retention.ms=1000,max.message.bytes=2000000 >/dev/null
    kafka_tool "$k" configs --alter --entity-type topics --entity-name shop.commits --add-config retention.ms=3600000 >/dev/null
    topics; is $STATUS 1 "drift is seen"
    like "$OUT" '^warning topic shop.app: retention.ms=1000, shorter than' "with its effect"
    like "$OUT" '^error +topic shop.commits: .*position of the log would be forgotten' "and what is dangerous"
    like "$OUT" '^change  topic shop.app: retention.ms would be set from 1000 to 172800000$' "and what would be done"
    topics --apply --json; is $STATUS 0 "--apply corrects it" || note "$OUT"
    is "$(jq -c '[.applied, (.changes | length), ([.findings[] | select(.severity == "error")] | length)]' <<<"$OUT")" "[true,2,0]" "two changes, as JSON"
    is "$(setting "$k" shop.app retention.ms) $(setting "$k" shop.app max.message.bytes) $(setting "$k" shop.app cleanup.policy) $(setting "$k" shop.commits retention.ms)" \
        "172800000 2000000 delete -1" "others are left as they were"
    sed -i 's/partitions: 3/partitions: 4/' "$T/undam.yaml"
    topics --apply; is $STATUS 1 "another number of partitions stays an error"
    like "$OUT" '^error +topic shop.app: it has 3 partitions, not 4' "that is named" || note "$OUT"
    like "$(kafka_tool "$k" topics --describe --topic shop.app)" 'PartitionCount: 3' "and nothing is changed"
    kafka_down "$k"
}
try 3.6.2
try 4.2.1
topics; is $STATUS 6 "a cluster that is away is an error of the target"
done_testing
