#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The estimate against what a real llama-server says it allocates, over architectures, step sizes,
# sequences, cache types and with flash attention on and off; and what is learned from a load.
. "$HAL0_SOURCE/test/e2e/real.sh"
port=${HAL0_TEST_PORT:-8151}
needs jq python3
needs_image "$image"
name=hal0-test-fit
tap_cleanup() {
  podman rm --force --time 0 "$name" >/dev/null 2>&1
  rm -rf "$tmp"
}
export HAL0_HOME="$tmp/home"
unset HAL0_PODMAN HAL0_PODMAN_TIMEOUT HAL0_MODEL_STORE
chmod 755 "$tmp"

runtime=
[ -e /sys/fs/cgroup/cgroup.controllers ] || runtime='--runtime runc'
loaded() { # FLAG...: the server's log up to when it listens, in $tmp/log
  for _try in 1 2 3; do # on a busy machine podman may not yet be done with the one before
    load_once "$@"
    ! grep -q 'buffer size = ' "$tmp/log" || break
  done
}
load_once() {
  # shellcheck disable=SC2086 # two words or none
  podman $runtime run --rm --replace --name $name --pull=never --network host --volume "$tmp:/m:ro" \
    --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$image" --model /m/x.gguf \
    --host 127.0.0.1 --port "$port" --offline -lv 4 --fit off --no-warmup "$@" >"$tmp/log" 2>&1 &
  _i=0
  while kill -0 $! 2>/dev/null && ! grep -q 'listening on' "$tmp/log" && [ $_i -lt 3000 ]; do
    _i=$((_i + 1))
    sleep 0.02
  done
  _run=$! _i=0
  # its server may listen before podman knows that it runs
  until podman kill $name >/dev/null 2>&1 || ! kill -0 $_run 2>/dev/null || [ $_i -ge 100 ]; do
    _i=$((_i + 1))
    sleep 0.1
  done
  [ $_i -lt 100 ] || podman rm --force --time 0 $name >/dev/null 2>&1
  wait $_run
}
# "weights KV compute", in MiB, as the server says
measured() {
  awk '/buffer size = / {
    for (i = 1; i <= NF; i++) if ($i == "buffer") w = $(i - 1)
    sum[w] += $(NF - 1)
  } END { printf "%.2f %.2f %.2f", sum["model"], sum["KV"] + sum["RS"], sum["compute"] }' "$tmp/log"
}
estimate() { # FIT-FLAG...
  "$HAL0_BUILD/cmd/hal0-slot" fit --model "$tmp/x.gguf" --json "$@" 2>"$tmp/err" |
    jq -r '[.weights_bytes, .kv_bytes, .compute_bytes] | map((. // -1) / 1048576) | @tsv'
}
close() { # ESTIMATE MEASURED, three numbers each
  echo "$1 $2" | awk '
    function off(a, b, part, slack) { d = a - b; if (d < 0) d = -d; return d > part * b + slack }
    { exit off($1, $4, 0.001, 0.01) || off($2, $5, 0.01, 0.01) || off($3, $6, 0.15, 0.02) }'
}
row() { # CTX NP UB FA TYPE[/TYPE-OF-VALUES] [SERVER-FLAG...], of the model $what
  _est=$(estimate --ctx "$1" --parallel "$2" --ubatch "$3" --fa "$4" --ctk "${5%/*}" --ctv "${5#*/}")
  _what="$what: -c $1 -np $2 -ub $3 -fa $4, cache $5"
  _c=$1 _n=$2 _u=$3 _f=$4 _t=$5
  shift 5
  loaded -c "$_c" -np "$_n" -ub "$_u" -fa "$_f" -ctk "${_t%/*}" -ctv "${_t#*/}" "$@"
  _got=$(measured)
  printf '# %s: estimate %s, server %s MiB\n' "$_what" "$(echo "$_est" | tr '\t' ' ')" "$_got"
  ok "$_what" close "$_est" "$_got"
}
dense='layers=4 embd=512 heads=8 kv=2 hd=64 ff=1536'
moe='experts=16 used=4 eff=384'
make() { # ARCH KEY=NUMBER...
  what=$1
  shift
  python3 "$HAL0_SOURCE/test/e2e/fit-gguf.py" "$what" "$tmp/x.gguf" "$@"
}
# shellcheck disable=SC2086 # lists of words
{
  make llama $dense type=q8_0
  row 4096 1 512 on f16
  row 10000 4 128 off f16
  make qwen2 $dense vocab=32000
  row 4096 1 2048 on q4_0
  make qwen3moe $dense $moe type=q4_K
  row 4096 1 512 on q8_0
  row 8192 4 128 on f16
  make phi3 $dense swa=2047
  row 4096 1 512 on f16
  make mixtral $dense experts=8 used=2
  row 4096 1 512 on f16
  make gemma3 $dense layers=8 swa=512
  row 8192 1 512 on q8_0
  row 4096 4 2048 on f16
  make gemma2 $dense kv=8 swa=512
  row 4096 1 512 on f32/q8_0
  make gemma2 layers=2 embd=768 heads=2 kv=2 hd=128 ff=1024 swa=4096
  row 512 4 256 on q8_0
  make gpt-oss $dense $moe
  row 8192 1 512 on f16
  row 8192 2 512 off f16
  make gpt-oss layers=4 embd=256 heads=16 kv=4 hd=64 experts=8 used=8 eff=128
  row 1024 4 512 on f16
  make gpt-oss layers=4 embd=2048 heads=4 kv=2 hd=64 experts=8 used=1 eff=384 vocab=1024
  row 16384 4 512 on f16
  make gpt-oss layers=6 embd=1536 heads=8 kv=1 hd=128 experts=64 used=2 eff=768 vocab=1024
  row 2048 1 512 on q8_0
  make deepseek2 $dense $moe rope=64 nope=128 vd=128 qr=256 lora=512
  row 4096 1 512 on f16
  row 4096 4 128 on q8_0
  make mamba layers=4 embd=512 inner=1024 state=16 dtr=32
  row 4096 1 512 on f16
  row 4096 4 128 on f16
  make granitehybrid $dense layers=8 inner=1024 state=128 dtr=16 groups=1
  row 4096 1 512 on f16
  row 4096 4 128 on f16
  make granitehybrid layers=8 embd=512 heads=8 kv=2 ff=256 inner=1024 state=128 dtr=16 groups=1
  row 4096 1 2048 on f16
  make qwen35 $dense layers=8 heads=4 hd=128 inner=1024 state=128 dtr=8 groups=4
  row 8192 1 512 on q8_0
  row 4096 4 128 on f16
  make lfm2 $dense layers=6
  row 4096 1 2048 on f16
  make lfm2 layers=6 embd=512 heads=8 kv=2 ff=256
  row 4096 4 512 on f16
  make bert $dense kv=8 ff=2048 ctx=2048
  row 2048 1 512 on f16 --embedding
  row 2048 1 2048 off f16 --embedding
  make bert $dense kv=8 ff=1536 ctx=2048
  row 2048 1 2048 on f16 --embedding
  row 2048 1 512 on f16 --embedding
}

tap_done
