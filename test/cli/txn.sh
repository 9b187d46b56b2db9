#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-conf check, log, undo, recover: change sets as people meet them.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
conf=$HAL0_BUILD/cmd/hal0-conf
apply=$HAL0_BUILD/test/fault/txn-apply
export HAL0_HOME="$tmp/home"
etc=$HAL0_HOME/etc/hal0
json() { printf %s "$out" | jq -c "$1"; }
errjson() { printf %s "$err" | jq -c "$1"; }

# --- nothing there yet
run "$conf" check
rc_is "check: no directory is no fault" 0
run "$conf" recover
rc_is "recover: no directory, nothing to do" 0
run "$conf" log
rc_is "log: nothing yet" 0
run "$conf" undo
rc_is "undo: nothing to undo is exit 1" 1
like "undo: and says so" "$err" "*no change to undo*"
ok "none of them made anything" test ! -e "$HAL0_HOME"

# --- a first change
run "$apply" "$etc" 'slots/a.toml=name = "a"
port = 8081' 'slots/b.toml=name = "b"
port = 8082'
rc_is "a change of two files" 0
run "$conf" check
rc_is "check: valid" 0
is "check: and silent on stdout" "$out" ""
run "$conf" check --json
is "check --json" "$(json .)" '{"schema":1,"valid":true,"files":2,"generation":1,"items":[]}'
run "$conf" log --json
is "log --json" "$(json '.items[0] | [.generation, .state, .files, .argv[1]]')" \
  "[1,\"applied\",[\"slots/a.toml\",\"slots/b.toml\"],\"$etc\"]"
like "log: the time" "$(json '.items[0].time')" '"20??-??-??T??:??:??Z"'
run "$conf" log
like "log: a table" "$out" "*applied*txn-apply*slots/a.toml*"
run "$conf" log --diff
like "log --diff" "$out" "--- /dev/null
+++ b/slots/a.toml
@@ -0,0 +1,2 @@
+name = \"a\"*"

# --- undo, redo
"$apply" "$etc" 'slots/a.toml=name = "a"
port = 8199' slots/b.toml-
run "$conf" undo --dry-run
rc_is "undo --dry-run" 0
like "undo --dry-run shows the difference" "$out" "*-port = 8199
+port = 8081*+++ b/slots/b.toml*"
ok "undo --dry-run changes nothing" grep -q 8199 "$etc/slots/a.toml"
run "$conf" undo --dry-run --json
is "undo --dry-run --json" "$(json '[.changed, .files, (.diff | length > 50)]')" \
  '[true,["slots/a.toml","slots/b.toml"],true]'
run "$conf" undo
rc_is "undo" 0
is "undo puts both back" "$(cat "$etc/slots/a.toml" "$etc/slots/b.toml" | tr '\n' ' ')" \
  'name = "a" port = 8081 name = "b" port = 8082 '
run "$conf" undo --json
is "undo --json" "$(json .)" '{"schema":1,"changed":true,"files":["slots/a.toml","slots/b.toml"]}'
ok "undo twice is redo" grep -q 8199 "$etc/slots/a.toml"
ok "undo twice removes what was removed" test ! -e "$etc/slots/b.toml"
run "$conf" log --json
is "log: the undo is a change itself" "$(json '.items[0] | [.generation, .argv[1:]]')" '[4,["undo","--json"]]'
echo '# mine' >>"$etc/slots/a.toml"
run "$conf" undo
rc_is "undo: a file edited since is exit 4" 4
like "undo: and it is named" "$err" "*slots/a.toml*edited*"
ok "undo: the edit stays" grep -q '# mine' "$etc/slots/a.toml"
ok "undo: nothing else changed" test ! -e "$etc/slots/b.toml"
run "$conf" undo --json
is "undo: the error as JSON" "$(errjson '[.error.code, .error.details.file]')" \
  '["config.conflict","slots/a.toml"]'

# --- check: what is wrong
printf 'name = "c"\nport = \n' >"$etc/slots/c.toml"
run "$conf" check
rc_is "check: a file that does not parse is exit 3" 3
like "check: with its place on stderr" "$err" "hal0-conf: slots/c.toml:2:*"
like "check: and on stdout" "$out" "*slots/c.toml:2:*"
run "$conf" check --json
rc_is "check --json: exit 3" 3
is "check --json: the finding" "$(json '[.valid, (.items[] | select(.file == "slots/c.toml") | [.level, .line])]')" \
  '[false,["error",2]]'
printf 'name = "c"\ndevice = "gpu-vulcan"\nport = 8090\n' >"$etc/slots/c.toml"
run "$conf" check
rc_is "check: an impossible value is exit 3" 3
like "check: with the nearest one" "$err" "hal0-conf: slots/c.toml:2:10: device: *gpu-vulkan*"
rm "$etc/slots/c.toml"
: >"$etc/slots/Big.toml"
: >"$etc/slots/.a.toml.01234567.hal0~"
echo 'x = 1' >"$etc/slots/a.toml.hal0-new"
run "$conf" check
rc_is "check: things that want attention are exit 1" 1
like "check: a name that is no slot's" "$out" "*slots/Big.toml*ignored*"
like "check: a leftover" "$out" "*slots/.a.toml.01234567.hal0~*interrupted*"
like "check: a change that waits to be merged" "$out" "*slots/a.toml.hal0-new*merge*"
rm "$etc/slots/Big.toml" "$etc/slots/a.toml.hal0-new"

# --- recover
run "$conf" recover --dry-run
rc_is "recover --dry-run" 0
like "recover --dry-run: says what" "$out" "*swept*.a.toml.01234567.hal0~*"
ok "recover --dry-run removes nothing" test -e "$etc/slots/.a.toml.01234567.hal0~"
run "$conf" recover --json
is "recover --json: leftovers" "$(json '[.changed, .generation, .swept]')" \
  '[true,null,["slots/.a.toml.01234567.hal0~"]]'
run "$conf" recover
rc_is "recover: nothing left to do" 0
is "recover: and silent" "$out" ""

# a journal as a killed writer leaves it: committed, nothing published
pending() {
  body=$(jq -cn --rawfile a "$etc/slots/a.toml" '{argv: ["hal0-slot", "set", "a", "port=8177"],
    time: 1700000000, stage: "89abcdef", entries: [
      {path: "slots/a.toml", mode: 420, before: $a, after: "name = \"a\"\nport = 8177\n"},
      {path: "slots/d.toml", mode: 384, before: null, after: "name = \"d\"\nport = 8178\n"}]}')
  printf 'hal0-journal 1 5 %d\n%s\n' "$((${#body} + 1))" "$body" >"$etc/.txn/journal"
}
pending
run "$conf" check
rc_is "check: an interrupted change is exit 1" 1
like "check: and how to finish it" "$out" "*.txn/journal*hal0-conf recover*"
run "$conf" get "$etc/slots/a.toml" port
is "readers see the committed change before recovery" "$out" 8177
run "$conf" log --json
is "log: pending" "$(json '[.items[] | [.generation, .state]]')" '[[5,"pending"],[4,"applied"]]'
run "$conf" recover --dry-run
like "recover --dry-run: the difference" "$out" "*+port = 8177*+++ b/slots/d.toml*"
ok "recover --dry-run: writes nothing" test ! -e "$etc/slots/d.toml"
run "$conf" recover --json
rc_is "recover" 0
is "recover --json" "$(json '[.changed, .generation, .published, .conflicts]')" \
  '[true,5,["slots/a.toml","slots/d.toml"],[]]'
is "recover: the mode of a created file" "$(stat -c %a "$etc/slots/d.toml")" 600
ok "recover: the journal is retired" test ! -e "$etc/.txn/journal"
run "$conf" undo
rc_is "what was recovered can be undone" 0
ok "both files of it" test ! -e "$etc/slots/d.toml"

pending
echo '# mine too' >>"$etc/slots/a.toml"
sed -i '1s/ 5 / 7 /' "$etc/.txn/journal"
run "$conf" recover
rc_is "recover: a file edited meanwhile is exit 4" 4
like "recover: it is named" "$err" "*slots/a.toml*hal0-new*"
ok "recover: the edit stays" grep -q '# mine too' "$etc/slots/a.toml"
ok "recover: the change lies beside it" grep -q 8177 "$etc/slots/a.toml.hal0-new"
ok "recover: other files went forward" test -e "$etc/slots/d.toml"
run "$conf" recover
rc_is "recover: once is enough" 0
rm "$etc/slots/a.toml.hal0-new"

# --- a writer finishes what another left, and says when that met an edit
pending
sed -i '1s/ 5 / 8 /' "$etc/.txn/journal"
echo '# mine again' >>"$etc/slots/a.toml"
run "$conf" set "$etc/slots/b.toml" port 8090
rc_is "a writer that meets such a conflict is exit 4" 4
run "$conf" set "$etc/slots/b.toml" port 8090
rc_is "and works when run again" 0
rm -f "$etc/slots/a.toml.hal0-new"

# --- damaged journals
echo garbage >"$etc/.txn/journal"
cp -a "$etc" "$tmp/before"
for verb in check recover log undo 'set slots/b.toml port 8091' 'get slots/b.toml port'; do
  # shellcheck disable=SC2086 # words
  set -- $verb
  [ $# -gt 1 ] && { v=$1 f=$etc/$2; shift 2; set -- "$v" "$f" "$@"; }
  run "$conf" "$@"
  rc_is "$1: a damaged journal is exit 3" 3
  like "$1: it is named" "$err" "*/.txn/journal*damaged*"
done
ok "and nothing was touched" diff -r -x lock "$tmp/before" "$etc"
rm "$etc/.txn/journal"

# --- the lock
"$apply" --hold 3000 "$etc" >"$tmp/held" &
holder=$!
until_true grep -q held "$tmp/held"
run "$apply" --lock-ms 100 "$etc" 'slots/b.toml=port = 1'
rc_is "a lock that is held is exit 5" 5
like "and names its holder" "$err" "*held by $holder (txn-apply --hold)*"
run "$conf" get "$etc/slots/b.toml" port
rc_is "readers do not care" 0
wait "$holder"

# --- a table nobody can write to
run "$conf" check --json --columns level
rc_is "check takes the options of every report" 0
tap_done
