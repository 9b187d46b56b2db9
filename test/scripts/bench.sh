#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# scripts/bench with benchmarks that stand in: its table, its other forms, its exit codes.
. "$HAL0_SOURCE/test/tap.sh"
command -v jq >/dev/null || skip_all "jq is not installed"
bench=$HAL0_SOURCE/scripts/bench
export BENCH_BUILD="$tmp/build"
mkdir "$tmp/bin" "$BENCH_BUILD"
: >"$BENCH_BUILD/build.ninja"
for tool in ninja apt-cache; do printf '#!/bin/sh\n' >"$tmp/bin/$tool"; done
printf '#!/bin/sh\necho "ii "\n' >"$tmp/bin/dpkg-query"
printf '#!/bin/sh\ncat "%s"\n' "$tmp/introspected" >"$tmp/bin/meson"
chmod +x "$tmp/bin"/*
PATH=$tmp/bin:$PATH
rows() { # NAME EXIT-CODE ROW...: a benchmark
  _name=$1 _rc=$2
  shift 2
  printf '%b\n' "$@" >"$tmp/$_name.rows"
  printf '#!/bin/sh\ncat "%s"\nexit %s\n' "$tmp/$_name.rows" "$_rc" >"$tmp/$_name"
  chmod +x "$tmp/$_name"
}
rows good 0 'fast\t1.5\t3\tms\tas it is' 'many\t6000\t>=3000\t\tstates' 'none lost\t0\t0\t\t'
rows bad 0 'slow\t4\t3\tms\ta | b'
rows long 0 'storm\t-\t0\t\tsh storm.sh 200' 'known\t5\t-\tms\tno bar'
rows broken 3 'half\t1\t2\tms\tbefore it broke'
rows silent 0 ''
names='good bad long broken silent'
for n in $names; do printf '{"name": "%s", "cmd": ["%s"]}\n' "$n" "$tmp/$n"; done | jq -s . >"$tmp/introspected"
line() { printf '%s\n' "$out" | grep "^$1 " | tr -s ' '; }

run "$bench" -h
rc_is "-h" 0
like "says what it can do" "$out" "usage: bench *--markdown*--json*--last*"
run "$bench" --what
rc_is "an option nobody knows" 2
run "$bench" good nonsense
rc_is "a benchmark nobody knows" 2
like "says which there are" "$err" "*nonsense*there are: $names*"
run "$bench" --last
rc_is "the last run, before any" 2
run "$bench" --list
is "their names" "$(printf '%s' "$out" | tr '\n' ' ')" "$names"

run "$bench" good
rc_is "what holds" 0
is "an upper bar" "$(line fast)" "fast 1.5 3 ms 0.50 ok as it is"
is "a lower bar" "$(line many)" "many 6000 >=3000 0.50 ok states"
is "nothing out of nothing" "$(line 'none lost')" "none lost 0 0 ok "
like "when, on what, beside what" "$out" "date: 20*kernel: Linux*processor: *load: *"
like "other benchmarks are not run" "$(line slow)" ""
run "$bench" good bad long
rc_is "what does not hold" 1
is "is marked" "$(line slow)" "slow 4 3 ms 1.33 miss a | b"
is "what was not run is no miss" "$(line storm)" "storm - 0 - sh storm.sh 200"
is "nor is what has no bar" "$(line known)" "known 5 - ms - no bar"
run "$bench" --last --json
rc_is "--last --json" 1
is "numbers" "$(printf %s "$out" | jq -c '.items[1] | [.name, .figure, .bar, .at_least, .unit, .ratio, .holds]')" \
  '["many",6000,3000,true,null,0.5,true]'
is "what was not run has none" "$(printf %s "$out" | jq -c '.items[4] | [.figure, .holds]')" "[null,null]"
is "the machine" "$(printf %s "$out" | jq -c 'has("kernel") and has("load") and .schema == 1')" true
run "$bench" --last --markdown
like "--markdown" "$out" "Measured by *| what | figure | bar *| slow | 4 ms | 3 | 1.33 | miss | a * b |*"
printf 'before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n' >"$tmp/book"
printf '%s\n' "$out" >"$tmp/table"
export BENCH_BOOK="$tmp/book"
run "$bench" --last --write
rc_is "--write" 1
is "what it writes" "$(cat "$tmp/book")" "$(echo before; echo '<!-- figures -->'; cat "$tmp/table"
  echo '<!-- end of figures -->'; echo after)"
echo nothing >"$tmp/book"
run "$bench" --last --write
rc_is "a book without a place for it" 7
run "$bench" --last --markdown
is "every line has the same columns" "$(printf '%s\n' "$out" | sed -n 's/\\|//g; /^|/p' | tr -dc '|\n' | sort -u)" "|||||||"
run "$bench" broken bad
rc_is "a benchmark that fails" 7
like "is named" "$err" "broken failed; see $BENCH_BUILD/bench.log*"
like "the others are run all the same" "$(line slow)" "slow 4 *"
is "what it said before stays" "$(line half)" "half 1 2 ms 0.50 ok before it broke"
run "$bench" silent
rc_is "no figure at all" 7
printf '#!/bin/sh\necho "no compiler"; exit 1\n' >"$tmp/bin/ninja"
run "$bench" good
rc_is "it does not build" 7
like "says why" "$err" "*no compiler*"
tap_done
