# SPDX-License-Identifier: Apache-2.0
# The whole spine on the example's core, for tests of the validator: the monolith with its application, relay, projectors, control,
# and nginx with the module. Source lib.sh, scripts/lib/fintech.sh and edge.sh first.

# spine_start: with USERS and TRANSACTIONS; MIGRATION (views and endpoints; default the example's). Sets APP_PORT, EDGE_PORT,
# TRUSTED_PORT, UNDAM_CONFIG.
is_ready() { wait_until 40 grep -q event=ready "$T/$1.log" || bail "$1 does not get ready: $(tail -n 2 "$T/$1.log")"; }
spine_start() {
    local name location
    mkdir "$T/run"; chmod 777 "$T/run"
    pg_create mono; pg_create read
    fintech_seed mono fintech $USERS $TRANSACTIONS 1
    fintech_app "$(dsn mono fintech)"
    EDGE_PORT=$(free_port) TRUSTED_PORT=$(free_port)
    for name in RELAY CONTROL VALIDATE ACCOUNTS TRANSACTIONS COMPLIANCE; do printf -v "${name}_PORT" 0; done # each takes a free one
    RUN=$T/run MIGRATION=${MIGRATION:-$FINTECH/migration} SOURCE_DSN=$(dsn mono fintech) CONTROL_DSN=$(dsn read control)
    ACCOUNTS_DSN=$(dsn read rm_accounts) TRANSACTIONS_DSN=$(dsn read rm_transactions) COMPLIANCE_DSN=$(dsn read rm_compliance)
    mkdir "$T/run/spool"; chmod 777 "$T/run/spool"
    fill "$FINTECH/undam.yaml.in" >"$T/undam.yaml"
    export UNDAM_CONFIG=$T/undam.yaml
    for name in control rm_accounts rm_transactions rm_compliance; do sql read postgres "CREATE DATABASE $name"; done

    {
        edge_head edge 1
        echo "load_module $MODULE; events { worker_connections 512; } http { access_log off; keepalive_requests 1000000; $(edge_temp edge)"
        echo "upstream legacy { server 127.0.0.1:$APP_PORT; keepalive 16; }"
        # The load is stopped in the middle of writes: who wrote stays on the legacy side for so long (default 60 s).
        echo "undam_write_hold 2s; undam_snapshot $T/run/flags.snapshot; undam_catalogue $T/run/endpoints.catalogue;"
        for name in accounts transactions compliance; do echo "undam_readmodel $name \"$(dsn read "rm_$name")\";"; done
        location="undam on; undam_user \$http_x_user_id; proxy_pass http://legacy; proxy_http_version 1.1; proxy_set_header Connection \"\";"
        echo "server { listen 127.0.0.1:$EDGE_PORT; location / { $location undam_ticket $T/run/tickets.sock sample=100% header=X-User-Id; } }"
        echo "server { listen 127.0.0.1:$TRUSTED_PORT; undam_trusted on; location / { $location } } }"
    } >"$T/edge.conf"

    "$UNDAM" relay --create-publication >"$T/publication.log" 2>&1 || bail "publication: $(cat "$T/publication.log")"
    start relay "$UNDAM" relay; is_ready relay
    for name in accounts transactions compliance; do start "$name" "$UNDAM" project "$name"; done
    "$UNDAM" view add "$MIGRATION"/views/*.sql >"$T/view-add.log" 2>&1 || bail "views: $(tail -n 3 "$T/view-add.log")"
    "$UNDAM" endpoint compile >/dev/null 2>&1 || bail "endpoint compile"
    start control "$UNDAM" control; is_ready control
    for name in accounts transactions compliance; do is_ready $name; done
    "$UNDAM" flags sync --why test >/dev/null || bail "flags sync"
    edge_nginx edge
    wait_until 20 curl -sf "http://127.0.0.1:$EDGE_PORT/users/1" || bail "nginx"
}

# check OPTION...: undam validate --once; sets out (its JSON) and code. class NAME: how many answers of that class.
check() { out=$("$UNDAM" validate --once --json "$@" 2>"$T/stderr.txt"); code=$?; note "$code $(cut -c1-130 <<<"$out")"; }
class() { grep -oE "\"$1\":[0-9]+" <<<"$out" | head -n 1 | cut -d: -f2; }
