#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# scripts/quickstart for real: build, install, image, model, slot, answer; again; undo. Prefix,
# configuration and slot are its own, so that the machine's hal0 is not touched.
. "$HAL0_SOURCE/test/tap.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
for t in podman meson ninja apt-get; do
  command -v $t >/dev/null || skip_all "$t is not installed"
done
slot=qs-primary second=qs-second
image=localhost/hal0-quickstart-test:cpu had=localhost/hal0-quickstart-had:cpu
prefix=$tmp/usr home=$tmp/home
tap_cleanup() {
  podman rm --force --time 1 "hal0-slot-$slot" "hal0-slot-$second" >/dev/null 2>&1
  podman rmi --force "$image" "$had" >/dev/null 2>&1
  rm -rf "$tmp"
}
quickstart() {
  run "$HAL0_SOURCE/scripts/quickstart" --prefix "$prefix" --home "$home" --no-install "$@"
  [ "$rc" = 0 ] || printf '%s\n%s\n' "$out" "$err" | sed 's/^/# /'
}
# What stands below the prefix and the home, without logs, locks and quickstart's own notes.
tree() {
  find "$prefix" "$home" -type f ! -path '*/quickstart/*' ! -name '*.log' ! -name '*.lock' \
    -printf '%p %s %T@\n' | sort
}

# There before the first run, so not quickstart's.
mkdir -p "$prefix/share" "$home/etc/hal0"
printf '[slots]\nidle_timeout_s = 0\n' >"$home/etc/hal0/hal0.toml"

quickstart --slot $slot --image $image
rc_is "from nothing to an answer" 0
like "the answer is the model's" "$out" "*$slot> Hello! This is a hal0 slot: one model, one container, one port. Everything works.*"
like "it says what the machine is" "$out" "*hal0 probe * s  *, *: device *
*container image*"
like "it says how to undo" "$out" "*scripts/quickstart --undo --home $home*"
ok "programs are installed" test -x "$prefix/bin/hal0-slot"
ok "the probe's file is there" test -s "$home/etc/hal0/hardware.json"
ok "capabilities.toml too" grep -q '^schema_version = 2' "$home/etc/hal0/capabilities.toml"
ok "the image is there" podman image exists $image
run env HAL0_HOME="$home" "$prefix/bin/hal0" slot list --format '{name} {state}' --no-header
is "the slot is ready" "$out" "$slot ready"

tree >"$tmp/before"
id=$(podman container inspect --format '{{.Id}}' "hal0-slot-$slot")
quickstart --slot $slot --image $image
rc_is "a second run" 0
like "answers again" "$out" "*$slot> Hello!*"
tree >"$tmp/after"
ok "and leaves every file as it was" diff "$tmp/before" "$tmp/after"
is "and the container too" "$(podman container inspect --format '{{.Id}}' "hal0-slot-$slot")" "$id"

# A second slot, from an image that is there, its file edited afterwards.
podman tag $image $had
quickstart --slot $second --image $had
rc_is "another slot" 0
like "answers" "$out" "*$second> Hello!*"
printf '\n# a remark of mine\n' >>"$home/etc/hal0/slots/$second.toml"

quickstart --undo
rc_is "undo" 0
like "an edited slot file is kept, and that is said" "$out" "*kept *slots/$second.toml, which has been edited*"
is "no container" "$(podman ps --all --quiet --filter "name=hal0-slot-$slot" --filter "name=hal0-slot-$second")" ""
run podman image exists $image
rc_is "no image" 1
ok "but the one from before" podman image exists $had
is "nothing below the prefix but what was there" "$(find "$prefix" | sed "s|^$prefix||" | paste -s)" "	/share"
is "of the configuration what is not its own" \
  "$(find "$home" -type f ! -path '*/.*' | sort | sed "s|^$home/||" | paste -s -d ' ')" \
  "etc/hal0/hal0.toml etc/hal0/slots/$second.toml"
ok "with the edit" grep -q "a remark of mine" "$home/etc/hal0/slots/$second.toml"
is "of the state nothing" "$(find "$home/var-lib" "$home/run" 2>/dev/null)" ""
quickstart --undo
rc_is "undo with nothing to undo" 0

rm -rf "$home"
mkdir -p "$prefix/bin"
printf 'not ours\n' >"$prefix/bin/hal0"
quickstart
rc_is "somebody else's programs below the prefix" 1
like "are named" "$err" "*$prefix/bin/hal0 is there and not from quickstart*"
is "and left alone" "$(cat "$prefix/bin/hal0")" "not ours"
run "$HAL0_SOURCE/scripts/quickstart" --undo --home "$home"
rc_is "undo after a run that failed" 0
is "leaves nothing" "$(find "$home" 2>/dev/null)" ""
is "but what is not its own" "$(cat "$prefix/bin/hal0")" "not ours"
tap_done
