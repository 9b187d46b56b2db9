#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `hal0-route serve` beside HAProxy that routes by the model in the body, to the same slot, turn by
# turn: requests per second at 32 and 256 connections, the median at one, CPU per request.
# Rows as in bench.h; a figure holds when it is at most its bar, so rates are shown as times.
set -eu
for t in wrk haproxy jq; do
  command -v $t >/dev/null 2>&1 || PATH=$PATH:/usr/sbin
  command -v $t >/dev/null 2>&1 || {
    echo "serve: $t is not installed" >&2
    exit 8
  }
done
dir=$(mktemp -d "${TMPDIR:-/tmp}/hal0-bench.XXXXXX")
pids=
cleanup() {
  for p in $pids; do kill "$p" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap cleanup EXIT
export HAL0_HOME="$dir/home"
mkdir -p "$HAL0_HOME/etc/hal0/slots"
slot=8167 front=8168 proxy=8169
printf 'name = "bench"\ntype = "llm"\nport = %s\ndevice = "cpu"\n[model]\ndefault = "m"\n' $slot \
  >"$HAL0_HOME/etc/hal0/slots/bench.toml"
cat >"$dir/haproxy.cfg" <<CFG
global
  nbthread $(nproc)
  tune.bufsize 65536
  maxconn 2000
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
  option http-no-delay
frontend f
  bind 127.0.0.1:$proxy
  http-request wait-for-body time 10s
  http-request set-var(txn.model) req.body,json_query('\$.model')
  http-request deny deny_status 404 unless { var(txn.model) -m str bench m }
  default_backend slot
backend slot
  http-reuse always
  server s 127.0.0.1:$slot
CFG
"$HAL0_BUILD/test/bench/bench-upstream" $slot &
pids="$pids $!"
"$HAL0_BUILD/cmd/hal0-route" serve --port $front --no-load --quiet &
ours=$!
haproxy -db -f "$dir/haproxy.cfg" >"$dir/haproxy.log" 2>&1 &
theirs=$!
pids="$pids $ours $theirs"
cat >"$dir/post.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"messages":[{"role":"user","content":"' .. string.rep("x", 400) .. '"}],"model":"bench"}'
done = function(s, l, r)
  io.write(string.format("R %.1f %.1f %d\n", s.requests / s.duration * 1e6, l:percentile(50),
    s.errors.connect + s.errors.read + s.errors.write + s.errors.status + s.errors.timeout))
end
LUA
for p in $front $proxy; do
  n=0
  until curl -s -o "$dir/out" "http://127.0.0.1:$p/v1/chat/completions" -d '{"model":"bench"}'; do
    n=$((n + 1))
    [ $n -lt 50 ] || exit 7
    sleep 0.1
  done
  grep -q "xxxx" "$dir/out" || {
    cat "$dir/out" "$dir/haproxy.log" >&2
    exit 7
  }
done
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; } # of 10 ms
one() { # NAME PORT PID CONNECTIONS
  _before=$(ticks "$3")
  _r=$(wrk -t 1 -c "$4" -d "${BENCH_SECONDS:-1}" -s "$dir/post.lua" \
    "http://127.0.0.1:$2/v1/chat/completions" | sed -n 's/^R //p')
  _after=$(ticks "$3")
  echo "$_r $((_after - _before))" >>"$dir/$1.$4"
}
for c in 1 32 256; do
  for _ in 1 2 3 4 5; do
    one ours $front $ours $c
    one theirs $proxy $theirs $c
  done
done
median() { sort -n | sed -n 3p; }
col() { cut -d ' ' -f "$2" "$dir/$1" | median; }
cpu() { awk -v s="${BENCH_SECONDS:-1}" '{ printf "%.2f\n", $4 * 10000 / ($1 * s) }' "$dir/$1" | median; }
bad=$(cat "$dir"/ours.* | awk '{ n += $3 } END { print n + 0 }')
[ "$bad" = 0 ] || {
  echo "serve: $bad requests failed" >&2
  exit 7
}
row() { printf '%s\t%s\t%s\t%s\t%s\n' "$@"; }
row "serve, median at 1" "$(col ours.1 2)" "$(awk -v v="$(col theirs.1 2)" 'BEGIN { print v * 1.1 }')" us \
  "HAProxy: $(col theirs.1 2) us"
for c in 32 256; do
  o=$(col ours.$c 1) t=$(col theirs.$c 1)
  row "serve, time per request at $c" "$(awk -v v="$o" 'BEGIN { printf "%.2f", 1e6 / v }')" \
    "$(awk -v v="$t" 'BEGIN { printf "%.2f", 1e6 / v }')" us "$o requests/s, HAProxy $t"
  row "serve, CPU per request at $c" "$(cpu ours.$c)" "$(cpu theirs.$c)" us "HAProxy: $(cpu theirs.$c) us"
done
row "serve, memory after it" "$(awk '/^VmHWM/ { print $2 }' /proc/$ours/status)" 20480 KiB \
  "HAProxy: $(awk '/^VmHWM/ { print $2 }' /proc/$theirs/status) KiB"
