#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The openai package of npm against hal0-route serve, in front of real slots. scripts/check fetches
# the package; $HAL0_OPENAI is the directory with its node_modules.
. "$HAL0_SOURCE/test/e2e/real.sh"
PATH=$HAL0_BUILD/cmd:$PATH
needs node curl jq
[ -d "${HAL0_OPENAI:-/nonexistent}/node_modules/openai" ] ||
  skip_all "HAL0_OPENAI names no directory where npm has put openai (npm or its registry was not there)"
needs_image "$image"
export HAL0_HOME="$tmp/home" NO_COLOR=1
pids=
tap_cleanup() {
  for p in $pids; do kill "$p" 2>/dev/null; done
  hal0-slot stop oa-chat oa-embed oa-cold >/dev/null 2>&1
  rm -rf "$tmp"
}
mkdir -p "$tmp/home/etc/hal0/slots" "$tmp/models"
tiny=$HAL0_BUILD/scripts/tiny-gguf
# room for an answer that cannot be over before it is looked at: it ends where the context does
"$tiny" --context 32768 --say "I am asked by a stock client." "$tmp/models/oa.gguf" >/dev/null
"$tiny" --say "I was asleep." "$tmp/models/cold.gguf" >/dev/null
"$tiny" --kind embed "$tmp/models/oe.gguf" >/dev/null
slot() { # NAME TYPE PORT MODEL [KEYS [CONTEXT]]
  printf 'name = "%s"\ntype = "%s"\nport = %s\ndevice = "cpu"\nimage = "%s"\n%b[model]\ndefault = "%s"\ncontext_size = %s\n' \
    "$1" "$2" "$3" "$image" "${5:-}" "$4" "${6:-2048}" >"$tmp/home/etc/hal0/slots/$1.toml"
}
slot oa-chat llm 8101 "$tmp/models/oa.gguf" 'default = true\n' 32768
slot oa-embed embedding 8102 "$tmp/models/oe.gguf"
slot oa-cold llm 8103 "$tmp/models/cold.gguf"
slot oa-gone llm 8104 "$tmp/models/nothing.gguf"
slot oa-tool llm 8105 tool-model
slot oa-ear transcription 8106 ear-model 'provider = "moonshine"\n'
slot oa-tts tts 8106 kokoro-v1 'provider = "kokoro"\n'
hal0-slot start oa-chat oa-embed >"$tmp/start" 2>&1 || {
  sed 's/^/# /' "$tmp/start"
  printf 'not ok 1 - slots start\n1..1\n'
  exit 1
}
echo right >"$tmp/keys"
chmod 600 "$tmp/keys"
serve_up open
pids="$pids $server"
serve_up keyed --key-file "$tmp/keys"
pids="$pids $server"
KEY_URL=$url node "$HAL0_SOURCE/test/e2e/openai.mjs" "$(jq -r .url "$tmp/open")" \
  http://127.0.0.1:8101 "$(hal0-slot key oa-chat)" 8105 8106
