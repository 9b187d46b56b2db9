#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2016 # expanded inside the machine
# Slots as units of a real systemd, with real podman and a real llama-server, in a machine of their
# own: start, stop, restart, crashes, boot, upgrade.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
# shellcheck source=test/e2e/machine.sh
. "$HAL0_SOURCE/test/e2e/machine.sh"
"$HAL0_BUILD/scripts/tiny-gguf" --say "I am slot a, too." "$tmp/models/other.gguf" >/dev/null
head -c 4096 /dev/zero >"$tmp/models/zeros.gguf"
sed 's/llama/xlama/' "$tmp/models/tiny.gguf" >"$tmp/models/strange.gguf"
chmod 644 "$tmp"/models/*
machine_start
machine_install

slot() {
  inside hal0-slot "$@"
}
show() { # PROPERTY
  podman exec "$machine" systemctl show --property="$1" --value "hal0-slot@${2:-a}.service"
}
container() { # FORMAT
  podman exec "$machine" podman container inspect --format "$1" hal0-slot-a 2>/dev/null
}
answers() {
  podman exec "$machine" hal0-route call a hi
}
active() {
  [ "$(show ActiveState)" = active ]
}

# ---- the units themselves ----
inside sh -c 'systemd-analyze verify --man=no /usr/*/lib/systemd/system/hal0-*.service /usr/*/lib/systemd/system/hal0-*.timer /usr/*/lib/systemd/system/hal0-*.socket 2>&1'
is "systemd-analyze verify has nothing to say" "$rc$out" 0
inside systemctl daemon-reload
# What each may do, as systemd counts it (0 to 10); lower is better, and podman needs a good part of it.
exposure() { # UNIT: tenths
  podman exec "$machine" systemd-analyze security --no-pager "$1" | sed -n 's/.*exposure level for [^:]*: \([0-9]*\)\.\([0-9]\).*/\1\2/p'
}
for bar in "hal0-slot@a.service 75" "hal0-reap.service 70" "hal0-route.service 70" "hal0-probe.service 20"; do
  got=$(exposure "${bar% *}")
  ok "exposure of ${bar% *}: $got tenths, ${bar#* } at most" test "${got:-100}" -le "${bar#* }"
done
inside systemctl start hal0-probe.service
rc_is "the machine is looked at in its sandbox" 0
inside hal0-probe
is "and looks the same from outside" "$rc$out" 0

# ---- start, again, stop, again ----
slot create a --model /models/tiny.gguf --device cpu --image "$slot_image" --ctx 1024 -q
rc_is "create" 0
is "a slot that is made starts at boot" "$(show UnitFileState)" enabled
slot start a --dry-run
rc_is "start --dry-run" 0
words=$out
is "starts nothing" "$(show ActiveState)" inactive
slot start a --json
rc_is "start" 0
is "says what it did" "$(printf %s "$out" | jq -c '[.changed,.items[0].state]')" '[true,"ready"]'
is "its unit is active" "$(show ActiveState)" active
is "it answers" "$(answers)" "I am slot a."
inside pgrep -l 'hal0|podman'
is "no process of hal0 is left, and none of podman" "$out" ""
is "the monitor is the unit's main process" \
  "$(podman exec "$machine" cat "/proc/$(show MainPID)/comm")" conmon
is "the command is what --dry-run said" \
  "$(container '{{join .Config.CreateCommand " "}}' | sed 's/^podman.* run/run/')" \
  "$(printf %s "$words" | sed "s/^podman.* run/run/; s/'//g")"
id=$(container '{{.Id}}')
slot start a --json
is "a second start changes nothing" "$rc $(printf %s "$out" | jq -c .changed) $(container '{{.Id}}')" "0 false $id"
slot diff a
rc_is "diff sees no difference" 0
inside systemctl daemon-reload
is "systemd's reload touches no slot" "$(container '{{.Id}}') $(show ActiveState)" "$id active"
slot stop a --json
is "stop" "$rc $(printf %s "$out" | jq -c '[.changed,.items[0].state]')" '0 [true,"offline"]'
is "the unit is down, and not failed" "$(show ActiveState)" inactive
slot stop a --json
is "a second stop changes nothing" "$rc $(printf %s "$out" | jq -c .changed)" "0 false"
inside systemctl start hal0-slot@a
rc_is "systemctl starts a slot" 0
is "and waits until it answers" "$(answers)" "I am slot a."
slot status a
rc_is "status knows" 0
inside systemctl stop hal0-slot@a
rc_is "systemctl stops it" 0
inside podman ps --all --quiet --filter name=hal0-slot
is "and no container is left" "$out" ""
slot status a --json
is "status knows that, too" "$rc $(printf %s "$out" | jq -r '.items[0].state')" "1 offline"

# ---- what goes wrong, with and without systemd ----
set_a() { # KEY=VALUE...
  podman exec "$machine" hal0-slot set a -q "$@"
}
both() { # NAME EXIT-CODE: the same words and exit code, and nothing left
  inside env HAL0_SYSTEMCTL= hal0-slot start a --json
  _direct="$rc $out $err"
  slot start a --json
  rc_is "$1" "$2"
  is "$1: as without systemd" "$rc $out $err" "$_direct"
  is "$1: no container is left" "$(podman exec "$machine" podman ps --all --quiet --filter name=hal0-slot)" ""
  ok "$1: the unit is down, and nothing tries again" until_true down_for_good
}
down_for_good() {
  case $(show ActiveState),$(show NRestarts),$(show Job) in
  inactive,0, | failed,0, | inactive,0,0 | failed,0,0) ;;
  *) return 1 ;;
  esac
}
set_a model.default=/models/strange.gguf
both "a model the server does not know" 3
slot status a --json
is "status has the cause" "$(printf %s "$out" | jq -r '.items[0].message' | grep -c xlama)" 1
set_a model.default=/models/zeros.gguf
both "a file that is no model" 3
set_a model.default=/models/tiny.gguf server.extra_args="--no-such-flag"
both "a flag the server does not know" 3
set_a --unset server.extra_args image=localhost/no-such-image:1
both "an image that is not there" 8
set_a image="$slot_image"
podman exec --detach "$machine" systemd-socket-activate --listen 127.0.0.1:8081 cat >/dev/null
until_inside sh -c 'grep -q ":1F91 .* 0A " /proc/net/tcp'
both "a port that is taken" 4
podman exec "$machine" pkill -f systemd-socket-activate

# ---- a load that takes its time: the server reads an adapter from a pipe that nobody writes to ----
mkdir "$tmp/models/held"
mkfifo "$tmp/models/held/adapter.gguf"
set_a container.mounts='["/models/held"]' server.extra_args="--lora /models/held/adapter.gguf"
slot start a --no-wait
rc_is "start --no-wait" 0
is "the unit is not active while the slot does not answer" "$(show ActiveState),$(show SubState)" activating,start-post
slot start a --timeout 1s
rc_is "no progress: the start gives up" 7
ok "and the unit with it" until_true down_for_good
slot start a --no-wait
slot stop a
rc_is "a loading slot can be stopped" 0
is "the unit is down" "$(show ActiveState)" inactive
inside systemctl start --no-block hal0-slot@a
ok "systemctl starts it" until_true container '{{.Id}}'
inside systemctl stop hal0-slot@a
is "and stops it while it loads" "$rc $(podman exec "$machine" podman ps --all --quiet --filter name=hal0-slot)" "0 "
set_a --unset server.extra_args --unset container.mounts

# ---- crashes ----
podman exec "$machine" sh -c 'mkdir -p /etc/systemd/system/hal0-slot@.service.d
  printf "[Unit]\nStartLimitBurst=4\n[Service]\nRestartSec=100ms\n" >/etc/systemd/system/hal0-slot@.service.d/quick.conf
  systemctl daemon-reload'
pid() { # FIELD
  container "{{.State.$1}}"
}
kill_inside() { # PID
  podman exec "$machine" kill -KILL "$1"
}
back() { # RESTARTS: it was started again so often, and is up
  [ "$(show NRestarts)" = "$1" ] && active
}
slot start a
kill_inside "$(pid Pid)"
ok "a server that is killed is started again" until_true back 1
is "and answers" "$(answers)" "I am slot a."
kill_inside "$(pid ConmonPid)"
ok "so is one whose monitor is killed" until_true back 2
is "and answers, too" "$(answers)" "I am slot a."
kill_inside "$(pid Pid)"
ok "a third time" until_true back 3
kill_inside "$(pid Pid)"
failed() {
  [ "$(show ActiveState)" = failed ]
}
ok "too often, and it stays down" until_true failed
slot status a --json
is "status says so" "$rc $(printf %s "$out" | jq -r '.items[0].state')" "1 error"
is "and why" "$(printf %s "$out" | jq -r '.items[0].message' | grep -c 'was killed')" 1
is "no container is left" "$(podman exec "$machine" podman ps --all --quiet --filter name=hal0-slot)" ""
slot start a
rc_is "a person can start it all the same" 0
podman exec "$machine" sh -c 'sed -i s/100ms/300s/ /etc/systemd/system/hal0-slot@.service.d/quick.conf; systemctl daemon-reload'
kill_inside "$(pid Pid)"
paused() {
  [ "$(show SubState)" = auto-restart ]
}
ok "between two tries" until_true paused
slot stop a --json
is "it can be stopped" "$rc $(printf %s "$out" | jq -c '[.changed,.items[0].state]') $(show ActiveState)" \
  '0 [true,"offline"] inactive'
slot start a
kill_inside "$(pid Pid)"
ok "or" until_true paused
slot start a
is "started" "$rc $(show ActiveState)" "0 active"
podman exec "$machine" rm -r /etc/systemd/system/hal0-slot@.service.d

# ---- the upgrade: a newer unit file, and nobody has told systemd ----
id=$(container '{{.Id}}')
unit=$(show FragmentPath)
podman exec "$machine" sed -i 's/^Description=.*/Description=a newer hal0 slot %i/' "$unit"
is "the slot goes on running" "$(container '{{.Id}}') $(show NeedDaemonReload)" "$id yes"
slot set a -q model.context_size=512
rc_is "set" 0
slot restart a --json
is "restart" "$rc $(printf %s "$out" | jq -c '[.changed,.items[0].state]')" '0 [true,"ready"]'
is "uses the newer unit" "$(show Description) $(show NeedDaemonReload)" "a newer hal0 slot a no"
is "and the newer settings" "$(container '{{join .Config.CreateCommand " "}}' | grep -c -- '--ctx-size 512')" 1

# ---- another model, and idleness ----
slot swap a /models/other.gguf
is "swap" "$rc $(show ActiveState) $(answers)" "0 active I am slot a, too."
slot swap a /models/strange.gguf
rc_is "swap to a model that does not load" 3
is "goes back" "$(show ActiveState) $(answers)" "active I am slot a, too."
slot swap a /models/tiny.gguf
podman exec "$machine" systemctl enable --quiet --now hal0-reap.timer
is "the timer waits" "$(podman exec "$machine" systemctl is-active hal0-reap.timer)" active
inside systemctl start hal0-reap.service
is "reap leaves what may stay" "$rc $(show ActiveState)" "0 active"
slot set a -q idle_timeout_s=1
sleep 1.2
inside systemctl start hal0-reap.service
is "reap unloads what is idle" "$rc $(show ActiveState)" "0 inactive"
slot set a -q --unset idle_timeout_s
slot start a

# ---- the router, behind its socket ----
ask_router() {
  inside curl -s -m 120 http://127.0.0.1:8080/v1/chat/completions \
    -d '{"model":"a","max_tokens":20,"messages":[{"role":"user","content":"hi"}]}'
}
slot stop a
podman exec "$machine" systemctl enable --quiet --now hal0-route.socket
is "the router waits behind its socket" \
  "$(podman exec "$machine" systemctl is-active hal0-route.socket hal0-route.service | tr '\n' ' ')" "active inactive "
ask_router
like "the first request brings up router and slot" "$out" "*I am slot a.*"
is "the slot is a unit of its own" "$(show ActiveState) $(podman exec "$machine" systemctl is-active hal0-route.service)" \
  "active active"
podman exec "$machine" systemctl stop hal0-route.service 2>/dev/null
is "and outlives the router" "$(show ActiveState) $(answers)" "active I am slot a."
ask_router
like "which comes up again for the next request" "$out" "*I am slot a.*"
podman exec "$machine" systemctl disable --quiet --now hal0-route.socket hal0-route.service

# ---- boot ----
slot create b --model /models/tiny.gguf --device cpu --image "$slot_image" --ctx 512 -q
slot disable b
is "disable" "$rc $(show UnitFileState b)" "0 disabled"
slot disable b --json
is "a second disable changes nothing" "$rc $(printf %s "$out" | jq -c .changed)" "0 false"
inside systemctl disable --quiet hal0-slot@a
slot enable a --json
is "enable mends what systemctl was told" "$rc $(printf %s "$out" | jq -c .changed) $(show UnitFileState)" "0 true enabled"
slot set b -q enabled=true
is "set follows, too" "$(show UnitFileState b)" enabled
slot set b -q enabled=false
up_again() {
  active && [ "$(answers)" = "I am slot a." ]
}
ok "reboot" machine_reboot
ok "an enabled slot comes up by itself" until_true up_again
is "a disabled one does not" "$(show ActiveState b)" inactive
ok "a power cut" machine_crash
ok "it comes up again" until_true up_again
slot list --json
is "list" "$(printf %s "$out" | jq -c '[.items[]|[.name,.state]]')" '[["a","ready"],["b","offline"]]'
slot delete b --yes -q
slot delete a --yes --force -q
is "delete --force" "$rc $(show ActiveState) $(show UnitFileState)" "0 inactive disabled"
tap_done
