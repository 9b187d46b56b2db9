#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Changing the catalog: clone, set, delete, export, import; what is refused leaves no trace.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"

profile=$HAL0_BUILD/cmd/hal0-profile
slot=$HAL0_BUILD/cmd/hal0-slot
export HAL0_HOME="$tmp/home"
etc=$HAL0_HOME/etc/hal0
toml=$etc/profiles.toml
sum() { cksum <"$toml" 2>/dev/null || echo none; }

# ---- clone ----
"$profile" list --json -q | jq -S .items >"$tmp/seeds"
run "$profile" clone vulkan mine --dry-run
rc_is 'clone --dry-run' 0
like 'shows the new profile' "$out" '*+\[profile.mine]*+cloned_from = "vulkan"*'
ok 'and writes nothing' test ! -e "$toml"
run "$profile" clone vulkan mine 'flags=-fa on --threads 16'
rc_is 'clone' 0
"$profile" list --json -q | jq -S '[.items[] | select(.seed)]' >"$tmp/after"
ok 'the first clone keeps every built-in profile as it was' cmp "$tmp/seeds" "$tmp/after"
is 'the clone is changed' "$("$profile" show mine --format '{flags}')" '-fa on --threads 16'
is 'and has the image' "$("$profile" show mine --format '{image}')" \
  "$("$profile" show vulkan --format '{image}')"
before=$(sum)
run "$profile" clone vulkan mine 'flags=-fa on --threads 16' --json
rc_is 'clone again' 0
like 'changes nothing' "$out" '*"changed": false*'
is 'not a byte' "$(sum)" "$before"
run "$profile" clone mine third
rc_is 'a clone of a clone' 0
is 'runs the same program' "$("$profile" show third --format '{runs}')" llama-server
"$profile" clone tts voice -q
"$profile" clone voice voice2 image=localhost/speech:1 -q
is 'also where only the ancestor tells which' "$("$profile" show voice2 --format '{runs}')" kokoro

refused() { # NAME CODE PATTERN ARGS...: fails, says so, leaves the catalog alone
  _name=$1 _rc=$2 _pattern=$3
  shift 3
  _before=$(sum)
  run "$profile" "$@"
  rc_is "$_name" "$_rc"
  like "$_name: says why" "$err" "$_pattern"
  is "$_name: catalog untouched" "$(sum)" "$_before"
}
refused 'clone over another' 4 "*'mine' exists and differs*" clone rocm mine
refused 'clone over a built-in one' 4 '*built-in*clone*' clone rocm vulkan
refused 'clone of nothing' 2 '*did you mean vulkan?*' clone vulkn x
refused 'a bad name' 2 '*profile name*' clone vulkan Bad
refused 'an unknown key' 2 '*did you mean flags?*' clone vulkan x flag=1
refused "a model in the flags" 3 "*--model is the slot's business*" clone vulkan x 'flags=--model m'
refused 'an open quote' 3 '*is opened*' clone vulkan x "flags=-x 'y"
refused 'a blank image' 2 '*image: must not be blank*' clone vulkan x 'image= '

# ---- set ----
run "$profile" set mine backend=vulkan intent='my own · one'
rc_is 'set' 0
like 'UTF-8 stays' "$(cat "$toml")" '*intent = "my own · one"*'
sed -i 's/^\[profile.mine\]$/# my profile\n[profile.mine] # mine/' "$toml"
run "$profile" set mine quant=Q8_0
like 'comments stay' "$(cat "$toml")" '*# my profile
\[profile.mine] # mine*'
before=$(sum)
run "$profile" set mine quant=Q8_0 --json
like 'set again changes nothing' "$out" '*"changed": false*'
is 'not a byte' "$(sum)" "$before"
refused 'set on a built-in one' 4 '*built-in*hal0 profile clone vulkan NAME*' set vulkan flags=
run "$profile" set vulkan flags= --json
like 'its code' "$err" '*"profiles.seed_immutable"*'
refused 'set nothing' 2 '*nothing to set*' set mine
refused 'set on none' 2 '*no profile*' set nobody flags=
refused 'set to what is no class' 2 '*unknown device_class*' set mine device_class=tpu
refused 'unset what is needed' 3 '*image: missing*' set mine --unset image

# ---- in use ----
"$slot" create a --model m --device gpu-vulkan --profile mine -q 2>/dev/null
refused 'delete while used' 4 "*'mine' is used by a*" delete mine --yes
run "$profile" delete mine --yes --json
like 'its code and slots' "$err" '*"profiles.in_use"*"slots":"a"*'
refused 'set that leaves its slot without' 4 "*is used by a: *" set mine backend=rocm
refused 'also by kind' 4 "*is used by a: *" set mine --unset backend device_class=npu

# ---- delete ----
"$slot" set a profile=vulkan -q
refused 'delete asks, and here is nobody' 2 '*--yes*' delete mine
refused 'delete of a built-in one' 4 '*built-in*' delete rocm --yes
run "$profile" delete mine --yes
rc_is 'delete' 0
run "$profile" show mine
rc_is 'it is gone' 2
run "$profile" delete mine --yes --json
rc_is 'delete again' 0
like 'changes nothing' "$out" '*"changed": false*'

# ---- export, import ----
"$profile" export rocm-moe >"$tmp/moe.hal0profile.json"
# sha256 of Python's json.dumps(profile, sort_keys=True), which is what other versions take
is 'the checksum is that of other versions' "$(jq -r .checksum "$tmp/moe.hal0profile.json")" \
  sha256:28939233a92b83b92f9cd7983c741db22834765afb8134e5bf88787d323f11f4
run "$profile" import "$tmp/moe.hal0profile.json"
rc_is 'import of what is there' 0
like 'changes nothing' "$err" '*just so*'
run "$profile" import "$tmp/moe.hal0profile.json" --name moe2 --dry-run
like 'import --dry-run is a diff' "$out" '*+\[profile.moe2]*+mtp = true*'
run "$profile" import - --name moe2 <"$tmp/moe.hal0profile.json"
rc_is 'run gives no stdin' 3
"$profile" import - --name moe2 -q <"$tmp/moe.hal0profile.json"
is 'import from stdin' "$("$profile" show moe2 --format '{resolved-flags}')" \
  "$("$profile" show rocm-moe --format '{resolved-flags}')"
envelope() { # FILTER: the exported file, changed
  jq "$1" "$tmp/moe.hal0profile.json" >"$tmp/e.json"
}
envelope '.profile.flags = "-b 1"'
refused 'import of a changed file' 3 '*checksum: does not fit*' import "$tmp/e.json" --name x
envelope '.schema_version = 2'
refused 'import of a newer one' 3 '*version 2 is newer than 1*' import "$tmp/e.json" --name x
envelope 'del(.name)'
refused 'import without a name' 2 '*give --name*' import "$tmp/e.json"
envelope '.kind = "hal0.stack"'
refused 'import of something else' 3 '*no exported profile*' import "$tmp/e.json"
envelope 'del(.checksum) | .profile.port = 8081'
refused 'import with an unknown key' 3 "*unknown key 'port'*" import "$tmp/e.json" --name x
envelope 'del(.checksum) | del(.profile.image)'
refused 'import without an image' 3 '*image: missing*' import "$tmp/e.json" --name x
envelope 'del(.checksum) | .profile.mtp = "yes"'
refused 'import with a wrong value' 3 '*mtp*' import "$tmp/e.json" --name x
echo 'not json' >"$tmp/e.json"
refused 'import of no JSON' 3 '*e.json:1*' import "$tmp/e.json"
refused 'import of no file' 6 '*No such file*' import "$tmp/none.json"
envelope 'del(.checksum) | .later = {"a": 1} | .name = "hand"'
run "$profile" import "$tmp/e.json"
rc_is 'a file without checksum and with more around it' 0
envelope '.name = "voice"'
refused 'import over another' 4 "*'voice' exists and differs*" import "$tmp/e.json"

run env HAL0_TOOLBOX_IMAGE_VULKAN=--privileged "$profile" show vulkan
rc_is 'an image in the environment that is none' 2
like 'is told with its variable' "$err" '*HAL0_TOOLBOX_IMAGE_VULKAN*--privileged*'

tap_done
