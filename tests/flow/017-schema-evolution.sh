#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# DDL under the rule BACKWARD: what goes on by itself, what stops only the views that use the column, and what stops the
# relay, with nothing lost when it goes on.
# versions: all
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/project_lib.sh"

setup_shop "CREATE TABLE t (id int PRIMARY KEY, n int, s text, v varchar(10), a numeric(12,2), gone text);
            COMMENT ON TABLE t IS 'what is \"sold\"'; COMMENT ON COLUMN t.n IS 'how many';
            ALTER TABLE t ALTER n SET DEFAULT 7;
            CREATE TABLE p (id int, y int, note text DEFAULT 'x', PRIMARY KEY (id, y)) PARTITION BY LIST (y);
            COMMENT ON TABLE p IS 'by year'; COMMENT ON COLUMN p.note IS 'of the root';
            CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
            COMMENT ON TABLE p1 IS 'of the first'; COMMENT ON COLUMN p1.note IS 'of the first'" public.t:id public.p:id
field() { # RECORD COLUMN: that field of the newest version
    sql src control "SELECT f FROM undam_registry.schema s JOIN undam_registry.version v ON v.schema = s.id, json_array_elements(definition::json -> 'fields') f WHERE subject LIKE '%.$1' AND f ->> 'undam.column' = '$2' ORDER BY version DESC LIMIT 1"
}
versions() { sql src control "SELECT count(*) FROM undam_registry.version WHERE subject LIKE '%.$1'"; }
rule() { "$UNDAM" registry config "shop.app-shop.app.$1" "$2" >/dev/null; }
v=$(view ids id <<<"SELECT id, s FROM t"); n=$(view ns id <<<"SELECT id, n FROM t")
out=$("$UNDAM" view add "$v" 2>&1); is $? 0 "a view" || note "$out"
start_projector

sql src source "INSERT INTO t VALUES (1, 1, 'one', 'v', 1.50, 'g'); UPDATE t SET n = 2; INSERT INTO p VALUES (1, 1, 'a'), (2, 2, 'b')"
settle
is "$(field TCreated n)" '{"name":"n","type":["null","int"],"default":null,"doc":"how many","undam.column":"n","undam.type":"integer","undam.oid":23,"undam.typmod":-1,"undam.default":"7"}' \
    "comment and default are in the schema"
is "$(sql src control "SELECT definition::json ->> 'doc' FROM undam_registry.schema WHERE definition LIKE '%TCreated%'")" 'what is "sold"' "the table's comment too"
is "$(versions PCreated) $(field PCreated note | jq -r '.doc + " " + .["undam.default"]')" "1 of the root 'x'::text" \
    "partitions have one schema, with their root's comments"

# Compatible: the stream goes on, with a new version before the first event that needs it.
sql src source "ALTER TABLE t ADD more date DEFAULT '2024-02-29'; INSERT INTO t VALUES (2, 2, 'two')"
sql src source "ALTER TABLE t DROP gone; INSERT INTO t VALUES (3, 3, 'three')"
sql src source "ALTER TABLE t ALTER v TYPE varchar(20); INSERT INTO t VALUES (4, 4, 'four', 'longer than ten')"
sql src source "ALTER TABLE t ALTER a TYPE numeric(14,2); INSERT INTO t VALUES (5, 5, 'five', '', 123456789012.34)"
sql src source "ALTER TABLE t ALTER n TYPE bigint; INSERT INTO t VALUES (6, 12345678901, 'six')"
settle
same_rows "added, dropped, longer, more precise, int to bigint: everything arrives" "SELECT id, s FROM t" "SELECT id, s FROM api.ids"
is "$(versions TCreated)" 6 "each is a version of its own"
is "$(field TCreated n | jq -c .type) $(field TCreated a | jq -c '.type[1].precision')" '["null","long"] 14' "with the new types"
is "$("$UNDAM" events --table public.t --type t.created --json 2>/dev/null | jq -r '.value | [.n, .a, .gone // "-"] | join(" ")' | paste -sd ';')" \
    '1 1.50 g;2  -;3  -;4  -;5 123456789012.34 -;12345678901  -' "old and new versions are read from one stream"
out=$("$UNDAM" check 2>&1); is $? 0 "and checked" || note "$out"

# A view that uses the column: its service stops and says so.
out=$("$UNDAM" view add "$n" 2>&1); is $? 0 "a view over the changed column" || note "$out"
sql src source "ALTER TABLE t ALTER n TYPE numeric(20,0); INSERT INTO t VALUES (7, 7, 'seven')"
wait_until 20 grep -q 'schema_refused' "$T/relay.log"; is $? 0 "bigint to numeric is refused by BACKWARD"
wait "$pid_relay"; is $? 7 "and stops the relay with exit code 7"
log=$(sed 's/\\"/"/g' "$T/relay.log")
like "$log" 'event=schema_refused subject=shop.app-shop.app.TCreated rule=BACKWARD reason=.*/n' "with subject, rule and the field"
like "$log" 'registered=.*"name":"n","type":\["null","long"\].* offered=.*"name":"n","type":\["null",\{"type":"bytes","logicalType":"decimal","precision":20' "and both schemas"
like "$log" 'undam registry config shop.app-shop.app.TCreated NONE' "and what to do"
rows=$(sql src source "INSERT INTO t VALUES (8, 8, 'eight'); SELECT count(*) FROM t")
out=$(timeout 20 "$UNDAM" relay 2>&1); is $? 7 "it stops there again"
rule TCreated NONE; rule TUpdated NONE
start_relay
wait_until 20 grep -q 'has become' "$T/projector.log"; is $? 0 "with the rule NONE it goes on, and the service whose view uses the column stops"
like "$(cat "$T/projector.log")" 'table public.t: column n has become numeric\(20,0\), the mirror has bigint' "and says which"
wait "$pid_projector"
out=$("$UNDAM" view rebuild app 2>&1); is $? 0 "rebuilt" || note "$out"
start_projector again
settle
same_rows "it goes on" "SELECT id, n FROM t" "SELECT id, n FROM api.ns"
is "$("$UNDAM" events --table public.t --type t.created --count --json 2>/dev/null | jq -r '.events // .count // .total')" "$rows" "and no event is lost"
out=$("$UNDAM" check 2>&1); is $? 0 "the checker agrees" || note "$out"

# Changed and changed back before any row needed it: nobody is asked.
rule TCreated BACKWARD
sql src source "ALTER TABLE t ALTER n TYPE text; ALTER TABLE t ALTER n TYPE numeric(20,0) USING n::numeric; INSERT INTO t VALUES (9, 9, 'nine')"
settle
same_rows "a change that was taken back is none" "SELECT id, n FROM t" "SELECT id, n FROM api.ns"
done_testing
