#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC1091,SC2016,SC2086
# hal0-route export haproxy: the files, what tells that they are due, and a real HAProxy that must
# decide as `explain` does. The slots are stand-ins that say who they are; e2e-haproxy has real ones.
. "${HAL0_SOURCE:?}/test/tap.sh"
PATH=$HAL0_BUILD/cmd:$PATH:/usr/sbin
for t in haproxy curl jq python3; do
  command -v $t >/dev/null 2>&1 || skip_all "$t is not installed"
done
export HAL0_HOME="$tmp/home" NO_COLOR=1
etc=$tmp/home/etc/hal0 out_dir=$tmp/home/etc/hal0/haproxy
base=${HAL0_TEST_HAPROXY_PORT:-9720}
front=$base url=http://127.0.0.1:$base
pids=
tap_cleanup() {
  for p in $pids; do kill "$p" 2>/dev/null; done
  rm -rf "$tmp"
}
# Ports that nobody has: of those that slots may have, the highest.
python3 - >"$tmp/ports" <<'PY'
import socket
free = []
for port in range(8200, 8080, -1):
    with socket.socket() as s:
        if s.connect_ex(("127.0.0.1", port)):
            free.append(port)
for i, port in enumerate(sorted(free[:9])):
    print("p%d=%d" % (i + 1, port))
PY
. "$tmp/ports"
mkdir -p "$etc/slots"
slot() { # NAME TYPE PORT DEVICE MODEL [LINES]
  printf 'name = "%s"\ntype = "%s"\nport = %s\ndevice = "%s"\n%b[model]\ndefault = "%s"\n' \
    "$1" "$2" "$3" "$4" "${6:-}" "$5" >"$etc/slots/$1.toml"
}
slot primary llm $p1 cpu "My Model.gguf" 'role = "primary"\n'
slot coder llm $p2 cpu qwen3-4b 'default = true\n'
slot embed embedding $p3 cpu bge-m3
slot rerank reranking $p4 cpu bge-rr
slot tts tts $p5 cpu kokoro-v1
slot npu llm $p6 npu gemma3-4b-FLM 'role = "utility"\n'
printf '[npu]\nasr = true\n' >>"$etc/slots/npu.toml"
slot stt-npu transcription $p6 npu whisper-v3
slot img image $p7 cpu sdxl-turbo
slot down llm $p8 cpu asleep

# ---- the files ----
in_force() { # the directory that the configuration names
  sed -n "s|.*\($out_dir/set-[0-9a-f]*\)/.*|\1|p" "$out_dir/haproxy.cfg" | head -n 1
}
run hal0-route export haproxy --port "$front" --json
rc_is "export" 0
is "wrote all of them" "$(printf %s "$out" | jq -c '[.changed,([.items[].changed]|all),.targets]')" "[true,true,8]"
ok "HAProxy takes the configuration" haproxy -c -f "$out_dir/haproxy.cfg"
set=$(in_force)
is "keys are for root alone" "$(stat -c %a "$set/keys.map" "$set/clients.lst" | tr '\n' ' ')" "600 600 "
key=$(cat "$tmp/home/var-lib/hal0/keys/coder")
ok "the slot's key is in the secret file" grep -qF "slot:coder $key" "$set/keys.map"
ok "and in no other" sh -c '! grep -qF "$2" "$1"/../*.cfg "$1"/*.cfg "$1"/paths.map "$1"/models.*' - "$set" "$key"
is "slots whose program knows no key have none" "$(grep -c 'tts\|npu\|img' "$set/keys.map")" 0
run hal0-route export haproxy --port "$front" --json
is "a second run changes nothing" "$rc $(printf %s "$out" | jq -c '[.changed,([.items[].changed]|any)]')" "0 [false,false]"
run hal0-route export haproxy --port "$front" --check
rc_is "--check agrees" 0
slot late llm $p9 cpu later
run hal0-route export haproxy --port "$front" --check --json
rc_is "--check tells of a new slot" 1
is "names the files" "$(printf %s "$out" | jq -r '.items[]|select(.changed)|.file|split("/")|last' | tr '\n' ' ')" \
  "models.json models.map haproxy.cfg "
run hal0-route export haproxy --port "$front" --dry-run
rc_is "--dry-run" 0
like "shows the difference" "$out" "*+backend slot_late*"
ok "and writes nothing" sh -c '! grep -q slot_late "$1"' - "$out_dir/haproxy.cfg"
run hal0-route export haproxy --undo
is "nothing to go back to yet" "$rc $(find "$out_dir" -type d -name 'set-*' | wc -l)" "1 1"
chmod 644 "$set/keys.map"
run hal0-route export haproxy --port "$front"
is "a run mends a mode as well" "$rc $(stat -c %a "$(in_force)/keys.map")" "0 600"
new=$(in_force)
ok "it has a set of its own" test "$new" != "$set"
ok "that of before is there" test -f "$set/keys.map"
run hal0-route export haproxy --undo --dry-run
is "--undo --dry-run shows the way back" "$rc $(printf %s "$out" | grep -c '^-backend slot_late')" "0 1"
is "and goes not" "$(in_force)" "$new"
run hal0-route export haproxy --undo --json
is "--undo" "$rc $(printf %s "$out" | jq -c .changed) $(in_force)" "0 true $set"
ok "HAProxy takes what was before" haproxy -c -f "$out_dir/haproxy.cfg"
run hal0-route export haproxy --undo
is "twice is forward again" "$rc $(in_force)" "0 $new"
run hal0-route export haproxy --undo --check
rc_is "--undo is no check" 2
rm "$etc/slots/late.toml"
run hal0-route export haproxy --port "$front" --bind 127.0.0.2
is "older sets are removed" "$rc $(find "$out_dir" -type d -name 'set-*' | wc -l) $(test -d "$set" && echo there)" "0 2 "
run hal0-route export haproxy --port "$front"
set=$(in_force)
chmod 600 "$set/keys.map"
echo "slot:old secretsecret" >>"$set/keys.map"
run hal0-route export haproxy --port "$front" --dry-run
ok "a difference of keys is not shown" sh -c '! printf %s "$1" | grep -q secretsecret' - "$out"
run hal0-route export haproxy --port "$front" -o "$tmp/else where"
rc_is "a directory HAProxy could not name" 2
run hal0-route export nginx
rc_is "something else than HAProxy" 2
run hal0-route export haproxy --bind 0.0.0.0
rc_is "an open address without keys" 2
like "says what is missing" "$err" "*--key-file*"
run hal0-route export haproxy --node a
rc_is "a node without an address" 2
run hal0-route export haproxy --node a=127.0.0.1:1
rc_is "a node that does not answer" 7
like "is named" "$err" "*node a*"
run hal0-route export haproxy --peek 1K
rc_is "too little to look at" 2
echo k1 >"$tmp/keys"
chmod 644 "$tmp/keys"
run hal0-route export haproxy --key-file "$tmp/keys"
rc_is "keys that others can read" 3

# ---- the same decisions ----
until_up() { # PORT PATH
  until_true curl -s -o /dev/null "http://127.0.0.1:$1$2"
}
haproxy_start() { # DIR
  haproxy -db -dR -f "$1/haproxy.cfg" >"$tmp/haproxy.log" 2>&1 &
  haproxy=$!
  pids="$pids $haproxy"
  until_up "$front" /health
}
haproxy_stop() {
  kill "$haproxy" 2>/dev/null
  wait "$haproxy" 2>/dev/null
}
hal0-route export haproxy --port "$front" --quiet
python3 "$HAL0_SOURCE/test/cli/who.py" $p1 $p2 $p3 $p4 $p5 $p6 >"$tmp/who" &
pids="$pids $!"
until_up $p6 /health
haproxy_start "$out_dir"
sleep 0.3
post() { # PATH BODY [CURL ARG...]
  _p=$1 _b=$2
  shift 2
  curl -s -m 60 "$url$_p" -H 'Content-Type: application/json' -d "$_b" "$@"
}
cat >"$tmp/asked" <<'CASES'
/v1/chat/completions
/v1/completions
/v1/responses
/v1/messages
/v1/embeddings
/v1/rerankings
/v1/audio/speech
/chat/completions/
/v1/v1/embeddings
CASES
cat >"$tmp/models" <<'CASES'

primary
coder
My Model.gguf
qwen3-4b
gpt-4o
hal0/coder
hal0/primary
hal0/utility
hal0/npu
hal0/agent
hal0/nobody
gemma3:4b
gemma3-4b-FLM
other:tag
embed
bge-m3
rerank
bge-rr
tts
kokoro-v1
text-embedding-3-small
CASES
said='if .error then .error.code else "\(.port) \(.path)" end'
while read -r path; do
  while IFS= read -r model; do
    echo "$path $model" >>"$tmp/pairs"
    hal0-route explain --json --path "$path" ${model:+"$model"} >>"$tmp/want" 2>/dev/null
    post "$path" "{\"messages\":[{\"content\":\"a \\\"model\\\": \\\"b\\\"\"}]${model:+,\"model\":\"$model\"}}" >>"$tmp/got"
  done <"$tmp/models"
done <"$tmp/asked"
jq -r "$said" "$tmp/want" | paste -d ' ' "$tmp/pairs" - >"$tmp/wants"
jq -r "$said" "$tmp/got" | paste -d ' ' "$tmp/pairs" - >"$tmp/gots"
is "HAProxy decides as explain does, $(wc -l <"$tmp/pairs") times" "$(diff "$tmp/gots" "$tmp/wants")" ""
told() { # FILTER: of the answer on stdin
  jq -r "$1"
}
is "a name with an escaped slash" "$(post /v1/chat/completions '{"model":"hal0\/primary"}' | told .port)" $p1
is "the client's key stays here, the slot gets its own" \
  "$(post /v1/chat/completions '{"model":"coder"}' -H 'Authorization: Bearer mine' -H 'Cookie: a=b' -H 'X-Api-Key: c' |
    told '.headers|[.authorization,.cookie,."x-api-key",.host]|map(tostring)|join(" ")')" \
  "Bearer $key null null 127.0.0.1:$p2"
is "one that wants none gets none" "$(post /v1/audio/speech '{"model":"tts"}' -H 'Authorization: Bearer mine' |
  told .headers.authorization)" null
is "the query stays" "$(post '/v1/rerankings?a=b' '{}' | told .path)" "/v1/rerank?a=b"
is "a path of no table goes to the slot of the model" "$(post /tokenize '{"model":"embed"}' | told '"\(.port) \(.path)"')" \
  "$p3 /tokenize"
is "and without a model nowhere" "$(post /tokenize '{}' | told .error.code)" dispatch.no_route
is "a header names the slot" "$(post /v1/chat/completions '{"model":"coder"}' -H 'X-Hal0-Slot: primary' | told .port)" $p1
# a form
wav=$tmp/a.wav
head -c 300000 /dev/zero >"$wav"
form() { # CURL ARG...
  curl -s -m 60 "$url/v1/audio/transcriptions" "$@"
}
is "a form's field" "$(form -F model=stt-npu -F "file=@$wav" | told '"\(.port) \(.bytes > 300000)"')" "$p6 true"
is "an unknown name is the default's" "$(form -F model=whisper-1 -F "file=@$wav" | told .port)" $p6
is "behind the file it is not seen: the only slot of the type answers" "$(form -F "file=@$wav" -F model=stt-npu | told .port)" $p6
is "a field whose type is told" "$(form -F 'model=coder;type=text/plain' -F "file=@$wav" | told .error.code)" dispatch.no_route
echo coder >"$tmp/model"
is "a file called model is no field" "$(form -F "file=@$tmp/model" | told .port)" $p6
# long bodies
head -c 300000 /dev/zero | tr '\0' x >"$tmp/x"
jq -nc --rawfile x "$tmp/x" '{model: "primary", messages: [{content: $x}]}' >"$tmp/first"
jq -nc --rawfile x "$tmp/x" '{messages: [{content: $x}], model: "primary"}' >"$tmp/last"
is "a long body that begins with the model" "$(post /v1/chat/completions "@$tmp/first" | told '"\(.port) \(.bytes > 300000)"')" "$p1 true"
out=$(post /v1/chat/completions "@$tmp/last")
is "one that ends with it is refused, never guessed" "$(printf %s "$out" | told .error.code)" request.missing_model
like "and told what to do" "$out" "*X-Hal0-Slot*"
is "also in chunks" "$(post /v1/chat/completions "@$tmp/last" -H 'Transfer-Encoding: chunked' | told .error.code)" request.missing_model
is "with the header it goes" "$(post /v1/chat/completions "@$tmp/last" -H 'X-Hal0-Slot: primary' | told '"\(.port) \(.bytes > 300000)"')" "$p1 true"

# ---- refusals ----
full() { # CURL ARG...: status, Retry-After, code
  curl -s -m 60 -D "$tmp/head" -o "$tmp/body" "$@"
  printf '%s %s %s' "$(sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' "$tmp/head")" \
    "$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]*\).*/\1/p' "$tmp/head")" \
    "$(jq -r '.error.code // "none"' "$tmp/body" 2>/dev/null || echo bad)"
}
is "a slot that is down" "$(full "$url/v1/chat/completions" -d '{"model":"down"}')" "503 15 slot.not_ready"
is "with the envelope's details" "$(jq -r '.error|.details.retry_after_s,.type' "$tmp/body" | tr '\n' ' ')" "15 server_error "
is "no such slot" "$(full "$url/v1/chat/completions" -d '{"model":"hal0/nobody"}')" "404  slot.not_found"
is "a slot of another type" "$(full "$url/v1/chat/completions" -d '{"model":"embed"}')" "404  dispatch.no_route"
is "images" "$(full "$url/v1/images/generations" -d '{}')" "501  system.http_501"
is "another method" "$(full -X GET "$url/v1/chat/completions") $(grep -ic '^allow: post' "$tmp/head")" "405  system.http_405 1"
is "no such path" "$(full "$url/nothing")" "404  dispatch.no_route"
is "another Host" "$(full "$url/v1/models" -H 'Host: evil.example')" "421  system.http_421"
is "a Host that begins well" "$(full "$url/v1/models" -H 'Host: 127.0.0.1.evil.example')" "421  system.http_421"
is "an old request with another Host" "$(full -0 "$url/v1/models" -H 'Host: evil.example')" "421  system.http_421"
is "a page of another origin" "$(full "$url/v1/models" -H 'Origin: http://evil.example')" "403  system.http_403"
is "a page without Origin" "$(full "$url/v1/models" -H 'Sec-Fetch-Site: cross-site')" "403  system.http_403"
is "a person's own address bar" "$(full "$url/v1/models" -H 'Sec-Fetch-Site: none')" "200  none"
is "a page that asks for leave" "$(full -X OPTIONS "$url/v1/models" -H 'Origin: http://evil.example')" "403  system.http_403"
curl -s -D "$tmp/head" -o /dev/null "$url/v1/chat/completions" -d '{"model":"coder"}' -H 'X-Request-Id: my-own'
is "no answer is for any page" "$(grep -ic '^access-control' "$tmp/head")" 0
is "a request id comes back" "$(grep -ic '^x-request-id: my-own' "$tmp/head")" 1
is "the list of models is serve's" "$(curl -s "$url/v1/models" | jq -c '[.data[].id]')" "$(jq -c '[.data[].id]' "$(in_force)/models.json")"
like "figures" "$(curl -s "$url/metrics")" "*haproxy_frontend_http_requests_total*"

# ---- keys and pages ----
haproxy_stop
printf '# comment\nfirst\nsecond of somebody\n' >"$tmp/keys"
chmod 600 "$tmp/keys"
run hal0-route export haproxy --port "$front" --key-file "$tmp/keys" --host box.lan --origin http://ui.lan
rc_is "with keys, a name and an origin" 0
ok "no key is written down" sh -c '! grep -rq "first\|second" "$1"/*.lst "$1"/*.map' - "$(in_force)"
haproxy_start "$out_dir"
is "without a key" "$(full "$url/v1/models") $(grep -ic '^www-authenticate: bearer' "$tmp/head")" "401  system.http_401 1"
is "a wrong one" "$(full "$url/v1/models" -H 'Authorization: Bearer firs')" "401  system.http_401"
is "a key" "$(full "$url/v1/models" -H 'Authorization: Bearer second')" "200  none"
is "in the other field" "$(full "$url/v1/models" -H 'X-Api-Key: first')" "200  none"
is "the other name" "$(full "$url/v1/models" -H 'Host: box.lan:8080' -H 'X-Api-Key: first')" "200  none"
is "the page's preflight needs no key" "$(full -X OPTIONS "$url/v1/models" -H 'Origin: http://ui.lan') $(
  grep -ic '^access-control-allow-origin: http://ui.lan' "$tmp/head")" "204   1"
is "the page gets its answer" "$(full "$url/v1/models" -H 'Origin: http://ui.lan' -H 'X-Api-Key: first') $(
  grep -ic '^access-control-allow-origin: http://ui.lan' "$tmp/head")" "200  none 1"
is "and may read why not" "$(full "$url/v1/models" -H 'Origin: http://ui.lan') $(
  grep -ic '^access-control-allow-origin: http://ui.lan' "$tmp/head")" "401  system.http_401 1"
is "another page does not" "$(full "$url/v1/models" -H 'Origin: http://ui.lan.evil.example' -H 'X-Api-Key: first')" \
  "403  system.http_403"
haproxy_stop

# ---- several boxes: each its own slots and its own router ----
box() { # NAME PORT SLOT TYPE SLOTPORT MODEL...
  _d=$tmp/box-$1 _n=$1 _p=$2
  mkdir -p "$_d/etc/hal0/slots"
  shift 2
  while [ $# -ge 4 ]; do
    printf 'name = "%s"\ntype = "%s"\nport = %s\ndevice = "cpu"\n[model]\ndefault = "%s"\n' "$1" "$2" "$3" "$4" \
      >"$_d/etc/hal0/slots/$1.toml"
    shift 4
  done
  HAL0_HOME=$_d hal0-route serve --port "$_p" --key-file "$tmp/node-key" --no-load --quiet >"$tmp/serve-$_n" 2>&1 &
  eval "box_$_n=\$!"
  pids="$pids $!"
  until_up "$_p" /health
}
echo group >"$tmp/node-key"
chmod 600 "$tmp/node-key"
box a $((base + 1)) big llm $p1 big-70b both llm $p2 shared
box b $((base + 2)) both llm $p3 shared embed embedding $p4 bge
run hal0-route export haproxy --port "$front" --node a=127.0.0.1:$((base + 1)) -o "$tmp/hap"
rc_is "nodes that want a key" 7
like "are told of" "$err" "*--node-key-file*"
nodes="--node a=127.0.0.1:$((base + 1)) --node b=127.0.0.1:$((base + 2)) --node-key-file $tmp/node-key -o $tmp/hap"
# shellcheck disable=SC2086 # several words
run hal0-route export haproxy --port "$front" $nodes
rc_is "two boxes" 0
ok "HAProxy takes that as well" haproxy -c -f "$tmp/hap/haproxy.cfg"
# shellcheck disable=SC2086
run hal0-route export haproxy --port "$front" $nodes --check
rc_is "and nothing is to be done" 0
haproxy_start "$tmp/hap"
sleep 0.3
is "a model of one box" "$(post /v1/chat/completions '{"model":"big-70b"}' | told .port)" $p1
is "a slot's name, too" "$(post /v1/chat/completions '{"model":"hal0/big"}' | told .port)" $p1
is "the other box's" "$(post /v1/embeddings '{"model":"bge"}' | told .port)" $p4
is "what only one has answers for its type" "$(post /v1/embeddings '{"model":"any"}' | told .port)" $p4
is "a model of both is shared" "$(for _ in 1 2 3 4 5 6 7 8; do post /v1/chat/completions '{"model":"shared"}' | told .port; done |
  sort -u | tr '\n' ' ')" "$p2 $p3 "
is "all are listed" "$(curl -s "$url/v1/models" | jq -r '[.data[].id]|map(select(. == "big" or . == "embed" or . == "shared"))|join(" ")')" \
  "big shared embed"
# the same box as an upstream of this one's slots
haproxy_stop
printf '[[upstream]]\nname = "lab two"\nurl = "http://127.0.0.1:%s/v1"\nauth_style = "bearer"\nauth_value_env = "LAB"\n' \
  $((base + 1)) >"$etc/upstreams.toml"
run hal0-route export haproxy --port "$front"
rc_is "an upstream without its key" 7
like "is named" "$err" "*lab two*LAB*"
export LAB=group
run hal0-route export haproxy --port "$front"
rc_is "with it" 0
ok "HAProxy takes it" haproxy -c -f "$out_dir/haproxy.cfg"
ok "the key is in the secret file alone" sh -c 'grep -q "Bearer group" "$1/keys.map" && ! grep -q group "$1/haproxy.cfg"' - "$(in_force)"
haproxy_start "$out_dir"
is "what only it lists goes there" "$(post /v1/chat/completions '{"model":"big-70b"}' | told .port)" $p1
is "by way of its router" "$(post /v1/chat/completions '{"model":"big-70b"}' -H 'Authorization: Bearer mine' |
  told '.headers.authorization')" null
is "a slot's own model stays here" "$(post /v1/chat/completions '{"model":"qwen3-4b"}' | told .port)" $p2
is "its models are listed" "$(curl -s "$url/v1/models" | jq -r '.data[]|select(.id == "big-70b").upstream')" "lab two"
haproxy_stop
printf '[[upstream]]\nname = "api"\nurl = "https://127.0.0.1:1/base/v1"\n' >"$etc/upstreams.toml"
run hal0-route export haproxy --port "$front"
rc_is "one that does not answer" 7
rm "$etc/upstreams.toml"
haproxy_start "$tmp/hap"
sleep 0.3
# shellcheck disable=SC2154 # set by box
kill "$box_b"
wait "$box_b" 2>/dev/null
is "a box that is gone is not missed where another has it" \
  "$(for _ in 1 2 3 4; do post /v1/chat/completions '{"model":"shared"}' | told '.port // .error.code'; done | sort -u)" $p2
is "and told of where none has" "$(full "$url/v1/embeddings" -d '{"model":"bge"}')" "503 15 slot.not_ready"
haproxy_stop
tap_done
