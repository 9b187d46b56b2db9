#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# README.md tells the truth where that can be seen: the programs' verbs, the files it names.
. "$HAL0_SOURCE/test/tap.sh"
readme=$HAL0_SOURCE/README.md

for tool in status probe slot profile cap route model conf; do
  told=$(sed -n "s/^| \`hal0-$tool\` |.*| \(.*\) |\$/\1/p" "$readme" | tr -d '`')
  real=$("$HAL0_BUILD/cmd/hal0-$tool" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z][a-z-]*\)  .*/\1/p' |
    paste -s -d ' ')
  is "verbs of hal0-$tool" "$told" "$real"
done
for file in $(grep -o '](\([A-Za-z./-]*\))' "$readme" | tr -d '()]'); do
  ok "$file is there" test -e "$HAL0_SOURCE/$file"
done
grep -o 'scripts/[a-z-]*' "$readme" | sort -u >"$tmp/commands"
while read -r command; do
  ok "$command can be run" test -x "$HAL0_SOURCE/$command"
done <"$tmp/commands"
for option in --undo --prefix --home; do
  ok "README: $option" grep -q -e "$option" "$readme"
  run "$HAL0_SOURCE/scripts/quickstart" --help
  like "quickstart: $option" "$out" "*$option *"
done
is "no trailing blanks" "$(grep -n ' $' "$readme")" ""
tap_done
