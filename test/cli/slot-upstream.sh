#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Slot files as other versions write them: every one is read for what it means, and an edit changes
# the lines it is about and no byte more.
. "$HAL0_SOURCE/test/tap.sh"
export HAL0_HOME="$tmp/home"
unset HAL0_PODMAN HAL0_MODEL_STORE HAL0_SYSROOT
slots=$tmp/home/etc/hal0/slots
mkdir -p "$slots"
hal0_slot=$HAL0_BUILD/cmd/hal0-slot
slot() { run "$hal0_slot" "$@"; }
file() { cat >"$slots/$1.toml"; }

# flat, as installed
file utility <<'T'
# a small helper beside the chat model
name = "utility"
port = 8081
type = "llm"
device = "gpu-vulkan"
profile = "vulkan"

[model]
default = "gemma-4-12b-it"
context_size = 65536   # all of it
T
file rerank <<'T'
name    = "rerank"
port    = 8083
type    = "reranking"
device  = "gpu-vulkan"
profile = "vulkan"
[model]
default = "bge-reranker-v2-m3-q4_k_m"
context_size = 4096
[server]
extra_args = "--reranking"
T
file tts <<'T'
name = "tts"
port = 8084
type = "tts"
device = "cpu"
profile = "kokoro-cpu"
[model]
default = "kokoro-v1"
T
file npu <<'T'
name = "npu"
port = 8088
type = "llm"
device = "npu"
profile = "flm-npu"
role = "utility"
[model]
default = "gemma3:4b"
context_size = 16384

[npu]     # the same process may do these too
asr = false
embed = false
T
file img <<'T'
name = "img"
port = 8186
backend = "rocm"
provider = "comfyui"
[model]
default = "sdxl-turbo"
[image]
idle_restore_minutes = 60
default_size = "1024x1024"
default_steps = 0
T
# nested, as a program writes it; the first version's keys
file primary <<'T'
[slot]
name = "primary"
port = 8085
backend = "vulkan"
provider = "llama-server"
enabled = true
workers = 1
n_gpu_layers = -1
threads = 0

[model]
default = "qwen3-4b"
ctx_size = 8192
n_gpu_layers = -1
rope_freq_base = 0.0

[model.extra]
note = "mine"

[server]
extra_args = "--jinja"
T
# both shapes at once, after a program wrote beside the other's table; keys of later versions
file chat <<'T'
type = "llm"
device = "gpu-rocm"   # stale
runtime = "container"
profile = "dense-mtp-rocmfp4"
served_by = "chat"
output_sanity = { ok = true }
idle_timout_s = 10
what_next = [1, 2]

[slot]
name = "chat"
device = "gpu-rocm"
port = 8087

[_meta]
rationale_device = "it is there"
host_ram_gb = 128
T
# lines of DOS, inline tables, dotted keys; a back end nobody knows
printf '# x\r\nport = 8082\r\nbackend = "tpu"\r\nimage = "localhost/x:1"\r\nmodel = { default = "bge-m3", context_size = 512 } # m\r\nserver.extra_args = "-t 2"\r\n' |
  file embed

all='utility rerank tts npu img primary chat embed'
read_as() { # SLOT JQ-ARRAY WANT
  slot show "$1" --json
  is "$1 is read" "$(printf %s "$out" | jq -c "$2")" "$3"
}
what='[.type,.device,.provider,.profile,.port,.context_size]'
read_as utility "$what" '["llm","gpu-vulkan","llama-server","vulkan",8081,65536]'
read_as rerank "$what" '["reranking","gpu-vulkan","llama-server","vulkan",8083,4096]'
read_as tts "$what" '["tts","cpu","kokoro","tts",8084,null]'
read_as npu "$what" '["llm","npu","flm","flm",8088,16384]'
read_as img "$what" '["image","gpu-rocm","comfyui","comfyui",8186,null]'
read_as primary "$what" '["llm","gpu-vulkan","llama-server","vulkan",8085,8192]'
read_as chat "$what" '["llm","gpu-rocm","llama-server","rocm-dnse",8087,null]'
read_as embed "$what" '["embedding","cpu","llama-server","vulkan",8082,512]'
read_as embed '[.image, .image_from]' '["localhost/x:1","slot"]'

# ---- warnings: once each, and no errors ----
run "$HAL0_BUILD/cmd/hal0-conf" check --json
is "nothing is wrong with them" "$(printf %s "$out" | jq -c '[.items[] | select(.level == "error")]')" '[]'
warned() { # SLOT KEY: how often
  printf %s "$out" | jq "[.items[] | select((.file // .where // \"\") | test(\"slots/$1.toml\")) | select(.key | test(\"$2\"))] | length"
}
is "an old back end is deprecated, once" "$(warned primary backend)" 1
is "and so is the old name of the context" "$(warned primary ctx_size)" 1
like "a key that nobody knows is told, with the near one" "$out" '*unknown key (did you mean idle_timeout_s?)*'
is "keys of other versions are none of those" "$(warned chat 'served_by|output_sanity|_meta')$(warned primary 'n_gpu|threads|rope')" 00

# ---- an edit and back: every byte as it was ----
for s in $all; do
  cp "$slots/$s.toml" "$tmp/was"
  slot set "$s" idle_timeout_s=7
  set_rc=$rc
  is "$s: an edit adds one line" "$set_rc $(diff "$tmp/was" "$slots/$s.toml" | grep -c '^[<>]')" \
    "0 1"
  slot set "$s" --unset idle_timeout_s
  ok "$s: and undone, the file is as it was" cmp "$tmp/was" "$slots/$s.toml"
done

changes() { # NAME SLOT WANT-LINES ARG...: what `set` would change, in - and + lines
  _name=$1 _want=$3
  cp "$slots/$2.toml" "$tmp/was"
  _s=$2
  shift 3
  slot set "$_s" "$@"
  is "$_name" "$rc $(diff "$tmp/was" "$slots/$_s.toml" | sed -n 's/^[<>]/&/p' | tr -d '\r' | tr '\n' '|')" \
    "0 $_want"
  slot set "$_s" "$@"
  like "$_name, again: no change" "$err" '*has these settings already*'
  cp "$tmp/was" "$slots/$_s.toml"
}
changes "the comment behind a value stays" utility \
  '< context_size = 65536   # all of it|> context_size = 8192   # all of it|' model.context_size=8192
changes "the old name is folded into the new one" primary \
  '< ctx_size = 8192|> context_size = 4096|' model.context_size=4096
changes "or taken for it" primary '< ctx_size = 8192|> context_size = 4096|' model.ctx_size=4096
changes "and removed with it" primary '< ctx_size = 8192|' --unset model.context_size
changes "back end and device go together" primary \
  '< backend = "vulkan"|> backend = "rocm"|> device = "gpu-rocm"|' device=gpu-rocm
changes "the profile follows the device, in the table where each stands" chat \
  '< profile = "dense-mtp-rocmfp4"|> profile = "vulkan"|< device = "gpu-rocm"|> device = "gpu-vulkan"|' \
  device=gpu-vulkan
changes "a key is removed from both shapes" chat '< device = "gpu-rocm"   # stale|< device = "gpu-rocm"|' \
  --unset device
changes "an inline table" embed \
  '< model = { default = "bge-m3", context_size = 512 } # m|> model = { default = "bge-m3", context_size = 1024 } # m|' \
  model.context_size=1024
changes "a key of the table image" img '< default_steps = 0|> default_steps = 20|' image.default_steps=20
changes "a key of the NPU's" npu '< asr = false|> asr = true|' npu.asr=true

# ---- refused, with the place ----
refused() { # NAME RC PATTERN ARG...
  _name=$1 _rc=$2 _like=$3
  shift 3
  slot set "$@"
  is "refused: $_name" "$rc" "$_rc"
  like "and why" "$err" "$_like"
}
refused "a string where a table stands" 3 "*image: a table stands there*" img image=localhost/a:1
refused "a key the NPU's table does not have" 2 "*unknown key 'npu.asrr' (did you mean npu.asr?)*" npu npu.asrr=true
refused "an unknown key" 2 "*unknown key 'idle_timout_s' (did you mean idle_timeout_s?)*" chat idle_timout_s=1
refused "a device there is not" 2 "*did you mean gpu-rocm?*" chat device=gpu-rcom
refused "a context too small" 2 "*128 to *" chat model.context_size=64
refused "another name" 3 "*make them agree*" utility name=other
bad() { # NAME TEXT PATTERN
  printf '%b' "$2" >"$slots/bad.toml"
  slot show bad
  is "$1 is an error" "$rc" 3
  like "$1: with its place" "$err" "$3"
  rm "$slots/bad.toml"
}
bad "an unknown key in [npu]" 'port = 8090\n[npu]\nmore = 1\n' '*slots/bad.toml:3:1: npu.more: unknown key*'
bad "an unknown key in [image]" 'port = 8090\n[image]\nsteps = 1\n' '*slots/bad.toml:3:1: image.steps: unknown key*'
bad "an unknown device" 'port = 8090\ndevice = "gpu-rcom"\n' "*slots/bad.toml:2:10: device: unknown device 'gpu-rcom' (did you mean gpu-rocm?)*"
bad "an image that is a number" 'port = 8090\nimage = 5\n' '*bad.toml:2:9: image: string or table expected*'
bad "a port out of range" 'port = 80\n' '*bad.toml:1:8: port: 80 is out of range*'

tap_done
