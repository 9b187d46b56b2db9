#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2016 # the fake's variables are its own
# hal0-slot where podman is absent, fails, hangs or talks nonsense. The podman of this test is a
# FAKE, a script that plays one of these parts; what real podman does is test/e2e/slot.sh's.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
command -v jq >/dev/null || skip_all "jq is not installed"

slot=$HAL0_BUILD/cmd/hal0-slot
export HAL0_HOME="$tmp/home"
unset HAL0_MODEL_STORE HAL0_PODMAN_TIMEOUT
etc=$HAL0_HOME/etc/hal0
mkdir -p "$etc/slots" "$HAL0_HOME/var-lib/hal0/models"
"$HAL0_BUILD/scripts/tiny-gguf" "$HAL0_HOME/var-lib/hal0/models/tiny.gguf" >/dev/null
port=8139
cat >"$etc/slots/a.toml" <<TEXT
port = $port
type = "llm"
device = "cpu"
image = "localhost/hal0-fake:1"
[model]
default = "tiny"
TEXT
fake() { # BODY: a podman that logs how it was called, then does BODY
  printf '#!/bin/sh\necho "$*" >>"%s/calls"\n%s\n' "$tmp" "$1" >"$tmp/podman"
  chmod 755 "$tmp/podman"
  : >"$tmp/calls"
  export HAL0_PODMAN="$tmp/podman"
}
calls() {
  grep -c "^$1" "$tmp/calls"
}

# ---- absent ----
export HAL0_PODMAN="$tmp/nowhere/podman"
for verb in list "status a" "start a" "stop a" "wait a" "restart a" "run a"; do
  # shellcheck disable=SC2086
  run "$slot" $verb
  rc_is "$verb without podman" 8
  like "$verb without podman: says so" "$err" "*podman is not there: HAL0_PODMAN says $tmp/nowhere/podman*"
done
unset HAL0_PODMAN
run env PATH=/nonexistent "$slot" list
rc_is 'podman not in PATH' 8
like 'says how to get it' "$err" '*podman is not installed*apt-get install podman*'
run env PATH=/nonexistent "$slot" list --json
is 'with a stable code' "$(printf %s "$err" | jq -r .error.code)" backend.missing
run env PATH=/nonexistent "$slot" argv a
rc_is 'argv needs no podman' 0

# ---- failing ----
fake 'echo "Error: the storage is broken" >&2; exit 125'
run "$slot" list
rc_is 'podman fails' 7
like 'its words are ours' "$err" '*podman ps: the storage is broken*'
is 'nothing on stdout' "$out" ''
fake 'exit 3'
run "$slot" list
rc_is 'podman fails without a word' 7
like 'says that' "$err" '*podman ps failed with exit code 3*'
fake 'kill -SEGV $$'
run "$slot" list
rc_is 'podman crashes' 7
fake 'head -c 9000000 /dev/zero; exit 0'
run "$slot" list
rc_is 'podman talks without end' 7
for words in '' 'not json' '[{"Id":' '{}' '"x"'; do
  fake "printf '%s' '$words'"
  run "$slot" list
  rc_is "podman says '$words'" 7
done
fake 'echo "[{\"Names\": 7, \"Id\": null, \"State\": [], \"Labels\": \"x\"}, {\"Names\": [null]}]"'
run "$slot" list --json
rc_is 'podman lists strange things' 0
is 'which are no slots' "$(printf %s "$out" | jq -c '[.items[].state]')" '["offline"]'

# ---- hanging ----
fake 'exec sleep 600'
export HAL0_PODMAN_TIMEOUT=1
t0=$(date +%s)
run "$slot" list
rc_is 'podman hangs' 7
like 'and is not waited for' "$err" '*podman ps did not answer within 1 s and was killed*'
ok 'for long' test $(($(date +%s) - t0)) -lt 120
export HAL0_PODMAN_TIMEOUT=never
run "$slot" list
rc_is 'a timeout that is none' 2
unset HAL0_PODMAN_TIMEOUT

# ---- lists, then fails to run ----
fake 'case $1 in ps) echo "[]" ;; image) exit 0 ;; rm) exit 0 ;; *) echo "Error: no space left on device" >&2; exit 125 ;; esac'
run "$slot" start a
rc_is 'podman run fails' 7
like 'in its words' "$err" '*no space left on device*'
is 'what it may have left is cleared away' "$(calls 'rm --force --ignore --time 0 hal0-slot-a')" 1
is 'the failure is recorded' "$(jq -r '[.state,.message]|join(": ")' "$HAL0_HOME/var-lib/hal0/slots/a/state.json")" \
  'error: podman run: no space left on device'
run "$slot" status a --format '{state} {message}' --no-header
like 'and shown' "$out" 'error *no space left on device*'
run "$slot" stop a
rc_is 'stop of a slot that failed' 0
run "$slot" status a --format '{state}' --no-header
is 'puts it to rest' "$out" offline
fake 'case $1 in ps) echo "[]" ;; rm) exit 0 ;; *) echo "no id" ;; esac'
run "$slot" start a
rc_is 'podman run answers with no id' 7
fake 'case $1 in ps) echo "[]" ;; image) exit 1 ;; esac'
run "$slot" restart a
rc_is 'restart without the image' 8
is 'has touched no container' "$(grep -cv '^ps\|^image' "$tmp/calls")" 0
run "$slot" start --dry-run a
rc_is 'start --dry-run has the same exit code' 8
is 'and touches none either' "$(grep -cv '^ps\|^image' "$tmp/calls")" 0

# ---- one call, whatever the number of slots ----
fake 'echo "[]"'
for i in 1 2 3 4 5 6 7 8 9; do
  sed "s/$port/$((port - i))/" "$etc/slots/a.toml" >"$etc/slots/x$i.toml"
done
run "$slot" list --json
is 'ten slots' "$(printf %s "$out" | jq '.items|length')" 10
is 'one call' "$(cat "$tmp/calls")" 'ps --all --no-trunc --format json --filter name=^hal0-slot-'
: >"$tmp/calls"
run "$slot" status x1 x2 x3
is 'three slots, one call' "$(wc -l <"$tmp/calls")" 1
rm "$etc/slots/"x*.toml

# ---- names, files, places ----
fake 'echo "[]"'
for verb in start stop restart status wait logs argv run; do
  run "$slot" $verb b
  rc_is "$verb of a slot that there is not" 2
  like "$verb: names the nearest" "$err" "*'b'*"
  run "$slot" $verb ../etc
  rc_is "$verb of a name that is none" 2
  [ $verb != status ] || continue # it then shows all of them
  run "$slot" $verb
  rc_is "$verb without a name" 2
done
printf 'port = "x"\n' >"$etc/slots/bad.toml"
run "$slot" start bad
rc_is 'start with a broken file' 3
like 'says where' "$err" '*slots/bad.toml:1:8: port: *'
run "$slot" stop bad
rc_is 'stop does not care' 0
run "$slot" list --format '{name} {state}' --no-header
is 'list shows it' "$(printf %s "$out" | tr '\n' ' ')" 'a error bad invalid'
rm "$etc/slots/bad.toml"
printf 'x = [\n' >"$etc/profiles.toml"
run "$slot" list
rc_is 'list with a broken profiles.toml' 0
like 'warns' "$err" '*warning: *profiles.toml*'
run "$slot" start a
rc_is 'start with a broken profiles.toml' 3
rm "$etc/profiles.toml"
mkdir -p "$HAL0_HOME/run"
rm -rf "$HAL0_HOME/run/hal0"
: >"$HAL0_HOME/run/hal0"
run "$slot" start a
rc_is 'a run directory that cannot be made' 6
rm "$HAL0_HOME/run/hal0"
mkdir -p "$HAL0_HOME/var-lib/hal0/slots/a"
printf 'garbage' >"$HAL0_HOME/var-lib/hal0/slots/a/state.json"
run "$slot" status a --format '{state}' --no-header
is 'a garbled state.json is not believed' "$out" offline
run "$slot" logs a
rc_is 'no log yet is a no' 1
run "$slot" logs -f --json a
rc_is 'following as JSON' 2
printf '2026-01-01T00:00:00.1+00:00 stderr F one\n2026-01-01T00:00:00.2+00:00 stderr F two\n' \
  >"$HAL0_HOME/var-lib/hal0/slots/a/server.log"
run "$slot" logs a --json
is 'a log as JSON' "$(printf %s "$out" | jq -c '[.name,.lines]')" '["a",["one","two"]]'

# ---- argv ----
run "$slot" argv a --json
rc_is 'argv --json' 0
is 'every flag says where it is from' "$(printf %s "$out" | jq '[.items[].source]-["base","hal0","profile","slot","extra_args"]|length')" 0
is 'and the words are the command' "$(printf %s "$out" | jq -r '[.argv[1:][]]==[.items[]|.flag,.value|select(.!=null)]')" true
run "$slot" argv a
eval "set -- $out"
is 'the line reads back in a shell' "$(printf '%s\n' "$@" | jq -R . | jq -cs .)" \
  "$("$slot" argv a --json | jq -c .argv)"
# ---- run becomes podman ----
fake 'case $1 in ps) echo "[]" ;; image) ;; *) grep SigIgn /proc/self/status ;; esac'
run "$slot" run a
# but for what is ignored already here, as below nohup: PIPE and XFSZ are hal0's own
ours=$(sed -n 's/^SigIgn:[[:space:]]*//p' /proc/self/status)
is 'podman starts with every signal as usual' "$rc $out" "0 SigIgn:	$(printf %016x $((0x$ours & ~0x1001000)))"
tap_done
