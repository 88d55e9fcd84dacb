#!/bin/sh
# Installs or upgrades Parvis on a box, from the files next to this script. It uses no network.
#
# Rules:
# 1. Everything is checked before anything is changed; what a failed first run made is taken away again.
# 2. A release is built beside the running one; one rename of a link switches. A new release that does not become
#    ready gives way to the one before it.
# 3. /etc/parvis/box.yaml belongs to the site: it is written once and never overwritten.
# shellcheck disable=SC2015,SC2317 # `test && test || die` is meant so: die ends the script; undo runs from a trap
set -eu
umask 022
export LC_ALL=C

usage() {
  cat <<'TEXT'
usage: sudo sh install.sh [--config box.yaml] [--token FILE] [--no-start]
       sudo sh /opt/parvis/install.sh --rollback

  --config FILE   the site's configuration; used only when /etc/parvis/box.yaml is not there yet
  --token FILE    the file with the box's token ("-": read it from standard input); replaces the old token
  --no-start      install, but neither enable nor start the service
  --rollback      go back to the release before this one
  --root DIR      work in DIR instead of /: no user, no service (for images and tests)

Exit codes: 0 done or nothing to do; 1 something on this machine is in the way; 2 wrong usage;
3 the configuration is wrong; 4 installed, but the service does not become ready.
TEXT
}

say() { printf '%s\n' "$*"; }
step() { printf '  %-11s %s\n' "$1" "$2"; }
die() {
  code=$1
  shift
  printf 'install.sh: %s\n' "$*" >&2
  exit "$code"
}

# ---------------------------------------------------------------- what was asked, and where things go

parse() {
  config='' token='' start=yes rollback=no root=''
  while [ $# -gt 0 ]; do
    case $1 in
      --config | --token | --root)
        [ $# -ge 2 ] && [ -n "$2" ] || die 2 "$1 needs a value. See --help."
        case $1 in
          --config) config=$2 ;;
          --token) token=$2 ;;
          --root) root=$(CDPATH='' cd -- "$2" && pwd -P) || die 2 "--root $2: no such folder." ;;
        esac
        shift
        ;;
      --no-start) start=no ;;
      --rollback) rollback=yes ;;
      -h | --help) usage && exit 0 ;;
      *) die 2 "unknown option $1. See --help." ;;
    esac
    shift
  done
  here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
  opt=$root/opt/parvis etc=$root/etc/parvis state=$root/var/lib/parvis
  unit=$root/etc/systemd/system/parvis-edge.service link=$root/usr/local/bin/parvis
  user=parvis
  [ -z "$root" ] || start=no
}

# Whether commands may change this machine, and not only files under --root.
real() { [ -z "$root" ]; }
systemd_runs() { real && [ -d /run/systemd/system ]; }

# ---------------------------------------------------------------- checks: nothing is changed yet

check_machine() {
  if real; then [ "$(id -u)" = 0 ] || die 1 "needs root. Try: sudo sh install.sh"; fi
  [ -r "$here/MANIFEST.json" ] && [ -d "$here/wheels" ] \
    || die 1 "MANIFEST.json and wheels/ are not next to this script. Run it from the unpacked parvis-box folder."
  arch=$(uname -m)
  case $arch in
    aarch64 | x86_64) ;;
    *) die 1 "this machine is $arch; Parvis needs a 64-bit system (aarch64 or x86_64). Flash the 64-bit Raspberry Pi OS." ;;
  esac
  [ "$(getconf LONG_BIT)" = 64 ] \
    || die 1 "the kernel is 64-bit, the system is not. Flash the 64-bit Raspberry Pi OS; the 32-bit one cannot run Parvis."
  command -v python3 >/dev/null || die 1 "python3 is missing. Try: apt-get install python3"
  python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || die 1 "Python $python is too old; Parvis needs 3.11 or newer. Flash Raspberry Pi OS bookworm or newer."
  python3 -c 'import venv' 2>/dev/null || die 1 "Python's venv module is missing. Try: apt-get install python3-venv"
  tools='sha256sum flock getconf realpath'
  if real; then tools="$tools useradd userdel setpriv"; fi
  for tool in $tools; do
    command -v "$tool" >/dev/null || die 1 "$tool is missing. This does not look like Debian or Raspberry Pi OS."
  done
  if real && [ "$start" = yes ] && [ ! -d /run/systemd/system ]; then
    die 1 "systemd is not running here. With --no-start everything is installed, but nothing runs."
  fi
  manifest release && release=$answer
  manifest glibc && wanted=$answer
  manifest targets && targets=$answer
  case "
$targets
" in
    *"
$arch $python
"*) ;;
    *) die 1 "this stick has no packages for $arch with Python $python; it has: $(printf '%s' "$targets" | paste -sd, -)." \
      "Build one with: build_wheelhouse.py --arch $arch --python $python" ;;
  esac
  glibc=$(getconf GNU_LIBC_VERSION | sed 's/^glibc //')
  [ "$(printf '%s\n%s\n' "$wanted" "$glibc" | sort -V | head -n 1)" = "$wanted" ] \
    || die 1 "the C library is $glibc; the packages need $wanted. Flash Raspberry Pi OS bookworm or newer."
  check_disk
}

check_disk() {
  place=$root/opt
  [ -d "$place" ] || place=${root:-/}
  free_mb=$(df -Pm "$place" | tail -n 1 | tr -s ' ' | cut -d ' ' -f 4)
  [ "$free_mb" -ge 1200 ] || [ -n "$root" ] \
    || die 1 "$place has $free_mb MB free; an installation needs 1200. Use a card of 16 GB or more."
}

# One entry of the manifest, a list as lines, in $answer.
manifest() {
  answer=$(python3 - "$here/MANIFEST.json" "$1" <<'PY'
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    value = json.load(file)[sys.argv[2]]
print("\n".join(value) if isinstance(value, list) else value)
PY
  ) || die 1 "MANIFEST.json is damaged. Copy the archive to the stick again."
}

check_asked() {
  if [ -n "$config" ]; then
    [ -r "$config" ] && [ -f "$config" ] || die 2 "--config $config: no such file."
    config=$(realpath -- "$config")
  fi
  secret=''
  if [ "$token" = - ]; then
    secret=$(cat)
  elif [ -n "$token" ]; then
    [ -r "$token" ] && [ -f "$token" ] || die 2 "--token $token: no such file. It names a file, so that no token stands in a command line."
    secret=$(cat -- "$token")
  fi
  if [ -n "$token" ]; then
    case $secret in
      '') die 2 "--token: the file is empty. It holds the one line that 'parvis server admin device add' prints." ;;
      *[![:graph:]]*) die 2 "--token: a token is one word on one line; this is something else." ;;
    esac
  fi
}

check_sums() {
  (cd "$here" && sha256sum --check --strict --quiet SHA256SUMS) \
    || die 1 "the files of the stick are damaged or incomplete. Copy the archive to the stick again."
}

# ---------------------------------------------------------------- undo: what this run made, should it fail

undo() {
  code=$?
  trap - EXIT
  [ "$code" != 0 ] || exit 0
  [ -z "$made_release" ] || rm -rf -- "$made_release"
  [ -z "$made_config" ] || rm -f -- "$made_config"
  [ -z "$made_token" ] || rm -f -- "$made_token"
  [ -z "$made_etc" ] || rmdir -- "$etc" 2>/dev/null || :
  [ -z "$made_state" ] || rmdir -- "$state" 2>/dev/null || :
  [ -z "$made_user" ] || userdel "$user" >/dev/null 2>&1 || :
  if [ -n "$made_opt" ]; then rm -rf -- "$opt"; fi
  if [ -n "$made_opt$made_release$made_user" ]; then
    say "Nothing was changed: what this run had begun is taken away again." >&2
  fi
  exit "$code"
}

keep_what_was_made() { made_release='' made_config='' made_token='' made_etc='' made_state='' made_user='' made_opt=''; }

# ---------------------------------------------------------------- the parts

make_user() {
  real || return 0
  if ! getent passwd "$user" >/dev/null; then
    groups=''
    for name in video render; do
      if getent group "$name" >/dev/null; then groups=${groups:+$groups,}$name; fi
    done
    useradd --system --user-group --home-dir /var/lib/parvis --no-create-home --shell /usr/sbin/nologin \
      ${groups:+--groups "$groups"} "$user"
    made_user=yes
    step user "$user: no password, no shell, groups ${groups:-none}"
  fi
}

make_folders() {
  if [ ! -d "$etc" ]; then
    mkdir -p "$etc" && made_etc=yes
    chmod 0750 "$etc"
    if real; then chgrp "$user" "$etc"; fi
  fi
  if [ ! -d "$state" ]; then
    mkdir -p "$state" && made_state=yes
    chmod 0700 "$state"
    if real; then chown "$user:$user" "$state"; fi
  fi
}

# A folder becomes a release with its last file; a power cut before that leaves something that the next run removes.
whole() { [ -f "$1/share/parvis/complete" ] && "$1/bin/parvis" --version >/dev/null 2>&1; }

make_release() {
  new=$opt/releases/$release
  if whole "$new"; then
    step program "$release is here already"
    return 0
  fi
  if [ "$(readlink "$opt/current" 2>/dev/null)" = "releases/$release" ] && systemd_runs; then
    systemctl stop parvis-edge 2>/dev/null || : # damaged, or its Python has gone: it cannot be running well
  fi
  rm -rf -- "$new"
  made_release=$new
  mkdir -p "$opt/releases"
  step program "$release for Python $python: a Pi needs some minutes …"
  # shellcheck disable=SC2046 # words on purpose: an option or nothing
  python3 -m venv --without-pip $(camera_packages) "$new"
  # The wheel of pip is a program of its own; no pip stays on the box. --no-deps: the locks name all that is needed.
  env -i HOME=/nonexistent PATH="$PATH" LC_ALL=C.UTF-8 "$new/bin/python" "$(find "$here/wheels" -name 'pip-*.whl')/pip" \
    --isolated --disable-pip-version-check --no-input --no-cache-dir install --quiet --root-user-action=ignore \
    --no-index --find-links "$here/wheels" --only-binary :all: --require-hashes --ignore-installed --no-deps --no-compile \
    --requirement "$here/locks/edge.lock" --requirement "$here/locks/headless.lock" \
    --requirement "$here/locks/faces.lock" --requirement "$here/locks/parvis.lock" \
    || die 1 "pip could not install the packages; see above."
  # Python compiles a module when it is first imported, and the service may not write here. So root imports what the
  # service does; compiling all that the packages hold takes a Pi many times as long.
  "$new/bin/python" -I -c 'import edge.capture, edge.service' 2>/dev/null || :
  "$new/bin/parvis" --version >/dev/null || die 1 "the new program does not start; see above."
  mkdir -p "$new/share/parvis"
  for file in parvis-edge.service install.sh uninstall.sh README.md MANIFEST.json LICENSE; do
    install -m 0644 "$here/$file" "$new/share/parvis/$file"
  done
  sync # the files first, then the word that they are all there
  : >"$new/share/parvis/complete"
  sync
}

# Raspberry Pi's camera library comes with the system's Python, not as a wheel. It can be shared only where the system's
# numpy is as new as ours (trixie; bookworm's is of the generation before, and both in one program crash).
camera_packages() {
  python3 -c 'import sys, importlib.util as u
if not u.find_spec("picamera2"): sys.exit(1)
import numpy
sys.exit(int(numpy.__version__.split(".")[0]) < 2)' 2>/dev/null && echo --system-site-packages || :
}

example_of() { "$1/bin/python" -I -c 'import importlib.util as u; print(u.find_spec("edge").submodule_search_locations[0])'; }

make_config() {
  example=$(example_of "$new")/zones.yaml
  box=$etc/box.yaml
  if [ -e "$box" ]; then
    if [ -n "$config" ] && ! cmp -s "$config" "$box"; then
      step config "kept /etc/parvis/box.yaml as it is; $config differs and was not used"
    fi
  else
    made_config=$box
    install -m 0640 "${config:-$example}" "$box.new"
    if real; then chgrp "$user" "$box.new"; fi
    mv -- "$box.new" "$box"
    step config "/etc/parvis/box.yaml from ${config:-the example}"
  fi
  is_example=no
  if cmp -s "$box" "$example"; then is_example=yes; fi
  as_user "$new/bin/parvis" edge validate --config "$box" >/dev/null \
    || die 3 "the configuration is wrong; see above. Mend it and run this again."
}

as_user() {
  if real; then setpriv --reuid="$user" --regid="$user" --init-groups -- "$@"; else "$@"; fi
}

make_token() {
  [ -n "$token" ] || return 0
  if [ "$(cat "$etc/token" 2>/dev/null)" = "$secret" ]; then return 0; fi
  [ -e "$etc/token" ] || made_token=$etc/token
  (umask 077 && printf '%s\n' "$secret" >"$etc/token.new")
  chmod 0640 "$etc/token.new"
  if real; then chgrp "$user" "$etc/token.new"; fi
  mv -- "$etc/token.new" "$etc/token"
  changed=yes
  step token "/etc/parvis/token, readable by root and $user"
}

# ---------------------------------------------------------------- switch, start, and back again

# Point everything at release $1, in an order in which a power cut leaves the old or the new one.
switch_to() {
  install -D -m 0644 "$opt/releases/$1/share/parvis/parvis-edge.service" "$unit.new"
  mv -- "$unit.new" "$unit"
  ln -sfn "releases/$1" "$opt/current.new"
  mv -T -- "$opt/current.new" "$opt/current"
  for file in install.sh uninstall.sh; do
    install -m 0755 "$opt/releases/$1/share/parvis/$file" "$opt/$file.new"
    mv -- "$opt/$file.new" "$opt/$file"
  done
  mkdir -p "$(dirname "$link")"
  ln -sfn /opt/parvis/current/bin/parvis "$link"
  sync
  if systemd_runs; then systemctl daemon-reload; fi
}

# Type=notify: systemctl answers when the service says READY (models loaded, spool open) or has failed. Then it must stay.
becomes_ready() {
  systemctl restart parvis-edge || return 1
  stay_s=15
  while [ "$stay_s" -gt 0 ]; do
    [ "$(systemctl is-active parvis-edge)" = active ] || return 1
    sleep 1
    stay_s=$((stay_s - 1))
  done
}

start_service() {
  systemctl enable --quiet parvis-edge
  if becomes_ready; then
    step service "parvis-edge is running and starts with the box"
    return 0
  fi
  journalctl --unit parvis-edge --lines 15 --no-pager --output cat >&2 2>/dev/null || :
  if [ -z "$before" ] || [ "$before" = "$release" ]; then
    die 4 "parvis-edge does not become ready; see above. It keeps trying. Mend the cause; nothing needs installing again."
  fi
  switch_to "$before"
  if becomes_ready; then
    die 4 "release $release does not become ready; the box is back on $before, which runs. Nothing is lost."
  fi
  die 4 "neither $release nor $before becomes ready: the cause lies outside the program. The box is on $before."
}

prune() {
  for folder in "$opt"/releases/*; do
    name=$(basename "$folder")
    if [ "$name" != "$release" ] && [ "$name" != "$before" ]; then
      rm -rf -- "$folder"
      step tidy "removed release $name"
    fi
  done
}

remember() { printf '%s\n' "$before" >"$opt/previous.new" && mv -- "$opt/previous.new" "$opt/previous"; }

lock() {
  [ -d "$opt" ] || { mkdir -p "$opt" && made_opt=yes; }
  exec 9>"$opt/.lock"
  flock -n 9 || die 1 "another installation is under way on this box."
}

roll_back() {
  if real; then [ "$(id -u)" = 0 ] || die 1 "needs root. Try: sudo sh install.sh --rollback"; fi
  [ -L "$opt/current" ] || die 1 "Parvis is not installed here."
  lock
  before=$(basename "$(readlink "$opt/current")")
  release=$(cat "$opt/previous" 2>/dev/null || :)
  if [ -z "$release" ] || [ "$release" = "$before" ] || ! whole "$opt/releases/$release"; then
    die 1 "there is no release before $before on this box."
  fi
  switch_to "$release"
  if systemd_runs && systemctl is-enabled --quiet parvis-edge; then start_service; fi
  remember
  step program "back on $release; $before is kept"
}

main() {
  parse "$@"
  keep_what_was_made
  if [ "$rollback" = yes ]; then
    roll_back
    return
  fi
  check_asked
  check_machine
  say "Parvis $release on $arch, Python $python, glibc $glibc, $free_mb MB free"
  check_sums
  step stick "all files as they were built"
  trap undo EXIT
  trap 'exit 130' INT TERM HUP
  cd / # the service's user may not be able to stand where root stands
  changed=no
  lock
  make_user
  make_folders
  make_release
  make_config
  make_token
  before=$(readlink "$opt/current" 2>/dev/null || :)
  before=${before#releases/}
  if [ "$before" = "$release" ]; then
    before=$(cat "$opt/previous" 2>/dev/null || :)
  else
    changed=yes
  fi
  cmp -s "$opt/releases/$release/share/parvis/parvis-edge.service" "$unit" || changed=yes
  if [ "$changed" = yes ]; then switch_to "$release"; fi
  keep_what_was_made
  finish
}

finish() {
  if [ "$is_example" = yes ]; then
    say "Installed. /etc/parvis/box.yaml is still the example, so nothing is started. Next:
  sudo nano /etc/parvis/box.yaml          # camera, zones, server
  sudo parvis edge validate --config /etc/parvis/box.yaml
  sudo systemctl enable --now parvis-edge"
  elif [ "$start" = no ]; then
    say "Installed, not started. Start it with: sudo systemctl enable --now parvis-edge"
  elif [ "$changed" = no ] && systemctl is-active --quiet parvis-edge; then
    step service "parvis-edge is running; nothing to do"
  else
    start_service
    say "Installed and counting. Look at it: journalctl -u parvis-edge -f"
  fi
  remember
  prune
}

main "$@"
exit 0
