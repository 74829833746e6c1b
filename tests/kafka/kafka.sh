# SPDX-License-Identifier: Apache-2.0
# Sourced after tests/flow/lib.sh: real Kafka clusters (KRaft) and Apicurio Registry in the test's folder, on 127.0.0.1.
# They end with the test. A broker takes 400 MB: a test has three at most, and tests that have them run alone.
#
#   kafka_create NAME [BROKERS=1] [VERSION=$KAFKA_VERSION] [SERVER-PROPERTY...]   waits until all of them answer
#   kafka_brokers NAME            bootstrap servers        kafka_port NAME I
#   kafka_config NAME [SETTINGS]  the line "bus: {driver: kafka, brokers: ..., SETTINGS}" of an undam.yaml
#   kafka_kill NAME [I]           SIGKILL; without I all brokers, for these too:
#   kafka_down NAME [I]           SIGTERM, waits for the end (after 20 s: SIGKILL)
#   kafka_up NAME [I]             starts again on the same port and data, waits until it answers (kafka_start: does not)
#   kafka_pause, kafka_resume NAME [I]
#   kafka_tool NAME CLASS ARG...  one of Kafka's own tools: topics configs consumer-groups leader-election reassign
#                                 get-offsets transactions delete-records dump-log producer-perf consumer-perf, or a
#                                 class; --bootstrap-server is added where the tool takes it
#   apicurio_create NAME          apicurio_url NAME prints its Confluent API's address
#   apicurio_down NAME, apicurio_up NAME     what was registered is kept; apicurio_kill NAME, apicurio_pause, _resume
#   reader java|node|go CLUSTER REGISTRY-URL TOPIC MESSAGES   a reader that is not ours (tests/kafka/readers), normalised
#   link_create DELAY-MS JITTER-MS LOSS-PERCENT SEED   before kafka_create: brokers are then at one end of a bad network
#   (address $KAFKA_HOST, commands through $KAFKA_ENTER), what is started through $LINK_ENTER at the other; link_cut, link_mend
#
# Brokers are numbered from 1, each one broker and controller. Topics are not created by use (auto.create.topics.enable).
# Data, configuration and log of a broker: $T/NAME/I.

KAFKA_VERSION=${KAFKA_VERSION:-3.9.1}
declare -A kafka_pids=() kafka_ports=() kafka_sizes=() kafka_homes=() apicurio_pids=() apicurio_ports=()
kafka_java=(java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -XX:-UsePerfData)
# The address that brokers bind to and tell their clients.
KAFKA_HOST=${KAFKA_HOST:-127.0.0.1}

kafka_create() { # NAME [BROKERS] [VERSION] [SERVER-PROPERTY...]
    local name=$1 brokers=${2:-1} version=${3:-$KAFKA_VERSION} i voters='' cluster
    shift $(($# < 3 ? $# : 3))
    kafka_homes[$name]=$("$UNDAM_SOURCE/scripts/kafka" "$version" | cut -d ' ' -f 2)
    [ -d "${kafka_homes[$name]}" ] || bail "Kafka $version is not there"
    kafka_sizes[$name]=$brokers
    cluster=$(kafka_id)
    local controllers=()
    for ((i = 1; i <= brokers; i++)); do
        kafka_ports[$name.$i]=$(free_port)
        controllers[i]=$(free_port)
        voters+=${voters:+,}$i@$KAFKA_HOST:${controllers[i]}
    done
    for ((i = 1; i <= brokers; i++)); do
        mkdir -p "$T/$name/$i"
        cp -r "${kafka_homes[$name]}/format" "$T/$name/$i/log"
        sed -i -e "s/^node.id=.*/node.id=$i/" -e "s/^cluster.id=.*/cluster.id=$cluster/" -e "s/^directory.id=.*/directory.id=$(kafka_id)/" \
            "$T/$name/$i/log/meta.properties"
        kafka_properties "$name" $i "${controllers[i]}" "$voters" "$@" >"$T/$name/$i/server.properties"
        cat >"$T/$name/$i/log4j.properties" <<END
log4j.rootLogger=INFO, file
log4j.appender.file=org.apache.log4j.FileAppender
log4j.appender.file.File=$T/$name/$i/server.log
log4j.appender.file.layout=org.apache.log4j.PatternLayout
log4j.appender.file.layout.ConversionPattern=%d{ISO8601} %p %m (%c)%n
END
    done
    kafka_up "$name"
}
kafka_id() { head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | tr -d '='; }
kafka_properties() { # NAME I CONTROLLER-PORT VOTERS LINE...
    local name=$1 i=$2 controller=$3 voters=$4 brokers=${kafka_sizes[$1]}
    shift 4
    cat <<END
process.roles=broker,controller
node.id=$i
controller.quorum.voters=$voters
listeners=PLAINTEXT://$KAFKA_HOST:${kafka_ports[$name.$i]},CONTROLLER://$KAFKA_HOST:$controller
controller.listener.names=CONTROLLER
log.dirs=$T/$name/$i/log
auto.create.topics.enable=false
default.replication.factor=$brokers
offsets.topic.num.partitions=4
offsets.topic.replication.factor=$brokers
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=$brokers
transaction.state.log.min.isr=$((brokers > 2 ? 2 : 1))
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=$brokers
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=4194304
END
    local line
    for line in "$@"; do echo "$line"; done
}

kafka_port() { echo "${kafka_ports[$1.$2]}"; }
kafka_brokers() {
    local i all=''
    for ((i = 1; i <= kafka_sizes[$1]; i++)); do all+=${all:+,}$KAFKA_HOST:${kafka_ports[$1.$i]}; done
    echo "$all"
}
kafka_config() { # NAME [SETTINGS]
    local n=${kafka_sizes[$1]}
    echo "bus: {driver: kafka, brokers: \"$(kafka_brokers "$1")\", replication: $n, min_insync: $((n > 2 ? 2 : 1))${2:+, $2}}"
}
kafka_each() { if [ -n "${2:-}" ]; then echo "$2"; else seq "${kafka_sizes[$1]}"; fi; }

kafka_start() { # NAME [I]
    local name=$1 i home=${kafka_homes[$1]}
    for i in $(kafka_each "$@"); do
        # Through $KAFKA_ENTER, where a test keeps its brokers in a network namespace.
        # shellcheck disable=SC2086
        LOG_DIR="$T/$name/$i" ${KAFKA_ENTER:-} "${kafka_java[@]}" -Xms64m -Xmx384m \
            -Dlog4j.configuration="file:$T/$name/$i/log4j.properties" \
            -cp "$home/jars/*" kafka.Kafka "$T/$name/$i/server.properties" >>"$T/$name/$i/out.log" 2>&1 9>&- &
        kafka_pids[$name.$i]=$!
        pids+=($!)
        disown $!
    done
}
kafka_up() { # NAME [I]
    local name=$1 i
    kafka_start "$@"
    for i in $(kafka_each "$@"); do
        wait_until 90 kafka_answers "$name" "$i" ||
            bail "broker $i of $name does not start: $(tail -n 5 "$T/$name/$i/out.log" "$T/$name/$i/server.log" 2>/dev/null)"
    done
}
# The broker itself answers, and is in what it tells of the cluster.
kafka_answers() { # NAME I
    local port=${kafka_ports[$1.$2]}
    # shellcheck disable=SC2086
    ${KAFKA_ENTER:-} kcat -b "$KAFKA_HOST:$port" -L -m 2 2>/dev/null | grep -q "^  broker $2 at $KAFKA_HOST:$port"
}
kafka_signal() { # SIGNAL NAME [I]
    local signal=$1 i; shift
    for i in $(kafka_each "$@"); do kill "-$signal" "${kafka_pids[$1.$i]}" 2>/dev/null; done
}
kafka_gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
kafka_kill() {
    local i
    kafka_signal KILL "$@"
    for i in $(kafka_each "$@"); do wait_until 10 kafka_gone "${kafka_pids[$1.$i]}"; done
}
kafka_down() {
    local i
    kafka_signal CONT "$@"
    kafka_signal TERM "$@"
    for i in $(kafka_each "$@"); do wait_until 20 kafka_gone "${kafka_pids[$1.$i]}" || kafka_kill "$1" "$i"; done
}
kafka_pause() { kafka_signal STOP "$@"; }
kafka_resume() { kafka_signal CONT "$@"; }

kafka_tool() { # NAME CLASS ARG...
    local name=$1 class=$2 home=${kafka_homes[$1]} servers=() old=no
    shift 2
    [[ $home != */kafka-3.6.* ]] || old=yes # there many of the tools are still in the package kafka
    case $class in
        topics) class=org.apache.kafka.tools.TopicCommand; [ $old = no ] || class=kafka.admin.TopicCommand ;;
        configs) class=kafka.admin.ConfigCommand ;;
        consumer-groups) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand; [ $old = no ] || class=kafka.admin.ConsumerGroupCommand ;;
        leader-election) class=org.apache.kafka.tools.LeaderElectionCommand; [ $old = no ] || class=kafka.admin.LeaderElectionCommand ;;
        reassign) class=org.apache.kafka.tools.reassign.ReassignPartitionsCommand; [ $old = no ] || class=kafka.admin.ReassignPartitionsCommand ;;
        get-offsets) class=org.apache.kafka.tools.GetOffsetShell; [ $old = no ] || class=kafka.tools.GetOffsetShell ;;
        transactions) class=org.apache.kafka.tools.TransactionsCommand ;;
        delete-records) class=org.apache.kafka.tools.DeleteRecordsCommand ;;
        dump-log) class=kafka.tools.DumpLogSegments ;;
        producer-perf) class=org.apache.kafka.tools.ProducerPerformance ;;
        consumer-perf) class=org.apache.kafka.tools.ConsumerPerformance ;;
        *.*) ;;
        *) bail "kafka_tool: no tool $class" ;;
    esac
    case $class in *Command | *GetOffsetShell | *ConsumerPerformance) servers=(--bootstrap-server "$(kafka_brokers "$name")") ;; esac
    # shellcheck disable=SC2086
    ${KAFKA_ENTER:-} "${kafka_java[@]}" -Xmx256m -Dlog4j.configuration="file:$UNDAM_SOURCE/tests/kafka/log4j.properties" -cp "$home/jars/*" \
        "$class" "${servers[@]}" "$@"
}

# --- Apicurio Registry ---------------------------------------------------------------------------------------------------
apicurio_create() { # NAME
    mkdir -p "$T/$1"
    apicurio_ports[$1]=$(free_port)
    apicurio_up "$1"
}
apicurio_url() { echo "http://127.0.0.1:${apicurio_ports[$1]}/apis/ccompat/v7"; }
apicurio_up() { # NAME
    local name=$1 home
    home=$("$UNDAM_SOURCE/scripts/kafka" apicurio | cut -d ' ' -f 2)
    [ -d "$home" ] || bail "Apicurio Registry is not there"
    "${kafka_java[@]}" -Xmx384m -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="${apicurio_ports[$name]}" \
        -Dquarkus.datasource.jdbc.min-size=2 -Dquarkus.datasource.jdbc.initial-size=2 -DREGISTRY_DATASOURCE_URL="jdbc:h2:file:$T/$name/store" \
        -jar "$home"/apicurio-registry-app-*-runner.jar >>"$T/$name/out.log" 2>&1 9>&- &
    apicurio_pids[$name]=$!
    pids+=($!)
    disown $!
    wait_until 90 curl -sf -m 5 -o /dev/null "$(apicurio_url "$name")/subjects" || bail "Apicurio does not start: $(tail -n 5 "$T/$name/out.log")"
}
apicurio_kill() { kill -KILL "${apicurio_pids[$1]}" 2>/dev/null; wait_until 10 kafka_gone "${apicurio_pids[$1]}"; }
apicurio_down() {
    kill -TERM "${apicurio_pids[$1]}" 2>/dev/null
    wait_until 20 kafka_gone "${apicurio_pids[$1]}" || apicurio_kill "$1"
}
apicurio_pause() { kill -STOP "${apicurio_pids[$1]}"; }
apicurio_resume() { kill -CONT "${apicurio_pids[$1]}"; }

# --- a bad network: brokers at one end, whatever a test starts through $LINK_ENTER at the other ----------------------------
link_create() { # DELAY-MS JITTER-MS LOSS-PERCENT SEED, before kafka_create
    local own=(unshare -n) enter='nsenter -n' a b
    if [ "$(id -u)" != 0 ]; then own=(unshare -rn) enter='nsenter --preserve-credentials -U -n'; fi
    start link "${own[@]}" "$UNDAM_BUILD/tests/kafka/lossy_link" "$@"
    wait_until 10 grep -qE '^[0-9]+ [0-9]+$' "$T/link.log" || bail "no link: $(cat "$T/link.log")"
    read -r a b <"$T/link.log"
    KAFKA_HOST=10.77.0.1 KAFKA_ENTER="$enter -t $a" LINK_ENTER="$enter -t $b"
}
link_cut() { kill -USR1 "$pid_link"; }
link_mend() { kill -USR2 "$pid_link"; }

# --- readers that are not ours --------------------------------------------------------------------------------------------
reader() { # LANGUAGE CLUSTER REGISTRY-URL TOPIC MESSAGES
    local language=$1 folder arguments
    folder=$("$UNDAM_SOURCE/scripts/kafka" readers | cut -d ' ' -f 2)
    [ -d "$folder" ] || bail "the readers are not there"
    arguments=("$(kafka_brokers "$2")" "$3" "$4" "$5")
    (
        set -o pipefail
        case $language in
            # shellcheck disable=SC2086
            java) ${KAFKA_ENTER:-} "${kafka_java[@]}" -Xmx512m -cp "$folder/jars/*:$folder/classes" Reader "${arguments[@]}" ;;
            node) node "$folder/reader.js" "${arguments[@]}" ;;
            go) "$folder/reader" "${arguments[@]}" ;;
        esac | json_lines
    )
}
# JSON lines with their members sorted and one spelling, so that they can be compared as text.
json_lines() { python3 -c 'import json, sys
for line in sys.stdin: print(json.dumps(json.loads(line), sort_keys=True, ensure_ascii=False))'; }
