#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The tree keeps to its layers; and the check sees each way of not doing so.
. "$HAL0_SOURCE/test/tap.sh"
check=$HAL0_SOURCE/scripts/check-layers

run "$check" "$HAL0_SOURCE"
is "the tree keeps to its layers" "$rc$out$err" 0

plant() { # FILE LINE
  rm -rf "$tmp/tree"
  mkdir -p "$tmp/tree/${1%/*}"
  printf '/* a file */\n%s\n' "$2" >"$tmp/tree/$1"
  run "$check" "$tmp/tree"
}
bad() { # FILE LINE MESSAGE
  plant "$1" "$2"
  is "found in $1: $2" "$rc $out" "1 $1:2: $3"
}
good() {
  plant "$1" "$2"
  is "fine in $1: $2" "$rc$out" 0
}
bad lib/base/x.c '#include "sys/io.h"' 'base may not include sys/io.h'
bad lib/fmt/x.h '#include "cli/main.h"' 'fmt may not include cli/main.h'
bad lib/conf/x.c '#  include "model/slot.h"' 'conf may not include model/slot.h'
bad lib/conf/x.c '#include "hw/hw.h"' 'conf may not include hw/hw.h'
bad lib/run/x.c '#include "cli/main.h"' 'run may not include cli/main.h'
bad lib/model/x.c '#include "run/http.h"' 'model may not include run/http.h'
bad lib/model/x.c '#include "sys/io.h"' 'model may not include sys/io.h'
bad lib/model/x.c '#include <sys/stat.h>' 'model does no I/O, sys/stat.h is for that'
bad lib/sys/x.c '#include "slot/opts.h"' 'sys may not include slot/opts.h'
bad lib/sys/x.c '#include "../base/err.h"' 'an include is never relative'
bad cmd/slot/x.c '#include "cap/opts.h"' 'cmd/slot may not include cap/opts.h'
bad lib/conf/x.c '#include <jansson.h>' 'jansson.h may only be included in lib/fmt/json.c'
bad cmd/route/x.c '#include <curl/curl.h>' 'curl/curl.h may only be included in lib/run/http.c'
bad lib/conf/x.c '	printf("x");' 'the library does not print'
bad lib/conf/x.c '	fputs("x", stderr);' 'the library does not print'
bad cmd/slot/x.c '	goto out;' 'goto: return early, the cleanup attributes do the rest'
bad lib/cli/x.c '	system("ls");' 'system: no shell, use sys/spawn.h'
bad lib/run/x.c '	popen (cmd, "r");' 'popen: no shell, use sys/spawn.h'
bad lib/run/x.c '	strcpy(a, b);' 'strcpy: unbounded or unsafe'
plant lib/own/x.c 'int x;'
is "a layer nobody knows" "$rc $out" "1 lib/own/x.c: unknown layer own"

good lib/run/x.c '#include "model/slot.h"'
good lib/fmt/json.c '#include <jansson.h>'
good lib/cli/x.c '	printf("x");'
good cmd/slot/x.c '#include "opts.h"'
good lib/conf/x.c '	snprintf(a, n, "goto system(x) printf(y)"); /* goto stdout */'
good lib/conf/x.c '	int popen_count, stdout_closed; x.system_ = 1;'
tap_done
