# SPDX-License-Identifier: Apache-2.0
# The fintech example as a running thing, for the demo, the benchmarks and flow tests. Source tests/flow/lib.sh first:
# clusters, ports, start/stop and clean-up are there; $T is the run's folder.

FINTECH=$UNDAM_SOURCE/examples/fintech

# fintech_seed NAME DB USERS TRANSACTIONS [SEED [OPTION...]]: the monolith's database with its data, the core services'; with
# OPTIONs of load-data instead of the core alone.
fintech_seed() {
    local name=$1 db=$2 settings=(--users "$3" --transactions "$4" --seed "${5:-1}")
    shift $(($# < 5 ? $# : 5))
    [ $# -gt 0 ] || set -- --core
    sql "$name" postgres "CREATE DATABASE $db"
    "$FINTECH/load-data" --dsn "$(dsn "$name" "$db")" "${settings[@]}" "$@" >"$T/seed.log" 2>&1 || bail "seeding failed: $(tail -n 3 "$T/seed.log")"
}

# fintech_app DSN [OPTION...]: the legacy application on a free port; sets APP_PORT.
fintech_app() {
    APP_PORT=$(free_port)
    start app "$UNDAM_BUILD/examples/fintech/fintech-app" --dsn "$1" --port "$APP_PORT" --pool 16 "${@:2}"
    wait_until 20 curl -sf "http://127.0.0.1:$APP_PORT/healthz" || bail "the legacy application does not start: $(tail -n 3 "$T/app.log")"
}

# fintech_nginx [WRAPPER...]: a plain nginx in front of the application (nginx-legacy.conf.in); sets EDGE_PORT, and RUN, the folder
# with its logs access.log and access.json.
fintech_nginx() {
    local USER=''
    EDGE_PORT=$(free_port) RUN=$T/run
    mkdir -p "$RUN"
    [ "$(id -u)" != 0 ] || { USER='user root;'; chmod 755 "$RUN"; }
    fill "$FINTECH/nginx-legacy.conf.in" >"$T/nginx.conf"
    start nginx "$@" "$(command -v nginx || echo /usr/sbin/nginx)" -p "$RUN" -c "$T/nginx.conf" -e "$RUN/nginx-error.log"
    wait_until 20 curl -sf "http://127.0.0.1:$EDGE_PORT/healthz" || bail "nginx does not start"
}
# fintech_wrong NAME DB: how many transactions' entries do not sum to zero, and how many balances are not the sums of their entries.
fintech_wrong() {
    sql "$1" "$2" "SELECT (SELECT count(*) FROM (SELECT FROM entries GROUP BY transaction_id HAVING sum(amount) <> 0) x) || ' ' ||
        (SELECT count(*) FROM accounts a WHERE kind <> 'settlement'
             AND balance <> (SELECT coalesce(sum(amount), 0) FROM entries e WHERE e.account_id = a.id))"
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

# --- Undam beside it: read models rm_<service> and the control database on cluster "read", nginx with the module ---
SERVICES='accounts transactions compliance'
# fintech_tables NAME: every table of the monolith on that cluster, a line each: service, table, partition key. A table belongs to the
# service whose schema.sql creates it; its key is the customer, or else the primary key's first column: none without a primary key.
fintech_tables() {
    local file service owners
    owners=$(for file in "$FINTECH"/services/*/schema.sql; do
        service=${file%/schema.sql}
        sed -nE "s/^ *CREATE TABLE (IF NOT EXISTS )?\"?([A-Za-z_0-9]+)\"?.*/('${service##*/}', '\2')/ip" "$file"
    done | paste -sd,)
    sql "$1" fintech "
        SELECT service, relname, CASE WHEN k.first IS NOT NULL THEN coalesce(c.customer, k.first) END
        FROM (VALUES $owners) owner (service, relname) JOIN pg_class t USING (relname),
            LATERAL (SELECT min(attname::text) FROM pg_attribute WHERE attrelid = t.oid AND lower(attname) IN ('user_id', 'userid')) c (customer),
            LATERAL (SELECT min(a.attname::text) FROM pg_index i JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
                     WHERE i.indrelid = t.oid AND i.indisprimary) k (first)
        WHERE t.relnamespace = 'public'::regnamespace AND NOT t.relispartition ORDER BY 1, 2" | tr '|' '\t'
}
# fintech_services: the section services of the configuration, for the whole monolith, from lines of fintech_tables.
fintech_services() {
    local service table key last='' dsn port
    echo services:
    while IFS=$'\t' read -r service table key; do
        if [ "$service" != "$last" ]; then
            dsn=${service^^}_DSN port=${service^^}_PORT last=$service
            echo "  $service:"
            [ -z "${!dsn-}" ] || printf '    dsn: "%s"\n    listen: "127.0.0.1:%s"\n' "${!dsn}" "${!port}"
            echo "    tables:"
        fi
        [ -z "$key" ] || echo "      public.$table: $key"
    done
}
# undam_config SOURCE-CLUSTER READ-CLUSTER [BUS-SETTINGS [TABLES]]: databases, ports (<NAME>_PORT) and the configuration; sets
# UNDAM_CONFIG. BUS-SETTINGS: lines of the section bus, for another driver than postgres. TABLES: a file of fintech_tables, for the
# whole monolith instead of the core.
undam_config() {
    local BUS_SETTINGS=${3:-  driver: postgres} tables=${4:-}
    local RUN=$T/run MIGRATION=$FINTECH/migration name
    local SOURCE_DSN CONTROL_DSN ACCOUNTS_DSN TRANSACTIONS_DSN COMPLIANCE_DSN
    SOURCE_DSN=$(dsn "$1" fintech) CONTROL_DSN=$(dsn "$2" control)
    ACCOUNTS_DSN=$(dsn "$2" rm_accounts) TRANSACTIONS_DSN=$(dsn "$2" rm_transactions) COMPLIANCE_DSN=$(dsn "$2" rm_compliance)
    for name in EDGE TRUSTED RELAY CONTROL VALIDATE ACCOUNTS TRANSACTIONS COMPLIANCE; do printf -v "${name}_PORT" %s "$(free_port)"; done
    mkdir -p "$T/run/spool"
    fill "$FINTECH/undam.yaml.in" >"$T/undam.yaml"
    if [ -n "$tables" ]; then
        sed -i '/^services:/,$d' "$T/undam.yaml"
        fintech_services <"$tables" >>"$T/undam.yaml"
    fi
    export UNDAM_CONFIG=$T/undam.yaml
    for name in control rm_accounts rm_transactions rm_compliance; do sql "$2" postgres "CREATE DATABASE $name"; done
}
# edge_start READ-CLUSTER SAMPLE [LOGS]: nginx with the module in front of the legacy application. LOGS: its settings of access logs.
edge_start() {
    local USER='' RUN=$T/run SAMPLE=$2 LOGS=${3:-    access_log off;} MODULE=$UNDAM_BUILD/nginx/ngx_http_undam_module.so
    local ACCOUNTS_DSN TRANSACTIONS_DSN COMPLIANCE_DSN
    ACCOUNTS_DSN=$(dsn "$1" rm_accounts) TRANSACTIONS_DSN=$(dsn "$1" rm_transactions) COMPLIANCE_DSN=$(dsn "$1" rm_compliance)
    [ "$(id -u)" != 0 ] || USER='user root;'
    fill "$FINTECH/nginx.conf.in" >"$T/nginx.conf"
    # A module built with AddressSanitizer wants its run-time library first in an nginx that is not; nginx leaks by design.
    local sanitizer
    sanitizer=$(ldd "$MODULE" 2>/dev/null | sed -n 's/.*libasan[^ ]* => \([^ ]*\) .*/\1/p')
    start nginx env LD_PRELOAD="$sanitizer" ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0 \
        "$(command -v nginx || echo /usr/sbin/nginx)" -p "$T/run" -c "$T/nginx.conf" -e "$T/run/nginx-error.log"
    wait_until 20 curl -sf "http://127.0.0.1:$EDGE_PORT/healthz" || bail "nginx does not start"
}
# nginx has taken up the snapshot of the flags.
edge_decides() { curl -s -D - -o /dev/null "http://127.0.0.1:$EDGE_PORT/users/1" | grep -qi '^Undam-Reason: percentage'; }
# undam COMMAND...: its output is kept; a failure ends the run.
undam() { "$UNDAM" "$@" >>"$T/undam.log" 2>&1 || bail "undam $1 $2 failed: $(tail -n 2 "$T/undam.log")"; }
# A supervised daemon said that restarting will not help.
gave_up() { [ -s "$T/fatal" ]; }
is_ready() { gave_up || curl -sf "http://127.0.0.1:$1/readyz"; }
ready() { # NAME PORT
    wait_until 30 is_ready "$2" || bail "$1 does not get ready: $(curl -s "http://127.0.0.1:$2/readyz")"
    ! gave_up || bail "$(cat "$T/fatal")"
}
