#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-route serve as a program: how it starts and ends, what it writes down, what it measures.
. "${HAL0_SOURCE:?}/test/tap.sh"
for t in curl jq perl; do
  command -v $t >/dev/null 2>&1 || skip_all "$t is not installed"
done
export HAL0_HOME="$tmp/home" NO_COLOR=1
pids=
tap_cleanup() {
  for p in $pids; do kill "$p" 2>/dev/null; done
  rm -rf "$tmp"
}
# The program finds the hal0-slot beside itself: one that only says what it was told, and takes as long
# as the test wants.
mkdir -p "$tmp/bin" "$HAL0_HOME/etc/hal0/slots"
cp "$HAL0_BUILD/cmd/hal0-route" "$tmp/bin/"
cat >"$tmp/bin/hal0-slot" <<SH
#!/bin/sh
echo "\$*" >>"$tmp/loads"
sleep 2
until [ -e "$tmp/loaded" ]; do sleep 0.05; done
SH
chmod 755 "$tmp/bin/hal0-slot"
PATH=$tmp/bin:$PATH
"$HAL0_BUILD/test/cli/stand-in" 8140 8169 "$tmp/log" >"$tmp/ports" &
pids=$!
until_file "$tmp/ports"
read -r port closed <"$tmp/ports" || skip_all "no free ports from 8140 to 8169"
slot() { # NAME PORT
  printf 'name = "%s"\ntype = "llm"\nport = %s\ndevice = "cpu"\n[model]\ndefault = "%s-model"\n' "$1" "$2" "$1" \
    >"$HAL0_HOME/etc/hal0/slots/$1.toml"
}
slot main "$port"
slot cold "$closed"
serve() { # OPTIONS...: its process in $pid, its address in $url
  : >"$tmp/said"
  hal0-route serve --port 0 --json "$@" >"$tmp/said" 2>"$tmp/note" &
  pid=$!
  pids="$pids $pid"
  until_true jq -e .url "$tmp/said"
  url=$(jq -r .url "$tmp/said")
}
gone() { # PID: no such process, or only its remains
  [ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"
}
ended() { # $rc
  rc=0
  until_true gone "$pid"
  kill -9 "$pid" 2>/dev/null || :
  wait "$pid" || rc=$?
}
chat() { # MODEL [CURL OPTIONS]
  _m=$1
  shift
  curl -s -m 120 "$url/v1/chat/completions" "$@" -d "{\"model\":\"$_m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
}

# ---- a request, and what is written down of it
serve --wait 0s
is "its process is told" "$(jq .pid "$tmp/said")" "$pid"
run hal0-route serve --port "${url##*:}"
rc_is "the same port a second time" 4
like "is named" "$err" "*127.0.0.1:${url##*:}*taken*"
like "an answer" "$(chat main | jq -r '.choices[0].message.content')" "model main-model*"
chat main -D "$tmp/head" -H 'X-Request-Id: mine-7' >"$tmp/out"
ok "with the id it was asked with" grep -qi '^x-request-id: mine-7' "$tmp/head"
used=$HAL0_HOME/run/hal0/slots/main/used
until_true grep -q '^0' "$used"
is "the use of the slot is written down" "$(cat "$used")" 0
n=0
until [ "$(find "$used" -mmin +30)" ] || [ $n = 10 ]; do # a report may be under way
  touch -d '1 hour ago' "$used"
  sleep 1.2
  n=$((n + 1))
done
ok "and stays as it is while nobody asks" test $n -lt 10

# ---- a slot that must be loaded
mkdir -p "$HAL0_HOME/var-lib/hal0/slots/cold"
for i in 1 2 3 4 5 6 7 8; do
  chat cold -D "$tmp/head.$i" >"$tmp/cold.$i" &
  eval "p$i=\$!"
done
for i in 1 2 3 4 5 6 7 8; do eval "wait \$p$i" || :; done
is "who cannot wait is told that the slot loads" "$(cat "$tmp"/cold.* | jq -r .error.code | sort | uniq -c | tr -d ' ')" "8slot.loading"
is "and when to come back: nothing is known yet" "$(sed -n 's/^Retry-After: \([0-9]*\).*/\1/p' "$tmp/head.1")" 15
is "one load for all of them" "$(cat "$tmp/loads")" "start cold --json --quiet"
touch "$tmp/loaded"
learned=$HAL0_HOME/var-lib/hal0/slots/cold/load_ms
until_file "$learned"
ok "how long it took is remembered: $(cat "$learned") ms" test "$(cat "$learned")" -ge 2000
kill "$pid"
ended
is "SIGTERM ends it well" "$rc" 0

# ---- the next one knows how long it takes
rm "$tmp/loaded"
echo 100000 >"$learned"
serve --wait 0s
retry_after() { # $got; the answer in $tmp/out
  chat cold -D "$tmp/head" >"$tmp/out"
  got=$(sed -n 's/^Retry-After: \([0-9]*\).*/\1/p' "$tmp/head")
}
retry_after
first=$got
ok "Retry-After is what loading took before ($first)" test "${first:-0}" -gt 30 -a "${first:-0}" -le 100
less() {
  retry_after
  [ "${got:-$first}" -lt $((first - 1)) ]
}
ok "and counts down" until_true less
like "with the part that is done" "$(jq -r .error.details.progress "$tmp/out")" "0.[0-9]*"
touch "$tmp/loaded"

# ---- changed files
printf 'port = \n' >"$HAL0_HOME/etc/hal0/slots/main.toml"
slot other "$port"
# shellcheck disable=SC2016
ok "a broken slot file does not keep new ones away" until_true eval '[ "$(curl -s "$url/v1/models" | grep -c other-model)" -ge 1 ]'
lists() { # ID
  curl -s "$url/v1/models" | jq -e --arg id "$1" '[.data[].id] | index($id)' >/dev/null
}
cp -r "$HAL0_HOME/etc/hal0" "$tmp/restored"
mv "$HAL0_HOME/etc/hal0" "$tmp/replaced"
mv "$tmp/restored" "$HAL0_HOME/etc/hal0"
slot third "$port"
ok "another directory in the place of the first" until_true lists third-model
slot fourth "$port"
ok "and what changes in it" until_true lists fourth-model
rm "$HAL0_HOME/etc/hal0/slots/third.toml" "$HAL0_HOME/etc/hal0/slots/fourth.toml"
is "and is named to who asks for it" "$(chat main | jq -r .error.message | grep -c 'slots/main.toml:1:')" 1
slot main "$port"
# shellcheck disable=SC2016
ok "mended, it answers again" until_true eval '[ "$(chat main | grep -c main-model)" -ge 1 ]'

# ---- /metrics as Prometheus reads it
curl -s "$url/metrics" >"$tmp/metrics"
is "each sample belongs to the kind that was told before it" "$(awk '
  /^# TYPE / { if (seen[$3]++) print "twice", $3; kind = $4; name = $3; next }
  /^#/ { next }
  { split($1, m, "{"); base = m[1]
    if (kind == "histogram") sub(/_(bucket|sum|count)$/, "", base)
    if (base != name || $2 !~ /^[0-9.e+-]+$/ || NF != 2) print "stray", $0
    if (kind == "counter" && base !~ /_total$/) print "counter", base }' "$tmp/metrics")" ""
is "buckets grow, and the last is the count" "$(awk '
  /_bucket\{/ { key = $1; sub(/,le=.*/, "", key); if (key == last && $2 < before) print "shrinks", $0
    last = key; before = $2; next }
  /_count\{/ { if ($2 != before) print "count", $0 }' "$tmp/metrics")" ""
ok "requests by slot and status" grep -q '^hal0_requests_total{slot="main",status="2xx"} [1-9]' "$tmp/metrics"
kill "$pid"
ended

# ---- sockets from systemd: two lives of the program behind one socket
cat >"$tmp/socket.pl" <<'PERL'
use Socket;
use POSIX ();
$^F = 20;
socket(my $s, PF_INET, SOCK_STREAM, 0) or die;
bind($s, sockaddr_in(0, INADDR_LOOPBACK)) or die;
listen($s, 16) or die;
open(my $f, '>', $ARGV[0]) or die;
print $f((sockaddr_in(getsockname($s)))[0], "\n");
close($f);
for my $life (1, 2) {
	my $r = '';
	vec($r, fileno($s), 1) = 1;
	select($r, undef, undef, 120) or die "nobody came";
	my $pid = fork();
	if (!$pid) {
		POSIX::dup2(fileno($s), 3);
		$ENV{LISTEN_PID} = $$;
		$ENV{LISTEN_FDS} = 1;
		exec('hal0-route', 'serve', '--idle-exit', '1s', '--quiet');
	}
	waitpid($pid, 0);
	open($f, '>>', $ARGV[1]) or die;
	print $f($? >> 8, "\n");
	close($f);
}
PERL
perl "$tmp/socket.pl" "$tmp/given" "$tmp/ends" 2>"$tmp/note" &
pids="$pids $!"
until_file "$tmp/given"
url=http://127.0.0.1:$(cat "$tmp/given")
like "who knocks first brings it up" "$(chat main | jq -r '.choices[0].message.content')" "model main-model*"
until_file "$tmp/ends"
is "nobody asks, and it ends by itself" "$(cat "$tmp/ends")" 0
like "the socket stays: the next one brings it up again" "$(chat main | jq -r '.choices[0].message.content')" "model main-model*"

# ---- before there is any configuration
HAL0_HOME=$tmp/later
serve
mkdir -p "$HAL0_HOME/etc/hal0/slots"
slot first "$port"
ok "a configuration that comes later is read" until_true lists first-model
tap_done
