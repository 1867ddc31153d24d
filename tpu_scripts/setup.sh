#!/usr/bin/env bash
# Prepares every host of a TPU VM pod: Python 3.12, this project with its extra `tpu`, and a folder that all share.
#
#   setup.sh --name=NAME --zone=ZONE --nfs=10.0.0.2:/runs
#
# Flags
#   --name=NAME          the TPU VM
#   --zone=ZONE          where it is
#   --project=PROJECT    of Google Cloud (default: that of gcloud)
#   --nfs=SERVER:/SHARE  mount this share, of Filestore for one, at /mnt/runs
#   --bucket=NAME        or this Cloud Storage bucket (with gcsfuse; choose one with a hierarchical namespace)
#   --extras=LIST        of the project (default: tpu)
#   --dry-run            print the commands that would be run, and run none
#   --help               this text
#
# A run's folder must be the same for all hosts: --config.run_dir=/mnt/runs/NAME. Run sync.sh first: the tree that it
# copies is what is installed. What is there already is left as it is.

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tpu_scripts/common.sh
source "$here/common.sh"

limit=3600
nfs='' bucket='' extras=tpu
while (($#)); do
  [[ $1 != --*=* ]] || set -- "${1%%=*}" "${1#*=}" "${@:2}"
  case $1 in
    --nfs) nfs=$(value "$@") consumed=2 ;;
    --bucket) bucket=$(value "$@") consumed=2 ;;
    --extras) extras=$(value "$@") consumed=2 ;;
    *) common_flag "$@" ;;
  esac
  shift "$consumed"
done
require name zone
[[ -z $nfs || -z $bucket ]] || die "--nfs and --bucket are two ways to share one folder: choose"
need_gcloud

host all setup "$extras"
[[ -z $nfs ]] || host all nfs "$nfs"
[[ -z $bucket ]] || host all bucket "$bucket"
