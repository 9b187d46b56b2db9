#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-model pull against a real https server on loopback, and what servers do wrong.
. "$HAL0_SOURCE/test/tap.sh"
for t in jq python3 openssl; do
  command -v $t >/dev/null || skip_all "$t is not installed"
done
model=$HAL0_BUILD/cmd/hal0-model
export HAL0_HOME="$tmp/home"
unset HAL0_MODEL_STORE
store=$HAL0_HOME/var-lib/hal0/models hub=$tmp/hub
mkdir -p "$HAL0_HOME/etc/hal0" "$hub/o/one" "$hub/o/many" "$hub/o/split" "$hub/o/secret" "$hub/o/badsum"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$tmp/key" -out "$tmp/cert" -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost 2>/dev/null
"$HAL0_BUILD/scripts/tiny-gguf" "$hub/tiny.gguf" >/dev/null
{ cat "$hub/tiny.gguf"; head -c 40000000 /dev/urandom; } >"$hub/big.gguf"
cp "$hub/tiny.gguf" "$hub/o/one/one-Q8_0.gguf"
cp "$hub/tiny.gguf" "$hub/o/one/mmproj-one.gguf"
cp "$hub/tiny.gguf" "$hub/o/many/m-Q4_K_M.gguf"
cp "$hub/tiny.gguf" "$hub/o/many/m-Q8_0.gguf"
cp "$hub/tiny.gguf" "$hub/o/secret/s.gguf"
cp "$hub/tiny.gguf" "$hub/o/badsum/b.gguf"
cp "$hub/big.gguf" "$hub/o/split/x-00001-of-00002.gguf"
cp "$hub/tiny.gguf" "$hub/o/split/x-00002-of-00002.gguf"
for d in pages endless elsewhere; do
  mkdir -p "$hub/o/$d"
  for f in a-Q8_0 b-Q5_K_M c-Q4_K_M mmproj-BF16 mmproj-F16; do cp "$hub/tiny.gguf" "$hub/o/$d/$f.gguf"; done
done
echo other >>"$hub/o/pages/mmproj-F16.gguf"
cp "$hub/tiny.gguf" "$hub/o/split/x-mmproj-f16.gguf"
python3 "$HAL0_SOURCE/test/cli/hub.py" "$hub" "$tmp/cert" "$tmp/key" &
server=$!
tap_cleanup() {
  kill "$server" 2>/dev/null
  wait "$server" 2>/dev/null
  rm -rf "$tmp"
}
until_file "$hub/port"
at=https://localhost:$(cat "$hub/port")
printf '[models]\nhub = "%s"\n' "$at/" >"$HAL0_HOME/etc/hal0/hal0.toml"
pull() { run "$model" pull --ca-file "$tmp/cert" --retries 1 "$@"; }
json() { printf %s "$out" | jq -c "$1"; }
code() { printf %s "$err" | jq -r .error.code; }
same() { ok "$1" cmp "$hub/$2" "$store/$3"; }
clean() { rm -rf "$store" "$hub/go"; : >"$hub/log"; }
left() { find "$store" -name '.*' -type f 2>/dev/null | wc -l; }

# A pull that goes on until it is told to end: its process is $puller. A shell's background job would
# ignore SIGINT.
background() { # NAME ARG...: what it says goes to $tmp/oNAME and $tmp/eNAME
  _n=$1
  shift
  env --default-signal=INT "$model" pull --ca-file "$tmp/cert" "$@" >"$tmp/o$_n" 2>"$tmp/e$_n" </dev/null &
  puller=$!
}
have() { # bytes that came, as far as noted
  jq '[.ranges[] | .[1] - .[0]] | add' "$store/.big.gguf.hal0-state"
}
under_way() {
  [ "$(have)" -gt 100000 ]
}

# ---- what is asked for ----
while IFS='|' read -r want text; do
  # shellcheck disable=SC2086
  pull $text
  rc_is "pull $text" "$want"
done <<END
2|
2|near.gguf
2|hf:one
2|hf:o/one/x
2|hf:o/../x
2|hf:o/one:../x.gguf
2|hf:o/one:x.txt
2|ftp://localhost/x.gguf
2|http://example.org/x.gguf
2|http://localhost.example.org/x.gguf
2|http://127.0.0.1.example.org/x.gguf
2|$at/ok/tiny.txt
2|$at/ok/big.gguf --sha256 12
2|$at/ok/big.gguf --name a/b
2|hf:o/many:Q2_K
2|hf:o/many:none.gguf
2|hf:o/many --projector
2|$at/ok/tiny.gguf --projector
7|hf:o/endless
7|hf:o/elsewhere
7|hf:o/none
7|$at/404/x.gguf
7|$at/500/x.gguf
7|$at/loop/x.gguf
7|$at/down/x.gguf
7|$at/html/x.gguf
7|https://localhost:1/x.gguf
2|hf:o/one --hub http://example.org
END
is "nothing came" "$(find "$store" -type f 2>/dev/null | wc -l)" 0
run "$model" pull "$at/ok/tiny.gguf"
rc_is "a certificate nobody vouches for" 7
mv "$HAL0_HOME/etc/hal0/hal0.toml" "$tmp/hal0.toml"
pull hf:o/one
rc_is "no hub" 3
like "says what to set" "$err" "*models.hub*"
mv "$tmp/hal0.toml" "$HAL0_HOME/etc/hal0/hal0.toml"

# ---- from the hub ----
clean
pull hf:o/one --dry-run
rc_is "dry run" 0
like "says what would come" "$out" "*/one-Q8_0.gguf -> $store/one-Q8_0.gguf (*"
ok "and nothing came" test ! -e "$store/one-Q8_0.gguf"
pull hf:o/one --json
is "the only model" "$rc$(json '[.changed, .items[0].name]')" '0[true,"one-Q8_0"]'
same "whole" tiny.gguf one-Q8_0.gguf
ok "its sum is recorded" sh -c "cd '$store' && sha256sum -c --quiet one-Q8_0.gguf.sha256"
pull hf:o/one --json
is "again" "$rc$(json .changed)" 0false
is "nothing hidden is left" "$(left)" 0
pull hf:o/many
ok "the usual quantisation" test -e "$store/m-Q4_K_M.gguf"
pull hf:o/many:q8_0 --name eight
ok "another, by another name" test -e "$store/eight.gguf"
pull hf:o/split --json
rc_is "a split model" 0
same "its first shard" big.gguf x/x-00001-of-00002.gguf
run "$model" list --json
is "is one model" "$(json '.items[] | select(.name == "x") | .shards')" 2
run "$model" verify
rc_is "all verify" 0
pull hf:o/one:one-Q8_0.gguf --name m-Q8_0
printf more >>"$store/m-Q8_0.gguf"
pull hf:o/one:one-Q8_0.gguf --name m-Q8_0
rc_is "another file in its place" 4


# ---- a list of several pages; what sees pictures ----
clean
pull hf:o/pages
rc_is "found on a later page" 0
like "the projector is offered" "$err" "*mmproj-F16.gguf*--projector fetches it*"
ok "and not fetched" test ! -e "$store/mmproj-c-Q4_K_M.gguf"
pull hf:o/pages --projector --dry-run
like "dry run: only it is missing" "$out" "*mmproj-F16.gguf -> $store/mmproj-c-Q4_K_M.gguf*"
: >"$hub/log"
pull hf:o/pages --projector --json
is "fetched later" "$rc$(json .changed)" 0true
same "beside the model" o/pages/mmproj-F16.gguf mmproj-c-Q4_K_M.gguf
is "and the model not again" "$(grep -c 'cdn.*c-Q4_K_M.gguf bytes=0-[1-9]' "$hub/log")" 0
pull hf:o/pages --projector --json
is "again" "$rc$(json .changed)" 0false
is "all of it is there: nothing is offered" "$(printf %s "$err" | grep -c projector)" 0
pull hf:o/pages:Q8_0 >/dev/null
run "$model" list --json
is "the model has it, others do not" "$(json '[.items[] | .projector]')" "[null,\"$store/mmproj-c-Q4_K_M.gguf\"]"
run "$model" rm c-Q4_K_M --yes
rc_is "removed" 0
is "with its projector" "$(find "$store" -name '*c-Q4*' | wc -l)" 0
pull hf:o/split --projector --name s
rc_is "of a split model" 0
run "$model" show s --json
is "its projector" "$(json '.projector')" "\"$store/s/mmproj-s.gguf\""
run "$model" verify
rc_is "all verify, with projectors" 0

# ---- the token ----
clean
pull hf:o/secret --json
is "wanted" "$rc$(code)" 7model.token_wanted
echo s3cret-token >"$tmp/token"
chmod 644 "$tmp/token"
pull hf:o/secret --token-file "$tmp/token"
rc_is "a file others may read" 3
chmod 600 "$tmp/token"
: >"$hub/log"
pull hf:o/secret --token-file "$tmp/token"
rc_is "with the token" 0
ok "the hub got it" grep -q 'hub.*token' "$hub/log"
is "nobody else" "$(grep -c 'cdn.*token' "$hub/log")" 0
echo wrong-token-x >"$tmp/token"
rm -r "$store"
pull hf:o/secret --token-file "$tmp/token"
rc_is "another token" 7
is "is never shown" "$(printf '%s%s' "$out" "$err" | grep -c wrong-token-x)" 0

# ---- sums ----
clean
pull hf:o/badsum --json
is "not what the hub promised" "$rc$(code)" 7model.checksum
is "nothing of it is kept" "$(find "$store" -type f | wc -l)" 0
pull "$at/ok/tiny.gguf" --sha256 "$(sha256sum <"$hub/tiny.gguf" | cut -c1-64)"
rc_is "a sum of one's own" 0

# ---- ranges and resuming ----
clean
pull "$at/ok/big.gguf"
same "several ranges" big.gguf big.gguf
is "were several" "$(grep -c 'ok/big.gguf bytes=[1-9]' "$hub/log")" 1
for mode in reset busy notag relative norange liar nrreset; do
  clean
  pull "$at/$mode/big.gguf"
  case $mode in
  nrreset)
    rc_is "no ranges, and it always ends early" 7
    ok "is never put together from pieces" test ! -e "$store/big.gguf"
    ;;
  *) rc_is "$mode" 0
     same "$mode: whole" big.gguf big.gguf ;;
  esac
done
clean
tail -c +5 "$hub/big.gguf" | tr '\0-\377' '\1-\377\0' | { printf GGUF; cat; } >"$hub/other.gguf"
pull "$at/swapped/big.gguf" --retries 3
rc_is "another file meanwhile, and a server that does not say so" 0
same "is never put together from both" other.gguf big.gguf
clean
pull "$at/wrong/big.gguf"
rc_is "other ranges than asked for" 7
ok "is no model" test ! -e "$store/big.gguf"
clean
pull "$at/huge/big.gguf" --json
is "no room" "$rc$(code)" 6model.no_space
clean
pull "$at/stuck/big.gguf"
rc_is "a server that stops for good" 7
ok "what came is kept" test -s "$store/.big.gguf.hal0-part"
: >"$hub/log"
have=$(have)
sed 's/stuck/ok/' "$store/.big.gguf.hal0-state" >"$tmp/s" && cat "$tmp/s" >"$store/.big.gguf.hal0-state"
pull "$at/ok/big.gguf"
same "goes on elsewhere, with the same tag" big.gguf big.gguf
ok "from where it was ($have)" test "$have" -gt 1000000
is "never from the start" "$(grep -c 'ok/big.gguf bytes=0-[1-9]' "$hub/log")" 0

# ---- interrupted ----
clean
for sig in INT KILL; do
  rc=0
  background '' "$at/slow/big.gguf"
  until_true under_way
  kill -$sig $puller
  wait $puller 2>/dev/null || rc=$?
  is "$sig ends it" $rc $((128 + $([ $sig = INT ] && echo 2 || echo 9)))
  ok "$sig: no model yet" test ! -e "$store/big.gguf"
done
ok "there is something ($(have))" under_way
: >"$hub/log"
pull "$at/ok/big.gguf"
same "and goes on" big.gguf big.gguf
clean
background '' "$at/changes/big.gguf"
until_true under_way
kill -INT $puller
wait $puller
: >"$hub/changed"
pull "$at/changes/big.gguf"
same "another tag: from the start" big.gguf big.gguf

# ---- two at once ----
clean
background 1 "$at/slow/big.gguf" --json
one=$puller
until_true under_way
background 2 "$at/slow/big.gguf"
two=$puller
until_true grep -q "another pulls it" "$tmp/e2"
: >"$hub/go"
wait $one
is "the first" $? 0
wait $two
is "the second joins" $? 0
same "one file" big.gguf big.gguf
is "fetched once" "$(grep -c 'slow/big.gguf bytes=[1-9]' "$hub/log")" 1
like "the second shows how far" "$(cat "$tmp/e2")" "*another pulls it*"
clean
background 1 "$at/slow/big.gguf"
one=$puller
until_true under_way
background 2 "$at/ok/big.gguf"
two=$puller
until_true grep -q "another pulls it" "$tmp/e2"
kill -KILL $one
wait $one 2>/dev/null
wait $two
is "the first dies: the second takes over" $? 0
same "whole" big.gguf big.gguf

# ---- a state nobody can go on from ----
clean
background '' "$at/slow/big.gguf"
until_true under_way
kill -INT $puller
wait $puller
for state in '' '{' '{"schema":1,"bytes":1}' '{"etag":"\"big.gguf-0\"","bytes":-5,"ranges":[[0,9,1]]}'; do
  printf %s "$state" >"$store/.big.gguf.hal0-state"
  : >"$hub/log"
  pull "$at/ok/big.gguf"
  same "from the start after the state '$state'" big.gguf big.gguf
  ok "all of it" grep -q 'ok/big.gguf bytes=0-[1-9]' "$hub/log"
  mv "$store/big.gguf" "$store/.big.gguf.hal0-part"
done

# ---- a disk that is full ----
if unshare -rm true 2>/dev/null; then
  clean
  mkdir -p "$store"
  run unshare -rm sh -c "mount -t tmpfs -o size=30m none '$store' && head -c 12000000 /dev/zero >'$store/x' &&
    '$model' pull --ca-file '$tmp/cert' '$at/ok/big.gguf' --json"
  is "no room is seen before" "$rc$(code)" 6model.no_space
  clean
  mkdir -p "$store"
  cat >"$tmp/fills" <<END
mount -t tmpfs -o size=100m none '$store'
'$model' pull --ca-file '$tmp/cert' '$at/slow/big.gguf' --json >'$tmp/o' 2>'$tmp/e' </dev/null &
pid=\$!
while [ ! -s '$store/.big.gguf.hal0-state' ]; do sleep 0.05; done
head -c 200000000 /dev/zero >'$store/x' 2>/dev/null
wait \$pid
echo \$? \$(ls '$store')
rm '$store/x'
: >'$hub/log'
'$model' pull --ca-file '$tmp/cert' '$at/ok/big.gguf' >>'$tmp/o' 2>>'$tmp/e' </dev/null
echo \$?
cmp '$store/big.gguf' '$hub/big.gguf' && echo whole
END
  run unshare -rm sh "$tmp/fills"
  is "a disk that fills up meanwhile, then has room again" "$(printf %s "$out" | tr '\n' ' ')" "6 x 0 whole"
  is "its code" "$(head -1 "$tmp/e" | jq -r .error.code 2>/dev/null)" model.no_space
  like "what it says" "$(cat "$tmp/e")" "*cannot write*No space left*"
  is "what had come was not fetched again" "$(grep -c 'ok/big.gguf bytes=0-[1-9]' "$hub/log")" 0
else
  ok "a full disk # SKIP no mount namespace" true
fi
tap_done
