#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a projector does when it cannot simply go on: a position that the bus no longer holds, a registration while no
# projector runs, a layout of another version, and values that PostgreSQL's messages would quote.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/project_lib.sh"

setup_shop "
CREATE TABLE t (id bigint PRIMARY KEY, s text); CREATE TABLE u (id bigint PRIMARY KEY, t_id bigint);
INSERT INTO t SELECT i, i::text FROM generate_series(1, 50) i; INSERT INTO u SELECT i, i FROM generate_series(1, 50) i
" public.t:id public.u:id
v=$(view plain id <<<"SELECT id, s FROM t")
out=$("$UNDAM" view add "$v" 2>&1); is $? 0 "a view" || note "$out"

# No projector runs: the registration brings the read model up to what it copies itself.
sql src source "UPDATE t SET s = s || '0'; UPDATE u SET t_id = 1 WHERE id < 10"
w=$(view joined id <<<"SELECT u.id, t.s FROM u JOIN t ON t.id = u.t_id")
out=$("$UNDAM" view add "$w" 2>&1); is $? 0 "a view over a new table is added while no projector runs" || note "$out"
same_rows "the older mirror was brought along" "SELECT id, s FROM t" "SELECT id, s FROM mirror.t"
same_rows "and the view is right" "SELECT u.id, t.s FROM u JOIN t ON t.id = u.t_id" "SELECT id, s FROM api.joined"
start_projector
sql src source "UPDATE u SET t_id = 2 WHERE id = 1"; settle

# Values stay out of messages, here and in undam.view.
c=$(view casted id <<<"SELECT id, s::int AS n FROM t")
out=$("$UNDAM" view add "$c" 2>&1); is $? 0 "a view with a cast" || note "$out"
d=$(view casted2 id <<<"SELECT id, s::int + 1 AS n FROM t")
sql src source "UPDATE t SET s = 'secret-4711' WHERE id = 3"
wait "$pid_projector"; is $? 7 "a value that cannot be cast stops the service"
like "$(cat "$T/projector.log")" "view casted cannot be computed at [0-9A-F/]+, 1: a value is not of its column's type" "with view and position"
unlike "$(cat "$T/projector.log")" 'secret' "without the value"
"$UNDAM" view drop casted >/dev/null
start_projector second; settle
out=$("$UNDAM" view add "$d" 2>&1); is $? 7 "the same at registration"
unlike "$out$(sql rm rm "SELECT reason FROM undam.view WHERE name = 'casted2'")" 'secret' "without the value"
stop second

# Retention went over the position.
sql src source "UPDATE t SET s = 'later' WHERE id = 4"
lsn=$(source_lsn)
wait_until 20 bus_reached "$lsn"
bus_forget
out=$(timeout 20 "$UNDAM" project app 2>&1); is $? 4 "a position that the bus no longer holds is refused" || note "$out"
like "$out" 'undam view rebuild' "with what to do"
out=$("$UNDAM" view rebuild app 2>&1); is $? 0 "which works" || note "$out"
start_projector third
sql src source "UPDATE t SET s = 'last' WHERE id = 5"; settle
same_rows "and goes on" "SELECT id, s FROM t" "SELECT id, s FROM api.plain"
stop third
sql rm rm "UPDATE undam.layout SET version = 99"
out=$(timeout 20 "$UNDAM" project app 2>&1); is $? 4 "another layout is refused" || note "$out"
like "$out" 'layout 99' "and named"
done_testing
