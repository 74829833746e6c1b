#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every type of PostgreSQL, through Kafka and a schema registry (Apicurio; the embedded one over HTTP), to readers that are
# not ours: Java, Node and Go decode the same, and it is what PostgreSQL says.
. "$(dirname "$0")/../flow/lib.sh"
. "$(dirname "$0")/../flow/types.sh"
. "$(dirname "$0")/kafka.sh"
export PGOPTIONS="-c TimeZone=UTC -c DateStyle=ISO,YMD -c IntervalStyle=postgres -c extra_float_digits=3 -c bytea_output=hex"
VERSION=$("$PG_BINDIR/postgres" --version | sed 's/.* \([0-9]*\)[.a-z].*/\1/')

pg_create src
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
app() { sql src app "$1"; }
kafka_create k 1
apicurio_create apicurio
types_create src app "$VERSION"
app "CREATE TABLE wide (id bigint, part text, \"odd name\" int, \"1st\" int, \"ünï\" text, \"a_x41_b\" text, big text, PRIMARY KEY (id, part));
     ALTER TABLE wide ALTER COLUMN big SET STORAGE EXTERNAL;
     COMMENT ON TABLE wide IS 'a table'; COMMENT ON COLUMN wide.\"odd name\" IS 'a \"comment\"'"

# What a value is in the readers' form, from its text, its type and its type's modifier: by PostgreSQL's own functions.
cat >"$T/canon.sql" <<'END'
CREATE SCHEMA canon;
CREATE FUNCTION canon.scalar(v text, t oid, m int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE micros numeric; scale int := ((m - 4 & 2047) # 1024) - 1024;
BEGIN -- NULL: it has no typed form
    CASE
    WHEN t = 16 THEN RETURN to_jsonb(v::boolean);
    WHEN t IN (20, 21, 23, 26) THEN RETURN to_jsonb(v::numeric);
    WHEN t = 700 THEN RETURN jsonb_build_object('float', encode(float4send(v::real), 'hex'));
    WHEN t = 701 THEN RETURN jsonb_build_object('double', encode(float8send(v::double precision), 'hex'));
    WHEN t = 17 THEN RETURN jsonb_build_object('bytes', encode(v::bytea, 'hex'));
    WHEN t = 2950 THEN RETURN jsonb_build_object('uuid', v);
    WHEN t = 1700 AND m > 4 AND scale >= 0 AND scale <= (m - 4) >> 16 THEN
        RETURN CASE WHEN v !~ '[NI]' THEN jsonb_build_object('decimal', v) END;
    WHEN t = 1082 THEN
        RETURN CASE WHEN isfinite(v::date) THEN jsonb_build_object('date', v::date - '1970-01-01'::date) END;
    WHEN t = 1083 THEN
        RETURN CASE WHEN v <> '24:00:00' THEN jsonb_build_object('time-micros', trunc(extract(epoch FROM v::time) * 1000000)) END;
    WHEN t IN (1114, 1184) THEN
        IF NOT isfinite(v::timestamptz) THEN RETURN NULL; END IF; -- in UTC both types are the same
        -- Days and their rest, because extract(epoch) rounds at the end of the range.
        micros := (v::timestamptz::date - '1970-01-01'::date)::numeric * 86400000000 + trunc(extract(epoch FROM v::timestamptz::time) * 1000000);
        IF micros > 9223372036854775807 THEN RETURN NULL; END IF;
        RETURN jsonb_build_object(CASE t WHEN 1114 THEN 'local-timestamp-micros' ELSE 'timestamp-micros' END, micros);
    ELSE RETURN to_jsonb(v);
    END CASE;
END $$;
CREATE FUNCTION canon.base(INOUT t oid, INOUT m int) LANGUAGE plpgsql AS $$
BEGIN
    WHILE (SELECT typtype = 'd' FROM pg_type WHERE oid = t) LOOP
        SELECT typbasetype, CASE WHEN m < 0 THEN typtypmod ELSE m END INTO t, m FROM pg_type WHERE oid = t;
    END LOOP;
END $$;
CREATE FUNCTION canon.value(v text, t oid, m int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE element oid; plain bool; list jsonb; untyped bool;
BEGIN
    IF v IS NULL THEN RETURN 'null'; END IF;
    SELECT * INTO t, m FROM canon.base(t, m);
    -- Arrays, but for the two vectors, which have another text form.
    SELECT typelem INTO element FROM pg_type WHERE oid = t AND typcategory = 'A' AND t NOT IN (22, 30);
    IF element IS NULL THEN RETURN coalesce(canon.scalar(v, t, m), to_jsonb(v)); END IF;
    SELECT * INTO element, m FROM canon.base(element, m);
    EXECUTE format('SELECT coalesce(array_ndims(a), 1) = 1 AND coalesce(array_lower(a, 1), 1) = 1 FROM (SELECT %L::%s) x(a)', v, t::regtype) INTO plain;
    EXECUTE format('SELECT coalesce(jsonb_agg(coalesce(c, ''null'') ORDER BY o), ''[]''), coalesce(bool_or(e IS NOT NULL AND c IS NULL), false)
        FROM (SELECT o, e, CASE WHEN e IS NOT NULL THEN canon.scalar(e, %s, %s) END c
              FROM (SELECT CASE WHEN num_nonnulls(a[i]) <> 0 THEN format(''%%s'', a[i]) END, i
                    FROM (SELECT %L::%s) w(a), generate_subscripts(a, 1) i) y(e, o)) x',
        element, m, v, t::regtype) INTO list, untyped;
    RETURN CASE WHEN plain AND NOT untyped THEN list ELSE to_jsonb(v) END;
END $$;
END
psql -X -q -v ON_ERROR_STOP=1 -d "$(dsn src app)" -f "$T/canon.sql" || bail "functions cannot be made"

# One source, two relays: one with Apicurio, one with the embedded registry that `undam control` serves.
registry_port=$(free_port)
declare -A relay_port=([outside]=$(free_port) [inside]=$(free_port))
config() { # NAME REGISTRY
    cat >"$T/$1.yaml" <<END
source: {name: $1, dsn: "$(dsn src app)", slot: $1, publication: undam}
$(kafka_config k "prefix: $1, partitions: 2")
registry: $2
relay: {listen: "127.0.0.1:${relay_port[$1]}", spool_directory: $T/spool-$1, watermark_ms: 100}
control: {dsn: "$(dsn src undam)", snapshot: $T/flags, catalogue: $T/catalogue}
services:
  types:
    tables:
$(sed 's/^/      /' <<<"${types_tables}public.wide: id")
END
}
config outside "{driver: confluent, urls: \"$(apicurio_url apicurio)\"}"
config inside "{driver: embedded, listen: \"127.0.0.1:$registry_port\"}"
"$UNDAM" relay -c "$T/outside.yaml" --create-publication >/dev/null || bail "no publication"
started() { curl -sf -m 5 "http://127.0.0.1:${relay_port[$1]}/readyz"; }
for name in outside inside; do
    start $name "$UNDAM" relay -c "$T/$name.yaml"
    wait_until 30 started $name || bail "the relay does not start: $(tail -n 3 "$T/$name.log")"
done
start control "$UNDAM" control -c "$T/inside.yaml"

types_write src app
app "INSERT INTO wide VALUES (1, 'a', 2, 3, 'ü', 'x', repeat('0123456789', 1000)), (2, 'b', NULL, NULL, NULL, NULL, NULL)"
app "UPDATE wide SET \"odd name\" = 7 WHERE id = 1"
app "UPDATE wide SET part = 'c' WHERE id = 2"
app "DELETE FROM wide WHERE id = 1"
lsn=$(app "SELECT pg_current_wal_insert_lsn()")
past() { # the source may forget it; an LSN at the start of a page may only be reached in the form of the page before
    [ "$(app "SELECT confirmed_flush_lsn - '$lsn' >= -40 FROM pg_replication_slots WHERE slot_name = '$1'")" = t ]
}
messages=$(($(app "SELECT count(*) FROM later") + 6)) # a changed key is a deletion and a creation

# What PostgreSQL says of every value.
for i in $(seq $types); do
    echo "SELECT jsonb_build_object('type', 't$i.created', 'id', id, 'v', canon.value(CASE WHEN num_nonnulls(v) <> 0 THEN format('%s', v) END,
        a.atttypid, a.atttypmod)) FROM t$i, pg_attribute a WHERE attrelid = 't$i'::regclass AND attname = 'v';"
done >"$T/read.sql"
psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$(dsn src app)" -f "$T/read.sql" | json_lines | LC_ALL=C sort >"$T/source"
ok "$([ "$(wc -l <"$T/source")" -gt 200 ]; echo $?)" "PostgreSQL says what $(wc -l <"$T/source") values are"
values() { # of what a reader printed
    python3 -c 'import json, sys
for line in sys.stdin:
    m = json.loads(line)
    if m["headers"]["ce_type"].startswith("t"):
        print(json.dumps({"type": m["headers"]["ce_type"], "id": m["value"]["id"], "v": m["value"]["v"]}))' <"$1" | json_lines | LC_ALL=C sort
}
# Of the table with odd names: type, key, value and what the event does not say, in the order of the source.
odd() {
    python3 -c 'import json, sys
rows = []
for line in sys.stdin:
    m = json.loads(line)
    h = m["headers"]
    if h["ce_type"].startswith("wide"):
        high, low = h["undam_lsn"].split("/")
        big = m["value"].get("big")
        if big: m["value"]["big"] = len(big)
        rows.append((int(high, 16), int(low, 16), int(h["undam_seq"]), h["ce_type"], m["key"], h["ce_subject"], json.dumps(m["value"], sort_keys=True, ensure_ascii=False),
                     h.get("undam_missing"), h.get("undam_oldkey")))
for r in sorted(rows): print(*r[3:])' <"$1"
}
for name in outside inside; do
    wait_until 60 past $name; ok $? "$name: everything is on Kafka" || note "$(tail -n 3 "$T/$name.log")"
    registry=$(apicurio_url apicurio) readers='java node go'
    if [ $name = inside ]; then registry=http://127.0.0.1:$registry_port readers='java node'; fi
    for language in $readers; do
        reader "$language" k "$registry" $name.types "$messages" >"$T/$name.$language" 2>"$T/$name.$language.log"
        is $? 0 "$name: the $language reader reads $messages messages" || note "$(tail -n 5 "$T/$name.$language.log")"
        is "$(diff "$T/source" <(values "$T/$name.$language"))" "" "$name, $language: every value is what PostgreSQL says"
        is "$(diff "$T/$name.java" "$T/$name.$language" | cut -c1-400 | head -n 4)" "" "$name, $language: keys, headers and values as Java reads them"
    done
    odd "$T/$name.java" >"$T/$name.odd"
done
note "$(cat "$T/outside.odd")"
is "$(cut -d ' ' -f 1-2 "$T/outside.odd" | tr '\n' ' ')" "wide.created 1 wide.created 2 wide.updated 1 wide.deleted 2 wide.created 2 wide.deleted 1 " "keys and types of the table with odd names"
like "$(head -n 1 "$T/outside.odd")" '"_x31_st": 3, .*"a_x5F_x41_b": "x", "big": 10000, .*"odd_x20_name": 2' "names are escaped"
like "$(sed -n 3p "$T/outside.odd")" '"big": null,.*"odd_x20_name": 7.*\["big"\] ' "an unchanged large value is null and named as missing"
is "$(cat "$T/outside.odd")" "$(cat "$T/inside.odd")" "with both registries"
stop control; stop inside; stop outside
done_testing
