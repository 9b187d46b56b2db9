#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-route with real containers: a chat, an embedding and a reranking slot, and one that is down.
. "$HAL0_SOURCE/test/e2e/real.sh"
needs curl jq
needs_image "$image"
[ -x "$HAL0_BUILD/cmd/hal0-slot" ] || skip_all "hal0-slot is not built"
PATH=$HAL0_BUILD/cmd:$PATH
export HAL0_HOME="$tmp/home" NO_COLOR=1
said="Hello from the slot that tests the router, word for word."
server=
tap_cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null
  hal0-slot stop rt-chat rt-down rt-embed rt-rank >/dev/null 2>&1
  rm -rf "$tmp"
}
tiny=$HAL0_BUILD/scripts/tiny-gguf
mkdir -p "$tmp/home/etc/hal0" "$tmp/models"
"$tiny" --say "$said" "$tmp/models/rt-tiny.gguf"
"$tiny" --kind embed "$tmp/models/rt-embed.gguf"
"$tiny" --kind rerank "$tmp/models/rt-rank.gguf"
made=0
new() { # NAME TYPE FILE PORT
  hal0-slot create "$1" --type "$2" --model "$tmp/models/$3" --port "$4" --device cpu --ctx 512 \
    --image "$image" >"$tmp/.new" 2>&1 || {
    made=1
    sed 's/^/# /' "$tmp/.new"
  }
}
new rt-chat llm rt-tiny.gguf 8160
new rt-down llm rt-tiny.gguf 8161
new rt-embed embedding rt-embed.gguf 8162
new rt-rank reranking rt-rank.gguf 8163
is "slots are created" "$made" 0
hal0-slot set rt-chat default=true >/dev/null 2>&1
run hal0-slot start rt-chat rt-embed rt-rank
rc_is "and start" 0

run hal0 route call rt-chat "Say hello"
rc_is "call by slot name" 0
is "the model's own words, streamed" "$out" "$said"
run hal0 route call rt-chat "Say hello" --no-stream
is "as a whole" "$out" "$said"
run hal0 route call rt-tiny "Say hello"
is "by model id" "$out" "$said"
run hal0 route call gpt-4o "Say hello"
is "a model nobody has gets the default slot" "$out" "$said"
run hal0 route call hal0/rt-chat "Say hello"
is "by virtual name" "$out" "$said"
run hal0 route call /v1/chat/completions -d '{"messages":[{"role":"user","content":"hi"}],"stream":true}'
is "by path" "$out" "$said"
run hal0 route call rt-chat --json "Say hello"
is "the server names the slot's model" "$(printf '%s' "$out" | jq -r '.model + " " + .choices[0].finish_reason')" "rt-tiny stop"
run hal0 route call rt-chat --path /v1/completions "Say hello"
rc_is "a completion" 0
run hal0 route call rt-chat --path /v1/messages "Say hello"
is "the Messages form" "$out" "$said"
run hal0 route call rt-chat --path /v1/responses "Say hello"
is "the Responses form" "$out" "$said"
run hal0 route call rt-chat --path /v1/messages --no-stream "Say hello"
is "the Messages form as a whole" "$out" "$said"
run hal0 route call rt-chat --path /v1/responses --no-stream "Say hello"
is "the Responses form as a whole" "$out" "$said"
out=$(echo hi | hal0 route chat rt-chat)
is "chat" "$out" "$said"
run hal0 route call rt-chat "Say hello" -n 3
rc_is "at most three tokens" 0
like "with a warning" "$err" "*limit of tokens*"
run hal0 route call rt-embed "one text" "another one"
is "embeddings" "$(printf '%s' "$out" | jq '.data | length')" 2
run hal0 route call /v1/rerankings -d '{"query":"q","documents":["a","b"]}'
is "reranking, path rewritten" "$(printf '%s' "$out" | jq '.results | length')" 2
run hal0 route call rt-rank q a b c
is "reranking by operands" "$(printf '%s' "$out" | jq '.results | length')" 3
run hal0 route call rt-chat --path /health
is "any path of the server" "$(printf '%s' "$out" | jq -r .status)" ok
run hal0 route call rt-chat -d '{"messages":"oops"}'
rc_is "what the server refuses" 7
like "is shown" "$err" "*HTTP 4*messages*"
run hal0 route call rt-down hello
rc_is "a slot that is down" 1
like "how to start it" "$err" "*hal0 slot start rt-down*"
run hal0 route table --format '{path}={slot}'
like "the table names the slots" "$out" "*/v1/chat/completions=rt-chat*/v1/rerankings=rt-rank*"

# ---- serve, in front of the same slots; rt-down comes up on demand
serve_up serve
post() { # PATH BODY
  curl -s -N "$url$1" -H 'Content-Type: application/json' -d "$2"
}
out=$(post /v1/chat/completions '{"messages":[{"role":"user","content":"hi"}],"model":"rt-chat"}')
is "serve: an answer" "$(printf '%s' "$out" | jq -r '.choices[0].message.content')" "$said"
out=$(post /v1/chat/completions '{"messages":[{"role":"user","content":"hi"}],"model":"x","stream":true}')
is "serve: a stream" "$(printf '%s' "$out" | sed -n 's/^data: \({.*\)/\1/p' |
  jq -j '.choices[0].delta.content // ""')" "$said"
out=$(post /v1/rerankings '{"query":"q","documents":["a","b"]}')
is "serve: reranking" "$(printf '%s' "$out" | jq '.results | length')" 2
out=$(post /v1/embeddings '{"input":["a","b","c"],"model":"hal0/rt-embed"}')
is "serve: embeddings" "$(printf '%s' "$out" | jq '.data | length')" 3
for i in 1 2 3 4 5; do
  post /v1/chat/completions '{"messages":[{"role":"user","content":"hi"}],"model":"rt-down"}' \
    >"$tmp/cold.$i" &
  eval "pid$i=\$!"
done
for i in 1 2 3 4 5; do
  eval "wait \$pid$i" || :
done
is "serve: a slot that was down answers all who asked" \
  "$(cat "$tmp"/cold.* | jq -r '.choices[0].message.content' | sort | uniq -c | sed 's/^ *//')" "5 $said"
out=$(curl -s "$url/metrics")
like "serve: it was started once" "$out" '*hal0_loads_total{slot="rt-down"} 1*'
# shellcheck disable=SC2016 # for the reader
ok "serve: tokens are counted" sh -c 'printf "%s" "$1" | grep -q "^hal0_tokens_total{slot=\"rt-chat\"} [1-9]"' - "$out"
used=$HAL0_HOME/run/hal0/slots/rt-chat/used
state() { hal0-slot list --json | jq -r '.items[] | select(.name == "rt-chat") | .state'; }
kill -STOP "$server" # its own notes would come between
echo 1 >"$used"
is "serve: a slot with a request under way is serving" "$(state)" serving
echo 0 >"$used"
is "serve: without one it is ready" "$(state)" ready
kill -CONT "$server"
ok "serve: the last use is recorded" test -s "$HAL0_HOME/run/hal0/slots/rt-chat/used"
hal0-slot stop rt-down >/dev/null 2>&1
hal0-slot delete rt-down --yes >/dev/null 2>&1
# shellcheck disable=SC2016 # for the reader
ok "serve: a deleted slot is gone" until_true sh -c '! curl -s "$1/v1/models" | grep -q rt-down' - "$url"
rc=0
kill "$server" && wait "$server" || rc=$?
server=
is "serve: ends well when told to" "$rc" 0
tap_done
