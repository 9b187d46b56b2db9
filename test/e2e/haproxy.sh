#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A real HAProxy, configured by hal0-route export, in front of real llama-servers with their keys.
. "$HAL0_SOURCE/test/e2e/real.sh"
PATH=$HAL0_BUILD/cmd:$PATH:/usr/sbin
needs haproxy curl jq
needs_image "$image"
export HAL0_HOME="$tmp/home" NO_COLOR=1
port=${HAL0_TEST_HAPROXY_PORT:-9730} url=http://127.0.0.1:${HAL0_TEST_HAPROXY_PORT:-9730}
haproxy=
tap_cleanup() {
  [ -z "$haproxy" ] || kill "$haproxy" 2>/dev/null
  hal0-slot stop hx-a hx-b hx-e hx-r >/dev/null 2>&1
  rm -rf "$tmp"
}
mkdir -p "$tmp/home/etc/hal0" "$tmp/models"
new() { # NAME TYPE PORT CONTEXT GGUF-ARG...
  _n=$1 _t=$2 _p=$3 _c=$4
  shift 4
  "$HAL0_BUILD/scripts/tiny-gguf" --context "$_c" "$@" "$tmp/models/$_n.gguf" >/dev/null
  hal0-slot create "$_n" --type "$_t" --model "$tmp/models/$_n.gguf" --port "$_p" --device cpu --ctx "$_c" \
    --image "$image" >/dev/null 2>&1
}
# room for an answer that cannot be over before it is looked at: it ends where the context does
new hx-a llm 8191 32768 --say "I am slot a, behind a proxy."
new hx-b llm 8192 512 --say "I am slot b."
new hx-e embedding 8193 512 --kind embed
new hx-r reranking 8194 512 --kind rerank
run hal0-slot start hx-a hx-b hx-e hx-r
rc_is "slots" 0
run hal0-route export haproxy --port "$port"
rc_is "export" 0
haproxy -db -dR -f "$tmp/home/etc/hal0/haproxy/haproxy.cfg" >"$tmp/haproxy.log" 2>&1 &
haproxy=$!
until_true curl -s "$url/health"
post() { # PATH BODY
  curl -s -N -m 20 "$url$1" -H 'Content-Type: application/json' -d "$2"
}
hi='"messages":[{"role":"user","content":"hi"}]'
b_answers() {
  post /v1/chat/completions "{$hi,\"model\":\"hx-b\"}" | grep -q 'slot b'
}
until_true b_answers
is "an answer, by the slot's name" \
  "$(post /v1/chat/completions "{$hi,\"model\":\"hx-a\"}" | jq -r '.choices[0].message.content')" "I am slot a, behind a proxy."
is "by a virtual name" \
  "$(post /v1/chat/completions "{$hi,\"model\":\"hal0/hx-b\"}" | jq -r '.choices[0].message.content')" "I am slot b."
is "a stream" "$(post /v1/chat/completions "{$hi,\"model\":\"hx-a\",\"stream\":true}" | sed -n 's/^data: \({.*\)/\1/p' |
  jq -j '.choices[0].delta.content // ""')" "I am slot a, behind a proxy."
is "embeddings" "$(post /v1/embeddings '{"input":["a","b"],"model":"x"}' | jq '.data|length')" 2
is "reranking, by its other name" "$(post /v1/rerankings '{"query":"q","documents":["a","b"]}' | jq '.results|length')" 2
is "the server's own refusal comes through" "$(post /v1/chat/completions '{"model":"hx-a","messages":"oops"}' |
  jq -r '.error.type')" invalid_request_error
is "the slot itself wants its key" "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8191/v1/models)" 401
busy() { # how many of slot a's sequences compute
  curl -s -m 5 -H "Authorization: Bearer $(hal0-slot key hx-a)" http://127.0.0.1:8191/slots |
    jq '[.[]|select(.is_processing)]|length'
}
busy_is() { # NUMBER
  [ "$(busy)" = "$1" ]
}
curl -s -N -o /dev/null "$url/v1/completions" -d '{"model":"hx-a","prompt":"a","n_predict":100000,"ignore_eos":true,"stream":true}' &
client=$!
until_true busy_is 1
is "a long answer is under way" "$(busy)" 1
kill $client
until_true busy_is 0
is "a client that leaves ends it at the slot" "$(busy)" 0
hal0-slot stop hx-b >/dev/null 2>&1
curl -s -D "$tmp/head" -o "$tmp/body" "$url/v1/chat/completions" -d "{$hi,\"model\":\"hx-b\"}"
is "a slot that was stopped" "$(sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' "$tmp/head") $(jq -r .error.code "$tmp/body") $(
  grep -ic '^retry-after: 15' "$tmp/head")" "503 slot.not_ready 1"
run hal0-slot start hx-b
until_true b_answers
is "answers again when it is back, with the same key and without a reload" \
  "$(post /v1/chat/completions "{$hi,\"model\":\"hx-b\"}" | jq -r '.choices[0].message.content')" "I am slot b."
run hal0-route export haproxy --port "$port" --check
rc_is "nothing is to be exported again" 0
hal0-slot set hx-a default=true >/dev/null 2>&1
run hal0-route export haproxy --port "$port" --check
rc_is "another default is" 1
tap_done
