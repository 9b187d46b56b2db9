#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A command over many slots reads what the others need once, and a refusal names the largest of
# them. The podman of this test is a FAKE that says all of them run, as the process of this test.
# shellcheck disable=SC2016 # the FAKE's variables are its own
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"

slot=$HAL0_BUILD/cmd/hal0-slot
export HAL0_HOME="$tmp/home"
unset HAL0_MODEL_STORE HAL0_PODMAN_TIMEOUT
etc=$HAL0_HOME/etc/hal0
models=$HAL0_HOME/var-lib/hal0/models
mkdir -p "$etc/slots" "$models"
"$HAL0_BUILD/scripts/tiny-gguf" "$models/m0.gguf" >/dev/null

add() { # NUMBER: a slot with a model of its own, and its container
  cp "$models/m0.gguf" "$models/m$1.gguf"
  printf 'port = %d\ntype = "llm"\ndevice = "cpu"\nimage = "localhost/hal0-fake:1"\n[model]\ndefault = "m%d"\n' \
    $((8100 + $1)) "$1" >"$etc/slots/room-$1.toml"
  printf '%s{"Names":["hal0-slot-room-%d"],"Id":"%064d","State":"running","Pid":%d,"StartedAt":1,"Labels":' \
    "$comma" "$1" "$1" $$ >>"$tmp/ps"
  printf '{"io.hal0.slot":"room-%d","io.hal0.home":"%s","io.hal0.port":"%d"}}' "$1" "$HAL0_HOME" \
    $((8100 + $1)) >>"$tmp/ps"
  comma=,
}
comma='['
names=
i=0
while [ "$i" -lt 24 ]; do
  i=$((i + 1))
  add "$i"
  names="$names room-$i"
done
echo ']' >>"$tmp/ps"
printf '#!/bin/sh\n[ "$1" != ps ] || cat "%s/ps"\n' "$tmp" >"$tmp/podman"
chmod 755 "$tmp/podman"
export HAL0_PODMAN="$tmp/podman"

# ---- reads ----
opens() { # NAMES...: how often a model is opened for a restart of these
  strace -f -qq -o "$tmp/trace" -e trace=open,openat "$slot" restart --dry-run "$@" >/dev/null 2>"$tmp/said" ||
    sed 's/^/# /' "$tmp/said" >&2
  grep -c '\.gguf"' "$tmp/trace"
}
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
  one=$(opens room-1)
  # shellcheck disable=SC2086
  all=$(opens $names)
  ok "a model is read at all, also those of the others ($one times)" test "$one" -ge 24
  ok "for 24 slots less than three times as often as for one ($all times)" test "$all" -lt $((one * 3))
else
  tap_result 0 "reads # SKIP strace cannot be used here"
fi

# ---- who needs nobody knows what ----
run "$slot" fit room-1
is 'what the others need is known' "$(printf %s "$err" | grep -c 'nobody can say')" 0
printf 'port = 8102\ntype = "tts"\ndevice = "cpu"\nimage = "localhost/hal0-fake:1"\n[model]\ndefault = "kokoro-v1"\n' >"$etc/slots/room-2.toml"
run "$slot" fit room-1
like 'of a program that does not tell it is said, not taken for nothing' "$err" '*nobody can say*by now is counted: room-2'

# ---- the message ----
"$slot" set room-1 model.context_size=1073741824 >/dev/null 2>&1
run "$slot" restart --dry-run room-1
rc_is 'what cannot fit is refused' 1
like 'with the largest of the others, and how many more' "$err" '*other slots: room-*, room-* and 18 more;*'
is 'which are five' "$(printf '%s\n' "$err" | sed 's/.*other slots: //; s/ and .*//' | tr ',' '\n' | wc -l | tr -d ' ')" 5
tap_done
