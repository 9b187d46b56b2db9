#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Slots in a storm: random starts, stops, restarts and swaps at once, while kill -9 hits servers,
# their monitors (conmon) and hal0-slot itself. After each gust a start brings the slot back, and at
# the end nothing is left of it: no container, process, booking, lock or file. Real podman.
#   storm.sh [GUSTS [SEED]]
# In the suite 6 gusts and a crowd of 20; with an argument a crowd of 100. A failure names the seed
# that repeats it.
. "$HAL0_SOURCE/test/e2e/real.sh"
gusts=${1:-6} crowd=${1:+100}
crowd=${crowd:-20}
seed=${2:-1}
p1=${HAL0_TEST_PORT:-9160}
needs curl jq
needs_image "$image"

export HAL0_HOME="$tmp/home"
unset HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE
etc=$HAL0_HOME/etc/hal0 run=$HAL0_HOME/run/hal0
prefix=storm
tap_cleanup() {
  for _s in a b c; do podman rm --force --time 0 "hal0-slot-$prefix-$_s" >/dev/null 2>&1; done
  rm -rf "$tmp"
}
hal0_slot=$HAL0_BUILD/cmd/hal0-slot
mkdir -p "$etc/slots" "$HAL0_HOME/var-lib/hal0/models" "$tmp/log"
chmod 755 "$tmp"
for m in one two; do "$HAL0_BUILD/scripts/tiny-gguf" --say "I am $m." "$HAL0_HOME/var-lib/hal0/models/$m.gguf" >/dev/null; done
printf '[slots]\nport_range_start = %s\nport_range_end = %s\n' "$p1" "$((p1 + 2))" >"$etc/hal0.toml"
port=$p1
for s in a b c; do
  printf 'port = %s\ntype = "llm"\ndevice = "cpu"\nimage = "%s"\n[model]\ndefault = "one"\ncontext_size = 256\n' \
    "$port" "$image" >"$etc/slots/$prefix-$s.toml"
  port=$((port + 1))
done

# One line per gust: a slot, two to four acts (what, and after how many milliseconds), from the seed.
plan() {
  awk -v n="$gusts" -v seed="$seed" 'BEGIN {
    srand(seed)
    split("start start start stop restart swap-one swap-two", verb, " ")
    split("server conmon both hal0 hal0 none", kill, " ")
    split("a b c", slot, " ")
    for (i = 0; i < n; i++) {
      line = slot[1 + int(rand() * 3)]
      acts = 1 + int(rand() * 3)
      for (k = 0; k < acts; k++) line = line " " verb[1 + int(rand() * 7)] ":" int(rand() * 300)
      for (k = 0; k < 2; k++) line = line " kill-" kill[1 + int(rand() * 6)] ":" int(rand() * 500)
      print line
    }
  }'
}
nap() { # MS
  sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"
}
victim() { # SLOT server|conmon: its process id
  case $2 in
  server) cat "$run/slots/$1/pid" ;;
  *) cat "$run/slots/$1/conmon.pid" ;;
  esac 2>/dev/null
}
strike() { # SLOT WHAT
  case $2 in
  both) set -- "$(victim "$1" conmon)" "$(victim "$1" server)" ;;
  hal0)
    # shellcheck disable=SC2086 # one word each
    set -- $ops
    ;;
  none) return ;;
  *) set -- "$(victim "$1" "$2")" ;;
  esac
  for _p; do [ -z "$_p" ] || kill -9 "$_p" 2>/dev/null; done
}
# A hal0-slot that is not killed ends by itself with an exit code of the list, and within minutes.
act() { # SLOT VERB LOG
  case $2 in
  swap-*) set -- swap "$1" "${2#swap-}" "$3" ;;
  *) set -- "$2" "$1" "" "$3" ;;
  esac
  # shellcheck disable=SC2086 # no third word for most
  exec "$hal0_slot" -q "$1" "$2" $3 >"$4" 2>&1 </dev/null
}
answers() { # PORT SLOT
  curl -sf -m 60 "http://127.0.0.1:$1/v1/models" -H "Authorization: Bearer $(cat "$HAL0_HOME/var-lib/hal0/keys/$2")" >/dev/null
}
port_of() {
  echo $((p1 + $(printf %s "$1" | tr abc 012)))
}
# The moments of a gust in order: "MS WHAT".
moments() {
  for _m; do printf '%s %s\n' "${_m##*:}" "${_m%:*}"; done | sort -n
}
wrong=
gust() { # SLOT ACT:MS...
  s=$prefix-$1 letter=$1 ops='' waits='' now=0
  shift
  moments "$@" >"$tmp/moments"
  rm -f "$tmp/hung"
  while read -r ms what; do
    nap $((ms - now))
    now=$ms
    case $what in
    kill-*) strike "$s" "${what#kill-}" ;;
    *)
      act "$s" "$what" "$tmp/log/$what.$ms" &
      waits="$waits $!:$what.$ms"
      ops="$ops $!"
      ;;
    esac
  done <"$tmp/moments"
  (
    i=0
    while [ ! -e "$tmp/over.$n" ]; do
      sleep 0.2
      i=$((i + 1))
      [ $i -ge 900 ] || continue
      : >"$tmp/hung"
      # shellcheck disable=SC2086 # one word each
      kill -9 $ops 2>/dev/null
    done
  ) &
  for w in $waits; do
    rc=0
    wait "${w%%:*}" || rc=$?
    case $rc in
    0 | 1 | 3 | 4 | 5 | 6 | 7 | 8) ;;
    137) [ ! -e "$tmp/hung" ] || wrong="$wrong $s:${w#*:} hung;" ;; # else it was struck
    *) wrong="$wrong $s:${w#*:} ended with $rc ($(tail -n 1 "$tmp/log/${w#*:}"));" ;;
    esac
  done
  : >"$tmp/over.$n"
  "$hal0_slot" -q start "$s" >"$tmp/log/back" 2>&1 </dev/null ||
    wrong="$wrong $s does not come back: $(tail -n 1 "$tmp/log/back");"
  answers "$(port_of "$letter")" "$s" || wrong="$wrong $s does not answer;"
  file=$(sed -n 's/^default = "\(.*\)"/\1/p' "$etc/slots/$s.toml")
  runs=$(podman inspect -f '{{index .Config.Labels "io.hal0.model"}}' "hal0-slot-$s" 2>/dev/null)
  [ "$runs" = "$file" ] || wrong="$wrong $s runs '$runs', its file says '$file';"
}
# ---- a crowd at one door ----
pids='' n=0
while [ $n -lt "$crowd" ]; do
  "$hal0_slot" start --json "$prefix-a" >"$tmp/log/crowd.$n" 2>&1 </dev/null &
  pids="$pids $!"
  n=$((n + 1))
done
for p in $pids; do
  wait "$p" || printf '# %s\n' "$(cat "$tmp/log/crowd."*)"
done
is "$crowd starts of one slot at once: all succeed, one has started it" \
  "$(cat "$tmp/log/crowd."* | jq -r '"\(.changed) \(.items[0].state)"' | sort | uniq -c | tr -s ' ' | tr '\n' ',')" \
  " $((crowd - 1)) false ready, 1 true ready,"
is "there is one container" "$(podman ps -a --format '{{.Names}}' | grep -c "^hal0-slot-$prefix-a$")" 1
"$hal0_slot" -q restart $prefix-a >/dev/null 2>&1 </dev/null &
most=0
while [ -e "/proc/$!/status" ]; do
  hwm=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$!/status" 2>/dev/null)
  [ "$(cat "/proc/$!/comm" 2>/dev/null)" != hal0-slot ] || [ "${hwm:-0}" -le "$most" ] || most=$hwm
  sleep 0.01
done
wait $!
ok "a start needs at most 8 MiB of memory ($most KiB)" test "$most" -gt 0 -a "$most" -le 8192

# ---- what podman does not know any more ----
traces() { # CONTAINER: of the runtime
  find /run/runc /run/crun /sys/fs/cgroup -maxdepth 3 -name "*$1*" 2>/dev/null | head -n 2
}
container() {
  podman container inspect -f '{{.Id}}' "hal0-slot-$prefix-a" 2>/dev/null
}
cat >"$tmp/blind" <<'SH'
#!/bin/sh
for w; do [ "$w" != ps ] || { echo '[]'; exit; }; done
exec podman "$@"
SH
chmod 755 "$tmp/blind"
id=$(container)
strike $prefix-a conmon
"$hal0_slot" -q stop $prefix-a
is "a slot without its monitor is stopped: nothing of it is left with the runtime" "$(traces "$id")" ""
"$hal0_slot" -q start $prefix-a
id=$(container)
strike $prefix-a conmon
podman rm --force --time 0 "hal0-slot-$prefix-a" >/dev/null 2>&1
"$hal0_slot" -q start $prefix-a
is "nor when somebody else removed its container" "$(traces "$id")" ""
"$hal0_slot" -q stop $prefix-a
# killed once the runtime has made the container, at the latest when it runs
cat >"$tmp/killed" <<SH
#!/bin/sh
case " \$* " in *" run "*) ;; *) exec podman "\$@" ;; esac
podman "\$@" >/dev/null 2>&1 &
until [ -s "$run/slots/$prefix-a/pid" ] || ! kill -0 \$! 2>/dev/null; do :; done
kill -9 \$!
exit 137
SH
chmod 755 "$tmp/killed"
HAL0_PODMAN=$tmp/killed "$hal0_slot" -q start $prefix-a 2>/dev/null
old=$(victim $prefix-a conmon)
is "a start whose podman is killed leaves no monitor" "$(until_true test ! -e "/proc/${old:-none}"; tr '\0' ' ' <"/proc/$old/cmdline" 2>/dev/null)" ""
is "and no container" "$(container)" ""
"$hal0_slot" -q start $prefix-a
for verb in stop start; do
  old=$(victim $prefix-a server)
  HAL0_PODMAN=$tmp/blind "$hal0_slot" -q $verb $prefix-a
  is "$verb ends a server that podman has forgotten" "$(sed 's/.*) //; s/ .*//; s/Z//' "/proc/$old/stat" 2>/dev/null)" ""
  "$hal0_slot" -q start $prefix-a
done

# ---- the storm ----
plan >"$tmp/plan"
n=0
while read -r line <&3; do
  n=$((n + 1))
  before=$wrong
  # shellcheck disable=SC2086
  gust $line
  [ "$wrong" = "$before" ] || printf '# gust %d (%s):%s\n' $n "$line" "${wrong#"$before"}"
done 3<"$tmp/plan"
is "$n gusts from seed $seed: each time a start brings the slot back" "$wrong" ""

"$hal0_slot" -q stop $prefix-a $prefix-b $prefix-c >/dev/null 2>"$tmp/log/end" </dev/null ||
  printf '# stop: %s\n' "$(cat "$tmp/log/end")"
is "no container is left" "$(podman ps -a --format '{{.Names}}' | grep "^hal0-slot-$prefix-")" ""
left=
for f in /proc/[0-9]*/cmdline; do
  pid=${f#/proc/} pid=${pid%/cmdline}
  case $({ tr '\0' ' ' <"$f"; } 2>/dev/null) in
  *"$HAL0_HOME"*llama-server* | *llama-server*"$HAL0_HOME"* | *conmon*"$HAL0_HOME"*) left="$left $pid" ;;
  esac
done
is "nor a process of one" "$left" ""
is "nor a booking" "$(jq -c .bookings "$run/ledger.json")" "[]"
held=
for f in "$run/ledger.lock" "$run"/slots/*.lock; do flock -n "$f" true || held="$held $f"; done
is "nor a lock that somebody holds" "$held" ""
odd=
for f in $(cd "$HAL0_HOME" && find run var-lib/hal0/slots etc -type f | sed "s/$prefix-[abc]/X/" | sort -u); do
  case $f in
  etc/hal0/.txn/applied | etc/hal0/.txn/lock | etc/hal0/hal0.toml | etc/hal0/slots/X.toml) ;;
  run/hal0/ledger.json | run/hal0/ledger.lock | run/hal0/slots/X.lock) ;;
  run/hal0/slots/X/conmon.pid | run/hal0/slots/X/pid | run/hal0/slots/X/model) ;;
  var-lib/hal0/slots/X/server.log | var-lib/hal0/slots/X/server.log.1 | var-lib/hal0/slots/X/state.json) ;;
  *) odd="$odd $f" ;;
  esac
done
is "nor a file but the ones that belong there" "$odd" ""
is "every slot is offline, and says so" \
  "$(for s in a b c; do jq -r .state "$HAL0_HOME/var-lib/hal0/slots/$prefix-$s/state.json" 2>/dev/null || echo offline; done | sort -u)" offline
tap_done
