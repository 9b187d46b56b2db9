#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hal0-route serve between hostile clients and hostile slots.
. "${HAL0_SOURCE:?}/test/tap.sh"
command -v python3 >/dev/null 2>&1 || skip_all "python3 is not installed"
export HAL0_HOME="$tmp/home" NO_COLOR=1
python3 "$HAL0_SOURCE/test/cli/serve-attack.py" 8170 8199
