# SPDX-License-Identifier: GPL-3.0-or-later
# A registry of images on loopback, for the tests. Source it after test/tap.sh.
#   registry_start             sets $port; skips the test where there is no registry program
#   registry_stop
#   registry_digest PATH TAG   what the registry has
#   registry_forget            takes images with the label io.hal0.test=$$ off this machine
# shellcheck shell=sh disable=SC2154
registry=
registry_start() {
  _program=$(command -v docker-registry || command -v "${HAL0_REGISTRY:-registry}") ||
    skip_all 'docker-registry is not installed'
  port=15000
  while [ "$port" -lt 15020 ]; do
    cat >"$tmp/registry.yml" <<END
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $tmp/registry}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$port"}
END
    "$_program" serve "$tmp/registry.yml" >"$tmp/registry.log" 2>&1 &
    registry=$!
    _tries=0
    while [ "$_tries" -lt 1200 ] && kill -0 "$registry" 2>/dev/null; do
      curl -fs "http://127.0.0.1:$port/v2/" >/dev/null 2>&1 && return
      sleep 0.05
      _tries=$((_tries + 1))
    done
    port=$((port + 1))
  done
  skip_all 'no port for a registry'
}
registry_stop() {
  [ -z "$registry" ] || kill "$registry" 2>/dev/null || :
  [ -z "$registry" ] || wait "$registry" 2>/dev/null || :
  registry=
}
registry_digest() {
  printf 'sha256:%s' "$(curl -fs -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
    "http://127.0.0.1:$port/v2/$1/manifests/$2" | sha256sum | sed 's/ .*//')"
}
registry_forget() {
  for _image in $(podman images --all --quiet --filter "label=io.hal0.test=$$"); do
    podman rmi --force "$_image" >/dev/null 2>&1 || :
  done
}
