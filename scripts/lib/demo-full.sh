# SPDX-License-Identifier: Apache-2.0
# What the full demo has of its own: every service of the example and its whole mix of requests, of which the core's reads move so far.

RATE=${RATE:-120} TRANSACTIONS=${TRANSACTIONS:-100000} SAMPLE=${SAMPLE:-20%} WRITES=28 WRITE_RATE=80 MEASURE=12
services=("$FINTECH"/services/*/schema.sql)
WHAT="a monolith of ${#services[@]} services on one PostgreSQL database" TABLES=$T/tables OPTIONS=(--jobs --trace "$T/app.trace")
LOGS=$(sed -n '/^    map /,/access\.json/p' "$FINTECH/nginx-legacy.conf.in")
CORE=users,accounts,merchants,transactions,ledger,compliance # all their reads are endpoints of migration/

choose_servers() {
    local major bin
    while read -r major bin; do
        case $major in 13) pg_bindirs[mono]=$bin ;; 16) pg_bindirs[read]=$bin ;; esac
    done < <("$UNDAM_SOURCE/scripts/postgres-versions" 13 16)
    [ ${#pg_bindirs[@]} = 2 ] || bail "PostgreSQL 13 and 16 cannot be installed"
}
load_monolith() {
    fintech_seed mono fintech "$USERS" "$TRANSACTIONS" "$SEED" --pools "$T/pools"
    fintech_tables mono >"$TABLES"
    say "$(wc -l <"$TABLES") tables of $(cut -f 1 "$TABLES" | sort -u | wc -l) services"
    TRAFFIC=(--services "$FINTECH/services" --pools "$T/pools" --rate "$RATE")
}
# Requests of some services alone, while the others' rest: one phase.
some_traffic() { # PHASE SECONDS OPTION...
    local phase=$1 seconds=$2; shift 2
    "$UNDAM_BUILD/examples/fintech/fintech-load" --url "http://127.0.0.1:$EDGE_PORT" --users "$USERS" --transactions "$TRANSACTIONS" \
        --services "$FINTECH/services" --pools "$T/pools" --seconds "$seconds" --phase "$phase" --json "$T/phases.json" --quiet \
        --seed $((SEED * 1000 + ++some_traffic_runs)) "$@" >>"$T/load.log" 2>&1
    [ $? -le 1 ] || bail "the load driver does not run"
}
some_traffic_runs=0
writes_only() { traffic rate 0.1; measure_moved before; }
whole_mix() { traffic rate "$RATE"; }
writes_for() { some_traffic "$1" "$2" --only transactions --writes 100 --rate $WRITE_RATE; } # payments, as in the quick demo

# Reads of the endpoints that move, alone: what they cost the monolith's database.
measure_moved() { # before, after
    local cpu time
    traffic rate 0.1
    sleep 0.5
    cpu=$(pg_cpu mono) time=$(now_ms)
    some_traffic "moved_$1" "$(paced 6)" --only $CORE --writes 0 --rate "$RATE"
    printf -v "moved_cpu_$1" %s "$(cores $(($(pg_cpu mono) - cpu)) $(($(now_ms) - time)))"
    printf -v "moved_p95_$1" %s "$(phase "moved_$1" .reads.p95_ms)"
}

# Payers who look at their payment at once: the quick demo's writes beside the traffic.
own_reads_begin() {
    start payers "$UNDAM_BUILD/examples/fintech/fintech-load" --url "http://127.0.0.1:$EDGE_PORT" --users "$USERS" --transactions "$TRANSACTIONS" \
        --cases "$(sql mono fintech 'SELECT max(id) FROM compliance_cases WHERE id < 1000000000')" --rate 4 --writes 100 --seconds 0 --seed "$SEED" --phase own --json "$T/phases.json" --quiet
}
own_reads_end() { stop payers; }

# What the system is, from nginx's log and the application's trace; the truth about each endpoint from the same trace and PostgreSQL.
system_stats() { # FILE
    rm -f "$T/app.trace"
    kill -USR1 "$pid_app"
    wait_until 10 test -s "$T/app.trace" || bail "the application writes no trace"
    sleep 1.1 # nginx's log is a second old
    "$FINTECH/truth/make-truth" --app "$UNDAM_BUILD/examples/fintech/fintech-app" --dsn "$(dsn mono fintech)" --trace "$T/app.trace" >"$T/truth.json" &&
        "$FINTECH/traffic-stats" --log "$T/run/access.json" --trace "$T/app.trace" --truth "$T/truth.json" --json >"$1" || bail "no statistics of the traffic"
}
say_system() {
    system_stats "$T/system.json"
    jq -r '"\(.endpoints_known) endpoints, of which \(.endpoints) were called in the first seconds",
        "\(.read_share) % of \(.calls) calls read; \(.joining_share) % of \(.read_queries) queries for them join tables of several services",
        "\(.synchronous_endpoints | length) synchronous endpoints were called, which cannot move: their answer must be of this moment"' "$T/system.json" |
        while IFS= read -r line; do say "$line"; done
}

# What the relay makes of every table there is, and what it leaves out.
say_capture() {
    local left
    left=$(awk -F '\t' '$3 == "" {print $2}' "$TABLES")
    say "$(awk -F '\t' '$3 != ""' "$TABLES" | wc -l) of the $(wc -l <"$TABLES") tables are captured"
    [ -z "$left" ] || say "left out: $(paste -sd' ' <<<"$left"), which has no primary key: an update or delete of its rows could not be told"
    "$UNDAM" relay --check --json >"$T/relay-check.json" 2>>"$T/undam.log" || bail "undam relay --check: $(jq -r '[.findings[] | select(.severity == "error") | .object + ": " + .text] | .[0]' "$T/relay-check.json")"
    jq -r '"undam relay --check: \(.errors) errors; warnings and notes: " + ([.findings[] | .code] | group_by(.) | map("\(length) \(.[0])") | join(", "))' "$T/relay-check.json" |
        fold -s -w 130 | while IFS= read -r line; do say "$line"; done
}
# The report of undam check with one line for each kind of what it compared, and each difference.
show_check() {
    awk '
        /%.* [0-9]+ s$/ { next } # progress
        { line = $0; sub(/: /, ":") } # a name is service: table
        $1 == "table" && /the log has no event of it/ { silent++; next }
        ($1 == "table" || $1 == "mirror" || $1 == "view") && $3 ~ /^[0-9]+$/ { n[$1]++; rows[$1] += $3; wrong[$1] += $4; next }
        { print line }
        END {
            count = split("table mirror view", parts, " ")
            for (i = 1; i <= count; i++) printf "%-7s %4d compared, %d rows, %d wrong\n", parts[i], n[parts[i]], rows[parts[i]], wrong[parts[i]]
            if (silent) printf "%d tables were not written to meanwhile\n", silent
        }' "$T/check.log"
}
more_json() {
    printf '\n "moved": {"p95_ms": {"before": %s, "after": %s}, "source_cpu": {"before": %s, "after": %s}},\n' \
        "$moved_p95_before" "$moved_p95_after" "$moved_cpu_before" "$moved_cpu_after"
    jq -c '{endpoints, endpoints_known, read_share, joining_share, synchronous: (.synchronous_endpoints | length)}' "$T/system.json" | sed 's/.*/ "system": &,/'
}
more_figures() {
    row "the moved endpoints' reads alone: 95th" "$moved_p95_before ms before, $moved_p95_after ms after ($(lower "$moved_p95_before" "$moved_p95_after" 0))"
    row "the source database's CPU for them" "$moved_cpu_before of a core before, $moved_cpu_after after ($(lower "$moved_cpu_before" "$moved_cpu_after" 1))"
}
