#!/usr/bin/env bash
# Trains on a TPU pod: starts `astra` on every host, watches it, and starts it again when it was interrupted.
#
#   launch.sh --name=NAME --zone=ZONE -- sft --config=configs/sft/qwen3_14b.py --config.run_dir=/mnt/runs/NAME ...
#
# What follows `--` is given to `astra`, with --pod, on each host. config.run_dir must be a folder that all hosts share.
# The same launch.sh again joins a run that is there, or goes on with one that was stopped. A Ctrl-C ends the watching
# and not the run: stop.sh does that.
#
# Where it runs (a TPU VM that is there, unless said otherwise)
#   --name=NAME         the TPU VM, the queued resource or the JobSet
#   --zone=ZONE         where the TPU VM is
#   --project=PROJECT   of Google Cloud (default: that of gcloud)
#   --create            make the TPU VM when it is not there, and again when it was preempted
#   --queued            the same by a queued resource of this name, which may have to wait
#   --gke               a JobSet in the cluster that kubectl speaks to
#   --accelerator=TYPE  to create: v4-64, v5e-16, v5p-64, v6e-256; with --gke only v4, v5e, v5p, v6e or tpu7x
#   --runtime=VERSION   to create: software of the TPU VM (default: the one for JAX on that accelerator)
#   --spot              to create: capacity that is cheaper and can be preempted
#   --wait=SECONDS      for the TPU to be there (default: 86400)
# With --gke
#   --topology=AxBxC    chips of a slice, 4x4 or 4x4x8
#   --slices=N          of that topology (default: 1)
#   --chips=N           on one host (default: 4)
#   --image=IMAGE       with this project and its extra tpu installed
#   --claim=NAME        the PersistentVolumeClaim of the shared folder, mounted at /mnt/runs
# How it runs
#   --setup=FLAGS       run setup.sh too, with these flags, --setup="--nfs=10.0.0.2:/runs"; on a new TPU it always runs
#   --no-sync           leave the hosts' code as it is
#   --restarts=N        how often a run that ends with status 75, or by force, is started again (default: 100)
#   --poll=SECONDS      between looks (default: 30)
#   --session=NAME      which run on this TPU (default: run)
#   --dry-run           print the commands that would be run, and run none
#   --help              this text
#
# Status: 0 the run is done; 75 it was interrupted and --restarts are used up; 2 something must be changed; others are
# those of `astra`.

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tpu_scripts/common.sh
source "$here/common.sh"

readonly try_again=75 lost=255
limit=3600 kind=vm accelerator='' runtime='' spot=false wait=86400
topology='' slices=1 chips=4 image='' claim=''
setup='' sync=true restarts=100 poll=30

read_flags() {
  while (($#)) && [[ $1 != -- ]]; do
    [[ $1 != --*=* ]] || set -- "${1%%=*}" "${1#*=}" "${@:2}"
    consumed=2
    case $1 in
      --create) kind=create consumed=1 ;;
      --queued) kind=queued consumed=1 ;;
      --gke) kind=gke consumed=1 ;;
      --accelerator) accelerator=$(value "$@") ;;
      --runtime) runtime=$(value "$@") ;;
      --spot) spot=true consumed=1 ;;
      --wait) wait=$(number "$@") ;;
      --topology) topology=$(value "$@") ;;
      --slices) slices=$(number "$@") ;;
      --chips) chips=$(number "$@") ;;
      --image) image=$(value "$@") ;;
      --claim) claim=$(value "$@") ;;
      --setup) setup=$(value "$@") ;;
      --no-sync) sync=false consumed=1 ;;
      --restarts) restarts=$(number "$@") ;;
      --poll) poll=$(number "$@") ;;
      *) common_flag "$@" ;;
    esac
    shift "$consumed"
  done
  (($# > 1)) || die "what shall run is missing: -- sft --config=... --config.run_dir=..."
  command=("${@:2}")
}

check_command() {
  local verb=${command[0]} argument run_dir=''
  [[ $verb == sft || $verb == rl ]] || die "$verb does not run on a pod: sft and rl do"
  for argument in "${command[@]}"; do
    [[ $argument != --config.run_dir=* ]] || run_dir=${argument#*=}
  done
  [[ $run_dir == /* ]] || die "--config.run_dir is '$run_dir': give an absolute path that all hosts share"
}

check_accelerator() {
  require accelerator
  accelerator=${accelerator/#v5e-/v5litepod-}
  [[ $accelerator =~ ^(v4|v5litepod|v5p|v6e)-[0-9]+$ ]] ||
    die "--accelerator is $accelerator: v4-64, v5e-16, v5p-64 and v6e-256 are examples"
  case ${accelerator%-*} in
    v4) : "${runtime:=tpu-ubuntu2204-base}" ;;
    v5litepod) : "${runtime:=v2-alpha-tpuv5-lite}" ;;
    v5p) : "${runtime:=v2-alpha-tpuv5}" ;;
    v6e) : "${runtime:=v2-alpha-tpuv6e}" ;;
  esac
}

# --- a TPU VM ---------------------------------------------------------------------------------------------------------

state_of_vm() {
  gcloud compute tpus tpu-vm describe "$name" --zone="$zone" ${project:+--project="$project"} \
    --format='value(state)' 2>/dev/null || echo ABSENT
}

state_of_queue() {
  gcloud compute tpus queued-resources describe "$name" --zone="$zone" ${project:+--project="$project"} \
    --format='value(state.state)' 2>/dev/null || echo ABSENT
}

# Makes the TPU if it may, and waits until it is there. A new one gets code and software.
ensure_tpu() {
  local before=ABSENT
  $dry_run || before=$(state_of_vm)
  [[ $before != READY ]] || return 0
  case $kind in
    vm) $dry_run || no_vm "$before" ;;
    create) create_vm "$before" ;;
    queued) create_queued ;;
  esac
  $dry_run || wait_until_ready
  [[ $kind == vm ]] || prepare_hosts
}

wait_until_ready() {
  local end=$((SECONDS + wait))
  until [[ $(state_of_vm) == READY ]]; do
    [[ $kind != queued || $(state_of_queue) != FAILED ]] || die "the queued resource $name has failed"
    ((SECONDS < end)) || die "the TPU VM $name was not ready within $wait s: it is $(state_of_vm)"
    sleep "$poll"
  done
}

no_vm() {
  [[ $1 != ABSENT ]] || tpu tpu-vm describe >/dev/null || true # for what gcloud says of it
  die "the TPU VM $name in $zone is $1: see --name and --zone, or make one with --create or --queued"
}

# One that is being made, started or mended is waited for.
create_vm() {
  local how=(--accelerator-type="$accelerator" --version="$runtime")
  ! $spot || how+=(--spot)
  case $1 in
    PREEMPTED | TERMINATED | STOPPED) tpu tpu-vm delete --quiet ;;&
    PREEMPTED | TERMINATED | STOPPED | ABSENT) tpu tpu-vm create "${how[@]}" ;;
  esac
}

create_queued() {
  local state=ABSENT how=(--node-id="$name" --accelerator-type="$accelerator" --runtime-version="$runtime")
  ! $spot || how+=(--spot)
  $dry_run || state=$(state_of_queue)
  case $state in
    SUSPENDED | SUSPENDING | FAILED) tpu queued-resources delete --force --quiet ;;&
    SUSPENDED | SUSPENDING | FAILED | ABSENT) tpu queued-resources create "${how[@]}" ;;
  esac
}

flags_for_scripts() {
  scripts=(--name="$name" --zone="$zone" ${project:+--project="$project"})
  ! $dry_run || scripts+=(--dry-run)
}

prepare_hosts() {
  flags_for_scripts
  "$here/sync.sh" "${scripts[@]}"
  # shellcheck disable=SC2086 # several flags in one
  "$here/setup.sh" "${scripts[@]}" $setup
}

# What became of the session on all hosts: running, a status, or $lost where a host does not answer.
look() {
  local said status worst=0 statuses
  trap 'exit 130' INT
  quiet=true limit=$((poll + 120))
  said=$(host all wait "$session" "$poll") || said=''
  mapfile -t statuses < <(sed -n 's/.*astra-status: //p' <<<"$said")
  ((${#statuses[@]})) || statuses=("$lost")
  for status in "${statuses[@]}"; do
    [[ $status != running ]] || { echo running && return; }
    if worse "$status" "$worst"; then worst=$status; fi
  done
  echo "$worst"
}

# A mistake that must be mended is worse than an interruption, and that is worse than success.
worse() {
  (($1 != 0)) && { (($2 == 0)) || { interrupted "$2" && ! interrupted "$1"; }; }
}

# 75, or by a signal, or unknown: the run is as it was at its last checkpoint, and can go on.
interrupted() {
  (($1 == try_again || $1 > 128))
}

# Until the run has ended. A host that does not answer once may only be slow. Both this and `look` are subshells, which end
# at Ctrl-C only by a trap: `gcloud` takes the signal and exits by itself, and they would look again.
watch() {
  local status=running misses=0
  trap 'exit 130' INT
  while [[ $status == running ]] || ((status == lost && misses < 3)); do
    status=$(look)
    if [[ $status == "$lost" ]]; then ((++misses)) && sleep 1; else misses=0; fi
  done
  echo "$status"
}

run_on_vm() {
  require name zone
  need_gcloud
  [[ $kind == vm ]] || check_accelerator
  ensure_tpu
  flags_for_scripts
  if [[ $kind == vm ]]; then
    ! $sync || "$here/sync.sh" "${scripts[@]}"
    # shellcheck disable=SC2086 # several flags in one
    [[ -z $setup ]] || "$here/setup.sh" "${scripts[@]}" $setup
  fi
  trap 'printf "\nlaunch.sh: the run goes on; stop.sh stops it\n" >&2; exit 130' INT
  local attempt status
  for ((attempt = 0; ; attempt++)); do
    host all start "$session" "${command[@]}" --pod || true
    if $dry_run; then
      host all wait "$session" "$poll"
      return
    fi
    status=$(watch)
    ((status != 0)) || { printf 'launch.sh: the run is done\n' >&2 && return; }
    interrupted "$status" || give_up "$status" "the run failed with status $status"
    ((attempt < restarts)) || give_up "$try_again" "the run was interrupted again after $restarts restarts"
    printf 'launch.sh: the run was interrupted (status %s); restart %s of %s\n' \
      "$status" $((attempt + 1)) "$restarts" >&2
    ensure_tpu
    host all stop "$session" 120 || true
  done
}

give_up() {
  printf 'launch.sh: %s; the end of its output:\n' "$2" >&2
  host all log "$session" 5 >&2 || true
  exit "$1"
}

# --- GKE --------------------------------------------------------------------------------------------------------------

node_label() {
  case $accelerator in
    v4) echo tpu-v4-podslice ;;
    v5e) echo tpu-v5-lite-podslice ;;
    v5p) echo tpu-v5p-slice ;;
    v6e) echo tpu-v6e-slice ;;
    tpu7x) echo tpu7x ;;
    *) die "--accelerator is $accelerator: with --gke it is v4, v5e, v5p, v6e or tpu7x" ;;
  esac
}

# The template with its @NAMES@ filled in. YAML's own quotes are doubled inside single quotes.
manifest() {
  local label arguments='' argument hosts=$((${topology//x/*} / chips))
  label=$(node_label)
  for argument in "${command[@]}" --pod; do
    arguments+="                    - '${argument//\'/\'\'}'"$'\n'
  done
  local text
  text=$(<"$here/jobset.yaml")
  text=${text//@NAME@/$name}
  text=${text//@IMAGE@/$image}
  text=${text//@CLAIM@/$claim}
  text=${text//@ACCELERATOR@/$label}
  text=${text//@TOPOLOGY@/$topology}
  text=${text//@CHIPS@/$chips}
  text=${text//@HOSTS@/$hosts}
  text=${text//@SLICES@/$slices}
  text=${text//@RESTARTS@/$restarts}
  if $spot; then text=${text//@SPOT@/true}; else text=$(sed /@SPOT@/d <<<"$text"); fi
  printf '%s\n' "${text//@ARGUMENTS@/${arguments%$'\n'}}"
}

run_on_gke() {
  require name accelerator topology image claim
  [[ $name =~ ^[a-z]([a-z0-9-]*[a-z0-9])?$ ]] || die "--name is $name: a JobSet has small letters, digits and dashes"
  [[ $topology =~ ^[0-9]+(x[0-9]+){1,2}$ ]] || die "--topology is $topology: 4x4 and 4x4x8 are examples"
  (((${topology//x/*}) % chips == 0)) || die "--topology=$topology does not divide into hosts of $chips chips"
  need kubectl "https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl says how"
  local text
  text=$(manifest)
  if $dry_run; then
    printf '+ kubectl apply --filename=- <<END\n%s\nEND\n' "$text"
    return
  fi
  kubectl apply --filename=- <<<"$text"
  printf 'launch.sh: logs.sh --gke --name=%s follows it; the JobSet restarts it\n' "$name" >&2
}

read_flags "$@"
check_command
if [[ $kind == gke ]]; then run_on_gke; else run_on_vm; fi
