#!/bin/sh
# Tries the installer for real: a fresh Debian made with debootstrap, booted with systemd, without any network.
#
#   sudo sh try_it.sh ARCHIVE.tar.gz [--work DIR] [--suite bookworm]            install, count, upgrade, roll back, remove
#   sudo sh try_it.sh ARCHIVE.tar.gz --arm64 [--work DIR] [--suite bookworm]    install and ten frames under qemu
#
# ARCHIVE may also be the unpacked folder. Needs root, a network for debootstrap, and: apt-get install debootstrap systemd-container qemu-user-static
# shellcheck disable=SC2016,SC2094 # single quotes: another shell expands them; the sums leave their own file out
set -eu
export LC_ALL=C
umask 022

die() { printf 'try_it.sh: %s\n' "$*" >&2 && exit 1; }
told() { printf '\n== %s\n' "$*"; }

parse() {
  archive='' work=/var/tmp/parvis-try suite=bookworm arm=no
  while [ $# -gt 0 ]; do
    case $1 in
      --work) work=$2 && shift ;;
      --suite) suite=$2 && shift ;;
      --arm64) arm=yes ;;
      -*) die "unknown option $1" ;;
      *) archive=$1 ;;
    esac
    shift
  done
  [ "$(id -u)" = 0 ] || die "needs root"
  [ -e "$archive" ] || die "name the archive that build_wheelhouse.py made"
  mkdir -p "$work"
}

unpack() {
  stick=$work/stick-$arm
  rm -rf "$stick" && mkdir -p "$stick"
  if [ -d "$archive" ]; then cp -al "$archive" "$stick/parvis-box"; else tar -xzf "$archive" -C "$stick"; fi
  cat >"$stick/site.yaml" <<'YAML'
device: box-try
server: {url: "http://127.0.0.1:9", token_file: token}
interval_s: 10
cameras:
  - id: square
    source: /mnt/square.mp4
    max_fps: 4
    zones:
      - {id: plaza, kind: area, polygon: [[0.13, 0.64], [0.84, 0.63], [0.85, 0.88], [0.12, 0.88]]}
    lines:
      - {id: gate, points: [[0.32, 0.61], [0.72, 0.60]]}
YAML
  echo try-token-0123456789 >"$stick/token"
  python3 -c 'import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel, open(sys.argv[2], "wb") as out:
    out.write(wheel.read("sample_videos/square.mp4"))' "$stick"/parvis-box/wheels/parvis-*.whl "$stick/square.mp4"
}

# A stick whose program starts and never becomes ready, as new as any other.
bad_stick() {
  cp -al "$stick/parvis-box" "$stick/parvis-bad"
  cd "$stick/parvis-bad"
  for file in parvis-edge.service MANIFEST.json SHA256SUMS; do cp "$file" "$file.own" && mv "$file.own" "$file"; done
  sed -i 's|^ExecStart=.*|ExecStart=/bin/false|' parvis-edge.service
  sed -i 's|"release": "[^"]*"|"release": "0.1.0-badbadba"|' MANIFEST.json
  find . -type f ! -name SHA256SUMS -printf '%P\n' | sort | xargs sha256sum >SHA256SUMS
  cd - >/dev/null
}

# Every file of a root: kind, mode, owner, link, contents. Left out: what a running system changes by itself, and the
# copies that passwd keeps of its own last version.
snapshot() {
  (cd "$1" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp -o -path ./var/log \
    -o -path ./var/lib/systemd -o -path './etc/passwd-' -o -path './etc/group-' -o -path './etc/shadow-' \
    -o -path './etc/gshadow-' -o -path './etc/.pwd.lock' \) -prune -o -printf '%y %m %U:%G %p %l\n' | sort \
    && find etc opt root home srv usr/local var/lib -xdev -type f ! -path 'var/lib/systemd/*' \
      ! -path 'etc/passwd-' ! -path 'etc/group-' ! -path 'etc/shadow-' ! -path 'etc/gshadow-' -print0 | sort -z | xargs -0 sha256sum)
}

inside() { nsenter --target "$leader" --all -- env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"; }

boot() {
  systemd-nspawn --quiet --directory="$root" --boot --private-network --register=no --keep-unit --console=pipe \
    --bind-ro="$stick:/mnt" >"$work/boot.log" 2>&1 &
  spawn=$!
  leader=''
  for _ in $(seq 120); do
    sleep 1
    leader=$(pgrep -P "$spawn" || :)
    case $([ -z "$leader" ] || inside systemctl is-system-running 2>/dev/null) in
      running | degraded) return 0 ;;
    esac
  done
  die "systemd did not come up; see $work/boot.log"
}

closed_records() {
  inside /opt/parvis/current/bin/python -c 'import sqlite3
print(sqlite3.connect("file:/var/lib/parvis/spool.db?mode=ro", uri=True).execute("SELECT closed FROM totals").fetchone()[0])'
}

main_pid() { inside systemctl show --property MainPID --value parvis-edge; }

try_amd64() {
  command -v systemd-nspawn >/dev/null || die "systemd-nspawn is missing. Try: apt-get install systemd-container"
  base=$work/base-$suite root=$work/root
  [ -d "$base/usr" ] || debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,python3 "$suite" "$base" >"$work/debootstrap.log"
  rm -rf "$root" && cp -a "$base" "$root"
  bad_stick
  told "boot, no network"
  boot
  trap 'kill -KILL "$leader" "$spawn" 2>/dev/null || :' EXIT
  inside sh -c 'cat /proc/net/dev | tail -n +3 | cut -d: -f1; . /etc/os-release; echo "$PRETTY_NAME, $(systemctl --version | head -n 1)"'
  snapshot "$root" >"$work/before"

  told "install"
  inside sh /mnt/parvis-box/install.sh --config /mnt/site.yaml --token /mnt/token
  inside systemctl show --property ActiveState,SubState,NotifyAccess,WatchdogUSec,Restart,User parvis-edge
  inside systemd-analyze security --no-pager parvis-edge | tail -n 1

  told "count: at least three closed records in the spool"
  for _ in $(seq 60); do
    sleep 5
    [ "$(closed_records)" -lt 6 ] || break
  done
  echo "$(closed_records) closed records"
  [ "$(closed_records)" -ge 3 ] || die "nothing was counted"
  inside journalctl --unit parvis-edge --no-pager --output cat --lines 12

  told "install again: nothing to do"
  first=$(main_pid)
  inside sh /mnt/parvis-box/install.sh
  [ "$(main_pid)" = "$first" ] || echo "(the recording ended meanwhile and the service began anew)"

  told "kill -9: it comes back"
  inside systemctl kill --kill-whom=main --signal=KILL parvis-edge
  for _ in $(seq 60); do
    sleep 1
    if [ "$(inside systemctl is-active parvis-edge)" = active ] && [ "$(main_pid)" != "$first" ]; then break; fi
  done
  inside systemctl is-active parvis-edge

  told "a release that never becomes ready gives way"
  old=$(inside readlink /opt/parvis/current)
  code=0
  inside sh /mnt/parvis-bad/install.sh || code=$?
  [ "$code" = 4 ] || die "the bad release was not refused (exit code $code)"
  [ "$(inside readlink /opt/parvis/current)" = "$old" ] || die "the box is not back on $old"
  inside systemctl is-active parvis-edge

  told "uninstall, and what is left of it"
  inside sh /opt/parvis/uninstall.sh --yes
  snapshot "$root" >"$work/after"
  diff "$work/before" "$work/after" || die "uninstall left something"
  echo "nothing: $(wc -l <"$work/after") lines of files, modes, owners and sums are as before"
  inside systemctl poweroff || :
  wait "$spawn" || :
  trap - EXIT
}

# The packages are unpacked here and their scripts are not run: under emulation that would take an hour, and all that the
# installer needs of them is there.
arm_base() {
  mkdir -p "$base.part"
  debootstrap --foreign --variant=minbase --arch=arm64 --include=python3 "$suite" "$base.part" >"$work/debootstrap.log"
  for package in "$base.part"/var/cache/apt/archives/*.deb; do dpkg-deb --extract "$package" "$base.part"; done
  rm -f "$base.part"/var/cache/apt/archives/*.deb
  mkdir -p "$base.part/mnt" "$base.part/opt" "$base.part/usr/local/bin"
  for name in passwd group; do cp "$base.part/usr/share/base-passwd/$name.master" "$base.part/etc/$name"; done
  cp "$(command -v qemu-aarch64-static)" "$base.part/usr/bin/"
  mv "$base.part" "$base"
}

try_arm64() {
  command -v qemu-aarch64-static >/dev/null || die "qemu is missing. Try: apt-get install qemu-user-static"
  base=$work/base-$suite-arm64 root=$work/root-arm64
  [ -d "$base/usr" ] || arm_base
  rm -rf "$root" && cp -a "$base" "$root"
  told "aarch64: install without a network, then ten frames"
  cat >"$stick/ten.py" <<'PY'
import itertools

import av

with av.open("/mnt/square.mp4") as source, av.open("/tmp/ten.mp4", "w") as out:
    (video,) = source.streams.video
    copy = out.add_stream_from_template(video)
    for packet in itertools.islice((p for p in source.demux(video) if p.size), 10):
        packet.stream = copy
        out.mux(packet)
PY
  # A user namespace of its own has its own list of emulators: this machine's is left alone.
  rm -f "$work/go" && mkfifo "$work/go"
  unshare --user sh -c 'read -r _ <"$1" && shift && exec unshare --mount --pid --fork --net --ipc --uts sh -eu -c "$@"' \
    sh "$work/go" '
    root=$1 stick=$2
    mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
    printf "%s" ":parvis-try:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:/usr/bin/qemu-aarch64-static:F" \
      >/proc/sys/fs/binfmt_misc/register
    mount --bind "$stick" "$root/mnt"
    mount -t proc proc "$root/proc" && mount -t sysfs sysfs "$root/sys"
    mount -t tmpfs tmpfs "$root/tmp"
    chroot "$root" /bin/sh -eu -c "
      uname -m
      as=\"setpriv --reuid=parvis --regid=parvis --init-groups --\"
      sh /mnt/parvis-box/install.sh --no-start --config /mnt/site.yaml --token /mnt/token
      ls -l /opt/parvis/ /etc/parvis
      \$as /opt/parvis/current/bin/python /mnt/ten.py
      \$as /usr/local/bin/parvis edge replay /tmp/ten.mp4 --config /etc/parvis/box.yaml --json
      sh /opt/parvis/uninstall.sh --yes"' sh "$root" "$stick" &
  child=$!
  while [ "$(readlink "/proc/$child/ns/user")" = "$(readlink /proc/self/ns/user)" ]; do sleep 0.1; done
  for kind in uid gid; do echo "0 0 65536" >"/proc/$child/${kind}_map"; done
  echo go >"$work/go"
  wait "$child" || die "it failed under emulation; see above"
}

parse "$@"
unpack
if [ "$arm" = yes ]; then try_arm64; else try_amd64; fi
told "done"
