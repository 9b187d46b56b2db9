#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-slot bench with a stand-in server and a podman that says it runs; real ones are in
# test/e2e/slot-bench.sh.
# shellcheck disable=SC2016
# shellcheck source=test/tap.sh
. "$HAL0_SOURCE/test/tap.sh"
for t in jq python3; do command -v $t >/dev/null || skip_all "$t is not installed"; done
slot=$HAL0_BUILD/cmd/hal0-slot
export HAL0_HOME="$tmp/home" HAL0_PODMAN="$tmp/podman"
unset HAL0_MODEL_STORE HAL0_PODMAN_TIMEOUT
port=9855 kept=$HAL0_HOME/var-lib/hal0/bench.jsonl
mkdir -p "$HAL0_HOME/etc/hal0/slots" "$HAL0_HOME/var-lib/hal0/models"
printf '[slots]\nport_range_start = 9850\nport_range_end = 9899\n' >"$HAL0_HOME/etc/hal0/hal0.toml"
"$HAL0_BUILD/scripts/tiny-gguf" "$HAL0_HOME/var-lib/hal0/models/tiny.gguf" >/dev/null
for s in bench-a:llm:$port bench-b:llm:9856 bench-c:embedding:9857; do
  printf 'port = %s\ntype = "%s"\ndevice = "cpu"\nimage = "localhost/hal0-fake:1"\n[model]\ndefault = "tiny"\n' \
    "${s##*:}" "$(echo "$s" | cut -d: -f2)" >"$HAL0_HOME/etc/hal0/slots/${s%%:*}.toml"
done
jq -n --arg home "$HAL0_HOME" --arg port $port '[{Id: ("a" * 64), Names: ["hal0-slot-bench-a"], State: "running",
  Image: "localhost/hal0-fake:1", Pid: 1, StartedAt: 1, Labels: {"io.hal0.slot": "bench-a",
  "io.hal0.home": $home, "io.hal0.port": $port, "io.hal0.provider": "llama-server"}}]' >"$tmp/ps"
printf '#!/bin/sh\ncase $1 in ps) cat %s/ps ;; *) echo "[]" ;; esac\n' "$tmp" >"$tmp/podman"
chmod 755 "$tmp/podman"
says() { ok "$1" sh -c 'printf "%s" "$1" | jq -es ".[0] | ($2)"' sh "$out" "$2"; }

run "$slot" bench
rc_is "no slot" 2
run "$slot" bench bench-x
rc_is "no such slot" 2
run "$slot" bench bench-c
rc_is "one that does not chat" 2
run "$slot" bench bench-a bench-a
rc_is "one twice" 2
run "$slot" bench bench-a --runs 0
rc_is "no run" 2
run "$slot" bench bench-b --json
rc_is "one that does not run" 1
is "its code" "$(printf %s "$err" | jq -r .error.code)" slot.not_ready
run "$slot" bench bench-a
rc_is "a server that is gone" 1
like "what to do" "$err" "*hal0 slot start bench-a*"
run "$slot" bench --history --json
rc_is "nothing was measured yet" 0
says "an empty list" '.items == []'

echo well >"$tmp/mode"
python3 "$HAL0_SOURCE/test/cli/bench-server.py" $port "$tmp/mode" 2>"$tmp/server.err" &
server=$!
tap_cleanup() {
  kill "$server" 2>/dev/null
  rm -rf "$tmp"
}
until_true python3 -c "import socket; socket.create_connection(('127.0.0.1', $port))"
run "$slot" bench bench-a --json --dry-run
rc_is "dry run" 0
says "sizes, and nothing measured" '.dry_run and .changed and (.items[0] | .prompt_tokens == 383 and .decode_tok_s == null and .measured_at == null)'
ok "and nothing kept" test ! -e "$kept"
run "$slot" bench bench-a --json
rc_is "measured" 0
says "it wrote" '.changed and .dry_run == null'
says "of the processors it says what they can do" '.items[0] | .ceiling_source == "measured" and .arithmetic_gflops > 0 and (.arithmetic_type | length) > 0 and .prompt_ceiling_tok_s > 0'
says "what the server says" '.items[0] | .prompt_tok_s == 1000.5 and .decode_tok_s == 50.25 and .decode_low_tok_s == 50.25'
says "as its context allows" '.items[0] | .prompt_tokens == 383 and .answer_tokens == 128 and .context == 512'
printf 'garbage\n{"slot":1}\n\n' >>"$kept"
run "$slot" bench bench-a --runs 1 --json
says "compared with the last, past garbage" '.items[0].decode_change_percent == 0'
run "$slot" bench bench-a --runs 1 --markdown
like "a row of Markdown" "$out" "| slot |*| bench-a | tiny.gguf |*| pp383 tg128 | 1000.5 (1000.5 to 1000.5) |*"
like "and said" "$err" "*its context is 512 tokens: measured with 383 and 128*"
like "progress" "$err" "*warming up*run 1 of 1*"
is "kept without garbage" "$(jq -c .slot "$kept" | sort | uniq -c | tr -s ' ')" ' 3 "bench-a"'
run "$slot" bench --history bench-a --plot "$tmp/p.svg"
rc_is "a picture" 0
like "of what is kept" "$(cat "$tmp/p.svg")" "<svg *bench-a*</svg>"
for m in loading:5 nonsense:7 cached:7; do
  echo "${m%:*}" >"$tmp/mode"
  run "$slot" bench bench-a --runs 1
  rc_is "a server: ${m%:*}" "${m#*:}"
done
is "failures are not kept" "$(wc -l <"$kept")" 3
tap_done
