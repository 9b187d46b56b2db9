#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `hal0-model pull` beside curl, from one https server on loopback to memory, and with a checksum beside
# what it takes to do the same by hand; `hal0-model verify` beside sha256sum. Times are quotients of ours by theirs within one round, medians over the rounds:
# a machine that is busy slows both. The peak of memory is that of a large file over a small one's.
set -eu
rounds=${BENCH_ROUNDS:-5}
for t in curl openssl python3 sha256sum; do
  command -v $t >/dev/null 2>&1 || {
    echo "model: $t is not installed" >&2
    exit 8
  }
done
dir=$(mktemp -d "${TMPDIR:-/tmp}/hal0-bench.XXXXXX")
ram=$(mktemp -d /dev/shm/hal0-bench.XXXXXX 2>/dev/null) || ram=$dir
server=
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$dir" "$ram"
}
trap cleanup EXIT
trap 'exit 1' HUP INT PIPE TERM
export HAL0_HOME="$ram/home"
store=$HAL0_HOME/var-lib/hal0/models
mkdir -p "$store" "$dir/hub"
mb=${BENCH_MB:-1000}
"$HAL0_BUILD/scripts/tiny-gguf" "$dir/hub/small.gguf" >/dev/null
{ cat "$dir/hub/small.gguf"; head -c "${mb}000000" /dev/zero; } >"$dir/hub/large.gguf"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$dir/key" -out "$dir/cert" -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost 2>/dev/null
python3 "$HAL0_SOURCE/test/cli/hub.py" "$dir/hub" "$dir/cert" "$dir/key" &
server=$!
until [ -e "$dir/hub/port" ]; do sleep 0.1; done
at=https://localhost:$(cat "$dir/hub/port")/ok
now() { date +%s%N; }
pull() { # NAME [OPTION...]
  _name=$1
  shift
  "$HAL0_BUILD/cmd/hal0-model" pull --quiet --ca-file "$dir/cert" "$@" "$at/$_name.gguf"
}
theirs() { curl -sS --cacert "$dir/cert" -o "$ram/theirs" "$at/large.gguf"; }
sum=$(sha256sum "$dir/hub/large.gguf" | cut -d ' ' -f 1)
checked() { pull large --sha256 "$sum"; }
theirs_checked() { theirs && echo "$sum  $ram/theirs" | sha256sum --check --quiet && sync "$ram/theirs"; }
clear_all() { rm -f "$store"/* "$ram/theirs"; }
quotient() { # OURS THEIRS BEFORE: two commands, turn by turn, each after a third
  "$3"
  "$1" && "$2"
  n=0
  while [ $n -lt "$rounds" ]; do
    "$3"
    a=$(now)
    "$1"
    b=$(now)
    "$3"
    c=$(now)
    "$2"
    d=$(now)
    echo "$a $b $c $d" |
      awk '{printf "%.4f %.3f %.3f\n", ($2 - $1) / ($4 - $3), ($2 - $1) / 1e9, ($4 - $3) / 1e9}'
    n=$((n + 1))
  done | sort -n | awk '{l[NR] = $0} END {print l[int((NR + 1) / 2)]}'
}
row() { printf '%s\t%s\t%s\t%s\t%s\n' "$@"; }
plain() { pull large; }
# shellcheck disable=SC2046 # three words
set -- $(quotient plain theirs clear_all)
row "model pull / curl" "$1" 1.0526 x "$mb MB: $2 s, $3 s; load $(cut -d ' ' -f 1 /proc/loadavg)"
rounds=3
# shellcheck disable=SC2046
set -- $(quotient checked theirs_checked clear_all)
row "model pull, checked / curl, sha256sum, sync" "$1" 1.0526 x "$mb MB: $2 s, $3 s"
# A server that holds short answers back until it hears an acknowledgement must not cost 40 ms.
small() {
  clear_all
  a=$(now)
  pull small
  b=$(now)
  echo "$a $b" | awk '{ print ($2 - $1) / 1e6 }'
}
row "model pull of half a megabyte" "$(for _ in 1 2 3 4 5 6 7; do small; done | sort -n | sed -n 4p)" 40 ms \
  "from fork to exit, with a TLS handshake"
peak() { # NAME: KiB
  rm -f "$store"/*
  python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' \
    "$HAL0_BUILD/cmd/hal0-model" pull --quiet --ca-file "$dir/cert" "$at/$1.gguf"
}
small=$(peak small) large=$(peak large)
row "model pull, more memory" "$(echo "$large $small" | awk '{print ($1 - $2) / 1024}')" 4 MiB \
  "$large KiB beside $small KiB"
(cd "$store" && sha256sum large.gguf >large.gguf.sha256)
verify() { "$HAL0_BUILD/cmd/hal0-model" verify large >/dev/null; }
sums() { sha256sum "$store/large.gguf" >/dev/null; }
# shellcheck disable=SC2046
set -- $(quotient verify sums true)
row "model verify / sha256sum" "$1" 1.1111 x "$mb MB: $2 s, $3 s"
