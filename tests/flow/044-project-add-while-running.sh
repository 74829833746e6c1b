#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Views added, widened, replaced and dropped while projector and writers run: each is exact from the moment it is there,
# and the projector goes on without a restart.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/project_lib.sh"

setup_shop "
CREATE TABLE a (id bigint PRIMARY KEY, x int, y text); CREATE TABLE b (id bigint PRIMARY KEY, a_id bigint, z int);
CREATE TABLE big (id bigint PRIMARY KEY, f text);
INSERT INTO a SELECT i, i, 'y' || i FROM generate_series(1, 200) i; INSERT INTO b SELECT i, 1 + i % 200, i FROM generate_series(1, 1000) i;
INSERT INTO big SELECT i, repeat('x', 200) FROM generate_series(1, 30000) i;
" public.a:id public.b:id public.big:id
first=$(view first id <<<"SELECT id, x FROM a")
out=$("$UNDAM" view add "$first" 2>&1); is $? 0 "a first view" || note "$out"
start_projector
pid=$pid_projector
cat >"$T/load.sql" <<'S'
\set i random(1, 200)
\set k random(1, 1000)
BEGIN; UPDATE a SET x = x + 1, y = y || '.' WHERE id = :i; UPDATE b SET z = z + 1, a_id = :i WHERE id = :k; DELETE FROM big WHERE id = :k; INSERT INTO big VALUES (:k, 'n'); END;
S
start load pgbench -n -f "$T/load.sql" -c 2 -T 600 -d "$(dsn src source)"

try() { # FILE NAME
    local out; out=$("$UNDAM" view add "$1" 2>&1); is $? 0 "$2" || note "$out"
    out=$("$UNDAM" view verify 2>&1); is $? 0 "$2: every view is exact while it runs" || note "$out"
}
try "$(view same_mirror id <<<"SELECT id, x + 1 AS x1 FROM a")" "a view over a mirror that is there"
try "$(view joined id <<<"SELECT b.id, b.z, a.x FROM b JOIN a ON a.id = b.a_id")" "a view that needs a new table"
try "$(view widened id <<<"SELECT id, y FROM a")" "a view that needs a further column"
try "$(view huge id <<<"SELECT id, length(f) AS f FROM big")" "a view over a larger table"
try "$(view first id <<<"SELECT id, x, y FROM a WHERE x > 100")" "a changed file replaces its view"
is "$(sql rm rm "SELECT version FROM undam.view WHERE name = 'first'")" 2 "its version is 2"
out=$("$UNDAM" view add "$T/migration/views/first.sql" 2>&1); like "$out" 'nothing to do' "the same file again does nothing"
sql rm rm "CREATE ROLE reader; GRANT USAGE ON SCHEMA api TO reader; GRANT SELECT ON api.widened TO reader"
try "$(view widened id <<<"SELECT id, y, x FROM a")" "replaced again"
is "$(sql rm rm "SELECT has_table_privilege('reader', 'api.widened', 'SELECT')")" t "grants go over to the new version"
out=$("$UNDAM" view rebuild app 2>&1); is $? 0 "everything is loaded again under load" || note "$out"
out=$("$UNDAM" view verify 2>&1); is $? 0 "and exact" || note "$out"
out=$("$UNDAM" view drop joined huge 2>&1); is $? 0 "views are dropped" || note "$out"
is "$(sql rm rm "SELECT string_agg(tablename, ',' ORDER BY 1) FROM pg_tables WHERE schemaname = 'mirror'")" a "with the mirrors that only they used"
stop load
settle
same_rows "in the end all equals the source" "SELECT id, y, x FROM a" "SELECT id, y, x FROM api.widened"
out=$("$UNDAM" view verify --sample 20 2>&1); is $? 0 "a sample agrees" || note "$out"
like "$out" 'a sample' "and says that it is one"
if kill -0 "$pid"; then ok 0 "the projector was never restarted"; else ok 1 "the projector was never restarted"; fi
done_testing
