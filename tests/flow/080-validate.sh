#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The validator against two real sides over PostgreSQL: no false mismatch while data moves, every seeded defect found, each
# class, resumption, evidence.
. "$(dirname "$0")/lib.sh"

. "$(dirname "$0")/validate.sh"

two_sides "SELECT format('{\"id\":%s,\"amount\":\"%s.10\",\"rate\":%s.50,\"at\":\"2026-01-02T03:04:05.100+00:00\",\"tags\":[1,2,3],\"note\":null}', i, i, i) FROM generate_series(1, 120) i" 30

mv "$T/run/endpoints.catalogue" "$T/saved"
out=$(run validate --once); is $? 8 "without a catalogue it says so"
like "$(cat "$T/stderr.txt")" "endpoint compile" "and what to do"
mv "$T/saved" "$T/run/endpoints.catalogue"

check
is "$code $(class match) $(class mismatch)" "0 121 0" "at rest everything matches, a missing key too"
check --limit 7; is "$(class match)" 7 "--limit"
check --from 119; is "$(class match)" 2 "--from goes on where another run stopped"
check --endpoint "GET /items/{id}" --limit 3; is "$(class match)" 3 "--endpoint"
check --endpoint "GET /nothing"; is "$code" 2 "an unknown endpoint is a usage error"

# A storm of writes on few keys, with a read model that is 30 ms behind: values that toggle, that grow, that move fast.
cat >"$T/storm.sql" <<'EOF'
\set id random(1, 40)
\set toggle random(1, 2)
UPDATE item SET body = format('{"id":%s,"amount":"%s"}', id, CASE WHEN :id < 10 THEN (:toggle)::text ELSE (extract(epoch FROM clock_timestamp()))::text END) WHERE id = :id;
EOF
start storm pgbench -n -c 2 -R 400 -T 600 -f "$T/storm.sql" "$(dsn pg source)"
mismatches=0 stales=0 others=0 compared=0
for i in 1 2 3 4 5 6; do
    check
    mismatches=$((mismatches + $(class mismatch))) stales=$((stales + $(class stale) + $(class unstable)))
    others=$((others + $(class error-old) + $(class error-new) + $(class timeout)))
    compared=$((compared + $(class match) + $(class stale) + $(class unstable)))
done
is "$mismatches $others" "0 0" "no false mismatch under a storm of writes ($compared comparisons)"
ok "$([ "$stales" -gt 0 ]; echo $?)" "the read model was behind or the data moved for $stales of them"

# Seeded defects in the read model, the storm going on.
sql pg model "INSERT INTO defect SELECT i.id, CASE i.id
    WHEN 101 THEN replace(body, '\"101.10\"', '\"101.11\"')
    WHEN 102 THEN 'dropped'
    WHEN 103 THEN replace(body, '103.50', '103.4999999999999999999')
    WHEN 104 THEN replace(body, ',\"note\":null', '')
    WHEN 105 THEN replace(body, '[1,2,3]', '[2,1,3]')
    WHEN 106 THEN replace(body, '[1,2,3]', '[1,2]')
    WHEN 107 THEN replace(body, '03:04:05.100+00:00', '03:04:05.101+00:00')
    WHEN 108 THEN replace(body, 'null', '\"\"')
    WHEN 109 THEN '<html>'
    WHEN 110 THEN replace(replace(replace(body, '110.50', '1.1050e2'), '03:04:05.100+00:00', '04:04:05.1+01:00'), '{\"id\":110,', '{ \"more\":1, \"id\":110,')
    END FROM item i WHERE id BETWEEN 101 AND 110"
check --evidence "$T/evidence"
is "$code $(class mismatch)" "1 9" "all nine defects are found, an equal answer written otherwise is none"
like "$out" '"rule":"number-form","count":1' "rules that excused something are counted: numbers"
like "$out" '"rule":"timestamp-form","count":1' "timestamps"
like "$out" '"rule":"additive","count":1' "additional members"
files=("$T"/evidence/*.txt)
is "${#files[@]}" 9 "a reproducer for each"
is "$(stat -c %a "$T/evidence" "${files[0]}" | tr '\n' ' ')" "700 600 " "that only its owner can read"
grep -l "items/101" "${files[@]}" | head -n 1 | xargs cat >"$T/one.txt"
like "$(cat "$T/one.txt")" "value    \\$.amount" "it names the differing path"
like "$(cat "$T/one.txt")" '^old: curl .*http://127.0.0.1:[0-9]+/items/101' "the request for the old side"
like "$(cat "$T/one.txt")" "^new: curl .*Undam-Force: stream.*items/101" "and for the new"
like "$(cat "$T/one.txt")" '"101.10".*' "both answers: old"
like "$(cat "$T/one.txt")" '"101.11".*' "new"
like "$(cat "$T/one.txt")" 'undam-position [0-9A-F]+/[0-9A-F]+' "and the position"
line=$(sed -n 's/^new: //p' "$T/one.txt"); like "$(bash -c "$line")" '101.11' "the line reproduces it"
unlike "$(cat "$T/stderr.txt")" '101\.1[01]' "the log holds no value"
like "$(cat "$T/stderr.txt")" 'event=mismatch.*/items/101' "but the request path"
out=$(run validate --once --endpoint "GET /items/{id}" --from 100 --limit 101); like "$out" '=== mismatch: GET /items/\{id\}' "without a folder reproducers go to standard output"
sql pg model "DELETE FROM defect"
stop storm

out=$(run validate report --json); like "$out" '^\{"match":[0-9]+,"stale":[0-9]+,"mismatch":10,' "the report adds up all runs"
is "$(sql pg undam "SELECT count(*) FROM undam_validate.mismatch WHERE differences @> '[{\"path\":\"\$.amount\",\"kind\":\"value\"}]'")" 2 "mismatches are kept with their paths"
like "$(run validate report)" "GET /items" "and as a table"

# A read model that is behind for longer than all the rounds would take: the watermark alone tells it from a wrong one.
kill -STOP "$pid_applier"
sql pg source "UPDATE item SET body = replace(body, '0.10', '0.20') WHERE id = 60"
(sleep 1.5; kill -CONT "$pid_applier") &
check --from 59 --limit 60; is "$code $(class stale) $(class mismatch)" "0 1 0" "a read model that is behind for long: stale"
wait $! 2>/dev/null

# A read model that stands still proves nothing: timeout, not mismatch.
stop applier KILL
sed -i 's/wait_ms: 3000/wait_ms: 200/' "$T/undam.yaml"
sql pg source "UPDATE item SET body = replace(body, '1.10', '1.20') WHERE id = 61"
check --from 60 --limit 61; is "$code $(class timeout) $(class mismatch)" "1 1 0" "a read model that stands still: timeout"
stop new KILL
check --limit 2; is "$code $(class error-new)" "1 2" "a new side that is away: error-new"
stop old KILL
check --limit 2; is "$code $(class error-old)" "1 2" "an old side that is away: error-old"
done_testing
