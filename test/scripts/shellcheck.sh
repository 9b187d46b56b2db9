#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every shell script of the tree passes shellcheck.
. "$HAL0_SOURCE/test/tap.sh"
command -v shellcheck >/dev/null || skip_all "shellcheck is not installed"
cd "$HAL0_SOURCE" || exit 1

# tap.sh gives $tmp, $out, $err and $rc, which shellcheck does not follow into.
find scripts test .ci -type f ! -path '*/build*/*' >"$tmp/files"
while read -r f; do
  head -n 1 "$f" | grep -aqE '^#! ?/bin/(ba)?sh' || case $f in *.sh) ;; *) continue ;; esac
  ok "$f" shellcheck --external-sources --shell="$(head -n 1 "$f" | grep -q bash && echo bash || echo sh)" \
    --exclude=SC1090,SC2017,SC2154,SC2317 "$f"
done <"$tmp/files"
tap_done
