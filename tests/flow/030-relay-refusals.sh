#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A source that cannot be used is named, with what to do and an exit code of its own; no password in any line.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src "wal_level = replica"
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
app "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY); CREATE ROLE plain LOGIN; GRANT SELECT ON t TO plain"
echo 'services: {s: {tables: {public.t: id}}}' >"$T/services.yaml"
relay_config
refused() { # STATUS TEXT-REGEX HINT-REGEX NAME
    relay_fails
    is $STATUS "$1" "$4: exit $1"
    like "$OUT" "$2" "$4: what"
    like "$OUT" "hint=.*$3" "$4: what to do"
}
refused 3 'wal_level = replica; logical is needed' 'wal_level = logical.*restart' "wal_level"
like "$("$UNDAM" relay -c "$T/undam.yaml" --check)" 'error .*wal_level = replica' "--check says so too"
sed -i 's/wal_level = replica//' "$T/src/data/postgresql.conf"
pg_down src; pg_up src

refused 3 'publication "undam" does not exist' 'create-publication' "no publication"
is "$("$UNDAM" relay -c "$T/undam.yaml" --create-publication --dry-run)" \
    "CREATE PUBLICATION \"undam\" FOR TABLE \"public\".\"t\" WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = true);" \
    "--dry-run prints the SQL"
app "CREATE PUBLICATION undam FOR TABLE u"
refused 3 'not in the publication: public.t' 'ALTER PUBLICATION' "table not published"
app "DROP PUBLICATION undam; CREATE PUBLICATION undam FOR TABLE t WITH (publish = 'insert')"
refused 3 'does not publish update' "publish = 'insert, update" "publication without updates"
app "DROP PUBLICATION undam; CREATE PUBLICATION undam FOR TABLE t"
sed -i 's/public\.t:/public.nothere:/' "$T/undam.yaml"
refused 3 'do not exist on the source: public.nothere' 'schema.table' "table that does not exist"
sed -i 's/public\.nothere:/public.t:/' "$T/undam.yaml"

cp "$T/undam.yaml" "$T/good.yaml"
sed -i "0,/user=postgres/s//user=plain/" "$T/undam.yaml"
refused 3 'role "plain" may not replicate' 'ALTER ROLE "plain" REPLICATION' "no REPLICATION privilege"
like "$("$UNDAM" relay -c "$T/undam.yaml" --check)" 'error .*no_replication_privilege' "--check says so too"
app "ALTER ROLE plain REPLICATION"
start relay "$UNDAM" relay -c "$T/undam.yaml"
wait_until 20 ready; ok $? "REPLICATION and SELECT are all it needs"
stop relay
cp "$T/good.yaml" "$T/undam.yaml"

# What may pass by itself is waited for, and said once.
sed -i "0,/dbname=app/s//dbname=nothere password=hunter2/" "$T/undam.yaml"
relay
wait_until 10 logged 'event=session_ended class=source.*source: cannot connect.*"nothere" does not exist'; ok $? "a wrong database is named"
ok "$(! ready; echo $?)" "the relay waits, not ready"
sleep 1
is "$(grep -c event=session_ended "$T/relay.log")" 1 "and says it once"
stop relay; is $? 0 "SIGTERM ends the waiting"
is "$(grep -c hunter2 "$T/relay.log")" 0 "without the password in the log"
cp "$T/good.yaml" "$T/undam.yaml"
sed -i "0,/dsn: .*/s//dsn: \"not a dsn\"/" "$T/undam.yaml"
relay_fails
is $STATUS 3 "a connection string that is none: exit 3"
done_testing
