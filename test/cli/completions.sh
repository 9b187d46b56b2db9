#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The generated completions, asked in the three shells.
. "$HAL0_SOURCE/test/tap.sh"
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

complete_words hal0 sl
is "bash: the front completes a program" "$reply" " slot "
complete_words hal0 ''
has "help as well" " help "
complete_words hal0 help pro
has "help's topics" " profile "
complete_words hal0 slot st
is "bash: verbs" "$reply" " status start stop "
complete_words hal0-slot st
is "bash: verbs of the program itself" "$reply" " status start stop "
complete_words hal0 slot start --ti
is "bash: long options" "$reply" " --timeout "
complete_words hal0 slot start --dr
is "bash: options that come with writing" "$reply" " --dry-run "
complete_words hal0 slot logs --dr
is "bash: and only with it" "$reply" "  "
complete_words hal0 slot start c
is "bash: slots" "$reply" " chat "
complete_words hal0 slot load ''
has "an alias" " chat embed "
ok "bash: names are never run" test ! -e "$tmp/evil"
complete_words hal0 slot start chat ''
has "the second slot" " embed "
complete_words hal0 slot --json start e
is "bash: an option before the verb" "$reply" " embed "
complete_words hal0 slot create x --device gpu-v
is "bash: choices" "$reply" " gpu-vulkan "
complete_words hal0 slot create x --device = gpu-v
is "bash: choices after =" "$reply" " gpu-vulkan "
complete_words hal0 slot create x -d ''
has "choices after a letter" " cpu "
complete_words hal0 slot create x --profile ''
has "profiles" " vulkan rocm "
complete_words hal0 slot list --columns name,po
is "bash: columns" "$reply" " name,port "
complete_words hal0 slot --columns po
is "bash: columns of the default verb" "$reply" " port "
complete_words hal0 slot logs chat ''
is "bash: no operand too many" "$reply" "  "
complete_words hal0 slot list --unknown x
hasnt "unknown option" "chat"

# LINE|WANT, in all three shells
cat >"$tmp/lines" <<'END'
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
while IFS='|' read -r line want; do
  read -ra words <<<"$line"
  complete_words "${words[@]}"
  is "bash: $line" "$reply" " $want "
done <"$tmp/lines"
for tool in "$HAL0_BUILD"/cmd/hal0-*; do
  [ -f "$tool" ] || continue
  for verb in $("$tool" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z][a-z-]*\)  .*/\1/p'); do
    complete_words "${tool##*/}" ''
    has "${tool##*/} $verb" " $verb "
    lacks=''
    for option in $("$tool" "$verb" --help | sed -n 's/^  \(-., \|    \)\(--[a-z0-9-]*\).*/\2/p'); do
      complete_words "${tool##*/}" "$verb" "$option"
      case $reply in *" $option "*) ;; *) lacks="$lacks $option" ;; esac
    done
    is "bash: ${tool##*/} $verb: all its options" "$lacks" ""
  done
done

# ---- fish ----
if command -v fish >/dev/null; then
  fish_complete() { # LINE: first column of the candidates
    reply=" $(HOME=$tmp fish --no-config -c "source $dir/$1.fish; complete -C '$2'" 2>&1 | cut -f1 | tr '\n' ' ')"
  }
  fish_complete hal0 'hal0 sl'
  is "fish: the front completes a program" "$reply" " slot "
  fish_complete hal0 'hal0 slot st'
  is "fish: verbs" "$reply" " start status stop "
  fish_complete hal0-slot 'hal0-slot st'
  is "fish: verbs of the program itself" "$reply" " start status stop "
  fish_complete hal0 'hal0 slot start --ti'
  is "fish: long options" "$reply" " --timeout "
  fish_complete hal0 'hal0 slot start c'
  is "fish: slots" "$reply" " chat "
  fish_complete hal0 'hal0 slot start chat e'
  is "fish: the second slot" "$reply" " embed "
  fish_complete hal0 'hal0 slot create x --device gpu-v'
  is "fish: choices" "$reply" " gpu-vulkan "
  fish_complete hal0 'hal0 slot logs chat c'
  is "fish: no operand too many" "$reply" " "
  fish_complete hal0 'hal0 slot list --columns name,po'
  is "fish: columns" "$reply" " name,port "
  # all verbs and options of all programs, in one fish
  for tool in "$HAL0_BUILD"/cmd/hal0-*; do
    [ -f "$tool" ] || continue
    t=${tool##*/}
    for verb in $("$tool" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z][a-z-]*\)  .*/\1/p'); do
      echo "$t $verb|$verb"
      "$tool" "$verb" --help | sed -n "s/^  \\(-., \\|    \\)\\(--[a-z0-9-]*\\).*/$t $verb \\2|\\2/p"
    done
  done >"$tmp/all"
  ok "there are verbs and options" test "$(wc -l <"$tmp/all")" -gt 300
  {
    for f in "$dir"/hal0*.fish; do echo "source $f"; done
    sed "s/\(.*\)|\(.*\)/contains -- \2 (complete -C '\1' | cut -f1); or echo '\1'/" "$tmp/all"
  } >"$tmp/all.fish"
  is "fish: all of them" "$(HOME=$tmp fish --no-config "$tmp/all.fish" 2>&1 | tr '\n' ';')" ""
  while IFS='|' read -r line want; do
    fish_complete "${line%% *}" "$line" </dev/null
    is "fish: $line" "$reply" " $want "
  done <"$tmp/lines"
else
  echo "# fish is not installed: not tested"
fi

# ---- zsh ----
if command -v zsh >/dev/null; then
  ok "zsh: syntax" zsh -n "$dir/_hal0"
  # zsh completes on a terminal only; zpty is one. What is offered is noted by a wrapper.
  cat >"$tmp/ask.zsh" <<'ZSH'
zmodload zsh/zpty
out=$2/zsh.out
zpty ask zsh -f -i
zpty -w ask "PS1= PROMPT_EOL_MARK= TERM=dumb LISTMAX=0 OUT=$out; fpath=($1 \$fpath)"
zpty -w ask "autoload -U compinit; compinit -u -d $2/zdump; setopt no_list_beep; bindkey '^I' complete-word"
zpty -w ask 'compadd() { builtin compadd -A got "$@"; (( $#got )) && print -r -- "${(j: :)got}" >>$OUT; builtin compadd "$@" }'
zpty -w ask 'echo READ''Y'
zpty -r ask _ '*READY*'
zpty -w -n ask "$3"$'\t'
for i in {1..1200}; do
  [[ -s $out ]] && break
  sleep 0.05
done
sleep 0.1
zpty -d ask
ZSH
  zsh_complete() { # LINE
    : >"$tmp/zsh.out"
    timeout 100 zsh -f "$tmp/ask.zsh" "$dir" "$tmp" "$1" >"$tmp/zsh.log" 2>&1
    reply=" $(tr ' ' '\n' <"$tmp/zsh.out" | awk '!seen[$0]++' | tr '\n' ' ')"
  }
  zsh_complete 'hal0 sl'
  is "zsh: the front completes a program" "$reply" " slot "
  zsh_complete 'hal0 slot st'
  is "zsh: verbs" "$reply" " status start stop "
  zsh_complete 'hal0-slot st'
  is "zsh: verbs of the program itself" "$reply" " status start stop "
  zsh_complete 'hal0 slot start --ti'
  is "zsh: long options" "$reply" " --timeout "
  zsh_complete 'hal0 slot start c'
  is "zsh: slots" "$reply" " chat "
  zsh_complete 'hal0 slot create x --device gpu-v'
  is "zsh: choices" "$reply" " gpu-vulkan "
  while IFS='|' read -r line want; do
    zsh_complete "$line" </dev/null
    is "zsh: $line" "$reply" " $want "
  done <"$tmp/lines"
else
  echo "# zsh is not installed: not tested"
fi
tap_done
