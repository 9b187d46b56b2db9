#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Who may ask hal0-route serve: nobody from elsewhere without a key, no page of another origin, no
# page that points its own name here. The rules by themselves: test/unit/test-serve.c.
. "${HAL0_SOURCE:?}/test/tap.sh"
PATH=$HAL0_BUILD/cmd:$PATH
for t in curl jq python3; do
  command -v $t >/dev/null 2>&1 || skip_all "$t is not installed"
done
export HAL0_HOME="$tmp/home" NO_COLOR=1
mkdir -p "$tmp/home/etc/hal0/slots"
server=
tap_cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null
  rm -rf "$tmp"
}
for a in 0.0.0.0 :: 192.0.2.1; do
  run hal0-route serve --bind "$a" --port 0
  rc_is "$a without a key" 2
  like "says what is missing" "$err" "*--key-file*"
done
echo secret >"$tmp/keys"
chmod 640 "$tmp/keys"
run hal0-route serve --bind 0.0.0.0 --port 0 --key-file "$tmp/keys"
rc_is "keys that others can read" 3
like "and how to mend it" "$err" "*chmod 600*"
: >"$tmp/none"
chmod 600 "$tmp/none" "$tmp/keys"
run hal0-route serve --bind 300.1.1.1 --port 0
rc_is "what is not an address" 2
like "is called that" "$err" "*--bind: '300.1.1.1' is not an address*"
run hal0-route serve --bind 0.0.0.0 --port 0 --key-file "$tmp/none"
rc_is "a file without a key" 3
# A socket from systemd is no way around it.
cat >"$tmp/given.py" <<'PY'
import os, socket, sys
s = socket.socket()
s.bind((sys.argv[1], 0))
s.listen()
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
print(s.getsockname()[1], flush=True)
os.execvp(sys.argv[2], sys.argv[2:])
PY
run timeout 60 python3 "$tmp/given.py" 0.0.0.0 hal0-route serve
rc_is "a given socket that is open to all, without a key" 2
like "is refused" "$err" "*--key-file*"
given() { # ADDRESS ARG...
  _a=$1
  shift
  python3 "$tmp/given.py" "$_a" hal0-route serve "$@" >"$tmp/given" 2>"$tmp/given.err" &
  server=$!
  until_file "$tmp/given"
  url=http://127.0.0.1:$(head -n 1 "$tmp/given")
}
status() { # ARG...
  curl -s -o /dev/null -w '%{http_code}' "$@"
}
given 0.0.0.0 --key-file "$tmp/keys"
is "with one it asks for it" "$(status "$url/v1/models") $(status -H 'Authorization: Bearer secret' "$url/v1/models")" "401 200"
kill "$server"
wait "$server" 2>/dev/null
given 127.0.0.1 --origin http://ui.lan --host box.lan
is "a loopback one needs none" "$(status "$url/v1/models")" 200
is "another name, as after rebinding" "$(status -H 'Host: evil.example' "$url/v1/models")" 421
is "an allowed name" "$(status -H 'Host: box.lan' "$url/v1/models")" 200
is "a page of another origin" "$(status -H 'Origin: http://evil.example' "$url/v1/models")" 403
is "a form of another page" "$(status -H 'Origin: http://evil.example' -H 'Content-Type: text/plain' -d '{}' "$url/v1/chat/completions")" 403
is "an image of another page" "$(status -H 'Sec-Fetch-Site: cross-site' "$url/v1/models")" 403
is "an allowed page" "$(status -H 'Origin: http://ui.lan' "$url/v1/models")" 200
curl -s -D "$tmp/head" -o /dev/null -H 'Origin: http://evil.example' -X OPTIONS "$url/v1/chat/completions" \
  -H 'Access-Control-Request-Method: POST'
is "a preflight of another page gets no leave" "$(grep -ic '^access-control' "$tmp/head")" 0
curl -s -D "$tmp/head" -o /dev/null "$url/v1/models"
is "nor does anybody by default" "$(grep -ic '^access-control' "$tmp/head")" 0
kill "$server"
wait "$server" 2>/dev/null
server=
tap_done
