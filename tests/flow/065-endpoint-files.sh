#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Endpoint files from the operator's side: list, check, compile; what is wrong is named; the catalogue is replaced whole.
. "$(dirname "$0")/lib.sh"

pg_create read
sql read postgres 'CREATE DATABASE tx'
sql read tx "CREATE SCHEMA api; CREATE SCHEMA undam; CREATE TABLE undam.position(source text PRIMARY KEY, lsn pg_lsn);
    CREATE TABLE api.profile(id bigint PRIMARY KEY, body text, _lsn pg_lsn)"

mkdir -p "$T/m/endpoints"
cat >"$T/undam.yaml" <<EOC
directory: $T/m
source: {name: fintech, dsn: "host=/nonexistent dbname=fintech"}
control: {dsn: "host=/nonexistent dbname=undam", catalogue: $T/catalogue}
services:
  tx: {dsn: "$(dsn read tx)", tables: {public.transactions: user_id}}
  audit: {tables: {public.audit: id}}
EOC
undam() { "$UNDAM" "$@" -c "$T/undam.yaml" 2>&1; }
endpoint() { # FILE PATH SQL [MORE HEADER]
    printf -- '-- endpoint: GET %s\n-- service: tx\n-- flag: f\n%s%s\n' "$2" "${4:-}" "$3" >"$T/m/endpoints/$1.sql"
}
id='-- param: id path bigint
'
like "$(undam endpoint list)" "no endpoints in" "an empty folder is no error"
endpoint profile '/users/{id}' 'SELECT body, _lsn AS etag FROM profile WHERE id = :id' "$id-- key: id
"
endpoint me /users/me "SELECT 'me' AS body"
is "$(undam endpoint list | tr -s ' ' | tr '\n' ';')" "GET /users/me tx f ;GET /users/{id} tx f coalesced;" "list, in look-up order"
like "$(undam endpoint list --json)" '"endpoint":"GET /users/\{id\}","file":"profile.sql","service":"tx","flag":"f","params":\[\{"name":"id","place":"path","type":"bigint","required":true' "list --json"
is "$(undam endpoint check --database)" "2 endpoints, 2 prepared on their read models, 0 wrong" "check prepares every form on the read model"

like "$(undam endpoint compile --dry-run)" "2 endpoints, hash [0-9a-f]{16}, would be written" "--dry-run says what it would do"
[ ! -e "$T/catalogue" ]; ok $? "and writes nothing"
like "$(undam endpoint compile)" "2 endpoints, hash [0-9a-f]{16}, written; reload nginx" "compile"
like "$(undam endpoint compile --json)" '"endpoints":2,"hash":"[0-9a-f]{16}","changed":false,"written":false' "the same files give the same catalogue"
sum=$(md5sum <"$T/catalogue")

endpoint twin '/users/{name}' 'SELECT body FROM profile WHERE id = :name' '-- param: name path bigint
'
text=$(undam endpoint compile); is $? 3 "two endpoints for one request: exit 3"
like "$text" '(twin.sql and profile.sql|profile.sql and twin.sql): .* answer the same requests' "and both files are named"
rm "$T/m/endpoints/twin.sql"
endpoint broken /x 'SELECT body FROM profile WHERE id = :id'
sed 's/service: tx/service: txx/' "$T/m/endpoints/me.sql" >"$T/m/endpoints/other.sql"
sed -i 's,/users/me,/other,' "$T/m/endpoints/other.sql"
sed 's/service: tx/service: audit/; s,/users/me,/audit,' "$T/m/endpoints/me.sql" >"$T/m/endpoints/audit.sql"
text=$(undam endpoint compile); is $? 3 "broken files: exit 3"
like "$text" 'broken.sql:4: no such parameter :id' "an undeclared parameter, with file and line"
like "$text" 'other.sql: service "txx" is not in' "an unknown service"
like "$text" 'hint: did you mean "tx"\?' "with the nearest name"
like "$text" 'audit.sql: service "audit" has no read model' "a service without a read model"
is "$(md5sum <"$T/catalogue")" "$sum" "the catalogue in place is untouched"
rm "$T/m/endpoints"/{broken,other,audit}.sql

endpoint column /column 'SELECT bdy FROM profile'
text=$(undam endpoint check --database); is $? 3 "a SELECT that does not fit the read model: exit 3"
like "$text" 'column.sql.*cannot be prepared.*bdy' "named with PostgreSQL's message"
is "$(undam endpoint check)" "3 endpoints, 0 wrong" "which only the database can tell"
like "$(undam endpoint check --database --json 2>/dev/null | tail -n 1)" '"endpoints":3,"prepared":2,"wrong":1' "check --json"
rm "$T/m/endpoints/column.sql"

text=$(undam endpoint compile -o /nonexistent/c); is $? 8 "a folder that is not there: exit 8"
like "$text" '/nonexistent/c' "and it is named"
pg_down read
text=$(undam endpoint check --database); is $? 6 "a read model that is down: exit 6"
like "$text" 'read model tx: cannot connect' "and it is named"
done_testing
