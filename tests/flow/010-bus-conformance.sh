#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The conformance suite of bus drivers (bus_conformance.c) on the postgres driver.
. "$(dirname "$0")/lib.sh"

pg_create bus
export BUS_DRIVER=postgres BUS_DSN BUS_RESTART="$T/restart" BUS_AGE="$T/age" BUS_STALL="$T/stall"
BUS_DSN=$(dsn bus)

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
script_stall stall bus undam_bus.source

"$UNDAM_BUILD/tests/flow/bus_conformance" >"$T/out.tap" 2>"$T/conformance.log"
status=$?
tap_from "$T/out.tap"
is $status 0 "the suite ran to its end"
done_testing
