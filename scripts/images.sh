# shellcheck shell=sh disable=SC2154 # $tag, $force, $quiet, $work and $prog are the caller's
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the scripts that make container images, after common.sh: which Debian archive this machine
# already uses, and the image $tag made of $work/root.tar.

archive_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() { # MESSAGE
  [ "$quiet" = 1 ] || printf '%s: %s\n' "$prog" "$1" >&2
}

# Ends the script with the image's name where it is there and --force is not given.
image_there() {
  [ "$force" = 0 ] && podman image exists "$tag" 2>/dev/null || return 0
  say "$tag is there already (--force builds it again)"
  printf '%s\n' "$tag"
  exit 0
}
# Prints the image's name. A predecessor that lost it goes, unless something still uses it.
image_import() { # --change CHANGE...
  _old=$(podman image inspect --format '{{.Id}}' "$tag" 2>/dev/null || true)
  podman import --quiet "$@" "$work/root.tar" "$tag" >"$work/id" 2>"$work/log" || {
    cat "$work/log" >&2
    die "podman import failed" 7
  }
  if [ -n "$_old" ] &&
    [ -z "$(podman image inspect --format '{{join .RepoTags " "}}' "$_old" 2>/dev/null)" ]; then
    podman rmi "$_old" >/dev/null 2>&1 || true
  fi
  printf '%s\n' "$tag"
}

# $archive: its address, from apt's own view of its sources, or, where no list was ever fetched, from
# the source files themselves.
archive_find() {
  [ -r "$archive_keyring" ] || die "$archive_keyring is not there: install debian-archive-keyring" 8
  # shellcheck disable=SC2016 # apt expands these
  archive=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    sed -n 's/^Debian|Debian|//p' | sort -u | head -n 1)
  [ -n "$archive" ] || archive=$(archive_from_files) || true
  [ -n "$archive" ] || die "apt's sources name no Debian archive" 8
}
archive_from_files() {
  for _f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [ -r "$_f" ] || continue
    sed -nE -e 's/^URIs:[[:space:]]*([^ ]+).*/\1/p' \
      -e 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^ ]+).*/\2/p' "$_f"
  done | grep -E '/debian/?$' | head -n 1
}
