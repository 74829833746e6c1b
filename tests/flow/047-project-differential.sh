#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Random tables, views and transactions through the whole pipeline: source, relay, bus, projector. Whenever it is quiet the
# stored views must equal their SELECT on the source. SEED, VIEWS and BATCHES vary it; BATCH_EVENTS cuts it finer.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/project_lib.sh"

SEED=${SEED:-2} VIEWS=${VIEWS:-16} BATCHES=${BATCHES:-60} BATCH_EVENTS=${BATCH_EVENTS:-7}
note "SEED=$SEED VIEWS=$VIEWS BATCHES=$BATCHES BATCH_EVENTS=$BATCH_EVENTS"
mkdir "$T/round"
"$UNDAM_BUILD/tests/flow/view_pipeline" "$T/round" "$SEED" "$VIEWS" "$BATCHES" || bail "generator"
tables=()
while read -r table key; do tables+=("public.$table:$key"); done <"$T/round/tables"
setup_shop "$(cat "$T/round/schema.sql")" "${tables[@]}"

# A slice may hold equal rows; what is stored needs a row key. So each random SELECT becomes one summary per key.
wrap() { # N: the SELECT with, for each key, how many rows, their hashes' sum, the first and the last
    local keys select values
    keys=$(cat "$T/round/view_$1.keys"); select=$(cat "$T/round/view_$1.sql")
    values=$(psql -X -q -A -t -d "$(dsn src source)" 2>/dev/null <<SQL
CREATE TEMP VIEW v AS $select;
SELECT string_agg('x.' || attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'v'::regclass AND attnum > 0 AND attname <> ALL (string_to_array('$keys', ', '));
SQL
    )
    [ -n "$values" ] || return 1 # not valid SQL, or nothing but keys
    local k="x.${keys//, /, x.}"
    echo "SELECT $k, count(*) AS n, sum(hashtext(ROW($values)::text)::bigint) AS h, min(ROW($values)::text) AS low, max(ROW($values)::text) AS high FROM ($select) x WHERE ${k//, / IS NOT NULL AND } IS NOT NULL GROUP BY $k"
}
files=() names=() refused=0
for n in $(seq "$VIEWS"); do
    text=$(wrap "$n") || continue
    file=$(view "v$n" "$(cat "$T/round/view_$n.keys")" <<<"$text")
    if out=$("$UNDAM" view plan "$file" 2>&1); then files+=("$file"); names+=("v$n"); else refused=$((refused + 1)); note "v$n: $(head -1 <<<"$out" | cut -c1-200)"; fi
done
note "${#files[@]} views, $refused refused"
[ "${#files[@]}" -ge 1 ] || bail "no view of this seed can be wrapped"
half=$((${#files[@]} / 2 + 1))
out=$("$UNDAM" view add "${files[@]:0:$half}" 2>&1); is $? 0 "the first half of the views is added" || note "$(tail -3 <<<"$out")"
start_projector

compare() { # WHEN
    local name bad="" a b
    settle || return
    for name in "$@"; do
        a=$(sed 1,3d "$T/migration/views/$name.sql" | { echo "COPY ("; cat; echo ") TO STDOUT;"; } | psql -X -q -d "$(dsn src source)" | LC_ALL=C sort)
        b=$(psql -X -q -d "$(dsn rm rm)" -c "COPY (SELECT $(sql rm rm "SELECT string_agg(quote_ident(x), ', ' ORDER BY i) FROM undam.view, unnest(columns) WITH ORDINALITY u(x, i) WHERE name = '$name'") FROM api.$name) TO STDOUT" | LC_ALL=C sort)
        [ "$a" = "$b" ] || { bad="$bad $name"; note "$name differs: $(diff <(echo "$a") <(echo "$b") | head -4 | cut -c1-200)"; note "$(cat "$T/migration/views/$name.sql")"; }
        rows=$((rows + $(grep -c . <<<"$a")))
    done
    [ -z "$bad" ]; ok $? "after $done_batches transactions ${#} views equal their SELECT on the source$bad"
}
rows=0 done_batches=0 added=("${names[@]:0:$half}")
compare "${added[@]}"
for n in $(seq "$BATCHES"); do
    psql -X -q -v ON_ERROR_STOP=1 -d "$(dsn src source)" -f "$T/round/batch_$n.sql" >/dev/null || bail "batch $n"
    done_batches=$n
    if [ "$n" = $((BATCHES / 3)) ] && [ "${#files[@]}" -gt "$half" ]; then
        out=$("$UNDAM" view add "${files[@]:$half}" 2>&1); is $? 0 "the others are added while it runs" || note "$(tail -3 <<<"$out")"
        added=("${names[@]}")
    fi
    if [ $((n % (BATCHES / 4))) = 0 ]; then compare "${added[@]}"; fi
done
if [ "$rows" -gt 0 ]; then ok 0 "$rows rows compared"; else ok 1 "there was something to compare"; fi
out=$("$UNDAM" view verify 2>&1); is $? 0 "verify agrees" || note "$out"
stop projector; is $? 0 "the projector never stopped"
done_testing
