#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The Debian package: its size, and how long it takes to make.
set -eu
command -v dpkg-buildpackage >/dev/null 2>&1 || {
  echo "deb: dpkg-buildpackage is not installed" >&2
  exit 0
}
dir=$(mktemp -d "${TMPDIR:-/tmp}/hal0-bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT PIPE TERM
from=$(date +%s)
"$HAL0_SOURCE/scripts/deb" --out "$dir" --no-lint >"$dir/path"
read -r deb <"$dir/path"
printf 'the Debian package\t%s\t1000\tkB\t%s, made in %s s\n' \
  "$(stat -c %s "$deb" | awk '{ printf "%.0f", $1 / 1000 }')" "$(basename "$deb")" $(($(date +%s) - from))
