#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A stop that was killed together with its podman: the container runs, podman says "stopping", and
# nobody goes on. With a stand-in for podman (fake-podman.sh).
. "${HAL0_SOURCE:?}/test/tap.sh"
for t in jq python3 flock setsid; do
  command -v $t >/dev/null 2>&1 || skip_all "$t is not installed"
done
export HAL0_HOME="$tmp/home" FAKE_PODMAN="$tmp/ctrs" HAL0_PODMAN="$tmp/podman" NO_COLOR=1
etc=$tmp/home/etc/hal0 state=$tmp/home/var-lib/hal0/slots/cut/state.json
printf '#!/bin/sh\nexec sh "%s/test/cli/fake-podman.sh" "$@"\n' "$HAL0_SOURCE" >"$HAL0_PODMAN"
chmod +x "$HAL0_PODMAN"
tap_cleanup() {
  "$HAL0_PODMAN" rm hal0-slot-cut
  rm -rf "$tmp"
}
mkdir -p "$etc/slots" "$tmp/home/var-lib/hal0/models"
"$HAL0_BUILD/scripts/tiny-gguf" "$tmp/home/var-lib/hal0/models/tiny.gguf" >/dev/null
port=8200
while [ $port -gt 8100 ] && python3 -c 'import socket, sys; sys.exit(socket.socket().connect_ex(("127.0.0.1", int(sys.argv[1]))) != 0)' $port; do
  port=$((port - 1))
done
printf 'name = "cut"\ntype = "llm"\nport = %s\ndevice = "cpu"\nimage = "localhost/fake:1"\nidle_timeout_s = 600\n[model]\ndefault = "tiny"\n' \
  $port >"$etc/slots/cut.toml"
seen() { # FILTER: of what `slot list` says of it
  "$HAL0_BUILD/cmd/hal0-slot" list --json | jq -r ".items[0]|$1"
}
podman_says() { # STATE
  sed -i "s/\"State\": \"[a-z]*\"/\"State\": \"$1\"/" "$FAKE_PODMAN/hal0-slot-cut"
}
PATH=$HAL0_BUILD/cmd:$PATH
run hal0-slot start cut
rc_is "start" 0
is "it is ready" "$(seen .state)" ready

podman_says stopping
is "somebody else ends it: it is being unloaded" "$(seen '"\(.state) \(.metadata.message)"')" "unloading stopping"
jq -c '.state = "unloading"' "$state" >"$tmp/new" && cp "$tmp/new" "$state"
exec 9>>"$tmp/home/run/hal0/slots/cut.lock"
flock 9
is "one of us is at it" "$(seen '"\(.state) \(.metadata.message)"')" "unloading stopping"
run hal0-slot reap --json
is "reap leaves it to them" "$rc $(printf %s "$out" | jq -c '[.changed,(.items|length)]')" "0 [false,0]"
exec 9>&-
like "nobody is any more: it says so" "$(seen '"\(.state) \(.metadata.message)"')" "unloading *killed*hal0 slot stop cut*"
run hal0-slot status cut
like "status as well" "$out$err" "*was killed*"
run hal0-slot reap --dry-run --json
is "reap would go on" "$rc $(printf %s "$out" | jq -c '[.changed,.items[0].name]')" '0 [true,"cut"]'
ok "and has not yet" test -e "$FAKE_PODMAN/hal0-slot-cut"
run hal0-slot reap
is "reap goes on" "$rc $(test -e "$FAKE_PODMAN/hal0-slot-cut" && echo there)" "0 "
like "and says so" "$err" "*cut: unloaded*killed*"
is "then it is off" "$(seen .state)" offline
run hal0-slot reap --json
is "a second time there is nothing to do" "$rc $(printf %s "$out" | jq -c .changed)" "0 false"
tap_done
