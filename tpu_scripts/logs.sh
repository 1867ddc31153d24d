#!/usr/bin/env bash
# Shows what the processes of a run print. Each also keeps its log in the run's folder: RUN/logs/host_000.log and so on.
#
#   logs.sh --name=NAME --zone=ZONE            follow process 0
#   logs.sh --name=NAME --zone=ZONE --worker=all --lines=30
#   logs.sh --gke --name=NAME
#
# Flags
#   --name=NAME        the TPU VM, or the JobSet
#   --zone=ZONE        where the TPU VM is
#   --project=PROJECT  of Google Cloud (default: that of gcloud)
#   --session=NAME     which run on the TPU VM (default: run)
#   --worker=N         whose output: a number, or all (default: 0)
#   --lines=N          its last lines only, and do not follow it
#   --gke              the run is a JobSet of the cluster that kubectl speaks to
#   --dry-run          print the commands that would be run, and run none
#   --help             this text

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tpu_scripts/common.sh
source "$here/common.sh"

worker=0 lines='' gke=false
while (($#)); do
  [[ $1 != --*=* ]] || set -- "${1%%=*}" "${1#*=}" "${@:2}"
  case $1 in
    --worker) worker=$(value "$@") consumed=2 ;;
    --lines) lines=$(number "$@") consumed=2 ;;
    --gke) gke=true consumed=1 ;;
    *) common_flag "$@" ;;
  esac
  shift "$consumed"
done
require name
[[ $worker == all || $worker =~ ^[0-9]+$ ]] || die "--worker is a number or all, not $worker"
if $gke; then
  need kubectl "https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl says how"
  pods=jobset.sigs.k8s.io/jobset-name=$name
  [[ $worker == all ]] || pods+=,batch.kubernetes.io/job-completion-index=$worker
  how=(--tail="${lines:-20}")
  [[ -n $lines ]] || how+=(--follow)
  run kubectl logs --selector="$pods" --prefix --max-log-requests=256 "${how[@]}"
  exit
fi
require zone
need_gcloud
host "$worker" log "$session" "${lines:-follow}"
