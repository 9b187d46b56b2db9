#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# scripts/fuzz: its options; and every target is built, has a corpus and is a test.
. "$HAL0_SOURCE/test/tap.sh"
fuzz=$HAL0_SOURCE/scripts/fuzz
run "$fuzz" -h
is "-h: exit code" "$rc" 0
like "-h: says how" "$out" 'usage: fuzz *'
for bad in "--seconds x" "--seconds 0" "-j" "--nothing" "no-such-target"; do
  # shellcheck disable=SC2086 # words
  run "$fuzz" $bad
  is "$bad: exit code" "$rc" 2
done
run "$fuzz" --list
is "--list: exit code" "$rc" 0
for name in $out; do
  grep -q "FUZZ_TARGET(\"$name\"" "$HAL0_SOURCE/test/fuzz/fuzz-$name.c"
  is "$name says its name" $? 0
  is "$name has a corpus" "$(find "$HAL0_SOURCE/test/fuzz/corpus/$name" -type f | head -n 1 | wc -l)" 1
  grep -qw "'$name'" "$HAL0_SOURCE/test/fuzz/meson.build"
  is "$name is a test" $? 0
done
tap_done
