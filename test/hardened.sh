# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by tests. What a program was built with, read off the file itself.
#   hardening_lacks FILE    prints what is missing, a word each; nothing when all is there

_hardening_code() { # FILE PATTERN: how often its code has the instruction
  objdump --disassemble --no-show-raw-insn "$1" | grep -c "$2"
}
hardening_lacks() {
  _f=$1
  _head=$(LC_ALL=C readelf --wide --file-header --program-headers --dynamic "$_f" 2>/dev/null)
  _symbols=$(LC_ALL=C readelf --wide --dyn-syms "$_f" 2>/dev/null)
  has() { # TEXT PATTERN WHAT
    printf '%s\n' "$1" | grep -Eq -e "$2" || printf '%s ' "$3"
  }
  has_not() {
    ! printf '%s\n' "$1" | grep -Eq -e "$2" || printf '%s ' "$3"
  }
  has "$_head" '^ *Type: +DYN .*' pie
  has "$_head" '\(FLAGS_1\).* PIE' pie-flag
  has "$_head" '^ +GNU_RELRO ' relro
  has "$_head" '\(FLAGS(_1)?\).*NOW' bind-now
  has "$_head" '^ +GNU_STACK .* RW ' no-exec-stack
  has_not "$_head" '^ +LOAD .* RWE ' write-or-execute
  has_not "$_head" '\((RPATH|RUNPATH)\)' no-rpath
  has_not "$_head" '\(TEXTREL\)' no-text-relocations
  has "$_symbols" ' __stack_chk_fail(@|$)' stack-protector
  has "$_symbols" ' __[a-z]+_chk(@|$)' fortify
  case $(uname -m) in
  x86_64)
    [ "$(_hardening_code "$_f" '\<endbr64')" -ge 10 ] || printf 'cet '
    # pages of a large frame are touched one after the other
    # shellcheck disable=SC2016
    [ "$(_hardening_code "$_f" '\(or\|mov\)[ql] *\$0x0,.*(%rsp)')" -ge 1 ] || printf 'stack-clash '
    ;;
  esac
}
