#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# undam registry: the same verbs on the embedded registry and, through control's REST paths, on a confluent one.
. "$(dirname "$0")/lib.sh"

pg_create reg
port=$(free_port)
cat >"$T/embedded.yaml" <<END
source: {name: shop, dsn: "$(dsn reg)"}
control: {dsn: "$(dsn reg)", snapshot: $T/flags.snapshot, catalogue: $T/catalogue, listen: ""}
registry: {listen: "127.0.0.1:$port"}
services:
  app: {tables: {public.t: id}}
END
sed "s|^registry:.*|registry: {driver: confluent, urls: \"http://127.0.0.1:$port\"}|" "$T/embedded.yaml" >"$T/confluent.yaml"
start control "$UNDAM" control -c "$T/embedded.yaml"
wait_until 20 curl -sf -o /dev/null "http://127.0.0.1:$port/subjects" || bail "the registry does not answer"

record() { echo "{\"type\":\"record\",\"name\":\"R\",\"fields\":[$1]}"; }
record '{"name":"a","type":"int"}' >"$T/one"
record '{"name":"a","type":"int"},{"name":"b","type":"string","default":""}' >"$T/two"
record '{"name":"a","type":"string"}' >"$T/bad"
reg() { OUT=$("$UNDAM" registry "$@" -c "$T/$driver.yaml" 2>&1); S=$?; }

for driver in embedded confluent; do
    s=$driver-subject
    reg list; is "$S $(grep -c "$s" <<<"$OUT")" "0 0" "$driver: not there at first"
    reg show "$s"; is $S 7 "$driver: an unknown subject is an error"
    reg add "$s" "$T/one" --dry-run; is "$S $OUT" "0 would be registered" "$driver: a dry run"
    reg show "$s"; is $S 7 "$driver: changes nothing"
    reg add "$s" "$T/one" --json; is "$S" 0 "$driver: registered"
    id=$(jq .id <<<"$OUT")
    reg add "$s" - <"$T/one"; is "$S $OUT" "0 registered, id $id" "$driver: again, from standard input"
    reg check "$s" "$T/two"; is "$S $OUT" "0 compatible" "$driver: a compatible change"
    reg check "$s" "$T/bad"; is $S 1 "$driver: one that is not"
    like "$OUT" 'rule BACKWARD: .*/a.*' "$driver: says where"
    is "$(grep -cF -e "registered: $(cat "$T/one")" -e "offered:    $(cat "$T/bad")" <<<"$OUT")" 2 "$driver: and prints both"
    reg add "$s" "$T/bad" --json; is "$S $(jq -r '"\(.compatible) \(.rule)"' <<<"$OUT")" "1 false BACKWARD" "$driver: nor is it registered"
    reg add "$s" "$T/two"; is $S 0 "$driver: a second version"
    reg show "$s" --json; is "$(jq -r '"\(.version) \(.rule) \(.own)"' <<<"$OUT")" "2 BACKWARD false" "$driver: the newest"
    reg show "$s" --version 1 --json; is "$(jq -r '"\(.version) \(.id)"' <<<"$OUT")" "1 $id" "$driver: the first"
    reg show "$id"; is "$S $OUT" "0 $(cat "$T/one")" "$driver: by id"
    reg show 99999; is $S 7 "$driver: an unknown id"
    reg config "$s" NONE --dry-run; like "$OUT" '^would become NONE, is now .*BACKWARD' "$driver: a rule, dry"
    reg config "$s" NONE; is "$S $OUT" "0 $s: NONE" "$driver: a rule"
    reg config "$s" --json; is "$(jq -r '"\(.rule) \(.own)"' <<<"$OUT")" "NONE true" "$driver: is kept"
    reg add "$s" "$T/bad"; is $S 0 "$driver: and counts"
    reg config "$s" default; is "$OUT" "$s: BACKWARD (global)" "$driver: taken away"
    reg config "$s" SIDEWAYS; is $S 2 "$driver: no rule"
    reg config FULL; is "$S $OUT" "0 FULL" "$driver: the global one"
    reg config default; is "$S $OUT" "0 BACKWARD" "$driver: and back"
    reg list --json; is "$(jq -c ".[] | select(.subject == \"$s\") | [.versions, .rule]" <<<"$OUT")" '[[1,2,3],"BACKWARD"]' "$driver: listed"
    reg list; like "$OUT" "^$s +3 +3  BACKWARD \(global\)" "$driver: for people"
    reg delete "$s" --version 3 --dry-run; like "$OUT" '^1 version .* would be deleted' "$driver: a deletion, dry"
    reg delete "$s" --version 3; is $S 0 "$driver: a version"
    reg delete "$s" --version 3; is $S 7 "$driver: only once"
    reg delete "$s" --json; is "$S $(jq .deleted <<<"$OUT")" "0 2" "$driver: the rest"
    reg show "$s"; is $S 7 "$driver: is gone"
    reg show "$id"; is "$S" 0 "$driver: the id is not"
    reg check "$s" "$T/nothing"; is $S 8 "$driver: a file that is not there"
    echo '{"type":"recrod"}' >"$T/wrong"
    reg add "$s" "$T/wrong"; is $S 7 "$driver: no Avro"
    like "$OUT" 'recrod' "$driver: says so"
done
stop control
driver=confluent
began=$SECONDS
reg list; is $S 6 "nobody there"
ok $((SECONDS - began > 20)) "is told in good time"
like "$OUT" "http://127.0.0.1:$port: " "with the URL"
like "$OUT" "hint: .*registry.urls" "and what to do"
done_testing
