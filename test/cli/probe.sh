#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-probe: conclusions on synthetic machines, the file it keeps, bad input.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
probe=$HAL0_BUILD/cmd/hal0-probe
HAL0_HOME=$tmp/home
export HAL0_HOME
unset HAL0_SYSROOT
file=$HAL0_HOME/etc/hal0/hardware.json

machine() {
  rm -rf "${tmp:?}/$1"
  sh "$HAL0_SOURCE/test/machines/make.sh" "$1" "$tmp/$1"
}
doc() { "$probe" --sysroot "$tmp/$1" --dry-run --json; }
# says MACHINE 'JQ EXPRESSION THAT MUST BE TRUE'
# shellcheck disable=SC2016
says() { ok "$1: $2" sh -c 'printf "%s" "$1" | jq -e "$2"' sh "$json" "$2"; }
steady() { jq "del(.. | .probed_at?)"; }
look() {
  machine "$1"
  json=$(doc "$1")
}

look halo-512m
says halo-512m '.tier == "first-class" and .platform == "strix-halo" and .deployment == "bare-metal"'
says halo-512m '.hardware_class == "amd-strix-halo" and .recommended_device == "gpu-vulkan"'
says halo-512m '.recommendation.alternative == "gpu-rocm"'
says halo-512m '.gpus[0] | .uma and .vram_mib == 512 and .gtt_mib == 122880 and .gfx == "gfx1151"'
says halo-512m '.gpus[0] | .name == "Radeon 8060S Graphics" and .vulkan_driver == "radv"'
says halo-512m '.memory.pool_mib == 128599 and .memory.budget_mib == 120562'
says halo-512m '.memory.binding_limit == "physical-ram"'
says halo-512m '.npu.usable and .npu.node == "/dev/accel/accel0"'
says halo-512m '[.memory.pools[].source] | all(. != null)'
says halo-512m '.swap_mb == 0 and .disk_free_mb == null'

look halo-96g
says halo-96g '.gpus[0].uma and .tier == "first-class"'
says halo-96g '.memory.unified and .memory.pool_mib == (31850000 / 1024 | floor) + 98304'
says halo-96g '.memory.budget_mib == 98304 + 15551'
says halo-96g '[.warnings[].code] | index("carveout-leaves-little-host-ram") and index("gtt-at-default")'

look halo-lxc-priv
says halo-lxc-priv '.tier == "first-class" and .platform == "lxc" and .deployment == "lxc-privileged"'
says halo-lxc-priv '.memory.binding_limit == "lxcfs-memtotal"'
says halo-lxc-priv '[.memory.limits[].name] | index("physical-ram") and index("vram+gtt")'
says halo-lxc-priv '[.warnings[].code] | index("container-memory-view-differs")'

look halo-lxc-unpriv
says halo-lxc-unpriv '.tier == "fallback" and .deployment == "lxc-unprivileged"'
says halo-lxc-unpriv '.recommended_device == "cpu" and .recommendation.vulkan_on_cpu'
says halo-lxc-unpriv '.gpus[0] | .usable == false and .primary == false and .reason == "no-device-node"'
says halo-lxc-unpriv '.memory.pool_mib == null and .memory.budget_mib == 12288'
says halo-lxc-unpriv '[.warnings[].code] | index("unprivileged-container") and index("gpu-no-device-node")'

look halo-lxc-unpriv-nodes
says halo-lxc-unpriv-nodes '.tier == "fallback" and .recommended_device == "gpu-vulkan"'
says halo-lxc-unpriv-nodes '.recommendation.why | any(contains("unprivileged"))'

look halo-vm
says halo-vm '.platform == "proxmox-kvm" and .deployment == "vm" and (.gpus | length) == 1'
says halo-vm '.tier != "first-class"'

look xtx
says xtx '.tier == "supported" and .hardware_class == "amd-discrete" and .memory.budget_mib == 24560'
says xtx '.gpus[0] | .uma == false and .name == "AMD Radeon RX 7900 XTX"'
says xtx '.memory.pool_mib == null and .memory.binding_limit == "vram"'

# what a guest has is not this machine's
mkdir -p "$tmp/xtx/sys/bus/pci/drivers/vfio-pci"
ln -sfn ../../../bus/pci/drivers/vfio-pci "$tmp/xtx/sys/devices/pci0000:00/0000:2c:00.0/driver"
json=$(doc xtx)
says passed-through '.tier == "fallback" and .gpus[0].reason == "passed-through"'
# an Instinct card is an accelerator by class, with a driver and without
rm -r "$tmp/xtx"
look xtx
card=$tmp/xtx/sys/devices/pci0000:00/0000:2c:00.0
echo 0x120000 >"$card/class"
echo 0x74a1 >"$card/device"
rm "$card/driver" "$tmp/xtx/sys/class/drm"/*
json=$(doc xtx)
says instinct '.gpus[0] | .pci_id == "1002:74a1" and .reason == "driver-not-bound"'
# no part the table knows, on a kernel without board_info: all verbs take it for the same
rm -r "$tmp/xtx"
look xtx
echo 0x687f >"$card/device"
rm "$card/board_info" "$card/mem_info_vram_vendor"
sed -i s/744c/687f/ "$tmp/xtx/vulkan.json"
json=$(doc xtx)
says vega '.gpus[0].uma == false and .memory.budget_mib == 24560'
json=$("$HAL0_BUILD/cmd/hal0-status" --sysroot "$tmp/xtx" --json)
says "vega, status" '.machine.budget_mib == 24560 and .machine.hardware_class == "amd-discrete"'
echo 268435456 >"$card/mem_info_vis_vram_total"
echo '{"loader": null, "devices": []}' >"$tmp/xtx/vulkan.json"
json=$(doc xtx)
says "vega, by its window" '.gpus[0].uma == false and .memory.budget_mib == 24560'

look nvidia-nodriver
says nvidia-nodriver '.hardware_class == "nvidia-discrete" and .recommended_device == "cpu"'
says nvidia-nodriver '[.warnings[].code] | index("nvidia-driver-missing") and index("nvidia-cdi-missing")'
says nvidia-nodriver '[.gpus[] | select(.vendor == "nvidia")][0] | .vram_mib == null and .usable == false'

look vm-virtio
says vm-virtio '.platform == "kvm" and .gpus == [] and .recommended_device == "cpu"'
says vm-virtio '[.warnings[].code] | index("no-avx2") and index("virtual-gpu-ignored")'

# huge pages that were set aside are nobody else's
echo "Hugetlb:         2097152 kB" >>"$tmp/vm-virtio/proc/meminfo"
json=$(doc vm-virtio)
says hugetlb '.memory.limits[0] | .mib + .reserve_mib == ((8148068 - 2097152) / 1024 | floor) and (.source | test("Hugetlb"))'

# refused access is not absence
look halo-512m
echo '/dev/dri/renderD128 EACCES' >"$tmp/halo-512m/unreadable.list"
json=$(doc halo-512m)
says denied '.gpus[0].reason == "no-permission" and .recommended_device == "cpu"'
echo '/dev/accel/accel0 ENODEV' >"$tmp/halo-512m/unreadable.list"
json=$(doc halo-512m)
says failed '.npu.present and (.npu.usable | not) and .npu.reason == "driver-failed"'
rm "$tmp/halo-512m/unreadable.list"
rm "$tmp/halo-512m/sys/devices/pci0000:00/0000:c5:00.0/driver"
json=$(doc halo-512m)
says unbound '.gpus[0].reason == "driver-not-bound" and .gpus[0].driver == null'

# a control group's limit says nothing about how much memory there is
look halo-512m
sed -i /MemTotal/d "$tmp/halo-512m/proc/meminfo"
mkdir -p "$tmp/halo-512m/sys/fs/cgroup/user.slice"
echo 17179869184 >"$tmp/halo-512m/sys/fs/cgroup/user.slice/memory.max"
json=$(doc halo-512m)
says no-memtotal '.memory.budget_mib == null and .memory.binding_limit == null and .memory.free_mib == null'

# symlinks that became text files
machine halo-512m
doc halo-512m | grep -v probed_at >"$tmp/linked.json"
find "$tmp/halo-512m" -type l | while read -r l; do
  t=$(readlink "$l")
  rm "$l"
  printf %s "$t" >"$l"
done
doc halo-512m | grep -v probed_at >"$tmp/flat.json"
ok "a tree without symlinks reads the same" cmp "$tmp/linked.json" "$tmp/flat.json"

# the file
machine halo-512m
machine xtx
run "$probe" --sysroot "$tmp/halo-512m" --dry-run
rc_is "dry run" 0
ok "a dry run writes nothing" test ! -e "$file"
run "$probe" diff --sysroot "$tmp/halo-512m"
rc_is "diff without a file" 1
run "$probe" --sysroot "$tmp/halo-512m"
rc_is "first probe" 0
like "says what it found" "$out" "*first-class*"
is "mode" "$(stat -c %a "$file")" 644
is "sorted keys, two spaces" "$(jq -S --indent 2 . "$file")" "$(cat "$file")"
before=$(stat -c %i%Y "$file")
echo "4321.0 1.0" >"$tmp/halo-512m/proc/uptime"
run "$probe" --sysroot "$tmp/halo-512m"
is "nothing new: says nothing" "$rc$out$err" 0
is "nothing new: file untouched" "$(stat -c %i%Y "$file")" "$before"
run "$probe" --sysroot "$tmp/halo-512m" --json
is "nothing new: changed is false" "$(printf %s "$out" | jq .changed)" false
run "$probe" diff --sysroot "$tmp/halo-512m"
rc_is "diff: the same" 0

jq '.slots = {"chat": {"backoff_steps": [1, 2]}} | .extra.mine = "kept" | .note = "by hand" |
  .gpus[0].mine = "left slot" | .npu.mine = 1 | .memory.limits[1].mine = 2' "$file" >"$tmp/x"
cat "$tmp/x" >"$file"
echo 103079215104 >"$tmp/halo-512m/sys/devices/pci0000:00/0000:c5:00.0/mem_info_vram_total"
run "$probe" diff --sysroot "$tmp/halo-512m"
rc_is "diff: a carve-out changed" 1
like "diff names it" "$out" "*vram_mib*512*98304*"
run "$probe" --sysroot "$tmp/halo-512m" --dry-run
like "dry run prints the change" "$out" "*vram_mib*512*98304*"
is "and writes nothing" "$(jq '.gpus[0].vram_mib' "$file")" 512
run "$probe" --sysroot "$tmp/halo-512m"
rc_is "a change is no failure" 0
like "a change is printed" "$out" "*vram_mib*512*98304*"
is "and recorded" "$(jq '.gpus[0].vram_mib' "$file")" 98304
is "the operator's keys stay" \
  "$(jq -c '[.slots.chat.backoff_steps, .extra.mine, .note]' "$file")" '[[1,2],"kept","by hand"]'
is "wherever they stand" \
  "$(jq -c '[.gpus[0].mine, .npu.mine, .memory.limits[1].mine]' "$file")" '["left slot",1,2]'
run "$probe" show --file --json
is "the recorded document" "$(printf %s "$out" | jq -r .note)" "by hand"
summary=$("$probe" show --sysroot "$tmp/halo-512m")
run "$probe" show --file
is "its summary" "$out" "$summary"
run "$probe" show --file --format '{tier} {budget}'
is "--file and --format" "$out" "$("$probe" show --sysroot "$tmp/halo-512m" --format '{tier} {budget}')"
jq '{hostname, gpus: [{}], npu: {present: true}}' "$file" >"$tmp/x"
cp "$file" "$tmp/file"
cat "$tmp/x" >"$file"
run "$probe" show --file --columns host,tier,gpu,npu,pool
rc_is "a document that lacks most" 0
like "says what it has" "$out" "*halo-512m*unknown, no driver*"
cat "$tmp/file" >"$file"
HAL0_SYSROOT=$tmp/xtx run "$probe" show
like "HAL0_SYSROOT" "$out" "*RX 7900 XTX*"

# a live probe starts nothing but the child that asks Vulkan, which becomes no other program
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
  # the leak detector forks, and cannot work while it is traced itself
  children() { # ARGUMENT...: "forks programs"
    (cd "$tmp" && ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o trace -e trace=process "$probe" "$@" >/dev/null 2>&1)
    echo "$(grep -cE '(clone|clone3|fork|vfork)\(' "$tmp/trace") $(grep -c 'execve(' "$tmp/trace")"
  }
  is "without Vulkan: no child" "$(children show --no-vulkan)" "0 1"
  is "doctor and the rest: at most the one that asks Vulkan" "$(children show) $(children doctor) $(children memory)" \
    "1 1 1 1 0 1"
  is "tune: none" "$(children tune)" "0 1"
  # openat2 fails with EAGAIN at a ".." while anybody renames a file anywhere: that says nothing of the machine
  look halo-512m
  busy=$(ASAN_OPTIONS=detect_leaks=0 strace -qq -o "$tmp/trace" -e trace=openat2 -e inject=openat2:error=EAGAIN:when=1+2 \
    "$probe" --sysroot "$tmp/halo-512m" --dry-run --json)
  ok "openat2 is made to fail" grep -q 'EAGAIN.*INJECTED' "$tmp/trace"
  is "while others rename files the machine reads the same" "$(echo "$busy" | steady)" "$(echo "$json" | steady)"
else
  tap_result 0 "children, openat2 # SKIP strace cannot be used here"
fi

# bad input
printf '{"slots": {' >"$file"
run "$probe" --sysroot "$tmp/halo-512m"
rc_is "a broken file is refused" 3
like "with its place" "$err" "*hardware.json:1:*"
is "and left alone" "$(cat "$file")" '{"slots": {'
printf '[1]\n' >"$file"
run "$probe" --sysroot "$tmp/halo-512m"
rc_is "an array is refused" 3
rm "$file"
ln -s /nowhere/else "$file"
run "$probe" --sysroot "$tmp/halo-512m"
rc_is "a symlink in its place is refused" 4
rm "$file"
run "$probe" --sysroot "$tmp/nothing"
rc_is "no such root" 2
run "$probe" show --file
rc_is "no file recorded" 1
run "$probe" shwo
rc_is "an unknown verb" 2
like "gets the nearest" "$err" "*show*"
tap_done
