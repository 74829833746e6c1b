#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What cannot be kept exact, or cannot be continued, is refused before anything is touched, with the reason and what to do.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/project_lib.sh"

BATCH_EVENTS=100
setup_shop "
CREATE TABLE t (id bigint PRIMARY KEY, g int, n int, gen int GENERATED ALWAYS AS (n * 2) STORED);
CREATE TABLE nokey (id bigint); CREATE TABLE late (id bigint PRIMARY KEY DEFERRABLE, n int);
CREATE TABLE other (id bigint PRIMARY KEY); CREATE TABLE quiet (id bigint PRIMARY KEY, u int NOT NULL UNIQUE);
ALTER TABLE quiet REPLICA IDENTITY USING INDEX quiet_u_key;
INSERT INTO t (id, g, n) SELECT i, nullif(i % 5, 0), i FROM generate_series(1, 20) i;
" public.t:id public.nokey:id public.late:id public.quiet:id

refused() { # NAME REGEX EXIT: the file named is refused
    local file=$1 regex=$2 code=$3 out
    out=$("$UNDAM" view add "$file" 2>&1); is $? "$code" "$4: exit code $code"
    like "$out" "$regex" "$4: the reason"
}
is "$("$UNDAM" view list 2>&1)" "no view is registered" "nothing is registered"
refused "$(view a id <<<"SELECT id, n FROM t ORDER BY n LIMIT 3")" 'LIMIT' 3 "a view with LIMIT"
refused "$(view a id <<<"SELECT id, now() AS at FROM t")" 'now' 3 "a volatile view"
refused "$(view a id <<<"SELECT id FROM nokey")" 'nokey: the table has no primary key' 3 "a table without primary key"
refused "$(view a id <<<"SELECT id, n FROM late")" 'late: the table has no primary key' 3 "a deferrable primary key"
refused "$(view a id <<<"SELECT id FROM quiet")" 'replica identity is not its primary key' 3 "another replica identity"
refused "$(view a id <<<"SELECT id FROM other")" 'public.other belongs to no service' 3 "a table of no service"
refused "$(view a id <<<"SELECT id FROM nothing_there")" 'nothing_there' 3 "a table that is not there"
refused "$(view a id <<<"SELECT id, gen FROM t")" 'gen is generated' 3 "a generated column"
refused "$(view a other <<<"SELECT id FROM t")" 'other' 3 "a key that is no column"
refused "$(view a g <<<"SELECT g, n FROM t WHERE g IS NOT NULL")" 'several rows have the same \(g\)' 3 "a row key that is not unique"
is "$(sql rm rm "SELECT state FROM undam.view WHERE name = 'a'")" failed "its state is failed"
like "$("$UNDAM" view list)" 'failed.*several rows' "with the reason"
refused "$(view a g <<<"SELECT g, count(*) AS n FROM t GROUP BY g")" '\(g\) is null' 3 "a row key that is null"
refused "$(view a id <<<"SELECT id, n AS _lsn FROM t")" '_lsn' 3 "a column named as ours"
printf -- '-- view: a\n-- keys: id\nSELECT 1' >"$T/bad.sql"
refused "$T/bad.sql" 'bad.sql:2: unknown header line "keys"' 3 "a broken header"
refused "$T/none.sql" 'none.sql: No such file' 3 "a file that is not there"
is "$(sql rm rm "SELECT count(*) FROM pg_namespace WHERE nspname = 'undam_load'")" 0 "no half-loaded table is left"
is "$(sql rm rm "SELECT count(*) FROM undam.position")" 0 "and no position"

out=$("$UNDAM" project nobody 2>&1); is $? 2 "an unknown service is a usage error"
v=$(view good id <<<"SELECT id, g, n FROM t")
"$UNDAM" view add "$v" >/dev/null 2>&1; is $? 0 "a good view after all that"
start_projector; sql src source "UPDATE t SET n = n + 1"; settle

# One view's division by zero: the service stops at that transaction, names the view, and applied what was before it.
z=$(view zero id <<<"SELECT id, 100 / n AS q FROM t")
"$UNDAM" view add "$z" >/dev/null 2>&1; is $? 0 "a view that may fail"
sql src source "INSERT INTO t VALUES (100, 1, 1)"; settle
sql src source "INSERT INTO t VALUES (101, 1, 1)"; sql src source "UPDATE t SET n = 0 WHERE id = 7"
wait "$pid_projector"; is $? 7 "a view that cannot be computed stops the service with 7"
like "$(cat "$T/projector.log")" 'view zero cannot be computed at [0-9A-F/]+, 1: division by zero \(SQLSTATE 22012\)' "naming view and position"
is "$(sql rm rm "SELECT count(*) FROM mirror.t WHERE id = 101")" 1 "what came before is applied"
out=$("$UNDAM" view drop zero --dry-run 2>&1); like "$out" 'zero: would be dropped' "drop --dry-run"
is "$(sql rm rm "SELECT count(*) FROM undam.view")" 3 "changes nothing" # good, zero, and the failed one
"$UNDAM" view drop zero >/dev/null; is $? 0 "the view is dropped"
start_projector again; settle
same_rows "and the rest goes on" "SELECT id, g, n FROM t" "SELECT id, g, n FROM api.good"

# A duplicate at run time, and values that stay out of the logs.
d=$(view dup n <<<"SELECT n, id FROM t WHERE n > 50")
"$UNDAM" view add "$d" >/dev/null 2>&1; is $? 0 "a row key that is unique today"
sql src source "INSERT INTO t VALUES (201, 1, 7770777), (202, 1, 7770777)"
wait "$pid_again"; is $? 7 "and not tomorrow: the service stops"
like "$(cat "$T/again.log")" 'view dup cannot be computed' "naming the view"
unlike "$(cat "$T/again.log")" '7770777' "no row value is in the log"
"$UNDAM" view drop dup >/dev/null

# The position is of another source, or older than the bus.
sql rm rm "UPDATE undam.position SET timeline = 9"
out=$(timeout 20 "$UNDAM" project app 2>&1); is $? 4 "another lineage is refused"
like "$out" 'undam view rebuild' "with what to do" 
out=$("$UNDAM" view rebuild app 2>&1); is $? 0 "which works" || note "$out"
start_projector third; sql src source "UPDATE t SET n = n + 1"; settle
same_rows "and goes on" "SELECT id, g, n FROM t" "SELECT id, g, n FROM api.good"
done_testing
