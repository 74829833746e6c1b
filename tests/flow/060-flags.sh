#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Flags, with and without the daemon: every verb, refusals, history, and what the snapshot then decides.
. "$(dirname "$0")/lib.sh"

pg_create control
mkdir -p "$T/migration/endpoints" "$T/run"
chmod 777 "$T/run"
sql control postgres "CREATE DATABASE undam"
cat >"$T/undam.yaml" <<EOF
directory: $T/migration
source: {name: fintech, dsn: "$(dsn control)"}
control: {dsn: "$(dsn control undam)", snapshot: $T/run/flags.snapshot, catalogue: $T/run/endpoints.catalogue}
validate: {legacy_url: "http://127.0.0.1:1", stream_url: "http://127.0.0.1:2", ticket_socket: $T/run/tickets.sock}
services:
  users: {dsn: "$(dsn control undam)", tables: {public.users: id}}
EOF
cat >"$T/migration/endpoints/user.sql" <<'EOF'
-- endpoint: GET /users/{user_id}
-- service: users
-- flag: users-read
-- user: path.user_id
-- param: user_id path bigint
SELECT body FROM api.user_profile WHERE user_id = :user_id
EOF
flags() { "$UNDAM" flags "$@" -c "$T/undam.yaml" 2>&1; }
decision() { flags show users-read --user "$1" --json | sed -E 's/.*"route":"([a-z]*)","reason":"([a-z-]*)".*/\1 \2/'; }

out=$(flags sync --dry-run); like "$out" "would create flag users-read of service users" "sync --dry-run says what it would create"
like "$(flags list)" "version 1" "and creates nothing"
out=$(flags sync); like "$out" "1 created; version 2" "sync creates the flag of an endpoint file"
like "$(flags sync)" "0 created" "and only once"

out=$(flags set users-read --percent 5); is $? 2 "a change without --why is a usage error"
like "$out" "why" "which names it"
out=$(flags set users-read --percent 5.0001 --why x); is $? 2 "a percentage of four decimals is refused"
out=$(flags set nothing --percent 5 --why x); is $? 2 "an unknown flag is refused"
out=$(flags set users-read --percent 5 --why "first users" --dry-run); like "$out" "dry run" "a dry run says so"
like "$(flags list)" "version 2;" "and changes nothing"
out=$(flags set users-read --percent 50 --why "half" --who tester); is $? 0 "50 %"
like "$out" "in effect at version 3" "in effect, with no daemon"
out=$(flags set users-read --percent 50 --why again); like "$out" "nothing to change" "the same again is no change"
out=$(flags set users-read --percent 49.999 --why oops); is $? 4 "a cohort does not shrink"
like "$out" "shrink" "the hint names --shrink"
out=$(flags set users-read --salt other --why oops); is $? 4 "the salt is fixed above 0 %"

is "$(decision 1)" "legacy stale" "but nobody's heart beats in it: legacy"
start control "$UNDAM" control -c "$T/undam.yaml"
alive() { [[ "$(decision 1)" != *stale* ]]; }
wait_until 10 alive; ok $? "control beats"

# h("users-read" + user): flagd's fractional decides who is in.
stream="" legacy=""
for u in 1 2 3 4 5 6 7 8 9 10 11 12; do
    case $(decision $u) in "stream percentage") stream=$u ;; "legacy percentage") legacy=$u ;; *) note "user $u: $(decision $u)" ;; esac
done
ok "$([ -n "$stream" ] && [ -n "$legacy" ]; echo $?)" "some users are in and some are not"
out=$(flags force users-read "$legacy" stream --why "a friend"); is "$(decision "$legacy")" "stream forced" "a forced user"
out=$(flags force users-read "$stream" legacy --why "complains"); is $? 4 "forcing a user of the cohort back needs --shrink"
out=$(flags force users-read "$stream" legacy --shrink --why "complains"); is "$(decision "$stream")" "legacy forced" "with it, it is done"
out=$(flags force users-read "$stream" none --why "is happy"); is "$(decision "$stream")" "stream percentage" "none ends it"
out=$(flags segment staff --add u-1,u-2 --why "the staff"); is $? 0 "a segment"
out=$(flags segment staff --flag users-read --percent 100 --why "staff first"); is $? 0 "used in a flag"
out=$(flags segment crew --add c-1 --flag users-read --percent 50 --why "members and use in one go"); is $? 0 "members and their use in one command"
is "$(decision u-1)" "stream segment" "its members follow its own percentage"
out=$(flags segment staff --remove u-1,u-2 --why x); is $? 4 "members who would lose the stream side are not removed"

out=$(flags kill users-read --why "drill"); is "$(decision "$legacy")" "legacy killed" "killed: also for forced users"
out=$(flags unkill users-read --why "drill over"); is "$(decision "$legacy")" "stream forced" "and back"
out=$(flags kill --why "drill"); is "$(decision u-1)" "legacy killed" "everything killed"
out=$(flags unkill --why "drill over"); is "$(decision u-1)" "stream segment" "and back"
out=$(flags set users-read --percent 0 --shrink --why "roll back"); is "$(decision "$stream")" "legacy percentage" "rolled back"

like "$(flags history users-read)" "tester.*set flag users-read" "history: who"
like "$(flags history users-read --json)" '"why":"half"' "history: why, as JSON"
out=$(flags verify); is $? 0 "the history holds"
like "$(flags history --verify --json)" '"true":true' "also through history --verify"

# Tampering of each kind is found.
tamper() { # NAME SQL-THAT-BREAKS SQL-THAT-MENDS
    sql control undam "$2"
    out=$(flags verify); is $? 1 "tampering is found: $1"; note "$out"
    sql control undam "$3"
}
sql control undam "CREATE TABLE saved AS SELECT * FROM undam_flags.history"
restore="TRUNCATE undam_flags.history; INSERT INTO undam_flags.history SELECT * FROM saved"
tamper "a reason changed" "UPDATE undam_flags.history SET why = 'because' WHERE n = 3" "$restore"
tamper "a row removed" "DELETE FROM undam_flags.history WHERE n = 4" "$restore"
tamper "the newest row removed" "DELETE FROM undam_flags.history WHERE n = (SELECT max(n) FROM undam_flags.history)" "$restore"
tamper "a time changed" "UPDATE undam_flags.history SET at = at + '1 us' WHERE n = 2" "$restore"
tamper "a flag changed past the history" "UPDATE undam_flags.flag SET percentage = 77000" "UPDATE undam_flags.flag SET percentage = 0"
tamper "a flag made past the history" "INSERT INTO undam_flags.flag (name, salt) VALUES ('ghost', 'ghost')" "DELETE FROM undam_flags.flag WHERE name = 'ghost'"
out=$(flags verify); is $? 0 "mended, the history holds again"

# The control database away: a kill works all the same.
out=$(flags set users-read --percent 100 --why "all"); is "$(decision "$stream")" "stream percentage" "everybody"
snapshot_decision() { # through the file alone
    "$UNDAM" flags show users-read --user "$1" --json -c "$T/undam.yaml" 2>&1 | sed -E 's/.*"route":"([a-z]*)","reason":"([a-z-]*)".*/\1 \2/'
}
pg_down control
out=$(flags kill users-read --why "fire"); is $? 6 "a kill with the database away reports that it is not recorded"
like "$out" "killed on this machine, but not recorded" "and that it is in effect"
pg_up control
is "$(snapshot_decision "$stream")" "legacy killed" "it is in effect"
out=$(flags kill users-read --why "fire"); is $? 0 "repeated with the database back it is recorded"
out=$(flags unkill users-read --why "fire is out"); is "$(decision "$stream")" "stream percentage" "and can be ended"
out=$(flags verify); is $? 0 "the history holds"

# A damaged snapshot decides legacy; control replaces it.
printf 'x' | dd of="$T/run/flags.snapshot" bs=1 seek=200 conv=notrunc 2>/dev/null
mended() { [ "$(decision "$stream")" = "stream percentage" ]; }
wait_until 10 mended; ok $? "a damaged snapshot is replaced"
rm "$T/run/flags.snapshot"
wait_until 10 mended; ok $? "and a removed one"
stop control KILL
printf 'x' | dd of="$T/run/flags.snapshot" bs=1 seek=200 conv=notrunc 2>/dev/null
is "$(decision "$stream")" "legacy no-snapshot" "a damaged snapshot decides legacy"
done_testing
