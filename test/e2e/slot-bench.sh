#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0 slot bench against real llama-servers with a tiny model: alone, two at once, in a small
# context, and slots that do not run.
. "$HAL0_SOURCE/test/e2e/real.sh"
needs jq
needs_image "$image"
export HAL0_HOME="$tmp/home" NO_COLOR=1
unset HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE HAL0_SYSROOT
slot=$HAL0_BUILD/cmd/hal0-slot
a=bench-a b=bench-b
tap_cleanup() {
  for _s in $a $b; do podman rm --force --time 1 "hal0-slot-$_s" >/dev/null 2>&1; done
  rm -rf "$tmp"
}
chmod 755 "$tmp"
store=$HAL0_HOME/var-lib/hal0/models
mkdir -p "$store" "$HAL0_HOME/etc/hal0/slots"
printf '[slots]\nport_range_start = 9850\nport_range_end = 9899\n' >"$HAL0_HOME/etc/hal0/hal0.toml"
"$HAL0_BUILD/scripts/tiny-gguf" "$store/tiny.gguf" >/dev/null
(cd "$store" && sha256sum tiny.gguf >tiny.gguf.sha256)
"$slot" create $a --model tiny --port 9850 --device cpu --ctx 2048 --image "$image" >/dev/null
"$slot" create $b --model tiny --port 9851 --device cpu --ctx 256 --image "$image" >/dev/null
"$slot" set $a "server.extra_args=--parallel 1" >/dev/null
"$slot" set $b "server.extra_args=--parallel 1" >/dev/null
# shellcheck disable=SC2016
says() { ok "$1" sh -c 'printf "%s" "$1" | jq -es ".[0] | ($2)"' sh "$out" "$2"; }

run "$slot" bench $a
rc_is "a slot that does not run" 1
like "what to do" "$err" "*hal0 slot start $a*"
run "$slot" start $a $b
rc_is "two slots" 0
run "$slot" bench $a --dry-run --plot "$tmp/d.svg"
rc_is "dry run" 0
like "says what it would do" "$out" "would measure $a: pp512 tg128, 3 times*bench.jsonl: 1 line*would write $tmp/d.svg"
ok "and does not" test ! -e "$HAL0_HOME/var-lib/hal0/bench.jsonl" -a ! -e "$tmp/d.svg"
run "$slot" bench $a --json
rc_is "measured" 0
says "sizes" '.items[0] | .prompt_tokens == 512 and .answer_tokens == 128 and .runs == 3 and .together == 1'
says "speeds" '.items[0] | .prompt_tok_s > 0 and .decode_tok_s > 0 and .first_token_ms > 0 and .round_trip_ms > 0'
says "bounds" '.items[0] | .decode_low_tok_s <= .decode_tok_s and .decode_tok_s <= .decode_high_tok_s'
says "model, image and machine" '.items[0] | (.model | endswith("/tiny.gguf")) and (.kernel | length) > 0 and (.hardware | length) > 0 and (.image | length) > 0'
is "the model's sum" "$(printf %s "$out" | jq -r '.items[0].model_sha256' | sed 's/^sha256://')" "$(cut -d' ' -f1 "$store/tiny.gguf.sha256")"
says "the first has nothing to compare with" '.items[0].decode_change_percent == null'
says "what the processors allow" '.items[0] | .ceiling_source == "measured" and .decode_ceiling_tok_s > .decode_tok_s and
  .prompt_ceiling_tok_s > 0 and .decode_of_ceiling_percent > 0 and .prompt_of_ceiling_percent > 0'
printf '# figure: %s\n' "$(printf %s "$out" | jq -c '.items[0] | {prompt_tok_s, decode_tok_s, first_token_ms, round_trip_ms, memory_bandwidth_gbs, arithmetic_gflops, arithmetic_type,
  decode_of_ceiling_percent, prompt_of_ceiling_percent}')"
run "$slot" bench $a --runs 1 --json
says "the second is compared" '.items[0].decode_change_percent | type == "number"'
run "$slot" bench $a $b --runs 1 --json
rc_is "two at once" 0
says "both" '[.items[].together] == [2, 2]'
says "as the context allows" '.items[1] | .prompt_tokens == 191 and .answer_tokens == 64'
run "$slot" bench $a --runs 1 --markdown --plot "$tmp/b.svg"
rc_is "markdown and a picture" 0
like "a row" "$out" "| slot |*| $a | tiny.gguf |*pp512 tg128*"
like "a picture" "$(cat "$tmp/b.svg")" "<svg *$b*</svg>"
is "all is kept" "$(wc -l <"$HAL0_HOME/var-lib/hal0/bench.jsonl")" 5

timeout --preserve-status -s INT 1 env --default-signal=INT "$slot" bench $a --runs 100 >"$tmp/int" 2>&1
is "Ctrl-C" "$?" 130
is "keeps nothing" "$(wc -l <"$HAL0_HOME/var-lib/hal0/bench.jsonl")" 5
run "$slot" bench $a $b --runs 1
rc_is "and leaves the slot well" 0
like "a small context is said" "$err" "*$b: its context is 256 tokens*"
tap_done
