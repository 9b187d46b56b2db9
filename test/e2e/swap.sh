#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-slot swap: another model, or the old one again; file and container say the same, whenever
# the command dies. Real podman, a real llama-server.
. "$HAL0_SOURCE/test/e2e/real.sh"
p1=${HAL0_TEST_PORT:-9125}
needs curl jq
needs_image "$image"

export HAL0_HOME="$tmp/home"
unset HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE
etc=$HAL0_HOME/etc/hal0 a=swap-a jobs=
tap_cleanup() {
  for _p in $jobs; do kill -9 "$_p" 2>/dev/null; done
  podman rm --force --time 0 "hal0-slot-$a" >/dev/null 2>&1
  rm -rf "$tmp"
}
hal0_slot=$HAL0_BUILD/cmd/hal0-slot
slot() {
  run "$hal0_slot" "$@"
}
model_of() { # podman: what the container was started with; file: what the file says
  case $1 in
  podman) podman inspect -f '{{index .Config.Labels "io.hal0.model"}}' hal0-slot-$a 2>/dev/null ;;
  file) sed -n 's/^default = "\(.*\)".*/\1/p' "$etc/slots/$a.toml" ;;
  esac
}
says() {
  curl -sf -m 60 "http://127.0.0.1:$p1/v1/chat/completions" \
    -H "Authorization: Bearer $(cat "$HAL0_HOME/var-lib/hal0/keys/$a")" \
    -d '{"messages":[{"role":"user","content":"hi"}]}' | jq -r '.choices[0].message.content'
}
id() {
  podman inspect -f '{{.Id}}' hal0-slot-$a 2>/dev/null
}
models=$HAL0_HOME/var-lib/hal0/models
mkdir -p "$etc/slots" "$models"
chmod 755 "$tmp"
for m in one two; do "$HAL0_BUILD/scripts/tiny-gguf" --say "I am $m." "$models/$m.gguf" >/dev/null; done
LC_ALL=C sed '0,/llama/s//xlama/' "$models/one.gguf" >"$models/odd.gguf"
printf '[slots]\nport_range_start = %s\nport_range_end = %s\n' "$p1" "$p1" >"$etc/hal0.toml"
cat >"$etc/slots/$a.toml" <<TEXT
# the one everybody uses
port = $p1
type = "llm"
device = "cpu"
image = "$image"
[model]
default = "one"   # not two
context_size = 1024
TEXT
cp "$etc/slots/$a.toml" "$tmp/first"

# ---- there and back ----
slot swap $a two
rc_is "swap of a slot that does not run" 0
is "starts it with the model" "$(says)" "I am two."
slot swap $a one --json
rc_is "swap of one that runs" 0
is "changes it" "$(printf %s "$out" | jq -c '[.changed,.items[0].state]') $(says)" '[true,"ready"] I am one.'
ok "the file is as it was, with its comments" cmp "$tmp/first" "$etc/slots/$a.toml"
first=$(id)
slot swap $a one --json
rc_is "the model it has" 0
is "changes nothing" "$(printf %s "$out" | jq -c .changed) $(id)" "false $first"
slot swap $a two --dry-run
rc_is "--dry-run" 0
like "shows the file and both commands" "$out" '*-default = "one"*+default = "two"*podman rm * hal0-slot-'$a'*podman *run * --alias two *'
is "and changes nothing" "$(id) $(model_of file)" "$first one"

# ---- what can be found wrong beforehand ----
for bad in nothing /nowhere/x.gguf ''; do
  slot swap $a "$bad"
  ok "a model that is not there ('$bad')" test "$rc" != 0
done
echo '{"memory":{"budget_mib":1,"binding_limit":"physical-ram"}}' >"$etc/hardware.json"
slot swap $a two
rc_is "one that does not fit" 1
like "says so" "$err" "*does not fit: it needs *"
slot swap $a two --dry-run
rc_is "--dry-run does too" 1
rm "$etc/hardware.json"
is "the old one serves as if nothing had been" "$(id) $(says)" "$first I am one."
ok "its file too" cmp "$tmp/first" "$etc/slots/$a.toml"

# ---- what the server finds ----
slot swap $a odd
rc_is "a model that does not load" 3
like "says why, and what runs now" "$err" "*runs its old model one again*unknown model architecture*"
is "the old one serves again" "$(says)" "I am one."
ok "the file is as it was" cmp "$tmp/first" "$etc/slots/$a.toml"
is "state.json says so" "$(jq -r '[.state,.model_id]|join(" ")' "$HAL0_HOME/var-lib/hal0/slots/$a/state.json")" "ready one"
slot swap $a odd --json
is "with --json" "$(printf %s "$err" | tail -n 1 | jq -r .error.details.rolled_back)" true
slot swap $a odd --no-rollback
rc_is "--no-rollback" 3
is "leaves the file, and no container" "$(model_of file)$(id)" odd
slot stop $a
slot swap $a odd
rc_is "of one that did not run" 3
is "nothing runs afterwards" "$(id)" ""
cp "$tmp/first" "$etc/slots/$a.toml"

# ---- somebody edits the file meanwhile: the edit stays ----
slot start $a
cat >"$tmp/podman" <<SH
#!/bin/sh
for w; do [ "\$w" != run ] || printf '\n[_meta]\nby = "me"\n' >>"$etc/slots/$a.toml"; done
exec podman "\$@"
SH
chmod 755 "$tmp/podman"
run env HAL0_PODMAN="$tmp/podman" "$hal0_slot" swap $a odd
rc_is "edited while the new model loaded" 3
is "the model is put back" "$(model_of file) $(says)" "one I am one."
like "the edit stays" "$(cat "$etc/slots/$a.toml")" '*by = "me"*'
cp "$tmp/first" "$etc/slots/$a.toml"

# ---- killed at any moment ----
ended() { # SESSION: none of it is there but the container, whose monitor has one of its own
  ! pgrep -s "$1"
}
apart=
turn=0
for ms in 010 060 110 160 210 260 310 360 410 460; do
  turn=$((turn + 1))
  slot start $a
  next=two
  [ "$(model_of file)" = one ] || next=one
  setsid "$hal0_slot" swap $a $next >/dev/null 2>&1 </dev/null &
  swapper=$!
  jobs="$jobs $swapper"
  sleep 0.$ms
  kill -9 $swapper 2>/dev/null
  wait $swapper 2>/dev/null
  until_true ended $swapper # a podman it had started ends what it began
  runs=$(model_of podman)
  [ -z "$runs" ] || [ "$runs" = "$(model_of file)" ] || apart="$apart $ms: $runs/$(model_of file)"
done
is "killed after 10 to 460 ms: never one model in the file and another in the container" "$apart" ""
slot start $a
rc_is "a start goes on from there" 0
is "with what the file says" "$(model_of podman)" "$(model_of file)"

# ---- two at once ----
"$hal0_slot" swap $a one >/dev/null 2>&1 </dev/null &
swapper=$!
slot swap $a two
wait $swapper
is "two swaps at once end with one of them" "$(model_of podman)" "$(model_of file)"
slot stop $a
is "no booking is left" "$(jq -c .bookings "$HAL0_HOME/run/hal0/ledger.json")" "[]"

# ---- bad input ----
slot swap $a
rc_is "no model" 2
slot swap no-such two
rc_is "no such slot" 2
tap_done
