#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The hardest case for the validator: three keys that toggle between two values as fast as the source can write, and a
# read model that is always behind. Nothing of it may be called a mismatch; a defect beside it must be.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/validate.sh"

two_sides "SELECT format('{\"id\":%s,\"state\":\"A\"}', i) FROM generate_series(1, 4) i" 1
cat >"$T/toggle.sql" <<'EOF'
\set id random(1, 3)
UPDATE item SET body = CASE WHEN body LIKE '%"A"%' THEN replace(body, '"A"', '"B"') ELSE replace(body, '"B"', '"A"') END WHERE id = :id;
EOF
sql pg source "ALTER SYSTEM SET synchronous_commit = off"; sql pg source "SELECT pg_reload_conf()" >/dev/null
start storm pgbench -n -c 2 -T 600 -f "$T/toggle.sql" "$(dsn pg source)"
wrong=0 moved=0 n=0
end=$(($(date +%s) + 12))
while [ "$(date +%s)" -lt $end ]; do
    check --limit 3
    wrong=$((wrong + $(class mismatch))) moved=$((moved + $(class stale) + $(class unstable))) n=$((n + 3))
done
is "$wrong" 0 "no false mismatch among $n comparisons of toggling keys"
ok "$([ "$moved" -gt 0 ]; echo $?)" "$moved of them differed at first"
sql pg model "INSERT INTO defect VALUES (4, '{\"id\":4,\"state\":\"C\"}')"
check; is "$(class mismatch)" 1 "the defect of a key at rest beside them is found"
done_testing
