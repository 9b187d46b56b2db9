# shellcheck shell=sh disable=SC2016,SC2034 # expanded inside; used where it is sourced
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by tests that need a machine of their own: a container with systemd as its init and podman
# inside (scripts/build-systemd-image). It has its own network, so ports are free there.
#   machine_start            boots it, or skips the test and says why
#   inside COMMAND...        runs it there: $out, $err, $rc as by run
#   machine_reboot           as by a person; machine_crash: as by a power cut
#   machine_end              done by tap_cleanup
machine_image=${HAL0_TEST_MACHINE:-localhost/hal0-systemd:test}
slot_image=${HAL0_TEST_IMAGE:-localhost/hal0-llama:cpu}
machine=hal0-test-$(basename "$0" .sh)-$$

# The model tiny, which says "I am slot a.": /models in the machine.
mkdir "$tmp/models"
chmod 755 "$tmp" "$tmp/models"
"$HAL0_BUILD/scripts/tiny-gguf" --say "I am slot a." "$tmp/models/tiny.gguf" >/dev/null
chmod 644 "$tmp/models/tiny.gguf"
tap_cleanup() {
  machine_end
  rm -rf "$tmp"
}

machine_end() {
  podman rm --force --time 3 --volumes "$machine" >/dev/null 2>&1 || :
}
inside() {
  run podman exec --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$machine" "$@"
}
# Within two minutes.
until_inside() { # COMMAND...
  _end=$(($(date +%s) + 120))
  while ! podman exec "$machine" "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$_end" ] || return 1
    sleep 0.1
  done
}
booted() {
  until_inside sh -c 'case $(systemctl is-system-running) in running | degraded) ;; *) exit 1 ;; esac'
}
machine_start() {
  [ "$(id -u)" = 0 ] || skip_all "needs root"
  for _t in podman jq meson; do
    command -v $_t >/dev/null || skip_all "$_t is not installed"
  done
  podman image exists "$machine_image" ||
    skip_all "there is no image $machine_image (scripts/build-systemd-image makes it)"
  podman image exists "$slot_image" ||
    skip_all "there is no image $slot_image (scripts/build-image makes it)"
  # the machine inside cannot grant more than what we have
  podman run --detach --name "$machine" --hostname box --pull=never --systemd=always --privileged \
    --cgroupns=private --ulimit "nofile=1024:$(hard 'open files' 65536)" \
    --ulimit "nproc=1024:$(hard processes 16384)" \
    --volume /var/lib/containers --volume "$tmp/models:/models:ro" \
    --volume "$(podman info --format '{{.Store.GraphRoot}}'):/srv/outer-images:ro" \
    "$machine_image" >"$tmp/machine.id" 2>"$tmp/machine.err" ||
    skip_all "no container with systemd can be run here: $(tail -n 1 "$tmp/machine.err")"
  booted || skip_all "systemd does not come up in a container here"
  until_inside podman image exists "$slot_image" ||
    skip_all "podman does not work inside a container here"
}
hard() { # LIMIT MOST: our own hard limit, but not more than MOST
  sed -n "s/^Max $1 *[^ ]* *\([^ ]*\).*/\1/p" /proc/self/limits |
    awk -v most="$2" '{ print($1 == "unlimited" || $1 + 0 > most + 0 ? most : $1) }'
}
# The build, as `meson install` puts it; skips where it does not run on the machine's libraries.
machine_install() {
  meson install -C "$HAL0_BUILD" --no-rebuild --quiet --destdir "$tmp/root" >"$tmp/install.log" 2>&1 ||
    skip_all "meson install fails: $(tail -n 1 "$tmp/install.log")"
  podman cp "$tmp/root/." "$machine:/"
  inside hal0-slot --version
  [ "$rc" = 0 ] || skip_all "the build does not run on Debian 12: $err"
}
machine_reboot() {
  podman restart --time 20 "$machine" >/dev/null 2>&1 && booted
}
machine_crash() {
  podman kill --signal KILL "$machine" >/dev/null 2>&1
  podman wait "$machine" >/dev/null 2>&1
  podman start "$machine" >/dev/null 2>&1 && booted
}
