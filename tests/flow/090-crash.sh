#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SIGKILL of relay, projector, control, nginx workers, and PostgreSQL on either side at random instants under write load;
# with BUS=kafka also of one of three brokers, or all of them.
# Afterwards nothing may be lost, doubled or out of order, and every view exact; while it goes on, the bank's total is
# right in every read of the read model and in every answer that nginx gives from it.
# CRASH_KILLS: how many (default 12). CRASH_SEED: of the instants, the victims and the load. CRASH_CLIENTS: writers. DELIVERY: of
# the Kafka bus (exactly-once, ordered).
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/project_lib.sh"
. "$(dirname "$0")/edge.sh"
. "$(dirname "$0")/bank.sh"

CONTROL=rm # the bus lies beside the read model, away from the source
KILLS=${CRASH_KILLS:-12} SEED=${CRASH_SEED:-$(date +%s)} CLIENTS=${CRASH_CLIENTS:-2}
LOAD=$UNDAM_BUILD/tests/flow/crash_load
RANDOM=$((SEED % 32768))
note "BUS=$BUS CRASH_SEED=$SEED CRASH_KILLS=$KILLS CRASH_CLIENTS=$CLIENTS DELIVERY=${DELIVERY:=exactly-once}"
victims=20
[ "$BUS" != kafka ] || victims=24 BROKERS=3

# shellcheck disable=SC2086
setup_shop "$(bank_schema)" $BANK_TABLES
sql src source "$BANK_ROWS"

c=$(view transfer_doc transfer_id <<'END'
SELECT t.id AS transfer_id, f.owner AS from_owner, o.owner AS to_owner,
  json_build_object('id', t.id, 'amount', t.amount::text, 'memo', t.memo, 'lines',
    coalesce((SELECT json_agg(json_build_object('line', l.line, 'account', l.account_id, 'amount', l.amount::text) ORDER BY l.line)
              FROM lines l WHERE l.transfer_id = t.id), '[]'::json))::text AS body
FROM transfers t JOIN accounts f ON f.id = t.from_id JOIN accounts o ON o.id = t.to_id
END
)
d=$(view tagged account_id "account_id, tag" <<'END'
SELECT g.account_id, g.tag, g.n, a.owner FROM tags g JOIN accounts a ON a.id = g.account_id
END
)
e=$(view bulk_rows id <<<"SELECT b.id, b.n, length(b.filler) AS size FROM bulk b")
g=$(view photos account_id <<<"SELECT a.id AS account_id, md5(a.photo) AS photo FROM accounts a WHERE a.photo IS NOT NULL")
f=$(view scratch_rows id <<<"SELECT s.id, s.x FROM scratch s")
# shellcheck disable=SC2046
out=$("$UNDAM" view add $(bank_views) "$c" "$d" "$e" "$f" "$g" 2>&1); status=$?; is $status 0 "views are registered"; [ $status = 0 ] || note "$out"

# --- the edge: an endpoint that says the bank's total, from the read model for everybody ----------------------------------
mkdir -p "$T/migration/endpoints"
cat >"$T/migration/endpoints/total.sql" <<'END'
-- endpoint: GET /total
-- service: app
-- flag: total
-- content-type: text/plain
SELECT sum(balance)::text AS body FROM by_owner
END
edge_bank() {
    port=$(free_port) url=http://127.0.0.1:$port
    edge_legacy
    {
        edge_head edge 2
        echo "load_module $MODULE; events { worker_connections 256; } http { access_log off; $(edge_temp edge)"
        echo "undam_snapshot $T/flags; undam_catalogue $T/catalogue; undam_readmodel app \"$(dsn rm rm)\";"
        echo "server { listen 127.0.0.1:$port; location = /status { undam_status; }"
        echo "location / { undam on; proxy_pass http://127.0.0.1:$legacy_port; } } }"
    } >"$T/edge.conf"
    edge_nginx edge
}

# --- daemons that are started again whenever they end, as a service manager would -------------------------------------
# Fatal exit statuses (docs/exit-codes.md) would not be restarted: they fail the test.
supervise() { # NAME COMMAND...
    local name=$1 status; shift
    while [ ! -e "$T/over" ]; do
        "$@" >>"$T/$name.log" 2>&1 &
        echo $! >"$T/$name.pid"
        wait $!; status=$?
        [ -e "$T/over" ] && break
        case $status in
        0 | 5 | 6 | 137) sleep 0.1 ;;
        *) { echo "$name ended with $status:"; tail -n 3 "$T/$name.log"; } >>"$T/fatal"; sleep 1 ;;
        esac
    done
}
stop relay
end_all() { # the keepers' children are not in $pids
    local status=$?
    touch "$T/over"
    kill -KILL $(cat "$T/relay.pid" "$T/project.pid" "$T/control.pid" 2>/dev/null) 2>/dev/null
    (exit $status)
    flow_cleanup
}
trap end_all EXIT
start relay_keeper supervise relay "$UNDAM" relay
start project_keeper supervise project "$UNDAM" project app
start control_keeper supervise control "$UNDAM" control
caught_up() { reached "$(source_lsn)"; }
wait_until 60 caught_up; ok $? "relay and projector have caught up"
out=$("$UNDAM" endpoint compile 2>&1 && "$UNDAM" flags set total --create --service app --percent 100 --why test 2>&1)
is $? 0 "the endpoint is on the stream side" || note "$out"
edge_bank
total=$(sql src source "SELECT sum(balance) FROM accounts")
answered() { [ "$(get /total)" = "200 stream $1|$total" ]; }
wait_until 20 answered no-user; ok $? "nginx answers from the read model" || note "$(get /total)"

start load "$LOAD" write "$(dsn src source)" "$CLIENTS" "$SEED"
start watch "$LOAD" watch "$(dsn rm rm)" "$total"
start http "$LOAD" http "$port" "$total"

crash_pg() { # NAME: SIGKILL of the server and its children, then recovery; killed children may take a moment to go
    local i
    pg_kill "$1"
    for i in 1 2 3 4 5 6 7 8; do
        as_pg "$PG_BINDIR/pg_ctl" -D "$T/$1/data" -l "$T/$1/log" -w -t 60 start >/dev/null 2>&1 && return
        sleep 0.3
    done
    bail "PostgreSQL $1 does not come back: $(tail -n 3 "$T/$1/log")"
}
brokers_answer() { kafka_answers bus 1 && kafka_answers bus 2 && kafka_answers bus 3; }
crash_brokers() { # [I]: they come back while other things break
    wait_until 90 brokers_answer || bail "brokers do not come back"
    kafka_kill bus "$@"
    kafka_start bus "$@"
}
declare -A killed=([relay]=0 [project]=0 [control]=0 [nginx]=0 [src]=0 [rm]=0 [broker]=0 [brokers]=0)
middle=
turns=($(printf '%s\n' 0 6 12 13 15 18 $([ "$BUS" != kafka ] || echo 20) | shuf --random-source=<(yes "$SEED"))) # each victim once, then by chance
for ((i = 1; i <= KILLS; i++)); do
    sleep "0.$((RANDOM % 9 + 1))$((RANDOM % 10))"
    case ${turns[i - 1]:-$((RANDOM % victims))} in
    [0-5]) victim=relay ;;
    [6-9] | 1[01]) victim=project ;;
    12) victim=control ;;
    13 | 14) victim=nginx; kill -KILL "$(edge_workers edge | shuf -n 1)" 2>/dev/null ;;
    15 | 16 | 17) victim=src; crash_pg src ;;
    18 | 19) victim=rm; crash_pg rm ;;
    20 | 21 | 22) victim=broker; crash_brokers $((RANDOM % 3 + 1)) ;;
    23) victim=brokers; crash_brokers ;;
    esac
    case $victim in relay | project | control) kill -KILL "$(cat "$T/$victim.pid")" 2>/dev/null ;; esac
    killed[$victim]=$((killed[$victim] + 1))
    if [ "$i" = $((KILLS / 2)) ]; then # and once in the middle, with the load going on
        [ "$BUS" != kafka ] || { wait_until 90 brokers_answer; wait_until 120 caught_up; } # brokers start slowly
        middle=$("$UNDAM" check --complete-log --json 2>&1); middle_status=$?
    fi
done
note "after ${SECONDS} s"
note "killed: relay ${killed[relay]}, projector ${killed[project]}, control ${killed[control]}, nginx workers ${killed[nginx]}," \
    "source ${killed[src]}, $([ "$BUS" = kafka ] || echo 'bus and ')read model ${killed[rm]}, brokers ${killed[broker]}, all of them ${killed[brokers]}"
[ -z "$middle" ] || { is "$middle_status" 0 "under load, in the middle, the check finds no difference"; [ "$middle_status" = 0 ] || note "$middle"; }

stop load
[ "$BUS" != kafka ] || { wait_until 90 brokers_answer; ok $? "all brokers are there again"; }
note "transactions: $(awk '/^[0-9]+$/ { n += $1 } END { print n }' "$T/load.log")"
wait_until 120 caught_up; ok $? "what was committed arrives"
stop http; is $? 0 "every answer of the read model was right"; note "$(tail -n 1 "$T/http.log")"
unlike "$(grep -hE 'ERROR: AddressSanitizer|runtime error:|exited on signal (6|11)|\[emerg\]' "$T/edge.log" | head -n 5)" . "no nginx worker ended by itself"
stop watch; is $? 0 "the total was right in every read"; note "$(tail -n 1 "$T/watch.log")"
out=$("$UNDAM" check --complete-log 2>&1); is $? 0 "nothing lost, nothing doubled, nothing out of order, views exact"
sed 's/^/# /' <<<"$out"
is "$(cat "$T/fatal" 2>/dev/null)" "" "no daemon ended for a reason that would keep a service manager from starting it again"
is "$(sql src source "SELECT (SELECT sum(balance) FROM accounts) = $total AND (SELECT sum(amount) FROM lines) IS NOT DISTINCT FROM (SELECT sum(amount) FROM lines)")" t "the bank itself is whole"
touch "$T/over"
kill -TERM "$(cat "$T/relay.pid")" "$(cat "$T/project.pid")" "$(cat "$T/control.pid")" 2>/dev/null
stop relay_keeper 0; stop project_keeper 0; stop control_keeper 0
done_testing
