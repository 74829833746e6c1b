#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The conformance suite of registry drivers (registry_conformance.c) on the embedded one.
. "$(dirname "$0")/lib.sh"

pg_create reg
export REGISTRY_DRIVER=embedded REGISTRY_DSN REGISTRY_STOP="$T/stop" REGISTRY_START="$T/start" REGISTRY_STALL="$T/stall"
REGISTRY_DSN=$(dsn reg)

script stop <<'END'
as_pg "$PG_BINDIR/pg_ctl" -D "$T/reg/data" -m immediate -w stop
END
script start <<'END'
as_pg "$PG_BINDIR/pg_ctl" -D "$T/reg/data" -l "$T/reg/log" -w start
END
script_stall stall reg undam_registry.subject

conformance() { # its TAP becomes ours
    "$UNDAM_BUILD/tests/flow/registry_conformance" >"$T/out.tap" 2>"$T/conformance.log"
    local status=$?
    tap_from "$T/out.tap"
    is $status 0 "the suite ran to its end"
}
conformance

is "$(sql reg postgres "SELECT count(*) FROM (SELECT subject, schema FROM undam_registry.version GROUP BY 1, 2 HAVING count(*) > 1) x")" 0 \
    "no subject has a schema twice"

# A role that may only read finds what is there, and is told what is missing where nothing was ever registered.
sql reg postgres "CREATE DATABASE empty" >/dev/null
sql reg postgres "CREATE ROLE reader LOGIN" >/dev/null
REGISTRY_DSN="host=$T/reg user=reader dbname=empty"
out=$("$UNDAM_BUILD/tests/flow/registry_conformance" 2>&1)
like "$out" "schema undam_registry is not there, and this role may not create it" "missing tables and no right to make them"
done_testing
