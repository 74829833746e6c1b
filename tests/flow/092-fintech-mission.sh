#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole monolith under its real traffic, through a plain nginx: what the traffic is made of is what the mission says (200 endpoints
# and more, 72 % reads, 70 % of read queries across services, 12 synchronous), no request fails, and the same seed gives
# the same data and the same requests. By hand: RATE, SECONDS_RUN; examples/fintech/traffic-stats prints the figures.
. "$(dirname "$0")/lib.sh"
. "$UNDAM_SOURCE/scripts/lib/fintech.sh"

PG_BINDIR=$("$UNDAM_SOURCE/scripts/postgres-versions" 13 | cut -d' ' -f2)
pg_create mono "shared_buffers = 128MB" "synchronous_commit = off"
fintech_seed mono fintech 300 5000 1 --pools "$T/pools"
fintech_seed mono twin 300 5000 1 --pools "$T/pools2"
digest() { # DB: every table's rows, whatever their order
    local t
    for t in $(sql mono "$1" "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1"); do
        echo "$t $(sql mono "$1" "SELECT count(*), md5(string_agg(h, '' ORDER BY h)) FROM (SELECT md5(t::text) AS h FROM $t t) x")"
    done
}
is "$(diff <(digest fintech) <(digest twin) | head -n 10)" "" "the same seed gives the same rows in $(digest twin | wc -l) tables"
is "$(cmp "$T/pools" "$T/pools2")" "" "and the same pools"
load() { "$UNDAM_BUILD/examples/fintech/fintech-load" --services "$FINTECH/services" --pools "$T/pools" --users 300 --transactions 5000 --seed 7 "$@"; }
is "$(load --dry-run 3000 | md5sum)" "$(load --dry-run 3000 | md5sum)" "the same seed gives the same requests"
ok "$([ "$(load --dry-run 3000 | md5sum)" != "$(load --seed 8 --dry-run 3000 | md5sum)" ]; echo $?)" "another seed gives others"

fintech_app "$(dsn mono fintech)" --jobs --sql-tags --trace "$T/trace"
fintech_nginx
load --url "http://127.0.0.1:$EDGE_PORT" --rate "${RATE:-120}" --seconds "${SECONDS_RUN:-25}" --timeout-ms 30000 --json "$T/load.json" --quiet >"$T/load.log" 2>&1
is "$(jq .failed "$T/load.json") $(jq -r '.unexpected[] | "\(.status) \(.request)"' "$T/load.json" | head -n 20)" "0 " "no request fails: $(tail -n 1 "$T/load.log")"
sleep 1.2 # nginx writes its logs every second
stop nginx QUIT
stop app
is $? 0 "the application ends well"
grep -v healthz "$RUN/access.json" >"$T/access.json"
# What truth.json knows, and the combinations of filters that only this traffic had.
{ cat "$T/trace"; jq -c '.endpoints[] as $e | $e.statements[] | {route: $e.endpoint, site, sql}' "$FINTECH/truth/truth.json"; } >"$T/statements"
"$FINTECH/truth/make-truth" --app "$UNDAM_BUILD/examples/fintech/fintech-app" --dsn "$(dsn mono fintech)" --trace "$T/statements" >"$T/truth.json"
is $? 0 "every statement's tables are known"
"$FINTECH/traffic-stats" --log "$T/access.json" --trace "$T/trace" --truth "$T/truth.json" --check >"$T/stats"
is $? 0 "the traffic is the mission's"
note "$(cat "$T/stats")"
like "$(head -n 1 "$RUN/access.log")" '^127\.0\.0\.1 - - \[[^]]+\] "[A-Z]+ /[^ ]* HTTP/1\.1" [0-9]{3} [0-9]+ ' "the combined log"
unlike "$(cat "$RUN/access.log" "$RUN/access.json")" 'Bearer|usr_[0-9]' "no token is in a log"
is "$(cat "$T/app.log" | grep -v '^listening' | head -n 5)" "" "the application had nothing to complain about"
is "$(fintech_wrong mono fintech)" "0 0" "entries sum to zero and balances are the sums of their entries"
done_testing
