"""The installed version."""

from __future__ import annotations

from importlib import metadata
from typing import Final


def _read() -> str:
    try:
        return metadata.version("parvis")
    except metadata.PackageNotFoundError:
        # Run from a copy of the source that was never installed.
        return "unknown"


VERSION: Final = _read()
