#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The monolith behind a plain nginx under its whole mix: what traffic-stats reads from the access log, the trace and the truth is what
# the load driver says it sent, and the logs hold no tokens.
. "$(dirname "$0")/lib.sh"
. "$UNDAM_SOURCE/scripts/lib/fintech.sh"

PG_BINDIR=$("$UNDAM_SOURCE/scripts/postgres-versions" 13 | cut -d ' ' -f 2) || bail "PostgreSQL 13 cannot be installed"
pg_create mono "shared_buffers = 128MB" "synchronous_commit = off"
fintech_seed mono fintech 300 5000 1 --pools "$T/pools"
load() { "$UNDAM_BUILD/examples/fintech/fintech-load" --services "$FINTECH/services" --pools "$T/pools" --users 300 --transactions 5000 "$@"; }
app() { # NAME: an instance with a trace of its own
    APP_PORT=$(free_port)
    start "$1" "$UNDAM_BUILD/examples/fintech/fintech-app" --dsn "$(dsn mono fintech)" --port "$APP_PORT" --trace "$T/$1.trace"
    wait_until 20 curl -sf "http://127.0.0.1:$APP_PORT/healthz" || bail "the application does not start"
}
# The truth is made from every line of the mixes and from the traffic; whether the lines are answered well is the contract test's.
app all
load --url "http://127.0.0.1:$APP_PORT" --contract "$T/exchanges" --times 1 >/dev/null 2>&1
stop all

app traffic
fintech_nginx
load --seed 2 --url "http://127.0.0.1:$EDGE_PORT" --rate 100 --seconds "${SECONDS_OF_LOAD:-8}" --json "$T/load.json" --quiet >"$T/load.out" 2>&1
code=$?
is $code 0 "no request failed"
[ $code = 0 ] || note "$(cat "$T/load.out")"
stop nginx QUIT
stop traffic
is $? 0 "the application ends well"
driver() { jq "$1" "$T/load.json"; }
is "$(jq -s length "$RUN/access.json")" "$(($(driver .requests) + 1))" "a line of the log for every request"
is "$(wc -l <"$RUN/access.log")" "$(wc -l <"$RUN/access.json")" "in both forms"
is "$(grep -cE 'Bearer|Authorization' "$RUN/access.log" "$RUN/access.json" | grep -v ':0')" "" "without tokens"
is "$(jq -s '[.[] | select(.user_id != "") | .user_id | tonumber] | length > 0 and all(. >= 1 and . <= 300)' "$RUN/access.json")" true "with the customers' numbers"
is "$(jq -s 'all(.request_time >= 0 and .status >= 200 and (.request_id | length) == 32)' "$RUN/access.json")" true "and times, statuses, ids"

cat "$T/all.trace" "$T/traffic.trace" >"$T/traces"
"$FINTECH/truth/make-truth" --app "$UNDAM_BUILD/examples/fintech/fintech-app" --dsn "$(dsn mono fintech)" --trace "$T/traces" >"$T/truth.json"
is $? 0 "the truth is made"
stats() { "$FINTECH/traffic-stats" --log "$RUN/access.json" --trace "$T/traffic.trace" --truth "$T/truth.json" "$@"; }
stats --json >"$T/stats.json"; is $? 0 "statistics are made"
note "$(stats)"
field() { jq "$1" "$T/stats.json"; }
is "$(field '[.calls, .calls_elsewhere]' | jq -c .)" "[$(driver .requests),1]" "every call belongs to an endpoint, but the one for health"
is "$(jq -n --slurpfile stats "$T/stats.json" --slurpfile load "$T/load.json" '[$stats[0].not_seen[] | gsub("\\{[^}]*\\}"; "{}")] - ([$stats[0].not_seen[] | gsub("\\{[^}]*\\}"; "{}")]
    - [$load[0].endpoints | to_entries[] | select(.value.count > 0) | .key])' | jq -c .)" '[]' "no endpoint that was called is missed"
is "$(field '.endpoints + (.not_seen | length)')" "$(jq '.endpoints | length' "$T/truth.json")" "the others are named"
# A line's class is what its endpoint is: named here, so that the sums below are understood.
jq -rs 'map(select(.kind == ("read", "write", "sync"))) | unique_by([.at]) | .[] | [.at, .kind, .method, (.path | split("?")[0])] | @tsv' "$T/exchanges" >"$T/lines"
jq -r '.endpoints[] | [.kind, (.endpoint | sub(" "; "\t"))] | @tsv' "$T/truth.json" >"$T/kinds"
wrong=$(awk -F '\t' '
    NR == FNR { kind[++count] = $1; method[count] = $2; pattern[count] = $3; next }
    {
        n = split($4, part, "/"); best = -1; found = ""
        for (i = 1; i <= count; i++) {
            if (method[i] != $3 || split(pattern[i], want, "/") != n) continue
            literals = 0
            for (k = 1; k <= n; k++) { if (want[k] ~ /^\{/) continue; if (want[k] != part[k]) break; literals++ }
            if (k > n && literals > best) { best = literals; found = i }
        }
        if (found && kind[found] != $2) print $1 ": " $2 ", but " method[found] " " pattern[found] " is " kind[found]
    }' "$T/kinds" "$T/lines")
is "$wrong" "" "the class of every line in the mixes is what its endpoint does"
is "$(field .synchronous)" "$(driver .synchronous.count)" "what is synchronous is so in the mixes"
is "$(field '[.reads, .writes]' | jq -c .)" "[$(driver .reads.count),$(driver .writes.count)]" "reads and writes, too"
# The same by other means: the owners of the tables of every statement as it stands in the trace.
want=$(jq -n --slurpfile truth "$T/truth.json" --slurpfile trace "$T/traffic.trace" '
    ($truth[0].services | to_entries | map(.key as $s | .value[] | {key: ., value: $s}) | from_entries) as $owner
    | [$trace[] | select(.calls > 0) | . as $t | $truth[0].endpoints[] | select(.endpoint == $t.route and .kind == "read") | $t]
    | map({calls, owners: ([.sql | ascii_downcase | scan("\\b(?:from|join|,)\\s+\"?([a-z_0-9]+)") | .[0] | $owner[.] // empty] | unique | length)})
    | [(map(select(.owners > 1).calls) | add), (map(select(.owners > 0).calls) | add)] | 100 * .[0] / .[1] | round' | jq -c .)
got=$(field '.joining_share')
ok "$(awk -v got="$got" -v want="$want" 'BEGIN { print !(got - want < 5 && want - got < 5) }')" "joins of services by the planner's locks ($got %) are about those that the texts show ($want %)"
stats --check >"$T/check.out" 2>&1; code=$?
is "$code" "$(field '.misses | length | if . > 0 then 1 else 0 end')" "--check says whether that is the mission's"
sed 1q "$T/traffic.trace" | jq -c '.site = "users/users.c:1 nowhere" | .sql = "SELECT 1 FROM users" | .route = "GET /users/{id}" | .calls = 1' >>"$T/traffic.trace"
stats >/dev/null 2>"$T/err"; is $? 7 "a trace of other statements than the truth's is refused"
like "$(cat "$T/err")" "make the truth from this trace, too" "with what to do"
done_testing
