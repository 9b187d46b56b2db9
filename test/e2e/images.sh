#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Images against a real registry on loopback: pull, lock, a tag that moves, rollback, a wrong digest,
# an interrupted pull, a registry that is gone.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"

command -v podman >/dev/null || skip_all 'podman is not installed'

profile=$HAL0_BUILD/cmd/hal0-profile
slot=$HAL0_BUILD/cmd/hal0-slot
export HAL0_HOME="$tmp/home"
etc=$HAL0_HOME/etc/hal0
lock=$etc/images.lock.json

# shellcheck source=test/e2e/registry.sh
. "$HAL0_SOURCE/test/e2e/registry.sh"
registry_start
repo=127.0.0.1:$port/hal0-images-test
# shellcheck disable=SC2317
tap_cleanup() {
  registry_stop
  registry_forget
  rm -rf "$tmp"
}

push() { # NAME:TAG CONTENT: an image in the registry, and not here
  mkdir -p "$tmp/build"
  printf '%s' "$2" >"$tmp/build/file"
  [ "$2" != big ] || head -c 120000000 /dev/urandom >"$tmp/build/file"
  printf 'FROM scratch\nLABEL io.hal0.test=%s\nCOPY file /file\n' "$$" >"$tmp/build/Containerfile"
  podman build --quiet --tag "$repo/$1" "$tmp/build" >/dev/null
  podman push --quiet --tls-verify=false "$repo/$1" 2>"$tmp/push.log"
  podman rmi --force "$repo/$1" >/dev/null
}
image() { "$profile" images --used --format "{$1}"; }

push llama:v1 one
one=$(registry_digest hal0-images-test/llama v1)
"$profile" clone vulkan mine image="$repo/llama:v1" -q
"$HAL0_BUILD/scripts/tiny-gguf" "$tmp/m.gguf" >/dev/null
"$slot" create s --model "$tmp/m.gguf" --device cpu --profile mine -q

# ---- pull ----
is 'not here at first' "$(image here)" false
run "$profile" pull --dry-run
rc_is 'pull --dry-run' 0
is 'is podman in the open' "$out" "podman pull --tls-verify=false $repo/llama:v1"
is 'and brings nothing' "$(image here)" false
run "$profile" pull
rc_is 'pull' 0
like 'warns of the tag' "$err" "*warning: $repo/llama:v1 is taken by its tag*"
like 'shows what podman does' "$err" '*Copying blob*'
is 'it is here' "$(image here)" true
is 'with the digest of the registry' "$(image digest)" "$one"
is 'nothing is left lying' "$(find "$HAL0_HOME/var-lib/hal0/pull" -mindepth 1 2>/dev/null)" ''
run "$profile" pull --json
rc_is 'pull again' 0
like 'does nothing' "$out" '*"changed": false*'

# ---- lock ----
run "$profile" images --check --used
rc_is 'the registry has the same' 0
run "$profile" lock --dry-run
like 'lock --dry-run is a diff' "$out" "*+*$repo/llama:v1*$one*"
run "$profile" lock
rc_is 'lock' 0
is 'by digest now' "$(image image)" "$repo/llama@$one"
is 'because of the lock' "$(image source) $(image pinned) $(image here)" 'lock true true'
before=$(cksum <"$lock")
run "$profile" lock --json
like 'lock again changes nothing' "$out" '*"changed": false*'
is 'not a byte' "$(cksum <"$lock")" "$before"
is 'the slot would run just that' "$("$slot" show s --format '{image} {image-from}')" \
  "$repo/llama@$one lock"
run "$slot" argv s
like 'also in its command' "$out" "*--pull=never*$repo/llama@$one*"

# ---- the tag moves ----
push llama:v1 two
two=$(registry_digest hal0-images-test/llama v1)
run "$profile" images --check --used
rc_is 'a moved tag is told' 1
like 'as moved' "$out" '*moved*'
run "$profile" pull --again
rc_is 'pull of what is locked' 0
is 'still runs the old one' "$(image image) $(image here)" "$repo/llama@$one true"
run "$profile" lock --update
rc_is 'lock --update' 0
like 'says that it is not here' "$err" '*hal0 profile pull*'
is 'locked to the new one' "$(image image) $(image here)" "$repo/llama@$two false"
run "$slot" start s
rc_is 'which a slot does not fetch itself' 8
like 'but tells how' "$err" '*hal0 profile pull*'
run "$profile" pull
rc_is 'pull by digest' 0
is 'brings the new one' "$(image here)" true

# ---- back ----
run "$profile" rollback
rc_is 'rollback' 0
is 'the old one, still here' "$(image image) $(image here)" "$repo/llama@$one true"
run "$profile" rollback --json
rc_is 'rollback again' 0
like 'changes nothing' "$out" '*"changed": false*'

# ---- a digest nobody has ----
sed -i "s/$one/sha256:$(printf '%064d' 0)/" "$lock"
run "$profile" pull
rc_is 'a wrong digest' 7
like 'is not there' "$err" '*has no image*'
run "$profile" images --check --used
rc_is 'and is told' 1
printf '{"schema": 1, "images": {"x": {"digest": "sha256:12"}}}' >"$lock"
run "$profile" images
rc_is 'a broken lock' 3
like 'is named' "$err" '*images.lock.json: x: digest*'
rm "$lock"

# ---- interrupted ----
push big:v1 big
"$profile" set mine image="$repo/big:v1" -q
begun() { # something of it lies here
  find "$HAL0_HOME/var-lib/hal0/pull" -mindepth 1 2>/dev/null | grep .
}
half_pulled() { # $pull: its process; the registry says no more
  "$profile" pull -q 2>"$tmp/err" &
  pull=$!
  until begun >/dev/null || ! kill -0 "$pull" 2>/dev/null; do sleep 0.01; done
  kill -STOP "$registry"
}
half_pulled
kill -TERM "$pull"
rc=0
wait "$pull" || rc=$?
kill -CONT "$registry"
is 'a pull that is told to stop dies of it' "$rc" 143
is 'the image is not here' "$(image here)" false
is 'nothing is left lying' "$(find "$HAL0_HOME/var-lib/hal0/pull" -mindepth 1 2>/dev/null)" ''
half_pulled
kill -KILL "$pull"
wait "$pull" 2>/dev/null || :
kill -CONT "$registry"
run "$profile" pull -q
rc_is 'pulled again after a kill' 0
is 'it is here' "$(image here)" true
is 'what the killed one left is swept' \
  "$(find "$HAL0_HOME/var-lib/hal0/pull" -mindepth 1 2>/dev/null)" ''

# ---- no registry ----
registry_forget
registry_stop
run "$profile" pull
rc_is 'an unreachable registry' 7
like 'is named' "$err" "*127.0.0.1:$port cannot be reached*"
run "$profile" lock
rc_is 'nor can a lock be made' 7
run "$profile" images --check --used --format '{registry}'
like 'images goes on without it' "$out" 'unreachable'
"$profile" set mine image=localhost/hal0-none:1 -q
run "$profile" pull --json
rc_is 'what was made here is not pulled' 0
like 'and says so' "$out" '*made on this machine*'

tap_done
