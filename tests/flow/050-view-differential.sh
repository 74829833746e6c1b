#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Random views kept up to date by their plans must equal their SELECT after every batch, and the comparison must be able to
# fail: with a key map left out, or one image only, every construct shows differences.
# SEED and ROUNDS vary the first part: SEED=$RANDOM ROUNDS=2000 tests/flow/050-view-differential.sh
. "$(dirname "$0")/lib.sh"

pg_create read "fsync = off" "full_page_writes = off" "autovacuum = off"
export PGDSN; PGDSN=$(dsn read)
differential=$UNDAM_BUILD/tests/flow/view_differential

out=$(ROUNDS=${ROUNDS:-15} "$differential" 2>&1); status=$?
echo "$out"
ok $status "stored views equal their SELECT after every batch"
like "$out" "0 differences" "and none differs"

for mutation in map old new; do
    out=$(SEED=1 ROUNDS=200 MUTATE=$mutation "$differential" 2>&1); status=$?
    [ $status = 0 ] || echo "$out"
    ok $status "mutation '$mutation' is noticed in every construct"
done
out=$(SEED=1 ROUNDS=20 MUTATE=null "$differential" 2>&1)
like "$out" " [1-9][0-9]* differences" "dropping NULL keys is noticed"
done_testing
