#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The validator as a daemon: tickets in, counters out; other methods are never sent, garbage is counted, floods are dropped.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/validate.sh"

listen=$(free_port)
two_sides "SELECT format('{\"id\":%s,\"v\":1.10}', i) FROM generate_series(1, 20) i" 20
start validate "$UNDAM" validate -c "$T/undam.yaml" --evidence "$T/evidence"
wait_until 15 test -S "$T/run/tickets.sock"; ok $? "the socket is there"
is "$(stat -c %a "$T/run/tickets.sock")" 622 "nginx may write to it"
ticket() { "$ANSWERS" ticket "$T/run/tickets.sock" "$@"; }
metric() { curl -s "http://127.0.0.1:$listen/metrics" | grep -F "$1" | grep -v '^#' | head -n 1 | sed 's/.* //'; }
reaches() { [ "$(metric "$1")" = "$2" ]; }

for i in 1 2 3; do ticket GET "/items/$i"; done
ticket HEAD /items/4
wait_until 10 reaches 'class="match"' 4; ok $? "tickets are compared"
ticket POST /items/1
ticket GET /nothing/1
ticket GET '/items/1#x'
wait_until 10 reaches 'class="skipped"' 3; ok $? "another method, an unknown path, a broken target: skipped"
"$ANSWERS" garbage "$T/run/tickets.sock" garbage
wait_until 10 reaches undam_validate_tickets_broken_total 1; ok $? "garbage is counted"
sql pg model "INSERT INTO defect VALUES (5, '{\"id\":5,\"v\":1.11}')"
ticket GET /items/5 'Authorization:Bearer secret-token' 'X-Tenant:7' 'If-None-Match:"x"' 'Undam-Force:legacy'
wait_until 20 reaches 'class="mismatch"' 1; ok $? "a mismatch is found"
file=$(ls "$T"/evidence/*.txt)
unlike "$(cat "$file" "$T/validate.log")" "secret-token" "a credential that nginx was told to send is used and never shown"
like "$(cat "$file")" "X-Tenant: 7" "other headers are"
unlike "$(cat "$file")" "If-None-Match|Undam-Force: *legacy" "those that would change what is compared are not passed on"
unlike "$(cat "$T/validate.log")" '1\.1[01]' "the log holds no value"
sed "s/listen: \"127.0.0.1:$listen\"/listen: \"\"/" "$T/undam.yaml" >"$T/second.yaml"
out=$("$UNDAM" validate -c "$T/second.yaml" 2>&1); is $? 4 "a second one on the same socket is refused"
# More at once than the queue holds, while both sides are slow to answer: dropped and counted, and it goes on.
kill -STOP "$pid_old"
COUNT=1500 ticket GET /items/1
dropped() { [ "$(metric undam_validate_tickets_dropped_total)" -gt 0 ]; }
wait_until 10 dropped; ok $? "what the queue does not hold is dropped and counted: $(metric undam_validate_tickets_dropped_total)"
kill -CONT "$pid_old"
drained() { [ "$(metric undam_validate_queue)" = 0 ] && [ "$(metric undam_validate_running)" = 0 ]; }
wait_until 30 drained; ok $? "and the rest is worked off"
like "$(curl -s "http://127.0.0.1:$listen/healthz" -o /dev/null -w '%{http_code}')" 200 "healthy"
stop validate; is $? 0 "it stops on TERM with 0"
is "$(sql pg undam "SELECT sum(n) FROM undam_validate.counter WHERE class = 'mismatch'")" 1 "the counters are kept"
ok "$([ ! -e "$T/run/tickets.sock" ]; echo $?)" "and the socket is gone"
done_testing
