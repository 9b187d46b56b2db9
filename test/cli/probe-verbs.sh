#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-probe recommend, memory and tune on synthetic machines.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
probe=$HAL0_BUILD/cmd/hal0-probe
HAL0_HOME=$tmp/home
export HAL0_HOME
unset HAL0_SYSROOT
for m in halo-512m halo-96g halo-lxc-priv halo-lxc-unpriv xtx nvidia-nodriver; do
  sh "$HAL0_SOURCE/test/machines/make.sh" $m "$tmp/$m"
done
on() { # MACHINE ARGUMENT...
  m=$1
  shift
  run "$probe" "$@" --sysroot "$tmp/$m"
}
# shellcheck disable=SC2016
says() { ok "$1: $2" sh -c 'printf "%s" "$1" | jq -e "$2"' sh "$out" "$2"; }

on halo-512m recommend --json
says recommend '.device == "gpu-vulkan" and .alternative == "gpu-rocm" and (.why | length) >= 2'
says recommend '.budget_bytes == 120562 * 1048576 and .binding_limit == "physical-ram"'
on halo-lxc-unpriv recommend
like "recommend says why not" "$out" "*cpu*cannot be used*"

on halo-512m memory --json
says memory '.items | all(.bar == "unified")'
says memory '([.items[].bytes] | add) == .items[0].total_bytes'
says memory '.items[0].total_bytes == 131161644 * 1024 + 536870912'
# RAM in use holds the 25 MiB that GTT has pinned: they are shown once
says memory '(.items[] | select(.segment == "inference").bytes) == 26214400'
says memory '(.items[] | select(.segment == "system").bytes) == (131161644 - 98371233) * 1024 - 26214400'
says memory '.gpus[0].busy_trusted'
on halo-lxc-priv memory --json
says "memory in a container" '(.items[] | select(.segment == "system").bytes) == 24576000 * 1024'
says memory '.gpus[0] | .busy_percent == 3 and .clock_mhz == 2900 and .temperature_mc == 41000'
"$probe" memory --watch --interval 1s --sysroot "$tmp/halo-512m" >"$tmp/watch" 2>&1 &
watch=$!
# shellcheck disable=SC2016
ok "watch: draws again" until_true eval '[ "$(grep -c inference "$tmp/watch")" -ge 2 ]'
rc=0
kill $watch
wait $watch || rc=$?
is "watch: goes on until it is ended" "$rc" 143
# a person's interrupt, unlike one to a shell's background job, which ignores it until it is env
rm "$tmp/watch"
env --default-signal=INT "$probe" memory --watch --interval 1m --sysroot "$tmp/halo-512m" >"$tmp/watch" 2>&1 &
watch=$!
until_file "$tmp/watch"
kill -INT $watch
rc=0
wait $watch || rc=$?
is "watch: an interrupt ends it" "$rc" 130
{
  timeout 120 "$probe" memory --watch --interval 1m --sysroot "$tmp/halo-512m" 2>"$tmp/watch.err"
  echo $? >"$tmp/watch.rc"
} | head -n 1 >/dev/null
is "watch: ends when nobody reads on" "$(cat "$tmp/watch.rc" "$tmp/watch.err")" 0

# what a container cannot open is not its own, and what it has mapped is not in its figures
cp -a "$tmp/halo-lxc-unpriv" "$tmp/other"
echo 85899345920 >"$tmp/other/sys/devices/pci0000:00/0000:c5:00.0/mem_info_gtt_used"
on other memory --json
says "memory: another guest's GTT" '[.items[].segment] == ["system", "free"]'
cp -a "$tmp/halo-lxc-priv" "$tmp/full"
echo 102005473280 >"$tmp/full/sys/devices/pci0000:00/0000:c5:00.0/mem_info_gtt_used"
sed -i 's/MemFree: .*/MemFree: 1000000 kB/' "$tmp/full/sys/devices/system/node/node0/meminfo"
on full memory --json
says "memory: GTT beyond the container's RAM" '(.items[] | select(.segment == "inference").bytes) == 102005473280'
says "memory: the host's bar" '.items[0].total_bytes == 129000000 * 1024 + 1073741824 and ([.items[].bytes] | add) == .items[0].total_bytes'
says "memory: what others have of it" '(.items[] | select(.segment == "other").bytes) == 128000000 * 1024 - 102005473280 - 24576000 * 1024'
says "memory: nothing is free of the budget" '.free_mib == 0'

on xtx memory --json
says "memory with a card" '[.items[].bar] | unique == ["ram", "vram"]'
says "memory with a card" '[.items[] | select(.bar == "vram").bytes] | add == 25753026560'
on halo-512m memory --svg "$tmp/bar.svg"
rc_is "a picture" 0
like "is SVG" "$(cat "$tmp/bar.svg")" "<svg *GTT inference*</svg>"
# the picture in README.md is what the program draws: 43 GiB of a model, 55 of 125 GiB in use
cp -a "$tmp/halo-512m" "$tmp/busy"
echo 46170898432 >"$tmp/busy/sys/devices/pci0000:00/0000:c5:00.0/mem_info_gtt_used"
echo 419430400 >"$tmp/busy/sys/devices/pci0000:00/0000:c5:00.0/mem_info_vram_used"
sed -i 's/^MemAvailable: .*/MemAvailable: 73400320 kB/' "$tmp/busy/proc/meminfo"
on busy memory --svg "$tmp/busy.svg"
ok "the picture of README.md" cmp "$tmp/busy.svg" "$HAL0_SOURCE/man/memory-bar.svg"
ok "README.md shows it" grep -q '(man/memory-bar.svg)' "$HAL0_SOURCE/README.md"
if command -v rsvg-convert >/dev/null; then
  ok "it can be drawn" rsvg-convert "$tmp/busy.svg" -o "$tmp/busy.png"
else
  tap_result 0 "it can be drawn # SKIP rsvg-convert is not installed"
fi
if command -v xmllint >/dev/null; then
  ok "is XML" xmllint --noout "$tmp/bar.svg"
  on xtx memory --svg "$tmp/bars.svg"
  ok "is XML with a card" xmllint --noout "$tmp/bars.svg"
  is "a bar of its own" "$(xmllint --xpath 'count(//*[local-name()="text"][contains(., "RX 7900")])' "$tmp/bars.svg")" 1
fi
rm "$tmp/xtx/proc/meminfo"
on xtx memory --json
says "without /proc/meminfo only the card" '[.items[].bar] | unique == ["vram"]'

# a card whose size only Vulkan tells: all verbs say the same
gpu=$tmp/nvidia/sys/devices/pci0000:00/0000:01:00.0
cp -a "$tmp/nvidia-nodriver" "$tmp/nvidia"
mkdir -p "$tmp/nvidia/sys/bus/pci/drivers/nvidia" "$tmp/nvidia/proc/driver/nvidia/gpus/0000:01:00.0" "$tmp/nvidia/etc/cdi"
ln -sfn ../../../bus/pci/drivers/nvidia "$gpu/driver"
echo "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.1  Tue" >"$tmp/nvidia/proc/driver/nvidia/version"
printf 'Model: \t\t NVIDIA GeForce RTX 3090\nDevice Minor: \t 0\n' >"$tmp/nvidia/proc/driver/nvidia/gpus/0000:01:00.0/information"
: >"$tmp/nvidia/dev/nvidia0"
: >"$tmp/nvidia/dev/nvidiactl"
printf '{"loader": "1.3", "devices": [{"deviceName": "NVIDIA GeForce RTX 3090", "vendorID": "0x10de", "deviceID": "0x2204",
  "deviceType": "DISCRETE_GPU", "driverID": 4, "driverName": "NVIDIA", "apiVersion": "1.3.277",
  "pciBus": {"domain": 0, "bus": 1, "device": 0, "function": 0},
  "memoryHeaps": [{"size": 25769803776, "device_local": true}, {"size": 50000000000, "device_local": false}]}]}' \
  >"$tmp/nvidia/vulkan.json"
on nvidia recommend --json
says "a card of NVIDIA's: recommend" '.budget_bytes == 25769803776 and .binding_limit == "vram"'
on nvidia memory --json
says "a card of NVIDIA's: memory" '.budget_mib == 24576 and .binding_limit == "vram"'
run "$HAL0_BUILD/cmd/hal0-status" --sysroot "$tmp/nvidia" --json
says "a card of NVIDIA's: status" '.machine | .budget_mib == 24576 and .binding_limit == "vram"'

HAL0_SYSROOT=$tmp/nvidia run "$HAL0_BUILD/cmd/hal0-model" loadouts --json
says "a card of NVIDIA's: what the CPU's loadouts have, before the first probe" '(.items[0].pool_bytes / 1048576 | floor) == 59380'

# a counter is missing where Vulkan's heaps tell the sum
cp -a "$tmp/halo-96g" "$tmp/heaps"
rm "$tmp/heaps/sys/devices/pci0000:00/0000:c5:00.0/mem_info_gtt_total"
on heaps recommend --json
limit=$(printf '%s' "$out" | jq -c '[.budget_bytes / 1048576, .binding_limit]')
on heaps memory --json
is "without GTT's size: memory says what recommend says" "$(printf '%s' "$out" | jq -c '[.budget_mib, .binding_limit]')" "$limit"

# the DKMS driver's own TTM
cp -a "$tmp/halo-512m" "$tmp/dkms"
mv "$tmp/dkms/sys/module/ttm" "$tmp/dkms/sys/module/amdttm"
on dkms tune --budget 110G --json
says "tune: amdttm" '.kernel_arguments == "amdttm.pages_limit=28835840 amdttm.page_pool_size=28835840" and (.modprobe | test("\noptions amdttm pages_limit=28835840"))'
on dkms show --json
says "amdttm: where the limit comes from" '.memory.limits[] | select(.name == "ttm-pages-limit").source == "/sys/module/amdttm/parameters/pages_limit"'

file=$HAL0_HOME/etc/modprobe.d/hal0-ttm.conf
rm -r "$tmp/halo-512m"
sh "$HAL0_SOURCE/test/machines/make.sh" halo-512m "$tmp/halo-512m"
on halo-512m tune --json
says tune '.gtt_mib == 119808 and .pages_limit == 119808 * 256 and .left_mib == 128087 - 119808'
# a budget is met to the last MiB, and what hal0 makes of it is said
on halo-512m tune --budget 124503M --json
says "tune: all there is" '.gtt_mib + .carveout_mib == 124503 and .pages_limit == .gtt_mib * 256 and .left_mib == 4096'
says "tune: more than models get" '.notes | any(test("no more than 120562 MiB"))'
on halo-512m tune --budget 117G --json
says "tune: no word on what models get" '.notes | any(test("no more than")) | not'
on halo-96g tune --budget 32G
like "tune: the carve-out holds it" "$out" "*98304 MiB  are in the firmware's carve-out*"
# where the kernel's arguments stand is a matter of the boot loader
loader() { # FILE...: the only ones there
  rm -rf "$tmp/halo-512m/etc/default" "$tmp/halo-512m/etc/kernel" "$tmp/halo-512m/boot"
  for f in "$@"; do
    mkdir -p "$(dirname "$tmp/halo-512m/$f")"
    : >"$tmp/halo-512m/$f"
  done
  on halo-512m tune --budget 110G --json
}
loader
says "tune: no boot loader known" '.kernel_arguments_file == null and .kernel_arguments_apply == null'
loader etc/default/grub
says "tune: GRUB" '.kernel_arguments_file == "/etc/default/grub" and .kernel_arguments_apply == "update-grub"'
loader boot/loader/entries/x.conf
says "tune: systemd-boot" '.kernel_arguments_file == "/boot/loader/entries/*.conf" and .kernel_arguments_apply == null'
loader etc/default/grub etc/kernel/proxmox-boot-uuids
says "tune: Proxmox" '.kernel_arguments_file == "/etc/default/grub" and .kernel_arguments_apply == "proxmox-boot-tool refresh"'
loader etc/default/grub etc/kernel/cmdline etc/kernel/proxmox-boot-uuids
says "tune: Proxmox with systemd-boot" '.kernel_arguments_file == "/etc/kernel/cmdline" and .kernel_arguments_apply == "proxmox-boot-tool refresh"'
on halo-512m tune --budget 110G
like "tune: in words" "$out" "*kernel command line (/etc/kernel/cmdline, then: proxmox-boot-tool refresh):*"
loader
on halo-512m tune --budget 110G --write --dry-run
rc_is "tune: dry run" 0
like "tune: the diff" "$out" "*+options ttm pages_limit=28835840 page_pool_size=28835840*"
ok "tune: writes nothing" test ! -e "$file"
on halo-512m tune --budget 110G --write
rc_is "tune: write" 0
ok "tune: the file" grep -q '^options ttm pages_limit=28835840' "$file"
before=$(stat -c %i%Y "$file")
on halo-512m tune --budget 110G --write --json
says tune '.changed == false'
is "tune: twice changes nothing" "$(stat -c %i%Y "$file")" "$before"
conf=$HAL0_BUILD/cmd/hal0-conf
cp "$file" "$tmp/ttm110"
on halo-512m tune --budget 64G --gttsize --write
ok "tune: another budget" grep -q '^options amdgpu gttsize=65536' "$file"
like "tune: the log knows the command" "$("$conf" log)" "*tune --budget 64G --gttsize --write*"
run "$conf" undo --dry-run
like "tune: what undo would do" "$out" "*modprobe.d/hal0-ttm.conf*+options ttm pages_limit=28835840 *"
run "$conf" undo
rc_is "tune: undo" 0
ok "tune: the file is as before" cmp "$file" "$tmp/ttm110"
"$conf" undo >/dev/null
ok "tune: undone again" grep -q '^options amdgpu gttsize=65536' "$file"
echo "# mine" >>"$file"
run "$conf" undo
rc_is "tune: an edit since then" 4
ok "tune: stays" grep -q '^# mine' "$file"
run "$conf" check
rc_is "tune: nothing for check to say" 0
on halo-512m tune --budget 110G --write
ok "tune: the edit goes with the next budget" cmp "$file" "$tmp/ttm110"
"$conf" undo >/dev/null
ok "tune: and undo brings it back" grep -q '^# mine' "$file"
# the modules' own reader of these files
modprobe=$(PATH=$PATH:/sbin:/usr/sbin command -v modprobe || true)
if [ -n "$modprobe" ]; then
  is "modprobe reads what tune wrote" \
    "$("$modprobe" -C "$(dirname "$file")" --showconfig 2>&1 | grep -E '^options (ttm|amdgpu) |rror' | sort)" \
    "options amdgpu gttsize=65536
options ttm pages_limit=16777216 page_pool_size=16777216"
else
  tap_result 0 "modprobe reads what tune wrote # SKIP kmod is not installed"
fi
(unset HAL0_HOME && run "$probe" tune --sysroot "$tmp/halo-512m" --write --dry-run && echo "$rc $err" >"$tmp/foreign")
like "tune: not from another machine's files into this one's" "$(cat "$tmp/foreign")" "2 *HAL0_HOME*"
on halo-512m tune --budget 128G
rc_is "tune: more than there is" 1
like "tune: with the arithmetic" "$err" "*cannot be had*"
on halo-lxc-priv tune --budget 64G --write
rc_is "tune: not in a container" 1
on halo-lxc-priv tune --budget 64G
like "tune: says where it belongs" "$out" "*on the host*"
on nvidia-nodriver tune
rc_is "tune: no shared memory" 8
head -c 1048576 /dev/zero >"$tmp/m-00001-of-00002.gguf"
on halo-512m tune --model "$tmp/m-00001-of-00002.gguf"
rc_is "tune: a missing part" 3
cp "$tmp/m-00001-of-00002.gguf" "$tmp/m-00002-of-00002.gguf"
on halo-512m tune --model "$tmp/m-00001-of-00002.gguf" --json
says "tune: a model that cannot be read, by its size" '.budget_mib == 2051'
"$HAL0_BUILD/scripts/tiny-gguf" "$tmp/tiny.gguf" >/dev/null
on halo-512m tune --model "$tmp/tiny.gguf" --json
says "tune: a model by what it allocates" '.budget_mib > 0 and .budget_mib < 1024'

# the firmware's carve-out changes between two runs of the timer: VRAM, RAM and heaps
rm -r "$HAL0_HOME"
mkdir -p "$HAL0_HOME/etc/hal0/slots"
truncate -s 80G "$tmp/big.gguf"
printf 'port = 8081\ndevice = "gpu-vulkan"\n[model]\ndefault = "%s"\n' "$tmp/big.gguf" \
  >"$HAL0_HOME/etc/hal0/slots/chat.toml"
on halo-512m
on halo-512m
is "timer: quiet while nothing changes" "$rc$out$err" 0
cp -a "$tmp/halo-512m" "$tmp/carved"
gpu=$tmp/carved/sys/devices/pci0000:00/0000:c5:00.0
ram=$((131161644 - 63 * 1024 * 512)) # 512 MiB become 32 GiB
for f in proc/meminfo sys/devices/system/node/node0/meminfo; do
  sed -i "s/MemTotal: .*/MemTotal: $ram kB/;s/MemFree: .*/MemFree: $((ram / 2)) kB/
    s/MemAvailable: .*/MemAvailable: $((ram / 4 * 3)) kB/" "$tmp/carved/$f"
done
echo 34359738368 >"$gpu/mem_info_vram_total"
echo 34359738368 >"$gpu/mem_info_vis_vram_total"
echo $((ram / 2 * 1024)) >"$gpu/mem_info_gtt_total"
echo $((ram / 8)) >"$tmp/carved/sys/module/ttm/parameters/pages_limit"
sed -i "0,/\"size\": [0-9]*/s//\"size\": $(((34359738368 + ram / 2 * 1024) / 3 * 2))/" "$tmp/carved/vulkan.json"
on carved diff
rc_is "timer: diff tells" 1
on carved
rc_is "timer: a change is no failure" 0
like "timer: the carve-out" "$out" "*vram_mib*512*32768*"
like "timer: GTT" "$out" "*gtt_mib*122880*$((ram / 2 / 1024))*"
like "timer: RAM" "$out" "*ram_mb*$((131161644 / 1024))*$((ram / 1024))*"
like "timer: names the slot" "$out" "*slot chat does not fit any more*"
on carved
is "timer: quiet again" "$rc$out$err" 0
on halo-512m --json
says "and back" '.changed and .slots == [{"slot": "chat", "needs_mib": 90112, "budget_mib": 120562, "fitted": false, "fits": true}]'

# what systemd runs
if command -v systemd-analyze >/dev/null; then
  mkdir "$tmp/units"
  sed "s|^ExecStart=.*|ExecStart=$probe|" "$HAL0_BUILD/scripts/systemd/hal0-probe.service" >"$tmp/units/hal0-probe.service"
  cp "$HAL0_BUILD/scripts/systemd/hal0-probe.timer" "$tmp/units"
  run systemd-analyze verify --man=no "$tmp/units/hal0-probe.service" "$tmp/units/hal0-probe.timer"
  is "systemd accepts service and timer" "$rc$out$err" 0
fi
tap_done
