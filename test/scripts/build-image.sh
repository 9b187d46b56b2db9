#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# scripts/build-image without building: its arguments, and that an image which is there stays.
. "$HAL0_SOURCE/test/tap.sh"
build=$HAL0_SOURCE/scripts/build-image

# A podman that knows one image and notes what else it is asked to do.
mkdir "$tmp/bin"
cat >"$tmp/bin/podman" <<'FAKE'
#!/bin/sh
case "$1 $2 $3" in
"image exists localhost/here:1") exit 0 ;;
"image exists "*) exit 1 ;;
esac
echo "$@" >>"$FAKE_LOG"
FAKE
# An archive without a single package.
cat >"$tmp/bin/apt-get" <<'FAKE'
#!/bin/sh
case $1 in
indextargets) echo 'Debian|Debian|http://archive.invalid/debian' ;;
*)
  echo "$@" >>"$FAKE_LOG"
  echo 'E: nothing there' >&2
  exit 100
  ;;
esac
FAKE
chmod +x "$tmp/bin/podman" "$tmp/bin/apt-get"
for t in dpkg dpkg-deb; do
  command -v $t >/dev/null || skip_all "$t is not there"
done
export FAKE_LOG="$tmp/log" PATH="$tmp/bin:$PATH" TMPDIR="$tmp"
: >"$tmp/log"

run "$build" --tag localhost/here:1
rc_is "an image that is there" 0
is "is named" "$out" localhost/here:1
is "and left alone" "$(cat "$tmp/log")" ""
[ -r /usr/share/keyrings/debian-archive-keyring.gpg ] && {
  run "$build" --tag localhost/new:1
  rc_is "nothing to fetch" 7
  like "every suite is tried" "$err" "*forky: E: nothing there*sid: E: nothing there*"
  is "nothing is imported" "$(grep -c import "$tmp/log")" 0
  run "$build" --tag localhost/here:1 --force --suite sid
  rc_is "--force fetches again" 7
}
is "no temporary directory stays" "$(find "$tmp" -name 'hal0-build-image.*')" ""
run "$build" --variant rocm
rc_is "unknown variant" 2
like "names the choices" "$err" "*'rocm' (cpu, vulkan)"
run "$build" --tag
rc_is "an option without its value" 2
run "$build" --help
rc_is "help" 0
tap_done
