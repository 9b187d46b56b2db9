#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What hal0 probe memory and hal0 status say of a slot that really runs.
. "$HAL0_SOURCE/test/e2e/real.sh"
port=${HAL0_TEST_PORT:-8195}
needs jq
needs_image "$image"
HAL0_HOME=$tmp/home
export HAL0_HOME
unset HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE HAL0_SYSROOT
slot=pb-share
tap_cleanup() {
  podman rm --force --time 1 "hal0-slot-$slot" >/dev/null 2>&1
  rm -rf "$tmp"
}
probe=$HAL0_BUILD/cmd/hal0-probe
model=$HAL0_HOME/var-lib/hal0/models/tiny.gguf
mkdir -p "$HAL0_HOME/etc/hal0/slots" "$HAL0_HOME/var-lib/hal0/models"
chmod 755 "$tmp"
"$HAL0_BUILD/scripts/tiny-gguf" --say "I am a slot." "$model" >/dev/null
printf 'port = %s\ntype = "llm"\ndevice = "cpu"\nimage = "%s"\n[model]\ndefault = "%s"\ncontext_size = 512\n' \
  "$port" "$image" "$model" >"$HAL0_HOME/etc/hal0/slots/$slot.toml"
# shellcheck disable=SC2016
says() { ok "$1: $2" sh -c 'printf "%s" "$1" | jq -e "$2"' sh "$out" "$2"; }

run "$probe" memory --json
rc_is "before it runs" 0
says "before it runs" '.slots == []'
run "$HAL0_BUILD/cmd/hal0-slot" start $slot
rc_is "the slot starts" 0
pid=$(podman inspect -f '{{.State.Pid}}' hal0-slot-$slot)
run "$probe" memory --json
says "running" '.slots | length == 1'
says "running" ".slots[0].slot == \"$slot\" and .slots[0].pid == $pid"
says "its pages" '.slots[0].ram_bytes > 1000000 and .slots[0].ram_bytes < 4000000000'
# what the kernel says of the same process, give or take what moves meanwhile
kib=$(awk '/^RssAnon|^RssShmem/ { n += $2 } END { print n }' "/proc/$pid/status")
says "as the kernel counts" "(.slots[0].ram_bytes / 1024 - $kib) | fabs < 4096"
says "without a GPU its share there is unknown, not 0" '.slots[0].vram_bytes == null and .slots[0].gtt_bytes == null'
says "the bar still adds up" '([.items[] | select(.bar == "ram").bytes] | add) == ([.items[] | select(.bar == "ram").total_bytes][0])'
run "$probe" memory
like "for people" "$out" "*$slot*"
run "$HAL0_BUILD/cmd/hal0" status --json
says "status" ".items[0] | .slot == \"$slot\" and .state == \"ready\" and .port == $port and .memory_bytes > 1000000"
says "status: no answer yet" '.items[0].tokens_per_s == null'
"$HAL0_BUILD/cmd/hal0-route" call $slot "who is there?" >/dev/null
run "$HAL0_BUILD/cmd/hal0" status --json
says "status: the speed of the last answer" '.items[0].tokens_per_s > 1'
run "$HAL0_BUILD/cmd/hal0-slot" stop $slot
run "$probe" memory --json
says "after it stopped" '.slots == []'
tap_done
