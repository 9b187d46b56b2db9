#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-route at the shell, against a server that stands in for llama-server.
. "${HAL0_SOURCE:?}/test/tap.sh"
PATH=$HAL0_BUILD/cmd:$PATH
export HAL0_HOME="$tmp/home" NO_COLOR=1
route=hal0-route
standin=
tap_cleanup() {
  [ -z "$standin" ] || kill "$standin" 2>/dev/null
  rm -rf "$tmp"
}

"$HAL0_BUILD/test/cli/stand-in" 8140 8169 "$tmp/log" >"$tmp/ports" &
standin=$!
until_file "$tmp/ports"
read -r port closed <"$tmp/ports" || skip_all "no free ports from 8140 to 8169"

slot() { # NAME TYPE PORT MODEL [MORE LINES]
  mkdir -p "$HAL0_HOME/etc/hal0/slots"
  printf 'name = "%s"\ntype = "%s"\nport = %s\ndevice = "cpu"\n%b\n[model]\ndefault = "%s"\n' \
    "$1" "$2" "$3" "${5-}" "$4" >"$HAL0_HOME/etc/hal0/slots/$1.toml"
}
last() { tail -n 1 "$tmp/log"; }

# ---- no slots at all
run $route
rc_is "table without any slot" 0
run $route explain gpt-4
rc_is "explain without any slot" 1
like "says what is missing" "$err" "*no slot of type llm*"
run $route call primary hello
rc_is "call without any slot" 1

slot primary llm "$port" tiny 'system_prompt = ""'
slot brief llm "$port" tiny2 'system_prompt = "Be brief."\nenable_thinking = false'
slot down llm "$closed" absent
slot embed embedding "$port" /srv/bge-m3.gguf
slot rerank reranking "$port" ranker
slot tts tts "$port" "" 'provider = "kokoro"'
slot stt transcription "$port" whisper 'provider = "moonshine"'
slot img image 8188 sdxl 'provider = "comfyui"'

# ---- table, explain
run $route --format '{path} {slot} {rule}'
like "the table names who answers" "$out" "*/v1/embeddings embed anchor*"
run $route table --json
is "table as JSON" "$(printf '%s' "$out" | jq -r '.items[] | select(.path == "/v1/rerankings") | .slot, .sent_path' | tr '\n' ' ')" \
  "rerank /v1/rerank "
run $route explain tiny
rc_is "explain a model" 0
like "prints where it goes" "$out" "*http://127.0.0.1:$port/v1/chat/completions*"
run $route explain /v1/rerankings --json
is "a lone argument with a slash is a path" "$(printf '%s' "$out" | jq -r '.slot + " " + .path + " " + .rule')" \
  "rerank /v1/rerank anchor"
run $route explain gpt-4 --json
is "explain tells every step" "$(printf '%s' "$out" | jq -r '[.steps[] | (if .taken then "+" else "-" end) + .rule] | join(" ")')" \
  "-loaded -slot name -model -default +anchor +endpoint -state +rewrite"
run $route explain -d '{"messages":[{"model":"no"}],"model":"tiny2"}'
rc_is "the model from a body" 0
like "found wherever it stands" "$out" "*brief*"
printf '{"model":"hal0/embed"}' >"$tmp/req.json"
run $route explain -d "@$tmp/req.json" --path /v1/embeddings --format '{slot} {model}'
is "from a file; the path's name goes out as the id" "$out" "embed bge-m3"
run $route explain embed --path /v1/chat/completions
rc_is "a slot of the wrong type" 1
like "is told apart from none" "$err" "*type embedding*needs*llm*"
run $route explain hal0/primry
rc_is "an unknown virtual name" 1
like "gets the nearest" "$err" "*did you mean hal0/primary*"
run $route explain /v1/chat/completions -d '{"model":null}' --format '{slot}'
is "no model by name is none, as for serve" "$rc $out" "0 $($route explain /v1/chat/completions --format '{slot}')"
run $route explain -d '[1]'
rc_is "a body that is no object" 2
run $route explain -d '{"model":'
rc_is "a body that is no JSON" 2
like "has a place" "$err" "*request body:1:*"
run $route explain -d @/nonexistent/x
rc_is "a body file that is not there" 6
run $route explain /v1/models --path /v1/models
rc_is "two paths" 2
run $route explain /v1/audio/transcriptions
rc_is "transcription wants a model" 2
printf 'port = \n' >"$HAL0_HOME/etc/hal0/slots/bad.toml"
run $route explain bad
rc_is "a broken slot by name" 3
like "with its place" "$err" "*slots/bad.toml:1:*"
run $route explain tiny
rc_is "does not hide the others" 0
rm "$HAL0_HOME/etc/hal0/slots/bad.toml"

# ---- call
run $route call primary Say hello
rc_is "call" 0
is "the answer" "$out" "model tiny, 1 messages: Say hello"
like "was streamed" "$(last)" '*"stream":true*'
run $route call primary "Say hello" --no-stream
is "as a whole" "$out" "model tiny, 1 messages: Say hello"
run $route call tiny x
is "by model id" "$out" "model tiny, 1 messages: x"
run $route call gpt-4 x
is "by a name nobody has" "$out" "model tiny, 1 messages: x"
run $route call hal0/brief x
is "by a virtual name, with the slot's system prompt" "$out" "model tiny2, 2 messages, system 'Be brief.': x"
like "and its thinking switch" "$(last)" '*"enable_thinking":false*'
run $route call brief x -s "Be long." -n 7 -t 0.5
is "with options" "$out" "model tiny2, 2 messages, system 'Be long.', at most 7, temperature 0.5: x"
out=$(printf 'from\nstdin\n' | $route call primary)
is "the prompt from stdin" "$out" "model tiny, 1 messages: from
stdin"
run $route call primary
rc_is "an empty stdin is nothing to send" 2
run $route call primary x -t hot
rc_is "a temperature that is no number" 2
run $route call primary x -d '{}'
rc_is "text and a body" 2
run $route call /v1/chat/completions -d '{"messages":[{"role":"user","content":"hi"}],"model":"tiny"}'
is "a body as any client sends it" "$out" "model tiny, 1 messages: hi"
run $route call brief -d '{"messages":[{"role":"user","content":"hi"}],"model":"tiny"}'
is "the slot that is named gets its own model" "$out" "model tiny2, 1 messages: hi"
run $route call brief -d '{"messages":[{"role":"user","content":"hi"}]}'
is "also where the body names none" "$out" "model tiny2, 1 messages: hi"
run $route call primary --json x
is "--json is the server's own answer" "$(printf '%s' "$out" | jq -r '.choices[0].message.content')" \
  "model tiny, 1 messages: x"
run $route call primary --path /v1/completions hello
is "a completion" "$out" " after hello"
run $route call primary --path "/props?a=1"
is "any path" "$(printf '%s' "$out" | jq -r '.method + .path')" "GET/props?a=1"
run $route call primary --path /props -d 'not json'
is "any body" "$(printf '%s' "$out" | jq -r '.method + .body')" "POSTnot json"
run $route call primary --path /health
like "the slot's own health" "$out" '*"ok"*'
run $route call /v1/models
rc_is "the router's list of models is not a slot's" 2
run $route call embed one two
is "embeddings" "$(printf '%s' "$out" | jq -c '[.model, (.data | length)]')" '["bge-m3",2]'
run $route call rerank q d1 d2 d3
is "reranking" "$(printf '%s' "$out" | jq -c '[.query, .documents]')" '["q",3]'
run $route call rerank q
rc_is "reranking without documents" 2
$route call tts speak >"$tmp/wav"
is "speech is bytes as they come" "$(wc -c <"$tmp/wav" | tr -d ' ')" 7
printf 'RIFFdata' >"$tmp/meeting.wav"
run $route call stt "$tmp/meeting.wav"
is "transcription uploads" "$out" "heard meeting.wav as whisper"
run $route call img x
rc_is "images cannot be asked for" 1
like "and why" "$err" "*own protocol*"

# ---- what goes wrong
run $route call down x
rc_is "a slot that does not run" 1
like "how to start it" "$err" "*hal0 slot start down*"
run $route call down x --json
is "its code" "$(printf '%s' "$err" | jq -r '.error.code')" "slot.not_ready"
run $route call primary error
rc_is "the server refuses" 7
like "its message" "$err" "*HTTP 400*the request exceeds the available context size*"
run $route call primary loading
rc_is "still loading" 5
like "when to try again" "$err" "*7 s*"
run $route call primary denied
rc_is "an error that is no JSON" 7
like "on one line, without control bytes" "$err" "*<html>?\[31mBad Gateway</html>*"
run $route call primary die
rc_is "cut off in the middle" 7
is "what came is there" "$out" "half of"
run $route call primary broken
rc_is "an event that is no JSON" 7
run $route call primary empty
rc_is "an empty answer" 1
run $route call primary length
rc_is "an answer at its limit" 0
like "with a warning" "$err" "*limit of tokens*"
run $route call primary split
is "characters cut anywhere" "$out" "Grüße € 😀!"
run $route call primary think
is "reasoning is not the answer" "$out" "the answer"
is "and is hidden where nobody watches" "$err" ""
run $route call primary reason --reasoning show
is "reasoning in a field of its own" "$out" "the answer"
like "shown on stderr when asked for" "$err" "*hidden thoughts*"
is "a long answer" "$($route call primary long | wc -w | tr -d ' ')" "$($route call primary long --no-stream | wc -w | tr -d ' ')"
run $route call primary hang --timeout 3
rc_is "silence ends it when asked to" 7
is "after what came" "$out" "first"

# ---- who leaves
: >"$tmp/log"
$route call primary steady 2>"$tmp/.err" | head -c 3 >"$tmp/.out"
is "a reader that leaves" "$(cat "$tmp/.out" "$tmp/.err")" "one"
until_true grep -q '^left' "$tmp/log"
like "ends the request at the server" "$(last)" "left /v1/chat/completions"
: >"$tmp/log"
: >"$tmp/.out"
# a shell's background job ignores SIGINT: give it back
env --default-signal=INT "$HAL0_BUILD/cmd/$route" call primary hang >"$tmp/.out" 2>"$tmp/.err" &
pid=$!
until_file "$tmp/.out"
kill -INT $pid
rc=0
wait $pid || rc=$?
is "Ctrl-C dies of SIGINT" "$rc" 130
until_true grep -q '^left' "$tmp/log"
like "and ends the request at the server" "$(last)" "left /v1/chat/completions"

# ---- chat
out=$(echo hi | $route chat primary)
is "chat without a terminal" "$out" "model tiny, 1 messages: hi"
out=$(echo hi | $route chat)
is "with the default slot" "$out" "model tiny, 1 messages: hi"
rc=0
echo hi | $route chat embed >/dev/null 2>&1 || rc=$?
is "chat with an embedding slot" "$rc" 1
if command -v script >/dev/null 2>&1; then
  printf 'hello\nagain\n/clear\nerror\nanew\n' >"$tmp/lines"
  asks() { # N: it has asked so often for a line
    [ "$(tr '\r' '\n' <"$tmp/.out" | grep -c '^> ')" -ge "$1" ]
  }
  chat() { # each line is typed when it is asked for
    n=0
    while read -r line; do
      n=$((n + 1))
      until_true asks $n
      printf '%s\r' "$line"
    done <"$tmp/lines"
    until_true asks $((n + 1))
    printf '\004'
    until_true test -e "$tmp/ended"
  }
  rc=0
  : >"$tmp/.out"
  chat | {
    script -qec "$route chat primary" /dev/null >"$tmp/.out" 2>&1 || rc=$?
    echo "$rc" >"$tmp/ended"
  }
  rc=$(cat "$tmp/ended")
  is "a conversation on a terminal ends well" "$rc" 0
  out=$(tr -d '\r' <"$tmp/.out")
  like "it answers" "$out" "*model tiny, 1 messages: hello*"
  like "it remembers" "$out" "*model tiny, 3 messages: again*"
  like "it shows what went wrong and goes on" "$out" "*exceeds the available context size*model tiny, 1 messages: anew*"
fi
tap_done
