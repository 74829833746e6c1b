# SPDX-License-Identifier: Apache-2.0
# The fintech example as a running thing, for the demo, the benchmarks and flow tests. Source tests/flow/lib.sh first:
# clusters, ports, start/stop and clean-up are there; $T is the run's folder.

FINTECH=$UNDAM_SOURCE/examples/fintech

# fintech_seed NAME DB USERS TRANSACTIONS [SEED]: the monolith's database with its data.
fintech_seed() {
    sql "$1" postgres "CREATE DATABASE $2"
    PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 -v users="$3" -v transactions="$4" -v seed="${5:-1}" \
        -d "$(dsn "$1" "$2")" -f "$FINTECH/schema.sql" -f "$FINTECH/seed.sql" -f "$FINTECH/constraints.sql" -c 'VACUUM ANALYZE' \
        >"$T/seed.log" 2>&1 || bail "seeding failed: $(tail -n 3 "$T/seed.log")"
}

# fintech_app DSN: the legacy application on a free port; sets APP_PORT.
fintech_app() {
    APP_PORT=$(free_port)
    start app "$UNDAM_BUILD/examples/fintech/fintech-app" --dsn "$1" --port "$APP_PORT" --pool 16
    wait_until 20 curl -sf "http://127.0.0.1:$APP_PORT/healthz" || bail "the legacy application does not start: $(tail -n 3 "$T/app.log")"
}

# fill TEMPLATE: prints it with every @NAME@ replaced by the variable of that name (values may have several lines).
fill() {
    local text name
    text=$(cat "$1")
    for name in $(grep -oE '@[A-Z_]+@' "$1" | sort -u | tr -d @); do
        text=${text//@$name@/${!name-}}
    done
    printf '%s\n' "$text"
}

# CPU of a PostgreSQL cluster in clock ticks: the postmaster, its children, and what its dead children used.
pg_cpu() { # NAME
    local postmaster pid
    postmaster=$(head -n 1 "$T/$1/data/postmaster.pid") || return
    {
        sed 's/.*) //' "/proc/$postmaster/stat" | awk '{print $12 + $13 + $14 + $15}'
        for pid in $(pgrep -P "$postmaster"); do sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | awk '{print $12 + $13}'; done
    } | awk '{s += $1} END {printf "%d\n", s}'
}
process_cpu() { # PID: it and its children, in clock ticks
    local pid
    for pid in "$1" $(pgrep -P "$1"); do sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | awk '{print $12 + $13}'; done |
        awk '{s += $1} END {printf "%d\n", s}'
}
now_ms() { date +%s%3N; }

# supervise NAME COMMAND...: keeps it running as a service manager would; its pid is in $T/NAME.pid, output in $T/NAME.log.
# An exit code of 2, 3, 4 or 7 (undam(1): restarting does not help) ends that.
supervise() {
    local name=$1; shift
    (
        trap - EXIT
        trap 'exit 0' TERM
        exec 2>>"$T/$name.log" # where the shell says that something was killed
        while [ ! -e "$T/stopping" ]; do
            "$@" >>"$T/$name.log" 2>&1 &
            echo $! >"$T/$name.pid"
            wait $!
            code=$?
            [ -e "$T/stopping" ] || echo "supervisor: $name ended with $code" >>"$T/$name.log"
            case $code in 2 | 3 | 4 | 7) echo "$name ended with $code" >>"$T/fatal"; break ;; esac
            sleep 0.2
        done
    ) &
    pids+=($!)
    supervised+=("$name")
}
supervised=()
# Ends all supervised processes, politely.
supervise_end() {
    local name i
    touch "$T/stopping"
    for name in "${supervised[@]}"; do kill -TERM "$(cat "$T/$name.pid")" 2>/dev/null; done
    for name in "${supervised[@]}"; do
        for i in {1..60}; do kill -0 "$(cat "$T/$name.pid")" 2>/dev/null || break; sleep 0.05; done
        kill -KILL "$(cat "$T/$name.pid")" 2>/dev/null
    done
    supervised=()
}
