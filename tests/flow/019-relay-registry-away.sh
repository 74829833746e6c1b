#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A registry that hangs or is gone for longer than wal_sender_timeout just when a new schema is due: the source does not
# cut the relay off for it, nothing is lost, and known schemas need no registry. A token that is renewed in its file.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/relay.sh"

pg_create src "wal_sender_timeout = 2s"
sql src postgres "CREATE DATABASE app" && sql src postgres "CREATE DATABASE undam"
app "CREATE TABLE t (id int PRIMARY KEY)"
echo 'services: {s: {tables: {public.t: id}}}' >"$T/services.yaml"
port=$(free_port) front=$(free_port)
relay_config
cp "$T/undam.yaml" "$T/control.yaml"
sed -i "s|^control:.*|control: {dsn: \"$(dsn src undam)\", snapshot: $T/flags.snapshot, catalogue: $T/catalogue, listen: \"\"}\nregistry: {listen: \"127.0.0.1:$port\"}|" "$T/control.yaml"
echo "registry: {driver: confluent, urls: \"http://127.0.0.1:$front\", credentials: $T/token}" >>"$T/undam.yaml"
start control "$UNDAM" control -c "$T/control.yaml"
mkdir "$T/nginx"
token() { # TOKEN: the one nginx lets through
    cat >"$T/nginx.conf" <<END
$([ "$(id -u)" != 0 ] || echo 'user root;')
worker_processes 1; daemon off; pid $T/nginx/pid; error_log $T/nginx/error.log;
events {}
http {
    access_log off;
    client_body_temp_path $T/nginx/body; proxy_temp_path $T/nginx/proxy; fastcgi_temp_path $T/nginx/f; uwsgi_temp_path $T/nginx/u; scgi_temp_path $T/nginx/s;
    server {
        listen 127.0.0.1:$front;
        location / { if (\$http_authorization != "Bearer $1") { return 401; } proxy_pass http://127.0.0.1:$port; }
    }
}
END
}
asked() { [ "$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $1" "http://127.0.0.1:$front/subjects")" = "$2" ]; }
# The old worker still answers on connections that it has until it is gone.
only_new() { asked "$1" 401 && [ "$(pgrep -cP "$pid_nginx")" = 1 ]; } # TOKEN that is no longer taken
token tok-1
(umask 077; echo "bearer tok-1" >"$T/token")
start nginx nginx -c "$T/nginx.conf" -p "$T/nginx"
wait_until 20 asked tok-1 200 || bail "no registry"

"$UNDAM" relay -c "$T/undam.yaml" --create-publication >/dev/null
relay
wait_until 20 ready || bail "no relay"
app "INSERT INTO t VALUES (1)"
synced || bail "no event"
sessions=$(metric sessions_total) walsender=$(slot active_pid)

note "a registry that hangs"
kill -STOP "$pid_control"
(sleep 5; kill -CONT "$pid_control") &
app "ALTER TABLE t ADD a int; INSERT INTO t VALUES (2, 2)"
wait $!
synced 20; ok $? "after a registry that hung for 5 s events go on"
is "$(slot active_pid) $(metric sessions_total)" "$walsender $sessions" "in the same session (wal_sender_timeout 2 s)"
is "$(grep -c 'terminating walsender' "$T/src/log")" 0 "no walsender timed out"

note "a registry that is gone"
stop control
app "INSERT INTO t VALUES (3, 3)"
synced 20; ok $? "known schemas need none"
app "ALTER TABLE t ADD b int; INSERT INTO t VALUES (4, 4, 4)"
wait_until 30 logged 'event=session_ended class=target .*registry: http'; ok $? "a new one does: the relay says so"
ok "$(! ready; echo $?)" "and is not ready"
is "$(slot "confirmed_flush_lsn < '$(app "SELECT pg_current_wal_insert_lsn()")'::pg_lsn")" t "the source still holds the event"
is "$(grep -c 'terminating walsender' "$T/src/log")" 0 "no walsender timed out"
start control "$UNDAM" control -c "$T/control.yaml"
wait_until 30 ready; ok $? "it comes back by itself"
synced 20; ok $? "and the event arrives"

note "a token that is renewed"
sessions=$(metric sessions_total)
token tok-2
kill -HUP "$pid_nginx"
wait_until 20 only_new tok-1 || bail "nginx keeps the old token"
(umask 077; echo "bearer tok-2" >"$T/token")
app "ALTER TABLE t ADD c int; INSERT INTO t VALUES (5, 5, 5, 5)"
synced 20; ok $? "is read from its file"
is "$(metric sessions_total)" "$sessions" "in the same session"
token tok-3
kill -HUP "$pid_nginx"
wait_until 20 only_new tok-2 || bail "nginx keeps the old token"
app "ALTER TABLE t ADD d int; INSERT INTO t VALUES (6, 6, 6, 6, 6)"
wait_until 30 eval '! kill -0 "$pid_relay"' || kill -KILL "$pid_relay"
wait "$pid_relay"; is $? 3 "one that is not renewed stops the relay"
ok "$(logged 'class=config .*refuses the credentials given'; echo $?)" "and is said"
(umask 077; echo "bearer tok-3" >"$T/token")
relay
wait_until 20 ready; synced 20; ok $? "with the right one it goes on"
sed "s|^registry:.*||" "$T/control.yaml" >"$T/undam.yaml" # the tables themselves
is "$(events | sed 's/.*subject=\([0-9]*\) .*/\1/' | tr '\n' ' ')" "1 2 3 4 5 6 " "everything once and in order"
is "$(grep -c 'tok-[0-9]' "$T/relay.log")" 0 "no token in the log"
stop relay
done_testing
