# SPDX-License-Identifier: GPL-3.0-or-later
# TAP for the shell tests. Source it; end with tap_done.
#   ok NAME COMMAND...          COMMAND succeeds
#   is NAME GOT WANT            equal strings
#   like NAME GOT PATTERN       GOT matches the shell pattern
#   run COMMAND...              sets $out, $err, $rc
#   rc_is NAME WANT             $rc of the last run
#   until_true COMMAND...       waits until COMMAND succeeds, a minute at most
#   until_file FILE             waits until there is something in it, likewise
tap_n=0 tap_bad=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/hal0-test.XXXXXX")
tap_cleanup() { rm -rf "$tmp"; }
trap 'tap_cleanup' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

tap_result() { # GOOD NAME
  tap_n=$((tap_n + 1))
  if [ "$1" = 0 ]; then
    printf 'ok %d - %s\n' "$tap_n" "$2"
  else
    tap_bad=$((tap_bad + 1))
    printf 'not ok %d - %s\n' "$tap_n" "$2"
  fi
}
ok() {
  _name=$1
  shift
  _rc=0
  "$@" >"$tmp/.ok" 2>&1 || _rc=1
  tap_result "$_rc" "$_name"
  [ "$_rc" = 0 ] || sed 's/^/# /' "$tmp/.ok"
}
is() {
  if [ "$2" = "$3" ]; then
    tap_result 0 "$1"
  else
    tap_result 1 "$1"
    printf '%s\n' "got:  $2" "want: $3" | sed 's/^/# /'
  fi
}
like() {
  # shellcheck disable=SC2254
  case $2 in
  $3) tap_result 0 "$1" ;;
  *)
    tap_result 1 "$1"
    printf '%s\n' "got:  $2" "want: $3" | sed 's/^/# /'
    ;;
  esac
}
run() {
  rc=0
  "$@" >"$tmp/.out" 2>"$tmp/.err" </dev/null || rc=$?
  out=$(cat "$tmp/.out")
  err=$(cat "$tmp/.err")
}
rc_is() {
  if [ "$rc" = "$2" ]; then
    tap_result 0 "$1"
  else
    tap_result 1 "$1"
    printf 'exit code %s, want %s\nstdout: %s\nstderr: %s\n' "$rc" "$2" "$out" "$err" | sed 's/^/# /'
  fi
}
until_true() {
  _end=$(($(date +%s) + 60))
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt $_end ] || return 1
    sleep 0.05
  done
}
until_file() {
  until_true test -s "$1"
}
skip_all() {
  printf '1..0 # SKIP %s\n' "$1"
  exit 0
}
tap_done() {
  printf '1..%d\n' "$tap_n"
  [ "$tap_bad" = 0 ]
  exit
}
