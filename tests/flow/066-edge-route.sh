#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Which side answers: per user, percentage, kill and force; what is not the module's goes to the monolith untouched.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/edge.sh"

edge_read_model 1000
edge_endpoints
edge_compile
edge_publish profile:tx:0:7=stream list:tx:100
edge_applied 60000
edge_start

is "$(get /users/7)" '200 stream forced|{"id" : 7, "side" : "stream", "pad" : "xxxxxxx"}' "a forced user gets the read model's answer"
is "$(header Undam-Position)" "0/1000" "with the position it reflects"
is "$(header Cache-Control)" "private, max-age=0" "and the declared cache rule"
is "$(header Content-Type)" "application/json" "and content type"
is "$(get /users/8)" "200 legacy percentage|legacy GET /users/8" "at 0 % everybody else gets the monolith's"
is "$(get /text/x)" "200 legacy no-snapshot|legacy GET /text/x" "an endpoint whose flag is not published"
is "$(get /other)" "200 legacy no-endpoint|legacy GET /other" "a path outside the catalogue"
is "$(get /users/7 -X POST -d x)" "200 legacy method|legacy POST /users/7" "a write"
is "$(get /users/7 -X DELETE)" "200 legacy method|legacy DELETE /users/7" "another one"
is "$(get /users/7 -X GET -d x)" "200 legacy request-body|legacy GET /users/7" "a read with a body"
is "$(get /plain/x)" "200  |legacy GET /plain/x" "a location without undam says nothing"

edge_publish profile:tx:5 list:tx:100 text:tx:100
for i in $(seq 1 1000); do echo "url=$url/users/$i"; echo "output=$T/many/$i"; done >"$T/curl.cfg"
mkdir "$T/many"
curl -s --no-progress-meter -Z --parallel-max 8 -K "$T/curl.cfg"
five=$(grep -l stream "$T/many"/* | sort)
n=$(wc -l <<<"$five")
[ "$n" -ge 25 ] && [ "$n" -le 80 ]; ok $? "5 % of 1000 users: $n"
edge_publish profile:tx:50 list:tx:100 text:tx:100
curl -s --no-progress-meter -Z --parallel-max 8 -K "$T/curl.cfg"
fifty=$(grep -l stream "$T/many"/* | sort)
n=$(wc -l <<<"$fifty")
[ "$n" -ge 440 ] && [ "$n" -le 560 ]; ok $? "50 %: $n"
is "$(comm -23 <(echo "$five") <(echo "$fifty"))" "" "who had it at 5 % has it at 50 %"

edge_publish profile:tx:100 list:tx:100 text:tx:100
is "$(get /users/8)" '200 stream percentage|{"id" : 8, "side" : "stream", "pad" : "xxxxxxxx"}' "100 %: a new snapshot takes effect at the next request"
is "$(get /list)" "200 stream no-user|1,2,3" "at 100 % a request without a user, too"
is "$(get /text/x -H 'X-User-Id: 7')" "200 stream percentage|stream x" "the user may come from a header"
is "$(get /text/x -H 'X-User-Id: 7' -H 'X-User-Id: 8')" "200 legacy bad-parameter|legacy GET /text/x" "two users are none"
"$FLAGS" "$T/flags" kill
is "$(get /users/8)" "200 legacy killed|legacy GET /users/8" "the kill switch takes effect at the next request"
"$FLAGS" "$T/flags" revive
like "$(get /users/8)" "^200 stream percentage" "and back"
"$FLAGS" "$T/flags" beat -7200000
is "$(get /users/8)" "200 legacy stale|legacy GET /users/8" "without a heartbeat the snapshot is stale"
"$FLAGS" "$T/flags" beat 0

# Undam-* of clients.
is "$(get /other -H 'Undam-Force: stream' -H 'undam-x: 1' -H 'Undam_X: 2' -H 'A: b' -H 'Undam-Z: 3')" "200 legacy no-endpoint|legacy GET /other" "Undam-* headers of clients"
is "$(header X-Seen)" "" "do not reach the monolith"
edge_publish profile:tx:0 list:tx:0
is "$(get /users/8 -H 'Undam-Force: stream')" "200 legacy percentage|legacy GET /users/8" "and force nothing"
base=http://127.0.0.1:$trusted_port
like "$(get /users/8 -H 'Undam-Force: stream')" '^200 stream trusted\|\{"id" : 8' "on a trusted listener Undam-Force picks the side"
is "$(get /users/8 -H 'Undam-Force: legacy')" "200 legacy trusted|legacy GET /users/8" "either one"
is "$(get /users/8 -H 'Undam-Force: both')" "200 legacy percentage|legacy GET /users/8" "a side that is none decides nothing"
base=$url

# Requests that are not what they seem go to the monolith as they are.
edge_publish profile:tx:100 list:tx:100 text:tx:100
while IFS='|' read -r path want reason; do
    is "$(get "$path")" "$want legacy $reason|legacy GET $path" "$path"
done <<'EOF2'
/users/007|200|bad-parameter
/users/+7|200|bad-parameter
/users/abc|200|bad-parameter
/users/9223372036854775808|200|bad-parameter
/users/7;x|200|bad-parameter
/users/7/|200|no-endpoint
//users/7|200|no-endpoint
/users/%2e%2e|200|bad-parameter
/text/a%2Fb|200|bad-parameter
/text/%ff|200|bad-parameter
/users/7?x=1|200|unknown-parameter
/users/7?a=1&b=2|200|unknown-parameter
EOF2
is "$(get '/list?n=0')" '400 stream no-user|{"error":"bad"}' "a declared bad-parameter answer"
is "$(get '/list?n=1&n=2')" '400 stream no-user|{"error":"bad"}' "also for a repeated one"
is "$(get '/list?n=2&page=3&utm=x')" '200 stream no-user|4,5' "ignored parameters have no effect"
is "$(get '/users/7?')" '200 stream percentage|{"id" : 7, "side" : "stream", "pad" : "xxxxxxx"}' "an empty query string is none"
is "$(get /text/%C3%A4%27%22%5Bx)" "200 stream no-user|stream ä'\"[x" "any text is only a value"
is "$(header Content-Type)" "text/plain; charset=utf-8" "content type with a parameter"

wait_until 5 grep -q 'GET /users/7? HTTP/1.1 200 stream percentage [0-9]* GET /users/{id}' "$T/edge.access.log"
ok $? "the variables are in the access log"
like "$(curl -s "$url/status")" 'undam_edge_requests_total\{endpoint="GET /users/\{id\}",route="stream",reason="percentage"\} [0-9]+' "the status page counts by endpoint, side and reason"
[ "$(reason_counter 'GET /users/{id}' legacy killed)" = 1 ]; ok $? "exactly"
edge_clean
done_testing
