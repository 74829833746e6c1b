# SPDX-License-Identifier: Apache-2.0
# Sourced by projector flow tests after lib.sh: a source with its relay, a control database with the bus, and the read
# model of one service (`app`). Clusters: src (databases source, control), rm (database rm). bus.sh: which bus.
. "$UNDAM_SOURCE/tests/flow/bus.sh"

# write_config [TABLE:KEY...]: $T/undam.yaml; UNDAM_CONFIG names it for undam. SOURCE_EXTRA, RELAY_EXTRA: further settings,
# from the comma on; REGISTRY: a whole section.
write_config() {
    local t
    {
        cat <<YAML
directory: $T/migration
source: {name: shop, dsn: "$(dsn src source)", slot: undam, publication: undam${SOURCE_EXTRA:-}}
$(bus_line "prefix: shop, partitions: 4, retention_days: 7")
${REGISTRY:+registry: $REGISTRY}
relay: {spool_directory: $T/spool, watermark_ms: 100ms${RELAY_EXTRA:-}}
control: {dsn: "$(dsn "${CONTROL:-src}" control)", snapshot: $T/flags, catalogue: $T/catalogue}
project: {batch_max_events: ${BATCH_EVENTS:-5000}}
services:
  app:
    dsn: "$(dsn rm rm)"
    tables:
YAML
        for t in "$@"; do echo "      ${t%%:*}: ${t#*:}"; done
    } >"$T/undam.yaml"
    export UNDAM_CONFIG=$T/undam.yaml
}

# setup_shop SQL [TABLE:KEY...]: clusters, schema, publication, configuration, relay.
setup_shop() {
    local schema=$1; shift
    pg_create src "max_connections = 60"
    pg_create rm "fsync = off"
    bus_start
    mkdir -p "$T/spool" "$T/migration/views"
    chmod 777 "$T/spool"
    psql -X -q -d "$(dsn src postgres)" -c "CREATE DATABASE source"
    psql -X -q -d "$(dsn "${CONTROL:-src}" postgres)" -c "CREATE DATABASE control"
    psql -X -q -d "$(dsn rm postgres)" -c "CREATE DATABASE rm"
    sql src source "$schema" || bail "schema"
    sql src source "CREATE PUBLICATION undam FOR ALL TABLES WITH (publish_via_partition_root = true)"
    write_config "$@"
    start_relay
}
start_relay() {
    start relay "$UNDAM" relay
    wait_until 20 bus_has_source || bail "the relay does not start"
}
start_projector() { start "${1:-projector}" "$UNDAM" project app; }

# view NAME KEY [ROW] <<< SELECT: writes the view file, prints its path.
view() {
    local file=$T/migration/views/$1.sql
    {
        echo "-- view: $1"
        echo "-- service: app"
        echo "-- key: $2"
        [ -z "${3:-}" ] || echo "-- row: $3"
        cat
    } >"$file"
    echo "$file"
}

source_lsn() { sql src source "SELECT pg_current_wal_lsn()"; }
position() { sql rm rm "SELECT lsn FROM undam.position" 2>/dev/null; }
reached() { [ "$(sql rm rm "SELECT lsn >= '$1' FROM undam.position" 2>/dev/null)" = t ]; }
# settle [SECONDS]: until the read model has applied all that the source had committed by now.
settle() {
    local lsn; lsn=$(source_lsn)
    wait_until "${1:-30}" reached "$lsn" || { ok 1 "the read model reaches $lsn (it is at $(position))"; return 1; }
}
# same_rows NAME SOURCE-SQL MODEL-SQL: equal results, as sorted text.
same_rows() {
    local a b
    a=$(sql src source "SET TimeZone = 'UTC'; $2" 2>&1 | sort); b=$(sql rm rm "SET TimeZone = 'UTC'; $3" 2>&1 | sort)
    if [ "$a" = "$b" ]; then ok 0 "$1"; else ok 1 "$1"; diff <(echo "$a") <(echo "$b") | head -10 | cut -c1-300 | sed 's/^/# /'; fi
}
