# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by tests: images that hold nothing but test/providers.c, which stands in for servers that
# need hardware or images a test cannot have. Made again when the program has changed.
#   stand_in_image flm|kokoro|moonshine|comfyui    prints the reference
stand_in_image() {
  _program=$HAL0_BUILD/test/e2e/providers
  _ref=localhost/hal0-stand-in:$1
  _sum=$(sha256sum "$_program" | cut -c 1-16)
  if [ "$(podman image inspect --format '{{index .Labels "io.hal0.stand-in"}}' "$_ref" 2>/dev/null)" != "$_sum" ]; then
    _root=$tmp/stand-in-$1
    mkdir -p "$_root/usr/bin" "$_root/tmp" "$_root/dev" "$_root/proc" "$_root/sys" "$_root/etc"
    case $1 in
    comfyui)
      _entry='[]'
      cp "$_program" "$_root/usr/bin/bash"
      ln "$_root/usr/bin/bash" "$_root/usr/bin/python"
      mkdir -p "$_root/opt/ComfyUI" "$_root/root"
      ;;
    *)
      _entry="[\"/usr/bin/$1\"]"
      cp "$_program" "$_root/usr/bin/$1"
      ;;
    esac
    tar -C "$_root" --numeric-owner --owner=0 --group=0 -cf "$_root.tar" .
    podman image rm "$_ref" >/dev/null 2>&1 || true # an older one would stay without a name
    podman import --quiet --change "ENTRYPOINT $_entry" --change 'ENV PATH=/usr/bin' \
      --change "LABEL io.hal0.stand-in=$_sum" "$_root.tar" "$_ref" >/dev/null || return 1
    rm -rf "$_root" "$_root.tar"
  fi
  printf '%s\n' "$_ref"
}
