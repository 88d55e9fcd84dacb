"""R12: a thousand reconnects leave nothing behind in the box: no memory, no open file, no thread."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("reconnects", "every", "growth_bytes"),
    [(25, 5, 5e6), pytest.param(1000, 50, 20e6, marks=pytest.mark.nightly)],
)
def test_r12_reconnects_leave_nothing_behind(
    tmp_path: Path, reconnects: int, every: int, growth_bytes: float
) -> None:
    command = [sys.executable, "-m", "tests.edge.reconnecting", tmp_path, str(reconnects), str(every)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    first, *rest = [json.loads(line) for line in done.stdout.splitlines()]
    assert rest[-1]["reconnects"] == reconnects
    assert min(rest[-1]["each"].values()) > 0.2 * reconnects  # both cameras came back, not one alone
    assert max(held["rss"] for held in rest) - first["rss"] <= growth_bytes
    # A start in progress holds some; a leak would hold one more of them each time.
    assert max(held["fds"] for held in rest) <= first["fds"] + 2
    assert max(held["threads"] for held in rest) <= first["threads"] + 1
