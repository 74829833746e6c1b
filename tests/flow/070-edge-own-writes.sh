#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who wrote reads from the monolith until the read model has it; never a stale read, whatever is forgotten.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/edge.sh"

edge_read_model 1000
edge_endpoints
edge_compile
edge_publish profile:tx:100
edge_applied 0
EDGE_HTTP='undam_writers 64k; undam_clock_skew 0ms; undam_write_hold 4s;'
EDGE_LOCATION='undam_user $http_x_user_id;'
held_port=$(free_port)
EDGE_SERVER="location /held { undam on; undam_user \$http_x_user_id; proxy_pass http://127.0.0.1:$held_port; }"
edge_start

is "$(get /users/7)" "200 legacy recent-writer|legacy GET /users/7" "after a start everybody may have written just now"
edge_applied 0
like "$(get /users/7)" "^200 stream" "until the read model holds all up to the start"
is "$(get /users/7 -X POST -H 'X-User-Id: 7')" "200 legacy method|legacy POST /users/7" "a user writes"
is "$(get /users/7)" "200 legacy recent-writer|legacy GET /users/7" "and reads from the monolith"
like "$(get /users/8)" "^200 stream" "others do not"
is "$(get /text/x -H 'X-User-Id: 7')" "200 legacy no-snapshot|legacy GET /text/x" "the flag comes first"
edge_applied 0
like "$(get /users/7)" "^200 stream" "once the read model has it, the read model answers"
is "$(get /users/8 -X PATCH -H 'X-User-Id: 8')" "200 legacy method|legacy PATCH /users/8" "another user writes"
like "$(get /users/8)" "recent-writer" "and is kept"
is "$(get /users/9 -X OPTIONS -H 'X-User-Id: 9')" "200 legacy method|legacy OPTIONS /users/9" "OPTIONS writes nothing"
like "$(get /users/9)" "^200 stream" "so its user is not kept"
is "$(counter undam_edge_writes_total)" 2 "writes are counted"
get /users/7 -X POST >/dev/null
is "$(counter undam_edge_writes_unkeyed_total)" 1 "those of nobody known, too"

# The endpoint's user and undam_user's may differ: both count.
edge_applied 0
get /x -X POST -H 'X-User-Id: 55' >/dev/null
like "$(get /users/12 -H 'X-User-Id: 55')" "recent-writer" "a reader known under its other name is kept as well"

# A write under way counts from its start.
python3 - "$held_port" "$T/release" <<'EOP' &
import os, socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(5)
while True:
    c, _ = s.accept(); c.recv(65536)
    while not os.path.exists(sys.argv[2]): time.sleep(0.02)
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"); c.close()
EOP
pids+=($!)
wait_until 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$held_port"
touch "$T/release"; sleep 0.1; rm "$T/release"
curl -s -X POST -H 'X-User-Id: 20' "$url/held" -o "$T/held" &
held=$!
wait_until 5 eval '[ "$(counter undam_edge_writes_total)" = 4 ]'
edge_applied 1500
like "$(get /users/20)" "recent-writer" "a write under way keeps its user, however far the read model is"
like "$(get /users/21)" "^200 stream" "and nobody else"
touch "$T/release"
wait $held
is "$(cat "$T/held")" ok "it is answered"
edge_applied 1600
like "$(get /users/20)" "^200 stream" "and the read model has it"

# Many writers in a small table: what is forgotten is forgotten to the safe side.
wait_until 5 sh -c "[ \$(date +%s) -gt $(($(date +%s) + 2)) ]" # past the applied time set above
for i in $(seq 1 4000); do echo "url=$url/w"; echo "header=\"X-User-Id: $i\""; echo 'request=POST'; echo "output=/dev/null"; echo next; done >"$T/curl.cfg"
curl -s --no-progress-meter -K "$T/curl.cfg" >/dev/null
[ "$(counter undam_edge_writers_evicted_total)" -gt 1000 ]; ok $? "4000 writers do not fit the table"
before=$(counter 'undam_edge_requests_total{endpoint="GET /users/{id}",route="stream",reason="percentage"}')
for i in $(seq 1 1000); do echo "url=$url/users/$i"; echo "output=/dev/null"; done >"$T/curl.cfg"
curl -s --no-progress-meter -Z --parallel-max 8 -K "$T/curl.cfg" >/dev/null
is "$(counter 'undam_edge_requests_total{endpoint="GET /users/{id}",route="stream",reason="percentage"}')" "$before" "yet none of the first 1000 gets a stale read"
edge_applied 0
curl -s --no-progress-meter -Z --parallel-max 8 -K "$T/curl.cfg" >/dev/null
wait_until 5 eval '[ "$(counter "undam_edge_requests_total{endpoint=\"GET /users/{id}\",route=\"stream\",reason=\"percentage\"}")" = $((before + 1000)) ]'
ok $? "and all are served once the read model has their writes"

# The table outlives a reload.
get /users/40 -X POST -H 'X-User-Id: 40' >/dev/null
edge_reload
wait_until 10 eval 'edge_settled && edge_up'
like "$(get /users/40)" "recent-writer" "a reload forgets no writer"
like "$(get /users/41)" "^200 stream" "and invents none"

# A write without an answer may go on at the monolith for undam_write_hold.
stop legacy
is "$(get /users/30 -X POST -H 'X-User-Id: 30' | cut -c 1-17)" "502 legacy method" "a write the monolith does not answer"
edge_applied 1000
is "$(get /users/30 | cut -c 1-24)" "502 legacy recent-writer" "keeps its user for as long as it may go on"
like "$(get /users/31)" "^200 stream" "and nobody else"
edge_applied 6000
like "$(get /users/30)" "^200 stream" "until the read model is past that"
edge_clean
done_testing
