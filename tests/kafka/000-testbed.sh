#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the Kafka tests stand on: each version of Kafka starts, takes a message and gives it back, also after SIGKILL (the default version);
# Apicurio Registry knows a schema, also after a restart.
. "$(dirname "$0")/../flow/lib.sh"
. "$(dirname "$0")/kafka.sh"

for version in 3.6.2 3.9.1 4.2.1; do
    name=k${version//./_}
    kafka_create "$name" 1 $version
    kafka_tool "$name" topics --create --topic hello --partitions 1 >"$T/topics.log" 2>&1
    ok $? "Kafka $version starts, a topic is created"
    echo "key:value" | kcat -q -b "$(kafka_brokers "$name")" -P -t hello -K : -X enable.idempotence=true -X acks=all -H a=b
    ok $? "$version: takes a message"
    if [ $version = "$KAFKA_VERSION" ]; then kafka_kill "$name"; else kafka_down "$name"; fi
    kafka_up "$name" 1
    is "$(kcat -q -b "$(kafka_brokers "$name")" -C -t hello -o beginning -e -f '%h %k %s')" "a=b key value" \
        "$version: gives it back after a restart"
    is "$(kafka_tool "$name" get-offsets --topic hello)" "hello:0:1" "$version: Kafka's own tools work"
    kafka_down "$name"
done

schema='{"schema": "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"long\"}]}"}'
apicurio_create registry
register() { curl -s -m 10 -H 'Content-Type: application/vnd.schemaregistry.v1+json' -d "$schema" "$(apicurio_url registry)/subjects/s/versions"; }
first=$(register)
like "$first" '^[{]"id":[0-9]+[}]$' "Apicurio registers a schema"
apicurio_down registry
apicurio_up registry
is "$(register)" "$first" "Apicurio knows it after a restart"
done_testing
