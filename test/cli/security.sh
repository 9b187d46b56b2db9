#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What somebody hostile can name, plant or answer: names, values, files of another kind in the place of
# ours, links that lead elsewhere, directories that are swapped, redirects. Nothing hangs, nothing is
# written outside, nothing becomes an option. hal0-security(7) tells it in words; serve: serve-attack.sh,
# secrets and modes: secrets.sh.
. "${HAL0_SOURCE:?}/test/tap.sh"
PATH=$HAL0_BUILD/cmd:$PATH
export HAL0_HOME="$tmp/a home" NO_COLOR=1
unset HAL0_MODEL_STORE
etc=$HAL0_HOME/etc/hal0 var=$HAL0_HOME/var-lib/hal0 runs=$HAL0_HOME/run/hal0
server=
tap_cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null
  [ -z "$server" ] || wait "$server" 2>/dev/null
  rm -rf "$tmp"
}
mkdir -p "$etc/slots" "$var/models" "$tmp/out"
"$HAL0_BUILD/scripts/tiny-gguf" "$var/models/tiny.gguf" >/dev/null
cat >"$tmp/podman" <<'SH'
#!/bin/sh
case "$*" in *ps*|*images*|*inspect*) echo '[]' ;; esac
SH
chmod 755 "$tmp/podman"
export HAL0_PODMAN="$tmp/podman"
slot() { # EXTRA-TOP EXTRA-BELOW: slots/a.toml
  printf 'port = 8181\ntype = "llm"\ndevice = "cpu"\nimage = "localhost/hal0-fake:1"\n%s\n[model]\ndefault = "tiny"\n%s\n' \
    "$1" "$2" >"$etc/slots/a.toml"
}

# ---- names ----
long=$(printf 'a%.0s' 1 2 3 4 5 6 7 8 9 0)
long=$long$long$long$long
nl='a
b'
for name in '../x' '..' '.' '.x' '-rf' '--yes' "$nl" 'é' "$long" '%i' '%n%s' 'a b' 'a/b' '/etc/passwd' '' '@' 'a@b' 'a;b' "\$(x)" \
  "a'b" 'a"b' 'x\y' 'a:b' 'a*' 'A' "$(printf 'a\033[2J')"; do
  bad=''
  for verb in "create" "start" "stop" "logs" "status" "show" "argv" "run" "wait" "key" "enable" "fit" "delete --yes"; do
    # shellcheck disable=SC2086
    run timeout 60 hal0-slot $verb -- "$name"
    [ "$rc" = 2 ] || bad="$bad $verb:$rc"
  done
  is "a slot named $(printf '%.12s' "$name" | tr '\n\033' '__')" "$bad" ""
done
is "none of them made a file" "$(find "$tmp" -newer "$tmp/podman" -type f ! -name '.[oe]*' | wc -l)" 0
for model in '../../../etc/passwd' '..' '--evil' '/etc/passwd' '/dev/zero' '/proc/self/mem' "$nl" 'a/../../b' "$var/models"/../../../etc; do
  slot "" ""
  esc=$(printf '%s' "$model" | sed ':a;N;$!ba;s/\n/\\n/g')
  sed -i "s|^default = .*|default = \"$esc\"|" "$etc/slots/a.toml"
  run timeout 60 hal0-slot argv a
  rc_is "a model named $(printf '%.20s' "$esc")" 3
done
for ref in 'hf:../../x' 'hf:o/..' 'hf:o/m:../../x.gguf' 'hf:o/m:-x.gguf/..' 'file:///etc/passwd' 'gopher://x/y.gguf' 'http://192.0.2.1/x.gguf' \
  'https://user:pw@localhost/x.gguf' '-x' 'https:///x.gguf'; do
  run timeout 60 hal0-model pull --dry-run --hub https://localhost:1 -- "$ref"
  rc_is "a model from $ref" 2
done
run timeout 60 hal0-model pull --hub https://localhost:1 --name ../../x -- https://localhost:1/x.gguf
rc_is "a model by the name ../../x" 2

# ---- values that look like options ----
for key in image profile chat_template; do
  for value in --privileged '-v=/:/host' 'x --privileged' "$nl"; do
    slot "$key = $(printf '%s' "\"$value\"" | sed ':a;N;$!ba;s/\n/\\n/g')" ""
    run hal0-slot argv a --json
    if [ "$rc" = 0 ]; then
      is "$key = $(printf %.14s "$value" | tr '\n' _)" "$(printf %s "$out" | grep -c -- "\"$value\"")" 0
    else
      rc_is "$key = $(printf %.14s "$value" | tr '\n' _)" 3
    fi
  done
done
slot "" '[server]
extra_args = "--privileged --volume /:/host --network host --env A=b --cap-add ALL --device /dev/sda"'
run hal0-slot argv a
like "a server's arguments come behind the image" "$out" "*localhost/hal0-fake:1 *--privileged*"
case ${out%%localhost/hal0-fake:1 *} in
*--privileged* | *"/:/host"* | *"A=b"* | *" ALL "* | *sda*) tap_result 1 "so podman takes none of them" ;;
*) tap_result 0 "so podman takes none of them" ;;
esac
for flag in "--host 0.0.0.0" --host=0.0.0.0 "-host 0.0.0.0" "--port 22" "-m /etc/passwd" "--api-key secret" "-a other"; do
  slot "" "[server]
extra_args = \"$flag\""
  run hal0-slot argv a
  rc_is "the server's own: $flag" 3
done
for grant in 'devices = ["/dev/mem"]' 'devices = ["/dev/kmem"]' 'devices = ["/dev/port"]' 'devices = ["/etc/passwd"]' 'mounts = ["/"]' \
  'mounts = ["/etc"]' 'mounts = ["/root/.ssh"]' 'mounts = ["/run/podman/podman.sock"]' 'mounts = ["/var/lib/hal0/keys"]' \
  'mounts = ["/srv:/etc:rw"]' 'caps = ["SYS_ADMIN"]' 'caps = ["ALL"]' 'privileged = true' 'network = "host"' 'read_only = "no"'; do
  slot "" "[container]
$grant"
  run hal0-slot argv a
  rc_is "no container gets $grant" 3
done
disk=$(find /dev -maxdepth 1 -type b | head -n 1)
if [ -n "$disk" ]; then
  slot "" "[container]
devices = [\"$disk\"]"
  run hal0-slot start a --dry-run
  rc_is "nor a disk" 3
fi
if ln -s /dev/mem "$tmp/out/m" 2>/dev/null && [ -e /dev/mem ] && [ "$(id -u)" = 0 ] && ln -s mem /dev/hal0-test-$$ 2>/dev/null; then
  slot "" "[container]
devices = [\"/dev/hal0-test-$$\"]"
  run hal0-slot start a --dry-run
  rc_is "nor memory by another name" 3
  rm -f "/dev/hal0-test-$$"
fi
rm -f "$tmp/out/m"

# ---- other kinds of files in the place of ours ----
slot "" ""
export HAL0_PODMAN_TIMEOUT=5
mkdir -p "$runs/slots/a" "$var/slots/a" "$var/registry" "$var/keys"
fail=''
count=0
for place in "$etc/slots/a.toml" "$etc/slots/b.toml" "$etc/hal0.toml" "$etc/profiles.toml" "$etc/capabilities.toml" "$etc/upstreams.toml" \
  "$etc/hardware.json" "$etc/proxmox.json" "$etc/manifest.json" "$etc/api.env" "$var/registry/registry.toml" "$var/slots/a/log" \
  "$var/slots/a/state.json" "$runs/slots/a/pid" "$runs/slots/a/lock" "$var/models/other.gguf" "$var/keys/a"; do
  [ ! -e "$place" ] || mv "$place" "$tmp/kept"
  for kind in fifo directory zero dangling loop; do
    case $kind in
    fifo) mkfifo "$place" ;;
    directory) mkdir "$place" ;;
    zero) ln -s /dev/zero "$place" ;;
    dangling) ln -s "$tmp/nowhere" "$place" ;;
    loop) ln -s "${place##*/}" "$place" ;;
    esac
    for verb in "slot list" "slot start a" "slot logs a" "conf check" "model list" "route table" "status"; do
      # shellcheck disable=SC2086
      run timeout 60 hal0 $verb
      count=$((count + 1))
      [ "$rc" -lt 9 ] || fail="$fail ${place##*/}:$kind:$verb:$rc"
    done
    rm -rf "$place"
  done
  [ ! -e "$tmp/kept" ] || mv "$tmp/kept" "$place"
done
is "other kinds of files: each of $count commands ends, with a code of its own" "$fail" ""
is "and what a dangling link names was not made" "$(ls "$tmp/nowhere" 2>/dev/null)" ""

# ---- links to somebody's file ----
# Wherever hal0 writes, a link lies ready: by the file's own name and by those it writes first.
plant() { # symbolic|hard
  for place in "$etc/slots/a.toml" "$etc/slots/.a.toml.hal0-w~" "$etc/slots/new.toml" "$etc/.hardware.json.hal0-w~" "$etc/hardware.json" \
    "$etc/.capabilities.toml.hal0-w~" "$etc/.txn" "$etc/.lock" "$var/registry/registry.toml" "$var/registry/.registry.toml.hal0-w~" \
    "$var/registry/lock" "$var/keys/a" "$var/keys/.a.hal0-w~" "$runs/lock" "$runs/ledger" "$runs/.ledger.hal0-w~" "$runs/slots/a/lock" \
    "$runs/slots/a/used" "$runs/slots/a/order" "$runs/slots/a/order~" "$runs/slots/a/.state.json.hal0-w~" "$runs/slots/a/state.json" \
    "$var/slots/a/load_ms" "$var/slots/a/state.json" "$var/slots/a/.state.json.hal0-w~" "$var/models/tiny.gguf.sha256" \
    "$var/models/.tiny.gguf.sha256.hal0-w~" "$var/models/c.gguf" "$var/models/.c.gguf.hal0-copy" "$var/models/.c.gguf.hal0-part"; do
    rm -rf "$place"
    case $1 in
    symbolic) ln -s "$tmp/victim" "$place" ;;
    hard) ln "$tmp/victim" "$place" ;;
    esac
  done
}
cp "$var/models/tiny.gguf" "$tmp/c.gguf"
for kind in symbolic hard; do
  printf 'port = 8182\ntype = "llm"\ndevice = "cpu"\nimage = "localhost/hal0-fake:1"\n[model]\ndefault = "tiny"\n' >"$tmp/victim"
  sum=$(sha256sum <"$tmp/victim")
  plant $kind
  fail=''
  for verb in "slot set a port=8183" "slot create new model.default=tiny" "slot start a" "slot stop a" "slot delete a --yes" "probe" "cap seed" "cap set chat llm model tiny" \
    "model verify tiny --write" "model add $tmp/c.gguf --copy" "model add $tmp/c.gguf --copy --name c" "conf recover" "conf set $etc/hal0.toml slots.max_slots=9" \
    "profile clone cpu mine" "slot reap"; do
    # shellcheck disable=SC2086
    run timeout 60 hal0 $verb
    [ "$rc" -lt 9 ] || fail="$fail $verb:$rc"
    [ "$(sha256sum <"$tmp/victim")" = "$sum" ] || { fail="$fail $verb:WRITTEN" && cp "$tmp/victim" "$tmp/was"; break; }
  done
  is "$kind links: nothing is written through them" "$fail" ""
  is "$kind links: the victim keeps its mode" "$(stat -c %a "$tmp/victim")" 644
  find "$HAL0_HOME" -type l -delete
  find "$HAL0_HOME" -samefile "$tmp/victim" -delete
done

# ---- a store that others may write in ----
if [ "$(id -u)" = 0 ]; then
  slot "" ""
  cp "$tmp/c.gguf" "$tmp/eyes.gguf"
  ln -s "$tmp/out" "$var/models/theirs"
  chown -h 65534 "$var/models/theirs"
  run hal0-model add "$tmp/c.gguf" --copy --name theirs --mmproj "$tmp/eyes.gguf"
  rc_is "into a directory that is another user's link" 4
  like "which is said" "$err" "*symbolic link of another user*"
  chown -h 0 "$var/models/theirs"
  run hal0-model add "$tmp/c.gguf" --copy --name theirs --mmproj "$tmp/eyes.gguf"
  rc_is "through root's link" 0
  is "it goes where that leads" "$(find "$tmp/out" -name '*.gguf' | wc -l)" 2
  rm -rf "$tmp/out" "$var/models/theirs"
  mkdir "$tmp/out"
  # A directory that becomes a link between the look and the use, again and again.
  cat >"$tmp/swap.py" <<'PY'
import os, sys
d, out = sys.argv[1:3]
os.makedirs(d, exist_ok=True)
os.symlink(out, d + ".link")  # never root's, not for a moment
os.lchown(d + ".link", 65534, 65534)
while True:
    try:
        os.rename(d, d + ".was")
        os.rename(d + ".link", d)
        os.rename(d, d + ".link")
        os.rename(d + ".was", d)
    except OSError:
        if os.path.islink(d):
            os.rename(d, d + ".link")
        os.makedirs(d + ".was", exist_ok=True)
PY
  if command -v python3 >/dev/null 2>&1; then
    python3 "$tmp/swap.py" "$var/models/race" "$tmp/out" &
    server=$!
    tries=0
    end=$(($(date +%s) + 2))
    while [ "$(date +%s)" -lt $end ]; do
      timeout 60 hal0-model add "$tmp/c.gguf" --copy --name race --mmproj "$tmp/eyes.gguf" >/dev/null 2>&1
      tries=$((tries + 1))
      rm -f "$var"/models/race*/*.gguf 2>/dev/null
    done
    kill $server
    wait $server 2>/dev/null
    server=
    is "$tries copies into a directory that is being swapped for a link: none came out there" "$(find "$tmp/out" -type f | wc -l)" 0
  fi
fi

# ---- a hub that leads astray ----
if command -v python3 >/dev/null 2>&1 && command -v openssl >/dev/null 2>&1; then
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$tmp/key" -out "$tmp/cert" -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost 2>/dev/null
  python3 "$HAL0_SOURCE/test/cli/redirects.py" "$tmp/c.gguf" "$tmp/cert" "$tmp/key" >"$tmp/ports" 2>"$tmp/asked" &
  server=$!
  until_file "$tmp/ports"
  read -r plain tls <"$tmp/ports"
  echo hub-secret >"$tmp/token"
  chmod 600 "$tmp/token"
  secret=/etc/passwd
  lead() { # WANT NAME FROM TO
    : >"$tmp/asked"
    rm -rf "$var/models/x" "$var/models/x.gguf"
    run timeout 60 hal0-model pull --retries 0 --ca-file "$tmp/cert" --token-file "$tmp/token" --hub "https://localhost:$tls" \
      "$3/to/$(printf %s "$4" | base64 -w 0 | tr '+/' '-_')/x.gguf"
    rc_is "$2" "$1"
  }
  from=https://localhost:$tls
  lead 7 "from https to http" "$from" HTTP/x.gguf
  lead 7 "from https to a file" "$from" "file://$secret"
  lead 7 "from https to ftp" "$from" ftp://localhost/x.gguf
  lead 7 "from https to http elsewhere" "$from" http://169.254.169.254/x.gguf
  lead 7 "from http to a file" "http://127.0.0.1:$plain" "file://$secret"
  lead 7 "from http to another machine's http" "http://127.0.0.1:$plain" http://192.0.2.1/x.gguf
  lead 0 "from https to https" "$from" HTTPS/x.gguf
  is "the token went there, it is the same server" "$(grep -c hub-secret "$tmp/asked")" "$(grep -c . "$tmp/asked")"
  lead 7 "from the hub to another server, which has the token no more" "$from" "https://127.0.0.1:$tls/x.gguf"
  is "it was sent to the hub alone" "$(grep -c . "$tmp/asked")" 1
  lead 0 "from http to https" "http://127.0.0.1:$plain" HTTPS/x.gguf
  is "the plain server never sees the token" "$(grep -c '^http .*hub-secret' "$tmp/asked")" 0
  run timeout 60 hal0-model pull --retries 0 --ca-file "$tmp/cert" "https://localhost:$tls/round/x.gguf"
  rc_is "round and round" 7
  is "nothing of it is left" "$(find "$var/models" -name '.*' -type f)" ""
fi
tap_done
