#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# undam replay: a side read model from the events alone, as of now and as of a past moment, from the middle of the log, and
# beside copied tables; resumed after SIGKILL; compared with the live one at one position under writes, where a seeded
# difference is found; and what it refuses. The live read model and its projector never notice.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/project_lib.sh"
. "$(dirname "$0")/replay_lib.sh"

BATCH_EVENTS=50
setup_shop "$replay_schema" "${replay_tables[@]}"
replay_views
start_projector
replay_data
settle
epoch=$(sql rm rm "SELECT epoch FROM undam.position")

replay --dry-run; is $STATUS 0 "a dry run"
like "$OUT" 'app: 2 tables, 2 views' "says what" && like "$OUT" 'would be made, base empty' "and how"
is "$(sql rm side "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'undam%'")" 0 "and changes nothing"
replay --compare; is $STATUS 0 "all of the log, from empty tables" || note "$OUT"
like "$OUT" '^table +users: equal, 299 rows$' "the tables are those of the live model"
like "$OUT" '^view +totals: equal, [0-9]+ rows$' "and the views"
replay_same "the same rows"
sql src source "UPDATE users SET name = 'again' WHERE id = 20"; settle
replay --json --compare; is $STATUS 0 "run again it goes on" || note "$OUT"
is "$(jq -r '[.resumed, .events, .compare.wrong] | join(" ")' <<<"$OUT")" "true 1 0" "with what is new, and says so in JSON"

# --- a seeded difference ------------------------------------------------------------------------------------------------
sql rm rm "UPDATE mirror.users SET name = 'damaged' WHERE id = 17; DELETE FROM api.totals WHERE user_id = 3;
INSERT INTO mirror.orders (user_id, no, total, _lsn, _seq) SELECT user_id, 99, 1, _lsn, _seq FROM mirror.orders WHERE user_id = 4 AND no = 1"
replay --compare; is $STATUS 1 "a damaged live model differs"
like "$OUT" '^table +users: DIFFERS: 1 rows differ, 0 are only in the live model, 0 only in the side model, of 299; keys \(17\)$' "the row is named"
like "$OUT" '^table +orders: DIFFERS: 0 rows differ, 1 are only in the live model, .*keys \(4,99\)$' "a row too many"
like "$OUT" '^view +totals: DIFFERS: 0 rows differ, 0 are only in the live model, 1 only in the side model' "and one too few in a view"
sql rm rm "UPDATE mirror.users SET name = 'photographed' WHERE id = 17; DELETE FROM mirror.orders WHERE no = 99"
sql src source "UPDATE orders SET total = total + 1 WHERE user_id = 3"; settle
replay --compare; is $STATUS 0 "repaired, nothing differs" || note "$OUT"

# --- the past -----------------------------------------------------------------------------------------------------------
replay_into past --to "$before_time"; is $STATUS 0 "a past moment" || note "$OUT"
is "$(sql rm past "SELECT name FROM mirror.users WHERE id = 5")" "user 5" "has the state of then"
is "$(sql rm past "SELECT count(*) FROM mirror.users")" 300 "with what was deleted later"
replay_into past; is "$(sql rm past "SELECT count(*) FROM mirror.users")" 299 "and can be brought up to now"

# --- from the middle of the log -------------------------------------------------------------------------------------------
replay_into middle --from "$before_time"; is $STATUS 1 "from the middle some rows are not told of"
like "$OUT" '^left out  users: 28 rows' "updates that leave out a large value, of rows never seen"
is "$(sql rm middle "SELECT count(*) FROM mirror.users WHERE photo IS NULL")" 0 "nothing is guessed"
is "$(sql rm middle "SELECT string_agg(id::text, ',' ORDER BY id) FROM mirror.users")" 20 "rows whose image was whole are there"
replay_into middle --partial --compare; is $STATUS 0 "--partial takes that" || note "$OUT"
like "$OUT" '^table +users: equal, 299 rows; 298 are not told of by the events$' "what is there is right, the rest is counted"
like "$OUT" '^view +totals: not compared: not all rows of its tables are known' "and views over it say nothing"
sql src source "UPDATE users SET photo = repeat(id::text, 10) WHERE id < 15; DELETE FROM users WHERE id = 16"; settle
replay_into middle --json; is "$(jq -c .left_out <<<"$OUT")" '{"users":13}' "a whole image, or its end, makes a row known"
sql rm rm "UPDATE mirror.users SET name = 'damaged' WHERE id = 12"
replay_into middle --compare --partial; is $STATUS 1 "a row that is known is compared"
sql rm rm "UPDATE mirror.users SET name = 'photographed' WHERE id = 12"
sql src source "TRUNCATE orders; INSERT INTO orders VALUES (1, 1, 1)"; settle
replay_into middle --compare --partial; is $STATUS 0 "after a TRUNCATE a table is known whole" || note "$OUT"
like "$OUT" '^table +orders: equal, 1 rows$' "without rows untold"

# --- killed, under writes, beside copied tables -----------------------------------------------------------------------------
sql src source "DO \$\$ BEGIN FOR i IN 1..1500 LOOP INSERT INTO orders SELECT i % 300, 1000 + i, 1; COMMIT; END LOOP; END \$\$"
settle 60
replay_killed
cat >"$T/write.sql" <<'S'
\set u random(1, 300)
INSERT INTO orders SELECT :u, coalesce(max(no), 0) + 1, 1 FROM orders WHERE user_id = :u ON CONFLICT DO NOTHING;
UPDATE users SET name = name || '.' WHERE id = :u;
S
pgbench -n -f "$T/write.sql" -R 100 -T 60 -d "$(dsn src source)" >"$T/pgbench.log" 2>&1 & pids+=($!); writer=$!
for i in 1 2 3; do replay_into killed --compare; [ $STATUS = 0 ] || break; done
is "$STATUS:$i" 0:3 "compared three times while the source is written to" || note "$OUT"
replay_into copied --base source --compare; is $STATUS 0 "beside copied tables, too" || note "$OUT"
like "$OUT" '^view +totals: equal' "views as well"
start follow "$UNDAM" replay app --into "$(dsn rm copied)" --follow
wait_until 20 replay_reached copied "$(source_lsn)"; ok $? "--follow follows"
kill "$writer"; wait "$writer" 2>/dev/null
stop follow INT; is $? 0 "until it is stopped"
settle
replay_into copied --compare; is $STATUS 0 "and is right in the end" || note "$OUT"
is "$(sql rm rm "SELECT epoch FROM undam.position")" "$epoch" "the live projector was never fenced"

# --- refusals -------------------------------------------------------------------------------------------------------------
replay_into rm; is $STATUS 4 "not into the live read model"; like "$OUT" 'live read model' "which it names"
OUT=$("$UNDAM" replay app --into "$(dsn src control)" 2>&1); is $? 4 "not into a database in use"
replay --from begin; is $STATUS 2 "a side model keeps its beginning"
replay --base source; is $STATUS 2 "and its base"
replay_into other --base source --from begin; is $STATUS 2 "copied tables have no past"
replay_into other --from 0/1; is $STATUS 4 "not from before the log"; like "$OUT" '--base source' "with what to do"
replay_into other --compare --to "$before_time"; is $STATUS 2 "the past is not compared"
OUT=$("$UNDAM" replay app 2>&1); is $? 2 "--into must be given"
replay_into other --to 2/0 --dry-run; is $STATUS 0 "a dry run to a position to come"
is "$(sql rm other "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'undam%'")" 0 "and other was never written to"
sql rm other "CREATE SCHEMA mirror"
replay_into other; is $STATUS 4 "a foreign schema is refused"
stop projector; is $? 0 "the live projector ran through all of it"
done_testing
