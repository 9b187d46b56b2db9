# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by tests of the Ansible role.
#   playbook SLOT PORT IMAGE MODEL CONTEXT   prints a playbook: one slot, which runs
#   recap                                    what the run of it in $out counted
playbook() {
  cat <<TEXT
- hosts: localhost
  connection: local
  gather_facts: false
  roles:
    - role: hal0
      vars:
        hal0_box:
          slots:
            $1:
              port: $2
              type: llm
              device: cpu
              image: $3
              model: {default: $4, context_size: $5}
          run: [$1]
TEXT
}
recap() {
  printf '%s\n' "$out" | sed -n 's/^localhost .*\(changed=[0-9]*\) .*\(failed=[0-9]*\).*/\1 \2/p'
}
