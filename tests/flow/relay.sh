# SPDX-License-Identifier: Apache-2.0
# Sourced by the relay's flow tests after lib.sh: a source database "app", a bus, a configuration and the relay.
# The control database is "undam" of cluster $CONTROL (default: the source's own cluster, so that a slot is also pinned by
# another database's WAL); the bus is there too, unless it is a broker (bus.sh).
. "$UNDAM_SOURCE/tests/flow/bus.sh"

CONTROL=${CONTROL:-src}
VERSION=$("$PG_BINDIR/postgres" --version | sed 's/.* \([0-9]*\)[.a-z].*/\1/')

# relay_config [EXTRA-SOURCE-LINES [EXTRA-RELAY-LINES]]: services from $T/services.yaml.
relay_config() {
    PORT=${PORT:-$(free_port)}
    bus_start
    cat >"$T/undam.yaml" <<END
source:
  name: app
  dsn: "$(dsn src app)"
  slot: undam
  publication: undam
${1:-}
$(bus_line "prefix: app, partitions: 4")
relay:
  listen: "127.0.0.1:$PORT"
  spool_directory: $T/spool
  watermark_ms: ${WATERMARK_MS:-100}
${2:-}
control: {dsn: "$(dsn "$CONTROL" undam)"}
$(cat "$T/services.yaml")
END
}
app() { sql src app "$1"; }
relay() { start relay "$UNDAM" relay -c "$T/undam.yaml"; }
# Source commits so far are on the bus: the bus's progress has passed the source's WAL as it is now.
synced() {
    local lsn; lsn=$(app "SELECT pg_current_wal_insert_lsn()")
    wait_until "${1:-20}" bus_reached "$lsn" 40 # one at the start of a page may only be reached in the form of the page before
}
events() { "$UNDAM_BUILD/tests/flow/relay_events" "$T/undam.yaml" "$@"; }
metric() { curl -s -m 5 "http://127.0.0.1:$PORT/metrics" | sed -n "s/^undam_relay_$1 //p"; }
metric_is() { [ "$(metric "$1")" = "$2" ]; }
metric_at_least() { awk -v a="$(metric "$1")" -v b="$2" 'BEGIN { exit !(a != "" && a + 0 >= b + 0) }'; }
ready() { curl -sf -m 5 "http://127.0.0.1:$PORT/readyz" >/dev/null; }
logged() { sed 's/\\"/"/g' "$T/relay.log" | grep -qE -- "$1"; }
slot() { sql src app "SELECT $1 FROM pg_replication_slots WHERE slot_name = 'undam'"; }
# The server was never told of more than the bus has. The slot is read first: the bus only moves on.
never_ahead() {
    local lsn; lsn=$(slot confirmed_flush_lsn)
    bus_reached "$lsn"
}
# The relay, run to its end: output in $OUT, exit status in $STATUS.
relay_fails() { OUT=$(timeout 30 "$UNDAM" relay -c "$T/undam.yaml" 2>&1); STATUS=$?; OUT=${OUT//\\\"/\"}; }
# The rows of a table as the bus's events leave it, sorted: "<subject> <columns>". TABLE is the event type's first part.
replayed() {
    events | awk -v table="$1" '
        { type = $0; sub(/^.* type=/, "", type); sub(/ .*/, "", type)
          subject = $0; sub(/^.* subject=/, "", subject); sub(/ .*/, "", subject)
          columns = $0; sub(/^.* key=[^ ]* ?/, "", columns); sub(/ oldkey=.*/, "", columns) }
        type == table ".created" { if (subject in row) print "DOUBLED " subject; row[subject] = columns }
        type == table ".updated" { if (!(subject in row)) print "NOT THERE " subject; row[subject] = columns }
        type == table ".deleted" { if (!(subject in row)) print "NOT THERE " subject; delete row[subject] }
        type == table ".truncated" { delete row }
        END { for (s in row) print s, row[s] }' | LC_ALL=C sort
}
