#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Slots of FLM, Kokoro, ComfyUI and Moonshine, really started, with stand-ins for the servers
# (test/providers.c): ready, status, requests, stop, and what can go wrong.
# Container names and ports belong to the machine: two runs of this test take turns.
. "$HAL0_SOURCE/test/e2e/real.sh"
. "$HAL0_SOURCE/test/e2e/stand-in-image.sh"
needs curl jq
PATH=$HAL0_BUILD/cmd:$PATH
export HAL0_HOME="$tmp/home" NO_COLOR=1
unset HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE HAL0_FLM_MODELS_DIR HAL0_COMFYUI_DATA_ROOT
server=
tap_cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null
  for _s in npu-chat npu-two npu-tts npu-img npu-ms; do
    podman rm --force --time 1 "hal0-slot-$_s" >/dev/null 2>&1
  done
  rm -rf "$tmp"
}
slot() {
  run hal0-slot "$@"
}
container() { # SLOT FORMAT
  podman container inspect --format "$2" "hal0-slot-$1" 2>/dev/null
}
chmod 755 "$tmp"
etc=$tmp/home/etc/hal0/slots
store=$tmp/home/var-lib/hal0/models
flm_models=$tmp/home/var-lib/hal0/.config/flm/models
mkdir -p "$etc" "$store"
flm=$(stand_in_image flm) && kokoro=$(stand_in_image kokoro) && comfyui=$(stand_in_image comfyui) &&
  moonshine=$(stand_in_image moonshine)
ok "images of the stand-ins" test -n "$moonshine"
# A machine with an NPU and a GPU, as far as a container can tell.
HAL0_SYSROOT=$tmp/machine
export HAL0_SYSROOT
mkdir -p "$HAL0_SYSROOT/dev/dri" "$HAL0_SYSROOT/dev/accel"
mknod "$HAL0_SYSROOT/dev/kfd" c 1 3
mknod "$HAL0_SYSROOT/dev/dri/renderD128" c 1 3

# ---- FLM
cat >"$etc/npu-chat.toml" <<TOML
port = 8171
type = "llm"
device = "npu"
profile = "flm"
image = "$flm"
[model]
default = "gemma4-it-e2b-FLM"
context_size = 16384
[npu]
asr = true
embed = true
TOML
slot start npu-chat
rc_is "FLM on a machine without an NPU" 8
like "says what is missing" "$err" "*npu needs /dev/accel/accel*"
mknod "$HAL0_SYSROOT/dev/accel/accel0" c 1 3
slot start --dry-run npu-chat
rc_is "a model that was not pulled, in a rehearsal" 3
ok "which makes no directory" test ! -e "$flm_models"
slot start npu-chat
rc_is "a model that was not pulled" 3
like "says how to get it" "$err" "*model.default*gemma4-it:e2b is not on this machine*$flm pull gemma4-it:e2b"
is "in JSON" "$(hal0-slot start npu-chat --json 2>&1 >/dev/null | jq -r .error.code)" model.path_missing
ok "no container is left" sh -c '! podman container exists hal0-slot-npu-chat'
installed() { # TAG...
  for _t in "$@"; do
    mkdir -p "$flm_models/$_t"
    echo '{}' >"$flm_models/$_t/config.json"
  done
}
installed gemma4-it:e2b
slot start npu-chat
rc_is "the model of speech was not pulled" 3
like "which says so" "$err" "*npu.asr*whisper-v3:turbo is not on this machine*"
installed whisper-v3:turbo embed-gemma:300m broken:1b llama3.2:1b
slot start npu-chat --json
rc_is "FLM" 0
is "is ready" "$(printf %s "$out" | jq -c '[.changed,.items[0].state]')" '[true,"ready"]'
slot start npu-chat
rc_is "a second start" 0
like "finds it running" "$err" "*ran already*"
slot status npu-chat
rc_is "status: yes, without a /health" 0
like "the tag FLM wants, its options" "$(container npu-chat '{{.Args}}')" \
  "*serve gemma4-it:e2b --host 127.0.0.1 --port 8171 --ctx-len 16384 --embed 1 --asr 1*"
is "the NPU's node at its usual place, for it alone" \
  "$(container npu-chat '{{range .HostConfig.Devices}}{{.PathInContainer}} {{end}}')" "/dev/accel/accel0 /dev/dri/renderD128 "
is "it listens on 127.0.0.1 alone" \
  "$(awk -v p="$(printf ':%04X' 8171)" '$4=="0A" && index($2,p) {print $2}' /proc/net/tcp /proc/net/tcp6)" \
  "0100007F:$(printf %04X 8171)"
slot diff npu-chat
rc_is "nothing differs from its file" 0

# a second one
sed -e 's/8171/8172/' -e '/^\[npu\]/,$d' "$etc/npu-chat.toml" >"$etc/npu-two.toml"
sed -i '1i enabled = false' "$etc/npu-two.toml"
slot start npu-two
rc_is "a second chat slot on the NPU" 4
like "names the first" "$err" "*there is npu-chat:*"
hal0-slot disable npu-chat >/dev/null 2>&1
hal0-slot enable npu-two >/dev/null 2>&1
slot start npu-two
rc_is "also when only the first one's container has the NPU" 4
like "names it" "$err" "*slot npu-chat runs on it: hal0 slot stop npu-chat*"
is "in JSON" "$(hal0-slot start npu-two --json 2>&1 >/dev/null | jq -c '.error|[.code,.details.conflicting_slots]')" \
  '["slot.npu_exclusivity_violation",["npu-chat"]]'
rm "$etc/npu-two.toml"
hal0-slot enable npu-chat >/dev/null 2>&1

# what FLM does with a name it does not know, and with a model that does not load
cp "$etc/npu-chat.toml" "$tmp/good.toml"
slot set npu-chat model.default=gemma4:e2b
slot restart npu-chat
rc_is "a tag FLM does not know" 3
like "gets the nearest one" "$err" "*knows no model 'gemma4:e2b' (did you mean gemma4-it:e2b?)*"
slot status npu-chat
rc_is "what ran runs on" 0
slot set npu-chat model.default=gemma4-it-e2b
slot restart npu-chat
rc_is "a GGUF's name" 3
like "is no FLM tag" "$err" "*'gemma4-it-e2b' is no FLM tag*"
slot stop npu-chat --json
rc_is "stop, although the server calls SIGTERM an error" 0
ok "no container is left" sh -c '! podman container exists hal0-slot-npu-chat'
slot set npu-chat model.default=broken:1b
slot start npu-chat
rc_is "a model FLM cannot load" 7
like "is no success, although FLM answers" "$err" "*FLM says: Failed to load default model: broken:1b*"
ok "no container is left" sh -c '! podman container exists hal0-slot-npu-chat'

# an anchor that does not come up, behind the router
printf 'port = 8171\ntype = "embedding"\ndevice = "npu"\n[model]\ndefault = "embed-gemma:300m"\n' >"$etc/npu-emb.toml"
serve_up serve0
out=$(curl -s -m 120 -w '\n%{http_code}' "$url/v1/embeddings" \
  -H 'Content-Type: application/json' -d '{"input":"x","model":"npu-emb"}')
is "serve: the anchor does not come up" "$(printf %s "$out" | tail -n 1) $(printf %s "$out" | head -n 1 | jq -r .error.code)" \
  "503 npu.trio_unavailable"
like "serve: and why" "$(printf %s "$out" | head -n 1 | jq -r .error.message)" "slot npu-emb *npu-chat does not come up:*Failed to load default model*"
kill "$server" && wait "$server"
server=
rm "$etc/npu-emb.toml"
cp "$tmp/good.toml" "$etc/npu-chat.toml"

# ---- Kokoro
mkdir -p "$store/kokoro-v1"
cat >"$etc/npu-tts.toml" <<TOML
port = 8173
type = "tts"
device = "cpu"
profile = "tts"
image = "$kokoro"
[model]
default = "kokoro-v1"
TOML
slot start npu-tts
rc_is "Kokoro without its files" 3
like "says where they should be" "$err" "*no model at /mnt/ai-models/local/kokoro-v1/kokoro-onnx*hal0 slot set npu-tts model.default=*"
slot set npu-tts "model.default=$store/kokoro-v1"
slot start npu-tts
rc_is "Kokoro" 0
is "was waited for until its model was loaded" "$(curl -s -m 60 http://127.0.0.1:8173/health | jq .model_loaded)" true
is "no node, no group" "$(container npu-tts '{{len .HostConfig.Devices}} {{len .HostConfig.GroupAdd}}')" "0 0"
run hal0-route call /v1/audio/speech -d '{"input":"spoken words"}'
is "it speaks" "$out" "spoken words"
slot stop npu-tts
rc_is "stop" 0
: >"$store/kokoro-v1/stuck"
run timeout 60 "$HAL0_BUILD/cmd/hal0-slot" start npu-tts --timeout 2s
rc_is "a model that never comes, of a server that logs each question" 7
like "has made no progress" "$err" "*no sign of progress for 2 s (it is loading)*"
ok "the log is long of our questions" test "$(grep -c 'GET /health' "$HAL0_HOME/var-lib/hal0/slots/npu-tts/server.log")" -gt 2
rm "$store/kokoro-v1/stuck"

# ---- ComfyUI
cat >"$etc/npu-img.toml" <<TOML
port = 8188
type = "image"
device = "gpu-rocm"
provider = "comfyui"
profile = "comfyui"
image_override = 1
TOML
sed -i "s|^image_override.*|image = \"$comfyui\"|" "$etc/npu-img.toml"
slot start npu-img
rc_is "ComfyUI" 0
is "answers" "$(curl -s -m 60 -o /dev/null -w '%{http_code}' http://127.0.0.1:8188/system_stats)" 200
is "its directories are made" "$(cd "$store/comfyui" && find . -mindepth 1 -maxdepth 1 | sort | tr '\n' ' ')" \
  "./custom_nodes ./extra_model_paths.yaml ./input ./models ./output ./user "
echo mine >"$store/comfyui/extra_model_paths.yaml"
is "both of the GPU's nodes" \
  "$(container npu-img '{{range .HostConfig.Devices}}{{.PathInContainer}} {{end}}')" "/dev/dri/renderD128 /dev/kfd "
slot status npu-img
rc_is "status" 0
run hal0-route call /v1/images/generations -d '{"prompt":"x"}'
rc_is "it has no /v1" 1
like "which is said" "$err" "*its own protocol*"
slot restart npu-img
rc_is "restart" 0
is "what a person wrote stays" "$(cat "$store/comfyui/extra_model_paths.yaml")" mine
slot stop npu-img
rc_is "stop" 0

# ---- Moonshine: no profile has it
cat >"$etc/npu-ms.toml" <<TOML
port = 8174
type = "transcription"
device = "cpu"
image = "$moonshine"
[model]
default = "moonshine-base"
TOML
slot start npu-ms
rc_is "Moonshine without its files" 3
like "says where it looked" "$err" "*no model at $store/moonshine-base*"
mkdir -p "$store/moonshine-base"
slot start npu-ms
rc_is "Moonshine" 0
is "knows what it runs by the model's name" "$(curl -s -m 60 http://127.0.0.1:8174/health | jq -r .model_arch)" base
head -c 2000000 /dev/zero >"$tmp/speech.wav"
run hal0-route call npu-ms "$tmp/speech.wav"
like "it listens" "$out" "*base heard speech.wav as moonshine-base*"
slot set npu-ms 'server.extra_args=--model_arch tiny --no-such-option'
slot restart npu-ms
rc_is "an option it does not know" 3
like "is told with the server's own words" "$err" "*unrecognized arguments: --no-such-option*"
slot status npu-ms
like "status still says why" "$out" "*error*unrecognized arguments*"
slot stop npu-ms
rc_is "stop" 0

# ---- the NPU's trio: one server, three slots
rm "$etc/npu-ms.toml" "$etc/npu-tts.toml" "$etc/npu-img.toml"
for r in "npu-stt transcription whisper-v3:turbo" "npu-emb embedding embed-gemma:300m"; do
  # shellcheck disable=SC2086 # three words
  set -- $r
  printf 'port = 8171\ntype = "%s"\ndevice = "npu"\n[model]\ndefault = "%s"\n' "$2" "$3" >"$etc/$1.toml"
done
run hal0-route call npu-emb "some text"
rc_is "the trio while its server is down" 1
like "which slot to start" "$err" "*slot npu-chat does not run: hal0 slot start npu-chat*"
slot start npu-chat
rc_is "it is started" 0
slot list --json
is "its records are as ready as it is" \
  "$(printf %s "$out" | jq -c '[.items[]|select(.name|startswith("npu-"))|[.name,.state]]')" \
  '[["npu-chat","ready"],["npu-emb","ready"],["npu-stt","ready"]]'
run hal0-route call npu-chat "hello there"
is "chat, streamed" "$out" "gemma4-it:e2b says: hello there"
run hal0-route call gemma4-it-e2b-FLM "hello" --no-stream
is "by the registry's id" "$out" "gemma4-it:e2b says: hello"
run hal0-route call npu-emb "some text"
is "embeddings, with the tag FLM wants" "$(printf %s "$out" | jq -c '[.model,.data[0].embedding]')" '["embed-gemma:300m",[0.25,0.5]]'
run hal0-route call embed-gemma-300m-FLM "some text"
rc_is "by the registry's id" 0
run hal0-route call npu-stt "$tmp/speech.wav"
like "speech" "$out" "*FLM heard speech.wav as whisper-v3:turbo*"
run hal0-route explain embed-gemma-300m-FLM --path /v1/embeddings --json
is "explain: the anchor's port" "$(printf %s "$out" | jq -c '[.slot,.anchor,.port,.model]')" \
  '["npu-emb","npu-chat",8171,"embed-gemma:300m"]'

flm_says() { # MODEL
  hal0-route explain "$1" --json | jq -r '.steps[]|select(.rule=="flm list").why'
}
is "explain: FLM knows it" "$(flm_says llama3.2-1b-FLM)" "FLM calls it llama3.2:1b, and it is on this machine"
is "explain: and has not pulled it" "$(flm_says qwen3:4b)" "FLM calls it qwen3:4b, and it is not on this machine"
is "explain: or does not know it" "$(flm_says qwn3:4b)" "FLM knows no such model (did you mean qwen3:4b?)"
is "explain: a GGUF's name is no question for FLM" "$(flm_says qwen3-4b)" ""

serve_up serve
post() { # PATH BODY
  curl -s -m 60 "$url$1" -H 'Content-Type: application/json' -d "$2"
}
is "serve: chat" "$(post /v1/chat/completions '{"model":"gemma4-it-e2b-FLM","messages":[{"role":"user","content":"hi"}]}' |
  jq -r '.choices[0].message.content')" "gemma4-it:e2b says: hi"
is "serve: embeddings" "$(post /v1/embeddings '{"input":"x","model":"npu-emb"}' | jq -r .model)" embed-gemma:300m
out=$(curl -s -m 60 "$url/v1/audio/transcriptions" -F "file=@$tmp/speech.wav" -F model=npu-stt)
like "serve: a form of two megabytes" "$(printf %s "$out" | jq -r .text)" "FLM heard speech.wav as *"
# toggle off, record on: the server would answer with an error of its own
hal0-slot set npu-chat npu.embed=false >/dev/null 2>&1
# shellcheck disable=SC2016
until_true eval '[ "$(post /v1/embeddings "{\"input\":\"x\",\"model\":\"npu-emb\"}" | jq -r .error.code)" = npu.trio_unavailable ]'
out=$(curl -s -m 60 -w '\n%{http_code}' "$url/v1/embeddings" -H 'Content-Type: application/json' -d '{"input":"x","model":"npu-emb"}')
is "serve: the toggle is off" "$(printf %s "$out" | tail -n 1)" 503
like "serve: says what to do" "$(printf %s "$out" | head -n 1 | jq -r .error.message)" "*hal0 slot set npu-chat npu.embed=true*"
is "serve: names the path" "$(printf %s "$out" | head -n 1 | jq -r .error.details.endpoint)" /v1/embeddings
hal0-slot restart npu-chat >/dev/null 2>&1
hal0-slot set npu-chat npu.embed=true >/dev/null 2>&1
run hal0-route call npu-emb "some text"
rc_is "the toggle was turned on after the server had started" 1
like "says what to do" "$err" "*slot npu-chat was started without it: hal0 slot restart npu-chat*"
slot status npu-emb
rc_is "status: a no" 1
like "for the same reason" "$out" "*offline*was started without it*"
slot logs npu-emb
like "logs: its server's" "$out" "*listening on http://127.0.0.1:8171*"
slot wait npu-stt
rc_is "who waits for a record waits for its server" 0
slot stop npu-chat
out=$(curl -s -m 120 "$url/v1/audio/transcriptions" -F "file=@$tmp/speech.wav" -F model=npu-stt)
like "serve: a record of a slot that is down brings that slot up" "$(printf %s "$out" | jq -r .text)" "FLM heard speech.wav as *"
slot status npu-chat
rc_is "serve: which runs now" 0
kill "$server" && wait "$server"
slot stop npu-chat
serve_up serve2 --no-load
is "serve --no-load: a record of a slot that is down" \
  "$(post /v1/embeddings '{"input":"x","model":"npu-emb"}' | jq -r '.error.code')" npu.trio_unavailable
tap_done
