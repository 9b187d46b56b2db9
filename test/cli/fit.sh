#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0 slot fit: figures, verdicts and exit codes, by a recorded machine of a known size.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"

slot=$HAL0_BUILD/cmd/hal0-slot
export HAL0_HOME="$tmp/home"
unset HAL0_MODEL_STORE
etc=$HAL0_HOME/etc/hal0
mkdir -p "$etc/slots"
"$HAL0_BUILD/scripts/tiny-gguf" --context 8192 --say "it fits" "$tmp/m.gguf" >/dev/null || exit 1
says() { # NAME JQ-CONDITION
  if printf '%s' "$out" | jq -e "$2" >/dev/null; then ok "$1" true; else
    printf '# %s\n' "$out"; ok "$1" false; fi
}
machine() { # BUDGET_MIB [DEVICE-LINE]: a unified machine no test runs on
  cat >"$etc/hardware.json" <<JSON
{"memory": {"unified": true, "budget_mib": $1, "binding_limit": "vram+gtt",
  "pools": [{"name": "system-ram", "capacity_bytes": 7777777}, {"name": "carve-out", "capacity_bytes": 1048576}],
  "limits": [{"name": "vram+gtt", "mib": $1}, {"name": "physical-ram", "mib": 101}]},
 "memory_bandwidth_gbs": 256}
JSON
}
machine 4096
fit() { run "$slot" fit --model "$tmp/m.gguf" --ctk f16 --ctv f16 --fa on --ubatch 512 --parallel 1 "$@" --json; }

fit --ctx 4096 --device gpu-vulkan
rc_is 'it fits' 0
says 'all keys' 'keys == (["schema","name","verdict","why","model_path","device","context",
  "weights_bytes","mmproj_bytes","kv_bytes","compute_bytes","output_bytes","total_bytes","host_bytes",
  "cache_ram_bytes","pool_bytes","binding_limit","others_bytes","free_bytes","headroom_bytes",
  "largest_context","decode_ceiling_tok_s","estimated","measured"] | sort)'
says 'whole numbers' '[.weights_bytes, .kv_bytes, .compute_bytes, .output_bytes, .total_bytes] |
  all(type == "number" and . == floor and . > 0)'
says 'the pool is the recorded one' '.pool_bytes == 4096 * 1048576 and .binding_limit == "vram+gtt"'
says 'its own free memory does not count on another machine' '.free_bytes == null'
says 'verdict' '.verdict == "fits" and .headroom_bytes == .pool_bytes - .total_bytes'
says 'a ceiling' '.decode_ceiling_tok_s > 1000'
says 'the largest context is what the model was made for' '.largest_context == 8192'
kv=$(printf '%s' "$out" | jq .kv_bytes)
fit --ctx 8192 --device gpu-vulkan
says 'twice the context, twice the KV' ".kv_bytes == 2 * $kv"
fit --ctx 4096
says 'on the CPU the total is the sum' \
  '.total_bytes == .weights_bytes + .kv_bytes + .compute_bytes + .output_bytes and .host_bytes == null'
says 'the CPU gets RAM without the carve-out' '.pool_bytes == 100 * 1048576 and .binding_limit == "physical-ram"'
says 'and no ceiling nobody measured' '.decode_ceiling_tok_s == null'
weights=$(printf '%s' "$out" | jq .weights_bytes)
size=$(stat -c %s "$tmp/m.gguf")
ok 'weights are a little less than the file' test "$weights" -lt "$size" -a "$((size - weights))" -lt 65536

# ---- no room ----
machine 3
fit --ctx 8192 --device gpu-vulkan
rc_is 'no room: exit 1' 1
says 'no room' '.verdict == "does-not-fit" and .headroom_bytes < 0 and .largest_context < 8192'
run "$slot" fit --model "$tmp/m.gguf" --ctx 8192 --device gpu-vulkan
rc_is 'the same for people' 1
like 'says what is missing' "$out" '*does-not-fit*it needs*of 3*MiB are left (vram+gtt)*'
run "$slot" fit --model "$tmp/m.gguf" --fa off --ctv q8_0 --json
rc_is 'what the server refuses does not fit' 1
says 'and why' '.verdict == "does-not-fit" and (.why | test("flash attention"))'

# ---- a slot ----
machine 4096
run "$slot" create chat --model "$tmp/m.gguf" --device gpu-vulkan --ctx 4096
rc_is 'create' 0
case $err in *'does not fit'*) ok 'no warning where there is room' false ;; *) ok 'no warning where there is room' true ;; esac
run "$slot" fit chat --json
rc_is 'fit of a slot whose device is not there' 0
says 'its profile counts' '.name == "chat" and .context == 4096'
run "$slot" fit chat --ctx 2048 --json
says 'an option stands above the slot' '.context == 2048'
machine 2
run "$slot" set chat model.context_size=8192
rc_is 'set: a warning is no error' 0
like 'set warns' "$err" '*warning: chat does not fit: it needs*'
run "$slot" create more --model "$tmp/m.gguf" --device gpu-vulkan --dry-run
like 'create --dry-run warns' "$err" '*warning: more does not fit*'

# ---- bad input ----
run "$slot" fit
rc_is 'nothing named' 2
run "$slot" fit chat --model "$tmp/m.gguf"
rc_is 'both named' 2
run "$slot" fit nochat
rc_is 'no such slot' 2
run "$slot" fit --model "$tmp/absent.gguf"
rc_is 'no such file' 2
head -c 100 "$tmp/m.gguf" >"$tmp/cut.gguf"
run "$slot" fit --model "$tmp/cut.gguf"
rc_is 'a damaged file' 3
run "$slot" fit --model "$tmp/m.gguf" --ctk q9
rc_is 'no such type' 2
echo '{"memory": {"budget_mib": "x", "limits": 3, "pools": [1]}}' >"$etc/hardware.json"
fit --ctx 4096 --device gpu-vulkan
rc_is 'an odd hardware.json' 0
says 'leaves the verdict open' '.verdict == null and .pool_bytes == null and .total_bytes > 0'
tap_done
