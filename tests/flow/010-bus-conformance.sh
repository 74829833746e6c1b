#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The conformance suite of bus drivers (bus_conformance.c) on the postgres driver.
. "$(dirname "$0")/lib.sh"

pg_create bus
export BUS_DRIVER=postgres BUS_DSN BUS_RESTART="$T/restart" BUS_AGE="$T/age" BUS_STALL="$T/stall"
BUS_DSN=$(dsn bus)

script() { # NAME: from stdin, with this shell's functions and settings
    { echo '#!/bin/bash'; echo "set -eu; T='$T' PG_BINDIR='$PG_BINDIR'"; declare -f as_pg dsn sql; cat; } >"$T/$1"
    chmod +x "$T/$1"
}
script restart <<'END'
as_pg "$PG_BINDIR/pg_ctl" -D "$T/bus/data" -m immediate -w stop
as_pg "$PG_BINDIR/pg_ctl" -D "$T/bus/data" -l "$T/bus/log" -w start
END
# Everything stored so far becomes one segment of nine days ago; the source's own day with it.
script age <<'END'
old=$(date -u -d '9 days ago' +%Y%m%d)
today=$(sql bus postgres "SELECT max(day) FROM undam_bus.source")
sql bus postgres "BEGIN;
  ALTER TABLE undam_bus.block_$today RENAME TO block_$old;
  ALTER INDEX undam_bus.block_${today}_end RENAME TO block_${old}_end;
  UPDATE undam_bus.segment SET day = $old WHERE day = $today;
  UPDATE undam_bus.source SET day = $old;
  COMMIT"
END
script stall <<'END'
psql -X -q -d "$(dsn bus)" -c "BEGIN; LOCK TABLE undam_bus.source" -c "SELECT pg_sleep(2)" -c COMMIT >/dev/null 2>&1 </dev/null &
for i in $(seq 100); do
    [ "$(sql bus postgres "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'undam_bus.source'::regclass")" = 0 ] || exit 0
    sleep 0.02
done
exit 1
END

"$UNDAM_BUILD/tests/flow/bus_conformance" >"$T/out.tap" 2>"$T/conformance.log"
status=$?
while IFS= read -r line; do
    case $line in
    "ok "*) ok 0 "${line#ok * - }" ;;
    "not ok "*) ok 1 "${line#not ok * - }" ;;
    "#"*) echo "$line" ;;
    esac
done <"$T/out.tap"
is $status 0 "the suite ran to its end"
done_testing
