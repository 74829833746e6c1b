#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The example monolith itself: its data is deterministic and balanced, its endpoints answer, bad input is refused.
. "$(dirname "$0")/lib.sh"

fintech=$UNDAM_SOURCE/examples/fintech
pg_create mono
sql mono postgres 'CREATE DATABASE fintech'
seed() { # DB
    "$fintech/load-data" --dsn "$(dsn mono "$1")" --users 50 --transactions 3000 --seed 7 --core >"$T/seed.log" 2>&1
}
seed fintech
ok $? "seeding"
sql mono postgres 'CREATE DATABASE twin'
seed twin
digest="SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM"
for table in users accounts transactions entries compliance_records compliance_cases compliance_evidence; do
    is "$(sql mono twin "$digest $table t")" "$(sql mono fintech "$digest $table t")" "the same seed gives the same $table"
done
balanced="SELECT count(*) FROM (SELECT transaction_id FROM entries GROUP BY 1 HAVING sum(amount) <> 0 OR count(*) <> 2) x"
booked="SELECT count(*) FROM accounts a WHERE kind <> 'settlement'
    AND balance <> (SELECT coalesce(sum(amount), 0) FROM entries e WHERE e.account_id = a.id)"
is "$(sql mono fintech "$balanced")" 0 "every seeded transaction has two entries that sum to zero"
is "$(sql mono fintech "$booked")" 0 "every seeded balance is the sum of its entries"

port=$(free_port)
start app "$UNDAM_BUILD/examples/fintech/fintech-app" --dsn "$(dsn mono fintech)" --port "$port" --pool 4
url=http://127.0.0.1:$port
wait_until 20 curl -sf "$url/healthz" || bail "the application does not start"
get() { curl -s -w ' %{http_code}' "$url$1"; }
send() { curl -s -w ' %{http_code}' -X "$1" -d "$3" "$url$2"; }

like "$(get /users/3)" '^\{"id":3,.*"total_balance":"[0-9]+\.[0-9]{2}","accounts":\[\{"id":109,.*"opened_at":"2023-[0-9T:-]+\+00:00"\}\]\} 200$' "a profile with balances"
like "$(get /users/3/accounts)" '"last_transactions":\[\{"id":[0-9]+,' "accounts with their last transactions"
like "$(get '/users/1/transactions?page=2&per_page=3')" '"page":2,"per_page":3,"total":[0-9]+,"items":\[\{.*"compliance":"(clear|pending|flagged)"\}\]\} 200$' "a page of transactions"
like "$(get /transactions/400)" '"entries":\[\{.*\}\],"checks":\[\{"type":"sanctions"' "one transaction"
like "$(get /merchants/3/summary)" '"volume":"[0-9.]+","months":\[\{"month":2023' "a merchant's summary"
like "$(get /compliance/cases/2)" '"narrative":"[0-9a-f ]{2969}".*"evidence":\[\{"id"' "a case with its evidence"
like "$(get /users/1/compliance)" '"checks":\{"total":[0-9]+,"flagged":[0-9]+,"pending":[0-9]+\},"cases":\[' "a user's compliance"
like "$(get /accounts/109/balance)" '"balance":"[0-9.]+","status":"open"\} 200$' "a balance"
statement=$(get '/accounts/103/statement?month=202601')
like "$statement" '"opening":"-?[0-9.]+","closing":"-?[0-9.]+","lines":\[\{"entry_id"' "a statement"
is "$(sed -E 's/.*"closing":"([^"]*)".*/\1/' <<<"$statement")" \
    "$(sql mono fintech "SELECT sum(amount) FROM entries WHERE account_id = 103 AND period <= 202601")" "its closing balance is the ledger's"

is "$(get /users/4711)" '{"error":"not found"} 404' "an unknown user is 404"
is "$(get /users/4711/transactions)" '{"error":"not found"} 404' "an unknown user's list is 404"
is "$(get '/accounts/4711/statement?month=202601')" '{"error":"not found"} 404' "an unknown account is 404"
is "$(get '/users/x%27%20OR%201=1')" '{"error":"bad request"} 400' "an id that is no number is 400"
is "$(get '/users/1/transactions?page=0')" '{"error":"bad request"} 400' "page 0 is 400"
is "$(get '/users/1/transactions?page=99999999999999999999')" '{"error":"bad request"} 400' "a page past bigint is 400"
is "$(get '/accounts/103/statement?month=13')" '{"error":"bad request"} 400' "a month that is none is 400"
is "$(send DELETE /users/1 '')" '{"error":"method not allowed"} 405' "an unknown method is 405"
is "$(get /nothing)" '{"error":"not found"} 404' "an unknown path is 404"

paid=$(send POST /users/3/transactions '{"account_id":109,"merchant_id":3,"amount":"12.30","description":"caf\u00e9 \ud83d\ude00 \"x\""}')
like "$paid" '^\{"id":[0-9]+,"account_id":109,"amount":"12.30","status":"posted","created_at":"[^"]+"\} 201$' "a payment"
id=$(sed -E 's/^\{"id":([0-9]+).*/\1/' <<<"$paid")
like "$(get "/users/3/transactions?per_page=1")" "\"items\":\\[\\{\"id\":$id,.*café 😀 \\\\\"x\\\\\"" "the payer's list has it at once, text unharmed"
like "$(send POST /users/3/transactions '{"account_id":109,"to_account_id":"112","amount":"0.5"}')" ' 201$' "a transfer"
is "$(send POST /users/3/transactions '{"account_id":109,"to_account_id":112,"amount":"99999999999"}')" '{"error":"insufficient funds"} 422' "no overdraft"
is "$(send POST /users/4/transactions '{"account_id":109,"to_account_id":115,"amount":"1"}')" '{"error":"no such account"} 422' "not from somebody else's account"
for body in '' '{' '[]' '{"account_id":109}' '{"account_id":109,"merchant_id":3,"amount":"1e3"}' '{"account_id":109,"merchant_id":3,"amount":"0.00"}' \
    '{"account_id":109,"merchant_id":3,"amount":"1","description":"\u0000"}' '{"account_id":109,"merchant_id":3,"to_account_id":4,"amount":"1"}' \
    '{"account_id":109,"merchant_id":3,"amount":"1"} x' '{"account_id":109,"merchant_id":3,"amount":"1","description":"'"$(printf 'a%.0s' {1..600})"'"}'; do
    is "$(send POST /users/3/transactions "$body")" '{"error":"bad request"} 400' "refused: ${body:0:60}"
done
is "$(sql mono fintech "$balanced")" 0 "entries still sum to zero"
is "$(sql mono fintech "$booked")" 0 "balances are still the sums of their entries"

is "$(send PATCH /users/5 '{"full_name":"Zoë","preferences":{"a":[1,{"b":null}],"n":1.10}}')" '{"id":5} 200' "a profile is changed"
like "$(get /users/5)" '"full_name":"Zoë".*"preferences":\{"a": \[1, \{"b": null\}\], "n": 1.10\}' "and read back, number as written"
is "$(send PATCH /users/5 '{"preferences":{"a":[1,2}}')" '{"error":"bad request"} 400' "broken JSON is refused"
is "$(send PATCH /users/4711 '{"full_name":"x"}')" '{"error":"not found"} 404' "an unknown user cannot be changed"
like "$(send POST /compliance/cases '{"transaction_id":400,"severity":"high","narrative":"n"}')" ' 201$' "a case is opened"
is "$(send POST /compliance/cases '{"transaction_id":99999999}')" '{"error":"not found"} 404' "not for an unknown transaction"
is "$(send PATCH /compliance/cases/2 '{"status":"closed"}')" '{"id":2} 200' "a case is closed"
is "$(send PATCH /compliance/cases/2 '{"status":"bogus"}')" '{"error":"bad request"} 400' "not with an unknown status"
like "$(send POST /compliance/cases/2/evidence '{"kind":"note","payload":{"x":[1.10]}}')" ' 201$' "evidence is added"
like "$(get /compliance/cases/2)" '"status":"closed".*"closed_at":"20.*"payload":\{"x": \[1.10\]\},"collected_by":"officer"' "and read back"
is "$(head -c 70000 /dev/zero | tr '\0' ' ' | curl -s -o /dev/null -w '%{http_code}' -X POST -H Expect: --data-binary @- "$url/users/3/transactions")" 413 "a body past the limit is 413"

cases=$(sql mono fintech "SELECT max(id) FROM compliance_cases WHERE id < 1000000000")
"$UNDAM_BUILD/examples/fintech/fintech-load" --url "$url" --rate 60 --seconds 3 --writes 50 --users 50 --transactions 3000 --cases "$cases" \
    --json "$T/load.json" --quiet >"$T/load.log"
is $? 0 "three seconds of mixed load: no failed request, every payment seen by its payer"
like "$(cat "$T/load.json")" '"failed":0,.*"own_checked":[1-9]' "which the driver looked for"
is "$(sql mono fintech "$balanced")" 0 "entries sum to zero after it"
is "$(sql mono fintech "$booked")" 0 "balances are right after it"

pg_down mono
like "$(get /users/3)" '"error":"[^"]+"\} 503$' "no database: 503, not a crash"
pg_up mono
wait_until 10 curl -sf "$url/users/3"
ok $? "and it finds it again"
stop app
is $? 0 "ends on TERM"
done_testing
