#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0's files on each file system that is at hand: killed at many system calls (kill.sh), full,
# out of inodes, read-only in mid-use, /etc/hal0 and /var/lib/hal0 on two of them. In a mount namespace of
# its own: what is mounted here is gone with it. Needs root; what cannot be mounted is skipped and said.
#   file-systems.sh [KIND...]   tmpfs ext4 btrfs xfs overlay; HAL0_FS_ALL=1: killed everywhere, too
# shellcheck disable=SC2317,SC2016 # functions are called by name; a script for another shell
HAL0_SOURCE=${HAL0_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
HAL0_BUILD=${HAL0_BUILD:-$HAL0_SOURCE/build}
export HAL0_SOURCE HAL0_BUILD
if [ -z "${FS_ALONE-}" ]; then
  export FS_ALONE=1
  unshare -nm true 2>/dev/null &&
    exec unshare -nm sh -c 'ip link set lo up; mount --make-rprivate / && exec sh "$0" "$@"' "$0" "$@"
fi
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
: "${tmp:?}"
PATH=$PATH:/usr/sbin:/sbin:$HAL0_BUILD/cmd
[ "$(id -u)" = 0 ] || skip_all "only root may mount"
mount -t tmpfs none /mnt 2>/dev/null || skip_all "mounting is not permitted here"
umount /mnt
export FALSE_PODMAN="$tmp/podman" HAL0_PODMAN="$HAL0_BUILD/test/fault/false-podman" NO_COLOR=1
unset HAL0_MODEL_STORE
loops=
tap_cleanup() {
  cd /
  for ctr in "$FALSE_PODMAN"/c/*; do
    [ ! -e "$ctr" ] || "$HAL0_PODMAN" rm "${ctr##*/}"
  done
  awk -v top="$tmp/m/" 'index($2, top) == 1 { print length($2), $2 }' /proc/self/mounts | sort -rn |
    while read -r _ m; do umount "$m" 2>/dev/null || umount -l "$m"; done
  for l in $loops; do losetup -d "$l" 2>/dev/null; done
  rm -rf "$tmp"
}
mkdir "$tmp/m"

# ---- mounting ----
why=
image() { # KIND NAME SIZE MKFS-OPTION...: a loop mount at $tmp/m/NAME
  kind=$1 name=$2 size=$3
  shift 3
  why="mkfs.$kind is not installed"
  command -v "mkfs.$kind" >/dev/null || return 1
  truncate -s "$size" "$tmp/$name.img" && mkdir -p "$tmp/m/$name" || return 1
  why="mkfs.$kind fails"
  "mkfs.$kind" "$@" "$tmp/$name.img" >"$tmp/mkfs.out" 2>&1 || return 1
  why="a $kind cannot be mounted here"
  loop=$(losetup -f --show "$tmp/$name.img" 2>/dev/null) || return 1
  loops="$loops $loop"
  mount -t "$kind" "$loop" "$tmp/m/$name" 2>/dev/null
}
mounted() { # KIND NAME
  mkdir -p "$tmp/m/$2"
  case $1 in
  tmpfs) mount -t tmpfs none "$tmp/m/$2" ;;
  ext4) image ext4 "$2" 64M -q -F ;;
  btrfs) image btrfs "$2" 128M -q -f ;;
  xfs) image xfs "$2" 320M -q -f ;;
  overlay)
    why="an overlay cannot be mounted here"
    mkdir -p "$tmp/m/under-$2" && mount -t tmpfs none "$tmp/m/under-$2" &&
      mkdir -p "$tmp/m/under-$2/lower/slots" "$tmp/m/under-$2/upper" "$tmp/m/under-$2/work" &&
      mount -t overlay overlay -o "lowerdir=$tmp/m/under-$2/lower,upperdir=$tmp/m/under-$2/upper,workdir=$tmp/m/under-$2/work" \
        "$tmp/m/$2" 2>/dev/null
    ;;
  *) return 1 ;;
  esac
}

# ---- a home on it ----
"$HAL0_BUILD/scripts/tiny-gguf" "$tmp/tiny.gguf" >/dev/null
slot() { # NAME PORT
  printf '# mine\nport = %s # fixed\ntype = "llm"\ndevice = "cpu"\nimage = "localhost/fake:1"\n\n[model]\ndefault = "tiny"\n' \
    "$2" >"$HAL0_HOME/etc/hal0/slots/$1.toml"
}
home() { # DIR
  export HAL0_HOME="$1"
  mkdir -p "$HAL0_HOME/etc/hal0/slots" "$HAL0_HOME/var-lib/hal0/models" "$HAL0_HOME/run/hal0"
  cp "$tmp/tiny.gguf" "$HAL0_HOME/var-lib/hal0/models/"
  slot a 8101
  slot b 8102
  printf '[selections.embed]\nembed = {enabled = true, device = "cpu", model = "tiny"}\n' >"$tmp/box.toml"
}
files() { (cd "$HAL0_HOME/etc/hal0" && cat -- *.toml slots/*.toml 2>/dev/null | sha256sum); }
left() { find "$HAL0_HOME" -name '*~' ! -name '*.hal0-w~' -o -name 'journal' -o -name 'journal.new' | wc -l; }
does() { # NAME WANT COMMAND...
  _what=$1 _want=$2
  shift 2
  run "$@"
  rc_is "$_what" "$_want"
}

ordinary() { # KIND
  does "$1: create" 0 hal0-slot create c --model tiny --device cpu port=8110
  does "$1: set" 0 hal0-slot set a model.context_size=2048
  does "$1: a comment stays" 0 grep -q '# fixed' "$HAL0_HOME/etc/hal0/slots/a.toml"
  does "$1: cap apply" 0 hal0-cap apply --no-start -f "$tmp/box.toml"
  does "$1: undo" 0 hal0-conf undo
  does "$1: start" 0 hal0-slot start a
  does "$1: stop" 0 hal0-slot stop a
  does "$1: model add" 0 hal0-model add "$tmp/tiny.gguf" --copy --name copied
  does "$1: model rm" 0 hal0-model rm copied --yes
  does "$1: delete" 0 hal0-slot delete c --yes
  does "$1: probe" 0 hal0-probe update --quiet
  does "$1: check" 0 hal0-conf check
  is "$1: nothing is left" "$(left)" 0
}

killed() { # KIND: kill.sh's own tests, on this file system
  if [ -n "${HAL0_FS_ALL-}" ]; then
    HAL0_HOME='' sh "$HAL0_SOURCE/test/fault/kill.sh" "$tmp/m/$1" >"$tmp/killed" 2>&1
    rc=$?
    grep '^#' "$tmp/killed"
    is "$1: killed at every call that touches the disk" "$rc" 0
  elif command -v strace >/dev/null && strace -o "$tmp/probe" true 2>/dev/null; then
    before=$(files)
    hal0-slot set a model.context_size=777 b=1 2>/dev/null
    cp -a "$HAL0_HOME" "$tmp/start"
    hal0-cap apply --no-start -f "$tmp/box.toml" >/dev/null 2>&1
    after=$(files)
    mixed=0 n=0
    for call in fsync:1 fsync:4 renameat2:1 renameat2:2 renameat:1 unlinkat:1 write:2; do
      rm -rf "${HAL0_HOME:?}/etc"
      cp -a "$tmp/start/etc" "$HAL0_HOME/"
      before=$(files)
      # strace dies of the signal its child died of; what the shell says of that goes with the rest
      (
        strace -f -qq -o /dev/null -e "inject=${call%:*}:signal=KILL:when=${call#*:}" \
          hal0-cap apply --no-start -f "$tmp/box.toml"
        :
      ) >/dev/null 2>&1
      hal0-conf recover >/dev/null 2>&1 || mixed=$((mixed + 1))
      now=$(files)
      [ "$now" = "$before" ] || [ "$now" = "$after" ] || mixed=$((mixed + 1))
      n=$((n + 1 + $(left) * 100))
    done
    rm -rf "$tmp/start"
    is "$1: killed seven times: old or new, nothing left" "$mixed $n" "0 7"
  else
    ok "$1: killed # SKIP strace is not installed, or may not trace" true
  fi
}

kinds=${*:-tmpfs ext4 btrfs xfs overlay}
for kind in $kinds; do
  if ! mounted "$kind" "$kind"; then
    ok "$kind # SKIP $why" true
    continue
  fi
  home "$tmp/m/$kind/h"
  ordinary "$kind"
  killed "$kind"
done

# ---- full ----
fill_up() { # DIR: not a byte is left
  dd if=/dev/zero of="$1/ballast" bs=64k 2>/dev/null
  dd if=/dev/zero of="$1/ballast2" bs=1 count=70000 2>/dev/null
}
no_room() { # NAME TEXT
  before=$(files)
  for verb in "hal0-slot create c --model tiny --device cpu port=8110" "hal0-slot set a model.context_size=2048" \
    "hal0-cap apply --no-start -f $tmp/box.toml" "hal0-profile clone vulkan mine" "hal0-model add $tmp/tiny.gguf --copy --name copied"; do
    # shellcheck disable=SC2086
    run $verb
    rc_is "$1: ${verb%% --*} fails" 6
    like "$1: and says why" "$err" "*$2*"
  done
  is "$1: no file has changed" "$(files)" "$before"
}
if mount -t tmpfs -o size=3m none "$(mkdir -p "$tmp/m/full" && echo "$tmp/m/full")"; then
  home "$tmp/m/full/h"
  does "a slot runs" 0 hal0-slot start a
  fill_up "$tmp/m/full"
  no_room full "No space left on device"
  does "full: a slot can be stopped" 0 hal0-slot stop a
  does "full: list works" 0 hal0-slot list
  rm "$tmp/m/full/ballast" "$tmp/m/full/ballast2"
  does "room again: set works" 0 hal0-slot set a model.context_size=2048
  does "room again: check" 0 hal0-conf check
  is "room again: nothing is left" "$(left)" 0
fi
if mount -t tmpfs -o size=8m,nr_inodes=40 none "$(mkdir -p "$tmp/m/inodes" && echo "$tmp/m/inodes")"; then
  home "$tmp/m/inodes/h"
  i=0
  while touch "$tmp/m/inodes/x$i" 2>/dev/null; do i=$((i + 1)); done
  no_room "no inodes" "No space left on device"
  rm -f "$tmp/m/inodes"/x*
  does "inodes again: set works" 0 hal0-slot set a model.context_size=2048
fi

# ---- read-only in mid-use ----
if mount -t tmpfs none "$(mkdir -p "$tmp/m/ro" && echo "$tmp/m/ro")"; then
  home "$tmp/m/ro/h"
  does "a slot runs there" 0 hal0-slot start a
  mount -o remount,ro "$tmp/m/ro"
  no_room "read-only" "Read-only file system"
  does "read-only: list works" 0 hal0-slot list
  does "read-only: status tells that it runs" 0 hal0-slot status a
  does "read-only: check works" 0 hal0-conf check
  mount -o remount,rw "$tmp/m/ro"
  does "writable again: set works" 0 hal0-slot set a model.context_size=2048
  does "writable again: stop works" 0 hal0-slot stop a
fi

# ---- two file systems, and one without what renameat2 can do ----
if mount -t tmpfs none "$(mkdir -p "$tmp/m/two/h/etc" && echo "$tmp/m/two/h/etc")"; then
  home "$tmp/m/two/h"
  ordinary "etc apart from var"
fi
if ! ldd "$HAL0_BUILD/cmd/hal0-slot" | grep -q asan && command -v strace >/dev/null && strace -o "$tmp/probe" true 2>/dev/null; then
  mkdir "$tmp/plain"
  home "$tmp/plain/h"
  before=$(files)
  run strace -f -qq -o /dev/null -e inject=renameat2:error=EINVAL "$HAL0_BUILD/cmd/hal0-slot" set a model.context_size=2048
  if [ "$rc" = 0 ]; then
    does "no EXCHANGE: the change is made" 0 grep -q 'context_size = 2048' "$HAL0_HOME/etc/hal0/slots/a.toml"
  else
    is "no EXCHANGE: nothing is changed" "$(files)" "$before"
    like "and it says why" "$err" "*file system*"
  fi
fi
tap_done
