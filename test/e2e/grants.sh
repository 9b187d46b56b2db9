#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What a running container really has: as podman tells it, as the kernel tells it, and as hal0 does.
. "$HAL0_SOURCE/test/e2e/real.sh"
needs jq
needs_image "$image"
export HAL0_HOME="$tmp/home" NO_COLOR=1
unset HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE HAL0_SYSROOT
slot=$HAL0_BUILD/cmd/hal0-slot
name=guard-grants
tap_cleanup() {
  podman rm --force --time 1 "hal0-slot-$name" >/dev/null 2>&1
  rm -rf "$tmp"
}
chmod 755 "$tmp"
store=$HAL0_HOME/var-lib/hal0/models
mkdir -p "$store" "$HAL0_HOME/etc/hal0/slots"
printf '[slots]\nport_range_start = 9400\nport_range_end = 9499\n' >"$HAL0_HOME/etc/hal0/hal0.toml"
"$HAL0_BUILD/scripts/tiny-gguf" "$store/tiny.gguf" >/dev/null
chmod 644 "$store/tiny.gguf"
"$slot" create $name --model tiny --port 9401 --device cpu --ctx 512 --image "$image" >/dev/null 2>&1
run "$slot" start $name
rc_is "a slot starts" 0
podman container inspect "hal0-slot-$name" >"$tmp/inspect"
podman_says() { # NAME FILTER WANT
  is "podman: $1" "$(jq -c ".[0] | $2" "$tmp/inspect")" "$3"
}
podman_says "not privileged" .HostConfig.Privileged false
podman_says "no capability" '[(.EffectiveCaps // []), (.BoundingCaps // []), (.HostConfig.CapAdd // [])] | flatten | length' 0
podman_says "a root to read" .HostConfig.ReadonlyRootfs true
podman_says "no new privileges, and no option that takes a guard away" \
  '[.HostConfig.SecurityOpt[] | select(test("unconfined|seccomp|apparmor"))], (.HostConfig.SecurityOpt | any(. == "no-new-privileges"))' "[]
true"
podman_says "processes" .HostConfig.PidsLimit 512
podman_says "no devices" '(.HostConfig.Devices // []) | length' 0
podman_says "mounts to read" '[.Mounts[] | select(.RW)] | length' 0
podman_says "the model's place and the key, nothing else" '[.Mounts[].Source] | sort' "[\"$HAL0_HOME/var-lib/hal0/keys/$name\",\"$store\"]"
podman_says "its user" .Config.User '"65534:65534"'
podman_says "namespaces of its own" '[.HostConfig.PidMode, .HostConfig.IpcMode, .HostConfig.UTSMode] | map(select(. == "host")) | length' 0
key=$("$slot" key $name)
is "podman: the key is nowhere in it" "$(grep -c -- "$key" "$tmp/inspect")" 0
pid=$(jq '.[0].State.Pid' "$tmp/inspect")
kernel() { # FIELD
  sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status" | tr -s '\t ' ' '
}
is "the kernel: user" "$(kernel Uid)" "65534 65534 65534 65534"
is "the kernel: group" "$(kernel Gid)" "65534 65534 65534 65534"
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
  is "the kernel: $set" "$(kernel $set)" 0000000000000000
done
is "the kernel: no new privileges" "$(kernel NoNewPrivs)" 1
if [ "$(podman info --format '{{.Host.Security.SECCOMPEnabled}}')" = true ]; then
  is "the kernel: a seccomp filter" "$(kernel Seccomp)" 2
fi
is "the kernel: no core files" "$(sed -n 's/^Max core file size  *\([0-9]*\)  *\([0-9]*\).*/\1 \2/p' "/proc/$pid/limits")" "0 0"
is "the kernel: it listens on loopback alone" \
  "$(ss --tcp --listening --numeric --no-header 2>/dev/null | awk '{ print $4 }' | grep ':9401$')" "127.0.0.1:9401"
# What hal0 tells is what there is.
"$slot" show $name >"$tmp/show"
for what in "run as 65534:65534" "512 processes" "read $store" "network host" "write /tmp"; do
  ok "hal0 slot show: $what" grep -qF "$what" "$tmp/show"
done
is "and nothing of devices or capabilities" "$(grep -cE 'use /dev|capability' "$tmp/show")" 0
run podman exec "hal0-slot-$name" sh -c 'touch /root-is-mine || touch /usr/x || mknod /tmp/n b 8 0 || cat /etc/shadow'
is "from inside: the root cannot be written, no node made, no secret read" "$([ "$rc" != 0 ] && echo yes)" yes
tap_done
