#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# scripts/install and scripts/uninstall on a copy of this machine's file system that remembers every
# change: nothing of the machine itself is touched, and nothing that is left behind goes unseen.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
for t in meson unshare chroot; do
  command -v $t >/dev/null || skip_all "$t is not installed"
done
case $(dpkg-query -W -f '${db:Status-Abbrev}' hal0 2>/dev/null) in
?i*) skip_all "hal0 is installed as a package here" ;;
esac
for f in /etc/hal0 /var/lib/hal0 /usr/local/bin/hal0; do
  [ ! -e $f ] || skip_all "hal0 is installed here: there is $f"
done
mkdir "$tmp/box" "$tmp/root"
cat >"$tmp/enter" <<'TEXT'
set -eu
box=$1 root=$2 source=$3
shift 3
[ -d "$box/upper" ] || { mount -t tmpfs hal0-test "$box" && mkdir "$box/upper" "$box/work"; }
mount -t overlay -o "lowerdir=/,upperdir=$box/upper,workdir=$box/work" overlay "$root"
mount --rbind /proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
# podman in there shall not find this machine's containers
mkdir -p "$root/var/lib/containers"
mount -t tmpfs hal0-test "$root/var/lib/containers"
mkdir -p "$root$source"
mount --bind "$source" "$root$source"
exec chroot "$root" "$@"
TEXT
# All of it in one namespace, which takes the mounts with it.
cat >"$tmp/story" <<'TEXT'
set -u
cd "$HAL0_SOURCE" || exit 1
changes() {
  find /etc /usr /var /opt /run -xdev -name '*hal0*' 2>/dev/null | sort
}
say() { # NAME VALUE...
  printf '%s=%s\n' "$1" "$(printf '%s' "$2" | paste -s -d ' ' -)" >>/tmp/said
}
exit_of() { # NAME COMMAND...
  _n=$1
  shift
  "$@" >/tmp/out 2>&1
  say "$_n" $?
  [ "$(tail -n 1 /tmp/said)" = "$_n=0" ] || cat /tmp/out >&2
}
: >/tmp/said
before=$(changes)
exit_of install scripts/install --no-packages
say steps "$(sed -n 's/^  \([a-z][a-z0-9 ]*[a-z]\) .* [0-9]* s.*/\1/p' /tmp/out)"
say modes "$(stat -c '%a%U' /etc/hal0 /etc/hal0/slots /var/lib/hal0 /var/lib/hal0/models | sort -u)"
say groups "$(getent group render video | cut -d : -f 1)"
say probed "$(test -s /etc/hal0/hardware.json && test -s /etc/hal0/capabilities.toml && echo yes)"
say version "$(/usr/local/bin/hal0 --version)"
say timers "$(cd /etc/systemd/system/timers.target.wants && ls -d hal0-*)"
/usr/local/bin/hal0 slot create mine --model /x.gguf --device cpu -q 2>/dev/null
echo '# my own' >>/etc/hal0/slots/mine.toml
echo /usr/local/bin/hal0-of-old >>/var/lib/hal0/installed
touch /usr/local/bin/hal0-of-old
sum=$(cat /etc/hal0/slots/mine.toml /etc/hal0/capabilities.toml | cksum)
exit_of again scripts/install --no-packages
say same "$([ "$sum" = "$(cat /etc/hal0/slots/mine.toml /etc/hal0/capabilities.toml | cksum)" ] && echo yes)"
say old "$(ls /usr/local/bin/hal0-of-old 2>/dev/null)"
exit_of uninstall scripts/uninstall
say kept "$(changes)"
exit_of uninstall-again scripts/uninstall
exit_of purge scripts/uninstall --purge
say left "$([ "$before" = "$(changes)" ] || changes)"
exit_of bad-option scripts/install --no-such
exit_of bad-prefix scripts/install --prefix relative
cat /tmp/said
TEXT
run unshare --mount --propagation private sh "$tmp/enter" "$tmp/box" "$tmp/root" "$HAL0_SOURCE" \
  env HAL0_SOURCE="$HAL0_SOURCE" TMPDIR=/tmp sh "$tmp/story"
case $err in *overlay*) skip_all "no overlay of the file system can be made here: $err" ;; esac
printf '%s\n' "$out" >"$tmp/said"
said() { # NAME
  sed -n "s/^$1=//p" "$tmp/said"
}
is "install" "$(said install)" 0
[ "$(said install)" = 0 ] || printf '%s\n' "$err" | sed 's/^/# /'
is "tells its steps" "$(said steps)" "building programs groups directories units hal0 probe hal0 cap seed"
is "directories can be read by all and belong to root" "$(said modes)" 755root
is "groups" "$(said groups)" "render video"
is "the machine has been looked at, capabilities.toml made" "$(said probed)" yes
like "the programs run" "$(said version)" "hal0 *"
is "timers come up at boot" "$(said timers)" "hal0-probe.timer hal0-reap.timer"
is "install again" "$(said again)" 0
is "people's files are as they were" "$(said same)" yes
is "what an older version had installed is gone" "$(said old)" ""
is "uninstall" "$(said uninstall)" 0
is "keeps people's files, and nothing else" "$(said kept)" "/etc/hal0 /var/lib/hal0"
is "uninstall again" "$(said uninstall-again)" 0
is "uninstall --purge" "$(said purge)" 0
is "leaves nothing" "$(said left)" ""
is "an option that is none" "$(said bad-option)" 2
is "a prefix that is none" "$(said bad-prefix)" 2
tap_done
