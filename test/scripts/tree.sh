#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What holds for every file of the tree: whose it is, how it ends, what may be run.
. "$HAL0_SOURCE/test/tap.sh"
export LC_ALL=C
cd "$HAL0_SOURCE" || exit 1
git ls-files >"$tmp/all" 2>/dev/null
[ -s "$tmp/all" ] || skip_all "not a clone: git does not list the files"

# Data, and prose that names the licence itself, have no header.
grep -vE '^(COPYING|[A-Z]+\.md|scripts/debian/(copyright|dirs|docs|examples|source/format)|man/.*\.svg|test/(golden|fuzz/corpus)/.*|test/machines/.*\.umockdev)$' \
  "$tmp/all" | sort >"$tmp/ours"
while read -r f; do [ ! -x "$f" ] || echo "$f"; done <"$tmp/ours" >"$tmp/run"
every() { # COMMAND...: for all of them
  tr '\n' '\0' <"$tmp/ours" | xargs -0 "$@"
}
is "each has its licence in the first lines" \
  "$(every grep -m 1 -nH 'SPDX-License-Identifier: GPL-3.0-or-later' | grep -E '^[^:]*:[1-5]:' | cut -d : -f 1 |
    sort | comm -13 - "$tmp/ours")" ""
# (a diff that a test expects has such lines)
is "no line ends with a blank" "$(every grep -nE '[ 	]+$' | grep -v '^test/cli/conf\.sh:')" ""
is "each ends with a line's end" "$(every tail -q -c 1 | tr -d '\n' | wc -c)" 0
# what is sourced has no first line of its own, and is not run
is "who starts with #! can be run, and nobody else" "$(every grep -m 1 -nH '^#!' | grep '^[^:]*:1:' | cut -d : -f 1 |
  sort | comm -3 - "$tmp/run")" ""
is "no build's output" "$(grep -E '\.(o|a|so|gcda|gcno|pyc)$|^build' "$tmp/all")" ""
tap_done
