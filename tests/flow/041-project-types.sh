#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every built-in type goes through load, stream and view unchanged; enums, domains and their arrays are made in the read
# model; TOAST values that an update leaves out are kept, also when the primary key moves.
# versions: all
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/project_lib.sh"

columns="b boolean, i2 smallint, i4 int, i8 bigint, f4 real, f8 double precision, n numeric, n2 numeric(12,2), m money,
 t text, vc varchar(20), c char(5), c1 \"char\", nm name, by bytea, d date, ti time(3), tz timetz, ts timestamp, tsz timestamptz(3),
 iv interval, iv2 interval(2), u uuid, j json, jb jsonb, x xml, bi bit(5), bv bit varying(7), ia int[], ta text[], na numeric(6,3)[],
 pt point, ls lseg, bx box, pa path, po polygon, ci circle, ln line, ip inet, cd cidr, ma macaddr, m8 macaddr8,
 r4 int4range, rn numrange, rt tstzrange, mr int4multirange, tv tsvector, tq tsquery, jp jsonpath, lsn pg_lsn, o oid,
 en mood, ena mood[], dm pos, dme good, s2 sales.kind, dma pos[], pr price, pra price[], tgs tags, da date[], fa float8[],
 ua uuid[], bya bytea[], ba box[], tsa timestamp[], o2 oid"
version=$("$PG_BINDIR/postgres" --version | sed 's/.* \([0-9]*\)[.a-z].*/\1/')
multirange="'{[1,3),[5,7)}', "
[ "$version" -ge 14 ] || { multirange=; columns=${columns/mr int4multirange, /}; } # they came with 14
setup_shop "
CREATE SCHEMA sales; CREATE TYPE mood AS ENUM ('sad', 'it''s \"ok\"', 'happy'); CREATE DOMAIN pos AS int CHECK (VALUE > 0);
CREATE DOMAIN good AS mood; CREATE DOMAIN price AS numeric(12,2); CREATE DOMAIN tags AS text[]; CREATE TYPE sales.kind AS ENUM ('a', 'b');
CREATE TABLE types (id bigint PRIMARY KEY, $columns);
CREATE TABLE sales.\"Odd Name\" (\"the key\" text PRIMARY KEY, \"select\" int, \"a\"\"b\" text COLLATE \"C\");
CREATE TABLE wide (id int PRIMARY KEY, small text, big text, big2 text);
ALTER TABLE wide ALTER big SET STORAGE EXTERNAL, ALTER big2 SET STORAGE EXTERNAL;
INSERT INTO sales.\"Odd Name\" VALUES ('k', 1, 'x');
" public.types:id "sales.Odd Name:the key" public.wide:id

insert() { # ID
cat <<SQL
INSERT INTO types VALUES ($1, true, -32768, 2147483647, -9223372036854775808, 'NaN', '-Infinity', 'Infinity', 1.50, '-1234.56',
 E'tab\\t nl\\n back\\\\ quote'' "dq" {,} é 🙂', 'v', 'c', 'x', 'nm', '\\x00ff10', '4713-01-01 BC', '24:00:00', '12:00:00.123456+05:30',
 'infinity', '0044-03-15 12:00:00.123 BC', '-1 mons +3 days -04:05:06.789', '1 year 2 mons', gen_random_uuid(), '{"b":1, "a": [1.0,1.00],  "b":2}',
 '{"b":1,"a":1.00}', '<a x="1">&lt;</a>', '10101', '101', '[0:2]={1,NULL,3}', '{"","NULL",NULL,"a\\"b","{}"}', '{1.500,NULL}',
 '(1.5,-2)', '[(0,0),(1,1)]', '(2,2),(0,0)', '((0,0),(1,1))', '((0,0),(1,1),(1,0))', '<(0,0),2>', '{1,2,3}', '::1/64', '10.0.0.0/8', '08:00:2b:01:02:03',
 '08:00:2b:01:02:03:04:05', '[1,10)', '(,1.50]', '[2020-01-01,)', $multirange'a:1A b', 'a & !b', '\$.a[*]', '16/B374D848', 42,
 'it''s "ok"', '{sad,NULL}', 5, 'happy', 'b', '{1,2}', -0.01, '{1.10,NULL}', '{a,"b c"}', '{2024-02-29,NULL}', '{0.1,NaN,1e23}',
 ARRAY[gen_random_uuid()], '{"\\\\x00ff",NULL}', '{(1,1),(0,0);(3,3),(2,2)}', '{"0044-03-15 12:00:00 BC"}', 4294967295);
INSERT INTO types (id) VALUES (-$1);
INSERT INTO types (id, n2, f4, f8, d, ti, ts, tsz, ia, ta, na, dma, pr, pra, tgs, da, fa, ua, bya, ba, tsa, t, by) VALUES ($1 + 1000, 'NaN', '-0', 5e-324,
 'infinity', '23:59:59.999', '294276-12-31 23:59:59.999999', '-infinity', '{{1,2},{3,4}}', '[0:1]={a,NULL}', '{NaN}', '{{1}}', 'NaN', '{NaN,0.00}',
 '[-1:-1]={x}', '{infinity}', '{{-0,Infinity}}', '{}', '{}', '{}', '{infinity}', '', '');
SQL
}
sql src source "$(insert 1)"
wide="SELECT id, small, big, big2 FROM wide"
all=$(view types_all id <<<"SELECT * FROM types")
odd=$(view odd the_key <<<'SELECT "the key" AS the_key, "select", "a""b" FROM sales."Odd Name"')
w=$(view wide_all id <<<"$wide")
out=$("$UNDAM" view add "$all" "$odd" "$w" 2>&1); is $? 0 "views over every type are added" || note "$out"
same_rows "the load keeps every type" "SELECT * FROM types" "SELECT $(sql rm rm "SELECT string_agg(quote_ident(attname), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'mirror.types'::regclass AND attnum > 0 AND attname !~ '^_'") FROM mirror.types"
is "$(sql rm rm "SELECT string_agg(format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'mirror.types'::regclass AND attnum > 0 AND attname !~ '^_'")" \
   "$(sql src source "SELECT string_agg(format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'types'::regclass AND attnum > 0")" "with the source's types"

BATCH_EVENTS=1 # every event a fetch of its own: transactions are cut wherever that can be
write_config public.types:id "sales.Odd Name:the key" public.wide:id
start_projector
sql src source "$(insert 2); UPDATE types SET i4 = 7 WHERE id = 1; UPDATE types SET id = 9 WHERE id = -1;
INSERT INTO sales.\"Odd Name\" VALUES ('it''s \"k\", {x}', NULL, ''); UPDATE sales.\"Odd Name\" SET \"the key\" = 'moved' WHERE \"the key\" = 'k';
INSERT INTO wide SELECT i, 's', repeat(md5(i::text), 200), repeat(md5(i::text), 300) FROM generate_series(1, 9) i"
settle
cols=$(sql rm rm "SELECT string_agg(quote_ident(attname), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'mirror.types'::regclass AND attnum > 0 AND attname !~ '^_'")
same_rows "the stream keeps every type" "SELECT * FROM types" "SELECT $cols FROM mirror.types"
same_rows "and the view" "SELECT * FROM types" "SELECT $cols FROM api.types_all"
same_rows "odd names" 'SELECT * FROM sales."Odd Name"' 'SELECT the_key, "select", "a""b" FROM api.odd'

sql src source "
UPDATE wide SET small = 'a' WHERE id = 1;
BEGIN; UPDATE wide SET big = 'short' WHERE id = 2; UPDATE wide SET small = 'b' WHERE id = 2; COMMIT;
BEGIN; UPDATE wide SET id = 103 WHERE id = 3; UPDATE wide SET small = 'c' WHERE id = 103; UPDATE wide SET id = 203 WHERE id = 103; COMMIT;
BEGIN; DELETE FROM wide WHERE id = 4; INSERT INTO wide VALUES (4, 'again', repeat('z', 5000), NULL); UPDATE wide SET small = 'd' WHERE id = 4; COMMIT;
UPDATE wide SET big2 = NULL, id = 105 WHERE id = 5;
INSERT INTO wide SELECT i, 'cut', repeat(md5(i::text), 200), 'y' FROM generate_series(1001, 1020) i;
UPDATE wide SET id = id + 1000 WHERE id > 1000"
settle
same_rows "unchanged TOAST is kept, moved keys too, however a transaction is cut" "$wide" "SELECT id, small, big, big2 FROM api.wide_all"
sql src source "ALTER TYPE mood ADD VALUE 'meh' BEFORE 'happy'"
sql src source "UPDATE types SET en = 'meh' WHERE id = 2"
settle
same_rows "a label added to an enum arrives" "SELECT id, en FROM types ORDER BY en" "SELECT id, en FROM api.types_all ORDER BY en"
out=$("$UNDAM" view verify 2>&1); is $? 0 "verify agrees" || note "$out"
sql src source "ALTER TABLE wide ADD COLUMN more int DEFAULT 1; UPDATE wide SET more = 2, small = 'wider'"
settle
same_rows "an added column is ignored" "$wide" "SELECT id, small, big, big2 FROM api.wide_all"
sql src source "ALTER TABLE wide ALTER small TYPE varchar(50); UPDATE wide SET small = 'typed'"
wait_until 10 grep -q 'has become' "$T/projector.log"; is $? 0 "a changed type stops the service"
wait "$pid_projector"; is $? 7 "with exit code 7"
like "$(cat "$T/projector.log")" 'column small has become character varying\(50\), the mirror has text' "and says which column"
like "$(cat "$T/projector.log")" 'undam view rebuild' "and what to do"
out=$("$UNDAM" view rebuild app 2>&1); is $? 0 "rebuild loads it again" || note "$out"
start_projector again
sql src source "UPDATE wide SET small = 'after'"
settle
same_rows "and it goes on" "$wide" "SELECT id, small, big, big2 FROM api.wide_all"
done_testing
