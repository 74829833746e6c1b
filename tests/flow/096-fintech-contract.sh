#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole fintech monolith against its OpenAPI document: every line of every service's requests.mix is sent, every answer
# validated by libraries that are not ours, every route reached with success and every statement of the code executed; the document's
# gaps are those that are meant. ONLY=cards,loans looks at these services alone.
. "$(dirname "$0")/lib.sh"
. "$UNDAM_SOURCE/scripts/lib/fintech.sh"

fintech=$UNDAM_SOURCE/examples/fintech
checker=$UNDAM_SOURCE/tests/flow/openapi
PG_BINDIR=$("$UNDAM_SOURCE/scripts/postgres-versions" 13 | cut -d ' ' -f 2) || bail "PostgreSQL 13 cannot be installed"
users=300 transactions=5000

# The checker's libraries, installed once.
cache=${UNDAM_CACHE:-/var/tmp/undam-$(id -un)}
tools=$cache/openapi-$(cat "$checker"/package.json | cksum | cut -d ' ' -f 1)
mkdir -p -m 755 "$cache"
(
    flock 9
    [ -e "$tools/complete" ] && exit
    rm -rf "$tools"; mkdir -p "$tools" && cp "$checker/package.json" "$tools"
    cd "$tools" && npm install --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error >install.log 2>&1 && touch complete
) 9>"$tools.lock" || bail "the npm packages of the checker cannot be installed: $(tail -n 3 "$tools/install.log")"

pg_create mono "shared_buffers = 128MB" "synchronous_commit = off"
sql mono postgres 'CREATE DATABASE fintech'
"$fintech/load-data" --dsn "$(dsn mono fintech)" --users $users --transactions $transactions --pools "$T/pools" >"$T/load-data.log" 2>&1
code=$?
[ $code = 0 ] || bail "$(tail -n 5 "$T/load-data.log")"
ok 0 "data and pools are loaded"
is "$(sed 's/ .*//' <<<"$(sql mono fintech 'SHOW server_version')" | cut -d . -f 1)" 13 "into a PostgreSQL 13"

app=$UNDAM_BUILD/examples/fintech/fintech-app
serve() { # NAME OPTION...: another instance
    local name=$1; shift
    port=$(free_port)
    start "$name" "$app" --dsn "$(dsn mono fintech)" --port "$port" --trace "$T/$name.trace" "$@"
    wait_until 20 curl -sf "http://127.0.0.1:$port/healthz" || bail "the application does not start"
}
"$app" --routes >"$T/routes" || bail "no routes"
serve app
"$UNDAM_BUILD/examples/fintech/fintech-load" --services "$fintech/services" --pools "$T/pools" --users $users --transactions $transactions ${ONLY:+--only "$ONLY"} \
    --url "http://127.0.0.1:$port" --contract "$T/exchanges" >"$T/contract.out" 2>"$T/contract.err"
code=$?
is $code 0 "$(cat "$T/contract.out")"
[ $code = 0 ] || note "$(head -n 40 "$T/contract.err")"
stop app
is $? 0 "the application ends well"

# The background jobs have statements, too; they run after the contract so as not to disturb it.
jobs_done() { kill -USR1 "$pid_jobs"; [ "$(jq -r 'select(.route) | .route' "$T/jobs.trace" | sort -u | grep -c '^JOB ')" -ge "$jobs" ]; }
serve jobs --jobs --jobs-every 1
jobs=$(cat "$fintech"/services/*/*.c | awk '/^SERVICE_NO_JOBS/ { next } /^static const struct job / { inside = 1 } inside { n += gsub(/\{ *(\.name *= *)?"/, "") } /};/ { inside = 0 } END { print n + 0 }')
wait_until 30 jobs_done; ok $? "all $jobs background jobs ran"
sleep 1.2 # each once more, with what the first round left
stop jobs
is $? 0 "and the application ends well with them"

"$fintech/openapi/assemble" "$T/openapi.yaml"; is $? 0 "the document is put together"
if [ -n "${ONLY:-}" ]; then
    grep -E "\"service\":\"(${ONLY//,/|})\"" "$T/routes" >"$T/some"
    mv "$T/some" "$T/routes"
fi
ln -s "$tools/node_modules" "$T/node_modules" # where a module of this folder looks for its libraries
cp "$checker/check.js" "$T"
node "$T/check.js" "$T/openapi.yaml" "$fintech/services" "$T/exchanges" "$T/routes" "$T/app.trace" "$T/jobs.trace" >"$T/checked"
is $? 0 "the checker does its work"
while IFS= read -r line; do
    case $line in
        'ok '*) ok 0 "${line#ok }" ;;
        'not ok '*) ok 1 "${line#not ok }" ;;
        *) echo "$line" ;;
    esac
done <"$T/checked"

# The truth about the endpoints is what the application does now; UPDATE_TRUTH=1 writes it anew.
if [ -z "${ONLY:-}" ]; then
    cat "$T/app.trace" "$T/jobs.trace" >"$T/trace"
    "$fintech/truth/make-truth" --app "$app" --dsn "$(dsn mono fintech)" --trace "$T/trace" >"$T/truth.json"
    is $? 0 "the truth about the endpoints is made"
    [ -z "${UPDATE_TRUTH:-}" ] || cp "$T/truth.json" "$fintech/truth/truth.json"
    facts='{services, jobs: [.jobs[] | del(.statements)], endpoints: [.endpoints[] | del(.statements)]}'
    is "$(diff <(jq -S "$facts" "$fintech/truth/truth.json") <(jq -S "$facts" "$T/truth.json") | head -n 30)" "" "truth/truth.json says the same (UPDATE_TRUTH=1 $0)"
    like "$(jq -r '[(.endpoints | length), (.endpoints | map(select(.kind == "sync")) | length), (.services | length), ([.services[][]] | length)] | "\(.[0] >= 200) \(.[1]) \(.[2] >= 40) \(.[3] >= 120)"' "$T/truth.json")" \
        '^true 12 true true$' "200 endpoints or more, 12 of them synchronous, of 40 services or more with 120 tables or more"
fi

is "$(fintech_wrong mono fintech)" "0 0" "after all of it entries sum to zero and balances are the sums of their entries"
is "$(cat "$T/app.log" "$T/jobs.log" | grep -v '^listening' | head -n 10)" "" "the application had nothing to complain about"
done_testing
