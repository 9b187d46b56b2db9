#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Slot files through hal0-slot: creating, changing, deleting; every bad input leaves files alone.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"

slot=$HAL0_BUILD/cmd/hal0-slot
conf=$HAL0_BUILD/cmd/hal0-conf
export HAL0_HOME="$tmp/home"
unset HAL0_MODEL_STORE
etc=$HAL0_HOME/etc/hal0
mkdir -p "$tmp/models"
: >"$tmp/models/m.gguf"
model=$tmp/models/m.gguf
sum() { cksum <"$1"; }
new() { # FILE TEXT: a slot file as somebody else wrote it
  mkdir -p "$etc/slots"
  printf '%b' "$2" >"$etc/slots/$1.toml"
}

# ---- create ----
run "$slot" create primary --model "$model" --dry-run
rc_is 'create --dry-run' 0
like 'it shows the file' "$out" "*+++ b/slots/primary.toml*+port = 80*"
ok 'and writes nothing' test ! -e "$etc"
run "$slot" create primary --model "$model"
rc_is 'create' 0
like 'says where it is' "$err" '*primary: created on port 80*device cpu*'
is 'nothing but data on stdout' "$out" ''
like 'the file opens with a comment' "$(head -1 "$etc/slots/primary.toml")" '# Slot primary*'
is 'its mode' "$(stat -c %a "$etc/slots/primary.toml")" 644
before=$(sum "$etc/slots/primary.toml")
run "$slot" create primary --model "$model" --json
rc_is 'create again' 0
like 'changes nothing' "$out" '*"changed": false*'
is 'not even a byte' "$(sum "$etc/slots/primary.toml")" "$before"
run "$slot" create primary --model other
rc_is 'create again, differing' 4
like 'says what differs' "$err" "*model.default is not*hal0 slot set primary*"
is 'and leaves the file' "$(sum "$etc/slots/primary.toml")" "$before"
mkdir -p "$etc"
echo '{"recommended_device": "gpu-vulkan"}' >"$etc/hardware.json"
run "$slot" create second --model "$model" --columns name,changed --no-header
rc_is 'create another' 0
is 'records on request' "$out" 'second  yes'
like 'on the recommended device' "$(cat "$etc/slots/second.toml")" '*device = "gpu-vulkan"*'
p1=$("$slot" show primary --format '{port}') p2=$("$slot" show second --format '{port}')
ok 'ports differ' test "$p1" -ne "$p2"
HAL0_PODMAN=/bin/false
export HAL0_PODMAN
run "$slot" list --format '{name}'
rc_is 'list asks podman' 7
run "$slot" list --files --format '{name} {state} {type} {port}'
rc_is 'list --files does not' 0
is 'and says what the files say' "$out" "primary  llm $p1
second  llm $p2"
new broken 'port = "'
run "$slot" list --files --format '{name} {state}' --columns name,state
rc_is '--columns and --format at once' 2
run "$slot" list --files --columns name,state --no-header
is 'one that cannot be read too' "$(printf '%s' "$out" | tr -s ' ' | tr '\n' ,)" 'broken invalid,primary -,second -'
rm "$etc/slots/broken.toml"
unset HAL0_PODMAN
run "$slot" create third --model absent-model
rc_is 'a model that is not there is no error yet' 0
like 'but a warning' "$err" "*warning: slots/third.toml:*: model.default: no model 'absent-model': looked in*"
printf 'no model at all\n' >"$tmp/text.gguf"
for set in "model.default=gone|no model 'gone'" "model.default=$tmp/text.gguf|not a GGUF file"; do
  run "$slot" set third "${set%|*}"
  like "set warns of it too: ${set#*|}" "$rc $err" "0 *warning: slots/third.toml:*: model.default: *${set#*|}*"
done
run "$slot" create fourth --model "$tmp/text.gguf" --dry-run
like 'and create of a file that is none' "$rc $err" '0 *warning: slots/fourth.toml:*not a GGUF file*'
"$HAL0_BUILD/scripts/tiny-gguf" "$tmp/tiny.gguf" >/dev/null
run "$slot" set third model.default="$tmp/tiny.gguf"
is 'a model that is there: none' "$err" 'hal0-slot: third: changed; if it runs: hal0 slot restart third'
run "$slot" set third server.extra_args='--port 1'
like 'a flag that start refuses' "$rc $err" '0 *warning: slots/third.toml:*: server.extra_args: --port must not stand here*'
run "$slot" set third --unset server.extra_args
is 'without it: none' "$err" 'hal0-slot: third: changed; if it runs: hal0 slot restart third'
run "$slot" create nomodel
rc_is 'no model' 2
like 'is missing' "$err" '*--model is missing*'

# ---- names ----
for name in a/b ../x .. A aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa -a '' 'a b' ä; do
  run "$slot" create --model m -- "$name"
  rc_is "create refuses '$name'" 2
  like "and says why: $name" "$err" "*slot name*1 to 32*"
  run "$slot" show -- "$name"
  rc_is "show refuses '$name'" 2
done
is 'none of them made a file' "$(cd "$HAL0_HOME" && find . -name '*.toml' | sort | tr '\n' ' ')" \
  './etc/hal0/slots/primary.toml ./etc/hal0/slots/second.toml ./etc/hal0/slots/third.toml '
run "$slot" show primry
rc_is 'an unknown slot' 2
like 'its nearest' "$err" '*did you mean primary?*'
run "$slot" show primry --json
like 'its code' "$err" '*"code":"slot.not_found"*'

# ---- set, both shapes, lossless ----
flat='# top\nname = "flat" # f\nport   = 8161\r\nodd = [1,\n 2]\n\n[model] # m\ndefault = '\''x'\''\n'
new flat "$flat"
run "$slot" set flat port=8162 model.context_size=4096
rc_is 'set in a flat file' 0
# shellcheck disable=SC2059
is 'changes only that' "$(cat "$etc/slots/flat.toml")" \
  "$(printf '# top\nname = "flat" # f\nport   = 8162\r\nodd = [1,\n 2]\n\n[model] # m\ndefault = '\''x'\''\ncontext_size = 4096')"
before=$(sum "$etc/slots/flat.toml")
run "$slot" set flat port=8162 model.context_size=4096 --json
rc_is 'set again' 0
like 'changes nothing' "$out" '*"changed": false*'
is 'not a byte' "$(sum "$etc/slots/flat.toml")" "$before"
new nest '# n\n[slot]\nname = "nest"\nport = 8163 # p\n\n[model]\ndefault = "x"\n'
run "$slot" set nest port=8164 role=utility
is 'a nested file keeps its shape' "$(cat "$etc/slots/nest.toml")" \
  "$(printf '# n\n[slot]\nname = "nest"\nport = 8164 # p\nrole = "utility"\n\n[model]\ndefault = "x"')"
run "$slot" set nest --unset role
is 'unset takes the line away' "$(cat "$etc/slots/nest.toml")" \
  "$(printf '# n\n[slot]\nname = "nest"\nport = 8164 # p\n\n[model]\ndefault = "x"')"
run "$slot" set nest device=gpu-vulkan --dry-run
like 'set --dry-run is a diff' "$out" '*--- a/slots/nest.toml*+device = "gpu-vulkan"*'
ok 'and writes nothing' grep -q 8164 "$etc/slots/nest.toml"

# ---- what must not come to pass ----
untouched() { # NAME CODE PATTERN ARGS...: fails, says so, leaves flat alone
  _name=$1 _rc=$2 _pattern=$3
  shift 3
  run "$slot" set flat "$@"
  rc_is "$_name" "$_rc"
  like "$_name: says why" "$err" "$_pattern"
  is "$_name: file untouched" "$(sum "$etc/slots/flat.toml")" "$before"
}
untouched 'a device typo' 2 '*device: unknown device*gpu-rcom*did you mean gpu-rocm?*' device=gpu-rcom
untouched 'an unknown key' 2 '*did you mean port?*' prt=1
untouched 'a port of another slot' 4 "*port: 8164 is the port of slot 'nest' too*" port=8164
untouched 'a port below the range' 2 '*out of range*' port=80
untouched 'device against profile' 3 '*profile rocm*device gpu-vulkan*' device=gpu-vulkan profile=rocm
untouched 'an unknown profile' 3 '*did you mean vulkan?*' profile=vulcan
untouched 'an open quote' 3 '*server.extra_args: a * is opened*' "server.extra_args=-b 'x"
untouched 'a required key removed' 3 '*port: missing*' --unset port
untouched 'nothing to do' 2 '*nothing to set*'

new typo 'name = "typo"\nport = 8165\ndevice = "gpu-rcom"\n'
run "$slot" show typo
rc_is 'a device typo in a file' 3
like 'file, line, column, key, suggestion' "$err" \
  "*slots/typo.toml:3:10: device: unknown device 'gpu-rcom' (did you mean gpu-rocm?)*"
run "$slot" show typo --raw
rc_is 'its text can be had' 0
run "$slot" show flat
rc_is 'the other slots are fine' 0
run "$slot" create taken --model m --port 8165
rc_is 'a broken slot keeps its port' 4
run "$slot" set typo device=gpu-rocm
rc_is 'set mends it' 0
new junk 'name = "junk\nport = 8166\n'
before=$(sum "$etc/slots/junk.toml")
run "$slot" set junk port=8167
rc_is 'a file that does not parse' 3
like 'is named with its line' "$err" '*slots/junk.toml:1:*'
is 'and is untouched' "$(sum "$etc/slots/junk.toml")" "$before"
run "$slot" create junk --model m
rc_is 'nor created over' 3
rm "$etc/slots/junk.toml"

# ---- hal0.toml: the range of ports, the number of slots ----
run "$slot" create far --model m --port 9131
rc_is 'a port outside 8081 to 8200' 2
like 'says whose rule that is' "$err" '*9131 is out of range: 8081 to 8200*hal0.toml*port_range_end*'
mkdir "$tmp/ranged"
cp -r "$HAL0_HOME/etc" "$tmp/ranged/"
ranged() {
  run env HAL0_HOME="$tmp/ranged" "$slot" "$@"
}
rm "$tmp/ranged/etc/hal0/slots/"*
printf '[slots]\nport_range_start = 9131\nport_range_end = 9132\nmax_slots = 3\n' >"$tmp/ranged/etc/hal0/hal0.toml"
ranged create a --model m
ranged create b --model m --json
rc_is 'with a range of its own' 0
like 'a new slot gets a port of it' "$(cat "$tmp/ranged/etc/hal0/slots/b.toml")" '*port = 9132*'
ranged create c --model m
rc_is 'a range that is used up' 4
like 'says so' "$err" '*no port from 9131 to 9132 is free*port_range_end*'
ranged set b port=8090
rc_is 'a port outside it is refused' 3
printf 'port = 8091\n[model]\ndefault = "m"\n' >"$tmp/ranged/etc/hal0/slots/c.toml"
ranged show c
rc_is 'a file with one is invalid' 3
like 'at its line' "$err" '*slots/c.toml:1:8: port: 8091 is out of range: 9131 to 9132*'
run env HAL0_HOME="$tmp/ranged" "$HAL0_BUILD/cmd/hal0-conf" check
rc_is 'hal0 conf check says so too' 3
sed -i 's/9132/9140/' "$tmp/ranged/etc/hal0/hal0.toml"
ranged create d --model m
rc_is 'max_slots is reached' 4
like 'which is said' "$err" '*allows 3 slots (slots.max_slots) and there are 3*'

# ---- a port another program has ----
if command -v python3 >/dev/null; then
  python3 -c '
import socket, sys, time
s = socket.socket()
for p in range(8180, 8200):
    try: s.bind(("127.0.0.1", p)); break
    except OSError: continue
s.listen(); print(p, flush=True); time.sleep(600)' >"$tmp/port" &
  listener=$!
  until_file "$tmp/port"
  port=$(cat "$tmp/port")
  run "$slot" create foreign --model m --port "$port"
  rc_is 'a port taken by another program' 4
  like 'is said to be' "$err" "*port: $port is taken: another program listens on it*"
  run "$slot" set flat port="$port"
  rc_is 'also when set' 4
  kill "$listener"
  wait "$listener" 2>/dev/null || :
else
  echo '# no python3 to listen with: a foreign port not tried'
fi

# ---- delete ----
run "$slot" delete second
rc_is 'delete asks, and here is nobody' 2
ok 'so the file stays' test -e "$etc/slots/second.toml"
run "$slot" delete second --dry-run
like 'delete --dry-run is a diff' "$out" '*--- a/slots/second.toml*+++ /dev/null*'
state=$HAL0_HOME/var-lib/hal0/slots/second/state.json
mkdir -p "${state%/*}"
echo '{"state":"error","message":"of the deleted one"}' >"$state"
run "$slot" delete second --yes
rc_is 'delete --yes' 0
ok 'another of its name has no past' test ! -e "$state"
ok 'the file is gone' test ! -e "$etc/slots/second.toml"
run "$slot" delete second --yes --json
rc_is 'delete again' 0
like 'changes nothing' "$out" '*"changed": false*'

# ---- enable, disable ----
run "$slot" enable flat --json
like 'enable where it is the default: nothing to do' "$out" '*"changed": false*'
run "$slot" disable flat
is 'disable' "$("$slot" show flat --format '{enabled}')" false
run "$slot" disable flat --json
like 'disable again' "$out" '*"changed": false*'

# ---- two at once: different ports, and a name is given once ----
i=0
while [ $i -lt 5 ]; do
  "$slot" create "race$i" --model "$model" -q &
  i=$((i + 1))
done
wait
is 'created at once, each its own port' \
  "$(for i in 0 1 2 3 4; do "$slot" show "race$i" --format '{port}'; echo; done | sort -u | grep -c .)" 5
for i in 1 2 3 4 5 6; do
  { "$slot" create same --model "m$i" -q 2>/dev/null; echo $? >"$tmp/rc$i"; } &
done
wait
is 'one of six wins the name, five conflict' "$(cat "$tmp"/rc[1-6] | sort | tr '\n' ' ')" '0 4 4 4 4 4 '
run "$conf" dump "$etc/slots/same.toml"
rc_is 'and its file is whole' 0

# ---- places that do not take a write ----
if [ "$(id -u)" = 0 ] && mkdir -p "$tmp/small/etc/hal0" &&
  mount -t tmpfs -o size=64k none "$tmp/small/etc/hal0" 2>/dev/null; then
  # shellcheck disable=SC2317
  tap_cleanup() { umount "$tmp/small/etc/hal0"; rm -rf "$tmp"; }
  HAL0_HOME=$tmp/small "$slot" create one --model m -q
  before=$(sum "$tmp/small/etc/hal0/slots/one.toml")
  dd if=/dev/zero of="$tmp/small/etc/hal0/fill" bs=1k 2>/dev/null || :
  run env HAL0_HOME="$tmp/small" "$slot" set one "system_prompt=$(printf '%04000d' 1)"
  rc_is 'a full disk' 6
  like 'is named' "$err" '*No space left*'
  is 'and the file is as it was' "$(sum "$tmp/small/etc/hal0/slots/one.toml")" "$before"
  rm "$tmp/small/etc/hal0/fill"
  run env HAL0_HOME="$tmp/small" "$slot" set one role=utility
  rc_is 'with room again it works' 0
  before=$(sum "$tmp/small/etc/hal0/slots/one.toml")
  mount -o remount,ro "$tmp/small/etc/hal0"
  run env HAL0_HOME="$tmp/small" "$slot" set one role=primary
  rc_is 'a read-only directory' 6
  like 'is named' "$err" '*Read-only*'
  is 'and the file is as it was' "$(sum "$tmp/small/etc/hal0/slots/one.toml")" "$before"
  run env HAL0_HOME="$tmp/small" "$slot" show one
  rc_is 'reading works there' 0
  run env HAL0_HOME="$tmp/small" "$slot" set one role=utility
  rc_is 'and a change that is none' 0
else
  echo '# no small file system to be had here: full disk and read-only not tried'
fi

# ---- what a container may beyond the usual ----
export HAL0_HOME="$tmp/granted"
mkdir -p "$HAL0_HOME/etc/hal0/slots" "$tmp/lora"
"$HAL0_BUILD/scripts/tiny-gguf" "$tmp/tiny.gguf" >/dev/null
ln -s /run "$tmp/link"
printf 'port = 8141\ntype = "llm"\ndevice = "cpu"\nimage = "localhost/hal0-fake:1"\n[model]\ndefault = "%s"\n' \
  "$tmp/tiny.gguf" >"$HAL0_HOME/etc/hal0/slots/g.toml"
run "$slot" set g "container.mounts=$tmp/lora" container.caps=IPC_LOCK container.devices=/dev/null
rc_is 'set container keys' 0
run "$slot" argv g
like 'the command has them' "$out" "*--device /dev/null *--cap-add IPC_LOCK *--volume $tmp/lora:$tmp/lora:ro*"
run "$slot" show g
like 'show says why' "$out" "*read $tmp/lora (the slot's file says so: container.mounts)*"
run "$slot" set g container.mounts=/run/podman
rc_is "the system's sockets are refused" 3
run "$slot" set g "container.mounts=$tmp/link"
run "$slot" argv g
rc_is 'also behind a link' 3
like 'which is said' "$err" "*container.mounts: $tmp/link is /run: *"
run "$slot" set g "container.mounts=$tmp/nowhere"
run "$slot" argv g
rc_is 'and what is not there' 3
tap_done
