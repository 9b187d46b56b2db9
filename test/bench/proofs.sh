#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Figures that are proofs, not speed: counted from what the tests say. What takes many minutes is run
# where BENCH_LONG is set, and is else a row with the command that does it.
set -eu
dir=$(mktemp -d "${TMPDIR:-/tmp}/hal0-bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT PIPE TERM
export HAL0_SHARED="${HAL0_SHARED:-$HAL0_SOURCE/../shared}"
unit=$HAL0_BUILD/test/unit fault=$HAL0_BUILD/test/fault
row() { printf '%s\t%s\t%s\t%s\t%s\n' "$@"; }
tap() { # COMMAND...: its output to $dir/tap; what fails is shown, and ends this with 7 later on
  from=$(date +%s)
  "$@" >"$dir/tap" 2>&1 </dev/null || {
    echo "$*: failed" >&2
    grep -v '^ok' "$dir/tap" >&2 || true
    failed=1
  }
  took=$(($(date +%s) - from))
}
failed=0
passed() { grep -c '^ok' "$dir/tap" || true; }
missed() { grep -c '^not ok' "$dir/tap" || true; }
# The sum of the numbers before a word: "4334 states".
sum() { sed -n "s/.*[^0-9]\\([0-9][0-9]*\\) $1.*/\\1/p" "$dir/tap" | awk '{ n += $1 } END { print n + 0 }'; }
skipped() { grep -q '^1\.\.0' "$dir/tap"; }

# ---- the machine's facts and the fit ----
tap "$unit/test-machines"
skipped || row "machines, facts that are wrong" "$(missed)" 0 '' "of $(passed), seven machines"
tap "$unit/test-fit"
worst() { # PATTERN FIELD
  sed -n "s/^# .*worst KV \\([0-9.]*\\) %, compute \\([0-9.]*\\) %.*/\\1 \\2/p" "$dir/tap" | cut -d ' ' -f "$1" |
    sort -rn | head -n 1
}
rows=$(sed -n 's/^# \(.*\): worst.*/\1/p' "$dir/tap" | paste -s -d ',' | sed 's/,/, /g')
row "fit: KV, the worst" "$(worst 1)" 1 % "what a real server took: $rows"
row "fit: compute buffers, the worst" "$(worst 2)" 15 % "what a real server took: $rows"
row "fit: checks that fail, weights exact" "$(missed)" 0 '' "of $(passed)"

# ---- files ----
tap "$unit/test-toml-suite"
skipped || row "TOML conformance cases that fail" "$(missed)" 0 '' "of $(passed)"
tap "$unit/test-tomledit"
row "TOML edits that lose a byte" "$(missed)" 0 '' "$(passed) checks"
tap "$unit/test-bundles"
row "argv beside its golden files" "$(missed)" 0 '' "of $(passed); 3000 random lines de-duplicated"

# ---- change sets ----
tap "$fault/test-crash"
row "power cuts, states" "$(sum states)" ">=3000" '' "recovery crashed again, twice deep; $took s"
row "power cuts, violations" "$(sum violations)" 0 '' ""
tap "$fault/test-cap-crash"
row "power cuts in a capability, states" "$(sum states)" ">=3000" '' ""
row "power cuts in a capability, violations" "$(sum violations)" 0 '' ""
tap "$fault/test-fsync-needed"
row "fsyncs that nothing needs" "$(missed)" 0 '' "each of $(grep -c 'without fsync' "$dir/tap") left out in turn: something breaks"
tap "$fault/test-errors"
row "injected errors, wrong outcomes" "$(sum wrong)" 0 '' "$(sum faults) faults"
tap "$fault/test-edits"
row "edits by hand lost in a change" "$(grep -v 'cannot be exchanged' "$dir/tap" | sed -n 's/.* \([0-9]*\) lost.*/\1/p' |
  awk '{ n += $1 } END { print n + 0 }')" 0 '' "$(sum runs) runs"

# ---- what takes long ----
# NAME, note; COMMAND: the checks of it that fail
long() {
  name=$1 note=$2
  shift 2
  if [ -z "${BENCH_LONG:-}" ]; then
    row "$name" - 0 '' "$note: $(echo "$*" | sed "s|$HAL0_SOURCE/||g; s|^sh ||")"
    return
  fi
  tap "$@"
  row "$name" "$(missed)" 0 '' "$note; $(sed -n 's/^# \([0-9]* rounds.*\)/\1; /p' "$dir/tap")$took s"
}
long "two cap set and an editor, 1000 times" "checks that fail" sh "$HAL0_SOURCE/test/fault/race.sh" 1000
long "killed at every system call" "checks that fail" sh "$HAL0_SOURCE/test/fault/kill.sh" --all
long "200 gusts of kill -9, 100 starts at once" "checks that fail" sh "$HAL0_SOURCE/test/e2e/storm.sh" 200 2
long "from nothing to the first answer" "checks that fail" sh "$HAL0_SOURCE/test/e2e/quickstart.sh"
[ "$failed" = 0 ] || exit 7
