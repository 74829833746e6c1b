# SPDX-License-Identifier: Apache-2.0
# Sourced: the conformance suite of bus drivers (tests/flow/bus_conformance.c) on the kafka driver with $DELIVERY.
. "$(dirname "$0")/../flow/lib.sh"
. "$(dirname "$0")/kafka.sh"

kafka_create k 1 "$KAFKA_VERSION" message.max.bytes=67108864 replica.fetch.max.bytes=67108864
export BUS_DRIVER=kafka BUS_DSN BUS_RESTART="$T/restart" BUS_AGE="$T/age" BUS_STALL="$T/stall" BUS_RIDES=1 BUS_BACKDATE=1 BUS_KEEPS=1
export BUS_UNREACHABLE=127.0.0.1:1 BUS_ROUNDS=${BUS_ROUNDS:-8}
BUS_DSN=$(kafka_brokers k)

# Hooks ask this shell, which has the brokers: a broker that a hook started would be nobody's.
for hook in restart age stall; do
    cat >"$T/$hook" <<END
#!/bin/bash
rm -f "$T/answer"
echo "$hook \${1:-}" >"$T/request.new" && mv "$T/request.new" "$T/request"
for i in \$(seq 1200); do [ -e "$T/answer" ] && exit "\$(cat "$T/answer")"; sleep 0.05; done
exit 1
END
    chmod +x "$T/$hook"
done
hook_restart() { kafka_kill k && kafka_up k; }
hook_stall() {
    kafka_pause k
    (sleep 2; kafka_resume k) &
}
# What retention does on the brokers: the events are gone.
hook_age() { # SOURCE
    kcat -L -b "$BUS_DSN" 2>/dev/null | awk -v prefix="$1.service" '
        /^  topic / { split($0, part, "\""); topic = part[2] }
        /^    partition / && index(topic, prefix) == 1 { split($2, p, ","); printf "%s{\"topic\":\"%s\",\"partition\":%s,\"offset\":-1}", n++ ? "," : "", topic, p[1] }' >"$T/partitions"
    echo "{\"version\":1,\"partitions\":[$(cat "$T/partitions")]}" >"$T/delete.json"
    kafka_tool k delete-records --offset-json-file "$T/delete.json" >"$T/delete.log" 2>&1
}

suite() { # DELIVERY
    local line request status
    BUS_DELIVERY=$1 "$UNDAM_BUILD/tests/flow/bus_conformance" >"$T/$1.tap" 2>"$T/$1.log" &
    local suite=$!
    while kill -0 "$suite" 2>/dev/null; do
        if [ -e "$T/request" ]; then
            read -r line request <"$T/request"
            rm "$T/request"
            "hook_$line" "$request"
            echo $? >"$T/answer.new" && mv "$T/answer.new" "$T/answer"
        fi
        sleep 0.05
    done
    wait "$suite"
    status=$?
    tap_from "$T/$1.tap" "$1: "
    is $status 0 "$1: the suite ran to its end"
}
suite "$DELIVERY"
done_testing
