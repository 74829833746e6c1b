#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demo in small: every part together, traffic moved from the monolith to the read models and back while the relay and
# a projector are killed; no request fails, no answer differs, nothing is lost or doubled.
. "$(dirname "$0")/lib.sh"

cd "$T"
RATE=40 USERS=100 TRANSACTIONS=3000 PACE=3 SAMPLE=100% RESULT=$T/result.json "$UNDAM_SOURCE/scripts/demo" >"$T/demo.log" 2>&1
is $? 0 "the demo ends well"
result=$(tr -d '\n' <"$T/result.json")
like "$result" '^\{"requests": [1-9][0-9]*, "failed": 0, "events": [1-9][0-9]*, "lag_ms": \{"p50": [0-9.]+, "p99": [0-9.]+\}' "requests without a failure, events, lag"
like "$result" '"comparisons": \{"match": [1-9][0-9]*, "stale": [0-9]+, "mismatch": 0, "unstable": [0-9]+, "error": 0\}' "comparisons by class: none differ"
like "$result" '"p95_ms": \{"before": [0-9.]+, "after": [0-9.]+\}, *"source_cpu": \{"before": [0-9.]+, "after": [0-9.]+\}, *"write_slowdown": [0-9.]+, "seconds": [0-9]+\}$' "before and after"
like "$(cat "$T/demo.log")" 'nothing lost, doubled or out of order; views exact' "the check agrees"
like "$(cat "$T/demo.log")" '[6-9][0-9] % from the stream' "most requests are answered from the read models in the end"
done_testing
