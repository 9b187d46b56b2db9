#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-probe doctor: every finding is provoked on a synthetic machine, each with why and what to do.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
probe=$HAL0_BUILD/cmd/hal0-probe
HAL0_HOME=$tmp/home
export HAL0_HOME
unset HAL0_SYSROOT
machine() { # NAME: made anew, as $root
  root=$tmp/$1
  gpu=$root/sys/devices/pci0000:00/0000:c5:00.0
  [ -d "$tmp/made/$1" ] || sh "$HAL0_SOURCE/test/machines/make.sh" "$1" "$tmp/made/$1"
  rm -rf "$root"
  cp -a "$tmp/made/$1" "$root"
}
for m in halo-512m halo-96g halo-lxc-priv halo-lxc-unpriv xtx nvidia-nodriver; do
  machine $m
done
on() { # MACHINE ARGUMENT...
  m=$1
  shift
  run "$probe" "$@" --sysroot "$tmp/$m"
  case " $* " in *" --json "*) printf '%s' "$out" | jq -r '.items[] | select(.severity != "ok").code' >>"$tmp/seen" ;; esac
}
# shellcheck disable=SC2016
says() { ok "$1: $2" sh -c 'printf "%s" "$1" | jq -e "$2"' sh "$out" "$2"; }
# finds CODE SEVERITY WHAT: the machine $root has that finding
finds() {
  on "${root##*/}" doctor --json
  says "$3" ".items[] | select(.code == \"$1\") | .severity == \"$2\" and (.why | length) > 9 and (.fix | length) > 9"
}
finds_not() { # CODE WHAT
  on "${root##*/}" doctor --json
  says "$2" "[.items[].code] | index(\"$1\") | not"
}
write() { # PATH TEXT, below $root
  mkdir -p "$(dirname "$root/$1")"
  printf '%s\n' "$2" >"$root/$1"
}

on halo-512m doctor --json
rc_is "notes are no failure" 0
says doctor '.worst == "note" and ([.items[].code] | index("vulkan-driver"))'
echo "root=/dev/sda1 amdgpu.gtt_size=131072 amd_iommu=pt iommu=pt" >"$tmp/halo-512m/proc/cmdline"
echo 65536 >"$tmp/halo-512m/sys/module/amdgpu/parameters/gttsize"
mkdir -p "$tmp/halo-512m/etc/modprobe.d"
echo "options ttm pages_limit=27648000" >"$tmp/halo-512m/etc/modprobe.d/gpu.conf"
on halo-512m doctor --json
rc_is "warnings" 1
says doctor '[.items[] | select(.code == "kernel-argument-typo")] | length == 2'
says doctor '[.items[].code] | index("gttsize-disagrees") and index("limit-not-live")'
says doctor '[.items[].code] | index("iommu-passthrough")'
says doctor '.items | all(.severity == "ok" or .why != null)'
# words the kernel ignores, values in another unit; the last one counts, - is _
typo() { # CODE KERNEL-ARGUMENTS
  echo "ro $2 quiet" >"$tmp/halo-96g/proc/cmdline"
  on halo-96g doctor --json
  says "$2" "[.items[].code] | index(\"$1\")"
}
no_typo() {
  echo "ro $1 quiet" >"$tmp/halo-96g/proc/cmdline"
  on halo-96g doctor --json
  says "$1" '[.items[].code | select(startswith("kernel-argument") or . == "limit-not-live")] == []'
}
for a in amdgpu.gtt_size=131072 amdgpu.gtt-size=1 ttm.page_limit=1 ttm.page-limit=1 ttm.pool_size=1 \
  ttm.pages_pool_size=1 ttm.gttsize=1 amdgpu.ttm.pages_limit=1 amdgpu.pages_limit=1 amd_iommu=pt amd_iommu=on; do
  typo kernel-argument-typo "$a"
done
for a in ttm.pages_limit=120G ttm.pages_limit=122880 ttm.pages_limit=128849018880 amdgpu.gttsize=120 \
  amdgpu.gttsize=128849018880 ttm.page_pool_size=120G; do
  typo kernel-argument-value "$a"
done
typo limit-not-live "ttm.pages-limit=3981250 ttm.pages_limit=3981251"
no_typo "ttm.pages_limit=9999999 ttm.pages-limit=3981250"
no_typo "iommu=pt amdgpu.gttsize=-1"

echo "Node 0, zone   Normal 2000000 10 10 10 10 10 10 10 10 10 10" >"$tmp/halo-512m/proc/buddyinfo"
echo low >"$tmp/halo-512m/sys/devices/pci0000:00/0000:c5:00.0/power_dpm_force_performance_level"
on halo-512m doctor
like "fragmentation" "$out" "*(memory-fragmented)*why: *fix: restart the slot*"
root=$tmp/halo-512m
finds memory-fragmented warning "no large blocks"
finds gpu-performance-level warning "a forced performance level"
echo "root=/dev/sda1 amd_iommu=off" >"$tmp/halo-512m/proc/cmdline"
echo "/dev/accel/accel0 ENODEV" >"$tmp/halo-512m/unreadable.list"
finds npu-needs-iommu warning "the NPU needs the IOMMU"
on nvidia-nodriver doctor
rc_is "errors" 8
on nvidia-nodriver doctor --fix
like "--fix prints commands" "$out" "*nvidia-ctk cdi generate*"
on nvidia-nodriver doctor --fix --json
says "--fix --json" '(.items | length) > 2 and all(.items[]; .fix != null and .severity != "ok")'

mkdir -p "$HAL0_HOME/etc/hal0/slots" "$HAL0_HOME/var-lib/hal0/slots/chat"
printf 'port = 8081\ndevice = "cpu"\n[model]\ndefault = "x"\ncontext_size = 131072\n' \
  >"$HAL0_HOME/etc/hal0/slots/chat.toml"
echo '{"message": "libxrt_coreutil.so.2: cannot open"}' >"$HAL0_HOME/var-lib/hal0/slots/chat/state.json"
on halo-96g doctor --json
says "slots" '[.items[].code] | index("slot-context-large") and index("slot-on-cpu")'
says "slots" '[.items[].code] | index("flm-image-stale")'

# ---- the GPU and what drives it ----
machine halo-512m
finds_not vulkan-driver-other "RADV is as it should be"
sed -i 's/"driverID": 3/"driverID": 2/' "$root/vulkan.json"
finds vulkan-driver-other warning "AMDVLK alone"
finds amdvlk-installed note "AMDVLK is there"
printf '{"loader": "1.4.309", "devices": []}' >"$root/vulkan.json"
finds vulkan-device-missing warning "Vulkan lists nothing"
like "names the packages" "$out" "*vulkan-radeon*group render*kernel log*"
printf '{"loader": "1.4.309", "devices": [{"deviceName": "llvmpipe", "vendorID": "0x10005",
  "deviceID": "0x0", "deviceType": "CPU", "driverID": 13}]}' >"$root/vulkan.json"
finds vulkan-software-only warning "Vulkan lists lavapipe alone"
finds_not vulkan-device-missing "and that is said once"
printf '{"loader": null, "devices": []}' >"$root/vulkan.json"
finds vulkan-loader-missing note "no loader"
printf '{"loader": "1.4.309", "devices": 7}' >"$root/vulkan.json"
machine halo-512m
echo "/dev/dri/renderD128 EACCES" >"$root/unreadable.list"
finds gpu-no-permission error "not in the group render"
fix() { # CODE: what is to be done about it
  printf '%s' "$out" | jq -r ".items[] | select(.code == \"$1\").fix"
}
is "no driver is missing there" "$(fix gpu-no-device-node)" "$(fix gpu-no-permission)"
echo "/dev/dri/renderD128 EINVAL" >"$root/unreadable.list"
finds gpu-driver-failed error "the driver refuses"
is "nor there" "$(fix gpu-no-device-node)" "$(fix gpu-driver-failed)"
rm "$root/unreadable.list" "$root/dev/dri/renderD128"
finds gpu-no-device-node error "the driver is bound, the node is missing"
like "udev makes nodes" "$(fix gpu-no-device-node)" "*udevadm trigger*"
rm "$gpu/driver"
finds gpu-driver-not-bound error "no driver"
rm -r "$root/sys/module/amdgpu"
finds amdgpu-not-loaded error "the module is not loaded"
like "says where to look" "$out" "*log*"
machine halo-512m
echo "/dev/kfd EACCES" >"$root/unreadable.list"
finds kfd-closed note "no ROCm without kfd"
write "sys/devices/pci0000:00/0000:c5:00.0/power_dpm_force_performance_level" high
finds gpu-performance-level note "a pinned clock"
printf '{"loader": null, "devices": []}' >"$root/vulkan.json"
write etc/os-release "ID=fedora"
on halo-512m doctor --fix
like "commands of another system" "$out" "*dnf install vulkan-loader*"
write etc/os-release "ID=cachyos
ID_LIKE=arch"
on halo-512m doctor --fix
like "and of a third" "$out" "*pacman -S vulkan-icd-loader*"
machine nvidia-nodriver
finds nvidia-driver-missing error "nouveau"
finds nvidia-cdi-missing warning "no CDI spec"
machine vm-virtio
finds virtual-gpu-ignored note "a display of QEMU's"
finds no-avx2 warning "an old CPU type"
finds low-memory note "little memory"
says "no driver to install without a GPU" '.items[] | select(.code == "vulkan-software-only").command == null'

machine xtx
sed -i 's/^MemTotal: .*/MemTotal: 8071056 kB/' "$root/proc/meminfo"
finds_not low-memory "a card of 24 GiB holds more than the RAM"
machine halo-96g
sed -i 's/^MemTotal: .*/MemTotal: 15850000 kB/' "$root/proc/meminfo"
finds_not low-memory "and so does a carve-out of 96 GiB"

# ---- the NPU ----
machine halo-512m
rm "$root/sys/devices/pci0000:00/0000:c6:00.1/driver"
finds npu-driver-not-loaded warning "amdxdna is not bound"
mkdir -p "$root/sys/bus/pci/drivers/vfio-pci"
ln -s ../../../bus/pci/drivers/vfio-pci "$root/sys/devices/pci0000:00/0000:c6:00.1/driver"
rm "$root/sys/class/accel/accel0" "$root/dev/accel/accel0"
finds npu-passed-through note "a guest has it"
says "and no more is wrong with it" '[.items[].code | select(startswith("npu-"))] == ["npu-passed-through"]'
machine halo-512m
echo "/dev/accel/accel0 EACCES" >"$root/unreadable.list"
finds npu-no-permission warning "the NPU is not for us"
rm "$root/unreadable.list" "$root/dev/accel/accel0"
finds npu-no-device-node warning "no node is not no permission"
: >"$root/dev/accel/accel0"
echo "/dev/accel/accel0 EOPNOTSUPP" >"$root/unreadable.list"
finds npu-driver-failed warning "the NPU's driver refuses"
machine halo-lxc-priv
rm "$root/dev/accel/accel0"
sed -i /accel/d "$root/dev.manifest"
write proc/self/attr/current "lxc-container-default-cgns (enforce)"
finds npu-no-device-node warning "accel0 is not passed in"
like "LXC: by its configuration" "$(fix npu-no-device-node)" "*dev1: *"
rm "$root/run/systemd/container" "$root/proc/1/environ"
write run/.containerenv ""
rm "$root/dev/dri/renderD128"
finds npu-no-device-node warning "nor into a container of podman's"
is "that has options" "$(fix npu-no-device-node), $(fix gpu-no-device-node)" \
  "start the container with --device /dev/accel/accel0, start the container with --device /dev/dri --device /dev/kfd"
machine halo-lxc-priv
write proc/self/attr/current "lxc-container-default-cgns (enforce)"
finds apparmor-confined note "AppArmor confines the container"

# ---- memory and boot ----
machine halo-96g
finds gtt-at-default warning "GTT at its default"
finds carveout-large note "a carve-out of 96 GiB"
finds carveout-leaves-little-host-ram warning "little is left"
machine halo-512m
finds gtt-close-to-ram note "GTT near the RAM"
finds ttm-pool-large note "the pool keeps as much"
write sys/module/ttm/parameters/page_pool_size 1000000
finds ttm-pool-small note "the pool is smaller than the limit"
like "and the hint for it" "$out" "*vm_fragment_size=8*"
write sys/module/amdgpu/parameters/gttsize 122880
finds gttsize-deprecated note "gttsize, equal"
write proc/cmdline "ro amd_iommu=off"
finds iommu-off note "no IOMMU"
write proc/sys/kernel/osrelease 6.8.0-generic
write proc/version "Linux version 6.8.0-generic (x) #1"
finds kernel-old warning "an old kernel"
write etc/os-release 'ID=ubuntu
VERSION_ID="22.04"
PRETTY_NAME="Ubuntu 22.04.5 LTS"'
finds distribution-old note "an old distribution"
write etc/os-release 'ID=ubuntu
VERSION_ID="24.04"'
finds_not distribution-old "a baseline"
machine halo-lxc-unpriv
finds unprivileged-container warning "an unprivileged container"
finds container-memory-limit note "a limit of its own"
finds container-memory-view-differs note "lxcfs shows less"
finds gpu-no-device-node error "no node in the container"
write proc/self/cgroup "4:devices:/lxc
0::/"
write sys/fs/cgroup/devices/lxc/devices.list "c 1:3 rwm"
finds device-cgroup warning "the device cgroup"

# ---- guests: groups and pinning ----
machine xtx
group() { # ADDRESS...
  for a in "$@"; do
    mkdir -p "$root/sys/kernel/iommu_groups/14/devices" "$root/sys/devices/pci0000:00/$a"
    ln -sf "../../../../devices/pci0000:00/$a" "$root/sys/kernel/iommu_groups/14/devices/$a"
    ln -sfn "../../../kernel/iommu_groups/14" "$root/sys/devices/pci0000:00/$a/iommu_group"
    [ -e "$root/sys/bus/pci/devices/$a" ] || ln -s "../../../devices/pci0000:00/$a" "$root/sys/bus/pci/devices/$a"
  done
}
group 0000:2c:00.0 0000:2c:00.1 0000:2a:00.0
write sys/devices/pci0000:00/0000:2c:00.1/class 0x040300
write sys/devices/pci0000:00/0000:2a:00.0/class 0x060400
finds_not iommu-group-shared "its own audio and a bridge are no strangers"
says "a group for itself" '.items[] | select(.code == "iommu-group").severity == "ok"'
group 0000:2d:00.0
write sys/devices/pci0000:00/0000:2d:00.0/class 0x010802
finds iommu-group-shared note "an SSD in the card's group"
like "is named" "$out" "*group 14 with 0000:2d:00.0*"
mkdir -p "$root/sys/bus/pci/drivers/vfio-pci"
ln -sfn ../../../bus/pci/drivers/vfio-pci "$root/sys/devices/pci0000:00/0000:2c:00.0/driver"
finds iommu-group-shared warning "... when the card is a guest's"
finds gpu-passed-through note "a guest has it"
machine halo-vm
finds cpu-pinning note "a VM cannot see its pinning"
finds vm-passthrough note "passed through"
machine halo-lxc-priv
write sys/devices/system/cpu/possible 0-63
finds cpu-pinning note "a container on all CPUs that there are"
finds_not cpu-subset "what firmware leaves room for is none of them"
write sys/devices/system/cpu/online 0-15
finds cpu-subset note "a container on some"
says "that is pinned enough" '.items[] | select(.code == "cpu-pinning").severity == "ok"'

# ---- power ----
machine halo-512m
finds tuned-profile-missing note "no tuned"
write etc/tuned/active_profile balanced
finds tuned-profile-not-accelerator note "another profile of tuned's"
write etc/tuned/active_profile accelerator-performance
finds_not tuned-profile-not-accelerator "the right one"
write sys/class/power_supply/AC/type Mains
write sys/class/power_supply/AC/online 0
finds on-battery-power warning "on battery"
write sys/firmware/acpi/platform_profile low-power
finds platform-profile-low-power warning "the firmware saves power"
write sys/devices/system/cpu/cpufreq/policy0/scaling_governor powersave
write sys/devices/system/cpu/cpufreq/policy0/scaling_driver acpi-cpufreq
finds governor-powersave warning "the governor saves power"
machine xtx
write sys/devices/pci0000:00/0000:2c:00.0/mem_info_vis_vram_total 268435456
finds rebar-off note "no resizable BAR"

# ---- slots, as their command would say it ----
machine halo-512m
rm -r "$HAL0_HOME"
mkdir -p "$HAL0_HOME/etc/hal0/slots"
"$HAL0_BUILD/scripts/tiny-gguf" "$tmp/tiny.gguf" >/dev/null
slot() { # NAME DEVICE LINES
  printf 'port = 81%02d\ndevice = "%s"\n%s\n' "$((n = n + 1))" "$2" "$3" >"$HAL0_HOME/etc/hal0/slots/$1.toml"
}
n=0
model="[model]
default = \"$tmp/tiny.gguf\""
slot well gpu-vulkan "$model"
on halo-512m doctor --json
says "a slot as advised" '[.items[] | select(.code == "slot" and (.fact | test("well"))).severity] == ["ok"]'
says "no other word on it" '[.items[] | select(.fact | test("slot well"))] | length == 1'
slot layers gpu-vulkan "$model
[server]
extra_args = \"-ngl 1\""
finds slot-layers-on-cpu warning "-ngl leaves layers to the CPU"
like "with the numbers" "$out" "*slot layers gives the GPU 1 of its*"
slot dense gpu-rocm "$model
[server]
extra_args = \"-fa off --gpu-layers 999\""
finds slot-no-flash-attention note "flash attention is off"
finds_not slot-no-hipblaslt "hal0 switches hipBLASLt on"
slot mapped gpu-vulkan "$model
[server]
extra_args = \"--mmap\""
finds_not slot-mmap "a small model may be mapped"
sed -i 's/^MemTotal: .*/MemTotal: 800 kB/' "$root/proc/meminfo"
finds slot-mmap warning "a model of more than half of the RAM is mapped"
printf '[profile.mine]\nimage = "localhost/x:1"\ndevice_class = "gpu"\nbackend = "rocm"\nflags = "-ngl 1"\n' \
  >"$HAL0_HOME/etc/hal0/profiles.toml"
slot profiled gpu-rocm "profile = \"mine\"
$model"
on halo-512m doctor --json
like "a profile's -ngl" "$out" "*slot profiled gives the GPU 1 of its*"
rm "$HAL0_HOME/etc/hal0/profiles.toml"
slot toolbox gpu-vulkan "profile = \"rocm\"
$model"
finds slot-wrong-toolbox warning "a profile for another back end"
slot broken gpu-vulkan "$model
context_size = \"many\""
finds slot-broken warning "a file that says nonsense"
like "where" "$out" "*slots/broken.toml:5:16*"

# every code of the table was seen, but those that need a live system or cannot follow from a file
sed -n 's/^\t{"\([a-z0-9-]*\)",.*/\1/p' "$HAL0_SOURCE/lib/model/doctor.c" | sort -u >"$tmp/codes"
sort -u "$tmp/seen" >"$tmp/seen.sorted"
is "every finding was provoked" "$(comm -23 "$tmp/codes" "$tmp/seen.sorted" | tr '\n' ' ')" \
  "cuda-toolbox-pending memlock-low podman-missing slot-no-hipblaslt vulkan-driver-failed "
is "and every one has its why" "$(comm -13 "$tmp/codes" "$tmp/seen.sorted")" ""
tap_done
