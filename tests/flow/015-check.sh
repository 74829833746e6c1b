#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The checker finds what is wrong: each part of bus and read model is damaged by hand, one after the other, and must be
# named; nothing is reported where nothing is wrong. And what `undam bus` prints.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/project_lib.sh"

setup_shop "
CREATE TABLE users (id bigint PRIMARY KEY, name text, photo text);
CREATE TABLE orders (user_id bigint, no int, total numeric(10,2), PRIMARY KEY (user_id, no));
CREATE TABLE loose (a int);
CREATE TABLE silent (id int PRIMARY KEY);
" public.users:id public.orders:user_id public.silent:id
sql src source "
INSERT INTO users SELECT i, 'user ' || i, NULL FROM generate_series(1, 200) i;
INSERT INTO orders SELECT i, n, i * n FROM generate_series(1, 200) i, generate_series(1, 3) n;
UPDATE users SET photo = (SELECT string_agg(md5((i * users.id)::text), '') FROM generate_series(1, 200) i) WHERE id < 20;
UPDATE users SET name = 'renamed' WHERE id < 30;
UPDATE orders SET no = no + 10 WHERE user_id = 7;
DELETE FROM orders WHERE user_id = 9;"
v=$(view order_list user_id "user_id, no" <<<"SELECT o.user_id, o.no, o.total, u.name FROM orders o JOIN users u ON u.id = o.user_id")
w=$(view photos user_id <<<"SELECT u.id AS user_id, u.photo FROM users u")
start_projector
out=$("$UNDAM" view add "$v" "$w" 2>&1) || bail "$out"
settle

check() { OUT=$("$UNDAM" check --complete-log "$@" 2>&1); STATUS=$?; }
control() { sql src control "$1"; }
model() { sql rm rm "$1"; }

check; is $STATUS 0 "where nothing is wrong, nothing is found"; [ $STATUS = 0 ] || note "$OUT"
like "$OUT" '^log +shop +[0-9]+ +0 +0$' "the log was read"
like "$OUT" '^table +public.orders +597 +0 +0$' "tables were compared"
like "$OUT" '^table +public.silent +0 +0 +0$' "an empty one, too"
like "$OUT" '^view +app: order_list +597 +0 +0$' "views were compared"

# --- the source has what the log has not: made while the table was out of the publication -------------------------------
stop projector; stop relay
sql src source "DROP PUBLICATION undam; CREATE PUBLICATION undam FOR TABLE orders WITH (publish_via_partition_root = true)"
sql src source "UPDATE users SET name = 'secret value' WHERE id = 100; DELETE FROM users WHERE id = 101; INSERT INTO users VALUES (900, 'new', NULL); INSERT INTO silent VALUES (1), (2)"
sql src source "ALTER PUBLICATION undam ADD TABLE users, loose, silent"
start_relay; start_projector; settle
check; is $STATUS 1 "changes that were never captured are found"
like "$OUT" '^table +public.users +[0-9]+ +3 ' "three on the bus"
like "$OUT" 'column name differs from the log' "a changed column"
like "$OUT" 'on the log .*, not in the source' "a deleted row"
like "$OUT" 'in the source, never on the log' "an inserted row"
like "$OUT" '^mirror +app: users +[0-9]+ +3 ' "and three in the mirror"
like "$OUT" '^table +public.silent +2 +2 ' "and the rows of a table that the log never named"
unlike "$OUT" 'secret value|renamed' "no value is printed"
check --show-values; like "$OUT" 'key (100|\(100\)|101|900)' "--show-values prints keys"
OUT=$("$UNDAM" check 2>&1); like "$OUT" '^table +public.users +[0-9]+ +2 .*1 rows older than the log' "without --complete-log an unknown row is only counted"
sql src source "UPDATE users SET name = name; INSERT INTO users VALUES (101, 'user 101', NULL); DELETE FROM users WHERE id IN (101, 900); DELETE FROM silent"
settle
check; like "$OUT" '^table +public.users +199 +0 ' "a later change of the same rows heals them"
like "$OUT" 'created, but it exists' "though the lost delete stays visible in the row's life"
check --json; like "$OUT" '^\{"wrong":1,"lines":\[\{"part":"log","name":"shop","checked":[0-9]+,"wrong":1,' "--json says so too"

# --- read model ---------------------------------------------------------------------------------------------------------
model "UPDATE mirror.users SET name = 'damaged' WHERE id = 150; DELETE FROM mirror.orders WHERE user_id = 3 AND no = 1;
       INSERT INTO mirror.orders (user_id, no, total, _lsn, _seq) VALUES (3, 77, 1, '0/1', 1)"
check --models; is $STATUS 1 "a damaged mirror is found"
like "$OUT" '^mirror +app: users +[0-9]+ +1 ' "one row of users"
like "$OUT" '^mirror +app: orders +[0-9]+ +2 ' "two of orders"
like "$OUT" 'in the source, not in the mirror' "a missing row"
like "$OUT" 'in the mirror, not in the source' "a row too many"
like "$OUT" '^view +app: order_list +[0-9]+ +[1-9]' "and the view no longer is its SELECT"
model "UPDATE mirror.users SET name = 'user 150' WHERE id = 150; DELETE FROM mirror.orders WHERE no = 77;
       INSERT INTO mirror.orders (user_id, no, total, _lsn, _seq) VALUES (3, 1, 3.00, '0/1', 1)"
check --models; is $STATUS 0 "repaired, it is right again"; [ $STATUS = 0 ] || note "$OUT"
model "UPDATE api.order_list SET total = 5 WHERE user_id = 1 AND no = 1; DELETE FROM api.photos WHERE user_id = 4"
check --service app; is $STATUS 1 "a damaged view is found"
like "$OUT" '^view +app: order_list +594 +2 ' "a row that differs is one missing and one too many"
like "$OUT" '^view +app: photos +[0-9]+ +1 ' "a lost row is one"
model "UPDATE api.order_list SET total = 1.00 WHERE user_id = 1 AND no = 1"

# --- the log in itself ----------------------------------------------------------------------------------------------------
stop projector; stop relay
blocks=$(control "SELECT 'undam_bus.block_' || max(day) FROM undam_bus.source")
control "CREATE TABLE kept AS TABLE $blocks"
whole=$("$UNDAM" bus check 2>&1)
like "$whole" '^log +shop +[0-9]+ +1 ' "bus check alone sees the lost delete too"
control "DELETE FROM $blocks WHERE (end_lsn, end_seq) = (SELECT end_lsn, end_seq FROM $blocks ORDER BY 1, 2 OFFSET 2 LIMIT 1)"
out=$("$UNDAM" bus check 2>&1); is $? 1 "a lost block is found"
like "$out" 'sequence number is not the next one|a transaction goes on that did not begin|counts other events|begins before the one before it ended' "as a gap"
control "TRUNCATE $blocks; INSERT INTO $blocks TABLE kept"
is "$("$UNDAM" bus check 2>&1)" "$whole" "with it, the log is what it was"
control "UPDATE $blocks SET data = set_byte(data, 40, 255)"
out=$("$UNDAM" bus check 2>&1); is $? 7 "damaged bytes are an error of data"
like "$out" 'broken block|version|does not fit|topic number|schema' "that says where"
control "TRUNCATE $blocks; INSERT INTO $blocks TABLE kept"
# The last transaction once more, at the position after: every event doubled.
control "INSERT INTO $blocks SELECT end_lsn + 1, topics, source, end_seq, bytes,
           set_byte(data, 9, (get_byte(data, 9) + 1) % 256) FROM kept
         WHERE end_lsn = (SELECT max(end_lsn) FROM kept) AND get_byte(data, 9) < 255"
control "UPDATE undam_bus.source SET lsn = lsn + 1000"
out=$("$UNDAM" bus check 2>&1); is $? 1 "a doubled transaction is found"; note "$out"
control "TRUNCATE $blocks; INSERT INTO $blocks TABLE kept"

# --- what undam bus prints ------------------------------------------------------------------------------------------------
out=$("$UNDAM" bus info); like "$out" 'topic +shop.app: [0-9]+ events, 4 partitions' "bus info shows topics"
out=$("$UNDAM" bus info --json); like "$out" '"found":true,"lsn":"[0-9A-F/]+".*"topics":\[\{"name":"shop.app","partitions":4' "and as JSON"
out=$("$UNDAM" events --table public.users --subject 5 --json)
is "$(grep -c . <<<"$out")" 4 "events finds the changes of one row"
like "$(head -n 1 <<<"$out")" '^\{"ce_specversion":"1.0","ce_id":"[0-9]+-[0-9A-F/]+-[0-9]+","ce_type":"users.created","ce_source":"/shop/public.users","ce_subject":"5","ce_time":"[0-9T:.-]+Z","undam_lsn":".*"key":"5","value":\{"id":"5","name":"user 5","photo":null\}\}$' "with the contract's header names"
like "$(sed -n 3p <<<"$out")" '"undam_missing":\["photo"\]' "an unchanged large value is named"
out=$("$UNDAM" events --table public.orders --key 7 --type orders.deleted)
is "$(grep -c . <<<"$out")" 3 "filters by key and type"
out=$("$UNDAM" events --limit 2); is "$(grep -c . <<<"$out")" 2 "--limit stops"
out=$("$UNDAM" events --from 2999-01-01T00:00:00Z); is "$?:$out" "0:" "--from a time"
out=$("$UNDAM" events --from yesterday 2>&1); is $? 2 "a wrong --from is a usage error"
lsn=$("$UNDAM" events --limit 1 --json | sed 's/.*"undam_lsn":"\([^"]*\)".*/\1/')
like "$("$UNDAM" events --from "$lsn" --limit 1)" " $lsn 1 " "--from a position includes it"
out=$("$UNDAM" check --wait 1 2>&1); is $? 6 "a log that stands still is an error, not a difference"
like "$out" 'undam relay' "with a hint"
done_testing
