#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The validator on the whole spine: the example's monolith under a load of reads and writes, relay, projectors, nginx with the
# module, control. No answer may be called wrong while everything is right; each seeded defect must be.
. "$(dirname "$0")/lib.sh"
. "$UNDAM_SOURCE/scripts/lib/fintech.sh"
. "$(dirname "$0")/edge.sh"
. "$(dirname "$0")/spine.sh"

USERS=120 TRANSACTIONS=3000
spine_start


check --limit 40
is "$code $(class mismatch) $(class error-new) $(class timeout)" "0 0 0 0" "at rest both sides agree on every endpoint"
ok "$([ "$(class match)" -ge 200 ]; echo $?)" "$(class match) answers are equal"
start load "$UNDAM_BUILD/examples/fintech/fintech-load" --url "http://127.0.0.1:$EDGE_PORT" --rate 60 --seconds 0 --writes 40 --users $USERS --transactions $TRANSACTIONS --quiet --verify 0
check --limit 60
is "$code $(class mismatch) $(class error-new)" "0 0 0" "under a load of writes, too"
note "stale $(class stale), unstable $(class unstable)"

# Through tickets of real requests.
start validate "$UNDAM" validate --evidence "$T/evidence"
is_ready validate
address=$(sed -nE 's/.*listen=([0-9.:]+).*/\1/p' "$T/validate.log" | head -n 1)
metric() { curl -s "http://$address/metrics" | grep -F "$1" | grep -v '^#' | head -n 1 | sed 's/.* //'; }
enough() { [ "$(metric 'class="match"')" -ge 100 ]; }
wait_until 30 enough; ok $? "tickets of nginx are compared: $(metric 'class="match"') equal"
is "$(metric 'class="mismatch"')" 0 "no mismatch among them"

# Flags on the way: a kill is in effect at the next request.
for flag in accounts-read transactions-read compliance-read; do
    out=$("$UNDAM" flags set $flag --percent 100 --why test 2>&1) || note "$out"
done
route() { curl -s -o /dev/null -D - -H "X-User-Id: $1" "http://127.0.0.1:$EDGE_PORT/users/$1/transactions" | tr -d '\r' | sed -nE 's/^Undam-(Route|Reason): //p' | paste -sd' '; }
stop load
quiet() { [ "$(route 1)" = "stream percentage" ]; }
wait_until 20 quiet; ok $? "at 100 % the read model answers"
quiet || note "$(route 1); $("$UNDAM" flags list --json); $(date +%s%6N); $(sql read rm_transactions "SELECT *, now() FROM undam.position")"
"$UNDAM" flags kill transactions-read --why drill >/dev/null
is "$(route 1)" "legacy killed" "killed: legacy at the next request"
"$UNDAM" flags unkill transactions-read --why drill >/dev/null
is "$(route 1)" "stream percentage" "unkilled: back at the next"

# Seeded defects, straight into the stored views.
sql read rm_transactions "UPDATE api.transaction_detail SET body = replace(body, '\"amount\" : \"', '\"amount\" : \"1') WHERE transaction_id = (SELECT min(transaction_id) FROM api.transaction_detail)"
sql read rm_accounts "DELETE FROM api.user_profile WHERE user_id = (SELECT min(user_id) FROM api.user_profile)"
check --evidence "$T/evidence2" --limit 40
is "$code" 1 "seeded defects are found"
note "$(grep -c '' <(ls "$T/evidence2")) reproducers"
like "$(cat "$T"/evidence2/*.txt | grep -E '^(===|  )')" 'value .*\$\.amount' "a wrong amount, by its path"
like "$(cat "$T"/evidence2/*.txt | grep -E '^(===|  )')" '\(status\)' "a missing row, by its status"
sql read rm_transactions "SELECT count(*) FROM undam.position" >/dev/null
stop validate; is $? 0 "the validator stops"
done_testing
