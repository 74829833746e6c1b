#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# DDL in the stream: each event has the layout of its moment, also when the relay reads it long after.
# versions: all
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
app "CREATE TABLE t (id int PRIMARY KEY, a text, b int); CREATE TYPE kind AS ENUM ('x')"
printf '%s\n' 'services: {s: {tables: {public.t: id}}}' 'registry: {compatibility: NONE}' >"$T/services.yaml" # 017-schema-evolution has the rule
relay_config
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
"$UNDAM" relay -c "$T/undam.yaml" --create-slot >/dev/null
app "INSERT INTO t VALUES (1, 'one', 1)"
app "ALTER TABLE t ADD c timestamptz; INSERT INTO t VALUES (2, 'two', 2, '2024-01-01 00:00:00+00')"
app "BEGIN; INSERT INTO t VALUES (3, 'three', 3, NULL); ALTER TABLE t DROP COLUMN a; INSERT INTO t VALUES (4, 4, NULL); COMMIT"
app "ALTER TABLE t RENAME b TO bee; INSERT INTO t VALUES (5, 5)"
app "ALTER TABLE t ALTER bee TYPE numeric(5,1); INSERT INTO t VALUES (6, 6)"
app "BEGIN; ALTER TABLE t ADD gone text; INSERT INTO t VALUES (7, 7, NULL, 'x'); ROLLBACK; INSERT INTO t VALUES (8, 8)"
app "ALTER TABLE t ADD k kind; INSERT INTO t VALUES (9, 9, NULL, 'x'); ALTER TYPE kind ADD VALUE 'y'"
app "INSERT INTO t VALUES (10, 10, NULL, 'y')"
app "CREATE DOMAIN lost AS int; ALTER TABLE t ADD l lost; INSERT INTO t VALUES (12, 12, NULL, 'x', 5); ALTER TABLE t DROP l; DROP DOMAIN lost"
app "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (bee, id); UPDATE t SET bee = 11 WHERE id = 10"
relay
wait_until 20 ready || bail "no relay"
synced; ok $? "everything arrives, read after all of it happened"
is "$(events | sed 's/.* subject=//')" '1 key=1 id=1 a=one b=1
2 key=2 id=2 a=two b=2 c=2024-01-01 00:00:00+00
3 key=3 id=3 a=three b=3 c=\N
4 key=4 id=4 b=4 c=\N
5 key=5 id=5 bee=5 c=\N
6 key=6 id=6 bee=6.0 c=\N
8 key=8 id=8 bee=8.0 c=\N
9 key=9 id=9 bee=9.0 c=\N k=x
10 key=10 id=10 bee=10.0 c=\N k=y
12 key=12 id=12 bee=12.0 c=\N k=x l=5
["10.0","10"] key=10 id=10 bee=10.0
["11.0","10"] key=10 id=10 bee=11.0 c=\N k=y oldkey=["10.0","10"]' "each with the layout of its moment"
like "$(sql src undam "SELECT string_agg(definition, ' ') FROM undam_registry.schema")" '"undam.type":"numeric\(5,1\)".*"undam.type":"public.kind"' \
    "types are named, user-defined ones with their schema"
like "$(sql src undam "SELECT string_agg(definition, ' ') FROM undam_registry.schema")" '"type":\["null","int"\],"default":null,"undam.column":"l","undam.type":"pg_catalog.int4"[^}]*"undam.base_oid":23' \
    "a domain that is gone since is known by what it was made of"
# Live.
app "ALTER TABLE t ADD live int DEFAULT 5"
app "INSERT INTO t (id, bee) VALUES (20, 1)"
synced
like "$(events | tail -n 1)" 'subject=\["1.0","20"\] .* live=5$' "and live"

# The partition key goes away; so does the primary key.
app "ALTER TABLE t DROP CONSTRAINT t_pkey; INSERT INTO t (id, bee) VALUES (21, 1)"
synced
like "$(events | tail -n 1)" 'subject= key=21 id=21' "an insert needs no primary key"
app "ALTER TABLE t REPLICA IDENTITY FULL; UPDATE t SET live = 6 WHERE id = 21"
wait_until 20 logged 'event=failed.*table public.t: an update without a primary key'; ok $? "an update does, and is refused by name"
wait "$pid_relay"; is $? 7 "with exit 7"
ok "$(logged 'hint=.*give the table a primary key'; echo $?)" "with what to do"
done_testing
