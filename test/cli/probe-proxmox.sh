#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-probe memory against a real HTTPS server that plays Proxmox.
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
command -v openssl >/dev/null || skip_all "openssl is not installed"
command -v python3 >/dev/null || skip_all "python3 is not installed"
probe=$HAL0_BUILD/cmd/hal0-probe
HAL0_HOME=$tmp/home
HAL0_SYSROOT=$tmp/halo-lxc-priv
export HAL0_HOME HAL0_SYSROOT
etc=$HAL0_HOME/etc/hal0
mkdir -p "$etc"
sh "$HAL0_SOURCE/test/machines/make.sh" halo-lxc-priv "$HAL0_SYSROOT"
token=5ecre7-70ken-5ecre7-70ken

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=pve \
  -addext "subjectAltName=IP:127.0.0.1" -keyout "$tmp/key" -out "$tmp/cert" 2>/dev/null
print=$(openssl x509 -in "$tmp/cert" -noout -fingerprint -sha256 | sed 's/.*=//')
echo ok >"$tmp/mode"
: >"$tmp/log"
python3 "$HAL0_SOURCE/test/cli/pve-server.py" "$tmp/cert" "$tmp/key" "$tmp" >"$tmp/port" 2>"$tmp/server.err" &
server=$!
# shellcheck disable=SC2317
tap_cleanup() {
  kill "$server" 2>/dev/null
  rm -rf "$tmp"
}
until_file "$tmp/port"
port=$(cat "$tmp/port")

gib=1073741824
node() { printf '{"type": "node", "node": "%s", "maxmem": %s, "mem": %s, "cpu": 0.25}' "$1" "$2" "$3"; }
guest() { printf '{"type": "lxc", "node": "%s", "vmid": %s, "name": "%s", "status": "%s"}' "$1" "$2" "$3" "$4"; }
answer() { printf '{"data": [%s]}' "$1" >"$tmp/answer"; }
answer "$(node pve1 $((64 * gib)) $((60 * gib))), $(node pve2 $((124 * gib)) $((50 * gib))),
  $(guest pve1 101 web running), $(guest pve2 102 halo-lxc-priv running)"

config() { # EXTRA KEYS OF "proxmox"
  printf '{"proxmox": {"host": "127.0.0.1", "port": %s%s}, "auth": {"user": "root@pam",
    "token_name": "hal0", "token_value": "%s"}}' "$port" "$1" "$token" >"$etc/proxmox.json"
  chmod 600 "$etc/proxmox.json"
}
# shellcheck disable=SC2016
says() { ok "$1: $2" sh -c 'printf "%s" "$1" | jq -e "$2"' sh "$out" "$2"; }
secret() { # NAME: the token is in no output of the last run
  case $out$err in
  *"$token"*) tap_result 1 "$1: no token in the output" ;;
  *) tap_result 0 "$1: no token in the output" ;;
  esac
}

run "$probe" memory --json
says "without proxmox.json" '.proxmox.configured == false and ([.items[].segment] | index("proxmox-host") | not)'

config ", \"ca_file\": \"$tmp/cert\""
run "$probe" memory --json
rc_is "asked" 0
says "the node that hosts us" '.proxmox.ok and .proxmox.node == "pve2"'
says "the host's memory is the bar" '.items[0].total_bytes == (124 + 1) * 1073741824'
# 50 GiB in use there, less the container's own 24576000 KiB and the 25 MiB of GTT
says "its part" '(.items[] | select(.segment == "proxmox-host").bytes) == 50 * 1073741824 - 24576000 * 1024 - 26214400'
says "sum" '([.items[].bytes] | add) == .items[0].total_bytes'
says "what it leaves" '.binding_limit == "lxcfs-memtotal"'
secret "asked"
cp "$tmp/answer" "$tmp/answer.kept"
answer "$(node pve2 $((124 * gib)) $((100 * gib))), $(guest pve2 102 halo-lxc-priv running)"
run "$probe" memory --json
says "a full host binds" '.binding_limit == "proxmox-host-free"'
budget=$(printf '%s' "$out" | jq .budget_mib)
run "$probe" recommend --json
says "recommend says the same" ".budget_bytes == $budget * 1048576 and .binding_limit == \"proxmox-host-free\""
secret "recommend"
run "$probe" doctor --json
says "and doctor" '.items[] | select(.code == "memory-budget").fact | test("proxmox-host-free binds")'
secret "doctor"
mv "$tmp/answer.kept" "$tmp/answer"
like "with the token" "$(cat "$tmp/log")" "/api2/json/cluster/resources PVEAPIToken=root@pam!hal0=$token*"

if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
  strace -f -s 65536 -x -o "$tmp/trace" "$probe" memory --json >/dev/null 2>&1
  ok "the token is read" grep -q "read.*$token" "$tmp/trace"
  is "and passed to nothing, in the clear" "$(grep -- "$token" "$tmp/trace" | grep -cvE '^[0-9]+ +p?read(64)?\(')" 0
  is "no program is run" "$(grep -c 'execve(' "$tmp/trace")" 1
  # cores are off before the file is read
  off=$(grep -n 'PR_SET_DUMPABLE, SUID_DUMP_DISABLE' "$tmp/trace" | head -n 1 | cut -d: -f1)
  read=$(grep -n -- "$token" "$tmp/trace" | head -n 1 | cut -d: -f1)
  ok "no core could hold it" test "${off:-99999999}" -lt "$read"
fi

config ", \"fingerprint\": \"$print\""
run "$probe" memory --json
says "a fingerprint will do" '.proxmox.ok'
: >"$tmp/log"
config ", \"fingerprint\": \"$(echo "$print" | tr '0-9' '1-90')\""
run "$probe" memory --json
rc_is "another certificate: the local view" 0
says "another certificate" '.proxmox.ok == false and (.proxmox.error | test("another certificate"))'
is "and the token was not sent" "$(cat "$tmp/log")" ""
config ""
run "$probe" memory --json
says "a certificate nobody vouches for" '.proxmox.ok == false'
is "and the token was not sent" "$(cat "$tmp/log")" ""
secret "bad certificate"
like "says so" "$err" "*certificate*"
config ', "verify_ssl": false'
run "$probe" memory --json
says "verification off" '.proxmox.ok'
like "with a warning" "$err" "*verify_ssl*"

config ", \"ca_file\": \"$tmp/cert\""
for m in 401 garbage huge cut; do
  echo $m >"$tmp/mode"
  run "$probe" memory --json
  rc_is "$m: the local view" 0
  says "$m" '.proxmox.ok == false and (.proxmox.error | length) > 10 and (.items | length) > 0'
  secret $m
done
echo slow >"$tmp/mode"
before=$(date +%s)
run "$probe" memory --json
says "slow" '.proxmox.ok == false'
ok "slow: given up in time" test $(($(date +%s) - before)) -lt 50
echo >"$tmp/answer-now"
echo ok >"$tmp/mode"
answer "$(node a $((64 * gib)) $gib), $(node b $((64 * gib)) $gib)"
run "$probe" memory --json
says "a cluster that does not know us" '.proxmox.ok == false and (.proxmox.error | test("no node"))'

# hal0 status has the same bar
config ", \"ca_file\": \"$tmp/cert\""
echo ok >"$tmp/mode"
answer "$(node pve2 $((124 * gib)) $((50 * gib))), $(guest pve2 102 halo-lxc-priv running)"
status=$HAL0_BUILD/cmd/hal0-status
run "$status" --json
rc_is "status: asked" 0
says "status: the host's part" '.machine.proxmox.node == "pve2" and .machine.bars[0].proxmox_host_bytes == 50 * 1073741824 - 24576000 * 1024 - 26214400'
says "status: the bar is whole" '.machine.bars[0] | .total_bytes == 125 * 1073741824 and ([to_entries[] | select(.key | endswith("_bytes") and . != "total_bytes").value] | add) == .total_bytes'
secret "status"
run "$status"
like "status: for people" "$out" "*Unified memory of the Proxmox host: *Proxmox host 2*"
: >"$tmp/log"
"$status" --watch --interval 1s >"$tmp/watch" 2>&1 &
watch=$!
# shellcheck disable=SC2016
ok "status: watched" until_true eval '[ "$(grep -c "Proxmox host [0-9]" "$tmp/watch")" -gt 1 ]'
kill $watch
wait $watch 2>/dev/null
is "status: the host is asked once" "$(grep -c resources "$tmp/log")" 1
printf '{"data": []}' >"$tmp/answer"
run "$status"
rc_is "status: a host that does not know us is no failure" 0
like "status: it is said" "$err" "*no node*"
like "status: and the rest is there" "$out" "halo-lxc-priv: *"

chmod 644 "$etc/proxmox.json"
run "$status"
rc_is "status: readable by others" 3
like "status: the rest is there" "$out" "halo-lxc-priv: *"
secret "status: readable by others"
run "$probe" memory
rc_is "readable by others" 3
like "with the command" "$err" "*chmod 600 $etc/proxmox.json*"
secret "readable by others"
printf '{"auth": {"token_value": "%s" oops' "$token" >"$etc/proxmox.json"
chmod 600 "$etc/proxmox.json"
run "$probe" memory --json
rc_is "no JSON" 3
like "its code" "$err" "*proxmox.config_invalid*"
secret "no JSON"
printf '{"proxmox": {"host": "a b"}, "auth": {"token_value": "%s"}}' "$token" >"$etc/proxmox.json"
run "$probe" memory
rc_is "a bad host" 3
like "names the key" "$err" "*proxmox.host*"
tap_done
