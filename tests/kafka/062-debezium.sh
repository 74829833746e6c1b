#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# source.outbox_mode debezium beside Debezium itself: its PostgreSQL connector and outbox event router on Kafka Connect, and
# our relay, read the same outbox rows into the same broker; key, value, headers and partition of every record are equal.
# text: the router's defaults with placed headers and partition; bytes: a bytea payload; envelope: fields in the value.
. "$(dirname "$0")/../flow/lib.sh"
. "$(dirname "$0")/kafka.sh"
. "$(dirname "$0")/connect.sh"

KINDS='text bytes envelope'
export PGPORT # of TCP, for JDBC; the socket has it in its name too
PGPORT=$(free_port)
pg_create src "listen_addresses = '127.0.0.1'" "port = $PGPORT"
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
for kind in $KINDS; do
    type=jsonb
    [ $kind != bytes ] || type=bytea
    [ $kind != envelope ] || type=text
    sql src app "CREATE TABLE $kind (id uuid NOT NULL PRIMARY KEY, aggregatetype varchar(255) NOT NULL, aggregateid varchar(255) NOT NULL,
        type varchar(255) NOT NULL, payload $type, tenant text, attempt int, big bigint, final bool, shard int, extra jsonb);
        CREATE PUBLICATION $kind FOR TABLE $kind"
    sql src app "SELECT pg_create_logical_replication_slot('debezium_$kind', 'pgoutput')" >/dev/null
done
kafka_create k

# --- Debezium -----------------------------------------------------------------------------------------------------------
debezium() { # KIND LINE...
    local kind=$1; shift
    connect_config "$kind" \
        connector.class=io.debezium.connector.postgresql.PostgresConnector plugin.name=pgoutput snapshot.mode=no_data \
        "database.hostname=127.0.0.1" "database.port=$PGPORT" database.user=postgres database.password=x database.dbname=app \
        "slot.name=debezium_$kind" "publication.name=$kind" publication.autocreate.mode=disabled "table.include.list=public.$kind" \
        "topic.prefix=$kind" tombstones.on.delete=false transforms=outbox transforms.outbox.type=io.debezium.transforms.outbox.EventRouter \
        "transforms.outbox.route.topic.replacement=debezium.$kind.\${routedByValue}" \
        topic.creation.default.replication.factor=1 topic.creation.default.partitions=4 "$@"
}

debezium text 'transforms.outbox.table.fields.additional.placement=type:header:eventType,tenant:header,attempt:header,big:header:b,final:header,extra:header,shard:partition'
debezium bytes value.converter=org.apache.kafka.connect.converters.ByteArrayConverter transforms.outbox.route.tombstone.on.empty.payload=true
debezium envelope value.converter=org.apache.kafka.connect.json.JsonConverter value.converter.schemas.enable=false \
    'transforms.outbox.table.fields.additional.placement=type:envelope,attempt:envelope:try,final:envelope,tenant:envelope,extra:header'
# shellcheck disable=SC2086
connect_start k $KINDS

# --- our relay ----------------------------------------------------------------------------------------------------------
relay() { # KIND OUTBOX-LINE...
    local kind=$1 line; shift
    {
        echo "source:"
        echo "  {name: $kind, dsn: \"$(dsn src app)\", slot: undam_$kind, publication: $kind, outbox: public.$kind, outbox_mode: debezium,"
        for line in "$@"; do echo "   $line,"; done
        echo "   outbox_topic_prefix: undam.$kind.}"
        kafka_config k "prefix: undam_$kind, partitions: 4"
        echo "relay: {listen: \"127.0.0.1:$(free_port)\", spool_directory: $T/spool_$kind, watermark_ms: 100}"
        echo "control: {dsn: \"$(dsn src undam)\"}"
    } >"$T/$kind.yaml"
    "$UNDAM" relay -c "$T/$kind.yaml" --create-slot >"$T/slot.log" 2>&1 || bail "no slot: $(cat "$T/slot.log")"
    start "relay_$kind" "$UNDAM" relay -c "$T/$kind.yaml"
}
relay text "outbox_fields: 'type:header:eventType,tenant:header,attempt:header,big:header:b,final:header,extra:header,shard:partition'"
relay bytes "outbox_empty: tombstone"
relay envelope "outbox_fields: 'type:envelope,attempt:envelope:try,final:envelope,tenant:envelope,extra:header'"

# --- rows ---------------------------------------------------------------------------------------------------------------
insert() { # KIND PAYLOAD-EXPRESSION
    sql src app "INSERT INTO $1 SELECT md5(i::text)::uuid, CASE i % 3 WHEN 0 THEN 'Order' WHEN 1 THEN 'invoice-line' ELSE 'User_Profile' END,
        CASE WHEN i % 7 = 0 THEN 'kéy ' || i ELSE (i % 20)::text END, 'Type' || i % 5, $2,
        CASE WHEN i % 4 > 0 THEN 'tenänt ' || i % 4 END, CASE WHEN i % 3 > 0 THEN i % 9 - 4 END, i * 1000000000::bigint,
        CASE WHEN i % 5 > 0 THEN i % 2 = 0 END, CASE WHEN i % 6 = 0 THEN i % 4 END, CASE WHEN i % 8 > 0 THEN jsonb_build_object('n', i) END
        FROM generate_series(1, 200) i"
    sql src app "BEGIN; INSERT INTO $1 (id, aggregatetype, aggregateid, type) VALUES ('00000000-0000-0000-0000-000000000001', 'Order', '', 'rolled back'); ROLLBACK"
    sql src app "INSERT INTO $1 (id, aggregatetype, aggregateid, type) VALUES ('00000000-0000-0000-0000-000000000002', 'Order', '', 'null payload');
        UPDATE $1 SET tenant = 'changed' WHERE attempt = 2; DELETE FROM $1 WHERE attempt = 3"
    sql src app "TRUNCATE $1"
    sql src app "INSERT INTO $1 (id, aggregatetype, aggregateid, type, payload)
        SELECT ('00000000-0000-0000-0000-00000000000' || i)::uuid, 'Last', i, 'x', $2 FROM generate_series(3, 4) i"
}
insert text "CASE WHEN i % 9 > 0 THEN jsonb_build_object('total', i * 1.10, 'text', E'quo\"te \\u00e4', 'none', NULL) END"
insert bytes "decode(lpad(i::text, 4, '0') || 'ff0d00', 'hex')"
insert envelope "CASE i % 6 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN '  ' ELSE '{\"a\": \"ü\"}' END"

# --- record by record ---------------------------------------------------------------------------------------------------
# topic partition key value headers, in each partition's order. What is only ours is taken off, and what Debezium says of
# the connector's run.
records() { # PREFIX
    local topic
    for topic in Order invoice-line User_Profile Last; do
        kcat -q -b "$(kafka_brokers k)" -C -t "$1.$topic" -o beginning -e -X isolation.level=read_committed \
            -f "$topic %p %K:%k %S:%s %h\n" 2>/dev/null
    done | LC_ALL=C sed -E 's/(,?)(undam_[a-z]+|__debezium.context[.A-Za-z]*)=[^,]*/\1/g; s/,,+/,/g; s/ ,/ /; s/,$//' | cat -v | LC_ALL=C sort -s -k1,2
}
for kind in $KINDS; do
    there() { [ "$(records "debezium.$kind" | wc -l)" -ge 203 ] && [ "$(records "undam.$kind" | wc -l)" -ge 203 ]; }
    wait_until 30 there
    records "debezium.$kind" >"$T/$kind.debezium"
    records "undam.$kind" >"$T/$kind.undam"
    note "$kind: $(wc -l <"$T/$kind.debezium") records by Debezium, for instance $(sed -n 30p "$T/$kind.debezium")"
    is "$(wc -l <"$T/$kind.debezium")" 203 "$kind: Debezium wrote a record a row"
    out=$(diff "$T/$kind.debezium" "$T/$kind.undam"); ok $? "$kind: key, value, headers and partition of every record are equal" || true
    [ -z "$out" ] || note "$(head -n 10 <<<"$out")"
done
# --- a slot is taken over -----------------------------------------------------------------------------------------------------
connect_stop
sql src app "INSERT INTO text (id, aggregatetype, aggregateid, type, payload)
    SELECT md5('later' || i)::uuid, 'Order', i % 20, 'Later', jsonb_build_object('n', i) FROM generate_series(1, 40) i"
sed -e 's/slot: undam_text/slot: debezium_text/; s/outbox_topic_prefix: undam.text./outbox_topic_prefix: debezium.text./; s/prefix: undam_text/prefix: moved/' \
    "$T/text.yaml" >"$T/moved.yaml"
stop relay_text
start moved "$UNDAM" relay -c "$T/moved.yaml"
later() { [ "$(records debezium.text | grep -c eventType=Later)" -ge 40 ]; }
wait_until 30 later; ok $? "the relay goes on with Debezium's slot, in its topics"
records debezium.text | sed 's/.* id=\([^,]*\).*/\1/' | sort -u >"$T/ids"
is "$(wc -l <"$T/ids")" 243 "every row ever written is there"
is "$(diff <(records debezium.text | grep eventType=Later | sort -u) <(records debezium.text | grep eventType=Later | sort))" "" "none of the new ones twice"
done_testing
