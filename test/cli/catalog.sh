#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-profile and hal0-cap reading, and the schemas for editors.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"

profile=$HAL0_BUILD/cmd/hal0-profile
cap=$HAL0_BUILD/cmd/hal0-cap
slot=$HAL0_BUILD/cmd/hal0-slot
conf=$HAL0_BUILD/cmd/hal0-conf
export HAL0_HOME="$tmp/home"
etc=$HAL0_HOME/etc/hal0

# ---- profiles ----
run "$profile" list --format '{name} {seed}'
rc_is 'the catalog of an empty box' 0
is 'is the seven seeds' "$out" "$(printf '%s true\n' rocm rocm-dnse rocm-moe vulkan flm tts comfyui)"
like 'and says so' "$err" '*built-in*'
"$slot" create a --model m -q 2>/dev/null
"$slot" create b --model m --device gpu-rocm profile=rocm-moe -q 2>/dev/null
run "$profile" list --format '{name} {used-by}'
like 'the slot that names it' "$out" '*rocm-moe b*'
like 'and the one that gets it' "$out" '*vulkan a*'
run "$profile" show rocm-moe --json
rc_is 'show' 0
like 'MTP comes first' "$out" '*"resolved_flags": "--spec-type draft-mtp*-fa on -ctk q4_0*'
run "$profile" show rokm
rc_is 'an unknown profile' 2
like 'its nearest' "$err" '*did you mean rocm?*'
printf '[profile.mine]\nimage = "localhost/x:1"\nbackend = "vulkan"\n' >"$etc/profiles.toml"
run "$profile" list --format '{name} {used-by}' -q
is 'a file replaces the catalog' "$out" 'mine a'
run "$profile" list --json
like 'JSON tells which it is' "$out" '*"catalog": "profiles.toml"*'
run "$slot" show b
rc_is 'a slot whose profile went' 3
like 'is told where it names it' "$err" "*slots/b.toml:*profile: no profile 'rocm-moe'*"
printf '[profile.old]\nflags = "-b 1"\n' >"$etc/profiles.toml"
run "$profile" list
rc_is 'a profile without image' 3
like 'says what is missing' "$err" '*profiles.toml:1:*profile.old.image: missing*'
run "$slot" set a idle_timeout_s=60
rc_is 'which does not stop unrelated edits' 0
rm "$etc/profiles.toml"

# ---- capabilities ----
run "$cap" list --format '{capability} {enabled}'
is 'capabilities of an empty box' "$out" "$(printf '%s false\n' embed.embed embed.rerank voice.stt \
  voice.tts img.img vision.vision)"
"$slot" create rerank --type reranking --model rr -q 2>/dev/null
printf 'schema_version = 2\n[selections.embed.rerank]\nmodel = "rr"\nenabled = true\n' \
  >"$etc/capabilities.toml"
run "$cap" show rerank --json
like 'the slot by its other name' "$out" '*"slot": "rerank"*"agrees": true*'
printf '[selections.embed.rerank]\nbackend = "rocm"\nmodel = "rr2"\nenabled = true\n' \
  >"$etc/capabilities.toml"
run "$cap" show rerank --json
like 'a first-version file is understood' "$out" '*"device": "gpu-rocm"*"agrees": false*'
run "$cap" show chat
rc_is 'chat is none' 2
like 'and lives elsewhere' "$err" '*lives in its slots*'
run "$cap" show embed.rerannk
like 'the nearest' "$err" '*did you mean embed.rerank?*'
printf 'selections = 3\n' >"$etc/capabilities.toml"
run "$cap" list
rc_is 'a broken file' 3
like 'is placed' "$err" '*capabilities.toml:1:14: selections: table expected*'

# ---- schemas ----
run "$conf" schema --format '{name}'
is 'the schemas' "$out" "$(printf '%s\n' slot profiles capabilities hal0 upstreams hardware apply)"
for s in $out; do
  run "$conf" schema "$s"
  rc_is "schema $s" 0
  printf '%s' "$out" >"$tmp/$s.json"
  ok "$s is JSON of draft 7" sh -c "jq -e '.\"\$schema\" == \"http://json-schema.org/draft-07/schema#\" \
    and .type == \"object\"' <'$tmp/$s.json'"
done
ok 'devices are an enumeration' sh -c "jq -e '.properties.device.enum | index(\"gpu-vulkan\")' \
  <'$tmp/slot.json'"
run "$conf" schema slto
rc_is 'no such schema' 2

tap_done
