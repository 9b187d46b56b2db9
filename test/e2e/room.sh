#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Memory is given away once: the ledger, refusal, --evict, --force, max_slots. Real podman, a real
# llama-server, and a hardware.json that says how little there is.
. "$HAL0_SOURCE/test/e2e/real.sh"
p1=${HAL0_TEST_PORT:-9110}
needs curl jq
needs_image "$image"

export HAL0_HOME="$tmp/home"
unset HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE
etc=$HAL0_HOME/etc/hal0 ledger=$HAL0_HOME/run/hal0/ledger.json
a=room-a b=room-b c=room-c
jobs=
tap_cleanup() {
  for _p in $jobs; do kill -9 "$_p" 2>/dev/null; done
  for _s in $a $b $c; do podman rm --force --time 0 "hal0-slot-$_s" >/dev/null 2>&1; done
  rm -rf "$tmp"
}
slot() {
  run "$HAL0_BUILD/cmd/hal0-slot" "$@"
}
runs() { # the slots whose containers run, in order
  podman ps --filter name=^hal0-slot-room- --format '{{.Names}}' | sed 's/.*-//' | sort | tr -d '\n'
}
booked() {
  jq -r '.bookings[].slot' "$ledger" 2>/dev/null | sed 's/.*-//' | sort | tr -d '\n'
}
ask() { # SLOT PORT [MORE]
  curl -sf -m 300 "http://127.0.0.1:$2/v1/chat/completions" \
    -H "Authorization: Bearer $(cat "$HAL0_HOME/var-lib/hal0/keys/$1")" \
    -d "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]${3:-}}" >/dev/null
}
mkdir -p "$etc/slots" "$HAL0_HOME/var-lib/hal0/models"
chmod 755 "$tmp"
"$HAL0_BUILD/scripts/tiny-gguf" "$HAL0_HOME/var-lib/hal0/models/tiny.gguf" >/dev/null
# one that can be kept at work for a while
"$HAL0_BUILD/scripts/tiny-gguf" --context 65536 "$HAL0_HOME/var-lib/hal0/models/long.gguf" >/dev/null
range="port_range_start = $p1
port_range_end = $((p1 + 2))"
printf '[slots]\n%s\n' "$range" >"$etc/hal0.toml"
port=$p1
for s in $a $b $c; do
  printf 'port = %s\ntype = "llm"\ndevice = "cpu"\nimage = "%s"\n[model]\ndefault = "tiny"\ncontext_size = 1024\n[server]\nextra_args = "--cache-ram 0"\n' \
    "$port" "$image" >"$etc/slots/$s.toml"
  port=$((port + 1))
done
pool() { # BYTES of memory there shall be
  printf '{"memory":{"budget_mib":%s,"binding_limit":"physical-ram"}}\n' "$(($1 >> 20))" >"$etc/hardware.json"
}
sed -i 's/"tiny"/"long"/; s/= 1024/= 65536/' "$etc/slots/$a.toml"
slot fit $b --json
need=$(printf %s "$out" | jq .total_bytes)
pool 1073741824
slot start $a

# ---- refused, with the figures ----
slot start $b
rc_is "two that fit" 0
is "both are in the ledger" "$(booked)" ab
ask $a "$p1" # it takes more once it has worked
slot fit $c --json
need=$(printf %s "$out" | jq .total_bytes) # better known by now: by what the others took
pool $(($(printf %s "$out" | jq .others_bytes) + 1048576)) # what they really take, and a little
slot start $c
rc_is "a third does not" 1
like "it says what it needs, what is left, which limit binds, and who has the rest" "$err" \
  "*$c does not fit: it needs * of * are left (physical-ram)*$a *$b *--evict*--force*"
slot start $c --json
is "with a code and the numbers" \
  "$(printf %s "$err" | jq -c '.error|[.code,.details.binding_limit,(.details.need_bytes|tonumber)]')" \
  "[\"slot.does_not_fit\",\"physical-ram\",$need]"
slot start $c --dry-run
rc_is "--dry-run says the same" 1
is "nothing of it is left: no container, no booking" "$(runs) $(booked)" "ab ab"
slot start $a
rc_is "who runs already is not asked again" 0

# ---- --evict: the least recently used, and only that ----
sleep 1.1
ask $a "$p1"
slot start $c --evict --dry-run --json
rc_is "--evict --dry-run" 0
is "names whom it would unload: not the one just used" \
  "$(printf %s "$out" | jq -c "[.items[0].evicted,(.commands[\"$c\"]|length)]")" "[[\"$b\"],2]"
is "and unloads nobody" "$(runs)" ab
slot start $c --evict --json
rc_is "--evict" 0
is "names them too" "$(printf %s "$out" | jq -c '.items[0].evicted')" "[\"$b\"]"
is "it runs in their place" "$(runs) $(booked)" "ac ac"

# ---- never one that serves, never one that is pinned ----
# Two long answers: when one is over the other is begun, and both are not before the test.
at_work() {
  for _i in 1 2; do
    ask $a "$p1" ',"ignore_eos":true,"max_tokens":60000' &
    jobs="$jobs $!"
  done
  # shellcheck disable=SC2016
  until_true eval 'curl -s -m 10 -H "Authorization: Bearer $(cat "$HAL0_HOME/var-lib/hal0/keys/$a")" "http://127.0.0.1:$p1/slots" |
    jq -e "any(.[]; .is_processing)"'
}
at_work
printf 'idle_timeout_s = 0\n%s\n' "$(cat "$etc/slots/$c.toml")" >"$etc/slots/$c.toml"
slot start $b --evict
rc_is "one serves, the other is pinned: none is unloaded" 1
like "and it says so" "$err" "*unloading idle slots would not be enough*"
is "both run on" "$(runs)" ac
slot start $b --force
rc_is "--force starts it all the same" 0
like "and says what that means" "$err" "*does not fit and is started all the same*"
slot stop --timeout 1s $a $b $c
is "the ledger is empty when nothing runs" "$(booked)" ""

# ---- reap: the idle, by their own time ----
pool 1073741824
idle() { # SLOT SECONDS: its idle_timeout_s
  sed -i /idle_timeout_s/d "$etc/slots/$1.toml"
  printf 'idle_timeout_s = %s\n%s\n' "$2" "$(cat "$etc/slots/$1.toml")" >"$etc/slots/$1.toml"
}
idle $a 600
idle $b 600
slot start $a $b $c
slot reap --json
rc_is "reap, when all have just started" 0
is "unloads none" "$(printf %s "$out" | jq -c .changed)" false
idle $a 2
idle $b 4
at_work
i=0
while [ $i -lt 9 ]; do # to be asked is not to be used
  i=$((i + 1))
  slot reap --dry-run
  sleep 0.4
done
sleep 0.7
slot reap --dry-run --json
is "--dry-run: one is at work, one idle, one is kept for ever" \
  "$(printf %s "$out" | jq -c '[.items[]|[.changed,.idle_timeout_s,(.message|split(":")[0])]]')" \
  '[[false,2,"kept"],[true,4,"would be unloaded, idle for '"$(printf %s "$out" | jq '.items[1].idle_s')"' s"],[false,0,"kept"]]'
is "and unloads none" "$(runs)" abc
mkdir -p "$HAL0_HOME/run/hal0/slots/$b"
idle $b 15
touch "$HAL0_HOME/run/hal0/slots/$b/used"
slot reap
is "one that the router has just used is kept" "$(runs)" abc
touch -d '1 minute ago' "$HAL0_HOME/run/hal0/slots/$b/used"
reaped() { # it has started less than a quarter of a minute ago, maybe
  slot reap
  [ "$(runs)" != abc ]
}
until_true reaped
rc_is "reap" 0
like "says what it unloads" "$err" "*$b: unloaded, idle for * s*"
is "the others run on" "$(runs) $(booked)" "ac ac"
slot reap
is "and then has nothing to say" "$out$err" ""
slot stop --timeout 1s $a $c
sed -i /idle_timeout_s/d "$etc/slots/"*.toml

# ---- a request for a slot that has no room ----
slot start $b
slot fit $c --json
pool $(($(printf %s "$out" | jq .others_bytes) + need / 2))
for evict in "" --evict; do
  # shellcheck disable=SC2086 # none, or one
  "$HAL0_BUILD/cmd/hal0-route" serve --port $((p1 + 9)) $evict >/dev/null 2>&1 &
  router=$!
  jobs="$jobs $router"
  until_true curl -sf "http://127.0.0.1:$((p1 + 9))/health"
  run curl -s -m 120 "http://127.0.0.1:$((p1 + 9))/v1/chat/completions" \
    -d '{"model":"'$c'","messages":[{"role":"user","content":"hi"}]}'
  kill $router
  wait $router 2>/dev/null
  if [ -z "$evict" ]; then
    is "the router says that it does not fit" "$(printf %s "$out" | jq -r .error.code)" slot.does_not_fit
  else
    is "and with --evict makes room: it is answered" "$(printf %s "$out" | jq -r '.choices|length')" 1
    is "by a slot in the place of the other" "$(runs)" c
  fi
done
slot stop $c

# ---- two at once ----
pool $((need + need / 2))
sold=
for i in 1 2 3; do
  "$HAL0_BUILD/cmd/hal0-slot" start -q $c >/dev/null 2>"$tmp/a" </dev/null &
  first=$!
  slot start $b
  second=$rc
  rc=0
  wait $first || rc=$?
  sold="$sold $((rc + second))"
  slot stop $c $b
done
is "of two starts at once for the memory of one, one gets it each time" "$sold" " 1 1 1"

# ---- bookings of the dead ----
cat >"$tmp/podman" <<'SH'
#!/bin/sh
for w; do [ "$w" != run ] || { echo x >"$HAL0_TEST_MARK"; while [ -e "$HAL0_TEST_MARK" ]; do sleep 0.1; done; exit 1; }; done
exec podman "$@"
SH
chmod 755 "$tmp/podman"
export HAL0_TEST_MARK="$tmp/mark"
HAL0_PODMAN="$tmp/podman" "$HAL0_BUILD/cmd/hal0-slot" start -q $c >/dev/null 2>&1 </dev/null &
starter=$!
jobs="$jobs $starter"
until_file "$tmp/mark"
is "while podman runs it is booked" "$(booked)" c
slot start $b
rc_is "so another is refused" 1
like "who is starting" "$err" "*$c * (starting)*"
kill -9 $starter
wait $starter 2>/dev/null
slot start $b
rc_is "the booking of a killed start is worth nothing" 0
is "and is gone" "$(booked)" b
rm -f "$tmp/mark"
slot stop $b
echo '{"boot": 7, "bookings": [{"slot": "../x"}, 3, {"slot": "'$c'", "pid": 1, "host_bytes": -1}]' >"$ledger"
slot start $b
rc_is "a ledger that makes no sense counts as empty" 0
is "and is written anew" "$(booked)" b
slot stop $b

# ---- max_slots ----
pool 1073741824
printf '[slots]\n%s\nmax_slots = 1\n' "$range" >"$etc/hal0.toml"
slot start $c
rc_is "one slot of one" 0
slot start $b
rc_is "max_slots is reached" 1
like "it says so" "$err" "*allows 1 slots at once*max_slots*--evict*"
slot start $b --evict
rc_is "--evict makes room for it" 0
is "by unloading the other" "$(runs)" b
tap_done
