#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each fault sends the request to the monolith, says so in the header and in a counter, and ends when the fault does.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/edge.sh"

edge_read_model 100
edge_endpoints
edge_endpoint missing /missing 'SELECT body FROM nowhere'
edge_endpoint several /several 'SELECT body FROM profile LIMIT 2'
edge_endpoint other /other 'SELECT 1 AS body'
sed -i 's/service: tx/service: away/' "$T/m/endpoints/other.sql"
cat >"$T/undam.yaml" <<EOC
directory: $T/m
source: {name: fintech, dsn: "host=/nonexistent dbname=fintech"}
control: {dsn: "host=/nonexistent dbname=undam", catalogue: $T/catalogue}
services:
  tx: {dsn: "$(dsn read tx)", tables: {public.transactions: user_id}}
  away: {dsn: "host=/nonexistent", tables: {public.x: id}}
EOC
edge_compile
all="profile:tx:100 sleep:tx:100 divide:tx:100 list:tx:100 text:tx:100 missing:tx:100 several:tx:100 other:away:100"
cp "$T/catalogue" "$T/catalogue.good"
head -c 500 "$T/catalogue.good" >"$T/catalogue"
EDGE_LOCATION='undam_timeout 1s;' EDGE_READMODEL='statement_timeout=3s'
edge_start

# fault NAME PATH REASON [ENDPOINT]: the monolith answers, with the reason, and the counter moves.
fault() {
    local before; before=$(reason_counter "${4:--}" legacy "$3")
    is "$(get "$2")" "200 legacy $3|legacy GET $2" "$1"
    wait_until 5 eval "[ \$(reason_counter '${4:--}' legacy '$3') -gt $before ]"; ok $? "... counted"
}
fault "a cut-off catalogue" /users/7 no-catalogue
like "$(cat "$T/edge.log")" 'every request goes to the legacy side: .*cut off' "the log says why"
cp "$T/catalogue.good" "$T/catalogue"
edge_reload
wait_until 10 eval '[ "$(get /users/7)" != "200 legacy no-catalogue|legacy GET /users/7" ] && edge_settled'
fault "no snapshot" /users/7 no-snapshot 'GET /users/{id}'
edge_publish $all
"$FLAGS" "$T/flags" applied away 600000
edge_applied 600000
wait_until 5 eval 'get /users/7 | grep -q stream'; ok $? "a snapshot that appears is found within a second"

publish() { edge_publish $all; edge_applied 600000; "$FLAGS" "$T/flags" applied away 600000; }
printf 'UNDAMFLG garbage' >"$T/flags.new"; mv "$T/flags.new" "$T/flags"
wait_until 5 eval 'get /users/7 | grep -q no-snapshot'
fault "a damaged snapshot" /users/7 no-snapshot 'GET /users/{id}'
publish
wait_until 5 eval 'get /users/7 | grep -q stream'; ok $? "one that is whole again is found within a second"
EDGE_HASH=1234 publish
fault "a snapshot for another catalogue" /users/7 catalogue-mismatch 'GET /users/{id}'
EDGE_HASH=0 publish
like "$(get /users/7)" "^200 stream" "one bound to none fits any"
publish

fault "no read model for the service" /other no-readmodel 'GET /other'
fault "a SELECT that does not fit the read model" /missing query-failed 'GET /missing'
like "$(cat "$T/edge.log")" 'GET /missing": SQLSTATE 42P01: relation "nowhere" does not exist' "with SQLSTATE in the log"
fault "more than one row" /several query-failed 'GET /several'
fault "an error of one statement" /divide/0 query-failed 'GET /divide/{id}'
is "$(get /divide/5)" "200 stream no-user|20" "is that request's alone"
fault "a slow statement" /sleep/1800 timeout 'GET /sleep/{ms}'
like "$(get /users/7)" "^200 stream" "while others are served"

# One bad key among many in one statement: only its own request is handed on.
for i in $(seq 1 60); do echo "url=$url/divide/$((i % 6))"; echo "output=$T/out.$i"; done >"$T/curl.cfg"
sql read tx 'BEGIN; LOCK api.profile IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.2); COMMIT' >/dev/null &
lock_pid=$!
curl -s -g "$url/users/1" >/dev/null & curl -s -g "$url/users/2" >/dev/null &
curl -s --no-progress-meter -Z --parallel-max 60 -K "$T/curl.cfg"
wait $lock_pid
bad=0
for i in $(seq 1 60); do
    if [ $((i % 6)) = 0 ]; then want="legacy GET /divide/0"; else want=$((100 / (i % 6))); fi
    [ "$(cat "$T/out.$i")" = "$want" ] || { bad=$((bad + 1)); note "$i: $(cat "$T/out.$i"), not $want"; }
done
is "$bad" 0 "a bad key among many costs only its own request"
[ "$(counter undam_edge_again_total)" -gt 0 ]; ok $? "the others were sent again"

sql read tx "UPDATE undam.position SET lsn = NULL"
fault "a read model that is not loaded" /users/7 not-loaded 'GET /users/{id}'
sql read tx "UPDATE undam.position SET lsn = '0/2000'"
like "$(get /users/7)" "^200 stream" "until it is"
is "$(header Undam-Position)" "0/2000" "the position is read with the answer"

# The schema changes under prepared statements.
sql read tx "ALTER TABLE api.profile ALTER body TYPE varchar"
like "$(get /users/7)" '^200 stream percentage\|\{"id" : 7' "a column changes its type"
sql read tx "ALTER TABLE api.profile RENAME TO profile_v1; CREATE TABLE api.profile AS SELECT id, body || ' v2' AS body, _lsn FROM api.profile_v1"
like "$(get /users/7)" '^200 stream percentage\|.* v2$' "a table is swapped"
sql read tx "DROP TABLE api.profile"
fault "a table is gone" /users/7 query-failed 'GET /users/{id}'
sql read tx "ALTER TABLE api.profile_v1 RENAME TO profile"
wait_until 5 eval 'get /users/7 | grep -q "^200 stream"'; ok $? "and back"
sql read tx "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'undam nginx'" >/dev/null
wait_until 10 eval 'get /users/7 | grep -q "^200 stream"'; ok $? "after its connections were cut the read model is reached again"

pg_kill read
fault "a read model that is down" /users/7 readmodel-down 'GET /users/{id}'
like "$(get /users/8)" "^200 legacy" "and stays so"
pg_up read
wait_until 15 eval 'get /users/7 | grep -q "^200 stream"'; ok $? "until it is up again"

# The queue has an end.
rm -f "$T"/out.*
EDGE_READMODEL='statement_timeout=3s queue=20'
edge_config
edge_reload
wait_until 10 eval '[ "$(get /sleep/1)" = "200 stream no-user|slept 1" ] && edge_settled'
for i in $(seq 1 40); do echo "url=$url/sleep/$((150 + i))"; echo "output=$T/out.$i"; done >"$T/curl.cfg"
curl -s --no-progress-meter -Z --parallel-max 40 -K "$T/curl.cfg"
[ "$(reason_counter 'GET /sleep/{ms}' legacy queue-full)" -gt 0 ]; ok $? "beyond the queue's length: the monolith"
is "$(for i in $(seq 1 40); do echo "$(cat "$T/out.$i")"; done | grep -vE '^(slept [0-9]+|legacy GET /sleep/[0-9]+)$')" "" "all answered"
EDGE_LOCATION='undam_timeout 1s; undam_overflow 503 7s;'
edge_config
edge_reload
wait_until 10 eval 'get /users/7 | grep -q "^200 stream" && edge_settled'
curl -s --no-progress-meter -Z --parallel-max 40 -K "$T/curl.cfg" -D "$T/heads" -o /dev/null
like "$(cat "$T/heads")" "^HTTP/1.1 503" "or 503 when so configured"
like "$(tr -d '\r' <"$T/heads")" "^Retry-After: 7$" "with Retry-After"
edge_clean
done_testing
