# SPDX-License-Identifier: Apache-2.0
# Sourced after project_lib.sh by the tests of `undam replay`, on either bus: tables, views, data, and the command.

replay_schema="
CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, photo text);
ALTER TABLE users ALTER photo SET STORAGE EXTERNAL;
CREATE TABLE orders (user_id bigint, no int, total numeric(10,2), PRIMARY KEY (user_id, no));"
replay_tables=(public.users:id public.orders:user_id)

replay_views() {
    local a b out
    a=$(view totals user_id <<<"SELECT u.id AS user_id, u.name, count(o.no) AS orders, sum(o.total) AS total FROM users u LEFT JOIN orders o ON o.user_id = u.id GROUP BY u.id, u.name")
    b=$(view photos id <<<"SELECT id, name, length(photo) AS bytes FROM users")
    out=$("$UNDAM" view add "$a" "$b" 2>&1) || bail "$out"
}
# 300 users, of which 1 to 29 have a large photo; then, after $before_time: renamed, one deleted, one new image.
replay_data() {
    sql src source "INSERT INTO users SELECT i, 'user ' || i, CASE WHEN i < 30 THEN repeat(md5(i::text), 200) ELSE '' END FROM generate_series(1, 300) i;
INSERT INTO orders SELECT i, n, i * n FROM generate_series(1, 300) i, generate_series(1, 2) n"
    before_time=$(sql src source "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM pg_sleep(0.01)")
    sql src source "SELECT pg_sleep(0.01)" >/dev/null
    sql src source "UPDATE users SET name = 'photographed' WHERE id < 30; UPDATE users SET photo = 'small' WHERE id = 20"
    sql src source "DELETE FROM users WHERE id = 30"
}
# replay_into DATABASE OPTION...: into a database of the read models' cluster, made when it is missing.
replay_into() {
    local db=$1; shift
    [ "$(sql rm postgres "SELECT count(*) FROM pg_database WHERE datname = '$db'")" = 1 ] || sql rm postgres "CREATE DATABASE $db"
    OUT=$("$UNDAM" replay app --into "$(dsn rm "$db")" "$@" 2>&1); STATUS=$?
}
replay() { replay_into side "$@"; }
replay_reached() { [ "$(sql rm "$1" "SELECT lsn >= '$2' FROM undam.position" 2>/dev/null)" = t ]; }
replay_same() { # NAME: tables and views, all columns but the position
    local a b t
    for t in mirror.users mirror.orders api.totals api.photos; do
        a+=$(sql rm rm "SELECT to_jsonb(x) - '_lsn' - '_seq' FROM $t x" | sort)
        b+=$(sql rm side "SELECT to_jsonb(x) - '_lsn' - '_seq' FROM $t x" | sort)
    done
    [ -n "$a" ] && [ "$a" = "$b" ]; ok $? "$1"
}
# A replay into `killed`, killed three times in the middle of a batch, comes to the same end.
replay_killed() {
    local i kills=0
    replay_into killed --to "$before_time" || true
    for i in 1 2 3; do
        start "lock$i" psql -X -q -d "$(dsn rm killed)" -c "BEGIN; LOCK TABLE mirror.orders IN EXCLUSIVE MODE; SELECT pg_sleep(60)"
        wait_until 10 replay_locks t || bail "no lock"
        start "kill$i" "$UNDAM" replay app --into "$(dsn rm killed)"
        local pid=pid_kill$i lock=pid_lock$i
        wait_until 20 replay_locks f && kill -KILL "${!pid}" && kills=$((kills + 1))
        sql rm killed "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()" >/dev/null
        wait "${!pid}" "${!lock}" 2>/dev/null
    done
    is $kills 3 "killed in the middle of a batch, three times"
    replay_into killed --compare; is $STATUS 0 "it goes on where it was, and is right" || note "$OUT"
}
replay_locks() { # t: the lock is held, f: somebody waits for it
    [ "$(sql rm killed "SELECT count(*) FROM pg_locks WHERE relation = 'mirror.orders'::regclass AND granted = '$1' AND database = (SELECT oid FROM pg_database WHERE datname = 'killed')")" != 0 ]
}
