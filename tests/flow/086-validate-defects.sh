#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every defect of examples/fintech/defects, switched on alone, makes answers differ at the endpoint it names and the validator finds
# it; without any, nothing differs. By hand: DEFECT=name tries one.
. "$(dirname "$0")/lib.sh"
. "$UNDAM_SOURCE/scripts/lib/fintech.sh"
. "$(dirname "$0")/edge.sh"
. "$(dirname "$0")/spine.sh"

USERS=120 TRANSACTIONS=3000
MIGRATION=$T/migration
cp -r "$FINTECH/migration" "$MIGRATION"
spine_start

# use FOLDER: views and endpoints are those of FOLDER from now on.
use() {
    local views=() file endpoints=no
    for file in "$1"/views/*.sql; do
        cmp -s "$file" "$MIGRATION/views/${file##*/}" || { cp "$file" "$MIGRATION/views/"; views+=("$MIGRATION/views/${file##*/}"); }
    done
    for file in "$1"/endpoints/*.sql; do
        cmp -s "$file" "$MIGRATION/endpoints/${file##*/}" || { cp "$file" "$MIGRATION/endpoints/"; endpoints=yes; }
    done
    [ ${#views[@]} = 0 ] || "$UNDAM" view add "${views[@]}" >"$T/view-add.log" 2>&1 || { note "$(tail -n 5 "$T/view-add.log")"; return 1; }
    [ $endpoints = no ] || edge_use
}
# nginx takes up the catalogue, and the flags that are bound to it.
streams() { curl -s -D - -o /dev/null -H 'Undam-Force: stream' "http://127.0.0.1:$TRUSTED_PORT/users/1" | grep -qi '^Undam-Route: stream'; }
edge_use() {
    "$UNDAM" endpoint compile >"$T/compile.log" 2>&1 || { note "$(tail -n 5 "$T/compile.log")"; return 1; }
    kill -HUP "$pid_edge"
    wait_until 20 edge_settled && wait_until 20 streams
}

check --limit 300
is "$code $(class mismatch) $(class error-new)" "0 0 0" "no defect: $(class match) answers are equal"

while IFS=$'\t' read -r name how endpoint what; do
    rm -rf "$T/defect"
    if [ "$how" = patch ]; then
        "$FINTECH/defect" apply "$name" --to "$T/defect" 2>"$T/stderr.txt" && use "$T/defect" || { ok 1 "$name: $(cat "$T/stderr.txt")"; continue; }
    else
        use "$FINTECH/migration"
        database=rm_$("$FINTECH/defect" sql "$name" | sed -n 's/^-- Service: //p')
        "$FINTECH/defect" sql "$name" | psql -X -q -v ON_ERROR_STOP=1 -d "$(dsn read "$database")" || { ok 1 "$name"; continue; }
        for id in 2 3; do # something is written that the projection then loses
            curl -sf -X PATCH -d '{"phone":"+49 30 4711"}' "http://127.0.0.1:$APP_PORT/users/$id" >/dev/null
            curl -sf -X POST -d '{"kind":"note"}' "http://127.0.0.1:$APP_PORT/compliance/cases/1/evidence" >/dev/null
        done
    fi
    check --endpoint "$endpoint" --limit 40 # most show at once; each difference is asked for again until it is certain
    [ $code != 0 ] || check --endpoint "$endpoint" --limit 1500
    if [ $code = 1 ] && [ "$(class mismatch)" -gt 0 ]; then ok 0 "$name: $(class mismatch) answers of $endpoint differ"; else
        ok 1 "$name: $what"; note "$code $(cut -c1-200 <<<"$out") $(tail -n 3 "$T/stderr.txt")"; fi
done < <("$FINTECH/defect" list --json | jq -r --arg only "${DEFECT:-}" 'sort_by(.how)[] | select($only == "" or .name == $only) | [.name, .how, .endpoint, .what] | @tsv')

[ -n "${DEFECT:-}" ] || ok "$([ "$tests" -ge 21 ]; echo $?)" "there are at least twenty"
done_testing
