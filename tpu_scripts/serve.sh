#!/usr/bin/env bash
# Serves an exported checkpoint (RUN/hf) with SGLang: chat completions as OpenAI's, and /generate.
#
#   serve.sh runs/sft/hf --install                                 on this machine's GPUs
#   serve.sh runs/sft/hf --engine=sglang-jax --install             on this machine's TPU
#   serve.sh /mnt/runs/a/hf --engine=sglang-jax --name=NAME --zone=ZONE    on worker 0 of a TPU VM
#
# Flags
#   --engine=NAME      sglang (GPU, the default), sglang-jax (TPU), sglang-cpu (a laptop; `make sglang-cpu` installs it)
#   --port=N           of the server (default: 30000)
#   --host=ADDRESS     that it listens on (default: 127.0.0.1); 0.0.0.0 lets every machine in
#   --venv=PATH        the engine's own environment (default: .venv-sglang, .venv-sglang-jax beside this tree)
#   --install          make that environment first, if it is not there; sglang-jax needs Python 3.12
#   --name=NAME        of a TPU VM, with --zone and --project: serve there, from the tree of sync.sh, until Ctrl-C
#   --dry-run          print the commands that would be run, and run none
#   --help             this text
#
# What follows `--` is given to the server: serve.sh runs/sft/hf -- --tp 8. SGLang has an environment of its own because
# it pins other packages than this project.

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tpu_scripts/common.sh
source "$here/common.sh"

directory='' engine=sglang port=30000 address=127.0.0.1 venv='' install=false
while (($#)) && [[ $1 != -- ]]; do
  [[ $1 != --*=* ]] || set -- "${1%%=*}" "${1#*=}" "${@:2}"
  consumed=2
  case $1 in
    --engine) engine=$(value "$@") ;;
    --port) port=$(number "$@") ;;
    --host) address=$(value "$@") ;;
    --venv) venv=$(value "$@") ;;
    --install) install=true consumed=1 ;;
    -*) common_flag "$@" ;;
    *)
      [[ -z $directory ]] || die "one directory of a model, not $directory and $1"
      directory=$1 consumed=1
      ;;
  esac
  shift "$consumed"
done
[[ $# -eq 0 ]] || shift
further=("$@")
[[ -n $directory ]] || die "the directory of the model is missing: serve.sh RUN/hf"
directory=${directory%/}

case $engine in
  sglang)
    package='sglang>=0.5' default=.venv-sglang
    server=(-m sglang.launch_server --model-path "$directory" --served-model-name "${directory##*/}")
    ;;
  sglang-jax)
    package='sglang-jax[tpu]>=0.1.0rc0' default=.venv-sglang-jax
    server=(-m sgl_jax.launch_server --model-path "$directory" --device tpu)
    ;;
  sglang-cpu)
    package='' default=.venv-sglang
    server=("$here/../tools/sglang_cpu/serve.py" "$directory")
    ;;
  *) die "--engine is $engine: sglang, sglang-jax and sglang-cpu are known" ;;
esac
server+=(--host "$address" --port "$port" ${further[@]+"${further[@]}"})

serve_there() {
  local again=("astra/tpu_scripts/serve.sh" "$directory" "--engine=$engine" "--port=$port" "--host=$address")
  [[ -z $venv ]] || again+=("--venv=$venv")
  ! $install || again+=(--install)
  ((${#further[@]} == 0)) || again+=(-- "${further[@]}")
  require zone
  need_gcloud
  # With a terminal, so that Ctrl-C reaches the server.
  tpu tpu-vm ssh --worker=0 --command="bash$(quoted "${again[@]}")" -- -t
}

serve_here() {
  : "${venv:=$here/../$default}"
  $dry_run || [[ -f $directory/config.json ]] || die "$directory has no config.json: give an exported model, RUN/hf"
  if [[ ! -x $venv/bin/python ]]; then
    $install || $dry_run || die "$venv has no environment with $engine: --install makes it${package:+ with $package}"
    if $install; then make_environment; fi
  fi
  run exec "$venv/bin/python" "${server[@]}"
}

make_environment() {
  [[ -n $package ]] || die "for sglang-cpu the command is: make sglang-cpu"
  if command -v uv >/dev/null; then
    run uv venv --quiet --python 3.12 "$venv"
    run uv pip install --quiet --prerelease=allow --python "$venv/bin/python" "$package"
  else
    run python3.12 -m venv "$venv"
    run "$venv/bin/python" -m pip install --quiet --pre "$package"
  fi
}

if [[ -n $name ]]; then serve_there; else serve_here; fi
