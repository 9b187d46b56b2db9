#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The soak (scripts/soak), short: twice; scripts/soak goes on with other seeds. A failure
# names the seed and keeps the home. Real podman, a real llama-server, storage of its own.
. "$HAL0_SOURCE/test/e2e/real.sh"
needs python3
needs_image "$image"
unset HAL0_HOME HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE

soak() { # SEED
  TMPDIR=/tmp "$HAL0_SOURCE/scripts/soak" --minutes 0.4 --rest 12 --seed "$1" >"$tmp/said" 2>&1 || printf '# failed\n'
  _why=$(sed -n 's/^1\.\.0 # SKIP //p' "$tmp/said")
  [ -z "$_why" ] || skip_all "$_why"
  grep -v '^1\.\.' "$tmp/said" | sed 's/^\(not \)\{0,1\}ok 1 - /# /'
  is "seed $1: $(sed -n 's/^ok 1 - //p' "$tmp/said")" "$(grep -c '^ok 1 - [1-9]' "$tmp/said")" 1
}
soak 1
soak 2
tap_done
