#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What a slot's settings come to in a real container.
. "$HAL0_SOURCE/test/e2e/real.sh"
p1=${HAL0_TEST_PORT:-8141}
p2=$((p1 + 1))
needs curl jq
needs_image "$image"

home=$tmp/home
a=settings-a b=settings-b
export HAL0_HOME="$home"
unset HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE
tap_cleanup() {
  for _s in $a $b; do
    podman rm --force --time 1 "hal0-slot-$_s" >/dev/null 2>&1
  done
  podman rmi --force localhost/hal0-diff-e2e:1 >/dev/null 2>&1
  rm -rf "$tmp"
}
slot() {
  run "$HAL0_BUILD/cmd/hal0-slot" "$@"
}
container() { # SLOT FORMAT
  podman container inspect --format "$2" "hal0-slot-$1" 2>/dev/null
}
models=$home/var-lib/hal0/models
mkdir -p "$models" "$home/etc/hal0/slots"
chmod 755 "$tmp"
slot_file() { # NAME PORT TYPE MODEL [LINES...]
  _f=$home/etc/hal0/slots/$1.toml
  printf 'port = %s\ntype = "%s"\ndevice = "cpu"\nimage = "%s"\nprofile = "vulkan"\n' \
    "$2" "$3" "$image" >"$_f"
  printf '[model]\ndefault = "%s"\n' "$4" >>"$_f"
  shift 4
  [ $# = 0 ] || printf '%s\n' "$@" >>"$_f"
}

# ---- texts longer than a step of the profile ----
tiny=$HAL0_BUILD/scripts/tiny-gguf
"$tiny" --kind embed --context 2048 "$models/embed.gguf" >/dev/null
"$tiny" --kind rerank --context 2048 "$models/rerank.gguf" >/dev/null
slot_file $a "$p1" embedding embed 'context_size = 2048'
slot_file $b "$p2" reranking rerank 'context_size = 2048'
ask() { # SLOT PORT PATH BODY
  curl -s -m 60 -H "Authorization: Bearer $("$HAL0_BUILD/cmd/hal0-slot" key "$1")" \
    "http://127.0.0.1:$2$3" -d "$4"
}
long=$(awk 'BEGIN { for (i = 0; i < 700; i++) printf "a " }')
slot start $a $b
rc_is "an embedding and a reranking slot start" 0
is "the server embeds a text of 700 tokens" \
  "$(ask $a "$p1" /v1/embeddings "{\"input\":\"$long\"}" |
    jq -c '[(.usage.prompt_tokens >= 700), (.data[0].embedding | length)]')" '[true,64]'
is "and ranks one" "$(ask $b "$p2" /v1/rerank \
  "{\"query\":\"a\",\"documents\":[\"$long\",\"b\"]}" | jq -c '.results | length')" 2
slot argv $a --json
is "argv says where the step's size is from" \
  "$(printf %s "$out" | jq -c '[.items[] | select(.flag == "--ubatch-size") | .value, .source]')" \
  '["2048","hal0"]'
slot fit $a --json
one=$(printf %s "$out" | jq .compute_bytes)
slot fit $a --ubatch 512 --json
ok "the estimate counts it" [ "$one" -gt $((2 * $(printf %s "$out" | jq .compute_bytes))) ]

# ---- what show says is granted is what the container has ----
slot show $a --json
says_granted() { # PATTERN: the part of `what` behind it, one per line
  printf %s "$out" | jq -r '.grants[].what' | sed -n "s|^$1||p" | sort
}
is "mounts" "$(says_granted 'read ')" \
  "$(container $a '{{range .Mounts}}{{if not .RW}}{{println .Source}}{{end}}{{end}}' | sed '/^$/d' | sort)"
# shellcheck disable=SC2016 # of the template
is "nothing to write but scratch space" "$(says_granted 'write ')" \
  "$(container $a '{{range $k, $v := .HostConfig.Tmpfs}}{{println $k}}{{end}}{{range .Mounts}}{{if .RW}}{{println .Source}}{{end}}{{end}}' | sed '/^$/d')"
is "no device, no group" "$(says_granted 'use ')$(says_granted 'group ')" \
  "$(container $a '{{range .HostConfig.Devices}}{{println .PathOnHost}}{{end}}{{range .HostConfig.GroupAdd}}{{println .}}{{end}}' | sed '/^$/d')"
is "its user" "$(says_granted 'run as ')" "$(container $a '{{.Config.User}}')"
is "its network" "$(says_granted 'network ')" "$(container $a '{{.HostConfig.NetworkMode}}')"
is "its processes" "$(printf %s "$out" | jq -r '.grants[].what' | sed -n 's/ processes and threads//p')" \
  "$(container $a '{{.HostConfig.PidsLimit}}')"
is "a read-only root and no capability: not granted, so not told" \
  "$(container $a '{{.HostConfig.ReadonlyRootfs}} {{.EffectiveCaps}} {{.HostConfig.Privileged}}') $(says_granted 'capability ')" \
  "true [] false "

# ---- list, in the words of the original's ----
slot list --json
is "list --json has the original's fields" "$(printf %s "$out" | jq -c '.items[0] | [.name, .state, .status, .port,
  .model_id, .backend, .provider, .type, .kind, .enabled, .model_default, .models, .container_status,
  .container_health, (.last_used_at > 1e9), (.metadata | keys), .metadata.adopted, .backend_url]')" \
  "[\"$a\",\"ready\",\"ready\",$p1,\"embed\",\"cpu\",\"llama-server\",\"embedding\",\"slot\",true,\"embed\",[\"embed\"],\"running\",true,true,[\"adopted\",\"backend\",\"message\",\"provider\",\"updated_at\"],false,\"http://127.0.0.1:$p1\"]"

# ---- what the load took is kept ----
slot fit --history --json
rc_is "fit --history" 0
is "both loads were measured, close to what was expected" \
  "$(printf %s "$out" | jq -c '[(.items | length), all(.items[]; (.error_percent | fabs) < 15 and .measured_bytes > 0)]')" \
  '[2,true]'
slot fit $a --json
measured=$(printf %s "$out" | jq -c '[.measured, .compute_bytes]')
is "the next estimate goes by it" "$measured" \
  "[true,$("$HAL0_BUILD/cmd/hal0-slot" fit $a --history --json | jq '.items[0].compute_bytes')]"
slot fit $a --ctx 1024 --json
is "with another context it does not" "$(printf %s "$out" | jq .measured)" false
like "the server was asked for it" "$(container $a '{{.Config.Env}}')" "*LLAMA_ARG_LOG_VERBOSITY=4*"
slot diff $a
rc_is "that is no setting of the slot" 0
slot stop $b
slot restart $a
is "and is asked once" "$(container $a '{{.Config.Env}}' | grep -c LLAMA_ARG_LOG_VERBOSITY)" 0
for f in "$home/var-lib/hal0/fit"/*.json; do head -c 70 "$f" >"$f.new" && mv "$f.new" "$f"; done
echo rubbish >"$home/var-lib/hal0/fit/00000000000000000000000000000000.json"
slot fit --history --json
is "files that make no sense are none" "$rc $(printf %s "$out" | jq -c '.items')" "0 []"
slot fit $a --json
is "and no figure comes from them" "$rc $(printf %s "$out" | jq .measured)" "0 false"
slot restart $a
rc_is "a start mends it" 0
slot fit $a --json
is "with the same figures as before" "$(printf %s "$out" | jq -c '[.measured, .compute_bytes]')" "$measured"

# ---- diff ----
slot diff $a
rc_is "diff of a slot that runs as its files say" 0
is "prints nothing on stdout" "$out" ''
slot diff $b
rc_is "diff of a slot that does not run is a no" 1
like "and says so" "$err" "*$b: it does not run*"
slot diff
rc_is "diff of all: only what runs counts" 0
sed -i 's/^context_size = .*/context_size = 1024/' "$home/etc/hal0/slots/$a.toml"
printf '[server]\nextra_args = "--threads 1 -fa on"\n' >>"$home/etc/hal0/slots/$a.toml"
slot diff $a --json
rc_is "diff after an edit" 1
is "names each flag, its values and where the new one is from" \
  "$(printf %s "$out" | jq -c '.items[] | [.what, .key, .running, .rendered, .from]')" \
  "$(printf '%s\n' '["server","--ctx-size","2048","1024","slots/'$a'.toml:8:16 model.context_size"]' \
    '["server","--threads","'"$(nproc | awk '{ print $1 < 8 ? $1 : 8 }')"'","1","slots/'$a'.toml:10:14 server.extra_args"]' \
    '["server","--batch-size","2048","1024","hal0"]' '["server","--ubatch-size","2048","1024","hal0"]')"
is "in upstream's words too" "$(printf %s "$out" | jq -c '[.drifted, .slots]')" \
  "[true,[{\"name\":\"$a\",\"running\":true,\"drifted\":true}]]"
slot diff $a
like "people read it in words" "$out" "*$a*--ctx-size is 2048, would be 1024*slots/$a.toml:8:16*"
sed -i 's/^context_size = .*/context_size = 2048/; /^\[server\]/,$d' "$home/etc/hal0/slots/$a.toml"
printf '[server]\nextra_args = "-c 2048 --flash-attn on"\n' >>"$home/etc/hal0/slots/$a.toml"
slot diff $a
rc_is "another spelling of the same flags is no difference" 0
sed -i '/^\[server\]/,$d' "$home/etc/hal0/slots/$a.toml"
ln -s embed.gguf "$models/other.gguf"
sed -i 's/^default = .*/default = "other"/' "$home/etc/hal0/slots/$a.toml"
slot diff $a --json
is "a link to the same file is none either, another name is" \
  "$(printf %s "$out" | jq -c '[.items[].key]')" '["--label io.hal0.model","--alias"]'
sed -i 's/^default = .*/default = "embed"/' "$home/etc/hal0/slots/$a.toml"
slot diff $a
rc_is "back as it was" 0

# ---- restart --all --if-changed ----
id=$(container $a '{{.Id}}')
slot restart --all --if-changed --json
rc_is "restart --all --if-changed where nothing differs" 0
is "touches nothing" "$(printf %s "$out" | jq -c '[.changed,[.items[].name]]') $(container $a '{{.Id}}')" \
  "[false,[\"$a\"]] $id"
slot start $b
other=$(container $b '{{.Id}}')
sed -i 's/^context_size = .*/context_size = 1024/' "$home/etc/hal0/slots/$a.toml"
slot restart --all --if-changed --dry-run
rc_is "--dry-run" 0
like "tells what differs" "$err" "*$a: --ctx-size is 2048, would be 1024*"
is "starts nothing" "$(container $a '{{.Id}}')" "$id"
slot restart --all --if-changed --json
rc_is "one of two has changed" 0
is "that one alone is started again" \
  "$(printf %s "$out" | jq -c '[.changed,[.items[]|[.name,.changed]]]') $(container $b '{{.Id}}')" \
  "[true,[[\"$a\",true],[\"$b\",false]]] $other"
like "it runs with the new settings" "$(container $a '{{.Args}}')" "*--ctx-size 1024*"
slot stop $b
slot restart --if-changed $b
rc_is "a slot that does not run is left alone" 0
ok "and stays down" sh -c "! podman container exists hal0-slot-$b"

# ---- an image's name that points to another image ----
mine=localhost/hal0-diff-e2e:1
podman tag "$image" $mine
sed -i "s|^image = .*|image = \"$mine\"|" "$home/etc/hal0/slots/$a.toml"
slot diff $a
rc_is "another name of the same image is no difference" 0
slot restart $a
printf 'FROM %s\nLABEL hal0.test=1\n' "$image" | podman build -q --pull=never -t $mine - >/dev/null 2>&1
slot diff $a --json
rc_is "the name points to another image now" 1
is "that is told" "$(printf %s "$out" | jq -c '.items[] | [.what, .message]')" \
  "[\"image\",\"image $mine is another one by now\"]"
slot restart --if-changed $a
rc_is "restart --if-changed takes it" 0
slot diff $a
rc_is "and then all is as it should be" 0

# ---- a model that is replaced under its path ----
file=$(container $a '{{range .Config.Cmd}}{{println .}}{{end}}' | sed -n '/^--model$/{n;p}')
[ -n "$file" ] || file=$(container $a '{{json .Config.CreateCommand}}' | jq -r '.[index("--model") + 1]')
chmod 600 "$file" && chmod 644 "$file" && ln "$file" "$tmp/backup"
slot diff $a
rc_is "other modes and another name of the same file are no difference" 0
rm "$tmp/backup" && cp "$file" "$file.new" && mv "$file.new" "$file"
slot diff $a --json
rc_is "another file in its place" 1
is "is told" "$(printf %s "$out" | jq -c '.items[] | [.what, .key, .message]')" \
  "[\"server\",\"--model\",\"--model $file is another one by now\"]"
slot restart --if-changed $a
rc_is "restart --if-changed takes that, too" 0
slot diff $a
rc_is "and then all is well" 0

# ---- what is refused ----
slot restart
rc_is "restart of nothing" 2
slot restart --all $a
rc_is "restart of all and one" 2
slot diff nosuch
rc_is "diff of an unknown slot" 2
printf 'port = "x"\n' >"$home/etc/hal0/slots/settings-c.toml"
slot diff
rc_is "a broken file of a slot that does not run is no matter of diff" 0
slot diff settings-c
rc_is "unless it is named" 3
slot stop $a $b

tap_done
