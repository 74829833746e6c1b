#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every row of every table of the monolith that has a primary key goes through relay and bus, in all the types there are: enums, domains,
# arrays, ranges, json, inet, bytea, a partitioned table, generated columns, mixed-case names, wide values; what the bus then says of
# each row is what the source has.
. "$(dirname "$0")/lib.sh"
. "$UNDAM_SOURCE/scripts/lib/fintech.sh"

PG_BINDIR=$("$UNDAM_SOURCE/scripts/postgres-versions" 13 | cut -d ' ' -f 2) || bail "PostgreSQL 13 cannot be installed"
pg_create mono "shared_buffers = 128MB" "synchronous_commit = off" "wal_writer_delay = 10ms"
pg_create read
fintech_seed mono fintech 100 3000 1 --pools "$T/pools"
fintech_tables mono >"$T/all-tables"
is "$(sql mono fintech "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition")" \
    "$(wc -l <"$T/all-tables")" "every table has a service"
awk -F '\t' '$3 != ""' "$T/all-tables" >"$T/tables"
is "$(awk -F '\t' '$3 == "" {print $2}' "$T/all-tables")" recon_log "and all but one a key"
undam_config mono read '' "$T/tables"
undam relay --create-publication
start relay "$UNDAM" relay
ready relay "$RELAY_PORT"

# Each row is updated without a change (large values stay unsent), deleted, inserted, and updated again; a table is a transaction.
columns() { # TABLE AND: quoted, in order
    sql mono fintech "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = '$1'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' $2"
}
tables=$(cut -f 2 "$T/tables")
{
    echo "SET session_replication_role = replica;" # no triggers, no foreign keys
    for table in $tables; do
        all=$(columns "$table" '')
        column=$(columns "$table" "AND attidentity <> 'a' AND attnum <> ALL ((SELECT indkey FROM pg_index WHERE indrelid = '$table'::regclass AND indisprimary)::int2[])")
        column=${column%%,*}
        touch="${column:+UPDATE $table SET $column = $column;}"
        echo "BEGIN; CREATE TEMP TABLE copy ON COMMIT DROP AS SELECT * FROM $table; $touch DELETE FROM $table;"
        echo "INSERT INTO $table ($all) OVERRIDING SYSTEM VALUE SELECT $all FROM copy; $touch COMMIT;"
    done
} >"$T/rewrite.sql"
psql -X -q -v ON_ERROR_STOP=1 -d "$(dsn mono fintech)" -f "$T/rewrite.sql" >"$T/rewrite.log" 2>&1
is $? 0 "every row is written again" || bail "$(tail -n 3 "$T/rewrite.log")"
"$UNDAM" check --bus --json >"$T/check.json" 2>"$T/check.log"
is $? 0 "undam check agrees" || note "$(tail -n 5 "$T/check.log")"
is "$(jq -c '[.lines[] | select(.wrong > 0 or .unsettled > 0)]' "$T/check.json")" '[]' "no row of any table differs"
jq -r '.lines[] | select(.part == "table" and .skipped == null) | .name' "$T/check.json" | sed 's/^public\.//' | sort >"$T/compared"
empty=$(for table in $tables; do grep -qx "$table" "$T/compared" || sql mono fintech "SELECT '$table' WHERE EXISTS (SELECT FROM $table)"; done)
is "$empty" "" "every table that has rows was compared"
note "$(jq -r '[.lines[] | select(.part == "table")] | "\(length) tables, \(map(.checked) | add) rows"' "$T/check.json"), $(jq -r '.lines[] | select(.part == "log") | .checked' "$T/check.json") events"
done_testing
