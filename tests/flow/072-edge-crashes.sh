#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Under load: reloads, the read model killed, connections cut, workers killed. No request fails, no answer is wrong.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/edge.sh"
hammer() { "$UNDAM_BUILD/tests/flow/http_hammer" "$@" "$port" >"$T/hammer" 2>"$T/hammer.err"; }
value() { sed -n "s/.*\b$1=\([0-9]*\).*/\1/p" "$T/hammer"; }

edge_read_model 1000
edge_endpoints
edge_compile
edge_publish profile:tx:100
edge_applied 600000
EDGE_WORKERS=2 EDGE_LOG=error
edge_start
wait_until 10 edge_up 4

hammer -c 16 -d 2 -s 6 & load=$!
for i in 1 2 3 4; do sleep 1; edge_reload; done
wait $load; ok $? "four reloads under load: no request fails"
note "$(cat "$T/hammer" "$T/hammer.err")"
[ "$(value stream)" -gt 500 ]; ok $? "and the read model goes on answering"

# A new catalogue with the reload.
edge_endpoint added /added "SELECT 'new' AS body"
old_hash=$catalogue_hash
EDGE_HASH=0 edge_publish profile:tx:100 added:tx:100
edge_compile
is "$(get /added)" "200 legacy no-endpoint|legacy GET /added" "a catalogue compiled under a running nginx is not used yet"
hammer -c 16 -d 2 -s 2 & load=$!
sleep 0.5; edge_reload
wait $load; ok $? "reloading a new catalogue under load"
is "$(get /added)" "200 stream no-user|new" "brings the new endpoint"
like "$(curl -s "$url/status")" "undam_edge_catalogue_info\{hash=\"$catalogue_hash\",endpoints=\"6\"\} 1" "and says which one it is"
[ "$catalogue_hash" != "$old_hash" ]; ok $? "a hash names the content"

hammer -c 16 -d 2 -s 8 & load=$!
sleep 1; pg_kill read; sleep 1; pg_up read
sleep 2; sql read tx "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'undam nginx'" >/dev/null
sleep 1; pg_kill read; sleep 0.5; pg_up read
wait $load; ok $? "the read model killed twice and cut once under load: no request fails"
note "$(cat "$T/hammer" "$T/hammer.err")"
[ "$(value legacy)" -gt 100 ] && [ "$(value stream)" -gt 100 ]; ok $? "meanwhile the monolith answers"
is "$(value other)" 0 "with 200 throughout"
wait_until 15 eval 'get /users/7 | grep -q "^200 stream"'; ok $? "afterwards the read model"

hammer -c 16 -s 5 & load=$!
for i in 1 2 3 4; do sleep 0.8; kill -KILL "$(edge_workers edge | head -n 1)"; done
wait $load; ok $? "workers killed under load: answers are whole or not begun"
note "$(cat "$T/hammer" "$T/hammer.err")"
wait_until 10 eval '[ "$(edge_workers edge | wc -l)" = 2 ]'; ok $? "workers come back"
wait_until 10 eval 'get /users/7 | grep -q "^200 stream"'; ok $? "and serve"
unlike "$(grep -hE 'AddressSanitizer|runtime error:|exited on signal [^9]|\[emerg\]' "$T/edge.log" | grep -v 'signal 9' | head -n 5)" . "nothing alarming in the log of nginx"
done_testing
