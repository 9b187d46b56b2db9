#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# race.sh [ROUNDS]: two hal0-cap set and an editor's save at the same time, again and again. Every
# file always parses; what a command reports as done is there; what the editor saved is there; what
# lost is reported with exit 4 and kept beside the file. An editor that saves what it read before a
# change takes that change back: that is the editor's doing, told from a loss by what it had read.
# Writes TAP. Environment: as every test.
. "$HAL0_SOURCE/test/tap.sh"
rounds=${1:-25}
cap=$HAL0_BUILD/cmd/hal0-cap conf=$HAL0_BUILD/cmd/hal0-conf
export HAL0_HOME="$tmp/home"
etc=$HAL0_HOME/etc/hal0
mkdir -p "$etc/slots"
for s in tts img stt; do
  case $s in
  tts) type=tts port=8084 ;;
  img) type=image port=8188 ;;
  stt) type=transcription port=8085 ;;
  esac
  printf '# by hand\nport = %s # kept\ntype = "%s"\nprovider = "%s"\ndevice = "cpu" # where\n' "$port" \
    "$type" "$(echo "$type" | sed 's/tts/kokoro/; s/image/comfyui/; s/transcription/moonshine/')" \
    >"$etc/slots/$s.toml"
done
sed -i 's/"cpu"/"gpu-rocm"/' "$etc/slots/img.toml"
echo 'enabled = false' >>"$etc/slots/stt.toml"
printf '# the box\n' | cat - >"$etc/capabilities.toml"
printf 'schema_version = 2\n' >>"$etc/capabilities.toml"
run "$cap" on tts --no-start
rc_is "tts is on" 0
run "$cap" on img --no-start --device gpu-rocm
rc_is "img is on" 0

device_of() { # FILE CAPABILITY: of a slot file, or of a record of capabilities.toml
  awk -v want="[selections.$2]" '/^\[/ { in_it = $0 == want } /^device/ && (in_it || want == "[selections.]") {
    gsub(/"/, "", $3); print $3; exit }' "$1"
}
# Reads the file, thinks, and saves it whole under its name, as editors do.
editor() { # FILE ROUND
  grep -v '^# round' "$1" >"$tmp/read"
  [ $(($2 % 3)) = 0 ] || sleep "0.00$(($2 % 7))"
  { cat "$tmp/read"; echo "# round $2"; } >"$tmp/saved" && cp "$tmp/saved" "$1.edit" && mv "$1.edit" "$1"
}
set_device() { # CAPABILITY DEVICE NAME: its exit code to $tmp/NAME.rc
  _rc=0
  "$cap" set "$1" --device "$2" --no-start >"$tmp/$3.out" 2>&1 || _rc=$?
  echo "$_rc" >"$tmp/$3.rc"
}
# A command said "done": its value is in FILE, or the editor saved a copy that never had it.
holds() { # FILE CAPABILITY WANT
  [ "$(device_of "$1" "$2")" = "$3" ] && return
  if [ "$1" = "$target" ] && [ "$(device_of "$tmp/read" "$2")" != "$3" ]; then
    stale=$((stale + 1))
    return
  fi
  lost=$((lost + 1))
  printf '# round %s: %s of %s is lost\n' "$n" "$3" "$1"
}

n=0 lost=0 bad=0 unparsed=0 conflicts=0 stale=0 beside=0 done=0
while [ "$n" -lt "$rounds" ]; do
  n=$((n + 1))
  case $((n % 2)) in
  0) a=cpu b=gpu-rocm ;;
  1) a=gpu-vulkan b=gpu-vulkan ;;
  esac
  case $((n % 4)) in
  0 | 1) target=$etc/slots/tts.toml ;;
  *) target=$etc/capabilities.toml ;;
  esac
  set_device tts "$a" a &
  pa=$!
  set_device img "$b" b &
  pb=$!
  editor "$target" "$n" &
  wait $pa $pb $!
  for f in "$etc/capabilities.toml" "$etc"/slots/*.toml; do
    "$conf" dump "$f" >/dev/null 2>&1 || unparsed=$((unparsed + 1))
    grep -q '^# \(by hand\|the box\)$' "$f" || lost=$((lost + 1))
  done
  tail -n 3 "$target" | grep -qx "# round $n" || grep -qx "# round $n" "$target" || {
    lost=$((lost + 1))
    printf '# round %s: the edit of %s is lost\n' "$n" "$target"
  }
  for x in a b; do
    case $x in
    a) c=tts g=voice.tts w=$a ;;
    b) c=img g=img.img w=$b ;;
    esac
    case $(cat "$tmp/$x.rc") in
    0)
      done=$((done + 1))
      holds "$etc/capabilities.toml" "$g" "$w"
      holds "$etc/slots/$c.toml" "" "$w"
      ;;
    4) conflicts=$((conflicts + 1)) ;;
    *)
      bad=$((bad + 1))
      sed "s/^/# round $n: /" "$tmp/$x.out"
      ;;
    esac
  done
  for f in "$etc"/*.hal0-new "$etc"/slots/*.hal0-new; do
    [ -e "$f" ] || continue
    beside=$((beside + 1))
    rm "$f"
  done
  # somebody merges what was a conflict: both tell the same again
  run "$conf" recover
  [ "$rc" = 0 ] || bad=$((bad + 1))
  "$cap" set tts --device "$a" --no-start >/dev/null 2>&1 || bad=$((bad + 1))
  "$cap" set img --device "$b" --no-start >/dev/null 2>&1 || bad=$((bad + 1))
done
printf '# %d rounds: %d done, %d conflicts (exit 4; %d kept beside a file), %d times the editor saved an old copy\n' \
  "$n" "$done" "$conflicts" "$beside" "$stale"
is "every file always parses" "$unparsed" 0
is "no update is lost" "$lost" 0
is "every command was done, or reported a conflict" "$bad" 0
run "$cap" check
rc_is "files and slots tell the same in the end" 0
is "nothing is left" "$(find "$etc" -name '*~' -o -name journal -o -name '*.hal0-new')" ""
tap_done
