#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every command that -h, a manual page or README.md shows is run here, on a machine that is made up,
# with a podman and servers that stand in, and in a network where nobody else is.
[ "${HAL0_ALONE:-no}" != no ] || exec "${HAL0_SOURCE:?}/test/alone" -r bash "$0"
. "${HAL0_SOURCE:?}/test/tap.sh"
: "${tmp:?}" # nothing below may write anywhere else
PATH=$PATH:/usr/sbin:/sbin
[ "$HAL0_ALONE" = yes ] || skip_all "no network of its own: unshare or ip failed"
ip address add 192.168.1.5/32 dev lo # what an example is to listen on
for tool in jq python3 git; do
  command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done

export HAL0_HOME=$tmp/home HAL0_SYSROOT=$tmp/root FAKE_PODMAN=$tmp/containers NO_COLOR=1
export HAL0_PODMAN=$HAL0_SOURCE/test/cli/fake-podman.sh PATH=$tmp/bin:$HAL0_BUILD/cmd:$PATH
unset HAL0_MODEL_STORE
etc=$HAL0_HOME/etc/hal0
mkdir "$tmp/bin"
tap_cleanup() {
  clear_world
  rm -rf "$tmp"
}
clear_world() {
  cd /
  for ctr in "$FAKE_PODMAN"/*; do
    [ ! -e "$ctr" ] || "$HAL0_PODMAN" rm "${ctr##*/}"
  done
  rm -rf "$HAL0_HOME" "$tmp/cwd" "$tmp/srv" "$tmp/containers.d"
}

# ---- the machine, the world ----
sh "$HAL0_SOURCE/test/machines/make.sh" halo-512m "$HAL0_SYSROOT"
"$HAL0_BUILD/scripts/tiny-gguf" "$tmp/tiny.gguf" >/dev/null
for tool in systemctl update-initramfs reboot nvidia-ctk; do
  printf '#!/bin/sh\nexit 0\n' >"$tmp/bin/$tool"
done
printf '#!/bin/sh\necho "a change"\n' >"$tmp/bin/git"
printf '#!/bin/sh\necho "{}"\n' >"$tmp/bin/curl"
chmod +x "$tmp/bin"/*

slot() { # NAME TYPE PORT MODEL
  printf 'name = "%s"\ntype = "%s"\nport = %s\ndevice = "cpu"\nimage = "localhost/fake:1"\nidle_timeout_s = 600\n\n[model]\ndefault = "%s"\n' \
    "$1" "$2" "$3" "$4" >"$etc/slots/$1.toml"
}
empty_world() { # a fresh installation; a file in /srv
  clear_world
  mkdir -p "$etc/slots" "$HAL0_HOME/var-lib/hal0/models" "$tmp/cwd" "$tmp/srv/models" "$tmp/containers.d" "$HAL0_HOME/etc/modprobe.d"
  printf '[models]\nhub = "https://hub.example.org/"\n' >"$etc/hal0.toml"
  cp "$tmp/tiny.gguf" "$tmp/srv/models/qwen3-4b.gguf"
  cp "$tmp/tiny.gguf" "$tmp/srv/models/some.gguf"
  cp "$tmp/tiny.gguf" "$tmp/srv/m.gguf"
}
full_world() { # slots and models by the names that examples use
  empty_world
  for model in qwen3-4b qwen3-8b bge-m3 tiny some-embedder bge-reranker; do
    cp "$tmp/tiny.gguf" "$HAL0_HOME/var-lib/hal0/models/$model.gguf"
  done
  mkdir "$HAL0_HOME/var-lib/hal0/models/vl"
  cp "$tmp/tiny.gguf" "$HAL0_HOME/var-lib/hal0/models/vl/vl.gguf"
  cp "$tmp/tiny.gguf" "$HAL0_HOME/var-lib/hal0/models/vl/mmproj-vl.gguf"
  slot primary llm 8081 qwen3-4b
  slot lab llm 8091 tiny
  slot embed-chat llm 8094 tiny
  slot embed embedding 8092 bge-m3
  slot rerank reranking 8093 bge-reranker
  cp "$tmp/mine" "$etc/profiles.toml" 2>/dev/null
  cd "$tmp/cwd" || exit 1
  cp "$tmp/tiny.gguf" a.gguf
  echo audio >meeting.wav
  echo '{"model": "primary", "messages": [{"role": "user", "content": "hi"}]}' >request.json
  printf 'version = "1.9"\n[hosts."a.b"]\ntags = []\n[[servers]]\nname = "x"\n[[servers]]\nname = "y"\n' >f.toml
  printf '[tool.black]\nline = 1\n' >pyproject.toml
  echo 'a = 1' >file.toml
  printf 'run = []\n[slots.primary]\nmodel.context_size = 4096\n' >box.toml
  echo '{"run": [], "slots": {"primary": {"model": {"context_size": 4096}}}}' >box.json
  (umask 077 && echo a-key-of-some-length >"$etc/keys" && echo another-key-of-some-length >"$etc/node-key")
}

# ---- what is shown ----
from_help() {
  for program in "$HAL0_BUILD"/cmd/hal0-*; do
    [ -f "$program" ] || continue
    for verb in $("$program" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z][a-z-]*\)  .*/\1/p'); do
      "$program" "$verb" --help | sed -n '/^Examples:/,$s/^  \([^ ]\)/\1/p'
    done
  done
}
# shellcheck disable=SC2016 # the backticks are the page's
from_page() { sed -n '/^```/,/^```/s/^[#$] //p; s/^\t# \(hal0[^+]*\).*/\1/p; s/^# \(hal0 .*\)/\1/p' "$1" | uniq; }
from_readme() { # without what quickstart prints, which is indented further
  sed -n '/^    hal0 quickstart:/,/--undo$/d; s/^    \([^ ].*\)/\1/p' "$HAL0_SOURCE/README.md"
}

# ---- running ----
# What must have happened before a single example makes sense.
before() { # COMMAND
  case $1 in
  'hal0 cap apply change.plan') echo 'hal0 cap plan -f box.toml -o change.plan' ;;
  'hal0 cap on rerank'*) echo 'hal0 cap set rerank --model bge-reranker --device cpu --no-start' ;;
  'hal0 cap on vision'*) echo 'hal0 cap set vision --model vl --device cpu --no-start' ;;
  'hal0 cap undo'*) echo 'hal0 cap set embed --model bge-m3 --no-start' ;;
  'hal0 conf undo'*) echo 'hal0 slot set primary model.context_size=2048' ;;
  'hal0 model add /srv'* | 'hal0 model rm'*) echo 'hal0 slot delete primary --yes' ;;
  'hal0 profile clone vulkan mine'*) echo 'hal0 profile delete mine --yes' ;;
  'hal0 profile import'*) echo 'hal0 profile export mine >mine.hal0profile.json' ;;
  'hal0 route export haproxy --check') echo 'hal0 route export haproxy' ;;
  'hal0 route export haproxy --undo') echo 'hal0 route export haproxy && hal0 route export haproxy --port 8089' ;;
  'hal0 slot create embed'*) echo 'hal0 slot delete embed --yes' ;;
  'hal0 slot create lab'*) echo 'hal0 slot delete lab --yes' ;;
  *' --path /v1/embeddings') echo "echo '{\"model\": \"embed\", \"input\": \"x\"}' >request.json" ;;
  *'route call embed '*) echo 'hal0 slot start embed' ;;
  *'route call rerank '* | *'/v1/rerankings') echo 'hal0 slot start rerank' ;;
  'hal0 slot bench primary embed-chat'*) echo 'hal0 slot start primary embed-chat' ;;
  'hal0 slot bench primary'* | 'hal0 slot status'* | 'hal0 slot stop'* | 'hal0 slot swap primary qwen'* | 'hal0 slot wait'* | \
    'hal0 slot logs'* | 'hal0 slot diff primary'* | 'hal0 slot key'* | *'route c'*) echo 'hal0 slot start primary' ;;
  esac
  case $1 in 'hal0 model add /srv'*) echo "rm $HAL0_HOME/var-lib/hal0/models/qwen3-4b.gguf" ;; esac
}
# The exit code that is right here, 0 if not said; - and why: not run.
awaited() { # COMMAND SOURCE
  case $1 in
  scripts/*) echo '- installs or builds: the e2e tests do' ;;
  *'--watch'* | 'hal0 route serve'* | 'hal0 slot logs -f '*) echo 124 ;; # does not end by itself
  'hal0 model pull'*) echo 7 ;;                                         # there is no network
  'hal0 profile pull') if [ "$2" = -h ]; then echo 0; else echo 7; fi ;; # nor a registry, if need be
  'hal0 profile pull'* | 'hal0 profile upgrade vulkan'*) echo 7 ;;      # likewise
  'hal0 slot bench primary'*) echo 7 ;;                                 # the stand-in has no /tokenize
  *'--node '*) echo 7 ;;                                                # nor the other boxes
  'hal0 profile images --check'*) echo 1 ;;                             # nobody can say
  'hal0 slot diff primary'* | 'hal0 slot diff chat') echo 1 ;;          # the stand-in cannot show what runs
  *) echo 0 ;;
  esac
}
try() { # SOURCE COMMAND
  want=$(awaited "$2" "$1")
  case $want in
  -*)
    tap_result 0 "$1: $2 # SKIP ${want#- }"
    return
    ;;
  esac
  command=${2//\/etc\/hal0/$etc}
  command=${command//\/srv\//$tmp\/srv\/}
  command=${command//\/etc\/containers\//$tmp\/containers.d\/}
  case $command in 'hal0 route chat'*) command="echo hi | $command" ;; esac
  [ "$want" = 124 ] && limit=0.5 || limit=120
  cd "$tmp/cwd" || exit 1
  run timeout -k 1 "$limit" bash -c "$command"
  is "$1: $2" "$rc" "$want"
  [ "$rc" = "$want" ] || printf '%s\n' "$out" "$err" | head -n 6 | sed 's/^/# /'
}

full_world
run hal0 profile clone vulkan mine
cp "$etc/profiles.toml" "$tmp/mine"
from_help >"$tmp/list"
ok "-h shows examples" test "$(wc -l <"$tmp/list")" -ge 120
while read -r line <&3; do
  full_world
  before "$line" >"$tmp/before"
  [ ! -s "$tmp/before" ] || ok "before: $(tr "\n" " " <"$tmp/before")" bash -e "$tmp/before"
  try -h "$line"
done 3<"$tmp/list"

for page in "$HAL0_SOURCE"/man/*.scd; do
  from_page "$page" >"$tmp/list"
  name=${page##*/} name=${name%.scd}
  ok "$name shows commands" test -s "$tmp/list"
  if [ "$name" = hal0-tutorial.7 ]; then empty_world; else full_world; fi
  while read -r line <&3; do
    try "$name" "$line"
  done 3<"$tmp/list"
done

full_world
from_readme >"$tmp/list"
ok "README shows commands" test "$(wc -l <"$tmp/list")" -ge 15
while read -r line <&3; do
  try README "$line"
done 3<"$tmp/list"

# ---- the files that pages show ----
# shellcheck disable=SC2016 # the backticks are the page's
shown() { # PAGE: the block below EXAMPLE
  sed -n '/^# EXAMPLE/,/^# [FS]/p' "$HAL0_BUILD/man/$1.scd" 2>/dev/null | sed '/^```/,/^```/!d; /^```/d'
}
if [ -e "$HAL0_BUILD/man/hal0.toml.5.scd" ]; then
  for file in slot.toml=slots/primary.toml profiles.toml capabilities.toml hal0.toml=hal0.toml upstreams.toml; do
    full_world
    page=hal0-${file%%=*}.5
    [ "$file" != hal0.toml=hal0.toml ] || page=hal0.toml.5
    shown "$page" >"$etc/${file#*=}"
    ok "$page shows a file" test -s "$etc/${file#*=}"
    run hal0 conf check
    like "$page: its file is valid" "$rc $out$err" "0 *nothing to report"
  done
  full_world
  shown hal0-apply.5 >box.toml
  ok "hal0-apply.5 shows a document" test -s box.toml
  run hal0 cap plan -f box.toml
  rc_is "hal0-apply.5: it can be planned" 0
  shown hal0-exit.7 >wait.sh
  ok "hal0-exit.7 shows a script" test -s wait.sh
  run sh -e wait.sh
  rc_is "hal0-exit.7: it works" 0
fi
tap_done
