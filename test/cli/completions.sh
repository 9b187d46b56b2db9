#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The generated completions, asked in the three shells.
. "${HAL0_SOURCE:?}/test/tap.sh"
: "${tmp:?}" # nothing below may write anywhere else
dir=$HAL0_BUILD/completions

mkdir "$tmp/bin"
# a slot's name is had from the files: pressing TAB asks no podman
for t in "slot:list --files:chat:embed" profile:list:vulkan:rocm model:list:qwen:bge; do
  IFS=: read -r tool words a b <<<"$t"
  # shellcheck disable=SC2016
  printf '#!/bin/sh\n[ "$*" = "%s --format {name}" ] && printf "%%s\\n" %s %s '"'a\$(touch $tmp/evil)'"'\n' \
    "$words" "$a" "$b" >"$tmp/bin/hal0-$tool"
  chmod +x "$tmp/bin/hal0-$tool"
done
PATH=$tmp/bin:$PATH

# LINE|WANT, in all three shells
cat >"$tmp/lines" <<'END'
hal0 sl|slot
hal0 slot st|start status stop
hal0-slot st|start status stop
hal0 slot start --ti|--timeout
hal0 slot start c|chat
hal0 slot start chat e|embed
hal0 slot create x --device gpu-v|gpu-vulkan
hal0 model show q|qwen
hal0-model rm b|bge
hal0 model loadouts pl|plan
hal0 model loadouts plan vo|voice
hal0-model loadouts show cr|creative
hal0 slot create x --model q|qwen
hal0 slot swap chat b|bge
hal0 cap on voice.s|voice.stt
hal0-cap set embed.r|embed.rerank
hal0 cap on voice.stt --device gpu-v|gpu-vulkan
hal0 route export h|haproxy
hal0 route export haproxy --node-k|--node-key-file
hal0 route call e|embed
hal0 slot export ku|kube
hal0 slot export kube c|chat
hal0 profile show v|vulkan
hal0 conf schema upst|upstreams
hal0 probe rec|recommend
hal0 status --int|--interval
END
# every verb and every option of every program, by what -h says
for tool in "$HAL0_BUILD"/cmd/hal0-*; do
  [ -f "$tool" ] || continue
  t=${tool##*/}
  for verb in $("$tool" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z][a-z-]*\)  .*/\1/p'); do
    echo "$t $verb|$verb"
    "$tool" "$verb" --help | sed -n "s/^  \\(-., \\|    \\)\\(--[a-z0-9-]*\\).*/$t $verb \\2|\\2/p"
  done
done >"$tmp/all"
ok "there are verbs and options" test "$(wc -l <"$tmp/all")" -gt 300
sorted() {
  tr ' ' '\n' | sort -u | paste -s -d ' ' | sed 's/^ *//; s/ *$//'
}
answers() { # SHELL: its LINE|WORD WORD... in $tmp/SHELL.out, for the lines of $tmp/lines and $tmp/all
  is "$1: answers" "$(wc -l <"$tmp/$1.out")" "$(cat "$tmp/lines" "$tmp/all" | wc -l)"
  while IFS='|' read -r line want; do
    is "$1: $line" "$(grep -m 1 -F -e "$line|" "$tmp/$1.out" | cut -d '|' -f 2 | sorted)" "$want"
  done <"$tmp/lines"
  is "$1: each verb, each option" "$(cut -d '|' -f 2 "$tmp/lines" "$tmp/all" | paste -d '|' "$tmp/$1.out" - |
    tail -n "$(wc -l <"$tmp/all")" |
    awk -F '|' '{ n = split($2, word, " "); for (i = 1; i <= n && word[i] != $3; i++); if (i > n) print $1 ": " $2 }')" ""
}

# ---- bash ----
# shellcheck source=/dev/null
. "$dir/hal0"
complete_words() { # WORD... : the last one is being completed
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  _hal0 2>/dev/null
  reply=" ${COMPREPLY[*]} "
}
has() { # NAME PATTERN
  like "bash: $1" "$reply" "*$2*"
}
hasnt() {
  case $reply in
  *"$2"*) tap_result 1 "bash: $1" && printf '# %s\n' "$reply" ;;
  *) tap_result 0 "bash: $1" ;;
  esac
}

complete_words hal0 ''
has "help as well" " help "
complete_words hal0 help pro
has "help's topics" " profile "
complete_words hal0 slot start --dr
is "bash: options that come with writing" "$reply" " --dry-run "
complete_words hal0 slot logs --dr
is "bash: and only with it" "$reply" "  "
complete_words hal0 slot load ''
has "an alias" " chat embed "
ok "bash: names are never run" test ! -e "$tmp/evil"
complete_words hal0 slot start chat ''
has "the second slot" " embed "
complete_words hal0 slot --json start e
is "bash: an option before the verb" "$reply" " embed "
complete_words hal0 slot create x --device = gpu-v
is "bash: choices after =" "$reply" " gpu-vulkan "
complete_words hal0 slot create x -d ''
has "choices after a letter" " cpu "
complete_words hal0 slot create x --profile ''
has "profiles" " vulkan rocm "
complete_words hal0 slot list --columns name,po
is "bash: columns" "$reply" " name,port "
complete_words hal0 slot fit --history --columns name,est-k
is "bash: columns of another report" "$reply" " name,est-kv "
complete_words hal0 slot --columns po
is "bash: columns of the default verb" "$reply" " port "
complete_words hal0 slot logs chat ''
is "bash: no operand too many" "$reply" "  "
complete_words hal0 slot list --unknown x
hasnt "unknown option" "chat"

while IFS='|' read -r line _; do
  read -ra words <<<"$line"
  complete_words "${words[@]}"
  echo "$line|$reply"
done < <(cat "$tmp/lines" "$tmp/all") >"$tmp/bash.out"
answers bash

# ---- fish ----
if command -v fish >/dev/null; then
  {
    for f in "$dir"/hal0*.fish; do echo "source $f"; done
    cut -d '|' -f 1 "$tmp/lines" "$tmp/all" | sed "s/.*/echo '&|'(complete -C '&' | cut -f1 | string join ' ')/"
    for line in 'hal0 slot logs chat c' 'hal0 slot list --columns name,po'; do
      echo "complete -C '$line' | cut -f1 >&2"
    done
  } >"$tmp/ask.fish"
  HOME=$tmp fish --no-config "$tmp/ask.fish" >"$tmp/fish.out" 2>"$tmp/fish.more" </dev/null
  answers fish
  is "fish: no operand too many; columns" "$(cat "$tmp/fish.more")" name,port
else
  echo "# fish is not installed: not tested"
fi

# ---- zsh ----
if command -v zsh >/dev/null; then
  ok "zsh: syntax" zsh -n "$dir/_hal0"
  # zsh completes on a terminal only; zpty is one. One shell is asked for all lines, by a widget; what is
  # offered is noted by a wrapper.
  cat >"$tmp/ask.zsh" <<'ZSH'
zmodload zsh/zpty
cat >$2/widget.zsh <<'WIDGET'
autoload -U compinit
compinit -u -d $DIR/zdump
setopt no_list_beep no_auto_menu
LISTMAX=100000
compadd() { builtin compadd -A got "$@"; offered+=($got); builtin compadd "$@" }
ask-all() {
  for line in "${(@f)$(<$DIR/zsh.lines)}"; do
    offered=() BUFFER=$line CURSOR=$#line
    zle list-choices
    print -r -- "$line|${(j: :)offered}" >>$DIR/zsh.out
  done
  BUFFER=''
  print EN''D
}
zle -N ask-all
bindkey '^I' ask-all
print READ''Y
WIDGET
zpty ask zsh -f -i
zpty -w ask "PS1= PROMPT_EOL_MARK= TERM=dumb DIR=$2; fpath=($1 \$fpath); . $2/widget.zsh"
zpty -r ask _ '*READY*'
zpty -w -n ask $'\t'
zpty -r ask _ '*END*'
zpty -d ask
ZSH
  cut -d '|' -f 1 "$tmp/lines" "$tmp/all" >"$tmp/zsh.lines"
  timeout 200 zsh -f "$tmp/ask.zsh" "$dir" "$tmp" >"$tmp/zsh.log" 2>&1 </dev/null
  answers zsh
else
  echo "# zsh is not installed: not tested"
fi
tap_done
