#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# undam events: every filter, ranges by position and time, the newest ones, counts, following, and what it does with
# payloads that are no Avro, schemas that are gone, a reader that leaves and a user who interrupts.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/project_lib.sh"

SOURCE_EXTRA=', message_prefix: "app", outbox: public.outbox'
setup_shop "
CREATE TABLE users (id bigint PRIMARY KEY, name text);
CREATE TABLE orders (user_id bigint, no int, PRIMARY KEY (user_id, no));
CREATE TABLE outbox (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), aggregatetype text, aggregateid text, type text, payload jsonb);
" public.users:id public.orders:user_id
on_bus() { local lsn; lsn=$(source_lsn); wait_until 20 bus_reached "$lsn" || bail "the relay does not reach $lsn"; }
sql src source "INSERT INTO users SELECT i, 'user ' || i FROM generate_series(1, 300) i"
for i in 1 2 3; do sql src source "INSERT INTO orders SELECT i, $i FROM generate_series(1, 50) i"; done
sql src source "UPDATE users SET name = 'renamed' WHERE id = 5"
sleep 1.1 # commits before and after lie in different seconds
sql src source "DELETE FROM users WHERE id = 7"
on_bus
events() { OUT=$("$UNDAM" events "$@" 2>"$T/err"); STATUS=$?; N=$(grep -c . <<<"$OUT"); }

events; is "$STATUS:$N" 0:452 "all events"
events --service app; is "$N" 452 "of a service"
events --topic shop.other; is "$STATUS:$N" 0:0 "of a topic that has none"
events --service app --topic shop.app; is $STATUS 2 "service and topic together are a usage error"
events --service none; is $STATUS 2 "so is a service that does not exist"
events --table public.orders; is "$N" 150 "of a table"
events --key 5; is "$N" 5 "with a key"
events --subject '["5","2"]'; is "$N" 1 "of a row"
events --type users.deleted --json; like "$OUT" '"ce_type":"users.deleted".*"ce_subject":"7"' "of a type"
events -n 3; is "$N" 3 "-n stops"

all=$("$UNDAM" events --json)
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
third=$(sed -n 401p <<<"$all" | field undam_lsn)
events --from "$third"; is "$N" 52 "--from a position includes it"
events --to "$third"; is "$N" 450 "--to a position includes it"
events --from "$third" --to "$third"; is "$N" 50 "one transaction"
last=$(tail -n 1 <<<"$all" | field ce_time)
events --from "$last"; is "$N" 1 "--from a time with its fraction includes it"
like "$OUT" 'users.deleted' "which is the last one"
events --to "$last"; is "$N" 452 "--to that time has all"
before=$(tail -n 2 <<<"$all" | head -n 1 | field ce_time)
events --to "${before/T/ }"; is "$N" 451 "--to the time before has one less, written with a blank"
events --from "${before%.*}Z" --to "${before%.*}.999999Z" --type users.updated; is "$N" 1 "a second's range"
events --from 2999-01-01; is "$STATUS:$N" 0:0 "nothing from a day to come"
events --from begin --to now; is "$N" 452 "begin and now"
for bad in yesterday 2026-02-31 2026-01-01T25:00 2026-01-01x 16/ 1/2/3; do
    events --from "$bad"; is "$STATUS" 2 "--from $bad is a usage error"
done
events --last 2; is "$(awk '{ print $6 }' <<<"$OUT" | tr '\n' ' ')" '"5" "7" ' "the last two"
events --last 2 --table public.orders; is "$(cut -d' ' -f 5- <<<"$OUT" | cut -d' ' -f 2 | tr '\n' ' ')" '"[\"49\",\"3\"]" "[\"50\",\"3\"]" ' "the last two of a table"
events --last 1000; is "$N" 452 "more than there are is all"
events --last 5 --count; is $STATUS 2 "the last ones are not counted"
events --count; like "$OUT" '^ +150  orders.created$' "counts by type"
like "$OUT" '^ +452  events of 6 transactions$' "and in all"
events --count --json --key 5; is "$OUT" '{"events":5,"transactions":5,"types":{"orders.created":3,"users.created":1,"users.updated":1}}' "as JSON"

sql src source "SELECT pg_logical_emit_message(true, 'app.note', 'plain words'), pg_logical_emit_message(true, 'app.bytes', '\\x00ff'::bytea);
INSERT INTO outbox (aggregatetype, aggregateid, type, payload) VALUES ('order', '1', 'OrderPlaced', '{\"a\":1}'), ('order', '1', 'OrderGone', '\"text\"')" >/dev/null
on_bus
events --type app.note --json; like "$OUT" '"value":"plain words"' "a message is printed as it is"
events --type app.bytes --json; like "$OUT" '"value":"\\\\x00ff"' "bytes that are no text in hexadecimal"
events --type OrderPlaced --json; is "$(jq -r .value <<<"$OUT")" '{"a": 1}' "an outbox payload is its text"

# As a reader with its own schema sees them.
cat >"$T/reader.json" <<'S'
{"type": "record", "name": "UsersCreated", "namespace": "shop.app", "fields": [
  {"name": "added", "type": "string", "default": "later"}, {"name": "title", "aliases": ["name"], "type": ["null", "string"], "default": null}]}
S
events --key 5 --type users.created --reader-schema "$T/reader.json" --json; is "$STATUS:$(jq -c .value <<<"$OUT")" '0:{"added":"later","title":"user 5"}' "a reader's schema: defaults and aliases"
events --key 5 --reader-schema "$T/reader.json" --json; is $STATUS 7 "what it cannot read is an error in the end"
is "$N:$(grep -c '"value_error":"schema' <<<"$OUT")" 5:4 "and said at each event"
events --reader-schema "$T/none"; is $STATUS 8 "a file that is not there"
echo '{"type": "record"}' >"$T/broken.json"; events --reader-schema "$T/broken.json"; is $STATUS 7 "a schema that is none"

"$UNDAM" events --json | head -n 1 >/dev/null; is "${PIPESTATUS[0]}" 0 "a reader that leaves is no failure"
start follow "$UNDAM" events --follow --last 1 --json
wait_until 10 grep -q OrderGone "$T/follow.log"; ok $? "--follow begins with the last one"
sql src source "INSERT INTO users VALUES (1001, 'followed')"
wait_until 10 grep -q followed "$T/follow.log"; ok $? "and prints what comes"
stop follow INT; is $? 0 "^C ends it well"
start counted "$UNDAM" events --follow --count
wait_until 10 sh -c "! kill -0 $pid_counted || [ \$(awk '/^SigBlk/ { print substr(\$2, 15) }' /proc/$pid_counted/status) != 00 ]"
sleep 0.5; stop counted INT; is $? 0 "so does counting"
like "$(cat "$T/counted.log")" 'events of 8 transactions' "which then says the count"

# A schema that is gone: the events are still printed, what cannot be read as bytes.
sql src control "WITH gone AS (DELETE FROM undam_registry.version WHERE subject LIKE '%UsersUpdated' RETURNING schema)
  DELETE FROM undam_registry.schema WHERE id IN (SELECT schema FROM gone)"
events --key 5 --json; is $STATUS 7 "a schema that is gone is an error in the end"
is "$N" 5 "all events are printed"
is "$(grep -c '"value":"\\\\x00.*","value_error":"schema [0-9]*: registry: there is no schema' <<<"$OUT")" 1 "one as bytes, with the reason"
jq -e . <<<"$OUT" >/dev/null; is $? 0 "it is still JSON"
like "$(cat "$T/err")" '1 values cannot be decoded' "and the error counts them"
events --key 5; like "$OUT" 'cannot be decoded: "schema' "as text too"

stop relay
printf 'bus: {dsn: "host=%s/nowhere"}\n' "$T" >"$T/none.yaml"
sed "s|^bus: .*|bus: {driver: postgres, prefix: shop, dsn: \"host=$T/nowhere user=postgres\"}|" "$T/undam.yaml" >"$T/none.yaml"
out=$("$UNDAM" events -c "$T/none.yaml" 2>&1); is $? 6 "a bus that is away is an error of the target"
done_testing
