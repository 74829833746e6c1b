#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Columns in a map: a new one needs no new version of the schema; views, the checker and the event printer see columns.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/project_lib.sh"

with_dynamic() { # PATTERNS
    write_config public.cases:user_id public.plain:id
    printf '    dynamic:\n      public.cases: "%s"\n' "$1" >>"$T/undam.yaml"
}
setup_shop "CREATE TABLE cases (id int, user_id int, title text, compliance_a text, compliance_n numeric(10,2), note text, PRIMARY KEY (id));
            ALTER TABLE cases ALTER note SET STORAGE EXTERNAL;
            CREATE TABLE plain (id int PRIMARY KEY, t text)" public.cases:user_id public.plain:id
stop relay
with_dynamic "compliance_*, note"
start_relay
v=$(view cases id <<<"SELECT id, title, compliance_a, compliance_n, note FROM cases")
out=$("$UNDAM" view add "$v" 2>&1); is $? 0 "a view uses dynamic columns" || note "$out"
start_projector
versions() { sql src control "SELECT string_agg(subject || ' ' || n, E'\n' ORDER BY subject) FROM (SELECT subject, count(*) AS n FROM undam_registry.version GROUP BY 1) x WHERE subject LIKE '%Cases%'"; }
fields() { sql src control "SELECT definition::json -> 'fields' $2 FROM undam_registry.schema s JOIN undam_registry.version v ON v.schema = s.id WHERE subject LIKE '%Cases$1' ORDER BY version DESC LIMIT 1"; }
sql src source "INSERT INTO cases VALUES (1, 7, 'one', 'a', 1.50, repeat(md5('x'), 500)), (2, 7, 'two', NULL, NULL, NULL)"
sql src source "UPDATE cases SET compliance_a = 'b' WHERE id = 1"
settle
all="SELECT id, title, compliance_a, compliance_n, note FROM cases"
same_rows "they arrive, with their types and unchanged TOAST kept" "$all" "SELECT id, title, compliance_a, compliance_n, note FROM api.cases"
before=$(versions)
sql src source "ALTER TABLE cases ADD compliance_b date; INSERT INTO cases VALUES (3, 8, 'three', 'c', 3, 'n', '2024-02-29')"
sql src source "UPDATE cases SET compliance_b = 'infinity' WHERE id = 2"
settle
is "$(versions)" "$before" "a new column that fits needs no new version"
value=$("$UNDAM" events --type cases.created --last 1 --json 2>/dev/null | jq -c .value)
is "$value" '{"id":"3","user_id":"8","title":"three","compliance_a":"c","compliance_n":"3.00","note":"n","compliance_b":"2024-02-29"}' \
    "and is in the events as a column"
is "$(fields Created '-> 3')" '{"name":"undam_dynamic","type":{"type":"map","values":["null","string"]},"default":{}}' "one map field stands for them"
sql src source "UPDATE cases SET id = 30 WHERE id = 3; DELETE FROM cases WHERE id = 30"
v2=$(view cases2 id <<<"SELECT id, compliance_b FROM cases")
out=$("$UNDAM" view add "$v2" 2>&1); is $? 0 "a view uses the new one" || note "$out"
sql src source "UPDATE cases SET compliance_b = '0044-03-15 BC' WHERE id = 1; UPDATE cases SET id = 20 WHERE id = 2"
settle
unlike "$(fields Deleted '')" undam_dynamic "deletes have the key only"
same_rows "and follows it" "SELECT id, compliance_b FROM cases" "SELECT id, compliance_b FROM api.cases2"
out=$("$UNDAM" check 2>&1); is $? 0 "the checker agrees" || note "$out"
sql src source "ALTER TABLE cases DROP compliance_n; INSERT INTO cases (id, user_id) VALUES (40, 1)"
wait_until 20 grep -q 'no longer in the events' "$T/projector.log"; is $? 0 "a dropped column that a view uses stops the service"
like "$(cat "$T/projector.log")" 'column compliance_n, which views use' "by its name"
wait "$pid_projector"

# What is refused.
stop relay
with_dynamic "note, id"
like "$("$UNDAM" relay --check 2>&1)" 'column id is part of a key.*\(dynamic_key\)' "--check names a key column"
sql src source "UPDATE cases SET title = 'y' WHERE id = 1"
out=$(timeout 20 "$UNDAM" relay 2>&1); is $? 3 "and the relay refuses it"
like "$out" 'column id is part of a key and cannot be dynamic' "by its name"
with_dynamic "gone_*"
like "$("$UNDAM" relay --check 2>&1)" 'names gone_\*, which fits no column today' "a pattern that fits nothing is told"
with_dynamic "*"
start_relay
title_is_y() { [ "$("$UNDAM" events --last 1 --json 2>/dev/null | jq -r .value.title)" = y ]; }
wait_until 20 title_is_y; is $? 0 "nothing is lost meanwhile"
is "$(fields Updated '' | jq -c '[.[].name]')" '["id","user_id","undam_dynamic"]' "a star takes all but the keys"
done_testing
