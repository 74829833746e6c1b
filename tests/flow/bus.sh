# SPDX-License-Identifier: Apache-2.0
# Sourced by project_lib.sh and relay.sh: the bus of a test, whichever driver. BUS=kafka (default postgres) gives a broker
# of its own, DELIVERY its delivery, BROKERS how many. All of it goes through `undam bus info` and the configuration
# $T/undam.yaml.
BUS=${BUS:-postgres}
[ "$BUS" = postgres ] || . "$UNDAM_SOURCE/tests/kafka/kafka.sh"

# bus_start: the broker, where there is to be one. BUS_LINE, when set before, is somebody else's bus.
bus_start() {
    [ "$BUS" = kafka ] && [ -z "${BUS_LINE:-}" ] && [ -z "${kafka_sizes[bus]:-}" ] || return 0
    kafka_create bus "${BROKERS:-1}" "${KAFKA_VERSION:-3.9.1}"
}
# bus_line SETTINGS: the line of undam.yaml.
bus_line() {
    if [ -n "${BUS_LINE:-}" ]; then echo "$BUS_LINE"
    elif [ "$BUS" = kafka ]; then kafka_config bus "$1${DELIVERY:+, delivery: $DELIVERY}"
    else echo "bus: {driver: postgres, $1}"; fi
}
# bus_info FILTER: of `undam bus info --json` (.lsn, .events, .epoch, ...); empty when the bus does not answer.
bus_info() { timeout 20 "$UNDAM" bus info -c "$T/undam.yaml" --json 2>/dev/null | jq -r "$1"; }
lsn_number() { [[ $1 == */* ]] && echo $((16#${1%/*} * 4294967296 + 16#${1#*/})); }
# bus_reached LSN [SLACK]: the bus holds all up to there.
bus_reached() {
    local have want
    have=$(lsn_number "$(bus_info .lsn)") && want=$(lsn_number "$1") && [ "$have" -ge $((want - ${2:-0})) ]
}
bus_has_source() { [ "$(lsn_number "$(bus_info .lsn)")" -gt 0 ] 2>/dev/null; }
# bus_forget: retention goes over all events that there are; the relay runs, so that the position is written again.
bus_forget() {
    local topic end lines=''
    if [ "$BUS" = postgres ]; then
        sql "${CONTROL:-src}" control "UPDATE undam_bus.source SET floor_lsn = lsn"
        return
    fi
    while IFS=: read -r topic partition end; do
        case $topic in *.commits) end=$((end - 1)) ;; esac
        lines+="${lines:+,}{\"topic\":\"$topic\",\"partition\":$partition,\"offset\":$end}"
    done < <(kafka_tool bus get-offsets --topic '[a-z].*' 2>/dev/null)
    echo "{\"partitions\":[$lines],\"version\":1}" >"$T/forget.json"
    kafka_tool bus delete-records --offset-json-file "$T/forget.json" >"$T/forget.out" 2>&1 || note "$(cat "$T/forget.out")"
    wait_until 10 bus_has_source
}
