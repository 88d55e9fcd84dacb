"""One command for installations that hold only a part: a box without a server, a server without OpenCV."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.front_door import parvis


def without(modules: list[str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command where these packages cannot be imported."""
    block = f"import sys; sys.modules.update(dict.fromkeys({modules!r})); sys.argv[1:] = {list(words)!r}"
    code = f"{block}; from parvis.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


BOX = ["cv2", "onnxruntime", "av", "supervision", "numpy"]
SERVER = ["fastapi", "uvicorn", "sqlite_utils", "jinja2", "starlette"]


@pytest.mark.parametrize("missing", [BOX, SERVER], ids=["server only", "box only"])
def test_help_answers_with_either_part(missing: list[str]) -> None:
    done = without(missing, "--help")
    assert done.returncode == 0, done.stderr


def test_a_box_needs_no_server_and_a_server_no_box() -> None:
    assert without(SERVER, "edge", "--help").returncode == 0
    assert without(BOX, "server", "--help").returncode == 0


@pytest.mark.parametrize(
    ("missing", "words", "part"),
    [
        (SERVER, ("server", "admin", "device", "list", "--data", "x"), "server"),
        (SERVER, ("demo", "--once"), "server"),
        (BOX, ("demo", "--once"), "edge"),
    ],
)
def test_a_missing_part_is_named(missing: list[str], words: tuple[str, ...], part: str) -> None:
    done = without(missing, *words)
    assert done.returncode == 1
    assert f"parvis[{part}]" in done.stderr
    assert "Traceback" not in done.stderr


def test_version_and_wrong_usage() -> None:
    assert parvis("--version").out.strip() == "0.1.0"
    assert parvis("edge", "replay").code == 2
    assert parvis("fly").code == 2
