#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The table of calls is complete: what strace sees a change set do to the disk is, call for call,
# what went through sys/ops.h. A write that bypasses it would make every other fault test blind.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
apply=$HAL0_BUILD/test/fault/txn-apply
etc=$tmp/etc/hal0

command -v strace >/dev/null || skip_all "strace is not installed"
strace -o "$tmp/probe" true 2>/dev/null || skip_all "tracing is not permitted here"
"$apply" "$tmp/probe-etc" 'hal0.toml=a = 1' || skip_all "cannot write to $tmp"
if ldd "$apply" | grep -q asan; then skip_all "a sanitizer makes calls of its own"; fi

# everything that can change a file system; sync_file_range only starts writing
changing='open,openat,openat2,creat,write,writev,pwrite64,pwritev,pwritev2,truncate,ftruncate,
chmod,fchmod,fchmodat,?fchmodat2,chown,fchown,lchown,fchownat,utimensat,setxattr,lsetxattr,fsetxattr,
removexattr,lremovexattr,fremovexattr,fsync,fdatasync,sync,syncfs,msync,rename,renameat,renameat2,
unlink,unlinkat,rmdir,mkdir,mkdirat,mknod,mknodat,link,linkat,symlink,symlinkat,fallocate,
copy_file_range,sendfile,splice,ioctl,mmap'
changing=$(printf %s "$changing" | tr -d '\n')

# strace's lines in the words of txn-apply --ops
normal() {
  sed -E \
    -e 's/^[0-9]+ +//' \
    -e '/^[+-]/d' -e '/^<\.\.\. .* resumed>/d' \
    -e '/^write\([12],/d' \
    -e '/^mmap\(.*(MAP_PRIVATE|PROT_READ, MAP_SHARED)/d' \
    -e '/^open(at)?\(.*O_CREAT/!{/^open(at)?\(/d}' \
    -e 's/^openat\(.*/openat/' \
    -e 's/^write\([0-9]+, .*, ([0-9]+)\) .*/write \1/' \
    -e 's/^pwrite64\([0-9]+, .*, ([0-9]+), [0-9]+\) .*/pwrite64 \1/' \
    -e 's/^(ftruncate|fchmod|fchown|fsync)\(.*/\1/' \
    -e 's/^fsetxattr\([0-9]+, "([^"]*)".*/fsetxattr \1/' \
    -e 's/^renameat2?\([^,]*, "([^"]*)", [^,]*, "([^"]*)".*/renameat2 \1 \2/' \
    -e 's/^(unlinkat|mkdirat)\([^,]*, "([^"]*)".*/\1 \2/' "$1"
}

compare() { # NAME ARGS...
  _name=$1
  shift
  strace -f -s 200 -o "$tmp/trace" -e trace="$changing" "$apply" --ops "$etc" "$@" >"$tmp/ops"
  normal "$tmp/trace" >"$tmp/seen"
  is "$_name: the same calls in the same order" "$(cat "$tmp/seen")" "$(cat "$tmp/ops")"
  ok "$_name: and there were many of them" test "$(wc -l <"$tmp/ops")" -gt 15
}

compare "the very first change" 'capabilities.toml=n = 1' 'slots/a.toml=n = 1' 'slots/b.toml=n = 1'
compare "change, remove, create" 'capabilities.toml=n = 2' slots/a.toml- 'slots/c.toml=n = 2'
setfattr -n user.note -v kept "$etc/capabilities.toml" 2>/dev/null
chmod 640 "$etc/capabilities.toml"
compare "a file with attributes" 'capabilities.toml=n = 3' 'slots/b.toml=n = 3'
: >"$etc/slots/.b.toml.00000000.hal0~"
: >"$etc/.txn/journal.new"
compare "with leftovers to sweep" 'capabilities.toml=n = 4' 'slots/b.toml=n = 4'
tap_done
