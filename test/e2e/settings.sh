#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What a slot's settings come to in a real container.
[ -n "${HAL0_E2E_TURN:-}" ] || HAL0_E2E_TURN=1 exec flock -o /tmp/hal0-e2e-settings.lock sh "$0"
. "$HAL0_SOURCE/test/tap.sh"
image=${HAL0_TEST_IMAGE:-localhost/hal0-llama:cpu}
p1=${HAL0_TEST_PORT:-8141}
p2=$((p1 + 1))
[ "$(id -u)" = 0 ] || skip_all "needs root"
for t in podman curl jq; do
  command -v $t >/dev/null || skip_all "$t is not installed"
done
podman image exists "$image" || skip_all "there is no image $image (scripts/build-image makes it)"

home=$tmp/home
a=diff-e2e-a b=diff-e2e-b
export HAL0_HOME="$home"
unset HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE
tap_cleanup() {
  for _s in $a $b; do
    podman rm --force --time 1 "hal0-slot-$_s" >/dev/null 2>&1
  done
  rm -rf "$tmp"
}
slot() {
  run "$HAL0_BUILD/cmd/hal0-slot" "$@"
}
container() { # SLOT FORMAT
  podman container inspect --format "$2" "hal0-slot-$1" 2>/dev/null
}
models=$home/var-lib/hal0/models
mkdir -p "$models" "$home/etc/hal0/slots"
chmod 755 "$tmp"
slot_file() { # NAME PORT TYPE MODEL [LINES...]
  _f=$home/etc/hal0/slots/$1.toml
  printf 'port = %s\ntype = "%s"\ndevice = "cpu"\nimage = "%s"\nprofile = "vulkan"\n' \
    "$2" "$3" "$image" >"$_f"
  printf '[model]\ndefault = "%s"\n' "$4" >>"$_f"
  shift 4
  [ $# = 0 ] || printf '%s\n' "$@" >>"$_f"
}

# ---- texts longer than a step of the profile ----
tiny=$HAL0_BUILD/scripts/tiny-gguf
"$tiny" --kind embed --context 2048 "$models/embed.gguf" >/dev/null
"$tiny" --kind rerank --context 2048 "$models/rerank.gguf" >/dev/null
slot_file $a "$p1" embedding embed 'context_size = 2048'
slot_file $b "$p2" reranking rerank 'context_size = 2048'
long=$(awk 'BEGIN { for (i = 0; i < 700; i++) printf "a " }')
slot start $a $b
rc_is "an embedding and a reranking slot start" 0
is "the server embeds a text of 700 tokens" \
  "$(curl -s -m 10 "http://127.0.0.1:$p1/v1/embeddings" -d "{\"input\":\"$long\"}" |
    jq -c '[(.usage.prompt_tokens >= 700), (.data[0].embedding | length)]')" '[true,64]'
is "and ranks one" "$(curl -s -m 10 "http://127.0.0.1:$p2/v1/rerank" \
  -d "{\"query\":\"a\",\"documents\":[\"$long\",\"b\"]}" | jq -c '.results | length')" 2
slot argv $a --json
is "argv says where the step's size is from" \
  "$(printf %s "$out" | jq -c '[.items[] | select(.flag == "--ubatch-size") | .value, .source]')" \
  '["2048","hal0"]'
slot fit $a --json
one=$(printf %s "$out" | jq .compute_bytes)
slot fit $a --ubatch 512 --json
ok "the estimate counts it" [ "$one" -gt $((2 * $(printf %s "$out" | jq .compute_bytes))) ]
slot stop $a $b

tap_done
