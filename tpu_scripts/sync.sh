#!/usr/bin/env bash
# Copies this tree to every host of a TPU VM pod, as ~/astra, so that all run the same code.
#
#   sync.sh --name=NAME --zone=ZONE
#
# Flags
#   --name=NAME        the TPU VM
#   --zone=ZONE        where it is
#   --project=PROJECT  of Google Cloud (default: that of gcloud)
#   --dry-run          print the commands that would be run, and run none
#   --help             this text
#
# What git tracks is copied, with the changes that are not committed, and new files that it does not ignore. A host's
# tree is replaced whole, or not at all.

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tpu_scripts/common.sh
source "$here/common.sh"

limit=3600
while (($#)); do
  [[ $1 != --*=* ]] || set -- "${1%%=*}" "${1#*=}" "${@:2}"
  common_flag "$@"
  shift "$consumed"
done
require name zone
need_gcloud

archive=$(mktemp --suffix=.tar.gz)
trap 'rm -f "$archive"' EXIT
cd "$here/.."
git ls-files -z --cached --others --exclude-standard |
  while IFS= read -r -d '' file; do
    [[ ! -e $file ]] || printf '%s\0' "$file" # what is deleted and not yet committed is in git's list
  done |
  tar --create --gzip --null --files-from=- --file="$archive"

run gcloud compute tpus tpu-vm scp "$archive" "$name:astra.tar.gz" --zone="$zone" \
  ${project:+--project="$project"} --worker=all
on_hosts all 'rm -rf astra.new && mkdir astra.new && tar xzf astra.tar.gz -C astra.new && rm -rf astra.old &&
  { [ ! -d astra ] || mv astra astra.old; } && mv astra.new astra && rm -rf astra.old astra.tar.gz'
