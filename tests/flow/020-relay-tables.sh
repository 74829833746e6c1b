#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Table capture: every kind of change of ordinary tables comes out of the bus as the events that the contract says.
# versions: all
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
app "CREATE TABLE users (id bigint PRIMARY KEY, name text, note text);
     CREATE TABLE entries (b int, a int, user_id bigint, amount numeric(12,2), PRIMARY KEY (a, b));
     CREATE TABLE wide (id int PRIMARY KEY, owner int, body text, n int);
     CREATE TABLE wide_full (id int PRIMARY KEY, body text, n int);
     ALTER TABLE wide_full REPLICA IDENTITY FULL;
     CREATE TABLE \"Odd \"\"Name\" (\"Id\" int PRIMARY KEY, \"a b\" text, \"ümlaut\" text);
     CREATE TABLE other (id int PRIMARY KEY);
     CREATE SCHEMA billing; CREATE TABLE billing.invoices (id int PRIMARY KEY, user_id bigint);"
cat >"$T/services.yaml" <<'END'
services:
  users:
    tables: {public.users: id, 'public.Odd "Name': Id}
  money:
    tables: {public.entries: user_id, public.wide: owner, public.wide_full: id, billing.invoices: user_id}
END
relay_config
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
app "ALTER PUBLICATION undam ADD TABLE other"
relay
wait_until 20 ready; ok $? "the relay becomes ready and creates its slot"

app "INSERT INTO users VALUES (1, 'Ann', NULL), (2, '', E'two\nlines')"
app "BEGIN; UPDATE users SET note = 'x' WHERE id = 1; DELETE FROM users WHERE id = 2; COMMIT"
app "UPDATE users SET id = 10 WHERE id = 1"
app "INSERT INTO entries VALUES (2, 1, 7, 10.50); UPDATE entries SET amount = -0.01, user_id = 8; DELETE FROM entries"
app "INSERT INTO wide SELECT 1, 5, string_agg(md5(i::text), ''), 0 FROM generate_series(1, 1000) i"
app "UPDATE wide SET n = 1; UPDATE wide SET body = 'short'; UPDATE wide SET n = 2; DELETE FROM wide"
app "INSERT INTO wide_full SELECT 1, string_agg(md5(i::text), ''), 0 FROM generate_series(1, 1000) i; UPDATE wide_full SET n = 1"
app "INSERT INTO \"Odd \"\"Name\" VALUES (1, 'q', NULL)"
app "INSERT INTO billing.invoices VALUES (1, 2)"
app "INSERT INTO other VALUES (1)"
app "TRUNCATE users, entries"
synced; ok $? "everything arrives"
events >"$T/events"

at() { sed -n "s/^txn $1 //p" "$T/events"; }
is "$(at 1)" 'seq=1 op=c topic=app.users type=users.created subject=1 key=1 id=1 name=Ann note=\N
seq=2 op=c topic=app.users type=users.created subject=2 key=2 id=2 name= note=two\nlines' "inserts of one transaction: nulls, empty texts and line feeds are what they were"
is "$(at 2)" 'seq=1 op=u topic=app.users type=users.updated subject=1 key=1 id=1 name=Ann note=x
seq=2 op=d topic=app.users type=users.deleted subject=2 key=2 id=2' "update and delete in one transaction"
is "$(at 3)" 'seq=1 op=d topic=app.users type=users.deleted subject=1 key=1 id=1
seq=2 op=c topic=app.users type=users.created subject=10 key=10 id=10 name=Ann note=x oldkey=["1"]' \
    "a primary-key change is a delete of the old and a create of the new key"
is "$(at 4)" 'seq=1 op=c topic=app.money type=entries.created subject=["1","2"] key=7 b=2 a=1 user_id=7 amount=10.50
seq=2 op=u topic=app.money type=entries.updated subject=["1","2"] key=8 b=2 a=1 user_id=8 amount=-0.01
seq=3 op=d topic=app.money type=entries.deleted subject=["1","2"] key=["1","2"] b=2 a=1' \
    "composite keys are in the key's order; a delete without the partition key is keyed by the primary key"
like "$(at 6 | head -n 1)" '^seq=1 op=u .* key=5 id=1 owner=5 body=\\N n=1 missing=\["body"\]$' \
    "an unchanged TOAST column is null and named as missing"
like "$(at 6 | sed -n 3p)" 'body=short n=2$' "a small value is never missing"
like "$(at 7 | tail -n 1)" '^seq=2 op=u .* id=1 body=c4ca4238a0b923820dcc509a6f75849b.* n=1$' \
    "with REPLICA IDENTITY FULL the unchanged TOAST value is there"
unlike "$(at 7)" missing "and nothing is missing"
like "$(at 8)" 'type=Odd "Name.created subject=1 key=1 Id=1 a b=q ümlaut=\\N$' "odd names survive"
like "$(at 9)" 'topic=app.money type=invoices.created subject=1 key=2 id=1 user_id=2$' "another schema's table"
is "$(at 10)" 'seq=1 op=t topic=app.users type=users.truncated subject= key=
seq=2 op=t topic=app.money type=entries.truncated subject= key=' \
    "TRUNCATE is one event a table; a table in no service gives none"
logged 'event=table_ignored .*public.other'; ok $? "and is named once in the log"

subjects=$(sql src undam "SELECT string_agg(subject, ' ' ORDER BY subject) FROM undam_registry.version WHERE subject LIKE 'app.users-%' OR subject LIKE '%Inv%'")
is "$subjects" 'app.money-app.money.BillingInvoicesCreated app.users-app.users.Odd_x22_NameCreated app.users-app.users.UsersCreated app.users-app.users.UsersDeleted app.users-app.users.UsersUpdated' \
    "subjects are topic and record name"
like "$(sql src undam "SELECT definition FROM undam_registry.schema s JOIN undam_registry.version v ON v.schema = s.id WHERE subject LIKE '%EntriesCreated'")" \
    '"undam.entity":"public.entries".*"undam.column":"b","undam.type":"integer","undam.oid":23,"undam.typmod":-1,"undam.key":2.*"undam.type":"numeric\(12,2\)"' \
    "the schema carries true names, types and the key's order"

stop relay; is $? 0 "SIGTERM ends it with success"
is "$(slot active)" f "the slot is free at once"
never_ahead
ok $? "the server was never told of more than the bus has"
done_testing
