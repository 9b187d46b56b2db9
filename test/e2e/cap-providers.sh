#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Capabilities that other programs than llama-server do, with stand-ins for their servers
# (test/providers.c): speech on the CPU, and what the NPU's one chat slot answers beside chat.
# The slots of capabilities have fixed names, containers and the NPU belong to the machine: runs take
# turns, also with those of providers.sh.
[ -n "${HAL0_E2E_TURN:-}" ] ||
  HAL0_E2E_TURN=1 exec flock -o /tmp/hal0-e2e-cap.lock flock -o /tmp/hal0-e2e-providers.lock sh "$0"
. "$HAL0_SOURCE/test/e2e/real.sh"
. "$HAL0_SOURCE/test/e2e/stand-in-image.sh"
needs jq
slots="tts stt embed cap-npu"
for s in $slots; do
  ! podman container exists "hal0-slot-$s" || skip_all "this machine has a slot $s"
done
export HAL0_HOME="$tmp/home"
unset HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE HAL0_FLM_MODELS_DIR
tap_cleanup() {
  for _s in $slots; do
    podman rm --force --time 1 "hal0-slot-$_s" >/dev/null 2>&1
  done
  rm -rf "$tmp"
}
chmod 755 "$tmp"
etc=$HAL0_HOME/etc/hal0
flm_models=$HAL0_HOME/var-lib/hal0/.config/flm/models
store=$HAL0_HOME/var-lib/hal0/models
mkdir -p "$etc/slots" "$store/kokoro-v1" "$store/moonshine-base"
flm=$(stand_in_image flm) && kokoro=$(stand_in_image kokoro) && moonshine=$(stand_in_image moonshine)
ok "images of the stand-ins" test -n "$moonshine"
printf '[profile.tts]\nimage = "%s"\ndevice_class = "cpu"\n[profile.flm]\nimage = "%s"\ndevice_class = "npu"\n' \
  "$kokoro" "$flm" >"$etc/profiles.toml"
HAL0_SYSROOT=$tmp/machine # one with an NPU, as far as a container can tell
export HAL0_SYSROOT
mkdir -p "$HAL0_SYSROOT/dev/accel"
mknod "$HAL0_SYSROOT/dev/accel/accel0" c 1 3
for m in gemma4-it:e2b embed-gemma:300m whisper-v3:turbo; do
  mkdir -p "$flm_models/$m"
  echo '{}' >"$flm_models/$m/config.json"
done

cap() { run "$HAL0_BUILD/cmd/hal0-cap" "$@"; }
slot() { run "$HAL0_BUILD/cmd/hal0-slot" "$@"; }
json() { printf %s "$out" | jq -c "$1"; }
id() { podman container inspect --format '{{.Id}}' "hal0-slot-$1" 2>/dev/null; }

# ---- speech ----
cap on tts --model "$store/kokoro-v1" --json
rc_is "text to speech, without a word about the device" 0
is "runs where its program is made for" \
  "$(json '.items[0] | [.action, .state, .device, .provider]')" '["started","ready","cpu","kokoro"]'
cap on tts --json
is "again: nothing" "$(json .changed)" false
cap off tts
rc_is "off" 0
is "is gone" "$(id tts)" ""

# ---- a provider is chosen ----
printf 'port = 8191\ntype = "transcription"\ndevice = "cpu"\nprovider = "moonshine"\nimage = "%s"\nenabled = false\n[model]\ndefault = "moonshine-base"\n' \
  "$moonshine" >"$etc/slots/stt.toml"
cap on stt --json
rc_is "speech to text, in an image of the slot's own" 0
is "runs" "$(json '.items[0] | [.state, .provider]')" '["ready","moonshine"]'

# ---- the NPU's chat slot answers ----
if [ -n "$(podman ps --quiet --filter label=io.hal0.provider=flm)" ]; then
  echo "# skipped: a slot of somebody else runs on this machine's NPU"
  tap_done
fi
slot create cap-npu --device npu --model gemma4-it-e2b-FLM --port 8192
rc_is "an NPU slot" 0
slot start cap-npu
rc_is "runs" 0
first=$(id cap-npu)
cap on embed --device npu --json
rc_is "embeddings on the NPU" 0
is "need a restart of it" "$(json '[.changed, .pending_reload, .items[0].pending_reload, .items[0].action]')" \
  '[true,true,true,"none"]'
is "which nobody did" "$(id cap-npu) $(id embed)" "$first "
ok "its file says so" grep -q '^embed = true' "$etc/slots/cap-npu.toml"
cap on embed --device npu --json
is "again: nothing, and still to be done" "$(json '[.changed, .pending_reload]')" '[false,true]'
slot restart cap-npu
rc_is "restarted" 0
cap on embed --device npu --json
is "done" "$(json '[.changed, .pending_reload]')" '[false,false]'
cap on stt --device npu --model whisper-v3:turbo --json
rc_is "speech to text moves to the NPU" 0
is "its own server goes" "$(json '[.pending_reload, .items[0].action]') $(id stt)" '[true,"stopped"] '
cap undo --json
rc_is "undo" 0
is "brings it back" "$(json '[.items[] | select(.slot == "stt") | .state]')" '["ready"]'
cap off embed --json
is "off: the NPU slot is told" "$(json '[.changed, .pending_reload]')" '[true,true]'
ok "in its file" grep -q '^embed = false' "$etc/slots/cap-npu.toml"
tap_done
