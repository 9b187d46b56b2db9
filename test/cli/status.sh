#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0 status: the machine and slots that do not run. Slots that do: test/e2e/probe.sh.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
hal0=$HAL0_BUILD/cmd/hal0
HAL0_HOME=$tmp/home
HAL0_SYSROOT=$tmp/halo-512m
HAL0_PODMAN=$tmp/podman
export HAL0_HOME HAL0_SYSROOT HAL0_PODMAN
sh "$HAL0_SOURCE/test/machines/make.sh" halo-512m "$HAL0_SYSROOT"
# a podman that runs nothing
printf '#!/bin/sh\necho "$@" >>"%s/asked"\necho "[]"\n' "$tmp" >"$tmp/podman"
chmod +x "$tmp/podman"
# shellcheck disable=SC2016
says() { ok "$1: $2" sh -c 'printf "%s" "$1" | jq -e "$2"' sh "$out" "$2"; }

run "$hal0" status
rc_is "no slots" 0
like "the machine" "$out" "halo-512m: Radeon 8060S Graphics, first-class, bare-metal*"
like "the memory" "$out" "*Unified memory: GTT inference 25 MiB, *Free * of 125.6 GiB*"
like "what to do" "$out" "*hal0 slot create*"
ok "podman is not asked for nothing" test ! -e "$tmp/asked"
run "$hal0" status --json
says "machine" '.machine.tier == "first-class" and .machine.budget_mib == 120562 and .items == []'
says "bar" '.machine.bars[0] | .bar == "unified" and .inference_bytes + .carve_out_bytes + .system_bytes + .free_bytes == .total_bytes'

mkdir -p "$HAL0_HOME/etc/hal0/slots"
printf 'port = 8081\ndevice = "gpu-vulkan"\n[model]\ndefault = "qwen"\n' >"$HAL0_HOME/etc/hal0/slots/chat.toml"
printf 'port = 8082\ndevice = "gpu-vulcan"\n' >"$HAL0_HOME/etc/hal0/slots/odd.toml"
run "$hal0" status
rc_is "slots that do not run are no failure" 0
like "a slot" "$out" "*SLOT *STATE *MODEL *DEVICE *PORT *MEMORY *TOK-S*chat *offline *qwen *gpu-vulkan *8081*-*"
like "one that is wrong" "$out" "*odd *invalid *8082*"
is "podman is asked once" "$(wc -l <"$tmp/asked")" 1
run "$hal0" status --json
says "unknown is null" '.items[0] | .slot == "chat" and .state == "offline" and .memory_bytes == null and .tokens_per_s == null'
says "why" '.items[1].message | test("gpu-vulcan.*did you mean gpu-vulkan")'
run "$hal0" status --format '{slot}:{port}'
is "for a script" "$out" "chat:8081
odd:8082"

HAL0_PODMAN=/nowhere/podman run "$hal0" status --json
rc_is "without podman" 8
says "the machine all the same" '.machine.tier == "first-class" and (.items | length) == 2 and .items[0].state == null'
like "and why" "$err" "*podman*"

run "$hal0" status chat
rc_is "no operand" 2
run "$hal0" status --sysroot "$tmp/nothing"
rc_is "no such root" 2
run "$hal0" status --interval x
rc_is "no time" 2

{
  timeout 120 "$hal0" status --watch --interval 1m 2>"$tmp/watch.err"
  echo $? >"$tmp/watch.rc"
} | head -n 1 >/dev/null
is "watch: ends when nobody reads on" "$(cat "$tmp/watch.rc" "$tmp/watch.err")" 0
"$hal0" status --watch --interval 1s >"$tmp/watch" &
watch=$!
# shellcheck disable=SC2016
ok "watch: draws again" until_true eval '[ "$(grep -c "chat " "$tmp/watch")" -ge 2 ]'
rc=0
kill $watch
wait $watch || rc=$?
is "watch: goes on" "$rc" 143

if command -v script >/dev/null; then
  esc=$(printf '\033')
  unset NO_COLOR
  out=$(TERM=xterm script -qec "$hal0 status" /dev/null </dev/null)
  like "on a terminal the bar has its colours" "$out" "*Unified memory, 125.6 GiB*$esc\[34m█*$esc\[0m*System RAM 31.2 GiB*"
  out=$(TERM=xterm NO_COLOR=1 script -qec "$hal0 status" /dev/null </dev/null)
  like "and without them its shapes" "$out" "*▒*"
  out=$(TERM=xterm script -qec "$HAL0_BUILD/cmd/hal0-probe memory" /dev/null </dev/null)
  like "hal0 probe memory likewise" "$out" "*$esc\[34m█*"
  out=$(TERM=xterm NO_COLOR=1 script -qec "stty cols 38; $hal0 status" /dev/null </dev/null | tr -d '\r')
  is "a narrow terminal: no line of the bar is longer" \
    "$(printf '%s\n' "$out" | LC_ALL=C.UTF-8 awk '/^Unified/ {on = 1} /^$/ {on = on && 0} on && NR > 1' | LC_ALL=C.UTF-8 grep -cE '^.{39,}')" 0
  is "its parts take several lines" "$(printf '%s\n' "$out" | grep -c ' GiB$\| MiB$')" 5
  TERM=xterm script -qec "$hal0 status --watch" /dev/null </dev/null >"$tmp/screen" 2>&1 &
  watch=$!
  until_file "$tmp/screen"
  kill $watch
  wait $watch 2>/dev/null
  like "watch clears the screen" "$(cat "$tmp/screen")" "$esc\[H$esc\[J*"
else
  tap_result 0 "terminal # SKIP script is not installed"
fi
tap_done
