# SPDX-License-Identifier: Apache-2.0
# Sourced by flow tests: real PostgreSQL clusters in a temporary folder, TAP, and clean-up whatever happens.
# A test: `. "$(dirname "$0")/lib.sh"`, then pg_create, checks with ok/is/like, `done_testing` at the end.
# UNDAM, UNDAM_BUILD and UNDAM_SOURCE come from meson; run by hand, they default to ./build.
# KEEP=1 leaves the folder and its servers. PG_BINDIR picks another PostgreSQL.

set -u
UNDAM_SOURCE=${UNDAM_SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
UNDAM_BUILD=${UNDAM_BUILD:-$UNDAM_SOURCE/build}
UNDAM=${UNDAM:-$UNDAM_BUILD/src/undam}
PG_BINDIR=${PG_BINDIR:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)}
export UNDAM UNDAM_BUILD UNDAM_SOURCE

T=$(mktemp -d /tmp/undam-flow.XXXXXX) # the test's folder
chmod 755 "$T"
tests=0 failures=0
pids=()

note() { sed 's/^/# /' <<<"$*"; } # every line of it: TAP knows no other
ok() { # STATUS NAME
    tests=$((tests + 1))
    if [ "$1" = 0 ]; then echo "ok $tests - $2"; else failures=$((failures + 1)); echo "not ok $tests - $2"; fi
}
is() { # GOT WANT NAME
    if [ "$1" = "$2" ]; then ok 0 "$3"; else ok 1 "$3"; note "got:  $1"; note "want: $2"; fi
}
like() { # TEXT EXTENDED-REGEX NAME
    if grep -qE -- "$2" <<<"$1"; then ok 0 "$3"; else ok 1 "$3"; sed 's/^/# got: /' <<<"$1"; note "want: /$2/"; fi
}
unlike() { # TEXT EXTENDED-REGEX NAME
    if grep -qE -- "$2" <<<"$1"; then ok 1 "$3"; sed 's/^/# got: /' <<<"$1"; else ok 0 "$3"; fi
}
done_testing() { echo "1..$tests"; [ $failures = 0 ]; exit; }
bail() { echo "Bail out! $*"; exit 1; }

# tap_from FILE [PREFIX]: what a program wrote as TAP becomes this test's; names with the prefix.
tap_from() {
    local line
    while IFS= read -r line; do
        case $line in
        "ok "*) ok 0 "${2:-}${line#ok * - }" ;;
        "not ok "*) ok 1 "${2:-}${line#not ok * - }" ;;
        "#"*) echo "$line" ;;
        esac
    done <"$1"
}

# wait_until SECONDS COMMAND...: polls every 50 ms until the command succeeds.
wait_until() {
    local limit=$(($(date +%s) + $1)); shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt $limit ] || return 1
        sleep 0.05
    done
}

# PostgreSQL refuses root: as root its programs run as the user postgres.
as_pg() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; else "$@"; fi; }

# Where a cluster's programs are: PG_BINDIR, unless pg_bindirs names others for it (before pg_create).
declare -A pg_bindirs=()
pg_bin() { echo "${pg_bindirs[$1]:-$PG_BINDIR}"; }

# pg_create NAME [SETTING...]: initdb and start a cluster; its socket folder is $T/NAME; dsn NAME [DB] prints its DSN.
pg_create() {
    local name=$1; shift
    mkdir "$T/$name"
    [ "$(id -u)" != 0 ] || chown postgres: "$T/$name"
    as_pg "$(pg_bin "$name")/initdb" -D "$T/$name/data" -U postgres -A trust --locale=C -E UTF8 -N >"$T/$name.initdb.log" 2>&1 ||
        bail "initdb failed: $(tail -n 3 "$T/$name.initdb.log")"
    {
        echo "listen_addresses = ''"
        echo "unix_socket_directories = '$T/$name'"
        echo "wal_level = logical"
        echo "max_wal_senders = 20"
        echo "max_replication_slots = 20"
        echo "shared_buffers = 64MB"
        echo "log_min_messages = warning"
        local s
        for s in "$@"; do echo "$s"; done
    } >>"$T/$name/data/postgresql.conf"
    pg_up "$name"
}
pg_up() {
    as_pg "$(pg_bin "$1")/pg_ctl" -D "$T/$1/data" -l "$T/$1/log" -w -t 60 start >/dev/null 2>&1 ||
        bail "PostgreSQL $1 does not start: $(tail -n 3 "$T/$1/log")"
}
pg_down() { as_pg "$(pg_bin "$1")/pg_ctl" -D "$T/$1/data" -w -m "${2:-fast}" stop >/dev/null 2>&1; }
# Stops every cluster of the test's folder, whatever it is doing.
pg_end() {
    local d
    for d in "$T"/*/data; do
        [ ! -f "$d/postmaster.pid" ] || pg_down "$(basename "${d%/data}")" immediate
    done
}
# SIGKILL of the postmaster and all its children, as a power cut would.
pg_kill() {
    local pid children i
    pid=$(head -n 1 "$T/$1/data/postmaster.pid") || return
    children=$(pgrep -P "$pid")
    # shellcheck disable=SC2086
    kill -KILL "$pid" $children 2>/dev/null
    for ((i = 0; i < 500; i++)); do # dead, though perhaps not reaped by anybody: its lock files would count as held
        grep -q '^State:.[^ZX]' "/proc/$pid/status" 2>/dev/null || break
        sleep 0.02
    done
    rm -f "$T/$1/data/postmaster.pid" "$T/$1"/.s.PGSQL.*.lock
}
dsn() { echo "host=$T/$1 user=postgres dbname=${2:-postgres}"; }
sql() { # NAME DB SQL
    psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$(dsn "$1" "$2")" -c "$3"
}

# script NAME [SETTING=VALUE...]: $T/NAME, a command for programs to call, from stdin, with these functions and settings.
script() {
    { echo '#!/bin/bash'; echo "set -eu; T='$T' PG_BINDIR='$PG_BINDIR' ${*:2}"; declare -f as_pg dsn sql; cat; } >"$T/$1"
    chmod +x "$T/$1"
}
# script_stall NAME CLUSTER TABLE: $T/NAME lets whatever needs the table (in database postgres) hang for two seconds.
script_stall() {
    script "$1" "cluster='$2' table='$3'" <<'END'
psql -X -q -d "$(dsn "$cluster")" -c "BEGIN; LOCK TABLE $table" -c "SELECT pg_sleep(2)" -c COMMIT >/dev/null 2>&1 </dev/null &
for i in $(seq 100); do
    [ "$(sql "$cluster" postgres "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = '$table'::regclass")" = 0 ] || exit 0
    sleep 0.02
done
exit 1
END
}

# A TCP port that is free now. Below those that the kernel gives to connections (32768 on): whoever knocks at a server that
# is down would at times be given its port, and so be answered by itself and keep the server from coming back.
free_port() {
    local p
    while :; do
        p=$((12000 + RANDOM % 20000))
        mkdir "/tmp/undam-port.$p" 2>/dev/null || continue # another test has it
        echo "$p" >>"$T/ports"
        (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo $p; return; }
    done
}

# Other tests may have this one's ports.
ports_end() {
    local p
    [ ! -f "$T/ports" ] || while read -r p; do rmdir "/tmp/undam-port.$p" 2>/dev/null; done <"$T/ports"
}

# start NAME COMMAND...: in the background, output to $T/NAME.log, pid in $pid_NAME.
start() {
    local name=$1; shift
    "$@" >>"$T/$name.log" 2>&1 &
    pids+=($!)
    printf -v "pid_$name" %s $!
}
# stop NAME [SIGNAL]: and wait; the exit status is the process's.
stop() {
    local var=pid_$1
    kill "-${2:-TERM}" "${!var}" 2>/dev/null
    wait "${!var}" 2>/dev/null
}

# SIGKILL of a process and all below it; stopped first, so that a master does not replace its workers meanwhile.
kill_tree() {
    local child
    kill -STOP "$1" 2>/dev/null || return 0
    for child in $(pgrep -P "$1"); do kill_tree "$child"; done
    kill -KILL "$1" 2>/dev/null
}

flow_cleanup() {
    local status=$?
    if [ "${KEEP:-0}" = 1 ]; then note "kept: $T"; return; fi
    local p
    for p in "${pids[@]}"; do kill_tree "$p"; done
    pg_end
    if [ $status != 0 ] || [ $failures != 0 ]; then
        for p in "$T"/*.log; do [ -f "$p" ] && { note "--- $p"; tail -n 15 "$p" | sed 's/^/# /'; }; done
    fi
    ports_end
    rm -rf "$T"
    exit $status
}
trap flow_cleanup EXIT
