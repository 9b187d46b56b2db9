#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The front: what it runs, what it says when there is nothing to run.
. "$HAL0_SOURCE/test/tap.sh"

# a copy, so that its own directory is ours
mkdir "$tmp/bin" "$tmp/path" "$tmp/man"
cp "$HAL0_BUILD/cmd/hal0" "$tmp/bin/hal0"
hal0=$tmp/bin/hal0
# shellcheck disable=SC2016 # the script's own variables
tool() { # FILE
  printf '#!/bin/sh\necho "%s"; for a; do printf "<%%s>" "$a"; done; exit 5\n' "$1" >"$1"
  chmod +x "$1"
}
tool "$tmp/bin/hal0-slot"
tool "$tmp/path/hal0-slot"
tool "$tmp/path/hal0-mine"
PATH=$tmp/path:$PATH
export PATH

run "$hal0" slot list --json 'a b' '' -x
rc_is "the program's exit code" 5
is "own directory first, arguments as they are" "$out" "$tmp/bin/hal0-slot
<list><--json><a b><><-x>"
run "$hal0" mine
is "then PATH" "$out" "$tmp/path/hal0-mine"
ln -s "$hal0" "$tmp/link"
run "$tmp/link" slot
is "a link to hal0 finds the directory of the program" "$out" "$tmp/bin/hal0-slot"

mkdir "$tmp/cwd"
tool "$tmp/cwd/hal0-local"
cd "$tmp/cwd" || exit
PATH=.::$PATH run "$hal0" local
rc_is "nothing from the current directory" 2
cd / || exit

for bad in 'Slot' '../slot' 'slot/x' 'a b' '1slot' '' '-' '.' 'slot;ls' 'slöt' \
  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; do
  run "$hal0" "$bad"
  rc_is "no verb: '$bad'" 2
done
run "$hal0" solt
rc_is "a typo" 2
is "gets the nearest name" "$err" "hal0: unknown verb 'solt' (did you mean slot?)"
run "$hal0" qqqqqq
is "nothing near" "$err" "hal0: unknown verb 'qqqqqq'; 'hal0' alone lists them"
run "$hal0" --verbose slot
is "options follow the verb" "$err" "hal0: unknown option '--verbose'; options follow the verb"
run "$hal0" 'x"y\z' --json
is "JSON error" "$err" '{"error":{"code":"system.usage","message":"'\''x\"y\\z'\'' cannot be a verb","details":{}}}'
esc=$(printf '\033')
run "$hal0" "a${esc}[31m"
is "what steers a terminal is not repeated" "$err" "hal0: 'a?[31m' cannot be a verb"

chmod -x "$tmp/bin/hal0-slot"
if [ "$(id -u)" = 0 ] || ! [ -x "$tmp/bin/hal0-slot" ]; then
  run "$hal0" slot
  rc_is "found, but may not be run" 6
  is "and says so" "$err" "hal0: $tmp/bin/hal0-slot: Permission denied"
fi
chmod +x "$tmp/bin/hal0-slot"
printf 'not a program' >"$tmp/path/hal0-text"
chmod +x "$tmp/path/hal0-text"
run "$hal0" text
rc_is "no program" 6

run "$hal0"
rc_is "hal0 alone" 0
like "lists the verbs" "$out" "*
  slot     *
  route    *"
one=$out
run "$hal0" --help
is "--help is the same" "$out" "$one"
run "$hal0" help
is "help is the same" "$out" "$one"
run "$hal0" --version
like "version" "$out" "hal0 [0-9]*.[0-9]*"

# help: a man of ours tells what it was asked for
cat >"$tmp/path/man" <<'EOT'
#!/bin/sh
[ "$1" = -w ] && { [ "$2" = hal0-known ]; exit; }
echo "man $*"
EOT
chmod +x "$tmp/path/man"
run "$hal0" help known
is "help opens the page man knows" "$out" "man hal0-known"
run "$hal0" help mine
is "without a page, the program's own help" "$out" "$tmp/path/hal0-mine
<--help>"
mkdir -p "$tmp/share/man/man1" "$tmp/share/man/man5"
touch "$tmp/share/man/man1/hal0-slot.1.gz" "$tmp/share/man/man5/hal0-slot.toml.5" "$tmp/share/man/man1/hal0.1"
run "$hal0" help slot
is "the page installed beside it" "$out" "man -M $tmp/bin/../share/man hal0-slot"
run "$hal0" help slot.toml
is "a page of another section" "$out" "man -M $tmp/bin/../share/man hal0-slot.toml"
run "$hal0" help hal0
is "its own page" "$out" "man -M $tmp/bin/../share/man hal0"
run "$hal0" help slto
is "help of nothing" "$err" "hal0: unknown verb 'slto' (did you mean slot?)"
run "$hal0" help ../../etc/passwd
rc_is "no path is a topic" 2
rm "$tmp/path/man"

rc=0
"$hal0" >/dev/full 2>"$tmp/.err" || rc=$?
is "full stdout" "$rc $(cat "$tmp/.err")" "6 hal0: standard output: No space left on device"
rc=0
"$hal0" >&- 2>"$tmp/.err" || rc=$?
is "closed stdout" "$rc" 6
# the reader is gone before anything is written
mkfifo "$tmp/fifo"
(until [ -e "$tmp/left" ]; do sleep 0.05; done; "$hal0"; echo $? >"$tmp/rc") >"$tmp/fifo" 2>"$tmp/.err" &
: <"$tmp/fifo"
: >"$tmp/left"
wait
is "a reader that has gone is no error" "$(cat "$tmp/rc")$(cat "$tmp/.err")" 0
tap_done
