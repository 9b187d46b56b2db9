#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The openai package of npm against hal0-route serve, in front of real slots. scripts/check fetches
# the package; $HAL0_OPENAI is the directory with its node_modules.
. "${HAL0_SOURCE:?}/test/tap.sh"
image=${HAL0_TEST_IMAGE:-localhost/hal0-llama:cpu}
PATH=$HAL0_BUILD/cmd:$PATH
for t in node podman curl jq; do
  command -v $t >/dev/null 2>&1 || skip_all "$t is not installed"
done
[ -d "${HAL0_OPENAI:-/nonexistent}/node_modules/openai" ] ||
  skip_all "HAL0_OPENAI names no directory where npm has put openai (npm or its registry was not there)"
podman image exists "$image" 2>/dev/null || skip_all "no image $image (scripts/build-image)"
export HAL0_HOME="$tmp/home" NO_COLOR=1
pids=
tap_cleanup() {
  for p in $pids; do kill "$p" 2>/dev/null; done
  hal0-slot stop export-oa export-oe export-cold >/dev/null 2>&1
  rm -rf "$tmp"
}
mkdir -p "$tmp/home/etc/hal0/slots" "$tmp/models"
tiny=$HAL0_BUILD/scripts/tiny-gguf
"$tiny" --say "I am asked by a stock client." "$tmp/models/oa.gguf" >/dev/null
"$tiny" --say "I was asleep." "$tmp/models/cold.gguf" >/dev/null
"$tiny" --kind embed "$tmp/models/oe.gguf" >/dev/null
slot() { # NAME TYPE PORT MODEL [KEYS]
  printf 'name = "%s"\ntype = "%s"\nport = %s\ndevice = "cpu"\nimage = "%s"\n%b[model]\ndefault = "%s"\ncontext_size = 2048\n' \
    "$1" "$2" "$3" "$image" "${5:-}" "$4" >"$tmp/home/etc/hal0/slots/$1.toml"
}
slot export-oa llm 8101 "$tmp/models/oa.gguf" 'default = true\n'
slot export-oe embedding 8102 "$tmp/models/oe.gguf"
slot export-cold llm 8103 "$tmp/models/cold.gguf"
slot export-gone llm 8104 "$tmp/models/nothing.gguf"
slot export-tool llm 8105 tool-model
slot export-ear transcription 8106 ear-model 'provider = "moonshine"\n'
slot export-tts tts 8106 kokoro-v1 'provider = "kokoro"\n'
hal0-slot start export-oa export-oe >"$tmp/start" 2>&1 || {
  sed 's/^/# /' "$tmp/start"
  printf 'not ok 1 - slots start\n1..1\n'
  exit 1
}
serve() { # NAME ARG...: prints the URL
  _n=$1
  shift
  hal0-route serve --port 0 --json "$@" >"$tmp/$_n" 2>"$tmp/$_n.err" &
  pids="$pids $!"
  _i=0
  until [ -s "$tmp/$_n" ] || [ $_i = 100 ]; do
    sleep 0.05
    _i=$((_i + 1))
  done
}
echo right >"$tmp/keys"
chmod 600 "$tmp/keys"
serve open
serve keyed --key-file "$tmp/keys"
KEY_URL=$(jq -r .url "$tmp/keyed") node "$HAL0_SOURCE/test/e2e/openai.mjs" "$(jq -r .url "$tmp/open")" \
  http://127.0.0.1:8101 "$(hal0-slot key export-oa)" 8105 8106
