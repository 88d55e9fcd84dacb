"""Everything a box needs, in one file for a USB stick: run it on a machine with a network, install without one.

    .venv/bin/python deploy/raspberry-pi/build_wheelhouse.py [--arch aarch64] [--python 3.13] [--out FOLDER]

Rules:
1. Nothing enters that the locks do not name by its SHA-256; they lie on the stick, and the box's pip checks once more.
   OpenCV comes without windows (`headless.lock`), in place of the wheel that needs X11, never beside it.
2. pip judges the markers of a lock by the Python it runs on, not by the one it downloads for (pypa/pip#11664). So
   they are judged here, target by target.
3. The same commit gives the same wheel of Parvis and the same archive: times come from the commit.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent.parent
LOCKS: Final = (
    ROOT / "requirements" / "edge.lock",
    ROOT / "requirements" / "faces.lock",
    HERE / "headless.lock",
    HERE / "pip.lock",
)
REPLACED: Final = "opencv-python"
CARRIED: Final = ("install.sh", "uninstall.sh", "parvis-edge.service", "README.md")
# Debian bookworm and its Raspberry Pi OS bring glibc 2.36; a wheel that wants more would not load there.
GLIBC: Final = 36


@dataclass(frozen=True)
class Target:
    """A machine and a Python that boxes run: bookworm brings 3.11, trixie 3.13."""

    arch: str
    python: str

    @property
    def tag(self) -> str:
        """As in the names of wheels: ``cp311``."""
        return "cp" + self.python.replace(".", "")

    @property
    def markers(self) -> dict[str, str]:
        """What a lock's markers are judged by."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": self.arch,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }

    @property
    def platforms(self) -> list[str]:
        """Every platform tag that runs there, the newest glibc first."""
        return [
            *(f"manylinux_2_{minor}_{self.arch}" for minor in range(GLIBC, 16, -1)),
            f"manylinux2014_{self.arch}",
        ]


def locked(text: str) -> list[tuple[Requirement, str]]:
    """Each requirement of a lock that a box gets, and its block of text, hashes included.

    Raises:
        SystemExit: a requirement without a version or without a hash.
    """
    return [(name, block) for name, block in _blocks(text) if name.name != REPLACED]


def _blocks(text: str) -> Iterator[tuple[Requirement, str]]:
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for block in re.split(r"\n(?=\S)", lines.strip()):
        requirement = Requirement(re.split(r"\s--hash|\s\\", block.strip())[0])
        if "--hash=sha256:" not in block or not str(requirement.specifier).startswith("=="):
            raise SystemExit(f"{requirement.name}: not pinned with a SHA-256. Make the lock anew: make lock")
        yield requirement, block.strip()


def chosen(text: str, target: Target) -> dict[str, str]:
    """The packages of a lock that ``target`` needs: name to requirement lines without markers."""
    found: dict[str, str] = {}
    for requirement, block in locked(text):
        if requirement.marker is None or requirement.marker.evaluate(target.markers):
            hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}", block)
            found[requirement.name] = f"{requirement.name}{requirement.specifier} {' '.join(hashes)}"
    return found


def download(target: Target, wheels: Path) -> None:
    """Fetch the target's wheels, each checked against its lock's hash (SystemExit: pip said no)."""
    wanted = [line for lock in LOCKS for line in chosen(lock.read_text(), target).values()]
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "wanted.txt"
        listed.write_text("\n".join(wanted) + "\n")
        command = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        command += ["--requirement", str(listed), "--dest", str(wheels), "--implementation", "cp"]
        command += ["--python-version", target.python]
        for abi in (target.tag, "abi3", "none"):
            command += ["--abi", abi]
        for platform in target.platforms:
            command += ["--platform", platform]
        pip(command, f"downloading for {target.arch}, Python {target.python}")


def own_wheel(wheels: Path, epoch: str) -> Path:
    """Parvis itself, the starter model inside, built from a copy of the tracked files."""
    names = git("ls-files", "--cached", "--others", "--exclude-standard").split("\n")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            if (ROOT / name).is_file():
                copy = Path(folder) / "parvis" / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, copy)
        command = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
        command += ["--wheel-dir", str(wheels), str(Path(folder) / "parvis")]
        pip(command, "building the wheel of Parvis", SOURCE_DATE_EPOCH=epoch)
    (wheel,) = wheels.glob("parvis-*.whl")
    return wheel


def assemble(folder: Path, targets: Iterable[Target], commit: str) -> str:
    """Write locks, manifest and sums around the wheels in ``folder``/wheels; the name of the release."""
    (own,) = (folder / "wheels").glob("parvis-*.whl")
    version = str(parse_wheel_filename(own.name)[1])
    locks = folder / "locks"
    locks.mkdir()
    for lock in LOCKS:
        (locks / lock.name).write_text("".join(f"{block}\n" for _, block in locked(lock.read_text())))
    (locks / "parvis.lock").write_text(f"parvis=={version} --hash=sha256:{sha256(own)}\n")
    for name in CARRIED:
        shutil.copyfile(HERE / name, folder / name)
    shutil.copytree(HERE / "pictures", folder / "pictures")
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    sums = {name: sha256(path) for name, path in files.items()}
    release = f"{version}-{hashlib.sha256(repr(sorted(sums.items())).encode()).hexdigest()[:8]}"
    manifest: dict[str, Any] = {
        "release": release,
        "version": version,
        "commit": commit,
        "targets": [f"{target.arch} {target.python}" for target in targets],
        "glibc": f"2.{max((glibc_of(name) for name in files), default=17)}",
        "files": {name: {"bytes": path.stat().st_size, "sha256": sums[name]} for name, path in files.items()},
    }
    (folder / "MANIFEST.json").write_text(json.dumps(manifest, indent=1) + "\n")
    sums["MANIFEST.json"] = sha256(folder / "MANIFEST.json")
    (folder / "SHA256SUMS").write_text("".join(f"{value}  {name}\n" for name, value in sorted(sums.items())))
    return release


def glibc_of(name: str) -> int:
    """The minor version of glibc that a wheel asks for: the lowest of its tags, as pip takes any of them."""
    minors = [int(minor) for minor in re.findall(r"manylinux_2_(\d+)_", name)]
    return min(minors, default=17)


def pack(folder: Path, archive: Path, epoch: int) -> None:
    """One tar.gz whose bytes depend on the files alone."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = epoch
        entry.mode = 0o755 if entry.isdir() or entry.name.endswith(".sh") else 0o644
        return entry

    part = archive.with_suffix(".part")
    with (
        part.open("wb") as raw,
        gzip.GzipFile("", "wb", 1, raw, epoch) as packed,  # wheels are packed already
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for path in [folder, *sorted(folder.rglob("*"))]:
            tar.add(path, path.relative_to(folder.parent), recursive=False, filter=plain)
    part.replace(archive)


def sha256(path: Path) -> str:
    """Of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git(*words: str) -> str:
    """What git says of this working tree."""
    return subprocess.run(
        ["git", *words], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


def pip(words: list[str], what: str, **environment: str) -> None:
    """Run this Python's pip (SystemExit with its own words when it fails)."""
    print(what, "…", file=sys.stderr)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(
        command, check=False, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    )
    if done.returncode:
        raise SystemExit(f"{what} failed:\n{done.stderr}")


def main() -> None:
    """Build the archive and print where it is and its SHA-256."""
    parser = argparse.ArgumentParser(
        description="Build the offline installer of a box, one file for a USB stick."
    )
    parser.add_argument("--arch", action="append", choices=["aarch64", "x86_64"], help="Default: both.")
    parser.add_argument(
        "--python", action="append", choices=["3.11", "3.12", "3.13"], help="Default: 3.11, 3.13."
    )
    parser.add_argument(
        "--out", type=Path, default=Path("dist"), help="Folder of the archive. Default: dist."
    )
    asked = parser.parse_args()
    arches = sorted(set(asked.arch or ["aarch64", "x86_64"]))
    targets = [
        Target(arch, python) for arch in arches for python in sorted(set(asked.python or ["3.11", "3.13"]))
    ]
    epoch = git("log", "-1", "--format=%ct")
    commit = git("describe", "--always", "--abbrev=40", "--dirty", "--exclude=*")
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=asked.out) as scratch:
        folder = Path(scratch) / "parvis-box"
        (folder / "wheels").mkdir(parents=True)
        own_wheel(folder / "wheels", epoch)
        for target in targets:
            download(target, folder / "wheels")
        release = assemble(folder, targets, commit)
        archive = asked.out / f"parvis-box-{release}.tar.gz"
        pack(folder, archive, int(epoch))
    print(f"{archive}  {archive.stat().st_size // 10**6} MB\nsha256 {sha256(archive)}")


if __name__ == "__main__":
    main()
