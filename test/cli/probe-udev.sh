#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-probe as on a live machine whose GPU and NPU umockdev plays: libudev, sysfs and nodes.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
probe=$HAL0_BUILD/cmd/hal0-probe
command -v umockdev-run >/dev/null || skip_all "umockdev-run is not installed"
umockdev-run -- "$probe" --version >/dev/null 2>&1 ||
  skip_all "umockdev cannot run this build (a sanitizer wants to be loaded first)"
unset HAL0_SYSROOT
# shellcheck disable=SC2317
play() { umockdev-run --device "$HAL0_SOURCE/test/machines/halo.umockdev" -- "$probe" "$@"; }
run play show --no-vulkan --json
rc_is "the mocked machine is read" 0
# shellcheck disable=SC2016
says() { ok "$1" sh -c 'printf "%s" "$1" | jq -e "$2"' sh "$out" "$1"; }
says '.hardware_class == "amd-strix-halo" and .recommended_device == "gpu-vulkan"'
says '.gpus[0] | .pci == "0000:c5:00.0" and .revision == "c1" and .name == "Radeon 8060S Graphics"'
says '.gpus[0] | .vram_mib == 512 and .gtt_mib == 12288 and .uma'
says '.gpus[0].render_node == "/dev/dri/renderD128" and .gpus[0].node.access == "ok"'
says '.npu | .usable and .node == "/dev/accel/accel0" and .driver == "amdxdna"'

# the bar is drawn again at once when the kernel tells of a device
if command -v python3 >/dev/null && command -v umockdev-wrapper >/dev/null; then
  run umockdev-wrapper python3 "$HAL0_SOURCE/test/cli/udev-event.py" "$HAL0_SOURCE/test/machines/halo.umockdev" \
    /sys/devices/pci0000:00/0000:00:08.1/0000:c5:00.0/drm/card1 "$probe" memory --watch --interval 10m --json
  is "watch wakes on a udev event" "$out" "2 soon"
fi
tap_done
