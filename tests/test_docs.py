"""What the documents say exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge import errors
from server.errors import ServerError
from tests.front_door import parvis

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    *ROOT.glob("*/README.md"),
    *(ROOT / "deploy").rglob("*.md"),
]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_exist(path: Path) -> None:
    text = path.read_text()
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        if not link.startswith("http"):
            assert (path.parent / link).exists(), link
    for name in re.findall(
        r"`((?:edge|server|tests|bench|docs|models|contract|sample_videos|deploy)/[\w./*-]+)`", text
    ):
        assert list(ROOT.glob(name.rstrip("/"))), name


def test_every_exit_code_is_documented() -> None:
    text = (ROOT / "docs" / "exit-codes.md").read_text()
    codes = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, Exception)
    }
    for code in codes | {ServerError.exit_code, 0, 2, 130}:
        assert f"\n| {code} |" in text


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("edge", "--help"),
        ("server", "--help"),
        ("demo", "--help"),
        ("privacy", "report", "--help"),
    ],
)
def test_help_answers(words: tuple[str, ...]) -> None:
    said = parvis(*words)
    assert said.code == 0
    assert "Usage" in said.out


def test_documented_options_exist() -> None:
    shown = parvis("edge", "replay", "--help").out + parvis("demo", "--help").out
    for option in (
        "--config",
        "--camera",
        "--out",
        "--model",
        "--start",
        "--preview",
        "--compare",
        "--json",
        "--once",
        "--port",
    ):
        assert option in shown
