#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the load driver makes of services' requests.mix: the same requests from the same seed, shares and weights as given,
# owners that match, values escaped for where they stand; what is wrong in a file is refused with its place.
. "$(dirname "$0")/lib.sh"

load=$UNDAM_BUILD/examples/fintech/fintech-load
s=$T/services
mkdir -p "$s/cards" "$s/loans"
cat >"$s/cards/requests.mix" <<'END'
# what people do with cards
read   30  GET   /v1/cards/{card}              user   200
read   10  GET   /v1/cards?status={pick:active|frozen}&q={name}  staff  200
write   5  POST  /v1/cards/{card}/freeze       user   200,409   {"reason":"{name}","user":{user},"other":{other_user}}
sync   15  POST  /v1/cards/{card}/authorize    none   200       Idempotency-Key:{uuid} {"amount":"{amount}","again":"{amount}","card":"{card}"}
case    -  GET   /v1/cards/999999999999        staff  404
END
cat >"$s/loans/requests.mix" <<'END'
read    1  GET   /v1/loans/{loan}/cards/{card}/{card:2}?m={month}&n={int:5:7} user 200
write   1  POST  /v1/loans/{loan}  partner 201  {"seq":{seq},"note":"{text:40}","on":"{date}"}
END
echo 'cards 3' >"$s/shares"
{
    printf 'card\t%s\n' $'1\t11' $'1\t12' $'3\t13' $'3\t14' $'7\t15' $'\t16'
    printf 'loan\t%s\n' $'3\t21' $'5\t22'
    printf 'name\t\t%s\n' 'Ü "b" \c & d'
    printf 'partner\t\t7\n'
} >"$T/pools"
first() { "$load" --services "$s" --pools "$T/pools" --users 10 --transactions 50 --dry-run "$@"; } # COUNT [OPTION]...
first 20000 >"$T/requests"; is $? 0 "requests are made"
is "$(first 20000 | md5sum)" "$(md5sum <"$T/requests")" "the same from the same seed"
ok "$([ "$(first 500 --seed 2 | md5sum)" != "$(head -n 500 "$T/requests" | md5sum)" ]; echo $?)" "others from another seed"
is "$(head -n 500 "$T/requests")" "$(first 500)" "the first requests do not depend on how many there are"
is "$("$load" --dry-run 500 | md5sum)" "$("$load" --dry-run 500 | md5sum)" "and those of the quick mix from theirs"
close() { # PATTERN SHARE NAME: of all requests
    local n; n=$(grep -cE "$1" "$T/requests")
    ok "$(awk -v n="$n" -v want="$2" 'BEGIN { print !(n / 20000 > want - 0.015 && n / 20000 < want + 0.015) }')" "$3 ($n of 20000)"
}
close '^GET' 0.72 "72 of 100 requests are reads"
close '^GET /v1/cards/' 0.405 "a weight is among its service's reads, and a service's share among the services"
close '^GET /v1/loans' 0.18 "the other service's"
close '/authorize' 0.1575 "writes and synchronous calls share the rest"
unlike "$(cat "$T/requests")" 999999999999 "cases are no load"
is "$(grep -E '^GET /v1/cards/[0-9]' "$T/requests" | sort -u)" "$(printf 'GET /v1/cards/%s 200\n' '11 usr_1' '12 usr_1' '13 usr_3' '14 usr_3' '15 usr_7')" "a user's request has what the user owns"
is "$(grep -oE '/v1/loans/[0-9/]*cards/.*' "$T/requests" | sed 's/?.* usr/ usr/' | sort -u)" $'/v1/loans/21/cards/13/14 usr_3 200\n/v1/loans/21/cards/14/13 usr_3 200' "and all of it the same user's, another one where it says so"
like "$(cat "$T/requests")" '/v1/cards/16/authorize - 200' "what nobody owns is for those who are no users"
is "$(grep -E '\?status=' "$T/requests" | cut -d ' ' -f 2 | sort -u)" $'/v1/cards?status=active&q=%C3%9C%20%22b%22%20%5Cc%20%26%20d\n/v1/cards?status=frozen&q=%C3%9C%20%22b%22%20%5Cc%20%26%20d' "a value in a path is escaped for it"
bodies=$(sed -nE 's/^POST [^{]*(\{.*)/\1/p' "$T/requests")
is "$(jq -s 'all(type == "object")' <<<"$bodies")" true "every body is JSON"
is "$(jq -r 'select(.reason) | .reason' <<<"$bodies" | sort -u)" 'Ü "b" \c & d' "a value in a body is escaped for it"
is "$(jq -s 'all(.[] | select(.amount); .amount == .again) and all(.[] | select(.user); .user != .other)' <<<"$bodies")" true "twice the same placeholder is once the same value"
is "$(jq 'select(.seq) | .seq' <<<"$bodies" | sort | uniq -d)" "" "numbers used once are"
is "$(jq 'select(.note) | .note | length' <<<"$bodies" | sort -u)" 40 "texts have their length"
like "$(grep authorize "$T/requests" | head -n 1)" ' Idempotency-Key: [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12} \{' "headers of a line"
is "$(grep -c '^POST /v1/loans/[0-9]* prt_7 201' "$T/requests")" "$(grep -c '^POST /v1/loans/' "$T/requests")" "partners call as themselves"

printf 'user\t\t%s\n' 7 3 11 >>"$T/pools"
is "$(first 2000 --only cards | grep -oE 'usr_[0-9]+' | sort -u)" $'usr_3\nusr_7' "a pool of users says who calls"
unlike "$(first 2000 --only cards)" loans "and --only which services are called"

mkdir -p "$T/wrong/x"
refused() { # LINE MESSAGE
    printf '\n%s\n' "$1" >"$T/wrong/x/requests.mix"
    local out; out=$("$load" --services "$T/wrong" --pools "$T/pools" --dry-run 1 2>&1)
    is "$? $out" "3 fintech-load: $T/wrong/x/requests.mix:2: $2" "refused: $1"
}
refused 'reed 1 GET /x none 200' "kind 'reed': want read, write, sync or case"
refused 'read 0 GET /x none 200' "the weight '0' is not a number greater than 0"
refused 'case 3 GET /x none 200' "the weight of a case is -"
refused 'read 1 GOT /x none 200' "method 'GOT' is none"
refused 'read 1 GET x none 200' "the path 'x' does not begin with /"
refused 'read 1 GET /{nix} none 200' "{nix}: neither a placeholder nor a pool with rows"
refused 'read 1 GET /{card:1} none 200' "{card:1}: a pool takes :2 to :9, for another one of it"
refused 'read 1 GET /{int:5} none 200' "{int:5}: want {int:MIN:MAX}"
refused 'read 1 GET /{user:5} none 200' "{user:5}: takes no argument"
refused 'read 1 GET /x me 200' "caller 'me': want none, user, staff or partner"
refused 'read 1 GET /x none' "no expected status"
refused 'read 1 GET /x none 20x' "expected statuses: want up to 6 of 200 to 599, with commas"
refused 'read 1 GET /x none 200 {"a":1}' "GET has no body"
refused 'write 1 POST /x none 200 {"a":1' "the body is no JSON: a comma is missing"
refused 'write 1 POST /x none 200 {"a":{name}}' "{name} is no number and wants quotes around it"
refused 'write 1 POST /x none 200 Foo {}' "'Foo' is neither a header (Name:value) nor a body ({ or [)"
echo 'read 1 GET /x none 200' >"$T/wrong/x/requests.mix"
echo 'y 3' >"$T/wrong/shares"
is "$("$load" --services "$T/wrong" --dry-run 1 2>&1)" "fintech-load: $T/wrong/shares:1: no service y here" "a share of an unknown service is refused"
printf 'card\t1\n' >"$T/pools"
is "$("$load" --services "$s" --pools "$T/pools" --dry-run 1 2>&1)" "fintech-load: $T/pools:1: want pool, owner and value with a tab between them" "and a pool without values"
done_testing
