#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# kill.sh [--all] [DIR...]: kills a built program at every system call of a change, and looks at what is
# left: through hal0's own readers before recovery, in the plain files after it. Two changes: hal0-conf
# undoing one of three files (one changed, one removed, one created), and hal0-cap applying a document
# to capabilities.toml and three slots (two changed, one created), with comments in all of them. The
# latter twice: the second time somebody edits a file between the kill and the recovery; without --all
# at the calls that touch the disk alone, the second time at those that move names. Each DIR is a place
# to do this in, such as a mount of another file system; without one, a temporary directory.
# shellcheck disable=SC2317 # functions are called by name
HAL0_SOURCE=${HAL0_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
HAL0_BUILD=${HAL0_BUILD:-$HAL0_SOURCE/build}
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
conf=$HAL0_BUILD/cmd/hal0-conf
cap=$HAL0_BUILD/cmd/hal0-cap
apply=$HAL0_BUILD/test/fault/txn-apply

{ [ -x "$conf" ] && [ -x "$cap" ] && [ -x "$apply" ]; } || skip_all "$conf, $cap or $apply is not built"
command -v strace >/dev/null || skip_all "strace is not installed"
strace -o "$tmp/probe" true 2>/dev/null || skip_all "tracing is not permitted here"
if ldd "$apply" | grep -q asan; then skip_all "a sanitizer makes calls of its own"; fi

# The plain files as one line; snapshots are shown in the same form.
files() {
  (
    cd "$HAL0_HOME/etc/hal0" 2>/dev/null || exit 0
    set --
    for f in *.toml *.bak slots/*.toml; do
      [ -f "$f" ] && set -- "$@" "$f"
    done
    [ $# = 0 ] || awk 'FNR == 1 { printf("%s%s=", (NR > 1 ? " " : ""), FILENAME) }
      { printf("%s\\n", $0) } END { printf(" ") }' "$@"
  )
}
snapshot() { "$apply" --show "$HAL0_HOME/etc/hal0" 2>&1 | tr '\n' ' '; }
leftovers() {
  find "$HAL0_HOME" -name '*~' -o -name 'journal*' -o -name '*.hal0-new' | wc -l
}

# ---- the changes: NAME_start makes the state before, NAME_run the change ----
# generation 2 is "old"; the change that is killed is the undo of it
undo_start() {
  "$apply" "$HAL0_HOME/etc/hal0" 'capabilities.toml=n = 2' 'slots/b.toml=n = 2' &&
    "$apply" "$HAL0_HOME/etc/hal0" 'capabilities.toml=n = 1' 'slots/a.toml=n = 1' slots/b.toml-
}
undo_run() { "$@" "$conf" undo; }

cat >"$tmp/box.toml" <<'END'
[selections.voice]
tts = {enabled = true, device = "cpu"}
stt = {enabled = true, provider = "moonshine", device = "cpu"}
[selections.img.img]
enabled = true
device = "gpu-vulkan"
[slots.stt]
port = 8197 # the first free one depends on the moment
END
apply_start() {
  mkdir -p "$HAL0_HOME/etc/hal0/slots"
  # of version 1, so that it is migrated on the way, and its backup is part of the change
  cat >"$HAL0_HOME/etc/hal0/capabilities.toml" <<'END'
# by hand
[selections.voice.tts] # speech
backend = "kokoro" # small
model = ""
enabled = false
END
  cat >"$HAL0_HOME/etc/hal0/slots/tts.toml" <<'END'
# mine
port = 8084 # as ever
type = "tts"
device = "gpu-vulkan"
enabled = false # for now
END
  cat >"$HAL0_HOME/etc/hal0/slots/img.toml" <<'END'
# pictures
[slot]
port = 8188
type = "image"
device = "gpu-rocm" # or vulkan
enabled = false
[notes]
kept = true
END
}
apply_run() { "$@" "$cap" apply --no-start -f "$tmp/box.toml"; }
edited=slots/tts.toml
hand='# edited by hand'

# ---- killing ----
start_at() { # DIR CHANGE WHY
  export HAL0_HOME="$1/kill.$$"
  start="$1/kill.$$.start"
  calls=0 n_old=0 n_new=0 raw_mixed=0 reader_mixed=0 mixed=0 left=0 failed=0 undone=0
  rm -rf "$HAL0_HOME" "$start"
  mkdir -p "$HAL0_HOME"
  "$2_start" || exit 1
  cp -a "$HAL0_HOME" "$start"
  old=$(files)
  "$2_run" strace -f -qq -o "$tmp/calls" >"$tmp/out" 2>&1 || sed 's/^/# /' "$tmp/out"
  new=$(files)
  isnt "$1: $2 changes files, $3" "$old" "$new"
  sed -E -n 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "$tmp/calls" | sort | uniq -c >"$tmp/counts"
}
isnt() { ok "$1" test "$2" != "$3"; }
kill_at() { # CHANGE CALL NUMBER
  rm -rf "$HAL0_HOME"
  cp -a "$start" "$HAL0_HOME"
  # strace dies of the signal its child died of; what the shell says of that goes with the rest
  (
    "$1_run" strace -f -qq -o /dev/null -e "inject=$2:signal=KILL:when=$3"
    :
  ) >/dev/null 2>&1
  calls=$((calls + 1))
}
each_call() { # COMMAND...: with the name and number of each system call that is in $only
  while read -r count name; do
    case " exit_group $only " in
    " exit_group * " | *" $name "*) [ "$name" != exit_group ] || continue ;;
    *) continue ;;
    esac
    k=0
    while [ "$k" -lt "$count" ]; do
      k=$((k + 1))
      "$@" "$name" "$k"
    done
  done <"$tmp/counts"
}

look_after() { # CHANGE CALL NUMBER
  kill_at "$@"
  raw=$(files)
  [ "$raw" = "$old" ] || [ "$raw" = "$new" ] || raw_mixed=$((raw_mixed + 1))
  seen=$(snapshot)
  [ "$seen" = "$old" ] || [ "$seen" = "$new" ] || {
    reader_mixed=$((reader_mixed + 1))
    printf '# %s %s: a reader sees %s\n' "$2" "$3" "$seen"
  }
  "$conf" recover >/dev/null 2>"$tmp/err" || {
    failed=$((failed + 1))
    sed 's/^/# /' "$tmp/err"
  }
  raw=$(files)
  case $raw in
  "$old") n_old=$((n_old + 1)) ;;
  "$new") n_new=$((n_new + 1)) ;;
  *)
    mixed=$((mixed + 1))
    printf '# %s %s: %s\n' "$2" "$3" "$raw"
    ;;
  esac
  [ "$raw" = "$seen" ] || undone=$((undone + 1))
  left=$((left + $(leftovers)))
}

kill_everywhere() { # DIR CHANGE
  start_at "$1" "$2" "to be killed"
  each_call look_after "$2"
  rm -rf "$HAL0_HOME" "$start"
  printf '# %s (%s): %s killed at %d system calls: %d old, %d new, %d mixed, %d leftovers; ' \
    "$1" "$(stat -f -c %T "$1")" "$2" "$calls" "$n_old" "$n_new" "$mixed" "$left"
  printf 'before recovery the plain files were a mix at %d, a snapshot at %d\n' \
    "$raw_mixed" "$reader_mixed"
  ok "$1: $2 killed at many system calls ($calls), on both sides of the commit ($n_old, $n_new)" \
    test "$calls" -gt 60 -a "$n_old" -gt 20 -a "$n_new" -gt 5
  is "$1: $2: recovery always worked" "$failed" 0
  is "$1: $2: no mix after recovery" "$mixed" 0
  is "$1: $2: no leftovers after recovery" "$left" 0
  is "$1: $2: no mix in a snapshot before recovery" "$reader_mixed" 0
  is "$1: $2: recovery gives what the snapshot had shown" "$undone" 0
  ok "$1: $2: the plain files were a mix at times, so there was something to see ($raw_mixed)" \
    test "$raw_mixed" -gt 0
}

# Somebody saves one of the files, as they see it, with a line of their own, before anybody recovers.
edit_after() { # CHANGE CALL NUMBER
  kill_at "$@"
  file=$HAL0_HOME/etc/hal0/$edited
  printf '%s\n' "$hand" | cat "$file" - >"$tmp/edit" && cat "$tmp/edit" >"$file"
  rc=0
  "$conf" recover >/dev/null 2>"$tmp/err" || rc=$?
  case $rc in
  0) ;;
  4) conflicts=$((conflicts + 1)) ;;
  *) failed=$((failed + 1)) ;;
  esac
  [ "$(tail -n 1 "$file")" = "$hand" ] || {
    lost=$((lost + 1))
    printf '# %s %s: the edit is lost\n' "$2" "$3"
  }
  "$conf" dump "$file" >/dev/null 2>&1 || failed=$((failed + 1))
  # nothing is lost of the change either: it is in place, or beside the edit, or was not made
  grep -q 'schema_version = 2' "$HAL0_HOME/etc/hal0/capabilities.toml" && n_new=$((n_new + 1))
  case "$rc $(ls "$file.hal0-new" 2>/dev/null)" in
  "4 $file.hal0-new") rm "$file.hal0-new" ;;
  4*) failed=$((failed + 1)) ;;
  esac
  left=$((left + $(leftovers)))
}
edit_everywhere() { # DIR CHANGE
  conflicts=0 lost=0
  start_at "$1" "$2" "to be edited"
  each_call edit_after "$2"
  rm -rf "$HAL0_HOME" "$start"
  printf '# %s: %s killed at %d system calls, then a hand edit: %d lost, %d conflicts, %d after the commit\n' \
    "$1" "$2" "$calls" "$lost" "$conflicts" "$n_new"
  is "$1: $2: no hand edit is lost" "$lost" 0
  is "$1: $2: recovery works or says conflict, and every file parses" "$failed" 0
  is "$1: $2: nothing else is left" "$left" 0
  ok "$1: $2: there were conflicts to tell ($conflicts)" test "$conflicts" -gt 0
}

disk="openat write ftruncate fchmod fchown fsync fdatasync renameat renameat2 unlinkat mkdirat flock"
names="renameat renameat2 unlinkat fsync"
if [ "${1:-}" = --all ]; then
  disk='*' names='*'
  shift
fi
if [ $# -eq 0 ]; then
  mkdir "$tmp/dir"
  set -- "$tmp/dir"
fi
for dir; do
  only='*'
  kill_everywhere "$dir" undo
  only=$disk
  kill_everywhere "$dir" apply
  only=$names
  edit_everywhere "$dir" apply
done
tap_done
