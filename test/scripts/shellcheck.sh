#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every shell script of the tree passes shellcheck.
. "$HAL0_SOURCE/test/tap.sh"
command -v shellcheck >/dev/null || skip_all "shellcheck is not installed"
cd "$HAL0_SOURCE" || exit 1

find scripts test .ci -type f ! -path '*/build*/*' >"$tmp/all"
: >"$tmp/sh"
: >"$tmp/bash"
while read -r f; do
  case $(head -n 1 "$f" | tr -d '\0') in
  '#!/bin/sh'*) echo "$f" >>"$tmp/sh" ;;
  '#!/bin/bash'*) echo "$f" >>"$tmp/bash" ;;
  *) case $f in *.sh) echo "$f" >>"$tmp/sh" ;; esac ;;
  esac
done <"$tmp/all"
# tap.sh gives $tmp, $out, $err and $rc, which shellcheck does not follow into. Whole numbers are
# meant to lose their fractions.
for shell in sh bash; do
  xargs -r shellcheck --shell=$shell --external-sources --format=gcc \
    --exclude=SC1090,SC2017,SC2154,SC2317 <"$tmp/$shell" >>"$tmp/said" 2>&1
done
cat "$tmp/sh" "$tmp/bash" >"$tmp/files"
while read -r f; do
  is "$f" "$(grep -F "$f:" "$tmp/said")" ""
done <"$tmp/files"
is "and shellcheck said nothing else" "$(grep -vF -f "$tmp/files" "$tmp/said")" ""
tap_done
