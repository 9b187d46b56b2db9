#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What scripts/check makes of a test's output, above all of tests that end badly.
. "$HAL0_SOURCE/test/tap.sh"
command -v jq >/dev/null || skip_all "jq is not installed"

counts() { # RESULT STDOUT -> "passed failed"
  printf '%b' "$2" | jq -R -s --arg r "$1" '{name: "t", result: $r, returncode: 0, stdout: .}' |
    jq -r -f "$HAL0_SOURCE/scripts/count-tap.jq" | jq -r '"\(.passed) \(.failed)"'
}
is "two of two" "$(counts OK 'ok 1 - a\nok 2 - b\n1..2\n')" "2 0"
is "one bad line" "$(counts FAIL 'ok 1\nnot ok 2 - b\n# why\n1..2\n')" "1 1"
is "crash after two good lines" "$(counts ERROR 'ok 1\nok 2\n')" "2 1"
is "crash before the first line" "$(counts FAIL '')" "0 1"
is "timeout" "$(counts TIMEOUT 'ok 1\n')" "1 1"
is "interrupted" "$(counts INTERRUPT 'ok 1\n')" "1 1"
is "bad line and crash: counted once" "$(counts ERROR 'not ok 1\n')" "0 1"
is "nothing printed, reported as skipped" "$(counts SKIP '')" "0 1"
is "plan of zero without a reason is a skip" "$(counts SKIP '1..0\n')" "0 0"
is "skipped as a whole" "$(counts SKIP '1..0 # SKIP no podman\n')" "0 0"
is "skipped in part" "$(counts OK 'ok 1\nok 2 - b # SKIP no jq\n1..2\n')" "1 0"
is "todo does not count" "$(counts OK 'ok 1\nnot ok 2 - b # TODO later\n1..2\n')" "1 0"
is "no TAP, exit code 0" "$(counts OK 'all good\n')" "1 0"
is "no TAP, silent, exit code 0" "$(counts OK '')" "1 0"
is "no TAP, exit code 1" "$(counts FAIL 'went wrong\n')" "0 1"
is "indented lines belong to somebody else" "$(counts OK 'ok 1\n    not ok 1 - inner\n1..1\n')" "1 0"
is "the reason of a skip" "$(printf '{"name":"t","result":"SKIP","stdout":"1..0 # SKIP no podman\\n"}' |
  jq -r -f "$HAL0_SOURCE/scripts/count-tap.jq" | jq -r .skip_all)" "no podman"
is "or the remark before it" "$(printf '{"name":"t","result":"SKIP","stdout":"# no suite\\n1..0\\n"}' |
  jq -r -f "$HAL0_SOURCE/scripts/count-tap.jq" | jq -r .skip_all)" "no suite"
is "a failing line comes with its remarks" "$(printf 'ok 1\nnot ok 2 - b\n# got: 1\n# want: 2\nok 3\n# x\n' |
  jq -R -s '{name: "t", result: "FAIL", stdout: .}' |
  jq -r -f "$HAL0_SOURCE/scripts/count-tap.jq" | jq -r '.bad[]')" "not ok 2 - b
# got: 1
# want: 2"
tap_done
