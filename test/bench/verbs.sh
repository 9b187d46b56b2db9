#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The peak of memory of every verb, as its examples call it (test/cli/examples.sh runs all of them, with
# a podman that stands in). Verbs that speak HTTP carry the HTTP library: they are beside curl.
set -eu
for t in jq python3 git curl unshare; do
  command -v $t >/dev/null 2>&1 || {
    echo "verbs: $t is not installed" >&2
    exit 8
  }
done
dir=$(mktemp -d "${TMPDIR:-/tmp}/hal0-bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT PIPE TERM
preload=$HAL0_BUILD/test/bench/libbench-rss.so
run() { LD_PRELOAD=$preload BENCH_RSS=$dir/peaks "$@"; }
from=$(date +%s)
run bash "$HAL0_SOURCE/test/cli/examples.sh" >"$dir/tap" 2>&1 || {
  grep -v '^ok' "$dir/tap" >&2
  exit 7
}
took=$(($(date +%s) - from))
[ -s "$dir/peaks" ] || { # skipped
  cat "$dir/tap" >&2
  exit 0
}
run curl -s -o "$dir/out" http://127.0.0.1:9/ || true # nobody answers there: its own weight
row() { printf '%s\t%s\t%s\t%s\t%s\n' "$@"; }
mib() { awk -v k="$1" 'BEGIN { printf "%.3g", k / 1024 }'; }
# "KIB PROGRAM VERB" of the largest; "CALLS VERBS"
largest() { sort -rn | head -n 1 | cut -d ' ' -f 1-3; }
counts() { awk '{ n++; v[$2 " " $3] } END { for (i in v) k++; print n, k }'; }
grep -v ' curl ' "$dir/peaks" >"$dir/ours"
for kind in 0 1; do
  grep " $kind\$" "$dir/ours" >"$dir/kind" || continue
  read -r kib program verb <<<"$(largest <"$dir/kind")"
  read -r calls verbs <<<"$(counts <"$dir/kind")"
  case $kind in
  0) row "memory: any verb" "$(mib "$kib")" 8 MiB "$program $verb; $verbs verbs, $calls calls in $took s" ;;
  1)
    theirs=$(grep ' curl ' "$dir/peaks" | largest | cut -d ' ' -f 1)
    row "memory: any verb that asks a server" "$(mib "$kib")" "$(mib $((theirs * 11 / 10)))" MiB \
      "$program $verb, the largest of $verbs; curl itself: $(mib "$theirs") MiB"
    ;;
  esac
done
