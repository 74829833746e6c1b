# SPDX-License-Identifier: Apache-2.0
# Sourced after lib.sh: a legacy side, a read model made by SQL, and a real nginx with the module in front of both.
# edge_read_model, edge_catalogue, edge_flags and edge_start in that order; then `get PATH [curl option...]`.

NGINX=${NGINX:-$(command -v nginx || echo /usr/sbin/nginx)}
MODULE=$UNDAM_BUILD/nginx/ngx_http_undam_module.so
FLAGS=$UNDAM_BUILD/tests/flow/edge_flags
# The module under AddressSanitizer runs in an nginx that is not: its run-time library has to come first.
sanitizer=$(ldd "$MODULE" 2>/dev/null | sed -n 's/.*libasan[^ ]* => \([^ ]*\) .*/\1/p')
export ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

# nginx NAME: starts $T/NAME.conf in the foreground of a background job.
edge_nginx() {
    mkdir -p "$T/$1.d/logs"
    chmod 777 "$T/$1.d" "$T/$1.d/logs"
    start "$1" env LD_PRELOAD="$sanitizer" "$NGINX" -p "$T/$1.d/" -c "$T/$1.conf" -e "$T/$1.log"
}
edge_workers() { pgrep -P "$(cat "$T/$1.d/nginx.pid")"; }
# One worker is left: after a reload, the old one is gone.
edge_settled() { [ "$(edge_workers edge | wc -l)" = 1 ]; }

edge_head() { # NAME WORKERS
    [ "$(id -u)" != 0 ] || echo "user ${EDGE_USER:-nobody} ${EDGE_GROUP:-$(id -gn nobody)};"
    echo "daemon off; master_process on; worker_processes $2; pid $T/$1.d/nginx.pid; error_log $T/$1.log ${EDGE_LOG:-notice};"
}
edge_temp() { # NAME
    local k
    for k in client_body proxy fastcgi uwsgi scgi; do echo "${k}_temp_path $T/$1.d/$k;"; done
}

# A monolith that says what it was asked: "legacy METHOD TARGET [Undam-Force]".
edge_legacy() {
    legacy_port=$(free_port)
    {
        edge_head legacy 1
        echo "events { worker_connections 512; } http { access_log off; keepalive_requests 1000000; $(edge_temp legacy)"
        echo "server { listen 127.0.0.1:$legacy_port; default_type text/plain;"
        echo 'location /slow { limit_rate 1; return 200 "legacy slow\n"; }'
        echo 'location /fail { return 500 "legacy failed\n"; }'
        echo 'location / { add_header X-Seen "$http_undam_force$http_undam_x"; return 200 "legacy $request_method $request_uri\n"; } } }'
    } >"$T/legacy.conf"
    edge_nginx legacy
}

# Profiles 1..N in a read model of service tx.
edge_read_model() { # ROWS
    pg_create read ${EDGE_PG:-}
    sql read postgres 'CREATE DATABASE tx'
    sql read tx "CREATE SCHEMA api; CREATE SCHEMA undam;
        CREATE TABLE undam.position(source text PRIMARY KEY, lsn pg_lsn);
        INSERT INTO undam.position VALUES ('fintech', '0/1000');
        CREATE TABLE api.profile(id bigint PRIMARY KEY, body text, _lsn pg_lsn);
        INSERT INTO api.profile SELECT i, json_build_object('id', i, 'side', 'stream', 'pad', repeat('x', i % 200)), '0/500'
            FROM generate_series(1, $1) i;
        ANALYZE"
}

edge_endpoint() { # FILE TEMPLATE SQL [HEADER LINES]
    mkdir -p "$T/m/endpoints"
    printf -- '-- endpoint: GET %s\n-- service: tx\n-- flag: %s\n%s\n%s\n' "$2" "$1" "${4:-}" "$3" >"$T/m/endpoints/$1.sql"
}
id_param='-- param: id path bigint'
edge_endpoints() {
    edge_endpoint profile '/users/{id}' 'SELECT body, _lsn AS etag FROM profile WHERE id = :id' "$id_param
-- key: id
-- user: path.id
-- cache: private, max-age=0
-- not-found: 404 {\"error\":\"none\"}"
    edge_endpoint sleep '/sleep/{ms}' "SELECT 'slept ' || :ms AS body FROM (SELECT pg_sleep(:ms / 1000.0)) s" '-- param: ms path int'
    edge_endpoint divide '/divide/{id}' "SELECT (100 / :id)::text AS body" '-- param: id path int
-- key: id'
    edge_endpoint list '/list' "SELECT string_agg(id::text, ',') AS body FROM (SELECT id FROM profile ORDER BY id LIMIT :n OFFSET :from) x" '-- param: n query int default 3 min 1 max 100000
-- param: from query.page int default 0 min 0
-- bad-parameter: 400 {"error":"bad"}
-- ignore: utm'
    edge_endpoint text '/text/{t}' "SELECT 'stream ' || :t AS body" '-- param: t path text
-- key: t
-- user: header.X-User-Id
-- content-type: text/plain; charset=utf-8'
}
edge_compile() {
    [ -f "$T/undam.yaml" ] || cat >"$T/undam.yaml" <<EOC
directory: $T/m
source: {name: fintech, dsn: "host=/nonexistent dbname=fintech"}
control: {dsn: "host=/nonexistent dbname=undam", catalogue: $T/catalogue}
services:
  tx: {dsn: "$(dsn read tx)", tables: {public.transactions: user_id}}
EOC
    catalogue_hash=$("$UNDAM" endpoint compile -c "$T/undam.yaml" --json | sed -n 's/.*"hash":"\([0-9a-f]*\)".*/\1/p')
    [ -n "$catalogue_hash" ] || bail "endpoint compile"
}
flags_version=0
edge_publish() { # FLAG:SERVICE:PERCENT...
    flags_version=$((flags_version + 1))
    "$FLAGS" "$T/flags" publish $flags_version "${EDGE_HASH:-$catalogue_hash}" "$@" || bail "edge_flags"
}
edge_applied() { "$FLAGS" "$T/flags" applied tx "${1:-0}"; }
edge_all_stream() { edge_publish profile:tx:100 sleep:tx:100 divide:tx:100 list:tx:100 text:tx:100; edge_applied "${1:-1000}"; }

# Directives of the test: EDGE_HTTP (http), EDGE_LOCATION (location /), EDGE_SERVER (server), EDGE_READMODEL (options of undam_readmodel), EDGE_WORKERS.
edge_config() {
    {
        edge_head edge "${EDGE_WORKERS:-1}"
        echo "load_module $MODULE; worker_shutdown_timeout 20s;"
        echo "events { worker_connections 1024; } http { access_log $T/edge.access.log; $(edge_temp edge)"
        echo "keepalive_requests 10000000; undam_snapshot $T/flags; undam_catalogue $T/catalogue;"
        echo "undam_readmodel tx \"${EDGE_DSN:-$(dsn read tx)}\" ${EDGE_READMODEL:-statement_timeout=10s};"
        echo "undam_timeout 10s; ${EDGE_HTTP:-}" # generous: the box may be slow and the module under a sanitiser
        echo 'log_format undam "$request $status $undam_route $undam_reason $undam_version $undam_endpoint";'
        echo "upstream legacy { server 127.0.0.1:$legacy_port; keepalive 32; }"
        echo "server { listen 127.0.0.1:$port; access_log $T/edge.access.log undam;"
        echo "  location / { undam on; ${EDGE_LOCATION:-} proxy_pass http://legacy; proxy_http_version 1.1; proxy_set_header Connection ''; }"
        echo "  ${EDGE_SERVER:-}"
        echo "  location /plain { proxy_pass http://legacy; }"
        echo "  location = /status { undam_status; } }"
        echo "server { listen 127.0.0.1:$trusted_port; undam_trusted on;"
        echo "  location / { undam on; ${EDGE_LOCATION:-} proxy_pass http://legacy; } } }"
    } >"$T/edge.conf"
}
edge_start() {
    port=$(free_port)
    trusted_port=$(free_port)
    url=http://127.0.0.1:$port
    edge_legacy
    edge_config
    edge_nginx edge
    wait_until 20 curl -sf "http://127.0.0.1:$legacy_port/" || bail "the legacy side does not start: $(tail -n 3 "$T/legacy.log")"
    wait_until 20 curl -sf "$url/status" || bail "nginx does not start: $(tail -n 3 "$T/edge.log")"
    wait_until 20 edge_up || bail "the read model is not reached: $(tail -n 3 "$T/edge.log")"
}
edge_up() { [ "$(counter 'undam_edge_connections{service="tx"}')" -ge "${1:-1}" ]; }
edge_reload() { kill -HUP "$(cat "$T/edge.d/nginx.pid")"; }

# get PATH [curl options]: "STATUS ROUTE REASON|BODY"
get() {
    local path=$1; shift
    : >"$T/body"
    curl -s -g --path-as-is -o "$T/body" -D "$T/head" --max-time 20 "$@" "${base:-$url}$path" || { echo "curl failed ($?)"; return; }
    echo "$(sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' "$T/head") $(header Undam-Route) $(header Undam-Reason)|$(tr -d '\n' <"$T/body")"
}
header() { sed -n "s/^$1: \(.*\)\r$/\1/Ip" "$T/head"; }
counter() { # NAME{LABELS}: its value, 0 when it is not there
    local v; v=$(curl -s "$url/status" | grep -v '^#' | grep -F -- "$1 " | awk '{print $NF}')
    echo "${v:-0}"
}
reason_counter() { counter "undam_edge_requests_total{endpoint=\"$1\",route=\"$2\",reason=\"$3\"}"; }
# The worker's memory checker and asserts end up in the log.
edge_clean() {
    unlike "$(grep -hE 'ERROR: AddressSanitizer|runtime error:|exited on signal|\[alert\]|\[emerg\]' "$T/edge.log" | head -n 5)" . "nothing alarming in the log of nginx"
}
