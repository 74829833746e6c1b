#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every built-in type: its name without asking the server, and its values' text from the source to the bus.
# versions: all
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"
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
app "CREATE TYPE mood AS ENUM ('sad', 'so so', 'ha\"ppy'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
     CREATE DOMAIN tags AS text[]; CREATE DOMAIN price AS numeric(12,2); CREATE DOMAIN price_again AS price;
     CREATE DOMAIN stamp AS timestamptz(3); CREATE TYPE inner_row AS (a int, b text);
     CREATE TYPE outer_row AS (x inner_row, y numeric, z mood[]); CREATE TYPE int_pair AS RANGE (subtype = int)"
cat >"$T/values" <<'END'
boolean|t|f
bytea|\x|\x00ff10|\x5c22
"char"|a|
name|some_name|Odd "name"
bigint|-9223372036854775808|9223372036854775807
smallint|-32768|32767
integer|-2147483648|0
regproc|pg_catalog.now
text||a'b"c\d|ünïcödé 漢字 🂡|  spaced
oid|4294967295
tid|(42,7)
xid|4294967295
cid|7
json|{"a": 1.10, "a": [null, "\u00e9"]}|"x"
jsonb|{"n": 123456789012345678901234567890.12345, "e": 1e400}|null
xml|<a b="1">x &amp; y</a>
point|(1.5,-2e-30)
lseg|[(1,2),(3,4)]
path|((0,0),(1,1))|[(0,0),(1,1)]
box|(3,4),(1,2)
polygon|((0,0),(1,1),(2,0))
line|{1,-1,0}
circle|<(1,2),3>
cidr|10.1.0.0/16|2001:db8::/32
inet|192.168.0.1/24|::1
macaddr|08:00:2b:01:02:03
macaddr8|08:00:2b:01:02:03:04:05
real|NaN|Infinity|-1.1754944e-38|0.1
double precision|NaN|-Infinity|2.2250738585072014e-308|0.1|-0
money|-92233720368547758.08|12.50
numeric|NaN|0|-0.000|123456789012345678901234567890.000000000000000000001|1e300
numeric(12,2)|1234567890.10|-0.01
character(5)|ab|
character varying(10)|ab |
bpchar|trailing  
date|infinity|-infinity|0044-03-15 BC|5874897-12-31|2024-02-29
time without time zone|24:00:00|00:00:00.000001
time(3) without time zone|12:34:56.789
time with time zone|24:00:00-15:59|01:02:03.5+05:30
timestamp without time zone|infinity|-infinity|4713-01-01 00:00:00 BC|294276-12-31 23:59:59.999999
timestamp(0) without time zone|2024-02-29 12:00:00
timestamp with time zone|infinity|4713-12-31 00:00:00+00 BC|2024-06-01 12:00:00.000001+02
interval|1 year -2 days +03:04:05.6|-178000000 years|00:00:00|-00:00:00.000001
interval day to second(2)|1 day 01:02:03.45
bit(3)|101
bit varying|0101011|
uuid|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11
tsvector|'a':1A 'it''s':2
tsquery|'a' & !( 'b' & 'c':* )
int4range|empty|[1,10)|(,)
numrange|[1.10,2.2]
tsrange|["2024-01-01 00:00:00",infinity)
tstzrange|("2024-01-01 00:00:00+00",)
daterange|[2024-01-01,2024-02-01)
int8range|[1,)
jsonpath|$."a"[*]?(@ > 1)
pg_lsn|16/B374D848
regclass|pg_catalog.pg_class
regtype|numeric
regnamespace|pg_catalog
txid_snapshot|10:20:10,14,15
pg_snapshot|10:20:10,14,15
xid8|18446744073709551615
refcursor|cur
int2vector|1 2 3
oidvector|1 2
aclitem|postgres=r/postgres
integer[]|{}|{1,NULL,3}|{{1,2},{3,4}}|[0:1]={5,6}|[-1:0][2:2]={{1},{2}}
text[]|{"",NULL,"NULL","a,b","q\"q","back\\slash"," sp "}
timestamp with time zone[]|{infinity,"2024-06-01 10:00:00+00"}
numeric(12,2)[]|{1.10,NaN}
bytea[]|{"\\x00","\\x"}
jsonb[]|{"{\"a\": 1}"}
bit varying[]|{101,0}
mood|sad|so so|ha"ppy
mood[]|{sad,"so so"}
positive|1
tags|{a,"b c"}
inner_row|(1,"a ""b"" (c)")|(,)
outer_row|("(1,""x y"")",1.50,"{sad,""so so""}")|(,,)
inner_row[]|{"(1,a)",NULL}
int_pair|[1,5)
price|1234567890.10|NaN
price_again|-0.05|0.00
positive[]|{1,NULL,2147483647}|{{1},{2}}
price[]|{1.10,NULL}|{1.10,NaN}
price_again[]|{-0.01}
stamp|2024-06-01 10:00:00.123+00|infinity
tags[]|{"{a,\"b c\"}",NULL}
int_pair[]|{"[1,5)",empty}
numeric(5,5)|0.00001|-0.99999
numeric(30,0)|-999999999999999999999999999999|18446744073709551616
numeric(1000,500)|0.1|-1e499
numeric(6,2)[]|{1.10,NULL}|{NaN}
date[]|{2024-02-29,NULL}|{infinity}
time without time zone[]|{23:59:59.999999}|{24:00:00}
timestamp without time zone[]|{"12345-01-01 00:00:00"}|{infinity}
timestamp without time zone|12345-06-07 08:09:10.111213|294247-01-10 04:00:54.775807|294247-01-10 04:00:54.775808
timestamp with time zone|0001-01-01 00:00:00+00|0001-12-31 23:59:59.999999+00 BC
real[]|{0.1,NaN,-0,Infinity}
double precision[]|{1e+23,5e-324,NULL}
boolean[]|{t,NULL,f}
uuid[]|{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}
smallint[]|{-32768}
oid[]|{4294967295}
box[]|{(3,4),(1,2);(1,1),(0,0)}
interval[]|{"1 day 02:03:04"}
json[]|{"{\"a\": 1}",NULL}
END
[ "$VERSION" -lt 15 ] || echo 'numeric(3,-2)|12300' >>"$T/values"
if [ "$VERSION" -ge 14 ]; then
    cat >>"$T/values" <<'END'
numeric|Infinity|-Infinity
int4multirange|{}|{[1,3),[5,7)}
tstzmultirange|{["2024-01-01 00:00:00+00","2024-01-02 00:00:00+00")}
nummultirange|{[1.0,2.0)}
END
fi
n=0
printf 'services:\n  types:\n    tables:\n' >"$T/services.yaml"
while IFS= read -r line; do
    n=$((n + 1))
    type=${line%%|*}
    printf '      public.t%d: id\n' $n >>"$T/services.yaml"
    echo "CREATE TABLE t$n (id int PRIMARY KEY, v $type);"
    i=0
    rest=${line#*|}
    while :; do
        i=$((i + 1))
        value=${rest%%|*}
        printf 'INSERT INTO later VALUES ($q$INSERT INTO t%d VALUES (%d, $v$%s$v$)$q$);\n' $n $i "$value"
        [ "$rest" != "${rest#*|}" ] || break
        rest=${rest#*|}
    done
    printf 'INSERT INTO later VALUES ($q$INSERT INTO t%d VALUES (%d, NULL)$q$);\n' $n $((i + 1))
done <"$T/values" >"$T/ddl.sql"
psql -X -q -v ON_ERROR_STOP=1 -d "$(dsn src app)" -c "CREATE TABLE later (command text)" -f "$T/ddl.sql" ||
    bail "tables cannot be made"
relay_config
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
relay
wait_until 20 ready || bail "no relay"
app "DO \$\$ DECLARE c text; BEGIN FOR c IN SELECT command FROM later LOOP EXECUTE c; END LOOP; END \$\$" || bail "values cannot be written"
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
