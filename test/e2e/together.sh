#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Three slots at once: chat on Vulkan's driver for the processor, embeddings and reranking on the
# CPU. All answer at the same time; starting and stopping one leaves the others alone.
# Container names and ports belong to the machine: two runs of this test take turns.
. "$HAL0_SOURCE/test/e2e/real.sh"
needs curl jq
needs_image localhost/hal0-llama:cpu
needs_image localhost/hal0-llama:vulkan
PATH=$HAL0_BUILD/cmd:$PATH
export HAL0_HOME="$tmp/home" NO_COLOR=1
unset HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE HAL0_SYSROOT
chat=npu-co-chat embed=npu-co-embed rank=npu-co-rank
jobs=
tap_cleanup() {
  for _p in $jobs; do kill "$_p" 2>/dev/null; done
  for _s in $chat $embed $rank; do
    podman rm --force --time 1 "hal0-slot-$_s" >/dev/null 2>&1
  done
  rm -rf "$tmp"
}
chmod 755 "$tmp"
store=$tmp/home/var-lib/hal0/models
mkdir -p "$store" "$tmp/home/etc/hal0/slots"
tiny=$HAL0_BUILD/scripts/tiny-gguf
said="I am the chat slot, on Vulkan."
"$tiny" --say "$said" "$store/chat.gguf" >/dev/null
"$tiny" --kind embed "$store/embed.gguf" >/dev/null
"$tiny" --kind rerank "$store/rank.gguf" >/dev/null
new() { # NAME TYPE MODEL PORT IMAGE [KEY=VALUE...]
  _n=$1
  hal0-slot create "$1" --type "$2" --model "$3" --port "$4" --device cpu --ctx 512 \
    --image "localhost/hal0-llama:$5" >/dev/null 2>"$tmp/.new" || sed 's/^/# /' "$tmp/.new"
  shift 5
  [ $# = 0 ] || hal0-slot set "$_n" "$@" >/dev/null 2>"$tmp/.new" || sed 's/^/# /' "$tmp/.new"
}
new $chat llm chat 8175 vulkan profile=vulkan "server.extra_args=-ngl 99 -lv 4"
new $embed embedding embed 8176 cpu
new $rank reranking rank 8177 cpu
ms() { date +%s%3N; }
container() { # SLOT FORMAT
  podman container inspect --format "$2" "hal0-slot-$1" 2>/dev/null
}
mib() { # SLOT: resident memory of its server
  awk '/^VmRSS:/ {print int($2 / 1024)}' "/proc/$(container "$1" '{{.State.Pid}}')/status"
}

# ---- all at once, each by a command of its own
from=$(ms)
for s in $chat $embed $rank; do
  (
    hal0-slot start "$s" >"$tmp/$s.start" 2>&1
    echo "$? $(($(ms) - from))" >"$tmp/$s.ended"
  ) &
  jobs="$jobs $!"
done
for j in $jobs; do wait "$j"; done
jobs=
for s in $chat $embed $rank; do
  read -r rc took <"$tmp/$s.ended"
  is "$s starts beside the others" "$rc" 0
  [ "$rc" = 0 ] || sed 's/^/# /' "$tmp/$s.start"
  printf '# figure: %s answers after %d ms, its server has %d MiB\n' "$s" "$took" "$(mib "$s")"
done
hal0-slot logs -n 400 $chat >"$tmp/log" 2>/dev/null
like "the chat slot's weights lie in Vulkan's buffers" "$(grep -i 'vulkan0.*model buffer' "$tmp/log")" "*Vulkan0 model buffer size*"
like "by the driver for the processor" "$(grep -io 'llvmpipe' "$tmp/log" | head -n 1)" "llvmpipe"
is "no node was passed for it" "$(container $chat '{{len .HostConfig.Devices}}')" 0

# ---- asked at the same time, directly and through the router
serve_up serve
jobs=$server
ask() { # URL PATH BODY
  curl -s -m 120 "$1$2" -H 'Content-Type: application/json' -d "$3"
}
chat_body='{"model":"'$chat'","messages":[{"role":"user","content":"hi"}]}'
embed_body='{"model":"'$embed'","input":["one","two"]}'
rank_body='{"model":"'$rank'","query":"a","documents":["b","c","d"]}'
waiting=
for i in 1 2 3; do
  ask "$url" /v1/chat/completions "$chat_body" >"$tmp/chat.$i" &
  waiting="$waiting $!"
  ask "$url" /v1/embeddings "$embed_body" >"$tmp/embed.$i" &
  waiting="$waiting $!"
  ask "$url" /v1/rerank "$rank_body" >"$tmp/rank.$i" &
  waiting="$waiting $!"
done
for j in $waiting; do wait "$j"; done
is "chat, three times" "$(cat "$tmp"/chat.? | jq -r '.choices[0].message.content' | sort | uniq -c | sed 's/^ *//')" "3 $said"
is "embeddings, three times" "$(cat "$tmp"/embed.? | jq -c '[(.data|length),(.data[0].embedding|length)]' | sort | uniq -c | sed 's/^ *//')" "3 [2,64]"
is "rankings, three times" "$(cat "$tmp"/rank.? | jq '.results|length' | sort | uniq -c | sed 's/^ *//')" "3 3"
is "each by its own port" "$(hal0-route call $chat hi) $(hal0-route call $embed x | jq '.data|length') $(hal0-route call $rank q a b | jq '.results|length')" \
  "$said 1 2"

# ---- one goes and comes back while the other two are asked without a pause
ids="$(container $embed '{{.Id}} {{.State.Pid}} {{.State.StartedAt}}')"
ids="$ids $(container $rank '{{.Id}} {{.State.Pid}} {{.State.StartedAt}}')"
(
  until [ -e "$tmp/enough" ]; do
    ask "$url" /v1/embeddings "$embed_body" | jq -c '.data|length' >>"$tmp/embeds"
    ask "$url" /v1/rerank "$rank_body" | jq -c '.results|length' >>"$tmp/ranks"
  done
) &
asker=$!
jobs="$jobs $asker"
run hal0-slot stop $chat
rc_is "one stops" 0
run hal0-slot list --json
is "the others go on, at work or waiting for it" "$(printf %s "$out" |
  jq -c '[.items[].state|if . == "serving" then "ready" else . end]')" '["offline","ready","ready"]'
from=$(ms)
run hal0-slot start $chat
rc_is "and starts again" 0
printf '# figure: %s again after %d ms\n' $chat $(($(ms) - from))
# shellcheck disable=SC2016
until_true eval '[ "$(wc -l <"$tmp/embeds")" -ge 5 ]'
touch "$tmp/enough"
wait $asker
is "no embedding failed meanwhile" "$(sort -u "$tmp/embeds")" 2
is "no ranking failed meanwhile" "$(sort -u "$tmp/ranks")" 3
ok "and there were some" test "$(wc -l <"$tmp/embeds")" -ge 5
printf '# figure: %d embeddings and %d rankings meanwhile\n' "$(wc -l <"$tmp/embeds")" "$(wc -l <"$tmp/ranks")"
now="$(container $embed '{{.Id}} {{.State.Pid}} {{.State.StartedAt}}')"
now="$now $(container $rank '{{.Id}} {{.State.Pid}} {{.State.StartedAt}}')"
is "they are the same servers" "$now" "$ids"
is "it answers as before" "$(ask "$url" /v1/chat/completions "$chat_body" | jq -r '.choices[0].message.content')" "$said"
run hal0-slot stop $chat $embed $rank
rc_is "all stop" 0
run hal0-slot stop $chat $embed $rank --json
is "a second time changes nothing" "$(printf %s "$out" | jq .changed)" false
tap_done
