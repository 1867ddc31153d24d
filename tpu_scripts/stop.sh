#!/usr/bin/env bash
# Stops a run: every process finishes its step, saves a checkpoint and ends. launch.sh with the same flags goes on.
#
#   stop.sh --name=NAME --zone=ZONE            a run on a TPU VM pod
#   stop.sh --gke --name=NAME                  a JobSet
#
# Flags
#   --name=NAME        the TPU VM, or the JobSet
#   --zone=ZONE        where the TPU VM is
#   --project=PROJECT  of Google Cloud (default: that of gcloud)
#   --session=NAME     which run on the TPU VM (default: run)
#   --seconds=N        that it may take; then it is ended as it is (default: 120)
#   --delete           delete the TPU VM too
#   --queued           with --delete: it belongs to a queued resource of the same name, which goes with it
#   --gke              the run is a JobSet of the cluster that kubectl speaks to; it is deleted
#   --dry-run          print the commands that would be run, and run none
#   --help             this text

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tpu_scripts/common.sh
source "$here/common.sh"

limit=3600
seconds=120 delete=false queued=false gke=false
while (($#)); do
  [[ $1 != --*=* ]] || set -- "${1%%=*}" "${1#*=}" "${@:2}"
  case $1 in
    --seconds) seconds=$(number "$@") consumed=2 ;;
    --delete) delete=true consumed=1 ;;
    --queued) queued=true consumed=1 ;;
    --gke) gke=true consumed=1 ;;
    *) common_flag "$@" ;;
  esac
  shift "$consumed"
done
require name
if $gke; then
  need kubectl "https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl says how"
  run kubectl delete jobset "$name" --ignore-not-found
  exit
fi
require zone
need_gcloud

host all stop "$session" "$seconds"
if $delete && $queued; then
  tpu queued-resources delete --force --quiet
elif $delete; then
  tpu tpu-vm delete --quiet
fi
