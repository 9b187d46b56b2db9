# shellcheck shell=sh disable=SC2034 # used where it is sourced
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the scripts here: messages and arguments, packages, a directory to work in, steps with a log.
# The caller sets $prog, its name, $root, the tree, and $log where it takes steps.

# What building, running and testing hal0 needs, as Debian names it (12 and later).
build_packages='gcc libc6-dev meson ninja-build pkgconf libjansson-dev libcurl4-openssl-dev
  libpci-dev libudev-dev libvulkan-dev scdoc'
run_packages='podman conmon netavark iptables debian-archive-keyring ca-certificates'
test_packages='clang clang-tidy cppcheck gcovr valgrind libclang-rt-dev strace jq shellcheck zsh fish man-db mandoc git curl umockdev openssl kmod haproxy python3
  binutils iproute2 catatonit mmdebstrap debhelper dpkg-dev lintian ansible-core
  e2fsprogs btrfs-progs xfsprogs'
bench_packages='g++ libtomlplusplus-dev vulkan-tools wrk haproxy golang-go'

die() { # MESSAGE [EXIT-CODE]
  printf '%s: %s\n' "$prog" "$1" >&2
  exit "${2:-1}"
}
bad_argument() { # ARGUMENT
  case $1 in
  -*) die "unknown option $1 ($prog -h)" 2 ;;
  *) die "unexpected argument '$1' ($prog -h)" 2 ;;
  esac
}
need_value() { # OPTION [VALUE]
  [ -n "${2:-}" ] || die "$1 needs a value" 2
}
hal0_version() {
  sed -n "s/^ *version: '\([^']*\)',.*/\1/p" "$root/meson.build"
}

# $work: a directory that goes when the script ends.
work_dir() {
  work=$(mktemp -d "${TMPDIR:-/tmp}/hal0-$prog.XXXXXX") || exit 6
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}
# All that a build would install, sorted.
installed_by() { # BUILD-DIRECTORY
  _plan=$(meson introspect "$1" --installed) || return 1
  printf '%s\n' "$_plan" | sed 's/[{},]/\n/g' | sed -n 's/.*": *"\(.*\)"$/\1/p' | sort -u
}

# crun 1.8 cannot handle the hybrid hierarchy of cgroup v1; runc can.
runtime_package() {
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    command -v runc >/dev/null 2>&1 || echo crun
  else
    echo runc
  fi
}

# The HTTP parser: Debian 12 has its C sources in node-llhttp, later ones a library.
http_parser_package() {
  apt-cache show libllhttp-dev >/dev/null 2>&1 || apt-cache show node-llhttp >/dev/null 2>&1 ||
    apt-get update >>"$log" 2>&1 || true
  if apt-cache show libllhttp-dev >/dev/null 2>&1; then
    echo libllhttp-dev
  else
    echo node-llhttp
  fi
}

# The stock OpenAI client comes from npm, which need not be Debian's.
client_packages() {
  command -v npm >/dev/null 2>&1 || echo nodejs npm
}

packages_missing() { # PACKAGE...
  for _p in "$@"; do
    case $(dpkg-query -W -f '${db:Status-Abbrev}' "$_p" 2>/dev/null) in
    ?i*) ;;
    *) printf '%s ' "$_p" ;;
    esac
  done
}

# Lists are fetched only where the ones at hand do not do. Output: the log's.
packages_install() { # PACKAGE...
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  if _apt_install "$@"; then return 0; fi
  apt-get -o DPkg::Lock::Timeout=120 update || return 1
  _apt_install "$@"
}
# What building and running need and is not there, as $missing; installed.
packages_needed() {
  # shellcheck disable=SC2046,SC2086 # lists of package names
  missing=$(packages_missing $build_packages $run_packages $(runtime_package) $(http_parser_package))
  if [ -z "$missing" ]; then
    remark='all there'
    return 0
  fi
  # shellcheck disable=SC2086
  packages_install $missing || return 1
  # shellcheck disable=SC2086
  remark="$(printf '%s\n' $missing | wc -l) installed"
}
_apt_install() {
  apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
    -o Dpkg::Options::=--force-confold install "$@" </dev/null
}

# step TEXT COMMAND...: one line, "  text ....  3 s", output to the log; stops with its tail where
# COMMAND fails. A command may leave a remark for the line in $remark.
step() {
  step_try "$@" || step_failed "$1"
}
step_try() {
  _text=$1
  shift
  remark=''
  printf '  %-42s' "$_text"
  printf '\n== %s\n' "$_text" >>"$log"
  _from=$(date +%s)
  _mark=$(wc -c <"$log")
  if "$@" >>"$log" 2>&1 </dev/null; then
    printf '%4d s  %s\n' $(($(date +%s) - _from)) "$remark"
    return 0
  fi
  printf '%4d s  failed\n' $(($(date +%s) - _from))
  return 1
}
step_tail() { # the last of what the last step said, without ninja's progress
  tail -c "+$((_mark + 1))" "$log" | sed '/^\[[0-9]*\/[0-9]*\] /d' | tail -n 30 | sed 's/^/    /'
}
step_failed() { # TEXT
  step_tail >&2
  die "$1: failed; all of it is in $log"
}
