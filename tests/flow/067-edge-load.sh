#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Many requests at once: coalesced, pipelined, aborted; every answer belongs to its request, nothing leaks.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/edge.sh"
hammer() { "$UNDAM_BUILD/tests/flow/http_hammer" "$@" "$port"; }
value() { sed -n "s/.*\b$1=\([0-9]*\).*/\1/p" <<<"$2"; }

edge_read_model 1000
edge_endpoints
edge_compile
edge_all_stream 600000
edge_start

line=$(hammer -c 32 -d 4 -n 20000); ok $? "20000 pipelined requests: each answer is its request's"
note "$line"
is "$(value stream "$line")" 20000 "all from the read model"
keys=$(counter undam_edge_keys_total); statements=$(counter undam_edge_statements_total); shared=$(counter undam_edge_shared_total)
note "keys $keys, statements $statements, shared $shared"
[ "$keys" -gt "$((statements * 2))" ]; ok $? "concurrent requests share statements"
line=$(hammer -c 32 -d 4 -n 5000 -k 2); ok $? "few keys"
[ "$(counter undam_edge_shared_total)" -gt "$shared" ]; ok $? "the same key is asked for once"
is "$(value stream "$line")" 5000 "all from the read model"

edge_publish profile:tx:50
line=$(hammer -c 16 -d 8 -n 10000); ok $? "both sides on one connection, in order"
[ "$(value stream "$line")" -gt 2000 ] && [ "$(value legacy "$line")" -gt 2000 ]; ok $? "$line"

edge_all_stream 600000
line=$(hammer -c 32 -d 2 -n 5000 -a 30); ok $? "clients that go away hurt nobody else"
note "$line"
[ "$(counter undam_edge_clients_gone_total)" -gt 0 ]; ok $? "and are noticed"
wait_until 5 sh -c "curl -s $url/status | grep -q 'undam_edge_waiting{service=\"tx\"} 0'"
ok $? "nobody is left waiting"

# 100,000 requests do not grow the worker.
worker=$(edge_workers edge)
rss() { awk '/VmRSS/ {print $2}' "/proc/$worker/status"; }
hammer -c 32 -d 8 -n 20000 >/dev/null
before=$(rss)
line=$(hammer -c 32 -d 8 -n 100000); ok $? "100000 more requests"
note "$line"
after=$(rss)
note "RSS $before kB, then $after kB"
[ "$after" -lt $((before + before / 10 + 4096)) ]; ok $? "do not grow the worker's memory"
is "$(edge_workers edge)" "$worker" "which is still the same process"
edge_clean
done_testing
