#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every manual page renders without a warning and says what it must.
. "$HAL0_SOURCE/test/tap.sh"
command -v man >/dev/null || skip_all "man is not installed"
[ -e "$HAL0_BUILD/man/hal0.1" ] || skip_all "built without manual pages"
export MANWIDTH=100 LC_ALL=C.UTF-8

for page in "$HAL0_BUILD"/man/*.[157]; do
  name=${page##*/}
  run man --warnings -l "$page"
  is "$name: no warning" "$rc $err" "0 "
  like "$name: has its parts" "$out" "*NAME*${name%.*} - *DESCRIPTION*SEE ALSO*"
  markup=$(printf '%s\n' "$out" | grep -nE '\*\*|\*--|\\-|(^|[^A-Za-z0-9])_[A-Z]+_')
  is "$name: no markup left" "$markup" ""
done

run man -l "$HAL0_BUILD/man/hal0-exit.7"
for code in 0 1 2 3 4 5 6 7 8 9; do
  like "hal0-exit(7): $code" "$out" "*
       $code
*"
done
run man -l "$HAL0_BUILD/man/hal0.1"
like "hal0(1): lists hal0-slot" "$out" "*See hal0-slot(1)*"

# a page that SEE ALSO or FILES names exists; those of programs that are not built do not
awaited=''
for ref in $(cat "$HAL0_BUILD"/man/*.scd "$HAL0_SOURCE"/man/*.scd 2>/dev/null | grep -o '\*hal0[a-z.-]*\*([157])' | tr -d '*' | sort -u); do
  name=${ref%(*}
  section=${ref#*(}
  page=$HAL0_BUILD/man/$name.${section%)}
  case $name in
  hal0-probe | hal0-slot | hal0-profile | hal0-cap | hal0-route | hal0-conf)
    [ -e "$HAL0_BUILD/cmd/$name" ] || continue
    ;;
  esac
  case " $awaited " in
  *" $name "*) ok "$ref is still awaited" test ! -e "$page" ;;
  *) ok "$ref exists" test -e "$page" ;;
  esac
done
tap_done
