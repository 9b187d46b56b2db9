#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A change set (txn.c) where TMPDIR is, then on other file systems, each freshly made in a file and
# mounted over a loop device: as root, where the tool that makes it is installed. The bar is ext4's: what
# Debian is installed on by default.
set -eu
bench=$HAL0_BUILD/test/bench/bench-txn
"$bench"
dir=$(mktemp -d "${TMPDIR:-/tmp}/hal0-bench.XXXXXX")
cleanup() {
  umount "$dir/mnt" 2>/dev/null || true
  rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' HUP INT PIPE TERM
mkdir "$dir/mnt"
on() { # WHERE BAR MKFS...
  where=$1 bar=$2
  shift 2
  command -v "$1" >/dev/null 2>&1 || return 0
  rm -f "$dir/disk"
  truncate -s 400M "$dir/disk"
  "$@" "$dir/disk" >/dev/null 2>&1 || return 0
  mount -o loop "$dir/disk" "$dir/mnt" 2>/dev/null || return 0
  TMPDIR=$dir/mnt "$bench" "$where" "$bar"
  umount "$dir/mnt"
}
PATH=$PATH:/sbin:/usr/sbin
if [ "$(id -u)" = 0 ]; then
  on "ext4 with a journal" 1.2 mkfs.ext4 -q -F
  on xfs - mkfs.xfs -q -f
  on btrfs - mkfs.btrfs -q -f
fi
