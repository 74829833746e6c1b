#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The conformance suite of registry drivers (registry_conformance.c) on the embedded one.
. "$(dirname "$0")/lib.sh"

pg_create reg
export REGISTRY_DRIVER=embedded REGISTRY_DSN REGISTRY_STOP="$T/stop" REGISTRY_START="$T/start" REGISTRY_STALL="$T/stall"
REGISTRY_DSN=$(dsn reg)

script() { # NAME: from stdin, with this shell's functions and settings
    { echo '#!/bin/bash'; echo "set -eu; T='$T' PG_BINDIR='$PG_BINDIR'"; declare -f as_pg dsn sql; cat; } >"$T/$1"
    chmod +x "$T/$1"
}
script stop <<'END'
as_pg "$PG_BINDIR/pg_ctl" -D "$T/reg/data" -m immediate -w stop
END
script start <<'END'
as_pg "$PG_BINDIR/pg_ctl" -D "$T/reg/data" -l "$T/reg/log" -w start
END
script stall <<'END'
psql -X -q -d "$(dsn reg)" -c "BEGIN; LOCK TABLE undam_registry.subject" -c "SELECT pg_sleep(2)" -c COMMIT >/dev/null 2>&1 </dev/null &
for i in $(seq 100); do
    [ "$(sql reg postgres "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'undam_registry.subject'::regclass")" = 0 ] || exit 0
    sleep 0.02
done
exit 1
END

conformance() { # its TAP becomes ours
    "$UNDAM_BUILD/tests/flow/registry_conformance" >"$T/out.tap" 2>"$T/conformance.log"
    local status=$?
    while IFS= read -r line; do
        case $line in
        "ok "*) ok 0 "${line#ok * - }" ;;
        "not ok "*) ok 1 "${line#not ok * - }" ;;
        "#"*) echo "$line" ;;
        esac
    done <"$T/out.tap"
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
