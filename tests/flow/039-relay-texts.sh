#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The typed mapping against what a real server prints: hundreds of thousands of floats of every bit pattern, numbers,
# dates, times and arrays take their typed branch and come back as the very text; what a type cannot hold stays text.
# versions: all
. "$(dirname "$0")/lib.sh"
export PGOPTIONS="-c TimeZone=UTC -c DateStyle=ISO,YMD -c IntervalStyle=postgres -c extra_float_digits=3 -c bytea_output=hex"

pg_create src
texts="$UNDAM_BUILD/tests/flow/relay_texts"
# compare NAME LEAST SQL...: each SQL gives columns type (regtype), modifier, typed, value.
compare() {
    local name=$1 least=$2 out
    out=$(sql src postgres "COPY (SELECT t::regtype::oid, m, CASE WHEN typed THEN 'typed' ELSE 'text' END, v FROM ($3) q(t, m, typed, v)) TO STDOUT" | "$texts")
    ok $? "$name: $(tail -n 1 <<<"$out")" || true
    ok "$([ "$(tail -n 1 <<<"$out" | cut -d' ' -f1)" -ge "$least" ]; echo $?)" "$name: there are $least"
    [ "$(wc -l <<<"$out")" = 1 ] || note "$out"
}

# Bits as floats, the way PostgreSQL's own tests make them.
sql src postgres "
CREATE TYPE xfloat8; CREATE FUNCTION xin8(cstring) RETURNS xfloat8 IMMUTABLE STRICT LANGUAGE internal AS 'int8in';
CREATE FUNCTION xout8(xfloat8) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'int8out';
CREATE TYPE xfloat8 (INPUT = xin8, OUTPUT = xout8, LIKE = float8);
CREATE CAST (xfloat8 AS float8) WITHOUT FUNCTION; CREATE CAST (bigint AS xfloat8) WITHOUT FUNCTION;
CREATE TYPE xfloat4; CREATE FUNCTION xin4(cstring) RETURNS xfloat4 IMMUTABLE STRICT LANGUAGE internal AS 'int4in';
CREATE FUNCTION xout4(xfloat4) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'int4out';
CREATE TYPE xfloat4 (INPUT = xin4, OUTPUT = xout4, LIKE = float4);
CREATE CAST (xfloat4 AS float4) WITHOUT FUNCTION; CREATE CAST (int AS xfloat4) WITHOUT FUNCTION;
CREATE FUNCTION bits(i bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS \$\$ SELECT ('x' || md5(i::text))::bit(64)::bigint \$\$" >/dev/null 2>&1
compare "float8, random bits" 150000 "SELECT 'float8', -1, true, bits(i)::xfloat8::float8::text FROM generate_series(1, 150000) i"
compare "float8, powers of two and their neighbours" 6000 "SELECT 'float8', -1, true, ((e << 52) + d)::xfloat8::float8::text FROM generate_series(1::bigint, 2046) e, generate_series(-1, 1) d"
compare "float8, denormals" 20000 "SELECT 'float8', -1, true, (bits(i) & ((1::bigint << (i % 52)::int) - 1))::xfloat8::float8::text FROM generate_series(1, 20000) i"
compare "float8, short decimals and powers of ten" 20000 "SELECT 'float8', -1, true, ((i * 7919)::float8 / 1000)::text FROM generate_series(-10000, 10000) i UNION ALL SELECT 'float8', -1, true, ('1e' || i)::float8::text FROM generate_series(-307, 308) i"
compare "float4, random bits" 100000 "SELECT 'float4', -1, true, (bits(i) >> 32)::int::xfloat4::float4::text FROM generate_series(1, 100000) i"
compare "float4, powers of two, neighbours, denormals" 10000 "SELECT 'float4', -1, true, ((e << 23) + d)::xfloat4::float4::text FROM generate_series(1, 254) e, generate_series(-1, 1) d UNION ALL SELECT 'float4', -1, true, i::xfloat4::float4::text FROM generate_series(1, 10000) i"
compare "integers" 30000 "SELECT 'bigint', -1, true, (bits(i) >> (i % 64)::int)::text FROM generate_series(1, 10000) i UNION ALL SELECT 'int', -1, true, (bits(i) >> 32 >> (i % 32)::int)::int::text FROM generate_series(1, 10000) i UNION ALL SELECT 'smallint', -1, true, i::text FROM generate_series(-32768, 32767, 7) i UNION ALL SELECT 'oid', -1, true, (bits(i) & 4294967295)::text FROM generate_series(1, 5000) i"
compare "numerics" 15000 "SELECT 'numeric', p * 65536 + s + 4, true, v FROM (SELECT p, s, (left(string_agg((bits(i * 1000 + j) & 9223372036854775807)::text, ''), p - s) || '.' || repeat(i::text, 200))::numeric * sign(i % 2 - 0.5) AS n, i FROM generate_series(1, 500) i, LATERAL (SELECT i * 2 AS p, i * 7 % (i * 2 + 1) AS s) x, generate_series(1, 60) j GROUP BY i, p, s) q, LATERAL (SELECT trunc(n, s)::text) y(v) WHERE v !~ '^-?0\$' OR s = 0 UNION ALL SELECT 'numeric', 12 * 65536 + 2 + 4, true, (i / 100.0)::numeric(12,2)::text FROM generate_series(-10000, 10000) i"
compare "dates" 50000 "SELECT 'date', -1, true, ('4714-11-24 BC'::date + i)::text FROM generate_series(0, 4000000, 97) i UNION ALL SELECT 'date', -1, true, ('4714-11-24 BC'::date + i)::text FROM generate_series(4000000, 2147483493, 214748) i"
compare "timestamps" 40000 "SELECT t, -1, true, v FROM generate_series(1, 20000) i, LATERAL (SELECT 'epoch'::timestamp + make_interval(secs => bits(i) % 200000000000) + make_interval(secs => (bits(-i) % 1000000) / 1e6) AS ts) x, LATERAL (VALUES ('timestamp', ts::text), ('timestamptz', ts::timestamptz::text)) y(t, v)"
compare "times" 10000 "SELECT 'time', -1, true, ('00:00'::time + make_interval(secs => (bits(i) & 8589934591) % 86400 + (bits(-i) & 1048575) % 1000000 / 1e6))::text FROM generate_series(1, 10000) i"
compare "bytea and uuid" 4000 "SELECT 'bytea', -1, true, substr(decode(md5(i::text) || md5(i::text), 'hex'), 1, i % 33)::text FROM generate_series(1, 2000) i UNION ALL SELECT 'uuid', -1, true, md5(i::text)::uuid::text FROM generate_series(1, 2000) i"
compare "arrays" 9000 "SELECT 'text[]', -1, true, ARRAY[chr(i % 127 + 1), NULL, repeat(chr(i), i % 3), 'Null', 'x' || chr(i % 127 + 1) || chr(i % 90 + 33)]::text FROM generate_series(1, 3000) i
 UNION ALL SELECT 'float8[]', -1, true, ARRAY[bits(i)::xfloat8::float8, 0, NULL, 'NaN', '-Infinity']::text FROM generate_series(1, 2000) i
 UNION ALL SELECT 'timestamptz[]', -1, true, ARRAY['epoch'::timestamptz + make_interval(secs => i * 7919), NULL]::text FROM generate_series(1, 1000) i
 UNION ALL SELECT 'bytea[]', -1, true, ARRAY[decode(md5(i::text), 'hex'), '', NULL]::text FROM generate_series(1, 1000) i
 UNION ALL SELECT 'box[]', -1, true, ARRAY[box(point(i, 1), point(0, -i)), NULL]::text FROM generate_series(1, 1000) i
 UNION ALL SELECT 'numeric[]', 12 * 65536 + 2 + 4, true, ARRAY[(i / 100.0)::numeric(12,2), NULL]::text FROM generate_series(1, 1000) i
 UNION ALL SELECT t, -1, true, v FROM (VALUES ('int[]', '{}'::int[]::text), ('inet[]', '{::1,10.0.0.0/8}'::inet[]::text), ('json[]', ARRAY['{\"a\": \"\\\\n\"}'::json]::text), ('interval[]', '{1 day,02:00}'::interval[]::text), ('bool[]', '{t,f,NULL}'::bool[]::text), ('int4range[]', ARRAY['[1,2)'::int4range, 'empty']::text)) x(t, v)"
compare "what stays text" 18 "SELECT t, m, false, v FROM (VALUES ('numeric', 786438, 'NaN'::numeric::text), ('date', -1, 'infinity'), ('date', -1, '-infinity'), ('time', -1, '24:00:00'), ('timestamp', -1, 'infinity'), ('timestamptz', -1, '-infinity'), ('timestamp', -1, '294276-12-31 23:59:59.999999'::timestamp::text), ('timestamptz', -1, '294247-01-10 04:00:54.775808+00'::timestamptz::text),
 ('int[]', -1, '{{1,2},{3,4}}'::int[]::text), ('int[]', -1, '[0:1]={5,6}'::int[]::text), ('text[]', -1, '[-1:0][2:2]={{a},{b}}'::text[]::text), ('numeric[]', 786438, '{1.10,NaN}'), ('date[]', -1, '{infinity}'), ('timestamptz[]', -1, '{infinity,\"2024-06-01 10:00:00+00\"}'), ('time[]', -1, '{24:00:00}'), ('float8[]', -1, '{{1.5}}'), ('bytea[]', -1, ARRAY[ARRAY['\\xff'::bytea]]::text), ('uuid[]', -1, '[0:0]={a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}')) x(t, m, v)"
done_testing
