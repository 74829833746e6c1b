#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# undam relay --check names every hazard of the catalog, as text and as JSON.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src "synchronous_commit = off" "wal_sender_timeout = 1s"
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
app "CREATE TABLE good (id int PRIMARY KEY, n int);
     CREATE TABLE nokey (id int, n int);
     CREATE TABLE fullnokey (id int, n int); ALTER TABLE fullnokey REPLICA IDENTITY FULL;
     CREATE TABLE nothing (id int PRIMARY KEY); ALTER TABLE nothing REPLICA IDENTITY NOTHING;
     CREATE TABLE byindex (id int PRIMARY KEY, n int NOT NULL UNIQUE); ALTER TABLE byindex REPLICA IDENTITY USING INDEX byindex_n_key;
     CREATE TABLE wide (id int PRIMARY KEY, owner int, note text, code varchar(10), amount numeric);
     CREATE TABLE wrongkey (id int PRIMARY KEY);
     CREATE TABLE gen (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED);
     CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE moods (id int PRIMARY KEY, m mood);
     CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF parts FOR VALUES FROM (0) TO (9);
     CREATE UNLOGGED TABLE fast (id int PRIMARY KEY);
     CREATE TABLE outbox (id uuid PRIMARY KEY, aggregatetype text, aggregateid text, payload jsonb);"
cat >"$T/services.yaml" <<'END'
services:
  s:
    tables: {public.good: id, public.nokey: id, public.fullnokey: id, public.nothing: id, public.byindex: id,
             public.wide: owner, public.wrongkey: nothere, public.gen: id, public.moods: id, public.parts: id, public.p1: id,
             public.fast: id, public.gone: id}
END
relay_config "  outbox: public.outbox"
app "CREATE PUBLICATION undam FOR TABLE good, nokey, fullnokey, nothing, byindex, wide, wrongkey, gen, moods, parts, outbox WITH (publish = 'insert, update, delete')"
out=$("$UNDAM" relay -c "$T/undam.yaml" --check); is $? 1 "with errors the answer is no"
found() { like "$out" "^$1 .*$2: .*\($3\)$" "$4"; }
found error public.nokey no_primary_key "no primary key"
found error public.fullnokey no_primary_key "REPLICA IDENTITY FULL without a primary key"
found error public.nothing identity_nothing "REPLICA IDENTITY NOTHING"
found error public.wrongkey no_partition_key "a partition key that is no column"
found error public.fast not_logged "an unlogged table"
found error public.gone table_missing "a table that does not exist"
found error public.outbox outbox_columns "an outbox without type"
found error source refused "what the relay refuses at start"
found error public.p1 partition_and_parent "a partition beside its parent"
found warning public.wide wide_columns "wide columns"
like "$out" 'values of note that' "only those that can be TOASTed away"
found warning public.wide key_outside_identity "a partition key that deletes do not carry"
found warning public.parts partitioned_by_leaf "partitions published one by one"
found warning undam no_truncate "TRUNCATE not published"
found warning wal_sender_timeout short_sender_timeout "a short wal_sender_timeout"
found note public.byindex identity_index "identity by index"
found note public.fullnokey identity_full "identity full"
found note public.gen generated_columns "generated columns"
found note public.moods user_defined_types "user-defined types"
found note synchronous_commit asynchronous_commit "synchronous_commit = off and its latency"
found note max_slot_wal_keep_size wal_unlimited "unlimited WAL"
found note undam slot_missing "no slot yet"
[ "$VERSION" -ge 14 ] || found note server version_13 "what PostgreSQL 13 cannot do"
unlike "$out" 'public.good:' "nothing about a table that is fine"
"$UNDAM" relay -c "$T/undam.yaml" --check --json >"$T/json"; is $? 1 "--json: the same answer"
is "$(psql -XAt -d "$(dsn src app)" -v "j=$(cat "$T/json")" <<'END'
SELECT j ->> 'ok', (j ->> 'errors')::int > 7, count(*), count(DISTINCT f ->> 'code') > 15
FROM (SELECT :'j'::json AS j) x, json_array_elements(j -> 'findings') f WHERE f ->> 'hint' <> '' GROUP BY 1, 2;
END
)" "false|t|$(grep -cE '^(error|warning|note) ' <<<"$out")|t" "and it is JSON with the same findings"
app "CREATE TABLE just (id int PRIMARY KEY)"
echo 'services: {s: {tables: {public.just: id}}}' >"$T/services.yaml"
relay_config
app "DROP PUBLICATION undam; CREATE PUBLICATION undam FOR TABLE just"
"$UNDAM" relay -c "$T/undam.yaml" --check >/dev/null; is $? 0 "notes and warnings alone: exit 0"
done_testing
