#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Moving an image on: tried beside a running slot, then switched; or left alone, with the reason.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"

[ "$(id -u)" = 0 ] || skip_all 'needs root'
command -v podman >/dev/null || skip_all 'podman is not installed'
base=${HAL0_TEST_IMAGE:-localhost/hal0-llama:cpu}
podman image exists "$base" || skip_all "there is no image $base (scripts/build-image makes it)"
# shellcheck source=test/e2e/registry.sh
. "$HAL0_SOURCE/test/e2e/registry.sh"
registry_start

profile=$HAL0_BUILD/cmd/hal0-profile
slot=$HAL0_BUILD/cmd/hal0-slot
s=md-e2e-up
export HAL0_HOME="$tmp/home"
chmod 755 "$tmp"
repo=127.0.0.1:$port/hal0-upgrade-test/llama
# shellcheck disable=SC2317
tap_cleanup() {
  podman rm --force --time 1 "hal0-slot-$s" "hal0-slot-$s-trial" >/dev/null 2>&1 || :
  registry_stop
  registry_forget
  rm -rf "$tmp"
}

push() { # LINES: a new image behind the tag v1, and not here
  mkdir -p "$tmp/build"
  printf 'FROM %s\nLABEL io.hal0.test=%s\n%b' "$base" "$$" "$1" >"$tmp/build/Containerfile"
  podman build --quiet --tag "$repo:v1" "$tmp/build" >/dev/null
  podman push --quiet --tls-verify=false "$repo:v1" 2>"$tmp/push.log"
  podman rmi --force "$repo:v1" >/dev/null
}
runs() { podman container inspect --format '{{.ImageName}}' "hal0-slot-$s"; }
locked() { "$profile" images --used --format '{image}'; }
no_trial() { ! podman container exists "hal0-slot-$s-trial"; }

mkdir -p "$HAL0_HOME/var-lib/hal0/models"
"$HAL0_BUILD/scripts/tiny-gguf" --say 'It is Paris.' "$HAL0_HOME/var-lib/hal0/models/tiny.gguf" \
  >/dev/null
push 'LABEL io.hal0.version=1\n'
one=$(registry_digest hal0-upgrade-test/llama v1)
"$profile" clone vulkan mine image="$repo:v1" -q
"$slot" create "$s" --model tiny --device cpu --profile mine --ctx 512 -q
"$profile" pull -q 2>/dev/null
"$profile" lock -q
run "$slot" start "$s"
rc_is 'the slot runs' 0
is 'the first image' "$(runs)" "$repo@$one"

run "$profile" upgrade
rc_is 'nothing has moved' 0
like 'and it says so' "$err" '*is the newest*'

push 'LABEL io.hal0.version=2\n'
two=$(registry_digest hal0-upgrade-test/llama v1)
run "$profile" upgrade --dry-run
rc_is 'upgrade --dry-run' 0
like 'shows the lock' "$out" "*+++ b/images.lock.json*+*$two*"
is 'and changes nothing' "$(locked)" "$repo@$one"
run "$profile" upgrade
rc_is 'upgrade' 0
like 'tries it beside the slot' "$err" "*trying it with slot $s on port*"
is 'the lock moved on' "$(locked)" "$repo@$two"
is 'and the slot with it' "$(runs)" "$repo@$two"
ok 'the slot is ready' "$slot" status "$s"
ok 'the trial is gone' no_trial
is 'without a trace' "$(find "$HAL0_HOME" -name '*trial*' ! -name '*.lock')" ''
run "$profile" upgrade --json
rc_is 'upgrade again' 0
like 'changes nothing' "$out" '*"changed": false*'

push 'ENTRYPOINT ["/bin/does-not-exist"]\n'
run "$profile" upgrade
rc_is 'an image that does not come up' 7
like 'stays out' "$err" '*stays as it was*'
is 'the lock stays' "$(locked)" "$repo@$two"
is 'the slot stays' "$(runs)" "$repo@$two"
ok 'and is ready' "$slot" status "$s"
ok 'no trial is left' no_trial

run "$profile" rollback
rc_is 'rollback' 0
is 'to what ran before' "$(locked)" "$repo@$one"
run "$slot" restart "$s"
is 'and the slot follows' "$(runs)" "$repo@$one"
"$slot" stop "$s" -q

tap_done
