#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2016 # expanded inside the machine
# The Debian package from the cradle to the grave, in a fresh machine with systemd and podman:
# installed, used, upgraded under a running slot, removed, installed again, purged.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
# shellcheck source=test/e2e/machine.sh
. "$HAL0_SOURCE/test/e2e/machine.sh"
# shellcheck source=test/hardened.sh
. "$HAL0_SOURCE/test/hardened.sh"
command -v dh >/dev/null || skip_all "debhelper is not installed"
command -v dpkg-buildpackage >/dev/null || skip_all "dpkg-dev is not installed"
machine_start

# ---- the package ----
lint=--no-lint
! command -v lintian >/dev/null || lint=
# shellcheck disable=SC2086 # an option or none
run "$HAL0_SOURCE/scripts/deb" --out "$tmp" $lint
rc_is "scripts/deb" 0
deb=$out
is "lintian finds neither error nor warning" "$(printf '%s\n' "$err" | grep '^[EW]:')" ""
is "it is no larger than 1 MB" "$([ "$(wc -c <"$deb")" -le 1000000 ] || wc -c <"$deb")" ""
is "it belongs to root" "$(dpkg-deb --contents "$deb" | awk '$2 != "root/root"')" ""
is "it owns nothing that people edit" "$(dpkg-deb --info "$deb" conffiles 2>/dev/null)" ""
# The next version is the same with another number and another unit: what an upgrade changes.
cp -p "$deb" "$tmp/one.deb"
dpkg-deb --raw-extract "$deb" "$tmp/next"
sed -i 's/^Version: .*/&.1/' "$tmp/next/DEBIAN/control"
is "its programs are hardened" "$(for p in "$tmp"/next/usr/bin/hal0*; do
  lacks=$(hardening_lacks "$p")
  [ -z "$lacks" ] || echo "${p##*/}: $lacks"
done)" ""
unit=$(cd "$tmp/next" && find . -name 'hal0-slot@.service')
sed -i 's/^Description=.*/Description=a newer hal0 slot %i/' "$tmp/next/$unit"
(cd "$tmp/next" && find . -type f ! -path './DEBIAN/*' -printf '%P\n' | sort | xargs -d '\n' md5sum >DEBIAN/md5sums)
dpkg-deb --root-owner-group --build "$tmp/next" "$tmp/two.deb" >/dev/null
podman cp "$tmp/one.deb" "$machine:/one.deb"
podman cp "$tmp/two.deb" "$machine:/two.deb"

slot() {
  inside hal0-slot "$@"
}
show() { # PROPERTY
  podman exec "$machine" systemctl show --property="$1" --value hal0-slot@a.service
}
container() {
  podman exec "$machine" podman container inspect --format '{{.Id}}' hal0-slot-a 2>/dev/null
}
leftovers() {
  podman exec "$machine" find / -xdev -name '*hal0*' ! -path '/proc/*' ! -path '/var/lib/containers/*' \
    ! -path '/srv/*' ! -path '/var/log/*' ! -path '/run/systemd/transient/*' ! -path '/sys/*'
}

# ---- installed and used ----
began=$(date +%s.%N)
inside dpkg --install /one.deb
rc_is "dpkg --install" 0
took=$(echo "$began $(date +%s.%N)" | awk '{ print $2 - $1 }')
is "in a machine that asks nobody" "$(printf '%s' "$err" | grep -i error)" ""
inside sh -c 'hal0 --version && man -w hal0-slot 2>/dev/null; hal0 probe show --format "{class}"'
rc_is "hal0 works" 0
is "the machine has been looked at" "$(podman exec "$machine" sh -c 'test -s /etc/hal0/hardware.json && echo yes')" yes
is "the timers run" "$(podman exec "$machine" systemctl is-active hal0-probe.timer hal0-reap.timer | sort -u)" active
is "and come back at boot" "$(podman exec "$machine" systemctl is-enabled hal0-probe.timer hal0-reap.timer | sort -u)" enabled
is "the groups are there" "$(podman exec "$machine" getent group render video | cut -d : -f 1 | paste -s -d ' ' -)" "render video"
began=$(date +%s.%N)
slot create a --model /models/tiny.gguf --device cpu --image "$slot_image" --ctx 512 -q
slot start a
is "a slot starts, as a unit" "$rc $(show ActiveState) $(show UnitFileState)" "0 active enabled"
inside hal0 route call a hi
is "and answers" "$out" "I am slot a."
printf '# figure: dpkg --install %s s, then to the first answer %s s (podman, image and model were there), load %s\n' \
  "$took" "$(echo "$began $(date +%s.%N)" | awk '{ print $2 - $1 }')" "$(cut -d ' ' -f 1 /proc/loadavg)"

# ---- upgraded ----
podman exec "$machine" sh -c 'echo "# my own words" >>/etc/hal0/slots/a.toml; printf "# mine\n[slots]\n" >/etc/hal0/hal0.toml
  mkdir -p /etc/systemd/system/hal0-slot@.service.d; printf "[Service]\nNice=5\n" >/etc/systemd/system/hal0-slot@.service.d/mine.conf
  chmod 640 /etc/hal0/slots/a.toml; systemctl daemon-reload'
files() {
  podman exec "$machine" sh -c 'find /etc/hal0 /etc/systemd/system/hal0-slot@.service.d -type f ! -name hardware.json -printf "%p %m " -exec sha256sum {} \;'
}
before=$(files) id=$(container)
inside dpkg --install /two.deb
rc_is "upgrade" 0
is "the slot has gone on running" "$(container) $(show ActiveState)" "$id active"
is "what people have edited is as it was" "$(files)" "$before"
is "systemd knows the new unit" "$(show Description) $(show NeedDaemonReload)" "a newer hal0 slot a no"
is "the timers run" "$(podman exec "$machine" systemctl is-active hal0-probe.timer hal0-reap.timer | sort -u)" active
inside dpkg --install /two.deb
is "again: nothing happens to the slot" "$rc $(container)" "0 $id"
inside dpkg --install /one.deb
is "nor when going back" "$rc $(container)" "0 $id"

# ---- removed, and back ----
inside dpkg --remove hal0
rc_is "remove" 0
is "the slot is ended" "$(container)$(show ActiveState)" inactive
is "people's files stay" "$(files)" "$before"
is "programs and units are gone" "$(podman exec "$machine" sh -c 'ls /usr/bin/hal0* /lib/systemd/system/hal0-* 2>/dev/null')" ""
inside dpkg --install /two.deb
slot start a
is "back: the slot is as it was" "$rc $(show ActiveState)" "0 active"
slot reap
is "and starts at boot" "$(podman exec "$machine" systemctl is-enabled hal0-slot@a)" enabled

# ---- purged ----
podman exec "$machine" rm -r /etc/systemd/system/hal0-slot@.service.d
inside dpkg --purge hal0
rc_is "purge" 0
podman exec "$machine" rm -f /one.deb /two.deb
is "nothing is left" "$(leftovers)" ""
is "no container, either" "$(podman exec "$machine" podman ps --all --quiet)" ""
is "systemd has no complaint" "$(podman exec "$machine" systemctl list-units --failed --plain --no-legend 'hal0*')" ""
tap_done
