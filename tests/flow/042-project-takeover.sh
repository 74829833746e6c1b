#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two projectors of one service: the second takes over, the first stops with exit code 4 and a clear error, and nothing is
# applied twice. Then a read model that is restarted, and one killed, under a projector: it reconnects and goes on.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/project_lib.sh"

setup_shop "CREATE TABLE t (id bigint PRIMARY KEY, n int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 100) i" public.t:id
v=$(view sums bucket <<<"SELECT id % 10 AS bucket, count(*) AS rows, sum(n) AS n FROM t GROUP BY id % 10")
out=$("$UNDAM" view add "$v" 2>&1)
if [ $? != 0 ]; then # grouping by an expression may be refused: group by a column then
    v=$(view sums n <<<"SELECT n, count(*) AS rows FROM t GROUP BY n"); out=$("$UNDAM" view add "$v" 2>&1)
fi
is "$(sql rm rm "SELECT state FROM undam.view")" ready "a view" || note "$out"
same() { same_rows "$1" "SELECT id, n FROM t" "SELECT id, n FROM mirror.t"; }

start_projector one
sql src source "UPDATE t SET n = n + 1"; settle
start_projector two
wait "$pid_one"; is $? 4 "the first one stops with exit code 4"
like "$(cat "$T/one.log")" 'another projector has taken over' "and says why"
like "$(cat "$T/one.log")" 'one projector a service' "and what to do"
sql src source "UPDATE t SET n = n + 1"; settle; same "the second goes on"
is "$(sql rm rm "SELECT epoch FROM undam.position")" 3 "each took an epoch"

pg_down rm; sql src source "UPDATE t SET n = n + 10"; pg_up rm
settle; same "after a restart of the read model"
pg_kill rm; sql src source "UPDATE t SET n = n + 100; DELETE FROM t WHERE id > 90"; pg_up rm
settle; same "after a SIGKILL of the read model"
unlike "$(cat "$T/two.log")" 'level=error' "without an error"
like "$(cat "$T/two.log")" 'event=retrying' "after retrying"
is "$(sql rm rm "SELECT epoch FROM undam.position")" 3 "and without a new epoch"

pg_down src immediate; pg_up src; start relay2 "$UNDAM" relay
sql src source "INSERT INTO t VALUES (1000, 1)"; settle; same "after a crash of the source and the bus"
stop two; is $? 0 "TERM ends it with 0"
out=$("$UNDAM" view verify 2>&1); is $? 0 "verify agrees" || note "$out"
done_testing
