#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The control daemon: changes in effect at once, applied times of read models, what happens when something is away.
. "$(dirname "$0")/lib.sh"

pg_create control
pg_create model
sql control postgres "CREATE DATABASE undam"
mkdir -p "$T/migration/endpoints" "$T/run"
port=$(free_port)
cat >"$T/undam.yaml" <<EOF
directory: $T/migration
source: {name: s, dsn: "$(dsn control)"}
control: {dsn: "$(dsn control undam)", snapshot: $T/run/flags.snapshot, catalogue: $T/run/endpoints.catalogue, listen: "127.0.0.1:$port", poll_ms: 10}
services:
  users: {dsn: "$(dsn model)", tables: {public.users: id}}
  other: {dsn: "host=$T/nowhere dbname=x", tables: {public.other: id}}
EOF
flags() { "$UNDAM" flags "$@" -c "$T/undam.yaml" 2>&1; }
decision() { flags show f --user 1 --json | sed -E 's/.*"route":"([a-z]*)","reason":"([a-z-]*)".*/\1 \2/'; }
applied() { flags list --json | grep -oE "\"service\":\"$1\",\"applied_us\":[0-9]+" | cut -d: -f3; }
metric() { curl -s "http://127.0.0.1:$port/metrics" | grep -E "^$1" | head -n 1 | sed 's/.* //'; }
micros() { echo $(($(date -u -d "$1" +%s) * 1000000)); }

pg_down control
start control "$UNDAM" control -c "$T/undam.yaml"
wait_until 10 grep -q control_database_away "$T/control.log"; ok $? "control waits for its database"
pg_up control
present() { [ -f "$T/run/flags.snapshot" ]; }
wait_until 20 present; ok $? "and publishes when it is there"
flags set f --create --service users --percent 100 --validity 2 --why "test" >/dev/null
is "$(decision)" "stream percentage" "a flag at 100 %"
version=$(sed -E 's/.*version=([0-9]+).*/\1/' <(grep event=published "$T/control.log" | tail -n 1))
like "$(metric undam_control_flags_version)" "^$version$" "metrics: the version"
wait_until 5 test "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/readyz")" = 200; ok $? "ready"

# A change made by SQL alone (as another tool would) is in effect at once through LISTEN.
began=$(date +%s%N)
sql control undam "UPDATE undam_flags.flag SET validity_s = 3; UPDATE undam_flags.state SET version = version + 1; NOTIFY undam_flags"
shows() { flags show f --json | grep -q '"validity_seconds":3' && grep -q "version=$((version + 1)) " "$T/control.log"; }
wait_until 5 shows; ok $? "a change is published after NOTIFY"
note "seen after $((($(date +%s%N) - began) / 1000000)) ms, with the time of the looking"
sql control undam "UPDATE undam_flags.flag SET validity_s = 2; UPDATE undam_flags.state SET version = version + 1; NOTIFY undam_flags"

# Applied times.
is "$(applied users)" 0 "without a position the applied time is unknown"
sql model postgres "CREATE SCHEMA undam; CREATE TABLE undam.position (source text PRIMARY KEY, lsn pg_lsn, watermark timestamptz, applied_at timestamptz);
    INSERT INTO undam.position VALUES ('s', '0/1', '2026-01-02T00:00:00Z', now())"
holds() { local a; a=$(applied users); [ "${a:-0}" -le "$1" ] && [ "${a:-0}" -ge $(($1 - 2)) ]; }
wait_until 15 holds "$(micros 2026-01-02T00:00:00Z)"; ok $? "a read model's watermark is carried into the snapshot"
ok "$([ "$(applied users)" -lt "$(micros 2026-01-02T00:00:00Z)" ]; echo $?)" "never more than it"
sql model postgres "INSERT INTO undam.position VALUES ('second', '0/1', '2026-01-01T00:00:00Z', now())"
sql model postgres "UPDATE undam.position SET watermark = '2026-01-03T00:00:00Z' WHERE source = 's'"
holds "$(micros 2026-01-02T00:00:00Z)"; ok $? "of two sources the one that is behind counts, and the time does not go back"
sql model postgres "UPDATE undam.position SET watermark = '2026-01-04T00:00:00Z'"
wait_until 5 holds "$(micros 2026-01-04T00:00:00Z)"; ok $? "it moves on"
like "$(metric 'undam_control_read_model_up.service="other"')" "^0$" "a read model that is away does not stop the others"
pg_kill model
down() { [ "$(metric 'undam_control_read_model_up.service="users"')" = 0 ]; }
wait_until 15 down; ok $? "a read model that dies is noticed"
is "$(decision)" "stream percentage" "and changes no decision about those who did not write"
holds "$(micros 2026-01-04T00:00:00Z)"; ok $? "the applied time stands still"
pg_up model
sql model postgres "UPDATE undam.position SET watermark = '2026-01-05T00:00:00Z'"
wait_until 15 holds "$(micros 2026-01-05T00:00:00Z)"; ok $? "until it is back"

# The control database away: what was published goes on.
pg_down control immediate
away() { [ "$(metric undam_control_database_up)" = 0 ]; }
wait_until 15 away; ok $? "the control database goes away"
beats() { # the heartbeat word moves: bytes of the file change although nothing is published
    local a b
    a=$(md5sum <"$T/run/flags.snapshot"); sleep 1.5; b=$(md5sum <"$T/run/flags.snapshot")
    [ "$a" != "$b" ]
}
beats; ok $? "the heart beats on"
pg_up control
up() { [ "$(metric undam_control_database_up)" = 1 ]; }
wait_until 20 up; ok $? "and it comes back"
out=$(flags kill f --why "fire"); is "$(decision)" "legacy killed" "a kill"
out=$(flags unkill f --why "out"); is "$(decision)" "stream percentage" "and its end"

# A kill that was left behind in the file while nobody could record it.
pg_down control immediate
flags kill f --why "fire" >/dev/null
pg_up control
recorded() { [ "$(sql control undam "SELECT killed FROM undam_flags.flag WHERE name = 'f'")" = t ]; }
wait_until 25 recorded; ok $? "a kill made while the database was away is recorded by control"
is "$(decision)" "legacy killed" "and stays in effect"
like "$(flags history f)" "undam control  kill" "with control's name on it"
flags unkill f --why "out" >/dev/null

is "$(decision)" "stream percentage" "alive"
kill -KILL "$pid_control"; wait "$pid_control" 2>/dev/null
stale() { [ "$(decision)" = "legacy stale" ]; }
wait_until 10 stale; ok $? "when control dies the flag decides legacy after its validity"
start control "$UNDAM" control -c "$T/undam.yaml"
fresh() { [ "$(decision)" = "stream percentage" ]; }
wait_until 10 fresh; ok $? "a new one revives it"
holds "$(micros 2026-01-05T00:00:00Z)"; ok $? "applied times are kept"
stop control; is $? 0 "control stops on TERM with 0"
done_testing
