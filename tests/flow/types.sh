# SPDX-License-Identifier: Apache-2.0
# Sourced by tests that carry every type: a table for each, and the values of it that are easily got wrong.

# types_list VERSION: lines type|value|value..., without those that a server of that major version does not have.
types_list() {
    cat <<'END'
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
    [ "$1" -ge 14 ] || return 0
    cat <<'END'
numeric|Infinity|-Infinity
int4multirange|{}|{[1,3),[5,7)}
tstzmultirange|{["2024-01-01 00:00:00+00","2024-01-02 00:00:00+00")}
nummultirange|{[1.0,2.0)}
END
    [ "$1" -lt 15 ] || echo 'numeric(3,-2)|12300'
}

# types_create CLUSTER DB VERSION: types of ours, tables t1 ... tN of (id int, v TYPE), and `later`, whose commands insert
# every value, and a null, into them; N is then in $types, the lines "public.tN: id" for a configuration in $types_tables.
types_create() {
    local line rest type value i
    types=0 types_tables=
    sql "$1" "$2" "CREATE TYPE mood AS ENUM ('sad', 'so so', 'ha\"ppy'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
     CREATE DOMAIN tags AS text[]; CREATE DOMAIN price AS numeric(12,2); CREATE DOMAIN price_again AS price;
     CREATE DOMAIN stamp AS timestamptz(3); CREATE TYPE inner_row AS (a int, b text);
     CREATE TYPE outer_row AS (x inner_row, y numeric, z mood[]); CREATE TYPE int_pair AS RANGE (subtype = int)"
    types_list "$3" >"$T/values"
    while IFS= read -r line; do
        types=$((types + 1))
        type=${line%%|*}
        types_tables+="public.t$types: id"$'\n'
        echo "CREATE TABLE t$types (id int PRIMARY KEY, v $type);" >&3
        i=0
        rest=${line#*|}
        while :; do
            i=$((i + 1))
            value=${rest%%|*}
            printf 'INSERT INTO later VALUES ($q$INSERT INTO t%d VALUES (%d, $v$%s$v$)$q$);\n' $types $i "$value" >&3
            [ "$rest" != "${rest#*|}" ] || break
            rest=${rest#*|}
        done
        printf 'INSERT INTO later VALUES ($q$INSERT INTO t%d VALUES (%d, NULL)$q$);\n' $types $((i + 1)) >&3
    done <"$T/values" 3>"$T/types.sql"
    psql -X -q -v ON_ERROR_STOP=1 -d "$(dsn "$1" "$2")" -c "CREATE TABLE later (command text)" -f "$T/types.sql" ||
        bail "tables cannot be made"
}
types_write() { # CLUSTER DB
    sql "$1" "$2" "DO \$\$ DECLARE c text; BEGIN FOR c IN SELECT command FROM later LOOP EXECUTE c; END LOOP; END \$\$" ||
        bail "values cannot be written"
}
