#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# undam relay --check, and the relay's log at start, name what is dangerous in a Kafka cluster's settings.
. "$(dirname "$0")/../flow/lib.sh"
. "$(dirname "$0")/kafka.sh"

pg_create src
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
sql src app "CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION undam FOR TABLE t"
kafka_create k 1 "$KAFKA_VERSION" auto.create.topics.enable=true transaction.max.timeout.ms=20000
printf 'linger.ms=900\nsecurity.protocol=plaintext\n' >"$T/kafka.properties"
chmod 644 "$T/kafka.properties"
configure() {
    cat >"$T/undam.yaml" <<END
source: {name: app, dsn: "$(dsn src app)", slot: undam, publication: undam}
$(kafka_config k "prefix: app, partitions: 4, properties: \"$T/kafka.properties\"")
relay: {listen: "127.0.0.1:$(free_port)", spool_directory: $T/spool}
control: {dsn: "$(dsn src undam)"}
services: {s: {tables: {public.t: id}}}
END
}
mkdir "$T/spool"
configure
out=$("$UNDAM" relay -c "$T/undam.yaml" --check)
is $? 0 "dangers are no errors" || note "$out"
found() { like "$out" "^$1 .*$2: .*\($3\)$" "$4"; }
found warning broker auto_create "topics that anybody can make by asking"
found warning broker transaction_timeout "short transactions"
found warning broker transaction_state_one "one copy of the transactions' state"
found warning kafka.properties properties_readable "a file of passwords that others can read"
found note bus.properties linger "a long linger"
found note bus.properties plaintext "clear text"
start relay "$UNDAM" relay -c "$T/undam.yaml"
wait_until 40 grep -q "event=streaming" "$T/relay.log"
ok $? "the relay starts all the same"
wait_until 10 grep -q "event=bus_setting code=auto_create" "$T/relay.log"
ok $? "and says so in its log"
sql src app "INSERT INTO t VALUES (1)"
there() { kcat -L -b "$(kafka_brokers k)" 2>/dev/null | grep -q '"app.s"'; }
wait_until 20 there
ok $? "its topic is made at the first event"
stop relay
out=$("$UNDAM" relay -c "$T/undam.yaml" --check)
found warning "topic app.s" replication_one "a topic with one replica"
like "$("$UNDAM" relay -c "$T/undam.yaml" --check --json)" '"code":"replication_one","object":"topic app\.(s|commits)"' "as JSON"

kafka_tool k configs --alter --entity-type topics --entity-name app.s --add-config cleanup.policy=compact,retention.ms=1000 >/dev/null
out=$("$UNDAM" relay -c "$T/undam.yaml" --check)
is $? 1 "compaction is an error"
found error "topic app.s" refused "compaction"
found warning "topic app.s" retention_shorter "a shorter retention than configured"

printf 'acks=1\n' >"$T/kafka.properties"
out=$("$UNDAM" relay -c "$T/undam.yaml" --check)
found error bus bus_unusable "a setting that is Undam's own"
like "$out" "acks is Undam's own: with fewer than all, an event that was confirmed to PostgreSQL is lost" "with what it would do"
"$UNDAM" relay -c "$T/undam.yaml" >"$T/refused.log" 2>&1
is $? 3 "the relay refuses it: exit status config"
printf '' >"$T/kafka.properties"
kafka_down k
out=$("$UNDAM" relay -c "$T/undam.yaml" --check)
found error bus bus_unusable "a cluster that does not answer"
like "$out" "[Rr]efused" "and why"
done_testing
