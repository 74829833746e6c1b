# SPDX-License-Identifier: Apache-2.0
# Sourced by the fault tests (2xx) after lib.sh, project_lib.sh and kafka.sh: a bank that is written to all the time, its
# relay and projector on three brokers, and at the end the proof that nothing was lost, doubled or put out of order.
#
# FAULT_STOP_SECONDS: how long Kafka stays away as a whole, registry and network for a third of it (default 15; docs/testing.md
# tells of runs with 60). FAULT_SEED, FAULT_CLIENTS: of the load. DELIVERY: exactly-once or ordered.

STOP=${FAULT_STOP_SECONDS:-15} SEED=${FAULT_SEED:-1} CLIENTS=${FAULT_CLIENTS:-1} DELIVERY=${DELIVERY:-exactly-once}
LOAD=$UNDAM_BUILD/tests/flow/crash_load
CONTROL=rm
. "$UNDAM_SOURCE/tests/flow/bank.sh"

# Daemons run at the far end of a link, where a test has one.
# shellcheck disable=SC2086
bus_info() { ${KAFKA_ENTER:-} "$UNDAM" bus info --json 2>/dev/null | jq -r "$1"; }
# shellcheck disable=SC2086
start_relay() { start relay ${LINK_ENTER:-} "$UNDAM" relay; wait_until 60 bus_has_source || bail "the relay does not start"; }
# shellcheck disable=SC2086
start_projector() { start projector ${LINK_ENTER:-} "$UNDAM" project app; }

fault_setup() {
    relay_port=$(free_port)
    BUS_LINE=$(kafka_config k "prefix: shop, partitions: 4, delivery: $DELIVERY") RELAY_EXTRA=", listen: \"127.0.0.1:$relay_port\""
    # A server that cut off a relay which is silent for long would show it: 4 s is less than every fault lasts.
    setup_shop "ALTER DATABASE source SET wal_sender_timeout = '4s';
$(bank_schema)" $BANK_TABLES
    sql src source "$BANK_ROWS"
    BANK_TOTAL=$(sql src source "SELECT sum(balance) FROM accounts")
    local out
    # shellcheck disable=SC2086
    out=$(${KAFKA_ENTER:-} "$UNDAM" view add $(bank_views) 2>&1) || bail "views: $out"
    start_projector
    settle 60 || bail "the read model is not there"
    walsender=$(slot_pid)
    start load "$LOAD" write "$(dsn src source)" "$CLIENTS" "$SEED"
    start watch "$LOAD" watch "$(dsn rm rm)" "$BANK_TOTAL"
    began=$(date +%s)
    note "seed $SEED, delivery $DELIVERY, brokers $(kafka_brokers k)"
}
slot_pid() { sql src source "SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'undam'"; }

# What is committed from now on still arrives, within SECONDS of the end of a fault.
goes_on() { # SECONDS NAME
    local lsn from; lsn=$(source_lsn) from=$(date +%s%3N)
    if wait_until "$1" reached "$lsn"; then
        ok 0 "$2 (after $(($(date +%s%3N) - from)) ms)"
    else
        ok 1 "$2"
        note "the read model is at $(position), wanted $lsn"
        note "relay: $(tail -n 3 "$T/relay.log")"
        note "projector: $(tail -n 3 "$T/projector.log")"
    fi
}
kept() { # the server did not cut the relay off for silence, though every fault lasts longer than its time-out
    is "$(grep -c 'terminating walsender' "$T/src/log")" 0 "$1: the source heard of the relay all the time"
    [ "$(slot_pid)" = "$walsender" ] || note "in another session than in the beginning"
}
alive() { kill -0 "$pid_relay" 2>/dev/null && kill -0 "$pid_projector" 2>/dev/null; }

# The end of the load and of the test: everything arrives, nothing twice, in order, and views are exact.
fault_end() {
    local out
    stop load
    note "transactions: $(awk '/^[0-9]+$/ { n += $1 } END { print n + 0 }' "$T/load.log")"
    settle 120 && ok 0 "what was committed arrives"
    alive; ok $? "relay and projector never ended"
    stop watch; is $? 0 "the bank's total was right in every read"; note "$(tail -n 1 "$T/watch.log")"
    # shellcheck disable=SC2086
    out=$(${KAFKA_ENTER:-} "$UNDAM" check --complete-log 2>&1); is $? 0 "nothing lost, doubled or out of order, views exact"; note "$out"
    # shellcheck disable=SC2086
    out=$(${KAFKA_ENTER:-} "$UNDAM" bus check 2>&1); is $? 0 "the log is whole in itself"; note "$out"
    outsider
    stop projector
    stop relay
    note "$(($(date +%s) - began)) s"
}
# Somebody else's consumer (read_committed) sees each position of a partition once, in order. That is what delivery
# "ordered" does not promise to readers that do not compare; here no relay was paused and replaced, so it holds as well.
outsider() {
    reader java k - shop.app - >"$T/outside"; is $? 0 "Kafka's own consumer reads the topic"
    is "$(python3 - "$T/outside" <<'END'
import json, sys
last, events = {}, 0
for line in open(sys.argv[1]):
    m = json.loads(line)
    high, low = m["headers"]["undam_lsn"].split("/")
    at = (int(high, 16), int(low, 16), int(m["headers"]["undam_seq"]))
    if at <= last.get(m["partition"], (-1,)):
        print("partition %d, offset %d: %s after %s" % (m["partition"], m["offset"], at, last[m["partition"]]))
    last[m["partition"]] = at
    events += 1
print("some" if events > 100 else events, "events")
END
)" "some events" "and sees every event once and in order"
}
