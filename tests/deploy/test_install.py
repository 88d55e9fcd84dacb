"""The installer of a box, run for real in a scratch folder: what it lays down, refuses, keeps and takes away."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.deploy.stick import HERE, make_stick, sh, tree

BOX = "device: box-1\n"


@pytest.fixture(scope="module")
def sticks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return [make_stick(tmp_path_factory.mktemp("stick") / "parvis-box", f"9.0.{n}") for n in range(3)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system without Parvis."""
    for folder in ("etc/systemd/system", "opt", "usr/local/bin", "var/lib"):
        (tmp_path / "root" / folder).mkdir(parents=True)
    return tmp_path / "root"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site.yaml").write_text(BOX)
    (tmp_path / "token").write_text("secret-1\n")
    return tmp_path


def release(root: Path) -> str:
    return (root / "opt/parvis/current").readlink().name


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_a_box_over_its_life(sticks: list[Path], root: Path, site: Path) -> None:
    """Install, the same again, two upgrades, back, and away: one story, since each chapter needs the one before."""
    before = tree(root)
    asked = ("--root", root, "--config", site / "site.yaml", "--token", site / "token")
    done = sh(sticks[0] / "install.sh", *asked)
    assert done.returncode == 0, done.stderr
    assert "secret-1" not in done.stdout + done.stderr
    first = release(root)
    assert first.startswith("9.0.0-")
    assert (root / "etc/parvis/box.yaml").read_text() == BOX
    assert (root / "etc/parvis/token").read_text() == "secret-1\n"
    assert mode(root / "etc/parvis/token") == 0o640
    assert mode(root / "etc/parvis/box.yaml") == 0o640
    assert mode(root / "etc/parvis") == 0o750
    assert mode(root / "var/lib/parvis") == 0o700
    assert (root / "usr/local/bin/parvis").readlink() == Path("/opt/parvis/current/bin/parvis")
    unit = root / "etc/systemd/system/parvis-edge.service"
    assert unit.read_bytes() == (HERE / "parvis-edge.service").read_bytes()
    assert not list((root / "opt/parvis/current/lib").glob("*/site-packages/pip*")), "no pip stays on the box"

    again = tree(root)
    assert sh(sticks[0] / "install.sh", *asked).returncode == 0
    assert tree(root) == again, "a second run changes nothing"

    (site / "site.yaml").write_text("device: another\n")
    (root / "etc/parvis/box.yaml").write_text("device: mine\n")
    done = sh(sticks[1] / "install.sh", *asked)
    assert done.returncode == 0, done.stderr
    assert "was not used" in done.stdout
    assert (root / "etc/parvis/box.yaml").read_text() == "device: mine\n"
    second = release(root)
    assert {path.name for path in (root / "opt/parvis/releases").iterdir()} == {first, second}

    assert sh(root / "opt/parvis/install.sh", "--root", root, "--rollback").returncode == 0
    assert release(root) == first
    assert sh(root / "opt/parvis/install.sh", "--root", root, "--rollback").returncode == 0
    assert release(root) == second

    assert sh(sticks[2] / "install.sh", "--root", root).returncode == 0
    assert {path.name for path in (root / "opt/parvis/releases").iterdir()} == {second, release(root)}

    refused = sh(root / "opt/parvis/uninstall.sh", "--root", root)
    assert refused.returncode == 2
    assert "--keep-data" in refused.stderr
    assert sh(root / "opt/parvis/uninstall.sh", "--root", root, "--yes").returncode == 0
    assert tree(root) == before, "uninstall leaves nothing"


def test_what_fails_is_taken_back_and_what_a_power_cut_left_is_built_anew(
    sticks: list[Path], root: Path, site: Path, tmp_path: Path
) -> None:
    before = tree(root)
    (site / "site.yaml").write_text("broken: true\n")
    done = sh(sticks[0] / "install.sh", "--root", root, "--config", site / "site.yaml")
    assert done.returncode == 3
    assert "configuration is wrong" in done.stderr
    assert tree(root) == before

    cut = root / "opt/parvis/releases" / json.loads((sticks[0] / "MANIFEST.json").read_text())["release"]
    (cut / "bin").mkdir(parents=True)
    (cut / "bin" / "parvis").write_text("half a file")
    done = sh(sticks[0] / "install.sh", "--root", root)
    assert done.returncode == 0, done.stderr
    assert "still the example" in done.stdout
    assert "half" not in (root / "opt/parvis/current/bin/parvis").read_text()

    kept = tree(root)
    bad = tmp_path / "bad"
    shutil.copytree(sticks[1], bad)
    (bad / "locks/edge.lock").write_text(f"tinyedge==1.0 --hash=sha256:{'0' * 64}\n")
    done = sh(bad / "install.sh", "--root", root)
    assert done.returncode == 1
    assert "damaged" in done.stderr
    (bad / "SHA256SUMS").write_text("")  # whoever forges the sums still meets pip, and the lock
    done = sh(bad / "install.sh", "--root", root)
    assert done.returncode == 1, done.stdout
    assert tree(root) == kept

    assert sh(root / "opt/parvis/uninstall.sh", "--root", root, "--keep-data").returncode == 0
    left = {name.split("/parvis")[0] for name in tree(root)} - {name.split("/parvis")[0] for name in before}
    assert not left
    assert (root / "etc/parvis/box.yaml").exists()
    assert not (root / "opt/parvis").exists()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--wat",), 2, "unknown option"),
        (("--token",), 2, "needs a value"),
        (("--token", "/nonexistent"), 2, "no such file"),
        (("--token", "EMPTY"), 2, "is empty"),
        (("--token", "TWO"), 2, "one word"),
        (("--config", "/nonexistent"), 2, "no such file"),
        (("--rollback",), 1, "not installed"),
    ],
)
def test_bad_words_are_refused_before_anything_is_touched(
    sticks: list[Path], root: Path, tmp_path: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    (tmp_path / "EMPTY").write_text("\n")
    (tmp_path / "TWO").write_text("a b\n")
    before = tree(root)
    there = [tmp_path / word if word in {"EMPTY", "TWO"} else word for word in words]
    done = sh(sticks[0] / "install.sh", "--root", root, *there)
    assert (done.returncode, says in done.stderr) == (code, True), done.stderr
    assert tree(root) == before


@pytest.mark.parametrize(
    ("tool", "answer", "says"),
    [
        ("uname", "echo armv7l", "64-bit"),
        ("uname", "echo riscv64", "64-bit"),
        ("getconf", 'if [ "$1" = LONG_BIT ]; then echo 32; else echo glibc 2.36; fi', "32-bit one cannot"),
        ("getconf", 'if [ "$1" = LONG_BIT ]; then echo 64; else echo glibc 2.9; fi', "C library is 2.9"),
        ("python3", "case $2 in *print*) echo 3.9 ;; *) exit 1 ;; esac", "Python 3.9 is too old"),
        ("sha256sum", "exit 1", "damaged or incomplete"),
    ],
)
def test_a_machine_that_cannot_run_it_is_told_so_before_anything_is_touched(
    sticks: list[Path], root: Path, tmp_path: Path, tool: str, answer: str, says: str
) -> None:
    fake = tmp_path / "fake"
    fake.mkdir()
    (fake / tool).write_text(f"#!/bin/sh\n{answer}\n")
    (fake / tool).chmod(0o755)
    before = tree(root)
    done = sh(sticks[0] / "install.sh", "--root", root, path=fake)
    assert done.returncode == 1
    assert says in done.stderr
    assert tree(root) == before


def test_a_stick_for_another_machine_says_what_it_holds(
    sticks: list[Path], root: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(sticks[0], other)
    manifest = json.loads((other / "MANIFEST.json").read_text())
    (other / "MANIFEST.json").write_text(json.dumps(manifest | {"targets": ["sparc 3.11", "aarch64 3.99"]}))
    done = sh(other / "install.sh", "--root", root)
    assert done.returncode == 1
    assert "sparc 3.11,aarch64 3.99" in done.stderr
    assert "build_wheelhouse.py --arch" in done.stderr
