#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The full demo in small: all services of the monolith on PostgreSQL 13, every table with a primary key captured, the core's reads moved
# to read models on PostgreSQL 16 and back while the relay and a projector are killed; the rest goes through the same edge all the time.
. "$(dirname "$0")/lib.sh"

cd "$T"
FULL=1 RATE=40 USERS=100 TRANSACTIONS=3000 PACE=3 SAMPLE=100% RESULT=$T/result.json "$UNDAM_SOURCE/scripts/demo" >"$T/demo.log" 2>&1
is $? 0 "the demo ends well"
of() { jq -r "$1" "$T/result.json"; }
is "$(of '.requests > 500 and .failed == 0 and .events > 100')" true "requests without a failure, events" || note "$(cat "$T/result.json")"
is "$(of '.comparisons | .match > 50 and .mismatch == 0 and .error == 0')" true "comparisons by class: none differ" || note "$(of .comparisons)"
is "$(of '[.p95_ms, .source_cpu, .moved.p95_ms, .moved.source_cpu | .before, .after] | all(type == "number" and . >= 0)')" true "before and after, of everything and of what moved"
is "$(of '.lag_ms.p50 > 0 and .write_slowdown > 0 and .seconds > 0')" true "lag, slow-down, duration"
is "$(of '.system | .endpoints_known > 200 and .endpoints > 50 and .read_share > 50 and .joining_share > 50')" true "what the system is, from its traffic" || note "$(of .system)"
services=$(ls "$UNDAM_SOURCE"/examples/fintech/services/*/schema.sql | wc -l)
like "$(cat "$T/demo.log")" "tables of $services services" "every service is there"
like "$(cat "$T/demo.log")" "two PostgreSQL clusters: the monolith's \(13\..*read models \(16\." "on PostgreSQL 13 and 16"
like "$(cat "$T/demo.log")" 'left out: recon_log, which has no primary key' "what cannot be captured is named"
like "$(cat "$T/demo.log")" 'payments looked up at once by their payer  *[1-9][0-9]*, all found' "who pays sees it at once"
like "$(cat "$T/demo.log")" 'nothing lost, doubled or out of order; views exact' "the check agrees"
number() { sed -n "s/^ *$1.*/\\1/p" "$T/demo.log"; }
is "$(($(number 'table *\([0-9]*\) compared, [1-9][0-9]* rows, 0 wrong') + $(number '\([0-9]*\) tables were not written to meanwhile')))" \
    "$(($(number '\([0-9]*\) tables of') - 1))" "every table but that one is on the bus as it is in the source"
done_testing
