"""What goes onto the stick: everything a box needs, nothing that no lock names."""

from __future__ import annotations

import importlib.metadata
import re
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.stick import HERE, ROOT, builder, make_stick, sh

BUILD = builder()
TARGETS = [
    BUILD.Target(arch, python) for arch in ("aarch64", "x86_64") for python in ("3.11", "3.12", "3.13")
]
EDGE = (ROOT / "requirements" / "edge.lock").read_text()
HASH = "--hash=sha256:" + "a" * 64


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.arch}-{target.python}")
def test_the_lock_covers_all_that_the_box_needs_on_each_target(target: Any) -> None:
    """Walks what each package asks for, by the markers of the target, not of this machine."""
    here = {name for lock in BUILD.LOCKS for name in BUILD.chosen(lock.read_text(), target)}
    assert BUILD.REPLACED not in here
    here.add(BUILD.REPLACED)  # its stand-in brings the same module, of the same version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    open_, seen = [*project["dependencies"], *project["optional-dependencies"]["edge"]], set()
    while open_:
        wanted = Requirement(open_.pop())
        extras = {"", *wanted.extras}
        name = canonicalize_name(wanted.name)
        if wanted.marker is not None and not any(
            wanted.marker.evaluate({**target.markers, "extra": extra}) for extra in extras
        ):
            continue
        assert name in here, f"{name} is in no lock for {target}"
        for extra in extras - {""}:
            open_ += [
                part
                for part in importlib.metadata.requires(name) or []
                if f"extra == '{extra}'" in part.replace('"', "'")
            ]
        # What another version asks for, as the server's lock may want one, says nothing of the one in this lock.
        if f"{name}=={importlib.metadata.version(name)} " not in EDGE and name in EDGE:
            continue
        if name not in seen and name != BUILD.REPLACED:
            seen.add(name)
            open_ += [part for part in importlib.metadata.requires(name) or [] if "extra ==" not in part]


def test_opencv_without_windows_is_of_the_version_of_the_lock_and_has_a_wheel_for_each_machine() -> None:
    text = (HERE / "headless.lock").read_text()
    version = re.search(r"opencv-python==(\S+)", EDGE)
    assert version is not None
    assert f"opencv-python-headless=={version[1]} " in text
    assert text.count("--hash=sha256:") >= 2


def test_markers_are_judged_for_the_target_not_for_this_python() -> None:
    lock = f"a==1 ; python_full_version < '3.12' {HASH}\na==2 ; python_full_version >= '3.12' {HASH}\n"
    lock += f"w==1 ; sys_platform == 'win32' {HASH}\n"
    assert BUILD.chosen(lock, BUILD.Target("aarch64", "3.11")) == {"a": f"a==1 {HASH}"}
    assert BUILD.chosen(lock, BUILD.Target("x86_64", "3.13")) == {"a": f"a==2 {HASH}"}


@pytest.mark.parametrize("line", ["a==1", f"a>=1 {HASH}", f"a {HASH}"])
def test_nothing_enters_without_version_and_hash(line: str) -> None:
    with pytest.raises(SystemExit, match="a: not pinned"):
        list(BUILD.locked(line + "\n"))


def test_every_lock_of_the_stick_is_pinned() -> None:
    for lock in BUILD.LOCKS:
        assert list(BUILD.locked(lock.read_text()))


def test_the_lowest_glibc_among_the_tags_of_a_wheel_counts() -> None:
    assert BUILD.glibc_of("n-1-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl") == 27
    assert BUILD.glibc_of("n-1-py3-none-any.whl") == 17
    assert BUILD.Target("aarch64", "3.11").platforms[0] == "manylinux_2_36_aarch64"


def test_the_archive_depends_on_its_files_alone_and_unpacks_into_one_folder(tmp_path: Path) -> None:
    stick = make_stick(tmp_path / "parvis-box", "9.0.0")
    for name in ("a", "b"):
        BUILD.pack(stick, tmp_path / f"{name}.tar.gz", 1_700_000_000)
        (stick / "install.sh").touch()
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        assert {name.split("/")[0] for name in tar.getnames()} == {"parvis-box"}
        assert {(entry.uid, entry.gid) for entry in tar} == {(0, 0)}
        tar.extractall(tmp_path / "out", filter="data")
    box = tmp_path / "out" / "parvis-box"
    sums = (box / "SHA256SUMS").read_text()
    files = {str(path.relative_to(box)) for path in box.rglob("*") if path.is_file()} - {"SHA256SUMS"}
    assert {line.split("  ", 1)[1] for line in sums.splitlines()} == files
    assert sh(box / "install.sh", "--help").returncode == 0
