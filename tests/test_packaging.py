"""What each installation gets: locked, hashed, and nothing it does not need."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TRAINING = {"torch", "torchvision", "ultralytics"}
DOCUMENTS = {"weasyprint", "segno"}
SERVER = {"fastapi", "uvicorn", "sqlite-utils", "jinja2"}
BOX = {"opencv-python", "opencv-python-headless", "onnxruntime", "supervision", "av"}


def locked(name: str) -> dict[str, str]:
    """Package to its block of the lock file."""
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    return {re.split(r"[=\[ ]", block.strip())[0]: block for block in blocks if "==" in block}


@pytest.mark.parametrize(
    ("lock", "has", "lacks"),
    [
        (
            "edge",
            BOX - {"opencv-python-headless"},
            TRAINING | SERVER | DOCUMENTS | {"opencv-python-headless"},
        ),
        ("server", SERVER | DOCUMENTS | {"holidays", "numpy", "tzdata"}, TRAINING | BOX),
        (
            "dev",
            (BOX | SERVER | DOCUMENTS | {"pytest"}) - {"opencv-python-headless"},
            TRAINING | {"opencv-python-headless"},
        ),
    ],
)
def test_locks_hold_what_each_part_needs_and_no_more(lock: str, has: set[str], lacks: set[str]) -> None:
    packages = locked(lock)
    assert has <= packages.keys()
    assert not lacks & packages.keys()


@pytest.mark.parametrize("lock", ["edge", "server", "dev"])
def test_every_package_is_pinned_and_hashed_and_no_host_is_named(lock: str) -> None:
    for name, block in locked(lock).items():
        assert "--hash=sha256:" in block, name
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    assert not re.search(r"https?://|file:|--index-url|--find-links", text)


def test_the_wheel_carries_what_runs_and_nothing_else(tmp_path: Path) -> None:
    copy = tmp_path / "source"  # building in place would leave folders behind
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\n")
    for name in filter(None, files):
        if (ROOT / name).is_file():
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(copy)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("parvis-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "edge/zones.yaml",
        "models/starter.onnx",
        "models/plates.onnx",
        "models/starter.sha256",
        "sample_videos/square.mp4",
        "sample_videos/street.truth.json",
        "sample_videos/car_park.yaml",
        "server/static/app.css",
        "server/templates/base.html",
        "contract/messages.py",
        "parvis/cli.py",
        "parvis/privacy/operator.yaml",
        "parvis/privacy/templates/box-page.html",
        "parvis/privacy/templates/page.css",
        "parvis/privacy/locales/fr.json",
    ):
        assert wanted in names, wanted
    assert not [name for name in names if name.startswith(("tests/", "bench/"))]
    locales = {p.name for p in (ROOT / "server" / "locales").glob("*")}
    assert {Path(name).name for name in names if name.startswith("server/locales/")} == locales
