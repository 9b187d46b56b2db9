#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# make.sh NAME DIR: builds the root of a synthetic machine (proc, sys, dev, etc) below DIR.
# The values are made up in the form real kernels use; ids are those of the parts they stand for.
#   halo-512m              Strix Halo, 128 GB, carve-out 512 MiB, GTT raised to 120 GiB
#   halo-96g               the same with a carve-out of 96 GiB
#   halo-lxc-priv          its privileged LXC with the nodes passed in
#   halo-lxc-unpriv        an unprivileged LXC without nodes
#   halo-lxc-unpriv-nodes  an unprivileged LXC whose nodes open
#   halo-vm                its iGPU passed through to a VM, beside a virtio display
#   xtx                    Radeon RX 7900 XTX beside a processor without graphics
#   nvidia-nodriver        GeForce RTX 3090 without a driver, beside a display-only iGPU
#   vm-virtio              QEMU guest with virtio-gpu and lavapipe
set -eu
name=$1 root=$2
mkdir -p "$root"
cd "$root"

put() { # PATH TEXT
  mkdir -p "$(dirname "./$1")"
  printf '%s\n' "$2" >"./$1"
}

node() { # PATH MAJOR MINOR
  put "$1" ""
  printf 'c %s %s 0660 root render /%s\n' "$2" "$3" "$1" >>dev.manifest
}

base() { # HOST-KB MEMTOTAL-KB CPU-NAME FAMILY MODEL THREADS EXTRA-FLAGS
  mkdir -p sys/class/drm sys/bus/pci/devices
  put proc/meminfo "MemTotal:       $2 kB
MemFree:        $(($2 / 2)) kB
MemAvailable:   $(($2 * 3 / 4)) kB
SwapTotal:             0 kB
SwapFree:              0 kB"
  put sys/devices/system/node/node0/meminfo "Node 0 MemTotal:       $1 kB
Node 0 MemFree:        $(($1 / 2)) kB"
  i=0
  : >proc/cpuinfo
  while [ "$i" -lt "$6" ]; do
    cat >>proc/cpuinfo <<CPU
processor	: $i
vendor_id	: AuthenticAMD
cpu family	: $4
model		: $5
model name	: $3
stepping	: 0
physical id	: 0
cpu cores	: $(($6 / 2))
flags		: fpu sse sse2 ht lm ssse3 sse4_1 sse4_2 $7

CPU
    i=$((i + 1))
  done
  for f in online possible present; do put "sys/devices/system/cpu/$f" "0-$(($6 - 1))"; done
  put proc/version "Linux version 6.17.2 (build@host) (gcc 14) #1 SMP"
  put proc/sys/kernel/osrelease "6.17.2"
  put proc/sys/kernel/hostname "$name"
  put proc/cmdline "root=/dev/sda1 ro quiet"
  put proc/uptime "1234.56 4321.00"
  put proc/self/uid_map "         0          0 4294967295"
  put proc/self/cgroup "0::/user.slice"
  put proc/self/attr/current "unconfined"
  put sys/fs/cgroup/cgroup.controllers "memory"
  put etc/os-release 'ID=debian
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"'
}

pci() { # ADDR VENDOR DEVICE CLASS REVISION DRIVER
  d=sys/devices/pci0000:00/$1
  put "$d/vendor" "0x$2"
  put "$d/device" "0x$3"
  put "$d/class" "0x$4"
  put "$d/revision" "0x$5"
  put "$d/subsystem_vendor" "0x1043"
  put "$d/subsystem_device" "0x0001"
  put "$d/irq" "11"
  i=0
  : >"$d/resource"
  while [ $i -lt 13 ]; do
    echo '0x0000000000000000 0x0000000000000000 0x0000000000000000' >>"$d/resource"
    i=$((i + 1))
  done
  head -c 64 /dev/zero >"$d/config"
  put "$d/uevent" "PCI_CLASS=${4#0}
PCI_ID=$2:$3
PCI_SLOT_NAME=$1"
  if [ -n "$6" ]; then
    mkdir -p "sys/bus/pci/drivers/$6"
    ln -s "../../../bus/pci/drivers/$6" "$d/driver"
  fi
  ln -s "../../../devices/pci0000:00/$1" "sys/bus/pci/devices/$1"
}

drm() { # ADDR CARD RENDER
  mkdir -p "sys/devices/pci0000:00/$1/drm/card$2/card$2-DP-1"
  ln -s "../../../$1" "sys/devices/pci0000:00/$1/drm/card$2/device"
  ln -s "../../card$2" "sys/devices/pci0000:00/$1/drm/card$2/card$2-DP-1/device"
  ln -s "../../devices/pci0000:00/$1/drm/card$2" "sys/class/drm/card$2"
  ln -s "../../devices/pci0000:00/$1/drm/card$2/card$2-DP-1" "sys/class/drm/card$2-DP-1"
  [ -n "$3" ] || return 0
  mkdir -p "sys/devices/pci0000:00/$1/drm/renderD$3"
  ln -s "../../../$1" "sys/devices/pci0000:00/$1/drm/renderD$3/device"
  ln -s "../../devices/pci0000:00/$1/drm/renderD$3" "sys/class/drm/renderD$3"
}

counters() { # ADDR VRAM GTT VISIBLE
  d=sys/devices/pci0000:00/$1
  put "$d/mem_info_vram_total" "$2"
  put "$d/mem_info_vram_used" "209715200"
  put "$d/mem_info_gtt_total" "$3"
  put "$d/mem_info_gtt_used" "26214400"
  put "$d/mem_info_vis_vram_total" "$4"
  put "$d/mem_info_vis_vram_used" "209715200"
  put "$d/gpu_busy_percent" "3"
  put "$d/power_dpm_force_performance_level" "auto"
  put "$d/pp_dpm_sclk" "0: 600Mhz
1: 2900Mhz *"
  put "$d/hwmon/hwmon3/temp1_input" "41000"
  put "$d/hwmon/hwmon3/power1_average" "12000000"
}

kfd() { # BUS-NUMBER GFX SIMDS MINOR
  mkdir -p sys/class/kfd sys/devices/virtual/kfd
  t=sys/devices/virtual/kfd/kfd/topology/nodes
  put "$t/0/properties" "cpu_cores_count 32
simd_count 0
gfx_target_version 0
location_id 0"
  put "$t/1/properties" "cpu_cores_count 0
simd_count $3
gfx_target_version $2
location_id $(($1 * 256))
domain 0
drm_render_minor $4"
  put "$t/1/mem_banks/0/properties" "heap_type 1
size_in_bytes 1073741824"
  ln -s ../../devices/virtual/kfd/kfd sys/class/kfd/kfd
}

npu() { # ADDR
  pci "$1" 1022 17f0 118000 11 amdxdna
  put "sys/devices/pci0000:00/$1/fw_version" "1.1.2.65"
  mkdir -p "sys/devices/pci0000:00/$1/accel/accel0" sys/class/accel
  ln -s "../../../$1" "sys/devices/pci0000:00/$1/accel/accel0/device"
  ln -s "../../devices/pci0000:00/$1/accel/accel0" sys/class/accel/accel0
}

ttm() { # PAGES
  put sys/module/ttm/parameters/pages_limit "$1"
  put sys/module/ttm/parameters/page_pool_size "$1"
  put sys/module/amdgpu/parameters/gttsize "-1"
}

vk_head() {
  printf '{"loader": "1.4.309", "devices": [' >vulkan.json
}
vk_dev() { # SEPARATOR NAME VENDOR DEVICE TYPE DRIVER-ID BUS HEAP HEAP
  bus='null'
  [ -z "$7" ] || bus="{\"domain\": 0, \"bus\": $7, \"device\": 0, \"function\": 0}"
  printf '%s{"deviceName": "%s", "vendorID": "0x%s", "deviceID": "0x%s", "deviceType": "%s",
    "driverID": %s, "driverName": "x", "apiVersion": "1.4.318", "pciBus": %s,
    "memoryHeaps": [{"size": %s, "device_local": true}, {"size": %s, "device_local": false}]}\n' \
    "$1" "$2" "$3" "$4" "$5" "$6" "$bus" "$8" "$9" >>vulkan.json
}
vk_lavapipe() { vk_dev "$1" "llvmpipe (LLVM 15.0.6)" 10005 0000 CPU 13 "" 2147483648 1; }
vk_tail() {
  printf ']}\n' >>vulkan.json
}

halo_cpu='AMD RYZEN AI MAX+ 395 w/ Radeon 8060S'
halo_flags='avx avx2 avx512f'
halo() { # VRAM GTT PAGES
  pci 0000:c5:00.0 1002 1586 038000 c1 amdgpu
  drm 0000:c5:00.0 1 128
  counters 0000:c5:00.0 "$1" "$2" "$1"
  kfd 197 110501 80 128
  npu 0000:c6:00.1
  ttm "$3"
  put sys/class/dmi/id/sys_vendor "Framework"
  put sys/class/dmi/id/product_name "Desktop (AMD Ryzen AI Max 300 Series)"
}
halo_nodes() {
  node dev/dri/card1 226 1
  node dev/dri/renderD128 226 128
  node dev/kfd 234 0
  node dev/accel/accel0 261 0
}
halo_vulkan() { # SUM OF VRAM AND GTT
  vk_head
  vk_dev "" "Radeon 8060S Graphics (RADV STRIX_HALO)" 1002 1586 INTEGRATED_GPU 3 197 \
    $(($1 * 2 / 3)) $(($1 / 3))
  vk_lavapipe ,
  vk_tail
}
lxc() { # UID_MAP LINE
  printf 'TERM=linux\0container=lxc\0' >environ
  mkdir -p proc/1
  mv environ proc/1/environ
  put run/systemd/container lxc
  put proc/self/uid_map "$1"
  put proc/sys/kernel/osrelease "6.17.2-1-pve"
  put proc/version "Linux version 6.17.2-1-pve (build@host) (gcc 14) #1 SMP"
}

gib=1073741824
case $name in
halo-512m)
  base 131161644 131161644 "$halo_cpu" 26 112 32 "$halo_flags"
  halo $((gib / 2)) $((120 * gib)) 31457280
  halo_nodes
  halo_vulkan $((gib / 2 + 120 * gib))
  ;;
halo-96g)
  base 31850000 31850000 "$halo_cpu" 26 112 32 "$halo_flags"
  halo $((96 * gib)) 16307200000 3981250
  halo_nodes
  halo_vulkan $((96 * gib + 16307200000))
  ;;
halo-lxc-priv)
  base 129000000 98304000 "$halo_cpu" 26 112 32 "$halo_flags"
  halo $gib $((105 * gib)) 27525120
  halo_nodes
  lxc "         0          0 4294967295"
  halo_vulkan $((106 * gib))
  ;;
halo-lxc-unpriv)
  base 129000000 16777216 "$halo_cpu" 26 112 8 "$halo_flags"
  halo $gib $((105 * gib)) 27525120
  lxc "         0     100000      65536"
  put sys/fs/cgroup/memory.max "17179869184"
  put proc/self/attr/current "lxc-101_</var/lib/lxc>//&:lxc-101_<-var-lib-lxc>:unconfined (enforce)"
  vk_head
  vk_lavapipe ""
  vk_tail
  ;;
halo-lxc-unpriv-nodes)
  base 129000000 98304000 "$halo_cpu" 26 112 32 "$halo_flags"
  halo $gib $((105 * gib)) 27525120
  halo_nodes
  lxc "         0     100000      65536"
  halo_vulkan $((106 * gib))
  ;;
halo-vm)
  base 65536000 65536000 "$halo_cpu" 26 112 16 "$halo_flags hypervisor"
  halo $((8 * gib)) $((31 * gib)) 8126464
  rm sys/bus/pci/devices/0000:c6:00.1 sys/class/accel/accel0
  pci 0000:00:01.0 1af4 1050 030000 01 virtio-pci
  drm 0000:00:01.0 0 ""
  halo_nodes
  put sys/class/dmi/id/sys_vendor "QEMU"
  put sys/class/dmi/id/product_name "Standard PC (Q35 + ICH9, 2009)"
  put sys/class/dmi/id/bios_vendor "Proxmox distribution of EDK II"
  halo_vulkan $((39 * gib))
  ;;
xtx)
  base 32771056 32771056 "AMD Ryzen 5 5600 6-Core Processor" 25 33 12 "avx avx2"
  pci 0000:2c:00.0 1002 744c 030000 c8 amdgpu
  drm 0000:2c:00.0 1 128
  counters 0000:2c:00.0 25753026560 16778264576 25753026560
  put sys/devices/pci0000:00/0000:2c:00.0/board_info "type : cem"
  put sys/devices/pci0000:00/0000:2c:00.0/mem_info_vram_vendor "samsung"
  kfd 44 110000 192 128
  node dev/dri/renderD128 226 128
  node dev/kfd 234 0
  vk_head
  vk_lavapipe ""
  vk_dev , "AMD Radeon RX 7900 XTX (RADV NAVI31)" 1002 744c DISCRETE_GPU 3 44 25753026560 16778264576
  vk_tail
  ;;
nvidia-nodriver)
  base 65000000 65000000 "AMD Ryzen 9 7950X 16-Core Processor" 25 97 32 "avx avx2 avx512f"
  pci 0000:01:00.0 10de 2204 030000 a1 nouveau
  drm 0000:01:00.0 1 128
  pci 0000:73:00.0 1002 164e 030000 c1 amdgpu
  drm 0000:73:00.0 2 129
  counters 0000:73:00.0 536870912 33280000000 536870912
  node dev/dri/renderD128 226 128
  node dev/dri/renderD129 226 129
  vk_head
  vk_lavapipe ""
  vk_dev , "AMD Ryzen 9 7950X (RADV RAPHAEL_MENDOCINO)" 1002 164e INTEGRATED_GPU 3 115 22544000000 11272000000
  vk_tail
  ;;
vm-virtio)
  base 8148068 8148068 "QEMU Virtual CPU version 2.5+" 15 107 4 "hypervisor"
  pci 0000:00:01.0 1af4 1050 030000 01 virtio-pci
  drm 0000:00:01.0 0 128
  node dev/dri/renderD128 226 128
  put sys/class/dmi/id/sys_vendor "QEMU"
  vk_head
  vk_lavapipe ""
  vk_tail
  ;;
*)
  echo "make.sh: no machine '$name'" >&2
  exit 2
  ;;
esac
