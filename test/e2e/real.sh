# shellcheck shell=sh disable=SC2034 # used where it is sourced
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced first by tests of real containers. Their slots and ports have fixed names, so that of two
# runs of one test on a machine the second waits for its turn.
[ -n "${HAL0_E2E_TURN:-}" ] ||
  HAL0_E2E_TURN=1 exec flock -o "/tmp/hal0-e2e-$(basename "$0" .sh).lock" sh "$0" "$@"
# shellcheck source=test/tap.sh
. "${HAL0_SOURCE:?}/test/tap.sh"
image=${HAL0_TEST_IMAGE:-localhost/hal0-llama:cpu}

needs() { # PROGRAM...: besides root and podman
  [ "$(id -u)" = 0 ] || skip_all "needs root"
  for _t in podman "$@"; do
    command -v "$_t" >/dev/null || skip_all "$_t is not installed"
  done
}
needs_image() { # IMAGE
  podman image exists "$1" || skip_all "there is no image $1 (scripts/build-image makes it)"
}

# A router of its own: $server is its process, $url where it listens, $tmp/NAME.err what it says.
serve_up() { # NAME [ARGUMENT...]
  _name=$1
  shift
  "$HAL0_BUILD/cmd/hal0-route" serve --port 0 --json "$@" >"$tmp/$_name" 2>"$tmp/$_name.err" &
  server=$!
  until_file "$tmp/$_name"
  url=$(jq -r .url "$tmp/$_name")
}
