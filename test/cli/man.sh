#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every manual page renders without a warning and says what it must.
. "$HAL0_SOURCE/test/tap.sh"
command -v man >/dev/null || skip_all "man is not installed"
[ -e "$HAL0_BUILD/man/hal0.1" ] || skip_all "built without manual pages"
export MANWIDTH=100 LC_ALL=C.UTF-8

for page in "$HAL0_BUILD"/man/*.[157]; do
  name=${page##*/}
  run man --warnings=w -l "$page"
  is "$name: no warning" "$rc $err" "0 "
  like "$name: has its parts" "$out" "*NAME*${name%.*} - *DESCRIPTION*SEE ALSO*"
  if command -v mandoc >/dev/null; then # the other reader; scdoc starts a paragraph more often than needed
    is "$name: mandoc sees no mistake" \
      "$(mandoc -T lint -W warning "$page" 2>&1 | grep -v 'skipping paragraph macro: PP \(empty\|after S[HS]\)$')" ""
  fi
  markup=$(printf '%s\n' "$out" | grep -nE '\*\*|\*--|\\-|(^|[^A-Za-z0-9])_[A-Z]+_')
  is "$name: no markup left" "$markup" ""
done

cat "$HAL0_BUILD"/man/*.scd "$HAL0_SOURCE"/man/*.scd | sed 's/\\_/_/g' >"$tmp/pages"
(cd "$HAL0_SOURCE" && grep -rhoE 'getenv\("[A-Z0-9_]+"\)' lib cmd) | sed 's/.*"\(.*\)".*/\1/' | sort -u >"$tmp/variables"
while read -r variable; do
  [ "$variable" = LISTEN_PID ] || ok "$variable is in a page" grep -qwF "$variable" "$tmp/pages" # goes with LISTEN_FDS
done <"$tmp/variables"

run man -l "$HAL0_BUILD/man/hal0-exit.7"
for code in 0 1 2 3 4 5 6 7 8 9; do
  like "hal0-exit(7): $code" "$out" "*
       $code
*"
done
run man -l "$HAL0_BUILD/man/hal0.1"
like "hal0(1): lists hal0-slot" "$out" "*See hal0-slot(1)*"

# a page that another one names exists, and each is named by hal0(1)
for ref in $(grep -o '\*hal0[a-z.-]*\*([157])' "$tmp/pages" | tr -d '*' | sort -u); do
  section=${ref#*(}
  ok "$ref exists" test -e "$HAL0_BUILD/man/${ref%(*}.${section%)}"
done
front=$(cat "$HAL0_BUILD/man/hal0.1.scd")
for page in "$HAL0_BUILD"/man/hal0?*.[157]; do
  name=${page##*/}
  like "hal0(1) names $name" "$front" "*\*${name%.*}\*(${name##*.})*"
done
tap_done
