#!/bin/sh
# Takes Parvis off a box and leaves nothing of it. `main` is read whole before it deletes the file that it stands in.
# shellcheck disable=SC2015 # `test && test || die` is meant so: die ends the script
set -eu
export LC_ALL=C

usage() {
  cat <<'TEXT'
usage: sudo sh /opt/parvis/uninstall.sh [--yes | --keep-data]

  --yes         remove all, without asking: program, service, configuration, token, waiting records, user
  --keep-data   keep /etc/parvis, /var/lib/parvis and the user that owns them
  --root DIR    work in DIR instead of / (for images and tests)

Lines that the service wrote stay in the system's journal until that is rotated.
Exit codes: 0 done; 1 something is in the way; 2 wrong usage; 3 answered no.
TEXT
}

die() {
  code=$1
  shift
  printf 'uninstall.sh: %s\n' "$*" >&2
  exit "$code"
}

parse() {
  yes=no keep=no root=''
  while [ $# -gt 0 ]; do
    case $1 in
      --yes) yes=yes ;;
      --keep-data) keep=yes ;;
      --root)
        [ $# -ge 2 ] && [ -d "$2" ] || die 2 "--root needs a folder that exists."
        root=$(CDPATH='' cd -- "$2" && pwd -P)
        shift
        ;;
      -h | --help) usage && exit 0 ;;
      *) die 2 "unknown option $1. See --help." ;;
    esac
    shift
  done
}

ask() {
  [ "$yes$keep" = nono ] || return 0
  [ -t 0 ] || die 2 "say --yes to remove all, or --keep-data to keep configuration and records."
  printf 'Remove Parvis with its configuration, its token and the records that wait? [y/N] '
  read -r answer
  case $answer in
    y | Y | yes) ;;
    *) die 3 "nothing was removed." ;;
  esac
}

main() {
  parse "$@"
  if [ -z "$root" ]; then [ "$(id -u)" = 0 ] || die 1 "needs root. Try: sudo sh /opt/parvis/uninstall.sh"; fi
  ask
  cd /
  if [ -z "$root" ] && [ -d /run/systemd/system ]; then
    systemctl disable --quiet --now parvis-edge 2>/dev/null || :
  fi
  units=$root/etc/systemd/system
  rm -f -- "$units/parvis-edge.service" "$units/parvis-edge.service.new" "$units"/*.wants/parvis-edge.service
  if [ "$keep" = no ]; then rm -rf -- "$units/parvis-edge.service.d"; fi
  if [ -z "$root" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl reset-failed parvis-edge 2>/dev/null || :
  fi
  if [ "$(readlink "$root/usr/local/bin/parvis" 2>/dev/null)" = /opt/parvis/current/bin/parvis ]; then
    rm -f -- "$root/usr/local/bin/parvis"
  fi
  rm -rf -- "$root/opt/parvis"
  if [ "$keep" = yes ]; then
    echo "Parvis is removed. Kept: /etc/parvis, /var/lib/parvis and the user parvis."
    exit 0
  fi
  rm -rf -- "$root/etc/parvis" "$root/var/lib/parvis"
  if [ -z "$root" ]; then
    if getent passwd parvis >/dev/null; then userdel parvis; fi
    if getent group parvis >/dev/null; then groupdel parvis; fi
  fi
  echo "Parvis is removed; nothing is left of it."
  exit 0
}

main "$@"
