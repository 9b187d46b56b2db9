#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A FAKE podman for test/cli/examples.sh: a container is a process of answer.py and a file below
# $FAKE_PODMAN. It knows the calls hal0 makes, has every image but can fetch none.
set -eu
dir=$FAKE_PODMAN
mkdir -p "$dir"

run_one() {
  name='' labels='' port='' model='' pidfiles=''
  for word; do
    case $last in
    --label) labels="$labels,\"${word%%=*}\": \"${word#*=}\"" ;;
    --name) name=$word ;;
    --alias) model=$word ;;
    --port) port=$word ;;
    --pidfile | --conmon-pidfile) pidfiles="$pidfiles $word" ;;
    --log-opt) case $word in path=*) echo "1970-01-01T00:00:00.000000000+00:00 stdout F hello" >"${word#path=}" ;; esac ;;
    esac
    last=$word
  done
  remove_one "$name"
  setsid python3 "$HAL0_SOURCE/test/cli/answer.py" "$port" "${model:-model}" >/dev/null 2>&1 </dev/null &
  pid=$!
  for file in $pidfiles; do
    printf %s "$pid" >"$file"
  done
  id=$(printf '%064d' "$pid")
  printf '{"Names": ["%s"], "Id": "%s", "State": "running", "Labels": {%s}, "Image": "%s", "Pid": %s, "ExitCode": 0, "StartedAt": %s}\n' \
    "$name" "$id" "${labels#,}" fake "$pid" "$(date +%s)" >"$dir/$name"
  echo "$id"
}
remove_one() {
  [ -e "$dir/$1" ] || return 0
  kill "$(sed 's/.*"Pid": \([0-9]*\).*/\1/' "$dir/$1")" 2>/dev/null || true
  rm -f "$dir/$1"
}

last=''
while :; do
  case $1 in
  --*=*) shift ;;
  --*) shift 2 ;;
  *) break ;;
  esac
done
case $1 in
ps) find "$dir" -type f -exec cat {} + | paste -sd , | sed 's/^/[/; s/$/]/' ;;
image) [ "$2" = exists ] || echo '[]' ;;
images | inspect) echo '[]' ;;
container) echo 'running 0' ;;
run) run_one "$@" ;;
rm | stop | kill)
  for word; do
    case $word in
    hal0-slot-*) remove_one "$word" ;;
    *[!0-9]*) ;;
    *) # an id
      grep -ls "\"Id\": \"$word\"" "$dir"/* | while read -r ctr; do
        remove_one "${ctr##*/}"
      done
      ;;
    esac
  done
  ;;
logs) echo "server: hello" ;;
wait) echo 0 ;;
*)
  echo "Error: the stand-in has no registry" >&2
  exit 125
  ;;
esac
