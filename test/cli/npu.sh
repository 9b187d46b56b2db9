#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The rules of the NPU, on every path that writes a slot: one chat slot at a time, and records that
# never run by themselves. No podman.
. "$HAL0_SOURCE/test/tap.sh"
command -v jq >/dev/null || skip_all "jq is not installed"
PATH=$HAL0_BUILD/cmd:$PATH
export HAL0_HOME="$tmp/home" HAL0_PODMAN=/nonexistent NO_COLOR=1
unset HAL0_MODEL_STORE
slots=$tmp/home/etc/hal0/slots
mkdir -p "$slots"
refused() { # NAME COMMAND...: exit code 4, the conflicting slot named, no file changed
  _what=$1
  shift
  cat "$slots"/*.toml >"$tmp/before"
  run "$@"
  rc_is "$_what: refused" 4
  like "$_what: names the other slot" "$err" "*one chat slot at a time*hal0 slot disable npu*"
  ok "$_what: nothing is written" sh -c "cat '$slots'/*.toml | cmp - '$tmp/before'"
}

run hal0-slot create npu --device npu --model gemma4-it:e2b --port 8088
rc_is "the first chat slot on the NPU" 0
refused "create" hal0-slot create second --device npu --model qwen3:4b
ok "create: no file is left" test ! -e "$slots/second.toml"
refused "create --dry-run" hal0-slot create second --device npu --model qwen3:4b --dry-run
run hal0-slot create second --device npu --model qwen3:4b --json
is "in JSON: code, slots, hint" \
  "$(printf %s "$err" | jq -c '.error|[.code,.details.conflicting_slots,.details.hint]')" \
  '["slot.npu_exclusivity_violation",["npu"],"hal0 slot disable npu"]'
printf 'port = 8091\ndevice = "npu"\nenabled = false\n[model]\ndefault = "qwen3:4b"\n' >"$slots/off.toml"
printf 'port = 8092\ndevice = "npu"\n' >"$slots/empty.toml"
printf 'port = 8093\ndevice = "cpu"\n[model]\ndefault = "qwen3:4b"\n' >"$slots/cpu.toml"
printf 'port = 8094\nbackend = "cpu"\n[model]\ndefault = "qwen3:4b"\n' >"$slots/old.toml"
run hal0-conf check
rc_is "one that is off, one without a model, one elsewhere: fine" 0
refused "enable" hal0-slot enable off
refused "set enabled" hal0-slot set off enabled=true
refused "unset enabled" hal0-slot set off --unset enabled
refused "set a model" hal0-slot set empty model.default=qwen3:4b
refused "set the device" hal0-slot set cpu device=npu
refused "conf set of the old key of the device" hal0-conf set "$slots/old.toml" backend flm
refused "conf set" hal0-conf set "$slots/off.toml" enabled true
refused "conf unset" hal0-conf unset "$slots/off.toml" enabled
refused "conf set of the model" hal0-conf set "$slots/empty.toml" model.default qwen3:4b
refused "start of one that is off" hal0-slot start off
refused "start of one that is off, as a rehearsal" hal0-slot start off --dry-run
run hal0-slot set off model.default=llama3.2:1b
rc_is "what does not want the NPU can be changed" 0

# Written behind our back: found by check, refused at start.
sed -i 's/^enabled = false/enabled = true/' "$slots/off.toml"
run hal0-conf check
rc_is "two of them in the files: check finds it" 3
like "and says where" "$out$err" "*slots/off.toml:2:10*device*one chat slot at a time*"
refused "start" hal0-slot start off
run hal0-slot start npu
rc_is "the other one is no better" 4
like "names its rival" "$err" "*there is off:*"
run hal0-slot swap off llama3.2:1b
rc_is "swap" 4
run hal0-slot set off idle_timeout_s=60
rc_is "a key that does not matter to it can still be set" 0
run hal0-conf set "$slots/off.toml" idle_timeout_s 61
rc_is "by conf set, too" 0
run hal0-slot disable off
rc_is "one is disabled" 0

# ---- records of the trio
mkrec() { # NAME TYPE
  printf 'port = 8088\ndevice = "npu"\ntype = "%s"\n[model]\ndefault = "%s"\n' "$2" "$3" >"$slots/$1.toml"
}
mkrec stt-npu transcription whisper-v3:turbo
mkrec embed-npu embedding embed-gemma:300m
run hal0-conf check
rc_is "records on the anchor's port are no conflict" 0
run hal0-slot start stt-npu
rc_is "a record is not started" 1
like "the toggle of the anchor is what fails" "$err" "*slot npu runs without it: hal0 slot set npu npu.asr=true*"
run hal0-slot start stt-npu --json
is "its code" "$(printf %s "$err" | jq -r .error.code)" npu.trio_unavailable
hal0-slot set npu npu.asr=true npu.embed=true >/dev/null 2>&1
for s in stt-npu embed-npu; do
  run hal0-slot start $s
  rc_is "$s is not started by itself" 1
  like "$s points to the anchor" "$err" "*no server of its own*hal0 slot start npu*"
  run hal0-slot start --dry-run $s
  rc_is "$s: nor as a rehearsal" 1
  run hal0-slot run $s
  rc_is "$s: nor by a unit" 1
done
# The order of routing's conditions is the model's test; here that the programs agree.
run hal0-route explain /v1/embeddings -d '{"model":"embed-npu","input":"x"}' --json
rc_is "explain: the anchor does not run" 1
like "explain: what to start" "$(printf %s "$out" | jq -r .error.message)" "*slot npu does not run: hal0 slot start npu"
hal0-slot set npu npu.embed=false >/dev/null 2>&1
run hal0-route explain /v1/embeddings -d '{"model":"embed-npu","input":"x"}' --json
rc_is "explain: the toggle is off" 1
is "explain: says so" "$(printf %s "$out" | jq -r .error.code)" npu.trio_unavailable

# ---- capabilities of the trio: check and explain tell the same
rm "$slots"/*
printf 'port = 8088\ndevice = "npu"\n[model]\ndefault = "gemma4-it-e2b-FLM"\n' >"$slots/npu.toml"
run hal0-cap on stt -d npu -m whisper-v3:turbo --no-start
rc_is "speech on the NPU" 0
run hal0-cap check
rc_is "check: can be answered" 0
while read -r what change say; do
  # shellcheck disable=SC2046 # words
  run hal0-slot $(printf %s "$change" | tr / ' ')
  run hal0-cap check --json
  rc_is "check: the anchor $what" 1
  like "check: says so: $what" "$(printf %s "$out" | jq -r '.items[] | select(.ok | not) | .capability + " " + .message')" \
    "voice.stt *slot npu $(printf %s "$say" | tr _ ' ')*"
done <<'END'
without_the_toggle set/npu/npu.asr=false runs_without_it
disabled disable/npu is_not_enabled
END
run hal0-cap on stt --no-start
like "on warns of it" "$rc $err" "0 *slot npu, whose server is to answer for voice.stt, is not enabled*"
run hal0-slot enable npu
run hal0-cap check
rc_is "and is all that was missing" 0
rm "$slots/npu.toml"
run hal0-cap check
rc_is "no anchor" 1
like "says so" "$out" "*voice.stt*there is none*"

# ---- nodes of this machine, or of the tree that stands for one
rm "$slots"/*
printf 'port = 8088\ndevice = "npu"\n[model]\ndefault = "gemma4-it-e2b-FLM"\n' >"$slots/npu.toml"
printf 'port = 8188\ntype = "image"\ndevice = "gpu-rocm"\n' >"$slots/img.toml"
tree=$tmp/tree
mkdir -p "$tree/dev"
export HAL0_SYSROOT="$tree"
run hal0-slot argv npu
rc_is "argv on a machine without an NPU" 0
like "prints the command" "$out" "* run *serve gemma4-it:e2b --host 127.0.0.1 --port 8088*"
like "and says what is missing" "$err" "*npu needs /dev/accel/accel\*, which this machine does not have: shown without it*"
run hal0-slot start npu --dry-run
rc_is "start does not" 8
mkdir -p "$tree/dev/accel" "$tree/dev/dri"
touch "$tree/dev/accel/accel0" "$tree/dev/dri/renderD128" "$tree/dev/dri/renderD129" "$tree/dev/dri/card0" "$tree/dev/kfd"
cat >"$tree/dev.manifest" <<'TXT'
c 261 0 0660 root video /dev/accel/accel0
c 226 0 0660 root video /dev/dri/card0
c 226 128 0666 root video /dev/dri/renderD128
c 234 0 0660 root root /dev/kfd
TXT
nodes() { # SLOT
  hal0-slot argv "$1" --json 2>/dev/null | jq -r '[.items[]|select(.flag=="--device" or .flag=="--group-add")|.value]|join(" ")'
}
is "the NPU's nodes, and the group that opens them" "$(nodes npu)" "/dev/accel/accel0 /dev/dri/renderD128 $(getent group video | cut -d : -f 3)"
is "ROCm's, none of a file that is no node, no group of root's" "$(nodes img)" "/dev/dri/renderD128 /dev/kfd"
is "no display's card, for no device" "$(nodes npu) $(nodes img)" "$(printf '%s %s' "$(nodes npu)" "$(nodes img)" | sed 's/card0//')"
unset HAL0_SYSROOT
printf 'port = 8084\ntype = "tts"\ndevice = "cpu"\n' >"$slots/tts.toml"
run hal0-slot argv tts
rc_is "argv of a speech server without its files" 0
like "prints where they should be" "$out" "*--model_path /mnt/ai-models/local/kokoro-v1/kokoro-onnx*"
tap_done
