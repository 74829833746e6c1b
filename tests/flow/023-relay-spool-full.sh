#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A spool that cannot take a transaction: a clear error, nothing lost, and it goes on once there is room.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src "logical_decoding_work_mem = '64kB'"
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
app "CREATE TABLE big (id int PRIMARY KEY, body text)"
echo 'services: {big: {tables: {public.big: id}}}' >"$T/services.yaml"
relay_config "" "  memory_max_bytes: 64kB
  spool_max_bytes: 300kB"
"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
"$UNDAM" relay -c "$T/undam.yaml" --create-slot >/dev/null
app "INSERT INTO big VALUES (0, 'before')"
app "INSERT INTO big SELECT i, repeat('x', 200) FROM generate_series(1, 5000) i"
app "INSERT INTO big VALUES (9999, 'after')"
relay_fails
is $STATUS 8 "relay.spool_max_bytes stops it with exit 8"
like "$OUT" 'does not fit into the spool.*relay.spool_max_bytes is 307200' "the error says what and how much"
like "$OUT" 'hint=.*raise relay.spool_max_bytes' "and what to do"
is "$(events count)" "1 1" "what came before is on the bus, the large transaction is not"
is "$(ls "$T/spool")" "" "no file is left"
never_ahead
ok $? "the server keeps what was not published"

# A disk that is full. Root mounts a small one; others use /dev/full's errors in the unit test (test_txn).
if [ "$(id -u)" = 0 ] && mkdir "$T/disk" && mount -t tmpfs -o size=300k tmpfs "$T/disk" 2>/dev/null; then
    relay_config "" "  memory_max_bytes: 64kB"
    sed -i "s#spool_directory: .*#spool_directory: $T/disk/spool#" "$T/undam.yaml"
    relay
    wait_until 20 logged 'event=session_ended.*No space left on device'
    ok $? "a full disk is named"
    ok "$(logged 'hint=.*free space in relay.spool_directory'; echo $?)" "with what to do"
    ok "$(! ready; echo $?)" "the relay is not ready"
    mount -o remount,size=50m "$T/disk"
    synced 30; ok $? "with room it goes on by itself"
    is "$(events count)" "3 5002" "nothing was lost, nothing doubled"
    stop relay
    umount "$T/disk"
else
    note "no tmpfs here (not root): full disk is left to the unit test"
    relay_config "" "  memory_max_bytes: 64kB"
    relay
    synced 30; ok $? "without the limit it goes on"
    is "$(events count)" "3 5002" "nothing was lost, nothing doubled"
    stop relay
fi
done_testing
