#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2016 # expanded inside the machine
# The Ansible role on a machine with systemd: slots become units, timers are turned on.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
# shellcheck source=test/e2e/machine.sh
. "$HAL0_SOURCE/test/e2e/machine.sh"
# shellcheck source=test/e2e/playbook.sh
. "$HAL0_SOURCE/test/e2e/playbook.sh"
command -v ansible-playbook >/dev/null || skip_all "ansible-core is not installed"
machine_start
machine_install

# Ansible there is the one from here: it comes without packages, and works on the machine itself.
playbook=$(readlink -f "$(command -v ansible-playbook)")
python=$(readlink -f "$(sed -n '1s/^#! *\([^ ]*\).*/\1/p' "$playbook")")
site=$("$python" -c 'import os, ansible; print(os.path.dirname(os.path.dirname(ansible.__file__)))')
standard=$("$python" -c 'import os; print(os.path.dirname(os.__file__))')
modules=$(cd "$site" && for m in ansible jinja2 markupsafe yaml _yaml packaging resolvelib six.py \
  [JjMmPpRrAa]*-info; do
  [ ! -e "$m" ] || echo "${site#/}/$m"
done)
libraries=$(ldd "$python" | sed -n 's/.*=> \/\([^ ]*\/lib\(z\|expat\)\.so[^ ]*\).*/\1/p')
# shellcheck disable=SC2086 # lists of paths without blanks
tar -C / --dereference --create --exclude __pycache__ "${python#/}" "${standard#/}" $modules \
  "${playbook#/}" $libraries 2>/dev/null >"$tmp/ansible.tar"
podman exec --interactive "$machine" tar -C / --extract <"$tmp/ansible.tar"
podman exec "$machine" sh -c 'ln -sf "$1" /usr/bin/python3 && ln -sf "$2" /usr/bin/ansible-playbook' sh "$python" "$playbook" 2>/dev/null
podman cp "$HAL0_SOURCE/scripts/ansible/roles" "$machine:/roles"
inside env LC_ALL=C.UTF-8 ansible-playbook --version
[ "$rc" = 0 ] || skip_all "Ansible does not run in a machine here: $(printf '%s' "$err" | tail -n 1)"

playbook a 8081 "$slot_image" /models/tiny.gguf 512 >"$tmp/play.yml"
podman cp "$tmp/play.yml" "$machine:/play.yml"
play() { # ARG...
  inside env LC_ALL=C.UTF-8 HOME=/root ANSIBLE_ROLES_PATH=/roles ANSIBLE_NOCOLOR=1 ANSIBLE_LOCALHOST_WARNING=0 \
    ansible-playbook -i localhost, -e ansible_python_interpreter=/usr/bin/python3 /play.yml "$@"
}
timers() { # is-active or is-enabled
  podman exec "$machine" systemctl "$1" hal0-probe.timer hal0-reap.timer | paste -s -d ' ' -
}
podman exec "$machine" systemctl disable --now --quiet hal0-probe.timer hal0-reap.timer 2>/dev/null
play --check --diff
is "--check counts what would change: the box, the timers" "$rc $(recap)" "0 changed=2 failed=0"
is "and turns nothing on" "$(timers is-active) $(podman exec "$machine" ls /etc/hal0/slots 2>/dev/null)" "inactive inactive "
play
is "the first run changes" "$rc $(recap)" "0 changed=3 failed=0"
[ "$rc" = 0 ] || printf '%s\n' "$out$err" | sed 's/^/# /'
is "the timers run" "$(timers is-active)" "active active"
is "and come back at boot" "$(timers is-enabled)" "enabled enabled"
is "the slot is a unit" "$(podman exec "$machine" systemctl is-active hal0-slot@a)" active
id=$(podman exec "$machine" podman container inspect --format '{{.Id}}' hal0-slot-a)
play
is "the second run does not" "$rc $(recap)" "0 changed=0 failed=0"
play --check --diff
is "nor does --check" "$rc $(recap)" "0 changed=0 failed=0"
podman exec "$machine" systemctl disable --now --quiet hal0-reap.timer
play --check
is "a timer that was turned off: --check" "$rc $(recap) $(timers is-active)" "0 changed=1 failed=0 active inactive"
play
is "is turned on" "$rc $(recap) $(timers is-active)" "0 changed=1 failed=0 active active"
is "the slot has gone on running" "$(podman exec "$machine" podman container inspect --format '{{.Id}}' hal0-slot-a)" "$id"
play -e '{"hal0_timers": []}'
is "none wanted: left alone" "$rc $(recap) $(timers is-active)" "0 changed=0 failed=0 active active"
tap_done
