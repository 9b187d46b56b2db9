#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-conf: reading and changing keys of TOML files.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
conf=$HAL0_BUILD/cmd/hal0-conf
export HAL0_HOME="$tmp/home"
f=$tmp/f.toml
fresh() {
  cat >"$f" <<'TOML'
# service
name = "alpha" # short
port = 0x1F90

[a]
list = [1, 2,
  3] # three
day = 1979-05-27 07:32:00.5Z
[a.b]
y = 1.5
[[s]]
n = 1
[[s]]
n = 2
TOML
}
changed() { # NAME EXPECTED-DIFF-LINES: the file against the fresh one, without headers
  cp "$f" "$tmp/now"
  fresh
  is "$1" "$(diff "$f" "$tmp/now" | grep '^[<>]')" "$2"
}

# --- get
fresh
run "$conf" get "$f" name
is "get: a string is raw" "$out" alpha
run "$conf" get "$f" port
is "get: an integer in decimal" "$out" 8080
run "$conf" get "$f" a.day
is "get: a date" "$out" 1979-05-27T07:32:00.500Z
run "$conf" get "$f" s.1.n
is "get: an element by number" "$out" 2
run "$conf" get "$f" a.list
is "get: an array as it stands" "$out" "[1, 2,
  3]"
run "$conf" get "$f" a.b
is "get: a table as TOML" "$out" "y = 1.5"
run "$conf" get "$f" s
is "get: an array of tables" "$out" "[{ n = 1 }, { n = 2 }]"
run "$conf" get --json "$f" a.b
is "get --json" "$(printf %s "$out" | jq -c .)" \
  '{"schema":1,"key":"a.b","type":"table","value":{"y":1.5}}'
run "$conf" get "$f" nope.x
rc_is "get: an absent key is exit 1" 1
is "get: an absent key prints nothing" "$out$err" ""
run "$conf" get "$f" a..b
rc_is "get: a broken key path is a usage error" 2
run "$conf" get "$tmp/none.toml" a
rc_is "get: a missing file" 6
run "$conf" get "$tmp" a
rc_is "get: a directory" 6
printf 'a = 1\nb = \n' >"$tmp/bad.toml"
run "$conf" get "$tmp/bad.toml" a
rc_is "get: a broken file" 3
like "get: the place of the fault" "$err" "hal0-conf: $tmp/bad.toml:2:5: *"
run "$conf" get --json "$tmp/bad.toml" a
is "get --json: the error as JSON" "$(printf %s "$err" | jq -r .error.code)" config.invalid

# --- set
run "$conf" set "$f" port 8081
rc_is "set: exit 0" 0
changed "set: one value and its comment's line" "< port = 0x1F90
> port = 8081"
run "$conf" set "$f" port 8080
like "set: an equal value stays as it is written" "$out" "*changed: no*"
changed "set: and the file the same" ""
before=$(stat -c %i "$f")
run "$conf" set "$f" name alpha
is "set: no change, no new file" "$(stat -c %i "$f")" "$before"
run "$conf" set --json "$f" a.b.z 'two words'
is "set --json: changed" "$(printf %s "$out" | jq -c '[.schema, .key, .changed]')" '[1,"a.b.z",true]'
run "$conf" set --json "$f" a.b.z 'two words'
is "set: a second time changes nothing" "$(printf %s "$out" | jq .changed)" false
changed "set: a new key is text where it is no TOML" '> z = "two words"'
run "$conf" set "$f" s.0.t '[1, "x"]'
changed "set: an array in the first element" '> t = [1, "x"]'
run "$conf" set --string "$f" a.b.y 2.5
changed "set --string" '< y = 1.5
> y = "2.5"'
run "$conf" set "$f" a.n -5
changed "set: a negative number needs no --" "> n = -5"
run "$conf" set "$f" a.n -- -x
changed "set: text with a dash behind --" '> n = "-x"'
run "$conf" set "$f" a.n ''
changed "set: empty text" '> n = ""'
run "$conf" set "$f" '"a.b"."c d"' true
changed "set: keys that need quotes" '> 
> ["a.b"]
> "c d" = true'
run "$conf" set "$f" a.n "$(printf '\377')"
rc_is "set: not UTF-8" 2
run "$conf" set "$f" a 1
rc_is "set: not over a table" 3
like "set: which says where" "$err" "hal0-conf: $f:5:1: a: *"
run "$conf" set "$f" s.2.n 1
rc_is "set: past the end of an array" 3
changed "set: refusals change nothing" ""
run "$conf" set "$tmp/bad.toml" a 2
rc_is "set: a broken file is refused" 3
is "set: and untouched" "$(cat "$tmp/bad.toml")" "a = 1
b = "
run "$conf" set "$tmp/new.toml" t.k v
is "set: a new file" "$(cat "$tmp/new.toml")" '[t]
k = "v"'
run "$conf" set "$tmp/no/new.toml" t.k v
rc_is "set: no such directory" 6
ln -s f.toml "$tmp/link.toml"
run "$conf" set "$tmp/link.toml" port 1
rc_is "set: a symbolic link is refused" 4
run "$conf" set --dry-run "$tmp/link.toml" port 1
rc_is "set --dry-run: with the same exit code" 4
changed "set: through the link nothing" ""
chmod 640 "$f"
run "$conf" set "$f" port 1
is "set: the mode stays" "$(stat -c %a "$f")" 640
is "set: nothing is left behind" "$(find "$tmp" -name '.*hal0*')" ""
fresh

# --- dry run
run "$conf" set --dry-run "$f" port 1
rc_is "dry run: exit 0" 0
is "dry run: a unified diff" "$out" "--- a/${f#/}
+++ b/${f#/}
@@ -1,6 +1,6 @@
 # service
 name = \"alpha\" # short
-port = 0x1F90
+port = 1
 
 [a]
 list = [1, 2,"
run "$conf" set --dry-run --json "$f" port 1
is "dry run --json" "$(printf %s "$out" | jq -c '[.changed, (.diff | length > 50)]')" "[true,true]"
run "$conf" set --dry-run "$tmp/absent.toml" k 1
is "dry run: a new file" "$(printf '%s\n' "$out" | sed -n '1p;4p')" "--- /dev/null
+k = 1"
ok "dry run: is not made" test ! -e "$tmp/absent.toml"
run "$conf" unset --dry-run "$f" port
is "dry run: unset" "$(printf '%s\n' "$out" | grep -c '^[-+][^-+]')" 1
changed "dry run: nothing is written" ""

# --- unset
run "$conf" unset "$f" a.day
rc_is "unset: exit 0" 0
changed "unset: the line" "< day = 1979-05-27 07:32:00.5Z"
run "$conf" unset "$f" s.0
changed "unset: an element" "< n = 1
< [[s]]"
run "$conf" unset --json "$f" nope
is "unset: not there, no change" "$(printf %s "$out" | jq .changed)" false
rc_is "unset: not there is no error" 0
run "$conf" unset "$tmp/absent.toml" a
rc_is "unset: a missing file" 6
run "$conf" unset - a
rc_is "unset: standard input is refused" 2

# --- CRLF and a byte order mark
printf '\357\273\277a = 1\r\n[t]\r\nb = 2' >"$tmp/dos.toml"
"$conf" set "$tmp/dos.toml" t.c 3 >/dev/null
"$conf" set "$tmp/dos.toml" a 9 >/dev/null
is "a file with CRLF and a byte order mark" "$(od -An -c "$tmp/dos.toml" | tr -d ' \n')" \
  '357273277a=9\r\n[t]\r\nb=2\r\nc=3\r\n'

# --- dump
run "$conf" dump "$f"
is "dump" "$(printf %s "$out" | jq -c .s)" '[{"n":1},{"n":2}]'
run "$conf" dump --tagged "$f"
is "dump --tagged" "$(printf %s "$out" | jq -c '.port,.a.day')" \
  '{"type":"integer","value":"8080"}
{"type":"datetime","value":"1979-05-27T07:32:00.500Z"}'
out=$(printf 'x = nan\n' | "$conf" dump --tagged -)
is "dump: standard input" "$(printf %s "$out" | jq -c .)" '{"x":{"type":"float","value":"nan"}}'
rc=0
err=$(printf 'x = 1\nx = 2\n' | "$conf" dump - 2>&1) || rc=$?
rc_is "dump: an invalid file is exit 3" 3
like "dump: with line and column" "$err" "hal0-conf: stdin:2:1: x: *"
rc=0
head -c 17000000 /dev/zero | "$conf" dump - >/dev/null 2>"$tmp/err" || rc=$?
rc_is "dump: too large" 3
rc=0
"$conf" dump --tagged "$f" >/dev/full 2>"$tmp/err" || rc=$?
rc_is "dump: a full disk is an error" 6

# --- files that change sets cover
etc=$HAL0_HOME/etc/hal0
mkdir -p "$etc/slots"
printf 'name = "chat"\nport = 8081 # p\ndevice = "cpu"\n' >"$etc/slots/chat.toml"
run "$conf" set "$etc/slots/chat.toml" port 8090
rc_is "below etc: exit 0" 0
is "below etc: set" "$(sed -n 2p "$etc/slots/chat.toml")" "port = 8090 # p"
run "$conf" get "$etc/slots/chat.toml" port
is "below etc: get" "$out" 8090
run env -C "$etc/slots" "$conf" set chat.toml device gpu-vulkan --dry-run
like "below etc: a relative path is the same file" "$out" "--- a/slots/chat.toml*"
run "$conf" set "$etc/slots/chat.toml" device gpu-rcom
rc_is "below etc: a value the schema refuses" 2
like "below etc: names the nearest" "$err" "*device*gpu-rocm*"
run "$conf" set "$etc/slots/chat.toml" model.default 12
is "below etc: the key's type decides" "$(sed -n '/model/,$p' "$etc/slots/chat.toml")" '[model]
default = "12"'
run "$conf" set "$etc/slots/chat.toml" own.key 1.50
like "below etc: unknown keys are let in" "$(cat "$etc/slots/chat.toml")" "*key = 1.50*"
run "$conf" set "$etc/slots/chat.toml" port 8090
like "below etc: no change" "$out" "*changed: no*"
run "$conf" set "$etc/hardware.json" a 1
is "below etc: a file outside change sets is a plain one" "$(cat "$etc/hardware.json")" "a = 1"

mv "$etc/slots/chat.toml" "$tmp/chat.toml"
ln -s "$tmp/chat.toml" "$etc/slots/chat.toml"
run "$conf" set "$etc/slots/chat.toml" port 8091
rc_is "below etc: a symbolic link is refused" 4
run "$conf" set --dry-run "$etc/slots/chat.toml" port 8091
rc_is "below etc: as a dry run says" 4
rm -r "$etc"
run "$conf" set --dry-run "$etc/slots/new.toml" port 80810
rc_is "below etc: nothing there yet, a bad value" 2
ok "below etc: a dry run makes no directory" test ! -e "$etc"
run env -C "$HAL0_HOME" mkdir -p etc/hal0
run env -C "$HAL0_HOME" "$conf" set etc/hal0/slots/new.toml port 8081
is "below etc: the first slot file" "$(cat "$etc/slots/new.toml")" "port = 8081"

# --- two at once lose nothing
: >"$tmp/many.toml"
i=0
while [ $i -lt 20 ]; do
  "$conf" set "$tmp/many.toml" "k$i" $i >/dev/null &
  i=$((i + 1))
done
wait
is "twenty at once: all keys are there" "$(grep -c = "$tmp/many.toml")" 20

for verb in get set unset dump; do
  run "$conf" $verb -h
  rc_is "$verb -h" 0
  run "$conf" $verb
  rc_is "$verb without operands" 2
done
tap_done
