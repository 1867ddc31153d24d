# shellcheck shell=bash
# What the scripts beside this one share. The flags that every one of them takes are read by `common_flag`.
# shellcheck disable=SC2034 # what is set here is used there

shopt -s inherit_errexit 2>/dev/null || {
  printf '%s: bash 4.4 or newer is needed, and this is %s\n' "${0##*/}" "$BASH_VERSION" >&2
  exit 2
}

name='' zone='' project='' session=run dry_run=false quiet=false
limit='' # seconds that a command may take

# One sentence, and the status of a mistake.
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 2
}

# The comment at the head of a script is its help.
help() {
  sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
}

# Sets `consumed` to how many arguments the flag in front took.
common_flag() {
  consumed=2
  case $1 in
    --name) name=$(value "$@") ;;
    --zone) zone=$(value "$@") ;;
    --project) project=$(value "$@") ;;
    --session) session=$(value "$@") ;;
    --dry-run) dry_run=true consumed=1 ;;
    --help | -h)
      help
      exit 0
      ;;
    *) die "unknown argument $1; ${0##*/} --help shows what there is" ;;
  esac
}

value() {
  [[ $# -ge 2 && -n $2 && $2 != -- ]] || die "$1 needs a value"
  printf '%s' "$2"
}

number() {
  local given
  given=$(value "$@")
  [[ $given =~ ^[0-9]+$ ]] || die "$1 is a whole number, not $given"
  printf '%s' "$given"
}

require() {
  local flag
  for flag in "$@"; do
    [[ -n ${!flag} ]] || die "--$flag is missing; ${0##*/} --help says what it is"
  done
}

need() {
  $dry_run || command -v "$1" >/dev/null || die "$1 is not installed here: $2"
}

need_gcloud() {
  need gcloud "https://cloud.google.com/sdk/docs/install says how"
}

# Shows a command as it could be typed, and runs it unless this is a dry run.
run() {
  if $dry_run; then
    printf '+%s\n' "$(quoted "$@")"
  else
    $quiet || printf '+%s\n' "$(quoted "$@")" >&2
    bounded "$@"
  fi
}

# With a deadline where there is one, and `timeout` to keep it.
bounded() {
  if [[ -n $limit ]] && command -v timeout >/dev/null; then
    timeout --foreground --kill-after=10 "$limit" "$@"
  else
    "$@"
  fi
}

quoted() {
  printf ' %q' "$@"
}

# tpu GROUP VERB ARGUMENTS...: gcloud on this TPU.
tpu() {
  local group=$1 verb=$2
  shift 2
  run gcloud compute tpus "$group" "$verb" "$name" --zone="$zone" ${project:+--project="$project"} "$@"
}

# on_hosts WORKER COMMAND: a shell command on worker WORKER, or on `all` at once.
on_hosts() {
  tpu tpu-vm ssh --worker="$1" --command="$2"
}

# host WORKER ARGUMENTS...: host.sh of the tree that sync.sh has copied.
host() {
  local worker=$1
  shift
  on_hosts "$worker" "bash astra/tpu_scripts/host.sh$(quoted "$@")"
}
