#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2016 # the fakes' variables are their own
# What hal0-slot tells systemd, and what it makes of the answers. The systemctl and the podman of
# this test are FAKES, scripts that play a part; real ones meet in test/e2e/systemd.sh.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
command -v jq >/dev/null || skip_all "jq is not installed"

slot=$HAL0_BUILD/cmd/hal0-slot
export HAL0_HOME="$tmp/home"
unset HAL0_MODEL_STORE HAL0_PODMAN_TIMEOUT NOTIFY_SOCKET
etc=$HAL0_HOME/etc/hal0 dir=$HAL0_HOME/run/hal0/slots/a
mkdir -p "$etc/slots" "$HAL0_HOME/var-lib/hal0/models"
"$HAL0_BUILD/scripts/tiny-gguf" "$HAL0_HOME/var-lib/hal0/models/tiny.gguf" >/dev/null
cat >"$etc/slots/a.toml" <<'TEXT'
port = 8138
type = "llm"
device = "cpu"
image = "localhost/hal0-fake:1"
[model]
default = "tiny"
TEXT
id=$(printf '%064d' 7)
cat >"$tmp/podman" <<TEXT
#!/bin/sh
echo "podman \$*" >>"$tmp/calls"
case \$1 in
ps) echo "[]" ;;
image | rm) exit 0 ;;
*) [ ! -e "$tmp/broken" ] || { echo "Error: no space left on device" >&2; exit 125; }
  echo 4242 >"$tmp/home/run/hal0/slots/a/conmon.pid"
  echo $id ;;
esac
TEXT
# A systemd that starts units at once, in the environment systemd would give them; its state is in
# files that the test writes.
cat >"$tmp/systemctl" <<TEXT
#!/bin/sh
echo "systemctl \$*" >>"$tmp/calls"
[ ! -e "$tmp/refuses" ] || { echo "Failed to \$1 unit: Access denied" >&2; exit 4; }
case \$1 in
show) cat "$tmp/state" ;;
start | restart)
  [ ! -e "$tmp/dead" ] || exit 0
  sed -i 's/^ActiveState=.*/ActiveState=activating/; s/^SubState=.*/SubState=start/' "$tmp/state"
  NOTIFY_SOCKET=/nowhere "$slot" run a >"$tmp/unit.out" 2>"$tmp/unit.err" </dev/null & ;;
is-enabled) cat "$tmp/enabled" ;;
esac
TEXT
chmod 755 "$tmp/podman" "$tmp/systemctl"
export HAL0_PODMAN="$tmp/podman" HAL0_SYSTEMCTL="$tmp/systemctl"
state() { # ACTIVE SUB RESULT JOB STALE
  printf 'LoadState=%s\nActiveState=%s\nSubState=%s\nResult=%s\nJob=%s\nNeedDaemonReload=%s\n' \
    "${load:-loaded}" "$1" "$2" "${3:-success}" "${4:-}" "${5:-no}" >"$tmp/state"
}
calls() { # what was asked of both, without the looks
  grep -v ' show \| ps \| image ' "$tmp/calls" | sed 's/ --runtime [a-z]*//; s/\(podman [a-z]*\).*/\1/' | paste -s -d ';' -
}
begin() {
  rm -f "$tmp/broken" "$tmp/refuses" "$tmp/dead"
  : >"$tmp/calls"
}
unit=hal0-slot@a.service

# ---- start ----
state inactive dead
begin
run "$slot" start a --no-wait --json
rc_is 'start' 0
is 'the unit is started, and podman by it' "$(calls)" \
  "systemctl reset-failed $unit;systemctl start --no-block $unit;podman run"
like 'podman is told who watches' "$(cat "$tmp/calls")" '*run --detach --sdnotify=ignore --cgroups=no-conmon --name hal0-slot-a*'
is 'the container is the one that podman named' "$(jq -r .extra.container "$HAL0_HOME/var-lib/hal0/slots/a/state.json")" "$id"
is 'no order is left' "$(find "$dir" -name 'order*' -o -name 'answer*')" ''
state failed failed exit-code
begin
run "$slot" start a --no-wait
rc_is 'a unit that has failed is started again' 0
state activating auto-restart exit-code
begin
run "$slot" start a --no-wait
rc_is 'so is one between two tries' 0
like 'at once' "$(calls)" "*systemctl restart --no-block $unit*"
state inactive dead success '' yes
begin
run "$slot" start a --no-wait
is 'a unit file that is newer than what systemd knows' "$rc $(calls)" \
  "0 systemctl daemon-reload;systemctl reset-failed $unit;systemctl start --no-block $unit;podman run"

# ---- what goes wrong ----
state inactive dead
begin
touch "$tmp/broken"
run "$slot" start a
rc_is 'podman fails in the unit' 7
like 'in its words' "$err" '*podman run: no space left on device*'
like 'which the journal has, too' "$(cat "$tmp/unit.err")" '*no space left on device*'
is 'and state.json' "$(jq -r .state "$HAL0_HOME/var-lib/hal0/slots/a/state.json")" error
state inactive dead
begin
touch "$tmp/dead"
run "$slot" start a --json
rc_is 'a unit that does not come as far as podman' 7
is 'has a code' "$(printf %s "$err" | jq -r '.error.code,.error.details.unit' | paste -s -d ' ' -)" "slot.spawn_failed $unit"
like 'says where to look' "$err" "*journalctl -u $unit*"
is 'no order is left, either' "$(find "$dir" -name 'order*' -o -name 'answer*')" ''
load=masked state inactive dead
begin
run "$slot" start a
rc_is 'a masked unit' 4
like 'says what to do' "$err" "*systemctl unmask $unit*"
state inactive dead
begin
touch "$tmp/refuses"
run "$slot" start a
rc_is 'systemd refuses' 7
like 'in its words' "$err" '*Access denied*'
HAL0_SYSTEMCTL=$tmp/nowhere run "$slot" start a
rc_is 'there is no such systemctl' 7
like 'says which call' "$err" '*systemctl show*'
begin
HAL0_SYSTEMCTL='' run "$slot" start a --no-wait
is 'without units podman is called' "$rc $(calls)" '0 podman run'
like 'as ever' "$(cat "$tmp/calls")" '*run --detach --name hal0-slot-a*'

# ---- stop ----
state inactive dead
begin
run "$slot" stop a --json
is 'nothing runs' "$rc $(printf %s "$out" | jq .changed) $(calls)" '0 false '
state activating auto-restart exit-code
cat >"$tmp/systemctl-stops" <<TEXT
#!/bin/sh
[ \$1 != stop ] || printf 'ActiveState=failed\nSubState=failed\n' >"$tmp/state"
exec "$tmp/systemctl" "\$@"
TEXT
chmod 755 "$tmp/systemctl-stops"
begin
HAL0_SYSTEMCTL=$tmp/systemctl-stops run "$slot" stop a --json
is 'a unit between two tries is stopped' "$rc $(printf %s "$out" | jq .changed) $(calls)" \
  "0 true systemctl stop --no-block $unit;systemctl reset-failed $unit"

# ---- boot ----
state inactive dead
echo disabled >"$tmp/enabled"
begin
run "$slot" enable a --json
is 'enable makes the unit follow a file that says so already' "$rc $(printf %s "$out" | jq .changed) $(calls)" \
  "0 true systemctl is-enabled $unit;systemctl enable --quiet $unit"
echo enabled >"$tmp/enabled"
begin
run "$slot" enable a --json
is 'a second one changes nothing' "$rc $(printf %s "$out" | jq .changed) $(calls)" "0 false systemctl is-enabled $unit"
begin
run "$slot" disable a --dry-run --json
is 'disable --dry-run writes nothing' "$rc $(printf %s "$out" | jq .changed) $(calls)" '0 true '
begin
run "$slot" disable a --json
is 'disable' "$rc $(printf %s "$out" | jq .changed) $(calls)" \
  "0 true systemctl is-enabled $unit;systemctl disable --quiet $unit"
echo disabled >"$tmp/enabled"
begin
run "$slot" set a enabled=true -q
is 'set follows' "$rc $(calls)" "0 systemctl is-enabled $unit;systemctl enable --quiet $unit"
echo enabled >"$tmp/enabled"
begin
run "$slot" set a --unset model.default -q
is 'a slot that has nothing to load does not start at boot' "$rc $(calls)" \
  "0 systemctl is-enabled $unit;systemctl disable --quiet $unit"
begin
run "$slot" delete a --yes -q
is 'nor does one that is deleted' "$rc $(calls)" "0 systemctl is-enabled $unit;systemctl disable --quiet $unit"
touch "$tmp/refuses"
run "$slot" create b --model tiny --device cpu --image localhost/hal0-fake:1
rc_is 'systemd refuses' 7
like 'says what is done and what is not' "$err" '*slot b: its file is as wanted, its unit is not*Access denied*'
ok 'the file is there' test -e "$etc/slots/b.toml"

# ---- in a unit ----
run "$slot" run --end ../etc
rc_is 'a name that is none' 2
rm -f "$tmp/refuses"
begin
run "$slot" run --end b
is 'nothing to end' "$rc $(calls)" '0 '
run "$slot" run --end b --dry-run --json
rc_is 'run --end --dry-run' 0
tap_done
