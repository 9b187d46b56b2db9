#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2016
# The life of slots with real podman and a real llama-server: start, join, stop, restart, run,
# wait, logs, and everything that goes wrong on the way.
# Container names and ports belong to the machine: two runs of this test take turns.
. "$HAL0_SOURCE/test/e2e/real.sh"
p1=${HAL0_TEST_PORT:-8121}
p2=$((p1 + 1)) p3=$((p1 + 2))
needs curl jq
needs_image "$image"

home=$tmp/home other=$tmp/other
a=rn-e2e-a b=rn-e2e-b
export HAL0_HOME="$home"
unset HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE
tap_cleanup() {
  for _p in $jobs; do kill "$_p" 2>/dev/null; done
  for _s in $a $b; do
    _pid=$(podman inspect -f '{{.State.Pid}}' "hal0-slot-$_s" 2>/dev/null) && kill -CONT "$_pid" 2>/dev/null
    podman rm --force --time 1 "hal0-slot-$_s" >/dev/null 2>&1
  done
  umount "$home/var-lib/hal0/slots/$a" 2>/dev/null
  rm -rf "$tmp"
}
jobs=
hal0_slot=$HAL0_BUILD/cmd/hal0-slot
slot() {
  run "$hal0_slot" "$@"
}
# A shell's background job ignores SIGINT, which a person's would not.
background() { # NAME ARG...: stdout and stderr go to $tmp/NAME.out and .err, the pid to $job
  _n=$1
  shift
  env --default-signal=INT "$hal0_slot" "$@" >"$tmp/$_n.out" 2>"$tmp/$_n.err" </dev/null &
  job=$!
  jobs="$jobs $job"
}
ended() { # PID: waits for it; its exit code to $rc
  rc=0
  wait "$1" || rc=$?
}
gone() { # PID: no such process, or only its remains
  [ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"
}
listens() { # PID: it takes signals to end from a descriptor
  [ $((0x$(sed -n 's/^SigBlk:[[:space:]]*//p' "/proc/$1/status") & 2)) != 0 ]
}
asks() { # PID: it has a connection, to the server
  find "/proc/$1/fd" -lname 'socket:*' | grep .
}
container() { # SLOT FORMAT
  podman container inspect --format "$2" "hal0-slot-$1" 2>/dev/null
}
running() {
  [ "$(container "$1" '{{.State.Running}}')" = true ]
}
slot_is_ready() {
  "$hal0_slot" status "$a"
}
no_container() {
  ! podman container exists "hal0-slot-$1"
}
post() { # SLOT PORT PATH BODY: with the slot's key
  curl -sf -m 60 "http://127.0.0.1:$2$3" -H 'Content-Type: application/json' \
    -H "Authorization: Bearer $(cat "$home/var-lib/hal0/keys/$1")" -d "$4"
}
ask() { # PORT: the answer of slot a to a chat request
  post $a "$1" /v1/chat/completions '{"messages":[{"role":"user","content":"hi"}]}' |
    jq -r '.choices[0].message.content'
}
slot_file() { # HOME NAME PORT MODEL [LINES...]
  mkdir -p "$1/etc/hal0/slots"
  {
    printf 'port = %s\ntype = "llm"\ndevice = "cpu"\nimage = "%s"\n' "$3" "${img:-$image}"
    printf '[model]\ndefault = "%s"\ncontext_size = %s\n' "$4" "${ctx:-1024}"
    [ -z "${extra:-}" ] || printf '[server]\nextra_args = "%s"\n' "$extra"
  } >"$1/etc/hal0/slots/$2.toml"
}
model=$home/var-lib/hal0/models/tiny.gguf
mkdir -p "$home/var-lib/hal0/models"
chmod 755 "$tmp"
"$HAL0_BUILD/scripts/tiny-gguf" --say "I am slot a." "$model" >/dev/null
slot_file "$home" $a "$p1" "$model"

# ---- start, again, stop, again ----
slot start --dry-run $a
rc_is "start --dry-run" 0
like "prints the command" "$out" "podman *run --detach --name hal0-slot-$a * --port $p1 *"
ok "and starts nothing" no_container $a
slot status $a
rc_is "status of a slot that does not run is a no" 1
slot start $a --json
rc_is "start" 0
is "says what it did" "$(printf %s "$out" | jq -c '[.changed,.items[0].name,.items[0].state]')" \
  "[true,\"$a\",\"ready\"]"
is "it answers" "$(ask "$p1")" "I am slot a."

# ---- the key: a page in a browser on this machine has none ----
keyfile=$home/var-lib/hal0/keys/$a
key=$(cat "$keyfile")
status() { # ARG...
  curl -s -m 60 -o /dev/null -w '%{http_code}' "$@"
}
url=http://127.0.0.1:$p1
is "without the key there is no answer" "$(status "$url/v1/chat/completions" -H 'Content-Type: text/plain' \
  -d '{"messages":[{"role":"user","content":"hi"}]}')" 401
is "nor a list of models, settings, slots or figures" \
  "$(for q in v1/models props slots metrics; do status "$url/$q"; done)" 401401401401
is "nor with another host's name, as after rebinding" "$(status "$url/v1/models" -H 'Host: evil.example')" 401
is "its file is for the server alone" "$(stat -c '%a %u' "$keyfile") $(stat -c %a "$home/var-lib/hal0/keys")" \
  "600 65534 700"
ok "it stands in no argument, label or variable" sh -c '! podman inspect "$1" | grep -qF "$2"' - hal0-slot-$a "$key"
ok "and in no log" sh -c '! grep -rqF "$2" "$1"' - "$home/var-lib/hal0/slots" "$key"
ok "nor in the process" sh -c '! tr "\\0" "\\n" <"/proc/$1/cmdline" | grep -qF "$2" && ! tr "\\0" "\\n" <"/proc/$1/environ" |
  grep -qF "$2"' - "$(container $a '{{.State.Pid}}')" "$key"
slot key $a
is "the operator can read it" "$rc $out" "0 $key"
slot key $a --json
is "JSON has only the name of the file" "$(printf %s "$out" | jq -r '.key_file')" "$keyfile"
slot show $a --json
is "show says where it stands" "$(printf %s "$out" | jq -r '.key_file')" "$keyfile"
id=$(container $a '{{.Id}}')
slot start $a --json
rc_is "a second start" 0
is "changes nothing" "$(printf %s "$out" | jq -c .changed) $(container $a '{{.Id}}')" "false $id"
slot status $a
rc_is "status is a yes" 0
slot list --json
is "list sees it" "$(printf %s "$out" | jq -c '.items[0]|[.name,.state,.port,.container_health,.model_id]')" \
  "[\"$a\",\"ready\",$p1,true,\"tiny\"]"
is "state.json" "$(jq -c '[.name,.state,.port,.model_id,.extra.container]' "$home/var-lib/hal0/slots/$a/state.json")" \
  "[\"$a\",\"ready\",$p1,\"tiny\",\"$id\"]"

# ---- what the container may do ----
pid=$(container $a '{{.State.Pid}}')
like "the server is nobody, without capabilities, and cannot gain any" \
  "$(sed -n 's/^\(Uid\|CapEff\|CapBnd\|NoNewPrivs\):[[:space:]]*//p' "/proc/$pid/status" | tr '\n\t' '  ')" \
  "65534 65534 65534 65534 0000000000000000 0000000000000000 1 "
is "read-only root, its own limit on processes" \
  "$(container $a '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.PidsLimit}}')" "true 512"
is "the model store and the key are mounted read-only at their own paths" \
  "$(container $a '{{range .Mounts}}{{.Source}} {{.Destination}} {{.RW}}{{println}}{{end}}' | grep . | sort)" \
  "$keyfile $keyfile false
$home/var-lib/hal0/models $home/var-lib/hal0/models false"
is "it listens on 127.0.0.1 alone" \
  "$(awk -v p="$(printf ':%04X' "$p1")" '$4=="0A" && index($2,p) {print $2}' /proc/net/tcp /proc/net/tcp6)" \
  "0100007F:$(printf %04X "$p1")"

# ---- a model that is not for everybody ----
slot stop $a
chmod 700 "$home/var-lib/hal0/models"
slot start $a
rc_is "a model in a directory for root alone" 0
is "is served as root" "$(awk '/^Uid:/ {print $2}' "/proc/$(container $a '{{.State.Pid}}')/status")" 0
slot stop $a
chmod 755 "$home/var-lib/hal0/models"
chown 12345:12345 "$model"
chmod 600 "$model"
slot start $a
rc_is "a model for its owner alone" 0
is "is served as its owner" "$(awk '/^Uid:/ {print $2}' "/proc/$(container $a '{{.State.Pid}}')/status")" 12345
slot stop $a
chown 0:0 "$model"
chmod 644 "$model"
slot start $a
id=$(container $a '{{.Id}}')

# ---- settings change under it ----
ctx=2048 slot_file "$home" $a "$p1" "$model"
slot start $a
rc_is "start of a slot whose file has changed" 0
like "says that it runs with older settings" "$err" "*older settings*hal0 slot restart $a*"
is "and leaves it" "$(container $a '{{.Id}}')" "$id"
slot restart $a
rc_is "restart" 0
like "applies them" "$(container $a '{{.Args}}')" "*--ctx-size 2048*"
id=$(container $a '{{.Id}}')
img=localhost/hal0-no-such-image:1 slot_file "$home" $a "$p1" "$model"
slot restart $a
rc_is "restart with an image that is not there" 8
like "says what to do" "$err" "*image localhost/hal0-no-such-image:1 is not on this machine*build it first*"
is "and the slot runs on" "$(container $a '{{.Id}}') $(ask "$p1")" "$id I am slot a."
slot_file "$home" $a "$p1" "$model"

# ---- logs, stop ----
slot logs $a
like "logs" "$out" "*llama_server: listening on http://127.0.0.1:$p1*"
slot logs -n 1 $a
is "the last line only" "$(printf '%s\n' "$out" | wc -l)" 1
background follow logs -f -n 1 $a
follower=$job
until_true grep -q . "$tmp/follow.out"
slot stop $a --json
rc_is "stop" 0
is "says so" "$(printf %s "$out" | jq -c '[.changed,.items[0].state]')" '[true,"offline"]'
ok "no container is left" no_container $a
slot stop $a --json
rc_is "a second stop" 0
is "changes nothing" "$(printf %s "$out" | jq -c .changed)" false
slot logs -n 5 $a
rc_is "the log is still there" 0
like "with the last words" "$out" "*cleaning up before exit*"
ended $follower
rc_is "following it has ended with the server" 0
like "and has seen them" "$(cat "$tmp/follow.out")" "*cleaning up before exit*"

# ---- two starts at once ----
background one start --json $a
first=$job
background two start --json $a
ended $job
rc_is "two starts at once: one succeeds" 0
ended $first
rc_is "and so does the other" 0
is "one of them started it" "$(jq -c .changed "$tmp/one.out" "$tmp/two.out" | sort | tr '\n' ' ')" "false true "

# ---- the server, its monitor, or both are killed; the server hangs ----
kill -9 "$(container $a '{{.State.Pid}}')"
until_true eval "! running $a"
slot status $a
rc_is "a killed server" 1
like "is an error" "$out" "*$a * error *killed*"
is "state.json says so from then on" "$(jq -r .state "$home/var-lib/hal0/slots/$a/state.json")" error
podman rm -f hal0-slot-$a >/dev/null
slot start --no-wait $a
until_true slot_is_ready
is "a server that came up unwatched: status writes it down" \
  "$(jq -r .state "$home/var-lib/hal0/slots/$a/state.json")" ready
podman rm -f --time 1 hal0-slot-$a >/dev/null
slot status $a
is "and one that somebody else removed" "$(jq -r .state "$home/var-lib/hal0/slots/$a/state.json")" offline
slot start $a
rc_is "start again" 0
pid=$(container $a '{{.State.Pid}}')
kill -9 "$(container $a '{{.State.ConmonPid}}')"
slot status $a
rc_is "its monitor killed: it still serves" 0
like "which is remarked" "$out" "*lost its monitor*"
slot stop $a
rc_is "stop" 0
ok "leaves no container" no_container $a
ok "and no process" gone "$pid"
slot start $a
pid=$(container $a '{{.State.Pid}}')
kill -9 "$(container $a '{{.State.ConmonPid}}')"
kill -9 "$pid"
until_true gone "$pid"
slot status $a
like "both killed: podman says running, hal0 does not" "$out" "*$a * error *podman has not noticed*"
slot start $a
rc_is "start mends it" 0
is "it answers" "$(ask "$p1")" "I am slot a."
pid=$(container $a '{{.State.Pid}}')
kill -STOP "$pid"
slot status $a
rc_is "a hung server" 1
like "is an error" "$out" "*$a * error *not answering: restart it*"
slot stop --timeout 1s $a
rc_is "stop" 0
ok "ends it all the same" gone "$pid"

slot start $a
pid=$(container $a '{{.State.Pid}}')
kill -STOP "$pid"
podman rm --force --time 30 hal0-slot-$a >/dev/null 2>&1 &
remover=$!
until_true eval '[ "$(container $a "{{.State.Status}}")" = stopping ]'
kill -9 "$(container $a '{{.State.ConmonPid}}')" $remover
slot start $a
rc_is "a server that is stuck, half stopped, its monitor and podman killed: start mends it" 0
ok "the old server is no more" gone "$pid"
is "the new one answers" "$(ask "$p1")" "I am slot a."
id=$(container $a '{{.Id}}')
state=$home/var-lib/hal0/slots/$a/state.json
jq '.state="unloading"' "$state" >"$tmp/state" && cat "$tmp/state" >"$state"
slot start $a
rc_is "a stop that was killed when it had just begun: start" 0
ok "does not join what is about to end" test "$(container $a '{{.Id}}')" != "$id"
slot stop $a

# ---- ports and names ----
slot_file "$other" $b "$p1" "$model"
run env HAL0_HOME="$other" "$hal0_slot" start $b
rc_is "another hal0 takes the port" 0
slot start $a
rc_is "a port that is taken" 4
like "says by whom" "$err" "*port $p1 of slot $a is taken by llama-server, pid *"
slot start --dry-run $a
rc_is "--dry-run foresees it" 4
slot_file "$home" $b "$p2" "$model"
slot start $b
rc_is "a name that another hal0 has" 4
like "says whose" "$err" "*HAL0_HOME=$other*left alone*"
slot stop $b
rc_is "nor is it stopped from here" 4
slot list --json
is "nor shown as ours" "$(printf %s "$out" | jq -c ".items[]|select(.name==\"$b\")|[.state,.container,.container_status]")" '["offline",null,"stopped"]'
run env HAL0_HOME="$other" "$hal0_slot" status $b
rc_is "it runs on" 0
run env HAL0_HOME="$other" "$hal0_slot" stop $b
slot_file "$home" $b "$p1" "$model"
slot start $b
rc_is "two slots with one port" 4
like "names both" "$err" "*$p1*rn-e2e-*"
rm "$home/etc/hal0/slots/$b.toml"

# ---- models and settings that cannot work: found before podman is asked ----
bad() { # NAME RC PATTERN
  slot start $a
  rc_is "$1" "$2"
  like "$1: says why" "$err" "$3"
}
slot_file "$home" $a "$p1" "$tmp/none.gguf"
bad "a model that is not there" 3 "*slots/$a.toml:*model.default*$tmp/none.gguf*"
echo "Hello, I am a text file" >"$tmp/text.gguf"
slot_file "$home" $a "$p1" "$tmp/text.gguf"
bad "a text file" 3 "*slots/$a.toml:*not a GGUF file*text*"
head -c 100000 "$model" >"$tmp/short.gguf"
slot_file "$home" $a "$p1" "$tmp/short.gguf"
bad "a truncated model" 3 "*truncated*"
{
  printf 'GGUF\003\000\000\000\000\000\000\000\000\000\000\020'
  tail -c +17 "$model"
} >"$tmp/huge.gguf"
slot_file "$home" $a "$p1" "$tmp/huge.gguf"
bad "a model that claims 2^60 tensors" 3 "*claims 1152921504606846976 tensors*"
img=localhost/hal0-no-such-image:1 slot_file "$home" $a "$p1" "$model"
bad "an image that is not there" 8 "*localhost/hal0-no-such-image:1 is not on this machine*"
extra="--temp 'x" slot_file "$home" $a "$p1" "$model"
bad "quotes that do not close" 3 "*slots/$a.toml:*server.extra_args*opened at character 8*"
ok "none of them left a container" no_container $a

# ---- ... and found by the server ----
LC_ALL=C sed '0,/llama/s//xlama/' "$model" >"$tmp/arch.gguf"
slot_file "$home" $a "$p1" "$tmp/arch.gguf"
bad "a model the server does not know" 3 "*did not start*unknown model architecture*xlama*"
ok "leaves no container" no_container $a
slot status $a
like "status still says why" "$out" "*error*xlama*"
slot wait $a
rc_is "waiting for it is a no" 1
extra="--no-such-flag" slot_file "$home" $a "$p1" "$model"
bad "a flag the server does not know" 3 "*--no-such-flag*(from extra_args)*"
slot logs $a
like "the log is kept" "$out" "*invalid argument: --no-such-flag*"

# ---- a load that takes its time: the server reads an adapter from a pipe that nobody writes to ----
mkdir "$tmp/held"
mkfifo "$tmp/held/adapter.gguf"
extra="--lora $tmp/held/adapter.gguf" slot_file "$home" $a "$p1" "$model"
printf '[container]\nmounts = ["%s"]\n' "$tmp/held" >>"$home/etc/hal0/slots/$a.toml"
background slow start $a
until_true running $a
id=$(container $a '{{.Id}}')
kill -INT $job
ended $job
rc_is "SIGINT ends the start" 130
like "which says that the load goes on" "$(cat "$tmp/slow.err")" "*interrupted*goes on loading*hal0 slot wait $a*"
is "it does" "$(container $a '{{.Id}} {{.State.Running}}')" "$id true"
background w1 wait $a
first=$job
background w2 start $a
second=$job
until_true listens $first
until_true listens $second
until_true asks $second
kill -KILL $first
ended $first
ok "a waiter that is killed takes nothing with it" running $a
slot stop $a
ended $second
rc_is "stopped under the other one" 4
like "it says so" "$(cat "$tmp/w2.err")" "*was stopped by another command*"
background w3 start --timeout 1s $a
first=$job
background w4 start --timeout 1s $a
ended $job
rc_is "no progress: one gives up" 7
ended $first
rc_is "and so does the other" 7
is "for the same reason" "$(sort -u "$tmp/w3.err" "$tmp/w4.err" | grep -c 'no sign of progress for 1 s')" 1
ok "and no container is left" no_container $a
if command -v script >/dev/null; then
  out=$(TERM=xterm script -qec "$hal0_slot start --timeout 2s $a" /dev/null </dev/null)
  like "on a terminal one line tells how it goes" "$out" "*$a: warming up (*no sign of progress for 2 s*"
fi
slot_file "$home" $a "$p1" "$model"
slot start $a
rc_is "a slot" 0
echo other >"$home/var-lib/hal0/keys/$a"
run timeout 60 "$hal0_slot" start $a
rc_is "whose key was changed under it" 7
like "is said to be that" "$err" "*does not know its key*"
ok "and is ended" no_container $a
slot start $a
rc_is "so that the next start has it right" 0
slot stop $a

flock -o "$home/run/hal0/slots/$a.lock" sh -c 'echo x >"$1" && exec sleep 300' - "$tmp/locked" &
holder=$!
jobs="$jobs $holder"
until_file "$tmp/locked"
background held start $a
first=$job
until_true listens $first
kill -INT $first
ended $first
rc_is "SIGINT while another command holds the slot" 130
like "which did nothing" "$(cat "$tmp/held.err")" "*interrupted before anything was done*"
pkill -P $holder
ended $holder

# ---- a full disk ----
if mount -t tmpfs -o size=64k hal0-test "$home/var-lib/hal0/slots/$a" 2>/dev/null; then
  head -c 100000 /dev/zero >"$home/var-lib/hal0/slots/$a/filler" 2>/dev/null
  slot start $a
  rc_is "start on a full disk" 6
  like "says so" "$err" "*No space left on device*"
  ok "and starts nothing" no_container $a
  umount "$home/var-lib/hal0/slots/$a"
fi

# ---- run and wait ----
slot wait $a
rc_is "wait for a slot that does not run" 1
background foreground run $a
runner=$job
until_true running $a
slot wait $a
rc_is "run, and wait for it" 0
is "the process has become podman" "$(cat "/proc/$runner/comm")" podman
is "it answers" "$(ask "$p1")" "I am slot a."
slot status $a
rc_is "status knows it" 0
slot run $a
rc_is "a second run is a conflict" 4
slot start $a
rc_is "a start finds it running" 0
slot stop $a
rc_is "stop" 0
ended $runner
rc_is "podman has ended cleanly" 0
ok "no container is left" no_container $a

# ---- the other types ----
"$HAL0_BUILD/scripts/tiny-gguf" --kind embed "$tmp/e.gguf" >/dev/null
"$HAL0_BUILD/scripts/tiny-gguf" --kind rerank "$tmp/r.gguf" >/dev/null
ctx=256 slot_file "$home" $a "$p1" "$tmp/e.gguf"
sed -i 's/^type = .*/type = "embedding"/' "$home/etc/hal0/slots/$a.toml"
ctx=256 slot_file "$home" $b "$p3" "$tmp/r.gguf"
sed -i 's/^type = .*/type = "reranking"/' "$home/etc/hal0/slots/$b.toml"
slot start $a $b --json
rc_is "an embedding and a reranking slot, started together" 0
is "both are ready" "$(printf %s "$out" | jq -c '[.items[].state]')" '["ready","ready"]'
is "one embeds" "$(post $a "$p1" /v1/embeddings '{"input":"hello"}' | jq '.data[0].embedding|length')" 64
is "one ranks" "$(post $b "$p3" /v1/rerank '{"query":"a","documents":["b","c"]}' | jq '.results|length')" 2
rm "$home/etc/hal0/slots/$b.toml"
slot list --json
like "a container whose slot file is gone is still listed" \
  "$(printf %s "$out" | jq -c ".items[]|select(.name==\"$b\")|[.state,.message]")" '*"ready"*no slot file*'
slot delete --yes $a
rc_is "a running slot is not deleted" 4
ok "and keeps its key" test -s "$home/var-lib/hal0/keys/$a"
slot delete --yes --force $a
rc_is "unless forced" 0
ok "then its container goes first" no_container $a
slot stop $b
rc_is "and the one without a file can be stopped" 0
ok "by name" no_container $b
slot stop no-such-slot
rc_is "a slot that there is not" 2
tap_done
