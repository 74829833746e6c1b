#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# HTTP as it should be: entity tags, HEAD, conditional requests; and as it should not be: garbage, smuggling, slow clients.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/edge.sh"

edge_read_model 100
edge_endpoints
edge_endpoint big /big "SELECT repeat('0123456789', 200000) AS body"
edge_compile
edge_publish profile:tx:100 sleep:tx:100 divide:tx:100 list:tx:100 text:tx:100 big:tx:100
edge_applied 600000
EDGE_LOCATION='undam_timeout 5s;'
h2_port=$(free_port)
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/key.pem" -out "$T/cert.pem" -days 2 -subj /CN=edge >/dev/null 2>&1 || bail "openssl"
EDGE_HTTP="server { listen 127.0.0.1:$h2_port ssl http2; ssl_certificate $T/cert.pem; ssl_certificate_key $T/key.pem;
    location / { undam on; proxy_pass http://127.0.0.1:1; } }"
edge_start

like "$(get /users/7)" "^200 stream" "a read"
tag=$(header ETag)
like "$tag" '^"[0-9a-f]+-0/500"$' "its tag is the endpoint's hash and the row's position"
is "$(get /users/7 -H "If-None-Match: $tag")" "304 stream percentage|" "the same tag: 304 without a body"
is "$(header ETag)" "$tag" "with the tag"
is "$(header Undam-Position)" "0/1000" "and the position"
like "$(get /users/7 -H "If-None-Match: W/$tag, \"x\"")" "^304" "weak comparison, in a list"
like "$(get /users/7 -H 'If-None-Match: *')" "^304" "any tag"
like "$(get /users/7 -H 'If-None-Match: "x"')" "^200" "another tag: the answer"
sql read tx "UPDATE api.profile SET body = '{\"id\" : 7, \"new\" : 1}', _lsn = '0/600' WHERE id = 7"
like "$(get /users/7 -H "If-None-Match: $tag")" '^200 stream percentage\|\{"id" : 7, "new" : 1\}' "the row changed: a new answer"
[ "$(header ETag)" != "$tag" ]; ok $? "and a new tag"
get /list >/dev/null; tag=$(header ETag)
like "$tag" '^"[0-9a-f]+\.[0-9a-f]+"$' "without an etag column the tag is the body's hash"
is "$(get /list -H "If-None-Match: $tag")" "304 stream no-user|" "which works the same"
get /users/8 >/dev/null; length=$(header Content-Length)
like "$(get /users/8 -I)" "^200 stream percentage" "HEAD is answered, too"
is "$(header Content-Length)" "$length" "HEAD has the length of GET"
is "$(get /users/4711)" '404 stream percentage|{"error":"none"}' "no row: the declared answer"
is "$(header ETag)" "" "without a tag"
is "$(get /divide/0)" "200 legacy query-failed|legacy GET /divide/0" "and a fault is never mistaken for it"
get /big >/dev/null
is "$(wc -c <"$T/body") $(md5sum <"$T/body")" "2000000 $(head -c 2000000 < <(yes 0123456789 | tr -d '\n') | md5sum)" "2 MB arrive whole"
like "$(get /users/8 -H 'Range: bytes=0-3')" "^200 stream" "ranges are not offered"
like "$(get /users/8 -H 'Accept-Encoding: gzip')" "^200 stream" "other headers change nothing"

base=https://127.0.0.1:$h2_port
like "$(get /users/8 -k --http2)" '^200 stream percentage' "HTTP/2 over TLS"
like "$(head -n 1 "$T/head")" '^HTTP/2 200' "it is"
for i in $(seq 1 100); do echo "url=$base/users/$i"; echo "output=$T/h2.$i"; done >"$T/curl.cfg"
curl -s --no-progress-meter -k --http2 -Z --parallel-max 50 -K "$T/curl.cfg"
bad=0
for i in $(seq 1 100); do grep -q "\"id\" : $i," "$T/h2.$i" || bad=$((bad + 1)); done
is $bad 0 "many streams of one connection, each with its own answer"
base=$url
# Text keys that look like something in an array, asked for at once so that they share statements.
words='NULL a,b {} %7B%22x%22%7D %22 %22%22 %27 a%20b null %C3%A4 %7B%7D%2C (:k) $1'
for round in 1 2 3 4 5 6; do for w in $words; do echo "url=\"$url/text/$w\""; echo "output=$T/word.$round.$w"; done; done >"$T/curl.cfg"
curl -s -g --no-progress-meter -Z --parallel-max 40 -K "$T/curl.cfg"
bad=0
for w in $words; do
    printf -v text '%b' "${w//%/\\x}"
    for round in 1 2 3 4 5 6; do [ "$(cat "$T/word.$round.$w")" = "stream $text" ] || { bad=$((bad + 1)); note "$w: $(cat "$T/word.$round.$w")"; }; done
done
is $bad 0 "no text is taken for syntax"

# raw TEXT: sends bytes, prints what comes until the end.
raw() { printf "$1" | timeout 10 python3 -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(sys.stdin.buffer.read())
s.settimeout(3)
out = b""
try:
    while True:
        d = s.recv(65536)
        if not d: break
        out += d
except OSError: pass
sys.stdout.buffer.write(out)' "$port"; }
close='Connection: close\r\n\r\n'
like "$(raw "GET /users/8 HTTP/1.0\r\nUndam-Force: x\r\n\r\n")" '^HTTP/1.1 200' "HTTP/1.0 with nothing but an Undam- header"
many=$(for i in $(seq 1 45); do printf 'Undam-%s: x\\r\\n' "$i"; done)
like "$(raw "GET /users/8 HTTP/1.0\r\n$many\r\n")" '"id" : 8' "many of them"
like "$(raw "GET /other HTTP/1.1\r\nHost: a\r\n${many}A: 1\r\n${many}B: 2\r\n$close")" 'legacy GET /other' "and between others"
like "$(raw "GET http://h/users/8 HTTP/1.1\r\nHost: a\r\n$close")" '"id" : 8' "the absolute form"
is "$(raw "HEAD /users/8 HTTP/1.1\r\nHost: a\r\n$close" | tail -c 4 | od -An -c | tr -d ' ')" '\r\n\r\n' "HEAD has no body"
like "$(raw "GARBAGE\r\n\r\n")" '400 Bad Request|^$' "garbage is refused"
like "$(raw "GET /users/8\x00x HTTP/1.1\r\nHost: a\r\n$close")" '400 Bad Request' "so is a NUL"
like "$(raw "GET /users/8 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")" '400 Bad Request' "two lengths are refused"
both=$(raw "GET /users/8 HTTP/1.1\r\nHost: a\r\nContent-Length: 41\r\n\r\nGET /users/9 HTTP/1.1\r\nHost: smuggled\r\n\r\n\r\nGET /users/10 HTTP/1.1\r\nHost: a\r\n$close")
like "$both" 'legacy GET /users/8' "a read with a body goes to the monolith"
unlike "$both" '"id" : 9|users/9' "what is in the body is never a request"
like "$(raw "GET /users/8 HTTP/1.1\r\nHost: a\r\n\r\nGET /users/9 HTTP/1.1\r\nHost: a\r\n\r\nGET /other HTTP/1.1\r\nHost: a\r\n\r\nGET /users/10 HTTP/1.1\r\nHost: a\r\n$close" | grep -aoE '"id" : [0-9]+|legacy GET [^ ]+' | tr '\n' ' ')" '^"id" : 8 "id" : 9 legacy GET /other "id" : 10 $' "pipelined requests keep their order"
long=$(printf 'a%.0s' $(seq 1 3000))
like "$(get "/text/$long" -H 'X-User-Id: 1')" "^200 stream percentage\|stream aaa" "a long value"
longer=$(printf 'a%.0s' $(seq 1 5000))
is "$(get "/text/$longer" -H 'X-User-Id: 1' | cut -c 1-26)" "200 legacy bad-parameter|l" "one past the limit is not the read model's"
like "$(get "/text/$longer$longer$longer")" "^414" "one past nginx's limit is nobody's"

# A client that sends slowly, one that reads slowly, one that shuts its side early.
got=$(
    python3 - "$port" <<'EOP'
import socket, sys, time
def dial(): return socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s = dial()
for b in b"GET /users/8 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n":
    s.send(bytes([b])); time.sleep(0.005)
out = b""
while True:
    d = s.recv(4096)
    if not d: break
    out += d
slow_ok = b'"id" : 8' in out
s = dial()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
n, start = 0, time.time()
while True:
    d = s.recv(30000)
    if not d: break
    n += len(d); time.sleep(0.003)
read_ok = n > 2000000
for i in range(50):  # leave while the read model works
    s = dial(); s.sendall(b"GET /sleep/200 HTTP/1.1\r\nHost: a\r\n\r\n"); time.sleep(0.01); s.close()
print("%s %s" % (slow_ok, read_ok))
EOP
)
is "$got" "True True" "slow clients get all of their answer, leaving ones get nothing"
like "$(get /users/8)" "^200 stream" "hurt nobody else"
wait_until 5 eval '[ "$(counter undam_edge_clients_gone_total)" -gt 10 ]'; ok $? "and are noticed"
wait_until 10 eval '[ "$(counter "undam_edge_waiting{service=\"tx\"}")" = 0 ]'; ok $? "nobody is left waiting"
edge_clean
done_testing
