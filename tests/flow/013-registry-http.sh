#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The embedded registry under Confluent's REST paths, served by `undam control`: every path, every refusal, hostile
# requests, a database that goes away; then the conformance suite of registry drivers through it.
. "$(dirname "$0")/lib.sh"

pg_create reg
port=$(free_port) metrics=$(free_port)
cat >"$T/undam.yaml" <<END
source: {name: shop, dsn: "$(dsn reg)"}
control: {dsn: "$(dsn reg)", snapshot: $T/flags.snapshot, catalogue: $T/catalogue, listen: "127.0.0.1:$metrics"}
registry: {listen: "127.0.0.1:$port"}
services:
  app: {tables: {public.t: id}}
END
start control "$UNDAM" control -c "$T/undam.yaml"
url=http://127.0.0.1:$port
wait_until 20 curl -sf -o /dev/null "$url/subjects" || bail "the registry does not answer"

# ask METHOD PATH [BODY]: status in $S, body in $B, content type in $C.
ask() {
    local body=()
    [ $# -lt 3 ] || body=(-H 'Content-Type: application/vnd.schemaregistry.v1+json' --data-binary "$3")
    C=$(curl -s -m 20 -o "$T/body" -w '%{http_code} %{content_type}' --path-as-is -X "$1" "${body[@]}" "$url$2")
    S=${C%% *} C=${C#* } B=$(cat "$T/body")
}
says() { # NAME STATUS BODY
    is "$S $B" "$2 $3" "$1"
}
refuses() { # NAME STATUS CODE
    is "$S $(jq -r '"\(.error_code) \(.message | type)"' <<<"$B" 2>&1)" "$2 $3 string" "$1"
}
schema() { jq -nc --arg s "$1" '{schema: $s}'; }
record() { # FIELDS
    echo "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"fields\":[$1]}"
}
a='{"name":"a","type":"int"}'
b='{"name":"b","type":"string","default":""}'
one=$(record "$a") two=$(record "$a,$b") bad=$(record "$a,{\"name\":\"b\",\"type\":\"string\"}")

note "subjects and versions"
ask GET /; says "the root" 200 '{}'
ask GET /subjects; says "no subjects" 200 '[]'
is "$C" application/vnd.schemaregistry.v1+json "the content type is Confluent's"
ask GET /schemas/types; says "types" 200 '["AVRO"]'
ask GET /contexts; says "contexts" 200 '["."]'
ask GET /v1/metadata/version; like "$B" '"version":"undam-' "the version"
ask POST /subjects/s-value/versions "$(schema "$one")"; says "a schema is registered" 200 '{"id":1}'
ask POST /subjects/s-value/versions "$(schema "$one")"; says "and again" 200 '{"id":1}'
ask POST "/subjects/s-value/versions?normalize=true" "$(schema " $one ")"; says "its layout does not matter" 200 '{"id":1}'
ask POST /subjects/s-value/versions "$(schema "$two")"; says "a second version" 200 '{"id":2}'
ask POST /subjects/other/versions "$(schema "$one")"; says "another subject shares the id" 200 '{"id":1}'
ask POST /subjects/sl%2Fash%20%C3%A9/versions "$(schema "$one")"; says "an odd subject" 200 '{"id":1}'
ask GET /subjects; says "all subjects" 200 '["other","s-value","sl/ash é"]'
ask GET "/subjects?subjectPrefix=s"; says "by prefix" 200 '["s-value","sl/ash é"]'
ask GET "/subjects?offset=1&limit=1"; says "a page of them" 200 '["s-value"]'
ask GET /subjects/s-value/versions; says "versions" 200 '[1,2]'
ask GET /subjects/s-value/versions/; says "a slash at the end" 200 '[1,2]'
ask GET /subjects/s-value/versions/1
is "$S $(jq -c . <<<"$B")" "200 $(jq -nc --arg s "$one" '{subject: "s-value", version: 1, id: 1, schema: $s}')" "a version"
ask GET /subjects/s-value/versions/latest; is "$(jq -r '"\(.version) \(.id)"' <<<"$B")" "2 2" "the latest"
ask GET /subjects/s-value/versions/-1; is "$(jq -r '"\(.version) \(.id)"' <<<"$B")" "2 2" "and as -1"
ask GET /subjects/s-value/versions/2/schema; says "only the schema" 200 "$two"
ask GET /subjects/s-value/versions/2/referencedby; says "referenced by nothing" 200 '[]'
ask POST /subjects/s-value "$(schema "$one")"; is "$S $(jq -r '"\(.subject) \(.version) \(.id)"' <<<"$B")" "200 s-value 1 1" "looked up"
ask POST /subjects/nobody "$(schema "$one")"; refuses "looked up under no subject" 404 40401
ask POST /subjects/s-value "$(schema "$bad")"; refuses "a schema it does not have" 404 40403
ask GET /subjects/nobody/versions; refuses "an unknown subject" 404 40401
ask GET /subjects/nobody/versions/1; refuses "a version of it" 404 40401
ask GET /subjects/s-value/versions/9; refuses "an unknown version" 404 40402
ask GET /subjects/s-value/versions/zero; refuses "a version that is none" 422 42202
ask GET /subjects/s-value/versions/0; refuses "nor is 0" 422 42202
ask GET /subjects/s-value/versions/99999999999; refuses "nor one too large" 422 42202

note "schemas by id"
ask GET /schemas/ids/1; says "by id" 200 "$(jq -nc --arg s "$one" '{schema: $s}')"
ask GET "/schemas/ids/1?fetchMaxId=false&subject=s-value&format="; is $S 200 "with a newer client's parameters"
ask GET /schemas/ids/2/schema; says "only the schema" 200 "$two"
ask GET /schemas/ids/1/subjects; says "its subjects" 200 '["other","s-value","sl/ash é"]'
ask GET /schemas/ids/2/versions; says "its versions" 200 '[{"subject":"s-value","version":2}]'
ask GET /schemas/ids/77; refuses "an unknown id" 404 40403
ask GET /schemas/ids/x; is $S 404 "an id that is none"

note "what cannot be registered"
ask POST /subjects/s-value/versions "$(schema "$(record '{"name":"a","type":"string"}')")"; refuses "an incompatible schema" 409 409
like "$B" 'BACKWARD.*/a' "with rule and place"
ask POST /subjects/s-value/versions '{"schema":"{\"type\":\"nonsense\"}"}'; refuses "no Avro" 422 42201
ask POST /subjects/s-value/versions '{"schema":"{"}'; refuses "no JSON in it" 422 42201
ask POST /subjects/s-value/versions '{"schema":'; refuses "no JSON" 400 400
ask POST /subjects/s-value/versions '[]'; refuses "no object" 400 400
ask POST /subjects/s-value/versions '{}'; refuses "no schema" 422 42201
ask POST /subjects/s-value/versions; refuses "no body" 422 422
ask POST /subjects/s-value/versions '{"schema":"\"int\"","schemaType":"PROTOBUF"}'; refuses "another type" 422 42201
ask POST /subjects/s-value/versions '{"schema":"\"int\"","references":[{"name":"x","subject":"y","version":1}]}'; refuses "references" 422 42201
like "$B" 'references' "said so"
ask POST /subjects/s-value/versions '{"schema":"\"int\"","references":[],"schemaType":"AVRO","metadata":null}'; refuses "empty ones are none (int is incompatible)" 409 409
ask POST /subjects/s-value/versions '{"schema":"\"int\"","id":7}'; refuses "an id of one's own" 422 42205
ask POST /subjects/%01/versions "$(schema "$one")"; refuses "a subject with a control character" 422 42208
ask POST /subjects/%FF/versions "$(schema "$one")"; refuses "a subject that is no UTF-8" 422 42208
ask POST "/subjects/$(printf 'x%.0s' $(seq 600))/versions" "$(schema "$one")"; refuses "a subject too long" 422 42208

note "compatibility"
ask POST /compatibility/subjects/s-value/versions/latest "$(schema "$one")"; says "compatible" 200 '{"is_compatible":true}'
ask POST /compatibility/subjects/s-value/versions/latest "$(schema "$(record '{"name":"a","type":"string"}')")"; says "incompatible" 200 '{"is_compatible":false}'
ask POST "/compatibility/subjects/s-value/versions/latest?verbose=true" "$(schema "$(record '{"name":"a","type":"string"}')")"
is "$(jq -r '"\(.is_compatible) \(.messages | length > 0)"' <<<"$B")" "false true" "with reasons"
ask POST /compatibility/subjects/s-value/versions "$(schema "$one")"; says "with what the rule asks for" 200 '{"is_compatible":true}'
ask POST /compatibility/subjects/s-value/versions/1 "$(schema "$bad")"; says "with the first version" 200 '{"is_compatible":false}'
ask POST /compatibility/subjects/s-value/versions/2 "$(schema "$bad")"; says "with the second" 200 '{"is_compatible":true}'
ask POST /compatibility/subjects/s-value/versions/9 "$(schema "$one")"; refuses "with one it does not have" 404 40402
ask POST /compatibility/subjects/nobody/versions/latest "$(schema "$one")"; says "a subject's first schema" 200 '{"is_compatible":true}'

note "config and mode"
ask GET /config; says "the global rule" 200 '{"compatibilityLevel":"BACKWARD"}'
ask GET /config/s-value; refuses "no rule of its own" 404 40408
ask GET "/config/s-value?defaultToGlobal=true"; says "the one that holds" 200 '{"compatibilityLevel":"BACKWARD"}'
ask PUT /config/s-value '{"compatibility":"NONE"}'; says "its own" 200 '{"compatibility":"NONE"}'
ask GET /config/s-value; says "is kept" 200 '{"compatibilityLevel":"NONE"}'
ask POST /subjects/s-value/versions "$(schema "$bad")"; says "and lets everything pass" 200 '{"id":3}'
ask DELETE /config/s-value; says "dropped again" 200 '{"compatibilityLevel":"NONE"}'
ask DELETE /config/s-value; refuses "which can be done once" 404 40401
ask PUT /config '{"compatibility":"FULL_TRANSITIVE"}'; says "another global rule" 200 '{"compatibility":"FULL_TRANSITIVE"}'
ask GET "/config/s-value?defaultToGlobal=true"; says "which holds" 200 '{"compatibilityLevel":"FULL_TRANSITIVE"}'
ask DELETE /config; is $S 200 "and back"
ask GET /config; says "to the configuration's" 200 '{"compatibilityLevel":"BACKWARD"}'
ask PUT /config '{"compatibility":"SIDEWAYS"}'; refuses "an unknown rule" 422 42203
ask PUT /config '{}'; refuses "no rule" 422 42203
ask GET /mode; says "the mode" 200 '{"mode":"READWRITE"}'
ask PUT /mode/s-value '{"mode":"READONLY"}'; says "a subject is closed" 200 '{"mode":"READONLY"}'
ask POST /subjects/s-value/versions "$(schema "$(record "$a,$b,{\"name\":\"c\",\"type\":\"int\",\"default\":1}")")"; refuses "takes nothing new" 422 42205
ask POST /subjects/s-value/versions "$(schema "$one")"; says "what it has it still says" 200 '{"id":1}'
ask DELETE /subjects/s-value; refuses "nor is it deleted" 422 42205
ask GET /mode/other; refuses "no mode of its own" 404 40409
ask GET "/mode/other?defaultToGlobal=true"; says "the one that holds" 200 '{"mode":"READWRITE"}'
ask DELETE /mode/s-value; says "opened again" 200 '{"mode":"READONLY"}'
ask PUT /mode '{"mode":"IMPORT"}'; refuses "a mode that is not there" 422 42204

note "deleting"
ask DELETE "/subjects/s-value/versions/3?permanent=true"; refuses "for good only what was deleted softly" 404 40407
ask DELETE /subjects/s-value/versions/latest; says "a version" 200 3
ask DELETE /subjects/s-value/versions/3; refuses "only once" 404 40406
ask GET /subjects/s-value/versions; says "is gone" 200 '[1,2]'
ask GET "/subjects/s-value/versions?deleted=true"; says "but for those who ask" 200 '[1,2,3]'
ask GET "/subjects/s-value/versions?deletedOnly=true"; says "and only it" 200 '[3]'
ask GET "/subjects/s-value/versions/3"; refuses "it cannot be read" 404 40402
ask GET "/subjects/s-value/versions/3?deleted=true"; is "$S $(jq -r .deleted <<<"$B")" "200 true" "but so"
ask POST "/subjects/s-value?deleted=true" "$(schema "$bad")"; is $S 200 "nor looked up but so"
ask DELETE "/subjects/s-value/versions/3?permanent=true"; says "for good" 200 3
ask GET "/subjects/s-value/versions?deleted=true"; says "nobody sees it" 200 '[1,2]'
ask DELETE "/subjects/other?permanent=true"; refuses "a subject for good only after softly" 404 40405
ask DELETE /subjects/other; says "a subject" 200 '[1]'
ask DELETE /subjects/other; refuses "only once" 404 40404
ask DELETE /subjects/nobody; refuses "an unknown one" 404 40401
ask GET /subjects; says "is gone" 200 '["s-value","sl/ash é"]'
ask GET "/subjects?deleted=true"; says "but for those who ask" 200 '["other","s-value","sl/ash é"]'
ask POST /subjects/other/versions "$(schema "$one")"; says "registered again: the same id" 200 '{"id":1}'
ask GET /subjects/other/versions; says "in another version" 200 '[2]'
ask DELETE /subjects/other; is $S 200 "deleted"
ask DELETE "/subjects/other?permanent=true"; says "for good" 200 '[1,2]'
ask GET /schemas/ids/3; is $S 200 "schemas stay: events have their ids"

note "what is no request"
ask GET /nowhere; refuses "an unknown path" 404 404
ask GET /subjects/a/b/c/d/e/f/g; refuses "a path too long" 404 404
ask PATCH /subjects; refuses "another method" 405 405
ask GET "/subjects/%zz/versions"; refuses "a broken escape" 404 404
ask GET "/subjects?subjectPrefix=%"; refuses "a broken escape in the query" 400 400
is "$(curl -s -m 10 -I "$url/subjects" | head -n 1 | tr -d '\r')" "HTTP/1.1 200 OK" "HEAD is a GET without its body"
head -c 9000000 /dev/zero | tr '\0' x >"$T/large"
ask POST /subjects/s-value/versions "@$T/large"; is $S 413 "a body too large"
is "$(curl -s -m 20 -o /dev/null -w '%{http_code}' -H 'Transfer-Encoding: chunked' --data-binary "@$T/large" "$url/subjects/s-value/versions")" 413 \
    "also when its size is not announced"
ask GET "/$(printf 'x%.0s' $(seq 40000))"; like "$S" '^(414|431)$' "a path of 40,000 bytes"
trap '' PIPE # what is closed on us is no end of the test
exec 5<>"/dev/tcp/127.0.0.1/$port"
printf 'BREW /coffee\r\n\r\nnonsense\0\1\2' >&5 2>/dev/null
like "$(timeout 10 head -n 1 <&5)" '^HTTP/1.1 4' "what is no HTTP"
exec 5>&-
fds=()
for i in $(seq 150); do exec {fd}<>"/dev/tcp/127.0.0.1/$port"; fds+=("$fd"); done # silent clients take every place
for fd in "${fds[@]:0:100}"; do printf 'GET /subjects HTTP/1.1\r\nHost: x\r\nX-' >&"$fd" 2>/dev/null; done
like "$(curl -s -m 5 "http://127.0.0.1:$metrics/metrics")" '^undam_control_flags_version ' "control itself does not care"
for fd in "${fds[@]}"; do exec {fd}>&-; done
trap - PIPE
wait_until 20 curl -sf -m 5 -o /dev/null "$url/subjects"; ok $? "after 150 silent connections it answers"

note "a database that goes away"
pg_down reg immediate
ask GET /subjects; refuses "is told" 500 50001
ask GET /subjects/s-value/versions/x; is $S 422 "what needs none is answered"
up() { curl -s -m 5 "http://127.0.0.1:$metrics/metrics" | grep -qx "undam_registry_up $1"; }
ask GET /subjects
wait_until 10 up 0; ok $? "and seen in the metrics"
like "$(cat "$T/control.log")" 'event=registry_failed' "and in the log"
pg_up reg
wait_until 20 curl -sf -o /dev/null "$url/subjects"; ok $? "comes back"
wait_until 10 up 1; ok $? "in the metrics too"
like "$(curl -s "http://127.0.0.1:$metrics/metrics")" '^undam_registry_requests_total [1-9][0-9]+' "requests are counted"
like "$(curl -s "http://127.0.0.1:$metrics/metrics")" '^undam_registry_refused_total [1-9][0-9]+' "so are refused ones"

note "the driver confluent against it"
export REGISTRY_DRIVER=confluent REGISTRY_URLS="http://127.0.0.1:1,$url" REGISTRY_STOP="$T/stop" REGISTRY_START="$T/start" REGISTRY_STALL="$T/stall"
script stop <<'END'
as_pg "$PG_BINDIR/pg_ctl" -D "$T/reg/data" -m immediate -w stop
END
script start <<'END'
as_pg "$PG_BINDIR/pg_ctl" -D "$T/reg/data" -l "$T/reg/log" -w start
END
script stall control="$pid_control" <<'END'
kill -STOP $control
(sleep 2; kill -CONT $control) >/dev/null 2>&1 </dev/null &
END
"$UNDAM_BUILD/tests/flow/registry_conformance" >"$T/out.tap" 2>"$T/conformance.log"
status=$?
tap_from "$T/out.tap"
is $status 0 "the suite ran to its end"
stop control; is $? 0 "control ends in good order"
done_testing
