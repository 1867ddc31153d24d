#!/usr/bin/env bash
# What the other scripts do on a TPU host, by ssh. Not for people, but it can be called there:
#
#   host.sh setup EXTRAS          makes ~/astra-venv and installs the tree ~/astra in it with these extras
#   host.sh nfs SERVER:/SHARE     mounts a share at /mnt/runs
#   host.sh bucket NAME           mounts a Cloud Storage bucket at /mnt/runs
#   host.sh start SESSION ARGS    runs `astra ARGS`, detached; does nothing while it runs
#   host.sh wait SESSION SECONDS  prints `astra-status: N`, or `astra-status: running` when it still runs then
#   host.sh stop SESSION SECONDS  asks it to save and stop, and ends it when it has not stopped then
#   host.sh log SESSION LINES     the end of what it printed; LINES +1 is all of it, and LINES follow goes on
#
# A session is a folder ~/astra-sessions/SESSION with its log, its process and its status.

set -euo pipefail

venv=$HOME/astra-venv
mount_point=/mnt/runs

fail() {
  printf 'host.sh: %s\n' "$*" >&2
  exit 2
}

setup() {
  # TPU VMs come with Python 3.10; uv brings another.
  command -v uv >/dev/null || export PATH=$HOME/.local/bin:$PATH
  command -v uv >/dev/null || python3 -m pip install --quiet --user uv
  [[ -x $venv/bin/python ]] || uv venv --quiet --python 3.12 "$venv"
  uv pip install --quiet --python "$venv/bin/python" --editable "$HOME/astra[$1]"
}

mount_nfs() {
  mountpoint -q "$mount_point" && return
  sudo apt-get install --quiet --yes nfs-common >/dev/null
  sudo mkdir -p "$mount_point"
  sudo mount -t nfs -o hard,noatime,actimeo=3 "$1" "$mount_point"
  sudo chown "$(id -u)" "$mount_point"
}

mount_bucket() {
  mountpoint -q "$mount_point" && return
  sudo mkdir -p "$mount_point"
  sudo chown "$(id -u)" "$mount_point"
  gcsfuse --implicit-dirs "$1" "$mount_point"
}

# After a reboot the number may be that of another process.
running() {
  [[ -f $folder/process && ! -f $folder/status ]] && grep -qa astra "/proc/$(<"$folder/process")/cmdline" 2>/dev/null
}

start() {
  mkdir -p "$folder"
  if running; then
    printf '%s: session %s runs already\n' "$(hostname)" "${folder##*/}"
    return
  fi
  rm -f "$folder/process" "$folder/status"
  setsid nohup bash "$0" run "${folder##*/}" "$@" </dev/null >/dev/null 2>&1 &
  local tenths=100
  until [[ -s $folder/process ]] || ((tenths-- == 0)); do sleep 0.1; done
  [[ -s $folder/process ]] || fail "session ${folder##*/} did not start"
}

run_session() {
  local status=0
  "$venv/bin/astra" "$@" >>"$folder/log" 2>&1 &
  printf '%s\n' $! >"$folder/process"
  wait $! || status=$?
  printf '%s\n' "$status" >"$folder/status.part"
  mv "$folder/status.part" "$folder/status"
}

await() {
  local end=$((SECONDS + $1))
  while running && ((SECONDS < end)); do sleep 0.2; done
}

# A session without a status that does not run ended with its host or by force: the status of SIGKILL.
report() {
  await "$1"
  if running; then
    echo 'astra-status: running'
  else
    await_status
    printf 'astra-status: %s\n' "$(cat "$folder/status" 2>/dev/null || echo 137)"
  fi
}

# The process is gone a moment before its status is there.
await_status() {
  local tenths=20
  until [[ -f $folder/status ]] || ((tenths-- == 0)); do sleep 0.1; done
}

stop() {
  running || return 0
  kill -TERM "$(<"$folder/process")" 2>/dev/null || return 0
  await "$1"
  ! running || kill -KILL "$(<"$folder/process")"
}

log() {
  if [[ $1 == follow ]]; then
    exec tail -n 20 -F "$folder/log"
  fi
  tail -n "$1" "$folder/log"
}

main() {
  local command=$1
  shift
  case $command in
    setup) setup "$@" ;;
    nfs) mount_nfs "$@" ;;
    bucket) mount_bucket "$@" ;;
    start | run | wait | stop | log)
      folder=$HOME/astra-sessions/$1
      shift
      case $command in
        start) start "$@" ;;
        run) run_session "$@" ;;
        wait) report "$@" ;;
        stop) stop "$@" ;;
        log) log "$@" ;;
      esac
      ;;
    *) fail "unknown command $command" ;;
  esac
}

main "$@"
