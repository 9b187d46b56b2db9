#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every script that people call says how it is called, and refuses what it does not know before it does
# anything.
. "$HAL0_SOURCE/test/tap.sh"
cd "$tmp" || exit 1
find "$HAL0_SOURCE/scripts" -maxdepth 1 -type f -perm -u+x | sort >"$tmp/scripts"
while read -r script; do
  name=${script##*/}
  for option in -h --help; do
    run "$script" $option
    is "$name $option: exit code" "$rc" 0
    like "$name $option: says how" "$out" "usage: $name *"
    is "$name $option: is no error" "$err" ""
  done
  run "$script" --no-such-option
  is "$name: an option nobody knows: exit code" "$rc" 2
  is "$name: nothing on stdout" "$out" ""
  ok "$name: a message" test -n "$err"
done <"$tmp/scripts"
is "all of them leave nothing here" "$(find . ! -name . ! -name '.*' ! -name scripts)" ""
tap_done
