#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The kafka bus on one real broker, in one run with what it is to be compared with: Kafka's own producer test, and Debezium's
# PostgreSQL connector on Kafka Connect reading the same WAL into the same broker. Everything shares the machine's CPUs.
#   bulk: transactions of 100 rows; single: a transaction a row; 8 columns, about 150 B a row, a backlog read from its start.
#   eo, ordered: bus.delivery. Latency is measured idle but for one update each 15 ms on average
#   (Debezium's defaults: 250 ms, that of its polls), on a broker that has committed thousands of transactions: until then its
#   compiler takes the CPU that is measured. raw: a bare librdkafka producer, from its send to the same consumer.
# PARTS (default all): producer relay latency project debezium. WARM (4000): transactions that a broker gets before latency is measured.
. "$(dirname "$0")/lib.sh"
. "$UNDAM_SOURCE/tests/kafka/kafka.sh"
. "$UNDAM_SOURCE/tests/kafka/connect.sh"
PARTS=${PARTS:-producer relay latency project debezium}
part() { [[ " $PARTS " == *" $1 "* ]]; }

# Brokers and Connect as one would run them, not as tests do.
kafka_java=(java -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:-UsePerfData -Xshare:auto)
rows_bulk=$((300000 * SCALE)) rows_single=$((60000 * SCALE)) rounds=$((500 * SCALE))
export PGPORT # of TCP, for JDBC
PGPORT=$(free_port)
pg_create src "max_wal_size = 4GB" "synchronous_commit = off" "shared_buffers = 256MB" "listen_addresses = '127.0.0.1'" "port = $PGPORT" \
    "wal_writer_delay = 10ms"
pg_create read "max_wal_size = 4GB" "shared_buffers = 256MB" "autovacuum = off" "port = $PGPORT"
sql src postgres 'CREATE DATABASE app'
sql src app "CREATE TABLE t (id bigint PRIMARY KEY, user_id bigint, a bigint, b numeric(18,2), c timestamptz, d text, e text, f bool);
CREATE PUBLICATION undam FOR TABLE t;
INSERT INTO t SELECT n, n, n, n / 100.0, now(), md5(n::text), md5(n::text), true FROM generate_series(1, 200) n;
CREATE PROCEDURE fill(first int, n int, per int) LANGUAGE plpgsql AS \$\$ BEGIN
    FOR i IN 0 .. n / per - 1 LOOP
        INSERT INTO t SELECT first + i * per + g, g % 1000, g, g / 100.0, now(), md5(g::text), md5(g::text), true FROM generate_series(1, per) g;
        COMMIT;
    END LOOP; END \$\$"
export BENCH_UPDATE="UPDATE t SET d = 'round %u.' WHERE id = %u" BENCH_SELECT="SELECT d FROM mirror.t WHERE id = %u"
kafka_create k 1 "$KAFKA_VERSION" num.network.threads=3 num.io.threads=8
broker=${kafka_pids[k.1]}
next_row=1000

# --- helpers --------------------------------------------------------------------------------------------------------------
result() { printf '%s\t%s %s\n' "$1" "$2" "${3:-}" | tee -a "$T/results"; }
of() { awk -v name="$1" '$1 == name {print $2}' "$T/results"; } # NAME: a result so far
ratio() { # NAME A B TEXT: A / B, when both were measured
    local a b
    a=$(of "$2") b=$(of "$3")
    [ -z "$a" ] || [ -z "$b" ] || result "$1" "$(calc "$a / $b")" "$4"
}
# CPU of whole processes, all threads and those that ended, in microseconds.
cpu_all() { local p; for p in "$@"; do sed 's/.*) //' "/proc/$p/stat" 2>/dev/null | awk '{print $12 + $13}'; done | awk -v hz="$(getconf CLK_TCK)" '{s += $1} END {printf "%.0f", s / hz * 1e6}'; }
fill() { # ROWS PER-TRANSACTION
    sql src app "CALL fill($next_row, $1, $2)"
    next_row=$((next_row + $1))
}
flushed() { sql src app "SELECT pg_switch_wal()" >/dev/null; sql src app 'SELECT pg_current_wal_flush_lsn()'; }
at_lsn() { # PORT LSN: the relay has it on the bus
    local have; have=$(curl -s -m 5 "http://127.0.0.1:$1/metrics" | sed -n 's/^undam_relay_bus_lsn //p')
    awk -v a="$have" -v b="$2" 'BEGIN {exit !(a != "" && a + 0 >= b + 0)}'
}
lsn_number() { sql src app "SELECT pg_wal_lsn_diff('$1', '0/0')"; }
# Messages of a topic, control records of transactions included.
offsets() { # TOPIC PARTITIONS
    local i args=()
    for ((i = 0; i < $2; i++)); do args+=(-t "$1:$i:-1"); done
    kcat -b "$(kafka_brokers k)" -Q "${args[@]}" 2>/dev/null | awk '{s += $NF} END {print s + 0}'
}

lat() { "$UNDAM_BUILD/bench/bench_latency" "$1" "$(dsn src app)" "${@:2}" | tee -a "$T/results"; [ "${PIPESTATUS[0]}" = 0 ] || bail "latency $1"; }
# configure DELIVERY: a relay with slot, prefix, control database and port of its own.
configure() {
    local short=$1 delivery=$1
    [ "$1" != eo ] || delivery=exactly-once
    sql read postgres "CREATE DATABASE control_$short"
    mkdir -p "$T/spool_$short"
    printf -v "port_$short" %s "$(free_port)"
    local port=port_$short
    cat >"$T/$short.yaml" <<YAML
directory: $T
source: {name: app, dsn: "$(dsn src app)", slot: $short, publication: undam}
$(kafka_config k "prefix: $short, partitions: 8, delivery: $delivery")
relay: {listen: "127.0.0.1:${!port}", spool_directory: $T/spool_$short}
control: {dsn: "$(dsn read "control_$short")"}
services: {app: {dsn: "$(dsn read rm)", tables: {public.t: user_id}}}
YAML
    "$UNDAM" relay -c "$T/$short.yaml" --create-slot >>"$T/undam.log" 2>&1 || bail "no slot"
}
relay_up() { # SHORT: until it has carried all that there is
    local port=port_$1
    start "relay_$1" "$UNDAM" relay -c "$T/$1.yaml"
    wait_until 120 at_lsn "${!port}" "$(lsn_number "$(flushed)")" || bail "the relay does not carry everything"
}

# --- Kafka's own producer ---------------------------------------------------------------------------------------------------
producer() { # of records as large as the relay's
    local size=$1 records=$((500000 * SCALE)) out t0
    kafka_tool k topics --create --topic perf --partitions 8 --replication-factor 1 >"$T/perf.log" 2>&1
    t0=$(cpu_all $broker)
    TIMEFORMAT='%3U %3S'
    out=$( { time kafka_tool k producer-perf --topic perf --num-records $records --record-size "$size" --throughput -1 \
        --producer-props bootstrap.servers="$(kafka_brokers k)" acks=all batch.size=131072 linger.ms=5 >"$T/perf.out" 2>&1; } 2>&1 )
    result producer_records_per_s "$(tail -n 1 "$T/perf.out" | sed 's/.*sent, \([0-9]*\)[.0-9]* records.*/\1/')" "Kafka's producer test, records of $size B, acks=all"
    result producer_us_per_record "$(calc "$(tail -n 1 <<<"$out" | awk '{print ($1 + $2) * 1e6}') / $records")" "us of CPU, its start included"
    result producer_broker_us_per_record "$(calc "($(cpu_all $broker) - $t0) / $records")" "us of CPU of the broker"
}

# --- the relay: backlog -------------------------------------------------------------------------------------------------
backlog() { # SHORT KIND ROWS END-LSN
    local short=$1 name=$1_$2 rows=$3 end t0 t1 port=port_$1 pid=pid_relay_$1 broker_us us sender
    end=$(lsn_number "$4")
    broker_us=$(cpu_all $broker)
    t0=$(now_ms)
    start "relay_$short" "$UNDAM" relay -c "$T/$short.yaml"
    wait_until 120 at_lsn "${!port}" "$end" || bail "the relay does not carry everything"
    t1=$(now_ms)
    us=$(cpu_all "${!pid}")
    sender=$(cpu_all "$(sql src postgres "SELECT active_pid FROM pg_replication_slots WHERE slot_name = '$short'")")
    result "${name}_events_per_s" "$(calc "$rows / (($t1 - $t0) / 1000)" 0)" "from process start to the last event on Kafka"
    result "${name}_us_per_event" "$(calc "$us / $rows")" "us of CPU, undam relay, all threads"
    result "${name}_broker_us_per_event" "$(calc "($(cpu_all $broker) - $broker_us) / $rows")" "us of CPU of the broker"
    result "${name}_walsender_us_per_event" "$(calc "$sender / $rows")" "us of CPU"
    result "${name}_rss_mb" "$(calc "$(awk '/VmHWM/ {print $2}' "/proc/${!pid}/status") / 1024" 1)" "MB, the relay's peak"
    ratio "${name}_of_producer" "${name}_events_per_s" producer_records_per_s "of the producer test's rate"
    stop "relay_$short"
}

for delivery in eo ordered; do configure $delivery; done
sql src app "SELECT pg_create_logical_replication_slot('dbz', 'pgoutput')" >/dev/null
sql src app "UPDATE t SET a = a WHERE id = 1"
for delivery in eo ordered; do # topics and registry are there, so that a backlog's time is not theirs
    relay_up $delivery
    stop relay_$delivery
done
fill $rows_bulk 100
sql src app CHECKPOINT
end_bulk=$(flushed)
part producer && producer 600 # about what an event is with its headers; warms the broker up, too
if part relay; then
    backlog eo bulk $rows_bulk "$end_bulk"
    backlog ordered bulk $rows_bulk "$end_bulk"
    result message_bytes $(($(du -sb "$T"/k/1/log/ordered.app-* | awk '{s += $1} END {print s}') / rows_bulk)) "an event on disk, with its headers"
    fill $rows_single 1
    end_single=$(flushed)
    backlog eo single $rows_single "$end_single"
    backlog ordered single $rows_single "$end_single"
fi

# --- latency --------------------------------------------------------------------------------------------------------------
fsynced() { # as a monolith is: a commit waits for its flush
    sql src postgres "ALTER SYSTEM SET synchronous_commit = $1"
    sql src postgres "SELECT pg_reload_conf()" >/dev/null
}
raw() { "$UNDAM_BUILD/bench/bench_latency" raw "$1" "$2" "$3" "$(kafka_brokers k)" raw | tee -a "$T/results"; [ "${PIPESTATUS[0]}" = 0 ] || bail "raw $1"; }
warm_broker() {
    [ ! -f "$T/warm.log" ] || return 0
    kafka_tool k topics --create --topic raw --partitions 8 --replication-factor 1 >"$T/warm.log" 2>&1 || bail "no topic"
    BENCH_PAUSE_MS=1 raw transactional ${WARM:-4000} warm >/dev/null
    BENCH_PAUSE_MS=1 raw idempotent 1000 warm >/dev/null
}
if part latency; then
    warm_broker
    fsynced on
    raw transactional $rounds raw_eo
    raw idempotent $rounds raw_ordered
    for delivery in eo ordered; do
        relay_up $delivery
        lat topic 30 "$delivery" "$(kafka_brokers k)" $delivery.app >/dev/null
        lat topic $rounds ${delivery}_commit_to_consumer "$(kafka_brokers k)" $delivery.app
        lat bus $rounds ${delivery}_commit_to_reader "$T/$delivery.yaml" $delivery.app
        stop relay_$delivery
        for q in p50 p99; do
            ratio ${delivery}_${q}_of_raw ${delivery}_commit_to_consumer_${q}_ms raw_${delivery}_${q}_ms "of the bare producer's latency"
        done
    done
    fsynced off
fi

# --- the projector ----------------------------------------------------------------------------------------------------------
if part project; then
    rows=$((100000 * SCALE))
    sql read postgres 'CREATE DATABASE rm'
    mkdir -p "$T/views"
    printf -- "-- view: doc\n-- service: app\n-- key: id\nSELECT id, json_build_object('id', id, 'user', user_id, 'a', a, 'b', b::text, 'c', c, 'd', d, 'e', e, 'f', f)::text AS body FROM t" >"$T/views/doc.sql"
    sql src app "DELETE FROM t WHERE id > 200" # a small first load; the deletes are of the backlog that is skipped
    export UNDAM_CONFIG=$T/eo.yaml
    relay_up eo
    undam view add "$T/views/doc.sql"
    fill $rows 100
    end=$(flushed)
    wait_until 60 at_lsn "$port_eo" "$(lsn_number "$end")" || bail "the relay does not carry everything"
    end=$("$UNDAM" bus info --json | jq -r .lsn)
    applied() { [ "$(sql read rm "SELECT lsn >= '$end' FROM undam.position")" = t ]; }
    sql read rm CHECKPOINT
    t0=$(now_ms) before=$(cpu_all $(cluster_pids read))
    start projector "$UNDAM" project app
    wait_until 120 applied || bail "the projector does not arrive"
    t1=$(now_ms)
    result project_rows_per_s "$(calc "$rows / (($t1 - $t0) / 1000)" 0)" "mirror and a stored document a row; from process start to the last position"
    result project_us_per_row "$(calc "$(cpu_all $pid_projector) / $rows")" "us of CPU, undam project, all threads"
    result project_server_us_per_row "$(calc "($(cpu_all $(cluster_pids read)) - $before) / $rows")" "us of CPU of the read model's PostgreSQL"
    fsynced on
    lat visible 30 warm "$(dsn read rm)" >/dev/null
    lat visible $rounds eo_commit_to_visible "$(dsn read rm)"
    stop projector
    stop relay_eo
    fsynced off
fi

# --- Debezium -------------------------------------------------------------------------------------------------------------
debezium() { # LINE...
    connect_config dbz connector.class=io.debezium.connector.postgresql.PostgresConnector plugin.name=pgoutput snapshot.mode=no_data \
        database.hostname=127.0.0.1 "database.port=$PGPORT" database.user=postgres database.password=x database.dbname=app \
        slot.name=dbz publication.name=undam publication.autocreate.mode=disabled table.include.list=public.t topic.prefix=dbz \
        topic.creation.default.replication.factor=1 topic.creation.default.partitions=8 tombstones.on.delete=false \
        key.converter=org.apache.kafka.connect.json.JsonConverter key.converter.schemas.enable=false \
        value.converter=org.apache.kafka.connect.json.JsonConverter value.converter.schemas.enable=false "$@"
}
tuned=(max.batch.size=16384 max.queue.size=65536 poll.interval.ms=1 producer.override.linger.ms=1 producer.override.batch.size=262144)
dbz_has() { [ "$(offsets dbz.public.t 8)" -ge "$1" ]; }
# It is warm, idle and behind by ROWS: how fast it is, from its resumption.
dbz_backlog() { # NAME ROWS
    local name=$1 rows=$2 have t0 t1 us broker_us
    have=$(offsets dbz.public.t 8)
    connect_rest PUT dbz/pause
    wait_until 20 connect_paused dbz
    fill "$rows" 100
    us=$(cpu_all $pid_connect) broker_us=$(cpu_all $broker) t0=$(now_ms)
    connect_rest PUT dbz/resume
    wait_until 180 dbz_has $((have + rows)) || bail "Debezium does not carry everything"
    t1=$(now_ms)
    us=$(($(cpu_all $pid_connect) - us))
    result "${name}_events_per_s" "$(calc "$rows / (($t1 - $t0) / 1000)" 0)" "warm, transactions of 100"
    result "${name}_us_per_event" "$(calc "$us / $rows")" "us of CPU of Connect"
    result "${name}_broker_us_per_event" "$(calc "($(cpu_all $broker) - $broker_us) / $rows")" "us of CPU of the broker"
    result "${name}_rss_mb" "$(calc "$(awk '/VmHWM/ {print $2}' "/proc/$pid_connect/status") / 1024" 0)" "MB, Connect's peak"
}
dbz_latency() { # NAME ROUNDS
    warm_broker
    fsynced on
    lat topic 20 warm "$(kafka_brokers k)" dbz.public.t >/dev/null
    lat topic "$2" "$1_commit_to_consumer" "$(kafka_brokers k)" dbz.public.t
    fsynced off
}
if part debezium; then
    CONNECT_JAVA='-XX:+UseG1GC -XX:MaxGCPauseMillis=20 -Xms256m -Xmx1g' CONNECT_WORKER='connector.client.config.override.policy=All'
    # So that it need not read what the others had: the same WAL, from here on, is read by all.
    sql src app "SELECT pg_replication_slot_advance('dbz', pg_current_wal_flush_lsn())" >/dev/null
    fill 200000 100
    debezium "${tuned[@]}"
    connect_start k dbz
    wait_until 120 dbz_has 200000 || bail "Debezium does not carry the warm-up"
    dbz_backlog debezium_tuned 200000
    dbz_latency debezium_tuned $rounds
    connect_stop
    debezium
    connect_start k dbz
    BENCH_PAUSE_MS=250 dbz_latency debezium_default 60
    connect_stop
    debezium "${tuned[@]}" exactly.once.support=required transaction.boundary=poll
    CONNECT_DISTRIBUTED=1 CONNECT_WORKER='connector.client.config.override.policy=All' connect_start k dbz
    fill 100000 100
    have=$(offsets dbz.public.t 8)
    wait_until 60 dbz_has $((have + 1000))
    sleep 5
    dbz_backlog debezium_eo 200000
    dbz_latency debezium_eo $rounds
    connect_stop
fi

# --- beside each other ----------------------------------------------------------------------------------------------------
for pair in eo:debezium_eo ordered:debezium_tuned; do
    ours=${pair%:*} theirs=${pair#*:}
    ratio "${ours}_rate_of_$theirs" "${ours}_bulk_events_per_s" "${theirs}_events_per_s" "times Debezium's events/s"
    ratio "${ours}_cpu_of_$theirs" "${ours}_bulk_us_per_event" "${theirs}_us_per_event" "of Debezium's CPU an event"
    ratio "${ours}_rss_of_$theirs" "${ours}_bulk_rss_mb" "${theirs}_rss_mb" "of Debezium's memory"
    ratio "${ours}_p50_of_$theirs" "${ours}_commit_to_consumer_p50_ms" "${theirs}_commit_to_consumer_p50_ms" "of Debezium's latency"
    ratio "${ours}_p99_of_$theirs" "${ours}_commit_to_consumer_p99_ms" "${theirs}_commit_to_consumer_p99_ms" "of Debezium's latency"
done
