#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The Ansible role, the shell example and the cron example, with real podman and a real llama-server.
. "$HAL0_SOURCE/test/e2e/real.sh"
# shellcheck source=test/e2e/playbook.sh
. "$HAL0_SOURCE/test/e2e/playbook.sh"
needs jq
needs_image "$image"

export HAL0_HOME="$tmp/home" PATH="$HAL0_BUILD/cmd:$PATH"
unset HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE
a=ansible-a b=ansible-b
port=${HAL0_TEST_PORT:-8171}
tap_cleanup() {
  podman rm --force --ignore --time 1 "hal0-slot-$a" "hal0-slot-$b" >/dev/null 2>&1 || :
  rm -rf "$tmp"
}
mkdir -p "$HAL0_HOME/var-lib/hal0/models"
chmod 755 "$tmp"
"$HAL0_BUILD/scripts/tiny-gguf" --say "Hello." "$HAL0_HOME/var-lib/hal0/models/tiny.gguf" >/dev/null
id() {
  podman container inspect --format '{{.Id}}' "hal0-slot-$1" 2>/dev/null
}

# ---- a shell script ----
ensure() {
  run "$HAL0_SOURCE/scripts/examples/ensure-slot.sh" "$b" tiny "$1" --device cpu --image "$image" --port $((port + 1))
}
ensure 512
is "the shell example makes a slot and starts it" "$rc $out" "0 $b ready http://127.0.0.1:$((port + 1))"
first=$(id $b)
ensure 512
is "a second time it changes nothing" "$rc $(id $b)" "0 $first"
ensure 256
ok "other settings restart it" test "$rc" = 0 -a "$(id $b)" != "$first"
is "with them" "$(hal0 slot show $b --format '{context}' --no-header)" 256
run "$HAL0_SOURCE/scripts/examples/ensure-slot.sh" "$b" no-such-model 256 --device cpu --image "$image"
rc_is "a model that is not there" 3

# ---- cron ----
# every line as cron runs it: with a shell, almost no environment, and its own PATH
jobs() {
  grep -v '^#\|^PATH=\|^$' "$HAL0_SOURCE/scripts/examples/hal0.cron"
}
is "the cron example has well-formed lines" "$(jobs | grep -vcE '^(@reboot|([0-9*/,-]+ +){5}|([0-9*/,-]+ +){4}[0-9*/,-]+) +root +hal0 ')" 0
cron() {
  jobs | sed 's/.* root *//' | sort -u | while read -r job; do
    env -i HAL0_HOME="$HAL0_HOME" PATH="$HAL0_BUILD/cmd:/usr/bin:/bin" sh -c "$job" 2>&1 || echo "exit $? of $job"
  done
}
like "its jobs run, and tell what is new" "$(cron)" "*hardware.json*"
is "and nothing, where there is nothing to tell" "$(cron)" ""

# ---- Ansible ----
command -v ansible-playbook >/dev/null || {
  printf 'ok %d - the role # SKIP ansible-core is not installed\n' $((tap_n += 1))
  tap_done
}
export ANSIBLE_ROLES_PATH="$HAL0_SOURCE/scripts/ansible/roles" ANSIBLE_NOCOLOR=1 ANSIBLE_RETRY_FILES_ENABLED=0 \
  ANSIBLE_LOCALHOST_WARNING=0 ANSIBLE_HOME="$tmp/ansible" ANSIBLE_LOCAL_TEMP="$tmp/ansible/tmp" LC_ALL=C.UTF-8
play() { # CONTEXT MODEL ARG...
  playbook $a "$port" "$image" "$2" "$1" >"$tmp/play.yml"
  shift 2
  run ansible-playbook -i localhost, "$tmp/play.yml" "$@"
}
play 512 tiny --check --diff
is "--check" "$rc $(recap)" "0 changed=1 failed=0"
like "--diff shows what would be written" "$out" "*+port = $port*"
is "and nothing is" "$(ls "$HAL0_HOME/etc/hal0/slots/$a.toml" 2>/dev/null)$(id $a)" ""
play 512 tiny
is "the first run changes" "$rc $(recap)" "0 changed=1 failed=0"
ok "the slot answers" hal0 slot status $a -q
first=$(id $a)
play 512 tiny
is "the second run does not" "$rc $(recap) $(id $a)" "0 changed=0 failed=0 $first"
play 512 tiny --check --diff
is "nor does --check" "$rc $(recap)" "0 changed=0 failed=0"
play 256 tiny --check --diff
like "other settings: --diff" "$out" "*-context_size = 512*+context_size = 256*"
is "--check counts them" "$rc $(recap) $(id $a)" "0 changed=1 failed=0 $first"
play 256 tiny
is "the run makes them so" "$rc $(recap) $(hal0 slot show $a --format '{context}' --no-header)" "0 changed=1 failed=0 256"
ok "and the slot runs with them" hal0 slot diff $a -q
podman kill "hal0-slot-$a" >/dev/null
play 256 tiny
is "a slot that has died is started" "$rc $(recap)" "0 changed=1 failed=0"
play 256 no-such-model
is "what cannot be is a failure" "$(recap)" "changed=0 failed=1"
like "with hal0's words" "$out$err" "*no-such-model*"
run ansible-playbook --syntax-check -i localhost, "$HAL0_SOURCE/scripts/ansible/example.yml"
rc_is "the example is well-formed" 0
tap_done
