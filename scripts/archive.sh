# shellcheck shell=sh disable=SC2034 # used where it is sourced
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the scripts that make images: which Debian archive this machine already uses.

archive_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# From apt's own view of its sources, or, where no list was ever fetched, from the source files
# themselves. Nothing when they name no Debian archive.
archive_uri() {
  # shellcheck disable=SC2016 # apt expands these
  _uri=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    sed -n 's/^Debian|Debian|//p' | sort -u | head -n 1)
  [ -n "$_uri" ] || _uri=$(archive_uri_from_files) || true
  printf '%s\n' "$_uri"
}
archive_uri_from_files() {
  for _f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [ -r "$_f" ] || continue
    sed -nE -e 's/^URIs:[[:space:]]*([^ ]+).*/\1/p' \
      -e 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^ ]+).*/\2/p' "$_f"
  done | grep -E '/debian/?$' | head -n 1
}
