#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The programs are built so that a mistake in them is hard to use. Those of the package: e2e/deb.sh.
. "${HAL0_SOURCE:?}/test/tap.sh"
# shellcheck source=test/hardened.sh
. "$HAL0_SOURCE/test/hardened.sh"
for t in readelf objdump cc; do
  command -v $t >/dev/null 2>&1 || skip_all "$t is not installed"
done
! readelf --wide --dyn-syms "$HAL0_BUILD/cmd/hal0-slot" | grep -Eq '__(asan|ubsan|tsan|msan)_' ||
  skip_all "a build with sanitizers"
grep -q -- -D_FORTIFY_SOURCE "$HAL0_BUILD/compile_commands.json" || skip_all "a build without optimization"
for p in "$HAL0_BUILD"/cmd/hal0 "$HAL0_BUILD"/cmd/hal0-*; do
  [ ! -f "$p" ] || [ ! -x "$p" ] ||
    is "${p##*/}" "$(hardening_lacks "$p")" ""
done
# What a program loads is code that may have mistakes, and a tenth of a short call's time.
for p in hal0 hal0-conf hal0-route; do
  is "$p loads nothing of the probe's" "$(readelf --dynamic "$HAL0_BUILD/cmd/$p" | grep -oE 'lib(pci|udev)\.so')" ""
done
like "while the probe does" "$(readelf --dynamic "$HAL0_BUILD/cmd/hal0-probe")" "*libudev.so*"
# What it looks for is really missed.
cat >"$tmp/bare.c" <<'C'
#include <stdio.h>
int main(int argc, char **argv) { char b[64]; sprintf(b, "%s", argv[0]); return puts(b) < argc; }
C
cc -O2 -fno-pie -no-pie -U_FORTIFY_SOURCE -fno-stack-protector -fno-stack-clash-protection -fcf-protection=none \
  -Wl,-z,norelro -Wl,-z,lazy -Wl,-z,execstack -Wl,-rpath,/tmp -Wl,--no-warnings -o "$tmp/bare" "$tmp/bare.c" 2>/dev/null ||
  cc -O2 -fno-pie -no-pie -U_FORTIFY_SOURCE -fno-stack-protector -Wl,-z,norelro -Wl,-z,lazy -Wl,-z,execstack \
    -Wl,-rpath,/tmp -o "$tmp/bare" "$tmp/bare.c" 2>/dev/null
like "a program that has none of it is seen through" "$(hardening_lacks "$tmp/bare")" \
  "pie pie-flag relro bind-now no-exec-stack no-rpath stack-protector fortify*"
tap_done
