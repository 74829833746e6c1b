#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tickets: one a sampled request, after the answer; nobody listening costs nothing but a count.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/edge.sh"

edge_read_model 100
edge_endpoints
edge_compile
edge_publish profile:tx:100 text:tx:0 sleep:tx:100
edge_applied 600000
EDGE_LOCATION="undam_ticket $T/tickets.sock sample=100% header=Accept-Language header=Authorization;"
EDGE_SERVER="location /users/9 { undam on; undam_ticket $T/tickets.sock sample=10%; proxy_pass http://legacy; }"
edge_start

like "$(get /users/7)" "^200 stream" "nobody listens: the request is answered"
wait_until 5 eval '[ "$(counter undam_edge_tickets_dropped_total)" = 1 ]'; ok $? "and the ticket dropped and counted"

start receiver "$UNDAM_BUILD/tests/flow/edge_tickets" "$T/tickets.sock"
wait_until 5 test -S "$T/tickets.sock"
chmod 777 "$T/tickets.sock"
last() { tail -n 1 "$T/receiver.log"; }
received() { wait_until 5 eval "[ \$(wc -l <'$T/receiver.log') = $1 ]"; }
get '/users/7?' >/dev/null; received 1
is "$(last)" "GET /users/7? GET /users/{id} user=7 stream percentage 200" "an answer of the read model"
get /text/x -H 'X-User-Id: u1' -H 'Accept-Language: de' -H 'Authorization: Bearer t' -H 'Cookie: c' >/dev/null; received 2
is "$(last)" "GET /text/x GET /text/{t} user=u1 legacy percentage 200 accept-language=de authorization=Bearer t x-user-id=u1" "one of the monolith, with the headers named and those it depends on"
get /users/8 -I >/dev/null; received 3
is "$(last)" "HEAD /users/8 GET /users/{id} user=8 stream percentage 200" "HEAD"
get /users/x >/dev/null; received 4
like "$(last)" "legacy bad-parameter 200" "with the reason"
get /other >/dev/null; get /users/7 -X POST >/dev/null
base=http://127.0.0.1:$trusted_port get /users/7 -H 'Undam-Force: stream' >/dev/null
get /users/5 >/dev/null; received 5
is "$(last)" "GET /users/5 GET /users/{id} user=5 stream percentage 200" "none for other paths, writes and forced sides"
get /users/6 -H "If-None-Match: *" >/dev/null; received 6
like "$(last)" "stream percentage 304" "the status as it was sent"

for i in $(seq 1 400); do echo "url=$url/users/9"; echo "output=/dev/null"; done >"$T/curl.cfg"
before=$(counter undam_edge_tickets_sent_total)
curl -s --no-progress-meter -K "$T/curl.cfg" >/dev/null
sent=$(($(counter undam_edge_tickets_sent_total) - before))
[ $sent -ge 15 ] && [ $sent -le 75 ]; ok $? "a sample of 10 %: $sent of 400"

# A receiver that does not read: the socket fills, answers go on.
kill -STOP $pid_receiver
line=$("$UNDAM_BUILD/tests/flow/http_hammer" -c 8 -n 3000 -k 100 "$port"); ok $? "a full socket holds up nobody: $line"
[ "$(counter undam_edge_tickets_dropped_total)" -gt 100 ]; ok $? "what does not fit is dropped and counted"
kill -CONT $pid_receiver
stop receiver
like "$(get /users/7)" "^200 stream" "a receiver that is gone"
edge_clean
done_testing
