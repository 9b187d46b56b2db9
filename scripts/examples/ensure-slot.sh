#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# An example: makes sure that a slot is there, has the model and context it shall have, and runs. Run
# it as often as you like; what is right already is not touched. The exit code is that of the command
# that failed, see hal0-exit(7).
#   ensure-slot.sh NAME MODEL CONTEXT [CREATE-OPTION...]
set -eu
name=$1 model=$2 context=$3
shift 3

rc=0
hal0 slot create "$name" --model "$model" --ctx "$context" "$@" --quiet || rc=$?
case $rc in
0) ;;
# it is there, and different: conflict
4) hal0 slot set "$name" model.default="$model" model.context_size="$context" --quiet ;;
*) exit $rc ;;
esac

hal0 slot restart "$name" --if-changed --quiet # runs with older settings
hal0 slot start "$name" --quiet                # does not run
hal0 slot status "$name" --format '{name} {state} {url}' --no-header
