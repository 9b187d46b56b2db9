#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2016
# upstreams.toml: models that another box or service lists. The other box is a hal0-route serve of
# its own, with a key, in front of a server that says what it was asked.
. "${HAL0_SOURCE:?}/test/tap.sh"
PATH=$HAL0_BUILD/cmd:$PATH
for t in curl jq python3 openssl; do
  command -v $t >/dev/null 2>&1 || skip_all "$t is not installed"
done
export HAL0_HOME="$tmp/home" NO_COLOR=1
unset LAB_KEY
etc=$tmp/home/etc/hal0
pids=
tap_cleanup() {
  for p in $pids; do kill "$p" 2>/dev/null; done
  rm -rf "$tmp"
}
slot() { # HOME NAME TYPE PORT MODEL
  mkdir -p "$1/etc/hal0/slots"
  printf 'name = "%s"\ntype = "%s"\nport = %s\ndevice = "cpu"\n[model]\ndefault = "%s"\n' "$2" "$3" "$4" "$5" \
    >"$1/etc/hal0/slots/$2.toml"
}
far=$tmp/far
ports=$(python3 - <<'PY'
import socket
free = []
for port in range(8199, 8081, -1):
    with socket.socket() as s:
        if s.connect_ex(("127.0.0.1", port)):
            free.append(port)
print(*free[:2])
PY
)
p1=${ports% *} p2=${ports#* }
slot "$far" big llm "$p1" big-70b
slot "$far" vec embedding "$p1" far-embed
slot "$tmp/home" primary llm "$p2" here-8b
python3 "$HAL0_SOURCE/test/cli/who.py" "$p1" "$p2" >"$tmp/who" &
pids="$pids $!"
echo far-secret >"$tmp/keys"
chmod 600 "$tmp/keys"
serve() { # HOME NAME ARG...: $url
  _h=$1 _n=$2
  shift 2
  HAL0_HOME=$_h hal0-route serve --port 0 --json --no-load "$@" >"$tmp/$_n" 2>"$tmp/$_n.err" &
  pids="$pids $!"
  until_file "$tmp/$_n"
  url=$(jq -r .url "$tmp/$_n")
}
serve "$far" served-far --key-file "$tmp/keys"
far_url=$url
upstream() { # URL [LINES]
  printf '[[upstream]]\nname = "lab"\nurl = "%s"\n%b' "$1" "${2:-}" >"$etc/upstreams.toml"
}
bearer='auth_style = "bearer"\nauth_value_env = "LAB_KEY"\n'
upstream "$far_url/v1" "$bearer"

# ---- explain, table ----
run hal0-route explain big-70b --json
rc_is "without its key nobody lists the model: the default answers" 0
is "and explain says why" "$(printf %s "$out" | jq -r '.slot, (.steps[]|select(.rule == "upstream")|.why|test("LAB_KEY"))' | tr '\n' ' ')" "primary true "
printf 'OTHER=x\nLAB_KEY="far-secret"\n' >"$etc/api.env"
chmod 644 "$etc/api.env"
run hal0-route explain big-70b --json
like "a key that others can read does not count" "$out" "*chmod 600*"
chmod 600 "$etc/api.env"
run hal0-route explain big-70b --json
rc_is "explain" 0
is "the upstream, its URL, the model as it is" "$(printf %s "$out" | jq -r '.upstream,.slot,.url,.model,.rule' | tr '\n' ' ')" \
  "lab null $far_url/v1/chat/completions big-70b upstream "
ok "without the key" sh -c '! printf %s "$1" | grep -q far-secret' - "$out"
run hal0-route explain far-embed --path /v1/rerankings --json
is "paths are rewritten for it as well" "$(printf %s "$out" | jq -r .url)" "$far_url/v1/rerank"
run hal0-route explain far-embed --json
is "no path: by the model's name" "$(printf %s "$out" | jq -r .url)" "$far_url/v1/embeddings"
run hal0-route explain here-8b --json
is "a slot's own model stays here" "$(printf %s "$out" | jq -r '.slot,.rule' | tr '\n' ' ')" "primary model "
run hal0-route explain gpt-4o --json
is "what nobody lists is the default's" "$(printf %s "$out" | jq -r '.slot,.upstream' | tr '\n' ' ')" "primary null "
run hal0-route table --json
is "the table names it" "$(printf %s "$out" | jq -r '.items[]|select(.rule == "upstream")|.sent_path')" "$far_url/v1"

# ---- call ----
run hal0-route call big-70b hello --json
rc_is "call" 0
is "reaches the other box's slot" "$(printf %s "$out" | jq -r '"\(.port) \(.path)"')" "$p1 /v1/chat/completions"
LAB_KEY=wrong run hal0-route call big-70b hello
rc_is "the variable wins over the file: a wrong key lists nothing, so the default is asked" 0
run hal0-route call /v1/embeddings -d '{"model":"far-embed","input":"a"}' --json
is "a body's model" "$(printf %s "$out" | jq -r '"\(.port) \(.path)"')" "$p1 /v1/embeddings"
out=$(echo hi | hal0-route chat big-70b 2>"$tmp/err")
like "chat" "$out" "*$p1*"

# ---- serve ----
serve "$tmp/home" served-here
post() { # PATH BODY ARG...
  _p=$1 _b=$2
  shift 2
  curl -s -m 60 "$url$_p" -d "$_b" "$@"
}
got_is() { # WANT COMMAND...
  _want=$1
  shift
  _got=$("$@")
  [ "$_got" = "$_want" ]
}
until_is() { # WANT COMMAND...: the last output
  until_true got_is "$@"
  printf %s "$_got"
}
asked() { # BODY
  post /v1/chat/completions "$1" | jq -r '.error.code // "\(.port) \(.path)"'
}
is "serve: a model of the upstream" "$(asked '{"model":"big-70b"}')" "$p1 /v1/chat/completions"
is "serve: a slot's own" "$(asked '{"model":"here-8b"}')" "$p2 /v1/chat/completions"
is "serve: one that nobody has" "$(asked '{"model":"gpt-4o"}')" "$p2 /v1/chat/completions"
is "serve: another path" "$(post /v1/rerankings '{"model":"far-embed"}' | jq -r .error.code)" dispatch.no_route
is "serve: its models are listed" \
  "$(curl -s "$url/v1/models" | jq -r '.data[]|select(.id == "big-70b")|.upstream')" lab
head -c 3000000 /dev/zero | tr '\0' x >"$tmp/long"
jq -nc --rawfile x "$tmp/long" '{messages: [{content: $x}], model: "big-70b"}' >"$tmp/body"
is "serve: a long body" "$(post /v1/chat/completions "@$tmp/body" | jq -r '.bytes > 3000000')" true
like "serve: it is counted" "$(curl -s "$url/metrics")" '*hal0_requests_total{slot="upstream:lab"*'
echo '[[upstream' >"$etc/upstreams.toml"
is "serve: a file that is broken takes nothing from the slots" \
  "$(until_is "$p2 /v1/chat/completions" asked '{"model":"big-70b"}') $(asked '{"model":"here-8b"}')" \
  "$p2 /v1/chat/completions $p2 /v1/chat/completions"
upstream "$far_url/v1/" "$bearer"
is "serve: and a good one counts again" "$(until_is "$p1 /v1/chat/completions" asked '{"model":"big-70b"}')" \
  "$p1 /v1/chat/completions"
cat >"$tmp/mute.py" <<'PY'
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print(s.getsockname()[1], flush=True)
kept = []
while True:
    c, _ = s.accept()
    head = c.recv(65536)
    if b"/v1/models" in head:
        body = b'{"data":[{"id":"mute"}]}'
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        c.close()
    else:
        kept.append(c)
PY
python3 "$tmp/mute.py" >"$tmp/mute" &
mute=$!
pids="$pids $mute"
until_file "$tmp/mute"
upstream "http://127.0.0.1:$(cat "$tmp/mute")" 'timeout_seconds = 1\n'
is "serve: one that is silent for too long" "$(until_is dispatch.upstream_failed asked '{"model":"mute"}') $(
  curl -s -o /dev/null -w '%{http_code}' "$url/v1/chat/completions" -d '{"model":"mute"}')" "dispatch.upstream_failed 504"
kill $mute
wait $mute 2>/dev/null
is "serve: one that is gone" "$(asked '{"model":"mute"}')" dispatch.upstream_unavailable

# ---- what is wrong with the file ----
upstream "http://user:secret@127.0.0.1:1" ""
run hal0-route explain x
rc_is "a user in the URL" 3
like "is refused at its line" "$err" "*upstreams.toml:3:*url*"
upstream "http://127.0.0.1:99999" ""
run hal0-route explain x
rc_is "a port that is none" 3
upstream "$far_url" 'auth_style = "bearer"\n'
run hal0-route explain x
rc_is "a key that nobody names" 3
upstream "http://127.0.0.1:1" ""
run hal0-route explain x --json
is "one that does not answer leaves the default" "$rc $(printf %s "$out" | jq -r .slot)" "0 primary"
# https: the certificate counts
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$tmp/tls.key" -out "$tmp/tls.crt" -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost >/dev/null 2>&1
cat >"$tmp/tls.py" <<'PY'
import http.server, ssl, sys
class H(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def do_GET(self):
        out = b'{"data":[{"id":"tls-model"}]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain(sys.argv[1], sys.argv[2])
s.socket = c.wrap_socket(s.socket, server_side=True)
print(s.server_address[1], flush=True)
s.serve_forever()
PY
python3 "$tmp/tls.py" "$tmp/tls.crt" "$tmp/tls.key" >"$tmp/tls.port" 2>/dev/null &
pids="$pids $!"
until_file "$tmp/tls.port"
tls=https://localhost:$(cat "$tmp/tls.port")
upstream "$tls" ""
run hal0-route explain tls-model --json
like "https: a certificate that nobody vouches for" "$(printf %s "$out" | jq -r '.steps[]|select(.rule == "upstream")|.why')" "*certificate*"
tap_done
