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
# A replay into `killed`, killed again and again, comes to the same end.
replay_killed() {
    local kills=0 lsn i
    sql rm postgres "CREATE DATABASE killed"
    for i in $(seq 20); do
        lsn=$(sql rm killed "SELECT lsn FROM undam.position" 2>/dev/null || echo 0/0)
        start "kill$i" "$UNDAM" replay app --into "$(dsn rm killed)"
        local pid=pid_kill$i
        wait_until 20 eval "! kill -0 ${!pid} || [ \"\$(sql rm killed \"SELECT lsn > '$lsn' FROM undam.position\" 2>/dev/null)\" = t ]"
        kill -KILL "${!pid}" 2>/dev/null && kills=$((kills + 1))
        wait "${!pid}" 2>/dev/null && break
    done
    [ $kills -ge 3 ]; ok $? "killed while it replayed ($kills times)"
    replay_into killed --compare; is $STATUS 0 "it goes on where it was, and is right" || note "$OUT"
}
