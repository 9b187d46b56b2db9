#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-cap as called: the files it makes, what it refuses, what it says. What the slots do then is
# test/e2e/cap.sh's.
. "$HAL0_SOURCE/test/tap.sh"
command -v jq >/dev/null || skip_all "jq is not installed"
cap=$HAL0_BUILD/cmd/hal0-cap
export HAL0_HOME="$tmp/home" HAL0_PODMAN="$tmp/no-podman"
unset HAL0_MODEL_STORE
etc=$HAL0_HOME/etc/hal0 models=$HAL0_HOME/var-lib/hal0/models
mkdir -p "$etc/slots" "$models"
"$HAL0_BUILD/scripts/tiny-gguf" "$models/tiny.gguf" >/dev/null
"$HAL0_BUILD/scripts/tiny-gguf" "$models/other.gguf" >/dev/null
head -c 3000 "$models/tiny.gguf" >"$models/cut.gguf"
cap() { run "$cap" "$@"; }
json() { printf %s "$out" | jq -c "$1"; }
code() { printf %s "$err" | jq -r .error.code; }
tree() { (cd "$etc" && find . -name '*.toml*' -type f -exec sh -c 'echo "$1"; cat "$1"' - {} \; | sort); }

# ---- nothing there ----
cap
rc_is "a box without anything" 0
is "six capabilities" "$(printf '%s\n' "$out" | wc -l)" 7
cap list --json
is "all off, no state without podman" "$(json '[.items[] | .enabled or .state] | any')" false
cap check
rc_is "nothing to dispute" 0
cap off embed --no-start
rc_is "off of nothing" 0
ok "writes no file" test ! -e "$etc/capabilities.toml"

# ---- bad input ----
before=$(tree)
while IFS='|' read -r want_rc want_code words; do
  # shellcheck disable=SC2086
  cap $words --no-start --json
  rc_is "$words" "$want_rc"
  is "$words: its code" "$(code)" "$want_code"
done <<'END'
2|capability.unknown_slot|on chat
2|capability.unknown_slot|on sound.stt
2|capability.unknown_child|on embed.stt
2|capability.unknown_slot|on embd
2|capability.invalid_selection|on embed
2|capability.unknown_model|on embed -m nope
2|capability.unknown_model|on rerank -m nope -d npu
2|capability.illegal_backend_model_pair|on rerank -m tiny -d npu
2|capability.illegal_backend_model_pair|on embed -m tiny -d npu
2|capability.illegal_backend_model_pair|on rerank -m tiny --provider kokoro
2|capability.illegal_backend_model_pair|on tts --provider comfyui
2|capability.illegal_model_fit|on vision -m tiny
3|model.unsupported_format|on embed -m cut
8|npu.trio_unavailable|on stt -d npu
2|system.usage|on embed -m tiny -d gpu
2|system.usage|set embed
2|system.usage|apply
2|system.usage|apply x -f y
6|system.os|apply -f /nonexistent
END
is "nothing was written" "$(tree)" "$before"
cap on chat
like "chat: says where it lives" "$err" "*it lives in its slots*hal0 slot*"
cap on embd
like "a near name is named" "$err" "*did you mean embed*"
cap on embed -m tiny
rc_is "without podman nothing is begun" 8
is "and nothing written" "$(tree)" "$before"

# ---- on, set, off ----
cap on embed -m tiny --no-start --dry-run
rc_is "dry run" 0
like "shows the new files" "$out" "*+++ b/slots/embed.toml*+type = \"embedding\"*+++ b/capabilities.toml*+model = \"tiny\"*"
is "writes nothing" "$(tree)" "$before"
cap on embed -m tiny --no-start --json
rc_is "on" 0
is "says what it did" "$(json '[.changed, .files, .items[0].slot, .items[0].device, .items[0].provider, .items[0].model]')" \
  '[true,["slots/embed.toml","capabilities.toml"],"embed","cpu","llama-server","tiny"]'
cap on embed -m tiny --no-start --json
rc_is "again" 0
is "changes nothing" "$(json .changed)" false
cap check
rc_is "both tell the same" 0
sed -i 's/^device = "cpu"/device = "cpu" # mine/; 1i # hand' "$etc/slots/embed.toml" "$etc/capabilities.toml"
cap set embed.embed --model other --no-start
rc_is "another model" 0
is "in both files" "$(grep -l '"other"' "$etc/capabilities.toml" "$etc/slots/embed.toml" | wc -l)" 2
is "comments stay" "$(grep -c '# mine\|# hand' "$etc/slots/embed.toml")" 2
cap show embed --json
is "show" "$(json '[.capability, .enabled, .model, .slot, .agrees]')" '["embed.embed",true,"other","embed",true]'
sed -i 's/default = "other"/default = "tiny"/' "$etc/slots/embed.toml"
cap check
rc_is "an edit by hand is found" 1
like "and named" "$out" "*model 'other'*slot embed is enabled, with model 'tiny'*hal0 cap on embed*"
cap on embed --no-start
rc_is "and set right" 0
cap check
rc_is "so that both agree" 0
cap off embed --no-start
rc_is "off" 0
is "in both files" "$(grep -c 'enabled = false' "$etc/slots/embed.toml")" 1
cap off embed --no-start --json
is "off again" "$(json .changed)" false
cap check
rc_is "off: both tell the same" 0
cap undo --no-start
rc_is "undo" 0
is "it is on again" "$(grep -c 'enabled = false' "$etc/slots/embed.toml")" 0
cap undo --no-start --json
is "undoing twice is redoing" "$(json '[.changed, .items[0].enabled]')" '[true,false]'
sed -i 's/# hand/# hand again/' "$etc/slots/embed.toml"
cap undo --no-start
rc_is "an edit since: a conflict" 4

# ---- seed and version 1 ----
rm -rf "$etc" && mkdir -p "$etc/slots"
printf 'port = 8084\ntype = "tts"\ndevice = "cpu"\n' >"$etc/slots/tts.toml"
cap seed --dry-run
rc_is "seed, dry" 0
ok "writes nothing" test ! -e "$etc/capabilities.toml"
cap seed
rc_is "seed" 0
cap list --json
is "tells what the slots do" "$(json '[.items[] | select(.enabled) | .capability]')" '["voice.tts"]'
cp "$etc/capabilities.toml" "$tmp/seeded"
printf 'port = 8085\n' >"$etc/slots/stt.toml"
cap seed --json
is "a second seed writes nothing over" "$(json .changed)$(cmp "$etc/capabilities.toml" "$tmp/seeded" && echo same)" \
  falsesame
cat >"$etc/capabilities.toml" <<'END'
# from before
[selections.voice.tts]
backend = "kokoro" # small
enabled = true
END
cp "$etc/capabilities.toml" "$tmp/v1"
cap list --json
is "version 1 is read" "$(json '.items[3] | [.device, .enabled]')" '["cpu",true]'
cap seed
rc_is "and migrated" 0
ok "the old one is kept" cmp "$tmp/v1" "$etc/capabilities.toml.v1.bak"
like "comments too" "$(cat "$etc/capabilities.toml")" "# from before*schema_version = 2*device = \"cpu\" # small*"
printf 'schema_version = 2\n[selections.voice.sst]\nenabled = true\n' >"$etc/capabilities.toml"
cap list
rc_is "an invalid file" 3
like "with its place" "$err" "*capabilities.toml:2:*did you mean stt?*"

# ---- documents and plans ----
rm -rf "$etc" && mkdir -p "$etc/slots"
printf '# a\nport = 8090\ndevice = "cpu"\n[model]\ndefault = "tiny"\n' >"$etc/slots/a.toml"
cat >"$tmp/box.toml" <<'END'
[selections.embed]
embed = {enabled = true, model = "tiny"}
rerank = {enabled = true, model = "other"}
[slots.a]
model.context_size = 1024
[slots.b]
port = 8091
model.default = "other"
END
cap apply -f "$tmp/box.toml" --no-start --json
rc_is "apply" 0
is "four slots and the records, in one change" "$(json '[.changed, (.files | length)]')" '[true,5]'
is "one journal entry" "$("$HAL0_BUILD/cmd/hal0-conf" log --json | jq '.items[0].files | length')" 5
cap apply -f "$tmp/box.toml" --no-start --json
is "again: nothing" "$(json '[.changed, .files]')" '[false,[]]'
run sh -c '"$1" apply -f - --no-start --json <"$2"' - "$cap" "$tmp/box.toml"
is "from standard input" "$(json .changed)" false
printf '{"selections":{"embed":{"rerank":{"enabled":false}}},"remove":["b"]}' >"$tmp/box.json"
cap apply -f "$tmp/box.json" --no-start
rc_is "in JSON" 0
ok "a slot is gone" test ! -e "$etc/slots/b.toml"
printf '[slots.a]\nport = 8082\nprot = 1\n' >"$tmp/bad.toml"
cap apply -f "$tmp/bad.toml" --no-start
rc_is "a mistake in it" 3
like "with its place" "$err" "*$tmp/bad.toml:3:*did you mean port?*"
printf '[slots.a]\nport = 8081\n' >"$tmp/bad.toml"
before=$(tree)
printf '[slots.c]\nport = 8093\nmodel.default = "tiny"\n' >>"$tmp/bad.toml"
printf 'port = 8081\n' >"$etc/slots/z.toml"
cap apply -f "$tmp/bad.toml" --no-start
rc_is "a conflict in one of them" 4
rm "$etc/slots/z.toml"
is "none is written" "$(tree)" "$before"
unset HAL0_PODMAN
mkdir "$tmp/bin"
# shellcheck disable=SC2016 # the fake's own
printf '#!/bin/sh\n[ "$1" = ps ] && echo "[]"\nexit 0\n' >"$tmp/bin/podman"
chmod 755 "$tmp/bin/podman"
export HAL0_PODMAN="$tmp/bin/podman" # a FAKE: nothing runs, every image is there
printf '[slots.a]\nmodel.context_size = 2048\n' >"$tmp/small.toml"
cap plan -f "$tmp/small.toml" -o "$tmp/plan"
rc_is "plan" 0
like "shows the difference" "$out" "*-context_size = 1024*+context_size = 2048*"
is "changes nothing" "$(tree)" "$before"
cap plan -f "$tmp/small.toml" --json
is "to standard output" "$(json '[.kind, (.changes | length)]')" '["hal0.plan",1]'
sed -i 's/# a/# a b/' "$etc/slots/a.toml"
cap apply "$tmp/plan" --no-start --json
rc_is "a file moved since" 4
is "its code" "$(code)" config.moved
like "names the file" "$err" "*slots/a.toml was changed*"
sed -i 's/# a b/# a/' "$etc/slots/a.toml"
printf 'port = 8099\n' >"$etc/slots/new.toml"
cap apply "$tmp/plan" --no-start
rc_is "a file came since" 4
rm "$etc/slots/new.toml"
cap apply "$tmp/plan" --no-start
rc_is "nothing moved: it is applied" 0
ok "it is there" grep -q 2048 "$etc/slots/a.toml"
cap apply "$tmp/plan" --no-start
rc_is "once" 4
for bad in '{}' 'x' '{"kind":"hal0.plan","schema":1,"basis":{},"changes":[{"path":"../x","before":null,"after":""}]}' \
  '{"kind":"hal0.plan","schema":1,"basis":{"a":1},"changes":[]}'; do
  printf %s "$bad" >"$tmp/plan"
  cap apply "$tmp/plan" --no-start
  rc_is "no plan: $bad" 3
done
tap_done
