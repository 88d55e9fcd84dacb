"""Fixtures that several tests of the box share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.spool_world import DISKS, World


@pytest.fixture(params=DISKS)
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A spool's world on each kind of disk."""
    world = World(request.param, tmp_path, monkeypatch)
    yield world
    world.spool.close()
