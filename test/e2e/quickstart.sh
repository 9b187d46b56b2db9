#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# scripts/quickstart for real: build, install, image, model, slot, answer; again; undo. Prefix,
# configuration and slot are its own, so that the machine's hal0 is not touched.
. "$HAL0_SOURCE/test/tap.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
for t in podman meson ninja apt-get; do
  command -v $t >/dev/null || skip_all "$t is not installed"
done
slot=qs-primary
image=localhost/hal0-quickstart-test:cpu
prefix=$tmp/usr home=$tmp/home
tap_cleanup() {
  podman rm --force --time 1 "hal0-slot-$slot" >/dev/null 2>&1
  podman rmi --force "$image" >/dev/null 2>&1
  rm -rf "$tmp"
}
quickstart() {
  run "$HAL0_SOURCE/scripts/quickstart" --prefix "$prefix" --home "$home" --slot "$slot" \
    --image "$image" --no-install "$@"
  [ "$rc" = 0 ] || printf '%s\n%s\n' "$out" "$err" | sed 's/^/# /'
}
in_prefix() {
  run env HAL0_HOME="$home" "$prefix/bin/hal0" "$@"
}
# What stands below the prefix and the home, without the notes' own build and log.
tree() {
  find "$prefix" "$home" -type f ! -path '*/quickstart/*' ! -name '*.log' ! -name '*.lock' \
    -printf '%p %s %T@\n' | sort
}

quickstart
rc_is "from nothing to an answer" 0
like "the answer is the model's" "$out" "*$slot> Hello! This is a hal0 slot: one model, one container, one port. Everything works.*"
like "it says what the machine is" "$out" "*hal0 probe * s  *, *: device *
*container image*"
like "it says how to undo" "$out" "*scripts/quickstart --undo --home $home*"
ok "programs are installed" test -x "$prefix/bin/hal0-slot"
ok "the probe's file is there" test -s "$home/etc/hal0/hardware.json"
ok "the image is there" podman image exists $image
in_prefix slot list --format '{name} {state}' --no-header
is "the slot is ready" "$out" "$slot ready"

tree >"$tmp/before"
id=$(podman container inspect --format '{{.Id}}' "hal0-slot-$slot")
quickstart
rc_is "a second run" 0
like "answers again" "$out" "*$slot> Hello!*"
tree >"$tmp/after"
ok "and leaves every file as it was" diff "$tmp/before" "$tmp/after"
is "and the container too" "$(podman container inspect --format '{{.Id}}' "hal0-slot-$slot")" "$id"

quickstart --undo
rc_is "undo" 0
run podman container exists "hal0-slot-$slot"
rc_is "no container" 1
run podman image exists $image
rc_is "no image" 1
is "nothing below the prefix" "$(find "$prefix" 2>/dev/null)" ""
is "nothing of configuration and state" "$(find "$home" 2>/dev/null)" ""
quickstart --undo
rc_is "undo with nothing to undo" 0

# What is there before the first run, and what is edited after it, is not quickstart's.
mkdir -p "$prefix/share" "$home/etc/hal0"
printf '[slots]\nidle_timeout_s = 0\n' >"$home/etc/hal0/hal0.toml"
podman tag localhost/hal0-llama:cpu $image 2>/dev/null
had_image=$?
quickstart
rc_is "with a configuration already there" 0
printf '\n# a remark of mine\n' >>"$home/etc/hal0/slots/$slot.toml"
quickstart --undo
rc_is "undo" 0
like "an edited slot file is kept, and that is said" "$out" "*kept *slots/$slot.toml, which has been edited*"
ok "it is there" grep -q "a remark of mine" "$home/etc/hal0/slots/$slot.toml"
is "and the file from before" "$(find "$home" -type f ! -path '*/.*' | sort | sed "s|$home/||" | paste -s)" \
  "etc/hal0/hal0.toml	etc/hal0/slots/$slot.toml"
is "a directory from before" "$(find "$prefix")" "$prefix
$prefix/share"
run podman container exists "hal0-slot-$slot"
rc_is "no container" 1
if [ "$had_image" = 0 ]; then
  ok "an image from before" podman image exists $image
fi

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
