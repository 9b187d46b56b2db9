#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-cap with real podman and a real llama-server: files first, then the slots follow.
# The slots of capabilities have fixed names, containers belong to the machine: runs take turns.
. "$HAL0_SOURCE/test/e2e/real.sh"
needs curl jq
needs_image "$image"
slots="embed embed-rerank cap-chat"
for s in $slots; do
  ! podman container exists "hal0-slot-$s" || skip_all "this machine has a slot $s"
done
export HAL0_HOME="$tmp/home"
unset HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE
tap_cleanup() {
  for _s in $slots; do
    podman rm --force --time 1 "hal0-slot-$_s" >/dev/null 2>&1
  done
  rm -rf "$tmp"
}
etc=$HAL0_HOME/etc/hal0 models=$HAL0_HOME/var-lib/hal0/models
mkdir -p "$etc/slots" "$models"
chmod 755 "$tmp"
for m in embed:one embed:two rerank:rank chat:chat; do
  "$HAL0_BUILD/scripts/tiny-gguf" --kind "${m%:*}" "$models/${m#*:}.gguf" >/dev/null
done
# a model by its header, and none that any server knows
sed 's/bert/zzzz/g' "$models/one.gguf" >"$models/odd.gguf"
printf '[profile.vulkan]\nimage = "%s"\nbackend = "vulkan"\n' "$image" >"$etc/profiles.toml"

cap() { run "$HAL0_BUILD/cmd/hal0-cap" "$@"; }
slot() { run "$HAL0_BUILD/cmd/hal0-slot" "$@"; }
json() { printf %s "$out" | jq -c "$1"; }
id() { podman container inspect --format '{{.Id}}' "hal0-slot-$1" 2>/dev/null; }
port() { sed -n 's/^port = \([0-9]*\).*/\1/p' "$etc/slots/$1.toml"; }
post() { # SLOT PATH JSON
  curl -sf -m 60 "http://127.0.0.1:$(port "$1")$2" -H 'Content-Type: application/json' \
    -H "Authorization: Bearer $(cat "$HAL0_HOME/var-lib/hal0/keys/$1" 2>/dev/null)" -d "$3"
}
embeds() { post embed /v1/embeddings '{"input":"hi"}' | jq '.data[0].embedding | length'; }
served() { post embed /v1/embeddings '{"input":"hi"}' | jq -r .model; }

# ---- on, again ----
cap on embed -m one --dry-run
rc_is "dry run" 0
like "shows the command" "$out" "*+default = \"one\"*podman *--name hal0-slot-embed * --embedding*"
like "and whether it fits" "$err" "*would start on port *fits:*"
is "starts nothing" "$(id embed)" ""
cap on embed -m one --json
rc_is "on" 0
is "says what it did" "$(json '[.changed, .pending_reload, .items[0].action, .items[0].state, .items[0].changed]')" \
  '[true,false,"started","ready",true]'
ok "it answers" test "$(embeds)" -gt 8
first=$(id embed)
cap on embed -m one --json
is "again: nothing" "$(json '[.changed, .items[0].action]') $(id embed)" "[false,\"none\"] $first"
cap list --json
is "list knows that it runs" "$(json '.items[0] | [.enabled, .state, .agrees]')" '[true,"ready",true]'

# ---- the real slot counts, not the file ----
podman kill hal0-slot-embed >/dev/null
cap on embed --json
is "one that died is started" "$(json '[.changed, .files, .items[0].action]')" '[true,[],"started"]'

# ---- killed between the files and the slot ----
cap off embed
"$HAL0_BUILD/cmd/hal0-cap" on embed >/dev/null 2>&1 &
pid=$!
until grep -A4 '^\[selections.embed.embed\]' "$etc/capabilities.toml" | grep -q '^enabled = true'; do
  kill -0 $pid 2>/dev/null || break
done
kill -9 $pid
wait $pid 2>/dev/null
cap on embed --json
is "the next one finishes it" "$rc $(json '[.files, .items[0].state]')" '0 [[],"ready"]'
ok "and it answers" test "$(embeds)" -gt 8

# ---- another model, other settings ----
cap set embed -m two --json
rc_is "another model" 0
is "is exchanged" "$(json '.items[0].action') $(served)" '"swapped" two'
printf 'slots.embed.model.context_size = 256\n' >"$tmp/small.toml"
cap apply -f "$tmp/small.toml" --json
is "other settings: a restart" "$(json '[.changed, .items[0].action, .items[0].capability]')" \
  '[true,"restarted",null]'
cap apply -f "$tmp/small.toml" --json
is "twice: nothing" "$(json .changed)" false

# ---- refused before anything is written ----
before=$(cat "$etc"/*.toml "$etc"/slots/*.toml)
now=$(id embed)
printf '[slots.cap-chat]\nport = 8195\nmodel.default = "chat"\nmodel.context_size = 90000000\n' >"$tmp/big.toml"
printf 'run = ["cap-chat"]\n' | cat - "$tmp/big.toml" >"$tmp/run.toml"
cap apply -f "$tmp/run.toml"
rc_is "what does not fit" 1
like "says how much is missing" "$err" "*cap-chat does not fit: it needs *"
printf 'run = ["cap-chat"]\n[slots.cap-chat]\nport = 8195\nimage = "localhost/none:1"\nmodel.default = "chat"\n' >"$tmp/no.toml"
cap apply -f "$tmp/no.toml"
rc_is "an image that is not there" 8
is "nothing was written, nothing touched" "$(cat "$etc"/*.toml "$etc"/slots/*.toml) $(id embed)" "$before $now"

# ---- a model that fails ----
cap set embed -m odd --rollback
rc_is "a model no server knows, --rollback" 3
like "says why" "$err" "*everything is as before, because*architecture*"
is "the files are as before" "$(cat "$etc"/*.toml "$etc"/slots/*.toml)" "$before"
is "and the slot serves as before" "$(served)" two
sed 's/bert/zzzz/g' "$models/rank.gguf" >"$models/odd-rank.gguf"
cat >"$tmp/both.toml" <<'TOML'
embed.embed = { model = "one", enabled = true }
embed.rerank = { model = "odd-rank", enabled = true }
TOML
sed -i 's/^/selections./' "$tmp/both.toml"
cap apply -f "$tmp/both.toml" --rollback --json
rc_is "two slots, one of them odd, --rollback" 3
is "the files are as before again" "$(cat "$etc"/*.toml "$etc"/slots/*.toml)" "$before"
is "and it tells of the slots as they are now" "$(json '[.items[] | [.slot, .action, .state]]') $(served)" \
  '[["embed","put-back","ready"],["embed-rerank","failed","offline"]] two'
ok "nothing is kept of a slot that is not there" \
  sh -c '! ls "$1"/keys/embed-rerank "$1"/slots/embed-rerank/state.json' - "$HAL0_HOME/var-lib/hal0"
cap set embed -m odd --json
rc_is "without it" 3
like "the error says that the files are changed" "$err" "*hal0 cap undo*"
is "and what became of the slot" "$(json '.items[0] | [.action, .state]')" '["failed","error"]'
cap list --json
is "files and slot say so" "$(json '.items[0] | [.enabled, .model, .state, .agrees]')" '[true,"odd","error",true]'
is "no container is left" "$(id embed)" ""
cap undo
rc_is "undo" 0
is "brings it back" "$(served)" two

# ---- off ----
p=$(port embed)
cap off embed --json
rc_is "off" 0
is "stops it" "$(json '[.changed, .items[0].action]') $(id embed)" '[true,"stopped"] '
# shellcheck disable=SC2016 # the inner shell's
ok "its port is free" sh -c '! curl -s -m 2 "http://127.0.0.1:$1/health"' - "$p"
slot show embed --json
is "and disables the slot" "$(json .enabled)" false
cap off embed --json
is "again: nothing" "$(json .changed)" false

# ---- a whole box ----
cat >"$tmp/box.toml" <<'END'
run = ["cap-chat"]
[selections.embed]
embed = {enabled = true, model = "one"}
rerank = {enabled = true, model = "rank"}
[slots.cap-chat]
port = 8195
type = "llm"
model.default = "chat"
END
cap apply -f "$tmp/box.toml" --json
rc_is "a box from one document" 0
is "three slots run" "$(json '[.items[] | .state] | unique') $(id embed | wc -c) $(id cap-chat | wc -c)" '["ready"] 65 65'
# shellcheck disable=SC2016 # the inner shell's
ok "one ranks" sh -c 'test "$1" -gt 0' - "$(post embed-rerank /v1/rerank \
  '{"query":"a","documents":["b","c"]}' | jq '.results | length')"
cap apply -f "$tmp/box.toml" --json
is "twice: nothing" "$(json .changed)" false
printf 'slots.embed.port = %s\nslots.cap-chat.port = %s\n' "$(port cap-chat)" "$(port embed)" >"$tmp/ports.toml"
cap apply -f "$tmp/ports.toml" --json
is "two exchange their ports" "$(json '[.items[] | .action]') $(served)" '["restarted","restarted"] one'
cap undo
rc_is "and back" 0
cap plan -f "$tmp/box.toml" -o "$tmp/plan" >/dev/null
sed -i 's/enabled = true, model = "rank"/enabled = false/; /^\[slots/,$d; /^run/d' "$tmp/box.toml"
echo 'stop = ["cap-chat"]' | cat - "$tmp/box.toml" >"$tmp/less.toml"
cap apply -f "$tmp/less.toml"
rc_is "less of it" 0
is "two are gone, one stays" "$(id embed-rerank)$(id cap-chat) $(served)" " one"
cap apply "$tmp/plan"
rc_is "a plan made before that" 4
cap undo --json
rc_is "undo" 0
is "the reranker is back" "$(json '[.items[] | select(.slot == "embed-rerank") | .action]')" '["started"]'
cap apply -f "$tmp/less.toml"

# ---- two at once ----
both() { # ARGS OF ONE -- ARGS OF THE OTHER
  "$HAL0_BUILD/cmd/hal0-cap" "$1" embed ${2:+-m "$2"} >"$tmp/one" 2>&1 &
  _one=$!
  _rc=0
  "$HAL0_BUILD/cmd/hal0-cap" "$3" embed ${4:+-m "$4"} >"$tmp/two" 2>&1 || _rc=1
  wait $_one || _rc=1
  [ $_rc = 0 ] || sed 's/^/# /' "$tmp/one" "$tmp/two"
}
agree() { # does the container do what the files say?
  if grep -q '^enabled = false' "$etc/slots/embed.toml"; then
    [ -z "$(id embed)" ]
  else
    [ "$(podman inspect --format '{{index .Config.Labels "io.hal0.model"}}' hal0-slot-embed)" = \
      "$(sed -n 's/^default = "\(.*\)"/\1/p' "$etc/slots/embed.toml")" ]
  fi
}
bad=0
for _ in 1 2; do
  both on one on two
  agree || bad=$((bad + 1))
  both on one off ""
  agree || bad=$((bad + 1))
done
is "the slot does what the files say, whoever came last" "$bad" 0
cap check
rc_is "and both files agree" 0

cap off embed
ok "nothing runs in the end" test -z "$(id embed)$(id embed-rerank)$(id cap-chat)"
tap_done
