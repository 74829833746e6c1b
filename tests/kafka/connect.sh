# SPDX-License-Identifier: Apache-2.0
# Sourced after kafka.sh: Kafka Connect (standalone) with Debezium's PostgreSQL connector, to be compared with.
#
#   connect_config NAME FILE-LINES...     the properties of a connector into $T/connect/NAME.properties
#   connect_start KAFKA NAME...           one worker with these connectors on cluster KAFKA; waits until they stream
#   connect_stop
#   connect_rest METHOD PATH              below /connectors/;  connect_paused NAME
# CONNECT_WORKER: further lines of the worker's properties. CONNECT_JAVA: options of its JVM. CONNECT_DISTRIBUTED=1: a
# distributed worker that supports exactly once, instead of a standalone one.

connect_config() { # NAME LINE...
    local name=$1 line; shift
    mkdir -p "$T/connect"
    {
        echo "name=$name"
        for line in "$@"; do echo "$line"; done
    } >"$T/connect/$name.properties"
}
connect_start() { # KAFKA NAME...
    local kafka=$1 name files=() home class=ConnectStandalone; shift
    home=$("$UNDAM_SOURCE/scripts/kafka" debezium | cut -d ' ' -f 2)
    [ -d "$home" ] || bail "Kafka Connect is not there"
    connect_port=$(free_port)
    cat >"$T/connect/worker" <<END
bootstrap.servers=$(kafka_brokers "$kafka")
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
$(connect_storage)
offset.flush.interval.ms=1000
plugin.path=$home/plugins
plugin.discovery=service_load
listeners=http://127.0.0.1:$connect_port
${CONNECT_WORKER:-}
END
    if [ -n "${CONNECT_DISTRIBUTED:-}" ]; then
        class=ConnectDistributed
    else
        for name in "$@"; do files+=("$T/connect/$name.properties"); done
    fi
    # shellcheck disable=SC2086
    start connect java ${CONNECT_JAVA:--XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx512m} -XX:-UsePerfData \
        -Dlog4j.configuration="file:$UNDAM_SOURCE/tests/kafka/log4j.properties" \
        -cp "$home/jars/*" org.apache.kafka.connect.cli.$class "$T/connect/worker" "${files[@]}"
    for name in "$@"; do
        if [ -n "${CONNECT_DISTRIBUTED:-}" ]; then
            wait_until 90 connect_put "$name" || bail "connector $name is not taken: $(tail -n 5 "$T/connect.log")"
        fi
        wait_until 90 connect_runs "$name" || bail "connector $name does not start: $(tail -n 5 "$T/connect.log")"
    done
}
connect_runs() { # NAME
    [ "$(curl -s -m 5 "http://127.0.0.1:$connect_port/connectors/$1/status" | grep -o '"state":"RUNNING"' | wc -l)" = 2 ]
}
connect_storage() {
    if [ -z "${CONNECT_DISTRIBUTED:-}" ]; then
        echo "offset.storage.file.filename=$T/connect/offsets"
        return
    fi
    echo "group.id=connect"
    echo "exactly.once.source.support=enabled"
    local topic
    for topic in offset config status; do echo "$topic.storage.topic=connect-$topic"; echo "$topic.storage.replication.factor=1"; done
    echo "offset.storage.partitions=1"
    echo "status.storage.partitions=1"
}
connect_rest() { curl -sf -m 20 -X "$1" -H 'Content-Type: application/json' "http://127.0.0.1:$connect_port/connectors/$2" "${@:3}"; }
connect_put() { # NAME: its properties as JSON
    connect_rest PUT "$1/config" -d "$(jq -Rn '[inputs | capture("^(?<key>[^=]*)=(?<value>.*)$")] | from_entries' "$T/connect/$1.properties")"
}
connect_paused() { [ "$(curl -s -m 5 "http://127.0.0.1:$connect_port/connectors/$1/status" | grep -o '"state":"PAUSED"' | wc -l)" = 2 ]; }
connect_stop() { stop connect; }
