#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `hal0-route serve` beside HAProxy and a Go proxy that route by the model in the body, to the same
# slot, turn by turn: requests per second at 32 and 256 connections, what is added to the median at
# one, CPU per request. A figure is the median over the rounds of a quotient within one round, so
# that a machine that is busy for a while slows all sides of it.
# Rows as in bench.h; a figure holds when it is at most its bar, so times are compared, not rates.
set -eu
rounds=${BENCH_ROUNDS:-9}
for t in wrk haproxy jq taskset; do
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
slot=8167 ours=8168 haproxy=8169 go=8170 # ports
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
  bind 127.0.0.1:$haproxy
  http-request wait-for-body time 10s
  http-request set-var(txn.model) req.body,json_query('\$.model')
  http-request deny deny_status 404 unless { var(txn.model) -m str bench m }
  default_backend slot
backend slot
  http-reuse always
  server s 127.0.0.1:$slot
CFG
start() { # COMMAND...: its process id in $pid
  "$@" >>"$dir/log" 2>&1 &
  pid=$!
  pids="$pids $pid"
}
start "$HAL0_BUILD/test/bench/bench-upstream" $slot
slot_pid=$pid
start "$HAL0_BUILD/cmd/hal0-route" serve --port $ours --no-load --quiet
ours_pid=$pid
start haproxy -db -dR -f "$dir/haproxy.cfg"
haproxy_pid=$pid
start "$HAL0_BUILD/test/bench/bench-proxy-go" $go $slot
go_pid=$pid
cat >"$dir/post.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"messages":[{"role":"user","content":"' .. string.rep("x", 400) .. '"}],"model":"bench"}'
done = function(s, l, r)
  io.write(string.format("R %.1f %.1f %d\n", s.requests / s.duration * 1e6, l:percentile(50),
    s.errors.connect + s.errors.read + s.errors.write + s.errors.status + s.errors.timeout))
end
LUA
for p in $slot $ours $haproxy $go; do
  n=0
  until curl -s -o "$dir/out" "http://127.0.0.1:$p/v1/chat/completions" -d '{"model":"bench"}'; do
    n=$((n + 1))
    [ $n -lt 50 ] || {
      cat "$dir/log" >&2
      exit 7
    }
    sleep 0.1
  done
  grep -q "xxxx" "$dir/out" || {
    cat "$dir/out" "$dir/log" >&2
    exit 7
  }
done

# One line per run: NAME CONNECTIONS ROUND REQUESTS/s P50-us CPU-us-PER-REQUEST ERRORS
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; } # of 10 ms
one() { # NAME CONNECTIONS ROUND [COMMAND...]: wrk below the command
  _name=$1 _conns=$2 _round=$3
  shift 3
  case $_name in
  slot) _port=$slot _pid=$slot_pid ;;
  ours) _port=$ours _pid=$ours_pid ;;
  haproxy) _port=$haproxy _pid=$haproxy_pid ;;
  go) _port=$go _pid=$go_pid ;;
  esac
  _before=$(ticks "$_pid")
  _r=$("$@" wrk -t 1 -c "$_conns" -d 1 -s "$dir/post.lua" \
    "http://127.0.0.1:$_port/v1/chat/completions" | sed -n 's/^R //p')
  _after=$(ticks "$_pid")
  echo "$_name $_conns $_round $_r $((_after - _before))" |
    awk '{ print $1, $2, $3, $4, $5, $7 * 10000 / $4, $6 }' >>"$dir/runs"
}
round=0
while [ $round -lt "$rounds" ]; do
  round=$((round + 1))
  order="ours haproxy go"
  [ $((round % 2)) = 0 ] || order="go haproxy ours"
  for c in 32 256; do
    for name in $order; do
      # three times as slow: a few rounds tell
      if [ "$name" != go ] || [ "$round" -le 5 ]; then one "$name" $c "$round"; fi
    done
  done
done
# With one connection all take turns, and the median tells which cores the system chose: one for all.
for p in "$slot_pid" "$ours_pid" "$haproxy_pid"; do taskset -a -p -c 0 "$p" >>"$dir/log"; done
round=0
while [ $round -lt 5 ]; do
  round=$((round + 1))
  for name in slot ours haproxy; do one "$name" 1 "$round" taskset -c 0; done
done
bad=$(awk '{ n += $7 } END { print n + 0 }' "$dir/runs")
[ "$bad" = 0 ] || {
  echo "serve: $bad requests failed" >&2
  exit 7
}

column() { # NAME CONNECTIONS FIELD: "ROUND VALUE" by round
  awk -v n="$1" -v c="$2" -v f="$3" '$1 == n && $2 == c { print $3, $f }' "$dir/runs" | sort
}
median() { sort -n | awk '{ v[NR] = $1 } END { printf "%.4g\n", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
mid() { column "$@" | cut -d ' ' -f 2 | median; }
quotient() { # NAME OTHER CONNECTIONS FIELD: the median of NAME/OTHER, round by round
  column "$1" "$3" "$4" >"$dir/a"
  column "$2" "$3" "$4" >"$dir/b"
  join "$dir/a" "$dir/b" | awk '{ print $2 / $3 }' | median
}
row() { printf '%s\t%s\t%s\t%s\t%s\n' "$@"; }
added() { # NAME: us above the slot itself
  column "$1" 1 5 >"$dir/a"
  column slot 1 5 >"$dir/b"
  join "$dir/a" "$dir/b" | awk '{ print $2 - $3 }' | median
}
for c in 32 256; do
  row "serve, time/request at $c" "$(quotient haproxy ours $c 4)" 1 x \
    "$(mid ours $c 4) requests/s, HAProxy $(mid haproxy $c 4); load $(cut -d ' ' -f 1 /proc/loadavg)"
  row "serve, time/request, Go, at $c" "$(quotient go ours $c 4)" 0.3333 x \
    "Go: $(mid go $c 4) requests/s"
  row "serve, CPU/request at $c" "$(quotient ours haproxy $c 6)" 1 x \
    "$(mid ours $c 6) us, HAProxy $(mid haproxy $c 6) us"
done
theirs=$(added haproxy)
row "serve, added to the median at 1" "$(added ours)" "$(awk -v v="$theirs" 'BEGIN { print v * 1.1 }')" us \
  "HAProxy adds $theirs us, all on one core"
row "serve, CPU/request at 1" "$(quotient ours haproxy 1 6)" 1 x \
  "$(mid ours 1 6) us, HAProxy $(mid haproxy 1 6) us"
row "serve, memory after it" "$(awk '/^VmHWM/ { print $2 }' /proc/$ours_pid/status)" 20480 KiB \
  "HAProxy: $(awk '/^VmHWM/ { print $2 }' /proc/$haproxy_pid/status) KiB"
