#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Secrets are seen by nobody, and files have the modes that hal0-security(7) says. Every verb is called
# with secrets planted in each place; then they are looked for in all that came out, in the words and
# the environment of every program that was started, and in what was written. The podman is a FAKE.
. "${HAL0_SOURCE:?}/test/tap.sh"
PATH=$HAL0_BUILD/cmd:$PATH
for t in jq python3 curl; do
  command -v $t >/dev/null 2>&1 || skip_all "$t is not installed"
done
[ "$(id -u)" = 0 ] || skip_all "needs root: secrets belong to it"
export NO_COLOR=1 FAKE_PODMAN="$tmp/containers" HAL0_PODMAN="$HAL0_SOURCE/test/cli/fake-podman.sh" HAL0_SYSTEMCTL=''
unset HAL0_MODEL_STORE
server='' homes=0
tap_cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null
  find "$FAKE_PODMAN" -type f -exec sed -n 's/.*"Pid": \([0-9]*\).*/\1/p' {} + 2>/dev/null | while read -r p; do kill "$p" 2>/dev/null; done
  rm -rf "$tmp"
}
"$HAL0_BUILD/scripts/tiny-gguf" "$tmp/tiny.gguf" >/dev/null
chmod 644 "$tmp/tiny.gguf"
port=8184
# A home with everything in it, made under a umask.
fill() { # UMASK
  homes=$((homes + 1))
  export HAL0_HOME="$tmp/home$homes"
  (
    umask "$1"
    hal0 probe --quiet
    hal0 model add "$tmp/tiny.gguf" --copy
    hal0 model add "$tmp/tiny.gguf" --name other
    hal0 slot create sec model.default=tiny device=cpu image=localhost/x:1 port=$port
    hal0 cap seed --quiet
    hal0 conf set "$HAL0_HOME/etc/hal0/hal0.toml" slots.max_slots 9
    hal0 profile clone vulkan mine
    hal0 slot start sec
    hal0 slot stop sec
  ) >"$tmp/filled" 2>&1 </dev/null
}
# ---- modes ----
page=$HAL0_SOURCE/man/hal0-security.7.scd
sed -n '/^# FILES AND MODES/,/^A file that exists/s/^\(0[0-7]*\)  *\([a-z]*\)  *\(\/.*\)/\3|\1|\2/p' "$page" >"$tmp/table"
is "the page has its table" "$([ "$(wc -l <"$tmp/table")" -ge 12 ] && echo yes)" yes
for mask in 000 022 077; do
  fill $mask
  wrong=''
  while IFS='|' read -r path mode owner; do
    file=$(printf %s "$path" | sed "s|/slots/NAME|/slots/sec|; s|/keys/NAME|/keys/sec|; s|/models/NAME|/models/tiny|; s|^/var/|$HAL0_HOME/var-|; s|^/etc/|$HAL0_HOME/etc/|; s|^/run/|$HAL0_HOME/run/|")
    got=$(stat -c '%04a %u' "$file" 2>&1)
    uid=0
    [ "$owner" = root ] || uid=65534
    [ "$got" = "$mode $uid" ] || wrong="$wrong $path:$got"
  done <"$tmp/table"
  is "umask $mask: files are as the page says" "$wrong" ""
  # podman's own files are the fake's here
  is "umask $mask: nobody else may write anything" \
    "$(find "$HAL0_HOME" -perm /022 ! -type l ! -name server.log ! -name '*pid' -printf '%m %P\n')" ""
  is "umask $mask: what is not in the page" "$(find "$HAL0_HOME" -type f -printf '%P\n' | sed 's|^var-lib|var/lib|' |
    grep -vE '(server.log|pid)$' | sed 's|slots/sec|slots/NAME|; s|keys/sec|keys/NAME|; s|models/tiny|models/NAME|; s|^|/|' |
    grep -vxF "$(cut -d '|' -f 1 "$tmp/table")")" ""
done

# ---- secrets ----
etc=$HAL0_HOME/etc/hal0 var=$HAL0_HOME/var-lib/hal0
plant() { # NAME
  printf 'planted-%s-%s' "$1" "$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')"
}
pve=$(plant pve) hub=$(plant hub) mine=$(plant serve) far=$(plant far) envkey=$(plant env) slotkey=$(plant slot)
printf '{"proxmox": {"host": "127.0.0.1", "port": 9, "verify_ssl": false}, "auth": {"user": "root@pam", "token_name": "t", "token_value": "%s"}}' \
  "$pve" >"$etc/proxmox.json"
printf '%s\n' "$hub" >"$tmp/hub-token"
printf '%s\n' "$mine" >"$tmp/serve-keys"
printf 'FAR_KEY=%s\n' "$far" >"$etc/api.env"
printf '%s\n' "$slotkey" >"$var/keys/sec"
printf '[[upstream]]\nname = "far"\nurl = "http://127.0.0.1:9"\nauth_style = "bearer"\nauth_value_env = "FAR_KEY"\n[[upstream]]\nname = "near"\nurl = "http://127.0.0.1:9"\nauth_style = "bearer"\nauth_value_env = "NEAR_KEY"\n' \
  >"$etc/upstreams.toml"
chmod 600 "$etc/proxmox.json" "$tmp/hub-token" "$tmp/serve-keys" "$etc/api.env"
printf '[models]\nhub = "https://127.0.0.1:9"\ntoken_file = "%s"\n' "$tmp/hub-token" >"$etc/hal0.toml"
run hal0 conf check
is "the files are valid" "$rc $(printf %s "$out" | grep -c warning)" "0 0"
look_for="$pve|$hub|$mine|$far|$slotkey|$envkey"
# Every program that is started leaves its words and its environment.
mkdir "$tmp/spy"
cat >"$tmp/spy-podman" <<SH
#!/bin/sh
{ echo "\$0 \$*"; tr '\\0' '\\n' </proc/\$\$/environ; } >>"$tmp/spy/podman"
exec "$HAL0_SOURCE/test/cli/fake-podman.sh" "\$@"
SH
chmod 755 "$tmp/spy-podman"
export HAL0_PODMAN="$tmp/spy-podman"
strace=''
command -v strace >/dev/null 2>&1 && strace -o /dev/null true 2>/dev/null && strace=yes
found=''
calls=0
try() { # COMMAND...: with and without --json
  for more in "" --json; do
    calls=$((calls + 1))
    # a container that is started would be waited for
    if [ -n "$strace" ] && [ "${2:-} ${3:-}" != "slot start" ] && [ "${3:-}" != restart ]; then
      # shellcheck disable=SC2086
      timeout 120 strace --seccomp-bpf -f -qq -v -s 65536 -e trace=execve -o "$tmp/spy/trace" "$@" $more >"$tmp/spy/out" 2>&1 </dev/null
    else
      # shellcheck disable=SC2086
      timeout 120 "$@" $more >"$tmp/spy/out" 2>&1 </dev/null
    fi
    where=$(grep -lE "$look_for" "$tmp/spy"/* 2>/dev/null | xargs -r -n 1 basename | paste -s -d ,)
    [ -z "$where" ] || found="$found [$* $more: $where]"
    rm -f "$tmp/spy"/*
  done
}
for verb in "status" "probe" "probe show" "probe diff" "probe memory" "probe doctor" "probe recommend" "probe tune --budget 4G" \
  "slot list" "slot status" "slot show sec" "slot argv sec" "slot start sec --dry-run" "slot start sec" "slot diff sec" "slot fit sec" \
  "slot logs sec" "slot restart sec" "slot set sec port=8185" "slot export quadlet sec" "slot export kube sec" "slot reap" "slot wait sec" \
  "slot stop sec" "profile list" "profile show vulkan" "profile export" "profile images" "cap list" "cap show" "cap check" \
  "route table" "route explain tiny" "route explain far" "route call tiny hi" "route call far/x hi" "route export haproxy --check $tmp/ha" \
  "model list" "model show tiny" "model verify tiny" "model pull hf:o/m" "model loadouts" "conf check" "conf log" "conf recover" \
  "conf get $etc/hal0.toml models" "conf schema" "slot delete sec --yes --dry-run"; do
  # shellcheck disable=SC2086
  try hal0 $verb
done
is "$calls calls: no secret in what came out, nor in a program's words or environment" "$found" ""
run hal0 slot key sec
is "but who asks for a slot's key gets it" "$out" "$slotkey"

# ---- the router: its own key, an upstream's in its environment, a slot that it starts ----
cat >"$tmp/slot-spy" <<SH
#!/bin/sh
{ echo "\$0 \$*"; tr '\\0' '\\n' </proc/\$\$/environ; } >>"$tmp/spy/slot"
echo '{"error":{"code":"slot.x","message":"no"}}' >&2
exit 7
SH
chmod 755 "$tmp/slot-spy"
mkdir "$tmp/bin"
cp "$HAL0_BUILD/cmd/hal0-route" "$tmp/bin/"
cp "$tmp/slot-spy" "$tmp/bin/hal0-slot"
hal0 slot stop sec -q >/dev/null 2>&1
rm -f "$tmp/spy"/*
NEAR_KEY=$envkey "$tmp/bin/hal0-route" serve --port 0 --json --key-file "$tmp/serve-keys" >"$tmp/said" 2>"$tmp/spy/err" &
server=$!
until_file "$tmp/said"
url=$(jq -r .url "$tmp/said")
for key in "$mine" wrong; do
  for what in /health /metrics /v1/models; do
    curl -s -i -m 60 -H "Authorization: Bearer $key" "$url$what" >>"$tmp/spy/answers"
  done
  for what in tiny far/x near/x; do
    curl -s -i -m 60 -H "Authorization: Bearer $key" -d "{\"model\":\"$what\"}" "$url/v1/chat/completions" >>"$tmp/spy/answers"
  done
done
tr '\0' ' ' <"/proc/$server/cmdline" >"$tmp/spy/cmdline"
is "a slot was to be started" "$(grep -c 'start sec' "$tmp/spy/slot")" 1
is "the router: no secret in answers, metrics, messages, or what it starts" "$(grep -lE "$look_for" "$tmp/spy"/* | xargs -r -n 1 basename)" ""
kill "$server"
wait "$server" 2>/dev/null
server=
is "nor in any file but their own" "$(grep -rlE "$look_for" "$HAL0_HOME" | grep -vxE "$etc/(proxmox.json|api.env)|$var/keys/sec")" ""

# ---- what is no secret file ----
refused() { # NAME COMMAND...
  _what=$1
  shift
  run timeout 60 "$@"
  like "$_what: refused" "$rc $err" "3 *"
  is "$_what: not shown" "$(printf '%s%s' "$out" "$err" | grep -cE "$look_for")" 0
}
for spoil in "chmod 640" "chmod 604" "chown 65534"; do
  for f in "$tmp/serve-keys" "$tmp/hub-token" "$etc/proxmox.json" "$etc/api.env"; do
    $spoil "$f"
    case $f in
    */serve-keys) refused "${f##*/} after $spoil" hal0-route serve --port 0 --key-file "$f" ;;
    */hub-token) refused "${f##*/} after $spoil" hal0-model pull hf:o/m ;;
    */proxmox.json) refused "${f##*/} after $spoil" hal0-probe memory ;;
    */api.env) run hal0-route explain far/x --json
      like "api.env after $spoil: not used" "$out" "*secret*: ch*api.env*"
      is "api.env after $spoil: not shown" "$(printf '%s%s' "$out" "$err" | grep -cE "$look_for")" 0 ;;
    esac
    chown 0 "$f"
    chmod 600 "$f"
  done
done
mkfifo "$tmp/pipe"
chmod 600 "$tmp/pipe"
refused "a pipe" hal0-route serve --port 0 --key-file "$tmp/pipe"
ln -s "$tmp/serve-keys" "$tmp/link"
chown -h 65534 "$tmp/link"
refused "another user's link" hal0-route serve --port 0 --key-file "$tmp/link"
if [ -n "$strace" ]; then
  timeout 60 strace -f -qq -e trace=prctl -o "$tmp/trace" hal0-route serve --port 0 --idle-exit 1s --key-file "$tmp/serve-keys" >/dev/null 2>&1
  ok "who holds a secret leaves no core" grep -q 'PR_SET_DUMPABLE, SUID_DUMP_DISABLE' "$tmp/trace"
fi
tap_done
