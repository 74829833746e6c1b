#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A source transaction is visible all at once: a reader that looks all the time never sees a half of one, across tables,
# views and the position, under concurrent writers, and also for one transaction much larger than a batch.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/project_lib.sh"

BATCH_EVENTS=500
setup_shop "
CREATE TABLE account (id int PRIMARY KEY, owner int NOT NULL, balance numeric NOT NULL);
CREATE TABLE entry (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id int NOT NULL, amount numeric NOT NULL);
INSERT INTO account SELECT i, i % 7, 100 FROM generate_series(1, 50) i;
INSERT INTO entry (account_id, amount) SELECT i, 100 FROM generate_series(1, 50) i;
" public.account:id public.entry:account_id
a=$(view owners owner <<<"SELECT owner, count(*) AS n, sum(balance) AS balance FROM account GROUP BY owner")
b=$(view statement id <<<"SELECT a.id, a.balance, (SELECT sum(e.amount) FROM entry e WHERE e.account_id = a.id) AS entries FROM account a")
out=$("$UNDAM" view add "$a" "$b" 2>&1); is $? 0 "views are added" || note "$out"
start_projector

cat >"$T/transfer.sql" <<'S'
\set f random(1, 50)
\set t random(1, 50)
\set x random(1, 9)
BEGIN;
UPDATE account SET balance = balance - :x WHERE id = least(:f, :t);
UPDATE account SET balance = balance + :x WHERE id = greatest(:f, :t);
INSERT INTO entry (account_id, amount) VALUES (least(:f, :t), -:x), (greatest(:f, :t), :x);
COMMIT;
S
# Five sums that each transaction keeps at 5000, and equality of balance and entries per account, in one snapshot.
probe="SELECT (SELECT sum(balance) FROM mirror.account), (SELECT sum(amount) FROM mirror.entry), (SELECT sum(balance) FROM api.owners),
 (SELECT sum(balance) FROM api.statement), (SELECT sum(entries) FROM api.statement), (SELECT count(*) FROM api.statement WHERE balance <> entries)"
reader() {
    local n=0
    while [ ! -e "$T/over" ]; do
        n=$((n + 1)); sql rm rm "$probe" | grep -vx '5000|5000|5000|5000|5000|0'
    done
    echo "$n" >"$T/reads"
}
reader >"$T/torn" 2>&1 & reader_pid=$!; pids+=($!)
pgbench -n -f "$T/transfer.sql" -c 4 -T 5 -d "$(dsn src source)" >"$T/pgbench.log" 2>&1; is $? 0 "transfers run"
settle
sql src source "BEGIN; UPDATE account SET balance = balance + 1000; UPDATE account SET balance = balance - 1000;
INSERT INTO entry (account_id, amount) SELECT 1 + i % 50, CASE WHEN i % 100 < 50 THEN 1 ELSE -1 END FROM generate_series(0, 99999) i; COMMIT"
settle 60
touch "$T/over"; wait "$reader_pid"
is "$(head -3 "$T/torn")" "" "no read saw a part of a transaction ($(cat "$T/reads") reads)"
is "$(sql rm rm "SELECT count(*) > 100000 FROM mirror.entry")" t "a transaction of 100,000 rows went through chunks of $BATCH_EVENTS"
is "$(sql rm rm "SELECT count(DISTINCT _lsn) FROM mirror.entry WHERE id > (SELECT max(id) FROM mirror.entry) - 100000")" 1 "all of it at one position"
same_rows "accounts" "SELECT * FROM account" "SELECT id, owner, balance FROM mirror.account"
out=$("$UNDAM" view verify 2>&1); is $? 0 "verify agrees" || note "$out"
done_testing
