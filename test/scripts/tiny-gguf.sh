#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
. "$HAL0_SOURCE/test/tap.sh"
gen=$HAL0_BUILD/scripts/tiny-gguf

for kind in chat embed rerank; do
  ok "$kind: written" "$gen" --kind $kind --context 256 "$tmp/$kind.gguf"
  is "$kind: magic" "$(head -c 4 "$tmp/$kind.gguf")" GGUF
  is "$kind: version 3" "$(od -An -tu4 -j4 -N4 "$tmp/$kind.gguf" | tr -d ' ')" 3
done
"$gen" --say "one two" "$tmp/a"
"$gen" --say "one two" "$tmp/b"
"$gen" --say "one three" "$tmp/c"
ok "the same request gives the same bytes" cmp "$tmp/a" "$tmp/b"
cmp -s "$tmp/a" "$tmp/c"
is "another sentence gives others" $? 1
ok "every word of the sentence is a piece" grep -qa "one.*three" "$tmp/c"
run "$gen" --say "again and again and again and again" "$tmp/d"
rc_is "a sentence that repeats itself" 0
run "$gen" --say "$(seq -s ' ' 1 2000)" "$tmp/d"
rc_is "a sentence longer than the most pieces" 0

run "$gen" --kind chta "$tmp/x"
rc_is "unknown kind" 2
run "$gen" --width 33 "$tmp/x"
rc_is "width that heads do not divide" 2
run "$gen"
rc_is "no file" 2
run "$gen" /dev/full
rc_is "a full disk" 6
run "$gen" "$tmp/no/such/dir"
rc_is "no directory" 6
like "and it says where" "$err" "tiny-gguf: $tmp/no/such/dir: No such file*"
tap_done
