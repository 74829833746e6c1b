#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The driver confluent as it meets registries in production: TLS with an authority of one's own, basic and bearer
# credentials, several URLs, proxies that answer in the registry's place. nginx stands before our own registry.
. "$(dirname "$0")/lib.sh"

pg_create reg
port=$(free_port) tls=$(free_port) odd=$(free_port)
cat >"$T/control.yaml" <<END
directory: $T/migration
source: {name: shop, dsn: "$(dsn reg)"}
control: {dsn: "$(dsn reg)", snapshot: $T/flags.snapshot, catalogue: $T/catalogue, listen: ""}
registry: {listen: "127.0.0.1:$port"}
services:
  app: {tables: {public.t: id}}
END
start control "$UNDAM" control -c "$T/control.yaml"

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout "$T/ca.key" -out "$T/ca.pem" -subj /CN=authority >"$T/openssl.log" 2>&1
openssl req -newkey rsa:2048 -nodes -keyout "$T/server.key" -out "$T/server.csr" -subj /CN=registry >>"$T/openssl.log" 2>&1
openssl x509 -req -in "$T/server.csr" -CA "$T/ca.pem" -CAkey "$T/ca.key" -CAcreateserial -days 2 -out "$T/server.pem" \
    -extfile <(echo "subjectAltName=IP:127.0.0.1") >>"$T/openssl.log" 2>&1
echo "undam:$(openssl passwd -apr1 'corr:ect horse')" >"$T/htpasswd"
mkdir "$T/nginx"
cat >"$T/nginx.conf" <<END
worker_processes 1; daemon off; pid $T/nginx/pid; error_log $T/nginx/error.log;
events {}
http {
    access_log $T/nginx/access.log;
    client_body_temp_path $T/nginx/body; proxy_temp_path $T/nginx/proxy; fastcgi_temp_path $T/nginx/f; uwsgi_temp_path $T/nginx/u; scgi_temp_path $T/nginx/s;
    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate $T/server.pem; ssl_certificate_key $T/server.key;
        location /basic/ { auth_basic registry; auth_basic_user_file $T/htpasswd; proxy_pass http://127.0.0.1:$port/; }
        location /bearer/ { if (\$http_authorization != "Bearer to.ken_1") { return 401; } proxy_pass http://127.0.0.1:$port/; }
        location /open/ { proxy_pass http://127.0.0.1:$port/; }
    }
    server {
        listen 127.0.0.1:$odd;
        location /redirect/ { return 301 https://127.0.0.1:$tls/open/; }
        location /page/ { default_type text/html; return 200 '<html>not a registry</html>'; }
        location /forbidden/ { return 403; }
        location /busy/ { add_header Retry-After 1 always; return 503; }
        location /limited/ { add_header Retry-After 30 always; return 429; }
        location /large/ { alias $T/large/; }
    }
}
END
mkdir -p "$T/large" "$T/migration/views" "$T/migration/endpoints"
{ printf '["'; head -c 9000000 /dev/zero | tr '\0' x; printf '"]'; } >"$T/large/subjects"
chmod -R a+rX "$T"; [ "$(id -u)" != 0 ] || sed -i '1i user root;' "$T/nginx.conf"
start nginx nginx -c "$T/nginx.conf" -p "$T/nginx"
wait_until 20 curl -sf -o /dev/null "http://127.0.0.1:$port/subjects" || bail "the registry does not answer"
wait_until 20 curl -skf -o /dev/null "https://127.0.0.1:$tls/open/subjects" || bail "nginx does not answer"

printf 'undam:corr:ect horse\n' >"$T/right"; printf 'undam:wr0ng-secret\n' >"$T/wrong"
printf 'bearer to.ken_1\n' >"$T/token"; printf 'Bearer wr0ng-secret' >"$T/badtoken"; echo nonsense >"$T/nonsense"
chmod 600 "$T/right" "$T/wrong" "$T/token" "$T/badtoken"

# try URLS [SETTINGS]: `registry list` there.
try() {
    sed "s|^registry:.*|registry: {driver: confluent, urls: \"$1\"${2:+, $2}}|" "$T/control.yaml" >"$T/undam.yaml"
    OUT=$("$UNDAM" registry list --json -c "$T/undam.yaml" 2>&1); S=$?
    unlike "$OUT" 'wr0ng|corr:ect|to\.ken' "(no secret is printed)"
}
base=https://127.0.0.1:$tls
try "$base/basic" "ca: $T/ca.pem, credentials: $T/right"; is "$S $OUT" "0 []" "TLS, basic credentials"
try "$base/bearer/" "ca: $T/ca.pem, credentials: $T/token"; is "$S $OUT" "0 []" "TLS, bearer credentials"
try "$base/basic" "ca: $T/ca.pem, credentials: $T/wrong"; is $S 3 "a wrong password"
like "$OUT" 'refuses the credentials given \(HTTP 401\)' "is said"
try "$base/bearer" "ca: $T/ca.pem, credentials: $T/badtoken"; is $S 3 "a wrong token"
try "$base/basic" "ca: $T/ca.pem"; is $S 3 "no credentials"
like "$OUT" 'refuses requests without credentials' "is said"
try "$base/open" ""; is $S 3 "an authority the system does not know"
like "$OUT" 'certificate' "is said"
like "$OUT" 'registry.ca' "with the setting that mends it"
try "https://localhost:$tls/open" "ca: $T/ca.pem"; is $S 3 "a certificate of another name"
try "$base/open" "ca: $T/nothing.pem"; is $S 3 "a file of certificates that is not there"
try "$base/open" "ca: $T/nonsense"; is $S 3 "one that holds none"
try "$base/open" "ca: $T/ca.pem, credentials: $T/nothing"; is $S 3 "a file of credentials that is not there"
try "$base/open" "ca: $T/ca.pem, credentials: $T/nonsense"; is $S 3 "one that holds none"
like "$OUT" "$T/nonsense:1" "with file and line"
try "https://undam:corr:ect@127.0.0.1:$tls/open" "ca: $T/ca.pem"; is $S 3 "credentials in the URL"
try "ftp://127.0.0.1/" ""; is $S 3 "no HTTP"

chmod 644 "$T/right"
try "$base/basic" "ca: $T/ca.pem, credentials: $T/right"
like "$("$UNDAM" config check -c "$T/undam.yaml" 2>&1)" 'registry.credentials names a file that every user can read' "an open file of credentials is warned about"
chmod 600 "$T/right"
unlike "$("$UNDAM" config check -c "$T/undam.yaml" 2>&1)" 'every user can read' "a closed one is not"

bad=http://127.0.0.1:$odd
try "$bad/redirect"; is $S 3 "a redirect is not followed"
like "$OUT" 'redirect' "and said"
try "$bad/page"; is $S 6 "a page that is no registry"
like "$OUT" "does not answer as a schema registry" "is said"
try "$bad/forbidden"; is $S 3 "403"
try "$bad/large"; is $S 3 "an answer too large"
began=$SECONDS
try "$bad/busy"; is $S 6 "503 is an outage"
ok $((SECONDS - began < 3 || SECONDS - began > 15)) "tried again for some seconds"
is "$(($(grep -c 'GET /busy' "$T/nginx/access.log") <= 6))" 1 "as slowly as Retry-After asks for"
began=$SECONDS
try "$bad/limited"; is $S 6 "429 with a long pause"
ok $((SECONDS - began > 5)) "is not waited for"
try "http://127.0.0.1:1, $bad/busy, $base/open" "ca: $T/ca.pem"; is "$S $OUT" "0 []" "the next URL is tried when one is away or busy"
try "$bad/forbidden, $base/open" "ca: $T/ca.pem"; is $S 3 "but not when one says no"
"$UNDAM" registry add s-value - -c "$T/undam.yaml" <<<'"int"' >/dev/null 2>&1; is $? 3 "nor for a change"
try "$base/basic" "ca: $T/ca.pem, credentials: $T/right"
is "$("$UNDAM" registry add s-value - -c "$T/undam.yaml" <<<'"int"')" "registered, id 1" "a schema goes through TLS and password"
stop nginx
began=$SECONDS
try "$base/open" "ca: $T/ca.pem"; is $S 6 "an outage"
ok $((SECONDS - began > 20)) "is told in good time"
grep -q 'wr0ng\|corr:ect\|to\.ken' "$T"/*.log; is $? 1 "no log has a secret"
done_testing
