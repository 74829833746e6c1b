# SPDX-License-Identifier: Apache-2.0
# Sourced after lib.sh by tests of the validator: two real sides (answers.c) over one cluster, and what runs it.

ANSWERS=$UNDAM_BUILD/tests/flow/answers
run() { "$UNDAM" "$@" -c "$T/undam.yaml" 2>"$T/stderr.txt"; }
# check [OPTION...]: one run over all keys; out and code are its report and exit code, class NAME a count of it.
check() { out=$(run validate --once --json "$@"); code=$?; note "$code $(cut -c1-130 <<<"$out")"; }
class() { grep -oE "\"$1\":[0-9]+" <<<"$out" | head -n 1 | cut -d: -f2; }
loaded() { [ "$(sql pg model "SELECT count(*) > 0 FROM item")" = t ]; }

# two_sides SELECT-OF-BODIES APPLY-MS: databases source, model and undam; processes old, new and applier. The table defect of
# the model overrides bodies ('dropped': the row is missing).
two_sides() {
    pg_create pg
    local d
    for d in source model undam; do sql pg postgres "CREATE DATABASE $d"; done
    sql pg source "CREATE TABLE item (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL); INSERT INTO item (body) $1"
    sql pg model "CREATE SCHEMA undam; CREATE TABLE item (id bigint PRIMARY KEY, body text NOT NULL);
        CREATE TABLE defect (id bigint PRIMARY KEY, body text);
        CREATE TABLE undam.position (source text PRIMARY KEY, lsn pg_lsn, watermark timestamptz, applied_at timestamptz);
        INSERT INTO undam.position VALUES ('s', '0/0', NULL, NULL)"
    start old "$ANSWERS" serve 0 "$(dsn pg source)" "SELECT body FROM item WHERE id = \$1::bigint"
    start new "$ANSWERS" serve 0 "$(dsn pg model)" "SELECT coalesce(d.body, i.body), p.lsn FROM undam.position p, item i LEFT JOIN defect d USING (id) WHERE i.id = \$1::bigint AND coalesce(d.body, '') <> 'dropped'" stream
    wait_until 10 grep -q port "$T/old.log" && wait_until 10 grep -q port "$T/new.log" || bail "the two sides do not start"
    old=$(sed -n 's/^port //p' "$T/old.log") new=$(sed -n 's/^port //p' "$T/new.log")
    mkdir -p "$T/migration/endpoints" "$T/run"
    cat >"$T/migration/endpoints/item.sql" <<'EOF'
-- endpoint: GET /items/{id}
-- service: items
-- flag: items-read
-- user: path.id
-- param: id path bigint
-- content-type: application/json
-- not-found: 404 {"error":"not found"}
-- enumerate: SELECT id FROM item UNION ALL SELECT 100000
SELECT body FROM api.item WHERE id = :id
EOF
    cat >"$T/undam.yaml" <<EOF
directory: $T/migration
source: {name: s, dsn: "$(dsn pg source)"}
control: {dsn: "$(dsn pg undam)", snapshot: $T/run/flags.snapshot, catalogue: $T/run/endpoints.catalogue, poll_ms: 5}
validate: {listen: "127.0.0.1:${listen:-0}", legacy_url: "http://127.0.0.1:$old", stream_url: "http://127.0.0.1:$new/", ticket_socket: $T/run/tickets.sock, wait_ms: 3000, unstable_every: 10}
services:
  items: {dsn: "$(dsn pg model)", tables: {public.item: id}}
EOF
    run endpoint compile >/dev/null || bail "the catalogue: $(cat "$T/stderr.txt")"
    start applier "$ANSWERS" apply "$(dsn pg source)" "$(dsn pg model)" "$2"
    wait_until 20 loaded || bail "the read model is not loaded"
}
