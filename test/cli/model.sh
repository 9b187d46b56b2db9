#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-model as called: what it lists, adds, verifies and removes, what it refuses.
. "$HAL0_SOURCE/test/tap.sh"
command -v jq >/dev/null || skip_all "jq is not installed"
model=$HAL0_BUILD/cmd/hal0-model
export HAL0_HOME="$tmp/home" HAL0_PODMAN="$tmp/no-podman"
unset HAL0_MODEL_STORE
etc=$HAL0_HOME/etc/hal0 store=$HAL0_HOME/var-lib/hal0/models reg=$HAL0_HOME/var-lib/hal0/registry/registry.toml
mkdir -p "$etc/slots" "$store" "$tmp/else where"
tiny=$HAL0_BUILD/scripts/tiny-gguf
"$tiny" "$tmp/else where/far.gguf" >/dev/null
"$tiny" "$tmp/near.gguf" >/dev/null
model() { run "$model" "$@"; }
json() { printf %s "$out" | jq -c "$1"; }
code() { printf %s "$err" | jq -r .error.code; }
names() { "$model" list --format '{name}' | tr '\n' ' '; }

# ---- nothing there ----
model
rc_is "an empty store" 0
model verify
rc_is "nothing to verify" 0
model show nope --json
rc_is "show of nothing" 2
is "its code" "$(code)" model.not_found

# ---- add ----
head -c 3000 "$tmp/near.gguf" >"$tmp/cut.gguf"
echo text >"$tmp/no.gguf"
ln -s near.gguf "$tmp/a-00002-of-00002.gguf"
cp "$tmp/near.gguf" "$tmp/m-00001-of-00002.gguf"
while IFS='|' read -r want words; do
  # shellcheck disable=SC2086
  model add $words
  rc_is "add $words" "$want"
done <<END
3|$tmp/cut.gguf
3|$tmp/no.gguf
6|$tmp/nowhere.gguf
6|$tmp/m-00001-of-00002.gguf
2|$tmp/near.gguf --name a/b
2|$tmp/near.gguf --name ..
2|$tmp/near.gguf --link --copy
2|
END
is "nothing was made" "$(names)" ""
model add "$tmp/else where/far.gguf" --dry-run
rc_is "dry run" 0
like "shows the entry" "$out" "*+\[models.far\]*+path = *else where/far.gguf*"
is "writes nothing" "$(names)" ""
model add "$tmp/else where/far.gguf" --json
rc_is "add" 0
is "changed" "$(json '[.changed, .items[0].name]')" '[true,"far"]'
model add "$tmp/else where/far.gguf" --json
is "again: nothing changes" "$rc$(json .changed)" 0false
model add "$tmp/near.gguf" --name far
rc_is "a name that is taken" 4
printf '# mine\n' | cat - "$reg" >"$reg.new" && mv "$reg.new" "$reg"
model add "$tmp/near.gguf" --copy
rc_is "copy" 0
ok "the copy is there" cmp "$tmp/near.gguf" "$store/near.gguf"
model add "$tmp/near.gguf" --copy --json
is "again" "$rc$(json .changed)" 0false
model add "$tmp/near.gguf" --link --name linked
rc_is "link" 0
ok "a link" test -L "$store/linked.gguf"
is "all three" "$(names)" "far linked near "
cd "$tmp" || exit 1
model add ./near.gguf --name rel
rc_is "a relative path" 0
ok "is absolute in the registry" grep -q "path = \"/.*near.gguf\"" "$reg"
like "comments stay" "$(cat "$reg")" "# mine*"

# ---- list, show ----
mkdir -p "$store/owner/two" "$store/eyes"
cp near.gguf "$store/owner/two/x-00001-of-00002.gguf"
cp near.gguf "$store/owner/two/x-00002-of-00002.gguf"
cp near.gguf "$store/eyes/eyes.gguf"
cp near.gguf "$store/eyes/mmproj-f16.gguf"
"$tiny" --kind embed "$store/emb.gguf" >/dev/null
printf 'port = 8081\ntype = "llm"\ndevice = "cpu"\n[model]\ndefault = "near"\n' >"$etc/slots/chat.toml"
model list --json
rc_is "list" 0
is "names" "$(json '[.items[].name]')" '["emb","eyes","far","linked","near","owner/two","rel"]'
is "shards are one model" "$(json '.items[] | select(.name == "owner/two") | .shards')" 2
is "and all weigh" "$(json '.items[] | select(.name == "owner/two") | .size_bytes')" $((2 * $(wc -c <near.gguf)))
is "used by" "$(json '.items[] | select(.name == "near") | .slots')" '["chat"]'
is "eyes" "$(json '.items[] | select(.name == "eyes") | .serves')" '["llm","vision"]'
model show owner/two --json
rc_is "show" 0
is "architecture and quant" "$(json '[.architecture, .quant, .mtp_layers, .fault]')" '["llama","F32",0,null]'
rm "$store/owner/two/x-00002-of-00002.gguf"
model show owner/two --json
like "a shard is missing" "$(json .fault)" "*shard*missing*"
model verify owner/two
rc_is "verify finds that" 1
rm -r "$store/owner"
mv "else where/far.gguf" gone
model list --json
like "a file that is gone is a fault" "$(json '.items[] | select(.name == "far") | .fault')" "*no model file*"
mv gone "else where/far.gguf"

# ---- verify ----
model verify near --json
is "nothing recorded" "$rc$(json '.items[0].ok')" 0null
model verify near --record --dry-run
ok "a dry run records nothing" test ! -e "$store/near.gguf.sha256"
model verify near --record --json
is "recorded" "$rc$(json .changed)" 0true
ok "as sha256sum reads it" sh -c "cd '$store' && sha256sum -c --quiet near.gguf.sha256"
model verify near --record --json
is "again" "$rc$(json '[.changed, .items[0].ok]')" '0[false,true]'
printf X | dd of="$store/near.gguf" bs=1 seek=20000 conv=notrunc 2>/dev/null
model verify near
rc_is "one byte is another" 1
truncate -s -1 "$store/near.gguf"
model verify near
rc_is "truncated" 1
cp near.gguf "$store/near.gguf"
echo rubbish >"$store/near.gguf.sha256"
model verify near
rc_is "a damaged sum" 1
rm "$store/near.gguf.sha256"
model verify nope
rc_is "no such model" 2

# ---- rm ----
model rm near --yes --json
rc_is "in use" 4
is "its code" "$(code)" model.in_use
like "by whom" "$err" "*slot chat*"
printf '[selections.embed.embed]\ndevice = "cpu"\nprovider = "llama-server"\nmodel = "emb"\nenabled = false\n' \
  | sed '1i schema_version = 2' >"$etc/capabilities.toml"
model rm emb --yes
rc_is "used by a capability" 4
like "named" "$err" "*capability embed.embed*"
printf 'default = "%s"\n' "$store/linked.gguf" >"$etc/slots/x"
sed "s|near|$store/linked.gguf|; s/8081/8082/" "$etc/slots/chat.toml" >"$etc/slots/path.toml"
rm "$etc/slots/x"
model rm linked --yes
rc_is "used by its path" 4
rm "$etc/slots/path.toml"
printf 'port = [\n# linked\n' >"$etc/slots/bad.toml"
model rm linked --yes
rc_is "a broken slot that names it counts" 4
rm "$etc/slots/bad.toml"
model rm linked
rc_is "not without --yes" 2
model rm linked --dry-run
like "dry run" "$out" "remove $store/linked.gguf"
ok "keeps it" test -e "$store/linked.gguf"
model rm linked --yes
rc_is "a link" 0
ok "its file stays" test -e near.gguf
model rm eyes --yes
rc_is "with its projector" 0
ok "and its directory" test ! -e "$store/eyes"
rm "$etc/slots/chat.toml"
model rm near --yes --json
is "free now" "$rc$(json .changed)" 0true
ok "gone" test ! -e "$store/near.gguf"
model rm near --yes --json
is "again" "$rc$(json .changed)" 0false
model rm far --yes
rc_is "an entry" 0
ok "its file stays, too" test -e "else where/far.gguf"
model rm "$tmp/near.gguf" --yes
rc_is "rel goes by its path" 0
is "what is left" "$(names)" "emb "
model rm "$tmp/near.gguf" --yes
rc_is "a file of nobody's" 2

# ---- loadouts ----
machine() { # MIB of one pool
  printf '{"recommended_device": "gpu-vulkan", "memory": {"unified": true, "budget_mib": %d, "binding_limit": "ttm-pages-limit", "pools": [], "limits": [{"name": "physical-ram", "mib": 120000}]}}' \
    "$1" >"$etc/hardware.json"
}
cap() { run "$HAL0_BUILD/cmd/hal0-cap" "$@"; }
fits() { "$model" loadouts --all --json | jq -r ".items[] | select(.use == \"$1\" and .tier == \"$2\") | .fit"; }
rm -f "$etc"/*.toml
machine 112640
is "110 GiB: the largest of chat" "$(fits chat large)" fits
is "all three of the biggest" "$(fits biggest small) $(fits biggest mid) $(fits biggest large)" "fits fits fits"
model loadouts --json
is "what fits is what is listed" "$(json '[.items[] | select(.use != "ceiling") | .fit] | unique')" '["fits"]'
is "the ceiling, with numbers" "$(json '[.items[] | select(.use == "ceiling") | [.fit, .need_bytes > 142000000000, .pool_bytes]] | unique')" \
  '[["does-not-fit",true,118111600640]]'
machine 61440
is "60 GiB: every small and mid one" "$("$model" loadouts --all --json | jq -c '[.items[] | select(.tier != "large" and .use != "ceiling" and .use != "biggest") | .fit] | unique')" '["fits"]'
is "not the biggest" "$(fits biggest large)" does-not-fit
machine 1024
model loadouts plan coding --json
is "nothing fits" "$rc$(code)" 1slot.does_not_fit
like "with the numbers" "$err" "*of 1 GiB (ttm-pages-limit)*"
machine 112640
while IFS='|' read -r want words; do
  # shellcheck disable=SC2086
  model loadouts $words
  rc_is "loadouts $words" "$want"
done <<END
2|sho
2|plan
2|plan vioce
2|plan ceiling
2|plan voice --tier large
2|--tier huge
0|show ceiling
END
model loadouts plan voice
rc_is "a plan without its files" 0
like "names what is missing" "$err" "*Qwen3-4B-Instruct-2507-Q4_K_M is not here yet*"
# a machine without the GPU the plan is for: as a CPU's
sed -i 's/gpu-vulkan/cpu/' "$etc/hardware.json"
plans=0
for use in coding chat voice creative private rag agents biggest; do
  for tier in small mid large; do
    model loadouts plan $use --tier $tier --json
    [ "$rc" = 0 ] || continue # it has no such tier
    plans=$((plans + 1))
    for name in $(printf %s "$out" | jq -r '.missing[]'); do
      case $name in
      nomic* | bge*) "$tiny" --kind embed "$store/$name.gguf" >/dev/null ;;
      *) "$tiny" "$store/$name.gguf" >/dev/null ;;
      esac
    done
    "$model" loadouts plan $use --tier $tier >"$tmp/plan.toml" 2>/dev/null
    cap apply -f "$tmp/plan.toml" --no-start --dry-run
    rc_is "$use, $tier: hal0-cap apply takes the plan" 0
    like "and makes the slot" "$out" "*+++ b/slots/primary.toml*"
  done
done
is "every row of the table was planned" "$plans" "$("$model" loadouts --all --json | jq '[.items[] | select(.use != "ceiling")] | length')"
is "a file that is here tells what it needs" "$("$model" loadouts --json | jq -c '.items[] | select(.use == "chat" and .tier == "small") | [.here, .estimated, .need_bytes < 100000000]')" '[true,false,true]'
tap_done
