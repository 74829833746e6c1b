#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every built-in type: its name without asking the server, and its values' text from the source to the bus.
# versions: all
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"
. "$(dirname "$0")/types.sh"
export PGOPTIONS="-c TimeZone=UTC -c DateStyle=ISO,YMD -c IntervalStyle=postgres -c extra_float_digits=3"

pg_create src
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"

# Names: every type and array with a fixed oid, bare and with modifiers.
app "CREATE VIEW names AS SELECT t.oid, m, format_type(t.oid, m) AS name
     FROM pg_type t LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typlen = -1, LATERAL (
       SELECT -1 AS m UNION ALL SELECT unnest(CASE
         WHEN coalesce(e.oid, t.oid) IN (1042, 1043, 1560, 1562) THEN '{5,14,260}'::int[]
         WHEN coalesce(e.oid, t.oid) = 1700 THEN '{786438,655364,65540}'::int[]
         WHEN coalesce(e.oid, t.oid) IN (1083, 1114, 1184, 1266) THEN '{0,3,6}'::int[]
         WHEN coalesce(e.oid, t.oid) = 1186 THEN ARRAY(SELECT f << 16 | p FROM
           unnest('{4,2,8,1024,2048,4096,6,1032,3080,7176,3072,7168,6144,32767}'::int[]) f, unnest('{65535,2}'::int[]) p)
         ELSE '{}'::int[] END)) x
     WHERE t.oid < 10000 AND t.typtype IN ('b', 'r', 'm') AND coalesce(e.typtype NOT IN ('c', 'p'), true)"
app "SELECT oid || ' ' || m FROM names ORDER BY oid, m" >"$T/oids"
app "SELECT name FROM names ORDER BY oid, m" >"$T/want"
"$UNDAM" relay types <"$T/oids" >"$T/got"
ok "$([ "$(wc -l <"$T/want")" -gt 190 ]; echo $?)" "the server has $(wc -l <"$T/want") names to compare"
is "$(diff "$T/want" "$T/got")" "" "built-in type names are those of format_type()"

# Values.
types_create src app "$VERSION"
{ printf 'services:\n  types:\n    tables:\n' && sed 's/^/      /' <<<"${types_tables%$'\n'}"; } >"$T/services.yaml"
n=$types
relay_config
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
relay
wait_until 20 ready || bail "no relay"
types_write src app
synced; ok $? "$n tables arrive"
events >"$T/events"
for i in $(seq $n); do # v IS NULL would be true of a composite of nulls
    echo "SELECT 't$i ' || id || ' ' || CASE WHEN num_nonnulls(v) = 0 THEN '\\N' ELSE format('%s', v) END FROM t$i;"
done >"$T/read.sql"
psql -X -q -A -t -d "$(dsn src app)" -f "$T/read.sql" | LC_ALL=C sort >"$T/source"
sed -n 's/^.* type=\(t[0-9]*\)\.created .* id=\([0-9]*\) v=/\1 \2 /p' "$T/events" | LC_ALL=C sort >"$T/bus"
ok "$([ "$(wc -l <"$T/source")" -gt 200 ]; echo $?)" "the source has $(wc -l <"$T/source") values to compare"
is "$(diff "$T/source" "$T/bus")" "" "every value has the source's text"
# Names in schemas: built-in as the server prints them, user-defined ones with their schema.
app "SELECT c.relname || ' ' || format_type(a.atttypid, a.atttypmod) FROM pg_class c, pg_attribute a
     WHERE c.relname ~ '^t[0-9]+\$' AND a.attrelid = c.oid AND a.attname = 'v'" |
    sed -E 's/ (mood|positive|tags|inner_row|outer_row|int_pair|price|price_again|stamp)(\[|$)/ public.\1\2/' | LC_ALL=C sort >"$T/want"
sql src undam "SELECT definition::json ->> 'undam.entity', definition::json -> 'fields' -> 1 ->> 'undam.type'
               FROM undam_registry.schema" | sed 's/^public\.//; s/|/ /' | LC_ALL=C sort >"$T/got"
is "$(diff "$T/want" "$T/got")" "" "schemas carry the types' names"
# What Avro says of them.
cat >"$T/avro" <<'END'
boolean|["null","boolean"]
bytea|["null","bytes"]
smallint|["null","int"]
integer|["null","int"]
bigint|["null","long"]
oid|["null","long"]
real|["null","float"]
double precision|["null","double"]
uuid|["null",{"type":"string","logicalType":"uuid"}]
date|["null",{"type":"int","logicalType":"date"},"string"]
time without time zone|["null",{"type":"long","logicalType":"time-micros"},"string"]
time(3) without time zone|["null",{"type":"long","logicalType":"time-micros"},"string"]
time with time zone|["null","string"]
timestamp without time zone|["null",{"type":"long","logicalType":"local-timestamp-micros"},"string"]
timestamp(0) without time zone|["null",{"type":"long","logicalType":"local-timestamp-micros"},"string"]
timestamp with time zone|["null",{"type":"long","logicalType":"timestamp-micros"},"string"]
public.stamp|["null",{"type":"long","logicalType":"timestamp-micros"},"string"]
numeric|["null","string"]
numeric(12,2)|["null",{"type":"bytes","logicalType":"decimal","precision":12,"scale":2},"string"]
numeric(1000,500)|["null",{"type":"bytes","logicalType":"decimal","precision":1000,"scale":500},"string"]
public.price|["null",{"type":"bytes","logicalType":"decimal","precision":12,"scale":2},"string"]
public.price_again|["null",{"type":"bytes","logicalType":"decimal","precision":12,"scale":2},"string"]
public.price_again[]|["null",{"type":"array","items":["null",{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}]},"string"]
public.positive|["null","int"]
public.positive[]|["null",{"type":"array","items":["null","int"]},"string"]
public.tags|["null",{"type":"array","items":["null","string"]},"string"]
public.tags[]|["null",{"type":"array","items":["null","string"]},"string"]
public.mood|["null","string"]
public.mood[]|["null",{"type":"array","items":["null","string"]},"string"]
public.inner_row|["null","string"]
public.inner_row[]|["null",{"type":"array","items":["null","string"]},"string"]
public.int_pair|["null","string"]
text|["null","string"]
jsonb|["null","string"]
interval|["null","string"]
money|["null","string"]
int2vector|["null","string"]
timestamp with time zone[]|["null",{"type":"array","items":["null",{"type":"long","logicalType":"timestamp-micros"}]},"string"]
bytea[]|["null",{"type":"array","items":["null","bytes"]},"string"]
END
[ "$VERSION" -lt 15 ] || echo 'numeric(3,-2)|["null","string"]' >>"$T/avro"
sql src undam "SELECT DISTINCT definition::json -> 'fields' -> 1 ->> 'undam.type', definition::json -> 'fields' -> 1 ->> 'type'
               FROM undam_registry.schema" >"$T/got"
is "$(grep -vxFf "$T/got" "$T/avro")" "" "and Avro's types"
stop relay
done_testing
