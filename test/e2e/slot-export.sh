#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2016,SC2086
# hal0-slot export: the unit of quadlet read back is the command that argv prints; the pod, the
# command read back and the slot itself run as the same container.
. "$HAL0_SOURCE/test/e2e/real.sh"
PATH=$HAL0_BUILD/cmd:$PATH
needs curl jq python3 catatonit
needs_image "$image"
export HAL0_HOME="$tmp/home" NO_COLOR=1
paused=$(podman images -q localhost/podman-pause 2>/dev/null)
tap_cleanup() {
  podman kube down "$tmp/out/hal0-slot-export-x.yaml" >/dev/null 2>&1
  podman rm --force --time 1 hal0-slot-export-x >/dev/null 2>&1
  [ -n "$paused" ] || podman rmi "$(podman images -q localhost/podman-pause 2>/dev/null)" >/dev/null 2>&1
  rm -rf "$tmp"
}
models=$tmp/home/var-lib/hal0/models
mkdir -p "$tmp/home/etc/hal0/slots" "$models"
"$HAL0_BUILD/scripts/tiny-gguf" --say "I am exported." "$models/tiny.gguf" >/dev/null
hal0-slot create export-x --model "$models/tiny.gguf" --port 8196 --device cpu --ctx 512 --image "$image" >/dev/null 2>&1

# ---- quadlet, read back ----
# Asked for by hal0, which reads it in the log of a load that it starts itself.
asked_to_tell=LLAMA_ARG_LOG_VERBOSITY=4
command_of() { # SLOT: what argv prints, a word a line, without what holds the container and what measures
  hal0-slot argv "$1" --json | jq -r '.argv[]|gsub("\n"; "\\n")' | awk -v asked="$asked_to_tell" '
    word == "--env" && $0 == asked { word = ""; next }
    word == "--env" { print word; word = "" }
    $0 == "--env" { word = $0; next }
    /^(--runtime|--pidfile|--conmon-pidfile)$/ { getline; next }
    /^(--detach|--replace|--rm)$/ || /^--(sdnotify|cgroups)=/ { next }
    /^--pull=/ { print "--pull"; sub(/^--pull=/, "") }
    { print }'
}
# Options in any order, the rest as it stands: "option value" lines, sorted, then the command.
canon() { # IMAGE
  awk -v image="$1" '
    tail { print "= " $0; next }
    $0 == image { tail = 1; print "= " $0; next }
    /^-/ { if (flag != "") print flag; flag = $0; next }
    { if (flag != "") { print flag " " $0; flag = "" } else print }
    END { if (flag != "") print flag }' | sort -s -k1,1 | grep . || :
}
same() { # NAME SLOT IMAGE
  run hal0-slot export quadlet "$2"
  rc_is "$1: quadlet" 0
  printf '%s\n' "$out" >"$tmp/$2.container"
  run python3 "$HAL0_SOURCE/test/e2e/unquadlet.py" "$tmp/$2.container"
  printf '%s\n' "$out" | grep -v '^--name$' >"$tmp/back"
  command_of "$2" | grep -v '^--name$' >"$tmp/there"
  is "$1: read back it is the command" "$rc $(wc -l <"$tmp/back") $(canon "$3" <"$tmp/back" | sort)" \
    "0 $(wc -l <"$tmp/there") $(canon "$3" <"$tmp/there" | sort)"
  is "$1: what the server gets is in order" "$(sed -n "/^$(printf %s "$3" | sed 's/[/.]/\\&/g')\$/,\$p" "$tmp/back")" \
    "$(sed -n "/^$(printf %s "$3" | sed 's/[/.]/\\&/g')\$/,\$p" "$tmp/there")"
}
same "a plain slot" export-x "$image"
ok "the first load is to be measured" sh -c 'hal0-slot argv export-x | grep -q "$1"' - "$asked_to_tell"
cp "$tmp/export-x.container" "$tmp/before-load"
mkdir -p "$models/with space 100%"
cp "$models/tiny.gguf" "$models/with space 100%/t\$HOME.gguf"
cat >"$tmp/home/etc/hal0/slots/export-odd.toml" <<TOML
port = 8197
type = "embedding"
device = "cpu"
image = "$image"
[model]
default = "$models/with space 100%/t\$HOME.gguf"
[server]
extra_args = '''--lora "/a b" --chat-template "x 'y' \\\\ \$\$ %h \\"q\\"" --temp ""'''
TOML
same "an odd one" export-odd "$image"
if [ -x /usr/libexec/podman/quadlet ]; then
  mkdir -p "$tmp/units"
  cp "$tmp/export-x.container" "$tmp/units"
  ok "podman's own generator takes it" env QUADLET_UNIT_DIRS="$tmp/units" /usr/libexec/podman/quadlet -dryrun
else
  printf '# podman %s has no quadlet: not asked\n' "$(podman version -f '{{.Client.Version}}')"
fi

# ---- the verb ----
run hal0-slot export quadlet export-x -o "$tmp/out" --json
is "into a directory" "$rc $(printf %s "$out" | jq -r '.changed,.file' | tr '\n' ' ')" \
  "0 true $tmp/out/hal0-slot-export-x.container "
run hal0-slot export quadlet export-x -o "$tmp/out" --json
is "a second time it changes nothing" "$rc $(printf %s "$out" | jq .changed)" "0 false"
run hal0-slot export kube export-x -o "$tmp/out" --dry-run
rc_is "--dry-run" 0
like "shows the file" "$out" "*+kind: Pod*"
ok "and writes none" test ! -e "$tmp/out/hal0-slot-export-x.yaml"
run hal0-slot export kube export-x -o "$tmp/out"
rc_is "a pod" 0
like "says what a pod cannot" "$err" "*--pids-limit*"
run hal0-slot export compose export-x
rc_is "something else" 2
run hal0-slot export kube export-y
rc_is "no such slot" 2
ok "no key is in the files" sh -c '! grep -rqF "$(cat "$2")" "$1"' - "$tmp/out" "$tmp/home/var-lib/hal0/keys/export-x"

# ---- all three, run ----
# Where podman's own limits are more than this machine grants, it needs to be told smaller ones.
files=$(awk '/^Max open files/ {n = $5 + 0; if (!n || n > 65536) n = 65536; print n}' /proc/self/limits)
cat >"$tmp/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=$files:$files", "nproc=4096:4096"]
[engine]
$(! command -v runc >/dev/null || echo 'runtime = "runc"')
CONF
[ -z "${CONTAINERS_CONF:-}" ] && export CONTAINERS_CONF="$tmp/containers.conf"
look() { # CONTAINER: what it is, without what differs by nature
  podman container inspect "$1" >"$tmp/inspected"
  jq -S '.[0]|{path: .Path, args: .Args, image: .Image, user: .Config.User,
    env: ([.Config.Env[]|select(test("^(HOSTNAME|PATH|TERM|container|'${asked_to_tell%=*}')=")|not)]|sort),
    rootfs: .HostConfig.ReadonlyRootfs, caps: (.EffectiveCaps // []), security: (.HostConfig.SecurityOpt|sort),
    network: .HostConfig.NetworkMode, groups: (.HostConfig.GroupAdd // []),
    devices: [.HostConfig.Devices[]?|.PathOnHost],
    mounts: ([.Mounts[]|select(.Type == "bind")|"\(.Source) \(.Destination) \(.RW)"]|sort),
    tmp: ((([.Mounts[]|.Destination] + ((.HostConfig.Tmpfs // {})|keys))|index("/tmp")) != null)}' "$tmp/inspected"
}
answers() {
  until_true says
}
says() {
  [ "$(curl -s -m 60 http://127.0.0.1:8196/v1/chat/completions -d '{"messages":[{"role":"user","content":"hi"}]}' \
    -H "Authorization: Bearer $(hal0-slot key export-x)" | jq -r '.choices[0].message.content' 2>/dev/null)" = "I am exported." ]
}
run hal0-slot start export-x
rc_is "the slot runs" 0
look hal0-slot-export-x >"$tmp/look.slot"
is "and was measured" "$(hal0-slot argv export-x | grep -c "$asked_to_tell")" 0
is "which its quadlet does not show" "$(hal0-slot export quadlet export-x)" "$(cat "$tmp/before-load")"
like "as itself" "$(cat "$tmp/look.slot")" '*"--api-key-file"*"no-new-privileges"*'
hal0-slot stop export-x >/dev/null 2>&1
python3 "$HAL0_SOURCE/test/e2e/unquadlet.py" "$tmp/out/hal0-slot-export-x.container" | sed '2a --detach' | tr '\n' '\0' |
  xargs -0 env >"$tmp/run" 2>&1
ok "the quadlet's command answers" answers
is "as the same container" "$(look hal0-slot-export-x)" "$(cat "$tmp/look.slot")"
run hal0-slot status export-x --json
is "which hal0 knows" "$(printf %s "$out" | jq -r '.items[0].state')" ready
run hal0-slot stop export-x
rc_is "and can stop" 0
run podman kube play "$tmp/out/hal0-slot-export-x.yaml"
rc_is "podman plays the pod" 0
ok "it answers" answers
is "as the same container" "$(look hal0-kube-export-x-server)" "$(cat "$tmp/look.slot")"
pid=$(podman inspect -f '{{.State.Pid}}' hal0-kube-export-x-server)
is "without rights" "$(grep -E '^(CapEff|NoNewPrivs)' "/proc/$pid/status" | awk '{print $2}' | tr '\n' ' ')" "0000000000000000 1 "
run podman kube down "$tmp/out/hal0-slot-export-x.yaml"
rc_is "and it goes" 0
podman volume rm hal0-export-x-tmp >/dev/null 2>&1
tap_done
