#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Partitioned tables: published by their root, and by their partitions, which are led back to the parent.
# versions: all
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
tables() {
    app "CREATE TABLE m (id int, day date, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
         CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
         CREATE TABLE m2 (day date NOT NULL, v text, id int NOT NULL);
         ALTER TABLE m ATTACH PARTITION m2 FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
         CREATE TABLE sub PARTITION OF m FOR VALUES FROM ('2024-03-01') TO ('2024-04-01') PARTITION BY LIST (id);
         CREATE TABLE sub1 PARTITION OF sub FOR VALUES IN (3)"
}
load() {
    app "INSERT INTO m VALUES (1, '2024-01-05', 'a'), (2, '2024-02-05', 'b'), (3, '2024-03-05', 'c')"
    app "UPDATE m SET v = 'x' WHERE id = 2; UPDATE m SET day = '2024-02-06' WHERE id = 1; DELETE FROM m WHERE id = 3"
    app "TRUNCATE m"
}
want='txn 1 seq=1 op=c topic=app.s type=m.created subject=["1","2024-01-05"] key=1
txn 1 seq=2 op=c topic=app.s type=m.created subject=["2","2024-02-05"] key=2
txn 1 seq=3 op=c topic=app.s type=m.created subject=["3","2024-03-05"] key=3
txn 2 seq=1 op=u topic=app.s type=m.updated subject=["2","2024-02-05"] key=2
txn 2 seq=2 op=d topic=app.s type=m.deleted subject=["1","2024-01-05"] key=1
txn 2 seq=3 op=c topic=app.s type=m.created subject=["1","2024-02-06"] key=1
txn 2 seq=4 op=d topic=app.s type=m.deleted subject=["3","2024-03-05"] key=3
txn 3 seq=1 op=t topic=app.s type=m.truncated subject= key='
echo 'services: {s: {tables: {public.m: id}}}' >"$T/services.yaml"
relay_config
tables
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
relay
wait_until 20 ready || bail "no relay"
load
synced; ok $? "published by the root"
events | sed 's/ \(id\|day\)=.*//' >"$T/got"
is "$(cat "$T/got")" "$want" "events are the parent's; a row that changes its partition is another row"
like "$(events | sed -n 2p)" ' id=2 day=2024-02-05 v=b$' "columns are the parent's"
app "DROP TABLE m; CREATE TABLE other (id int PRIMARY KEY)"
wait_until 20 logged 'event=failed.*taken out of publication'; ok $? "dropping the table stops the relay: its changes would be missed"
wait "$pid_relay"; is $? 4 "with exit 4"

# By the partitions.
app "SELECT pg_drop_replication_slot('undam'); DROP PUBLICATION undam" >/dev/null
sql src undam "DROP SCHEMA undam_bus CASCADE" 2>/dev/null
tables
app "CREATE PUBLICATION undam FOR TABLE m, other"
relay
wait_until 20 ready || bail "no second relay"
load
synced; ok $? "published by the partitions"
events | sed 's/ \(id\|day\)=.*//' >"$T/got"
is "$(cat "$T/got")" "$want" "the same events"
like "$(events | sed -n 2p)" ' day=2024-02-05 v=b id=2$' "in the partition's order of columns"
# A table in no service might have been one of them.
app "INSERT INTO other VALUES (1)"
wait_until 20 logged 'event=failed.*public.other is published, belongs to no service and may have been a partition'
ok $? "a published table of nobody is refused there"
wait "$pid_relay"; is $? 3 "with exit 3"
app "ALTER PUBLICATION undam DROP TABLE other; SELECT pg_drop_replication_slot('undam')" >/dev/null
sql src undam "DROP SCHEMA undam_bus CASCADE" 2>/dev/null
relay
wait_until 20 ready || bail "no third relay"
app "INSERT INTO m VALUES (1, '2024-01-05', 'a'); TRUNCATE m1"
wait_until 20 logged 'event=failed.*1 of 3 partitions of table public.m were truncated'; ok $? "TRUNCATE of one partition is refused"
wait "$pid_relay"; is $? 7 "with exit 7"
done_testing
